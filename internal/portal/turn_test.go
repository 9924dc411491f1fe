package portal

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

func TestTurns_OneAtATimeForEachPerson(t *testing.T) {
	t.Parallel()
	var q turns
	anna, bo := directory.Ref{Tenant: "t", ID: "anna"}, directory.Ref{Tenant: "t", ID: "bo"}
	var wait sync.WaitGroup
	var at, most, ran atomic.Int32
	for range 50 {
		wait.Go(func() {
			done, err := q.take(t.Context(), anna)
			if err != nil {
				t.Error(err)
				return
			}
			if n := at.Add(1); n > most.Load() {
				most.Store(n)
			}
			ran.Add(1)
			at.Add(-1)
			done()
		})
	}
	wait.Wait()
	if most.Load() != 1 || ran.Load() != 50 || len(q.under) != 0 {
		t.Errorf("%d at once, %d of 50 ran, %d turns left", most.Load(), ran.Load(), len(q.under))
	}
	done, err := q.take(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if other, err := q.take(t.Context(), bo); err != nil {
		t.Errorf("another person waits: %v", err)
	} else {
		other()
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.take(gone, anna); !fail.Is(err, fail.Unavailable) {
		t.Errorf("whoever does not wait any longer gets %v", err)
	}
}
