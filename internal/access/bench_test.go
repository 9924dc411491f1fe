package access_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/store/storetest"
)

const (
	contosoID  = "11111111-1111-4111-8111-111111111111"
	fabrikamID = "22222222-2222-4222-8222-222222222222"
	clientID   = "aaaaaaaa-0000-4000-8000-000000000001"
	adeleID    = "bbbbbbbb-0000-4000-8000-000000000001"
	alexID     = "bbbbbbbb-0000-4000-8000-000000000002"
	adminID    = "bbbbbbbb-0000-4000-8000-000000000003"
	staffID    = "dddddddd-0000-4000-8000-000000000001"
	biancaID   = "cccccccc-0000-4000-8000-000000000001"
	public     = "https://portal.contoso.com"
	authority  = "https://login.microsoftonline.com" // the emulator answers for it, in process
	secretText = "planted-client-secret-7c1f"
	here       = "192.0.2.7"
)

func organizations() []emulator.Organization {
	app := emulator.App{
		ClientID: clientID, Name: "Nameplate", Redirects: []string{public + access.CallbackPath, public + access.SignedOutPath},
		Logout: public + access.FrontChannelPath, Secrets: []emulator.Secret{{Value: secretText}}, Delegated: []string{"User.Read", "User.ReadWrite"},
		AppRoles:    []emulator.AppRole{{Value: "Nameplate.Admin", Name: "Administrators"}, {Value: "Nameplate.Auditor", Name: "Auditors"}, {Value: "Other.Role", Name: "Other"}},
		GroupClaims: true,
		Assigned:    map[string][]string{"Nameplate.Admin": {"admin@contoso.com"}, "Other.Role": {"admin@contoso.com", "adele@contoso.com"}},
	}
	person := func(id, upn, name, mail string) emulator.User {
		return emulator.User{ID: id, UPN: upn, Values: map[string]any{"displayName": name, "mail": mail}}
	}
	guest := person("", "bianca_fabrikam.com#EXT#@contoso.onmicrosoft.com", "Bianca Guest", "bianca@fabrikam.com")
	guest.Values["userType"] = "Guest"
	disabled := person("", "disabled@contoso.com", "Dora Disabled", "")
	disabled.Values["accountEnabled"] = false
	return []emulator.Organization{{
		ID: contosoID, Name: "Contoso", Country: "US", Apps: []emulator.App{app},
		Groups:  []emulator.Group{{ID: staffID, Name: "Staff", Type: "security", Members: []string{"alex@contoso.com"}}},
		Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}, {Name: "contoso.onmicrosoft.com", Verified: true}},
		Users: []emulator.User{
			person(adeleID, "adele@contoso.com", "Adele Vance", "adele@contoso.com"), person(alexID, "alex@contoso.com", "Alex \u202eWilber\n{\"level\":\"ERROR\"}", "alex@contoso.com"),
			person(adminID, "admin@contoso.com", "Megan Bowen", "admin@contoso.com"), guest, disabled,
		},
	}, {
		ID: fabrikamID, Name: "Fabrikam", Country: "DE", Apps: []emulator.App{app},
		Domains: []emulator.Domain{{Name: "fabrikam.com", Verified: true}},
		// She has the mail address and the name of somebody at Contoso.
		Users: []emulator.User{person(biancaID, "bianca@fabrikam.com", "Adele Vance", "adele@contoso.com")},
	}}
}

// bench is a service on a store of its own at an emulator of its own, all on one clock.
type bench struct {
	*access.Service
	t     testing.TB
	e     *emulator.Emulator
	clock *storetest.Clock
	store access.Store
	cfg   access.Config
	spy   *spy
	log   *lockedBuffer
}

// newBench makes a bench; set changes the configuration.
func newBench(t testing.TB, set ...func(*access.Config)) *bench {
	t.Helper()
	clock := &storetest.Clock{}
	e, err := emulator.New(emulator.Options{Organizations: organizations(), Wall: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, e: e, clock: clock, spy: &spy{next: e.Client().Transport}, log: &lockedBuffer{}}
	b.cfg = access.Config{
		Tenants:   []access.Tenant{{ID: contosoID, Authority: authority, ClientID: clientID, Secret: secretText}},
		PublicURL: public, Sealer: sealer(t, 1), Now: clock.Now, Random: rand.Reader, HTTP: &http.Client{Transport: b.spy, Timeout: 5 * time.Minute}, // some bad tokens take long to make
		Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range set {
		f(&b.cfg)
	}
	if b.cfg.Store == nil {
		b.cfg.Store = storetest.SQLite(t, clock.Now).Access()
	}
	b.store = b.cfg.Store
	if b.Service, err = access.New(b.cfg); err != nil {
		t.Fatal(err)
	}
	return b
}

// sealer has the keys of these numbers, the first one seals.
func sealer(t testing.TB, numbers ...byte) *access.Sealer {
	t.Helper()
	var keys [][]byte
	for _, n := range numbers {
		keys = append(keys, bytes.Repeat([]byte{n}, access.KeySize))
	}
	s, err := access.NewSealer(rand.Reader, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin begins a sign-in.
func (b *bench) begin(in access.Begin) access.Begun {
	b.t.Helper()
	if in.From == "" {
		in.From = here
	}
	got, err := b.Begin(b.t.Context(), in)
	if err != nil {
		b.t.Fatalf("begin: %v", err)
	}
	return got
}

// visit goes to the authority as upn and returns what it sends the browser back with.
func (b *bench) visit(address, upn string) url.Values {
	b.t.Helper()
	back, err := b.e.SignIn(b.t.Context(), address, upn)
	if err != nil {
		b.t.Fatalf("sign in as %s: %v", upn, err)
	}
	path, query, _ := strings.Cut(back, "?")
	if path != public+access.CallbackPath {
		b.t.Fatalf("the authority sends the browser to %s", back)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		b.t.Fatal(err)
	}
	return q
}

// signIn signs upn in; old is the session cookie that the browser had.
func (b *bench) signIn(upn, old string) access.Finished {
	b.t.Helper()
	begun := b.begin(access.Begin{Next: "/profile"})
	done, err := b.Finish(b.t.Context(), access.Callback{Query: b.visit(begun.URL, upn), Attempt: begun.Cookie, Session: old, From: here})
	if err != nil {
		b.t.Fatalf("finish: %v", err)
	}
	return done
}

// alive says whether the cookie opens a session.
func (b *bench) alive(cookie string) bool {
	_, err := b.Session(b.t.Context(), cookie, here)
	return err == nil
}

// sessions is how many living sessions a person had; it ends them.
func (b *bench) sessions(id string) int {
	b.t.Helper()
	n, err := b.store.EndPerson(context.Background(), directory.Ref{Tenant: contosoID, ID: id}, "counted", b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func wantCode(t testing.TB, what string, err error, kind fail.Kind, code string) {
	t.Helper()
	var e *fail.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Errorf("%s: got %v, want kind %v code %q", what, err, kind, code)
		return
	}
	if e.Say.Zero() {
		t.Errorf("%s: %v has no sentence for people", what, err)
	}
}

func wantEnded(t testing.TB, what string, err error, reason string) {
	t.Helper()
	wantCode(t, what, err, fail.Denied, access.CodeSignIn)
	if got := access.Reason(err); got != reason {
		t.Errorf("%s: reason %q, want %q", what, got, reason)
	}
}

// spy keeps what the token endpoint was asked and what it answered.
type spy struct {
	next    http.RoundTripper
	mu      sync.Mutex
	asked   []url.Values
	secrets []string // tokens, codes
	foreign []string // requests that are not for the authority
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	var form url.Values
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ = url.ParseQuery(string(b))
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	resp, err := s.next.RoundTrip(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Scheme+"://"+r.URL.Host != authority {
		s.foreign = append(s.foreign, r.URL.String())
	}
	if err != nil || !strings.HasSuffix(r.URL.Path, "/token") {
		return resp, err
	}
	s.asked = append(s.asked, form)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var got map[string]any
	if json.Unmarshal(body, &got) == nil {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			if v, ok := got[name].(string); ok {
				s.secrets = append(s.secrets, v)
			}
		}
	}
	for _, name := range []string{"code", "code_verifier", "client_assertion"} {
		if v := form.Get(name); v != "" {
			s.secrets = append(s.secrets, v)
		}
	}
	return resp, nil
}

// grants are the token requests of one kind, oldest first.
func (s *spy) grants(kind string) []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []url.Values
	for _, f := range s.asked {
		if f.Get("grant_type") == kind {
			out = append(out, f)
		}
	}
	return out
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// events are the log's lines with that event name.
func (b *bench) events(name string) []map[string]any {
	b.t.Helper()
	var out []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(b.log.String()), "\n") {
		if line == "" {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			b.t.Fatalf("log line %q: %v", line, err)
		}
		if m["event"] == name {
			out = append(out, m)
		}
	}
	return out
}
