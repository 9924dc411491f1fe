package emulator

import (
	"encoding/json"
	"slices"
	"strings"
)

// roleProps: https://learn.microsoft.com/en-us/graph/api/resources/directoryrole#properties
var roleProps = []prop{
	{name: "id", shown: true},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "description", shown: true, fixed: true},
	{name: "displayName", shown: true, fixed: true, ops: "eq", adv: "ne not in sw"},
	{name: "roleTemplateId", shown: true, born: true, must: true, ops: "eq"},
}

// templateProps: https://learn.microsoft.com/en-us/graph/api/resources/directoryroletemplate#properties
var templateProps = []prop{
	{name: "id", shown: true},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "description", shown: true, fixed: true},
	{name: "displayName", shown: true, fixed: true},
}

var (
	dName        = propNumber(roleProps, "displayName")
	dDescription = propNumber(roleProps, "description")
	dTemplate    = propNumber(roleProps, "roleTemplateId")
)

// conflicting is what the service says to a role that is active already, and to an assignment that is there already:
// https://github.com/manicminer/hamilton/pull/31, https://github.com/dod-ccpo/atat/pull/1554
const conflicting = "A conflicting object with one or more of the specified property values is present in the directory."

// readRoles: https://learn.microsoft.com/en-us/graph/api/directoryrole-list, administrativeunit-list-scopedrolemembers
var readRoles = []string{"RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "Directory.Read.All", "Directory.ReadWrite.All"}

// seesRoles: https://learn.microsoft.com/en-us/graph/api/directoryrole-list. Every member of the organization may, guests not.
func seesRoles(c *call, _ *object) sight {
	if !c.p.holds(readRoles...) && !c.p.asUser() || c.guest && !c.p.administers() {
		return blind
	}
	return full
}

// mayWriteRoles is nil when the caller may give and take directory roles:
// https://learn.microsoft.com/en-us/graph/api/directoryrole-post-members
func mayWriteRoles(c *call) error {
	if !c.p.holds("RoleManagement.ReadWrite.Directory") && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(roleAdmins...) {
		return denied()
	}
	return nil
}

// roleEntity: https://learn.microsoft.com/en-us/graph/api/resources/directoryrole. Only active roles exist: those that somebody has
// ever held, and those that were activated.
func roleEntity() *entity {
	return &entity{
		set: "directoryRoles", name: "directoryRole", title: "DirectoryRole", props: roleProps, delta: true,
		find: (*directory).roleOf,
		keys: map[string]func(*directory, string) *object{"roletemplateid": (*directory).roleOf},
		sees: seesRoles,
		rels: []relation{{
			name: "members", types: []string{"user", "group", "servicePrincipal"}, bond: "members", delta: true, op: "directoryRole.member",
			mayEdit: func(c *call, _ *object) error { return mayWriteRoles(c) },
			link:    func(_ *call, _, x *object) error { return mayHoldRoles(x) },
		}},
		routes: func(c *call, key string, n int) (bool, error) {
			if !c.is(n, "scopedMembers") {
				return false, nil
			}
			return true, c.scopedRoleMembers(c.t.dir.typed("directoryRole"), key, n)
		},
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayWriteRoles(c) },
		prepare: func(c *call, o *object, edits []edit) ([]edit, error) {
			id := strings.ToLower(unquote(edits[0].json)) // the only property that may be given
			def := definition(id)
			switch {
			case slices.ContainsFunc(implicitRoles, func(r roleDef) bool { return r.id == id }):
				// text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/11585
				return nil, badRequest("Instantiating an implicit user role in not supported.")
			case def == nil:
				return nil, notThere(id)
			case c.t.dir.roleOf(id) != nil:
				return nil, badRequest(conflicting)
			}
			return []edit{o.in.given(dDescription, text(def.name)), o.in.given(dName, text(def.name)), o.in.given(dTemplate, text(id))}, nil
		},
	}
}

// mayHoldRoles refuses groups that were not made for roles: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/groups-concept
func mayHoldRoles(x *object) error {
	if x.is("group") && !x.assignable() {
		// text as quoted in https://github.com/Microsoft365DSC/Microsoft365DSC/issues/879
		return badRequest("Groups without IsAssignableToRole property set cannot be assigned to roles.")
	}
	return nil
}

// templateEntity: https://learn.microsoft.com/en-us/graph/api/resources/directoryroletemplate
func templateEntity() *entity {
	return &entity{
		set: "directoryRoleTemplates", name: "directoryRoleTemplate", title: "DirectoryRoleTemplate", props: templateProps, plain: true, sees: seesRoles,
		stands: func(t *table) []*object {
			var out []*object
			for _, r := range slices.Concat(directoryRoles, implicitRoles) {
				o := &object{in: t, id: r.id}
				o.rec = record{}.with([]field{{t.prop("description"), text(r.name)}, {t.prop("displayName"), text(r.name)}})
				out = append(out, o)
			}
			return out
		},
	}
}

// roleOf finds a directory role by its template id; nil when it is not active.
func (d *directory) roleOf(template string) *object {
	for _, o := range d.typed("directoryRole").list {
		if strings.EqualFold(unquote(o.rec.get(dTemplate)), template) {
			return o
		}
	}
	return nil
}

// role is a directory role, which exists from its first holder on.
func (d *directory) role(e *Emulator, template string) *object {
	if o := d.roleOf(template); o != nil {
		return o
	}
	name := text(roleName(template))
	o := &object{in: d.typed("directoryRole"), id: e.random.id()}
	o.rec = record{}.with([]field{{dDescription, name}, {dName, name}, {dTemplate, text(template)}})
	d.enter(o)
	return o
}

// rolesHeld are the directory roles that an object itself holds.
func (d *directory) rolesHeld(o *object) []string {
	var out []string
	for _, x := range d.from("members", o) {
		if x.is("directoryRole") {
			out = append(out, unquote(x.rec.get(dTemplate)))
		}
	}
	return out
}

// roles are the template ids of the directory roles that an object has, those of its role-assignable groups included:
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/groups-concept
func (d *directory) roles(o *object) []string {
	out := d.rolesHeld(o)
	for _, g := range d.from("members", o) {
		if !g.is("group") || !g.assignable() {
			continue
		}
		for _, id := range d.rolesHeld(g) {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
