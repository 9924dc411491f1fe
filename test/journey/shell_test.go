package journey

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/app"
)

// The program in a shell: pipes that close, Ctrl-C, terminals of any width, files that are replaced beside it.

// TestB58_AClosedPipeEndsQuietly: whoever reads has gone, as head -1 does: the program ends by the system's own signal, which shells expect
// of it, and says nothing.
func TestB58_AClosedPipeEndsQuietly(t *testing.T) {
	t.Parallel()
	w := running(t)
	for _, args := range [][]string{{"users", "list"}, {"users", "list", "--as", "json"}, {"config", "settings"}, {"users", "--help"}} {
		r, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program(t), args...)
		cmd.Env = append(os.Environ(), "NAMEPLATE_SERVER="+w.Portal, "NAMEPLATE_API_KEY="+w.APIKey)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = to, &errs
		_ = cmd.Run() // how it ended is looked at below
		if err := to.Close(); err != nil {
			t.Error(err)
		}
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != syscall.SIGPIPE || errs.Len() > 0 {
			t.Errorf("%v: %s, said %q", args, cmd.ProcessState, errs.String())
		}
	}
}

// TestB58_AnyTerminal: what is printed is the same in a narrow terminal, in none, without colors and in the language C.
func TestB58_AnyTerminal(t *testing.T) {
	t.Parallel()
	w := running(t)
	var first string
	for _, environ := range [][]string{nil, {"COLUMNS=40"}, {"COLUMNS=20", "TERM=dumb"}, {"NO_COLOR=1", "LANG=C", "LC_ALL=C"}, {"TERM="}} {
		cmd := exec.CommandContext(t.Context(), program(t), "users", "list")
		cmd.Env = append(append(os.Environ(), "NAMEPLATE_SERVER="+w.Portal, "NAMEPLATE_API_KEY="+w.APIKey), environ...)
		out, err := cmd.CombinedOutput()
		if first == "" {
			first = string(out)
		}
		if err != nil || string(out) != first || strings.Contains(first, "\x1b") || !strings.Contains(first, "@"+w.Domain) {
			t.Errorf("%v: %v\n%s", environ, err, out)
		}
	}
}

// TestB58_CtrlCTwiceEndsAtOnce: the first lets what has begun end, here a request whose body never comes; the second does not wait.
func TestB58_CtrlCTwiceEndsAtOnce(t *testing.T) {
	t.Parallel()
	w, cmd := begun(t, "", nil, "--data", t.TempDir())
	address := strings.TrimPrefix(w.Portal, "http://")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	fmt.Fprintf(c, "POST /api/v1/people HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", address, w.APIKey)
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the body is not waited for: %q %v", line, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for { // until it takes nobody any more: it has begun to stop
		c, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("ended: %s\n%s", cmd.ProcessState, w.log.String())
	}
}

// TestF18_ASecretOnDiskIsReplacedUnderLoad: while people sign in, the secret's file first holds one that nobody knows yet, then one that
// is registered, and the old one is taken away. No request is lost, nothing is started again, and no secret stands in the log.
func TestF18_ASecretOnDiskIsReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	const old, next, unknown = "old~0123456789abcdefghijklmnopqrstuvwxyz", "new~0123456789abcdefghijklmnopqrstuvwxyz", "not~0123456789abcdefghijklmnopqrstuvwxyz"
	org, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	n := &newcomer{t: t, folder: t.TempDir(), port: freePort(t, 1)}
	n.portal = "http://localhost:" + n.port
	us := &org.Apps[0]
	us.Secrets = []emulator.Secret{{Value: old, Ends: "2099-01-01T00:00:00Z"}, {Value: next, Ends: "2099-01-01T00:00:00Z"}}
	us.Redirects = append(us.Redirects, n.portal+"/auth/callback", n.portal+"/signed-out")
	var who []string
	for _, u := range org.Users {
		if u.Values["userType"] == "Member" && u.Values["accountEnabled"] == true && len(u.Roles) == 0 {
			who = append(who, u.UPN)
		}
	}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	n.box = &app.Emulator{}
	n.box.CAFile = srv.CAFile
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(n.folder, name)
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	put("secret", old+"\n")
	put("nameplate.yaml", fmt.Sprintf("public_url: %s\ntenant: %s\nclient_id: %s\nclient_secret_file: secret\nauthority: %s\ntoken_authority: %s\ngraph: %s\nca_file: %s\n",
		n.portal, org.ID, us.ClientID, srv.AuthorityHTTP, srv.Authority, srv.Graph, srv.CAFile))
	w := n.serve()
	load := n.load(w, who[:3])
	renew := func() { // the application's own token is refused once, so that it fetches another
		e.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/`, Times: 1}, Do: emulator.Do{Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken"}})
		load.more(9)
	}
	load.more(6)
	put("secret", unknown+"\n")
	renew()
	put("secret", next+"\n")
	renew()
	n.forget(e, srv, us.ClientID, old[:3])
	renew()
	t.Logf("%d sign-ins with two pages each", load.end())
	for _, s := range []string{old, next, unknown} {
		if strings.Contains(w.log.String(), s) {
			t.Error("the log holds a secret")
		}
	}
	out, said, code := n.run("", "credentials", "list", "--json", "--config", n.config())
	if code != 0 || !strings.Contains(out, `"used":true`) || strings.Contains(out+said, next) {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
}

// forget takes a secret away from an application, as an administrator does.
func (n *newcomer) forget(e *emulator.Emulator, srv *emulator.Server, client, hint string) {
	n.t.Helper()
	token, err := e.Mint(emulator.Token{Client: client, Roles: []string{"Application.ReadWrite.All"}})
	if err != nil {
		n.t.Fatal(err)
	}
	ask := func(method, path, body string, into any) {
		n.t.Helper()
		req, err := http.NewRequestWithContext(n.t.Context(), method, srv.Graph+"/v1.0/applications"+path, strings.NewReader(body))
		if err != nil {
			n.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := srv.Client().Do(req)
		if err != nil {
			n.t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode >= 300 {
			n.t.Fatalf("%s %s: %s", method, path, resp.Status)
		}
		if into != nil {
			if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
				n.t.Fatal(err)
			}
		}
	}
	var a struct {
		ID                  string
		PasswordCredentials []struct{ KeyID, Hint string }
	}
	ask(http.MethodGet, "(appId='"+client+"')?$select=id,passwordCredentials", "", &a)
	for _, p := range a.PasswordCredentials {
		if p.Hint == hint {
			ask(http.MethodPost, "/"+a.ID+"/removePassword", `{"keyId":"`+p.KeyID+`"}`, nil)
			return
		}
	}
	n.t.Fatalf("no secret begins with %s: %+v", hint, a)
}

// begun starts the program's demo; whoever calls it ends it.
func begun(t *testing.T, dir string, env []string, args ...string) (*world, *exec.Cmd) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program(t), append([]string{"demo", "--json", "--port", "0"}, args...)...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	w := &world{Demo: &app.Demo{}, t: t, log: &log, pid: cmd.Process.Pid}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the program did not become ready: %v\n%s", err, log.String())
	}
	if err := json.Unmarshal(line, w.Demo); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return w, cmd
}
