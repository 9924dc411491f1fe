package app

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/internal/access"
	"nameplate/internal/config"
	"nameplate/internal/fail"
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

// readCertificate reads the certificate and key that prove the application to the authority; nil when a secret is used.
func readCertificate(cfg config.Config) (*access.Certificate, []*x509.Certificate, crypto.PrivateKey, error) {
	if cfg.Certificate == "" {
		return nil, nil, nil, nil
	}
	data, err := os.ReadFile(cfg.Certificate)
	if err != nil {
		return nil, nil, nil, &fail.Error{Op: "app.certificate", Kind: fail.Invalid, Err: err, Say: fail.T("The certificate file %s cannot be read.", cfg.Certificate)}
	}
	chain, key, err := azidentity.ParseCertificates(data, nil)
	if err != nil {
		return nil, nil, nil, &fail.Error{Op: "app.certificate", Kind: fail.Invalid, Err: err, Say: fail.T("The certificate file %s does not hold a certificate and its RSA key.", cfg.Certificate)}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, nil, &fail.Error{Op: "app.certificate", Kind: fail.Invalid, Say: fail.T("The key in %s cannot sign.", cfg.Certificate)}
	}
	return &access.Certificate{Leaf: chain[0], Key: signer}, chain, key, nil
}

// credential fetches the application's own tokens. Nil in delegated-only mode: then there is no right to misuse.
func credential(cfg config.Config, tenant string, client *http.Client, chain []*x509.Certificate, key crypto.PrivateKey) (azcore.TokenCredential, error) {
	if cfg.DelegatedOnly {
		return nil, nil
	}
	o := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: cfg.Cloud.Tokens + "/"},
		Transport: client,
	}
	// The emulator, and an authority that a company runs itself, are unknown to Microsoft's instance discovery.
	own := cfg.Cloud.Own()
	if chain != nil {
		return azidentity.NewClientCertificateCredential(tenant, cfg.ClientID, chain, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: own})
	}
	return azidentity.NewClientSecretCredential(tenant, cfg.ClientID, cfg.ClientSecret.Reveal(),
		&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: own})
}
