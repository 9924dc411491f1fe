package policy

import (
	"fmt"
	"slices"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// table is rows of values that belong together.
type table struct {
	at   node
	rows []map[property.Name]property.Value
	used bool
}

func (b *builder) allowed(n node, d property.Def) *[]Option {
	list := b.items(n, "allowed")
	if list != nil && len(list) == 0 {
		b.mistake(n, "Write the values, or remove it. To close the property write \"edit: nobody\".", "The list is empty.")
	}
	if len(list) > maxRows {
		b.mistake(n, fmt.Sprintf("Keep at most %d.", maxRows), "The list has %d values.", len(list))
		return nil
	}
	out := make([]Option, 0, len(list))
	seen := map[string]bool{}
	for _, item := range list {
		o := Option{}
		at := item
		ok := true
		if item.Content != nil {
			for _, e := range b.entries(item, "A value", optionKeys) {
				switch e.key {
				case "value":
					o.Value, ok = b.text(e.value)
					at = e.value
				case "label":
					o.Label, _ = b.sentence(e.value)
				}
			}
			if o.Value == "" && ok {
				b.mistake(item, "Write \"value:\".", "The value is missing.")
				ok = false
			}
		} else {
			o.Value, ok = b.text(item)
		}
		if !ok {
			continue
		}
		v, ok := b.value(at, d, o.Value)
		if !ok {
			continue
		}
		if o.Value = one(v); seen[o.Value] {
			b.mistake(at, "Remove one.", "%q is here twice.", o.Value)
			continue
		}
		seen[o.Value] = true
		if o.Label.Zero() {
			o.Label = fail.T(o.Value)
		}
		out = append(out, o)
	}
	return &out
}

// one is the single text of a value: of a text, or of a list that holds one.
func one(v property.Value) string {
	if l := v.Items(); len(l) > 0 {
		return l[0]
	}
	return v.Str()
}

// value reads a value that the file gives to a property, and holds it against the facts.
func (b *builder) value(n node, d property.Def, s string) (property.Value, bool) {
	v, p := d.Parse(s)
	if p == nil {
		for _, q := range d.Check(v) {
			p = &q
			break
		}
	}
	if p != nil {
		b.mistake(n, "", "Microsoft 365 does not take %q for %s. %s", s, d.Name, p)
		return v, false
	}
	return v, true
}

func (b *builder) table(e entry) *table {
	t := &table{at: e.at}
	rows := b.items(e.value, "A table")
	if len(rows) > maxRows {
		b.mistake(e.value, fmt.Sprintf("Keep at most %d.", maxRows), "The table has %d rows.", len(rows))
		return t
	}
	for _, row := range rows {
		values := map[property.Name]property.Value{}
		for _, c := range b.entries(row, "A row", nil) {
			d, ok := b.set.Def(property.Name(c.key))
			if !ok || string(d.Name) != c.key {
				b.mistake(c.at, suggest(c.key, namesOf(b.set)), "There is no property %q.", c.key)
				continue
			}
			if why := closed(d); why != "" {
				b.mistake(c.at, "Remove it from the table.", "%s cannot follow a pick: %s", d.Name, why)
				continue
			}
			s, ok := b.text(c.value)
			if !ok {
				continue
			}
			if v, ok := b.value(c.value, d, s); ok {
				values[d.Name] = v
			}
		}
		t.rows = append(t.rows, values)
	}
	return t
}

func (b *builder) follow(h *house, n node, d property.Def) {
	s, ok := b.text(n)
	if !ok {
		return
	}
	t, ok := b.tables[s]
	if !ok {
		var names []string
		for k := range b.tables {
			names = append(names, k)
		}
		slices.Sort(names)
		remedy := "Write it under \"tables:\"."
		if w := nearest(s, names); w != "" {
			remedy = fmt.Sprintf("Did you mean %q?", w)
		}
		b.mistake(n, remedy, "There is no table %q.", s)
		return
	}
	t.used = true
	seen := map[string]bool{}
	var out []Option
	for i, row := range t.rows {
		v, ok := row[d.Name]
		if !ok {
			b.mistake(n, fmt.Sprintf("Write \"%s:\" in each row.", d.Name), "Row %d of the table %q has no %s.", i+1, s, d.Name)
			continue
		}
		o := Option{Value: one(v), Label: fail.T(one(v)), Follows: property.Values{}}
		if seen[o.Value] {
			b.mistake(n, "Each row needs another value.", "%q is in the table %q twice.", o.Value, s)
		}
		seen[o.Value] = true
		for name, x := range row {
			if name != d.Name {
				o.Follows[name] = x
			}
		}
		out = append(out, o)
	}
	h.follow, h.followValues = &s, out
}
