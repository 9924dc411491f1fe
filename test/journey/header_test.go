package journey

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What stands in headers: those that a stranger sends are not believed, and those of every answer hold.

// W14, A16: links and the redirect address come from the configuration, whatever the request says of its host.
func TestW14_A16_HostHeader(t *testing.T) {
	t.Parallel()
	w := running(t)
	for _, c := range []struct{ name, value string }{
		{"Host", "evil.example"}, {"X-Forwarded-Host", "evil.example"}, {"Forwarded", "host=evil.example;proto=https"}, {"X-Forwarded-Proto", "https"}, {"X-Original-URL", "/admin"},
	} {
		for _, path := range []string{"/", "/login", "/profile", "/nowhere"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "Host" {
				req.Host = c.value
			} else {
				req.Header.Set(c.name, c.value)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "Host" && resp.StatusCode != http.StatusMisdirectedRequest && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s with a foreign host: %d", c.name, path, resp.StatusCode)
			}
			for k, v := range resp.Header {
				if strings.Contains(strings.Join(v, " "), "evil.example") {
					t.Errorf("%s: %s echoes the host in %s: %v", c.name, path, k, v)
				}
			}
			page, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || strings.Contains(string(page), "evil.example") {
				t.Errorf("%s: %s echoes the host in its page, %v", c.name, path, err)
			}
			if path == "/login" && c.name != "Host" {
				if to, err := url.Parse(resp.Header.Get("Location")); err != nil || to.Query().Get("redirect_uri") != w.Portal+"/auth/callback" {
					t.Errorf("%s: the sign-in leads back to %q", c.name, resp.Header.Get("Location"))
				}
			}
		}
	}
}

// W23, A13, A44, A46: the same headers on every answer.
func TestW23_A13_A44_A46_HeadersEverywhere(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	asset := ""
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "link" && attr(n, "rel") == "stylesheet" }) {
		asset = attr(n, "href")
	}
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirect is an answer too
	for _, path := range []string{
		"/", "/profile", "/profile?edit=all", "/profile/photo", "/ask/displayName", "/history", "/help", "/sign-in", "/signed-out", "/login", "/nowhere", "/.git/config", "/debug/pprof", "/healthz", "/readyz",
		"/photo", "/auth/callback?error=x", "/auth/logout", "/admin", "/admin/people", "/api/v1/people", "/api/v1/openapi.json", "/api/v1/nowhere", "/gallery", asset, "/asset/old/app.css",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		b.do(req)
		h := b.head
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
			h.Get("Referrer-Policy") == "" || h.Get("Server") != "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s (%d): %v", path, b.code, h)
		}
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("A46: %s answers a foreign site with %s", path, name)
			}
		}
		switch cache := h.Get("Cache-Control"); path {
		case asset:
		case "/photo":
			if !strings.HasPrefix(cache, "private") && cache != "no-store" {
				t.Errorf("A44: the photo may be cached by others: %q", cache)
			}
		default:
			if cache != "no-store" {
				t.Errorf("A44: %s may be cached: %q", path, cache)
			}
		}
	}
}

// A17: headers that name another client or another person are not believed.
func TestA17_SpoofedHeaders(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("faxNumber", "+81 3 5550 0111")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": w.Portal, "X-Forwarded-For": "203.0.113.9", "X_Forwarded_For": "203.0.113.9",
		"Forwarded": "for=203.0.113.9", "X-Real-Ip": "203.0.113.9", "X-MS-CLIENT-PRINCIPAL": "eyJ1c2VySWQiOiJhZG1pbiJ9", "X-MS-CLIENT-PRINCIPAL-ID": "admin",
	} {
		req.Header.Set(k, v)
	}
	b.do(req)
	b.get("/history").says("+81 3 5550 0111", "127.0.0.1")
	if strings.Contains(b.text(), "203.0.113.9") {
		t.Error("the history believes X-Forwarded-For")
	}
	anon := w.browser()
	req, _ = http.NewRequestWithContext(t.Context(), http.MethodGet, w.Portal+"/profile", nil)
	req.Header.Set("X-MS-CLIENT-PRINCIPAL-ID", "admin")
	req.Header.Set("User-Agent", "GoogleHC/1.0")
	if anon.do(req); anon.at.Path == "/profile" && anon.code == http.StatusOK {
		t.Error("A18: a header opened the profile")
	}
}

// A18, A47: without a session only the door, the health and the assets answer; well-known paths of other programs lead nowhere.
func TestA18_A47_NothingElseAnswers(t *testing.T) {
	t.Parallel()
	w := running(t)
	open := []string{"/", "/sign-in", "/help", "/signed-out", "/healthz", "/readyz", "/gallery"}
	paths := []string{
		"/", "/sign-in", "/help", "/signed-out", "/healthz", "/readyz", "/gallery", "/profile", "/history", "/photo", "/profile/photo", "/ask/jobTitle", "/metrics", "/debug/pprof/", "/debug/vars",
		"/.git/HEAD", "/.env", "/nameplate.yaml", "/nameplate.db", "/asset/", "/static/", "/admin", "/api/v1/people", "/server-status", "/actuator/health", "/swagger.json", "/robots.txt",
		"/.well-known/security.txt", "/wp-login.php", "/config", "/backup.zip", "/ledger", "/faults", "/snapshot", "/v1.0/users", "/healthz/../profile", "/profile/", "//profile",
		"/.git/config", "/.git/index", "/.gitignore", "/.svn/entries", "/.hg/store", "/.DS_Store", "/.aws/credentials", "/.ssh/id_rsa", "/.htaccess", "/.env.local", "/.npmrc", "/.dockerenv",
		"/debug", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/requests", "/trace", "/console", "/status", "/info", "/health", "/version", "/env", "/dump", "/heapdump", "/threaddump",
		"/actuator/env", "/actuator/heapdump", "/manage/env", "/jolokia", "/server-info", "/nginx_status", "/phpinfo.php", "/phpmyadmin/", "/xmlrpc.php", "/wp-admin/", "/cgi-bin/test", "/web.config",
		"/swagger/index.html", "/v2/api-docs", "/openapi.json", "/graphql", "/api", "/api/", "/api/v1", "/api/v1/keys", "/api/v1/history", "/login.php", "/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd",
		"/asset/../portal.go", "/asset/%2e%2e/view/profile.html", "/view/profile.html", "/nameplate.key", "/nameplate.db-wal", "/go.mod", "/main.go", "/Makefile", "/README.md", "/package.json", "/Dockerfile", "/docker-compose.yml",
		"/id_rsa", "/server.key", "/dump.sql", "/database.sqlite", "/backup.tar.gz", "/old/", "/test", "/admin/people", "/admin/history.csv", "/admin/policy", "/setup", "/install", "/metrics/", "/readyz/x", "/healthz/x",
	}
	if len(paths) < 100 {
		t.Errorf("only %d paths are tried", len(paths))
	}
	for _, path := range paths {
		b := w.browser()
		stop := *b.http
		stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := stop.Get(w.Portal + path)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
			t.Errorf("%s: %d %v", path, resp.StatusCode, err)
		}
		if resp.StatusCode == http.StatusOK && !slices.Contains(open, path) {
			t.Errorf("%s answers 200 to anybody", path)
		}
		for _, bad := range []string{"goroutine ", ".go:", "root:", "Index of", "internal/"} {
			if strings.Contains(string(page), bad) {
				t.Errorf("%s shows %q", path, bad)
			}
		}
	}
	for _, method := range []string{http.MethodTrace, http.MethodPut, http.MethodDelete, http.MethodPatch, "PROPFIND", http.MethodConnect} {
		req, err := http.NewRequestWithContext(t.Context(), method, w.Portal+"/profile", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s /profile: %d", method, resp.StatusCode)
		}
	}
}

// What every browser asks for unasked is there, on the portal and on the emulator's sign-in pages.
func TestW24_TheIconIsThere(t *testing.T) {
	t.Parallel()
	w := running(t)
	for _, at := range []string{w.Portal, w.AuthHTTP} {
		b := w.browser().open(at + "/favicon.ico")
		if b.code != http.StatusOK || b.head.Get("Content-Type") != "image/svg+xml" || !strings.Contains(b.body, "<svg") {
			t.Errorf("%s/favicon.ico: %d %s", at, b.code, b.head.Get("Content-Type"))
		}
	}
}
