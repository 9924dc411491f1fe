package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
	"nameplate/internal/directory"
)

func (c *command) stop() *cobra.Command {
	return c.brake(true, "stop", "stop all writing to the directory, at once and for every process",
		`Stops all writing: people still sign in, read their profile and the history, and every save is refused with words.
A write that is on its way at this moment ends; none begins after it. Survives a restart; nameplate go takes it back.
It needs nothing of the configuration but the database, and works beside a portal that is running.`)
}

// endedAccess is what is said of a database that was restored.
const endedAccess = "Everybody signs in again. API keys ended: %d, because one that was withdrawn after the backup would be valid again. Make new ones: nameplate keys create\n"

func (c *command) goOn() *cobra.Command {
	return c.brake(false, "go", "let writing go on after nameplate stop or nameplate restore",
		`Takes a stop back. Nothing that was refused or cut off meanwhile is written by itself: whoever wanted it saves again.`)
}

var tenantForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (c *command) brake(stop bool, verb, short, long string) *cobra.Command {
	var why, tenant string
	var restored bool
	cmd := &cobra.Command{
		Use: verb, Short: short, Long: long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var ok bool
			if why, ok = directory.Reason(why); why == "" || !ok {
				return usageError{errors.New("--why is missing or longer than 500 characters: say why, for whoever looks after this next")}
			}
			if tenant = strings.ToLower(tenant); tenant != "" && !tenantForm.MatchString(tenant) {
				return usageError{fmt.Errorf("--tenant takes a tenant id such as 11111111-2222-3333-4444-555555555555, and %q was given", tenant)}
			}
			cfg, err := c.loadFor(config.Database, "")
			if err != nil {
				return err
			}
			b, err := app.StopWriting(cmd.Context(), cfg, tenant, stop, restored, why)
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.Out).Encode(b)
			}
			of := ""
			if tenant != "" {
				of = " in the organization " + tenant
			}
			switch {
			case stop && b.Changed:
				fmt.Fprintln(c.Out, "All writing is stopped"+of+".")
			case stop:
				fmt.Fprintf(c.Out, "All writing was stopped already%s, since %s by %s: %s\n", of, clock(*b.Since), b.By, b.Why)
			case b.Changed:
				fmt.Fprintln(c.Out, "Writing goes on"+of+".")
			default:
				fmt.Fprintln(c.Out, "Writing was not stopped.")
			}
			if restored {
				fmt.Fprintf(c.Out, endedAccess, b.Keys)
			}
			if b.Open > 0 {
				fmt.Fprintf(c.Out, "Changes that had begun and not ended: %d. What became of them is found out by reading; see the history.\n", b.Open)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "tenant id of the one organization that is meant; without it every one is")
	cmd.Flags().StringVar(&why, "why", "", "the reason, for whoever looks after this next (needed)")
	if stop {
		cmd.Flags().BoolVar(&restored, "restored", false, "the database was restored by other means than nameplate restore: end all sessions and API keys as well")
	}
	return cmd
}
