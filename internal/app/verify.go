package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"nameplate/internal/config"
	"nameplate/internal/directory"
	"nameplate/internal/directory/directorytest"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// patience is how often a real service is looked at again for what it has taken, a few seconds apart.
const patience = 20

// Verification is the contract of the directory, ready to run on one person.
type Verification struct {
	Person   directory.User
	fixture  directorytest.Fixture
	features []string
}

// PlanVerify finds the person and refuses whoever must not be used: nobody but a marked throwaway person who has never been here.
func PlanVerify(ctx context.Context, cfg config.Config, upn string) (*Verification, error) {
	if cfg.DelegatedOnly {
		return nil, fail.New(fail.Unsupported, "app.verify", fail.T("Without a right of the application's own nothing can be verified on somebody else."))
	}
	var requests atomic.Int64
	dir, tenant, _, err := openDirectory(ctx, cfg, property.Catalog(), Clock, ears{watch: func(int, time.Duration) { requests.Add(1) }}, nil)
	if err != nil {
		return nil, err
	}
	f := directorytest.Fixture{
		Reader: dir.Directory, Writer: dir.Directory, Lister: dir.Directory, UPN: upn, Gone: directory.Ref{Tenant: tenant, ID: newID()},
		Requests: func() int { return int(requests.Load()) }, Pass: func(d time.Duration) { _ = pause(ctx, d) }, Patience: patience,
	}
	u, err := directorytest.Fit(ctx, f, tenant, upn)
	if err != nil {
		return nil, err
	}
	f.Member = u.Ref
	s, err := openAside(ctx, cfg)
	var absent *fail.Error
	switch {
	case errors.As(err, &absent) && absent.Code == "absent":
	case err != nil:
		return nil, err
	default:
		defer func() { _ = s.Close() }()
		if db, err := looked(ctx, s, tenant); err != nil {
			return nil, err
		} else if !db.Stopped.IsZero() {
			return nil, fail.New(fail.Denied, "app.verify", fail.T("All writing is stopped by %[1]s: %[2]s. Nothing is verified until: nameplate go --why REASON", db.By, db.Why))
		}
		if _, err := s.Access().Seen(ctx, u.Ref); err == nil {
			return nil, fail.New(fail.Denied, "app.verify", fail.T("%s has signed in to this portal, so somebody uses that account. Make another throwaway person.", upn))
		} else if !fail.Is(err, fail.NotFound) {
			return nil, err
		}
	}
	return &Verification{Person: u, fixture: f, features: cfg.Features}, nil
}

// Run runs the contract, tells each result, and puts the person back as they were.
func (v *Verification) Run(ctx context.Context, tell func(directorytest.Result)) error {
	return directorytest.OnePerson(ctx, v.fixture, v.Person, v.features, tell)
}
