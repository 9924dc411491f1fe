package property

import "fmt"

// managedDefs are what the organization or the service decides.
func managedDefs() []Def {
	l := []Def{
		{
			Name: "userPrincipalName", Kind: KindEmail, rule: signInName,
			Graph: Facts{
				Path: "userPrincipalName", Max: 113, AtCreation: true, NoNull: true, SyncLocked: true, Sensitive: true, Write: write(),
				Filter: "eq le in sw", Advanced: "ne not ge ew", Source: fromUpdate,
				Apart: []Note{
					{"NoNull", Inferred, "nobody can sign in without a sign-in name"},
					{"Max", Documented, "https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy (May 2025)"},
				},
			},
			House: House{
				Label: "Sign-in name", Section: Managed, Auto: "username",
				Columns: []string{"User Name", "Username", "User name [userPrincipalName]", "User principal name"},
			},
		},
		{
			Name: "accountEnabled", Kind: KindBool,
			Graph: Facts{
				Path: "accountEnabled", AtCreation: true, NoNull: true, OnSelect: true, SyncLocked: true, Sensitive: true,
				Write: append([]string{"User.EnableDisableAccount.All+User.Read.All"}, "User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"), Filter: "eq in", Advanced: "ne not", Source: fromUpdate,
				Apart: []Note{{"NoNull", Inferred, "required when a person is created; the schema does not say that it may be cleared later"}},
			},
			House: House{Label: "Account is enabled", Section: Managed, Columns: []string{"Block credential", "Block sign in (Yes/No) [accountEnabled]"}},
		},
		{
			Name: "userType", Kind: KindChoice,
			Graph: Facts{
				Path: "userType", Values: []string{"Member", "Guest"}, OnSelect: true, Write: write(), Filter: "eq in", Advanced: rest, Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Remembered, "kept in the cloud unless directory sync is told to send it; no page found"}},
			},
			House: House{Label: "Kind of account", Section: Managed, Columns: []string{"userType"}},
		},
		{
			Name: "usageLocation", Kind: KindCountry,
			Graph: Facts{
				Path: "usageLocation", Max: 2, NoNull: true, OnSelect: true, Write: write(), Filter: some, Advanced: rest, Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Remembered, "licensing needs it for synced people too, so it stays writable; no page found"}},
			},
			House: House{
				Label: "Usage location", Help: "Decides which services a license may include.", Section: Managed,
				Columns: []string{"Usage location", "Usage location [usageLocation]"},
			},
		},
		{
			Name: "ageGroup", Kind: KindChoice,
			Graph: Facts{Path: "ageGroup", Values: []string{"Minor", "NotAdult", "Adult"}, OnSelect: true, Write: write(), Filter: "eq in", Advanced: "ne not", Source: fromUpdate},
			House: House{Label: "Age group", Section: Managed, Columns: []string{"AgeGroup"}},
		},
		{
			Name: "consentProvidedForMinor", Kind: KindChoice,
			Graph: Facts{Path: "consentProvidedForMinor", Values: []string{"Granted", "Denied", "NotRequired"}, OnSelect: true, Write: write(), Filter: "eq in", Advanced: "ne not", Source: fromUpdate},
			House: House{Label: "Consent for a minor", Section: Managed},
		},
		{
			Name: "mailNickname", Kind: KindText, rule: nickname,
			Graph: Facts{
				Path: "mailNickname", Max: 64, AtCreation: true, NoNull: true, OnSelect: true, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser,
				Apart: []Note{{"NoNull", Inferred, "required when a person is created"}},
			},
			House: House{Label: "Mail nickname", Section: Managed},
		},
		{
			Name: "passwordPolicies", Kind: KindText, rule: passwordPolicies,
			Graph: Facts{Path: "passwordPolicies", OnSelect: true, Write: write(), Advanced: "eq ne not n", Source: fromUpdate},
			House: House{Label: "Password policies", Section: Managed},
		},
		{
			Name: "passwordProfile", Kind: KindObject,
			Graph: Facts{
				Path: "passwordProfile", AtCreation: true, NoNull: true, OnSelect: true, Secret: true, SyncLocked: true, Sensitive: true,
				Write: []string{"User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}, Source: fromUpdate,
				Apart: []Note{{"Secret", Documented, fromUser}, {"NoNull", Inferred, "an account without a password profile cannot be asked for"}},
			},
			House: House{Label: "Password", Section: Managed},
		},
		{
			Name: "identities", Kind: KindObject,
			Graph: Facts{
				Path: "identities", NoNull: true, OnSelect: true, Write: []string{"User.ManageIdentities.All"}, Filter: "eq", Source: fromUpdate,
				Apart: []Note{{"NoNull", Inferred, "any update replaces all identities and the one of the userPrincipalName has to be among them"}},
			},
			House: House{Label: "Sign-in identities", Section: Managed},
		},
		{
			Name: "customSecurityAttributes", Kind: KindObject,
			Graph: Facts{Path: "customSecurityAttributes", OnSelect: true, Write: []string{"CustomSecAttributeAssignment.ReadWrite.All"}, Advanced: "eq ne not sw", Source: fromUpdate},
			House: House{Label: "Custom security attributes", Section: Managed},
		},
		{
			Name: "onPremisesImmutableId", Kind: KindText, rule: immutableID,
			Graph: Facts{Path: "onPremisesImmutableId", OnSelect: true, SyncLocked: true, Sensitive: true, Write: write(), Advanced: "eq ne not ge le in", Source: fromUpdate},
			House: House{Label: "On-premises immutable ID", Section: Managed},
		},
	}
	fixed := func(name Name, kind, item Kind, label, filter, advanced, source string) {
		d := Def{
			Name: name, Kind: kind, Item: item, House: House{Label: label, Section: Managed},
			Graph: Facts{Path: string(name), OnSelect: name != "id", ReadOnly: true, Filter: filter, Advanced: advanced, Source: source},
		}
		if source == fromCSDL {
			d.Graph.Mark = Machine
		}
		l = append(l, d)
	}
	fixed("id", KindText, 0, "Object ID", "eq in", "ne not", fromUser)
	fixed("proxyAddresses", KindTextList, KindText, "Proxy addresses", "eq ge le sw", "not ew /$count n", fromUser)
	fixed("imAddresses", KindTextList, KindText, "Chat addresses", "eq ge le sw", "ne not", fromUser)
	fixed("legalAgeGroupClassification", KindText, 0, "Legal age group", "", "", fromUser)
	fixed("createdDateTime", KindInstant, 0, "Created", "eq ge le", "ne not in", fromUser)
	fixed("creationType", KindText, 0, "Kind of creation", "eq in", "ne not", fromUser)
	fixed("lastPasswordChangeDateTime", KindInstant, 0, "Password last changed", "", "", fromUser)
	fixed("signInSessionsValidFromDateTime", KindInstant, 0, "Sessions valid from", "", "", fromUser)
	fixed("externalUserState", KindText, 0, "State of the invitation", "eq in", "ne not", fromUser)
	fixed("externalUserStateChangeDateTime", KindInstant, 0, "Invitation changed", "", "", fromUser)
	fixed("securityIdentifier", KindText, 0, "Security identifier", "", "", fromUser)
	fixed("onPremisesSyncEnabled", KindBool, 0, "Synced from on-premises", "eq in", "ne not n", fromUser)
	fixed("onPremisesLastSyncDateTime", KindInstant, 0, "Last synced", "", "eq ne not ge le in", fromUser)
	fixed("onPremisesDistinguishedName", KindText, 0, "On-premises distinguished name", "", "", fromUser)
	fixed("onPremisesDomainName", KindText, 0, "On-premises domain", "", "", fromUser)
	fixed("onPremisesSamAccountName", KindText, 0, "On-premises account name", "", "eq ne not ge le in sw", fromUser)
	fixed("onPremisesSecurityIdentifier", KindText, 0, "On-premises security identifier", "eq in", "n", fromUser)
	fixed("onPremisesUserPrincipalName", KindText, 0, "On-premises sign-in name", some, "ne", fromUser)
	fixed("assignedLicenses", KindObject, 0, "Licenses", "eq", "not /$count", fromUser)
	fixed("showInAddressList", KindBool, 0, "Shown in address lists", "", "eq ne not in", fromUser)
	fixed("isResourceAccount", KindBool, 0, "Resource account", "", "", fromUser)
	fixed("preferredDataLocation", KindText, 0, "Preferred data location", "", "", fromCSDL)
	return l
}

// extensionAttributeDefs are the fifteen attributes that an organization may use as it likes.
func extensionAttributeDefs() []Def {
	l := make([]Def, 0, 15)
	for n := 1; n <= 15; n++ {
		name := fmt.Sprintf("extensionAttribute%d", n)
		l = append(l, Def{
			Name: Name(name), Kind: KindText,
			Graph: Facts{
				Path: "onPremisesExtensionAttributes/" + name, Max: 1024, SyncLocked: true, OnSelect: true, Write: write(), Advanced: "eq ne not in n", Source: fromUpdate,
				Apart: []Note{{"Max", Documented, "https://learn.microsoft.com/en-us/graph/api/resources/onpremisesextensionattributes?view=graph-rest-1.0 (2025)"}},
			},
			House: House{Label: fmt.Sprintf("Extension attribute %d", n), Section: Managed, Columns: []string{fmt.Sprintf("CustomAttribute%d", n)}},
		})
	}
	return l
}
