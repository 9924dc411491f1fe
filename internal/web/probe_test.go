package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"nameplate/internal/web"
)

// asked are sessions that count how often they are looked for.
type asked struct {
	sessions
	n *atomic.Int64
}

func (a asked) Session(ctx context.Context, secret, from string) (web.Session, error) {
	a.n.Add(1)
	return a.sessions.Session(ctx, secret, from)
}

// listening is a site behind a real server.
func listening(t *testing.T, change func(*web.Options)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	s, _, _ := site(t, "http://"+srv.Listener.Addr().String(), change)
	s.Mount(web.Mounted{Prefix: "/api/", Serve: func(w http.ResponseWriter, r *http.Request, _ *web.Visit) error {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "read %d", len(body))
		return err
	}})
	srv.Config = web.Server(s)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// wire sends bytes as they are and returns the statuses of all answers until the connection is closed.
func wire(t *testing.T, srv *httptest.Server, text string) (statuses []int) {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewReader(c); ; {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		statuses = append(statuses, resp.StatusCode)
	}
}

// A45: of a request whose end another server may see elsewhere, nothing behind it is taken for a request; pages refuse it.
func TestA45_NothingIsSmuggledIn(t *testing.T) {
	t.Parallel()
	srv := listening(t, nil)
	u, _ := url.Parse(srv.URL)
	head := func(first string, more ...string) string {
		return first + " HTTP/1.1\r\nHost: " + u.Host + "\r\nOrigin: " + srv.URL + "\r\nCookie: nameplate=good\r\n" + strings.Join(append(more, "", ""), "\r\n")
	}
	const form, hidden = "Content-Type: application/x-www-form-urlencoded", "GET /open HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"length and chunks":         {head("POST /mine", form, "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
		"chunks":                    {head("POST /mine", form, "Transfer-Encoding: chunked") + "3\r\na=1\r\n0\r\n\r\n", 400},
		"a page with a body":        {head("GET /mine", "Content-Length: 3") + "a=1", 400},
		"a page with chunks":        {head("GET /open", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
		"two lengths":               {head("POST /mine", form, "Content-Length: 5", "Content-Length: 6") + "0\r\n\r\n", 400},
		"a blank before the colon":  {head("POST /mine", form, "Content-Length: 5", "Transfer-Encoding : chunked") + "0\r\n\r\n", 400},
		"a coding that nobody has":  {head("POST /mine", form, "Content-Length: 5", "Transfer-Encoding: xchunked") + "0\r\n\r\n", 501}, // RFC 9112, 6.1
		"a program that does chunk": {head("POST /api/x", "Transfer-Encoding: chunked") + "3\r\na=1\r\n0\r\n\r\n", 200},
		"a program, both":           {head("POST /api/x", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n", 200},
	} {
		if got := wire(t, srv, c.text+hidden); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: answered %v, want %d alone", name, got, c.want)
		}
	}
	if got := wire(t, srv, head("GET /open")+head("GET /mine")); len(got) != 2 || got[0] != 200 || got[1] != 200 {
		t.Errorf("two plain requests on one connection: %v", got)
	}
}

// A45: what the head of a form shows to be refused is refused before a session is looked up, and counts against its network.
func TestA45_RefusedBeforeASessionIsLookedFor(t *testing.T) {
	t.Parallel()
	var looked atomic.Int64
	srv := listening(t, func(o *web.Options) {
		o.Sessions = asked{o.Sessions.(sessions), &looked}
		o.Rate.Burst, o.Rate.PerSecond = 8, 1
	})
	u, _ := url.Parse(srv.URL)
	post := func(length int, more ...string) string {
		return "POST /mine HTTP/1.1\r\nHost: " + u.Host + "\r\nOrigin: " + srv.URL + "\r\nCookie: nameplate=good\r\nContent-Length: " + fmt.Sprint(length) + "\r\n" + strings.Join(append(more, "", ""), "\r\n")
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"too long, and it never comes": {post(1<<20+1, form), 413},
		"packed":                       {post(3, form, "Content-Encoding: gzip") + "a=1", 415},
		"JSON":                         {post(3, "Content-Type: application/json") + "[1]", 415},
		"no length":                    {"POST /mine HTTP/1.1\r\nHost: " + u.Host + "\r\nCookie: nameplate=good\r\n" + form + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	} {
		for range 2 {
			if got := wire(t, srv, c.text); len(got) != 1 || got[0] != c.want {
				t.Errorf("%s: answered %v, want %d", name, got, c.want)
			}
		}
	}
	if got := wire(t, srv, post(3, "Content-Type: application/json")+"[1]"); len(got) != 1 || got[0] != http.StatusTooManyRequests {
		t.Errorf("the ninth: answered %v, want 429", got)
	}
	if n := looked.Load(); n != 0 {
		t.Errorf("a session was looked for %d times", n)
	}
	if got := wire(t, srv, post(5, form)+"a=1&b"); len(got) != 1 || got[0] != http.StatusForbidden || looked.Load() != 1 {
		t.Errorf("a form as it should be: answered %v after %d sessions", got, looked.Load())
	}
}
