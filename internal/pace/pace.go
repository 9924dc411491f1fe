// Package pace owns how fast a directory is written to. Each tenant has a budget of writes, kept in the database and shared by all
// processes on it: what Microsoft publishes at first, and from then on what the service says it is.
//
// It promises: work on many people takes writes before it sends them, and leaves some of the budget to people who save; those never
// wait here, and what they use is counted; what the service tells of its quota is believed, downward at once and upward slowly.
// It knows neither HTTP nor SQL.
package pace

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Published is the write quota of an application in a tenant. https://learn.microsoft.com/graph/throttling-limits
const (
	Published = 3000.0
	Window    = 150 * time.Second
)

const (
	least   = Published / 20 // no believed quota is smaller
	spare   = 0.02           // share of the quota that is left to people who save
	portion = 20             // many wait for so many at once: a batch
	said    = 0.8            // from this share of a limit on the service tells it
)

// State is a budget: a bucket that runs empty at the rate of the quota.
type State struct {
	Used  float64   // writes
	Quota float64   // writes a Window, as far as it is known
	At    time.Time // when Used was so
}

// Store keeps the budgets of tenants.
type Store interface {
	// Pace reads a tenant's budget (the zero State where there is none), lets do change it and keeps it, in one transaction.
	Pace(ctx context.Context, tenant string, do func(*State)) error
}

// Config is what a Budget is made of. Scale says how much faster the windows run than published: 1, except where the directory is an
// emulator with a scaled clock; 0 is 1.
type Config struct {
	Store  Store
	Tenant string
	Now    func() time.Time
	Scale  float64
}

// Budget is the budget of one tenant. It is safe for concurrent use.
type Budget struct {
	Config
	mu      sync.Mutex
	owed    int // writes of people that the store does not know of yet
	heard   []Answer
	flushed time.Time
}

// New makes a Budget.
func New(c Config) *Budget {
	if c.Scale <= 0 {
		c.Scale = 1
	}
	return &Budget{Config: c}
}

// Answer is what the service's answer to a write says of its quotas.
type Answer struct {
	Throttled bool
	Share     float64 // of the limit that is used most; 0: not said
	Scope     string  // which limit refused it, as x-ms-throttle-scope has it
}

type lane struct{ sent atomic.Int64 }

type laneKey struct{}

// Lane marks requests of work on many people; sent is how many writes it has sent so far.
func Lane(ctx context.Context) (marked context.Context, sent func() int) {
	l := &lane{}
	return context.WithValue(ctx, laneKey{}, l), func() int { return int(l.sent.Load()) }
}

// Take takes writes for many people: most at the most. None are there yet: come again after wait.
func (b *Budget) Take(ctx context.Context, most int) (n int, wait time.Duration, err error) {
	err = b.change(ctx, func(s *State) {
		n, wait = 0, 0
		free := s.Quota*(1-spare) - s.Used
		need := min(float64(most), portion)
		if free < need {
			wait = time.Millisecond + time.Duration((need-free)/s.Quota*float64(Window)/b.Scale)
			return
		}
		n = min(most, int(free))
		s.Used += float64(n)
	})
	return n, wait, err
}

// Back gives back what was taken and not used; less than nothing was used beyond it.
func (b *Budget) Back(ctx context.Context, n int) error {
	return b.change(ctx, func(s *State) { s.Used = max(0, s.Used-float64(n)) })
}

// Heard is told each answer to a write.
func (b *Budget) Heard(ctx context.Context, a Answer) {
	l, many := ctx.Value(laneKey{}).(*lane)
	if many {
		l.sent.Add(1)
	}
	b.mu.Lock()
	if !many {
		b.owed++
	}
	if news := len(b.heard) == 0 || a.Share != b.heard[len(b.heard)-1].Share; news || a.Throttled {
		b.heard = append(b.heard, a)
	}
	due := b.owed > 0 && b.Now().Sub(b.flushed) > time.Second
	b.mu.Unlock()
	if due && !many {
		_ = b.change(context.WithoutCancel(ctx), func(*State) {}) // a kindness to other processes; what is owed stays owed here
	}
}

// change brings the budget up to date and changes it.
func (b *Budget) change(ctx context.Context, do func(*State)) error {
	b.mu.Lock()
	owed, heard := b.owed, b.heard
	b.owed, b.heard, b.flushed = 0, nil, b.Now()
	b.mu.Unlock()
	err := b.Store.Pace(ctx, b.Tenant, func(s *State) {
		s.pass(b.Now(), b.Scale)
		s.Used += float64(owed)
		for _, a := range heard {
			s.hear(a)
		}
		do(s)
	})
	if err != nil {
		b.mu.Lock()
		b.owed, b.heard = b.owed+owed, append(heard, b.heard...)
		b.mu.Unlock()
	}
	return err
}

// pass lets time pass.
func (s *State) pass(now time.Time, scale float64) {
	if s.Quota == 0 {
		s.Quota = Published
	}
	if d := now.Sub(s.At); d > 0 && !s.At.IsZero() {
		s.Used = max(0, s.Used-s.Quota*scale*d.Seconds()/Window.Seconds())
	}
	if now.After(s.At) {
		s.At = now
	}
}

// hear believes an answer: when the service counts more of its limit as used than we do, its quota is smaller than we thought, unless
// we have hardly written; then somebody else has. When it counts less, or says nothing though it would have to, the quota is larger.
func (s *State) hear(a Answer) {
	ours := s.Used / s.Quota
	switch {
	case a.Throttled && strings.Contains(a.Scope, "/Write/"):
		s.Used = max(s.Used, s.Quota)
		s.Quota *= 0.95
	case a.Throttled: // another limit, or no limit of ours at all: its Retry-After says enough
	case a.Share > ours && ours < said/2:
		s.Used = a.Share * s.Quota
	case a.Share > ours*1.005:
		s.Quota = s.Used / a.Share
	case a.Share > 0 && a.Share < ours*0.995:
		s.Quota += (s.Used/a.Share - s.Quota) / 4
	case a.Share == 0 && ours > said*1.05:
		s.Quota *= 1.01
	}
	s.Quota = min(max(s.Quota, least), Published)
}
