package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
)

// askEvery is how often the server is asked whether somebody signed this command line in.
const askEvery = 2 * time.Second

func (c *command) login() *cobra.Command {
	r := &remote{command: c}
	var name string
	cmd := &cobra.Command{
		Use: "login", Short: "act as yourself: sign this command line in, in your browser", Args: noArgs,
		Long: `Prints a link and a code. Open the link in a browser, on this computer or another, sign in and type the code: then the verbs that work on people
act as you, with your role and under the same policy as the pages, until you sign out, for an hour without use, or for twelve hours at the most.
What locks somebody out or cannot be taken back asks for a sign-in within the last 15 minutes: nameplate login once more.
Scripts and services have keys: nameplate keys create.`,
	}
	cmd.Flags().StringVar(&r.server, "server", "", "address of the running server (or NAMEPLATE_SERVER)")
	cmd.Flags().StringVar(&name, "name", "", "what this computer is called on the page (default: its host name)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		kept, err := c.logins()
		if err != nil {
			return err
		}
		if err := r.reach(kept.Last); err != nil {
			return err
		}
		if name == "" {
			name, _ = os.Hostname() // the server calls one without a name "?"
		}
		secret, challenge, err := app.NewProgramSecret()
		if err != nil {
			return err
		}
		g, err := r.ask(ctx, http.MethodGet, "/session/ask", url.Values{"challenge": {challenge}, "name": {name}}, nil)
		if err != nil {
			return err
		}
		var asked struct {
			Page, Code string
			Until      time.Time
		}
		if err := json.Unmarshal(g.body, &asked); err != nil {
			return fmt.Errorf("the server's answer cannot be read: %w", err)
		}
		fmt.Fprintf(c.Err, "Open %s%s\nand type there the code %s\n", r.base, plain(asked.Page), plain(asked.Code))
		r.key = secret
		who, err := r.signedIn(ctx, asked.Until.Sub(app.Clock()))
		if err != nil {
			return err
		}
		kept.put(r.base, login{Secret: secret, Until: asString(who["until"])})
		if err := c.keepLogins(kept); err != nil {
			return err
		}
		if c.json {
			return json.NewEncoder(c.Out).Encode(who)
		}
		fmt.Fprintf(c.Out, "Signed in to %s as %s (%s) until %s.\n", r.base, plain(text(who["name"])), plain(text(who["userPrincipalName"])), moment(asString(who["until"])))
		return nil
	}
	return cmd
}

// signedIn waits until somebody has signed this command line in, at most for a while.
func (r *remote) signedIn(ctx context.Context, atMost time.Duration) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, max(atMost, askEvery))
	defer cancel()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		g, err := r.ask(ctx, http.MethodGet, "/session", nil, nil)
		var told *apiError
		switch {
		case err == nil:
			return g.object()
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, &apiError{Type: "unauthorized", Status: http.StatusUnauthorized, Detail: "Nobody signed this command line in within ten minutes. Nothing was kept; try again."}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &told) && (told.Status == http.StatusUnauthorized || told.exit() == exitLater):
		default:
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (c *command) logout() *cobra.Command {
	r := &remote{command: c}
	cmd := &cobra.Command{
		Use: "logout", Short: "sign this command line out", Args: noArgs,
		Long: "Ends what nameplate login began, here and on the server. Other computers, keys and the browser stay signed in; the page Command line of the portal lists and ends them.",
	}
	cmd.Flags().StringVar(&r.server, "server", "", "address of the server (or NAMEPLATE_SERVER; default: the one of the last login)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		kept, err := c.logins()
		if err != nil {
			return err
		}
		if err := r.reach(kept.Last); err != nil {
			return err
		}
		one, there := kept.Servers[r.base]
		if !there {
			fmt.Fprintf(c.Out, "Not signed in to %s.\n", r.base)
			return nil
		}
		r.key = one.Secret
		_, err = r.ask(cmd.Context(), http.MethodDelete, "/session", nil, nil)
		var told *apiError
		if err != nil && (!errors.As(err, &told) || told.Status != http.StatusUnauthorized) { // it has ended already
			return err // what is kept is kept: whoever reads it could still use it
		}
		delete(kept.Servers, r.base)
		if err := c.keepLogins(kept); err != nil {
			return err
		}
		fmt.Fprintf(c.Out, "Signed out of %s.\n", r.base)
		return nil
	}
	return cmd
}

func (c *command) whoami() *cobra.Command {
	r := &remote{command: c, looks: true}
	cmd := &cobra.Command{Use: "whoami", Short: "say who this command line acts as, and until when", Args: noArgs}
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		g, err := r.ask(ctx, http.MethodGet, "/session", nil, nil)
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.object(o, "kind", "name", "userPrincipalName", "roles", "scopes", "tenant", "until", "idle", "fresh")
	})
	return r.flags(cmd)
}

// logins are the servers that this command line is signed in to. They are kept in a file that only its owner reads: a secret in it opens
// what that person may do, until it ends.
type logins struct {
	Last    string           `json:"last"` // the server that is meant when none is named
	Servers map[string]login `json:"servers"`
}

type login struct {
	Secret string `json:"secret"`
	Until  string `json:"until"`
}

func (l *logins) put(server string, one login) {
	l.Last = server
	if l.Servers == nil {
		l.Servers = map[string]login{}
	}
	l.Servers[server] = one
}

// loginFile is where they are kept.
func (c *command) loginFile() (string, error) {
	r := remote{command: c}
	if p := r.env("NAMEPLATE_LOGIN_FILE"); p != "" {
		return filepath.Clean(p), nil
	}
	folder := cmp.Or(r.env("XDG_CONFIG_HOME"), r.env("APPDATA"))
	if home := r.env("HOME"); folder == "" && home != "" {
		folder = filepath.Join(home, ".config")
	}
	if folder == "" {
		return "", usageError{errors.New("it is not known where to keep a sign-in: set HOME, or name a file by NAMEPLATE_LOGIN_FILE")}
	}
	return filepath.Join(folder, "nameplate", "login.json"), nil
}

func (c *command) logins() (l logins, err error) {
	path, err := c.loginFile()
	if err != nil {
		return l, err
	}
	at, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil && config.Exposed(at) {
		return l, usageError{fmt.Errorf("%s can be read by others: take that away (chmod 600 %[1]s), sign out and in again", path)}
	}
	b, err := readFile(path)
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, usageError{fmt.Errorf("%s cannot be read (%w): delete it and sign in again", path, err)}
	}
	return l, nil
}

// keepLogins puts the file in its place as a whole.
func (c *command) keepLogins(l logins) error {
	path, err := c.loginFile()
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "login-*") // for its owner only
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func asString(v any) string { s, _ := v.(string); return s }
