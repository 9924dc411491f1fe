package journey

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/app"
)

// A45: one client that hammers is turned away before anything is done for it: Graph is asked at most once for each page that it was
// still given, nothing is written, and whoever else is there is given every page. What it costs others in time, `make bench` measures.
func TestA45_WhoHammersIsTurnedAway(t *testing.T) {
	t.Parallel()
	now := app.Clock() // the time stands still: no part of a budget comes back while the test runs, however slow the machine is
	w := begin(t, app.DemoOptions{Now: func() time.Time { return now }})
	flooder := w.signIn(w.who("member"))
	form := flooder.get("/profile?edit=contact").form("/profile").Encode()
	var others []*browser
	for _, upn := range []string{lena, "jo.li@larkfield.example", w.who("guest"), w.who("synced from on-premises"), ruth} {
		others = append(others, w.signIn(upn))
	}
	for range 20 { // and twenty connections that never finish their headers
		c, err := net.Dial("tcp", mustParse(t, w.Portal).Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write([]byte("GET /profile HTTP/1.1\r\nHost: ")); err != nil {
			t.Fatal(err)
		}
	}
	mark := w.mark()
	var before, after struct{ Requests int64 }
	w.control(http.MethodGet, "/statistics", nil, &before)
	probes := []struct {
		method, kind, body, header string
	}{
		{http.MethodGet, "", "", ""},
		{http.MethodPost, "application/x-www-form-urlencoded", form + "&faxNumber=" + strings.Repeat("x", 2<<20), ""},
		{http.MethodPost, "application/x-www-form-urlencoded", form + strings.Repeat("&a=b", 5000), ""},
		{http.MethodPost, "application/json", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), ""},
		{http.MethodPost, "application/x-www-form-urlencoded", "\x1f\x8b\x08\x00", "Content-Encoding"},
		{http.MethodGet, "", "", "X-Large"},
	}
	var served, late, refused, cut atomic.Int64
	var flood sync.WaitGroup
	for range 4 {
		flood.Go(func() {
			for i := range 300 {
				p := probes[i%len(probes)]
				req, err := http.NewRequestWithContext(t.Context(), p.method, w.Portal+"/profile", strings.NewReader(p.body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Origin", w.Portal)
				req.Header.Set("Content-Type", p.kind)
				switch p.header {
				case "Content-Encoding":
					req.Header.Set(p.header, "gzip")
				case "X-Large":
					req.Header.Set(p.header, strings.Repeat("x", 100<<10))
				}
				resp, err := flooder.http.Do(req)
				if err != nil { // it was cut off while it was still sending
					cut.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				switch {
				case resp.StatusCode == http.StatusTooManyRequests:
					late.Add(1)
				case resp.StatusCode == http.StatusOK && p.method == http.MethodGet && p.header == "":
					served.Add(1)
				case resp.StatusCode >= 400 && resp.StatusCode < 500:
					refused.Add(1)
				default:
					t.Errorf("%s with %s %.40q: %d", p.method, p.header, p.body, resp.StatusCode)
				}
			}
		})
	}
	for range 10 {
		for _, b := range others {
			if b.get("/profile"); b.code != http.StatusOK {
				t.Errorf("somebody else: %d\n%s", b.code, b.text())
			}
		}
	}
	flood.Wait()
	w.control(http.MethodGet, "/statistics", nil, &after)
	if asked, may := after.Requests-before.Requests, served.Load()+10*int64(len(others)); asked > may {
		t.Errorf("Graph was asked %d times for %d pages", asked, may)
	}
	// Of the 1,200, 400 count for the session and 600, refused by their heads, for the network; 300 of each is what one may.
	if got := late.Load(); got < 300 || served.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d served, %d refused, %d turned away", served.Load(), refused.Load(), got)
	}
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("%d writes", len(n))
	}
	t.Logf("of 1,200: %d served, %d refused, %d turned away as too many, %d cut off", served.Load(), refused.Load(), late.Load(), cut.Load())
}
