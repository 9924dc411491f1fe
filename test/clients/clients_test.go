// Package clients drives clients that are not ours (Node: MSAL, the Azure identity library, openid-client, the Graph client) against
// the emulator. It needs what `make clients` installs and is skipped without it.
package clients

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

const (
	tenantID = "11111111-1111-4111-8111-111111111111"
	web      = "aaaaaaaa-0000-4000-8000-000000000001"
	console  = "aaaaaaaa-0000-4000-8000-000000000002"
)

func TestNodeClients(t *testing.T) {
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the Node clients are not installed; make tools installs them")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no node; make tools installs it")
	}
	cert, key := certificate(t)
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{{
		ID: tenantID, Name: "Contoso", Country: "US", Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}},
		Users: []emulator.User{{UPN: "adele@contoso.com", Values: map[string]any{"displayName": "Adele Vance", "mail": "adele@contoso.com"}}},
		Apps: []emulator.App{
			{
				ClientID: web, Name: "Portal", Redirects: []string{"http://localhost:50000/authorize"}, Secrets: []emulator.Secret{{Value: "right-secret"}},
				Certificates: []string{cert}, Delegated: []string{"User.Read", "User.ReadWrite"}, Application: []string{"User.ReadWrite.All"},
			},
			{ClientID: console, Name: "Console", Public: true, Delegated: []string{"User.Read"}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	helper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var to string
		var err error
		if r.URL.Path == "/device" {
			err = emulator.EnterDeviceCode(r.Context(), s.Client(), q.Get("url"), q.Get("code"), q.Get("as"))
		} else {
			to, err = emulator.SignIn(r.Context(), s.Client(), q.Get("url"), q.Get("as"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, to) // the caller reports what is missing
	}))
	defer helper.Close()
	world, err := json.Marshal(map[string]string{
		"authority": s.Authority, "graph": s.Graph, "tenant": tenantID, "web": web, "cli": console, "secret": "right-secret",
		"certificate": cert, "key": key, "helper": helper.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "clients.mjs", string(world))
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.CAFile)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var c struct {
			Name  string
			OK    bool
			Error string
		}
		if !strings.HasPrefix(lines.Text(), "{") || json.Unmarshal(lines.Bytes(), &c) != nil {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			if !c.OK {
				t.Error(c.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n < 11 {
		t.Errorf("%d checks ran", n)
	}
}

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "portal"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}
