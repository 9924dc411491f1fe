// Package emulator is a Microsoft 365 tenant in a box: the sign-in half of Entra ID and the profile half of Microsoft Graph v1.0,
// stateful and strict. It is a library for tests and the engine of `nameplate emulator`.
//
// It promises to answer as the service answers, errors included, to say where it does not (DIVERGENCES.md), to record every
// mutation it accepted in a ledger, and to do every deliberate fault it was asked for at a known point: before or after the
// change took effect. It is not an identity provider: anybody who reaches it can sign in as anybody.
//
//	t, err := emulator.New(emulator.Options{Organization: org})
//	srv, err := t.Start(ctx, emulator.Addresses{})       // ports of the system's choosing, loopback only
//	defer srv.Close()
//	fmt.Println(srv.Graph, srv.Authority, srv.CAFile)
package emulator

import (
	"net/http"
	"sync"
	"time"
)

// Rules chooses between what Microsoft documents and what was observed where the two differ.
type Rules int

const (
	ObservedRules Rules = iota
	DocumentedRules
)

// Options is everything an emulator is made from; the zero value is an empty tenant called "Contoso".
type Options struct {
	Organizations []Organization   // the tenants; none: one empty tenant
	Seed          uint64           // all ids, keys' names and chaos come from it; 0 means 1
	Start         time.Time        // the emulator's first instant; zero means the wall clock's now
	Wall          func() time.Time // the wall clock; nil means time.Now
	Rules         Rules
	LedgerMax     int    // entries kept in memory; 0 means 100,000
	Data          string // a folder to keep state in between runs; "" keeps nothing
}

// Emulator holds one or several tenants. All methods are safe for concurrent use.
type Emulator struct {
	opts    Options
	clock   *Clock
	mu      sync.RWMutex // guards everything that tenants hold
	tenants []*tenant
	keys    *keyring
	ledger  *ledger
	faults  *faultRules
	login   *loginState
	stats   *statistics
	handler http.Handler
	control http.Handler
}
