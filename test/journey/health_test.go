package journey

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// S1.57: what is missing is said on a page: what, since when, what it disables and what to do; settings are shown and secrets are not.
func TestS1_57_A52_HealthPage(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	b.get("/admin/health").says("Health and settings", "What was found", "In order", "Sign-in service", "Goes on", "Settings in force", "session_idle", "How busy Microsoft Graph is")
	for _, secret := range []string{w.ClientSecret, "Bearer", "eyJ"} {
		if strings.Contains(b.body, secret) {
			t.Errorf("the page holds %q", secret)
		}
	}
	if !strings.Contains(b.text(), "client_secret ***") {
		t.Error("the page does not say that there is a secret")
	}

	// Graph refuses what a feature needs, and asks to come again later.
	w.Emulator.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/directoryRoles`}, Do: emulator.Do{Status: 403, Code: "Authorization_RequestDenied"}})
	w.Emulator.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/groups`, Times: 1}, Do: emulator.Do{Status: 429, RetryAfter: "1"}})
	b.get("/admin/groups")
	if b.get("/admin/health"); strings.Contains(b.text(), "Does not work Profiles") {
		t.Error("it was examined again though nobody asked")
	}
	late.Add(int64(time.Minute)) // an examination is not repeated at once
	b.press("/admin/health/examine", "", nil).says("Does not work", "Profiles", "What to do", "What does not work because of it", "seeing and changing profiles", "feature:profiles", "Since")
	if strings.Contains(b.text(), "Last time Never") {
		t.Errorf("that Graph asked to wait is not said:\n%s", b.text())
	}
	b.speak("de")
	b.get("/admin/health").says("Zustand und Einstellungen", "Geht nicht", "Profile", "steht auf Englisch da", "seeing and changing profiles")

	// Who looks sees it and stops nothing; who has no role sees nothing.
	auditor := w.signIn(helen)
	auditor.get("/admin/health").says("Health and settings", "Only administrators may stop all saving")
	if n := len(auditor.all(func(n *html.Node) bool {
		return n.Data == "form" && strings.HasPrefix(attr(n, "action"), "/admin/health/stop")
	})); n != 0 {
		t.Error("an auditor is offered the button")
	}
	form := url.Values{"_token": {auditor.form("/admin/health/examine").Get("_token")}, "_scope": {"stop"}, "why": {"x"}}
	if auditor.post("/admin/health/stop", form).code != http.StatusForbidden {
		t.Errorf("an auditor stops: %d", auditor.code)
	}
	if member := w.signIn(lena); member.get("/admin/health").code != http.StatusForbidden {
		t.Errorf("a member looks: %d", member.code)
	}
}

// A12, A58: the button asks for a reason and for a sign-in of a moment ago, and every page says that it was pressed.
func TestA12_A58_StopInTheBrowser(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b, member := w.signIn(ruth), w.signIn(lena)
	member.get("/profile?edit=contact")
	b.get("/admin/health")
	if b.press("/admin/health/stop", "", func(f url.Values) { f.Set("why", " ") }); b.code != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", b.code)
	}
	b.says("Say why, in at most 500 characters", "Goes on")
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	if b.press("/admin/health/stop", "", func(f url.Values) { f.Set("why", "A wrong rule") }); b.code != http.StatusUnauthorized {
		t.Errorf("with an old sign-in: %d", b.code)
	}
	b.says("Sign in once more", "Nothing was changed yet")
	b.follow("Sign in again")
	to, err := signInFrom(b, ruth)
	if err != nil {
		t.Fatal(err)
	}
	if b.open(to); b.at.Path != "/admin/health" {
		t.Fatalf("after signing in again: %s", b.at)
	}
	if got := b.form("/admin/health/stop").Get("why"); got != "A wrong rule" {
		t.Errorf("the reason that was typed is %q", got)
	}
	b.says("Goes on")
	b.press("/admin/health/stop", "", nil).says("Stopped", "Stopped by", "Ruth", "A wrong rule", "Let saving go on")

	for _, page := range []string{"/admin", "/admin/people", "/admin/groups", "/admin/licenses", "/admin/history", "/admin/policy", "/profile"} {
		b.get(page).says("Saving is stopped at the moment.", "Stopped by", "A wrong rule")
	}
	if page := w.signIn(lena).get("/profile"); !strings.Contains(page.text(), "Das Speichern ist zurzeit angehalten.") || strings.Contains(page.text(), "A wrong rule") {
		t.Errorf("a member is told %s", page.text())
	}
	mark := w.mark()
	at := b.person("Lena Hoffmann")
	if b.get(at + "?edit=place"); b.code != http.StatusOK {
		t.Fatalf("%d", b.code)
	}
	b.press(at, "save", func(f url.Values) { f.Set("city", "Bremen") })
	if len(w.since(mark)) != 0 {
		t.Error("written while stopped")
	}
	b.get("/admin/health")
	b.press("/admin/health/go", "", func(f url.Values) { f.Set("why", "The rule is gone") }).says("Goes on", "Stop all saving")
	if strings.Contains(b.get("/admin").text(), "Saving is stopped") {
		t.Error("a page still says so")
	}
}
