package policy

import (
	"slices"

	"nameplate/internal/property"
)

// Table is what the file says of who may see and change what, for people to read.
type Table struct {
	Properties []Row
	Actions    []Row
	Rules      []Exception
	Over       []string // who may act on administrators and on groups that can hold directory roles
}

// Row is who may see and change one thing, in the words of the file. Nil is nobody.
type Row struct {
	Name string
	View []string
	Edit []string
}

// Exception is what a rule says instead, for the people whom When describes ("" is everybody). A row's View or Edit that is nil is as
// before.
type Exception struct {
	Name       string
	When       string
	Properties []Row
	Actions    []Row
}

// Table is the policy for people to read. Properties that nobody may see are left out.
func (p *Policy) Table() Table {
	t := Table{Over: p.over.words()}
	for _, d := range append(p.Properties().All(), p.photo) {
		h := p.base.props[d.Name].over(p.base.all)
		if h.view.any() || h.edit.any() {
			t.Properties = append(t.Properties, Row{string(d.Name), h.view.words(), h.edit.words()})
		}
	}
	t.Actions = p.base.rows()
	for _, r := range p.rules {
		x := Exception{Name: r.name, Actions: r.rows()}
		if r.when != nil {
			x.When = r.when.String()
		}
		if r.all.view != nil || r.all.edit != nil {
			x.Properties = append(x.Properties, Row{"*", r.all.view.words(), r.all.edit.words()})
		}
		var names []property.Name
		for n := range r.props {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			if h := r.props[n]; h.view != nil || h.edit != nil {
				x.Properties = append(x.Properties, Row{string(n), h.view.words(), h.edit.words()})
			}
		}
		t.Rules = append(t.Rules, x)
	}
	return t
}

func (s settings) rows() []Row {
	var l []Row
	for a, who := range s.actions {
		l = append(l, Row{Name: string(a), Edit: who.words()})
	}
	slices.SortFunc(l, func(a, b Row) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return l
}

// words are an audience in the words of the file.
func (a *audience) words() []string {
	if a == nil {
		return nil
	}
	var l []string
	if a.self {
		l = append(l, Self)
	}
	for _, r := range a.roles {
		l = append(l, string(r))
	}
	for _, g := range a.groups {
		l = append(l, "group:"+g)
	}
	if l == nil {
		l = []string{Nobody}
	}
	return l
}
