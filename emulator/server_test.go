package emulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nameplate/emulator"
)

// Fields as captured from the service; the list is facts §9.1 of the project, after
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc#fetch-the-openid-configuration-document
func TestClients3_Discovery(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	want := []string{
		"token_endpoint", "token_endpoint_auth_methods_supported", "jwks_uri", "response_modes_supported", "subject_types_supported",
		"id_token_signing_alg_values_supported", "response_types_supported", "scopes_supported", "issuer", "request_uri_parameter_supported",
		"userinfo_endpoint", "authorization_endpoint", "device_authorization_endpoint", "http_logout_supported", "frontchannel_logout_supported",
		"end_session_endpoint", "claims_supported", "kerberos_endpoint", "mtls_endpoint_aliases", "tls_client_certificate_bound_access_tokens",
		"tenant_region_scope", "cloud_instance_name", "cloud_graph_host_name", "msgraph_host", "rbac_url",
	}
	for _, c := range []struct{ name, at, path, issuer string }{
		{"S1.16/by id", s.Authority, contosoID + "/v2.0", s.Authority + "/" + contosoID + "/v2.0"},
		{"S1.8/by domain", s.Authority, "contoso.com/v2.0", s.Authority + "/" + contosoID + "/v2.0"},
		{"by domain in another case", s.Authority, "Contoso.COM/v2.0", s.Authority + "/" + contosoID + "/v2.0"},
		{"common", s.Authority, "common/v2.0", s.Authority + "/{tenantid}/v2.0"},
		{"organizations", s.Authority, "organizations/v2.0", s.Authority + "/{tenantid}/v2.0"},
		{"http", s.AuthorityHTTP, contosoID + "/v2.0", s.AuthorityHTTP + "/" + contosoID + "/v2.0"},
		{"v1.0", s.Authority, contosoID, "https://sts.windows.net/" + contosoID + "/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var doc map[string]any
			res := getJSON(t, s.Client(), c.at+"/"+c.path+"/.well-known/openid-configuration", &doc)
			if doc["issuer"] != c.issuer {
				t.Errorf("issuer %v, want %s", doc["issuer"], c.issuer)
			}
			for _, k := range want {
				if _, ok := doc[k]; !ok {
					t.Errorf("no %s", k)
				}
			}
			if _, ok := doc["code_challenge_methods_supported"]; ok {
				t.Error("the service does not list code_challenge_methods_supported")
			}
			if res.Header.Get("Cache-Control") != "max-age=86400, private" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("headers %v", res.Header)
			}
			for k, v := range doc {
				if a, ok := v.(string); ok && strings.HasSuffix(k, "_endpoint") && !strings.HasPrefix(a, c.at+"/") {
					t.Errorf("%s is %s, which is not the address that the client used", k, a)
				}
			}
			var keys struct {
				Keys []map[string]any `json:"keys"`
			}
			getJSON(t, s.Client(), doc["jwks_uri"].(string), &keys)
			if len(keys.Keys) != 2 {
				t.Fatalf("%d keys; there are several at all times", len(keys.Keys))
			}
			for _, k := range keys.Keys {
				for _, f := range []string{"kty", "use", "kid", "x5t", "n", "e", "x5c"} {
					if k[f] == nil {
						t.Errorf("a key has no %s", f)
					}
				}
			}
		})
	}
	t.Run("a cloud's addresses, for tools that ask", func(t *testing.T) {
		var cloud struct {
			Authentication           struct{ LoginEndpoint string }
			MicrosoftGraphResourceID string
		}
		getJSON(t, s.Client(), s.Authority+"/metadata/endpoints?api-version=2022-09-01", &cloud)
		if cloud.Authentication.LoginEndpoint != s.Authority || cloud.MicrosoftGraphResourceID != s.Graph+"/" {
			t.Errorf("%+v", cloud)
		}
	})
	t.Run("unknown tenant", func(t *testing.T) {
		var body map[string]any
		res := getJSON(t, s.Client(), s.Authority+"/nowhere.example/v2.0/.well-known/openid-configuration", &body)
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", res.StatusCode)
		}
		wantError(t, body, "invalid_tenant", "AADSTS90002")
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/signing-key-rollover
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	kids := func() []string {
		var set struct {
			Keys []struct{ Kid string } `json:"keys"`
		}
		getJSON(t, s.Client(), s.Authority+"/common/discovery/v2.0/keys", &set)
		var out []string
		for _, k := range set.Keys {
			out = append(out, k.Kid)
		}
		return out
	}
	first := kids()
	if err := e.RotateKeys(false); err != nil {
		t.Fatal(err)
	}
	second := kids()
	if second[0] != first[1] || slices.Contains(first, second[1]) {
		t.Errorf("from %v to %v: the next key signs, a new one is announced", first, second)
	}
	control(t, s, "/keys/rotate", map[string]any{"all": true})
	if third := kids(); slices.Contains(second, third[0]) || slices.Contains(second, third[1]) {
		t.Errorf("from %v to %v: an emergency replaces both", second, third)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{})
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		t.Run("A57/refuses "+address, func(t *testing.T) {
			for _, a := range []emulator.Addresses{{HTTPS: address}, {HTTP: address}, {Control: address}} {
				if s, err := e.Start(t.Context(), a); err == nil || !strings.Contains(err.Error(), "other machines") {
					t.Errorf("%+v: %v", a, err)
					if s != nil {
						_ = s.Close()
					}
				}
			}
		})
	}
	t.Run("exposed when asked", func(t *testing.T) {
		s, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "0.0.0.0:0", HTTP: "-", Control: "-", Expose: true})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(s.Authority, "https://localhost:") || s.AuthorityHTTP != "" || s.Control != "" {
			t.Errorf("%+v", s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		s, err := e.Start(t.Context(), emulator.Addresses{CAFile: t.TempDir() + "/ca.pem"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		raw, err := os.ReadFile(s.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(raw) || strings.Contains(string(raw), "PRIVATE") {
			t.Fatal("the file holds a certificate and no key")
		}
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
		defer c.CloseIdleConnections()
		for _, host := range []string{"127.0.0.1", "localhost"} {
			res, err := c.Get(strings.Replace(s.Authority, "127.0.0.1", host, 1) + "/")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK || res.ProtoMajor < 1 {
				t.Errorf("%s: %d", host, res.StatusCode)
			}
		}
		if _, err := http.Get(s.Authority + "/"); err == nil {
			t.Error("a client that does not know the authority trusts it")
		}
	})
	t.Run("temporary file goes away", func(t *testing.T) {
		s, err := e.Start(t.Context(), emulator.Addresses{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.CAFile); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.CAFile); !os.IsNotExist(err) {
			t.Errorf("still there: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

func TestStartLeavesNothing(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	e := newEmulator(t, emulator.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := e.Start(ctx, emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Client()
	res, err := c.Get(s.Authority + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	c.CloseIdleConnections()
	cancel()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}

// The client without a network answers for any host, with https as the request says.
func TestClientInProcess(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{Organizations: organizations()})
	var doc map[string]any
	getJSON(t, e.Client(), "https://login.microsoftonline.com/"+contosoID+"/v2.0/.well-known/openid-configuration", &doc)
	if doc["issuer"] != "https://login.microsoftonline.com/"+contosoID+"/v2.0" {
		t.Errorf("issuer %v", doc["issuer"])
	}
	sent, err := e.SignIn(t.Context(), "https://login.microsoftonline.com"+request(contosoID), "adele@contoso.com")
	if err != nil || codeOf(t, sent).Get("code") == "" {
		t.Errorf("%s %v", sent, err)
	}
	if _, err := e.SignIn(t.Context(), "https://login.microsoftonline.com"+request(contosoID), "nobody@contoso.com"); err == nil || !strings.Contains(err.Error(), "AADSTS50034") {
		t.Errorf("%v", err)
	}
}
