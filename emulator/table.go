package emulator

import (
	"cmp"
	"slices"
	"strings"
)

// table is a type in one tenant: the properties that every tenant has, the extensions of this one, and the objects.
type table struct {
	*entity
	props  []prop
	byName map[string]int // as spelled and in lower case
	shown  *selection     // without $select
	list   []*object      // those that are not deleted, in the order of their ord
	stood  int            // how many of them, at the beginning, are those of entity.stands
}

func newTable(e *entity) *table {
	t := &table{entity: e, props: slices.Clone(e.props), byName: make(map[string]int, len(e.props))}
	var names []int
	for i := range t.props {
		p := &t.props[i]
		t.byName[p.name], t.byName[strings.ToLower(p.name)] = i, i
		if p.shape != "" && p.typ == edmObject && p.blank == "" {
			p.blank = blankOf(p.shape)
		}
		if p.shown {
			names = append(names, i)
		}
	}
	t.shown = t.selection(names)
	return t
}

// kept are the objects of the listing that are saved.
func (t *table) kept() []*object { return t.list[t.stood:] }

// standing is one of the others by its id; nil when there is none.
func (t *table) standing(id string) *object {
	for _, o := range t.list[:t.stood] {
		if strings.EqualFold(o.id, id) {
			return o
		}
	}
	return nil
}

// prop is the number of a property in any case, -1 when there is none.
func (t *table) prop(name string) int {
	if i, ok := t.byName[name]; ok {
		return i
	}
	if i, ok := t.byName[strings.ToLower(name)]; ok {
		return i
	}
	return -1
}

// add appends an extension, or defines one of that name anew, and returns its number.
func (t *table) add(p prop) int {
	i := slices.IndexFunc(t.props, func(x prop) bool { return strings.EqualFold(x.name, p.name) })
	switch {
	case i < 0:
		i = len(t.props)
		t.props = append(t.props, p)
	case !t.extension(i):
		return i
	default:
		p.name = t.props[i].name
		t.props[i] = p
	}
	t.byName[p.name], t.byName[strings.ToLower(p.name)] = i, i
	return i
}

// withdraw makes an extension unknown; its number and the values in records stay.
func (t *table) withdraw(name string) {
	if i := t.prop(name); i >= 0 && t.extension(i) {
		delete(t.byName, t.props[i].name)
		delete(t.byName, strings.ToLower(t.props[i].name))
	}
}

// known says whether the property of a number can be spoken of: it is no withdrawn extension.
func (t *table) known(i int) bool { return t.prop(t.props[i].name) == i }

// extension says whether a property is one of this tenant's own.
func (t *table) extension(i int) bool { return i >= len(t.entity.props) }

// after is the place of the first object whose ord is above ord.
func (t *table) after(ord uint64) int {
	i, _ := slices.BinarySearchFunc(t.list, ord+1, byOrd)
	return i
}

// take removes an object from the listing.
func (t *table) take(o *object) {
	i := t.after(o.ord) - 1
	t.list = slices.Delete(t.list, i, i+1)
}

// put brings an object into the listing, at its place.
func (t *table) put(o *object) { t.list = slices.Insert(t.list, t.after(o.ord), o) }

// selection is what to write of an object.
type selection struct {
	t      *table
	props  []int    // ascending; 0 is the id
	keys   []string // `"displayName":`
	blanks []string // JSON when nothing is set; "" leaves the property out
	derive []func(*object) string
	veil   int    // a property that shows as if it were not set
	veiled bool   // everything but the id does
	full   bool   // with control information, odata.metadata=full
	typed  bool   // with @odata.type: items of mixed collections
	base   string // address of the service, for full
}

func (t *table) selection(props []int) *selection {
	slices.Sort(props)
	props = slices.Compact(props)
	sel := &selection{t: t, props: props}
	for _, i := range props {
		p := &t.props[i]
		sel.keys = append(sel.keys, `"`+p.name+`":`)
		blank := p.empty()
		if t.extension(i) {
			blank = "" // an extension that is not set is left out
		}
		sel.blanks = append(sel.blanks, blank)
		sel.derive = append(sel.derive, p.derive)
	}
	return sel
}

// withType is the selection for an item of a mixed collection.
func (sel *selection) withType() *selection {
	typed := *sel
	typed.typed = true
	return &typed
}

// veilAll is the selection that shows nothing but type and id of what the caller may not read:
// https://learn.microsoft.com/en-us/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects
func (sel *selection) veilAll() *selection {
	veiled := *sel
	veiled.veiled = true
	veiled.derive = make([]func(*object) string, len(sel.derive))
	veiled.blanks = slices.Clone(sel.blanks)
	for n, i := range sel.props {
		if p := &sel.t.props[i]; veiled.blanks[n] != "" && p.typ != edmTexts && p.typ != edmObjects {
			veiled.blanks[n] = "null"
		}
	}
	return &veiled
}

// append writes an object's selected properties without braces.
func (sel *selection) append(b []byte, o *object) []byte {
	start := len(b)
	b = sel.head(b, o)
	var (
		at   = -1
		json string
		next = o.rec
	)
	if sel.veiled {
		next = record{}
	}
	for n, want := range sel.props {
		if want == 0 {
			b = append(b, `"id":"`...)
			b = append(b, o.id...)
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
			if d := sel.derive[n](o); d != "" {
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

// head writes the control information of an object, each part with a comma.
func (sel *selection) head(b []byte, o *object) []byte {
	if sel.typed || sel.full {
		b = append(b, `"@odata.type":"#microsoft.graph.`...)
		b = append(b, sel.t.name...)
		b = append(b, `",`...)
	}
	if sel.full {
		b = append(b, `"@odata.id":"`...)
		b = append(b, sel.base...)
		b = append(b, '/')
		b = append(b, sel.t.set...)
		b = append(b, '/')
		b = append(b, o.id...)
		b = append(b, `","@odata.editLink":"`...)
		b = append(b, sel.t.set...)
		b = append(b, '/')
		b = append(b, o.id...)
		b = append(b, `",`...)
	}
	return b
}

// object is anything in the directory: a person, a group. The record holds the properties; what few objects have stands in more.
type object struct {
	in      *table
	id      string
	ord     uint64 // in the order of creation, of all types together
	changed uint64 // the newest change (changes.go)
	rec     record
	manager *object // of a user
	more    *extras
}

// get is the JSON of a property, "" when it is not set.
func (o *object) get(name string) string {
	i := o.in.prop(name)
	if i <= 0 {
		return ""
	}
	return o.rec.get(i)
}

// text is a property that is a text, "" when it is not set.
func (o *object) text(name string) string { return unquote(o.get(name)) }

// json is a property as the service writes it.
func (o *object) json(i int) string {
	if i == 0 {
		return `"` + o.id + `"`
	}
	if v := o.rec.get(i); v != "" {
		return v
	}
	p := &o.in.props[i]
	if p.derive != nil {
		if v := p.derive(o); v != "" {
			return v
		}
	}
	return p.empty()
}

// is says whether an object is of a type: "user".
func (o *object) is(name string) bool { return o != nil && o.in.name == name }

// gone says that an object is in directory/deletedItems or was purged.
func (o *object) gone() bool { return o.more != nil && o.more.gone }

func (o *object) extra() *extras {
	if o.more == nil {
		o.more = &extras{}
	}
	return o.more
}

// synced says that an object is mastered on-premises.
func (o *object) synced() bool { return o.get("onPremisesSyncEnabled") == "true" }

func sortByOrd(list []*object) {
	slices.SortFunc(list, func(a, b *object) int { return cmp.Compare(a.ord, b.ord) })
}
