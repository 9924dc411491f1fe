package store_test

import (
	"context"
	"fmt"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

const tenant = "11111111-1111-4111-8111-111111111111"

// written makes a store with a chain of twelve records.
func written(t *testing.T, open storetest.Open) (*store.Store, *storetest.Clock) {
	t.Helper()
	c := &storetest.Clock{}
	s := open(t, c.Now)
	write(t, s, c)
	return s, c
}

// write makes four entries, each begun, noted and ended. Record 3n+1 begins entry n.
func write(t *testing.T, s *store.Store, c *storetest.Clock) {
	t.Helper()
	ctx := context.Background()
	j := s.Journal()
	for n := range 4 {
		e := storetest.Entry(tenant, fmt.Sprint("object", n), fmt.Sprint("e", n), fmt.Sprint("k", n))
		if _, _, err := j.Begin(ctx, e); err != nil {
			t.Fatal(err)
		}
		if err := j.Note(ctx, e.ID, nil, change.Attempt{Sent: true}); err != nil {
			t.Fatal(err)
		}
		if err := j.End(ctx, e.ID, change.Outcome{State: change.Applied, At: c.Now()}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestA53_TamperingIsFound(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		do   []string
		seq  int64 // of the first bad record; 0: none is to blame
		id   string
	}{
		{"a word of a payload", []string{`UPDATE records SET payload = replace(payload, '555 0109', '555 6666') WHERE seq = 4`}, 4, "e1"},
		{"a blank in a payload", []string{`UPDATE records SET payload = payload || ' ' WHERE seq = 7`}, 7, "e2"},
		{"the outcome", []string{`UPDATE records SET payload = replace(payload, 'applied', 'refused') WHERE seq = 6`}, 6, "e1"},
		{"the time", []string{`UPDATE records SET at = at + 1 WHERE seq = 5`}, 5, "e1"},
		{"the kind", []string{`UPDATE records SET kind = 'end' WHERE seq = 5`}, 5, "e1"},
		{"the entry", []string{`UPDATE records SET entry = 'e3' WHERE seq = 6`}, 6, "e3"},
		{"the hash", []string{`UPDATE records SET hash = prev WHERE seq = 6`}, 6, "e1"},
		{"the hash before", []string{`UPDATE records SET prev = hash WHERE seq = 6`}, 6, "e1"},
		{"a record taken out", []string{`DELETE FROM records WHERE seq = 6`}, 7, "e2"},
		{"the first taken out", []string{`DELETE FROM records WHERE seq = 1`}, 2, "e0"},
		{"the last taken out", []string{`DELETE FROM records WHERE seq = 12`}, 12, ""},
		{"the end cut off", []string{`DELETE FROM records WHERE seq > 9`, `DELETE FROM entries WHERE id = 'e3'`}, 10, ""},
		{"everything taken out", []string{`DELETE FROM records`}, 1, ""},
		{"two changed places", []string{
			`UPDATE records SET seq = 100 WHERE seq = 4`, `UPDATE records SET seq = 4 WHERE seq = 7`, `UPDATE records SET seq = 7 WHERE seq = 100`,
		}, 4, "e2"},
		{"a gap closed", []string{`DELETE FROM records WHERE seq = 6`, `UPDATE records SET seq = 6 WHERE seq = 12`}, 6, "e3"},
		{"one put in at the end", []string{
			`INSERT INTO records (tenant, seq, at, kind, entry, payload, prev, hash) SELECT tenant, 13, at, kind, entry, payload, prev, hash FROM records WHERE seq = 12`,
		}, 13, "e3"},
		{"the end moved back", []string{`UPDATE heads SET seq = 11`}, 12, "e3"},
		{"the end forgotten", []string{`DELETE FROM heads`}, 1, "e0"},
		{"the end of another hash", []string{`UPDATE heads SET hash = (SELECT prev FROM records WHERE seq = 12)`}, 12, ""},
		{"another tenant's record", []string{`UPDATE records SET tenant = 'x' WHERE seq = 12`}, 12, ""},
		{"the list: a state", []string{`UPDATE entries SET state = 'refused' WHERE id = 'e1'`}, 4, "e1"},
		{"the list: an object", []string{`UPDATE entries SET object = 'object0' WHERE id = 'e1'`}, 4, "e1"},
		{"the list: a key", []string{`UPDATE entries SET key = 'other' WHERE id = 'e1'`}, 4, "e1"},
		{"the list: an older end", []string{`UPDATE entries SET end_seq = 0, state = 'open', open = 1 WHERE id = 'e1'`}, 4, "e1"},
		{"the list: another's records", []string{`UPDATE entries SET begin_seq = 1 WHERE id = 'e1'`}, 1, "e1"},
		{"the list: an entry hidden", []string{`DELETE FROM entries WHERE id = 'e1'`}, 0, ""},
	}
	for engine, open := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			s, clock := written(t, open)
			for _, q := range []string{`UPDATE records SET payload = '{}' WHERE seq = 2`, `DELETE FROM records WHERE seq = 12`} {
				if err := s.Exec(ctx, q); err == nil {
					t.Errorf("the database lets records be changed: %s", q)
				}
			}
			disarm(t, s)
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					for _, table := range []string{"records", "entries", "heads"} {
						if err := s.Exec(ctx, `DELETE FROM `+table); err != nil {
							t.Fatal(err)
						}
					}
					write(t, s, clock)
					if n, bad, err := s.Journal().Verify(ctx, tenant); n != 12 || bad != nil || err != nil {
						t.Fatalf("untouched: %d records, %v, %v", n, bad, err)
					}
					for _, q := range c.do {
						if err := s.Exec(ctx, q); err != nil {
							t.Fatal(err)
						}
					}
					_, bad, err := s.Journal().Verify(ctx, tenant)
					if err != nil || bad == nil {
						t.Fatalf("not found: %v", err)
					}
					if bad.Seq != c.seq || bad.ID != c.id || bad.What == "" {
						t.Errorf("named record %d of entry %q (%s), want %d of %q", bad.Seq, bad.ID, bad.What, c.seq, c.id)
					}
				})
			}
		})
	}
}

// What was forgotten is proved as well: that it was, by whom, and what was left.
func TestA53_WhatWasForgottenIsProved(t *testing.T) {
	t.Parallel()
	for engine, open := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, c := written(t, open)
			e := change.Entry{
				ID: "f", Begun: c.Now(), Ended: c.Now(), Outcome: change.Outcome{State: change.Applied, At: c.Now()},
				Change: change.Change{On: directory.Ref{Tenant: tenant, ID: "object1"}, Do: change.Forget, By: directory.Actor{Kind: directory.HostActor, Name: "olga"}, Why: "asked"},
			}
			if _, err := s.Keep().Forget(ctx, e); err != nil {
				t.Fatal(err)
			}
			verify := func(what string, seq int64) {
				t.Helper()
				n, bad, err := s.Journal().Verify(ctx, tenant)
				switch {
				case err != nil || (bad == nil) != (seq == 0):
					t.Errorf("%s: %d records, %v, %v", what, n, bad, err)
				case bad != nil && bad.Seq != seq:
					t.Errorf("%s: named record %d (%s), want %d", what, bad.Seq, bad.What, seq)
				}
			}
			verify("forgotten", 0)
			for _, q := range []string{
				`UPDATE records SET payload = '{}', salt = NULL, forgot = 12 WHERE seq = 7`,         // no record that forgets
				`UPDATE records SET payload = '{}', salt = NULL, forgot = 14 WHERE seq = 4`,         // not later than it was
				`UPDATE records SET payload = '{}', forgot = 14 WHERE seq = 7`,                      // with its salt
				`UPDATE records SET salt = NULL, forgot = 14, hash = prev WHERE seq = 7`,            // with another hash
				`UPDATE records SET payload = '{}', salt = NULL, at = 7, forgot = 14 WHERE seq = 7`, // at another time
			} {
				if err := s.Exec(ctx, q); err == nil {
					t.Errorf("the database lets it be done: %s", q)
				}
			}
			disarm(t, s)
			for _, c := range []struct {
				name, do, undo string // without undo it is the last
				seq            int64
			}{
				{"another left", `UPDATE records SET payload = replace(payload, 'update', 'delete') WHERE seq = 4`, `UPDATE records SET payload = replace(payload, 'delete', 'update') WHERE seq = 4`, 4},
				{"the mark taken off", `UPDATE records SET forgot = 0 WHERE seq = 4`, `UPDATE records SET forgot = 14 WHERE seq = 4`, 4},
				{"taken away and nobody says so", `UPDATE records SET payload = '{}', salt = NULL, forgot = 14 WHERE seq = 11`, ``, 11},
			} {
				if err := s.Exec(ctx, c.do); err != nil {
					t.Fatal(err)
				}
				verify(c.name, c.seq)
				if c.undo == "" {
					break
				}
				if err := s.Exec(ctx, c.undo); err != nil {
					t.Fatal(err)
				}
				verify("and back", 0)
			}
		})
	}
}

// disarm takes away what keeps records from being changed, as somebody with the database's password can.
func disarm(t *testing.T, s *store.Store) {
	t.Helper()
	all := map[string][]string{
		"sqlite":   {`DROP TRIGGER records_stay`, `DROP TRIGGER records_last`},
		"postgres": {`DROP TRIGGER records_stay ON records`, `DROP TRIGGER records_last ON records`},
	}[s.Engine()]
	for _, q := range all {
		if err := s.Exec(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
}

func TestA53_ChainsOfTwoTenantsStandAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, _ := written(t, storetest.SQLite)
	j := s.Journal()
	const other = "22222222-2222-4222-8222-222222222222"
	if _, _, err := j.Begin(ctx, storetest.Entry(other, "object", "f0", "k0")); err != nil {
		t.Fatal(err)
	}
	seq, head, err := j.Head(ctx, tenant)
	if err != nil || seq != 12 || len(head) != 32 {
		t.Fatalf("head %d %x, %v", seq, head, err)
	}
	disarm(t, s)
	if err := s.Exec(ctx, `UPDATE records SET payload = '{}' WHERE tenant = $1`, other); err != nil {
		t.Fatal(err)
	}
	if n, bad, err := j.Verify(ctx, tenant); n != 12 || bad != nil || err != nil {
		t.Errorf("the untouched tenant: %d, %v, %v", n, bad, err)
	}
	if _, bad, err := j.Verify(ctx, other); bad == nil || err != nil {
		t.Errorf("the other: %v, %v", bad, err)
	}
}
