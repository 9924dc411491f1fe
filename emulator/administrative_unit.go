package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// unitProps: the v1.0 CSDL (msgraph-metadata, August 2026); operators from
// https://learn.microsoft.com/en-us/graph/api/resources/administrativeunit#properties
var unitProps = []prop{
	{name: "id", shown: true, ops: "eq"},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true, ops: "eq ge le", adv: "ne not in"},
	{name: "description", shown: true, search: true, ops: "eq in sw", adv: "ne"},
	{name: "displayName", shown: true, must: true, sorts: true, search: true, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "isMemberManagementRestricted", typ: edmBool, shown: true, born: true},
	{name: "membershipRule", shown: true},
	{name: "membershipRuleProcessingState", shown: true, values: []string{"On", "Paused"}},
	{name: "membershipType", shown: true, values: []string{"Assigned", "Dynamic"}},
	{name: "visibility", shown: true, values: []string{"HiddenMembership", "Public"}},
}

var (
	uRestricted = propNumber(unitProps, "isMemberManagementRestricted")
	uType       = propNumber(unitProps, "membershipType")
	uVisibility = propNumber(unitProps, "visibility")
)

// holders are the types that memberOf may hold.
var holders = []string{"group", "directoryRole", "administrativeUnit"}

// unitEntity: https://learn.microsoft.com/en-us/graph/api/resources/administrativeunit
func unitEntity() *entity {
	may := func(c *call, _ *object) error { return mayWriteUnits(c) }
	return &entity{
		set: "directory/administrativeUnits", name: "administrativeUnit", title: "AdministrativeUnit", props: unitProps, delta: true,
		found: []string{"displayName", "description"},
		soft:  func(*object) bool { return true },
		sees:  seesUnits,
		rels: []relation{{
			name: "members", types: []string{"user", "group"}, bond: "units", delta: true, op: "administrativeUnit.member",
			may: (*call).mayUnitMembers, mayEdit: (*call).mayEditUnit, link: linkUnit,
		}},
		mayCreate:  func(c *call, _ map[string]json.RawMessage) error { return mayWriteUnits(c) },
		mayPatch:   func(c *call, _ *object, _ []edit) error { return mayWriteUnits(c) },
		mayDelete:  may,
		mayRestore: may,
		routes: func(c *call, key string, n int) (bool, error) {
			t := c.t.dir.typed("administrativeUnit")
			switch {
			case c.is(n, "scopedRoleMembers"):
				return true, c.scopedRoleMembers(t, key, n)
			case c.is(n, "members") && len(c.seg) == n+1 && c.r.Method == http.MethodPost:
				c.within = &within{t: t, key: key, n: n - 1, rel: t.relation("members")}
				return true, c.create(c.t.dir.groups)
			}
			return false, nil
		},
	}
}

// seesUnits: https://learn.microsoft.com/en-us/graph/api/administrativeunit-get; delegated a member of the organization, or whoever has a role:
// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/blob/main/api-reference/v1.0/includes/rbac-for-apis/rbac-admin-units-apis-read.md
func seesUnits(c *call, _ *object) sight {
	if !c.p.holds("AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() ||
		c.guest && !c.p.administers() {
		return blind
	}
	return full
}

// mayWriteUnits: https://learn.microsoft.com/en-us/graph/api/directory-post-administrativeunits, administrativeunit-post-members
func mayWriteUnits(c *call) error {
	if !c.p.holds("AdministrativeUnit.ReadWrite.All") && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(roleAdmins...) {
		return denied()
	}
	return nil
}

// mayEditUnit: as with groups, the members of a dynamic unit follow from its rule. Status and words for those are inferred.
func (c *call) mayEditUnit(u *object) error {
	if err := mayWriteUnits(c); err != nil {
		return err
	}
	if u.rec.get(uType) == `"Dynamic"` {
		return denied()
	}
	return nil
}

func (c *call) mayUnitMembers(u *object) error {
	if seesUnits(c, u) != full || c.hidesUnit(u) {
		return denied()
	}
	return nil
}

// hidesUnit says whether the members of a unit are hidden from the caller: https://learn.microsoft.com/en-us/graph/api/administrativeunit-list-members,
// …/resources/administrativeunit. That those who manage units see them is inferred.
func (c *call) hidesUnit(u *object) bool {
	if u.rec.get(uVisibility) != `"HiddenMembership"` || c.p.holds("Member.Read.Hidden") {
		return false
	}
	return !c.p.delegated() || !c.p.hasRole(roleAdmins...) && !c.t.dir.bond("units").has(u, c.p.user)
}

// linkUnit: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/admin-units-restricted-management; the words are inferred.
func linkUnit(_ *call, u, x *object) error {
	if u.rec.get(uRestricted) == "true" && x.is("group") && x.rec.get(gMailed) == "true" {
		return badRequest("The object '%s' cannot be a member of a restricted management administrative unit.", x.id)
	}
	return nil
}

// mayCreateWithin is nil when the caller may make a group in the unit of the path:
// https://learn.microsoft.com/en-us/graph/api/administrativeunit-post-members#permissions-to-create-a-new-group
func (c *call) mayCreateWithin(body map[string]json.RawMessage) error {
	makers := []string{"Group.ReadWrite.All"}
	if !c.p.delegated() {
		makers = append(makers, "Group.Create")
	}
	allowed := c.p.holds("Directory.ReadWrite.All") || c.p.asUser()
	for _, read := range []string{"AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All"} {
		allowed = allowed || c.p.holds(makers...) && c.p.holds(read)
	}
	if !allowed || c.p.delegated() && !c.hasRoleOver(c.within.o, groupManagers...) {
		return denied()
	}
	if kind, _ := decodeText(body["@odata.type"]); !strings.EqualFold(strings.TrimPrefix(kind, "#"), "microsoft.graph.group") {
		return badRequest("The request body needs '@odata.type' of a group.") // the words are inferred
	}
	return nil
}

// unitsOf are the administrative units that hold an object.
func (d *directory) unitsOf(o *object) []*object { return d.from("units", o) }

// restricted says whether an object is in a restricted management administrative unit.
func (d *directory) restricted(o *object) bool {
	return slices.ContainsFunc(d.unitsOf(o), func(u *object) bool { return u.rec.get(uRestricted) == "true" })
}
