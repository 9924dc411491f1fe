package policy

import (
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

var sayAdministrator = fail.T("This person is an administrator of your organization. Changing administrators is closed here.")

// reaches says whether the actor may change this person at all: administrators are closed unless the file opens them under
// "privileged". Whose roles are not known counts as one.
func (p *Policy) reaches(by directory.Actor, on directory.User) bool {
	return p.over.has(by, on.Ref) || on.Roles != nil && !administrator(on.Roles)
}

// Acts says whether the actor may do something to this person beside editing properties, and why not.
func (p *Policy) Acts(by directory.Actor, do change.Action, on directory.User) (bool, fail.Text) {
	applies, err := p.applies(on)
	for _, q := range p.mayAct(by, do, on, applies, err) {
		return false, q.Say
	}
	return true, fail.Text{}
}

// mayAct is May for everything but properties and the picture. The later rule wins, and what nobody opened is closed.
func (p *Policy) mayAct(by directory.Actor, do change.Action, on directory.User, applies []bool, unknown error) []fail.Problem {
	no := func(t fail.Text) []fail.Problem { return []fail.Problem{{Code: "not_allowed", Say: t}} }
	if unknown != nil {
		return no(fail.T("It could not be found out whether you may do this. Try again in a moment."))
	}
	a := p.base.actions[do]
	for i, r := range p.rules {
		if x, said := r.actions[do]; said && applies[i] {
			a = x
		}
	}
	switch {
	case p.delegated:
		return no(fail.T("This portal has no right of its own to change other people. Ask your administrator to give it one."))
	case !a.has(by, on.Ref):
		return no(fail.T("Your organization does not let you do this here."))
	case by.Self(on.Ref) && do == change.Account:
		return no(fail.T("You cannot delete your own account. Ask another administrator."))
	case !p.reaches(by, on):
		return no(sayAdministrator)
	}
	return nil
}

// MayJoin is change.Policy's word on a group that people are to be put into or taken out of.
func (p *Policy) MayJoin(by directory.Actor, g directory.Group) []fail.Problem {
	no := func(t fail.Text) []fail.Problem {
		return []fail.Problem{{Field: string(directory.MemberOf(g.Ref.ID)), Code: "not_allowed", Say: t}}
	}
	switch g.Fixed() {
	case "dynamic":
		return no(fail.T("Nobody picks the members of %s by hand: its rule does.", g.Name))
	case "synced":
		return no(fail.T("%s comes from your organization's own directory on-premises. Its members have to be changed there.", g.Name))
	case "mail":
		return no(fail.T("%s is kept by Exchange. Its members have to be changed there.", g.Name))
	}
	if g.Assignable && !p.over.has(by, g.Ref) {
		return no(fail.T("%s can hold directory roles: whoever is in it may become an administrator. It is closed here.", g.Name))
	}
	return nil
}
