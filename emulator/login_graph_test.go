package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"nameplate/emulator"
)

// callGraph sends a request to Graph with a token.
func callGraph(t *testing.T, s *emulator.Server, token any, method, path, body string) (int, http.Header, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Graph+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.(string))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatalf("%d %s", res.StatusCode, raw)
		}
	}
	return res.StatusCode, res.Header, out
}

// The two halves together: the token of a sign-in reads and writes as the person; what Graph revokes, sign-in refuses.
// https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes (AADSTS50173, AADSTS50057)
func TestRevocation(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	p := newVisitor(t, s)
	claims := `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
	a := p.signIn(contosoID, request(contosoID, "claims", claims), "adele@contoso.com")
	_, capable := p.redeem(contosoID, a.to.Query().Get("code"))
	a = p.get(request(contosoID))
	_, plain := p.redeem(contosoID, a.to.Query().Get("code"))
	me := func(token any) (int, http.Header) {
		status, header, _ := callGraph(t, s, token, http.MethodGet, "/v1.0/me?$select=displayName", "")
		return status, header
	}
	if status, _ := me(capable["access_token"]); status != http.StatusOK {
		t.Fatalf("%d", status)
	}
	if n, ok := capable["expires_in"].(float64); !ok || n < 20*3600-1 || n > 28*3600 {
		t.Errorf("a client that declared cp1 gets tokens of up to 28 hours; this one lives %v s", capable["expires_in"])
	}
	admin, err := e.Mint(emulator.Token{Roles: []string{"User.RevokeSessions.All", "User.ReadWrite.All"}})
	if err != nil {
		t.Fatal(err)
	}
	move(t, s, "1m")
	if status, _, body := callGraph(t, s, admin, http.MethodPost, "/v1.0/users/adele@contoso.com/revokeSignInSessions", ""); status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	move(t, s, "1m")
	refresh := func(body map[string]any) (int, map[string]any) {
		return p.redeem(contosoID, "", "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string), "redirect_uri", "")
	}
	t.Run("refresh token", func(t *testing.T) {
		_, body := refresh(plain)
		wantError(t, body, "invalid_grant", "AADSTS50173")
	})
	t.Run("browser session", func(t *testing.T) {
		if b := p.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("error") != "login_required" {
			t.Errorf("%v", b.to)
		}
	})
	t.Run("access token of a client with cp1", func(t *testing.T) {
		status, header := me(capable["access_token"])
		if status != http.StatusUnauthorized || !strings.Contains(header.Get("WWW-Authenticate"), `error="insufficient_claims"`) {
			t.Errorf("%d %q", status, header.Get("WWW-Authenticate"))
		}
	})
	t.Run("access token of a client without", func(t *testing.T) {
		if status, _ := me(plain["access_token"]); status != http.StatusOK {
			t.Errorf("%d: access tokens cannot be revoked", status)
		}
	})
	t.Run("after a new sign-in", func(t *testing.T) {
		b := p.signIn(contosoID, request(contosoID, "claims", claims), "adele@contoso.com")
		_, body := p.redeem(contosoID, b.to.Query().Get("code"))
		if status, _ := me(body["access_token"]); status != http.StatusOK {
			t.Errorf("%d", status)
		}
		if status, x := refresh(body); status != http.StatusOK {
			t.Errorf("%v", x)
		}
		control(t, s, "/challenge", map[string]any{"user": "adele@contoso.com"})
		move(t, s, "1s")
		if status, _ := me(body["access_token"]); status != http.StatusUnauthorized {
			t.Errorf("challenged: %d", status)
		}
		_, again := p.redeem(contosoID, "", "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string), "redirect_uri", "",
			"claims", `{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}`)
		if status, _ := me(again["access_token"]); status != http.StatusOK {
			t.Errorf("the challenge was answered: %d", status)
		}
	})
	t.Run("A10/disabled account", func(t *testing.T) {
		b := p.get(request(contosoID))
		_, body := p.redeem(contosoID, b.to.Query().Get("code"))
		if status, _, x := callGraph(t, s, admin, http.MethodPatch, "/v1.0/users/adele@contoso.com", `{"accountEnabled":false}`); status != http.StatusNoContent {
			t.Fatalf("%d %v", status, x)
		}
		_, x := refresh(body)
		wantError(t, x, "invalid_grant", "AADSTS50057")
		if c := p.get(request(contosoID)); c.to != nil || !strings.Contains(c.body, "AADSTS50057") {
			t.Errorf("%d %v", c.status, c.to)
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/userinfo
func TestUserinfo(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID, "scope", "openid profile email User.Read"), "adele@contoso.com")
	_, body := p.redeem(contosoID, a.to.Query().Get("code"))
	status, _, info := callGraph(t, s, body["access_token"], http.MethodGet, "/oidc/userinfo", "")
	if status != http.StatusOK || info["sub"] != claimsOf(t, body["id_token"])["sub"] || info["name"] != "Adele Vance" || info["email"] != "adele@contoso.com" || info["given_name"] != "Adele" {
		t.Errorf("%d %v", status, info)
	}
	if status, header, _ := callGraph(t, s, "nonsense", http.MethodGet, "/oidc/userinfo", ""); status != http.StatusUnauthorized || header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", status)
	}
}

// https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference#groups-overage-claim
func TestGroupsClaim(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ groups, listed int }{"few": {3, 3}, "two hundred": {200, 200}, "overage": {201, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			orgs := organizations()
			orgs[0].Apps[0].GroupClaims = true
			for range c.groups {
				orgs[0].Groups = append(orgs[0].Groups, emulator.Group{Name: "Group", Type: "security", Members: []string{"adele@contoso.com"}})
			}
			e := newEmulator(t, emulator.Options{Organizations: orgs})
			s, err := e.Start(t.Context(), emulator.Addresses{HTTP: "-", Control: "-"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p := newVisitor(t, s)
			a := p.signIn(contosoID, request(contosoID), "adele@contoso.com")
			_, body := p.redeem(contosoID, a.to.Query().Get("code"))
			claims := claimsOf(t, body["id_token"])
			g, _ := claims["groups"].([]any)
			if len(g) != c.listed {
				t.Errorf("%d groups, want %d", len(g), c.listed)
			}
			if _, over := claims["_claim_names"]; over != (c.listed == 0) {
				t.Errorf("_claim_names %v", claims["_claim_names"])
			}
		})
	}
}

// Somebody with a temporary password changes it at the first sign-in.
// https://learn.microsoft.com/en-us/graph/api/resources/passwordprofile
func TestForcedPasswordChange(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	token, err := e.Mint(emulator.Token{Roles: []string{"User.ReadWrite.All"}})
	if err != nil {
		t.Fatal(err)
	}
	status, _, body := callGraph(t, s, token, http.MethodPost, "/v1.0/users",
		`{"accountEnabled":true,"displayName":"New Hire","mailNickname":"newhire","userPrincipalName":"newhire@contoso.com","passwordProfile":{"password":"Temporary-1","forceChangePasswordNextSignIn":true}}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID), "newhire@contoso.com")
	a = p.send("/"+contosoID+"/login", form("flow", a.flow(t), "user", body["id"].(string), "passwd", "Temporary-1"))
	if !strings.Contains(a.body, "Update your password") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	flow := a.flow(t)
	for want, v := range map[string][2]string{
		"not the same":        {"Different-1", "Different-2"},
		"8 to 256 characters": {"short", "short"},
		"not the present one": {"Temporary-1", "Temporary-1"},
	} {
		if b := p.send("/"+contosoID+"/login", form("flow", flow, "user", body["id"].(string), "newpasswd", v[0], "again", v[1])); !strings.Contains(b.body, want) {
			t.Errorf("%v: %s", v, b.body)
		}
	}
	b := p.send("/"+contosoID+"/login", form("flow", flow, "user", body["id"].(string), "newpasswd", "My-own-word-1", "again", "My-own-word-1"))
	if b.to == nil || b.to.Query().Get("code") == "" {
		t.Fatalf("%d %s", b.status, b.body)
	}
	if _, err := emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID), "newhire@contoso.com", "My-own-word-1"); err != nil {
		t.Error(err)
	}
	if _, err := emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID), "newhire@contoso.com", "Temporary-1"); err == nil || !strings.Contains(err.Error(), "AADSTS50126") {
		t.Errorf("%v", err)
	}
}
