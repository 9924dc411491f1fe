package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"nameplate/internal/fail"
)

//go:embed migration
var migrations embed.FS

// step is one forward migration. Both engines have the same numbers and names.
type step struct {
	number int
	name   string
	text   string
}

func steps(e engine) ([]step, error) {
	dir := path.Join("migration", e.String())
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, err
	}
	var out []step
	for i, f := range files { // in the order of their names
		number, name, ok := strings.Cut(strings.TrimSuffix(f.Name(), ".sql"), "_")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n != i+1 {
			return nil, fmt.Errorf("store: migration %s/%s is out of order", dir, f.Name())
		}
		text, err := migrations.ReadFile(path.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, step{number: n, name: name, text: string(text)})
	}
	return out, nil
}

// migrate brings the tables up to date, each step in a transaction of its own. It refuses a database that knows more steps
// than this program and never goes back.
func (s *Store) migrate(ctx context.Context) error {
	all, err := steps(s.engine)
	if err != nil {
		return fail.Wrap(fail.Internal, "store.migrate", err)
	}
	for done := false; !done; {
		err := s.tx(ctx, "store.migrate", func(ctx context.Context, tx *sql.Tx, _ bool) error {
			if err := s.unhurried(ctx, tx); err != nil {
				return err
			}
			if s.engine == postgres {
				// Two processes that start together must not both create the tables.
				if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7310596721)`); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL)`); err != nil {
				return err
			}
			var last int
			if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM migrations`).Scan(&last); err != nil {
				return err
			}
			if last > len(all) {
				return newer(last, len(all))
			}
			if last == len(all) {
				done = true
				return nil
			}
			next := all[last]
			var args []any
			if s.engine == postgres {
				args = []any{pgx.QueryExecModeSimpleProtocol} // several statements at once
			}
			if _, err := tx.ExecContext(ctx, next.text, args...); err != nil {
				return fmt.Errorf("step %d %s: %w", next.number, next.name, err)
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO migrations (number, name, at) VALUES ($1, $2, $3)`, next.number, next.name, micro(s.now()))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func newer(last, known int) *fail.Error {
	return fail.New(fail.Unsupported, "store.migrate", fail.T("The database was written by a newer Nameplate (its tables are at step %[1]d, this program knows %[2]d). Start the newer program, or restore a backup from before it.", last, known))
}

// current refuses a database that holds nothing of Nameplate, and with exact one whose tables are not the ones that this program
// knows. It changes nothing.
func (s *Store) current(ctx context.Context, exact bool) error {
	all, err := steps(s.engine)
	if err != nil {
		return fail.Wrap(fail.Internal, "store.migrate", err)
	}
	var tables, last int
	err = s.read.QueryRowContext(ctx, map[engine]string{
		sqlite:   `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'`,
		postgres: `SELECT count(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'migrations'`,
	}[s.engine]).Scan(&tables)
	if err == nil && tables > 0 {
		err = s.read.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM migrations`).Scan(&last)
	}
	switch {
	case err != nil:
		return s.fault("store.migrate", err)
	case tables == 0 && s.engine == sqlite:
		return absent(s.path, nil)
	case tables == 0:
		e := fail.New(fail.Invalid, "store.open", fail.T("This PostgreSQL database holds nothing of Nameplate yet. Look at the address in the setting database; nameplate serve makes the tables."))
		e.Code = "absent"
		return e
	case !exact:
		return nil
	case last > len(all):
		return newer(last, len(all))
	case last < len(all):
		return fail.New(fail.Unsupported, "store.migrate", fail.T("The database is of an older Nameplate (its tables are at step %[1]d, this program needs %[2]d). Use the program that serves it, or start this one once: nameplate serve.", last, len(all)))
	}
	return nil
}
