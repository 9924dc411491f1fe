package emulator

import "time"

// Rule is one deliberate fault: which requests it meets, at which point, and what it does. The same struct is the body of
// POST /faults on the control listener.
type Rule struct {
	ID    string `json:"id,omitempty"` // made when empty
	Match Match  `json:"match"`
	At    string `json:"at"` // "before" (nothing was applied), "after" (applied, but the caller hears something else), "token" (sign-in endpoints)
	Do    Do     `json:"do"`
}

// Match says which requests a rule meets; everything that is set must hold.
type Match struct {
	Method string    `json:"method,omitempty"`
	Path   string    `json:"path,omitempty"` // regular expression on the decoded path, inner requests of a batch included
	App    string    `json:"app,omitempty"`  // client id
	Tenant string    `json:"tenant,omitempty"`
	Nth    int       `json:"nth,omitempty"`   // only the nth request that matches the rest, from 1
	Every  int       `json:"every,omitempty"` // every nth
	Times  int       `json:"times,omitempty"` // at most so often
	Prob   float64   `json:"prob,omitempty"`  // with this probability, from the seed
	From   time.Time `json:"from,omitzero"`   // by the emulator's clock
	Until  time.Time `json:"until,omitzero"`
}

// Do says what happens to the request that is met.
type Do struct {
	Status   int               `json:"status,omitempty"` // answer this status with the service's own error body
	Code     string            `json:"code,omitempty"`   // error code and message instead of the usual ones for the status
	Message  string            `json:"message,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`     // instead of the service's error body
	Delay    Duration          `json:"delay,omitempty"`    // before anything else
	Drop     bool              `json:"drop,omitempty"`     // close the connection without an answer
	Truncate int               `json:"truncate,omitempty"` // close it after so many bytes of the answer's body
	Stale    Duration          `json:"stale,omitempty"`    // reads of the object answer what was there before the write, for so long
}

// Duration is a time.Duration that JSON writes as "1.5s".
type Duration time.Duration
