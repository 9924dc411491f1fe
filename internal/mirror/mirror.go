// Package mirror owns the copy of a directory: people, their managers, groups, memberships and products, filled by wide pages and
// kept by what the directory says has changed.
//
// It promises that after a whole round the copy is the directory as it was at one moment; that a round which ends anywhere goes on
// there; that rows are written only where they differ; and that nobody is taken for gone because a listing was cut, empty or wrong:
// that takes two signals, and more than a share of everybody takes a person's word. It writes to no directory, and it decides nothing
// about who may see what: the readers of the copy ask the policy.
package mirror

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"nameplate/internal/fail"
)

// Gone says how somebody or something is missing from the directory.
type Gone string

// How an object is gone; "" is there.
const (
	Deleted Gone = "deleted" // can be restored for thirty days
	Purged  Gone = "purged"  // for good
	Outside Gone = "outside" // not in the part of the directory that is mirrored any more
)

// Person is a row of the copy, or what a page of the directory says of somebody.
type Person struct {
	ID        string // lower case
	UPN, Name string
	Doc       []byte  // what the directory says, as one JSON object: members with a value only, names in order, no spaces between
	Manager   *string // object id, "" for nobody; nil: this page does not tell
	Gone      Gone
	Since     time.Time // of a row: when it was first seen gone
}

// Group is a row of the copy, or what a page says of a group. A page may tell of the same group again with further members.
type Group struct {
	ID, Name     string
	Doc          []byte // as of Person; nil: this page tells of members only
	Joined, Left []Member
	Gone         Gone
	Since        time.Time
}

// Member is somebody or something in a group.
type Member struct {
	ID   string
	Kind string // "user", "group", "device", "servicePrincipal", "orgContact"; "" is not told
}

// What an event says.
const (
	Created  = "created"
	Changed  = "changed"
	Removed  = "deleted"
	Restored = "restored"
	Left     = "left" // a member left a group, or somebody left the part that is mirrored
	Joined   = "joined"
)

// Event is one difference between the copy and the directory, made by us or elsewhere.
type Event struct {
	Seq    int64
	After  time.Time // the copy was that of then and did not have it yet
	At     time.Time // noticed
	Object string    // "person", "group", "member"
	ID     string    // of the person or group; of a member the group
	Who    string    // of a member: who
	Name   string    // display name of ID at the time
	What   string
	Diff   map[string]Diff // of Changed, by property; "manager" holds object ids
	Cause  string          // entry of the journal that made it; "" is made elsewhere
}

// Search says which events are looked for; zero fields ask nothing.
type Search struct {
	On          string    // object id of a person or group; of a person also what they joined and left
	From, Until time.Time // noticed; Until is not in it
}

// Diff is a value before and after, as JSON; nil is none.
type Diff struct {
	Was json.RawMessage `json:"was,omitempty"`
	Is  json.RawMessage `json:"is,omitempty"`
}

// Phase is how far a part of the copy is.
type Phase string

// Phases of a part.
const (
	Empty     Phase = ""          // nothing, or it has to be read anew
	Listing   Phase = "listing"   // pages of everybody, or of all groups
	Gathering Phase = "gathering" // members of groups
	Replaying Phase = "replaying" // what changed during that
	Following Phase = "following" // whole; only changes are read
)

// Part is where the reading of people or of groups stands.
type Part struct {
	Phase  Phase
	Link   string    // the next page of changes
	Ranges []Range   `json:",omitempty"` // while listing: the listings that are read beside one another
	After  string    `json:",omitempty"` // while members are read: those of groups up to this id are being read
	Round  int64     // of the full reading that is under way or was the last
	Began  time.Time // of that reading
	Expect int       `json:",omitempty"` // so many there were when it began
	Full   time.Time // begin of the last full reading that came to its end
}

// Range is a listing that is read beside others.
type Range struct {
	Begins []string `json:",omitempty"` // of people: how the sign-in name begins, in one of these ways; nil is everybody
	Next   string   // "" is its first page
	Done   bool
}

// State is where the copy of one organization stands. It is written with each page, in the page's transaction.
type State struct {
	Version  int64 // grows by one with each commit; a commit on another version is refused
	People   Part
	Groups   Part
	Managers time.Time // when everybody's manager was last read
	Products time.Time // when the products were
	Began    time.Time // of the round that is under way or was the last
	Whole    time.Time // begin of the last round that came to its end: the copy is at least as new; zero: never
	Ended    time.Time // when that was
	Vanished int       // people and groups that the round under way has taken for gone
	Allowed  int       // how many a person has said may go in the next round
	Held     int       // so many would go, which takes a person's word; 0: nothing is held
	Problem  string    // why the last round did not come to its end, for operators; "" when it did
	Requests Requests  // of the last whole round
	Indexed  int       `json:",omitempty"` // by which version of IndexOf people are found
}

// Requests counts what a round asked of the directory.
type Requests struct{ People, Groups, Managers, Checks, Other int }

// All is their sum.
func (r Requests) All() int { return r.People + r.Groups + r.Managers + r.Checks + r.Other }

// Counts is how much the copy holds.
type Counts struct{ People, Gone, Groups, Members, Managed int }

// Page is one page of a listing or of changes.
type Page struct {
	People []Person
	Groups []Group
	Next   string // "" on the last one
	Link   string // on the last page of changes: where the next ones are
	Err    error  // why this one of several could not be read
}

// Piece is what is listed: everybody, those whose sign-in name begins so, or the members of a group, or whom a filter names; or groups.
type Piece struct {
	Starts   []string // a sign-in name begins in one of these ways; nil is any
	Group    string   // object id: its members, members of members included
	Filter   string   // $filter as Graph takes it
	Managers bool     // nothing of people but who their manager is
	Groups   bool     // groups, without their members
	Members  []string // object ids of a few groups: nothing but their members; empty and not nil is said with a Next
}

// Ask is what page of a piece is asked for: the first one, or the one behind another.
type Ask struct {
	Piece
	Next string // of the page before
}

// Together is how many pages Source.Pages takes at once.
const Together = 20

// CodeUnfit is the Code of the error of a page that the directory does not give of such a piece. Everything in one piece it gives.
const CodeUnfit = "unfit"

// CodeExpired is the Code of the error of Source.Changes when its link is too old: everything has to be read anew.
const CodeExpired = "expired"

// Source is the directory as it is read for a copy; package entra satisfies it. Ids are lower case. Each call is one request.
type Source interface {
	// Count is how many people or groups the directory holds.
	Count(ctx context.Context, tenant, part string) (int, error)
	// Now is a link from which PeopleChanges or GroupChanges tells what happens from now on.
	Now(ctx context.Context, tenant, part string) (link string, err error)
	// Pages reads up to Together pages, one for each that is asked for. The error is that of the whole request. The last page of a
	// Piece of Members has a Link, which says that it is the last one.
	Pages(ctx context.Context, tenant string, l []Ask) ([]Page, error)
	// PeopleChanges reads one page of changes. CodeExpired when the link is too old.
	PeopleChanges(ctx context.Context, tenant, link string) (Page, error)
	// GroupChanges is the same for groups and their members; link "" begins with everything that is there.
	GroupChanges(ctx context.Context, tenant, link string) (Page, error)
	// GroupMembers lists who is in a group, directly; none when the group is not there any more.
	GroupMembers(ctx context.Context, tenant, group, page string) (l []Member, next string, err error)
	// Alive says which of at most a thousand objects are there and not deleted.
	Alive(ctx context.Context, tenant string, ids []string) (map[string]bool, error)
	// Bin says which of the people and groups that are gone can still be restored, by object id. One request a page of 999.
	Bin(ctx context.Context, tenant, page string) (ids []string, next string, err error)
	// Products are the organization's products by id, each as JSON.
	Products(ctx context.Context, tenant string) (map[string][]byte, error)
}

// Commit is what one page changes in the copy, in one transaction.
type Commit struct {
	State    State // Version as it was read
	People   []Person
	Managers map[string]string // by person; "" for nobody. Of people whose row stays otherwise
	Groups   []Group           // rows; Joined and Left are not looked at
	Joined   []Membership
	Left     []Membership
	Events   []Event
	Seen     []Seen            // what the page told of, in a full reading
	Forget   []string          // parts whose Seen are dropped
	Products map[string][]byte // nil leaves them
}

// Membership is a member of a group.
type Membership struct {
	Group string
	Member
}

// Parts of the copy that are read fully.
const (
	PartPeople  = "people"
	PartGroups  = "groups"
	PartMembers = "members"
)

// Seen is what one page of a full reading told of, one after the other: ids of people or groups, sixteen bytes each, or sums of
// memberships, eight bytes each.
type Seen struct {
	Part string
	Data []byte
}

// Store keeps copies. Every method is one transaction.
type Store interface {
	// State is where a copy stands; zero when there is none.
	State(ctx context.Context, tenant string) (State, error)
	// Commit writes. Conflict when the state's version has moved: somebody else is at it.
	Commit(ctx context.Context, tenant string, c Commit) (State, error)
	// People are rows by id, gone ones included; who is not there is left out.
	People(ctx context.Context, tenant string, ids []string) (map[string]Person, error)
	// Groups are rows by id.
	Groups(ctx context.Context, tenant string, ids []string) (map[string]Group, error)
	// Among says which of these are members of a group in the copy.
	Among(ctx context.Context, tenant, group string, ids []string) (map[string]bool, error)
	// Seen tells what a full reading has seen, page by page.
	Seen(ctx context.Context, tenant, part string, each func([]byte) error) error
	// Spread counts people that are there by the first two characters of their sign-in name, in lower case.
	Spread(ctx context.Context, tenant string) (map[string]int, error)
	// GroupsAfter are the ids of the next n groups that are there, in order.
	GroupsAfter(ctx context.Context, tenant, id string, n int) ([]string, error)
	// Living tells every id of people or groups that are there, in order.
	Living(ctx context.Context, tenant, part string, each func(id string) error) error
	// Memberships tells every membership, by group.
	Memberships(ctx context.Context, tenant string, each func(Membership) error) error
	// MembersOf is who is in a group.
	MembersOf(ctx context.Context, tenant, group string) ([]Member, error)
	// Find says who fits a question, at most Top: names that begin with Fold first, each part by name. Commit keeps what it looks through.
	Find(ctx context.Context, tenant string, q Question) (ids []string, err error)
	// IndexAnew makes the index of every row anew.
	IndexAnew(ctx context.Context, tenant string) error
	// Boss is somebody who is there, with how many reports; NotFound.
	Boss(ctx context.Context, tenant, id string) (Boss, error)
	// Reports are who has this manager, by name, at most so many; of "" who has no manager and has reports.
	Reports(ctx context.Context, tenant, manager string, most int) ([]Boss, error)
	// Alone is how many have neither a manager nor reports.
	Alone(ctx context.Context, tenant string) (int, error)
	// Managed tells who has a manager, and whom.
	Managed(ctx context.Context, tenant string, each func(id, manager string) error) error
	// Lost are people whose manager is not there, by name, at most so many.
	Lost(ctx context.Context, tenant string, most int) ([]Person, error)
	// Counts is how much there is.
	Counts(ctx context.Context, tenant string) (Counts, error)
	// Sweep drops events from before a time; and who and what was gone by another, with their memberships and events, those who can still
	// be restored by a third. It says how many rows that were.
	Sweep(ctx context.Context, tenant string, events, gone, deleted time.Time) (int, error)
}

// Config is what a Mirror is made of.
type Config struct {
	Source Source
	Store  Store
	Now    func() time.Time
	// Cause finds the entries of the journal that made a difference: of Changed by the property of Diff, else by "". What is missing was
	// made elsewhere. Nil: nothing is known of entries.
	Cause func(ctx context.Context, tenant string, e Event) (map[string]string, error)
	// Scope is which part of the directory is mirrored; the zero Piece is all of it.
	Scope Piece
	// Managers is how often everybody's manager is read anew, since what the directory says of changes may leave them out. 0 is a day.
	Managers time.Duration
	// Full is how often everything is read anew, since changes can be lost on the way. 0 is a week.
	Full time.Duration
	// Share of everybody, in percent, that may vanish in one round without a person's word; 0 is 10. Up to Few may always.
	Share, Few int
	// Keep is how long events are kept, KeepGone how long the rows of who is gone are, with the events on them; 0 is a year, so that a yearly
	// review sees the one before. What Nameplate changed itself stays in the journal.
	Keep, KeepGone time.Duration
	Readers        int // requests for pages at the same time; 0 is 2
	Apart          int // more people than these are listed in pieces beside one another; 0 is 2000
	// Progress is told after each page; nil tells nobody.
	Progress func(Progress)
	// Wake runs a round in the background; needed by Begin.
	Wake func(Round)
}

// Progress is how far a round is.
type Progress struct {
	What  string // "people", "changes of people", "groups", "managers", "checks"
	Done  int    // objects so far
	Of    int    // 0 is not known
	Pages int
}

// Round is one bringing up to date: Sync says of what.
type Round func(ctx context.Context, tenant string) (Requests, error)

// Mirror keeps copies up to date. It is safe for concurrent use; of two rounds at the same time one is refused.
type Mirror struct {
	Config
	busy atomic.Bool
	at   atomic.Pointer[Progress]
}

const year = 366 * 24 * time.Hour

// bin is how long somebody who was deleted can be restored. https://learn.microsoft.com/graph/api/resources/directory
const bin = 30 * 24 * time.Hour

// Sweep drops what was kept for long enough, and says how many rows that were.
func (m *Mirror) Sweep(ctx context.Context, tenant string) (int, error) {
	gone := m.Now().Add(-m.KeepGone)
	return m.Store.Sweep(ctx, tenant, m.Now().Add(-m.Keep), gone, gone.Add(-bin))
}

// New makes a Mirror.
func New(c Config) *Mirror {
	if c.Managers == 0 {
		c.Managers = 24 * time.Hour
	}
	if c.Full == 0 {
		c.Full = 7 * 24 * time.Hour
	}
	if c.Share == 0 {
		c.Share = 10
	}
	if c.Few == 0 {
		c.Few = 20
	}
	if c.Keep == 0 {
		c.Keep = year
	}
	if c.KeepGone == 0 {
		c.KeepGone = year
	}
	if c.Readers == 0 {
		c.Readers = 2
	}
	if c.Apart == 0 {
		c.Apart = 2000
	}
	return &Mirror{Config: c}
}

// Begin starts a round in the background, unless one is under way.
func (m *Mirror) Begin() {
	if !m.busy.Swap(true) {
		m.Wake(m.round)
	}
}

// Running says whether this process is at a round, and how far it is.
func (m *Mirror) Running() (Progress, bool) {
	p := m.at.Load()
	if !m.busy.Load() || p == nil {
		return Progress{}, m.busy.Load()
	}
	return *p, true
}

// Status is the state and the size of a copy.
func (m *Mirror) Status(ctx context.Context, tenant string) (State, Counts, error) {
	s, err := m.Store.State(ctx, tenant)
	if err != nil {
		return s, Counts{}, err
	}
	n, err := m.Store.Counts(ctx, tenant)
	return s, n, err
}

// Allow says that as many people and groups may vanish in the next round as would have; n has to be what is held.
func (m *Mirror) Allow(ctx context.Context, tenant string, n int) error {
	s, err := m.Store.State(ctx, tenant)
	if err != nil {
		return err
	}
	if s.Held == 0 || n != s.Held {
		return fail.New(fail.Conflict, "mirror.allow", fail.T("%[1]d people and groups are held, not %[2]d. Look again at what would go.", s.Held, n))
	}
	s.Allowed, s.Held = n, 0
	_, err = m.Store.Commit(ctx, tenant, Commit{State: s})
	return err
}
