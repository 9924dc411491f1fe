// Package emulator is a Microsoft 365 tenant in a box: the sign-in half of Entra ID and the profile half of Microsoft Graph v1.0,
// stateful and strict. It is a library for tests and the engine of `nameplate emulator`.
//
// It promises to answer as the service answers, errors included, to say where it does not (DIVERGENCES.md), to record every
// mutation it accepted in a ledger, and to do every deliberate fault it was asked for at a known point: before or after the
// change took effect. It is not an identity provider: anybody who reaches it can sign in as anybody.
//
//	t, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
//	srv, err := t.Start(ctx, emulator.Addresses{})       // ports of the system's choosing, loopback only
//	defer srv.Close()
//	fmt.Println(srv.Graph, srv.Authority, srv.CAFile)
package emulator

import (
	"errors"
	"fmt"
	"html/template"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Rules chooses between what Microsoft documents and what was observed where the two differ.
type Rules int

const (
	ObservedRules Rules = iota
	DocumentedRules
)

// rulesWords are the words of `nameplate emulator --rules` and of JSON.
var rulesWords = []string{ObservedRules: "observed", DocumentedRules: "documented"}

func (r Rules) String() string { return rulesWords[r] }

// MarshalText writes "observed" or "documented".
func (r Rules) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads "observed" or "documented".
func (r *Rules) UnmarshalText(text []byte) error {
	i := slices.Index(rulesWords, string(text))
	if i < 0 {
		return fmt.Errorf("rules are %s, not %q", strings.Join(rulesWords, " or "), text)
	}
	*r = Rules(i)
	return nil
}

// Options is everything an emulator is made from; the zero value is an empty tenant called "Contoso".
type Options struct {
	Organizations  []Organization   // the tenants; none: one empty tenant
	Seed           uint64           // all ids, keys' names and chaos come from it; 0 means 1, and with Chaos a random one, which Statistics tells
	Start          time.Time        // the emulator's first instant; zero means the wall clock's now
	Wall           func() time.Time // the wall clock; nil means time.Now
	Rules          Rules
	Chaos          float64 // share of requests to Graph that something goes wrong with; 0 is none (chaos.go)
	ShuffleBatches bool    // answers inside a batch come in any order, as the service may send them
	Throttle       Throttle
	Pages          PageSizes
	Latency        time.Duration                   // every HTTP request to Graph takes so much longer, a batch once; 0 is none
	Notify         bool                            // send change notifications to addresses of other machines as well; else to loopback only
	LedgerMax      int                             // entries kept in memory; 0 means 100,000
	Data           string                          // a folder to keep state in between runs; "" keeps nothing
	Wrap           func(http.Handler) http.Handler // put around Handler, to record or to check what is answered; nil is nothing
}

// Emulator holds one or several tenants. All methods are safe for concurrent use.
type Emulator struct {
	opts     Options
	clock    *Clock
	random   *random
	mu       sync.RWMutex // guards everything that tenants hold
	tenants  []*tenant
	keys     *keyring
	ledger   *ledger
	outbox   outbox
	limiter  *limiter
	sizes    atomic.Pointer[PageSizes]
	faults   *faultRules
	login    *loginState
	cache    tokenCache
	pages    *template.Template
	bodies   sync.Pool // *[]byte, of lists that were answered
	ca       certAuthority
	servers  serverSet
	stats    *statistics
	notifier *notifier
	saving   sync.Mutex   // one Save at a time
	due      atomic.Int64 // how many groups wait for their licenses to be passed on
	starts   uint64       // how often the kept state was taken up
	handler  http.Handler
	control  http.Handler
}

// New makes an emulator. It listens nowhere: Handler and Client work at once, Start opens ports.
func New(opts Options) (*Emulator, error) {
	if opts.Wall == nil {
		opts.Wall = time.Now
	}
	if opts.Seed == 0 {
		opts.Seed = 1
		if opts.Chaos > 0 {
			opts.Seed = rand.Uint64N(1 << 53) // #nosec G404 -- a number that JSON carries whole; nothing is secret about it
		}
	}
	opts.ShuffleBatches = opts.ShuffleBatches || opts.Chaos > 0
	if err := errors.Join(opts.Throttle.Valid(), opts.Pages.Valid()); err != nil {
		return nil, err
	}
	if len(opts.Organizations) == 0 {
		opts.Organizations = []Organization{{
			Name:    "Contoso",
			Country: "US",
			Domains: []Domain{{Name: "contoso.onmicrosoft.com", Verified: true}},
		}}
	}
	e := &Emulator{
		opts:    opts,
		clock:   newClock(opts.Wall, opts.Start),
		random:  newRandom(opts.Seed),
		ledger:  newLedger(opts.LedgerMax),
		limiter: &limiter{},
		faults:  newFaultRules(),
		stats:   newStatistics(),
		login:   newLoginState(),
		pages:   pages(),
	}
	e.limiter.use(opts.Throttle)
	e.sizes.Store(&opts.Pages)
	e.keys = newKeyring(e.Now)
	e.notifier = newNotifier(e)
	kept, err := e.load()
	if err != nil {
		return nil, err
	}
	if !kept {
		if e.tenants, err = e.newTenants(); err != nil {
			return nil, err
		}
	}
	e.licensesAgain()
	if e.handler = e.faulty(http.HandlerFunc(e.serve)); opts.Latency > 0 {
		e.handler = late(opts.Latency, e.handler)
	}
	if opts.Wrap != nil {
		e.handler = opts.Wrap(e.handler)
	}
	e.control = e.newControl()
	return e, nil
}

// late is a way of some length between the client and the service: requests to Graph arrive after d of wall time.
func late(d time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isGraph(r.URL.Path) && !pause(r.Context(), Duration(d)) {
			return // the client went away on the way
		}
		next.ServeHTTP(w, r)
	})
}

// newTenants makes the tenants that Options describes.
func (e *Emulator) newTenants() ([]*tenant, error) {
	out := make([]*tenant, 0, len(e.opts.Organizations))
	for _, org := range e.opts.Organizations {
		t, err := newTenant(e, org)
		if err != nil {
			return nil, fmt.Errorf("organization %q: %w", org.Name, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// Handler answers for both halves of the tenant: paths of Microsoft Graph (/v1.0, /beta, /oidc/userinfo, /metadata/endpoints)
// and, for everything else, Entra ID. Every address that it writes has the scheme, host and port that the client used.
func (e *Emulator) Handler() http.Handler { return e.handler }

// Control answers the emulator's own verbs (faults, clock, ledger, keys …); Start serves it on a listener of its own.
func (e *Emulator) Control() http.Handler { return e.control }

// Now is the emulator's time.
func (e *Emulator) Now() time.Time { return e.clock.Now() }

// Tenants are the tenants' ids, in the order of Options.Organizations.
func (e *Emulator) Tenants() []string {
	ids := make([]string, len(e.tenants))
	for i, t := range e.tenants {
		ids[i] = t.id
	}
	return ids
}
