// Command table turns the FIGURE lines of the benchmarks into docs/reference/performance.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
)

type line struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Min   *float64 `json:"min"`
	Max   *float64 `json:"max"`
	Runs  int      `json:"runs"`
	Goal  string   `json:"goal"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	fmt.Printf(`# Performance

Written by `+"`make bench`"+`; each figure was measured by it, none is typed. Machine: %d cores, %s. Times on a shared machine are noisy: read the
least and the most beside the median, and trust counts and ratios first. Counts come from the emulator.

| id | what | measured | least – most | goal |
|---|---|---|---|---|
`, runtime.NumCPU(), runtime.Version())
	in := bufio.NewScanner(os.Stdin)
	n := 0
	for in.Scan() {
		raw, ok := strings.CutPrefix(in.Text(), "FIGURE ")
		if !ok {
			continue
		}
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			return fmt.Errorf("%s: %w", raw, err)
		}
		spread, goal := "–", l.Goal
		if l.Min != nil && l.Max != nil {
			spread = fmt.Sprintf("%s – %s of %d", number(*l.Min), number(*l.Max), l.Runs)
		}
		if goal == "" {
			goal = "–"
		}
		fmt.Printf("| %s | %s | %s %s | %s | %s |\n", l.ID, l.Name, number(l.Value), l.Unit, spread, goal)
		n++
	}
	if n == 0 {
		return fmt.Errorf("no figure was measured")
	}
	return in.Err()
}

// number has three figures that mean something.
func number(v float64) string {
	switch {
	case v >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
