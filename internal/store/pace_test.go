package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"nameplate/internal/pace"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// P6, G7: two processes on one PostgreSQL share one budget: together they take what there is and not more, whoever asks first.
func TestG7_P6_TwoProcessesShareOneBudget(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	var taken [2]int
	var budgets [2]*pace.Budget
	for i := range budgets {
		s, err := store.Open(context.Background(), store.Options{URL: address, Now: clock, Random: storetest.Random})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		budgets[i] = pace.New(pace.Config{Store: s, Tenant: "t", Now: clock})
	}
	var wg sync.WaitGroup
	for i, b := range budgets {
		wg.Go(func() {
			for range 40 { // each would have 4,000
				n, wait, err := b.Take(t.Context(), 100)
				if err != nil {
					t.Error(err)
				}
				if n == 0 && wait <= 0 {
					t.Error("nothing is there, and it is not said how long that lasts")
				}
				taken[i] += n
			}
		})
	}
	wg.Wait()
	// Some of the quota is left to people who save.
	if sum := taken[0] + taken[1]; sum > pace.Published || sum < pace.Published*0.9 || taken[0] == 0 || taken[1] == 0 {
		t.Errorf("%v were taken of %v", taken, pace.Published)
	}
	// What one hears, both know.
	lane, _ := pace.Lane(t.Context())
	budgets[0].Heard(lane, pace.Answer{Throttled: true, Scope: "Tenant_Application/Write/a/t"})
	if err := budgets[0].Back(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	n, wait, err := budgets[1].Take(t.Context(), 100)
	if err != nil || n != 0 || wait <= 0 {
		t.Errorf("after a refusal of the other: %d, wait %v, %v", n, wait, err)
	}
}
