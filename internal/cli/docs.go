package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/spf13/cobra"

	"nameplate/internal/reference"
)

// docs writes the generated pages; for the project's own Makefile.
func (c *command) docs() *cobra.Command {
	man := &cobra.Command{
		Use: "man FOLDER", Short: "write the manual pages", Args: args("a folder"),
		RunE: func(cmd *cobra.Command, a []string) error { return c.manual(cmd.Root(), a[0]) },
	}
	docs := &cobra.Command{
		Use: "docs FOLDER", Short: "write the generated reference pages", Hidden: true, Args: args("a folder"),
		RunE: func(cmd *cobra.Command, a []string) error {
			pages, err := reference.Pages(".")
			if err != nil {
				return err
			}
			if err := os.MkdirAll(a[0], 0o750); err != nil {
				return err
			}
			names := make([]string, 0, len(pages))
			for n := range pages {
				names = append(names, n)
			}
			sort.Strings(names)
			for _, n := range names {
				if err := os.WriteFile(filepath.Join(a[0], n), []byte(pages[n]), 0o600); err != nil {
					return err
				}
				fmt.Fprintln(c.Out, filepath.Join(a[0], n))
			}
			return nil
		},
	}
	docs.AddCommand(man)
	return docs
}
