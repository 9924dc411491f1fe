package emulator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

// https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-formats: the resource decides; null is version 1.0,
// whose aud is the identifier that was asked for. https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
func TestAccessTokenVersions(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	person := func(scope string) map[string]any {
		status, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "password", "client_id", ropcApp, "username", "adele@contoso.com", "password", "x", "scope", scope))
		if status != http.StatusOK {
			t.Fatal(body)
		}
		return claimsOf(t, body["access_token"])
	}
	for scope, aud := range map[string]string{
		"https://api.contoso.com/Read": "https://api.contoso.com", "api://" + apiApp + "/Read": "api://" + apiApp, apiApp + "/Read": apiApp,
	} {
		c := person(scope)
		if c["ver"] != "1.0" || c["aud"] != aud || c["iss"] != "https://sts.windows.net/"+contosoID+"/" || c["appid"] != ropcApp || c["appidacr"] != "0" || c["scp"] != "Read" || c["upn"] != "adele@contoso.com" || c["idtyp"] != "user" || fmt.Sprint(c["groups"]) != "["+nurses+"]" {
			t.Errorf("%s: %v", scope, c)
		}
		if c["wids"] != nil {
			t.Errorf("%s: wids are for Graph", scope)
		}
	}
	// All that was granted: https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#default-when-the-user-has-already-given-consent
	if c := person(apiApp + "/.default"); c["scp"] != "Read" {
		t.Errorf("scp %v", c["scp"])
	}
	c := person("api://" + api2App + "/access_as_user")
	if c["ver"] != "2.0" || c["aud"] != api2App || c["iss"] != s.Authority+"/"+contosoID+"/v2.0" || c["azp"] != ropcApp || c["azpacr"] != "0" || c["preferred_username"] != "adele@contoso.com" || c["upn"] != nil || c["appid"] != nil || fmt.Sprint(c["roles"]) != "[Reader]" {
		t.Errorf("%v", c)
	}
	_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", jobApp, "client_secret", "right-secret", "scope", "https://api.contoso.com/.default"))
	if c := claimsOf(t, body["access_token"]); fmt.Sprint(c["roles"]) != "[Task.Run]" || c["idtyp"] != "app" || c["scp"] != nil || c["sub"] != c["oid"] {
		t.Errorf("%v", c)
	}
}

// Azure's own API is a resource of every tenant, under two names; az asks for it when it signs in. Its tokens are of version 1.0, and a
// slash at the end of the identifier is part of it: https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#trailing-slash-and-default
func TestResourceManager(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	for scope, aud := range map[string]string{
		"https://management.core.windows.net//.default":        "https://management.core.windows.net/",
		"https://management.core.windows.net/.default":         "https://management.core.windows.net",
		"https://management.azure.com//user_impersonation":     "https://management.azure.com/",
		"797f4846-ba00-4fd7-ba43-dac1f8f63013/.default":        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
		"https://management.core.windows.net//.default openid": "https://management.core.windows.net/",
	} {
		status, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "password", "client_id", ropcApp, "username", "adele@contoso.com", "password", "x", "scope", scope))
		if status != http.StatusOK {
			t.Errorf("%s: %v", scope, body)
			continue
		}
		if c := claimsOf(t, body["access_token"]); c["aud"] != aud || c["ver"] != "1.0" || c["scp"] != "user_impersonation" || c["upn"] != "adele@contoso.com" {
			t.Errorf("%s: %v", scope, c)
		}
	}
	status, body := post(t, s, "/"+contosoID+"/oauth2/token", form("grant_type", "client_credentials", "client_id", jobApp, "client_secret", "right-secret", "resource", "https://management.core.windows.net/"))
	if c := claimsOf(t, body["access_token"]); status != http.StatusOK || c["aud"] != "https://management.core.windows.net/" || c["appid"] != jobApp || body["resource"] != "https://management.core.windows.net/" {
		t.Errorf("%d %v", status, body)
	}
	_, body = post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "password", "client_id", ropcApp, "username", "adele@contoso.com", "password", "x", "scope", "https://management.azure.com/Other"))
	if body["error"] != "invalid_client" || fmt.Sprint(body["error_codes"]) != "[650053]" {
		t.Errorf("a permission that it has not: %v", body)
	}
}

// https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-protocols-oauth-code
func TestVersion1Endpoints(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	v := form("client_id", webApp, "response_type", "code", "redirect_uri", back, "resource", "https://graph.microsoft.com", "state", "s1")
	to, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+"/"+contosoID+"/oauth2/authorize?"+v.Encode(), "adele@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	status, body := post(t, s, "/"+contosoID+"/oauth2/token", form("grant_type", "authorization_code", "client_id", webApp, "client_secret", "right-secret", "code", codeOf(t, to).Get("code"), "redirect_uri", back))
	for _, k := range []string{"expires_in", "expires_on", "not_before", "ext_expires_in", "resource", "refresh_token", "id_token"} {
		if _, ok := body[k].(string); !ok {
			t.Errorf("%s is %v, a text in version 1.0", k, body[k])
		}
	}
	if status != http.StatusOK || body["scope"] != "User.Read User.ReadWrite" || body["resource"] != "https://graph.microsoft.com" {
		t.Errorf("%d %v", status, body)
	}
	id, access := claimsOf(t, body["id_token"]), claimsOf(t, body["access_token"])
	if id["ver"] != "1.0" || id["iss"] != "https://sts.windows.net/"+contosoID+"/" || id["upn"] != "adele@contoso.com" || id["unique_name"] != "adele@contoso.com" || id["preferred_username"] != nil || access["aud"] != "https://graph.microsoft.com" {
		t.Errorf("%v %v", id, access)
	}
	status, again := post(t, s, "/"+contosoID+"/oauth2/token", form("grant_type", "refresh_token", "client_id", webApp, "client_secret", "right-secret", "refresh_token", body["refresh_token"].(string), "resource", "api://"+apiApp))
	if c := claimsOf(t, again["access_token"]); status != http.StatusOK || c["aud"] != "api://"+apiApp || again["resource"] != "api://"+apiApp {
		t.Errorf("another resource: %d %v", status, again)
	}
}

// Roles of a group reach its direct members only: https://learn.microsoft.com/en-us/entra/identity-platform/howto-add-app-roles-in-apps
func TestAssignedPeople(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	sign := func(who string) (url.Values, error) {
		to, err := emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID, "client_id", api2App), who, "Correct-Horse-1")
		if err != nil {
			return nil, err
		}
		return codeOf(t, to), nil
	}
	for who, roles := range map[string]string{"adele@contoso.com": "[Reader]", "admin@contoso.com": "<nil>"} {
		q, err := sign(who)
		if err != nil {
			t.Fatal(err)
		}
		_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "authorization_code", "client_id", api2App, "client_secret", "right-secret", "code", q.Get("code"), "redirect_uri", back))
		if c := claimsOf(t, body["id_token"]); fmt.Sprint(c["roles"]) != roles {
			t.Errorf("%s: roles %v", who, c["roles"])
		}
	}
	for _, who := range []string{"una@contoso.com", "locked@contoso.com"} { // in no group, and in a nested one
		if _, err := sign(who); err == nil || !strings.Contains(err.Error(), "AADSTS50105") {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// https://learn.microsoft.com/en-us/entra/identity/conditional-access/policy-all-users-mfa-strength: a page asks, what has no page is refused
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := newVisitor(t, s)
	p.client.Jar = jar
	a := p.signIn(contosoID, request(contosoID), "mia@contoso.com")
	a = p.send("/"+contosoID+"/login", form("flow", a.flow(t), "name", "mia@contoso.com", "passwd", "Correct-Horse-1"))
	if !strings.Contains(a.body, "Approve sign in request") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if b := newVisitor(t, s).send("/"+contosoID+"/login", form("flow", a.flow(t), "second", "1")); b.to != nil {
		t.Errorf("another browser approved: %v", b.to)
	}
	if b := p.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("error") != "interaction_required" || !strings.HasPrefix(b.to.Query().Get("error_description"), "AADSTS50076") {
		t.Errorf("silently with half a sign-in: %v", b.to)
	}
	b := p.send("/"+contosoID+"/login", form("flow", a.flow(t), "second", "1"))
	if b.to == nil || b.to.Query().Get("code") == "" {
		t.Fatalf("%d %s", b.status, b.body)
	}
	_, body := p.redeem(contosoID, b.to.Query().Get("code"))
	if c := claimsOf(t, body["access_token"]); fmt.Sprint(c["amr"]) != "[pwd mfa]" {
		t.Errorf("amr %v", c["amr"])
	}
	if b := p.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("code") == "" {
		t.Errorf("the session forgets the factor: %v", b.to)
	}
	if status, body := p.redeem(contosoID, "", "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string)); status != http.StatusOK {
		t.Errorf("refresh: %v", body)
	}
	if _, err := emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID), "mia@contoso.com", "Correct-Horse-1"); err != nil {
		t.Error(err)
	}
	_, refused := post(t, s, "/"+contosoID+"/oauth2/token", form("grant_type", "password", "client_id", ropcApp, "username", "mia@contoso.com", "password", "Correct-Horse-1", "resource", "https://graph.microsoft.com"))
	if refused["error"] != "interaction_required" || refused["suberror"] != "basic_action" || refused["claims"] == nil {
		t.Errorf("the v1.0 endpoint: %v", refused)
	}
}

// https://learn.microsoft.com/en-us/entra/external-id/what-is-b2b: a guest proves the account at home
func TestGuestsSignInAtHome(t *testing.T) {
	t.Parallel()
	e, s := startDeep(t)
	with := func(password string) (string, error) {
		return emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID), "eva@fabrikam.com", password)
	}
	if _, err := with("wrong"); err == nil || !strings.Contains(err.Error(), "AADSTS50126") {
		t.Errorf("a wrong password at home: %v", err)
	}
	to, err := with("Right-At-Home-1")
	if err != nil {
		t.Fatal(err)
	}
	_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "authorization_code", "client_id", webApp, "client_secret", "right-secret", "code", codeOf(t, to).Get("code"), "redirect_uri", back, "client_info", "1"))
	id, access := claimsOf(t, body["id_token"]), claimsOf(t, body["access_token"])
	home := "https://sts.windows.net/" + fabrikamID + "/"
	if id["tid"] != contosoID || id["iss"] != s.Authority+"/"+contosoID+"/v2.0" || id["idp"] != home || access["idp"] != home || access["iss"] != "https://sts.windows.net/"+contosoID+"/" || access["acct"] != 1.0 {
		t.Errorf("%v %v", id, access)
	}
	var oid string
	for _, o := range e.Snapshot() {
		for _, u := range o.Users {
			if strings.HasPrefix(u.UPN, "eva_") {
				oid = u.ID
			}
		}
	}
	if id["oid"] != oid || access["oid"] != oid {
		t.Errorf("oid %v and %v, the guest is %s", id["oid"], access["oid"], oid)
	}
	res, me := ask(t, s.Client(), s.Graph+"/v1.0/me", fmt.Sprint(body["access_token"]))
	if res.StatusCode != http.StatusOK || me["id"] != oid {
		t.Errorf("me: %d %v", res.StatusCode, me)
	}

	// one sign-in at home is good in both organizations
	p := newVisitor(t, s)
	multi := func(tenant string) string {
		return request(tenant, "client_id", multiApp, "scope", "openid profile User.Read")
	}
	a := p.signIn(fabrikamID, multi(fabrikamID), "eva@fabrikam.com")
	a = p.send("/"+fabrikamID+"/login", form("flow", a.flow(t), "name", "eva@fabrikam.com", "passwd", "Right-At-Home-1"))
	if a.to == nil {
		p.send("/"+fabrikamID+"/consent", form("flow", a.flow(t), "answer", "accept"))
	}
	if b := p.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("code") == "" {
		t.Errorf("no single sign-on for the guest: %d %v", b.status, b.to)
	}

	if err := e.Set(fabrikamID, "eva@fabrikam.com", map[string]any{"accountEnabled": false}); err != nil {
		t.Fatal(err)
	}
	if _, err := with("Right-At-Home-1"); err == nil || !strings.Contains(err.Error(), "AADSTS50057") {
		t.Errorf("disabled at home: %v", err)
	}
}

// https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation; the words: Azure/azure-workload-identity#1200 and
// #1232, Azure/login#515
func TestFederatedCredential(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const issuer, subject = "https://token.actions.example", "repo:contoso/portal:ref:refs/heads/main"
	orgs := deep()
	orgs[0].Issuers = []emulator.Issuer{{Address: issuer, Keys: []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}}
	for i := range orgs[0].Apps {
		if orgs[0].Apps[i].ClientID == jobApp {
			orgs[0].Apps[i].Federated = []emulator.Federated{{Name: "main", Issuer: issuer, Subject: subject}}
			orgs[0].Apps[i].Application = []string{"User.Read.All"}
		}
	}
	e, s := startOf(t, emulator.Options{Organizations: orgs})
	sign := func(k *ecdsa.PrivateKey, change map[string]any) string {
		c := map[string]any{"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange", "exp": time.Now().Add(5 * time.Minute).Unix(), "nbf": time.Now().Unix()}
		for name, v := range change {
			c[name] = v
		}
		j, _ := json.Marshal(c)
		enc := base64.RawURLEncoding.EncodeToString
		input := enc([]byte(`{"alg":"ES256","kid":"k1","typ":"JWT"}`)) + "." + enc(j)
		sum := sha256.Sum256([]byte(input))
		r, x, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		x.FillBytes(sig[32:])
		return input + "." + enc(sig)
	}
	try := func(assertion string) (int, map[string]any) {
		return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", jobApp, "scope", "https://graph.microsoft.com/.default",
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", assertion))
	}
	status, body := try(sign(key, nil))
	if c := claimsOf(t, body["access_token"]); status != http.StatusOK || c["appid"] != jobApp || c["appidacr"] != "2" || fmt.Sprint(c["roles"]) != "[User.Read.All]" {
		t.Errorf("%d %v", status, body)
	}
	const see = " Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	for name, c := range map[string]struct {
		key    *ecdsa.PrivateKey
		change map[string]any
		code   int
		text   string
	}{
		"issuer":  {key, map[string]any{"iss": issuer + "/"}, 700211, "No matching federated identity record found for presented assertion issuer '" + issuer + "/'." + see},
		"subject": {key, map[string]any{"sub": "repo:contoso/portal:ref:refs/heads/dev"}, 700213, "No matching federated identity record found for presented assertion subject 'repo:contoso/portal:ref:refs/heads/dev'." + see},
		"case":    {key, map[string]any{"sub": strings.ToUpper(subject)}, 7002138, "No matching federated identity record found for presented assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison." + see},
		"for us":  {key, map[string]any{"aud": "https://github.com/contoso"}, 700212, "No matching federated identity record found for presented assertion audience 'https://github.com/contoso'." + see},
		"key":     {stranger, nil, 7000272, "The certificate with identifier k1 used to sign the federated credential could not be found in the metadata of identity provider " + issuer + ". Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token."},
		"too old": {key, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, 700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials."},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := try(sign(c.key, c.change))
			wantText(t, status, 401, body, "invalid_client", c.code, c.text)
		})
	}
	// https://learn.microsoft.com/en-us/graph/api/application-post-federatedidentitycredentials
	t.Run("a credential that Graph adds signs in at once, and no more when it is taken away", func(t *testing.T) {
		d := (&desk{Emulator: e, t: t}).app("Application.ReadWrite.All")
		const dev = "repo:contoso/portal:environment:Staging"
		credentials := "/v1.0/applications(appId='" + jobApp + "')/federatedIdentityCredentials"
		token := sign(key, map[string]any{"sub": dev})
		refused := func(when string) {
			t.Helper()
			if status, body := try(token); status != 401 || body["access_token"] != nil {
				t.Errorf("%s: %d %v", when, status, body)
			}
		}
		refused("before")
		made := d.ask("POST", credentials, map[string]any{"name": "staging", "issuer": issuer, "subject": dev, "audiences": []any{"api://AzureADTokenExchange"}})
		d.want(made, http.StatusCreated, "")
		if status, body := try(token); status != http.StatusOK || claimsOf(t, body["access_token"])["appidacr"] != "2" {
			t.Errorf("%d %v", status, body)
		}
		one := credentials + "/" + made.body["id"].(string)
		d.want(d.ask("PATCH", one, map[string]any{"audiences": []any{"api://elsewhere"}}), http.StatusNoContent, "")
		refused("with another audience")
		token = sign(key, map[string]any{"sub": dev, "aud": "api://elsewhere"})
		if status, body := try(token); status != http.StatusOK {
			t.Errorf("the other audience: %d %v", status, body)
		}
		d.want(d.ask("DELETE", one, nil), http.StatusNoContent, "")
		refused("after the removal")
	})
}

// A tenant that is at home in another cloud: the codes page (90038), https://github.com/tieto/sipe/issues/182,
// https://github.com/Microsoft365DSC/Microsoft365DSC/issues/1041
func TestWrongCloud(t *testing.T) {
	t.Parallel()
	orgs := organizations()
	orgs[0].Cloud, orgs[1].Cloud = "AzureUSGovernment", "AzureCloud"
	e := newEmulator(t, emulator.Options{Organizations: orgs})
	s, err := e.Start(t.Context(), emulator.Addresses{Proxy: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client := through(t, s)
	f := form("grant_type", "client_credentials", "client_id", webApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.us/.default")
	status, body := postForm(t, client, "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token", f)
	wantText(t, status, 400, body, "invalid_request", 90038, "Tenant 'contoso.com' request is being redirected to the National Cloud 'microsoftonline.us'.")
	if status, body := postForm(t, client, "https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token", f); status != http.StatusOK {
		t.Errorf("at home: %v", body)
	}
	status, body = postForm(t, client, "https://login.microsoftonline.us/"+fabrikamID+"/oauth2/v2.0/token", f)
	wantText(t, status, 400, body, "invalid_request", 900440, "Requests to tenants hosted in the public cloud are not supported on USGov endpoints. This user must sign into https://login.microsoftonline.com instead of https://login.microsoftonline.us. %s")
	f.Set("scope", "https://graph.microsoft.com/.default")
	if status, body := post(t, s, "/contoso.com/oauth2/v2.0/token", f); status != http.StatusOK {
		t.Errorf("at an address of this machine: %v", body)
	}
}

// Sessions and refresh tokens are in the data folder, codes are not.
func TestDataFolderKeepsSignIns(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: deep(), Data: filepath.Join(t.TempDir(), "kept")}
	run := func() (*emulator.Emulator, *emulator.Server) {
		e := newEmulator(t, opts)
		s, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-"})
		if err != nil {
			t.Fatal(err)
		}
		s.Authority = s.AuthorityHTTP
		return e, s
	}
	e, s := run()
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID), "mia@contoso.com")
	a = p.send("/"+contosoID+"/login", form("flow", a.flow(t), "name", "mia@contoso.com", "passwd", "Correct-Horse-1"))
	a = p.send("/"+contosoID+"/login", form("flow", a.flow(t), "second", "1"))
	_, body := p.redeem(contosoID, a.to.Query().Get("code"))
	unused := p.get(request(contosoID, "prompt", "none")).to.Query().Get("code")
	if err := e.Challenge("", "mia@contoso.com"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	_, s2 := run()
	t.Cleanup(func() { _ = s2.Close() })
	q := &visitor{t, s2, p.client} // cookies know no ports
	if b := q.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("code") == "" {
		t.Errorf("the browser is signed out: %d %v", b.status, b.to)
	}
	status, again := q.redeem(contosoID, "", "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string), "redirect_uri", "")
	if c := claimsOf(t, again["access_token"]); status != http.StatusOK || fmt.Sprint(c["amr"]) != "[pwd mfa]" {
		t.Errorf("refresh: %d %v", status, again)
	}
	if _, gone := q.redeem(contosoID, unused); gone["error"] != "invalid_grant" {
		t.Errorf("a code outlived its emulator: %v", gone)
	}
}

// Five thousand people: a page of fifty, and a search that works without script.
func TestSignInPageOfManyPeople(t *testing.T) {
	t.Parallel()
	org := sample.Generate(5000, 1)
	_, s := startOf(t, emulator.Options{Organizations: []emulator.Organization{org}})
	p := newVisitor(t, s)
	path := "/" + org.ID + "/oauth2/v2.0/authorize?" + form("client_id", org.Apps[0].ClientID, "response_type", "code", "redirect_uri", org.Apps[0].Redirects[0], "scope", "openid").Encode()
	began := time.Now()
	page := p.get(path)
	if n := strings.Count(page.body, `name="user"`); n != 50 || len(page.body) > 64<<10 || !strings.Contains(page.body, "4950 more people are not shown") {
		t.Errorf("%d people in %d bytes", n, len(page.body))
	}
	last := org.Users[4999]
	name, _ := last.Values["displayName"].(string)
	found := p.get("/" + org.ID + "/login?" + form("flow", page.flow(t), "q", last.UPN).Encode())
	if strings.Count(found.body, `name="user"`) != 1 || !strings.Contains(found.body, last.UPN) {
		t.Errorf("%s (%s) is not found", last.UPN, name)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("two pages took %v", d)
	}
}
