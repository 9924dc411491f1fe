// Package bulk owns work on many people at once: from a spreadsheet to a plan of changes, and from the directory to a spreadsheet.
//
// It promises: a plan writes nothing to the directory; every row of it is judged by the change engine as a single change would be, and
// shows old and new of each value, or all that is wrong with it; who is named in a file is read in pages and never one by one; a plan is
// a row of this installation, and only what was reviewed, named by its digest, is applied; each row goes through the engine, is in
// effect once however often the process dies, and ends with what became of it.
// It knows neither HTTP nor SQL, and it decides nothing about who may do what: package admin does.
package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"sync"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// Plan is what a spreadsheet would change.
type Plan struct {
	ID     string
	Tenant string
	By     directory.Actor
	Made   time.Time
	File   string // its name, as told
	Undoes string `json:",omitempty"` // the plan that this one takes back, "" for none; File, Sum and lines are that one's
	Sum    string // SHA-256 (hex) of its bytes
	About  sheet.About
	Digest string // SHA-256 (hex) of all rows; "" while the plan is being made
	Counts Counts
	// Problems are of the file as a whole; with any, nothing of the plan can be applied. Those of rows stand in the rows.
	Problems []sheet.Problem
	Notes    []sheet.Problem
	Picked   *Picked `json:",omitempty"` // of a plan that was made from a selection; nil is a file
	Run      Run     `json:"-"`          // kept beside the plan, which does not change
}

// Counts say how many rows there are, by what became of them, and how many changes, by what they do.
type Counts struct {
	Rows, Ready, Unchanged, Refused int
	Privileged                      int            // ready rows about people who hold a directory role
	Kinds                           map[string]int // Kind of each step of the ready rows
	Cells                           map[property.Name]int
}

// RowState is what is to become of a row.
type RowState string

// The states of a row in a plan.
const (
	Ready     RowState = "ready"     // Steps would be done
	Unchanged RowState = "unchanged" // everything is so already
	Refused   RowState = "refused"   // Problems say why
)

// Row is one row of the file.
type Row struct {
	Line       int
	Sheet      string
	On         directory.Ref
	UPN, Name  string // as they are now; UPN is what the file says where nobody was found
	State      RowState
	Privileged bool // the person holds a directory role
	Secret     bool `json:",omitempty"` // the file gave the first password of somebody who is created
	Steps      []Step
	Problems   []sheet.Problem
	Notes      []sheet.Problem
	Fate       *Fate `json:"-"` // nil: not applied; kept beside the row, which does not change
}

// Step is one change of a row. Before is what Set's names hold now.
type Step struct {
	Do          change.Action
	Set, Before property.Values
	Names       map[string]string `json:",omitempty"` // what ids were called, as change.Change has it
	Undoes      string            `json:",omitempty"` // the entry that it takes back
}

// Kind is what the step does in one word: the action, or "delete" or "restore".
func (s Step) Kind() string {
	if s.Do != change.Account {
		return string(s.Do)
	}
	if s.Set[directory.FacetAccount].Str() == directory.Deleted {
		return "delete"
	}
	return "restore"
}

// Kinds are all kinds of steps, in the order in which a row's steps are done.
func Kinds() []string {
	return []string{
		"restore", string(change.Create), string(change.Update), string(change.Photo), string(change.Manager), string(change.Member), string(change.License), "delete",
	}
}

// Query says which rows to read; zero fields ask nothing.
type Query struct {
	State  RowState
	Kind   string
	Fate   change.State // what became of them
	Undone bool         // without a fate
	Text   string       // in the name or the sign-in name, whatever its case
	After  int          // rows that come later than this number
	N      int          // at most so many; 0 is 100
}

// Numbered is a row with its number in the plan, from 1.
type Numbered struct {
	Number int
	Row
}

// Store keeps plans. Every method is one transaction.
type Store interface {
	// Begin writes a plan that is being made; nobody sees it before End.
	Begin(ctx context.Context, p Plan) error
	// Add appends rows to it; first is the number of the first.
	Add(ctx context.Context, p Plan, first int, rows []Row) error
	// End makes the plan whole.
	End(ctx context.Context, p Plan) error
	// Drop forgets a plan with its rows; none is no error.
	Drop(ctx context.Context, tenant, id string) error
	// Turn gives a plan another state; Conflict when it is in none of from.
	Turn(ctx context.Context, tenant, id string, from []RunState, to Run) error
	// Claim finds a plan that is to be applied and that nobody holds, and gives it to the holder until then.
	Claim(ctx context.Context, holder string, now, until time.Time) (p Plan, ok bool, err error)
	// Keep holds it longer and says what state it is in; Conflict when somebody else holds it.
	Keep(ctx context.Context, tenant, id, holder string, until time.Time) (RunState, error)
	// Fates writes what became of rows; the first fate of a row stays.
	Fates(ctx context.Context, tenant, id string, fates []Fate) error
	// PutUpload lets a file wait; a person has the last three.
	PutUpload(ctx context.Context, w Waiting) error
	// Upload is a file of somebody's that waits; fail.NotFound.
	Upload(ctx context.Context, tenant, id, by string, now time.Time) (Waiting, error)
	// DropUpload forgets one; none is no error.
	DropUpload(ctx context.Context, tenant, id string) error
	// PutGiven keeps something beside a row of a plan; it goes with the row's fate, with the plan, and when the plan is canceled.
	PutGiven(ctx context.Context, g Given) error
	// Given is one; fail.NotFound when there is none, or its time is over.
	Given(ctx context.Context, tenant, plan string, number int, what string, now time.Time) (Given, error)
	// Plan reads one; fail.NotFound.
	Plan(ctx context.Context, tenant, id string) (Plan, error)
	// Plans lists the newest first, at most n, older than before (zero: from the newest).
	Plans(ctx context.Context, tenant string, before time.Time, n int) ([]Plan, error)
	// Rows lists rows in the order of the file.
	Rows(ctx context.Context, tenant, id string, q Query) ([]Numbered, error)
}

// Config is what a Bulk is made of; all but Settle, Budget, Brake and Holds is needed.
type Config struct {
	Desk   *admin.Desk
	Store  Store
	Sealer Sealer
	Now    func() time.Time
	Random io.Reader // a source fit for secrets
	NewID  func() string
	Wait   func(ctx context.Context, d time.Duration) error
	Wake   func() // is told that there is something for Work
	// Settle finds out what became of changes of which it was not known; nil: somebody else does.
	Settle func(ctx context.Context) (int, error)
	// Budget is how many writes there are for many people; nil: as many as are wanted. *pace.Budget is one.
	Budget Budget
	Brake  Brake // zero: 100 people, 10 percent
	// Holds says whether who applied a plan still may: a key that was not revoked, a person whose account is not blocked or deleted.
	// It is asked every half minute of a run. Nil: nobody is asked.
	Holds func(ctx context.Context, by directory.Actor) (bool, error)
}

// Budget gives out writes.
type Budget interface {
	// Take takes most at the most; when there are none yet it says how long that lasts.
	Take(ctx context.Context, most int) (n int, wait time.Duration, err error)
	// Back gives back what was not used.
	Back(ctx context.Context, n int) error
}

// Bulk makes plans, applies them, and exports. It is safe for concurrent use.
type Bulk struct {
	Config
	holder  string
	working sync.Mutex
	easel   chan struct{} // one picture is prepared at a time
}

// New makes a Bulk.
func New(c Config) *Bulk { return &Bulk{Config: c, holder: c.NewID(), easel: make(chan struct{}, 1)} }

// What the store says of what it does not have, and of what cannot be done now; it reaches pages.
var (
	SayNoPlan   = fail.T("There is no such plan.")
	SayNoUpload = fail.T("This file does not wait here any more. Upload it again.")
	SayNotGiven = fail.T("What came with the file for this row is not kept any more. Plan the file again.")
	sayStates   = map[RunState]fail.Text{
		Planned:  fail.T("The plan was not begun yet, so this cannot be done with it."),
		Applying: fail.T("The plan is being applied, so this cannot be done with it now."),
		Paused:   fail.T("The plan is paused, so this cannot be done with it now."),
		Canceled: fail.T("The plan was canceled, so this cannot be done with it any more."),
		Done:     fail.T("The plan was applied to its end, so this cannot be done with it any more."),
	}
)

// SayState is why something cannot be done with a plan in a state.
func SayState(s RunState) fail.Text { return sayStates[s] }

// Plan reads one plan.
func (b *Bulk) Plan(ctx context.Context, by directory.Actor, tenant, id string) (Plan, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, false); err != nil {
		return Plan{}, err
	}
	return b.Store.Plan(ctx, tenant, id)
}

// Plans lists plans, the newest first.
func (b *Bulk) Plans(ctx context.Context, by directory.Actor, tenant string, before time.Time, n int) ([]Plan, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, false); err != nil {
		return nil, err
	}
	return b.Store.Plans(ctx, tenant, before, n)
}

// Rows lists rows of a plan. Values of properties that are hidden from the actor are taken out; that they would change stays.
func (b *Bulk) Rows(ctx context.Context, by directory.Actor, tenant, id string, q Query) ([]Numbered, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, false); err != nil {
		return nil, err
	}
	if _, err := b.Store.Plan(ctx, tenant, id); err != nil {
		return nil, err
	}
	rows, err := b.Store.Rows(ctx, tenant, id, q)
	for i := range rows {
		for j, s := range rows[i].Steps {
			rows[i].Steps[j].Set, rows[i].Steps[j].Before = b.Desk.Veil(by, tenant, s.Set), b.Desk.Veil(by, tenant, s.Before)
		}
		if !b.Desk.Policy.SeesOfAll(by, tenant, "displayName") {
			rows[i].Name = rows[i].On.ID
		}
	}
	return rows, err
}

// digest is written to row by row; what it sums up is what would be done.
type digest struct{ h hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(r Row) error {
	j, err := json.Marshal(struct {
		Line  int
		On    directory.Ref
		State RowState
		Steps []Step
	}{r.Line, r.On, r.State, r.Steps}) // values in the order of their names
	_, _ = d.h.Write(append(j, '\n')) // a hash takes everything
	return err
}

func (d digest) sum() string { return hex.EncodeToString(d.h.Sum(nil)) }
