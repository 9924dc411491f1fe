package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

func wantKind(t testing.TB, what string, err error, kind fail.Kind, code string) {
	t.Helper()
	var e *fail.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code || e.Say.Zero() {
		t.Errorf("%s: got %v, want kind %v code %q and a sentence", what, err, kind, code)
	}
}

func TestOneProcessOwnsTheFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	o := store.Options{Path: filepath.Join(t.TempDir(), "a b#c?d%e.db"), Now: c.Now, Random: storetest.Random}
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Path); err != nil {
		t.Errorf("the file has another name: %v", err)
	}
	_, err = store.Open(ctx, o)
	wantKind(t, "a second one", err, fail.Conflict, "locked")
	if err != nil && !strings.Contains(err.Error(), o.Path) {
		t.Errorf("%v does not name the file", err)
	}
	if _, _, err := s.Journal().Begin(ctx, storetest.Entry(tenant, "o", "e", "k")); err != nil {
		t.Errorf("the owner after the second one's try: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(ctx, o); err != nil {
		t.Fatalf("after the owner has gone: %v", err)
	}
	if _, err := s.Journal().Get(ctx, tenant, "e"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestA51_FileIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	path := filepath.Join(t.TempDir(), "nameplate.db")
	var log bytes.Buffer
	o := store.Options{Path: path, Now: c.Now, Random: storetest.Random, Log: slog.New(slog.NewTextHandler(&log, nil))}
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Journal().Begin(ctx, storetest.Entry(tenant, "o", "e", "k")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o644, 0o604, 0o602, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(ctx, o)
		wantKind(t, mode.String(), err, fail.Invalid, "")
		if err != nil && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("%v does not say what to do", err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(ctx, o); err != nil {
		t.Fatalf("readable by the group: %v", err)
	}
	if !strings.Contains(log.String(), "chmod 600") {
		t.Errorf("no warning: %s", log.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestF43_DamagedFileIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	s, err := store.Open(ctx, store.Options{Path: good, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		e := storetest.Entry(tenant, string(rune('A'+i)), string(rune('A'+i)), string(rune('A'+i)))
		if _, _, err := s.Journal().Begin(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"no database":      func([]byte) []byte { return []byte(strings.Repeat("this is a letter to my aunt\n", 200)) },
		"a header of junk": func(b []byte) []byte { copy(b, "XQLite"); return b },
		"pages of junk": func(b []byte) []byte {
			for i := 4096; i < len(b); i++ {
				b[i] ^= 0x5a
			}
			return b
		},
		"cut in half": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "nameplate.db")
			bad := spoil(slices.Clone(whole))
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(ctx, store.Options{Path: path, Now: c.Now, Random: storetest.Random})
			wantKind(t, name, err, fail.Invalid, "damaged")
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("%v does not name the file", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, bad) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	dir := t.TempDir()
	for name, o := range map[string]store.Options{
		"nothing":            {Now: c.Now, Random: storetest.Random},
		"two databases":      {Now: c.Now, Random: storetest.Random, Path: filepath.Join(dir, "x.db"), URL: "postgres://x/y"},
		"a folder":           {Now: c.Now, Random: storetest.Random, Path: dir},
		"no folder":          {Now: c.Now, Random: storetest.Random, Path: filepath.Join(dir, "none", "x.db")},
		"no address":         {Now: c.Now, Random: storetest.Random, URL: "postgres://user:planted-password@host:port:7/x"},
		"an unknown setting": {Now: c.Now, Random: storetest.Random, URL: "postgres://user:planted-password@127.0.0.1/x?sslmode=maybe"},
	} {
		_, err := store.Open(ctx, o)
		wantKind(t, name, err, fail.Invalid, "")
		if err != nil && strings.Contains(err.Error(), "planted-password") {
			t.Errorf("A52 %s: the password is in the error", name)
		}
	}
	_, err := store.Open(ctx, store.Options{Now: c.Now, Random: storetest.Random, URL: "postgres://user:planted-password@127.0.0.1:1/x?sslmode=disable"})
	wantKind(t, "nobody there", err, fail.Unavailable, "")
	if err != nil && strings.Contains(err.Error(), "planted-password") {
		t.Errorf("A52 nobody there: the password is in the error %v", err)
	}
}

func TestB49_NewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	one, err := store.StepNames(false)
	if err != nil {
		t.Fatal(err)
	}
	two, err := store.StepNames(true)
	if err != nil || !slices.Equal(one, two) || len(one) == 0 {
		t.Fatalf("SQLite has %v and PostgreSQL %v, %v", one, two, err)
	}
	c := &storetest.Clock{}
	for name, o := range map[string]store.Options{
		"sqlite":   {Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: c.Now, Random: storetest.Random},
		"postgres": {URL: storetest.PostgresEmpty(t), Now: c.Now, Random: storetest.Random},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			for range 2 { // the second time there is nothing to do
				s, err := store.Open(ctx, o)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := s.Number(ctx, `SELECT count(*) FROM migrations`); err != nil || n != int64(len(one)) {
					t.Errorf("%d steps done, %v", n, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := store.Open(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Exec(ctx, `INSERT INTO migrations (number, name, at) VALUES ($1, 'of tomorrow', 0)`, len(one)+1); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(ctx, o)
			wantKind(t, "a newer schema", err, fail.Unsupported, "")
		})
	}
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	url := storetest.PostgresEmpty(t)
	errs := make(chan error)
	for range 6 {
		go func() {
			s, err := store.Open(ctx, store.Options{URL: url, Now: c.Now, Random: storetest.Random})
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range 6 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestF15_FullDiskRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, c := written(t, storetest.SQLite)
	j := s.Journal()
	if err := s.Exec(ctx, `PRAGMA max_page_count = 1`); err != nil { // no less than it has now
		t.Fatal(err)
	}
	e := storetest.Entry(tenant, "big", "big", "big")
	e.Change.Why = strings.Repeat("x", 1<<20)
	_, _, err := j.Begin(ctx, e)
	wantKind(t, "no room", err, fail.Unavailable, "full")
	if _, err := j.Get(ctx, tenant, "big"); !fail.Is(err, fail.NotFound) {
		t.Errorf("half of it is there: %v", err)
	}
	if _, bad, err := j.Verify(ctx, tenant); bad != nil || err != nil {
		t.Errorf("the chain: %v, %v", bad, err)
	}
	if err := s.Exec(ctx, `PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Begin(ctx, e); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := j.End(ctx, "big", change.Outcome{State: change.Applied, At: c.Now()}); err != nil {
		t.Error(err)
	}
}
