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
	// until nothing is sent: the directory wants no requests, or all rows wait.
	until time.Time
	halt  fail.Text
	tries map[string]tried // of the steps that have to be tried again, by their place in the plan
	// unsure are rows of which it is not known yet what became of them, by their numbers, and since when: Settle finds out.
	unsure map[int]time.Time
	idle   map[int]time.Time // rows that are left alone until then, by their numbers; others go on
	canary int               // so many rows are still to go first
	missed int               // so many of the first did not arrive
	asked  time.Time         // when it was last asked whether who applied it still may
	waits  bool              // the directory has asked somebody of this round to wait
	stalls int               // rounds one after the other that ended no row because of that
}

const (
	patience = 20 * time.Minute // so long a row may be unsure: longer than Settle takes to give up
	look     = 2 * time.Second  // between two looks at a row that waits
	asks     = 30 * time.Second // between two questions whether who applied a plan still may
)

// run applies one plan to its end, to a pause, or until ctx ends: then somebody else goes on where it stopped.
func (b *Bulk) run(ctx context.Context, p Plan) error {
	w := &work{Bulk: b, plan: p, tries: map[string]tried{}, unsure: map[int]time.Time{}, idle: map[int]time.Time{}}
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
		rows, left, err := w.next(ctx)
		if err != nil {
			return err
		}
		if !left {
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
		stop := w.hold(ctx)
		fates := w.rows(lane, rows)
		stop()
		// What was done is written down even while the process ends.
		keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err = errors.Join(b.Store.Fates(keep, p.Tenant, p.ID, fates), back(keep))
		cancel()
		if err != nil || ctx.Err() != nil {
			return err
		}
		w.ended(fates)
		w.stalled(len(fates))
		if !w.halt.Zero() {
			run.State, run.Why = Paused, w.halt
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
	}
}

// hold keeps the plan this process's while its rows are under way, which may take longer than a lease.
func (w *work) hold(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for w.Wait(ctx, lease/3) == nil {
			_, _ = w.Store.Keep(ctx, w.plan.Tenant, w.plan.ID, w.holder, w.Now().Add(lease)) // whoever lost it hears so after the rows
		}
	}()
	return func() { cancel(); <-done }
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

// ended forgets rows that have come to an end, and looks at those that went first: when one did not arrive, the rest waits for somebody.
func (w *work) ended(fates []Fate) {
	for _, f := range fates {
		delete(w.unsure, f.Number)
		delete(w.idle, f.Number)
	}
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

// next are the rows that come now, and whether there are any left. When all that are left wait, it is found out what became of those that
// are unsure.
func (w *work) next(ctx context.Context) (rows []Numbered, left bool, err error) {
	rows, err = w.Store.Rows(ctx, w.plan.Tenant, w.plan.ID, Query{State: Ready, Undone: true, N: together + len(w.idle)})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	if w.canary > 0 {
		rows = rows[:min(len(rows), w.canary)]
	}
	now, first := w.Now(), time.Time{}
	rows = slices.DeleteFunc(rows, func(r Numbered) bool {
		until := w.idle[r.Number]
		if until.After(now) && (first.IsZero() || until.Before(first)) {
			first = until
		}
		return until.After(now)
	})
	if len(rows) > 0 {
		return rows[:min(len(rows), together)], true, nil
	}
	if len(w.unsure) > 0 && w.Settle != nil {
		if _, err := w.Settle(ctx); err != nil {
			return nil, true, err
		}
	}
	w.later(first.Sub(now))
	return nil, true, nil
}

// wait leaves a row alone for a while. Whether it is unsure and was so for too long already, it says.
func (w *work) wait(r Numbered, d time.Duration, unsure bool) (enough bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle[r.Number] = w.Now().Add(d)
	if !unsure {
		return false
	}
	if w.unsure[r.Number].IsZero() {
		w.unsure[r.Number] = w.Now()
	}
	return w.Now().Sub(w.unsure[r.Number]) >= patience
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

// tried is how often a try of a step was begun in the journal, and how often one failed for another reason than that the directory asked to
// wait.
type tried struct{ begun, failed int }

// again counts the tries of a step. The key of one that began nothing is used again: whoever goes on after this process finds what was
// begun by the keys one after the other, without a gap.
func (w *work) again(place string, throttled, begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tries[place]
	if !throttled {
		t.failed++
	}
	if begun {
		t.begun++
	}
	w.tries[place], w.waits = t, w.waits || throttled
}

func (w *work) tried(place string) tried {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries[place]
}

// stalled stops a plan that the directory lets do nothing: some row may be asked to wait often while others go on.
func (w *work) stalled(ended int) {
	switch {
	case ended > 0:
		w.stalls = 0
	case w.waits:
		if w.stalls++; w.stalls >= throttles {
			w.stop(fail.T("Microsoft 365 has asked to wait again and again. Nothing is lost; let it go on later."))
		}
	}
	w.waits = false
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
		if c.Secret, err = w.secret(ctx, r); fail.Is(err, fail.NotFound) {
			return StepFate{State: change.Refused, Say: SayNotGiven, Code: "not_given"}, true
		} else if err != nil {
			w.stop(fail.T("No password can be made: %s", err.Error()))
			return f, false
		}
	}
	place := fmt.Sprintf("%d/%d", r.Number, k)
	began := w.Now()
	for ctx.Err() == nil {
		c.Key = fmt.Sprintf("plan/%s/%s/%d", w.plan.ID, place, w.tried(place).begun)
		o, err := d.Apply(ctx, c)
		var e *fail.Error
		switch {
		case errors.As(err, &e) && e.Kind == fail.Denied:
			return StepFate{State: change.Refused, Say: e.Say, Code: e.Code}, true
		case errors.As(err, &e) && e.Code == "busy": // somebody else's change of this person; ours may also have been cut off, and is being settled
			w.wait(r, look, true)
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
		passed := w.tried(place)
		throttled := e != nil && e.Kind == fail.Throttled
		if o.State == change.Failed && (throttled || e != nil && e.Kind == fail.Unavailable && passed.failed < tries) {
			w.again(place, throttled, o.Entry != "")
			if o.At.Before(began) { // of an earlier run
				continue
			}
			if throttled { // all of it is asked to wait
				w.later(max(e.Retry, time.Second))
			} else {
				w.wait(r, max(e.Retry, min(look<<passed.failed, time.Minute)), false)
			}
			return f, false
		}
		if o.State == change.Unverified && !w.wait(r, look, true) {
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
