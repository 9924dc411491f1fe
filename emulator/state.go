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
	schema   *schema
	shared   *shared
	facts    map[string]property.Facts // by lower-case path
	users    []*user                   // in the order of their ord
	byID     map[string]*user          // users that are not deleted
	byUPN    map[string]*user          // lower case
	byMail   map[string]*user          // proxy addresses, lower case, without the prefix; not the one that equals the UPN
	reports  map[*user][]*user         // by manager
	deleted  map[string]*user          // by id
	groups   []*group                  // in the order of their making
	groupID  map[string]*group         // by id
	memberOf map[string][]*group       // by object id: direct memberships
	roleIDs  map[string]string         // object ids of directory roles by template id
	schemas  map[string]Schema         // schema extensions by lower-case id
	security map[string]Security       // custom security attributes by lower-case "set/name"
	lastOrd  uint64
}

// user is a person. The record holds the properties; what few people have stands in more.
type user struct {
	id      string
	ord     uint64
	rec     record
	manager *user
	more    *extras
}

type extras struct {
	password string
	force    bool     // must change the password at the next sign-in
	roles    []string // template ids
	photo    *photo
	open     map[string]json.RawMessage // open extensions by name
	once     bool                       // was synced from on-premises, is not any more
	name     string                     // while deleted: the UPN from before
	manager  *user                      // while deleted: the manager from before
	reports  []*user                    // while deleted: the reports from before
}

func (u *user) extra() *extras {
	if u.more == nil {
		u.more = &extras{}
	}
	return u.more
}

func (u *user) upn() string { return unquote(u.rec.get(pUPN)) }

func (u *user) guest() bool { return u.rec.get(pUserType) == `"Guest"` }

// synced says that the person is mastered on-premises.
func (u *user) synced() bool { return u.rec.get(pSync) == "true" }

// onceSynced: https://github.com/microsoftgraph/microsoft-graph-docs/issues/12584
func (u *user) onceSynced() bool { return u.more != nil && u.more.once }

func (u *user) roles() []string {
	if u.more == nil {
		return nil
	}
	return u.more.roles
}

func newDirectory() *directory {
	facts := readFacts()
	return &directory{
		schema: newSchema(facts), shared: newShared(),
		facts: facts, byID: map[string]*user{}, byUPN: map[string]*user{}, byMail: map[string]*user{},
		reports: map[*user][]*user{}, deleted: map[string]*user{}, groupID: map[string]*group{}, memberOf: map[string][]*group{},
		roleIDs: map[string]string{}, schemas: map[string]Schema{}, security: map[string]Security{},
	}
}

// newTenant builds a tenant from its description. An unknown property or person in it is an error.
func newTenant(e *Emulator, org Organization) (*tenant, error) {
	t := &tenant{
		id: strings.ToLower(org.ID), name: org.Name, country: org.Country, domains: org.Domains,
		apps: map[string]*application{}, dir: newDirectory(), policy: policyOf(org),
	}
	if t.id == "" {
		t.id = e.random.id()
	}
	if len(t.domains) == 0 {
		t.domains = []Domain{{Name: "contoso.onmicrosoft.com", Verified: true}}
	}
	for _, a := range org.Apps {
		if a.ObjectID == "" {
			a.ObjectID = e.random.id()
		}
		t.apps[strings.ToLower(a.ClientID)] = newApplication(a)
	}
	d := t.dir
	for _, s := range org.Schemas {
		d.defineSchema(s)
	}
	for _, name := range slices.Sorted(maps.Keys(org.Extensions)) {
		if err := d.defineExtension(name, org.Extensions[name]); err != nil {
			return nil, err
		}
	}
	for _, s := range org.Attribute {
		d.security[strings.ToLower(s.Set+"/"+s.Name)] = s
	}
	now := e.Now()
	managers := make([]string, 0, len(org.Users))
	for o := range org.Everybody() {
		u, err := t.readUser(e, o, now)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", o.UPN, err)
		}
		if err := d.insert(u); err != nil {
			return nil, fmt.Errorf("user %q: %w", o.UPN, err)
		}
		managers = append(managers, o.Manager)
	}
	for i, u := range d.users {
		if managers[i] == "" {
			continue
		}
		m := d.user(managers[i])
		if m == nil {
			return nil, fmt.Errorf("user %q: there is no manager %q", u.upn(), managers[i])
		}
		d.setManager(u, m)
	}
	d.users = slices.Clip(d.users)
	d.shared.done()
	return t, t.readGroups(e, org.Groups, now)
}

// readUser makes a user of its description.
func (t *tenant) readUser(e *Emulator, o User, now time.Time) (*user, error) {
	if !strings.Contains(o.UPN, "@") {
		return nil, fmt.Errorf("a user needs a upn")
	}
	u := &user{id: strings.ToLower(o.ID)}
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
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		i := t.dir.schema.find(name)
		if i < 0 && strings.HasPrefix(strings.ToLower(name), "extension_") {
			i = t.dir.schema.add(prop{name: name, typ: typeOf(o.Values[name]), ops: "eq in sw ge le", adv: "ne not ew n"})
		}
		if i <= 0 {
			return nil, fmt.Errorf("there is no property %q", name)
		}
		raw, err := json.Marshal(o.Values[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p := &t.dir.schema.props[i]
		j, ok := t.dir.decode(i, raw, "", false)
		if !ok {
			return nil, fmt.Errorf("%s has a value of the wrong type: %s", name, raw)
		}
		if j == p.empty() {
			j = ""
		}
		set[i] = j
	}
	fields := make([]field, 0, len(set))
	for i, j := range set {
		if j != "" {
			fields = append(fields, field{i, j})
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.prop, b.prop) })
	u.rec = t.dir.shared.record(fields)
	if o.Password != "" {
		u.extra().password = o.Password
	}
	for _, r := range o.Roles {
		id := roleTemplate(r)
		if id == "" {
			return nil, fmt.Errorf("there is no directory role %q", r)
		}
		u.extra().roles = append(u.extra().roles, id)
		t.dir.role(e, id)
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

// role is the object id of a directory role, which exists from its first holder on.
func (d *directory) role(e *Emulator, template string) string {
	if d.roleIDs[template] == "" {
		d.roleIDs[template] = e.random.id()
	}
	return d.roleIDs[template]
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

// insert adds a user to the indexes; an error when the name or the id is taken.
func (d *directory) insert(u *user) error {
	key := strings.ToLower(u.upn())
	if d.byID[u.id] != nil || d.byUPN[key] != nil {
		return fmt.Errorf("another object with the same id or userPrincipalName exists")
	}
	d.lastOrd++
	u.ord = d.lastOrd
	d.users = append(d.users, u)
	d.index(u)
	return nil
}

func (d *directory) index(u *user) {
	key := strings.ToLower(u.upn())
	d.byID[u.id] = u
	d.byUPN[key] = u
	for _, a := range addresses(u.rec) {
		if a != key {
			d.byMail[a] = u
		}
	}
}

func (d *directory) unindex(u *user) {
	delete(d.byID, u.id)
	key := strings.ToLower(u.upn())
	if d.byUPN[key] == u {
		delete(d.byUPN, key)
	}
	for _, a := range addresses(u.rec) {
		if d.byMail[a] == u {
			delete(d.byMail, a)
		}
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
func (d *directory) holder(address string) *user {
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

// user finds a user by id or user principal name in any case; nil when there is none.
func (d *directory) user(key string) *user {
	if u := d.byID[key]; u != nil {
		return u
	}
	low := strings.ToLower(key)
	if u := d.byID[low]; u != nil {
		return u
	}
	return d.byUPN[low]
}

// userByID finds a user by object id; nil when it is gone. Call with Emulator.mu held.
func (t *tenant) userByID(id string) *user { return t.dir.byID[strings.ToLower(id)] }

// setManager sets or, with nil, removes a manager.
func (d *directory) setManager(u, m *user) {
	if old := u.manager; old != nil {
		d.reports[old] = slices.DeleteFunc(d.reports[old], func(x *user) bool { return x == u })
		if len(d.reports[old]) == 0 {
			delete(d.reports, old)
		}
	}
	u.manager = m
	if m != nil {
		d.reports[m] = append(d.reports[m], u)
	}
}

// after is the place of the first user whose ord is above ord.
func (d *directory) after(ord uint64) int {
	i, _ := slices.BinarySearchFunc(d.users, ord+1, func(u *user, o uint64) int { return cmp.Compare(u.ord, o) })
	return i
}

// take removes a user from the listing.
func (d *directory) take(u *user) {
	i := d.after(u.ord) - 1
	d.users = slices.Delete(d.users, i, i+1)
}

// put brings a user back into the listing, at its old place.
func (d *directory) put(u *user) {
	d.users = slices.Insert(d.users, d.after(u.ord), u)
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
