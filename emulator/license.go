package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// license is a product that somebody has, as assignedLicenses has it.
type license struct {
	Disabled []string `json:"disabledPlans"`
	SKU      string   `json:"skuId"`
}

// licenseState is one way in which a person has a product: directly, or by a group. What somebody has follows from these.
// https://learn.microsoft.com/en-us/graph/api/resources/licenseassignmentstate
type licenseState struct {
	SKU      string   `json:"skuId"`
	Disabled []string `json:"disabledPlans"`
	Group    *string  `json:"assignedByGroup"`
	State    string   `json:"state"` // Active or Error
	Error    string   `json:"error"` // None, CountViolation, MutuallyExclusiveViolation, DependencyViolation, ProhibitedInUsageLocationViolation
	At       string   `json:"lastUpdatedDateTime"`
}

func (s licenseState) group() string {
	if s.Group == nil {
		return ""
	}
	return *s.Group
}

func statesOf(r record) []licenseState {
	var list []licenseState
	if j := r.get(pStates); j != "" {
		_ = json.Unmarshal([]byte(j), &list) // encoded here
	}
	return list
}

// effective is what somebody has by their states: a plan is off only when every way switches it off.
// https://learn.microsoft.com/en-us/entra/identity/users/licensing-group-advanced
func effective(states []licenseState) []license {
	var out []license
	for _, s := range states {
		if s.State != "Active" {
			continue
		}
		i := slices.IndexFunc(out, func(a license) bool { return a.SKU == s.SKU })
		if i < 0 {
			out = append(out, license{Disabled: append([]string{}, s.Disabled...), SKU: s.SKU})
			continue
		}
		out[i].Disabled = slices.DeleteFunc(out[i].Disabled, func(p string) bool { return !slices.Contains(s.Disabled, p) })
	}
	return out
}

// plansOf are the plans that somebody can use.
func (t *tenant) plansOf(list []license) []*Plan {
	var out []*Plan
	for _, a := range list {
		s := t.sku(a.SKU)
		if s == nil {
			continue
		}
		for i := range s.Plans {
			if p := &s.Plans[i]; !p.Company && !slices.Contains(a.Disabled, p.ID) && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// trouble is why products cannot be had together; "" when they can.
func (t *tenant) trouble(list []license, place string) (violation string, a, b *Plan) {
	plans := t.plansOf(list)
	has := func(id string) bool { return slices.ContainsFunc(plans, func(p *Plan) bool { return p.ID == id }) }
	for _, p := range plans {
		for _, x := range p.Excludes {
			if has(x) {
				return "MutuallyExclusiveViolation", p, t.plan(x)
			}
		}
		if len(p.Needs) > 0 && !slices.ContainsFunc(p.Needs, has) {
			return "DependencyViolation", p, t.plan(p.Needs[0])
		}
		if len(p.Places) > 0 && !slices.ContainsFunc(p.Places, func(x string) bool { return strings.EqualFold(x, place) }) {
			return "ProhibitedInUsageLocationViolation", p, nil
		}
	}
	return "", nil, nil
}

// usedAt is where a person uses services; a group's licenses fall back to the tenant's country.
// https://learn.microsoft.com/en-us/entra/identity/users/licensing-groups-resolve-problems#usage-location-isnt-allowed
func usedAt(u *object) string { return unquote(u.rec.get(pUsage)) }

// inOrder brings states into the order in which they are kept.
func inOrder(states []licenseState) []licenseState {
	slices.SortStableFunc(states, func(a, b licenseState) int { return cmp.Compare(a.SKU+a.group(), b.SKU+b.group()) })
	return states
}

// licensed are the edits that give a person the states.
func (c *call) licensed(u *object, states []licenseState) []edit {
	states = inOrder(states)
	have := effective(states)
	type plan struct {
		At      string `json:"assignedDateTime"`
		Status  string `json:"capabilityStatus"`
		Service string `json:"service"`
		ID      string `json:"servicePlanId"`
	}
	plans := []plan{}
	on := c.t.plansOf(have)
	for _, a := range have {
		s := c.t.sku(a.SKU)
		for i := range s.Plans {
			p := &s.Plans[i]
			if p.Company || slices.ContainsFunc(plans, func(x plan) bool { return x.ID == p.ID }) {
				continue
			}
			status := "Deleted"
			if slices.Contains(on, p) {
				status = "Enabled"
			}
			plans = append(plans, plan{c.e.Now().UTC().Format(time.RFC3339), status, serviceOf(p.Name), p.ID})
		}
	}
	return []edit{
		{prop: pLicenses, name: "assignedLicenses", json: asJSON(have, "[]")},
		{prop: pPlans, name: "assignedPlans", json: asJSON(plans, "[]")},
		{prop: pStates, name: "licenseAssignmentStates", json: asJSON(states, "[]")},
	}
}

func asJSON[T any](list []T, empty string) string {
	if len(list) == 0 {
		return empty
	}
	b, _ := json.Marshal(list) // plain structures
	return string(b)
}

// serviceOf is the name of the service behind a plan, as far as its name tells.
func serviceOf(plan string) string {
	for _, s := range []struct{ part, service string }{
		{"EXCHANGE", "exchange"}, {"SHAREPOINT", "SharePoint"}, {"TEAMS", "TeamspaceAPI"}, {"AAD", "AADPremiumService"}, {"INTUNE", "SCO"}, {"OFFICE", "MicrosoftOffice"},
	} {
		if strings.Contains(plan, s.part) {
			return s.service
		}
	}
	return plan
}

// relicense writes a person's states, and counts seats anew where they changed. Call with Emulator.mu held.
func (c *call) relicense(u *object, states []licenseState, op string) error {
	before := skusOf(u.rec)
	if err := c.applyTo(u, c.licensed(u, states), op); err != nil {
		return err
	}
	seats := c.t.used()
	for _, sku := range before {
		seats[sku]--
	}
	for _, sku := range skusOf(u.rec) {
		seats[sku]++
	}
	return nil
}

// wish is the body of assignLicense.
type wish struct {
	add    []license
	remove []string
}

// licenseWish reads the body of assignLicense, for which both lists are required. The words:
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/3361
func (c *call) licenseWish() (w wish, err error) {
	body, err := c.object()
	if err != nil {
		return w, err
	}
	list := func(name string) (json.RawMessage, error) {
		for k, raw := range body {
			if strings.EqualFold(k, name) && string(raw) != "null" {
				return raw, nil
			}
		}
		return nil, badRequest("One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: %s.", name)
	}
	add, err := list("addLicenses")
	if err != nil {
		return w, err
	}
	remove, err := list("removeLicenses")
	if err != nil {
		return w, err
	}
	if json.Unmarshal(add, &w.add) != nil || json.Unmarshal(remove, &w.remove) != nil {
		return w, badJSON()
	}
	for i := range w.add {
		a := &w.add[i]
		if a.SKU = strings.ToLower(a.SKU); !isGUID(a.SKU) {
			return w, noGUID(a.SKU)
		}
		s := c.t.sku(a.SKU)
		if s == nil || s.Company {
			return w, badRequest("License %s does not correspond to a valid company License.", a.SKU)
		}
		a.Disabled = lower(a.Disabled)
		for _, id := range a.Disabled {
			if !isGUID(id) {
				return w, noGUID(id)
			}
			if !slices.ContainsFunc(s.Plans, func(p Plan) bool { return p.ID == id }) {
				return w, badRequest("License assignment failed because service plan %s is not part of the license %s.", id, a.SKU)
			}
		}
		slices.Sort(a.Disabled)
		a.Disabled = slices.Compact(a.Disabled)
	}
	for i, id := range w.remove {
		if w.remove[i] = strings.ToLower(id); !isGUID(w.remove[i]) {
			return w, noGUID(id)
		}
	}
	return w, nil
}

// noGUID: https://github.com/microsoftgraph/microsoft-graph-docs/issues/2853
func noGUID(s string) error {
	return badRequest("Cannot convert a primitive value to the expected type 'Edm.Guid'. See the inner exception for more details. %s", s)
}

// licenseWriters may give licenses when they are signed in: https://learn.microsoft.com/en-us/graph/api/user-assignlicense
var licenseWriters = []string{globalAdmin, licenseAdmin, userAdmin, directoryWriter}

// mayLicense is nil for whoever holds one of the permissions, and signed in a role with it where o is.
func (c *call) mayLicense(o *object, permissions ...string) error {
	roles := licenseWriters
	if o.is("group") {
		roles = append([]string{groupsAdmin}, licenseWriters...)
	}
	if !c.p.holds(permissions...) && !c.p.asUser() || c.p.delegated() && !c.hasRoleOver(o, roles...) {
		return denied()
	}
	return c.mayManageRestricted(o)
}

// assignLicense: https://learn.microsoft.com/en-us/graph/api/user-assignlicense. Nothing or all of it is done.
func (c *call) assignLicense(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	w, err := c.licenseWish()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if err := c.mayLicense(u, "LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"); err != nil {
		return err
	}
	states := statesOf(u.rec)
	for _, sku := range w.remove {
		i := slices.IndexFunc(states, func(s licenseState) bool { return s.SKU == sku && s.Group == nil })
		if i < 0 && slices.ContainsFunc(states, func(s licenseState) bool { return s.SKU == sku }) {
			return badRequest("User license is inherited from a group membership and it cannot be removed directly from the user.")
		}
		if i < 0 {
			// https://github.com/MicrosoftDocs/OfficeDocs-Enterprise/issues/873 quotes it
			return badRequest("User does not have a corresponding license.")
		}
		states = slices.Delete(states, i, i+1)
	}
	if len(w.add) > 0 && usedAt(u) == "" {
		return badRequest("License assignment cannot be done for user with invalid usage location.")
	}
	had := skusOf(u.rec)
	for _, a := range w.add {
		states = slices.DeleteFunc(states, func(s licenseState) bool { return s.SKU == a.SKU && s.Group == nil })
		s := c.t.sku(a.SKU)
		if !slices.Contains(had, a.SKU) && c.t.used()[a.SKU] >= s.Seats+s.Warning || s.Status == "Suspended" || s.Status == "Deleted" || s.Status == "LockedOut" {
			return badRequest("Subscription with SKU %s does not have any available licenses.", a.SKU)
		}
		states = append(states, licenseState{
			SKU: a.SKU, Disabled: append([]string{}, a.Disabled...), State: "Active", Error: "None", At: c.e.Now().UTC().Format(time.RFC3339),
		})
	}
	// The words of these three are assumed; the reasons are documented:
	// https://learn.microsoft.com/en-us/entra/identity/users/licensing-groups-resolve-problems
	switch what, p, q := c.t.trouble(effective(states), usedAt(u)); what {
	case "MutuallyExclusiveViolation":
		return badRequest("License assignment failed because service plans %s and %s are mutually exclusive.", p.ID, q.ID)
	case "DependencyViolation":
		return badRequest("License assignment failed because service plan %s depends on the service plan(s) %s", p.ID, strings.Join(p.Needs, ","))
	case "ProhibitedInUsageLocationViolation":
		return badRequest("License assignment failed because service plan %s is not available in the usage location %s.", p.ID, usedAt(u))
	}
	if err := c.relicense(u, states, "user.license"); err != nil {
		return err
	}
	b := c.context(nil, "users/$entity")
	return c.send(http.StatusOK, append(u.in.shown.append(b, u), '}'))
}
