package store

import "context"

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
