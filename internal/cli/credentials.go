package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/setup"
)

func (c *command) credentials() *cobra.Command {
	var tenant string
	list := &cobra.Command{
		Use: "list", Short: "list what proves the application, which of them is used here, and how many days are left", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.loadOne(tenant)
			if err != nil {
				return err
			}
			all, err := app.Credentials(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.Out).Encode(map[string]any{"credentials": all})
			}
			w := tabwriter.NewWriter(c.Out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "\tKIND\tENDS\tDAYS LEFT\tTHUMBPRINT OR HINT\tNAME")
			for _, x := range all {
				mark, ends, left := " ", "never", "-"
				if x.Used {
					mark = "*"
				}
				if !x.Ends.IsZero() {
					ends, left = x.Ends.UTC().Format(time.DateOnly), fmt.Sprint(x.DaysLeft)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, x.Kind, ends, left, plain(x.Mark), plain(x.Name))
			}
			return w.Flush()
		},
	}
	var o app.RotateOptions
	rotate := &cobra.Command{
		Use: "rotate", Short: "replace the application's certificate without a moment in which none is good", Args: noArgs,
		Long: `Makes a new key on this machine, registers its certificate beside the present one with the application's own proof (no administrator and no
permission is needed), waits until the sign-in service takes it, and puts it into the file that client_certificate names. A running server
takes it up by itself. The old one stays good for the overlap; the next run after that, or --finish, takes it away.

For a timer: run it every day with --overlap 24h and --within 30, and it does what is due and nothing else.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.loadOne(tenant)
			if err != nil {
				return err
			}
			o.Tell = func(act string) { fmt.Fprintln(c.Err, act) }
			pair, until, err := app.Rotate(cmd.Context(), cfg, o)
			if err != nil {
				return err
			}
			if c.json {
				out := map[string]any{"rotated": pair != nil}
				if pair != nil {
					out["thumbprint"], out["ends"] = setup.Thumbprint(pair.Leaf), pair.Leaf.NotAfter.UTC()
				}
				if !until.IsZero() {
					out["old_until"] = until.UTC().Truncate(time.Second)
				}
				return json.NewEncoder(c.Out).Encode(out)
			}
			switch {
			case pair == nil:
				fmt.Fprintln(c.Out, "Nothing is due.")
			case until.IsZero():
				fmt.Fprintf(c.Out, "The old certificate is taken away. In use is %s, until %s.\n", setup.Thumbprint(pair.Leaf), pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
			default:
				fmt.Fprintf(c.Out, "In use is %s, until %s. The old one stays good until %s; take it away then, or now: nameplate credentials rotate --finish\n",
					setup.Thumbprint(pair.Leaf), pair.Leaf.NotAfter.UTC().Format(time.DateOnly), until.UTC().Format(time.RFC3339))
			}
			return nil
		},
	}
	f := rotate.Flags()
	f.IntVar(&o.Days, "days", 365, "how many days the new certificate is good")
	f.DurationVar(&o.Overlap, "overlap", 24*time.Hour, "how long the old one stays good beside it")
	f.BoolVar(&o.Finish, "finish", false, "take the old one away now")
	f.IntVar(&o.Within, "within", 0, "do it only when the present one ends within so many days; 0 does it in any case")
	tenantFlag(list, &tenant)
	tenantFlag(rotate, &tenant)
	return group("credentials", "what proves the application: list, rotate", list, rotate)
}
