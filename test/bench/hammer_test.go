package bench

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// BenchmarkHammered measures what probes (A45) cost somebody else who looks at their profile. Who sends them has a core to itself, as on a
// machine of its own; portal, emulator and the person who looks share the other one, also when nobody else is there. Rounds of every side
// take turns, so that what else the machine does meets all alike; nobody there comes twice, and those two differ by noise alone.
func BenchmarkHammered(b *testing.B) {
	const rounds, views, pace = 11, 100, 10
	if runtime.NumCPU() < 2 {
		b.Skip("one core: who sends and who is looked at cannot be kept apart, and a comparison would mean nothing")
	}
	for b.Loop() {
		old := bind(b, "1")
		s, to := beginHammered(b)
		from := startSender(b, "0", to)
		sides := []struct {
			name string
			order
		}{{name: "nobody else there"}, {name: "nobody else there, once more"}}
		for _, kind := range kinds {
			sides = append(sides, struct {
				name string
				order
			}{kind, order{Kinds: []string{kind}, PerSecond: pace}})
		}
		sides = append(sides, struct {
			name string
			order
		}{"all kinds together", order{Kinds: kinds, PerSecond: pace}}, struct {
			name string
			order
		}{"a flood", order{Flood: true}})
		pages, counts, missing := make([][]page, len(sides)), make([]tally, len(sides)), 0
		for turn := range rounds + 1 {
			for i := range sides {
				at := (i + turn) % len(sides) // who comes after whom changes
				side := sides[at]
				if len(side.Kinds) > 0 || side.Flood {
					from.begin(b, side.order)
				}
				var seen []page
				for range views {
					one, code, body := s.timed(b, http.MethodGet, s.base+"/profile", nil)
					if code != http.StatusOK || !strings.Contains(body, member) {
						missing++
					}
					seen = append(seen, one)
				}
				if len(side.Kinds) > 0 || side.Flood {
					counts[at].add(from.end(b))
				}
				if turn > 0 { // the first turn warms
					pages[at] = append(pages[at], seen...)
				}
			}
		}
		cost := make([]float64, len(kinds))
		for i, kind := range kinds {
			cost[i] = s.cost(b, from, kind)
		}
		from.stop(b)
		s.end(b)
		bind(b, old)
		tellHammered(b, sides[0].name, pages[0], nil, tally{})
		for i, side := range sides[1:] {
			tellHammered(b, side.name, pages[i+1], pages[0], counts[i+1])
		}
		for i, kind := range kinds {
			figure(b, "A45", "what one probe costs the portal, "+kind+": CPU", cost[i], "ms", nil)
		}
		figure(b, "A45", "views of the own profile in all these rounds that were not given", float64(missing), "pages", map[string]any{"goal": "≤ 0"})
	}
}

// cost is the portal's CPU in milliseconds for one probe of a kind, with nobody else there. Forty a second are fewer than one may send.
func (s *scene) cost(b *testing.B, from *sender, kind string) float64 {
	b.Helper()
	before := s.portal.cpu(b)
	from.begin(b, order{Kinds: []string{kind}, PerSecond: 40})
	time.Sleep(5 * time.Second)
	sent := from.end(b).Sent
	return float64((s.portal.cpu(b) - before).Microseconds()) / 1000 / float64(sent)
}

// tellHammered prints the figures of one side; quiet are the views with nobody else there.
func tellHammered(b *testing.B, name string, pages, quiet []page, t tally) {
	b.Helper()
	wall := func(p page) time.Duration { return p.wall }
	p99 := quantile(pages, wall, 0.99)
	look := "view of the own profile, " + name
	if t.Sent > 0 && name != "a flood" {
		look = "view of the own profile, somebody else sends " + name + ", ten a second of each"
	}
	figure(b, "A45", look+": whole time", quantile(pages, wall, 0.5), "ms", map[string]any{"p99": p99, "runs": len(pages)})
	if quiet == nil {
		return
	}
	more := map[string]any{}
	if t.Sent > 0 && name != "a flood" {
		more["goal"] = "≤ 20"
	}
	figure(b, "A45", look+": p99 above that with nobody else there", 100*(p99/quantile(quiet, wall, 0.99)-1), "%", more)
	if t.Sent == 0 {
		return
	}
	what := fmt.Sprintf("of %d (%s): refused with 4xx %d, of them as too many %d; the connection closed %d", t.Sent, name, t.Refused+t.Late, t.Late, t.Cut)
	if t.Unknown > 0 {
		what += fmt.Sprintf("; a transfer coding that nobody knows, 501 as RFC 9112 wants, %d", t.Unknown)
	}
	if t.Waiting > 0 {
		what += fmt.Sprintf("; kept open without an answer while their headers lasted %d", t.Waiting)
	}
	if t.Served > 0 {
		what += fmt.Sprintf("; pages given, as was asked, %d", t.Served)
	}
	figure(b, "A45", what+"; anything else", float64(len(t.Other)), "requests", map[string]any{"goal": "≤ 0"})
	for _, o := range t.Other[:min(len(t.Other), 5)] {
		b.Log(o)
	}
}

// beginHammered starts everything, with an API key made before the portal runs, and signs somebody else in who will send.
func beginHammered(b *testing.B) (*scene, target) {
	b.Helper()
	to := target{}
	s := begin(b, 0, "0", func(environment []string) {
		cmd := exec.Command(binary(b), "keys", "create", "bench", "--why", "to be refused with", "--role", "Nameplate.Editor", "--scope", "people:read,people:write", "--local", "--as", "json")
		cmd.Env = append(os.Environ(), environment...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("a key: %v\n%s", err, out)
		}
		_, rest, ok := strings.Cut(string(out), "npk_")
		if !ok {
			b.Fatalf("no key in %s", out)
		}
		to.Key = "npk_" + rest[:strings.IndexFunc(rest, func(r rune) bool { return r == '"' || r <= ' ' })]
	})
	other := s.another(b, "lena.hoffmann@larkfield.example")
	resp, err := other.Get(s.base + "/profile?edit=contact")
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	at, err := url.Parse(s.base)
	if err != nil {
		b.Fatal(err)
	}
	var cookies []string
	for _, c := range other.Jar.Cookies(at) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	to.Base, to.Cookie, to.Form, to.Person = s.base, strings.Join(cookies, "; "), formWith(b, string(text), "mobilePhone").Encode(), member
	return s, to
}

// bind keeps this process, and those that it starts from now on, on these cores, and says on which they were.
func bind(b *testing.B, cores string) (old string) {
	b.Helper()
	pid := fmt.Sprint(os.Getpid())
	out, err := exec.Command("taskset", "-c", "-p", pid).CombinedOutput()
	if err != nil {
		b.Fatalf("taskset, which keeps a program on one core: %v\n%s", err, out)
	}
	_, old, _ = strings.Cut(string(out), "list: ")
	if out, err := exec.Command("taskset", "-a", "-c", "-p", cores, pid).CombinedOutput(); err != nil {
		b.Fatalf("taskset: %v\n%s", err, out)
	}
	return strings.TrimSpace(old)
}

// bomb is what unpacks to 500 MB and is shorter than a body may be.
func bomb() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 500 {
		_, _ = z.Write(zeros) // into memory
	}
	_ = z.Close()
	return b.String()
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
