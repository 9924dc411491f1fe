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

// user is a person of whom everything is known.
func user(values property.Values) directory.User {
	u := directory.User{Ref: anna, Enabled: true, Values: property.Values{}}
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
		{"demo, administrator on another", demo, person(other, directory.Admin), user(nil), slices.Concat(without(selfDemo, eight), names)},
		{"demo, editor on another", demo, person(other, directory.Editor), user(nil), slices.Concat(without(selfDemo, eight), names)},
		{"demo, approver on another", demo, person(other, directory.Approver), user(nil), nil},
		{"demo, auditor on another", demo, person(other, directory.Auditor), user(nil), nil},
		{"demo, another", demo, person(other), user(nil), nil},
		{"demo, administrator of another tenant", demo, stranger, user(nil), nil},
		{"demo, nobody", demo, directory.Actor{}, user(nil), nil},
		{"demo, nameplate itself", demo, directory.Actor{Kind: directory.SelfActor, Roles: []directory.Role{directory.Admin}}, user(nil), nil},
		{"demo, guest on themself", demo, person(anna), guest, []property.Name{"mobilePhone", "preferredLanguage"}},
		{"default, self", standard, person(anna), user(nil), selfStd},
		{"default, administrator on another", standard, person(other, directory.Admin), user(nil), without(selfStd, eight)},
		{"default, auditor on another", standard, person(other, directory.Auditor), user(nil), nil},
		{"default, another", standard, person(other), user(nil), nil},
		{"default, guest on themself", standard, person(anna), guest, []property.Name{"mobilePhone", "preferredLanguage"}},
		{"demo delegated, self", demo.Delegated(true), person(anna), user(nil), slices.Concat(eight, []property.Name{"mobilePhone"})},
		{"demo delegated, administrator on another", demo.Delegated(true), person(other, directory.Admin), user(nil), nil},
		{"empty file", must(t, "version: 1"), person(anna, directory.Admin), user(nil), nil},
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
	set := property.Values{"city": property.Text("Utrecht"), "isAdmin": property.Bool(true), "passwordProfile": property.Raw([]byte(`{"password":"x"}`)),
		"userPrincipalName": property.Text("x@example.com"), "id": property.Text("x"), "__proto__": property.Text("x"), "photo": property.Text("x"), "": property.Text("x")}
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
		{"empty file", must(t, "version: 1"), person(anna), user(nil), false},
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
	for _, n := range []property.Name{"jobTitle", "department", "companyName", "country", "employeeId", "employeeType", "employeeOrgData/division",
		"employeeOrgData/costCenter", "displayName", "usageLocation"} {
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
	missing := map[property.Name]string{"city": "User.ReadUpdate.All", "businessPhones": "User-Phone.ReadWrite.All"}
	for _, f := range demo.Delegated(true).Form(person(anna), user(nil)) {
		if want := missing[f.Def.Name]; want != "" && !strings.Contains(f.Reason.String(), want) {
			t.Errorf("delegated only: %s does not say what is missing: %q", f.Def.Name, f.Reason)
		}
	}
}

func TestHouseRules(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
properties:
  employeeId: {edit: self, pattern: '[A-Z]\d{4}', message: {en: "A letter and four digits, for example A1234.", de: "Ein Buchstabe und vier Ziffern."}}
  city: {edit: self, required: true, max: 10}
  department: {edit: self, allowed: [Sales, {value: R&D, label: {en: Research, de: Forschung}}]}
  jobTitle: {edit: self, allowed: [Nurse, Doctor], only: false}
  mobilePhone: {edit: self, format: international-phone}
  skills: {edit: self, pattern: '[a-z]+', message: small letters}
  companyName: {edit: nobody, view: self, reason: Ask us.}
`)
	on := user(property.Values{"city": property.Text("Utrecht"), "employeeId": property.Text("old-style")})
	for _, c := range []struct {
		name property.Name
		v    property.Value
		want string
	}{
		{"employeeId", property.Text("A1234"), ""},
		{"employeeId", property.Text("xA1234x"), "pattern"},
		{"employeeId", property.Text("old-style"), ""}, // as it is: an old value stands in nobody's way
		{"employeeId", property.Null(), ""},
		{"employeeId", property.Text("A12345678901234567"), "too_long"},
		{"city", property.Null(), "required"},
		{"city", property.Text("Hilversum-Noord"), "too_long"},
		{"city", property.Text("'s-Graven"), ""},
		{"department", property.Text("Sales"), ""},
		{"department", property.Text("R&D"), ""},
		{"department", property.Text("Research"), "not_allowed"},
		{"department", property.Text("sales"), "not_allowed"},
		{"department", property.Null(), ""},
		{"jobTitle", property.Text("Porter"), ""},
		{"mobilePhone", property.Text("+31 6 5550 1001"), ""},
		{"mobilePhone", property.Text("06 5550 1001"), "pattern"},
		{"mobilePhone", property.Text("+31 abc"), "pattern"},
		{"mobilePhone", property.Text("+"), "pattern"},
		{"skills", property.List("go", "sql"), ""},
		{"skills", property.List("go", "SQL"), "pattern"},
		{"companyName", property.Text("x"), "not_allowed"},
		{"companyName", property.Null(), "not_allowed"},
	} {
		if got := may(p, person(anna), on, c.name, c.v); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.name, c.v, got, c.want)
		}
	}
	_, problems := p.May(context.Background(), person(anna), change.Update, on, property.Values{"companyName": property.Text("x"), "employeeId": property.Text("1")})
	if len(problems) != 2 || problems[0].Say.String() != "Ask us." || problems[1].Say.String() != "A letter and four digits, for example A1234." {
		t.Errorf("own words: %v", problems)
	}
	if de := p.Words()["de"]; de["A letter and four digits, for example A1234."] != "Ein Buchstabe und vier Ziffern." || de["Research"] != "Forschung" {
		t.Errorf("translations: %v", p.Words())
	}
	// C: a required field that was empty before stops no other change (keycloak issues 25380 and 38113).
	empty := user(nil)
	if got := may(p, person(anna), empty, "department", property.Text("Sales")); got != "" {
		t.Errorf("an old gap stops another field: %s", got)
	}
	if got := may(p, person(anna), empty, "city", property.Null()); got != "" {
		t.Errorf("an old gap cannot be left as it is: %s", got)
	}
	if !slices.ContainsFunc(p.Form(person(anna), empty), func(f policy.Field) bool { return f.Def.Name == "city" && f.Required && f.Missing }) {
		t.Error("nobody is reminded of the gap")
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
tables:
  offices:
    - {officeLocation: Berlin, city: Berlin, postalCode: 010117, country: Germany}
    - {officeLocation: Oslo, city: Oslo, country: NO}
properties:
  officeLocation: {edit: self, follow: offices}
  city: {edit: self}
  country: {view: self, edit: nobody}
`)
	on := user(property.Values{"officeLocation": property.Text("Oslo"), "city": property.Text("Bergen")})
	ask := func(set property.Values) property.Values {
		t.Helper()
		got, problems := p.May(context.Background(), person(anna), change.Update, on, set)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return got
	}
	want := property.Values{"officeLocation": property.Text("Berlin"), "city": property.Text("Berlin"), "postalCode": property.Text("010117"), "country": property.Text("Germany")}
	for _, set := range []property.Values{{"officeLocation": property.Text("Berlin")}, {"officeLocation": property.Text("Berlin"), "city": property.Text("Potsdam")}} {
		if got := ask(set); len(got.Diff(want)) > 0 || len(want.Diff(got)) > 0 {
			t.Errorf("%v gives %v", set, got)
		}
	}
	if got := ask(property.Values{"officeLocation": property.Text("Oslo"), "city": property.Text("Trondheim")}); got["city"].Str() != "Trondheim" || len(got) != 2 {
		t.Errorf("an office that stays overrides what was typed: %v", got)
	}
	if got := ask(property.Values{"officeLocation": property.Null()}); len(got) != 1 {
		t.Errorf("nothing picked, and yet something follows: %v", got)
	}
	if code := may(p, person(anna), on, "country", property.Text("Germany")); code != "not_allowed" {
		t.Errorf("what only follows can be set by hand: %q", code)
	}
	if code := may(p, person(anna), on, "officeLocation", property.Text("Paris")); code != "not_allowed" {
		t.Errorf("an office outside the table: %q", code)
	}
	need := p.Needs()
	for _, n := range []property.Name{"city", "postalCode", "country"} {
		if !slices.Contains(need, n) {
			t.Errorf("%s is not read beforehand", n)
		}
	}
}

func TestRulesForDifferentPeople(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
properties:
  city: {view: self, edit: self}
  department: {view: self, edit: [Nameplate.Admin, "group:1B4E28BA-2fa1-41d2-883f-0016d3cca427"]}
rules:
  - name: Sales
    when: startswith(department,'Sales') and accountEnabled eq true
    properties:
      city: {edit: nobody, reason: Sales people sit everywhere.}
      jobTitle: {edit: self}
  - when: employeeType eq 'Contractor' or employeeHireDate lt 2000-01-01T00:00:00Z
    default: {edit: nobody, reason: Ask your agency.}
  - when: extensionAttribute3 eq 'home' and skills/any(s:s eq 'Go')
    properties: {city: {edit: self}}
`)
	on := func(v property.Values) directory.User { return user(v) }
	sales := property.Text("Sales North")
	for _, c := range []struct {
		name       string
		on         directory.User
		city, job  string
		reasonCity string
	}{
		{"nobody special", on(nil), "", "not_allowed", ""},
		{"sales", on(property.Values{"department": sales}), "not_allowed", "", "Sales people sit everywhere."},
		{"disabled in sales", on(property.Values{"department": sales, "accountEnabled": property.Bool(false)}), "", "not_allowed", ""},
		{"contractor in sales", on(property.Values{"department": sales, "employeeType": property.Text("contractor")}), "not_allowed", "not_allowed", "Ask your agency."},
		{"later wins", on(property.Values{"department": sales, "extensionAttribute3": property.Text("home"), "skills": property.List("Go")}), "", "", ""},
	} {
		if got := may(p, person(anna), c.on, "city", property.Text("Oslo")); got != c.city {
			t.Errorf("%s: city %q, want %q", c.name, got, c.city)
		}
		if got := may(p, person(anna), c.on, "jobTitle", property.Text("x")); got != c.job {
			t.Errorf("%s: jobTitle %q, want %q", c.name, got, c.job)
		}
		for _, f := range p.Form(person(anna), c.on) {
			if f.Def.Name == "city" && f.Reason.String() != c.reasonCity {
				t.Errorf("%s: reason %q, want %q", c.name, f.Reason, c.reasonCity)
			}
		}
	}
	need := p.Needs()
	for _, n := range []property.Name{"department", "accountEnabled", "employeeType", "employeeHireDate", "extensionAttribute3", "skills"} {
		if !slices.Contains(need, n) {
			t.Errorf("Needs leaves out %s: %v", n, need)
		}
	}
	member := person(other)
	member.Groups = []string{"1b4e28ba-2fa1-41d2-883f-0016d3cca427"}
	if got := may(p, member, user(nil), "department", property.Text("x")); got != "" {
		t.Errorf("a member of the group: %q", got)
	}
	if got := p.Groups(); !slices.Equal(got, member.Groups) {
		t.Errorf("groups: %v", got)
	}
	// What is not known opens nothing.
	half := user(nil)
	delete(half.Values, "department")
	if got := may(p, person(anna), half, "city", property.Text("Oslo")); got != "not_allowed" {
		t.Errorf("a person of whom too little is known: %q", got)
	}
	for _, f := range p.Form(person(anna), half) {
		if f.Write {
			t.Errorf("%s is open for a person of whom too little is known", f.Def.Name)
		}
	}
}

func TestExtensionsOfTheFile(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
extensions:
  - {name: extension_0123456789abcdef0123456789abcdef_badge, label: {en: Badge, de: Ausweis, ar: شارة}}
  - {name: ext55gb1l09_msLearnCourses/courseType, kind: text, label: Course}
properties:
  extension_0123456789abcdef0123456789abcdef_badge: {view: self, edit: self, pattern: 'B-\d+', message: "B-12", section: work}
  ext55gb1l09_msLearnCourses/courseType: {view: self}
`)
	if d, ok := p.Properties().Def("extension_0123456789abcdef0123456789abcdef_badge"); !ok || d.House.Label != "Badge" {
		t.Fatal("the extension is not in the set")
	}
	if got := may(p, person(anna), user(nil), "extension_0123456789abcdef0123456789abcdef_badge", property.Text("B-7")); got != "" {
		t.Error(got)
	}
	form := p.Form(person(anna), user(nil))
	if len(form) != 2 || form[0].Def.House.Section != property.Work || form[0].Label.String() != "Badge" {
		t.Errorf("form: %+v", form)
	}
	if p.Words()["ar"]["Badge"] != "شارة" {
		t.Error("the label is not translated")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	demo, _ := shipped(t)
	on := user(property.Values{"displayName": property.Text("Anna \x1b[31mKovács\u202e"), "city": property.Text("Utrecht"),
		"birthday": property.Instant(time.Date(1990, 5, 17, 0, 0, 0, 0, time.UTC)), "createdDateTime": property.Instant(time.Date(2020, 5, 17, 9, 0, 0, 0, time.UTC))})
	text := policy.Text(on, demo.Form(person(anna), on))
	for _, want := range []string{"Anna [31mKovács\n", "\nPlace\n", "  * City", "Utrecht", "One of: XS; S; M; L; XL; XXL", "Required, and empty.", "Names come from the People team.",
		"Ask: the People team (people@larkfield.example)", "* may be changed", "1990-05-17\n", "2020-05-17T09:00:00Z\n"} {
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
		"city": property.Text(strings.Repeat("x", 200)), "mobilePhone": property.Text("1"), "skills": property.List("a", "b\x00"), "mail": property.Text("x@example.com")})
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

func TestB56_LeaveBeforeHire(t *testing.T) {
	t.Parallel()
	p := must(t, "version: 1\nproperties:\n  employeeLeaveDateTime: {edit: Nameplate.Admin}\n")
	day := func(y int) property.Value { return property.Instant(time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC)) }
	on := user(property.Values{"employeeHireDate": day(2020)})
	for v, want := range map[property.Value]string{day(2019): "before_hire", day(2020): "", day(2030): "", property.Null(): ""} {
		if got := may(p, person(other, directory.Admin), on, "employeeLeaveDateTime", v); got != want {
			t.Errorf("%s: %q, want %q", v, got, want)
		}
	}
	if !slices.Contains(p.Needs(), "employeeHireDate") {
		t.Error("the first day is not read")
	}
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
