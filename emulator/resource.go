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

// has says whether the resource has a delegated permission of that name.
func (r resource) has(name string) bool {
	if r.app == nil {
		return strings.Contains(name, ".") // the emulator does not know all of them
	}
	return len(r.app.Exposes) == 0 || slices.ContainsFunc(r.app.Exposes, func(p Permission) bool { return strings.EqualFold(p.Value, name) })
}

// exposed are the names for scp: those asked for, or with .default all that the application exposes.
func (r resource) exposed(asked []string) []string {
	var out []string
	for _, name := range asked {
		if name != ".default" && !isOIDC(name) {
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, p := range r.app.Exposes {
		out = append(out, p.Value)
	}
	if len(out) == 0 {
		return []string{"access_as_user"}
	}
	return out
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
	res := resource{prefix: prefix, graph: true, audience: "https://" + s.cloud.graphs[0]}
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
		if reg, ok = e.identified(t, name); !ok {
			if reg = s.cloud.resourceManager(); !reg.isNamed(lower) {
				return resource{}, false
			}
		}
	}
	res = resource{prefix: prefix, app: &reg, audience: reg.ClientID}
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

// identified is the application of the tenant that has an identifier URI.
func (e *Emulator) identified(t *tenant, uri string) (registration, bool) {
	if t == nil {
		return registration{}, false
	}
	id := ""
	e.mu.RLock()
	for _, app := range t.dir.typed("application").list {
		if slices.ContainsFunc(texts(app.rec.get(aIdentifiers)), func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), uri) }) {
			id = app.text("appId")
		}
	}
	e.mu.RUnlock()
	if id == "" {
		return registration{}, false
	}
	return e.registrationOf(t, id)
}

// isNamed says whether an audience is the application's: its client id or one of its identifiers.
func (r registration) isNamed(audience string) bool {
	return strings.EqualFold(audience, r.ClientID) || strings.EqualFold(audience, "api://"+r.ClientID) ||
		slices.ContainsFunc(r.Identifiers, func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), audience) })
}
