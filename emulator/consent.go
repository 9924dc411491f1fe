package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func needsAdministrator(scope string) bool {
	return !slices.ContainsFunc(userConsentable, func(s string) bool { return strings.EqualFold(s, scope) })
}

// consentAdministrators may consent for their organization: Global, Privileged Role, Cloud Application and Application
// Administrator. Only the first two may consent to application permissions of Graph.
// https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/grant-admin-consent#prerequisites
var consentAdministrators = []string{
	globalAdmin, privRoleAdmin, cloudAppAdmin, applicationAdmin,
}

func (a account) consents(application bool) bool {
	list := consentAdministrators
	if application {
		list = list[:2]
	}
	return slices.ContainsFunc(a.wids, func(w string) bool { return slices.Contains(list, strings.ToLower(w)) })
}

// scopeSet is what a request for scopes came to.
type scopeSet struct {
	resource resource
	names    []string // for scp: everything that is granted on the resource, as the service does it
	shown    []string // for the answer's scope: as they were asked for, then what else is granted
	roles    []string
	missing  []string // asked for and not consented
}

// askedFor sorts scopes into the one resource and its names; .default stands for everything declared or granted.
func (e *Emulator) askedFor(r *http.Request, t *tenant, reg registration, asked []string, one bool) (resource, []string, *oauthError) {
	var res resource
	var first string
	var names []string
	found := false
	for _, s := range asked {
		if isOIDC(s) {
			names = append(names, strings.ToLower(s))
			continue
		}
		prefix, name := splitScope(s)
		x, ok := e.resourceOf(r, t, prefix)
		if !ok {
			return res, nil, unknownResource(prefix, t)
		}
		if name == "" || !strings.EqualFold(name, ".default") && !x.has(name) {
			return res, nil, aadsts("invalid_client", 650053, "The application '%s' asked for scope '%s' that doesn't exist on the resource '%s'. Contact the app vendor.", reg.Name, name, x.id())
		}
		if !found {
			res, first, found = x, s, true
		} else if x.id() != res.id() {
			if one {
				code := 28000 // as reported from the service; Microsoft's list has 700022
				if e.opts.Rules == DocumentedRules {
					code = 700022
				}
				return res, nil, aadsts("invalid_scope", code, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", strings.Join(asked, " "))
			}
			continue
		}
		if name == ".default" && len(asked) > 1 && slices.ContainsFunc(asked, func(o string) bool { return o != s && o != first && !isOIDC(o) }) {
			return res, nil, aadsts("invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid. .default scope can't be combined with resource-specific scopes.", strings.Join(asked, " "))
		}
		if x.graph {
			name = spelled(name)
		}
		names = append(names, name)
	}
	if !found {
		res, _ = e.resourceOf(r, t, "")
		res.audience = graphAppID
	}
	return res, names, nil
}

// resolveScopes decides what a person's token is good for. The scopes of the sign-in that are about the person stay good.
func (e *Emulator) resolveScopes(r *http.Request, t *tenant, reg registration, acc account, asked, signedIn []string) (scopeSet, *oauthError) {
	res, names, refusal := e.askedFor(r, t, reg, asked, true)
	if refusal != nil {
		return scopeSet{}, refusal
	}
	s := scopeSet{resource: res}
	if !res.graph {
		s.roles = assigned(*res.app, acc.holder())
		s.names = res.exposed(names)
		for _, a := range asked {
			if !strings.EqualFold(a, "offline_access") {
				s.shown = append(s.shown, a)
			}
		}
		return s, nil
	}
	have := e.granted(t, reg.ClientID, acc.id)
	s.missing = notGranted(have, names, reg)
	if len(s.missing) > 0 {
		err := aadsts("invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", reg.ClientID, reg.Name)
		err.suberror = "consent_required"
		return s, err
	}
	set := map[string]bool{}
	for name := range have {
		if !strings.EqualFold(name, "offline_access") && name != ".default" {
			set[name] = true
		}
	}
	for _, o := range oidcScopes[:3] {
		if slices.Contains(asked, o) || slices.Contains(signedIn, o) {
			set[o] = true
		}
	}
	for name := range set {
		s.names = append(s.names, name)
	}
	slices.SortFunc(s.names, func(a, b string) int {
		if isOIDC(a) != isOIDC(b) {
			if isOIDC(a) {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	s.shown = shownScopes(res, asked, s.names)
	return s, nil
}

// shownScopes writes the answer's scope: what was asked for as it was asked for, so that client libraries find it again.
func shownScopes(res resource, asked, granted []string) []string {
	var out []string
	add := func(s string) {
		if !slices.ContainsFunc(out, func(x string) bool { return strings.EqualFold(x, s) }) {
			out = append(out, s)
		}
	}
	for _, g := range granted {
		if isOIDC(g) {
			add(g)
			continue
		}
		written := res.prefix + g
		for _, a := range asked {
			if _, name := splitScope(a); strings.EqualFold(name, g) {
				written = a
			}
		}
		add(written)
	}
	for _, a := range asked {
		if !strings.EqualFold(a, "offline_access") {
			add(a)
		}
	}
	return out
}

// notGranted are the names among those asked for that nobody consented to. Scopes about the person come with any consent of an
// administrator for everybody.
func notGranted(have map[string]bool, names []string, reg registration) []string {
	has := func(name string) bool {
		for h := range have {
			if strings.EqualFold(h, name) {
				return true
			}
		}
		return false
	}
	var out []string
	for _, name := range names {
		switch {
		case name == ".default":
			for _, d := range declared(reg) {
				if !has(d) && !isOIDC(d) {
					out = append(out, d)
				}
			}
			if len(have) == 0 && len(declared(reg)) == 0 {
				out = append(out, "openid")
			}
		case isOIDC(name) && len(have) > 0, has(name):
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

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

// wantedForEverybody is what an administrator is asked to consent to.
func (f *signInFlow) wantedForEverybody() (scopes, roles []string) {
	all := !f.v2
	for _, s := range f.request.scopes {
		if _, name := splitScope(s); name == ".default" {
			all = true
		} else {
			scopes = append(scopes, name)
		}
	}
	if all {
		scopes = append(scopes, declared(f.reg)...)
		for _, x := range f.reg.Requests {
			if role, ok := strings.CutPrefix(x, "Role:"); ok {
				roles = append(roles, role)
			}
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), roles
}

// finishAdminConsent sends the administrator back to the application.
func (e *Emulator) finishAdminConsent(w http.ResponseWriter, r *http.Request, f *signInFlow, accepted bool) {
	v := url.Values{}
	v.Set("admin_consent", "True")
	if f.request.state != "" {
		v.Set("state", f.request.state)
	}
	if accepted {
		scopes, roles := f.wantedForEverybody()
		e.consent(f.who.tenant, f.reg, f.who.account, scopes, roles, true)
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

func declined() *oauthError {
	return aadsts("access_denied", 65004, "User declined to consent to access the app.")
}
