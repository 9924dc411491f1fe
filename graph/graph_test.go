package graph_test

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/graph"
)

// credential gives tokens and counts.
type credential struct {
	asked  atomic.Int64
	claims atomic.Value
	fails  error
	now    func() time.Time // nil: tokens are good for an hour of the wall clock
	life   time.Duration
}

func (c *credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	n := c.asked.Add(1)
	if o.Claims != "" {
		c.claims.Store(o.Claims)
	}
	now, life := time.Now(), time.Hour
	if c.now != nil {
		now, life = c.now(), c.life
	}
	return azcore.AccessToken{Token: fmt.Sprintf("secret-%d", n), ExpiresOn: now.Add(life)}, c.fails
}

// bench is a client against a server, with a clock that only waiting moves.
type bench struct {
	*graph.Client
	cred  *credential
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
	ids   int
}

func (b *bench) Now() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now }

func (b *bench) Wait(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
	b.waits = append(b.waits, d)
	return ctx.Err()
}

func (b *bench) waited() (sum time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.waits {
		sum += d
	}
	return sum
}

func against(t *testing.T, url string, edit ...func(*graph.Options)) *bench {
	t.Helper()
	b := &bench{cred: &credential{}, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	o := graph.Options{
		Endpoint: url, Credential: b.cred, Now: b.Now, Wait: b.Wait,
		NewID: func() string {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ids++
			return fmt.Sprintf("00000000-0000-4000-8000-%012d", b.ids)
		},
	}
	for _, f := range edit {
		f(&o)
	}
	c, err := graph.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Client = c
	return b
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func reply(w http.ResponseWriter, status int, body string, header ...string) {
	w.Header().Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestF01_F02_RetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		name, value string
		min, max    time.Duration
	}{
		"seconds":    {"Retry-After", "7", 7 * time.Second, 7 * time.Second},
		"lower case": {"retry-after", "7", 7 * time.Second, 7 * time.Second},
		"decimal":    {"Retry-After", "0.249", 249 * time.Millisecond, 249 * time.Millisecond},
		"date":       {"Retry-After", start.Add(30 * time.Second).Format(http.TimeFormat), 30 * time.Second, 30 * time.Second},
		"past date":  {"Retry-After", start.Add(-time.Hour).Format(http.TimeFormat), 0, 0},
		"zero":       {"Retry-After", "0", 0, 0},
		"negative":   {"Retry-After", "-1", 300 * time.Millisecond, 700 * time.Millisecond},
		"absurd":     {"Retry-After", "99999", 5 * time.Minute, 5 * time.Minute},
		"huge":       {"Retry-After", "1e300", 5 * time.Minute, 5 * time.Minute},
		"nan":        {"Retry-After", "NaN", 300 * time.Millisecond, 700 * time.Millisecond},
		"text":       {"Retry-After", "soon", 300 * time.Millisecond, 700 * time.Millisecond},
		"none":       {"X-None", "1", 300 * time.Millisecond, 700 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := atomic.Int64{}
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if n.Add(1) == 1 {
					w.Header()[tc.name] = []string{tc.value}
					reply(w, 429, `{"error":{"code":"TooManyRequests","message":"Please retry again later."}}`)
					return
				}
				w.WriteHeader(204)
			})
			b := against(t, s.URL)
			if err := b.Patch(t.Context(), "/users/1", map[string]any{"city": "Ulm"}); err != nil {
				t.Fatal(err)
			}
			if w := b.waited(); w < tc.min || w > tc.max || n.Load() != 2 {
				t.Errorf("waited %v, want %v to %v; %d requests", w, tc.min, tc.max, n.Load())
			}
		})
	}
}

func TestF01_TheWholeLaneWaits(t *testing.T) {
	t.Parallel()
	n := atomic.Int64{}
	var b *bench
	var early atomic.Int64
	until := time.Date(2026, 3, 1, 9, 0, 7, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			reply(w, 429, `{}`, "Retry-After", "7")
			return
		}
		if b.Now().Before(until) {
			early.Add(1)
		}
		w.WriteHeader(204)
	})
	b = against(t, s.URL, func(o *graph.Options) { o.Retry.Throttles = 1 })
	var e *graph.Error
	if err := b.Patch(t.Context(), "/users/1", 1); !errors.As(err, &e) || e.Status != 429 || e.RetryAfter != 7*time.Second {
		t.Fatalf("%v", err)
	}
	person := b.As(func(context.Context, string) (string, error) { return "theirs", nil })
	if err := person.Patch(t.Context(), "/users/2", 1); err != nil {
		t.Fatal(err)
	}
	if early.Load() != 0 || b.waited() != 7*time.Second {
		t.Errorf("%d requests before the wait was over, waited %v", early.Load(), b.waited())
	}
}

func TestF03_ThrottledForEverEnds(t *testing.T) {
	t.Parallel()
	n := atomic.Int64{}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); reply(w, 429, `{}`, "Retry-After", "2") })
	err := against(t, s.URL).Patch(t.Context(), "/users/1", 1)
	var e *graph.Error
	if !errors.As(err, &e) || e.Status != 429 || n.Load() != 8 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
	n.Store(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	b := against(t, s.URL, func(o *graph.Options) { o.Now = time.Now })
	if err := b.Patch(ctx, "/users/1", 1); !errors.As(err, &e) || n.Load() != 1 {
		t.Errorf("a wait beyond the caller's deadline: %v after %d requests", err, n.Load())
	}
}

func TestF04_ReadsAreRepeatedWritesAreNot(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 502, 503, 504, 509} {
		n, conns := atomic.Int64{}, sync.Map{}
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			conns.Store(r.RemoteAddr, true)
			if n.Add(1) < 3 {
				reply(w, status, `{"error":{"code":"x","message":"y"}}`)
				return
			}
			reply(w, 200, `{"id":"1"}`)
		})
		b := against(t, s.URL)
		if err := b.Get(t.Context(), "/users/1", &struct{}{}); err != nil || n.Load() != 3 {
			t.Errorf("%d: %v after %d", status, err, n.Load())
		}
		used := 0
		conns.Range(func(any, any) bool { used++; return true })
		if used != 3 {
			t.Errorf("%d: %d connections for three tries, want a fresh one each", status, used)
		}
		for _, write := range []func() error{
			func() error { return b.Patch(t.Context(), "/users/1", 1) },
			func() error { return b.Put(t.Context(), "/users/1/photo/$value", "image/jpeg", []byte{1}) },
			func() error { return b.Delete(t.Context(), "/users/1/photo/$value") },
			func() error {
				_, err := b.Batch(t.Context(), []graph.Item{{Method: "PATCH", Path: "/users/1", Body: 1}})
				return err
			},
		} {
			n.Store(0)
			if err := write(); err == nil || n.Load() != 1 {
				t.Errorf("%d: a write was sent %d times: %v", status, n.Load(), err)
			}
		}
	}
	n := atomic.Int64{}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		reply(w, 404, `{"error":{"code":"Request_ResourceNotFound"}}`)
	})
	if err := against(t, s.URL).Get(t.Context(), "/users/1", &struct{}{}); err == nil || n.Load() != 1 {
		t.Errorf("404: %v after %d", err, n.Load())
	}
}

func TestF08_F09_BrokenConnections(t *testing.T) {
	t.Parallel()
	n := atomic.Int64{}
	how := atomic.Value{}
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		switch how.Load() {
		case "cut":
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":")
			_ = buf.Flush()
		case "hole":
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	for _, h := range []string{"reset", "cut", "hole"} {
		how.Store(h)
		b := against(t, s.URL, func(o *graph.Options) {
			if h == "hole" {
				o.Timeout = 100 * time.Millisecond
			}
		})
		n.Store(0)
		err := b.Patch(t.Context(), "/users/1", 1)
		var f *graph.Fault
		if !errors.As(err, &f) || !f.Sent || n.Load() != 1 {
			t.Errorf("%s: write: %v after %d", h, err, n.Load())
		}
		n.Store(0)
		if err := b.Get(t.Context(), "/users/1", &struct{}{}); err == nil || n.Load() != 4 {
			t.Errorf("%s: read: %v after %d", h, err, n.Load())
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	err := against(t, gone.URL).Patch(t.Context(), "/users/1", 1)
	var f *graph.Fault
	if !errors.As(err, &f) || f.Sent {
		t.Errorf("nobody listens: %v, and it is said to be sent", err)
	}
}

func TestF17_OneRenewalAfter401(t *testing.T) {
	t.Parallel()
	n := atomic.Int64{}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.Header.Get("Authorization") == "Bearer secret-1" {
			reply(w, 401, `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}`, "WWW-Authenticate", `Bearer realm="", authorization_uri="https://x"`)
			return
		}
		w.WriteHeader(204)
	})
	b := against(t, s.URL)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := b.Patch(t.Context(), "/users/1", 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := b.cred.asked.Load(); got != 2 {
		t.Errorf("%d tokens, want the first and one renewal", got)
	}
	never := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		reply(w, 401, `{"error":{"code":"InvalidAuthenticationToken"}}`)
	})
	n.Store(0)
	if err := against(t, never.URL).Patch(t.Context(), "/users/1", 1); err == nil || n.Load() != 2 {
		t.Errorf("401 for ever: %v after %d requests", err, n.Load())
	}
}

func TestF33_ClaimsChallengeReachesTheCaller(t *testing.T) {
	t.Parallel()
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	header := `Bearer realm="", authorization_uri="https://x", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	n := atomic.Int64{}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		reply(w, 401, `{"error":{"code":"InvalidAuthenticationToken"}}`, "WWW-Authenticate", header)
	})
	b := against(t, s.URL)
	err := b.As(func(context.Context, string) (string, error) { return "theirs", nil }).Patch(t.Context(), "/users/1", 1)
	var e *graph.Error
	if !errors.As(err, &e) || e.Claims != claims || n.Load() != 1 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
	// The application's own credential can meet it by itself, once.
	n.Store(0)
	if err := b.Patch(t.Context(), "/users/1", 1); !errors.As(err, &e) || n.Load() != 2 || b.cred.claims.Load() != claims {
		t.Errorf("%v after %d requests, claims %v", err, n.Load(), b.cred.claims.Load())
	}
}

func TestA04_ThePersonsTokenIsAskedEachTimeAndNotKept(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"), true)
		w.WriteHeader(204)
	})
	b := against(t, s.URL, func(o *graph.Options) { o.Credential = nil })
	n := 0
	p := b.As(func(context.Context, string) (string, error) { n++; return fmt.Sprintf("theirs-%d", n), nil })
	for range 2 {
		if err := p.Patch(t.Context(), "/users/1", 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"Bearer theirs-1", "Bearer theirs-2"} {
		if _, ok := seen.Load(want); !ok {
			t.Errorf("%q was not sent", want)
		}
	}
	if err := b.Patch(t.Context(), "/users/1", 1); !errors.Is(err, graph.ErrNoCredential) {
		t.Errorf("without a credential: %v", err)
	}
	refused := errors.New("the session has ended")
	err := b.As(func(context.Context, string) (string, error) { return "", refused }).Patch(t.Context(), "/users/1", 1)
	var f *graph.Fault
	if !errors.Is(err, refused) || !errors.As(err, &f) || f.Sent {
		t.Errorf("%v", err)
	}
}

// A person's token that the service refuses is named to whoever gives it; a demand that only the person can meet is not tried again.
func TestF17_APersonsTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer young" {
			w.WriteHeader(204)
			return
		}
		reply(w, 401, `{"error":{"code":"InvalidAuthenticationToken"}}`)
	})
	b := against(t, s.URL)
	for next, asked := range map[string][]string{"young": {"", "old"}, "older": {"", "old"}} {
		var got []string
		err := b.As(func(_ context.Context, spent string) (string, error) {
			got = append(got, spent)
			return map[string]string{"": "old", "old": next}[spent], nil
		}).Patch(t.Context(), "/users/1", 1)
		if !slices.Equal(got, asked) || (err == nil) != (next == "young") {
			t.Errorf("%s: asked with %q: %v", next, got, err)
		}
	}
}

func TestF28_WhatIsNotGraphIsNotData(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ typ, body string }{
		"HTML of a proxy": {"text/html", "<html>Sign in to the network</html>"},
		"HTML said to be": {"application/json", "<html></html>"},
		"empty":           {"application/json", ""},
		"cut":             {"application/json", `{"id":"1","displayName":"An`},
		"an array":        {"application/json", `[{"id":"1"}]`},
		"null":            {"application/json", `null`},
		"duplicate names": {"application/json", `{"id":"1","id":"2"}`},
		"duplicate deep":  {"application/json", `{"id":"1","a":[{"b":1,"b":2}]}`},
		"an error in 200": {"application/json", `{"error":{"code":"x","message":"y"}}`},
		"number for text": {"application/json", `{"id":1}`},
		"two objects":     {"application/json", `{"id":"1"}{"id":"2"}`},
		"no type":         {"", `{"id":"1"}`},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if tc.typ != "" {
				w.Header().Set("Content-Type", tc.typ)
			}
			_, _ = io.WriteString(w, tc.body)
		})
		var v struct{ ID string }
		err := against(t, s.URL).Get(t.Context(), "/users/1", &v)
		var f *graph.Fault
		if !errors.As(err, &f) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
		_, _ = io.WriteString(w, "\xef\xbb\xbf"+`{"id":"1","unknown":{"a":[1,{"b":null}]}}`)
	})
	var v struct{ ID string }
	if err := against(t, s.URL).Get(t.Context(), "/users/1", &v); err != nil || v.ID != "1" {
		t.Errorf("a byte order mark and unknown fields: %v", err)
	}
}

func TestF29_AnswersHaveALimit(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1.0/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			blank := make([]byte, 1<<16)
			for range 1 << 10 { // 64 MiB
				if _, err := z.Write(blank); err != nil {
					return
				}
			}
			return
		}
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	b := against(t, s.URL, func(o *graph.Options) { o.MaxBody = 1 << 20 })
	for _, path := range []string{"/bomb", "/endless"} {
		if err := b.Get(t.Context(), path, &struct{}{}); err == nil || !strings.Contains(err.Error(), "longer than the limit") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestError_IsReadInAnyShape(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want graph.Error
	}{
		// https://learn.microsoft.com/graph/errors spells innererror, samples innerError.
		"innerError":  {`{"error":{"code":"Request_BadRequest","message":"m","innerError":{"date":"2026","request-id":"r1","client-request-id":"c"}}}`, graph.Error{Code: "Request_BadRequest", Message: "m", RequestID: "r1"}},
		"innererror":  {`{"Error":{"Code":"a","Message":"m","innererror":{"code":"b","request-id":"r1","innererror":{"code":"c"}}}}`, graph.Error{Code: "a", Inner: "c", Message: "m", RequestID: "r1"}},
		"inner 429":   {`{"error":{"code":"TooManyRequests","message":"m","innerError":{"code":"429","request-id":"r1"}}}`, graph.Error{Code: "TooManyRequests", Message: "m", RequestID: "r1"}},
		"message obj": {`{"error":{"code":"a","message":{"lang":"en","value":"m"}}}`, graph.Error{Code: "a", Message: "m"}},
		"empty code":  {`{"error":{"code":"","message":"m"}}`, graph.Error{Message: "m"}},
		"html":        {`<h1>Bad</h1>`, graph.Error{Message: "Bad Request"}},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 400, tc.body) })
		err := against(t, s.URL).Patch(t.Context(), "/users/1", 1)
		var e *graph.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.Status != 400 || e.Code != tc.want.Code || e.Inner != tc.want.Inner || e.Message != tc.want.Message || e.RequestID != tc.want.RequestID || e.ClientRequestID == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for _, details := range []string{`[{"code":"ObjectConflict","message":"m","target":"userPrincipalName"}]`, `{"code":"ObjectConflict","message":"m","target":"userPrincipalName"}`} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 400, `{"error":{"code":"Request_BadRequest","message":"m","details":`+details+`}}`)
		})
		err := against(t, s.URL).Patch(t.Context(), "/users/1", 1)
		var e *graph.Error
		if !errors.As(err, &e) || len(e.Details) != 1 || e.Details[0].Target != "userPrincipalName" || !e.Has("objectconflict") {
			t.Errorf("%s: %+v", details, e)
		}
	}
}

func TestRequests_HaveAnIDOfTheirOwn(t *testing.T) {
	t.Parallel()
	var ids []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get("client-request-id"))
		if len(ids) == 1 {
			reply(w, 429, `{}`, "Retry-After", "0")
			return
		}
		w.WriteHeader(204)
	})
	if err := against(t, s.URL).Patch(t.Context(), "/users/1", 1); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2 || ids[0] == "" || ids[0] == ids[1] {
		t.Errorf("ids %v", ids)
	}
}

// W16, F17: a token is asked for once in its life, also when that is short.
func TestF17_TokensAreKeptForTheirLife(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	for life, want := range map[time.Duration]int64{time.Hour: 1, time.Minute: 3} {
		b := against(t, s.URL)
		b.cred.now, b.cred.life = b.Now, life
		for range 200 { // a request each half second: 100 s
			if err := b.Patch(t.Context(), "/users/1", 1); err != nil {
				t.Fatal(err)
			}
			_ = b.Wait(t.Context(), 500*time.Millisecond)
		}
		if got := b.cred.asked.Load(); got != want {
			t.Errorf("life %v: %d tokens for 200 requests in 100 s, want %d", life, got, want)
		}
	}
}
