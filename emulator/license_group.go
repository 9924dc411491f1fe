package emulator

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// licenseDelay is how long the service takes before it passes a group's licenses on to its members, by the emulator's clock.
const licenseDelay = 5 * time.Second

// licensesOf are the products that a group gives to its members.
func licensesOf(g *object) []license {
	var list []license
	if j := g.rec.get(gLicenses); j != "" {
		_ = json.Unmarshal([]byte(j), &list) // encoded here
	}
	return list
}

// assignGroupLicense: https://learn.microsoft.com/en-us/graph/api/group-assignlicense. Members get theirs a moment later.
func (c *call) assignGroupLicense(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	w, err := c.licenseWish()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	g := c.t.dir.object(c.t.dir.groups, "", key)
	if g == nil {
		return notThere(key)
	}
	if err := c.mayLicense(g, "LicenseAssignment.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"); err != nil {
		return err
	}
	if g.rec.get(gSecurity) != "true" { // https://learn.microsoft.com/en-us/entra/identity/users/licensing-groups-assign
		return badRequest("Licenses can be assigned to security-enabled groups only.")
	}
	have := licensesOf(g)
	for _, sku := range w.remove {
		i := slices.IndexFunc(have, func(l license) bool { return l.SKU == sku })
		if i < 0 {
			return badRequest("Group does not have a corresponding license.")
		}
		have = slices.Delete(have, i, i+1)
	}
	for _, a := range w.add {
		have = slices.DeleteFunc(have, func(l license) bool { return l.SKU == a.SKU })
		have = append(have, license{Disabled: append([]string{}, a.Disabled...), SKU: a.SKU})
	}
	err = c.applyTo(g, []edit{
		{prop: gLicenses, name: "assignedLicenses", json: asJSON(have, "[]")},
		{prop: gProcessing, name: "licenseProcessingState", json: `{"state":"QueuedForProcessing"}`},
	}, "group.license")
	if err != nil {
		return err
	}
	c.t.licensesDue(c.e, g)
	b := c.context(nil, "groups/$entity")
	return c.send(http.StatusAccepted, append(g.in.shown.append(b, g), '}'))
}

// licensesDue notes that the members of a group are to get and lose what it gives, a moment from now.
func (t *tenant) licensesDue(e *Emulator, g *object) {
	if t.due == nil {
		t.due = map[*object]time.Time{}
	}
	if _, waits := t.due[g]; !waits {
		t.due[g] = e.Now().Add(licenseDelay)
		e.due.Add(1)
	}
}

// licensesAgain marks every group that gives licenses, when a tenant begins: what was due when it was saved is not kept.
func (e *Emulator) licensesAgain() {
	for _, t := range e.tenants {
		for _, g := range t.dir.groups.list {
			t.membersMoved(e, g)
		}
	}
}

// membersMoved is told that members came to a group or left it.
func (t *tenant) membersMoved(e *Emulator, g *object) {
	if g.is("group") && g.rec.get(gLicenses) != "" {
		t.licensesDue(e, g)
	}
}

// passLicenses does what is due of groups' licenses. It is asked before every request to Graph.
func (e *Emulator) passLicenses() {
	if e.due.Load() == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	for _, t := range e.tenants {
		var ready []*object
		for g, at := range t.due {
			if !now.Before(at) {
				ready = append(ready, g)
			}
		}
		sortByOrd(ready)
		for _, g := range ready {
			delete(t.due, g)
			e.due.Add(-1)
			c := &call{e: e, t: t, p: &principal{tenant: t}, requestID: e.random.id()}
			c.passOn(g)
		}
	}
}

// passOn gives the direct members of a group what it gives, and takes it from who is none any more: nested groups are not looked
// into. https://learn.microsoft.com/en-us/entra/identity/users/licensing-group-advanced
func (c *call) passOn(g *object) {
	gives := licensesOf(g)
	if g.gone() {
		gives = nil
	}
	members := c.t.dir.to("members", g)
	failed := false
	for _, u := range c.t.dir.users.list {
		_, member := slices.BinarySearchFunc(members, u.ord, byOrd)
		if !member && !strings.Contains(u.rec.get(pStates), g.id) {
			continue
		}
		if !member {
			c.passTo(u, g, nil)
			continue
		}
		failed = c.passTo(u, g, gives) || failed
	}
	if g.gone() {
		return
	}
	errors := "false"
	if failed {
		errors = "true"
	}
	_ = c.applyTo(g, []edit{
		{prop: gProcessing, name: "licenseProcessingState", json: `{"state":"ProcessingComplete"}`},
		{prop: gLicenseErrors, name: "hasMembersWithLicenseErrors", json: errors},
	}, "group.license.processed")
}

// passTo gives a person what they get from a group, and says whether any of it could not be given.
func (c *call) passTo(u, g *object, gives []license) (failed bool) {
	was := statesOf(u.rec)
	states := slices.DeleteFunc(slices.Clone(was), func(s licenseState) bool { return s.group() == g.id })
	for _, l := range gives {
		s := c.inherited(u, states, g.id, l)
		if i := slices.IndexFunc(was, func(o licenseState) bool { s.At = o.At; return reflect.DeepEqual(o, s) }); i < 0 {
			s.At = c.e.Now().UTC().Format(time.RFC3339)
		}
		failed = failed || s.State == "Error"
		states = append(states, s)
	}
	if !slices.EqualFunc(was, inOrder(states), func(a, b licenseState) bool { return reflect.DeepEqual(a, b) }) {
		_ = c.relicense(u, states, "user.license") // nothing of a person refuses it
	}
	return failed
}

// reprocessLicenses tries a person's licenses of groups again: https://learn.microsoft.com/en-us/graph/api/user-reprocesslicenseassignment
func (c *call) reprocessLicenses(u *object) error {
	if err := c.mayLicense(u, "User.ReadWrite.All", "Directory.ReadWrite.All"); err != nil {
		return err
	}
	for _, g := range c.t.dir.groups.list {
		if gives := licensesOf(g); gives != nil && !g.gone() && c.t.dir.bond("members").has(g, u) {
			c.passTo(u, g, gives)
		}
	}
	b := c.context(nil, "users/$entity")
	return c.send(http.StatusOK, append(u.in.shown.append(b, u), '}'))
}

// inherited is how a person has a group's license beside what they have: active, or in error with its reason.
// https://learn.microsoft.com/en-us/entra/identity/users/licensing-groups-resolve-problems
func (c *call) inherited(u *object, states []licenseState, group string, l license) licenseState {
	s := licenseState{SKU: l.SKU, Disabled: append([]string{}, l.Disabled...), Group: &group, State: "Active", Error: "None"}
	location := usedAt(u)
	if location == "" {
		location = c.t.country
	}
	sku := c.t.sku(l.SKU)
	switch has := slices.Contains(skusOf(u.rec), l.SKU); {
	case sku == nil, !has && c.t.used()[l.SKU] >= sku.Seats+sku.Warning:
		s.State, s.Error = "Error", "CountViolation"
		return s
	}
	if what, _, _ := c.t.trouble(effective(append(slices.Clone(states), s)), location); what != "" {
		s.State, s.Error = "Error", what
	}
	return s
}

// licenseErrors are the members of a group who could not get what it gives:
// https://learn.microsoft.com/en-us/graph/api/group-list-memberswithlicenseerrors
func licenseErrors(d *directory, g *object) []*object {
	var out []*object
	for _, u := range d.to("members", g) {
		if u.is("user") && slices.ContainsFunc(statesOf(u.rec), func(s licenseState) bool { return s.group() == g.id && s.State == "Error" }) {
			out = append(out, u)
		}
	}
	return out
}
