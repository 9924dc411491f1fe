package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Keys is access.KeyStore on the store.
type Keys struct{ s *Store }

var _ access.KeyStore = (*Keys)(nil)

// Keys is the store as API keys need it.
func (s *Store) Keys() *Keys { return &Keys{s} }

// labelled is what of a key is only shown; the rest are columns.
type labelled struct {
	Name   string
	Role   directory.Role
	Scopes []directory.Scope
	By     string
	ByID   string `json:",omitempty"`
}

const keyColumns = `SELECT id, tenant, hash, data, made, expires, used, revoked FROM api_keys `

func scanKey(row interface{ Scan(...any) error }) (k access.Key, hash string, err error) {
	var data string
	var made, expires, used, revoked int64
	if err := row.Scan(&k.ID, &k.Tenant, &hash, &data, &made, &expires, &used, &revoked); err != nil {
		return access.Key{}, "", err
	}
	var d labelled
	if err := decode(data, &d); err != nil {
		return access.Key{}, "", err
	}
	k.Name, k.Role, k.Scopes, k.By, k.ByID = d.Name, d.Role, d.Scopes, d.By, d.ByID
	k.Made, k.Expires, k.Used, k.Revoked = instant(made), instant(expires), instant(used), instant(revoked)
	return k, hash, nil
}

func noKey() *fail.Error {
	return fail.New(fail.NotFound, "store.key", fail.T("There is no such key."))
}

func packKey(k access.Key) (string, error) {
	b, err := plainJSON(labelled{k.Name, k.Role, k.Scopes, k.By, k.ByID})
	return string(b), err
}

// AddKey implements access.KeyStore.
func (k *Keys) AddKey(ctx context.Context, key access.Key, hash string, d access.Deed) error {
	data, err := packKey(key)
	if err != nil {
		return fail.Wrap(fail.Internal, "store.addkey", err)
	}
	return k.s.tx(ctx, "store.addkey", func(ctx context.Context, tx *sql.Tx, again bool) error {
		q := `INSERT INTO api_keys (id, tenant, hash, data, made, expires) VALUES ($1, $2, $3, $4, $5, $6)`
		if again {
			q += ` ON CONFLICT DO NOTHING` // done by a commit whose answer was lost
		}
		if _, err := tx.ExecContext(ctx, q, key.ID, key.Tenant, hash, data, micro(key.Made), micro(key.Expires)); err != nil {
			return err
		}
		return k.s.recordIn(ctx, tx, again, keyEntry(key, d, nil, keyFacts(key)))
	})
}

// keyEntry is how the making or the end of a key stands in the history.
func keyEntry(key access.Key, d access.Deed, before, after property.Values) change.Entry {
	d.By.Session = "" // who it was, not the right to be them
	return change.Entry{
		ID: d.ID, Begun: d.At, Ended: d.At,
		Change:  change.Change{ID: d.ID, On: directory.Ref{Tenant: key.Tenant, ID: key.ID}, Do: change.Key, By: d.By, Why: d.Why, Names: map[string]string{"on": key.Name}},
		Outcome: change.Outcome{Entry: d.ID, State: change.Applied, Before: before, After: after, At: d.At},
	}
}

// keyFacts are what a key may do and until when.
func keyFacts(key access.Key) property.Values {
	scopes := make([]string, len(key.Scopes))
	for i, s := range key.Scopes {
		scopes[i] = string(s)
	}
	return property.Values{change.KeyRole: property.Text(string(key.Role)), change.KeyScopes: property.List(scopes...), change.KeyExpires: property.Instant(key.Expires)}
}

// KeyByHash implements access.KeyStore.
func (k *Keys) KeyByHash(ctx context.Context, hash string) (access.Key, string, error) {
	key, kept, err := scanKey(k.s.read.QueryRowContext(ctx, keyColumns+`WHERE hash = $1`, hash))
	if errors.Is(err, sql.ErrNoRows) {
		return access.Key{}, "", noKey()
	}
	if err != nil {
		return access.Key{}, "", k.s.fault("store.key", err)
	}
	return key, kept, nil
}

// Keys implements access.KeyStore.
func (k *Keys) Keys(ctx context.Context, tenant string) ([]access.Key, error) {
	rows, err := k.s.read.QueryContext(ctx, keyColumns+`WHERE tenant = $1 ORDER BY made DESC, id`, tenant)
	if err != nil {
		return nil, k.s.fault("store.keys", err)
	}
	defer rows.Close()
	var out []access.Key
	for rows.Next() {
		key, _, err := scanKey(rows)
		if err != nil {
			return nil, k.s.fault("store.keys", err)
		}
		out = append(out, key)
	}
	if err := rows.Err(); err != nil {
		return nil, k.s.fault("store.keys", err)
	}
	return out, nil
}

// UseKey implements access.KeyStore.
func (k *Keys) UseKey(ctx context.Context, id string, at time.Time) error {
	return k.s.tx(ctx, "store.usekey", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `UPDATE api_keys SET used = $1 WHERE id = $2 AND used < $1`, micro(at), id)
		return err
	})
}

// RevokeKey implements access.KeyStore.
func (k *Keys) RevokeKey(ctx context.Context, tenant, id string, d access.Deed) error {
	if !word(id) {
		return noKey()
	}
	return k.s.tx(ctx, "store.revokekey", func(ctx context.Context, tx *sql.Tx, again bool) error {
		key, _, err := scanKey(tx.QueryRowContext(ctx, keyColumns+`WHERE tenant = $1 AND id = $2`, tenant, id))
		if errors.Is(err, sql.ErrNoRows) {
			return noKey()
		}
		if err != nil || !key.Revoked.IsZero() {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE api_keys SET revoked = $1 WHERE id = $2`, micro(d.At), id); err != nil {
			return err
		}
		was := keyFacts(key)
		none := property.Values{}
		for n := range was {
			none[n] = property.Null()
		}
		return k.s.recordIn(ctx, tx, again, keyEntry(key, d, was, none))
	})
}

// AnswerLife is how long an answer is kept for a request that comes again.
const AnswerLife = 24 * time.Hour

// takeOver is after how long a request that has not answered counts as cut off.
const takeOver = 2 * time.Minute

// Answers remembers what requests with an Idempotency-Key were answered.
type Answers struct{ s *Store }

// Answers is the store as the API needs it.
func (s *Store) Answers() *Answers { return &Answers{s} }

// Claim begins a request. Status 0: it is new, or the one before was cut off; do it, then call Answer. Another status: it was answered
// with that and body. Conflict, Code "busy": it is under way. Invalid, Code "key_reused": the key was used for another request.
func (a *Answers) Claim(ctx context.Context, tenant, actor, key, digest string, now time.Time) (status int, body string, err error) {
	const op = "store.claim"
	err = a.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		status, body = 0, ""
		if _, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE tenant = $1 AND actor = $2 AND key = $3 AND begun <= $4`, tenant, actor, key, micro(now.Add(-AnswerLife))); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO answers (tenant, actor, key, digest, begun) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, tenant, actor, key, digest, micro(now))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var before string
		var begun int64
		if err := tx.QueryRowContext(ctx, `SELECT digest, begun, status, body FROM answers WHERE tenant = $1 AND actor = $2 AND key = $3`, tenant, actor, key).Scan(&before, &begun, &status, &body); err != nil {
			return err
		}
		switch {
		case before != digest:
			f := fail.New(fail.Invalid, op, fail.T("This Idempotency-Key was already used for another request. Take a new one for each request."))
			f.Code = "key_reused"
			return f
		case status != 0 || again && begun == micro(now):
			return nil
		case begun > micro(now.Add(-takeOver)):
			f := fail.New(fail.Conflict, op, fail.T("The same request is still under way. Ask again in a moment."))
			f.Code, f.Retry = "busy", time.Second
			return f
		}
		_, err = tx.ExecContext(ctx, `UPDATE answers SET begun = $1 WHERE tenant = $2 AND actor = $3 AND key = $4`, micro(now), tenant, actor, key)
		return err
	})
	return status, body, err
}

// Answer ends a request that was claimed: with what it was answered, or with status 0, which forgets it.
func (a *Answers) Answer(ctx context.Context, tenant, actor, key string, status int, body string) error {
	return a.s.tx(ctx, "store.answer", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		q := `UPDATE answers SET status = $4, body = $5 WHERE tenant = $1 AND actor = $2 AND key = $3`
		args := []any{tenant, actor, key, status, body}
		if status == 0 {
			q, args = `DELETE FROM answers WHERE tenant = $1 AND actor = $2 AND key = $3`, args[:3]
		}
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	})
}

// Sweep forgets answers that are older than AnswerLife.
func (a *Answers) Sweep(ctx context.Context, now time.Time) error {
	return a.s.tx(ctx, "store.sweepanswers", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE begun <= $1`, micro(now.Add(-AnswerLife)))
		return err
	})
}
