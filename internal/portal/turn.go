package portal

import (
	"context"
	"sync"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// turns lets each person do one thing at a time. Preparing a picture takes a hundred times the memory of its file: one person who
// sends many at once must not take it from everybody (A45, B50).
type turns struct {
	mu    sync.Mutex
	under map[directory.Ref]chan struct{} // closed when that turn ends
}

// take waits until nobody else has the turn of ref. done gives it back.
func (t *turns) take(ctx context.Context, ref directory.Ref) (done func(), err error) {
	for {
		t.mu.Lock()
		other := t.under[ref]
		if other == nil {
			mine := make(chan struct{})
			if t.under == nil {
				t.under = map[directory.Ref]chan struct{}{}
			}
			t.under[ref] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.under, ref)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fail.Wrap(fail.Unavailable, "portal.photo", ctx.Err())
		}
	}
}
