package emulator

import (
	"slices"
	"strings"
	"time"
)

const behalfGrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// onBehalfOf turns the token that a person's application sent to this one into a token for the next resource:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-on-behalf-of-flow
func (e *Emulator) onBehalfOf(q tokenRequest) (map[string]any, *oauthError) {
	assertion := q.form.Get("assertion")
	switch {
	case assertion == "":
		return nil, missing("assertion")
	case q.form.Get("requested_token_use") != "on_behalf_of":
		return nil, missingOr(q.form.Get("requested_token_use"), "requested_token_use")
	case q.client.acr == "0":
		return nil, aadsts("invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.").unauthorized()
	case len(strings.Fields(q.form.Get("scope"))) == 0:
		return nil, q.withoutScope()
	}
	var h jwtHeader
	var c struct {
		Aud string   `json:"aud"`
		Tid string   `json:"tid"`
		Oid string   `json:"oid"`
		Scp string   `json:"scp"`
		Exp int64    `json:"exp"`
		CC  []string `json:"xms_cc"`
	}
	input, sig, err := splitJWT(assertion, &h, &c)
	if err != nil {
		return nil, aadsts("invalid_request", 50027, "JWT token is invalid or malformed.")
	}
	key := e.keys.find(h.Kid)
	now := e.Now()
	switch {
	case key == nil || h.Alg != "RS256" || verifyJWS(&key.key.PublicKey, h.Alg, input, sig) != nil:
		return nil, aadsts("invalid_grant", 50013, "Assertion failed signature validation. [Reason - The key was not found.]")
	case !now.Before(time.Unix(c.Exp, 0)):
		return nil, aadsts("invalid_grant", 500133, "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: %s, expiry time of assertion %s.", instant(now), instant(time.Unix(c.Exp, 0)))
	case !q.client.reg.isNamed(c.Aud) || c.Scp == "":
		return nil, aadsts("invalid_grant", 500131, "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '%s' and the expected audience is '%s' or one of the Application Uris of this application. The downstream client must request a token for the expected audience.", c.Aud, q.client.reg.ClientID)
	}
	t := e.tenantBy(c.Tid)
	if t == nil || q.at.tenant != nil && q.at.tenant != t {
		return nil, aadsts("invalid_grant", 50013, "Assertion failed signature validation. [Reason - The assertion is of another tenant.]")
	}
	g := grant{
		tenant: t, clientID: q.client.reg.ClientID, oid: c.Oid, scopes: strings.Fields(q.form.Get("scope")), signedIn: now, amr: []string{"pwd"},
		cc: slices.Contains(c.CC, "cp1"),
	}
	if s := q.form.Get("claims"); s != "" {
		g.applyClaims(s, now)
	}
	return e.answerGrant(q, g)
}
