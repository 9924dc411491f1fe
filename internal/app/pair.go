package app

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/internal/access"
	"nameplate/internal/config"
	"nameplate/internal/fail"
)

// pair is a certificate with its key.
type pair struct {
	*access.Certificate
	chain []*x509.Certificate
}

// proofFile is a file with what proves the application. A file that takes its place is taken up while we run: whoever asks looks at the
// file first. What stood there before is remembered, because what is new takes a while to be known everywhere.
type proofFile[T any] struct {
	path string
	read func(data []byte) (T, error)
	same func(a, b T) bool
	mu   sync.Mutex
	seen os.FileInfo
	list []T // the present one, and the one before it
}

// pairFile is the file with the certificate; nil when something else proves the application.
type pairFile struct{ proofFile[pair] }

// openPairs reads the file that the configuration names.
func openPairs(cfg config.Config) (*pairFile, error) {
	if cfg.Certificate == "" {
		return nil, nil
	}
	f := &pairFile{proofFile[pair]{path: cfg.Certificate, same: func(a, b pair) bool { return a.Leaf.Equal(b.Leaf) }}}
	f.read = func(data []byte) (pair, error) {
		chain, key, err := azidentity.ParseCertificates(data, nil)
		if err == nil {
			_, err = tls.X509KeyPair(data, data) // the two belong together
		}
		signer, signs := key.(crypto.Signer)
		if err != nil || !signs {
			return pair{}, &fail.Error{Op: "app.certificate", Item: f.path, Kind: fail.Invalid, Err: err, Say: fail.T("The certificate file %s does not hold a certificate and its RSA key.", f.path)}
		}
		return pair{&access.Certificate{Leaf: chain[0], Key: signer}, chain}, nil
	}
	return f, f.look()
}

// openSecrets are the client secrets: one that never changes where it stands in the configuration itself; nil when something else proves
// the application. The configuration has looked at the first one.
func openSecrets(cfg config.Config) *proofFile[config.Secret] {
	if cfg.ClientSecret == "" {
		return nil
	}
	return &proofFile[config.Secret]{
		path: cfg.SecretFile, list: []config.Secret{cfg.ClientSecret}, same: func(a, b config.Secret) bool { return a == b },
		read: func(data []byte) (config.Secret, error) {
			text := strings.TrimRight(string(data), "\r\n")
			if text == "" {
				return "", errors.New("the file is empty")
			}
			return config.Secret(text), nil
		},
	}
}

// look reads the file when it is not the one that was seen last.
func (f *proofFile[T]) look() error {
	wrong := func(err error) error {
		return &fail.Error{Op: "app.certificate", Item: f.path, Kind: fail.Invalid, Err: err, Say: fail.T("The certificate file %s cannot be read.", f.path)}
	}
	if f.path == "" {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return wrong(err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return wrong(err)
	}
	now, err := f.read(data)
	if err != nil {
		return err
	}
	f.seen = info
	if len(f.list) == 0 || !f.same(f.list[0], now) {
		f.list = slices.Insert(f.list, 0, now)
		f.list = f.list[:min(2, len(f.list))]
	}
	return nil
}

// all are those that may be good now, the present one first. A file that is half written or gone leaves those that were good.
func (f *proofFile[T]) all() []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.look()
	return slices.Clone(f.list)
}

// certificates are the same for package access.
func (f *pairFile) certificates() []*access.Certificate {
	var out []*access.Certificate
	for _, p := range f.all() {
		out = append(out, p.Certificate)
	}
	return out
}

// leaf is the present certificate; nil when something else proves the application.
func (f *pairFile) leaf() *x509.Certificate {
	if f == nil {
		return nil
	}
	return f.all()[0].Leaf
}

// ends is when the present certificate ends; zero for anything else.
func (f *pairFile) ends() time.Time {
	if c := f.leaf(); c != nil {
		return c.NotAfter
	}
	return time.Time{}
}

// hint is what the registration shows of the present secret as well: its first three characters; "" when there is none.
func (c connection) hint() string {
	if c.secrets == nil {
		return ""
	}
	s := c.secrets.all()[0].Reveal()
	return s[:min(3, len(s))]
}

// rolling fetches the application's tokens with the present certificate or secret, and with the one before it while the authority does not
// know the present one.
type rolling[T any] struct {
	all  func() []T
	name func(T) string
	make func(T) (azcore.TokenCredential, error)
	mu   sync.Mutex
	made map[string]azcore.TokenCredential
}

// GetToken implements azcore.TokenCredential.
func (r *rolling[T]) GetToken(ctx context.Context, o policy.TokenRequestOptions) (t azcore.AccessToken, err error) {
	for _, p := range r.all() {
		var c azcore.TokenCredential
		if c, err = r.of(p); err != nil {
			continue
		}
		if t, err = c.GetToken(ctx, o); err == nil || !strings.Contains(err.Error(), "invalid_client") {
			return t, err
		}
	}
	return t, err
}

// of is the credential of one of them, which remembers its tokens.
func (r *rolling[T]) of(p T) (azcore.TokenCredential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.name(p)
	if c := r.made[name]; c != nil {
		return c, nil
	}
	c, err := r.make(p)
	if err != nil {
		return nil, err
	}
	if len(r.made) > 1 { // of some that are gone
		clear(r.made)
	}
	r.made[name] = c
	return c, nil
}
