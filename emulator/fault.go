package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Points at which a rule acts.
const (
	// Before: the request is met before it is handled. Where the rule gives an answer of its own, nothing was applied.
	Before = "before"
	// After: the request was handled and its effect stands; the caller hears something else.
	After = "after"
	// MidBody is After with the answer cut in the middle of its body.
	MidBody = "mid-body"
	// AtToken is Before for requests to the sign-in half (discovery, keys, authorize, token …); AtTokenAfter is After for them.
	AtToken      = "token"
	AtTokenAfter = "token-after"
	// AtNotify: a change notification is about to be sent. Match.Method is its changeType, Match.Path its resource ("users/<id>").
	AtNotify = "notify"
	// AtClock: before the request is handled, the emulator's time jumps by Do.Delay, back where that is negative.
	AtClock = "clock"
)

var points = []string{Before, After, MidBody, AtToken, AtTokenAfter, AtNotify, AtClock}

// Rule is one deliberate fault: which requests it meets, at which point, and what it does. The same struct is the body of
// POST /faults on the control listener. The rules are asked in the order in which they were injected and the first that is due
// acts; all that match count the request.
type Rule struct {
	ID    string `json:"id,omitempty"` // made when empty; in use already: replaced
	Match Match  `json:"match"`
	At    string `json:"at"` // "" is Before
	Do    Do     `json:"do"`
}

// Match says which requests a rule meets; everything that is set must hold. Without At token, Before and After meet requests to
// Graph only, unless Path is given and matches something else.
type Match struct {
	Method string    `json:"method,omitempty"`
	Path   string    `json:"pathRegex,omitempty"` // RE2 on the decoded path, inner requests of a batch included: `^/v1\.0/users/[^/]+$`
	App    string    `json:"app,omitempty"`       // client id, as the token claims it
	Tenant string    `json:"tenant,omitempty"`    // tenant id, as the token (or, when signing in, the path) claims it
	Nth    int       `json:"nth,omitempty"`       // only the nth request that matches the rest, from 1
	Since  int       `json:"since,omitempty"`     // the nth and all after it
	Every  int       `json:"every,omitempty"`     // every nth
	Times  int       `json:"times,omitempty"`     // at most so often
	Prob   float64   `json:"prob,omitempty"`      // with this probability
	Seed   uint64    `json:"seed,omitempty"`      // where Prob comes from; 0 is Options.Seed. The nth request that matches meets the same with the same seed and rule id
	From   time.Time `json:"from,omitzero"`       // by the emulator's clock
	Until  time.Time `json:"until,omitzero"`
}

// Do says what happens to the request that is met. Status, Body, Claims and Drop take the place of the answer; the rest is done
// to whatever the answer is.
type Do struct {
	Status     int               `json:"status,omitempty"`     // answer this status with the service's own error body
	Code       string            `json:"code,omitempty"`       // error code and message instead of the usual ones for the status
	Message    string            `json:"message,omitempty"`    //
	Headers    map[string]string `json:"headers,omitempty"`    // as spelt here, "retry-after" included; "" takes a header away
	RetryAfter string            `json:"retryAfter,omitempty"` // sent as it is ("7", "1.5", "-1", "soon"); "date:30s" becomes the HTTP date 30 s from now
	Claims     string            `json:"claims,omitempty"`     // JSON of a claims challenge: 401 with WWW-Authenticate, the claims in base64
	Body       string            `json:"body,omitempty"`       // instead of the service's error body
	Corrupt    string            `json:"corrupt,omitempty"`    // spoil the answer: one of Corruptions
	Delay      Duration          `json:"delay,omitempty"`      // wall time before handling; with After between the change and the answer
	Drop       bool              `json:"drop,omitempty"`       // reset the connection without an answer
	Truncate   int               `json:"truncateAt,omitempty"` // break the connection after so many bytes of the body; negative: so many before its end, at least the headers are sent
	Hangup     bool              `json:"hangup,omitempty"`     // close the connection after a whole answer that promised to keep it
	Drip       Duration          `json:"drip,omitempty"`       // wall time between the bytes of the answer's body
	Duplicate  bool              `json:"duplicate,omitempty"`  // handle the request twice, as a proxy that retries; the caller hears the second answer
	Stale      Duration          `json:"stale,omitempty"`      // of a write: reads of the object answer what was there before it, for so long by the emulator's clock
	Flap       bool              `json:"flap,omitempty"`       // with Stale: every second read sees the write
	Reorder    bool              `json:"reorder,omitempty"`    // the objects of a page, or the answers of a batch, in another order; at notify: later ones overtake it
	Page       string            `json:"page,omitempty"`       // of a listing: so many objects on the page, or one of Pages
	LinkHost   string            `json:"linkHost,omitempty"`   // next and delta links lead to this host ("evil.example", "http://evil.example:8080")
}

// Duration is a time.Duration that JSON writes as "1.5s" and also reads as a number of seconds.
type Duration time.Duration

// MarshalJSON writes "1.5s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "1.5s" or 1.5.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		seconds, err := strconv.ParseFloat(string(b), 64)
		if err != nil {
			return fmt.Errorf("a duration is %q or a number of seconds, not %s", "1.5s", b)
		}
		*d = Duration(seconds * float64(time.Second))
		return nil
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// Hit is one request that a rule met.
type Hit struct {
	Rule      string    `json:"rule"`
	Time      time.Time `json:"time"`
	At        string    `json:"at"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	App       string    `json:"app,omitempty"`
	RequestID string    `json:"requestId"`
	ClientID  string    `json:"clientRequestId,omitempty"`
	Inner     bool      `json:"inner,omitempty"`
}

const hitsMax = 10_000

// rule is a Rule that is ready to be asked, with its counts. Guarded by faultRules.mu.
type rule struct {
	Rule
	path *regexp.Regexp
	seen int
	hits int
	hook func() // of OnRequest
}

// faultRules holds rules, hooks, hits and stale views.
type faultRules struct {
	busy  atomic.Bool // anything to look at: rules, hooks or stale views
	mu    sync.Mutex
	made  int
	rules []*rule
	hooks []*rule
	write map[int]func(Entry)
	hits  []Hit
	views []*view
	asked map[uint64]int // how often chaos has met the same request
}

func newFaultRules() *faultRules { return &faultRules{write: map[int]func(Entry){}} }

// settle updates busy. Call with mu held.
func (f *faultRules) settle() {
	f.busy.Store(len(f.rules)+len(f.hooks)+len(f.write)+len(f.views) > 0)
}

// Inject adds a fault rule and returns its id. It panics on a rule that makes no sense, as regexp.MustCompile does.
func (e *Emulator) Inject(r Rule) string {
	id, err := e.inject(r)
	if err != nil {
		panic("emulator: " + err.Error())
	}
	return id
}

func (e *Emulator) inject(r Rule) (string, error) {
	compiled, err := r.ready()
	if err != nil {
		return "", err
	}
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	if compiled.ID == "" {
		f.made++
		compiled.ID = "fault-" + strconv.Itoa(f.made)
	}
	f.rules = append(slices.DeleteFunc(f.rules, func(o *rule) bool { return o.ID == compiled.ID }), compiled)
	f.settle()
	return compiled.ID, nil
}

// ready is the rule compiled, or why it makes no sense.
func (r Rule) ready() (*rule, error) {
	out, err := compile(r.Match)
	if err != nil {
		return nil, err
	}
	if r.At == "" {
		r.At = Before
	}
	out.Rule = r
	return out, r.sane()
}

func compile(m Match) (*rule, error) {
	out := &rule{Rule: Rule{Match: m}}
	if m.Path != "" {
		re, err := regexp.Compile(m.Path)
		if err != nil {
			return nil, fmt.Errorf("match.pathRegex: %w", err)
		}
		out.path = re
	}
	if m.Prob < 0 || m.Prob > 1 {
		return nil, fmt.Errorf("match.prob is %v, not between 0 and 1", m.Prob)
	}
	if m.Nth < 0 || m.Since < 0 || m.Every < 0 || m.Times < 0 {
		return nil, fmt.Errorf("match.nth, since, every and times count from 1")
	}
	return out, nil
}

func (r Rule) sane() error {
	if !slices.Contains(points, r.At) {
		return fmt.Errorf("at is %q, not one of %s", r.At, strings.Join(points, ", "))
	}
	d := r.Do
	if d.LinkHost != "" {
		if _, err := originOf(d.LinkHost, "https"); err != nil {
			return err
		}
	}
	if err := sanePage(d.Page); err != nil {
		return err
	}
	if d.Status != 0 && (d.Status < 200 || d.Status > 599) {
		return fmt.Errorf("do.status is %d, not between 200 and 599", d.Status)
	}
	if d.Corrupt != "" && !slices.Contains(Corruptions(), d.Corrupt) {
		return fmt.Errorf("do.corrupt is %q, not one of %s", d.Corrupt, strings.Join(Corruptions(), ", "))
	}
	if text, ok := strings.CutPrefix(d.RetryAfter, "date:"); ok {
		if _, err := time.ParseDuration(text); err != nil {
			return fmt.Errorf("do.retryAfter: %w", err)
		}
	}
	if d.Claims != "" && !json.Valid([]byte(d.Claims)) {
		return fmt.Errorf("do.claims is not JSON")
	}
	return nil
}

// ClearFaults takes away all fault rules, their hits, stale views and hooks.
func (e *Emulator) ClearFaults() {
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.hooks, f.hits, f.views = nil, nil, nil, nil
	clear(f.write)
	f.settle()
}

// ClearFault takes away one rule; its hits stay. It says whether there was one.
func (e *Emulator) ClearFault(id string) bool {
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.rules)
	f.rules = slices.DeleteFunc(f.rules, func(r *rule) bool { return r.ID == id })
	f.settle()
	return len(f.rules) < n
}

// Faults returns the rules that are in force, in the order in which they are asked.
func (e *Emulator) Faults() []Rule {
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Rule, 0, len(f.rules))
	for _, r := range f.rules {
		out = append(out, r.Rule)
	}
	return out
}

// FaultHits returns the requests that rules (and chaos) met, oldest first, the newest 10,000 at least.
func (e *Emulator) FaultHits() []Hit {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	return slices.Clone(e.faults.hits)
}

// OnRequest runs fn before each request that matches is looked at by fault rules or handled, in the request's own goroutine: a
// test can act between two requests of the program that it tests. fn may call the emulator. The result takes the hook away.
// It panics where Inject would.
func (e *Emulator) OnRequest(m Match, fn func()) (stop func()) {
	hook, err := compile(m)
	if err != nil {
		panic("emulator: " + err.Error())
	}
	hook.hook, hook.At = fn, Before
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks = append(f.hooks, hook)
	f.settle()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hooks = slices.DeleteFunc(f.hooks, func(o *rule) bool { return o == hook })
		f.settle()
	}
}

// OnWrite runs fn for each mutation that a request to Graph made, after it took effect, outside the emulator's lock and before the caller
// hears of it: a test can play the administrator who comes between a request and its read-back. fn may call the emulator; what
// it writes through HTTP is reported to it as well. The result takes the hook away.
func (e *Emulator) OnWrite(fn func(Entry)) (stop func()) {
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	key := f.made
	f.write[key] = fn
	f.settle()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.write, key)
		f.settle()
	}
}

// matches says whether a rule is meant for a request, its counts apart.
func (r *rule) matches(req *http.Request, c caller, now time.Time) bool {
	graph := isGraph(req.URL.Path)
	switch {
	case r.At == AtNotify:
		return false
	case r.At == AtToken || r.At == AtTokenAfter:
		if graph {
			return false
		}
	case !graph && r.path == nil:
		return false
	}
	return r.fits(req.Method, req.URL.Path, c, now)
}

// fits is what a rule asks of everything that it may meet.
func (r *rule) fits(method, path string, c caller, now time.Time) bool {
	m := &r.Match
	return (m.Method == "" || strings.EqualFold(m.Method, method)) &&
		(r.path == nil || r.path.MatchString(path)) &&
		(m.App == "" || strings.EqualFold(m.App, c.app)) &&
		(m.Tenant == "" || strings.EqualFold(m.Tenant, c.tenant)) &&
		(m.From.IsZero() || !now.Before(m.From)) &&
		(m.Until.IsZero() || now.Before(m.Until))
}

// due counts what matches and says whether the rule acts on it. Chance is drawn from the seed, the rule and the count, so that
// nothing else that happens has a say in it.
func (r *rule) due(seed uint64) bool {
	r.seen++
	m := &r.Match
	if m.Seed != 0 {
		seed = m.Seed
	}
	return (m.Nth == 0 || r.seen == m.Nth) &&
		(m.Since == 0 || r.seen >= m.Since) &&
		(m.Every == 0 || r.seen%m.Every == 0) &&
		(m.Times == 0 || r.hits < m.Times) &&
		(m.Prob == 0 || dice(seed, r.ID, r.seen).Float64() < m.Prob)
}

// meet finds the rule that acts on a request and notes the hit. nil: none does.
func (e *Emulator) meet(req *http.Request, x *exchange, c caller) *Rule {
	var got *Rule
	f := e.faults
	now := e.Now()
	if f.busy.Load() {
		f.mu.Lock()
		for _, r := range f.rules {
			if !r.matches(req, c, now) || !r.due(e.opts.Seed) || got != nil {
				continue
			}
			r.hits++
			copied := r.Rule
			if got = &copied; r.Match.Prob > 0 {
				if x.seed = r.Match.Seed; x.seed == 0 {
					x.seed = e.opts.Seed
				}
			}
			x.dice = dice(e.opts.Seed, r.ID, r.seen)
		}
		f.mu.Unlock()
	}
	if got == nil {
		got = e.chaos(req, x)
	}
	if got == nil {
		return nil
	}
	x.fault = got.ID
	x.decide(got.said())
	if n, err := strconv.Atoi(got.Do.Page); err == nil {
		x.size = n
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note(Hit{
		Rule: got.ID, Time: now, At: got.At, Method: req.Method, Path: req.URL.Path,
		App: c.app, RequestID: x.id, ClientID: x.client, Inner: x.inner,
	})
	return got
}

// said is what a rule does, for the request log.
func (r *Rule) said() string {
	b, _ := json.Marshal(r.Do) // texts and numbers
	return r.At + " " + string(b)
}

// note keeps a hit. Call with mu held.
func (f *faultRules) note(h Hit) {
	f.hits = append(f.hits, h)
	if len(f.hits) > hitsMax+hitsMax/4 {
		f.hits = slices.Clone(f.hits[len(f.hits)-hitsMax:])
	}
}

// due hooks of OnRequest.
func (f *faultRules) before(req *http.Request, c caller, now time.Time, seed uint64) []func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []func()
	for _, h := range f.hooks {
		if h.matches(req, c, now) && h.due(seed) {
			h.hits++
			out = append(out, h.hook)
		}
	}
	return out
}

// observers are the functions of OnWrite.
func (f *faultRules) observers() []func(Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]int, 0, len(f.write))
	for k := range f.write {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]func(Entry), 0, len(keys))
	for _, k := range keys {
		out = append(out, f.write[k])
	}
	return out
}
