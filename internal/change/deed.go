package change

import (
	"context"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// deeds says which facets an action sets. Everything else about them (comparing, journal, reading back, undo) is what the engine
// does with properties.
var deeds = map[Action]func(property.Name) bool{
	Manager: func(n property.Name) bool { return n == directory.FacetManager },
	Member: func(n property.Name) bool {
		id, ok := directory.GroupOf(n)
		return ok && isID(id)
	},
	License: func(n property.Name) bool {
		id, ok := directory.SKUOf(n)
		return ok && isID(id)
	},
	Account:  func(n property.Name) bool { return n == directory.FacetAccount },
	Password: func(n property.Name) bool { return n == directory.FacetPassword },
	Sessions: func(n property.Name) bool { return n == directory.FacetSessions },
}

// isID is a rough check that nothing but a directory id becomes part of an address; the adapter checks the whole form.
func isID(s string) bool {
	return len(s) == 36 && strings.Trim(s, "0123456789abcdef-") == ""
}

// deed checks the facets of a change and brings their values into one form.
func (w *wish) deed(say func(field, code string, t fail.Text)) {
	allowed := deeds[w.Do]
	set := property.Values{}
	for _, n := range w.Set.Names() {
		v := w.Set[n]
		switch {
		case !allowed(n):
			say(string(n), "unknown", fail.T("%q cannot be changed in this way.", string(n)))
			continue
		case n == directory.FacetManager && !v.IsNull():
			id := strings.ToLower(v.Str())
			if !isID(id) {
				say(string(n), "not_a_person", fail.T("Choose a person of your organization."))
			}
			if id == w.On.ID {
				say(string(n), "self", fail.T("Nobody can be their own manager."))
			}
			v = property.Text(id)
		case n == directory.FacetAccount && v.Str() != directory.Active && v.Str() != directory.Deleted:
			say(string(n), "unknown", fail.T("A person can be deleted or restored, nothing else."))
		case directory.Stamp(n):
			v = property.Bool(true)
		default:
			if _, member := directory.GroupOf(n); member && !v.True() {
				v = property.Null()
			}
			if _, sku := directory.SKUOf(n); sku && !v.IsNull() {
				disabled, _ := directory.Plans(v)
				v = directory.Assigned(disabled...)
			}
		}
		set[n] = v
	}
	if len(set) == 0 {
		say("", "nothing", fail.T("There is nothing to change."))
	}
	if w.Do == Password && w.Secret == "" && w.Undoes == "" {
		say(string(directory.FacetPassword), "required", fail.T("A new password is needed."))
	}
	w.Set = set
}

// mayJoin asks the policy about each group of a change.
func (e *Engine) mayJoin(ctx context.Context, c Change) (probs []fail.Problem) {
	for _, n := range c.Set.Names() {
		id, _ := directory.GroupOf(n)
		if e.cfg.Groups == nil {
			return []fail.Problem{{Code: codeDenied, Say: fail.T("Memberships cannot be changed here.")}}
		}
		g, err := e.cfg.Groups.Group(ctx, directory.Ref{Tenant: c.On.Tenant, ID: id})
		if err != nil {
			probs = append(probs, fail.Problem{Field: string(n), Code: codeDenied, Say: problemOf(err).Say})
			continue
		}
		probs = append(probs, e.cfg.Policy.MayJoin(c.By, g)...)
	}
	return probs
}

// splitDeed cuts a change of facets into requests: licenses are one request that is taken as a whole, everything else is one each.
func (e *Engine) splitDeed(p *plan) {
	var licenses []property.Name
	for _, n := range p.Diff.Names() {
		_, sku := directory.SKUOf(n)
		switch {
		case e.cfg.DelegatedOnly:
			p.deny(n, fail.T("Only the person themself can change this, because the application has no right to."))
		case (n == directory.FacetManager || n == directory.FacetPassword) && p.Before.Sync == directory.Synced:
			p.deny(n, fail.T("This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it."))
		case sku:
			licenses = append(licenses, n)
		default:
			p.Parts = append(p.Parts, Part{Names: []property.Name{n}})
		}
	}
	if len(licenses) > 0 {
		p.Parts = append([]Part{{Names: licenses}}, p.Parts...)
	}
	for i := range p.Parts {
		p.Parts[i].State = Open
	}
}

// writeDeed sends one part of a change of facets.
func (r *run) writeDeed(ctx context.Context, p Part) error {
	w, on := r.e.cfg.Writer, r.ent.Change.On
	n := p.Names[0]
	v := r.wanted(n)
	switch r.ent.Change.Do {
	case Manager:
		return w.SetManager(ctx, p.As, on, v.Str())
	case Member:
		group, _ := directory.GroupOf(n)
		return w.SetMember(ctx, p.As, on, group, v.True())
	case License:
		set := property.Values{}
		for _, n := range p.Names {
			set[n] = r.wanted(n)
		}
		return w.SetLicenses(ctx, p.As, on, set)
	case Account:
		return w.SetAccount(ctx, p.As, on, v.Str())
	case Sessions:
		return w.RevokeSessions(ctx, p.As, on)
	case Password:
		return w.ResetPassword(ctx, p.As, on, r.secret)
	}
	return fail.New(fail.Internal, "change.write", fail.T("There is no such kind of change."))
}

// passwordLost is for a password that a crash took before it was sent: it is kept nowhere.
func passwordLost(do Action) *fail.Error {
	f := notSent()
	if do == Create {
		f.Say = fail.T("Nobody was added, because the work was cut off before the password was kept. Add them again.")
		return f
	}
	f.Say = fail.T("The new password was not set, because the save was cut off. Set another one.")
	return f
}

// arrivedAt compares a value of a name with what is wanted; before is what was there. A stamp has arrived when it moved.
func arrivedAt(n property.Name, now, before property.Value) (yes, stamp bool) {
	if !directory.Stamp(n) {
		return false, false
	}
	return now.Time().After(before.Time()), true
}

// stamped says whether the stamps of an accepted write show a second that is not before this change began: the directory tells whole
// seconds, so a stamp that was moved twice within one looks as if it had not moved.
func (r *run) stamped(names []property.Name, now property.Values) bool {
	for _, n := range names {
		if !directory.Stamp(n) || now[n].Time().Before(r.ent.Begun.Truncate(time.Second)) {
			return false
		}
	}
	return true
}

// undoable says whether an action can be taken back. A password is not known any more, and ended sign-ins stay ended.
func undoable(a Action) bool { return a != Password && a != Sessions && !a.Own() }

// Undoable says whether an entry is of a sort that Inverse takes back: it ended, something of it arrived, its action can be, and what
// was there before was not forgotten.
func (t Entry) Undoable() bool {
	return !t.Ended.IsZero() && t.Forgotten.IsZero() && (t.Outcome.State == Applied || t.Outcome.State == Partly) && undoable(t.Change.Do) &&
		(t.Change.Do != Create || t.Outcome.Created != "")
}
