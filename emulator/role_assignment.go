package emulator

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// roleDefinitionProps: https://learn.microsoft.com/en-us/graph/api/resources/unifiedroledefinition#properties
var roleDefinitionProps = []prop{
	{name: "id", shown: true, ops: "eq in"},
	{name: "description", shown: true},
	{name: "displayName", shown: true, must: true, ops: "eq in sw"},
	{name: "isBuiltIn", typ: edmBool, shown: true, fixed: true, blank: "false", ops: "eq in"},
	{name: "isEnabled", typ: edmBool, shown: true, must: true},
	{name: "resourceScopes", typ: edmTexts, shown: true, blank: `["/"]`},
	{name: "rolePermissions", typ: edmObjects, shown: true, must: true, shape: `[{"allowedResourceActions":["#text"],"condition":"#text"}]`},
	{name: "templateId", shown: true, born: true},
	{name: "version", shown: true},
}

// assignedProps: https://learn.microsoft.com/en-us/graph/api/resources/unifiedroleassignment#properties
var assignedProps = []prop{
	{name: "id", shown: true},
	{name: "appScopeId", born: true, ops: "eq in"},
	{name: "directoryScopeId", shown: true, born: true, ref: true, ops: "eq in"},
	{name: "principalId", shown: true, born: true, must: true, ref: true, ops: "eq in"},
	{name: "roleDefinitionId", shown: true, born: true, must: true, ops: "eq in"},
	{name: "custom", hidden: true, ref: true}, // the role, when it is not a built-in one
}

var (
	eBuiltIn     = propNumber(roleDefinitionProps, "isBuiltIn")
	eDescription = propNumber(roleDefinitionProps, "description")
	eEnabled     = propNumber(roleDefinitionProps, "isEnabled")
	eName        = propNumber(roleDefinitionProps, "displayName")
	ePermissions = propNumber(roleDefinitionProps, "rolePermissions")
	eTemplate    = propNumber(roleDefinitionProps, "templateId")
	eVersion     = propNumber(roleDefinitionProps, "version")

	qAppScope  = propNumber(assignedProps, "appScopeId")
	qScopeID   = propNumber(assignedProps, "directoryScopeId")
	qPrincipal = propNumber(assignedProps, "principalId")
	qRole      = propNumber(assignedProps, "roleDefinitionId")
	qCustom    = propNumber(assignedProps, "custom")
)

// unitScope begins a directoryScopeId that means the members of a unit.
const unitScope = "/administrativeUnits/"

// unitRoles are those that can be assigned with administrative unit scope, of the ones that the emulator has:
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/manage-roles-portal#roles-that-can-be-assigned-with-administrative-unit-scope
var unitRoles = []string{authAdmin, groupsAdmin, helpdeskAdmin, licenseAdmin, passwordAdmin, privAuthAdmin, sharePointAdmin, teamsAdmin, userAdmin}

// roleDefinitionEntity: https://learn.microsoft.com/en-us/graph/api/resources/unifiedroledefinition. What a role of one's own allows is kept
// and gives nothing.
func roleDefinitionEntity() *entity {
	builtIn := func(o *object) bool { return o.rec.get(eBuiltIn) == "true" }
	mayChange := func(c *call, o *object) error {
		if err := mayWriteRoles(c); err != nil {
			return err
		}
		if builtIn(o) {
			return badRequest("Built-in roles cannot be changed or deleted.") // the words are inferred
		}
		return nil
	}
	return &entity{
		set: "roleManagement/directory/roleDefinitions", name: "unifiedRoleDefinition", title: "RoleDefinition", props: roleDefinitionProps, plain: true,
		sees: func(c *call, o *object) sight {
			if c.p.delegated() && !c.p.administers() { // https://learn.microsoft.com/en-us/graph/api/unifiedroledefinition-get
				return blind
			}
			return seesRoles(c, o)
		},
		rels: []relation{{name: "inheritsPermissionsFrom", types: []string{"unifiedRoleDefinition"}, pure: true, list: func(_ *directory, o *object) []*object {
			if !builtIn(o) || o.id == directoryReader {
				return nil
			}
			return []*object{o.in.standing(directoryReader)}
		}}},
		stands: func(t *table) []*object {
			var out []*object
			for _, r := range directoryRoles {
				o := &object{in: t, id: r.id}
				o.rec = record{}.with(fieldsOf(map[int]string{
					eDescription: text(r.name), eName: text(r.name), eBuiltIn: "true", eEnabled: "true", eTemplate: text(r.id), eVersion: `"1"`,
					ePermissions: `[{"allowedResourceActions":[],"condition":null}]`,
				}))
				out = append(out, o)
			}
			return out
		},
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayWriteRoles(c) },
		mayPatch:  func(c *call, o *object, _ []edit) error { return mayChange(c, o) },
		mayDelete: mayChange,
		prepare: func(_ *call, o *object, edits []edit) ([]edit, error) {
			if !slices.ContainsFunc(edits, func(e edit) bool { return e.prop == eTemplate }) {
				edits = append(edits, o.in.given(eTemplate, text(o.id)))
			}
			return edits, nil
		},
	}
}

// assignedEntity: https://learn.microsoft.com/en-us/graph/api/resources/unifiedroleassignment. A built-in role in the whole organization is
// held by membership in the directoryRole, and its assignment is only a reading of that; all others are kept here.
func assignedEntity() *entity {
	ofID := func(i int) func(*directory, *object) []*object {
		return func(d *directory, o *object) []*object {
			if x := d.byID[tail(unquote(o.rec.get(i)))]; x != nil {
				return []*object{x}
			}
			return nil
		}
	}
	return &entity{
		set: "roleManagement/directory/roleAssignments", name: "unifiedRoleAssignment", title: "RoleAssignment", props: assignedProps, plain: true,
		sees: seesAssigned,
		rels: []relation{
			{name: "principal", types: []string{"user", "group", "servicePrincipal"}, one: true, list: ofID(qPrincipal)},
			{name: "directoryScope", types: []string{"administrativeUnit", "application", "servicePrincipal"}, one: true, list: ofID(qScopeID)},
			{name: "roleDefinition", types: []string{"unifiedRoleDefinition"}, pure: true, one: true, list: func(d *directory, o *object) []*object {
				return []*object{d.roleDefinition(o.text("roleDefinitionId"))}
			}},
		},
		find: func(d *directory, key string) *object {
			all := d.everywhere()
			if i := slices.IndexFunc(all, func(o *object) bool { return o.id == key }); i >= 0 {
				return all[i]
			}
			return nil
		},
		listed: func(d *directory) []*object {
			kept := slices.DeleteFunc(slices.Clone(d.assignments.list), func(a *object) bool { return !d.complete(a) })
			return append(kept, d.everywhere()...)
		},
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayWriteRoles(c) },
		mayDelete: func(c *call, _ *object) error { return mayWriteRoles(c) },
		make: func(c *call, edits []edit) (*object, error) {
			of := map[int]string{}
			for _, e := range edits {
				of[e.prop] = unquote(e.json)
			}
			if of[qAppScope] != "" {
				return nil, badRequest("Must specify valid property scope of entity RoleAssignment") // no application of the directory has scopes of its own
			}
			return c.assign(of[qPrincipal], of[qRole], of[qScopeID])
		},
		unmake: func(c *call, o *object) bool {
			role, who := c.t.dir.roleOf(o.text("roleDefinitionId")), c.t.dir.byID[o.text("principalId")]
			if o.text("directoryScopeId") != "/" || role == nil || !c.t.dir.bond("members").has(role, who) {
				return false
			}
			c.t.relink(c.e, role, role.in.relation("members"), nil, []*object{who}, c.entry("directoryRole.member.remove", role.id))
			return true
		},
	}
}

// seesAssigned: https://learn.microsoft.com/en-us/graph/api/rbacapplication-list-roleassignments; delegated it takes a role, as every role but
// that of a plain member includes Directory Readers:
// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/blob/main/api-reference/v1.0/includes/rbac-for-apis/rbac-role-assignment-apis-read.md
func seesAssigned(c *call, _ *object) sight {
	if !c.p.holds(readRoles...) && !c.p.holds("RoleManagement.Read.All") && !c.p.asUser() || c.p.delegated() && !c.p.administers() {
		return blind
	}
	return full
}

// roleDefinition is a role by its id, built-in or one's own; nil when there is none.
func (d *directory) roleDefinition(id string) *object {
	return d.object(d.typed("unifiedRoleDefinition"), "", id)
}

// everywhere are the assignments that follow from membership in directory roles.
func (d *directory) everywhere() []*object {
	var out []*object
	for _, role := range d.typed("directoryRole").list {
		for _, who := range d.to("members", role) {
			out = append(out, d.assignmentOf(role, who))
		}
	}
	return out
}

// assignmentOf is one of them. Its ord keeps it behind those that are kept, in the order of roles and members.
func (d *directory) assignmentOf(role, who *object) *object {
	template := role.text("roleTemplateId")
	o := &object{in: d.assignments, id: assignedID(template, who.id), ord: role.ord<<32 | who.ord}
	o.rec = record{}.with(fieldsOf(map[int]string{qScopeID: `"/"`, qPrincipal: text(who.id), qRole: text(template)}))
	return o
}

// assignedID is the id of an assignment: the ids that it is made of, as the examples of the page have it.
func assignedID(ids ...string) string {
	var b []byte
	for _, id := range ids {
		raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
		if err != nil || len(raw) != 16 {
			raw = []byte(id)
		} else {
			slices.Reverse(raw[:4])
			slices.Reverse(raw[4:6])
			slices.Reverse(raw[6:8])
		}
		b = append(b, raw...)
	}
	return base64.RawURLEncoding.EncodeToString(b) + "-1"
}

// assign gives a role to a person, a group or a service principal: https://learn.microsoft.com/en-us/graph/api/rbacapplication-post-roleassignments.
// What is not there is not found: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/manage-roles-portal
func (c *call) assign(principal, role, scope string) (*object, error) {
	d, t := c.t.dir, c.t.dir.assignments
	who, def := d.at(principal), d.roleDefinition(role)
	switch {
	case !who.is("user") && !who.is("group") && !who.is("servicePrincipal"):
		return nil, notThere(principal)
	case def == nil:
		return nil, notThere(role)
	case def.rec.get(eEnabled) == "false":
		return nil, badRequest("The role '%s' is not enabled for assignment.", def.id) // the words are inferred
	}
	if err := mayHoldRoles(who); err != nil {
		return nil, err
	}
	at, err := d.scopeOf(scope, def)
	if err != nil {
		return nil, err
	}
	builtIn := def.rec.get(eBuiltIn) == "true"
	set := map[int]string{qScopeID: `"/"`, qPrincipal: text(who.id), qRole: text(def.id)}
	ids := []string{def.id, who.id}
	if at != nil {
		ids = append(ids, at.id)
		set[qScopeID] = text("/" + at.id)
		if at.is("administrativeUnit") {
			set[qScopeID] = text(unitScope + at.id)
		}
	}
	if !builtIn {
		set[qCustom] = text(def.id)
	}
	o := &object{in: t, id: assignedID(ids...)}
	if d.object(t, "", o.id) != nil {
		return nil, badRequest(conflicting)
	}
	if builtIn {
		active := d.roleOf(def.id)
		if active == nil {
			active = d.role(c.e, def.id)
			d.changed(c.e.Now(), change{object: active, what: changeCreate})
		}
		if at == nil {
			c.link(active, active.in.relation("members"), []*object{who})
			return d.assignmentOf(active, who), nil
		}
	}
	var edits []edit
	for _, f := range fieldsOf(set) {
		edits = append(edits, t.given(f.prop, f.json))
	}
	return o, c.applyTo(o, edits, "unifiedRoleAssignment.create")
}

// scopeOf is the object that a directoryScopeId means, nil for the organization: the members of a unit, or one application.
func (d *directory) scopeOf(scope string, def *object) (*object, error) {
	builtIn := def.rec.get(eBuiltIn) == "true"
	id, ok := strings.CutPrefix(scope, "/")
	if scope == "/" {
		return nil, nil
	}
	unit, isUnit := strings.CutPrefix(scope, unitScope)
	if isUnit {
		id = unit
	}
	at := d.at(id)
	switch {
	case !ok:
		// text as quoted in https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/3173
		return nil, badRequest("Must specify valid property scope of entity RoleAssignment")
	case isUnit && !at.is("administrativeUnit"), !isUnit && !at.is("application") && !at.is("servicePrincipal"):
		return nil, notThere(id)
	case isUnit && builtIn && !slices.Contains(unitRoles, def.id), !isUnit && builtIn && !slices.Contains(appAdmins[1:], def.id):
		return nil, badRequest("The role '%s' cannot be assigned at the scope '%s'.", def.id, scope) // the words are inferred
	}
	return at, nil
}
