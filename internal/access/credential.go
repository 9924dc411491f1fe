package access

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"nameplate/internal/fail"
)

// assertionLife is how long a client assertion is good.
const assertionLife = 5 * time.Minute

// proof is a secret or a certificate of the application; neither is another issuer's token.
type proof struct {
	secret      string
	certificate *Certificate
}

// proofs are those that may be good now, best first.
func (t Tenant) proofs() (out []proof) {
	switch {
	case t.Secrets != nil:
		for _, s := range t.Secrets() {
			out = append(out, proof{secret: s})
		}
	case t.Certificates != nil:
		for _, c := range t.Certificates() {
			out = append(out, proof{certificate: c})
		}
	default:
		out = append(out, proof{})
	}
	return out
}

// prove adds the application's own credential to a token request: the secret, or an assertion, signed by us with this certificate or by
// another issuer.
func (a *authority) prove(ctx context.Context, form url.Values, endpoint string, with proof) error {
	var jwt string
	var err error
	switch {
	case with.secret != "":
		form.Set("client_secret", with.secret)
		return nil
	case a.tenant.Assertion != nil:
		if jwt, err = a.tenant.Assertion(ctx); err != nil {
			a.s.cfg.Log.ErrorContext(ctx, "the token that proves the application cannot be had", "tenant", a.tenant.ID, "error", err)
			e := fail.Wrap(fail.Unavailable, "access.assertion", err)
			e.Code, e.Say = CodeCredential, fail.T("Nameplate cannot prove itself to Microsoft at the moment, so nobody can sign in now. Tell your administrator.")
			return e
		}
	default:
		id, err := a.s.secret(16)
		if err != nil {
			return err
		}
		if jwt, err = with.certificate.assertion(a.s.cfg.Random, a.tenant.ClientID, endpoint, id, a.s.cfg.Now()); err != nil {
			return fail.Wrap(fail.Internal, "access.assertion", err)
		}
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", jwt)
	return nil
}

// assertion is a JWT in the form that the service asks for: PS256, the certificate named by x5t#S256.
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
func (c *Certificate) assertion(random io.Reader, client, endpoint, id string, now time.Time) (string, error) {
	thumb := sha256.Sum256(c.Leaf.Raw)
	header, err := json.Marshal(map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumb[:])})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(map[string]any{
		"aud": endpoint, "iss": client, "sub": client, "jti": id,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	sig, err := c.Key.Sign(random, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
