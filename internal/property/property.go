// Package property owns the one description of every property of a person: what Microsoft documents of it (Facts) and how
// this installation treats it (House). Form, policy, spreadsheet, engine, emulator, API and reference pages are readings of
// that description.
//
// It promises that a fact cannot be loosened by configuration and that every fact names its source. It does no input or
// output and knows neither people nor requests.
package property

// Kind decides which field a property gets, how it is read from text and how it is checked.
type Kind int

const (
	KindText Kind = iota
	KindLongText
	KindTextList
	KindBool
	KindInstant
	KindChoice
	KindCountry  // ISO 3166 two letters (usageLocation); a free-text country is KindText
	KindLanguage // a language tag: "en-US"
	KindPhone
	KindEmail
	KindLink
	KindObject // JSON kept as it came: identities, passwordProfile, customSecurityAttributes
)

// Mark says how sure a fact is.
type Mark int

const (
	Documented Mark = iota // a page of Microsoft's
	Machine                // CSDL or permission data
	Observed               // a thread that quotes the real service
	Remembered             // no source found; Source gives the reason
	Inferred               // our own conclusion; Source gives the reason
)

// Facts is what Microsoft documents of a property; the emulator reads only this half.
type Facts struct {
	Path       string   // in a request body: "jobTitle", "employeeOrgData/costCenter"
	Select     string   // what $select asks for when it is not Path ("employeeOrgData")
	Max        int      // characters of a text, or of one item of a list; 0 is not stated
	Items      int      // items of a list; 0 is not stated
	Values     []string // the only values, when there is such a list
	AtCreation bool     // required when a user is created
	NoNull     bool     // cannot be cleared
	OnSelect   bool     // comes only when $select names it
	Alone      bool     // needs a PATCH of its own
	Delegated  bool     // an application's own token can never write it
	SyncLocked bool     // read-only in the cloud while the person is synced from on-premises
	Sensitive  bool     // on a privileged person only a higher role may write it (graph.md 2.3)
	SelfWrite  bool     // an ordinary member may write it on themselves with their own token
	ReadOnly   bool     // nobody writes it
	Write      []string // permissions that allow an application to write it, least first
	WriteOwn   []string // permissions that allow a person to write it on themselves, least first; empty: only administrators
	Mark       Mark
	Source     string // page and date, thread, or (Remembered, Inferred) the reason; a test refuses an empty one
}

// House is how this installation treats a property; the policy file may override, never loosen a fact.
type House struct {
	Label   string   // English; also the key in the catalog of languages: "Mobile phone"
	Help    string   // English; key in the catalog of languages
	Section Section  // where it stands on the profile page
	Columns []string // other spreadsheet headings it answers to
	Allowed []string // a pick list
	Auto    string   // HTML autocomplete token: "tel", "address-level2"
}

// Section is a part of the profile page, in this order.
type Section int

const (
	Contact Section = iota
	Work
	Place
	About
	Preferences
	Managed // by the organization, read-only: sign-in name, account, licenses' country, extension attributes
)

// Def describes one property.
type Def struct {
	Name  Name
	Kind  Kind
	Graph Facts
	House House
}
