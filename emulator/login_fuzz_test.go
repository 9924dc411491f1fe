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
