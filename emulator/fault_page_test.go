package emulator_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// walk follows a listing by pages of two and returns the names on each page; it stops after ten pages.
func (d *desk) walk(path string) (pages [][]string, links []string) {
	d.t.Helper()
	for link := path; link != "" && len(pages) < 10; {
		r := d.ask("GET", link, nil)
		if r.code != 200 {
			return append(pages, []string{fmt.Sprint(r.code)}), links
		}
		pages = append(pages, r.names())
		if link, _ = r.body["@odata.nextLink"].(string); link != "" {
			links = append(links, link)
		}
	}
	return pages, links
}

const listing = "http://graph.test/v1.0/users?$select=displayName&$top=2"

// Every way to spoil a listing, on its second page; the office has nine people.
func TestF20_F21_F22_Pages(t *testing.T) {
	t.Parallel()
	plain, _ := newDesk(t, emulator.Options{}).walk(listing)
	if len(plain) != 5 {
		t.Fatal(plain)
	}
	second := func(do emulator.Do) emulator.Rule {
		return emulator.Rule{Match: emulator.Match{Method: "GET", Path: `^/v1\.0/users$`, Nth: 2}, At: emulator.After, Do: do}
	}
	for page, want := range map[string][]int{ // objects on each page
		"empty":  {2, 0, 2, 2, 2, 1},
		"repeat": {2, 2, 2, 2, 2, 1},
		"last":   {2, 2},
		"none":   {2, 0},
	} {
		d := newDesk(t, emulator.Options{})
		d.Inject(second(emulator.Do{Page: page}))
		pages, links := d.walk(listing)
		var got []int
		for _, p := range pages {
			got = append(got, len(p))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", page, got, want)
		}
		if page == "repeat" && !slices.Equal(pages[1], pages[2]) {
			t.Errorf("repeat: %v", pages)
		}
		slices.Sort(links)
		if len(slices.Compact(links)) < len(got)-1 {
			t.Errorf("%s leads to an address again: %v", page, links)
		}
	}

	d := newDesk(t, emulator.Options{})
	d.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`, Since: 2}, Do: emulator.Do{Page: "loop"}})
	if pages, links := d.walk(listing); len(pages) != 10 || links[1] != links[8] || !slices.Equal(pages[1], pages[9]) {
		t.Errorf("loop: %v", links)
	}

	d = newDesk(t, emulator.Options{})
	d.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`, Since: 3}, Do: emulator.Do{Status: 500}})
	for range 2 {
		if pages, _ := d.walk(listing); pages[len(pages)-1][0] != "500" {
			t.Errorf("a page that fails for ever: %v", pages)
		}
	}

	d = newDesk(t, emulator.Options{})
	d.Inject(second(emulator.Do{Page: "1"}))
	d.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`, Nth: 3}, Do: emulator.Do{Page: "100"}})
	if pages, _ := d.walk(listing); len(pages) != 3 || len(pages[1]) != 1 || len(pages[2]) != 6 {
		t.Errorf("pages of other sizes: %v", pages)
	}

	d = newDesk(t, emulator.Options{})
	d.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`}, Do: emulator.Do{Reorder: true}})
	whole := d.ask("GET", "/v1.0/users?$select=displayName", nil).names()
	straight := slices.Concat(plain...)
	if slices.Equal(whole, straight) {
		t.Errorf("the order is the old one: %v", whole)
	}
	slices.Sort(whole)
	slices.Sort(straight)
	if !slices.Equal(whole, straight) {
		t.Errorf("%v, want %v", whole, straight)
	}

	d = newDesk(t, emulator.Options{})
	d.Inject(emulator.Rule{Do: emulator.Do{Page: "miscount"}})
	if r := d.ask("GET", "/v1.0/users?$count=true&$top=2", nil, "ConsistencyLevel: eventual"); r.body["@odata.count"] != 10.0 {
		t.Errorf("%v", r.body["@odata.count"])
	}
}

// The link that leads to somebody else's host, that has no host, or that is enormous.
func TestF21_A30_Links(t *testing.T) {
	t.Parallel()
	link := func(do emulator.Do) string {
		d := newDesk(t, emulator.Options{})
		d.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`}, Do: do})
		s, _ := d.ask("GET", listing, nil).body["@odata.nextLink"].(string)
		return s
	}
	straight, err := url.Parse(link(emulator.Do{}))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"evil.example": "http://evil.example", "https://graph.test.evil.example:8443": "https://graph.test.evil.example:8443"} {
		if got := link(emulator.Do{LinkHost: host}); got != want+straight.RequestURI() {
			t.Errorf("%s: %s", host, got)
		}
	}
	if got := link(emulator.Do{Page: "relative"}); got != straight.RequestURI() {
		t.Errorf("relative: %s", got)
	}
	long := link(emulator.Do{Page: "long"})
	if len(long) < 50_000 {
		t.Errorf("the long link has %d bytes", len(long))
	}
	if r := newDesk(t, emulator.Options{}).ask("GET", long, nil); r.code != 200 || len(r.names()) != 2 {
		t.Errorf("the long link answers %d", r.code)
	}
}

// A rule at clock: the time jumps in the middle of whatever the client is doing.
func TestF23_F30_ClockJumps(t *testing.T) {
	t.Parallel()
	w := newWall()
	d := newDesk(t, emulator.Options{Wall: w.now})
	d.Inject(emulator.Rule{Match: emulator.Match{Nth: 2}, At: emulator.AtClock, Do: emulator.Do{Delay: emulator.Duration(8 * 24 * time.Hour)}})
	d.want(d.ask("GET", "/v1.0/users/"+ann, nil), 200, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann, nil), 401, "InvalidAuthenticationToken") // the token is old now
	if got := d.Now().Sub(w.now()); got != 8*24*time.Hour {
		t.Errorf("the clock is %v ahead", got)
	}
	c := newConsole(t, d.Emulator)
	c.call("POST", "/clock", `{"skew":"-10m"}`, nil)
	date, err := time.Parse(time.RFC1123, d.ask("GET", "/v1.0/users/"+ann, nil).header.Get("Date"))
	if err != nil || d.Now().Sub(date) != 10*time.Minute {
		t.Errorf("the Date header says %v at %v (%v)", date, d.Now(), err)
	}
}

// Chance comes from the rule's own seed: the same requests meet the same.
func TestRuleHasItsOwnSeed(t *testing.T) {
	t.Parallel()
	run := func(seed, emulators uint64) string {
		d := newDesk(t, emulator.Options{Seed: emulators})
		d.Inject(emulator.Rule{ID: "half", Match: emulator.Match{Path: "users", Prob: 0.5, Seed: seed}, Do: emulator.Do{Status: 503}})
		var row []string
		for range 40 {
			row = append(row, fmt.Sprint(d.ask("GET", "/v1.0/users/"+ann, nil).code))
		}
		for _, line := range d.Requests(0) {
			if line.Fault == "half" && (line.Seed == 0 || !strings.Contains(line.Decision, `"status":503`)) {
				t.Errorf("the log says %+v", line)
			}
		}
		return strings.Join(row, " ")
	}
	if a, b := run(5, 1), run(5, 2); a != b || strings.Count(a, "503") < 8 || strings.Count(a, "200") < 8 {
		t.Errorf("%s\n%s", a, b)
	}
	if run(5, 1) == run(6, 1) || run(0, 1) == run(0, 2) {
		t.Error("the seed has no say, or something else has")
	}
}
