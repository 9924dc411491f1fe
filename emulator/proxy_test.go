package emulator_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
)

// startProxy is a tenant with the proxy, and a client whose every request goes through it.
func startProxy(t *testing.T) (*emulator.Emulator, *emulator.Server, *http.Client) {
	t.Helper()
	e := newEmulator(t, emulator.Options{Organizations: organizations()})
	s, err := e.Start(t.Context(), emulator.Addresses{Proxy: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, s, through(t, s)
}

func through(t *testing.T, s *emulator.Server) *http.Client {
	t.Helper()
	at, err := url.Parse(s.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// ask gets an address with a token and reads the JSON.
func ask(t *testing.T, client *http.Client, address, token string) (*http.Response, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return res, body
}

// The clouds' hosts: https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud,
// https://learn.microsoft.com/en-us/graph/deployments. The v1.0 issuers as the clouds' own discovery documents name them.
func TestClients_ProxyAnswersForTheServicesOwnNames(t *testing.T) {
	t.Parallel()
	_, _, client := startProxy(t)
	for _, c := range []struct{ login, issuer, sts, graph string }{
		{"login.microsoftonline.com", "login.microsoftonline.com", "sts.windows.net", "graph.microsoft.com"},
		{"login.windows.net", "login.microsoftonline.com", "sts.windows.net", "graph.microsoft.com"},
		{"sts.windows.net", "login.microsoftonline.com", "sts.windows.net", "graph.microsoft.com"},
		{"login.microsoftonline.us", "login.microsoftonline.us", "sts.windows.net", "graph.microsoft.us"},
		{"login.microsoftonline.us", "login.microsoftonline.us", "sts.windows.net", "dod-graph.microsoft.us"},
		{"login.chinacloudapi.cn", "login.partner.microsoftonline.cn", "sts.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"},
	} {
		t.Run(c.login+" "+c.graph, func(t *testing.T) {
			var v2, v1 map[string]any
			res := getJSON(t, client, "https://"+c.login+"/contoso.com/v2.0/.well-known/openid-configuration", &v2)
			if res.ProtoMajor != 2 || res.TLS.PeerCertificates[0].Subject.CommonName != c.login {
				t.Errorf("%s with a certificate of %s", res.Proto, res.TLS.PeerCertificates[0].Subject.CommonName)
			}
			getJSON(t, client, "https://"+c.login+"/contoso.com/.well-known/openid-configuration", &v1)
			if v2["issuer"] != "https://"+c.issuer+"/"+contosoID+"/v2.0" || v1["issuer"] != "https://"+c.sts+"/"+contosoID+"/" {
				t.Errorf("issuers %v and %v", v2["issuer"], v1["issuer"])
			}
			token := v2["token_endpoint"].(string)
			if token != "https://"+c.login+"/"+contosoID+"/oauth2/v2.0/token" {
				t.Errorf("token endpoint %s", token)
			}
			_, answer := postForm(t, client, token, url.Values{
				"grant_type": {"client_credentials"}, "client_id": {webApp}, "client_secret": {"right-secret"}, "scope": {"https://" + c.graph + "/.default"},
			})
			access, _ := answer["access_token"].(string)
			if claims := claimsOf(t, access); claims["iss"] != "https://"+c.sts+"/"+contosoID+"/" || claims["aud"] != "https://"+c.graph {
				t.Errorf("token of %v for %v", claims["iss"], claims["aud"])
			}
			_, list := ask(t, client, "https://"+c.graph+"/v1.0/users?$top=2", access)
			if next, _ := list["@odata.nextLink"].(string); !strings.HasPrefix(next, "https://"+c.graph+"/v1.0/users?") {
				t.Errorf("nextLink %v in %v", next, list)
			}
		})
	}
}

// A token of one cloud is worth nothing in another.
func TestClients_ProxyKeepsCloudsApart(t *testing.T) {
	t.Parallel()
	_, _, client := startProxy(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {webApp}, "client_secret": {"right-secret"}}
	form.Set("scope", "https://graph.microsoft.com/.default")
	_, answer := postForm(t, client, "https://login.microsoftonline.com/"+contosoID+"/oauth2/v2.0/token", form)
	for host, want := range map[string]int{"graph.microsoft.com": 200, "graph.microsoft.us": 401, "microsoftgraph.chinacloudapi.cn": 401} {
		res, body := ask(t, client, "https://"+host+"/v1.0/users", answer["access_token"].(string))
		if res.StatusCode != want {
			t.Errorf("%s: %d %v", host, res.StatusCode, body)
		}
		if want == 401 && !strings.Contains(res.Header.Get("WWW-Authenticate"), `authorization_uri="https://login.`) {
			t.Errorf("%s: challenge %s", host, res.Header.Get("WWW-Authenticate"))
		}
	}
	status, refused := postForm(t, client, "https://login.microsoftonline.us/"+contosoID+"/oauth2/v2.0/token", form)
	if status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	wantError(t, refused, "invalid_resource", "AADSTS500011")
}

// Instance discovery as the client libraries' own recordings have it (msal-node and MSAL.NET test data).
// https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/custom-authority-aliases
func TestClients_ProxyInstanceDiscovery(t *testing.T) {
	t.Parallel()
	_, _, client := startProxy(t)
	discover := func(authority string) (*http.Response, map[string]any) {
		var doc map[string]any
		q := url.Values{"api-version": {"1.1"}, "authorization_endpoint": {authority + "/oauth2/v2.0/authorize"}}
		return getJSON(t, client, "https://login.microsoftonline.com/common/discovery/instance?"+q.Encode(), &doc), doc
	}
	_, doc := discover("https://login.microsoftonline.com/" + contosoID)
	if doc["tenant_discovery_endpoint"] != "https://login.microsoftonline.com/"+contosoID+"/v2.0/.well-known/openid-configuration" {
		t.Errorf("%v", doc)
	}
	first := doc["metadata"].([]any)[0].(map[string]any)
	if first["preferred_network"] != "login.microsoftonline.com" || first["preferred_cache"] != "login.windows.net" || len(first["aliases"].([]any)) != 4 {
		t.Errorf("%v", first)
	}
	res, refused := discover("https://login.evil.example/common")
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", res.StatusCode)
	}
	wantError(t, refused, "invalid_instance", "AADSTS50049")
}

// A client of Microsoft's with nothing but its defaults: it validates the authority and knows no other addresses.
func TestClients_ProxyServesDefaults(t *testing.T) {
	t.Parallel()
	_, _, client := startProxy(t)
	cred, err := azidentity.NewClientSecretCredential(contosoID, webApp, "right-secret", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: client},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if res, body := ask(t, client, "https://graph.microsoft.com/v1.0/users/adele@contoso.com", token.Token); res.StatusCode != http.StatusOK {
		t.Errorf("%d %v", res.StatusCode, body)
	}
}

// Each half has its own host, as there.
func TestClients_ProxyHosts(t *testing.T) {
	t.Parallel()
	_, _, client := startProxy(t)
	for address, want := range map[string]int{
		"https://login.microsoftonline.com/v1.0/users":                                       404,
		"https://graph.microsoft.com/common/v2.0/.well-known/openid-configuration":           400,
		"https://graph.microsoft.com/oidc/userinfo":                                          401,
		"https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration":     200,
		"https://login.microsoftonline.com:443/common/v2.0/.well-known/openid-configuration": 200,
	} {
		var body any
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		_ = json.Unmarshal(b, &body)
		if res.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", address, res.StatusCode, b, want)
		}
		if strings.Contains(string(b), ":443") {
			t.Errorf("%s: an address in the answer has a port: %s", address, b)
		}
	}
}

// A57: whatever else is asked of the proxy is refused in words and never forwarded; nothing but the proxy answers to those names.
func TestA57_ProxyForwardsNothing(t *testing.T) {
	t.Parallel()
	_, s, _ := startProxy(t)
	at := strings.TrimPrefix(s.Proxy, "http://")
	elsewhere := strings.TrimPrefix(s.Authority, "https://")
	say := func(head string) string {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		fmt.Fprintf(c, "%s\r\nConnection: close\r\n\r\n", head)
		b, _ := io.ReadAll(c) // until it is closed
		return string(b)
	}
	for _, head := range []string{
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443",
		"CONNECT " + elsewhere + " HTTP/1.1\r\nHost: " + elsewhere,
		"CONNECT login.microsoftonline.com:80 HTTP/1.1\r\nHost: login.microsoftonline.com:80",
		"CONNECT login.microsoftonline.com HTTP/1.1\r\nHost: login.microsoftonline.com",
		"CONNECT login.microsoftonline.com.evil.example:443 HTTP/1.1\r\nHost: login.microsoftonline.com.evil.example:443",
		"CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443",
		"GET http://graph.microsoft.com/v1.0/users HTTP/1.1\r\nHost: graph.microsoft.com",
		"GET http://example.com/ HTTP/1.1\r\nHost: example.com",
		"GET / HTTP/1.1\r\nHost: " + at,
	} {
		if got := say(head); !strings.HasPrefix(got, "HTTP/1.1 403 ") || !strings.Contains(got, "proxy") {
			t.Errorf("%q: %q", head, got)
		}
	}

	tunnel := func(host string) net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", host, host)
		line, err := bufio.NewReader(io.LimitReader(c, int64(len("HTTP/1.1 200 Connection established\r\n\r\n")))).ReadString('\n')
		if err != nil || !strings.Contains(line, " 200 ") {
			t.Fatalf("%q %v", line, err)
		}
		return c
	}
	other := tls.Client(tunnel("graph.microsoft.com"), &tls.Config{RootCAs: s.CertPool(), ServerName: "login.microsoftonline.com", MinVersion: tls.VersionTLS12})
	if err := other.HandshakeContext(t.Context()); err == nil {
		t.Error("a tunnel to Graph speaks as the sign-in host")
	}
	_ = other.Close()
	same := tls.Client(tunnel("graph.microsoft.com"), &tls.Config{RootCAs: s.CertPool(), ServerName: "graph.microsoft.com", MinVersion: tls.VersionTLS12})
	fmt.Fprint(same, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
	b, _ := io.ReadAll(same)
	_ = same.Close()
	if !strings.HasPrefix(string(b), "HTTP/1.1 421 ") {
		t.Errorf("another Host in the tunnel: %q", b)
	}
	for _, origin := range []string{s.AuthorityHTTP, s.Control} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/", nil)
		req.Host = "login.microsoftonline.com"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s answers to the service's name: %d", origin, res.StatusCode)
		}
	}
	e := newEmulator(t, emulator.Options{})
	if _, err := e.Start(t.Context(), emulator.Addresses{Proxy: "0.0.0.0:0"}); err == nil {
		t.Error("the proxy listens for other machines without being asked to")
	}
}
