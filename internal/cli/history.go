package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
)

func (c *command) history() *cobra.Command {
	var data string
	verify := &cobra.Command{
		Use: "verify", Short: "prove that no record of the history was changed, removed or put in between",
		Long: `Walks the history's chain of records from the first one on and names the first that does not fit.
Ends with 0 when all fit and with 1 when one does not. It needs nothing of the configuration but the database;
stop the portal first when that is a file.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data != "" {
				c.Environ = append(c.Environ, "NAMEPLATE_DATABASE="+filepath.Join(data, "nameplate.db"))
			}
			cfg, err := c.loadFor(config.Database)
			if err != nil {
				return err
			}
			v, err := app.VerifyHistory(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if c.json {
				if err := json.NewEncoder(c.Out).Encode(v); err != nil {
					return err
				}
			} else if v.Bad == nil && v.Records == 0 {
				fmt.Fprintf(c.Out, "No records: this database holds no history.\n")
			} else if v.Bad == nil {
				fmt.Fprintf(c.Out, "%d records, all in order.\n", v.Records)
			} else {
				fmt.Fprintf(c.Out, "Record %d (%s) is the first that does not fit: %s.\nSomebody or something changed the database beside Nameplate. Keep a copy of it, and compare with your last backup.\n", v.Bad.Seq, v.Bad.ID, v.Bad.What)
			}
			if v.Bad != nil {
				return exitError{exitFailed}
			}
			return nil
		},
	}
	verify.Flags().StringVar(&data, "data", "", "folder of a demo that was kept with demo --data")
	return group("history", "the history of changes: verify", verify)
}
