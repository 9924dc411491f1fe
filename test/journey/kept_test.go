package journey

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

func because(why string) func(url.Values) {
	return func(f url.Values) { f.Set("why", why) }
}

// A60: whoever takes the history out says why, and it says who, how much and why.
func TestA60_ExportsStandInTheHistory(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("faxNumber", "+49 89 1") })
	const export = "/admin/history/export"
	b.get(export)
	b.press(export, "", because(" "))
	if b.code != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", b.code)
	}
	b.says("Say why")
	b.get(export)
	b.press(export, "", because("the yearly audit"))
	if b.code != http.StatusOK || !strings.HasPrefix(b.head.Get("Content-Type"), "text/csv") || !strings.Contains(b.body, "+49 89 1") {
		t.Fatalf("%d %s", b.code, b.body)
	}
	b.get("/admin/history?do=export").says("Data taken out", "the history", "the yearly audit", "Ruth")
	if n := len(b.all(func(n *html.Node) bool { return n.Data == "li" && strings.HasPrefix(attr(n, "class"), "event ") })); n != 1 {
		t.Errorf("%d entries; where the reason was missing there is none: %s", n, b.text())
	}
	b.get("/admin/history/check").says("The history is whole")
}

// Everybody has what is kept of them, and nothing else, from their own page.
func TestEverybodyHasTheirOwnData(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	boss := w.signIn(ruth)
	other := boss.person("Jonas Lindqvist")
	boss.get(other + "?edit=contact")
	boss.press(other, "save", func(f url.Values) { f.Set("faxNumber", "+49 30 777") })
	b := w.signIn(lena).speak("en")
	b.save("contact", map[string]string{"mobilePhone": "+49 171 5550199"})
	b.get("/history").says("What is kept about you")
	b.get("/data").says("Changes to your profile", "Sign-ins", "Download my data")
	b.press("/data/file", "", nil)
	if b.code != http.StatusOK || b.head.Get("Content-Type") != "application/json" || !strings.Contains(b.head.Get("Content-Disposition"), "attachment") || b.head.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", b.code, b.head)
	}
	var file map[string]any
	if err := json.Unmarshal([]byte(b.body), &file); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"about", "profileLastSeen", "signIns", "changesToTheProfile", "photos"} {
		if file[part] == nil {
			t.Errorf("%s is missing: %s", part, b.body)
		}
	}
	if !strings.Contains(b.body, "+49 171 5550199") || !strings.Contains(b.body, "127.0.0.1") || strings.Contains(b.body, "777") || strings.Contains(b.body, "Jonas") {
		t.Error(b.body)
	}
	for _, c := range b.http.Jar.Cookies(b.at) {
		if len(c.Value) > 20 && strings.Contains(b.body, c.Value) {
			t.Errorf("the cookie %s stands in the file", c.Name)
		}
	}
	b.get("/history").says("Data taken out", "what is kept of a person")
	if b.post("/data/file", url.Values{}).code != http.StatusForbidden {
		t.Errorf("A20 a form of another page: %d", b.code)
	}
}

// Administrators have what is kept of somebody, and have it forgotten after a sign-in of a moment ago; the history tells both, and is whole.
func TestA12_WhatIsKeptIsForgotten(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	own := w.signIn(lena).speak("en")
	own.save("contact", map[string]string{"mobilePhone": "+49 171 5550199"})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at).says("What is kept of this person")
	b.get(at+"/kept").says("gone from the directory", "Forget what is kept of this person")
	b.press(at+"/kept", "", because("she asked by mail"))
	if b.code != http.StatusOK || !strings.Contains(b.body, "+49 171 5550199") {
		t.Fatalf("%d %s", b.code, b.body)
	}
	own.get("/history").says("Data taken out", "Ruth")

	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	forget := func() *browser {
		b.get(at+"/forget").says("This cannot be taken back", "Nothing changes in Microsoft 365")
		return b.press(at+"/forget", "", because("request 17"))
	}
	if forget(); b.code != http.StatusUnauthorized {
		t.Fatalf("with an old sign-in: %d %s", b.code, b.text())
	}
	b.says("Sign in once more", "Nothing was changed yet")
	if own.get("/history"); !strings.Contains(own.body, "5550199") {
		t.Error("it was forgotten all the same")
	}
	b = w.signIn(ruth)
	forget().says("Forgotten", "request 17", "Ruth")
	b.get("/admin/history/check").says("The history is whole")
	b.get("/admin/history?on="+url.QueryEscape(lena)).says("it was forgotten on", "request 17")
	if strings.Contains(b.body, "5550199") || strings.Contains(b.text(), "Undo") {
		t.Errorf("something is left: %s", b.text())
	}
	again := w.signIn(lena).speak("en") // her sign-ins went with it
	if again.get("/history").says("it was forgotten on"); strings.Contains(again.body, "5550199") {
		t.Error("her own history still has it")
	}

	// Nobody forgets themselves; who looks only may not.
	self := b.person("Ruth")
	b.get(self + "/forget")
	if b.press(self+"/forget", "", because("my traces")); b.code != http.StatusForbidden {
		t.Errorf("A60 of oneself: %d", b.code)
	}
	for _, upn := range []string{helen, jonas, lena} {
		o := w.signIn(upn)
		for _, path := range []string{at + "/kept", at + "/forget"} {
			if o.get(path); o.code != http.StatusForbidden {
				t.Errorf("A22 %s as %s: %d", path, upn, o.code)
			}
			if o.post(path, url.Values{"why": {"x"}}); o.code != http.StatusForbidden {
				t.Errorf("A22 POST %s as %s: %d", path, upn, o.code)
			}
		}
	}
}
