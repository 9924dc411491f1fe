package policy_test

import (
	"context"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

const creators = `version: 1
properties:
  displayName: {view: self, edit: nobody}
  jobTitle: {view: [self, Nameplate.Admin], edit: Nameplate.Admin, max: 10}
  city: {view: [self, Nameplate.Admin], edit: Nameplate.Admin, required: true}
  department: {view: [self, Nameplate.Admin], edit: nobody, reason: "Kept by HR."}
  aboutMe: {view: self, edit: self}
  mobilePhone: {view: self, edit: [self, Nameplate.Admin], required: true}
actions:
  create: Nameplate.Admin
rules:
  - name: Nobody adds guests
    when: userType eq 'Guest'
    actions: {create: nobody}
`

// S4.11: adding people is a right of its own; what whoever has it may fill in is what they may edit, and what a person cannot be without.
func TestS4_11_WhoMayAddPeopleAndWhatTheyMayFillIn(t *testing.T) {
	t.Parallel()
	p := must(t, creators)
	admin, editor := person(anna, directory.Admin), person(anna, directory.Editor)
	ask := func(by directory.Actor, edit func(property.Values)) []string {
		set := property.Values{
			"userPrincipalName": property.Text("cleo@contoso.example"), "displayName": property.Text("Cleo"), "mailNickname": property.Text("cleo"),
			"accountEnabled": property.Bool(true), "city": property.Text("Bonn"), directory.FacetAccount: property.Text(directory.Active),
		}
		edit(set)
		on := directory.User{Ref: directory.Newcomer(anna.Tenant, "cleo@contoso.example"), Values: property.Values{}, Enabled: true, Roles: []string{}}
		full, probs := p.May(context.Background(), by, change.Create, on, set)
		var out []string
		for _, q := range probs {
			out = append(out, q.Field+" "+q.Code)
		}
		if len(out) == 0 && len(full) != len(set) {
			t.Errorf("of %v stays %v", set, full)
		}
		return out
	}
	for name, c := range map[string]struct {
		by   directory.Actor
		edit func(property.Values)
		want string
	}{
		"whole":               {admin, func(property.Values) {}, ""},
		"with what is edited": {admin, func(v property.Values) { v["jobTitle"] = property.Text("Nurse") }, ""},
		"with a place":        {admin, func(v property.Values) { v["usageLocation"] = property.Text("DE") }, ""},
		"no right":            {editor, func(property.Values) {}, " not_allowed"},
		"a closed field":      {admin, func(v property.Values) { v["department"] = property.Text("Sales") }, "department not_allowed"},
		"a hidden field":      {admin, func(v property.Values) { v["companyName"] = property.Text("Contoso") }, "companyName not_allowed"},
		"a house rule":        {admin, func(v property.Values) { v["jobTitle"] = property.Text("Head of nursing") }, "jobTitle too_long"},
		"what is asked for":   {admin, func(v property.Values) { delete(v, "city") }, "city required"},
		"a rule about guests": {admin, func(v property.Values) { v["userType"] = property.Text("Guest") }, " not_allowed"},
	} {
		got := ""
		for _, s := range ask(c.by, c.edit) {
			got += s
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	var names []string
	for _, f := range p.Newcomer(admin, anna.Tenant) {
		names = append(names, string(f.Def.Name))
	}
	want := map[string]bool{"displayName": true, "givenName": true, "surname": true, "userPrincipalName": true, "mailNickname": true, "accountEnabled": true, "usageLocation": true, "jobTitle": true, "city": true, "mobilePhone": true}
	if len(names) != len(want) {
		t.Errorf("the form has %v", names)
	}
	for _, n := range names {
		if !want[n] {
			t.Errorf("the form has %s", n)
		}
	}
	if l := p.Newcomer(editor, anna.Tenant); l != nil {
		t.Errorf("without the right the form has %v", l)
	}
}
