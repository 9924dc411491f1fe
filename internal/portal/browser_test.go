package portal_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a person without JavaScript: it keeps cookies, reads pages and sends forms as they stand.
type browser struct {
	t      testing.TB
	w      *world
	client *http.Client
	accept string // Accept-Language
}

func (w *world) browser(t testing.TB) *browser {
	jar, _ := cookiejar.New(nil)
	c := w.server.Client()
	return &browser{t: t, w: w, client: &http.Client{Transport: c.Transport, Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host == "login.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

func (w *world) signedIn(t testing.TB) *browser {
	b := w.browser(t)
	b.get("/login")
	if p := b.get("/auth/callback?code=x"); p.status != http.StatusOK {
		t.Fatalf("sign-in: %d %s", p.status, p.text())
	}
	return b
}

// view is an answer, parsed.
type view struct {
	t      testing.TB
	status int
	header http.Header
	url    *url.URL
	body   string
	doc    *html.Node
}

func (b *browser) do(r *http.Request) *view {
	b.t.Helper()
	if b.accept != "" {
		r.Header.Set("Accept-Language", b.accept)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return &view{t: b.t, status: res.StatusCode, header: res.Header, url: res.Request.URL, body: string(body), doc: doc}
}

func (b *browser) get(path string) *view {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.w.server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, form url.Values) *view {
	b.t.Helper()
	r, _ := http.NewRequest(http.MethodPost, b.w.server.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// all are the elements for which want is true.
func (v *view) all(want func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && want(n) {
			out = append(out, n)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(v.doc)
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func inner(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func (v *view) tag(name string) []*html.Node {
	return v.all(func(n *html.Node) bool { return n.Data == name })
}

func (v *view) id(id string) *html.Node {
	v.t.Helper()
	found := v.all(func(n *html.Node) bool { return attr(n, "id") == id })
	if len(found) != 1 {
		v.t.Fatalf("%s: %d elements with id %q", v.url, len(found), id)
	}
	return found[0]
}

func (v *view) text() string { return inner(v.doc) }

func (v *view) has(texts ...string) {
	v.t.Helper()
	all := v.text()
	for _, s := range texts {
		if !strings.Contains(all, s) {
			v.t.Errorf("%s: %q is not on the page:\n%s", v.url, s, all)
		}
	}
}

func (v *view) hasNot(texts ...string) {
	v.t.Helper()
	for _, s := range texts {
		if strings.Contains(v.text(), s) || strings.Contains(v.body, s) {
			v.t.Errorf("%s: %q is on the page", v.url, s)
		}
	}
}

// form is what a browser would send of the form with that action.
func (v *view) form(action string) url.Values {
	v.t.Helper()
	forms := v.all(func(n *html.Node) bool { return n.Data == "form" && attr(n, "action") == action })
	if len(forms) == 0 {
		v.t.Fatalf("%s (%d): no form for %s:\n%s", v.url, v.status, action, v.text())
	}
	sub := &view{t: v.t, doc: forms[0]}
	out := url.Values{}
	for _, n := range sub.all(func(n *html.Node) bool { return attr(n, "name") != "" }) {
		name := attr(n, "name")
		switch n.Data {
		case "input":
			switch attr(n, "type") {
			case "radio", "checkbox":
				if has(n, "checked") {
					out.Add(name, attr(n, "value"))
				}
			case "file":
			default:
				out.Add(name, attr(n, "value"))
			}
		case "textarea":
			var b strings.Builder
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				b.WriteString(c.Data)
			}
			out.Add(name, b.String())
		case "select":
			o := &view{t: v.t, doc: n}
			chosen := ""
			for i, opt := range o.tag("option") {
				if i == 0 || has(opt, "selected") {
					chosen = attr(opt, "value")
				}
			}
			out.Add(name, chosen)
		}
	}
	return out
}

// picture is a JPEG whose upper half is red and lower half blue.
