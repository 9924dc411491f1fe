package admin

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Brake is the one stop button for all writing.
type Brake interface {
	Stopped(ctx context.Context) (*change.Stop, error)
	Stop(ctx context.Context, by, why string) (*change.Stop, error)
	Go(ctx context.Context, by, why string) (was bool, err error)
}

// Stopped is the stop of all writing that is in force, nil for none. It is for everybody who has a role here.
func (d *Desk) Stopped(ctx context.Context, by directory.Actor) (*change.Stop, error) {
	if err := may(by, by.Ref.Tenant, directory.HistoryRead); err != nil {
		return nil, err
	}
	return d.Brake.Stopped(ctx)
}

// Stop stops all writing, of every organization on this installation, and returns the stop in force: an earlier one stays. It asks
// for Nameplate.Admin and for a reason.
func (d *Desk) Stop(ctx context.Context, by directory.Actor, why string) (*change.Stop, error) {
	why, err := d.brake(by, why)
	if err != nil {
		return nil, err
	}
	return d.Brake.Stop(ctx, by.Name, why)
}

// Go takes the stop back; it says whether there was one. It asks for Nameplate.Admin and for a reason.
func (d *Desk) Go(ctx context.Context, by directory.Actor, why string) (was bool, err error) {
	if why, err = d.brake(by, why); err != nil {
		return false, err
	}
	return d.Brake.Go(ctx, by.Name, why)
}

func (d *Desk) brake(by directory.Actor, why string) (string, error) {
	if err := may(by, by.Ref.Tenant, directory.HistoryRead); err != nil {
		return "", err
	}
	if by.Kind == directory.KeyActor || !slices.Contains(by.Roles, directory.Admin) {
		return "", fail.New(fail.Denied, "admin.stop", fail.T("Only administrators may stop all saving and let it go on."))
	}
	if why = strings.TrimSpace(why); why == "" || len(why) > 500 {
		f := fail.New(fail.Invalid, "admin.stop", fail.T("Say why, in at most 500 characters: everybody who looks after this portal will read it."))
		f.Fields = []fail.Problem{{Field: "why", Code: "required", Say: f.Say}}
		return "", f
	}
	return why, nil
}
