package admin_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/entra"
	"nameplate/internal/fail"
	house "nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/store/storetest"
)

const (
	tenant = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	app    = "20000000-0000-4000-8000-000000000001"
)

func id(n int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", n) }

func ref(n int) directory.Ref { return directory.Ref{Tenant: tenant, ID: id(n)} }

// rules hides the postal code from everybody, and the department of the board from editors.
const rules = `
version: 1
properties:
  displayName: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]}
  userPrincipalName: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]}
  mail: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]}
  jobTitle: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor], edit: [Nameplate.Admin, Nameplate.Editor]}
  department: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor], edit: Nameplate.Admin}
  mobilePhone: {view: [self, Nameplate.Admin], edit: Nameplate.Admin}
  accountEnabled: {view: [Nameplate.Admin], edit: Nameplate.Admin}
actions:
  manager: [Nameplate.Admin, Nameplate.Editor]
  account: Nameplate.Admin
rules:
  - when: department eq 'Board'
    properties:
      department: {view: [self, Nameplate.Admin], edit: nobody}
`

type minted struct{ e *emulator.Emulator }

func (m minted) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := m.e.Mint(emulator.Token{Client: app})
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func newDesk(t *testing.T) *admin.Desk {
	t.Helper()
	return newDeskWith(t, rules)
}

func newDeskWith(t *testing.T, rules string) *admin.Desk {
	t.Helper()
	person := func(n int, name, department string) emulator.User {
		return emulator.User{ID: id(n), UPN: name + "@contoso.example", Values: map[string]any{
			"displayName": name, "department": department, "jobTitle": "Clerk", "mobilePhone": "+49 30 123456" + fmt.Sprint(n), "mail": name + "@contoso.example",
		}}
	}
	org := emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Users: []emulator.User{person(1, "anna", "Sales"), person(2, "ben", "Sales"), person(3, "carla", "Board"), person(4, "dora", "Sales")},
		Apps:  []emulator.App{{ClientID: app, Name: "Nameplate", Application: []string{"User.ReadWrite.All", "Directory.Read.All"}}},
	}
	org.Users[3].Roles = []string{"Global Administrator"}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	var n atomic.Int64
	newID := func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", n.Add(1)) }
	c, err := graph.New(graph.Options{Endpoint: srv.GraphHTTP, Credential: minted{e}, Now: time.Now, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	p, mistakes := house.Parse("rules.yaml", []byte(rules))
	if len(mistakes) > 0 {
		t.Fatal(house.Report("rules.yaml", mistakes))
	}
	dir := entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: c}, Properties: p.Properties(), Now: time.Now})
	db := storetest.SQLite(t, time.Now)
	journal := db.Journal()
	engine := change.New(change.Config{
		Reader: dir, Writer: dir, Groups: dir, Journal: journal, Policy: p, Properties: p.Properties(), Now: time.Now, NewID: newID,
		Stopped: db.Stopped,
	})
	return admin.New(admin.Config{Directory: dir, Engine: engine, Policy: p, Journal: journal, Brake: db, Now: time.Now, Differences: db.Mirror()})
}

func holder(r ...directory.Role) directory.Actor {
	return directory.Actor{Kind: directory.PersonActor, Ref: ref(9), Name: "Olga", Session: "s", Roles: r}
}

func kind(t *testing.T, what string, err error, want fail.Kind) {
	t.Helper()
	if !fail.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// A22, A23, A28: without a role in the tenant there is nothing.
func TestA22_A23_A28_NoRoleNoLook(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	stranger := holder(directory.Admin)
	stranger.Ref.Tenant = "99999999-7a42-4c7b-9c1e-2b8f4d6a9e01"
	for name, by := range map[string]directory.Actor{
		"a person": holder(), "an approver": holder(directory.Approver), "nobody": {}, "an administrator of another tenant": stranger,
		"nameplate itself": {Kind: directory.SelfActor, Roles: []directory.Role{directory.Admin}},
	} {
		_, err := d.People(ctx, by, tenant, directory.Query{})
		kind(t, name+" lists people", err, fail.Denied)
		_, err = d.DeletedPeople(ctx, by, tenant, directory.Query{})
		kind(t, name+" lists deleted people", err, fail.Denied)
		_, err = d.Person(ctx, by, ref(1))
		kind(t, name+" opens a person", err, fail.Denied)
		_, err = d.Groups(ctx, by, tenant, directory.Query{})
		kind(t, name+" lists groups", err, fail.Denied)
		_, _, err = d.Group(ctx, by, ref(1))
		kind(t, name+" opens a group", err, fail.Denied)
		_, err = d.Members(ctx, by, ref(1), directory.Query{})
		kind(t, name+" lists members", err, fail.Denied)
		_, err = d.SKUs(ctx, by, tenant)
		kind(t, name+" lists licenses", err, fail.Denied)
		_, err = d.History(ctx, by, tenant, change.Search{}, 0, 10)
		kind(t, name+" reads the history", err, fail.Denied)
		_, err = d.Entry(ctx, by, tenant, "e")
		kind(t, name+" reads an entry", err, fail.Denied)
		_, err = d.Undo(ctx, by, tenant, "e")
		kind(t, name+" undoes", err, fail.Denied)
		_, err = d.Apply(ctx, change.Change{On: ref(1), Do: change.Update, By: by, Set: property.Values{"jobTitle": property.Text("Boss")}})
		kind(t, name+" changes somebody", err, fail.Denied)
	}
}

func TestPeople_WhatIsHiddenStaysHidden(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	names := []property.Name{"department", "mobilePhone", "jobTitle"}
	for _, c := range []struct {
		role directory.Role
		want map[string]string
	}{
		{directory.Admin, map[string]string{"anna": "Sales +49 30 1234561 Clerk", "carla": "Board +49 30 1234563 Clerk"}},
		{directory.Editor, map[string]string{"anna": "Sales  Clerk", "carla": "  Clerk"}},
	} {
		p, err := d.People(ctx, holder(c.role), tenant, directory.Query{Names: names})
		if err != nil || len(p.List) != 4 {
			t.Fatalf("%d people, %v", len(p.List), err)
		}
		for _, u := range p.List {
			name := u.Values["displayName"].Str()
			if want, ok := c.want[name]; ok {
				if got := fmt.Sprintf("%s %s %s", u.Values["department"], u.Values["mobilePhone"], u.Values["jobTitle"]); got != want {
					t.Errorf("%s sees of %s %q, want %q", c.role, name, got, want)
				}
			}
		}
	}
	for filter, want := range map[string]fail.Kind{
		"startsWith(mobilePhone,'+49 30 1234563')": fail.Denied, "department eq 'Board'": fail.Denied, "accountEnabled eq false": fail.Denied,
		"streetAddress eq 'x'": fail.Denied, "nonsense eq 'x'": fail.Invalid, "department eq": fail.Invalid,
	} {
		_, err := d.People(ctx, holder(directory.Editor), tenant, directory.Query{Filter: filter})
		kind(t, "an editor filters by "+filter, err, want)
	}
	_, err := d.People(ctx, holder(directory.Editor), tenant, directory.Query{Order: "mobilePhone"})
	kind(t, "an editor sorts by a phone", err, fail.Denied)
	p, err := d.People(ctx, holder(directory.Admin), tenant, directory.Query{Filter: "department eq 'Board'"})
	if err != nil || len(p.List) != 1 {
		t.Errorf("an administrator finds %v %v", p.List, err)
	}
}

func TestPerson_OffersWhatTheEngineAllows(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	for _, c := range []struct {
		role directory.Role
		on   int
		do   change.Action
		want bool
	}{
		{directory.Admin, 1, change.Account, true},
		{directory.Editor, 1, change.Account, false},
		{directory.Editor, 1, change.Manager, true},
		{directory.Auditor, 1, change.Manager, false},
		{directory.Admin, 4, change.Account, false}, // holds a directory role
		{directory.Admin, 1, change.Password, false},
	} {
		by := holder(c.role)
		p, err := d.Person(ctx, by, ref(c.on))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Actions[c.do]; got.Yes != c.want || got.Yes != got.Why.Zero() {
			t.Errorf("%s may %s %d: %v %q", c.role, c.do, c.on, got.Yes, got.Why.Key)
		}
		set := map[change.Action]property.Values{
			change.Account:  {directory.FacetAccount: property.Text(directory.Deleted)},
			change.Manager:  {directory.FacetManager: property.Text(id(2))},
			change.Password: {directory.FacetPassword: property.Bool(true)},
		}[c.do]
		pre, err := d.Check(ctx, change.Change{On: ref(c.on), Do: c.do, Set: set, Secret: "Wr9-tulip-Ferry", By: by})
		if (err == nil && len(pre.Problems) == 0) != c.want || err != nil && !fail.Is(err, fail.Denied) {
			t.Errorf("the engine says %v %v to %s for %s", pre.Problems, err, c.do, c.role)
		}
	}
}

func TestChange_NamesHistoryAndUndo(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	adm := holder(directory.Admin)
	apply := func(c change.Change) change.Outcome {
		t.Helper()
		c.By = adm
		o, err := d.Apply(ctx, c)
		if err != nil || o.State != change.Applied {
			t.Fatalf("%s: %+v %v", c.Do, o, err)
		}
		return o
	}
	apply(change.Change{On: ref(1), Do: change.Update, Set: property.Values{"mobilePhone": property.Text("+49 30 7654321"), "jobTitle": property.Text("Head")}})
	boss := apply(change.Change{On: ref(1), Do: change.Manager, Set: property.Values{directory.FacetManager: property.Text(id(2))}})
	gone := apply(change.Change{On: ref(1), Do: change.Account, Set: property.Values{directory.FacetAccount: property.Text(directory.Deleted)}})

	p, err := d.Person(ctx, adm, ref(1))
	if err != nil || !p.Gone || !p.Actions[change.Account].Yes || p.Actions[change.Manager].Yes {
		t.Errorf("the deleted person is %+v %v", p.Actions, err)
	}
	e, err := d.Entry(ctx, adm, tenant, boss.Entry)
	if err != nil || e.Change.Names[id(2)] != "ben" || e.Change.Names["on"] != "anna" {
		t.Errorf("names of what was done: %v %v", e.Change.Names, err)
	}
	list, err := d.History(ctx, holder(directory.Editor), tenant, change.Search{}, 0, 10)
	if err != nil || len(list) != 3 || list[0].ID != gone.Entry {
		t.Fatalf("history %v %v", list, err)
	}
	if text := fmt.Sprint(list); strings.Contains(text, "7654321") || !strings.Contains(text, "Head") {
		t.Errorf("an editor reads in the history: %s", text)
	}
	o, err := d.Undo(ctx, adm, tenant, gone.Entry)
	if err != nil || o.State != change.Applied {
		t.Fatalf("undo of the deletion: %+v %v", o, err)
	}
	o, err = d.Undo(ctx, holder(directory.Editor), tenant, gone.Entry)
	if err == nil && o.State != change.Refused {
		t.Errorf("an editor undoes what only administrators do: %+v", o)
	}
}

func TestA12_Dangerous(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	set := func(n property.Name, v property.Value) property.Values { return property.Values{n: v} }
	for name, x := range map[string]struct {
		do   change.Action
		set  property.Values
		want bool
	}{
		"delete":       {change.Account, set(directory.FacetAccount, property.Text(directory.Deleted)), true},
		"password":     {change.Password, set(directory.FacetPassword, property.Bool(true)), true},
		"block":        {change.Update, set("accountEnabled", property.Bool(false)), true},
		"unblock":      {change.Update, set("accountEnabled", property.Bool(true)), false},
		"sign-in name": {change.Update, set("userPrincipalName", property.Text("x@contoso.example")), true},
		"title":        {change.Update, set("jobTitle", property.Text("x")), false},
		"manager":      {change.Manager, set(directory.FacetManager, property.Text(id(2))), false},
	} {
		c := change.Change{On: ref(1), Do: x.do, Set: x.set, By: holder(directory.Admin)}
		if x.do == change.Password {
			c.Secret = "long enough 17"
		}
		if p, err := d.Check(t.Context(), c); err != nil || p.Dangerous != x.want {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// What follows from a pick is as dangerous as what is asked for by name: it asks for the same sign-in, and of a key for the same scope.
func TestA12_APickThatBlocksOrRenamesIsDangerous(t *testing.T) {
	t.Parallel()
	d, ctx := newDeskWith(t, strings.Replace(rules, "actions:", `  officeLocation: {view: Nameplate.Admin, edit: Nameplate.Admin, follow: offices}
tables:
  offices:
    - {officeLocation: Oslo, city: Oslo}
    - {officeLocation: Left, accountEnabled: "false"}
    - {officeLocation: Renamed, userPrincipalName: renamed@contoso.example}
actions:`, 1)), t.Context()
	key := directory.Actor{Kind: directory.KeyActor, Ref: ref(8), Name: "sync", Roles: []directory.Role{directory.Admin}, Scopes: []directory.Scope{directory.PeopleRead, directory.PeopleWrite}}
	for office, want := range map[string]bool{"Oslo": false, "Left": true, "Renamed": true} {
		c := change.Change{On: ref(1), Do: change.Update, Set: property.Values{"officeLocation": property.Text(office)}, By: holder(directory.Admin)}
		if p, err := d.Check(ctx, c); err != nil || p.Dangerous != want || len(p.Diff) == 0 {
			t.Errorf("%s: %+v, %v", office, p, err)
		}
		c.By = key
		if _, err := d.Check(ctx, c); (err != nil) != want || want && !fail.Is(err, fail.Denied) {
			t.Errorf("%s, checked by a key that only writes: %v", office, err)
		}
		if want {
			_, err := d.Apply(ctx, c)
			kind(t, office+" by a key that only writes", err, fail.Denied)
		}
	}
	one, err := d.Person(ctx, holder(directory.Admin), ref(1))
	if err != nil || one.Values["officeLocation"].Str() != "" || !one.Values["accountEnabled"].True() {
		t.Errorf("something was written: %v, %v", one.Values, err)
	}
	key.Scopes = append(key.Scopes, directory.PeopleDelete)
	o, err := d.Apply(ctx, change.Change{On: ref(1), Do: change.Update, Set: property.Values{"officeLocation": property.Text("Left")}, By: key})
	if err != nil || o.State != change.Applied || o.After["accountEnabled"].True() {
		t.Errorf("by a key that may: %+v, %v", o, err)
	}
	own := change.Change{On: ref(1), Do: change.Update, Set: property.Values{"officeLocation": property.Text("Left")}, By: holder(directory.Admin)}
	own.On, own.By.Ref = ref(2), ref(2)
	if p, err := d.Check(ctx, own); err != nil || len(p.Problems) != 1 || p.Problems[0].Field != "accountEnabled" {
		t.Errorf("a pick that blocks oneself: %+v, %v", p, err)
	}
}

// A name that the policy hides is told neither by the history nor beside somebody else.
func TestHistory_HiddenNamesAreIDs(t *testing.T) {
	t.Parallel()
	d, ctx := newDeskWith(t, strings.Replace(rules, "      department: {view: [self, Nameplate.Admin], edit: nobody}", "      displayName: {view: Nameplate.Admin}\n      userPrincipalName: {view: Nameplate.Admin}\n      mail: {view: Nameplate.Admin}", 1)), t.Context()
	c := change.Change{On: ref(1), Do: change.Manager, Set: property.Values{directory.FacetManager: property.Text(id(3))}, By: holder(directory.Admin)}
	o, err := d.Apply(ctx, c)
	if err != nil || o.State != change.Applied {
		t.Fatalf("%+v %v", o, err)
	}
	for role, hidden := range map[directory.Role]bool{directory.Admin: false, directory.Editor: true} {
		by := holder(role)
		one, err := d.Person(ctx, by, ref(1))
		if err != nil || one.Manager == nil {
			t.Fatalf("%s: %+v %v", role, one.Manager, err)
		}
		boss, err := d.Person(ctx, by, ref(3))
		if err != nil || len(boss.Reports) != 1 {
			t.Fatalf("%s: %+v %v", role, boss.Reports, err)
		}
		e, err := d.Entry(ctx, by, tenant, o.Entry)
		if err != nil {
			t.Fatal(err)
		}
		if told := fmt.Sprint(*one.Manager, boss.Values, e.Change.Names); strings.Contains(told, "carla") == hidden || !strings.Contains(told, id(3)) {
			t.Errorf("%s learns of who is hidden from editors: %s", role, told)
		}
	}
}
