// Package bench owns what `nameplate bench` measures: this program against an emulator of its own, on this machine.
//
// It promises: what is counted is counted by the emulator, never by the program that is measured; the published quotas are kept; a
// figure says what was measured, on what scale, and which goal it has. It holds no other client: those are test/bench.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/app"
)

// Figure is one measured number: the median of its runs, with the least and the most where there were several.
type Figure struct {
	ID      string   `json:"id"` // of the goal: P5, P6, P8
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Runs    int      `json:"runs"`
	Goal    string   `json:"goal,omitempty"`  // "≤ 1.02"; "" where there is none
	Latency float64  `json:"latency_ms"`      // of a request, in the service's clock
	Scale   float64  `json:"scale"`           // the service's clock runs so many times faster than the wall clock
	Chaos   float64  `json:"chaos,omitempty"` // share of requests that went wrong on purpose
	Met     *bool    `json:"met,omitempty"`   // the goal
}

// judge says whether the goal is met. A goal is ≤ or ≥ and a number.
func (f *Figure) judge() {
	sign, rest, _ := strings.Cut(f.Goal, " ")
	limit, err := strconv.ParseFloat(strings.ReplaceAll(rest, ",", ""), 64)
	if err != nil {
		return
	}
	met := f.Value <= limit
	if sign == "≥" {
		met = f.Value >= limit
	}
	f.Met = &met
}

// box is a portal and an emulator that were made for one run.
type box struct {
	*app.Demo
	people []emulator.User // all of them can be changed in the cloud
	client string          // id of the portal's application
	stats  emulator.Statistics
}

// organization has n people of the generated sample organization who are mastered in the cloud and hold no role.
func organization(n int) (emulator.Organization, []emulator.User) {
	org := sample.Large(n+n/2+20, 1)
	var people []emulator.User
	for u := range org.People {
		if u.Sync == "" && len(u.Roles) == 0 && u.Values["userType"] == "Member" && len(people) < n {
			u.Manager = "" // may be one of those who are left out
			people = append(people, u)
		}
	}
	org.People, org.Users = nil, people
	org.Apps[0].Assigned = nil
	return org, people
}

func open(ctx context.Context, people int, o app.DemoOptions) (*box, error) {
	org, list := organization(people)
	if len(list) < people {
		return nil, fmt.Errorf("only %d of %d people could be made", len(list), people)
	}
	o.Tenant = &org
	d, err := app.StartDemo(ctx, o)
	if err != nil {
		return nil, err
	}
	b := &box{Demo: d, people: list}
	b.client = d.ClientID
	b.mark()
	return b, nil
}

func (b *box) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	_ = b.Close(ctx) // nothing of it is kept
}

// counts are what the emulator counted since the last mark.
type counts struct{ requests, inner, writes, refused float64 }

func (b *box) mark() { b.stats = b.Emulator.Statistics() }

func (b *box) since() counts {
	was, now := b.stats, b.Emulator.Statistics()
	return counts{
		requests: float64(now.Requests - was.Requests), inner: float64(now.Inner - was.Inner), writes: float64(now.Writes - was.Writes),
		refused: float64(now.Apps[b.client].Throttled - was.Apps[b.client].Throttled),
	}
}

// ask is a request to the portal's API.
func (b *box) ask(ctx context.Context, method, path, kind string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, b.Portal+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.APIKey)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %.500s", method, path, resp.StatusCode, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// plan is what is looked at of a plan.
type plan struct {
	ID, Digest, State, Why string
	Rows                   struct{ All, Ready, Unchanged, Refused int }
	Began, Ended           time.Time
	Fates                  map[string]int
}

// upload makes a plan of a file.
func (b *box) upload(ctx context.Context, file []byte) (p plan, err error) {
	return p, b.ask(ctx, http.MethodPost, "/plans?name=people.csv", "text/csv", file, &p)
}

// apply applies a plan to its end. Meanwhile it tells how many rows are done.
func (b *box) apply(ctx context.Context, p plan, tell func(done int)) (plan, error) {
	typed, err := json.Marshal(map[string]any{"digest": p.Digest, "people": p.Rows.Ready})
	if err == nil {
		err = b.ask(ctx, http.MethodPost, "/plans/"+p.ID+"/apply", "application/json", typed, nil)
	}
	for id := p.ID; err == nil; {
		p = plan{}
		if err = b.ask(ctx, http.MethodGet, "/plans/"+id, "", nil, &p); err != nil {
			break
		}
		switch p.State {
		case "done":
			return p, nil
		case "paused":
			return p, errors.New("the plan has stopped: " + p.Why)
		}
		tell(p.Rows.Ready - p.Fates["open"])
		err = rest(ctx, 250*time.Millisecond)
	}
	return p, err
}

// rest lets time pass, or ends with the context.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tally collects what several runs say of one figure.
type tally struct {
	figures []Figure
	values  map[string][]float64
}

func (t *tally) add(f Figure) {
	if t.values == nil {
		t.values = map[string][]float64{}
	}
	if t.values[f.Name] == nil {
		t.figures = append(t.figures, f)
	}
	t.values[f.Name] = append(t.values[f.Name], f.Value)
}

// tell gives each figure once.
func (t *tally) tell(to func(Figure)) {
	for _, f := range t.figures {
		v := t.values[f.Name]
		slices.Sort(v)
		f.Value, f.Runs = v[len(v)/2], len(v)
		if len(v) > 1 {
			f.Min, f.Max = &v[0], &v[len(v)-1]
		}
		f.judge()
		to(f)
	}
}
