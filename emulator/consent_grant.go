package emulator

import (
	"slices"
	"strings"
)

// permissionName is the name of a permission of an API by its id and its kind, Scope or Role; "" when the API does not have it.
func (d *directory) permissionName(appID, id, kind string) string {
	if appID == graphAppID {
		return d.graphName(id)
	}
	app, _ := d.application(appID)
	if app == nil {
		return ""
	}
	list := app.rec.get(aRoles)
	if kind == "Scope" {
		list = member(app.rec.get(aAPI), "oauth2PermissionScopes")
	}
	for _, p := range permissionsOf(list) {
		if strings.EqualFold(p.ID, id) && p.IsEnabled {
			return p.Value
		}
	}
	return ""
}

// granted are the delegated permissions of a resource that a client has: consented to for everybody or by this person, or given by the
// resource without consent.
func (e *Emulator) granted(t *tenant, reg registration, x resource, oid string) []string {
	if x.open {
		return x.scopes()
	}
	var out []string
	if x.app != nil {
		out = slices.Clone(x.app.trusted[reg.ClientID])
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	d := t.dir
	own, resource := d.service(reg.ClientID), d.service(x.id())
	if x.graph {
		resource = d.graphService()
	}
	if own == nil || resource == nil {
		return out
	}
	all := []*object{d.grant(own, resource, nil)}
	if u := t.userByID(oid); u != nil {
		all = append(all, d.grant(own, resource, u))
	}
	for _, g := range all {
		if g == nil {
			continue
		}
		for _, s := range strings.Fields(g.text("scope")) {
			if x.graph || x.has(s) {
				out = append(out, x.spelled(s))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// itself is a call in which the emulator changes the directory for somebody at a sign-in page.
func (e *Emulator) itself(t *tenant, clientID, oid string) *call {
	return &call{e: e, t: t, requestID: e.random.id(), p: &principal{tenant: t, client: clientID, user: t.userByID(oid)}}
}

// install puts a multi-tenant application into tenant t, as the first consent there does, and returns it as t has it.
func (e *Emulator) install(t *tenant, reg registration, oid string) registration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.dir.service(reg.ClientID) == nil {
		in := t.dir.typed("servicePrincipal")
		o := &object{in: in, id: e.random.id()}
		edits := []edit{in.given(sEnabled, "true"), in.given(sAppID, text(reg.ClientID))}
		if a, ok := firstPartyNamed(reg.ClientID); ok {
			edits = append(edits, in.given(sName, text(a.Name)), in.given(sOwner, text(microsoftTenant)))
		}
		// Nothing stands in the way: there was none.
		_ = e.itself(t, reg.ClientID, oid).applyTo(o, edits, "servicePrincipal.create")
	} else if reg.tenant == t {
		return reg
	}
	out, _ := e.registered(t, reg.ClientID)
	return out
}

// consent notes what a person, or with everybody an administrator for all, agreed to: grants and assignments of the directory.
func (e *Emulator) consent(t *tenant, agreed []ask, who account, everybody bool) {
	for _, w := range agreed {
		reg := e.install(t, w.client, who.id)
		if w.resource.app != nil && !w.resource.open {
			e.install(t, *w.resource.app, who.id)
		}
		e.mu.Lock()
		e.agree(t, reg, w, who, everybody)
		e.mu.Unlock()
	}
}

func (e *Emulator) agree(t *tenant, reg registration, w ask, who account, everybody bool) {
	d := t.dir
	c := e.itself(t, reg.ClientID, who.id)
	own, resource := d.service(reg.ClientID), d.service(w.resource.id())
	if w.resource.graph {
		resource = d.graphService()
	}
	if resource == nil {
		return
	}
	person := c.p.user
	if everybody {
		person = nil
	}
	d.allow(own, resource, person, w.scopes, func(g *object, edits []edit) {
		op := "oAuth2PermissionGrant.update"
		if g.ord == 0 {
			op = "oAuth2PermissionGrant.create"
		}
		_ = c.applyTo(g, edits, op) // such a grant clashes with nothing
	})
	for _, name := range w.roles {
		id := resource.roleNamed(name)
		if d.assignment(own, resource, id) != nil {
			continue
		}
		o := d.newAssignment(e.random.id(), own, resource, id, instantJSON(e.Now()))
		_ = c.applyTo(o, nil, "appRoleAssignment.create") // the same
	}
	entry := c.entry("app.consent", own.id)
	entry.After = map[string]any{"resource": w.resource.id(), "scopes": w.scopes, "roles": w.roles, "everybody": everybody}
	e.ledger.add(entry)
}

// allow adds scopes to what a person, or with nil everybody, agreed to; write keeps it.
func (d *directory) allow(client, resource, who *object, scopes []string, write func(g *object, edits []edit)) {
	g := d.grant(client, resource, who)
	var have []string
	if g != nil {
		have = strings.Fields(g.text("scope"))
	}
	fresh := lacking(scopes, have)
	switch {
	case len(fresh) == 0:
		return
	case g == nil:
		g = d.newGrant(client, resource, who, nil)
	}
	write(g, []edit{g.in.given(oScope, text(strings.Join(append(have, fresh...), " ")))})
}
