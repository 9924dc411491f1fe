package emulator

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one line of the request log. Inner requests of a batch have their own line beside the batch's.
type Request struct {
	Seq       int64     `json:"seq"` // in the order of arrival, from 1
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Path      string    `json:"path"` // decoded
	Query     string    `json:"query,omitempty"`
	App       string    `json:"app,omitempty"`    // client id, as claimed
	Tenant    string    `json:"tenant,omitempty"` // as claimed
	Status    int       `json:"status"`           // 0: no answer (yet)
	RequestID string    `json:"requestId"`
	ClientID  string    `json:"clientRequestId,omitempty"`
	Fault     string    `json:"fault,omitempty"`    // id of the fault rule that met it, "chaos" for chaos
	Decision  string    `json:"decision,omitempty"` // what a rule, chaos or a quota did to it
	Seed      uint64    `json:"seed,omitempty"`     // what the decision was drawn from, where chance had a say
	Inner     bool      `json:"inner,omitempty"`    // one of a batch
}

// Statistics are counts since the start or the last Reset.
type Statistics struct {
	Seed     uint64            `json:"seed"`     // what ids and chaos come from: the same seed and requests give the same again
	Rules    Rules             `json:"rules"`    // "observed" or "documented"
	Requests int64             `json:"requests"` // HTTP requests to Graph
	Inner    int64             `json:"inner"`    // requests inside batches
	SignIn   int64             `json:"signIn"`   // HTTP requests to the sign-in half, tokens included
	Tokens   int64             `json:"tokens"`   // token requests that were granted
	Writes   int64             `json:"writes"`   // mutations accepted
	Faults   int64             `json:"faults"`   // requests that met a fault rule or chaos
	Early    int64             `json:"early"`    // requests to Graph that came before an announced Retry-After had passed (wall clock)
	Unknown  map[string]int64  `json:"unknown"`  // method and path of requests without a route; at most 1,000 different ones
	Apps     map[string]AppUse `json:"apps"`     // by client id
}

// AppUse is what one application asked of Graph, inner requests of batches included.
type AppUse struct {
	Units     int64 `json:"units"`     // resource units
	Writes    int64 `json:"writes"`    // requests that count against the write quotas, refused ones included
	Throttled int64 `json:"throttled"` // answers 429, of quotas, rules and chaos
	Early     int64 `json:"early"`     // requests before an announced Retry-After had passed (wall clock)
}

// requestsMax is how many lines of the request log are kept.
const requestsMax = 20_000

// statistics counts and remembers requests.
type statistics struct {
	requests, inner, signIn, tokens, faults, early atomic.Int64

	mu      sync.Mutex
	seq     int64
	log     []Request // consecutive; the last one has number seq
	unknown map[string]int64
	closed  map[string]time.Time // app and tenant -> until when it was told to stay away
	waiting atomic.Int64         // len(closed), to look without the lock
	apps    map[string]*AppUse

	callers callers
	dated   atomic.Pointer[dateText]
}

func newStatistics() *statistics { return &statistics{} }

// arrive writes the first half of a line of the log and returns its number.
func (s *statistics) arrive(r Request) int64 {
	switch {
	case r.Inner:
		s.inner.Add(1)
	case isGraph(r.Path):
		s.requests.Add(1)
	default:
		s.signIn.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	r.Seq = s.seq
	s.log = append(s.log, r)
	if len(s.log) > requestsMax+requestsMax/4 {
		s.log = append(make([]Request, 0, requestsMax+requestsMax/4+1), s.log[len(s.log)-requestsMax:]...)
	}
	return r.Seq
}

// harmless is a query for the log, without the values that somebody wrongly put there.
func harmless(query string) string {
	low := strings.ToLower(query)
	if !strings.Contains(low, "secret") && !strings.Contains(low, "assertion") && !strings.Contains(low, "password") && !strings.Contains(low, "token") {
		return query
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		name, _, _ := strings.Cut(p, "=")
		for _, word := range []string{"secret", "assertion", "password", "token"} {
			if strings.Contains(strings.ToLower(name), word) {
				parts[i] = name + "=…"
			}
		}
	}
	return strings.Join(parts, "&")
}

// leave writes the second half.
func (s *statistics) leave(x *exchange, r *http.Request, status int, request string) {
	if status == http.StatusOK && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/token") && !isGraph(r.URL.Path) {
		s.tokens.Add(1)
	}
	if x.fault != "" {
		s.faults.Add(1)
	}
	if status == http.StatusNotFound && !isGraph(r.URL.Path) {
		x.lost = true // Graph says 404 of people as well, and tells of itself (unknownRoute)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.lost {
		if s.unknown == nil {
			s.unknown = map[string]int64{}
		}
		if key := r.Method + " " + r.URL.Path; len(s.unknown) < 1000 || s.unknown[key] > 0 {
			s.unknown[key]++
		}
	}
	if i := x.seq - (s.seq - int64(len(s.log))) - 1; i >= 0 && i < int64(len(s.log)) {
		s.log[i].Status, s.log[i].Fault, s.log[i].RequestID, s.log[i].Decision, s.log[i].Seed = status, x.fault, request, x.did, x.seed
	}
}

// appsMax is how many applications are counted apart.
const appsMax = 1000

// app is the count of an application, to be changed with mu held.
func (s *statistics) app(id string) *AppUse {
	a := s.apps[id]
	if a == nil {
		if s.apps == nil {
			s.apps = map[string]*AppUse{}
		}
		if a = new(AppUse); len(s.apps) < appsMax {
			s.apps[id] = a
		}
	}
	return a
}

// use counts what a request costs.
func (s *statistics) use(app string, c cost) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.app(app)
	a.Units += int64(c.units)
	a.Writes += int64(c.writes)
}

// refused counts a 429 and notes until when a 429 or 503 tells the caller to wait.
func (s *statistics) refused(c caller, code int, until time.Time) {
	if code == http.StatusTooManyRequests {
		s.mu.Lock()
		s.app(c.app).Throttled++
		s.mu.Unlock()
	}
	if !until.IsZero() {
		s.stayAway(c, until)
	}
}

// stayAway notes that a caller was told to wait until then.
func (s *statistics) stayAway(c caller, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.closed = map[string]time.Time{}
	}
	key := c.app + "\x00" + c.tenant
	if until.After(s.closed[key]) {
		s.closed[key] = until
	}
	s.waiting.Store(int64(len(s.closed)))
}

// check counts a request that comes too early.
func (s *statistics) check(c caller, now time.Time) {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.app + "\x00" + c.tenant
	until, ok := s.closed[key]
	switch {
	case !ok:
	case now.Before(until):
		s.early.Add(1)
		s.app(c.app).Early++
	default:
		delete(s.closed, key)
		s.waiting.Store(int64(len(s.closed)))
	}
}

// dateText is the text of the Date header of one second.
type dateText struct {
	second int64
	text   string
}

// date is the Date header at an instant.
func (s *statistics) date(now time.Time) string {
	if d := s.dated.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &dateText{second: now.Unix(), text: now.Format(http.TimeFormat)}
	s.dated.Store(d)
	return d.text
}

func (s *statistics) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range []*atomic.Int64{&s.requests, &s.inner, &s.signIn, &s.tokens, &s.faults, &s.early, &s.waiting} {
		n.Store(0)
	}
	s.seq, s.log, s.unknown, s.closed, s.apps = 0, nil, nil, nil, nil
}

// Requests returns the lines of the request log with a number above after, in the order of arrival; the newest 20,000 at least.
// A line whose Status is 0 belongs to a request that is still open or whose connection was broken.
func (e *Emulator) Requests(after int64) []Request {
	s := e.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.seq - int64(len(s.log))
	return append([]Request(nil), s.log[max(0, min(int64(len(s.log)), after-first)):]...)
}

// Statistics returns the counts.
func (e *Emulator) Statistics() Statistics {
	s := e.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Statistics{
		Seed: e.opts.Seed, Rules: e.opts.Rules,
		Requests: s.requests.Load(), Inner: s.inner.Load(), SignIn: s.signIn.Load(), Tokens: s.tokens.Load(),
		Writes: e.ledger.last(), Faults: s.faults.Load(), Early: s.early.Load(), Unknown: map[string]int64{}, Apps: map[string]AppUse{},
	}
	for k, n := range s.unknown {
		out.Unknown[k] = n
	}
	for id, a := range s.apps {
		out.Apps[id] = *a
	}
	return out
}

// unknownRoute notes that nothing answers this request's method and path; whoever says 404 for that calls it.
func unknownRoute(r *http.Request) { exchangeOf(r.Context()).lost = true }

// status remembers what a handler answered on its way out.
type status struct {
	http.ResponseWriter
	code    int
	broken  bool      // the connection, so there is no answer
	refused func(int) // called before a 429 or 503 leaves
}

// done is for a handler that has returned without a word: the server answers 200 for it.
func (s *status) done() {
	if s.broken {
		s.code = 0
	} else if s.code == 0 {
		s.code = http.StatusOK
	}
}

func (s *status) WriteHeader(code int) {
	if s.code == 0 && code >= 200 {
		if s.code = code; code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			s.refused(code)
		}
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// dropper is what the writer of an inner request may be: told to forget the answer, as if the connection had broken.
type dropper interface{ drop() }
