package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (r *remote) importApply() *cobra.Command {
	var digest string
	var people, privileged, deletions, canary int
	var leave bool
	cmd := &cobra.Command{
		Use: "apply PLAN --digest DIGEST", Short: "apply exactly the plan that was reviewed",
		Long: `PLAN and DIGEST are what import plan and import show print: another plan, or another state of it, is refused. Where a plan reaches far, the
numbers that it asks for have to be typed. It goes on by itself on the server; --leave does not wait for its end.
It ends with 0 when every row arrived, 3 when some did not, 5 when it was paused.`,
		Example: `  nameplate import apply 0d1c… --digest 9f86…
  nameplate import apply 0d1c… --digest 9f86… --people 240 --deletions 3`,
		Args: args("the id of a plan"),
	}
	f := cmd.Flags()
	f.StringVar(&digest, "digest", "", "of the plan that was reviewed")
	f.IntVar(&people, "people", 0, "how many people it changes, where it asks for that")
	f.IntVar(&privileged, "privileged", 0, "how many of them hold a directory role, where it asks for that")
	f.IntVar(&deletions, "deletions", 0, "how many people it deletes, where it asks for that")
	f.IntVar(&canary, "canary", 5, "so many rows go first, and the rest waits when one of them does not arrive; -1 is none")
	f.BoolVar(&leave, "leave", false, "begin it and do not wait")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if digest == "" {
			return usageError{fmt.Errorf("--digest is missing: nameplate import show %s prints it", plain(a[0]))}
		}
		body := map[string]any{"digest": digest, "people": people, "privileged": privileged, "deletions": deletions, "canary": canary}
		if _, err := r.ask(ctx, http.MethodPost, planPath(a[0], "/apply"), nil, body); err != nil {
			return err
		}
		return r.follow(ctx, a[0], leave)
	})
	return cmd
}

func planPath(id, more string) string { return "/plans/" + url.PathEscape(id) + more }

// follow waits for the end of a plan, with a line of progress where somebody looks at it, and tells what became of it.
func (r *remote) follow(ctx context.Context, id string, leave bool) error {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for shown := ""; ; {
		g, err := r.ask(ctx, http.MethodGet, planPath(id, ""), nil, nil)
		if err != nil {
			return err
		}
		p, err := g.object()
		if err != nil {
			return err
		}
		fates, _ := p["fates"].(map[string]any)
		line := fateLine(fates)
		if terminal(r.Err) && line != shown {
			fmt.Fprintf(r.Err, "\r\x1b[K%s", line)
			shown = line
		}
		if p["state"] != "applying" || leave {
			if shown != "" {
				fmt.Fprintln(r.Err)
			}
			return r.ended(p, fates, line)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// fateLine is what became of the rows, in one line.
func fateLine(fates map[string]any) string {
	var l []string
	for _, s := range []string{"applied", "unchanged", "unverified", "partly", "conflicted", "refused", "failed", "open"} {
		if fates[s] != nil {
			l = append(l, text(fates[s])+" "+s)
		}
	}
	return strings.Join(l, ", ")
}

// ended prints what became of a plan and says with which number to end.
func (r *remote) ended(p, fates map[string]any, line string) error {
	if r.as != "table" {
		if err := r.object(p, "id", "state"); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(r.Out, "Plan %s is %s: %s\n", text(p["id"]), text(p["state"]), line)
		if why := text(p["why"]); why != "" {
			fmt.Fprintln(r.Out, plain(why))
		}
	}
	missed := false
	for s := range fates {
		missed = missed || s != "applied" && s != "unchanged" && s != "open"
	}
	switch {
	case p["state"] == "paused":
		return exitError{exitLater}
	case missed:
		if r.as == "table" {
			fmt.Fprintf(r.Out, "What did not arrive: nameplate import rejects %s --out rejects.csv\n", text(p["id"]))
		}
		return exitError{exitPartly}
	}
	return nil
}

// terminal says whether somebody looks at it.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// importOrder is a verb that gives a plan another state.
func (r *remote) importOrder(name, short string, wait bool) *cobra.Command {
	cmd := &cobra.Command{Use: name + " PLAN", Short: short, Args: args("the id of a plan")}
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if _, err := r.ask(ctx, http.MethodPost, planPath(a[0], "/"+name), nil, nil); err != nil {
			return err
		}
		err := r.follow(ctx, a[0], !wait)
		var e exitError
		if errors.As(err, &e) && e.code == exitLater && !wait { // that it is paused is what was asked for
			return nil
		}
		return err
	})
	return cmd
}

func (r *remote) importUndo() *cobra.Command {
	var top int
	cmd := &cobra.Command{
		Use: "undo PLAN", Short: "make a plan that takes back what a plan has done; nothing is written yet",
		Long: `PLAN has to be at its end, or canceled: what arrived of it is taken back. The new plan is reviewed and applied like any other, and what
somebody has changed since is refused in its row and stays. It ends with 0 when all can be taken back, 3 when some cannot, 2 when none can.`,
		Args: args("the id of a plan"),
	}
	cmd.Flags().IntVar(&top, "top", 20, "show at most so many rows that would change; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		r.client.Timeout = patient
		g, err := r.ask(ctx, http.MethodPost, planPath(a[0], "/undo"), nil, nil)
		if err != nil {
			return err
		}
		p, err := g.object()
		if err != nil {
			return err
		}
		return r.plan(ctx, p, rowsAsked{top: top})
	})
	return cmd
}

func (r *remote) importRejects() *cobra.Command {
	var out string
	cmd := &cobra.Command{Use: "rejects PLAN", Short: "write the rows that did not arrive as a spreadsheet that can be planned again", Args: args("the id of a plan")}
	cmd.Flags().StringVar(&out, "out", "", "file to write, .csv or .xlsx; it must not be there yet (default standard output, CSV)")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		return r.export(ctx, planPath(a[0], "/rejects"), url.Values{}, out)
	})
	return cmd
}
