package change_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
	"nameplate/internal/store/storetest"
)

// count is how many HTTP requests and writes f costs.
func (r *real) count(f func()) (requests, writes int64) {
	before := r.Statistics()
	f()
	after := r.Statistics()
	return after.Requests - before.Requests, after.Writes - before.Writes
}

func TestP8_RequestsOfASave(t *testing.T) {
	t.Parallel()
	r := newReal(t, 2)
	ids := 0
	w := r.world(t, &ids)
	on := directory.Ref{Tenant: tenant, ID: personID(1)}
	ten := property.Values{ // the ten fields of S1.35 to S1.44
		"country": text("DE"), "state": text("Bayern"), "city": text("Ulm"), "postalCode": text("89073"), "streetAddress": text("Hafengasse 1"),
		"companyName": text("Contoso"), "department": text("Ward 3"), "jobTitle": text("Head nurse"), "officeLocation": text("12"), "mobilePhone": text("+49 731 1234567"),
	}
	requests, writes := r.count(func() { wantState(t, w.apply(set("ten", on, ten)), change.Applied) })
	if requests != 2 || writes != 1 {
		t.Errorf("ten fields: %d requests and %d writes, want one read and one $batch, and 1 write", requests, writes)
	}
	requests, writes = r.count(func() { wantState(t, w.apply(set("same", on, ten)), change.Unchanged) })
	if requests != 1 || writes != 0 {
		t.Errorf("nothing to do: %d requests and %d writes, want 1 and 0", requests, writes)
	}
	requests, writes = r.count(func() { wantState(t, w.apply(set("ten", on, ten)), change.Applied) })
	if requests != 0 || writes != 0 {
		t.Errorf("the same form again: %d requests and %d writes, want none", requests, writes)
	}
	mixed := property.Values{"city": text("Jena"), "aboutMe": text("Hello"), "skills": property.List("Go")}
	requests, writes = r.count(func() { wantState(t, w.apply(set("mixed", on, mixed)), change.Applied) })
	if requests != 4 || writes != 3 {
		t.Errorf("with two own-token properties: %d requests and %d writes, want 4 and 3", requests, writes)
	}
	for _, e := range r.Ledger(0) {
		own := e.After["aboutMe"] != nil || e.After["skills"] != nil
		if own != (e.Actor == on.ID) {
			t.Errorf("S2.23: ledger %v by actor %q", e.After, e.Actor)
		}
	}
}

func TestF40_DoubleClickIsOneWrite(t *testing.T) {
	t.Parallel()
	r := newReal(t, 2)
	ids := 0
	var mu sync.Mutex
	w := r.world(t, &ids)
	w.cfg.NewID = func() string { mu.Lock(); defer mu.Unlock(); ids++; return fmt.Sprintf("entry-%06d", ids) }
	w.cfg.Wait = nil // really waits for the other
	// The engine's patience is measured by its clock, which stands still here: it waits until the other has ended.
	w.engine = change.New(w.cfg)
	on := directory.Ref{Tenant: tenant, ID: personID(1)}
	var wg sync.WaitGroup
	out := make([]change.Outcome, 8)
	for i := range out {
		wg.Go(func() {
			o, err := w.engine.Apply(context.Background(), set("form", on, property.Values{"city": text("Ulm")}))
			if err != nil {
				t.Error(err)
			}
			out[i] = o
		})
	}
	wg.Wait()
	for _, o := range out {
		if o.Entry != out[0].Entry || o.State != change.Applied {
			t.Errorf("outcomes differ: %s %s and %s %s", out[0].Entry, out[0].State, o.Entry, o.State)
		}
	}
	if n := len(r.Ledger(0)); n != 1 {
		t.Errorf("%d writes for eight clicks", n)
	}
}

// F11 with several saves at once, by two processes on one database: different fields of one person, different forms; all arrive
// and none is lost.
func TestApply_SavesOfOnePersonAtOnceAllArrive(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReal(t, 2, open)
			ids := 0
			var mu sync.Mutex
			w := r.world(t, &ids)
			w.cfg.NewID = func() string { mu.Lock(); defer mu.Unlock(); ids++; return fmt.Sprintf("entry-%06d", ids) }
			w.cfg.Wait = nil
			processes := []*change.Engine{change.New(w.cfg), change.New(w.cfg)}
			on := directory.Ref{Tenant: tenant, ID: personID(1)}
			want := property.Values{"city": text("Ulm"), "state": text("Bayern"), "department": text("Ward 3"), "companyName": text("Contoso"), "postalCode": text("1")}
			var wg sync.WaitGroup
			for i, n := range want.Names() {
				wg.Go(func() {
					o, err := processes[i%2].Apply(context.Background(), set("form "+string(n), on, property.Values{n: want[n]}))
					if err != nil || o.State != change.Applied {
						t.Errorf("%s: %+v %v", n, o, err)
					}
				})
			}
			wg.Wait()
			u, err := r.dir.User(context.Background(), directory.Authority{}, on, directory.Ask{Names: want.Names()})
			if err != nil {
				t.Fatal(err)
			}
			for n, v := range want {
				if !u.Values[n].Equal(v) {
					t.Errorf("%s is %v, want %v", n, u.Values[n], v)
				}
			}
			if n, bad, err := w.journal.Verify(context.Background(), tenant); n == 0 || bad != nil || err != nil {
				t.Errorf("the chain: %d %+v %v", n, bad, err)
			}
		})
	}
}

// A24: what was meant for one person never reaches another who got their sign-in name.
func TestA24_ARecycledNameIsAnotherPerson(t *testing.T) {
	t.Parallel()
	r := newReal(t, 3)
	ids := 0
	w := r.world(t, &ids)
	ctx := context.Background()
	old, new_ := directory.Ref{Tenant: tenant, ID: personID(1)}, directory.Ref{Tenant: tenant, ID: personID(2)}
	c := set("plan", old, property.Values{"city": text("Ulm")})
	if err := r.theirs.Delete(ctx, "/users/"+old.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.theirs.Patch(ctx, "/users/"+new_.ID, map[string]any{"userPrincipalName": "person1@contoso.example"}); err != nil {
		t.Fatal(err)
	}
	o := w.apply(c)
	wantState(t, o, change.Refused)
	if v := r.valueOf(new_, "city"); v != "Bonn" {
		t.Errorf("the new person's city is %q", v)
	}
}

func (r *real) valueOf(on directory.Ref, n property.Name) string {
	u, err := r.dir.User(context.Background(), directory.Authority{}, on, directory.Ask{Names: []property.Name{n}})
	if err != nil {
		return err.Error()
	}
	return u.Values[n].Str()
}

// F10: the emulator shows the old value for a while, as a replica does.
func TestF10_StaleReplicaOnTheRealPath(t *testing.T) {
	t.Parallel()
	r := newReal(t, 2)
	ids := 0
	w := r.world(t, &ids)
	on := directory.Ref{Tenant: tenant, ID: personID(1)}
	id := r.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH"}, At: emulator.After, Do: emulator.Do{Stale: emulator.Duration(40 * time.Second)}})
	requests, _ := r.count(func() {
		o := w.apply(set("k", on, property.Values{"city": text("Ulm")}))
		wantState(t, o, change.Unverified)
	})
	if requests != 2 {
		t.Errorf("%d requests, want 2: the person does not wait", requests)
	}
	r.ClearFault(id)
	if n := w.settle(time.Minute); n != 1 {
		t.Errorf("settled %d", n)
	}
	e, err := w.journal.ByKey(context.Background(), tenant, "k")
	if err != nil || e.Outcome.State != change.Applied {
		t.Errorf("%+v %v", e.Outcome, err)
	}
	if n := len(r.Ledger(0)); n != 1 {
		t.Errorf("%d writes", n)
	}
}

// G4: ambiguous writes are classified rightly, and the first that landed stays the only one.
func TestG4_AmbiguousAnswersAreClassified(t *testing.T) {
	t.Parallel()
	each := 25
	if s := os.Getenv("G4_SOAK"); s != "" {
		var err error
		if each, err = strconv.Atoi(s); err != nil {
			t.Fatalf("G4_SOAK is how many of each: %v", err)
		}
	}
	rivals := 0
	r := newReal(t, 2*each+1)
	ids := 0
	w := r.world(t, &ids)
	for i := range 2 * each {
		at := emulator.Before // lost, and sent again
		if i%2 == 0 {
			at = emulator.After // lost, and there
		}
		id := r.Inject(emulator.Rule{Match: emulator.Match{App: ourApp, Method: "PATCH", Times: 1}, At: at, Do: emulator.Do{Status: 504}})
		on := directory.Ref{Tenant: tenant, ID: personID(i)}
		rival, stop := i%10 == 4 || i%10 == 7, func() {}
		if rival { // comes between the lost answer and the first GET of the read-back; two GETs belong to the read before
			rivals++
			stop = r.OnRequest(emulator.Match{App: ourApp, Method: "GET", Nth: 3}, func() { r.on = on; r.rival(on, property.Values{"city": text("Rome")}) })
		}
		_, writes := r.count(func() {
			o := w.apply(set(fmt.Sprint("k", i), on, property.Values{"city": text("Ulm")}))
			want := change.Applied
			if rival {
				want = change.Conflicted
			}
			if o.State != want || (want == change.Applied && o.Parts[0].Confirmed != (at == emulator.After)) {
				t.Errorf("%d: state %s confirmed %v, want %s", i, o.State, o.Parts[0].Confirmed, want)
			}
		})
		want := "Ulm"
		if rival {
			want = "Rome"
		}
		if got := r.valueOf(on, "city"); got != want {
			t.Errorf("%d: city %q, want %q", i, got, want)
		}
		if !rival && writes != 1 {
			t.Errorf("%d: %d writes in the ledger, want 1", i, writes)
		}
		r.ClearFault(id)
		stop()
	}
	t.Logf("%d lost answers before the write and %d after it, a rival in %d", each, each, rivals)
}
