package access

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses is how many network addresses a limiter remembers.
const maxAddresses = 20000

// limiter allows so many acts of one network address in a time; a budget that was spent comes back steadily. It only holds what is
// in memory: each process has its own.
type limiter struct {
	now   func() time.Time
	max   float64
	per   time.Duration
	mu    sync.Mutex
	spent map[string]spending
}

type spending struct {
	acts float64
	at   time.Time
}

func newLimiter(now func() time.Time, acts int, per time.Duration) *limiter {
	return &limiter{now: now, max: float64(acts), per: per, spent: map[string]spending{}}
}

// take spends one act and says how long to wait when there is none left.
func (l *limiter) take(from string) (wait time.Duration, ok bool) {
	now, key := l.now(), network(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.left(key, now)
	if len(l.spent) >= maxAddresses {
		l.forget(now)
	}
	if s.acts+1 > l.max {
		l.spent[key] = s
		return time.Duration((s.acts+1-l.max)/l.max*float64(l.per)).Truncate(time.Second) + time.Second, false
	}
	s.acts++
	l.spent[key] = s
	return 0, true
}

// left is what an address has spent that has not come back by now. A clock that was put back gives nothing and takes nothing.
func (l *limiter) left(key string, now time.Time) spending {
	s := l.spent[key]
	if past := now.Sub(s.at); past > 0 {
		s.acts = max(0, s.acts-past.Seconds()/l.per.Seconds()*l.max)
	}
	s.at = now
	return s
}

// forget drops the addresses that have their whole budget again. When an attacker has more addresses than we remember, everybody
// starts anew: a limit that forgets is better than one that shuts everybody out.
func (l *limiter) forget(now time.Time) {
	for key := range l.spent {
		if l.left(key, now).acts == 0 {
			delete(l.spent, key)
		}
	}
	if len(l.spent) >= maxAddresses {
		clear(l.spent)
	}
}

// network is what one attacker has for certain: an IPv4 address or an IPv6 /64.
func network(from string) string {
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
