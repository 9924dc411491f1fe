package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Codes of an error of Inverse that whoever takes many entries back tells apart.
const (
	CodeNothing = "nothing" // nothing of the entry arrived
	CodeUndone  = "undone"  // it was taken back already
)

// Inverse is the change that takes an entry back: what the entry found, expecting what the entry wrote. It covers only the parts
// that arrived. Conflict, Code "undone", when it was taken back already; Invalid when nothing of it arrived. Undoing an undo is
// the same again, of the undo's own entry.
func (e *Engine) Inverse(ctx context.Context, tenant, entry string, by directory.Actor) (Change, error) {
	ent, err := e.cfg.Journal.Get(ctx, tenant, entry)
	if err != nil {
		return Change{}, err
	}
	if ent.Ended.IsZero() {
		return Change{}, busyError(ent.Change.On)
	}
	switch {
	case ent.Change.Do.Own():
		f := fail.New(fail.Invalid, "change.inverse", fail.T("This cannot be taken back: it tells what was done with what Nameplate keeps, and changed nothing in the directory."))
		f.Item, f.Code = entry, "not_undoable"
		return Change{}, f
	case !ent.Forgotten.IsZero():
		f := fail.New(fail.Invalid, "change.inverse", fail.T("This cannot be taken back: what was there before was forgotten, because the person left or asked for it."))
		f.Item, f.Code = entry, "forgotten"
		return Change{}, f
	case !undoable(ent.Change.Do):
		f := fail.New(fail.Invalid, "change.inverse", fail.T("This cannot be taken back: the old password is not known, and ended sign-ins stay ended."))
		f.Item, f.Code = entry, "not_undoable"
		return Change{}, f
	}
	if ent.Change.Do == Create {
		return e.uncreate(ctx, ent, by)
	}
	c := Change{On: ent.Change.On, Do: ent.Change.Do, By: by, Undoes: entry, Names: ent.Change.Names, Set: property.Values{}, Expect: property.Values{}}
	for _, p := range ent.Outcome.Parts {
		if p.State != Applied && p.State != Unverified {
			continue
		}
		for _, n := range p.Names {
			c.Set[n] = ent.Outcome.Before[n]
			c.Expect[n] = ent.Change.Set[n]
		}
	}
	if len(c.Set) == 0 {
		return Change{}, nothingToUndo(entry)
	}
	if c.Do == Photo {
		if sum := c.Set[PhotoName].Str(); sum != "" {
			if c.Photo, err = e.cfg.Journal.Blob(ctx, tenant, sum); err != nil {
				return Change{}, err
			}
		}
		c.Set = nil
	}
	c.Why = "Undo of " + entry
	c.Key, err = e.undoKey(ctx, tenant, entry)
	return c, err
}

func nothingToUndo(entry string) error {
	f := fail.New(fail.Invalid, "change.inverse", fail.T("There is nothing to undo: this change did not alter the profile."))
	f.Item, f.Code = entry, CodeNothing
	return f
}

// uncreate deletes who was created, when they are still as they were created.
func (e *Engine) uncreate(ctx context.Context, ent Entry, by directory.Actor) (c Change, err error) {
	if ent.Outcome.Created == "" {
		return Change{}, nothingToUndo(ent.ID)
	}
	c = Change{
		On: ent.Landed().Change.On, Do: Account, By: by, Undoes: ent.ID, Names: ent.Change.Names, Why: "Undo of " + ent.ID,
		Set: property.Values{directory.FacetAccount: property.Text(directory.Deleted)}, Expect: ent.Change.Set.Clone(),
	}
	c.Key, err = e.undoKey(ctx, c.On.Tenant, ent.ID)
	return c, err
}

// astray is what is not as expected of a person who is to be deleted or restored, beside whether they are there.
func astray(c Change, u directory.User) (out []Conflict) {
	for _, n := range c.Expect.Names() {
		saw, now := c.Expect[n], u.Values[n]
		if directory.Facet(n) || alike(saw, now) || n == upnName && strings.EqualFold(saw.Str(), now.Str()) {
			continue
		}
		out = append(out, Conflict{Name: n, Saw: saw, Now: now, Wanted: property.Null()})
	}
	return out
}

// undoKey is free for a first undo and for another try after one that changed nothing.
func (e *Engine) undoKey(ctx context.Context, tenant, entry string) (string, error) {
	for n := 1; ; n++ {
		key := "undo/" + entry
		if n > 1 {
			key = fmt.Sprintf("undo/%s/%d", entry, n)
		}
		prior, err := e.cfg.Journal.ByKey(ctx, tenant, key)
		switch {
		case fail.Is(err, fail.NotFound):
			return key, nil
		case err != nil:
			return "", err
		case prior.Ended.IsZero():
			return "", busyError(prior.Change.On)
		}
		switch prior.Outcome.State {
		case Applied, Unchanged, Partly, Unverified:
			f := fail.New(fail.Conflict, "change.inverse", fail.T("This change was already undone. To bring it back, undo the undo."))
			f.Item, f.Code = prior.ID, CodeUndone
			return "", f
		}
	}
}

// may asks the policy, and gives the set that is to be written. Nothing follows from an undo: it puts back what was there. For
// that a field need not be open to whoever undoes, nor the old value be one of those that are offered: it is enough that they
// may still make the change that is taken back. Other rules about what a value looks like hold.
func (e *Engine) may(ctx context.Context, c Change, u directory.User) (property.Values, []fail.Problem) {
	set, probs := e.cfg.Policy.May(ctx, c.By, c.Do, u, c.Set.Clone())
	if c.Do == Member && len(probs) == 0 {
		probs = e.mayJoin(ctx, c)
	}
	if set == nil || c.Undoes != "" {
		set = c.Set
	}
	denied := func(p fail.Problem) bool { return p.Code == codeDenied }
	if c.Undoes == "" || c.Do != Update || !slices.ContainsFunc(probs, denied) || !e.putsBack(ctx, c, u) {
		return set, probs
	}
	return set, slices.DeleteFunc(probs, denied)
}

// putsBack says whether an undo sets nothing but what its entry found where it wrote, and whether the policy still allows the
// change that the entry made, to whoever undoes. When in doubt it does not.
func (e *Engine) putsBack(ctx context.Context, c Change, u directory.User) bool {
	ent, err := e.cfg.Journal.Get(ctx, c.On.Tenant, c.Undoes)
	if err != nil || ent.Change.On != c.On || ent.Change.Do != Update || ent.Ended.IsZero() {
		return false
	}
	for n, v := range c.Set {
		def, known := e.cfg.Properties.Def(n)
		was, found := ent.Outcome.Before[n]
		if !known || !found || !ent.arrived(n) || !v.Equal(def.Clean(was)) {
			return false
		}
	}
	_, probs := e.cfg.Policy.May(ctx, c.By, Update, u, ent.Change.Set.Clone())
	return len(probs) == 0
}

// arrived says whether the entry wrote the property.
func (t Entry) arrived(n property.Name) bool {
	return slices.ContainsFunc(t.Outcome.Parts, func(p Part) bool {
		return (p.State == Applied || p.State == Unverified) && slices.Contains(p.Names, n)
	})
}
