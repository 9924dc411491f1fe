package policy

import (
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

func role(s string) directory.Role { return directory.Role(s) }

// closed says why nobody's pick and no form can ever write a property, or "".
func closed(d property.Def) string {
	switch {
	case d.Graph.ReadOnly:
		return "Microsoft 365 keeps it itself and nobody can write it."
	case d.Graph.Secret || d.Kind == property.KindObject:
		return "it is no field of a form."
	case d.Graph.Delegated:
		return "Microsoft 365 never lets an application write it."
	}
	return ""
}

// facts holds what the file says of a property against what Microsoft says: a file may close, never open.
func (b *builder) facts(h *house, d property.Def, at map[string]node) {
	g := d.Graph
	if g.Secret && h.view != nil && h.view.any() {
		b.mistake(at["view"], "Remove the line.", "Microsoft 365 never shows %s to anybody.", d.Name)
	}
	if e := h.edit; e != nil && e.any() {
		switch {
		case g.ReadOnly:
			b.mistake(at["edit"], "Write \"edit: nobody\", or remove the line.", "Microsoft 365 keeps %s itself; nobody can edit it.", d.Name)
		case g.Secret || d.Kind == property.KindObject:
			b.mistake(at["edit"], "Write \"edit: nobody\", or remove the line.", "%s is no field of a form and cannot be edited here.", d.Name)
		case g.Delegated && !g.SelfWrite:
			b.mistake(at["edit"], "Write \"edit: nobody\", or remove the line. Administrators change it in Microsoft's own pages.", "Microsoft 365 never lets an application write %s, and lets people not write it on themselves.", d.Name)
		case g.Delegated && (len(e.roles) > 0 || len(e.groups) > 0):
			b.mistake(at["edit"], "Write \"edit: self\".", "Microsoft 365 lets only the person themself write %s, not an administrator.", d.Name)
		}
	}
	if h.required != nil && !*h.required && g.NoNull {
		b.mistake(at["required"], "Remove the line.", "Microsoft 365 does not let %s be cleared.", d.Name)
	}
	if h.max != nil {
		switch {
		case !textual(d):
			b.mistake(at["max"], "Remove the line.", "%s is no text.", d.Name)
		case g.Max > 0 && *h.max > g.Max:
			b.mistake(at["max"], "Write a smaller number, or remove the line.", "Microsoft 365 takes at most %d characters for %s.", g.Max, d.Name)
		}
	}
	if h.format != nil && d.Kind != property.KindPhone && d.Item != property.KindPhone {
		b.mistake(at["format"], "Remove the line.", "%s is no phone number.", d.Name)
	}
	if (h.allowed != nil || h.follow != nil) && !textual(d) {
		n := at["allowed"]
		if h.follow != nil {
			n = at["follow"]
		}
		b.mistake(n, "Remove it.", "%s is no text that can be picked from a list.", d.Name)
	}
}

func (a *audience) any() bool { return a != nil && (a.self || len(a.roles) > 0 || len(a.groups) > 0) }

func textual(d property.Def) bool {
	return d.Kind != property.KindBool && d.Kind != property.KindInstant && d.Kind != property.KindObject
}
