package bulk

import (
	"context"
	"errors"
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// Undo makes a plan that takes back what another one has done, as far as it came: each step that arrived becomes the change that the
// engine's Inverse makes of its entry. It is a plan like any other, looked at, applied by its digest and taken back again in the same
// way. What somebody has changed since is refused in its row, and stays.
func (b *Bulk) Undo(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	old, err := b.writable(ctx, by, tenant, id)
	if err != nil {
		return Plan{}, err
	}
	if s := old.Run.State; s != Done && s != Canceled {
		f := fail.New(fail.Conflict, "bulk.undo", fail.T("There is nothing to take back yet: the plan was not applied, or is not at its end. Cancel it first; what it has done can be undone then."))
		f.Code = "state"
		return Plan{}, f
	}
	m := b.making(by, tenant, Plan{File: old.File, Sum: old.Sum, Undoes: old.ID, Picked: old.Picked})
	rows, err := b.arrived(ctx, by, old)
	if err != nil {
		return Plan{}, err
	}
	if m.crowd, err = b.read(ctx, tenant, undone(rows)); err != nil {
		return Plan{}, err
	}
	return m.write(ctx, func() error {
		for _, r := range rows {
			if err := m.undo(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// backward is a row of a plan with the changes that take it back, the last step first.
type backward struct {
	Row
	changes []change.Change
	why     []sheet.Problem // why some of it cannot be taken back
	notes   []sheet.Problem
}

// arrived are the rows of which something may have arrived.
func (b *Bulk) arrived(ctx context.Context, by directory.Actor, p Plan) ([]backward, error) {
	var out []backward
	for q := (Query{State: Ready, N: page}); ; {
		rows, err := b.Store.Rows(ctx, p.Tenant, p.ID, q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			q.After = r.Number
			if r.Fate == nil {
				continue
			}
			x := backward{Row: Row{Line: r.Line, Sheet: r.Sheet, On: r.On, UPN: r.UPN, Name: r.Name, Privileged: r.Privileged}}
			for _, s := range slices.Backward(r.Fate.Steps) {
				if s.Entry == "" {
					continue
				}
				c, err := b.Desk.Engine.Inverse(ctx, p.Tenant, s.Entry, by)
				var f *fail.Error
				at := sheet.Problem{Line: r.Line, Sheet: r.Sheet}
				switch {
				case err == nil:
					x.On = c.On // of who was created, their own id
					x.changes = append(x.changes, c)
				case !errors.As(err, &f) || f.Kind != fail.Invalid && f.Kind != fail.Conflict:
					return nil, err
				case f.Code == change.CodeNothing:
				case f.Code == change.CodeUndone:
					at.Code, at.Say = f.Code, f.Say
					x.notes = append(x.notes, at)
				default:
					at.Code, at.Say = f.Code, f.Say
					x.why = append(x.why, at)
				}
			}
			if len(x.changes)+len(x.why)+len(x.notes) > 0 {
				out = append(out, x)
			}
		}
		if len(rows) < page {
			return out, nil
		}
	}
}

// undone is who and what these rows are about.
func undone(rows []backward) wanted {
	w := newWanted()
	names := map[property.Name]bool{}
	for _, r := range rows {
		w.ids[r.On.ID] = true
		for _, c := range r.changes {
			for _, n := range append(c.Set.Names(), c.Expect.Names()...) {
				if id, ok := directory.GroupOf(n); ok {
					w.groups[id] = true
				} else if id, ok := directory.SKUOf(n); ok {
					w.skus[id] = true
				} else if n == directory.FacetAccount {
					w.gone = true
				} else if !names[n] {
					names[n] = true
					w.names = append(w.names, n)
				}
			}
		}
	}
	return w
}

// undo makes one row of the plan.
func (m *making) undo(ctx context.Context, r backward) error {
	out := r.Row
	out.Problems, out.Notes = r.why, r.notes
	j := &judging{making: m, row: &out, rec: sheet.Record{Line: r.Line, Sheet: r.Sheet}}
	u := m.crowd.people[r.On.ID]
	if account := func(c change.Change) bool { return c.Do == change.Account }; u == nil && slices.ContainsFunc(r.changes, account) {
		u = m.crowd.deleted(r.On.ID, "")
	}
	if u == nil {
		j.problem(sheet.UPN, "nobody", fail.T("This is not in the directory, or not any more."))
		return m.take(ctx, out)
	}
	j.about(u)
	for _, c := range r.changes {
		if c.Do == change.Photo {
			now, err := m.Desk.Directory.Photo(ctx, directory.Authority{}, u.Ref, 0)
			if err != nil && !fail.Is(err, fail.NotFound) {
				return err
			}
			if err := j.portray(ctx, c, &now); err != nil {
				return err
			}
			continue
		}
		for n := range c.Set {
			if id, ok := directory.GroupOf(n); ok {
				j.see[n] = property.Null()
				if m.crowd.members[id][u.Ref.ID] {
					j.see[n] = property.Bool(true)
				}
			}
		}
		if err := j.weigh(ctx, c); err != nil {
			return err
		}
	}
	return m.take(ctx, out)
}
