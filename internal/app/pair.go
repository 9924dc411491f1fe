package app

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
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

// pairFile is the file with the certificate that proves the application. A file that takes its place is taken up while we run: whoever
// asks looks at the file first. What stood there before is remembered, because a new certificate takes a while to be known everywhere.
type pairFile struct {
	path string
	mu   sync.Mutex
	seen os.FileInfo
	list []pair // the present one, and the one before it
}

// openPairs reads the file that the configuration names; nil when something else proves the application.
func openPairs(cfg config.Config) (*pairFile, error) {
	if cfg.Certificate == "" {
		return nil, nil
	}
	f := &pairFile{path: cfg.Certificate}
	return f, f.look()
}

// look reads the file when it is not the one that was seen last.
func (f *pairFile) look() error {
	wrong := func(err error, say fail.Text) error {
		return &fail.Error{Op: "app.certificate", Item: f.path, Kind: fail.Invalid, Err: err, Say: say}
	}
	unread := fail.T("The certificate file %s cannot be read.", f.path)
	info, err := os.Stat(f.path)
	if err != nil {
		return wrong(err, unread)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return wrong(err, unread)
	}
	chain, key, err := azidentity.ParseCertificates(data, nil)
	if err == nil {
		_, err = tls.X509KeyPair(data, data) // the two belong together
	}
	signer, signs := key.(crypto.Signer)
	if err != nil || !signs {
		return wrong(err, fail.T("The certificate file %s does not hold a certificate and its RSA key.", f.path))
	}
	f.seen = info
	if len(f.list) == 0 || !f.list[0].Leaf.Equal(chain[0]) {
		f.list = slices.Insert(f.list, 0, pair{&access.Certificate{Leaf: chain[0], Key: signer}, chain})
		f.list = f.list[:min(2, len(f.list))]
	}
	return nil
}

// pairs are those that may be good now, the present one first. A file that is half written or gone leaves those that were good.
func (f *pairFile) pairs() []pair {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.look()
	return slices.Clone(f.list)
}

// certificates are the same for package access.
func (f *pairFile) certificates() []*access.Certificate {
	var out []*access.Certificate
	for _, p := range f.pairs() {
		out = append(out, p.Certificate)
	}
	return out
}

// leaf is the present certificate; nil when something else proves the application.
func (f *pairFile) leaf() *x509.Certificate {
	if f == nil {
		return nil
	}
	return f.pairs()[0].Leaf
}

// ends is when the present certificate ends; zero for anything else.
func (f *pairFile) ends() time.Time {
	if c := f.leaf(); c != nil {
		return c.NotAfter
	}
	return time.Time{}
}

// rolling fetches the application's tokens with the present certificate, and with the one before it while the authority does not know
// the present one.
type rolling struct {
	file *pairFile
	make func(pair) (azcore.TokenCredential, error)
	mu   sync.Mutex
	made map[*access.Certificate]azcore.TokenCredential
}

// GetToken implements azcore.TokenCredential.
func (r *rolling) GetToken(ctx context.Context, o policy.TokenRequestOptions) (t azcore.AccessToken, err error) {
	for _, p := range r.file.pairs() {
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

// of is the credential of a pair, which remembers its tokens.
func (r *rolling) of(p pair) (azcore.TokenCredential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.made[p.Certificate]; c != nil {
		return c, nil
	}
	c, err := r.make(p)
	if err != nil {
		return nil, err
	}
	if len(r.made) > 1 { // of certificates that are gone
		clear(r.made)
	}
	r.made[p.Certificate] = c
	return c, nil
}
