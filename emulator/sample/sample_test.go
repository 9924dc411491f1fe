package sample_test

import (
	"reflect"
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
	// https://learn.microsoft.com/en-us/graph/permissions-reference: what can do more than the pages need. User.ReadWrite.All is the least
	// that sets a manager: https://learn.microsoft.com/en-us/graph/api/user-post-manager
	for _, wide := range []string{"Directory.ReadWrite.All", "Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory"} {
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

func TestHostile(t *testing.T) {
	t.Parallel()
	org, err := sample.Hostile()
	if err != nil {
		t.Fatal(err)
	}
	list, err := sample.Strings()
	if err != nil {
		t.Fatal(err)
	}
	if len(org.Users) != 500 {
		t.Errorf("%d people", len(org.Users))
	}
	shown := map[string]bool{}
	for _, u := range org.Users {
		name, _ := u.Values["displayName"].(string)
		shown[name] = true
	}
	for _, s := range list {
		if !shown[s] {
			t.Errorf("nobody is called %.40q", s)
		}
	}
	for _, must := range []string{"<script>", "{{", "=cmd|", "\u202e", "\x00", "DROP TABLE", "\r\nBcc:", "\x1b["} {
		found := false
		for s := range shown {
			found = found || strings.Contains(s, must)
		}
		if !found {
			t.Errorf("no name holds %q", must)
		}
	}
	longest := 0
	for s := range shown {
		longest = max(longest, len(s))
	}
	if longest < 64<<10 {
		t.Errorf("the longest name has %d bytes, want 64 kB", longest)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	a, b := sample.Generate(3000, 7), sample.Generate(3000, 7)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gives other people")
	}
	if reflect.DeepEqual(a.Users, sample.Generate(3000, 8).Users) {
		t.Error("another seed gives the same people")
	}
	upns, ids := map[string]string{}, map[string]bool{}
	offices, departments := map[string]int{}, map[string]int{}
	var phones, synced, guests, off, alone int
	reports := map[string]int{}
	for i, u := range a.Users {
		if _, twice := upns[u.UPN]; twice || ids[u.ID] {
			t.Fatalf("%s or %s is there twice", u.UPN, u.ID)
		}
		if u.Manager != "" {
			if _, before := upns[u.Manager]; !before {
				t.Fatalf("%s: manager %s does not come before", u.UPN, u.Manager)
			}
			reports[u.Manager]++
		} else {
			alone++
		}
		upns[u.UPN], ids[u.ID] = u.Manager, true
		office, _ := u.Values["officeLocation"].(string)
		department, _ := u.Values["department"].(string)
		offices[office]++
		departments[department]++
		if u.Values["mobilePhone"] != nil {
			phones++
		}
		if u.Sync == "synced" {
			synced++
		}
		if u.Values["userType"] == "Guest" {
			guests++
		}
		if u.Values["accountEnabled"] == false {
			off++
		}
		for _, r := range u.UPN {
			if r > 127 {
				t.Fatalf("sign-in name %d is not ASCII: %s", i, u.UPN)
			}
		}
	}
	if len(offices) < 9 || offices["Rotterdam"] < 3*offices["Mumbai"] {
		t.Errorf("offices are not skewed: %v", offices)
	}
	if departments["Operations"] < 10*departments["Safety"] {
		t.Errorf("departments are not skewed: %v", departments)
	}
	if phones < 1500 || phones > 2400 || synced < 200 || guests < 40 || off < 60 || alone > 120 {
		t.Errorf("phones %d, synced %d, guests %d, disabled %d, without a manager %d", phones, synced, guests, off, alone)
	}
	most := 0
	for _, n := range reports {
		most = max(most, n)
	}
	if most < 5 || most > 40 {
		t.Errorf("the largest team has %d people", most)
	}
}

func TestGenerateSmall(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		if got := len(sample.Generate(n, 1).Users); got != n {
			t.Errorf("%d people instead of %d", got, n)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		sample.Generate(100_000, 1)
	}
}
