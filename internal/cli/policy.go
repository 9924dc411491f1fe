package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

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
	var as, file, tenant string
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
				cfg, err := c.loadOne(tenant)
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
	tenantFlag(show, &tenant)
	show.Flags().StringVar(&as, "as", "", "user principal name of the person")
	show.Flags().StringVar(&file, "file", "", "policy file to try instead of the one in force")
	show.Flags().BoolVar(&demo, "demo", false, "use the sample organization and the demo's policy")
	return group("policy", "the policy file: check, show, schema; rules, as a server has it in force", check, show, schema, c.rules())
}

// rules prints the policy that a server has in force.
func (c *command) rules() *cobra.Command {
	r := &remote{command: c}
	var of string
	cmd := &cobra.Command{Use: "rules", Short: "the policy that the server has in force: who may see and change what; with --for, what one person may change of themselves", Args: noArgs}
	cmd.Flags().StringVar(&of, "for", "", "a person")
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		q := url.Values{}
		if of != "" {
			q.Set("as", of)
		}
		g, err := r.ask(ctx, http.MethodGet, "/policy", q, nil)
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		var rows [][]string
		if own, ok := at(o, "as.properties").(map[string]any); ok {
			for _, n := range slices.Sorted(maps.Keys(own)) {
				f, _ := own[n].(map[string]any)
				rows = append(rows, []string{n, text(f["may"]), text(f["why"])})
			}
			return r.show(o, []string{"property", "may change", "why not"}, rows)
		}
		add := func(when string, l []map[string]any) {
			for _, w := range l {
				rows = append(rows, []string{text(w["name"]), text(w["view"]), text(w["edit"]), when})
			}
		}
		add("", members(o, "properties"))
		add("", members(o, "acts"))
		for _, x := range members(o, "rules") {
			add(text(x["when"]), append(members(x, "properties"), members(x, "acts")...))
		}
		return r.show(o, []string{"name", "view", "edit", "for whom"}, rows)
	})
	return r.flags(cmd)
}
