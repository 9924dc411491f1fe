package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"nameplate/internal/change"
	"nameplate/internal/fail"
)

// Journal is change.Journal on the store.
//
// An entry is a "begin" record, any number of "note" records and one or (after Unverified) several "end" records in the
// tenant's chain (chain.go); the table entries only says where they are. Change.Photo of an entry that a list returns is empty, and nil
// only when there was no picture; Get, ByKey, Begin and Unsettled bring its bytes, unless the blob has been deleted.
type Journal struct{ s *Store }

var (
	_ change.Journal  = (*Journal)(nil)
	_ change.Together = (*Journal)(nil)
)

// maxKey is the longest id or key of an entry, in bytes.
const maxKey = 300

func word(s string) bool {
	if len(s) > maxKey || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' {
			return false
		}
	}
	return true
}

// Begin implements change.Journal.
func (j *Journal) Begin(ctx context.Context, e change.Entry) (prior change.Entry, known bool, err error) {
	b := j.BeginAll(ctx, []change.Entry{e})[0]
	return b.Prior, b.Known, b.Err
}

// BeginAll implements change.Together.
func (j *Journal) BeginAll(ctx context.Context, es []change.Entry) []change.Begun {
	out := make([]change.Begun, len(es))
	errs := j.all(ctx, "store.begin", len(es), func(ctx context.Context, tx *sql.Tx, i int, again bool) (err error) {
		out[i].Prior, out[i].Known, err = j.begin(ctx, tx, es[i], again)
		return err
	})
	for i, err := range errs {
		if err != nil {
			out[i] = change.Begun{Err: err}
		}
	}
	return out
}

// some is how many of many records are written before somebody else comes in between: with one connection that writes, a person who
// saves waits for these and not for all of them.
const some = 10

// all does something for each of n records, in one transaction, or in several where others wait to write. A *fail.Error, which do finds
// before it writes, is one record's; any other is that of everybody from its transaction on.
func (j *Journal) all(ctx context.Context, op string, n int, do func(ctx context.Context, tx *sql.Tx, i int, again bool) error) []error {
	errs := make([]error, n)
	for from, to := 0, 0; from < n; from = to {
		err := j.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
			for to = from; to < n; to++ {
				if to-from >= some && j.s.engine == sqlite && j.s.waiting.Load() > 0 {
					return nil
				}
				var own *fail.Error
				if errs[to] = do(ctx, tx, to, again); errs[to] != nil && !errors.As(errs[to], &own) {
					return errs[to]
				}
			}
			return nil
		})
		if err != nil {
			for i := from; i < n; i++ {
				errs[i] = err
			}
			return errs
		}
	}
	return errs
}

func (j *Journal) begin(ctx context.Context, tx *sql.Tx, e change.Entry, again bool) (prior change.Entry, known bool, err error) {
	const op = "store.begin"
	ref := e.Change.On
	if e.ID == "" || ref.Tenant == "" || ref.ID == "" || !word(e.ID) || !word(e.Change.Key) || !word(ref.Tenant) || !word(ref.ID) {
		return prior, false, fail.New(fail.Invalid, op, fail.T("The change cannot be written down: its id, its key or the person it is about is missing or malformed."))
	}
	if e.Begun.IsZero() {
		e.Begun = j.s.now()
	}
	e.Begun = e.Begun.UTC()
	e.Outcome.State = change.Open
	chain, err := j.s.lockChain(ctx, tx, ref.Tenant)
	if err != nil {
		return prior, false, err
	}
	if e.Change.Key != "" || again {
		prior, err = j.s.entry(ctx, tx, `WHERE e.tenant = $1 AND (e.key = $2 OR e.id = $3)`, ref.Tenant, e.Change.Key, e.ID)
		if err == nil {
			return prior, !again || prior.ID != e.ID, nil // not known: our own, from a commit whose answer was lost
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return prior, false, err
		}
	}
	var open string
	err = tx.QueryRowContext(ctx, `SELECT id FROM entries WHERE tenant = $1 AND object = $2 AND open = 1`, ref.Tenant, ref.ID).Scan(&open)
	if err == nil {
		busy := fail.New(fail.Conflict, op, fail.T("Another change to this profile is still under way. Try again in a moment."))
		busy.Code, busy.Item = "busy", open
		return prior, false, busy
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return prior, false, err
	}
	photo := ""
	if e.Change.Photo != nil {
		if photo, err = putBlob(ctx, tx, ref.Tenant, e.Change.Photo, e.Begun); err != nil {
			return prior, false, err
		}
	}
	seq, err := chain.add(ctx, tx, "begin", e.ID, e.Begun, packEntry(e, photo))
	if err != nil {
		return prior, false, err
	}
	key := sql.NullString{String: e.Change.Key, Valid: e.Change.Key != ""}
	_, err = tx.ExecContext(ctx, `INSERT INTO entries (id, tenant, key, object, state, open, begin_seq, begun, action, actor) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)`,
		e.ID, ref.Tenant, key, ref.ID, string(change.Open), seq, micro(e.Begun), string(e.Change.Do), e.Change.By.Ref.ID)
	e.Seq = seq
	return e, false, err
}

// Note implements change.Journal.
func (j *Journal) Note(ctx context.Context, id string, parts []change.Part, at change.Attempt) error {
	return j.NoteAll(ctx, []change.Noted{{ID: id, Parts: parts, At: at}})[0]
}

// NoteAll implements change.Together.
func (j *Journal) NoteAll(ctx context.Context, ns []change.Noted) []error {
	now := j.s.now().UTC()
	return j.all(ctx, "store.note", len(ns), func(ctx context.Context, tx *sql.Tx, i int, again bool) error {
		return j.note(ctx, tx, ns[i], now, again)
	})
}

func (j *Journal) note(ctx context.Context, tx *sql.Tx, n change.Noted, now time.Time, again bool) error {
	p, chain, err := j.s.lockEntry(ctx, tx, n.ID)
	if err != nil {
		return err
	}
	if !p.open {
		return fail.New(fail.Conflict, "store.note", fail.T("The change has already ended."))
	}
	doc := noteDoc{Parts: packParts(n.Parts), Attempt: n.At}
	if again && p.note != 0 {
		if same, err := sameRecord(ctx, tx, p.tenant, p.note, doc); err != nil || same {
			return err
		}
	}
	seq, err := chain.add(ctx, tx, "note", n.ID, now, doc)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE entries SET note_seq = $1 WHERE id = $2`, seq, n.ID)
	return err
}

// End implements change.Journal.
func (j *Journal) End(ctx context.Context, id string, o change.Outcome) error {
	return j.EndAll(ctx, []change.Ended{{ID: id, Outcome: o}})[0]
}

// EndAll implements change.Together.
func (j *Journal) EndAll(ctx context.Context, es []change.Ended) []error {
	now := j.s.now().UTC()
	return j.all(ctx, "store.end", len(es), func(ctx context.Context, tx *sql.Tx, i int, again bool) error {
		return j.end(ctx, tx, es[i], now, again)
	})
}

func (j *Journal) end(ctx context.Context, tx *sql.Tx, e change.Ended, now time.Time, again bool) error {
	const op = "store.end"
	if e.Outcome.State == change.Open || e.Outcome.State == "" {
		return fail.New(fail.Invalid, op, fail.T("A change cannot end without an outcome."))
	}
	ended := e.Outcome.At.UTC()
	if e.Outcome.At.IsZero() {
		ended = now
	}
	p, chain, err := j.s.lockEntry(ctx, tx, e.ID)
	if err != nil {
		return err
	}
	doc := endDoc{Outcome: packOutcome(e.Outcome), Ended: ended}
	if again && p.end != 0 {
		if same, err := sameRecord(ctx, tx, p.tenant, p.end, doc); err != nil || same {
			return err
		}
	}
	if !p.open && p.state != change.Unverified {
		return fail.New(fail.Conflict, op, fail.T("The change has already ended."))
	}
	seq, err := chain.add(ctx, tx, "end", e.ID, ended, doc)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE entries SET end_seq = $1, state = $2, open = 0, object = CASE WHEN $4 = '' THEN object ELSE $4 END WHERE id = $3`,
		seq, string(e.Outcome.State), e.ID, e.Outcome.Created)
	return err
}

// pointer is an entry's row.
type pointer struct {
	tenant    string
	state     change.State
	open      bool
	note, end int64
}

// lockEntry finds an entry by its id and holds the end of its tenant's chain, in that order: an entry never changes its tenant.
func (s *Store) lockEntry(ctx context.Context, tx *sql.Tx, id string) (p pointer, c *chain, err error) {
	err = tx.QueryRowContext(ctx, `SELECT tenant FROM entries WHERE id = $1`, id).Scan(&p.tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil, noEntry()
	}
	if err != nil {
		return p, nil, err
	}
	if c, err = s.lockChain(ctx, tx, p.tenant); err != nil {
		return p, nil, err
	}
	err = tx.QueryRowContext(ctx, `SELECT state, open, note_seq, end_seq FROM entries WHERE id = $1`, id).Scan(&p.state, &p.open, &p.note, &p.end)
	return p, c, err
}

func noEntry() *fail.Error {
	return fail.New(fail.NotFound, "store.entry", fail.T("There is no such change."))
}

// PutBlob implements change.Journal.
func (j *Journal) PutBlob(ctx context.Context, tenant string, b []byte) (sum string, err error) {
	now := j.s.now()
	err = j.s.tx(ctx, "store.putblob", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		sum, err = putBlob(ctx, tx, tenant, b, now)
		return err
	})
	return sum, err
}

func putBlob(ctx context.Context, tx *sql.Tx, tenant string, b []byte, at time.Time) (string, error) {
	h := sha256.Sum256(b)
	sum := hex.EncodeToString(h[:])
	if b == nil {
		b = []byte{}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO blobs (tenant, sum, data, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, sum) DO UPDATE SET at = excluded.at WHERE blobs.at < excluded.at`, tenant, sum, b, micro(at))
	return sum, err
}

// Forget takes away the pictures that were last put before t, and says how many. What is told of them in the history stays; an undo
// that needs one is refused with words.
func (j *Journal) Forget(ctx context.Context, t time.Time) (n int, err error) {
	err = j.s.tx(ctx, "store.forget", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE at < $1`, micro(t))
		if err != nil {
			return err
		}
		gone, err := res.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}

// Blob implements change.Journal.
func (j *Journal) Blob(ctx context.Context, tenant, sum string) ([]byte, error) {
	b, err := blob(ctx, j.s.read, tenant, sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fail.New(fail.NotFound, "store.blob", fail.T("This picture is not kept any more."))
	}
	if err != nil {
		return nil, j.s.fault("store.blob", err)
	}
	return b, nil
}

func blob(ctx context.Context, q querier, tenant, sum string) ([]byte, error) {
	b := []byte{}
	err := q.QueryRowContext(ctx, `SELECT data FROM blobs WHERE tenant = $1 AND sum = $2`, tenant, sum).Scan(&b)
	return b, err
}

// decode reads a payload of ours.
func decode(payload string, into any) error { return json.Unmarshal([]byte(payload), into) }
