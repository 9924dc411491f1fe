package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"nameplate/emulator"
	"nameplate/internal/app"
)

func (c *command) emulator() *cobra.Command {
	var o app.EmulatorOptions
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "a Microsoft 365 tenant in a box, alone, for your own tests",
		Long: `Starts sign-in and Microsoft Graph on this machine, with the sample organization or one from a file.
Anybody who reaches it can sign in as anybody: it listens on this machine only.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := app.StartEmulator(cmd.Context(), o)
			if err != nil {
				return err
			}
			if c.json {
				err = json.NewEncoder(c.Out).Encode(e)
			} else {
				fmt.Fprintf(c.Out, "The emulator is ready.\n  Authority  %s  (%s)\n  Graph      %s/v1.0  (%s/v1.0)\n  Control    %s\n  CA file    %s\n  Tenant     %s  (%s)\n  Client     %s\n  Secret     %s\n",
					e.Authority, e.AuthHTTP, e.Graph, e.GraphHTTP, e.Control, e.CAFile, e.TenantID, e.Domain, e.ClientID, e.ClientSecret)
				if e.Proxy != "" {
					fmt.Fprintf(c.Out, "  Proxy      %s  (HTTPS_PROXY, for clients whose addresses are fixed)\n", e.Proxy)
				}
			}
			<-cmd.Context().Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), closeIn)
			defer cancel()
			if cerr := e.Close(ctx); err == nil {
				err = cerr
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.File, "organization", "", "file that describes the organization (YAML; default: the sample one)")
	f.IntVar(&o.People, "users", 0, "make an organization of so many people instead")
	f.StringVar(&o.Data, "data", "", "folder to keep the state in between runs")
	f.IntVar(&o.Port, "port", 0, "port for http; 0 lets the system choose")
	f.IntVar(&o.HTTPSPort, "https-port", 0, "port for https; 0 lets the system choose")
	f.BoolVar(&o.Proxy, "proxy", false, "answer for Microsoft's own sign-in and Graph host names, by a proxy (HTTPS_PROXY)")
	f.IntVar(&o.ProxyPort, "proxy-port", 0, "port for the proxy, which it starts; 0 with --proxy lets the system choose")
	f.Float64Var(&o.Chaos, "chaos", 0, "share of requests that go wrong on purpose: 0.05 is 5 %")
	f.Uint64Var(&o.Seed, "seed", 1, "where all ids and all chaos come from")
	f.StringArrayVar(&o.Redirects, "redirect", nil, "redirect address to register for the sample application; may be given several times")

	var as, ca string
	signin := &cobra.Command{
		Use:   "signin --as UPN AUTHORIZE-URL",
		Short: "sign a sample person in without a browser, and print where the browser would be sent back to",
		Args:  args("the authorize address"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if as == "" {
				return usageError{fmt.Errorf("--as is missing: name the person to sign in, for example --as anna@example.com")}
			}
			client, err := app.ClientTrusting(ca)
			if err != nil {
				return usageError{err}
			}
			to, err := emulator.SignIn(cmd.Context(), client, a[0], as)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Out, to)
			return nil
		},
	}
	signin.Flags().StringVar(&as, "as", "", "user principal name of the person")
	signin.Flags().StringVar(&ca, "ca-file", "", "certificate authority of the emulator, for https")
	cmd.AddCommand(signin)
	return cmd
}
