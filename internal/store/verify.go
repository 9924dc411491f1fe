package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"maps"
	"math"
	"slices"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Verify implements change.Journal. It finds a record that was edited, taken out, put in or moved, an end that was cut off, and
// an entry that points at other records than its own. It cannot find a chain that somebody with the power to write the database
// made anew from the first changed record on: for that, the last hash has to be kept elsewhere (Journal.Head).
func (j *Journal) Verify(ctx context.Context, tenant string) (records int64, bad *change.BadRecord, err error) {
	tx, err := j.s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: j.s.still()})
	if err != nil {
		return 0, nil, j.s.fault("store.verify", err)
	}
	defer tx.Rollback() // it only reads
	if err := j.s.unhurried(ctx, tx); err != nil {
		return 0, nil, j.s.fault("store.verify", err)
	}
	records, bad, err = walk(ctx, tx, tenant)
	if err == nil && bad == nil {
		bad, err = pointers(ctx, tx, tenant)
	}
	if err != nil {
		return 0, nil, j.s.fault("store.verify", err)
	}
	return records, bad, nil
}

// still is the isolation under which a long reading sees one state.
func (s *Store) still() sql.IsolationLevel {
	if s.engine == postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // a SQLite transaction always does
}

// unhurried takes the time limits away from a transaction that may rightly take long.
func (s *Store) unhurried(ctx context.Context, tx *sql.Tx) error {
	if s.engine != postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`)
	return err
}

// walk follows the chain from its first record. A payload that was forgotten cannot be proved any more; that it was forgotten, and what
// was left of it, can, by the "forget" record that it names.
func walk(ctx context.Context, tx *sql.Tx, tenant string) (int64, *change.BadRecord, error) {
	var headSeq int64
	var headHash []byte
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM heads WHERE tenant = $1`, tenant).Scan(&headSeq, &headHash)
	headless := errors.Is(err, sql.ErrNoRows)
	if err != nil && !headless {
		return 0, nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+recordColumns+` FROM records r WHERE r.tenant = $1 ORDER BY r.seq`, tenant)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	last := make([]byte, sha256.Size)
	lost := forgotten{}
	var n int64
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return 0, nil, err
		}
		at := func(what string) *change.BadRecord { return &change.BadRecord{Seq: r.seq, ID: r.entry, What: what} }
		switch {
		case r.seq != n+1:
			return n, at("the record before it is missing"), nil
		case !r.fits():
			return n, at("its hash does not fit its content"), nil
		case !bytes.Equal(r.prev, last):
			return n, at("it does not follow the record before it"), nil
		case headless || r.seq > headSeq:
			return n, at("it stands behind the end of the chain"), nil
		}
		if bad := lost.meet(r); bad != nil {
			return n, bad, nil
		}
		n, last = r.seq, r.hash
	}
	if err := rows.Err(); err != nil {
		return 0, nil, err
	}
	if n < headSeq {
		return n, &change.BadRecord{Seq: n + 1, What: "it is missing: the chain ends before its end"}, nil
	}
	if n > 0 && !bytes.Equal(last, headHash) {
		return n, &change.BadRecord{Seq: n, What: "the end of the chain does not fit it"}, nil
	}
	return n, lost.unsaid(), nil
}

// fits says whether a record's hash is that of its content, as far as its content is still there.
func (r record) fits() bool {
	switch {
	case r.sum == nil:
		return r.forgot != 0 || bytes.Equal(r.hash, r.digest())
	case r.forgot == 0 && !bytes.Equal(r.sum, r.salted()):
		return false
	}
	return bytes.Equal(r.hash, r.digest())
}

// forgotten are the records met whose payload was taken away, by number: each waits for the record that says so.
type forgotten map[int64]*record

// meet takes a record on the walk, and compares what one that forgot says with the records before it.
func (f forgotten) meet(r record) *change.BadRecord {
	if r.forgot != 0 {
		f[r.seq] = &r
	}
	if r.kind != kindForget {
		return nil
	}
	var d forgetDoc
	if decode(r.payload, &d) != nil {
		return &change.BadRecord{Seq: r.seq, ID: r.entry, What: "it cannot be read"}
	}
	for _, seq := range slices.Sorted(maps.Keys(d.Left)) {
		was := f[seq]
		switch {
		case was == nil || was.forgot < r.seq:
			return &change.BadRecord{Seq: seq, What: "it was to be forgotten, and stands there again"}
		case was.forgot == r.seq && was.left() != d.Left[seq]:
			return &change.BadRecord{Seq: seq, ID: was.entry, What: "it says something else than what was left when it was forgotten"}
		case was.forgot == r.seq:
			was.forgot = said
		}
	}
	return nil
}

// said stands in the place of the number of the record that says that one was forgotten, once that has been met. It is later than all.
const said = math.MaxInt64

// unsaid is the first record whose payload is gone without a record that says so.
func (f forgotten) unsaid() *change.BadRecord {
	for _, seq := range slices.Sorted(maps.Keys(f)) {
		if f[seq].forgot != said {
			return &change.BadRecord{Seq: seq, ID: f[seq].entry, What: "its content was taken away, and no record says that it was forgotten"}
		}
	}
	return nil
}

// pointers looks whether each entry points at its own records, all of them, and says of itself what they say.
func pointers(ctx context.Context, tx *sql.Tx, tenant string) (*change.BadRecord, error) {
	var begun, rows int64
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM records WHERE tenant = $1 AND kind = 'begin'), (SELECT count(*) FROM entries WHERE tenant = $1)`, tenant).Scan(&begun, &rows)
	if err != nil {
		return nil, err
	}
	list, err := tx.QueryContext(ctx, `SELECT e.id, coalesce(e.key, ''), e.object, e.state, e.open, e.begin_seq, e.note_seq, e.end_seq,
			coalesce(b.kind, ''), coalesce(b.entry, ''), coalesce(b.payload, '{}'), coalesce(d.payload, '{}'),
			coalesce((SELECT max(r.seq) FROM records r WHERE r.tenant = e.tenant AND r.entry = e.id AND r.kind = 'note'), 0),
			coalesce((SELECT max(r.seq) FROM records r WHERE r.tenant = e.tenant AND r.entry = e.id AND r.kind = 'end'), 0)
		FROM entries e
		LEFT JOIN records b ON b.tenant = e.tenant AND b.seq = e.begin_seq
		LEFT JOIN records d ON d.tenant = e.tenant AND d.seq = e.end_seq
		WHERE e.tenant = $1 ORDER BY e.begin_seq`, tenant)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	for list.Next() {
		var id, key, object, state, kind, entry, begin, end string
		var open bool
		var beginSeq, noteSeq, endSeq, lastNote, lastEnd int64
		if err := list.Scan(&id, &key, &object, &state, &open, &beginSeq, &noteSeq, &endSeq, &kind, &entry, &begin, &end, &lastNote, &lastEnd); err != nil {
			return nil, err
		}
		var b entryDoc
		var d endDoc
		if decode(begin, &b) != nil || decode(end, &d) != nil {
			return &change.BadRecord{Seq: beginSeq, ID: id, What: "it cannot be read"}, nil
		}
		want := d.Outcome.State
		if lastEnd == 0 {
			want = change.Open
		}
		if id := d.Outcome.Created; id != "" {
			b.Change.On.ID = id
		}
		if kind != "begin" || entry != id || b.Change.Key != key || b.Change.On != (directory.Ref{Tenant: tenant, ID: object}) ||
			noteSeq != lastNote || endSeq != lastEnd || change.State(state) != want || open != (want == change.Open) {
			return &change.BadRecord{Seq: beginSeq, ID: id, What: "the list of changes says something else than the record"}, nil
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	if begun != rows {
		return &change.BadRecord{What: "the list of changes does not name every change of the chain"}, nil
	}
	return nil, nil
}

// Tenants are the tenants that have a history here, in the order of their ids.
func (j *Journal) Tenants(ctx context.Context) ([]string, error) {
	rows, err := j.s.read.QueryContext(ctx, `SELECT tenant FROM heads UNION SELECT tenant FROM records ORDER BY 1`)
	if err != nil {
		return nil, j.s.fault("store.tenants", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, j.s.fault("store.tenants", err)
		}
		out = append(out, t)
	}
	if err := rows.Err(); err != nil {
		return nil, j.s.fault("store.tenants", err)
	}
	return out, nil
}

// Head is the number and the hash of a tenant's last record: what to keep elsewhere, and to compare later.
func (j *Journal) Head(ctx context.Context, tenant string) (seq int64, hash []byte, err error) {
	err = j.s.read.QueryRowContext(ctx, `SELECT seq, hash FROM heads WHERE tenant = $1`, tenant).Scan(&seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, fail.New(fail.NotFound, "store.head", fail.T("Nothing has been written down for this organization yet."))
	}
	if err != nil {
		return 0, nil, j.s.fault("store.head", err)
	}
	return seq, hash, nil
}
