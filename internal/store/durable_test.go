package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// https://www.sqlite.org/pragma.html#pragma_synchronous and
// https://www.postgresql.org/docs/15/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT
func TestF14_CommitsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	lite := storetest.SQLite(t, c.Now)
	for q, want := range map[string]string{`PRAGMA synchronous`: "2", `PRAGMA journal_mode`: "wal", `PRAGMA trusted_schema`: "0"} {
		if got, err := lite.Setting(ctx, q); err != nil || got != want {
			t.Errorf("%s is %q, want %q, %v", q, got, want, err)
		}
	}
	// A server whose default does not wait.
	address := storetest.Postgres(t)
	pg, err := store.Open(ctx, store.Options{URL: address, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.Exec(ctx, `DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET synchronous_commit = off'', current_database()); END'`); err != nil {
		t.Fatal(err)
	}
	if err := pg.Close(); err != nil {
		t.Fatal(err)
	}
	if pg, err = store.Open(ctx, store.Options{URL: address, Now: c.Now, Random: storetest.Random}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close() })
	if got, err := pg.Setting(ctx, `SHOW synchronous_commit`); err != nil || got != "on" {
		t.Errorf("synchronous_commit is %q, %v", got, err)
	}
}

// What is decoded from a record and encoded again is the same record: nothing of it is lost, whatever is in it.
func FuzzRecord(f *testing.F) {
	f.Add(`{"ID":"e1","Change":{"ID":"e1","Key":"k","Set":{"city":"Kiel","birthday":{"instant":"1990-04-30T00:00:00Z"},"x":{"json":{"a":[1]}},"l":["a"],"n":null,"b":true},"Expect":null},"Outcome":{"State":"open","Problem":{"Kind":2,"Say":{"Key":"%d","Args":[{"Int":7},{"Str":"x"},{"Text":{"Key":"y"}}]},"Err":"cause"}}}`)
	f.Add(`{}`)
	f.Add(`{"Change":{"Set":{"x":{}}}}`)
	f.Fuzz(func(t *testing.T, payload string) {
		once, err := store.Replay(payload)
		if err != nil {
			return
		}
		twice, err := store.Replay(once)
		if err != nil || once != twice {
			t.Errorf("%s\n%s\n%v", once, twice, err)
		}
	})
}

func BenchmarkJournal(b *testing.B) {
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			ctx := context.Background()
			c := &storetest.Clock{}
			j := open(b, c.Now).Journal()
			i := 0
			for b.Loop() { // a change as the engine writes it: begun, about to be sent, ended
				name := fmt.Sprint("e", i)
				i++
				if _, _, err := j.Begin(ctx, storetest.Entry(tenant, name, name, name)); err != nil {
					b.Fatal(err)
				}
				if err := j.Note(ctx, name, nil, change.Attempt{Sent: true}); err != nil {
					b.Fatal(err)
				}
				if err := j.End(ctx, name, change.Outcome{State: change.Applied, At: c.Now()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Somebody else holds the lock: the wait ends with the caller's patience, nothing is half done, and afterwards work goes on.
func TestF16_LockHeldByAnother(t *testing.T) {
	t.Parallel()
	c := &storetest.Clock{}
	path := filepath.Join(t.TempDir(), "nameplate.db")
	for name, o := range map[string]struct {
		store.Options
		driver, source string
		lock           []string
	}{
		"sqlite":   {store.Options{Path: path, Now: c.Now, Random: storetest.Random}, "sqlite", path, []string{`BEGIN IMMEDIATE`}},
		"postgres": {store.Options{URL: storetest.Postgres(t), Now: c.Now, Random: storetest.Random}, "pgx", "", []string{`BEGIN`, `LOCK TABLE heads IN ACCESS EXCLUSIVE MODE`}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s, err := store.Open(ctx, o.Options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			db, err := sql.Open(o.driver, o.source+o.URL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			other, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range o.lock {
				if _, err := other.ExecContext(ctx, q); err != nil {
					t.Fatal(err)
				}
			}
			short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			_, _, err = s.Journal().Begin(short, storetest.Entry(tenant, "adele", "e1", "k1"))
			wantKind(t, "while it is held", err, fail.Unavailable, "")
			if _, err := other.ExecContext(ctx, `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			if e, known, err := s.Journal().Begin(ctx, storetest.Entry(tenant, "adele", "e2", "k1")); err != nil || known || e.Seq != 1 {
				t.Errorf("afterwards: record %d, known %v, %v", e.Seq, known, err)
			}
		})
	}
}
