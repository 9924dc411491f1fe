package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

const tenant = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"

var (
	anna  = directory.Ref{Tenant: tenant, ID: "10000000-0000-4000-8000-000000000001"}
	other = directory.Ref{Tenant: tenant, ID: "10000000-0000-4000-8000-000000000002"}
)

func person(ref directory.Ref, roles ...directory.Role) directory.Actor {
	return directory.Actor{Kind: directory.PersonActor, Ref: ref, Name: "Anna", Session: "s", Roles: roles}
}

func keyOf(tenant string, role directory.Role) directory.Actor {
	return directory.Actor{Kind: directory.KeyActor, Ref: directory.Ref{Tenant: tenant, ID: "k"}, Roles: []directory.Role{role}, Scopes: directory.Scopes()}
}

// user is a person of whom everything is known.
func user(values property.Values) directory.User {
	u := directory.User{Ref: anna, Enabled: true, Values: property.Values{}, Roles: []string{}}
	for _, d := range property.Catalog().All() {
		u.Values[d.Name] = d.Clean(property.Null())
	}
	u.Values["userType"], u.Values["accountEnabled"] = property.Text("Member"), property.Bool(true)
	for n, v := range values {
		u.Values[n] = v
	}
	return u
}

func must(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, m := policy.Parse("test.yaml", []byte(text))
	if len(m) > 0 {
		t.Fatal(policy.Report("test.yaml", m))
	}
	return p
}

func shipped(t testing.TB) (demo, standard *policy.Policy) {
	t.Helper()
	return must(t, string(policy.Demo())), must(t, string(policy.Default()))
}

// may asks the gate for one property and gives the code of its refusal, "" for yes.
func may(p *policy.Policy, by directory.Actor, on directory.User, n property.Name, v property.Value) string {
	set, problems := p.May(context.Background(), by, change.Update, on, property.Values{n: v})
	switch {
	case len(problems) == 0 && !set[n].Equal(v):
		return "lost"
	case len(problems) == 0:
		return ""
	case problems[0].Field != string(n):
		return "unnamed"
	}
	return problems[0].Code
}

// example is a value that every property of that kind takes.
func example(d property.Def) property.Value {
	switch d.Kind {
	case property.KindTextList:
		if d.Item == property.KindEmail {
			return property.List("x@example.com")
		}
		return property.List("+49 30 1234567")
	case property.KindBool:
		return property.Bool(false)
	case property.KindInstant:
		return property.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	case property.KindObject:
		return property.Raw([]byte(`{"a":1}`))
	case property.KindChoice:
		return property.Text(d.Graph.Values[0])
	case property.KindCountry:
		return property.Text("NL")
	case property.KindLanguage:
		return property.Text("de-DE")
	case property.KindEmail:
		return property.Text("x@example.com")
	case property.KindLink:
		return property.Text("https://www.example.com/")
	case property.KindPhone:
		return property.Text("+49 30 1234567")
	}
	return property.Text("x")
}

// What each shipped file opens, typed from the issue: the demo opens the ten fields of the portal that it replaces, what only
// the own token writes, language and business phone; the default keeps closed what feeds dynamic groups, licenses or names.
var (
	eight    = []property.Name{"aboutMe", "birthday", "interests", "mySite", "pastProjects", "responsibilities", "schools", "skills"}
	ten      = []property.Name{"country", "state", "city", "postalCode", "streetAddress", "companyName", "department", "jobTitle", "officeLocation", "mobilePhone"}
	selfDemo = slices.Concat(ten, eight, []property.Name{"preferredLanguage", "businessPhones", "faxNumber", "extensionAttribute11", "extensionAttribute12"})
	selfStd  = slices.Concat(eight, []property.Name{"mobilePhone", "businessPhones", "faxNumber", "officeLocation", "streetAddress", "postalCode", "city", "state", "preferredLanguage"})
	names    = []property.Name{"displayName", "givenName", "surname"}
)

const globalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// withRoles is somebody who holds these directory roles; without any it is not known which.
func withRoles(roles ...string) directory.User {
	u := user(nil)
	u.Roles = roles
	return u
}

// closed lets nobody edit anything.
const closed = "version: 1\nproperties: {city: {view: self}}\n"

func without(l, no []property.Name) []property.Name {
	return slices.DeleteFunc(slices.Clone(l), func(n property.Name) bool { return slices.Contains(no, n) })
}

func TestA20_EveryPropertyForEveryRole(t *testing.T) {
	t.Parallel()
	demo, standard := shipped(t)
	guest := user(property.Values{"userType": property.Text("Guest")})
	guest.Guest = true
	stranger := person(directory.Ref{Tenant: "99999999-7a42-4c7b-9c1e-2b8f4d6a9e01", ID: anna.ID}, directory.Admin)
	for _, c := range []struct {
		name string
		p    *policy.Policy
		by   directory.Actor
		on   directory.User
		want []property.Name
	}{
		{"demo, self", demo, person(anna), user(nil), selfDemo},
		{"demo, self who is auditor", demo, person(anna, directory.Auditor), user(nil), selfDemo},
		{"demo, self who is editor", demo, person(anna, directory.Editor), user(nil), slices.Concat(selfDemo, names)},
		{"demo, administrator on another", demo, person(other, directory.Admin), user(nil), slices.Concat(without(selfDemo, eight), names, []property.Name{"accountEnabled", "usageLocation"})},
		{"demo, editor on another", demo, person(other, directory.Editor), user(nil), slices.Concat(without(selfDemo, eight), names)},
		{"demo, key of an administrator", demo, keyOf(tenant, directory.Admin), user(nil), slices.Concat(without(selfDemo, eight), names, []property.Name{"accountEnabled", "usageLocation"})},
		{"demo, key of an editor", demo, keyOf(tenant, directory.Editor), user(nil), slices.Concat(without(selfDemo, eight), names)},
		{"demo, key of an auditor", demo, keyOf(tenant, directory.Auditor), user(nil), nil},
		{"demo, key of another tenant", demo, keyOf("99999999-7a42-4c7b-9c1e-2b8f4d6a9e01", directory.Admin), user(nil), nil},
		{"demo, key with the id of the person", demo, directory.Actor{Kind: directory.KeyActor, Ref: anna}, user(nil), nil},
		{"demo, approver on another", demo, person(other, directory.Approver), user(nil), nil},
		{"demo, auditor on another", demo, person(other, directory.Auditor), user(nil), nil},
		{"demo, another", demo, person(other), user(nil), nil},
		{"demo, administrator of another tenant", demo, stranger, user(nil), nil},
		{"demo, nobody", demo, directory.Actor{}, user(nil), nil},
		{"demo, nameplate itself", demo, directory.Actor{Kind: directory.SelfActor, Roles: []directory.Role{directory.Admin}}, user(nil), nil},
		{"demo, guest on themself", demo, person(anna), guest, []property.Name{"mobilePhone", "preferredLanguage"}},
		{"default, self", standard, person(anna), user(nil), selfStd},
		{"default, administrator on another", standard, person(other, directory.Admin), user(nil), slices.Concat(without(selfStd, eight), []property.Name{"accountEnabled", "usageLocation"})},
		{"default, editor on another", standard, person(other, directory.Editor), user(nil), without(selfStd, eight)},
		{"default, administrator on a Global Administrator", standard, person(other, directory.Admin), withRoles(globalAdministrator), nil},
		{"default, administrator on somebody whose roles are not known", standard, person(other, directory.Admin), withRoles(), nil},
		{"default, auditor on another", standard, person(other, directory.Auditor), user(nil), nil},
		{"default, another", standard, person(other), user(nil), nil},
		{"default, guest on themself", standard, person(anna), guest, []property.Name{"mobilePhone", "preferredLanguage"}},
		{"demo delegated, self", demo.Delegated(true), person(anna), user(nil), slices.Concat(eight, []property.Name{"mobilePhone"})},
		{"demo delegated, administrator on another", demo.Delegated(true), person(other, directory.Admin), user(nil), nil},
		{"file that opens nothing", must(t, closed), person(anna, directory.Admin), user(nil), nil},
		{"no policy", &policy.Policy{}, person(anna, directory.Admin), user(nil), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			open := map[property.Name]bool{}
			for _, f := range c.p.Form(c.by, c.on) {
				open[f.Def.Name] = f.Write
				if f.Write == !f.Reason.Zero() {
					t.Errorf("%s: editable %v, reason %q", f.Def.Name, f.Write, f.Reason)
				}
			}
			for _, d := range property.Catalog().All() {
				v := example(d)
				switch d.Name {
				case "extensionAttribute11":
					v = property.Text("XL")
				case "extensionAttribute12":
					v = property.Text("Maria, +49 30 1234567")
				}
				want := slices.Contains(c.want, d.Name)
				code := may(c.p, c.by, c.on, d.Name, v)
				if want && code != "" || !want && code != "not_allowed" && code != "unknown" {
					t.Errorf("%s: may says %q, want editable %v", d.Name, code, want)
				}
				if open[d.Name] != want {
					t.Errorf("%s: the form says %v, want %v", d.Name, open[d.Name], want)
				}
			}
		})
	}
}

func TestA20_UnknownNamesAreRefusedByName(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	set := property.Values{
		"city": property.Text("Utrecht"), "isAdmin": property.Bool(true), "passwordProfile": property.Raw([]byte(`{"password":"x"}`)),
		"userPrincipalName": property.Text("x@example.com"), "id": property.Text("x"), "__proto__": property.Text("x"), "photo": property.Text("x"), "": property.Text("x"),
	}
	got, problems := demo.May(context.Background(), person(anna), change.Update, user(nil), set)
	if got != nil {
		t.Errorf("something is let through: %v", got)
	}
	var fields []string
	for _, p := range problems {
		fields = append(fields, p.Field+" "+p.Code)
	}
	want := []string{" unknown", "__proto__ unknown", "id not_allowed", "isAdmin unknown", "passwordProfile not_allowed", "photo unknown", "userPrincipalName not_allowed"}
	if !slices.Equal(fields, want) {
		t.Errorf("got %q, want %q", fields, want)
	}
}

// Guests read what they may change here, and it is all of what they may change.
func TestShipped_GuestsReasonNamesEverythingThatIsOpen(t *testing.T) {
	t.Parallel()
	demo, standard := shipped(t)
	guest := user(property.Values{"userType": property.Text("Guest")})
	for _, p := range []*policy.Policy{demo, standard} {
		var reason fail.Text
		for _, f := range p.Form(person(anna), guest) {
			if f.Def.Name == "jobTitle" {
				reason = f.Reason
			}
		}
		de, ar := p.Words()["de"][reason.Key], p.Words()["ar"][reason.Key]
		for words, in := range map[string]string{
			"mobile phone": reason.String(), "language": reason.String(), "picture": reason.String(),
			"Mobilnummer": de, "Sprache": de, "Bild": de, "المحمول": ar, "لغتهم": ar, "صورتهم": ar,
		} {
			if !strings.Contains(in, words) {
				t.Errorf("%q is not in %q", words, in)
			}
		}
	}
}

func TestPhoto(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	guest := user(property.Values{"userType": property.Text("Guest")})
	for _, c := range []struct {
		name string
		p    *policy.Policy
		by   directory.Actor
		on   directory.User
		want bool
	}{
		{"self", demo, person(anna), user(nil), true},
		{"guest", demo, person(anna), guest, true},
		{"another", demo, person(other), user(nil), false},
		{"administrator", demo, person(other, directory.Admin), user(nil), true},
		{"delegated, self", demo.Delegated(true), person(anna), user(nil), true},
		{"delegated, administrator", demo.Delegated(true), person(other, directory.Admin), user(nil), false},
		{"file that opens nothing", must(t, closed), person(anna), user(nil), false},
	} {
		_, problems := c.p.May(context.Background(), c.by, change.Photo, c.on, property.Values{change.PhotoName: property.Text("sum")})
		f, _ := c.p.Photo(c.by, c.on)
		if (len(problems) == 0) != c.want || f.Write != c.want {
			t.Errorf("%s: may %v, form %v, want %v", c.name, problems, f.Write, c.want)
		}
	}
	if _, problems := demo.May(context.Background(), person(anna), "delete", user(nil), nil); len(problems) == 0 {
		t.Error("an action that does not exist is allowed")
	}
}

// A26, W18: what dynamic groups, licenses and names rest on is closed by default, with a reason and a ready text.
func TestA26_W18_DefaultKeepsClosedWhatGrantsAccess(t *testing.T) {
	t.Parallel()
	_, standard := shipped(t)
	p := standard.Form(person(anna), user(property.Values{"jobTitle": property.Text("Nurse")}))
	for _, n := range []property.Name{
		"jobTitle", "department", "companyName", "country", "employeeId", "employeeType", "employeeOrgData/division",
		"employeeOrgData/costCenter", "displayName", "usageLocation",
	} {
		i := slices.IndexFunc(p, func(f policy.Field) bool { return f.Def.Name == n })
		if i < 0 {
			t.Errorf("%s is not shown", n)
			continue
		}
		f := p[i]
		if f.Write || f.Reason.Zero() || f.Ask == nil {
			t.Errorf("%s: editable %v, reason %q, ask %v", n, f.Write, f.Reason, f.Ask)
		}
		if n == "jobTitle" {
			if text := f.Ask.Text.String(); !strings.Contains(text, "Job title: Nurse") || !strings.Contains(text, "Anna") || strings.Contains(text, "%") {
				t.Errorf("ready text: %q", text)
			}
		}
	}
	for n := 1; n <= 15; n++ {
		name := property.Name(fmt.Sprintf("extensionAttribute%d", n))
		for _, by := range []directory.Actor{person(anna), person(other, directory.Admin)} {
			if may(standard, by, user(nil), name, property.Text("x")) != "not_allowed" {
				t.Errorf("%s is open", name)
			}
		}
	}
}

func TestFactsCloseWhatThePolicyOpens(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	all := func(on directory.User) map[property.Name]policy.Field {
		m := map[property.Name]policy.Field{}
		for _, f := range demo.Form(person(anna), on) {
			m[f.Def.Name] = f
		}
		return m
	}
	synced := user(nil)
	synced.Sync = directory.Synced
	once := user(nil)
	once.Sync = directory.OnceSynced
	admin := user(nil)
	admin.Roles = []string{"729827e3-9c14-49f7-bb1b-9608f156bbb8"} // Helpdesk Administrator
	reader := user(nil)
	reader.Roles = []string{"88d8e3e3-8f55-4a1e-953a-9b9898b8876b"} // Directory Readers
	for _, c := range []struct {
		name   string
		fields map[property.Name]policy.Field
		closed []property.Name
		says   string
		open   []property.Name
	}{
		{"S2.3 W21 synced", all(synced), slices.Concat(ten, []property.Name{"businessPhones", "preferredLanguage", "extensionAttribute11"}), "on-premises", eight},
		{"once synced", all(once), []property.Name{"extensionAttribute11", "extensionAttribute12"}, "Exchange", ten},
		{"S2.8 S2.9 W21 administrator", all(admin), []property.Name{"mobilePhone", "businessPhones"}, "higher role", append(without(ten, []property.Name{"mobilePhone"}), eight...)},
		{"harmless role", all(reader), nil, "", ten},
	} {
		for _, n := range c.closed {
			if f := c.fields[n]; f.Write || !strings.Contains(f.Reason.String(), c.says) {
				t.Errorf("%s: %s editable %v: %s", c.name, n, f.Write, f.Reason)
			}
		}
		for _, n := range c.open {
			if !c.fields[n].Write {
				t.Errorf("%s: %s is closed: %s", c.name, n, c.fields[n].Reason)
			}
		}
	}
	if f := demo.Privileged(true).Form(person(anna), admin); !slices.ContainsFunc(f, func(f policy.Field) bool { return f.Def.Name == "businessPhones" && f.Write }) {
		t.Error("an application that holds a role is not believed")
	}
	lacking := 0
	for _, f := range demo.Delegated(true).Form(person(anna), user(nil)) {
		if strings.Contains(f.Reason.String(), ".All") || strings.Contains(f.Reason.String(), "ReadWrite") {
			t.Errorf("%s: the name of a permission says nothing to people: %q", f.Def.Name, f.Reason)
		}
		if f.Def.Name == "city" || f.Def.Name == "businessPhones" {
			lacking++
			if !strings.Contains(f.Reason.String(), "Ask your administrator to give it the right to change more.") {
				t.Errorf("delegated only: %s does not say what is missing: %q", f.Def.Name, f.Reason)
			}
		}
	}
	if lacking != 2 {
		t.Errorf("%d of 2 fields are shown", lacking)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	on := user(property.Values{
		"displayName": property.Text("Anna \x1b[31mKovács\u202e"), "city": property.Text("Utrecht"),
		"birthday": property.Instant(time.Date(1990, 5, 17, 0, 0, 0, 0, time.UTC)), "createdDateTime": property.Instant(time.Date(2020, 5, 17, 9, 0, 0, 0, time.UTC)),
	})
	text := policy.Text(on, demo.Form(person(anna), on))
	for _, want := range []string{
		"Anna [31mKovács\n", "\nPlace\n", "  * City", "Utrecht", "One of: XS; S; M; L; XL; XXL", "Required, and empty.", "Names come from the People team.",
		"Ask: the People team (people@larkfield.example)", "* may be changed", "1990-05-17\n", "2020-05-17T09:00:00Z\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Error("a value steers the terminal")
	}
}

func TestEveryProblemHasWords(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	_, problems := demo.May(context.Background(), person(anna), change.Update, user(nil), property.Values{
		"city": property.Text(strings.Repeat("x", 200)), "mobilePhone": property.Text("1"), "skills": property.List("a", "b\x00"), "mail": property.Text("x@example.com"),
	})
	if len(problems) != 4 {
		t.Fatalf("%v", problems)
	}
	for _, p := range problems {
		if p.Say.Zero() || strings.Contains(p.Say.String(), "%!") || p.Code == "" {
			t.Errorf("%+v: %s", p, p.Say)
		}
		for _, a := range p.Say.Args {
			if _, ok := a.(property.Problem); ok {
				t.Errorf("%s holds words that cannot be translated", p.Field)
			}
		}
	}
	var _ []fail.Problem = problems
}

func BenchmarkForm(b *testing.B) {
	demo := must(b, string(policy.Demo()))
	on := user(nil)
	for b.Loop() {
		demo.Form(person(anna), on)
	}
}

func BenchmarkMay(b *testing.B) {
	demo := must(b, string(policy.Demo()))
	on := user(nil)
	for b.Loop() {
		demo.May(context.Background(), person(anna), change.Update, on, property.Values{"officeLocation": property.Text("Utrecht"), "mobilePhone": property.Text("+31 6 5550 1001")})
	}
}
