package emulator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nameplate/emulator"
)

// https://learn.microsoft.com/en-us/entra/identity/users/groups-dynamic-membership: the supported operators and their meaning.
func TestS4_18_DynamicRules(t *testing.T) {
	t.Parallel()
	org := office()
	org.Users[0].Values["otherMails"] = []string{"ann@home.example"}
	org.Users[0].Values["onPremisesExtensionAttributes"] = map[string]any{"extensionAttribute3": "blue"}
	org.Users[0].Values["department"] = `He said "hi"`
	for rule, want := range map[string]string{
		`user.jobTitle -eq "nurse"`:                                                            "Ann",
		`(user.jobTitle -ne "Nurse") -and (user.mail -ne null)`:                                "Max",
		`user.displayName -startsWith "ma" or user.displayName -match "^Una"`:                  "Max,Una",
		`user.displayName -contains "DM" and not (user.displayName -startsWith "Una")`:         "Gus",
		`user.displayName -in ["Ann Lee", 'Gus Admin', "Nobody"]`:                              "Ann,Gus",
		`user.accountEnabled -eq true -and user.userType -eq "Guest"`:                          "Gerda",
		`user.otherMails -contains "home.example"`:                                             "Ann",
		`user.extensionAttribute3 -eq "Blue"`:                                                  "Ann",
		"user.department -eq \"He said `\"hi`\"\"":                                             "Ann",
		`-not (user.displayName -notMatch "Ann.*") `:                                           "Ann",
		`user.mobile -notContains "425" -and user.jobTitle -eq "Nurse"`:                        "",
		`user.jobTitle -eq "Nurse" -or user.displayName -eq "Max Ober" -and user.city -eq "x"`: "Ann",
		`user.dirSyncEnabled -eq true`:                                                         "Syd",
		`Direct Reports for "10000000-0000-4000-8000-000000000002"`:                            "", // taken, not evaluated
	} {
		with := org
		with.Groups = nil
		d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{with}}).app("Group.ReadWrite.All", "User.Read.All")
		made := d.ask("POST", "/v1.0/groups", map[string]any{
			"displayName": "Dynamic", "mailEnabled": false, "mailNickname": "dynamic", "securityEnabled": true,
			"groupTypes": []string{"DynamicMembership"}, "membershipRule": rule,
		})
		if made.code != 201 || made.body["membershipRuleProcessingState"] != "On" {
			t.Fatalf("%s: %s", rule, made.raw)
		}
		var got []string
		for _, name := range d.ask("GET", fmt.Sprintf("/v1.0/groups/%s/members", made.body["id"]), nil).names() {
			first, _, _ := strings.Cut(name, " ")
			got = append(got, first)
		}
		slices.Sort(got)
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %v, wanted %s", rule, got, want)
		}
	}
	d := newDesk(t, emulator.Options{}).app("Group.ReadWrite.All")
	for _, bad := range []string{"", "user.city", `user.city -is "x"`, `user.city -eq x`, `city -eq "x"`, `(user.city -eq "x"`, `user.city -in "x"`, `user.city -match "("`, `user.city -eq "x" "y"`} {
		d.want(d.ask("POST", "/v1.0/groups", map[string]any{
			"displayName": "Dynamic", "mailEnabled": false, "mailNickname": "dynamic", "securityEnabled": true,
			"groupTypes": []string{"DynamicMembership"}, "membershipRule": bad,
		}), 400, "Request_BadRequest")
	}
}

// The members of a dynamic group follow writes of people, rule and state; the ledger says each of them.
func TestS4_18_DynamicGroupsFollow(t *testing.T) {
	t.Parallel()
	org := office()
	const wards = "20000000-0000-4000-8000-000000000009"
	org.Groups = append(org.Groups, emulator.Group{ID: wards, Name: "Wards", Type: "dynamic", Rule: `user.department -startsWith "Ward"`})
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}}).app("Group.ReadWrite.All", "User.ReadWrite.All")
	members := func() string { return strings.Join(d.ask("GET", "/v1.0/groups/"+wards+"/members", nil).names(), ",") }
	steps := []struct {
		method, path, body, want string
	}{
		{"PATCH", "/users/" + ann, `{"department":"Ward 3"}`, "Ann Lee"},
		{"PATCH", "/users/" + max_, `{"department":"Ward 4","jobTitle":"Nurse"}`, "Ann Lee,Max Ober"},
		{"PATCH", "/users/" + max_, `{"jobTitle":"Doctor"}`, "Ann Lee,Max Ober"},
		{"PATCH", "/users/" + ann, `{"department":null}`, "Max Ober"},
		{"PATCH", "/groups/" + wards, `{"membershipRuleProcessingState":"Paused"}`, "Max Ober"},
		{"PATCH", "/users/" + ann, `{"department":"Ward 3"}`, "Max Ober"},
		{"PATCH", "/groups/" + wards, `{"membershipRuleProcessingState":"On"}`, "Ann Lee,Max Ober"},
		{"PATCH", "/groups/" + wards, `{"membershipRule":"user.department -eq \"Ward 4\""}`, "Max Ober"},
		{"DELETE", "/users/" + max_, "", ""},
		{"POST", "/directory/deletedItems/" + max_ + "/restore", "", "Max Ober"},
		{"PATCH", "/groups/" + wards, `{"groupTypes":[]}`, "Max Ober"}, // those who are in stay
		{"DELETE", "/groups/" + wards + "/members/" + max_ + "/$ref", "", ""},
	}
	for _, s := range steps {
		var body any
		if s.body != "" {
			body = s.body
		}
		if r := d.ask(s.method, "/v1.0"+s.path, body); r.code >= 300 {
			t.Fatalf("%s %s: %s", s.method, s.path, r.raw)
		}
		if got := members(); got != s.want {
			t.Errorf("after %s %s %s: %q, wanted %q", s.method, s.path, s.body, got, s.want)
		}
	}
	if err := d.Set("", "una@contoso.com", map[string]any{"department": "Ward 4"}); err != nil {
		t.Fatal(err)
	}
	if got := members(); got != "" {
		t.Errorf("an assigned group followed a rule: %q", got)
	}
	var ops []string
	for _, e := range d.Ledger(0) {
		if e.Object == wards && e.App == "" {
			ops = append(ops, strings.TrimPrefix(e.Op, "group.member."))
		}
	}
	if want := "add,add,remove,add,remove"; strings.Join(ops, ",") != want {
		t.Errorf("the service itself did %v, wanted %s", ops, want)
	}
}

// What a caller may not read of a member comes with its id alone:
// https://learn.microsoft.com/en-us/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects
func TestS4_34_MembersThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	const staff = "20000000-0000-4000-8000-000000000002"
	items := d.app("GroupMember.Read.All").ask("GET", "/v1.0/groups/"+staff+"/members?$select=id,displayName,businessPhones", nil).items()
	want := []map[string]any{
		{"@odata.type": "#microsoft.graph.user", "id": max_, "displayName": nil, "businessPhones": []any{}},
		{"@odata.type": "#microsoft.graph.group", "id": "20000000-0000-4000-8000-000000000001", "displayName": "Nurses"},
	}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
	items = d.as("ann@contoso.com", "User.Read").ask("GET", "/v1.0/me/memberOf?$select=id,displayName", nil).items()
	if len(items) != 1 || items[0]["displayName"] != nil || items[0]["id"] == nil {
		t.Errorf("%v", items)
	}
}

// A page of members goes on behind the last one, whoever left or came meanwhile.
func TestS4_18_PagesOfMembersWhileTheyChange(t *testing.T) {
	t.Parallel()
	org := office()
	org.Groups[0].Members = nil
	for _, u := range org.Users[:6] {
		org.Groups[0].Members = append(org.Groups[0].Members, u.UPN)
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}}).app("GroupMember.ReadWrite.All", "User.Read.All")
	const nurses = "/v1.0/groups/20000000-0000-4000-8000-000000000001/members"
	r := d.ask("GET", nurses+"?$top=3", nil)
	got := r.names()
	if x := d.ask("DELETE", nurses+"/"+ann+"/$ref", nil); x.code != 204 {
		t.Fatalf("%s", x.raw)
	}
	next, _ := r.body["@odata.nextLink"].(string)
	r = d.ask("GET", next, nil)
	if got = append(got, r.names()...); len(got) != 6 || r.body["@odata.nextLink"] != nil {
		t.Errorf("%v", got)
	}
}

// Everything that a group has comes back from a snapshot and from a data folder, deleted groups from the folder.
func TestF23_GroupsAreKept(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{office()}, Data: t.TempDir()}
	d := newDesk(t, opts).app("Group.ReadWrite.All", "User.ReadWrite.All", "Directory.Read.All", "RoleManagement.Read.Directory")
	made := d.ask("POST", "/v1.0/groups", map[string]any{
		"displayName": "Club", "mailEnabled": true, "mailNickname": "club", "securityEnabled": false, "groupTypes": []string{"Unified"},
		"visibility": "Private", "preferredLanguage": "nl-NL", "members@odata.bind": []string{"https://graph.test/v1.0/users/" + ann},
		"owners@odata.bind": []string{"https://graph.test/v1.0/users/" + max_},
	})
	club := fmt.Sprint(made.body["id"])
	const nurses = "20000000-0000-4000-8000-000000000001"
	if r := d.ask("DELETE", "/v1.0/groups/"+nurses, nil); r.code != 204 {
		t.Fatalf("%s", r.raw)
	}
	read := func(e *emulator.Emulator) map[string]string {
		x := (&desk{Emulator: e, t: t}).app("Group.ReadWrite.All", "User.ReadWrite.All", "Directory.Read.All")
		out := map[string]string{}
		for _, path := range []string{"/groups/" + club, "/groups/" + club + "/members", "/groups/" + club + "/owners", "/groups", "/directoryRoles", "/users/" + ann + "/memberOf"} {
			out[path] = string(x.ask("GET", "/v1.0"+path, nil).raw)
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
	x := (&desk{Emulator: again, t: t}).app("Group.ReadWrite.All", "User.Read.All")
	if r := x.ask("POST", "/v1.0/directory/deletedItems/"+nurses+"/restore", nil); r.code != 200 {
		t.Errorf("%s", r.raw)
	}
	if got := x.ask("GET", "/v1.0/groups/"+nurses+"/members", nil).names(); !slices.Equal(got, []string{"Ann Lee"}) {
		t.Errorf("a restored group has %v", got)
	}
}

// Relationships of groups are in the ledger with what came and what went.
func TestF23_LedgerOfMembers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).app("Group.ReadWrite.All")
	const nurses = "/v1.0/groups/20000000-0000-4000-8000-000000000001"
	d.ask("POST", nurses+"/members/$ref", map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + max_})
	d.ask("DELETE", nurses+"/members/"+ann+"/$ref", nil)
	d.ask("DELETE", nurses+"/members/"+ann+"/$ref", nil)
	d.ask("PATCH", nurses, map[string]any{"owners@odata.bind": []string{"/users/" + ann}, "description": "x"})
	var got []string
	for _, e := range d.Ledger(0) {
		got = append(got, fmt.Sprint(e.Op, " ", slices.Sorted(maps.Keys(e.After)), e.After["members"], e.Before["members"]))
	}
	want := []string{
		"group.member.add [members] [" + max_ + "] []", "group.member.remove [members] [] [" + ann + "]",
		"group.update [description] <nil> <nil>", "group.owner.add [owners] <nil> <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What directory sync keeps of a group the cloud does not write, its members neither:
// https://learn.microsoft.com/en-us/graph/api/group-post-members
func TestS4_18_SyncedGroups(t *testing.T) {
	t.Parallel()
	org := office()
	org.Groups[0].Values = map[string]any{"onPremisesSyncEnabled": true}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}}).app("Group.ReadWrite.All")
	const nurses = "/v1.0/groups/20000000-0000-4000-8000-000000000001"
	ref := map[string]any{"@odata.id": "https://graph.test/v1.0/users/" + max_}
	for _, r := range []reply{
		d.ask("PATCH", nurses, `{"description":"x"}`), d.ask("POST", nurses+"/members/$ref", ref),
		d.ask("DELETE", nurses+"/members/"+ann+"/$ref", nil), d.ask("POST", nurses+"/owners/$ref", ref),
	} {
		d.want(r, 400, "Request_BadRequest")
		if !strings.Contains(string(r.raw), "on-premises mastered") {
			t.Errorf("%s", r.raw)
		}
	}
	if len(d.Ledger(0)) != 0 {
		t.Error("something was written")
	}
}

// https://learn.microsoft.com/en-us/graph/api/resources/group#group-visibility-options and
// https://learn.microsoft.com/en-us/graph/api/directoryobject-validateproperties
func TestS4_18_HiddenMembersAndAliases(t *testing.T) {
	t.Parallel()
	org := office()
	const club = "20000000-0000-4000-8000-000000000008"
	org.Groups = append(org.Groups, emulator.Group{
		ID: club, Name: "Club", Type: "microsoft365", Members: []string{"ann@contoso.com"}, Owners: []string{"max@contoso.com"},
		Values: map[string]any{"visibility": "HiddenMembership"},
	})
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	const scope = "GroupMember.Read.All"
	for _, c := range []struct {
		by   *desk
		code int
	}{
		{d.app(scope), 403},
		{d.app(scope, "Member.Read.Hidden"), 200},
		{d.as("ann@contoso.com", scope), 200},
		{d.as("max@contoso.com", scope), 200},
		{d.as("rae@contoso.com", scope), 403},
		{d.as("una@contoso.com", scope), 200},
	} {
		if r := c.by.ask("GET", "/v1.0/groups/"+club+"/members", nil); r.code != c.code {
			t.Errorf("%d, wanted %d: %s", r.code, c.code, r.raw)
		}
	}
	by := d.app("Group.Read.All")
	for alias, code := range map[string]int{"club": 422, "Club": 422, "nurses": 204, "other": 204} {
		r := by.ask("POST", "/v1.0/directoryObjects/validateProperties", map[string]any{"entityType": "Group", "displayName": "X", "mailNickname": alias})
		if r.code != code || code == 422 && !strings.Contains(string(r.raw), "PropertyConflict") {
			t.Errorf("%s: %d %s", alias, r.code, r.raw)
		}
	}
}
