package journey

import (
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What people and files bring that is wrong: told in place, nothing lost, nothing written.

// B51, B56: each wrong value is told beside its field, with what is allowed; the field is marked and the summary leads to it; what was
// typed there and in another field stays; nothing reaches the directory.
func TestB51_B56_WrongValuesInPlace(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	at := w.mark()
	const dates = "2026-02-28" // the example that every date is told with
	for _, c := range []struct{ section, field, typed, says string }{
		{"place", "city", strings.Repeat("x", 100_000), "at most 128 characters"},
		{"place", "city", "Ber\x00lin", "character"},
		{"place", "city", "Ber\x1b[31mlin", "character"},
		{"place", "city", "Ber\nlin", "one line"},
		{"place", "city", "Ber\u202elin", "direction"},
		{"place", "city", "Ber\xfflin", "text"},
		{"place", "postalCode", strings.Repeat("1", 41), "at most 40 characters"},
		{"place", "country", strings.Repeat("x", 129), "at most 128 characters"},
		{"work", "companyName", strings.Repeat("ß", 65), "at most 64 characters"},
		{"work", "department", strings.Repeat("x", 65), "at most 64 characters"},
		{"contact", "mobilePhone", "call me", "+"},
		{"contact", "mobilePhone", "+49 " + strings.Repeat("1", 200), "64 characters"},
		{"contact", "extensionAttribute12", "nobody", "Write a name and a telephone number"},
		{"about", "mySite", "javascript:alert(1)", "https://"},
		{"about", "birthday", "31.02.2026", dates},
		{"about", "birthday", "2026-02-31", dates},
		{"about", "birthday", "28.02.26", dates},
		{"about", "birthday", "2026-02-28T09:30", dates},
		{"about", "birthday", "0001-01-01", dates},
		{"about", "birthday", "9999-12-31", dates},
		{"about", "extensionAttribute11", "XXXXL", "one of the values"},
	} {
		other := map[string]string{"place": "state", "work": "jobTitle", "contact": "faxNumber", "about": "aboutMe"}[c.section]
		b.save(c.section, map[string]string{c.field: c.typed, other: "kept as typed"})
		if b.code != http.StatusUnprocessableEntity {
			t.Errorf("%s %.30q: %d\n%.300s", c.field, c.typed, b.code, b.text())
			continue
		}
		input := b.all(func(n *htmlNode) bool { return attr(n, "name") == c.field && attr(n, "aria-invalid") == "true" })
		if len(input) != 1 {
			t.Errorf("%s %.30q: the field is not marked", c.field, c.typed)
			continue
		}
		beside := ""
		for _, id := range strings.Fields(attr(input[0], "aria-describedby")) {
			for _, n := range b.all(func(n *htmlNode) bool { return attr(n, "id") == id }) {
				beside += words(n) + " "
			}
		}
		if !strings.Contains(beside, c.says) {
			t.Errorf("%s %.30q: beside it stands %q, not %q", c.field, c.typed, beside, c.says)
		}
		if links := b.all(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "href") == "#"+attr(input[0], "id") }); len(links) == 0 {
			t.Errorf("%s %.30q: the summary does not lead to it", c.field, c.typed)
		}
		form := b.form("/profile")
		if form.Get(other) != "kept as typed" {
			t.Errorf("%s %.30q: beside it was typed %q, and it is gone", c.field, c.typed, form.Get(other))
		}
		if got := form.Get(c.field); utf8.ValidString(c.typed) && !strings.ContainsAny(c.typed, "\x00\n\x1b") && got != c.typed && input[0].Data != "select" {
			t.Errorf("%s: what was typed, %.30q, became %.30q", c.field, c.typed, got)
		}
	}
	// A key that the form did not show, as programs that take lists name it, is refused by its name.
	for _, key := range []string{"city[]", "city[0]", "city.x"} {
		form := b.get("/profile?edit=place").form("/profile")
		form.Set(key, "Nara")
		if b.post("/profile", form); b.code != http.StatusBadRequest || !strings.Contains(b.text(), key) {
			t.Errorf("%s: %d %.200s", key, b.code, b.text())
		}
	}
	if got := w.since(at); len(got) != 0 {
		t.Errorf("something was written: %+v", got)
	}
	// What only looks wrong is taken as it is, and only blanks are nothing.
	for typed, want := range map[string]any{"null": "null", "🦆": "🦆", "  Nara ": "Nara", "   ": nil} {
		at := w.mark()
		b.save("place", map[string]string{"city": typed})
		got := w.since(at)
		if b.code != http.StatusOK || len(got) != 1 || got[0].After["city"] != want {
			t.Errorf("%q: %d, written %+v", typed, b.code, got)
		}
		b.save("place", map[string]string{"city": "Uji"}).says("Saved")
	}
}

// B48, S1.59, W26: the start names everything that is wrong in one go, with the remedy, echoes no secret and ends with 2; three
// settings are enough for the rest to be right.
func TestB48_S1_59_W26_TheStart(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	out := k.refuses("NAMEPLATE_CLINT_ID=x", "NAMEPLATE_CLIENT_CERTIFICATE=/nowhere.pem", "NAMEPLATE_PUBLIC_URL=http://people.example.com/portal", "NAMEPLATE_SESSION_IDLE=never", "NAMEPLATE_TENANT=my company")
	for _, want := range []string{
		"NAMEPLATE_CLINT_ID is not a setting. Remedy: did you mean NAMEPLATE_CLIENT_ID", "keep the certificate", "has something after the host name", "write it as 60m", "neither a tenant id nor a domain name",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the start does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, k.org.Apps[0].Secrets[0].Value) {
		t.Errorf("the secret is echoed:\n%s", out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+k.port)
	if err != nil {
		t.Fatal(err)
	}
	if out := k.refuses(); !strings.Contains(out, k.port) || !strings.Contains(out, "in use") {
		t.Errorf("the port is taken, and the start says:\n%s", out)
	}
	_ = l.Close()
	guide, err := os.ReadFile("../../docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"NAMEPLATE_TENANT", "NAMEPLATE_CLIENT_ID", "NAMEPLATE_CLIENT_SECRET"} {
		if !strings.Contains(string(guide), name) || !slices.ContainsFunc(k.command("").Env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			t.Errorf("the guide or this test does not know %s", name)
		}
	}
	w, _ := k.serve("")
	w.signIn(w.who("member")).says("田中 美咲")
}
