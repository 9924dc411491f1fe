package entra_test

import (
	"reflect"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Many people read together are told as each one alone: in a list, one by one where a list does not tell, deleted, and nobody.
func TestManyAreReadAsOneIs(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	ctx := t.Context()
	gone := directory.Ref{Tenant: tenant, ID: guestID}
	if err := b.dir.SetAccount(ctx, directory.Authority{}, gone, directory.Deleted); err != nil {
		t.Fatal(err)
	}
	plain := directory.Ask{Names: []property.Name{"jobTitle", "mobilePhone", "employeeOrgData/division"}, Roles: true}
	facets := directory.Ask{Names: []property.Name{directory.FacetManager, directory.Licensed(officeSKU), directory.FacetAccount, "city"}}
	apart := directory.Ask{Names: []property.Name{directory.MemberOf(groupID), "employeeLeaveDateTime"}, Manager: true}
	var reads []directory.Read
	for _, id := range []string{memberID, managerID, syncedID, onceID, adminID, guestID, "10000000-0000-4000-8000-00000000ffff", "../me"} {
		for _, ask := range []directory.Ask{plain, facets, apart} {
			reads = append(reads, directory.Read{On: directory.Ref{Tenant: tenant, ID: id}, Ask: ask})
		}
	}
	got := b.dir.Users(ctx, reads)
	for i, r := range reads {
		want, err := b.dir.User(ctx, directory.Authority{}, r.On, r.Ask)
		if (err == nil) != (got[i].Err == nil) || fail.KindOf(err) != fail.KindOf(got[i].Err) {
			t.Errorf("%s %v: %v, alone %v", r.On.ID, r.Ask.Names, got[i].Err, err)
			continue
		}
		if err != nil {
			continue
		}
		u := got[i].User
		for _, n := range r.Ask.Names {
			if !u.Values[n].Equal(want.Values[n]) {
				t.Errorf("%s %s: %v, alone %v", r.On.ID, n, u.Values[n], want.Values[n])
			}
		}
		if r.Ask.Roles && !reflect.DeepEqual(u.Roles, want.Roles) || u.Sync != want.Sync || u.Guest != want.Guest || u.Enabled != want.Enabled || len(u.Missing) != len(want.Missing) {
			t.Errorf("%s: %+v, alone %+v", r.On.ID, u, want)
		}
	}
}

// Writes of every sort go in one request, and each has its own answer: what was lost of one says nothing of the others.
func TestManyWrites(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	ctx := t.Context()
	on := func(id string) directory.Ref { return directory.Ref{Tenant: tenant, ID: id} }
	title := property.Values{"jobTitle": property.Text("Judge")}
	writes := []directory.Write{
		{On: on(memberID), Set: title},
		{On: on(managerID), Set: title},
		{On: on(syncedID), Set: title}, // mastered elsewhere
		{On: on(memberID), Set: property.Values{directory.FacetManager: property.Text("")}},
		{On: on(adminID), Set: property.Values{directory.FacetManager: property.Text("")}}, // there is none
		{On: on(managerID), Set: property.Values{directory.MemberOf(groupID): property.Bool(true)}},
		{On: on(managerID), Set: property.Values{directory.Licensed(officeSKU): directory.Assigned(mailPlan)}},
		{On: on(guestID), Set: property.Values{directory.FacetAccount: property.Text(directory.Deleted)}},
		{On: on("nobody"), Set: title},
	}
	b.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH", Path: "/users/" + managerID, Times: 1}, At: "after", Do: emulator.Do{Status: 504}})
	before := b.Statistics().Requests
	got := b.dir.Writes(ctx, writes)
	if n := b.Statistics().Requests - before; n > 3 { // looking why somebody was refused costs two
		t.Errorf("%d requests", n)
	}
	for i, want := range []bool{true, false, false, true, true, true, true, true, false} {
		if (got[i] == nil) != want {
			t.Errorf("%d: %v", i, got[i])
		}
	}
	u, err := b.dir.User(ctx, directory.Authority{}, on(managerID), directory.Ask{Names: []property.Name{"jobTitle", directory.MemberOf(groupID), directory.Licensed(officeSKU)}})
	if err != nil || u.Values["jobTitle"].Str() != "Judge" || !u.Values[directory.MemberOf(groupID)].True() || u.Values[directory.Licensed(officeSKU)].IsNull() {
		t.Errorf("%v %v", u.Values, err)
	}
}
