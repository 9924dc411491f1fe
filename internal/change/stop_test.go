package change_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/property"
)

// button is a stop that a test presses.
type button struct {
	stop   *change.Stop
	broken error
}

func (b *button) stopped(context.Context, string) (*change.Stop, error) { return b.stop, b.broken }

func (b *button) config(c *change.Config) { c.Stopped = b.stopped }

func pressed() *change.Stop { return &change.Stop{By: "operator", Why: "an incident"} }

func TestA58_StoppedNothingIsWritten(t *testing.T) {
	t.Parallel()
	b := &button{stop: pressed()}
	w := newWorld(t, b.config)
	wish := set("k", anna, property.Values{"city": text("Ulm")})
	o := w.apply(wish)
	wantState(t, o, change.Refused)
	if o.Problem.Code != change.CodeHeld || o.Problem.Say.Zero() || o.Entry != "" {
		t.Errorf("refused with %+v", o)
	}
	p, err := w.engine.Check(t.Context(), wish)
	if err != nil || len(p.Problems) != 1 || p.Problems[0].Code != change.CodeHeld {
		t.Errorf("the preview says %+v, %v", p, err)
	}
	if past, err := w.journal.On(t.Context(), anna, 0, 10); err != nil || w.box.writes != 0 || len(past) != 0 {
		t.Errorf("%d writes, %d entries, %v", w.box.writes, len(past), err)
	}
	b.stop = nil
	wantState(t, w.apply(wish), change.Applied)

	b.stop = pressed() // what was done stays known: the same key again is told its outcome
	wantState(t, w.apply(wish), change.Applied)
}

// A stop that cannot be read stops: nothing is written on a guess.
func TestA58_UnknownIsStopped(t *testing.T) {
	t.Parallel()
	b := &button{broken: errors.New("the database is away")}
	w := newWorld(t, b.config)
	wantState(t, w.apply(set("k", anna, property.Values{"city": text("Ulm")})), change.Failed)
	if w.box.writes != 0 {
		t.Errorf("%d writes", w.box.writes)
	}
}

// A change of several requests that is stopped after its first: the second is not sent, and the outcome says which arrived.
func TestA58_StoppedBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	b := &button{}
	w := newWorld(t, b.config)
	w.box.after = func() { b.stop = pressed() }
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "aboutMe": text("Hello")}))
	wantState(t, o, change.Partly)
	if w.box.writes != 1 || len(w.ours()) != 1 {
		t.Errorf("%d writes, ledger %v", w.box.writes, w.ours())
	}
	held := 0
	for _, p := range o.Parts {
		if p.State == change.Failed && p.Problem.Code == change.CodeHeld {
			held++
		}
	}
	if held != 1 {
		t.Errorf("parts %+v", o.Parts)
	}
}

// What a crash left open is settled by reading alone, whatever point it was left at: 0 writes until somebody says go, and none
// that nobody asked for after it.
func TestA58_SettleOnlyReads(t *testing.T) {
	t.Parallel()
	for _, point := range []string{change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			b := &button{}
			w := newWorld(t, b.config)
			e := w.crashAt(point, 1)
			if !survive(func() { _, _ = e.Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")})) }) {
				t.Fatal("it did not crash")
			}
			sent := w.box.writes
			b.stop = pressed()
			for range 5 {
				w.settle(3 * time.Minute)
			}
			ent, err := w.journal.ByKey(t.Context(), tenant, "k")
			if err != nil || ent.Ended.IsZero() {
				t.Fatalf("still open: %+v, %v", ent, err)
			}
			want := change.Failed
			if sent > 0 {
				want = change.Applied
			}
			wantState(t, ent.Outcome, want)
			b.stop = nil
			for range 5 {
				w.settle(3 * time.Minute)
			}
			if w.box.writes != sent {
				t.Errorf("%d writes, %d of them before the crash", w.box.writes, sent)
			}
		})
	}
}

// A28: an engine of one organization makes and settles nothing of another's.
func TestA28_AnEngineOfOneOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.Tenant = "22222222-2222-4222-8222-222222222222" })
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Refused)
	foreign := change.Entry{ID: "theirs", Change: set("theirs", anna, property.Values{"city": text("Ulm")}), Begun: w.clock.Now().Add(-time.Hour), Outcome: change.Outcome{Parts: []change.Part{{Names: []property.Name{"city"}, State: change.Open}}}}
	if _, _, err := w.journal.Begin(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	if n, err := w.engine.Settle(t.Context()); n != 0 || err != nil {
		t.Errorf("%d settled, %v", n, err)
	}
	if e, err := w.journal.Get(t.Context(), tenant, "theirs"); err != nil || !e.Ended.IsZero() || w.box.writes != 0 {
		t.Errorf("%+v, %v, %d writes", e, err, w.box.writes)
	}
}
