package emulator

import "iter"

// Organization is a tenant as a file describes it (YAML or JSON; sample/*.yaml): what New starts from and what a snapshot
// gives back. Unknown keys are refused.
type Organization struct {
	ID            string            `yaml:"id" json:"id"`     // tenant id; "" makes one from the seed
	Name          string            `yaml:"name" json:"name"` // displayName
	Country       string            `yaml:"country" json:"country"`
	Domains       []Domain          `yaml:"domains" json:"domains"` // the first is the default one
	Values        map[string]any    `yaml:"values" json:"values"`   // what Graph changes of it: technicalNotificationMails: [..]
	Users         []User            `yaml:"users" json:"users"`
	People        iter.Seq[User]    `yaml:"-" json:"-"` // more users, the same ones each time; New and Reset ask for them where they are needed and keep no copy
	Groups        []Group           `yaml:"groups" json:"groups"`
	Objects       []Object          `yaml:"objects" json:"objects"` // everything of another type
	Apps          []App             `yaml:"apps" json:"apps"`
	Subscriptions []Subscription    `yaml:"subscriptions" json:"subscriptions"`       // products with their seats
	Extensions    map[string]string `yaml:"extensions" json:"extensions"`             // directory extensions: extension_<app id without dashes>_<name> -> String, Boolean, Integer, DateTime
	Schemas       []Schema          `yaml:"schemas" json:"schemas"`                   // schema extensions: ext55gb1l09_msLearnCourses
	Attribute     []Security        `yaml:"attributes" json:"attributes"`             // custom security attribute definitions
	Cloud         string            `yaml:"cloud" json:"cloud"`                       // AzureCloud, AzureUSGovernment or AzureChinaCloud: the others send its people there; "" is at home in every cloud
	MFA           []string          `yaml:"mfa" json:"mfa"`                           // UPNs of whom a second factor is asked, whatever the application; "*" is everybody
	Frequency     string            `yaml:"signInFrequency" json:"signInFrequency"`   // how old a sign-in may be whose tokens are renewed, as Go writes it: 12h; "" any age
	Invites       string            `yaml:"allowInvitesFrom" json:"allowInvitesFrom"` // none, adminsAndGuestInviters, adminsGuestInvitersAndAllMembers; "" is everyone
	Issuers       []Issuer          `yaml:"issuers" json:"issuers"`                   // whose tokens federated credentials of applications may name
}

// Issuer is somebody else's token issuer with its public keys: the emulator fetches none.
type Issuer struct {
	Address string   `yaml:"address" json:"address"` // iss of its tokens
	Keys    []string `yaml:"keys" json:"keys"`       // PEM: certificates or public keys, RSA or ECDSA P-256
}

// Client is the first application of the organization and its secret, "" where it has none: in a snapshot it stands among the objects.
func (o Organization) Client() (id, secret string) {
	if len(o.Apps) > 0 {
		a := o.Apps[0]
		if len(a.Secrets) > 0 {
			secret = a.Secrets[0].Value
		}
		return a.ClientID, secret
	}
	for _, x := range o.Objects {
		if x.Type != "application" {
			continue
		}
		id, _ = x.Values["appId"].(string)
		list, _ := x.Values["passwordCredentials"].([]any)
		for _, one := range list {
			m, _ := one.(map[string]any)
			key, _ := m["keyId"].(string)
			if secret = x.Secrets[key]; secret != "" {
				break
			}
		}
		return id, secret
	}
	return "", ""
}

// Everybody is every user of the organization, those of Users first.
func (o Organization) Everybody() iter.Seq[User] {
	return func(yield func(User) bool) {
		for _, u := range o.Users {
			if !yield(u) {
				return
			}
		}
		if o.People != nil {
			o.People(yield)
		}
	}
}

// Domain is a domain of the tenant. Federated domains refuse passwords.
type Domain struct {
	Name      string `yaml:"name" json:"name"`
	Verified  bool   `yaml:"verified" json:"verified"`
	Federated bool   `yaml:"federated" json:"federated"`
}

// User is a person in an organization file. Values holds every other Graph property by its Graph name, as Graph's JSON has it
// (jobTitle: Nurse; businessPhones: [..]; employeeOrgData: {division: ..}; skills: [..]).
type User struct {
	ID       string         `yaml:"id" json:"id"` // "" makes one from the seed
	UPN      string         `yaml:"upn" json:"upn"`
	Password string         `yaml:"password" json:"password"` // "" accepts any at the emulator's sign-in page
	Manager  string         `yaml:"manager" json:"manager"`   // UPN or id
	Roles    []string       `yaml:"roles" json:"roles"`       // directory roles by display name or template id
	Sync     string         `yaml:"sync" json:"sync"`         // "", "synced", "once"
	Photo    string         `yaml:"photo" json:"photo"`       // "initials" to draw one, or a data: address of a picture
	Values   map[string]any `yaml:"values" json:"values"`
}

// Group is a group with members and owners by UPN or id. Type is "security", "microsoft365", "dynamic" or "role-assignable".
type Group struct {
	ID          string   `yaml:"id" json:"id"`
	Name        string   `yaml:"name" json:"name"`
	Description string   `yaml:"description" json:"description"`
	Type        string   `yaml:"type" json:"type"`
	Rule        string   `yaml:"rule" json:"rule"`
	Members     []string `yaml:"members" json:"members"`
	Owners      []string `yaml:"owners" json:"owners"`
	Photo       string   `yaml:"photo" json:"photo"` // of a Microsoft 365 group, as a person's

	Values map[string]any `yaml:"values" json:"values"` // every other property by its Graph name; they win over what Type implies
}

// Object is a directory object of any type but user and group, with its properties and relationships by their Graph names.
type Object struct {
	ID     string              `yaml:"id" json:"id"`     // "" makes one from the seed
	Type   string              `yaml:"type" json:"type"` // "directoryRole"
	Values map[string]any      `yaml:"values" json:"values"`
	Links  map[string][]string `yaml:"links" json:"links"` // relationship -> ids, or names of people and groups

	Secrets map[string]string `yaml:"secrets" json:"secrets"` // of an application or service principal: keyId of a credential -> the secret, or the certificate in base64
}

// App is an application registration with its service principal in this tenant.
type App struct {
	ClientID     string              `yaml:"clientId" json:"clientId"` // appId
	ObjectID     string              `yaml:"objectId" json:"objectId"` // of the service principal (oid of its tokens); "" makes one
	Name         string              `yaml:"name" json:"name"`
	Audience     string              `yaml:"audience" json:"audience"`   // signInAudience: "" is AzureADMyOrg; AzureADMultipleOrgs lets people of every tenant in
	Public       bool                `yaml:"public" json:"public"`       // public client: no secret; device code and loopback redirects
	Redirects    []string            `yaml:"redirects" json:"redirects"` // exact; for loopback http the port may differ
	Logout       string              `yaml:"logout" json:"logout"`       // front-channel logout address
	Secrets      []Secret            `yaml:"secrets" json:"secrets"`
	Certificates []string            `yaml:"certificates" json:"certificates"` // PEM
	AppRoles     []AppRole           `yaml:"appRoles" json:"appRoles"`         // the roles that the application itself defines
	Assigned     map[string][]string `yaml:"assigned" json:"assigned"`         // app role value -> who holds it: UPNs, ids of people, groups (their direct members) and service principals, client ids; "" assigns without a role
	Application  []string            `yaml:"application" json:"application"`   // application permissions that are consented: "User.ReadWrite.All"
	Delegated    []string            `yaml:"delegated" json:"delegated"`       // delegated permissions an administrator consented for everybody: "User.Read"; of another application "api://<client id>/Read"
	Requests     []string            `yaml:"requests" json:"requests"`         // permissions declared (requiredResourceAccess): "Role:User.Read.All", "Scope:User.Read", "Scope:api://<client id>/Read"
	Roles        []string            `yaml:"roles" json:"roles"`               // directory roles of the service principal
	Disabled     bool                `yaml:"disabled" json:"disabled"`
	GroupClaims  bool                `yaml:"groupClaims" json:"groupClaims"` // groupMembershipClaims: SecurityGroup
	RoleClaims   bool                `yaml:"roleClaims" json:"roleClaims"`   // groupMembershipClaims: DirectoryRole (wids)

	SPA            []string            `yaml:"spa" json:"spa"`                       // redirect addresses of a single-page application: PKCE, no secret, a refresh token of one day
	Implicit       []string            `yaml:"implicit" json:"implicit"`             // what the authorize endpoint may hand out itself: id_token, token
	Identifiers    []string            `yaml:"identifierUris" json:"identifierUris"` // api://<client id> is always good
	Exposes        []Permission        `yaml:"exposes" json:"exposes"`               // delegated permissions of the application itself (oauth2PermissionScopes)
	TokenVersion   int                 `yaml:"tokenVersion" json:"tokenVersion"`     // accessTokenAcceptedVersion: 2, or 1, which is also what 0 means
	OptionalClaims map[string][]string `yaml:"optionalClaims" json:"optionalClaims"` // idToken, accessToken -> names of claims
	AssignedOnly   bool                `yaml:"assignedOnly" json:"assignedOnly"`     // appRoleAssignmentRequired
	Federated      []Federated         `yaml:"federated" json:"federated"`           // federated identity credentials
	Preauthorized  map[string][]string `yaml:"preauthorized" json:"preauthorized"`   // client id -> scopes of Exposes that it gets without consent (preAuthorizedApplications)
	KnownClients   []string            `yaml:"knownClients" json:"knownClients"`     // client ids whose consent covers Requests as well (knownClientApplications)
}

// Permission is a delegated permission that an application exposes.
type Permission struct {
	ID    string `yaml:"id" json:"id"`
	Value string `yaml:"value" json:"value"`
	Name  string `yaml:"name" json:"name"`
	Type  string `yaml:"type" json:"type"` // who consents: "User", which "" means, or "Admin"
}

// Federated trusts the tokens of an issuer for one subject instead of a secret:
// https://learn.microsoft.com/en-us/graph/api/resources/federatedidentitycredential
type Federated struct {
	Name     string `yaml:"name" json:"name"`
	Issuer   string `yaml:"issuer" json:"issuer"`
	Subject  string `yaml:"subject" json:"subject"`
	Audience string `yaml:"audience" json:"audience"` // "" is api://AzureADTokenExchange
}

// Secret is a client secret. Starts and Ends are RFC 3339; "" is at once and never.
type Secret struct {
	Value  string `yaml:"value" json:"value"`
	Starts string `yaml:"starts" json:"starts"`
	Ends   string `yaml:"ends" json:"ends"`
}

// AppRole is a role that an application defines for its users.
type AppRole struct {
	ID    string `yaml:"id" json:"id"`
	Value string `yaml:"value" json:"value"`
	Name  string `yaml:"name" json:"name"`
}

// Schema is a schema extension for users: its properties and their types (String, Integer, Boolean, DateTime, Binary).
type Schema struct {
	ID         string            `yaml:"id" json:"id"`
	Properties map[string]string `yaml:"properties" json:"properties"`
}

// Security is a custom security attribute definition.
type Security struct {
	Set        string   `yaml:"set" json:"set"`
	Name       string   `yaml:"name" json:"name"`
	Type       string   `yaml:"type" json:"type"` // String, Integer, Boolean
	Collection bool     `yaml:"collection" json:"collection"`
	Values     []string `yaml:"values" json:"values"` // the only ones allowed, when not empty
}
