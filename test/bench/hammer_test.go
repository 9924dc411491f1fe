package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// hammer is one signed-in client that sends what is refused (A45) as fast as it is answered, on a few connections, while twenty more
// connections of it never finish their headers.
type hammer struct {
	base              string
	http              *http.Client
	form              string
	sent, late, other atomic.Int64
}

// BenchmarkHammered measures what a client that hammers costs somebody else who looks at their profile. Quiet and loud rounds take turns, so
// that what else the machine does meets both alike; client, portal and emulator share its cores.
func BenchmarkHammered(b *testing.B) {
	const rounds, views = 10, 100
	for b.Loop() {
		s := begin(b, 0, "0")
		h := &hammer{base: s.base, http: s.another(b, "lena.hoffmann@larkfield.example")}
		resp, err := h.http.Get(s.base + "/profile?edit=contact")
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		h.form = formWith(b, string(text), "mobilePhone").Encode()
		var quiet, loud []page
		failed := 0
		look := func(into *[]page) {
			for range views {
				p, code, body := s.timed(b, http.MethodGet, s.base+"/profile", nil)
				if code != http.StatusOK || !strings.Contains(body, member) {
					failed++
				}
				*into = append(*into, p)
			}
		}
		look(&quiet) // warm
		quiet = nil
		for range rounds {
			look(&quiet)
			stop := h.begin(b)
			look(&loud)
			stop()
		}
		wall := func(p page) time.Duration { return p.wall }
		q99, l99 := quantile(quiet, wall, 0.99), quantile(loud, wall, 0.99)
		name := "view of the own profile while somebody else hammers: "
		figure(b, "A45", "view of the own profile, nobody else there: whole time", quantile(quiet, wall, 0.5), "ms", map[string]any{"p99": q99, "runs": len(quiet)})
		figure(b, "A45", name+"whole time", quantile(loud, wall, 0.5), "ms", map[string]any{"p99": l99, "runs": len(loud)})
		figure(b, "A45", name+"p99 above that of nobody else there", 100*(l99/q99-1), "%", map[string]any{"goal": "≤ 20"})
		figure(b, "A45", name+"not given", float64(failed), "pages", map[string]any{"goal": "≤ 0"})
		figure(b, "A45", "requests of who hammers", float64(h.sent.Load()), "requests", nil)
		figure(b, "A45", "of them turned away as too many", float64(h.late.Load()), "requests", nil)
		figure(b, "A45", "of them answered with neither a page nor 4xx", float64(h.other.Load()), "requests", map[string]any{"goal": "≤ 0"})
		s.end(b)
	}
}

// another signs somebody else in.
func (s *scene) another(b *testing.B, upn string) *http.Client {
	b.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 2 * time.Minute, Transport: s.graph.trusting}
	resp, err := c.Get(s.base + "/login")
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	to, err := emulator.SignIn(b.Context(), c, resp.Request.URL.String(), upn)
	if err != nil {
		b.Fatal(err)
	}
	if resp, err = c.Get(to); err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s is not signed in: %d", upn, resp.StatusCode)
	}
	return c
}

// begin hammers until stop is called.
func (h *hammer) begin(b *testing.B) (stop func()) {
	b.Helper()
	at, err := url.Parse(h.base)
	if err != nil {
		b.Fatal(err)
	}
	var slow []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", at.Host)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprint(c, "GET /profile HTTP/1.1\r\nHost: ")
		slow = append(slow, c)
	}
	end := make(chan struct{})
	var under sync.WaitGroup
	for n := range 2 {
		under.Go(func() {
			for i := n; ; i++ {
				select {
				case <-end:
					return
				default:
					h.strike(i)
				}
			}
		})
	}
	return func() {
		close(end)
		under.Wait()
		for _, c := range slow {
			_ = c.Close()
		}
	}
}

// strike sends one request of a kind.
func (h *hammer) strike(i int) {
	method, kind, body, large := http.MethodPost, "application/x-www-form-urlencoded", "", ""
	switch i % 20 {
	case 0:
		body = h.form + "&faxNumber=" + strings.Repeat("x", 2<<20)
	case 5:
		body = h.form + strings.Repeat("&a=b", 5000)
	case 10:
		kind, body = "application/json", strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)
	case 15:
		method, large = http.MethodGet, strings.Repeat("x", 100<<10)
	default:
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, h.base+"/profile", strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Origin", h.base)
	req.Header.Set("Content-Type", kind)
	if large != "" {
		req.Header.Set("X-Large", large)
	}
	h.sent.Add(1)
	resp, err := h.http.Do(req)
	if err != nil { // cut off while it was still sending
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		h.late.Add(1)
	case resp.StatusCode >= 500:
		h.other.Add(1)
	}
}
