package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// data is what Nameplate itself keeps of people.
func (c *command) data() *cobra.Command {
	r := &remote{command: c, looks: true}
	var user, why, out, yes string
	flags := func(cmd *cobra.Command) *cobra.Command {
		cmd.Flags().StringVar(&user, "user", "", "object id or userPrincipalName; who is gone from the directory has only the id (needed)")
		cmd.Flags().StringVar(&why, "why", "", "the reason; it stands in the history (needed)")
		return cmd
	}
	asked := func() error {
		switch {
		case strings.TrimSpace(user) == "":
			return usageError{errors.New("--user is missing: say of whom, by object id or userPrincipalName")}
		case strings.TrimSpace(why) == "":
			return usageError{errors.New("--why is missing: say why, for whoever looks through the history")}
		}
		return nil
	}
	export := flags(&cobra.Command{
		Use: "export", Short: "take out everything that is kept of a person, as one JSON file", Args: noArgs,
		Long: `Prints everything that Nameplate keeps of a person: history with old and new values, sign-ins, photos, settings.
It works for people who are gone from the directory. That it was taken out, by whom and why stands in the history.`,
	})
	export.Flags().StringVar(&out, "out", "", "write it to this new file, readable by its owner only, instead of printing it")
	export.RunE = r.over(func(ctx context.Context, _ []string) error {
		if err := asked(); err != nil {
			return err
		}
		g, err := r.ask(ctx, http.MethodPost, person(user, "/data"), nil, map[string]string{"why": why})
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := json.Indent(&b, g.body, "", "  "); err != nil {
			return fmt.Errorf("the server's answer cannot be read: %w", err)
		}
		b.WriteByte('\n')
		if out == "" {
			_, err = c.Out.Write(b.Bytes())
			return err
		}
		f, err := os.OpenFile(filepath.Clean(out), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return usageError{fmt.Errorf("%s cannot be made: name a file that is not there yet (%w)", out, err)}
		}
		_, err = f.Write(b.Bytes())
		return errors.Join(err, f.Close())
	})
	forget := flags(&cobra.Command{
		Use: "forget", Short: "forget what is kept of a person; it cannot be taken back", Args: noArgs,
		Long: `Takes old and new values, names, network addresses, reasons and photos out of the history of a person, and deletes sign-ins and settings.
What was done, when, by whom and with what result stays, and nameplate history verify still proves the whole chain.
Nothing changes in Microsoft 365. Backups from before still hold what they hold.`,
	})
	forget.Flags().StringVar(&yes, "yes", "", "the same object id or userPrincipalName once more, where no terminal can ask")
	forget.RunE = r.over(func(ctx context.Context, _ []string) error {
		if err := asked(); err != nil {
			return err
		}
		if err := c.typed("This forgets for good what is kept of", user, user, yes); err != nil {
			return err
		}
		g, err := r.ask(ctx, http.MethodPost, person(user, "/forget"), nil, map[string]string{"why": why})
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.object(o, "entry", "records", "photos")
	})
	return r.flags(group("data", "what is kept of a person: export, forget", export, forget))
}
