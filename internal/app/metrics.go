package app

import (
	"context"
	"sync"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/web"
)

// counts are what this process has done since it began.
type counts struct {
	mu      sync.Mutex
	changes map[change.State]int
	calls   map[string]int // requests to Microsoft Graph by class of answer
	seconds float64
}

// states are the ends of a change, so that a monitor sees a zero and not a gap.
var states = []change.State{change.Applied, change.Unchanged, change.Partly, change.Refused, change.Conflicted, change.Failed, change.Unverified}

// answers are the classes of Graph's answers: what an operator acts on has a class of its own.
var answers = []string{"2xx", "3xx", "4xx", "429", "5xx", "none"}

func (c *counts) change(s change.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == nil {
		c.changes = map[change.State]int{}
	}
	c.changes[s]++
}

func (c *counts) graph(status int, took time.Duration) {
	class := "none"
	switch {
	case status == 429:
		class = "429"
	case status >= 200 && status < 600:
		class = string(rune('0'+status/100)) + "xx"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[class]++
	c.seconds += took.Seconds()
}

// remark is what a monitor reads beside "ok".
func (a *App) remark(ctx context.Context) string {
	if s, err := a.store.Stopped(ctx, a.tenant); err == nil && s != nil {
		return "all writing is stopped"
	}
	return ""
}

// samples are the product's figures for a monitor. What the database does not tell now is left out.
func (a *App) samples(ctx context.Context) (out []web.Sample) {
	gauge := func(name, help string, v float64) {
		out = append(out, web.Sample{Name: name, Help: help, Value: v})
	}
	if s, err := a.store.Stopped(ctx, a.tenant); err == nil {
		on := 0.0
		if s != nil {
			on = 1
		}
		gauge("nameplate_writing_stopped", "1 while all writing is stopped (nameplate stop).", on)
	}
	if n, oldest, err := a.store.OpenEntries(ctx); err == nil {
		age := 0.0
		if n > 0 {
			age = max(0, a.now().Sub(oldest).Seconds())
		}
		gauge("nameplate_unsettled_changes", "Changes that have begun and whose end is not known yet.", float64(n))
		gauge("nameplate_unsettled_oldest_age_seconds", "Age of the oldest of nameplate_unsettled_changes.", age)
	}
	if !a.proof.IsZero() {
		gauge("nameplate_credential_expiry_timestamp_seconds", "When the application's certificate ends, in seconds since 1970.", float64(a.proof.Unix()))
	}
	a.counts.mu.Lock()
	defer a.counts.mu.Unlock()
	for _, s := range states {
		out = append(out, web.Sample{Name: "nameplate_changes_total", Help: "Changes by what they came to.", Grows: true, Label: [2]string{"state", string(s)}, Value: float64(a.counts.changes[s])})
	}
	for _, c := range answers {
		out = append(out, web.Sample{Name: "nameplate_graph_requests_total", Help: "Requests to Microsoft Graph by class of answer; 429 is throttling.", Grows: true, Label: [2]string{"code", c}, Value: float64(a.counts.calls[c])})
	}
	return append(out, web.Sample{Name: "nameplate_graph_request_seconds_total", Help: "Time spent waiting for Microsoft Graph's answers.", Grows: true, Value: a.counts.seconds})
}
