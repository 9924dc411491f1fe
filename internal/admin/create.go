package admin

import (
	"context"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
)

// Newcomer are the fields that the actor may fill in of somebody who is to be added; Denied when they may add nobody.
func (d *Desk) Newcomer(by directory.Actor, tenant string) ([]policy.Field, error) {
	if err := writes(by, tenant, directory.PeopleCreate); err != nil {
		return nil, err
	}
	fields := d.Policy.Newcomer(by, tenant)
	if len(fields) == 0 {
		return nil, fail.New(fail.Denied, "admin.newcomer", fail.T("Your organization does not let you do this here."))
	}
	return fields, nil
}

// Reveal tells the first password of somebody whom the actor has added, once; NotFound when it was told.
func (d *Desk) Reveal(ctx context.Context, by directory.Actor, tenant, entry string) (string, error) {
	if err := writes(by, tenant, directory.PeopleCreate); err != nil {
		return "", err
	}
	return d.Engine.Reveal(ctx, tenant, entry, by)
}
