package change_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

const (
	nurses   = "44444444-4444-4444-8444-444444444444"
	surgeons = "55555555-5555-4555-8555-555555555555"
	office   = "66666666-6666-4666-8666-666666666666"
	projects = "77777777-7777-4777-8777-777777777777"
	mailPlan = "88888888-8888-4888-8888-888888888888"
)

// deeds are every action on facets with something to do.
var deeds = map[string]change.Change{
	"manager":          {Do: change.Manager, Set: property.Values{directory.FacetManager: text(benID)}},
	"into a group":     {Do: change.Member, Set: property.Values{directory.MemberOf(nurses): property.Bool(true)}},
	"into two groups":  {Do: change.Member, Set: property.Values{directory.MemberOf(nurses): property.Bool(true), directory.MemberOf(surgeons): property.Bool(true)}},
	"licenses":         {Do: change.License, Set: property.Values{directory.Licensed(office): directory.Assigned(mailPlan), directory.Licensed(projects): directory.Assigned()}},
	"delete":           {Do: change.Account, Set: property.Values{directory.FacetAccount: text(directory.Deleted)}},
	"password":         {Do: change.Password, Set: property.Values{directory.FacetPassword: property.Bool(true)}, Secret: "Wr9-tulip-Ferry"},
	"sign-ins revoked": {Do: change.Sessions, Set: property.Values{directory.FacetSessions: property.Bool(true)}},
}

func deedWorld(t *testing.T) *world {
	w := newWorld(t)
	long := w.clock.Now().Add(-100 * time.Hour)
	w.box.rival(anna, property.Values{
		directory.FacetAccount: text(directory.Active), directory.FacetPassword: property.Instant(long), directory.FacetSessions: property.Instant(long),
	})
	return w
}

func on(c change.Change, key string) change.Change {
	c.On, c.By, c.Key = anna, self(anna), key
	c.Set = c.Set.Clone()
	return c
}

// wanted says whether the directory holds what the change wants.
func wanted(w *world, c change.Change) bool {
	for n, v := range c.Set {
		now := w.box.value(anna, n)
		if directory.Stamp(n) {
			if w.clock.Now().Sub(now.Time()) > 99*time.Hour {
				return false
			}
		} else if !now.Equal(v) && !(now.Empty() && v.Empty()) {
			return false
		}
	}
	return true
}

func TestDeed_AppliedReadBackAndUndone(t *testing.T) {
	t.Parallel()
	for name, c := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := deedWorld(t)
			was := w.box.at(anna, 0)
			o := w.apply(on(c, "k"))
			wantState(t, o, change.Applied)
			if !wanted(w, c) {
				t.Fatalf("the directory holds %v", w.box.at(anna, 0))
			}
			if again := w.apply(on(c, "k")); again.Entry != o.Entry || w.box.sent() != len(o.Parts) {
				t.Errorf("the same key again sent something: %d requests for %d parts", w.box.sent(), len(o.Parts))
			}
			undo, err := w.engine.Inverse(t.Context(), tenant, o.Entry, self(anna))
			if c.Do == change.Password || c.Do == change.Sessions {
				var f *fail.Error
				if f = problem(err); f == nil || f.Code != "not_undoable" {
					t.Fatalf("undo: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, w.apply(undo), change.Applied)
			for n := range c.Set {
				if now := w.box.value(anna, n); !now.Equal(was[n]) {
					t.Errorf("%s is %v after the undo, was %v", n, now, was[n])
				}
			}
		})
	}
}

func problem(err error) *fail.Error {
	f, _ := err.(*fail.Error) //nolint:errorlint // what Inverse returns is not wrapped
	return f
}

func TestDeed_WhatIsSoAlreadySendsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range deeds {
		if c.Do == change.Password || c.Do == change.Sessions {
			continue
		}
		w := deedWorld(t)
		wantState(t, w.apply(on(c, "one")), change.Applied)
		n := w.box.sent()
		wantState(t, w.apply(on(c, "two")), change.Unchanged)
		if w.box.sent() != n {
			t.Errorf("%s: sent again", name)
		}
	}
}

// F05, F07: the same lost answer stands for both truths, and reading tells which.
func TestF05_F07_DeedLostAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range deeds {
		for fname, f := range map[string]fault{"before": lostBefore, "after": lostAfter} {
			t.Run(name+"/"+fname, func(t *testing.T) {
				t.Parallel()
				w := deedWorld(t)
				w.box.trouble(trouble{faults: []fault{f}})
				o := w.apply(on(c, "k"))
				wantState(t, o, change.Applied)
				if !wanted(w, c) {
					t.Fatal("not as wanted")
				}
				wrote := map[property.Name]int{}
				for _, e := range w.ours() {
					wrote[e.name]++
				}
				for n, times := range wrote {
					if times != 1 {
						t.Errorf("%s was written %d times", n, times)
					}
				}
				if f == lostAfter && !o.Parts[0].Confirmed {
					t.Error("it is not said that reading back confirmed it")
				}
			})
		}
	}
}

// G3: a crash at each step, then Settle: done once or not at all, and said so.
func TestG3_DeedCrashAtEachPoint(t *testing.T) {
	t.Parallel()
	points := []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd}
	for name, c := range deeds {
		for _, point := range points {
			t.Run(name+"/"+point, func(t *testing.T) {
				t.Parallel()
				w := deedWorld(t)
				if !survive(func() { _, _ = w.crashAt(point, 1).Apply(context.Background(), on(c, "k")) }) {
					t.Fatal("it did not crash")
				}
				w.settle(5 * time.Minute)
				wrote := map[property.Name]int{}
				for _, e := range w.ours() {
					if wrote[e.name]++; wrote[e.name] > 1 {
						t.Errorf("%s twice", e.name)
					}
				}
				ent, err := w.journal.ByKey(t.Context(), tenant, "k")
				if point == change.BeforeBegin {
					if err == nil || len(wrote) > 0 {
						t.Fatalf("something was begun: %v %v", ent, wrote)
					}
					return
				}
				if err != nil || ent.Ended.IsZero() {
					t.Fatalf("left open: %v", err)
				}
				switch ent.Outcome.State {
				case change.Applied:
					if !wanted(w, c) {
						t.Error("said to be applied, and is not")
					}
				case change.Failed: // a password is kept nowhere, so it cannot be sent after a crash
					if c.Do != change.Password || len(wrote) > 0 {
						t.Errorf("failed with %v written", wrote)
					}
				default:
					t.Errorf("state %s", ent.Outcome.State)
				}
			})
		}
	}
}

// F11: what somebody else did in the meantime is shown and stays.
func TestF11_DeedConflicts(t *testing.T) {
	t.Parallel()
	w := deedWorld(t)
	c := on(deeds["manager"], "k")
	c.Expect = property.Values{directory.FacetManager: property.Null()}
	w.box.rival(anna, property.Values{directory.FacetManager: text(surgeons)})
	o := w.apply(c)
	wantState(t, o, change.Conflicted)
	if w.box.sent() != 0 || len(o.Conflicts) != 1 || o.Conflicts[0].Now.Str() != surgeons {
		t.Errorf("%d sent, conflicts %v", w.box.sent(), o.Conflicts)
	}
}

func TestDeed_NonsenseIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]change.Change{
		"own manager":            {Do: change.Manager, Set: property.Values{directory.FacetManager: text(annaID)}},
		"manager is no id":       {Do: change.Manager, Set: property.Values{directory.FacetManager: text("../groups")}},
		"group is no id":         {Do: change.Member, Set: property.Values{directory.MemberOf("../users/" + benID): property.Bool(true)}},
		"a license by a member":  {Do: change.Member, Set: property.Values{directory.Licensed(office): directory.Assigned()}},
		"a property by a deed":   {Do: change.Manager, Set: property.Values{"jobTitle": text("Boss")}},
		"a facet by an update":   {Do: change.Update, Set: property.Values{directory.FacetManager: text(benID)}},
		"half deleted":           {Do: change.Account, Set: property.Values{directory.FacetAccount: text("half")}},
		"password without one":   {Do: change.Password, Set: property.Values{directory.FacetPassword: property.Bool(true)}},
		"nothing":                {Do: change.Member},
		"no such kind of action": {Do: "promote", Set: property.Values{directory.FacetManager: text(benID)}},
	} {
		w := deedWorld(t)
		wantState(t, w.apply(on(c, "k")), change.Refused)
		if w.box.sent() != 0 {
			t.Errorf("%s: something was sent", name)
		}
	}
}

// A56: a new password is in no record and in nothing that is printed of a change.
func TestA56_APasswordIsKeptNowhere(t *testing.T) {
	t.Parallel()
	w := deedWorld(t)
	c := on(deeds["password"], "k")
	wantState(t, w.apply(c), change.Applied)
	if len(w.box.passwords) != 1 || w.box.passwords[0] != c.Secret {
		t.Fatalf("the directory was given %v", w.box.passwords)
	}
	ent, err := w.journal.ByKey(t.Context(), tenant, "k")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(ent)
	if strings.Contains(string(b), c.Secret) || ent.Change.Secret != "" {
		t.Errorf("the journal holds the password: %s", b)
	}
}

// Two passwords within a second: the directory tells whole seconds, and the second one counts as set when it was accepted.
func TestDeed_TwoStampsWithinASecond(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"password", "sign-ins revoked"} {
		w := deedWorld(t)
		w.apply(on(deeds[name], "one"))
		wantState(t, w.apply(on(deeds[name], "two")), change.Applied)
		if w.box.sent() != 2 {
			t.Errorf("%s: %d requests, want 2", name, w.box.sent())
		}
	}
}
