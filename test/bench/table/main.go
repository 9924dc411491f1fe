// Command table turns the FIGURE lines of the benchmarks into docs/reference/performance.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

type line struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Min   *float64 `json:"min"`
	Max   *float64 `json:"max"`
	P99   *float64 `json:"p99"`
	Runs  int      `json:"runs"`
	Goal  string   `json:"goal"`
	Scale float64  `json:"scale"` // of nameplate bench bulk alone
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes the parts of the page of which there are figures.
func run() error {
	var single, copies, bulk []line
	var clients []client
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		kind, raw, _ := strings.Cut(in.Text(), " ")
		var err error
		switch kind {
		case "FIGURE":
			var l line
			switch err = json.Unmarshal([]byte(raw), &l); {
			case l.Scale > 0:
				bulk = append(bulk, l)
			case slices.Contains([]string{"P1", "P1b", "P2", "P3", "P4"}, l.ID):
				copies = append(copies, l)
			default:
				single = append(single, l)
			}
		case "BESIDE":
			var c client
			err = json.Unmarshal([]byte(raw), &c)
			clients = append(clients, c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", raw, err)
		}
	}
	if len(single)+len(copies)+len(bulk) == 0 {
		return fmt.Errorf("no figure was measured")
	}
	if len(single) > 0 {
		fmt.Printf(`# Performance

Written by `+"`make bench`"+`; each figure was measured by it, none is typed. Machine: %d cores, %s. Times on a shared machine are noisy: read the
least and the most beside the median, and trust counts and ratios first. Requests are counted by the emulator, not by the portal.
A page's own time is what is left of its whole time when the time in which a request to Graph was under way is taken off; the goal
for it holds for the median (p50). P8 is the portal, A45 what probes cost others, P10 the emulator, P11 the program.
P1 to P4 stand under [Copies of a directory](#copies-of-a-directory), P5, P6 and P8 beside them under [Many people at once](#many-people-at-once).
%s

`, runtime.NumCPU(), runtime.Version(), apart())
		figures(single)
	}
	if len(copies) > 0 {
		fmt.Print(`
## Copies of a directory

` + "`nameplate bench sync`" + ` measures the figures: a directory is read whole (P1), also while one person in a hundred changes (P1b); the time of reading people and managers
(P2); memory and the processor's time beside net/http with encoding/json (P3); and what following changes costs (P4). The emulator counts, and keeps Microsoft's
published quotas; what is measured runs in processes of its own. A copy is compared with the directory after each: people, managers, groups and members.

`)
		figures(copies)
	}
	if len(bulk) > 0 {
		together(clients)
		figures(bulk)
	}
	return in.Err()
}

// figures writes the table, and which goals were missed.
func figures(lines []line) {
	fmt.Print("| id | what | measured (median) | least – most, or p99 | goal | |\n|---|---|---|---|---|---|\n")
	var missed []string
	for _, l := range lines {
		spread, goal := "–", l.Goal
		if l.Min != nil && l.Max != nil {
			spread = fmt.Sprintf("%s – %s of %d", number(*l.Min), number(*l.Max), l.Runs)
		}
		if l.P99 != nil {
			spread = fmt.Sprintf("p99 %s of %d", number(*l.P99), l.Runs)
		}
		verdict := ""
		if met, ok := l.met(); ok && met {
			verdict = "met"
		} else if ok {
			verdict = "**missed**"
			missed = append(missed, fmt.Sprintf("- %s, %s: %s %s, and the goal is %s.", l.ID, l.Name, number(l.Value), l.Unit, goal))
		}
		if goal == "" {
			goal = "–"
		}
		fmt.Printf("| %s | %s | %s %s | %s | %s | %s |\n", l.ID, l.Name, number(l.Value), l.Unit, spread, goal, verdict)
	}
	if len(missed) == 0 {
		fmt.Println("\nEvery goal that stands here was met in this run.")
	} else {
		fmt.Printf("\nMissed in this run:\n\n%s\n", strings.Join(missed, "\n"))
	}
}

// apart says how the figures of A45 were measured.
func apart() string {
	if runtime.NumCPU() < 2 {
		return "A45 cannot be measured here: with one core, who sends probes and who is looked at cannot be kept apart."
	}
	return `For A45 the program that sends probes has one core to itself, as a machine of its own would be; the portal, the emulator and the person who
looks share another one in every round, also in those with nobody else there. Rounds of all kinds take turns. Nobody else there is measured
twice: what lies between these two is noise, and no smaller difference says anything.`
}

// met compares the figure with its goal, which begins with ≤ or ≥ and a number; ok is false where there is no such goal.
func (l line) met() (met, ok bool) {
	sign, rest, _ := strings.Cut(l.Goal, " ")
	word, _, _ := strings.Cut(rest, " ")
	limit, err := strconv.ParseFloat(strings.ReplaceAll(word, ",", ""), 64)
	switch {
	case err != nil:
		return false, false
	case sign == "≤":
		return l.Value <= limit, true
	case sign == "≥":
		return l.Value >= limit, true
	}
	return false, false
}

// number has at least three figures that mean something; a count below ten is exact to a thousandth.
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
	return strings.TrimSuffix(fmt.Sprintf("%.3f", v), ".000")
}
