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
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// RunState is how far a plan has come.
type RunState string

// The states of a plan. One that was never applied has "".
const (
	Planned  RunState = ""
	Applying RunState = "applying"
	Paused   RunState = "paused" // by somebody, or by a stop of all writing; Why says it
	Canceled RunState = "canceled"
	Done     RunState = "done"
)

// Run is what becomes of a plan.
type Run struct {
	State        RunState
	By           directory.Actor // who applied it; every change is made as theirs
	Began, Ended time.Time
	Why          fail.Text      // of a pause
	Reason       string         // why it is done, as whoever applied it said
	Fates        map[string]int // rows by their fate; "" is still to do
}

// Fate is what became of a row: the worst of its steps.
type Fate struct {
	Number int
	State  change.State
	Steps  []StepFate
}

// StepFate is what became of a step.
type StepFate struct {
	State change.State
	Entry string    // of the history; "" when nothing was begun
	Say   fail.Text // why not
	Code  string
}

const (
	workers = 4
	batch   = 20 // rows whose fate is written at once
	lease   = time.Minute
	tries   = 10 // of a step that was throttled or could not be sent
)

// Apply begins what a plan says: exactly the plan whose digest was reviewed. It returns once the plan is on its way.
func (b *Bulk) Apply(ctx context.Context, by directory.Actor, tenant, id, digest string, c Confirm) (Plan, error) {
	p, err := b.writable(ctx, by, tenant, id)
	if err != nil {
		return Plan{}, err
	}
	refuse := func(code string, say fail.Text) (Plan, error) {
		f := fail.New(fail.Conflict, "bulk.apply", say)
		f.Code = code
		return Plan{}, f
	}
	switch {
	case p.Digest != digest:
		return refuse("digest", fail.T("This is not the digest of the plan. Look at the plan again and apply what you have seen."))
	case len(p.Problems) > 0:
		return refuse("problems", fail.T("The file has mistakes that concern all of it. Mend them and plan it again."))
	case len(c.Why) > 500:
		return refuse("why", fail.T("The reason is too long. At most 500 characters are kept."))
	case p.Counts.Ready == 0:
		return refuse("nothing", fail.T("There is nothing to apply: no row would change anything."))
	}
	if err := b.brake(ctx, p, c); err != nil {
		return Plan{}, err
	}
	run := Run{State: Applying, By: by, Began: b.Now(), Reason: c.Why}
	run.By.Session = ""
	return b.turn(ctx, p, []RunState{Planned}, run)
}

// Pause, Resume and Cancel stop a plan between two rows, let it go on, or end it; what was done stays done.
func (b *Bulk) Pause(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	return b.order(ctx, by, tenant, id, Paused, Applying)
}

// Resume lets a paused plan go on.
func (b *Bulk) Resume(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	return b.order(ctx, by, tenant, id, Applying, Paused)
}

// Cancel ends a plan; the rows that were not reached stay as they are.
func (b *Bulk) Cancel(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	return b.order(ctx, by, tenant, id, Canceled, Applying, Paused)
}

func (b *Bulk) order(ctx context.Context, by directory.Actor, tenant, id string, to RunState, from ...RunState) (Plan, error) {
	p, err := b.writable(ctx, by, tenant, id)
	if err != nil {
		return Plan{}, err
	}
	run := p.Run
	run.State, run.Why = to, fail.Text{}
	switch to {
	case Paused:
		run.Why = fail.T("%s has paused it.", by.Name)
	case Canceled:
		run.Ended = b.Now()
	}
	return b.turn(ctx, p, from, run)
}

// writable is a plan for somebody who may change people.
func (b *Bulk) writable(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	if err := admin.May(by, tenant, directory.PeopleWrite, true); err != nil {
		return Plan{}, err
	}
	return b.Store.Plan(ctx, tenant, id)
}

func (b *Bulk) turn(ctx context.Context, p Plan, from []RunState, run Run) (Plan, error) {
	if err := b.Store.Turn(ctx, p.Tenant, p.ID, from, run); err != nil {
		return Plan{}, err
	}
	if run.State == Applying {
		b.Wake()
	}
	return b.Store.Plan(ctx, p.Tenant, p.ID)
}

// Work applies what is to be applied, plan by plan, until nothing is left or ctx ends. One is at work in a process at a time.
func (b *Bulk) Work(ctx context.Context) error {
	if !b.working.TryLock() {
		return nil
	}
	defer b.working.Unlock()
	for ctx.Err() == nil {
		p, ok, err := b.Store.Claim(ctx, b.holder, b.Now(), b.Now().Add(lease))
		if err != nil || !ok {
			return err
		}
		if err := b.run(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// run applies one plan to its end, to a pause, or until ctx ends: then somebody else goes on where it stopped.
func (b *Bulk) run(ctx context.Context, p Plan) error {
	g := &gate{b: b}
	for {
		state, err := b.Store.Keep(ctx, p.Tenant, p.ID, b.holder, b.Now().Add(lease))
		if err != nil || state != Applying {
			return err
		}
		rows, err := b.Store.Rows(ctx, p.Tenant, p.ID, Query{State: Ready, Undone: true, N: batch})
		if err != nil {
			return err
		}
		run := p.Run
		if len(rows) == 0 {
			run.State, run.Ended = Done, b.Now()
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
		fates, halt := b.batch(ctx, g, p, rows)
		// What was done is written down even while the process ends.
		keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err = b.Store.Fates(keep, p.Tenant, p.ID, fates)
		cancel()
		if err != nil || ctx.Err() != nil {
			return err
		}
		if !halt.Zero() {
			run.State, run.Why = Paused, halt
			return b.Store.Turn(ctx, p.Tenant, p.ID, []RunState{Applying}, run)
		}
	}
}

// batch applies some rows, several at a time; halt is why it goes no further.
func (b *Bulk) batch(ctx context.Context, g *gate, p Plan, rows []Numbered) (fates []Fate, halt fail.Text) {
	var mu sync.Mutex
	var work sync.WaitGroup
	next := make(chan Numbered)
	for range workers {
		work.Go(func() {
			for r := range next {
				f, stop := b.row(ctx, g, p, r)
				mu.Lock()
				if !stop.Zero() {
					halt = stop
				} else if f != nil {
					fates = append(fates, *f)
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range rows {
		mu.Lock()
		stop := !halt.Zero()
		mu.Unlock()
		if stop || ctx.Err() != nil {
			break
		}
		next <- r
	}
	close(next)
	work.Wait()
	slices.SortFunc(fates, func(a, b Fate) int { return a.Number - b.Number })
	return fates, halt
}

// row applies the steps of one row. No fate: it was not brought to an end, and comes again with the same keys.
func (b *Bulk) row(ctx context.Context, g *gate, p Plan, r Numbered) (*Fate, fail.Text) {
	f := &Fate{Number: r.Number}
	for k := range r.Steps {
		s, halt := b.step(ctx, g, p, r, k)
		if !halt.Zero() || ctx.Err() != nil {
			return nil, halt
		}
		f.Steps = append(f.Steps, s)
	}
	f.State = worst(f.Steps)
	return f, fail.Text{}
}

// worst is the state of a row: that of its steps where they agree, "partly" where some arrived and some did not.
func worst(steps []StepFate) change.State {
	order := []change.State{change.Unchanged, change.Applied, change.Unverified, change.Partly, change.Conflicted, change.Refused, change.Failed}
	state, arrived := change.Unchanged, false
	for _, s := range steps {
		if slices.Index(order, s.State) > slices.Index(order, state) {
			state = s.State
		}
		arrived = arrived || s.State == change.Applied || s.State == change.Partly
	}
	if arrived && slices.Index(order, state) > slices.Index(order, change.Partly) {
		return change.Partly
	}
	return state
}

// step makes one change. Its key names plan, row, step and try, so that it is made once however often the row is begun.
func (b *Bulk) step(ctx context.Context, g *gate, p Plan, r Numbered, k int) (StepFate, fail.Text) {
	s := r.Steps[k]
	c := change.Change{
		On: r.On, Do: s.Do, Set: s.Set, Expect: s.Before, By: p.Run.By, Why: p.why(r.Row), Undoes: s.Undoes,
		Names: map[string]string{"on": r.Name},
	}
	for id, name := range s.Names {
		c.Names[id] = name
	}
	if c.Undoes != "" {
		c.Why = "Undo of " + c.Why
	}
	for try := 0; ; {
		if err := g.pass(ctx); err != nil {
			return StepFate{}, fail.Text{}
		}
		c.Key = fmt.Sprintf("plan/%s/%d/%d/%d", p.ID, r.Number, k, try)
		o, err := b.Desk.Apply(ctx, c)
		var e *fail.Error
		switch {
		case errors.As(err, &e) && e.Kind == fail.Denied:
			return StepFate{State: change.Refused, Say: e.Say, Code: e.Code}, fail.Text{}
		case errors.As(err, &e) && e.Code == "busy": // somebody else's change of this person; ours may also have been cut off, and is being settled
			g.close(b.Now().Add(time.Second))
			continue
		case err != nil:
			return StepFate{}, fail.T("The database does not take it: %s", err.Error())
		}
		e = o.Cause()
		if e != nil && e.Code == change.CodeHeld {
			return StepFate{}, e.Say
		}
		if o.State == change.Failed && e != nil && (e.Kind == fail.Throttled || e.Kind == fail.Unavailable) && try < tries && ctx.Err() == nil {
			try++
			g.close(b.Now().Add(max(e.Retry, time.Second)))
			continue
		}
		f := StepFate{State: o.State, Entry: o.Entry}
		if e != nil && o.State != change.Applied && o.State != change.Unchanged {
			f.Say, f.Code = e.Say, e.Code
		}
		if o.State == change.Conflicted && f.Say.Zero() {
			f.Say, f.Code = fail.T("Somebody else changed this in the meantime. Nothing of theirs was overwritten. Plan it again and look."), "changed"
		}
		return f, fail.Text{}
	}
}

// why is what the history says of a row: where it comes from, and what for.
func (p Plan) why(r Row) string {
	why := p.File
	if p.Picked == nil {
		why = fmt.Sprintf("%s, line %d", p.File, r.Line)
	}
	if p.Run.Reason != "" {
		why += ": " + p.Run.Reason
	}
	return why
}

// gate holds all workers back while the directory wants no requests.
type gate struct {
	b     *Bulk
	mu    sync.Mutex
	until time.Time
}

func (g *gate) close(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

func (g *gate) pass(ctx context.Context) error {
	for {
		g.mu.Lock()
		left := g.until.Sub(g.b.Now())
		g.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		if err := g.b.Wait(ctx, left); err != nil {
			return err
		}
	}
}
