package property_test

import (
	"testing"

	"nameplate/internal/property"
)

// BenchmarkRead reads a person of whom all is known; its allocations are what to look at.
func BenchmarkRead(b *testing.B) {
	body, set := []byte(`{"displayName": "Mira", "businessPhones": ["+45 33 12 34 56"], "city": "Aarhus",
		"employeeOrgData": {"division": "Care", "costCenter": "12"},
		"onPremisesExtensionAttributes": {"extensionAttribute1": "a", "extensionAttribute2": null, "extensionAttribute15": "o"}}`), property.Catalog()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := property.Read(set, body); err != nil {
			b.Fatal(err)
		}
	}
}
