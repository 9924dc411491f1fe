package admin

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// Columns are the properties that a list of people can show to the actor, in the order of the catalog.
func (d *Desk) Columns(by directory.Actor, tenant string) []property.Def {
	var out []property.Def
	for _, def := range d.Policy.Properties().All() {
		if def.Kind == property.KindObject || !Listed(def) || !d.Policy.SeesOfAll(by, tenant, def.Name) {
			continue
		}
		out = append(out, def)
	}
	return out
}

// Listed says whether a property can be read of many people at once.
func Listed(def property.Def) bool {
	g := def.Graph
	return !g.Single && !g.Alone && !g.Secret && !apart[def.Name]
}

// apart are properties that a directory does not read for many at once, because a right of their own is needed.
var apart = map[property.Name]bool{"employeeLeaveDateTime": true}

// Find turns what somebody wrote, an object id or a sign-in name, into a person of the tenant; NotFound.
func (d *Desk) Find(ctx context.Context, by directory.Actor, tenant, text string) (directory.Person, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return directory.Person{}, err
	}
	text = strings.TrimSpace(text)
	ask := directory.Ask{Names: slices.Concat(identity, d.Policy.Needs())}
	var u directory.User
	var err error
	if strings.Contains(text, "@") {
		u, err = d.Directory.ByName(ctx, tenant, text, ask)
	} else {
		u, err = d.Directory.User(ctx, directory.Authority{}, directory.Ref{Tenant: tenant, ID: strings.ToLower(text)}, ask)
	}
	if err != nil {
		return directory.Person{}, err
	}
	seen := d.Policy.Sees(by, u, identity)
	return directory.Person{Ref: u.Ref, Name: seen["displayName"].Str(), UPN: seen["userPrincipalName"].Str()}, nil
}

// Verify walks the chain of the tenant's history: how many records there are, or the first that does not fit.
func (d *Desk) Verify(ctx context.Context, by directory.Actor, tenant string) (int64, *change.BadRecord, error) {
	if err := may(by, tenant, directory.HistoryRead); err != nil {
		return 0, nil, err
	}
	return d.Journal.Verify(ctx, tenant)
}
