package bulk_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nameplate/emulator"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// disturb lets a share of the requests to people meet each fault of F01 to F10.
func disturb(e *emulator.Emulator, seed uint64, share float64) {
	for i, r := range []emulator.Rule{
		{At: "before", Do: emulator.Do{Status: 429, RetryAfter: "1"}},
		{At: "before", Do: emulator.Do{Status: 429}},
		{At: "before", Do: emulator.Do{Status: 503}},
		{At: "before", Do: emulator.Do{Status: 504}},
		{At: "after", Do: emulator.Do{Status: 504}},
		{At: "after", Do: emulator.Do{Drop: true}},
		{At: "before", Do: emulator.Do{Drop: true}},
		{At: "before", Match: emulator.Match{Method: "PATCH"}, Do: emulator.Do{Stale: emulator.Duration(time.Second), Flap: true}},
	} {
		r.ID, r.Match.Path, r.Match.Prob, r.Match.Seed = fmt.Sprint("g1-", i), `^/v1\.0/users`, share, seed
		e.Inject(r)
	}
}

// mortal is a plan that processes apply one after the other, on one database and one directory.
type mortal struct {
	*world // who looks at it, and never dies
	db     *store.Store
	plan   bulk.Plan
	writes chan int // how many the directory has accepted
	open   int      // the most entries that a process left open
	ear    *ear     // of the process that was last
	wg     sync.WaitGroup
}

func newMortal(t *testing.T, people int) *mortal {
	t.Helper()
	org := contoso(people + 20)
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{db: storetest.SQLite(t, time.Now), writes: make(chan int, 4*people)}
	t.Cleanup(m.wg.Wait) // after all of them
	m.world = on(t, e, m.db, rules, site{})
	m.plan, _ = m.world.plan(many(people), bulk.Upload{})
	var mu sync.Mutex
	n := 0
	e.OnWrite(func(emulator.Entry) {
		mu.Lock()
		defer mu.Unlock()
		n++
		m.writes <- n
	})
	// A key of few scopes has each change looked at once more before.
	key := directory.Actor{Kind: directory.KeyActor, Ref: boss.Ref, Name: "rows", Roles: boss.Roles, Scopes: []directory.Scope{directory.PeopleRead, directory.PeopleWrite}}
	if _, err := m.Apply(m.ctx, key, tenant, m.plan.ID, m.plan.Digest, bulk.Confirm{People: people, Canary: -1}); err != nil {
		t.Fatal(err)
	}
	return m
}

// process works as a server does, until the plan is at its end or until the directory has taken so many writes: then it is killed.
// It says whether it was.
func (m *mortal) process(until int) (killed bool) {
	m.t.Helper()
	g := newGrave()
	m.t.Cleanup(func() { close(g.over) })
	m.ear = &g.ear
	p := on(m.t, m.Emulator, m.db, rules, site{grave: g})
	ctx, done := context.WithCancel(m.ctx)
	m.wg.Go(func() {
		for wait(ctx, 15*time.Second) == nil {
			_, _ = p.engine.Settle(ctx) // comes again
		}
	})
	ended := make(chan error, 1)
	m.wg.Go(func() {
		_, _ = p.engine.Settle(ctx)
		ended <- p.Work(ctx)
	})
	for {
		select {
		case err := <-ended:
			done()
			if err != nil {
				m.t.Errorf("the process ended: %v", err)
			}
			return false
		case n := <-m.writes:
			if until == 0 || n < until {
				continue
			}
			g.kill()
			done()
			left, err := m.db.Journal().Unsettled(m.ctx, tenant, time.Now().Add(time.Hour), 100_000)
			if err != nil {
				m.t.Error(err)
			}
			n = 0
			for _, e := range left {
				if e.Ended.IsZero() {
					n++
				}
			}
			m.open = max(m.open, n)
			time.Sleep(500 * time.Millisecond) // until the next one is there
			return true
		}
	}
}

// G1, F01–F10, F13: the directory does to each request one thing or another, and processes are killed in the middle: the plan comes to its
// end, by the clock of the directory in minutes, and every row is in effect once and says so. G1_FAULTS="people,kills,seed,share" makes it longer.
func TestG1_F01to10_F13_KilledAmongFaults(t *testing.T) {
	t.Parallel()
	people, kills, seed, share := 300, 6, uint64(1), 0.1
	if s := os.Getenv("G1_FAULTS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d,%d,%d,%g", &people, &kills, &seed, &share); err != nil {
			t.Fatalf("G1_FAULTS is people,kills,seed,share: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(t, people)
		chance := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- repeatable by a seed
		disturb(m.Emulator, seed, share)
		start := time.Now()
		for k := range kills { // at moments that chance names, in the order of time
			if !m.process(1 + people*k/kills + chance.IntN(people/kills)) {
				t.Fatalf("it came to its end before kill %d", k+1)
			}
		}
		m.process(0)
		took := time.Since(start)
		run := m.now(m.plan.ID).Run
		s := m.Statistics()
		t.Logf("%d rows, %d kills, seed %d, faults %v of each: %v by the directory's clock, %d requests with %d inside, %d faults met, at most %d entries open at a kill",
			people, kills, seed, share, took.Round(time.Second), s.Requests, s.Inner, s.Faults, m.open)
		if run.State != bulk.Done || run.Fates[string(change.Applied)] != people || len(run.Fates) != 1 {
			t.Errorf("%s %s %v", run.State, run.Why, run.Fates)
		}
		if m.open > 100 {
			t.Errorf("%d entries were open at a kill, more than are under way at once", m.open)
		}
		if most := 10*time.Minute + time.Duration(people)*time.Second; took > most {
			t.Errorf("it took %v by the directory's clock, more than %v", took, most)
		}
		m.once(people)
	})
}

// G6: what a process left open is settled by the next one at once and together.
func TestG6_WhatWasUnderWayIsSettledTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(t, 300)
		if !m.process(150) {
			t.Fatal("it was not killed")
		}
		next := on(t, m.Emulator, m.db, rules, site{})
		before, start := m.Statistics().Requests, time.Now()
		n, err := next.engine.Settle(t.Context())
		if err != nil || m.open < 50 || n != m.open {
			t.Errorf("%d of %d settled, %v", n, m.open, err)
		}
		asked, took := m.Statistics().Requests-before, time.Since(start)
		t.Logf("%d entries by %d requests in %v", n, asked, took)
		if asked > 20 || took > 2*time.Second {
			t.Errorf("%d entries took %d requests and %v", n, asked, took)
		}
		m.process(0)
		if run := m.now(m.plan.ID).Run; run.State != bulk.Done || run.Fates[string(change.Applied)] != 300 {
			t.Errorf("%+v", run)
		}
		m.once(300)
	})
}

// G7: told to wait at random, with and without a time, nobody asks before it is over.
func TestG7_NobodyIsEarly(t *testing.T) {
	t.Parallel()
	people := 300
	if s := os.Getenv("G7_SOAK"); s != "" {
		if _, err := fmt.Sscanf(s, "%d", &people); err != nil {
			t.Fatalf("G7_SOAK is how many people: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(t, people)
		for i, do := range []emulator.Do{{RetryAfter: "1"}, {RetryAfter: "7"}, {RetryAfter: "1.5"}, {}} {
			do.Status = 429
			m.Inject(emulator.Rule{ID: fmt.Sprint("g7-", i), Match: emulator.Match{Path: `^/v1\.0/(users|\$batch)`, Prob: 0.1, Seed: 7}, At: "before", Do: do})
		}
		m.process(0)
		run, use := m.now(m.plan.ID).Run, m.Statistics().Apps[app]
		t.Logf("%d rows, %d throttled, %d times with a time to wait, %d early", people, use.Throttled, m.ear.heard, m.ear.early)
		if run.State != bulk.Done || run.Fates[string(change.Applied)] != people || m.ear.heard < people/4 || m.ear.early != 0 {
			t.Errorf("%s %v %v, %+v", run.State, run.Why, run.Fates, use)
		}
		m.once(people)
	})
}

// A directory that lets nothing through makes a plan pause with nothing lost; when it does again, the plan goes on to its end.
func TestG7_WhoIsAlwaysToldToWaitPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(t, 30)
		m.Inject(emulator.Rule{ID: "shut", Match: emulator.Match{Path: `^/v1\.0/(users|\$batch)`}, At: "before", Do: emulator.Do{Status: 429, RetryAfter: "1"}})
		m.process(0)
		if run := m.now(m.plan.ID).Run; run.State != bulk.Paused || !strings.Contains(fmt.Sprint(run.Why), "again and again") || run.Fates[string(change.Applied)] != 0 {
			t.Errorf("%s %v %v", run.State, run.Why, run.Fates)
		}
		m.ClearFaults()
		if _, err := m.Resume(m.ctx, boss, tenant, m.plan.ID); err != nil {
			t.Fatal(err)
		}
		m.process(0)
		if run := m.now(m.plan.ID).Run; run.State != bulk.Done || run.Fates[string(change.Applied)] != 30 {
			t.Errorf("%s %v %v", run.State, run.Why, run.Fates)
		}
		m.once(30)
	})
}
