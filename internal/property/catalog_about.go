package property

// aboutDefs are what people say of themselves, and what they prefer. Eight of them are held by SharePoint: only the person's
// own token writes them, each in a request of its own, and they come only when a single person is read and they are selected.
func aboutDefs() []Def {
	held := func(name Name, kind Kind, label, help, auto string) Def {
		return Def{
			Name: name, Kind: kind,
			Graph: Facts{Path: string(name), OnSelect: true, Single: true, Alone: true, Delegated: true, SelfWrite: true, WriteOwn: self(), Source: fromUpdate},
			House: House{Label: label, Help: help, Section: About, Auto: auto},
		}
	}
	return []Def{
		held("aboutMe", KindLongText, "About me", "A few sentences about you, for your colleagues.", ""),
		held("skills", KindTextList, "Skills", "One on each line.", ""),
		held("responsibilities", KindTextList, "Responsibilities", "What people can ask you about. One on each line.", ""),
		held("pastProjects", KindTextList, "Past projects", "One on each line.", ""),
		held("interests", KindTextList, "Interests", "One on each line.", ""),
		held("schools", KindTextList, "Schools", "One on each line.", ""),
		held("mySite", KindLink, "Website", "The full address, for example https://www.example.com/.", "url"),
		held("birthday", KindInstant, "Birthday", "", "bday"),
		{
			Name: "preferredLanguage", Kind: KindLanguage,
			Graph: Facts{
				Path: "preferredLanguage", SyncLocked: true, Write: write(), Advanced: wide, Source: fromUpdate,
				Apart: []Note{{"SelfWrite", Inferred, "the page on default permissions names the mobile number only"}},
			},
			House: House{Label: "Preferred language", Help: "For example en-US or de-DE.", Section: Preferences, Auto: "language"},
		},
	}
}
