package portal_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

// shown is what the profile says of one property.
func (v *view) shown(name string) string {
	v.t.Helper()
	row := &view{t: v.t, doc: v.id("f-" + name)}
	return inner(row.tag("dd")[0].FirstChild)
}

// askable says whether the page offers to ask for a change of a property.
func (v *view) askable(name string) bool {
	return len(v.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "href") == "/ask/"+name })) > 0
}

// What nobody can change: https://learn.microsoft.com/en-us/graph/api/resources/user?view=graph-rest-1.0#properties calls these
// read-only; onPremisesSyncEnabled is true for people who come from on-premises and null for those who never did.
func TestWhatNobodyChanges_IsNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		fixed := property.Values{
			"createdDateTime": property.Instant(time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)), "onPremisesSyncEnabled": property.Null(), "proxyAddresses": property.List("SMTP:mira@contoso.example"),
		}
		for n, val := range fixed {
			w.user.Values[n] = val
			w.locked[n] = fail.T("This is kept by Microsoft 365 itself and cannot be changed.")
		}
	})
	b := w.signedIn(t)
	p := b.get("/profile")
	for _, name := range []string{"createdDateTime", "onPremisesSyncEnabled", "proxyAddresses"} {
		if p.askable(name) {
			t.Errorf("a change of %s is offered", name)
		}
		if a := b.get("/ask/" + name); a.status != http.StatusNotFound {
			t.Errorf("/ask/%s: %d", name, a.status)
		}
	}
	if !p.askable("jobTitle") {
		t.Error("nobody can ask for another job title")
	}
	if got := p.shown("onPremisesSyncEnabled"); got != "No" {
		t.Errorf("never synced: %q", got)
	}
}

func TestGuest_IsCalledByTheAddressThatWasInvited(t *testing.T) {
	t.Parallel()
	for mail, want := range map[string]string{"chiara@partner.example": "chiara@partner.example", "": "chiara_rossi@partner.example"} {
		w := newWorld(t, func(w *world) {
			w.user.Guest = true
			w.user.Values["userPrincipalName"] = property.Text("chiara_rossi_partner.example#EXT#@contoso.onmicrosoft.com")
			w.user.Values["mail"] = property.Text(mail)
		})
		b := w.signedIn(t)
		p := b.get("/profile")
		line := p.all(func(n *html.Node) bool { return strings.Contains(attr(n, "class"), "mailline") })
		if got := inner(line[0]); got != want {
			t.Errorf("head: %q, want %q", got, want)
		}
		if got := p.shown("userPrincipalName"); got != "chiara_rossi_partner.example#EXT#@contoso.onmicrosoft.com" {
			t.Errorf("sign-in name: %q", got)
		}
		for _, a := range p.tag("a") {
			if href := attr(a, "href"); strings.HasPrefix(href, "mailto:") && strings.Contains(href, "EXT") {
				t.Errorf("a sign-in name as an address: %s", href)
			}
		}
	}
}

func TestAddresses_BreakAfterAtAndDots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.user.Values["mail"] = property.Text("mira@contoso.example")
		w.user.Values["aboutMe"] = property.Text("<b>@.</b>")
	})
	p := w.signedIn(t).get("/profile")
	row := &view{t: t, doc: p.id("f-mail")}
	if n := len(row.tag("wbr")); n != 2 {
		t.Errorf("%d places to break", n)
	}
	if strings.Contains(p.body, "<b>@") || strings.Contains(p.body, "<b><wbr>") || p.shown("aboutMe") != "<b>@.</b>" {
		t.Errorf("markup: %q", p.shown("aboutMe"))
	}
}

func TestHistory_NothingDifferentSaysOnlyThat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.answer = func(change.Change) (change.Outcome, error) {
		same := property.Values{change.PhotoName: property.Text("sum")}
		return change.Outcome{State: change.Unchanged, Before: same, After: same, Parts: []change.Part{{Names: []property.Name{change.PhotoName}, State: change.Unchanged}}}, nil
	}
	b := w.signedIn(t)
	upload(t, b, "a.jpg", picture(t, 100, 100), nil)
	p := b.get("/history")
	p.has("Nothing to save", "Nothing was different.")
	p.hasNot("a photo", "a new photo")
}

func TestAsk_LetterSaysWhatThePageSaysAndCanBeCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.asks = map[property.Name]*policy.Ask{"usageLocation": {Text: fail.T("Now: %[1]s. Thank you, %[2]s", "DK", "Mira")}}
	p := w.signedIn(t).get("/ask/usageLocation")
	area := p.tag("textarea")[0]
	if got := inner(area); got != "Now: Denmark. Thank you, Mira" {
		t.Errorf("letter: %q", got)
	}
	if has(area, "readonly") {
		t.Error("the text cannot be completed")
	}
}

func TestWordsOfMicrosoft_AreTranslated(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{"en": "Guest", "de": "Gast", "ar": "ضيف"} {
		w := newWorld(t, func(w *world) {
			w.user.Values["userType"] = property.Text("Guest")
			w.locked["userType"] = fail.T("Your organization keeps this in its HR system.")
		})
		b := w.browser(t)
		b.accept = accept
		b.get("/login")
		b.get("/auth/callback?code=x")
		if got := b.get("/profile").shown("userType"); got != want {
			t.Errorf("%s: %q", accept, got)
		}
	}
}

// A language is picked from a list: how it would be written helps nobody there.
func TestLanguage_IsPickedWithoutAnExampleToWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	p := w.signedIn(t).get("/profile?edit=preferences")
	if p.id("f-preferredLanguage").Data != "select" {
		t.Fatal("no list to pick from")
	}
	p.hasNot("en-US or de-DE")
}

// W24: a page loads the stylesheet of every part that it uses. What administrators see right, because the parts of lists are loaded for
// them everywhere, may stand naked in front of everybody else.
func TestW24_PagesLoadTheLooksOfTheirParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(t)
	styled := func(file string) map[string]bool {
		css, err := os.ReadFile("asset/" + file)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, m := range regexp.MustCompile(`\.([a-z][a-z0-9-]*)`).FindAllStringSubmatch(string(css), -1) {
			out[m[1]] = true
		}
		return out
	}
	all, lists := styled("app.css"), styled("desk.css")
	for _, path := range []string{"/profile", "/profile?edit=all", "/history", "/profile/photo", "/data", "/help", "/ask/jobTitle", "/nowhere"} {
		p := b.get(path)
		if len(p.all(func(n *html.Node) bool { return n.Data == "link" && strings.Contains(attr(n, "href"), "desk") })) != 0 {
			t.Errorf("%s of somebody without a role loads the parts of lists", path)
		}
		for _, n := range p.all(func(n *html.Node) bool { return attr(n, "class") != "" }) {
			for class := range strings.FieldsSeq(attr(n, "class")) {
				if lists[class] && !all[class] {
					t.Errorf("%s uses %q, which only desk.css knows", path, class)
				}
			}
		}
	}
}
