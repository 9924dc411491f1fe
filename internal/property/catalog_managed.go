package property

import "fmt"

// managedDefs are what the organization or the service decides.
func managedDefs() []Def {
	return []Def{
		{Name: "userPrincipalName", Kind: KindEmail,
			Graph: Facts{Path: "userPrincipalName", Max: 113, AtCreation: true, NoNull: true, SyncLocked: true, Sensitive: true, Write: write(), Default: true,
				Filter: "eq le in sw", Advanced: "ne not ge ew", Source: fromUpdate,
				Apart: []Note{{"NoNull", Inferred, "a person without a sign-in name cannot be"}, {"Max", Documented, "https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy (May 2025)"}}},
			House: House{Label: "Sign-in name", Section: Managed, Auto: "username", Columns: []string{"User Name", "Username", "User name [userPrincipalName]", "User principal name"}}},
	}
}

// extensionAttributeDefs are the fifteen attributes that an organization may use as it likes.
func extensionAttributeDefs() []Def {
	l := make([]Def, 0, 15)
	for n := 1; n <= 15; n++ {
		name := fmt.Sprintf("extensionAttribute%d", n)
		l = append(l, Def{Name: Name(name), Kind: KindText,
			Graph: Facts{Path: "onPremisesExtensionAttributes/" + name, Max: 1024, SyncLocked: true, OnSelect: true, Write: write(), Advanced: "eq ne not in", Source: fromUpdate,
				Apart: []Note{{"Max", Documented, "https://learn.microsoft.com/en-us/graph/api/resources/onpremisesextensionattributes?view=graph-rest-1.0 (2025)"}}},
			House: House{Label: fmt.Sprintf("Extension attribute %d", n), Section: Managed, Columns: []string{fmt.Sprintf("CustomAttribute%d", n)}}})
	}
	return l
}
