package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/graph"
)

type sentItem struct {
	ID        string
	Method    string
	URL       string
	Headers   map[string]string
	Body      json.RawMessage
	DependsOn []string
}

// batches answers each $batch by the next function and remembers what was asked.
func batches(t *testing.T, answers ...func([]sentItem) string) (*bench, *[][]sentItem) {
	t.Helper()
	var seen [][]sentItem
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Requests []sentItem }
		if r.URL.Path != "/v1.0/$batch" || json.NewDecoder(r.Body).Decode(&b) != nil || len(seen) >= len(answers) {
			reply(w, 418, `{}`)
			return
		}
		seen = append(seen, b.Requests)
		reply(w, 200, answers[len(seen)-1](b.Requests))
	})
	return against(t, s.URL), &seen
}

func responses(parts ...string) func([]sentItem) string {
	return func([]sentItem) string { return `{"responses":[` + strings.Join(parts, ",") + `]}` }
}

func TestF25_EveryItemHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	var items []graph.Item
	for i := range 20 {
		items = append(items, graph.Item{Method: "PATCH", Path: fmt.Sprintf("/users/%d", i), Body: map[string]any{"city": "Ulm"}})
	}
	first := func(sent []sentItem) string {
		var out []string
		for i, s := range sent {
			switch i {
			case 3:
				out = append(out, fmt.Sprintf(`{"id":%q,"status":429,"headers":{"retry-after":"0.249"},"body":{"error":{"code":"TooManyRequests"}}}`, s.ID))
			case 4:
				out = append(out, fmt.Sprintf(`{"id":%q,"status":403,"body":{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}}`, s.ID))
			case 5: // left out
			case 6: // a number instead of a text, https://learn.microsoft.com/graph/json-batching shows texts
				out = append(out, fmt.Sprintf(`{"id":%s,"status":204}`, s.ID))
			case 7:
				out = append(out, fmt.Sprintf(`{"id":%q,"status":429,"headers":{"Retry-After":"3"},"body":{"error":{"code":"TooManyRequests"}}}`, s.ID))
			default:
				out = append(out, fmt.Sprintf(`{"id":%q,"status":204}`, s.ID))
			}
		}
		slices.Reverse(out)
		return `{"responses":[` + strings.Join(out, ",") + `]}`
	}
	b, seen := batches(t, first, func(sent []sentItem) string {
		return fmt.Sprintf(`{"responses":[{"id":%q,"status":204},{"id":%q,"status":204}]}`, sent[1].ID, sent[0].ID)
	})
	got, err := b.Batch(t.Context(), items)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range got {
		var e *graph.Error
		var f *graph.Fault
		switch i {
		case 4:
			if !errors.As(a.Err, &e) || e.Status != 403 || e.Code != "Authorization_RequestDenied" {
				t.Errorf("item 4: %v", a.Err)
			}
		case 5:
			if !errors.As(a.Err, &f) || !f.Sent || a.Status != 0 {
				t.Errorf("item 5 was left out and is %v", a.Err)
			}
		default:
			if a.Err != nil || a.Status != 204 {
				t.Errorf("item %d: %d %v", i, a.Status, a.Err)
			}
		}
	}
	if len(*seen) != 2 || len((*seen)[1]) != 2 || (*seen)[1][0].URL != "/users/3" || (*seen)[1][1].URL != "/users/7" {
		t.Fatalf("sent again: %+v", (*seen)[1:])
	}
	if string((*seen)[1][0].Body) != `{"city":"Ulm"}` || (*seen)[1][0].Headers["Content-Type"] != "application/json" {
		t.Errorf("the body was lost: %+v", (*seen)[1][0])
	}
	if w := b.waited(); w != 3*time.Second { // the largest
		t.Errorf("waited %v, want 3 s", w)
	}
}

func TestF25_DependentsOfAThrottledItemAreSentAgain(t *testing.T) {
	t.Parallel()
	b, seen := batches(t,
		responses(`{"id":"2","status":424,"body":{"error":{"code":"FailedDependency"}}}`, `{"id":"1","status":429,"headers":{"Retry-After":"1"}}`),
		responses(`{"id":"1","status":204}`, `{"id":"2","status":200,"headers":{"Content-Type":"application/json"},"body":{"city":"Ulm"}}`))
	got, err := b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}, {Method: "GET", Path: "/users/1", After: []int{0}}})
	if err != nil || got[0].Err != nil || got[1].Err != nil {
		t.Fatal(err, got)
	}
	if (*seen)[1][1].DependsOn[0] != "1" {
		t.Errorf("the second try lost the dependency: %+v", (*seen)[1])
	}
	// A refusal is final, and so is what depends on it.
	b, seen = batches(t, responses(`{"id":"1","status":403,"body":{"error":{"code":"x"}}}`, `{"id":"2","status":424}`))
	got, err = b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}, {Method: "GET", Path: "/users/1", After: []int{0}}})
	if err != nil || got[0].Err == nil || got[1].Err == nil || len(*seen) != 1 {
		t.Errorf("%v %v, %d requests", err, got, len(*seen))
	}
}

func TestF25_OnlyTheReadIsRepeatedAfterTheWriteWasTaken(t *testing.T) {
	t.Parallel()
	b, seen := batches(t,
		responses(`{"id":"1","status":204}`, `{"id":"2","status":503,"body":{"error":{"code":"x"}}}`),
		responses(`{"id":"2","status":200,"body":{"city":"Ulm"}}`))
	got, err := b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}, {Method: "GET", Path: "/users/1", After: []int{0}}})
	if err != nil || got[1].Err != nil {
		t.Fatal(err, got)
	}
	if r := (*seen)[1]; len(r) != 1 || r[0].Method != "GET" || len(r[0].DependsOn) != 0 {
		t.Errorf("sent again: %+v", r)
	}
}

func TestF25_AWriteThatFailedInsideIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 503, 504} {
		b, seen := batches(t, responses(fmt.Sprintf(`{"id":"1","status":%d,"body":{"error":{"code":"x"}}}`, status)))
		got, err := b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}})
		if err != nil || got[0].Err == nil || len(*seen) != 1 {
			t.Errorf("%d: %v %v, %d requests", status, err, got, len(*seen))
		}
	}
}

func TestF25_StrangeAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an id nobody asked": `{"responses":[{"id":"1","status":204},{"id":"9","status":204}]}`,
		"an id twice":        `{"responses":[{"id":"1","status":204},{"id":"1","status":500}]}`,
		"no responses":       `{}`,
	} {
		b, _ := batches(t, func([]sentItem) string { return body })
		got, err := b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}})
		if err == nil {
			err = got[0].Err
		}
		var f *graph.Fault
		if !errors.As(err, &f) || !f.Sent {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, _ := batches(t)
	if _, err := b.Batch(t.Context(), make([]graph.Item, 21)); err == nil {
		t.Error("21 items were sent")
	}
	if got, err := b.Batch(t.Context(), nil); err != nil || got != nil {
		t.Errorf("nothing: %v %v", got, err)
	}
}

// F25: a read that is left out is read again, a write is not; a few items that are throttled again and again do not make the others wait
// longer than they are asked to.
func TestF25_LeftOutAndThrottledAgain(t *testing.T) {
	t.Parallel()
	ok := func(s sentItem) string { return fmt.Sprintf(`{"id":%q,"status":200,"body":{"id":"x"}}`, s.ID) }
	busy := func(s sentItem) string {
		return fmt.Sprintf(`{"id":%q,"status":429,"body":{"error":{"code":"TooManyRequests"}}}`, s.ID)
	}
	only := func(how func(sentItem) string, which ...string) func([]sentItem) string {
		return func(sent []sentItem) string {
			var out []string
			for _, s := range sent {
				if slices.Contains(which, s.ID) {
					out = append(out, how(s))
				}
			}
			return `{"responses":[` + strings.Join(out, ",") + `]}`
		}
	}
	b, seen := batches(t, only(ok, "1"), only(busy, "3"), only(ok, "3"))
	items := []graph.Item{{Method: "GET", Path: "/users/1"}, {Method: "PATCH", Path: "/users/2", Body: map[string]any{}}, {Method: "GET", Path: "/users/3"}}
	got := b.Many(t.Context(), items)
	var fault *graph.Fault
	if got[0].Err != nil || !errors.As(got[1].Err, &fault) || !fault.Sent || got[2].Err != nil {
		t.Errorf("%v %v %v", got[0].Err, got[1].Err, got[2].Err)
	}
	if len(*seen) != 3 || len((*seen)[1]) != 1 || (*seen)[1][0].ID != "3" {
		t.Errorf("sent %v", *seen)
	}
	if d := b.waited(); d > 2*time.Second { // twice the first pause, by chance a quarter longer
		t.Errorf("waited %v", d)
	}
}
