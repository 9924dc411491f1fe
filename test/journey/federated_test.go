package journey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// platform is what runs the portal and vouches for it: an issuer of tokens that the registration trusts.
type platform struct {
	t               *testing.T
	key             *ecdsa.PrivateKey
	issuer, subject string
}

// newVouched is a tenant whose application has no secret and no certificate, but trusts a platform.
func newVouched(t *testing.T) (*killed, *platform) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{t, key, "https://oidc.cluster.example", "system:serviceaccount:people:nameplate"}
	k := newKilledAmong(t, func(org *emulator.Organization) {
		org.Issuers = []emulator.Issuer{{Address: p.issuer, Keys: []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}}
		org.Apps[0].Federated = []emulator.Federated{{Name: "platform", Issuer: p.issuer, Subject: p.subject}}
	})
	return k, p
}

// token vouches for the portal until then.
func (p *platform) token(audience string, until time.Time) string {
	p.t.Helper()
	enc := base64.RawURLEncoding.EncodeToString
	claims, err := json.Marshal(map[string]any{"iss": p.issuer, "sub": p.subject, "aud": audience, "exp": until.Unix(), "nbf": time.Now().Add(-3 * time.Hour).Unix()})
	if err != nil {
		p.t.Fatal(err)
	}
	input := enc([]byte(`{"alg":"ES256","kid":"k1","typ":"JWT"}`)) + "." + enc(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return input + "." + enc(sig)
}

const exchange = "api://AzureADTokenExchange"

// Workload identity: sign-in and the application's own right come from a file that the platform renews, without a restart.
// https://learn.microsoft.com/azure/aks/workload-identity-overview
func TestWorkloadIdentity_TheFileIsReadAnew(t *testing.T) {
	t.Parallel()
	k, p := newVouched(t)
	file := filepath.Join(t.TempDir(), "token")
	put := func(until time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(p.token(exchange, until)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(time.Now().Add(time.Hour))
	env := []string{"NAMEPLATE_CLIENT_SECRET=", "NAMEPLATE_FEDERATED_TOKEN_FILE=" + file}
	w, _ := k.serve("", env...)
	w.signIn(lena).get("/profile").says("Lena Hoffmann") // the reports and the manager are read by the application's own right

	put(time.Now().Add(-time.Hour))
	b := w.browser()
	b.get("/login")
	to, err := emulator.SignIn(t.Context(), b.http, b.at.String(), ruth)
	if err != nil {
		t.Fatal(err)
	}
	if b.open(to); b.code != http.StatusServiceUnavailable {
		t.Errorf("with a token that has ended: %d %s", b.code, b.text())
	}
	if !w.log.says("700024") {
		t.Error("the log does not tell what Microsoft said")
	}
	put(time.Now().Add(time.Hour))
	w.signIn(ruth).get("/admin/people?q=Lena").says("Lena Hoffmann")

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b = w.browser()
	b.get("/login")
	if to, err = emulator.SignIn(t.Context(), b.http, b.at.String(), ruth); err != nil {
		t.Fatal(err)
	}
	if b.open(to); b.code != http.StatusServiceUnavailable || !strings.Contains(b.text(), "cannot prove itself to Microsoft") {
		t.Errorf("without the file: %d %s", b.code, b.text())
	}
}

// Managed identity: App Service and Container Apps answer at an address of their own with a header that only this process knows,
// virtual machines at the instance metadata service.
// https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference and
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
func TestManagedIdentity_VouchesForTheApplication(t *testing.T) {
	t.Parallel()
	const mine = "0a0a0a0a-1111-2222-3333-444444444444"
	for name, c := range map[string]struct {
		identity string
		env      func(origin string) []string
		right    func(r *http.Request) bool
	}{
		"app service": {
			"system", func(o string) []string {
				return []string{"IDENTITY_ENDPOINT=" + o + "/msi/token", "IDENTITY_HEADER=canary"}
			},
			func(r *http.Request) bool {
				return r.URL.Path == "/msi/token" && r.Header.Get("X-Identity-Header") == "canary" && r.FormValue("client_id") == ""
			},
		},
		"container app, an identity of its own": {
			mine, func(o string) []string {
				return []string{"IDENTITY_ENDPOINT=" + o + "/msi/token", "IDENTITY_HEADER=canary"}
			},
			func(r *http.Request) bool {
				return r.Header.Get("X-Identity-Header") == "canary" && r.FormValue("client_id") == mine
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, p := newVouched(t)
			var asked, wrong atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if !c.right(r) || r.FormValue("resource") != exchange {
					wrong.Add(1)
					t.Logf("asked wrongly: %s %v", r.URL, r.Header)
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				until := time.Now().Add(24 * time.Hour)
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]string{"access_token": p.token(exchange, until), "expires_on": strconv.FormatInt(until.Unix(), 10), "resource": exchange, "token_type": "Bearer"})
			}))
			t.Cleanup(s.Close)
			w, _ := k.serve("", append(c.env(s.URL), "NAMEPLATE_CLIENT_SECRET=", "NAMEPLATE_MANAGED_IDENTITY="+c.identity)...)
			w.signIn(ruth).get("/admin/people?q=Lena").says("Lena Hoffmann")
			if asked.Load() == 0 || wrong.Load() > 0 {
				t.Errorf("%d requests, %d wrong", asked.Load(), wrong.Load())
			}
			if strings.Contains(w.log.String(), "canary") || strings.Contains(w.log.String(), "eyJhbGciOiJFUzI1NiI") {
				t.Error("the log holds the header or the token")
			}
		})
	}
}
