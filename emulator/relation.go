package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// related are the objects of a relationship, without deleted ones, by ord.
func (d *directory) related(r *relation, o *object) []*object {
	if r.list != nil {
		return r.list(d, o)
	}
	if r.by != "" {
		return d.parts(r, o)
	}
	step := func(x *object) []*object {
		if r.back {
			return d.from(r.bond, x)
		}
		return d.to(r.bond, x)
	}
	list := step
	if r.deep {
		list = func(x *object) []*object { return walk(x, step) }
	}
	if r.also != "" {
		if more := d.from(r.also, o); len(more) > 0 {
			all := slices.Concat(list(o), more)
			sortByOrd(all)
			return all
		}
	}
	return list(o)
}

// related are the objects of a relationship that the caller may know of.
func (c *call) related(r *relation, o *object) []*object {
	list := c.t.dir.related(r, o)
	if r.hides == nil || !slices.ContainsFunc(list, func(x *object) bool { return r.hides(c, o, x) }) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(x *object) bool { return r.hides(c, o, x) })
}

// parts are the objects that name o, and nothing that is deleted, with the property of the relationship.
func (d *directory) parts(r *relation, o *object) []*object {
	var out []*object
	for _, x := range d.refs[o.id] {
		if slices.Contains(r.types, x.in.name) && x.text(r.by) == o.id && d.complete(x) {
			out = append(out, x)
		}
	}
	return out
}

// among finds a member of a relationship by its id, or by what else may address it.
func (d *directory) among(r *relation, list []*object, key string) *object {
	if x := d.at(key); x != nil && slices.Contains(list, x) {
		return x
	}
	for _, x := range list {
		if r.named != "" && x.text(r.named) == key {
			return x
		}
	}
	return nil
}

// complete says whether everything is there that an object names.
func (d *directory) complete(o *object) bool {
	return !slices.ContainsFunc(o.refs(), func(id string) bool { return d.byID[id] == nil })
}

// refs are the ids of other objects without which this one is not.
func (o *object) refs() []string {
	var out []string
	for i := range o.in.entity.props {
		if o.in.entity.props[i].ref {
			if id := tail(unquote(o.rec.get(i))); id != "" && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// source is a relationship as a list; cast narrows it to one type.
func (c *call) source(r *relation, list []*object, cast string) (*source, error) {
	s := &source{list: list, fragment: "directoryObjects", mixed: true, related: true, veil: true}
	for _, name := range r.types {
		s.tables = append(s.tables, c.t.dir.typed(name))
	}
	if cast == "" || strings.EqualFold(cast, "directoryObject") {
		if r.pure {
			s.mixed, s.fragment = false, s.tables[0].set
		}
		return s, nil
	}
	t := c.t.dir.typed(cast)
	if t == nil && !slices.ContainsFunc(castable, func(n string) bool { return strings.EqualFold(n, cast) }) {
		return nil, c.unknown("microsoft.graph." + cast)
	}
	s.list = nil
	if t == nil {
		return s, nil // a type that nobody has here
	}
	s.tables, s.mixed, s.fragment = []*table{t}, false, t.set
	for _, o := range list {
		if o.in == t {
			s.list = append(s.list, o)
		}
	}
	return s, nil
}

// castable are types that a relationship of directory objects may be narrowed to, whether the emulator has them or not.
var castable = []string{"user", "group", "device", "orgContact", "servicePrincipal", "application", "directoryRole", "administrativeUnit", "endpoint"}

// relationOf answers for a relationship of an object; what follows its name begins at segment n.
func (c *call) relationOf(t *table, key string, r *relation, n int) error {
	rest := c.seg[n:]
	ref := len(rest) > 0 && strings.EqualFold(rest[len(rest)-1], "$ref")
	switch {
	case ref && len(rest) == 1 && c.r.Method == http.MethodPost:
		return c.addRef(t, key, r, n-2)
	case ref && len(rest) == 2 && c.r.Method == http.MethodDelete:
		return c.removeRef(t, key, r, n-2, rest[0])
	case ref && len(rest) == 1 && c.r.Method == http.MethodDelete && c.r.URL.Query().Get("$id")+c.r.URL.Query().Get("@id") != "":
		return c.removeRef(t, key, r, n-2, tail(c.r.URL.Query().Get("$id")+c.r.URL.Query().Get("@id")))
	case ref && len(rest) > 1:
		return wrongVerb()
	}
	cast, isCast := "", false
	if len(rest) == 1 && !ref {
		cast, isCast = c.cast(n)
	}
	member := len(rest) == 1 && !ref && !isCast
	if r.makes && !ref && !isCast && len(rest) <= 1 {
		switch c.r.Method {
		case http.MethodPost:
			if len(rest) == 0 {
				c.within = &within{t: t, key: key, n: n - 2, rel: r}
				return c.create(c.t.dir.typed(r.types[0]))
			}
		case http.MethodPatch:
			if member {
				return c.patchMember(t, key, r, n-2, rest[0])
			}
		}
	}
	if len(rest) > 1 {
		return c.unknown(rest[1])
	}
	if member && c.r.Method == http.MethodDelete {
		return c.deleteMember(t, key, r, n-2, rest[0])
	}
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	o, err := c.lookup(t, key, n-2)
	if err != nil {
		return err
	}
	if err := c.mayRead(o, r); err != nil {
		return err
	}
	list := c.related(r, o)
	switch {
	case member:
		x := c.t.dir.among(r, list, rest[0])
		if x == nil {
			return notThere(rest[0])
		}
		set, typed := "directoryObjects", true
		if r.by != "" {
			set, typed = partsOf(o, r), false
		}
		b, err := c.describe(x, set, typed)
		if err != nil {
			return err
		}
		return c.send(http.StatusOK, b)
	case ref:
		return c.sendPage(len(list), "Collection($ref)", func(b []byte, i int) []byte {
			return append(appendText(append(b, `"@odata.id":`...), c.base()+"/directoryObjects/"+list[i].id+"/Microsoft.DirectoryServices."+list[i].in.title), []byte(nil)...)
		})
	case r.deep && isCast && !c.advanced():
		// https://learn.microsoft.com/en-us/graph/aad-advanced-queries
		return c.needsAdvanced("Cast")
	}
	s, err := c.source(r, list, cast)
	if err != nil {
		return err
	}
	if r.by != "" {
		s.related = false
		if s.fragment = partsOf(o, r); s.tables[0].name == "appRoleAssignment" {
			s.fragment = s.tables[0].set // https://learn.microsoft.com/en-us/graph/api/serviceprincipal-list-approleassignments
		}
	}
	return c.sendList(s)
}

// partsOf is how a context names the objects that belong to o.
func partsOf(o *object, r *relation) string { return o.in.set + "('" + o.id + "')/" + r.name }

func (c *call) mayRead(o *object, r *relation) error {
	if r.may != nil {
		return r.may(c, o)
	}
	if o.in.sees(c, o) != full {
		return denied()
	}
	return nil
}

// target finds the object that an address of @odata.id or @odata.bind means: its last key, whatever host and version stand before.
func (c *call) target(r *relation, address string) (*object, error) {
	key := tail(address)
	o := c.t.dir.byID[strings.ToLower(key)]
	if o == nil && slices.Contains(r.types, "user") {
		o = c.t.dir.user(key)
	}
	if o == nil {
		return nil, notThere(key)
	}
	return o, nil
}

// mayLink says whether objects may be added to a relationship, all of them.
func (c *call) mayLink(o *object, r *relation, targets []*object) error {
	if err := r.mayEdit(c, o); err != nil {
		return err
	}
	for i, x := range targets {
		if !slices.Contains(r.types, x.in.name) {
			return badRequest("Invalid object identifier '%s' specified for property '%s' of resource '%s'.", x.id, r.name, o.in.title)
		}
		if r.link != nil {
			if err := r.link(c, o, x); err != nil {
				return err
			}
		}
		if c.t.dir.bond(r.bond).has(o, x) || slices.Contains(targets[:i], x) {
			return badRequest("One or more added object references already exist for the following modified properties: '%s'.", r.name)
		}
	}
	return nil
}

// link adds checked objects to a relationship, with ledger and change log.
func (c *call) link(o *object, r *relation, targets []*object) {
	c.t.relink(c.e, o, r, targets, nil, c.entry(r.op+".add", o.id))
}

// relink changes a relationship; entry is the line of the ledger, whose values it fills in.
func (t *tenant) relink(e *Emulator, o *object, r *relation, add, remove []*object, entry Entry) {
	d := t.dir
	b := d.bond(r.bond)
	entry.Before, entry.After = map[string]any{r.name: idsOf(remove)}, map[string]any{r.name: idsOf(add)}
	for _, x := range remove {
		b.cut(o, x)
	}
	for _, x := range add {
		b.add(o, x)
	}
	e.ledger.add(entry)
	d.changed(entry.Time, change{object: o, rel: r.name, added: add, removed: remove})
	if r.bond == "members" {
		t.membersMoved(e, o)
	}
}

func idsOf(list []*object) []string {
	out := make([]string, len(list))
	for i, o := range list {
		out[i] = o.id
	}
	return out
}

// addRef answers POST …/{relationship}/$ref: https://learn.microsoft.com/en-us/graph/api/group-post-members
func (c *call) addRef(t *table, key string, r *relation, n int) error {
	if r.mayEdit == nil {
		return wrongVerb()
	}
	body, err := c.object()
	if err != nil {
		return err
	}
	address, ok := decodeText(body["@odata.id"])
	if !ok {
		return failure(http.StatusBadRequest, "BadRequest", "The request body needs '@odata.id'.")
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		return err
	}
	if err := r.mayEdit(c, o); err != nil {
		return err
	}
	x, err := c.target(r, address)
	if err != nil {
		return err
	}
	if err := c.mayLink(o, r, []*object{x}); err != nil {
		return err
	}
	c.link(o, r, []*object{x})
	return c.done()
}

// removeRef answers DELETE …/{relationship}/{id}/$ref: https://learn.microsoft.com/en-us/graph/api/group-delete-members
func (c *call) removeRef(t *table, key string, r *relation, n int, id string) error {
	if r.mayEdit == nil {
		return wrongVerb()
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		return err
	}
	x := c.t.dir.byID[strings.ToLower(id)]
	if err := c.mayUnlink(o, r, x); err != nil {
		return err
	}
	if x == nil || !c.t.dir.bond(r.bond).has(o, x) {
		return notThere(id)
	}
	c.t.relink(c.e, o, r, nil, []*object{x}, c.entry(r.op+".remove", o.id))
	return c.done()
}

func (c *call) mayUnlink(o *object, r *relation, x *object) error {
	if err := r.mayEdit(c, o); err != nil {
		return err
	}
	if x != nil && r.unlink != nil && c.t.dir.bond(r.bond).has(o, x) {
		return r.unlink(c, o, x)
	}
	return nil
}

// deleteMember answers DELETE …/members/{id} without /$ref: it deletes the object itself, where the caller may do that.
// https://learn.microsoft.com/en-us/graph/api/group-delete-members
func (c *call) deleteMember(t *table, key string, r *relation, n int, id string) error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		return err
	}
	x := c.t.dir.among(r, c.related(r, o), id)
	if x == nil {
		return notThere(id)
	}
	if x.in.mayDelete == nil || r.by != "" && !r.makes {
		return wrongVerb()
	}
	if err := x.in.mayDelete(c, x); err != nil {
		return err
	}
	c.remove(x)
	return c.done()
}

// within is the object whose relationship a new object comes into.
type within struct {
	t   *table
	key string
	n   int // segment of the key
	rel *relation
	o   *object
}

// bind makes the new object name the one that it belongs to.
func (w *within) bind(in *table, edits []edit) ([]edit, error) {
	i := in.prop(w.rel.by)
	for _, e := range edits {
		if e.prop == i {
			if !strings.EqualFold(unquote(e.json), w.o.id) {
				return nil, invalidValueOf(in.title, e.name, "")
			}
			return edits, nil
		}
	}
	return append(edits, in.given(i, text(w.o.id))), nil
}

// patchMember answers PATCH of an object through the relationship that it is made in.
func (c *call) patchMember(t *table, key string, r *relation, n int, id string) error {
	in := c.t.dir.typed(r.types[0])
	if in.mayPatch == nil {
		return wrongVerb()
	}
	c.e.mu.RLock()
	o, err := c.lookup(t, key, n)
	var x *object
	if err == nil {
		x = c.t.dir.among(r, c.t.dir.related(r, o), id)
	}
	c.e.mu.RUnlock()
	switch {
	case err != nil:
		return err
	case x == nil:
		return notThere(id)
	}
	return c.patch(in, x.id, n+2)
}

// binding is what a body adds to a relationship: "members@odata.bind".
type binding struct {
	rel     *relation
	targets []*object
}

// bindings reads the relationships that a body names. Of a single object only a new one can be bound.
func (c *call) bindings(t *table, body map[string]json.RawMessage, fresh bool) ([]binding, error) {
	var out []binding
	for given, raw := range body {
		const suffix = "@odata.bind"
		n := len(given) - len(suffix)
		if n <= 0 || !strings.EqualFold(given[n:], suffix) {
			continue
		}
		r := t.relation(given[:n])
		if r == nil || r.bind == 0 || r.one && !fresh {
			continue
		}
		var addresses []string
		if address, ok := decodeText(raw); ok {
			addresses = []string{address}
		} else if json.Unmarshal(raw, &addresses) != nil {
			return nil, badJSON()
		}
		if len(addresses) > r.bind {
			return nil, tooManyBound() // https://learn.microsoft.com/en-us/graph/api/group-post-members
		}
		b := binding{rel: r}
		for _, address := range addresses {
			x, err := c.target(r, address)
			if err != nil {
				return nil, err
			}
			b.targets = append(b.targets, x)
		}
		if len(b.targets) > 0 {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b binding) int { return strings.Compare(a.rel.name, b.rel.name) })
	return out, nil
}

// mayBind checks what a new object is bound to; who may create it may say what belongs to it.
func (c *call) mayBind(o *object, b binding) error {
	for i, x := range b.targets {
		if !slices.Contains(b.rel.types, x.in.name) {
			return badRequest("Invalid object identifier '%s' specified for property '%s' of resource '%s'.", x.id, b.rel.name, o.in.title)
		}
		if slices.Contains(b.targets[:i], x) {
			return badRequest("One or more added object references already exist for the following modified properties: '%s'.", b.rel.name)
		}
		if b.rel.link != nil {
			if err := b.rel.link(c, o, x); err != nil {
				return err
			}
		}
	}
	return nil
}
