package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	sqlitedrv "modernc.org/sqlite"

	"nameplate/internal/fail"
)

const (
	tries     = 4  // how often a transaction is begun when its connection breaks or the server rolls it back
	busyTries = 20 // the same for a lock on SQLite's file: about five seconds with busyWait, and each ends with the caller's context
)

// tx runs one writing transaction. When the connection broke it runs again with again set: the earlier commit may have been
// done without its answer arriving, so work looks for its own rows before it writes them twice. A *fail.Error of work is passed on.
func (s *Store) tx(ctx context.Context, op string, work func(ctx context.Context, tx *sql.Tx, again bool) error) error {
	if s.halted.Load() {
		return halted(op, nil)
	}
	wait := 50 * time.Millisecond
	for try := 1; ; try++ {
		err := s.once(ctx, func(tx *sql.Tx) error { return work(ctx, tx, try > 1) })
		if err == nil {
			return nil
		}
		var known *fail.Error
		if errors.As(err, &known) {
			return known
		}
		if diskFailed(err) && !s.halted.Swap(true) {
			s.log.ErrorContext(ctx, "the disk of the database failed; nothing more is written until a restart", "op", op, "error", err)
		}
		most := tries
		if locked(err) {
			most, wait = busyTries, 50*time.Millisecond
		}
		if try >= most || !passing(err) || ctx.Err() != nil {
			return s.fault(op, err)
		}
		select {
		case <-ctx.Done():
			return s.fault(op, err)
		case <-time.After(wait):
		}
		wait *= 3
	}
}

// diskFailed says that a write or a sync went wrong. The system may forget after such an error what it did not write, so a later
// sync that succeeds proves nothing (https://www.sqlite.org/rescode.html#ioerr_fsync): the store writes no more.
func diskFailed(err error) bool {
	var lite *sqlitedrv.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqliteIOErr
}

func halted(op string, cause error) *fail.Error {
	e := fail.Wrap(fail.Unavailable, op, cause)
	e.Code, e.Say = "disk", fail.T("The disk of the database cannot be read or written. Tell the operator: nothing more is accepted until it is mended and Nameplate is started again.")
	return e
}

// locked says whether somebody else holds SQLite's file.
func locked(err error) bool {
	var lite *sqlitedrv.Error
	return errors.As(err, &lite) && (lite.Code()&0xff == sqliteBusy || lite.Code()&0xff == sqliteLocked)
}

func (s *Store) once(ctx context.Context, work func(tx *sql.Tx) error) error {
	s.waiting.Add(1)
	tx, err := s.write.BeginTx(ctx, nil)
	s.waiting.Add(-1)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		_ = tx.Rollback() // the work's own error says more
		return err
	}
	return tx.Commit()
}

// passing says whether an error may be gone at the next try: a broken connection, a server that restarts, a deadlock.
func passing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "40"): // connection; rolled back by the server
			return true
		case pg.Code == "57P01", pg.Code == "57P02", pg.Code == "57P03", pg.Code == "53300": // shutdown, crash, starting, too many
			return true
		}
		return false
	}
	var lite *sqlitedrv.Error
	if errors.As(err, &lite) {
		return locked(err)
	}
	var n net.Error
	var connect *pgconn.ConnectError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.As(err, &connect) ||
		(errors.As(err, &n) && !errors.Is(err, context.DeadlineExceeded)) || pgconn.SafeToRetry(err) || broken(err)
}

// broken knows the words of connections that end in the middle of a message, for which the driver has no type.
func broken(err error) bool {
	for _, w := range []string{"unexpected EOF", "conn closed", "broken pipe", "connection reset"} {
		if strings.Contains(err.Error(), w) {
			return true
		}
	}
	return false
}

// Result codes of SQLite, https://www.sqlite.org/rescode.html
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteNotADB   = 26
)

// fault gives a database error a kind and a sentence.
func (s *Store) fault(op string, err error) *fail.Error {
	var known *fail.Error
	if errors.As(err, &known) {
		return known
	}
	e := fail.Wrap(fail.Internal, op, err)
	var pg *pgconn.PgError
	var lite *sqlitedrv.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Say = fail.Unavailable, fail.T("The database took too long to answer. Try again in a moment.")
	case errors.As(err, &pg):
		switch {
		case strings.HasPrefix(pg.Code, "53"): // disk full, out of memory, too many connections
			e.Kind, e.Code, e.Say = fail.Unavailable, "full", fail.T("The database has no room left. Nothing was changed; try again when the operator has made room.")
		case pg.Code == "25006": // read only
			e.Kind, e.Say = fail.Unavailable, fail.T("The database can only be read at the moment. Nothing was changed; try again later.")
		case passing(err), pg.Code == "55P03", pg.Code == "57014":
			e.Kind, e.Say = fail.Unavailable, fail.T("The database does not answer at the moment. Try again in a moment.")
		}
	case errors.As(err, &lite):
		switch lite.Code() & 0xff {
		case sqliteFull:
			e.Kind, e.Code, e.Say = fail.Unavailable, "full", fail.T("The database has no room left. Nothing was changed; try again when the operator has made room.")
		case sqliteReadOnly:
			e.Kind, e.Say = fail.Unavailable, fail.T("The database can only be read at the moment. Nothing was changed; try again later.")
		case sqliteBusy, sqliteLocked:
			e.Kind, e.Say = fail.Unavailable, fail.T("The database is busy at the moment. Try again in a moment.")
		case sqliteIOErr:
			return halted(op, err)
		case sqliteCorrupt, sqliteNotADB:
			e.Code, e.Say = "damaged", fail.T("The database is damaged. Tell the operator: the last backup has to be restored.")
		}
	case passing(err):
		e.Kind, e.Say = fail.Unavailable, fail.T("The database does not answer at the moment. Try again in a moment.")
	}
	return e
}
