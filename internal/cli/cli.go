// Package cli owns the verbs of the command nameplate: what they are called, what they print, and with which number they end.
//
// It promises: results go to standard output, everything else to standard error; an error says what happened, what it means
// and what to do next; no flag takes a secret; nothing waits for input where there is no terminal; the number at the end is
// 0 done, 1 failed, 2 asked wrongly, 3 partly done, 4 refused, 5 try later.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// World is what the program was started with.
type World struct {
	Args    []string
	Environ []string
	Version string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartly  = 3
	exitRefused = 4
	exitLater   = 5
)

// exitError ends the program with a code after its text was already printed.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// usageError is a verb or flag that was used wrongly.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// command is what every verb shares.
type command struct {
	World
	configFile string
	configSet  bool
	json       bool
}

// Main runs one command and returns the number to end with.
func Main(ctx context.Context, w World) int {
	c := &command{World: w}
	root := c.root()
	root.SetArgs(w.Args)
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var done exitError
	if errors.As(err, &done) {
		return done.code
	}
	code := exitCode(err)
	c.report(err, code)
	return code
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "nameplate",
		Short: "Nameplate keeps Microsoft 365 profiles right",
		Long: `Nameplate keeps Microsoft 365 profiles right: people edit their own in a browser,
under a policy that says who may see and change what.

Try it with nothing installed:   nameplate demo
Against your own organization:   nameplate setup, then nameplate serve`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		Version:                    c.Version,
		SuggestionsMinimumDistance: 2,
	}
	root.PersistentFlags().StringVar(&c.configFile, "config", "", "configuration file (default nameplate.yaml, or NAMEPLATE_CONFIG)")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON, errors too")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var bad *pflag.InvalidValueError
		if errors.As(err, &bad) && kinds[bad.GetFlag().Value.Type()] != "" {
			err = fmt.Errorf("--%s takes %s, and %q was given", bad.GetFlag().Name, kinds[bad.GetFlag().Value.Type()], bad.GetValue())
		}
		return usageError{fmt.Errorf("%w. See: %s --help", err, cmd.CommandPath())}
	})
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		c.configSet = c.configFile != ""
		if c.configSet {
			return
		}
		c.configFile = "nameplate.yaml"
		for _, kv := range c.Environ {
			if v, ok := strings.CutPrefix(kv, "NAMEPLATE_CONFIG="); ok && v != "" {
				c.configFile, c.configSet = v, true
			}
		}
	}
	root.AddCommand(c.demo(), c.serve(), c.login(), c.logout(), c.whoami(), c.users(), c.groups(), c.licenses(), c.imports(), c.exports(), c.history(), c.data(), c.sync(), c.stop(), c.goOn(), c.backup(), c.restore(), c.policy(), c.keys(), c.emulator(), c.bench(), c.config(), c.setup(), c.credentials(), c.verify(), c.doctor(), c.docs())
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			text := fmt.Sprintf("there is no verb %q.", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += " Did you mean " + strings.Join(near, " or ") + "?"
			}
			return usageError{errors.New(text + " See: nameplate --help")}
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

// kinds are the flag package's types in words.
var kinds = map[string]string{"int": "a whole number", "uint": "a whole number from 0 up", "float64": "a number", "bool": "true or false", "durationSlice": "durations with commas: 60ms,250ms", "duration": "a duration: 60ms"}

// noArgs refuses arguments by their name.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument, and %q was given. See: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	return nil
}

// args asks for exactly these arguments.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		if len(got) != len(names) {
			given := fmt.Sprintf("%d were given", len(got))
			if len(got) == 0 {
				given = "none was given"
			}
			return usageError{fmt.Errorf("%s takes %s, and %s. See: %s --help", cmd.CommandPath(), strings.Join(names, " and "), given, cmd.CommandPath())}
		}
		return nil
	}
}

// group is a verb that only holds others.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("there is no verb %q under %s. See: %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())}
		}
		return nil
	}, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(verbs...)
	return g
}

// load reads the configuration.
func (c *command) load() (config.Config, error) { return c.loadFor(config.Everything, "") }

// loadOne reads the configuration with one organization alone: the one that is named, or the only one.
func (c *command) loadOne(tenant string) (config.Config, error) {
	cfg, err := c.loadFor(config.Everything, tenant)
	if err != nil {
		return cfg, err
	}
	one, ok := cfg.Of(tenant)
	if !ok {
		return cfg, usageError{fmt.Errorf("the configuration has the organizations %s: name one of them with --tenant", strings.Join(names(cfg), ", "))}
	}
	return one, nil
}

// names are the organizations of a configuration as they stand there.
func names(cfg config.Config) (out []string) {
	for _, o := range cfg.Each() {
		name := o.Tenant
		if name == "" {
			name = o.Name
		}
		out = append(out, name)
	}
	return out
}

// tenantFlag adds --tenant for verbs that work with the configuration.
func tenantFlag(cmd *cobra.Command, tenant *string) {
	cmd.Flags().StringVar(tenant, "tenant", "", "the organization that is meant, where the configuration has several: tenant id, domain or name as it stands there")
}

func (c *command) loadFor(need config.Need, tenant string) (config.Config, error) {
	return config.Load(config.Source{File: c.configFile, Must: c.configSet, Environ: c.Environ, Now: app.Clock, Need: need, Tenant: tenant})
}

func exitCode(err error) int {
	var usage usageError
	var mistakes config.Mistakes
	var f *fail.Error
	var told *apiError
	switch {
	case errors.As(err, &told):
		return told.exit()
	case errors.As(err, &usage), errors.As(err, &mistakes):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitFailed
	case errors.As(err, &f):
		switch f.Kind {
		case fail.Invalid:
			return exitUsage
		case fail.Conflict:
			if f.Code == "locked" { // by another process: free when that one ends
				return exitLater
			}
			return exitRefused
		case fail.Denied, fail.Unsupported:
			return exitRefused
		case fail.Throttled, fail.Unavailable:
			return exitLater
		}
	}
	return exitFailed
}

// report prints an error for a person, or as JSON when that was asked for.
func (c *command) report(err error, code int) {
	text, ref := say(err)
	if c.json || hasJSON(c.Args) {
		line := map[string]any{"error": text, "exit": code}
		if ref != "" {
			line["reference"] = ref
		}
		if found, ok := explain.Of(err); ok {
			line["finding"] = found
		}
		var m config.Mistakes
		if errors.As(err, &m) {
			line["mistakes"] = m
		}
		var told *apiError
		if errors.As(err, &told) {
			line["problem"] = told
		}
		_ = json.NewEncoder(c.Err).Encode(line)
		return
	}
	fmt.Fprintln(c.Err, text)
}

// hasJSON finds --json and --as json where the flags themselves could not be read.
func hasJSON(args []string) bool {
	for i, a := range args {
		if a == "--json" || a == "--as=json" || a == "--as" && i+1 < len(args) && args[i+1] == "json" {
			return true
		}
	}
	return false
}

func say(err error) (text, ref string) {
	var f *fail.Error
	if !errors.As(err, &f) {
		return err.Error(), ""
	}
	text = f.Say.String()
	if f.Say.Zero() {
		text = f.Error()
	}
	for _, p := range f.Fields {
		text += "\n  " + p.Field + ": " + p.Say.String()
	}
	if f.Err != nil && f.Kind != fail.Invalid {
		text += "\n  Cause: " + f.Err.Error() // the command line is an operator's
	}
	if found, ok := explain.Of(err); ok {
		text += cause(string(found.Cause), found.Sure.String(), found.Evidence, found.Next, found.Ready)
	}
	return text, f.Ref
}

// cause is an explained answer in lines under a failure, with a text for the team that can help, to be taken along as it is.
func cause(name, sure, evidence, next, ready string) string {
	text := fmt.Sprintf("\n  Next: %s\n  Found: %s (%s): %s", next, name, sure, evidence)
	if ready != "" {
		text += "\n  Text to send:\n" + indented(ready, "    ")
	}
	return text
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

// stopped waits for the end of the context or for a failure, whichever comes first.
func stopped(ctx context.Context, failed <-chan error) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// closeIn gives a server a while to finish what it has begun.
const closeIn = 20 * time.Second

// readFile reads a file that the operator named, and says in plain words why it cannot.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, usageError{fmt.Errorf("%s cannot be read (%w). Check the path", path, err)}
	}
	return data, nil
}
