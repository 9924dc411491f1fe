package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// hammer is one signed-in client that sends what is refused (A45), probe after probe at a pace or as fast as it is answered, while twenty
// more connections of it never finish their headers.
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
		p := &hammer{base: h.base, http: h.http, form: h.form}
		// The probes of the quiet rounds go to a server that is nothing to do with the portal: what making and sending them costs this
		// machine is in both, and the difference is what they cost the portal.
		sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
		elsewhere := &hammer{base: sink.URL, http: sink.Client(), form: h.form}
		var quiet, probed, loud []page
		failed := 0
		look := func(into *[]page) {
			for range views {
				one, code, body := s.timed(b, http.MethodGet, s.base+"/profile", nil)
				if code != http.StatusOK || !strings.Contains(body, member) {
					failed++
				}
				*into = append(*into, one)
			}
		}
		look(&quiet) // warm
		quiet = nil
		for range rounds {
			stop := elsewhere.begin(b, 1, 20*time.Millisecond)
			look(&quiet)
			stop()
			stop = p.begin(b, 1, 20*time.Millisecond)
			look(&probed)
			stop()
			stop = h.begin(b, 2, 0)
			look(&loud)
			stop()
		}
		wall := func(p page) time.Duration { return p.wall }
		q99, p99, l99 := quantile(quiet, wall, 0.99), quantile(probed, wall, 0.99), quantile(loud, wall, 0.99)
		name := "view of the own profile while somebody else hammers: "
		figure(b, "A45", "view of the own profile, fifty probes a second go elsewhere on the machine: whole time", quantile(quiet, wall, 0.5), "ms", map[string]any{"p99": q99, "runs": len(quiet)})
		few := "view of the own profile while somebody else sends fifty probes a second: "
		figure(b, "A45", few+"whole time", quantile(probed, wall, 0.5), "ms", map[string]any{"p99": p99, "runs": len(probed)})
		figure(b, "A45", few+"p99 above that", 100*(p99/q99-1), "%", nil) // the goal is about nobody else there, with the sender on a machine of its own
		figure(b, "A45", "probes answered with neither a page nor 4xx", float64(p.other.Load()), "requests", map[string]any{"goal": "≤ 0"})
		figure(b, "A45", name+"whole time", quantile(loud, wall, 0.5), "ms", map[string]any{"p99": l99, "runs": len(loud)})
		figure(b, "A45", name+"p99 above that", 100*(l99/q99-1), "%", nil)
		figure(b, "A45", name+"not given", float64(failed), "pages", map[string]any{"goal": "≤ 0"})
		figure(b, "A45", "requests of who hammers", float64(h.sent.Load()), "requests", nil)
		figure(b, "A45", "of them turned away as too many", float64(h.late.Load()), "requests", nil)
		figure(b, "A45", "of them answered with neither a page nor 4xx", float64(h.other.Load()), "requests", map[string]any{"goal": "≤ 0"})
		sink.Close()
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

// begin hammers until stop is called: with a pause only what is refused, one after the other.
func (h *hammer) begin(b *testing.B, clients int, pause time.Duration) (stop func()) {
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
	for n := range clients {
		under.Go(func() {
			for i := n; ; i++ {
				if pause == 0 {
					select {
					case <-end:
						return
					default:
						h.strike(i)
					}
					continue
				}
				select {
				case <-end:
					return
				case <-time.After(pause):
					h.strike(5 * i)
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
