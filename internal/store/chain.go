package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"io"
	"time"
)

// chain is the end of a tenant's chain, held until the transaction ends.
type chain struct {
	tenant string
	seq    int64
	hash   []byte
	random io.Reader
}

func (s *Store) lockChain(ctx context.Context, tx *sql.Tx, tenant string) (*chain, error) {
	c := &chain{tenant: tenant, random: s.random}
	_, err := tx.ExecContext(ctx, `INSERT INTO heads (tenant, seq, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING`, tenant, make([]byte, sha256.Size))
	if err != nil {
		return nil, err
	}
	q := `SELECT seq, hash FROM heads WHERE tenant = $1` // a writing transaction of SQLite is alone
	if s.engine == postgres {
		q = `SELECT seq, hash FROM heads WHERE tenant = $1 FOR UPDATE`
	}
	return c, tx.QueryRowContext(ctx, q, tenant).Scan(&c.seq, &c.hash)
}

func (c *chain) add(ctx context.Context, tx *sql.Tx, kind, entry string, at time.Time, payload any) (int64, error) {
	b, err := plainJSON(payload)
	if err != nil {
		return 0, err
	}
	r := record{tenant: c.tenant, seq: c.seq + 1, at: micro(at), kind: kind, entry: entry, payload: string(b), prev: c.hash, salt: make([]byte, 16)}
	if _, err := io.ReadFull(c.random, r.salt); err != nil {
		return 0, err
	}
	r.sum = r.salted()
	r.hash = r.digest()
	_, err = tx.ExecContext(ctx, `INSERT INTO records (tenant, seq, at, kind, entry, payload, prev, hash, salt, sum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.tenant, r.seq, r.at, r.kind, r.entry, r.payload, r.prev, r.hash, r.salt, r.sum)
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE heads SET seq = $1, hash = $2 WHERE tenant = $3`, r.seq, r.hash, r.tenant)
	c.seq, c.hash = r.seq, r.hash
	return r.seq, err
}

// record is one link of the chain.
type record struct {
	tenant  string
	seq     int64
	at      int64
	kind    string
	entry   string
	payload string
	prev    []byte
	hash    []byte
	salt    []byte // 16 random bytes; nil where the payload was forgotten, and in records from before there were salts
	sum     []byte // SHA-256 of salt and payload as they were; nil in records from before there were salts
	forgot  int64  // the "forget" record in which stands what was left of this one, 0 for none
}

// recordColumns are a record's columns, in the order of scanRecord.
const recordColumns = `r.tenant, r.seq, r.at, r.kind, r.entry, r.payload, r.prev, r.hash, r.salt, r.sum, r.forgot`

func scanRecord(row interface{ Scan(...any) error }) (r record, err error) {
	return r, row.Scan(&r.tenant, &r.seq, &r.at, &r.kind, &r.entry, &r.payload, &r.prev, &r.hash, &r.salt, &r.sum, &r.forgot)
}

// digest is what hash has to be. A record from before there were salts has its payload under it, whose hash is not to be found any more
// when it was forgotten; every other has the sum of its payload.
func (r record) digest() []byte {
	if r.sum == nil {
		return hashOf("nameplate record 1", r.prev, []byte(r.tenant), number(r.seq), number(r.at), []byte(r.kind), []byte(r.entry), []byte(r.payload))
	}
	return hashOf("nameplate record 2", r.prev, []byte(r.tenant), number(r.seq), number(r.at), []byte(r.kind), []byte(r.entry), r.sum)
}

// salted is what sum has to be as long as nothing was forgotten.
func (r record) salted() []byte { return hashOf("nameplate payload", r.salt, []byte(r.payload)) }

// left is what a "forget" record says of a record whose payload it took away: everything that stands there now.
func (r record) left() string {
	return hex.EncodeToString(hashOf("nameplate forgotten", []byte(r.tenant), number(r.seq), number(r.at), []byte(r.kind), []byte(r.entry), []byte(r.payload)))
}

// hashOf is SHA-256 over every part with its length, so that no two lists of parts have the same bytes under it.
func hashOf(what string, parts ...[]byte) []byte {
	h := sha256.New()
	for _, b := range append([][]byte{[]byte(what)}, parts...) {
		h.Write(number(int64(len(b))))
		h.Write(b)
	}
	return h.Sum(nil)
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func sameRecord(ctx context.Context, tx *sql.Tx, tenant string, seq int64, payload any) (bool, error) {
	b, err := plainJSON(payload)
	if err != nil {
		return false, err
	}
	var have string
	err = tx.QueryRowContext(ctx, `SELECT payload FROM records WHERE tenant = $1 AND seq = $2`, tenant, seq).Scan(&have)
	return have == string(b), err
}
