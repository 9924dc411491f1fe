package emulator

import (
	"slices"
	"strings"
	"time"
)

// idToken is what an id token is made of.
type idToken struct {
	at     site
	reg    registration
	grant  grant
	who    account
	scopes []string
	v1     bool           // of the v1.0 endpoints
	front  bool           // straight from the authorize endpoint
	extra  map[string]any // c_hash, at_hash
}

// signID makes an id token: https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
func (e *Emulator) signID(t idToken) (string, error) {
	key, err := e.keys.signer()
	if err != nil {
		return "", err
	}
	now, u, g := e.Now().Truncate(time.Second), t.who, t.grant
	has := func(s string) bool {
		return slices.ContainsFunc(t.scopes, func(x string) bool { return strings.EqualFold(x, s) })
	}
	c := map[string]any{
		"aud": t.reg.ClientID, "iss": t.at.issuerOf(g.tenant.id), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(idTokenLife).Unix(),
		"sub": pairwise(t.reg.ClientID, g.tenant.id, u.id), "tid": g.tenant.id, "ver": "2.0",
		"uti": e.opaque()[:22], "rh": "1." + e.opaque() + ".", "aio": e.opaque(),
	}
	setUnlessEmpty(c, "nonce", g.nonce)
	if t.v1 {
		c["iss"], c["ver"] = t.at.stsOf(g.tenant.id), "1.0"
		c["oid"], c["unique_name"], c["amr"], c["ipaddr"] = u.id, u.signInName(), g.amr, "127.0.0.1"
		setUnlessEmpty(c, "name", u.name)
		setUnlessEmpty(c, "given_name", u.given)
		setUnlessEmpty(c, "family_name", u.family)
		if !u.guest {
			c["upn"] = u.upn
		}
	} else if has("profile") {
		c["oid"], c["preferred_username"] = u.id, u.signInName()
		setUnlessEmpty(c, "name", u.name)
	}
	if u.mail != "" && (has("email") || u.guest) {
		c["email"] = u.mail
	}
	if u.guest {
		c["idp"] = e.providerOf(t.at, g.tenant, u)
	}
	if roles := assigned(t.reg, u.holder()); len(roles) > 0 {
		c["roles"] = roles
	}
	addGroups(c, t.reg.App, g.tenant.id, u, t.front)
	if t.reg.RoleClaims && len(u.wids) > 0 {
		c["wids"] = u.wids
	}
	if g.showAuth {
		c["auth_time"] = g.signedIn.Unix()
	}
	if len(g.acrs) > 0 {
		c["acrs"] = g.acrs
	}
	if t.reg.Logout != "" && g.sid != "" {
		c["sid"] = g.sid
	}
	addOptional(c, t.reg.OptionalClaims["idToken"], g.tenant, u, g)
	for k, v := range t.extra {
		c[k] = v
	}
	if spoiled, ok, err := e.spoilID(key, c); ok {
		return spoiled, err
	}
	return key.signJWT(c, t.v1)
}

// addGroups adds the groups, or what stands for them where they are too many: over 200, and over five in a redirect.
// https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference#groups-overage-claim
func addGroups(c map[string]any, app App, tenantID string, u account, front bool) {
	switch n := len(u.groups); {
	case !app.GroupClaims || n == 0:
	case front && n > 5:
		c["hasgroups"] = true
	case n > 200:
		c["_claim_names"] = map[string]any{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{
			"endpoint": "https://graph.windows.net/" + tenantID + "/users/" + u.id + "/getMemberObjects",
		}}
	default:
		c["groups"] = u.groups
	}
}

// addOptional adds the claims that an application registered for:
// https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference
func addOptional(c map[string]any, names []string, t *tenant, u account, g grant) {
	for _, name := range names {
		switch name {
		case "email":
			setUnlessEmpty(c, "email", u.mail)
		case "upn":
			if !u.guest {
				c["upn"] = u.upn
			}
		case "include_externally_authenticated_upn": // an additional property of upn
			c["upn"] = u.upn
		case "given_name":
			setUnlessEmpty(c, "given_name", u.given)
		case "family_name":
			setUnlessEmpty(c, "family_name", u.family)
		case "preferred_username":
			c["preferred_username"] = u.signInName()
		case "auth_time":
			c["auth_time"] = g.signedIn.Unix()
		case "sid":
			setUnlessEmpty(c, "sid", g.sid)
		case "idtyp":
			c["idtyp"] = "user"
		case "acct":
			c["acct"] = 0
			if u.guest {
				c["acct"] = 1
			}
		case "ipaddr":
			c["ipaddr"] = "127.0.0.1"
		case "ctry", "tenant_ctry":
			setUnlessEmpty(c, name, t.country)
		case "tenant_region_scope":
			c[name] = region(t.country)
		case "login_hint":
			c["login_hint"] = u.signInName()
		}
	}
}
