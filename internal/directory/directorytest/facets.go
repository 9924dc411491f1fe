package directorytest

import (
	"strings"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// facet reads one facet of a person.
func facet(t T, f Fixture, on directory.Ref, n property.Name) property.Value {
	t.Helper()
	v, ok := user(t, f, on, n).Values[n]
	if !ok {
		t.Fatalf("%s is not known", n)
	}
	return v
}

func ok(t T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// https://learn.microsoft.com/graph/api/user-post-manager and user-delete-manager
func manager(t T, f Fixture) {
	if v := facet(t, f, f.Member, directory.FacetManager); v.Str() != f.Manager.ID {
		t.Errorf("the manager is %v, want %s", v, f.Manager.ID)
	}
	for range 2 { // what is so already is no error
		ok(t, f.Writer.SetManager(t.Context(), app, f.Member, f.Admin.ID))
		if v := facet(t, f, f.Member, directory.FacetManager); v.Str() != f.Admin.ID {
			t.Errorf("the manager is %v after it was set", v)
		}
	}
	for range 2 {
		ok(t, f.Writer.SetManager(t.Context(), app, f.Member, ""))
		if v := facet(t, f, f.Member, directory.FacetManager); !v.IsNull() {
			t.Errorf("the manager is %v after it was taken away", v)
		}
	}
	wantKind(t, f.Writer.SetManager(t.Context(), app, f.Member, f.Gone.ID), fail.NotFound)
	wantKind(t, f.Writer.SetManager(t.Context(), app, f.Member, "../groups"), fail.Invalid)
}

// https://learn.microsoft.com/graph/api/user-delete and directory-deleteditems-restore
func account(t T, f Fixture) {
	if v := facet(t, f, f.Member, directory.FacetAccount); v.Str() != directory.Active {
		t.Errorf("the account is %v", v)
	}
	names := []property.Name{"displayName", "userPrincipalName"}
	called := func(u directory.User) string {
		return u.Values["displayName"].Str() + " " + u.Values["userPrincipalName"].Str()
	}
	was, err := f.Reader.User(t.Context(), app, f.Member, directory.Ask{Names: names})
	ok(t, err)
	for range 2 {
		ok(t, f.Writer.SetAccount(t.Context(), app, f.Member, directory.Deleted))
		shows(t, f, f.Member, property.Values{directory.FacetAccount: property.Text(directory.Deleted)})
	}
	_, err = f.Reader.User(t.Context(), app, f.Member, directory.Ask{Names: []property.Name{"jobTitle"}})
	wantKind(t, err, fail.NotFound)
	listed := 0
	for q := (directory.Query{Names: names}); ; {
		gone, err := f.Lister.DeletedPeople(t.Context(), f.Member.Tenant, q)
		ok(t, err)
		for _, u := range gone.List {
			if u.Ref == f.Member {
				listed++
				if called(u) != called(was) {
					t.Errorf("who was deleted is listed as %q, and was %q", called(u), called(was))
				}
			}
		}
		if q.Page = gone.Next; q.Page == "" {
			break
		}
	}
	if listed != 1 {
		t.Errorf("who was deleted is listed %d times", listed)
	}
	one, err := f.Reader.User(t.Context(), app, f.Member, directory.Ask{Names: append(names, "jobTitle", directory.FacetAccount)})
	ok(t, err)
	if called(one) != called(was) || called(one) == " " {
		t.Errorf("who was deleted is called %q, and was %q", called(one), called(was))
	}
	ok(t, f.Writer.SetAccount(t.Context(), app, f.Member, directory.Active))
	shows(t, f, f.Member, property.Values{directory.FacetAccount: property.Text(directory.Active)})
	_, err = f.Reader.User(t.Context(), app, f.Gone, directory.Ask{Names: []property.Name{directory.FacetAccount}})
	wantKind(t, err, fail.NotFound)
}

// https://learn.microsoft.com/graph/api/user-post-users
func create(t T, f Fixture) {
	tenant := f.Member.Tenant
	_, domain, _ := strings.Cut(f.UPN, "@")
	upn := "newcomer@" + domain
	on := directory.Newcomer(tenant, upn)
	set := property.Values{
		"userPrincipalName": property.Text(upn), "displayName": property.Text("New Comer"), "mailNickname": property.Text("newcomer"), "accountEnabled": property.Bool(true),
		"givenName": property.Text("New"), "usageLocation": property.Text("DE"), "businessPhones": property.List("+49 30 1"), "employeeOrgData/division": property.Text("North"),
	}
	const password = "Wr9-tulip-Ferry"
	_, err := f.Reader.ByName(t.Context(), tenant, upn, directory.Ask{})
	wantKind(t, err, fail.NotFound)
	_, err = f.Writer.CreatePerson(t.Context(), app, on, set, "weak")
	wantKind(t, err, fail.Invalid)
	id, err := f.Writer.CreatePerson(t.Context(), app, on, set, password)
	ok(t, err)
	made := directory.Ref{Tenant: tenant, ID: id}
	shows(t, f, made, set)
	u, err := f.Reader.ByName(t.Context(), tenant, strings.ToUpper(upn), directory.Ask{Names: []property.Name{"createdDateTime"}})
	ok(t, err)
	if u.Ref != made || u.Values["createdDateTime"].Time().IsZero() {
		t.Errorf("by name it is %v of %v, want %v", u.Ref, u.Values, made)
	}
	_, err = f.Writer.CreatePerson(t.Context(), app, on, set, password)
	wantKind(t, err, fail.Exists)
	set["userPrincipalName"] = property.Text("newcomer@unverified.example")
	_, err = f.Writer.CreatePerson(t.Context(), app, on, set, password)
	wantKind(t, err, fail.Invalid)
	delete(set, "mailNickname")
	set["userPrincipalName"] = property.Text("second@" + domain)
	_, err = f.Writer.CreatePerson(t.Context(), app, on, set, password)
	wantKind(t, err, fail.Invalid)
}

// https://learn.microsoft.com/graph/api/user-revokesigninsessions, and user-update for passwordProfile: an application needs a
// directory role for it.
func stamps(t T, f Fixture) {
	before := facet(t, f, f.Member, directory.FacetSessions).Time()
	f.Pass(5e9)
	ok(t, f.Writer.RevokeSessions(t.Context(), app, f.Member))
	if v := facet(t, f, f.Member, directory.FacetSessions).Time(); !v.After(before) {
		t.Errorf("sign-ins count from %v on, before it was %v", v, before)
	}
	before = facet(t, f, f.Member, directory.FacetPassword).Time()
	ok(t, f.Writer.ResetPassword(t.Context(), app, f.Member, "Wr9-tulip-Ferry"))
	if v := facet(t, f, f.Member, directory.FacetPassword).Time(); !v.After(before) {
		t.Errorf("the password is of %v, before it was of %v", v, before)
	}
	wantKind(t, f.Writer.ResetPassword(t.Context(), app, f.Member, "weak"), fail.Invalid)
	wantKind(t, f.Writer.ResetPassword(t.Context(), app, f.Admin, "Wr9-tulip-Ferry"), fail.Denied)
}

// https://learn.microsoft.com/graph/api/user-list
func people(t T, f Fixture) {
	ctx, tenant := t.Context(), f.Member.Tenant
	names := []property.Name{"displayName", "userPrincipalName", "jobTitle"}
	seen := map[directory.Ref]bool{}
	q := directory.Query{Names: names, Top: 2, Order: "displayName", Count: true}
	for pages, total := 0, 0; ; pages++ {
		p, err := f.Lister.People(ctx, tenant, q)
		ok(t, err)
		if pages == 0 {
			total = p.Total
		}
		for _, u := range p.List {
			if seen[u.Ref] {
				t.Errorf("%v twice", u.Ref)
			}
			seen[u.Ref] = true
			if u.Values["displayName"].Str() == "" {
				t.Errorf("%v has no name", u.Ref)
			}
		}
		if p.Next == "" {
			if len(seen) != total || total < 6 {
				t.Errorf("%d people on the pages, %d counted", len(seen), total)
			}
			break
		}
		q.Page = p.Next
	}
	for filter, want := range map[string]directory.Ref{
		"jobTitle eq 'Nurse'":                         f.Member,
		"endsWith(userPrincipalName,'" + f.UPN + "')": f.Member,
		"onPremisesSyncEnabled eq true":               f.Synced,
		"userType eq 'Guest'":                         f.Guest,
	} {
		p, err := f.Lister.People(ctx, tenant, directory.Query{Names: names, Filter: filter})
		ok(t, err)
		if len(p.List) != 1 || p.List[0].Ref != want {
			t.Errorf("%s finds %v", filter, p.List)
		}
	}
	p, err := f.Lister.People(ctx, tenant, directory.Query{Names: names, Search: f.UPN[:3]})
	ok(t, err)
	if len(p.List) != 1 || p.List[0].Ref != f.Member {
		t.Errorf("a search finds %v", p.List)
	}
	if p, err = f.Lister.People(ctx, tenant, directory.Query{Search: `x" OR "displayName:a`}); err != nil || len(p.List) != 0 {
		t.Errorf("A36: a search with quotes finds %v %v", p.List, err)
	}
	facets := []property.Name{directory.FacetManager, directory.FacetAccount, directory.Licensed(f.SKU)}
	p, err = f.Lister.People(ctx, tenant, directory.Query{Names: facets, Top: 999})
	ok(t, err)
	for _, u := range p.List {
		boss := u.Values[directory.FacetManager].Str()
		if (u.Ref == f.Member) != (boss == f.Manager.ID && u.Manager != nil) || u.Values[directory.FacetAccount].Str() != directory.Active || !u.Values[directory.Licensed(f.SKU)].IsNull() {
			t.Errorf("facets of %v in a list: %v", u.Ref, u.Values)
		}
	}
	holders, err := f.Lister.RoleHolders(ctx, tenant)
	ok(t, err)
	if len(holders) != 1 || len(holders[f.Admin.ID]) != 1 || holders[f.Admin.ID][0] != GlobalAdministrator {
		t.Errorf("directory roles: %v", holders)
	}
	_, err = f.Lister.People(ctx, tenant, directory.Query{Filter: "nonsense eq 'x'"})
	wantKind(t, err, fail.Invalid)
	_, err = f.Lister.People(ctx, tenant, directory.Query{Names: []property.Name{"aboutMe"}})
	wantKind(t, err, fail.Invalid)
	for _, page := range []string{"/groups?$skiptoken=x", "https://evil.example/users?x", "nonsense"} {
		if _, err := f.Lister.People(ctx, tenant, directory.Query{Page: page}); err == nil {
			t.Errorf("B54: the page %q is read", page)
		}
	}
}

// https://learn.microsoft.com/graph/api/group-post-members and group-delete-members
func groups(t T, f Fixture) {
	ctx, tenant := t.Context(), f.Member.Tenant
	in := directory.MemberOf(f.Group.ID)
	if v := facet(t, f, f.Member, in); !v.True() {
		t.Errorf("the member is not in the group: %v", v)
	}
	for range 2 { // what is so already is no error
		ok(t, f.Writer.SetMember(ctx, app, f.Manager, f.Group.ID, true))
		if v := facet(t, f, f.Manager, in); !v.True() {
			t.Errorf("in the group: %v", v)
		}
	}
	p, err := f.Lister.Members(ctx, f.Group, directory.Query{Names: []property.Name{"displayName"}})
	ok(t, err)
	if len(p.List) != 2 {
		t.Errorf("%d members, want 2", len(p.List))
	}
	for range 2 {
		ok(t, f.Writer.SetMember(ctx, app, f.Manager, f.Group.ID, false))
		if v := facet(t, f, f.Manager, in); !v.IsNull() {
			t.Errorf("in the group after being taken out: %v", v)
		}
	}
	wantKind(t, f.Writer.SetMember(ctx, app, f.Manager, f.Gone.ID, true), fail.NotFound)
	if err := f.Writer.SetMember(ctx, app, f.Manager, f.Dynamic.ID, true); err == nil {
		t.Error("somebody was put into a group whose rule picks its members")
	}
	g, err := f.Lister.Group(ctx, f.Group)
	ok(t, err)
	if g.Kind != directory.SecurityGroup || g.Fixed() != "" || g.Assignable || len(g.Owners) != 1 || g.Owners[0].Ref != f.Manager {
		t.Errorf("the group is %+v", g)
	}
	if g, err = f.Lister.Group(ctx, f.Dynamic); err != nil || g.Fixed() != "dynamic" {
		t.Errorf("the dynamic group is %+v %v", g, err)
	}
	if g, err = f.Lister.Group(ctx, f.Powerful); err != nil || !g.Assignable {
		t.Errorf("the group that can hold roles is %+v %v", g, err)
	}
	_, err = f.Lister.Group(ctx, f.Gone)
	wantKind(t, err, fail.NotFound)
	all, err := f.Lister.Groups(ctx, tenant, directory.Query{Top: 2, Count: true})
	ok(t, err)
	if len(all.List) != 2 || all.Next == "" || all.Total < 3 {
		t.Errorf("the first page of groups: %+v", all)
	}
	if all, err = f.Lister.Groups(ctx, tenant, directory.Query{Top: 2, Count: true, Page: all.Next}); err != nil || len(all.List) == 0 {
		t.Errorf("the second: %+v %v", all, err)
	}
	u, err := f.Reader.User(ctx, app, f.Member, directory.Ask{Groups: true})
	ok(t, err)
	if len(u.Groups) != 1 || u.Groups[0].Ref != f.Group || u.Groups[0].Name == "" {
		t.Errorf("the member's groups are %+v", u.Groups)
	}
}

// https://learn.microsoft.com/graph/api/user-assignlicense
func licenses(t T, f Fixture) {
	ctx := t.Context()
	n := directory.Licensed(f.SKU)
	if v := facet(t, f, f.Member, n); !v.IsNull() {
		t.Fatalf("licensed from the start: %v", v)
	}
	want := func(who directory.Ref, v property.Value) {
		t.Helper()
		if got := facet(t, f, who, n); !got.Equal(v) {
			t.Errorf("the license is %v, want %v", got, v)
		}
	}
	ok(t, f.Writer.SetLicenses(ctx, app, f.Member, property.Values{n: directory.Assigned(f.Plan)}))
	want(f.Member, directory.Assigned(f.Plan))
	ok(t, f.Writer.SetLicenses(ctx, app, f.Member, property.Values{n: directory.Assigned()}))
	want(f.Member, directory.Assigned())
	u, err := f.Reader.User(ctx, app, f.Member, directory.Ask{Licenses: true})
	ok(t, err)
	if len(u.Licenses) != 1 || !u.Licenses[0].Direct || u.Licenses[0].SKU != f.SKU || len(u.Licenses[0].Disabled) != 0 {
		t.Errorf("the licenses are %+v", u.Licenses)
	}
	skus, err := f.Lister.SKUs(ctx, f.Member.Tenant)
	ok(t, err)
	for _, s := range skus {
		if s.ID == f.SKU && (s.Seats != 2 || s.Used != 1 || s.Free() != 1 || len(s.Plans) != 2 || s.Status != "Enabled") {
			t.Errorf("the product is %+v", s)
		}
	}
	wantKind(t, f.Writer.SetLicenses(ctx, app, f.Member, property.Values{directory.Licensed(f.Dear): directory.Assigned()}), fail.Invalid)
	want(f.Member, directory.Assigned())
	ok(t, f.Writer.SetLicenses(ctx, app, f.Member, property.Values{n: property.Null()}))
	want(f.Member, property.Null())
}
