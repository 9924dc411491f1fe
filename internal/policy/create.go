package policy

import (
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// given are what whoever may add people gives them, whatever the file says of changing it later: without a name nobody can be added, and
// without a usage location nobody gets a license.
var given = []property.Name{"displayName", "givenName", "surname", "userPrincipalName", "mailNickname", "accountEnabled", "usageLocation"}

// creatable says whether a property can be sent when a person is created.
func creatable(d property.Def) bool {
	g := d.Graph
	return !g.ReadOnly && !g.Secret && !g.Alone && !g.Delegated && !g.Single && d.Kind != property.KindObject
}

// Newcomer are the fields that by may fill in of somebody who is to be added, in the order of the page; none when by may add nobody.
func (p *Policy) Newcomer(by directory.Actor, tenant string) []Field {
	on := directory.User{Ref: directory.Ref{Tenant: tenant}, Values: property.Values{}, Enabled: true, Roles: []string{}}
	for _, n := range p.Properties().Names() {
		on.Values[n] = property.Null()
	}
	if yes, _ := p.Acts(by, change.Create, on); !yes {
		return nil
	}
	applies, err := p.applies(on)
	var l []Field
	for _, d := range p.Properties().All() {
		if !creatable(d) {
			continue
		}
		if f, ok := p.newField(d, by, on, applies, err); ok {
			l = append(l, f)
		}
	}
	slices.SortStableFunc(l, func(a, b Field) int { return int(a.Def.House.Section) - int(b.Def.House.Section) })
	return l
}

// newField is a field of somebody who is to be added; ok is false when by may not fill it in.
func (p *Policy) newField(d property.Def, by directory.Actor, on directory.User, applies []bool, unknown error) (f Field, ok bool) {
	f, ok = p.field(d, by, on, applies, unknown)
	h := p.of(d.Name, applies)
	if must := slices.Contains(given, d.Name); must && !(ok && f.Write) {
		f = Field{Def: d, Label: fail.T(d.House.Label), Help: fail.T(d.House.Help), Max: d.Graph.Max}
		if h.label != nil {
			f.Label = *h.label
		}
		f.Write, ok = true, true
	}
	f.Reason, f.Ask, f.Missing = fail.Text{}, nil, false
	// What people may fill in themselves they are reminded of, and nobody waits for it here.
	f.Required = d.Graph.AtCreation || h.required != nil && *h.required && !(h.edit != nil && h.edit.self)
	return f, ok && f.Write
}

// mayCreate is May for somebody who is to be added. The rules are asked about the person as they would be.
func (p *Policy) mayCreate(by directory.Actor, on directory.User, set property.Values) (property.Values, []fail.Problem) {
	on.Values = on.Values.Clone()
	for n, v := range set {
		on.Values[n] = v
	}
	applies, err := p.applies(on)
	if problems := p.mayAct(by, change.Create, on, applies, err); len(problems) > 0 {
		return nil, problems
	}
	full, picked := property.Values{}, property.Values{}
	var problems []fail.Problem
	for _, d := range p.Properties().All() {
		v, said := set[d.Name]
		f, ok := p.newField(d, by, on, applies, err)
		switch {
		case !said && ok && f.Required && creatable(d):
			problems = append(problems, fail.Problem{Field: string(d.Name), Code: "required", Say: fail.T("Your organization asks for this. Write a value.")})
			continue
		case !said:
			continue
		case !ok:
			x, _ := p.field(d, by, on, applies, err)
			problems = append(problems, refused(d.Name, x))
			continue
		}
		h := p.of(d.Name, applies)
		problems = append(problems, values(d, h, f, v)...)
		full[d.Name] = v
		for name, x := range follows(h, v) {
			picked[name] = x
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	for n, v := range picked {
		if _, said := full[n]; !said && !v.Empty() {
			full[n] = v
		}
	}
	for n, v := range set {
		if directory.Facet(n) {
			full[n] = v
		}
	}
	return full, nil
}
