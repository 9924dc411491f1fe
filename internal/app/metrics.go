package app

import (
	"context"
	"slices"
	"strconv"
	"strings"
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
	now     func() time.Time
	busy    time.Time // when Graph last asked to wait; zero for never
	seconds float64
}

// states are the ends of a change, so that a monitor sees a zero and not a gap.
var states = []change.State{change.Applied, change.Unchanged, change.Partly, change.Refused, change.Conflicted, change.Failed, change.Unverified}

// answers are the classes of Graph's answers: what an operator acts on has a class of its own.
var answers = []string{"2xx", "3xx", "4xx", throttled, "5xx", "none"}

// throttled is the class of answers with which Graph asks to wait.
const throttled = "429"

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
		class = throttled
	case status >= 200 && status < 600:
		class = string(rune('0'+status/100)) + "xx"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[class]++
	if class == throttled {
		c.busy = c.now()
	}
	c.seconds += took.Seconds()
}

// remark is what a monitor reads beside "ok".
func (a *App) remark(ctx context.Context) string {
	stopped := 0
	for _, c := range a.all {
		if s, err := a.store.Stopped(ctx, c.tenant); err == nil && s != nil {
			stopped++
		}
	}
	switch {
	case stopped == 0:
		return ""
	case stopped < len(a.all):
		return "all writing is stopped in " + strconv.Itoa(stopped) + " of " + strconv.Itoa(len(a.all)) + " organizations"
	}
	return "all writing is stopped"
}

// samples are the product's figures for a monitor. What the database does not tell now is left out.
func (a *App) samples(ctx context.Context) (out []web.Sample) {
	if n, oldest, err := a.store.OpenEntries(ctx); err == nil {
		age := 0.0
		if n > 0 {
			age = max(0, a.now().Sub(oldest).Seconds())
		}
		out = append(out, web.Sample{Name: "nameplate_unsettled_changes", Help: "Changes that have begun and whose end is not known yet.", Value: float64(n)},
			web.Sample{Name: "nameplate_unsettled_oldest_age_seconds", Help: "Age of the oldest of nameplate_unsettled_changes.", Value: age})
	}
	for _, c := range a.all {
		if s, err := a.store.Stopped(ctx, c.tenant); err == nil {
			on := 0.0
			if s != nil {
				on = 1
			}
			out = append(out, web.Sample{Name: "nameplate_writing_stopped", Help: "1 while all writing is stopped (nameplate stop).", Labels: c.labels(), Value: on})
		}
		if ends := c.dir.proof.ends(); !ends.IsZero() {
			out = append(out, web.Sample{Name: "nameplate_credential_expiry_timestamp_seconds", Help: "When the application's certificate ends, in seconds since 1970.", Labels: c.labels(), Value: float64(ends.Unix())})
		}
		out = append(out, c.counts.samples(c.labels)...)
	}
	slices.SortStableFunc(out, func(a, b web.Sample) int { return strings.Compare(a.Name, b.Name) }) // those of one name stand together
	return out
}

// labels are those of a figure of one organization, with more behind them.
func (c *connected) labels(more ...[2]string) [][2]string {
	return append([][2]string{{"tenant", c.tenant}}, more...)
}

func (c *counts) samples(labels func(...[2]string) [][2]string) (out []web.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range states {
		out = append(out, web.Sample{Name: "nameplate_changes_total", Help: "Changes by what they came to.", Grows: true, Labels: labels([2]string{"state", string(s)}), Value: float64(c.changes[s])})
	}
	for _, x := range answers {
		out = append(out, web.Sample{Name: "nameplate_graph_requests_total", Help: "Requests to Microsoft Graph by class of answer; 429 is throttling.", Grows: true, Labels: labels([2]string{"code", x}), Value: float64(c.calls[x])})
	}
	return append(out, web.Sample{Name: "nameplate_graph_request_seconds_total", Help: "Time spent waiting for Microsoft Graph's answers.", Grows: true, Labels: labels(), Value: c.seconds})
}
