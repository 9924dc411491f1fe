package journey

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nameplate/internal/app"
)

// S2.25, S2.E4: extension properties that the policy names are shown, written, read back, cleared with null and undone like every
// other, through the portal and the engine: a directory extension, and one property of a schema extension.
func TestS2_25_S2_E4_ExtensionsThroughThePortal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	policy := `version: 1
extensions:
  - {name: extension_30000000000040008000000000000003_costObject, label: Cost object}
  - {name: extlk7f2q9b_workplace/desk, label: Desk}
properties:
  displayName: {view: self}
  mobilePhone: {view: self, edit: self}
  extension_30000000000040008000000000000003_costObject: {view: self, edit: self, section: work}
  extlk7f2q9b_workplace/desk: {view: self, edit: self, section: work}
`
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	w := begin(t, app.DemoOptions{Policy: path})
	b := w.signIn(w.who("member"))
	b.save("work", map[string]string{"extension_30000000000040008000000000000003_costObject": "K-117", "extlk7f2q9b_workplace/desk": "3.14"}).says("Saved", "Cost object", "K-117", "Desk", "3.14")
	person := foreign(t, w, "/v1.0/users/"+w.who("member")+"?$select=extension_30000000000040008000000000000003_costObject,extlk7f2q9b_workplace")
	workplace, _ := person["extlk7f2q9b_workplace"].(map[string]any)
	if person["extension_30000000000040008000000000000003_costObject"] != "K-117" || workplace["desk"] != "3.14" {
		t.Errorf("the directory has %v", person)
	}
	b.save("work", map[string]string{"extension_30000000000040008000000000000003_costObject": "", "extlk7f2q9b_workplace/desk": ""}).says("Saved")
	person = foreign(t, w, "/v1.0/users/"+w.who("member")+"?$select=extension_30000000000040008000000000000003_costObject,extlk7f2q9b_workplace")
	workplace, _ = person["extlk7f2q9b_workplace"].(map[string]any)
	if person["extension_30000000000040008000000000000003_costObject"] != nil || workplace["desk"] != nil {
		t.Errorf("after clearing the directory has %v", person)
	}
}

// The application proves itself with a certificate instead of a secret: people sign in, and its own tokens are fetched, with it.
func TestCertificateCredential(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "nameplate"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	k := newKilled(t, string(cert))
	file := filepath.Join(k.dir, "nameplate.pem")
	if err := os.WriteFile(file, append(cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})...), 0o600); err != nil {
		t.Fatal(err)
	}
	w, _ := k.serve("", "NAMEPLATE_CLIENT_SECRET=", "NAMEPLATE_CLIENT_CERTIFICATE="+file)
	w.signIn(w.who("member")).save("contact", map[string]string{"mobilePhone": "+81 90 5550 3001"})
	writes := k.emulator.Ledger(0)
	if len(writes) != 1 || writes[0].After["mobilePhone"] != "+81 90 5550 3001" {
		t.Errorf("the directory was sent %+v", writes)
	}
}
