package journey

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// Somebody is added: what is wrong stands at its field, nothing is sent before it is said, the first password is shown once and works as
// one, and undo takes the person back.
func TestS4_11_S4_12_S4_13_A56_AddAPersonInThePortal(t *testing.T) {
	t.Parallel()
	w := running(t)
	const page = "/admin/people/new"
	if b := w.signIn(jonas).get("/admin/people"); strings.Contains(b.body, page) {
		t.Error("an editor is offered to add somebody")
	} else if b.get(page); b.code != http.StatusForbidden {
		t.Errorf("an editor: %d", b.code)
	}
	b := w.signIn(ruth)
	if b.get("/admin/people"); !strings.Contains(b.body, page) {
		t.Error("nothing leads to adding somebody")
	}
	mark := w.mark()
	b.get(page).says("Add a person", "Sign-in name")
	b.press(page, "", nil).says("Nothing was saved yet", "Nobody can be added without this.")
	typed := func(f url.Values) {
		f.Set("displayName", "Zora <b>Neu</b>")
		f.Set("userPrincipalName", "zora.neu@"+w.Domain)
		f.Set("usageLocation", "DE")
		f.Set("jobTitle", "Clerk")
	}
	b.get(page)
	b.press(page, "", func(f url.Values) {
		typed(f)
		f.Set("userPrincipalName", "zora.neu@elsewhere.example")
	}).says("Nothing was saved yet")
	if f := b.form(page); f.Get("jobTitle") != "Clerk" || f.Get("displayName") != "Zora <b>Neu</b>" {
		t.Errorf("what was typed is gone: %v", f)
	}
	b.press(page, "", typed).says("Add this person?", "zora.neu@"+w.Domain, "Germany", "Clerk", "You see the first password once")
	if n := w.since(mark); len(n) != 0 {
		t.Fatalf("the ledger has %v before it was said", n)
	}
	f := b.form(page)
	f.Set("step", "save")
	f.Set("why", "New in the office")
	b.post(page, f).says("First password", "Shown this one time", "Saved")
	secret := ""
	for _, n := range b.all(func(n *html.Node) bool { return n.Data == "code" && has(n, "data-copy") }) {
		secret = words(n)
	}
	if len(secret) != 19 || b.head.Get("Cache-Control") != "no-store" {
		t.Fatalf("the password is %q, %s", secret, b.head.Get("Cache-Control"))
	}
	if n := w.since(mark); len(n) != 1 || n[0].Op != "user.create" || n[0].After["userPrincipalName"] != "zora.neu@"+w.Domain || n[0].After["mailNickname"] != "zora.neu" || n[0].After["accountEnabled"] != true {
		t.Errorf("the ledger has %v", n)
	}
	if b.post(page, f).says("not known any more"); strings.Contains(b.body, secret) || len(w.since(mark)) != 1 {
		t.Error("the same form adds again, or shows the password again")
	}
	at := b.person("Zora <b>Neu</b>")
	b.says("Person added", "New in the office", "Clerk")
	for _, path := range []string{at, "/admin/history", "/admin"} {
		if b.get(path); strings.Contains(b.body, secret) || strings.Contains(b.body, "<b>Neu") {
			t.Errorf("%s holds the password, or markup of a name", path)
		}
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the log holds the password")
	}
	b.get(page)
	b.press(page, "", typed).says("Nothing was saved yet")
}

// A12: adding asks for a sign-in of a moment ago; what was typed waits for it and is not done by it.
func TestA12_S4_11_AddingAsksForASignIn(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	const page = "/admin/people/new"
	mark := w.mark()
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	b.get(page)
	b.press(page, "", func(f url.Values) {
		f.Set("displayName", "Zora Neu")
		f.Set("userPrincipalName", "zora.neu@"+w.Domain)
	}).says("Add this person?")
	b.press(page, "save", nil).says("Sign in once more", "Nothing was changed yet")
	var again string
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") }) {
		again = b.link(a)
	}
	b.get(again)
	to, err := signInFrom(b, ruth)
	if err != nil {
		t.Fatal(err)
	}
	if b.open(to); len(w.since(mark)) != 0 {
		t.Fatalf("it was done by signing in: %v", w.since(mark))
	}
	b.says("Add this person?", "zora.neu@"+w.Domain)
	b.press(page, "save", nil).says("First password", "Shown this one time")
	if n := w.since(mark); len(n) != 1 {
		t.Errorf("the ledger has %v", n)
	}
}
