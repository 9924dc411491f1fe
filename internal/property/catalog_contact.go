package property

// contactDefs are a person's names, addresses and numbers.
func contactDefs() []Def {
	return []Def{
		{
			Name: "displayName", Kind: KindText,
			Graph: Facts{
				Path: "displayName", Max: 256, AtCreation: true, NoNull: true, SyncLocked: true, Write: write(),
				Filter: "eq in sw", Advanced: "ne not ge le n", Source: fromUpdate,
				Apart: []Note{{"Max", Documented, fromUser}},
			},
			House: House{
				Label: "Display name", Help: "The name that other people see.", Section: Contact, Auto: "name",
				Columns: []string{"Name"},
			},
		},
		{
			Name: "givenName", Kind: KindText,
			Graph: Facts{Path: "givenName", Max: 64, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "First name", Section: Contact, Auto: "given-name"},
		},
		{
			Name: "surname", Kind: KindText,
			Graph: Facts{Path: "surname", Max: 64, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "Last name", Section: Contact, Auto: "family-name"},
		},
		{
			Name: "mail", Kind: KindEmail,
			Graph: Facts{Path: "mail", NoNull: true, SyncLocked: true, Write: write(), Filter: some, Advanced: "ne not ew n", Source: fromUpdate},
			House: House{Label: "E-mail", Help: "Mail is delivered to this address.", Section: Contact, Auto: "email"},
		},
		{
			Name: "mobilePhone", Kind: KindPhone,
			Graph: Facts{
				Path: "mobilePhone", Max: 64, SyncLocked: true, Sensitive: true, SelfWrite: true, Write: writePhone(), WriteOwn: self(),
				Advanced: wide, Source: fromUser, Apart: []Note{{"SyncLocked", Documented, fromUser}},
			},
			House: House{
				Label: "Mobile phone", Help: "With the country code, for example +49 1512 3456789.", Section: Contact, Auto: "tel",
				Columns: []string{"Mobile Phone", "Mobile phone [mobile]"},
			},
		},
		{
			Name: "businessPhones", Kind: KindTextList, Item: KindPhone,
			Graph: Facts{
				Path: "businessPhones", Max: 64, Items: 1, SyncLocked: true, Sensitive: true, Write: writePhone(),
				Filter: "eq", Advanced: "not ge le sw", Source: fromUpdate,
				Apart: []Note{
					{"SyncLocked", Documented, fromUser},
					{"Max", Observed, "https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/187 quotes \"should be between 1 and 64 characters\" for a phone number"},
					{"SelfWrite", Inferred, "the page on default permissions names the mobile number only, and example 1 of \"Update user\" asks for a role to write businessPhones on oneself"},
				},
			},
			House: House{
				Label: "Business phone", Help: "With the country code. Microsoft 365 holds one business phone.", Section: Contact, Auto: "tel",
				Columns: []string{"Office Phone", "Phone number", "Office phone [telephoneNumber]"},
			},
		},
		{
			Name: "faxNumber", Kind: KindPhone,
			Graph: Facts{
				Path: "faxNumber", OnSelect: true, Max: 64, SyncLocked: true, Write: write(), Advanced: wide, Source: fromUser,
				Apart: []Note{{"Max", Documented, "https://github.com/MicrosoftDocs/microsoft-365-docs add-several-users-at-the-same-time.md (2024-11-26), length of the column Fax"}},
			},
			House: House{Label: "Fax", Section: Contact, Columns: []string{"Fax"}},
		},
		{
			Name: "otherMails", Kind: KindTextList, Item: KindEmail,
			Graph: Facts{
				Path: "otherMails", OnSelect: true, Max: 250, Items: 250, Sensitive: true, Write: write("User-Mail.ReadWrite.All"), Filter: some,
				Advanced: "not ew /$count", Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Remembered, "the alternate address is kept in the cloud and not among the attributes that directory sync sends; no page found"}},
			},
			House: House{
				Label: "Other e-mail addresses", Help: "One on each line. The whole list is replaced.", Section: Contact, Auto: "email",
				Columns: []string{"Alternate email address", "alternateEmailAddress"},
			},
		},
	}
}
