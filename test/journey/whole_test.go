package journey

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/app"
	"nameplate/internal/change"
)

// An OpenID client and a Graph client that are not ours (go-oidc and x/oauth2, and net/http) see what the portal changed, and the
// portal shows what they changed.
func TestForeignClientsSeeTheSameDirectory(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 2001"}).says("Saved")

	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, w.AuthHTTP+"/"+w.TenantID+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	conf := oauth2.Config{
		ClientID: w.ClientID, ClientSecret: w.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: "http://localhost/auth/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "offline_access", "https://graph.microsoft.com/User.ReadWrite"},
	}
	verifier := oauth2.GenerateVerifier()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := emulator.SignIn(ctx, &http.Client{Jar: jar}, conf.AuthCodeURL("state-of-ours", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce-of-ours")), w.who("member"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := conf.Exchange(ctx, mustParse(t, to).Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: w.ClientID}).Verify(ctx, raw)
	if err != nil || id.Nonce != "nonce-of-ours" {
		t.Fatalf("the id token: %v %v", id, err)
	}
	client := conf.Client(ctx, token)
	resp, err := client.Get(w.GraphHTTP + "/v1.0/me?$select=mobilePhone")
	if err != nil {
		t.Fatal(err)
	}
	var me map[string]any
	err = json.NewDecoder(resp.Body).Decode(&me)
	_ = resp.Body.Close()
	if err != nil || me["mobilePhone"] != "+81 90 5550 2001" {
		t.Errorf("the foreign client sees %v, %v", me, err)
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, w.GraphHTTP+"/v1.0/me", strings.NewReader(`{"mobilePhone":"+81 90 5550 2002"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err = client.Do(req); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("the foreign client's change: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	b.get("/profile").says("+81 90 5550 2002", "+81 90 5550 2001") // what is there now, and what it was on the last visit
}

// Delegated-only mode: with no application permission the portal works for what Graph lets a person write, says what is missing
// for the rest, and the application itself writes nothing.
func TestDelegatedOnly(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{DelegatedOnly: true})
	b := w.signIn(w.who("member"))
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 2003"}).says("Saved", "+81 90 5550 2003")
	b.save("about", map[string]string{"skills": "Kites", "interests": "Maps"}).says("Saved")
	form := b.get("/profile?edit=all").form("/profile")
	for _, closed := range []string{"jobTitle", "city", "department"} {
		if form.Has(closed) {
			t.Errorf("%s is offered, and it cannot be written", closed)
		}
	}
	b.get("/profile").says("This portal may use only your own rights", "ask your administrator to give this portal the right to change more")
	got := w.since(0)
	if len(got) == 0 {
		t.Fatal("nothing was written")
	}
	for _, e := range got {
		if e.Actor == "" {
			t.Errorf("the application wrote by itself: %+v", e)
		}
	}
	for _, e := range w.Emulator.Requests(0) {
		if e.Status == http.StatusForbidden && strings.Contains(e.Path, "/users") && e.Method != http.MethodGet {
			t.Errorf("a write was refused that should not have been tried: %+v", e)
		}
	}
}

// The synced person sees what is mastered elsewhere as text with its reason, and may still write what is theirs (C5, W21).
func TestW21_SyncedPerson(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("synced from on-premises")).speak("en")
	form := b.get("/profile?edit=all").form("/profile")
	for _, closed := range []string{"jobTitle", "city", "mobilePhone"} {
		if form.Has(closed) {
			t.Errorf("%s is offered, and it is mastered on-premises", closed)
		}
	}
	b.says("on-premises")
	b.save("about", map[string]string{"skills": "Calibration"}).says("Saved", "Calibration")
}

// A guest sees what guests may do: number, picture and language, and why not the rest.
func TestGuest(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("guest")).speak("en")
	form := b.get("/profile?edit=all").form("/profile")
	if form.Has("jobTitle") || form.Has("city") {
		t.Errorf("a guest may edit %v", form)
	}
	b.says("Guests change only their mobile phone, their language and their picture here")
	b.save("contact", map[string]string{"mobilePhone": "+39 02 5550 2007"}).says("Saved", "+39 02 5550 2007")
	b.get("/profile/photo").form("/profile/photo")
}

// --data keeps everything: the change, its history, and that it can be taken back, over a restart.
func TestDataIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	func() {
		d, err := app.StartDemo(t.Context(), app.DemoOptions{Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Demo: d, t: t}
		w.signIn(w.who("member")).save("contact", map[string]string{"mobilePhone": "+81 90 5550 2004"}).says("Saved")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}()
	w := begin(t, app.DemoOptions{Data: dir})
	b := w.signIn(w.who("member"))
	b.says("+81 90 5550 2004")
	b.get("/history").says("Mobile phone", "+81 90 5550 2004", "Undo")
}

// F13, G3: the program is killed at each named point of a save; started again, it settles the save without a question, and ledger,
// directory and history agree: done once, or not done.
func TestF13_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, point := range []string{change.BeforeBegin, change.AfterBegin, change.BeforeSend, change.AfterSend, change.BeforeEnd, change.AfterEnd} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			k := newKilled(t)
			w, died := k.serve(point + ":1")
			b := w.signIn(w.who("member"))
			form := b.get("/profile?edit=contact").form("/profile")
			form.Set("mobilePhone", "+81 90 5550 2005")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile", strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", w.Portal)
			if resp, err := b.http.Do(req); err == nil {
				_ = resp.Body.Close()
			}
			select {
			case <-died:
			case <-time.After(20 * time.Second):
				t.Fatal("the program did not pass this point")
			}
			w, _ = k.serve("")
			b = w.signIn(w.who("member"))
			// The entry is settled in the background from the start on; the history says when.
			began := point != change.BeforeBegin
			deadline := time.Now().Add(20 * time.Second)
			for began && !strings.Contains(b.get("/history").text(), "+81 90 5550 2005") || strings.Contains(b.text(), "Being saved") {
				if time.Now().After(deadline) {
					t.Fatalf("not settled:\n%s", b.text())
				}
			}
			writes := 0
			for _, e := range k.emulator.Ledger(0) {
				if e.After["mobilePhone"] == "+81 90 5550 2005" {
					writes++
				}
			}
			now := foreign(t, w, "/v1.0/users/"+w.who("member")+"?$select=mobilePhone")["mobilePhone"]
			done := now == "+81 90 5550 2005"
			if writes > 1 || done != (writes == 1) || done != began {
				t.Errorf("%d writes, the directory has %v\n%s\n%s", writes, now, b.text(), w.log.String())
			}
		})
	}
}

// killed is an emulator that lives on while portals beside it come and go.
type killed struct {
	t        *testing.T
	emulator *emulator.Emulator
	server   *emulator.Server
	org      emulator.Organization
	dir      string
	port     string
}

func newKilled(t *testing.T, certificates ...string) *killed {
	t.Helper()
	return newKilledAmong(t, func(org *emulator.Organization) {
		org.Apps[0].Certificates = append(org.Apps[0].Certificates, certificates...)
	})
}

// newKilledAmong changes the sample organization before it starts, and puts other tenants beside it.
func newKilledAmong(t *testing.T, change func(*emulator.Organization), others ...emulator.Organization) *killed {
	t.Helper()
	org, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t, 1)
	org.Apps[0].Redirects = append(org.Apps[0].Redirects, "http://localhost:"+port+"/auth/callback", "http://localhost:"+port+"/signed-out")
	change(&org)
	e, err := emulator.New(emulator.Options{Organizations: append([]emulator.Organization{org}, others...)})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return &killed{t, e, srv, org, t.TempDir(), port}
}

// command is the portal's command line and settings.
func (k *killed) command(crash string, more ...string) *exec.Cmd {
	k.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(k.t.Context()), program(k.t), "serve", "--json")
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(),
		"NAMEPLATE_PUBLIC_URL=http://localhost:"+k.port, "NAMEPLATE_LISTEN=127.0.0.1:"+k.port,
		"NAMEPLATE_TENANT="+k.emulator.Tenants()[0], "NAMEPLATE_CLIENT_ID="+k.org.Apps[0].ClientID, "NAMEPLATE_CLIENT_SECRET="+k.org.Apps[0].Secrets[0].Value,
		"NAMEPLATE_AUTHORITY="+k.server.AuthorityHTTP, "NAMEPLATE_TOKEN_AUTHORITY="+k.server.Authority, "NAMEPLATE_GRAPH="+k.server.Graph, "NAMEPLATE_CA_FILE="+k.server.CAFile,
		"NAMEPLATE_DATABASE="+filepath.Join(k.dir, "nameplate.db"), "NAMEPLATE_KEY_FILE="+filepath.Join(k.dir, "nameplate.key"), "NAMEPLATE_CRASH_AT="+crash, "NAMEPLATE_LOG_LEVEL=debug")
	cmd.Env = append(cmd.Env, more...)
	return cmd
}

// serve starts the portal; died is closed when the process has ended.
func (k *killed) serve(crash string, more ...string) (w *world, died <-chan struct{}) {
	k.t.Helper()
	portal, log, ended := k.start(k.command(crash, more...))
	d := &app.Demo{
		Portal: portal,
		Box: app.Box{
			AuthHTTP: k.server.AuthorityHTTP, GraphHTTP: k.server.GraphHTTP, Control: k.server.Control, TenantID: k.emulator.Tenants()[0],
			ClientID: k.org.Apps[0].ClientID, ClientSecret: k.org.Apps[0].Secrets[0].Value,
		},
		Users: []app.DemoUser{{UPN: "misaki.tanaka@larkfield.example", Role: "member"}},
	}
	return &world{Demo: d, t: k.t, log: log}, ended
}

// start runs a portal until the test ends, and waits until it is ready; ended is closed when the process has ended.
func (k *killed) start(cmd *exec.Cmd) (portal string, log *lockedBuffer, ended chan struct{}) {
	k.t.Helper()
	log = &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended = make(chan struct{})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	go func() { _ = cmd.Wait(); close(ended) }()
	k.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	var ready struct{ Portal string }
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(line), &ready)
	}
	if err != nil {
		k.t.Fatalf("the portal did not become ready: %v\n%s", err, log.String())
	}
	return ready.Portal, log, ended
}
