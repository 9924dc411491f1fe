// Package change owns the one write path. A Change is a value: on whom, what, expecting what, by whom, why. The Engine takes it
// through check → journal → write → read back → journal, and nothing else in Nameplate may write to a directory.
//
// It promises: what Check previews is what Apply does first; a key is applied once; nothing is believed that was not read back;
// an ambiguous answer never leads to a blind repeat; a value that somebody else wrote is shown, not overwritten; a crash at any
// point leaves an entry that Settle can finish. It knows neither SQL nor HTTP.
package change

import (
	"context"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Action is what a change does. These are all there are.
type Action string

const (
	Update Action = "update" // set properties
	Photo  Action = "photo"  // set or remove the picture
	Create Action = "create" // make a person; On's ID is the engine's to give, Set are properties, Secret is the first password

	// These set facets of package directory.
	Manager  Action = "manager"  // give or take a manager
	Member   Action = "member"   // put into groups, take out of groups
	License  Action = "license"  // give or take products, switch their services
	Account  Action = "account"  // delete, restore
	Password Action = "password" // give a new password, which has to be changed at the next sign-in
	Sessions Action = "sessions" // end all sign-ins

	// These write to no directory and are never given to the engine; Own tells them.
	Key    Action = "key"    // an API key was made or revoked
	Export Action = "export" // the history, what is kept of somebody, or a list, was taken out
	Forget Action = "forget" // what was kept of somebody was forgotten
)

// Own says whether an action is done by Nameplate to what it keeps itself: its entries stand in the history and cannot be taken back.
func (a Action) Own() bool { return a == Key || a == Export || a == Forget }

// What the entries of such actions say in Before and After.
const (
	KeyRole       property.Name = "key/role"
	KeyScopes     property.Name = "key/scopes"
	KeyExpires    property.Name = "key/expires"
	ExportWhat    property.Name = "export/what" // ExportHistory and its neighbors
	ExportEntries property.Name = "export/entries"
)

// The values of ExportWhat.
const (
	ExportHistory = "history"
	ExportPerson  = "person"
	ExportPeople  = "people"
	ExportGroups  = "groups"
	ExportMembers = "members"
	ExportRows    = "rows" // of a plan
	// ExportPasswords are the first passwords of those whom a plan has added, told once.
	ExportPasswords = "passwords"
)

// OwnName says whether a name is one of these.
func OwnName(n property.Name) bool {
	return strings.HasPrefix(string(n), "key/") || strings.HasPrefix(string(n), "export/")
}

// Change is a wish to change one object.
type Change struct {
	ID     string // of the journal entry it becomes; made by the engine when empty
	Key    string // idempotency: a form nonce, "undo/<entry>"; unique per tenant, the same key again returns the first Outcome
	On     directory.Ref
	Do     Action
	Set    property.Values // properties for Update, facets for the actions that set them
	Photo  []byte          // for Photo: a JPEG; nil removes
	Expect property.Values // what the asker saw; names that are absent are not compared; nil compares nothing
	By     directory.Actor
	Why    string // for people: "" or "Undo of …"
	// Names are what ids in Set were called at the time, for the history: a facet, or the object id that is its value.
	Names map[string]string `json:",omitempty"`
	// Secret is the new password of Password and Create. It is in no journal; that of Create waits sealed until Reveal.
	Secret string `json:"-"`
	Undoes string // the entry that this change takes back, "" for none
	Asked  string // digest of what was asked, made by the engine: the same Key with another Asked is another change
}

// State is where a change has come to.
type State string

const (
	Open       State = "open"       // begun, not ended: a write may be under way, or was cut off
	Applied    State = "applied"    // read back as wanted
	Unchanged  State = "unchanged"  // nothing differed; no request was sent
	Partly     State = "partly"     // some parts applied, others not; Parts say which
	Refused    State = "refused"    // policy, catalog or directory said no; nothing was applied
	Conflicted State = "conflicted" // somebody else changed it; nothing of theirs was overwritten
	Failed     State = "failed"     // the directory could not be reached or said no for a passing reason; nothing was applied
	Unverified State = "unverified" // not visible yet, accepted unless the part is Unclear; settles in the background
)

// Part is one write request of a change: an own-token property, a picture, or everything that may go together.
type Part struct {
	Names   []property.Name     // "photo" for a picture
	As      directory.Authority // whose right it uses
	State   State
	Problem *fail.Error // why not, when State is Refused, Conflicted, Failed or Unverified
	// Confirmed says that the answer to the write was lost and that reading the directory back showed it.
	Confirmed bool `json:",omitempty"`
}

// Unclear says that the directory did not answer whether it took the part, and that reading back did not tell either.
func (p Part) Unclear() bool {
	return p.State == Unverified && p.Problem != nil && p.Problem.Code == codeUnconfirmed
}

// Conflict is one property that moved: what the asker saw, what the directory says now, what the asker wants.
type Conflict struct {
	Name             property.Name
	Saw, Now, Wanted property.Value
}

// Preview is what Apply would do.
type Preview struct {
	Before    directory.User
	Diff      property.Values // what differs and would be sent
	Parts     []Part          // in the order in which they would be sent
	Conflicts []Conflict
	Problems  []fail.Problem // why it would be refused, each with its field
}

// Outcome is what became of a change.
type Outcome struct {
	Entry     string // id of the journal entry
	State     State
	Parts     []Part
	Before    property.Values // of the names that were to change
	After     property.Values // as read back
	Conflicts []Conflict
	Problem   *fail.Error // the whole change's problem; parts have their own
	At        time.Time
	Created   string `json:",omitempty"` // the object id of whom a Create has made
}

// Cause is why nothing or not all came of a change: its own problem, or that of its first part that has one; nil where all is well.
func (o Outcome) Cause() *fail.Error {
	if o.Problem != nil {
		return o.Problem
	}
	for _, p := range o.Parts {
		if p.Problem != nil {
			return p.Problem
		}
	}
	return nil
}

// Unclear says that it is not known yet of at least one part whether it was taken.
func (o Outcome) Unclear() bool { return slices.ContainsFunc(o.Parts, Part.Unclear) }

// Policy is the gate: whether an actor may do this to that target. Default deny.
type Policy interface {
	// May returns nothing when everything is allowed, else a problem for each field that is not ("" for the whole change), and
	// checks values against the house rules (pattern, pick list, required). It may complete Set with what follows from a pick
	// (office gives street and city); the completed set is returned and is what is written.
	May(ctx context.Context, by directory.Actor, do Action, on directory.User, set property.Values) (property.Values, []fail.Problem)
	// MayJoin says whether the actor may put people into this group and take them out, whoever they are.
	MayJoin(by directory.Actor, group directory.Group) []fail.Problem
	// Needs are the properties that May reads of the target, so that one read of the person is enough.
	Needs() []property.Name
}

// Entry is one journal record: a change and what became of it. It is append-only: Begin and End are two chained records.
type Entry struct {
	ID      string
	Seq     int64 // order in the tenant's chain
	Change  Change
	Outcome Outcome
	Begun   time.Time
	Ended   time.Time // zero while open
	Attempt Attempt
	// Forgotten is when what was kept of the person was forgotten: values, names and addresses are not in the entry any more. Zero: never.
	Forgotten time.Time `json:",omitzero"`
}

// Attempt is how far an open entry had come when it was last written down; Settle reads it.
type Attempt struct {
	Part int  // index of the part that was about to be sent, or was sent
	Sent bool // false: nothing of this part was sent yet
}

// Journal is the engine's memory. Every method is one transaction; what it returned without error survives a power cut.
type Journal interface {
	// Begin writes the intent. If the key is known it returns that entry and known=true and writes nothing. If another entry on
	// the same object is open it returns fail.Conflict with Code "busy".
	Begin(ctx context.Context, e Entry) (prior Entry, known bool, err error)
	// Note records that a part is about to be sent, or what became of it; the entry stays open.
	Note(ctx context.Context, id string, parts []Part, at Attempt) error
	// End writes the outcome. An entry is ended once; a second End is fail.Conflict, except that an entry that ended Unverified
	// may be ended again, with Unverified or with what settled it: each End is a chained record, Get gives the newest.
	End(ctx context.Context, id string, o Outcome) error
	// Get reads one entry; fail.NotFound.
	Get(ctx context.Context, tenant, id string) (Entry, error)
	// ByKey finds an entry by its key; fail.NotFound.
	ByKey(ctx context.Context, tenant, key string) (Entry, error)
	// On lists the entries on an object, newest first, at most n, older than before (0: from the newest). An entry of Create is on
	// whom it created once it has ended so, and every method gives it Landed.
	On(ctx context.Context, ref directory.Ref, before int64, n int) ([]Entry, error)
	// Unsettled lists a tenant's entries (every tenant's when none is named) that are open since before t, and unverified ones, oldest
	// first.
	Unsettled(ctx context.Context, tenant string, t time.Time, n int) ([]Entry, error)
	// PutBlob keeps bytes by their SHA-256 (hex) and PutBlob of the same again does nothing; Blob reads them; fail.NotFound.
	PutBlob(ctx context.Context, tenant string, b []byte) (sum string, err error)
	Blob(ctx context.Context, tenant, sum string) ([]byte, error)
	// Verify walks the tenant's chain and names the first record that does not fit, or returns how many there are.
	Verify(ctx context.Context, tenant string) (records int64, bad *BadRecord, err error)
}

// Together is a Journal that takes several records in one transaction; each answer is what Journal's method gives for that one alone.
type Together interface {
	BeginAll(ctx context.Context, es []Entry) []Begun
	NoteAll(ctx context.Context, ns []Noted) []error
	EndAll(ctx context.Context, es []Ended) []error
}

// Begun is what became of an entry that was to begin.
type Begun struct {
	Prior Entry
	Known bool
	Err   error
}

// Noted is what Journal.Note is told.
type Noted struct {
	ID    string
	Parts []Part
	At    Attempt
}

// Ended is what Journal.End is told.
type Ended struct {
	ID      string
	Outcome Outcome
}

// Search says which entries of everybody are looked for; zero fields ask nothing.
type Search struct {
	On, By      string // object ids: whose profile, and who did it
	Do          Action
	State       State
	From, Until time.Time // begun; Until is not in it
	After       int64     // newer than this Seq: those that follow it; 0 is all
}

// Stop is a stop of all writing: whose, who pressed it, why, and since when.
type Stop struct {
	Tenant string // "" stops every organization's
	By     string
	Why    string
	Since  time.Time
}

// BadRecord is where a chain is broken.
type BadRecord struct {
	Seq  int64
	ID   string
	What string // "its hash does not fit its content", "the record before it is missing"
}

// PhotoName is the name that stands for the picture in Parts, Before and After; its value there is the SHA-256 (hex) of a
// blob of the journal, or null.
const PhotoName property.Name = "photo"
