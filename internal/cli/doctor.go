package cli

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/doctor"
)

func (c *command) doctor() *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use: "doctor", Short: "prove each feature, and say what is wrong and what to do",
		Long: `Proves each chosen feature by a harmless probe and looks at what signing in needs: the sign-in service, clocks, cloud, the redirect
address, the application's credential and permissions, database and key file; of each organization that is configured, or of the one
that --tenant names. It changes nothing. The number at the end is 1 when something does not work.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := c.load
			if tenant != "" {
				load = func() (config.Config, error) { return c.loadOne(tenant) }
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			all := []found{}
			for _, one := range cfg.Each() {
				list, err := app.Examine(cmd.Context(), one, nil)
				if err != nil && len(cfg.More) == 0 {
					return err
				} else if err != nil { // the others are examined all the same
					text, _ := say(err)
					list = []doctor.Finding{{Code: "connection", Level: doctor.Error, What: "the organization cannot be reached", Disables: "everything", Evidence: text}}
				}
				of := found{}
				if len(cfg.More) > 0 {
					of.Tenant = one.Tenant
					if !c.json {
						fmt.Fprintf(c.Out, "%s\n", one.Tenant)
					}
				}
				for _, f := range list {
					of.Finding = f
					all = append(all, of)
					if !c.json {
						c.finding(f)
					}
				}
			}
			if c.json {
				err = json.NewEncoder(c.Out).Encode(map[string]any{"findings": all})
			}
			if err == nil && slices.ContainsFunc(all, func(f found) bool { return f.Level == doctor.Error }) {
				return exitError{exitFailed}
			}
			return err
		},
	}
	tenantFlag(cmd, &tenant)
	return cmd
}

// found is a finding, and of which organization where there are several.
type found struct {
	Tenant string `json:"tenant,omitempty"`
	doctor.Finding
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
	if f.Ready != "" {
		line("text to send", "\n"+indented(f.Ready, "           "))
	}
}
