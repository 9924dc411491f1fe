package bulk_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// undo makes the plan that takes another back, and gives its rows.
func (w *world) undo(id string) (bulk.Plan, []bulk.Numbered) {
	w.t.Helper()
	p, err := w.Undo(w.ctx, boss, tenant, id)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.Rows(w.ctx, boss, tenant, p.ID, bulk.Query{N: 100_000})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, rows
}

// carry applies a plan that is there, to its end.
func (w *world) carry(p bulk.Plan, c bulk.Confirm) bulk.Plan {
	w.t.Helper()
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	return w.now(p.ID)
}

// everyone is what the directory holds of n people, as a text, with managers, groups and licenses.
func (w *world) everyone(n int) string {
	w.t.Helper()
	var b strings.Builder
	for i := 1; i <= n; i++ {
		u, err := w.Desk.Directory.User(w.ctx, directory.Authority{}, directory.Ref{Tenant: tenant, ID: id(i)}, directory.Ask{
			Names:   []property.Name{"department", "jobTitle", "city", "state", "usageLocation", directory.FacetAccount, directory.FacetManager},
			Manager: true, Groups: true, Licenses: true,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d", i)
		for _, x := range u.Values.Names() {
			fmt.Fprintf(&b, " %s=%v", x, u.Values[x])
		}
		for _, g := range u.Groups {
			fmt.Fprintf(&b, " %s", g.Name)
		}
		for _, l := range u.Licenses {
			fmt.Fprintf(&b, " %s", l.SKU)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// S4.31: undo of a whole plan is a plan of its own; undo of the undo; a row can do everything that there is.
func TestS4_31_UndoOfAPlan(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(40), rules)
	before := w.everyone(6)
	text := head +
		"p1@contoso.example,Law,,<clear>,p2@contoso.example,\"O'Neil & co\",sales,SPE_E3,\n" +
		"p2@contoso.example,Law,Judge,Bonn,,Sales,,,\n" +
		"p3@contoso.example,,,,,,,,delete\n" +
		"p4@contoso.example,Sales,,,,,,,\n"
	p := w.applied(text, bulk.Confirm{Deletions: 1})
	after := w.everyone(6)
	u, rows := w.undo(p.ID)
	want := []string{
		`license license/50000000-0000-4000-8000-000000000001:{"disabledPlans":[]}→; ` +
			"member memberOf/40000000-0000-4000-8000-000000000001:→true memberOf/40000000-0000-4000-8000-000000000005:true→; manager manager:" + id(2) + "→; update department:Law→Sales",
		"member memberOf/40000000-0000-4000-8000-000000000001:true→; update city:Bonn→ department:Law→Sales jobTitle:Judge→Clerk",
		"restore account:deleted→active",
	}
	if len(rows) != len(want) || u.Undoes != p.ID || u.File != p.File || u.Run.State != bulk.Planned {
		t.Fatalf("%d rows, %+v", len(rows), u)
	}
	for i, r := range rows {
		if got := steps(r.Row); got != want[i] || r.Line != i+2 || r.State != bulk.Ready || r.Name == "" {
			t.Errorf("line %d %s:\n got %s\nwant %s", r.Line, r.State, got, want[i])
		}
	}
	if got := w.everyone(6); got != after {
		t.Error("a plan has written")
	}
	if u = w.carry(u, bulk.Confirm{}); u.Run.State != bulk.Done || u.Run.Fates["applied"] != 3 {
		t.Errorf("%+v", u.Run)
	}
	if got := w.everyone(6); got != before {
		t.Errorf("undone:\n%swant\n%s", got, before)
	}
	done, _ := w.Rows(w.ctx, boss, tenant, u.ID, bulk.Query{})
	e, err := w.Desk.Entry(w.ctx, boss, tenant, done[0].Fate.Steps[3].Entry)
	if err != nil || e.Change.Why != "Undo of people.csv, line 2" || e.Change.Undoes == "" {
		t.Errorf("the history: %+v %v", e.Change, err)
	}
	if again, rows := w.undo(p.ID); again.Counts.Ready != 0 || again.Counts.Unchanged != 3 {
		t.Errorf("a second undo: %+v %s", again.Counts, steps(rows[0].Row))
	}
	back, _ := w.undo(u.ID)
	if back = w.carry(back, bulk.Confirm{Deletions: 1}); back.Run.Fates["applied"] != 3 {
		t.Errorf("undo of the undo: %+v", back.Run)
	}
	if got := w.everyone(6); got != after {
		t.Errorf("undo of the undo:\n%swant\n%s", got, after)
	}
}

// F42: what three people's rows hold by now is somebody else's: it is shown, before and after the undo is made, and never overwritten.
func TestF42_UndoLeavesWhatOthersChanged(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(60), rules)
	p := w.applied(many(10), bulk.Confirm{People: 10})
	rival := func(n int) {
		t.Helper()
		c := change.Change{On: directory.Ref{Tenant: tenant, ID: id(n)}, Do: change.Update, Set: property.Values{"department": property.Text("Rival")}, By: boss}
		if o, err := w.Desk.Apply(w.ctx, c); err != nil || o.State != change.Applied {
			t.Fatal(o, err)
		}
	}
	rival(2)
	rival(5)
	u, rows := w.undo(p.ID)
	if u.Counts.Ready != 8 || u.Counts.Refused != 2 || rows[1].State != bulk.Refused || rows[1].Problems[0].Code != "changed" ||
		steps(rows[1].Row) != "update city:Bonn→ department:Rival→Sales" {
		t.Errorf("%+v %+v %s", u.Counts, rows[1], steps(rows[1].Row))
	}
	rival(9) // after the plan was made
	if u = w.carry(u, bulk.Confirm{People: 8}); u.Run.State != bulk.Done || u.Run.Fates["applied"] != 7 || u.Run.Fates["conflicted"] != 1 {
		t.Errorf("%+v", u.Run)
	}
	for i, line := range strings.Split(strings.TrimSpace(w.everyone(10)), "\n") {
		want := "department=Sales"
		if n := i + 1; n == 2 || n == 5 || n == 9 {
			want = "department=Rival"
		}
		if !strings.Contains(line, want) {
			t.Errorf("%s: want %s", line, want)
		}
	}
}

// A plan that was ended in the middle takes back what arrived, and an undo that is cut off goes on where it stopped.
func TestF42_UndoOfAPlanThatWasCutOff(t *testing.T) {
	t.Parallel()
	const n = 140 // more than are under way at once
	w := begin(t, contoso(n), rules)
	before := w.everyone(n)
	p, _ := w.plan(many(n), bulk.Upload{})
	if _, err := w.Undo(w.ctx, boss, tenant, p.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("undo of what was never applied: %v", err)
	}
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{People: n}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Undo(w.ctx, boss, tenant, p.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("undo of what is being applied: %v", err)
	}
	paused := w.OnWrite(func(emulator.Entry) {
		if _, err := w.Pause(w.ctx, boss, tenant, p.ID); err != nil && !fail.Is(err, fail.Conflict) {
			t.Error(err)
		}
	})
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	paused()
	if _, err := w.Cancel(w.ctx, boss, tenant, p.ID); err != nil {
		t.Fatal(err)
	}
	arrived := w.now(p.ID).Run.Fates["applied"]
	if arrived == 0 || arrived == n {
		t.Fatalf("%d rows arrived: this test needs a plan that stopped in the middle", arrived)
	}
	u, rows := w.undo(p.ID)
	if len(rows) != arrived || u.Counts.Ready != arrived {
		t.Errorf("%d arrived, undone would be %+v", arrived, u.Counts)
	}
	if _, err := w.Apply(w.ctx, boss, tenant, u.ID, u.Digest, bulk.Confirm{People: arrived}); err != nil {
		t.Fatal(err)
	}
	w.dies(w.cfg)
	if err := bulk.New(w.cfg).Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.now(u.ID).Run; got.State != bulk.Done || got.Fates["applied"] != arrived {
		t.Errorf("%+v", got)
	}
	if got := w.everyone(n); got != before {
		t.Errorf("undone:\n%swant\n%s", got, before)
	}
}

// G11: random plans are applied and taken back: the directory is what it was before, but for what somebody else changed in between, which
// is told and stays.
func TestG11_RandomPlansTakenBack(t *testing.T) {
	t.Parallel()
	plans := 20
	if s := os.Getenv("G11_SOAK"); s != "" {
		if _, err := fmt.Sscanf(s, "%d", &plans); err != nil {
			t.Fatalf("G11_SOAK is how many plans: %v", err)
		}
	}
	const people = 6
	w := begin(t, contoso(people+10), rules)
	chance := rand.New(rand.NewPCG(11, 1)) // #nosec G404 -- repeatable by a seed
	pick := func(l ...string) string { return l[chance.IntN(len(l))] }
	conflicts, steps := 0, 0
	for k := range plans {
		var b strings.Builder
		b.WriteString(head)
		for i := 1; i <= people; i++ {
			if chance.IntN(8) == 0 {
				fmt.Fprintf(&b, "p%d@contoso.example,,,,,,,,delete\n", i)
				continue
			}
			fmt.Fprintf(&b, "p%d@contoso.example,%s,%s,%s,%s,%s,%s,,\n", i, pick("", "Law", fmt.Sprint("D", k)), pick("", "Judge", "<clear>"), pick("", "Bonn", "Ulm", "<clear>"),
				pick("", "p7@contoso.example", "p8@contoso.example"), pick("", "Sales", "\"O'Neil & co\""), pick("", "Sales"))
		}
		before := w.everyone(people)
		made, rows := w.plan(b.String(), bulk.Upload{})
		if made.Counts.Ready == 0 {
			continue
		}
		p := w.carry(made, bulk.Confirm{People: made.Counts.Ready, Deletions: made.Counts.Kinds["delete"], Canary: -1})
		if p.Run.State != bulk.Done || p.Run.Fates["applied"] != made.Counts.Ready {
			t.Fatalf("plan %d: %+v\n%s", k, p.Run, b.String())
		}
		rival := 0 // a row whose department we gave and somebody changes since
		for _, r := range rows {
			if k%4 == 3 && len(r.Steps) > 0 && r.Steps[0].Do == change.Update && r.State == bulk.Ready {
				if _, ok := r.Steps[0].Set["department"]; ok {
					rival = r.Number
				}
			}
		}
		if rival != 0 {
			c := change.Change{On: directory.Ref{Tenant: tenant, ID: id(rival)}, Do: change.Update, Set: property.Values{"department": property.Text(fmt.Sprint("Rival ", k))}, By: boss}
			if o, err := w.Desk.Apply(w.ctx, c); err != nil || o.State != change.Applied {
				t.Fatal(o, err)
			}
		}
		u, _ := w.undo(p.ID)
		if u.Counts.Ready > 0 {
			u = w.carry(u, bulk.Confirm{People: u.Counts.Ready, Deletions: u.Counts.Kinds["delete"], Canary: -1})
		}
		steps += u.Counts.Ready
		now := w.everyone(people)
		for i, was := range strings.Split(before, "\n") {
			is := strings.Split(now, "\n")[i]
			if i+1 == rival {
				conflicts++
				if !strings.Contains(is, fmt.Sprint("department=Rival ", k)) {
					t.Errorf("plan %d: the rival's value of person %d is gone: %s", k, rival, is)
				}
			} else if is != was {
				t.Errorf("plan %d, person %d: undone\n%s\nwas\n%s\n%s", k, i+1, is, was, b.String())
			}
		}
	}
	t.Logf("%d plans, %d rows taken back, %d that somebody else had changed", plans, steps, conflicts)
	if conflicts == 0 {
		t.Error("nobody else changed anything: that tells nothing")
	}
}
