package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"nameplate/internal/fail"
)

func (s *Store) openPostgres(ctx context.Context, address string) error {
	s.engine = postgres
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		// The parser's own words quote the address, and the address may hold a password.
		return fail.New(fail.Invalid, "store.open", fail.T("The PostgreSQL address cannot be read. It looks like postgres://user@host:5432/database; special characters in a password are written as %%20 and the like."))
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":   "nameplate",
		"synchronous_commit": "on", // what Begin acknowledged must be on the disk, whatever the server's default is
		"lock_timeout":       "5s",
		"statement_timeout":  "30s",
		// A process that was stopped in the middle of a transaction must not hold a tenant's chain for ever.
		"idle_in_transaction_session_timeout": "30s",
	} {
		cfg.RuntimeParams[name] = value
	}
	s.write = stdlib.OpenDB(*cfg)
	s.write.SetMaxOpenConns(16)
	s.write.SetMaxIdleConns(8)
	s.write.SetConnMaxIdleTime(5 * time.Minute)
	s.read = s.write
	if err := s.write.PingContext(ctx); err != nil {
		e := fail.New(fail.Unavailable, "store.open", fail.T("The database at %[1]s, port %[2]d, does not answer or refuses this user. Check that it runs, and the name and password in the address.", cfg.Host, cfg.Port))
		e.Err = s.fault("store.open", err).Err
		return e
	}
	return nil
}
