package main

import (
	"cmp"
	"fmt"
	"slices"
)

// client is what one program did with the same changes.
type client struct {
	Client   string  `json:"client"`
	Latency  float64 `json:"latency_ms"`
	Requests float64 `json:"requests"`
	Outer    float64 `json:"outer429"`
	Inner    float64 `json:"inner429"`
	Accepted float64 `json:"accepted"`
	Lost     float64 `json:"lost"`
	Seconds  float64 `json:"seconds"`
	Cut      bool    `json:"cut"`
	Rows     int     `json:"rows"`
	Scale    float64 `json:"scale"`
}

// together writes what is said of many people at once, and what other programs did beside ours.
func together(clients []client) {
	fmt.Print(`
## Many people at once

` + "`nameplate bench bulk`" + ` measures the figures, ` + "`make bench BENCH=bulk`" + ` the other programs in turn with it: each against an emulator of its own that keeps
Microsoft's published quotas (3,000 writes, then 20 a second), all counted by the emulator. Each latency and chaos has a process of its own, at the
same time: nearly all of it is waiting. "clock × 5": the service's clock runs five times faster than the wall clock. Latencies and times are in the
service's clock, so what a program itself computes counts fivefold. Retry-After stays in whole seconds of the wall clock, so who obeys it is refused
about a fifth as often as on a clock that runs as fast as the wall's. Chaos refuses requests by itself: its 429s are not the quota's, and it has no goals
of time. N counts the saves of the person who saves meanwhile; what a save takes itself is of the wall clock.
`)
	if len(clients) == 0 {
		fmt.Println()
		return
	}
	slices.SortStableFunc(clients, func(a, b client) int { return cmp.Compare(a.Latency, b.Latency) })
	fmt.Printf("\n%s rows, every one changed, a refused call costs no quota, clock × %s:\n\n", number(float64(clients[0].Rows)), fmt.Sprint(clients[0].Scale))
	fmt.Print("| a request takes | program | requests | 429 | 429 inside answers to $batch | writes accepted | rows lost | seconds of the service's clock |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range clients {
		took := number(c.Seconds)
		if c.Cut {
			took += ", then cut off"
		}
		fmt.Printf("| %v ms | %s | %s | %s | %s | %s | %s | %s |\n", c.Latency, c.Client, count(c.Requests), count(c.Outer), count(c.Inner), count(c.Accepted), count(c.Lost), took)
	}
	fmt.Println()
}

// count is a number of things.
func count(v float64) string {
	if v < 1000 {
		return fmt.Sprint(v)
	}
	return number(v)
}
