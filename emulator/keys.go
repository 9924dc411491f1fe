package emulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- x5t is SHA-1 by its definition, RFC 7515 §4.1.7
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// signingKey is one of the keys that the tenant signs with: a certificate as the service publishes it.
type signingKey struct {
	kid  string // x5t of the certificate, as Entra names its keys
	key  *rsa.PrivateKey
	cert []byte // DER
}

// keyring holds two published keys at all times: the first signs, the second is the next one. Keys are made when they are first
// needed; they are random and not from the seed, so that no token of one emulator is good in another.
type keyring struct {
	mu      sync.Mutex
	now     func() time.Time
	keys    []*signingKey
	foreign *signingKey
}

func newKeyring(now func() time.Time) *keyring { return &keyring{now: now} }

// secret is 256 bits that nobody can guess: codes, refresh tokens, session cookies.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func newSigningKey(now time.Time) (*signingKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(5 * 365 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &signingKey{kid: thumbprint(der), key: key, cert: der}, nil
}

// thumbprint is x5t: SHA-1 of a certificate, base64url.
func thumbprint(der []byte) string {
	sum := sha1.Sum(der) // #nosec G401 -- by definition
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ensure makes keys until there are n. Call with mu held.
func (k *keyring) ensure(n int) error {
	for len(k.keys) < n {
		s, err := newSigningKey(k.now())
		if err != nil {
			return fmt.Errorf("make a signing key: %w", err)
		}
		k.keys = append(k.keys, s)
	}
	return nil
}

// signer is the key that signs now.
func (k *keyring) signer() (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ensure(1); err != nil {
		return nil, err
	}
	return k.keys[0], nil
}

// published are the keys of the JWKS.
func (k *keyring) published() ([]*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ensure(2); err != nil {
		return nil, err
	}
	return append([]*signingKey(nil), k.keys[:2]...), nil
}

// stranger is a key that is never published.
func (k *keyring) stranger() (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.foreign == nil {
		s, err := newSigningKey(k.now())
		if err != nil {
			return nil, err
		}
		k.foreign = s
	}
	return k.foreign, nil
}

// find is the published key with that kid; nil when there is none.
func (k *keyring) find(kid string) *signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.keys {
		if s.kid == kid {
			return s
		}
	}
	return nil
}

// rotate makes the next key sign at once and forgets the one that signed until now; with all, both are replaced by new ones, as
// in an emergency.
func (k *keyring) rotate(all bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ensure(2); err != nil {
		return err
	}
	if all {
		k.keys = nil
	} else {
		k.keys = k.keys[1:]
	}
	return k.ensure(2)
}

// RotateKeys makes the tenant sign with its other published key from now on and publish a new second one. Tokens signed before
// are no longer accepted. With all set both keys are new: an emergency rotation.
func (e *Emulator) RotateKeys(all bool) error { return e.keys.rotate(all) }

// jwk is a key as the service's key set has it.
type jwk struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use"`
	Kid    string   `json:"kid"`
	X5t    string   `json:"x5t"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X5c    []string `json:"x5c"`
	Issuer string   `json:"issuer,omitempty"`
}

func (s *signingKey) jwk(issuer string) jwk {
	return jwk{
		Kty: "RSA", Use: "sig", Kid: s.kid, X5t: s.kid,
		N:      base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
		E:      base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
		X5c:    []string{base64.StdEncoding.EncodeToString(s.cert)},
		Issuer: issuer,
	}
}

// signJWT signs claims in the header form the service uses: v1 tokens carry x5t beside kid.
func (s *signingKey) signJWT(claims map[string]any, v1 bool) (string, error) {
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": s.kid}
	if v1 {
		header["x5t"] = s.kid
	}
	return s.signWith(header, claims)
}

func (s *signingKey) signWith(header, claims map[string]any) (string, error) {
	input, err := jwtInput(header, claims)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

func jwtInput(header, claims map[string]any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c), nil
}

// jwtHeader is what is read of a token's header.
type jwtHeader struct {
	Alg     string `json:"alg"`
	Kid     string `json:"kid"`
	X5t     string `json:"x5t"`
	X5tS256 string `json:"x5t#S256"`
}

var (
	errMalformed = errors.New("not a signed token of three parts")
	errSignature = errors.New("the signature is wrong")
)

// splitJWT takes a compact JWS apart and decodes header and claims; nothing is verified.
func splitJWT(token string, header, claims any) (input string, sig []byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", nil, errMalformed
	}
	for i, into := range []any{header, claims} {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return "", nil, errMalformed
		}
		if json.Unmarshal(raw, into) != nil {
			return "", nil, errMalformed
		}
	}
	sig, err = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return "", nil, errMalformed
	}
	return parts[0] + "." + parts[1], sig, nil
}

// verifyJWS checks a JWS signature; only the algorithms that the service takes.
func verifyJWS(key crypto.PublicKey, alg, input string, sig []byte) error {
	sum := sha256.Sum256([]byte(input))
	switch pub := key.(type) {
	case *rsa.PublicKey:
		switch alg {
		case "RS256":
			if rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil {
				return nil
			}
		case "PS256":
			if rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil {
				return nil
			}
		}
	case *ecdsa.PublicKey:
		if alg == "ES256" && len(sig) == 64 &&
			ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
			return nil
		}
	}
	return errSignature
}
