package keep

import (
	"context"
	"net/url"
	"slices"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// File is everything that Nameplate keeps of a person, as it is given to them. Values are written as Graph writes them.
type File struct {
	About    About     `json:"about"`
	Seen     *Seen     `json:"profileLastSeen,omitempty"`
	Settings *Settings `json:"settings,omitempty"`
	Sessions []Session `json:"signIns"`
	Forms    []Form    `json:"unsavedForms"`
	Keys     []Key     `json:"apiKeysMade"`
	History  []Entry   `json:"changesToTheProfile"`
	Others   []Act     `json:"changesMadeToOthers"`
	Photos   []Photo   `json:"photos"`
	Copy     *Copy     `json:"copyOfTheDirectory,omitempty"`
	Noticed  []Noticed `json:"changesNoticedInTheDirectory"`
}

// About says whose file it is.
type About struct {
	Tenant string    `json:"tenant"`
	ID     string    `json:"id"`
	Made   time.Time `json:"made"`
	Says   string    `json:"says"`
}

const says = "Everything that Nameplate keeps of this person. The profile itself is in Microsoft 365; ask your organization for what is kept there."

// Seen is the profile as the person last saw it; from it the portal tells what changed since.
type Seen struct {
	At     time.Time       `json:"at"`
	Values property.Values `json:"values"`
}

// Settings are the person's own choices.
type Settings struct {
	Language string `json:"language"`
	Theme    string `json:"theme"`
}

// Session is a sign-in, with the facts that are kept of it; what it opens with is not among them.
type Session struct {
	Name     string     `json:"name"`
	UPN      string     `json:"userPrincipalName"`
	Roles    []string   `json:"roles"`
	Groups   []string   `json:"groups"`
	From     string     `json:"from"`
	Program  string     `json:"program,omitempty"` // what a command line that acts as the person calls itself
	Began    time.Time  `json:"began"`
	LastSeen time.Time  `json:"lastSeen"`
	Ended    *time.Time `json:"ended"`
}

// Form is what was typed and waits for a sign-in.
type Form struct {
	Page   string              `json:"page"`
	Until  time.Time           `json:"keptUntil"`
	Fields map[string][]string `json:"fields"`
}

// Key is an API key that the person made; its secret is kept nowhere.
type Key struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Role    directory.Role    `json:"role"`
	Scopes  []directory.Scope `json:"scopes"`
	Made    time.Time         `json:"made"`
	Expires time.Time         `json:"expires"`
	Revoked *time.Time        `json:"revoked"`
}

// Entry is a change to the person's profile, or something else that was done with what is kept of them.
type Entry struct {
	ID        string            `json:"id"`
	Do        change.Action     `json:"do"`
	State     change.State      `json:"state"`
	Begun     time.Time         `json:"begun"`
	Ended     *time.Time        `json:"ended"`
	By        string            `json:"by"`
	From      string            `json:"from,omitempty"` // the person's own network address
	Why       string            `json:"why,omitempty"`
	Wanted    property.Values   `json:"wanted,omitempty"`
	Old       property.Values   `json:"old,omitempty"`
	New       property.Values   `json:"new,omitempty"`
	Names     map[string]string `json:"names,omitempty"`
	Undoes    string            `json:"undoes,omitempty"`
	Forgotten *time.Time        `json:"forgotten,omitempty"`
}

// Act is what the person did to somebody else: that they did it and from where, and nothing of the other.
type Act struct {
	ID    string        `json:"id"`
	Do    change.Action `json:"do"`
	State change.State  `json:"state"`
	Begun time.Time     `json:"begun"`
	From  string        `json:"from,omitempty"`
	Why   string        `json:"why,omitempty"`
}

// Photo is a picture that is kept so that a change of it can be taken back: a JPEG, in base64.
type Photo struct {
	Sum  string `json:"sha256"` // as Old and New of entries name it
	JPEG []byte `json:"jpeg"`
}

// Copy is what the copy of the directory has of the person. Properties are called as Graph calls them.
type Copy struct {
	Properties property.Values `json:"properties"`
	Manager    string          `json:"manager,omitempty"` // object id
	Groups     []string        `json:"groups"`            // display names
	Gone       string          `json:"gone,omitempty"`    // deleted, purged or outside; "" is there
	Since      *time.Time      `json:"goneSince,omitempty"`
}

// Noticed is a difference in the directory that was noticed while the copy was brought up to date.
type Noticed struct {
	After time.Time       `json:"after"` // it was made between After and At
	At    time.Time       `json:"noticed"`
	What  string          `json:"what"`
	Group string          `json:"group,omitempty"` // that was joined or left
	Old   property.Values `json:"old,omitempty"`
	New   property.Values `json:"new,omitempty"`
	Entry string          `json:"entry,omitempty"` // of the history, which made it
}

// Blank is a file in which nothing is.
func Blank(a About) File {
	return File{About: a, Sessions: []Session{}, Forms: []Form{}, Keys: []Key{}, History: []Entry{}, Others: []Act{}, Photos: []Photo{}, Noticed: []Noticed{}}
}

// page is how many entries are read at once.
const page = 500

// Of is everything that is kept of a person; NotFound when that is nothing.
func (k *Keeper) Of(ctx context.Context, on directory.Ref) (File, error) {
	f, err := k.of(ctx, on)
	if err == nil && f.Seen == nil && f.Settings == nil && f.Copy == nil && len(f.Noticed)+len(f.Sessions)+len(f.Forms)+len(f.Keys)+len(f.History)+len(f.Others) == 0 {
		err = fail.New(fail.NotFound, "keep.of", fail.T("Nothing is kept here of anybody with this object ID."))
	}
	return f, err
}

func (k *Keeper) of(ctx context.Context, on directory.Ref) (File, error) {
	f := Blank(About{Tenant: on.Tenant, ID: on.ID, Made: k.Now().UTC(), Says: says})
	kept, err := k.Store.Stored(ctx, on)
	if err != nil {
		return f, err
	}
	if err := k.beside(&f, kept); err != nil {
		return f, err
	}
	var pictures []string
	for before := int64(0); ; {
		list, err := k.Journal.On(ctx, on, before, page)
		if err != nil {
			return f, err
		}
		for _, e := range list {
			f.History = append(f.History, told(e, on))
			pictures = append(pictures, e.Outcome.Before[change.PhotoName].Str(), e.Outcome.After[change.PhotoName].Str(), e.Change.Set[change.PhotoName].Str())
		}
		if len(list) < page {
			break
		}
		before = list[page-1].Seq
	}
	slices.Sort(pictures)
	for _, sum := range slices.Compact(pictures) {
		b, err := k.Journal.Blob(ctx, on.Tenant, sum)
		if sum == "" || fail.Is(err, fail.NotFound) { // it was kept for as long as the setting photo_keep says
			continue
		}
		if err != nil {
			return f, err
		}
		f.Photos = append(f.Photos, Photo{sum, b})
	}
	return f, k.others(ctx, &f, on)
}

// others lists what the person did to others.
func (k *Keeper) others(ctx context.Context, f *File, on directory.Ref) error {
	for before := int64(0); ; {
		list, err := k.Journal.Find(ctx, on.Tenant, change.Search{By: on.ID}, before, page)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Change.On != on {
				f.Others = append(f.Others, Act{e.ID, e.Change.Do, e.Outcome.State, e.Begun, e.Change.By.From, e.Change.Why})
			}
		}
		if len(list) < page {
			return nil
		}
		before = list[page-1].Seq
	}
}

// beside fills in what is no history.
func (k *Keeper) beside(f *File, kept Stored) error {
	if kept.Seen.Values != nil {
		f.Seen = &Seen{kept.Seen.At, kept.Seen.Values}
	}
	if kept.Settings != (access.Settings{}) {
		f.Settings = &Settings{kept.Settings.Language, kept.Settings.Theme}
	}
	for _, s := range kept.Sessions {
		roles := make([]string, len(s.Roles))
		for i, r := range s.Roles {
			roles[i] = string(r)
		}
		f.Sessions = append(f.Sessions, Session{s.Name, s.UPN, roles, append([]string{}, s.Groups...), s.From, s.Program, s.Began, s.Seen, instant(s.Ended)})
	}
	for _, s := range kept.Forms {
		open, err := k.Forms.Opened(s)
		if fail.Is(err, fail.NotFound) { // sealed with a key that is gone: nobody can read it any more
			open.Values = url.Values{}
		} else if err != nil {
			return err
		}
		f.Forms = append(f.Forms, Form{s.Path, s.Until, open.Values})
	}
	f.Copy, f.Noticed = kept.Copy, append(f.Noticed, kept.Noticed...)
	for _, x := range kept.Keys {
		f.Keys = append(f.Keys, Key{x.ID, x.Name, x.Role, append([]directory.Scope{}, x.Scopes...), x.Made, x.Expires, instant(x.Revoked)})
	}
	return nil
}

// told is an entry as the person it is about may have it: of somebody else who made it the name, as in their history, and no more.
func told(e change.Entry, on directory.Ref) Entry {
	c := e.Change
	out := Entry{
		ID: e.ID, Do: c.Do, State: e.Outcome.State, Begun: e.Begun, Ended: instant(e.Ended), By: c.By.Name, Why: c.Why,
		Wanted: c.Set, Old: e.Outcome.Before, New: e.Outcome.After, Names: c.Names, Undoes: c.Undoes, Forgotten: instant(e.Forgotten),
	}
	if c.By.Self(on) {
		out.From = c.By.From
	}
	if out.By == "" {
		out.By = string(c.By.Kind)
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
