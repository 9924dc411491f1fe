package emulator

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf is the smallest service that the fault middleware can stand in front of: objects that are read, changed and made, and a
// ledger that is kept as the real routes keep it. So these tests hold for every route, present and future.
type shelf struct {
	e       *Emulator
	mu      sync.Mutex
	objects map[string]map[string]any
	photos  map[string]string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := exchangeOf(r.Context())
	w.Header().Set("request-id", x.id)
	key, rest, ok := part(r.URL.Path)
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		_, _ = io.WriteString(w, `{"access_token":"t"}`)
	case !ok && r.URL.Path == "/v1.0/users" && r.Method == http.MethodGet:
		var all []any
		for _, o := range s.objects {
			all = append(all, o)
		}
		s.answer(w, map[string]any{"value": all})
	case !ok:
		unknownRoute(r)
		http.NotFound(w, r)
	case rest == "photo/$value" && r.Method == http.MethodGet:
		_, _ = io.WriteString(w, s.photos[key])
	case rest == "photo/$value":
		b, _ := io.ReadAll(r.Body)
		s.photos[key] = string(b)
		s.e.ledger.add(Entry{Op: "user.photo.set", Object: key, RequestID: x.id, ClientID: x.client})
	case r.Method == http.MethodGet && s.objects[key] == nil:
		http.NotFound(w, r)
	case r.Method == http.MethodGet:
		s.answer(w, s.objects[key])
	default:
		var in map[string]any
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			http.Error(w, "bad JSON", http.StatusBadRequest)
			return
		}
		op, before := "user.update", map[string]any{}
		if s.objects[key] == nil {
			s.objects[key], op, before = map[string]any{"id": key}, "user.create", nil
		}
		for k, v := range in {
			if before != nil {
				before[k] = s.objects[key][k]
			}
			s.objects[key][k] = v
		}
		s.e.ledger.add(Entry{Op: op, Object: key, RequestID: x.id, ClientID: x.client, Before: before, After: in})
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *shelf) answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

const anna = "11111111-1111-4111-8111-111111111111"

type standing struct {
	t   *testing.T
	e   *Emulator
	url string
	hc  *http.Client
}

func stand(t *testing.T, opts Options) *standing {
	t.Helper()
	if opts.Wall == nil {
		opts.Wall = time.Now
	}
	e := &Emulator{
		opts: opts, clock: newClock(opts.Wall, opts.Start), random: newRandom(opts.Seed), ledger: newLedger(opts.LedgerMax),
		faults: newFaultRules(), stats: newStatistics(),
	}
	s := &shelf{e: e, objects: map[string]map[string]any{anna: {"id": anna, "jobTitle": "Nurse", "city": "Ghent"}}, photos: map[string]string{anna: "old"}}
	srv := httptest.NewServer(e.faulty(s))
	t.Cleanup(srv.Close)
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(hc.CloseIdleConnections)
	return &standing{t: t, e: e, url: srv.URL, hc: hc}
}

// send does one request; an answer is read to its end.
func (s *standing) send(method, path, body string) (*http.Response, string, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("client-request-id", "c-1")
	r.Header.Set("Accept-Encoding", "identity")
	res, err := s.hc.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func (s *standing) ok(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	res, text, err := s.send(method, path, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, text
}

func (s *standing) title() string {
	s.t.Helper()
	_, text := s.ok("GET", "/v1.0/users/"+anna, "")
	var o struct{ JobTitle string }
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		s.t.Fatalf("%v in %q", err, text)
	}
	return o.JobTitle
}

// The two points that matter: the same answer to the caller, opposite truth.
func TestBeforeAndAfter(t *testing.T) {
	t.Parallel()
	for _, code := range []int{429, 500, 502, 503, 504, 509} {
		for _, at := range []string{Before, After} {
			t.Run(fmt.Sprintf("F04 F05 %d %s", code, at), func(t *testing.T) {
				t.Parallel()
				s := stand(t, Options{})
				id := s.e.Inject(Rule{Match: Match{Method: "PATCH", Path: "^/v1.0/users/"}, At: at, Do: Do{Status: code}})
				res, text := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
				if res.StatusCode != code {
					t.Errorf("status %d, want %d", res.StatusCode, code)
				}
				var body struct {
					Error struct {
						Code, Message string
						InnerError    map[string]string
					}
				}
				if err := json.Unmarshal([]byte(text), &body); err != nil {
					t.Fatalf("not an error of Graph: %q", text)
				}
				// https://learn.microsoft.com/en-us/graph/throttling#sample-response
				if code == 429 && (body.Error.Code != "TooManyRequests" || body.Error.InnerError["status"] != "429") {
					t.Errorf("the body of 429 is %s", text)
				}
				if body.Error.InnerError["client-request-id"] != "c-1" || body.Error.InnerError["request-id"] == "" || body.Error.InnerError["date"] == "" {
					t.Errorf("innerError is %v", body.Error.InnerError)
				}
				entries := s.e.Ledger(0)
				if at == Before {
					if len(entries) != 0 {
						t.Fatalf("applied %d times", len(entries))
					}
					if got := s.title(); got != "Nurse" {
						t.Errorf("reads %q", got)
					}
					return
				}
				if len(entries) != 1 || entries[0].Fault != id || entries[0].ClientID != "c-1" || entries[0].Before["jobTitle"] != "Nurse" {
					t.Fatalf("ledger %+v", entries)
				}
				if got := s.title(); got != "Doctor" {
					t.Errorf("reads %q", got)
				}
				if hits := s.e.FaultHits(); len(hits) != 1 || hits[0].Rule != id || hits[0].ClientID != "c-1" {
					t.Errorf("hits %+v", hits)
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	wall := start
	s := stand(t, Options{Wall: func() time.Time { return wall }})
	for form, want := range map[string]string{
		"7": "7", "1.5": "1.5", "": "", "-1": "-1", "99999": "99999", "soon": "soon", "date:90s": "Sat, 21 Nov 2026 09:01:30 GMT",
	} {
		s.e.ClearFaults()
		s.e.Inject(Rule{Do: Do{Status: 429, RetryAfter: form}})
		res, _ := s.ok("GET", "/v1.0/users/"+anna, "")
		if got := res.Header.Get("Retry-After"); got != want || res.StatusCode != 429 {
			t.Errorf("F01 F02 %q: %d, Retry-After %q, want %q", form, res.StatusCode, got, want)
		}
	}
	s.e.ClearFaults()
	s.e.Inject(Rule{Do: Do{Status: 429, Headers: map[string]string{"retry-after": "3"}}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /v1.0/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	raw, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(raw), "\r\nretry-after: 3\r\n") {
		t.Errorf("F02 lower case: %q, %v", raw, err)
	}
}

func TestEarlyRequestsAreCounted(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	s := stand(t, Options{Wall: func() time.Time { return wall }})
	s.e.Inject(Rule{Match: Match{Times: 1}, Do: Do{Status: 429, RetryAfter: "7"}})
	s.ok("GET", "/v1.0/users/"+anna, "")
	wall = wall.Add(6 * time.Second)
	s.ok("GET", "/v1.0/users/"+anna, "")
	if got := s.e.Statistics().Early; got != 1 {
		t.Errorf("R9 G7: %d early requests, want 1", got)
	}
	wall = wall.Add(2 * time.Second)
	s.ok("GET", "/v1.0/users/"+anna, "")
	if got := s.e.Statistics().Early; got != 1 {
		t.Errorf("%d early requests after the time had passed, want 1", got)
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	t.Run("F08 reset before the status line, not applied", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH"}, Do: Do{Drop: true}})
		if res, _, err := s.send("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); err == nil {
			t.Errorf("heard %s", res.Status)
		}
		if n := len(s.e.Ledger(0)); n != 0 {
			t.Errorf("applied %d times", n)
		}
	})
	t.Run("F08 reset before the status line, applied", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		id := s.e.Inject(Rule{Match: Match{Method: "PATCH"}, At: After, Do: Do{Drop: true}})
		if res, _, err := s.send("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); err == nil {
			t.Errorf("heard %s", res.Status)
		}
		if l := s.e.Ledger(0); len(l) != 1 || l[0].Fault != id {
			t.Errorf("ledger %+v", l)
		}
		if got := s.title(); got != "Doctor" {
			t.Errorf("reads %q", got)
		}
		if reqs := s.e.Requests(0); reqs[0].Status != 0 || reqs[0].Fault != id {
			t.Errorf("request log %+v", reqs[0])
		}
	})
	for name, c := range map[string]struct {
		at   string
		cut  int
		want func(n int) int
	}{
		"F08 headers only":     {After, -1 << 20, func(int) int { return 0 }},
		"F08 one byte":         {After, 1, func(int) int { return 1 }},
		"F08 all but one byte": {After, -1, func(n int) int { return n - 1 }},
		"F08 half":             {MidBody, 0, func(n int) int { return n / 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stand(t, Options{})
			_, whole := s.ok("GET", "/v1.0/users/"+anna, "")
			s.e.Inject(Rule{At: c.at, Do: Do{Truncate: c.cut}})
			res, text, err := s.send("GET", "/v1.0/users/"+anna, "")
			if !errors.Is(err, io.ErrUnexpectedEOF) || res.StatusCode != 200 {
				t.Fatalf("error %v", err)
			}
			if want := whole[:c.want(len(whole))]; text != want {
				t.Errorf("%q arrived, want %q", text, want)
			}
		})
	}
	t.Run("F08 closed after a whole answer", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH"}, At: After, Do: Do{Hangup: true}})
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		const body = `{"jobTitle":"Doctor"}`
		_, _ = fmt.Fprintf(conn, "PATCH /v1.0/users/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", anna, len(body), body)
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 204 || res.Close {
			t.Fatalf("%+v, %v", res, err)
		}
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("after the answer: %v", err)
		}
		if n := len(s.e.Ledger(0)); n != 1 {
			t.Errorf("applied %d times", n)
		}
	})
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	t.Run("F09 no answer, applied", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH"}, At: After, Do: Do{Delay: Duration(time.Hour)}})
		ctx, cancel := context.WithCancel(t.Context())
		stop := s.e.OnWrite(func(Entry) { cancel() })
		defer stop()
		r, _ := http.NewRequestWithContext(ctx, "PATCH", s.url+"/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`))
		if _, err := s.hc.Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if n := len(s.e.Ledger(0)); n != 1 {
			t.Errorf("applied %d times", n)
		}
	})
	t.Run("F09 no answer, not applied", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH"}, Do: Do{Delay: Duration(time.Hour)}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "PATCH", s.url+"/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`))
		if _, err := s.hc.Do(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := len(s.e.Ledger(0)); n != 0 {
			t.Errorf("applied %d times", n)
		}
	})
	t.Run("F09 byte by byte", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		_, whole := s.ok("GET", "/v1.0/users/"+anna, "")
		s.e.Inject(Rule{Do: Do{Drip: Duration(time.Millisecond)}})
		began := time.Now()
		_, text := s.ok("GET", "/v1.0/users/"+anna, "")
		if took := time.Since(began); text != whole || took < time.Duration(len(whole))*time.Millisecond {
			t.Errorf("%q in %v", text, took)
		}
	})
}

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
		"utf8":      func(_ *http.Response, text, _ string) bool { return strings.Contains(text, "\xff") },
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

func TestBodyAndHeaders(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	s.e.Inject(Rule{Do: Do{Status: 503, Code: "serviceNotAvailable", Message: "Later.", Headers: map[string]string{"X-Note": "y", "Cache-Control": ""}}})
	res, text := s.ok("GET", "/v1.0/users/"+anna, "")
	if res.Header.Get("X-Note") != "y" || res.Header.Get("Cache-Control") != "" || !strings.Contains(text, `"code":"serviceNotAvailable","innerError"`) && !strings.Contains(text, `"message":"Later."`) {
		t.Errorf("%v %s", res.Header, text)
	}
	s.e.ClearFaults()
	s.e.Inject(Rule{Do: Do{Status: 200, Body: "<html>proxy</html>"}})
	if res, text := s.ok("GET", "/v1.0/users/"+anna, ""); res.StatusCode != 200 || text != "<html>proxy</html>" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%v %s", res.Header, text)
	}
}

func TestClaimsChallenge(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	s.e.Inject(Rule{Match: Match{Times: 1}, Do: Do{Claims: claims}})
	res, text := s.ok("GET", "/v1.0/users/"+anna, "")
	// https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
	header := res.Header.Get("WWW-Authenticate")
	if res.StatusCode != 401 || !strings.Contains(header, `error="insufficient_claims"`) ||
		!strings.Contains(header, `claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`) || !strings.Contains(text, "InvalidAuthenticationToken") {
		t.Errorf("F33: %s %q %s", res.Status, header, text)
	}
	if res, _ := s.ok("GET", "/v1.0/users/"+anna, ""); res.StatusCode != 200 {
		t.Errorf("after one time: %s", res.Status)
	}
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	t.Run("F10 old value", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(2 * time.Minute)}})
		if res, _ := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); res.StatusCode != 204 {
			t.Fatal(res.Status)
		}
		if got := s.title(); got != "Nurse" {
			t.Errorf("reads %q at once", got)
		}
		if _, text := s.ok("GET", "/v1.0/users", ""); !strings.Contains(text, "Nurse") {
			t.Errorf("lists %s", text)
		}
		s.e.Clock().Advance(119 * time.Second)
		if got := s.title(); got != "Nurse" {
			t.Errorf("reads %q after 119 s", got)
		}
		s.e.Clock().Advance(2 * time.Second)
		if got := s.title(); got != "Doctor" {
			t.Errorf("reads %q after 121 s", got)
		}
		if n := len(s.e.Ledger(0)); n != 1 {
			t.Errorf("applied %d times", n)
		}
	})
	t.Run("F10 flapping", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(time.Minute), Flap: true}})
		s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
		got := []string{s.title(), s.title(), s.title(), s.title()}
		if want := "Nurse Doctor Nurse Doctor"; strings.Join(got, " ") != want {
			t.Errorf("reads %v", got)
		}
	})
	t.Run("F10 not there yet", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		const id = "22222222-2222-4222-8222-222222222222"
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(time.Minute)}})
		s.ok("PATCH", "/v1.0/users/"+id, `{"jobTitle":"New"}`)
		res, text := s.ok("GET", "/v1.0/users/"+id, "")
		if res.StatusCode != 404 || !strings.Contains(text, "Request_ResourceNotFound") {
			t.Errorf("%s %s", res.Status, text)
		}
		if _, text := s.ok("GET", "/v1.0/users", ""); strings.Contains(text, id) {
			t.Errorf("lists %s", text)
		}
		s.e.Clock().Advance(time.Minute)
		if res, _ := s.ok("GET", "/v1.0/users/"+id, ""); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	})
	t.Run("F10 photo", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PUT", Times: 1}, At: After, Do: Do{Status: 504, Stale: Duration(time.Minute)}})
		if res, _ := s.ok("PUT", "/v1.0/users/"+anna+"/photo/$value", "new"); res.StatusCode != 504 {
			t.Fatal(res.Status)
		}
		if _, text := s.ok("GET", "/v1.0/users/"+anna+"/photo/$value", ""); text != "old" {
			t.Errorf("reads %q", text)
		}
		s.e.Clock().Advance(time.Minute)
		if _, text := s.ok("GET", "/v1.0/users/"+anna+"/photo/$value", ""); text != "new" {
			t.Errorf("reads %q", text)
		}
	})
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	id := s.e.Inject(Rule{Match: Match{Method: "PATCH"}, Do: Do{Duplicate: true}})
	if res, _ := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); res.StatusCode != 204 {
		t.Fatal(res.Status)
	}
	l := s.e.Ledger(0)
	if len(l) != 2 || l[0].Fault != id || l[1].Fault != id || l[1].Before["jobTitle"] != "Doctor" {
		t.Errorf("ledger %+v", l)
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	token := func(app, tenant string) string {
		payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"appid":%q,"tid":%q}`, app, tenant))
		return "e30." + payload + ".x"
	}
	for name, c := range map[string]struct {
		match Match
		want  string // of eight requests a second apart: x is met
	}{
		"all":         {Match{}, "xxxxxxxx"},
		"nth":         {Match{Nth: 3}, "..x....."},
		"every":       {Match{Every: 3}, "..x..x.."},
		"times":       {Match{Times: 2}, "xx......"},
		"every times": {Match{Every: 2, Times: 2}, ".x.x...."},
		"from":        {Match{From: start.Add(5 * time.Second)}, ".....xxx"},
		"until":       {Match{Until: start.Add(2 * time.Second)}, "xx......"},
		"method":      {Match{Method: "post"}, "........"},
		"path":        {Match{Path: `^/v1\.0/users/1{8}-`}, "xxxxxxxx"},
		"other path":  {Match{Path: `^/v1\.0/groups`}, "........"},
		"app":         {Match{App: "APP-B"}, ".x.x.x.x"},
		"tenant":      {Match{Tenant: "t", App: "app-a"}, "x.x.x.x."},
		"else":        {Match{Tenant: "u"}, "........"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall := start
			s := stand(t, Options{Wall: func() time.Time { return wall }})
			s.e.Inject(Rule{Match: c.match, Do: Do{Status: 503}})
			got := ""
			for i := range 8 {
				r := httptest.NewRequest("GET", "/v1.0/users/"+anna, nil)
				r.Header.Set("Authorization", "Bearer "+token([]string{"app-a", "app-b"}[i%2], "t"))
				w := httptest.NewRecorder()
				s.e.faulty(http.NotFoundHandler()).ServeHTTP(w, r)
				got += map[bool]string{true: "x", false: "."}[w.Code == 503]
				wall = wall.Add(time.Second)
			}
			if got != c.want {
				t.Errorf("met %s, want %s", got, c.want)
			}
		})
	}
	t.Run("prob", func(t *testing.T) {
		t.Parallel()
		met := func(seed uint64) string {
			s := stand(t, Options{Seed: seed})
			s.e.Inject(Rule{Match: Match{Prob: 0.5}, Do: Do{Status: 503}})
			out := ""
			for range 64 {
				res, _ := s.ok("GET", "/v1.0/users/"+anna, "")
				out += map[bool]string{true: "x", false: "."}[res.StatusCode == 503]
			}
			return out
		}
		one := met(5)
		if n := strings.Count(one, "x"); n < 16 || n > 48 {
			t.Errorf("met %d of 64", n)
		}
		if met(5) != one {
			t.Error("the same seed meets other requests")
		}
		if met(6) == one {
			t.Error("another seed meets the same requests")
		}
	})
}

func TestSignInHalf(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	s.e.Inject(Rule{Do: Do{Status: 503}})
	if res, _ := s.ok("POST", "/t/oauth2/v2.0/token", "a=b"); res.StatusCode != 200 {
		t.Errorf("a rule for Graph met the token endpoint: %s", res.Status)
	}
	s.e.ClearFaults()
	s.e.Inject(Rule{At: AtToken, Match: Match{Times: 1}, Do: Do{Status: 503}})
	if res, _ := s.ok("GET", "/v1.0/users/"+anna, ""); res.StatusCode != 200 {
		t.Errorf("a rule for tokens met Graph: %s", res.Status)
	}
	res, text := s.ok("POST", "/t/oauth2/v2.0/token", "a=b")
	var body struct {
		Error  string `json:"error"`
		Said   string `json:"error_description"`
		Number []int  `json:"error_codes"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || res.StatusCode != 503 || !strings.HasPrefix(body.Said, "AADSTS90033:") || len(body.Number) != 1 {
		t.Errorf("F32: %s %s", res.Status, text)
	}
	if got := s.e.Statistics(); got.Tokens != 1 || got.SignIn != 2 || got.Requests != 1 {
		t.Errorf("%+v", got)
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Rule{
		"path": {Match: Match{Path: "("}}, "at": {At: "noon"}, "prob": {Match: Match{Prob: 2}}, "status": {Do: Do{Status: 99}},
		"corrupt": {Do: Do{Corrupt: "nicely"}}, "retry": {Do: Do{RetryAfter: "date:soon"}}, "claims": {Do: Do{Claims: "{"}}, "nth": {Match: Match{Nth: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stand(t, Options{})
			defer func() {
				if recover() == nil || len(s.e.Faults()) != 0 {
					t.Error("was taken")
				}
			}()
			s.e.Inject(r)
		})
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	t.Run("F11 a rival between write and read-back", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		var seen []Entry
		stop := s.e.OnWrite(func(e Entry) {
			seen = append(seen, e)
			if len(seen) == 1 {
				s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Rival"}`)
			}
		})
		s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
		if got := s.title(); got != "Rival" {
			t.Errorf("reads %q", got)
		}
		if len(seen) != 2 || seen[0].After["jobTitle"] != "Doctor" || seen[1].After["jobTitle"] != "Rival" {
			t.Errorf("told %+v", seen)
		}
		stop()
		s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Third"}`)
		if len(seen) != 2 {
			t.Error("told after the end")
		}
	})
	t.Run("F11 a rival after a lost answer", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, At: After, Do: Do{Status: 504}})
		told := 0
		defer s.e.OnWrite(func(Entry) { told++ })()
		s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
	t.Run("before a request", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		n := 0
		stop := s.e.OnRequest(Match{Method: "PATCH", Nth: 2}, func() {
			n++
			s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Status: 503}})
		})
		var got []int
		for range 3 {
			res, _ := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
			got = append(got, res.StatusCode)
		}
		if fmt.Sprint(got) != "[204 503 204]" || n != 1 {
			t.Errorf("%v, hook ran %d times", got, n)
		}
		stop()
	})
}

// An inner request of a batch is one whose context comes from the outer one.
func TestInnerRequests(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	id := s.e.Inject(Rule{Match: Match{Path: "^/v1.0/users/"}, At: After, Do: Do{Drop: true}})
	var lost, plain *innerWriter
	var inner http.Handler
	outer := s.e.faulty(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send := func(w http.ResponseWriter) {
			in := httptest.NewRequest("PATCH", "/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`)).WithContext(r.Context())
			inner.ServeHTTP(w, in)
		}
		lost, plain = &innerWriter{ResponseRecorder: httptest.NewRecorder()}, &innerWriter{ResponseRecorder: httptest.NewRecorder()}
		send(lost)
		send(plain.ResponseRecorder)
	}))
	inner = s.e.faulty(&shelf{e: s.e, objects: map[string]map[string]any{anna: {"id": anna}}})
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("POST", "/v1.0/$batch", nil))
	if w.Code != 200 {
		t.Errorf("F25: the batch is %d", w.Code)
	}
	if !lost.dropped || plain.Code != 504 {
		t.Errorf("F25: answer dropped %v, where it cannot be: %d", lost.dropped, plain.Code)
	}
	if l := s.e.Ledger(0); len(l) != 2 || l[0].Fault != id {
		t.Errorf("ledger %+v", l)
	}
	st := s.e.Statistics()
	if st.Requests != 1 || st.Inner != 2 || st.Writes != 2 || st.Faults != 2 {
		t.Errorf("statistics %+v", st)
	}
	log := s.e.Requests(0)
	if len(log) != 3 || log[0].Inner || log[0].Status != 200 || !log[1].Inner || log[1].Status != 0 || log[2].Status != 504 {
		t.Errorf("request log %+v", log)
	}
}

type innerWriter struct {
	*httptest.ResponseRecorder
	dropped bool
}

func (w *innerWriter) drop() { w.dropped = true }

func TestRequestLogAndClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	s := stand(t, Options{Wall: func() time.Time { return start }})
	s.e.Clock().Advance(3 * time.Hour)
	res, _ := s.ok("GET", "/v1.0/users/"+anna+"?$select=id", "")
	if got := res.Header.Get("Date"); got != "Sat, 21 Nov 2026 12:00:00 GMT" {
		t.Errorf("F30: Date is %q", got)
	}
	s.ok("GET", "/v1.0/nowhere", "")
	s.ok("GET", "/v1.0/nowhere", "")
	log := s.e.Requests(0)
	if len(log) != 3 || log[0].Seq != 1 || log[0].Query != "$select=id" || log[0].Status != 200 || log[0].ClientID != "c-1" || log[0].RequestID != res.Header.Get("request-id") {
		t.Fatalf("%+v", log)
	}
	if after := s.e.Requests(2); len(after) != 1 || after[0].Seq != 3 {
		t.Errorf("after 2: %+v", after)
	}
	if got := s.e.Statistics().Unknown["GET /v1.0/nowhere"]; got != 2 {
		t.Errorf("unknown routes: %d, want 2", got)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	l := newLedger(10)
	for range 100 {
		l.add(Entry{})
	}
	got := l.since(0)
	if len(got) < 10 || len(got) > 13 || got[len(got)-1].Seq != 100 || got[0].Seq != 101-int64(len(got)) {
		t.Errorf("%d entries, %d to %d", len(got), got[0].Seq, got[len(got)-1].Seq)
	}
	if got := l.since(97); len(got) != 3 || got[0].Seq != 98 {
		t.Errorf("after 97: %+v", got)
	}
	if got := l.since(100); len(got) != 0 {
		t.Errorf("after 100: %+v", got)
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (string, map[int]int, int) {
		s := stand(t, Options{Seed: seed, Chaos: 0.2})
		row, codes, waits := "", map[int]int{}, 0
		for range 1500 {
			r := httptest.NewRequest("PATCH", "/v1.0/users/"+anna, strings.NewReader(`{"jobTitle":"Doctor"}`))
			w := httptest.NewRecorder()
			func() {
				defer func() {
					if recover() != nil { // the connection is broken in the middle
						w.Code = 0
					}
				}()
				s.e.faulty(&shelf{e: s.e, objects: map[string]map[string]any{anna: {"id": anna}}}).ServeHTTP(w, r)
			}()
			codes[w.Code]++
			if w.Code == 429 && w.Header().Get("Retry-After") != "" {
				waits++
			}
			row += fmt.Sprint(w.Code, " ")
		}
		if got := s.e.Statistics(); got.Writes != int64(codes[204]+codes[504]+codes[0]) {
			t.Errorf("%d writes with answers %v", got.Writes, codes)
		}
		return row, codes, waits
	}
	one, codes, waits := run(3)
	if codes[429] < 200 || codes[429] > 400 || waits < 90 || waits > codes[429]-90 || codes[503] < 25 || codes[504] < 25 || codes[0] < 5 {
		t.Errorf("answers %v, %d with Retry-After", codes, waits)
	}
	if again, _, _ := run(3); again != one {
		t.Error("the same seed gives another chaos")
	}
}
