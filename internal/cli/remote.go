package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/config"
)

// remote is what the verbs that work on people share: a running server's API, or with --local the same API in this process.
type remote struct {
	*command
	server  string
	keyFile string
	local   bool
	tenant  string // with local
	as      string
	looks   bool // the verb looks into a database that is there, and makes none

	base   string
	key    string
	client *http.Client
	app    *app.App
}

// flags adds the flags of a group of verbs.
func (r *remote) flags(cmd *cobra.Command) *cobra.Command {
	f := cmd.PersistentFlags()
	f.StringVar(&r.server, "server", "", "address of the running server (or NAMEPLATE_SERVER)")
	f.StringVar(&r.keyFile, "key-file", "", "file with the API key (or NAMEPLATE_API_KEY_FILE; the key itself in NAMEPLATE_API_KEY)")
	f.BoolVar(&r.local, "local", false, "work on this machine with its configuration, as the operating system's user; not while a server holds the database")
	f.StringVar(&r.tenant, "tenant", "", "with --local: the organization that is meant, where the configuration has several; a key is always of one")
	f.StringVar(&r.as, "as", "table", "how to print: table, json or csv")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"table", "json", "csv"}, cobra.ShellCompDirectiveNoFileComp)) // it is there
	return cmd
}

// over makes a verb work over the API.
func (r *remote) over(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		switch r.as {
		case "json":
			r.json = true
		case "table", "csv":
			if r.json {
				r.as = "json"
			}
		default:
			return usageError{fmt.Errorf("--as takes table, json or csv, and %q was given", r.as)}
		}
		if err := r.connect(cmd.Context()); err != nil {
			return err
		}
		if r.app != nil {
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), closeIn)
				defer cancel()
				if cerr := r.app.Close(ctx); err == nil {
					err = cerr
				}
			}()
		}
		return do(cmd.Context(), args)
	}
}

func (r *remote) env(name string) string {
	for _, kv := range r.Environ {
		if v, ok := cutEnv(kv, name); ok {
			return v
		}
	}
	return ""
}

// connect finds the way to the API.
func (r *remote) connect(ctx context.Context) error {
	if r.local {
		return r.here(ctx)
	}
	if r.tenant != "" {
		return usageError{errors.New("--tenant goes with --local: a server answers for the organization of the key")}
	}
	if r.keyFile == "" {
		r.keyFile = r.env("NAMEPLATE_API_KEY_FILE")
	}
	r.key = r.env("NAMEPLATE_API_KEY")
	if r.keyFile != "" {
		b, err := readFile(r.keyFile)
		if err != nil {
			return err
		}
		r.key = string(b)
	}
	if r.key = strings.TrimSpace(r.key); r.key != "" {
		return r.reach("")
	}
	kept := logins{}
	if _, err := r.loginFile(); err == nil { // who has nowhere to keep one has none
		if kept, err = r.logins(); err != nil {
			return err
		}
	}
	if err := r.reach(kept.Last); err != nil {
		return err
	}
	if r.key = kept.Servers[r.base].Secret; r.key == "" {
		return usageError{fmt.Errorf("not signed in to %s: nameplate login. Programs have an API key, in NAMEPLATE_API_KEY or in a file that --key-file names; an administrator makes one with nameplate keys create", r.base)}
	}
	return nil
}

// reach finds the server: the one that is named, else the one of the environment, else last.
func (r *remote) reach(last string) error {
	r.server = cmp.Or(r.server, r.env("NAMEPLATE_SERVER"), last)
	if r.server == "" {
		return usageError{errors.New("it is not said which server to ask: --server https://profile.example.com, or NAMEPLATE_SERVER; or --local on the server itself")}
	}
	u, err := url.Parse(r.server)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return usageError{fmt.Errorf("--server takes an address such as https://profile.example.com, and %q was given", r.server)}
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !config.Loopback(u.Hostname())) {
		return usageError{fmt.Errorf("%s: a key is only sent over https, or over http to this machine", r.server)}
	}
	r.base = u.Scheme + "://" + strings.ToLower(u.Host)
	r.client = &http.Client{
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a key goes nowhere else
	}
	return nil
}

// here makes the API answer in this process.
func (r *remote) here(ctx context.Context) error {
	if r.server != "" {
		return usageError{errors.New("--local and --server do not go together")}
	}
	cfg, err := r.loadOne(r.tenant)
	if err != nil {
		return err
	}
	if r.app, err = app.New(ctx, app.Options{Config: cfg, Existing: r.looks, Log: logger(r.Err, config.Config{LogFormat: cfg.LogFormat, LogLevel: "error", LogPersonal: cfg.LogPersonal})}); err != nil {
		return err
	}
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	r.base, r.client = strings.TrimSuffix(cfg.PublicURL.String(), "/"), &http.Client{Transport: r.app.Local(app.Host(name))}
	return nil
}

// apiError is a problem that the API told.
type apiError struct {
	Type      string `json:"type"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code,omitempty"`
	Reference string `json:"reference,omitempty"`
	Errors    []struct {
		Pointer   string `json:"pointer,omitempty"`
		Parameter string `json:"parameter,omitempty"`
		Header    string `json:"header,omitempty"`
		Detail    string `json:"detail"`
	} `json:"errors,omitempty"`
	Cause *struct {
		Name     string `json:"name"`
		Sure     string `json:"sure"`
		Evidence string `json:"evidence"`
		Next     string `json:"next"`
		For      string `json:"for,omitempty"`
		Ready    string `json:"ready,omitempty"`
	} `json:"cause,omitempty"`
	Conflicts []struct {
		Name   string `json:"name"`
		Saw    any    `json:"saw"`
		Now    any    `json:"now"`
		Wanted any    `json:"wanted"`
	} `json:"conflicts,omitempty"`
}

// Error is one line: status, message and code, and a line for each place.
func (e *apiError) Error() string {
	code := e.Code
	if code == "" {
		code = e.Type[strings.LastIndexByte(e.Type, ':')+1:]
	}
	s := fmt.Sprintf("%d: %s ('%s')", e.Status, plain(e.Detail), plain(code))
	for _, f := range e.Errors {
		if f.Detail != e.Detail {
			s += "\n  " + plain(strings.TrimPrefix(f.Pointer, "/")+f.Parameter+f.Header) + ": " + plain(f.Detail)
		}
	}
	for _, c := range e.Conflicts {
		s += fmt.Sprintf("\n  %s: you saw %s, now there is %s, you wanted %s", c.Name, text(c.Saw), text(c.Now), text(c.Wanted))
	}
	if c := e.Cause; c != nil && c.Next != "" {
		lines := strings.Split(c.Ready, "\n")
		for i, line := range lines {
			lines[i] = plain(line)
		}
		s += cause(plain(c.Name), plain(c.Sure), plain(c.Evidence), plain(c.Next), strings.Join(lines, "\n"))
	}
	return s
}

// exit is the number to end with.
func (e *apiError) exit() int {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge, http.StatusPreconditionRequired, http.StatusMethodNotAllowed:
		return exitUsage
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return exitRefused
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return exitLater
	}
	return exitFailed
}

// maxAnswer is how long an answer may be: an export of a million people.
const maxAnswer = 1 << 30

// got is an answer.
type got struct {
	status int
	etag   string
	body   []byte
}

// object is the answer as an object.
func (g got) object() (m map[string]any, err error) {
	if err = json.Unmarshal(g.body, &m); err != nil {
		err = fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return m, err
}

// ask makes one request. Body is nil, bytes with their type, or what becomes JSON.
func (r *remote) ask(ctx context.Context, method, path string, query url.Values, body any, header ...string) (got, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		in = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return got{}, err
		}
		in, header = bytes.NewReader(j), append(header, "Content-Type", "application/json")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+"/api/v1"+path, in)
	if err != nil {
		return got{}, usageError{err}
	}
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return got{}, &apiError{Type: "unavailable", Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%s does not answer (%v). Check the address and whether the server runs.", r.base, err)}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || len(b) == maxAnswer {
		return got{}, &apiError{Type: "unavailable", Status: http.StatusServiceUnavailable, Detail: "The server's answer was cut off. Whether something was changed stands in the history."}
	}
	if resp.StatusCode >= 300 {
		e := &apiError{Status: resp.StatusCode}
		if json.Unmarshal(b, e) != nil || e.Detail == "" {
			e = &apiError{Type: "foreign", Status: resp.StatusCode, Detail: r.base + " is not a Nameplate server, or something stands in between."}
		}
		return got{}, e
	}
	return got{resp.StatusCode, resp.Header.Get("ETag"), b}, nil
}

// every reads a list page by page, at most top of it (0: all), and gives what stands under name.
func (r *remote) every(ctx context.Context, path, name string, query url.Values, top int) ([]map[string]any, error) {
	all := []map[string]any{}
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "500")
	if top > 0 && top < 500 {
		query.Set("limit", fmt.Sprint(top))
	}
	for {
		g, err := r.ask(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			return nil, err
		}
		var page map[string]json.RawMessage
		var list []map[string]any
		var next *string
		if err := errors.Join(json.Unmarshal(g.body, &page), json.Unmarshal(page[name], &list)); err != nil {
			return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
		}
		_ = json.Unmarshal(page["next"], &next) // lists without pages have none
		all = append(all, list...)
		switch {
		case top > 0 && len(all) >= top:
			return all[:top], nil
		case next == nil:
			return all, nil
		}
		query.Set("cursor", *next)
	}
}

// whole reads a list that has no pages.
func (r *remote) whole(ctx context.Context, path, name string) ([]map[string]any, error) {
	g, err := r.ask(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	o, err := g.object()
	return members(o, name), err
}

// sure asks whoever sits there to type a person's name, and takes --yes where nobody does.
func (r *remote) sure(ctx context.Context, what, who, yes string) error {
	g, err := r.ask(ctx, http.MethodGet, person(who), url.Values{"select": {"displayName,userPrincipalName"}}, nil)
	if err != nil {
		return err
	}
	o, err := g.object()
	if err != nil {
		return err
	}
	name := text(o["userPrincipalName"])
	if name == "" {
		name = text(o["id"])
	}
	return r.typed(what, text(o["displayName"]), name, yes)
}

// typed asks whoever sits there to type a name before something is done to who is called so, and takes yes where nobody does.
func (c *command) typed(what, called, name, yes string) error {
	if yes != "" {
		if yes != name {
			return usageError{fmt.Errorf("--yes says %q, and this is about %s. Nothing was done", yes, plain(name))}
		}
		return nil
	}
	ok := c.terminal()
	var line string
	if ok {
		fmt.Fprintf(c.Err, "%s %s.\nType %s to go on: ", what, plain(called), plain(name))
		if _, err := fmt.Fscanln(c.In, &line); errors.Is(err, io.EOF) {
			ok = false // nobody sits there
		}
	}
	if !ok {
		return usageError{fmt.Errorf("%s %s (%s). Without a terminal this needs: --yes %[3]s", what, plain(called), plain(name))}
	}
	if line != name {
		return usageError{errors.New("that is not the name; nothing was done")}
	}
	return nil
}
