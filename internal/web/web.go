// Package web owns what every page of Nameplate has in common, whatever it shows: one fixed public address, security headers on
// every answer, limits, sessions in requests, form tokens, languages, the template engine, hashed assets, and the one mapping
// from a failure to a status and a page.
//
// It promises that a route without a declared right cannot exist, that nothing a client sends in a header is believed unless it
// came through a listed proxy, that no text of another system and no cause of an error reaches a page, and that every answer,
// including a refusal and a panic, carries the same headers. It knows no directory and no form's meaning.
package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
	"nameplate/internal/lang"
)

// Session is a signed-in person, as far as a page needs it.
type Session struct {
	ID        string // names the session in changes and logs; not the secret in the cookie
	Ref       directory.Ref
	Name      string
	UPN       string
	Roles     []directory.Role
	Groups    []string // object ids of groups, lower case
	Guest     bool
	SignedIn  time.Time // when they last proved who they are; zero when nobody can tell
	Recovered string    // path of a form whose text was kept when an earlier session ended; "" for none
}

// Sessions finds the session that a browser's cookie names.
type Sessions interface {
	// Session is the live session with that secret; from is the client's address. fail.Denied or NotFound when there is none
	// (never was, or ended), Throttled when that address tries too often, Unavailable when it cannot be told now.
	Session(ctx context.Context, secret, from string) (Session, error)
}

// Options say how a Site works. Public, Key, Sessions, Catalog, Now and Random are required.
type Options struct {
	// Public is the one address under which people reach the portal; every link, redirect and cookie follows it.
	Public *url.URL
	// Proxies may name the client in X-Forwarded-For. Empty: nobody may.
	Proxies []netip.Prefix
	// Key (32 bytes or more) binds form tokens to sessions.
	Key      []byte
	Sessions Sessions
	// Cookies are the names of the session's cookie and of the one that binds a sign-in to its browser. Empty: names that fit the
	// public address.
	SessionCookie, AttemptCookie string
	Catalog                      *lang.Catalog
	// Voices are the catalogs of organizations with words of their own, by tenant id; all others speak Catalog.
	Voices map[string]*lang.Catalog
	// Language is spoken to people whose own is not known: "de"; "" is English.
	Language string
	// Zone is the time zone of dates on pages; nil is UTC.
	Zone *time.Location
	Log  *slog.Logger
	Now  func() time.Time
	// Random gives nonces and request ids; it must be fit for secrets.
	Random io.Reader
	// Ready says whether the process can serve people now; nil is always.
	Ready func(context.Context) error
	// Remark is what a monitor should read beside "ok": one line, "" for none; nil is none.
	Remark func(context.Context) string
	// Samples are the product's own figures, those of one name beside one another; nil is none.
	Samples func(context.Context) []Sample
	// Rate limits requests of one address: Burst at once, PerSecond lasting. Zero is 300 and 50.
	Rate guard.Rate
}

// Page renders a problem in the clothes of the site.
type Page func(w http.ResponseWriter, r *http.Request, v *Visit, p Problem) error

// Site is the whole browser surface. Add routes with Handle before it serves.
type Site struct {
	opt      Options
	host     string
	secure   bool
	mux      *http.ServeMux
	routes   []Route
	methods  map[string]map[string]Route // pattern → method → route
	assets   *Assets
	page     Page
	mounted  *Mounted // nil when there is none
	people   *guard.Limiter
	ready    readiness
	metrics  metrics
	origin   string
	printers map[string]map[string]*lang.Printer // by tenant ("" for nobody's) and language
	cross    *http.CrossOriginProtection
}

// New makes a Site without routes.
func New(opt Options) (*Site, error) {
	switch {
	case opt.Public == nil || opt.Public.Host == "" || (opt.Public.Scheme != "https" && opt.Public.Scheme != "http"):
		return nil, errors.New("web: Public must be an http or https address")
	case strings.Trim(opt.Public.Path, "/") != "" || opt.Public.User != nil || opt.Public.RawQuery != "":
		return nil, errors.New("web: Public must be an origin without path, user or query")
	case len(opt.Key) < 32:
		return nil, errors.New("web: Key must have at least 32 bytes")
	case opt.Sessions == nil || opt.Catalog == nil || opt.Now == nil || opt.Random == nil:
		return nil, errors.New("web: Sessions, Catalog, Now and Random are required")
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Rate == (guard.Rate{}) {
		opt.Rate = guard.Rate{Burst: 300, PerSecond: 50}
	}
	prefix := ""
	if opt.Public.Scheme == "https" {
		prefix = "__Host-"
	}
	if opt.SessionCookie == "" {
		opt.SessionCookie = prefix + "nameplate"
	}
	if opt.AttemptCookie == "" {
		opt.AttemptCookie = prefix + "nameplate-attempt"
	}
	s := &Site{
		opt:      opt,
		host:     canonicalHost(opt.Public.Scheme, opt.Public.Host),
		secure:   opt.Public.Scheme == "https",
		origin:   opt.Public.Scheme + "://" + canonicalHost(opt.Public.Scheme, opt.Public.Host),
		mux:      http.NewServeMux(),
		methods:  map[string]map[string]Route{},
		people:   guard.NewLimiter(opt.Rate, opt.Now),
		printers: map[string]map[string]*lang.Printer{},
		cross:    http.NewCrossOriginProtection(),
		page:     plainPage,
	}
	voice := func(tenant string, c *lang.Catalog) {
		s.printers[tenant] = map[string]*lang.Printer{}
		for _, l := range lang.All() {
			s.printers[tenant][l.Code] = c.Printer(l, opt.Zone)
		}
	}
	voice("", opt.Catalog)
	for tenant, c := range opt.Voices {
		voice(tenant, c)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if v := visitOf(r); s.SessionSecret(r) == "" || s.within(w, r, v, v.From) {
			s.fail(w, r, v, Refuse(http.StatusNotFound))
		}
	})
	return s, nil
}

// SetPage says how problems are shown.
func (s *Site) SetPage(p Page) { s.page = p }

// SetAssets serves files under their hashed addresses.
func (s *Site) SetAssets(a *Assets) { s.assets = a }

// Origin is the public address without a path: "https://profile.contoso.com".
func (s *Site) Origin() string { return s.origin }

// Printers are the voices of an organization, one for each language; the site's own for "".
func (s *Site) Printers(tenant string) map[string]*lang.Printer {
	if own, ok := s.printers[tenant]; ok {
		return own
	}
	return s.printers[""]
}

// canonicalHost is a host in lower case without the scheme's default port.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// patience is how long a person waits for a page. A directory that asks for a longer pause is told as busy at once.
const patience = 20 * time.Second

// ServeHTTP takes every request through the same gates: identity of the request, headers, recovery, address, limits, then its
// route.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := s.opt.Now()
	v := &Visit{
		ID:      s.id(),
		From:    clientAddress(r, s.opt.Proxies),
		site:    s,
		Printer: s.speak(r),
		Theme:   Theme(cookieValue(r, themeCookie)),
		gone:    r.Context(),
	}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), visitKey{}, v), patience)
	defer cancel()
	r = r.WithContext(ctx)
	out := &answer{ResponseWriter: w}
	s.headers(out.Header(), v)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.opt.Log.Error("panic", "request", v.ID, "what", p, "stack", stack())
			if !out.wrote {
				s.fail(out, r, v, fail.Wrap(fail.Internal, "web", errors.New("panic")))
			}
		}
		s.log(r, v, out, begun)
		s.metrics.note(out.status, s.opt.Now().Sub(begun))
	}()
	s.serve(out, r, v)
}

func (s *Site) serve(w http.ResponseWriter, r *http.Request, v *Visit) {
	switch r.URL.Path {
	case "/healthz", "/readyz":
		s.health(w, r)
		return
	}
	if canonicalHost(s.opt.Public.Scheme, r.Host) != s.host {
		s.fail(w, r, v, Refuse(http.StatusMisdirectedRequest))
		return
	}
	if doubtful(r) {
		w.Header().Set("Connection", "close")
		if !s.mounted.has(r) {
			if s.within(w, r, v, v.From) {
				s.fail(w, r, v, Refuse(http.StatusBadRequest))
			}
			return
		}
	}
	if s.mounted.has(r) {
		if err := s.mounted.Serve(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
		return
	}
	if q, err := url.QueryUnescape(r.URL.RawQuery); err != nil || !utf8.ValidString(q) || !utf8.ValidString(r.URL.Path) {
		s.fail(w, r, v, Refuse(http.StatusBadRequest)) // no text that a page or a directory could make anything of
		return
	}
	// ServeMux would answer an unclean path with a redirect; there is nothing at such an address, so it says so.
	if p := r.URL.Path; p == "" || p[0] != '/' || (p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/")) || strings.Contains(p, "\\") {
		s.fail(w, r, v, Refuse(http.StatusNotFound))
		return
	}
	if s.assets != nil && strings.HasPrefix(r.URL.Path, AssetPrefix) {
		if !s.assets.serve(w, r) {
			s.fail(w, r, v, Refuse(http.StatusNotFound))
		}
		return
	}
	if s.SessionSecret(r) == "" && !s.within(w, r, v, v.From) {
		return // who brings a session is counted by it, once it is known to be one (dispatch)
	}
	if unsafe(r.Method) {
		if o := r.Header.Get("Origin"); (o != "" && o != s.origin) || s.cross.Check(r) != nil {
			s.fail(w, r, v, &Refusal{Status: http.StatusForbidden, Say: sayForeign})
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// within takes one request from the budget of an address or of a session, and refuses it when there is none left. Colleagues behind
// one address do not use up each other's: signed-in people are counted by their session.
func (s *Site) within(w http.ResponseWriter, r *http.Request, v *Visit, who string) bool {
	wait, ok := s.people.Take(who)
	if !ok {
		s.fail(w, r, v, tooMany(wait))
	}
	return ok
}

// doubtful requests are those that a server before this one may have read as ending elsewhere (request smuggling, A45): no length is said, or
// one that looks has a body. Browsers send neither; programs may, but nothing that follows on that connection is taken for a request.
func doubtful(r *http.Request) bool {
	return r.ContentLength < 0 || r.ContentLength > 0 && !unsafe(r.Method)
}

func unsafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// Health answers /healthz, /readyz and /metrics only, for a listener of its own that nobody outside reaches.
func (s *Site) Health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w.Header(), &Visit{ID: s.id()})
		if r.URL.Path == "/metrics" && r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			_ = s.metrics.write(w, s.samples(r.Context())) // a monitor that went away asks again
			return
		}
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		s.health(w, r)
	})
}

// readiness remembers for a second whether the process is ready: anybody may ask, and not everybody's question may reach the database.
type readiness struct {
	mu  sync.Mutex
	at  time.Time
	say string
	err error
}

func (c *readiness) ask(ctx context.Context, o Options) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := o.Now()
	if c.at.IsZero() || now.Sub(c.at) >= time.Second || now.Before(c.at) {
		c.at, c.say = now, ""
		if c.err = o.Ready(ctx); c.err == nil && o.Remark != nil {
			c.say = o.Remark(ctx)
		}
	}
	return c.say, c.err
}

func (s *Site) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	say := ""
	if r.URL.Path == "/readyz" && s.opt.Ready != nil {
		var err error
		if say, err = s.ready.ask(r.Context(), s.opt); err != nil {
			s.opt.Log.Warn("not ready", "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "not ready\n")
			return
		}
	}
	io.WriteString(w, "ok\n")
	if say != "" {
		io.WriteString(w, say+"\n")
	}
}

// Server is an HTTP server with the limits that a site facing people needs (A45): nobody holds a connection by being slow, and
// headers end at 64 kB.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		// net/http adds 4,096 bytes to this figure.
		MaxHeaderBytes: 64<<10 - 4096,
	}
}
