package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// An entry is read from its records, never from what the table entries says of it: only records are chained.
const entryColumns = `SELECT e.begin_seq, b.payload, n.payload, d.payload
	FROM entries e
	JOIN records b ON b.tenant = e.tenant AND b.seq = e.begin_seq
	LEFT JOIN records n ON n.tenant = e.tenant AND n.seq = e.note_seq
	LEFT JOIN records d ON d.tenant = e.tenant AND d.seq = e.end_seq `

// scanned is an entry with the sum of its picture.
type scanned struct {
	change.Entry
	photo string
}

func scanEntry(row interface{ Scan(...any) error }) (e scanned, err error) {
	var seq int64
	var begin string
	var note, end sql.NullString
	if err := row.Scan(&seq, &begin, &note, &end); err != nil {
		return e, err
	}
	var doc entryDoc
	if err := decode(begin, &doc); err != nil {
		return e, err
	}
	e.Entry = doc.unpack()
	e.Seq, e.photo = seq, doc.Change.Photo
	if note.Valid {
		var n noteDoc
		if err := decode(note.String, &n); err != nil {
			return e, err
		}
		e.Outcome.Parts, e.Attempt = unpackParts(n.Parts), n.Attempt
	}
	if end.Valid {
		var d endDoc
		if err := decode(end.String, &d); err != nil {
			return e, err
		}
		e.Outcome, e.Ended = d.Outcome.unpack(), d.Ended
	}
	e.Outcome.Entry = e.ID
	e.Entry = e.Landed()
	return e, nil
}

// entry reads one entry with its picture; sql.ErrNoRows.
func (s *Store) entry(ctx context.Context, q querier, where string, args ...any) (change.Entry, error) {
	e, err := scanEntry(q.QueryRowContext(ctx, entryColumns+where, args...))
	if err != nil {
		return change.Entry{}, err
	}
	return e.Entry, s.addPhoto(ctx, q, &e)
}

func (s *Store) addPhoto(ctx context.Context, q querier, e *scanned) error {
	if e.photo == "" {
		return nil
	}
	b, err := blob(ctx, q, e.Change.On.Tenant, e.photo)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		e.Change.Photo = b
	}
	return err
}

func (s *Store) entries(ctx context.Context, photos bool, rest string, args ...any) ([]change.Entry, error) {
	rows, err := s.read.QueryContext(ctx, entryColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []scanned
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close() // the pictures may need its connection
	out := make([]change.Entry, len(found))
	for i := range found {
		if photos {
			if err := s.addPhoto(ctx, s.read, &found[i]); err != nil {
				return nil, err
			}
		}
		out[i] = found[i].Entry
	}
	return out, nil
}

// Get implements change.Journal.
func (j *Journal) Get(ctx context.Context, tenant, id string) (change.Entry, error) {
	return j.one(ctx, `WHERE e.tenant = $1 AND e.id = $2`, tenant, id)
}

// ByKey implements change.Journal.
func (j *Journal) ByKey(ctx context.Context, tenant, key string) (change.Entry, error) {
	return j.one(ctx, `WHERE e.tenant = $1 AND e.key = $2`, tenant, key)
}

func (j *Journal) one(ctx context.Context, where, tenant, id string) (change.Entry, error) {
	if !word(tenant) || !word(id) {
		return change.Entry{}, noEntry() // such a one cannot have been written
	}
	e, err := j.s.entry(ctx, j.s.read, where, tenant, id)
	if errors.Is(err, sql.ErrNoRows) {
		return change.Entry{}, noEntry()
	}
	if err != nil {
		return change.Entry{}, j.s.fault("store.entry", err)
	}
	return e, nil
}

// On implements change.Journal.
func (j *Journal) On(ctx context.Context, ref directory.Ref, before int64, n int) ([]change.Entry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	out, err := j.s.entries(ctx, false, `WHERE e.tenant = $1 AND e.object = $2 AND e.begin_seq < $3 ORDER BY e.begin_seq DESC LIMIT $4`, ref.Tenant, ref.ID, before, max(n, 0))
	if err != nil {
		return nil, j.s.fault("store.on", err)
	}
	return out, nil
}

// Find lists entries of everybody in a tenant that fit q, newest first, at most n, older than before (0: from the newest). With q.After
// they are the n that follow it.
func (j *Journal) Find(ctx context.Context, tenant string, q change.Search, before int64, n int) ([]change.Entry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	where, args := `WHERE e.tenant = $1 AND e.begin_seq < $2`, []any{tenant, before}
	and := func(condition string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" AND "+condition, len(args))
	}
	for column, v := range map[string]string{"object": q.On, "actor": q.By, "action": string(q.Do), "state": string(q.State)} {
		switch {
		case v == "":
		case !word(v):
			return nil, nil // such a one cannot have been written
		default:
			and("e."+column+" = $%d", v)
		}
	}
	if !q.From.IsZero() {
		and("e.begun >= $%d", micro(q.From))
	}
	if !q.Until.IsZero() {
		and("e.begun < $%d", micro(q.Until))
	}
	order := "DESC"
	if q.After > 0 {
		and("e.begin_seq > $%d", q.After)
		order = "ASC"
	}
	args = append(args, max(n, 0))
	out, err := j.s.entries(ctx, false, where+fmt.Sprintf(" ORDER BY e.begin_seq "+order+" LIMIT $%d", len(args)), args...)
	if err != nil {
		return nil, j.s.fault("store.find", err)
	}
	if q.After > 0 {
		slices.Reverse(out)
	}
	return out, nil
}

// Unsettled implements change.Journal.
func (j *Journal) Unsettled(ctx context.Context, tenant string, t time.Time, n int) ([]change.Entry, error) {
	out, err := j.s.entries(ctx, true, `WHERE e.state IN ('open', 'unverified') AND (e.state = 'unverified' OR e.begun < $1) AND ($3 = '' OR e.tenant = $3) ORDER BY e.begun, e.tenant, e.begin_seq LIMIT $2`, micro(t), max(n, 0), tenant)
	if err != nil {
		return nil, j.s.fault("store.unsettled", err)
	}
	return out, nil
}
