package emulator

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"nameplate/internal/property"
)

// factsOf are the facts of what a body sets: one for a plain property, one for each member of a complex one. None means that the
// property cannot be written.
func (d *directory) factsOf(t *table, i int, raw json.RawMessage) []property.Facts {
	if t.entity.factsOf != nil {
		return t.entity.factsOf(d, i, raw)
	}
	return []property.Facts{t.props[i].facts()}
}

// factsOfUser reads the catalog.
func (d *directory) factsOfUser(i int, raw json.RawMessage) []property.Facts {
	name := d.users.props[i].name
	if f, ok := d.facts[strings.ToLower(name)]; ok {
		return []property.Facts{f}
	}
	if d.users.extension(i) {
		f := d.facts["*"]
		f.Max = d.users.props[i].max
		return []property.Facts{f}
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // decode refuses what is no object
	var out []property.Facts
	for member := range members {
		if f, ok := d.facts[strings.ToLower(name+"/"+member)]; ok {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		if f, ok := d.facts[strings.ToLower(name)+"/"]; ok {
			out = append(out, f)
		}
	}
	return out
}

// readFacts takes the facts out of the catalog: by lower-case path, and for a complex property that is cleared as a whole under
// "name/" those of its first member.
func readFacts() map[string]property.Facts {
	out := map[string]property.Facts{}
	for _, d := range property.Catalog().All() {
		path := strings.ToLower(d.Graph.Path)
		out[path] = d.Graph
		if top, _, deep := strings.Cut(path, "/"); deep {
			if _, there := out[top+"/"]; !there {
				out[top+"/"] = d.Graph
			}
		}
	}
	// Extensions are written with the right to write people in general:
	// https://learn.microsoft.com/en-us/graph/extensibility-overview
	out["*"] = property.Facts{Path: "*", Write: []string{"User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}}
	return out
}

// checkUser says whether a value may stand in a property of a user. It may complete the value.
func (c *call) checkUser(u *object, e *edit) error {
	p := &c.t.dir.users.props[e.prop]
	f := e.facts[0]
	if e.json == "null" {
		switch {
		case f.AtCreation:
			// https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2561
			return badRequest("A value is required for property '%s' of resource 'User'.", e.name)
		case f.NoNull:
			return invalidValue(e.name, "PropertyRequired")
		}
		return nil
	}
	switch p.typ {
	case edmText:
		s := unquote(e.json)
		if err := c.checkText(e.name, s, f); err != nil {
			return err
		}
		return c.checkNamed(u, e, s)
	case edmTexts:
		return checkTexts(e.name, texts(e.json), f)
	case edmObject:
		switch e.prop {
		case pPassword:
			return c.checkPassword(u, e)
		case pOrgData, pExtension:
			return checkMembers(e, c.t.dir.facts)
		}
	case edmObjects:
		if e.prop == pIdentities {
			return c.checkIdentities(u, e)
		}
	}
	return nil
}

// checkText: an empty text is never a value (https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/187).
func (c *call) checkText(name, s string, f property.Facts) error {
	n := utf8.RuneCountInString(s)
	if s == "" || f.Max > 0 && n > f.Max {
		if name == "mobilePhone" {
			return betweenCharacters(name, f.Max)
		}
		return invalidValue(name, "InvalidLength")
	}
	if len(f.Values) > 0 && !slices.ContainsFunc(f.Values, func(v string) bool { return strings.EqualFold(v, s) }) {
		return invalidValue(name, "InvalidValue")
	}
	return nil
}

// betweenCharacters: https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/1453
func betweenCharacters(name string, n int) *graphError {
	if name == "otherMails" {
		n = 256
	}
	return badRequest("The %s should be between 1 and %d characters.", name, n)
}

func checkTexts(name string, items []string, f property.Facts) error {
	if f.Items > 0 && len(items) > f.Items {
		return invalidValue(name, "InvalidLength")
	}
	for _, s := range items {
		if s == "" || f.Max > 0 && utf8.RuneCountInString(s) > f.Max {
			if name == "otherMails" || name == "businessPhones" {
				return betweenCharacters(name, f.Max)
			}
			return invalidValue(name, "InvalidLength")
		}
		if name == "otherMails" && !address(s) {
			return invalidValue(name, "InvalidValue")
		}
	}
	return nil
}

// checkMembers checks the texts inside employeeOrgData and the extension attributes.
func checkMembers(e *edit, facts map[string]property.Facts) error {
	var given map[string]json.RawMessage
	_ = json.Unmarshal(e.raw, &given) // decoded before
	for member, raw := range given {
		s, ok := decodeText(raw)
		if !ok {
			continue
		}
		f := facts[strings.ToLower(e.name+"/"+member)]
		if s == "" || f.Max > 0 && utf8.RuneCountInString(s) > f.Max {
			return invalidValue(member, "InvalidLength")
		}
	}
	return nil
}

// checkNamed holds the rules of single properties.
func (c *call) checkNamed(u *object, e *edit, s string) error {
	switch e.name {
	case "userPrincipalName":
		return c.checkUPN(s)
	case "mail":
		// no accents: https://learn.microsoft.com/en-us/graph/api/resources/user
		if !address(s) {
			return invalidValue(e.name, "InvalidValue")
		}
	case "mailNickname":
		if !nickname.MatchString(s) {
			return invalidValue(e.name, "InvalidValue")
		}
	case "usageLocation":
		if !countries[strings.ToUpper(s)] {
			return invalidValue(e.name, "InvalidValue")
		}
		e.json = text(strings.ToUpper(s))
	case "preferredLanguage":
		// https://www.rfc-editor.org/rfc/rfc4646, for example en-US
		if !language.MatchString(s) {
			return invalidValue(e.name, "InvalidValue")
		}
	case "onPremisesImmutableId":
		if strings.ContainsAny(s, "$_") {
			return invalidValue(e.name, "InvalidValue")
		}
	case "passwordPolicies":
		for policy := range strings.SplitSeq(s, ",") {
			switch strings.ToLower(strings.TrimSpace(policy)) {
			case "none", "disablestrongpassword", "disablepasswordexpiration":
			default:
				return invalidValue(e.name, "InvalidValue")
			}
		}
	}
	return nil
}

var (
	nickname = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]+$`)
	language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	upnAlias = regexp.MustCompile(`^[A-Za-z0-9'._!#^~-]+$`)
)

// address says whether s is a mail address without a name and without accents.
func address(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || r <= ' ' {
			return false
		}
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// checkUPN: characters and lengths from
// https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy (May 2025), the domain from
// https://learn.microsoft.com/en-us/graph/api/resources/user; the words from
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7602.
func (c *call) checkUPN(s string) error {
	alias, domain, ok := strings.Cut(s, "@")
	d := c.t.domain(domain)
	if !ok || d == nil || !d.Verified || len(s) > 113 || len(alias) > 64 || len(domain) > 48 || !upnAlias.MatchString(alias) ||
		strings.HasSuffix(alias, ".") || strings.HasPrefix(alias, ".") || strings.Contains(alias, "..") {
		return badRequest("Property userPrincipalName is invalid.")
	}
	return nil
}

// checkPassword: https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy (May 2025); the words are
// those that public clients report. Federated people have no password here
// (https://learn.microsoft.com/en-us/graph/api/user-update).
func (c *call) checkPassword(u *object, e *edit) error {
	var profile passwordProfile
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(e.json), &profile) != nil || json.Unmarshal([]byte(e.json), &members) != nil {
		return invalidValue("passwordProfile", "")
	}
	for name := range members {
		switch strings.ToLower(name) {
		case "password", "forcechangepasswordnextsignin", "forcechangepasswordnextsigninwithmfa":
		default:
			if !strings.HasPrefix(name, "@odata.") {
				return badRequest("One or more property values specified are invalid.")
			}
		}
	}
	if profile.Password == "" {
		if u.upn() == "" {
			return badRequest("A value is required for property 'passwordProfile' of resource 'User'.")
		}
		return nil
	}
	if _, domain, ok := strings.Cut(u.upn(), "@"); ok {
		if d := c.t.domain(domain); d != nil && d.Federated {
			return invalidValue("passwordProfile", "FederatedUser")
		}
	}
	if !strong(profile.Password) {
		return weakPassword()
	}
	return nil
}

func weakPassword() error {
	return badRequest("The specified password does not comply with password complexity requirements. Please provide a different password.")
}

const symbols = "@#$%^&*-_!+=[]{}|\\:',.?/`~\"();<> "

// strong: 8 to 256 characters, three of the four kinds, nothing else.
func strong(s string) bool {
	if len(s) < 8 || len(s) > 256 {
		return false
	}
	var lower, upper, digit, symbol int
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
			lower = 1
		case r >= 'A' && r <= 'Z':
			upper = 1
		case r >= '0' && r <= '9':
			digit = 1
		case strings.ContainsRune(symbols, r):
			symbol = 1
		default:
			return false
		}
	}
	return lower+upper+digit+symbol >= 3
}

type identity struct {
	SignInType       string `json:"signInType"`
	Issuer           string `json:"issuer"`
	IssuerAssignedID string `json:"issuerAssignedId"`
}

// checkIdentities: the whole collection is replaced and the userPrincipalName sign-in must be in it; a local account cannot be
// added unless there is one. https://learn.microsoft.com/en-us/graph/api/user-update
func (c *call) checkIdentities(u *object, e *edit) error {
	var list, old []identity
	if json.Unmarshal([]byte(e.json), &list) != nil {
		return invalidValue(e.name, "")
	}
	_ = json.Unmarshal([]byte(u.json(pIdentities)), &old) // encoded here
	local := func(i identity) bool {
		return strings.EqualFold(i.SignInType, "emailAddress") || strings.EqualFold(i.SignInType, "userName")
	}
	named := false
	for _, i := range list {
		if i.SignInType == "" || i.Issuer == "" || i.IssuerAssignedID == "" || len(i.SignInType) > 64 || len(i.Issuer) > 512 || len(i.IssuerAssignedID) > 64 && !strings.EqualFold(i.SignInType, "userPrincipalName") {
			return invalidValue(e.name, "InvalidValue")
		}
		named = named || strings.EqualFold(i.SignInType, "userPrincipalName")
	}
	if u.upn() == "" {
		return nil
	}
	if !named || slices.ContainsFunc(list, local) && !slices.ContainsFunc(old, local) {
		return invalidValue(e.name, "InvalidValue")
	}
	return nil
}
