package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// many is a file that gives n people a department each.
func many(n int) string {
	var b strings.Builder
	b.WriteString("userPrincipalName,department,city\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "p%d@contoso.example,D%d,Bonn\n", i, i)
	}
	return b.String()
}

// applied plans a text, applies it to its end and gives the plan.
func (w *world) applied(text string, c bulk.Confirm) bulk.Plan {
	w.t.Helper()
	p, _ := w.plan(text, bulk.Upload{})
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	return w.now(p.ID)
}

func (w *world) now(id string) bulk.Plan {
	w.t.Helper()
	p, err := w.Bulk.Plan(w.ctx, boss, tenant, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// once holds the ledger to exactly one write of each of these people, with the department of many.
func (w *world) once(n int) {
	w.t.Helper()
	seen := map[string]int{}
	for _, e := range w.Ledger(0) {
		seen[e.Object]++
		want := "D" + strings.TrimLeft(strings.TrimPrefix(e.Object, "10000000-0000-4000-8000-"), "0")
		if e.Op != "user.update" || e.After["department"] != want {
			w.t.Errorf("%s of %s: %v", e.Op, e.Object, e.After)
		}
	}
	for i := 1; i <= n; i++ {
		if seen[id(i)] != 1 {
			w.t.Errorf("person %d was written %d times", i, seen[id(i)])
		}
	}
	if len(seen) != n {
		w.t.Errorf("%d people were written, want %d", len(seen), n)
	}
}

func TestS3_19to20_APlanIsApplied(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p := w.applied(many(30), bulk.Confirm{People: 30})
	if p.Run.State != bulk.Done || p.Run.Fates["applied"] != 30 || len(p.Run.Fates) != 1 || p.Run.By.Name != "Olga" || p.Run.By.Session != "" || p.Run.Ended.IsZero() {
		t.Errorf("%+v", p.Run)
	}
	w.once(30)
	rows, err := w.Rows(w.ctx, boss, tenant, p.ID, bulk.Query{Fate: change.Applied})
	if err != nil || len(rows) != 30 || rows[0].Fate.Steps[0].Entry == "" {
		t.Fatalf("%v %v", rows, err)
	}
	e, err := w.Desk.Entry(w.ctx, boss, tenant, rows[0].Fate.Steps[0].Entry)
	if err != nil || e.Change.Why != "people.csv, line 2" || e.Change.Names["on"] != "Person 1" || e.Outcome.State != change.Applied {
		t.Errorf("the history: %+v %v", e, err)
	}
	// Everything that a row can do, and the same plan again plans nothing.
	text := head + "p1@contoso.example,,,,p2@contoso.example,O'Neil & co,Sales,SPE_E3,\np40@contoso.example,,,,,,,,delete\n"
	if p = w.applied(text, bulk.Confirm{Deletions: 1}); p.Run.Fates["applied"] != 2 {
		t.Errorf("%+v", p.Run)
	}
	if p, rows := w.plan(text, bulk.Upload{}); p.Counts.Unchanged != 2 {
		t.Errorf("again: %+v %s", p.Counts, steps(rows[0].Row))
	}
}

// A61: only what was reviewed, once, and with a number typed where it reaches far.
func TestA61_DigestAndBrakes(t *testing.T) {
	t.Parallel()
	org := contoso(60)
	org.Users[1].Roles = []string{"User Administrator"}
	w := begin(t, org, strings.Replace(rules, "actions:", "privileged: Nameplate.Admin\nactions:", 1))
	refused := func(what string, p bulk.Plan, digest string, c bulk.Confirm, code string, fields ...string) {
		t.Helper()
		_, err := w.Apply(w.ctx, boss, tenant, p.ID, digest, c)
		var f *fail.Error
		if !errors.As(err, &f) || f.Code != code || f.Kind != fail.Conflict {
			t.Errorf("%s: %v, want %s", what, err, code)
			return
		}
		var got []string
		for _, q := range f.Fields {
			got = append(got, q.Field)
		}
		if strings.Join(got, " ") != strings.Join(fields, " ") {
			t.Errorf("%s asks for %v, want %v", what, got, fields)
		}
	}
	p, _ := w.plan(many(20), bulk.Upload{})
	other, _ := w.plan(many(2), bulk.Upload{})
	refused("another plan's digest", p, other.Digest, bulk.Confirm{People: 20, Privileged: 1}, "digest")
	refused("no digest", p, "", bulk.Confirm{People: 20, Privileged: 1}, "digest")
	refused("far, nothing typed", p, p.Digest, bulk.Confirm{}, "brake", "people", "privileged")
	refused("far, another number", p, p.Digest, bulk.Confirm{People: 19, Privileged: 1}, "brake", "people")
	gone, _ := w.plan("userPrincipalName,action\np5@contoso.example,delete\n", bulk.Upload{})
	refused("a deletion", gone, gone.Digest, bulk.Confirm{}, "brake", "deletions")
	none, _ := w.plan("userPrincipalName,city\n", bulk.Upload{})
	refused("an empty file", none, none.Digest, bulk.Confirm{}, "nothing")
	bad, _ := w.plan("userPrincipalName,citty\np5@contoso.example,Bonn\n", bulk.Upload{})
	refused("a file with wrong headings", bad, bad.Digest, bulk.Confirm{}, "problems")
	if n := len(w.Ledger(0)); n != 0 {
		t.Errorf("%d writes", n)
	}
	if _, err := w.Apply(w.ctx, holder(directory.Auditor), tenant, p.ID, p.Digest, bulk.Confirm{People: 20, Privileged: 1}); !fail.Is(err, fail.Denied) {
		t.Errorf("an auditor: %v", err)
	}
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{People: 20, Privileged: 1}); err != nil {
		t.Fatal(err)
	}
	refused("twice", p, p.Digest, bulk.Confirm{People: 20, Privileged: 1}, "state")
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	refused("when it is done", p, p.Digest, bulk.Confirm{People: 20, Privileged: 1}, "state")
	w.once(20)
}

// A24, F31: what somebody else changed in between is not overwritten; the rows that did not arrive come as a file that is planned again.
func TestA24_ConflictsAndRejects(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p, _ := w.plan("userPrincipalName,department,city,groups:add\np1@contoso.example,HR,Bonn,\np2@contoso.example,HR,Ulm,Sales\np3@contoso.example,HR,Bonn,\n", bulk.Upload{})
	rival := change.Change{On: directory.Ref{Tenant: tenant, ID: id(2)}, Do: change.Update, Set: property.Values{"department": property.Text("Law")}, By: boss}
	if o, err := w.Desk.Apply(w.ctx, rival); err != nil || o.State != change.Applied {
		t.Fatal(o, err)
	}
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p = w.now(p.ID); p.Run.State != bulk.Done || p.Run.Fates["applied"] != 2 || p.Run.Fates["partly"] != 1 {
		t.Errorf("%+v", p.Run)
	}
	rows, _ := w.Rows(w.ctx, boss, tenant, p.ID, bulk.Query{Fate: change.Partly})
	if len(rows) != 1 || rows[0].Fate.Steps[0].State != change.Conflicted || rows[0].Fate.Steps[0].Say.Zero() || rows[0].Fate.Steps[1].State != change.Applied {
		t.Fatalf("%+v", rows)
	}
	u, err := w.Desk.Directory.User(w.ctx, directory.Authority{}, directory.Ref{Tenant: tenant, ID: id(2)}, directory.Ask{Names: []property.Name{"department", "city"}})
	if err != nil || u.Values["department"].Str() != "Law" || !u.Values["city"].IsNull() {
		t.Errorf("the rival's value: %v %v", u.Values, err)
	}
	rejects, err := csv(func(x sheet.Writer) error {
		_, err := w.ExportRejects(w.ctx, boss, tenant, p.ID, x)
		return err
	})
	if err != nil || !strings.HasPrefix(rejects, "\ufeffid,userPrincipalName,city,department,groups:add,problem\r\n"+id(2)+",p2@contoso.example,Ulm,HR,,") {
		t.Errorf("%q %v", rejects, err)
	}
	if p, rows := w.plan(rejects, bulk.Upload{}); p.Counts.Ready != 1 || steps(rows[0].Row) != "update city:→Ulm department:Law→HR" {
		t.Errorf("planned again: %+v", p.Counts)
	}
}

// lossy is a store whose process dies before it writes down what became of rows.
type lossy struct {
	bulk.Store
	die func()
}

func (l *lossy) Fates(context.Context, string, string, []bulk.Fate) error {
	l.die()
	return errors.New("the process is gone")
}

// dies works until it is to write down what became of rows, and is gone then.
func (w *world) dies(cfg bulk.Config) {
	ctx, die := context.WithCancel(w.ctx)
	defer die()
	cfg.Store = &lossy{cfg.Store, die}
	_ = bulk.New(cfg).Work(ctx)
}

// Killed again and again, before and after what was done was written down, every row is in effect exactly once.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(700), rules)
	p, _ := w.plan(many(650), bulk.Upload{})
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{People: 650}); err != nil {
		t.Fatal(err)
	}
	for kill := range 6 {
		if kill%2 == 0 {
			w.dies(w.cfg)
			continue
		}
		ctx, die := context.WithCancel(w.ctx)
		left := 5 + 20*kill
		stop := w.OnWrite(func(emulator.Entry) {
			if left--; left == 0 {
				die()
			}
		})
		defer stop()
		_ = bulk.New(w.cfg).Work(ctx) // it died
		die()
	}
	if s := w.now(p.ID).Run.State; s != bulk.Applying {
		t.Fatalf("after the kills it is %s", s)
	}
	if err := bulk.New(w.cfg).Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p = w.now(p.ID); p.Run.State != bulk.Done || p.Run.Fates["applied"] != 650 {
		t.Errorf("%+v", p.Run)
	}
	w.once(650)
}

// Told to wait, nobody asks before the time is over; every row arrives.
func TestThrottledRowsWait(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p, _ := w.plan(many(12), bulk.Upload{})
	w.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH", Times: 3}, At: "before", Do: emulator.Do{Status: 429, RetryAfter: "1"}})
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{People: 12}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p = w.now(p.ID); p.Run.State != bulk.Done || p.Run.Fates["applied"] != 12 {
		t.Errorf("%+v", p.Run)
	}
	w.once(12)
}

// A stop of all writing pauses a plan; it goes on when somebody says so. A paused plan can be ended.
func TestStopPauseResumeCancel(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p, _ := w.plan(many(5), bulk.Upload{})
	if _, err := w.Desk.Stop(w.ctx, boss, "an incident"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p = w.now(p.ID); p.Run.State != bulk.Paused || p.Run.Why.Zero() || p.Run.Fates[""] != 5 {
		t.Errorf("stopped: %+v", p.Run)
	}
	if _, err := w.Desk.Go(w.ctx, boss, "over"); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil || len(w.Ledger(0)) != 0 {
		t.Errorf("it goes on by itself: %v", err)
	}
	if _, err := w.Resume(w.ctx, boss, tenant, p.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil || w.now(p.ID).Run.State != bulk.Done {
		t.Error(err, w.now(p.ID).Run)
	}
	w.once(5)
	q, _ := w.plan("userPrincipalName,city\np9@contoso.example,Ulm\n", bulk.Upload{})
	if _, err := w.Apply(w.ctx, boss, tenant, q.ID, q.Digest, bulk.Confirm{}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Pause(w.ctx, boss, tenant, q.ID); err != nil || got.Run.State != bulk.Paused {
		t.Error(got.Run, err)
	}
	if got, err := w.Cancel(w.ctx, boss, tenant, q.ID); err != nil || got.Run.State != bulk.Canceled || got.Run.Ended.Before(got.Run.Began) {
		t.Error(got.Run, err)
	}
	if _, err := w.Resume(w.ctx, boss, tenant, q.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("a canceled plan goes on: %v", err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.once(5)
}

// The first rows go alone: when one of them does not arrive, the rest waits until somebody has looked.
func TestCanaryRowsGoFirst(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p, _ := w.plan(many(30), bulk.Upload{})
	rival := change.Change{On: directory.Ref{Tenant: tenant, ID: id(2)}, Do: change.Update, Set: property.Values{"department": property.Text("Law")}, By: boss}
	if o, err := w.Desk.Apply(w.ctx, rival); err != nil || o.State != change.Applied {
		t.Fatal(o, err)
	}
	if p = w.carry(p, bulk.Confirm{People: 30, Canary: 3}); p.Run.State != bulk.Paused || p.Run.Fates["applied"] != 2 || p.Run.Fates["conflicted"] != 1 || p.Run.Fates[""] != 27 || p.Run.Why.Zero() {
		t.Errorf("%+v", p.Run)
	}
	if _, err := w.Resume(w.ctx, boss, tenant, p.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p = w.now(p.ID); p.Run.State != bulk.Done || p.Run.Fates["applied"] != 29 {
		t.Errorf("%+v", p.Run)
	}
	q, _ := w.plan("userPrincipalName,city\np5@contoso.example,Ulm\np6@contoso.example,Ulm\n", bulk.Upload{})
	if q = w.carry(q, bulk.Confirm{Canary: -1}); q.Run.State != bulk.Done {
		t.Errorf("%+v", q.Run)
	}
}

// A15, A35: a key that is ended, or an account that is blocked, while a plan of theirs is applied ends the writing.
func TestA15_A35_WhoAppliesAPlanHasToHold(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(30), rules)
	var asked []directory.Actor
	holds := true
	w.cfg.Holds = func(_ context.Context, by directory.Actor) (bool, error) {
		asked = append(asked, by)
		return holds, nil
	}
	w.Bulk = bulk.New(w.cfg)
	w.applied(many(3), bulk.Confirm{})
	w.once(3)
	if len(asked) == 0 || asked[0].Name != boss.Name {
		t.Errorf("asked of %v", asked)
	}
	holds = false
	p := w.applied("userPrincipalName,city\np9@contoso.example,Rome\n", bulk.Confirm{})
	if p.Run.State != bulk.Paused || !strings.Contains(p.Run.Why.String(), "may not any more") {
		t.Errorf("%s: %s", p.Run.State, p.Run.Why)
	}
	w.once(3)
}
