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

// ledgerMax is how many entries are kept when Options does not say.
const ledgerMax = 100_000

// ledger keeps the newest entries.
type ledger struct {
	mu      sync.Mutex
	max     int
	seq     int64
	entries []Entry // consecutive; the last one has number seq
}

func newLedger(max int) *ledger {
	if max <= 0 {
		max = ledgerMax
	}
	return &ledger{max: max}
}

// add numbers the entry and keeps it. Call it in the critical section that made the change.
func (l *ledger) add(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	l.entries = append(l.entries, e)
	if len(l.entries) > l.max+l.max/4 {
		l.entries = append(make([]Entry, 0, l.max+l.max/4+1), l.entries[len(l.entries)-l.max:]...)
	}
	return e.Seq
}

// last is the number of the newest entry, 0 before the first.
func (l *ledger) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// since returns a copy of the entries above after, oldest first. The maps in them are shared and never change.
func (l *ledger) since(after int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.tail(after)...)
}

func (l *ledger) tail(after int64) []Entry {
	first := l.seq - int64(len(l.entries)) // the number before the oldest entry
	return l.entries[max(0, min(int64(len(l.entries)), after-first)):]
}

// of returns the entries above after that a request made.
func (l *ledger) of(after int64, request string) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Entry
	for _, e := range l.tail(after) {
		if e.RequestID == request {
			out = append(out, e)
		}
	}
	return out
}

// mark writes the rule that spoiled the answer into the entries above after that a request made.
func (l *ledger) mark(after int64, request, rule string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tail := l.tail(after)
	for i := range tail {
		if tail[i].RequestID == request {
			tail[i].Fault = rule
		}
	}
}

// restart empties the ledger and goes on counting from 1.
func (l *ledger) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.entries = 0, nil
}

// Ledger returns the entries with a sequence number above after, oldest first. Only the newest Options.LedgerMax are certain to
// be there still; a gap shows in the numbers.
func (e *Emulator) Ledger(after int64) []Entry { return e.ledger.since(after) }
