package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/pace"
)

// work is a plan on its way.
type work struct {
	*Bulk
	plan Plan
	mu   sync.Mutex
	// until nothing is sent: the directory wants no requests, or somebody else's change is in the way.
	until time.Time
	halt  fail.Text
	tries map[string]int // of the steps that have to be tried again, by their place in the plan
	// unsure are rows of which it is not known yet what became of them, by their numbers, and since when. They come again at the end,
	// when Settle has found out.
	unsure map[int]time.Time
	canary int       // so many rows are still to go first
	missed int       // so many of the first did not arrive
	asked  time.Time // when it was last asked whether who applied it still may
}

const (
	patience = 3 * time.Minute  // so long a row may be unsure: longer than the directory may show what was there before
	look     = 2 * time.Second  // between two looks at them
	asks     = 30 * time.Second // between two questions whether who applied a plan still may
)

// run applies one plan to its end, to a pause, or until ctx ends: then somebody else goes on where it stopped.
func (b *Bulk) run(ctx context.Context, p Plan) error {
	w := &work{Bulk: b, plan: p, tries: map[string]int{}, unsure: map[int]time.Time{}}
	if err := w.first(ctx); err != nil {
		return err
	}
	for {
		state, err := b.Store.Keep(ctx, p.Tenant, p.ID, b.holder, b.Now().Add(lease))
		if err != nil || state != Applying {
			return err
		}
		if d := w.until.Sub(b.Now()); d > 0 {
			if err := b.Wait(ctx, min(d, lease/3)); err != nil {
				return err
			}
			continue
		}
		if err := w.holds(ctx); err != nil {
			return err
		}
		run := p.Run
		if !w.halt.Zero() {
			run.State, run.Why = Paused, w.halt
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
		rows, err := w.next(ctx)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			run.State, run.Ended = Done, b.Now()
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
		lane, back, rows, err := w.afford(ctx, rows)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		fates := w.rows(lane, rows)
		// What was done is written down even while the process ends.
		keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err = errors.Join(b.Store.Fates(keep, p.Tenant, p.ID, fates), back(keep))
		cancel()
		if err != nil || ctx.Err() != nil {
			return err
		}
		w.sung(fates)
		if !w.halt.Zero() {
			run.State, run.Why = Paused, w.halt
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
	}
}

// holds stops the run when who applied it may not any more.
func (w *work) holds(ctx context.Context) error {
	if w.Holds == nil || w.Now().Sub(w.asked) < asks {
		return nil
	}
	ok, err := w.Holds(ctx, w.plan.Run.By)
	if err != nil {
		return err
	}
	if w.asked = w.Now(); !ok {
		w.stop(fail.T("%s has applied this and may not any more: the key or the account has ended. End it; what is left can be planned anew.", w.plan.Run.By.Name))
	}
	return nil
}

// first says how many rows still go first.
func (w *work) first(ctx context.Context) error {
	if w.plan.Run.Canary <= 0 {
		return nil
	}
	p, err := w.Store.Plan(ctx, w.plan.Tenant, w.plan.ID)
	if err != nil {
		return err
	}
	w.canary = w.plan.Run.Canary
	for fate, n := range p.Run.Fates {
		if fate != "" {
			w.canary -= n
		}
	}
	return nil
}

// sung looks at the rows that went first: when one did not arrive, the rest waits for somebody.
func (w *work) sung(fates []Fate) {
	if w.canary <= 0 {
		return
	}
	w.canary -= len(fates)
	for _, f := range fates {
		if f.State != change.Applied && f.State != change.Unchanged && f.State != change.Unverified {
			w.missed++
		}
	}
	if w.missed > 0 && w.canary <= 0 && w.plan.Counts.Ready > w.plan.Run.Canary {
		w.stop(fail.T("Of the first %[1]d rows %[2]d did not arrive, so the rest waits. Look at them, then let it go on or end it.", w.plan.Run.Canary, w.missed))
	}
}

// afford takes the writes that rows need and says for which of them there were enough; back gives back what they did not use.
func (w *work) afford(ctx context.Context, rows []Numbered) (lane context.Context, back func(context.Context) error, some []Numbered, err error) {
	if w.Budget == nil {
		return ctx, func(context.Context) error { return nil }, rows, nil
	}
	want := 0
	for _, r := range rows {
		want += r.writes()
	}
	n, wait, err := w.Budget.Take(ctx, want)
	if err != nil || n == 0 {
		w.later(wait)
		return nil, nil, nil, err
	}
	left := n
	for _, r := range rows {
		if left -= r.writes(); left < 0 && len(some) > 0 {
			break
		}
		some = append(some, r)
	}
	lane, sent := pace.Lane(ctx)
	return lane, func(ctx context.Context) error { return w.Budget.Back(ctx, n-sent()) }, some, nil
}

// writes are how many requests a row takes that write, as far as that can be told before.
func (r Numbered) writes() int {
	n := 0
	for _, s := range r.Steps {
		if s.Do == change.Member {
			n += len(s.Set)
		} else {
			n++
		}
	}
	return n
}

// next are the rows that come now. When only those are left that are unsure, it is found out what became of them.
func (w *work) next(ctx context.Context) ([]Numbered, error) {
	rows, err := w.Store.Rows(ctx, w.plan.Tenant, w.plan.ID, Query{State: Ready, Undone: true, N: together + len(w.unsure)})
	if err != nil {
		return nil, err
	}
	sure := slices.DeleteFunc(slices.Clone(rows), func(r Numbered) bool { return !w.unsure[r.Number].IsZero() })
	most := together
	if w.canary > 0 {
		most = w.canary
	}
	if len(sure) > 0 || len(rows) == 0 {
		return sure[:min(len(sure), most)], nil
	}
	if w.Settle != nil {
		if _, err := w.Settle(ctx); err != nil {
			return nil, err
		}
	}
	w.later(look)
	return rows[:min(len(rows), together)], nil
}

// wait says whether a row that is unsure is still waited for.
func (w *work) wait(r Numbered) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unsure[r.Number].IsZero() {
		w.unsure[r.Number] = w.Now()
	}
	return w.Now().Sub(w.unsure[r.Number]) < patience
}

// rows applies some rows at once and says what became of those that came to an end.
func (w *work) rows(ctx context.Context, rows []Numbered) []Fate {
	ended := make([]*Fate, len(rows))
	w.Desk.Together(ctx, len(rows), func(i int, d *admin.Desk) { ended[i] = w.row(ctx, d, rows[i]) })
	var fates []Fate
	for _, f := range ended {
		if f != nil {
			fates = append(fates, *f)
		}
	}
	return fates
}

// row applies the steps of one row. No fate: it was not brought to an end, and comes again with the same keys.
func (w *work) row(ctx context.Context, d *admin.Desk, r Numbered) *Fate {
	f := &Fate{Number: r.Number}
	for k := range r.Steps {
		s, ended := w.step(ctx, d, r, k)
		if !ended || ctx.Err() != nil {
			return nil
		}
		f.Steps = append(f.Steps, s)
		if r.Steps[k].Do == change.Create {
			if r.On.ID = s.Made; s.Made == "" {
				f.Steps = append(f.Steps, unmade(r.Steps[k+1:])...)
				break
			}
		}
	}
	f.State = worst(f.Steps)
	return f
}

// later keeps everything back for a while.
func (w *work) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := w.Now().Add(d); until.After(w.until) {
		w.until = until
	}
}

// stop ends the plan's run after the rows that are under way.
func (w *work) stop(why fail.Text) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halt = why
}

// again counts the tries of a step and says whether there is another one.
func (w *work) again(place string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries[place]++
	return w.tries[place] <= tries
}

func (w *work) tried(place string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries[place]
}

// step makes one change. Its key names plan, row, step and try, so that it is made once however often the row is begun. Not ended: the
// row comes again.
func (w *work) step(ctx context.Context, d *admin.Desk, r Numbered, k int) (f StepFate, ended bool) {
	s := r.Steps[k]
	c := change.Change{
		On: r.On, Do: s.Do, Set: s.Set, Expect: s.Before, By: w.plan.Run.By, Why: w.plan.why(r.Row), Undoes: s.Undoes,
		Names: map[string]string{"on": r.Name},
	}
	for id, name := range s.Names {
		c.Names[id] = name
	}
	if c.Undoes != "" {
		c.Why = "Undo of " + c.Why
	}
	if c.Do == change.Photo {
		c.Set = nil
		if !s.Set[change.PhotoName].Empty() {
			var err error
			if c.Photo, err = w.given(ctx, w.plan, r.Number, givenPhoto); fail.Is(err, fail.NotFound) {
				return StepFate{State: change.Refused, Say: SayNotGiven, Code: "not_given"}, true
			} else if err != nil {
				w.stop(fail.T("The database does not take it: %s", err.Error()))
				return f, false
			}
		}
	}
	if c.Do == change.Create {
		var err error
		if c.Secret, err = admin.NewPassword(w.Random); err != nil {
			w.stop(fail.T("No password can be made: %s", err.Error()))
			return f, false
		}
	}
	place := fmt.Sprintf("%d/%d", r.Number, k)
	began := w.Now()
	for ctx.Err() == nil {
		c.Key = fmt.Sprintf("plan/%s/%s/%d", w.plan.ID, place, w.tried(place))
		o, err := d.Apply(ctx, c)
		var e *fail.Error
		switch {
		case errors.As(err, &e) && e.Kind == fail.Denied:
			return StepFate{State: change.Refused, Say: e.Say, Code: e.Code}, true
		case errors.As(err, &e) && e.Code == "busy": // somebody else's change of this person; ours may also have been cut off, and is being settled
			w.later(time.Second)
			return f, false
		case err != nil:
			w.stop(fail.T("The database does not take it: %s", err.Error()))
			return f, false
		}
		e = o.Cause()
		if e != nil && e.Code == change.CodeHeld {
			w.stop(e.Say)
			return f, false
		}
		if o.State == change.Failed && e != nil && e.Kind == fail.Throttled && w.tried(place) >= tries {
			w.stop(fail.T("Microsoft 365 has asked to wait again and again. Nothing is lost; let it go on later."))
			return f, false
		}
		if o.State == change.Failed && e != nil && (e.Kind == fail.Throttled || e.Kind == fail.Unavailable) && w.again(place) {
			if o.At.Before(began) { // of an earlier run
				continue
			}
			w.later(max(e.Retry, time.Second))
			return f, false
		}
		if o.State == change.Unverified && w.wait(r) {
			return f, false
		}
		f = StepFate{State: o.State, Entry: o.Entry, Made: o.Created}
		if e != nil && o.State != change.Applied && o.State != change.Unchanged {
			f.Say, f.Code = e.Say, e.Code
		}
		if o.State == change.Conflicted && f.Say.Zero() {
			f.Say, f.Code = fail.T("Somebody else changed this in the meantime. Nothing of theirs was overwritten. Plan it again and look."), "changed"
		}
		return f, true
	}
	return f, false
}
