package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"time"

	"nameplate/internal/config"
	"nameplate/internal/doctor"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/store"
)

// Examine proves an installation from its configuration alone; a server may be running beside it.
func Examine(ctx context.Context, cfg config.Config, now func() time.Time) ([]doctor.Finding, error) {
	if now == nil {
		now = Clock
	}
	dir, tenant, _, err := openDirectory(ctx, cfg, property.Catalog(), now, ears{}, nil)
	if err != nil {
		return nil, err
	}
	d, err := examiner(cfg, dir, tenant, now, func(ctx context.Context) (doctor.Database, error) {
		s, err := openAside(ctx, cfg)
		var f *fail.Error
		if errors.As(err, &f) && f.Code == "absent" {
			return doctor.Database{Absent: true}, nil
		}
		if err != nil {
			return doctor.Database{}, err
		}
		defer func() { _ = s.Close() }()
		return looked(ctx, s, tenant)
	})
	if err != nil {
		return nil, err
	}
	return d.Run(ctx), nil
}

// looked is what is said of an open database.
func looked(ctx context.Context, s *store.Store, tenant string) (doctor.Database, error) {
	if err := s.Ping(ctx); err != nil {
		return doctor.Database{}, err
	}
	stop, err := s.Stopped(ctx, tenant)
	if stop == nil || err != nil {
		return doctor.Database{}, err
	}
	return doctor.Database{Stopped: stop.Since, Of: stop.Tenant, By: stop.By, Why: stop.Why}, nil
}

func examiner(cfg config.Config, dir connection, tenant string, now func() time.Time, database func(context.Context) (doctor.Database, error)) (*doctor.Doctor, error) {
	wish := Wish(cfg, "")
	proof := func() doctor.Credential {
		c := doctor.Credential{Kind: "secret"}
		switch {
		case dir.proof != nil:
			c.Kind, c.Leaf, c.Ends = "certificate", dir.proof.leaf(), dir.proof.ends()
		case cfg.FederatedTokenFile != "":
			c.Kind, c.Renewed = "federated token", true
		case cfg.ManagedIdentity != "":
			c.Kind, c.Renewed = "managed identity", true
		default:
			c.Hint = dir.hint()
		}
		return c
	}
	return doctor.New(doctor.Options{
		Tenant: tenant, Authority: cfg.Cloud.Authority, Graph: dir.graph, ClientID: cfg.ClientID, Redirect: RedirectURI(cfg), Credential: proof,
		Delegated: cfg.DelegatedOnly, Features: doctor.Chosen(cfg.Features), HTTP: dir.client, Now: now, Database: database, Wish: &wish,
		KeyFile: func() error {
			if _, err := os.Stat(cfg.KeyFile); errors.Is(err, fs.ErrNotExist) {
				return nil // made at the first start
			}
			_, err := loadKeys(cfg.KeyFile, rand.Reader)
			return err
		},
	}), nil
}
