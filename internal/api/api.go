// Package api owns /api/v1: the product as programs use it. Each resource is a reading of package admin, so a key sees and does what
// its role and its scopes allow and nothing else.
//
// It promises: a route without a declared scope cannot exist; nothing but a bearer secret in the header, a key's or that of a person's
// command line, signs a request in, no cookie
// means anything, no answer allows another site's scripts and none redirects; bodies are strict JSON and what is wrong in one is named
// by a pointer; every failure is an application/problem+json with the reference of its request; what is written is written once for
// one Idempotency-Key; openapi.json describes exactly the routes there are. It knows no SQL and no page.
package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/bulk"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
	"nameplate/internal/mirror"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// Prefix is where the API lives on the public address.
const Prefix = "/api/v1"

// Keys are the API keys there are; *access.Keys is one.
type Keys interface {
	Find(ctx context.Context, secret, from string) (access.Key, error)
	Make(ctx context.Context, by directory.Actor, want access.Key, why string) (access.Key, string, error)
	List(ctx context.Context, by directory.Actor, tenant string) ([]access.Key, error)
	Revoke(ctx context.Context, by directory.Actor, tenant, id, why string) error
}

// Programs are the command lines that are signed in as somebody; *access.Service is one.
type Programs interface {
	Program(ctx context.Context, secret, from string) (access.Session, error)
	EndProgram(ctx context.Context, ref directory.Ref, id string) error
}

// Answers remembers what requests with an Idempotency-Key were answered.
type Answers interface {
	// Claim begins a request. Status 0: do it, then call Answer. Another status: it was answered with that and body. Conflict, Code
	// "busy": it is under way. Invalid, Code "key_reused": the key was used for another request.
	Claim(ctx context.Context, tenant, actor, key, digest string, now time.Time) (status int, body string, err error)
	// Answer ends a claimed request; status 0 forgets it.
	Answer(ctx context.Context, tenant, actor, key string, status int, body string) error
}

// Config is what an API is made of; all of it is needed.
type Config struct {
	Houses   map[string]House // by tenant id: a key's tenant chooses, and of the others it sees nothing
	Keys     Keys
	Programs Programs
	Answers  Answers
	Sign     interface { // makes cursors that only we can have made; *web.Site is one
		Sign(text string) string
		Signed(signed string) (string, bool)
	}
	Now    func() time.Time
	Random io.Reader // a source fit for secrets
	// Rate limits requests of one key: zero is 100 at once and 20 a second lasting.
	Rate guard.Rate
}

// House is what of an API belongs to one organization.
type House struct {
	Desk   *admin.Desk
	Bulk   *bulk.Bulk
	Mirror *mirror.Mirror
	Policy *policy.Policy
}

// API answers requests below Prefix.
type API struct {
	Config
	mux     *http.ServeMux
	routes  []Route
	byKey   *guard.Limiter
	nobody  *guard.Limiter // requests without a key that opens anything, by network
	openapi func() []byte  // made when it is first asked for
	easel   chan struct{}  // one picture is prepared at a time
	tally   *tally
}

// Route is one method at one address below Prefix.
type Route struct {
	Method string // GET also answers HEAD
	Path   string // in the pattern language of http.ServeMux, below Prefix: "/people/{id}"
	Says   string // what it does, for openapi.json
	Scope  directory.Scope
	Roles  []directory.Role // who may, by the role of the key; the desk and the policy decide on the rest
	Open   bool             // answers anybody; then there is neither scope nor role
	Any    bool             // answers whoever is signed in, with any scope and role
	Fresh  bool             // asks a person for a sign-in of a moment ago
	Query  []Param
	Body   any   // an example of what is taken, its type describes it; nil takes no body
	Bytes  int64 // how long a body may be; 0 is 1 MB
	Takes  string
	Gives  any // an example of what is answered with Status; nil is no body
	Type   string
	Status int  // 0 is 200
	Match  bool // If-Match has to come with it
	Check  bool // ?check=true says what it would do
	Slow   bool // may take longer than a server waits for other requests
	do     func(c *call) (reply, error)
}

// Param is a parameter of the query.
type Param struct{ Name, Says, Kind string }

// call is one request on its way.
type call struct {
	*API
	House
	r     *http.Request
	v     *web.Visit
	route *Route
	caller
	raw     []byte
	tree    any               // the body, when it is JSON
	point   map[string]string // field of a problem → pointer into the body, where they differ
	idemKey string
}

// caller is who makes a request, and where.
type caller struct {
	by      directory.Actor
	tenant  string
	key     access.Key      // zero when it is none
	session *access.Session // of a person's command line; nil when it is none
}

// reply is what a request is answered.
type reply struct {
	status int // 0 is the route's
	body   any // JSON; nil is no body
	raw    []byte
	kept   any // what an Idempotency-Key brings again, where body holds a secret
	etag   string
}

// New makes an API with all its routes.
func New(c Config) *API {
	if c.Rate == (guard.Rate{}) {
		c.Rate = guard.Rate{Burst: 100, PerSecond: 20}
	}
	a := &API{
		Config: c, mux: http.NewServeMux(), easel: make(chan struct{}, 1), tally: &tally{},
		byKey: guard.NewLimiter(c.Rate, c.Now), nobody: guard.NewLimiter(guard.Rate{Burst: 60, PerSecond: 5}, c.Now),
	}
	for _, list := range [][]Route{a.people(), a.kept(), a.acts(), a.photos(), a.groups(), a.licenses(), a.plans(), a.syncs(), a.history(), a.rules(), a.keys(), a.sessions(), a.described()} {
		for _, r := range list {
			a.handle(r)
		}
	}
	a.openapi = sync.OnceValue(a.document)
	return a
}

// handle adds a route. It panics when the route declares no scope or role: no request should ever meet such a mistake.
func (a *API) handle(r Route) {
	if !r.Open && !r.Any && (r.Scope == "" || len(r.Roles) == 0) {
		panic("api: " + r.Method + " " + r.Path + " declares no scope or no role")
	}
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	if r.Bytes == 0 {
		r.Bytes = 1 << 20
	}
	a.routes = append(a.routes, r)
	route := &a.routes[len(a.routes)-1]
	a.mux.HandleFunc(r.Method+" "+Prefix+r.Path, func(_ http.ResponseWriter, req *http.Request) {
		*req.Context().Value(foundKey{}).(*found) = found{route, req}
	})
}

// found is what the mux finds: the route, and the request with the values of its path.
type found struct {
	route *Route
	r     *http.Request
}

type foundKey struct{}

// Routes is the table, for the test that tries every route with every key.
func (a *API) Routes() []Route { return slices.Clone(a.routes) }

// Mount puts the API on a site.
func (a *API) Mount(s *web.Site) {
	s.Mount(web.Mounted{Prefix: "/api/", Serve: a.serve, Fail: a.fail})
}

// Local answers requests as an actor of this machine, without a key: for the command line on the host.
func (a *API) Local(s *web.Site, by directory.Actor, tenant string) {
	s.Mount(web.Mounted{Prefix: "/api/", Fail: a.fail, Serve: func(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
		return a.answer(w, r, v, caller{by: by, tenant: tenant}, nil)
	}})
}

// serve is web.Handler for everything below /api/.
func (a *API) serve(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if err := secretInURL(r); err != nil {
		return err
	}
	who, err := a.signedIn(r, v)
	named, limit := v.From, a.nobody
	switch {
	case who.key.ID != "":
		named, limit = "key "+who.key.ID, a.byKey
	case who.session != nil:
		named, limit = "session "+who.session.ID, a.byKey
	}
	if wait, ok := limit.Take(named); !ok {
		return &web.Refusal{Status: http.StatusTooManyRequests, Retry: wait, Say: fail.T("Too many requests came with this key or from this network. Wait as long as Retry-After says.")}
	}
	return a.answer(w, r, v, who, err)
}

// secretInURL refuses requests that carry a key where logs and proxies keep it (A35).
func secretInURL(r *http.Request) error {
	for _, prefix := range []string{access.KeyPrefix, access.ProgramPrefix} {
		if !strings.Contains(r.URL.RawQuery, prefix) && !strings.Contains(r.URL.Path, prefix) {
			continue
		}
		return &web.Refusal{Status: http.StatusBadRequest, Say: fail.T("A key does not belong in an address, where logs keep it: revoke this one, and send the new one in the header Authorization: Bearer.")}
	}
	return nil
}

// opensNothing is what is said of a key that is not known, or of which nobody needs to know why.
const opensNothing = "This API key opens nothing: it is mistyped, revoked or has expired. Ask an administrator for another one."

// signedIn is who a request comes from: a key, or a person by their command line.
func (a *API) signedIn(r *http.Request, v *web.Visit) (caller, error) {
	h := r.Header.Values("Authorization")
	refused := func(say string, cause error) (caller, error) {
		return caller{}, &web.Refusal{Status: http.StatusUnauthorized, Say: fail.T(say), Cause: cause}
	}
	if len(h) == 0 {
		return refused("Send an API key in the header Authorization: Bearer.", nil)
	}
	scheme, secret, ok := strings.Cut(h[0], " ")
	if len(h) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return refused("Send one API key, in the header Authorization: Bearer.", nil)
	}
	if strings.HasPrefix(secret, access.ProgramPrefix) {
		return a.program(r.Context(), secret, v)
	}
	k, err := a.Keys.Find(r.Context(), secret, v.From)
	who := caller{by: k.Actor(v.From), tenant: k.Tenant, key: k}
	var f *fail.Error
	switch {
	case err == nil && a.Houses[k.Tenant].Desk != nil:
		return who, nil
	case errors.As(err, &f) && f.Kind == fail.Throttled:
		return caller{}, &web.Refusal{Status: http.StatusTooManyRequests, Retry: f.Retry, Say: f.Say}
	case err == nil: // of an organization that is not connected any more
		_, err = refused(opensNothing, nil)
		return who, err
	case errors.As(err, &f) && f.Kind == fail.Denied:
		return refused(opensNothing, err)
	}
	return caller{}, err
}

// answer takes a request through the gates that every route has, in this order: route and method, key, scope and role, query, body,
// repetition.
func (a *API) answer(w http.ResponseWriter, r *http.Request, v *web.Visit, who caller, signedIn error) error {
	c, err := a.find(w, r, v)
	if err != nil {
		return err
	}
	c.caller, c.House = who, a.Houses[who.tenant]
	v.Speak(who.tenant)
	if !c.route.Open {
		if signedIn != nil {
			var refusal *web.Refusal
			if errors.As(signedIn, &refusal) && refusal.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="Nameplate"`)
			}
			return signedIn
		}
		if err := c.allowed(); err != nil {
			return err
		}
	}
	if err := c.readQuery(); err != nil {
		return err
	}
	if c.route.Slow { // only now: whoever comes here has a key that may do this
		slow, done := v.Slowly(w, c.r, patient)
		defer done()
		c.r = slow
	}
	if err := c.readBody(w); err != nil {
		return err
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead || c.dry() {
		rep, err := c.route.do(c)
		if err != nil {
			return c.pointed(err)
		}
		return c.send(w, rep)
	}
	return c.once(w)
}

// find is the route of a request.
func (a *API) find(w http.ResponseWriter, r *http.Request, v *web.Visit) (*call, error) {
	// ServeMux would answer an unclean path with a redirect; there is nothing at such an address.
	none := &web.Refusal{Status: http.StatusNotFound, Say: fail.T("There is nothing at this address. The addresses there are stand in %s.", Prefix+"/openapi.json")}
	if p := r.URL.EscapedPath(); strings.Contains(p, "//") || strings.Contains(p, "/./") || strings.Contains(p, "/../") || strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..") || len(p) > 1000 {
		return nil, none
	}
	got := &found{}
	h, pattern := a.mux.Handler(r)
	if pattern == "" {
		var allow []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
			probe := r.Clone(r.Context())
			probe.Method = m
			if _, p := a.mux.Handler(probe); p != "" {
				allow = append(allow, m)
				if m == http.MethodGet {
					allow = append(allow, http.MethodHead)
				}
			}
		}
		if len(allow) == 0 {
			return nil, none
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		say := fail.T("This address is not used with %s.", r.Method)
		if r.Method == http.MethodPut {
			say = fail.T("Nothing is replaced as a whole here: what is left out would be lost. Send a PATCH with what is to change.")
		}
		return nil, &web.Refusal{Status: http.StatusMethodNotAllowed, Say: say}
	}
	_ = h
	a.mux.ServeHTTP(nil, r.WithContext(context.WithValue(r.Context(), foundKey{}, got)))
	return &call{API: a, r: got.r, v: v, route: got.route, point: map[string]string{}}, nil
}

// allowed holds a request to the scope and the roles of its route.
func (c *call) allowed() error {
	if c.route.Any {
		return nil
	}
	if !c.by.Can(c.route.Scope) {
		return fail.New(fail.Denied, "api", fail.T("This key does not have the scope %s.", string(c.route.Scope)))
	}
	if !slices.ContainsFunc(c.by.Roles, func(r directory.Role) bool { return slices.Contains(c.route.Roles, r) }) {
		if c.session != nil {
			return fail.New(fail.Denied, "api", fail.T("Your role does not allow this."))
		}
		return fail.New(fail.Denied, "api", fail.T("The role of this key does not allow this."))
	}
	if c.route.Fresh {
		return c.proved()
	}
	return nil
}

// patient is how long a route that is Slow may take.
const patient = 10 * time.Minute

// dry says whether the request only asks what would happen.
func (c *call) dry() bool { return c.route.Check && c.r.URL.Query().Get("check") == "true" }

// maxIdempotencyKey is how long such a key may be.
const maxIdempotencyKey = 200

// once does a writing request, at most once for one Idempotency-Key.
func (c *call) once(w http.ResponseWriter) error {
	key := c.r.Header.Get("Idempotency-Key")
	if len(c.r.Header.Values("Idempotency-Key")) == 0 {
		rep, err := c.route.do(c)
		if err != nil {
			return c.pointed(err)
		}
		return c.send(w, rep)
	}
	if len(c.r.Header.Values("Idempotency-Key")) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refuseAt(http.StatusBadRequest, fieldError{Header: "Idempotency-Key", Code: "form"}, fail.T("An Idempotency-Key has 1 to %d visible ASCII characters and comes once.", maxIdempotencyKey))
	}
	actor := string(c.by.Kind) + "/" + c.by.Ref.ID + c.by.Name
	if c.by.Kind == directory.KeyActor {
		actor = c.by.Ref.ID
	}
	h := sha256.New()
	for _, s := range []string{c.r.Method, c.r.URL.RequestURI(), c.r.Header.Get("If-Match"), string(c.raw)} {
		_, _ = io.WriteString(h, s+"\x00") // a hash takes everything
	}
	// A body may hold a password: its hash is kept under our own key, or whoever has the database could try passwords on it.
	seal := sha256.Sum256([]byte(c.Sign.Sign("idempotent " + hex.EncodeToString(h.Sum(nil)))))
	c.idemKey = "api/" + actor + "/" + key
	status, body, err := c.Answers.Claim(c.r.Context(), c.tenant, actor, key, hex.EncodeToString(seal[:]), c.Now())
	if err != nil {
		return reused(err)
	}
	if status != 0 {
		w.Header().Set("Idempotency-Replayed", "true")
		return c.write(w, status, "", []byte(body))
	}
	rep, err := c.route.do(c)
	// The request may be gone; what became of it is still written down.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), 5*time.Second)
	defer cancel()
	if err != nil {
		err = c.pointed(err)
		status, text := c.problem(err)
		if status >= 500 || status == http.StatusTooManyRequests || status == http.StatusConflict {
			status = 0 // it may go well another time
		}
		if aerr := c.Answers.Answer(ctx, c.tenant, actor, key, status, string(text)); aerr != nil {
			return aerr
		}
		return err
	}
	kept := rep.body
	if rep.kept != nil {
		kept = rep.kept
	}
	var text []byte
	if kept != nil {
		if text, err = json.Marshal(kept); err != nil {
			return fail.Wrap(fail.Internal, "api.once", err)
		}
	}
	if err := c.Answers.Answer(ctx, c.tenant, actor, key, c.status(rep), string(text)); err != nil {
		return err
	}
	return c.send(w, rep)
}

// reused gives a key that was used for something else its own status.
func reused(err error) error {
	var f *fail.Error
	if errors.As(err, &f) && f.Code == "key_reused" {
		return refuseAt(http.StatusUnprocessableEntity, fieldError{Header: "Idempotency-Key", Code: f.Code}, fail.T("This Idempotency-Key was already used for another request. Take a new one for each request."))
	}
	return err
}

func (c *call) status(rep reply) int {
	if rep.status != 0 {
		return rep.status
	}
	return c.route.Status
}

func (c *call) send(w http.ResponseWriter, rep reply) error {
	if rep.etag != "" {
		w.Header().Set("ETag", rep.etag)
	}
	if rep.raw != nil {
		return c.write(w, c.status(rep), c.route.Type, rep.raw)
	}
	var text []byte
	if rep.body != nil {
		var err error
		if text, err = json.Marshal(rep.body); err != nil {
			return fail.Wrap(fail.Internal, "api.send", err)
		}
	}
	return c.write(w, c.status(rep), "", text)
}

func (c *call) write(w http.ResponseWriter, status int, kind string, body []byte) error {
	if kind == "" {
		kind = "application/json"
		if status >= 400 {
			kind = problemType
		}
	}
	if len(body) == 0 {
		w.WriteHeader(status)
		return nil
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a reader that went away asks again
	return nil
}

// values are property values as JSON.
func values(v property.Values) map[string]property.Value {
	out := map[string]property.Value{}
	for n, x := range v {
		out[string(n)] = x
	}
	return out
}
