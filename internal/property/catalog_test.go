package property_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"nameplate/internal/property"
)

// updateUser is the table of properties of https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0, in its
// order, with the identities of its notes; complex properties as the fields that a form can show.
var updateUser = []struct {
	id    string
	names []property.Name
	kind  property.Kind
}{
	{"S2.P1", []property.Name{"aboutMe"}, property.KindLongText},
	{"S2.P2", []property.Name{"accountEnabled"}, property.KindBool},
	{"S2.P3", []property.Name{"ageGroup"}, property.KindChoice},
	{"S2.P4", []property.Name{"birthday"}, property.KindInstant},
	{"S2.P5", []property.Name{"businessPhones"}, property.KindTextList},
	{"S2.P6", []property.Name{"city"}, property.KindText},
	{"S2.P7", []property.Name{"companyName"}, property.KindText},
	{"S2.P8", []property.Name{"consentProvidedForMinor"}, property.KindChoice},
	{"S2.P9", []property.Name{"country"}, property.KindText},
	{"S2.P10", []property.Name{"customSecurityAttributes"}, property.KindObject},
	{"S2.P11", []property.Name{"department"}, property.KindText},
	{"S2.P12", []property.Name{"displayName"}, property.KindText},
	{"S2.P13", []property.Name{"employeeId"}, property.KindText},
	{"S2.P14", []property.Name{"employeeType"}, property.KindText},
	{"S2.P15", []property.Name{"givenName"}, property.KindText},
	{"S2.P16", []property.Name{"employeeHireDate"}, property.KindInstant},
	{"S2.P17", []property.Name{"employeeLeaveDateTime"}, property.KindInstant},
	{"S2.P18", []property.Name{"employeeOrgData/division", "employeeOrgData/costCenter"}, property.KindText},
	{"S2.P19", []property.Name{"interests"}, property.KindTextList},
	{"S2.P20", []property.Name{"jobTitle"}, property.KindText},
	{"S2.P21", []property.Name{"mail"}, property.KindEmail},
	{"S2.P22", []property.Name{"mailNickname"}, property.KindText},
	{"S2.P23", []property.Name{"mobilePhone"}, property.KindPhone},
	{"S2.P24", []property.Name{"mySite"}, property.KindLink},
	{"S2.P25", []property.Name{"officeLocation"}, property.KindText},
	{"S2.P26", []property.Name{
		"extensionAttribute1", "extensionAttribute2", "extensionAttribute3", "extensionAttribute4", "extensionAttribute5",
		"extensionAttribute6", "extensionAttribute7", "extensionAttribute8", "extensionAttribute9", "extensionAttribute10",
		"extensionAttribute11", "extensionAttribute12", "extensionAttribute13", "extensionAttribute14", "extensionAttribute15",
	}, property.KindText},
	{"S2.P27", []property.Name{"onPremisesImmutableId"}, property.KindText},
	{"S2.P28", []property.Name{"otherMails"}, property.KindTextList},
	{"S2.P29", []property.Name{"passwordPolicies"}, property.KindText},
	{"S2.P30", []property.Name{"passwordProfile"}, property.KindObject},
	{"S2.P31", []property.Name{"pastProjects"}, property.KindTextList},
	{"S2.P32", []property.Name{"postalCode"}, property.KindText},
	{"S2.P33", []property.Name{"preferredLanguage"}, property.KindLanguage},
	{"S2.P34", []property.Name{"responsibilities"}, property.KindTextList},
	{"S2.P35", []property.Name{"schools"}, property.KindTextList},
	{"S2.P36", []property.Name{"skills"}, property.KindTextList},
	{"S2.P37", []property.Name{"state"}, property.KindText},
	{"S2.P38", []property.Name{"streetAddress"}, property.KindLongText},
	{"S2.P39", []property.Name{"surname"}, property.KindText},
	{"S2.P40", []property.Name{"usageLocation"}, property.KindCountry},
	{"S2.P41", []property.Name{"userPrincipalName"}, property.KindEmail},
	{"S2.P42", []property.Name{"userType"}, property.KindChoice},
	{"S2.P43", []property.Name{"identities"}, property.KindObject},
}

func TestCatalogHoldsUpdateUser(t *testing.T) {
	t.Parallel()
	set := property.Catalog()
	for _, row := range updateUser {
		t.Run(row.id, func(t *testing.T) {
			t.Parallel()
			for _, n := range row.names {
				d, ok := set.Def(n)
				if !ok {
					t.Fatalf("%s is missing", n)
				}
				if d.Kind != row.kind {
					t.Errorf("%s is %s, want %s", n, d.Kind, row.kind)
				}
				if d.Graph.ReadOnly {
					t.Errorf("%s is read-only", n)
				}
				if upper, ok := set.Def(property.Name(strings.ToUpper(string(n)))); !ok || upper.Name != n {
					t.Errorf("%s is not found in capitals", n)
				}
			}
		})
	}
}

// names of the properties of which yes is true, in the order of the alphabet.
func namesOf(yes func(property.Def) bool) []property.Name {
	var l []property.Name
	for _, d := range property.Catalog().All() {
		if yes(d) && !strings.HasPrefix(string(d.Name), "extensionAttribute") {
			l = append(l, d.Name)
		}
	}
	slices.Sort(l)
	return l
}

func TestFacts(t *testing.T) {
	t.Parallel()
	eight := []property.Name{"aboutMe", "birthday", "interests", "mySite", "pastProjects", "responsibilities", "schools", "skills"}
	for _, c := range []struct {
		name string // with where it is typed from
		yes  func(property.Def) bool
		want []property.Name
	}{
		{
			"S2.23 never by an application, user-update, note under the table", func(d property.Def) bool { return d.Graph.Delegated },
			[]property.Name{"aboutMe", "birthday", "employeeHireDate", "interests", "mySite", "pastProjects", "responsibilities", "schools", "skills"},
		},
		{"S2.24 alone, user-update, note under the table", func(d property.Def) bool { return d.Graph.Alone }, eight},
		{
			"default set, resources/user", func(d property.Def) bool { return !d.Graph.OnSelect },
			[]property.Name{"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName"},
		},
		{
			"S2.8 sensitive, resources/users", func(d property.Def) bool { return d.Graph.Sensitive },
			[]property.Name{"accountEnabled", "businessPhones", "mobilePhone", "onPremisesImmutableId", "otherMails", "passwordProfile", "userPrincipalName"},
		},
		{
			"S2.1 what members write on themselves, users-default-permissions and user-update", func(d property.Def) bool { return d.Graph.SelfWrite },
			append([]property.Name{"mobilePhone"}, eight...),
		},
		{
			"required when a person is created, user-post-users", func(d property.Def) bool { return d.Graph.AtCreation },
			[]property.Name{"accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"},
		},
		{"only when one person is read, user-list", func(d property.Def) bool { return d.Graph.Single }, eight},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := slices.Clone(c.want)
			slices.Sort(want)
			if got := namesOf(c.yes); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// Lengths as the property texts of https://learn.microsoft.com/en-us/graph/api/resources/user?view=graph-rest-1.0 state them;
// officeLocation and faxNumber from the columns of add-several-users-at-the-same-time.md of MicrosoftDocs/microsoft-365-docs.
func TestLengths(t *testing.T) {
	t.Parallel()
	for name, want := range map[property.Name]int{
		"displayName": 256, "givenName": 64, "surname": 64, "jobTitle": 128, "department": 64, "companyName": 64, "employeeId": 16,
		"city": 128, "state": 128, "country": 128, "postalCode": 40, "streetAddress": 1024, "mobilePhone": 64, "mailNickname": 64,
		"extensionAttribute7": 1024, "officeLocation": 128, "faxNumber": 64,
	} {
		d, _ := property.Catalog().Def(name)
		fits, over := strings.Repeat("a", want), strings.Repeat("a", want+1)
		if p := d.Check(property.Text(fits)); p != nil {
			t.Errorf("%s refuses %d letters: %v", name, want, p)
		}
		p := d.Check(property.Text(over))
		if len(p) != 1 || p[0].Code != "too_long" {
			t.Errorf("%s takes %d letters: %v", name, want+1, p)
		}
		if name == "mailNickname" { // ASCII only
			continue
		}
		if p := d.Check(property.Text(strings.Repeat("😀", want/2))); p != nil {
			t.Errorf("%s refuses %d emoji: %v", name, want/2, p)
		}
		if d.Check(property.Text(strings.Repeat("😀", want/2+1))) == nil {
			t.Errorf("%s takes %d emoji", name, want/2+1)
		}
	}
}

func TestEveryFactHasASource(t *testing.T) {
	t.Parallel()
	for _, d := range property.Catalog().All() {
		if strings.TrimSpace(d.Graph.Source) == "" {
			t.Errorf("%s has no source", d.Name)
		}
		if d.Graph.Mark == property.Documented && !strings.HasPrefix(d.Graph.Source, "https://") {
			t.Errorf("%s is documented nowhere: %q", d.Name, d.Graph.Source)
		}
		for _, n := range d.Graph.Apart {
			if strings.TrimSpace(n.Source) == "" || n.Rule == "" {
				t.Errorf("%s: a note has no rule or no source", d.Name)
			}
			if n.Mark != property.Remembered && n.Mark != property.Inferred && !strings.HasPrefix(n.Source, "https://") {
				t.Errorf("%s: %s rests on %q, which is no address", d.Name, n.Rule, n.Source)
			}
		}
		if d.Kind == property.KindChoice && len(d.Graph.Values) == 0 {
			t.Errorf("%s offers no choice", d.Name)
		}
	}
}

func TestWithRefuses(t *testing.T) {
	t.Parallel()
	set := property.Catalog()
	good, err := property.Extension("extension_0123456789abcdef0123456789abcdef_badge", property.KindText, "Badge")
	if err != nil {
		t.Fatal(err)
	}
	more, err := set.With(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := more.Def("EXTENSION_0123456789ABCDEF0123456789ABCDEF_BADGE"); !ok {
		t.Error("the extension is not found")
	}
	if _, ok := set.Def(good.Name); ok {
		t.Error("With changed the set that it was called on")
	}
	if _, err := more.With(good); err == nil {
		t.Error("the same name is taken twice")
	}
	city, _ := set.Def("city")
	city.Name, city.Graph.Source = "town", ""
	if _, err := set.With(city); err == nil {
		t.Error("a property without a source is taken")
	}
	for name, kind := range map[property.Name]property.Kind{
		"badge": property.KindText, "extension_12_badge": property.KindText, "ext55gb1l09_msLearnCourses": property.KindText,
		"customSecurityAttributes/Engineering": property.KindText, "ext55gb1l09_msLearnCourses/courseType": property.KindTextList,
		"customSecurityAttributes/Engineering/ProjectDate": property.KindInstant, "jobTitle": property.KindText,
	} {
		if _, err := property.Extension(name, kind, "Label"); err == nil {
			t.Errorf("%s is taken as an extension", name)
		}
	}
}

func TestReferencePages(t *testing.T) {
	t.Parallel()
	page := property.Markdown(property.Catalog())
	var sure strings.Builder
	for _, d := range property.Catalog().All() {
		for _, r := range d.Rules() {
			fmt.Fprintf(&sure, "| `%s` | %s | %s | %s |\n", d.Name, r.Says, r.Mark, r.Source)
		}
	}
	for _, row := range updateUser {
		for _, n := range row.names {
			if !strings.Contains(page, "| `"+string(n)+"` |") {
				t.Errorf("properties.md does not name %s", n)
			}
		}
	}
	for _, want := range []string{
		"| `employeeId` | at most 16 characters | documented | https://learn.microsoft.com/",
		"| `officeLocation` | read-only while the person is synced from on-premises | reported by others | https://github.com/",
		"| `mobilePhone` | read-only while the person is synced from on-premises | documented | https://learn.microsoft.com/",
		"| `department` | filtered by eq ge le in sw; with ConsistencyLevel: eventual also by ne not n | machine-readable |",
		"| `usageLocation` | not so: read-only while the person is synced from on-premises | remembered |",
	} {
		if !strings.Contains(sure.String(), want) {
			t.Errorf("the rules do not say %q", want)
		}
	}
	if strings.Contains(page, "not so") {
		t.Error("properties.md lists what is not so")
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0, permissions, and the permission data of
// microsoftgraph/microsoft-graph-devx-content of August 2026 (S2.B1), which knows User.ReadUpdate.All as the least for others.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id    string
		name  property.Name
		least string
		own   string
	}{
		{"S2.5 delegated, on oneself", "mobilePhone", "User-Phone.ReadWrite.All", "User.ReadWrite"},
		{"S2.5 delegated, held by SharePoint", "skills", "", "User.ReadWrite"},
		{"S2.7 application", "city", "User.ReadUpdate.All", ""},
		{"S2.8 S2.17 account", "accountEnabled", "User.EnableDisableAccount.All+User.Read.All", ""},
		{"S2.10 identities", "identities", "User.ManageIdentities.All", ""},
		{"S2.12 leave date", "employeeLeaveDateTime", "User-LifeCycleInfo.ReadWrite.All+User.Read.All", ""},
		{"S2.14 custom security attributes", "customSecurityAttributes", "CustomSecAttributeAssignment.ReadWrite.All", ""},
		{"S2.16 password", "passwordProfile", "User-PasswordProfile.ReadWrite.All", ""},
		{"other addresses", "otherMails", "User-Mail.ReadWrite.All", ""},
		{"sign-in name", "userPrincipalName", "User.ReadUpdate.All", ""},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			d, _ := property.Catalog().Def(c.name)
			first := func(l []string) string {
				if len(l) == 0 {
					return ""
				}
				return l[0]
			}
			if got := first(d.Graph.Write); got != c.least {
				t.Errorf("an application needs %q, want %q", got, c.least)
			}
			if got := first(d.Graph.WriteOwn); got != c.own {
				t.Errorf("people on themselves need %q, want %q", got, c.own)
			}
			if slices.Contains(d.Graph.Write, "Directory.AccessAsUser.All") {
				t.Error("the widest permission of all is asked for")
			}
		})
	}
}
