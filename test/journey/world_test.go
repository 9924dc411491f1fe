// Package journey walks through the whole product as its users do: the shipped program's own wiring, real HTTP, real Chromium, and
// the emulator as the directory.
package journey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// world is a running demo: portal and emulator.
type world struct {
	*app.Demo
	t   *testing.T
	log *lockedBuffer // what the program logged, when it runs by itself
	pid int           // its process
}

// resident is the memory that the program holds, in MB.
func (w *world) resident() int {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), "ps", "-o", "rss=", "-p", strconv.Itoa(w.pid)).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	kb, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		w.t.Fatal(err)
	}
	return kb >> 10
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
	return &world{Demo: d, t: t}
}

// running starts the program itself, as it ships, with these arguments of the demo: what a stranger on the network meets.
func running(t *testing.T, args ...string) *world {
	t.Helper()
	return runningIn(t, "", nil, args...)
}

// runningIn is running in a folder and an environment; nil is that of the test.
func runningIn(t *testing.T, dir string, env []string, args ...string) *world {
	t.Helper()
	w, cmd := begun(t, dir, env, args...)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program ended badly: %v\n%s", err, w.log.String())
		}
	})
	return w
}

// program builds the program once for all tests.
var program = func() func(*testing.T) string {
	build := sync.OnceValues(func() (string, error) {
		path := filepath.Join(os.TempDir(), fmt.Sprintf("nameplate-journey-%d", os.Getpid()))
		out, err := exec.Command("go", "build", "-o", path, "nameplate/cmd/nameplate").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w\n%s", err, out)
		}
		return path, nil
	})
	return func(t *testing.T) string {
		t.Helper()
		path, err := build()
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
}()

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.Remove(filepath.Join(os.TempDir(), fmt.Sprintf("nameplate-journey-%d", os.Getpid())))
	os.Exit(code)
}

// lockedBuffer holds what the program logs while it runs.
type lockedBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{} // is closed when more comes
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.b.Write(p)
}

// says waits for a text, because a request is logged after it was answered.
func (l *lockedBuffer) says(text string) bool {
	end := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		if l.more == nil {
			l.more = make(chan struct{})
		}
		there, more := strings.Contains(l.b.String(), text), l.more
		l.mu.Unlock()
		if there {
			return true
		}
		select {
		case <-more:
		case <-end:
			return false
		}
	}
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// control calls the emulator's control listener.
func (w *world) control(method, path string, body, into any) {
	w.t.Helper()
	var r io.Reader
	if body != nil {
		j, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequest(method, w.Control+path, r)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, data)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			w.t.Fatalf("%s %s: %v %s", method, path, err, data)
		}
	}
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
			s.WriteString(n.Data)
			if n.NextSibling == nil || n.NextSibling.Data != "wbr" { // where a line may break, a word goes on
				s.WriteString(" ")
			}
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

type htmlAttribute = html.Attribute

// signInAddress begins a sign-in and gives the address that the authority sends the browser back to.
func signInAddress(b *browser, upn string) (string, error) {
	b.t.Helper()
	b.get("/login")
	return signInFrom(b, upn)
}

// signInFrom goes on from the authority's page that the browser is at.
func signInFrom(b *browser, upn string) (string, error) {
	b.t.Helper()
	return emulator.SignIn(b.t.Context(), b.http, b.at.String(), upn)
}

// runProgram writes a file and runs the program with its path as the last argument; it gives everything printed and the exit code.
func runProgram(t *testing.T, dir, text string, args ...string) (out string, code int) {
	t.Helper()
	f, err := os.CreateTemp(dir, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := exec.CommandContext(ctx, program(t), append(args, f.Name())...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(b), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b), 0
}

// nextPort walks through ports below those that the system gives away by itself, so that one which was found free stays free until a
// program that is started with it takes it.
var nextPort atomic.Int32

// freePort finds n free ports in a row and gives the first.
func freePort(t *testing.T, n int32) string {
	t.Helper()
	nextPort.CompareAndSwap(0, 20_000+int32(os.Getpid()%1000)*10)
	for range 200 {
		first := nextPort.Add(n) - n
		free := true
		for p := first; p < first+n; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				free = false
				break
			}
			_ = l.Close()
		}
		if free {
			return fmt.Sprint(first)
		}
	}
	t.Fatal("no free port was found")
	return ""
}
