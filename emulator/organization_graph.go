package emulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// organization: https://learn.microsoft.com/en-us/graph/api/organization-list
func (c *call) organization() error {
	verbs := []string{http.MethodGet, http.MethodPatch}
	if err := c.method(verbs[:min(len(verbs), len(c.seg))]...); err != nil {
		return err
	}
	if c.r.Method == http.MethodPatch {
		return c.patchOrganization()
	}
	if !c.p.holds("User.Read", "Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if len(c.seg) > 2 {
		return c.unknown(c.seg[2])
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	t := c.t
	var domains []byte
	for i, d := range t.domains {
		if !d.Verified {
			continue
		}
		if len(domains) > 0 {
			domains = append(domains, ',')
		}
		domains = append(domains, `{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":`...)
		domains = appendBool(domains, i == 0)
		domains = append(domains, `,"isInitial":`...)
		domains = appendBool(domains, strings.HasSuffix(strings.ToLower(d.Name), ".onmicrosoft.com"))
		domains = append(domains, `,"name":`...)
		domains = appendText(domains, d.Name)
		domains = append(domains, `,"type":`...)
		domains = appendText(domains, kindOf(d))
		domains = append(domains, '}')
	}
	// With User.Read alone the rest is null: https://learn.microsoft.com/en-us/graph/api/organization-get
	country, language, kind := "null", "null", "null"
	if c.p.asUser() || c.p.holds("Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") {
		language, kind = `"en"`, `"AAD"`
		if t.country != "" {
			country = text(t.country)
		}
	}
	members := []field{}
	names := []string{
		"id", "deletedDateTime", "businessPhones", "city", "country", "countryLetterCode", "displayName",
		"onPremisesSyncEnabled", "postalCode", "preferredLanguage", "street", "tenantType", "verifiedDomains",
	}
	values := []string{text(t.id), "null", "[]", "null", country, country, text(t.name), "null", "null", language, "null", kind, "[" + string(domains) + "]"}
	for i := range names {
		members = append(members, field{i, values[i]})
	}
	for _, p := range organizationProps {
		members = append(members, field{len(names), cmp.Or(t.values[p.name], p.empty())})
		names = append(names, p.name)
	}
	set, err := c.chosen("organization", "organization", names)
	if err != nil {
		return err
	}
	object := pickFrom(nil, names, members, c.q.selects)
	if len(c.seg) == 2 {
		if !strings.EqualFold(c.seg[1], t.id) {
			return notThere(c.seg[1])
		}
		b := c.context(nil, set+"/$entity")
		return c.send(http.StatusOK, append(append(b, object...), '}'))
	}
	return c.sendPage(1, set, func(b []byte, _ int) []byte { return append(b, object...) })
}

// organizationProps are what can be written: https://learn.microsoft.com/en-us/graph/api/organization-update
var organizationProps = []prop{
	{name: "marketingNotificationEmails", typ: edmTexts},
	{name: "privacyProfile", typ: edmObject, shape: `{"contactEmail":"#text","statementUrl":"#text"}`},
	{name: "securityComplianceNotificationMails", typ: edmTexts},
	{name: "securityComplianceNotificationPhones", typ: edmTexts},
	{name: "technicalNotificationMails", typ: edmTexts},
}

// organizationValue reads a value of the organization; ok is false for what it has not, or of another type.
func organizationValue(name string, raw json.RawMessage) (known, j string, ok bool) {
	for _, p := range organizationProps {
		switch {
		case !strings.EqualFold(p.name, name):
		case p.shape != "" && string(raw) != "null":
			j, ok = fitShape(p.shape, raw, "")
			return p.name, j, ok
		default:
			j, ok = decodeType(p.typ, raw)
			return p.name, j, ok || p.shape != ""
		}
	}
	return "", "", false
}

// patchOrganization: roles from https://learn.microsoft.com/en-us/graph/api/organization-update
func (c *call) patchOrganization() error {
	body, err := c.object()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	switch {
	case len(c.seg) > 2:
		return c.unknown(c.seg[2])
	case !strings.EqualFold(c.seg[1], c.t.id):
		return notThere(c.seg[1])
	case !c.p.holds("Organization.ReadWrite.All") && !c.p.asUser(), c.p.delegated() && !c.p.hasRole(globalAdmin, billingAdmin):
		return denied()
	}
	entry := c.entry("organization.update", c.t.id)
	entry.Before, entry.After = map[string]any{}, map[string]any{}
	set := maps.Clone(c.t.values)
	if set == nil {
		set = map[string]string{}
	}
	for given, raw := range body {
		if strings.Contains(given, "@odata.") {
			continue
		}
		name, j, ok := organizationValue(given, raw)
		switch {
		case name == "":
			return badRequest("One or more property values specified are invalid.")
		case !ok:
			return invalidValueOf("Organization", name, "")
		}
		entry.Before[name], entry.After[name] = json.RawMessage(cmp.Or(set[name], "null")), json.RawMessage(j)
		set[name] = j
	}
	c.t.values = set
	c.e.ledger.add(entry)
	return c.done()
}

func kindOf(d Domain) string {
	if d.Federated {
		return "Federated"
	}
	return "Managed"
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// chosen is the context of a set that is no table, with what $select names, which must be among the members' names.
func (c *call) chosen(set, name string, names []string) (string, error) {
	for _, s := range c.q.selects {
		if s != "*" && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, s) }) {
			return "", noProperty(s, name)
		}
	}
	if n := c.q.selects; len(n) > 0 && !slices.Contains(n, "*") {
		set += "(" + strings.Join(n, ",") + ")"
	}
	return set, nil
}

// pickFrom writes the members that $select asks for, all without it.
func pickFrom(b []byte, names []string, members []field, selects []string) []byte {
	for i, m := range members {
		name := names[m.prop]
		wanted := len(selects) == 0
		for _, s := range selects {
			wanted = wanted || strings.EqualFold(s, name) || s == "*"
		}
		if !wanted {
			continue
		}
		if i > 0 && len(b) > 0 && b[len(b)-1] != '{' && b[len(b)-1] != ',' {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		b = append(b, m.json...)
	}
	return b
}

// domains: https://learn.microsoft.com/en-us/graph/api/domain-list
func (c *call) domains() error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	if !c.p.holds("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if len(c.seg) > 2 {
		return c.unknown(c.seg[2])
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	names := []string{"id", "authenticationType", "isAdminManaged", "isDefault", "isInitial", "isRoot", "isVerified", "supportedServices"}
	set, err := c.chosen("domains", "domain", names)
	if err != nil {
		return err
	}
	describe := func(b []byte, i int) []byte {
		d := c.t.domains[i]
		truth := func(v bool) string { return string(appendBool(nil, v)) }
		values := []string{
			text(d.Name), text(kindOf(d)), "true", truth(i == 0), truth(strings.HasSuffix(strings.ToLower(d.Name), ".onmicrosoft.com")),
			"true", truth(d.Verified), `["Email","OfficeCommunicationsOnline"]`,
		}
		var members []field
		for n, v := range values {
			members = append(members, field{n, v})
		}
		return pickFrom(b, names, members, c.q.selects)
	}
	if len(c.seg) == 2 {
		for i, d := range c.t.domains {
			if strings.EqualFold(d.Name, c.seg[1]) {
				return c.send(http.StatusOK, append(describe(c.context(nil, set+"/$entity"), i), '}'))
			}
		}
		return notThere(c.seg[1])
	}
	return c.sendPage(len(c.t.domains), set, describe)
}
