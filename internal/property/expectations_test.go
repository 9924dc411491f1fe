package property_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nameplate/internal/property"
)

// The catalog is one table that product and emulator both read, so it could agree with its own mistakes. This test holds it
// to the expectations that were typed from Microsoft's pages without it: emulator/testdata/matrix.tsv, read from the other
// side (matrix-README.md). An ambiguous row says nothing.

// expected is what the matrix says of one property, each outcome as written: "ok", "denied", "ok|sync" …
type expected struct {
	id     string
	set    map[string][]string // actor -> outcomes in both modes
	clear  []string
	with   []string
	max    int // 0 where the matrix knows no limit, or is not sure of it
	narrow []string
}

// only says whether every outcome is one of these; false also when there is none.
func only(outcomes []string, want ...string) bool {
	return len(outcomes) > 0 && !slices.ContainsFunc(outcomes, func(o string) bool { return !slices.Contains(want, o) })
}

// refused says whether no outcome leaves room for a yes.
func refused(outcomes []string) bool {
	return len(outcomes) > 0 && !slices.ContainsFunc(outcomes, func(o string) bool { return slices.Contains(strings.Split(o, "|"), "ok") })
}

var longest = regexp.MustCompile(`^\{"\w+":"<.\*(\d+)>"\}$`)

func expectations(t *testing.T) map[string]*expected {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "emulator", "testdata", "matrix.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	out := map[string]*expected{}
	for _, l := range strings.Split(string(raw), "\n") {
		f := strings.Split(l, "\t")
		if f[0] == "#actor" {
			tokens[f[1]] = f[3]
		}
		if len(f) != 10 || f[0] == "id" {
			continue
		}
		id, name, actor, op, body, outcome, mark := f[0], f[1], f[2], f[3], f[5], f[6], f[7]
		x := out[name]
		if x == nil {
			x = &expected{id: id, set: map[string][]string{}}
			out[name] = x
		}
		switch op {
		case "set":
			x.set[actor] = append(x.set[actor], outcome)
			if strings.HasPrefix(actor, "least-") && outcome == "ok" {
				_, roles, _ := strings.Cut(tokens[actor], "roles=")
				roles, _, _ = strings.Cut(roles, " ")
				x.narrow = append(x.narrow, roles)
			}
		case "clear":
			x.clear = append(x.clear, outcome)
		case "with":
			x.with = append(x.with, outcome)
		case "max":
			if m := longest.FindStringSubmatch(body); m != nil && mark != "Unsettled" {
				x.max, _ = strconv.Atoi(m[1])
			}
		}
	}
	return out
}

// TestCatalogAgainstExpectations compares facts with what was typed from the pages.
func TestCatalogAgainstExpectations(t *testing.T) {
	t.Parallel()
	all := expectations(t)
	seen := map[string]bool{}
	for _, d := range property.Catalog().All() {
		name := d.Top()
		if _, attribute, ok := strings.Cut(d.Graph.Path, "/"); ok && strings.HasPrefix(attribute, "extensionAttribute") {
			if name = attribute; all[name] == nil {
				name = "extensionAttribute1" // the fifteen are alike
			}
		}
		x := all[name]
		if x == nil {
			// faxNumber is in the page of the resource, not in that of "Update user".
			if !d.Graph.ReadOnly && d.Name != "faxNumber" {
				t.Errorf("%s can be written and no expectation speaks of it", d.Name)
			}
			continue
		}
		seen[name] = true
		t.Run(x.id+"/"+string(d.Name), func(t *testing.T) { x.compare(t, d.Graph) })
	}
	for name, x := range all {
		top := name == "onPremisesExtensionAttributes" || strings.HasPrefix(name, "ext")
		if !seen[name] && !top {
			t.Errorf("%s: %s is not in the catalog", x.id, name)
		}
	}
}

func (x *expected) compare(t *testing.T, f property.Facts) {
	if f.ReadOnly {
		t.Error("ReadOnly, but the page lets it be written")
	}
	own := x.set["member-self"]
	if only(own, "ok") != f.SelfWrite {
		t.Errorf("SelfWrite is %v; a member on themselves: %v", f.SelfWrite, own)
	}
	never := refused(x.set["app-all"]) && len(x.narrow) == 0
	if never != f.Delegated {
		t.Errorf("Delegated is %v; an application: %v, with the narrowest permission: %v", f.Delegated, x.set["app-all"], x.narrow)
	}
	if len(x.with) > 0 && refused(x.with) != f.Alone {
		t.Errorf("Alone is %v; with another property: %v", f.Alone, x.with)
	}
	if without, with := x.set["app-priv"], x.set["app-priv-role"]; (only(without, "denied") && only(with, "ok")) != f.Sensitive {
		t.Errorf("Sensitive is %v; on an administrator without a role %v, with one %v", f.Sensitive, without, with)
	}
	switch s := x.set["app-synced"]; {
	case only(s, "sync") && !f.SyncLocked, only(s, "ok") && f.SyncLocked:
		t.Errorf("SyncLocked is %v; on a synced person: %v", f.SyncLocked, s)
	}
	switch {
	case refused(x.clear) && !f.NoNull, only(x.clear, "ok") && f.NoNull:
		t.Errorf("NoNull is %v; clearing: %v", f.NoNull, x.clear)
	}
	if x.max != 0 && x.max != f.Max {
		t.Errorf("Max is %d, the pages say %d", f.Max, x.max)
	}
	for _, want := range x.narrow {
		if !slices.ContainsFunc(f.Write, func(have string) bool { return sameSum(have, strings.ReplaceAll(want, ",", "+")) }) {
			t.Errorf("Write is %v, the narrowest permission is %s", f.Write, want)
		}
	}
}

// sameSum compares "A+B" with "B+A".
func sameSum(a, b string) bool {
	x, y := strings.Split(a, "+"), strings.Split(b, "+")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
