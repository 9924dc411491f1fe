package change

import (
	"context"
	"errors"
	"slices"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Codes of a part's problem while it is Unverified.
const (
	codeNotVisible  = "not_visible" // the directory accepted the write and does not show it yet
	codeNotRead     = "not_read"    // the directory accepted the write, and reading back failed
	codeUnconfirmed = "unconfirmed" // the answer was lost and reading back did not settle it
	codeNotSent     = "not_sent"    // nothing left this machine
)

// run carries one begun entry to its end.
type run struct {
	album
	ent    Entry
	as     directory.Authority // for reading
	now    property.Values     // what was read last
	seen   property.Values     // what was read first
	at     time.Time           // when all of it was read
	secret string              // a new password
	sent   bool                // of Create: a request may have left this machine
	found  string              // of Create: the object id of who may have come of it
}

func newRun(e *Engine, ent Entry) run {
	return run{album: album{e: e, tenant: ent.Change.On.Tenant, held: map[string][]byte{}}, ent: ent, as: e.readAs(ent.Change)}
}

// part sends one part, and sends it again only when two reads agree that nothing of it arrived. open says that it may have been
// sent before: then a refusal now says nothing of what became of it then. The error is the journal's.
func (r *run) part(ctx context.Context, i int, open bool) error {
	p := &r.ent.Outcome.Parts[i]
	if !open && r.e.cfg.Now().Sub(r.at) > r.e.limits.Gap && !r.refresh(ctx, p) {
		return nil
	}
	for n := 1; ; n++ {
		if ctx.Err() != nil && n == 1 {
			p.State, p.Problem = Failed, notSent()
			return nil
		}
		if f := r.e.stopped(ctx, r.ent.Change.On.Tenant); f != nil {
			p.State, p.Problem = Failed, f
			if open { // what was sent earlier may still show
				p.State, p.Problem = Unverified, unconfirmed(f, nil)
			}
			return nil
		}
		if err := r.e.cfg.Journal.Note(ctx, r.ent.ID, r.ent.Outcome.Parts, Attempt{Part: i, Sent: true}); err != nil {
			return err
		}
		r.e.cfg.Crash(BeforeSend)
		after, err := r.write(ctx, *p)
		r.e.cfg.Crash(AfterSend)
		if err == nil {
			r.accepted(ctx, p, after)
			return nil
		}
		f := problemOf(err)
		state, sure := definite(f)
		if f.Kind == fail.Throttled && f.Retry > 0 && n < r.e.limits.Sends && r.later(ctx, f.Retry) {
			// Nothing was applied. While we waited somebody may have written, so it is looked at again.
			if !r.refresh(ctx, p) {
				return nil
			}
			continue
		}
		if sure && !open {
			p.State, p.Problem = state, f
			return nil
		}
		if !sure {
			open = true
			if !r.readBack(ctx, p, f) {
				return nil
			}
		}
		if sure || n >= r.e.limits.Sends {
			p.State, p.Problem = Unverified, unconfirmed(f, nil)
			return nil
		}
	}
}

// later waits when there is time for it and for what comes after.
func (r *run) later(ctx context.Context, d time.Duration) bool {
	if d > r.e.limits.Save/2 {
		return false
	}
	return r.e.cfg.Wait(ctx, d) == nil
}

// refresh reads again what was read too long ago to be overwritten, and says whether the part may be sent.
func (r *run) refresh(ctx context.Context, p *Part) bool {
	now, err := r.look(ctx, p.Names)
	if err != nil {
		f := problemOf(err)
		if p.State, _ = definite(f); p.State == "" {
			p.State = Failed
		}
		p.Problem = f
		return false
	}
	_, _, moved := r.weigh(ctx, p.Names, now)
	moved = slices.DeleteFunc(moved, func(c Conflict) bool {
		v, ok := r.seen[c.Name]
		return ok && r.same(ctx, c.Name, c.Now, v)
	})
	if len(moved) > 0 {
		p.State, p.Problem = Conflicted, conflictProblem()
		r.ent.Outcome.Conflicts = append(r.ent.Outcome.Conflicts, moved...)
		return false
	}
	r.merge(now)
	return true
}

// merge keeps what was read for what has to be sent along. What looks as it did at first is not news: it may have been corrected
// since by what we know.
func (r *run) merge(now property.Values) {
	if r.now == nil {
		r.now = property.Values{}
	}
	for n, v := range now {
		if first, ok := r.seen[n]; !ok || !alike(first, v) {
			r.now[n] = v
		}
	}
}

// definite says what a refusal means when it is certain that nothing was applied.
func definite(f *fail.Error) (State, bool) {
	switch f.Kind {
	case fail.Throttled:
		return Failed, true
	case fail.Unavailable:
		return Failed, f.Code == codeNotSent
	case fail.Internal:
		return "", false
	}
	return Refused, true
}

func notSent() *fail.Error {
	f := fail.New(fail.Unavailable, "change.send", fail.T("The time for this save ran out before this was sent. Nothing of it was changed; save again."))
	f.Code = codeNotSent
	return f
}

// write is the only place in Nameplate that calls a directory.Writer.
func (r *run) write(ctx context.Context, p Part) (property.Values, error) {
	c := r.ent.Change
	ctx, cancel := context.WithTimeout(ctx, r.e.limits.Save/2) // the rest is for finding out what became of it
	defer cancel()
	if slices.Contains(p.Names, PhotoName) {
		want := c.Set[PhotoName]
		if want.Empty() {
			err := r.e.cfg.Writer.RemovePhoto(ctx, p.As, c.On)
			if fail.Is(err, fail.NotFound) {
				err = nil // gone already is as wanted
			}
			return nil, err
		}
		jpeg, err := r.e.cfg.Journal.Blob(ctx, c.On.Tenant, want.Str())
		if err != nil {
			f := fail.Wrap(fail.Unavailable, "change.photo", err)
			f.Code = codeNotSent
			return nil, f
		}
		return nil, r.e.cfg.Writer.SetPhoto(ctx, p.As, c.On, jpeg)
	}
	if c.Do == Create {
		return nil, r.create(ctx, p)
	}
	if deeds[c.Do] != nil {
		return nil, r.writeDeed(ctx, p)
	}
	set := property.Values{}
	for _, n := range p.Names {
		set[n] = r.wanted(n)
		for _, s := range siblings(n) {
			if v, ok := r.now[s]; ok && !slices.Contains(p.Names, s) {
				set[s] = v
			}
		}
	}
	return r.e.cfg.Writer.Update(ctx, p.As, c.On, set)
}

func (r *run) wanted(n property.Name) property.Value { return r.ent.Change.Set[n] }
func (r *run) before(n property.Name) property.Value { return r.ent.Outcome.Before[n] }

// look reads names as the directory has them now.
func (r *run) look(ctx context.Context, names []property.Name) (property.Values, error) {
	if slices.Contains(names, PhotoName) {
		v, err := r.picture(ctx, r.as, r.ent.Change.On)
		return property.Values{PhotoName: v}, err
	}
	if r.ent.Change.Do == Create {
		return r.lookForNewcomer(ctx, names)
	}
	names = r.e.reads(names)
	u, err := r.e.cfg.Reader.User(ctx, r.as, r.ent.Change.On, directory.Ask{Names: names})
	if err != nil {
		return nil, err
	}
	return valuesOf(u, names)
}

// valuesOf are the values of names, all of them.
func valuesOf(u directory.User, names []property.Name) (property.Values, error) {
	out := property.Values{}
	for _, n := range names {
		v, ok := u.Values[n]
		if !ok {
			if err := missing(u, n); err != nil {
				return nil, err
			}
			return nil, fail.New(fail.Unavailable, "change.read", fail.T("The directory did not say what is there now."))
		}
		out[n] = v
	}
	return out, nil
}

// accepted handles a write that was taken: 204 is not believed until the value is read back.
func (r *run) accepted(ctx context.Context, p *Part, after property.Values) {
	var err error
	if after == nil {
		after, err = r.look(ctx, p.Names)
	}
	if err == nil {
		r.note(p.Names, after)
		if done, _, _ := r.weigh(ctx, p.Names, after); len(done) == len(p.Names) || r.stamped(p.Names, after) {
			p.State, p.Problem = Applied, nil
			return
		}
	}
	p.State, p.Problem = Unverified, notVisible(err)
}

func notVisible(err error) *fail.Error {
	f := fail.New(fail.Unavailable, "change.readback", fail.T("The directory accepted the change and does not show it yet. That can take a few minutes; this page will say when it has arrived."))
	if f.Code = codeNotVisible; err != nil {
		f.Code, f.Err = codeNotRead, err
	}
	return f
}

// note remembers what was read of names.
func (r *run) note(names []property.Name, v property.Values) {
	if r.ent.Outcome.After == nil {
		r.ent.Outcome.After = property.Values{}
	}
	for _, n := range names {
		x, ok := v[n]
		if !ok {
			continue
		}
		if n == PhotoName && !x.Empty() && r.same(context.Background(), n, x, r.wanted(n)) {
			x = r.wanted(n) // encoded anew, the same picture
		}
		r.ent.Outcome.After[n] = x
	}
}

// weigh sorts names by what is there now: as wanted, as before, or something else.
func (r *run) weigh(ctx context.Context, names []property.Name, now property.Values) (done, still []property.Name, moved []Conflict) {
	for _, n := range names {
		v, ok := now[n]
		later, stamp := arrivedAt(n, v, r.before(n))
		switch {
		case ok && stamp && later:
			done = append(done, n)
		case ok && stamp:
			still = append(still, n)
		case ok && r.same(ctx, n, v, r.wanted(n)):
			done = append(done, n)
		case ok && r.same(ctx, n, v, r.before(n)):
			still = append(still, n)
		default:
			moved = append(moved, Conflict{Name: n, Saw: r.before(n), Now: v, Wanted: r.wanted(n)})
		}
	}
	return done, still, moved
}

// readBack is the three-way rule after an answer that does not say whether the write was applied: as wanted means applied; as
// before, twice, means send again; anything else is somebody's and stays.
func (r *run) readBack(ctx context.Context, p *Part, lost *fail.Error) (again bool) {
	now, err := r.agree(ctx, p.Names)
	if err != nil {
		f := problemOf(err)
		if f.Kind == fail.NotFound && !slices.Contains(p.Names, PhotoName) {
			p.State, p.Problem = Refused, f
			return false
		}
		p.State, p.Problem = Unverified, unconfirmed(lost, err)
		return false
	}
	r.merge(now)
	r.note(p.Names, now)
	done, still, moved := r.weigh(ctx, p.Names, now)
	switch {
	case len(done) == len(p.Names):
		p.State, p.Problem, p.Confirmed = Applied, nil, true
		return false
	case len(done) > 0 && len(still) > 0:
		// One request is taken as a whole, so this one was, and what looks as before was put back by somebody.
		for _, n := range still {
			moved = append(moved, Conflict{Name: n, Saw: r.before(n), Now: now[n], Wanted: r.wanted(n)})
		}
		fallthrough
	case len(moved) > 0:
		p.State, p.Problem = Conflicted, conflictProblem()
		r.ent.Outcome.Conflicts = append(r.ent.Outcome.Conflicts, moved...)
		return false
	}
	return true
}

func unconfirmed(lost *fail.Error, err error) *fail.Error {
	f := fail.New(fail.Unavailable, "change.readback", fail.T("The directory did not answer clearly, so it is not known yet whether this was saved. It is looked after, and this page will say how it ended."))
	f.Code, f.Err, f.Retry, f.Ref = codeUnconfirmed, errors.Join(lost, err), lost.Retry, lost.Ref
	return f
}

var errFlapping = errors.New("two reads do not agree")

// agree reads names until they are all as wanted, or until two reads in a row say the same.
func (r *run) agree(ctx context.Context, names []property.Name) (property.Values, error) {
	var last property.Values
	var failed error
	for k := range 5 {
		if k > 0 {
			if err := r.e.cfg.Wait(ctx, r.e.limits.Gap); err != nil {
				return nil, err
			}
		}
		now, err := r.look(ctx, names)
		if err != nil {
			if !passing(err) {
				return nil, err
			}
			failed, last = err, nil
			continue
		}
		if done, _, _ := r.weigh(ctx, names, now); len(done) == len(names) {
			return now, nil
		}
		if last != nil && len(now.Diff(last)) == 0 && len(last.Diff(now)) == 0 {
			return now, nil
		}
		last, failed = now, errFlapping
	}
	return nil, failed
}

// overtaken says what another process changed between our read and our Begin; newest is the newest entry there was at the read.
func (r *run) overtaken(ctx context.Context, newest int64) ([]Conflict, error) {
	past, err := r.e.cfg.Journal.On(ctx, r.ent.Change.On, 0, 2)
	if err != nil {
		return nil, err
	}
	var names []property.Name
	for _, p := range r.ent.Outcome.Parts {
		names = append(names, p.Names...)
	}
	if !slices.ContainsFunc(past, func(x Entry) bool { return x.ID != r.ent.ID && x.Seq > newest }) {
		return nil, nil
	}
	now, err := r.look(ctx, names)
	if err != nil {
		return nil, err
	}
	r.merge(now)
	_, _, moved := r.weigh(ctx, names, now)
	return moved, nil
}

// end writes the outcome. It has time of its own, for the outcome must not be lost because a request took long.
func (r *run) end(ctx context.Context) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	o := &r.ent.Outcome
	if len(o.Parts) > 0 {
		o.State, o.Problem = overall(o.Parts)
	}
	if r.ent.Change.Do == Create {
		r.born(ctx)
	}
	o.At = r.e.cfg.Now()
	if err := r.keep(ctx); err != nil {
		return *o, err
	}
	r.e.cfg.Crash(BeforeEnd)
	err := r.e.cfg.Journal.End(ctx, r.ent.ID, *o)
	if err == nil {
		r.e.cfg.Crash(AfterEnd)
	}
	return *o, err
}

// overall is the state of a change from the states of its parts, and the problem that stands for the whole when there is one.
func overall(parts []Part) (State, *fail.Error) {
	count := map[State]int{}
	first := map[State]*fail.Error{}
	for _, p := range parts {
		if count[p.State]++; first[p.State] == nil {
			first[p.State] = p.Problem
		}
	}
	if count[Unverified] > 0 {
		return Unverified, first[Unverified]
	}
	if n := count[Applied]; n == len(parts) {
		return Applied, nil
	} else if n > 0 {
		return Partly, fail.New(fail.Invalid, "change.apply", fail.T("Some of this was saved and some was not. What was not saved is marked, each with its reason."))
	}
	for _, s := range []State{Conflicted, Failed, Refused} {
		if count[s] > 0 {
			return s, first[s]
		}
	}
	return Failed, first[Open]
}
