package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

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

// patch changes an object: https://learn.microsoft.com/en-us/graph/api/user-update, group-update. It takes effect as a whole or not
// at all.
func (c *call) patch(t *table, key string, n int) error {
	body, err := c.object()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		return err
	}
	edits, err := c.edits(t, o, body)
	if err != nil {
		return err
	}
	bound, err := c.bindings(t, body, false)
	if err != nil {
		return err
	}
	if len(edits) > 0 || len(bound) == 0 {
		if err := t.mayPatch(c, o, edits); err != nil {
			return err
		}
	}
	for i := range edits {
		if err := c.check(o, &edits[i]); err != nil {
			return err
		}
	}
	for _, b := range bound {
		if err := c.mayLink(o, b.rel, b.targets); err != nil {
			return err
		}
	}
	if len(edits) > 0 || len(bound) == 0 {
		if err := c.applyTo(o, edits, t.name+".update"); err != nil {
			return err
		}
	}
	for _, b := range bound {
		c.link(o, b.rel, b.targets)
	}
	if t.patched != nil {
		return t.patched(c, o, edits)
	}
	return c.done()
}

// create makes an object: https://learn.microsoft.com/en-us/graph/api/user-post-users, group-post-groups.
func (c *call) create(t *table) error {
	body, err := c.object()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if w := c.within; w != nil {
		if w.o, err = c.lookup(w.t, w.key, w.n); err != nil {
			return err
		}
	}
	if err := t.mayCreate(c, body); err != nil {
		return err
	}
	bound, err := c.bindings(t, body, true)
	if err != nil {
		return err
	}
	edits, err := c.edits(t, nil, body)
	if err != nil {
		return err
	}
	w := c.within
	if w != nil && w.rel.by != "" {
		if edits, err = w.bind(t, edits); err != nil {
			return err
		}
	}
	for i := range t.props {
		if name := t.props[i].name; t.props[i].must && !slices.ContainsFunc(edits, func(e edit) bool { return e.name == name && e.json != "null" }) {
			return badRequest("A value is required for property '%s' of resource '%s'.", name, t.title)
		}
	}
	o := &object{in: t, id: c.e.random.id()}
	if i := t.prop("createdDateTime"); i > 0 {
		o.rec = o.rec.with([]field{{i, instantJSON(c.e.Now())}})
	}
	if t.prepare != nil {
		if edits, err = t.prepare(c, o, edits); err != nil {
			return err
		}
	}
	for i := range edits {
		if err := c.check(o, &edits[i]); err != nil {
			return err
		}
	}
	for _, b := range bound {
		if err := c.mayBind(o, b); err != nil {
			return err
		}
	}
	if t.make != nil {
		o, err = t.make(c, edits)
	} else {
		err = c.applyTo(o, edits, t.name+".create")
	}
	if err != nil {
		return err
	}
	for _, b := range bound {
		if b.rel.one {
			c.setManager(o, b.targets[0])
		} else {
			c.link(o, b.rel, b.targets)
		}
	}
	if t.created != nil {
		t.created(c, o)
	}
	address, fragment := "/"+t.set+"/"+o.id, t.set
	switch {
	case w == nil:
	case w.rel.by == "":
		c.link(w.o, w.rel, []*object{o})
	default:
		address, fragment = "/"+w.t.set+"/"+w.o.id+"/"+w.rel.name+"/"+o.id, partsOf(w.o, w.rel)
	}
	c.w.Header().Set("Location", c.base()+address)
	b := c.context(nil, fragment+"/$entity")
	b = t.shown.append(b, o)
	return c.send(http.StatusCreated, append(b, '}'))
}

// given is an edit that the service itself makes.
func (t *table) given(i int, json string) edit {
	return edit{prop: i, name: t.props[i].name, json: json, facts: []property.Facts{{Path: t.props[i].name}}}
}

// check says whether a value may stand in a property: what its facts say, then what the type says.
func (c *call) check(o *object, e *edit) error {
	t := o.in
	if t.checkAll != nil {
		return t.checkAll(c, o, e)
	}
	p, f := &t.props[e.prop], e.facts[0]
	if e.json == "null" || p.typ == edmTexts && e.json == "[]" && f.AtCreation {
		if f.NoNull || f.AtCreation {
			return invalidValueOf(t.title, e.name, "PropertyRequired")
		}
		return nil
	}
	switch p.typ {
	case edmText:
		s := unquote(e.json)
		n := utf8.RuneCountInString(s)
		if n == 0 && (f.NoNull || f.AtCreation) || f.Max > 0 && n > f.Max {
			return invalidValueOf(t.title, e.name, "InvalidLength")
		}
		if len(f.Values) > 0 {
			at := slices.IndexFunc(f.Values, func(v string) bool { return strings.EqualFold(v, s) })
			if at < 0 {
				return invalidValueOf(t.title, e.name, "InvalidValue")
			}
			e.json = text(f.Values[at])
		}
	case edmTexts:
		items := texts(e.json)
		if f.Items > 0 && len(items) > f.Items {
			return invalidValueOf(t.title, e.name, "InvalidLength")
		}
		for _, s := range items {
			if f.Max > 0 && utf8.RuneCountInString(s) > f.Max {
				return invalidValueOf(t.title, e.name, "InvalidLength")
			}
			if len(f.Values) > 0 && !slices.ContainsFunc(f.Values, func(v string) bool { return strings.EqualFold(v, s) }) {
				return invalidValueOf(t.title, e.name, "InvalidValue")
			}
		}
	}
	if t.check != nil {
		return t.check(c, o, e)
	}
	return nil
}

// edits reads what a body sets, in the order of the properties. Control information is ignored, read-only properties that keep
// their value as well (https://github.com/microsoft/api-guidelines/pull/397).
func (c *call) edits(t *table, o *object, body map[string]json.RawMessage) ([]edit, error) {
	d := c.t.dir
	var out []edit
	for _, given := range slices.Sorted(maps.Keys(body)) {
		if strings.Contains(given, "@odata.") {
			continue
		}
		i := t.prop(given)
		if i < 0 || t.props[i].hidden {
			// text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/9005, the case is inferred
			return nil, badRequest("One or more property values specified are invalid.")
		}
		e := edit{prop: i, name: t.props[i].name, raw: body[given]}
		e.facts = d.factsOf(t, i, e.raw)
		if slices.ContainsFunc(out, func(x edit) bool { return x.prop == i }) {
			return nil, badJSON()
		}
		old := ""
		if o != nil {
			old = o.rec.get(i)
		}
		if len(e.facts) == 0 || e.facts[0].ReadOnly || o != nil && t.props[i].born {
			if o != nil && sameValue(e.raw, o.json(i)) {
				continue
			}
			if o != nil && t.props[i].name == "hireDate" { // SharePoint's, as https://github.com/microsoftgraph/microsoft-graph-docs/issues/5597 shows
				if g := c.mayWriteHeld(o, property.Facts{Path: t.props[i].name}); g != nil {
					return nil, g
				}
			}
			// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3748
			return nil, badRequest("Property '%s' is read-only and cannot be set.", e.name)
		}
		var ok bool
		if e.json, ok = d.decode(t, i, e.raw, old, true); !ok {
			return nil, invalidValueOf(t.title, e.name, "")
		}
		out = append(out, e)
	}
	alone := slices.ContainsFunc(out, func(e edit) bool { return e.facts[0].Alone })
	if alone && len(out) > 1 {
		return nil, mixed()
	}
	slices.SortFunc(out, func(a, b edit) int { return cmp.Compare(a.prop, b.prop) })
	return out, nil
}

// mixed refuses a property that is kept outside the directory together with others. That it fails is documented on
// https://learn.microsoft.com/en-us/graph/api/user-update; code and text as quoted of a person in
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/15735.
func mixed() *graphError {
	return failure(http.StatusBadRequest, "BadRequest", "The request is currently not supported on the targeted entity set")
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

// applyTo writes checked edits into the record, the ledger and the change log; an object without a place in the directory gets one.
// Call with Emulator.mu held.
func (c *call) applyTo(o *object, edits []edit, op string) error {
	d, t := c.t.dir, o.in
	fields := make([]field, 0, len(edits)+2)
	for _, e := range edits {
		fields = append(fields, field{e.prop, e.json})
	}
	if t.settle != nil {
		more, err := t.settle(c, o, edits)
		if err != nil {
			return err
		}
		for _, f := range more {
			if i := slices.IndexFunc(fields, func(x field) bool { return x.prop == f.prop }); i >= 0 {
				fields[i] = f
			} else {
				fields = append(fields, f)
			}
		}
	}
	for i, f := range fields {
		if f.json == "null" || f.json == t.props[f.prop].empty() {
			fields[i].json = ""
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.prop, b.prop) })
	was, rec := o.rec, o.rec.with(fields)
	fresh := o.ord == 0
	if t.clash != nil {
		old := o
		if fresh {
			old = nil
		}
		if err := t.clash(d, old, rec); err != nil {
			return err
		}
	}
	entry := c.entry(op, o.id)
	changed := differs(was, rec)
	entry.Before, entry.After = t.values(was, changed), t.values(rec, changed)
	if t.wrote != nil {
		t.wrote(c, o, edits, &entry)
	}
	if fresh {
		o.rec = rec
		d.enter(o)
	} else {
		d.rewrite(o, rec)
	}
	what := changeUpdate
	if fresh {
		what = changeCreate
	}
	c.e.ledger.add(entry)
	d.changed(c.e.Now(), change{object: o, what: what, props: changed})
	if t.written != nil {
		t.written(c, o, changed)
	}
	return nil
}

// rewrite gives an object of the directory another record.
func (d *directory) rewrite(o *object, rec record) {
	if o.in.index != nil && o.in.moves(o.rec, rec) {
		d.unindex(o)
		o.rec = rec
		d.index(o)
		return
	}
	o.rec = rec
}

// moves says whether two records differ in a property that an index is made of.
func (t *table) moves(was, is record) bool {
	return slices.ContainsFunc(t.indexed, func(i int) bool { return was.get(i) != is.get(i) })
}

// values are some properties of a record as the ledger says them.
func (t *table) values(r record, props []int) map[string]any {
	out := make(map[string]any, len(props))
	for _, i := range props {
		p := &t.props[i]
		out[p.name] = json.RawMessage(cmp.Or(r.get(i), p.empty()))
	}
	return out
}
