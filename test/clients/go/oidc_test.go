package clients

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"nameplate/emulator"
)

// context lets oauth2 and go-oidc trust the emulator.
func (b box) context(t *testing.T) context.Context {
	return oidc.ClientContext(t.Context(), b.Client())
}

// code signs Adele in and gives the code that came back, with the state that was sent.
func (b box) code(t *testing.T, authorize, state string) string {
	t.Helper()
	to, err := emulator.SignIn(t.Context(), b.Client(), authorize, "adele@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Query().Get("state"); got != state {
		t.Fatalf("state is %q, want %q", got, state)
	}
	return u.Query().Get("code")
}

func TestGoOIDC(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	ctx := b.context(t)
	provider, err := oidc.NewProvider(ctx, b.Authority+"/"+tenantID+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: web, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess, "User.Read"},
	}

	t.Run("code with PKCE and nonce, verified ID token, userinfo, refresh", func(t *testing.T) {
		t.Parallel()
		verifier := oauth2.GenerateVerifier()
		code := b.code(t, config.AuthCodeURL("s1", oidc.Nonce("n1"), oauth2.S256ChallengeOption(verifier)), "s1")
		tok, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := tok.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: web}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Name  string
			Email string
			TID   string
		}
		if err := id.Claims(&c); err != nil {
			t.Fatal(err)
		}
		if id.Nonce != "n1" || c.Name != "Adele Vance" || c.Email != "adele@contoso.com" || c.TID != tenantID {
			t.Errorf("nonce %q, claims %+v", id.Nonce, c)
		}
		info, err := provider.UserInfo(ctx, config.TokenSource(ctx, tok))
		if err != nil {
			t.Fatal(err)
		}
		if info.Email != "adele@contoso.com" || info.Subject == "" {
			t.Errorf("userinfo %+v", info)
		}
		fresh, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
		if err != nil {
			t.Fatal(err)
		}
		if fresh.AccessToken == tok.AccessToken || fresh.RefreshToken == tok.RefreshToken {
			t.Error("the refresh brought the same tokens")
		}
	})

	t.Run("client credentials in the header and in the body", func(t *testing.T) {
		t.Parallel()
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			cc := clientcredentials.Config{ClientID: web, ClientSecret: secret, TokenURL: provider.Endpoint().TokenURL, Scopes: []string{graphDefault}, AuthStyle: style}
			r, err := cc.Client(ctx).Get(b.Graph + "/v1.0/users/adele@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Body.Close(); err != nil || r.StatusCode != http.StatusOK {
				t.Error(r.Status, err)
			}
		}
	})

	t.Run("device code", func(t *testing.T) {
		t.Parallel()
		public := oauth2.Config{ClientID: console, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "User.Read"}}
		d, err := public.DeviceAuth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := emulator.EnterDeviceCode(ctx, b.Client(), d.VerificationURI, d.UserCode, "adele@contoso.com"); err != nil {
			t.Fatal(err)
		}
		tok, err := public.DeviceAccessToken(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		if got := claims(t, tok.AccessToken); got["upn"] != "adele@contoso.com" {
			t.Error(got)
		}
	})

	t.Run("an ID token for another application is refused", func(t *testing.T) {
		t.Parallel()
		tok, err := config.Exchange(ctx, b.code(t, config.AuthCodeURL("s2"), "s2"))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := tok.Extra("id_token").(string)
		if _, err := provider.Verifier(&oidc.Config{ClientID: console}).Verify(ctx, raw); err == nil {
			t.Error("it is taken")
		}
	})

	t.Run("keys that were replaced are fetched again", func(t *testing.T) {
		for _, state := range []string{"s3", "s4"} {
			tok, err := config.Exchange(ctx, b.code(t, config.AuthCodeURL(state), state))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := tok.Extra("id_token").(string)
			if _, err := provider.Verifier(&oidc.Config{ClientID: web}).Verify(ctx, raw); err != nil {
				t.Error(state, err)
			}
			if err := b.e.RotateKeys(true); err != nil {
				t.Fatal(err)
			}
		}
	})
}
