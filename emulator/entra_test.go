package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"nameplate/emulator"
)

const (
	spaApp    = "aaaaaaaa-0000-4000-8000-000000000011"
	hybridApp = "aaaaaaaa-0000-4000-8000-000000000012"
	apiApp    = "aaaaaaaa-0000-4000-8000-000000000013" // version 1.0 tokens
	api2App   = "aaaaaaaa-0000-4000-8000-000000000014" // version 2.0 tokens, for those assigned only
	ropcApp   = "aaaaaaaa-0000-4000-8000-000000000015"
	jobApp    = "aaaaaaaa-0000-4000-8000-000000000016"
	spaBack   = "https://spa.contoso.com/"
	nurses    = "bbbbbbbb-0000-4000-8000-000000000001"
	ward      = "bbbbbbbb-0000-4000-8000-000000000002"
)

// deep are the two tenants of the other tests with more applications, groups and people.
func deep() []emulator.Organization {
	orgs := organizations()
	c := &orgs[0]
	c.MFA = []string{"mia@contoso.com"}
	c.Apps[0].Delegated = append(c.Apps[0].Delegated, "https://api.contoso.com/Read")
	c.Groups = []emulator.Group{
		{ID: ward, Name: "Ward", Type: "security", Members: []string{"locked@contoso.com"}},
		{ID: nurses, Name: "Nurses", Type: "security", Members: []string{"adele@contoso.com", ward}},
	}
	c.Users = append(c.Users,
		emulator.User{UPN: "una@contoso.com", Values: map[string]any{"displayName": "Una Assigned"}},
		emulator.User{UPN: "mia@contoso.com", Password: "Correct-Horse-1", Values: map[string]any{"displayName": "Mia Factor"}},
		emulator.User{UPN: "eva_fabrikam.com#EXT#@contoso.onmicrosoft.com", Values: map[string]any{"displayName": "Eva Guest", "userType": "Guest"}},
	)
	orgs[1].Users = append(orgs[1].Users, emulator.User{UPN: "eva@fabrikam.com", Password: "Right-At-Home-1", Values: map[string]any{"displayName": "Eva Home"}})
	user := []string{"Scope:User.Read"}
	c.Apps = append(
		c.Apps,
		emulator.App{ClientID: spaApp, Name: "Page", SPA: []string{spaBack}, Redirects: []string{back}, Delegated: []string{"User.Read"}, Secrets: []emulator.Secret{{Value: "right-secret"}}},
		emulator.App{
			ClientID: hybridApp, Name: "Hybrid", Redirects: []string{back}, Implicit: []string{"id_token", "token"}, Delegated: []string{"User.Read"}, GroupClaims: true, RoleClaims: true,
			Secrets: []emulator.Secret{{Value: "right-secret"}}, OptionalClaims: map[string][]string{"idToken": {"upn", "include_externally_authenticated_upn", "family_name", "ctry", "acct", "sid"}},
		},
		emulator.App{
			ClientID: apiApp, Name: "Old API", Identifiers: []string{"https://api.contoso.com"}, Exposes: []emulator.Permission{{Value: "Read"}, {Value: "Write"}}, GroupClaims: true,
			AppRoles: []emulator.AppRole{{Value: "Task.Run"}}, Assigned: map[string][]string{"Task.Run": {jobApp}}, OptionalClaims: map[string][]string{"accessToken": {"idtyp"}},
		},
		emulator.App{
			ClientID: api2App, Name: "New API", TokenVersion: 2, AssignedOnly: true, Exposes: []emulator.Permission{{Value: "access_as_user"}}, Redirects: []string{back}, Secrets: []emulator.Secret{{Value: "right-secret"}},
			AppRoles: []emulator.AppRole{{Value: "Reader"}}, Assigned: map[string][]string{"Reader": {nurses}, "": {"admin@contoso.com"}}, Delegated: user, Requests: user,
		},
		emulator.App{
			ClientID: ropcApp, Name: "Old console", Public: true, Redirects: []string{"http://localhost"},
			Delegated: []string{"User.Read", "https://api.contoso.com/Read", "api://" + api2App + "/access_as_user"},
		},
		emulator.App{ClientID: jobApp, Name: "Nightly job", Secrets: []emulator.Secret{{Value: "right-secret"}}},
	)
	return orgs
}

func startDeep(t *testing.T) (*emulator.Emulator, *emulator.Server) {
	t.Helper()
	return startOf(t, emulator.Options{Organizations: deep()})
}

func startOf(t *testing.T, opts emulator.Options) (*emulator.Emulator, *emulator.Server) {
	t.Helper()
	e := newEmulator(t, opts)
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

// wantText is wantError with the status and the text word by word; %s in it stands for anything.
func wantText(t *testing.T, status, wantStatus int, body map[string]any, kind string, code int, text string) {
	t.Helper()
	d, _ := body["error_description"].(string)
	line, trace, _ := strings.Cut(d, "\r\n")
	fits, err := regexp.MatchString("^"+strings.ReplaceAll(regexp.QuoteMeta("AADSTS"+strconv.Itoa(code)+": "+text), "%s", ".+")+"$", line)
	if err != nil {
		t.Fatal(err)
	}
	codes, _ := body["error_codes"].([]any)
	if status != wantStatus || body["error"] != kind || !fits || len(codes) != 1 || codes[0] != float64(code) || !strings.HasPrefix(trace, "Trace ID: ") {
		t.Errorf("%d %v %v\n want %d %s AADSTS%d: %s", status, body["error"], d, wantStatus, kind, code, text)
	}
}

// pkce is a verifier with the parameters of its challenge.
func pkce() (verifier string, challenge []string) {
	verifier = oauth2.GenerateVerifier()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, []string{"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"}
}

// codeAt signs somebody in and gives the code.
func codeAt(t *testing.T, s *emulator.Server, who string, pairs ...string) string {
	t.Helper()
	to, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+request(contosoID, pairs...), who)
	if err != nil {
		t.Fatal(err)
	}
	return codeOf(t, to).Get("code")
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#redirect-uris-for-single-page-apps-spas
// https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime; the texts from
// AzureAD/microsoft-authentication-library-for-js#2482, Azure-Samples/ms-identity-javascript-angular-tutorial#37 and the page of codes.
func TestSinglePageApplication(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	verifier, challenge := pkce()
	code := func(pairs ...string) string {
		return codeAt(t, s, "adele@contoso.com", append([]string{"client_id", spaApp, "redirect_uri", spaBack}, pairs...)...)
	}
	token := func(f url.Values, header ...string) (int, map[string]any) {
		return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", f, header...)
	}
	redeem := func(c string, pairs ...string) url.Values {
		return form(append([]string{"grant_type", "authorization_code", "client_id", spaApp, "code", c, "redirect_uri", spaBack, "code_verifier", verifier}, pairs...)...)
	}
	from := []string{"Origin", "https://spa.contoso.com"}
	status, body := token(redeem(code(challenge...)))
	wantText(t, status, 400, body, "invalid_request", 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.")
	status, body = token(redeem(code()), from...)
	wantText(t, status, 400, body, "invalid_request", 9002325, "Proof Key for Code Exchange is required for cross-origin authorization code redemption.")
	status, body = token(redeem(code(challenge...), "client_secret", "right-secret"), from...)
	wantText(t, status, 401, body, "invalid_client", 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	status, body = token(form("grant_type", "authorization_code", "client_id", webApp, "client_secret", "right-secret", "code", codeAt(t, s, "adele@contoso.com"), "redirect_uri", back), from...)
	wantText(t, status, 400, body, "invalid_request", 9002326, "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: 'https://spa.contoso.com'.")

	status, first := token(redeem(code(challenge...)), from...)
	if status != http.StatusOK || first["refresh_token"] == nil {
		t.Fatalf("%d %v", status, first)
	}
	refresh := func(b map[string]any, header ...string) (int, map[string]any) {
		r, _ := b["refresh_token"].(string)
		return token(form("grant_type", "refresh_token", "client_id", spaApp, "refresh_token", r), header...)
	}
	status, body = refresh(first)
	wantText(t, status, 400, body, "invalid_request", 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.")
	move(t, s, "23h")
	status, second := refresh(first, from...)
	if status != http.StatusOK || second["refresh_token"] == first["refresh_token"] {
		t.Fatalf("%d %v", status, second)
	}
	move(t, s, "61m")
	for name, b := range map[string]map[string]any{"the first": first, "the one that replaced it": second} {
		status, body = refresh(b, from...)
		t.Run(name, func(t *testing.T) {
			wantText(t, status, 400, body, "invalid_grant", 700084, "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on %s.")
		})
	}

	r, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.Authority+"/"+contosoID+"/oauth2/v2.0/token", nil)
	r.Header.Set("Origin", "https://spa.contoso.com")
	r.Header.Set("Access-Control-Request-Headers", "content-type,x-client-sku")
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if h := res.Header; h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Access-Control-Allow-Headers") != "content-type,x-client-sku" {
		t.Errorf("preflight: %v", h)
	}
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-implicit-grant-flow, …/v2-protocols-oidc#get-an-id-token
func TestClients6_ImplicitAndHybrid(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	as := func(pairs ...string) string {
		return request(contosoID, append([]string{"client_id", hybridApp}, pairs...)...)
	}
	sent := func(t *testing.T, who string, pairs ...string) (*url.URL, url.Values) {
		t.Helper()
		a := newVisitor(t, s).signIn(contosoID, as(pairs...), who)
		if a.to == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		v, err := url.ParseQuery(a.to.Fragment)
		if err != nil {
			t.Fatal(err)
		}
		return a.to, v
	}
	half := func(x string) string {
		sum := sha256.Sum256([]byte(x))
		return base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	for kind, want := range map[string][]string{
		"id_token": {"id_token"}, "code id_token": {"code", "id_token"}, "id_token token": {"id_token", "access_token"}, "token": {"access_token"},
	} {
		t.Run(kind, func(t *testing.T) {
			to, v := sent(t, "adele@contoso.com", "response_type", kind)
			if to.RawQuery != "" || v.Get("state") != "s1" {
				t.Errorf("%s", to)
			}
			for _, k := range []string{"code", "id_token", "access_token"} {
				if v.Has(k) != slices.Contains(want, k) {
					t.Errorf("%s is there: %v", k, v.Has(k))
				}
			}
			if v.Has("access_token") && (v.Get("token_type") != "Bearer" || v.Get("expires_in") == "" || !strings.Contains(v.Get("scope"), "User.Read")) {
				t.Errorf("%v", v)
			}
			if v.Has("id_token") {
				c := claimsOf(t, v.Get("id_token"))
				if c["nonce"] != "n1" || v.Has("code") && c["c_hash"] != half(v.Get("code")) || v.Has("access_token") && c["at_hash"] != half(v.Get("access_token")) {
					t.Errorf("%v", c)
				}
			}
		})
	}
	t.Run("form_post", func(t *testing.T) {
		to, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+as("response_type", "code id_token", "response_mode", "form_post"), "adele@contoso.com")
		if err != nil || codeOf(t, to).Get("code") == "" || codeOf(t, to).Get("id_token") == "" {
			t.Errorf("%q %v", to, err)
		}
	})
	p := newVisitor(t, s)
	for name, c := range map[string]struct {
		path, kind, text string
	}{
		"no nonce":       {as("response_type", "id_token", "nonce", ""), "invalid_request", "AADSTS90014: The required field 'nonce' is missing from the credential."},
		"no openid":      {as("response_type", "id_token", "scope", "User.Read"), "unsupported_response_type", "AADSTS70005: "},
		"as a query":     {as("response_type", "id_token", "response_mode", "query"), "invalid_request", "AADSTS70007: 'query' is not a supported value of 'response_mode' when requesting a token."},
		"not registered": {request(contosoID, "response_type", "token"), "unsupported_response_type", "AADSTS700051: response_type 'token' is not enabled for the application."},
		"resource":       {as("resource", "https://graph.microsoft.com"), "invalid_request", "AADSTS901002: The 'resource' request parameter is not supported."},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.get(c.path)
			if a.to == nil {
				t.Fatalf("%d %s", a.status, a.body)
			}
			v, _ := url.ParseQuery(a.to.Fragment)
			if a.to.RawQuery != "" {
				v = a.to.Query()
			}
			if v.Get("error") != c.kind || !strings.HasPrefix(v.Get("error_description"), c.text) {
				t.Errorf("%v", v)
			}
		})
	}
}

// https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference (upn of guests:
// include_externally_authenticated_upn), …/id-token-claims-reference
func TestOptionalClaims(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	id := func(who string) map[string]any {
		v := form("grant_type", "authorization_code", "client_id", hybridApp, "client_secret", "right-secret", "redirect_uri", back, "code", codeAt(t, s, who, "client_id", hybridApp))
		_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", v)
		return claimsOf(t, body["id_token"])
	}
	if c := id("adele@contoso.com"); c["upn"] != "adele@contoso.com" || c["family_name"] != "Vance" || c["ctry"] != "US" || c["acct"] != 0.0 || c["sid"] == nil || c["given_name"] != nil || c["wids"] != nil || fmt.Sprint(c["groups"]) != "["+nurses+"]" {
		t.Errorf("%v", c)
	}
	if c := id("bianca@fabrikam.com"); c["upn"] != "bianca_fabrikam.com#EXT#@contoso.onmicrosoft.com" || c["acct"] != 1.0 || c["idp"] != "https://sts.windows.net/"+fabrikamID+"/" {
		t.Errorf("%v", c)
	}
	if c := id("admin@contoso.com"); fmt.Sprint(c["wids"]) != "[62e90394-69f5-4237-9190-012177145e10]" {
		t.Errorf("%v", c)
	}
}
