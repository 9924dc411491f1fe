package sample_test

import (
	"strings"
	"testing"

	"nameplate/emulator/sample"
)

func TestContoso(t *testing.T) {
	t.Parallel()
	org, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	if len(org.Users) < 28 || len(org.Users) > 34 {
		t.Errorf("%d people, want about thirty", len(org.Users))
	}
	known := map[string]string{} // sign-in name -> manager
	var synced, once, guests, disabled, photos int
	for _, u := range org.Users {
		if _, twice := known[u.UPN]; twice {
			t.Errorf("%s is there twice", u.UPN)
		}
		known[u.UPN] = u.Manager
		switch {
		case u.Sync == "synced":
			synced++
		case u.Sync == "once":
			once++
		}
		if strings.Contains(u.UPN, "#EXT#") {
			guests++
		}
		if u.Values["accountEnabled"] == false {
			disabled++
		}
		if u.Photo != "" {
			photos++
		}
	}
	if synced < 2 || once != 1 || guests < 2 || disabled < 2 || photos < 5 {
		t.Errorf("synced %d, once synced %d, guests %d, disabled %d, photos %d", synced, once, guests, disabled, photos)
	}
	deepest := 0
	for upn, m := range known {
		depth := 0
		for ; m != ""; m = known[m] {
			if _, there := known[m]; !there {
				t.Fatalf("%s: nobody is called %s", upn, m)
			}
			if depth++; depth > len(known) {
				t.Fatalf("%s: managers in a circle", upn)
			}
		}
		deepest = max(deepest, depth)
	}
	if deepest < 3 {
		t.Errorf("managers are %d levels deep, want three", deepest)
	}
	for _, g := range org.Groups {
		for _, m := range append(g.Members, g.Owners...) {
			if _, there := known[m]; !there {
				t.Errorf("group %s: nobody is called %s", g.Name, m)
			}
		}
	}
	portal := org.Apps[0]
	for role, holders := range portal.Assigned {
		if len(holders) != 1 {
			t.Errorf("%s has %d holders", role, len(holders))
		}
		if _, there := known[holders[0]]; !there {
			t.Errorf("%s: nobody is called %s", role, holders[0])
		}
	}
	// https://learn.microsoft.com/en-us/graph/permissions-reference: what can do more than a profile page needs
	for _, wide := range []string{"Directory.ReadWrite.All", "User.ReadWrite.All", "Directory.Read.All"} {
		for _, have := range portal.Application {
			if have == wide {
				t.Errorf("the portal holds %s", wide)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"an unknown key":      {"name: A\nusers:\n  - {upn: a@b.example, jobtitle: x}\n", "jobtitle"},
		"a key twice":         {"name: A\nname: B\n", "name"},
		"a second document":   {"name: A\n---\nname: B\n", "more than one document"},
		"something else":      {"- 1\n- 2\n", ""},
		"an endless alias":    {"a: &a [*a]\nname: x\n", ""},
		"a number for a name": {"name: {a: b}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sample.Read(strings.NewReader(c.text))
			if err == nil {
				t.Fatal("was read")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %q, which does not name %q", err, c.says)
			}
		})
	}
}
