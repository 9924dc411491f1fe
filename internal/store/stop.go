package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/change"
)

// Stopped is the stop of writing that is in force for a tenant, nil when there is none: everybody's before its own. Without a tenant it
// is everybody's alone.
func (s *Store) Stopped(ctx context.Context, tenant string) (*change.Stop, error) {
	var c change.Stop
	var since int64
	err := s.read.QueryRowContext(ctx, `SELECT tenant, since, actor, why FROM stops WHERE until = 0 AND tenant IN ('', $1) ORDER BY tenant LIMIT 1`, tenant).
		Scan(&c.Tenant, &since, &c.By, &c.Why)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.fault("store.stopped", err)
	}
	c.Since = instant(since)
	return &c, nil
}

// Stop stops the writing of a tenant, or of everybody when none is named, for every process on this database. When it is stopped
// already, that stop stays and is returned.
func (s *Store) Stop(ctx context.Context, tenant, by, why string) (*change.Stop, error) {
	err := s.tx(ctx, "store.stop", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO stops (tenant, since, actor, why) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, tenant, micro(s.now()), by, why)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Stopped(ctx, tenant)
}

// Go takes a tenant's own stop back, and every stop when no tenant is named. It says whether there was one.
func (s *Store) Go(ctx context.Context, tenant, by, why string) (was bool, err error) {
	err = s.tx(ctx, "store.go", func(ctx context.Context, tx *sql.Tx, again bool) error {
		res, err := tx.ExecContext(ctx, `UPDATE stops SET until = $1, end_actor = $2, end_why = $3 WHERE until = 0 AND (tenant = $4 OR $4 = '')`, micro(s.now()), by, why, tenant)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		was = n > 0 || (again && was)
		return err
	})
	return was, err
}

// OpenEntries says how many changes have begun and not ended, and when the oldest of them began.
func (s *Store) OpenEntries(ctx context.Context) (n int, oldest time.Time, err error) {
	var first int64
	err = s.read.QueryRowContext(ctx, `SELECT count(*), coalesce(min(begun), 0) FROM entries WHERE state IN ('open', 'unverified')`).Scan(&n, &first)
	if err != nil {
		return 0, time.Time{}, s.fault("store.openentries", err)
	}
	return n, instant(first), nil
}
