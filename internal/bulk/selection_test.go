package bulk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

func text(s string) *string { return &s }

// selected makes a plan of a selection and gives its rows.
func (w *world) selected(s bulk.Selection) (bulk.Plan, []bulk.Numbered) {
	w.t.Helper()
	p, err := w.PlanSelection(w.ctx, boss, tenant, s)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.Rows(w.ctx, boss, tenant, p.ID, bulk.Query{N: 100_000})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, rows
}

// Bulk edit: everybody in a list, or who was picked one by one; what is set, cleared, added and taken becomes rows that are judged like
// those of a file, and nothing is written.
func TestS4_14_S4_17_S4_19_ASelectionBecomesAPlan(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(20), rules)
	mark := len(w.Ledger(0))
	p, rows := w.selected(bulk.Selection{
		All: true, Filter: "startsWith(displayName,'Person 1')", Set: property.Values{"department": property.Text("Export"), "jobTitle": property.Null()},
		Manager: text("p2@contoso.example"), Join: []string{"Twin", "O'Neil & co"}, Leave: []string{"Sales"}, Give: []string{"SPE_E3"},
	})
	if p.Counts.Rows != 11 || p.Picked == nil || p.Picked.Filter == "" || p.Picked.People != 0 || p.File != bulk.Selected {
		t.Fatalf("%+v", p)
	}
	problems, _ := told(p, rows)
	if n := strings.Count(problems, "join: Several groups are called \"twin\""); n != 11 || strings.Contains(problems, "line ") {
		t.Errorf("%d of 11 say what is wrong:\n%s", n, problems)
	}

	p, rows = w.selected(bulk.Selection{
		IDs: []string{id(1), id(3), id(1)}, Set: property.Values{"department": property.Text("Export"), "jobTitle": property.Null(), "city": property.Null()},
		Manager: text("p2@contoso.example"), Join: []string{"O'Neil & co"}, Leave: []string{"Sales"}, Give: []string{"SPE_E3"},
	})
	want := []string{
		"update department:Sales→Export jobTitle:Clerk→; manager manager:→" + id(2) + "; member memberOf/40000000-0000-4000-8000-000000000001:true→ memberOf/40000000-0000-4000-8000-000000000005:→true; license license/50000000-0000-4000-8000-000000000001:→{\"disabledPlans\":[]}",
		"update department:Sales→Export jobTitle:Clerk→; manager manager:→" + id(2) + "; member memberOf/40000000-0000-4000-8000-000000000005:→true; license license/50000000-0000-4000-8000-000000000001:→{\"disabledPlans\":[]}",
	}
	if p.Counts.Rows != 2 || p.Picked.People != 2 || p.Counts.Ready != 2 {
		t.Fatalf("%+v %v", p.Counts, rows)
	}
	for i, r := range rows {
		if got := steps(r.Row); got != want[i] {
			t.Errorf("row %d\n got %s\nwant %s", i+1, got, want[i])
		}
	}
	if n := len(w.Ledger(0)); n != mark {
		t.Fatalf("a plan has written %d times", n-mark)
	}

	// It is applied as a plan of a file is; the history says where it comes from and what for.
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{Why: "The new branch"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(w.ctx); err != nil {
		t.Fatal(err)
	}
	e, err := w.cfg.Desk.History(w.ctx, boss, tenant, change.Search{On: id(3), Do: change.Update}, 0, 10)
	if err != nil || len(e) != 1 || e[0].Change.Why != "selection: The new branch" {
		t.Errorf("%v %+v", err, e)
	}
	if p, err = w.Bulk.Plan(w.ctx, boss, tenant, p.ID); err != nil || p.Run.State != bulk.Done || p.Run.Reason != "The new branch" || fmt.Sprint(p.Run.Fates) != "map[applied:2]" {
		t.Errorf("%v %+v", err, p.Run)
	}
}

// Who may not, and what makes no sense, is refused before anybody is read.
func TestS4_13_ASelectionThatSaysNothing(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(3), rules)
	set := property.Values{"department": property.Text("x")}
	for name, c := range map[string]struct {
		by   directory.Actor
		s    bulk.Selection
		kind fail.Kind
		code string
	}{
		"nobody":       {boss, bulk.Selection{Set: set}, fail.Invalid, "nobody"},
		"nothing":      {boss, bulk.Selection{All: true}, fail.Invalid, "nothing"},
		"no id":        {boss, bulk.Selection{IDs: []string{"p1"}, Set: set}, fail.Invalid, "not_an_id"},
		"too many":     {boss, bulk.Selection{IDs: make([]string, 20_001), Set: set}, fail.Invalid, "too_many"},
		"no property":  {boss, bulk.Selection{All: true, Set: property.Values{"shoe": property.Text("x")}}, fail.Invalid, "unknown"},
		"no filter":    {boss, bulk.Selection{All: true, Filter: "department is x", Set: set}, fail.Invalid, ""},
		"hidden":       {holder(directory.Editor), bulk.Selection{All: true, Filter: "faxNumber eq '1'", Set: set}, fail.Denied, ""},
		"only looks":   {holder(directory.Auditor), bulk.Selection{All: true, Set: set}, fail.Denied, ""},
		"another town": {directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: "other", ID: id(1)}, Roles: []directory.Role{directory.Admin}}, bulk.Selection{All: true, Set: set}, fail.Denied, ""},
	} {
		_, err := w.PlanSelection(w.ctx, c.by, tenant, c.s)
		var f *fail.Error
		if !fail.Is(err, c.kind) || c.code != "" && (!errors.As(err, &f) || f.Code != c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l, err := w.Plans(w.ctx, boss, tenant, time.Time{}, 10); err != nil || len(l) != 0 {
		t.Errorf("plans: %v %v", l, err)
	}
}

// A file waits, sealed, for whoever brought it and nobody else; its headings can be read otherwise than they say.
func TestB06_S3_18_AFileWaitsAndItsColumnsAreSaid(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(3), rules)
	data := []byte("Anmeldename;Abteilung;Kostenstelle;Initial password\r\np1@contoso.example;Export;4711;Geheim-1\r\n" + strings.Repeat("p2@contoso.example;Export;4712;Geheim-2\r\n", 40_000))
	id1, err := w.Keep(w.ctx, boss, tenant, bulk.Upload{Name: "Personal\u202e.csv", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	up, err := w.Kept(w.ctx, boss, tenant, id1)
	if err != nil || up.Name != "Personal\u202e.csv" || !bytes.Equal(up.Data, data) {
		t.Fatalf("%v %q %d bytes", err, up.Name, len(up.Data))
	}
	other := holder(directory.Admin)
	other.Ref.ID = id(901)
	if _, err := w.Kept(w.ctx, other, tenant, id1); !fail.Is(err, fail.NotFound) {
		t.Errorf("somebody else: %v", err)
	}
	w4, err := w.cfg.Store.Upload(w.ctx, tenant, id1, boss.Ref.ID, time.Now())
	if err != nil || len(w4.Parts) < 3 {
		t.Fatalf("%v %d", err, len(w4.Parts))
	}
	for _, p := range w4.Parts {
		if bytes.Contains(p, []byte("Geheim")) || bytes.Contains(p, []byte("Personal")) {
			t.Error("the database could read it")
		}
	}

	look, err := w.Look(up)
	if err != nil || len(look.Problems) != 4 { // three that nobody knows, and nobody is named
		t.Fatalf("%v %v", err, look.Problems)
	}
	up.As = map[int]string{1: "userPrincipalName", 2: "department", 3: sheet.Unread}
	look, err = w.Look(up)
	if err != nil || len(look.Problems) != 0 || look.Columns[0].Use != sheet.UPN || look.Columns[0].Heading != "Anmeldename" || look.Columns[2].Use != sheet.Ignored {
		t.Fatalf("%v %v %+v", err, look.Problems, look.Columns)
	}
	if got := fmt.Sprint(look.Samples[0]); got != "[p1@contoso.example Export 4711 ]" { // of passwords nothing
		t.Errorf("samples %s", got)
	}
	p, err := w.MakePlan(w.ctx, boss, tenant, bulk.Upload{Name: up.Name, Data: data[:bytes.Index(data, []byte("p2@"))], Options: up.Options})
	if err != nil || p.Counts.Ready != 1 || len(p.Problems) != 0 {
		t.Fatalf("%v %+v %v", err, p.Counts, p.Problems)
	}
	for range 3 {
		if _, err := w.Keep(w.ctx, boss, tenant, bulk.Upload{Name: "x", Data: []byte("id\n")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Kept(w.ctx, boss, tenant, id1); !fail.Is(err, fail.NotFound) {
		t.Errorf("the fourth before the last: %v", err)
	}
}
