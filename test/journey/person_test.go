package journey

import (
	"net/http"
	"strings"
	"testing"

	"nameplate/internal/app"
)

// F33, R7: Microsoft demands a new sign-in in the middle of an edit. The person signs in again, finds what was typed, saves it, and
// it is written once.
func TestF33_ClaimsChallengeMidEdit(t *testing.T) {
	t.Parallel()
	w := running(t)
	upn := w.who("member")
	b := w.signIn(upn)
	form := b.get("/profile?edit=about").form("/profile")
	form.Set("skills", "Kite building")
	w.control(http.MethodPost, "/challenge", map[string]string{"user": upn}, nil)
	at := w.mark()
	b.post("/profile", form)
	if len(w.since(at)) != 0 {
		t.Fatal("something was written with a token that was challenged")
	}
	// The page asks for a new sign-in; its link carries the challenge on.
	var login string
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), "/login") }) {
		login = attr(n, "href")
	}
	if login == "" {
		t.Fatalf("%d at %s: no way to sign in again:\n%s", b.code, b.at, b.text())
	}
	b.get(login)
	if b.at.Host == mustParse(t, w.Portal).Host {
		t.Fatalf("the link did not lead to Microsoft: %s", b.at)
	}
	if !strings.Contains(b.at.Query().Get("claims"), "access_token") {
		t.Errorf("the claims are not asked for: %s", b.at)
	}
	to, err := signInFrom(b, upn)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	if got := b.form("/profile").Get("skills"); got != "Kite building" {
		t.Fatalf("what was typed is gone, skills is %q:\n%s", got, b.text())
	}
	b.post("/profile", b.form("/profile")).says("Saved", "Kite building")
	if got := w.since(at); len(got) != 1 {
		t.Errorf("%d writes, want 1: %+v", len(got), got)
	}
}

// F33: the new sign-in is demanded for one part of a save whose other part was applied: the page says so at once, keeps only what is
// left, and after the sign-in nothing is sent a second time.
func TestF33_ClaimsChallengeOnOnePart(t *testing.T) {
	t.Parallel()
	w := running(t)
	upn := w.who("member")
	b := w.signIn(upn)
	form := b.get("/profile?edit=all").form("/profile")
	form.Set("city", "Nara")
	form.Set("skills", "Kite building")
	w.control(http.MethodPost, "/challenge", map[string]string{"user": upn}, nil)
	at := w.mark()
	b.post("/profile", form).says("This was saved: City.", "one more proof", "What you typed is kept for 15 minutes")
	if got := w.since(at); len(got) != 1 || got[0].After["city"] != "Nara" {
		t.Fatalf("written before the new sign-in: %+v", got)
	}
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), "claims=") }) {
		b.get(attr(n, "href"))
	}
	if !strings.Contains(b.at.Query().Get("claims"), "access_token") {
		t.Fatalf("%s does not ask for the claims", b.at)
	}
	to, err := signInFrom(b, upn)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to).says("What you typed is below")
	rest := b.form("/profile")
	if rest.Get("skills") != "Kite building" || rest.Get("city") != "Nara" || rest.Get("was.city") != `"Nara"` {
		t.Fatalf("the form holds %v", rest)
	}
	b.post("/profile", rest).says("Saved", "Kite building")
	got := w.since(at)
	if len(got) != 2 || got[1].After["city"] != nil {
		t.Errorf("%d writes, want city and skills once each: %+v", len(got), got)
	}
}

// Expiry never loses what was typed: the session is gone when the form is sent; after signing in again the text is offered, once,
// and to nobody else.
func TestExpiryKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=work").form("/profile")
	form.Set("jobTitle", "Keeper of kites")
	// The session ends at Microsoft's side (front-channel) or by time; here by signing out in another tab of the same browser.
	cookies := b.http.Jar.Cookies(mustParse(t, w.Portal))
	b.post("/sign-out", b.get("/profile").form("/sign-out"))
	b.http.Jar.SetCookies(mustParse(t, w.Portal), cookies)
	at := w.mark()
	b.post("/profile", form)
	if len(w.since(at)) != 0 {
		t.Fatal("a form without a session was written")
	}
	b.get("/login")
	to, err := signInFrom(b, w.who("member"))
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	if !strings.Contains(b.body, "Keeper of kites") {
		t.Errorf("what was typed is not offered (%s):\n%s", b.at, b.text())
	}
	other := w.signIn(w.who("Nameplate.Auditor"))
	if other.get("/profile?recovered=1"); strings.Contains(other.body, "Keeper of kites") {
		t.Error("somebody else is offered what this person typed")
	}
}

// Pick one and others follow: the office brings street, postal code, city and country, also without JavaScript.
func TestOfficeBringsItsAddress(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	b.save("place", map[string]string{"officeLocation": "Dublin"}).says("Saved", "Dublin", "12 Fitzwilliam Lane", "D02 X285", "Leinster", "Ireland")
	got := w.since(0)
	last := got[len(got)-1].After
	for name, want := range map[string]any{"officeLocation": "Dublin", "streetAddress": "12 Fitzwilliam Lane", "postalCode": "D02 X285", "city": "Dublin", "state": "Leinster", "country": "Ireland"} {
		if last[name] != want {
			t.Errorf("%s was written as %v, want %v", name, last[name], want)
		}
	}
	// What is typed beside the pick stands; the rest is brought.
	b.save("place", map[string]string{"officeLocation": "Utrecht", "streetAddress": "Maliebaan 43"}).says("Saved", "Maliebaan 43", "3581 CD")
	got = w.since(0)
	if last = got[len(got)-1].After; last["streetAddress"] != "Maliebaan 43" || last["city"] != "Utrecht" {
		t.Errorf("a street was typed beside the office, and this was written: %v", last)
	}
}

// An administrator of Microsoft 365 sees before typing that the phone needs a higher role (C1, W21, F24).
func TestW21_F24_AdministratorsPhone(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("Microsoft 365 administrator")).speak("en")
	form := b.get("/profile?edit=all").form("/profile")
	if form.Has("businessPhones") {
		t.Error("the business phone of an administrator is offered, and the application may not write it")
	}
	b.says("administrator")
	b.save("work", map[string]string{"jobTitle": "Chief Executive Officer"}).says("Saved")
}

// B40 to B43: a policy file with mistakes stops the start, and each is told with its line and remedy.
func TestB40to41_B43_BadPolicyStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"bomb":      {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", "anchor"},
		"unknown":   {"version: 1\nproperties:\n  jobTitel: {view: self}\n", `did you mean "jobtitle"`},
		"loosening": {"version: 1\nproperties:\n  id: {view: self, edit: self}\n", "id"},
		"empty":     {"", "the file holds nothing"},
		"tab":       {"version: 1\n\tproperties: {}\n", "tab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := runProgram(t, dir, c.text, "demo", "--port", "0", "--policy")
			if code != 2 || !strings.Contains(strings.ToLower(out), c.want) {
				t.Errorf("ends with %d and does not say %q:\n%s", code, c.want, out)
			}
		})
	}
}

// F17: Microsoft 365 refuses a person's own token that is good by our clock. It is renewed once, nobody notices, and what was typed
// is written once.
func TestF17_OwnTokenRefusedOnce(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=about").form("/profile")
	form.Set("skills", "Kite building")
	w.control(http.MethodPost, "/faults", map[string]any{
		"match": map[string]any{"pathRegex": `^/v1\.0/\$batch$`, "nth": 2}, "at": "before", // the first reads, with the application's own right
		"do": map[string]any{"status": 401, "code": "InvalidAuthenticationToken", "message": "Access token validation failure."},
	}, nil)
	at := w.mark()
	b.post("/profile", form).says("Saved", "Kite building")
	if got := w.since(at); len(got) != 1 {
		t.Errorf("%d writes, want 1: %+v", len(got), got)
	}
	var hits []map[string]any
	w.control(http.MethodGet, "/faults/hits", nil, &hits)
	if len(hits) != 1 {
		t.Errorf("the token was refused %d times, want once", len(hits))
	}
}

// F17: the new token is refused as well. The page asks for a sign-in and blames no field; what was typed is there afterwards.
func TestF17_OwnTokenRefusedForEver(t *testing.T) {
	t.Parallel()
	w := running(t)
	upn := w.who("member")
	b := w.signIn(upn)
	form := b.get("/profile?edit=about").form("/profile")
	form.Set("skills", "Kite building")
	w.control(http.MethodPost, "/faults", map[string]any{
		"match": map[string]any{"pathRegex": `^/v1\.0/\$batch$`, "since": 2}, "at": "before",
		"do": map[string]any{"status": 401, "code": "InvalidAuthenticationToken", "message": "Access token validation failure."},
	}, nil)
	at := w.mark()
	b.post("/profile", form)
	var hits []map[string]any
	w.control(http.MethodGet, "/faults/hits", nil, &hits)
	if len(w.since(at)) != 0 || len(hits) != 2 {
		t.Errorf("%d writes and %d tries, want none and two", len(w.since(at)), len(hits))
	}
	login := ""
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), "/login") }) {
		login = attr(n, "href")
	}
	if b.code != http.StatusUnauthorized || login == "" || strings.Contains(b.text(), "did not accept this value") {
		t.Fatalf("%d at %s: no way to sign in again:\n%s", b.code, b.at, b.text())
	}
	w.control(http.MethodDelete, "/faults", nil, nil)
	b.get(login)
	to, err := signInFrom(b, upn)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	if got := b.form("/profile").Get("skills"); got != "Kite building" {
		t.Fatalf("what was typed is gone, skills is %q:\n%s", got, b.text())
	}
	b.post("/profile", b.form("/profile")).says("Saved", "Kite building")
	if got := w.since(at); len(got) != 1 {
		t.Errorf("%d writes, want 1: %+v", len(got), got)
	}
}
