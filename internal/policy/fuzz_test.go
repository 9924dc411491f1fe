package policy_test

import (
	"context"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

// Whatever a file holds: reading ends soon, either with a policy or with mistakes that have words, and a policy that was read
// can be asked.
func FuzzParse(f *testing.F) {
	f.Add(policy.Demo())
	f.Add(policy.Default())
	for _, s := range []string{
		"", "version: 1", "version: 1\nproperties: {city: {edit: self, pattern: '(a+)+', message: m}}", "a: &a [*a]", "\xff\xfev\x00", "version: 1\nrules:\n  - when: city eq 'x'\n",
		"version: 1\ntables: {t: [{city: a, state: b}]}\nproperties: {city: {follow: t}}", "? [a]\n: b", "version: 1\n<<: {}\n", "--- !x\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		p, mistakes := policy.Parse("p.yaml", data)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %s", took)
		}
		if (p == nil) != (len(mistakes) > 0) {
			t.Fatalf("policy %v, mistakes %v", p != nil, mistakes)
		}
		for _, m := range mistakes {
			if m.What == "" || m.Line < 0 {
				t.Fatalf("%+v", m)
			}
		}
		if p == nil {
			return
		}
		on := user(nil)
		set, problems := p.May(context.Background(), person(anna), change.Update, on, property.Values{"aboutMe": property.Text("x"), "id": property.Text("x")})
		if set != nil || len(problems) == 0 {
			t.Fatalf("the object id may be written: %v %v", set, problems)
		}
		policy.Text(on, p.Form(person(anna), on))
	})
}
