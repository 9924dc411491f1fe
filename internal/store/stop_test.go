package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

func TestA58_OneStopForEveryProcess(t *testing.T) {
	t.Parallel()
	c := &storetest.Clock{}
	for name, o := range map[string]store.Options{
		"sqlite":   {Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: c.Now, Random: storetest.Random},
		"postgres": {URL: storetest.Postgres(t), Now: c.Now, Random: storetest.Random},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server, err := store.Open(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if _, _, err := server.Journal().Begin(ctx, storetest.Entry(tenant, "o", "e", "k")); err != nil {
				t.Fatal(err)
			}
			aside := o
			aside.Aside = true
			verb, err := store.Open(ctx, aside)
			if err != nil {
				t.Fatalf("beside a server: %v", err)
			}
			defer verb.Close()

			if was, err := server.Stopped(ctx, tenant); was != nil || err != nil {
				t.Fatalf("stopped from the first: %+v, %v", was, err)
			}
			first, err := verb.Stop(ctx, "", "olga", "an incident")
			if err != nil || first == nil || !first.Since.Equal(c.Now().Truncate(time.Microsecond)) {
				t.Fatalf("%+v, %v", first, err)
			}
			if seen, err := server.Stopped(ctx, tenant); err != nil || seen == nil || *seen != *first || seen.By != "olga" || seen.Why != "an incident" {
				t.Errorf("the server sees %+v, %v", seen, err)
			}
			if n, oldest, err := verb.OpenEntries(ctx); n != 1 || oldest.IsZero() || err != nil {
				t.Errorf("%d open since %v, %v", n, oldest, err)
			}
			if again, err := server.Stop(ctx, "", "ben", "another"); err != nil || again == nil || *again != *first {
				t.Errorf("a second stop: %+v, %v", again, err)
			}
			for _, want := range []bool{true, false} {
				if was, err := verb.Go(ctx, "", "olga", "over"); was != want || err != nil {
					t.Errorf("go: %v, %v", was, err)
				}
			}
			if seen, err := server.Stopped(ctx, tenant); seen != nil || err != nil {
				t.Errorf("after go: %+v, %v", seen, err)
			}
			if again, err := server.Stop(ctx, "", "ben", "another"); err != nil || again == nil || again.By != "ben" {
				t.Errorf("at the same instant: %+v, %v", again, err)
			}
		})
	}
}

// A28: what one organization stops stops no other; what was stopped for everybody is taken back for everybody alone.
func TestA28_AStopOfOneOrganization(t *testing.T) {
	t.Parallel()
	const other = "22222222-2222-4222-8222-222222222222"
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), open(t, (&storetest.Clock{}).Now)
			in := func(what string, want map[string]string) {
				t.Helper()
				for of, by := range want {
					got, err := s.Stopped(ctx, of)
					if err != nil || (got == nil) != (by == "") || got != nil && got.By != by {
						t.Errorf("%s: %q is stopped by %+v, %v; want %q", what, of, got, err, by)
					}
				}
			}
			if c, err := s.Stop(ctx, tenant, "olga", "ours"); err != nil || c.Tenant != tenant {
				t.Fatalf("%+v, %v", c, err)
			}
			in("one", map[string]string{tenant: "olga", other: "", "": ""})
			if was, err := s.Go(ctx, other, "ben", "not mine"); was || err != nil {
				t.Errorf("another's stop was taken back: %v, %v", was, err)
			}
			if c, err := s.Stop(ctx, "", "root", "all"); err != nil || c.Tenant != "" {
				t.Fatalf("%+v, %v", c, err)
			}
			in("all", map[string]string{tenant: "root", other: "root", "": "root"})
			if was, err := s.Go(ctx, tenant, "olga", "ours is over"); !was || err != nil {
				t.Errorf("%v, %v", was, err)
			}
			in("all but one", map[string]string{tenant: "root", other: "root", "": "root"})
			if _, err := s.Stop(ctx, other, "ben", "theirs"); err != nil {
				t.Fatal(err)
			}
			if was, err := s.Go(ctx, "", "root", "over"); !was || err != nil {
				t.Errorf("%v, %v", was, err)
			}
			in("none", map[string]string{tenant: "", other: "", "": ""})
		})
	}
}

// What a restore by other means than ours is followed by: everybody is out, on both databases.
func TestA58_EndAccessLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &storetest.Clock{}
			s := open(t, c.Now)
			signIn(t, s, c)
			for _, want := range []int64{1, 0} {
				if n, err := s.EndAccess(t.Context()); n != want || err != nil {
					t.Errorf("%d keys ended, %v; want %d", n, err, want)
				}
			}
			if n, err := s.Number(t.Context(), `SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM seal_keys) + (SELECT count(*) FROM api_keys WHERE revoked = 0)`); n != 0 || err != nil {
				t.Errorf("%d sessions and keys are left, %v", n, err)
			}
		})
	}
}

func TestWhoOnlyLooksMakesNothing(t *testing.T) {
	t.Parallel()
	c := &storetest.Clock{}
	dir := t.TempDir()
	path := filepath.Join(dir, "nameplate.db")
	nothing := func(what string, o store.Options) {
		t.Helper()
		o.Now, o.Random = c.Now, storetest.Random
		s, err := store.Open(t.Context(), o)
		wantKind(t, what, err, fail.Invalid, "absent")
		if err == nil {
			s.Close()
		}
	}
	nothing("no file, aside", store.Options{Path: path, Aside: true})
	nothing("no file", store.Options{Path: path, Existing: true})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("made %v, %v", left, err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	nothing("an empty file", store.Options{Path: empty, Existing: true})
	nothing("an empty file, aside", store.Options{Path: empty, Aside: true})
	s, err := store.Open(t.Context(), store.Options{Path: path, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), `DELETE FROM migrations WHERE number > 1`); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = store.Open(t.Context(), store.Options{Path: path, Now: c.Now, Random: storetest.Random, Aside: true})
	wantKind(t, "older tables", err, fail.Unsupported, "")
}

// On PostgreSQL too: a schema without tables gets none.
func TestWhoOnlyLooksMakesNoTables(t *testing.T) {
	t.Parallel()
	c := &storetest.Clock{}
	url := storetest.PostgresEmpty(t)
	for _, o := range []store.Options{{URL: url, Existing: true}, {URL: url, Aside: true}} {
		o.Now, o.Random = c.Now, storetest.Random
		s, err := store.Open(t.Context(), o)
		wantKind(t, "no tables", err, fail.Invalid, "absent")
		if err == nil {
			s.Close()
		}
	}
	s, err := store.Open(t.Context(), store.Options{URL: url, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	aside, err := store.Open(t.Context(), store.Options{URL: url, Now: c.Now, Random: storetest.Random, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	aside.Close()
}
