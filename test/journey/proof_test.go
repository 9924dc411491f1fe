package journey

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nameplate/internal/app"
)

// The portal as it is served, at the level at which it says most: nothing secret, nothing typed, and one line for each record.
func TestA52_A54_TheDebugLog(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	health := "127.0.0.1:" + freePort(t, 1)
	w, _ := k.serve("", "NAMEPLATE_HEALTH_LISTEN="+health)
	b := w.signIn(w.who("member"))
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 3001"}).says("Saved")
	b.save("about", map[string]string{"skills": "canary skill"}).says("Saved")
	b.save("contact", map[string]string{"mobilePhone": "canary typed"})
	b.get("/nowhere%0Atime=2026-11-21T00:00:00Z%20level=ERROR%20msg=forged?secret=canary-query")
	b.get("/auth/callback?code=canary-code&state=canary-state")
	session := ""
	for _, c := range b.http.Jar.Cookies(mustParse(t, w.Portal)) {
		if c.Name == "nameplate" {
			session = c.Value
		}
	}
	w.log.says("path=/auth/callback status=400")
	log := w.log.String()
	for _, there := range []string{"msg=request", "authn_login_success", "path=/profile", "forged"} {
		if !strings.Contains(log, there) {
			t.Errorf("the log says nothing of %s, so it proves nothing:\n%s", there, log)
		}
	}
	for what, bad := range map[string]string{
		"a token": "eyJ", "the client secret": w.ClientSecret, "the session": session, "a code": "canary-code", "a state": "canary-state",
		"a query": "canary-query", "what was typed": "canary typed", "what was saved": "canary skill", "a number": "5550 3001",
	} {
		if bad == "" || strings.Contains(log, bad) {
			t.Errorf("the log holds %s %q", what, bad)
		}
	}
	// What the verbs print beside it, and what a monitor gets.
	outputs := map[string]string{"/metrics": text(t, "http://"+health+"/metrics")}
	for _, args := range [][]string{{"config", "check"}, {"config", "show"}, {"doctor"}, {"doctor", "--json"}, {"policy", "show", "--as", w.who("member")}, {"serve", "--help"}} {
		outputs[strings.Join(args, " ")], _ = k.verb([]string{"NAMEPLATE_LOG_LEVEL=debug"}, args...)
	}
	for name, out := range outputs {
		if len(out) < 20 {
			t.Errorf("%s says only %q", name, out)
		}
		for what, bad := range map[string]string{"a token": "eyJ", "the client secret": w.ClientSecret, "the session": session} {
			if strings.Contains(out, bad) {
				t.Errorf("%s prints %s:\n%s", name, what, out)
			}
		}
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "forged") && !strings.Contains(line, "msg=request") {
			t.Errorf("A54: a path made a record of its own: %q", line)
		}
	}
}

// A record that was changed in the file, beside Nameplate, is named.
func TestA53_AChangedRecordIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := app.StartDemo(t.Context(), app.DemoOptions{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Demo: d, t: t}
	b := w.signIn(w.who("member"))
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 3003"}).says("Saved")
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 3005"}).says("Saved")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(dir, "nameplate.db")
	verify := func() (string, int) {
		cmd := exec.CommandContext(t.Context(), program(t), "history", "verify")
		cmd.Env, cmd.Dir = append(os.Environ(), "NAMEPLATE_TENANT="+w.TenantID, "NAMEPLATE_CLIENT_ID="+w.ClientID, "NAMEPLATE_CLIENT_SECRET=0123456789abcdefABCDEF", "NAMEPLATE_DATABASE="+db), t.TempDir()
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := verify(); code != 0 || !strings.Contains(out, "all in order") {
		t.Fatalf("untouched: %d %s", code, out)
	}
	data, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(data, []byte("5550 3003"), []byte("5550 9999"))
	if bytes.Equal(changed, data) {
		t.Fatal("the record was not found in the file")
	}
	if err := os.WriteFile(db, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := verify(); code != 1 || !strings.Contains(out, "Record 3 ") { // the first two tell of the demo's key
		t.Errorf("changed: %d %s", code, out)
	}
}

// The port is the one that was asked for, and the address that people get names it.
func TestS1_12_ThePortIsASetting(t *testing.T) {
	t.Parallel()
	port := freePort(t, 4)
	w := running(t, "--port", port)
	if w.Portal != "http://localhost:"+port {
		t.Errorf("asked for %s, it is at %s", port, w.Portal)
	}
	w.browser().get("/sign-in").says("Sign in")
}

// Whatever names an entry is told alike: what is somebody else's, what never was, and what is no id.
func TestA22_B53_EntriesOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	w := running(t)
	a := w.signIn(w.who("member"))
	a.save("contact", map[string]string{"mobilePhone": "+81 90 5550 3007"}).says("Saved")
	id := a.at.Query().Get("done")
	if id == "" || a.get("/profile?done="+id).code != http.StatusOK {
		t.Fatalf("the own entry: %d at %s", a.code, a.at)
	}
	other := w.signIn(w.who("Nameplate.Auditor"))
	// The answer for what never was; only its reference is another each time.
	gone := func() string { return regexp.MustCompile(`Reference \S+`).ReplaceAllString(other.text(), "") }
	other.get("/profile?done=00000000-0000-4000-8000-000000000000")
	missing := gone()
	for _, name := range []string{id, strings.ToUpper(id), "{" + id + "}", "00000000-0000-4000-8000-000000000000", "x", "../" + id, "\x00", strings.Repeat("9", 10_000)} {
		if other.get("/profile?done=" + url.QueryEscape(name)); other.code != http.StatusNotFound || strings.Contains(other.body, "5550 3007") || gone() != missing {
			t.Errorf("done=%.40q: %d %s", name, other.code, other.text())
		}
		if other.get("/profile?edit=contact&again=" + url.QueryEscape(name)); other.code != http.StatusOK || strings.Contains(other.body, "5550 3007") {
			t.Errorf("again=%.40q: %d", name, other.code)
		}
	}
}

// Whoever does not say which language they speak is spoken to in the one that the configuration names.
func TestLanguageIsASetting(t *testing.T) { // not parallel: it sets the environment
	t.Setenv("NAMEPLATE_LANGUAGE", "de")
	w, _ := newKilled(t).serve("")
	for accept, want := range map[string]string{"": `<html lang="de"`, "fr": `<html lang="de"`, "en-GB": `<html lang="en"`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+"/sign-in", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Language", accept)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		_, _ = page.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if !strings.Contains(page.String(), want) {
			t.Errorf("Accept-Language %q: no %s", accept, want)
		}
	}
}

// W18, A26: with the policy that holds when no other is named, what dynamic groups, licenses and names rest on is text with its reason
// and a ready text to ask with; a forged form writes none of it.
func TestW18_A26_TheDefaultKeepsClosedWhatGrantsAccess(t *testing.T) {
	t.Parallel()
	w, _ := newKilled(t).serve("")
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=all").form("/profile")
	if !form.Has("mobilePhone") {
		t.Fatalf("the default policy opens not even the mobile phone, so nothing is proved: %v", form)
	}
	page := b.get("/profile").body
	b.says("Names are kept by your organization")
	at := w.mark()
	for _, name := range []string{"jobTitle", "department", "companyName", "country", "employeeId", "employeeType", "employeeOrgData/division", "employeeOrgData/costCenter", "displayName", "usageLocation"} {
		if form.Has(name) {
			t.Errorf("%s can be typed", name)
		}
		if !strings.Contains(page, `href="/ask/`+name+`"`) {
			t.Errorf("%s has no way to ask for it", name)
		}
		b.get("/ask/"+name).says("please correct my profile in Microsoft 365", "It should be:")
		forged := b.get("/profile?edit=contact").form("/profile")
		forged.Set("mobilePhone", "+81 90 5550 3011")
		forged.Set(name, "Chief of everything")
		forged.Set("was."+name, "null")
		if b.post("/profile", forged); b.code != http.StatusBadRequest {
			t.Errorf("%s by a forged form: %d", name, b.code)
		}
	}
	for _, name := range []string{"extensionAttribute1", "extensionAttribute15", "manager"} {
		if form.Has(name) {
			t.Errorf("%s can be typed", name)
		}
	}
	if got := w.since(at); len(got) != 0 {
		t.Errorf("something was written: %+v", got)
	}
}
