package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// PutStash implements access.Store.
func (a *Access) PutStash(ctx context.Context, f access.Stashed) error {
	return a.s.tx(ctx, "store.putstash", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO stashes (session, tenant, object, path, sealed, until)
			SELECT id, tenant, object, $2, $3, $4 FROM sessions WHERE id = $1
			ON CONFLICT (session) DO UPDATE SET path = excluded.path, sealed = excluded.sealed, until = excluded.until`, f.Session, f.Path, f.Sealed, micro(f.Until))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return gone()
	})
}

// TakeStash implements access.Store.
func (a *Access) TakeStash(ctx context.Context, session string, now time.Time) (f access.Stashed, err error) {
	err = a.s.tx(ctx, "store.takestash", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		f = access.Stashed{Session: session}
		var until int64
		err := tx.QueryRowContext(ctx, `DELETE FROM stashes WHERE session = $1 RETURNING tenant, object, path, sealed, until`, session).
			Scan(&f.Ref.Tenant, &f.Ref.ID, &f.Path, &f.Sealed, &until)
		if errors.Is(err, sql.ErrNoRows) || (err == nil && until <= micro(now)) {
			return fail.New(fail.NotFound, "store.takestash", fail.T("There is no typed text waiting."))
		}
		f.Until = instant(until)
		return err
	})
	if err != nil {
		return access.Stashed{}, err
	}
	return f, nil
}

// Seen implements access.Store.
func (a *Access) Seen(ctx context.Context, ref directory.Ref) (directory.User, error) {
	u := directory.User{Ref: ref}
	var at int64
	var data string
	err := a.s.read.QueryRowContext(ctx, `SELECT at, data FROM visits WHERE tenant = $1 AND object = $2`, ref.Tenant, ref.ID).Scan(&at, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return directory.User{}, fail.New(fail.NotFound, "store.seen", fail.T("This is the first visit."))
	}
	var doc valuesDoc
	if err == nil {
		err = decode(data, &doc)
	}
	if err != nil {
		return directory.User{}, a.s.fault("store.seen", err)
	}
	u.Values, u.At = doc.unpack(), instant(at)
	return u, nil
}

// PutSeen implements access.Store. An older sight never replaces a newer one.
func (a *Access) PutSeen(ctx context.Context, u directory.User) error {
	data, err := plainJSON(packValues(u.Values))
	if err != nil {
		return fail.Wrap(fail.Internal, "store.putseen", err)
	}
	return a.exec(ctx, "store.putseen", `INSERT INTO visits (tenant, object, at, data) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, object) DO UPDATE SET at = excluded.at, data = excluded.data WHERE visits.at <= excluded.at`,
		u.Ref.Tenant, u.Ref.ID, micro(u.At), string(data))
}

// Settings implements access.Store.
func (a *Access) Settings(ctx context.Context, ref directory.Ref) (v access.Settings, err error) {
	err = a.s.read.QueryRowContext(ctx, `SELECT language, theme FROM settings WHERE tenant = $1 AND object = $2`, ref.Tenant, ref.ID).Scan(&v.Language, &v.Theme)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Settings{}, nil
	}
	if err != nil {
		return access.Settings{}, a.s.fault("store.settings", err)
	}
	return v, nil
}

// PutSettings implements access.Store.
func (a *Access) PutSettings(ctx context.Context, ref directory.Ref, v access.Settings) error {
	return a.exec(ctx, "store.putsettings", `INSERT INTO settings (tenant, object, language, theme) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, object) DO UPDATE SET language = excluded.language, theme = excluded.theme`, ref.Tenant, ref.ID, v.Language, v.Theme)
}

// KeyIDs implements access.Store.
func (a *Access) KeyIDs(ctx context.Context) ([]string, error) {
	rows, err := a.s.read.QueryContext(ctx, `SELECT key FROM seal_keys ORDER BY key`)
	if err != nil {
		return nil, a.s.fault("store.keyids", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, a.s.fault("store.keyids", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, a.s.fault("store.keyids", err)
	}
	return ids, nil
}

// AddKeyID implements access.Store.
func (a *Access) AddKeyID(ctx context.Context, id string) error {
	return a.exec(ctx, "store.addkeyid", `INSERT INTO seal_keys (key) VALUES ($1) ON CONFLICT DO NOTHING`, id)
}
