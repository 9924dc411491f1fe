// Package storetest owns the contract of the store: what change.Journal and access.Store promise, as tests that run on every
// engine; and a PostgreSQL that lives as long as the test process.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/fail"
	"nameplate/internal/store"
)

// Start is the first instant of a Clock.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 123456000, time.UTC)

// Clock is a clock that a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		c.now = Start
	}
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now.Add(d)
}

// Open makes a fresh store.
type Open func(t testing.TB, now func() time.Time) *store.Store

// SQLite opens a store in a file of the test's own.
func SQLite(t testing.TB, now func() time.Time) *store.Store {
	return open(t, store.Options{Path: filepath.Join(t.TempDir(), "nameplate.db"), Now: now, Random: Random})
}

// PostgreSQL opens a store in a database of the test's own.
func PostgreSQL(t testing.TB, now func() time.Time) *store.Store {
	return open(t, store.Options{URL: Postgres(t), Now: now, Random: Random})
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// Engines are all engines, by name.
func Engines() map[string]Open { return map[string]Open{"sqlite": SQLite, "postgres": PostgreSQL} }

// Run runs the whole contract.
func Run(t *testing.T, open Open) {
	t.Run("journal", func(t *testing.T) { t.Parallel(); Journal(t, open) })
	t.Run("access", func(t *testing.T) { t.Parallel(); Access(t, open) })
	t.Run("keys", func(t *testing.T) { t.Parallel(); Keys(t, open) })
	t.Run("keep", func(t *testing.T) { t.Parallel(); Keep(t, open) })
	t.Run("plans", func(t *testing.T) { t.Parallel(); Plans(t, open) })
	t.Run("uploads", func(t *testing.T) { t.Parallel(); Uploads(t, open) })
	t.Run("given", func(t *testing.T) { t.Parallel(); Given(t, open) })
	t.Run("secrets", func(t *testing.T) { t.Parallel(); Secrets(t, open) })
	t.Run("answers", func(t *testing.T) { t.Parallel(); Answers(t, open) })
}

func wantKind(t testing.TB, what string, err error, kind fail.Kind, code string) {
	t.Helper()
	var e *fail.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Errorf("%s: got %v, want kind %v code %q", what, err, kind, code)
	}
	if err != nil && e != nil && e.Say.Zero() {
		t.Errorf("%s: %v has no sentence for people", what, err)
	}
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func id(prefix string, n int) string { return fmt.Sprintf("%s-%04d", prefix, n) }

// Random is a source of bytes for tests, never the same twice.
var Random io.Reader = new(counted)

type counted struct{ n atomic.Uint64 }

func (c *counted) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c.n.Add(1) >> (8 * (i % 8)))
	}
	return len(b), nil
}
