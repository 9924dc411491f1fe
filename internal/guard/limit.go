package guard

import (
	"net/netip"
	"sync"
	"time"
)

// maxParties is how many parties a limiter remembers.
const maxParties = 20000

// Rate is how many acts one party may make at once, and how many more with each second.
type Rate struct {
	Burst     float64
	PerSecond float64
}

// Limiter allows each party so many acts; a budget that was spent comes back steadily. It only holds what is in memory: each process
// has its own. It is safe for concurrent use.
type Limiter struct {
	rate  Rate
	now   func() time.Time
	mu    sync.Mutex
	spent map[string]spending
}

type spending struct {
	acts float64
	at   time.Time
}

// NewLimiter makes a limiter that goes by a clock.
func NewLimiter(rate Rate, now func() time.Time) *Limiter {
	return &Limiter{rate: rate, now: now, spent: map[string]spending{}}
}

// Take spends one act of a party, and says how long to wait when there is none left. A party is a network address, of which its
// network counts (Network), or any other name.
func (l *Limiter) Take(party string) (wait time.Duration, ok bool) {
	now, key := l.now(), Network(party)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.left(key, now)
	if len(l.spent) >= maxParties {
		l.forget(now)
	}
	if s.acts+1 > l.rate.Burst {
		l.spent[key] = s
		return time.Duration((s.acts + 1 - l.rate.Burst) / l.rate.PerSecond * float64(time.Second)), false
	}
	s.acts++
	l.spent[key] = s
	return 0, true
}

// left is what a party has spent that has not come back by now. A clock that was put back gives nothing and takes nothing.
func (l *Limiter) left(key string, now time.Time) spending {
	s := l.spent[key]
	if past := now.Sub(s.at); past > 0 {
		s.acts = max(0, s.acts-past.Seconds()*l.rate.PerSecond)
	}
	s.at = now
	return s
}

// forget drops the parties that have their whole budget again. When an attacker has more addresses than we remember, everybody
// starts anew: a limit that forgets is better than one that shuts everybody out.
func (l *Limiter) forget(now time.Time) {
	for key := range l.spent {
		if l.left(key, now).acts == 0 {
			delete(l.spent, key)
		}
	}
	if len(l.spent) >= maxParties {
		clear(l.spent)
	}
}

// Network is what one attacker has for certain of an address, with or without a port: the IPv4 address, or the /64 that an IPv6
// customer owns whole. What is no address stays as it is.
func Network(from string) string {
	if ap, err := netip.ParseAddrPort(from); err == nil {
		from = ap.Addr().String()
	}
	ip, err := netip.ParseAddr(from)
	if err != nil {
		return from
	}
	ip = ip.Unmap()
	if ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64)
		return p.String()
	}
	return ip.String()
}
