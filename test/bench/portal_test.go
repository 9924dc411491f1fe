package bench

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
)

const member = "misaki.tanaka@larkfield.example"

// BenchmarkPortal measures `nameplate serve` in front of the emulator, each a process of its own. Between them stands a proxy that
// makes every request to Graph take longer and notes how long it took. Requests are counted by the emulator.
func BenchmarkPortal(b *testing.B) {
	for b.Loop() {
		for _, delay := range []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond} {
			views, saves := 200, 100
			if delay > 0 {
				views, saves = 40, 20
			}
			s := begin(b, delay, "0")
			where := fmt.Sprintf("Graph answers after %d ms", delay.Milliseconds())
			if delay == 0 {
				where = "Graph answers at once"
				figure(b, "P11", "portal alone, SQLite, one person signed in and looking: resident memory", s.portal.memory(b), "MiB", map[string]any{"goal": "≤ 40 idle"})
			}
			s.views(b, views, where)
			s.saves(b, saves, where, "mobilePhone", func(i int) string { return fmt.Sprintf("+49 30 5550%03d", i%1000) }, "≤ 2")
			s.saves(b, saves, where, "aboutMe", func(i int) string { return fmt.Sprintf("About me, version %d.", i) }, "≤ 3")
			s.end(b)
		}
		s := begin(b, 60*time.Millisecond, "0.05")
		s.views(b, 100, "Graph answers after 60 ms, chaos 5 %")
		s.saves(b, 40, "Graph answers after 60 ms, chaos 5 %", "mobilePhone", func(i int) string { return fmt.Sprintf("+49 30 5550%03d", i%1000) }, "")
		s.end(b)
	}
}

// scene is one person at the portal.
type scene struct {
	emulator, portal *process
	graph            *slowGraph
	base             string
	chaos            string
	http             *http.Client
	seen             int64 // number of the last request in the emulator's log
}

// begin starts everything and signs the person in; before runs with the portal's environment before the portal does.
func begin(b *testing.B, delay time.Duration, chaos string, before ...func(environment []string)) *scene {
	b.Helper()
	base := "http://" + freeAddress(b)
	base = strings.Replace(base, "127.0.0.1", "localhost", 1)
	s := &scene{base: base, chaos: chaos}
	s.emulator = start(b, "emulator", "--chaos", chaos, "--redirect", base+"/auth/callback")
	s.graph = newSlowGraph(b, s.emulator.at("graph"), s.emulator.at("ca_file"))
	dir := b.TempDir()
	environment := []string{
		"NAMEPLATE_PUBLIC_URL=" + base, "NAMEPLATE_LISTEN=" + strings.Replace(strings.TrimPrefix(base, "http://"), "localhost", "127.0.0.1", 1),
		"NAMEPLATE_DATABASE=" + filepath.Join(dir, "nameplate.db"), "NAMEPLATE_KEY_FILE=" + filepath.Join(dir, "nameplate.key"),
		"NAMEPLATE_TENANT=" + s.emulator.at("tenant_id"), "NAMEPLATE_CLIENT_ID=" + s.emulator.at("client_id"),
		"NAMEPLATE_CLIENT_SECRET=" + s.emulator.at("client_secret"), "NAMEPLATE_AUTHORITY=" + s.graph.address,
		"NAMEPLATE_CA_FILE=" + s.graph.ca,
		"NAMEPLATE_GRAPH=" + s.graph.address, "NAMEPLATE_LOG_LEVEL=error",
	}
	for _, f := range before {
		f(environment)
	}
	s.portal = startWith(b, environment, "serve")
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	s.http = &http.Client{Jar: jar, Timeout: 2 * time.Minute, Transport: s.graph.trusting}
	_, at, _ := s.do(b, http.MethodGet, base+"/login", nil)
	to, err := emulator.SignIn(b.Context(), s.http, at, member)
	if err != nil {
		b.Fatal(err)
	}
	if code, _, body := s.do(b, http.MethodGet, to, nil); code != http.StatusOK {
		b.Fatalf("after signing in: %d\n%.2000s", code, body)
	}
	s.do(b, http.MethodGet, base+"/profile", nil)
	s.graph.slow(delay)
	s.count(b)
	return s
}

func (s *scene) end(b *testing.B) {
	b.Helper()
	stop(b, s.portal)
	stop(b, s.emulator)
}

func (s *scene) do(b *testing.B, method, address string, form url.Values) (code int, at, body string) {
	b.Helper()
	var r io.Reader
	if form != nil {
		r = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, address, r)
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", s.base)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp.StatusCode, resp.Request.URL.String(), string(data)
}

// count is how many requests to Graph the emulator has had since the last count: of HTTP, and inside batches.
func (s *scene) count(b *testing.B) (outer, inner int) {
	b.Helper()
	var log []struct {
		Seq   int64  `json:"seq"`
		Path  string `json:"path"`
		Inner bool   `json:"inner"`
	}
	s.emulator.control(b, http.MethodGet, fmt.Sprintf("/requests?after=%d", s.seen), nil, &log)
	for _, r := range log {
		s.seen = r.Seq
		switch {
		case r.Inner:
			inner++
		case strings.HasPrefix(r.Path, "/v1.0/"):
			outer++
		}
	}
	return outer, inner
}

// pause between two pages keeps below the portal's limit of requests from one address, 50 a second.
const pause = 25 * time.Millisecond

// page is what one page took.
type page struct{ wall, own time.Duration }

func (s *scene) timed(b *testing.B, method, address string, form url.Values) (page, int, string) {
	b.Helper()
	time.Sleep(pause)
	s.graph.spent()
	begun := time.Now()
	code, _, body := s.do(b, method, address, form)
	wall := time.Since(begun)
	return page{wall, wall - s.graph.spent()}, code, body
}

func (s *scene) views(b *testing.B, n int, where string) {
	b.Helper()
	var pages []page
	failed := 0
	s.count(b)
	for range n {
		p, code, body := s.timed(b, http.MethodGet, s.base+"/profile", nil)
		if code != http.StatusOK || !strings.Contains(body, member) {
			failed++
		}
		pages = append(pages, p)
	}
	outer, _ := s.count(b)
	s.tell(b, "view of the own profile", where, pages, outer, 0, failed, "≤ 1")
}

// saves changes one property n times. Opening the form is not part of a save; the redirect after it, and the page that it leads to,
// are measured as a view.
func (s *scene) saves(b *testing.B, n int, where, property string, value func(int) string, goal string) {
	b.Helper()
	section := s.section(b, property)
	var pages []page
	failed, outer, inner := 0, 0, 0
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { s.http.CheckRedirect = nil }()
	for i := range n {
		time.Sleep(pause)
		_, _, body := s.do(b, http.MethodGet, s.base+section, nil)
		form := formWith(b, body, property)
		if form == nil { // chaos: the profile could not be read
			failed++
			continue
		}
		form.Set(property, value(i))
		s.count(b)
		p, code, _ := s.timed(b, http.MethodPost, s.base+"/profile", form)
		if code != http.StatusSeeOther {
			failed++
		}
		o, in := s.count(b)
		outer, inner = outer+o, inner+in
		pages = append(pages, p)
	}
	s.tell(b, "save of one property ("+property+")", where, pages, outer, inner, failed, goal)
}

// section is the address of the form that has a property.
func (s *scene) section(b *testing.B, property string) string {
	b.Helper()
	for range 10 { // chaos may hide the profile
		_, _, body := s.do(b, http.MethodGet, s.base+"/profile", nil)
		for rest := body; ; {
			_, after, ok := strings.Cut(rest, `href="/profile?edit=`)
			if !ok {
				break
			}
			rest = after
			name, _, _ := strings.Cut(after, `"`)
			name, _, _ = strings.Cut(name, `#`)
			address := "/profile?edit=" + html.UnescapeString(name)
			if _, _, form := s.do(b, http.MethodGet, s.base+address, nil); formWith(b, form, property) != nil {
				return address
			}
		}
	}
	b.Fatalf("no form has %s", property)
	return ""
}

func (s *scene) tell(b *testing.B, what, where string, pages []page, outer, inner, failed int, goal string) {
	b.Helper()
	if len(pages) == 0 {
		b.Fatalf("%s, %s: every page failed", what, where)
	}
	n := float64(len(pages))
	more := map[string]any{}
	if goal != "" && s.chaos == "0" {
		more["goal"] = goal
	}
	name := what + "; " + where
	figure(b, "P8", name+": requests to Graph", float64(outer)/n, "requests", more)
	if inner > 0 {
		figure(b, "P8", name+": of them inside batches", float64(inner)/n, "inner requests", nil)
	}
	own := func(p page) time.Duration { return p.own }
	wall := func(p page) time.Duration { return p.wall }
	more = map[string]any{"p99": quantile(pages, own, 0.99), "runs": len(pages)}
	if s.chaos == "0" {
		more["goal"] = "≤ 3"
		figure(b, "P8", name+": own time, Graph's taken off", quantile(pages, own, 0.5), "ms", more)
	} else {
		figure(b, "P8", name+": own time, waiting before another try included", quantile(pages, own, 0.5), "ms", more)
	}
	figure(b, "P8", name+": whole time", quantile(pages, wall, 0.5), "ms", map[string]any{"p99": quantile(pages, wall, 0.99), "runs": len(pages)})
	if failed > 0 {
		figure(b, "P8", name+": answered with words instead of the page", float64(failed), "pages", nil)
	}
}

func quantile(pages []page, of func(page) time.Duration, q float64) float64 {
	v := make([]time.Duration, 0, len(pages))
	for _, p := range pages {
		v = append(v, of(p))
	}
	slices.Sort(v)
	i := max(0, int(math.Ceil(q*float64(len(v))))-1)
	return float64(v[i].Microseconds()) / 1000
}

// formWith is what a browser would send of the form that has a property, untouched; nil when there is none.
func formWith(b *testing.B, body, property string) url.Values {
	b.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for f := range doc.Descendants() {
		if f.Type != html.ElementNode || f.Data != "form" || attribute(f, "action") != "/profile" {
			continue
		}
		v := url.Values{}
		for n := range f.Descendants() {
			name, kind := attribute(n, "name"), attribute(n, "type")
			switch {
			case n.Type != html.ElementNode || name == "":
			case n.Data == "textarea":
				text := ""
				if n.FirstChild != nil {
					text = n.FirstChild.Data
				}
				v.Add(name, text)
			case n.Data == "select":
				v.Add(name, chosen(n))
			case n.Data != "input" || kind == "submit" || kind == "file":
			case (kind == "checkbox" || kind == "radio") && !carries(n, "checked"):
			default:
				v.Add(name, attribute(n, "value"))
			}
		}
		if v.Has(property) {
			return v
		}
	}
	return nil
}

// chosen is the value of a list's chosen entry, which is the first where none is marked.
func chosen(list *html.Node) string {
	value := ""
	first := true
	for o := range list.Descendants() {
		if o.Data == "option" && (first || carries(o, "selected")) {
			value, first = attribute(o, "value"), false
		}
	}
	return value
}

func carries(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// slowGraph hands requests on, late, and knows for how long at least one of them was under way.
type slowGraph struct {
	address  string
	ca       string // file with the certificate that clients must trust
	trusting http.RoundTripper
	mu       sync.Mutex
	delay    time.Duration
	open     int
	since    time.Time
	total    time.Duration
}

// newSlowGraph stands in front of the emulator's https address and is that address to whoever asks it, tokens included.
func newSlowGraph(b *testing.B, target, authority string) *slowGraph {
	b.Helper()
	to, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	trusted, err := os.ReadFile(authority)
	if err != nil {
		b.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	g := &slowGraph{}
	on := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		ErrorLog:  log.New(io.Discard, "", 0), // chaos breaks connections
	}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1.0/") {
			wait := g.enter()
			defer g.leave()
			time.Sleep(wait)
		}
		on.ServeHTTP(w, r)
	}))
	b.Cleanup(srv.Close)
	g.trusting = srv.Client().Transport
	g.address, g.ca = srv.URL, filepath.Join(b.TempDir(), "proxy.pem")
	if err := os.WriteFile(g.ca, encode(srv.Certificate()), 0o600); err != nil {
		b.Fatal(err)
	}
	return g
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func (g *slowGraph) slow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = d
}

func (g *slowGraph) enter() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open++; g.open == 1 {
		g.since = time.Now()
	}
	return g.delay
}

func (g *slowGraph) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open--; g.open == 0 {
		g.total += time.Since(g.since)
	}
}

// spent is the time since the last call in which a request was under way.
func (g *slowGraph) spent() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.total
	g.total = 0
	return d
}
