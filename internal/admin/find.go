package admin

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// Copy is the copy of the directory as it is looked through; *mirror.Mirror is one.
type Copy interface {
	// Find looks for people by the beginnings of words in these properties. fail.Unavailable when the copy is not whole.
	Find(ctx context.Context, tenant, text string, by []string, top int) (mirror.Found, error)
	// Chart is what is around a person in the organization chart, Astray who is in it wrongly.
	Chart(ctx context.Context, tenant, id string, most int) (mirror.Chart, error)
	Astray(ctx context.Context, tenant string) (mirror.Astray, time.Time, error)
}

// Matches are who a search found, as the actor may see them, and the copy's age.
type Matches struct {
	People []directory.User
	AsOf   time.Time
}

// searched are the properties by which the actor may find people: those that they may see of everybody.
func (d *Desk) searched(by directory.Actor, tenant string) (out []string) {
	for _, name := range mirror.Searched {
		if d.Policy.SeesOfAll(by, tenant, property.Name(name)) {
			out = append(out, name)
		}
	}
	return out
}

// Search finds people in the copy of the directory by the beginnings of their words, the names that begin with the text first; names
// are what is wanted of them beside their identity. fail.Unavailable when there is no whole copy: People asks the directory itself.
func (d *Desk) Search(ctx context.Context, by directory.Actor, tenant, text string, names []property.Name, top int) (Matches, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return Matches{}, err
	}
	f, err := d.Copy.Find(ctx, tenant, text, d.searched(by, tenant), top)
	if err != nil {
		return Matches{}, err
	}
	m := Matches{AsOf: f.AsOf}
	q := d.wide(directory.Query{Names: slices.Concat(names, []property.Name{"accountEnabled"})})
	for _, p := range f.People {
		u, err := d.copied(tenant, p, q.Names)
		if err != nil {
			return Matches{}, err
		}
		u.At = f.AsOf
		m.People = append(m.People, u)
	}
	m.People = d.veil(by, directory.People{List: m.People}, names).List
	return m, nil
}

// copied is a row of the copy as a person of the directory, with the properties of names.
func (d *Desk) copied(tenant string, p mirror.Person, names []property.Name) (directory.User, error) {
	u := directory.User{Ref: directory.Ref{Tenant: tenant, ID: p.ID}}
	var flags struct {
		UserType       string
		AccountEnabled bool
		Sync           *bool   `json:"onPremisesSyncEnabled"`
		Last           *string `json:"onPremisesLastSyncDateTime"`
	}
	err := json.Unmarshal(p.Doc, &flags)
	if err == nil {
		u.Values, err = property.Read(d.Policy.Properties(), p.Doc, names...)
	}
	if err != nil {
		return u, fail.Wrap(fail.Internal, "admin.copied", err)
	}
	for _, n := range names { // a copy leaves out what has no value
		if def, ok := d.Policy.Properties().Def(n); ok {
			if _, there := u.Values[def.Name]; !there {
				u.Values[def.Name] = property.Null()
			}
		}
	}
	u.Guest, u.Enabled = flags.UserType == "Guest", flags.AccountEnabled
	switch {
	case flags.Sync != nil && *flags.Sync:
		u.Sync = directory.Synced
	case flags.Sync != nil || flags.Last != nil: // false: was synced once, null: never
		u.Sync = directory.OnceSynced
	}
	return u, nil
}
