package emulator

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/odata"
)

// appendExpanded writes what $expand asks for, at most PageSizes.Expand items of a relationship; each part ends with a comma.
// https://learn.microsoft.com/en-us/graph/query-parameters#expand
func (c *call) appendExpanded(b []byte, o *object) ([]byte, error) {
	if len(c.q.expand) == 0 {
		return b, nil
	}
	related := 0
	for _, x := range c.q.expand {
		switch {
		case strings.EqualFold(x.Name, "photo"):
			return nil, failure(http.StatusBadRequest, "ExpandNotSupported", "Expand is not allowed for property 'Photo' according to the entity schema.")
		case strings.EqualFold(x.Name, "extensions") && o.is("user"):
			b = append(b, `"extensions":[`...)
			for i, one := range o.openNames() {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(b, o.more.open[one]...)
			}
			b = append(b, "],"...)
			continue
		}
		if strings.EqualFold(x.Name, "allowedValues") && o.is("customSecurityAttributeDefinition") {
			b = append(append(append(b, `"allowedValues":`...), o.json(dValues)...), ',')
			continue
		}
		r := o.in.relation(x.Name)
		if related++; related > 1 && r != nil {
			// one at a time: https://learn.microsoft.com/en-us/graph/known-issues#query-parameters
			return nil, unsupportedQuery("Expanding more than one relationship is not supported for current query.")
		}
		if r == nil {
			return nil, failure(http.StatusBadRequest, "BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", x.Name, o.in.name)
		}
		if x.Levels != 0 && !c.advanced() {
			return nil, c.needsAdvanced("Expand")
		}
		if err := c.mayExpand(o, r); err != nil {
			return nil, err
		}
		sels, err := c.expandSelections(x, r)
		if err != nil {
			return nil, err
		}
		list := c.related(r, o)
		if r.one {
			if len(list) > 0 {
				b = append(b, `"`+r.name+`":`...)
				b = append(c.appendSingle(b, list[0], r, sels, x.Levels, 0), ',')
			}
			continue
		}
		b = append(b, `"`+r.name+`":[`...)
		for i, one := range list[:min(c.expandSize(), len(list))] {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(sels[one.in].append(append(b, '{'), one), '}')
		}
		b = append(b, "],"...)
	}
	return b, nil
}

// mayExpand: the own relationships take more than User.Read here.
func (c *call) mayExpand(o *object, r *relation) error {
	if o.is("user") {
		if r.back && !c.p.holds(readMembers...) && !c.p.asUser() || !r.back && c.mayManager(o) != nil {
			return denied()
		}
		return nil
	}
	return c.mayRead(o, r)
}

// appendSingle writes a manager and, with levels, the managers above.
func (c *call) appendSingle(b []byte, m *object, r *relation, sels map[*table]*selection, levels, depth int) []byte {
	b = sels[m.in].append(append(b, '{'), m)
	if levels < 0 || levels > depth+1 {
		if above := c.t.dir.related(r, m); len(above) > 0 && depth < 1000 {
			b = append(b, `,"`+r.name+`":`...)
			b = c.appendSingle(b, above[0], r, sels, levels, depth+1)
		}
	}
	return append(b, '}')
}

// expandSelections are what to write of each type that a relationship holds.
func (c *call) expandSelections(x odata.Expand, r *relation) (map[*table]*selection, error) {
	out := make(map[*table]*selection, len(r.types))
	known := map[string]bool{}
	for _, name := range r.types {
		t := c.t.dir.typed(name)
		if len(x.Select) == 0 {
			out[t] = t.shown.withType()
			continue
		}
		var props []int
		for _, name := range x.Select {
			i := t.prop(name)
			if i < 0 || t.props[i].hidden {
				continue
			}
			known[name] = true
			if t.props[i].single || t.maySelect != nil && !t.maySelect(c, t.props[i].name) {
				return nil, denied()
			}
			props = append(props, i)
		}
		out[t] = t.selection(props).withType()
	}
	if i := slices.IndexFunc(x.Select, func(n string) bool { return !known[n] && n != "*" }); i >= 0 {
		return nil, noProperty(x.Select[i], c.t.dir.typed(r.types[0]).name)
	}
	return out, nil
}
