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
	maxAge     int  // -1: none
	v1         bool // the v1.0 endpoint
}

// wants says whether a kind of answer was asked for.
func (q *authRequest) wants(kind string) bool {
	return slices.Contains(strings.Fields(q.response), kind)
}

type flowKind int

const (
	flowAuthorize flowKind = iota
	flowAdminConsent
	flowDevice
	flowRedeem
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
	invited string       // of a redemption: object id of the guest
	onward  string       // and where the invitation leads
	who     *person      // once known
	when    time.Time    // they signed in
	second  bool         // and gave a second factor
	fresh   bool         // they did so in this flow
	agreed  bool         // they consented in this flow
	proved  string       // object id of who gave the password that must be changed first
	ends    time.Time
}

// amr are the methods of the sign-in.
func (f *signInFlow) amr() []string {
	if f.second {
		return []string{"pwd", "mfa"}
	}
	return []string{"pwd"}
}

// serveAuthorize is the authorization endpoint:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
func (e *Emulator) serveAuthorize(w http.ResponseWriter, r *http.Request, a authorityRequest, v1 bool) {
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
		loginHint: q.Get("login_hint"), domainHint: q.Get("domain_hint"), claims: q.Get("claims"), maxAge: -1, v1: v1,
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
	if refusal := req.checkResponse(f.reg); refusal != nil {
		return refusal
	}
	switch {
	case req.v1:
		// https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-protocols-oauth-code
		req.scopes = v1Scopes(q.Get("resource"))
	case q.Get("resource") != "":
		return aadsts("invalid_request", 901002, "The 'resource' request parameter is not supported.")
	case len(req.scopes) == 0:
		return missing("scope")
	}
	if req.wants("id_token") {
		switch {
		case !slices.Contains(req.scopes, "openid"):
			return aadsts("unsupported_response_type", 70005, "The app returned an unsupported response type due to the following reasons: response type 'id_token' requires the 'OpenID' scope.")
		case req.nonce == "":
			return aadsts("invalid_request", 90014, "The required field 'nonce' is missing from the credential. Ensure that you have all the necessary parameters for the login request.")
		}
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
	_, refusal := e.demandsOf(r, t, f.reg, req.scopes, true)
	return refusal
}

// checkResponse finds the response mode, and what the application may not have from here.
func (q *authRequest) checkResponse(reg registration) *oauthError {
	mode := q.mode
	q.mode = "query"
	if q.wants("id_token") || q.wants("token") {
		q.mode = "fragment"
	}
	if mode == "query" || mode == "fragment" || mode == "form_post" {
		q.mode = mode
	}
	switch q.response {
	case "code", "id_token", "code id_token", "id_token token", "token":
	case "":
		return missing("response_type")
	default:
		return aadsts("unsupported_response_type", 70005, "The app returned an unsupported response type due to the following reasons: response type '%s' isn't enabled for the app.", q.response)
	}
	switch {
	case q.wants("id_token") && !slices.Contains(reg.Implicit, "id_token"):
		return aadsts("unsupported_response_type", 700054, "response_type 'id_token' is not enabled for the application.")
	case q.wants("token") && !slices.Contains(reg.Implicit, "token"):
		return aadsts("unsupported_response_type", 700051, "response_type 'token' is not enabled for the application.")
	case mode != "" && mode != q.mode:
		return aadsts("invalid_request", 70007, "'%s' is not a supported value of 'response_mode' when requesting a token.", mode)
	case mode == "query" && q.response != "code":
		q.mode = "fragment"
		return aadsts("invalid_request", 70007, "'query' is not a supported value of 'response_mode' when requesting a token.")
	}
	return nil
}

// v1Scopes are what a request of the v1.0 endpoints stands for, which names a resource and no scopes.
func v1Scopes(resource string) []string {
	scopes := []string{"openid", "profile", "offline_access"}
	if resource != "" {
		scopes = append(scopes, resource+"/.default")
	}
	return scopes
}

// checkRedirect finds the address to send the person back to. An application with one address need not name it; for loopback http
// the port may differ (https://learn.microsoft.com/en-us/entra/identity-platform/reply-url#localhost-exceptions).
func checkRedirect(reg registration, given string) (string, *oauthError) {
	if given == "" {
		if all := slices.Concat(reg.Redirects, reg.SPA); len(all) > 0 {
			return all[0], nil
		}
		return "", aadsts("invalid_request", 500113, "No reply address is registered for the application.")
	}
	u, err := url.Parse(given)
	if err == nil && u.IsAbs() && u.Fragment == "" && !strings.Contains(given, "#") {
		for _, x := range reg.Redirects {
			if x == given || sameLoopback(x, u) {
				return given, nil
			}
		}
		if slices.Contains(reg.SPA, given) {
			return given, nil
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
		f.who, f.when, f.second = &candidates[0].person, candidates[0].at, candidates[0].second
	}
	if f.kind != flowAdminConsent {
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
	if !f.second && e.asksSecond(*f.who) {
		if hasPrompt(req.prompt, "none") {
			o := secondFactor(graphAppID, true)
			e.sendError(w, r, f, o)
			return
		}
		e.secondPage(w, f)
		return
	}
	if f.kind == flowAdminConsent {
		e.adminConsentPage(w, r, f)
		return
	}
	if f.kind == flowRedeem {
		e.redeemPage(w, r, f)
		return
	}
	if e.askConsent(w, r, f) {
		return
	}
	e.accept(f)
	if f.kind == flowDevice {
		e.finishDevice(w, r, f)
		return
	}
	e.sendAnswer(w, r, f, session, key)
}

func hasPrompt(prompt, one string) bool { return slices.Contains(strings.Fields(prompt), one) }

// askConsent shows the consent page, or the one that says an administrator is needed, when something was not consented yet.
func (e *Emulator) askConsent(w http.ResponseWriter, r *http.Request, f *signInFlow) bool {
	t := f.who.tenant
	asked, refusal := e.demandsOf(r, t, f.reg, f.request.scopes, true)
	var need []ask
	if refusal == nil {
		need, refusal = e.unconsented(r, t, f.reg, f.who.id, asked, hasPrompt(f.request.prompt, "consent") && !f.agreed)
	}
	switch {
	case refusal != nil:
		e.sendError(w, r, f, refusal)
	case len(need) == 0:
		return false
	case hasPrompt(f.request.prompt, "none"):
		e.sendError(w, r, f, aadsts("interaction_required", 65001, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", f.reg.ClientID, f.reg.Name))
	case !f.who.consents(false) && slices.ContainsFunc(need, func(x ask) bool {
		return slices.ContainsFunc(lacking(x.scopes, e.granted(t, x.client, x.resource, f.who.id)), x.resource.needsAdministrator)
	}):
		e.approvalPage(w, r, f, need)
	default:
		e.consentPage(w, r, f, need)
	}
	return true
}
