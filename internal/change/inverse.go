package change

import (
	"context"
	"fmt"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
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
	c := Change{On: ent.Change.On, Do: ent.Change.Do, By: by, Undoes: entry, Set: property.Values{}, Expect: property.Values{}}
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
		return Change{}, fail.New(fail.Invalid, "change.inverse", fail.T("There is nothing to undo: this change did not alter the profile."))
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
			f.Item, f.Code = prior.ID, "undone"
			return "", f
		}
	}
}
