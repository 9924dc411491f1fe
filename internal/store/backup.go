package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nameplate/internal/fail"
)

// Backup writes a consistent copy of a SQLite database to a new file while work goes on, also from beside the server that has it.
// PostgreSQL has pg_dump for that (fail.Unsupported).
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.engine != sqlite {
		return fail.New(fail.Unsupported, "store.backup", fail.T("A PostgreSQL database is backed up with pg_dump: pg_dump --format=custom --file=FILE DATABASE. After pg_restore and before the first start: nameplate stop --restored --why restored"))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		e := fail.New(fail.Invalid, "store.backup", fail.T("The backup %s cannot be written. Name a file that does not exist yet, in a folder of yours.", path))
		e.Err = err
		return e
	}
	f.Close()
	// On a connection of its own: it reads one state for as long as it takes, and nobody who writes waits for it.
	db := sqliteDB(s.path, "deferred")
	defer db.Close()
	if _, err = db.ExecContext(ctx, `VACUUM INTO $1`, path); err == nil {
		err = syncFile(path)
	}
	if err != nil {
		_ = os.Remove(path) // half a backup is none
		return s.fault("store.backup", err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}

// Restored says what a backup held.
type Restored struct {
	Tenants []string
	Records int64
	Open    int   // changes that had begun and not ended
	Keys    int64 // API keys that were ended
}

// Restore makes a new SQLite database from a backup, held: all writing is stopped until somebody says go, and nobody gets in with
// what they had (EndAccess). It never touches a database that is there, and what
// is damaged is refused (fail.Invalid, Code "damaged") and left as it was.
func Restore(ctx context.Context, o Options, from, by string) (r Restored, err error) {
	const op = "store.restore"
	if o.Path == "" {
		return r, fail.New(fail.Unsupported, op, fail.T("A PostgreSQL database is restored with pg_restore into an empty database. Before the first start: nameplate stop --restored --why restored"))
	}
	target, err := filepath.Abs(o.Path)
	if err != nil {
		return r, fail.Wrap(fail.Invalid, op, err)
	}
	for _, there := range []string{target, target + "-wal", target + "-shm"} {
		if _, err := os.Lstat(there); !errors.Is(err, fs.ErrNotExist) {
			return r, fail.New(fail.Invalid, op, fail.T("%[1]s is there already, and nothing is overwritten. Stop the portal, move %[2]s, %[2]s-wal and %[2]s-shm away, and restore again.", there, target))
		}
	}
	o.Path = target + ".restoring"
	if err := copyBackup(from, o.Path); err != nil {
		return r, err
	}
	defer func() {
		for _, rest := range []string{"", "-wal", "-shm", ".owner", ".owner-journal"} {
			_ = os.Remove(o.Path + rest) // after success only the lock's file is left
		}
	}()
	r, err = prepareRestored(ctx, o, by)
	var f *fail.Error
	if errors.As(err, &f) && f.Code == "damaged" {
		e := fail.New(fail.Invalid, op, fail.T("The backup %s is damaged, so nothing was restored. Take another one; this one was left as it is.", from))
		e.Code, e.Err = "damaged", f.Err
		return r, e
	}
	if err != nil {
		return r, err
	}
	if err := os.Rename(o.Path, target); err != nil {
		return r, fail.Wrap(fail.Unavailable, op, err)
	}
	return r, nil
}

// prepareRestored looks through the copy and makes it one that may be started.
func prepareRestored(ctx context.Context, o Options, by string) (r Restored, err error) {
	const op = "store.restore"
	s, err := Open(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	bad := func(cause error) error {
		return &fail.Error{Op: op, Kind: fail.Invalid, Code: "damaged", Err: cause}
	}
	var word string
	if err := s.write.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&word); err != nil || word != "ok" {
		return r, bad(errors.Join(errors.New(word), err))
	}
	j := s.Journal()
	if r.Tenants, err = j.Tenants(ctx); err != nil {
		return r, err
	}
	for _, t := range r.Tenants {
		n, broken, err := j.Verify(ctx, t)
		if err != nil {
			return r, err
		}
		if broken != nil {
			return r, bad(errors.New("record " + broken.ID + ": " + broken.What))
		}
		r.Records += n
	}
	if r.Open, _, err = s.OpenEntries(ctx); err != nil {
		return r, err
	}
	if _, err := s.Stop(ctx, "", by, "This database was restored from a backup."); err != nil {
		return r, err
	}
	if r.Keys, err = s.EndAccess(ctx); err != nil {
		return r, err
	}
	if _, err := s.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return r, s.fault(op, err)
	}
	return r, nil
}

// EndAccess ends all sessions, sign-ins under way and API keys of a database that was restored: one that was ended after the backup
// would live again. It says how many keys it ended.
func (s *Store) EndAccess(ctx context.Context) (keys int64, err error) {
	err = s.tx(ctx, "store.endaccess", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		for _, q := range []string{`DELETE FROM sessions`, `DELETE FROM stashes`, `DELETE FROM uploads`, `DELETE FROM secrets`, `DELETE FROM attempts`, `DELETE FROM seal_keys`} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `UPDATE api_keys SET revoked = $1 WHERE revoked = 0`, micro(s.now()))
		if err != nil {
			return err
		}
		keys, err = res.RowsAffected()
		return err
	})
	return keys, err
}

// copyBackup copies a backup, and refuses what is none. A file of a running database is one half of it: what was written last
// stands in its -wal file. Bytes 18 and 19 tell them apart (https://www.sqlite.org/fileformat.html#file_format_version_numbers).
func copyBackup(from, to string) (err error) {
	const op = "store.restore"
	in, err := os.Open(from)
	if err != nil {
		return &fail.Error{Op: op, Kind: fail.Invalid, Err: err, Say: fail.T("The backup %s cannot be read. Check the path and who may read it.", from)}
	}
	defer in.Close()
	head := make([]byte, 100)
	if _, err := io.ReadFull(in, head); err != nil || !bytes.HasPrefix(head, []byte("SQLite format 3\x00")) {
		return &fail.Error{Op: op, Kind: fail.Invalid, Code: "damaged", Err: err, Say: fail.T("%s is no backup of Nameplate, so nothing was restored. A backup is made by: nameplate backup FILE", from)}
	}
	if head[18] == 2 || head[19] == 2 {
		return &fail.Error{Op: op, Kind: fail.Invalid, Code: "copy", Say: fail.T("%[1]s is a copy of a database's own file and no backup: what was written last may be missing, because it stands in %[1]s-wal. Take a file that was made by nameplate backup. If there is none: put %[1]s and its -wal in the database's place, run nameplate history verify and nameplate stop --restored, and start.", from)}
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &fail.Error{Op: op, Kind: fail.Invalid, Err: err, Say: fail.T("%s cannot be made. Check that its folder is there, that you may write to it, and that no other restore is under way; delete the file if it was left behind.", to)}
	}
	if _, err = in.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(out, in)
	}
	err = errors.Join(err, out.Sync(), out.Close())
	if err != nil {
		_ = os.Remove(to)
		return fail.Wrap(fail.Unavailable, op, err)
	}
	return nil
}
