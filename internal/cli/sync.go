package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// sync is the copy of the directory.
func (c *command) sync() *cobra.Command {
	r := &remote{command: c}
	cmd := r.flags(&cobra.Command{
		Use: "sync", Short: "bring the copy of the directory in the database up to date", Args: noArgs,
		Long: `Reads what has changed in the directory into the database: everybody at the first time, then changes only. Ends when the copy is up to
date. It goes on where an earlier run ended. The views people, managers, groups, memberships, licenses and changes can be read with any
program for SQLite or PostgreSQL: docs/guide/mirror.md.`,
	})
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error { return r.round(ctx, "/sync", nil) })
	status := &cobra.Command{Use: "status", Short: "how old the copy is and how much it holds", Args: noArgs}
	status.RunE = r.over(func(ctx context.Context, _ []string) error {
		g, err := r.ask(ctx, http.MethodGet, "/sync", nil, nil)
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.copied(o)
	})
	accept := &cobra.Command{
		Use: "accept NUMBER", Short: "say that those who are held are gone", Args: args("how many are held, as nameplate sync status tells"),
		Long: `When more people and groups are missing at once than may go by themselves, the copy keeps them and waits. Look at the directory, and if they
are really gone, say so with their number.`,
	}
	accept.RunE = r.over(func(ctx context.Context, a []string) error {
		n, err := strconv.Atoi(a[0])
		if err != nil || n <= 0 {
			return usageError{fmt.Errorf("%q is no number of people and groups: nameplate sync status tells how many are held", plain(a[0]))}
		}
		return r.round(ctx, "/sync/accept", map[string]int{"held": n})
	})
	cmd.AddCommand(status, accept, r.syncChanges())
	return cmd
}

// syncChanges lists what the rounds noticed.
func (r *remote) syncChanges() *cobra.Command {
	var on, from, until string
	var top int
	cmd := &cobra.Command{
		Use: "changes", Short: "what was noticed in the directory, made here or elsewhere, the newest first", Args: noArgs,
		Long: `Each difference that a round noticed, with the time between which it was made and who made it: an entry of the history, or somebody outside
Nameplate. What was there when the copy was made is no difference.`,
	}
	f := cmd.Flags()
	f.StringVar(&on, "on", "", "sign-in name or object id of a person, or object id of a group")
	f.StringVar(&from, "from", "", "noticed at that instant or later: 2027-02-28T00:00:00Z")
	f.StringVar(&until, "until", "", "noticed before that instant")
	f.IntVar(&top, "top", 50, "at most so many; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		q := url.Values{}
		if strings.Contains(on, "@") {
			p, err := r.read(ctx, on)
			if err != nil {
				return err
			}
			on = text(p["id"])
		}
		for name, v := range map[string]string{"on": on, "from": from, "until": until} {
			if v != "" {
				q.Set(name, v)
			}
		}
		all, err := r.every(ctx, "/changes", "changes", q, top)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, e := range all {
			by := text(e["entry"])
			if by == "" {
				by = "outside Nameplate"
			}
			rows = append(rows, []string{text(e["after"]), text(e["noticed"]), text(e["object"]), text(e["name"]), text(e["member"]), text(e["what"]), differences(e), by})
		}
		return r.show(all, []string{"after", "noticed", "object", "name", "member", "what", "old → new", "made by"}, rows)
	})
	return cmd
}

// round begins a round and waits for its end, with a line of progress where somebody looks at it.
func (r *remote) round(ctx context.Context, path string, body any) error {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	ask := func(method, path string, body any) (map[string]any, error) {
		g, err := r.ask(ctx, method, path, nil, body)
		if err != nil {
			return nil, err
		}
		return g.object()
	}
	o, err := ask(http.MethodPost, path, body)
	for shown := ""; err == nil; {
		running, _ := o["running"].(bool)
		if line := roundLine(o); running && terminal(r.Err) && line != shown {
			fmt.Fprintf(r.Err, "\r\x1b[K%s", line)
			shown = line
		}
		if !running {
			if shown != "" {
				fmt.Fprintln(r.Err)
			}
			return r.copied(o)
		}
		select {
		case <-ctx.Done():
			return errors.New("not waited for to its end; a running server goes on by itself: nameplate sync status")
		case <-tick.C:
		}
		o, err = ask(http.MethodGet, "/sync", nil)
	}
	return err
}

// roundLine is how far a round is, in one line.
func roundLine(o map[string]any) string {
	line := "Reading the directory"
	if o["doing"] != nil {
		line += ": " + text(o["doing"]) + " " + text(o["done"])
	}
	if of, _ := o["of"].(float64); of > 0 {
		line += " of " + text(o["of"])
	}
	return line
}

// copied prints where the copy stands and says with which number to end.
func (r *remote) copied(o map[string]any) error {
	if r.as != "table" {
		if err := r.object(o, "asOf", "people", "groups", "memberships"); err != nil {
			return err
		}
	} else {
		asOf := "There is no whole copy yet."
		if o["asOf"] != nil {
			asOf = "The copy is of " + moment(text(o["asOf"])) + "."
		}
		fmt.Fprintf(r.Out, "%s People: %s (with a manager: %s). Groups: %s. Memberships: %s. Gone: %s.\n",
			asOf, text(o["people"]), text(o["managed"]), text(o["groups"]), text(o["memberships"]), text(o["gone"]))
	}
	if held, _ := o["held"].(float64); held > 0 {
		fmt.Fprintf(r.Err, "%s people and groups are missing at once, more than go without a person's word. Look at the directory; if they are really gone: nameplate sync accept %s\n",
			text(o["held"]), text(o["held"]))
		return exitError{exitLater}
	}
	if problem := text(o["problem"]); problem != "" {
		fmt.Fprintf(r.Err, "The last round did not come to its end; the next one goes on there. %s\n", plain(problem))
		return exitError{exitLater}
	}
	return nil
}
