package emulator

import (
	"net/http"
	"time"
)

// chaos is what Options.Chaos does to a request to Graph; nil leaves it alone. With 0.05 about 5 % of the requests hear 429
// (half of them without Retry-After), 1 % 503, 1 % 504 after the request was applied, 0.5 % lose the connection in the middle of
// the answer, after 5 % of the writes the object is read as it was before for up to 10 s of the emulator's time, 5 % of the reads
// have a property that nobody knows, and the answers of each batch come in any order; other probabilities in proportion.
// Everything is decided by Options.Seed and the order of the requests.
func (e *Emulator) chaos(r *http.Request) *Rule {
	p := e.opts.Chaos
	if p <= 0 || !isGraph(r.URL.Path) {
		return nil
	}
	const fine = 1_000_000
	n := float64(e.random.below(fine)) / fine
	take := func(share float64) bool {
		hit := n < share
		n -= share
		return hit
	}
	rule := &Rule{ID: "chaos", At: Before}
	switch {
	case take(p / 2):
		rule.Do = Do{Status: http.StatusTooManyRequests, RetryAfter: "1"}
	case take(p / 2):
		rule.Do = Do{Status: http.StatusTooManyRequests}
	case take(p / 5):
		rule.Do = Do{Status: http.StatusServiceUnavailable}
	case take(p / 5):
		rule.At, rule.Do = After, Do{Status: http.StatusGatewayTimeout}
	case take(p / 10):
		rule.At = MidBody
	case r.Method != http.MethodGet && take(p):
		rule.Do = Do{Stale: Duration(time.Duration(e.random.below(10_000)) * time.Millisecond), Flap: e.random.chance(0.5)}
	case r.Method == http.MethodGet && take(p):
		rule.At, rule.Do = After, Do{Corrupt: "extra"}
	default:
		return nil
	}
	return rule
}
