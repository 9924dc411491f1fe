package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/fail"
)

// Secrets is access.SecretStore on the store.
type Secrets struct{ s *Store }

var _ access.SecretStore = (*Secrets)(nil)

// Secrets is the store as access.Vault needs it.
func (s *Store) Secrets() *Secrets { return &Secrets{s} }

func noSecret() *fail.Error {
	return fail.New(fail.NotFound, "store.secret", fail.T("The password was shown already, or it waited too long. Set another one."))
}

// Put implements access.SecretStore.
func (x *Secrets) Put(ctx context.Context, tenant, id string, sealed []byte, until time.Time) error {
	return x.s.Access().exec(ctx, "store.putsecret", `INSERT INTO secrets (tenant, id, sealed, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, id) DO UPDATE SET sealed = excluded.sealed, until = excluded.until`, tenant, id, sealed, micro(until))
}

// Get implements access.SecretStore.
func (x *Secrets) Get(ctx context.Context, tenant, id string, now time.Time) (sealed []byte, err error) {
	err = x.s.read.QueryRowContext(ctx, `SELECT sealed FROM secrets WHERE tenant = $1 AND id = $2 AND until > $3`, tenant, id, micro(now)).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSecret()
	}
	if err != nil {
		return nil, x.s.fault("store.secret", err)
	}
	return sealed, nil
}

// Take implements access.SecretStore. When a commit's answer is lost the secret is gone and nobody has seen it: another one is set then,
// which is better than to show one twice.
func (x *Secrets) Take(ctx context.Context, tenant, id string, now time.Time) (sealed []byte, err error) {
	err = x.s.tx(ctx, "store.takesecret", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		var until int64
		err := tx.QueryRowContext(ctx, `DELETE FROM secrets WHERE tenant = $1 AND id = $2 RETURNING sealed, until`, tenant, id).Scan(&sealed, &until)
		if errors.Is(err, sql.ErrNoRows) || err == nil && until <= micro(now) {
			return noSecret()
		}
		return err
	})
	return sealed, err
}

// Drop implements access.SecretStore.
func (x *Secrets) Drop(ctx context.Context, tenant, id string) error {
	return x.s.Access().exec(ctx, "store.dropsecret", `DELETE FROM secrets WHERE tenant = $1 AND id = $2`, tenant, id)
}
