package emulator

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Throttle says how the quotas of the identity and access service are kept. The zero value keeps none. The same struct is the body
// of PUT /throttle on the control listener. Sources: https://learn.microsoft.com/en-us/graph/throttling-limits#identity-and-access-service-limits
// for limits and costs, https://learn.microsoft.com/en-us/graph/throttling for what a refused request hears.
type Throttle struct {
	On          bool    `json:"on"`
	Rate        float64 `json:"rate,omitempty"`        // share of the published quotas, 0.5 is half; 0 means 1
	Scale       float64 `json:"scale,omitempty"`       // the windows run so many times faster; 0 means 1. Retry-After stays in seconds of the wall clock
	CountFailed bool    `json:"countFailed,omitempty"` // a refused request uses up quota as well, as far as 1.8 times the limit
	Decimal     bool    `json:"decimal,omitempty"`     // Retry-After with its fraction ("2.128"); else whole seconds, rounded up
	Silent      float64 `json:"silent,omitempty"`      // share of the refusals without Retry-After, from 0 to 1
	Size        string  `json:"size,omitempty"`        // S, M or L for all tenants; "" goes by each tenant's number of users
	B2C         bool    `json:"b2c,omitempty"`         // the tenants are Azure AD B2C's, where creating a user costs 4 more
}

// Valid says what is wrong with the settings.
func (t Throttle) Valid() error {
	switch {
	case t.Rate < 0 || t.Scale < 0 || math.IsNaN(t.Rate+t.Scale) || math.IsInf(t.Rate+t.Scale, 0):
		return fmt.Errorf("rate and scale of the throttle are not negative")
	case !(t.Silent >= 0 && t.Silent <= 1):
		return fmt.Errorf("silent is %v, not between 0 and 1", t.Silent)
	case !slices.Contains([]string{"", "S", "M", "L"}, t.Size):
		return fmt.Errorf("size is %q, not S, M or L", t.Size)
	}
	return nil
}

// Quota is one limit at work: how much of it is used at this moment.
type Quota struct {
	Scope  string   `json:"scope"` // as x-ms-throttle-scope has it: Tenant_Application/Write/<app>/<tenant>
	Used   float64  `json:"used"`  // resource units, writes or requests
	Of     float64  `json:"of"`
	Window Duration `json:"window"` // of the wall clock; the whole quota comes back in so long
}

// limit is a row of the published table. App and tenant say whose requests share a bucket.
type limit struct {
	scope, kind, why string // words of x-ms-throttle-scope and x-ms-throttle-information
	app, tenant      bool
	quota            map[string]float64 // by the tenant's size, "" where that makes no difference
	per              time.Duration
	of               func(cost) int // what counts against it
}

func unitsOf(c cost) int  { return c.units }
func writesOf(c cost) int { return c.writes }

// limits: 70,000 and 18,000 writes, 150,000 units and the rest as published. The name of the last one's reason is assumed.
var limits = []limit{
	{"Tenant_Application", "ReadWrite", "ResourceUnitLimitExceeded", true, true, map[string]float64{"S": 3500, "M": 5000, "L": 8000}, 10 * time.Second, unitsOf},
	{"Tenant_Application", "Write", "WriteLimitExceeded", true, true, map[string]float64{"": 3000}, 150 * time.Second, writesOf},
	{"Application", "ReadWrite", "ResourceUnitLimitExceeded", true, false, map[string]float64{"": 150_000}, 20 * time.Second, unitsOf},
	{"Application", "Write", "WriteLimitExceeded", true, false, map[string]float64{"": 70_000}, 5 * time.Minute, writesOf},
	{"Tenant", "Write", "WriteLimitExceeded", false, true, map[string]float64{"": 18_000}, 5 * time.Minute, writesOf},
	{"Application", "ReadWrite", "RequestLimitExceeded", true, false, map[string]float64{"": 130_000}, 10 * time.Second, func(cost) int { return 1 }},
}

// epsilon forgives the rounding of what has drained.
const epsilon = 1e-6

// most is how far beyond a limit its use is counted: https://learn.microsoft.com/en-us/graph/throttling-limits#regular-responses-requests
const most = 1.8

// bucket is what is used of one limit. It runs empty at the rate of the quota.
type bucket struct {
	used, quota float64
	per         time.Duration
	at          time.Time
}

func (b *bucket) drain(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.used = max(0, b.used-b.quota*d.Seconds()/b.per.Seconds())
		b.at = now
	}
}

// who a bucket belongs to.
type bucketKey struct {
	limit       int
	app, tenant string
}

// limiter keeps the buckets. It knows no clock and no randomness of its own.
type limiter struct {
	mu      sync.Mutex
	set     Throttle
	buckets map[bucketKey]*bucket
}

// use begins anew with other settings: all quotas are full.
func (l *limiter) use(t Throttle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set, l.buckets = t, map[bucketKey]*bucket{}
}

func (l *limiter) settings() Throttle {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set
}

// verdict is what the limits say of a request.
type verdict struct {
	over *limit        // nil: it may pass
	wait time.Duration // of the wall clock, until it could pass
	used float64       // the highest share of a limit that is used now
}

// take charges a request to every limit that it counts against, or to none where one of them is reached.
func (l *limiter) take(now time.Time, app, tenant, size string, c cost) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v verdict
	var touched [8]*bucket
	for i := range limits {
		n := float64(limits[i].of(c))
		if n == 0 || !c.identity && i < len(limits)-1 {
			continue
		}
		b := l.bucket(i, app, tenant, size, now)
		touched[i] = b
		if missing := b.used + n - b.quota; missing > epsilon {
			if l.set.CountFailed {
				missing += n
			}
			if wait := time.Duration(missing / b.quota * float64(b.per)); v.over == nil || wait > v.wait {
				v.over, v.wait = &limits[i], wait
			}
		}
	}
	for i, b := range touched {
		if b == nil {
			continue
		}
		if v.over == nil || l.set.CountFailed {
			b.used = min(b.used+float64(limits[i].of(c)), most*b.quota)
		}
		v.used = max(v.used, b.used/b.quota)
	}
	return v
}

// bucket finds or makes the bucket of a limit. Call with mu held.
func (l *limiter) bucket(i int, app, tenant, size string, now time.Time) *bucket {
	row := &limits[i]
	key := bucketKey{limit: i}
	if row.app {
		key.app = app
	}
	if row.tenant {
		key.tenant = tenant
	}
	b := l.buckets[key]
	if b == nil {
		b = &bucket{at: now, per: row.per}
		l.buckets[key] = b
	}
	quota, sized := row.quota[""]
	if !sized {
		quota = row.quota[size]
	}
	if b.quota = quota; l.set.Rate > 0 {
		b.quota *= l.set.Rate
	}
	if l.set.Scale > 0 {
		b.per = time.Duration(float64(row.per) / l.set.Scale)
	}
	b.drain(now)
	return b
}

// quotas lists the buckets.
func (l *limiter) quotas(now time.Time) []Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Quota, 0, len(l.buckets))
	for key, b := range l.buckets {
		b.drain(now)
		out = append(out, Quota{limits[key.limit].named(key.app, key.tenant), b.used, b.quota, Duration(b.per)})
	}
	slices.SortFunc(out, func(a, b Quota) int { return strings.Compare(a.Scope, b.Scope) })
	return out
}

// named is the value of x-ms-throttle-scope.
func (l *limit) named(app, tenant string) string {
	return l.scope + "/" + l.kind + "/" + app + "/" + tenant
}

// size is a tenant's: https://learn.microsoft.com/en-us/graph/throttling-limits#pattern
func size(people int) string {
	switch {
	case people < 50:
		return "S"
	case people <= 500:
		return "M"
	}
	return "L"
}

// charge writes what the request costs, and refuses it when a quota is used up. Every request of a batch comes through here by
// itself; the batch around them does not count.
func (c *call) charge() error {
	if c.is(0, "$batch") {
		return nil
	}
	set := c.e.limiter.settings()
	price := c.cost(set)
	app := c.p.client
	h := c.w.Header()
	if price.identity {
		h["X-Ms-Resource-Unit"] = []string{strconv.Itoa(price.units)}
		c.e.stats.use(app, price)
	}
	if !set.On {
		return nil
	}
	of := set.Size
	if of == "" {
		c.e.mu.RLock()
		of = size(len(c.t.dir.users.list))
		c.e.mu.RUnlock()
	}
	v := c.e.limiter.take(c.e.clock.wall(), app, c.t.id, of, price)
	if v.used >= 0.8 {
		h["X-Ms-Throttle-Limit-Percentage"] = []string{strconv.FormatFloat(v.used, 'f', 2, 64)}
	}
	if v.over == nil {
		return nil
	}
	exchangeOf(c.r.Context()).decide("over " + v.over.named(app, c.t.id))
	g := failure(http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
	g.header = http.Header{
		"X-Ms-Throttle-Scope":       {v.over.named(app, c.t.id)},
		"X-Ms-Throttle-Information": {v.over.why},
	}
	if set.Silent == 0 || !c.e.random.chance(set.Silent) {
		g.header["Retry-After"] = []string{waitText(v.wait, set.Decimal)}
	}
	return g
}

// waitText is the value of Retry-After. The service has been seen to send decimals:
// https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/1759
func waitText(d time.Duration, decimal bool) string {
	if decimal {
		return strconv.FormatFloat(math.Ceil(d.Seconds()*1000)/1000, 'f', 3, 64)
	}
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// SetThrottle keeps the quotas as t says from now on; all of them begin unused.
func (e *Emulator) SetThrottle(t Throttle) error {
	if err := t.Valid(); err != nil {
		return err
	}
	e.limiter.use(t)
	return nil
}

// Throttle returns the settings, and the quotas that requests have used so far.
func (e *Emulator) Throttle() (Throttle, []Quota) {
	return e.limiter.settings(), e.limiter.quotas(e.clock.wall())
}

// throttleVerbs are the routes of the control listener for quotas.
func (e *Emulator) throttleVerbs() []verb {
	answer := func() any {
		set, quotas := e.Throttle()
		return struct {
			Throttle
			Quotas []Quota           `json:"quotas"`
			Apps   map[string]AppUse `json:"apps"`
		}{set, quotas, e.Statistics().Apps}
	}
	return []verb{
		{"GET /throttle", "the settings of the quotas, what is used of each, and what each application used and heard", func(*http.Request) (any, error) {
			return answer(), nil
		}},
		{"PUT /throttle", `keep the service's quotas: {"on":true,"rate":0.5,"scale":10,"countFailed":true,"decimal":true,"silent":0.1}; all begin unused`, func(r *http.Request) (any, error) {
			var t Throttle
			if err := read(r, &t); err != nil {
				return nil, err
			}
			if err := e.SetThrottle(t); err != nil {
				return nil, refused{http.StatusBadRequest, err.Error()}
			}
			return answer(), nil
		}},
	}
}
