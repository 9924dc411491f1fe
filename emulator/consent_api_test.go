package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

const (
	timeAPI   = "dddddddd-0000-4000-8000-000000000001" // an API of version 1.0 tokens
	storeAPI  = "dddddddd-0000-4000-8000-000000000002" // behind it, of version 2.0 tokens
	phoneApp  = "dddddddd-0000-4000-8000-000000000003" // registered for both
	wildApp   = "dddddddd-0000-4000-8000-000000000004" // registered for nothing
	trustApp  = "dddddddd-0000-4000-8000-000000000005" // preauthorized
	nightApp  = "dddddddd-0000-4000-8000-000000000006" // a daemon
	travelApp = "dddddddd-0000-4000-8000-000000000007" // of several tenants, like its API
	travelAPI = "dddddddd-0000-4000-8000-000000000008"
	timeURI   = "api://time.contoso.com"
)

// withAPIs is an organization with APIs of its own.
func withAPIs() []emulator.Organization {
	orgs := organizations()
	secret := []emulator.Secret{{Value: "right-secret"}}
	client := func(id, name string, requests ...string) emulator.App {
		return emulator.App{ClientID: id, Name: name, Redirects: []string{back}, Secrets: secret, Requests: requests}
	}
	api := client(timeAPI, "Time sheets", "Scope:api://"+storeAPI+"/Read")
	api.Identifiers = []string{timeURI}
	api.Exposes = []emulator.Permission{{Value: "Hours.Read", Name: "Read your hours"}, {Value: "Hours.Write", Name: "Write your hours"}, {Value: "Hours.Read.All", Type: "Admin"}}
	api.AppRoles = []emulator.AppRole{{Value: "Hours.Export"}}
	api.Preauthorized = map[string][]string{trustApp: {"Hours.Read"}}
	api.KnownClients = []string{phoneApp}
	store := client(storeAPI, "Store")
	store.TokenVersion, store.Exposes = 2, []emulator.Permission{{Value: "Read"}}
	night := client(nightApp, "Night run", "Role:"+timeURI+"/Hours.Export")
	travel, travelTo := client(travelApp, "Travel", "Scope:api://"+travelAPI+"/Trips.Read"), client(travelAPI, "Trips")
	travelTo.Exposes = []emulator.Permission{{Value: "Trips.Read"}}
	travel.Audience, travelTo.Audience = "AzureADMultipleOrgs", "AzureADMultipleOrgs"
	orgs[0].Apps = append(orgs[0].Apps, api, store, night, client(wildApp, "Wild"), client(trustApp, "Trusted"),
		client(phoneApp, "Phone", "Scope:User.Read", "Scope:"+timeURI+"/Hours.Read"), travel, travelTo)
	cloud := emulator.User{UPN: "cleo@contoso.com", Roles: []string{"Cloud Application Administrator"}, Values: map[string]any{"displayName": "Cleo Cloud"}}
	orgs[0].Users = append(orgs[0].Users, cloud)
	return orgs
}

// consented accepts what a page asks for.
func (p *visitor) consented(a pageReply, more ...string) pageReply {
	p.t.Helper()
	if a.to != nil || !strings.Contains(a.body, "Permissions requested") {
		p.t.Fatalf("not asked: %d %v %s", a.status, a.to, a.body)
	}
	return p.send("/"+contosoID+"/consent", form(append([]string{"flow", a.flow(p.t), "answer", "accept"}, more...)...))
}

// tokenFor redeems the code of an answer at the token endpoint.
func (p *visitor) tokenFor(a pageReply, client string, more ...string) (map[string]any, map[string]any) {
	p.t.Helper()
	if a.to == nil || a.to.Query().Get("code") == "" {
		p.t.Fatalf("no code: %d %v %s", a.status, a.to, a.body)
	}
	_, body := p.redeem(contosoID, a.to.Query().Get("code"), append([]string{"client_id", client}, more...)...)
	if body["access_token"] == nil {
		p.t.Fatal(body)
	}
	return claimsOf(p.t, body["access_token"]), body
}

// scopesOn are the permissions on a consent page.
func scopesOn(a pageReply) string {
	var out []string
	for _, part := range strings.Split(a.body, "<code>")[1:] {
		name, rest, _ := strings.Cut(part, "</code>")
		rest, _, _ = strings.Cut(rest, "</li>")
		out = append(out, name+rest)
	}
	return strings.Join(out, "; ")
}

func refusedWith(t *testing.T, a pageReply, kind, code string) {
	t.Helper()
	if a.to == nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if q := a.to.Query(); q.Get("error") != kind || !strings.HasPrefix(q.Get("error_description"), code+":") {
		t.Errorf("%v, wanted %s %s", q, kind, code)
	}
}

// https://learn.microsoft.com/en-us/entra/identity-platform/permissions-consent-overview
// https://learn.microsoft.com/en-us/graph/api/resources/permissionscope#properties
func TestConsentToAnAPI(t *testing.T) {
	t.Parallel()
	e, s := startOf(t, emulator.Options{Organizations: withAPIs()})
	d := (&desk{Emulator: e, t: t}).app("DelegatedPermissionGrant.ReadWrite.All", "Application.ReadWrite.All", "User.Read.All")
	idOf := func(path string) string {
		r := d.ask("GET", path+"?$select=id", nil)
		d.want(r, http.StatusOK, "")
		return r.body["id"].(string)
	}
	client, resource := idOf("/v1.0/servicePrincipals(appId='"+wildApp+"')"), idOf("/v1.0/servicePrincipals(appId='"+timeAPI+"')")
	adele := idOf("/v1.0/users/adele@contoso.com")
	grants := func() []map[string]any {
		return d.ask("GET", "/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'"+client+"'%20and%20resourceId%20eq%20'"+resource+"'", nil).items()
	}
	p := newVisitor(t, s)
	asking := func(scope string, more ...string) string { return asApp(contosoID, wildApp, scope, more...) }
	a := p.signIn(contosoID, asking("openid "+timeURI+"/Hours.Read"), "adele@contoso.com")
	if got := scopesOn(a); got != "Hours.Read of Time sheets; openid" || !strings.Contains(a.body, "Read your hours") {
		t.Errorf("the page asks for %s: %s", got, a.body)
	}
	refusedWith(t, p.get(asking("openid "+timeURI+"/Hours.Read", "prompt", "none")), "interaction_required", "AADSTS65001")
	refusedWith(t, p.send("/"+contosoID+"/consent", form("flow", a.flow(t), "answer", "cancel")), "access_denied", "AADSTS65004")
	if len(grants()) != 0 {
		t.Error("a refusal is a grant")
	}
	c, body := p.tokenFor(p.consented(p.get(asking("openid "+timeURI+"/hours.read"))), wildApp)
	if c["aud"] != timeURI || c["ver"] != "1.0" || c["scp"] != "Hours.Read" || c["appid"] != wildApp || c["upn"] != "adele@contoso.com" {
		t.Errorf("%v", c)
	}
	if scope, _ := body["scope"].(string); !slices.Contains(strings.Fields(scope), timeURI+"/hours.read") {
		t.Errorf("scope %q: as it was asked for", scope)
	}
	if g := grants(); len(g) != 1 || g[0]["consentType"] != "Principal" || g[0]["principalId"] != adele || g[0]["scope"] != "Hours.Read" {
		t.Errorf("%v", g)
	}
	// The version is the resource's: https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-formats
	if c, _ := p.tokenFor(p.consented(p.get(asking("api://"+storeAPI+"/Read"))), wildApp); c["ver"] != "2.0" || c["aud"] != storeAPI || c["scp"] != "Read" || c["azp"] != wildApp {
		t.Errorf("%v", c)
	}
	t.Run("only what is new is asked for, and the token has all that is granted", func(t *testing.T) {
		a := p.get(asking("openid " + timeURI + "/Hours.Read " + timeURI + "/Hours.Write"))
		if got := scopesOn(a); got != "Hours.Write of Time sheets" {
			t.Errorf("the page asks for %s", got)
		}
		if c, _ := p.tokenFor(p.consented(a), wildApp, "scope", timeURI+"/Hours.Read"); c["scp"] != "Hours.Read Hours.Write" {
			t.Errorf("scp %v", c["scp"])
		}
	})
	t.Run("of type Admin", func(t *testing.T) {
		if a := p.get(asking("openid " + timeURI + "/Hours.Read.All")); !strings.Contains(a.body, "Need admin approval") || !strings.Contains(a.body, "AADSTS90094") {
			t.Errorf("%d %v %s", a.status, a.to, a.body)
		}
		admin := newVisitor(t, s)
		admin.tokenFor(admin.consented(admin.signIn(contosoID, asking("openid "+timeURI+"/Hours.Read.All"), "cleo@contoso.com"), "everybody", "1"), wildApp)
		if c, _ := p.tokenFor(p.get(asking("openid "+timeURI+"/Hours.Read.All", "prompt", "none")), wildApp); !slices.Contains(strings.Fields(c["scp"].(string)), "Hours.Read.All") {
			t.Errorf("scp %v", c["scp"])
		}
		if g := grants(); len(g) != 2 {
			t.Errorf("%v", g)
		}
	})
	t.Run("of several APIs at once", func(t *testing.T) {
		// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code: scope
		q := newVisitor(t, s)
		both := timeURI + "/Hours.Write api://" + storeAPI + "/Read"
		a := q.signIn(contosoID, asking("openid User.Read "+both), "locked@contoso.com")
		a = q.send("/"+contosoID+"/login", form("flow", a.flow(t), "user", userField(a), "passwd", "Correct-Horse-1"))
		if got := scopesOn(a); got != "User.Read; Hours.Write of Time sheets; Read of Store" {
			t.Errorf("the page asks for %s", got)
		}
		a = q.consented(a)
		if c, _ := q.tokenFor(a, wildApp, "scope", "api://"+storeAPI+"/Read"); c["aud"] != storeAPI {
			t.Errorf("%v", c)
		}
	})
	t.Run("taken back in Graph", func(t *testing.T) {
		for _, g := range grants() {
			d.want(d.ask("DELETE", "/v1.0/oauth2PermissionGrants/"+g["id"].(string), nil), http.StatusNoContent, "")
		}
		if a := p.get(asking("openid " + timeURI + "/Hours.Read")); !strings.Contains(a.body, "Permissions requested") {
			t.Errorf("%d %v", a.status, a.to)
		}
		d.want(d.ask("POST", "/v1.0/oauth2PermissionGrants", map[string]any{"clientId": client, "consentType": "AllPrincipals", "resourceId": resource, "scope": "Hours.Write"}), http.StatusCreated, "")
		if c, _ := p.tokenFor(p.get(asking("openid "+timeURI+"/Hours.Write")), wildApp); c["scp"] != "Hours.Write" {
			t.Errorf("scp %v", c["scp"])
		}
	})
	t.Run("refused", func(t *testing.T) {
		refusedWith(t, p.get(asking(timeURI+"/Hours.Lose")), "invalid_client", "AADSTS650053")
		refusedWith(t, p.get(asking("api://nobody.contoso.com/Hours.Read")), "invalid_resource", "AADSTS500011")
		off := map[string]any{"api": map[string]any{"oauth2PermissionScopes": []any{map[string]any{
			"id": "dddddddd-0000-4000-8000-0000000000aa", "value": "Read", "isEnabled": false, "type": "User", "adminConsentDisplayName": "Read", "adminConsentDescription": "Read",
		}}}}
		made := d.ask("POST", "/v1.0/applications", map[string]any{"displayName": "Quiet"})
		d.want(made, http.StatusCreated, "")
		d.want(d.ask("PATCH", "/v1.0/applications/"+made.body["id"].(string), off), http.StatusNoContent, "")
		quiet := made.body["appId"].(string)
		refusedWith(t, p.get(asking(quiet+"/Read")), "invalid_resource", "AADSTS500011")
		d.want(d.ask("POST", "/v1.0/servicePrincipals", map[string]any{"appId": quiet}), http.StatusCreated, "")
		refusedWith(t, p.get(asking(quiet+"/Read")), "invalid_client", "AADSTS650053")
	})
}

// userField is the person that a password page is about.
func userField(a pageReply) string {
	_, rest, _ := strings.Cut(a.body, `name="user" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#the-default-scope
func TestConsentByDefaultScope(t *testing.T) {
	t.Parallel()
	_, s := startOf(t, emulator.Options{Organizations: withAPIs()})
	p := newVisitor(t, s)
	p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	t.Run("an API that the client is not registered for", func(t *testing.T) { // Azure/azure-cli#33887
		a := p.get(asApp(contosoID, wildApp, "openid "+timeURI+"/.default"))
		refusedWith(t, a, "invalid_client", "AADSTS650057")
		want := "AADSTS650057: Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: " +
			wildApp + "(Wild). Resource value from request: " + timeURI + ". Resource app ID: " + timeAPI + ". List of valid resources from app registration: ."
		if got, _, _ := strings.Cut(a.to.Query().Get("error_description"), "\r\n"); got != want {
			t.Errorf("%s", got)
		}
	})
	t.Run("granted once, whatever is registered", func(t *testing.T) { // example 1
		p.tokenFor(p.consented(p.get(asApp(contosoID, wildApp, timeURI+"/Hours.Write"))), wildApp)
		if c, _ := p.tokenFor(p.get(asApp(contosoID, wildApp, timeURI+"/.default")), wildApp); c["scp"] != "Hours.Write" {
			t.Errorf("scp %v", c["scp"])
		}
	})
	t.Run("nothing granted: everything of every API, and of the API that knows the client", func(t *testing.T) {
		// example 2; https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-on-behalf-of-flow#default-and-combined-consent
		a := p.get(asApp(contosoID, phoneApp, "openid "+timeURI+"/.default"))
		if got := scopesOn(a); got != "openid; User.Read; Hours.Read of Time sheets; Read of Store, for Time sheets" {
			t.Errorf("the page asks for %s", got)
		}
		c, body := p.tokenFor(p.consented(a), phoneApp)
		if c["aud"] != timeURI || c["scp"] != "Hours.Read" {
			t.Errorf("%v", c)
		}
		status, behalf := onBehalf(t, s, body["access_token"], "api://"+storeAPI+"/.default")
		if status != http.StatusOK {
			t.Fatal(behalf)
		}
		if c := claimsOf(t, behalf["access_token"]); c["aud"] != storeAPI || c["azp"] != timeAPI || c["scp"] != "Read" || c["preferred_username"] != "adele@contoso.com" {
			t.Errorf("%v", c)
		}
		_, behalf = onBehalf(t, s, body["access_token"], "https://graph.microsoft.com/User.Read")
		wantError(t, behalf, "invalid_grant", "AADSTS65001")
		if behalf["suberror"] != "consent_required" {
			t.Errorf("suberror %v", behalf["suberror"])
		}
	})
	t.Run("with other scopes", func(t *testing.T) {
		refusedWith(t, p.get(asApp(contosoID, phoneApp, timeURI+"/.default "+timeURI+"/Hours.Write")), "invalid_scope", "AADSTS70011")
	})
	t.Run("for itself", func(t *testing.T) { // https://github.com/MSEndpointMgr/Intune/issues/46
		refusedWith(t, p.get(asApp(contosoID, timeAPI, timeURI+"/.default")), "invalid_request", "AADSTS90009")
		if c, _ := p.tokenFor(p.consented(p.get(asApp(contosoID, timeAPI, timeURI+"/Hours.Read"))), timeAPI); c["aud"] != timeURI || c["appid"] != timeAPI {
			t.Errorf("%v", c)
		}
		if c, _ := p.tokenFor(p.get(asApp(contosoID, timeAPI, timeAPI+"/.default")), timeAPI); c["aud"] != timeAPI || c["scp"] != "Hours.Read" {
			t.Errorf("%v", c)
		}
	})
}

func onBehalf(t *testing.T, s *emulator.Server, assertion any, scope string) (int, map[string]any) {
	return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id", timeAPI,
		"client_secret", "right-secret", "assertion", assertion.(string), "scope", scope, "requested_token_use", "on_behalf_of"))
}

// https://learn.microsoft.com/en-us/graph/api/resources/preauthorizedapplication: no consent for what is named there, consent for the rest.
func TestPreauthorizedApplication(t *testing.T) {
	t.Parallel()
	_, s := startOf(t, emulator.Options{Organizations: withAPIs()})
	p := newVisitor(t, s)
	p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	for _, scope := range []string{"openid profile " + timeURI + "/Hours.Read", "openid " + timeURI + "/.default"} {
		if c, _ := p.tokenFor(p.get(asApp(contosoID, trustApp, scope)), trustApp); c["scp"] != "Hours.Read" || c["aud"] != timeURI {
			t.Errorf("%s: %v", scope, c)
		}
	}
	if got := scopesOn(p.get(asApp(contosoID, trustApp, timeURI+"/Hours.Read "+timeURI+"/Hours.Write"))); got != "Hours.Write of Time sheets" {
		t.Errorf("the page asks for %s", got)
	}
}

// An API's own application permissions: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
// …/v2-admin-consent. A Cloud Application Administrator consents to those of any API but Graph's:
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference#cloud-application-administrator,
// https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/grant-admin-consent#prerequisites
func TestAdminConsentToAnAPI(t *testing.T) {
	t.Parallel()
	_, s := startOf(t, emulator.Options{Organizations: withAPIs()})
	roles := func() any {
		_, body := post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", nightApp, "client_secret", "right-secret", "scope", timeURI+"/.default"))
		c := claimsOf(t, body["access_token"])
		if c["aud"] != timeURI || c["scp"] != nil {
			t.Errorf("%v", c)
		}
		return c["roles"]
	}
	if r := roles(); r != nil {
		t.Errorf("roles %v before anybody consented", r)
	}
	at := func(client string, v2 bool, scope string) string {
		if !v2 {
			return "/" + contosoID + "/adminconsent?" + form("client_id", client, "redirect_uri", back).Encode()
		}
		return "/" + contosoID + "/v2.0/adminconsent?" + form("client_id", client, "redirect_uri", back, "scope", scope).Encode()
	}
	p := newVisitor(t, s)
	a := p.signIn(contosoID, at(nightApp, false, ""), "cleo@contoso.com")
	if got := scopesOn(a); got != "Hours.Export of Time sheets" {
		t.Errorf("the page asks for %s", got)
	}
	if b := p.consented(a); b.to == nil || b.to.Query().Get("tenant") != contosoID {
		t.Fatalf("%d %v", b.status, b.to)
	}
	if r := roles(); fmt.Sprint(r) != "[Hours.Export]" {
		t.Errorf("roles %v", r)
	}
	if a := p.get(at(bareApp, false, "")); !strings.Contains(a.body, "AADSTS90093") {
		t.Errorf("application permissions of Graph: %d %v", a.status, a.to)
	}
	if b := p.consented(p.get(at(wildApp, true, timeURI+"/Hours.Read.All"))); b.to == nil {
		t.Fatalf("%d %s", b.status, b.body)
	}
	q := newVisitor(t, s)
	if c, _ := q.tokenFor(q.signIn(contosoID, asApp(contosoID, wildApp, timeURI+"/Hours.Read.All"), "adele@contoso.com"), wildApp); c["scp"] != "Hours.Read.All" {
		t.Errorf("%v", c)
	}
	refusedWith(t, p.get(at(wildApp, true, timeURI+"/Nothing")), "invalid_client", "AADSTS650053")
}

// An API of another tenant has to be there before its scopes are asked for: https://github.com/microsoft/GraphNotificationBroker/issues/5 for
// people, in older words and with the same error https://github.com/BingAds/BingAds-dotNet-SDK/issues/96; the page of codes (500011) for applications.
func TestAPIOfAnotherTenant(t *testing.T) {
	t.Parallel()
	e, s := startOf(t, emulator.Options{Organizations: withAPIs()})
	scope := "api://" + travelAPI + "/Trips.Read"
	p := newVisitor(t, s)
	a := p.signIn("organizations", asApp("organizations", travelApp, "openid "+scope), "carl@fabrikam.com")
	refusedWith(t, a, "invalid_client", "AADSTS650052")
	if text := a.to.Query().Get("error_description"); !strings.Contains(text, "The app is trying to access a service '"+travelAPI+"'(Trips) that your organization '"+fabrikamID+"' lacks a service principal for.") {
		t.Error(text)
	}
	d := (&desk{Emulator: e, t: t}).with(emulator.Token{Tenant: fabrikamID, Roles: []string{"Application.ReadWrite.All"}})
	d.want(d.ask("POST", "/v1.0/servicePrincipals", map[string]any{"appId": travelApp}), http.StatusCreated, "")
	_, body := post(t, s, "/"+fabrikamID+"/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", travelApp, "client_secret", "right-secret", "scope", "api://"+travelAPI+"/.default"))
	wantError(t, body, "invalid_resource", "AADSTS500011")
	d.want(d.ask("POST", "/v1.0/servicePrincipals", map[string]any{"appId": travelAPI}), http.StatusCreated, "")
	b := p.send("/organizations/consent", form("flow", p.get(asApp("organizations", travelApp, "openid "+scope)).flow(t), "answer", "accept"))
	if b.to == nil {
		t.Fatalf("%d %s", b.status, b.body)
	}
	_, body = p.redeem("organizations", b.to.Query().Get("code"), "client_id", travelApp)
	if c := claimsOf(t, body["access_token"]); c["tid"] != fabrikamID || c["aud"] != "api://"+travelAPI || c["scp"] != "Trips.Read" {
		t.Errorf("%v", body)
	}
}

// What an organization file says of APIs is checked, and is in a snapshot.
func TestAPIsOfAFile(t *testing.T) {
	t.Parallel()
	bad := func(change func(a *emulator.App)) error {
		orgs := withAPIs()
		a := emulator.App{ClientID: "dddddddd-0000-4000-8000-0000000000ff", Name: "Bad"}
		change(&a)
		orgs[0].Apps = append(orgs[0].Apps, a)
		_, err := emulator.New(emulator.Options{Organizations: orgs})
		return err
	}
	for what, change := range map[string]func(a *emulator.App){
		`delegated: there is no application "api://nobody/"`: func(a *emulator.App) { a.Delegated = []string{"api://nobody/Read"} },
		`delegated: ` + timeURI + `/ has no "Lose"`:          func(a *emulator.App) { a.Delegated = []string{timeURI + "/Lose"} },
		`requests: there is no application "api://nobody/"`:  func(a *emulator.App) { a.Requests = []string{"Scope:api://nobody/Read"} },
		`requests: ` + timeURI + `/ has no "Lose"`:           func(a *emulator.App) { a.Requests = []string{"Role:" + timeURI + "/Lose"} },
		`preauthorized: it exposes no scope "Read"`:          func(a *emulator.App) { a.Preauthorized = map[string][]string{webApp: {"Read"}} },
	} {
		if err := bad(change); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, wanted %s", err, what)
		}
	}
	e, _ := startOf(t, emulator.Options{Organizations: withAPIs()})
	again, s := startOf(t, emulator.Options{Organizations: e.Snapshot()})
	p := newVisitor(t, s)
	p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	if c, _ := p.tokenFor(p.get(asApp(contosoID, trustApp, timeURI+"/Hours.Read")), trustApp); c["scp"] != "Hours.Read" {
		t.Errorf("%v", c)
	}
	d := (&desk{Emulator: again, t: t}).app("Application.Read.All")
	r := d.ask("GET", "/v1.0/applications(appId='"+phoneApp+"')?$select=requiredResourceAccess", nil)
	if list, _ := r.body["requiredResourceAccess"].([]any); len(list) != 2 {
		t.Errorf("%v", r.body)
	}
}
