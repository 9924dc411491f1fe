package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nameplate/internal/cli"
)

// run runs one command and gives its exit code and what it printed.
func run(t *testing.T, environ []string, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(t.Context(), cli.World{Args: args, Environ: environ, Version: "test", In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAskedWrongly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"demp"}, `there is no verb "demp". Did you mean demo?`},
		{[]string{"demo", "--prot", "1"}, "unknown flag: --prot. See: nameplate demo --help"},
		{[]string{"demo", "extra"}, `takes no argument, and "extra" was given`},
		{[]string{"demo", "--people", "-3"}, "--people takes a number"},
		{[]string{"demo", "--port", "99999"}, "--port takes a number from 0 to 65535"},
		{[]string{"demo", "--port", "-1"}, "--port takes a number from 0 to 65535"},
		{[]string{"policy", "check"}, "takes a policy file, and none was given"},
		{[]string{"policy", "check", "a", "b"}, "takes a policy file, and 2 were given"},
		{[]string{"demo", "--port", "x"}, `--port takes a whole number, and "x" was given. See: nameplate demo --help`},
		{[]string{"emulator", "--chaos", "much"}, `--chaos takes a number, and "much" was given`},
		{[]string{"emulator", "--throttle-size", "XL"}, `size is "XL", not S, M or L`},
		{[]string{"bench", "bulk", "--rows", "5"}, "a spreadsheet of 100 to 100,000 rows is measured, not of 5"},
		{[]string{"bench", "bulk", "--latency", "fast"}, "--latency takes durations with commas: 60ms,250ms, and"},
		{[]string{"bench", "bulk", "--only", "nothing"}, `nothing that is measured has "nothing" in its name`},
		{[]string{"bench", "blk"}, `there is no verb "blk" under nameplate bench`},
		{[]string{"emulator", "--latency", "-"}, "--latency takes a duration: 60ms"},
		{[]string{"setup", "--checklist", "--script"}, "choose one"},
		{[]string{"setup", "--plan", "--checklist"}, "choose one"},
		{[]string{"setup", "--features", "everything"}, "write one or more of: profiles"},
		{[]string{"verify"}, "--on is missing"},
		{[]string{"credentials", "rotat"}, `there is no verb "rotat" under nameplate credentials`},
		{[]string{"policy", "chek", "x"}, `there is no verb "chek" under nameplate policy`},
		{[]string{"policy", "check", "/nowhere/policy.yaml"}, "/nowhere/policy.yaml cannot be read (no such file or directory)"},
		{[]string{"policy", "show", "--demo"}, "--as is missing"},
		{[]string{"config", "check", "--config", "/nowhere.yaml"}, "there is no such file"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			code, out, err := run(t, nil, c.args...)
			if code != 2 || out != "" || !strings.Contains(err, c.want) {
				t.Errorf("exit %d, out %q, err %q; want exit 2 and %q", code, out, err, c.want)
			}
			code, _, err = run(t, nil, append(c.args, "--json")...)
			var line struct {
				Error string
				Exit  int
			}
			if jerr := json.Unmarshal([]byte(err), &line); code != 2 || jerr != nil || line.Exit != 2 || line.Error == "" {
				t.Errorf("with --json: exit %d, %q, %v", code, err, jerr)
			}
		})
	}
}

func TestB41_PolicyCheckNamesLineAndRemedy(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, nil, "policy", "check", file(t, "bad.yaml", "properties:\n  jobTitel:\n    edit: self\n"))
	if code != 2 || !strings.Contains(out, "bad.yaml:2") || !strings.Contains(out, "jobTitle") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	code, out, _ = run(t, nil, "policy", "schema")
	var schema map[string]any
	if err := json.Unmarshal([]byte(out), &schema); code != 0 || err != nil || schema["$schema"] == nil {
		t.Errorf("exit %d, %v: %.200s", code, err, out)
	}
}

// The form as a person gets it, without any configuration: what is theirs, and why the rest is not.
func TestPolicyShow(t *testing.T) {
	t.Parallel()
	code, out, err := run(t, nil, "policy", "show", "--demo", "--as", "ahmed.mansouri@ad.larkfield.example")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, err)
	}
	for _, want := range []string{"Mobile phone", "Job title"} {
		if !strings.Contains(out, want) {
			t.Errorf("the form does not say %q:\n%s", want, out)
		}
	}
	if code, _, err := run(t, nil, "policy", "show", "--demo", "--as", "nobody@larkfield.example"); code == 0 || err == "" {
		t.Errorf("a person who is not there: exit %d, %q", code, err)
	}
}

// The demo's one line of JSON has exactly the keys that scripts rely on.
func TestDemoJSON(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- cli.Main(ctx, cli.World{Args: []string{"demo", "--json", "--port", "0"}, Out: w, Err: &errs})
		_ = w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(line), &d); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("portal authority graph authority_http graph_http control ca_file tenant_id domain client_id client_secret users") {
		if d[key] == nil || d[key] == "" {
			t.Errorf("no %q in %s", key, line)
		}
	}
	for _, key := range []string{"portal", "authority", "graph", "authority_http", "graph_http", "control"} {
		if s, _ := d[key].(string); strings.Count(s, "/") != 2 {
			t.Errorf("%s is %q, not an origin", key, s)
		}
	}
	users, _ := d["users"].([]any)
	if len(users) < 5 {
		t.Errorf("only %d people can sign in", len(users))
	}
	resp, err := http.Get(d["portal"].(string) + "/readyz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the portal is not ready: %v %v", resp, err)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("stopped with %d: %s", code, errs.String())
	}
	if _, err := os.Stat(d["ca_file"].(string)); err == nil {
		t.Error("the temporary folder was left behind")
	}
}

// For people the demo prints where to go, who can sign in, and three things to try; so does one with people who were made up.
func TestDemoForPeople(t *testing.T) {
	t.Parallel()
	for _, more := range [][]string{nil, {"--people", "60"}} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		var errs bytes.Buffer
		done := make(chan int, 1)
		go func() {
			done <- cli.Main(ctx, cli.World{Args: append([]string{"demo", "--port", "0"}, more...), Out: w, Err: &errs})
			_ = w.Close()
		}()
		var said strings.Builder
		for lines := bufio.NewScanner(r); lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C"); {
			said.WriteString(lines.Text() + "\n")
		}
		out := said.String()
		_, portal, _ := strings.Cut(out, "Open      ")
		portal, _, _ = strings.Cut(portal, "\n")
		if resp, err := http.Get(portal + "/readyz"); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v: nothing is at %q: %v", more, portal, err)
		}
		if n := strings.Count(out, "@"); n < 5 {
			t.Errorf("%v: only %d people can sign in:\n%s", more, n, out)
		}
		for _, want := range []string{"Things to try\n  1. ", "\n  2. ", "\n  3. ", "Graph     http"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: the demo does not say %q:\n%s", more, want, out)
			}
		}
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("%v: stopped with %d: %s", more, code, errs.String())
		}
	}
}

// S1.5, S1.59, W26: one program; it says what it can do, and what is wrong with its configuration.
func TestS1_59_HelpNamesEveryVerb(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, nil, "--help")
	verbs := []string{"demo", "serve", "emulator", "policy", "history", "config"}
	if code != 0 || slices.ContainsFunc(verbs, func(v string) bool { return !strings.Contains(out, "\n  "+v) }) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	code, _, err := run(t, nil, "serve")
	if code != 2 || !strings.Contains(err, "tenant is missing") || !strings.Contains(err, "client_id is missing") {
		t.Errorf("serve without configuration: exit %d, %q", code, err)
	}
}

// Whoever only looks makes nothing: there is no database, and it is said where none was found.
func TestReadingCommandsMakeNoDatabase(t *testing.T) {
	t.Parallel()
	for _, verb := range [][]string{
		{"history", "verify"},
		{"history", "list", "--local"},
		{"backup", "copy.db"},
		{"stop", "--why", "a try"},
	} {
		t.Run(strings.Join(verb, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			at := filepath.Join(dir, "nameplate.db")
			env := []string{"NAMEPLATE_DATABASE=" + at, "NAMEPLATE_KEY_FILE=" + filepath.Join(dir, "n.key"), "NAMEPLATE_TENANT=contoso.example", "NAMEPLATE_CLIENT_ID=" + "11111111-2222-3333-4444-555555555555", "NAMEPLATE_CLIENT_SECRET=0123456789abcdefABCDEF"}
			code, out, err := run(t, env, append(verb, "--config", file(t, "nameplate.yaml", "public_url: http://localhost:8080\n"))...)
			if code != 2 || out != "" || !strings.Contains(err, "There is no database "+at) {
				t.Errorf("exit %d, %q, %q", code, out, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("made %v, %v", left, err)
			}
		})
	}
	code, _, err := run(t, nil, "history", "verify", "--data", "/nowhere")
	if code != 2 || !strings.Contains(err, "There is no database /nowhere/nameplate.db") {
		t.Errorf("a folder that is not there: exit %d, %q", code, err)
	}
}
