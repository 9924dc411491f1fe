package storetest

import (
	"context"
	"testing"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Given is the contract of what is kept beside the rows of a plan.
func Given(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	db := open(t, c.Now)
	s := db.Plans()
	row := func(who string) bulk.Row {
		return bulk.Row{Line: 2, On: directory.Ref{Tenant: tenantA, ID: who}, State: bulk.Ready, Steps: []bulk.Step{{Do: change.Photo, Set: property.Values{}, Before: property.Values{}}}}
	}
	one, two, half := bulk.Plan{ID: "one", Tenant: tenantA, Made: c.Now(), Digest: "x"}, bulk.Plan{ID: "two", Tenant: tenantA, Made: c.Now(), Digest: "x"}, bulk.Plan{ID: "half", Tenant: tenantA, Made: c.Now()}
	until := c.Now().Add(time.Hour)
	for _, p := range []bulk.Plan{one, two, half} {
		must(t, "begin", s.Begin(ctx, p))
		must(t, "rows", s.Add(ctx, p, 1, []bulk.Row{row("ann"), row("ben"), row("cleo")}))
		for n := 1; n <= 3; n++ {
			must(t, "put", s.PutGiven(ctx, bulk.Given{Tenant: tenantA, Plan: p.ID, Number: n, What: "photo", Until: until, Sealed: []byte{0, byte(n)}}))
		}
	}
	must(t, "of another sort", s.PutGiven(ctx, bulk.Given{Tenant: tenantA, Plan: "one", Number: 1, What: "password", Until: until.Add(time.Hour), Sealed: []byte("p")}))
	must(t, "end", s.End(ctx, one))
	must(t, "end", s.End(ctx, two))
	there := func(what, plan string, n int, want bool) {
		t.Helper()
		g, err := s.Given(ctx, tenantA, plan, n, "photo", c.Now())
		if !want {
			wantKind(t, what, err, fail.NotFound, "")
			return
		}
		must(t, what, err)
		equal(t, what, g, bulk.Given{Tenant: tenantA, Plan: plan, Number: n, What: "photo", Until: until, Sealed: []byte{0, byte(n)}})
	}
	there("read", "one", 1, true)
	for _, no := range [][3]string{{tenantB, "one", "photo"}, {tenantA, "none", "photo"}, {tenantA, "one", "other"}, {tenantA, "\x00", "photo"}} {
		_, err := s.Given(ctx, no[0], no[1], 1, no[2], c.Now())
		wantKind(t, "A22 "+no[1], err, fail.NotFound, "")
	}
	_, err := s.Given(ctx, tenantA, "one", 1, "photo", until)
	wantKind(t, "too late", err, fail.NotFound, "")

	must(t, "a fate", s.Fates(ctx, tenantA, "one", []bulk.Fate{{Number: 1, State: change.Applied}}))
	there("of a row that was applied", "one", 1, false)
	there("of the next", "one", 2, true)
	_, err = db.Keep().Forget(ctx, forgetting(directory.Ref{Tenant: tenantA, ID: "ben"}, "f1", c.Now()))
	must(t, "forget", err)
	there("of who was forgotten", "one", 2, false)
	there("of who was forgotten, in the other plan", "two", 2, false)
	there("of somebody else", "two", 3, true)
	must(t, "cancel", s.Turn(ctx, tenantA, "one", []bulk.RunState{bulk.Planned}, bulk.Run{State: bulk.Canceled}))
	there("of a canceled plan", "one", 3, false)
	must(t, "sweep of plans that were not made whole", s.Sweep(ctx, half.Made.Add(time.Second)))
	there("of one", "half", 3, false)
	must(t, "sweep too early", s.SweepGiven(ctx, until.Add(-time.Second)))
	there("after it", "two", 3, true)
	must(t, "apply the other", s.Turn(ctx, tenantA, "two", []bulk.RunState{bulk.Planned}, bulk.Run{State: bulk.Paused}))
	must(t, "forget old plans too early", s.Forget(ctx, one.Made))
	_, err = s.Plan(ctx, tenantA, "one")
	must(t, "a plan of today", err)
	must(t, "forget old plans", s.Forget(ctx, one.Made.Add(time.Second)))
	_, err = s.Plan(ctx, tenantA, "one")
	wantKind(t, "an old plan", err, fail.NotFound, "")
	if l, err := s.Rows(ctx, tenantA, "one", bulk.Query{}); len(l) != 0 || err != nil {
		t.Errorf("its rows: %v %v", l, err)
	}
	there("of a paused plan, which stays", "two", 3, true)
	must(t, "drop", s.Drop(ctx, tenantA, "two"))
	there("of a dropped plan", "two", 3, false)
	must(t, "put", s.PutGiven(ctx, bulk.Given{Tenant: tenantA, Plan: "one", Number: 3, What: "photo", Until: until, Sealed: []byte{0, 3}}))
	must(t, "sweep", s.SweepGiven(ctx, until))
	there("after the sweep", "one", 3, false)
}
