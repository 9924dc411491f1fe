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

// Access is access.Store on the store.
type Access struct{ s *Store }

var _ access.Store = (*Access)(nil)

// endedLife is how long the row of an ended session stays, so that a form that comes late can still be kept for its person.
const endedLife = 24 * time.Hour

// shown is what of a session is only shown; the rest are columns.
type shown struct {
	Name     string
	UPN      string
	Guest    bool
	Roles    []directory.Role
	Groups   []string
	From     string
	SignedIn time.Time
	Program  string `json:",omitempty"`
}

func gone() *fail.Error {
	return fail.New(fail.NotFound, "store.session", fail.T("There is no such session."))
}

// SignIn implements access.Store.
func (a *Access) SignIn(ctx context.Context, in access.SignIn) error {
	const op = "store.signin"
	r := in.Row
	data, err := plainJSON(shown{r.Name, r.UPN, r.Guest, r.Roles, r.Groups, r.From, r.SignedIn, r.Program})
	if err != nil {
		return fail.Wrap(fail.Internal, op, err)
	}
	return a.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		if again {
			var id string
			err := tx.QueryRowContext(ctx, `SELECT id FROM sessions WHERE id = $1`, r.ID).Scan(&id)
			if !errors.Is(err, sql.ErrNoRows) {
				return err // done by a commit whose answer was lost, or a true error
			}
		}
		used, err := tx.ExecContext(ctx, `INSERT INTO attempts (id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING`, in.Attempt, micro(in.AttemptEnd))
		if err != nil {
			return err
		}
		if n, err := used.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = fail.New(fail.Exists, op, fail.T("This sign-in has been used already."))
			}
			return err
		}
		if in.Replaces != "" {
			if _, err := end(ctx, tx, access.ReasonReplaced, r.Began, `id = $3`, in.Replaces); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `UPDATE stashes SET session = $1 WHERE session = $2 AND tenant = $3 AND object = $4`, r.ID, in.Replaces, r.Ref.Tenant, r.Ref.ID)
			if err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (id, tenant, object, sid, data, began, seen, idle_end, final_end, checked, tokens)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			r.ID, r.Ref.Tenant, r.Ref.ID, r.SID, string(data), micro(r.Began), micro(r.Seen), micro(r.IdleEnd), micro(r.FinalEnd), micro(r.Checked), in.Sealed)
		return err
	})
}

// sessionColumns are a session's, in the order of scanSession; $1 is now.
const sessionColumns = `SELECT s.id, s.tenant, s.object, s.sid, s.data, s.began, s.seen, s.idle_end, s.final_end, s.checked, s.ended, s.why, coalesce(f.path, '')
	FROM sessions s LEFT JOIN stashes f ON f.session = s.id AND f.until > $1 `

func scanSession(row interface{ Scan(...any) error }) (r access.Row, err error) {
	var data string
	var began, seen, idle, final, checked, ended int64
	if err := row.Scan(&r.ID, &r.Ref.Tenant, &r.Ref.ID, &r.SID, &data, &began, &seen, &idle, &final, &checked, &ended, &r.Why, &r.Recovered); err != nil {
		return r, err
	}
	var d shown
	if err := decode(data, &d); err != nil {
		return r, err
	}
	r.Name, r.UPN, r.Guest, r.Roles, r.Groups, r.From, r.SignedIn, r.Program = d.Name, d.UPN, d.Guest, d.Roles, d.Groups, d.From, d.SignedIn, d.Program
	r.Began, r.Seen, r.IdleEnd, r.FinalEnd, r.Checked, r.Ended = instant(began), instant(seen), instant(idle), instant(final), instant(checked), instant(ended)
	return r, nil
}

// Session implements access.Store.
func (a *Access) Session(ctx context.Context, id string, now time.Time) (access.Row, error) {
	r, err := scanSession(a.s.read.QueryRowContext(ctx, sessionColumns+`WHERE s.id = $2`, micro(now), id))
	if errors.Is(err, sql.ErrNoRows) {
		return access.Row{}, gone()
	}
	if err != nil {
		return access.Row{}, a.s.fault("store.session", err)
	}
	return r, nil
}

// Sessions implements access.Store.
func (a *Access) Sessions(ctx context.Context, ref directory.Ref, now time.Time) (out []access.Row, err error) {
	const op = "store.sessions"
	rows, err := a.s.read.QueryContext(ctx, sessionColumns+`WHERE s.tenant = $2 AND s.object = $3 ORDER BY s.began DESC, s.id`, micro(now), ref.Tenant, ref.ID)
	if err != nil {
		return nil, a.s.fault(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanSession(rows)
		if err != nil {
			return nil, a.s.fault(op, err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, a.s.fault(op, err)
	}
	return out, nil
}

// Touch implements access.Store.
func (a *Access) Touch(ctx context.Context, id string, seen, idleEnd, checked time.Time) error {
	q := `UPDATE sessions SET seen = max(seen, $1), idle_end = max(idle_end, $2), checked = max(checked, $3) WHERE id = $4 AND ended = 0`
	if a.s.engine == postgres {
		q = `UPDATE sessions SET seen = greatest(seen, $1), idle_end = greatest(idle_end, $2), checked = greatest(checked, $3) WHERE id = $4 AND ended = 0`
	}
	return a.exec(ctx, "store.touch", q, micro(seen), micro(idleEnd), micro(checked), id)
}

func (a *Access) exec(ctx context.Context, op, q string, args ...any) error {
	return a.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	})
}

// end ends the living sessions that where describes; its parameters begin at $3.
func end(ctx context.Context, tx *sql.Tx, why string, at time.Time, where string, args ...any) (int, error) {
	res, err := tx.ExecContext(ctx, `UPDATE sessions SET ended = $1, why = $2, tokens = NULL WHERE ended = 0 AND `+where, append([]any{micro(at), why}, args...)...) // #nosec G202 -- where is one of three constants of this file
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

func (a *Access) end(ctx context.Context, why string, at time.Time, where string, args ...any) (n int, err error) {
	err = a.s.tx(ctx, "store.endsession", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		n, err = end(ctx, tx, why, at, where, args...)
		return err
	})
	return n, err
}

// End implements access.Store.
func (a *Access) End(ctx context.Context, id, why string, at time.Time) error {
	_, err := a.end(ctx, why, at, `id = $3`, id)
	return err
}

// EndPerson implements access.Store.
func (a *Access) EndPerson(ctx context.Context, ref directory.Ref, why string, at time.Time) (int, error) {
	return a.end(ctx, why, at, `tenant = $3 AND object = $4`, ref.Tenant, ref.ID)
}

// EndSID implements access.Store.
func (a *Access) EndSID(ctx context.Context, tenant, sid, why string, at time.Time) (int, error) {
	if sid == "" || !word(sid) {
		return 0, nil
	}
	return a.end(ctx, why, at, `tenant = $3 AND sid = $4`, tenant, sid)
}

// Tokens implements access.Store.
func (a *Access) Tokens(ctx context.Context, id string) (sealed []byte, version int64, err error) {
	err = a.s.read.QueryRowContext(ctx, `SELECT tokens, version FROM sessions WHERE id = $1 AND ended = 0`, id).Scan(&sealed, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, gone()
	}
	if err != nil {
		return nil, 0, a.s.fault("store.tokens", err)
	}
	return sealed, version, nil
}

// PutTokens implements access.Store.
func (a *Access) PutTokens(ctx context.Context, id string, version int64, sealed []byte) error {
	const op = "store.puttokens"
	return a.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		res, err := tx.ExecContext(ctx, `UPDATE sessions SET tokens = $1, version = version + 1 WHERE id = $2 AND version = $3 AND ended = 0`, sealed, id, version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var present int64
		err = tx.QueryRowContext(ctx, `SELECT version FROM sessions WHERE id = $1 AND ended = 0`, id).Scan(&present)
		if errors.Is(err, sql.ErrNoRows) {
			return gone()
		}
		if err != nil || (again && present == version+1) {
			return err
		}
		return fail.New(fail.Conflict, op, fail.T("The sign-in was renewed elsewhere at the same time."))
	})
}

// Sweep implements access.Store.
func (a *Access) Sweep(ctx context.Context, now time.Time) (rows int, err error) {
	err = a.s.tx(ctx, "store.sweep", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		rows = 0
		for _, step := range []struct {
			q    string
			args []any
		}{
			{`DELETE FROM attempts WHERE until <= $1`, []any{micro(now)}},
			{`DELETE FROM stashes WHERE until <= $1`, []any{micro(now)}},
			{`DELETE FROM secrets WHERE until <= $1`, []any{micro(now)}},
			{`UPDATE sessions SET ended = idle_end, why = $1, tokens = NULL WHERE ended = 0 AND idle_end <= $2`, []any{access.ReasonIdle, micro(now)}},
			{`UPDATE sessions SET ended = final_end, why = $1, tokens = NULL WHERE ended = 0 AND final_end <= $2`, []any{access.ReasonAbsolute, micro(now)}},
			{`DELETE FROM sessions WHERE ended <> 0 AND ended <= $1`, []any{micro(now.Add(-endedLife))}},
		} {
			res, err := tx.ExecContext(ctx, step.q, step.args...)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			rows += int(n)
		}
		return nil
	})
	return rows, err
}
