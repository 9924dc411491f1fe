package emulator_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// asApp is a request for one of the applications that nobody has consented to.
func asApp(tenant, client, scope string, more ...string) string {
	return request(tenant, append([]string{"client_id", client, "scope", scope}, more...)...)
}

// https://learn.microsoft.com/en-us/entra/identity-platform/permissions-consent-overview
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
func TestConsent(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	t.Run("a person consents once", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, asApp(contosoID, bareApp, "openid profile User.Read"), "adele@contoso.com")
		if a.to != nil || !strings.Contains(a.body, "Permissions requested") || !strings.Contains(a.body, "<code>User.Read</code>") {
			t.Fatalf("%d %v %s", a.status, a.to, a.body)
		}
		if strings.Contains(a.body, "on behalf of your organization") {
			t.Error("somebody without a role is asked for the organization")
		}
		silent := p.get(asApp(contosoID, bareApp, "openid profile User.Read", "prompt", "none"))
		if q := silent.to.Query(); q.Get("error") != "interaction_required" || !strings.HasPrefix(q.Get("error_description"), "AADSTS65001:") {
			t.Errorf("silently before the consent: %v", q)
		}
		b := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "accept"))
		if b.to == nil || b.to.Query().Get("code") == "" {
			t.Fatalf("%d %s", b.status, b.body)
		}
		if c := p.get(asApp(contosoID, bareApp, "openid profile User.Read", "prompt", "none")); c.to == nil || c.to.Query().Get("code") == "" {
			t.Errorf("silently after the consent: %v", c.to)
		}
		if c := p.get(asApp(contosoID, bareApp, "openid profile User.Read", "prompt", "consent")); !strings.Contains(c.body, "Permissions requested") {
			t.Errorf("prompt=consent asks again: %d %v", c.status, c.to)
		}
		other := newVisitor(t, s)
		if c := other.signIn(contosoID, asApp(contosoID, bareApp, "openid profile User.Read"), "admin@contoso.com"); !strings.Contains(c.body, "Permissions requested") {
			t.Errorf("one person's consent is not everybody's: %d %v", c.status, c.to)
		}
	})
	t.Run("scopes are asked for in any case", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, asApp(contosoID, multiApp, "openid user.readwrite"), "adele@contoso.com")
		b := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "accept"))
		_, body := p.redeem(contosoID, b.to.Query().Get("code"), "client_id", multiApp)
		if scp, _ := claimsOf(t, body["access_token"])["scp"].(string); !slices.Contains(strings.Fields(scp), "User.ReadWrite") {
			t.Errorf("scp %q", scp)
		}
		if scope, _ := body["scope"].(string); !slices.Contains(strings.Fields(scope), "user.readwrite") {
			t.Errorf("scope %q: as it was asked for", scope)
		}
	})
	t.Run("a person declines", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, asApp(contosoID, bareApp, "openid User.ReadWrite"), "adele@contoso.com")
		b := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "cancel"))
		if q := b.to.Query(); q.Get("error") != "access_denied" || !strings.HasPrefix(q.Get("error_description"), "AADSTS65004:") || q.Get("state") != "s1" {
			t.Errorf("%v", b.to)
		}
	})
	t.Run("what only an administrator may grant", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, asApp(contosoID, bareApp, "openid User.Read.All"), "adele@contoso.com")
		if a.to != nil || !strings.Contains(a.body, "Need admin approval") || !strings.Contains(a.body, "AADSTS90094") {
			t.Fatalf("%d %v %s", a.status, a.to, a.body)
		}
		forced := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "accept", "everybody", "1"))
		if forced.to != nil {
			t.Errorf("accepted all the same: %v", forced.to)
		}
		admin := newVisitor(t, s)
		b := admin.signIn(contosoID, asApp(contosoID, bareApp, "openid User.Read.All"), "admin@contoso.com")
		if !strings.Contains(b.body, "on behalf of your organization") {
			t.Fatalf("%d %v %s", b.status, b.to, b.body)
		}
		if c := admin.send("/"+contosoID+"/consent", form("flow", b.flow(t), "answer", "accept", "everybody", "1")); c.to == nil || c.to.Query().Get("code") == "" {
			t.Fatalf("%d %s", c.status, c.body)
		}
		if c := p.get(asApp(contosoID, bareApp, "openid User.Read.All", "prompt", "none")); c.to == nil || c.to.Query().Get("code") == "" {
			t.Errorf("the consent for everybody covers others: %v", c.to)
		}
	})
	t.Run("S1.17/the tutorial's two scopes", func(t *testing.T) {
		scope := "openid User.Read Directory.AccessAsUser.All"
		if a := newVisitor(t, s).signIn(contosoID, asApp(contosoID, bareApp, scope), "adele@contoso.com"); !strings.Contains(a.body, "Need admin approval") {
			t.Errorf("Directory.AccessAsUser.All without an administrator: %d %v", a.status, a.to)
		}
		sent, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+asApp(contosoID, bareApp, scope), "admin@contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		_, body := newVisitor(t, s).redeem(contosoID, codeOf(t, sent).Get("code"), "client_id", bareApp)
		scp := strings.Fields(claimsOf(t, body["access_token"])["scp"].(string))
		if !slices.Contains(scp, "Directory.AccessAsUser.All") || !slices.Contains(scp, "User.Read") {
			t.Errorf("scp %v", scp)
		}
	})
	t.Run("consent needs the session of who is asked", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, asApp(contosoID, multiApp, "openid User.Read"), "adele@contoso.com")
		if b := newVisitor(t, s).send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "accept")); b.to != nil {
			t.Errorf("another browser consented: %v", b.to)
		}
	})
	t.Run("what people agree to on the page are oauth2PermissionGrants, and without them it is asked again", func(t *testing.T) {
		d := (&desk{Emulator: e, t: t}).app("DelegatedPermissionGrant.ReadWrite.All", "Application.Read.All", "User.Read.All")
		idOf := func(path string) string {
			r := d.ask("GET", path+"?$select=id", nil)
			d.want(r, http.StatusOK, "")
			return r.body["id"].(string)
		}
		client, graph := idOf("/v1.0/servicePrincipals(appId='"+bareApp+"')"), idOf("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
		grants := map[string]map[string]any{} // by principal, "" is everybody
		for _, g := range d.ask("GET", "/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'"+client+"'", nil).items() {
			who, _ := g["principalId"].(string)
			if want := map[bool]string{true: "AllPrincipals", false: "Principal"}[who == ""]; g["resourceId"] != graph || g["consentType"] != want || grants[who] != nil {
				t.Errorf("%v", g)
			}
			grants[who] = g
		}
		adele := idOf("/v1.0/users/adele@contoso.com")
		for who, scope := range map[string]string{adele: "User.Read", "": "User.Read.All"} {
			if s, _ := grants[who]["scope"].(string); !slices.Contains(strings.Fields(s), scope) {
				t.Errorf("%q may %q, wanted %s", who, s, scope)
			}
		}
		p := newVisitor(t, s)
		ask := asApp(contosoID, bareApp, "openid profile User.Read")
		if a := p.signIn(contosoID, ask, "adele@contoso.com"); a.to == nil || a.to.Query().Get("code") == "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, g := range grants {
			d.want(d.ask("DELETE", "/v1.0/oauth2PermissionGrants/"+g["id"].(string), nil), http.StatusNoContent, "")
		}
		if a := p.get(ask); !strings.Contains(a.body, "Permissions requested") {
			t.Errorf("without the grants: %d %v", a.status, a.to)
		}
		d.want(d.ask("POST", "/v1.0/oauth2PermissionGrants", map[string]any{"clientId": client, "consentType": "Principal", "principalId": adele, "resourceId": graph, "scope": "User.Read"}), http.StatusCreated, "")
		if a := p.get(ask); a.to == nil || a.to.Query().Get("code") == "" {
			t.Errorf("with a grant that Graph made: %d %s", a.status, a.body)
		}
	})
	t.Run("ledger", func(t *testing.T) {
		n := 0
		for _, x := range e.Ledger(0) {
			if x.Op == "app.consent" && x.App == bareApp {
				n++
			}
		}
		if n < 2 {
			t.Errorf("%d consents noted", n)
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent
func TestAdminConsent(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	token := func() map[string]any {
		_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", bareApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"))
		return claimsOf(t, body["access_token"])
	}
	v2 := "/" + contosoID + "/v2.0/adminconsent?" + form("client_id", bareApp, "redirect_uri", back, "state", "12345", "scope", "https://graph.microsoft.com/.default").Encode()
	v1 := "/" + contosoID + "/adminconsent?" + form("client_id", bareApp, "redirect_uri", back, "state", "12345").Encode()
	t.Run("S1.56/refused", func(t *testing.T) {
		for kind, path := range map[string]string{"consent_required": v2, "permission_denied": v1} {
			p := newVisitor(t, s)
			a := p.signIn(contosoID, path, "admin@contoso.com")
			b := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "cancel"))
			if q := b.to.Query(); q.Get("error") != kind || q.Get("admin_consent") != "True" || q.Get("state") != "12345" || q.Has("tenant") {
				t.Errorf("%v, want %s", b.to, kind)
			}
		}
		if token()["roles"] != nil {
			t.Error("a refusal granted roles")
		}
	})
	t.Run("not an administrator", func(t *testing.T) {
		a := newVisitor(t, s).signIn(contosoID, v2, "adele@contoso.com")
		if a.to != nil || !strings.Contains(a.body, "AADSTS90093") {
			t.Errorf("%d %v", a.status, a.to)
		}
	})
	t.Run("redirect address not registered", func(t *testing.T) {
		a := newVisitor(t, s).get(strings.Replace(v2, url.QueryEscape(back), url.QueryEscape("https://evil.example/"), 1))
		if a.to != nil || !strings.Contains(a.body, "AADSTS50011") {
			t.Errorf("%d %v", a.status, a.to)
		}
	})
	t.Run("S1.56/granted", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, v2, "admin@contoso.com")
		if !strings.Contains(a.body, "for everybody in Contoso") {
			t.Fatalf("%d %s", a.status, a.body)
		}
		b := p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "accept"))
		q := b.to.Query()
		if q.Get("admin_consent") != "True" || q.Get("tenant") != contosoID || q.Get("state") != "12345" || q.Get("scope") != "https://graph.microsoft.com/.default" {
			t.Errorf("%v", b.to)
		}
		if r, _ := token()["roles"].([]any); len(r) != 1 || r[0] != "User.Read.All" {
			t.Errorf("roles %v", r)
		}
		sent, err := emulator.SignIn(t.Context(), s.Client(), s.Authority+asApp(contosoID, bareApp, "openid User.Read.All", "prompt", "none"), "adele@contoso.com")
		if err != nil || codeOf(t, sent).Get("error") != "login_required" {
			t.Errorf("%s %v", sent, err)
		}
	})
}

// A person of another tenant, a guest, an application of several tenants.
// https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
func TestSeveralTenants(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	t.Run("A01/somebody of another tenant with the victim's e-mail", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn("common", asApp("common", multiApp, "openid profile email User.Read"), "bianca@fabrikam.com")
		b := p.send("/common/consent", form("flow", a.flow(t), "answer", "accept"))
		if b.to == nil {
			t.Fatalf("%d %s", b.status, b.body)
		}
		_, body := p.redeem("common", b.to.Query().Get("code"), "client_id", multiApp)
		c := claimsOf(t, body["id_token"])
		if c["tid"] != fabrikamID || c["iss"] != s.Authority+"/"+fabrikamID+"/v2.0" || c["email"] != "adele@contoso.com" {
			t.Errorf("%v", c)
		}
		_, body = post(t, s, "/"+fabrikamID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", multiApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"))
		installed := claimsOf(t, body["access_token"])
		_, body = post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", multiApp, "client_secret", "right-secret", "scope", "https://graph.microsoft.com/.default"))
		if installed["oid"] == claimsOf(t, body["access_token"])["oid"] {
			t.Error("each tenant has its own service principal")
		}
	})
	t.Run("guest", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, request(contosoID), "bianca@fabrikam.com")
		if a.to == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		_, body := p.redeem(contosoID, a.to.Query().Get("code"))
		id, access := claimsOf(t, body["id_token"]), claimsOf(t, body["access_token"])
		if id["tid"] != contosoID || id["email"] != "bianca@fabrikam.com" || id["preferred_username"] != "bianca@fabrikam.com" || id["idp"] != "https://sts.windows.net/"+fabrikamID+"/" {
			t.Errorf("id token %v", id)
		}
		if access["upn"] != nil || access["unique_name"] != "bianca@fabrikam.com" {
			t.Errorf("access token %v", access)
		}
		if w, _ := access["wids"].([]any); slices.Contains(w, any("b79fbf4d-3ef9-4689-8143-76b194e85509")) {
			t.Error("a guest is no member")
		}
	})
	t.Run("sub differs between applications, oid does not", func(t *testing.T) {
		p := newVisitor(t, s)
		a := p.signIn(contosoID, request(contosoID), "adele@contoso.com")
		_, one := p.redeem(contosoID, a.to.Query().Get("code"))
		b := p.get(asApp(contosoID, cliApp, "openid profile User.Read", "redirect_uri", "http://localhost:1234"))
		if b.to == nil {
			t.Fatalf("%d %s", b.status, b.body)
		}
		_, two := p.redeem(contosoID, b.to.Query().Get("code"), "client_id", cliApp, "client_secret", "", "redirect_uri", "http://localhost:1234")
		x, y := claimsOf(t, one["id_token"]), claimsOf(t, two["id_token"])
		if x["sub"] == y["sub"] || x["oid"] != y["oid"] {
			t.Errorf("sub %v and %v, oid %v and %v", x["sub"], y["sub"], x["oid"], y["oid"])
		}
		if acr := claimsOf(t, two["access_token"])["appidacr"]; acr != "0" {
			t.Errorf("appidacr of a public client is %v", acr)
		}
	})
}

// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request
func TestLogout(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	p := newVisitor(t, s)
	in := func() {
		t.Helper()
		if a := p.signIn(contosoID, request(contosoID, "prompt", "login"), "adele@contoso.com"); a.to == nil {
			t.Fatal(a.body)
		}
	}
	out := func(target string) pageReply {
		return p.get("/" + contosoID + "/oauth2/v2.0/logout?" + form("post_logout_redirect_uri", target, "state", "bye").Encode())
	}
	in()
	a := out(back)
	if a.status != http.StatusOK || !strings.Contains(a.body, `<iframe src="http://localhost:50000/logout/front?`) || !strings.Contains(a.body, "sid=") {
		t.Errorf("front-channel: %d %s", a.status, a.body)
	}
	if !strings.Contains(a.header.Get("Refresh"), back+"?state=bye") {
		t.Errorf("Refresh %q", a.header.Get("Refresh"))
	}
	if b := p.get(request(contosoID, "prompt", "none")); b.to.Query().Get("error") != "login_required" {
		t.Errorf("still signed in: %v", b.to)
	}
	in()
	if a := out("https://evil.example/"); a.to != nil || strings.Contains(a.body, "evil.example") || a.header.Get("Refresh") != "" {
		t.Errorf("led away to an address that is not registered: %v %s", a.to, a.body)
	}
	if a := out(""); a.status != http.StatusOK {
		t.Errorf("without anything to end: %d", a.status)
	}
}
