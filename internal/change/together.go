package change

import (
	"context"
	"sync"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// Together lets do be called n times at once, each time with an engine that is this one. Every change keeps every rule of Apply: its
// intent is in the journal before its write, it is read back, and it ends by itself. Only the way is shared: when all of them wait for
// the directory or the journal, their reads, writes and records go there together. r reads people in the same way; it is the engine's.
// Without Config.Many they go one by one.
func (e *Engine) Together(ctx context.Context, n int, do func(i int, e *Engine, r directory.Reader)) {
	if e.cfg.Many == nil || n < 2 {
		for i := range n {
			do(i, e, e.cfg.Reader)
		}
		return
	}
	c := &convoy{many: e.cfg.Many, out: n, alone: make(chan struct{}, single)}
	c.journal, _ = e.cfg.Journal.(Together)
	cfg := e.cfg
	cfg.Reader, cfg.Writer, cfg.Wait = sharedReader{e.cfg.Reader, c}, sharedWriter{e.cfg.Writer, c}, c.away(e.cfg.Wait)
	if c.journal != nil {
		cfg.Journal = sharedJournal{e.cfg.Journal, c}
	}
	with := &Engine{cfg: cfg, limits: e.limits.many(), active: e.active}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer c.leave()
			do(i, with, cfg.Reader)
		})
	}
	wg.Wait()
}

// single is how many requests that cannot go together go at the same time.
const single = 4

// many are the limits where nobody waits for the answer: who is at work on many does something else while one of them is busy, and what
// travels together takes as long as the slowest.
func (l Limits) many() Limits {
	l.Busy, l.Save = 0, max(l.Save, 2*time.Minute)
	return l
}

// convoy holds back what its members ask until none of them can go on without an answer, and asks it together then.
type convoy struct {
	many    directory.Many
	journal Together
	alone   chan struct{} // a place for each request that goes by itself

	mu      sync.Mutex
	out     int // members that neither wait for an answer nor for time to pass
	under   bool
	waiting []*errand
}

// errand is one thing that a member asks: one of the pointers is set.
type errand struct {
	ctx   context.Context
	read  *directory.Read
	write *directory.Write
	begin *Entry
	note  *Noted
	end   *Ended

	found directory.User
	begun Begun
	err   error
	done  chan struct{}
}

func (c *convoy) ask(x *errand) *errand {
	x.done = make(chan struct{})
	c.mu.Lock()
	c.waiting = append(c.waiting, x)
	c.mu.Unlock()
	c.leave()
	<-x.done
	return x
}

// leave says that a member does not go on by itself; who is the last one brings everybody's errands.
func (c *convoy) leave() {
	c.mu.Lock()
	c.out--
	if c.out > 0 || c.under || len(c.waiting) == 0 {
		c.mu.Unlock()
		return
	}
	l := c.waiting
	c.waiting, c.under = nil, true
	c.mu.Unlock()
	go func() {
		c.bring(l)
		c.mu.Lock()
		c.out, c.under = c.out+len(l), false
		c.mu.Unlock()
		for _, x := range l {
			close(x.done)
		}
	}()
}

// away waits for time to pass; nobody waits for who does.
func (c *convoy) away(wait func(context.Context, time.Duration) error) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		c.leave()
		err := wait(ctx, d)
		c.mu.Lock()
		c.out++
		c.mu.Unlock()
		return err
	}
}

// bring does errands: records in one transaction of each sort, reads and writes in as few requests as the directory takes. All errands
// of a sort have the context of one: they come from the same work and began together.
func (c *convoy) bring(l []*errand) {
	var reads, writes, begins, notes, ends []*errand
	for _, x := range l {
		switch {
		case x.read != nil:
			reads = append(reads, x)
		case x.write != nil:
			writes = append(writes, x)
		case x.begin != nil:
			begins = append(begins, x)
		case x.note != nil:
			notes = append(notes, x)
		default:
			ends = append(ends, x)
		}
	}
	var wg sync.WaitGroup
	bring := func(l []*errand, do func(ctx context.Context)) {
		if len(l) > 0 {
			wg.Go(func() { do(l[0].ctx) })
		}
	}
	bring(begins, func(ctx context.Context) {
		for i, b := range c.journal.BeginAll(ctx, told(begins, func(x *errand) Entry { return *x.begin })) {
			begins[i].begun = b
		}
	})
	bring(notes, func(ctx context.Context) {
		for i, err := range c.journal.NoteAll(ctx, told(notes, func(x *errand) Noted { return *x.note })) {
			notes[i].err = err
		}
	})
	bring(ends, func(ctx context.Context) {
		for i, err := range c.journal.EndAll(ctx, told(ends, func(x *errand) Ended { return *x.end })) {
			ends[i].err = err
		}
	})
	bring(reads, func(ctx context.Context) {
		for i, f := range c.many.Users(ctx, told(reads, func(x *errand) directory.Read { return *x.read })) {
			reads[i].found, reads[i].err = f.User, f.Err
		}
	})
	bring(writes, func(ctx context.Context) {
		for i, err := range c.many.Writes(ctx, told(writes, func(x *errand) directory.Write { return *x.write })) {
			writes[i].err = err
		}
	})
	wg.Wait()
}

func told[T any](l []*errand, what func(*errand) T) []T {
	out := make([]T, len(l))
	for i, x := range l {
		out[i] = what(x)
	}
	return out
}

type sharedReader struct {
	directory.Reader
	c *convoy
}

func (r sharedReader) User(ctx context.Context, as directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	if as.Delegated() {
		return r.Reader.User(ctx, as, on, ask)
	}
	x := r.c.ask(&errand{ctx: ctx, read: &directory.Read{On: on, Ask: ask}})
	return x.found, x.err
}

// ByName looks for somebody of whom only the name is known, by itself.
func (r sharedReader) ByName(ctx context.Context, tenant, upn string, ask directory.Ask) (directory.User, error) {
	defer r.c.by()()
	return r.Reader.ByName(ctx, tenant, upn, ask)
}

func (r sharedReader) Photo(ctx context.Context, as directory.Authority, on directory.Ref, size int) (directory.Photo, error) {
	defer r.c.by()()
	return r.Reader.Photo(ctx, as, on, size)
}

func (r sharedReader) Organization(ctx context.Context, tenant string) (directory.Organization, error) {
	defer r.c.by()()
	return r.Reader.Organization(ctx, tenant)
}

// by waits for a place and says how it is given back.
func (c *convoy) by() func() {
	c.alone <- struct{}{}
	return func() { <-c.alone }
}

type sharedWriter struct {
	directory.Writer
	c *convoy
}

func (w sharedWriter) send(ctx context.Context, on directory.Ref, set property.Values) error {
	return w.c.ask(&errand{ctx: ctx, write: &directory.Write{On: on, Set: set}}).err
}

func (w sharedWriter) Update(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values) (property.Values, error) {
	if as.Delegated() {
		return w.Writer.Update(ctx, as, on, set)
	}
	return nil, w.send(ctx, on, set)
}

// CreatePerson goes by itself: the answer to it is an id.
func (w sharedWriter) CreatePerson(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values, password string) (string, error) {
	defer w.c.by()()
	return w.Writer.CreatePerson(ctx, as, on, set, password)
}

func (w sharedWriter) SetManager(ctx context.Context, as directory.Authority, on directory.Ref, manager string) error {
	if as.Delegated() {
		return w.Writer.SetManager(ctx, as, on, manager)
	}
	return w.send(ctx, on, property.Values{directory.FacetManager: property.Text(manager)})
}

func (w sharedWriter) SetMember(ctx context.Context, as directory.Authority, on directory.Ref, group string, in bool) error {
	if as.Delegated() {
		return w.Writer.SetMember(ctx, as, on, group, in)
	}
	return w.send(ctx, on, property.Values{directory.MemberOf(group): property.Bool(in)})
}

func (w sharedWriter) SetLicenses(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values) error {
	if as.Delegated() {
		return w.Writer.SetLicenses(ctx, as, on, set)
	}
	return w.send(ctx, on, set)
}

func (w sharedWriter) SetAccount(ctx context.Context, as directory.Authority, on directory.Ref, state string) error {
	if as.Delegated() {
		return w.Writer.SetAccount(ctx, as, on, state)
	}
	return w.send(ctx, on, property.Values{directory.FacetAccount: property.Text(state)})
}

type sharedJournal struct {
	Journal
	c *convoy
}

func (j sharedJournal) Begin(ctx context.Context, e Entry) (Entry, bool, error) {
	b := j.c.ask(&errand{ctx: ctx, begin: &e}).begun
	return b.Prior, b.Known, b.Err
}

func (j sharedJournal) Note(ctx context.Context, id string, parts []Part, at Attempt) error {
	return j.c.ask(&errand{ctx: ctx, note: &Noted{id, parts, at}}).err
}

func (j sharedJournal) End(ctx context.Context, id string, o Outcome) error {
	return j.c.ask(&errand{ctx: ctx, end: &Ended{id, o}}).err
}
