package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/doctor"
)

func (c *command) config() *cobra.Command {
	check := &cobra.Command{
		Use: "check", Short: "list every mistake in the configuration, with its remedy", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			redirect := app.RedirectURI(cfg)
			need := []string{}
			if !cfg.DelegatedOnly {
				need = doctor.Least(doctor.Chosen(cfg.Features))
			}
			if c.json {
				return json.NewEncoder(c.Out).Encode(map[string]any{"ok": true, "redirect_uri": redirect, "signed_out_uri": cfg.PublicURL.String() + "/signed-out", "front_channel_logout": app.LogoutURL(cfg), "application_permissions": need})
			}
			fmt.Fprintf(c.Out, "The configuration is in order.\nRegister these redirect URIs (Web):  %s\n                                     %s\nFront-channel logout URL:            %s\n", redirect, cfg.PublicURL.String()+"/signed-out", app.LogoutURL(cfg))
			if !cfg.DelegatedOnly {
				fmt.Fprintf(c.Out, "Application permissions:             %s\n", strings.Join(need, ", "))
			}
			return nil
		},
	}
	settings := &cobra.Command{
		Use: "settings", Short: "list all settings", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(c.Out, 0, 4, 2, ' ', 0)
			for _, s := range config.Settings() {
				def := s.Default
				if def == "" {
					def = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Key, s.Env(), s.Type, def)
			}
			return w.Flush()
		},
	}
	return group("config", "the configuration: check, settings", check, settings)
}
