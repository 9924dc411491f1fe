package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nameplate/emulator"
)

const (
	groupsAdministrator = "fdd7a751-b60b-444a-984c-02652fe8fa1c"
	gus                 = "10000000-0000-4000-8000-000000000003"
	nursesGroup         = "20000000-0000-4000-8000-000000000001"
	units               = "/v1.0/directory/administrativeUnits"
	roleAssignments     = "/v1.0/roleManagement/directory/roleAssignments"
)

// unit makes an administrative unit with members and returns its path.
func (d *desk) unit(body map[string]any, members ...string) string {
	d.t.Helper()
	by := d.app("AdministrativeUnit.ReadWrite.All")
	if body["displayName"] == nil {
		body["displayName"] = "West"
	}
	r := by.ask("POST", units, body)
	d.want(r, 201, "")
	path := units + "/" + r.body["id"].(string)
	if got := r.header.Get("Location"); !strings.HasSuffix(got, path) {
		d.t.Errorf("Location %q", got)
	}
	for _, id := range members {
		d.want(by.ask("POST", path+"/members/$ref", refTo(id)), 204, "")
	}
	return path
}

// giveRole gives a role over a scope and returns the assignment's id.
func (d *desk) giveRole(role, who, scope string) string {
	d.t.Helper()
	r := d.app("RoleManagement.ReadWrite.Directory").ask("POST", roleAssignments, map[string]any{"roleDefinitionId": role, "principalId": who, "directoryScopeId": scope})
	d.want(r, 201, "")
	return r.body["id"].(string)
}

// over is the directoryScopeId of a unit's members.
func over(unit string) string {
	return "/administrativeUnits/" + unit[strings.LastIndexByte(unit, '/')+1:]
}

// Hidden members are read with Member.Read.Hidden, and by the members themselves; from a member's end such a unit is not told either.
// https://learn.microsoft.com/en-us/graph/api/administrativeunit-list-members
func TestS3_9_HiddenMembersOfAUnit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	hidden := d.unit(map[string]any{"displayName": "Board", "visibility": "HiddenMembership"}, ann)
	d.unit(map[string]any{"displayName": "West"}, ann, nursesGroup)
	const read = "AdministrativeUnit.Read.All"
	d.want(d.app(read).ask("GET", hidden+"/members", nil), 403, "Authorization_RequestDenied")
	d.want(d.as("max@contoso.com", read).ask("GET", hidden+"/members", nil), 403, "Authorization_RequestDenied")
	for _, by := range []*desk{d.app(read, "Member.Read.Hidden"), d.as("ann@contoso.com", read), d.as("gus@contoso.com", read)} {
		if r := by.ask("GET", hidden+"/members", nil); len(r.items()) != 1 || r.items()[0]["id"] != ann {
			t.Errorf("%d %s", r.code, r.raw)
		}
	}
	for by, want := range map[*desk][]string{d.app("Directory.Read.All"): {"Nurses", "West"}, d.app("Directory.Read.All", "Member.Read.Hidden"): {"Nurses", "Board", "West"}} {
		if got := by.ask("GET", "/v1.0/users/"+ann+"/memberOf", nil).names(); !slices.Equal(got, want) {
			t.Errorf("memberOf %v, wanted %v", got, want)
		}
	}
	// A group brings itself into a unit, not its members:
	// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/administrative-units#groups
	d.want(d.app("AdministrativeUnit.ReadWrite.All").ask("DELETE", hidden+"/members/"+ann+"/$ref", nil), 204, "")
	by := d.app("Directory.Read.All")
	if got := by.ask("GET", "/v1.0/groups/"+nursesGroup+"/memberOf/microsoft.graph.administrativeUnit", nil).names(); !slices.Equal(got, []string{"West"}) {
		t.Errorf("units of the group: %v", got)
	}
	if got := by.ask("GET", "/v1.0/users/"+ann+"/transitiveMemberOf", nil).names(); !slices.Equal(got, []string{"Nurses", "Staff", "West"}) {
		t.Errorf("transitiveMemberOf %v", got)
	}
	r := by.ask("POST", "/v1.0/users/"+ann+"/getMemberObjects", `{"securityEnabledOnly": false}`)
	if n := len(r.body["value"].([]any)); n != 3 {
		t.Errorf("getMemberObjects: %s", r.raw)
	}
}

// A deleted unit gives nobody power, and comes back with members and roles; a purge takes the roles with it.
// https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-restore
func TestS3_9_UnitDeletedAndRestored(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	west := d.unit(map[string]any{}, ann)
	id := west[strings.LastIndexByte(west, '/')+1:]
	assignment := d.giveRole(userAdministrator, rae, over(west))
	by, roles := d.app("AdministrativeUnit.ReadWrite.All"), d.app("RoleManagement.Read.Directory")
	deleted := "/v1.0/directory/deletedItems/"
	edit := func(code int) {
		t.Helper()
		if r := d.as("rae@contoso.com", "User.ReadWrite.All").ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"Head"}`); r.code != code {
			t.Errorf("%d %s, wanted %d", r.code, r.raw, code)
		}
	}
	edit(204)
	d.want(by.ask("DELETE", west, nil), 204, "")
	edit(403)
	if got := d.app("Directory.Read.All").ask("GET", "/v1.0/users/"+ann+"/memberOf", nil).names(); !slices.Equal(got, []string{"Nurses"}) {
		t.Errorf("memberOf %v", got)
	}
	d.want(roles.ask("GET", roleAssignments+"/"+assignment, nil), 200, "")
	if got := by.ask("GET", deleted+"microsoft.graph.administrativeUnit", nil).names(); !slices.Equal(got, []string{"West"}) {
		t.Errorf("deleted ones: %v", got)
	}
	d.want(d.app("AdministrativeUnit.Read.All").ask("POST", deleted+id+"/restore", nil), 403, "Authorization_RequestDenied")
	r := by.ask("POST", deleted+id+"/restore", nil)
	if r.code != 200 || r.body["@odata.type"] != "#microsoft.graph.administrativeUnit" {
		t.Errorf("%d %s", r.code, r.raw)
	}
	edit(204)
	d.want(by.ask("DELETE", west, nil), 204, "")
	d.want(by.ask("DELETE", deleted+id, nil), 204, "")
	d.want(roles.ask("GET", roleAssignments+"/"+assignment, nil), 404, "Request_ResourceNotFound")
}

// Who has a role over a unit makes groups in it, and manages them and nobody else's.
// https://learn.microsoft.com/en-us/graph/api/administrativeunit-post-members#permissions-to-create-a-new-group
func TestS3_9_GroupWithinAUnit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	west, east := d.unit(map[string]any{}), d.unit(map[string]any{"displayName": "East"})
	d.giveRole(groupsAdministrator, rae, over(west))
	body := map[string]any{"@odata.type": "#Microsoft.Graph.Group", "displayName": "Crew", "mailEnabled": false, "mailNickname": "crew", "securityEnabled": true}
	by := d.as("rae@contoso.com", "Group.ReadWrite.All", "AdministrativeUnit.Read.All")
	r := by.ask("POST", west+"/members", body)
	d.want(r, 201, "")
	crew := "/v1.0/groups/" + r.body["id"].(string)
	if got := by.ask("GET", west+"/members", nil).names(); !slices.Equal(got, []string{"Crew"}) {
		t.Errorf("members of the unit: %v", got)
	}
	d.want(by.ask("POST", east+"/members", body), 403, "Authorization_RequestDenied")
	d.want(d.as("rae@contoso.com", "Group.ReadWrite.All").ask("POST", west+"/members", body), 403, "Authorization_RequestDenied")
	d.want(d.as("max@contoso.com", "Group.ReadWrite.All", "AdministrativeUnit.Read.All").ask("POST", west+"/members", body), 403, "Authorization_RequestDenied")
	d.want(d.app("Group.Create", "AdministrativeUnit.Read.All").ask("POST", east+"/members", body), 201, "")
	d.want(d.app("Group.Create").ask("POST", east+"/members", body), 403, "Authorization_RequestDenied")
	delete(body, "@odata.type")
	d.want(by.ask("POST", west+"/members", body), 400, "Request_BadRequest")
	d.want(by.ask("POST", crew+"/members/$ref", refTo(ann)), 204, "")
	d.want(by.ask("POST", "/v1.0/groups/20000000-0000-4000-8000-000000000002/members/$ref", refTo(ann)), 403, "Authorization_RequestDenied")
}

// A role over a unit is for its members who are no administrators, and is not in the token.
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/admin-units-assign-roles
func TestS3_9_RolesOverAUnit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	west := d.unit(map[string]any{}, ann, gus)
	d.giveRole(helpdesk, keyholders, over(west)) // rae is a member
	if got := d.wids("rae@contoso.com"); got != nil {
		t.Errorf("wids %v", got)
	}
	reset := `{"passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"}}`
	by := d.as("rae@contoso.com", "User-PasswordProfile.ReadWrite.All", "Directory.AccessAsUser.All")
	for who, code := range map[string]int{ann: 204, gus: 403, max_: 403} {
		if r := by.ask("PATCH", "/v1.0/users/"+who, reset); r.code != code {
			t.Errorf("%s: %d %s, wanted %d", who, r.code, r.raw, code)
		}
	}
	roles := d.app("RoleManagement.ReadWrite.Directory")
	for body, code := range map[string]int{
		`{"roleDefinitionId":"` + globalAdministrator + `","principalId":"` + rae + `","directoryScopeId":"` + over(west) + `"}`:    400,
		`{"roleDefinitionId":"` + helpdesk + `","principalId":"` + keyholders + `","directoryScopeId":"` + over(west) + `"}`:        400, // again
		`{"roleDefinitionId":"` + helpdesk + `","principalId":"` + nursesGroup + `","directoryScopeId":"` + over(west) + `"}`:       400,
		`{"roleDefinitionId":"` + helpdesk + `","principalId":"` + rae + `","directoryScopeId":"/administrativeUnits/` + ann + `"}`: 404,
		`{"roleDefinitionId":"` + helpdesk + `","principalId":"` + rae + `","directoryScopeId":"West"}`:                             400,
	} {
		if r := roles.ask("POST", roleAssignments, body); r.code != code {
			t.Errorf("%s: %d %s, wanted %d", body, r.code, r.raw, code)
		}
	}
	// the same from the other ends
	var role string
	for _, path := range []string{west + "/scopedRoleMembers", "/v1.0/directoryRoles/roleTemplateId=" + helpdesk + "/scopedMembers"} {
		r := roles.ask("GET", path, nil)
		if len(r.items()) != 1 {
			t.Fatalf("%s: %d %s", path, r.code, r.raw)
		}
		info, _ := r.items()[0]["roleMemberInfo"].(map[string]any)
		if role, _ = r.items()[0]["roleId"].(string); info["displayName"] != "Keyholders" {
			t.Errorf("%s", r.raw)
		}
	}
	d.want(d.app("User.Read.All").ask("GET", west+"/scopedRoleMembers", nil), 403, "Authorization_RequestDenied")
	r := roles.ask("POST", west+"/scopedRoleMembers", map[string]any{"roleId": role, "roleMemberInfo": map[string]any{"id": max_}})
	d.want(r, 201, "")
	if got := roles.ask("GET", "/v1.0/users/"+max_+"/scopedRoleMemberOf", nil).items(); len(got) != 1 || got[0]["id"] != r.body["id"] {
		t.Errorf("%v", got)
	}
	one := west + "/scopedRoleMembers/" + r.body["id"].(string)
	d.want(roles.ask("GET", one, nil), 200, "")
	d.want(d.app("RoleManagement.Read.Directory").ask("DELETE", one, nil), 403, "Authorization_RequestDenied")
	d.want(roles.ask("DELETE", one, nil), 204, "")
	d.want(roles.ask("GET", one, nil), 404, "Request_ResourceNotFound")
}

// Who is in a restricted management unit is managed by those whose role is over it; neither the Global Administrator nor permissions of
// an application help. https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/admin-units-restricted-management
func TestS3_9_RestrictedManagement(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	board := d.unit(map[string]any{"displayName": "Board", "isMemberManagementRestricted": true}, ann, nursesGroup)
	west := d.unit(map[string]any{}, ann)
	d.giveRole(userAdministrator, rae, over(board))
	d.giveRole(userAdministrator, max_, over(west))
	club := d.app("Group.ReadWrite.All").ask("POST", "/v1.0/groups", map[string]any{
		"displayName": "Club", "mailEnabled": true, "mailNickname": "club", "securityEnabled": false, "groupTypes": []string{"Unified"},
	})
	units := d.app("AdministrativeUnit.ReadWrite.All")
	d.want(units.ask("POST", board+"/members/$ref", refTo(club.body["id"].(string))), 400, "Request_BadRequest")
	d.want(units.ask("PATCH", board, map[string]any{"isMemberManagementRestricted": false}), 400, "Request_BadRequest")
	nurses := "/v1.0/groups/" + nursesGroup
	for _, c := range []struct {
		who                string
		by                 *desk
		user, group, other int
	}{
		{"Global Administrator", d.as("gus@contoso.com", "User.ReadWrite.All", "Group.ReadWrite.All"), 403, 403, 204},
		{"application", d.app("User.ReadWrite.All", "Group.ReadWrite.All"), 403, 403, 204},
		{"User Administrator of another unit", d.as("max@contoso.com", "User.ReadWrite.All", "Group.ReadWrite.All"), 403, 403, 403},
		{"User Administrator of the unit", d.as("rae@contoso.com", "User.ReadWrite.All", "Group.ReadWrite.All"), 204, 204, 403},
	} {
		for path, code := range map[string]int{"/v1.0/users/" + ann: c.user, nurses: c.group, "/v1.0/users/" + una: c.other} {
			body := `{"description":"new"}`
			if path != nurses {
				body = `{"jobTitle":"new"}`
			}
			if r := c.by.ask("PATCH", path, body); r.code != code {
				t.Errorf("%s on %s: %d %s, wanted %d", c.who, path, r.code, r.raw, code)
			}
		}
	}
	app := d.app("User.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
	for _, refused := range []reply{
		app.ask("DELETE", "/v1.0/users/"+ann, nil),
		app.ask("PUT", "/v1.0/users/"+ann+"/manager/$ref", refTo(gus)),
		app.ask("POST", "/v1.0/users/"+ann+"/assignLicense", `{"addLicenses":[],"removeLicenses":[]}`),
		app.ask("POST", nurses+"/members/$ref", refTo(gus)),
		app.ask("DELETE", nurses, nil),
	} {
		d.want(refused, 403, "Authorization_RequestDenied")
		if !strings.Contains(refused.message(), "restricted management administrative unit") {
			t.Errorf("%s", refused.raw)
		}
	}
	d.want(app.ask("POST", "/v1.0/groups/20000000-0000-4000-8000-000000000002/members/$ref", refTo(ann)), 204, "") // to another group
	d.want(d.as("ann@contoso.com", "User.ReadWrite").ask("PATCH", "/v1.0/me", `{"mobilePhone":"+1 425 555 0199"}`), 204, "")
	d.want(units.ask("DELETE", board+"/members/"+ann+"/$ref", nil), 204, "")
	d.want(app.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"again"}`), 204, "")
}

// Units, their members and the roles over them come back from a snapshot and from a data folder; the ledger has each change.
func TestF23_UnitsAreKept(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{office()}, Data: t.TempDir()}
	d := newDesk(t, opts)
	west := d.unit(map[string]any{"description": "Left of the river"}, ann, nursesGroup)
	d.giveRole(userAdministrator, rae, over(west))
	d.giveRole(helpdesk, ann, "/")
	roles := d.app("RoleManagement.ReadWrite.Directory")
	r := roles.ask("POST", "/v1.0/roleManagement/directory/roleDefinitions", map[string]any{
		"displayName": "Registrar", "isEnabled": true, "rolePermissions": []any{map[string]any{"allowedResourceActions": []string{"microsoft.directory/applications/basic/read"}}},
	})
	d.want(r, 201, "")
	d.giveRole(r.body["id"].(string), max_, "/")
	var ops []string
	for _, e := range d.Ledger(0) {
		ops = append(ops, e.Op)
	}
	want := []string{
		"administrativeUnit.create", "administrativeUnit.member.add", "administrativeUnit.member.add", "unifiedRoleAssignment.create",
		"directoryRole.member.add", "unifiedRoleDefinition.create", "unifiedRoleAssignment.create",
	}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Error(diff)
	}
	read := func(e *emulator.Emulator) map[string]string {
		x := (&desk{Emulator: e, t: t}).app("RoleManagement.Read.Directory", "Directory.Read.All")
		out := map[string]string{}
		for _, path := range []string{
			units, west + "/members", west + "/scopedRoleMembers", roleAssignments, "/v1.0/roleManagement/directory/roleDefinitions?$filter=isBuiltIn eq false",
			"/v1.0/users/" + ann + "/memberOf",
		} {
			var items []string // a snapshot does not keep the order
			for _, one := range x.ask("GET", path, nil).items() {
				delete(one, "roleId") // a directory role may get another id
				items = append(items, fmt.Sprint(one))
			}
			slices.Sort(items)
			out[path] = strings.Join(items, "\n")
		}
		return out
	}
	before := read(d.Emulator)
	for path, items := range before {
		if items == "" {
			t.Errorf("%s is empty", path)
		}
	}
	if diff := cmp.Diff(before, read(newEmulator(t, emulator.Options{Organizations: d.Snapshot()}))); diff != "" {
		t.Errorf("from a snapshot: %s", diff)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, read(newEmulator(t, opts))); diff != "" {
		t.Errorf("from the data folder: %s", diff)
	}
}

// https://learn.microsoft.com/en-us/graph/api/administrativeunit-delta, application-delta, serviceprincipal-delta,
// oauth2permissiongrant-delta
func TestS3_9_DeltaOfUnitsApplicationsAndGrants(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	by := d.app("Directory.ReadWrite.All", "AdministrativeUnit.ReadWrite.All", "Application.ReadWrite.All")
	west := d.unit(map[string]any{})
	links := map[string]string{}
	for _, set := range []string{units, "/v1.0/applications", "/v1.0/servicePrincipals", "/v1.0/oauth2PermissionGrants"} {
		r := by.ask("GET", set+"/delta", nil)
		link, _ := r.body["@odata.deltaLink"].(string)
		if r.code != 200 || link == "" {
			t.Fatalf("%s: %d %s", set, r.code, r.raw)
		}
		links[set] = link
	}
	d.want(by.ask("POST", west+"/members/$ref", refTo(ann)), 204, "")
	app := by.ask("POST", "/v1.0/applications", `{"displayName":"Portal"}`)
	sp := by.ask("POST", "/v1.0/servicePrincipals", map[string]any{"appId": app.body["appId"]})
	graph := by.ask("GET", "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')", nil)
	grant := by.ask("POST", "/v1.0/oauth2PermissionGrants", map[string]any{
		"clientId": sp.body["id"], "consentType": "AllPrincipals", "resourceId": graph.body["id"], "scope": "User.Read",
	})
	d.want(grant, 201, "")
	for set, id := range map[string]any{
		units: west[strings.LastIndexByte(west, '/')+1:], "/v1.0/applications": app.body["id"], "/v1.0/servicePrincipals": sp.body["id"],
		"/v1.0/oauth2PermissionGrants": grant.body["id"],
	} {
		r := by.ask("GET", links[set], nil)
		if items := r.items(); len(items) != 1 || items[0]["id"] != id {
			t.Errorf("%s: %s", set, r.raw)
		} else if members, _ := items[0]["members@delta"].([]any); set == units && len(members) != 1 {
			t.Errorf("%s", r.raw)
		}
	}
	link := by.ask("GET", links[units], nil).body["@odata.deltaLink"].(string)
	d.want(by.ask("DELETE", west, nil), 204, "")
	if items := by.ask("GET", link, nil).items(); len(items) != 1 || items[0]["@removed"] == nil {
		t.Errorf("%v", items)
	}
}
