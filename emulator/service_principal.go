package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// principalProps are the properties of a service principal: the v1.0 CSDL (msgraph-metadata, August 2026); operators from
// https://learn.microsoft.com/en-us/graph/api/resources/serviceprincipal#properties and …/graph/aad-advanced-queries. What follows from
// the application is not kept here: principalEntity.
var principalProps = []prop{
	{name: "id", shown: true, ops: "eq in", adv: "ne not"},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true, ops: "eq ge le", adv: "ne not in"},
	{name: "accountEnabled", typ: edmBool, shown: true, keep: true, ops: "eq in", adv: "ne not"},
	{name: "addIns", typ: edmObjects, shown: true, shape: "[" + addInShape + "]"},
	{name: "alternativeNames", typ: edmTexts, shown: true, ops: "eq ge le sw", adv: "not"},
	{name: "appDescription", shown: true, fixed: true},
	{name: "appDisplayName", shown: true, fixed: true, ops: "eq"},
	{name: "appId", shown: true, born: true, must: true, ops: "eq in", adv: "ne not"},
	{name: "appOwnerOrganizationId", shown: true, fixed: true, adv: "eq in ne not"},
	{name: "appRoleAssignmentRequired", typ: edmBool, shown: true, keep: true, blank: "false", adv: "eq in ne not"},
	{name: "appRoles", typ: edmObjects, shown: true, fixed: true},
	{name: "applicationTemplateId", shown: true, fixed: true, ops: "eq in", adv: "ne not"},
	{name: "customSecurityAttributes", typ: edmObject, fixed: true},
	{name: "description", shown: true, max: 1024, adv: "eq ne not ge le in sw"},
	{name: "disabledByMicrosoftStatus", shown: true, fixed: true, ops: "eq in", adv: "ne not"},
	{name: "displayName", shown: true, max: 256, sorts: true, search: true, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "homepage", shown: true},
	{name: "info", typ: edmObject, shown: true, shape: infoShape},
	{name: "keyCredentials", typ: edmObjects, shown: true, shape: "[" + keyShape + "]", adv: "eq not ge le"},
	{name: "loginUrl", shown: true},
	{name: "logoutUrl", shown: true},
	{name: "notes", shown: true, max: 1024},
	{name: "notificationEmailAddresses", typ: edmTexts, shown: true},
	{name: "oauth2PermissionScopes", typ: edmObjects, shown: true, fixed: true},
	{name: "passwordCredentials", typ: edmObjects, shown: true, fixed: true, shape: "[" + passwordShape + "]"},
	{name: "preferredSingleSignOnMode", shown: true, values: []string{"password", "saml", "notSupported", "oidc"}},
	{name: "preferredTokenSigningKeyThumbprint", shown: true},
	{name: "replyUrls", typ: edmTexts, shown: true},
	{name: "resourceSpecificApplicationPermissions", typ: edmObjects, shown: true, fixed: true},
	{name: "samlSingleSignOnSettings", typ: edmObject, shown: true, shape: `{"relayState":"#text"}`, blank: "null"},
	{name: "servicePrincipalNames", typ: edmTexts, shown: true, ops: "eq ge le sw", adv: "not"},
	{name: "servicePrincipalType", shown: true, fixed: true, blank: `"Application"`, ops: "eq in", adv: "ne not"},
	{name: "signInAudience", shown: true, fixed: true},
	{name: "tags", typ: edmTexts, shown: true, ops: "eq ge le sw", adv: "not"},
	{name: "tokenEncryptionKeyId", shown: true},
	{name: "verifiedPublisher", typ: edmObject, shown: true, fixed: true, shape: publisherShape},
	{name: "emulatorPermissions", typ: edmTexts, hidden: true, fixed: true}, // of Graph: graph_permission.go
}

var (
	sEnabled  = propNumber(principalProps, "accountEnabled")
	sAppID    = propNumber(principalProps, "appId")
	sAssigned = propNumber(principalProps, "appRoleAssignmentRequired")
	sName     = propNumber(principalProps, "displayName")
	sMore     = propNumber(principalProps, "emulatorPermissions")
	sOwner    = propNumber(principalProps, "appOwnerOrganizationId")
)

// principalEntity: https://learn.microsoft.com/en-us/graph/api/resources/serviceprincipal
func principalEntity(d *directory) *entity {
	props := slices.Clone(principalProps)
	follow := func(name string, from func(app *object, home *directory) string) {
		props[propNumber(props, name)].derive = func(o *object) string {
			if app, home := d.application(o.text("appId")); app != nil {
				return from(app, home)
			}
			return ""
		}
	}
	same := func(names ...string) {
		for _, name := range names {
			follow(name, func(app *object, _ *directory) string { return app.get(name) })
		}
	}
	same("displayName", "info", "verifiedPublisher", "signInAudience", "appRoles", "disabledByMicrosoftStatus")
	follow("appDisplayName", func(app *object, _ *directory) string { return app.get("displayName") })
	follow("appDescription", func(app *object, _ *directory) string { return app.get("description") })
	follow("appOwnerOrganizationId", func(_ *object, home *directory) string { return text(home.tenant) })
	follow("homepage", func(app *object, _ *directory) string { return member(app.rec.get(aWeb), "homePageUrl") })
	follow("logoutUrl", func(app *object, _ *directory) string { return member(app.rec.get(aWeb), "logoutUrl") })
	follow("oauth2PermissionScopes", func(app *object, _ *directory) string { return member(app.rec.get(aAPI), "oauth2PermissionScopes") })
	follow("replyUrls", func(app *object, _ *directory) string {
		uris := []string{}
		for _, i := range []int{aWeb, aSPA, aInstalled} {
			uris = append(uris, texts(member(app.rec.get(i), "redirectUris"))...)
		}
		return jsonOf(uris)
	})
	follow("servicePrincipalNames", func(app *object, _ *directory) string {
		return jsonOf(append(texts(app.rec.get(aIdentifiers)), app.text("appId")))
	})
	graphs := func(name string, list func(o *object) string) {
		p := &props[propNumber(props, name)]
		follows := p.derive
		p.derive = func(o *object) string {
			if o.text("appId") == graphAppID {
				return list(o)
			}
			return follows(o)
		}
	}
	graphs("appRoles", func(o *object) string {
		list := slices.Clone(graphRoles())
		for _, name := range texts(o.rec.get(sMore)) {
			list = append(list, graphRole(name, guidOf("role", name)))
		}
		return jsonOf(list)
	})
	graphs("oauth2PermissionScopes", func(*object) string { return graphScopes() })
	graphs("servicePrincipalNames", func(*object) string {
		return `["` + graphAppID + `/graph.microsoft.com","https://graph.microsoft.com","` + graphAppID + `"]`
	})
	holders := []string{"group", "directoryRole"} // units do not hold them
	return &entity{
		set: "servicePrincipals", name: "servicePrincipal", title: "ServicePrincipal", props: props, delta: true, found: []string{"displayName"},
		rels: []relation{
			ownersOfApp,
			{name: "memberOf", types: holders, bond: "members", back: true},
			{name: "transitiveMemberOf", types: holders, bond: "members", back: true, deep: true},
			{name: "ownedObjects", types: []string{"application", "servicePrincipal", "group"}, bond: "owners", back: true},
			assignmentsTo("principalId", "appRoleAssignments"),
			assignmentsTo("resourceId", "appRoleAssignedTo"),
			grantsOf("clientId"),
		},
		keys: map[string]func(*directory, string) *object{"appid": (*directory).service},
		soft: func(*object) bool { return true },
		sees: seesApps, mayCreate: mayRegister,
		mayPatch: func(c *call, o *object, _ []edit) error { return mayWriteApp(c, o) },
		mayDelete: func(c *call, o *object) error {
			if o.text("appId") == graphAppID {
				return denied() // everything hangs on it here
			}
			return mayWriteApp(c, o)
		},
		mayRestore: mayRestoreApp,
		routes:     credentialRoutes,
		check: func(c *call, o *object, e *edit) error {
			if e.name == "keyCredentials" {
				return c.checkKeys(o, e)
			}
			return nil
		},
		prepare: func(c *call, o *object, edits []edit) ([]edit, error) {
			in, at := o.in, slices.IndexFunc(edits, func(e edit) bool { return e.prop == sAppID })
			id := unquote(edits[at].json)
			app, home := c.t.dir.application(id)
			first, known := firstPartyNamed(id)
			switch {
			case app != nil && (home == c.t.dir || app.text("signInAudience") != ownWorkAudience):
				edits[at].json = app.get("appId")
			case app == nil && known:
				edits[at].json = text(first.ClientID)
				edits = append(edits, in.given(sName, text(first.Name)), in.given(sOwner, text(microsoftTenant)))
			default:
				// text as in https://github.com/kubernetes-retired/kubernetes-anywhere/pull/248, the id is of later answers
				return nil, failure(http.StatusBadRequest, "NoBackingApplicationObject", "The appId '%s' of the service principal does not reference a valid application object.", id)
			}
			if !slices.ContainsFunc(edits, func(e edit) bool { return e.prop == sEnabled }) {
				edits = append(edits, in.given(sEnabled, "true"))
			}
			return edits, nil
		},
		clash: func(d *directory, o *object, rec record) error {
			id := unquote(rec.get(sAppID))
			if x := d.service(id); x != nil && x != o {
				// text as quoted in https://github.com/Azure/reliable-web-app-pattern-java/issues/185
				return failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue",
					"The service principal cannot be created, updated, or restored because the service principal name %s is already in use.", id)
			}
			return nil
		},
		indexed: []int{sAppID},
		index: func(d *directory, o *object, add bool) {
			if key := strings.ToLower(o.text("appId")); add {
				d.services[key] = o
			} else {
				delete(d.services, key)
			}
		},
		wrote: keepKeys, created: (*call).firstOwner,
	}
}

// service is the service principal of an application; nil when there is none.
func (d *directory) service(appID string) *object { return d.services[strings.ToLower(appID)] }

// caller is the service principal that a token is of: it stays good while the service principal is in deletedItems.
func (d *directory) caller(appID string) *object {
	if o := d.service(appID); o != nil {
		return o
	}
	for _, o := range d.deleted {
		if o.is("servicePrincipal") && strings.EqualFold(o.text("appId"), appID) {
			return o
		}
	}
	return nil
}

// application is an application by its appId with the directory that it is registered in: this one, or another one of the emulator.
func (d *directory) application(appID string) (*object, *directory) {
	key := strings.ToLower(appID)
	if app := d.apps[key]; app != nil {
		return app, d
	}
	for _, t := range d.e.tenants {
		if app := t.dir.apps[key]; app != nil {
			return app, t.dir
		}
	}
	return nil, nil
}

// graphService is the service principal of Microsoft Graph, which every organization has.
func (d *directory) graphService() *object {
	if o := d.service(graphAppID); o != nil {
		return o
	}
	o := &object{in: d.typed("servicePrincipal"), id: guidOf("service principal", d.tenant, graphAppID)}
	o.rec = record{}.with(fieldsOf(map[int]string{
		sAppID: text(graphAppID), sEnabled: "true", sName: `"Microsoft Graph"`, sOwner: text(microsoftTenant),
	}))
	d.enter(o)
	return o
}

// permissions are the app roles of a service principal.
func (o *object) permissions() []permission { return permissionsOf(o.json(o.in.prop("appRoles"))) }

// roleNamed and scopeNamed are the ids of an app role and of a delegated permission by value, "" when there is none.
func (o *object) roleNamed(value string) string { return idNamed(o.permissions(), value) }

func (o *object) scopeNamed(value string) string {
	return idNamed(permissionsOf(o.json(o.in.prop("oauth2PermissionScopes"))), value)
}

func idNamed(list []permission, value string) string {
	if i := slices.IndexFunc(list, func(p permission) bool { return p.Value == value }); i >= 0 {
		return list[i].ID
	}
	return ""
}

// valueOf is the value of an enabled app role by its id, "" when there is none.
func (o *object) valueOf(id string) string {
	for _, p := range o.permissions() {
		if strings.EqualFold(p.ID, id) && p.IsEnabled {
			return p.Value
		}
	}
	return ""
}
