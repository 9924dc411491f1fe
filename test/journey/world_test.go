// Package journey walks through the whole product as its users do: the shipped program's own wiring, real HTTP, real Chromium, and
// the emulator as the directory.
package journey

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// world is a running demo: portal and emulator.
type world struct {
	*app.Demo
	t *testing.T
}

// begin starts a demo of its own for this test.
func begin(t *testing.T, o app.DemoOptions) *world {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(&testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	d, err := app.StartDemo(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Errorf("the demo did not stop well: %v", err)
		}
	})
	return &world{d, t}
}

// testWriter sends the log to the test.
type testWriter struct{ t *testing.T }

func (w *testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// who is the user principal name of the demo's person of that role.
func (w *world) who(role string) string {
	w.t.Helper()
	for _, u := range w.Users {
		if u.Role == role {
			return u.UPN
		}
	}
	w.t.Fatalf("the demo has nobody who is %q: %v", role, w.Users)
	return ""
}

// browser is a person in front of a browser without JavaScript.
type browser struct {
	t    *testing.T
	w    *world
	http *http.Client
	at   *url.URL // the page in front of the person
	code int
	head http.Header
	body string
	doc  *html.Node
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{t: w.t, w: w, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// signIn opens the portal and signs the person in through the emulator's pages.
func (w *world) signIn(upn string) *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/login")
	// The portal has sent the browser to the authority's sign-in page: walk through it as the emulator's own helper does.
	to, err := emulator.SignIn(w.t.Context(), b.http, b.at.String(), upn)
	if err != nil {
		w.t.Fatalf("sign in as %s: %v", upn, err)
	}
	b.open(to)
	if b.code != http.StatusOK || b.at.Host != mustParse(w.t, w.Portal).Host {
		w.t.Fatalf("after signing in as %s: %d at %s\n%s", upn, b.code, b.at, b.text())
	}
	return b
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// get opens a path of the portal.
func (b *browser) get(path string) *browser { b.t.Helper(); return b.open(b.w.Portal + path) }

// open opens any address, following redirects.
func (b *browser) open(address string) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

// do sends any request and shows the answer.
func (b *browser) do(req *http.Request) *browser {
	b.t.Helper()
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.at, b.code, b.head, b.body = resp.Request.URL, resp.StatusCode, resp.Header, string(data)
	b.doc, err = html.Parse(strings.NewReader(b.body))
	if err != nil {
		b.t.Fatal(err)
	}
	return b
}

// post sends a form to a path of the portal, as the portal's own page would.
func (b *browser) post(path string, form url.Values) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.Portal+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.w.Portal)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// all are the elements for which is holds, in the order of the page.
func (b *browser) all(is func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	for n := range b.doc.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			out = append(out, n)
		}
	}
	return out
}

// attr is an attribute of an element, "" when it has none.
func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// words are the visible words under a node, with single blanks.
func words(n *html.Node) string {
	var s strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			s.WriteString(n.Data + " ")
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "head" || n.Data == "template") {
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(s.String()), " ")
}

// text is what a person reads on the page.
func (b *browser) text() string { return words(b.doc) }

// says fails the test unless the page says each of these.
func (b *browser) says(want ...string) *browser {
	b.t.Helper()
	page := b.text()
	for _, w := range want {
		if !strings.Contains(page, w) {
			b.t.Errorf("%s (%d) does not say %q:\n%s", b.at, b.code, w, page)
		}
	}
	return b
}

// form reads the form that posts to a path: what a browser would send if nothing was touched.
func (b *browser) form(action string) url.Values {
	b.t.Helper()
	for _, f := range b.all(func(n *html.Node) bool {
		return n.Data == "form" && strings.EqualFold(attr(n, "method"), "post") && b.resolve(attr(n, "action")) == action
	}) {
		return fields(f)
	}
	b.t.Fatalf("%s (%d) has no form that posts to %s:\n%s", b.at, b.code, action, b.body)
	return nil
}

// resolve is the path that an address on this page leads to.
func (b *browser) resolve(ref string) string {
	u, err := b.at.Parse(ref)
	if err != nil {
		return ref
	}
	return u.Path
}

// fields are the successful controls of a form, as HTML defines them; a button is left out.
func fields(form *html.Node) url.Values {
	v := url.Values{}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		name := attr(n, "name")
		if name == "" || has(n, "disabled") {
			continue
		}
		switch n.Data {
		case "input":
			switch attr(n, "type") {
			case "submit", "button", "file", "reset", "image":
			case "checkbox", "radio":
				if has(n, "checked") {
					value := attr(n, "value")
					if value == "" {
						value = "on"
					}
					v.Add(name, value)
				}
			default:
				v.Add(name, attr(n, "value"))
			}
		case "textarea":
			text := ""
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			v.Add(name, text)
		case "select":
			var first, chosen *html.Node
			for o := range n.Descendants() {
				if o.Type == html.ElementNode && o.Data == "option" {
					if first == nil {
						first = o
					}
					if has(o, "selected") {
						chosen = o
					}
				}
			}
			if chosen == nil {
				chosen = first
			}
			if chosen != nil {
				if has(chosen, "value") {
					v.Add(name, attr(chosen, "value"))
				} else {
					v.Add(name, words(chosen))
				}
			}
		}
	}
	return v
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

type htmlNode = html.Node

// ruleFor answers every request of that method with a status and a body that must not reach a person.
func ruleFor(method string, status int) emulator.Rule {
	do := emulator.Do{Status: status, Code: "canary_code", Message: "canary <script>alert(1)</script> eyJ0eXAi"}
	if status == http.StatusTooManyRequests {
		do.Headers = map[string]string{"Retry-After": "120"} // longer than a person waits: told at once
	}
	return emulator.Rule{Match: emulator.Match{Method: method}, At: "before", Do: do}
}
