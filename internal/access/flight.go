package access

import "sync"

// flights lets many callers wait for one answer to the same question.
type flights struct {
	mu  sync.Mutex
	now map[string]*flight
}

type flight struct {
	done chan struct{}
	text string
	err  error
}

// do asks once for all who ask while the answer is on its way. ask must not depend on one caller's context.
func (f *flights) do(key string, ask func() (string, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.now[key]; c != nil {
		return c
	}
	c := &flight{done: make(chan struct{})}
	if f.now == nil {
		f.now = map[string]*flight{}
	}
	f.now[key] = c
	go func() {
		c.text, c.err = ask()
		f.mu.Lock()
		delete(f.now, key)
		f.mu.Unlock()
		close(c.done)
	}()
	return c
}
