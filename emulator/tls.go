package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"
)

// certAuthority is the emulator's own certificate authority. It is made at the first need and never leaves memory, but for its
// certificate and for the data folder. It uses the wall clock, because clients check certificates by theirs.
type certAuthority struct {
	once sync.Once
	err  error
	pem  []byte
	pool *x509.CertPool
	leaf tls.Certificate

	mu     sync.Mutex // guards the three below
	key    *ecdsa.PrivateKey
	root   []byte                      // DER; of the data folder, or made
	leaves map[string]*tls.Certificate // of the names that the proxy stands for
}

// ready makes the authority and a certificate for this machine's own names.
func (c *certAuthority) ready(wall func() time.Time, names []string) error {
	c.once.Do(func() { c.err = c.make(wall(), names) })
	return c.err
}

// rootOf gives the authority's key and certificate, made anew where there is none or it ends within a month.
func (c *certAuthority) rootOf(now time.Time) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key != nil {
		if root, err := x509.ParseCertificate(c.root); err == nil && now.Add(30*24*time.Hour).Before(root.NotAfter) {
			return c.key, root, nil
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	n, err := serial()
	if err != nil {
		return nil, nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: n, Subject: pkix.Name{CommonName: "Emulator of Microsoft 365, not for production", Organization: []string{"Nameplate"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	c.key, c.root = key, der
	return key, root, nil
}

func serial() (*big.Int, error) { return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) }

func (c *certAuthority) make(now time.Time, names []string) error {
	key, root, err := c.rootOf(now)
	if err != nil {
		return err
	}
	leaf, err := issue(root, key, now, "localhost", names)
	if err != nil {
		return err
	}
	c.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	c.pool = x509.NewCertPool()
	c.pool.AddCert(root)
	c.leaf = *leaf
	return nil
}

// leafOf is a certificate for one of the names that the proxy stands for.
func (c *certAuthority) leafOf(now time.Time, name string) (*tls.Certificate, error) {
	key, root, err := c.rootOf(now)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.leaves[name]; have != nil && have.Leaf.CheckSignatureFrom(root) == nil {
		return have, nil
	}
	leaf, err := issue(root, key, now, name, nil)
	if err != nil {
		return nil, err
	}
	if c.leaves == nil {
		c.leaves = map[string]*tls.Certificate{}
	}
	c.leaves[name] = leaf
	return leaf, nil
}

// issue makes a certificate of the authority for a name, or for this machine where the name is localhost, and for more names and
// addresses.
func issue(root *x509.Certificate, key *ecdsa.PrivateKey, now time.Time, name string, more []string) (*tls.Certificate, error) {
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	n, err := serial()
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: n, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{name},
	}
	if name == "localhost" {
		leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	for _, other := range more {
		if ip := net.ParseIP(other); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else if other != name && other != "" {
			leaf.DNSNames = append(leaf.DNSNames, other)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, root.Raw}, PrivateKey: leafKey, Leaf: parsed}, err
}
