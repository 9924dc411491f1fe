package sample

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"nameplate/emulator"
)

//go:embed hostile.yaml
var hostile []byte

// nasty are the strings of hostile.yaml by kind.
type nasty struct {
	Markup     []string `yaml:"markup"`
	Templates  []string `yaml:"templates"`
	Formulas   []string `yaml:"formulas"`
	Separators []string `yaml:"separators"`
	Queries    []string `yaml:"queries"`
	Logs       []string `yaml:"logs"`
	Letters    []string `yaml:"letters"`
	Words      []string `yaml:"words"`
}

// Strings are all hostile strings, those of 64 kB included.
func Strings() ([]string, error) {
	var n nasty
	loader, err := yaml.NewLoader(bytes.NewReader(hostile), yaml.WithKnownFields(), yaml.WithUniqueKeys())
	if err != nil {
		return nil, err
	}
	if err := loader.Load(&n); err != nil {
		return nil, fmt.Errorf("hostile strings: %w", err)
	}
	var out []string
	for _, kind := range [][]string{n.Markup, n.Templates, n.Formulas, n.Separators, n.Queries, n.Logs, n.Letters, n.Words} {
		out = append(out, kind...)
	}
	const long = 64 << 10
	return append(out,
		strings.Repeat("a", long),
		strings.Repeat("long words ", long/11),
		strings.Repeat("𠀋", long/4),
		strings.Repeat("<b>", long/3),
		strings.Repeat("e\u0301", long/3),
	), nil
}

// HostilePeople is how many people Hostile has.
const HostilePeople = 500

// Hostile is an organization whose people hold every string of Strings as displayName and, in other places of the row, as every
// other text: longer and wilder than the service would take, as state that is simply there. Sign-in names are harmless
// (h000@hostile.example …), so that each can sign in. The last person, viewer@hostile.example, is harmless altogether. The
// applications are those of Contoso.
func Hostile() (emulator.Organization, error) {
	list, err := Strings()
	if err != nil {
		return emulator.Organization{}, err
	}
	org := emulator.Organization{
		ID: "6e0a57c1-3f5d-4b0e-8d2a-0c9b7e5f1a02", Name: `<b>Hostile</b> & "Sons"`, Country: "US",
		Domains: []emulator.Domain{{Name: "hostile.example", Verified: true}},
		Apps:    portal(),
	}
	single := []string{
		"givenName", "surname", "jobTitle", "department", "companyName", "officeLocation", "streetAddress", "city", "state", "postalCode",
		"country", "mobilePhone", "employeeId", "employeeType", "faxNumber", "preferredLanguage", "aboutMe", "mySite",
	}
	lists := []string{"businessPhones", "otherMails", "skills", "interests", "schools", "responsibilities", "pastProjects"}
	for i := range HostilePeople {
		at := func(step int) string {
			s := list[(i+step*7)%len(list)]
			if step > 0 && len(s) > 4096 && i >= len(list) {
				s = s[:4096] // whole 64 kB everywhere would only make 500 times the same page slow
			}
			return strings.ToValidUTF8(s, "")
		}
		name := fmt.Sprintf("h%03d", i)
		v := map[string]any{
			"displayName": at(0), "mailNickname": name, "accountEnabled": true, "userType": "Member", "usageLocation": "US",
			"employeeOrgData": map[string]any{"division": at(30), "costCenter": at(31)},
			"onPremisesExtensionAttributes": map[string]any{
				"extensionAttribute1": at(32), "extensionAttribute15": at(33),
			},
		}
		for j, p := range single {
			v[p] = at(j + 1)
		}
		for j, p := range lists {
			v[p] = []any{at(20 + j), at(21 + j)}
		}
		u := emulator.User{ID: fmt.Sprintf("66600000-0000-4000-8000-%012x", i+1), UPN: name + "@hostile.example", Values: v}
		if i > 0 {
			u.Manager = fmt.Sprintf("h%03d@hostile.example", i/9)
		}
		if i == HostilePeople-1 {
			u.UPN = "viewer@hostile.example"
			u.Values = map[string]any{"displayName": "Vera Viewer", "mailNickname": "viewer", "accountEnabled": true, "userType": "Member", "usageLocation": "US"}
			u.Manager = "h000@hostile.example"
		}
		org.Users = append(org.Users, u)
	}
	for _, role := range []string{"Nameplate.Admin", "Nameplate.Editor", "Nameplate.Approver", "Nameplate.Auditor"} {
		org.Apps[0].Assigned[role] = []string{"viewer@hostile.example"}
	}
	for i := 0; i < 20; i++ {
		org.Groups = append(org.Groups, emulator.Group{
			ID: fmt.Sprintf("66700000-0000-4000-8000-%012x", i+1), Name: list[i], Description: list[len(list)-1-i], Type: "security",
			Members: []string{"viewer@hostile.example"},
		})
	}
	return org, nil
}
