package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authRequest is an authorization request that was found good so far as it is read.
type authRequest struct {
	clientID   string
	redirect   string
	response   string
	mode       string
	scopes     []string
	state      string
	nonce      string
	challenge  string
	method     string
	prompt     string
	loginHint  string
	domainHint string
	claims     string
	maxAge     int // -1: none
}

type flowKind int

const (
	flowAuthorize flowKind = iota
	flowAdminConsent
	flowDevice
)

// signInFlow is a sign-in under way: from the request until the person is sent back.
type signInFlow struct {
	id      string
	kind    flowKind
	at      authorityRequest
	reg     registration
	request authRequest
	v2      bool         // of an admin consent
	device  *deviceGrant // of a device sign-in
	who     *person      // once known
	when    time.Time    // they signed in
	fresh   bool         // they did so in this flow
	agreed  bool         // they consented in this flow
	proved  string       // object id of who gave the password that must be changed first
	ends    time.Time
}

// serveAuthorize is the authorization endpoint:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
func (e *Emulator) serveAuthorize(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		e.errorPage(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	q := r.Form
	f := &signInFlow{kind: flowAuthorize, at: a, request: authRequest{
		clientID: q.Get("client_id"), redirect: q.Get("redirect_uri"), response: strings.Join(sorted(strings.Fields(q.Get("response_type"))), " "),
		mode: strings.ToLower(q.Get("response_mode")), scopes: strings.Fields(q.Get("scope")), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"), prompt: strings.ToLower(strings.TrimSpace(q.Get("prompt"))),
		loginHint: q.Get("login_hint"), domainHint: q.Get("domain_hint"), claims: q.Get("claims"), maxAge: -1,
	}}
	req := &f.request
	if req.clientID == "" {
		e.errorPage(w, r, missing("client_id"))
		return
	}
	reg, refusal := e.clientAt(a, req.clientID)
	if refusal != nil {
		e.errorPage(w, r, refusal)
		return
	}
	f.reg = reg
	if req.redirect, refusal = checkRedirect(reg, req.redirect); refusal != nil {
		e.errorPage(w, r, refusal)
		return
	}
	if refusal := e.checkAuthorize(r, f, q); refusal != nil {
		e.sendError(w, r, f, refusal)
		return
	}
	e.advance(w, r, f)
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// checkAuthorize finds what is wrong with a request whose client and redirect address are right.
func (e *Emulator) checkAuthorize(r *http.Request, f *signInFlow, q url.Values) *oauthError {
	req := &f.request
	mode := req.mode
	req.mode = "query"
	switch mode {
	case "":
	case "query", "fragment", "form_post":
		req.mode = mode
	default:
		return aadsts("invalid_request", 70007, "'%s' is not a supported value of 'response_mode' when requesting a token.", mode)
	}
	switch req.response {
	case "code":
	case "":
		return missing("response_type")
	case "id_token", "code id_token", "id_token token", "code id_token token", "token":
		if mode == "" {
			req.mode = "fragment"
		}
		return aadsts("unsupported_response_type", 700054, "response_type '%s' is not enabled for the application.", "id_token")
	default:
		return aadsts("unsupported_response_type", 70005, "The app returned an unsupported response type due to the following reasons: response type '%s' isn't enabled for the app.", req.response)
	}
	if len(req.scopes) == 0 && q.Get("resource") != "" {
		req.scopes = []string{"openid", "profile", "offline_access", strings.TrimRight(q.Get("resource"), "/") + "/.default"}
	}
	if len(req.scopes) == 0 {
		return missing("scope")
	}
	if req.method != "" && req.method != "S256" && req.method != "plain" {
		return aadsts("invalid_request", 501491, "Invalid Code_Challenge_Method '%s'. Only 'S256' and 'plain' are supported.", req.method)
	}
	if req.challenge == "" && req.method != "" {
		return aadsts("invalid_request", 50147, "Missing code challenge: the size of the code challenge parameter isn't valid.")
	}
	if req.challenge != "" && (len(req.challenge) < 43 || len(req.challenge) > 128) {
		return aadsts("invalid_request", 501491, "Invalid size of Code_Challenge parameter.")
	}
	for _, p := range strings.Fields(req.prompt) {
		switch p {
		case "none", "login", "consent", "select_account", "create", "admin_consent":
		default:
			return aadsts("invalid_request", 90023, "Invalid request: '%s' is not a supported value of 'prompt'.", p)
		}
	}
	if s := q.Get("max_age"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return aadsts("invalid_request", 90023, "Invalid request: 'max_age' must be a whole number of seconds.")
		}
		req.maxAge = n
	}
	if req.claims != "" {
		var g grant
		if !g.applyClaims(req.claims, e.Now()) {
			return aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid. The 'claims' parameter is not valid JSON.")
		}
	}
	t := f.at.tenant
	if t == nil {
		t = f.reg.home
	}
	_, _, refusal := e.askedFor(r, t, req.scopes, false)
	return refusal
}

// checkRedirect finds the address to send the person back to. An application with one address need not name it; for loopback http
// the port may differ (https://learn.microsoft.com/en-us/entra/identity-platform/reply-url#localhost-exceptions).
func checkRedirect(reg registration, given string) (string, *oauthError) {
	if given == "" {
		if len(reg.Redirects) == 0 {
			return "", aadsts("invalid_request", 500113, "No reply address is registered for the application.")
		}
		return reg.Redirects[0], nil
	}
	u, err := url.Parse(given)
	if err == nil && u.IsAbs() && u.Fragment == "" && !strings.Contains(given, "#") {
		for _, x := range reg.Redirects {
			if x == given || sameLoopback(x, u) {
				return given, nil
			}
		}
	}
	return "", aadsts("invalid_request", 50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to troubleshoot this error.", given, reg.ClientID)
}

func sameLoopback(registered string, given *url.URL) bool {
	x, err := url.Parse(registered)
	if err != nil || x.Scheme != "http" || given.Scheme != "http" || given.User != nil {
		return false
	}
	host := strings.ToLower(given.Hostname())
	if host != strings.ToLower(x.Hostname()) || host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return false
	}
	return strings.TrimSuffix(x.Path, "/") == strings.TrimSuffix(given.Path, "/") && x.RawQuery == given.RawQuery
}

// advance takes a flow as far as it goes without the person: to a page that asks them, or back to the application.
func (e *Emulator) advance(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	req := &f.request
	session, key := e.session(r)
	if f.who == nil {
		silent := hasPrompt(req.prompt, "none")
		candidates := e.candidates(f, session)
		switch {
		case hasPrompt(req.prompt, "login") && !silent:
			e.signInPage(w, r, f, "")
			return
		case len(candidates) == 0 && silent:
			e.sendError(w, r, f, aadsts("login_required", 50058, "A silent sign-in request was sent but no user is signed in. The cookies used to represent the user's session were not sent in the request to Azure AD. This can happen if the user is using Internet Explorer or Edge, and the web app sending the silent sign-in request is in different IE security zone than the Azure AD endpoint (login.microsoftonline.com)."))
			return
		case len(candidates) > 1 && silent:
			e.sendError(w, r, f, aadsts("interaction_required", 16000, "Either multiple user identities are available for the current request or selected account is not supported for the scenario."))
			return
		case len(candidates) == 0:
			e.signInPage(w, r, f, "")
			return
		case len(candidates) > 1, hasPrompt(req.prompt, "select_account"):
			e.accountPage(w, r, f, candidates)
			return
		}
		f.who, f.when = &candidates[0].person, candidates[0].at
	}
	if f.kind == flowAuthorize || f.kind == flowDevice {
		at := f.at
		if at.tenant == nil {
			at.tenant = f.who.tenant
		}
		if refusal := e.mayEnter(r, at, f.reg, *f.who, true, f.who.upn); refusal != nil {
			if hasPrompt(req.prompt, "none") {
				refusal.kind = "interaction_required"
				e.sendError(w, r, f, refusal)
				return
			}
			f.who = nil
			e.signInPage(w, r, f, refusal.describe(e.trace(r)))
			return
		}
	}
	if f.kind == flowAdminConsent {
		e.adminConsentPage(w, r, f)
		return
	}
	if e.askConsent(w, r, f) {
		return
	}
	if f.kind == flowDevice {
		e.finishDevice(w, r, f)
		return
	}
	e.sendCode(w, r, f, session, key)
}

func hasPrompt(prompt, one string) bool { return slices.Contains(strings.Fields(prompt), one) }

// askConsent shows the consent page, or the one that says an administrator is needed, when something was not consented yet.
func (e *Emulator) askConsent(w http.ResponseWriter, r *http.Request, f *signInFlow) bool {
	t := f.who.tenant
	res, names, refusal := e.askedFor(r, t, f.request.scopes, false)
	if refusal != nil {
		e.sendError(w, r, f, refusal)
		return true
	}
	need := names
	if !res.graph {
		return false
	}
	if !hasPrompt(f.request.prompt, "consent") || f.agreed {
		need = notGranted(e.granted(t, f.reg.ClientID, f.who.id), names, f.reg)
	} else {
		need = notGranted(map[string]bool{}, names, f.reg)
	}
	if len(need) == 0 {
		return false
	}
	if hasPrompt(f.request.prompt, "none") {
		e.sendError(w, r, f, aadsts("interaction_required", 65001, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", f.reg.ClientID, f.reg.Name))
		return true
	}
	have := e.granted(t, f.reg.ClientID, f.who.id)
	admin := slices.ContainsFunc(notGranted(have, need, f.reg), needsAdministrator)
	if admin && !f.who.consents(false) {
		e.approvalPage(w, r, f, need)
		return true
	}
	e.consentPage(w, r, f, need)
	return true
}

// sendCode ends an authorization request well.
func (e *Emulator) sendCode(w http.ResponseWriter, r *http.Request, f *signInFlow, session *browserSession, key string) {
	now := e.Now()
	e.install(f.who.tenant, f.reg)
	g := grant{
		tenant: f.who.tenant, clientID: f.reg.ClientID, oid: f.who.id, scopes: f.request.scopes, signedIn: f.when,
		amr: []string{"pwd"}, nonce: f.request.nonce, showAuth: f.request.maxAge >= 0,
	}
	if f.request.claims != "" {
		g.applyClaims(f.request.claims, now)
	}
	g.sid = e.noteSignIn(w, r, f, session, key)
	code := "1." + secret()
	e.login.mu.Lock()
	e.login.forget(now)
	e.login.codes[code] = &codeGrant{
		grant: g, redirect: f.request.redirect, challenge: f.request.challenge, method: f.request.method, ends: now.Add(codeLife),
	}
	delete(e.login.flows, f.id)
	e.login.mu.Unlock()
	v := url.Values{}
	v.Set("code", code)
	if r.Form.Get("client_info") == "1" {
		v.Set("client_info", clientInfo(f.who.id, f.who.tenant.id))
	}
	if g.sid != "" {
		v.Set("session_state", g.sid)
	}
	e.sendBack(w, r, f, v)
}

// sendError ends an authorization request badly, at the application.
func (e *Emulator) sendError(w http.ResponseWriter, r *http.Request, f *signInFlow, o *oauthError) {
	if f.kind == flowDevice || f.request.redirect == "" {
		e.errorPage(w, r, o)
		return
	}
	v := url.Values{}
	v.Set("error", o.kind)
	if o.kind == "invalid_grant" || o.kind == "invalid_client" {
		v.Set("error", "invalid_request")
	}
	v.Set("error_description", o.describe(e.trace(r)))
	if o.suberror != "" {
		v.Set("error_subcode", o.suberror)
	}
	v.Set("error_uri", origin(r)+"/error?code="+strconv.Itoa(o.aadsts))
	if o.aadsts == 65004 {
		v.Set("error_subcode", "cancel")
	}
	e.sendBack(w, r, f, v)
}

// sendBack answers with the parameters in the way that response_mode asks for.
func (e *Emulator) sendBack(w http.ResponseWriter, r *http.Request, f *signInFlow, v url.Values) {
	if f.request.state != "" {
		v.Set("state", f.request.state)
	}
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch f.request.mode {
	case "form_post":
		e.formPostPage(w, r, f.request.redirect, v)
	case "fragment":
		http.Redirect(w, r, f.request.redirect+"#"+v.Encode(), http.StatusFound)
	default:
		http.Redirect(w, r, withQuery(f.request.redirect, v), http.StatusFound)
	}
}

func withQuery(address string, v url.Values) string {
	sep := "?"
	if strings.Contains(address, "?") {
		sep = "&"
	}
	return address + sep + v.Encode()
}
