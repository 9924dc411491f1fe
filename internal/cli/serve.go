package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
)

func (c *command) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "the portal for your own organization",
		Long: `Starts the portal against the Microsoft 365 organization that the configuration names.
nameplate setup makes the registration that it needs; docs/start.md tells of it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			crash := ""
			for _, kv := range c.Environ {
				if v, ok := cutEnv(kv, "NAMEPLATE_CRASH_AT"); ok {
					crash = v
				}
			}
			a, err := app.New(cmd.Context(), app.Options{Config: cfg, Log: logger(c.Err, cfg), CrashAt: crash})
			if err != nil {
				return err
			}
			if err := a.Start(); err != nil {
				return err
			}
			if c.json {
				_ = json.NewEncoder(c.Out).Encode(map[string]string{"portal": a.URL()})
			} else {
				fmt.Fprintf(c.Out, "Nameplate is ready at %s\n", a.URL())
			}
			err = stopped(cmd.Context(), a.Failed())
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), closeIn)
			defer cancel()
			if cerr := a.Close(ctx); err == nil {
				err = cerr
			}
			return err
		},
	}
}

func cutEnv(kv, name string) (string, bool) {
	if len(kv) > len(name) && kv[:len(name)] == name && kv[len(name)] == '=' {
		return kv[len(name)+1:], true
	}
	return "", false
}
