package setup

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- the service names certificates by it
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nameplate/internal/fail"
)

// Pair is a certificate with its key, as a PEM file holds both.
type Pair struct {
	tls.Certificate
	pem []byte
}

// keyBits is what Microsoft asks for at least; the service takes RSA alone.
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
const keyBits = 2048

// MakePair makes an RSA key and a certificate over it that the application proves itself with. It is signed by itself: Entra looks at
// its thumbprint and dates only.
func MakePair(random io.Reader, now time.Time, days int) (*Pair, error) {
	key, err := rsa.GenerateKey(random, keyBits)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "setup.certificate", err)
	}
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, fail.Wrap(fail.Internal, "setup.certificate", err)
	}
	serial[0] &= 0x7f
	now = now.UTC().Truncate(time.Second)
	form := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: "Nameplate " + now.Format(time.DateOnly)},
		NotBefore: now.Add(-5 * time.Minute), NotAfter: now.AddDate(0, 0, days), // a clock that is a little behind must not refuse it
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(random, form, form, &key.PublicKey, key)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "setup.certificate", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "setup.certificate", err)
	}
	var b bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&b, block); err != nil {
			return nil, fail.Wrap(fail.Internal, "setup.certificate", err)
		}
	}
	return readPair(b.Bytes())
}

func readPair(data []byte) (*Pair, error) {
	c, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	return &Pair{c, data}, nil
}

// OpenPair reads a file with a certificate and its key; fail.NotFound when there is none.
func OpenPair(path string) (*Pair, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fail.Error{Op: "setup.certificate", Item: path, Kind: fail.NotFound, Err: err, Say: fail.T("There is no file %s.", path)}
	}
	var pair *Pair
	if err == nil {
		pair, err = readPair(data)
	}
	if err != nil {
		return nil, &fail.Error{Op: "setup.certificate", Item: path, Kind: fail.Invalid, Err: err, Say: fail.T("The certificate file %s does not hold a certificate and its RSA key.", path)}
	}
	return pair, nil
}

// Create keeps the pair in a new file that only its owner may read; it never takes the place of a file that is there.
func (p *Pair) Create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(p.pem)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return &fail.Error{Op: "setup.certificate", Item: path, Kind: fail.Invalid, Err: err, Say: fail.T("The certificate cannot be kept in %s.", path)}
	}
	return nil
}

// put writes a file for its owner only, all or nothing: who reads it meanwhile reads the old one or the new one.
func put(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err == nil {
		_, err = f.Write(data)
		if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		return &fail.Error{Op: "setup.file", Item: path, Kind: fail.Invalid, Err: err, Say: fail.T("The file %s cannot be written.", path)}
	}
	return nil
}

// Public is the certificate alone, as PEM, to be uploaded by hand.
func Public(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// Thumbprint is the certificate's SHA-1 in upper case, as Entra's pages show it.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) // #nosec G401 -- a name, not a proof
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// x5t is the certificate's SHA-1 as a JWT's header has it.
func x5t(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) // #nosec G401 -- a name, not a proof
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sameThumbprint compares what the service keeps as customKeyIdentifier: a thumbprint, SHA-1 or SHA-256, in base64 of its bytes; older
// ones in hexadecimal. https://learn.microsoft.com/graph/api/resources/keycredential
func sameThumbprint(kept any, c *x509.Certificate) bool {
	text, _ := kept.(string)
	one, two := sha1.Sum(c.Raw), sha256.Sum256(c.Raw) // #nosec G401 -- a name, not a proof
	raw, err := base64.StdEncoding.DecodeString(text)
	return strings.EqualFold(text, hex.EncodeToString(one[:])) || err == nil && (bytes.Equal(raw, one[:]) || bytes.Equal(raw, two[:]))
}

// Credential is something by which an application proves itself, as its registration shows it: never the secret or the key.
type Credential struct {
	Kind string    `json:"kind"` // "certificate" or "secret"
	Name string    `json:"name"`
	ID   string    `json:"id"`   // keyId
	Mark string    `json:"mark"` // thumbprint of a certificate, SHA-1 in upper case; the first three characters of a secret
	Ends time.Time `json:"ends,omitzero"`
}

// credentials are those of a registration, the ones that end first in front.
func (a *application) credentials() []Credential {
	var out []Credential
	add := func(kind string, x map[string]any, mark string) {
		c := Credential{Kind: kind, Mark: mark}
		c.Name, _ = x["displayName"].(string)
		c.ID, _ = x["keyId"].(string)
		ends, _ := x["endDateTime"].(string)
		c.Ends, _ = time.Parse(time.RFC3339, ends) // none: it never ends
		out = append(out, c)
	}
	for _, k := range a.Keys {
		mark, _ := k["customKeyIdentifier"].(string)
		if raw, err := base64.StdEncoding.DecodeString(mark); err == nil && len(raw) == sha1.Size {
			mark = strings.ToUpper(hex.EncodeToString(raw))
		}
		add("certificate", k, mark)
	}
	for _, k := range a.Passwords {
		hint, _ := k["hint"].(string)
		add("secret", k, hint)
	}
	slices.SortStableFunc(out, func(a, b Credential) int { return a.Ends.Compare(b.Ends) })
	return out
}
