package change

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Properties is the catalog as the engine reads it; *property.Set is one.
type Properties interface {
	Def(property.Name) (property.Def, bool)
}

// Config is what an engine is made of. Wait, Crash and Limits have defaults, everything else is needed.
type Config struct {
	Tenant string // the only one whose changes are made and settled; "": every one's
	Reader directory.Reader
	Groups interface { // what Member asks about a group; nil: nobody is put into any
		Group(ctx context.Context, on directory.Ref) (directory.Group, error)
	}
	Writer     directory.Writer
	Many       directory.Many // what Together asks; nil: it goes one by one
	Journal    Journal
	Secrets    Secrets // for Create; nil: nobody is created
	Policy     Policy
	Properties Properties
	Now        func() time.Time
	NewID      func() string
	Wait       func(ctx context.Context, d time.Duration) error // nil waits by the system's timer
	Crash      func(point string)                               // is told each Point as it is passed; a test may end the world there
	Limits     Limits
	// Stopped is the stop of writing that is in force for a tenant, nil for none; it is asked again before each request that writes.
	// When it cannot be told, nothing is written. A nil func: nobody can stop this engine.
	Stopped func(ctx context.Context, tenant string) (*Stop, error)
	// Tell is told what each change came to, also those that Settle ended; nil tells nobody.
	Tell func(State)

	// Alone: nobody else writes into this journal, so what is open there and not under way here was left by a process that is gone.
	Alone bool

	// DelegatedOnly: the application has no right of its own. Only what Graph lets a person write on themselves can be changed,
	// with that person's token.
	DelegatedOnly bool
}

// The points of a change at which Config.Crash is told.
const (
	BeforeBegin = "before-begin"
	AfterBegin  = "after-begin"
	BeforeSend  = "before-send"
	AfterSend   = "after-send"
	BeforeEnd   = "before-end"
	AfterEnd    = "after-end"
)

// Limits are the engine's patience; zero fields take the defaults.
type Limits struct {
	Busy  time.Duration // a save waits so long for another save of the same person: 5 s
	Poll  time.Duration // between two looks while it waits: 50 ms
	Save  time.Duration // one change, from its first request to its last: 60 s
	Gap   time.Duration // between two reads that must agree: 500 ms
	Sends int           // so often one part is sent at most: 3
	Stale time.Duration // so long the directory may still show what was there before an accepted write: 2 min
	Grace time.Duration // Settle leaves entries alone that are younger, another process may be at work on them: 2 min
	Mend  time.Duration // Settle sends what was cut off by a crash only when it is younger: 15 min
}

func (l Limits) defaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.Busy, 5*time.Second)
	set(&l.Poll, 50*time.Millisecond)
	set(&l.Save, time.Minute)
	set(&l.Gap, 500*time.Millisecond)
	set(&l.Stale, 2*time.Minute)
	set(&l.Grace, 2*time.Minute)
	set(&l.Mend, 15*time.Minute)
	if l.Sends == 0 {
		l.Sends = 3
	}
	return l
}

// Engine is the one write path. It is safe for concurrent use, and several engines may share one journal.
type Engine struct {
	cfg      Config
	limits   Limits
	active   *active
	settling sync.Mutex
}

// active are the entries that an engine is at work on.
type active struct {
	sync.Mutex
	ids map[string]bool
}

// New makes an engine.
func New(c Config) *Engine {
	if c.Wait == nil {
		c.Wait = wait
	}
	if c.Tell == nil {
		c.Tell = func(State) {}
	}
	if c.Crash == nil {
		c.Crash = func(string) {}
	}
	return &Engine{cfg: c, limits: c.Limits.defaults(), active: &active{ids: map[string]bool{}}}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Check says what Apply would do. It writes nothing, neither to the directory nor to the journal. Problems and conflicts are in
// the Preview; the error is that of reading the person.
func (e *Engine) Check(ctx context.Context, c Change) (Preview, error) {
	w, probs := e.wish(c)
	if len(probs) > 0 {
		return Preview{Problems: e.allProblems(ctx, w, probs)}, nil
	}
	past, err := e.cfg.Journal.On(ctx, c.On, 0, recent)
	if err != nil {
		return Preview{}, err
	}
	p, err := e.plan(ctx, w, past)
	return p.Preview, err
}

// recent is how many entries on a person are looked at for writes that the directory does not show yet.
const recent = 8

// Apply makes the change and says what became of it; everything that happened to the change is in the Outcome. There is an error
// and no Outcome when nothing was begun: another save of this person is under way (Conflict, Code "busy"), the key was used for
// another change (Invalid, Code "key_reused"), or the journal cannot be written. An error beside an Outcome means that the journal
// could not record it; Settle will.
func (e *Engine) Apply(ctx context.Context, c Change) (Outcome, error) {
	o, err := e.apply(ctx, c)
	if err == nil {
		e.cfg.Tell(o.State)
	}
	return o, err
}

func (e *Engine) apply(ctx context.Context, c Change) (Outcome, error) {
	w, probs := e.wish(c)
	if len(probs) > 0 {
		return e.refuse(e.allProblems(ctx, w, probs)), nil
	}
	start := e.cfg.Now()
	for {
		out, err := e.prior(ctx, w)
		if out != nil && err == nil {
			return *out, nil
		}
		if err == nil {
			var o Outcome
			if o, err = e.attempt(ctx, w); err == nil || o.Entry != "" {
				return o, err
			}
		}
		if !busy(err) || e.cfg.Now().Sub(start) >= e.limits.Busy {
			return Outcome{}, err
		}
		if err := e.cfg.Wait(ctx, e.limits.Poll); err != nil {
			return Outcome{}, fail.Wrap(fail.Unavailable, "change.apply", err)
		}
	}
}

// allProblems adds what the policy says of the other values, so that a person is told everything at once. It is a kindness: when
// the person cannot be read, what is known already has to do.
func (e *Engine) allProblems(ctx context.Context, w wish, probs []fail.Problem) []fail.Problem {
	rest := w.Set.Clone()
	for _, p := range probs {
		delete(rest, property.Name(p.Field))
	}
	if w.Do == Create {
		c := w.Change
		c.Set = rest
		_, more := e.may(ctx, c, nobody(c, e.cfg.Policy.Needs()))
		return append(probs, slices.DeleteFunc(more, func(m fail.Problem) bool {
			return slices.ContainsFunc(probs, func(p fail.Problem) bool { return p.Field == m.Field })
		})...)
	}
	if w.Do != Update || len(rest) == 0 || w.On.ID == "" {
		return probs
	}
	u, err := e.cfg.Reader.User(ctx, e.readAs(w.Change), w.On, e.ask(w.Change))
	if err != nil {
		return probs
	}
	c := w.Change
	c.Set = rest
	_, more := e.may(ctx, c, u)
	return append(probs, more...)
}

// prior is the outcome of the change that already has this key; nil when there is none.
func (e *Engine) prior(ctx context.Context, w wish) (*Outcome, error) {
	if w.Key == "" {
		return nil, nil
	}
	ent, err := e.cfg.Journal.ByKey(ctx, w.On.Tenant, w.Key)
	switch {
	case fail.Is(err, fail.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return sameKey(ent, w)
}

func sameKey(ent Entry, w wish) (*Outcome, error) {
	if ent.Change.Asked != w.Asked {
		f := fail.New(fail.Invalid, "change.apply", fail.T("This form was already sent with other values. Open the page again and make the change there."))
		f.Item, f.Code = w.Key, "key_reused"
		return nil, f
	}
	if ent.Ended.IsZero() {
		return nil, busyError(w.On)
	}
	o := ent.Outcome
	o.Entry = ent.ID
	return &o, nil
}

func busyError(on directory.Ref) error {
	f := fail.New(fail.Conflict, "change.apply", fail.T("Another change to this profile is being saved at this moment. Wait a few seconds and save again; nothing of yours was saved yet."))
	f.Item, f.Code = on.String(), "busy"
	return f
}

func busy(err error) bool {
	var f *fail.Error
	return errors.As(err, &f) && f.Kind == fail.Conflict && f.Code == "busy"
}

// attempt is one run through the write path. An Outcome without Entry and with a nil error ended before anything was begun.
func (e *Engine) attempt(ctx context.Context, w wish) (Outcome, error) {
	past, err := e.cfg.Journal.On(ctx, w.On, 0, recent)
	if err != nil {
		return Outcome{}, err
	}
	var newest int64
	for _, p := range past {
		newest = max(newest, p.Seq)
		if p.Ended.IsZero() || w.Do == Create && p.Outcome.State == Unverified { // the second might take the first's person for its own
			return Outcome{}, busyError(w.On) // before the read, which would be stale when it is our turn
		}
	}
	p, err := e.plan(ctx, w, past)
	if err != nil {
		f := problemOf(err)
		state, sure := definite(f)
		if !sure {
			state = Failed // it was only a read
		}
		return Outcome{State: state, Problem: f, At: e.cfg.Now()}, nil
	}
	if len(p.Problems) > 0 {
		o := e.refuse(p.Problems)
		if p.pass {
			o.State, o.Problem.Kind = Failed, fail.Unavailable
		}
		return o, nil
	}
	if len(p.Conflicts) > 0 {
		return e.conflicted(p.Conflicts, p.before()), nil
	}

	// From here on the person's browser may go away: what was begun is brought to an end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.limits.Save)
	defer cancel()
	ent := Entry{ID: w.ID, Change: p.change(w), Begun: e.cfg.Now(), Outcome: Outcome{State: Open, Parts: p.Parts, Before: p.before()}}
	if ent.ID == "" {
		ent.ID = e.cfg.NewID()
	}
	ent.Change.ID, ent.Outcome.Entry = ent.ID, ent.ID
	e.hold(ent.ID)
	defer e.release(ent.ID)
	if err := p.keep(ctx); err != nil {
		return Outcome{}, err
	}
	e.cfg.Crash(BeforeBegin)
	prior, known, err := e.cfg.Journal.Begin(ctx, ent)
	if err != nil {
		return Outcome{}, err
	}
	if known {
		o, err := sameKey(prior, w)
		if err != nil {
			return Outcome{}, err
		}
		return *o, nil
	}
	e.cfg.Crash(AfterBegin)
	r := newRun(e, ent)
	r.now, r.seen, r.at, r.secret = p.have, p.seen, p.at, w.Secret
	if len(p.Parts) == 0 {
		r.ent.Outcome.State, r.ent.Outcome.After = Unchanged, property.Values{}
		return r.end(ctx)
	}
	if moved, err := r.overtaken(ctx, newest); err != nil || len(moved) > 0 {
		state, why := Conflicted, (*fail.Error)(nil)
		if err != nil { // nothing was sent, so nothing has to be found out later
			state, why = Failed, problemOf(err)
		}
		for i := range r.ent.Outcome.Parts {
			r.ent.Outcome.Parts[i].State, r.ent.Outcome.Parts[i].Problem = state, why
		}
		r.ent.Outcome.Conflicts = moved
		return r.end(ctx)
	}
	if w.Do == Create {
		if err := e.cfg.Secrets.Put(ctx, w.On.Tenant, ent.ID, w.Secret); err != nil {
			r.ent.Outcome.Parts[0].State, r.ent.Outcome.Parts[0].Problem = Failed, problemOf(err)
			return r.end(ctx)
		}
	}
	for i := range r.ent.Outcome.Parts {
		if err := r.part(ctx, i, false); err != nil {
			return r.ent.Outcome, err // the journal is gone: the entry stays open and Settle finishes it
		}
	}
	return r.end(ctx)
}

// change is what the journal keeps of the wish: the completed set, and a picture only by its sum.
func (p plan) change(w wish) Change {
	c := w.Change
	c.Set, c.Photo, c.Secret = p.set, nil, ""
	return c
}

func (e *Engine) hold(id string) {
	e.active.Lock()
	defer e.active.Unlock()
	e.active.ids[id] = true
}

func (e *Engine) release(id string) {
	e.active.Lock()
	defer e.active.Unlock()
	delete(e.active.ids, id)
}

func (e *Engine) held(id string) bool {
	e.active.Lock()
	defer e.active.Unlock()
	return e.active.ids[id]
}

func (e *Engine) refuse(probs []fail.Problem) Outcome {
	kind := fail.Denied
	for _, p := range probs {
		if p.Code != codeDenied {
			kind = fail.Invalid
		}
	}
	f := fail.New(kind, "change.check", fail.T("Nothing was changed. Look at the marked fields, correct them and save again."))
	if kind == fail.Denied {
		f.Say = fail.T("Nothing was changed, because this is not yours to change here.")
	}
	if len(probs) == 1 && probs[0].Field == "" {
		f.Say = probs[0].Say
	}
	if probs[0].Code == CodeHeld {
		f.Kind, f.Code = fail.Denied, CodeHeld
	}
	f.Fields = probs
	return Outcome{State: Refused, Problem: f, At: e.cfg.Now()}
}

func (e *Engine) conflicted(cs []Conflict, before property.Values) Outcome {
	return Outcome{State: Conflicted, Conflicts: cs, Before: before, Problem: conflictProblem(), At: e.cfg.Now()}
}

func conflictProblem() *fail.Error {
	return fail.New(fail.Conflict, "change.apply", fail.T("Somebody else changed this profile in the meantime. Nothing of theirs was overwritten. Look at both values and decide."))
}

// problemOf makes any error a *fail.Error.
func problemOf(err error) *fail.Error {
	var f *fail.Error
	if errors.As(err, &f) {
		return f
	}
	return fail.Wrap(fail.Internal, "change", err)
}

// digest binds a key to what was asked.
func digest(c Change) string {
	b, err := json.Marshal(struct {
		On     directory.Ref
		Do     Action
		Set    property.Values
		Expect property.Values
		By     directory.Ref
	}{c.On, c.Do, c.Set, c.Expect, c.By.Ref})
	if err != nil {
		return ""
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Seen is what was read of somebody together with many others: every name of the change and of Policy.Needs, accountEnabled, the roles,
// and the groups that a Member names, by id. Of somebody who is to be created, User is whoever
// has the sign-in name, zero when nobody has.
type Seen struct {
	directory.User
	Groups  map[string]directory.Group
	Domains []string         // verified ones, for Create
	Photo   *directory.Photo // of Photo: what is there, without Data nothing; nil: nobody has looked, so whatever is wanted differs
}

// Weigh is Check of a change on somebody who was read already. It makes no request, and a stop of all writing is not its question.
func (e *Engine) Weigh(ctx context.Context, c Change, seen Seen) (Preview, error) {
	cfg := e.cfg
	cfg.Reader, cfg.Groups, cfg.Stopped = held{seen: seen}, groupsHeld(seen.Groups), nil
	return (&Engine{cfg: cfg, limits: e.limits}).Check(ctx, c)
}

// held is a directory of one person, who was read before.
type held struct {
	directory.Reader // what is not answered below is never asked
	seen             Seen
}

func (h held) User(context.Context, directory.Authority, directory.Ref, directory.Ask) (directory.User, error) {
	u := h.seen.User
	u.Values = u.Values.Clone()
	return u, nil
}

func (h held) ByName(context.Context, string, string, directory.Ask) (directory.User, error) {
	if h.seen.Ref.ID == "" {
		return directory.User{}, fail.New(fail.NotFound, "change.weigh", fail.T("This is not in the directory, or not any more."))
	}
	return h.seen.User, nil
}

func (h held) Photo(context.Context, directory.Authority, directory.Ref, int) (directory.Photo, error) {
	switch p := h.seen.Photo; {
	case p == nil:
		return directory.Photo{Data: []byte("not looked at")}, nil
	case len(p.Data) == 0:
		return directory.Photo{}, fail.New(fail.NotFound, "change.weigh", fail.Text{})
	default:
		return *p, nil
	}
}

func (h held) Organization(context.Context, string) (directory.Organization, error) {
	return directory.Organization{Domains: h.seen.Domains}, nil
}

type groupsHeld map[string]directory.Group

func (h groupsHeld) Group(_ context.Context, on directory.Ref) (directory.Group, error) {
	if g, ok := h[on.ID]; ok {
		return g, nil
	}
	return directory.Group{}, fail.New(fail.NotFound, "change.weigh", fail.T("This is not in the directory, or not any more."))
}
