package emulator

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// signInFiles are the pages: HTML that works without script.
//
//go:embed login
var signInFiles embed.FS

// pages parses the templates; they are the binary's own, so that a mistake in them is a mistake in the program.
func pages() *template.Template {
	return template.Must(template.ParseFS(signInFiles, "login/*.html"))
}

// shownPeople is how many people a page lists; the rest is found by searching.
const shownPeople = 50

// pageView is what the templates read.
type pageView struct {
	Title, Alert, App, Tenant, Who, Detail string
	Action, Flow, Query, Hint, User, Back  string
	People                                 []personView
	More                                   int
	Scopes                                 []scopeView
	MayAll, ForAll                         bool
	Frames                                 []string
	Fields                                 []fieldView
	Trace                                  traceView
	Tenants                                []tenantView
}

type personView struct {
	ID, Name, SignInName, Note string
	Disabled                   bool
}

// scopeView is a permission: For the application that gets it, Of the API whose it is; "" are the one that signs in, and Graph.
type scopeView struct{ Name, Say, Of, For string }

type fieldView struct{ Name, Value string }

type traceView struct{ ID, Correlation, Timestamp string }

type tenantView struct{ Name, ID string }

// draw writes a page. Nothing is loaded from elsewhere and nobody may frame it.
func (e *Emulator) draw(w http.ResponseWriter, status int, name string, v pageView) {
	var b bytes.Buffer
	if err := e.pages.ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, "the page cannot be drawn", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
	if len(v.Frames) > 0 {
		policy += "; frame-src http: https:"
	}
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client went away
}

// serveAsset serves the pages' style, script and icon.
func (e *Emulator) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	kind := map[string]string{"login.css": "text/css; charset=utf-8", "post.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}[name]
	if kind == "" {
		http.NotFound(w, r)
		return
	}
	b, err := signInFiles.ReadFile("login/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b) // the client went away
}

func (e *Emulator) serveHome(w http.ResponseWriter, _ *http.Request) {
	v := pageView{Title: "A Microsoft 365 tenant in a box"}
	for _, t := range e.all() {
		v.Tenants = append(v.Tenants, tenantView{t.name, t.id})
	}
	e.draw(w, http.StatusOK, "home", v)
}

// errorPage shows an error that must not be sent to the redirect address, or has none.
func (e *Emulator) errorPage(w http.ResponseWriter, r *http.Request, o *oauthError) {
	t := e.trace(r)
	status := http.StatusBadRequest
	if o.status != 0 {
		status = o.status
	}
	w.Header().Set("x-ms-request-id", t.id)
	e.draw(w, status, "error", pageView{
		Title: "Sorry, but we’re having trouble signing you in", Detail: (&oauthError{aadsts: o.aadsts, text: o.text}).headline(),
		Trace: traceView{t.id, t.correlation, t.timestamp},
	})
}

// serveErrorCode is where error_uri of an error answer leads.
func (e *Emulator) serveErrorCode(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.URL.Query().Get("code"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	e.draw(w, http.StatusOK, "say", pageView{
		Title: "AADSTS" + strconv.Itoa(code), Detail: "The code of a sign-in error. Microsoft lists the codes on the page about Microsoft Entra authentication error codes.",
	})
}

// headline is the text with its code, without the trace.
func (o *oauthError) headline() string {
	line, _, _ := strings.Cut(o.describe(trace{}), "\r\n")
	return line
}

// keep stores the flow, so that a page can come back to it.
func (e *Emulator) keep(f *signInFlow) {
	now := e.Now()
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	e.login.forget(now)
	if f.id == "" {
		f.id = secret()
	}
	f.ends = now.Add(flowLife)
	e.login.flows[f.id] = f
}

// flowOf is the flow that a page's form names: a copy.
func (e *Emulator) flowOf(r *http.Request) *signInFlow {
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	f := e.login.flows[r.Form.Get("flow")]
	if f == nil || e.Now().After(f.ends) {
		return nil
	}
	x := *f
	return &x
}

func (e *Emulator) signInPage(w http.ResponseWriter, r *http.Request, f *signInFlow, alert string) {
	e.keep(f)
	query := strings.TrimSpace(r.Form.Get("q"))
	v := pageView{
		Title: "Sign in", Alert: alert, App: f.reg.Name, Action: "/" + f.at.path() + "/login", Flow: f.id, Query: query, Hint: f.request.loginHint,
	}
	if f.at.tenant != nil {
		v.Tenant = f.at.tenant.name
	}
	hint, domain := f.request.loginHint, strings.ToLower(f.request.domainHint)
	keep := func(p person) bool {
		switch {
		case query != "":
			return matches(p, query)
		case domain != "" && domain != "organizations" && domain != "consumers":
			return strings.HasSuffix(strings.ToLower(p.upn), "@"+domain)
		}
		return true
	}
	shown, n := e.faces(f.at, keep, shownPeople)
	v.More = n - len(shown)
	if p, ok := e.personNamed(f.at, hint); ok && query == "" && (f.at.tenant == nil || p.tenant == f.at.tenant) {
		shown = slices.DeleteFunc(shown, func(x person) bool { return x.id == p.id })
		shown = append([]person{p}, shown[:min(len(shown), shownPeople-1)]...)
	}
	for _, p := range shown {
		v.People = append(v.People, viewOf(p, f.at.tenant == nil))
	}
	e.draw(w, http.StatusOK, "signin", v)
}

func matches(p person, query string) bool {
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(strings.ToLower(p.name+"\x00"+p.upn+"\x00"+p.mail+"\x00"+p.jobTitle), word) {
			return false
		}
	}
	return true
}

func viewOf(p person, tenant bool) personView {
	v := personView{ID: p.id, Name: p.name, SignInName: p.signInName(), Disabled: !p.enabled}
	if v.Name == "" {
		v.Name = p.upn
	}
	var notes []string
	if p.jobTitle != "" {
		notes = append(notes, p.jobTitle)
	}
	if p.guest {
		notes = append(notes, "guest")
	}
	if !p.enabled {
		notes = append(notes, "disabled")
	}
	if len(p.wids) > 0 {
		notes = append(notes, "administrator")
	}
	if p.password != "" {
		notes = append(notes, "has a password")
	}
	if tenant {
		notes = append(notes, p.tenant.name)
	}
	v.Note = strings.Join(notes, " · ")
	return v
}

func (e *Emulator) accountPage(w http.ResponseWriter, r *http.Request, f *signInFlow, candidates []signedIn) {
	e.keep(f)
	v := pageView{Title: "Pick an account", App: f.reg.Name, Action: "/" + f.at.path() + "/login", Flow: f.id}
	for _, c := range candidates {
		p := viewOf(c.person, false)
		p.ID = c.tenant.id + "/" + c.id
		v.People = append(v.People, p)
	}
	e.draw(w, http.StatusOK, "account", v)
}

func (e *Emulator) passwordPage(w http.ResponseWriter, f *signInFlow, p person, alert string) {
	e.keep(f)
	e.draw(w, http.StatusOK, "password", pageView{
		Title: "Enter password", Alert: alert, Who: p.signInName(), Action: "/" + f.at.path() + "/login", Flow: f.id, User: p.id,
	})
}

// serveSignInPage takes what the sign-in pages send.
func (e *Emulator) serveSignInPage(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		e.errorPage(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	f := e.flowOf(r)
	if f == nil || f.at.path() != a.path() {
		e.errorPage(w, r, staleFlow())
		return
	}
	session, key := e.session(r)
	if r.PostForm.Get("second") != "" {
		if !e.holds(session, f.who) {
			e.errorPage(w, r, staleFlow())
			return
		}
		e.noteSecond(f, key)
		e.advance(w, r, f)
		return
	}
	f.who = nil
	switch {
	case r.Method == http.MethodGet, r.Form.Get("other") != "":
		e.signInPage(w, r, f, "")
	case r.Form.Get("cancel") != "":
		if f.kind == flowAdminConsent {
			e.finishAdminConsent(w, r, f, false)
			return
		}
		e.cancel(w, r, f)
	case r.Form.Get("pick") != "":
		f.request.prompt = strings.TrimSpace(strings.ReplaceAll(f.request.prompt, "select_account", ""))
		for _, c := range e.candidates(f, session) {
			if c.tenant.id+"/"+c.id == r.Form.Get("pick") {
				f.who, f.when, f.second = &c.person, c.at, c.second
				e.advance(w, r, f)
				return
			}
		}
		e.signInPage(w, r, f, "")
	default:
		e.prove(w, r, f)
	}
}

func staleFlow() *oauthError {
	return aadsts("invalid_request", 165000, "Invalid Request: the sign-in took too long or was finished already. Go back to the application and begin again.")
}

// prove signs in the person that the page names, with the password where there is one.
func (e *Emulator) prove(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	name := r.Form.Get("user")
	if name == "" {
		name = r.Form.Get("name")
	}
	p, ok := e.personNamed(f.at, name)
	if refusal := e.mayEnter(r, f.at, f.reg, p, ok, name); refusal != nil {
		if ok && f.kind == flowAdminConsent && f.at.tenant == nil && p.enabled {
			refusal = nil
		}
		if refusal != nil {
			e.signInPage(w, r, f, refusal.headline())
			return
		}
	}
	home, here := e.homeOf(p)
	if !here {
		e.signInPage(w, r, f, wrongPassword().headline())
		return
	}
	if home.federated {
		e.signInPage(w, r, f, "This person's domain is federated: they sign in at their own organization's page, which the emulator does not have.")
		return
	}
	if f.proved == p.id && home.force && home.password != "" {
		e.changeForced(w, r, f, p, home)
		return
	}
	if home.password != "" {
		given, sent := r.Form["passwd"]
		if !sent {
			e.passwordPage(w, f, p, "")
			return
		}
		if refusal := e.checkPassword(home, strings.Join(given, "")); refusal != nil {
			e.passwordPage(w, f, p, refusal.headline())
			return
		}
		if home.force {
			f.proved = p.id
			e.changePage(w, f, p, "")
			return
		}
	}
	e.openSession(w, r, p)
	f.who, f.when, f.fresh = &p, e.Now(), true
	e.advance(w, r, f)
}

// secondPage asks for the second factor, which is a button here.
func (e *Emulator) secondPage(w http.ResponseWriter, f *signInFlow) {
	e.keep(f)
	e.draw(w, http.StatusOK, "second", pageView{
		Title: "Approve sign in request", Who: f.who.signInName(), Action: "/" + f.at.path() + "/login", Flow: f.id,
	})
}

func (e *Emulator) changePage(w http.ResponseWriter, f *signInFlow, p person, alert string) {
	e.keep(f)
	e.draw(w, http.StatusOK, "change", pageView{
		Title: "Update your password", Alert: alert, Who: p.signInName(), Action: "/" + f.at.path() + "/login", Flow: f.id, User: p.id,
	})
}

// changeForced takes the new password of somebody who must change it at the first sign-in.
func (e *Emulator) changeForced(w http.ResponseWriter, r *http.Request, f *signInFlow, p, home person) {
	fresh := r.PostForm.Get("newpasswd")
	switch {
	case fresh != r.PostForm.Get("again"):
		e.changePage(w, f, p, "The two new passwords are not the same.")
		return
	case !strong(fresh):
		e.changePage(w, f, p, "Passwords need 8 to 256 characters of three of these kinds: small letters, capitals, digits, symbols.")
		return
	case home.knows(fresh):
		e.changePage(w, f, p, "Choose a password that is not the present one.")
		return
	}
	e.mu.Lock()
	if u := home.tenant.userByID(home.id); u != nil {
		u.extra().password, u.more.force = fresh, false
		now := e.clock.Now()
		u.rec = u.rec.with([]field{{pPasswordTime, instantJSON(now)}})
		e.ledger.add(Entry{Time: now, Tenant: home.tenant.id, App: f.reg.ClientID, Actor: home.id, RequestID: e.random.id(), Op: "user.password.change", Object: home.id})
	}
	e.mu.Unlock()
	e.openSession(w, r, p)
	f.who, f.when, f.fresh = &p, e.Now(), true
	e.advance(w, r, f)
}

// cancel sends the person back without a sign-in.
func (e *Emulator) cancel(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	if f.kind == flowDevice {
		e.declineDevice(w, r, f)
		return
	}
	e.sendError(w, r, f, declined())
}

// sayings are what a permission means, on the consent page.
var sayings = map[string]string{
	"openid": "Sign you in", "profile": "View your basic profile", "email": "View your email address",
	"offline_access": "Maintain access to data you have given it access to",
	"User.Read":      "Sign you in and read your profile", "User.ReadWrite": "Read and update your profile",
	"User.ReadBasic.All": "Read all users' basic profiles", "User.Read.All": "Read all users' full profiles",
	"User.ReadWrite.All": "Read and write all users' full profiles", "Directory.AccessAsUser.All": "Access the directory as you",
	"Directory.Read.All": "Read directory data", "Directory.ReadWrite.All": "Read and write directory data",
}

// scopeViews are what is asked for, with the API that each is of, and the application that gets it where that is another one.
func scopeViews(client registration, list []ask) []scopeView {
	var out []scopeView
	for _, x := range list {
		for _, n := range append(slices.Clone(x.scopes), x.roles...) {
			v := scopeView{Name: n, Say: sayings[n]}
			if x.resource.app != nil {
				p, _ := x.resource.scope(n)
				v.Say, v.Of = p.Name, x.resource.app.Name
			}
			if x.client.ClientID != client.ClientID {
				v.For = x.client.Name
			}
			if v.Say == "" {
				v.Say = "Use the permission"
			}
			out = append(out, v)
		}
	}
	return out
}

func (e *Emulator) consentPage(w http.ResponseWriter, _ *http.Request, f *signInFlow, need []ask) {
	e.keep(f)
	e.draw(w, http.StatusOK, "consent", pageView{
		Title: "Permissions requested", App: f.reg.Name, Tenant: f.who.tenant.name, Who: f.who.signInName(), Scopes: scopeViews(f.reg, need),
		MayAll: f.who.consents(false), Action: "/" + f.at.path() + "/consent", Flow: f.id,
	})
}

func (e *Emulator) approvalPage(w http.ResponseWriter, _ *http.Request, f *signInFlow, need []ask) {
	e.keep(f)
	e.draw(w, http.StatusOK, "approval", pageView{
		Title: "Need admin approval", App: f.reg.Name, Tenant: f.who.tenant.name, Who: f.who.signInName(), Scopes: scopeViews(f.reg, need),
		Action: "/" + f.at.path() + "/consent", Flow: f.id, Detail: aadsts("access_denied", 90094, "The grant requires admin permission.").headline(),
	})
}

func (e *Emulator) adminConsentPage(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	wanted, refusal := e.wantedForEverybody(r, f)
	if refusal != nil {
		e.sendError(w, r, f, refusal)
		return
	}
	if !f.who.consents(slices.ContainsFunc(wanted, func(x ask) bool { return x.resource.graph && len(x.roles) > 0 })) {
		e.errorPage(w, r, aadsts("access_denied", 90093, "This operation can only be performed by an administrator. Sign out and sign in as an administrator or contact one of your organization's administrators."))
		return
	}
	e.keep(f)
	e.draw(w, http.StatusOK, "consent", pageView{
		Title: "Permissions requested: review for your organization", App: f.reg.Name, Tenant: f.who.tenant.name, Who: f.who.signInName(),
		Scopes: scopeViews(f.reg, wanted), ForAll: true, Action: "/" + f.at.path() + "/consent", Flow: f.id,
	})
}

// serveConsentPage takes the answer of the consent pages. It counts only for the person whose session the browser has.
func (e *Emulator) serveConsentPage(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := r.ParseForm(); err != nil {
		e.errorPage(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	f := e.flowOf(r)
	s, _ := e.session(r)
	if f == nil || f.who == nil || f.at.path() != a.path() || !e.holds(s, f.who) {
		e.errorPage(w, r, staleFlow())
		return
	}
	accepted := r.Form.Get("answer") == "accept"
	switch {
	case r.Form.Get("answer") == "other":
		f.who = nil
		f.request.prompt = strings.TrimSpace(strings.ReplaceAll(f.request.prompt, "none", ""))
		e.signInPage(w, r, f, "")
	case f.kind == flowAdminConsent:
		e.finishAdminConsent(w, r, f, accepted)
	case accepted && f.kind == flowRedeem:
		e.finishRedeem(w, r, f)
	case !accepted:
		e.cancel(w, r, f)
	default:
		e.agreed(w, r, f, r.Form.Get("everybody") != "" && f.who.consents(false))
	}
}

// agreed notes a person's consent and goes on. What only an administrator may grant is granted by one only.
func (e *Emulator) agreed(w http.ResponseWriter, r *http.Request, f *signInFlow, everybody bool) {
	t := f.who.tenant
	asked, refusal := e.demandsOf(r, t, f.reg, f.request.scopes, true)
	var wanted []ask
	if refusal == nil {
		wanted, refusal = e.unconsented(r, t, f.reg, f.who.id, asked, everybody || hasPrompt(f.request.prompt, "consent"))
	}
	if refusal != nil {
		e.sendError(w, r, f, refusal)
		return
	}
	for i, x := range wanted {
		if !everybody {
			x.scopes = lacking(x.scopes, e.granted(t, x.client, x.resource, f.who.id))
		}
		if !f.who.consents(false) {
			x.scopes = slices.DeleteFunc(x.scopes, x.resource.needsAdministrator)
		}
		wanted[i].scopes = x.scopes
	}
	everybody = everybody || slices.ContainsFunc(wanted, func(x ask) bool { return slices.ContainsFunc(x.scopes, x.resource.needsAdministrator) })
	e.consent(t, wanted, f.who.account, everybody)
	f.agreed = true
	e.advance(w, r, f)
}

// formPostPage sends the parameters by a form that submits itself.
func (e *Emulator) formPostPage(w http.ResponseWriter, _ *http.Request, to string, v url.Values) {
	p := pageView{Back: to}
	for _, k := range sortedKeys(boolKeys(v)) {
		p.Fields = append(p.Fields, fieldView{k, v.Get(k)})
	}
	e.draw(w, http.StatusOK, "post", p)
}

func boolKeys(v url.Values) map[string]bool {
	out := map[string]bool{}
	for k := range v {
		out[k] = true
	}
	return out
}

func (e *Emulator) signedOutPage(w http.ResponseWriter, _ *http.Request, back string, frames []string) {
	if back != "" {
		w.Header().Set("Refresh", "2;url="+back)
	}
	e.draw(w, http.StatusOK, "say", pageView{Title: "You signed out of your account", Detail: "It is a good idea to close all browser windows.", Back: back, Frames: frames})
}
