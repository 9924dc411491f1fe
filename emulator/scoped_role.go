package emulator

import (
	"net/http"
	"slices"
)

// administers says whether the caller has any directory role.
func (p *principal) administers() bool {
	return slices.ContainsFunc(p.wids, func(w string) bool { return definition(w) != nil })
}

// scopedRoles are the assignments of roles that reach not all of the organization and belong to an object, itself or by way of its
// role-assignable groups.
func (d *directory) scopedRoles(who *object) []*object {
	var out []*object
	take := func(x *object) {
		for _, a := range d.refs[x.id] {
			if a.in == d.assignments && a.text("principalId") == x.id {
				out = append(out, a)
			}
		}
	}
	take(who)
	for _, g := range d.from("members", who) {
		if g.is("group") && g.assignable() {
			take(g)
		}
	}
	return out
}

// reach is the object that an assignment is over; nil for the organization, and when it is deleted.
func (d *directory) reach(a *object) *object { return d.byID[tail(a.text("directoryScopeId"))] }

// hasRoleOver says whether the caller has one of the roles where o is: in the organization, over o itself, or over a unit that holds o.
// Who is in a restricted management unit is managed by those whose role is over such a unit alone, whatever else they are.
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/administrative-units, …/admin-units-restricted-management
func (c *call) hasRoleOver(o *object, roles ...string) bool {
	if c.t.dir.restricted(o) {
		return c.scoped(o, roles, true)
	}
	return c.p.hasRole(roles...) || c.scoped(o, roles, false)
}

// scoped says whether the caller has one of the roles, any with nil, at a scope that o is in; restricted counts restricted management
// units alone. It looks at the directory, not at the token: the claim wids is of roles in the whole organization.
func (c *call) scoped(o *object, roles []string, restricted bool) bool {
	d := c.t.dir
	who := c.p.user
	if who == nil {
		who = c.p.app
	}
	if len(d.assignments.list) == 0 || who == nil {
		return false
	}
	return slices.ContainsFunc(d.scopedRoles(who), func(a *object) bool {
		at := d.reach(a) // what is deleted reaches nobody
		if at == nil || roles != nil && !slices.Contains(roles, a.text("roleDefinitionId")) || restricted && at.rec.get(uRestricted) != "true" {
			return false
		}
		return at == o || at.is("administrativeUnit") && d.bond("units").has(at, o)
	})
}

// mayManageRestricted refuses whoever has no role over a restricted management unit that holds o. Permissions of applications do not
// help: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/admin-units-restricted-management#programmability
func (c *call) mayManageRestricted(o *object) error {
	if !c.t.dir.restricted(o) || c.scoped(o, nil, true) {
		return nil
	}
	// text as begun in https://martin-machacek.com/blogPost/40841599-ea45-4ab6-b4b7-93f3288d7f3e, the rest is remembered
	return failure(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation. Target object is a member of a restricted "+
		"management administrative unit and can only be modified by administrators scoped to that administrative unit.")
}

// scopedRoleMembers answers for the roles that are held over a unit, for those that a person holds over units (scopedRoleMemberOf), and
// for a role's (scopedMembers): https://learn.microsoft.com/en-us/graph/api/administrativeunit-list-scopedrolemembers,
// administrativeunit-post-scopedrolemembers, administrativeunit-get-scopedrolemembers, administrativeunit-delete-scopedrolemembers.
// They are the role assignments seen from there.
func (c *call) scopedRoleMembers(t *table, key string, n int) error {
	verbs := []string{http.MethodGet}
	switch unit := c.is(n, "scopedRoleMembers"); {
	case unit && len(c.seg) == n+1:
		verbs = append(verbs, http.MethodPost)
	case unit && len(c.seg) == n+2:
		verbs = append(verbs, http.MethodDelete)
	case len(c.seg) > n+2:
		return c.unknown(c.seg[n+2])
	}
	if err := c.method(verbs...); err != nil {
		return err
	}
	var body struct {
		RoleID         string
		RoleMemberInfo struct{ ID string }
	}
	if c.r.Method == http.MethodPost {
		if err := c.parameters(&body); err != nil {
			return err
		}
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n-1)
	if err != nil {
		return err
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		if !c.p.holds(readRoles...) && !c.p.asUser() {
			return denied()
		}
	} else if err := mayWriteRoles(c); err != nil {
		return err
	}
	d := c.t.dir
	if c.r.Method == http.MethodPost {
		role := d.byID[body.RoleID]
		if !role.is("directoryRole") {
			return notThere(body.RoleID)
		}
		a, err := c.assign(body.RoleMemberInfo.ID, role.text("roleTemplateId"), unitScope+o.id)
		if err != nil {
			return err
		}
		b := c.context(nil, "scopedRoleMemberships/$entity")
		return c.send(http.StatusCreated, append(d.appendScoped(b, a), '}'))
	}
	var list []*object
	for _, a := range d.assignments.list {
		at := d.reach(a)
		if at.is("administrativeUnit") && d.roleOf(a.text("roleDefinitionId")) != nil && d.complete(a) &&
			(at == o || a.text("principalId") == o.id || o.is("directoryRole") && a.text("roleDefinitionId") == o.text("roleTemplateId")) {
			list = append(list, a)
		}
	}
	if len(c.seg) == n+1 {
		return c.sendPage(len(list), "scopedRoleMemberships", func(b []byte, i int) []byte { return d.appendScoped(b, list[i]) })
	}
	i := slices.IndexFunc(list, func(a *object) bool { return a.id == c.seg[n+1] })
	if i < 0 {
		return notThere(c.seg[n+1])
	}
	if c.r.Method == http.MethodDelete {
		c.remove(list[i])
		return c.done()
	}
	return c.send(http.StatusOK, append(d.appendScoped(c.context(nil, "scopedRoleMemberships/$entity"), list[i]), '}'))
}

// appendScoped writes an assignment as a scopedRoleMembership without braces:
// https://learn.microsoft.com/en-us/graph/api/resources/scopedrolemembership
func (d *directory) appendScoped(b []byte, a *object) []byte {
	who := d.byID[a.text("principalId")]
	info := map[string]any{"id": who.id, "displayName": who.text("displayName")}
	if who.is("user") {
		info["userPrincipalName"] = who.upn()
	}
	b = appendText(append(b, `"id":`...), a.id)
	b = appendText(append(b, `,"roleId":`...), d.roleOf(a.text("roleDefinitionId")).id)
	b = appendText(append(b, `,"administrativeUnitId":`...), tail(a.text("directoryScopeId")))
	return append(append(b, `,"roleMemberInfo":`...), jsonOf(info)...)
}
