package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/property"
)

// edit is one property that a request sets.
type edit struct {
	prop  int
	name  string // as Graph spells it
	raw   json.RawMessage
	json  string // decoded; "null" clears
	facts []property.Facts
}

// patchUser: https://learn.microsoft.com/en-us/graph/api/user-update. It takes effect as a whole or not at all.
func (c *call) patchUser(key string) error {
	body, err := c.object()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	edits, err := c.edits(u, body)
	if err != nil {
		return err
	}
	for _, e := range edits {
		if err := c.mayEdit(u, e); err != nil {
			return err
		}
	}
	for i := range edits {
		if err := c.check(u, &edits[i]); err != nil {
			return err
		}
	}
	for _, e := range edits {
		if err := locked(u, e); err != nil {
			return err
		}
	}
	if err := c.apply(u, edits, "user.update"); err != nil {
		return err
	}
	return c.done()
}

// edits reads what a body sets, in the order of the properties. Control information is ignored, read-only properties that keep
// their value as well (https://github.com/microsoft/api-guidelines/pull/397).
func (c *call) edits(u *user, body map[string]json.RawMessage) ([]edit, error) {
	d := c.t.dir
	var out []edit
	for _, given := range slices.Sorted(maps.Keys(body)) {
		if strings.Contains(given, "@odata.") {
			continue
		}
		i := d.schema.find(given)
		if i < 0 {
			// text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/9005, the case is inferred
			return nil, badRequest("One or more property values specified are invalid.")
		}
		e := edit{prop: i, name: d.schema.props[i].name, raw: body[given]}
		e.facts = d.factsOf(e.name, e.raw)
		if slices.ContainsFunc(out, func(o edit) bool { return o.prop == i }) {
			return nil, badJSON()
		}
		old := ""
		if u != nil {
			old = u.rec.get(i)
		}
		if len(e.facts) == 0 || e.facts[0].ReadOnly {
			if u != nil && sameValue(e.raw, d.schema.json(i, u.id, u.rec)) {
				continue
			}
			// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/6969
			return nil, badRequest("Property '%s' is read-only and cannot be set.", e.name)
		}
		var ok bool
		if e.json, ok = d.decode(i, e.raw, old, true); !ok {
			return nil, invalidValue(e.name, "")
		}
		out = append(out, e)
	}
	alone := slices.ContainsFunc(out, func(e edit) bool { return e.facts[0].Alone })
	if alone && len(out) > 1 {
		// That it fails is documented on https://learn.microsoft.com/en-us/graph/api/user-update; status and words are inferred.
		return nil, badRequest("The request is currently not supported on the targeted entity set: a property that is kept outside the directory must be updated in a request of its own.")
	}
	slices.SortFunc(out, func(a, b edit) int { return cmp.Compare(a.prop, b.prop) })
	return out, nil
}

func sameValue(raw json.RawMessage, j string) bool {
	var a, b any
	if json.Unmarshal(raw, &a) != nil || json.Unmarshal([]byte(j), &b) != nil {
		return false
	}
	x, _ := json.Marshal(a) // what was just decoded
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

func (c *call) mayEdit(u *user, e edit) error {
	for _, f := range e.facts {
		if g := c.mayWrite(u, e.name, f); g != nil {
			return g
		}
	}
	return nil
}

// locked says whether directory sync keeps the cloud from writing a property. Texts:
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301 for a synced person,
// https://github.com/microsoftgraph/msgraph-sdk-php/issues/292 for one who was: the extension attributes then belong to Exchange
// (https://learn.microsoft.com/en-us/graph/api/resources/onpremisesextensionattributes).
func locked(u *user, e edit) error {
	for _, f := range e.facts {
		if u.synced() && f.SyncLocked {
			return masteredElsewhere()
		}
	}
	if u.onceSynced() && e.prop == pExtension {
		return badRequest("Unable to update the specified properties for objects that have originated within an external service.")
	}
	return nil
}

func masteredElsewhere() *graphError {
	return badRequest("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
}

// apply writes checked edits into the record and the ledger. Call with Emulator.mu held.
func (c *call) apply(u *user, edits []edit, op string) error {
	d := c.t.dir
	fields := make([]field, 0, len(edits)+2)
	set := func(i int, j string) {
		if j == "null" || j == d.schema.props[i].empty() {
			j = ""
		}
		fields = append(fields, field{i, j})
	}
	var password json.RawMessage
	for _, e := range edits {
		switch e.prop {
		case pPassword:
			if password = json.RawMessage(e.json); e.json != "null" {
				fields = append(fields, field{pPasswordTime, instantJSON(c.e.Now())})
			}
		case pMail:
			set(pMail, e.json)
			fields = append(fields, field{pProxies, withPrimary(u.rec, unquote(e.json))})
		default:
			set(e.prop, e.json)
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.prop, b.prop) })
	rec := u.rec.with(fields)
	if err := d.clash(u, rec); err != nil {
		return err
	}
	entry := c.entry(op, u.id)
	entry.Before, entry.After = d.difference(u.rec, rec)
	var profile passwordProfile
	if password != nil && string(password) != "null" {
		_ = json.Unmarshal(password, &profile) // checked before
		entry.Before["passwordProfile"], entry.After["passwordProfile"] = nil, map[string]any{"forceChangePasswordNextSignIn": profile.force()}
	}
	moved := false
	for _, name := range []string{"userPrincipalName", "mail", "proxyAddresses"} {
		_, changed := entry.After[name]
		moved = moved || changed
	}
	if moved {
		d.unindex(u)
	}
	u.rec = rec
	if moved {
		d.index(u)
	}
	if profile.Password != "" {
		u.extra().password = profile.Password
	}
	if password != nil {
		u.extra().force = profile.force()
	}
	c.e.ledger.add(entry)
	return nil
}

// difference is what changed between two records, as the ledger says it.
func (d *directory) difference(was, is record) (before, after map[string]any) {
	before, after = make(map[string]any, 2), make(map[string]any, 2)
	for was.more() || is.more() {
		a, b := -1, -1
		var aj, bj string
		var arest, brest record
		if was.more() {
			a, aj, arest = was.next()
		}
		if is.more() {
			b, bj, brest = is.next()
		}
		switch {
		case a == b:
			if aj != bj {
				before[d.schema.props[a].name], after[d.schema.props[a].name] = json.RawMessage(aj), json.RawMessage(bj)
			}
			was, is = arest, brest
		case b < 0 || a >= 0 && a < b:
			before[d.schema.props[a].name], after[d.schema.props[a].name] = json.RawMessage(aj), json.RawMessage(d.schema.props[a].empty())
			was = arest
		default:
			before[d.schema.props[b].name], after[d.schema.props[b].name] = json.RawMessage(d.schema.props[b].empty()), json.RawMessage(bj)
			is = brest
		}
	}
	return before, after
}

// clash refuses a name or address that somebody else has. The conflict is 400, not 409:
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/5466; the details are remembered.
func (d *directory) clash(u *user, rec record) error {
	conflict := func(name string) error {
		g := badRequest("Another object with the same value for property %s already exists.", name)
		g.details = []errorDetail{{"ObjectConflict", g.message, name}}
		return g
	}
	if upn := rec.get(pUPN); u == nil || upn != u.rec.get(pUPN) {
		if other := d.byUPN[strings.ToLower(unquote(upn))]; other != nil && other != u {
			return conflict("userPrincipalName")
		}
	}
	if u == nil || rec.get(pMail) != u.rec.get(pMail) || rec.get(pProxies) != u.rec.get(pProxies) {
		for _, a := range addresses(rec) {
			if other := d.holder(a); other != nil && other != u {
				return conflict("proxyAddresses")
			}
		}
	}
	return nil
}

// withPrimary is the list of proxy addresses after mail became the primary one, "" when that is the only one.
func withPrimary(r record, mail string) string {
	old := r.get(pProxies)
	if old == "" {
		old = addressesOf(r)
	}
	list := []string{}
	if mail != "" {
		list = append(list, "SMTP:"+mail)
	}
	for _, a := range texts(old) {
		kind, address, _ := strings.Cut(a, ":")
		switch {
		case strings.EqualFold(address, mail):
		case kind == "SMTP":
			list = append(list, "smtp:"+address)
		default:
			list = append(list, a)
		}
	}
	if len(list) == 1 && mail != "" {
		return ""
	}
	b, _ := json.Marshal(list) // texts
	return string(b)
}

type passwordProfile struct {
	Password    string `json:"password"`
	Force       *bool  `json:"forceChangePasswordNextSignIn"`
	ForceStrong *bool  `json:"forceChangePasswordNextSignInWithMfa"`
}

// force is false unless the request asks for it: https://learn.microsoft.com/en-us/graph/api/resources/passwordprofile
func (p passwordProfile) force() bool {
	return p.Force != nil && *p.Force || p.ForceStrong != nil && *p.ForceStrong
}

// deleteUser: https://learn.microsoft.com/en-us/graph/api/user-delete
func (c *call) deleteUser(key string) error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.holds(deleteUsers...) && !c.p.asUser() || !c.mayTouch(u, changeSensitive) || c.p.self(u) {
		return denied()
	}
	c.remove(u)
	return c.done()
}

// createUser: https://learn.microsoft.com/en-us/graph/api/user-post-users
func (c *call) createUser() error {
	body, err := c.object()
	if err != nil {
		return err
	}
	if !c.p.holds(createUsers...) && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(globalAdmin, userAdmin, directoryWriter) {
		return denied()
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	d := c.t.dir
	manager, err := c.boundManager(body)
	if err != nil {
		return err
	}
	edits, err := c.edits(nil, body)
	if err != nil {
		return err
	}
	for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"} {
		if !slices.ContainsFunc(edits, func(e edit) bool { return e.name == name && e.json != "null" }) {
			return badRequest("A value is required for property '%s' of resource 'User'.", name)
		}
	}
	if err := c.needsAnchor(edits); err != nil {
		return err
	}
	now := instantJSON(c.e.Now())
	u := &user{id: c.e.random.id(), rec: record{}.with([]field{{pCreated, now}, {pUserType, `"Member"`}})}
	for i := range edits {
		f := edits[i].facts[0]
		if f.Alone {
			return badRequest("One or more property values specified are invalid.")
		}
		if name := edits[i].name; (name == "customSecurityAttributes" || name == "employeeLeaveDateTime") && !c.p.holds(f.Write...) {
			return denied()
		}
		if err := c.check(u, &edits[i]); err != nil {
			return err
		}
	}
	if err := c.apply(u, edits, "user.create"); err != nil {
		return err
	}
	d.lastOrd++
	u.ord = d.lastOrd
	d.users = append(d.users, u)
	if manager != nil {
		entry := c.entry("user.manager.set", u.id)
		entry.Before, entry.After = map[string]any{"manager": nil}, map[string]any{"manager": manager.id}
		d.setManager(u, manager)
		c.e.ledger.add(entry)
	}
	c.w.Header().Set("Location", c.base()+"/users/"+u.id)
	b := c.context(nil, "users/$entity")
	b = d.schema.shown.appendUser(b, u.id, u.rec)
	return c.send(http.StatusCreated, append(b, '}'))
}

// needsAnchor: a person in a federated domain is made with an onPremisesImmutableId
// (https://learn.microsoft.com/en-us/graph/api/user-update).
func (c *call) needsAnchor(edits []edit) error {
	federated, anchored := false, false
	for _, e := range edits {
		switch e.prop {
		case pUPN:
			_, domain, _ := strings.Cut(unquote(e.json), "@")
			d := c.t.domain(domain)
			federated = d != nil && d.Federated
		case pImmutable:
			anchored = e.json != "null"
		}
	}
	if federated && !anchored {
		return badRequest("A value is required for property 'onPremisesImmutableId' of resource 'User'.")
	}
	return nil
}

// boundManager takes manager@odata.bind out of a new user's body.
func (c *call) boundManager(body map[string]json.RawMessage) (*user, error) {
	for name, raw := range body {
		if !strings.EqualFold(name, "manager@odata.bind") {
			continue
		}
		address, ok := decodeText(raw)
		if !ok {
			return nil, badJSON()
		}
		return c.find(tail(address))
	}
	return nil, nil
}
