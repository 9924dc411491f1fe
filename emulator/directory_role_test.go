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
	globalAdministrator  = "62e90394-69f5-4237-9190-012177145e10"
	userAdministrator    = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	helpdesk             = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	directoryReaders     = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
	keyholders           = "20000000-0000-4000-8000-000000000003"
	una                  = "10000000-0000-4000-8000-000000000005"
	rae                  = "10000000-0000-4000-8000-000000000009"
	toRole               = "/v1.0/directoryRoles/roleTemplateId=" + userAdministrator + "/members"
	everybodyWithoutRole = "b79fbf4d-3ef9-4689-8143-76b194e85509"
)

// wids are the directory roles in a new token of a person.
func (d *desk) wids(upn string) []string {
	d.t.Helper()
	var out []string
	list, _ := claimsOf(d.t, d.as(upn, "User.Read").token)["wids"].([]any)
	for _, x := range list {
		if s := fmt.Sprint(x); s != everybodyWithoutRole {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// refTo is the body of POST …/$ref.
func refTo(id string) map[string]any {
	return map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + id}
}

// Who becomes a member of a role has it in the next token, and not any more in the one after the removal; a member of a group that
// holds a role has it as well: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/groups-concept
func TestS3_9_RoleMembersAreInTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("RoleManagement.ReadWrite.Directory", "Directory.Read.All")
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 204, "")
	if got := d.wids("ann@contoso.com"); !slices.Equal(got, []string{userAdministrator}) {
		t.Errorf("wids of a new member: %v", got)
	}
	if r := d.as("ann@contoso.com", "User.ReadWrite.All").ask("PATCH", "/v1.0/users/"+max_, `{"jobTitle":"Head"}`); r.code != 204 {
		t.Errorf("a User Administrator may not write: %s", r.raw)
	}
	d.want(d.ask("DELETE", toRole+"/"+ann+"/$ref", nil), 204, "")
	if got := d.wids("ann@contoso.com"); got != nil {
		t.Errorf("wids of a former member: %v", got)
	}
	d.want(d.ask("POST", toRole+"/$ref", refTo("20000000-0000-4000-8000-000000000001")), 400, "Request_BadRequest")
	d.want(d.ask("POST", toRole+"/$ref", refTo(keyholders)), 204, "")
	if got := d.wids("rae@contoso.com"); !slices.Equal(got, []string{userAdministrator}) {
		t.Errorf("wids of a member of the group: %v", got)
	}
	if got := d.ask("GET", "/v1.0/users/"+rae+"/memberOf", nil).names(); !slices.Equal(got, []string{"Keyholders"}) {
		t.Errorf("memberOf %v", got)
	}
	if got := d.ask("GET", "/v1.0/users/"+rae+"/transitiveMemberOf", nil).names(); !slices.Equal(got, []string{"User Administrator", "Keyholders"}) {
		t.Errorf("transitiveMemberOf %v", got)
	}
	if got := d.ask("GET", toRole+"/microsoft.graph.group", nil).names(); !slices.Equal(got, []string{"Keyholders"}) {
		t.Errorf("groups of the role: %v", got)
	}
}

// Every grant and every withdrawal of a role is a line of the ledger, and a refused one is none.
func TestF23_LedgerOfRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("RoleManagement.ReadWrite.Directory")
	d.want(d.ask("POST", "/v1.0/directoryRoles", map[string]any{"roleTemplateId": directoryReaders}), 201, "")
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 204, "")
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 400, "Request_BadRequest")
	d.want(d.ask("DELETE", toRole+"/"+una+"/$ref", nil), 204, "")
	d.want(d.ask("DELETE", toRole+"/"+una+"/$ref", nil), 404, "Request_ResourceNotFound")
	d.want(d.app("Directory.ReadWrite.All").ask("POST", toRole+"/$ref", refTo(max_)), 403, "Authorization_RequestDenied")
	var got []string
	for _, e := range d.Ledger(0) {
		got = append(got, fmt.Sprintf("%s %v %v", e.Op, e.After["members"], e.Before["members"]))
	}
	want := []string{"directoryRole.create <nil> <nil>", "directoryRole.member.add [" + ann + "] []", "directoryRole.member.remove [] [" + una + "]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The change log has them too: https://learn.microsoft.com/en-us/graph/api/directoryrole-delta
func TestS3_9_DeltaOfRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("RoleManagement.ReadWrite.Directory")
	r := d.ask("GET", "/v1.0/directoryRoles/delta", nil)
	if len(r.items()) != 3 {
		t.Fatalf("%s", r.raw)
	}
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 204, "")
	link, _ := r.body["@odata.deltaLink"].(string)
	got := d.ask("GET", link, nil).items()
	if len(got) != 1 || got[0]["roleTemplateId"] != userAdministrator {
		t.Fatalf("%v", got)
	}
	if members, _ := got[0]["members@delta"].([]any); len(members) != 1 {
		t.Errorf("%v", got[0])
	}
}

// Roles and who holds them come back from a snapshot and from a data folder.
func TestF23_RolesAreKept(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{office()}, Data: t.TempDir()}
	d := newDesk(t, opts).app("RoleManagement.ReadWrite.Directory")
	d.want(d.ask("POST", "/v1.0/directoryRoles", map[string]any{"roleTemplateId": directoryReaders}), 201, "")
	d.want(d.ask("POST", toRole+"/$ref", refTo(ann)), 204, "")
	d.want(d.ask("POST", toRole+"/$ref", refTo(keyholders)), 204, "")
	d.want(d.ask("DELETE", toRole+"/"+una+"/$ref", nil), 204, "")
	read := func(e *emulator.Emulator) map[string]string {
		x := (&desk{Emulator: e, t: t}).app("RoleManagement.Read.Directory", "Directory.Read.All")
		out := map[string]string{"wids": fmt.Sprint(x.wids("ann@contoso.com"), x.wids("rae@contoso.com"), x.wids("una@contoso.com"))}
		for _, path := range []string{"/directoryRoles", "/directoryRoleTemplates", "/directoryRoles/roleTemplateId=" + userAdministrator + "/members", "/users/" + ann + "/memberOf"} {
			var items []string // a snapshot does not keep the order
			for _, one := range x.ask("GET", "/v1.0"+path, nil).items() {
				items = append(items, fmt.Sprint(one))
			}
			slices.Sort(items)
			out[path] = strings.Join(items, "\n")
		}
		return out
	}
	before := read(d.Emulator)
	again := newEmulator(t, emulator.Options{Organizations: d.Snapshot()})
	if diff := cmp.Diff(before, read(again)); diff != "" {
		t.Errorf("from a snapshot: %s", diff)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again = newEmulator(t, opts)
	if diff := cmp.Diff(before, read(again)); diff != "" {
		t.Errorf("from the data folder: %s", diff)
	}
}
