package change_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

const firstPassword = "Wr9-tulip-Ferry"

// hirer lets everybody create and delete.
type hirer struct{ anything }

func (hirer) May(_ context.Context, _ directory.Actor, _ change.Action, _ directory.User, set property.Values) (property.Values, []fail.Problem) {
	return set, nil
}

func hiring(t testing.TB) *world {
	return newWorld(t, func(c *change.Config) { c.Policy = hirer{} })
}

func hire(key string) change.Change {
	return change.Change{
		Key: key, On: directory.Ref{Tenant: tenant}, Do: change.Create, By: self(anna), Secret: firstPassword,
		Set: property.Values{"userPrincipalName": text("Cleo@contoso.example"), "displayName": text("Cleo Park"), "department": text("Ward 3"), "city": property.Null()},
	}
}

func TestS4_11_S4_12_APersonIsCreatedReadBackAndUndone(t *testing.T) {
	t.Parallel()
	w := hiring(t)
	o := w.apply(hire("k"))
	wantState(t, o, change.Applied)
	if o.Created == "" || w.box.sent() != 1 {
		t.Fatalf("created %q by %d requests", o.Created, w.box.sent())
	}
	sent := w.box.batches[0]
	want := property.Values{
		"userPrincipalName": text("Cleo@contoso.example"), "displayName": text("Cleo Park"), "department": text("Ward 3"),
		"mailNickname": text("Cleo"), "accountEnabled": property.Bool(true),
	}
	if len(sent.Diff(want)) > 0 || len(want.Diff(sent)) > 0 {
		t.Errorf("sent %v, want %v", sent, want)
	}
	on := directory.Ref{Tenant: tenant, ID: o.Created}
	past, err := w.journal.On(t.Context(), on, 0, 10)
	if err != nil || len(past) != 1 || past[0].Change.On != on || past[0].Change.Do != change.Create {
		t.Fatalf("the history of the new person: %+v %v", past, err)
	}
	if again := w.apply(hire("k")); again.Entry != o.Entry || again.Created != o.Created || w.box.sent() != 1 {
		t.Error("the same key again did something")
	}

	undo, err := w.engine.Inverse(t.Context(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	u := w.apply(undo)
	wantState(t, u, change.Applied)
	if v := w.box.value(on, directory.FacetAccount); v.Str() != directory.Deleted {
		t.Errorf("after the undo the account is %v", v)
	}
	back, err := w.engine.Inverse(t.Context(), tenant, u.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, w.apply(back), change.Applied)
	if v := w.box.value(on, directory.FacetAccount); v.Str() != directory.Active {
		t.Errorf("after the undo of the undo the account is %v", v)
	}
}

// Whoever was changed since they were created is not deleted by an undo.
func TestS4_11_AnUndoShowsWhatOthersChangedSince(t *testing.T) {
	t.Parallel()
	w := hiring(t)
	o := w.apply(hire("k"))
	on := directory.Ref{Tenant: tenant, ID: o.Created}
	w.box.rival(on, property.Values{"department": text("Ward 9")})
	undo, err := w.engine.Inverse(t.Context(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	u := w.apply(undo)
	wantState(t, u, change.Conflicted)
	if len(u.Conflicts) != 1 || u.Conflicts[0].Name != "department" || u.Conflicts[0].Now.Str() != "Ward 9" || w.box.sent() != 1 {
		t.Errorf("conflicts %+v", u.Conflicts)
	}
}

func TestS4_13_WhatCannotBeCreatedIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit  func(*change.Change)
		field property.Name
		code  string
	}{
		"the name is taken":     {func(c *change.Change) { c.Set["userPrincipalName"] = text("ANNA@contoso.example") }, "userPrincipalName", "exists"},
		"another domain":        {func(c *change.Change) { c.Set["userPrincipalName"] = text("cleo@gmail.com") }, "userPrincipalName", "domain"},
		"no sign-in name":       {func(c *change.Change) { delete(c.Set, "userPrincipalName") }, "userPrincipalName", "required"},
		"no display name":       {func(c *change.Change) { c.Set["displayName"] = text(" ") }, "displayName", "required"},
		"an odd nickname":       {func(c *change.Change) { c.Set["mailNickname"] = text("cle o") }, "mailNickname", ""},
		"no such property":      {func(c *change.Change) { c.Set["shoeSize"] = text("42") }, "shoeSize", "unknown"},
		"only their own":        {func(c *change.Change) { c.Set["aboutMe"] = text("I paint.") }, "aboutMe", "later"},
		"kept by the service":   {func(c *change.Change) { c.Set["id"] = text(annaID) }, "id", "not_allowed"},
		"a password by the set": {func(c *change.Change) { c.Set["passwordProfile"] = property.Raw([]byte(`{"password":"x"}`)) }, "passwordProfile", "not_allowed"},
		"no password":           {func(c *change.Change) { c.Secret = "" }, "passwordProfile", "weak"},
		"a short password":      {func(c *change.Change) { c.Secret = "Wr9-x" }, "passwordProfile", "weak"},
		"letters only":          {func(c *change.Change) { c.Secret = "tulipsandferries" }, "passwordProfile", "weak"},
		"the name in it":        {func(c *change.Change) { c.Secret = "xcleo-Wr9" }, "passwordProfile", "weak"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hiring(t)
			w.box.rival(anna, property.Values{"userPrincipalName": text("anna@contoso.example")})
			x := hire("k")
			c.edit(&x)
			o := w.apply(x)
			wantState(t, o, change.Refused)
			i := slices.IndexFunc(o.Problem.Fields, func(p fail.Problem) bool { return p.Field == string(c.field) })
			if i < 0 || c.code != "" && o.Problem.Fields[i].Code != c.code || w.box.sent() != 0 {
				t.Errorf("%+v, %d sent", o.Problem.Fields, w.box.sent())
			}
		})
	}
}

func TestS4_20_CreatingHasARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // its policy lets people change themselves only
	wantState(t, w.apply(hire("k")), change.Refused)
	w = newWorld(t, func(c *change.Config) { c.Policy, c.DelegatedOnly = hirer{}, true })
	wantState(t, w.apply(hire("k")), change.Refused)
	w = newWorld(t, func(c *change.Config) { c.Policy, c.Secrets = hirer{}, nil })
	wantState(t, w.apply(hire("k")), change.Refused)
	if w.box.sent() != 0 {
		t.Error("something was sent")
	}
}

// A56: the first password is sealed before anybody is created, told once to whoever did it, and in no record.
func TestA56_AFirstPasswordIsToldOnce(t *testing.T) {
	t.Parallel()
	w := hiring(t)
	safe := w.cfg.Secrets.(*drawer)
	safe.fails = true
	wantState(t, w.apply(hire("full")), change.Failed)
	if w.box.sent() != 0 {
		t.Fatal("somebody was created whose password is kept nowhere")
	}
	safe.fails = false
	o := w.apply(hire("k"))
	if _, err := w.engine.Reveal(t.Context(), tenant, o.Entry, self(ben)); !fail.Is(err, fail.Denied) {
		t.Errorf("told to somebody else: %v", err)
	}
	if s, err := w.engine.Reveal(t.Context(), tenant, o.Entry, self(anna)); s != firstPassword || err != nil || w.box.passwords[0] != s {
		t.Errorf("%q %v, the directory was given %v", s, err, w.box.passwords)
	}
	if _, err := w.engine.Reveal(t.Context(), tenant, o.Entry, self(anna)); !fail.Is(err, fail.NotFound) {
		t.Errorf("told twice: %v", err)
	}
	ent, err := w.journal.ByKey(t.Context(), tenant, "k")
	b, _ := json.Marshal(ent)
	if err != nil || strings.Contains(string(b), firstPassword) {
		t.Errorf("the journal holds the password: %s %v", b, err)
	}
	w.box.faults = []fault{refused}
	c := hire("no")
	c.Set["userPrincipalName"] = text("dora@contoso.example")
	wantState(t, w.apply(c), change.Refused)
	if len(safe.kept) != 0 {
		t.Errorf("passwords of nobody are kept: %v", safe.kept)
	}
}

// F05, F06, F07: a lost answer stands for both truths, and reading tells which.
func TestF05_F06_F07_ALostCreateIsFoundOrSentAgain(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]fault{"after": {lostAfter}, "before": {lostBefore}, "twice before": {lostBefore, lostBefore}, "before and after": {lostBefore, lostAfter}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := hiring(t)
			w.box.trouble(trouble{faults: faults})
			o := w.apply(hire("k"))
			wantState(t, o, change.Applied)
			if n := w.box.newcomers()["cleo@contoso.example"]; n != 1 || o.Created == "" {
				t.Errorf("%d people, created %q", n, o.Created)
			}
			if lost := faults[len(faults)-1] == lostAfter; o.Parts[0].Confirmed != lost {
				t.Errorf("confirmed by reading: %v", o.Parts[0].Confirmed)
			}
			if s, err := w.engine.Reveal(t.Context(), tenant, o.Entry, self(anna)); s != firstPassword || err != nil {
				t.Errorf("the password: %q %v", s, err)
			}
		})
	}
}

// Somebody who came by another hand is never taken for ours: with other values, or with the same ones from before.
func TestF11_SomebodyElsesPersonIsNotAdopted(t *testing.T) {
	t.Parallel()
	ours := property.Values{
		"userPrincipalName": text("cleo@contoso.example"), "displayName": text("Cleo Park"), "department": text("Ward 3"),
		"mailNickname": text("Cleo"), "accountEnabled": property.Bool(true),
	}
	other := ours.Clone()
	other["displayName"] = text("Cleo Parker")
	t.Run("other values", func(t *testing.T) {
		t.Parallel()
		w := hiring(t)
		w.box.trouble(trouble{faults: []fault{lostBefore}, after: func() {
			w.box.mu.Lock()
			w.box.arrive(other, false, directory.Authority{})
			w.box.mu.Unlock()
		}})
		o := w.apply(hire("k"))
		wantState(t, o, change.Conflicted)
		if o.Created != "" || w.box.sent() != 1 {
			t.Errorf("adopted %q, %d sent", o.Created, w.box.sent())
		}
	})
	t.Run("from before", func(t *testing.T) { // it shows only after the first look
		t.Parallel()
		w := hiring(t)
		w.box.arrive(ours, false, directory.Authority{})
		w.box.trouble(trouble{faults: []fault{lostBefore}, stale: 10 * time.Second})
		w.clock.onWait = func() { _ = w.box.newcomers(); w.box.mu.Lock(); w.box.stale = 0; w.box.mu.Unlock() }
		_ = w.clock.Wait(context.Background(), 5*time.Second)
		o := w.apply(hire("k"))
		if o.Created != "" || o.State == change.Applied {
			t.Errorf("adopted %q: %s", o.Created, o.State)
		}
	})
	t.Run("another change's", func(t *testing.T) { // made in the same second, with the same values, and not shown yet
		t.Parallel()
		w := hiring(t)
		first := w.apply(hire("one"))
		wantState(t, first, change.Applied)
		w.box.trouble(trouble{faults: []fault{lostBefore}, stale: time.Minute, after: func() {
			w.box.mu.Lock()
			w.box.stale = 0
			w.box.mu.Unlock()
		}})
		o := w.apply(hire("two"))
		if o.State == change.Applied || o.Created != "" {
			t.Errorf("%s adopted %q, whom another change has created", o.State, o.Created)
		}
	})
	t.Run("nothing was sent", func(t *testing.T) { // the process died before, and somebody did it by hand
		t.Parallel()
		w := hiring(t)
		survive(func() { _, _ = w.crashAt(change.AfterBegin, 1).Apply(context.Background(), hire("k")) })
		w.box.mu.Lock()
		w.box.arrive(ours, false, directory.Authority{})
		w.box.mu.Unlock()
		w.settle(5 * time.Minute)
		ent, err := w.journal.ByKey(t.Context(), tenant, "k")
		if err != nil || ent.Outcome.State != change.Conflicted || ent.Outcome.Created != "" || w.box.sent() != 0 {
			t.Errorf("%s, adopted %q, %d sent: %v", ent.Outcome.State, ent.Outcome.Created, w.box.sent(), err)
		}
	})
}

// G3: a crash at each step, then Settle: one person or none, said so, and the password is there to be told.
func TestG3_CreateCrashAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, point := range []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd} {
		for _, wait := range []time.Duration{5 * time.Minute, time.Hour} {
			t.Run(fmt.Sprint(point, " ", wait), func(t *testing.T) {
				t.Parallel()
				w := hiring(t)
				if !survive(func() { _, _ = w.crashAt(point, 1).Apply(context.Background(), hire("k")) }) {
					t.Fatal("it did not crash")
				}
				w.settle(wait)
				n := w.box.newcomers()["cleo@contoso.example"]
				ent, err := w.journal.ByKey(t.Context(), tenant, "k")
				if point == change.BeforeBegin {
					if err == nil || n != 0 {
						t.Fatalf("something was begun: %+v", ent)
					}
					return
				}
				if err != nil || ent.Ended.IsZero() {
					t.Fatalf("left open: %v", err)
				}
				secret, _ := w.engine.Reveal(t.Context(), tenant, ent.ID, self(anna))
				switch ent.Outcome.State {
				case change.Applied:
					if n != 1 || ent.Outcome.Created == "" || secret != firstPassword || w.box.passwords[len(w.box.passwords)-1] != secret {
						t.Errorf("%d people, %q, password %q", n, ent.Outcome.Created, secret)
					}
				case change.Failed: // no password was kept yet, or the wish is too old to be sent
					if n != 0 || secret != "" || point != change.AfterBegin && wait < time.Hour {
						t.Errorf("failed with %d people, password %q", n, secret)
					}
				default:
					t.Errorf("state %s", ent.Outcome.State)
				}
			})
		}
	}
}

// One name is under way at a time, and a second create waits for what became of the first.
func TestF14_TwoCreatesOfOneName(t *testing.T) {
	t.Parallel()
	w := hiring(t)
	survive(func() { _, _ = w.crashAt(change.BeforeSend, 1).Apply(context.Background(), hire("one")) })
	other := hire("two")
	other.Set["userPrincipalName"] = text("CLEO@contoso.example")
	_, err := w.engine.Apply(t.Context(), other)
	if f := problem(err); f == nil || f.Code != "busy" {
		t.Fatalf("the second: %v", err)
	}
	w.settle(5 * time.Minute)
	wantState(t, w.apply(other), change.Refused) // taken by now
	if n := w.box.newcomers()["cleo@contoso.example"]; n != 1 {
		t.Errorf("%d people", n)
	}
}

// Whatever goes wrong and wherever the process dies: a create that is said to be applied made one person whom nobody else made, one
// that is said to be refused or failed made none that we know of, nobody is made twice, and nobody of another's is called ours.
func TestApply_RandomCreates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := hiring(t)
		w.t = t
		names := []string{"cleo", "dora", "emil"}
		wishes := map[string]change.Change{}
		for i := range rapid.IntRange(1, 6).Draw(rt, "creates") {
			name := rapid.SampledFrom(names).Draw(rt, "name")
			c := hire(fmt.Sprint("k", i))
			c.Set["userPrincipalName"], c.Set["department"] = text(name+"@contoso.example"), text(fmt.Sprint("Ward ", rapid.IntRange(1, 2).Draw(rt, "ward")))
			wishes[c.Key] = c
			var tr trouble
			for range rapid.IntRange(0, 4).Draw(rt, "faults") {
				tr.faults = append(tr.faults, fault(rapid.IntRange(int(fine), int(throttledFor)).Draw(rt, "fault")))
			}
			if rapid.IntRange(0, 4).Draw(rt, "blind") == 0 {
				tr.blind = rapid.IntRange(1, 6).Draw(rt, "blind for")
			}
			if rapid.IntRange(0, 3).Draw(rt, "stale") == 0 {
				tr.stale = time.Duration(rapid.IntRange(1, 110).Draw(rt, "stale for")) * time.Second
			}
			if rapid.IntRange(0, 3).Draw(rt, "rival") == 0 {
				tr.after = func() {
					w.box.mu.Lock()
					defer w.box.mu.Unlock()
					if _, taken := w.box.named(name + "@contoso.example"); !taken {
						w.box.arrive(property.Values{"userPrincipalName": text(name + "@contoso.example"), "displayName": text("A rival's")}, false, directory.Authority{})
					}
				}
				tr.stale = 0
			}
			w.box.trouble(tr)
			e := w.engine
			if rapid.IntRange(0, 1).Draw(rt, "dies") == 0 {
				points := []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd}
				e = w.crashAt(rapid.SampledFrom(points).Draw(rt, "at"), rapid.IntRange(1, 2).Draw(rt, "nth"))
			}
			survive(func() {
				if _, err := e.Apply(context.Background(), c); err != nil && !fail.Is(err, fail.Conflict) {
					rt.Fatalf("apply: %v", err)
				}
			})
			w.engine = change.New(w.cfg)
			if rapid.Bool().Draw(rt, "settles") {
				w.box.trouble(trouble{})
				w.settle(time.Duration(rapid.IntRange(0, 300).Draw(rt, "seconds")) * time.Second)
			}
		}
		w.box.trouble(trouble{})
		for range 4 {
			w.settle(5 * time.Minute)
		}
		made := map[string]bool{} // by the ledger: whom we made
		for _, e := range w.box.effects() {
			if e.ours && e.name == "createdDateTime" {
				made[e.on.ID] = true
			}
		}
		for upn, n := range w.box.newcomers() {
			if n != 1 {
				rt.Fatalf("%d people are called %s", n, upn)
			}
		}
		sent := w.box.sent()
		claimed := map[string]string{}
		for key, c := range wishes {
			ent, err := w.journal.ByKey(t.Context(), tenant, key)
			if err != nil {
				continue // it never began
			}
			o := ent.Outcome
			if ent.Ended.IsZero() || o.State == change.Unverified || o.State == change.Open {
				rt.Fatalf("%s never came to an end: %s", key, o.State)
			}
			if o.Created != "" {
				if !made[o.Created] || claimed[o.Created] != "" {
					rt.Fatalf("%s calls %s its own: made by us %v, also claimed by %q", key, o.Created, made[o.Created], claimed[o.Created])
				}
				claimed[o.Created] = key
			}
			if (o.State == change.Applied) != (o.Created != "") && o.State != change.Conflicted {
				rt.Fatalf("%s is %s and made %q", key, o.State, o.Created)
			}
			if o.State == change.Applied {
				v := w.box.at(directory.Ref{Tenant: tenant, ID: o.Created}, 0)
				for n, want := range ent.Change.Set {
					if !alike(v[n], want) {
						rt.Fatalf("%s: %s is %v, wanted %v", key, n, v[n], want)
					}
				}
			}
			if again, err := w.engine.Apply(t.Context(), c); err != nil || again.State != o.State {
				rt.Fatalf("%s again: %s %v", key, again.State, err)
			}
		}
		if w.box.sent() != sent {
			rt.Fatal("keys that were done sent something")
		}
	})
}
