package app

import (
	"context"
	"sync"
	"time"

	"nameplate/internal/doctor"
	"nameplate/internal/portal"
)

// exam is what an organization's doctor found last.
type exam struct {
	run   sync.Mutex // one examination at a time
	mu    sync.Mutex
	found []doctor.Finding
	at    time.Time
}

const (
	examEvery = 15 * time.Minute // so often a running portal is examined, so that what begins has its time
	examAgain = 10 * time.Second // an examination is not repeated sooner, however many ask
	examTakes = 15 * time.Second // a page waits no longer
)

// examine lets the doctor look unless it has done so since.
func (a *App) examine(ctx context.Context, c *connected, since time.Time) {
	c.exam.run.Lock()
	defer c.exam.run.Unlock()
	c.exam.mu.Lock()
	at := c.exam.at
	c.exam.mu.Unlock()
	if at.After(since) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, examTakes)
	defer cancel()
	found := c.doctor.Run(ctx)
	c.exam.mu.Lock()
	defer c.exam.mu.Unlock()
	c.exam.found, c.exam.at = found, a.now()
}

// examined is what is known of an organization's health; it is looked at anew when that is old, or when somebody asks for it.
func (a *App) examined(ctx context.Context, c *connected, again bool) portal.Health {
	since := a.now().Add(-examEvery)
	if again {
		since = a.now().Add(-examAgain)
	}
	a.examine(ctx, c, since)
	h := portal.Health{}
	c.exam.mu.Lock()
	h.Findings, h.At = c.exam.found, c.exam.at
	c.exam.mu.Unlock()
	for _, s := range c.cfg.Shown(len(a.all) == 1) {
		h.Settings = append(h.Settings, portal.Setting{Key: s.Key, Value: s.Value})
	}
	c.counts.mu.Lock()
	defer c.counts.mu.Unlock()
	for class, n := range c.counts.calls {
		h.Requests += n
		if class == throttled {
			h.Throttled = n
		}
	}
	h.Busy = c.counts.busy
	return h
}
