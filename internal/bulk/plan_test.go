package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"nameplate/emulator/sample"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	house "nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

const head = "userPrincipalName,department,jobTitle,city,manager,groups:add,groups:remove,licenses:add,action\n"

func TestS3_16to17_APlanShowsOldAndNew(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(4), rules)
	p, rows := w.plan(head+
		"P1@contoso.example,Marketing,,<clear>,p2@contoso.example,\"O'Neil & co; sales\",,,\n"+
		"p2@contoso.example,Sales,Clerk,,,,o'neil & CO,Microsoft 365 E3,\n"+
		"p3@contoso.example,,,,,,,,delete\n"+
		"p4@contoso.example,Sales,Clerk,,<clear>,,sales,,update\n", bulk.Upload{})
	want := []string{
		"update department:Sales→Marketing; manager manager:→" + id(2) + "; member memberOf/40000000-0000-4000-8000-000000000005:→true",
		`member memberOf/40000000-0000-4000-8000-000000000005:true→; license license/50000000-0000-4000-8000-000000000001:→{"disabledPlans":[]}`,
		"delete account:active→deleted",
		"",
	}
	for i, r := range rows {
		if got := steps(r.Row); got != want[i] || r.Line != i+2 || r.Number != i+1 {
			t.Errorf("line %d %s:\n got %s\nwant %s", r.Line, r.State, got, want[i])
		}
	}
	if problems, notes := told(p, rows); problems != "" || notes != "Microsoft 365 E3: the file gives 1, and 2 of 2 seats are free.\n" {
		t.Errorf("%s %s", problems, notes)
	}
	c := p.Counts
	if c.Rows != 4 || c.Ready != 3 || c.Unchanged != 1 || fmt.Sprint(c.Kinds) != "map[delete:1 license:1 manager:1 member:2 update:1]" || c.Cells["department"] != 1 {
		t.Errorf("%+v", c)
	}
	if rows[0].Steps[1].Names[id(2)] != "Person 2" || rows[0].Name != "Person 1" || rows[0].UPN != "p1@contoso.example" {
		t.Errorf("names: %+v", rows[0])
	}
	if n := len(w.Ledger(0)); n != 0 {
		t.Errorf("a plan has written %d times", n)
	}
}

// A22: a plan is a row of this installation: the same file gives the same digest, another one another; nobody without a role
// makes or reads one.
func TestA22_PlansAreOurs(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(2), rules)
	text := "userPrincipalName,department\np1@contoso.example,HR\np2@contoso.example,Sales\n"
	one, _ := w.plan(text, bulk.Upload{})
	two, _ := w.plan(text, bulk.Upload{})
	three, _ := w.plan(strings.Replace(text, "HR", "H R", 1), bulk.Upload{})
	if len(one.Digest) != 64 || one.Digest != two.Digest || one.ID == two.ID || three.Digest == one.Digest || one.Sum == three.Sum {
		t.Errorf("%+v %+v %+v", one, two, three)
	}
	if one.By.Session != "" {
		t.Error("a plan keeps a session")
	}
	list, err := w.Plans(w.ctx, holder(directory.Auditor), tenant, one.Made.Add(1e12), 10)
	if err != nil || len(list) != 3 {
		t.Errorf("an auditor reads plans: %v %v", list, err)
	}
	for name, by := range map[string]directory.Actor{"nobody": {}, "a member": holder(), "an auditor": holder(directory.Auditor)} {
		if _, err := w.MakePlan(w.ctx, by, tenant, bulk.Upload{Name: "x", Data: []byte(text)}); !fail.Is(err, fail.Denied) {
			t.Errorf("%s makes a plan: %v", name, err)
		}
		if name == "an auditor" {
			continue
		}
		if _, err := w.Plan(w.ctx, by, tenant, one.ID); !fail.Is(err, fail.Denied) {
			t.Errorf("%s reads a plan: %v", name, err)
		}
		if _, err := w.Rows(w.ctx, by, tenant, one.ID, bulk.Query{}); !fail.Is(err, fail.Denied) {
			t.Errorf("%s reads rows: %v", name, err)
		}
	}
	if _, err := w.Rows(w.ctx, boss, tenant, "nonsense", bulk.Query{}); !fail.Is(err, fail.NotFound) {
		t.Errorf("no such plan: %v", err)
	}
}

// Who may do less is told so row by row; hidden values are hidden in a plan too.
func TestA22_A23_APlanIsBoundByThePolicy(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(2), rules)
	p, rows := w.planBy(holder(directory.Editor), "userPrincipalName,department,jobTitle,groups:add\np1@contoso.example,HR,,\np2@contoso.example,HR,Boss,\np2@contoso.example,HR,,Sales\np1@contoso.example,HR,,\n", bulk.Upload{})
	problems, _ := told(p, rows)
	if problems != "line 3, column A (userPrincipalName): The lines 3, 4 are about the same person and say different things. Keep one of them.\n"+
		"line 4, column A (userPrincipalName): The lines 3, 4 are about the same person and say different things. Keep one of them.\n" {
		t.Error(problems)
	}
	p, rows = w.planBy(holder(directory.Editor), "userPrincipalName,department,jobTitle,groups:add\np1@contoso.example,HR,,Sales\np2@contoso.example,HR,Boss,Sales\n", bulk.Upload{})
	problems, _ = told(p, rows)
	if problems != "line 3, column C (jobTitle): Only an administrator of your organization can change this here.\nline 3, column D (groups:add): Your organization does not let you do this here.\n" ||
		steps(rows[0].Row) != "update department:Sales→HR" {
		t.Errorf("%s%s", problems, steps(rows[0].Row))
	}
	p, rows = w.plan("userPrincipalName,faxNumber\np1@contoso.example,+49 30 1\n", bulk.Upload{})
	if steps(rows[0].Row) != "update faxNumber:→+49 30 1" {
		t.Error(steps(rows[0].Row))
	}
	seen, err := w.Rows(w.ctx, holder(directory.Editor), tenant, p.ID, bulk.Query{})
	if err != nil || steps(seen[0].Row) != "update faxNumber:→•••" {
		t.Errorf("an editor sees %s %v", steps(seen[0].Row), err)
	}
}

func TestB07to21_WhatIsSaidOfAPlan(t *testing.T) {
	t.Parallel()
	org := contoso(9)
	org.Users[3].Sync = "synced"
	org.Users[4].Roles = []string{"Global Administrator"}
	org.Users[5].Values["accountEnabled"] = false
	org.Users[6].Values["displayName"], org.Users[7].Values["displayName"] = "Twin", "Twin"
	org.Users[8].Manager = "p1@contoso.example"
	org.Users[0].Values["employeeId"] = "00042"
	w := begin(t, org, rules)
	for _, m := range []struct {
		id, file        string
		up              bulk.Upload
		problems, notes string
	}{
		{
			id: "B07 id and sign-in name disagree", file: "id,userPrincipalName,city\n" + id(1) + ",p2@contoso.example,Bonn\n",
			problems: "line 2, column B (userPrincipalName): The object id " + id(1) + " is that of p1@contoso.example, and the row says p2@contoso.example. Correct one of them. A new sign-in name has a column of its own, userPrincipalName:new.\n",
		},
		{
			id: "B07 nobody", file: "id,userPrincipalName,city\n,nobody@contoso.example,Bonn\n" + id(99) + ",,Bonn\n",
			problems: "line 2, column B (userPrincipalName): Nobody is called nobody@contoso.example.\nline 3, column B (userPrincipalName): Nobody has the object id " + id(99) + ".\n",
		},
		{
			id: "B08 the same person three times, in two ways", file: "id,userPrincipalName,city\n" + id(1) + ",,Bonn\n,p1@contoso.example,Bonn\n,P1@CONTOSO.example,Bonn\n",
			notes: "line 3, column B (userPrincipalName): It says the same of the same person as line 2.\nline 4, column B (userPrincipalName): It says the same of the same person as line 2.\n",
		},
		{
			id: "B08 different", file: "id,userPrincipalName,city\n" + id(1) + ",,Bonn\n,p1@contoso.example,Ulm\n",
			problems: "line 2, column B (userPrincipalName): The lines 2, 3 are about the same person and say different things. Keep one of them.\nline 3, column B (userPrincipalName): The lines 2, 3 are about the same person and say different things. Keep one of them.\n",
		},
		{
			id: "B09 shifted", file: "userPrincipalName,mobilePhone,usageLocation\np1@contoso.example,Berlin,+49\np2@contoso.example,Bonn,+49\np3@contoso.example,Ulm,+49\n",
			problems: "line 2, column B (mobilePhone): \"Berlin\" is no telephone number. Write for example +49 30 1234567.\nline 2, column C (usageLocation): Use at most 2 characters. This has 3.\n" +
				"line 3, column B (mobilePhone): \"Bonn\" is no telephone number. Write for example +49 30 1234567.\nline 3, column C (usageLocation): Use at most 2 characters. This has 3.\n" +
				"line 4, column B (mobilePhone): \"Ulm\" is no telephone number. Write for example +49 30 1234567.\nline 4, column C (usageLocation): Use at most 2 characters. This has 3.\n",
			notes: "3 of 3 rows have values that do not belong into their columns. The columns may have been shifted against their headings.\n",
		},
		{
			id: "B13 zeros and a plus that are in the directory", file: "userPrincipalName,employeeId,mobilePhone\np1@contoso.example,42,4930000001\n",
			problems: "line 2, column B (employeeId): Excel has taken the zeros in front away: 00042 is in the directory and 42 in the file. Format the column as text and type it again.\n" +
				"line 2, column C (mobilePhone): Excel has taken the + in front away: +49 30 000001 is in the directory and 4930000001 in the file. Format the column as text and type it again.\n",
		},
		{id: "B13 taken as it stands", file: "userPrincipalName,employeeId\np1@contoso.example,42\n", up: bulk.Upload{Options: sheet.Options{AsTyped: true}}},
		{
			id: "B17 a domain of somebody else", file: "userPrincipalName,userPrincipalName:new\np1@contoso.example,p1@fabrikam.example\n",
			problems: "line 2, column B (userPrincipalName:new): The domain of p1@fabrikam.example is none of your organization's. It has: contoso.example.\n",
		},
		{
			id: "B19 managers", file: "userPrincipalName,manager\np1@contoso.example,p1@contoso.example\np2@contoso.example,nobody@contoso.example\np3@contoso.example,Twin\np7@contoso.example,Nobody\np8@contoso.example,p6@contoso.example\np9@contoso.example,Person 2\n",
			problems: "line 2, column B (manager): Nobody can be their own manager.\n" +
				"line 3, column B (manager): Nobody has the sign-in name nobody@contoso.example.\n" +
				"line 4, column B (manager): 2 people are called \"Twin\". Write the sign-in name of the one that is meant.\n" +
				"line 5, column B (manager): Nobody is called \"Nobody\".\n",
			notes: "line 6, column B (manager): The account of p6@contoso.example is disabled.\n",
		},
		{
			id: "B19 a ring over several rows, and over what is there", file: "userPrincipalName,manager\np1@contoso.example,p2@contoso.example\np2@contoso.example,p9@contoso.example\n",
			problems: "line 2, column B (manager): These would be one another's managers: p1@contoso.example → p2@contoso.example → p9@contoso.example → p1@contoso.example.\n" +
				"line 3, column B (manager): These would be one another's managers: p2@contoso.example → p9@contoso.example → p1@contoso.example → p2@contoso.example.\n",
		},
		{
			id: "B20 what an application may not write, and who is synced or an administrator", file: "userPrincipalName,aboutMe,birthday,city\np1@contoso.example,Hello,1990-05-17,\np4@contoso.example,,,Bonn\np5@contoso.example,,,Bonn\n",
			problems: "line 2, column B (aboutMe): Only the person themself can change this, signed in with their own account.\nline 2, column C (birthday): Only the person themself can change this, signed in with their own account.\n" +
				"line 3, column D (city): This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it.\n" +
				"line 4, column D (city): This person is an administrator of your organization. Changing administrators is closed here.\n",
		},
		{
			id: "B21 licenses", file: "userPrincipalName,licenses:add,licenses:remove\np1@contoso.example,SPE_E5,\np2@contoso.example,SPE_E3,\np3@contoso.example,spe_e3,\np6@contoso.example,50000000-0000-4000-8000-000000000001,\np7@contoso.example,SPE_E3,SPE_E3\n",
			problems: "line 2, column B (licenses:add): Your organization has no product \"SPE_E5\". It has: SPE_E3.\n" +
				"line 5, column B (licenses:add): No seat of Microsoft 365 E3 is left for this row: 2 are free.\n" +
				"line 6, column B (licenses:add): No seat of Microsoft 365 E3 is left for this row: 2 are free.\n",
			notes: "Microsoft 365 E3: the file gives 4, and 2 of 2 seats are free.\n",
		},
		{
			id: "groups", file: "userPrincipalName,groups:add,groups:remove\np1@contoso.example,Nobodies,\np2@contoso.example,Twin,\np3@contoso.example,Board,\np6@contoso.example,Sales,Sales\n",
			problems: "line 2, column B (groups:add): There is no group \"nobodies\".\nline 3, column B (groups:add): Several groups are called \"twin\". Write the object id of the one that is meant.\n" +
				"line 4, column B (groups:add): Nobody picks the members of Board by hand: its rule does.\nline 5, column C (groups:remove): The row puts the person into Sales and takes them out.\n",
		},
		{
			id: "a picture, and somebody new", file: "userPrincipalName,photo,action\np1@contoso.example,a.jpg,\nnew@contoso.example,,create\n",
			problems: "line 2, column B (photo): No picture called \"a.jpg\" came with the file. Give it together with the file.\n" +
				"line 3, column A (userPrincipalName): displayName: Nobody can be added without this.\nline 3, column A (userPrincipalName): Your organization does not let you do this here.\n",
		},
		{
			id: "S3.16 the admin center's template", file: "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Address,City,State or Province,ZIP or Postal Code,Country or Region\np1@contoso.example, , ,Person 1,Clerk,Sales,,,+49 30 000001,,,,01001, \n",
		},
		{id: "restored who is there", file: "version:v1.0\nObject ID [objectId] Required\n" + id(1) + "\n", problems: "line 3: " + id(1) + " was not deleted.\n"},
	} {
		t.Run(m.id, func(t *testing.T) {
			t.Parallel()
			p, rows := w.plan(m.file, m.up)
			problems, notes := told(p, rows)
			if problems != m.problems {
				t.Errorf("problems\n got %s\nwant %s", problems, m.problems)
			}
			if notes != m.notes {
				t.Errorf("notes\n got %s\nwant %s", notes, m.notes)
			}
		})
	}
}

// Members of a group from Entra's list; people who are deleted and come back.
func TestS4_17to18_MembersDeleteRestore(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(3), rules)
	members := "version:v1.0\r\nMember object ID or user principal name [memberObjectIdOrUpn] Required\r\np1@contoso.example\r\n" + id(2) + "\r\n"
	_, rows := w.plan(members, bulk.Upload{Group: "sales"})
	if steps(rows[0].Row) != "" || steps(rows[1].Row) != "member memberOf/40000000-0000-4000-8000-000000000001:→true" {
		t.Errorf("%s | %s", steps(rows[0].Row), steps(rows[1].Row))
	}
	_, rows = w.plan(members, bulk.Upload{Group: "40000000-0000-4000-8000-000000000001", Options: sheet.Options{Format: "entra-members-remove"}})
	if steps(rows[0].Row) != "member memberOf/40000000-0000-4000-8000-000000000001:true→" || rows[1].State != bulk.Unchanged {
		t.Errorf("%s | %s", steps(rows[0].Row), steps(rows[1].Row))
	}
	for text, group := range map[string]string{members: "", "userPrincipalName\n": "Sales"} {
		if _, err := w.MakePlan(w.ctx, boss, tenant, bulk.Upload{Data: []byte(text), Group: group}); !fail.Is(err, fail.Invalid) {
			t.Errorf("group %q: %v", group, err)
		}
	}
	gone := change.Change{On: directory.Ref{Tenant: tenant, ID: id(3)}, Do: change.Account, Set: property.Values{directory.FacetAccount: property.Text(directory.Deleted)}, By: boss}
	if o, err := w.Desk.Apply(w.ctx, gone); err != nil || o.State != change.Applied {
		t.Fatalf("%+v %v", o, err)
	}
	_, rows = w.plan("version:v1.0\nUser name [userPrincipalName] Required\nExample: chris@contoso.com\np1@contoso.example\np3@contoso.example\n", bulk.Upload{})
	if len(rows) != 2 || steps(rows[0].Row) != "delete account:active→deleted" || rows[1].State != bulk.Unchanged {
		t.Errorf("%+v", rows)
	}
	for _, text := range []string{"version:v1.0\nObject ID [objectId] Required\n" + id(3) + "\n", "userPrincipalName,action,city\np3@contoso.example,restore,Bonn\n"} {
		_, rows = w.plan(text, bulk.Upload{})
		if len(rows) != 1 || steps(rows[0].Row) != "restore account:deleted→active" {
			t.Errorf("%+v", rows)
		}
	}
}

// like: a colleague's groups and licenses.
func TestLikeAColleague(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(3), rules)
	given := change.Change{On: directory.Ref{Tenant: tenant, ID: id(1)}, Do: change.License, By: boss, Set: property.Values{
		directory.Licensed("50000000-0000-4000-8000-000000000001"): directory.Assigned("60000000-0000-4000-8000-000000000001"),
	}}
	if o, err := w.Desk.Apply(w.ctx, given); err != nil || o.State != change.Applied {
		t.Fatalf("%+v %v", o, err)
	}
	p, rows := w.plan("userPrincipalName,like\np3@contoso.example,like:P1@contoso.example\np1@contoso.example,p1@contoso.example\np2@contoso.example,x@contoso.example\n", bulk.Upload{})
	want := `member memberOf/40000000-0000-4000-8000-000000000001:→true; license license/50000000-0000-4000-8000-000000000001:→{"disabledPlans":["60000000-0000-4000-8000-000000000001"]}`
	problems, _ := told(p, rows)
	if steps(rows[0].Row) != want || rows[1].State != bulk.Unchanged || problems != "line 4, column B (like): Nobody has the sign-in name x@contoso.example.\n" {
		t.Errorf("%s %s %s", steps(rows[0].Row), steps(rows[1].Row), problems)
	}
}

// B11: export, nothing edited, import: nothing would change, in every format, and in ours and the admin center's for an organization
// that is as odd as one can be.
func TestB11_ExportAndImportChangeNothing(t *testing.T) {
	t.Parallel()
	odd, err := sample.Hostile()
	if err != nil {
		t.Fatal(err)
	}
	odd.Apps[0].ClientID = app
	plain, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	plain.Apps[0].ClientID = app
	for name, w := range map[string]*world{"hostile": begin(t, odd, string(house.Demo())), "contoso": begin(t, plain, string(house.Demo())), "open": begin(t, contoso(30), rules)} {
		by := boss
		by.Ref.Tenant = w.Tenants()[0]
		for _, f := range append(sheet.Formats(), sheet.Format{Name: sheet.Own, Act: sheet.Update}) {
			if f.Act != sheet.Update && f.Act != sheet.Ensure || name == "hostile" && f.Name != sheet.Own && f.Name != "m365-export" {
				continue
			}
			n := 0
			text, err := csv(func(x sheet.Writer) (err error) {
				n, err = w.ExportPeople(w.ctx, by, by.Ref.Tenant, f.Name, directory.Query{}, x)
				return err
			})
			if err != nil {
				t.Fatal(name, f.Name, err)
			}
			p, rows := w.plan(text, bulk.Upload{})
			if p.Counts.Rows != n || n < 20 || p.Counts.Unchanged != n || p.About.Format != f.Name {
				t.Errorf("%s as %s: %d people, %+v", name, f.Name, n, p.Counts)
				for _, r := range rows {
					if r.State != bulk.Unchanged {
						t.Errorf("%s line %d: %s %v %q", f.Name, r.Line, steps(r.Row), r.Problems, r.UPN)
					}
				}
			}
		}
		if n := len(w.Ledger(0)); n != 0 {
			t.Errorf("%s: %d writes", name, n)
		}
	}
}

// Reads come in pages and the number of requests does not grow with the rows.
func TestReadsAreInPages(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(2500), rules)
	var b strings.Builder
	b.WriteString("userPrincipalName,department,manager,groups:add\n")
	for i := 1; i <= 2500; i++ {
		fmt.Fprintf(&b, "p%d@contoso.example,HR,p1@contoso.example,Sales\n", i)
	}
	p, _ := w.plan(strings.Replace(b.String(), "HR,p1@contoso.example", "HR,", 1), bulk.Upload{})
	if p.Counts.Ready != 2500 || p.Counts.Kinds["update"] != 2500 || p.Counts.Kinds["manager"] != 2499 || p.Counts.Kinds["member"] != 2499 {
		t.Errorf("%+v", p.Counts)
	}
	if s := w.Statistics(); s.Requests > 12 || s.Inner > 2 || s.Writes != 0 {
		t.Errorf("%d requests, %d in batches", s.Requests, s.Inner)
	}
	few := begin(t, contoso(2500), rules)
	few.plan("userPrincipalName,department\np1@contoso.example,HR\n", bulk.Upload{})
	if s := few.Statistics(); s.Requests > 4 {
		t.Errorf("%d requests for one row", s.Requests)
	}
}
