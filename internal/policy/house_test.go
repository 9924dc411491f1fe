package policy_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

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
	typed := want.Clone()
	typed["city"] = property.Text("Potsdam")
	cleared := want.Clone()
	cleared["city"] = property.Null()
	for _, c := range []struct{ set, want property.Values }{
		{property.Values{"officeLocation": property.Text("Berlin")}, want},
		// Whoever picks an office and writes another city beside it has said which city it is: what was typed stands, and the
		// table fills in the rest.
		{property.Values{"officeLocation": property.Text("Berlin"), "city": property.Text("Potsdam")}, typed},
		{property.Values{"officeLocation": property.Text("Berlin"), "city": property.Null()}, cleared},
		// A form that filled in what follows sends the table's own values.
		{property.Values{"officeLocation": property.Text("Berlin"), "city": property.Text("Berlin"), "country": property.Text("Germany")}, want},
	} {
		if got := ask(c.set); len(got.Diff(c.want)) > 0 || len(c.want.Diff(got)) > 0 {
			t.Errorf("%v gives %v, want %v", c.set, got, c.want)
		}
	}
	// Where the follower is closed the table alone decides, whatever is sent beside the pick.
	if _, problems := p.May(context.Background(), person(anna), change.Update, on, property.Values{"officeLocation": property.Text("Berlin"), "country": property.Text("Austria")}); len(problems) != 1 || problems[0].Field != "country" {
		t.Errorf("a closed country is typed beside the pick: %v", problems)
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
	// An undo sends everything that had followed: allowed as far as the table says so.
	back := property.Values{"officeLocation": property.Text("Oslo"), "city": property.Text("Oslo"), "country": property.Text("NO")}
	was := user(want)
	if got, problems := p.May(context.Background(), person(anna), change.Update, was, back); len(problems) > 0 || len(got) != 3 {
		t.Errorf("undo: %v %v", got, problems)
	}
	back["country"] = property.Text("Sweden")
	if _, problems := p.May(context.Background(), person(anna), change.Update, was, back); len(problems) != 1 || problems[0].Field != "country" {
		t.Errorf("a country that the table does not give: %v", problems)
	}
	if _, problems := p.May(context.Background(), person(other), change.Update, was, property.Values{"officeLocation": property.Text("Oslo"), "country": property.Text("NO")}); len(problems) == 0 {
		t.Error("somebody else picks")
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

// S2.2: people of an external tenant have a list of their own; a rule gives it to them.
func TestS2_2_PeopleOfAnExternalTenant(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
properties:
  jobTitle: {edit: self}
  city: {edit: self}
rules:
  - when: creationType eq 'LocalAccount'
    default: {edit: nobody, reason: Your account belongs to the shop.}
    properties: {city: {edit: self}, displayName: {edit: self}}
`)
	customer := user(property.Values{"creationType": property.Text("LocalAccount")})
	for n, want := range map[property.Name]string{"jobTitle": "not_allowed", "city": "", "displayName": ""} {
		if got := may(p, person(anna), customer, n, property.Text("x")); got != want {
			t.Errorf("%s: %q, want %q", n, got, want)
		}
	}
	if got := may(p, person(anna), user(nil), "displayName", property.Text("x")); got != "not_allowed" {
		t.Errorf("an employee gets the customers' list: %q", got)
	}
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
