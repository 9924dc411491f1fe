package policy

import (
	"context"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

var internationalPhone = fail.T("Write the number with + and the country code first, for example +49 30 1234567.")

// May is the gate: see change.Policy. It says the same as Form does. Values that do not change are not held against the house
// rules, so that an old value which breaks a new rule stands in nobody's way. A pick from a table that is new brings what
// follows from it, also into properties that the actor may not edit one by one: the table is the permission. Of what the actor
// may edit it fills only what set does not say.
func (p *Policy) May(_ context.Context, by directory.Actor, do change.Action, on directory.User, set property.Values) (property.Values, []fail.Problem) {
	if do == change.Create {
		return p.mayCreate(by, on, set)
	}
	applies, err := p.applies(on)
	switch do {
	case change.Photo:
		f, ok := p.field(p.photo, by, on, applies, err)
		if !ok || !f.Write {
			return nil, []fail.Problem{refused(photoName, f)}
		}
		return set, nil
	case change.Update:
	default:
		return set, p.mayAct(by, do, on, applies, err)
	}
	var problems []fail.Problem
	target := on.Ref
	full := property.Values{}
	picked := property.Values{}
	fixed := p.fixed(applies, set)
	for _, n := range set.Names() {
		d, ok := p.Properties().Def(n)
		if !ok {
			problems = append(problems, fail.Problem{Field: string(n), Code: "unknown", Say: fail.T("There is no property called %q.", string(n))})
			continue
		}
		f, ok := p.field(d, by, on, applies, err)
		if x, follows := fixed[d.Name]; follows && err == nil && !f.Write && d.Clean(set[n]).Equal(x) {
			full[d.Name] = x // sent along with its pick, as an undo does
			continue
		}
		if !ok || !f.Write {
			problems = append(problems, refused(d.Name, f))
			continue
		}
		v := d.Clean(set[n])
		full[d.Name] = v
		if now, read := on.Values[d.Name]; read && (v.Equal(d.Clean(now)) || v.Empty() && now.Empty()) {
			continue
		}
		h := p.of(d.Name, applies)
		problems = append(problems, values(d, h, f, v)...)
		if h.follow == nil {
			continue
		}
		for name, x := range follows(h, v) {
			picked[name] = x
		}
	}
	for n, v := range picked {
		if _, said := full[n]; !said {
			full[n] = v
		}
	}
	if on, ok := full[enabled]; ok && by.Self(target) && !on.True() {
		problems = append(problems, fail.Problem{Field: string(enabled), Code: "not_allowed", Say: fail.T("You cannot block your own account. Ask another administrator.")})
	}
	if leave, ok := full[leaveDate]; ok && len(problems) == 0 {
		if hire := on.Values[hireDate].Time(); !hire.IsZero() && !leave.IsNull() && leave.Time().Before(hire) {
			problems = append(problems, fail.Problem{Field: string(leaveDate), Code: "before_hire", Say: fail.T("The last day cannot be before the first one, %s.", hire.Format(time.DateOnly))})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return full, nil
}

// fixed is what the tables say of other properties, for the picks that are in set.
func (p *Policy) fixed(applies []bool, set property.Values) property.Values {
	all := property.Values{}
	if len(applies) != len(p.rules) {
		return all
	}
	for _, n := range set.Names() {
		d, ok := p.Properties().Def(n)
		if !ok {
			continue
		}
		for name, x := range follows(p.of(d.Name, applies), d.Clean(set[n])) {
			all[name] = x
		}
	}
	return all
}

// follows is what the table of a property brings with a value.
func follows(h house, v property.Value) property.Values {
	if h.follow == nil || v.Empty() {
		return nil
	}
	for _, o := range h.followValues {
		if o.Value == one(v) {
			return o.Follows
		}
	}
	return nil
}

const (
	hireDate  property.Name = "employeeHireDate"
	leaveDate property.Name = "employeeLeaveDateTime"
	enabled   property.Name = "accountEnabled"
)

func refused(n property.Name, f Field) fail.Problem {
	say := f.Reason
	if say.Zero() {
		say = fail.T("Your organization does not let this be changed here.")
	}
	return fail.Problem{Field: string(n), Code: "not_allowed", Say: say}
}

// values holds a new value against the facts and the house rules.
func values(d property.Def, h house, f Field, v property.Value) []fail.Problem {
	var l []fail.Problem
	say := func(code string, t fail.Text) { l = append(l, fail.Problem{Field: string(d.Name), Code: code, Say: t}) }
	for _, q := range d.Check(v) {
		say(q.Code, sentence(q))
	}
	if len(l) > 0 {
		return l
	}
	if v.Empty() {
		if f.Required {
			say("required", fail.T("Your organization asks for this. Write a value."))
		}
		return l
	}
	for _, s := range texts(v) {
		n := property.Length(s)
		switch {
		case f.Max > 0 && n > f.Max:
			say("too_long", fail.T("Use at most %[1]d characters. This has %[2]d.", f.Max, n))
		case f.Only && !offered(f.Options, s):
			say("not_allowed", fail.T("Choose one of the values that are offered."))
		case h.pattern != nil && n > maxMatched:
			say("too_long", fail.T("Use at most %[1]d characters. This has %[2]d.", maxMatched, n))
		case h.pattern != nil && !h.pattern.match.MatchString(s):
			say("pattern", h.pattern.message)
		case h.format != nil && !international(s):
			say("pattern", internationalPhone)
		}
	}
	return l
}

// maxMatched bounds the text that a pattern is tried on, because the time it takes grows with both.
const maxMatched = 4000

func texts(v property.Value) []string {
	if l := v.Items(); l != nil {
		return l
	}
	if s := v.Str(); s != "" {
		return []string{s}
	}
	return nil
}

func offered(l []Option, s string) bool {
	for _, o := range l {
		if o.Value == s {
			return true
		}
	}
	return false
}

// sentence gives a problem of a value the words of the product.
func sentence(q property.Problem) fail.Text {
	args := make([]any, len(q.Args))
	for i, a := range q.Args {
		if inner, ok := a.(property.Problem); ok {
			a = sentence(inner)
		}
		args[i] = a
	}
	return fail.T(q.Key, args...)
}
