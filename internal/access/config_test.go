package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/fail"
)

func certificate(t testing.TB, from, to time.Time) (*access.Certificate, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "nameplate"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &access.Certificate{Leaf: leaf, Key: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestB48_EveryProblemIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	now := b.clock.Now()
	expired, _ := certificate(t, now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	good, _ := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	other, _ := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	cfg := b.cfg
	cfg.PublicURL = "http://portal.contoso.com/people"
	cfg.Tenants = []access.Tenant{
		{ID: "contoso.onmicrosoft.com", Authority: "http://login.microsoftonline.com", ClientID: "nameplate", Secret: "s", Certificate: good},
		{ID: contosoID, Authority: authority + "/common", ClientID: clientID, Certificate: expired},
		{ID: contosoID, Authority: authority, ClientID: clientID, Certificate: &access.Certificate{Leaf: good.Leaf, Key: other.Key}, Graph: "graph.microsoft.com"},
		{ID: fabrikamID, Authority: authority, ClientID: clientID, Certificate: &access.Certificate{Leaf: good.Leaf}},
	}
	_, err := access.New(cfg)
	var e *fail.Error
	if !errors.As(err, &e) || e.Kind != fail.Invalid {
		t.Fatalf("got %v", err)
	}
	var fields []string
	for _, p := range e.Fields {
		fields = append(fields, p.Field)
		if p.Say.Zero() {
			t.Errorf("%s has no sentence", p.Field)
		}
	}
	want := []string{
		"public_url", "tenants[0].id", "tenants[0].authority", "tenants[0].client_id", "tenants[0].secret",
		"tenants[1].authority", "tenants[1].certificate", "tenants[2].id", "tenants[2].graph", "tenants[2].certificate", "tenants[3].certificate",
	}
	slices.Sort(fields)
	slices.Sort(want)
	if !slices.Equal(fields, want) {
		t.Errorf("problems with %v, want %v", fields, want)
	}
	for address, ok := range map[string]bool{
		"https://portal.contoso.com": true, "https://portal.contoso.com:8443": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true,
		"http://portal.contoso.com": false, "http://localhost.evil.example": false, "https://user@portal.contoso.com": false, "https://portal.contoso.com/x": false,
		"https://portal.contoso.com?x": false, "ftp://portal.contoso.com": false, "portal.contoso.com": false, "": false,
	} {
		cfg := b.cfg
		cfg.PublicURL = address
		if s, err := access.New(cfg); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		} else if ok && s.Cookies().Secure != strings.HasPrefix(address, "https:") {
			t.Errorf("%q: cookies %+v", address, s.Cookies())
		} else if ok && strings.HasPrefix(s.Cookies().Session, "__Host-") != s.Cookies().Secure {
			t.Errorf("%q: cookies %+v", address, s.Cookies())
		}
	}
}
