package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeGrant is an authorization code: good once, for ten minutes.
type codeGrant struct {
	grant
	redirect  string
	challenge string
	method    string
	ends      time.Time
	used      bool
}

// refreshGrant is what a refresh token stands for. It is replaced at each use and the old one stays good.
type refreshGrant struct {
	grant
	issued time.Time
	used   time.Time
	ends   time.Time // of a single-page application: fixed, however often it is used; zero for all others
}

// tokenRequest is a token request with its client proved.
type tokenRequest struct {
	w      http.ResponseWriter
	r      *http.Request
	at     authorityRequest
	form   url.Values
	client clientProof
	v1     bool
	now    time.Time
	ends   time.Time // of the refresh token that is redeemed
}

const formLimit = 1 << 20

// serveToken is the token endpoint:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-access-token-with-a-client_secret
func (e *Emulator) serveToken(w http.ResponseWriter, r *http.Request, a authorityRequest, v1 bool) {
	if r.Header.Get("Origin") != "" { // https://learn.microsoft.com/en-us/entra/identity-platform/reply-url#prefer-spa
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		if h := r.Header.Get("Access-Control-Request-Headers"); h != "" {
			w.Header().Set("Access-Control-Allow-Headers", h)
		}
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "POST")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, refusal := e.token(w, r, a, v1)
	if refusal != nil {
		e.writeOAuthError(w, r, refusal)
		return
	}
	w.Header().Set("x-ms-request-id", e.random.id())
	writeLoginJSON(w, http.StatusOK, answer)
}

func (e *Emulator) token(w http.ResponseWriter, r *http.Request, a authorityRequest, v1 bool) (map[string]any, *oauthError) {
	if r.Method != http.MethodPost {
		return nil, aadsts("invalid_request", 900561, "The endpoint only accepts POST requests. Received a %s request.", r.Method)
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return nil, aadsts("invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		return nil, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")
	}
	q := tokenRequest{w: w, r: r, at: a, form: r.PostForm, v1: v1, now: e.Now()}
	if resource := q.form.Get("resource"); v1 && resource != "" {
		scopes := v1Scopes(resource)
		if q.form.Get("grant_type") == "client_credentials" {
			scopes = scopes[len(scopes)-1:]
		}
		q.form.Set("scope", strings.Join(scopes, " "))
	} else if !v1 && resource != "" {
		return nil, aadsts("invalid_request", 901002, "The 'resource' request parameter is not supported.")
	}
	kind := q.form.Get("grant_type")
	switch kind {
	case "":
		return nil, missing("grant_type")
	case "authorization_code", "refresh_token", "client_credentials", "password", "device_code", deviceGrantType, behalfGrantType:
	default:
		return nil, aadsts("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", kind)
	}
	spa, refusal := e.crossOrigin(q)
	if refusal != nil {
		return nil, refusal
	}
	client, refusal := e.clientOf(r, a, q.form, spa)
	if refusal != nil {
		return nil, refusal
	}
	// The form of what is redeemed is looked at before the proof is: a made-up code is told so whatever the secret.
	if kind == "authorization_code" && !hasForm(q.form.Get("code")) || kind == "refresh_token" && !hasForm(q.form.Get("refresh_token")) {
		return nil, aadsts("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
	}
	if q.client, refusal = e.proved(r, client, q.form, kind != "client_credentials" && kind != behalfGrantType); refusal != nil {
		return nil, refusal
	}
	switch kind {
	case "authorization_code":
		return e.redeemCode(q)
	case "refresh_token":
		return e.redeemRefresh(q)
	case "client_credentials":
		return e.clientCredentials(q)
	case "password":
		return e.passwordGrant(q)
	case behalfGrantType:
		return e.onBehalfOf(q)
	}
	return e.redeemDevice(q)
}

// crossOrigin says whether what is redeemed belongs to a single-page application. That goes together with an Origin header:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#redirect-uris-for-single-page-apps-spas,
// the words are those of https://github.com/AzureAD/microsoft-authentication-library-for-js/issues/2482 and
// https://github.com/Azure-Samples/ms-identity-javascript-angular-tutorial/issues/37
func (e *Emulator) crossOrigin(q tokenRequest) (spa bool, refusal *oauthError) {
	from := q.r.Header.Get("Origin")
	var g *grant
	bare := false
	e.login.mu.Lock()
	switch q.form.Get("grant_type") {
	case "authorization_code":
		if c := e.login.codes[q.form.Get("code")]; c != nil {
			g, bare = &c.grant, c.challenge == ""
		}
	case "refresh_token":
		if t := e.login.refresh[q.form.Get("refresh_token")]; t != nil {
			g = &t.grant
		}
	}
	spa = g != nil && g.spa
	e.login.mu.Unlock()
	switch {
	case g == nil:
	case spa && from == "":
		refusal = aadsts("invalid_request", 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.")
	case !spa && from != "":
		refusal = aadsts("invalid_request", 9002326, "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '%s'.", from)
	case spa && bare:
		refusal = aadsts("invalid_request", 9002325, "Proof Key for Code Exchange is required for cross-origin authorization code redemption.")
	}
	return spa, refusal
}

// hasForm says whether a code or refresh token looks like one of ours; an absent one is complained of elsewhere.
func hasForm(s string) bool { return s == "" || strings.HasPrefix(s, "1.") && len(s) == len("1.")+43 }

func (e *Emulator) clientCredentials(q tokenRequest) (map[string]any, *oauthError) {
	if q.at.tenant == nil {
		return nil, aadsts("invalid_request", 50059, "No tenant-identifying information found in either the request or implied by any provided credentials.")
	}
	asked := strings.Fields(q.form.Get("scope"))
	if len(asked) == 0 {
		return nil, q.withoutScope()
	}
	var named []string
	for _, s := range asked {
		if !isOIDC(s) {
			named = append(named, s)
		}
	}
	if len(named) != 1 {
		return nil, aadsts("invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", strings.Join(asked, " "))
	}
	prefix, name := splitScope(named[0])
	if name != ".default" || prefix == "" {
		return nil, aadsts("invalid_scope", 1002012, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", named[0])
	}
	res, ok := e.resourceOf(q.r, q.at.tenant, prefix)
	if !ok || res.absent {
		return nil, unknownResource(prefix, q.at.tenant)
	}
	reg := q.client.reg
	if reg.tenant != q.at.tenant {
		return nil, aadsts("unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", reg.ClientID, q.at.tenant.name)
	}
	var g grant
	if s := q.form.Get("claims"); s != "" {
		g.applyClaims(s, e.Now())
	}
	g.cc = g.cc && res.graph && !reg.multi
	life := e.appTokenLife(g.cc)
	t := accessToken{reg: reg, tenant: q.at.tenant, grant: g, resource: res, acr: q.client.acr, life: life, at: siteOf(q.r)}
	if res.graph {
		t.roles, t.wids = reg.Application, reg.Roles
	} else if t.roles = assigned(*res.app, reg.holder()); !mayUse(*res.app, reg.holder()) {
		return nil, aadsts("invalid_grant", 501051, "Application '%s'(%s) is not assigned to a role for the application '%s'(%s).", reg.ClientID, reg.Name, res.app.ClientID, res.app.Name)
	}
	token, err := e.signAccess(t)
	if err != nil {
		return nil, serverFault(err)
	}
	return q.answer(map[string]any{"access_token": token}, life, res), nil
}

func serverFault(err error) *oauthError {
	return &oauthError{status: http.StatusInternalServerError, kind: "server_error", aadsts: 90033, text: "A transient error has occurred. Please try again. (" + err.Error() + ")"}
}

func unknownResource(prefix string, t *tenant) *oauthError {
	return aadsts("invalid_resource", 500011, "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", strings.TrimRight(prefix, "/"), t.name)
}

// withoutScope complains of what says for which API a token is: https://github.com/MicrosoftDocs/azure-docs/issues/46696
func (q tokenRequest) withoutScope() *oauthError {
	if q.v1 {
		return missing("resource")
	}
	return missing("scope")
}

// answer adds what every token answer has. The v1.0 endpoint writes numbers as strings.
func (q tokenRequest) answer(body map[string]any, life time.Duration, res resource) map[string]any {
	body["token_type"] = "Bearer"
	s := int(life/time.Second) - 1
	if !q.v1 {
		body["expires_in"], body["ext_expires_in"] = s, s
		return body
	}
	num := func(n int) string { b, _ := json.Marshal(n); return string(b) }
	body["expires_in"], body["ext_expires_in"] = num(s), num(s)
	now := int(q.now.Unix())
	body["not_before"], body["expires_on"] = num(now-int(clockSkew/time.Second)), num(now+s)
	body["resource"] = strings.TrimSuffix(res.prefix, "/")
	return body
}

func (e *Emulator) redeemCode(q tokenRequest) (map[string]any, *oauthError) {
	code := q.form.Get("code")
	if code == "" {
		return nil, missing("code")
	}
	if q.form.Get("redirect_uri") == "" {
		return nil, missing("redirect_uri")
	}
	now := e.Now()
	e.login.mu.Lock()
	c := e.login.codes[code]
	var known codeGrant
	if c != nil {
		known = *c
	}
	e.login.mu.Unlock()
	switch {
	case c == nil:
		return nil, aadsts("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
	case known.used:
		return nil, aadsts("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	case !now.Before(known.ends):
		return nil, aadsts("invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
	case !strings.EqualFold(known.clientID, q.client.reg.ClientID):
		return nil, aadsts("invalid_grant", 70000, "The provided value for the input parameter 'code' was not issued to application '%s'.", q.client.reg.ClientID)
	case q.at.tenant != nil && q.at.tenant != known.tenant:
		return nil, aadsts("invalid_grant", 700005, "The provided authorization code is intended to be used against another tenant, thus it can't be redeemed here. OAuth2 Authorization Code must be redeemed against same tenant it was acquired for (/common or /{tenant-ID} as appropriate).")
	case known.redirect != q.form.Get("redirect_uri"):
		return nil, aadsts("invalid_client", 500112, "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code.", q.form.Get("redirect_uri"), known.redirect).unauthorized()
	}
	if known.challenge != "" && !verifierFits(known.challenge, known.method, q.form.Get("code_verifier")) {
		return nil, aadsts("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	e.login.mu.Lock()
	again := c.used
	c.used = true
	e.login.mu.Unlock()
	if again {
		return nil, aadsts("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	}
	return e.answerGrant(q, known.grant)
}

func verifierFits(challenge, method, verifier string) bool {
	if strings.EqualFold(method, "S256") {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(verifier)) == 1
}

func (e *Emulator) redeemRefresh(q tokenRequest) (map[string]any, *oauthError) {
	token := q.form.Get("refresh_token")
	if token == "" {
		return nil, missing("refresh_token")
	}
	now := e.Now()
	e.login.mu.Lock()
	g := e.login.refresh[token]
	var known refreshGrant
	if g != nil {
		known = *g
	}
	e.login.mu.Unlock()
	switch {
	case g == nil:
		return nil, aadsts("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
	case !strings.EqualFold(known.clientID, q.client.reg.ClientID):
		return nil, aadsts("invalid_grant", 70000, "The provided value for the input parameter 'refresh_token' was not issued to application '%s'.", q.client.reg.ClientID)
	case q.at.tenant != nil && q.at.tenant != known.tenant:
		return nil, aadsts("invalid_grant", 700005, "The provided refresh token is intended to be used against another tenant, thus it can't be redeemed here.")
	case !known.ends.IsZero() && !now.Before(known.ends):
		return nil, aadsts("invalid_grant", 700084, "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on %s.", instant(known.ends.Add(-spaLife)))
	case now.Sub(known.used) > refreshIdle:
		return nil, aadsts("invalid_grant", 700082, "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for 90.00:00:00.", instant(known.issued))
	}
	if most, stale := known.tenant.policy.stale(known.signedIn, now); stale {
		o := aadsts("invalid_grant", 70043, "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on %s and the maximum allowed lifetime for this request is %d.", instant(known.issued), int(most/time.Second))
		o.suberror = "token_expired"
		return nil, o
	}
	acc, ok := e.accountOf(known.tenant, known.oid)
	if ok && known.signedIn.Before(acc.validFrom) && known.issued.Before(acc.validFrom) {
		return nil, aadsts("invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date (before which tokens are not valid) for this user is '%s'.", instant(known.issued), instant(acc.validFrom))
	}
	e.login.mu.Lock()
	g.used = now
	e.login.mu.Unlock()
	if c := q.form.Get("claims"); c != "" {
		known.applyClaims(c, now)
	}
	known.nonce = ""
	q.ends = known.ends
	if e.refreshesItself(q, known.grant) {
		return nil, forItself(q.client.reg)
	}
	return e.answerGrant(q, known.grant)
}

// refreshesItself says whether a refresh names no scope of an API after a sign-in for the client's own: what was asked for then is not
// asked for again, and the client itself is (https://github.com/damienbod/angular-auth-oidc-client/issues/1844 without a scope,
// https://github.com/AzureAD/microsoft-authentication-library-for-js/issues/5198 with those about the person).
func (e *Emulator) refreshesItself(q tokenRequest, g grant) bool {
	named := func(s string) bool { return !isOIDC(s) }
	if q.form.Get("resource") != "" || slices.ContainsFunc(strings.Fields(q.form.Get("scope")), named) {
		return false
	}
	return slices.ContainsFunc(e.oneResource(q.r, g.tenant, g.scopes), func(s string) bool {
		prefix, _ := splitScope(s)
		x, ok := e.resourceOf(q.r, g.tenant, prefix)
		return ok && named(s) && x.itself(q.client.reg, prefix)
	})
}

// instant is a time as the service writes it in these texts.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// applyClaims reads the claims parameter: client capabilities, a claims challenge that is being answered, auth_time.
// https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
func (g *grant) applyClaims(claims string, now time.Time) bool {
	var c struct {
		Access map[string]*struct {
			Value  string   `json:"value"`
			Values []string `json:"values"`
		} `json:"access_token"`
		ID map[string]json.RawMessage `json:"id_token"`
	}
	if json.Unmarshal([]byte(claims), &c) != nil {
		return false
	}
	for name, want := range c.Access {
		switch name {
		case "xms_cc":
			g.cc = g.cc || want != nil && slices.ContainsFunc(want.Values, func(s string) bool { return strings.EqualFold(s, "cp1") })
		case "acrs":
			g.challenged = now
			if want != nil && want.Value != "" && !slices.Contains(g.acrs, want.Value) {
				g.acrs = append(slices.Clone(g.acrs), want.Value)
			}
		default:
			g.challenged = now
		}
	}
	if _, ok := c.ID["auth_time"]; ok {
		g.showAuth = true
	}
	if raw, ok := c.ID["acrs"]; ok {
		var want struct {
			Value string `json:"value"`
		}
		if json.Unmarshal(raw, &want) == nil && want.Value != "" && !slices.Contains(g.acrs, want.Value) {
			g.acrs = append(slices.Clone(g.acrs), want.Value)
		}
	}
	return true
}

// answerGrant issues tokens for a person: the scopes of the request, or those of the sign-in where it names none.
func (e *Emulator) answerGrant(q tokenRequest, g grant) (map[string]any, *oauthError) {
	acc, ok := e.accountOf(g.tenant, g.oid)
	if refusal := e.mayEnter(q.r, authorityRequest{segment: g.tenant.id, tenant: g.tenant}, q.client.reg, person{acc, g.tenant}, ok, g.oid); refusal != nil {
		return nil, refusal
	}
	asked := strings.Fields(q.form.Get("scope"))
	if len(asked) == 0 {
		asked = e.oneResource(q.r, g.tenant, g.scopes)
	}
	reg, ok := e.registrationOf(g.tenant, g.clientID)
	if !ok {
		reg = q.client.reg
	}
	s, refusal := e.resolveScopes(q.r, g.tenant, reg, acc, asked, g.scopes)
	if refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(g.amr, "mfa") && e.asksSecond(person{acc, g.tenant}) {
		return nil, secondFactor(s.resource.id(), q.v1)
	}
	life := e.tokenLife(g.cc)
	at := siteOf(q.r)
	token, err := e.signAccess(accessToken{
		reg: reg, tenant: g.tenant, who: &acc, grant: g, resource: s.resource, scopes: s.names, roles: s.roles, acr: q.client.acr, life: life, at: at,
	})
	if err != nil {
		return nil, serverFault(err)
	}
	body := map[string]any{"access_token": token, "scope": strings.Join(s.shown, " ")}
	if q.v1 {
		body["scope"] = strings.Join(slices.DeleteFunc(s.names, isOIDC), " ")
	}
	all := append(slices.Clone(asked), g.scopes...)
	if q.v1 || slices.Contains(all, "offline_access") {
		body["refresh_token"] = e.issueRefresh(g, q.ends)
	}
	if q.v1 || slices.Contains(all, "openid") {
		id, err := e.signID(idToken{at: at, reg: reg, grant: g, who: acc, scopes: all, v1: q.v1})
		if err != nil {
			return nil, serverFault(err)
		}
		body["id_token"] = id
	}
	if q.form.Get("client_info") == "1" || q.r.URL.Query().Get("client_info") == "1" {
		body["client_info"] = clientInfo(acc.id, g.tenant.id)
	}
	return q.answer(body, life, s.resource), nil
}

// oneResource leaves of a sign-in's scopes those of the first resource: a token is good for one.
func (e *Emulator) oneResource(r *http.Request, t *tenant, scopes []string) []string {
	var first *resource
	var out []string
	for _, s := range scopes {
		if !isOIDC(s) {
			prefix, _ := splitScope(s)
			res, ok := e.resourceOf(r, t, prefix)
			if first == nil && ok {
				first = &res
			}
			if !ok || res.id() != first.id() {
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// issueRefresh makes a refresh token. The one of a single-page application ends with the first of its line, a day after the sign-in.
func (e *Emulator) issueRefresh(g grant, ends time.Time) string {
	t := "1." + secret()
	now := e.Now()
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	e.login.forget(now)
	if g.spa && ends.IsZero() {
		ends = now.Add(spaLife)
	}
	e.login.changes.Add(1)
	e.login.refresh[t] = &refreshGrant{grant: g, issued: now, used: now, ends: ends}
	return t
}

func disabledAccount() *oauthError {
	return aadsts("invalid_grant", 50057, "The user account is disabled.")
}

// mayEnter says why this person cannot have a token for this application here; nil when nothing is in the way.
func (e *Emulator) mayEnter(r *http.Request, a authorityRequest, reg registration, who person, found bool, name string) *oauthError {
	switch {
	case !found:
		where := "organization"
		if a.tenant != nil {
			where = a.tenant.name
		}
		return aadsts("invalid_grant", 50034, "The user account %s does not exist in the %s directory. To sign into this application, the account must be added to the directory.", name, where)
	case a.tenant != nil && who.tenant != a.tenant, !reg.multi && who.tenant != reg.tenant:
		at := reg.tenant
		if a.tenant != nil {
			at = a.tenant
		}
		return aadsts("interaction_required", 50020, "User account '%s' from identity provider '%s' does not exist in tenant '%s' and cannot access the application '%s'(%s) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.", who.signInName(), siteOf(r).stsOf(who.tenant.id), at.name, reg.ClientID, reg.Name)
	case !who.enabled:
		return disabledAccount()
	case !mayUse(reg, who.holder()):
		return aadsts("interaction_required", 50105, "Your administrator has configured the application %s ('%s') to block users unless they are specifically granted ('assigned') access to the application. The signed in user '%s' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator. Please contact your administrator to assign access to this application.", reg.Name, reg.ClientID, who.signInName())
	}
	if home, ok := e.homeOf(who); ok && !home.enabled {
		return disabledAccount()
	}
	return nil
}
