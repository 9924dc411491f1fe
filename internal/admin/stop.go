package admin

import (
	"context"
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Brake is the one stop button for all writing of a tenant, and of everybody where no tenant is named.
type Brake interface {
	Stopped(ctx context.Context, tenant string) (*change.Stop, error)
	Stop(ctx context.Context, tenant, by, why string) (*change.Stop, error)
	Go(ctx context.Context, tenant, by, why string) (was bool, err error)
}

// Stopped is the stop of writing that is in force for the actor's organization, nil for none. It is for everybody who has a role here.
func (d *Desk) Stopped(ctx context.Context, by directory.Actor) (*change.Stop, error) {
	if err := may(by, by.Ref.Tenant, directory.HistoryRead); err != nil {
		return nil, err
	}
	return d.Brake.Stopped(ctx, by.Ref.Tenant)
}

// Stop stops all writing of the actor's organization (of every one, for an actor of this machine) and returns the stop in force: an
// earlier one stays. It asks for Nameplate.Admin and for a reason.
func (d *Desk) Stop(ctx context.Context, by directory.Actor, why string) (*change.Stop, error) {
	why, err := d.brake(by, why)
	if err != nil {
		return nil, err
	}
	return d.Brake.Stop(ctx, by.Ref.Tenant, by.Name, why)
}

// Go takes that stop back; it says whether there was one. What was stopped for every organization is let go on this machine only. It
// asks for Nameplate.Admin and for a reason.
func (d *Desk) Go(ctx context.Context, by directory.Actor, why string) (was bool, err error) {
	if why, err = d.brake(by, why); err != nil {
		return false, err
	}
	return d.Brake.Go(ctx, by.Ref.Tenant, by.Name, why)
}

func (d *Desk) brake(by directory.Actor, why string) (string, error) {
	if err := may(by, by.Ref.Tenant, directory.HistoryRead); err != nil {
		return "", err
	}
	if by.Kind == directory.KeyActor || !slices.Contains(by.Roles, directory.Admin) {
		return "", fail.New(fail.Denied, "admin.stop", fail.T("Only administrators may stop all saving and let it go on."))
	}
	why, ok := directory.Reason(why)
	if why == "" || !ok {
		f := fail.New(fail.Invalid, "admin.stop", fail.T("Say why, in at most 500 characters: everybody who looks after this portal will read it."))
		f.Fields = []fail.Problem{{Field: "why", Code: "required", Say: f.Say}}
		return "", f
	}
	return why, nil
}
