// Package property owns the one description of every property of a person: what Microsoft documents of it (Facts) and how
// this installation treats it (House). Form, policy, spreadsheet, engine, emulator, API and reference pages are readings of
// that description.
//
// It promises that a fact cannot be loosened by configuration and that every fact names its source. It does no input or
// output and knows neither people nor requests.
package property

import (
	"fmt"
	"strings"
)

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

var kindNames = [...]string{"text", "long text", "list", "yes or no", "date", "choice", "country", "language", "phone", "e-mail", "link", "object"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Mark says how sure a fact is.
type Mark int

const (
	Documented Mark = iota // a page of Microsoft's
	Machine                // CSDL or permission data
	Observed               // a thread that quotes the real service
	Remembered             // no source found; Source gives the reason
	Inferred               // our own conclusion; Source gives the reason
)

var markNames = [...]string{"documented", "machine-readable", "reported by others", "remembered", "assumed"}

func (m Mark) String() string {
	if m < 0 || int(m) >= len(markNames) {
		return fmt.Sprintf("mark %d", int(m))
	}
	return markNames[m]
}

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
	Write      []string // permissions that allow an application to write it, least first; "A+B" needs both
	WriteOwn   []string // permissions that allow a person to write it on themselves, least first; empty: only administrators
	Single     bool     // comes only on a GET of one person; a list that selects it is refused
	Secret     bool     // never comes at all
	Open       bool     // left out of an answer when it has no value (directory and schema extensions)
	Filter     string   // operators of $filter that need no extra header: "eq ge le in sw"; n is null, any a lambda
	Advanced   string   // operators that need ConsistencyLevel: eventual and $count=true
	Mark       Mark
	Source     string // page and date, thread, or (Remembered, Inferred) the reason; a test refuses an empty one
	Apart      []Note // single facts of this property that rest on something else than Source
}

// Note is one fact that rests on a source of its own. Rule is the field of Facts that it is about ("Max", "NoNull").
type Note struct {
	Rule   string
	Mark   Mark
	Source string
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

var sectionNames = [...]string{"Contact", "Work", "Place", "About me", "Preferences", "Managed by your organization"}

// String is the section's heading in English; it is also the key in the catalog of languages.
func (s Section) String() string {
	if s < 0 || int(s) >= len(sectionNames) {
		return fmt.Sprintf("section %d", int(s))
	}
	return sectionNames[s]
}

// Sections are all sections, in the order of the page.
func Sections() []Section {
	return []Section{Contact, Work, Place, About, Preferences, Managed}
}

// Def describes one property.
type Def struct {
	Name  Name
	Kind  Kind
	Item  Kind // of a list's items: KindText, KindPhone or KindEmail
	Graph Facts
	House House
	rule  func(Value) []Problem // what only this property asks of a value, in its own words, before what its kind asks
}

// Top is the key that the property has, or stands under, in a Graph object: "employeeOrgData" for
// "employeeOrgData/costCenter".
func (d Def) Top() string {
	top, _, _ := strings.Cut(d.Graph.Path, "/")
	return top
}

// Selected is what $select has to name.
func (d Def) Selected() string {
	if d.Graph.Select != "" {
		return d.Graph.Select
	}
	return d.Top()
}

// Problem is what is wrong with a value. Code is stable and for programs; Key is an English format string for people, which
// is at the same time the key in the catalog of languages.
type Problem struct {
	Code string
	Key  string
	Args []any
}

// String is the English sentence.
func (p Problem) String() string {
	if len(p.Args) == 0 {
		return p.Key
	}
	return fmt.Sprintf(p.Key, p.Args...)
}
