package property_test

import (
	"testing"

	"nameplate/internal/property"
)

// Whatever a directory answers: it is read or refused, and what was read can be written back unless it may not be written.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"city":"Oslo","skills":["a"],"employeeOrgData":{"division":"x"},"birthday":"0001-01-01T00:00:00Z"}`, `{"onPremisesExtensionAttributes":{"extensionAttribute1":1e400}}`,
		`{"customSecurityAttributes":{"Engineering":{"ProjectDate":"2022-10-01"}}}`, `{"businessPhones":null,"identities":[[]],"accountEnabled":"x"}`, `[]`, `{"city":{"city":{}}}`,
	} {
		f.Add([]byte(s))
	}
	set := property.Catalog()
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := property.Read(set, data)
		if err != nil {
			return
		}
		for n, x := range v {
			d, ok := set.Def(n)
			if !ok {
				t.Fatalf("%s came out of nowhere", n)
			}
			_ = x.String()
			clean := d.Clean(x)
			if d.Graph.ReadOnly || d.Check(clean) != nil {
				continue
			}
			body, err := property.Body(set, property.Values{n: clean}, v)
			if err != nil {
				continue // the other half of employeeOrgData is not in the answer
			}
			again, err := property.Read(set, body, n)
			if err != nil || !again[n].Equal(clean) {
				t.Fatalf("%s: %q became %q by %s: %v", n, clean, again[n], body, err)
			}
		}
	})
}
