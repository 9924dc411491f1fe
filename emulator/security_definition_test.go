package emulator_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
)

const (
	definitionsPath = "/v1.0/directory/customSecurityAttributeDefinitions"
	siteDefinition  = `{"attributeSet":"Engineering","isCollection":false,"isSearchable":true,"name":"Site","status":"Available","type":"String","usePreDefinedValuesOnly":true,"allowedValues":[{"id":"Alpine","isActive":true},{"id":"Baker"}]}`
)

// securing is the office with a set and people of the roles; everything is asked by an application that may.
func securing(t *testing.T, opts emulator.Options) *desk {
	t.Helper()
	org := office()
	org.ID = contosoID
	for name, role := range map[string]string{"adm": "Attribute Assignment Administrator", "rd": "Attribute Assignment Reader", "def": "Attribute Definition Administrator", "dr": "Attribute Definition Reader"} {
		org.Users = append(org.Users, emulator.User{UPN: name + "@contoso.com", Roles: []string{role}})
	}
	org.Attribute = []emulator.Security{{Set: "Engineering", Name: "Project", Type: "String"}}
	opts.Organizations = []emulator.Organization{org}
	return newDesk(t, opts).app("CustomSecAttributeDefinition.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All", "User.ReadWrite.All")
}

func (d *desk) assign(name, value string) reply {
	d.t.Helper()
	return d.ask("PATCH", "/v1.0/users/"+ann, `{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","`+name+`":`+value+`}}}`)
}

// What is defined is what may be assigned. https://learn.microsoft.com/en-us/graph/custom-security-attributes-examples
func TestS2_13_ValuesFollowTheirDefinition(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Data: filepath.Join(t.TempDir(), "kept")}
	d := securing(t, opts)
	d.want(d.assign("Site", `"Alpine"`), 400, "")
	d.want(d.ask("POST", definitionsPath, siteDefinition), 201, "")
	d.want(d.assign("Site", `"Elsewhere"`), 400, "")
	d.want(d.assign("Site", `"alpine"`), 400, "") // case-sensitive
	d.want(d.assign("Site", `"Alpine"`), 204, "")
	site := definitionsPath + "/engineering_site" // the id is not
	d.want(d.ask("POST", site+"/allowedValues", `{"id":"Skagit","isActive":true}`), 201, "")
	d.want(d.ask("POST", site+"/allowedValues", `{"id":"Skagit","isActive":true}`), 409, "")
	d.want(d.assign("Site", `"Skagit"`), 204, "")
	d.want(d.ask("PATCH", site+"/allowedValues/Skagit", `{"isActive":false}`), 204, "")
	d.want(d.assign("Site", `"Skagit"`), 204, "") // it is there already
	d.want(d.assign("Site", `"Alpine"`), 204, "")
	d.want(d.assign("Site", `"Skagit"`), 400, "")
	d.want(d.ask("PATCH", site, `{"allowedValues@delta":[{"id":"Alpine","isActive":false},{"id":"Cascade","isActive":true}]}`), 400, "")
	d.want(d.ask("PATCH", site, `{"allowedValues@delta":[{"id":"Alpine","isActive":false},{"id":"Cascade","isActive":true}]}`, "OData-Version: 4.01"), 204, "")
	d.want(d.assign("Site", `"Cascade"`), 204, "")
	const values = "[map[id:Alpine isActive:false] map[id:Baker isActive:true] map[id:Skagit isActive:false] map[id:Cascade isActive:true]]"
	if r := d.ask("GET", definitionsPath+"?$filter=name eq 'Site'&$expand=allowedValues", nil); len(r.items()) != 1 || fmt.Sprint(r.items()[0]["allowedValues"]) != values {
		t.Errorf("expanded: %s", r.raw)
	}
	if r := d.ask("GET", site+"/allowedValues/Baker", nil); r.body["isActive"] != true {
		t.Errorf("one: %s", r.raw)
	}
	d.want(d.ask("GET", site+"/allowedValues/baker", nil), 404, "")
	d.want(d.ask("PATCH", site+"/allowedValues/Baker", `{"id":"Other"}`), 400, "")
	d.want(d.ask("DELETE", site+"/allowedValues/Baker", nil), 405, "")
	d.want(d.ask("DELETE", site, nil), 405, "")
	d.want(d.ask("DELETE", "/v1.0/directory/attributeSets/Engineering", nil), 405, "")
	d.want(d.ask("PATCH", site, `{"usePreDefinedValuesOnly":false}`), 204, "")
	d.want(d.assign("Site", `"Elsewhere"`), 204, "")
	d.want(d.assign("Site", `"Alpine"`), 400, "") // deactivated all the same
	d.want(d.ask("PATCH", definitionsPath+"/Engineering_Project", `{"status":"Deprecated"}`), 204, "")
	d.want(d.assign("Project", `"x"`), 400, "")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again := newDesk(t, emulator.Options{Data: opts.Data, Organizations: []emulator.Organization{{ID: contosoID}}})
	copied := newDesk(t, emulator.Options{Organizations: d.Snapshot()})
	for where, e := range map[string]*desk{"restarted": again, "a snapshot": copied} {
		e := e.app("CustomSecAttributeDefinition.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All", "User.ReadWrite.All")
		if r := e.ask("GET", definitionsPath+"/Engineering_Site?$expand=allowedValues", nil); fmt.Sprint(r.body["allowedValues"]) != values || r.body["usePreDefinedValuesOnly"] != false {
			t.Errorf("%s: %s", where, r.raw)
		}
		if r := e.ask("GET", "/v1.0/users/"+ann+"?$select=customSecurityAttributes", nil); !strings.Contains(string(r.raw), `"Site":"Elsewhere"`) {
			t.Errorf("%s: %s", where, r.raw)
		}
		e.want(e.assign("Project", `"x"`), 400, "")
		e.want(e.assign("Project", `null`), 204, "")
	}
}

// Nobody but the roles for it reads, defines or assigns, Global Administrator included:
// https://learn.microsoft.com/en-us/graph/api/directory-list-customsecurityattributedefinitions
func TestS2_13_WhoReadsAndDefines(t *testing.T) {
	t.Parallel()
	d := securing(t, emulator.Options{})
	d.want(d.assign("Project", `"Alpha"`), 204, "")
	const filter = "/v1.0/users?$count=true&$select=id&$filter=customSecurityAttributes/Engineering/Project eq 'Alpha'"
	for who, can := range map[string]struct {
		defines, readsDefinition, assigns, reads bool
	}{
		"gus": {}, "una": {}, "adm": {readsDefinition: true, assigns: true, reads: true}, "rd": {reads: true},
		"def": {defines: true, readsDefinition: true}, "dr": {readsDefinition: true},
	} {
		p := d.as(who+"@contoso.com", "CustomSecAttributeDefinition.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.AccessAsUser.All")
		if got := p.ask("GET", definitionsPath, nil).code == 200; got != can.readsDefinition {
			t.Errorf("%s reads definitions: %v", who, got)
		}
		if got := p.ask("GET", "/v1.0/directory/attributeSets/engineering", nil).code == 200; got != can.readsDefinition {
			t.Errorf("%s reads sets: %v", who, got)
		}
		if got := p.ask("POST", "/v1.0/directory/attributeSets", `{"id":"Of`+who+`"}`).code == 201; got != can.defines {
			t.Errorf("%s defines: %v", who, got)
		}
		if got := p.assign("Project", `"Alpha"`).code == 204; got != can.assigns {
			t.Errorf("%s assigns: %v", who, got)
		}
		if r := p.ask("GET", "/v1.0/users/"+ann+"?$select=customSecurityAttributes", nil); (r.body["customSecurityAttributes"] != nil) != can.reads {
			t.Errorf("%s reads %s", who, r.raw)
		}
		if r := p.ask("GET", filter, nil, "ConsistencyLevel: eventual"); r.code != 200 || len(r.items()) == 1 != can.reads {
			t.Errorf("%s finds %s", who, r.raw)
		}
	}
}

func TestS2_13_DefinitionsThatAreRefused(t *testing.T) {
	t.Parallel()
	d := securing(t, emulator.Options{})
	for _, bad := range []string{
		strings.Replace(siteDefinition, `"String"`, `"Boolean"`, 1), strings.Replace(siteDefinition, `"String"`, `"Integer"`, 1), strings.Replace(siteDefinition, `"String"`, `"Text"`, 1),
		strings.Replace(siteDefinition, `"Alpine"`, `"`+strings.Repeat("x", 65)+`"`, 1), strings.Replace(siteDefinition, `"Available"`, `"Active"`, 1),
		strings.Replace(siteDefinition, `"isSearchable":true,`, "", 1), strings.Replace(siteDefinition, `"name"`, `"id":"Mine","name"`, 1),
	} {
		d.want(d.ask("POST", definitionsPath, bad), 400, "")
	}
	d.want(d.ask("POST", "/v1.0/directory/attributeSets", `{"id":"Small","maxAttributesPerSet":1}`), 201, "")
	d.want(d.ask("PATCH", "/v1.0/directory/attributeSets/Small", `{"id":"Large"}`), 400, "")
	d.want(d.ask("PATCH", "/v1.0/directory/attributeSets/Small", `{"maxAttributesPerSet":0}`), 400, "")
	small := strings.Replace(siteDefinition, "Engineering", "small", 1)
	made := d.ask("POST", definitionsPath, small)
	d.want(made, 201, "")
	if made.body["id"] != "Small_Site" || made.body["attributeSet"] != "Small" || made.header.Get("Location") != "http://graph.test"+definitionsPath+"/Small_Site" {
		t.Errorf("made %s at %s", made.raw, made.header.Get("Location"))
	}
	d.want(d.ask("POST", definitionsPath, strings.Replace(small, `"Site"`, `"Other"`, 1)), 400, "")
	d.want(d.ask("PATCH", definitionsPath+"/Small_Site", `{"status":"Deprecated"}`), 204, "")
	d.want(d.ask("POST", definitionsPath, strings.Replace(small, `"Site"`, `"Other"`, 1)), 201, "")
	d.want(d.ask("GET", "/v1.0/directory/nothing", nil), 400, "BadRequest")
	d.want(d.ask("GET", "/v1.0/directory", nil), 400, "BadRequest")
}
