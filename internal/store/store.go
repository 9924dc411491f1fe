// Package store owns the database: SQLite in one file, or PostgreSQL. It is the only package with SQL, and it satisfies the
// ports of the packages that need memory: change.Journal (Store.Journal) and access.Store (Store.Access).
//
// It promises: each method of a port is one transaction with one timestamp; what a method returned without error survives a
// power cut; journal records are only ever added and each carries the hash of the one before; both engines behave the same,
// which storetest shows. It does not decide anything about people, policies or directories, and it never sees a secret that is
// not sealed or hashed.
package store

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"nameplate/internal/fail"
)

// Options say which database. Exactly one of Path and URL is set.
type Options struct {
	Path string           // SQLite: the file, made with mode 0600 when it is not there
	URL  string           // PostgreSQL: postgres://user@host/database
	Now  func() time.Time // the clock; needed
	// Random is a source fit for secrets: each record of the history gets a salt. Needed unless Aside.
	Random io.Reader
	Log    *slog.Logger // nil discards
	// Aside opens a database that a server may have open: for a stop and for a backup. SQLite's file is not owned then, nothing is
	// made or migrated, and tables at another step than this program's are refused.
	Aside bool
	// Existing refuses a database that is not there yet (Code "absent"), for whoever only looks. Aside does so too.
	Existing bool
}

// Store is an open database. Safe for concurrent use.
type Store struct {
	engine  engine
	path    string  // of SQLite's file
	write   *sql.DB // transactions that write
	read    *sql.DB
	owner   *sql.DB // SQLite: holds the file's lock as long as the store is open
	now     func() time.Time
	random  io.Reader
	log     *slog.Logger
	waiting atomic.Int64 // transactions that write and have not begun
	halted  atomic.Bool  // the disk failed: what the system still says of it is not to be believed
}

// engine is which of two statements to use.
type engine int

const (
	sqlite engine = iota
	postgres
)

func (e engine) String() string { return [...]string{"sqlite", "postgres"}[e] }

// Open opens the database and brings its tables up to date. fail.Invalid is a thing to mend before a start: a wrong address, a
// file that others may read, a damaged file, with Code "absent" a database that is not there where none is to be made;
// fail.Conflict (Code "locked") is another process that owns the file;
// fail.Unsupported is a database that a newer Nameplate has written; fail.Unavailable is one that cannot be reached now.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{now: o.Now, random: o.Random, log: o.Log}
	var err error
	switch {
	case o.Now == nil:
		return nil, fail.New(fail.Internal, "store.open", fail.T("The store was opened without a clock."))
	case o.Random == nil && !o.Aside:
		return nil, fail.New(fail.Internal, "store.open", fail.T("The store was opened without a source of random bytes."))
	case (o.Path == "") == (o.URL == ""):
		return nil, fail.New(fail.Invalid, "store.open", fail.T("Name one database: either a file for SQLite or a PostgreSQL address."))
	case o.Path != "":
		err = s.openSQLite(ctx, o.Path, o.Aside, o.Aside || o.Existing)
	default:
		err = s.openPostgres(ctx, o.URL)
	}
	if err == nil && (o.Aside || o.Existing) {
		err = s.current(ctx, o.Aside)
	}
	if err == nil && !o.Aside {
		err = s.migrate(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the database back. What was acknowledged is on disk before Close as well as after it.
func (s *Store) Close() error {
	var first error
	for _, db := range []*sql.DB{s.read, s.write, s.owner} {
		if db == nil || (db == s.write && s.read == s.write) {
			continue
		}
		if err := db.Close(); err != nil && first == nil {
			first = err
		}
	}
	if s.read != nil && s.read == s.write {
		if err := s.write.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Journal is the store as the change engine needs it.
func (s *Store) Journal() *Journal { return &Journal{s} }

// Access is the store as sign-in and sessions need it.
func (s *Store) Access() *Access { return &Access{s} }

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Alone says whether no other process can have this database open: a SQLite file has one owner.
func (s *Store) Alone() bool { return s.engine == sqlite }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if s.halted.Load() {
		return halted("store.ping", nil)
	}
	if err := s.read.PingContext(ctx); err != nil {
		return s.fault("store.ping", err)
	}
	return nil
}
