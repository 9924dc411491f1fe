package explain_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/explain"
)

const callback = "http://localhost:8080/auth/callback"

// refusal is an error of the sign-in half, explained; nil when the answer is a success.
func refusal(status int, body []byte) error {
	var r struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Numbers     []int  `json:"error_codes"`
		Claims      string `json:"claims"`
		Trace       string `json:"trace_id"`
	}
	if status == http.StatusOK {
		return nil
	}
	a := explain.Answer{From: explain.SignIn, Doing: explain.SigningIn, Status: status}
	if json.Unmarshal(body, &r) != nil {
		a.Broken = "not JSON"
	}
	a.Code, a.Numbers, a.Claims, a.Ref = r.Error, r.Numbers, r.Claims != "", r.Trace
	return explain.With(explain.Explain(a), errorText(r.Error+" "+r.Description))
}

type errorText string

func (e errorText) Error() string { return string(e) }

// post asks the token endpoint (or another of the sign-in half) of a tenant.
func (w *world) post(at, route string, form url.Values) (map[string]any, error) {
	resp, err := http.PostForm(w.server.AuthorityHTTP+"/"+at+"/oauth2/v2.0/"+route, form) //nolint:gosec // a test's own server
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		w.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	return out, refusal(resp.StatusCode, raw)
}

func own(more ...string) url.Values {
	v := url.Values{"client_id": {client}, "client_secret": {secret}, "scope": {"openid profile offline_access User.Read"}}
	for i := 0; i+1 < len(more); i += 2 {
		if v.Set(more[i], more[i+1]); more[i+1] == "" {
			v.Del(more[i])
		}
	}
	return v
}

func token(more ...string) func(*world) error {
	return func(w *world) error { _, err := w.post(tenant, "token", own(more...)); return err }
}

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // of RFC 7636, appendix B
)

// code signs a person in and gives the authorization code, or the refusal that the browser is sent back with.
func (w *world) code(upn string, more ...string) (string, error) {
	q := url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"openid profile offline_access User.Read"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	at, err := emulator.SignInWithPassword(w.t.Context(), http.DefaultClient, w.server.AuthorityHTTP+"/"+tenant+"/oauth2/v2.0/authorize?"+q.Encode(), upn, "Correct-Horse-1")
	if err != nil { // a page: its text begins with the number, as people send it to their administrator
		return "", explain.With(explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.SigningIn, Numbers: explain.Numbers(err.Error())}), err)
	}
	u, err := url.Parse(at)
	if err != nil {
		w.t.Fatal(err)
	}
	if e := u.Query().Get("error"); e != "" {
		d := u.Query().Get("error_description")
		return "", explain.With(explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.SigningIn, Code: e, Numbers: explain.Numbers(d)}), errorText(d))
	}
	return u.Query().Get("code"), nil
}

func signIn(upn string, more ...string) func(*world) error {
	return func(w *world) error { _, err := w.code(upn, more...); return err }
}

// redeem signs Anna in, lets something happen, and redeems the code.
func redeem(between func(*world), more ...string) func(*world) error {
	return func(w *world) error {
		code, err := w.code("anna@contoso.example")
		if err != nil {
			w.t.Fatal(err)
		}
		if between != nil {
			between(w)
		}
		form := own(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier}, more...)...)
		if _, err := w.post(tenant, "token", form); err != nil {
			return err
		}
		_, err = w.post(tenant, "token", form) // the same once more
		return err
	}
}

// refresh signs Anna in, lets something happen, and renews her token.
func refresh(between func(*world)) func(*world) error {
	return func(w *world) error {
		code, err := w.code("anna@contoso.example")
		if err != nil {
			w.t.Fatal(err)
		}
		got, err := w.post(tenant, "token", own("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier))
		if err != nil {
			w.t.Fatal(err)
		}
		between(w)
		_, err = w.post(tenant, "token", own("grant_type", "refresh_token", "refresh_token", got["refresh_token"].(string)))
		return err
	}
}

func pass(d time.Duration) func(*world) { return func(w *world) { w.Clock().Advance(d) } }

// device begins a sign-in by code and asks after something has happened.
func device(between func(w *world, answer map[string]any)) func(*world) error {
	return func(w *world) error {
		got, err := w.post(tenant, "devicecode", url.Values{"client_id": {client}, "scope": {"openid User.Read"}})
		if err != nil {
			w.t.Fatal(err)
		}
		between(w, got)
		_, err = w.post(tenant, "token", own("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", got["device_code"].(string)))
		return err
	}
}

// pair is a certificate and its key.
type pair struct {
	chain []*x509.Certificate
	key   *rsa.PrivateKey
}

var certificate = sync.OnceValue(func() pair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nameplate"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{[]*x509.Certificate{made}, key}
})

func registered(a *emulator.App) {
	a.Certificates = []string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate().chain[0].Raw}))}
}

// asApplication reads with a token that Microsoft's library fetches from the emulator, as the product does.
func asApplication(at, id, secret string, trusting bool) func(*world) error {
	return func(w *world) error {
		client := w.server.Client()
		if !trusting {
			client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		}
		o := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: w.server.Authority + "/"}, Transport: client}
		o.Retry.MaxRetries = -1
		c, err := azidentity.NewClientSecretCredential(at, id, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
		if err != nil {
			w.t.Fatal(err)
		}
		w.reconnect(c)
		return read(w)
	}
}

func byCertificate(w *world) error {
	p := certificate()
	o := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: w.server.Authority + "/"}, Transport: w.server.Client()}
	c, err := azidentity.NewClientCertificateCredential(tenant, client, p.chain, p.key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.reconnect(c)
	return read(w)
}

func (w *world) reconnect(c azcore.TokenCredential) {
	o := w.options
	o.Credential = c
	w.connect(o)
}

func signInSituations() []situation {
	inOtherCloud := func(o *emulator.Options, _ *graph.Options) { o.Organizations[0].Cloud = "AzureUSGovernment" }
	second := func(o *emulator.Options, _ *graph.Options) {
		o.Organizations = append(o.Organizations, emulator.Organization{
			ID: "6f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e02", Name: "Fabrikam", Country: "DE", Domains: []emulator.Domain{{Name: "fabrikam.example", Verified: true}},
			Users: []emulator.User{{UPN: "zoe@fabrikam.example", Password: "Correct-Horse-1", Values: map[string]any{"displayName": "Zoe", "accountEnabled": true}}},
		})
	}
	return []situation{
		{name: "a wrong secret", act: asApplication(tenant, client, "not the secret, and 40 letters long .....", true)},
		{name: "an expired secret", edit: []how{app(func(a *emulator.App) { a.Secrets[0].Ends = "2020-01-01T00:00:00Z" })}, act: asApplication(tenant, client, secret, true)},
		{name: "a disabled application", edit: []how{app(func(a *emulator.App) { a.Disabled = true })}, act: asApplication(tenant, client, secret, true)},
		{name: "an application that is not there", act: asApplication(tenant, nobody, secret, true)},
		{name: "a tenant that is not there", act: asApplication(nobody, client, secret, true)},
		{name: "a certificate that is not registered", act: byCertificate},
		{name: "a clock that is an hour behind", edit: []how{app(registered)}, arm: pass(time.Hour), act: byCertificate},
		{name: "no credential at all", act: token("grant_type", "client_credentials", "client_secret", "", "scope", "https://graph.microsoft.com/.default")},
		{name: "a public client with a secret", edit: []how{app(func(a *emulator.App) { a.Public, a.Secrets = true, nil })}, act: token("grant_type", "client_credentials", "scope", "https://graph.microsoft.com/.default")},
		{name: "Graph of another cloud", act: token("grant_type", "client_credentials", "scope", "https://graph.microsoft.example/.default")},
		{name: "two resources", act: token("grant_type", "client_credentials", "scope", "https://graph.microsoft.com/.default https://management.azure.com/.default")},
		{name: "a permission in place of all", act: token("grant_type", "client_credentials", "scope", "https://graph.microsoft.com/User.Read.All")},
		{name: "a grant that does not exist", act: token("grant_type", "magic")},
		{name: "a parameter is missing", act: token("grant_type", "authorization_code")},
		{name: "an organization of another cloud", edit: []how{inOtherCloud}, act: elsewhere},
		{name: "a redirect address that is not registered", act: signIn("anna@contoso.example", "redirect_uri", "https://other.example/auth/callback")},
		{name: "another redirect address at the end", act: redeem(nil, "redirect_uri", "http://localhost:8080/other")},
		{name: "a code twice", act: redeem(nil)},
		{name: "a code that is too old", act: redeem(pass(time.Hour))},
		{name: "another browser's verifier", act: redeem(nil, "code_verifier", strings.Repeat("x", 43))},
		{name: "sign-ins were revoked", act: refresh(func(w *world) {
			w.Clock().Advance(time.Minute)
			if err := w.graph.Post(w.t.Context(), "/users/"+anna+"/revokeSignInSessions", struct{}{}, nil); err != nil {
				w.t.Fatal(err)
			}
		})},
		{name: "nobody came for 91 days", act: refresh(pass(91 * 24 * time.Hour))},
		{name: "an account that is disabled meanwhile", act: refresh(func(w *world) {
			if err := w.Set("", "anna@contoso.example", map[string]any{"accountEnabled": false}); err != nil {
				w.t.Fatal(err)
			}
		})},
		{name: "nobody consented", edit: []how{app(func(a *emulator.App) { a.Delegated = nil })}, act: token("grant_type", "password", "username", "anna@contoso.example", "password", "Correct-Horse-1", "scope", "User.ReadWrite")},
		{name: "nobody is assigned", edit: []how{app(func(a *emulator.App) { a.AssignedOnly = true })}, act: signIn("anna@contoso.example")},
		{name: "somebody of another organization signs in", edit: []how{second}, act: token("grant_type", "password", "username", "zoe@fabrikam.example", "password", "Correct-Horse-1")},
		{name: "a wrong password", act: token("grant_type", "password", "username", "anna@contoso.example", "password", "wrong")},
		{name: "a name that is not there", act: token("grant_type", "password", "username", "otto@contoso.example", "password", "Correct-Horse-1")},
		{name: "too many wrong passwords", act: func(w *world) error {
			var err error
			for _, p := range strings.Fields("a b c d e f g h i j k l") {
				err = token("grant_type", "password", "username", "anna@contoso.example", "password", p)(w)
			}
			return err
		}},
		{name: "a password that has to be changed", arm: func(w *world) {
			if err := w.graph.Patch(w.t.Context(), "/users/"+anna, map[string]any{"passwordProfile": map[string]any{"password": "Correct-Horse-2", "forceChangePasswordNextSignIn": true}}); err != nil {
				w.t.Fatal(err)
			}
		}, edit: []how{app(func(a *emulator.App) { a.Roles = []string{"User Administrator"} })}, act: token("grant_type", "password", "username", "anna@contoso.example", "password", "Correct-Horse-2")},
		{name: "a second factor is asked for", edit: []how{func(o *emulator.Options, _ *graph.Options) { o.Organizations[0].MFA = []string{"*"} }}, act: token("grant_type", "password", "username", "anna@contoso.example", "password", "Correct-Horse-1")},
		{name: "nobody is signed in", act: signIn("anna@contoso.example", "prompt", "none")},
		{name: "a device that still waits", act: device(func(*world, map[string]any) {})},
		{name: "a device that waited too long", act: device(func(w *world, _ map[string]any) { w.Clock().Advance(16 * time.Minute) })},
		{name: "conditional access blocks", arm: answers(400, "interaction_required", 53003), act: token("grant_type", "refresh_token", "refresh_token", "x")},
		{name: "the same request in a loop", arm: answers(400, "invalid_grant", 50196), act: token("grant_type", "refresh_token", "refresh_token", "x")},
		{name: "trouble at the sign-in", arm: answers(503, "temporarily_unavailable", 90033), act: token("grant_type", "refresh_token", "refresh_token", "x")},
		{name: "a number nobody knows", arm: answers(400, "invalid_grant", 99999999), act: token("grant_type", "refresh_token", "refresh_token", "x")},
		{name: "a credential refused without a number", arm: answers(401, "invalid_client", 0), act: token("grant_type", "refresh_token", "refresh_token", "x")},
	}
}

// answers makes the sign-in half answer in the service's form, for what it does not do by itself.
func answers(status int, kind string, number int) func(*world) {
	body := map[string]any{"error": kind, "error_description": "A text.", "trace_id": "t"}
	if number != 0 {
		body["error_codes"] = []int{number}
	}
	text, _ := json.Marshal(body)
	return func(w *world) {
		w.Inject(emulator.Rule{At: emulator.AtToken, Match: emulator.Match{Path: "/token$"}, Do: emulator.Do{Status: status, Body: string(text), Headers: map[string]string{"Content-Type": "application/json"}}})
	}
}

// elsewhere asks the worldwide cloud by its own name for an organization that lives in another.
func elsewhere(w *world) error {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token",
		strings.NewReader(own("grant_type", "client_credentials", "scope", "https://graph.microsoft.com/.default").Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var raw json.RawMessage
	_ = json.NewDecoder(resp.Body).Decode(&raw)
	return refusal(resp.StatusCode, raw)
}

// lineSituations are connections that bring no answer.
func lineSituations() []situation {
	at := func(endpoint func(*world) string) func(*world) error {
		return func(w *world) error {
			to := endpoint(w)
			o := w.options
			o.Endpoint, o.Retry.Reads = to, 1
			w.connect(o)
			return read(w)
		}
	}
	slow := func(_ *emulator.Options, o *graph.Options) { o.Timeout, o.Retry.Reads = 100*time.Millisecond, 1 }
	once := func(_ *emulator.Options, o *graph.Options) { o.Retry.Reads = 1 }
	return []situation{
		{name: "a certificate of an authority nobody believes", act: at(func(w *world) string { return w.server.Graph })},
		{name: "a certificate of another name", act: at(func(w *world) string {
			w.options.Transport = &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: w.server.CertPool(), MinVersion: tls.VersionTLS12},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(w.server.Graph, "https://"))
				},
			}
			return "https://graph.nameplate.invalid"
		})},
		{name: "a certificate that has ended", act: at(ended)},
		{name: "plain http where https is expected", act: at(func(w *world) string { return strings.Replace(w.server.GraphHTTP, "http://", "https://", 1) })},
		{name: "a name that is not found", act: at(func(*world) string { return "https://graph.nameplate.invalid" })},
		{name: "nobody listens", act: at(func(w *world) string { _ = w.server.Close(); return w.server.GraphHTTP })},
		{name: "a connection that is cut", edit: []how{once}, arm: rule(emulator.Match{Path: "batch$"}, emulator.Do{Drop: true}), act: read},
		{name: "no answer in time", edit: []how{slow}, arm: rule(emulator.Match{Path: "batch$"}, emulator.Do{Delay: emulator.Duration(time.Minute)}), act: read},
		{name: "the token's certificate is not believed", act: asApplication(tenant, client, secret, false)},
	}
}

// ended is the address of a server whose certificate is of last year, though of an authority that is believed.
func ended(w *world) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	was := time.Now().AddDate(-1, 0, 0)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: was, NotAfter: was.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} //nolint:gosec // a test's own server
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	w.t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(made)
	w.options.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return s.URL
}
