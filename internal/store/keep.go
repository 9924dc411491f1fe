package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
)

// Keep is keep.Store on the store.
type Keep struct{ s *Store }

var _ keep.Store = (*Keep)(nil)

// Keep is the store as telling and forgetting need it.
func (s *Store) Keep() *Keep { return &Keep{s} }

// Stored implements keep.Store.
func (k *Keep) Stored(ctx context.Context, ref directory.Ref) (out keep.Stored, err error) {
	const op = "store.stored"
	a := k.s.Access()
	if out.Seen, err = a.Seen(ctx, ref); err != nil && !fail.Is(err, fail.NotFound) {
		return out, err
	}
	if out.Settings, err = a.Settings(ctx, ref); err != nil {
		return out, err
	}
	if out.Sessions, err = a.Sessions(ctx, ref, a.s.now()); err != nil {
		return out, err
	}
	rows, err := k.s.read.QueryContext(ctx, `SELECT session, path, sealed, until FROM stashes WHERE tenant = $1 AND object = $2 ORDER BY until`, ref.Tenant, ref.ID)
	if err != nil {
		return out, k.s.fault(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		f := access.Stashed{Ref: ref}
		var until int64
		if err := rows.Scan(&f.Session, &f.Path, &f.Sealed, &until); err != nil {
			return out, k.s.fault(op, err)
		}
		f.Until = instant(until)
		out.Forms = append(out.Forms, f)
	}
	if err := rows.Err(); err != nil {
		return out, k.s.fault(op, err)
	}
	if out.Copy, out.Noticed, err = k.s.Mirror().kept(ctx, ref); err != nil {
		return out, err
	}
	keys, err := k.s.Keys().Keys(ctx, ref.Tenant)
	for _, x := range keys {
		if x.ByID == ref.ID {
			out.Keys = append(out.Keys, x)
		}
	}
	return out, err
}

// kindForget is the kind of a record that says what was left of others when they were forgotten.
const kindForget = "forget"

// forgetDoc is the payload of such a record.
type forgetDoc struct {
	Left map[int64]string // by number of the record: record.left
}

// Forget implements keep.Store.
func (k *Keep) Forget(ctx context.Context, e change.Entry) (out keep.Forgotten, err error) {
	const op = "store.forgetperson"
	on := e.Change.On
	if !word(on.ID) || on.ID == "" || strings.ContainsAny(on.ID, `%_\"`) {
		return out, fail.New(fail.Invalid, op, fail.T("Say of whom: an object id."))
	}
	err = k.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		was := out // of a commit whose answer was lost
		out = keep.Forgotten{Entry: e.ID}
		if again {
			if done, err := written(ctx, tx, e.ID); err != nil || done {
				out = was
				return err
			}
		}
		chain, err := k.s.lockChain(ctx, tx, on.Tenant)
		if err != nil {
			return err
		}
		var busy int
		err = tx.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE tenant = $1 AND object = $2 AND state IN ('open', 'unverified')`, on.Tenant, on.ID).Scan(&busy)
		if err == nil && busy > 0 {
			f := fail.New(fail.Conflict, op, fail.T("Another change to this profile is still under way. Try again in a moment."))
			f.Code = "busy"
			return f
		}
		if err != nil {
			return err
		}
		sums, err := pictures(ctx, tx, on)
		if err != nil {
			return err
		}
		less, err := redacted(ctx, tx, on, e.Begun)
		if err != nil {
			return err
		}
		doc := forgetDoc{Left: map[int64]string{}}
		for _, r := range less {
			doc.Left[r.seq] = r.left()
		}
		var says int64
		err = done(ctx, tx, chain, e, func() (err error) {
			says, err = chain.add(ctx, tx, kindForget, e.ID, e.Begun, doc)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range less {
			if _, err := tx.ExecContext(ctx, `UPDATE records SET payload = $1, salt = NULL, forgot = $2 WHERE tenant = $3 AND seq = $4`, r.payload, says, r.tenant, r.seq); err != nil {
				return err
			}
		}
		rows := 0
		out.Photos, rows, err = sweepPerson(ctx, tx, on, sums)
		if out.Records = len(less); err == nil && out.Records+out.Photos+rows == 0 {
			return fail.New(fail.NotFound, op, fail.T("Nothing is kept here of anybody with this object ID."))
		}
		return err
	})
	return out, err
}

// written says whether an entry is there.
func written(ctx context.Context, tx *sql.Tx, id string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE id = $1`, id).Scan(&n)
	return n > 0, err
}

// pictures are the sums of the pictures in the entries on a person.
func pictures(ctx context.Context, tx *sql.Tx, on directory.Ref) (sums []string, err error) {
	rows, err := tx.QueryContext(ctx, entryColumns+`WHERE e.tenant = $1 AND e.object = $2 AND e.action = 'photo'`, on.Tenant, on.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		for _, s := range []string{e.photo, e.Outcome.Before[change.PhotoName].Str(), e.Outcome.After[change.PhotoName].Str()} {
			if s != "" && !slices.Contains(sums, s) {
				sums = append(sums, s)
			}
		}
	}
	return sums, rows.Err()
}

// redacted are the records that hold something of a person, as they are without it.
func redacted(ctx context.Context, tx *sql.Tx, on directory.Ref, at time.Time) (out []record, err error) {
	made, err := makers(ctx, tx, on)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+recordColumns+` FROM records r JOIN entries e ON e.tenant = r.tenant AND e.id = r.entry
		WHERE r.tenant = $1 AND (e.object = $2 AND e.action <> 'forget' OR r.kind = 'begin' AND r.payload LIKE $3) ORDER BY r.seq`, on.Tenant, on.ID, `%"`+on.ID+`"%`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, err
		}
		less, err := without(r, on, slices.Contains(made, r.entry), at)
		if err != nil {
			return nil, err
		}
		if less != r.payload {
			r.payload = less
			out = append(out, r)
		}
	}
	return out, rows.Err()
}

// makers are the entries that created a person.
func makers(ctx context.Context, tx *sql.Tx, on directory.Ref) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM entries WHERE tenant = $1 AND object = $2 AND action = $3`, on.Tenant, on.ID, string(change.Create))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// without is a record's payload without what it holds of a person. made says that its entry created them: what it was begun on follows
// from their sign-in name, and becomes their id. What a record of an entry on the person holds beside what is named
// here goes, also what a later version of this program adds to entries.
func without(r record, on directory.Ref, made bool, at time.Time) (string, error) {
	var less any
	switch r.kind {
	case "begin":
		var d entryDoc
		if err := decode(r.payload, &d); err != nil {
			return "", err
		}
		if c := d.Change; (c.On == on || made) && c.Do != change.Forget {
			if !d.Forgotten.IsZero() {
				return r.payload, nil
			}
			d = packEntry(change.Entry{
				ID: d.ID, Begun: d.Begun, Forgotten: at, Outcome: change.Outcome{State: d.Outcome.State},
				Change: change.Change{ID: c.ID, On: on, Do: c.Do, By: c.By, Undoes: c.Undoes},
			}, "")
		}
		if by := d.Change.By; by.Ref == on {
			d.Change.By = directory.Actor{Kind: by.Kind, Ref: by.Ref, Roles: by.Roles}
		}
		if d.Change.Names[on.ID] != "" {
			delete(d.Change.Names, on.ID)
		}
		less = d
	case "note":
		var d noteDoc
		if err := decode(r.payload, &d); err != nil {
			return "", err
		}
		less = noteDoc{Attempt: d.Attempt}
	case "end":
		var d endDoc
		if err := decode(r.payload, &d); err != nil {
			return "", err
		}
		less = endDoc{Ended: d.Ended, Outcome: packOutcome(change.Outcome{Entry: d.Outcome.Entry, State: d.Outcome.State, At: d.Outcome.At, Created: d.Outcome.Created})}
	default:
		return r.payload, nil
	}
	b, err := plainJSON(less)
	return string(b), err
}

// sweepPerson deletes what is kept of a person beside the records, and says how many pictures and how many other rows that were.
func sweepPerson(ctx context.Context, tx *sql.Tx, on directory.Ref, sums []string) (photos, rows int, err error) {
	do := func(q, id string) (int, error) {
		res, err := tx.ExecContext(ctx, q, on.Tenant, id)
		if err != nil {
			return 0, err
		}
		n, err := res.RowsAffected()
		return int(n), err
	}
	for _, sum := range sums {
		n, err := do(`DELETE FROM blobs WHERE tenant = $1 AND sum = $2`, sum)
		if photos += n; err != nil {
			return photos, rows, err
		}
	}
	for _, q := range []string{
		`DELETE FROM secrets WHERE tenant = $1 AND id IN (SELECT id FROM entries WHERE tenant = $1 AND object = $2)`,
		`UPDATE entries SET key = NULL WHERE tenant = $1 AND object = $2 AND action <> 'forget' AND key IS NOT NULL`,
		`DELETE FROM sessions WHERE tenant = $1 AND object = $2`,
		`DELETE FROM stashes WHERE tenant = $1 AND object = $2`,
		`DELETE FROM uploads WHERE tenant = $1 AND object = $2`,
		`DELETE FROM visits WHERE tenant = $1 AND object = $2`,
		`DELETE FROM settings WHERE tenant = $1 AND object = $2`,
		`DELETE FROM leavers WHERE tenant = $1 AND object = $2`,
		`DELETE FROM mirror_events WHERE tenant = $1 AND (id = $2 OR who = $2)`,
		`DELETE FROM mirror_members WHERE tenant = $1 AND id = $2 AND id IN (SELECT id FROM mirror_people WHERE tenant = $1 AND id = $2 AND gone <> '')`,
		`DELETE FROM mirror_people WHERE tenant = $1 AND id = $2 AND gone <> ''`, // who is there stays: it is the directory that has them
		`DELETE FROM plan_given WHERE tenant = $1 AND EXISTS (SELECT 1 FROM plan_rows r
			WHERE r.tenant = plan_given.tenant AND r.plan = plan_given.plan AND r.number = plan_given.number AND r.data LIKE '%"' || $2 || '"%')`,
		`DELETE FROM plan_rows WHERE tenant = $1 AND (data LIKE '%"' || $2 || '"%' OR outcome LIKE '%"' || $2 || '"%')`,
		`DELETE FROM answers WHERE tenant = $1 AND (actor = $2 OR body LIKE '%"' || $2 || '"%')`,
	} {
		n, err := do(q, on.ID)
		if rows += n; err != nil {
			return photos, rows, err
		}
	}
	return photos, rows, anonymousKeys(ctx, tx, on)
}

// anonymousKeys takes the name of who made them from a tenant's keys.
func anonymousKeys(ctx context.Context, tx *sql.Tx, on directory.Ref) error {
	rows, err := tx.QueryContext(ctx, keyColumns+`WHERE tenant = $1`, on.Tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	var theirs []access.Key
	for rows.Next() {
		key, _, err := scanKey(rows)
		if err != nil {
			return err
		}
		if key.ByID == on.ID {
			theirs = append(theirs, key)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, key := range theirs {
		key.By = ""
		data, err := packKey(key)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE api_keys SET data = $1 WHERE id = $2`, data, key.ID); err != nil {
			return err
		}
	}
	return nil
}

// People implements keep.Store.
func (k *Keep) People(ctx context.Context, tenant string) ([]string, error) {
	out, err := k.strings(ctx, `SELECT object FROM visits WHERE tenant = $1
		UNION SELECT object FROM settings WHERE tenant = $1
		UNION SELECT object FROM sessions WHERE tenant = $1
		UNION SELECT e.object FROM entries e JOIN records b ON b.tenant = e.tenant AND b.seq = e.begin_seq
			WHERE e.tenant = $1 AND b.forgot = 0 AND e.action NOT IN ('key', 'forget') AND e.object <> $1
		UNION SELECT e.actor FROM entries e JOIN records b ON b.tenant = e.tenant AND b.seq = e.begin_seq
			WHERE e.tenant = $1 AND b.forgot = 0 AND e.actor <> '' AND e.actor NOT IN (SELECT id FROM api_keys)
		ORDER BY 1`, tenant)
	if err != nil {
		return nil, k.s.fault("store.people", err)
	}
	return out, nil
}

func (k *Keep) strings(ctx context.Context, q string, args ...any) (out []string, err error) {
	rows, err := k.s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// Leavers implements keep.Store.
func (k *Keep) Leavers(ctx context.Context, tenant string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	rows, err := k.s.read.QueryContext(ctx, `SELECT object, since FROM leavers WHERE tenant = $1`, tenant)
	if err != nil {
		return nil, k.s.fault("store.leavers", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var since int64
		if err := rows.Scan(&id, &since); err != nil {
			return nil, k.s.fault("store.leavers", err)
		}
		out[id] = instant(since)
	}
	if err := rows.Err(); err != nil {
		return nil, k.s.fault("store.leavers", err)
	}
	return out, nil
}

// Miss implements keep.Store.
func (k *Keep) Miss(ctx context.Context, ref directory.Ref, at time.Time) error {
	return k.s.Access().exec(ctx, "store.miss", `INSERT INTO leavers (tenant, object, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, ref.Tenant, ref.ID, micro(at))
}

// Meet implements keep.Store.
func (k *Keep) Meet(ctx context.Context, ref directory.Ref) error {
	return k.s.Access().exec(ctx, "store.meet", `DELETE FROM leavers WHERE tenant = $1 AND object = $2`, ref.Tenant, ref.ID)
}

// Record implements keep.Journal: an entry that has ended when it is written down.
func (j *Journal) Record(ctx context.Context, e change.Entry) error {
	return j.s.tx(ctx, "store.record", func(ctx context.Context, tx *sql.Tx, again bool) error {
		return j.s.recordIn(ctx, tx, again, e)
	})
}

// recordIn writes an entry that has ended in a transaction that does what it tells.
func (s *Store) recordIn(ctx context.Context, tx *sql.Tx, again bool, e change.Entry) error {
	if again {
		if there, err := written(ctx, tx, e.ID); err != nil || there {
			return err
		}
	}
	c, err := s.lockChain(ctx, tx, e.Change.On.Tenant)
	if err != nil {
		return err
	}
	return done(ctx, tx, c, e, func() error { return nil })
}

// done writes the records of an entry that has ended, and its row; between them what else it has to say.
func done(ctx context.Context, tx *sql.Tx, c *chain, e change.Entry, between func() error) error {
	o := e.Outcome
	e.Outcome = change.Outcome{State: change.Open}
	first, err := c.add(ctx, tx, "begin", e.ID, e.Begun, packEntry(e, ""))
	if err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	last, err := c.add(ctx, tx, "end", e.ID, e.Ended, endDoc{Outcome: packOutcome(o), Ended: e.Ended})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO entries (id, tenant, object, state, open, begin_seq, end_seq, begun, action, actor) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9)`,
		e.ID, e.Change.On.Tenant, e.Change.On.ID, string(o.State), first, last, micro(e.Begun), string(e.Change.Do), e.Change.By.Ref.ID)
	return err
}
