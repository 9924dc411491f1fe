// Package setup owns how Nameplate is registered with an organization: which application, certificate, redirect addresses, roles,
// permissions and consents there have to be, what of it is there, and how the rest comes to be.
//
// It promises that Look changes nothing and says everything that Apply will do; that Apply adds what is missing, never widens what is
// granted and takes away only what it was told to; that a key is made on this machine, kept in a file for its owner only and never
// printed; and that a second run finds what the first one made, however it ended.
//
// It writes with the right of the administrator who signed in, never with the product's own: docs/decisions says why. The exception is
// a certificate of the application, which the application itself replaces (rotate.go). It touches no person and no group.
package setup

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// Tools is the client that administrators sign in with: Microsoft Graph Command Line Tools, which every organization knows.
// https://learn.microsoft.com/powershell/microsoftgraph/authentication-commands
const Tools = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// Scopes are what the administrator is asked for; with plan they can only read.
// https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments and https://learn.microsoft.com/graph/api/oauth2permissiongrant-post
func Scopes(plan bool) []string {
	if plan {
		return []string{"User.Read", "Application.Read.All", "Directory.Read.All"}
	}
	return []string{"User.Read", "User.ReadBasic.All", "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"}
}

const (
	graphAppID = "00000003-0000-0000-c000-000000000000"
	ownTenant  = "AzureADMyOrg" // people of this organization only
)

// Role is an app role: a right inside Nameplate that people are given in Entra ID.
type Role struct{ Value, Name, Description string }

// Roles are the app roles of Nameplate.
func Roles() []Role {
	return []Role{
		{"Nameplate.Admin", "Nameplate administrator", "Changes what the policy lets administrators change of everybody"},
		{"Nameplate.Editor", "Nameplate editor", "Changes what the policy lets editors change of the people in their reach"},
		{"Nameplate.Approver", "Nameplate approver", "Approves changes that wait for somebody else"},
		{"Nameplate.Auditor", "Nameplate auditor", "Looks at people and at the history, and changes nothing"},
	}
}

// Delegated are what people agree to when they sign in, or an administrator for all.
func Delegated() []string {
	return []string{"openid", "profile", "offline_access", "User.Read", "User.ReadWrite"}
}

// Claims are the optional claims of the ID token: with sid a sign-out at Microsoft signs out here, acct tells guests.
// https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
func Claims() []string { return []string{"acct", "sid"} }

// Wish is what there shall be.
type Wish struct {
	Name      string   // of the application; people see it when they sign in
	ClientID  string   // of an application that is known already; "" looks for one of that name with the first redirect address
	Redirects []string // exact addresses of the platform Web
	Logout    string   // front-channel logout address
	Delegated []string // permissions that a person's own token carries
	// Application gives the application permissions, least ones, of those that the organization's Microsoft Graph knows.
	Application func(known []string) []string
	Certificate *x509.Certificate // to be registered; nil registers none
	Federated   bool              // a token of another issuer proves the application; somebody else registers which
	Roles       []string          // directory roles that the features need; somebody else gives them
	Admin       string            // user principal name of somebody to be given the first role; "" nobody
	Remove      bool              // take away permissions that nothing needs
}

// State says what is the matter with a step.
type State string

const (
	There  State = "there"   // nothing to do
	Add    State = "add"     // Apply makes it
	Excess State = "excess"  // more than is needed; left, because it was not told to be taken away
	Remove State = "remove"  // Apply takes it away
	ByHand State = "by hand" // somebody has to do it
)

// Step is one line of a plan. The numbers of acceptance are those of the tutorial that setup replaces.
type Step struct {
	Kind  string `json:"kind"` // "application", "redirect", "role", "permission" …
	What  string `json:"what"`
	Item  string `json:"item,omitempty"` // the exact value
	State State  `json:"state"`
}

// Registration says under what Nameplate is registered.
type Registration struct {
	Tenant           string   `json:"tenant"`
	Organization     string   `json:"organization"`
	Domains          []string `json:"-"`         // verified ones, in lower case
	SignedIn         string   `json:"signed_in"` // user principal name of the administrator
	ClientID         string   `json:"client_id"`
	Object           string   `json:"object_id"`
	ServicePrincipal string   `json:"service_principal"`
}

// Plan is what Look found and what Apply does.
type Plan struct {
	Registration
	Steps       []Step
	Unconsented []string // permissions of Microsoft Graph that the registration declares and nobody granted
	Credentials []Credential

	g     *graph.Client
	wish  Wish
	wait  func(context.Context, time.Duration) error
	newID func() string

	app      map[string]any // properties to send with the application
	resource *principal     // Microsoft Graph's service principal
	grants   []string       // app role ids to assign
	revoke   []string       // ids of assignments to take away
	consent  *grant         // delegated grant as it shall be; nil when it is so
	admin    string         // object id of who is to be given the first role
	role     string         // id of that role
	fresh    bool           // something was made in this run that may not be visible everywhere yet
}

// Pending says whether Apply has anything to do.
func (p *Plan) Pending() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.State == Add || s.State == Remove })
}

func (p *Plan) step(kind, what, item string, s State) {
	p.Steps = append(p.Steps, Step{kind, what, item, s})
}

// Options are what a Plan is made with.
type Options struct {
	Graph *graph.Client // with the administrator's right
	Wait  func(context.Context, time.Duration) error
	NewID func() string // a fresh GUID
}

// Look reads what there is and says what is missing. It changes nothing.
func Look(ctx context.Context, o Options, w Wish) (*Plan, error) {
	p := &Plan{g: o.Graph, wish: w, wait: o.Wait, newID: o.NewID, app: map[string]any{}}
	var me struct{ UserPrincipalName string }
	if err := p.g.Get(ctx, "/me?$select=id,userPrincipalName", &me); err != nil {
		return nil, refused("setup.look", err, explain.Reading)
	}
	p.SignedIn = me.UserPrincipalName
	var org struct {
		Value []struct {
			ID, DisplayName string
			VerifiedDomains []struct{ Name string }
		}
	}
	if err := p.g.Get(ctx, "/organization?$select=id,displayName,verifiedDomains", &org); err != nil {
		return nil, refused("setup.look", err, explain.Reading)
	}
	if len(org.Value) != 1 {
		return nil, fail.New(fail.Unavailable, "setup.look", fail.T("The directory does not say which organization it is."))
	}
	p.Tenant, p.Organization = org.Value[0].ID, org.Value[0].DisplayName
	for _, d := range org.Value[0].VerifiedDomains {
		p.Domains = append(p.Domains, strings.ToLower(d.Name))
	}
	if err := p.compare(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Compare is Look with the right of an application, which needs Directory.Read.All for it: what the doctor asks. Its plan is for reading.
func Compare(ctx context.Context, g *graph.Client, w Wish) (*Plan, error) {
	p := &Plan{g: g, wish: w, newID: func() string { return "" }, app: map[string]any{}}
	if err := p.compare(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Plan) compare(ctx context.Context) (err error) {
	if p.resource, err = p.principal(ctx, graphAppID); err != nil {
		return err
	}
	if p.resource == nil {
		return fail.New(fail.NotFound, "setup.look", fail.T("Microsoft Graph has no service principal in this organization. Open Graph Explorer once, which makes it, and come again."))
	}
	app, err := p.application(ctx)
	if err != nil {
		return err
	}
	p.compareApplication(app)
	var own *principal
	if app != nil {
		p.ClientID, p.Object, p.Credentials = app.AppID, app.ID, app.credentials()
		if own, err = p.principal(ctx, app.AppID); err != nil {
			return err
		}
	}
	state := Add
	if own != nil {
		state, p.ServicePrincipal = There, own.ID
	}
	p.step("service principal", "the application's service principal in this organization", "", state)
	if err := p.comparePermissions(ctx, app, own); err != nil {
		return err
	}
	if p.wish.Federated {
		p.step("federated credential", "federated credential for the token that proves the application, under Certificates & secrets", "", ByHand)
	}
	for _, r := range p.wish.Roles {
		p.step("directory role", "directory role for the application's service principal, given under Roles and administrators:", r, ByHand)
	}
	return p.compareAdmin(ctx, own)
}

// refused explains why the service said no.
func refused(op string, err error, doing explain.Doing) error {
	found := explain.Explain(explain.FromGraph(err, doing))
	return &fail.Error{Op: op, Kind: found.Kind, Err: explain.With(found, err), Say: fail.T("Microsoft Graph did not do what setup asked of it. The administrator needs the role Privileged Role Administrator or Global Administrator; nameplate setup --checklist prints what somebody else can do.")}
}

// missing says whether the service has no such thing.
func missing(err error) bool {
	var e *graph.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

type principal struct {
	ID       string
	AppRoles []permission
	Scopes   []permission `json:"oauth2PermissionScopes"`
}

type permission struct {
	ID, Value string
	IsEnabled bool
}

func idOf(list []permission, value string) string {
	for _, p := range list {
		if p.Value == value && p.IsEnabled {
			return p.ID
		}
	}
	return ""
}

func valueOf(list []permission, id string) string {
	for _, p := range list {
		if strings.EqualFold(p.ID, id) {
			return p.Value
		}
	}
	return id
}

// principal is the service principal of an application; nil when there is none.
func (p *Plan) principal(ctx context.Context, appID string) (*principal, error) {
	var s principal
	err := p.g.Get(ctx, "/servicePrincipals(appId='"+appID+"')?$select=id,appRoles,oauth2PermissionScopes", &s)
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, refused("setup.look", err, explain.Reading)
	}
	return &s, nil
}

type grant struct {
	ID       string `json:"id,omitempty"`
	Scope    string
	Type     string `json:"consentType"`
	Resource string `json:"resourceId"`
}

// comparePermissions looks at what is granted: application permissions as assignments, delegated ones as a grant for everybody.
func (p *Plan) comparePermissions(ctx context.Context, app *application, own *principal) error {
	var known []string
	for _, r := range p.resource.AppRoles {
		known = append(known, r.Value)
	}
	wanted := p.wish.Application(known)
	have := map[string]string{} // value -> id of the assignment
	var consent grant
	if own != nil {
		for x, err := range each[struct{ ID, AppRoleID, ResourceID string }](ctx, p.g, "/servicePrincipals/"+own.ID+"/appRoleAssignments") {
			if err != nil {
				return refused("setup.look", err, explain.Reading)
			}
			if x.ResourceID == p.resource.ID {
				have[valueOf(p.resource.AppRoles, x.AppRoleID)] = x.ID
			}
		}
		for x, err := range each[grant](ctx, p.g, "/servicePrincipals/"+own.ID+"/oauth2PermissionGrants") {
			if err != nil {
				return refused("setup.look", err, explain.Reading)
			}
			if x.Resource == p.resource.ID && x.Type == "AllPrincipals" {
				consent = x
			}
		}
	}
	for _, name := range wanted {
		id := idOf(p.resource.AppRoles, name)
		if id == "" {
			return fail.New(fail.Unsupported, "setup.look", fail.T("This organization's Microsoft Graph does not know the permission %s.", name))
		}
		state := There
		if _, ok := have[name]; !ok {
			state, p.grants = Add, append(p.grants, id)
		}
		p.step("permission", "application permission, with admin consent", name, state)
	}
	extra := func(kind, what, name string) bool {
		if p.wish.Remove {
			p.step(kind, what, name, Remove)
			return true
		}
		p.step(kind, what, name, Excess)
		return false
	}
	for _, name := range sorted(have) {
		if !slices.Contains(wanted, name) && extra("permission", "application permission that no chosen feature needs", name) {
			p.revoke = append(p.revoke, have[name])
		}
	}
	scopes := strings.Fields(consent.Scope)
	after := slices.Clone(scopes)
	for _, name := range p.wish.Delegated {
		state := There
		if !slices.Contains(scopes, name) {
			state, after = Add, append(after, name)
		}
		p.step("delegated", "delegated permission, with consent for everybody", name, state)
	}
	for _, name := range scopes {
		if !slices.Contains(p.wish.Delegated, name) && extra("delegated", "delegated permission that Nameplate does not use", name) {
			after = slices.DeleteFunc(after, func(s string) bool { return s == name })
		}
	}
	if !slices.Equal(scopes, after) {
		p.consent = &grant{ID: consent.ID, Scope: strings.Join(after, " ")}
	}
	p.declare(app, wanted)
	if app == nil {
		return nil
	}
	for _, r := range app.Required {
		for _, x := range r.Access {
			role, scope := valueOf(p.resource.AppRoles, x.ID), valueOf(p.resource.Scopes, x.ID)
			switch _, granted := have[role]; {
			case r.App != graphAppID:
			case x.Type == "Role" && !granted:
				p.Unconsented = append(p.Unconsented, role)
			case x.Type == "Scope" && !slices.Contains(scopes, scope):
				p.Unconsented = append(p.Unconsented, scope)
			}
		}
	}
	return nil
}

// compareAdmin looks for the person who is to be given the first role.
func (p *Plan) compareAdmin(ctx context.Context, own *principal) error {
	if p.wish.Admin == "" {
		return nil
	}
	var u struct{ ID string }
	if err := p.g.Get(ctx, "/users/"+url.PathEscape(p.wish.Admin)+"?$select=id", &u); missing(err) {
		return fail.New(fail.NotFound, "setup.look", fail.T("Nobody here is called %s. --admin takes a user principal name.", p.wish.Admin))
	} else if err != nil {
		return refused("setup.look", err, explain.Reading)
	}
	state := Add
	if own != nil {
		for x, err := range each[struct{ PrincipalID, AppRoleID string }](ctx, p.g, "/servicePrincipals/"+own.ID+"/appRoleAssignedTo") {
			if err != nil {
				return refused("setup.look", err, explain.Reading)
			}
			if x.PrincipalID == u.ID && x.AppRoleID == p.role {
				state = There
			}
		}
	}
	if state == Add {
		p.admin = u.ID
	}
	p.step("administrator", "the role "+Roles()[0].Value+" for", p.wish.Admin, state)
	return nil
}

func each[T any](ctx context.Context, g *graph.Client, path string) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for page, err := range g.Pages(ctx, path) {
			var none T
			if err != nil {
				yield(none, err)
				return
			}
			for _, raw := range page.Value {
				var x T
				if err := json.Unmarshal(raw, &x); err != nil {
					yield(none, fmt.Errorf("setup: %s: %w", path, err))
					return
				}
				if !yield(x, nil) {
					return
				}
			}
		}
	}
}

func sorted(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
