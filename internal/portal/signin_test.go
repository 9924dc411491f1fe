package portal_test

import (
	"bytes"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	t.Run("S1.20", func(t *testing.T) {
		if p := b.get("/"); p.url.Path != "/sign-in" {
			t.Errorf("signed out, / leads to %s", p.url)
		}
	})
	t.Run("S1.23", func(t *testing.T) {
		p := b.get("/profile?edit=contact")
		if p.url.Path != "/sign-in" || p.url.Query().Get("next") != "/profile?edit=contact" {
			t.Errorf("signed out, /profile leads to %s", p.url)
		}
		p.has("Contoso", "Sign in with Microsoft")
		buttons := p.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") })
		if len(buttons) != 1 {
			t.Errorf("%d ways to sign in", len(buttons))
		}
	})
	t.Run("S1.21", func(t *testing.T) {
		p := b.get("/login?next=/history")
		to, err := url.Parse(p.header.Get("Location"))
		if err != nil || p.status != http.StatusSeeOther || to.Host != "login.example" || to.Query().Get("next") != "/history" {
			t.Errorf("%d %s", p.status, p.header.Get("Location"))
		}
	})
	t.Run("S1.22", func(t *testing.T) {
		if p := b.get("/auth/callback?code=x"); p.url.Path != "/profile" || p.status != 200 {
			t.Errorf("%d %s", p.status, p.url)
		}
		if p := b.get("/"); p.url.Path != "/profile" {
			t.Errorf("signed in, / leads to %s", p.url)
		}
	})
	t.Run("W11", func(t *testing.T) {
		p := b.get("/profile")
		form := p.form("/sign-out")
		if g := b.get("/sign-out"); g.status != http.StatusMethodNotAllowed || g.header.Get("Allow") != "POST" {
			t.Errorf("GET of sign-out: %d, Allow %q", g.status, g.header.Get("Allow"))
		}
		out := b.post("/sign-out", form)
		if out.status != 200 || !strings.Contains(out.header.Get("Clear-Site-Data"), `"cache"`) {
			t.Errorf("%d %q", out.status, out.header.Get("Clear-Site-Data"))
		}
		out.has("You are signed out", "Sign out of Microsoft 365")
		if p := b.get("/profile"); p.url.Path != "/sign-in" {
			t.Errorf("after signing out /profile leads to %s", p.url)
		}
	})
}

func TestA09_AnEndedSessionIs401(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(t)
	w.mu.Lock()
	w.live = map[string]access.Session{}
	w.mu.Unlock()
	p := b.get("/profile")
	if p.status != http.StatusUnauthorized {
		t.Errorf("%d", p.status)
	}
	p.has("You are signed out", "Sign in")
}

func TestF33_ExpiryNeverLosesWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	w.mu.Lock()
	w.live = map[string]access.Session{}
	w.mu.Unlock()
	p := b.post("/profile", form)
	if p.status != http.StatusUnauthorized || len(w.applied) != 0 {
		t.Fatalf("%d, applied %v", p.status, w.applied)
	}
	p.has("What you typed is kept for 15 minutes.")
	b.get("/login")
	back := b.get("/auth/callback?code=x")
	back.has("What you typed is below and has not been saved yet")
	again := back.form("/profile")
	if again.Get("city") != "Aarhus" || len(w.applied) != 0 {
		t.Fatalf("city %q, applied %v", again.Get("city"), w.applied)
	}
	b.post("/profile", again)
	if len(w.applied) != 1 || w.applied[0].Set["city"].Str() != "Aarhus" {
		t.Errorf("applied %v", w.applied)
	}
	if p := b.get("/profile?recovered=1"); strings.Contains(p.text(), "What you typed is below") {
		t.Error("it is offered twice")
	}
}

func TestW13_ARefusedConsentIsAPage(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		access.CodeConsent: "You did not give permission", access.CodeAdminNeeded: "Your administrator has to approve this portal first",
		access.CodeUnassigned: "This portal is not open for your account", access.CodeTenant: "That account belongs to another organization",
		access.CodeDisabled: "Your account is disabled", access.CodeAttempt: "The sign-in took too long, or was begun in another browser",
		access.CodeToken: "The sign-in could not be verified",
	} {
		w := newWorld(t, func(w *world) { w.finish = &fail.Error{Op: "test", Kind: fail.Denied, Code: code} })
		p := w.browser(t).get("/auth/callback?error=access_denied&error_description=%3Cscript%3Einjected%3C/script%3E")
		if p.status < 400 || p.status >= 500 {
			t.Errorf("%s: %d", code, p.status)
		}
		p.has(want)
		p.hasNot("injected")
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.user.Values["preferredLanguage"] = property.Text("de-AT") })
	b := w.browser(t)
	b.accept = "ar-EG,ar;q=0.9,en;q=0.5"
	p := b.get("/sign-in")
	if attr(p.tag("html")[0], "lang") != "ar" || attr(p.tag("html")[0], "dir") != "rtl" {
		t.Errorf("by Accept-Language: %v", p.tag("html")[0].Attr)
	}
	b.get("/login")
	p = b.get("/auth/callback?code=x")
	if attr(p.tag("html")[0], "lang") != "de" {
		t.Errorf("by preferredLanguage: %v", p.tag("html")[0].Attr)
	}
	p.has("Mein Profil", "14. März 1988")
	b.get("/history").has("Verlauf")
	form := p.form("/preferences")
	form.Set("language", "en")
	form.Set("theme", "dark")
	p = b.post("/preferences", form)
	if h := p.tag("html")[0]; p.url.Path != "/profile" && attr(h, "lang") != "en" || attr(h, "data-theme") != "dark" {
		t.Errorf("by hand: %s %v", p.url, h.Attr)
	}
	p = b.get("/profile")
	if h := p.tag("html")[0]; attr(h, "lang") != "en" || attr(h, "data-theme") != "dark" {
		t.Errorf("remembered: %v", h.Attr)
	}
}

func upload(t *testing.T, b *browser, name string, data []byte, more map[string]string) *view {
	t.Helper()
	form := b.get("/profile/photo").form("/profile/photo")
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k := range form {
		_ = m.WriteField(k, form.Get(k))
	}
	for k, v := range more {
		_ = m.WriteField(k, v)
	}
	f, _ := m.CreateFormFile("photo", name)
	_, _ = f.Write(data)
	_ = m.Close()
	r, _ := http.NewRequest(http.MethodPost, b.w.server.URL+"/profile/photo", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return b.do(r)
}

func TestPhoto(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(t)
	p := upload(t, b, "../../evil.html", picture(t, 1200, 800), nil)
	p.has("Saved", "no photo", "a photo")
	stored := w.applied[0].Photo
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(stored))
	if err != nil || cfg.Width != 648 || cfg.Height != 648 || w.applied[0].On != self {
		t.Fatalf("stored %v %v on %v", cfg, err, w.applied[0].On)
	}
	t.Run("A40", func(t *testing.T) { // the directory says text/html; what is served says image/jpeg
		img := b.get("/profile").all(func(n *html.Node) bool { return n.Data == "img" && strings.HasPrefix(attr(n, "src"), "/photo") })
		if len(img) != 1 {
			t.Fatalf("%d pictures", len(img))
		}
		got := b.get(attr(img[0], "src"))
		if got.header.Get("Content-Type") != "image/jpeg" || got.header.Get("X-Content-Type-Options") != "nosniff" || got.body != string(stored) {
			t.Errorf("%v", got.header)
		}
	})
	t.Run("A44", func(t *testing.T) {
		if c := b.get("/photo").header.Get("Cache-Control"); !strings.HasPrefix(c, "private") {
			t.Errorf("Cache-Control %q", c)
		}
		if p := w.browser(t).get("/photo"); p.url.Path != "/sign-in" {
			t.Errorf("without a session: %s", p.url)
		}
	})
	t.Run("B50", func(t *testing.T) {
		for name, data := range map[string][]byte{"empty.jpg": {}, "drawing.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)} {
			p := upload(t, b, name, data, nil)
			if p.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, p.status)
			}
		}
		for size, status := range map[int]int{4<<20 + 1: http.StatusUnprocessableEntity, 6 << 20: http.StatusRequestEntityTooLarge} {
			p := upload(t, b, "huge.jpg", make([]byte, size), nil)
			if p.status != status {
				t.Errorf("%d bytes: %d", size, p.status)
			}
			if say := inner(p.id("photo-error")); !strings.Contains(say, "larger than 4 MB") || !strings.Contains(attr(p.id("photo"), "aria-describedby"), "photo-error") {
				t.Errorf("%d bytes, beside the field: %q", size, say)
			}
			if p.form("/profile/photo").Get("_token") == "" {
				t.Errorf("%d bytes: no form to choose another file with", size)
			}
		}
		if p := upload(t, b, "a.jpg", picture(t, 100, 100), map[string]string{"user_id": "x"}); p.status != http.StatusBadRequest {
			t.Errorf("another field: %d", p.status)
		}
		if len(w.applied) != 1 {
			t.Errorf("%d changes", len(w.applied))
		}
	})
	t.Run("remove", func(t *testing.T) {
		b.post("/profile/photo/remove", b.get("/profile/photo").form("/profile/photo/remove")).has("Saved", "no photo")
		if w.photo != nil {
			t.Error("the photo is still there")
		}
	})
}

// TestS5_30_S5_31_ConsentPageSaysWhetherItWasGiven: the consent link comes back to the registered redirect address. It signs nobody in.
func TestS5_30_S5_31_ConsentPageSaysWhetherItWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.browser(t)
	b.get("/auth/callback?admin_consent=True&tenant=x&scope=y").has("Consent was given", "nameplate doctor")
	p := b.get("/auth/callback?admin_consent=True&error=consent_required&error_description=%3Cscript%3Einjected%3C/script%3E")
	p.has("Consent was not given", "Nothing was granted")
	p.hasNot("injected")
	if p := b.get("/profile"); p.url.Path == "/profile" && p.status == 200 {
		t.Error("somebody is signed in")
	}
}

// Every page as one person and as a visitor: headers of trust.md A13, A43, A44 and interface.md's size.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(w *world) { w.deps.Gallery = true; w.deps.Emulator = true })
	for _, b := range []*browser{w.browser(t), w.signedIn(t)} {
		for _, path := range []string{"/", "/sign-in", "/profile", "/profile?edit=all", "/profile?edit=about", "/profile/photo", "/history", "/help", "/signed-out", "/ask/city", "/nope", "/gallery", "/gallery/parts", "/photo", "/auth/callback", "/auth/callback?admin_consent=True"} {
			p := b.get(path)
			for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"} {
				if got := p.header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			csp := p.header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("%s: policy lacks %s: %s", path, want, csp)
				}
			}
			if len(p.body) > 60_000 {
				t.Errorf("%s: %d bytes", path, len(p.body))
			}
			if p.header.Get("Server") != "" {
				t.Errorf("%s names its server", path)
			}
			if n := p.all(func(n *html.Node) bool { return n.Data == "style" || has(n, "style") }); len(n) > 0 {
				t.Errorf("%s: %d inline styles", path, len(n))
			}
			if n := p.tag("h1"); len(n) != 1 {
				t.Errorf("%s: %d main headings", path, len(n))
			}
			seen := map[string]bool{}
			p.all(func(n *html.Node) bool {
				if id := attr(n, "id"); id != "" {
					if seen[id] {
						t.Errorf("%s: id %s twice", path, id)
					}
					seen[id] = true
				}
				return false
			})
			for _, n := range p.all(func(n *html.Node) bool { return n.Data == "label" && has(n, "for") }) {
				if !seen[attr(n, "for")] {
					t.Errorf("%s: a label for %s, which is not there", path, attr(n, "for"))
				}
			}
		}
	}
}

// interface.md: the page's own styles stay below 40 kB.
func TestStylesAreSmall(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("asset/app.css")
	if err != nil || len(b) > 40_000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for _, bad := range []string{"left:", "right:", "margin-left", "padding-right", "float: left", "text-align: left"} {
		if strings.Contains(string(b), " "+bad) {
			t.Errorf("%s is not a logical property", bad)
		}
	}
}

func TestA47_WellKnownPathsAreNotThere(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser(t)
	for _, path := range []string{"/.git/config", "/.env", "/debug/pprof/", "/metrics", "/server-status", "/actuator", "/wp-login.php", "/admin", "/asset/", "/asset/x/../../portal.go", "/view/profile.html", "/gallery", "//evil.example", "/profile//", "/%2e%2e/etc/passwd", "/swagger", "/api", "/phpmyadmin"} {
		r, _ := http.NewRequest(http.MethodGet, b.w.server.URL, nil)
		r.URL.Opaque = "//" + strings.TrimPrefix(b.w.server.URL, "http://") + path
		p := b.do(r)
		if p.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, p.status, p.url)
		}
		p.hasNot("goroutine", ".go:", "/root/")
	}
}
