package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The sign-in half: Entra ID's v2.0 endpoints under /{tenant}/… . What the pages and endpoints know between two requests is
// loginState; what a tenant knows (people, applications, consents) is the tenant's and guarded by Emulator.mu.
//
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols

// How long things live; the service's own figures where Microsoft documents them
// (https://learn.microsoft.com/en-us/entra/identity-platform/configurable-token-lifetimes, …/refresh-tokens).
const (
	codeLife    = 10 * time.Minute
	deviceLife  = 15 * time.Minute
	idTokenLife = time.Hour
	refreshIdle = 90 * 24 * time.Hour
	sessionLife = 24 * time.Hour
	spaLife     = 24 * time.Hour // of a single-page application's refresh tokens
	flowLife    = time.Hour
	clockSkew   = 5 * time.Minute
)

// loginState is what the sign-in endpoints remember. Its lock is never held while Emulator.mu is taken, nor the other way round.
type loginState struct {
	mu         sync.Mutex
	codes      map[string]*codeGrant
	refresh    map[string]*refreshGrant
	sessions   map[string]*browserSession
	flows      map[string]*signInFlow
	devices    map[string]*deviceGrant // by device code
	challenges map[string]time.Time    // tenant/object id -> tokens issued before are refused to clients that declared cp1
	failures   map[string]*failures    // by person.key
	bad        []badToken
	calls      int
	changes    atomic.Int64 // of what a data folder keeps
	issuer     string       // what discovery says instead of the truth; "" says the truth
}

func newLoginState() *loginState {
	return &loginState{
		codes:      map[string]*codeGrant{},
		refresh:    map[string]*refreshGrant{},
		sessions:   map[string]*browserSession{},
		flows:      map[string]*signInFlow{},
		devices:    map[string]*deviceGrant{},
		challenges: map[string]time.Time{},
		failures:   map[string]*failures{},
	}
}

// keepMost is how many codes, sessions and so on are remembered each; beyond it some are forgotten early, so that a load test of
// days does not fill the memory.
const keepMost = 200_000

// forget drops what has run out, at every four thousandth call. Call with mu held.
func (l *loginState) forget(now time.Time) {
	if l.calls++; l.calls%4096 != 0 {
		return
	}
	sweep(l.flows, func(f *signInFlow) bool { return now.After(f.ends) })
	sweep(l.codes, func(c *codeGrant) bool { return now.After(c.ends.Add(codeLife)) })
	sweep(l.devices, func(d *deviceGrant) bool { return now.After(d.ends.Add(deviceLife)) })
	sweep(l.sessions, func(s *browserSession) bool { return now.After(s.ends) })
	sweep(l.refresh, func(g *refreshGrant) bool { return now.After(g.used.Add(2 * refreshIdle)) })
	sweep(l.failures, func(f *failures) bool { return now.After(f.until.Add(24 * time.Hour)) })
}

func sweep[T any](m map[string]T, over func(T) bool) {
	for k, v := range m {
		if over(v) || len(m) > keepMost {
			delete(m, k)
		}
	}
}

// serve is the one handler of both halves. Under an address of this machine the path tells which half is meant; under the
// service's own names each host has its half.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Path
	first, rest, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	word := strings.ToLower(first)
	c, graph := cloudAt(r.Host)
	switch {
	case graph && word != "oidc":
		e.serveGraph(w, r)
		return
	case c != nil && !graph && (word == "v1.0" || word == "beta" || word == "oidc" || word == "metadata"):
		http.NotFound(w, r)
		return
	}
	switch word {
	case "v1.0", "beta":
		e.serveGraph(w, r)
	case "metadata":
		e.serveMetadata(w, r)
	case "oidc":
		e.serveUserinfo(w, r)
	case "":
		e.serveHome(w, r)
	case "emulator":
		e.serveAsset(w, r, rest)
	case "favicon.ico":
		e.serveAsset(w, r, "icon.svg")
	case "redeem":
		e.serveRedeem(w, r)
	case "error":
		e.serveErrorCode(w, r)
	default:
		e.serveAuthority(w, r, first, rest)
	}
}

// authorityRequest is a request to /{tenant}/…, with the tenant's segment resolved.
type authorityRequest struct {
	segment string  // as the client wrote it
	tenant  *tenant // nil for common, organizations and consumers
}

// path is the segment that the answers' addresses carry.
func (a authorityRequest) path() string {
	if a.tenant != nil {
		return a.tenant.id
	}
	return strings.ToLower(a.segment)
}

// elsewhere says that the tenant is at home in another cloud than the one that was asked by its own name. The discovery document
// is answered everywhere: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes (AADSTS90038),
// https://github.com/tieto/sipe/issues/182, https://github.com/Microsoft365DSC/Microsoft365DSC/issues/1041
func (a authorityRequest) elsewhere(r *http.Request) *oauthError {
	s := siteOf(r)
	if a.tenant == nil || !s.real || a.tenant.policy.cloud == "" || strings.EqualFold(a.tenant.policy.cloud, s.cloud.azure) || strings.Contains(r.URL.Path, ".well-known") {
		return nil
	}
	home := homeCloud(a.tenant)
	if home == clouds[0] {
		return aadsts("invalid_request", 900440, "Requests to tenants hosted in the public cloud are not supported on USGov endpoints. This user must sign into https://%s instead of %s. The application must send the user to the right login endpoint, usually by hosting two versions of the site (e.g. portal.azure.us and portal.azure.com)", home.network, s.issuer)
	}
	return aadsts("invalid_request", 90038, "Tenant '%s' request is being redirected to the National Cloud '%s'.", a.segment, home.instance())
}

func (e *Emulator) serveAuthority(w http.ResponseWriter, r *http.Request, segment, rest string) {
	a := authorityRequest{segment: segment}
	switch strings.ToLower(segment) {
	case "common", "organizations", "consumers":
	default:
		a.tenant = e.tenantBy(segment)
	}
	route := strings.ToLower(strings.TrimSuffix(rest, "/"))
	json := strings.Contains(route, ".well-known") || strings.HasSuffix(route, "/token") || strings.HasSuffix(route, "/devicecode") || strings.HasSuffix(route, "/keys")
	if a.tenant == nil && !isShared(segment) {
		err := aadsts("invalid_tenant", 90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", segment)
		if json {
			e.writeOAuthError(w, r, err)
		} else if route == "" || !isAuthorityRoute(route) {
			http.NotFound(w, r)
		} else {
			e.errorPage(w, r, err)
		}
		return
	}
	if away := a.elsewhere(r); away != nil {
		if json {
			e.writeOAuthError(w, r, away)
		} else {
			e.errorPage(w, r, away)
		}
		return
	}
	switch route {
	case "v2.0/.well-known/openid-configuration":
		e.serveDiscovery(w, r, a, true)
	case ".well-known/openid-configuration":
		e.serveDiscovery(w, r, a, false)
	case "discovery/v2.0/keys", "discovery/keys":
		e.serveKeys(w, r, a)
	case "discovery/instance":
		e.serveInstance(w, r)
	case "oauth2/v2.0/authorize":
		e.serveAuthorize(w, r, a, false)
	case "oauth2/authorize":
		e.serveAuthorize(w, r, a, true)
	case "oauth2/v2.0/token":
		e.serveToken(w, r, a, false)
	case "oauth2/token":
		e.serveToken(w, r, a, true)
	case "oauth2/v2.0/devicecode", "oauth2/devicecode":
		e.serveDeviceCode(w, r, a)
	case "oauth2/v2.0/deviceauth", "oauth2/deviceauth":
		e.serveDevicePage(w, r, a)
	case "oauth2/v2.0/logout", "oauth2/logout":
		e.serveLogout(w, r, a)
	case "v2.0/adminconsent":
		e.serveAdminConsent(w, r, a, true)
	case "adminconsent":
		e.serveAdminConsent(w, r, a, false)
	case "login":
		e.serveSignInPage(w, r, a)
	case "consent":
		e.serveConsentPage(w, r, a)
	default:
		if name, ok := strings.CutPrefix(route, "userrealm/"); ok {
			e.serveRealm(w, r, name)
			return
		}
		http.NotFound(w, r)
	}
}

func isShared(segment string) bool {
	switch strings.ToLower(segment) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

func isAuthorityRoute(route string) bool {
	return strings.HasPrefix(route, "oauth2/") || strings.HasSuffix(route, "adminconsent") || route == "login" || route == "consent"
}

// all are the tenants; there is always one.
func (e *Emulator) all() []*tenant {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.tenants
}

// tenantBy finds a tenant by id or verified domain.
func (e *Emulator) tenantBy(segment string) *tenant {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, t := range e.tenants {
		if strings.EqualFold(t.id, segment) {
			return t
		}
	}
	for _, t := range e.tenants {
		for _, d := range t.domains {
			if d.Verified && strings.EqualFold(d.Name, segment) {
				return t
			}
		}
	}
	return nil
}

// person is an account with the tenant that it is in.
type person struct {
	account
	tenant *tenant
}

// faces are those who may sign in at the segment and pass keep: the tenant's own and its guests, or the members of all tenants. At
// most limit of them come back, by name, and how many there are. They know nothing of groups and revocations.
func (e *Emulator) faces(a authorityRequest, keep func(person) bool, limit int) ([]person, int) {
	type face struct {
		sort string
		t    *tenant
		u    *object
	}
	before := func(x, y face) int { return cmp.Or(cmp.Compare(x.sort, y.sort), cmp.Compare(x.u.id, y.u.id)) }
	e.mu.RLock()
	defer e.mu.RUnlock()
	var first []face // of those found, by name, never more than limit: there may be a hundred thousand
	n := 0
	for _, t := range e.tenants {
		if a.tenant != nil && a.tenant != t {
			continue
		}
		for _, u := range t.dir.users.list {
			p := faceOf(t, u)
			if a.tenant == nil && p.guest || !keep(p) {
				continue
			}
			n++
			f := face{strings.ToLower(p.name), t, u}
			if len(first) == limit && before(f, first[limit-1]) >= 0 {
				continue
			}
			i, _ := slices.BinarySearchFunc(first, f, before)
			first = slices.Insert(first, i, f)
			first = first[:min(len(first), limit)]
		}
	}
	var out []person
	for _, f := range first {
		out = append(out, faceOf(f.t, f.u))
	}
	return out, n
}

// faceOf is what a page shows of somebody. Call with Emulator.mu held.
func faceOf(t *tenant, u *object) person {
	p := person{account{
		id: u.id, upn: u.upn(), name: unquote(u.rec.get(pName)), mail: unquote(u.rec.get(pMail)), jobTitle: unquote(u.rec.get(pJob)),
		enabled: u.rec.get(pEnabled) == "true", guest: u.guest(),
	}, t}
	p.wids = t.dir.roles(u)
	if u.more != nil {
		p.password = u.more.password
	}
	return p
}

// personNamed finds somebody by UPN, object id or, for a guest, mail address: in the segment's tenant first.
func (e *Emulator) personNamed(a authorityRequest, name string) (person, bool) {
	name = strings.TrimSpace(name)
	var elsewhere *person
	for _, t := range e.all() {
		acc, ok := e.accountOf(t, name)
		if !ok && strings.Contains(name, "@") && a.tenant == t {
			guests, _ := e.faces(a, func(p person) bool { return p.guest && strings.EqualFold(p.mail, name) }, 1)
			if len(guests) > 0 {
				acc, ok = e.accountOf(t, guests[0].id)
			}
		}
		if !ok {
			continue
		}
		if a.tenant == nil || a.tenant == t {
			return person{acc, t}, true
		}
		elsewhere = &person{acc, t}
	}
	if elsewhere == nil {
		return person{}, false
	}
	if a.tenant != nil {
		if guest, ok := e.guestOf(a.tenant, *elsewhere); ok {
			return guest, true
		}
	}
	return *elsewhere, true
}
