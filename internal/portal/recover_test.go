package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// A number is dialed by a link; html/template takes any scheme that a value brings, other than the web's and mail's, for an attack.
func TestPhones_AreLinksThatDial(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	p := w.signedIn(t).get("/profile")
	var links []string
	for _, a := range p.all(func(n *html.Node) bool { return n.Data == "a" }) {
		if href := attr(a, "href"); strings.HasPrefix(href, "tel:") {
			links = append(links, href)
		}
		if strings.Contains(attr(a, "href"), "Zgotmpl") {
			t.Errorf("%s leads nowhere", inner(a))
		}
	}
	if got := strings.Join(links, " "); got != "tel:+4520123456 tel:+4533123456" {
		t.Errorf("links that dial: %q", got)
	}
}

// conflicted is a browser that looks at a conflict about the city and holds a state that goes with it.
func conflicted(t *testing.T, w *world) (*browser, *view) {
	t.Helper()
	b := w.signedIn(t)
	mine := b.get("/profile?edit=place").form("/profile")
	w.mu.Lock()
	w.user.Values["city"] = property.Text("Aarhus")
	w.mu.Unlock()
	mine.Set("city", "Odense")
	mine.Set("state", "Fyn")
	p := b.post("/profile", mine)
	if p.status != http.StatusConflict {
		t.Fatalf("no conflict: %d", p.status)
	}
	return b, p
}

func TestConflict_ExpiryDoesNotLoseWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b, p := conflicted(t, w)
	form := p.form("/profile/resolve")
	w.mu.Lock()
	clear(w.live)
	w.mu.Unlock()
	if ended := b.post("/profile/resolve", form); ended.status != http.StatusUnauthorized {
		t.Fatalf("after the end: %d", ended.status)
	}
	b.get("/login")
	again := b.get("/auth/callback?code=x").form("/profile")
	if again.Get("city") != "Odense" || again.Get("state") != "Fyn" || again.Get("was.city") != `"Aarhus"` {
		t.Errorf("after sign-in: city %q state %q, found %q", again.Get("city"), again.Get("state"), again.Get("was.city"))
	}
	if len(w.applied) != 1 {
		t.Errorf("%d changes", len(w.applied))
	}
}

func TestConflict_AFailureDoesNotLoseWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b, p := conflicted(t, w)
	w.mu.Lock()
	w.answer = func(change.Change) (change.Outcome, error) {
		return change.Outcome{}, fail.New(fail.Conflict, "test", fail.T("Another change to this profile is being saved at this moment. Wait a few seconds and save again; nothing of yours was saved yet."))
	}
	w.mu.Unlock()
	busy := b.post("/profile/resolve", p.form("/profile/resolve"))
	busy.has("Another change to this profile is being saved")
	again := busy.form("/profile")
	if busy.status != http.StatusConflict || again.Get("city") != "Odense" || again.Get("state") != "Fyn" {
		t.Errorf("%d: city %q state %q", busy.status, again.Get("city"), again.Get("state"))
	}
}
