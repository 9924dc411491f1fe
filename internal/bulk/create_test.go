package bulk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

var hiring = strings.Replace(rules, "actions:\n", "actions:\n  create: Nameplate.Admin\n", 1)

// S3.16, S4.11: each template of the admin centers creates whom it does not find, and our own sheet where it says so.
func TestS3_16_S4_11_TemplatesThatCreate(t *testing.T) {
	t.Parallel()
	const m365 = "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Alternate email address,Address,City,State or Province,ZIP or Postal Code,Country or Region\n"
	for name, file := range map[string]string{
		"m365-2024":   m365 + "cleo@contoso.example,Cleo,Park,Cleo Park,Nurse,Sales,,,,,,,Bonn,,,\n",
		"m365-2020":   strings.Replace(m365, "Alternate email address,", "", 1) + "cleo@contoso.example,Cleo,Park,Cleo Park,Nurse,Sales,,,,,,Bonn,,,\n",
		"m365-nofax":  strings.Replace(m365, "Fax,Alternate email address,", "", 1) + "cleo@contoso.example,Cleo,Park,Cleo Park,Nurse,Sales,,,,,Bonn,,,\n",
		"m365-lower":  strings.NewReplacer("User Name", "Username", " N", " n", " T", " t").Replace(m365) + "cleo@contoso.example,Cleo,Park,Cleo Park,Nurse,Sales,,,,,,,Bonn,,,\n",
		"entra":       "version:v1.0\nName [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],State or province [state],Country or region [country],Office [physicalDeliveryOfficeName],City [city],ZIP or postal code [postalCode],Office phone [telephoneNumber],Mobile phone [mobile]\nCleo Park,cleo@contoso.example,Wr9-tulip-Ferry,No,Cleo,Park,Nurse,Sales,,,,,,Bonn,,,\n",
		"entra-2026":  "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required\nCleo Park,cleo@contoso.example,Wr9-tulip-Ferry\n",
		"our own one": "userPrincipalName,displayName,jobTitle,action\ncleo@contoso.example,Cleo Park,Nurse,create\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, contoso(3), hiring)
			p, rows := w.plan(file, bulk.Upload{})
			if problems, _ := told(p, rows); problems != "" || p.Counts.Ready != 1 || p.Counts.Kinds["create"] != 1 {
				t.Fatalf("%+v %s", p.Counts, problems)
			}
			if s := rows[0].Steps[0].Set; s["displayName"].Str() != "Cleo Park" || s["mailNickname"].Str() != "cleo" || !s["accountEnabled"].True() {
				t.Errorf("the plan says %v", s)
			}
			if b, _ := json.Marshal(rows); strings.Contains(string(b), "tulip") {
				t.Error("the plan holds a password")
			}
			if w.Statistics().Writes != 0 {
				t.Error("a plan wrote")
			}
		})
	}
}

// S4.13, S4.20: what is wrong with a newcomer is told beforehand, each with its place.
func TestS4_13_S4_20_WhatIsWrongWithNewPeople(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(3), hiring)
	p, rows := w.plan("userPrincipalName,displayName,city,usageLocation,licenses:add,action\n"+
		"p1@contoso.example,Anna,,,,create\n"+
		"new1@elsewhere.example,Ben,,,,create\n"+
		"new2@contoso.example,,,,,create\n"+
		"new3@contoso.example,Cleo,,,,create\n"+
		"NEW3@contoso.example,Dora,,,,create\n"+
		"new4@contoso.example,Emil,,,SPE_E3,create\n"+
		"new5@contoso.example,Finn,,DE,SPE_E3,create\n", bulk.Upload{})
	got, _ := told(p, rows)
	want := "line 2, column A (userPrincipalName): Somebody has the sign-in name p1@contoso.example already.\n" +
		"line 3, column A (userPrincipalName): The domain of new1@elsewhere.example is none of your organization's. It has: contoso.example.\n" +
		"line 4, column A (userPrincipalName): displayName: Nobody can be added without this.\n" +
		"line 5, column A (userPrincipalName): The lines 5, 6 are about the same person and say different things. Keep one of them.\n" +
		"line 6, column A (userPrincipalName): The lines 5, 6 are about the same person and say different things. Keep one of them.\n" +
		"line 7, column E (licenses:add): A license needs a usage location first. Write the country into a column usageLocation, for example DE.\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if p.Counts.Ready != 1 || p.Counts.Kinds["create"] != 1 || p.Counts.Kinds["license"] != 1 {
		t.Errorf("%+v", p.Counts)
	}
	closed := begin(t, contoso(3), rules)
	p, _ = closed.plan("userPrincipalName,displayName,action\nnew@contoso.example,New,create\n", bulk.Upload{})
	if p.Counts.Ready != 0 || p.Counts.Refused != 1 {
		t.Errorf("without the right: %+v", p.Counts)
	}
}

// S4.11, S4.17, S4.19: who is added gets manager, groups and licenses as deeds of their own; passwords are told once, to whoever applied; an
// interrupted run creates nobody twice; and the plan is taken back.
func TestS4_11_S4_17_S4_19_PeopleAreAddedFromASheetAndTakenBack(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(9), hiring)
	p, rows := w.plan("userPrincipalName,displayName,usageLocation,manager,groups:add,licenses:add,action\n"+
		"cleo@contoso.example,Cleo Park,DE,p1@contoso.example,Sales,SPE_E3,create\n"+
		"dora@contoso.example,Dora Lind,DE,,,,create\n", bulk.Upload{})
	if problems, _ := told(p, rows); problems != "" {
		t.Fatal(problems)
	}
	if rows[0].Person().ID != "" {
		t.Errorf("nobody is there, and is called %s", rows[0].Person().ID)
	}
	by := boss
	by.Ref.Tenant = p.Tenant
	if _, err := w.Apply(w.ctx, by, p.Tenant, p.ID, p.Digest, bulk.Confirm{People: p.Counts.Ready}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	rows, err := w.Rows(w.ctx, by, p.Tenant, p.ID, bulk.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Fate == nil || r.Fate.State != change.Applied || len(r.Fate.Steps) != len(r.Steps) || r.Person().ID == "" {
			t.Fatalf("line %d: %+v", r.Line, r.Fate)
		}
	}
	u, err := w.Desk.Directory.ByName(w.ctx, p.Tenant, "cleo@contoso.example", directory.Ask{Manager: true, Groups: true, Licenses: true})
	if err != nil || u.Ref != rows[0].Person() || u.Manager == nil || u.Manager.UPN != "p1@contoso.example" || len(u.Groups) != 1 || len(u.Licenses) != 1 {
		t.Errorf("%+v %v", u, err)
	}

	other := holder(directory.Admin)
	other.Ref.ID, other.Ref.Tenant = id(901), p.Tenant
	if _, err := w.Passwords(w.ctx, other, p.Tenant, p.ID); !fail.Is(err, fail.Denied) {
		t.Errorf("somebody else was told the passwords: %v", err)
	}
	l, err := w.Passwords(w.ctx, by, p.Tenant, p.ID)
	if err != nil || len(l) != 2 || l[0].UPN != "cleo@contoso.example" || len(l[0].Password) != 19 || l[0].Password == l[1].Password {
		t.Fatalf("%+v %v", l, err)
	}
	if l, err = w.Passwords(w.ctx, by, p.Tenant, p.ID); err != nil || len(l) != 0 {
		t.Errorf("told twice: %+v %v", l, err)
	}
	told, err := w.Desk.Journal.Find(w.ctx, p.Tenant, change.Search{Do: change.Export}, 0, 9)
	if err != nil || len(told) != 1 || told[0].Outcome.After[change.ExportEntries].Str() != "2" || told[0].Change.By.Ref != by.Ref || told[0].Change.Why != p.File {
		t.Errorf("the history of it: %+v %v", told, err)
	}

	back, err := w.Undo(w.ctx, by, p.Tenant, p.ID)
	if err != nil || back.Counts.Kinds["delete"] != 2 || back.Counts.Refused != 0 {
		t.Fatalf("undo: %+v %v", back.Counts, err)
	}
	if _, err := w.Apply(w.ctx, by, p.Tenant, back.ID, back.Digest, bulk.Confirm{People: back.Counts.Ready, Deletions: 2}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	for _, upn := range []string{"cleo@contoso.example", "dora@contoso.example"} {
		if _, err := w.Desk.Directory.ByName(w.ctx, p.Tenant, upn, directory.Ask{}); !fail.Is(err, fail.NotFound) {
			t.Errorf("%s is still there: %v", upn, err)
		}
	}
}

// A first password that the file gives waits sealed, is used, and is told by nobody: neither the plan, nor its rows, nor what comes out of it.
func TestA42_S4_11_FirstPasswordsOfTheFile(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(30), hiring)
	const head = "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required\n"
	p, rows := w.plan(head+"Cleo Park,cleo@contoso.example,Wr9-tulip-Ferry\nDora Lind,dora@contoso.example,\nPerson 1,p1@contoso.example,Wr9-tulip-Other\nEve,eve@contoso.example,tulip\n", bulk.Upload{})
	problems, notes := told(p, rows)
	if want := "line 5, column C (Initial password [passwordProfile] Required): A password has 8 to 256 characters. This has 5.\n"; problems != want {
		t.Errorf("problems %q", problems)
	}
	if !strings.Contains(notes, "line 4, column C (Initial password [passwordProfile] Required): The person is there already") {
		t.Errorf("notes %q", notes)
	}
	g, err := w.cfg.Store.Given(w.ctx, tenant, p.ID, 1, "password", w.cfg.Now())
	if err != nil || strings.Contains(string(g.Sealed), "tulip") {
		t.Fatalf("it is not sealed: %v", err)
	}
	done := w.carry(p, bulk.Confirm{})
	rows, err = w.Rows(w.ctx, boss, tenant, p.ID, bulk.Query{})
	if err != nil || done.Run.Fates["applied"] != 2 {
		t.Fatalf("%v %+v", done.Run.Fates, err)
	}
	for what, x := range map[string]any{"the plan": done, "its rows": rows} {
		if b, _ := json.Marshal(x); strings.Contains(string(b), "tulip") {
			t.Errorf("%s hold a password", what)
		}
	}
	if _, err := w.cfg.Store.Given(w.ctx, tenant, p.ID, 1, "password", w.cfg.Now()); !fail.Is(err, fail.NotFound) {
		t.Errorf("it waits after it was used: %v", err)
	}
	l, err := w.Passwords(w.ctx, boss, tenant, p.ID)
	if err != nil || len(l) != 1 || l[0].UPN != "dora@contoso.example" {
		t.Errorf("told: %+v %v", l, err)
	}
	used := false
	for _, e := range w.Ledger(0) {
		used = used || e.Op == "user.create"
	}
	if !used {
		t.Error("nobody was created")
	}
}
