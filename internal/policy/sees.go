package policy

import (
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// Sees is what of the person the actor may see: the values of the names, without those that are hidden from them. Names that are
// not in the person's values are left out.
func (p *Policy) Sees(by directory.Actor, on directory.User, names []property.Name) property.Values {
	applies, err := p.applies(on)
	out := property.Values{}
	for _, n := range names {
		d, ok := p.Properties().Def(n)
		if !ok || d.Graph.Secret {
			continue
		}
		var h house
		if err != nil {
			h = p.of(d.Name, make([]bool, len(p.rules)))
			h.view, h.edit = restrict(h.view), restrict(h.edit)
		} else {
			h = p.of(d.Name, applies)
		}
		if v, read := on.Values[d.Name]; read && (h.view.has(by, on.Ref) || h.edit.has(by, on.Ref)) {
			out[d.Name] = v
		}
	}
	return out
}

// SeesOfAll says whether the actor may see a property of everybody in the tenant, whatever rule applies to them. Only by such a
// property may a list be filtered or sorted: where somebody appears tells what their value is.
func (p *Policy) SeesOfAll(by directory.Actor, tenant string, n property.Name) bool {
	d, ok := p.Properties().Def(n)
	if !ok || d.Graph.Secret {
		return false
	}
	everybody := directory.Ref{Tenant: tenant}
	base := p.base.props[d.Name].over(p.base.all)
	if !base.view.has(by, everybody) && !base.edit.has(by, everybody) {
		return false
	}
	for _, r := range p.rules {
		// A rule that speaks of the property can only be trusted not to hide it when it names the actor as well.
		for _, h := range []house{r.all, r.props[d.Name]} {
			if h.view != nil && !h.view.has(by, everybody) {
				return false
			}
		}
	}
	return true
}
