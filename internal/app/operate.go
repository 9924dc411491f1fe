package app

import (
	"context"
	"log/slog"

	"nameplate/internal/change"
	"nameplate/internal/config"
)

// Verified is what walking the history's chain found.
type Verified struct {
	Records int64             `json:"records"`
	Bad     *change.BadRecord `json:"bad,omitempty"`
}

// VerifyHistory walks the chain of the configured tenant's records.
func VerifyHistory(ctx context.Context, cfg config.Config) (Verified, error) {
	s, err := openStore(ctx, cfg, Clock, slog.New(slog.DiscardHandler))
	if err != nil {
		return Verified{}, err
	}
	defer func() { _ = s.Close() }()
	client, err := ClientTrusting(cfg.CAFile)
	if err != nil {
		return Verified{}, err
	}
	tenant, err := tenantID(ctx, cfg, client)
	if err != nil {
		return Verified{}, err
	}
	n, bad, err := s.Journal().Verify(ctx, tenant)
	return Verified{n, bad}, err
}
