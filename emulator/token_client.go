package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientProof is how a client proved who it is: acr 0 not at all, 1 with a secret, 2 with a certificate.
type clientProof struct {
	reg registration
	acr string
}

// clientClaim is a client that says who it is and has not proved it.
type clientClaim struct {
	reg               registration
	secret, assertion string
	public            bool // it has nothing to prove itself with
}

// clientOf finds the client of a token request. spa says that a single-page application redeems what is its own, for which it is a
// public client.
func (e *Emulator) clientOf(r *http.Request, a authorityRequest, f url.Values, spa bool) (clientClaim, *oauthError) {
	id, pass := f.Get("client_id"), f.Get("client_secret")
	if user, pw, ok := r.BasicAuth(); ok {
		u, err1 := url.QueryUnescape(user)
		p, err2 := url.QueryUnescape(pw)
		if err1 != nil || err2 != nil {
			return clientClaim{}, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")
		}
		if id == "" {
			id = u
		}
		if pass == "" {
			pass = p
		}
	}
	assertion := f.Get("client_assertion")
	if id == "" && assertion != "" {
		var h jwtHeader
		var c assertionClaims
		if _, _, err := splitJWT(assertion, &h, &c); err == nil {
			id = c.Sub
		}
	}
	if id == "" {
		return clientClaim{}, missing("client_id")
	}
	reg, refusal := e.clientAt(a, id)
	c := clientClaim{reg: reg, secret: pass, assertion: assertion, public: reg.Public || spa}
	if refusal == nil && c.public && (pass != "" || assertion != "") {
		refusal = aadsts("invalid_client", 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.").unauthorized()
	}
	return c, refusal
}

// proved asks a client who said who it is for the proof. public says that the grant is open to public clients.
func (e *Emulator) proved(r *http.Request, c clientClaim, f url.Values, public bool) (clientProof, *oauthError) {
	reg, pass, assertion := c.reg, c.secret, c.assertion
	p := clientProof{reg: reg, acr: "0"}
	switch {
	case c.public && public:
		return p, nil
	case assertion != "":
		if t := f.Get("client_assertion_type"); t != assertionType {
			return p, missingOr(t, "client_assertion_type")
		}
		p.acr = "2"
		if len(reg.Federated) > 0 && issuerIn(assertion) != reg.ClientID {
			return p, e.checkFederated(reg, assertion)
		}
		return p, e.checkAssertion(r, reg, assertion)
	case pass != "":
		p.acr = "1"
		return p, e.checkSecret(reg, pass)
	}
	return p, aadsts("invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.").unauthorized()
}

// clientAt is the application with this id at this segment, or the service's reason why not.
func (e *Emulator) clientAt(a authorityRequest, id string) (registration, *oauthError) {
	reg, ok := e.registrationOf(a.tenant, id)
	if !ok {
		where := "the directory"
		if a.tenant != nil {
			where = a.tenant.name
		}
		return reg, aadsts("unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, where)
	}
	if reg.Disabled {
		return reg, aadsts("unauthorized_client", 7000112, "Application '%s'(%s) is disabled.", reg.ClientID, reg.Name)
	}
	if strings.EqualFold(a.segment, "consumers") && reg.Audience != "AzureADandPersonalMicrosoftAccount" {
		return reg, aadsts("invalid_request", 9002332, "Application '%s'(%s) is configured for use by Microsoft Entra users only. Please do not use the /consumers endpoint to serve this request.", reg.ClientID, reg.Name)
	}
	if a.tenant == nil && !reg.multi {
		return reg, aadsts("invalid_request", 50194, "Application '%s'(%s) is not configured as a multi-tenant application. Usage of the /%s endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.", reg.ClientID, reg.Name, strings.ToLower(a.segment))
	}
	return reg, nil
}

func missing(parameter string) *oauthError {
	return aadsts("invalid_request", 900144, "The request body must contain the following parameter: '%s'.", parameter)
}

func missingOr(value, parameter string) *oauthError {
	if value == "" {
		return missing(parameter)
	}
	return aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")
}

func (e *Emulator) checkSecret(reg registration, given string) *oauthError {
	now := e.Now()
	expired := false
	for _, s := range reg.Secrets {
		if subtle.ConstantTimeCompare([]byte(s.Value), []byte(given)) != 1 {
			continue
		}
		if starts, err := time.Parse(time.RFC3339, s.Starts); err == nil && now.Before(starts) {
			continue
		}
		if ends, err := time.Parse(time.RFC3339, s.Ends); err == nil && !now.Before(ends) {
			expired = true
			continue
		}
		return nil
	}
	if expired {
		return aadsts("invalid_client", 7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", reg.ClientID).unauthorized()
	}
	return aadsts("invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", reg.ClientID).unauthorized()
}

type assertionClaims struct {
	Iss string  `json:"iss"`
	Sub string  `json:"sub"`
	Aud any     `json:"aud"`
	Nbf seconds `json:"nbf"`
	Exp seconds `json:"exp"`
	Jti string  `json:"jti"`
}

// audiences are aud, which is a text or a list.
func (c assertionClaims) audiences() []string {
	switch v := c.Aud.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// seconds is a NumericDate (RFC 7519 §2), which may have a fraction: MSAL for Python sends one.
type seconds float64

func (s seconds) time() time.Time { return time.UnixMilli(int64(s * 1000)) }

// checkAssertion verifies a certificate credential:
// https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
func (e *Emulator) checkAssertion(r *http.Request, reg registration, assertion string) *oauthError {
	var h jwtHeader
	var c assertionClaims
	input, sig, err := splitJWT(assertion, &h, &c)
	if err != nil {
		return aadsts("invalid_request", 50027, "JWT token is invalid or malformed.")
	}
	h.X5t, h.X5tS256 = urlAlphabet(h.X5t), urlAlphabet(h.X5tS256)
	var cert *x509.Certificate
	shown := ""
	for _, p := range reg.Certificates {
		block, _ := pem.Decode([]byte(p))
		if block == nil {
			continue
		}
		x, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(x.Raw)
		switch {
		case h.X5t != "" && (h.X5t == thumbprint(x.Raw)),
			h.X5tS256 != "" && h.X5tS256 == base64.RawURLEncoding.EncodeToString(sum[:]),
			h.X5t == "" && h.X5tS256 == "" && h.Kid != "" && strings.EqualFold(h.Kid, hexThumb(x.Raw)):
			cert = x
		}
	}
	for _, v := range []string{h.X5t, h.X5tS256} {
		if raw, err := base64.RawURLEncoding.DecodeString(v); err == nil && len(raw) > 0 {
			shown = strings.ToUpper(hex.EncodeToString(raw))
		}
	}
	if shown == "" {
		shown = h.Kid
	}
	bad := func(reason string) *oauthError {
		return aadsts("invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]", reason, shown, reg.ClientID).unauthorized()
	}
	if cert == nil {
		return bad("The key was not found.")
	}
	if h.Alg != "RS256" && h.Alg != "PS256" {
		return aadsts("invalid_client", 5002738, "Invalid JWT token. '%s' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, PS256'", h.Alg).unauthorized()
	}
	if verifyJWS(cert.PublicKey, h.Alg, input, sig) != nil {
		return bad("The key used to sign the assertion is not the one found.")
	}
	now := e.Now()
	if now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
		return bad(fmt.Sprintf("The key used is expired. Found key 'Start=%s, End=%s'", cert.NotBefore.Format("01/02/2006 15:04:05"), cert.NotAfter.Format("01/02/2006 15:04:05")))
	}
	if !strings.EqualFold(c.Iss, reg.ClientID) || !strings.EqualFold(c.Sub, reg.ClientID) {
		return aadsts("invalid_client", 700021, "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.").unauthorized()
	}
	if !e.assertionAudience(r, c.audiences()) {
		return aadsts("invalid_client", 700023, "Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.").unauthorized()
	}
	return e.checkTimes(c)
}

// assertionAudience says whether aud is the token endpoint or the issuer of a tenant here, under an address of this emulator or
// under the service's own name.
func (e *Emulator) assertionAudience(r *http.Request, audiences []string) bool {
	for _, s := range audiences {
		u, err := url.Parse(s)
		if err != nil {
			continue
		}
		if c, graph := cloudAt(u.Host); (c == nil || graph) && !e.ownAddress(r, strings.ToLower(u.Scheme+"://"+u.Host)) {
			continue
		}
		segment, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		if e.tenantBy(segment) == nil && !isShared(segment) {
			continue
		}
		switch strings.TrimSuffix(rest, "/") {
		case "oauth2/v2.0/token", "oauth2/token", "v2.0", "":
			return true
		}
	}
	return false
}

func hexThumb(der []byte) string {
	raw, err := base64.RawURLEncoding.DecodeString(thumbprint(der))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(raw)
}

// urlAlphabet turns standard base64 into base64url: client libraries write x5t in either.
func urlAlphabet(s string) string {
	return strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
}
