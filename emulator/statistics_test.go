package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// An inner request of a batch is one whose context comes from the outer one.
func TestInnerRequests(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	id := s.e.Inject(Rule{Match: Match{Path: "^/v1.0/users/"}, At: After, Do: Do{Drop: true}})
	var lost, plain *innerWriter
	var inner http.Handler
	outer := s.e.faulty(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send := func(w http.ResponseWriter) {
			in := httptest.NewRequest("PATCH", "/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`)).WithContext(r.Context())
			inner.ServeHTTP(w, in)
		}
		lost, plain = &innerWriter{ResponseRecorder: httptest.NewRecorder()}, &innerWriter{ResponseRecorder: httptest.NewRecorder()}
		send(lost)
		send(plain.ResponseRecorder)
	}))
	inner = s.e.faulty(&shelf{e: s.e, objects: map[string]map[string]any{anna: {"id": anna}}})
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("POST", "/v1.0/$batch", nil))
	if w.Code != 200 {
		t.Errorf("F25: the batch is %d", w.Code)
	}
	if !lost.dropped || plain.Code != 504 {
		t.Errorf("F25: answer dropped %v, where it cannot be: %d", lost.dropped, plain.Code)
	}
	if l := s.e.Ledger(0); len(l) != 2 || l[0].Fault != id {
		t.Errorf("ledger %+v", l)
	}
	st := s.e.Statistics()
	if st.Requests != 1 || st.Inner != 2 || st.Writes != 2 || st.Faults != 2 {
		t.Errorf("statistics %+v", st)
	}
	log := s.e.Requests(0)
	if len(log) != 3 || log[0].Inner || log[0].Status != 200 || !log[1].Inner || log[1].Status != 0 || log[2].Status != 504 {
		t.Errorf("request log %+v", log)
	}
}

type innerWriter struct {
	*httptest.ResponseRecorder
	dropped bool
}

func (w *innerWriter) drop() { w.dropped = true }

func TestRequestLogAndClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	s := stand(t, Options{Wall: func() time.Time { return start }})
	s.e.Clock().Advance(3 * time.Hour)
	res, _ := s.ok("GET", "/v1.0/users/"+anna+"?$select=id", "")
	if got := res.Header.Get("Date"); got != "Sat, 21 Nov 2026 12:00:00 GMT" {
		t.Errorf("F30: Date is %q", got)
	}
	s.ok("GET", "/v1.0/nowhere", "")
	s.ok("GET", "/v1.0/nowhere", "")
	s.ok("GET", "/t/oauth2/v2.0/token?client_id=a&Client_Secret=hush&x=1", "")
	for _, r := range s.e.Requests(3) {
		if r.Query != "client_id=a&Client_Secret=…&x=1" {
			t.Errorf("A52: logs %q", r.Query)
		}
	}
	log := s.e.Requests(0)[:3]
	if len(log) != 3 || log[0].Seq != 1 || log[0].Query != "$select=id" || log[0].Status != 200 || log[0].ClientID != "c-1" || log[0].RequestID != res.Header.Get("request-id") {
		t.Fatalf("%+v", log)
	}
	if after := s.e.Requests(2); len(after) != 2 || after[0].Seq != 3 {
		t.Errorf("after 2: %+v", after)
	}
	if got := s.e.Statistics().Unknown["GET /v1.0/nowhere"]; got != 2 {
		t.Errorf("unknown routes: %d, want 2", got)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	l := newLedger(10)
	for range 100 {
		l.add(Entry{})
	}
	got := l.since(0)
	if len(got) < 10 || len(got) > 13 || got[len(got)-1].Seq != 100 || got[0].Seq != 101-int64(len(got)) {
		t.Errorf("%d entries, %d to %d", len(got), got[0].Seq, got[len(got)-1].Seq)
	}
	if got := l.since(97); len(got) != 3 || got[0].Seq != 98 {
		t.Errorf("after 97: %+v", got)
	}
	if got := l.since(100); len(got) != 0 {
		t.Errorf("after 100: %+v", got)
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (string, map[int]int, int) {
		s := stand(t, Options{Seed: seed, Chaos: 0.2})
		row, codes, waits := "", map[int]int{}, 0
		for range 1500 {
			r := httptest.NewRequest("PATCH", "/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`))
			w := httptest.NewRecorder()
			func() {
				defer func() {
					if recover() != nil { // the connection is broken in the middle
						w.Code = 0
					}
				}()
				s.e.faulty(&shelf{e: s.e, objects: map[string]map[string]any{anna: {"id": anna}}}).ServeHTTP(w, r)
			}()
			codes[w.Code]++
			if w.Code == 429 && w.Header().Get("Retry-After") != "" {
				waits++
			}
			row += fmt.Sprint(w.Code, " ")
		}
		if got := s.e.Statistics(); got.Writes != int64(codes[204]+codes[504]+codes[0]) {
			t.Errorf("%d writes with answers %v", got.Writes, codes)
		}
		return row, codes, waits
	}
	one, codes, waits := run(3)
	if codes[429] < 200 || codes[429] > 400 || waits < 90 || waits > codes[429]-90 || codes[503] < 25 || codes[504] < 25 || codes[0] < 5 {
		t.Errorf("answers %v, %d with Retry-After", codes, waits)
	}
	if again, _, _ := run(3); again != one {
		t.Error("the same seed gives another chaos")
	}
}

// What the ledger gives back is what was put in, whatever the identifiers look like.
func TestLedgerKeepsEntries(t *testing.T) {
	t.Parallel()
	l := newLedger(64)
	var want []Entry
	for i := range 200 {
		e := Entry{
			Time: time.Date(2026, 11, 21, 9, 0, i%60, i, time.UTC), Tenant: anna, App: "app", Op: "user.update", RequestID: fmt.Sprintf("%08x-1111-4111-8111-111111111111", i),
			ClientID: "Mixed-Case", Object: anna, Before: map[string]any{"city": nil, "jobTitle": "a\"b\u2028"}, After: map[string]any{"list": []any{"x", 1.5, true}, "o": map[string]any{"k": "v"}},
		}
		switch i % 3 {
		case 1:
			e.Actor, e.ClientID, e.Before = "11111111-1111-4111-8111-11111111111A", anna, nil
		case 2:
			e.Tenant, e.Time, e.Object, e.After = "", time.Time{}, "not-a-guid", map[string]any{}
		}
		e.Seq = l.add(e)
		want = append(want, e)
	}
	l.mark(190, want[195].RequestID, "fault-1")
	want[195].Fault = "fault-1"
	got := l.since(130)
	if !reflect.DeepEqual(got, want[130:]) {
		t.Errorf("%+v\nwant\n%+v", got[:3], want[130:133])
	}
	if one := l.of(100, want[150].RequestID); len(one) != 1 || one[0].Seq != 151 {
		t.Errorf("%+v", one)
	}
	kept := l.since(200 - 30)
	l.restore(500, kept)
	if again := l.since(0); len(again) != 30 || again[0].Seq != 471 || l.last() != 500 || again[25].Fault != "fault-1" {
		t.Errorf("%+v", again)
	}
}
