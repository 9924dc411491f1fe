package emulator_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
)

// post sends a form to the token endpoint of a tenant and reads the JSON.
func post(t *testing.T, s *emulator.Server, path string, form url.Values, header ...string) (int, map[string]any) {
	t.Helper()
	return postForm(t, s.Client(), s.Authority+path, form, header...)
}

func postForm(t *testing.T, client *http.Client, address string, form url.Values, header ...string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// claimsOf decodes a token without verifying it.
func claimsOf(t *testing.T, token any) map[string]any {
	t.Helper()
	s, _ := token.(string)
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		t.Fatalf("not a token of three parts: %q", s)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
// https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
func TestClients2_ClientCredentials(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(webApp+":right-secret"))
	good := map[string]struct {
		tenant string
		form   url.Values
		header []string
	}{
		"S1.18/secret in the body":          {contosoID, form("client_id", webApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"), nil},
		"secret in a Basic header":          {contosoID, form("scope", "https://graph.microsoft.com/.default"), []string{"Authorization", basic}},
		"tenant by domain":                  {"contoso.com", form("client_id", webApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"), nil},
		"own Graph address":                 {contosoID, form("client_id", webApp, "client_secret", "right-secret", "scope", s.Graph+"/.default"), nil},
		"with the scopes that MSAL appends": {contosoID, form("client_id", webApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default openid offline_access profile"), nil},
	}
	for name, c := range good {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.form.Set("grant_type", "client_credentials")
			status, body := post(t, s, "/"+c.tenant+"/oauth2/v2.0/token", c.form, c.header...)
			if status != http.StatusOK {
				t.Fatalf("%d %v", status, body)
			}
			if n, ok := body["expires_in"].(float64); !ok || n != float64(int(n)) || n < 3599 || n > 5400 {
				t.Errorf("expires_in is %v", body["expires_in"])
			}
			if _, ok := body["ext_expires_in"].(float64); !ok || body["token_type"] != "Bearer" {
				t.Errorf("ext_expires_in %v, token_type %v", body["ext_expires_in"], body["token_type"])
			}
			for _, never := range []string{"refresh_token", "id_token", "scope"} {
				if _, ok := body[never]; ok {
					t.Errorf("there is a %s", never)
				}
			}
			claims := claimsOf(t, body["access_token"])
			for k, want := range map[string]any{
				"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + contosoID + "/", "tid": contosoID, "appid": webApp,
				"appidacr": "1", "idtyp": "app", "ver": "1.0",
			} {
				if claims[k] != want {
					t.Errorf("%s is %v, want %v", k, claims[k], want)
				}
			}
			if claims["oid"] != claims["sub"] || claims["oid"] == "" || claims["oid"] == webApp {
				t.Errorf("oid %v and sub %v: both are the service principal's", claims["oid"], claims["sub"])
			}
			if r, _ := claims["roles"].([]any); len(r) != 1 || r[0] != "User.ReadWrite.All" {
				t.Errorf("roles %v", claims["roles"])
			}
			if _, ok := claims["scp"]; ok {
				t.Error("an application's own token has no scp")
			}
		})
	}
}

// A token without roles is issued happily when nothing was consented; the refusal comes from Graph.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow#request-the-permissions-from-a-directory-admin
func TestTokenWithoutRoles(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", bareApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"))
	if _, ok := claimsOf(t, body["access_token"])["roles"]; ok {
		t.Error("there are roles that nobody consented to")
	}
}

// An application that declares cp1 gets a token that lives up to a day and says so: for Graph only, and of one tenant only.
// https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
// https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-continuous-access-evaluation-workload
func TestClients2_ContinuousAccessOfApplications(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	for name, c := range map[string]struct {
		client, scope string
		long          bool
	}{
		"Graph":               {webApp, "https://graph.microsoft.com/.default", true},
		"another application": {webApp, "api://" + webApp + "/.default", false},
		"of several tenants":  {multiApp, "https://graph.microsoft.com/.default", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", c.client, "client_secret", "right-secret",
				"scope", c.scope, "claims", `{"access_token":{"xms_cc":{"values":["cp1"]}}}`))
			if status != http.StatusOK {
				t.Fatalf("%d %v", status, body)
			}
			life, _ := body["expires_in"].(float64)
			if _, says := claimsOf(t, body["access_token"])["xms_cc"]; says != c.long || (life > 5400) != c.long || life > 24*3600 {
				t.Errorf("xms_cc %v, expires_in %v", says, life)
			}
		})
	}
}

// Codes and errors: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
// Shape: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response
func TestClients2_TokenErrors(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	with := func(pairs ...string) url.Values {
		v := form("grant_type", "client_credentials", "client_id", webApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default")
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Del(pairs[i])
			if pairs[i+1] != "" {
				v.Set(pairs[i], pairs[i+1])
			}
		}
		return v
	}
	for name, c := range map[string]struct {
		tenant string
		form   url.Values
		status int
		kind   string
		code   float64
	}{
		"wrong secret":                       {contosoID, with("client_secret", "wrong"), 401, "invalid_client", 7000215},
		"expired secret":                     {contosoID, with("client_secret", "old-secret"), 401, "invalid_client", 7000222},
		"no secret":                          {contosoID, with("client_secret", ""), 401, "invalid_client", 7000218},
		"unknown application":                {contosoID, with("client_id", "99999999-0000-4000-8000-000000000000"), 400, "unauthorized_client", 700016},
		"application of another tenant":      {fabrikamID, with(), 400, "unauthorized_client", 700016},
		"disabled application":               {contosoID, with("client_id", offApp), 400, "unauthorized_client", 7000112},
		"public client with a secret":        {contosoID, with("client_id", cliApp), 401, "invalid_client", 700025},
		"no grant type":                      {contosoID, with("grant_type", ""), 400, "invalid_request", 900144},
		"unknown grant type":                 {contosoID, with("grant_type", "magic"), 400, "unsupported_grant_type", 70003},
		"no client id":                       {contosoID, with("client_id", ""), 400, "invalid_request", 900144},
		"no scope":                           {contosoID, with("scope", ""), 400, "invalid_request", 900144},
		"scope is not .default":              {contosoID, with("scope", "https://graph.microsoft.com/User.Read.All"), 400, "invalid_scope", 1002012},
		"two resources":                      {contosoID, with("scope", "https://graph.microsoft.com/.default api://"+webApp+"/.default"), 400, "invalid_scope", 70011},
		"unknown resource":                   {contosoID, with("scope", "https://nothing.example/.default"), 400, "invalid_resource", 500011},
		"Graph of another cloud":             {contosoID, with("scope", "https://graph.microsoft.us/.default"), 400, "invalid_resource", 500011},
		"unknown tenant":                     {"nowhere.example", with(), 400, "invalid_tenant", 90002},
		"domain that is not verified":        {"unproven.example", with(), 400, "invalid_tenant", 90002},
		"single-tenant application, common":  {"common", with(), 400, "invalid_request", 50194},
		"multi-tenant application on common": {"common", with("client_id", multiApp), 400, "invalid_request", 50059}, // AzureAD/microsoft-identity-web#462; 9001023 is the password grant's
		"unknown code":                       {contosoID, with("grant_type", "authorization_code", "code", "x", "redirect_uri", back), 400, "invalid_grant", 9002313},
		"unknown refresh token":              {contosoID, with("grant_type", "refresh_token", "refresh_token", "x"), 400, "invalid_grant", 9002313},
		"malformed assertion":                {contosoID, with("client_secret", "", "client_assertion", "x", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), 400, "invalid_request", 50027},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := post(t, s, "/"+c.tenant+"/oauth2/v2.0/token", c.form, "client-request-id", "6b6f2f3e-0000-4000-8000-0123456789ab")
			codes, _ := body["error_codes"].([]any)
			if status != c.status || body["error"] != c.kind || len(codes) != 1 || codes[0] != c.code {
				t.Fatalf("%d %v %v, want %d %s %v", status, body["error"], codes, c.status, c.kind, c.code)
			}
			shape := regexp.MustCompile(`^AADSTS\d+: .+\r\nTrace ID: [0-9a-f-]{36}\r\nCorrelation ID: 6b6f2f3e-0000-4000-8000-0123456789ab\r\nTimestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$`)
			if d, _ := body["error_description"].(string); !shape.MatchString(d) {
				t.Errorf("error_description %q", d)
			}
			if body["correlation_id"] != "6b6f2f3e-0000-4000-8000-0123456789ab" || body["trace_id"] == nil || body["timestamp"] == nil {
				t.Errorf("correlation_id %v, trace_id %v, timestamp %v", body["correlation_id"], body["trace_id"], body["timestamp"])
			}
		})
	}
	t.Run("GET is refused", func(t *testing.T) {
		var body map[string]any
		res := getJSON(t, s.Client(), s.Authority+"/"+contosoID+"/oauth2/v2.0/token", &body)
		if res.StatusCode != http.StatusBadRequest || body["error"] != "invalid_request" || !strings.Contains(body["error_description"].(string), "AADSTS900561") {
			t.Errorf("%d %v", res.StatusCode, body)
		}
	})
}

// certificate makes a key and a self-signed certificate, as PEM.
func certificate(t *testing.T, key crypto.Signer, ends time.Time) (cert []byte, all []byte) {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "portal"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return cert, append(append([]byte{}, cert...), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
}

func options(s *emulator.Server) policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.Authority + "/"},
		Transport: s.Client(),
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

// Microsoft's own credential library gets tokens by secret and by certificate.
// https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
func TestMicrosoftCredentials(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good, goodAll := certificate(t, key, time.Now().Add(24*time.Hour))
	_, strangeAll := certificate(t, other, time.Now().Add(24*time.Hour))
	old, oldAll := certificate(t, other, time.Now().Add(-24*time.Hour))
	orgs := organizations()
	orgs[0].Apps[0].Certificates = []string{string(good), string(old)}
	e := newEmulator(t, emulator.Options{Organizations: orgs})
	s, err := e.Start(t.Context(), emulator.Addresses{HTTP: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	scope := policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}}

	t.Run("secret", func(t *testing.T) {
		c, err := azidentity.NewClientSecretCredential(contosoID, webApp, "right-secret", &azidentity.ClientSecretCredentialOptions{ClientOptions: options(s), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		token, err := c.GetToken(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		if claimsOf(t, token.Token)["appidacr"] != "1" {
			t.Error("appidacr of a secret is 1")
		}
	})
	byCertificate := func(t *testing.T, all []byte) (azcore.AccessToken, error) {
		certs, k, err := azidentity.ParseCertificates(all, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := azidentity.NewClientCertificateCredential(contosoID, webApp, certs, k, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options(s), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		return c.GetToken(t.Context(), scope)
	}
	t.Run("certificate", func(t *testing.T) {
		token, err := byCertificate(t, goodAll)
		if err != nil {
			t.Fatal(err)
		}
		if claimsOf(t, token.Token)["appidacr"] != "2" {
			t.Error("appidacr of a certificate is 2")
		}
	})
	for name, all := range map[string][]byte{"certificate that is not registered": strangeAll, "certificate that has expired": oldAll} {
		t.Run(name, func(t *testing.T) {
			if _, err := byCertificate(t, all); err == nil || !strings.Contains(err.Error(), "AADSTS700027") {
				t.Errorf("want AADSTS700027, got %v", err)
			}
		})
	}
	t.Run("device code", func(t *testing.T) {
		asked := make(chan azidentity.DeviceCodeMessage, 1)
		c, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			ClientOptions: options(s), TenantID: contosoID, ClientID: cliApp, DisableInstanceDiscovery: true,
			UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
				asked <- m
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			m := <-asked
			done <- emulator.EnterDeviceCode(t.Context(), s.Client(), m.VerificationURL, m.UserCode, "adele@contoso.com")
		}()
		token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/User.Read"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		claims := claimsOf(t, token.Token)
		if claims["upn"] != "adele@contoso.com" || claims["idtyp"] != "user" || !strings.Contains(claims["scp"].(string), "User.Read") {
			t.Errorf("claims %v", claims)
		}
	})
	t.Run("on behalf of a person", func(t *testing.T) {
		// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-on-behalf-of-flow
		p := newVisitor(t, s)
		a := p.signIn(contosoID, request(contosoID, "client_id", cliApp, "redirect_uri", "http://localhost:1", "scope", "openid api://"+webApp+"/access_as_user"), "adele@contoso.com")
		if a.to == nil {
			t.Fatal(a.body)
		}
		_, body := p.redeem(contosoID, a.to.Query().Get("code"), "client_id", cliApp, "client_secret", "", "redirect_uri", "http://localhost:1")
		with := func(assertion, secret string) (azcore.AccessToken, error) {
			c, err := azidentity.NewOnBehalfOfCredentialWithSecret(contosoID, webApp, assertion, secret, &azidentity.OnBehalfOfCredentialOptions{ClientOptions: options(s), DisableInstanceDiscovery: true})
			if err != nil {
				t.Fatal(err)
			}
			return c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/User.ReadWrite"}})
		}
		token, err := with(body["access_token"].(string), "right-secret")
		if err != nil {
			t.Fatal(err)
		}
		if c := claimsOf(t, token.Token); c["upn"] != "adele@contoso.com" || c["appid"] != webApp || c["aud"] != "https://graph.microsoft.com" {
			t.Errorf("%v", c)
		}
		if _, err := with(token.Token, "right-secret"); err == nil || !strings.Contains(err.Error(), "AADSTS500131") {
			t.Errorf("a token for Graph is no assertion: %v", err)
		}
		if _, err := with(body["access_token"].(string), "wrong"); err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Errorf("wrong secret: %v", err)
		}
	})
}
