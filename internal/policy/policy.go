// Package policy owns the policy file: who may see and edit which property of whom, in which form, with which words, and what
// follows from a pick. It is change.Policy, the gate that the engine asks before every write, and it makes the form that a
// person gets.
//
// It promises: what the file does not open stays closed; a file cannot open what Microsoft's facts close, trying to is a
// mistake with its line; the form and the gate say the same of every field; all mistakes of a file are told at once. It reads
// no files and writes to no directory.
package policy

import (
	"regexp"
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/odata"
)

// Policy is a policy file that was read without mistakes. It does not change and may be used by many at a time. The zero
// Policy lets nobody do anything.
type Policy struct {
	set        *property.Set
	base       settings
	rules      []rule
	photo      property.Def
	delegated  bool
	privileged bool
	over       *audience // who may act on administrators and on groups that can hold directory roles
	words      map[string]map[string]string
	needs      []property.Name // what Needs and Names are, worked out once
	names      []property.Name
}

// settings are what one part of the file says: of everything, and of single properties.
type settings struct {
	all     house
	props   map[property.Name]house
	actions map[change.Action]*audience
}

// rule is settings for some people.
type rule struct {
	name string
	when odata.Expr // nil: everybody
	settings
}

// house is what the file says of one property. A nil field says nothing, so that what was said before stays.
type house struct {
	view, edit   *audience
	section      *property.Section
	label, help  *fail.Text
	reason       *fail.Text
	ask          *contact
	required     *bool
	max          *int
	pattern      *pattern
	format       *string
	allowed      *[]Option
	only         *bool
	follow       *string
	followValues []Option // of the table that follow names
}

// pattern is a form that a text must have as a whole.
type pattern struct {
	source  string
	match   *regexp.Regexp
	message fail.Text
}

// contact is who can be asked for a change.
type contact struct {
	who  fail.Text
	to   string // e-mail address or https address, "" for none
	text fail.Text
	args []string // which of property, value, name, signin the text wants, in order
}

// over lays h over what was said before.
func (h house) over(before house) house {
	pick(&h.view, before.view)
	pick(&h.edit, before.edit)
	pick(&h.section, before.section)
	pick(&h.label, before.label)
	pick(&h.help, before.help)
	pick(&h.reason, before.reason)
	pick(&h.ask, before.ask)
	pick(&h.required, before.required)
	pick(&h.max, before.max)
	pick(&h.pattern, before.pattern)
	pick(&h.format, before.format)
	pick(&h.allowed, before.allowed)
	pick(&h.only, before.only)
	if h.follow == nil {
		h.follow, h.followValues = before.follow, before.followValues
	}
	return h
}

func pick[T any](p **T, before *T) {
	if *p == nil {
		*p = before
	}
}

// Nobody, Self and the four roles are the words of "view" and "edit" beside "group:<object id>".
const (
	Nobody = "nobody"
	Self   = "self"
)

var roles = []string{string(directory.Admin), string(directory.Editor), string(directory.Approver), string(directory.Auditor)}

// audience is who may do something.
type audience struct {
	self   bool
	roles  []directory.Role
	groups []string // object ids, lower case
}

// has says whether the actor belongs to it when the target is on. Roles and groups reach no further than the actor's own tenant.
func (a *audience) has(by directory.Actor, on directory.Ref) bool {
	if a == nil {
		return false
	}
	if a.self && by.Self(on) {
		return true
	}
	switch by.Kind {
	case directory.PersonActor, directory.KeyActor:
		if by.Ref.Tenant == "" || by.Ref.Tenant != on.Tenant {
			return false
		}
	case directory.HostActor:
	default:
		return false
	}
	for _, r := range a.roles {
		if slices.Contains(by.Roles, r) {
			return true
		}
	}
	for _, g := range a.groups {
		if slices.Contains(by.Groups, g) {
			return true
		}
	}
	return false
}

// Delegated is the same policy for an installation whose application has no right of its own: only what Microsoft lets people
// write on themselves with their own token can be edited.
func (p *Policy) Delegated(on bool) *Policy {
	q := *p
	q.delegated = on
	return &q
}

// Privileged is the same policy for an installation whose application holds a directory role that lets it write phones, other
// addresses and sign-in names of administrators.
func (p *Policy) Privileged(on bool) *Policy {
	q := *p
	q.privileged = on
	return &q
}

// Properties is the catalog together with the extensions that the file names.
func (p *Policy) Properties() *property.Set {
	if p.set == nil {
		return &property.Set{}
	}
	return p.set
}

// Words are the file's own sentences by language code and English text, for the catalog of languages.
func (p *Policy) Words() map[string]map[string]string { return p.words }

// Groups are the object ids of the groups that the file names. An Actor has to carry those of them that it is a member of.
func (p *Policy) Groups() []string {
	var l []string
	p.each(func(h house) {
		for _, a := range []*audience{h.view, h.edit} {
			if a != nil {
				l = append(l, a.groups...)
			}
		}
	})
	for _, s := range append([]settings{p.base}, settingsOf(p.rules)...) {
		for _, a := range s.actions {
			if a != nil {
				l = append(l, a.groups...)
			}
		}
	}
	if p.over != nil {
		l = append(l, p.over.groups...)
	}
	slices.Sort(l)
	return slices.Compact(l)
}

// opens says whether anybody at all may see or edit something.
func (p *Policy) opens() bool {
	open := false
	p.each(func(h house) { open = open || h.view.any() || h.edit.any() })
	return open
}

func (p *Policy) each(do func(house)) {
	for _, s := range append([]settings{p.base}, settingsOf(p.rules)...) {
		do(s.all)
		for _, h := range s.props {
			do(h)
		}
	}
}

func settingsOf(rules []rule) []settings {
	l := make([]settings, len(rules))
	for i, r := range rules {
		l[i] = r.settings
	}
	return l
}

// Needs are the properties that May and Form read of a person beside those that are to change: what the conditions of the
// rules ask, and what follows from a pick.
func (p *Policy) Needs() []property.Name { return slices.Clone(p.needs) }

func (p *Policy) needed() []property.Name {
	want := map[property.Name]bool{}
	for _, r := range p.rules {
		if r.when == nil {
			continue
		}
		for _, n := range r.when.Names() {
			if d, ok := p.Properties().Def(property.Name(n)); ok {
				want[d.Name] = true
			}
		}
	}
	p.each(func(h house) {
		for _, o := range h.followValues {
			for n := range o.Follows {
				want[n] = true
			}
		}
	})
	for _, s := range append([]settings{p.base}, settingsOf(p.rules)...) {
		if h := s.props[leaveDate]; h.edit != nil && h.edit.any() {
			want[hireDate] = true // a last day is held against the first
		}
	}
	return sorted(want)
}

// Names are the properties to read of a person so that Form can show them: everything that somebody may see, and Needs.
func (p *Policy) Names() []property.Name { return slices.Clone(p.names) }

func (p *Policy) visible() []property.Name {
	want := map[property.Name]bool{}
	for _, n := range p.needs {
		want[n] = true
	}
	visible := p.base.all.view != nil
	for _, r := range p.rules {
		visible = visible || r.all.view != nil
	}
	for _, d := range p.Properties().All() {
		if d.Graph.Secret || d.Kind == property.KindObject {
			continue
		}
		see := visible
		for _, s := range append([]settings{p.base}, settingsOf(p.rules)...) {
			h := s.props[d.Name]
			see = see || h.view != nil || h.edit != nil
		}
		if see {
			want[d.Name] = true
		}
	}
	return sorted(want)
}

func sorted(set map[property.Name]bool) []property.Name {
	l := make([]property.Name, 0, len(set))
	for n := range set {
		l = append(l, n)
	}
	slices.Sort(l)
	return l
}

// of is everything the file says of one property of one person. ok is false when a condition cannot be decided because the
// person is not known well enough; then nothing may be opened.
func (p *Policy) of(name property.Name, applies []bool) house {
	h := p.base.props[name].over(p.base.all)
	for i, r := range p.rules {
		if applies[i] {
			h = r.props[name].over(r.all.over(h))
		}
	}
	return h
}

// applies says for each rule whether its condition holds for the person.
func (p *Policy) applies(on directory.User) ([]bool, error) {
	l := make([]bool, len(p.rules))
	for i, r := range p.rules {
		if r.when == nil {
			l[i] = true
			continue
		}
		yes, err := r.when.Match(known(p.Properties(), on))
		if err != nil {
			return nil, err
		}
		l[i] = yes
	}
	return l, nil
}

// known answers a condition from what was read of a person.
func known(set *property.Set, on directory.User) odata.Getter {
	return func(path string) (any, bool) {
		d, ok := set.Def(property.Name(path))
		if !ok {
			return nil, false
		}
		if v, there := on.Values[d.Name]; there {
			return v.Any(), true
		}
		switch d.Name {
		case "userType":
			if on.Guest {
				return "Guest", true
			}
			return "Member", true
		case "accountEnabled":
			return on.Enabled, true
		case "onPremisesSyncEnabled":
			return on.Sync == directory.Synced, true
		}
		return nil, false
	}
}

var _ change.Policy = (*Policy)(nil)
