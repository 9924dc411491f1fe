package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/directory/directorytest"
)

func (c *command) verify() *cobra.Command {
	var on, yes, tenant string
	cmd := &cobra.Command{
		Use:   "verify --on UPN",
		Short: "prove on one throwaway person that this organization's directory does what Nameplate expects of it",
		Long: fmt.Sprintf(`Runs the contract that Nameplate's tests hold the emulator to against your own organization: reads, writes, clears, refuses and reads back,
on one throwaway person, for the features that the configuration names. Afterwards the person is as before.

It takes nobody but a person whose user principal name begins with %s, of the cloud, without directory roles, who is no guest and
nobody's manager and has never signed in to the portal. Make one, and delete it when you are done.`, directorytest.Mark),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if on == "" {
				return usageError{errors.New("--on is missing: name the throwaway person. See: nameplate verify --help")}
			}
			cfg, err := c.loadOne(tenant)
			if err != nil {
				return err
			}
			v, err := app.PlanVerify(cmd.Context(), cfg, on)
			if err != nil {
				return err
			}
			if err := c.typed("This writes to", v.Person.Values["displayName"].Str(), v.Person.Values["userPrincipalName"].Str(), yes); err != nil {
				return err
			}
			bad := 0
			results := []directorytest.Result{}
			err = v.Run(cmd.Context(), func(r directorytest.Result) {
				results = append(results, r)
				word := "ok"
				if len(r.Problems) > 0 {
					word = "differs"
					bad++
				}
				if c.json {
					return
				}
				fmt.Fprintf(c.Out, "%-8s %s\n", word, r.Case)
				for _, p := range r.Problems {
					fmt.Fprintf(c.Out, "         %s\n", plain(p))
				}
			})
			if err != nil {
				return err
			}
			if c.json {
				err = json.NewEncoder(c.Out).Encode(map[string]any{"on": on, "results": results})
			} else {
				fmt.Fprintf(c.Out, "%d of %d as expected. %s is as before.\n", len(results)-bad, len(results), plain(on))
			}
			if err == nil && bad > 0 {
				return exitError{exitFailed}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&on, "on", "", "user principal name of the throwaway person")
	cmd.Flags().StringVar(&yes, "yes", "", "the same user principal name again, where nobody can be asked")
	tenantFlag(cmd, &tenant)
	return cmd
}
