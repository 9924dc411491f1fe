package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/doctor"
	"nameplate/internal/setup"
)

// saidKeys are the settings that setup takes as flags and writes into the configuration.
var saidKeys = []string{"public_url", "features", "cloud", "delegated_only", "authority", "token_authority", "graph", "ca_file"}

func (c *command) setup() *cobra.Command {
	o := app.SetupOptions{}
	var checklist, script, yes bool
	said := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "register Nameplate with your organization, with the least permissions, and write the configuration",
		Long: `Signs an administrator in on Microsoft's own page, shows exactly what is missing for the chosen features, asks, and makes it: the
application with its certificate, redirect addresses and roles, its service principal, and consent to the least permissions. Then it
writes nameplate.yaml and examines everything as nameplate doctor does. It can be run again: it adds what is missing, never widens,
and takes nothing away without --remove.

Who may not do that prints the same for somebody who may: --checklist for hands, --script for Azure Cloud Shell.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if checklist && script || (checklist || script) && (o.Plan || yes) {
				return usageError{errors.New("--checklist, --script and --plan are three ways not to do it: choose one. See: nameplate setup --help")}
			}
			o.File = c.configFile
			environ := slices.Clone(c.Environ)
			for _, key := range saidKeys {
				if v := *said[key]; v != "" {
					environ = append(environ, "NAMEPLATE_"+strings.ToUpper(key)+"="+v)
					o.Said = append(o.Said, setup.Setting{Key: key, Value: v})
				}
			}
			load := func(need config.Need) (config.Config, error) {
				return config.Load(config.Source{File: c.configFile, Environ: environ, Now: app.Clock, Need: need})
			}
			var err error
			if o.Config, err = load(config.Database); err != nil {
				return err
			}
			if checklist || script {
				return c.setupByHand(o, script)
			}
			return c.setupHere(cmd.Context(), o, yes, load)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "Nameplate", "name of the application, which people see when they sign in")
	f.StringVar(&o.Admin, "admin", "", "user principal name of a person to give the role Nameplate.Admin; nobody has it by default")
	f.BoolVar(&o.Plan, "plan", false, "show what would be done, with a right that can only look, and do nothing")
	f.BoolVar(&yes, "yes", false, "do not ask before doing it")
	f.BoolVar(&o.Remove, "remove", false, "take away permissions that no chosen feature needs")
	f.BoolVar(&checklist, "checklist", false, "print what somebody else has to do by hand, with the consent link")
	f.BoolVar(&script, "script", false, "print the same as a script for Azure Cloud Shell")
	for _, s := range config.Settings() {
		if slices.Contains(saidKeys, s.Key) {
			said[s.Key] = f.String(strings.ReplaceAll(s.Key, "_", "-"), "", "setting "+s.Key+" (nameplate config settings); is written into the configuration")
		}
	}
	return cmd
}

func (c *command) setupByHand(o app.SetupOptions, script bool) error {
	text, made, err := app.SetupByHand(o, script)
	if err != nil {
		return err
	}
	if made != "" {
		fmt.Fprintf(c.Err, "A new key is in %s, for its owner only. Keep it: the certificate below belongs to it.\n", made)
	}
	fmt.Fprint(c.Out, text)
	return nil
}

func (c *command) setupHere(ctx context.Context, o app.SetupOptions, yes bool, load func(config.Need) (config.Config, error)) error {
	o.Prompt = func(message string) { fmt.Fprintln(c.Err, plain(message)) }
	s, err := app.PlanSetup(ctx, o)
	if err != nil {
		return err
	}
	if !c.json {
		c.printPlan(s.Plan)
	}
	if o.Plan {
		return c.setupDone(s.Plan, nil, nil)
	}
	if s.Pending() && !yes {
		if err := c.confirm("Do this"); err != nil {
			return err
		}
	}
	wrote, err := s.Apply(ctx, func(act string) { fmt.Fprintln(c.Err, act) })
	if err != nil {
		return err
	}
	if len(wrote) > 0 {
		fmt.Fprintf(c.Err, "wrote %s into %s\n", strings.Join(wrote, ", "), o.File)
	}
	cfg, err := load(config.Everything)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Err, "examining; what was just made can take a minute to show")
	found, err := app.Prove(ctx, cfg)
	if err != nil {
		return err
	}
	return c.setupDone(s.Plan, wrote, found)
}

// setupDone prints what came of it.
func (c *command) setupDone(p *setup.Plan, wrote []string, found []doctor.Finding) error {
	bad := slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Level == doctor.Error })
	if c.json {
		err := json.NewEncoder(c.Out).Encode(map[string]any{"registration": p.Registration, "steps": p.Steps, "wrote": wrote, "findings": found})
		if err == nil && bad {
			return exitError{exitFailed}
		}
		return err
	}
	for _, f := range found {
		if f.Level != doctor.OK {
			c.finding(f)
		}
	}
	switch {
	case bad:
		return exitError{exitFailed}
	case found != nil:
		fmt.Fprintf(c.Out, "Everything is in order. Start with: nameplate serve\n")
	}
	return nil
}

var marks = map[setup.State]string{setup.There: "  there   ", setup.Add: "+ add     ", setup.Excess: "! too much", setup.Remove: "- remove  ", setup.ByHand: "* by hand "}

func (c *command) printPlan(p *setup.Plan) {
	fmt.Fprintf(c.Out, "Organization  %s (%s)\nSigned in as  %s\n\n", plain(p.Organization), p.Tenant, plain(p.SignedIn))
	for _, s := range p.Steps {
		fmt.Fprintf(c.Out, "%s  %s", marks[s.State], plain(s.What))
		if s.Item != "" {
			fmt.Fprintf(c.Out, "  %s", plain(s.Item))
		}
		fmt.Fprintln(c.Out)
	}
	if !p.Pending() {
		fmt.Fprintln(c.Out, "\nNothing is missing.")
	}
}

// terminal says whether somebody sits there.
func (c *command) terminal() bool {
	f, ok := c.In.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// confirm asks whoever sits there, and takes --yes where nobody does.
func (c *command) confirm(what string) error {
	line, err := "", io.EOF
	if c.terminal() {
		fmt.Fprintf(c.Err, "\n%s? Type yes to go on: ", what)
		line, err = bufio.NewReader(c.In).ReadString('\n')
	}
	switch {
	case line == "" && err != nil: // nobody sits there
		return usageError{errors.New("without a terminal this needs --yes. Nothing was done; --plan shows what would be")}
	case strings.TrimSpace(line) != "yes":
		return usageError{errors.New("nothing was done")}
	}
	return nil
}
