package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// testClient is the application that Mint uses in a tenant that has none.
const testClient = "00000000-0000-4000-8000-0000000c11e7"

// Mint makes an access token without a sign-in.
func (e *Emulator) Mint(t Token) (string, error) {
	tn := e.all()[0]
	if t.Tenant != "" {
		if tn = e.tenantBy(t.Tenant); tn == nil {
			return "", fmt.Errorf("there is no tenant %q", t.Tenant)
		}
	}
	reg, err := e.mintClient(tn, t.Client)
	if err != nil {
		return "", err
	}
	life := t.Expires
	if life == 0 {
		life = time.Hour
	}
	now := e.Now()
	a := accessToken{
		reg: reg, tenant: tn, life: life, acr: "1", resource: resource{graph: true, audience: service().graph}, audience: t.Aud,
		at: service(), grant: grant{amr: []string{"pwd"}, signedIn: now},
	}
	if life < 0 {
		a.notBefore = now.Add(2 * life)
	}
	if t.As == "" {
		a.roles, a.wids = t.Roles, append(slices.Clone(reg.Roles), t.WIDs...)
		if len(a.roles) == 0 {
			a.roles = reg.Application
		}
		return e.signAccess(a)
	}
	acc, ok := e.accountOf(tn, t.As)
	if !ok {
		return "", fmt.Errorf("there is nobody called %q in %s", t.As, tn.name)
	}
	a.who, a.scopes = &acc, slices.Clone(t.Scopes)
	if len(a.scopes) == 0 {
		a.scopes = e.granted(tn, reg, a.resource, acc.id)
	}
	return e.signAccess(a)
}

// mintClient is the application named, or the tenant's first, or one made for the purpose.
func (e *Emulator) mintClient(t *tenant, id string) (registration, error) {
	if id == "" {
		id = e.firstClient(t)
	}
	if id == testClient {
		if err := e.registerTest(t); err != nil {
			return registration{}, err
		}
	}
	reg, ok := e.registrationOf(t, id)
	if !ok || reg.tenant != t {
		return reg, fmt.Errorf("there is no application %q in %s", id, t.name)
	}
	return reg, nil
}

func (e *Emulator) firstClient(t *tenant) string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, app := range t.dir.typed("application").list {
		if t.dir.service(app.text("appId")) != nil {
			return app.text("appId")
		}
	}
	return testClient
}

// serveUserinfo answers the OpenID userinfo endpoint, which is at Graph:
// https://learn.microsoft.com/en-us/entra/identity-platform/userinfo
func (e *Emulator) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(strings.TrimSuffix(r.URL.Path, "/"), "/oidc/userinfo") || r.Method != http.MethodGet && r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	p, err := e.authenticate(r)
	if err != nil {
		e.refuseUserinfo(w, r, err)
		return
	}
	acc := account{}
	ok := false
	if p.user != nil {
		acc, ok = e.accountOf(p.tenant, p.user.id)
	}
	if !ok || !p.scopes["openid"] {
		e.refuseUserinfo(w, r, refuseToken(r, "The token is missing required claims: openid."))
		return
	}
	out := map[string]any{"sub": pairwise(p.client, p.tenant.id, acc.id)}
	if p.scopes["profile"] {
		setUnlessEmpty(out, "name", acc.name)
		setUnlessEmpty(out, "given_name", acc.given)
		setUnlessEmpty(out, "family_name", acc.family)
	}
	if p.scopes["email"] {
		setUnlessEmpty(out, "email", acc.mail)
	}
	out["picture"] = siteOf(r).graph + "/v1.0/me/photo/$value"
	writeLoginJSON(w, http.StatusOK, out)
}

func (e *Emulator) refuseUserinfo(w http.ResponseWriter, r *http.Request, err error) {
	code, message := "InvalidAuthenticationToken", err.Error()
	if t, ok := err.(*tokenRefusal); ok {
		w.Header().Set("WWW-Authenticate", t.Challenge)
		code, message = t.Code, t.Message
	}
	t := e.trace(r)
	inner, _ := json.Marshal(map[string]any{ // strings only
		"error": map[string]any{"code": code, "message": message, "innerError": map[string]any{
			"date": e.Now().Format("2006-01-02T15:04:05"), "request-id": t.id, "client-request-id": t.correlation,
		}},
	})
	writeLoginJSON(w, http.StatusUnauthorized, json.RawMessage(inner))
}
