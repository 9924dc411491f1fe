package emulator

import (
	"slices"
	"strings"

	"nameplate/internal/property"
)

// edm is the type of a property as the CSDL has it.
type edm uint8

const (
	edmText edm = iota
	edmBool
	edmInstant
	edmTexts
	edmObject
	edmObjects
	edmInt
)

// prop is a property of the user type: how it is typed, when it is shown and how it can be queried. What may be written into
// it, and by whom, is property.Facts.
//
// Types: the v1.0 CSDL (msgraph-metadata, August 2026). Operators are those of property.Facts; for what is not in the catalog they
// stand here, from the property texts of @microsoft/microsoft-graph-types 2.43.1.
type prop struct {
	name   string
	typ    edm
	shown  bool                // returned without $select
	single bool                // kept by another service: only on GET of one user, by $select
	ops    string              // plain operators: eq ne not ge le in sw ew n /$count
	adv    string              // operators of advanced queries
	order  bool                // $orderby without advanced query
	blank  string              // JSON when nothing is set; "" is null or []
	derive func(record) string // what an unset property follows from; "" falls back to blank
}

// empty is the JSON of a property that is not set.
func (p *prop) empty() string {
	switch {
	case p.blank != "":
		return p.blank
	case p.typ == edmTexts || p.typ == edmObjects:
		return "[]"
	}
	return "null"
}

// userProps in the order in which they are written; the number of a property is its place here, so new ones go to the end.
var userProps = []prop{
	{name: "id", shown: true},
	{name: "businessPhones", typ: edmTexts, shown: true},
	{name: "displayName", shown: true, order: true},
	{name: "givenName", shown: true},
	{name: "jobTitle", shown: true},
	{name: "mail", shown: true},
	{name: "mobilePhone", shown: true},
	{name: "officeLocation", shown: true},
	{name: "preferredLanguage", shown: true},
	{name: "surname", shown: true},
	{name: "userPrincipalName", shown: true, order: true},
	{name: "accountEnabled", typ: edmBool},
	{name: "ageGroup"},
	{name: "assignedLicenses", typ: edmObjects},
	{name: "assignedPlans", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "city"},
	{name: "companyName"},
	{name: "consentProvidedForMinor"},
	{name: "country"},
	{name: "createdDateTime", typ: edmInstant},
	{name: "creationType"},
	{name: "customSecurityAttributes", typ: edmObject},
	{name: "deletedDateTime", typ: edmInstant, ops: "eq ge le", adv: "ne not in"},
	{name: "department"},
	{name: "employeeHireDate", typ: edmInstant},
	{name: "employeeId"},
	{name: "employeeLeaveDateTime", typ: edmInstant},
	{name: "employeeOrgData", typ: edmObject, adv: "eq ne not ge le in"},
	{name: "employeeType"},
	{name: "externalUserState"},
	{name: "externalUserStateChangeDateTime", typ: edmInstant, ops: "eq", adv: "ne not in"},
	{name: "faxNumber"},
	{name: "identities", typ: edmObjects},
	{name: "imAddresses", typ: edmTexts},
	{name: "isResourceAccount", typ: edmBool},
	{name: "lastPasswordChangeDateTime", typ: edmInstant},
	{name: "legalAgeGroupClassification"},
	{name: "licenseAssignmentStates", typ: edmObjects},
	{name: "mailNickname"},
	{name: "onPremisesDistinguishedName"},
	{name: "onPremisesDomainName"},
	{name: "onPremisesExtensionAttributes", typ: edmObject, adv: "eq ne not in", blank: noExtensionAttributes()},
	{name: "onPremisesImmutableId"},
	{name: "onPremisesLastSyncDateTime", typ: edmInstant},
	{name: "onPremisesProvisioningErrors", typ: edmObjects, adv: "eq not ge le"},
	{name: "onPremisesSamAccountName"},
	{name: "onPremisesSecurityIdentifier"},
	{name: "onPremisesSyncEnabled", typ: edmBool},
	{name: "onPremisesUserPrincipalName"},
	{name: "otherMails", typ: edmTexts},
	{name: "passwordPolicies"},
	{name: "passwordProfile", typ: edmObject}, // never kept in a record, so it reads as null,
	{name: "postalCode"},
	{name: "preferredDataLocation"},
	{name: "provisionedPlans", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "proxyAddresses", typ: edmTexts},
	{name: "securityIdentifier"},
	{name: "serviceProvisioningErrors", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "showInAddressList", typ: edmBool},
	{name: "signInActivity", typ: edmObject},
	{name: "signInSessionsValidFromDateTime", typ: edmInstant},
	{name: "state"},
	{name: "streetAddress"},
	{name: "usageLocation"},
	{name: "userType"},
	{name: "isManagementRestricted", typ: edmBool},
	{name: "aboutMe", single: true},
	{name: "birthday", typ: edmInstant, single: true, blank: `"0001-01-01T00:00:00Z"`},
	{name: "hireDate", typ: edmInstant, single: true, blank: `"0001-01-01T00:00:00Z"`},
	{name: "interests", typ: edmTexts, single: true},
	{name: "mailboxSettings", typ: edmObject, single: true},
	{name: "mySite", single: true},
	{name: "pastProjects", typ: edmTexts, single: true},
	{name: "preferredName", single: true},
	{name: "responsibilities", typ: edmTexts, single: true},
	{name: "schools", typ: edmTexts, single: true},
	{name: "skills", typ: edmTexts, single: true},
}

// noExtensionAttributes is how the service writes the fifteen when none is set.
func noExtensionAttributes() string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 15 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + extensionAttribute(i) + `":null`)
	}
	b.WriteByte('}')
	return b.String()
}

func extensionAttribute(i int) string {
	return "extensionAttribute" + [...]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}[i]
}

// schema is the user type of one tenant: the properties that every tenant has and the extensions of this one.
type schema struct {
	props  []prop
	byName map[string]int // lower case
	shown  *selection     // without $select
}

func newSchema(facts map[string]property.Facts) *schema {
	s := &schema{props: slices.Clone(userProps), byName: make(map[string]int, len(userProps))}
	for i := range s.props {
		p := &s.props[i]
		s.byName[strings.ToLower(p.name)] = i
		if f, ok := facts[strings.ToLower(p.name)]; ok && f.Filter+f.Advanced != "" {
			p.ops, p.adv = f.Filter, f.Advanced
		}
		switch p.name {
		case "identities":
			p.derive = identitiesOf
		case "proxyAddresses":
			p.derive = addressesOf
		case "mailNickname":
			p.derive = nicknameOf
		case "signInSessionsValidFromDateTime", "lastPasswordChangeDateTime":
			p.derive = func(r record) string { return r.get(pCreated) }
		}
	}
	var names []int
	for i, p := range s.props {
		if p.shown {
			names = append(names, i)
		}
	}
	s.shown = s.selection(names)
	return s
}

// find is the number of a property in any case, -1 when there is none.
func (s *schema) find(name string) int {
	if i, ok := s.byName[name]; ok {
		return i
	}
	if i, ok := s.byName[strings.ToLower(name)]; ok {
		return i
	}
	return -1
}

// add appends an extension and returns its number.
func (s *schema) add(p prop) int {
	if i := s.find(p.name); i >= 0 {
		return i
	}
	s.props = append(s.props, p)
	s.byName[strings.ToLower(p.name)] = len(s.props) - 1
	return len(s.props) - 1
}

// selection is what to write of a user.
type selection struct {
	props  []int    // ascending; 0 is the id
	keys   []string // `"displayName":`
	blanks []string // JSON when nothing is set; "" leaves the property out
	derive []func(record) string
	veil   int    // a property that shows as if it were not set
	full   bool   // with control information, odata.metadata=full
	typed  bool   // with @odata.type: items of mixed collections
	base   string // address of the service, for full
}

func (s *schema) selection(props []int) *selection {
	slices.Sort(props)
	props = slices.Compact(props)
	sel := &selection{props: props}
	for _, i := range props {
		p := &s.props[i]
		sel.keys = append(sel.keys, `"`+p.name+`":`)
		blank := p.empty()
		if i >= len(userProps) {
			blank = "" // an extension that is not set is left out
		}
		sel.blanks = append(sel.blanks, blank)
		sel.derive = append(sel.derive, p.derive)
	}
	return sel
}

// appendUser writes a user's selected properties without braces.
func (sel *selection) appendUser(b []byte, id string, r record) []byte {
	start := len(b)
	if sel.typed || sel.full {
		b = append(b, `"@odata.type":"#microsoft.graph.user",`...)
	}
	if sel.full {
		b = append(b, `"@odata.id":"`...)
		b = append(b, sel.base...)
		b = append(b, `/users/`...)
		b = append(b, id...)
		b = append(b, `","@odata.editLink":"users/`...)
		b = append(b, id...)
		b = append(b, `",`...)
	}
	var (
		at   = -1
		json string
		next = r
	)
	for n, want := range sel.props {
		if want == 0 {
			b = append(b, `"id":"`...)
			b = append(b, id...)
			b = append(b, `",`...)
			continue
		}
		for at < want && next.more() {
			at, json, next = next.next()
		}
		value := sel.blanks[n]
		if at == want && want != sel.veil {
			value = json
		} else if sel.derive[n] != nil {
			if d := sel.derive[n](r); d != "" {
				value = d
			}
		}
		if value == "" {
			continue
		}
		b = append(b, sel.keys[n]...)
		b = append(b, value...)
		b = append(b, ',')
	}
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return b
}

// json is a user's property as the service writes it.
func (s *schema) json(i int, id string, r record) string {
	if i == 0 {
		return `"` + id + `"`
	}
	if v := r.get(i); v != "" {
		return v
	}
	p := &s.props[i]
	if p.derive != nil {
		if v := p.derive(r); v != "" {
			return v
		}
	}
	return p.empty()
}

// The properties that the code itself speaks of.
var (
	pName         = propNumber("displayName")
	pGiven        = propNumber("givenName")
	pSurname      = propNumber("surname")
	pJob          = propNumber("jobTitle")
	pMail         = propNumber("mail")
	pUPN          = propNumber("userPrincipalName")
	pEnabled      = propNumber("accountEnabled")
	pCreated      = propNumber("createdDateTime")
	pDeleted      = propNumber("deletedDateTime")
	pProxies      = propNumber("proxyAddresses")
	pIdentities   = propNumber("identities")
	pSync         = propNumber("onPremisesSyncEnabled")
	pLastSync     = propNumber("onPremisesLastSyncDateTime")
	pImmutable    = propNumber("onPremisesImmutableId")
	pExtension    = propNumber("onPremisesExtensionAttributes")
	pOrgData      = propNumber("employeeOrgData")
	pSecurity     = propNumber("customSecurityAttributes")
	pUserType     = propNumber("userType")
	pValidFrom    = propNumber("signInSessionsValidFromDateTime")
	pPasswordTime = propNumber("lastPasswordChangeDateTime")
	pPassword     = propNumber("passwordProfile")
)

func propNumber(name string) int {
	i := slices.IndexFunc(userProps, func(p prop) bool { return p.name == name })
	if i < 0 {
		panic("emulator: no property " + name)
	}
	return i
}

// identitiesOf is the one identity of a person who has no others: the user principal name.
func identitiesOf(r record) string {
	upn := unquote(r.get(pUPN))
	_, domain, _ := strings.Cut(upn, "@")
	b := append([]byte(nil), `[{"signInType":"userPrincipalName","issuer":`...)
	b = appendText(b, domain)
	b = append(b, `,"issuerAssignedId":`...)
	b = appendText(b, upn)
	return string(append(b, "}]"...))
}

// addressesOf is the primary address of a person who has no others.
func addressesOf(r record) string {
	mail := unquote(r.get(pMail))
	if mail == "" {
		return ""
	}
	return string(append(appendText([]byte{'['}, "SMTP:"+mail), ']'))
}

func nicknameOf(r record) string {
	nick, _, _ := strings.Cut(unquote(r.get(pUPN)), "@")
	return string(appendText(nil, nick))
}
