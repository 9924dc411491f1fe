package change_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

func TestF05_LostAnswerAfterTheWriteIsConfirmedByReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{lostAfter}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Applied)
	if !o.Parts[0].Confirmed || o.After["city"].Str() != "Ulm" {
		t.Errorf("not marked as confirmed by read-back: %+v", o)
	}
	if w.box.writes != 1 || len(w.ours()) != 1 {
		t.Errorf("%d writes, ledger %v; want one", w.box.writes, w.ours())
	}
}

func TestF04_F08_LostAnswerBeforeTheWriteIsSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{lostBefore, lostBefore}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Applied)
	if w.box.writes != 3 || len(w.ours()) != 1 {
		t.Errorf("%d writes, ledger %v", w.box.writes, w.ours())
	}
}

func TestF04_GivesUpWithinBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{lostBefore, lostBefore, lostBefore, lostBefore, lostBefore}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Unverified) // three answers are missing, and reads may be old: it is found out later
	if w.box.writes != 3 || len(w.ours()) != 0 {
		t.Errorf("%d writes, ledger %v", w.box.writes, w.ours())
	}
	w.box.faults = nil
	if n := w.settle(5 * time.Minute); n != 1 {
		t.Fatalf("settled %d", n)
	}
	e, _ := w.journal.Get(context.Background(), tenant, o.Entry)
	wantState(t, e.Outcome, change.Failed)
	wantState(t, w.apply(set("k2", anna, property.Values{"city": text("Ulm")})), change.Applied)
}

func TestF11_RivalBetweenLostAnswerAndReadBackIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{lostBefore, lostAfter} {
		t.Run(fmt.Sprint(f), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.box.faults = []fault{f}
			w.box.after = func() { w.box.rival(anna, property.Values{"city": text("Rome")}) }
			o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "jobTitle": text("Head nurse")}))
			wantState(t, o, change.Conflicted)
			if got := w.box.value(anna, "city").Str(); got != "Rome" {
				t.Errorf("city %q: the rival was overwritten", got)
			}
			want := []change.Conflict{{Name: "city", Saw: text("Bonn"), Now: text("Rome"), Wanted: text("Ulm")}}
			if d := cmp.Diff(want, o.Conflicts); d != "" {
				t.Errorf("conflicts (-want +got):\n%s", d)
			}
			if w.box.writes != 1 {
				t.Errorf("%d writes, want 1", w.box.writes)
			}
		})
	}
}

func TestF11_WhatARivalPutBackBesideOursIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{lostAfter}
	w.box.after = func() { w.box.rival(anna, property.Values{"city": text("Bonn")}) }
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "jobTitle": text("Head nurse")}))
	wantState(t, o, change.Conflicted)
	if w.box.writes != 1 || w.box.value(anna, "city").Str() != "Bonn" {
		t.Errorf("%d writes, city %v: what somebody put back was overwritten", w.box.writes, w.box.value(anna, "city"))
	}
	if len(o.Conflicts) != 1 || o.Conflicts[0].Name != "city" {
		t.Errorf("conflicts %+v", o.Conflicts)
	}
}

func TestF11_RivalDuringTheSecondReadIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{lostBefore}
	done := false
	w.clock.onWait = func() {
		if !done {
			done = true
			w.box.rival(anna, property.Values{"city": text("Rome")})
		}
	}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Conflicted)
	if got := w.box.value(anna, "city").Str(); got != "Rome" {
		t.Errorf("city %q: the rival was overwritten", got)
	}
}

func TestF01_F03_ThrottledMeansNothingWasApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{throttled}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Failed)
	if o.Problem.Kind != fail.Throttled || w.box.writes != 1 || w.box.reads != 1 {
		t.Errorf("%v, %d writes, %d reads", o.Problem, w.box.writes, w.box.reads)
	}
	// A failure is final for its key; a new form is a new key.
	wantState(t, w.apply(set("k", anna, property.Values{"city": text("Ulm")})), change.Failed)
	wantState(t, w.apply(set("k2", anna, property.Values{"city": text("Ulm")})), change.Applied)
}

func TestF01_WaitsAsLongAsAskedAndLooksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{throttledFor}
	start := w.clock.Now()
	wantState(t, w.apply(set("k", anna, property.Values{"city": text("Ulm")})), change.Applied)
	if d := w.clock.Now().Sub(start); d < 7*time.Second || w.box.writes != 2 || w.box.reads != 2 {
		t.Errorf("waited %v, %d writes, %d reads", d, w.box.writes, w.box.reads)
	}
	// Somebody writes while we wait.
	w.box.faults = []fault{throttledFor}
	w.clock.onWait = func() { w.clock.onWait = nil; w.box.rival(anna, property.Values{"city": text("Rome")}) }
	wantState(t, w.apply(set("k2", anna, property.Values{"city": text("Jena")})), change.Conflicted)
	if got := w.box.value(anna, "city").Str(); got != "Rome" {
		t.Errorf("city %q: the rival was overwritten", got)
	}
}

func TestF09_NothingWasSentIsNoAmbiguity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{unsent}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Failed)
	if w.box.reads != 1 {
		t.Errorf("%d reads, want only the first", w.box.reads)
	}
}

func TestF10_StaleReadBackAnswersAtOnceAndSettlesLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.stale = 30 * time.Second
	start := w.clock.Now()
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Unverified)
	if o.Parts[0].Problem == nil || o.Parts[0].Problem.Code != "not_visible" {
		t.Errorf("part %+v", o.Parts[0])
	}
	if w.clock.Now() != start || w.box.reads != 1 {
		t.Errorf("waited %v, %d reads: the person must be answered after one read", w.clock.Now().Sub(start), w.box.reads)
	}
	if n := w.settle(time.Second); n != 0 {
		t.Errorf("settled %d while it cannot be seen", n)
	}
	if n := w.settle(time.Minute); n != 1 {
		t.Errorf("settled %d, want 1", n)
	}
	e, _ := w.journal.Get(context.Background(), tenant, o.Entry)
	wantState(t, e.Outcome, change.Applied)
	if len(w.ours()) != 1 {
		t.Errorf("ledger %v", w.ours())
	}
}

func TestF10_PuttingTheOldValueBackWhileTheNewOneIsNotVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.stale = 30 * time.Second
	wantState(t, w.apply(set("a", anna, property.Values{"city": text("Ulm")})), change.Unverified)
	back := set("b", anna, property.Values{"city": text("Bonn")})
	back.Expect = property.Values{"city": text("Ulm")}
	o := w.apply(back)
	if o.State == change.Unchanged || o.State == change.Conflicted {
		t.Fatalf("state %s: the old value that is still shown was believed", o.State)
	}
	if got := w.box.value(anna, "city").Str(); got != "Bonn" {
		t.Errorf("city %q, want Bonn", got)
	}
}

func TestF10_AcceptedAndThenAnotherValueIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.stale = 30 * time.Second
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Unverified)
	w.box.rival(anna, property.Values{"city": text("Rome")})
	w.box.stale = 0
	if n := w.settle(10 * time.Minute); n != 1 {
		t.Fatalf("settled %d", n)
	}
	e, _ := w.journal.Get(context.Background(), tenant, o.Entry)
	wantState(t, e.Outcome, change.Conflicted)
	if w.box.writes != 1 || w.box.value(anna, "city").Str() != "Rome" {
		t.Errorf("%d writes, city %v", w.box.writes, w.box.value(anna, "city"))
	}
}

func TestApply_ReadBackThatDidNotComeIsReadOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{noReadBack}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Applied)
	if w.box.reads != 2 || o.Parts[0].Confirmed {
		t.Errorf("%d reads, part %+v", w.box.reads, o.Parts[0])
	}
}

func TestApply_DirectoryGoneAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for f, want := range map[fault]change.State{lostAfter: change.Applied, lostBefore: change.Failed} {
		t.Run(fmt.Sprint(f), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.box.faults = []fault{f}
			w.box.after = func() { w.box.mu.Lock(); w.box.blind = 99; w.box.mu.Unlock() }
			o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
			wantState(t, o, change.Unverified)
			w.box.blind = 0
			if n := w.settle(5 * time.Minute); n != 1 {
				t.Fatalf("settled %d", n)
			}
			e, _ := w.journal.Get(context.Background(), tenant, o.Entry)
			wantState(t, e.Outcome, want)
			if w.box.writes != 1 {
				t.Errorf("%d writes, want 1", w.box.writes)
			}
		})
	}
}

func TestSettle_AfterACrashAtEveryPoint(t *testing.T) {
	t.Parallel()
	v := property.Values{"city": text("Ulm"), "employeeHireDate": property.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))}
	for _, point := range []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd} {
		for nth := 1; nth <= 2; nth++ {
			t.Run(fmt.Sprintf("%s/%d", point, nth), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				e := w.crashAt(point, nth)
				crashed := survive(func() { _, _ = e.Apply(context.Background(), set("k", anna, v)) })
				w.settle(3 * time.Minute)
				ent, err := w.journal.ByKey(context.Background(), tenant, "k")
				if point == change.BeforeBegin && crashed {
					if !fail.Is(err, fail.NotFound) || len(w.ours()) != 0 {
						t.Fatalf("nothing was begun, and there is %v, %v", ent, w.ours())
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, ent.Outcome, change.Applied)
				if len(w.ours()) != 2 {
					t.Errorf("ledger %v, want each property once", w.ours())
				}
				// The person who presses the button again gets the first outcome and nothing is written twice.
				wantState(t, w.apply(set("k", anna, v)), change.Applied)
				if len(w.ours()) != 2 {
					t.Errorf("ledger after another try %v", w.ours())
				}
			})
		}
	}
}

func TestSettle_LeavesYoungAndOldWishesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.crashAt(change.BeforeSend, 1)
	survive(func() { _, _ = e.Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")})) })
	if n := w.settle(time.Minute); n != 0 {
		t.Errorf("settled %d within the grace", n)
	}
	if n := w.settle(time.Hour); n != 1 {
		t.Errorf("settled %d", n)
	}
	ent, _ := w.journal.ByKey(context.Background(), tenant, "k")
	wantState(t, ent.Outcome, change.Failed)
	if len(w.ours()) != 0 {
		t.Errorf("an old wish was carried out: %v", w.ours())
	}
}

func TestSettle_AsksThePolicyAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.crashAt(change.BeforeSend, 1)
	survive(func() { _, _ = e.Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")})) })
	w.cfg.Policy = anything{closed: []property.Name{"city"}}
	w.engine = change.New(w.cfg)
	if n := w.settle(3 * time.Minute); n != 1 {
		t.Fatalf("settled %d", n)
	}
	ent, _ := w.journal.ByKey(context.Background(), tenant, "k")
	wantState(t, ent.Outcome, change.Refused)
	if len(w.ours()) != 0 {
		t.Errorf("written: %v", w.ours())
	}
}

func TestSettle_AfterACrashARivalIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.crashAt(change.BeforeSend, 1)
	survive(func() { _, _ = e.Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")})) })
	w.box.rival(anna, property.Values{"city": text("Rome")})
	w.settle(3 * time.Minute)
	ent, _ := w.journal.ByKey(context.Background(), tenant, "k")
	wantState(t, ent.Outcome, change.Conflicted)
	if w.box.value(anna, "city").Str() != "Rome" {
		t.Error("the rival was overwritten")
	}
}

func TestApply_JournalThatCannotEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.journal.(*diary).fails = 1
	o, err := w.engine.Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")}))
	if err == nil || o.Entry == "" {
		t.Fatalf("outcome %+v, error %v", o, err)
	}
	w.settle(3 * time.Minute)
	ent, _ := w.journal.ByKey(context.Background(), tenant, "k")
	wantState(t, ent.Outcome, change.Applied)
	if len(w.ours()) != 1 {
		t.Errorf("ledger %v", w.ours())
	}
}

func TestApply_BrowserGoesAwayAfterSubmitting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	w.cfg.Crash = func(p string) {
		if p == change.AfterBegin {
			cancel()
		}
	}
	o, err := change.New(w.cfg).Apply(ctx, set("k", anna, property.Values{"city": text("Ulm")}))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, o, change.Applied)
}

func TestInverse_TakesBackAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "state": text("BW"), "skills": property.List("Go")}))
	wantState(t, o, change.Applied)
	undo, err := w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	u := w.apply(undo)
	wantState(t, u, change.Applied)
	if now := w.box.at(anna, 0); now["city"].Str() != "Bonn" || !now["state"].Empty() || !now["skills"].Empty() {
		t.Errorf("after undo: %v", now)
	}
	_, err = w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
	var f *fail.Error
	if !errors.As(err, &f) || f.Code != "undone" {
		t.Errorf("a second undo: %v", err)
	}
	redo, err := w.engine.Inverse(ctx, tenant, u.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, w.apply(redo), change.Applied)
	if got := w.box.value(anna, "city").Str(); got != "Ulm" {
		t.Errorf("after undo of undo: %q", got)
	}
}

// An office brings its address. Taking that back puts back what was there, also where the table of offices says something else.
func TestInverse_NothingFollowsFromAnUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) {
		c.Policy = anything{follows: property.Values{"state": text("BW"), "country": text("DE")}}
	})
	was := w.box.at(anna, 0)
	o := w.apply(set("k", anna, property.Values{"officeLocation": text("Ulm")}))
	wantState(t, o, change.Applied)
	if now := w.box.at(anna, 0); now["state"].Str() != "BW" {
		t.Fatalf("nothing followed: %v", now)
	}
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, w.apply(undo), change.Applied)
	if now := w.box.at(anna, 0); len(now.Diff(was)) > 0 {
		t.Errorf("after undo: %v, before the change: %v", now, was)
	}
}

func TestInverse_ShowsWhoChangedItSinceAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm")}))
	w.box.rival(anna, property.Values{"city": text("Rome")})
	undo, _ := w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
	u := w.apply(undo)
	wantState(t, u, change.Conflicted)
	if w.box.value(anna, "city").Str() != "Rome" {
		t.Error("the rival was overwritten")
	}
	w.box.rival(anna, property.Values{"city": text("Ulm")})
	w.box.faults = []fault{throttled}
	undo, _ = w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
	wantState(t, w.apply(undo), change.Failed)
	undo, err := w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatalf("an undo that failed cannot be tried again: %v", err)
	}
	wantState(t, w.apply(undo), change.Applied)
}

func TestInverse_OnlyWhatArrived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.faults = []fault{fine, refused}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "employeeHireDate": property.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))}))
	wantState(t, o, change.Partly)
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(property.Values{"city": text("Bonn")}, undo.Set); d != "" {
		t.Errorf("undo sets (-want +got):\n%s", d)
	}
	nothing := w.apply(set("n", anna, property.Values{"city": text("Ulm")}))
	if _, err := w.engine.Inverse(context.Background(), tenant, nothing.Entry, self(anna)); !fail.Is(err, fail.Invalid) {
		t.Errorf("undo of nothing: %v", err)
	}
}

func TestApply_AnotherProcessCameBetween(t *testing.T) {
	t.Parallel()
	// Another process begins and ends a change between our read and our Begin.
	w := newWorld(t)
	other := change.New(w.cfg)
	w.cfg.Crash = func(p string) {
		if p == change.BeforeBegin {
			if _, err := other.Apply(context.Background(), set("other", anna, property.Values{"city": text("Rome")})); err != nil {
				t.Error(err)
			}
		}
	}
	o, err := change.New(w.cfg).Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")}))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, o, change.Conflicted)
	if w.box.value(anna, "city").Str() != "Rome" || len(o.Conflicts) != 1 {
		t.Errorf("city %v, conflicts %v", w.box.value(anna, "city"), o.Conflicts)
	}
}

func TestA21_TargetAndSessionAreNotTakenFromTheValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := set("k", ben, property.Values{"city": text("Ulm")})
	c.By = directory.Actor{Kind: directory.PersonActor, Ref: anna, Session: "s"}
	wantState(t, w.apply(c), change.Refused)
	c.By.Ref = directory.Ref{}
	c.On = directory.Ref{}
	wantState(t, w.apply(c), change.Refused)
	if len(w.ours()) != 0 {
		t.Error("written to somebody else")
	}
}

// When what another process did cannot be read, nothing is sent, and the person is not locked out until somebody settles it.
func TestApply_AnotherProcessCameBetweenAndReadingFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := change.New(w.cfg)
	w.cfg.Crash = func(p string) {
		switch p {
		case change.BeforeBegin:
			if _, err := other.Apply(context.Background(), set("other", anna, property.Values{"city": text("Rome")})); err != nil {
				t.Error(err)
			}
		case change.AfterBegin:
			w.box.blind = 1
		}
	}
	o, err := change.New(w.cfg).Apply(context.Background(), set("k", anna, property.Values{"jobTitle": text("Matron")}))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, o, change.Failed)
	if o.Problem == nil || o.Problem.Kind != fail.Unavailable || w.box.writes != 1 {
		t.Errorf("problem %v, %d writes", o.Problem, w.box.writes)
	}
	w.cfg.Crash = nil
	again, err := change.New(w.cfg).Apply(context.Background(), set("k2", anna, property.Values{"jobTitle": text("Matron")}))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, again, change.Applied)
}

// F04: what could not be read for now is no refusal: the change fails, can be tried again, and one that a crash cut off waits.
func TestF04_WhatCouldNotBeReadNowRefusesNobody(t *testing.T) {
	t.Parallel()
	busy := fail.New(fail.Unavailable, "box.roles", fail.T("No answer."))
	closed := anything{closed: []property.Name{"city"}} // as a policy that does not know the roles
	roles := func(w *world, m ...directory.Missing) {
		w.box.mu.Lock()
		defer w.box.mu.Unlock()
		u := w.box.users[anna]
		u.Missing = m
		w.box.users[anna] = u
	}
	c := set("k", anna, property.Values{"city": text("Ulm")})
	w := newWorld(t, func(c *change.Config) { c.Policy = closed })
	roles(w, directory.Missing{What: "roles", Err: busy})
	if o := w.apply(c); o.State != change.Failed || o.Problem.Kind != fail.Unavailable {
		t.Errorf("%s %v", o.State, o.Problem)
	}
	roles(w, directory.Missing{What: "roles", Err: fail.New(fail.Denied, "box.roles", fail.T("Not allowed."))})
	wantState(t, w.apply(c), change.Refused)

	w = newWorld(t)
	survive(func() { _, _ = w.crashAt(change.BeforeSend, 1).Apply(context.Background(), c) })
	roles(w, directory.Missing{What: "roles", Err: busy})
	w.cfg.Policy = closed
	w.engine = change.New(w.cfg)
	_ = w.clock.Wait(context.Background(), 3*time.Minute)
	if n, err := w.engine.Settle(context.Background()); n != 0 || !fail.Is(err, fail.Unavailable) {
		t.Errorf("%d settled, %v", n, err)
	}
	roles(w)
	w.cfg.Policy = anything{}
	w.engine = change.New(w.cfg)
	w.settle(time.Second)
	ent, err := w.journal.ByKey(context.Background(), tenant, "k")
	if err != nil || ent.Outcome.State != change.Applied || len(w.ours()) != 1 {
		t.Errorf("%s %v %v", ent.Outcome.State, err, w.ours())
	}
}

// F13: who is alone with a journal waits for nobody.
func TestF13_AloneNobodyIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.Alone = true })
	survive(func() {
		_, _ = w.crashAt(change.AfterSend, 1).Apply(context.Background(), set("k", anna, property.Values{"city": text("Ulm")}))
	})
	w.engine = change.New(w.cfg)
	if n := w.settle(time.Second); n != 1 || len(w.ours()) != 1 {
		t.Errorf("%d settled, %v", n, w.ours())
	}
}
