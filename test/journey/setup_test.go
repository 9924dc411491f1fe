package journey

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// bare is an organization in which nobody has registered anything.
const bare = `
id: 6f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e02
name: Contoso
country: DE
domains: [{name: contoso.example, verified: true}]
users:
  - {upn: glenda@contoso.example, roles: [Global Administrator], values: {displayName: Glenda Global, mailNickname: glenda, accountEnabled: true, userType: Member}}
  - {upn: anna@contoso.example, values: {displayName: Anna Member, mailNickname: anna, accountEnabled: true, userType: Member, city: Ulm}}
`

// newcomer is somebody with an organization and the program, and a folder for what it writes.
type newcomer struct {
	t      *testing.T
	box    *app.Emulator
	folder string
	portal string
	port   string
}

func newcomers(t *testing.T) *newcomer {
	t.Helper()
	n := &newcomer{t: t, folder: t.TempDir(), port: freePort(t, 1)}
	n.portal = "http://localhost:" + n.port
	file := filepath.Join(n.folder, "organization.yaml")
	if err := os.WriteFile(file, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	box, err := app.StartEmulator(t.Context(), app.EmulatorOptions{Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close(context.Background()) })
	n.box = box
	return n
}

func (n *newcomer) config() string { return filepath.Join(n.folder, "nameplate.yaml") }

// places are the flags that lead to the emulator instead of Microsoft.
func (n *newcomer) places() []string {
	return []string{
		"--config", n.config(), "--public-url", n.portal, "--authority", n.box.AuthHTTP, "--token-authority", n.box.Authority, "--graph", n.box.Graph, "--ca-file", n.box.CAFile,
	}
}

var deviceCode = regexp.MustCompile(`open the page (\S+) and enter the code (\S+) `)

// run runs the program; when it asks for a sign-in, who signs in as on another machine.
func (n *newcomer) run(who string, args ...string) (out, said string, code int) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(n.t), args...)
	cmd.Env = append(os.Environ(), "NAMEPLATE_LISTEN=127.0.0.1:"+n.port)
	var b bytes.Buffer
	cmd.Stdout = &b
	pipe, err := cmd.StderrPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	client, err := app.ClientTrusting(n.box.CAFile)
	if err != nil {
		n.t.Fatal(err)
	}
	var errs strings.Builder
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		errs.WriteString(line)
		if m := deviceCode.FindStringSubmatch(line); m != nil {
			if err := emulator.EnterDeviceCode(ctx, client, m[1], m[2], who); err != nil {
				n.t.Errorf("signing in as %s: %v", who, err)
			}
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	return b.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// serve starts the portal with the configuration that was written.
func (n *newcomer) serve() *world {
	n.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(n.t.Context()), program(n.t), "serve", "--json", "--config", n.config())
	cmd.Env = append(os.Environ(), "NAMEPLATE_LISTEN=127.0.0.1:"+n.port)
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	var log lockedBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, n.portal) {
		n.t.Fatalf("the portal did not become ready: %q %v\n%s", line, err, log.String())
	}
	return &world{Demo: &app.Demo{Portal: n.portal, Box: n.box.Box}, t: n.t, log: &log}
}

type setupAnswer struct {
	Registration struct {
		Tenant   string
		ClientID string `json:"client_id"`
	}
	Steps    []struct{ Kind, Item, State string }
	Wrote    []string
	Findings []struct{ Code, Level, What string }
}

// TestS1_46_S1_57_S5_22_OneCommandThenSignInWorks: from an organization in which nothing is registered to a portal where people save.
func TestS1_46_S1_57_S5_22_OneCommandThenSignInWorks(t *testing.T) {
	t.Parallel()
	n := newcomers(t)
	out, said, code := n.run("glenda@contoso.example", append([]string{"setup", "--plan"}, n.places()...)...)
	if code != 0 || !strings.Contains(out, "+ add       redirect address (Web)  "+n.portal+"/auth/callback") || !strings.Contains(out, "User.ReadUpdate.All") {
		t.Errorf("a plan: exit %d\n%s\n%s", code, out, said)
	}
	if left, _ := filepath.Glob(filepath.Join(n.folder, "nameplate.*")); len(left) > 0 {
		t.Errorf("a plan wrote %v", left)
	}
	out, said, code = n.run("glenda@contoso.example", append([]string{"setup"}, n.places()...)...)
	if code != 2 || !strings.Contains(said, "without a terminal this needs --yes. Nothing was done") {
		t.Errorf("nobody to ask: exit %d\n%s\n%s", code, out, said)
	}
	out, said, code = n.run("glenda@contoso.example", append([]string{"setup", "--yes", "--json", "--admin", "glenda@contoso.example"}, n.places()...)...)
	var a setupAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, said)
	}
	for _, f := range a.Findings {
		if f.Level != "ok" {
			t.Errorf("examined: %+v", f)
		}
	}
	key, err := os.Stat(filepath.Join(n.folder, "nameplate.pem"))
	if err != nil || key.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v %v", key, err)
	}
	secret, _ := os.ReadFile(filepath.Join(n.folder, "nameplate.pem"))
	for _, line := range strings.Split(string(secret), "\n") {
		if len(line) > 20 && (strings.Contains(out, line) || strings.Contains(said, line)) {
			t.Error("a line of the key's file was printed")
		}
	}
	out, said, code = n.run("glenda@contoso.example", "setup", "--yes", "--config", n.config())
	if code != 0 || !strings.Contains(out, "Nothing is missing.") || !strings.Contains(out, "Everything is in order.") || strings.Contains(said, "wrote") {
		t.Errorf("again: exit %d\n%s\n%s", code, out, said)
	}
	w := n.serve()
	b := w.signIn("anna@contoso.example").get("/profile?edit=all")
	b.says("Anna Member")
	form := b.form("/profile")
	form.Set("city", "Bonn")
	b.post("/profile", form)
	if b.code != http.StatusOK {
		t.Errorf("saving: %d\n%s", b.code, b.text())
	}
	b.get("/profile").says("Bonn")
	w.signIn("glenda@contoso.example").get("/admin/people").says("Anna Member")
}
