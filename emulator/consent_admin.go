package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// serveAdminConsent is the page on which an administrator consents for everybody:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent
func (e *Emulator) serveAdminConsent(w http.ResponseWriter, r *http.Request, a authorityRequest, v2 bool) {
	q := r.URL.Query()
	f := &signInFlow{kind: flowAdminConsent, at: a, v2: v2, request: authRequest{
		clientID: q.Get("client_id"), redirect: q.Get("redirect_uri"), state: q.Get("state"), scopes: strings.Fields(q.Get("scope")), mode: "query",
		loginHint: q.Get("login_hint"), maxAge: -1,
	}}
	if f.request.clientID == "" {
		e.errorPage(w, r, missing("client_id"))
		return
	}
	reg, ok := e.registrationOf(a.tenant, f.request.clientID)
	if !ok {
		_, err := e.clientAt(a, f.request.clientID)
		e.errorPage(w, r, err)
		return
	}
	f.reg = reg
	redirect, err := checkRedirect(reg, f.request.redirect)
	if err != nil {
		e.errorPage(w, r, err)
		return
	}
	f.request.redirect = redirect
	if v2 && len(f.request.scopes) == 0 {
		e.errorPage(w, r, missing("scope"))
		return
	}
	e.advance(w, r, f)
}

// wantedForEverybody is what an administrator is asked to consent to: the scopes that were asked for, or all that is registered.
func (e *Emulator) wantedForEverybody(r *http.Request, f *signInFlow) ([]ask, *oauthError) {
	var all demands
	if f.v2 {
		var refusal *oauthError
		if all, refusal = e.demandsOf(r, f.who.tenant, f.reg, f.request.scopes, true); refusal != nil {
			return nil, refusal
		}
	}
	if !f.v2 || slices.ContainsFunc(all.of, func(d demand) bool { return d.static }) {
		return e.registeredAsks(r, f.who.tenant, f.reg)
	}
	return e.unconsented(r, f.who.tenant, f.reg, f.who.id, all, true)
}

// finishAdminConsent sends the administrator back to the application.
func (e *Emulator) finishAdminConsent(w http.ResponseWriter, r *http.Request, f *signInFlow, accepted bool) {
	v := url.Values{}
	v.Set("admin_consent", "True")
	if f.request.state != "" {
		v.Set("state", f.request.state)
	}
	if accepted {
		wanted, refusal := e.wantedForEverybody(r, f)
		if refusal != nil {
			e.sendError(w, r, f, refusal)
			return
		}
		e.consent(f.who.tenant, wanted, f.who.account, true)
		v.Set("tenant", f.who.tenant.id)
		if f.v2 {
			v.Set("scope", strings.Join(f.request.scopes, " "))
		}
	} else {
		kind := "consent_required"
		if !f.v2 {
			kind = "permission_denied"
		}
		v.Set("error", kind)
		v.Set("error_description", declined().describe(e.trace(r)))
	}
	http.Redirect(w, r, withQuery(f.request.redirect, v), http.StatusFound)
}
