package emulator_test

import (
	"slices"
	"testing"

	"nameplate/emulator"
)

// One truth under three readings: membership in a directory role, role assignments, and what tokens carry.
// https://learn.microsoft.com/en-us/graph/api/resources/unifiedroleassignment
func TestS3_9_RoleAssignmentsAreMembershipsInRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("RoleManagement.ReadWrite.Directory", "Directory.Read.All")
	of := func(who string) []any {
		t.Helper()
		var out []any
		for _, one := range d.ask("GET", roleAssignments+"?$filter=principalId eq '"+who+"'", nil).items() {
			out = append(out, one["roleDefinitionId"])
		}
		return out
	}
	if got := of(una); !slices.Equal(got, []any{userAdministrator}) {
		t.Errorf("of the organization file: %v", got)
	}
	id := d.giveRole(helpdesk, ann, "/")
	if got := d.wids("ann@contoso.com"); !slices.Equal(got, []string{helpdesk}) {
		t.Errorf("wids %v", got)
	}
	d.want(d.ask("DELETE", "/v1.0/directoryRoles/roleTemplateId="+helpdesk+"/members/"+ann+"/$ref", nil), 204, "")
	d.want(d.ask("GET", roleAssignments+"/"+id, nil), 404, "Request_ResourceNotFound")
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 204, "")
	if got := of(ann); !slices.Equal(got, []any{userAdministrator}) {
		t.Errorf("of a member: %v", got)
	}
	one := d.ask("GET", roleAssignments+"?$filter=principalId eq '"+ann+"' and roleDefinitionId eq '"+userAdministrator+"'&$expand=roleDefinition", nil).items()[0]
	if def, _ := one["roleDefinition"].(map[string]any); def["displayName"] != "User Administrator" || one["directoryScopeId"] != "/" {
		t.Errorf("%v", one)
	}
	d.want(d.ask("DELETE", roleAssignments+"/"+one["id"].(string), nil), 204, "")
	if got := d.wids("ann@contoso.com"); got != nil {
		t.Errorf("wids %v", got)
	}
	// the pages of a list leave nobody out
	var ids []any
	for link := roleAssignments + "?$top=1"; link != ""; {
		r := d.ask("GET", link, nil)
		ids = append(ids, r.items()[0]["principalId"])
		link, _ = r.body["@odata.nextLink"].(string)
	}
	if !slices.Equal(ids, []any{gus, "10000000-0000-4000-8000-000000000004", una}) {
		t.Errorf("%v", ids)
	}
	// a role that nobody held before becomes active, and delta tells it
	link := d.ask("GET", "/v1.0/directoryRoles/delta", nil).body["@odata.deltaLink"].(string)
	d.giveRole(directoryReaders, ann, "/")
	if items := d.ask("GET", link, nil).items(); len(items) != 1 || items[0]["roleTemplateId"] != directoryReaders || items[0]["members@delta"] == nil {
		t.Errorf("%v", items)
	}
}

// rolePeople is what testdata/roles-graph.tsv speaks of besides contoso.yaml: administrators, two units, and a role over one of them.
const rolePeople = `
users:
  - {id: aaaaaaaa-0000-4000-8000-000000000201, upn: prisca@contoso.com, roles: [Privileged Role Administrator], values: {displayName: Prisca Roles, mailNickname: prisca, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000202, upn: drr@contoso.com, roles: [Directory Readers], values: {displayName: Drr, mailNickname: drr, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000203, upn: gre@contoso.com, roles: [Global Reader], values: {displayName: Gre, mailNickname: gre, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000204, upn: gro@contoso.com, roles: [Groups Administrator], values: {displayName: Gro, mailNickname: gro, accountEnabled: true, userType: Member}}
objects:
  - {id: dddddddd-0000-4000-8000-000000000001, type: administrativeUnit, values: {displayName: West}, links: {members: [bob@contoso.com]}}
  - {id: dddddddd-0000-4000-8000-000000000002, type: administrativeUnit, values: {displayName: Board, visibility: HiddenMembership}, links: {members: [bob@contoso.com]}}
  - id: dddddddd-0000-4000-8000-000000000003
    type: unifiedRoleAssignment
    values:
      principalId: aaaaaaaa-0000-4000-8000-000000000006
      roleDefinitionId: fe930be7-5e62-47db-91af-98c3a49a38b1
      directoryScopeId: /administrativeUnits/dddddddd-0000-4000-8000-000000000001
`

// TestS3_9_RoleMatrix holds the emulator to testdata/roles-graph.tsv: who may read and change roles and administrative units.
func TestS3_9_RoleMatrix(t *testing.T) {
	t.Parallel()
	holdToActors(t, "roles-graph.tsv", rolePeople)
}

// A role of one's own is assigned like others and gives nothing here; with it go its assignments.
// https://learn.microsoft.com/en-us/graph/api/rbacapplication-post-roledefinitions
func TestS3_9_RolesOfOnesOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("RoleManagement.ReadWrite.Directory")
	definitions := "/v1.0/roleManagement/directory/roleDefinitions"
	for _, body := range []string{`{"displayName":"x","isEnabled":true}`, `{"isEnabled":true,"rolePermissions":[]}`, `{"displayName":"x","isEnabled":true,"rolePermissions":["a"]}`} {
		d.want(d.ask("POST", definitions, body), 400, "Request_BadRequest")
	}
	r := d.ask("POST", definitions, `{"displayName":"Registrar","isEnabled":true,"rolePermissions":[{"allowedResourceActions":["microsoft.directory/applications/basic/read"]}]}`)
	d.want(r, 201, "")
	if r.body["templateId"] != r.body["id"] || r.body["isBuiltIn"] != false {
		t.Errorf("%s", r.raw)
	}
	path, id := definitions+"/"+r.body["id"].(string), r.body["id"].(string)
	assignment := d.giveRole(id, ann, "/")
	if got := d.wids("ann@contoso.com"); got != nil {
		t.Errorf("wids %v", got)
	}
	d.want(d.ask("PATCH", path, `{"isEnabled":false}`), 204, "")
	d.want(d.ask("POST", roleAssignments, map[string]any{"roleDefinitionId": id, "principalId": max_, "directoryScopeId": "/"}), 400, "Request_BadRequest")
	d.want(d.ask("DELETE", path, nil), 204, "")
	d.want(d.ask("GET", roleAssignments+"/"+assignment, nil), 404, "Request_ResourceNotFound")
	if r := d.ask("GET", definitions+"/"+helpdesk+"?$expand=inheritsPermissionsFrom", nil); r.code != 200 || r.body["inheritsPermissionsFrom"] == nil {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("PATCH", definitions+"/"+helpdesk, `{"isEnabled":false}`), 400, "Request_BadRequest")
}

// A role over one application is for that one: https://learn.microsoft.com/en-us/graph/api/rbacapplication-post-roleassignments (example 3)
func TestS3_9_RoleOverAnApplication(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("Application.ReadWrite.All")
	one, other := d.ask("POST", "/v1.0/applications", `{"displayName":"One"}`), d.ask("POST", "/v1.0/applications", `{"displayName":"Other"}`)
	d.giveRole("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", ann, "/"+one.body["id"].(string))
	by := d.as("ann@contoso.com", "Application.ReadWrite.All")
	d.want(by.ask("PATCH", "/v1.0/applications/"+one.body["id"].(string), `{"displayName":"New"}`), 204, "")
	d.want(by.ask("PATCH", "/v1.0/applications/"+other.body["id"].(string), `{"displayName":"New"}`), 403, "Authorization_RequestDenied")
	r := d.app("RoleManagement.ReadWrite.Directory").ask("POST", roleAssignments, map[string]any{
		"roleDefinitionId": userAdministrator, "principalId": ann, "directoryScopeId": "/" + one.body["id"].(string),
	})
	d.want(r, 400, "Request_BadRequest")
}
