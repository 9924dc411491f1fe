package emulator

import (
	"sync"
	"time"
)

// Entry is one mutation that the emulator accepted: the oracle of every "exactly once" claim.
type Entry struct {
	Seq       int64          `json:"seq"` // from 1, without gaps
	Time      time.Time      `json:"time"`
	Tenant    string         `json:"tenant"`
	App       string         `json:"app"`              // client id
	Actor     string         `json:"actor,omitempty"`  // object id of the signed-in person; "" for an application's own token
	RequestID string         `json:"requestId"`        // ours
	ClientID  string         `json:"clientRequestId"`  // the caller's client-request-id
	Op        string         `json:"op"`               // "user.update", "user.photo.set", "user.manager.set" …
	Object    string         `json:"object"`           // object id
	Before    map[string]any `json:"before,omitempty"` // only what changed, as Graph's JSON has it
	After     map[string]any `json:"after,omitempty"`
	Fault     string         `json:"fault,omitempty"` // id of the fault rule that spoiled the answer
}

// ledger keeps the newest entries.
type ledger struct {
	mu      sync.Mutex
	max     int
	seq     int64
	entries []Entry
}

// add numbers the entry and keeps it. Call it in the critical section that made the change.
func (l *ledger) add(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	l.entries = append(l.entries, e)
	if len(l.entries) > l.max+l.max/4 {
		l.entries = append([]Entry(nil), l.entries[len(l.entries)-l.max:]...)
	}
	return e.Seq
}

// Ledger returns the entries with a sequence number above after, oldest first.
func (e *Emulator) Ledger(after int64) []Entry {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	var out []Entry
	for _, x := range e.ledger.entries {
		if x.Seq > after {
			out = append(out, x)
		}
	}
	return out
}
