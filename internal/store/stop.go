package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/change"
)

// Stopped is the stop of all writing that is in force, nil when there is none.
func (s *Store) Stopped(ctx context.Context) (*change.Stop, error) {
	var c change.Stop
	var since int64
	err := s.read.QueryRowContext(ctx, `SELECT since, actor, why FROM stops WHERE until = 0`).Scan(&since, &c.By, &c.Why)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.fault("store.stopped", err)
	}
	c.Since = instant(since)
	return &c, nil
}

// Stop stops all writing for every process on this database. When it is stopped already, that stop stays and is returned.
func (s *Store) Stop(ctx context.Context, by, why string) (*change.Stop, error) {
	err := s.tx(ctx, "store.stop", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO stops (since, actor, why) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, micro(s.now()), by, why)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Stopped(ctx)
}

// Go takes the stop back. It says whether there was one.
func (s *Store) Go(ctx context.Context, by, why string) (was bool, err error) {
	err = s.tx(ctx, "store.go", func(ctx context.Context, tx *sql.Tx, again bool) error {
		res, err := tx.ExecContext(ctx, `UPDATE stops SET until = $1, end_actor = $2, end_why = $3 WHERE until = 0`, micro(s.now()), by, why)
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
