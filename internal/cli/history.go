package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
)

func (c *command) history() *cobra.Command {
	r := &remote{command: c, looks: true}
	var data string
	verify := &cobra.Command{
		Use: "verify", Short: "prove that no record of the history was changed, removed or put in between",
		Long: `Walks the history's chain of records from the first one on and names the first that does not fit.
Ends with 0 when all fit and with 1 when one does not. It needs nothing of the configuration but the database;
stop the portal first when that is a file, or ask the running one with --server.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, a []string) error {
			if r.server != "" {
				return r.over(r.verify)(cmd, a)
			}
			c.json = c.json || r.as == "json"
			if data != "" {
				c.Environ = append(c.Environ, "NAMEPLATE_DATABASE="+filepath.Join(data, "nameplate.db"))
			}
			cfg, err := c.loadFor(config.Database, "")
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
	return r.flags(group("history", "the history of changes: list, undo, verify", r.historyList(), r.historyUndo(), verify))
}

// verify asks a running server for the proof.
func (r *remote) verify(ctx context.Context, _ []string) error {
	g, err := r.ask(ctx, http.MethodGet, "/history/verify", nil, nil)
	if err != nil {
		return err
	}
	o, err := g.object()
	if err != nil {
		return err
	}
	if err := r.object(o, "records"); err != nil {
		return err
	}
	if o["bad"] != nil {
		return exitError{exitFailed}
	}
	return nil
}

// entries prints entries of the history.
func (r *remote) entries(all []map[string]any) error {
	var rows [][]string
	for _, e := range all {
		rows = append(rows, []string{text(e["id"]), text(e["begun"]), text(at(e, "on.name")), text(e["do"]), text(e["state"]), who(e), differences(e)})
	}
	return r.show(all, []string{"id", "when", "whose", "what", "state", "who", "old → new"}, rows)
}

// differences are an entry's values, old and new, in one line.
func differences(e map[string]any) string {
	before, _ := e["old"].(map[string]any)
	after, _ := e["new"].(map[string]any)
	var what []string
	for _, n := range slices.Sorted(maps.Keys(after)) {
		what = append(what, n+": "+orNone(text(before[n]))+" → "+orNone(text(after[n])))
	}
	return strings.Join(what, "; ")
}

// who made an entry, as a reader tells people and programs apart.
func who(e map[string]any) string {
	name := text(at(e, "by.name"))
	switch at(e, "by.kind") {
	case "key":
		return "API key " + name
	case "host":
		return name + ", on the server"
	}
	return name
}

func (r *remote) historyList() *cobra.Command {
	var on, by, do, state, from, until string
	var top int
	cmd := &cobra.Command{Use: "list", Short: "what was changed, the newest first", Args: noArgs}
	f := cmd.Flags()
	f.StringVar(&on, "on", "", "object id of whose profile")
	f.StringVar(&by, "by", "", "object id of who did it")
	f.StringVar(&do, "do", "", "update, photo, manager, member, license, account, password, sessions, key, export or forget")
	f.StringVar(&state, "state", "", "applied, unchanged, partly, refused, conflicted, failed, unverified or open")
	f.StringVar(&from, "from", "", "begun at that instant or later: 2027-02-28T00:00:00Z")
	f.StringVar(&until, "until", "", "begun before that instant")
	f.IntVar(&top, "top", 50, "at most so many; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		q := url.Values{}
		for name, v := range map[string]string{"on": on, "by": by, "do": do, "state": state, "from": from, "until": until} {
			if v != "" {
				q.Set(name, v)
			}
		}
		all, err := r.every(ctx, "/history", "entries", q, top)
		if err != nil {
			return err
		}
		return r.entries(all)
	})
	return cmd
}

func (r *remote) historyUndo() *cobra.Command {
	cmd := &cobra.Command{Use: "undo ENTRY", Short: "take an entry back", Args: args("the id of an entry")}
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		no := false
		return r.send(ctx, http.MethodPost, "/history/"+url.PathEscape(a[0])+"/undo", &no, nil)
	})
	return cmd
}
