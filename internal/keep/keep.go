// Package keep owns what Nameplate keeps of a person: telling it to them, and forgetting it.
//
// It promises: what it tells is everything there is of that person and nothing of anybody else but who changed their profile; no secret
// is in it. Somebody is forgotten when that is asked for, or when the directory has not known them for as long as was set, never because
// the directory did not answer. Each telling and each forgetting is an entry of the history. It asks nobody for their rights: package
// admin does, and a person's own page is about the person of the session. It knows no SQL and no HTTP.
package keep

import (
	"context"
	"strconv"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Store keeps what this is about.
type Store interface {
	// Stored is what is kept of a person beside the history.
	Stored(ctx context.Context, ref directory.Ref) (Stored, error)
	// Forget takes away what is kept of a person and leaves e in the history, which says who forgot it, why and when. Entries about the
	// person keep what was done, when, by whom and with what result; entries by or beside them lose their name and network address.
	// Conflict, Code "busy": a change to the person has not ended. NotFound: nothing is kept of them, and nothing was written.
	Forget(ctx context.Context, e change.Entry) (Forgotten, error)
	// People are the object ids in a tenant of whom something is kept.
	People(ctx context.Context, tenant string) ([]string, error)
	// Leavers are those who were missed in the directory, each since when; Miss adds one, Meet takes one out.
	Leavers(ctx context.Context, tenant string) (map[string]time.Time, error)
	Miss(ctx context.Context, ref directory.Ref, at time.Time) error
	Meet(ctx context.Context, ref directory.Ref) error
}

// Journal is the history.
type Journal interface {
	On(ctx context.Context, ref directory.Ref, before int64, n int) ([]change.Entry, error)
	Find(ctx context.Context, tenant string, q change.Search, before int64, n int) ([]change.Entry, error)
	Blob(ctx context.Context, tenant, sum string) ([]byte, error)
	// Record writes down something that was done and has ended.
	Record(ctx context.Context, e change.Entry) error
}

// Forms opens what people typed and a sign-in waits for.
type Forms interface {
	Opened(s access.Stashed) (access.Form, error)
}

// Stored is what is kept of a person beside the history.
type Stored struct {
	Seen     directory.User // the profile as the person last saw it; zero when they never did
	Settings access.Settings
	Sessions []access.Row
	Forms    []access.Stashed
	Keys     []access.Key // that they made
	Copy     *Copy        // nil: there is none of them
	Noticed  []Noticed
}

// Forgotten says how much was forgotten.
type Forgotten struct {
	Entry   string // of the history, which tells of it
	Records int
	Photos  int
}

// Config is what a Keeper is made of; all of it is needed.
type Config struct {
	Store   Store
	Journal Journal
	Forms   Forms
	Reader  directory.Reader
	Now     func() time.Time
	NewID   func() string
}

// Keeper tells and forgets. It is safe for concurrent use.
type Keeper struct{ Config }

// New makes a Keeper.
func New(c Config) *Keeper { return &Keeper{c} }

// Reason is a reason as it may stand in the history; Invalid when it is missing or too long.
func Reason(why string) (string, error) {
	why, ok := directory.Reason(why)
	if why == "" || !ok {
		f := fail.New(fail.Invalid, "keep.reason", fail.T("Say why, in at most 500 characters: it stands in the history."))
		f.Fields = []fail.Problem{{Field: "why", Code: "required", Say: f.Say}}
		return "", f
	}
	return why, nil
}

// Forget forgets what is kept of a person.
func (k *Keeper) Forget(ctx context.Context, by directory.Actor, on directory.Ref, why string) (Forgotten, error) {
	why, err := Reason(why)
	if err != nil {
		return Forgotten{}, err
	}
	return k.Store.Forget(ctx, k.done(change.Change{On: on, Do: change.Forget, By: by, Why: why}, nil))
}

// Exported writes down that somebody took the history out: how many entries of it, and what for. Where it is about one person, names says
// how they are called.
func (k *Keeper) Exported(ctx context.Context, by directory.Actor, on directory.Ref, name, what string, entries int, why string) error {
	c := change.Change{On: on, Do: change.Export, By: by, Why: why}
	if name != "" {
		c.Names = map[string]string{"on": name}
	}
	return k.Journal.Record(ctx, k.done(c, property.Values{change.ExportWhat: property.Text(what), change.ExportEntries: property.Text(strconv.Itoa(entries))}))
}

// done is the entry of something that is done at once.
func (k *Keeper) done(c change.Change, after property.Values) change.Entry {
	now := k.Now().UTC()
	c.ID = k.NewID()
	c.By.Session = "" // who it was, not the right to be them
	return change.Entry{ID: c.ID, Change: c, Begun: now, Ended: now, Outcome: change.Outcome{Entry: c.ID, State: change.Applied, After: after, At: now}}
}

// Leavers looks which of the people of whom something is kept the directory does not know any more, and forgets those whom it has not
// known for as long as patience. A directory that does not answer ends the round: nobody is missed because of it. Who can still be
// restored is not gone.
func (k *Keeper) Leavers(ctx context.Context, tenant string, patience time.Duration) (forgotten int, err error) {
	people, err := k.Store.People(ctx, tenant)
	if err != nil {
		return 0, err
	}
	missed, err := k.Store.Leavers(ctx, tenant)
	if err != nil {
		return 0, err
	}
	for _, id := range people {
		on := directory.Ref{Tenant: tenant, ID: id}
		gone, err := k.gone(ctx, on)
		if err != nil {
			return forgotten, err
		}
		since, before := missed[id]
		switch {
		case !gone && before:
			err = k.Store.Meet(ctx, on)
		case gone && !before:
			err = k.Store.Miss(ctx, on, k.Now())
		case gone && k.Now().Sub(since) >= patience:
			by := directory.Actor{Kind: directory.SelfActor}
			_, err = k.Forget(ctx, by, on, "Not in the directory since "+since.UTC().Format(time.DateOnly))
			if fail.Is(err, fail.Conflict) || fail.Is(err, fail.NotFound) { // a change that has not ended: the next round comes; or another server was faster
				continue
			}
			forgotten++
		}
		if err != nil {
			return forgotten, err
		}
	}
	return forgotten, nil
}

// gone says whether the directory neither has the person nor could restore them.
func (k *Keeper) gone(ctx context.Context, on directory.Ref) (bool, error) {
	_, err := k.Reader.User(ctx, directory.Authority{}, on, directory.Ask{Names: []property.Name{"displayName", directory.FacetAccount}})
	if fail.Is(err, fail.NotFound) {
		return true, nil
	}
	return false, err
}
