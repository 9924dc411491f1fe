package bulk

import (
	"context"
	"fmt"
	"slices"
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
	Canary       int            // so many rows go first; when one of them does not arrive, the plan is paused. 0: not, or not any more
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
	Made  string    `json:",omitempty"` // the object id of who was created
	Code  string
}

const (
	together  = 100 // rows that are under way at once: their requests travel together, and their fates are written at once
	lease     = time.Minute
	tries     = 25 // of a step that did not arrive: twenty minutes
	throttles = 20 // rounds in which nothing but waiting was done; then somebody has to look
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
	run := Run{State: Applying, By: by, Began: b.Now(), Reason: c.Why, Canary: c.Canary}
	if run.Canary == 0 {
		run.Canary = canary
	}
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
	run.State, run.Why, run.Canary = to, fail.Text{}, 0 // somebody has looked
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
