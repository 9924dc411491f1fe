package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// resource is what a token is for.
type resource struct {
	audience string
	graph    bool
	prefix   string        // how the client wrote it, with the slash behind
	app      *registration // the application that is the resource; nil for Graph
	absent   bool          // the tenant has no service principal of it
	open     bool          // nobody is asked for consent: Azure's own API
}

// id is the resource's application id.
func (r resource) id() string {
	if r.app == nil {
		return graphAppID
	}
	return r.app.ClientID
}

// v1 says that the resource takes access tokens of version 1.0, as Graph does and every application that has not asked for 2:
// https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-formats
func (r resource) v1() bool { return r.app == nil || r.app.TokenVersion != 2 }

// scope is a delegated permission of an application by its name in any case.
func (r resource) scope(name string) (Permission, bool) {
	i := slices.IndexFunc(r.app.Exposes, func(p Permission) bool { return strings.EqualFold(p.Value, name) })
	if i < 0 {
		return Permission{}, false
	}
	return r.app.Exposes[i], true
}

// has says whether the resource has a delegated permission of that name.
func (r resource) has(name string) bool {
	if r.app == nil {
		return strings.Contains(name, ".") // the emulator does not know all of them
	}
	_, ok := r.scope(name)
	return ok
}

// scopes are the delegated permissions of an application.
func (r resource) scopes() []string {
	var out []string
	for _, p := range r.app.Exposes {
		out = append(out, p.Value)
	}
	return out
}

// spelled is a scope as the resource writes it.
func (r resource) spelled(name string) string {
	if r.app == nil {
		return spelled(name)
	}
	if p, ok := r.scope(name); ok {
		return p.Value
	}
	return name
}

// needsAdministrator says whether a scope can be consented to by administrators only: of an application, where its type is Admin.
// https://learn.microsoft.com/en-us/graph/api/resources/permissionscope#properties
func (r resource) needsAdministrator(scope string) bool {
	if r.app == nil || isOIDC(scope) {
		return needsAdministrator(scope)
	}
	p, ok := r.scope(scope)
	return ok && p.Type == "Admin"
}

// graphResource is Microsoft Graph as a client names it that names no resource.
func graphResource(s site) resource {
	return resource{graph: true, audience: "https://" + s.cloud.graphs[0]}
}

// splitScope takes "https://graph.microsoft.com/User.Read" apart. A scope without a resource is Graph's.
func splitScope(scope string) (prefix, name string) {
	i := strings.LastIndex(scope, "/")
	if i < 0 {
		return "", scope
	}
	return scope[:i+1], scope[i+1:]
}

// resourceOf finds what a scope's prefix names: Graph under its own name, its id or this emulator's address, or an application of
// the tenant under api://<client id>, its client id or one of its identifiers.
func (e *Emulator) resourceOf(r *http.Request, t *tenant, prefix string) (resource, bool) {
	name := strings.TrimRight(prefix, "/")
	lower := strings.ToLower(name)
	s := siteOf(r)
	res := graphResource(s)
	res.prefix = prefix
	switch {
	case lower == graphAppID:
		res.audience = graphAppID
		return res, true
	case s.isGraph(lower):
		_, host, _ := strings.Cut(lower, "://")
		res.audience = "https://" + host
		return res, true
	case lower == "", !s.real && e.ownAddress(r, lower):
		return res, true
	}
	reg, ok := e.registrationOf(t, strings.TrimPrefix(lower, "api://"))
	if !ok {
		reg, ok = e.identified(t, name)
	}
	if open := s.cloud.resourceManager(); !ok && open.isNamed(lower) {
		reg, ok, res.open = open, true, true
	}
	if !ok {
		return resource{}, false
	}
	res = resource{prefix: prefix, app: &reg, audience: reg.ClientID, open: res.open, absent: !res.open && t != nil && reg.tenant != t}
	if res.v1() && strings.Contains(name, "://") {
		// Version 1.0 has the identifier that was asked for with the slash that it may end in, version 2.0 always the client id:
		// https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#trailing-slash-and-default
		res.audience = strings.TrimSuffix(prefix, "/")
	}
	return res, true
}

// resourceManager is Azure's own API, which every tenant with Azure has. The emulator issues its tokens, which tools ask for when
// they sign in, and has no Azure behind them.
// https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
func (c *cloud) resourceManager() registration {
	return registration{App: App{
		ClientID: "797f4846-ba00-4fd7-ba43-dac1f8f63013", Name: "Windows Azure Service Management API", Identifiers: []string{c.classic, c.manage},
		Exposes: []Permission{{ID: "41094075-9dad-400e-a0bd-54e686782033", Value: "user_impersonation", Name: "Access Azure Service Management as organization users"}},
	}}
}

// identified is the application that has an identifier URI: one of the tenant, or of another one that people of this one may use.
func (e *Emulator) identified(t *tenant, uri string) (registration, bool) {
	var ids []string
	e.mu.RLock()
	for _, x := range e.tenants {
		for _, app := range x.dir.typed("application").list {
			if slices.ContainsFunc(texts(app.rec.get(aIdentifiers)), func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), uri) }) {
				if ids = append(ids, app.text("appId")); x == t {
					ids[0], ids[len(ids)-1] = ids[len(ids)-1], ids[0]
				}
			}
		}
	}
	e.mu.RUnlock()
	for _, id := range ids {
		if reg, ok := e.registrationOf(t, id); ok {
			return reg, true
		}
	}
	return registration{}, false
}

// isNamed says whether an audience is the application's: its client id or one of its identifiers.
func (r registration) isNamed(audience string) bool {
	return strings.EqualFold(audience, r.ClientID) || strings.EqualFold(audience, "api://"+r.ClientID) ||
		slices.ContainsFunc(r.Identifiers, func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), audience) })
}
