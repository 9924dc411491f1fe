package emulator

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// assignmentProps: https://learn.microsoft.com/en-us/graph/api/resources/approleassignment#properties
var assignmentProps = []prop{
	{name: "id", shown: true, ops: "eq in"},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "appRoleId", shown: true, born: true, must: true, ops: "eq"},
	{name: "createdDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "principalDisplayName", shown: true, fixed: true, ops: "eq sw"},
	{name: "principalId", shown: true, born: true, must: true, ref: true, ops: "eq"},
	{name: "principalType", shown: true, fixed: true, ops: "eq"},
	{name: "resourceDisplayName", shown: true, fixed: true, ops: "eq"},
	{name: "resourceId", shown: true, born: true, must: true, ref: true, ops: "eq"},
}

// grantProps: https://learn.microsoft.com/en-us/graph/api/resources/oauth2permissiongrant#properties
var grantProps = []prop{
	{name: "id", shown: true, ops: "eq in"},
	{name: "clientId", shown: true, born: true, must: true, ref: true, ops: "eq"},
	{name: "consentType", shown: true, born: true, must: true, values: []string{"AllPrincipals", "Principal"}, ops: "eq"},
	{name: "principalId", shown: true, born: true, ref: true, ops: "eq"},
	{name: "resourceId", shown: true, born: true, must: true, ref: true, ops: "eq"},
	{name: "scope", shown: true, must: true, max: 3850},
}

var (
	rRole      = propNumber(assignmentProps, "appRoleId")
	rCreated   = propNumber(assignmentProps, "createdDateTime")
	rPrincipal = propNumber(assignmentProps, "principalId")
	rResource  = propNumber(assignmentProps, "resourceId")

	oClient    = propNumber(grantProps, "clientId")
	oType      = propNumber(grantProps, "consentType")
	oPrincipal = propNumber(grantProps, "principalId")
	oResource  = propNumber(grantProps, "resourceId")
	oScope     = propNumber(grantProps, "scope")
)

// defaultRole assigns to an application that defines no roles.
const defaultRole = "00000000-0000-0000-0000-000000000000"

var (
	assigns    = []string{"AppRoleAssignment.ReadWrite.All+Application.Read.All", "AppRoleAssignment.ReadWrite.All+Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All+Directory.Read.All"}
	readGrants = []string{"DelegatedPermissionGrant.Read.All", "DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	makeGrants = []string{"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"}
	granters   = append([]string{privRoleAdmin, userAdmin}, appAdmins...)
)

// assignmentsTo is a relationship to app role assignments:
// https://learn.microsoft.com/en-us/graph/api/serviceprincipal-list-approleassignments, serviceprincipal-list-approleassignedto,
// user-list-approleassignments, group-list-approleassignments
func assignmentsTo(by, name string) relation {
	return relation{name: name, types: []string{"appRoleAssignment"}, pure: true, by: by, makes: true, may: func(c *call, _ *object) error {
		if seesApps(c, nil) != full {
			return denied()
		}
		return nil
	}}
}

// grantsOf is a relationship to delegated permission grants:
// https://learn.microsoft.com/en-us/graph/api/serviceprincipal-list-oauth2permissiongrants, user-list-oauth2permissiongrants
func grantsOf(by string) relation {
	return relation{name: "oauth2PermissionGrants", types: []string{"oAuth2PermissionGrant"}, pure: true, by: by, may: func(c *call, _ *object) error {
		if seesGrants(c, nil) != full {
			return denied()
		}
		return nil
	}}
}

// mayAssign is nil when the caller may assign roles of a resource. Those of Microsoft Graph take more than the administration of
// applications: https://learn.microsoft.com/en-us/graph/api/serviceprincipal-post-approleassignedto; who owns an application manages its
// assignments: https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions#object-ownership
func (c *call) mayAssign(resource *object) error {
	switch {
	case !c.p.holds(assigns...) && !c.p.asUser():
	case !c.p.delegated():
		return nil
	case resource != nil && resource.text("appId") == graphAppID:
		if c.p.hasRole(roleAdmins...) {
			return nil
		}
	case c.p.hasRole(granters...), resource != nil && c.ownsApp(resource.text("appId")):
		return nil
	}
	return denied()
}

// assignmentEntity: https://learn.microsoft.com/en-us/graph/api/resources/approleassignment
func assignmentEntity(d *directory) *entity {
	props := slices.Clone(assignmentProps)
	of := func(name, by string, show func(x *object) string) {
		props[propNumber(props, name)].derive = func(o *object) string {
			if x := d.byID[o.text(by)]; x != nil {
				return show(x)
			}
			return ""
		}
	}
	shownName := func(x *object) string { return x.json(x.in.prop("displayName")) }
	of("principalDisplayName", "principalId", shownName)
	of("resourceDisplayName", "resourceId", shownName)
	of("principalType", "principalId", func(x *object) string { return text(x.in.title) })
	return &entity{
		set: "appRoleAssignments", name: "appRoleAssignment", title: "AppRoleAssignment", props: props, plain: true, inner: true, sees: seesApps,
		mayCreate: func(c *call, body map[string]json.RawMessage) error {
			id, _ := decodeText(body["resourceId"])
			return c.mayAssign(c.t.dir.at(id))
		},
		mayDelete: func(c *call, o *object) error { return c.mayAssign(c.t.dir.at(o.text("resourceId"))) },
		prepare:   prepareAssignment,
	}
}

func prepareAssignment(c *call, o *object, edits []edit) ([]edit, error) {
	d := c.t.dir
	of := map[int]string{}
	for _, e := range edits {
		of[e.prop] = unquote(e.json)
	}
	who, resource, role := d.at(of[rPrincipal]), d.at(of[rResource]), strings.ToLower(of[rRole])
	switch {
	case who == nil || !who.is("user") && !who.is("group") && !who.is("servicePrincipal"):
		return nil, notThere(of[rPrincipal])
	case !resource.is("servicePrincipal"):
		return nil, notThere(of[rResource])
	}
	needs := "User"
	if who.is("servicePrincipal") {
		needs = "Application"
	}
	roles := resource.permissions()
	known := role == defaultRole && len(roles) == 0 || slices.ContainsFunc(roles, func(p permission) bool {
		return strings.EqualFold(p.ID, role) && p.IsEnabled && slices.Contains(p.Members, needs)
	})
	if !known {
		// the words are inferred
		return nil, badRequest("Permission being assigned was not found on application '%s'.", resource.text("appId"))
	}
	if d.assignment(who, resource, role) != nil {
		// text as quoted in https://github.com/microsoftgraph/msgraph-bicep-types/issues/161
		return nil, badRequest("Permission being assigned already exists on the object")
	}
	o.id = grantID(who.id, o.id)
	t := o.in
	return []edit{t.given(rRole, text(role)), t.given(rPrincipal, text(who.id)), t.given(rResource, text(resource.id))}, nil
}

// grantID is the id of an assignment or a grant: the ids that it is made of, in base64url.
func grantID(ids ...string) string {
	var b []byte
	for _, id := range ids {
		raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
		if err != nil {
			raw = []byte(id)
		}
		b = append(b, raw...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func seesGrants(c *call, _ *object) sight {
	if !c.p.holds(readGrants...) && !c.p.asUser() {
		return blind
	}
	return full
}

// mayGrant: https://learn.microsoft.com/en-us/graph/api/oauth2permissiongrant-post
func mayGrant(c *call) error {
	if !c.p.holds(makeGrants...) && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(granters...) {
		return denied()
	}
	return nil
}

// grantEntity: https://learn.microsoft.com/en-us/graph/api/resources/oauth2permissiongrant
func grantEntity() *entity {
	return &entity{
		set: "oauth2PermissionGrants", name: "oAuth2PermissionGrant", title: "OAuth2PermissionGrant", props: grantProps, plain: true, delta: true, sees: seesGrants,
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayGrant(c) },
		mayPatch:  func(c *call, _ *object, _ []edit) error { return mayGrant(c) },
		mayDelete: func(c *call, _ *object) error { return mayGrant(c) },
		prepare: func(c *call, o *object, edits []edit) ([]edit, error) {
			d := c.t.dir
			of := map[int]string{}
			for _, e := range edits {
				of[e.prop] = unquote(e.json)
			}
			for _, i := range []int{oClient, oResource} {
				if x := d.at(of[i]); !x.is("servicePrincipal") {
					return nil, notThere(of[i])
				}
			}
			one := strings.EqualFold(of[oType], "Principal")
			switch {
			case one && of[oPrincipal] == "":
				return nil, badRequest("A value is required for property 'principalId' of resource '%s'.", o.in.title)
			case one && !d.at(of[oPrincipal]).is("user"):
				return nil, notThere(of[oPrincipal])
			case !one && of[oPrincipal] != "":
				return nil, invalidValueOf(o.in.title, "principalId", "")
			}
			o.id = grantID(of[oClient], of[oResource], of[oPrincipal])
			if d.byID[o.id] != nil {
				// text as quoted in https://github.com/hashicorp/terraform-provider-azuread/issues/690
				return nil, failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
			}
			for i, e := range edits {
				if e.prop != oScope && e.prop != oType {
					edits[i].json = text(strings.ToLower(unquote(e.json)))
				}
			}
			return edits, nil
		},
	}
}

// assignment is that of an app role of a resource to somebody; nil when there is none.
func (d *directory) assignment(who, resource *object, role string) *object {
	for _, x := range d.refs[who.id] {
		if x.is("appRoleAssignment") && x.text("principalId") == who.id && x.text("resourceId") == resource.id && x.text("appRoleId") == role {
			return x
		}
	}
	return nil
}

// grant is what a person, or with nil everybody, agreed to that a client may do at a resource; nil when there is nothing.
func (d *directory) grant(client, resource, who *object) *object {
	return d.byID[grantID(client.id, resource.id, idOrNone(who))]
}

func idOrNone(o *object) string {
	if o == nil {
		return ""
	}
	return o.id
}

// newGrant is a grant without a place in the directory.
func (d *directory) newGrant(client, resource, who *object, scopes []string) *object {
	o := &object{in: d.typed("oAuth2PermissionGrant"), id: grantID(client.id, resource.id, idOrNone(who))}
	set := map[int]string{oClient: text(client.id), oType: `"AllPrincipals"`, oResource: text(resource.id), oScope: text(strings.Join(scopes, " "))}
	if who != nil {
		set[oType], set[oPrincipal] = `"Principal"`, text(who.id)
	}
	o.rec = record{}.with(fieldsOf(set))
	return o
}

// newAssignment is an app role assignment without a place in the directory.
func (d *directory) newAssignment(id string, who, resource *object, role, created string) *object {
	o := &object{in: d.typed("appRoleAssignment"), id: grantID(who.id, id)}
	o.rec = record{}.with(fieldsOf(map[int]string{
		rRole: text(role), rCreated: created, rPrincipal: text(who.id), rResource: text(resource.id),
	}))
	return o
}
