package web

import (
	"net/netip"
	"sync"
	"time"
)

// limiter is a token bucket for each address. It holds at most maxBuckets of them: when there are more, full ones are dropped
// first, which forgets nothing.
type limiter struct {
	rate Rate
	now  func() time.Time
	mu   sync.Mutex
	of   map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

const maxBuckets = 20000

func newLimiter(rate Rate, now func() time.Time) *limiter {
	return &limiter{rate: rate, now: now, of: map[string]*bucket{}}
}

// take takes one token of the address, or says how long to wait for the next.
func (l *limiter) take(from string) (wait time.Duration, ok bool) {
	key := network(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.of[key]
	if b == nil {
		if len(l.of) >= maxBuckets {
			l.sweep(now)
		}
		b = &bucket{tokens: l.rate.Burst, at: now}
		l.of[key] = b
	}
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.tokens = min(l.rate.Burst, b.tokens+d*l.rate.PerSecond)
		b.at = now
	}
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / l.rate.PerSecond * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

func (l *limiter) sweep(now time.Time) {
	for key, b := range l.of {
		if b.tokens+now.Sub(b.at).Seconds()*l.rate.PerSecond >= l.rate.Burst {
			delete(l.of, key)
		}
	}
	// All of them are busy: somebody has very many addresses. Start again rather than grow.
	if len(l.of) >= maxBuckets {
		clear(l.of)
	}
}

// network is what one party is counted by: an IPv4 address, or the /64 that an IPv6 customer owns whole.
func network(from string) string {
	a, err := netip.ParseAddr(from)
	if err != nil || a.Is4() {
		return from
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return from
	}
	return p.String()
}
