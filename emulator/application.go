package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Shapes of complex values: https://learn.microsoft.com/en-us/graph/api/resources/application and the resources it names.
const (
	appRoleShape    = `{"id":"#text","allowedMemberTypes":["#text"],"description":"#text","displayName":"#text","isEnabled":true,"origin":"Application","value":"#text"}`
	scopeShape      = `{"id":"#text","adminConsentDescription":"#text","adminConsentDisplayName":"#text","isEnabled":true,"type":"User","userConsentDescription":"#text","userConsentDisplayName":"#text","value":"#text"}`
	addInShape      = `{"id":"#text","type":"#text","properties":[{"key":"#text","value":"#text"}]}`
	infoShape       = `{"logoUrl":"#text","marketingUrl":"#text","privacyStatementUrl":"#text","supportUrl":"#text","termsOfServiceUrl":"#text"}`
	keyShape        = `{"customKeyIdentifier":"#text","displayName":"#text","endDateTime":"#text","key":"#text","keyId":"#text","startDateTime":"#text","type":"#text","usage":"#text"}`
	passwordShape   = `{"customKeyIdentifier":"#text","displayName":"#text","endDateTime":"#text","hint":"#text","keyId":"#text","secretText":"#text","startDateTime":"#text"}`
	publisherShape  = `{"displayName":"#text","verifiedPublisherId":"#text","addedDateTime":"#text"}`
	redirectsShape  = `{"redirectUris":["#text"]}`
	claimsShape     = `[{"name":"#text","source":"#text","essential":false,"additionalProperties":["#text"]}]`
	allClaimsShape  = `{"idToken":` + claimsShape + `,"accessToken":` + claimsShape + `,"saml2Token":` + claimsShape + `}`
	apiShape        = `{"acceptMappedClaims":"#bool","knownClientApplications":["#text"],"oauth2PermissionScopes":[` + scopeShape + `],"preAuthorizedApplications":[{"appId":"#text","delegatedPermissionIds":["#text"]}],"requestedAccessTokenVersion":"#int"}`
	webShape        = `{"homePageUrl":"#text","logoutUrl":"#text","redirectUris":["#text"],"redirectUriSettings":[{"uri":"#text","index":"#int"}],"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false}}`
	requiredShape   = `{"resourceAppId":"#text","resourceAccess":[{"id":"#text","type":"#text"}]}`
	lockShape       = `{"isEnabled":"#bool","allProperties":"#bool","credentialsWithUsageVerify":"#bool","credentialsWithUsageSign":"#bool","tokenEncryptionKeyId":"#bool"}`
	parentalShape   = `{"countriesBlockedForMinors":["#text"],"legalAgeGroupRule":"Allow"}`
	signatureShape  = `{"isSignedRequestRequired":"#bool","allowedWeakAlgorithms":"#text"}`
	ownWorkAudience = "AzureADMyOrg"
)

// applicationProps are the properties of an application: the v1.0 CSDL (msgraph-metadata, August 2026); operators from
// https://learn.microsoft.com/en-us/graph/api/resources/application#properties and …/graph/aad-advanced-queries
var applicationProps = []prop{
	{name: "id", shown: true, ops: "eq in", adv: "ne not"},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true, ops: "eq ge le", adv: "ne not in"},
	{name: "addIns", typ: edmObjects, shown: true, shape: "[" + addInShape + "]"},
	{name: "api", typ: edmObject, shown: true, shape: apiShape},
	{name: "appId", shown: true, fixed: true, ops: "eq in", adv: "ne not"},
	{name: "applicationTemplateId", shown: true, fixed: true, ops: "eq in", adv: "ne not"},
	{name: "appRoles", typ: edmObjects, shown: true, shape: "[" + appRoleShape + "]"},
	{name: "certification", typ: edmObject, shown: true, fixed: true},
	{name: "createdDateTime", typ: edmInstant, shown: true, sorts: true, fixed: true, ops: "eq ge le in", adv: "ne not n"},
	{name: "defaultRedirectUri", shown: true},
	{name: "description", shown: true, max: 1024, adv: "eq ne not ge le in sw"},
	{name: "disabledByMicrosoftStatus", shown: true, fixed: true, ops: "eq in", adv: "ne not"},
	{name: "displayName", shown: true, must: true, max: 256, sorts: true, search: true, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "groupMembershipClaims", shown: true},
	{name: "identifierUris", typ: edmTexts, shown: true, ops: "eq ge le sw", adv: "ne not /$count"},
	{name: "info", typ: edmObject, shown: true, shape: infoShape},
	{name: "isDeviceOnlyAuthSupported", typ: edmBool, shown: true},
	{name: "isFallbackPublicClient", typ: edmBool, shown: true},
	{name: "keyCredentials", typ: edmObjects, shown: true, shape: "[" + keyShape + "]", adv: "eq not ge le"},
	{name: "nativeAuthenticationApisEnabled", shown: true},
	{name: "notes", shown: true, max: 1024},
	{name: "optionalClaims", typ: edmObject, shown: true, shape: allClaimsShape, blank: "null"},
	{name: "parentalControlSettings", typ: edmObject, shown: true, shape: parentalShape},
	{name: "passwordCredentials", typ: edmObjects, shown: true, fixed: true, shape: "[" + passwordShape + "]"},
	{name: "publicClient", typ: edmObject, shown: true, shape: redirectsShape},
	{name: "publisherDomain", shown: true, fixed: true, ops: "eq ge le in sw", adv: "ne not"},
	{name: "requestSignatureVerification", typ: edmObject, shown: true, shape: signatureShape, blank: "null"},
	{name: "requiredResourceAccess", typ: edmObjects, shown: true, shape: "[" + requiredShape + "]", adv: "eq not ge le"},
	{name: "samlMetadataUrl", shown: true},
	{name: "serviceManagementReference", shown: true},
	{name: "servicePrincipalLockConfiguration", typ: edmObject, shown: true, shape: lockShape, blank: "null"},
	{name: "signInAudience", shown: true, keep: true, values: []string{ownWorkAudience, "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}, ops: "eq ge le in sw", adv: "ne not"},
	{name: "spa", typ: edmObject, shown: true, shape: redirectsShape},
	{name: "tags", typ: edmTexts, shown: true, ops: "eq ge le sw", adv: "not"},
	{name: "tokenEncryptionKeyId", shown: true},
	{name: "uniqueName", shown: true, born: true, ops: "eq", adv: "ne not ge le sw"},
	{name: "verifiedPublisher", typ: edmObject, shown: true, fixed: true, shape: publisherShape},
	{name: "web", typ: edmObject, shown: true, shape: webShape},
}

// The properties that the code itself speaks of.
var (
	aAPI         = propNumber(applicationProps, "api")
	aAppID       = propNumber(applicationProps, "appId")
	aRoles       = propNumber(applicationProps, "appRoles")
	aCreated     = propNumber(applicationProps, "createdDateTime")
	aName        = propNumber(applicationProps, "displayName")
	aGroups      = propNumber(applicationProps, "groupMembershipClaims")
	aIdentifiers = propNumber(applicationProps, "identifierUris")
	aPublic      = propNumber(applicationProps, "isFallbackPublicClient")
	aKeys        = propNumber(applicationProps, "keyCredentials")
	aClaims      = propNumber(applicationProps, "optionalClaims")
	aPasswords   = propNumber(applicationProps, "passwordCredentials")
	aInstalled   = propNumber(applicationProps, "publicClient")
	aPublisher   = propNumber(applicationProps, "publisherDomain")
	aRequired    = propNumber(applicationProps, "requiredResourceAccess")
	aAudience    = propNumber(applicationProps, "signInAudience")
	aSPA         = propNumber(applicationProps, "spa")
	aWeb         = propNumber(applicationProps, "web")
)

// Who may read and write applications and service principals: microsoftgraph/microsoft-graph-devx-content permissions.json (August
// 2026); roles: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference
var (
	readApps   = []string{"Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeApps  = []string{"Application.ReadWrite.All", "Directory.ReadWrite.All"}
	appAdmins  = []string{globalAdmin, applicationAdmin, cloudAppAdmin}
	roleAdmins = []string{globalAdmin, privRoleAdmin}
)

// seesApps: an application reads itself without any permission.
func seesApps(c *call, o *object) sight {
	self := o != nil && !c.p.delegated() && strings.EqualFold(o.text("appId"), c.p.client)
	if !self && !c.p.holds(readApps...) && !c.p.asUser() {
		return blind
	}
	return full
}

// mayWriteApp is nil when the caller may change an application or service principal: people who own it or administer applications,
// applications that may write all, or that own it. https://learn.microsoft.com/en-us/graph/api/application-update
func mayWriteApp(c *call, o *object) error {
	switch {
	case c.p.delegated():
		if (c.p.holds(writeApps...) || c.p.asUser()) && (c.hasRoleOver(o, appAdmins...) || c.owns(o)) {
			return nil
		}
	case c.p.holds(writeApps...), c.p.holds("Application.ReadWrite.OwnedBy") && c.owns(o):
		return nil
	}
	return denied()
}

// ownsApp says whether the caller owns an application or its service principal here.
func (c *call) ownsApp(appID string) bool {
	for _, o := range []*object{c.t.dir.apps[strings.ToLower(appID)], c.t.dir.service(appID)} {
		if o != nil && c.owns(o) {
			return true
		}
	}
	return false
}

// mayRegister: members register applications by default.
// https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions
func mayRegister(c *call, _ map[string]json.RawMessage) error {
	if !c.guest && (c.p.holds("Application.ReadWrite.All", "Application.ReadWrite.OwnedBy") || c.p.asUser()) {
		return nil
	}
	return denied()
}

// ownersOfApp is the relationship of applications and service principals:
// https://learn.microsoft.com/en-us/graph/api/application-list-owners
var ownersOfApp = relation{name: "owners", types: []string{"user", "servicePrincipal"}, bond: "owners", op: "application.owner", mayEdit: func(c *call, o *object) error {
	if !c.p.delegated() && !c.p.holds(writeApps...) {
		return denied() // Application.ReadWrite.OwnedBy does not reach owners
	}
	return mayWriteApp(c, o)
}}

// applicationEntity: https://learn.microsoft.com/en-us/graph/api/resources/application
func applicationEntity() *entity {
	return &entity{
		set: "applications", name: "application", title: "Application", props: applicationProps, delta: true, found: []string{"displayName"},
		rels: []relation{
			ownersOfApp,
			{name: "federatedIdentityCredentials", types: []string{"federatedIdentityCredential"}, by: "application", makes: true, named: "name"},
			{name: "extensionProperties", types: []string{"extensionProperty"}, by: "application", makes: true},
		},
		keys: map[string]func(*directory, string) *object{
			"appid": func(d *directory, id string) *object { return d.apps[strings.ToLower(id)] },
		},
		soft: func(*object) bool { return true },
		sees: seesApps, mayCreate: mayRegister,
		mayPatch:   func(c *call, o *object, _ []edit) error { return mayWriteApp(c, o) },
		mayDelete:  mayWriteApp,
		mayRestore: mayRestoreApp,
		routes:     credentialRoutes,
		check:      checkApplication,
		prepare: func(c *call, o *object, edits []edit) ([]edit, error) {
			in := o.in
			edits = append(edits, in.given(aAppID, text(c.e.random.id())), in.given(aPublisher, text(c.t.domains[0].Name)))
			if !slices.ContainsFunc(edits, func(e edit) bool { return e.prop == aAudience }) {
				edits = append(edits, in.given(aAudience, `"AzureADandPersonalMicrosoftAccount"`))
			}
			return edits, nil
		},
		clash:   (*directory).clashApplication,
		indexed: []int{aAppID},
		index: func(d *directory, o *object, add bool) {
			if key := strings.ToLower(o.text("appId")); add {
				d.apps[key] = o
			} else {
				delete(d.apps, key)
			}
		},
		wrote:   keepKeys,
		created: (*call).firstOwner,
		deleting: func(c *call, o *object) []field {
			if s := c.t.dir.service(o.text("appId")); s != nil {
				c.remove(s)
			}
			return nil
		},
		restored: func(c *call, o *object) {
			for _, s := range c.t.dir.deleted {
				if s.is("servicePrincipal") && s.text("appId") == o.text("appId") {
					_ = c.restore(s) // another one has taken its name meanwhile
					return
				}
			}
		},
	}
}

func mayRestoreApp(c *call, o *object) error {
	if o == nil {
		if c.p.holds(writeApps...) || c.p.holds("Application.ReadWrite.OwnedBy") || c.p.asUser() {
			return nil
		}
		return denied()
	}
	return mayWriteApp(c, o)
}

// firstOwner makes the person who registers an application its owner, or the application that may write only what it owns.
func (c *call) firstOwner(o *object) {
	who := c.p.user
	if who == nil && !c.p.holds("Application.ReadWrite.All") {
		who = c.p.app
	}
	if who == nil {
		return
	}
	d := c.t.dir
	d.bond("owners").add(o, who)
	d.changed(c.e.Now(), change{object: o, rel: "owners", added: []*object{who}})
}

// clashApplication: text as quoted in https://github.com/Azure/pcs-cli/issues/146
func (d *directory) clashApplication(o *object, rec record) error {
	mine := texts(rec.get(aIdentifiers))
	if len(mine) == 0 {
		return nil
	}
	for _, x := range d.typed("application").list {
		if x != o && slices.ContainsFunc(texts(x.rec.get(aIdentifiers)), func(uri string) bool { return slices.Contains(mine, uri) }) {
			return badRequest("Another object with the same value for property identifierUris already exists.")
		}
	}
	return nil
}

func checkApplication(c *call, o *object, e *edit) error {
	switch e.name {
	case "identifierUris":
		return c.checkIdentifiers(o, texts(e.json))
	case "web", "spa", "publicClient":
		var v struct{ RedirectURIs []string }
		_ = json.Unmarshal([]byte(e.json), &v) // just written
		for _, uri := range v.RedirectURIs {
			if !redirectable(uri, e.name == "publicClient") {
				// https://learn.microsoft.com/en-us/entra/identity-platform/reply-url; the words are inferred
				return badRequest("One or more reply addresses of '%s' are not valid: '%s'. They must begin with https, or with http for localhost, and have no fragment.", e.name, uri)
			}
		}
	case "appRoles":
		return checkPermissions(o.rec.get(aRoles), e.json)
	case "api":
		return checkPermissions(member(o.rec.get(aAPI), "oauth2PermissionScopes"), member(e.json, "oauth2PermissionScopes"))
	case "keyCredentials":
		return c.checkKeys(o, e)
	}
	return nil
}

// member is the JSON of a member of an object, "" when there is none.
func member(j, name string) string {
	var m map[string]json.RawMessage
	_ = json.Unmarshal([]byte(j), &m) // encoded here
	return string(m[name])
}

// checkIdentifiers: https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#october-2021; text as quoted in
// https://github.com/Azure/Industrial-IoT/pull/1432
func (c *call) checkIdentifiers(o *object, uris []string) error {
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || !u.IsAbs() {
			return invalidValueOf("Application", "identifierUris", "InvalidValue")
		}
		host := strings.ToLower(u.Hostname())
		fine := host == "" || host == strings.ToLower(o.text("appId")) || host == c.t.id
		for _, d := range c.t.domains {
			name := strings.ToLower(d.Name)
			fine = fine || d.Verified && (host == name || strings.HasSuffix(host, "."+name))
		}
		if !fine {
			return failure(http.StatusBadRequest, "HostNameNotOnVerifiedDomain",
				"Values of identifierUris property must use a verified domain of the organization or its subdomain: '%s'", uri)
		}
	}
	return nil
}

func redirectable(uri string, installed bool) bool {
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() || strings.Contains(uri, "#") || len(uri) > 256 {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Host != ""
	case "http":
		return u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	}
	return installed
}

// permission is what app roles and delegated permissions have in common.
type permission struct {
	ID, Value string
	IsEnabled bool
	Members   []string `json:"allowedMemberTypes"`
}

func permissionsOf(j string) []permission {
	var out []permission
	_ = json.Unmarshal([]byte(j), &out) // encoded here
	return out
}

// checkPermissions: only what was disabled before can be taken out or changed. Text as quoted in
// https://github.com/OfficeDev/microsoft-365-agents-toolkit/pull/9420
func checkPermissions(was, is string) error {
	next := permissionsOf(is)
	for i, p := range next {
		if !isGUID(p.ID) {
			return invalidValueOf("Application", "id", "InvalidValue")
		}
		if slices.ContainsFunc(next[:i], func(x permission) bool { return x.ID == p.ID || x.Value != "" && x.Value == p.Value }) {
			return badRequest("Request contains a property with duplicate values.")
		}
	}
	var old, fresh []map[string]any
	_, _ = json.Unmarshal([]byte(was), &old), json.Unmarshal([]byte(is), &fresh) // encoded here
	for _, o := range old {
		if o["isEnabled"] != true || slices.ContainsFunc(fresh, func(f map[string]any) bool { return f["id"] == o["id"] && f["value"] == o["value"] }) {
			continue
		}
		return failure(http.StatusBadRequest, "CannotDeleteOrUpdateEnabledEntitlement", "Permission (scope or role) cannot be deleted or updated unless disabled first.")
	}
	return nil
}
