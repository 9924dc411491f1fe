package change

import (
	"context"
	"errors"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Settle finishes what a crash, a lost answer or a slow directory left open, and says how many entries came to an end. It is
// called again and again in the background, and does nothing while another call is at it; entries younger than Limits.Grace are left to whoever is at work on them,
// unless this engine is alone. Errors of single entries are joined and do not stop the others.
func (e *Engine) Settle(ctx context.Context) (int, error) {
	if !e.settling.TryLock() {
		return 0, nil
	}
	defer e.settling.Unlock()
	before := e.cfg.Now()
	if !e.cfg.Alone {
		before = before.Add(-e.limits.Grace)
	}
	list, err := e.cfg.Journal.Unsettled(ctx, e.cfg.Tenant, before, atOnce)
	if err != nil {
		return 0, err
	}
	done, errs := make([]bool, len(list)), make([]error, len(list))
	e.Together(ctx, len(list), func(i int, e *Engine, _ directory.Reader) {
		if ctx.Err() == nil {
			done[i], errs[i] = e.settleOne(ctx, list[i])
		}
	})
	n := 0
	for _, d := range done {
		if d {
			n++
		}
	}
	return n, errors.Join(errs...)
}

// atOnce is how many entries are settled at once: more than a plan has under way and in doubt.
const atOnce = 1000

// settleOne gives one entry a limited time, so that a directory that hangs for one person does not keep the others waiting.
func (e *Engine) settleOne(ctx context.Context, ent Entry) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, e.limits.Save)
	defer cancel()
	return e.settle(ctx, ent)
}

// settle brings one entry to its end if that can be done now.
func (e *Engine) settle(ctx context.Context, ent Entry) (bool, error) {
	if e.held(ent.ID) {
		return false, nil
	}
	e.hold(ent.ID)
	defer e.release(ent.ID)
	r := newRun(e, ent)
	r.ent.Outcome.Entry = ent.ID
	open := ent.Ended.IsZero()
	if open && len(ent.Outcome.Parts) == 0 {
		r.ent.Outcome.State, r.ent.Outcome.After = Unchanged, nil
		return e.settled(r.end(ctx))
	}
	old := e.cfg.Now().Sub(ent.Begun) > e.limits.Mend
	waiting := false
	for i := range r.ent.Outcome.Parts {
		p := &r.ent.Outcome.Parts[i]
		switch {
		case p.State == Open:
			if err := r.resume(ctx, i, old); err != nil {
				return false, err
			}
			waiting = waiting || (p.State == Unverified && !old)
		case p.State == Unverified:
			r.recheck(ctx, p, old)
			waiting = waiting || p.State == Unverified
		}
	}
	if waiting && !open {
		return false, nil
	}
	done, err := e.settled(r.end(ctx))
	if fail.Is(err, fail.Conflict) {
		return false, nil // somebody else was quicker
	}
	return done && !waiting, err
}

func (e *Engine) settled(o Outcome, err error) (bool, error) {
	if err == nil {
		e.cfg.Tell(o.State)
	}
	return err == nil, err
}

// resume finishes a part that a crash left open: what was sent and what was not are told apart by reading, and what was not is
// sent if the wish is still fresh.
func (r *run) resume(ctx context.Context, i int, old bool) error {
	p := &r.ent.Outcome.Parts[i]
	sent := r.ent.Attempt.Sent && i <= r.ent.Attempt.Part
	r.sent = sent
	lost := fail.New(fail.Unavailable, "change.settle", fail.T("The save was cut off. It was found out afterwards what had arrived."))
	again := r.readBack(ctx, p, lost)
	p.Confirmed = p.Confirmed && sent
	if !again {
		if p.State == Unverified && old {
			p.State, p.Problem = Failed, given(p.Problem)
		}
		return nil
	}
	if old {
		p.State = Failed
		p.Problem = fail.New(fail.Unavailable, "change.settle", fail.T("The save was cut off before it arrived. Nothing of this was changed; save it again if it is still wanted."))
		return nil
	}
	if r.ent.Change.Do == Create {
		r.secret, _ = r.e.cfg.Secrets.Get(ctx, r.ent.Change.On.Tenant, r.ent.ID)
	}
	if (r.ent.Change.Do == Password || r.ent.Change.Do == Create) && r.secret == "" {
		p.State, p.Problem = Failed, passwordLost(r.ent.Change.Do)
		return nil
	}
	probs, err := r.allowed(ctx)
	if err != nil {
		return err
	}
	if len(probs) > 0 {
		p.State, p.Problem = Refused, r.e.refuse(probs).Problem
		return nil
	}
	past, err := r.e.cfg.Journal.On(ctx, r.ent.Change.On, r.ent.Seq, recent)
	if err != nil {
		return err
	}
	late := r.e.overlay(r.now, past)
	for _, n := range p.Names {
		for _, s := range siblings(n) {
			if late.doubt[s] {
				p.State, p.Problem = Failed, problemOf(notYet(s))
				return nil
			}
		}
	}
	return r.part(ctx, i, sent)
}

// allowed asks the policy again: since the crash the right may have been taken away. An error says that it cannot be told now.
func (r *run) allowed(ctx context.Context) ([]fail.Problem, error) {
	c := r.ent.Change
	if c.Do == Create {
		_, probs := r.e.may(ctx, c, nobody(c, r.e.cfg.Policy.Needs()))
		return probs, nil
	}
	ask := r.e.ask(c)
	u, err := r.e.cfg.Reader.User(ctx, r.as, c.On, ask)
	switch {
	case err != nil && passing(err):
		return nil, err
	case err != nil:
		return []fail.Problem{{Code: codeDenied, Say: problemOf(err).Say}}, nil
	}
	_, probs := r.e.may(ctx, c, u)
	if len(probs) > 0 {
		return probs, unread(u, probs)
	}
	return nil, nil
}

// recheck looks again at a part that was Unverified.
func (r *run) recheck(ctx context.Context, p *Part, old bool) {
	r.sent = true
	now, err := r.agree(ctx, p.Names)
	if err != nil {
		if old {
			p.State, p.Problem = Failed, given(p.Problem)
		}
		return
	}
	done, _, moved := r.weigh(ctx, p.Names, now)
	accepted := p.Problem == nil || p.Problem.Code != codeUnconfirmed
	switch {
	case len(done) == len(p.Names):
		p.State, p.Problem, p.Confirmed = Applied, nil, !accepted
	case r.e.cfg.Now().Sub(r.ent.Begun) <= r.e.limits.Stale:
		return // what is read may be old
	case len(moved) == 0 && !accepted:
		p.State = Failed
		p.Problem = fail.New(fail.Unavailable, "change.settle", fail.T("The directory did not take this change. Nothing of it was saved; save it again if it is still wanted."))
	default:
		for _, n := range p.Names {
			if v := now[n]; !r.same(ctx, n, v, r.wanted(n)) {
				r.ent.Outcome.Conflicts = append(r.ent.Outcome.Conflicts, Conflict{Name: n, Saw: r.before(n), Now: v, Wanted: r.wanted(n)})
			}
		}
		p.State = Conflicted
		p.Problem = fail.New(fail.Conflict, "change.settle", fail.T("The directory accepted this change and now shows another value, so somebody or something else changed it after. Nothing was overwritten."))
	}
	r.note(p.Names, now)
}

// given up: it was long enough.
func given(p *fail.Error) *fail.Error {
	f := fail.New(fail.Unavailable, "change.settle", fail.T("It could not be found out whether this was saved. Look at the profile and save again if it is missing."))
	if p != nil {
		f.Err, f.Ref = p.Err, p.Ref
	}
	return f
}
