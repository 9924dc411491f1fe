package emulator

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// chaosID is what hits and the request log call the rule that chaos makes.
const chaosID = "chaos"

// chaos is what Options.Chaos does to a request to Graph; nil leaves it alone. With 0.05 about 5 % of the requests hear 429
// (half of them without Retry-After), 1 % 503, 1 % 504 after the request was applied, 0.5 % lose the connection in the middle of
// the answer, after 5 % of the writes the object is read as it was before for up to 10 s of the emulator's time, 5 % of the reads
// have a property that nobody knows, 5 % of the notifications come twice; other probabilities in proportion. Besides, every page of a
// listing has at most from 1 to 999 objects, and the answers of each batch come in any order.
//
// What is decided depends on Options.Seed, on the request (method, path, query) and on how often the same one came before, on nothing
// else: clients that ask the same again meet the same, in whatever order their requests mix.
func (e *Emulator) chaos(r *http.Request, x *exchange) *Rule {
	p := e.opts.Chaos
	if p <= 0 || !isGraph(r.URL.Path) {
		return nil
	}
	x.dice = e.faults.chance(e.opts.Seed, r.Method+" "+r.URL.RequestURI())
	x.seed = e.opts.Seed
	if r.Method == http.MethodGet {
		x.most = 1 + x.dice.IntN(999)
	}
	n := x.dice.Float64()
	take := func(share float64) bool {
		hit := n < share
		n -= share
		return hit
	}
	rule := &Rule{ID: chaosID, At: Before}
	switch {
	case take(p / 2):
		rule.Do = Do{Status: http.StatusTooManyRequests, RetryAfter: retryAfter(x.dice)}
	case take(p / 2):
		rule.Do = Do{Status: http.StatusTooManyRequests}
	case take(p / 5):
		rule.Do = Do{Status: http.StatusServiceUnavailable}
	case take(p / 5):
		rule.At, rule.Do = After, Do{Status: http.StatusGatewayTimeout}
	case take(p / 10):
		rule.At = MidBody
	case r.Method != http.MethodGet && take(p):
		rule.Do = Do{Stale: Duration(time.Duration(x.dice.IntN(10_000)) * time.Millisecond), Flap: x.dice.IntN(2) == 0}
	case r.Method == http.MethodGet && take(p):
		rule.At, rule.Do = After, Do{Corrupt: "extra"}
	default:
		return nil
	}
	return rule
}

// retryAfter is a whole second, or a decimal as the service has been seen to send it (throttle.go).
func retryAfter(rnd *rand.Rand) string {
	if rnd.IntN(2) == 0 {
		return "1"
	}
	return strconv.FormatFloat(float64(1+rnd.IntN(2000))/1000, 'f', 3, 64)
}

// dice draws from a seed for the kth time that the same is met.
func dice(seed uint64, what string, k int) *rand.Rand {
	return rand.New(rand.NewPCG(seed^hash(what), uint64(k))) // #nosec G404 -- repeatable by a seed
}

func hash(what string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what)) // cannot fail
	return h.Sum64()
}

// askedMax is how many different requests are counted apart.
const askedMax = 1 << 20

// chance draws for what is met, and counts it.
func (f *faultRules) chance(seed uint64, what string) *rand.Rand {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := hash(what)
	if f.asked == nil || len(f.asked) >= askedMax {
		f.asked = map[uint64]int{}
	}
	f.asked[key]++
	return dice(seed, what, f.asked[key])
}

// forget begins the counting anew.
func (f *faultRules) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = nil
}
