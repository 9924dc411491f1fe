package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// Ten backups while a server writes, taken from beside it, restored elsewhere: each opens, its history is whole, what had been
// acknowledged before the backup began is in it, all writing is stopped, and no session lives on.
func TestG12_F43_A58_BackupUnderLoadTenTimes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	o := store.Options{Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: c.Now, Random: storetest.Random}
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write(t, s, c)
	signIn(t, s, c)
	var acked atomic.Int64
	load, end := context.WithCancel(ctx)
	done := make(chan error, 2)
	for w := range 2 {
		go func() {
			for i := 0; load.Err() == nil; i++ {
				name := fmt.Sprintf("w%d-%d", w, i)
				_, _, err := s.Journal().Begin(ctx, storetest.Entry(tenant, name, name, name))
				if err == nil && i%2 == 0 {
					err = s.Journal().End(ctx, name, change.Outcome{State: change.Applied, At: c.Now()})
				}
				if err != nil {
					done <- err
					return
				}
				acked.Add(1)
			}
			done <- nil
		}()
	}
	o.Aside = true
	for i := range 10 {
		before := acked.Load()
		aside, err := store.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "backup")
		if err := aside.Backup(ctx, file); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "over a file that is there", aside.Backup(ctx, file), fail.Invalid, "")
		if err := aside.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v, %v", info.Mode(), err)
		}
		to := store.Options{Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: c.Now, Random: storetest.Random}
		r, err := store.Restore(ctx, to, file, "olga")
		if err != nil || r.Records <= before || !slices.Equal(r.Tenants, []string{tenant}) || before > 2 && r.Open == 0 {
			t.Fatalf("backup %d: %+v of at least %d, %v", i, r, before, err)
		}
		left, _ := filepath.Glob(to.Path + "*")
		if len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
		restored, err := store.Open(ctx, to)
		if err != nil {
			t.Fatal(err)
		}
		n, bad, err := restored.Journal().Verify(ctx, tenant)
		if n != r.Records || bad != nil || err != nil {
			t.Errorf("restored: %d records, %v, %v", n, bad, err)
		}
		if stop, err := restored.Stopped(ctx, ""); err != nil || stop == nil || stop.By != "olga" {
			t.Errorf("not held: %+v, %v", stop, err)
		}
		if n, err := restored.Number(ctx, `SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM seal_keys)`); n != 0 || err != nil {
			t.Errorf("%d sessions and keys live again, %v", n, err)
		}
		if keys, err := restored.Keys().Keys(ctx, tenant); err != nil || len(keys) != 1 || keys[0].Revoked.IsZero() || r.Keys != 1 {
			t.Errorf("a key that may have been withdrawn after the backup: %+v, %d ended, %v", keys, r.Keys, err)
		}
		if err := restored.Close(); err != nil {
			t.Error(err)
		}
		_, err = store.Restore(ctx, to, file, "olga")
		wantKind(t, "over a database that is there", err, fail.Invalid, "")
	}
	end()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// signIn makes a session, the key that its tokens are sealed with, and an API key.
func signIn(t *testing.T, s *store.Store, c *storetest.Clock) {
	t.Helper()
	now := c.Now()
	ref := directory.Ref{Tenant: tenant, ID: "o"}
	if err := s.Access().AddKeyID(t.Context(), "aabbccdd"); err != nil {
		t.Fatal(err)
	}
	q := `INSERT INTO sessions (id, tenant, object, sid, data, began, seen, idle_end, final_end, checked) VALUES ('s', $1, $2, '', '{}', $3, $3, $4, $4, $3)`
	if err := s.Exec(t.Context(), q, ref.Tenant, ref.ID, now.UnixMicro(), now.Add(time.Hour).UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if err := s.Keys().AddKey(t.Context(), access.Key{ID: "k", Tenant: tenant, Name: "sync", Made: now, Expires: now.Add(24 * time.Hour)}, "h", access.Deed{ID: "made", At: now}); err != nil {
		t.Fatal(err)
	}
}

func TestF43_WhatIsNoBackupIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	dir := t.TempDir()
	live := filepath.Join(dir, "live.db")
	s, err := store.Open(ctx, store.Options{Path: live, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, c)
	good := filepath.Join(dir, "good")
	if err := s.Backup(ctx, good); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(live)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		data []byte
		code string
	}{
		"a letter":                 {bytes.Repeat([]byte("this is a letter to my aunt\n"), 200), "damaged"},
		"empty":                    {nil, "damaged"},
		"a page of junk":           {junk(whole, len(whole)/4096/2), "damaged"},
		"cut in half":              {whole[:len(whole)/2/4096*4096], "damaged"},
		"a copy without its -wal":  {raw, "copy"},
		"one bit of a value moved": {flip(t, whole), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, target := filepath.Join(dir, "backup"), filepath.Join(dir, "nameplate.db")
			if err := os.WriteFile(file, x.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := store.Restore(ctx, store.Options{Path: target, Now: c.Now, Random: storetest.Random}, file, "olga")
			wantKind(t, name, err, fail.Invalid, x.code)
			if err != nil && !bytes.Contains([]byte(err.Error()), []byte(file)) {
				t.Errorf("%v does not name the file", err)
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, x.data) {
				t.Errorf("the backup was changed (%v)", err)
			}
			if left, _ := filepath.Glob(target + "*"); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Run("a -wal lies where the database is to be", func(t *testing.T) {
		t.Parallel()
		target := filepath.Join(t.TempDir(), "nameplate.db")
		if err := os.WriteFile(target+"-wal", []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.Restore(ctx, store.Options{Path: target, Now: c.Now, Random: storetest.Random}, good, "olga")
		wantKind(t, "a stray -wal", err, fail.Invalid, "")
	})
	_, err = store.Restore(ctx, store.Options{URL: "postgres://x/y", Now: c.Now, Random: storetest.Random}, good, "olga")
	wantKind(t, "PostgreSQL", err, fail.Unsupported, "")
	wantKind(t, "PostgreSQL", storetest.PostgreSQL(t, c.Now).Backup(ctx, filepath.Join(dir, "pg")), fail.Unsupported, "")
}

// junk spoils one page.
func junk(b []byte, page int) []byte {
	b = slices.Clone(b)
	for i := range 4096 {
		b[page*4096+i] ^= 0x5a
	}
	return b
}

// flip changes one bit of a record's text, which SQLite itself does not notice.
func flip(t *testing.T, b []byte) []byte {
	t.Helper()
	b = slices.Clone(b)
	i := bytes.LastIndex(b, []byte(`{"ID":"`)) // the first may stand in a page that is not in use
	if i < 0 {
		t.Fatal("no record was found in the file")
	}
	b[i+2] ^= 1
	return b
}
