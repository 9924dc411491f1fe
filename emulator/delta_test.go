package emulator_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
)

// latest is a delta link of now.
func (d *desk) latest(set string) string {
	d.t.Helper()
	r := d.ask("GET", "/v1.0/"+set+"/delta?$deltatoken=latest", nil)
	link, _ := r.body["@odata.deltaLink"].(string)
	if r.code != 200 || link == "" {
		d.t.Fatalf("%d %s", r.code, r.raw)
	}
	return link
}

// What the service has forgotten it says with 410, a Location to begin anew at, and resyncRequired: after a restart, a reset, and
// when too much has changed. https://learn.microsoft.com/en-us/graph/delta-query-overview#synchronization-reset
func TestS5_20_F20_DeltaLinksThatAreForgotten(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{office()}, Data: filepath.Join(t.TempDir(), "kept"), Pages: emulator.PageSizes{Remember: 3}}
	gone := func(d *desk, link string) {
		t.Helper()
		r := d.ask("GET", link, nil)
		d.want(r, 410, "resyncRequired")
		at := r.header.Get("Location")
		if !strings.Contains(at, "/delta") {
			t.Fatalf("Location: %q", at)
		}
		if again := d.ask("GET", at, nil); again.code != 200 || len(again.items()) == 0 {
			t.Errorf("beginning anew: %d %s", again.code, again.raw)
		}
	}
	d := newDesk(t, opts)
	users, groups := d.latest("users"), d.latest("groups")
	for i := range 9 {
		d.want(d.ask("PATCH", "/v1.0/users/"+ann, fmt.Sprintf(`{"jobTitle":"Nurse %d"}`, i)), 204, "")
	}
	gone(d, users)
	users = d.latest("users")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again := newDesk(t, opts)
	gone(again, users)
	gone(again, groups)
	users = again.latest("users")
	if err := again.Reset(); err != nil {
		t.Fatal(err)
	}
	gone(again.app("User.Read.All"), users)
}

// A token that was not given by this tenant, or was changed on the way, is no token; and the filter takes fifty ids.
// https://learn.microsoft.com/en-us/graph/api/user-delta#odata-query-parameters
func TestS5_20_DeltaRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	other := office()
	other.Name, other.Domains = "Fabrikam", []emulator.Domain{{Name: "fabrikam.com", Verified: true}}
	other.Users, other.Groups = []emulator.User{{UPN: "fay@fabrikam.com"}}, nil
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{office(), other}})
	link := d.latest("users")
	foreign := d.with(emulator.Token{Tenant: d.Tenants()[1], Roles: []string{"User.Read.All"}}).latest("users")
	for name, bad := range map[string]string{
		"of another tenant": foreign,
		"of another set":    strings.Replace(d.latest("groups"), "/groups/", "/users/", 1),
		"cut":               link[:len(link)-3],
		"changed":           link[:len(link)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(link, "A")] + "x",
		"made up":           "/v1.0/users/delta?$skiptoken=whatever",
	} {
		if r := d.ask("GET", bad, nil); r.code != 400 {
			t.Errorf("%s: %d %s", name, r.code, r.raw)
		}
	}
	ids := func(n int) string {
		var terms []string
		for range n {
			terms = append(terms, "id eq '"+ann+"'")
		}
		return "/v1.0/users/delta?$select=id&$filter=" + strings.Join(terms, " or ")
	}
	if r := d.ask("GET", ids(50), nil); r.code != 200 || len(r.items()) != 1 {
		t.Errorf("fifty ids: %d %s", r.code, r.raw)
	}
	if r := d.ask("GET", ids(51), nil); r.code != 400 {
		t.Errorf("51 ids: %d %s", r.code, r.raw)
	}
}

// odata.maxpagesize makes pages smaller, and all of them together are everybody, each once.
// https://learn.microsoft.com/en-us/graph/api/user-delta#request-headers
func TestS5_20_DeltaPagesOfTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	seen, pages := map[any]int{}, 0
	for at := "/v1.0/users/delta?$select=id"; at != ""; pages++ {
		r := d.ask("GET", at, nil, "Prefer: odata.maxpagesize=2")
		if r.code != 200 || len(r.items()) > 2 {
			t.Fatalf("%d %s", r.code, r.raw)
		}
		for _, one := range r.items() {
			seen[one["id"]]++
		}
		at, _ = r.body["@odata.nextLink"].(string)
	}
	if len(seen) != len(office().Users) || pages < 5 {
		t.Errorf("%d people on %d pages", len(seen), pages)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%v came %d times", id, n)
		}
	}
}

// As large as the service makes them: 200 objects, 500 links: https://learn.microsoft.com/en-us/answers/a/2052165
func TestS5_20_DeltaPagesAsTheServiceMakesThem(t *testing.T) {
	t.Parallel()
	org := emulator.Organization{Name: "Contoso", Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}}}
	all := emulator.Group{Name: "All"}
	for i := range 510 {
		upn := fmt.Sprintf("p%d@contoso.com", i)
		org.Users = append(org.Users, emulator.User{UPN: upn})
		all.Members = append(all.Members, upn)
	}
	org.Groups = []emulator.Group{all}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}}).app("User.Read.All", "Group.Read.All")
	sizes := func(set string, size func(reply) int) string {
		var out []int
		for at := "/v1.0/" + set + "/delta"; at != ""; {
			r := d.ask("GET", at, nil)
			if r.code != 200 {
				t.Fatalf("%d %s", r.code, r.raw)
			}
			out = append(out, size(r))
			at, _ = r.body["@odata.nextLink"].(string)
		}
		return fmt.Sprint(out)
	}
	if got := sizes("users", func(r reply) int { return len(r.items()) }); got != "[200 200 110]" {
		t.Errorf("people come as %s", got)
	}
	members := func(r reply) int {
		n := 0
		for _, one := range r.items() {
			list, _ := one["members@delta"].([]any)
			n += len(list)
		}
		return n
	}
	if got := sizes("groups", members); got != "[500 10]" {
		t.Errorf("members come as %s", got)
	}
}
