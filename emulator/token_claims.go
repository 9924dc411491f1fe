package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// graphAppID is Microsoft Graph's application id in every tenant.
const graphAppID = "00000003-0000-0000-c000-000000000000"

// memberMarker is in wids of every person that is not a guest.
const memberMarker = "b79fbf4d-3ef9-4689-8143-76b194e85509"

// appOnlyMarker is in wids of every application's own token.
const appOnlyMarker = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"

// oidcScopes are about the person and not about a resource.
var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

func isOIDC(scope string) bool { return slices.Contains(oidcScopes, strings.ToLower(scope)) }

// grant is what a sign-in established; codes, refresh tokens and device codes carry it.
type grant struct {
	tenant     *tenant
	clientID   string
	oid        string
	scopes     []string // as they were asked for
	signedIn   time.Time
	amr        []string
	nonce      string
	cc         bool      // the client declared cp1
	challenged time.Time // a claims challenge was answered then
	showAuth   bool      // auth_time was asked for
	acrs       []string
	sid        string
	spa        bool // begun at a redirect address of a single-page application
}

// accessToken is what is signed for a resource.
type accessToken struct {
	reg       registration
	tenant    *tenant
	who       *account // nil for an application's own token
	grant     grant
	resource  resource
	scopes    []string // without the resource's prefix
	roles     []string
	wids      []string
	acr       string // how the client proved itself: 0 not, 1 secret, 2 certificate
	life      time.Duration
	at        site   // whose issuers it names
	audience  string // instead of the resource's
	notBefore time.Time
}

func (e *Emulator) opaque() string {
	a, b := e.random.id(), e.random.id()
	return base64.RawURLEncoding.EncodeToString([]byte(strings.ReplaceAll(a+b, "-", ""))[:33])
}

// pairwise is sub: another one for each application.
func pairwise(clientID, tenantID, oid string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(clientID) + "\x00" + tenantID + "\x00" + oid))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// tokenLife is the random life of an access token: 60 to 90 minutes, and up to 28 hours for clients that take claims challenges
// (https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-lifetime).
func (e *Emulator) tokenLife(cc bool) time.Duration {
	if cc {
		return 20*time.Hour + time.Duration(e.random.below(8*3600))*time.Second
	}
	return time.Hour + time.Duration(e.random.below(1800))*time.Second
}

// appTokenLife is the same for an application's own token. Continuous access evaluation of applications is Graph's alone and for those
// of one tenant; their tokens last up to 24 hours:
// https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-continuous-access-evaluation-workload
func (e *Emulator) appTokenLife(cc bool) time.Duration {
	if cc {
		return 20*time.Hour + time.Duration(e.random.below(4*3600))*time.Second
	}
	return e.tokenLife(false)
}

// signAccess makes an access token: in v1.0 form for Graph, in v2.0 form for other applications.
func (e *Emulator) signAccess(a accessToken) (string, error) {
	key, err := e.keys.signer()
	if err != nil {
		return "", err
	}
	now := e.Now().Truncate(time.Second)
	aud := a.resource.audience
	if a.audience != "" {
		aud = a.audience
	}
	nbf := now
	if !a.notBefore.IsZero() {
		nbf = a.notBefore
	}
	c := map[string]any{
		"aud": aud, "iat": now.Unix(), "nbf": nbf.Unix(), "exp": now.Add(a.life).Unix(),
		"tid": a.tenant.id, "uti": e.opaque()[:22], "rh": "1." + e.opaque() + ".", "aio": e.opaque(),
	}
	v1 := a.resource.v1()
	if v1 {
		c["iss"], c["ver"] = a.at.stsOf(a.tenant.id), "1.0"
		c["appid"], c["appidacr"], c["app_displayname"] = a.reg.ClientID, a.acr, a.reg.Name
		c["tenant_region_scope"] = region(a.tenant.country)
	} else {
		c["iss"], c["ver"] = a.at.issuerOf(a.tenant.id), "2.0"
		c["azp"], c["azpacr"] = a.reg.ClientID, a.acr
	}
	if len(a.roles) > 0 {
		c["roles"] = a.roles
	}
	if a.grant.cc {
		c["xms_cc"] = []string{"cp1"}
	}
	if a.who == nil {
		c["oid"], c["sub"] = a.reg.ObjectID, a.reg.ObjectID
		if v1 {
			c["idp"] = a.at.stsOf(a.tenant.id)
		}
		if a.resource.graph {
			c["idtyp"] = "app"
			c["wids"] = append(append([]string{}, a.wids...), appOnlyMarker)
		} else if slices.Contains(a.resource.app.OptionalClaims["accessToken"], "idtyp") {
			c["idtyp"] = "app"
		}
		return key.signJWT(c, v1)
	}
	u := a.who
	c["oid"], c["name"] = u.id, u.name
	c["sub"] = pairwise(a.resource.id(), a.tenant.id, u.id)
	setUnlessEmpty(c, "scp", strings.Join(a.scopes, " "))
	if len(a.grant.acrs) > 0 {
		c["acrs"] = a.grant.acrs
	}
	answered := a.grant.signedIn
	if a.grant.challenged.After(answered) {
		answered = a.grant.challenged
	}
	c["emulator"] = map[string]any{"issued": e.Now().UnixMicro(), "answered": answered.UnixMicro()}
	if a.grant.sid != "" {
		c["sid"] = a.grant.sid
	}
	if u.guest {
		c["idp"] = e.providerOf(a.at, a.tenant, *u)
	}
	if app := a.resource.app; app != nil {
		addGroups(c, app.App, a.tenant.id, *u, false)
		addOptional(c, app.OptionalClaims["accessToken"], a.tenant, *u, a.grant)
	}
	if !v1 {
		c["preferred_username"] = u.signInName()
		return key.signJWT(c, v1)
	}
	c["acr"], c["amr"], c["ipaddr"] = "1", a.grant.amr, "127.0.0.1"
	c["unique_name"] = u.signInName()
	if u.guest {
		c["email"] = u.signInName()
	} else {
		c["upn"] = u.upn
	}
	if a.resource.graph {
		c["idtyp"], c["acct"] = "user", 0
		if u.guest {
			c["acct"], c["wids"] = 1, append([]string{}, u.wids...)
		} else {
			c["wids"] = append(append([]string{}, u.wids...), memberMarker)
		}
	}
	setUnlessEmpty(c, "given_name", u.given)
	setUnlessEmpty(c, "family_name", u.family)
	return key.signJWT(c, v1)
}

func setUnlessEmpty(c map[string]any, name, value string) {
	if value != "" {
		c[name] = value
	}
}

// signInName is preferred_username and unique_name: a guest is known by mail address.
func (a account) signInName() string {
	if a.guest && a.mail != "" {
		return a.mail
	}
	return a.upn
}

// clientInfo is client_info: base64url of {"uid","utid"}, by which client libraries know their accounts.
func clientInfo(oid, tid string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + oid + `","utid":"` + tid + `"}`))
}
