package journey

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// Licenses with seats and services: what goes on and off is said before, and what is lost with a license.
func TestS3_10_S3_11_S3_12_S3_13_S4_19_Licenses(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	const e3 = "license/05e9a617-0261-4cee-bb44-138d3ef5d965"
	const plans, exchange, teams = "plan.05e9a617-0261-4cee-bb44-138d3ef5d965", "efb87545-963c-4e0d-99df-69c6916d9eb0", "57ff2da0-773e-42df-b2af-ffb7a2317929"
	b.get("/admin/licenses").says("Microsoft 365 E3", "SPE_E3", "Seats", "25")
	at := b.person("Lena Hoffmann")
	page := at + "/licenses"
	mark := w.mark()
	b.get(page).says("Microsoft 365 E3", "seats are free", "TEAMS1")
	had := b.form(page).Get(e3) == "on"
	if had {
		b.press(page, "", func(f url.Values) { f.Del(e3) })
		b.press(page, "save", nil).says("Saved")
		b.get(page)
		mark = w.mark()
	}
	b.press(page, "", func(f url.Values) { f.Set(e3, "on") })
	b.says("Before you save", "License: Microsoft 365 E3", "not given", "given", "Microsoft 365 E3 switches on:", "EXCHANGE_S_ENTERPRISE")
	if n := w.since(mark); len(n) != 0 {
		t.Fatalf("the ledger has %v", n)
	}
	b.press(page, "save", nil).says("Saved", "Microsoft 365 E3")

	b.get(page)
	b.press(page, "", func(f url.Values) {
		f[plans] = without(f[plans], teams)
	}).says("Microsoft 365 E3 switches off: TEAMS1", "given, services off: 1")
	b.press(page, "edit", nil) // back in the form the choice still stands
	if f := b.form(page); strings.Contains(strings.Join(f[plans], " "), teams) || !strings.Contains(strings.Join(f[plans], " "), exchange) {
		t.Errorf("back in the form the services are %v", f[plans])
	}
	b.press(page, "", nil)
	b.press(page, "save", nil).says("Saved", "services off: 1")

	b.get(page)
	b.press(page, "", func(f url.Values) { f.Del(e3) }).says("Taking a license away takes its services away", "EXCHANGE_S_ENTERPRISE")
	b.press(page, "save", nil).says("Saved")
	b.get("/admin/history?do=license").says("Licenses changed", "License: Microsoft 365 E3")

	f := b.get(page).form(page)
	f.Set("license/00000000-0000-4000-8000-000000000000", "on")
	f.Set("step", "save")
	if b.post(page, f); b.code != http.StatusBadRequest {
		t.Errorf("a product that the form did not show: %d", b.code)
	}
	if b = w.signIn(jonas).get(page); strings.Contains(b.body, "Review changes") {
		t.Error("an editor is offered licenses")
	}
}

func without(l []string, one string) []string {
	var out []string
	for _, s := range l {
		if s != one {
			out = append(out, s)
		}
	}
	return out
}

// A new sign-in name says what depends on the old one before it is saved, and is a dangerous act.
func TestS3_5_ANewSignInName(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(`version: 1
properties:
  displayName: {view: [self, Nameplate.Admin]}
  mail: {view: [self, Nameplate.Admin]}
  userPrincipalName: {view: [self, Nameplate.Admin], edit: Nameplate.Admin}
  accountEnabled: {view: Nameplate.Admin}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := begin(t, app.DemoOptions{Policy: file})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=managed")
	b.press(at, "", func(f url.Values) { f.Set("userPrincipalName", "lena.vogt@larkfield.example") })
	b.says("Before you save", "lena.hoffmann@larkfield.example", "lena.vogt@larkfield.example", "The new sign-in name is needed at the next sign-in", "passkeys and Authenticator")
	b.press(at, "save", nil).says("Saved", "lena.vogt@larkfield.example")
	w.signIn("lena.vogt@larkfield.example").get("/profile").says("Lena Hoffmann")
}

// A pick from a table that renames somebody asks for the same sign-in as the new name by itself, and its undo too.
func TestA12_APickThatRenamesAsksForAFreshSignIn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(`version: 1
tables:
  offices:
    - {officeLocation: Renamed, userPrincipalName: lena.vogt@larkfield.example}
properties:
  displayName: {view: [self, Nameplate.Admin]}
  userPrincipalName: {view: [self, Nameplate.Admin], edit: Nameplate.Admin}
  mail: {view: [self, Nameplate.Admin]}
  officeLocation: {view: Nameplate.Admin, edit: Nameplate.Admin, follow: offices}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Policy: file, Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	mark := w.mark()
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	b.get(at + "?edit=place")
	b.press(at, "", func(f url.Values) { f.Set("officeLocation", "Renamed") }).says("Before you save", "lena.vogt@larkfield.example", "You signed in a while ago")
	if b.press(at, "save", nil); b.code != http.StatusUnauthorized || len(w.since(mark)) != 0 {
		t.Fatalf("with an old sign-in: %d, ledger %v\n%s", b.code, w.since(mark), b.text())
	}
	b.says("Sign in once more", "Nothing was changed yet")
}

// Blocking says before and after how long open sessions live, and can be taken back in the list of all changes; an entry that was taken
// back offers that no more.
func TestS3_14_UndoInAllChanges(t *testing.T) {
	t.Parallel()
	b := begin(t, app.DemoOptions{}).signIn(ruth)
	at := b.person("Lena Hoffmann")
	const open = "Outlook, Teams and SharePoint within 15 minutes"
	b.get(at+"/block").says("Block sign-in?", open)
	b.deed(at, "block", nil).says("Saved", "Sign-in blocked", open)
	undo := func() string {
		f := b.get("/admin/history").all(func(n *html.Node) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo") })
		if len(f) == 0 {
			t.Fatalf("nothing can be taken back:\n%s", b.text())
		}
		return attr(f[0], "action")
	}
	first := undo()
	if !strings.HasPrefix(first, "/admin/history/") {
		t.Fatalf("the first undo goes to %s", first)
	}
	b.press(first, "", nil).says("Saved", "Can sign in")
	if again := undo(); again == first {
		t.Error("what was taken back can be taken back once more")
	}
	b.says("Taken back", "Undo of an earlier change")
}

// The hostile organization in every list: nothing of it is markup, an address or a template, and every page answers (A37, A43).
func TestA37_A43_TheHostileOrganizationInEveryList(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{Hostile: true})
	b := w.signIn("viewer@hostile.example")
	looked := 0
	for _, path := range []string{"/admin", "/admin/people?size=100&col=jobTitle&col=department&col=city&col=mobilePhone&col=mail", "/admin/groups", "/admin/licenses", "/admin/policy"} {
		for path != "" && looked < 60 {
			b.get(path)
			looked++
			if b.code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, b.code, b.text())
			}
			b.harmless()
			next := ""
			for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "rel") == "next" }) {
				next = b.link(a)
			}
			path = next
		}
	}
	b.get("/admin/people?size=100")
	var people []string
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "class") == "card-link" }) {
		people = append(people, b.link(a))
	}
	for i, at := range people {
		if i%10 != 0 {
			continue
		}
		for _, path := range []string{at, at + "?edit=all", at + "/groups", at + "/delete"} {
			if b.get(path); b.code != http.StatusOK && b.code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", path, b.code)
			}
			b.harmless()
		}
	}
	for _, s := range []string{"<script>alert(1)</script>", "{{.}}", "javascript:alert(1)", "\"><img src=x onerror=alert(1)>", "' or 1 eq 1 or '"} {
		for _, path := range []string{"/admin/people?q=", "/admin/people?filter=", "/admin/people?department=", "/admin/groups?q=", "/admin/history?on=", "/admin/policy?as="} {
			if b.get(path + url.QueryEscape(s)); b.code >= 500 {
				t.Errorf("%s%s: %d", path, s, b.code)
			}
			b.harmless()
		}
	}
}

// harmless fails the test when a page holds markup that is not ours.
func (b *browser) harmless() {
	b.t.Helper()
	for _, n := range b.all(func(n *html.Node) bool {
		if n.Data == "script" && !strings.HasPrefix(attr(n, "src"), "/asset/") || n.Data == "iframe" || n.Data == "object" || n.Data == "embed" {
			return true
		}
		if n.Data == "img" && !strings.HasPrefix(attr(n, "src"), "/") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(attr(n, "href"))), "javascript:") {
			return true
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") {
				return true
			}
		}
		return false
	}) {
		b.t.Errorf("%s holds %s %v", b.at, n.Data, n.Attr)
	}
}

// Search as you type: the list follows, the box keeps the focus, the count is said, and the address is that of the list.
func TestW24_SearchAsYouTypeInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	c := w.chromium()
	c.look(1280, nil)
	c.signIn(ruth)
	eval[any](c, `document.cookie = "nameplate-language=en; path=/"`)
	c.open("/admin/people?col=city")
	c.do(chromedp.SendKeys(chromedp.CSS("#q"), "hoffm"))
	eval[any](c, `new Promise((done) => { const look = () => document.querySelector("[data-count]").textContent ? done() : setTimeout(look, 50); look(); })`)
	if got := eval[string](c, `document.querySelector("[data-count]").textContent`); got != "1 person" {
		t.Errorf("said: %q", got)
	}
	if got := eval[string](c, `document.activeElement.id + " " + document.querySelectorAll("tbody tr").length + " " + document.querySelector("[aria-live][data-count]").getAttribute("aria-live")`); got != "q 1 polite" {
		t.Errorf("focus, rows, politeness: %q", got)
	}
	if got := eval[string](c, "location.search"); got != "?col=city&q=hoffm" {
		t.Errorf("the address is %q", got)
	}
	c.accessible("search as you type")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.log {
		t.Errorf("the browser complained: %s", s)
	}
}
