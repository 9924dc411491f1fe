// Package clients drives the clients that are not ours and that are too large for `make test`: Microsoft's libraries for Go, Debian's
// authlib and MSAL for Python, the CLI for Microsoft 365, and every page of docs/guide/emulator. `make clients` runs it. It is a module of
// its own so that none of them is a dependency of the product.
package clients

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/schematest"
)

const (
	tenantID = "11111111-1111-4111-8111-111111111111"
	web      = "aaaaaaaa-0000-4000-8000-000000000001"
	console  = "aaaaaaaa-0000-4000-8000-000000000002"
	secret   = "right-secret"
	redirect = "http://localhost:50000/authorize"
	people   = 2500

	businessSKU = "cdd28e44-67e3-425e-be4c-737fab2899d3" // Microsoft 365 Apps for business
)

// box is an emulator with 2,500 people, and the certificate of the application with its key, in PEM.
type box struct {
	*emulator.Server
	e         *emulator.Emulator
	cert, key []byte
}

func newBox(t *testing.T) box {
	t.Helper()
	b := box{}
	b.cert, b.key = certificate(t)
	named := []emulator.User{
		{UPN: "megan@contoso.com", Values: map[string]any{"displayName": "Megan Bowen", "mail": "megan@contoso.com"}},
		{UPN: "adele@contoso.com", Manager: "megan@contoso.com", Values: map[string]any{"displayName": "Adele Vance", "mail": "adele@contoso.com"}},
	}
	var err error
	b.e, err = emulator.New(emulator.Options{Wrap: schematest.Wrap(t), Organizations: []emulator.Organization{{
		ID: tenantID, Name: "Contoso", Country: "US", Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}},
		Users: named,
		People: func(yield func(emulator.User) bool) {
			for i := range people - len(named) {
				if !yield(emulator.User{UPN: fmt.Sprintf("p%04d@contoso.com", i), Values: map[string]any{"displayName": fmt.Sprintf("Person %04d", i)}}) {
					return
				}
			}
		},
		Subscriptions: []emulator.Subscription{{SKU: businessSKU, Part: "O365_BUSINESS", Seats: 2, Plans: []emulator.Plan{{ID: "094e7854-93fc-4d55-b2c0-3ab5369ebdc1", Name: "OFFICE_BUSINESS"}}}},
		Groups:        []emulator.Group{{Name: "Sales", Type: "security", Members: []string{"adele@contoso.com"}}},
		Apps: []emulator.App{
			{
				ClientID: web, Name: "Portal", Redirects: []string{redirect}, Secrets: []emulator.Secret{{Value: secret}}, Certificates: []string{string(b.cert)},
				Delegated: []string{"User.Read", "User.ReadWrite"}, Exposes: []emulator.Permission{{Value: "access_as_user"}},
				Application: []string{"User.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"},
			},
			{
				ClientID: console, Name: "Console", Public: true, Redirects: []string{redirect}, Delegated: []string{"User.Read", "User.ReadWrite"},
				Requests: []string{"Scope:User.Read", "Scope:api://" + web + "/access_as_user"},
			},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if b.Server, err = b.e.Start(t.Context(), emulator.Addresses{Proxy: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() }) // the test is over
	return b
}

func certificate(t *testing.T) (cert, key []byte) {
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
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}
