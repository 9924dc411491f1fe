package property_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"nameplate/internal/property"
)

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func extended(t *testing.T) *property.Set {
	t.Helper()
	set := property.Catalog()
	for name, kind := range map[property.Name]property.Kind{
		"ext55gb1l09_msLearnCourses/courseType":                  property.KindText,
		"extension_0123456789abcdef0123456789abcdef_badge":       property.KindText,
		"customSecurityAttributes/Engineering/ProjectDate":       property.KindText,
		"customSecurityAttributes/Engineering/Project":           property.KindTextList,
		"customSecurityAttributes/Marketing/AppCountry":          property.KindTextList,
		"customSecurityAttributes/Engineering/CertificationDone": property.KindBool,
	} {
		d, err := property.Extension(name, kind, string(name))
		if err != nil {
			t.Fatal(err)
		}
		if set, err = set.With(d); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// Bodies of the examples of https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0 and of
// https://learn.microsoft.com/en-us/graph/custom-security-attributes-examples.
func TestBody(t *testing.T) {
	t.Parallel()
	set := extended(t)
	for _, c := range []struct {
		name      string
		set, have property.Values
		want      string
	}{
		{
			"S2.E1",
			property.Values{"businessPhones": property.List("+1 425 555 0109"), "officeLocation": property.Text("18/2111")},
			nil,
			`{"businessPhones":["+1 425 555 0109"],"officeLocation":"18/2111"}`,
		},
		{
			"S2.E3",
			property.Values{"passwordProfile": property.Raw([]byte(`{"forceChangePasswordNextSignIn":false,"password":"xWwvJ]6NMw+bWH-d"}`))},
			nil,
			`{"passwordProfile":{"forceChangePasswordNextSignIn":false,"password":"xWwvJ]6NMw+bWH-d"}}`,
		},
		{"S2.E4", property.Values{"ext55gb1l09_msLearnCourses/courseType": property.Text("Admin")}, nil, `{"ext55gb1l09_msLearnCourses":{"courseType":"Admin"}}`},
		{"S2.25 cleared", property.Values{"extension_0123456789abcdef0123456789abcdef_badge": property.Text(" ")}, nil, `{"extension_0123456789abcdef0123456789abcdef_badge":null}`},
		{
			"S2.E5",
			property.Values{"customSecurityAttributes/Engineering/ProjectDate": property.Text("2022-10-01")},
			nil,
			`{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","ProjectDate":"2022-10-01"}}}`,
		},
		{
			"custom security attribute, several texts",
			property.Values{"customSecurityAttributes/Engineering/Project": property.List("Baker", "Cascade")},
			nil,
			`{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","Project@odata.type":"#Collection(String)","Project":["Baker","Cascade"]}}}`,
		},
		{
			"S2.P18 both",
			property.Values{"employeeOrgData/division": property.Text("Sales")},
			property.Values{"employeeOrgData/costCenter": property.Text("1000")},
			`{"employeeOrgData":{"division":"Sales","costCenter":"1000"}}`,
		},
		{
			"S2.P18 cleared",
			property.Values{"employeeOrgData/division": property.Null(), "employeeOrgData/costCenter": property.Null()},
			nil,
			`{"employeeOrgData":{"division":null,"costCenter":null}}`,
		},
		{
			"S2.P26",
			property.Values{"extensionAttribute1": property.Text("a"), "extensionAttribute15": property.Null()},
			nil,
			`{"onPremisesExtensionAttributes":{"extensionAttribute1":"a","extensionAttribute15":null}}`,
		},
		{
			"cleared",
			property.Values{"city": property.Text(""), "businessPhones": property.Null(), "otherMails": property.List("")},
			nil,
			`{"city":null,"businessPhones":[],"otherMails":[]}`,
		},
		{"S2.P4", property.Values{"birthday": property.Instant(time.Date(1990, 5, 17, 2, 0, 0, 0, time.FixedZone("", 7200)))}, nil, `{"birthday":"1990-05-17T00:00:00Z"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := property.Body(set, c.set, c.have)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, c.want)
		})
	}
}

func TestBodyRefuses(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]property.Values{
		"unknown":            {"shoeSize": property.Text("42")},
		"read-only":          {"createdDateTime": property.Null()},
		"half of org data":   {"employeeOrgData/division": property.Text("Sales")},
		"whole and in parts": {"customSecurityAttributes": property.Raw([]byte(`{}`)), "customSecurityAttributes/Engineering/ProjectDate": property.Text("x")},
	} {
		if b, err := property.Body(extended(t), set, nil); err == nil {
			t.Errorf("%s gives %s", name, b)
		}
	}
}

// The answer is typed after https://learn.microsoft.com/en-us/graph/api/user-get?view=graph-rest-1.0; that
// SharePoint says year 1 for a birthday that is not set is remembered, the schema says that birthday is never null.
func TestRead(t *testing.T) {
	t.Parallel()
	set := extended(t)
	got, err := property.Read(set, []byte(`{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
		"businessPhones": ["+1 425 555 0109"], "displayName": "Adele Vance", "jobTitle": null, "accountEnabled": true,
		"employeeHireDate": "2014-01-01T00:00:00Z", "birthday": "0001-01-01T00:00:00Z",
		"employeeOrgData": {"division": "Sales"}, "onPremisesExtensionAttributes": null,
		"identities": [{"signInType": "userPrincipalName"}], "ageGroup": "notAdult", "assignedLicenses": [], "skills": []
	}`), "businessPhones", "displayName", "jobTitle", "accountEnabled", "employeeHireDate", "birthday", "employeeOrgData/division", "employeeOrgData/costCenter",
		"extensionAttribute3", "identities", "assignedLicenses", "skills", "ageGroup", "city", "extension_0123456789abcdef0123456789abcdef_badge", "ext55gb1l09_msLearnCourses/courseType")
	if err != nil {
		t.Fatal(err)
	}
	want := property.Values{
		"businessPhones": property.List("+1 425 555 0109"), "displayName": property.Text("Adele Vance"), "jobTitle": property.Null(), "accountEnabled": property.Bool(true),
		"employeeHireDate": property.Instant(time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)), "birthday": property.Null(),
		"employeeOrgData/division": property.Text("Sales"), "employeeOrgData/costCenter": property.Null(), "extensionAttribute3": property.Null(),
		"identities": property.Raw([]byte(`[{"signInType":"userPrincipalName"}]`)), "assignedLicenses": property.Raw([]byte(`[]`)), "skills": property.List(), "ageGroup": property.Text("NotAdult"),
		"extension_0123456789abcdef0123456789abcdef_badge": property.Null(), "ext55gb1l09_msLearnCourses/courseType": property.Null(),
	}
	for n, w := range want {
		if g, ok := got[n]; !ok || !g.Equal(w) {
			t.Errorf("%s: got %#v (%v), want %#v", n, g, ok, w)
		}
	}
	if _, ok := got["city"]; ok {
		t.Error("city is not in the answer and yet known")
	}
	if len(got) != len(want) {
		t.Errorf("got %d properties, want %d", len(got), len(want))
	}
	for _, bad := range []string{`[]`, `{"city":`, `{"onPremisesExtensionAttributes":"x"}`} {
		if v, err := property.Read(set, []byte(bad)); err == nil {
			t.Errorf("%s is read as %v", bad, v)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	got := extended(t).Select([]property.Name{
		"customSecurityAttributes/Engineering/Project", "city", "extensionAttribute2", "extensionAttribute1", "CITY", "passwordProfile",
		"employeeOrgData/division", "ext55gb1l09_msLearnCourses/courseType", "displayName", "shoeSize",
	})
	want := []string{"displayName", "employeeOrgData", "city", "onPremisesExtensionAttributes", "customSecurityAttributes", "ext55gb1l09_msLearnCourses"}
	if !reflect.DeepEqual(sorted(got), sorted(want)) || got[0] != "displayName" {
		t.Errorf("got %v", got)
	}
}

func sorted(l []string) map[string]int {
	m := map[string]int{}
	for _, s := range l {
		m[s]++
	}
	return m
}
