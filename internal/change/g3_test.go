package change_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/store/storetest"
)

// everything lets everybody do everything.
type everything struct{}

func (everything) Needs() []property.Name                                  { return nil }
func (everything) MayJoin(directory.Actor, directory.Group) []fail.Problem { return nil }
func (everything) May(_ context.Context, _ directory.Actor, _ change.Action, _ directory.User, set property.Values) (property.Values, []fail.Problem) {
	return set, nil
}

// G3, F13: a process dies at each named point of each kind of change, on the path that ships (SQLite, the adapter, the emulator), and the
// next one settles it: the ledger has what an undisturbed change writes, once, or nothing, and the journal says which.
func TestG3_F13_EachKindKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	const group, sku, plan = "40000000-0000-4000-8000-000000000001", "50000000-0000-4000-8000-000000000001", "60000000-0000-4000-8000-000000000001"
	points := []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd}
	member := directory.MemberOf(group)
	one := func(n property.Name, v property.Value) property.Values { return property.Values{n: v} }
	kinds := map[string]change.Change{
		"create": {
			Do: change.Create, Secret: firstPassword,
			Set: property.Values{"userPrincipalName": text("cleo@contoso.example"), "displayName": text("Cleo Park"), "department": text("Ward 3")},
		},
		"patch":         {Do: change.Update, Set: one("city", text("Ulm"))},
		"photo":         {Do: change.Photo, Photo: picture(1, 90)},
		"manager":       {Do: change.Manager, Set: one(directory.FacetManager, text(personID(2)))},
		"member add":    {Do: change.Member, Set: one(member, property.Bool(true))},
		"member remove": {Do: change.Member, Set: one(member, property.Null())},
		"license":       {Do: change.License, Set: one(directory.Licensed(sku), directory.Assigned())},
		"disable":       {Do: change.Update, Set: one("accountEnabled", property.Bool(false))},
		"delete":        {Do: change.Account, Set: one(directory.FacetAccount, text(directory.Deleted))},
		"restore":       {Do: change.Account, Set: one(directory.FacetAccount, text(directory.Active))},
	}
	begin := func(t *testing.T, kind string) (*real, *world, change.Change) {
		org := contoso(3)
		for i := range org.Apps {
			org.Apps[i].Application = append(org.Apps[i].Application, "GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All")
		}
		for i := range org.Users {
			org.Users[i].Values["usageLocation"] = "DE"
		}
		org.Groups = []emulator.Group{{ID: group, Name: "Nurses"}}
		if kind == "member remove" {
			org.Groups[0].Members = []string{org.Users[1].UPN}
		}
		org.Subscriptions = []emulator.Subscription{{SKU: sku, Part: "SPE_E3", Seats: 5, Plans: []emulator.Plan{{ID: plan, Name: "MAIL"}}}}
		r := realOf(t, org, storetest.SQLite)
		if kind == "restore" {
			if err := r.theirs.Delete(t.Context(), "/users/"+personID(1)); err != nil {
				t.Fatal(err)
			}
		}
		ids := 0
		w := r.world(t, &ids)
		w.cfg.Policy, w.cfg.Groups, w.cfg.Secrets, w.cfg.Alone = everything{}, r.dir, &drawer{kept: map[string]string{}}, true
		w.engine = change.New(w.cfg)
		c := kinds[kind]
		c.Key, c.On, c.Set = "k", directory.Ref{Tenant: tenant, ID: personID(1)}, c.Set.Clone()
		c.By = directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: tenant, ID: personID(0)}, Name: "Olga", Session: "s-" + personID(0)}
		return r, w, c
	}
	wrote := func(r *real) string { // what we did, without ids and times
		var l []string
		for _, e := range r.Ledger(0) {
			if e.App == ourApp {
				l = append(l, e.Op)
			}
		}
		slices.Sort(l)
		return strings.Join(l, " ")
	}
	table := make(chan string, len(kinds)*len(points))
	t.Cleanup(func() {
		close(table)
		var l []string
		for s := range table {
			l = append(l, s)
		}
		slices.Sort(l)
		t.Logf("%d cells\n%s", len(l), strings.Join(l, "\n"))
	})
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r, w, c := begin(t, kind)
			wantState(t, w.apply(c), change.Applied)
			whole := wrote(r)
			if whole == "" {
				t.Fatal("an undisturbed change writes nothing")
			}
			for _, point := range points {
				r, w, c := begin(t, kind)
				if !survive(func() { _, _ = w.crashAt(point, 1).Apply(context.Background(), c) }) {
					t.Errorf("%s: it did not die", point)
					continue
				}
				w.engine = change.New(w.cfg) // the next process
				w.settle(time.Second)
				state, want := change.State("none"), whole
				if ent, err := w.journal.ByKey(t.Context(), tenant, "k"); err == nil {
					state = ent.Outcome.State
				}
				switch {
				case point == change.BeforeBegin:
					want = ""
					if state != "none" {
						t.Errorf("%s: begun: %s", point, state)
					}
				case kind == "create" && point == change.AfterBegin: // no password was kept yet, so nobody can be created
					want = ""
					wantState(t, change.Outcome{State: state}, change.Failed)
				default:
					wantState(t, change.Outcome{State: state}, change.Applied)
				}
				if got := wrote(r); got != want {
					t.Errorf("%s: wrote %q, want %q", point, got, want)
				}
				if o := w.apply(c); want != "" && o.State != state || point == change.BeforeBegin && o.State != change.Applied {
					t.Errorf("%s: the same once more: %s", point, o.State)
				} else if got := wrote(r); (want != "" || point == change.BeforeBegin) && got != whole {
					t.Errorf("%s: the same once more wrote %q, want %q", point, got, whole)
				}
				table <- fmt.Sprintf("%-13s × %-12s %s", kind, point, state)
			}
		})
	}
}
