package cli

import (
	"bufio"
	"cmp"
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
	var tenant string
	said := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "register Nameplate with your organization, with the least permissions, and write the configuration",
		Long: `Signs an administrator in on Microsoft's own page, shows exactly what is missing for the chosen features, asks, and makes it: the
application with its certificate, redirect addresses and roles, its service principal, and consent to the least permissions. Then it
writes nameplate.yaml and examines everything as nameplate doctor does. It can be run again: it adds what is missing, never widens,
and takes nothing away without --remove.

Where the configuration lists several organizations under tenants, --tenant says which of them is meant, or one more that is added to the list.

Who may not do that prints the same for somebody who may: --checklist for hands, --script for Azure Cloud Shell.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if checklist && script || (checklist || script) && (o.Plan || yes) {
				return usageError{errors.New("--checklist, --script and --plan are three ways not to do it: choose one. See: nameplate setup --help")}
			}
			o.File = c.configFile
			load, err := c.organization(&o, tenant, said)
			if err != nil {
				return err
			}
			if checklist || script {
				return c.setupByHand(o, script)
			}
			return c.setupHere(cmd.Context(), o, yes, load)
		},
	}
	f := cmd.Flags()
	f.StringVar(&tenant, "tenant", "", "the organization that is meant: tenant id, domain, or name as it stands in the configuration")
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

// organization chooses which organization setup is about, puts it into the options with what flags say of it, and gives the way to read
// its configuration again.
func (c *command) organization(o *app.SetupOptions, tenant string, said map[string]*string) (func() (config.Config, error), error) {
	src := config.Source{File: c.configFile, Environ: slices.Clone(c.Environ), Now: app.Clock, Need: config.Database}
	cfg, err := config.Load(src)
	if err != nil {
		return nil, err
	}
	if tenant, err = c.which(cfg, tenant); err != nil {
		return nil, err
	}
	element := cfg.Element
	one, known := cfg.Of(tenant)
	switch {
	case known || tenant == "":
		element = one.Element
	case !config.NamesTenant(tenant):
		return nil, usageError{fmt.Errorf("%q stands nowhere in %s, and is neither a tenant id nor a domain name, by which an organization is added", tenant, c.configFile)}
	case cfg.Element == 0 && cfg.Tenant != "":
		return nil, usageError{fmt.Errorf("%s has one organization, %s, at its own level. To add another, make a list of it first: write tenants: and below it what belongs to %[2]s as the first element (docs/start.md shows it), then run the same again", c.configFile, cfg.Tenant)}
	case cfg.Element > 0:
		element = len(cfg.More) + 2
	}
	for _, s := range config.Settings() {
		at, value := 0, ""
		if s.Each {
			at = element
		}
		if v := said[s.Key]; v != nil && *v != "" {
			value = *v
			o.Said = append(o.Said, setup.Setting{Key: s.Key, Value: value, Element: at})
		} else if s.Key == "tenant" && !known {
			value = tenant
		}
		if value != "" {
			src.Environ = append(src.Environ, s.EnvOf(at)+"="+value)
		}
	}
	read := func() (config.Config, error) {
		cfg, err := config.Load(src)
		if err != nil {
			return cfg, err
		}
		return cfg.Each()[max(element-1, 0)], nil
	}
	if o.Config, err = read(); err != nil {
		return nil, err
	}
	for _, other := range cfg.Each() {
		if other.Element != element {
			o.Others = append(o.Others, other.Tenant)
		}
	}
	src.Need, src.Tenant = config.Everything, cmp.Or(o.Config.Tenant, o.Config.Name)
	return read, nil
}

// which asks for the organization where several stand in the configuration and none was named.
func (c *command) which(cfg config.Config, tenant string) (string, error) {
	if tenant != "" || len(cfg.More) == 0 {
		return tenant, nil
	}
	list := strings.Join(names(cfg), ", ")
	if c.terminal() {
		fmt.Fprintf(c.Err, "Organizations in %s: %s\nWhich one? Another tenant id or domain is added: ", c.configFile, list)
		line, _ := bufio.NewReader(c.In).ReadString('\n') // the end of the input is no answer
		tenant = strings.TrimSpace(line)
	}
	if tenant == "" {
		return "", usageError{fmt.Errorf("the configuration has the organizations %s: name one of them with --tenant, or another, which is added", list)}
	}
	return tenant, nil
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

func (c *command) setupHere(ctx context.Context, o app.SetupOptions, yes bool, load func() (config.Config, error)) error {
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
	for _, left := range setup.Differing(o.File, o.Said) {
		fmt.Fprintf(c.Err, "%s stands in %s with another value, which setup leaves alone: write %[1]s: %[3]s there, or the next start has the old one\n", left.Key, o.File, left.Value)
	}
	cfg, err := load()
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
