package portal_test

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// boxes are the texts of the boxes to copy from, by the words of their labels.
func (v *view) boxes() map[string]string {
	out := map[string]string{}
	for _, box := range v.tag("textarea") {
		if !has(box, "readonly") {
			v.t.Errorf("a box that can be typed in and is sent nowhere: %s", attr(box, "id"))
		}
		for _, l := range v.all(func(n *html.Node) bool { return n.Data == "label" && attr(n, "for") == attr(box, "id") }) {
			var b strings.Builder
			for c := box.FirstChild; c != nil; c = c.NextSibling {
				b.WriteString(c.Data)
			}
			out[inner(l)] = b.String()
		}
	}
	return out
}

// Whoever signed out in another tab comes without a cookie: nothing is kept for strangers, so the page itself gives the text back.
func TestF33_TypedTextComesBackToABrowserThatIsSignedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=all").form("/profile")
	const typed = "</textarea><script>alert(1)</script>\r\nsecond line"
	form.Set("aboutMe", typed)
	form.Set("city", "Aarhus")
	b.client.Jar, _ = cookiejar.New(nil)
	p := b.post("/profile", form)
	if p.status != http.StatusUnauthorized || len(w.applied) != 0 || len(w.stash) != 0 {
		t.Fatalf("%d, applied %v, kept %v", p.status, w.applied, w.stash)
	}
	p.has("You are signed out", "nothing was changed", "copy what you need")
	got := p.boxes()
	if len(got) != 2 || got["City"] != "Aarhus" || got["About me"] != strings.ReplaceAll(typed, "\r\n", "\n") {
		t.Errorf("boxes: %q", got)
	}
	if strings.Contains(p.body, "<script>alert") {
		t.Error("what was typed acts on the page")
	}
	if c := p.header.Get("Cache-Control"); c != "no-store" {
		t.Errorf("Cache-Control: %q", c)
	}
	if links := p.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") }); len(links) != 1 {
		t.Errorf("%d ways to sign in", len(links))
	}

	form.Set("notOurs", "x")
	if got := b.post("/profile", form).boxes(); len(got) != 0 {
		t.Errorf("a form that is not ours is shown: %q", got)
	}
}

func TestF33_TypedTextComesBackFromAFormOfAnEarlierSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	b.get("/login")
	b.get("/auth/callback?code=x")
	p := b.post("/profile", form)
	if p.status != http.StatusForbidden || len(w.applied) != 0 {
		t.Fatalf("%d, applied %v", p.status, w.applied)
	}
	if got := p.boxes(); len(got) != 1 || got["City"] != "Aarhus" {
		t.Errorf("boxes: %q", got)
	}
}

func TestF33_AConflictPageIsNotLostToABrowserThatIsSignedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b, p := conflicted(t, w)
	form := p.form("/profile/resolve")
	b.client.Jar, _ = cookiejar.New(nil)
	out := b.post("/profile/resolve", form)
	if got := out.boxes(); out.status != http.StatusUnauthorized || got["City"] != "Odense" || got["State or province"]+got["State"] != "Fyn" {
		t.Errorf("%d: %q", out.status, got)
	}
}
