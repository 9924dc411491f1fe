package app

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/graph"
	"nameplate/internal/access"
	"nameplate/internal/config"
)

// ClientTrusting is an HTTP client that believes one more certificate authority; "" adds none. It follows no redirects with a
// body and takes no proxy from the environment by surprise.
func ClientTrusting(caFile string) (*http.Client, error) {
	t, err := transport(caFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t, Timeout: 30 * time.Second}, nil
}

func transport(caFile string) (*http.Transport, error) {
	t := &http.Transport{
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
	}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority's file cannot be read: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(caFile + " holds no certificate. Name a PEM file")
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// maxAssertion is how long a token of another issuer may be, in bytes.
const maxAssertion = 64 << 10

// assertion is the token of another issuer that proves the application; nil when a secret or a certificate does.
func assertion(cfg config.Config, client *http.Client) (access.Assertion, error) {
	switch {
	case cfg.FederatedTokenFile != "":
		return func(context.Context) (string, error) {
			f, err := os.Open(cfg.FederatedTokenFile) // each time: the platform puts a new one there before the old one ends
			if err != nil {
				return "", err
			}
			defer func() { _ = f.Close() }()
			b, err := io.ReadAll(io.LimitReader(f, maxAssertion))
			if text := strings.TrimSpace(string(b)); text != "" || err != nil {
				return text, err
			}
			return "", errors.New(cfg.FederatedTokenFile + " is empty")
		}, nil
	case cfg.ManagedIdentity != "":
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: client}}
		if cfg.ManagedIdentity != config.SystemAssigned {
			o.ID = azidentity.ClientID(cfg.ManagedIdentity)
		}
		identity, err := azidentity.NewManagedIdentityCredential(o)
		if err != nil {
			return nil, err
		}
		in, _ := graph.CloudNamed(cfg.Cloud.Name) // the settings have no other names
		ask := policy.TokenRequestOptions{Scopes: []string{in.Exchange() + "/.default"}}
		return func(ctx context.Context) (string, error) {
			t, err := identity.GetToken(ctx, ask)
			return t.Token, err
		}, nil
	}
	return nil, nil
}

// credential fetches the application's own tokens. Nil in delegated-only mode: then there is no right to misuse.
func credential(cfg config.Config, tenant string, client *http.Client, proof access.Assertion, file *pairFile, secrets *proofFile[config.Secret]) (azcore.TokenCredential, error) {
	o, own := reaching(cfg, client)
	switch {
	case cfg.DelegatedOnly:
		return nil, nil
	case file != nil:
		return &rolling[pair]{
			all: file.all, made: map[string]azcore.TokenCredential{}, name: func(p pair) string { return string(p.Leaf.Raw) },
			make: func(p pair) (azcore.TokenCredential, error) {
				return certificateCredential(cfg, tenant, client, p.chain, p.Key)
			},
		}, nil
	case proof != nil:
		return azidentity.NewClientAssertionCredential(tenant, cfg.ClientID, proof,
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: own})
	}
	return &rolling[config.Secret]{
		all: secrets.all, made: map[string]azcore.TokenCredential{}, name: config.Secret.Reveal,
		make: func(s config.Secret) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(tenant, cfg.ClientID, s.Reveal(), &azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: own})
		},
	}, nil
}

// certificateCredential fetches the application's own tokens with one certificate.
func certificateCredential(cfg config.Config, tenant string, client *http.Client, chain []*x509.Certificate, key crypto.PrivateKey) (azcore.TokenCredential, error) {
	o, own := reaching(cfg, client)
	return azidentity.NewClientCertificateCredential(tenant, cfg.ClientID, chain, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: own})
}

// reaching says how tokens are fetched. The emulator, and an authority that a company runs itself, are unknown to Microsoft's instance
// discovery: own says so.
func reaching(cfg config.Config, client *http.Client) (o azcore.ClientOptions, own bool) {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: cfg.Cloud.Tokens + "/"},
		Transport: client,
	}, cfg.Cloud.Own()
}
