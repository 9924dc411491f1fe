package store

import (
	"context"
	"database/sql"
	"errors"

	"nameplate/internal/pace"
)

var _ pace.Store = (*Store)(nil)

// Pace implements pace.Store.
func (s *Store) Pace(ctx context.Context, tenant string, do func(*pace.State)) error {
	return s.tx(ctx, "store.pace", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		if s.engine == postgres { // a row that is not there cannot be held
			if _, err := tx.ExecContext(ctx, `INSERT INTO paces (tenant, used, quota, at) VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING`, tenant); err != nil {
				return err
			}
		}
		var b pace.State
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT used, quota, at FROM paces WHERE tenant = $1`+s.locking(), tenant).Scan(&b.Used, &b.Quota, &at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if at != 0 {
			b.At = instant(at)
		}
		do(&b)
		_, err = tx.ExecContext(ctx, `INSERT INTO paces (tenant, used, quota, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant) DO UPDATE SET used = excluded.used, quota = excluded.quota, at = excluded.at`, tenant, b.Used, b.Quota, micro(b.At))
		return err
	})
}
