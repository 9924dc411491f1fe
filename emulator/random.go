package emulator

import (
	"encoding/hex"
	"fmt"
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
	return &random{src: rand.New(rand.NewPCG(seed, 0x6e616d65706c6174))}
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
	defer r.mu.Unlock()
	var b [16]byte
	for i := 0; i < 16; i += 8 {
		n := r.src.Uint64()
		for j := range 8 {
			b[i+j] = byte(n >> (8 * j))
		}
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", s[:8], s[8:12], s[12:16], s[16:20], s[20:])
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
