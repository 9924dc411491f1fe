package admin

import (
	"context"
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/property"
)

// Keeper tells and forgets what is kept of people; *keep.Keeper is one.
type Keeper interface {
	Of(ctx context.Context, on directory.Ref) (keep.File, error)
	Forget(ctx context.Context, by directory.Actor, on directory.Ref, why string) (keep.Forgotten, error)
	Exported(ctx context.Context, by directory.Actor, on directory.Ref, name, what string, entries int, why string) error
}

// keeps is the gate of what is done with what is kept of somebody else: Nameplate.Admin.
func keeps(by directory.Actor, tenant string, scope directory.Scope) error {
	if err := may(by, tenant, scope); err != nil {
		return err
	}
	if !slices.Contains(by.Roles, directory.Admin) {
		return fail.New(fail.Denied, "admin.keep", fail.T("Only administrators may take out or forget what is kept of somebody."))
	}
	return nil
}

// Kept is everything that is kept of a person, also of one who is gone from the directory, without values that the policy hides from the
// actor. That it was taken out, by whom and why stands in the history.
func (d *Desk) Kept(ctx context.Context, by directory.Actor, on directory.Ref, why string) (keep.File, error) {
	if err := keeps(by, on.Tenant, directory.HistoryRead); err != nil {
		return keep.File{}, err
	}
	why, err := keep.Reason(why)
	if err != nil {
		return keep.File{}, err
	}
	f, err := d.Keep.Of(ctx, on)
	if err != nil {
		return keep.File{}, err
	}
	for i, e := range f.History {
		f.History[i].Wanted, f.History[i].Old, f.History[i].New = d.Veil(by, on.Tenant, e.Wanted), d.Veil(by, on.Tenant, e.Old), d.Veil(by, on.Tenant, e.New)
	}
	if f.Seen != nil {
		f.Seen.Values = d.Veil(by, on.Tenant, f.Seen.Values)
	}
	if f.Copy != nil {
		f.Copy.Properties = d.Veil(by, on.Tenant, f.Copy.Properties)
	}
	for i, n := range f.Noticed {
		f.Noticed[i].Old, f.Noticed[i].New = d.Veil(by, on.Tenant, n.Old), d.Veil(by, on.Tenant, n.New)
	}
	return f, d.Keep.Exported(ctx, by, on, d.nameOf(ctx, on), change.ExportPerson, len(f.History), why)
}

// Forget forgets what is kept of a person. Nobody forgets what is kept of themselves: what they did would go with it.
func (d *Desk) Forget(ctx context.Context, by directory.Actor, on directory.Ref, why string) (keep.Forgotten, error) {
	if err := keeps(by, on.Tenant, directory.PeopleDelete); err != nil {
		return keep.Forgotten{}, err
	}
	if by.Self(on) {
		return keep.Forgotten{}, fail.New(fail.Denied, "admin.forget", fail.T("What is kept of you is forgotten by another administrator: what you did as one goes with it."))
	}
	return d.Keep.Forget(ctx, by, on, why)
}

// Exported writes down that the actor took the history of everybody out, or as much of it as was asked for.
func (d *Desk) Exported(ctx context.Context, by directory.Actor, tenant string, q change.Search, entries int, why string) error {
	if err := may(by, tenant, directory.HistoryRead); err != nil {
		return err
	}
	why, err := keep.Reason(why)
	if err != nil {
		return err
	}
	on, name := directory.Ref{Tenant: tenant, ID: tenant}, ""
	if q.On != "" {
		on.ID = q.On
		name = d.nameOf(ctx, on)
	}
	return d.Keep.Exported(ctx, by, on, name, change.ExportHistory, entries, why)
}

// nameOf is what somebody is called, "" when that cannot be read.
func (d *Desk) nameOf(ctx context.Context, on directory.Ref) string {
	u, err := d.Directory.User(ctx, directory.Authority{}, on, directory.Ask{Names: []property.Name{"displayName", directory.FacetAccount}})
	if err != nil {
		return ""
	}
	return u.Values["displayName"].Str()
}
