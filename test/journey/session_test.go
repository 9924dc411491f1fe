package journey

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// Sessions of people: how they begin, what they hold, and how they end.

// W7, A08: the session cookie is HttpOnly and Lax, signing in gives a new one, and the one that was there before stays worthless. Over
// https it is Secure and bound to its host as well: TestW7_A04_CookiesOverHTTPS in internal/web.
func TestW7_A08_SessionCookie(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.browser()
	planted := &http.Cookie{Name: "nameplate", Value: strings.Repeat("A", 43), Path: "/"}
	b.http.Jar.SetCookies(mustParse(t, w.Portal), []*http.Cookie{planted})
	var set []string
	b.http.Transport = recorder{&set}
	b.get("/login")
	to, err := emulator.SignIn(t.Context(), b.http, b.at.String(), w.who("member"))
	if err != nil {
		t.Fatal(err)
	}
	b.open(to).says("田中 美咲")
	thief := w.browser() // whoever planted the id
	thief.http.Jar.SetCookies(mustParse(t, w.Portal), []*http.Cookie{planted})
	if thief.get("/profile"); thief.code != http.StatusUnauthorized {
		t.Errorf("A08: the id that was there before signing in is answered with %d", thief.code)
	}
	found := false
	for _, c := range set {
		if !strings.HasPrefix(c, "nameplate=") || strings.HasPrefix(c, "nameplate=;") {
			continue
		}
		found = true
		low := strings.ToLower(c)
		if !strings.Contains(low, "httponly") || !strings.Contains(low, "samesite=lax") || strings.Contains(c, planted.Value) {
			t.Errorf("the session cookie is %q", c)
		}
	}
	if !found {
		t.Errorf("no session cookie was seen: %v", set)
	}
}

// W10: when tokens have run out they are renewed; the page stays whole and a save arrives.
func TestW10_TokensAreRenewed(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	w.Emulator.Clock().Advance(3 * time.Hour)
	b.save("about", map[string]string{"skills": "Kites"}).says("Saved", "Kites")
	w.Emulator.Clock().Advance(22 * time.Hour) // the application's token lives for 24 at most
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 1777"}).says("Saved")
}

// W11: signing out ends the session on the server, and leads on to sign out at Microsoft.
func TestW11_A09_SignOut(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	old := b.http.Jar.Cookies(mustParse(t, w.Portal))
	b.post("/sign-out", b.get("/profile").form("/sign-out"))
	if b.code >= 400 || !strings.Contains(b.head.Get("Clear-Site-Data"), `"cache"`) {
		t.Fatalf("signing out: %d at %s, Clear-Site-Data %q\n%s", b.code, b.at, b.head.Get("Clear-Site-Data"), b.text())
	}
	if links := b.all(func(n *htmlNode) bool {
		return n.Data == "a" && strings.HasPrefix(attr(n, "href"), w.AuthHTTP+"/"+w.TenantID+"/oauth2/v2.0/logout?")
	}); len(links) != 1 {
		t.Errorf("%d ways to sign out at Microsoft as well", len(links))
	}
	again := w.browser()
	again.http.Jar.SetCookies(mustParse(t, w.Portal), old)
	for _, path := range []string{"/profile", "/history", "/photo"} {
		if again.get(path); again.code != http.StatusUnauthorized {
			t.Errorf("A09: the old cookie at %s: %d", path, again.code)
		}
	}
}

// W11: a session ends after an hour without use, and after twelve hours whatever is done with it.
func TestW11_SessionsEnd(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	wait := func(d time.Duration) { late.Add(int64(d)); w.Emulator.Clock().Advance(d) }
	idle := w.signIn(w.who("member"))
	wait(time.Hour)
	if idle.get("/profile"); idle.code != http.StatusUnauthorized {
		t.Errorf("after an hour without use: %d at %s", idle.code, idle.at)
	}
	busy := w.signIn(w.who("member"))
	for spent := time.Duration(0); spent < 11*time.Hour+30*time.Minute; spent += 30 * time.Minute {
		if busy.get("/profile"); busy.code != http.StatusOK {
			t.Fatalf("after %s of use: %d at %s\n%s", spent, busy.code, busy.at, busy.text())
		}
		wait(30 * time.Minute)
	}
	wait(30 * time.Minute)
	if busy.get("/profile"); busy.code != http.StatusUnauthorized {
		t.Errorf("after twelve hours of use: %d at %s", busy.code, busy.at)
	}
}

// W9: whoever is not signed in takes nothing away from those who are, however often they ask.
func TestW9_StrangersEvictNobody(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	stop := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	begun := 0
	for range 620 { // so many were enough for the tutorial's portal
		resp, err := stop.Get(w.Portal + "/login")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusSeeOther {
			begun++
		}
	}
	if begun < 100 {
		t.Errorf("only %d sign-ins were begun, so little is proved", begun)
	}
	b.get("/profile").says("田中 美咲")
}

// The session's cookie ends with the browser's own session. A cookie jar does not tell a cookie's age: the header does.
func TestS1_11_TheSessionEndsWithTheBrowser(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.browser()
	var set []string
	b.http.Transport = recorder{&set}
	to, err := signInAddress(b, w.who("member"))
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	found := false
	for _, c := range set {
		if strings.HasPrefix(c, "nameplate=") {
			found = true
			if low := strings.ToLower(c); strings.Contains(low, "max-age") || strings.Contains(low, "expires") {
				t.Errorf("it outlives the browser: %q", c)
			}
		}
	}
	if !found {
		t.Errorf("no session cookie: %v", set)
	}
}

// A10: who is disabled is out within the stated five minutes at the latest, on every page; a save is refused at once.
func TestA10_DisabledAccount(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b, other := w.signIn(w.who("member")), w.signIn(w.who("member"))
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("mobilePhone", "+49 30 777777")
	disable(t, w, w.who("member"))
	at := w.mark()
	b.post("/profile", form)
	if len(w.since(at)) != 0 || strings.Contains(b.text(), "Saved") {
		t.Errorf("a disabled account saved: %d %+v", b.code, w.since(at))
	}
	late.Add(int64(5 * time.Minute))
	w.Emulator.Clock().Advance(5 * time.Minute)
	for _, path := range []string{"/history", "/profile", "/photo", "/ask/displayName", "/profile/photo"} {
		if other.get(path); other.code != http.StatusUnauthorized && other.code != http.StatusForbidden {
			t.Errorf("five minutes later, %s in the other browser: %d at %s", path, other.code, other.at)
		}
	}
	if other.get("/login"); other.at.Host == mustParse(t, w.Portal).Host {
		t.Fatalf("no way to sign in: %s", other.at)
	}
	if to, err := signInFrom(other, w.who("member")); err == nil {
		other.open(to)
	}
	if other.get("/profile"); other.at.Path == "/profile" && other.code == http.StatusOK {
		t.Error("a disabled account signed in again")
	}
}

// disable turns an account off as an administrator elsewhere would.
func disable(t *testing.T, w *world, upn string) {
	t.Helper()
	administer(t, w, http.MethodPatch, "/users/"+url.PathEscape(upn), `{"accountEnabled":false}`)
}

// A15, A45: guessing session ids meets the limiter, and no guess opens anything.
func TestA15_GuessingSessions(t *testing.T) {
	t.Parallel()
	w := running(t)
	limited := 0
	for i := range 600 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+"/history", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "nameplate", Value: fmt.Sprintf("%043d", i)})
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			t.Fatal("a guess opened a page")
		case http.StatusTooManyRequests:
			limited++
			if resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	if limited == 0 {
		t.Error("600 guesses met no limit")
	}
}

type recorder struct{ set *[]string }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		*r.set = append(*r.set, resp.Header.Values("Set-Cookie")...)
	}
	return resp, err
}
