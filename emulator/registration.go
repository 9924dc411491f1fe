package emulator

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
)

// registration is an application as sign-in to one tenant sees it: a copy of what the application, its service principal there, its
// assignments and its grants say, so that no lock is held while it is used.
type registration struct {
	App
	tenant   *tenant             // where it is installed; its home when it is not installed in the tenant that was asked
	home     *tenant             // where it is registered
	multi    bool                // people of other tenants may sign in
	assigned map[string]string   // object id of a holder and id of an app role -> the role's value; "" is no role
	requires []requirement       // what it says that it wants
	known    []string            // client ids whose consent covers what this application wants itself (knownClientApplications)
	trusted  map[string][]string // client id -> scopes of this application that it gets without consent (preAuthorizedApplications)
}

// requirement is what an application's registration wants of one API (requiredResourceAccess), by name.
type requirement struct {
	resource      string // appId
	scopes, roles []string
}

// registrationOf finds an application for a sign-in to tenant t, or to any tenant when t is nil. Without a service principal in its
// home an application signs nobody in.
func (e *Emulator) registrationOf(t *tenant, clientID string) (registration, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.registered(t, clientID)
}

func (e *Emulator) registered(t *tenant, clientID string) (registration, bool) {
	var reg registration
	n := 0
	for _, x := range e.tenants {
		if x.dir.service(clientID) == nil {
			continue
		}
		n++
		if x.dir.apps[strings.ToLower(clientID)] != nil && reg.home == nil {
			reg.home = x
		}
	}
	if reg.home == nil {
		return e.firstParty(t, clientID)
	}
	reg.tenant = reg.home
	if t != nil && t.dir.service(clientID) != nil {
		reg.tenant = t
	}
	reg.read(clientID)
	switch reg.Audience {
	case "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount":
		reg.multi = true
	}
	reg.multi = reg.multi || n > 1
	return reg, t == nil || reg.tenant == t || reg.multi
}

// signInParts are the complex values of an application that sign-in reads.
type signInParts struct {
	API struct {
		Scopes []struct {
			ID, Value, Type, AdminConsentDisplayName, UserConsentDisplayName string
			IsEnabled                                                        bool
		} `json:"oauth2PermissionScopes"`
		Version int      `json:"requestedAccessTokenVersion"`
		Known   []string `json:"knownClientApplications"`
		Trusted []struct {
			AppID  string
			Scopes []string `json:"delegatedPermissionIds"`
		} `json:"preAuthorizedApplications"`
	}
	Web struct {
		LogoutURL    string
		RedirectURIs []string
		Implicit     struct{ EnableAccessTokenIssuance, EnableIDTokenIssuance bool } `json:"implicitGrantSettings"`
	}
	SPA, PublicClient struct{ RedirectURIs []string }
	Claims            map[string][]struct{ Name string }
	Required          []struct {
		ResourceAppID  string
		ResourceAccess []struct{ ID, Type string }
	}
}

// read fills in what sign-in needs.
func (reg *registration) read(clientID string) {
	d := reg.tenant.dir
	app, _ := d.application(clientID)
	own := d.service(clientID)
	var p signInParts
	for i, into := range map[int]any{aAPI: &p.API, aWeb: &p.Web, aSPA: &p.SPA, aInstalled: &p.PublicClient, aClaims: &p.Claims, aRequired: &p.Required} {
		if j := app.rec.get(i); j != "" {
			_ = json.Unmarshal([]byte(j), into) // encoded here
		}
	}
	groups := strings.Split(strings.ReplaceAll(app.text("groupMembershipClaims"), " ", ""), ",")
	reg.App = App{
		ClientID: app.text("appId"), ObjectID: own.id, Name: unquote(own.json(sName)), Audience: app.text("signInAudience"),
		Redirects: slices.Concat(p.Web.RedirectURIs, p.PublicClient.RedirectURIs), SPA: p.SPA.RedirectURIs, Logout: p.Web.LogoutURL,
		Disabled: own.rec.get(sEnabled) == "false", AssignedOnly: own.rec.get(sAssigned) == "true",
		GroupClaims: slices.Contains(groups, "SecurityGroup") || slices.Contains(groups, "All"),
		RoleClaims:  slices.Contains(groups, "DirectoryRole") || slices.Contains(groups, "All"),
		Identifiers: texts(app.rec.get(aIdentifiers)), TokenVersion: p.API.Version, Roles: d.roles(own),
	}
	if p.Web.Implicit.EnableIDTokenIssuance {
		reg.Implicit = append(reg.Implicit, "id_token")
	}
	if p.Web.Implicit.EnableAccessTokenIssuance {
		reg.Implicit = append(reg.Implicit, "token")
	}
	for _, s := range p.API.Scopes {
		if !s.IsEnabled {
			continue
		}
		name := s.UserConsentDisplayName
		if name == "" {
			name = s.AdminConsentDisplayName
		}
		reg.Exposes = append(reg.Exposes, Permission{s.ID, s.Value, name, s.Type})
		for _, x := range p.API.Trusted {
			if slices.Contains(x.Scopes, s.ID) {
				if reg.trusted == nil {
					reg.trusted = map[string][]string{}
				}
				reg.trusted[x.AppID] = append(reg.trusted[x.AppID], s.Value)
			}
		}
	}
	reg.known = p.API.Known
	for kind, list := range p.Claims {
		if reg.OptionalClaims == nil {
			reg.OptionalClaims = map[string][]string{}
		}
		for _, c := range list {
			reg.OptionalClaims[kind] = append(reg.OptionalClaims[kind], c.Name)
		}
	}
	for _, r := range p.Required {
		q := requirement{resource: r.ResourceAppID}
		for _, x := range r.ResourceAccess {
			switch name := d.permissionName(r.ResourceAppID, x.ID, x.Type); {
			case name == "":
			case x.Type == "Role":
				q.roles = append(q.roles, name)
			default:
				q.scopes = append(q.scopes, name)
			}
		}
		reg.requires = append(reg.requires, q)
	}
	reg.readCredentials(app)
	reg.readCredentials(own)
	// A client that may install itself and has nothing to prove itself with is a public one, and one that says so.
	reg.Public = app.rec.get(aPublic) == "true" ||
		len(p.PublicClient.RedirectURIs) > 0 && len(p.Web.RedirectURIs)+len(reg.Secrets)+len(reg.Certificates) == 0
	for _, x := range d.parts(&relation{types: []string{"federatedIdentityCredential"}, by: "application"}, app) {
		f := Federated{Name: x.text("name"), Issuer: x.text("issuer"), Subject: x.text("subject")}
		if list := texts(x.rec.get(fAudience)); len(list) > 0 {
			f.Audience = list[0]
		}
		reg.Federated = append(reg.Federated, f)
	}
	graph := d.graphService()
	reg.assigned = map[string]string{}
	for _, x := range d.refs[own.id] {
		if !x.is("appRoleAssignment") {
			continue
		}
		role := x.text("appRoleId")
		switch {
		case x.text("resourceId") == own.id:
			if value := own.valueOf(role); value != "" || role == defaultRole {
				reg.assigned[x.text("principalId")+role] = value
			}
		case x.text("resourceId") == graph.id && x.text("principalId") == own.id:
			if value := d.graphName(role); value != "" {
				reg.Application = append(reg.Application, value)
			}
		}
	}
}

// readCredentials adds the secrets and certificates of an application or service principal.
func (reg *registration) readCredentials(o *object) {
	if o.more == nil || len(o.more.secrets) == 0 {
		return
	}
	for _, k := range credentialsOf(o.get("passwordCredentials")) {
		if value, ok := o.more.secrets[k.id()]; ok {
			reg.Secrets = append(reg.Secrets, Secret{Value: value, Starts: deref(k.StartDateTime), Ends: deref(k.EndDateTime)})
		}
	}
	for _, k := range credentialsOf(o.get("keyCredentials")) {
		der, err := base64.StdEncoding.DecodeString(o.more.secrets[k.id()])
		if err == nil && len(der) > 0 {
			reg.Certificates = append(reg.Certificates, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		}
	}
}

// holder is who may hold roles of an application: a person with their groups, or a service principal.
type holder struct {
	id     string
	groups []string // direct memberships: roles do not reach nested groups
}

func (a account) holder() holder { return holder{a.id, a.direct} }

func (r registration) holder() holder { return holder{r.ObjectID, nil} }

// holds says whether an assignment, by holder and role, is theirs.
func (h holder) holds(key string) bool {
	who := key[:len(key)-len(defaultRole)]
	return who == h.id || slices.Contains(h.groups, who)
}

// assigned are the values of the application's own roles that somebody holds:
// https://learn.microsoft.com/en-us/entra/identity-platform/howto-add-app-roles-in-apps
func assigned(reg registration, who holder) []string {
	var out []string
	for key, value := range reg.assigned {
		if value != "" && who.holds(key) && !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	slices.Sort(out)
	return out
}

// mayUse says whether somebody is assigned to the application, where that is asked for.
func mayUse(reg registration, who holder) bool {
	if !reg.AssignedOnly {
		return true
	}
	for key := range reg.assigned {
		if who.holds(key) {
			return true
		}
	}
	return false
}
