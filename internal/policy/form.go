package policy

import (
	"slices"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Field is one property on the page of one person, as one actor gets it.
type Field struct {
	Def      property.Def
	Value    property.Value
	Write    bool      // the actor may edit it
	Reason   fail.Text // why not, when Write is false
	Ask      *Ask      // who can be asked for a change, when Write is false; nil when nobody is named
	Label    fail.Text
	Help     fail.Text
	Required bool
	Missing  bool     // it is required, and empty: to be shown as a reminder, it stops nothing else
	Options  []Option // a pick list; nil is none
	Only     bool     // nothing but the options may be picked
	Pattern  string   // RE2; the whole text has to fit
	Message  fail.Text
	Max      int // characters; 0 is not limited
}

// Option is one line of a pick list, with what follows from picking it: an office gives street and city.
type Option struct {
	Value   string
	Label   fail.Text
	Follows property.Values
}

// Ask is who can be asked for a change, and a ready text for them.
type Ask struct {
	Who  fail.Text
	To   string // e-mail address or https address, "" for none
	Text fail.Text
}

// Form is what by sees of the person on, in the order of the page. Fields that by must not see are not in it. The photo is
// asked for by Photo.
func (p *Policy) Form(by directory.Actor, on directory.User) []Field {
	l := make([]Field, 0, len(p.names))
	applies, err := p.applies(on)
	for d := range p.Properties().Each() {
		if d.Graph.Secret {
			continue
		}
		if f, ok := p.field(d, by, on, applies, err); ok {
			l = append(l, f)
		}
	}
	slices.SortStableFunc(l, func(a, b Field) int { return int(a.Def.House.Section) - int(b.Def.House.Section) })
	return l
}

// Photo is what by may do with the picture of the person on; ok is false when by must not see it.
func (p *Policy) Photo(by directory.Actor, on directory.User) (f Field, ok bool) {
	applies, err := p.applies(on)
	return p.field(p.photo, by, on, applies, err)
}

func (p *Policy) field(d property.Def, by directory.Actor, on directory.User, applies []bool, unknown error) (Field, bool) {
	if unknown != nil { // what the rules would say is not known: the file's first part shows, nothing may be edited
		applies = make([]bool, len(p.rules))
	}
	h := p.of(d.Name, applies)
	reason := p.locked(d, h, by, on)
	if unknown != nil {
		reason = fail.T("It could not be found out whether you may change this. Try again in a moment.")
		h.view = restrict(h.view)
	}
	if !h.view.has(by, on.Ref) && !h.edit.has(by, on.Ref) {
		return Field{}, false
	}
	f := Field{
		Def: d, Value: on.Values[d.Name], Write: reason.Zero(), Reason: reason, Max: d.Graph.Max,
		Label: fail.T(d.House.Label), Help: fail.T(d.House.Help), Required: d.Graph.NoNull,
	}
	if h.section != nil {
		f.Def.House.Section = *h.section
	}
	if h.label != nil {
		f.Label = *h.label
	}
	if h.help != nil {
		f.Help = *h.help
	}
	if h.required != nil {
		f.Required = *h.required || d.Graph.NoNull
	}
	_, read := on.Values[d.Name]
	f.Missing = f.Required && read && f.Value.Empty()
	if h.max != nil {
		f.Max = *h.max
	}
	f.Options, f.Only = h.options(d)
	if h.pattern != nil {
		f.Pattern, f.Message = h.pattern.source, h.pattern.message
	} else if h.format != nil {
		f.Message = internationalPhone
	}
	if !f.Write && h.ask != nil && !d.Graph.ReadOnly {
		f.Ask = &Ask{Who: h.ask.who, To: h.ask.to, Text: h.ask.fill(f.Label, f.Value, by.Name)}
	}
	return f, true
}

// restrict leaves the person themself, when it is not known which rules hold.
func restrict(a *audience) *audience {
	if a == nil {
		return nil
	}
	return &audience{self: a.self}
}

// options are what can be picked, and whether nothing else can be.
func (h house) options(d property.Def) ([]Option, bool) {
	only := h.only == nil || *h.only
	switch {
	case h.follow != nil:
		return h.followValues, only
	case h.allowed != nil:
		return *h.allowed, only
	case d.Kind == property.KindChoice:
		l := make([]Option, len(d.Graph.Values))
		for i, v := range d.Graph.Values {
			l[i] = Option{Value: v, Label: fail.T(v)}
		}
		return l, true
	}
	return nil, false
}

func (c *contact) fill(label fail.Text, value property.Value, name string) fail.Text {
	args := map[string]any{"property": label, "value": value.String(), "name": name}
	var l []any
	for _, a := range c.args {
		l = append(l, args[a])
	}
	return fail.T(c.text.Key, l...)
}

// locked says why by may not edit the property of on, or nothing. Facts come before the file: where Microsoft closes, the
// reason is Microsoft's.
func (p *Policy) locked(d property.Def, h house, by directory.Actor, on directory.User) fail.Text {
	g := d.Graph
	self := by.Self(on.Ref)
	switch {
	case g.ReadOnly, g.Secret:
		return fail.T("This is kept by Microsoft 365 itself and cannot be changed.")
	case d.Kind == property.KindObject && d.Name != photoName:
		return fail.T("This cannot be changed in a form.")
	case g.SyncLocked && on.Sync == directory.Synced:
		return fail.T("This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it.")
	case g.SyncLocked && on.Sync == directory.OnceSynced && d.Top() == "onPremisesExtensionAttributes":
		return fail.T("This account once came from a directory on-premises. Since then only an Exchange administrator can change this.")
	case g.Delegated && !g.SelfWrite && h.reason != nil:
		return *h.reason
	case g.Delegated && !g.SelfWrite:
		return fail.T("Microsoft 365 lets only an administrator change this, in Microsoft's own pages.")
	case g.Delegated && !self:
		return fail.T("Only the person themself can change this, signed in with their own account.")
	}
	if !h.edit.has(by, on.Ref) {
		switch {
		case h.reason != nil:
			return *h.reason
		case h.edit != nil && (len(h.edit.roles) > 0 || len(h.edit.groups) > 0):
			return fail.T("Only an administrator of your organization can change this here.")
		case h.edit != nil && h.edit.self:
			return fail.T("Only the person themself can change this.")
		}
		return fail.T("Your organization does not let this be changed here.")
	}
	if !self && !p.reaches(by, on) {
		return sayAdministrator
	}
	switch {
	case p.delegated && (!g.SelfWrite || !self):
		if len(g.Write) == 0 {
			return fail.T("Only the person themself can change this, signed in with their own account.")
		}
		return fail.T("This portal may only save what Microsoft 365 lets people change by themselves. Ask your administrator to give it the right to change more.")
	case g.Sensitive && !p.privileged && !p.delegated && administrator(on.Roles):
		return fail.T("Microsoft 365 protects this on administrators: only an administrator with a higher role can change it.")
	}
	return fail.Text{}
}

// administrator says whether directory roles (template ids) protect the sensitive properties of whoever holds them. The roles
// that only read or invite do not.
// https://learn.microsoft.com/en-us/graph/api/resources/users?view=graph-rest-1.0, "Who can perform sensitive actions".
func administrator(roles []string) bool {
	for _, r := range roles {
		switch r {
		case "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", // Directory Readers
			"95e79109-95c0-4d8e-aee3-d01accf2d47b", // Guest Inviter
			"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", // Message Center Reader
			"4a5d8f65-41da-4de4-8968-e035b65339cf", // Reports Reader
			"75934031-6c7e-415a-99d7-48dbd49e875e", // Usage Summary Reports Reader
			"a0b1b346-4d3e-4e8b-98f8-753987be4970", // User, which every member is
			"10dae51f-b6af-4016-8d66-8c2a99b929b3", // Guest User, which every guest is
			"2af84b1e-32c8-42b7-82bc-daa82404023b", // Restricted Guest User
			"b79fbf4d-3ef9-4689-8143-76b194e85509": // what the token of an ordinary member says
		default:
			return true
		}
	}
	return false
}
