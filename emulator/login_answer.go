package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sendAnswer ends an authorization request well: with a code, and with the tokens that the application may have from here
// (https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-implicit-grant-flow, v2-protocols-oidc#get-an-id-token).
func (e *Emulator) sendAnswer(w http.ResponseWriter, r *http.Request, f *signInFlow, session *browserSession, key string) {
	now := e.Now()
	reg := e.install(f.who.tenant, f.reg, f.who.id)
	req := &f.request
	g := grant{
		tenant: f.who.tenant, clientID: reg.ClientID, oid: f.who.id, scopes: req.scopes, signedIn: f.when,
		amr: f.amr(), nonce: req.nonce, showAuth: req.maxAge >= 0, spa: slices.Contains(reg.SPA, req.redirect),
	}
	if req.claims != "" {
		g.applyClaims(req.claims, now)
	}
	g.sid = e.noteSignIn(w, r, f, session, key)
	e.login.mu.Lock()
	delete(e.login.flows, f.id)
	e.login.mu.Unlock()
	v := url.Values{}
	hashed := map[string]any{}
	if req.wants("token") {
		answer, refusal := e.implicit(r, f, reg, g)
		if refusal != nil {
			e.sendError(w, r, f, refusal)
			return
		}
		for k, x := range answer {
			v.Set(k, x)
		}
		hashed["at_hash"] = halfHash(v.Get("access_token"))
	}
	if req.wants("code") {
		code := "1." + secret()
		e.login.mu.Lock()
		e.login.forget(now)
		e.login.codes[code] = &codeGrant{grant: g, redirect: req.redirect, challenge: req.challenge, method: req.method, ends: now.Add(codeLife)}
		e.login.mu.Unlock()
		v.Set("code", code)
		hashed["c_hash"] = halfHash(code)
	}
	if req.wants("id_token") {
		id, err := e.signID(idToken{at: siteOf(r), reg: reg, grant: g, who: f.who.account, scopes: req.scopes, v1: req.v1, front: true, extra: hashed})
		if err != nil {
			e.sendError(w, r, f, serverFault(err))
			return
		}
		v.Set("id_token", id)
	}
	if r.Form.Get("client_info") == "1" {
		v.Set("client_info", clientInfo(f.who.id, f.who.tenant.id))
	}
	if g.sid != "" {
		v.Set("session_state", g.sid)
	}
	e.sendBack(w, r, f, v)
}

// implicit is an access token straight from the authorize endpoint.
func (e *Emulator) implicit(r *http.Request, f *signInFlow, reg registration, g grant) (map[string]string, *oauthError) {
	s, refusal := e.resolveScopes(r, g.tenant, reg, f.who.account, e.oneResource(r, g.tenant, g.scopes), g.scopes)
	if refusal != nil {
		return nil, refusal
	}
	life := e.tokenLife(false)
	token, err := e.signAccess(accessToken{
		reg: reg, tenant: g.tenant, who: &f.who.account, grant: g, resource: s.resource, scopes: s.names, roles: s.roles, acr: "0", life: life, at: siteOf(r),
	})
	if err != nil {
		return nil, serverFault(err)
	}
	return map[string]string{
		"access_token": token, "token_type": "Bearer", "expires_in": strconv.Itoa(int(life/time.Second) - 1), "scope": strings.Join(s.shown, " "),
	}, nil
}

// halfHash is c_hash and at_hash: https://openid.net/specs/openid-connect-core-1_0.html#HybridIDToken
func halfHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// sendError ends an authorization request badly, at the application.
func (e *Emulator) sendError(w http.ResponseWriter, r *http.Request, f *signInFlow, o *oauthError) {
	if f.kind == flowDevice || f.request.redirect == "" {
		e.errorPage(w, r, o)
		return
	}
	v := url.Values{}
	v.Set("error", o.kind)
	if o.kind == "invalid_grant" || o.kind == "invalid_client" && o.aadsts/10 != 65005 {
		// Of resources and their scopes the service says invalid_client here too: https://github.com/MicrosoftDocs/azure-docs/issues/67211,
		// https://github.com/ploomber/msal_streamlit_authentication/issues/43, https://github.com/BingAds/BingAds-dotNet-SDK/issues/96
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
