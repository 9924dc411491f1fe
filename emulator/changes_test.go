package emulator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The change log says what became of each object: properties, relationships and managers; what it has forgotten it says too.
func TestChangeLog(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Organizations: []Organization{{
		Domains: []Domain{{Name: "contoso.com", Verified: true}},
		Users:   []User{{ID: "a", UPN: "a@contoso.com", Manager: "b@contoso.com"}, {ID: "b", UPN: "b@contoso.com"}, {ID: "c", UPN: "c@contoso.com"}},
		Groups:  []Group{{ID: "g", Name: "G", Members: []string{"a@contoso.com", "b@contoso.com"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d := e.tenants[0].dir
	if d.changes.last != 0 {
		t.Error("making a tenant is no change")
	}
	c := &call{e: e, t: e.tenants[0], p: &principal{roles: map[string]bool{}}}
	a, b, g := d.byID["a"], d.byID["b"], d.byID["g"]
	if err := c.applyTo(a, []edit{{prop: pJob, json: `"Nurse"`}, {prop: pName, json: `"A"`}}, "user.update"); err != nil {
		t.Fatal(err)
	}
	c.link(g, g.in.relation("owners"), []*object{b})
	c.setManager(a, d.byID["c"])
	c.remove(b)
	if err := c.restore(b); err != nil {
		t.Fatal(err)
	}
	c.remove(b)
	c.purge(b, "user.purge")
	var got []string
	list, ok := d.changes.since(0)
	for _, ch := range list {
		var names []string
		for _, i := range ch.props {
			names = append(names, ch.object.in.props[i].name)
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{
			ch.object.id, map[changeKind]string{changeUpdate: "", changeCreate: "new", changeDelete: "deleted", changeRestore: "restored", changePurge: "purged"}[ch.what],
			strings.Join(names, "+"), ch.rel, strings.Join(idsOf(ch.added), "+"), strings.Join(idsOf(ch.removed), "+"),
		}, "|")))
	}
	want := []string{
		"a||displayName+jobTitle|||", "g|||owners|b|", "a|||manager|c|b", "b|deleted||||", "b|restored|userPrincipalName+deletedDateTime|||",
		"b|deleted||||", "g|||members||b", "g|||owners||b", "b|purged||||",
	}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("%v\n%v", got, want)
	}
	if a.changed != 3 || b.changed != 9 || g.changed < 7 {
		t.Errorf("%d %d %d", a.changed, b.changed, g.changed)
	}
	if rest, ok := d.changes.since(9); !ok || len(rest) != 0 {
		t.Error("nothing is newer than the newest")
	}
	if _, ok := d.changes.since(10); ok {
		t.Error("a number that was never given")
	}
	for range changesKept + changesKept/4 {
		d.changed(time.Time{}, change{object: a})
	}
	if _, ok := d.changes.since(0); ok {
		t.Error("a forgotten change was not missed")
	}
	if rest, ok := d.changes.since(d.changes.last - 10); !ok || len(rest) != 10 {
		t.Error("the newest changes are kept")
	}
}
