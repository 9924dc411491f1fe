package journey

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// People of the sample organization, by what they are good for.
const (
	ruth  = "ruth.okonkwo@larkfield.example"       // Nameplate.Admin
	jonas = "jonas.lindqvist@larkfield.example"    // Nameplate.Editor
	helen = "helen.papadopoulou@larkfield.example" // Nameplate.Auditor
	lena  = "lena.hoffmann@larkfield.example"      // no role
)

// follow opens the link of the page with that text.
func (b *browser) follow(text string) *browser {
	b.t.Helper()
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" }) {
		if words(a) == text {
			return b.get(b.link(a))
		}
	}
	b.t.Fatalf("%s has no link %q:\n%s", b.at, text, b.text())
	return b
}

func (b *browser) link(a *html.Node) string {
	u, err := b.at.Parse(attr(a, "href"))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.RequestURI()
}

// press sends the form that posts to a path with a step, as its button does.
func (b *browser) press(path, step string, change func(url.Values)) *browser {
	b.t.Helper()
	f := b.form(path)
	if step != "" {
		f.Set("step", step)
	}
	if change != nil {
		change(f)
	}
	return b.post(path, f)
}

// person opens the page of somebody by the list of people.
func (b *browser) person(name string) string {
	b.t.Helper()
	b.get("/admin/people?q=" + url.QueryEscape(name))
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/admin/people/") }) {
		if strings.Contains(words(a), name) {
			b.get(b.link(a))
			return b.at.Path
		}
	}
	b.t.Fatalf("nobody called %q:\n%s", name, b.text())
	return ""
}

// exported takes the history out as a file.
func (b *browser) exported(at string) *browser {
	b.t.Helper()
	path, _, _ := strings.Cut(at, "?")
	f := b.get(at).form(path)
	f.Set("why", "a test")
	return b.post(at, f)
}

// deed opens the page of a deed and presses its button.
func (b *browser) deed(at, deed string, change func(url.Values)) *browser {
	b.t.Helper()
	b.get(at + "/" + deed)
	return b.press(at+"/"+deed, "save", change)
}

// forge takes token and scope from the page of a deed on one person.
func (w *world) forge(b *browser, at, deed string) url.Values {
	w.t.Helper()
	f := b.get(at + "/" + deed).form(at + "/" + deed)
	return url.Values{"_token": f["_token"], "_scope": f["_scope"]}
}

// busy makes a history worth looking at, and gives the address of the page of Lena Hoffmann.
func (b *browser) busy() string {
	b.t.Helper()
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("mobilePhone", "+49 151 7654321"); f.Set("why", "She told me on the phone") })
	b.get(at + "/groups?join=20000000-0000-4000-8000-000000000001")
	b.press(at+"/groups", "save", nil)
	b.get(at + "/manager?q=ruth").follow("Choose Ruth Okonkwo-Bergström")
	b.press(at+"/manager", "save", nil)
	b.deed(at, "sessions", nil)
	return at
}
