package property

// placeDefs are where a person works.
func placeDefs() []Def {
	return []Def{
		{
			Name: "officeLocation", Kind: KindText,
			Graph: Facts{
				Path: "officeLocation", Max: 128, SyncLocked: true, Write: write(), Advanced: wide, Source: fromUser,
				Apart: []Note{{"Max", Documented, "https://github.com/MicrosoftDocs/microsoft-365-docs add-several-users-at-the-same-time.md (2024-11-26), length of the column Office Number"}},
			},
			House: House{Label: "Office location", Section: Place, Columns: []string{"Office Number", "Office", "Office [physicalDeliveryOfficeName]"}},
		},
		{
			Name: "streetAddress", Kind: KindLongText,
			Graph: Facts{Path: "streetAddress", OnSelect: true, Max: 1024, SyncLocked: true, Write: write(), Advanced: wide, Source: fromUser},
			House: House{Label: "Street address", Section: Place, Auto: "street-address", Columns: []string{"Address"}},
		},
		{
			Name: "postalCode", Kind: KindText,
			Graph: Facts{Path: "postalCode", OnSelect: true, Max: 40, SyncLocked: true, Write: write(), Advanced: wide, Source: fromUser},
			House: House{Label: "Postal code", Section: Place, Auto: "postal-code", Columns: []string{"ZIP or Postal Code"}},
		},
		{
			Name: "city", Kind: KindText,
			Graph: Facts{Path: "city", OnSelect: true, Max: 128, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "City", Section: Place, Auto: "address-level2"},
		},
		{
			Name: "state", Kind: KindText,
			Graph: Facts{Path: "state", OnSelect: true, Max: 128, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "State", Section: Place, Auto: "address-level1", Columns: []string{"State or Province", "StateOrProvince"}},
		},
		{
			Name: "country", Kind: KindText,
			Graph: Facts{Path: "country", OnSelect: true, Max: 128, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "Country", Section: Place, Auto: "country-name", Columns: []string{"Country or Region", "CountryOrRegion", "Country/Region"}},
		},
	}
}
