package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

type console struct {
	t   *testing.T
	url string
}

func newConsole(t *testing.T, e *emulator.Emulator) console {
	t.Helper()
	srv := httptest.NewServer(e.Control())
	t.Cleanup(srv.Close)
	return console{t, srv.URL}
}

// call does one control request and decodes the answer into out, when there is one.
func (c console) call(method, path, body string, out any) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return c.send(r, out)
}

func (c console) send(r *http.Request, out any) *http.Response {
	c.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			c.t.Fatalf("%s %s: %s %v in %q", r.Method, r.URL.Path, res.Status, err, b)
		}
	}
	return res
}

func TestControlClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	e := newEmulator(t, emulator.Options{Start: start, Wall: func() time.Time { return start.Add(time.Hour) }})
	c := newConsole(t, e)
	var got struct{ Now time.Time }
	c.call("GET", "/clock", "", &got)
	if !got.Now.Equal(start) {
		t.Errorf("starts at %v", got.Now)
	}
	c.call("POST", "/clock", `{"advance":"3h"}`, &got)
	if !got.Now.Equal(start.Add(3*time.Hour)) || !e.Now().Equal(got.Now) {
		t.Errorf("after three hours it is %v", got.Now)
	}
	c.call("POST", "/clock", `{"advance":"-10m"}`, &got)
	if !got.Now.Equal(start.Add(170 * time.Minute)) {
		t.Errorf("ten minutes earlier it is %v", got.Now)
	}
	res := c.call("POST", "/clock", `{"set":"2027-01-01T00:00:00Z"}`, &got)
	if got.Now.Year() != 2027 || res.Header.Get("Date") != "Sat, 21 Nov 2026 11:50:00 GMT" {
		t.Errorf("set to %v, Date of the answer before it %s", got.Now, res.Header.Get("Date"))
	}
	for _, body := range []string{`{}`, `{"advance":"soon"}`, `{"advance":"1h","set":"2027-01-01T00:00:00Z"}`, `{"advanc":"1h"}`, `{"advance":"1h"} x`} {
		var why struct{ Error string }
		if res := c.call("POST", "/clock", body, &why); res.StatusCode != 400 || why.Error == "" {
			t.Errorf("%s: %s %q", body, res.Status, why.Error)
		}
	}
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{})
	c := newConsole(t, e)
	var made struct{ IDs []string }
	c.call("POST", "/faults", `[{"id":"mine","match":{"method":"GET","pathRegex":"^/v1\\.0/me$","times":1},"do":{"status":503,"delay":"1ms"}},
		{"at":"after","match":{"from":"2026-01-01T00:00:00Z"},"do":{"status":504,"delay":0.001}}]`, &made)
	if len(made.IDs) != 2 || made.IDs[0] != "mine" {
		t.Fatalf("made %v", made.IDs)
	}
	var rules []emulator.Rule
	c.call("GET", "/faults", "", &rules)
	if len(rules) != 2 || rules[0].At != emulator.Before || time.Duration(rules[0].Do.Delay) != time.Millisecond || rules[1].Do.Delay != rules[0].Do.Delay {
		t.Errorf("rules %+v", rules)
	}
	srv := httptest.NewServer(e.Handler())
	t.Cleanup(srv.Close)
	get := func() int {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v1.0/me", nil)
		return c.send(r, nil).StatusCode
	}
	if one, two := get(), get(); one != 503 || two != 504 {
		t.Errorf("answers %d, %d", one, two)
	}
	var hits []emulator.Hit
	c.call("GET", "/faults/hits", "", &hits)
	if len(hits) != 2 || hits[0].Rule != "mine" || hits[0].Path != "/v1.0/me" || hits[1].At != "after" {
		t.Errorf("hits %+v", hits)
	}
	if res := c.call("DELETE", "/faults/mine", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res := c.call("DELETE", "/faults/mine", "", nil); res.StatusCode != 404 {
		t.Errorf("taken away twice: %s", res.Status)
	}
	if res := c.call("DELETE", "/faults", "", nil); res.StatusCode != 204 || len(e.Faults()) != 0 {
		t.Error(res.Status)
	}
	for _, body := range []string{
		`{"match":{"pathRegex":"("}}`, `{"at":"noon"}`, `{"do":{"staus":500}}`, `[{"do":{"status":503}},{"do":{"status":7}}]`, `{"do":{"delay":"x"}}`, `7`,
	} {
		if res := c.call("POST", "/faults", body, nil); res.StatusCode != 400 || len(e.Faults()) != 0 {
			t.Errorf("%s: %s, %d rules", body, res.Status, len(e.Faults()))
		}
	}
}

func TestControlLists(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{})
	c := newConsole(t, e)
	srv := httptest.NewServer(e.Handler())
	t.Cleanup(srv.Close)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v1.0/users?$top=1", nil)
	c.send(r, nil)
	var log []emulator.Request
	c.call("GET", "/requests", "", &log)
	if len(log) != 1 || log[0].Path != "/v1.0/users" || log[0].Query != "$top=1" || log[0].Status == 0 {
		t.Errorf("requests %+v", log)
	}
	c.call("GET", "/requests?after=1", "", &log)
	if log == nil || len(log) != 0 {
		t.Errorf("after 1: %+v", log)
	}
	var entries []emulator.Entry
	c.call("GET", "/ledger?after=0", "", &entries)
	if entries == nil || len(entries) != 0 {
		t.Errorf("ledger %+v", entries)
	}
	var st emulator.Statistics
	c.call("GET", "/statistics", "", &st)
	if st.Requests != 1 || st.Writes != 0 {
		t.Errorf("statistics %+v", st)
	}
	r, _ = http.NewRequestWithContext(t.Context(), "GET", c.url+"/", nil)
	if res, err := http.DefaultClient.Do(r); err != nil {
		t.Error(err)
	} else {
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		for _, verb := range []string{"POST /faults ", "GET /ledger ", "POST /clock ", "GET /snapshot ", "POST /keys/rotate ", "POST /users/{who}/disable ", "POST /challenge "} {
			if !strings.Contains(string(b), verb) {
				t.Errorf("the listing lacks %q:\n%s", verb, b)
			}
		}
	}
	if res := c.call("GET", "/ledger?after=x", "", nil); res.StatusCode != 400 {
		t.Error(res.Status)
	}
	if res := c.call("GET", "/nowhere", "", nil); res.StatusCode != 404 {
		t.Error(res.Status)
	}
	if res := c.call("POST", "/ledger", "", nil); res.StatusCode != 405 {
		t.Error(res.Status)
	}
}

// What a page in a browser on the same machine could try.
func TestControlRefusesWebPages(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{})
	c := newConsole(t, e)
	for name, change := range map[string]func(*http.Request){
		"origin":           func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"null origin":      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"cross-site":       func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":        func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"foreign name":     func(r *http.Request) { r.Host = "rebound.evil.example" },
		"localhost's name": func(r *http.Request) { r.Host = "localhost.evil.example:80" },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequestWithContext(t.Context(), "POST", c.url+"/clock", strings.NewReader(`{"advance":"1h"}`))
			r.Header.Set("Content-Type", "application/json")
			change(r)
			before := e.Now()
			if res := c.send(r, nil); res.StatusCode != 403 || e.Now().Sub(before) > time.Minute {
				t.Errorf("%s, the clock moved by %v", res.Status, e.Now().Sub(before))
			}
		})
	}
	r, _ := http.NewRequestWithContext(t.Context(), "POST", c.url+"/clock", strings.NewReader(`{"advance":"1h"}`))
	r.Header.Set("Content-Type", "text/plain")
	if res := c.send(r, nil); res.StatusCode != 415 {
		t.Errorf("what a form can send: %s", res.Status)
	}
	for _, host := range []string{"localhost:1", "127.0.0.1", "[::1]:5"} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", c.url+"/", nil)
		r.Host = host
		if res := c.send(r, nil); res.StatusCode != 200 {
			t.Errorf("as %s: %s", host, res.Status)
		}
	}
}
