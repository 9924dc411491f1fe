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
				if o.Chaos > 0 {
					fmt.Fprintf(c.Out, "  Seed       %d  (--seed, for the same chaos again)\n", e.Seed)
				}
				if o.Rules != emulator.ObservedRules {
					fmt.Fprintf(c.Out, "  Rules      %s\n", e.Rules)
				}
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
	f.StringArrayVar(&o.Files, "organization", nil, "file that describes an organization (YAML; default: the sample one); several times for several tenants")
	f.IntVar(&o.People, "users", 0, "make an organization of so many people instead")
	f.StringVar(&o.Data, "data", "", "folder to keep the state in between runs")
	f.StringVar(&o.Snapshot, "snapshot", "", "file to write the organization to when it stops, for --organization")
	f.IntVar(&o.Port, "port", 0, "port for http; 0 lets the system choose")
	f.IntVar(&o.HTTPSPort, "https-port", 0, "port for https; 0 lets the system choose")
	f.BoolVar(&o.Proxy, "proxy", false, "answer for Microsoft's own sign-in and Graph host names, by a proxy (HTTPS_PROXY)")
	f.IntVar(&o.ProxyPort, "proxy-port", 0, "port for the proxy, which it starts; 0 with --proxy lets the system choose")
	f.Float64Var(&o.Chaos, "chaos", 0, "share of requests that go wrong on purpose: 0.05 is 5 %")
	f.DurationVar(&o.Latency, "latency", 0, "let every request to Graph take so much longer, a batch once: 60ms")
	f.Uint64Var(&o.Seed, "seed", 0, "where all ids and all chaos come from (default: 1, and with --chaos a random one, which is printed)")
	f.TextVar(&o.Rules, "rules", emulator.ObservedRules, "answer as `observed|documented` where Microsoft's pages and the service were seen to differ")
	f.BoolVar(&o.Throttle.On, "throttle", false, "keep Microsoft Graph's published quotas: 429 with Retry-After when one is used up")
	f.Float64Var(&o.Throttle.Rate, "throttle-rate", 1, "share of the published quotas: 0.5 is half")
	f.Float64Var(&o.Throttle.Scale, "throttle-scale", 1, "let the quotas' windows run so many times faster; Retry-After stays in real seconds")
	f.BoolVar(&o.Throttle.CountFailed, "throttle-count-failed", false, "a refused request uses up quota as well")
	f.BoolVar(&o.Throttle.Decimal, "throttle-decimal", false, "Retry-After with its fraction: 2.128")
	f.Float64Var(&o.Throttle.Silent, "throttle-silent", 0, "share of the refusals without Retry-After")
	f.StringVar(&o.Throttle.Size, "throttle-size", "", "quotas of a tenant of this size: S, M or L (default: by its number of users)")
	f.IntVar(&o.Pages.List, "page-size", 0, "objects on a page of a listing without $top (default: 100)")
	f.IntVar(&o.Pages.Delta, "delta-page-size", 0, "rows on a page of delta (default: 200)")
	f.IntVar(&o.Pages.Expand, "expand-size", 0, "items of a relationship that $expand brings (default: 20)")
	f.IntVar(&o.Pages.Expanded, "expanded-page-size", 0, "objects on a page of a listing with $expand at most (default: as without)")
	f.BoolVar(&o.Shuffle, "shuffle-batches", false, "answer the requests of a batch in any order")
	f.StringArrayVar(&o.Redirects, "redirect", nil, "redirect address to register for the sample application; may be given several times")

	var as, ca, userCode string
	signin := &cobra.Command{
		Use:   "signin --as UPN AUTHORIZE-URL",
		Short: "sign a sample person in without a browser, and print where the browser would be sent back to",
		Long: "Signs a sample person in without a browser, and prints where the browser would be sent back to. With --code, the address is the\n" +
			"verification_uri of a device code, and nothing is printed: the device hears of it when it asks again.",
		Args: args("the authorize address"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if as == "" {
				return usageError{fmt.Errorf("--as is missing: name the person to sign in, for example --as anna@example.com")}
			}
			client, err := app.ClientTrusting(ca)
			if err != nil {
				return usageError{err}
			}
			if userCode != "" {
				return emulator.EnterDeviceCode(cmd.Context(), client, a[0], userCode, as)
			}
			to, err := emulator.SignIn(cmd.Context(), client, a[0], as)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Out, to)
			return nil
		},
	}
	var control string
	snapshot := &cobra.Command{
		Use:   "snapshot --control ADDRESS FILE",
		Short: "write the organization of a running emulator as it is now to a file for --organization",
		Args:  args("the file to write"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if control == "" {
				return usageError{fmt.Errorf("--control is missing: it is the control address that nameplate emulator prints")}
			}
			orgs, err := app.FetchSnapshot(cmd.Context(), control)
			if err != nil {
				return err
			}
			return app.WriteSnapshot(a[0], orgs)
		},
	}
	snapshot.Flags().StringVar(&control, "control", "", "control address of the emulator")
	cmd.AddCommand(snapshot)
	signin.Flags().StringVar(&as, "as", "", "user principal name of the person")
	signin.Flags().StringVar(&userCode, "code", "", "code that a device shows, to enter at its address")
	signin.Flags().StringVar(&ca, "ca-file", "", "certificate authority of the emulator, for https")
	cmd.AddCommand(signin)
	return cmd
}
