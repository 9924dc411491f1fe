package emulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// tokenRefusal is why a request to Graph has no principal. It is answered as 401 with Code and Message in Graph's envelope and
// Challenge as WWW-Authenticate.
type tokenRefusal struct {
	Code      string
	Message   string
	Challenge string
}

func (t *tokenRefusal) Error() string { return t.Code + ": " + t.Message }

// verifiedToken is what a token said, once its signature was found good.
type verifiedToken struct {
	kid      string
	audience string // lower case, without a slash behind
	issuer   string
	tenant   string
	client   string
	oid      string
	app      bool
	scopes   map[string]bool
	roles    map[string]bool
	wids     []string
	issued   time.Time
	from     time.Time
	until    time.Time
	cc       bool
	answered time.Time // a claims challenge
}

// tokenCache remembers verified tokens by their text, so that a thousand requests with one token verify one signature.
type tokenCache struct {
	mu     sync.RWMutex
	tokens map[string]*verifiedToken
}

const tokenCacheMax = 10_000

func (c *tokenCache) get(token string) *verifiedToken {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tokens[token]
}

func (c *tokenCache) put(token string, v *verifiedToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil || len(c.tokens) >= tokenCacheMax {
		c.tokens = map[string]*verifiedToken{}
	}
	c.tokens[token] = v
}

// accessClaims is what Graph reads of an access token.
type accessClaims struct {
	Aud      string   `json:"aud"`
	Iss      string   `json:"iss"`
	Iat      int64    `json:"iat"`
	Nbf      int64    `json:"nbf"`
	Exp      int64    `json:"exp"`
	Tid      string   `json:"tid"`
	Oid      string   `json:"oid"`
	AppID    string   `json:"appid"`
	Scp      string   `json:"scp"`
	Roles    []string `json:"roles"`
	Wids     []string `json:"wids"`
	Idtyp    string   `json:"idtyp"`
	CC       []string `json:"xms_cc"`
	Emulator struct {
		Issued   int64 `json:"issued"`   // microseconds: iat is too coarse for "since"
		Answered int64 `json:"answered"` // when the person last signed in or answered a claims challenge
	} `json:"emulator"`
}

const graphChallenge = `Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="` + graphAppID + `"`

func refuseToken(r *http.Request, message string) *tokenRefusal {
	return &tokenRefusal{Code: "InvalidAuthenticationToken", Message: message, Challenge: fmt.Sprintf(graphChallenge, siteOf(r).login)}
}

// authenticate reads who a request to Graph comes from. The error is a *tokenRefusal. Call it without Emulator.mu held.
func (e *Emulator) authenticate(r *http.Request) (*principal, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "Bearer") {
		return nil, refuseToken(r, "Access token is empty.")
	}
	v := e.cache.get(token)
	if v == nil || e.keys.find(v.kid) == nil {
		var refusal *tokenRefusal
		if v, refusal = e.verifyAccess(r, token); refusal != nil {
			return nil, refusal
		}
		e.cache.put(token, v)
	}
	s := siteOf(r)
	if v.audience != graphAppID && !s.isGraph(v.audience) && (s.real || !e.ownAddress(r, v.audience)) {
		return nil, refuseToken(r, "Access token validation failure. Invalid audience.")
	}
	if v.issuer != s.stsOf(v.tenant) {
		return nil, refuseToken(r, "Access token validation failure. Invalid issuer.")
	}
	now := e.Now()
	if !now.Before(v.until) {
		return nil, refuseToken(r, "Lifetime validation failed, the token is expired.")
	}
	if now.Add(clockSkew).Before(v.from) {
		return nil, refuseToken(r, "Lifetime validation failed, the token is not yet valid.")
	}
	p := &principal{scopes: v.scopes, roles: v.roles, wids: v.wids, issued: v.issued}
	e.mu.RLock()
	for _, t := range e.tenants {
		if t.id == v.tenant {
			p.tenant = t
		}
	}
	if p.tenant != nil {
		if p.app = p.tenant.dir.caller(v.client); p.app != nil {
			p.client = p.app.text("appId")
		}
		if !v.app {
			p.user = p.tenant.userByID(v.oid)
		}
	}
	e.mu.RUnlock()
	switch {
	case p.tenant == nil:
		return nil, refuseToken(r, "Access token validation failure. Invalid issuer.")
	case p.app == nil:
		return nil, refuseToken(r, "The identity of the calling application could not be established.")
	case !v.app && p.user == nil:
		return nil, refuseToken(r, "The user account does not exist or has been deleted.")
	}
	if v.cc {
		if refusal := e.continuous(r, p, v); refusal != nil {
			return nil, refusal
		}
	}
	return p, nil
}

// verifyAccess checks a token that was not seen before.
func (e *Emulator) verifyAccess(r *http.Request, token string) (*verifiedToken, *tokenRefusal) {
	var h jwtHeader
	var c accessClaims
	input, sig, err := splitJWT(token, &h, &c)
	if err != nil {
		return nil, refuseToken(r, "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.EncodedCiphertext.EncodedAuthenticationTag'.")
	}
	key := e.keys.find(h.Kid)
	if key == nil || h.Alg != "RS256" || verifyJWS(&key.key.PublicKey, "RS256", input, sig) != nil {
		return nil, refuseToken(r, "Access token validation failure. Invalid signature.")
	}
	v := &verifiedToken{
		kid: h.Kid, audience: strings.ToLower(strings.TrimRight(c.Aud, "/")), issuer: c.Iss, tenant: c.Tid, client: strings.ToLower(c.AppID), oid: c.Oid, app: c.Idtyp == "app",
		scopes: map[string]bool{}, roles: map[string]bool{}, wids: c.Wids,
		issued: time.Unix(c.Iat, 0).UTC(), from: time.Unix(c.Nbf, 0).UTC(), until: time.Unix(c.Exp, 0).UTC(),
	}
	for _, s := range strings.Fields(c.Scp) {
		v.scopes[s] = true
	}
	for _, s := range c.Roles {
		v.roles[s] = true
	}
	for _, s := range c.CC {
		v.cc = v.cc || strings.EqualFold(s, "cp1")
	}
	if c.Emulator.Issued != 0 {
		v.issued = time.UnixMicro(c.Emulator.Issued).UTC()
	}
	v.answered = time.UnixMicro(c.Emulator.Answered).UTC()
	return v, nil
}

// continuous is continuous access evaluation: what happened since the token was issued is asked of clients that declared cp1
// (https://learn.microsoft.com/en-us/entra/identity-platform/app-resilience-continuous-access-evaluation).
func (e *Emulator) continuous(r *http.Request, p *principal, v *verifiedToken) *tokenRefusal {
	acc, ok := e.accountOf(p.tenant, v.oid)
	if !ok {
		return nil
	}
	e.login.mu.Lock()
	since := e.login.challenges[v.tenant+"/"+v.oid]
	e.login.mu.Unlock()
	switch {
	case !acc.enabled:
		return challenge(r, "AccountDisabled", e.Now())
	case v.issued.Before(acc.validFrom):
		return challenge(r, "TokenIssuedBeforeRevocationTimestamp", acc.validFrom)
	case v.answered.Before(since):
		return challenge(r, "TokenCreatedWithOutdatedPolicies", since)
	}
	return nil
}

func challenge(r *http.Request, code string, since time.Time) *tokenRefusal {
	claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true, "value":"%d"}}}`, since.Unix())
	t := refuseToken(r, "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "+code)
	t.Challenge += `, error_description="` + t.Message + `", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	return t
}

// Challenge makes Graph refuse this person's access tokens from clients that declared the capability cp1, with a claims challenge,
// until they sign in (or redeem a refresh token) with the claims parameter that the challenge carries. Tokens of other clients go on.
func (e *Emulator) Challenge(tenant, who string) error {
	t, acc, err := e.find(tenant, who)
	if err != nil {
		return err
	}
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	e.login.challenges[t.id+"/"+acc.id] = e.Now()
	return nil
}

// find is a tenant by id or domain ("" is the first) and a person in it by UPN or object id.
func (e *Emulator) find(tenant, who string) (*tenant, account, error) {
	t := e.all()[0]
	if tenant != "" {
		if t = e.tenantBy(tenant); t == nil {
			return nil, account{}, fmt.Errorf("there is no tenant %q", tenant)
		}
	}
	acc, ok := e.accountOf(t, who)
	if !ok {
		return nil, account{}, fmt.Errorf("there is nobody called %q in %s", who, t.name)
	}
	return t, acc, nil
}
