package app

import (
	"context"
	"log/slog"

	"nameplate/internal/change"
	"nameplate/internal/config"
)

// Verified is what walking the history's chains found.
type Verified struct {
	Tenants []string          `json:"tenants"` // the organizations that have a history in this database
	Records int64             `json:"records"`
	Bad     *change.BadRecord `json:"bad,omitempty"` // the first record that does not fit
	Tenant  string            `json:"tenant,omitempty"`
}

// VerifyHistory walks the chain of every tenant in the configured database. It needs nothing but the database.
func VerifyHistory(ctx context.Context, cfg config.Config) (v Verified, err error) {
	s, err := openStore(ctx, cfg, Clock, slog.New(slog.DiscardHandler))
	if err != nil {
		return v, err
	}
	defer func() { _ = s.Close() }()
	j := s.Journal()
	if v.Tenants, err = j.Tenants(ctx); err != nil {
		return v, err
	}
	for _, t := range v.Tenants {
		n, bad, err := j.Verify(ctx, t)
		if err != nil {
			return v, err
		}
		v.Records += n
		if bad != nil {
			v.Bad, v.Tenant = bad, t
			break
		}
	}
	return v, nil
}
