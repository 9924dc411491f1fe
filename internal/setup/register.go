package setup

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// application is what setup reads of a registration. https://learn.microsoft.com/graph/api/resources/application
type application struct {
	ID, AppID, DisplayName string
	Web                    struct {
		RedirectURIs []string
		LogoutURL    string
	}
	AppRoles       []map[string]any
	Keys           []map[string]any   `json:"keyCredentials"`
	Passwords      []map[string]any   `json:"passwordCredentials"`
	Required       []requiredResource `json:"requiredResourceAccess"`
	OptionalClaims map[string][]map[string]any
	Public         bool `json:"isFallbackPublicClient"` // flows in which nobody proves the application: passwords, device codes
}

type requiredResource struct {
	App    string     `json:"resourceAppId"`
	Access []required `json:"resourceAccess"`
}

type required struct {
	ID   string `json:"id"`
	Type string `json:"type"` // "Scope" is delegated, "Role" the application's own
}

const appFields = "id,appId,displayName,web,appRoles,keyCredentials,passwordCredentials,requiredResourceAccess,optionalClaims,isFallbackPublicClient"

// application finds the registration; nil when there is none.
func (p *Plan) application(ctx context.Context) (*application, error) {
	if id := p.wish.ClientID; id != "" {
		var a application
		err := p.g.Get(ctx, "/applications(appId='"+url.PathEscape(id)+"')?$select="+appFields, &a)
		switch {
		case missing(err):
			return nil, fail.New(fail.NotFound, "setup.look", fail.T("The setting client_id names %[1]s, and %[2]s has no such application. Take client_id out to register a new one, or check the tenant.", id, p.Organization))
		case err != nil:
			return nil, refused("setup.look", err, explain.Reading)
		}
		return &a, nil
	}
	filter := url.QueryEscape("displayName eq '" + strings.ReplaceAll(p.wish.Name, "'", "''") + "'")
	var ours []application
	for a, err := range each[application](ctx, p.g, "/applications?$filter="+filter+"&$select="+appFields) {
		if err != nil {
			return nil, refused("setup.look", err, explain.Reading)
		}
		if slices.Contains(a.Web.RedirectURIs, p.wish.Redirects[0]) {
			ours = append(ours, a)
		}
	}
	switch len(ours) {
	case 0:
		return nil, nil
	case 1:
		return &ours[0], nil
	}
	return nil, fail.New(fail.Conflict, "setup.look", fail.T("%[1]d applications are called %[2]s and have the redirect address %[3]s. Write the client_id of the right one into the configuration.", len(ours), p.wish.Name, p.wish.Redirects[0]))
}

// compareApplication says what the registration lacks, and collects what to send.
func (p *Plan) compareApplication(a *application) {
	if a == nil {
		a = &application{}
		p.app["displayName"], p.app["signInAudience"] = p.wish.Name, ownTenant
		p.step("application", "an application, for people of this organization only", p.wish.Name, Add)
	} else {
		p.step("application", "the application", a.DisplayName+" ("+a.AppID+")", There)
	}
	web := map[string]any{}
	addresses := slices.Clone(a.Web.RedirectURIs)
	for _, r := range p.wish.Redirects {
		state := There
		if !slices.Contains(addresses, r) {
			state, addresses = Add, append(addresses, r)
			web["redirectUris"] = addresses
		}
		p.step("redirect", "redirect address (Web)", r, state)
	}
	switch a.Web.LogoutURL {
	case p.wish.Logout:
		p.step("logout", "front-channel logout address", p.wish.Logout, There)
	case "":
		web["logoutUrl"] = p.wish.Logout
		p.step("logout", "front-channel logout address", p.wish.Logout, Add)
	default:
		p.step("logout", "front-channel logout address; it is "+a.Web.LogoutURL+" now and there can be one: set", p.wish.Logout, ByHand)
	}
	if len(web) > 0 {
		p.app["web"] = web
	}
	switch {
	case a.Public && p.wish.Remove:
		p.app["isFallbackPublicClient"] = false
		p.step("public client", "public client flows, which nothing here uses", "", Remove)
	case a.Public:
		p.step("public client", "public client flows, which nothing here uses: whoever knows the client id can ask for people's passwords or device codes in its name", "", Excess)
	}
	p.compareRoles(a)
	p.compareClaims(a)
	p.compareKey(a)
}

func (p *Plan) compareRoles(a *application) {
	roles := slices.Clone(a.AppRoles)
	for i, r := range Roles() {
		state, id := Add, ""
		for _, x := range roles {
			if x["value"] == r.Value {
				state = There
				id, _ = x["id"].(string)
			}
		}
		if state == Add {
			id = p.newID()
			roles = append(roles, r.json(id))
			p.app["appRoles"] = roles
		}
		if i == 0 {
			p.role = id
		}
		p.step("role", "app role that people can be given", r.Value, state)
	}
}

func (r Role) json(id string) map[string]any {
	return map[string]any{"id": id, "value": r.Value, "displayName": r.Name, "description": r.Description, "allowedMemberTypes": []string{"User"}, "isEnabled": true}
}

func claim(name string) map[string]any { return map[string]any{"name": name, "essential": false} }

func (p *Plan) compareClaims(a *application) {
	claims := map[string][]map[string]any{}
	for kind, list := range a.OptionalClaims {
		if len(list) > 0 {
			claims[kind] = list
		}
	}
	for _, name := range Claims() {
		state := There
		if !slices.ContainsFunc(claims["idToken"], func(c map[string]any) bool { return c["name"] == name }) {
			state = Add
			claims["idToken"] = append(claims["idToken"], claim(name))
			p.app["optionalClaims"] = claims
		}
		p.step("claim", "optional claim of the ID token", name, state)
	}
}

// compareKey: the service keeps the SHA-1 thumbprint of a certificate as customKeyIdentifier.
// https://learn.microsoft.com/graph/api/resources/keycredential
func (p *Plan) compareKey(a *application) {
	c := p.wish.Certificate
	if c == nil {
		return
	}
	state := There
	if !slices.ContainsFunc(a.Keys, func(k map[string]any) bool { return sameThumbprint(k["customKeyIdentifier"], c) }) {
		state = Add
		p.app["keyCredentials"] = append(slices.Clone(a.Keys), keyCredential(c))
	}
	p.step("certificate", "certificate that proves the application, until "+c.NotAfter.UTC().Format(time.DateOnly)+"; its key stays on this machine", Thumbprint(c), state)
}

// keyCredential is the public half of a certificate as Graph takes it.
func keyCredential(c *x509.Certificate) map[string]any {
	return map[string]any{
		"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(c.Raw), "displayName": c.Subject.String(),
		"startDateTime": c.NotBefore.UTC().Format(time.RFC3339), "endDateTime": c.NotAfter.UTC().Format(time.RFC3339),
	}
}

// declare notes the permissions in the registration, where administrators look for them, without taking any other away.
func (p *Plan) declare(a *application, application []string) {
	var list []requiredResource
	if a != nil {
		list = slices.Clone(a.Required)
	}
	i := slices.IndexFunc(list, func(r requiredResource) bool { return r.App == graphAppID })
	if i < 0 {
		i, list = len(list), append(list, requiredResource{App: graphAppID})
	}
	had := slices.Clone(list[i].Access)
	var want []required
	for _, name := range application {
		want = append(want, required{idOf(p.resource.AppRoles, name), "Role"})
	}
	for _, name := range p.wish.Delegated {
		if id := idOf(p.resource.Scopes, name); id != "" {
			want = append(want, required{id, "Scope"})
		}
	}
	now := slices.Clone(had)
	if p.wish.Remove {
		now = slices.DeleteFunc(now, func(r required) bool { return !slices.Contains(want, r) })
	}
	for _, r := range want {
		if !slices.Contains(now, r) {
			now = append(now, r)
		}
	}
	state := There
	if !slices.Equal(now, had) {
		list[i].Access, state = now, Add
		p.app["requiredResourceAccess"] = list
	}
	p.step("declaration", "the permissions declared in the registration", "", state)
}

// Apply does what is to be done, in the order of the plan, and tells each act before it is done.
func (p *Plan) Apply(ctx context.Context, tell func(string)) error {
	if len(p.app) > 0 {
		if err := p.register(ctx, tell); err != nil {
			return err
		}
	}
	if p.ServicePrincipal == "" {
		tell("making the service principal")
		var made struct{ ID string }
		if err := p.patient(ctx, func() error { return p.g.Post(ctx, "/servicePrincipals", map[string]any{"appId": p.ClientID}, &made) }); err != nil {
			return err
		}
		if made.ID == "" { // it came by another way meanwhile
			own, err := p.principal(ctx, p.ClientID)
			if err != nil || own == nil {
				return errors.Join(err, fail.New(fail.Conflict, "setup.apply", fail.T("The service principal is there and cannot be read. Run the same again.")))
			}
			made.ID = own.ID
		}
		p.ServicePrincipal, p.fresh = made.ID, true
	}
	for _, role := range p.grants {
		tell("consenting to " + valueOf(p.resource.AppRoles, role))
		if err := p.assign(ctx, "appRoleAssignments", p.ServicePrincipal, p.resource.ID, role); err != nil {
			return err
		}
	}
	if err := p.consentToAll(ctx, tell); err != nil {
		return err
	}
	if p.admin != "" {
		tell("giving " + p.wish.Admin + " the role " + Roles()[0].Value)
		if err := p.assign(ctx, "appRoleAssignedTo", p.admin, p.ServicePrincipal, p.role); err != nil {
			return err
		}
	}
	for _, id := range p.revoke {
		tell("taking a permission away")
		if err := p.g.Delete(ctx, "/servicePrincipals/"+p.ServicePrincipal+"/appRoleAssignments/"+id); err != nil && !missing(err) {
			return refused("setup.apply", err, explain.Writing)
		}
	}
	return nil
}

// register makes the application, or adds to it, by one request.
func (p *Plan) register(ctx context.Context, tell func(string)) error {
	if p.Object != "" {
		tell("adding to the application")
		if err := p.g.Patch(ctx, "/applications/"+p.Object, p.app); err != nil {
			return refused("setup.apply", err, explain.Writing)
		}
		return nil
	}
	tell("registering the application " + p.wish.Name)
	var made struct{ ID, AppID string }
	if err := p.g.Post(ctx, "/applications", p.app, &made); err != nil {
		return refused("setup.apply", err, explain.Writing)
	}
	p.Object, p.ClientID, p.fresh = made.ID, made.AppID, true
	return nil
}

func (p *Plan) consentToAll(ctx context.Context, tell func(string)) error {
	switch {
	case p.consent == nil:
		return nil
	case p.consent.ID != "":
		tell("consenting for everybody to " + p.consent.Scope)
		if err := p.g.Patch(ctx, "/oauth2PermissionGrants/"+p.consent.ID, map[string]any{"scope": p.consent.Scope}); err != nil {
			return refused("setup.apply", err, explain.Writing)
		}
		return nil
	}
	tell("consenting for everybody to " + p.consent.Scope)
	return p.patient(ctx, func() error {
		return p.g.Post(ctx, "/oauth2PermissionGrants", map[string]any{
			"clientId": p.ServicePrincipal, "consentType": "AllPrincipals", "resourceId": p.resource.ID, "scope": p.consent.Scope,
		}, nil)
	})
}

func (p *Plan) assign(ctx context.Context, list, who, resource, role string) error {
	return p.patient(ctx, func() error {
		return p.g.Post(ctx, "/servicePrincipals/"+p.ServicePrincipal+"/"+list, map[string]any{"principalId": who, "resourceId": resource, "appRoleId": role}, nil)
	})
}

// How often and how long what was just made is waited for: https://learn.microsoft.com/graph/best-practices-concept tells of replication
// that takes seconds to minutes.
const lagTries, lagPause = 20, 3 * time.Second

// patient repeats a request that was refused because what it speaks of was made a moment ago and does not show everywhere yet. Such a
// refusal has applied nothing. That it is there already is no error.
func (p *Plan) patient(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		var e *graph.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &e):
			return refused("setup.apply", err, explain.Writing)
		case strings.Contains(strings.ToLower(e.Message), "already exists"), e.Status == http.StatusConflict:
			return nil
		case !p.fresh || try == lagTries || e.Status != http.StatusNotFound && e.Status != http.StatusBadRequest:
			return refused("setup.apply", err, explain.Writing)
		}
		if err := p.wait(ctx, lagPause); err != nil {
			return err
		}
	}
}
