package access_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

func TestA50_DumpHoldsNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nameplate.db")
	clock := &storetest.Clock{}
	s, err := store.Open(context.Background(), store.Options{Path: path, Now: clock.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *access.Config) { c.Store = s.Access(); longSessions(c) })
	adele := b.signIn("adele@contoso.com", "")
	alex := b.signIn("alex@contoso.com", "")
	begun := b.begin(access.Begin{Next: "/profile"})
	state, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(tokenEnds)
	if _, err := b.Token(t.Context(), adele.Session.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.Stash(t.Context(), adele.Cookie, access.Form{Path: "/profile", Values: url.Values{"aboutMe": {"planted-form-text"}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var dump []byte
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		dump = append(dump, data...)
	}
	if !bytes.Contains(dump, []byte("Adele Vance")) || !bytes.Contains(dump, []byte(adele.Session.ID)) {
		t.Fatal("the test does not see what the database holds")
	}
	planted := append([]string{
		adele.Cookie, alex.Cookie, begun.Cookie, state.Query().Get("state"), state.Query().Get("nonce"), secretText, "planted-form-text",
		strings.Repeat("\x01", 16), // of the key
	}, b.spy.secrets...)
	if len(planted) < 8+2*5+2 {
		t.Fatalf("only %d secrets are looked for", len(planted))
	}
	for _, secret := range planted {
		for _, piece := range []string{secret, secret[len(secret)/2:]} {
			if bytes.Contains(dump, []byte(piece)) {
				t.Errorf("the database holds %.12s…", piece)
			}
		}
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("A52 the log holds %.12s…", secret)
		}
	}
}

func TestA50_MovedCiphertextsAreRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t)
	adele, alex := b.signIn("adele@contoso.com", ""), b.signIn("alex@contoso.com", "")
	one, _, err := b.store.Tokens(ctx, adele.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	two, version, err := b.store.Tokens(ctx, alex.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutTokens(ctx, alex.Session.ID, version, one); err != nil {
		t.Fatal(err)
	}
	got, err := b.Token(ctx, alex.Session.ID, "")
	wantEnded(t, "her tokens in his row", err, access.ReasonRevoked)
	if got != "" || b.alive(alex.Cookie) {
		t.Error("the session lives on with somebody else's tokens")
	}
	sealed := b.cfg.Sealer
	if _, err := sealed.Open("form", adele.Session.ID, one); err == nil {
		t.Error("tokens were opened as a form")
	}
	for name, change := range map[string]func([]byte) []byte{
		"a bit of the text": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"a bit of the id":   func(b []byte) []byte { b[2] ^= 1; return b },
		"another version":   func(b []byte) []byte { b[0]++; return b },
		"a bit of the nonce": func(b []byte) []byte {
			b[7] ^= 0x80
			return b
		},
		"cut":   func(b []byte) []byte { return b[:len(b)-1] },
		"short": func(b []byte) []byte { return b[:6] },
		"empty": func([]byte) []byte { return nil },
	} {
		if _, err := sealed.Open("tokens", alex.Session.ID, change(bytes.Clone(two))); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := sealed.Open("tokens", alex.Session.ID, two); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	// A form of hers put under his session.
	if err := b.Stash(ctx, adele.Cookie, access.Form{Path: "/profile", Values: url.Values{"city": {"Kiel"}}}); err != nil {
		t.Fatal(err)
	}
	form, err := b.store.TakeStash(ctx, adele.Session.ID, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	again := b.signIn("alex@contoso.com", "")
	form.Session = again.Session.ID
	if err := b.store.PutStash(ctx, form); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Unstash(ctx, again.Session); !fail.Is(err, fail.NotFound) || got.Values != nil {
		t.Errorf("her form in his row: %v, %v", got, err)
	}
}

func TestF43_WrongKeyIsNamedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t)
	if err := b.Check(ctx); err != nil {
		t.Fatal(err)
	}
	done := b.signIn("adele@contoso.com", "")
	with := func(keys ...byte) *access.Service {
		cfg := b.cfg
		cfg.Sealer = sealer(t, keys...)
		s, err := access.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	wantCode(t, "another key", with(2).Check(ctx), fail.Invalid, access.CodeKey)
	if err := b.Check(ctx); err != nil {
		t.Fatalf("the right key afterwards: %v", err)
	}
	if _, err := b.Token(ctx, done.Session.ID, ""); err != nil {
		t.Errorf("the sign-in was lost: %v", err)
	}
	rotated := with(2, 1)
	if err := rotated.Check(ctx); err != nil {
		t.Fatalf("a new key before the old one: %v", err)
	}
	if _, err := rotated.Token(ctx, done.Session.ID, ""); err != nil {
		t.Errorf("with a rotated key: %v", err)
	}
	alone := with(2)
	if err := alone.Check(ctx); err != nil {
		t.Fatalf("the new key alone: %v", err)
	}
	_, err := alone.Token(ctx, done.Session.ID, "")
	wantEnded(t, "what the old key sealed, without it", err, access.ReasonRevoked)
}

func TestSealerRefusesBadKeys(t *testing.T) {
	t.Parallel()
	random := bytes.NewReader(nil)
	for name, keys := range map[string][][]byte{"none": nil, "short": {make([]byte, 16)}, "long": {make([]byte, 33)}, "one good, one bad": {make([]byte, 32), nil}} {
		if _, err := access.NewSealer(random, keys...); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s, err := access.NewSealer(random, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal("x", "y", []byte("z")); err == nil {
		t.Error("sealed without randomness")
	}
}

// A54: what a person is called does not become a line of the log.
func TestA54_LogIsOneRecordEach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.signIn("alex@contoso.com", "")
	if strings.ContainsAny(done.Session.Name, "\n\u202e") || !strings.HasPrefix(done.Session.Name, "Alex Wilber") {
		t.Errorf("name %q", done.Session.Name)
	}
	b.events("authn_login_success") // fails on a line that is no JSON
	if _, err := b.Session(t.Context(), "x\n{\"event\":\"forged\"}", "y\n{\"event\":\"forged\"}"); err == nil {
		t.Error("a session")
	}
	if n := len(b.events("forged")); n != 0 {
		t.Error("a forged event is in the log")
	}
}

func TestRandomnessRunsDry(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *access.Config) { c.Random = bytes.NewReader(make([]byte, 40)) })
	_, err := b.Begin(t.Context(), access.Begin{From: here})
	var e *fail.Error
	if !errors.As(err, &e) || e.Kind != fail.Internal {
		t.Errorf("got %v", err)
	}
}

func TestBeginIsLimitedPerNetwork(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spend := func(from string) (n int) {
		for range 400 {
			if _, err := b.Begin(t.Context(), access.Begin{From: from}); err == nil {
				n++
			}
		}
		return n
	}
	if n := spend("203.0.113.9"); n != 300 {
		t.Errorf("%d of 400, want 300", n)
	}
	if n := spend("[2001:db8:1:2::5]:4711") + spend("2001:db8:1:2:ffff::6"); n != 300 {
		t.Errorf("one IPv6 network: %d, want 300", n)
	}
	if n := spend("2001:db8:1:3::5"); n != 300 {
		t.Errorf("the next IPv6 network: %d, want 300", n)
	}
	b.clock.Advance(30 * time.Second)
	if n := spend("203.0.113.9"); n != 150 {
		t.Errorf("half a minute later: %d, want 150", n)
	}
	b.clock.Advance(-24 * time.Hour) // somebody put the clock right
	if n := spend("203.0.113.9"); n != 0 {
		t.Errorf("after the clock was put back: %d, want 0", n)
	}
	b.clock.Advance(time.Minute)
	if n := spend("203.0.113.9"); n != 300 {
		t.Errorf("a minute after the clock was put back: %d, want 300", n)
	}
}
