package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// model is a journal as one would explain it to somebody: a list of entries.
type model struct{ entries []*modelEntry }

type modelEntry struct {
	id, key string
	on      directory.Ref
	state   change.State
	records int64
}

func (m *model) find(fits func(*modelEntry) bool) *modelEntry {
	if i := slices.IndexFunc(m.entries, fits); i >= 0 {
		return m.entries[i]
	}
	return nil
}

// dice falls the same way in every run.
type dice uint64

// IntN is a number from 0 to n-1 (Knuth's linear congruential generator, upper bits).
func (d *dice) IntN(n int) int {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int(uint64(*d)>>33) % n
}

// likeModel does random steps with the journal and the model and looks whether they say the same.
func likeModel(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	seed := uint64(20260302)
	random := dice(seed)
	pick := func(prefix string, n int) string { return fmt.Sprint(prefix, random.IntN(n)) }
	states := []change.State{change.Applied, change.Unchanged, change.Partly, change.Refused, change.Conflicted, change.Failed, change.Unverified, change.Unverified}
	m := &model{}
	same := func(step int, what string, err error, kind fail.Kind, code string, refused bool) {
		t.Helper()
		if refused {
			wantKind(t, fmt.Sprintf("seed %d step %d %s", seed, step, what), err, kind, code)
		} else if err != nil {
			t.Errorf("seed %d step %d %s: %v", seed, step, what, err)
		}
	}
	for step := range 400 {
		c.Advance(time.Second)
		switch random.IntN(4) {
		case 0, 1:
			e := Entry([]string{tenantA, tenantB}[random.IntN(2)], pick("object", 8), fmt.Sprint("e", step), pick("key", 60))
			e.Begun = c.Now()
			known := m.find(func(x *modelEntry) bool { return x.on.Tenant == e.Change.On.Tenant && x.key == e.Change.Key })
			busy := m.find(func(x *modelEntry) bool { return x.on == e.Change.On && x.state == change.Open })
			got, wasKnown, err := j.Begin(ctx, e)
			same(step, "begin", err, fail.Conflict, "busy", known == nil && busy != nil)
			switch {
			case known != nil:
				if !wasKnown || got.ID != known.id || got.Outcome.State != known.state {
					t.Errorf("seed %d step %d: known %v entry %s %s, want %s %s", seed, step, wasKnown, got.ID, got.Outcome.State, known.id, known.state)
				}
			case busy == nil:
				m.entries = append(m.entries, &modelEntry{e.ID, e.Change.Key, e.Change.On, change.Open, 1})
			}
		default:
			if len(m.entries) == 0 {
				continue
			}
			x := m.entries[random.IntN(len(m.entries))]
			if random.IntN(3) == 0 {
				err := j.Note(ctx, x.id, nil, change.Attempt{Sent: true})
				same(step, "note", err, fail.Conflict, "", x.state != change.Open)
				if err == nil {
					x.records++
				}
				continue
			}
			to := states[random.IntN(len(states))]
			err := j.End(ctx, x.id, change.Outcome{State: to, At: c.Now()})
			same(step, "end", err, fail.Conflict, "", x.state != change.Open && x.state != change.Unverified)
			if err == nil {
				x.state = to
				x.records++
			}
		}
	}
	for _, tenant := range []string{tenantA, tenantB} {
		var records int64
		for n := range 8 {
			ref := directory.Ref{Tenant: tenant, ID: fmt.Sprint("object", n)}
			var want []string
			for _, x := range slices.Backward(m.entries) {
				if x.on == ref {
					want = append(want, x.id+" "+string(x.state))
					records += x.records
				}
			}
			list, err := j.On(ctx, ref, 0, 1000)
			must(t, "on", err)
			var got []string
			for _, e := range list {
				got = append(got, e.ID+" "+string(e.Outcome.State))
			}
			equal(t, fmt.Sprintf("seed %d: history of %v", seed, ref), got, want)
		}
		if n, _, _ := j.Verify(ctx, tenant); n != records {
			t.Errorf("seed %d: %d records of %s, want %d", seed, n, tenant, records)
		}
	}
	open, err := j.Unsettled(ctx, "", c.Now().Add(time.Second), 1000)
	must(t, "unsettled", err)
	want := 0
	for _, x := range m.entries {
		if x.state == change.Open || x.state == change.Unverified {
			want++
		}
	}
	if len(open) != want || !slices.IsSortedFunc(open, func(a, b change.Entry) int { return a.Begun.Compare(b.Begun) }) {
		t.Errorf("seed %d: %d unsettled, want %d, oldest first", seed, len(open), want)
	}
}
