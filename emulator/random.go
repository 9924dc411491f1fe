package emulator

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"
)

// random is the one source of everything that Options.Seed decides: object ids, request ids, lifetimes of tokens, chaos.
// It is never used for what a client must not be able to guess; secret (keys.go) makes that.
type random struct {
	mu  sync.Mutex
	src *rand.Rand
}

func newRandom(seed uint64) *random {
	if seed == 0 {
		seed = 1
	}
	return &random{src: rand.New(rand.NewPCG(seed, 0x6e616d65706c6174))} // #nosec G404 -- repeatable by a seed; secrets come from crypto/rand
}

// restart begins anew from a seed.
func (r *random) restart(seed uint64) {
	fresh := newRandom(seed)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.src = fresh.src
}

// id makes the next GUID, version 4.
func (r *random) id() string {
	r.mu.Lock()
	high, low := r.src.Uint64(), r.src.Uint64()
	r.mu.Unlock()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], high)
	binary.LittleEndian.PutUint64(b[8:], low)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	out, at := make([]byte, 0, 36), 0
	for i, n := range []int{4, 2, 2, 2, 6} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, b[at:at+n])
		at += n
	}
	return string(out)
}

// below is a number from 0 to n-1.
func (r *random) below(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src.IntN(n)
}

// chance is true with probability p.
func (r *random) chance(p float64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src.Float64() < p
}
