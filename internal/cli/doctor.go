package cli

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/doctor"
)

func (c *command) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "prove each feature, and say what is wrong and what to do",
		Long: `Proves each chosen feature by a harmless probe and looks at what signing in needs: the sign-in service, clocks, cloud, the redirect
address, the application's credential and permissions, database and key file. It changes nothing. The number at the end is 1 when
something does not work.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			found, err := app.Examine(cmd.Context(), cfg, nil)
			if err != nil {
				return err
			}
			if c.json {
				err = json.NewEncoder(c.Out).Encode(map[string]any{"findings": found})
			} else {
				for _, f := range found {
					c.finding(f)
				}
			}
			if err == nil && slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Level == doctor.Error }) {
				return exitError{exitFailed}
			}
			return err
		},
	}
}

// finding prints one for a person.
func (c *command) finding(f doctor.Finding) {
	fmt.Fprintf(c.Out, "%-8s %s\n", f.Level, f.What)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(c.Out, "         %s: %s\n", name, text)
		}
	}
	if f.Level == doctor.OK {
		return
	}
	line("since", clock(f.Since))
	line("does not work", f.Disables)
	line("what shows it", f.Evidence)
	line("do", f.Do)
}
