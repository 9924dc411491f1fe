package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
)

func (c *command) backup() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "write a consistent copy of the database to a new file, while the portal runs",
		Long: `Writes one consistent state of a SQLite database to a new file, readable by its owner only, and proves the history in it.
The portal may run and be written to meanwhile. The key file is not in it: without it everybody signs in again after a
restore, and nothing else is lost. A PostgreSQL database is backed up with pg_dump.`,
		Args: args("a file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			cfg, err := c.loadFor(config.Database, "")
			if err != nil {
				return err
			}
			v, err := app.Backup(cmd.Context(), cfg, files[0])
			if err != nil {
				return err
			}
			switch {
			case c.json:
				if err := json.NewEncoder(c.Out).Encode(v); err != nil {
					return err
				}
			case v.Bad == nil:
				fmt.Fprintf(c.Out, "%s holds everything up to now: %d records of history, all in order.\n", files[0], v.Records)
			default:
				fmt.Fprintf(c.Out, "%s was written, but record %d (%s) of its history does not fit: %s.\nKeep your older backups, and see: nameplate history verify\n", files[0], v.Bad.Seq, v.Bad.ID, v.Bad.What)
			}
			if v.Bad != nil {
				return exitError{exitFailed}
			}
			return nil
		},
	}
}

func (c *command) restore() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "make the database from a backup, with all writing stopped",
		Long: `Makes the database that the configuration names from a file of nameplate backup. It never overwrites one that is there, and
refuses a file that is damaged. Afterwards all writing is stopped until nameplate go: look at the history first, because
what was done after the backup is in the directory and not in it. Everybody signs in again, and all API keys are ended:
one that was withdrawn after the backup would be valid again.`,
		Args: args("a file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			cfg, err := c.loadFor(config.Database, "")
			if err != nil {
				return err
			}
			r, err := app.Restore(cmd.Context(), cfg, files[0])
			if err != nil {
				return err
			}
			if c.json {
				return json.NewEncoder(c.Out).Encode(map[string]any{"tenants": r.Tenants, "records": r.Records, "unfinished": r.Open, "keysEnded": r.Keys, "stopped": true})
			}
			fmt.Fprintf(c.Out, "Restored: %d records of history, all in order.\n", r.Records)
			if r.Open > 0 {
				fmt.Fprintf(c.Out, "Changes that had begun and not ended at the time of the backup: %d. What became of them is found out by reading.\n", r.Open)
			}
			fmt.Fprintf(c.Out, endedAccess, r.Keys)
			fmt.Fprintf(c.Out, "All writing is stopped. Start the portal, look at the history, then: nameplate go --why REASON\n")
			return nil
		},
	}
}
