package graph_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/graph"
)

func TestNew_RefusesPlainHTTPExceptLoopback(t *testing.T) {
	t.Parallel()
	for endpoint, ok := range map[string]bool{
		"https://graph.microsoft.com": true, "http://127.0.0.1:8080": true, "http://[::1]:80/v1.0": true, "http://localhost:1": true,
		"http://graph.microsoft.com": false, "http://127.0.0.1.evil.example": false, "ftp://127.0.0.1": false, "https://u:p@graph.microsoft.com": false,
		"graph.microsoft.com": false, "https://graph.microsoft.com?x=1": false,
	} {
		_, err := graph.New(graph.Options{Endpoint: endpoint, Now: time.Now, NewID: func() string { return "x" }})
		if (err == nil) != ok {
			t.Errorf("A38: %s: %v", endpoint, err)
		}
	}
}

func TestA38_CertificatesAreVerified(t *testing.T) {
	t.Parallel()
	hits := atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hits.Add(1); reply(w, 200, `{"id":"1"}`) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	trusting := func(min, max uint16) func(*graph.Options) {
		return func(o *graph.Options) {
			o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: min, MaxVersion: max}}
		}
	}
	var v map[string]any
	if err := against(t, s.URL).Get(t.Context(), "/me", &v); err == nil {
		t.Error("a certificate that nobody vouches for was accepted")
	}
	host := strings.Replace(s.URL, "127.0.0.1", "localhost", 1) // the certificate is for example.com and 127.0.0.1
	if err := against(t, host, trusting(tls.VersionTLS12, 0)).Get(t.Context(), "/me", &v); err == nil {
		t.Error("a certificate for another name was accepted")
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests, and tokens, reached a server that was not verified", hits.Load())
	}
	if err := against(t, s.URL, trusting(tls.VersionTLS12, 0)).Get(t.Context(), "/me", &v); err != nil {
		t.Errorf("a good certificate was refused: %v", err)
	}
}

func TestA30_TheTokenLeavesOnlyToItsOrigin(t *testing.T) {
	t.Parallel()
	stolen := atomic.Int64{}
	thief := serve(t, func(_ http.ResponseWriter, _ *http.Request) { stolen.Add(1) })
	port := thief.Listener.Addr().(*net.TCPAddr).Port
	var next atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1.0/redirect" {
			http.Redirect(w, r, next.Load().(string), http.StatusTemporaryRedirect)
			return
		}
		b, _ := json.Marshal(map[string]any{"value": []any{}, "@odata.nextLink": next.Load()})
		reply(w, 200, string(b))
	})
	u, _ := url.Parse(s.URL)
	own := u.Host
	for name, link := range map[string]string{
		"suffix":          "https://graph.microsoft.com.evil.example/v1.0/users",
		"other port":      fmt.Sprintf("http://127.0.0.1:%d/v1.0/users", port),
		"other name":      fmt.Sprintf("http://localhost:%d/v1.0/users", port),
		"same port name":  strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/v1.0/users",
		"https":           "https://" + own + "/v1.0/users",
		"userinfo":        fmt.Sprintf("http://%s@127.0.0.1:%d/v1.0/users", own, port),
		"own userinfo":    "http://evil:hush@" + own + "/v1.0/users",
		"no scheme":       fmt.Sprintf("//127.0.0.1:%d/v1.0/users", port),
		"relative":        "/v1.0/users",
		"backslash":       fmt.Sprintf(`http://127.0.0.1:%d\@%s/v1.0/users`, port, own),
		"upper case evil": fmt.Sprintf("HTTP://LOCALHOST:%d/V1.0/USERS", port),
		"punycode":        "https://graph.xn--mcrosoft-n2a.com/v1.0/users",
		"file":            "file:///etc/passwd",
		"empty":           "",
		"no port":         "http://127.0.0.1/v1.0/users",
	} {
		next.Store(link)
		b := against(t, s.URL)
		var err error
		for _, e := range b.Pages(t.Context(), "/users") {
			err = e
		}
		if !errors.Is(err, graph.ErrForeign) || !strings.Contains(err.Error(), "paging link to a foreign host refused") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows the password of the link: %v", name, err)
		}
		if err := b.Get(t.Context(), "/redirect", &struct{}{}); err == nil {
			t.Errorf("%s: a redirect was followed", name)
		}
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests reached a foreign listener", n)
	}
}

func TestPages_EmptyPageLoopAndBound(t *testing.T) {
	t.Parallel()
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ConsistencyLevel") != "eventual" {
			reply(w, 400, `{"error":{"code":"x","message":"header not carried over"}}`)
			return
		}
		switch r.URL.Query().Get("p") {
		case "":
			reply(w, 200, fmt.Sprintf(`{"@odata.count":3,"value":[{"id":"1"}],"@odata.nextLink":"%s/v1.0/users?p=2"}`, s.URL))
		case "2":
			reply(w, 200, fmt.Sprintf(`{"value":[],"@odata.nextLink":"%s/v1.0/users?p=3"}`, s.URL))
		case "3":
			reply(w, 200, `{"value":[{"id":"2"},{"id":"3"}],"@odata.deltaLink":"d"}`)
		case "loop":
			reply(w, 200, fmt.Sprintf(`{"value":[],"@odata.nextLink":"%s/v1.0/users?p=loop"}`, s.URL))
		default: // a link that is new each time
			reply(w, 200, fmt.Sprintf(`{"value":[],"@odata.nextLink":"%s/v1.0/users?p=%sx"}`, s.URL, r.URL.Query().Get("p")))
		}
	})
	n, delta := 0, ""
	for p, err := range against(t, s.URL).Pages(t.Context(), "/users", graph.Header("ConsistencyLevel", "eventual")) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(p.Value)
		delta = p.Delta
	}
	if n != 3 || delta != "d" {
		t.Errorf("%d items, delta %q", n, delta)
	}
	for start, want := range map[string]string{"loop": "comes again", "y": "more than 7 pages"} {
		var last error
		for _, err := range against(t, s.URL, func(o *graph.Options) { o.MaxPages = 7 }).Pages(t.Context(), "/users?p="+start, graph.Header("ConsistencyLevel", "eventual")) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("%s: %v", start, last)
		}
	}
}
