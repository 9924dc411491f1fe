package emulator

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestCorruptAnswers(t *testing.T) {
	t.Parallel()
	for how, check := range map[string]func(res *http.Response, text, whole string) bool{
		"html": func(res *http.Response, text, _ string) bool {
			return res.StatusCode == 200 && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && strings.HasPrefix(text, "<!DOCTYPE html>")
		},
		"bom":        func(_ *http.Response, text, whole string) bool { return text == "\ufeff"+whole },
		"cut":        func(_ *http.Response, text, whole string) bool { return text == whole[:len(whole)/2] },
		"empty":      func(res *http.Response, text, _ string) bool { return res.StatusCode == 200 && text == "" },
		"no-content": func(res *http.Response, text, _ string) bool { return res.StatusCode == 204 && text == "" },
		"error": func(res *http.Response, text, _ string) bool {
			return res.StatusCode == 200 && strings.HasPrefix(text, `{"error":{`)
		},
		"number":    func(_ *http.Response, text, _ string) bool { return strings.Contains(text, `"jobTitle":17`) },
		"duplicate": func(_ *http.Response, text, _ string) bool { return strings.Count(text, `"id":`) == 2 },
		"extra": func(_ *http.Response, text, whole string) bool {
			return strings.Contains(text, `"emulatorUnknown":`) && strings.HasSuffix(text, whole[1:])
		},
		"utf8": func(_ *http.Response, text, _ string) bool { return strings.Contains(text, "\xff") },
		"type": func(res *http.Response, text, whole string) bool {
			return res.Header.Get("Content-Type") == "text/plain" && text == whole
		},
	} {
		t.Run("F28 "+how, func(t *testing.T) {
			t.Parallel()
			s := stand(t, Options{})
			_, whole := s.ok("GET", "/v1.0/users/"+anna, "")
			s.e.Inject(Rule{At: After, Do: Do{Corrupt: how}})
			if res, text := s.ok("GET", "/v1.0/users/"+anna, ""); !check(res, text, whole) {
				t.Errorf("%s %v %q", res.Status, res.Header, text)
			}
		})
	}
	t.Run("F28 nothing to spoil", func(t *testing.T) {
		t.Parallel()
		for _, how := range []string{"bom", "cut", "empty", "number", "duplicate", "extra", "utf8", "type"} {
			s := stand(t, Options{})
			s.e.Inject(Rule{Match: Match{Method: "PATCH"}, At: After, Do: Do{Corrupt: how}})
			if res, text := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); res.StatusCode != 204 || text != "" {
				t.Errorf("%s: %s %q", how, res.Status, text)
			}
			s.ok("PUT", "/v1.0/users/"+anna+"/photo/$value", "\xff\xd8{{")
			s.e.ClearFaults()
			s.e.Inject(Rule{At: After, Do: Do{Corrupt: "extra"}})
			if _, text := s.ok("GET", "/v1.0/users/"+anna+"/photo/$value", ""); text != "\xff\xd8{{" {
				t.Errorf("a picture became %q", text)
			}
		}
	})
	t.Run("F29 gzip bomb", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{At: After, Do: Do{Corrupt: "bomb"}})
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1.0/users/"+anna, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := s.hc.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		packed, err := io.ReadAll(res.Body)
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || len(packed) > 16<<20 {
			t.Fatalf("%d bytes, %v, %v", len(packed), res.Header, err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, z, 64<<20); err != nil {
			t.Errorf("unpacks to %d bytes only: %v", n, err)
		}
	})
	t.Run("F29 endless", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{At: After, Do: Do{Corrupt: "endless"}})
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1.0/users/"+anna, nil)
		res, err := s.hc.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if n, err := io.CopyN(io.Discard, res.Body, 8<<20); err != nil || res.ContentLength >= 0 {
			t.Errorf("ended after %d bytes: %v", n, err)
		}
	})
}
