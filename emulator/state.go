package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"nameplate/internal/property"
)

// directory is what a tenant holds. Guarded by Emulator.mu; records never change, so whoever has taken one under the lock may
// write it out after.
type directory struct {
	tables []*table // of every type, in the order of entities
	users  *table
	groups *table

	assignments *table // of roles at a scope, and of roles of one's own

	shared   *shared
	facts    map[string]property.Facts // of users, by lower-case path
	byID     map[string]*object        // of all types, without deleted ones
	deleted  map[string]*object        // directory/deletedItems by id
	byUPN    map[string]*object        // users by lower-case name
	byNick   map[string]*object        // Microsoft 365 groups by lower-case mailNickname
	dynamic  map[*object]bool          // groups with a rule
	rules    map[string]*memberRule    // by their JSON; nil for those that are not evaluated
	byMail   map[string]*object        // users and Microsoft 365 groups by proxy address, lower case, without the prefix; not the one that equals the UPN
	reports  map[*object][]*object     // users by manager
	bonds    map[string]*bond          // relationships by name (bond.go)
	refs     map[string][]*object      // objects that name another one with a property that is a ref, by its id
	apps     map[string]*object        // applications by lower-case appId
	services map[string]*object        // service principals by lower-case appId
	e        *Emulator
	tenant   string // id of the organization
	changes  changeLog
	schemas  map[string]*object // schema extensions by lower-case id
	security map[string]*object // custom security attribute definitions by lower-case "set/name"
	lastOrd  uint64
}

// extras is what few objects have beside their record.
type extras struct {
	gone     bool // in directory/deletedItems, or purged
	password string
	force    bool // must change the password at the next sign-in
	photo    *photo
	open     map[string]json.RawMessage // open extensions by name
	once     bool                       // was synced from on-premises, is not any more
	name     string                     // while deleted: the UPN from before
	manager  *object                    // while deleted: the manager from before
	reports  []*object                  // while deleted: the reports from before
	invite   *invite                    // the newest one of a guest
	secrets  map[string]string          // of an application: what stands behind its credentials, by keyId: a secret, or a certificate in base64
}

func (o *object) upn() string { return unquote(o.rec.get(pUPN)) }

func (o *object) guest() bool { return o.is("user") && o.rec.get(pUserType) == `"Guest"` }

// onceSynced: https://github.com/microsoftgraph/microsoft-graph-docs/issues/12584
func (o *object) onceSynced() bool { return o.more != nil && o.more.once }

// firstOrd leaves room below the objects that are saved for those of entity.stands, however many a later version has.
const firstOrd = 1 << 12

func newDirectory(e *Emulator, tenant string) *directory {
	d := &directory{
		shared: newShared(), facts: readFacts(), byID: map[string]*object{}, byUPN: map[string]*object{}, byMail: map[string]*object{},
		byNick: map[string]*object{}, dynamic: map[*object]bool{}, rules: map[string]*memberRule{},
		reports: map[*object][]*object{}, deleted: map[string]*object{}, bonds: map[string]*bond{},
		schemas: map[string]*object{}, security: map[string]*object{},
		refs: map[string][]*object{}, apps: map[string]*object{}, services: map[string]*object{}, e: e, tenant: tenant,
	}
	for _, e := range entities(d) {
		d.tables = append(d.tables, newTable(e))
	}
	for _, t := range d.tables {
		if t.stands != nil {
			t.list = t.stands(t)
			t.stood = len(t.list)
		}
		for i, o := range t.list {
			o.ord = uint64(i + 1)
		}
	}
	d.lastOrd = firstOrd
	d.users, d.groups, d.assignments = d.typed("user"), d.typed("group"), d.typed("unifiedRoleAssignment")
	d.users.learn(d.facts)
	d.groups.props[gSID].derive = sidOf
	d.groups.shown = d.groups.selection(slices.Clone(d.groups.shown.props))
	return d
}

// typed is the table of a type by its name in any case, nil when there is none: "user".
func (d *directory) typed(name string) *table {
	for _, t := range d.tables {
		if strings.EqualFold(t.name, name) {
			return t
		}
	}
	return nil
}

// set is the table of a type by the name of its set in any case, nil when there is none: "users".
func (d *directory) set(name string) *table {
	for _, t := range d.tables {
		if strings.EqualFold(t.set, name) {
			return t
		}
	}
	return nil
}

// object finds an object of a type by a key as a path has it; nil when there is none. name is that of an alternate key, or "".
func (d *directory) object(t *table, name, key string) *object {
	if name != "" && !strings.EqualFold(name, "id") {
		if by := t.keys[strings.ToLower(name)]; by != nil {
			return by(d, key)
		}
		return nil
	}
	o := d.byID[key]
	if o == nil {
		o = d.byID[strings.ToLower(key)]
	}
	if o == nil && t.find != nil {
		o = t.find(d, key)
	}
	if o == nil || o.in != t {
		o = t.standing(key)
	}
	return o
}

// newTenant builds a tenant from its description. An unknown property or person in it is an error.
func newTenant(e *Emulator, org Organization) (*tenant, error) {
	t := &tenant{
		id: strings.ToLower(org.ID), name: org.Name, country: org.Country, domains: org.Domains,
		policy: policyOf(org), described: org.Apps,
	}
	if t.id == "" {
		t.id = e.random.id()
	}
	if _, err := time.ParseDuration(org.Frequency); org.Frequency != "" && err != nil {
		return nil, fmt.Errorf("signInFrequency: %w", err)
	}
	if !slices.Contains([]string{"", invitesNone, invitesAdmins, invitesMembers, invitesAll}, org.Invites) {
		return nil, fmt.Errorf("allowInvitesFrom is %q", org.Invites)
	}
	for name, v := range org.Values {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		known, j, ok := organizationValue(name, raw)
		if !ok {
			return nil, fmt.Errorf("the organization has no %s with the value %s", name, raw)
		}
		if t.values == nil {
			t.values = map[string]string{}
		}
		t.values[known] = j
	}
	var err error
	if t.skus, err = readSubscriptions(org.Subscriptions); err != nil {
		return nil, err
	}
	t.dir = newDirectory(e, t.id)
	if len(t.domains) == 0 {
		t.domains = []Domain{{Name: "contoso.onmicrosoft.com", Verified: true}}
	}
	apps := slices.Clone(org.Apps)
	for i := range apps {
		if apps[i].ObjectID == "" {
			apps[i].ObjectID = e.random.id()
		}
	}
	d := t.dir
	for _, s := range org.Schemas {
		if err := d.defineSchema(s); err != nil {
			return nil, fmt.Errorf("schema %q: %w", s.ID, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(org.Extensions)) {
		if err := d.defineExtension(name, org.Extensions[name]); err != nil {
			return nil, err
		}
	}
	for _, s := range org.Attribute {
		if err := d.defineSecurity(s); err != nil {
			return nil, fmt.Errorf("attribute %s/%s: %w", s.Set, s.Name, err)
		}
	}
	// What people and groups have values of is defined before them.
	definitions, others := parted(org.Objects)
	if err := t.readObjects(e, definitions); err != nil {
		return nil, err
	}
	now := e.Now()
	managers := make([]string, 0, len(org.Users))
	for o := range org.Everybody() {
		u, err := t.readUser(e, o, now)
		if err == nil && d.byUPN[strings.ToLower(u.upn())] != nil {
			err = fmt.Errorf("another user with the same userPrincipalName exists")
		}
		if err == nil {
			err = d.insert(u)
		}
		if err == nil {
			err = t.readRoles(e, u, o.Roles)
		}
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", o.UPN, err)
		}
		managers = append(managers, o.Manager)
	}
	for i, u := range d.users.list {
		if managers[i] == "" {
			continue
		}
		m := d.user(managers[i])
		if m == nil {
			return nil, fmt.Errorf("user %q: there is no manager %q", u.upn(), managers[i])
		}
		d.setManager(u, m)
	}
	d.users.list = slices.Clip(d.users.list)
	d.shared.done()
	if err := t.readGroups(e, org.Groups, now); err != nil {
		return nil, err
	}
	d.graphService()
	if err := t.readApps(e, apps, now); err != nil {
		return nil, err
	}
	return t, t.readObjects(e, others)
}

// parted are the objects of an organization file that define values of others, and all other ones.
func parted(list []Object) (definitions, others []Object) {
	for _, o := range list {
		if slices.Contains([]string{"schemaExtension", "attributeSet", "customSecurityAttributeDefinition", "extensionProperty"}, o.Type) {
			definitions = append(definitions, o)
		} else {
			others = append(others, o)
		}
	}
	return definitions, others
}

// readUser makes a user of its description.
func (t *tenant) readUser(e *Emulator, o User, now time.Time) (*object, error) {
	if !strings.Contains(o.UPN, "@") {
		return nil, fmt.Errorf("a user needs a upn")
	}
	u := &object{in: t.dir.users, id: strings.ToLower(o.ID)}
	if u.id == "" {
		u.id = e.random.id()
	}
	set := map[int]string{pUPN: text(o.UPN), pEnabled: "true", pUserType: `"Member"`, pCreated: instantJSON(now)}
	nick, _, _ := strings.Cut(o.UPN, "@")
	set[pName] = text(nick)
	if strings.Contains(o.UPN, "#EXT#") {
		set[pUserType] = `"Guest"`
	}
	switch o.Sync {
	case "":
	case "synced":
		set[pSync], set[pLastSync] = "true", instantJSON(now)
	case "once":
		set[pSync] = "false"
		u.extra().once = true
	default:
		return nil, fmt.Errorf("sync is synced, once or empty, not %q", o.Sync)
	}
	if err := t.dir.readValues(t.dir.users, o.Values, set); err != nil {
		return nil, err
	}
	u.rec = t.dir.shared.record(fieldsOf(set))
	if o.Password != "" {
		u.extra().password = o.Password
	}
	if o.Photo != "" {
		p, err := readPhoto(o.Photo, unquote(u.rec.get(pName))+" "+strings.ReplaceAll(nick, ".", " "), u.id)
		if err != nil {
			return nil, err
		}
		u.extra().photo = p
	}
	return u, nil
}

// readRoles gives a person directory roles by display name or template id.
func (t *tenant) readRoles(e *Emulator, u *object, names []string) error {
	for _, name := range names {
		id := roleTemplate(name)
		if id == "" {
			return fmt.Errorf("there is no directory role %q", name)
		}
		t.dir.bond("members").add(t.dir.role(e, id), u)
	}
	return nil
}

// readObjects makes the objects of other types that an organization file describes.
func (t *tenant) readObjects(e *Emulator, list []Object) error {
	d := t.dir
	made := make([]*object, 0, len(list))
	for _, o := range list {
		in := d.typed(o.Type)
		if in == nil || in == d.users || in == d.groups {
			return fmt.Errorf("object %q: type %q is not one of the directory's other types", o.ID, o.Type)
		}
		x := &object{in: in, id: o.ID}
		if !in.plain {
			x.id = strings.ToLower(o.ID)
		}
		if o.Secrets != nil {
			x.extra().secrets = o.Secrets
		}
		if x.id == "" {
			x.id = e.random.id()
		}
		set := map[int]string{}
		if err := d.readValues(in, o.Values, set); err != nil {
			return fmt.Errorf("object %q: %w", o.ID, err)
		}
		x.rec = record{}.with(fieldsOf(set))
		if same := d.same(x); same != nil {
			x = same
		} else if err := d.insert(x); err != nil {
			return fmt.Errorf("object %q: %w", o.ID, err)
		}
		made = append(made, x)
	}
	for i, o := range list {
		for name, keys := range o.Links {
			r := made[i].in.relation(name)
			if r == nil || r.bond == "" || r.back || r.deep {
				return fmt.Errorf("object %q: it has no relationship %q of its own", o.ID, name)
			}
			for _, key := range keys {
				x := d.member(key)
				if x == nil {
					return fmt.Errorf("object %q: there is no %q for %s", o.ID, key, name)
				}
				d.bond(r.bond).add(made[i], x)
			}
		}
	}
	return nil
}

// same is what an organization file describes and exists already: a directory role that somebody in the file holds, Microsoft
// Graph. It takes id and values of the description.
func (d *directory) same(x *object) *object {
	var o *object
	switch x.in.name {
	case "directoryRole":
		o = d.roleOf(x.text("roleTemplateId"))
	case "servicePrincipal":
		o = d.service(x.text("appId"))
	}
	if o != nil {
		d.unindex(o)
		o.id, o.rec = x.id, x.rec
		d.index(o)
	}
	return o
}

// readValues reads the values of an organization file into set, by property number.
func (d *directory) readValues(t *table, values map[string]any, set map[int]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := t.prop(name)
		if i < 0 && strings.HasPrefix(strings.ToLower(name), "extension_") {
			i = t.add(prop{name: name, typ: typeOf(values[name]), ops: "eq in sw ge le", adv: "ne not ew n"})
		}
		if i <= 0 {
			return fmt.Errorf("there is no property %q", name)
		}
		raw, err := json.Marshal(values[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		j, ok := d.decode(t, i, raw, "", false)
		if !ok {
			return fmt.Errorf("%s has a value of the wrong type: %s", name, raw)
		}
		if j == t.props[i].empty() || j == "null" {
			j = ""
		}
		set[i] = j
	}
	return nil
}

// fieldsOf are the values that are set, in the order of their numbers.
func fieldsOf(set map[int]string) []field {
	fields := make([]field, 0, len(set))
	for i, j := range set {
		if j != "" {
			fields = append(fields, field{i, j})
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.prop, b.prop) })
	return fields
}

func text(s string) string { return string(appendText(nil, s)) }

func instantJSON(t time.Time) string { return t.UTC().Format(`"2006-01-02T15:04:05Z"`) }

func typeOf(v any) edm {
	switch v.(type) {
	case bool:
		return edmBool
	case int, int64, float64, uint64:
		return edmInt
	case []any, []string:
		return edmTexts
	case time.Time:
		return edmInstant
	}
	return edmText
}

// insert adds an object to the directory; an error when the id is taken.
func (d *directory) insert(o *object) error {
	if d.byID[o.id] != nil {
		return fmt.Errorf("another object with the same id exists")
	}
	d.enter(o)
	return nil
}

// enter gives an object its place.
func (d *directory) enter(o *object) {
	d.lastOrd++
	o.ord = d.lastOrd
	o.in.list = append(o.in.list, o)
	d.index(o)
}

func (d *directory) index(o *object) {
	d.byID[o.id] = o
	for _, id := range o.refs() {
		i, _ := slices.BinarySearchFunc(d.refs[id], o.ord, byOrd)
		d.refs[id] = slices.Insert(d.refs[id], i, o)
	}
	if o.in.index != nil {
		o.in.index(d, o, true)
	}
}

func (d *directory) unindex(o *object) {
	delete(d.byID, o.id)
	for _, id := range o.refs() {
		if d.refs[id] = slices.DeleteFunc(d.refs[id], func(x *object) bool { return x == o }); len(d.refs[id]) == 0 {
			delete(d.refs, id)
		}
	}
	if o.in.index != nil {
		o.in.index(d, o, false)
	}
}

// addresses are a record's proxy addresses in lower case without their prefix.
func addresses(r record) []string {
	list := r.get(pProxies)
	if list == "" {
		if mail := unquote(r.get(pMail)); mail != "" {
			return []string{strings.ToLower(mail)}
		}
		return nil
	}
	var out []string
	for _, a := range texts(list) {
		_, address, _ := strings.Cut(a, ":")
		out = append(out, strings.ToLower(address))
	}
	return out
}

// holder is whoever has an address as mail or proxy address; nil for nobody.
func (d *directory) holder(address string) *object {
	address = strings.ToLower(address)
	if u := d.byMail[address]; u != nil {
		return u
	}
	if u := d.byUPN[address]; u != nil && slices.Contains(addresses(u.rec), address) {
		return u
	}
	return nil
}

// texts reads a JSON array of strings.
func texts(j string) []string {
	var out []string
	_ = json.Unmarshal([]byte(j), &out) // the record holds only what was encoded here
	return out
}

// at is the object with an id in any case; nil when there is none, or only a deleted one.
func (d *directory) at(id string) *object {
	if o := d.byID[id]; o != nil {
		return o
	}
	return d.byID[strings.ToLower(id)]
}

// user finds a user by id or user principal name in any case; nil when there is none.
func (d *directory) user(key string) *object { return d.object(d.users, "", key) }

// userByID finds a user by object id; nil when it is gone. Call with Emulator.mu held.
func (t *tenant) userByID(id string) *object {
	if o := t.dir.byID[strings.ToLower(id)]; o.is("user") {
		return o
	}
	return nil
}

// setManager sets or, with nil, removes a manager.
func (d *directory) setManager(u, m *object) {
	if old := u.manager; old != nil {
		d.reports[old] = slices.DeleteFunc(d.reports[old], func(x *object) bool { return x == u })
		if len(d.reports[old]) == 0 {
			delete(d.reports, old)
		}
	}
	u.manager = m
	if m != nil {
		d.reports[m] = append(d.reports[m], u)
	}
}

// domain finds a domain of the tenant; nil when there is none.
func (t *tenant) domain(name string) *Domain {
	for i := range t.domains {
		if strings.EqualFold(t.domains[i].Name, name) {
			return &t.domains[i]
		}
	}
	return nil
}
