package store_test

import (
	"runtime"
	"testing"

	"nameplate/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) { t.Parallel(); storetest.Run(t, open) })
	}
}

// A person who saves does not wait until all records of a plan's rows are written; each record is written once.
func TestP8_ManyRecordsLetOthersIn(t *testing.T) {
	t.Parallel()
	const n = 100
	c := &storetest.Clock{}
	s := storetest.SQLite(t, c.Now)
	in := make(chan struct{})
	written := make([]int, n)
	for i, err := range s.Journal().All(t.Context(), n, func(i int) {
		written[i]++
		switch i {
		case 0:
			go func() { _ = s.Write(t.Context(), func() { close(in) }) }()
			for s.Waiting() == 0 {
				runtime.Gosched()
			}
		case n - 1:
			select {
			case <-in:
			default:
				t.Error("who saves waits for all of them")
			}
		}
	}) {
		if err != nil || written[i] != 1 {
			t.Errorf("record %d was written %d times: %v", i, written[i], err)
		}
	}
}
