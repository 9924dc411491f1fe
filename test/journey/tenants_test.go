package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/app"
	"nameplate/internal/policy"
)

// twin is an organization of two that one portal serves: the same people under the same object ids and sign-in names as the other's, in
// an emulator of its own.
type twin struct {
	id, name, department string
	emulator             *emulator.Emulator
	server               *emulator.Server
}

// twins is the portal of both.
type twins struct {
	*killed
	contoso, fabrikam twin
	w                 *world
}

const alsoHere = "aaaaaaaa-7a42-4c7b-9c1e-2b8f4d6a9e02"

// newTwins writes the configuration of both and starts nothing yet but their emulators.
func newTwins(t *testing.T) *twins {
	t.Helper()
	x := &twins{killed: &killed{t: t, dir: t.TempDir(), port: freePort(t, 1)}}
	var authorities, elements strings.Builder
	for _, one := range []*twin{&x.contoso, &x.fabrikam} {
		org, err := sample.Contoso()
		if err != nil {
			t.Fatal(err)
		}
		*one = twin{id: org.ID, name: "Contoso", department: "Only in Contoso"}
		rules := string(policy.Demo())
		if one == &x.fabrikam {
			*one = twin{id: alsoHere, name: "Fabrikam", department: "Only in Fabrikam"}
			rules = strings.Replace(rules, "  mobilePhone:\n    view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]\n    edit: [self, ",
				"  mobilePhone:\n    reason: {en: \"Fabrikam keeps phones.\", de: \"Fabrikam pflegt Telefone.\", ar: \"تتولى فابريكام الهواتف.\"}\n    view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]\n    edit: [", 1)
		}
		org.ID, org.Name = one.id, one.name
		for i := range org.Users {
			org.Users[i].Values["department"] = one.department
		}
		org.Apps[0].Redirects = append(org.Apps[0].Redirects, "http://localhost:"+x.port+"/auth/callback", "http://localhost:"+x.port+"/signed-out")
		if one.emulator, err = emulator.New(emulator.Options{Organizations: []emulator.Organization{org}}); err != nil {
			t.Fatal(err)
		}
		if one.server, err = one.emulator.Start(t.Context(), emulator.Addresses{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = one.server.Close() })
		ca, err := os.ReadFile(one.server.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		authorities.Write(ca)
		x.write(one.name+".yaml", rules)
		x.write(one.name+".secret", org.Apps[0].Secrets[0].Value)
		fmt.Fprintf(&elements, "  - tenant: %s\n    client_id: %s\n    client_secret_file: %s.secret\n    policy: %[3]s.yaml\n    name: %[3]s\n    authority: %s\n    token_authority: %s\n    graph: %s\n",
			one.id, org.Apps[0].ClientID, one.name, one.server.AuthorityHTTP, one.server.Authority, one.server.Graph)
		x.org = org
	}
	x.write("ca.pem", authorities.String())
	x.write("nameplate.yaml", fmt.Sprintf("public_url: http://localhost:%[1]s\nlisten: 127.0.0.1:%[1]s\nca_file: ca.pem\ntenants:\n%s", x.port, elements.String()))
	return x
}

func (x *twins) write(name, text string) {
	x.t.Helper()
	if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// cli runs one verb in the folder of the configuration.
func (x *twins) cli(args ...string) (string, int) {
	x.t.Helper()
	cmd := exec.CommandContext(x.t.Context(), program(x.t), args...)
	cmd.Dir = x.dir
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// key makes an API key of an organization on the machine.
func (x *twins) key(of twin) (secret string) {
	x.t.Helper()
	out, code := x.cli("keys", "create", "of "+of.name, "--why", "a test", "--local", "--tenant", of.id, "--role", "Nameplate.Admin", "--scope", "people:read,people:write,history:read,keys:manage", "--as", "json")
	var made struct{ Secret string }
	if code != 0 || json.Unmarshal([]byte(out), &made) != nil || made.Secret == "" {
		x.t.Fatalf("a key of %s: %d %s", of.name, code, out)
	}
	return made.Secret
}

// ask makes a request of the API.
func (x *twins) ask(method, path, key, body string) (int, string) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.w.Portal+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", "*")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// in signs somebody in to one of the two.
func (x *twins) in(of twin, upn string) *browser {
	x.t.Helper()
	b := x.w.browser()
	b.get("/login?tenant=" + of.id)
	to, err := emulator.SignIn(x.t.Context(), b.http, b.at.String(), upn)
	if err != nil {
		x.t.Fatal(err)
	}
	return b.open(to)
}

func (o twin) writes() (n int) { return len(o.emulator.Ledger(0)) }

// A28: two organizations whose people have the same object ids and sign-in names. Whatever is seen, changed, looked for, undone,
// stopped or asked in one, by page, key or command line, is nothing to the other.
func TestA28_TwoOrganizationsOnOnePortal(t *testing.T) {
	t.Parallel()
	x := newTwins(t)
	ours, theirs := x.contoso, x.fabrikam

	if out, code := x.cli("keys", "list", "--local"); code != 2 || !strings.Contains(out, ours.id) || !strings.Contains(out, "--tenant") {
		t.Errorf("without saying which organization: %d %s", code, out)
	}
	ourKey, theirKey := x.key(ours), x.key(theirs)
	health := freePort(t, 1)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program(t), "serve", "--json")
	cmd.Dir, cmd.Env = x.dir, append(os.Environ(), "NAMEPLATE_HEALTH_LISTEN=127.0.0.1:"+health)
	portal, log, _ := x.start(cmd)
	x.w = &world{Demo: &app.Demo{Portal: portal}, t: t, log: log}
	before := theirs.writes()

	// Signing in: the organization is chosen, and kept for the next time.
	b := x.w.browser()
	b.get("/profile").says("Choose your organization", "Contoso", "Fabrikam")
	if b.get("/login?tenant=11111111-2222-3333-4444-555555555555").says("Choose your organization"); b.at.Path != "/sign-in" {
		t.Errorf("an unknown organization leads to %s", b.at)
	}
	b = x.in(ours, ruth)
	b.get("/profile").says("Contoso", "Ruth", ours.department)
	if strings.Contains(b.text(), theirs.name) || strings.Contains(b.text(), theirs.department) {
		t.Errorf("the profile tells of the other: %s", b.text())
	}
	b.post("/sign-out", b.form("/sign-out"))
	if b.get("/login"); !strings.HasPrefix(b.at.String(), ours.server.AuthorityHTTP+"/"+ours.id) {
		t.Errorf("the next sign-in begins at %s", b.at)
	}

	// The same person in both, each under the rules of their organization.
	us, them := x.in(ours, lena), x.in(theirs, lena)
	us.save("contact", map[string]string{"mobilePhone": "+49 170 7777 101"}).says("Gespeichert")
	them.get("/profile").says("Fabrikam", theirs.department, "Fabrikam pflegt Telefone.")
	if strings.Contains(us.get("/profile").text(), "Fabrikam") {
		t.Error("the other's rules are told here")
	}
	form := us.get("/profile?edit=contact").form("/profile")
	if form.Set("mobilePhone", "+49 170 7777 102"); them.post("/profile", form).code == http.StatusOK {
		t.Error("a form of one organization was taken by the other")
	}
	if n := theirs.writes() - before; n != 0 {
		t.Errorf("%d writes in the other directory", n)
	}
	them.get("/history")
	if strings.Contains(them.body, "7777") {
		t.Error("a change of one stands in the other's history")
	}

	// Administrators: people, history, entries, undo, the file.
	boss, other := x.in(ours, ruth), x.in(theirs, ruth)
	boss.person("Lena Hoffmann")
	if other.get(boss.at.Path); other.code != http.StatusOK || !strings.Contains(other.body, theirs.department) || strings.Contains(other.body, ours.department) || strings.Contains(other.body, "7777") {
		t.Errorf("the same object id in the other: %d\n%s", other.code, other.text())
	}
	if !strings.Contains(boss.get("/admin/history").body, "7777") || strings.Contains(other.get("/admin/history").body, "7777") || strings.Contains(other.exported("/admin/history/export").body, "7777") {
		t.Error("the history of everybody is not each organization's own")
	}
	entries := boss.get("/admin/history?do=update").all(func(n *html.Node) bool {
		return n.Data == "a" && len(attr(n, "href")) > 30 && strings.HasPrefix(attr(n, "href"), "/admin/history/") && !strings.Contains(attr(n, "href"), "?")
	})
	if len(entries) != 1 {
		t.Fatalf("%d entries:\n%s", len(entries), boss.text())
	}
	entry := boss.link(entries[0])
	if other.get(entry).code != http.StatusNotFound {
		t.Errorf("the other reads an entry: %d", other.code)
	}
	undo := boss.get(entry).form(entry + "/undo")
	if other.post(entry+"/undo", undo).code < 400 {
		t.Errorf("the other takes an entry back: %d", other.code)
	}

	// The API: each key answers for its own.
	for _, c := range []struct {
		of        twin
		key, also string
	}{{ours, ourKey, theirs.department}, {theirs, theirKey, ours.department}} {
		status, body := x.ask("GET", "/people/"+url.PathEscape(lena)+"?select=department,mobilePhone", c.key, "")
		if status != 200 || !strings.Contains(body, c.of.department) || strings.Contains(body, c.also) {
			t.Errorf("%s: %d %s", c.of.name, status, body)
		}
		status, body = x.ask("GET", "/people?search=Only", c.key, "")
		if status != 200 || strings.Contains(body, c.also) {
			t.Errorf("%s: %d %s", c.of.name, status, body)
		}
		status, body = x.ask("GET", "/history", c.key, "")
		if status != 200 || strings.Contains(body, "7777 101") != (c.of.id == ours.id) {
			t.Errorf("the history of %s: %d %s", c.of.name, status, body)
		}
		status, body = x.ask("GET", "/keys", c.key, "")
		if status != 200 || !strings.Contains(body, "of "+c.of.name) || strings.Count(body, `"name"`) != 1 {
			t.Errorf("the keys of %s: %d %s", c.of.name, status, body)
		}
	}
	id := entry[strings.LastIndexByte(entry, '/')+1:]
	for _, path := range []string{"/history/" + id, "/history/" + id + "/undo"} {
		method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "/undo")]
		if status, body := x.ask(method, path, theirKey, ""); status != http.StatusNotFound {
			t.Errorf("%s %s with the other's key: %d %s", method, path, status, body)
		}
	}
	_, list := x.ask("GET", "/keys", ourKey, "")
	var keys struct{ Keys []struct{ ID string } }
	if err := json.Unmarshal([]byte(list), &keys); err != nil || len(keys.Keys) != 1 {
		t.Fatalf("%v %s", err, list)
	}
	if status, body := x.ask("DELETE", "/keys/"+keys.Keys[0].ID, theirKey, ""); status != http.StatusNotFound {
		t.Errorf("the other ends a key: %d %s", status, body)
	}
	if status, body := x.ask("PATCH", "/people/"+url.PathEscape(lena), theirKey, `{"city":"Bremen"}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if n := theirs.writes() - before; n != 1 {
		t.Errorf("%d writes in the other directory, want the one that was asked for there", n)
	}
	if slices.ContainsFunc(ours.emulator.Ledger(0), func(e emulator.Entry) bool { return e.After["city"] == "Bremen" }) {
		t.Error("what was asked for there was written here")
	}

	// A stop of one, and figures of each.
	if out, code := x.cli("stop", "--tenant", theirs.id, "--why", "theirs"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	them.get("/profile").says("Das Speichern ist zurzeit angehalten.")
	if strings.Contains(us.get("/profile").text(), "Das Speichern ist zurzeit angehalten.") {
		t.Error("a stop of the other is told here")
	}
	us.save("contact", map[string]string{"mobilePhone": "+49 170 7777 103"}).says("Gespeichert")
	figures := text(t, "http://127.0.0.1:"+health+"/metrics")
	for _, want := range []string{
		`nameplate_writing_stopped{tenant="` + theirs.id + `"} 1`, `nameplate_writing_stopped{tenant="` + ours.id + `"} 0`,
		`nameplate_changes_total{tenant="` + ours.id + `",state="applied"} 2`, `nameplate_changes_total{tenant="` + theirs.id + `",state="applied"} 1`,
	} {
		if !strings.Contains(figures, want+"\n") {
			t.Errorf("no %s in\n%s", want, figures)
		}
	}
	if strings.Count(figures, "# TYPE nameplate_writing_stopped ") != 1 {
		t.Error("the figures of one name do not stand together")
	}
}

// The command line on the machine, and a configuration that is the same by variables.
func TestA28_TheCommandLineChoosesAnOrganization(t *testing.T) {
	t.Parallel()
	x := newTwins(t)
	for _, of := range []twin{x.contoso, x.fabrikam} {
		out, code := x.cli("users", "get", lena, "--local", "--tenant", strings.ToLower(of.name), "--as", "json")
		if code != 0 || !strings.Contains(out, of.department) {
			t.Errorf("%s: %d %s", of.name, code, out)
		}
		if out, code := x.cli("users", "set", lena, "city=Bremen", "--local", "--tenant", of.id); code != 0 {
			t.Fatalf("%d %s", code, out)
		}
		out, code = x.cli("history", "list", "--local", "--tenant", of.id, "--as", "json")
		if code != 0 || strings.Count(out, `"state"`) != 1 {
			t.Errorf("the history of %s: %d %s", of.name, code, out)
		}
		if of.writes() != 1 {
			t.Errorf("%s: %d writes", of.name, of.writes())
		}
	}
	out, _ := x.cli("doctor", "--json")
	for _, of := range []twin{x.contoso, x.fabrikam} {
		if !strings.Contains(out, `{"tenant":"`+of.id+`","code":"authority"`) {
			t.Errorf("doctor says nothing of %s: %s", of.name, out)
		}
	}
	if out, code := x.cli("users", "get", lena, "--local", "--tenant", "northwind.example"); code != 2 || !strings.Contains(out, x.fabrikam.id) {
		t.Errorf("an organization that is not there: %d %s", code, out)
	}
}
