package emulator

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
)

// savedKey is a key with its certificate in the data folder.
type savedKey struct {
	Key  []byte // PKCS #8
	Cert []byte // DER
}

// save is what there is: a key that nobody needed yet is made when it is needed.
func (k *keyring) save() ([]savedKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []savedKey
	for _, s := range k.keys {
		der, err := x509.MarshalPKCS8PrivateKey(s.key)
		if err != nil {
			return nil, err
		}
		out = append(out, savedKey{der, s.cert})
	}
	return out, nil
}

func (k *keyring) restore(saved []savedKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range saved {
		key, err := x509.ParsePKCS8PrivateKey(s.Key)
		if err != nil {
			return err
		}
		signer, ok := key.(*rsa.PrivateKey)
		if !ok {
			return errors.New("a signing key is not an RSA key")
		}
		k.keys = append(k.keys, &signingKey{kid: thumbprint(s.Cert), key: signer, cert: s.Cert})
	}
	return nil
}

// save is empty until the authority was needed.
func (c *certAuthority) save() (savedKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key == nil {
		return savedKey{}, nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	return savedKey{der, c.root}, err
}

func (c *certAuthority) restore(saved savedKey) error {
	if len(saved.Key) == 0 {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(saved.Key)
	if err != nil {
		return err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the authority's key is not an ECDSA key")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.root = signer, saved.Cert
	return nil
}
