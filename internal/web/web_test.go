package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
	"nameplate/internal/lang"
	"nameplate/internal/web"
)

type sessions map[string]web.Session

func (s sessions) Session(_ context.Context, secret, from string) (web.Session, error) {
	if secret == "too-many" {
		return web.Session{}, &fail.Error{Op: "test", Kind: fail.Throttled, Retry: 3 * time.Second}
	}
	got, ok := s[secret]
	if !ok {
		return web.Session{}, fail.New(fail.Denied, "test", fail.T("You are not signed in. Sign in to go on."))
	}
	return got, nil
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type random struct {
	mu sync.Mutex
	r  io.Reader
}

func (c *random) Read(b []byte) (int, error) { c.mu.Lock(); defer c.mu.Unlock(); return c.r.Read(b) }

var someone = web.Session{ID: "s1", Ref: directory.Ref{Tenant: "t", ID: "p"}, Name: "Ada"}

func site(t *testing.T, public string, change func(*web.Options)) (*web.Site, *clock, *bytes.Buffer) {
	t.Helper()
	catalog, err := lang.New()
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(public)
	c := &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	log := &bytes.Buffer{}
	o := web.Options{
		Public: u, Key: bytes.Repeat([]byte{1}, 32), Sessions: sessions{"good": someone, "editor": {ID: "s2", Ref: directory.Ref{Tenant: "t", ID: "e"}, Roles: []directory.Role{directory.Editor}}},
		Catalog: catalog, Now: c.now, Random: &random{r: rand.NewChaCha8([32]byte{2})}, Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
	if change != nil {
		change(&o)
	}
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ok := func(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
		_, err := fmt.Fprintf(w, "from %s as %v", v.From, v.Session)
		return err
	}
	s.Handle(web.Route{Method: "GET", Path: "/open", Right: web.Public(), Handler: ok})
	s.Handle(web.Route{Method: "GET", Path: "/mine", Right: web.Person(), Handler: ok})
	s.Handle(web.Route{Method: "GET", Path: "/desk", Right: web.Holder(directory.Editor), Handler: ok})
	s.Handle(web.Route{Method: "POST", Path: "/mine", Right: web.Person(), Handler: func(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
		if _, err := v.Form(r); err != nil {
			return err
		}
		return ok(w, r, v)
	}})
	s.Handle(web.Route{Method: "GET", Path: "/panic", Right: web.Public(), Handler: func(http.ResponseWriter, *http.Request, *web.Visit) error { panic("secret eyJ in /root/x.go") }})
	return s, c, log
}

func do(s http.Handler, method, target string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func cookie(value string) func(*http.Request) {
	return func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "__Host-nameplate", Value: value})
		r.AddCookie(&http.Cookie{Name: "nameplate", Value: value})
	}
}

const public = "https://profile.contoso.example"

func TestA16_OneAddress(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	for host, want := range map[string]int{
		"profile.contoso.example": 200, "PROFILE.contoso.example:443": 200, "evil.example": 421, "profile.contoso.example.evil.example": 421,
		"profile.contoso.example:8443": 421, "": 421, "127.0.0.1": 421,
	} {
		w := do(s, "GET", public+"/open", func(r *http.Request) {
			r.Host = host
			for _, h := range []string{"X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Original-Host"} {
				r.Header.Set(h, "host=evil.example")
			}
		})
		if w.Code != want || strings.Contains(w.Body.String(), "evil") || strings.Contains(fmt.Sprint(w.Header()), "evil") {
			t.Errorf("Host %q: %d %s", host, w.Code, w.Body)
		}
	}
}

func TestA17_OnlyAListedProxyNamesTheClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.9:1", "203.0.113.7", "192.0.2.9"},
		{"10.0.0.5:1", "203.0.113.7", "203.0.113.7"},
		{"10.0.0.5:1", "198.51.100.1, 203.0.113.7, 10.0.0.8", "203.0.113.7"},
		{"10.0.0.5:1", "rubbish", "10.0.0.5"},
		{"[::ffff:192.0.2.9]:1", "203.0.113.7", "192.0.2.9"},
	} {
		s, _, _ := site(t, public, func(o *web.Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
		w := do(s, "GET", public+"/open", func(r *http.Request) {
			r.RemoteAddr = c.peer
			r.Header.Set("X-Forwarded-For", c.forwarded)
			r.Header["X_Forwarded_For"] = []string{"1.1.1.1"}
			r.Header.Set("X-MS-CLIENT-PRINCIPAL-NAME", "admin")
		})
		if !strings.HasPrefix(w.Body.String(), "from "+c.want+" ") {
			t.Errorf("%s, %s: %s", c.peer, c.forwarded, w.Body)
		}
	}
}

func TestA13_HeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	assets, err := web.NewAssets(fstest.MapFS{"a.css": {Data: bytes.Repeat([]byte("body{color:red}"), 50)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.SetAssets(assets)
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "/open", 200}, {"HEAD", "/open", 200}, {"GET", "/nope", 404}, {"PUT", "/open", 403}, {"POST", "/open", 405}, {"TRACE", "/open", 403}, {"GET", "/panic", 500}, {"GET", "/mine", 303}, {"GET", "/healthz", 200}, {"GET", assets.URL("a.css"), 200}, {"GET", "/asset/old/a.css", 404}, {"OPTIONS", "/open", 405}} {
		w := do(s, c.method, public+c.path, func(r *http.Request) {
			if c.method == "POST" || c.method == "PUT" || c.method == "TRACE" {
				r.Header.Set("Origin", map[bool]string{true: public, false: "https://evil.example"}[c.method == "POST"])
			}
			if c.method == "OPTIONS" {
				r.Header.Set("Origin", "https://evil.example")
				r.Header.Set("Access-Control-Request-Method", "POST")
			}
		})
		if w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.want)
		}
		h := w.Header()
		if h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Strict-Transport-Security") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: %v", c.method, c.path, h)
		}
		for name := range h { // A46
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: %s", c.method, c.path, name)
			}
		}
		if strings.Contains(w.Body.String(), "eyJ") || strings.Contains(w.Body.String(), "/root") { // A47
			t.Errorf("%s %s shows %s", c.method, c.path, w.Body)
		}
	}
	plain, _, _ := site(t, "http://localhost:8080", nil)
	if w := do(plain, "GET", "http://localhost:8080/open", nil); w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("plain http claims to be strict about https")
	}
}

// G22 in small: each route of the table with no session, a person and an editor.
func TestG22_RoutesTimesRights(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	for _, r := range s.Routes() {
		for who, secret := range map[string]string{"nobody": "", "person": "good", "editor": "editor", "stranger": "stolen"} {
			w := do(s, r.Method, public+r.Path, func(q *http.Request) {
				q.Header.Set("Sec-Fetch-Site", "same-origin")
				if secret != "" {
					cookie(secret)(q)
				}
			})
			allowed := r.Right.String() == "public" || r.Right.String() == "person" && (who == "person" || who == "editor") || r.Right.String() == string(directory.Editor) && who == "editor"
			if got := w.Code; !allowed && (got < 300 || got >= 500) {
				t.Errorf("%s %s (%s) as %s: %d", r.Method, r.Path, r.Right, who, got)
			}
			if allowed && (w.Code == 401 || w.Code == 303 || w.Code == 403) && r.Method == "GET" {
				t.Errorf("%s %s (%s) as %s: %d", r.Method, r.Path, r.Right, who, w.Code)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a route without a right was taken")
		}
	}()
	s.Handle(web.Route{Method: "GET", Path: "/undeclared"})
}

func TestA09_StaleCookieIs401(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	if w := do(s, "GET", public+"/mine", cookie("stolen")); w.Code != 401 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := do(s, "GET", public+"/mine", cookie("too-many")); w.Code != 429 || w.Header().Get("Retry-After") != "3" { // A15
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// Over https the cookies of a session and of a sign-in that has begun are Secure and bound to this host; the second ends by itself.
func TestW7_A04_CookiesOverHTTPS(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	for name, set := range map[string]func(http.ResponseWriter){
		"__Host-nameplate=":         func(w http.ResponseWriter) { s.SetSession(w, "secret") },
		"__Host-nameplate-attempt=": func(w http.ResponseWriter) { s.SetAttempt(w, "secret", 10*time.Minute) },
	} {
		w := httptest.NewRecorder()
		set(w)
		got := w.Header().Get("Set-Cookie")
		for _, want := range []string{name, "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"} {
			if !strings.Contains(got, want) {
				t.Errorf("the cookie lacks %s: %s", want, got)
			}
		}
		if strings.Contains(got, "Domain=") || strings.Contains(got, "Max-Age=600") != strings.Contains(name, "attempt") {
			t.Errorf("the cookie is %s", got)
		}
	}
}

// A36: an address that is no text in UTF-8 reaches no page, and so nobody behind it.
func TestA36_AddressesAreText(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	for path, want := range map[string]int{
		"/open?q=%ff": 400, "/open?%fe=1": 400, "/open?q=%C3%28": 400, "/open?q=%ED%A0%80": 400, "/op%ffen": 400, "/open?q=%zz&x=%ff": 400, "/open?q=100%": 400,
		"/open?q=%C3%BC+%F0%9F%91%8B": 200, "/open?q=%25ff": 200,
	} {
		if w := do(s, "GET", public+path, nil); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestA45_Limits(t *testing.T) {
	t.Parallel()
	s, c, _ := site(t, public, func(o *web.Options) { o.Rate = guard.Rate{Burst: 5, PerSecond: 1} })
	post := func(kind, body, encoding string) int {
		r := httptest.NewRequest("POST", public+"/mine", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
		cookie("good")(r)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		c.add(10 * time.Second)
		return w.Code
	}
	const form = "application/x-www-form-urlencoded"
	for name, got := range map[string][2]int{
		"more than 1 MB":     {post(form, strings.Repeat("a", 1<<20+1), ""), 413},
		"1,001 fields":       {post(form, strings.Repeat("a=1&", 1000)+"b=2", ""), 413},
		"packed":             {post(form, "a=1", "gzip"), 415},
		"JSON":               {post("application/json", "{}", ""), 415},
		"text":               {post("text/plain", "a=1", ""), 415},
		"no type":            {post("", "a=1", ""), 415},
		"cut multipart":      {post("multipart/form-data; boundary=x", "--x\r\nContent-Dispo", ""), 400},
		"multipart, no edge": {post("multipart/form-data", "", ""), 400},
		"bad escape":         {post(form, "a=%zz", ""), 400},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
	t.Run("too many requests", func(t *testing.T) {
		var codes []int
		for range 8 {
			codes = append(codes, do(s, "GET", public+"/open", nil).Code)
		}
		if !slices.Equal(codes, []int{200, 200, 200, 200, 200, 429, 429, 429}) {
			t.Errorf("%v", codes)
		}
		if w := do(s, "GET", public+"/open", func(r *http.Request) { r.RemoteAddr = "198.51.100.77:5" }); w.Code != 200 {
			t.Errorf("somebody else: %d", w.Code)
		}
		c.add(2 * time.Second)
		if w := do(s, "GET", public+"/open", nil); w.Code != 200 {
			t.Errorf("after a pause: %d", w.Code)
		}
	})
	t.Run("headers", func(t *testing.T) {
		srv := web.Server(s)
		if srv.ReadHeaderTimeout == 0 || srv.ReadTimeout == 0 || srv.WriteTimeout == 0 || srv.IdleTimeout == 0 || srv.MaxHeaderBytes+4096 != 64<<10 {
			t.Errorf("%+v", srv)
		}
	})
}

func TestA18_HealthSaysNothingElse(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, func(o *web.Options) {
		o.Ready = func(context.Context) error { return errors.New("postgres://user:secret@db") }
	})
	for path, want := range map[string]struct {
		code int
		body string
	}{"/healthz": {200, "ok\n"}, "/readyz": {503, "not ready\n"}} {
		for _, h := range []http.Handler{s, s.Health()} {
			w := do(h, "GET", "http://10.1.2.3"+path, func(r *http.Request) { r.Header.Set("User-Agent", "kube-probe/1.30") })
			if w.Code != want.code || w.Body.String() != want.body {
				t.Errorf("%s: %d %q", path, w.Code, w.Body)
			}
		}
	}
	if w := do(s, "GET", public+"/mine", func(r *http.Request) { r.Header.Set("User-Agent", "GoogleHC/1.0") }); w.Code != 303 {
		t.Errorf("a health checker's name opens a page: %d", w.Code)
	}
	if w := do(s.Health(), "GET", public+"/open", nil); w.Code != 404 {
		t.Errorf("the health listener answers pages: %d", w.Code)
	}
}

func TestA39_KindsBecomeStatusesWithoutUpstreamText(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fail.Kind]int{fail.Internal: 500, fail.Invalid: 400, fail.Denied: 403, fail.NotFound: 404, fail.Conflict: 409, fail.Exists: 409, fail.Throttled: 503, fail.Unavailable: 503, fail.Unsupported: 422} {
		p := web.ProblemOf(&fail.Error{Op: "x", Kind: kind, Code: "Authorization_RequestDenied", Err: errors.New("Bearer eyJ https://graph/secret")})
		all := p.Title.String() + p.Say.String() + p.Do.String() + p.Code
		if p.Status != want || p.Title.Zero() || p.Say.Zero() || strings.Contains(all, "eyJ") || strings.Contains(all, "Bearer") {
			t.Errorf("%v: %+v", kind, p)
		}
	}
	p := web.ProblemOf(&fail.Error{Kind: fail.Denied, Code: "<script>", Say: fail.T("Ask X.")})
	if p.Code != "" || p.Say.String() != "Ask X." {
		t.Errorf("%+v", p)
	}
	if p := web.ProblemOf(fail.New(fail.Internal, "x", fail.T("SQL at 10.0.0.1"))); strings.Contains(p.Say.String(), "SQL") {
		t.Errorf("%+v", p)
	}
}

func TestLog_HasNoQueryAndNoNewLines(t *testing.T) {
	t.Parallel()
	s, _, log := site(t, public, nil)
	do(s, "GET", public+"/open?code=secret", func(r *http.Request) { r.URL.Path = "/open"; r.Header.Set("X-Request-Id", "forged") })
	do(s, "GET", public+"/a%0d%0aforged", nil)
	if strings.Contains(log.String(), "secret") || strings.Contains(log.String(), `"request":"forged"`) || strings.Contains(log.String(), "\nforged") {
		t.Error(log.String())
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	a, err := web.NewAssets(fstest.MapFS{"a.css": {Data: bytes.Repeat([]byte("body{color:red}"), 50)}}, map[string][]byte{"tiny.css": []byte("a{}")})
	if err != nil {
		t.Fatal(err)
	}
	s.SetAssets(a)
	w := do(s, "GET", public+a.URL("a.css"), func(r *http.Request) { r.Header.Set("Accept-Encoding", "br, gzip;q=0.8") })
	h := w.Header()
	if w.Code != 200 || h.Get("Content-Encoding") != "gzip" || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("ETag") == "" || h.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", w.Code, h)
	}
	if w := do(s, "GET", public+a.URL("a.css"), func(r *http.Request) { r.Header.Set("If-None-Match", h.Get("ETag")) }); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("known already: %d", w.Code)
	}
	if w := do(s, "GET", public+a.URL("a.css"), func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip;q=0") }); w.Header().Get("Content-Encoding") != "" || w.Body.Len() != 750 {
		t.Errorf("without gzip: %v", w.Header())
	}
	if w := do(s, "POST", public+a.URL("a.css"), nil); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
	b, _ := web.NewAssets(fstest.MapFS{"a.css": {Data: []byte("other")}}, nil)
	if a.URL("a.css") == b.URL("a.css") {
		t.Error("other content, same address")
	}
	if _, err := web.NewAssets(fstest.MapFS{"x.exe": {}}, nil); err == nil {
		t.Error("a kind that nobody knows was taken")
	}
}

func TestNew_RefusesWhatCannotBeRight(t *testing.T) {
	t.Parallel()
	catalog, _ := lang.New()
	good := func() web.Options {
		u, _ := url.Parse(public)
		return web.Options{Public: u, Key: make([]byte, 32), Sessions: sessions{}, Catalog: catalog, Now: time.Now, Random: &random{}}
	}
	for name, spoil := range map[string]func(*web.Options){
		"path":      func(o *web.Options) { o.Public, _ = url.Parse(public + "/portal") },
		"no scheme": func(o *web.Options) { o.Public, _ = url.Parse("profile.example") },
		"user":      func(o *web.Options) { o.Public, _ = url.Parse("https://a:b@profile.example") },
		"short key": func(o *web.Options) { o.Key = o.Key[:16] },
		"no clock":  func(o *web.Options) { o.Now = nil },
	} {
		o := good()
		spoil(&o)
		if _, err := web.New(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// A15, A45: colleagues behind one address each have their own budget once they are signed in; who guesses sessions spends the
// address's.
func TestA15_SignedInPeopleAreCountedByTheirSession(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, func(o *web.Options) { o.Rate = guard.Rate{Burst: 3, PerSecond: 1} })
	for range 3 {
		if w := do(s, "GET", public+"/mine", cookie("good")); w.Code != 200 {
			t.Fatalf("within the budget: %d", w.Code)
		}
	}
	if w := do(s, "GET", public+"/mine", cookie("good")); w.Code != 429 {
		t.Errorf("over the session's budget: %d", w.Code)
	}
	if w := do(s, "GET", public+"/mine", cookie("editor")); w.Code != 200 {
		t.Errorf("a colleague at the same address: %d", w.Code)
	}
	if w := do(s, "GET", public+"/open", nil); w.Code != 200 {
		t.Errorf("somebody else at the same address: %d", w.Code)
	}
	for range 2 {
		do(s, "GET", public+"/mine", cookie("a-guess"))
	}
	if w := do(s, "GET", public+"/mine", cookie("another-guess")); w.Code != 429 {
		t.Errorf("guesses over the address's budget: %d", w.Code)
	}
	if w := do(s, "GET", public+"/nowhere", cookie("another-guess")); w.Code != 429 {
		t.Errorf("a page that is not there, with a guess: %d", w.Code)
	}
}

// W26, A18: a monitor gets counts on the listener of its own, and nobody gets them from the portal.
func TestW26_A18_Metrics(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, public, nil)
	do(s, "GET", public+"/open", nil)
	do(s, "GET", public+"/nowhere", nil)
	if w := do(s, "GET", public+"/metrics", nil); w.Code != 404 {
		t.Errorf("the portal gives its counts to anybody: %d", w.Code)
	}
	w := do(s.Health(), "GET", "http://127.0.0.1/metrics", nil)
	for _, want := range []string{`nameplate_http_requests_total{code="2xx"} 1`, `nameplate_http_requests_total{code="4xx"} 2`, "nameplate_http_request_duration_seconds_count 3", `nameplate_http_request_duration_seconds_bucket{le="+Inf"} 3`} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d does not hold %q:\n%s", w.Code, want, w.Body)
		}
	}
}
