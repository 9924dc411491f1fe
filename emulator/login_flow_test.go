package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"nameplate/emulator"
)

// visitor is a browser with cookies that stops where it is sent out of the emulator.
type visitor struct {
	t      *testing.T
	s      *emulator.Server
	client *http.Client
}

func newVisitor(t *testing.T, s *emulator.Server) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t, s, c}
}

// pageReply is a page or a redirect.
type pageReply struct {
	status int
	to     *url.URL
	body   string
	header http.Header
}

func (p *visitor) do(r *http.Request, err error) pageReply {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	a := pageReply{status: res.StatusCode, body: string(b), header: res.Header}
	if l := res.Header.Get("Location"); l != "" {
		if a.to, err = url.Parse(l); err != nil {
			p.t.Fatal(err)
		}
	}
	return a
}

func (p *visitor) get(path string) pageReply {
	p.t.Helper()
	return p.do(http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.s.Authority+path, nil))
}

func (p *visitor) send(path string, v url.Values) pageReply {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.s.Authority+path, strings.NewReader(v.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return p.do(r, err)
}

var flowField = regexp.MustCompile(`name="flow" value="([^"]+)"`)

func (a pageReply) flow(t *testing.T) string {
	t.Helper()
	m := flowField.FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("no sign-in page: %d %s", a.status, a.body)
	}
	return m[1]
}

// request is an authorization request with what the pairs change in it; "" takes a parameter away.
func request(tenant string, pairs ...string) string {
	v := form("client_id", webApp, "response_type", "code", "redirect_uri", back, "scope", "openid profile offline_access User.Read", "state", "s1", "nonce", "n1")
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Del(pairs[i])
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return "/" + tenant + "/oauth2/v2.0/authorize?" + v.Encode()
}

// signIn goes from the sign-in page on as the visitor with that user name.
func (p *visitor) signIn(tenant, path, name string) pageReply {
	p.t.Helper()
	a := p.get(path)
	return p.send("/"+tenant+"/login", form("flow", a.flow(p.t), "name", name))
}

func (p *visitor) redeem(tenant, code string, more ...string) (int, map[string]any) {
	p.t.Helper()
	v := form("grant_type", "authorization_code", "client_id", webApp, "client_secret", "right-secret", "code", code, "redirect_uri", back)
	for i := 0; i+1 < len(more); i += 2 {
		v.Del(more[i])
		if more[i+1] != "" {
			v.Set(more[i], more[i+1])
		}
	}
	return post(p.t, p.s, "/"+tenant+"/oauth2/v2.0/token", v)
}

func wantError(t *testing.T, body map[string]any, kind, code string) {
	t.Helper()
	d, _ := body["error_description"].(string)
	if body["error"] != kind || !strings.HasPrefix(d, code+":") {
		t.Errorf("%v %v, want %s %s", body["error"], d, kind, code)
	}
}

// What must not be redirected is a page; what may is sent to the application.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-authorization-endpoint-errors
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
func TestClients6_Authorize(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	for name, c := range map[string]struct{ path, code string }{
		"redirect address not registered":    {request(contosoID, "redirect_uri", "https://evil.example/authorize"), "AADSTS50011"},
		"redirect address with another path": {request(contosoID, "redirect_uri", "http://localhost:50000/authorize/more"), "AADSTS50011"},
		"redirect address in another case":   {request(contosoID, "redirect_uri", "https://portal.contoso.com/Callback"), "AADSTS50011"},
		"https address on another port":      {request(contosoID, "redirect_uri", "https://portal.contoso.com:8443/callback"), "AADSTS50011"},
		"redirect address with a fragment":   {request(contosoID, "redirect_uri", back+"#x"), "AADSTS50011"},
		"unknown application":                {request(contosoID, "client_id", "99999999-0000-4000-8000-000000000000"), "AADSTS700016"},
		"no application":                     {request(contosoID, "client_id", ""), "AADSTS900144"},
		"disabled application":               {request(contosoID, "client_id", offApp), "AADSTS7000112"},
		"unknown tenant":                     {request("nowhere.example"), "AADSTS90002"},
		"single-tenant application, common":  {request("common"), "AADSTS50194"},
		"single-tenant application, orgs":    {request("organizations"), "AADSTS50194"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.get(c.path)
			if a.status != http.StatusBadRequest || a.to != nil || !strings.Contains(a.body, c.code+":") {
				t.Errorf("%d to %v, want a page with %s: %s", a.status, a.to, c.code, a.body)
			}
		})
	}
	for name, c := range map[string]struct{ path, kind, code string }{
		"response type missing":        {request(contosoID, "response_type", ""), "invalid_request", "AADSTS900144"},
		"implicit is not enabled":      {request(contosoID, "response_type", "id_token", "response_mode", "query"), "unsupported_response_type", "AADSTS700054"},
		"response type unknown":        {request(contosoID, "response_type", "cod"), "unsupported_response_type", "AADSTS70005"},
		"response mode unknown":        {request(contosoID, "response_mode", "pigeon"), "invalid_request", "AADSTS70007"},
		"no scope":                     {request(contosoID, "scope", ""), "invalid_request", "AADSTS900144"},
		"challenge too short":          {request(contosoID, "code_challenge", "abc", "code_challenge_method", "S256"), "invalid_request", "AADSTS501491"},
		"unknown resource":             {request(contosoID, "scope", "openid https://nothing.example/Read.All"), "invalid_resource", "AADSTS500011"},
		"scope that Graph has not":     {request(contosoID, "scope", "openid nonsense"), "invalid_client", "AADSTS650053"}, // MicrosoftDocs/azure-docs#67211
		"prompt=none without session":  {request(contosoID, "prompt", "none"), "login_required", "AADSTS50058"},
		"claims that are not JSON":     {request(contosoID, "claims", "{"), "invalid_request", "AADSTS9002313"},
		"max_age that is not a number": {request(contosoID, "max_age", "soon"), "invalid_request", "AADSTS90023"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.get(c.path)
			if a.to == nil || !strings.HasPrefix(a.to.String(), back+"?") {
				t.Fatalf("%d to %v: %s", a.status, a.to, a.body)
			}
			q := a.to.Query()
			if q.Get("error") != c.kind || !strings.HasPrefix(q.Get("error_description"), c.code+":") || q.Get("state") != "s1" {
				t.Errorf("%v, want %s %s", q, c.kind, c.code)
			}
		})
	}
	t.Run("loopback port may differ", func(t *testing.T) {
		if a := p.get(request(contosoID, "redirect_uri", "http://localhost:3999/authorize")); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("parameters nobody knows are ignored", func(t *testing.T) {
		if a := p.get(request(contosoID, "x-client-SKU", "msal.js.node", "clidata", "1", "client-request-id", "1")); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
func TestClients6_ResponseModes(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	if a := p.signIn(contosoID, request(contosoID, "response_mode", "fragment"), "adele@contoso.com"); a.to == nil || a.to.RawQuery != "" || !strings.Contains(a.to.Fragment, "code=") {
		t.Errorf("fragment: %v", a.to)
	}
	a := p.get(request(contosoID, "response_mode", "form_post"))
	if a.status != http.StatusOK || !strings.Contains(a.body, `method="post" action="`+back+`"`) || !strings.Contains(a.body, `name="code"`) || !strings.Contains(a.body, `name="state" value="s1"`) {
		t.Errorf("form_post: %d %s", a.status, a.body)
	}
	if strings.Contains(a.body, "onload=") {
		t.Error("the page's own policy forbids inline script")
	}
	sent, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+request(contosoID, "response_mode", "form_post"), "adele@contoso.com")
	if err != nil || codeOf(t, sent).Get("code") == "" || codeOf(t, sent).Get("state") != "s1" {
		t.Errorf("SignIn with form_post: %q %v", sent, err)
	}
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc#send-the-sign-in-request (prompt, login_hint)
func TestPromptsAndSessions(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	p := newVisitor(t, s)
	first := p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	if first.to == nil || first.to.Query().Get("code") == "" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	t.Run("a session signs in silently", func(t *testing.T) {
		for _, prompt := range []string{"", "none"} {
			if a := p.get(request(contosoID, "prompt", prompt)); a.to == nil || a.to.Query().Get("code") == "" {
				t.Errorf("prompt %q: %d %v", prompt, a.status, a.to)
			}
		}
	})
	t.Run("prompt=login asks again", func(t *testing.T) {
		if a := p.get(request(contosoID, "prompt", "login")); a.status != http.StatusOK || !strings.Contains(a.body, "<h1>Sign in</h1>") {
			t.Errorf("%d %v", a.status, a.to)
		}
	})
	t.Run("prompt=select_account offers the session", func(t *testing.T) {
		a := p.get(request(contosoID, "prompt", "select_account"))
		if !strings.Contains(a.body, "Pick an account") || !strings.Contains(a.body, "adele@contoso.com") {
			t.Fatalf("%d %s", a.status, a.body)
		}
		pick := regexp.MustCompile(`name="pick" value="([^"]+)"`).FindStringSubmatch(a.body)
		if b := p.send("/"+contosoID+"/login", form("flow", a.flow(t), "pick", pick[1])); b.to == nil || b.to.Query().Get("code") == "" {
			t.Errorf("%d %s", b.status, b.body)
		}
	})
	t.Run("login_hint of somebody else asks", func(t *testing.T) {
		if a := p.get(request(contosoID, "login_hint", "admin@contoso.com")); a.status != http.StatusOK || !strings.Contains(a.body, `value="admin@contoso.com"`) {
			t.Errorf("%d %v", a.status, a.to)
		}
		if a := p.get(request(contosoID, "login_hint", "admin@contoso.com", "prompt", "none")); a.to == nil || a.to.Query().Get("error") != "login_required" {
			t.Errorf("silently: %v", a.to)
		}
	})
	t.Run("max_age and auth_time", func(t *testing.T) {
		when := e.Now()
		move(t, s, "1h")
		if a := p.get(request(contosoID, "max_age", "600", "prompt", "none")); a.to.Query().Get("error") != "login_required" {
			t.Errorf("an hour-old session is too old: %v", a.to)
		}
		a := p.get(request(contosoID, "max_age", "7200", "prompt", "none"))
		_, body := p.redeem(contosoID, a.to.Query().Get("code"))
		at, _ := claimsOf(t, body["id_token"])["auth_time"].(float64)
		if d := time.Unix(int64(at), 0).Sub(when).Abs(); d > time.Minute {
			t.Errorf("auth_time is %v, the sign-in was at %v", time.Unix(int64(at), 0), when)
		}
	})
	t.Run("A12/claims for an authentication context", func(t *testing.T) {
		// https://learn.microsoft.com/en-us/entra/identity-platform/developer-guide-conditional-access-authentication-context
		a := p.get(request(contosoID, "prompt", "none", "claims", `{"id_token":{"auth_time":{"essential":true},"acrs":{"essential":true,"value":"c1"}}}`))
		_, body := p.redeem(contosoID, a.to.Query().Get("code"))
		c := claimsOf(t, body["id_token"])
		if acrs, _ := c["acrs"].([]any); len(acrs) != 1 || acrs[0] != "c1" || c["auth_time"] == nil {
			t.Errorf("acrs %v, auth_time %v", c["acrs"], c["auth_time"])
		}
	})
	t.Run("two people", func(t *testing.T) {
		q := p.get(request(contosoID, "prompt", "login"))
		if b := p.send("/"+contosoID+"/login", form("flow", q.flow(t), "name", "admin@contoso.com")); b.to == nil {
			t.Fatal(b.body)
		}
		if a := p.get(request(contosoID, "prompt", "none")); a.to == nil || a.to.Query().Get("error") != "interaction_required" {
			t.Errorf("silently: %v", a.to)
		}
		if a := p.get(request(contosoID)); !strings.Contains(a.body, "Pick an account") {
			t.Errorf("%d %v", a.status, a.to)
		}
		if a := p.get(request(contosoID, "login_hint", "adele@contoso.com", "prompt", "none")); a.to == nil || a.to.Query().Get("code") == "" {
			t.Errorf("with a hint: %v", a.to)
		}
	})
	t.Run("a session ends after a day", func(t *testing.T) {
		move(t, s, "25h")
		if a := p.get(request(contosoID, "prompt", "none")); a.to == nil || a.to.Query().Get("error") != "login_required" {
			t.Errorf("%v", a.to)
		}
	})
}

// move advances the emulator's clock by the control listener.
func move(t *testing.T, s *emulator.Server, by string) {
	t.Helper()
	control(t, s, "/clock", map[string]any{"advance": by})
}

func control(t *testing.T, s *emulator.Server, path string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Control+path, strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, raw, err)
	}
	out := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	page := p.get(request(contosoID))
	t.Run("says what it is and lists people", func(t *testing.T) {
		for _, want := range []string{"Emulator.", "not Microsoft", "Adele Vance", "adele@contoso.com", `lang="en"`, "disabled"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("no %q on the page", want)
			}
		}
		if strings.Contains(page.body, "Bianca Pisani") {
			t.Error("somebody of another tenant is listed")
		}
	})
	t.Run("A13/headers", func(t *testing.T) {
		csp := page.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || page.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("policy %q", csp)
		}
	})
	t.Run("search", func(t *testing.T) {
		a := p.get("/" + contosoID + "/login?" + form("flow", page.flow(t), "q", "retail").Encode())
		if !strings.Contains(a.body, "Adele Vance") || strings.Contains(a.body, "Megan Admin") {
			t.Errorf("%s", a.body)
		}
		if a := p.get("/" + contosoID + "/login?" + form("flow", page.flow(t), "q", "nobody-of-that-name").Encode()); !strings.Contains(a.body, "Nobody here is called that") {
			t.Errorf("%s", a.body)
		}
	})
	for name, c := range map[string]struct{ who, want string }{
		"disabled visitor":          {"disabled@contoso.com", "AADSTS50057: The user account is disabled."},
		"nobody":                    {"nobody@contoso.com", "AADSTS50034"},
		"visitor of another tenant": {"carl@fabrikam.com", "AADSTS50020"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.send("/"+contosoID+"/login", form("flow", p.get(request(contosoID)).flow(t), "name", c.who))
			if a.to != nil || !strings.Contains(a.body, c.want) {
				t.Errorf("%d %v %s", a.status, a.to, a.body)
			}
		})
	}
	t.Run("password", func(t *testing.T) {
		a := p.send("/"+contosoID+"/login", form("flow", p.get(request(contosoID)).flow(t), "name", "locked@contoso.com"))
		if !strings.Contains(a.body, "Enter password") {
			t.Fatal(a.body)
		}
		user := regexp.MustCompile(`name="user" value="([^"]+)"`).FindStringSubmatch(a.body)[1]
		if b := p.send("/"+contosoID+"/login", form("flow", a.flow(t), "user", user, "passwd", "wrong")); !strings.Contains(b.body, "AADSTS50126") {
			t.Errorf("%d %s", b.status, b.body)
		}
		if b := p.send("/"+contosoID+"/login", form("flow", a.flow(t), "user", user, "passwd", "Correct-Horse-1")); b.to == nil || b.to.Query().Get("code") == "" {
			t.Errorf("%d %s", b.status, b.body)
		}
		sent, err := emulator.SignInWithPassword(t.Context(), s.Client(), s.Authority+request(contosoID), "locked@contoso.com", "Correct-Horse-1")
		if err != nil || codeOf(t, sent).Get("code") == "" {
			t.Errorf("%q %v", sent, err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		a := newVisitor(t, s)
		b := a.send("/"+contosoID+"/login", form("flow", a.get(request(contosoID)).flow(t), "cancel", "1"))
		if b.to == nil || b.to.Query().Get("error") != "access_denied" || !strings.HasPrefix(b.to.Query().Get("error_description"), "AADSTS65004") {
			t.Errorf("%d %v", b.status, b.to)
		}
	})
	t.Run("a flow is not found twice", func(t *testing.T) {
		f := p.get(request(contosoID, "prompt", "login")).flow(t)
		p.send("/"+contosoID+"/login", form("flow", f, "name", "adele@contoso.com"))
		if a := p.send("/"+contosoID+"/login", form("flow", f, "name", "admin@contoso.com")); a.to != nil {
			t.Errorf("a finished sign-in went on to %v", a.to)
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#redeem-a-code-for-an-access-token
func TestClients4_CodesAndClaims(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	code := func(pairs ...string) string {
		t.Helper()
		a := p.get(request(contosoID, pairs...))
		if a.to == nil || a.to.Query().Get("code") == "" {
			t.Fatalf("%d %v %s", a.status, a.to, a.body)
		}
		return a.to.Query().Get("code")
	}
	verifier := oauth2.GenerateVerifier()
	sum := sha256.Sum256([]byte(verifier))
	s256 := []string{"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"}
	t.Run("once only", func(t *testing.T) {
		c := code()
		if status, body := p.redeem(contosoID, c); status != http.StatusOK {
			t.Fatal(body)
		}
		_, body := p.redeem(contosoID, c)
		wantError(t, body, "invalid_grant", "AADSTS54005")
	})
	t.Run("PKCE", func(t *testing.T) {
		_, body := p.redeem(contosoID, code(s256...), "code_verifier", oauth2.GenerateVerifier())
		wantError(t, body, "invalid_grant", "AADSTS501481")
		_, body = p.redeem(contosoID, code(s256...))
		wantError(t, body, "invalid_grant", "AADSTS501481")
		if status, body := p.redeem(contosoID, code(s256...), "code_verifier", verifier); status != http.StatusOK {
			t.Error(body)
		}
		if status, body := p.redeem(contosoID, code("code_challenge", verifier), "code_verifier", verifier); status != http.StatusOK {
			t.Errorf("without a method the challenge is plain: %v", body)
		}
	})
	t.Run("another redirect address", func(t *testing.T) {
		_, body := p.redeem(contosoID, code(), "redirect_uri", "https://portal.contoso.com/callback")
		wantError(t, body, "invalid_client", "AADSTS500112")
	})
	t.Run("another tenant", func(t *testing.T) {
		_, body := p.redeem(fabrikamID, code())
		wantError(t, body, "unauthorized_client", "AADSTS700016")
	})
	t.Run("another application", func(t *testing.T) {
		_, body := p.redeem(contosoID, code(), "client_id", bareApp)
		wantError(t, body, "invalid_grant", "AADSTS70000")
	})
	t.Run("client_info", func(t *testing.T) {
		_, body := p.redeem(contosoID, code(), "client_info", "1")
		raw, err := base64.RawURLEncoding.DecodeString(body["client_info"].(string))
		var info struct{ UID, UTID string }
		if err != nil || json.Unmarshal(raw, &info) != nil || info.UTID != contosoID || info.UID != claimsOf(t, body["id_token"])["oid"] {
			t.Errorf("client_info %s", raw)
		}
	})
	t.Run("no offline_access, no refresh token; no openid, no id token", func(t *testing.T) {
		_, body := p.redeem(contosoID, code("scope", "User.Read"))
		if body["refresh_token"] != nil || body["id_token"] != nil || body["access_token"] == nil {
			t.Errorf("%v", body)
		}
	})
	t.Run("claims of the access token", func(t *testing.T) {
		_, body := p.redeem(contosoID, code("scope", "openid profile https://graph.microsoft.com/User.Read"))
		c := claimsOf(t, body["access_token"])
		for k, want := range map[string]any{
			"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + contosoID + "/", "upn": "adele@contoso.com", "unique_name": "adele@contoso.com",
			"name": "Adele Vance", "given_name": "Adele", "family_name": "Vance", "idtyp": "user", "appid": webApp, "appidacr": "1", "ver": "1.0",
		} {
			if c[k] != want {
				t.Errorf("%s is %v, want %v", k, c[k], want)
			}
		}
		scp := strings.Fields(c["scp"].(string))
		if !slices.Contains(scp, "User.Read") || !slices.Contains(scp, "User.ReadWrite") || !slices.Contains(scp, "openid") {
			t.Errorf("scp %v: everything that was consented to on the resource, without its prefix", scp)
		}
		if scope := strings.Fields(body["scope"].(string)); !slices.Contains(scope, "https://graph.microsoft.com/User.Read") {
			t.Errorf("scope %v: as it was asked for", scope)
		}
		if w, _ := c["wids"].([]any); len(w) != 1 || w[0] != "b79fbf4d-3ef9-4689-8143-76b194e85509" {
			t.Errorf("wids %v", c["wids"])
		}
	})
	t.Run("two resources at authorize, the first at the token endpoint", func(t *testing.T) {
		both := "openid https://graph.microsoft.com/User.Read api://" + webApp + "/access_as_user"
		_, body := p.redeem(contosoID, code("scope", both))
		if aud := claimsOf(t, body["access_token"])["aud"]; aud != "https://graph.microsoft.com" {
			t.Errorf("aud %v", aud)
		}
		_, body = p.redeem(contosoID, code("scope", both), "scope", "api://"+webApp+"/access_as_user")
		if c := claimsOf(t, body["access_token"]); c["aud"] != webApp || c["ver"] != "2.0" || c["azp"] != webApp || c["iss"] != s.Authority+"/"+contosoID+"/v2.0" {
			t.Errorf("%v", c)
		}
		_, body = p.redeem(contosoID, code("scope", both), "scope", both)
		wantError(t, body, "invalid_scope", "AADSTS28000")
	})
	t.Run("roles of the application", func(t *testing.T) {
		admin := newVisitor(t, s)
		a := admin.signIn(contosoID, request(contosoID), "admin@contoso.com")
		_, body := p.redeem(contosoID, a.to.Query().Get("code"))
		if r, _ := claimsOf(t, body["id_token"])["roles"].([]any); len(r) != 1 || r[0] != "Nameplate.Admin" {
			t.Errorf("roles %v", r)
		}
		if w, _ := claimsOf(t, body["access_token"])["wids"].([]any); len(w) != 2 || w[0] != "62e90394-69f5-4237-9190-012177145e10" {
			t.Errorf("wids %v", w)
		}
	})
	t.Run("ten minutes", func(t *testing.T) {
		c := code()
		move(t, s, "10m")
		_, body := p.redeem(contosoID, c)
		wantError(t, body, "invalid_grant", "AADSTS70008")
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens
func TestRefresh(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	_, body := p.redeem(contosoID, a.to.Query().Get("code"))
	refresh := func(token any, more ...string) (int, map[string]any) {
		return p.redeem(contosoID, "", append([]string{"grant_type", "refresh_token", "refresh_token", token.(string), "redirect_uri", ""}, more...)...)
	}
	first := body["refresh_token"]
	status, second := refresh(first)
	if status != http.StatusOK || second["refresh_token"] == nil || second["refresh_token"] == first {
		t.Fatalf("a refresh token is replaced at each use: %d %v", status, second)
	}
	if n := claimsOf(t, second["id_token"])["nonce"]; n != nil {
		t.Errorf("the id token of a refresh has a nonce: %v", n)
	}
	if status, body := refresh(first); status != http.StatusOK {
		t.Errorf("the old one stays good: %d %v", status, body)
	}
	if status, body := refresh(second["refresh_token"], "scope", "https://graph.microsoft.com/User.ReadWrite"); status != http.StatusOK {
		t.Errorf("another scope that was consented to: %d %v", status, body)
	}
	_, body = refresh(first, "scope", "https://graph.microsoft.com/Directory.ReadWrite.All")
	wantError(t, body, "invalid_grant", "AADSTS65001")
	_, body = refresh(first, "client_id", bareApp)
	wantError(t, body, "invalid_grant", "AADSTS70000")
	move(t, s, "2184h") // 91 days
	_, body = refresh(first)
	wantError(t, body, "invalid_grant", "AADSTS700082")
}
