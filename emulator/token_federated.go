package emulator

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"
)

// exchangeAudience is what a foreign token must be made out to where the credential says nothing else:
// https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation
const exchangeAudience = "api://AzureADTokenExchange"

// issuerIn is iss of a token that nobody has checked yet.
func issuerIn(token string) string {
	var h jwtHeader
	var c assertionClaims
	if _, _, err := splitJWT(token, &h, &c); err != nil {
		return ""
	}
	return c.Iss
}

// checkFederated verifies a foreign issuer's token that stands for the application's own credential. Issuer, subject and audience
// are compared letter by letter (https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#august-2024);
// the words are those of https://github.com/Azure/login/issues/515 and
// https://github.com/Azure/azure-workload-identity/issues/1200 and 1232
func (e *Emulator) checkFederated(reg registration, token string) *oauthError {
	var h jwtHeader
	var c assertionClaims
	input, sig, err := splitJWT(token, &h, &c)
	if err != nil {
		return aadsts("invalid_request", 50027, "JWT token is invalid or malformed.")
	}
	const see = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	of := func(is func(Federated) bool) bool { return slices.ContainsFunc(reg.Federated, is) }
	issuer := func(f Federated) bool { return f.Issuer == c.Iss }
	if !of(issuer) {
		return aadsts("invalid_client", 700211, "No matching federated identity record found for presented assertion issuer '%s'. "+see, c.Iss).unauthorized()
	}
	if !of(func(f Federated) bool { return issuer(f) && f.Subject == c.Sub }) {
		if of(func(f Federated) bool { return issuer(f) && strings.EqualFold(f.Subject, c.Sub) }) {
			return aadsts("invalid_client", 7002138, "No matching federated identity record found for presented assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. "+see, c.Sub).unauthorized()
		}
		return aadsts("invalid_client", 700213, "No matching federated identity record found for presented assertion subject '%s'. "+see, c.Sub).unauthorized()
	}
	audiences := c.audiences()
	if !of(func(f Federated) bool {
		want := f.Audience
		if want == "" {
			want = exchangeAudience
		}
		return issuer(f) && f.Subject == c.Sub && slices.Contains(audiences, want)
	}) {
		return aadsts("invalid_client", 700212, "No matching federated identity record found for presented assertion audience '%s'. "+see, strings.Join(audiences, " ")).unauthorized()
	}
	if !slices.ContainsFunc(reg.home.keysOf(c.Iss), func(k crypto.PublicKey) bool { return verifyJWS(k, h.Alg, input, sig) == nil }) {
		return aadsts("invalid_client", 7000272, "The certificate with identifier %s used to sign the federated credential could not be found in the metadata of identity provider %s. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token.", h.Kid, c.Iss).unauthorized()
	}
	return e.checkTimes(c)
}

// keysOf are the public keys of an issuer that the organization file names.
func (t *tenant) keysOf(issuer string) []crypto.PublicKey {
	var out []crypto.PublicKey
	for _, i := range t.policy.issuers {
		if i.Address != issuer {
			continue
		}
		for _, text := range i.Keys {
			if k, err := publicKey(text); err == nil {
				out = append(out, k)
			}
		}
	}
	return out
}

// publicKey reads a public key or the one of a certificate.
func publicKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not PEM")
	}
	if block.Type == "CERTIFICATE" {
		x, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return x.PublicKey, nil
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// checkTimes says whether an assertion is in its time.
func (e *Emulator) checkTimes(c assertionClaims) *oauthError {
	now := e.Now()
	if c.Exp != 0 && !now.Add(-clockSkew).After(c.Exp.time()) && (c.Nbf == 0 || !now.Add(clockSkew).Before(c.Nbf.time())) {
		return nil
	}
	return aadsts("invalid_client", 700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
		now.Format(time.RFC3339Nano), c.Nbf.time().UTC().Format(time.RFC3339Nano), c.Exp.time().UTC().Format(time.RFC3339Nano)).unauthorized()
}
