package emulator

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
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
		// The log is written when the request has ended, which the caller of a broken connection does not wait for.
		reqs := s.e.Requests(0)
		for end := time.Now().Add(10 * time.Second); reqs[0].Fault == "" && time.Now().Before(end); reqs = s.e.Requests(0) {
			runtime.Gosched()
		}
		if reqs[0].Status != 0 || reqs[0].Fault != id {
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
