package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/policy"
)

func (c *command) policy() *cobra.Command {
	check := &cobra.Command{
		Use: "check FILE", Short: "explain every mistake in a policy file, with line and remedy", Args: args("a policy file"),
		RunE: func(cmd *cobra.Command, a []string) error {
			data, err := readFile(a[0])
			if err != nil {
				return err
			}
			_, mistakes := policy.Parse(a[0], data)
			if c.json {
				err = json.NewEncoder(c.Out).Encode(map[string]any{"ok": len(mistakes) == 0, "mistakes": mistakes})
			} else if len(mistakes) == 0 {
				fmt.Fprintf(c.Out, "%s is in order.\n", a[0])
			} else {
				fmt.Fprint(c.Out, policy.Report(a[0], mistakes))
			}
			if err == nil && len(mistakes) > 0 {
				return exitError{exitUsage}
			}
			return err
		},
	}
	schema := &cobra.Command{
		Use: "schema", Short: "print the JSON Schema of policy files, for your editor", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := c.Out.Write(policy.Schema())
			return err
		},
	}
	var as, file string
	var demo bool
	show := &cobra.Command{
		Use: "show --as UPN", Short: "print the form as that person gets it: what they see, what they may change, and why not the rest", Args: noArgs,
		Long: `Reads the person from the directory that the configuration names and prints the form under the policy in force.
With --file another policy file is tried instead. With --demo the sample organization is used and no configuration is needed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if as == "" {
				return usageError{fmt.Errorf("--as is missing: name the person, for example --as anna@example.com")}
			}
			o := app.ShowOptions{As: as, Policy: file, Demo: demo}
			if !demo {
				cfg, err := c.load()
				if err != nil {
					return err
				}
				o.Config = cfg
			}
			form, err := app.ShowForm(cmd.Context(), o)
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.Out).Encode(form.Fields)
			}
			fmt.Fprint(c.Out, form.Text)
			return nil
		},
	}
	show.Flags().StringVar(&as, "as", "", "user principal name of the person")
	show.Flags().StringVar(&file, "file", "", "policy file to try instead of the one in force")
	show.Flags().BoolVar(&demo, "demo", false, "use the sample organization and the demo's policy")
	return group("policy", "the policy file: check, show, schema", check, show, schema)
}
