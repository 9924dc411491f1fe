package emulator

import (
	"sync"
	"time"
)

// Clock is the emulator's time: the wall clock plus what Advance added. Everything that Microsoft's side would date is dated by it.
type Clock struct {
	mu     sync.Mutex
	wall   func() time.Time
	offset time.Duration
	skew   time.Duration
	moved  func() // after Advance
}

func newClock(wall func() time.Time, start time.Time) *Clock {
	c := &Clock{wall: wall}
	if !start.IsZero() {
		c.offset = start.Sub(wall())
	}
	return c
}

// Now is the emulator's time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(c.offset).UTC()
}

// Advance moves the emulator's time by d; a negative d moves it back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.offset += d
	c.mu.Unlock()
	if c.moved != nil {
		c.moved()
	}
}

// Skew makes the Date header of answers differ from the emulator's time by d, as if one of the two clocks went wrong.
func (c *Clock) Skew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = d
}

// told is the time of the Date header.
func (c *Clock) told() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(c.offset + c.skew).UTC()
}

// ahead is how far the emulator's time is from the wall clock.
func (c *Clock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Clock is the emulator's time, to be moved by a test.
func (e *Emulator) Clock() *Clock { return e.clock }
