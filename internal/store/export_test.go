package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Exec lets a test do to the database what somebody with its password can do.
func (s *Store) Exec(ctx context.Context, q string, args ...any) error {
	_, err := s.write.ExecContext(ctx, q, args...)
	return err
}

// Number reads one number.
func (s *Store) Number(ctx context.Context, q string, args ...any) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, q, args...).Scan(&n)
	return n, err
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.String() }

// StepNames are the migrations of an engine.
func StepNames(postgresql bool) ([]string, error) {
	e := sqlite
	if postgresql {
		e = postgres
	}
	all, err := steps(e)
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return names, err
}

// Setting reads a setting of the connections that write.
func (s *Store) Setting(ctx context.Context, q string) (v string, err error) {
	err = s.write.QueryRowContext(ctx, q).Scan(&v)
	return v, err
}

// Replay decodes a begin record's payload and encodes it again.
func Replay(payload string) (string, error) {
	var d entryDoc
	if err := decode(payload, &d); err != nil {
		return "", err
	}
	b, err := plainJSON(packEntry(d.unpack(), d.Change.Photo))
	return string(b), err
}

// Table reads columns and rows, a row as text: values in order with a bar between, instants as RFC 3339, truth as 1 and 0, nothing as -.
func (s *Store) Table(ctx context.Context, q string) (columns, out []string, err error) {
	rows, err := s.read.QueryContext(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		into, row := make([]any, len(columns)), make([]string, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		for i := range into {
			switch x := (*into[i].(*any)).(type) {
			case nil:
				row[i] = "-"
			case time.Time:
				row[i] = x.UTC().Format(time.RFC3339)
			case bool:
				row[i] = map[bool]string{true: "1", false: "0"}[x]
			case []byte:
				row[i] = string(x)
			default:
				row[i] = fmt.Sprint(x)
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return columns, out, rows.Err()
}

// All lets a test do something for each of n records of the journal.
func (j *Journal) All(ctx context.Context, n int, do func(i int)) []error {
	return j.all(ctx, "test", n, func(_ context.Context, _ *sql.Tx, i int, _ bool) error {
		do(i)
		return nil
	})
}

// Write is a transaction of somebody else.
func (s *Store) Write(ctx context.Context, do func()) error {
	return s.tx(ctx, "test", func(context.Context, *sql.Tx, bool) error {
		do()
		return nil
	})
}

// Waiting is how many transactions wait to begin.
func (s *Store) Waiting() int64 { return s.waiting.Load() }
