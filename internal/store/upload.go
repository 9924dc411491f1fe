package store

import (
	"context"
	"database/sql"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
)

// keptUploads is how many files of one person wait at most.
const keptUploads = 3

func noUpload() *fail.Error {
	return fail.New(fail.NotFound, "store.upload", bulk.SayNoUpload)
}

// PutUpload implements bulk.Store.
func (s *Plans) PutUpload(ctx context.Context, w bulk.Waiting) error {
	return s.s.tx(ctx, "store.putupload", func(ctx context.Context, tx *sql.Tx, again bool) error {
		q := `INSERT INTO uploads (tenant, id, part, object, until, sealed) VALUES ($1, $2, $3, $4, $5, $6)`
		if again {
			q += ` ON CONFLICT DO NOTHING` // done by a commit whose answer was lost
		}
		for i, p := range w.Parts {
			if _, err := tx.ExecContext(ctx, q, w.Tenant, w.ID, i, w.By, micro(w.Until), p); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE tenant = $1 AND object = $2 AND id NOT IN
			(SELECT id FROM uploads WHERE tenant = $1 AND object = $2 AND part = 0 ORDER BY until DESC, id LIMIT $3)`, w.Tenant, w.By, keptUploads)
		return err
	})
}

// Upload implements bulk.Store.
func (s *Plans) Upload(ctx context.Context, tenant, id, by string, now time.Time) (bulk.Waiting, error) {
	w := bulk.Waiting{Tenant: tenant, ID: id, By: by}
	if !word(id) {
		return w, noUpload()
	}
	var err error
	w.Parts, err = list(ctx, s.s, "store.upload", `SELECT until, sealed FROM uploads WHERE tenant = $1 AND id = $2 AND object = $3 AND until > $4 ORDER BY part`,
		[]any{tenant, id, by, micro(now)}, func(row interface{ Scan(...any) error }) (sealed []byte, err error) {
			var until int64
			err = row.Scan(&until, &sealed)
			w.Until = instant(until)
			return sealed, err
		})
	if err == nil && len(w.Parts) == 0 {
		err = noUpload()
	}
	return w, err
}

// DropUpload implements bulk.Store.
func (s *Plans) DropUpload(ctx context.Context, tenant, id string) error {
	return s.s.tx(ctx, "store.dropupload", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE tenant = $1 AND id = $2`, tenant, id)
		return err
	})
}

// SweepUploads forgets files that have waited too long.
func (s *Plans) SweepUploads(ctx context.Context, now time.Time) error {
	return s.s.tx(ctx, "store.sweepuploads", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE until <= $1`, micro(now))
		return err
	})
}
