package change_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// TestApply_RandomChangesFaultsRivalsAndCrashes is the engine's promise as one property: whatever is asked, whatever goes wrong
// and wherever the process dies, in the end directory, ledger and journal say the same; nothing is lost, nothing takes effect
// twice, and no value that somebody else wrote is overwritten unseen.
func TestApply_RandomChangesFaultsRivalsAndCrashes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		newStory(rt, w, w.box, anna, "employeeHireDate").run()
	})
}

// story is one random run.
type story struct {
	rt     *rapid.T
	w      *world
	place  place
	on     directory.Ref
	start  property.Values // what was there
	names  []property.Name
	rivals bool // somebody else writes too; then reads are fresh, for nobody can see a rival whom the directory does not show
	seq    int
	wishes map[string]change.Change
	keys   []string
}

// place is a directory in which a story happens.
type place interface {
	value(on directory.Ref, n property.Name) property.Value
	rival(on directory.Ref, set property.Values)
	effects() []effect // of everybody, oldest first
	sent() int         // writes of ours that arrived or were answered
	trouble(tr trouble)
}

// trouble is what goes wrong from now on; the zero value is that all is well.
type trouble struct {
	faults []fault       // of the next writes
	blind  int           // so many reads after the next write fail
	stale  time.Duration // reads show what was there so long ago
	after  func()        // runs once after the next write, before its answer arrives
}

func newStory(rt *rapid.T, w *world, p place, on directory.Ref, own property.Name) *story {
	s := &story{rt: rt, w: w, place: p, on: on, start: property.Values{}, wishes: map[string]change.Change{}, rivals: rapid.Bool().Draw(rt, "rivals")}
	s.names = []property.Name{"city", "jobTitle", "state", "mobilePhone", own, "employeeOrgData/division", "employeeOrgData/costCenter"}
	for _, n := range s.names {
		s.start[n] = p.value(on, n)
	}
	return s
}

// fresh is a value that nobody has written before, so that each effect in the ledger names its cause; sometimes it is nothing.
func (s *story) fresh(n property.Name, who string) property.Value {
	s.seq++
	switch {
	case rapid.IntRange(0, 9).Draw(s.rt, "clear") == 0:
		return property.Null()
	case n == "employeeHireDate":
		return property.Instant(time.Date(2000, 1, 1, 0, 0, s.seq, 0, time.UTC))
	case n == "mobilePhone":
		return property.Text(fmt.Sprintf("+49 30 %07d", s.seq))
	}
	return property.Text(fmt.Sprintf("%s %d", who, s.seq))
}

func (s *story) run() {
	for range rapid.IntRange(1, 8).Draw(s.rt, "steps") {
		switch rapid.IntRange(0, 9).Draw(s.rt, "step") {
		case 0:
			s.rival()
		case 1:
			s.again()
		case 2:
			s.undo()
		case 3:
			_ = s.w.clock.Wait(context.Background(), time.Duration(rapid.IntRange(0, 200).Draw(s.rt, "seconds"))*time.Second)
			s.settle()
		default:
			s.change()
		}
	}
	// The world calms down.
	s.place.trouble(trouble{})
	s.w.clock.onWait = nil
	s.w.engine = change.New(s.w.cfg)
	for range 4 {
		_ = s.w.clock.Wait(context.Background(), 4*time.Minute)
		s.settle()
	}
	s.judge()
}

func (s *story) settle() {
	if _, err := s.w.engine.Settle(context.Background()); err != nil {
		s.rt.Fatalf("settle: %v", err)
	}
}

func (s *story) rival() {
	if s.rivals {
		n := rapid.SampledFrom(s.names).Draw(s.rt, "rival's name")
		v := s.fresh(n, "rival")
		for v.Empty() { // who puts back exactly what was there looks like a write that never arrived
			v = s.fresh(n, "rival")
		}
		s.place.rival(s.on, property.Values{n: v})
	}
}

// trouble draws what goes wrong during one change.
func (s *story) trouble() {
	var tr trouble
	s.w.clock.onWait = nil
	for range rapid.IntRange(0, 4).Draw(s.rt, "faults") {
		tr.faults = append(tr.faults, fault(rapid.IntRange(int(fine), int(throttledFor)).Draw(s.rt, "fault")))
	}
	if rapid.IntRange(0, 9).Draw(s.rt, "blind") == 0 {
		tr.blind = rapid.IntRange(1, 8).Draw(s.rt, "blind for")
	}
	if s.rivals {
		if rapid.IntRange(0, 2).Draw(s.rt, "rival between") == 0 {
			tr.after = s.rival
		}
		if rapid.IntRange(0, 2).Draw(s.rt, "rival while waiting") == 0 {
			once := false
			s.w.clock.onWait = func() {
				if !once {
					once = true
					s.rival()
				}
			}
		}
	} else if rapid.IntRange(0, 3).Draw(s.rt, "stale") == 0 {
		tr.stale = time.Duration(rapid.IntRange(1, 110).Draw(s.rt, "stale for")) * time.Second
	}
	s.place.trouble(tr)
}

// engine is one that may die at some point.
func (s *story) engine() *change.Engine {
	if rapid.IntRange(0, 2).Draw(s.rt, "dies") > 0 {
		return s.w.engine
	}
	points := []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd}
	return s.w.crashAt(rapid.SampledFrom(points).Draw(s.rt, "at"), rapid.IntRange(1, 3).Draw(s.rt, "nth"))
}

func (s *story) apply(c change.Change) {
	s.trouble()
	e := s.engine()
	crashed := survive(func() {
		o, err := e.Apply(context.Background(), c)
		if err != nil && !fail.Is(err, fail.Conflict) {
			s.rt.Fatalf("apply: %v", err)
		}
		if err == nil && o.State == change.Open {
			s.rt.Fatalf("an outcome that is open: %+v", o)
		}
	})
	if crashed {
		s.w.engine = change.New(s.w.cfg) // the process comes back
	}
}

func (s *story) change() {
	v, expect := property.Values{}, property.Values{}
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(s.names), 1, 4, rapid.ID[property.Name]).Draw(s.rt, "names") {
		v[n] = s.fresh(n, "ours")
		expect[n] = s.place.value(s.on, n)
	}
	c := set(fmt.Sprintf("%s key %d", s.on.ID, len(s.keys)), s.on, v)
	if rapid.Bool().Draw(s.rt, "expects") {
		c.Expect = expect
		if rapid.IntRange(0, 4).Draw(s.rt, "rival before") == 0 {
			s.rival()
		}
	}
	s.keys = append(s.keys, c.Key)
	s.wishes[c.Key] = c
	s.apply(c)
}

// again is a double click, a refresh, a browser that comes back.
func (s *story) again() {
	if len(s.keys) > 0 {
		s.apply(s.wishes[rapid.SampledFrom(s.keys).Draw(s.rt, "again")])
	}
}

func (s *story) undo() {
	past, _ := s.w.journal.On(context.Background(), s.on, 0, 20)
	if len(past) == 0 {
		return
	}
	c, err := s.w.engine.Inverse(context.Background(), tenant, rapid.SampledFrom(past).Draw(s.rt, "undo").ID, self(s.on))
	if err == nil {
		s.keys = append(s.keys, c.Key)
		s.wishes[c.Key] = c
		s.apply(c)
	}
}

// judge compares the three books.
func (s *story) judge() {
	ctx := context.Background()
	past, err := s.w.journal.On(ctx, s.on, 0, 1000)
	if err != nil {
		s.rt.Fatal(err)
	}
	slices.Reverse(past) // oldest first
	type cause struct {
		n property.Name
		v string
	}
	key := func(n property.Name, v property.Value) cause { return cause{n, v.String()} }
	must, may := map[cause]int{}, map[cause]int{} // how often a value has to have taken effect by us, and how often it may have
	for _, e := range past {
		if e.Ended.IsZero() || e.Outcome.State == change.Open || e.Outcome.State == change.Unverified {
			s.rt.Fatalf("entry %s never came to an end: %+v", e.ID, e.Outcome)
		}
		for _, p := range e.Outcome.Parts {
			for _, n := range p.Names {
				k := key(n, e.Change.Set[n])
				switch p.State {
				case change.Applied:
					must[k]++
					may[k]++
				case change.Conflicted, change.Failed: // it may have landed and been overwritten by somebody, or not have been found out
					may[k]++
				case change.Refused:
				default:
					s.rt.Fatalf("entry %s has a part in state %q", e.ID, p.State)
				}
			}
		}
	}
	did := map[cause]int{}
	now := s.start.Clone()
	for _, e := range s.place.effects() {
		if e.ours {
			did[key(e.name, e.after)]++
		}
		if !alike(now[e.name], e.before) {
			s.rt.Fatalf("the ledger does not continue: %+v after %v", e, now[e.name])
		}
		now[e.name] = e.after
	}
	for n, v := range now {
		if !alike(s.place.value(s.on, n), v) {
			s.rt.Fatalf("directory has %v for %s, the ledger ends with %v", s.place.value(s.on, n), n, v)
		}
	}
	for k, n := range did {
		if n > may[k] {
			s.rt.Fatalf("%v took effect %d times, the journal knows of %d: %s", k, n, may[k], s.tell(past))
		}
	}
	for k, n := range must {
		if did[k] < n && !s.undecided(k.n, past) {
			s.rt.Fatalf("%v took effect %d times, the journal says applied %d times: %s", k, did[k], n, s.tell(past))
		}
	}
	// What we overwrote is what an entry had read before, unless it was our own.
	last := map[property.Name]bool{}
	for _, e := range s.place.effects() {
		own := last[e.name]
		if last[e.name] = e.ours; !e.ours || own {
			continue
		}
		if !slices.ContainsFunc(past, func(x change.Entry) bool {
			b, ok := x.Outcome.Before[e.name]
			return ok && alike(b, e.before) && alike(x.Change.Set[e.name], e.after)
		}) {
			s.rt.Fatalf("%s: %v was overwritten by %v, and no entry had seen it: %s", e.name, e.before, e.after, s.tell(past))
		}
	}
	if _, bad, err := s.w.journal.Verify(ctx, tenant); err != nil || bad != nil {
		s.rt.Fatalf("the chain: %+v %v", bad, err)
	}
	// Every key is answered from the journal and nothing is written any more.
	writes := s.place.sent()
	for _, k := range s.keys {
		if e, err := s.w.journal.ByKey(ctx, tenant, k); err == nil {
			o, err := s.w.engine.Apply(ctx, s.wishes[k])
			if err != nil || o.Entry != e.ID || o.State != e.Outcome.State {
				s.rt.Fatalf("key %s: %+v %v, the journal has %s %s", k, o, err, e.ID, e.Outcome.State)
			}
		}
	}
	if s.place.sent() != writes {
		s.rt.Fatalf("%d writes for keys that were done", s.place.sent()-writes)
	}
}

// undecided: clearing, and putting back what was there, can be satisfied by somebody else's write of the same, so that "applied"
// needs no effect of ours.
func (s *story) undecided(n property.Name, past []change.Entry) bool {
	for _, e := range past {
		if v, ok := e.Change.Set[n]; ok && (v.Empty() || e.Change.Undoes != "") {
			return true
		}
	}
	return false
}

func (s *story) tell(past []change.Entry) (out string) {
	for _, e := range past {
		out += fmt.Sprintf("\n  %s %s set %v before %v: %s", e.ID, e.Change.Key, e.Change.Set, e.Outcome.Before, e.Outcome.State)
		for _, p := range e.Outcome.Parts {
			out += fmt.Sprintf(" [%v %s %v]", p.Names, p.State, p.Problem)
		}
	}
	for _, e := range s.place.effects() {
		out += fmt.Sprintf("\n  ledger: ours=%v %s %v -> %v", e.ours, e.name, e.before, e.after)
	}
	return out
}

func alike(a, b property.Value) bool { return a.Equal(b) || a.Empty() && b.Empty() }
