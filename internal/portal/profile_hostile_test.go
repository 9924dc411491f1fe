package portal_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/internal/property"
)

func TestA37_HostileValuesAreOnlyText(t *testing.T) {
	t.Parallel()
	nasty := []string{`<script>alert(1)</script>`, `{{.Secret}}`, `"><img src=x onerror=alert(1)>`, "a\u202Eb", "x\x00y", strings.Repeat("𝕏", 16<<10), `=cmd|'/C calc'!A0`, `javascript:alert(1)`, `' or 1 eq 1 or '`}
	for _, bad := range nasty {
		w := newWorld(t, open, func(w *world) {
			for _, n := range []property.Name{"displayName", "jobTitle", "city", "mySite", "aboutMe", "mail", "mobilePhone"} {
				w.user.Values[n] = property.Text(bad)
			}
			w.user.Values["skills"] = property.List(bad)
			w.user.Manager.Name = bad
		})
		b := w.signedIn(t)
		for _, path := range []string{"/profile", "/profile?edit=all", "/ask/city"} {
			p := b.get(path)
			if p.status != 200 {
				t.Fatalf("%.20q %s: %d", bad, path, p.status)
			}
			for _, n := range p.all(func(n *html.Node) bool { return n.Data == "script" || n.Data == "img" || n.Data == "style" }) {
				if !strings.HasPrefix(attr(n, "src"), "/asset/") {
					t.Errorf("%.20q %s: a %s element", bad, path, n.Data)
				}
			}
			p.all(func(n *html.Node) bool {
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" || (a.Key == "href" && strings.HasPrefix(strings.ToLower(a.Val), "javascript")) {
						t.Errorf("%.20q %s: %s=%q", bad, path, a.Key, a.Val)
					}
				}
				return false
			})
			if strings.Contains(bad, "\u202E") && path == "/profile" && strings.Contains(p.body, "\u202E") {
				t.Error("a direction override acts on the page")
			}
		}
	}
}

func TestOffice_SaysWhatFollows(t *testing.T) {
	t.Parallel()
	p := newWorld(t, open).signedIn(t).get("/profile?edit=place")
	s := p.id("f-officeLocation")
	if s.Data != "select" || !strings.Contains(attr(s, "data-follows"), "Am Sandtorkai 37") {
		t.Errorf("%s %v", s.Data, s.Attr)
	}
	p.has("Choosing one also fills in: City, Postal code, Street address.")
}
