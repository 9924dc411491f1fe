package admin_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// A change of ours, one from elsewhere, and one of ours that somebody elsewhere has written over, all between two rounds: each difference
// has the cause that it has, and a value that the policy hides from somebody is not told by it.
func TestA23_NoticedChangesHaveTheirCauseAndHideWhatIsHidden(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	dir := d.Directory.(interface {
		mirror.Source
		directory.Writer
	})
	m := mirror.New(mirror.Config{Source: dir, Store: d.Differences.(mirror.Store), Now: time.Now, Cause: admin.Cause(d.Journal, d.Policy.Properties())})
	round := func() {
		t.Helper()
		if _, err := m.Sync(ctx, tenant); err != nil {
			t.Fatal(err)
		}
	}
	round()
	apply := func(n int, do change.Action, set property.Values) string {
		t.Helper()
		o, err := d.Apply(ctx, change.Change{On: ref(n), Do: do, Set: set, By: holder(directory.Admin), Key: fmt.Sprint(n, do)})
		if err != nil || o.State != change.Applied {
			t.Fatalf("%v %v", o, err)
		}
		return o.Entry
	}
	elsewhere := func(n int, name property.Name, to string) {
		t.Helper()
		if _, err := dir.Update(ctx, directory.Authority{}, ref(n), property.Values{name: property.Text(to)}); err != nil {
			t.Fatal(err)
		}
	}
	ours := apply(1, change.Update, property.Values{"jobTitle": property.Text("Lead"), "mobilePhone": property.Text("+49 40 777")})
	elsewhere(1, "department", "Port")
	apply(2, change.Update, property.Values{"jobTitle": property.Text("Pilot")})
	elsewhere(2, "jobTitle", "Captain")
	boss := apply(3, change.Manager, property.Values{directory.FacetManager: property.Text(id(1))})
	round()

	told := func(by directory.Actor, on int) (out []string) {
		t.Helper()
		l, err := d.Changes(ctx, by, tenant, mirror.Search{On: id(on)}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range l {
			if e.Diff != nil || !e.After.Before(e.At) {
				t.Errorf("%+v", e)
			}
			for n, v := range e.New {
				out = append(out, fmt.Sprintf("%s: %s → %s %s", n, e.Old[n], v, e.Cause))
			}
		}
		slices.Sort(out)
		return out
	}
	for _, c := range []struct {
		role directory.Role
		on   int
		want []string
	}{
		{directory.Admin, 1, []string{"department: Sales → Port ", "jobTitle: Clerk → Lead " + ours, "mobilePhone: +49 30 1234561 → +49 40 777 " + ours}},
		{directory.Auditor, 1, []string{"department: ••• → ••• ", "jobTitle: Clerk → Lead " + ours, "mobilePhone: ••• → ••• " + ours}},
		{directory.Auditor, 2, []string{"jobTitle: Clerk → Captain "}},
		{directory.Editor, 3, []string{"manager:  → " + id(1) + " " + boss}},
	} {
		if got := told(holder(c.role), c.on); !slices.Equal(got, c.want) {
			t.Errorf("%s of %d: %q, want %q", c.role, c.on, got, c.want)
		}
	}
	_, err := d.Changes(ctx, holder(), tenant, mirror.Search{}, 0, 10)
	kind(t, "without a role", err, fail.Denied)
}

// Which entry made a difference, and which did not though it speaks of the same.
func TestCauseOfWhatWasNoticed(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	journal := d.Journal.(change.Journal)
	const group, sku = "40000000-0000-4000-8000-000000000001", "50000000-0000-4000-8000-000000000001"
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	text := property.Text
	entry := func(id string, on directory.Ref, do change.Action, begun time.Time, set property.Values, o change.Outcome) {
		t.Helper()
		if _, _, err := journal.Begin(ctx, change.Entry{ID: id, Begun: begun, Change: change.Change{ID: id, On: on, Do: do, Set: set, By: holder(directory.Admin)}}); err != nil {
			t.Fatal(err)
		}
		if o.State == change.Open {
			return
		}
		if o.At = begun.Add(time.Second); o.State == change.Applied && o.After == nil {
			o.After = set
		}
		if err := journal.End(ctx, id, o); err != nil {
			t.Fatal(err)
		}
	}
	applied := change.Outcome{State: change.Applied}
	city := func(v string) property.Values { return property.Values{"city": text(v)} }
	entry("created", directory.Newcomer(tenant, "eva@contoso.example"), change.Create, noon, property.Values{"displayName": text("Eva")}, change.Outcome{State: change.Applied, Created: id(7)})
	entry("deleted", ref(1), change.Account, noon, property.Values{directory.FacetAccount: text(directory.Deleted)}, applied)
	entry("restored", ref(1), change.Account, noon, property.Values{directory.FacetAccount: text(directory.Active)}, applied)
	entry("joined", ref(1), change.Member, noon, property.Values{directory.MemberOf(group): property.Bool(true)}, applied)
	entry("given", ref(1), change.License, noon, property.Values{directory.Licensed(sku): directory.Assigned("B", "a")}, applied)
	entry("taken", ref(2), change.License, noon, property.Values{directory.Licensed(sku): property.Null()}, applied)
	entry("long ago", ref(2), change.Update, noon.Add(-24*time.Hour), city("Kiel"), applied)
	entry("refused", ref(2), change.Update, noon, city("Ulm"), change.Outcome{State: change.Refused})
	entry("theirs", ref(2), change.Update, noon, city("Bonn"), change.Outcome{State: change.Partly, After: city("Rom")})
	entry("rewritten", ref(2), change.Update, noon, city("cologne"), change.Outcome{State: change.Applied, After: city("Cologne")})
	entry("cleared", ref(2), change.Update, noon, property.Values{"mobilePhone": property.Null(), "businessPhones": property.List()}, applied)
	entry("half", ref(2), change.Update, noon, property.Values{"employeeOrgData/division": text("Care")}, applied)
	entry("under way", ref(2), change.Update, noon.Add(time.Minute), city("Jena"), change.Outcome{State: change.Open})

	person := func(n int, what, name, was, is string) mirror.Event {
		e := mirror.Event{Object: "person", ID: id(n), What: what}
		raw := func(s string) json.RawMessage {
			if s == "" {
				return nil
			}
			return json.RawMessage(s)
		}
		if name != "" {
			e.Diff = map[string]mirror.Diff{name: {Was: raw(was), Is: raw(is)}}
		}
		return e
	}
	product := `[{"skuId":"` + sku + `","disabledPlans":["A","b"]}]`
	cause := admin.Cause(d.Journal, d.Policy.Properties())
	for _, c := range []struct {
		e    mirror.Event
		want string
	}{
		{person(7, mirror.Created, "", "", ""), "created"},
		{person(1, mirror.Created, "", "", ""), ""},
		{person(1, mirror.Removed, "", "", ""), "deleted"},
		{person(1, mirror.Restored, "", "", ""), "restored"},
		{person(2, mirror.Removed, "", "", ""), ""},
		{person(1, mirror.Left, "", "", ""), ""},
		{mirror.Event{Object: "member", ID: group, Who: id(1), What: mirror.Joined}, "joined"},
		{mirror.Event{Object: "member", ID: group, Who: id(1), What: mirror.Left}, ""},
		{mirror.Event{Object: "member", ID: group, Who: id(2), What: mirror.Joined}, ""},
		{mirror.Event{Object: "group", ID: group, What: mirror.Removed}, ""},
		{person(1, mirror.Changed, "assignedLicenses", "", product), "given"},
		{person(2, mirror.Changed, "assignedLicenses", product, ""), "taken"},
		{person(2, mirror.Changed, "assignedLicenses", "", product), ""},
		{person(2, mirror.Changed, "city", `"x"`, `"Kiel"`), ""},
		{person(2, mirror.Changed, "city", `"x"`, `"Ulm"`), ""},
		{person(2, mirror.Changed, "city", `"x"`, `"Rom"`), ""},
		{person(2, mirror.Changed, "city", `"x"`, `"Cologne"`), "rewritten"},
		{person(2, mirror.Changed, "city", `"x"`, `"Jena"`), "under way"},
		{person(2, mirror.Changed, "mobilePhone", `"1"`, ""), "cleared"},
		{person(2, mirror.Changed, "businessPhones", `["1"]`, ""), "cleared"},
		{person(2, mirror.Changed, "employeeOrgData", `{"division":"x","costCenter":"1"}`, `{"division":"Care","costCenter":"1"}`), "half"},
		{person(2, mirror.Changed, "employeeOrgData", `{"division":"x","costCenter":"1"}`, `{"division":"Care","costCenter":"2"}`), ""},
		{person(2, mirror.Changed, "createdDateTime", "", `"2026-01-01T00:00:00Z"`), ""},
	} {
		c.e.After, c.e.At = noon, noon.Add(time.Hour)
		made, err := cause(ctx, tenant, c.e)
		if err != nil {
			t.Fatal(err)
		}
		got := made[""]
		for name := range c.e.Diff {
			got = made[name]
		}
		if got != c.want {
			t.Errorf("%+v: made by %q, want %q", c.e, got, c.want)
		}
	}
}
