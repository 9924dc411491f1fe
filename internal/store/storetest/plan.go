package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
	"nameplate/internal/store"
)

// Plans is the contract of bulk.Store.
func Plans(t *testing.T, open Open) {
	c := &Clock{}
	s, ctx := open(t, c.Now).Plans(), context.Background()
	wrong := sheet.Problem{Line: 3, Column: 2, Sheet: "Staff", Heading: "Größe", Code: "too_long", Say: fail.T("Use at most %[1]d characters. This has %[2]d.", 64, 65)}
	plan := func(n int, tenant string) bulk.Plan {
		return bulk.Plan{
			ID: id("plan", n), Tenant: tenant, By: directory.Actor{Kind: directory.KeyActor, Ref: directory.Ref{Tenant: tenant, ID: "k"}, Name: "Adele"},
			Made: c.Now().Add(time.Duration(n) * time.Second), File: "people\n=1.csv", Sum: "ab", Digest: "cd",
			About:  sheet.About{Kind: "csv", Encoding: "utf-8", Delimiter: "\t", Format: sheet.Own, Columns: []sheet.Column{{Heading: "Block sign in", Use: sheet.Set, Name: "accountEnabled", Inverted: true}}},
			Counts: bulk.Counts{Rows: 3, Ready: 1, Kinds: map[string]int{"update": 1}}, Problems: []sheet.Problem{wrong}, Notes: []sheet.Problem{wrong},
		}
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rows := []bulk.Row{
		{
			Line: 2, On: directory.Ref{Tenant: tenantA, ID: "a"}, UPN: "ann_a@x.com", Name: "Ann 100% Ä", State: bulk.Ready, Privileged: true,
			Steps: []bulk.Step{
				{Do: change.Update, Set: property.Values{"employeeLeaveDateTime": property.Instant(day), "city": property.Null()}, Before: property.Values{"employeeLeaveDateTime": property.Null(), "city": property.Text("a\x00b")}},
				{Do: change.Manager, Set: property.Values{directory.FacetManager: property.Text("b")}, Before: property.Values{directory.FacetManager: property.Null()}, Names: map[string]string{"b": "Ben"}},
			},
		},
		{Line: 3, UPN: "ben@x.com", State: bulk.Refused, Problems: []sheet.Problem{wrong}},
		{Line: 4, UPN: "carl\x00a@x.com", State: bulk.Unchanged, Notes: []sheet.Problem{wrong}},
	}
	one, two, other := plan(1, tenantA), plan(2, tenantA), plan(3, tenantB)
	for _, p := range []bulk.Plan{one, two, other} {
		must(t, "begin", s.Begin(ctx, p))
		_, err := s.Plan(ctx, p.Tenant, p.ID)
		wantKind(t, "a plan that is being made", err, fail.NotFound, "")
	}
	must(t, "rows", s.Add(ctx, one, 1, rows[:2]))
	must(t, "more rows", s.Add(ctx, one, 3, rows[2:]))
	for _, p := range []bulk.Plan{one, two, other} {
		must(t, "end", s.End(ctx, p))
	}
	got, err := s.Plan(ctx, tenantA, one.ID)
	must(t, "read", err)
	equal(t, "the plan", got, one)
	for _, no := range [][2]string{{tenantB, one.ID}, {tenantA, "nonsense"}, {tenantA, "\x00"}, {tenantA, ""}} {
		_, err = s.Plan(ctx, no[0], no[1])
		wantKind(t, fmt.Sprintf("A22 %q", no), err, fail.NotFound, "")
	}
	wantKind(t, "the end of none", s.End(ctx, plan(9, tenantA)), fail.NotFound, "")
	list, err := s.Plans(ctx, tenantA, time.Time{}, 10)
	must(t, "list", err)
	equal(t, "A22 the tenant's plans, newest first", list, []bulk.Plan{two, one})
	list, err = s.Plans(ctx, tenantA, two.Made, 10)
	must(t, "older", err)
	equal(t, "older", list, []bulk.Plan{one})

	for _, q := range []struct {
		what string
		bulk.Query
		want []int
	}{
		{"all", bulk.Query{}, []int{1, 2, 3}},
		{"at most", bulk.Query{N: 2}, []int{1, 2}},
		{"after", bulk.Query{After: 1, N: 1}, []int{2}},
		{"refused", bulk.Query{State: bulk.Refused}, []int{2}},
		{"managers", bulk.Query{Kind: "manager"}, []int{1}},
		{"no such kind", bulk.Query{Kind: "manage"}, nil},
		{"a name", bulk.Query{Text: "N 100% ä"}, []int{1}},
		{"A36 no pattern", bulk.Query{Text: "nn%ä"}, nil},
		{"no pattern of one letter", bulk.Query{Text: "ann_a"}, []int{1}},
		{"nor there", bulk.Query{Text: "be_@x"}, nil},
		{"a NUL", bulk.Query{Text: "\x00carl"}, []int{3}},
	} {
		l, err := s.Rows(ctx, tenantA, one.ID, q.Query)
		must(t, q.what, err)
		var numbers []int
		for _, r := range l {
			numbers = append(numbers, r.Number)
			equal(t, q.what, r.Row, rows[r.Number-1])
		}
		equal(t, q.what, numbers, q.want)
	}
	l, err := s.Rows(ctx, tenantB, one.ID, bulk.Query{})
	if err != nil || len(l) != 0 {
		t.Errorf("A22 another tenant's rows: %v %v", l, err)
	}
	runs(t, s, c, one, two)
	half := plan(7, tenantA)
	must(t, "begin", s.Begin(ctx, half))
	must(t, "rows", s.Add(ctx, half, 1, rows))
	must(t, "sweep too early", s.Sweep(ctx, half.Made))
	if l, err := s.Rows(ctx, tenantA, half.ID, bulk.Query{}); err != nil || len(l) != 3 {
		t.Errorf("swept too early: %v %v", l, err)
	}
	must(t, "sweep", s.Sweep(ctx, half.Made.Add(time.Second)))
	for plan, want := range map[string]int{half.ID: 0, one.ID: 3} {
		if l, err := s.Rows(ctx, tenantA, plan, bulk.Query{}); err != nil || len(l) != want {
			t.Errorf("rows of %s after the sweep: %d %v", plan, len(l), err)
		}
	}
	must(t, "drop", s.Drop(ctx, tenantA, one.ID))
	must(t, "drop again", s.Drop(ctx, tenantA, one.ID))
	_, err = s.Plan(ctx, tenantA, one.ID)
	wantKind(t, "dropped", err, fail.NotFound, "")
	if l, err := s.Rows(ctx, tenantA, one.ID, bulk.Query{}); err != nil || len(l) != 0 {
		t.Errorf("its rows: %v %v", l, err)
	}
}

// runs is the contract of applying.
func runs(t *testing.T, s *store.Plans, c *Clock, one, two bulk.Plan) {
	ctx := context.Background()
	run := bulk.Run{State: bulk.Applying, By: directory.Actor{Kind: directory.HostActor, Name: "olga", Roles: []directory.Role{directory.Admin}}, Began: c.Now()}
	claim := func(what, holder, want string) {
		t.Helper()
		p, ok, err := s.Claim(ctx, holder, c.Now(), c.Now().Add(time.Minute))
		must(t, what, err)
		if ok != (want != "") || ok && p.ID != want {
			t.Errorf("%s: %v %q, want %q", what, ok, p.ID, want)
		}
	}
	claim("nothing to apply", "a", "")
	wantKind(t, "another state", s.Turn(ctx, one.Tenant, one.ID, []bulk.RunState{bulk.Paused}, run), fail.Conflict, "state")
	wantKind(t, "A22 another tenant's", s.Turn(ctx, tenantB, one.ID, []bulk.RunState{bulk.Planned}, run), fail.NotFound, "")
	must(t, "apply", s.Turn(ctx, one.Tenant, one.ID, []bulk.RunState{bulk.Planned}, run))
	must(t, "apply", s.Turn(ctx, two.Tenant, two.ID, []bulk.RunState{bulk.Planned}, run))
	wantKind(t, "apply twice", s.Turn(ctx, one.Tenant, one.ID, []bulk.RunState{bulk.Planned}, run), fail.Conflict, "state")
	if p, ok, err := s.Of(tenantB).Claim(ctx, "a", c.Now(), c.Now()); ok || err != nil {
		t.Errorf("A28 another organization's work: %v %v", p.ID, err)
	}
	claim("the older one", "a", one.ID)
	claim("its holder again", "a", one.ID)
	state, err := s.Keep(ctx, one.Tenant, one.ID, "a", c.Now().Add(time.Minute))
	if err != nil || state != bulk.Applying {
		t.Errorf("keep: %s %v", state, err)
	}
	_, err = s.Keep(ctx, one.Tenant, one.ID, "b", c.Now().Add(time.Minute))
	wantKind(t, "somebody else's", err, fail.Conflict, "")
	fate := bulk.Fate{Number: 1, State: change.Partly, Steps: []bulk.StepFate{{State: change.Applied, Entry: "e1"}, {State: change.Conflicted, Say: fail.T("Somebody %s.", "else"), Code: "changed"}}}
	must(t, "fates", s.Fates(ctx, one.Tenant, one.ID, []bulk.Fate{fate}))
	must(t, "a second fate", s.Fates(ctx, one.Tenant, one.ID, []bulk.Fate{{Number: 1, State: change.Failed}}))
	rows, err := s.Rows(ctx, one.Tenant, one.ID, bulk.Query{Fate: change.Partly})
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows by fate: %v %v", rows, err)
	}
	equal(t, "the first fate stays", *rows[0].Fate, fate)
	if rows, err = s.Rows(ctx, one.Tenant, one.ID, bulk.Query{State: bulk.Ready, Undone: true}); err != nil || len(rows) != 0 {
		t.Errorf("what is still to do: %v %v", rows, err)
	}
	paused := run
	paused.State, paused.Why = bulk.Paused, fail.T("%s has paused it.", "Olga")
	must(t, "pause", s.Turn(ctx, one.Tenant, one.ID, []bulk.RunState{bulk.Applying}, paused))
	if state, err = s.Keep(ctx, one.Tenant, one.ID, "a", c.Now()); err != nil || state != bulk.Paused {
		t.Errorf("keep what is paused: %s %v", state, err)
	}
	p, err := s.Plan(ctx, one.Tenant, one.ID)
	must(t, "read", err)
	paused.Fates = map[string]int{"partly": 1}
	equal(t, "the run", p.Run, paused)
	claim("the other one", "a", two.ID)
	c.Advance(2 * time.Minute)
	claim("whose holder is gone", "b", two.ID)
}

// Uploads is the contract of the files that wait in a bulk.Store.
func Uploads(t *testing.T, open Open) {
	c := &Clock{}
	s, ctx := open(t, c.Now).Plans(), context.Background()
	upload := func(tenant, by string, n int) bulk.Waiting {
		return bulk.Waiting{Tenant: tenant, ID: id("upload", n), By: by, Until: c.Now().Add(time.Duration(n) * time.Hour), Parts: [][]byte{{0, 0xff, byte(n)}, {}, {1}}}
	}
	one, other := upload(tenantA, "adele", 1), upload(tenantB, "adele", 2)
	for _, w := range []bulk.Waiting{one, other} {
		must(t, "put", s.PutUpload(ctx, w))
	}
	got, err := s.Upload(ctx, tenantA, one.ID, "adele", c.Now())
	must(t, "read", err)
	if len(got.Parts) != 3 || string(got.Parts[0]) != "\x00\xff\x01" || len(got.Parts[1]) != 0 || !got.Until.Equal(one.Until) {
		t.Errorf("%+v", got)
	}
	for _, no := range [][3]string{{tenantA, one.ID, "ben"}, {tenantB, one.ID, "adele"}, {tenantA, "\x00", "adele"}, {tenantA, "nonsense", "adele"}} {
		_, err := s.Upload(ctx, no[0], no[1], no[2], c.Now())
		wantKind(t, fmt.Sprintf("A22 %q", no), err, fail.NotFound, "")
	}
	_, err = s.Upload(ctx, tenantA, one.ID, "adele", one.Until)
	wantKind(t, "too late", err, fail.NotFound, "")
	for n := 3; n <= 5; n++ { // three are kept
		must(t, "put", s.PutUpload(ctx, upload(tenantA, "adele", n)))
	}
	_, err = s.Upload(ctx, tenantA, one.ID, "adele", c.Now())
	wantKind(t, "the oldest of four", err, fail.NotFound, "")
	must(t, "sweep", s.SweepUploads(ctx, c.Now().Add(3*time.Hour)))
	for n, there := range map[int]bool{3: false, 4: true, 5: true} {
		if _, err := s.Upload(ctx, tenantA, id("upload", n), "adele", time.Time{}); (err == nil) != there {
			t.Errorf("after the sweep %d: %v", n, err)
		}
	}
	must(t, "drop", s.DropUpload(ctx, tenantA, id("upload", 4)))
	must(t, "drop again", s.DropUpload(ctx, tenantA, id("upload", 4)))
	_, err = s.Upload(ctx, tenantA, id("upload", 4), "adele", c.Now())
	wantKind(t, "dropped", err, fail.NotFound, "")
}
