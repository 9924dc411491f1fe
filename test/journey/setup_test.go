package journey

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

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
  - {upn: anna@contoso.example, values: {displayName: Anna Member, mailNickname: anna, accountEnabled: true, userType: Member, city: Ulm}, manager: nameplate-verify-boss@contoso.example}
  - {upn: nameplate-verify@contoso.example, values: {displayName: Thea Throwaway, mailNickname: thea, accountEnabled: true, userType: Member, city: Ulm, otherMails: [thea@example.com], mobilePhone: "+49 731 1"}}
  - {upn: nameplate-verify-guest@contoso.example, values: {displayName: Gast, mailNickname: gast, accountEnabled: true, userType: Guest}}
  - {upn: nameplate-verify-synced@contoso.example, sync: synced, values: {displayName: Sync, mailNickname: sync, accountEnabled: true, userType: Member}}
  - {upn: nameplate-verify-admin@contoso.example, roles: [Helpdesk Administrator], values: {displayName: Helpdesk, mailNickname: helpdesk, accountEnabled: true, userType: Member}}
  - {upn: nameplate-verify-boss@contoso.example, values: {displayName: Boss, mailNickname: boss, accountEnabled: true, userType: Member}}
  - {upn: nameplate-verify-assignable@contoso.example, values: {displayName: Power, mailNickname: power, accountEnabled: true, userType: Member}}
  - {upn: nameplate-verify-user@contoso.example, values: {displayName: User, mailNickname: user, accountEnabled: true, userType: Member}}
  - {upn: load0@contoso.example, values: {displayName: Load Null, mailNickname: load0, accountEnabled: true, userType: Member}}
  - {upn: load1@contoso.example, values: {displayName: Load One, mailNickname: load1, accountEnabled: true, userType: Member}}
  - {upn: load2@contoso.example, values: {displayName: Load Two, mailNickname: load2, accountEnabled: true, userType: Member}}
groups: [{name: Role holders, type: role-assignable, members: [nameplate-verify-assignable@contoso.example]}]
`

// newcomer is somebody with an organization and the program, and a folder for what it writes.
type newcomer struct {
	t      *testing.T
	box    *app.Emulator
	folder string
	portal string
	port   string
}

func newcomers(t *testing.T, more ...string) *newcomer {
	t.Helper()
	n := &newcomer{t: t, folder: t.TempDir(), port: freePort(t, 1)}
	n.portal = "http://localhost:" + n.port
	var files []string
	for i, text := range append([]string{bare}, more...) {
		files = append(files, filepath.Join(n.folder, fmt.Sprintf("organization%d.yaml", i)))
		if err := os.WriteFile(files[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	box, err := app.StartEmulator(t.Context(), app.EmulatorOptions{Files: files})
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
	cmd.Dir, cmd.Env = n.folder, append(os.Environ(), "NAMEPLATE_LISTEN=127.0.0.1:"+n.port)
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
	cmd.Dir, cmd.Env = n.folder, append(os.Environ(), "NAMEPLATE_LISTEN=127.0.0.1:"+n.port)
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

// TestA28_S5_22_SetupAddsAndCompletesOneOfSeveral: in a configuration that somebody wrote for several organizations, one is completed and
// one is added, each with a key of its own; comments and the other stay as they are, and people of both sign in.
func TestA28_S5_22_SetupAddsAndCompletesOneOfSeveral(t *testing.T) {
	t.Parallel()
	const first, second = "6f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e02", "7f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e03"
	n := newcomers(t, strings.NewReplacer(first, second, "contoso", "fabrikam", "Contoso", "Fabrikam", "Anna Member", "Anna Fabrikam").Replace(bare))
	top := fmt.Sprintf("public_url: %s # ours\nauthority: %s\ntoken_authority: %s\ngraph: %s\nca_file: %s\n", n.portal, n.box.AuthHTTP, n.box.Authority, n.box.Graph, n.box.CAFile)
	text := func() string {
		b, err := os.ReadFile(n.config())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := os.WriteFile(n.config(), []byte(top+"tenants:\n  # headquarters\n  - tenant: "+first+" # by its id\n\n# the end\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ends := func(want int, who string, args ...string) (out, said string) {
		t.Helper()
		out, said, code := n.run(who, append(args, "--config", n.config())...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d\n%s\n%s", args, code, want, out, said)
		}
		return out, said
	}
	client := func(out string) string {
		var a setupAnswer
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatal(err)
		}
		return a.Registration.ClientID
	}
	out, _ := ends(0, "glenda@contoso.example", "setup", "--yes", "--json")
	headquarters := "tenants:\n  # headquarters\n  - tenant: " + first + " # by its id\n    client_id: " + client(out) + "\n    client_certificate: nameplate-" + first + ".pem\n"
	if got := text(); got != top+headquarters+"\n# the end\n" {
		t.Errorf("completed:\n%s", got)
	}
	if _, said := ends(4, "glenda@contoso.example", "setup", "--yes", "--tenant", "contoso.example"); !strings.Contains(said, "--tenant "+first) {
		t.Errorf("the same organization by its domain: %s", said)
	}
	out, _ = ends(0, "glenda@fabrikam.example", "setup", "--yes", "--json", "--tenant", "fabrikam.example", "--features", "profiles,creation", "--admin", "glenda@fabrikam.example")
	both := top + headquarters + "  - tenant: " + second + "\n    client_id: " + client(out) + "\n    client_certificate: nameplate-fabrikam.example.pem\n    features: profiles,creation\n\n# the end\n"
	if got := text(); got != both {
		t.Errorf("added:\n%s\nwant\n%s", got, both)
	}
	if _, said := ends(2, "", "setup", "--yes"); !strings.Contains(said, first+", "+second) {
		t.Errorf("which one was not asked: %s", said)
	}
	for who, id := range map[string]string{"glenda@contoso.example": first, "glenda@fabrikam.example": second} {
		if out, said := ends(0, who, "setup", "--yes", "--tenant", id); !strings.Contains(out, "Nothing is missing.") || strings.Contains(said, "wrote") || text() != both {
			t.Errorf("again: %s\n%s\n%s", out, said, text())
		}
	}
	if _, said := ends(0, "glenda@fabrikam.example", "setup", "--yes", "--tenant", second, "--features", "profiles"); !strings.Contains(said, "write features: profiles there") || text() != both {
		t.Errorf("what stands there otherwise: %s", said)
	}
	keys := func() map[string]string {
		all := map[string]string{}
		for _, name := range []string{"nameplate-" + first + ".pem", "nameplate-fabrikam.example.pem"} {
			b, err := os.ReadFile(filepath.Join(n.folder, name))
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(b)
		}
		return all
	}
	before := keys()
	ends(0, "", "credentials", "rotate", "--tenant", second)
	if after := keys(); after["nameplate-"+first+".pem"] != before["nameplate-"+first+".pem"] || after["nameplate-fabrikam.example.pem"] == before["nameplate-fabrikam.example.pem"] {
		t.Error("rotating one replaced the key of the other, or none")
	}
	ends(0, "", "doctor")
	w := n.serve()
	for who, name := range map[string]string{"anna@contoso.example": "Anna Member", "anna@fabrikam.example": "Anna Fabrikam"} {
		b, id := w.browser(), first
		if strings.Contains(who, "fabrikam") {
			id = second
		}
		b.get("/login?tenant=" + id)
		to, err := emulator.SignIn(t.Context(), b.http, b.at.String(), who)
		if err != nil {
			t.Fatal(err)
		}
		b.open(to).get("/profile").says(name)
		if id == second { // what was granted for the feature creation does for it
			b := w.browser()
			b.get("/login?tenant=" + id)
			if to, err = emulator.SignIn(t.Context(), b.http, b.at.String(), "glenda@fabrikam.example"); err != nil {
				t.Fatal(err)
			}
			b.open(to).get("/admin/people/new")
			b.press("/admin/people/new", "", func(f url.Values) {
				f.Set("displayName", "Zora New")
				f.Set("userPrincipalName", "zora@fabrikam.example")
				f.Set("usageLocation", "DE")
			}).says("Add this person?")
			f := b.form("/admin/people/new")
			f.Set("step", "save")
			f.Set("why", "New in the office")
			b.post("/admin/people/new", f).says("First password", "Saved")
		}
	}
	broken := strings.Replace(text(), "client_certificate: nameplate-"+first, "client_certificate: gone-"+first, 1)
	if err := os.WriteFile(n.config(), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	ends(2, "", "doctor")
	ends(0, "", "doctor", "--tenant", second) // what is wrong with the other is nothing to it
}

// TestS1_57_SetUpThenBothJourneysInChromium: the portal that one command connected, in the real browser: a member changes their own city,
// an administrator finds the member, changes the city again with a reason, and both stand in the history.
func TestS1_57_SetUpThenBothJourneysInChromium(t *testing.T) {
	t.Parallel()
	n := newcomers(t)
	if out, said, code := n.run("glenda@contoso.example", append([]string{"setup", "--yes", "--admin", "glenda@contoso.example"}, n.places()...)...); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, said)
	}
	w := n.serve()
	person := w.chromium()
	person.signIn("anna@contoso.example")
	person.open("/profile?edit=all")
	eval[any](person, `document.querySelector("#f-city").value = ""`)
	person.do(chromedp.SendKeys(chromedp.CSS("#f-city"), "Bonn"))
	person.click(".savebar .button-main")
	person.says("Saved", "Bonn")

	admin := w.chromium()
	admin.signIn("glenda@contoso.example")
	admin.open("/admin/people?q=Anna")
	admin.click(`main table a[href^="/admin/people/"]`)
	admin.says("Anna Member", "Bonn")
	at := eval[string](admin, "location.pathname")
	admin.open(at + "?edit=all")
	eval[any](admin, `document.querySelector("#f-city").value = ""`)
	admin.do(chromedp.SendKeys(chromedp.CSS("#f-city"), "Rome"))
	admin.click(".savebar .button-main")
	admin.says("Before you save", "Bonn", "Rome")
	eval[any](admin, `document.querySelector("[name=why]").value = "She moved"`)
	admin.click(`button[name=step][value=save]`)
	admin.says("Saved", "Rome")
	admin.open("/admin/history")
	admin.says("Anna Member", "Glenda Global", "She moved", "Rome", "Bonn")
	person.open("/profile")
	person.says("Rome")
	for _, c := range []*chromium{person, admin} {
		c.mu.Lock()
		for _, s := range c.log {
			t.Errorf("the browser complained: %s", s)
		}
		c.mu.Unlock()
	}
}

// load is people who sign in and look at their profile, again and again.
type load struct {
	t      *testing.T
	stop   context.CancelFunc
	wg     sync.WaitGroup
	rounds atomic.Int64
	made   chan struct{}
}

// load begins with these people, one beside the other; what is lost fails the test.
func (n *newcomer) load(w *world, who []string) *load {
	ctx, stop := context.WithCancel(n.t.Context())
	l := &load{t: n.t, stop: stop, made: make(chan struct{}, 100_000)}
	n.t.Cleanup(stop)
	for _, upn := range who {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				if err := n.round(w, upn); err != nil {
					n.t.Errorf("after %d rounds: %v", l.rounds.Load(), err)
				}
				l.rounds.Add(1)
				l.made <- struct{}{}
			}
		})
	}
	return l
}

// round is one sign-in and two pages in a browser of its own.
func (n *newcomer) round(w *world, upn string) error {
	b := w.browser()
	resp, err := b.http.Get(n.portal + "/login")
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	to, err := emulator.SignIn(n.t.Context(), b.http, resp.Request.URL.String(), upn)
	if err != nil {
		return err
	}
	for _, address := range []string{to, n.portal + "/profile"} {
		resp, err := b.http.Get(address)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/profile" {
			return fmt.Errorf("%s: %d at %s", address, resp.StatusCode, resp.Request.URL.Path)
		}
	}
	return nil
}

// more waits for so many rounds more.
func (l *load) more(k int) {
	for len(l.made) > 0 {
		<-l.made
	}
	for range k {
		select {
		case <-l.made:
		case <-l.t.Context().Done():
		}
	}
}

// end stops it and says how many rounds there were.
func (l *load) end() int64 {
	l.stop()
	l.wg.Wait()
	return l.rounds.Load()
}

// TestF18_RotationUnderLoadLosesNothing: while people sign in and save, the certificate is replaced, the old one is taken away, and the
// application's own token is refused and fetched anew. No request is lost, and the server is not started again.
func TestF18_RotationUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	n := newcomers(t)
	if out, said, code := n.run("glenda@contoso.example", append([]string{"setup", "--yes"}, n.places()...)...); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, said)
	}
	w := n.serve()
	load := n.load(w, []string{"load0@contoso.example", "load1@contoso.example", "load2@contoso.example"})
	load.more(6)
	rotate := func(want int, says string, args ...string) {
		t.Helper()
		out, said, code := n.run("", append([]string{"credentials", "rotate", "--config", n.config()}, args...)...)
		if code != want || !strings.Contains(out+said, says) {
			t.Errorf("rotate %v: exit %d, want %d and %q\n%s\n%s", args, code, want, says, out, said)
		}
	}
	rotate(0, "Nothing is due", "--within", "30")
	rotate(1, "no rotation to finish", "--finish")
	renew := func() { // the application's own token is refused once, so that it fetches another
		w.control(http.MethodPost, "/faults", emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/`, Times: 1}, Do: emulator.Do{Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken"}}, nil)
		load.more(9)
	}
	rotate(0, "The old one stays good until")
	renew()
	rotate(4, "stays registered until")
	rotate(0, "Nothing is due", "--within", "400")
	rotate(0, "The old certificate is taken away", "--finish")
	renew()
	t.Logf("%d sign-ins with two pages each", load.end())
	out, _, code := n.run("", "credentials", "list", "--json", "--config", n.config())
	var list struct {
		Credentials []struct {
			Kind     string
			DaysLeft int `json:"days_left"`
			Used     bool
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list.Credentials) != 1 || !list.Credentials[0].Used || list.Credentials[0].DaysLeft < 363 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

// TestVerify_OneThrowawayPersonAndNobodyElse: the directory's contract on one person, who is afterwards as before; everybody else is
// refused before anything is sent.
func TestVerify_OneThrowawayPersonAndNobodyElse(t *testing.T) {
	t.Parallel()
	n := newcomers(t)
	if out, said, code := n.run("glenda@contoso.example", append([]string{"setup", "--yes", "--features", "profiles,photos,deletion"}, n.places()...)...); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, said)
	}
	w := &world{Demo: &app.Demo{Portal: n.portal, Box: n.box.Box}, t: t}
	people := func() map[string]string {
		var orgs []emulator.Organization
		w.control(http.MethodGet, "/snapshot", nil, &orgs)
		out := map[string]string{}
		for _, u := range orgs[0].Users {
			j, err := json.Marshal(u)
			if err != nil {
				t.Fatal(err)
			}
			out[u.UPN] = string(j)
		}
		return out
	}
	server := n.serve()
	server.signIn("nameplate-verify-user@contoso.example")
	writes := func() int64 {
		var s emulator.Statistics
		w.control(http.MethodGet, "/statistics", nil, &s)
		return s.Writes
	}
	before, none := people(), writes()
	for who, why := range map[string]string{
		"anna@contoso.example":                        "does not begin with nameplate-verify",
		"glenda@contoso.example":                      "does not begin with nameplate-verify",
		"nameplate-verify-guest@contoso.example":      "is a guest",
		"nameplate-verify-synced@contoso.example":     "mastered on-premises",
		"nameplate-verify-admin@contoso.example":      "holds a directory role",
		"nameplate-verify-boss@contoso.example":       "somebody's manager",
		"nameplate-verify-assignable@contoso.example": "group that can hold directory roles",
		"nameplate-verify-user@contoso.example":       "has signed in to this portal",
	} {
		if out, said, code := n.run("", "verify", "--on", who, "--yes", who, "--config", n.config()); code != 4 || !strings.Contains(said, why) {
			t.Errorf("%s: exit %d\n%s\n%s", who, code, out, said)
		}
	}
	const thea = "nameplate-verify@contoso.example"
	if _, said, code := n.run("", "stop", "--why", "an incident", "--config", n.config()); code != 0 {
		t.Errorf("stop: exit %d\n%s", code, said)
	}
	if _, said, code := n.run("", "verify", "--on", thea, "--yes", thea, "--config", n.config()); code != 4 || !strings.Contains(said, "an incident") {
		t.Errorf("while all writing is stopped: exit %d\n%s", code, said)
	}
	if _, said, code := n.run("", "go", "--why", "it is over", "--config", n.config()); code != 0 {
		t.Errorf("go: exit %d\n%s", code, said)
	}
	if _, said, code := n.run("", "verify", "--on", thea, "--config", n.config()); code != 2 || !strings.Contains(said, "--yes "+thea) {
		t.Errorf("not confirmed: exit %d\n%s", code, said)
	}
	if n := writes(); n != none {
		t.Errorf("refused, and %d writes", n-none)
	}
	out, said, code := n.run("", "verify", "--on", thea, "--yes", thea, "--json", "--config", n.config())
	var a struct {
		Results []struct {
			Case     string
			Problems []string
		}
	}
	if err := json.Unmarshal([]byte(out), &a); err != nil || code != 0 || len(a.Results) < 10 {
		t.Errorf("exit %d, %v\n%s\n%s", code, err, out, said)
	}
	for _, r := range a.Results {
		if len(r.Problems) > 0 {
			t.Errorf("%s: %v", r.Case, r.Problems)
		}
	}
	if n := writes(); n-none < 10 {
		t.Errorf("only %d writes", n-none)
	}
	asBefore := func() {
		t.Helper()
		after := people()
		for upn, was := range before {
			if now := after[upn]; now != was {
				t.Errorf("%s is another:\nbefore %s\nafter  %s", upn, was, now)
			}
		}
	}
	asBefore()
	// A directory that does not do what is expected of it is told, and the person is as before all the same.
	w.control(http.MethodPost, "/faults", emulator.Rule{Match: emulator.Match{Method: http.MethodPatch, Path: `^/v1\.0/users/`, Nth: 2}, At: emulator.After, Do: emulator.Do{Status: 500}}, nil)
	if out, said, code = n.run("", "verify", "--on", thea, "--yes", thea, "--config", n.config()); code != 1 || !strings.Contains(out, "differs") || !strings.Contains(out, "is as before") {
		t.Errorf("a directory that errs: exit %d\n%s\n%s", code, out, said)
	}
	asBefore()
}
