package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// KeySize is the size of a sealing key in bytes.
const KeySize = 32

// Sealer encrypts what the store must not be able to read: AES-256-GCM under keys that are kept outside the database. Every
// sealed value is bound to a purpose and to the row it belongs to, so it cannot be moved to another row. Safe for concurrent use.
type Sealer struct {
	random io.Reader
	now    string // id of the key that seals
	keys   map[string]cipher.AEAD
}

// errSealed says nothing about why: a wrong key, a moved value and a damaged one look the same.
var errSealed = errors.New("access: cannot be opened with this key in this place")

// NewSealer seals with the first key and opens with all of them, which is how a key is rotated. Each key is KeySize random bytes.
func NewSealer(random io.Reader, keys ...[]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("access: a sealer needs a key")
	}
	s := &Sealer{random: random, keys: map[string]cipher.AEAD{}}
	for _, k := range keys {
		if len(k) != KeySize {
			return nil, fmt.Errorf("access: a key is %d bytes, this one has %d", KeySize, len(k))
		}
		block, err := aes.NewCipher(k)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("nameplate key id\x00"), k...))
		id := hex.EncodeToString(sum[:4])
		if s.now == "" {
			s.now = id
		}
		s.keys[id] = aead
	}
	return s, nil
}

// KeyID names the key that seals; it tells nothing about the key.
func (s *Sealer) KeyID() string { return s.now }

const sealVersion = 1

// Seal encrypts plain for one purpose ("tokens") and one row.
func (s *Sealer) Seal(purpose, row string, plain []byte) ([]byte, error) {
	aead := s.keys[s.now]
	id, _ := hex.DecodeString(s.now)
	out := make([]byte, 1+4+aead.NonceSize(), 1+4+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = sealVersion
	copy(out[1:], id)
	nonce := out[5:]
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return nil, fmt.Errorf("access: no randomness: %w", err)
	}
	return aead.Seal(out, nonce, plain, bound(purpose, row)), nil // #nosec G407 -- the nonce was just read from the random source
}

// Open decrypts what Seal made for the same purpose and row.
func (s *Sealer) Open(purpose, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < 5 || sealed[0] != sealVersion {
		return nil, errSealed
	}
	aead := s.keys[hex.EncodeToString(sealed[1:5])]
	if aead == nil || len(sealed) < 5+aead.NonceSize() {
		return nil, errSealed
	}
	n := 5 + aead.NonceSize()
	plain, err := aead.Open(nil, sealed[5:n], sealed[n:], bound(purpose, row))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func bound(purpose, row string) []byte {
	return fmt.Appendf(nil, "%d:%s%d:%s", len(purpose), purpose, len(row), row)
}

// Has says whether the sealer opens what the key of that id has sealed.
func (s *Sealer) Has(keyID string) bool { return s.keys[keyID] != nil }
