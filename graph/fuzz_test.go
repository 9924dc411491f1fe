package graph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "0.249", "-1", "99999", "soon", "1e400", "NaN", "Sun, 01 Mar 2026 09:00:30 GMT", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, v string) {
		if d, ok := retryAfter(http.Header{"Retry-After": {v}}, now); d < 0 || !ok && d != 0 {
			t.Errorf("%q: %v %v", v, d, ok)
		}
	})
}

func FuzzError(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"a","message":{"value":"m"},"innererror":{"innererror":{"code":"b"}},"details":{"target":"x"}}}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(`{"error":"text"}`))
	o := Options{Now: time.Now}
	f.Fuzz(func(t *testing.T, body []byte) {
		if e := decodeError(400, http.Header{}, body, "", o); e.Status != 400 || e.Error() == "" {
			t.Errorf("%q: %+v", body, e)
		}
	})
}

// FuzzDecode: what is accepted is one JSON object that encoding/json reads as well, with no name twice and no error inside.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"id":"1"}`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1,"a":2}`, `[]`, `{"error":{}}`, "\xef\xbb\xbf{}", `{}x`, `{"a":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v map[string]any
		err := decode(body, &v, func(what string, err error) *Fault { return &Fault{What: what, Err: err} })
		if err != nil {
			return
		}
		if v == nil {
			t.Errorf("%q was accepted and is nothing", body)
		}
		if _, ok := v["error"].(map[string]any); ok {
			t.Errorf("%q was accepted and is an error", body)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// FuzzLink: a link that is followed has exactly the client's origin and no user.
func FuzzLink(f *testing.F) {
	for _, s := range []string{"https://graph.microsoft.com/v1.0/users?$skiptoken=x", "https://graph.microsoft.com.evil.example/", "https://graph.microsoft.com@evil.example/", "//evil", "HTTPS://GRAPH.MICROSOFT.COM:443/x", "https://graph.microsoft.com:8443/"} {
		f.Add(s)
	}
	c, err := New(Options{Now: time.Now, NewID: func() string { return "x" }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		got, err := c.own(link)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodGet, got, nil)
		if err != nil {
			return
		}
		u, _ := url.Parse(got)
		host, port := req.URL.Hostname(), req.URL.Port()
		if req.URL.Scheme != "https" || len(host) != len("graph.microsoft.com") || (port != "" && port != "443") || u.User != nil {
			t.Errorf("%q would be followed to %s", link, req.URL)
		}
	})
}
