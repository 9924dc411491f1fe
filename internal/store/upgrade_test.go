package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// testdata/schema holds a database as each step of the tables left it, written by the program of that day (all rows with quote(),
// and pg_dump --inserts). Each has two tenants, changes that ended in every way and one that did not, a picture, a session, a visit
// and settings. A step that only adds tables needs none of its own: the one before with the step's text behind it would show nothing more.

func TestG13_EveryOlderDatabaseOpens(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/schema/*.sql")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v, %v", files, err)
	}
	c := &storetest.Clock{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), load(t, string(text), strings.Contains(file, "postgres"), c))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			lived(t, s)
			if filepath.Base(file) >= "0004" {
				if c, err := s.Stopped(t.Context(), tenant); err != nil || c == nil || c.Tenant != "" || c.By != "ben on this machine" {
					t.Errorf("the stop: %+v %v", c, err)
				}
			}
			// What was open goes on where it was.
			if err := s.Journal().End(t.Context(), "e5", change.Outcome{State: change.Failed, At: c.Now()}); err != nil {
				t.Error(err)
			}
			if n, bad, err := s.Journal().Verify(t.Context(), tenant); n != 16 || bad != nil || err != nil {
				t.Errorf("the chain with a new record: %d %v %v", n, bad, err)
			}
			// What stands in records from before there were salts can be forgotten, and the chain is still proved.
			on := directory.Ref{Tenant: tenant, ID: "adele"}
			e := change.Entry{ID: "f", Begun: c.Now(), Ended: c.Now(), Outcome: change.Outcome{State: change.Applied, At: c.Now()}, Change: change.Change{On: on, Do: change.Forget, Why: "asked"}}
			if did, err := s.Keep().Forget(t.Context(), e); err != nil || did.Records < 6 || did.Photos != 1 {
				t.Errorf("forgetting: %+v %v", did, err)
			}
			if n, bad, err := s.Journal().Verify(t.Context(), tenant); n != 19 || bad != nil || err != nil {
				t.Errorf("the chain after forgetting: %d %v %v", n, bad, err)
			}
			if e, err := s.Journal().Get(t.Context(), tenant, "e1"); err != nil || e.Forgotten.IsZero() || len(e.Change.Set) != 0 || e.Change.By.Name != "" {
				t.Errorf("what is left: %+v %v", e, err)
			}
		})
	}
}

// load makes a database from its text.
func load(t *testing.T, text string, postgresql bool, c *storetest.Clock) store.Options {
	t.Helper()
	if postgresql {
		o := store.Options{URL: storetest.PostgresEmpty(t), Now: c.Now, Random: storetest.Random}
		conn, err := pgx.Connect(t.Context(), o.URL)
		if err == nil {
			_, err = conn.PgConn().Exec(t.Context(), text).ReadAll()
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := store.Options{Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: c.Now, Random: storetest.Random}
	db, err := sql.Open("sqlite", o.Path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), text)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// lived looks for everything that the fixtures hold.
func lived(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, j := t.Context(), s.Journal()
	const other = "22222222-2222-4222-8222-222222222222"
	for ten, want := range map[string]int64{tenant: 15, other: 3} {
		if n, bad, err := j.Verify(ctx, ten); n != want || bad != nil || err != nil {
			t.Errorf("the chain of %s: %d of %d records, %v %v", ten, n, want, bad, err)
		}
	}
	var states []change.State
	list, err := j.Find(ctx, tenant, change.Search{}, 0, 10)
	for _, e := range list {
		states = append(states, e.Outcome.State)
	}
	if diff := cmp.Diff([]change.State{change.Open, change.Unverified, change.Applied, change.Refused, change.Applied}, states); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	for _, q := range []change.Search{{By: "ben"}, {On: "ben", Do: change.Update}, {State: change.Refused}} {
		if l, err := j.Find(ctx, tenant, q, 0, 10); err != nil || len(l) != 1 || l[0].ID != "e2" {
			t.Errorf("%+v finds %v %v", q, l, err)
		}
	}
	e, err := j.Get(ctx, tenant, "e1")
	if err != nil || e.Change.By.Name != "Zoë \"Z\" O'Neil \U0001F44B" || e.Change.Why != "typed\nin two lines" || e.Change.Set["city"].Str() != "Köln" ||
		e.Outcome.After["city"].Str() != "Köln" || !cmp.Equal(e.Change.Set["skills"].Items(), []string{"Go", "SQL"}) {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := j.ByKey(ctx, tenant, "k3"); err != nil || string(e.Change.Photo) != "\xff\xd8\xff\xd9" {
		t.Errorf("the picture: %x %v", e.Change.Photo, err)
	}
	if e, err := j.Get(ctx, tenant, "e2"); err != nil || e.Outcome.Problem == nil || e.Outcome.Problem.Kind != fail.Denied || e.Outcome.Problem.Say.String() != "Not here." {
		t.Errorf("%+v %v", e.Outcome.Problem, err)
	}
	a, adele := s.Access(), directory.Ref{Tenant: tenant, ID: "adele"}
	if u, err := a.Seen(ctx, adele); err != nil || u.Values["city"] == (property.Value{}) || u.Values["city"].Str() != "Köln" {
		t.Errorf("the visit: %+v %v", u, err)
	}
	if v, err := a.Settings(ctx, adele); err != nil || v.Language != "de" || v.Theme != "dark" {
		t.Errorf("settings: %+v %v", v, err)
	}
	if ids, err := a.KeyIDs(ctx); err != nil || !cmp.Equal(ids, []string{"aabbccdd"}) {
		t.Errorf("keys: %v %v", ids, err)
	}
	if l, err := s.Plans().Plans(ctx, tenant, time.Time{}, 10); err != nil || len(l) > 1 || len(l) == 1 && (l[0].ID != "plan-1" || l[0].Run.State != bulk.Planned) {
		t.Errorf("plans: %+v %v", l, err)
	} else if len(l) == 1 {
		rows, err := s.Plans().Rows(ctx, tenant, "plan-1", bulk.Query{Text: "BEN@"})
		if err != nil || len(rows) != 1 || rows[0].Steps[0].Set["city"].Str() != "Köln" || rows[0].Fate != nil {
			t.Errorf("rows of a plan: %+v %v", rows, err)
		}
	}
	if n, err := s.Number(ctx, `SELECT count(*) FROM sessions WHERE id = '5f' AND tokens IS NOT NULL`); n != 1 || err != nil {
		t.Errorf("sessions: %d %v", n, err)
	}
}
