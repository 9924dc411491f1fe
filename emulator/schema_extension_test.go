package emulator_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
)

const courses = `{"id":"courses","description":"Courses","targetTypes":["User","Group"],"properties":[{"name":"courseId","type":"Integer"},{"name":"courseName","type":"String"}]}`

// schoolOffice is the office with an application that Ann owns.
func schoolOffice(t *testing.T, opts emulator.Options) *desk {
	t.Helper()
	org := office()
	org.ID = contosoID
	org.Apps = []emulator.App{{ClientID: webApp, Name: "School"}, {ClientID: bareApp, Name: "Other"}}
	opts.Organizations = []emulator.Organization{org}
	d := newDesk(t, opts)
	if own := d.app("Application.Read.All").ask("GET", "/v1.0/applications(appId='"+webApp+"')", nil); own.code == 200 {
		d.want(d.app("Application.ReadWrite.All").ask("POST", fmt.Sprintf("/v1.0/applications/%v/owners/$ref", own.body["id"]), `{"@odata.id":"https://graph.microsoft.com/v1.0/users/`+ann+`"}`), 204, "")
	}
	return d
}

func (d *desk) school() *desk {
	return d.with(emulator.Token{Client: webApp, Roles: []string{"Application.ReadWrite.All", "Directory.ReadWrite.All", "User.ReadWrite.All", "Group.ReadWrite.All"}})
}

// https://learn.microsoft.com/en-us/graph/api/schemaextension-update, schemaextension-list; the code as in
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/1132
func TestS2_25_SchemaExtensionIsItsOwners(t *testing.T) {
	t.Parallel()
	d := schoolOffice(t, emulator.Options{})
	app := d.school()
	made := app.ask("POST", "/v1.0/schemaExtensions", courses)
	d.want(made, 201, "")
	id, _ := made.body["id"].(string)
	one := "/v1.0/schemaExtensions/" + id
	if !strings.HasPrefix(id, "ext") || made.body["owner"] != webApp || made.header.Get("Location") != "http://graph.test/v1.0/schemaExtensions/"+id {
		t.Errorf("made %s at %s", made.raw, made.header.Get("Location"))
	}
	other := d.with(emulator.Token{Client: bareApp, Roles: []string{"Application.ReadWrite.All", "Directory.ReadWrite.All"}})
	d.want(other.ask("PATCH", one, `{"description":"x"}`), 403, "AccessDenied")
	d.want(other.ask("DELETE", one, nil), 403, "AccessDenied")
	if r := other.ask("GET", "/v1.0/schemaExtensions", nil); len(r.items()) != 0 {
		t.Errorf("another application lists what is in development: %s", r.raw)
	}
	// a person through an application that is not the owner names the owner
	through := d.with(emulator.Token{Client: bareApp, As: "ann@contoso.com", Scopes: []string{"Application.ReadWrite.All"}})
	d.want(through.ask("PATCH", one, `{"description":"x"}`), 403, "AccessDenied")
	d.want(through.ask("PATCH", one, `{"owner":"`+webApp+`","description":"Other"}`), 204, "")
	d.want(through.ask("PATCH", one, `{"owner":"`+bareApp+`"}`), 400, "Request_BadRequest")
	d.want(through.ask("POST", "/v1.0/schemaExtensions", courses), 403, "AccessDenied")
	d.want(through.ask("POST", "/v1.0/schemaExtensions", strings.Replace(courses, `"id"`, `"owner":"`+webApp+`","id"`, 1)), 201, "")
	for range 3 {
		d.want(app.ask("POST", "/v1.0/schemaExtensions", courses), 201, "")
	}
	d.want(app.ask("POST", "/v1.0/schemaExtensions", courses), 400, "Request_BadRequest") // five are the most
	d.want(app.ask("PATCH", one, `{"targetTypes":["User"]}`), 400, "Request_BadRequest")
	d.want(app.ask("PATCH", one, `{"targetTypes":["User","Group","Planet"]}`), 400, "Request_BadRequest")
	d.want(app.ask("PATCH", one, `{"status":"Deprecated"}`), 400, "Request_BadRequest")
	d.want(app.ask("PATCH", one, `{"status":"Available"}`), 204, "")
	if r := other.ask("GET", "/v1.0/schemaExtensions?$filter=status eq 'Available'&$select=id", nil); len(r.items()) != 1 || r.items()[0]["id"] != id {
		t.Errorf("available ones: %s", r.raw)
	}
	d.want(app.ask("PATCH", one, `{"status":"Deprecated"}`), 204, "")
	d.want(app.ask("PATCH", one, `{"description":"again"}`), 400, "Request_BadRequest")
	for _, bad := range []string{
		strings.Replace(courses, `"courses"`, `"extabcdefgh_courses"`, 1), strings.Replace(courses, `"courses"`, `"two words"`, 1), strings.Replace(courses, `"courseName"`, `"courseId"`, 1),
		strings.Replace(courses, `"courseName"`, `"a-b"`, 1), `{"id":"x","targetTypes":["User"]}`,
	} {
		if r := other.ask("POST", "/v1.0/schemaExtensions", bad); r.code != 400 && r.code != 403 {
			t.Errorf("%s: %d %s", bad, r.code, r.raw)
		}
	}
}

// Values stand in every target type; without the definition nobody knows of them, and a new one of that name finds them again. Both
// outlive a restart and go with a snapshot. https://learn.microsoft.com/en-us/graph/extensibility-overview
func TestS2_25_ExtensionValuesFollowTheirDefinition(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Data: filepath.Join(t.TempDir(), "kept")}
	d := schoolOffice(t, opts)
	app := d.school()
	made := app.ask("POST", "/v1.0/schemaExtensions", strings.Replace(courses, `"courses"`, `"contoso_courses"`, 1))
	d.want(made, 201, "")
	own := app.ask("GET", "/v1.0/applications(appId='"+webApp+"')", nil)
	properties := fmt.Sprintf("/v1.0/applications/%v/extensionProperties", own.body["id"])
	grade := app.ask("POST", properties, `{"name":"grade","dataType":"String","targetObjects":["User"]}`)
	d.want(grade, 201, "")
	marks := app.ask("POST", properties, `{"name":"marks","dataType":"String","isMultiValued":true,"targetObjects":["User"]}`)
	d.want(marks, 201, "")
	name, many := fmt.Sprint(grade.body["name"]), fmt.Sprint(marks.body["name"])
	nurses := "/v1.0/groups/20000000-0000-4000-8000-000000000001"
	d.want(app.ask("PATCH", nurses, `{"contoso_courses":{"courseId":7}}`), 204, "")
	d.want(app.ask("PATCH", nurses, `{"contoso_courses":{"courseName":"`+strings.Repeat("x", 257)+`"}}`), 400, "")
	d.want(app.ask("PATCH", "/v1.0/users/"+ann, `{"contoso_courses":{"courseName":"New"}}`), 204, "")
	d.want(app.ask("PATCH", "/v1.0/users/"+ann, `{"`+name+`":"A","`+many+`":["one","two"]}`), 204, "")
	look := func(d *desk) string {
		t.Helper()
		g := d.school().ask("GET", nurses+"?$select=contoso_courses", nil)
		u := d.school().ask("GET", "/v1.0/users/"+ann+"?$select=contoso_courses,"+name+","+many, nil)
		return fmt.Sprintf("%v %v %v %v", g.body["contoso_courses"], u.body["contoso_courses"], u.body[name], u.body[many])
	}
	const want = "map[@odata.type:#microsoft.graph.ComplexExtensionValue courseId:7] map[@odata.type:#microsoft.graph.ComplexExtensionValue courseName:New] A [one two]"
	if got := look(d); got != want {
		t.Fatalf("%s, wanted %s", got, want)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again := newDesk(t, emulator.Options{Data: opts.Data, Organizations: []emulator.Organization{{ID: contosoID}}})
	copied := newDesk(t, emulator.Options{Organizations: d.Snapshot()})
	for where, d := range map[string]*desk{"restarted": again, "a snapshot": copied} {
		if got := look(d); got != want {
			t.Errorf("%s: %s", where, got)
		}
		d.want(d.school().ask("PATCH", "/v1.0/schemaExtensions/contoso_courses", `{"description":"Other"}`), 204, "")
	}
	d.want(app.ask("DELETE", "/v1.0/schemaExtensions/contoso_courses", nil), 204, "")
	d.want(app.ask("DELETE", fmt.Sprintf("%s/%v", properties, grade.body["id"]), nil), 204, "")
	for _, path := range []string{nurses + "?$select=contoso_courses", "/v1.0/users/" + ann + "?$select=contoso_courses", "/v1.0/users/" + ann + "?$select=" + name} {
		if r := app.ask("GET", path, nil); r.code != 400 {
			t.Errorf("%s: %d %s", path, r.code, r.raw)
		}
	}
	d.want(app.ask("PATCH", "/v1.0/users/"+ann, `{"`+name+`":"B"}`), 400, "")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again = newDesk(t, emulator.Options{Data: opts.Data, Organizations: []emulator.Organization{{ID: contosoID}}})
	again.want(again.school().ask("GET", "/v1.0/users/"+ann+"?$select="+name, nil), 400, "")
	copied = newDesk(t, emulator.Options{Organizations: d.Snapshot()})
	copied.want(copied.school().ask("GET", "/v1.0/users/"+ann+"?$select="+name, nil), 400, "")
	again.want(again.school().ask("POST", "/v1.0/schemaExtensions", strings.Replace(courses, `"courses"`, `"contoso_courses"`, 1)), 201, "")
	again.want(again.school().ask("POST", properties, `{"name":"grade","dataType":"String","targetObjects":["User"]}`), 201, "")
	if got := look(again); got != want {
		t.Errorf("defined anew: %s", got)
	}
}

// An Integer has 32 bits and a LargeInteger 64, whatever the definition stands in:
// https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty#properties
// https://learn.microsoft.com/en-us/graph/api/resources/schemaextension
func TestS2_25_Integers(t *testing.T) {
	t.Parallel()
	d := schoolOffice(t, emulator.Options{})
	app := d.school()
	own := app.ask("GET", "/v1.0/applications(appId='"+webApp+"')", nil)
	of := func(kind string) string {
		r := app.ask("POST", fmt.Sprintf("/v1.0/applications/%v/extensionProperties", own.body["id"]), `{"name":"of`+kind+`","dataType":"`+kind+`","targetObjects":["User"]}`)
		d.want(r, 201, "")
		return fmt.Sprintf(`{"%v":%%s}`, r.body["name"])
	}
	d.want(app.ask("POST", "/v1.0/schemaExtensions", strings.Replace(courses, `"courses"`, `"contoso_courses"`, 1)), 201, "")
	small := []string{of("Integer"), `{"contoso_courses":{"courseId":%s}}`}
	large := of("LargeInteger")
	for value, fits := range map[string][2]bool{
		"2147483647": {true, true}, "-2147483648": {true, true}, "2147483648": {false, true}, "-2147483649": {false, true},
		"9223372036854775807": {false, true}, "9223372036854775808": {false, false}, "1.5": {false, false}, `"7"`: {false, false},
	} {
		for i, bodies := range [][]string{small, {large}} {
			for _, body := range bodies {
				body = fmt.Sprintf(body, value)
				if r := app.ask("PATCH", "/v1.0/users/"+ann, body); r.code != map[bool]int{true: 204, false: 400}[fits[i]] {
					t.Errorf("%s: %d %s", body, r.code, r.raw)
				}
			}
		}
	}
}

// https://learn.microsoft.com/en-us/graph/api/directoryobject-getavailableextensionproperties
func TestS2_25_AvailableExtensions(t *testing.T) {
	t.Parallel()
	d := schoolOffice(t, emulator.Options{})
	app := d.school()
	own := app.ask("GET", "/v1.0/applications(appId='"+webApp+"')", nil)
	d.want(app.ask("POST", fmt.Sprintf("/v1.0/applications/%v/extensionProperties", own.body["id"]), `{"name":"grade","dataType":"String","targetObjects":["User"]}`), 201, "")
	const path = "/v1.0/directoryObjects/getAvailableExtensionProperties"
	for body, want := range map[string]int{`{}`: 1, `{"isSyncedFromOnPremises":false}`: 1, `{"isSyncedFromOnPremises":true}`: 0} {
		if r := app.ask("POST", path, body); r.code != 200 || len(r.items()) != want {
			t.Errorf("%s: %d %s", body, r.code, r.raw)
		}
	}
	d.want(app.ask("POST", path, `{"isSyncedFromOnPremises":"x"}`), 400, "BadRequest")
	d.want(d.app("User.Read.All").ask("POST", path, `{}`), 403, "Authorization_RequestDenied")
	d.want(app.ask("DELETE", fmt.Sprintf("/v1.0/applications/%v", own.body["id"]), nil), 204, "")
	if r := app.ask("POST", path, `{}`); len(r.items()) != 0 {
		t.Errorf("of a deleted application: %s", r.raw)
	}
}
