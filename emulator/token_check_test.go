package emulator

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"nameplate/emulator/schematest"
)

const testTenant = "11111111-1111-4111-8111-111111111111"

func testEmulator(t testing.TB) *Emulator {
	t.Helper()
	e, err := New(Options{Wrap: schematest.Wrap(t), Organizations: []Organization{{
		ID: testTenant, Name: "Contoso", Domains: []Domain{{Name: "contoso.com", Verified: true}},
		Users: []User{{UPN: "adele@contoso.com", Values: map[string]any{"displayName": "Adele"}}},
		Apps: []App{{
			ClientID: "aaaaaaaa-0000-4000-8000-000000000001", Name: "Portal", Delegated: []string{"User.Read"}, Application: []string{"User.ReadWrite.All"},
			Roles: []string{"fe930be7-5e62-47db-91af-98c3a49a38b1"},
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://graph.example/v1.0/me", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func mint(t testing.TB, e *Emulator, k Token) string {
	t.Helper()
	s, err := e.Mint(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Texts: https://learn.microsoft.com/en-us/graph/resolve-auth-errors and threads that quote the service
// (https://github.com/microsoftgraph/console-java-connect-sample/issues/1); the form of the header:
// https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
func TestAccessTokensRefused(t *testing.T) {
	t.Parallel()
	e := testEmulator(t)
	good := mint(t, e, Token{})
	parts := strings.Split(good, ".")
	other := testEmulator(t)
	for name, c := range map[string]struct{ token, want string }{
		"none":                {"", "Access token is empty."},
		"not a token":         {"abc", "JWT is not well formed"},
		"expired":             {mint(t, e, Token{Expires: -time.Minute}), "Lifetime validation failed, the token is expired."},
		"wrong audience":      {mint(t, e, Token{Aud: "https://graph.windows.net"}), "Invalid audience."},
		"signature turned":    {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "Invalid signature."},
		"no signature":        {parts[0] + "." + parts[1] + ".", "Invalid signature."},
		"alg none":            {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".", "Invalid signature."},
		"of another emulator": {mint(t, other, Token{}), "Invalid signature."},
	} {
		t.Run("A57/"+name, func(t *testing.T) {
			_, err := e.authenticate(bearer(c.token))
			var refusal *tokenRefusal
			if !errors.As(err, &refusal) || refusal.Code != "InvalidAuthenticationToken" || !strings.Contains(refusal.Message, c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if !strings.HasPrefix(refusal.Challenge, `Bearer realm="", authorization_uri="https://graph.example/`) {
				t.Errorf("challenge %s", refusal.Challenge)
			}
		})
	}
	t.Run("after a rotation of all keys", func(t *testing.T) {
		if _, err := e.authenticate(bearer(good)); err != nil {
			t.Fatal(err)
		}
		if err := e.RotateKeys(true); err != nil {
			t.Fatal(err)
		}
		if _, err := e.authenticate(bearer(good)); err == nil {
			t.Error("the old key's token is still good")
		}
	})
}

func TestAccessTokensRead(t *testing.T) {
	t.Parallel()
	e := testEmulator(t)
	t.Run("application", func(t *testing.T) {
		p, err := e.authenticate(bearer(mint(t, e, Token{})))
		if err != nil {
			t.Fatal(err)
		}
		if p.delegated() || p.tenant.id != testTenant || !p.roles["User.ReadWrite.All"] || len(p.scopes) != 0 || p.app.json(sName) != `"Portal"` {
			t.Errorf("%+v", p)
		}
		if len(p.wids) == 0 || p.wids[0] != "fe930be7-5e62-47db-91af-98c3a49a38b1" {
			t.Errorf("wids %v", p.wids)
		}
	})
	t.Run("person", func(t *testing.T) {
		p, err := e.authenticate(bearer(mint(t, e, Token{As: "ADELE@contoso.com", Scopes: []string{"User.ReadWrite"}})))
		if err != nil {
			t.Fatal(err)
		}
		if !p.delegated() || !p.scopes["User.ReadWrite"] || p.scopes["User.Read"] {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a token runs out by the emulator's clock", func(t *testing.T) {
		token := mint(t, e, Token{})
		if _, err := e.authenticate(bearer(token)); err != nil {
			t.Fatal(err)
		}
		e.clock.Advance(time.Hour)
		if _, err := e.authenticate(bearer(token)); err == nil {
			t.Error("an hour later it is still good")
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/app-resilience-continuous-access-evaluation
// https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge#claims-challenge-header-format
func TestContinuousAccess(t *testing.T) {
	t.Parallel()
	e := testEmulator(t)
	acc, _ := e.accountOf(e.tenants[0], "adele@contoso.com")
	reg, _ := e.registrationOf(e.tenants[0], "aaaaaaaa-0000-4000-8000-000000000001")
	token := func(g grant) string {
		t.Helper()
		s, err := e.signAccess(accessToken{reg: reg, tenant: e.tenants[0], who: &acc, grant: g, resource: resource{graph: true, audience: "https://" + graphHost}, at: service(), life: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	capable := grant{signedIn: e.Now()}
	if !capable.applyClaims(`{"access_token":{"xms_cc":{"values":["cp1"]}}}`, e.Now()) || !capable.cc {
		t.Fatal("cp1 was not read")
	}
	before, plain := token(capable), token(grant{signedIn: e.Now()})
	e.clock.Advance(time.Minute)
	if _, err := e.authenticate(bearer(before)); err != nil {
		t.Fatal(err)
	}
	if err := e.Challenge("", "adele@contoso.com"); err != nil {
		t.Fatal(err)
	}
	_, err := e.authenticate(bearer(before))
	var refusal *tokenRefusal
	if !errors.As(err, &refusal) {
		t.Fatalf("%v", err)
	}
	m := regexp.MustCompile(`error="insufficient_claims", claims="([^"]+)"`).FindStringSubmatch(refusal.Challenge)
	if m == nil {
		t.Fatalf("challenge %s", refusal.Challenge)
	}
	claims, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil || !strings.HasPrefix(string(claims), `{"access_token":{"nbf":{"essential":true, "value":"`) {
		t.Fatalf("claims %s %v", claims, err)
	}
	if _, err := e.authenticate(bearer(plain)); err != nil {
		t.Errorf("a client that did not declare cp1 is not challenged: %v", err)
	}
	if _, err := e.authenticate(bearer(token(capable))); err == nil {
		t.Error("a new token without the claims is enough")
	}
	answered := capable
	answered.applyClaims(string(claims), e.Now())
	if _, err := e.authenticate(bearer(token(answered))); err != nil {
		t.Errorf("the challenge was answered: %v", err)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	e := testEmulator(b)
	r := bearer(mint(b, e, Token{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}
