package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/bench"
)

// bench measures this program on this machine.
func (c *command) bench() *cobra.Command {
	o := bench.Options{Latency: []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond}}
	cmd := &cobra.Command{
		Use:   "bulk",
		Short: "spreadsheets of 10,000 rows under Microsoft's published write quota",
		Long: `Writes spreadsheets to an emulator of its own that keeps Microsoft's published quotas: one of which nine rows in ten are so already (P5),
one of which every row changes, also when refused calls cost quota and at half the quota (P6), while people save (P8). At the quota
10,000 changes take six minutes, so the service's clock runs five times faster (--scale): latencies and times are in that clock, and
what this program itself needs counts fivefold. Each figure comes with its goal; with --json one line each. All of it takes half an hour.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Valid(); err != nil {
				return usageError{err}
			}
			return c.measure(func(tell func(bench.Figure), note func(string)) error {
				return bench.Bulk(cmd.Context(), o, tell, note)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Rows, "rows", 10_000, "rows of the spreadsheet; the goals are said of 10,000")
	f.DurationSliceVar(&o.Latency, "latency", o.Latency, "how long a request to Graph takes, in the service's clock; several with commas")
	f.Float64Var(&o.Scale, "scale", 5, "let the service's clock run so many times faster")
	f.Float64Var(&o.Chaos, "chaos", 0.05, "measure as well while such a share of the requests goes wrong on purpose; 0 leaves that out")
	f.StringVar(&o.Only, "only", "", `measure only what has these words in its name: "a tenth changed", "half the quota", "chaos"`)
	f.IntVar(&o.Runs, "runs", 1, "measure so often, and tell the median with the least and the most")
	f.Uint64Var(&o.Seed, "seed", 1, "where all chaos comes from")
	return group("bench", "measure this program on this machine, against an emulator of its own: bulk, sync", cmd, c.benchSync(), c.benchJob())
}

// measure prints figures as they come, and how many goals were missed.
func (c *command) measure(run func(tell func(bench.Figure), note func(string)) error) error {
	note := func(string) {}
	if terminal(c.Err) {
		note = func(line string) { fmt.Fprintf(c.Err, "\r\x1b[K%s", line) }
	}
	defer note("")
	missed := 0
	err := run(func(f bench.Figure) {
		note("")
		if f.Met != nil && !*f.Met {
			missed++
		}
		if c.json {
			_ = json.NewEncoder(c.Out).Encode(f)
		} else {
			fmt.Fprintln(c.Out, figureLine(f))
		}
	}, note)
	if err == nil && !c.json {
		fmt.Fprintf(c.Out, "%d goals missed.\n", missed)
	}
	return err
}

// benchSync measures copies of a directory.
func (c *command) benchSync() *cobra.Command {
	o := bench.SyncOptions{Latency: []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond}, Pages: []int{100, 50}}
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "copies of a directory of 100,000 people, 10,000 groups and 200,000 memberships",
		Long: `Reads a directory whole from an emulator of its own that keeps Microsoft's published quotas, also while people change (P1), at several
distances (P2); compares the processor's time with net/http and encoding/json, and memory with a tenth of the people (P3); and follows
changes (P4). What is measured runs in processes of its own; requests are counted by the emulator. Each figure comes with its goal; with
--json one line each.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Valid(); err != nil {
				return usageError{err}
			}
			var err error
			if o.Program, err = os.Executable(); err != nil {
				return err
			}
			return c.measure(func(tell func(bench.Figure), note func(string)) error {
				return bench.Sync(cmd.Context(), o, tell, note)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Users, "users", 100_000, "people of the directory, with a group for each ten; the goals are said of 100,000")
	f.DurationSliceVar(&o.Latency, "latency", o.Latency, "how long a request to Graph takes; several with commas")
	f.IntSliceVar(&o.Pages, "page", o.Pages, "measure as well with such pages of changes, and 100 rows a page where $expand is asked for; several with commas")
	f.Float64Var(&o.Chaos, "chaos", 0.05, "measure as well while such a share of the requests goes wrong on purpose; 0 leaves that out")
	f.IntVar(&o.Runs, "runs", 3, "measure memory and the processor's time so often, and tell the median with the least and the most")
	return cmd
}

// benchJob is what benchSync runs in processes of its own.
func (c *command) benchJob() *cobra.Command {
	return &cobra.Command{
		Use: "job", Short: "a part of a measurement, as JSON on standard input", Args: noArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var j bench.Job
			if err := json.NewDecoder(c.In).Decode(&j); err != nil {
				return usageError{err}
			}
			o, err := bench.Work(cmd.Context(), j)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.Out).Encode(o)
		},
	}
}

func figureLine(f bench.Figure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-120s %10.4g %s", f.ID, f.Name, f.Value, f.Unit)
	if f.Min != nil {
		fmt.Fprintf(&b, "  (%.4g – %.4g of %d)", *f.Min, *f.Max, f.Runs)
	}
	if f.Met != nil {
		fmt.Fprintf(&b, "  goal %s: %s", f.Goal, map[bool]string{true: "met", false: "MISSED"}[*f.Met])
	}
	return b.String()
}
