package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/directory"
)

func (c *command) demo() *cobra.Command {
	var o app.DemoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "a portal and a Microsoft 365 organization in a box, on this machine",
		Long: `Starts the emulator with a sample organization, and the portal beside it. Nothing leaves this
machine and nothing is real. With --data the organization and its history are kept between runs.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.People < 0 || o.People > 200_000 {
				return usageError{fmt.Errorf("--people takes a number from 1 to 200000, or 0 for the sample organization")}
			}
			if o.Port < 0 || o.Port > 65535 {
				return usageError{errors.New("--port takes a number from 0 to 65535; with 0 the system chooses")}
			}
			o.Log = logger(c.Err, config.Config{LogLevel: "warn"})
			d, err := app.StartDemo(cmd.Context(), o)
			if err != nil {
				return err
			}
			if c.json {
				err = json.NewEncoder(c.Out).Encode(d)
			} else {
				printDemo(c.Out, d)
			}
			if err == nil {
				err = stopped(cmd.Context(), d.Failed())
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), closeIn)
			defer cancel()
			if cerr := d.Close(ctx); err == nil {
				err = cerr
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", "", "folder to keep the organization and its history in (default: nothing is kept)")
	f.IntVar(&o.People, "people", 0, "make an organization of so many people instead of the sample one")
	f.BoolVar(&o.Hostile, "hostile", false, "use the hostile organization: 500 people with markup, formulas and 64 kB names")
	f.IntVar(&o.Port, "port", 8080, "port of the portal; 0 lets the system choose, and so for the emulator's")
	f.BoolVar(&o.DelegatedOnly, "delegated-only", false, "take all application permissions away: people change only what Microsoft lets them write themselves")
	f.StringVar(&o.Policy, "policy", "", "policy file instead of the demo's own")
	return cmd
}

func printDemo(w io.Writer, d *app.Demo) {
	fmt.Fprintf(w, "Nameplate demo: %s, a Microsoft 365 organization in a box. Nothing here is real.\n\n", d.Organization)
	fmt.Fprintf(w, "  Open      %s\n\n  Sign in as (no password is asked)\n", d.Portal)
	width := 0
	for _, u := range d.Users {
		width = max(width, utf8.RuneCountInString(u.UPN))
	}
	for _, u := range d.Users {
		fmt.Fprintf(w, "    %-*s  %s\n", width, u.UPN, about(u.Role))
	}
	try := []string{"Sign in as the first person, change the mobile phone, save, and press Undo."}
	if slices.ContainsFunc(d.Users, func(u app.DemoUser) bool { return u.Role == app.SyncedRole }) {
		try = append(try, "Sign out, sign in as the synced person, and see why most fields cannot be changed here.")
	}
	try = append(try, "Open the profile in two tabs, change the same field in both, and save both.")
	if i := slices.IndexFunc(d.Users, func(u app.DemoUser) bool { return u.Role == string(directory.Admin) }); i >= 0 {
		try = append(try, "Sign in as "+d.Users[i].UPN+", open People, change somebody's phone, and take it back under All changes.")
	}
	fmt.Fprint(w, "\nThings to try\n")
	for i, t := range try {
		fmt.Fprintf(w, "  %d. %s\n", i+1, t)
	}
	fmt.Fprintf(w, `
  Graph     %s/v1.0   (https: %s, CA in %s)
  Control   %s   (ledger, faults, clock)
  API       %s/api/v1   with the key %s
            NAMEPLATE_SERVER=%[5]s NAMEPLATE_API_KEY=%[6]s nameplate users list

Press Ctrl-C to stop.
`, d.GraphHTTP, d.Graph, d.CAFile, d.Control, d.Portal, d.APIKey)
}

// about says what is particular of somebody with that role.
func about(role string) string {
	switch {
	case role == app.DisabledRole:
		return role + ": is refused"
	case strings.HasPrefix(role, "Nameplate."):
		return "holds the role " + role + ": the pages under Administration"
	}
	return role
}
