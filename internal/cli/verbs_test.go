package cli_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/app"
)

// server is a demo whose API the verbs of a test ask.
type server struct {
	*app.Demo
	t       *testing.T
	environ []string
	anna    string // a plain member
}

func serve(t *testing.T) *server {
	t.Helper()
	return serveOf(t, app.DemoOptions{})
}

func serveOf(t *testing.T, o app.DemoOptions) *server {
	t.Helper()
	d, err := app.StartDemo(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &server{d, t, []string{"NAMEPLATE_SERVER=" + d.Portal, "NAMEPLATE_API_KEY=" + d.APIKey}, d.Users[0].UPN}
}

// do runs a verb and holds it to its exit code.
func (s *server) do(code int, args ...string) (out, err string) {
	s.t.Helper()
	got, out, err := run(s.t, s.environ, args...)
	if got != code {
		s.t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, err)
	}
	return out, err
}

// json runs a verb and reads its JSON.
func (s *server) json(args ...string) (m map[string]any) {
	s.t.Helper()
	out, _ := s.do(0, append(args, "--as", "json")...)
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		s.t.Fatalf("%s: %v in %s", strings.Join(args, " "), err, out)
	}
	return m
}

func (s *server) says(text string, args ...string) {
	s.t.Helper()
	code, out, err := run(s.t, s.environ, args...)
	if !strings.Contains(out+err, text) {
		s.t.Errorf("%s: exit %d, %q does not say %q", strings.Join(args, " "), code, out+err, text)
	}
}

func TestS3_22_S4_14to16_SetAndClear(t *testing.T) {
	t.Parallel()
	s := serve(t)
	before := s.json("users", "get", s.anna)
	s.says("department: "+before["department"].(string)+" → Sales\nNothing was written", "users", "set", s.anna, "department=Sales", "--check")
	if s.json("users", "get", s.anna)["department"] != before["department"] {
		t.Error("--check wrote")
	}
	out := s.json("users", "set", s.anna, "department=Sales", "businessPhones=+49 30 1234567")
	if out["state"] != "applied" || s.json("users", "get", s.anna)["department"] != "Sales" || s.json("users", "get", s.anna)["jobTitle"] != before["jobTitle"] {
		t.Errorf("set: %v", out)
	}
	s.says("Nothing had to be changed", "users", "set", s.anna, "department=Sales")
	_, err := s.do(2, "users", "set", s.anna, "mobilePhone=")
	if !strings.Contains(err, "nameplate users clear "+s.anna+" mobilePhone") {
		t.Errorf("an empty value: %s", err)
	}
	s.do(2, "users", "set", s.anna, "accountEnabled=maybe")
	s.do(2, "users", "set", s.anna, "department=A", "department=B")
	s.do(2, "users", "set", s.anna, "departement=A")
	s.do(0, "users", "clear", s.anna, "mobilePhone", "department")
	if now := s.json("users", "get", s.anna); now["department"] != nil || now["mobilePhone"] != nil {
		t.Errorf("clear: %v", now)
	}
	entry := out["entry"].(string)
	s.do(4, "history", "undo", entry) // it was changed since
	list, _ := s.do(0, "history", "list", "--top", "2", "--as", "csv")
	rows, cerr := csv.NewReader(strings.NewReader(list)).ReadAll()
	if cerr != nil || len(rows) != 3 || rows[0][0] != "id" {
		t.Errorf("history: %v %v", rows, cerr)
	}
	s.says(entry, "users", "history", s.anna)
	s.says("records", "history", "verify", "--server", s.Portal)
}

func TestS3_42to44_S4_26to29_S5_8_RefusalsInOneLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, err := s.do(1, "users", "get", "nobody@"+s.Domain)
	line1, next, _ := strings.Cut(err, "\n")
	if !strings.HasPrefix(line1, "404: ") || !strings.HasSuffix(line1, "('Request_ResourceNotFound')") || !strings.HasPrefix(next, "  Next: ") {
		t.Errorf("nobody: %q", err)
	}
	_, err = s.do(4, "users", "set", s.anna, "mail=x@example.com")
	if !strings.HasPrefix(err, "403: ") || !strings.Contains(err, "\n  mail: ") {
		t.Errorf("not allowed: %q", err)
	}
	_, err = s.do(2, "users", "set", s.anna, "department="+strings.Repeat("x", 65))
	if !strings.HasPrefix(err, "400: ") || !strings.Contains(err, "\n  department: ") {
		t.Errorf("a bad value: %q", err)
	}
	_, err = s.do(4, "users", "get", s.anna, "--as", "json", "--key-file", file(t, "key", "npk_wrong"))
	var line struct {
		Exit    int
		Problem struct{ Status int }
	}
	if jerr := json.Unmarshal([]byte(err), &line); jerr != nil || line.Exit != 4 || line.Problem.Status != 401 {
		t.Errorf("B57 a wrong key: %q", err)
	}
	for _, c := range []struct {
		environ []string
		args    []string
		code    int
		want    string
	}{
		{nil, []string{"users", "list"}, 2, "which server"},
		{[]string{"NAMEPLATE_SERVER=" + s.Portal}, []string{"users", "list"}, 2, "nameplate login. Programs have an API key"},
		{[]string{"NAMEPLATE_API_KEY=x"}, []string{"users", "list", "--server", "http://profile.example.com"}, 2, "only sent over https"},
		{[]string{"NAMEPLATE_API_KEY=x"}, []string{"users", "list", "--server", "http://127.0.0.1:1"}, 5, "does not answer"},
		{s.environ, []string{"users", "list", "--as", "xml"}, 2, "table, json or csv"},
		{s.environ, []string{"users", "list", "--local", "--server", s.Portal}, 2, "do not go together"},
		{s.environ, []string{"users", "manager"}, 2, "takes a person"},
		{s.environ, []string{"users", "list", "--filter", "nonsense"}, 2, "400: "},
		{s.environ, []string{"users", "lst"}, 2, `no verb "lst"`},
	} {
		code, _, err := run(t, c.environ, c.args...)
		if code != c.code || !strings.Contains(err, c.want) {
			t.Errorf("%v: exit %d, %q; want %d and %q", c.args, code, err, c.code, c.want)
		}
	}
}

// What a refusal means, what shows it, what helps and the text for the team that can, on the command line and in its JSON.
func TestS3_42_S3_43_S4_28_CausesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	refuse := func() {
		body := `{"match":{"method":"PATCH"},"at":"before","do":{"status":403,"code":"Directory_QuotaExceeded","message":"The directory object quota limit for the Tenant has been exceeded."}}`
		resp, err := http.Post(s.Control+"/faults", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("faults: %d", resp.StatusCode)
		}
	}
	refuse()
	_, err := s.do(4, "users", "set", s.anna, "city=Ulm")
	for _, want := range []string{"\n  Found: directory_full (certain): Graph answered 403 ", "\n  Next: The directory's object quota", "\n  Text to send:\n    To: Entra ID team\n    Nameplate could not change city"} {
		if !strings.Contains(err, want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	refuse()
	_, err = s.do(4, "users", "set", s.anna, "city=Ulm", "--as", "json")
	var line struct {
		Problem struct {
			Cause struct{ Name, Evidence, Ready string }
		}
	}
	if jerr := json.Unmarshal([]byte(err), &line); jerr != nil || line.Problem.Cause.Name != "directory_full" || !strings.Contains(line.Problem.Cause.Evidence, "quota limit") || !strings.HasPrefix(line.Problem.Cause.Ready, "To: Entra ID team\n") {
		t.Errorf("%v: %s", jerr, err)
	}
}

func TestS4_21to25_S5_10_Lists(t *testing.T) {
	t.Parallel()
	s := serve(t)
	out, _ := s.do(0, "users", "list", "--as", "json")
	var all []map[string]any
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) < 20 {
		t.Fatalf("%d people %v", len(all), err)
	}
	count, _ := s.do(0, "users", "list", "--count")
	if lines := strings.Fields(count); lines[len(lines)-1] != fmt.Sprint(len(all)) {
		t.Errorf("%d people are counted as %q", len(all), count)
	}
	out, _ = s.do(0, "users", "list", "--filter", "department eq 'Engineering'", "--select", "displayName,mail,jobTitle", "--top", "2", "--as", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Equal(rows[0], []string{"id", "displayName", "mail", "jobTitle"}) {
		t.Errorf("%v %v", rows, err)
	}
	// A42: a telephone number is no formula of a spreadsheet.
	out, _ = s.do(0, "users", "list", "--select", "businessPhones", "--as", "csv")
	if !strings.Contains(out, ",'+") || strings.Contains(out, ",+") {
		t.Errorf("phones: %s", out)
	}
	table, _ := s.do(0, "users", "get", s.anna)
	if strings.Contains(table, "\x1b") || !strings.Contains(table, s.anna) {
		t.Errorf("B58 %q", table)
	}
	for _, args := range [][]string{{"groups", "list"}, {"keys", "list"}, {"policy", "rules"}, {"policy", "rules", "--for", s.anna}, {"users", "list", "--deleted"}, {"users", "groups", s.anna}} {
		s.do(0, args...)
	}
}

func TestS4_17_GroupsManagerAndPeopleWhoGo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var groups []map[string]any
	out, _ := s.do(0, "groups", "list", "--as", "json")
	if err := json.Unmarshal([]byte(out), &groups); err != nil {
		t.Fatal(err)
	}
	open := ""
	for _, g := range groups {
		if g["rule"] == "" && g["kind"] == "security" && g["synced"] == false && g["assignable"] == false {
			open = g["name"].(string)
		}
	}
	if open == "" {
		t.Fatalf("no group with open members in %s", out)
	}
	s.do(0, "groups", "remove", open, s.anna)
	s.says("would change", "groups", "add", open, s.anna, "--check")
	s.do(0, "groups", "add", open, s.anna)
	s.says(s.anna, "groups", "members", open)
	s.do(0, "users", "groups", s.anna, "--remove", open)
	s.says("Nobody picks the members", "groups", "add", "Engineering", s.anna)
	s.do(0, "users", "manager", s.anna, "--none")
	s.do(0, "users", "manager", s.anna, "ingrid.solvang@"+s.Domain)
	s.says("ingrid.solvang@", "users", "manager", s.anna)

	_, err := s.do(2, "users", "delete", s.anna)
	if !strings.Contains(err, "--yes "+s.anna) {
		t.Errorf("without a terminal: %s", err)
	}
	s.do(2, "users", "delete", s.anna, "--yes", "somebody@else.example")
	id := s.json("users", "get", s.anna)["id"].(string)
	if _, err := s.do(2, "users", "set", s.anna, "accountEnabled=no"); !strings.Contains(err, "--yes "+s.anna) {
		t.Errorf("blocked without a question: %s", err)
	}
	if o := s.json("users", "set", s.anna, "accountEnabled=no", "--check"); o["dangerous"] != true {
		t.Errorf("the check says %v", o)
	}
	if o := s.json("users", "set", s.anna, "jobTitle=Conductor", "--check"); o["dangerous"] != nil {
		t.Errorf("a title is dangerous: %v", o)
	}
	s.do(0, "users", "disable", s.anna, "--yes", s.anna)
	s.do(0, "users", "enable", s.anna)
	_, domain, _ := strings.Cut(s.anna, "@")
	if made := s.json("users", "create", "cleo@"+domain, "displayName=Cleo Park", "usageLocation=DE"); len(made["password"].(string)) != 19 || len(made["person"].(string)) != 36 {
		t.Errorf("S4_11 created: %v", made)
	}
	if p := s.json("users", "password", s.anna, "--yes", s.anna)["password"].(string); len(p) != 19 {
		t.Errorf("password %q", p)
	}
	s.do(0, "users", "sessions", s.anna)
	s.do(0, "users", "delete", s.anna, "--yes", s.anna)
	s.says(id, "users", "list", "--deleted")
	if _, err := s.do(1, "users", "restore", "nobody@"+s.Domain); !strings.Contains(err, "Nobody called") {
		t.Errorf("a name that nobody had: %s", err)
	}
	s.says(s.anna, "users", "list", "--deleted")
	s.do(0, "users", "restore", s.anna)
	s.says(id, "users", "get", s.anna)
	listed, _ := s.do(0, "history", "list")
	if !regexp.MustCompile(`\s\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z+-]\w+\s`).MatchString(listed) || !strings.Contains(listed, "  API key demo  ") {
		t.Errorf("no readable time, or not who it was:\n%s", listed)
	}
	s.do(0, "users", "get", s.anna)
}

func TestKeysAndPhoto(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, err := s.do(2, "keys", "create", "too long", "--why", "a test", "--days", "30") // the demo's own key ends sooner
	if !strings.Contains(err, "expires") {
		t.Error(err)
	}
	s.do(2, "keys", "create", "x", "--days", "400")
	picture := filepath.Join(t.TempDir(), "p.jpg")
	s.do(0, "users", "photo", s.anna, "--save", picture)
	s.do(2, "users", "photo", s.anna, "--save", picture)
	s.do(0, "users", "photo", s.anna, picture)
	s.do(2, "users", "photo", s.anna, file(t, "x.txt", "no picture"))
	s.do(2, "users", "photo", s.anna)
}

// On the host itself the same verbs work without a server, in the name of the operating system's user, and not beside one.
func TestLocal(t *testing.T) {
	t.Parallel()
	s := serve(t)
	folder := t.TempDir()
	config := file(t, "nameplate.yaml", strings.Join([]string{
		"public_url: http://localhost:8080", "tenant: " + s.TenantID, "client_id: " + s.ClientID, "authority: " + s.AuthHTTP, "token_authority: " + s.Authority, "graph: " + s.Graph,
		"ca_file: " + s.CAFile, "database: " + filepath.Join(folder, "n.db"), "key_file: " + filepath.Join(folder, "n.key"),
	}, "\n"))
	environ := []string{"NAMEPLATE_CLIENT_SECRET=" + s.ClientSecret}
	local := func(code int, args ...string) string {
		t.Helper()
		got, out, err := run(t, environ, append(args, "--local", "--config", config)...)
		if got != code {
			t.Errorf("%v: exit %d\n%s%s", args, got, out, err)
		}
		return out + err
	}
	if out := local(0, "users", "set", s.anna, "city=Kiel"); !strings.Contains(out, "→ Kiel") {
		t.Error(out)
	}
	if out := local(0, "sync"); !strings.Contains(out, "The copy is of ") {
		t.Error(out)
	}
	if out := local(0, "history", "list", "--as", "json"); !strings.Contains(out, `"kind":"host"`) {
		t.Error(out)
	}
	if out := local(0, "keys", "create", "sync", "--why", "a test", "--scope", "people:read,people:write", "--role", "Nameplate.Editor", "--days", "365"); !strings.Contains(out, "npk_") {
		t.Error(out)
	}
	beside := filepath.Join(filepath.Dir(s.CAFile), "nameplate")
	held := append(environ, "NAMEPLATE_DATABASE="+beside+".db", "NAMEPLATE_KEY_FILE="+beside+".key")
	if code, _, err := run(t, held, "users", "get", s.anna, "--local", "--config", config); code != 5 || !strings.Contains(err, "in use by another Nameplate") {
		t.Errorf("beside a running server: exit %d, %s", code, err)
	}
	if out := local(0, "keys", "list"); strings.Contains(out, "npk_") || !strings.Contains(out, "sync") {
		t.Error(out)
	}
}

func TestManualAndCompletion(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	code, out, err := run(t, nil, "docs", "man", folder)
	page, rerr := os.ReadFile(filepath.Join(folder, "nameplate-users-set.1"))
	if code != 0 || rerr != nil || !strings.Contains(string(page), ".SH SYNOPSIS\nnameplate users set PERSON PROPERTY=VALUE") || !strings.Contains(string(page), `\fB\-\-check\fP`) {
		t.Errorf("exit %d %s %s %v\n%s", code, out, err, rerr, page)
	}
	for shell, want := range map[string]string{"bash": "complete -o default", "zsh": "#compdef nameplate", "fish": "complete -c nameplate", "powershell": "Register-ArgumentCompleter"} {
		if code, out, _ := run(t, nil, "completion", shell); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d", shell, code)
		}
	}
	for _, c := range [][]string{{"department=", "users", "set", "anna@x", "dep"}, {"csv", "users", "list", "--as", ""}, {"people:write", "keys", "create", "--scope", ""}} {
		if _, out, _ := run(t, nil, append([]string{"__complete"}, c[1:]...)...); !strings.Contains(out, c[0]) {
			t.Errorf("%v completes to %s", c[1:], out)
		}
	}
}
