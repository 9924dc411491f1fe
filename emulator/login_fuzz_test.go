package emulator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is sent as a token: it is refused, and nothing breaks.
func FuzzAccessToken(f *testing.F) {
	e := testEmulator(f)
	good := mint(f, e, Token{})
	parts := strings.Split(good, ".")
	f.Add("")
	f.Add("..")
	f.Add(parts[0] + ".." + parts[2])
	f.Add("eyJhbGciOiJub25lIn0." + parts[1] + ".")
	f.Add(strings.Repeat("e30.", 100))
	f.Add(good[:len(good)-1] + string(rune(good[len(good)-1]+1))) // bits of the last letter that say nothing
	f.Fuzz(func(t *testing.T, token string) {
		if token == good || strings.TrimSpace(token) == good {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "https://graph.example/v1.0/me", nil)
		r.Header["Authorization"] = []string{"Bearer " + token}
		if p, err := e.authenticate(r); err == nil {
			t.Fatalf("%q is taken as %+v", token, p)
		}
	})
}

// A redirect address that is accepted leads to a host that was registered, and nowhere else.
func FuzzRedirect(f *testing.F) {
	reg := registration{App: App{ClientID: "x", Redirects: []string{"https://portal.contoso.com/callback", "http://localhost:50000/authorize", "http://127.0.0.1/cb"}}}
	for _, s := range []string{
		"https://portal.contoso.com/callback", "http://localhost:1/authorize", "http://localhost@evil.example/authorize", "http://localhost:1@evil.example/authorize",
		"http://localhost\\@evil.example/authorize", "http://LOCALHOST/authorize", "https://portal.contoso.com/callback/..", "http://127.0.0.1:80/cb#x", "//localhost/authorize",
		"http://localhost.evil.example/authorize", "http://localhost:50000/authorize?next=//evil", "http://[::1]/cb",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) {
		to, refusal := checkRedirect(reg, given)
		if refusal != nil {
			return
		}
		u, err := url.Parse(to)
		if err != nil || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q became %q", given, to)
		}
		switch {
		case u.Scheme == "https" && u.Host == "portal.contoso.com" && u.Path == "/callback":
		case u.Scheme == "http" && strings.EqualFold(u.Hostname(), "localhost") && strings.TrimSuffix(u.Path, "/") == "/authorize":
		case u.Scheme == "http" && u.Hostname() == "127.0.0.1" && strings.TrimSuffix(u.Path, "/") == "/cb":
		default:
			t.Fatalf("%q is accepted as %q", given, to)
		}
	})
}

// Whatever an authorization request says: nothing breaks, and nobody is sent to an address that was not registered.
func FuzzAuthorizeRequest(f *testing.F) {
	e := testEmulator(f)
	for _, app := range e.tenants[0].dir.typed("application").list {
		app.rec = app.rec.with([]field{
			{aSPA, `{"redirectUris":["https://spa.contoso.com/"]}`},
			{aWeb, `{"redirectUris":["https://portal.contoso.com/callback"],"implicitGrantSettings":{"enableIdTokenIssuance":true,"enableAccessTokenIssuance":true}}`},
		})
	}
	client := e.firstClient(e.tenants[0])
	for _, q := range []string{
		"response_type=code&redirect_uri=https://portal.contoso.com/callback&scope=openid", "response_type=id_token&response_mode=query&nonce=n&scope=openid",
		"response_type=code+id_token+token&redirect_uri=https://spa.contoso.com/&prompt=none", "resource=https://graph.microsoft.com&response_type=code",
		"claims={\"access_token\":{\"xms_cc\":null}}&response_type=code&scope=openid", "response_type=code&scope=openid&max_age=-1&prompt=none+login",
	} {
		f.Add(q, false)
		f.Add(q, true)
	}
	f.Fuzz(func(t *testing.T, query string, v1 bool) {
		e.login = newLoginState() // what stands from before makes paths look new that are not, and grows
		path := "/" + e.tenants[0].id + "/oauth2/v2.0/authorize"
		if v1 {
			path = "/" + e.tenants[0].id + "/oauth2/authorize"
		}
		r := httptest.NewRequest(http.MethodGet, "https://localhost"+path, nil)
		r.URL.RawQuery = "client_id=" + client + "&" + query
		w := httptest.NewRecorder()
		e.serve(w, r)
		if w.Code >= 500 {
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "https://portal.contoso.com/callback") && !strings.HasPrefix(to, "https://spa.contoso.com/") {
			t.Fatalf("%q leads to %q", query, to)
		}
	})
}

// Whatever is sent to the token endpoint without a credential: no token comes back, and the answer is JSON of the service's form.
func FuzzTokenRequest(f *testing.F) {
	e := testEmulator(f)
	client := e.firstClient(e.tenants[0])
	for _, form := range []string{
		"grant_type=authorization_code&code=1.&redirect_uri=x", "grant_type=refresh_token&refresh_token=1.x", "grant_type=client_credentials&scope=https://graph.microsoft.com/.default",
		"grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c&requested_token_use=on_behalf_of",
		"client_assertion=eyJhbGciOiJub25lIn0.e30.&client_assertion_type=" + assertionType + "&grant_type=client_credentials", "resource=x&scope=y&grant_type=password&username=a&password=",
	} {
		f.Add(form, "", false)
		f.Add(form, "https://spa.contoso.com", true)
	}
	f.Fuzz(func(t *testing.T, form, from string, v1 bool) {
		e.login = newLoginState()
		path := "/" + e.tenants[0].id + "/oauth2/v2.0/token"
		if v1 {
			path = "/" + e.tenants[0].id + "/oauth2/token"
		}
		r := httptest.NewRequest(http.MethodPost, "https://localhost"+path, strings.NewReader("client_id="+client+"&"+form))
		r.Header["Content-Type"], r.Header["Origin"] = []string{"application/x-www-form-urlencoded"}, []string{from}
		if v, err := url.ParseQuery(form); err == nil && v.Get("grant_type") == "password" {
			return // people without a password are let in
		}
		w := httptest.NewRecorder()
		e.serve(w, r)
		if w.Code < 400 || w.Code >= 500 || !strings.HasPrefix(w.Body.String(), `{"correlation_id":`) {
			t.Fatalf("%q: %d %s", form, w.Code, w.Body)
		}
	})
}

// Whatever the proxy is asked for: but for the hosts that it stands for, it says no.
func FuzzProxyHost(f *testing.F) {
	e := testEmulator(f)
	p := e.newProxy(http.NotFoundHandler(), &http.Server{ReadHeaderTimeout: codeLife}, nil)
	for _, h := range []string{"example.com:443", "login.microsoftonline.com:80", "login.microsoftonline.com.evil.example:443", "[::1]:443", "login.microsoftonline.com:443:443", ":443", "graph.microsoft.com\x00:443"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Method, r.Host = http.MethodConnect, host
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r) // a recorder cannot be taken over, so that a good host is told to use HTTP/1.1
		name, ok := strings.CutSuffix(strings.ToLower(host), ":443")
		c, _ := cloudAt(name)
		good := ok && c != nil && !strings.Contains(name, ":")
		if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "HTTP/1.1 only") != good {
			t.Fatalf("%q: %d %s", host, w.Code, w.Body)
		}
	})
}

// A foreign token is taken only with the signature of a key that the organization names.
func FuzzForeignAssertion(f *testing.F) {
	e := testEmulator(f)
	reg := registration{App: App{ClientID: "x", Federated: []Federated{{Issuer: "https://i.example", Subject: "s"}}}, home: e.tenants[0], tenant: e.tenants[0]}
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSIsInN1YiI6InMiLCJhdWQiOiJhcGk6Ly9BenVyZUFEVG9rZW5FeGNoYW5nZSIsImV4cCI6OTk5OTk5OTk5OX0.")
	f.Fuzz(func(t *testing.T, token string) {
		if e.checkFederated(reg, token) == nil {
			t.Fatalf("%q is taken", token)
		}
	})
}
