package app

import (
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/directory"
)

// A15, A35: whose key was ended or whose account is blocked or gone holds nothing any more.
func TestA15_A35_WhoHolds(t *testing.T) {
	t.Parallel()
	d, err := StartDemo(t.Context(), DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	a, c := d.App, d.App.all[0]
	say := func(what string, by directory.Actor, want bool) {
		t.Helper()
		if got, err := a.holds(t.Context(), c, by); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", what, got, err, want)
		}
	}
	k, _, err := a.MakeKey(t.Context(), Host("root"), access.Key{Name: "k", Role: directory.Admin, Scopes: directory.Scopes(), Expires: a.now().Add(time.Hour)}, "a test")
	if err != nil {
		t.Fatal(err)
	}
	key := directory.Actor{Kind: directory.KeyActor, Ref: directory.Ref{Tenant: c.tenant, ID: k.ID}}
	say("a key", key, true)
	if err := a.keys.Revoke(t.Context(), Host("root"), c.tenant, k.ID, "a test"); err != nil {
		t.Fatal(err)
	}
	say("a key that was ended", key, false)
	say("this machine", Host("root"), true)
	seen := map[bool]int{}
	for _, u := range d.Users {
		p, err := c.dir.ByName(t.Context(), c.tenant, u.UPN, directory.Ask{})
		if err != nil {
			t.Fatal(err)
		}
		say(u.UPN, directory.Actor{Kind: directory.PersonActor, Ref: p.Ref}, p.Enabled)
		seen[p.Enabled]++
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("the demo's people: %v", seen)
	}
	say("nobody", directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: c.tenant, ID: "99999999-0000-4000-8000-000000000000"}}, false)
}
