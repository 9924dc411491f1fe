package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"nameplate/emulator"
)

const (
	contosoID  = "11111111-1111-4111-8111-111111111111"
	fabrikamID = "22222222-2222-4222-8222-222222222222"
	webApp     = "aaaaaaaa-0000-4000-8000-000000000001"
	cliApp     = "aaaaaaaa-0000-4000-8000-000000000002"
	multiApp   = "aaaaaaaa-0000-4000-8000-000000000003"
	bareApp    = "aaaaaaaa-0000-4000-8000-000000000004"
	offApp     = "aaaaaaaa-0000-4000-8000-000000000005"
	back       = "http://localhost:50000/authorize"
)

// contoso and fabrikam are two tenants: the first with every kind of person and application that sign-in knows.
func organizations() []emulator.Organization {
	person := func(upn, name string, more map[string]any) emulator.User {
		v := map[string]any{"displayName": name}
		for k, x := range more {
			v[k] = x
		}
		return emulator.User{UPN: upn, Values: v}
	}
	adele := person("adele@contoso.com", "Adele Vance", map[string]any{"givenName": "Adele", "surname": "Vance", "mail": "adele@contoso.com", "jobTitle": "Retail Manager"})
	admin := person("admin@contoso.com", "Megan Admin", nil)
	admin.Roles = []string{"62e90394-69f5-4237-9190-012177145e10"}
	locked := person("locked@contoso.com", "Lee Locked", nil)
	locked.Password = "Correct-Horse-1"
	guest := person("bianca_fabrikam.com#EXT#@contoso.onmicrosoft.com", "Bianca Guest", map[string]any{"mail": "bianca@fabrikam.com", "userType": "Guest"})
	web := emulator.App{
		ClientID: webApp, Name: "Portal", Redirects: []string{back, "https://portal.contoso.com/callback"}, Logout: "http://localhost:50000/logout/front",
		Secrets:   []emulator.Secret{{Value: "right-secret"}, {Value: "old-secret", Ends: "2020-01-01T00:00:00Z"}},
		Delegated: []string{"User.Read", "User.ReadWrite", "api://" + webApp + "/access_as_user"}, Application: []string{"User.ReadWrite.All"},
		Exposes: []emulator.Permission{{Value: "access_as_user"}}, TokenVersion: 2, AppRoles: []emulator.AppRole{{Value: "Nameplate.Admin", Name: "Administrators"}}, Assigned: map[string][]string{"Nameplate.Admin": {"admin@contoso.com"}},
	}
	return []emulator.Organization{{
		ID: contosoID, Name: "Contoso", Country: "US",
		Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}, {Name: "contoso.onmicrosoft.com", Verified: true}, {Name: "unproven.example"}},
		Users:   []emulator.User{adele, admin, locked, guest, person("disabled@contoso.com", "Dora Disabled", map[string]any{"accountEnabled": false})},
		Apps: []emulator.App{
			web,
			{ClientID: cliApp, Name: "Console", Public: true, Redirects: []string{"http://localhost"}, Delegated: []string{"User.Read", "api://" + webApp + "/access_as_user"}},
			{
				ClientID: multiApp, Name: "Everywhere", Audience: "AzureADMultipleOrgs", Redirects: []string{back}, Secrets: []emulator.Secret{{Value: "right-secret"}},
				Requests: []string{"Scope:User.Read", "Role:User.Read.All"},
			},
			{ClientID: bareApp, Name: "Bare", Redirects: []string{back}, Secrets: []emulator.Secret{{Value: "right-secret"}}, Requests: []string{"Scope:User.Read.All", "Role:User.Read.All"}},
			{ClientID: offApp, Name: "Off", Disabled: true, Redirects: []string{back}},
		},
	}, {
		ID: fabrikamID, Name: "Fabrikam", Country: "DE",
		Domains: []emulator.Domain{{Name: "fabrikam.com", Verified: true}},
		Users:   []emulator.User{person("bianca@fabrikam.com", "Bianca Pisani", map[string]any{"mail": "adele@contoso.com"}), person("carl@fabrikam.com", "Carl Fabrikam", nil)},
	}}
}

func start(t *testing.T) (*emulator.Emulator, *emulator.Server) {
	t.Helper()
	e := newEmulator(t, emulator.Options{Organizations: organizations()})
	s, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, s
}

// relying is go-oidc with x/oauth2 at one tenant.
type relying struct {
	ctx      context.Context
	provider *oidc.Provider
	config   oauth2.Config
	client   *http.Client
}

func rely(t *testing.T, s *emulator.Server, authority string, app emulator.App) relying {
	t.Helper()
	client := s.Client()
	ctx := oidc.ClientContext(t.Context(), client)
	p, err := oidc.NewProvider(ctx, authority+"/"+contosoID+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	return relying{ctx, p, oauth2.Config{
		ClientID: app.ClientID, ClientSecret: "right-secret", Endpoint: p.Endpoint(), RedirectURL: back,
		Scopes: []string{"openid", "profile", "offline_access", "User.Read"},
	}, client}
}

func codeOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// A library that is not ours signs a person in with code, PKCE, nonce and state, over https and over http.
// Claims: https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
func TestClients1_OpenIDClientSignsIn(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	for name, authority := range map[string]string{"https": s.Authority, "http": s.AuthorityHTTP} {
		t.Run("S1.14/S1.15/S1.16/"+name, func(t *testing.T) {
			rp := rely(t, s, authority, emulator.App{ClientID: webApp})
			verifier := oauth2.GenerateVerifier()
			address := rp.config.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier))
			sent, err := emulator.SignIn(t.Context(), rp.client, address, "adele@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(sent, back+"?") {
				t.Fatalf("sent to %s", sent)
			}
			q := codeOf(t, sent)
			if q.Get("state") != "state-1" {
				t.Fatalf("state %q", q.Get("state"))
			}
			token, err := rp.config.Exchange(rp.ctx, q.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if life := time.Until(token.Expiry); life < 59*time.Minute || life > 91*time.Minute {
				t.Errorf("the access token lives %v; documented are 60 to 90 minutes", life)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := rp.provider.Verifier(&oidc.Config{ClientID: webApp}).Verify(rp.ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if id.Nonce != "nonce-1" {
				t.Errorf("nonce %q", id.Nonce)
			}
			var c map[string]any
			if err := id.Claims(&c); err != nil {
				t.Fatal(err)
			}
			for k, want := range map[string]any{
				"tid": contosoID, "ver": "2.0", "name": "Adele Vance", "preferred_username": "adele@contoso.com", "iss": authority + "/" + contosoID + "/v2.0",
			} {
				if c[k] != want {
					t.Errorf("%s is %v, want %v", k, c[k], want)
				}
			}
			if c["oid"] == "" || c["sub"] == "" || c["oid"] == c["sub"] {
				t.Errorf("oid %v and sub %v", c["oid"], c["sub"])
			}
			for _, never := range []string{"roles", "groups", "email", "auth_time", "at_hash"} {
				if v, ok := c[never]; ok {
					t.Errorf("%s is %v; nobody asked for it", never, v)
				}
			}
		})
	}
}

func getJSON(t *testing.T, c *http.Client, address string, into any) *http.Response {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return res
}
