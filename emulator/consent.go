package emulator

import (
	"net/http"
	"slices"
	"strings"
)

func needsAdministrator(scope string) bool {
	return !slices.ContainsFunc(userConsentable, func(s string) bool { return strings.EqualFold(s, scope) })
}

// consentAdministrators may consent for their organization: Global, Privileged Role, Cloud Application and Application
// Administrator. Only the first two may consent to application permissions of Graph; those of other APIs are all the four's.
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

// demand is what a request asks of one resource.
type demand struct {
	resource resource
	names    []string // as the resource writes them, without its name
	static   bool     // .default was asked for, which stands for what is registered or granted
}

// demands are what a request asks for: resources in the order in which they were named, and scopes about the person.
type demands struct {
	of   []demand
	oidc []string
}

// ask is what somebody is asked to consent to: that a client may do something at a resource. Roles are application permissions, which only
// administrators are asked for.
type ask struct {
	client   registration
	resource resource
	scopes   []string
	roles    []string
}

// demandsOf sorts the scopes of a request by resource. A person can be asked about several (interactive), a token is for one.
func (e *Emulator) demandsOf(r *http.Request, t *tenant, reg registration, asked []string, interactive bool) (demands, *oauthError) {
	var out demands
	named, static := 0, ""
	for _, s := range asked {
		if isOIDC(s) {
			out.oidc = append(out.oidc, strings.ToLower(s))
			continue
		}
		named++
		prefix, name := splitScope(s)
		x, ok := e.resourceOf(r, t, prefix)
		switch all := strings.EqualFold(name, ".default"); {
		case !ok:
			return out, unknownResource(prefix, t)
		case x.absent && (!interactive || !all || !slices.Contains(x.app.known, reg.ClientID)):
			if interactive {
				return out, notInstalled(x, t)
			}
			return out, unknownResource(prefix, t)
		case all:
			if static = s; x.itself(reg, prefix) { // https://github.com/MSEndpointMgr/Intune/issues/46
				return out, forItself(reg)
			}
		case name == "" || !x.has(name):
			return out, aadsts("invalid_client", 650053, "The application '%s' asked for scope '%s' that doesn't exist on the resource '%s'. Contact the app vendor.", reg.Name, name, x.id())
		}
		i := slices.IndexFunc(out.of, func(d demand) bool { return d.resource.id() == x.id() })
		if i < 0 {
			i, out.of = len(out.of), append(out.of, demand{resource: x})
		}
		if d := &out.of[i]; strings.EqualFold(name, ".default") {
			d.static = true
		} else {
			d.names = append(d.names, x.spelled(name))
		}
	}
	switch {
	case len(out.of) > 1 && !interactive:
		code := 28000 // as reported from the service; Microsoft's list has 700022
		if e.opts.Rules == DocumentedRules {
			code = 700022
		}
		return out, aadsts("invalid_scope", code, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", strings.Join(asked, " "))
	case static != "" && named > 1 && slices.ContainsFunc(asked, func(o string) bool { return o != static && !isOIDC(o) }):
		return out, aadsts("invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid. .default scope can't be combined with resource-specific scopes.", strings.Join(asked, " "))
	}
	return out, nil
}

// itself says whether a client names itself as the resource, by another name than its client id. A scope of it is issued nevertheless
// when it is named, as https://github.com/damienbod/angular-auth-oidc-client/issues/1844 has it.
func (x resource) itself(reg registration, prefix string) bool {
	return x.app != nil && x.app.ClientID == reg.ClientID && !isGUID(strings.TrimRight(prefix, "/"))
}

func forItself(reg registration) *oauthError {
	return aadsts("invalid_request", 90009, "Application '%s'(%s) is requesting a token for itself. This scenario is supported only if resource is specified using the GUID based App Identifier.", reg.ClientID, reg.Name)
}

// notInstalled: https://github.com/microsoft/GraphNotificationBroker/issues/5
func notInstalled(x resource, t *tenant) *oauthError {
	return aadsts("invalid_client", 650052, "The app is trying to access a service '%s'(%s) that your organization '%s' lacks a service principal for. Contact your IT Admin to review the configuration of your service subscriptions or consent to the application in order to create the required service principal.", x.id(), x.app.Name, t.id)
}

// unconsented is what a person has to consent to before the client gets what it demands; afresh as if nobody had consented to anything.
// .default asks for nothing where the client may do something at the resource already, and for all that it has registered, of every API,
// where it may not; then it asks for the APIs too that know the client as theirs:
// https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#the-default-scope,
// …/v2-oauth2-on-behalf-of-flow#default-and-combined-consent
func (e *Emulator) unconsented(r *http.Request, t *tenant, reg registration, oid string, asked demands, afresh bool) ([]ask, *oauthError) {
	have := func(client registration, x resource) []string {
		if afresh {
			return nil
		}
		return e.granted(t, client, x, oid)
	}
	var out []ask
	want := func(client registration, x resource, names []string) {
		if names = lacking(names, have(client, x)); len(names) > 0 {
			out = append(out, ask{client: client, resource: x, scopes: names})
		}
	}
	graph := graphResource(siteOf(r))
	agreed := len(have(reg, graph)) > 0
	for _, d := range asked.of {
		granted := have(reg, d.resource)
		agreed = agreed || len(granted) > 0
		if !d.static {
			want(reg, d.resource, d.names)
			continue
		}
		if len(granted) > 0 {
			continue
		}
		listed := d.resource.graph || d.resource.id() == reg.ClientID || d.resource.open
		all, refusal := e.registeredAsks(r, t, reg)
		if refusal != nil {
			return nil, refusal
		}
		for _, x := range all {
			listed = listed || x.resource.id() == d.resource.id()
			want(x.client, x.resource, x.scopes)
		}
		switch {
		case !listed:
			return nil, notListed(reg, d.resource)
		case d.resource.graph && len(out) == 0:
			want(reg, graph, []string{"openid"})
		}
	}
	// Scopes about the person are Graph's and come with any other consent.
	if len(asked.oidc) > 0 && !agreed {
		if i := slices.IndexFunc(out, func(w ask) bool { return w.resource.graph && w.client.ClientID == reg.ClientID }); i >= 0 {
			out[i].scopes = append(lacking(asked.oidc, out[i].scopes), out[i].scopes...)
		} else {
			want(reg, graph, asked.oidc)
		}
	}
	return out, nil
}

// lacking are the names that are not among others, each once and in order.
func lacking(names, others []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(others, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// notListed: https://github.com/Azure/azure-cli/issues/33887
func notListed(reg registration, x resource) *oauthError {
	var ids []string
	for _, a := range reg.requires {
		ids = append(ids, a.resource)
	}
	return aadsts("invalid_client", 650057, "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: %s(%s). Resource value from request: %s. Resource app ID: %s. List of valid resources from app registration: %s.",
		reg.ClientID, reg.Name, strings.TrimSuffix(x.prefix, "/"), x.id(), strings.Join(ids, ", "))
}

// registeredAsks are the permissions that a registration lists, and those that the APIs among them list which know the client as theirs.
// Known APIs come with consent to a tenant that does not have them yet; APIs that are nowhere in the emulator are left out.
func (e *Emulator) registeredAsks(r *http.Request, t *tenant, reg registration) ([]ask, *oauthError) {
	out := e.listed(r, t, reg)
	for _, a := range slices.Clone(out) {
		switch known := a.resource.app != nil && slices.Contains(a.resource.app.known, reg.ClientID); {
		case known:
			out = append(out, e.listed(r, t, *a.resource.app)...)
		case a.resource.absent:
			return nil, notInstalled(a.resource, t)
		}
	}
	return out, nil
}

func (e *Emulator) listed(r *http.Request, t *tenant, reg registration) []ask {
	var out []ask
	for _, a := range reg.requires {
		if x, ok := e.resourceOf(r, t, a.resource+"/"); ok {
			out = append(out, ask{client: reg, resource: x, scopes: a.scopes, roles: a.roles})
		}
	}
	return out
}

// scopeSet is what a request for scopes came to.
type scopeSet struct {
	resource resource
	names    []string // for scp: everything that is granted on the resource, as the service does it
	shown    []string // for the answer's scope: as they were asked for, then what else is granted
	roles    []string
}

// resolveScopes decides what a person's token is good for. The scopes of the sign-in that are about the person stay good.
func (e *Emulator) resolveScopes(r *http.Request, t *tenant, reg registration, acc account, asked, signedIn []string) (scopeSet, *oauthError) {
	all, refusal := e.demandsOf(r, t, reg, asked, false)
	if refusal != nil {
		return scopeSet{}, refusal
	}
	s := scopeSet{resource: graphResource(siteOf(r))}
	s.resource.audience = graphAppID
	if len(all.of) > 0 {
		s.resource = all.of[0].resource
	}
	missing, refusal := e.unconsented(r, t, reg, acc.id, all, false)
	if refusal != nil {
		return s, refusal
	}
	if len(missing) > 0 {
		err := aadsts("invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", reg.ClientID, reg.Name)
		err.suberror = "consent_required"
		return s, err
	}
	s.names = slices.DeleteFunc(e.granted(t, reg, s.resource, acc.id), func(name string) bool {
		return strings.EqualFold(name, "offline_access") || name == ".default"
	})
	if s.resource.graph {
		for _, o := range oidcScopes[:3] {
			if slices.Contains(asked, o) || slices.Contains(signedIn, o) {
				s.names = append(s.names, o)
			}
		}
	} else {
		s.roles = assigned(*s.resource.app, acc.holder())
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
	s.names = slices.Compact(s.names)
	s.shown = shownScopes(s.resource, asked, s.names)
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

func declined() *oauthError {
	return aadsts("access_denied", 65004, "User declined to consent to access the app.")
}
