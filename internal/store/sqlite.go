package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"nameplate/internal/fail"
)

// busyWait is how long SQLite itself waits for a lock that somebody else holds, in milliseconds. It hears no context while it
// waits, so it is short, and transactions try again (tx.go).
const busyWait = 200

func (s *Store) openSQLite(ctx context.Context, path string, aside, existing bool) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fail.Wrap(fail.Invalid, "store.open", err)
	}
	if _, err := os.Stat(path); existing && errors.Is(err, fs.ErrNotExist) {
		return absent(path, err)
	}
	if err := s.checkFile(path); err != nil {
		return err
	}
	if !aside {
		if err := s.own(ctx, path); err != nil {
			return err
		}
	}
	s.engine, s.path = sqlite, path
	pragmas := []string{
		"journal_mode(WAL)",
		"synchronous(FULL)", // what Begin acknowledged must be on the disk
		"foreign_keys(ON)",
		"secure_delete(ON)", // what is deleted or forgotten is overwritten in the file
		"trusted_schema(OFF)",
	}
	s.write = sqliteDB(path, "immediate", pragmas...)
	// One connection writes: writers queue in this process, where a context can end the wait.
	s.write.SetMaxOpenConns(1)
	s.read = sqliteDB(path, "deferred", "query_only(ON)", "trusted_schema(OFF)")
	s.read.SetMaxOpenConns(4)
	if aside {
		return nil // whoever owns it has looked
	}
	var word string
	err = s.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&word)
	if err == nil && word == "ok" {
		return nil
	}
	if err == nil {
		err = errors.New(word)
	}
	if e := s.fault("store.open", err); e.Kind == fail.Unavailable {
		return e
	}
	return damaged(path, err)
}

// sqliteDB makes a handle; it opens nothing yet.
func sqliteDB(path, lock string, pragmas ...string) *sql.DB {
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{"busy_timeout(" + strconv.Itoa(busyWait) + ")"}, pragmas...)}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return sql.OpenDB(lite{u.String()})
}

// checkFile makes the file with mode 0600, or looks who may read the one that is there: it holds what people keep in their profiles.
func (s *Store) checkFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		e := fail.New(fail.Invalid, "store.open", fail.T("The folder %s for the database does not exist. Create it, or name another file.", filepath.Dir(path)))
		e.Err = err
		return e
	}
	info, statErr := os.Stat(path)
	if statErr != nil {
		e := fail.New(fail.Invalid, "store.open", fail.T("The database %s cannot be opened by this user. Check who owns it and its folder.", path))
		e.Err = err
		return e
	}
	if info.IsDir() {
		return fail.New(fail.Invalid, "store.open", fail.T("%s is a folder. Name a file in it for the database.", path))
	}
	if runtime.GOOS == "windows" {
		return nil // modes say nothing there
	}
	switch mode := info.Mode().Perm(); {
	case mode&0o007 != 0:
		return fail.New(fail.Invalid, "store.open", fail.T("Everybody on this machine may open the database %[1]s, and it holds personal data. Close it first: chmod 600 %[1]s", path))
	case mode&0o070 != 0:
		s.log.Warn("the database may be opened by its group", "file", path, "mode", mode.String(), "remedy", "chmod 600")
	}
	return nil
}

// own takes the lock of the one process that may use the file. It is a lock on a second file that SQLite holds for as long as a
// transaction is open, which every platform releases when the process dies.
func (s *Store) own(ctx context.Context, path string) error {
	lock := path + ".owner"
	f, err := os.OpenFile(lock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		e := fail.New(fail.Invalid, "store.open", fail.T("No file can be created in the folder %s, which the database needs. Check who owns it and whether the disk is full.", filepath.Dir(path)))
		e.Err = err
		return e
	}
	f.Close()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: lock}).EscapedPath(), RawQuery: "_pragma=busy_timeout(0)&_pragma=locking_mode(EXCLUSIVE)"}).String())
	if err != nil {
		return fail.Wrap(fail.Internal, "store.open", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	s.owner = db
	if _, err := db.ExecContext(ctx, `BEGIN EXCLUSIVE`); err != nil {
		e := fail.New(fail.Conflict, "store.open", fail.T("The database %s is in use by another Nameplate that is running. Stop that one, or work through its address.", path))
		e.Code, e.Err = "locked", err
		return e
	}
	return nil
}

// absent is said where a database is only looked at, and never made.
func absent(path string, err error) error {
	e := fail.New(fail.Invalid, "store.open", fail.T("There is no database %s. Name the configuration of the portal with --config, or run this in its folder; nameplate serve makes the database.", path))
	e.Code, e.Err = "absent", err
	return e
}

func damaged(path string, err error) error {
	e := fail.New(fail.Invalid, "store.open", fail.T("The database %[1]s is damaged or is no database, and nothing was changed in it. Keep a copy of %[1]s, %[1]s-wal and %[1]s-shm, and put the last backup in their place.", path))
	e.Code, e.Err = "damaged", err
	return e
}
