package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// federatedProps: https://learn.microsoft.com/en-us/graph/api/resources/federatedidentitycredential
var federatedProps = []prop{
	{name: "id", shown: true, ops: "eq"},
	{name: "name", shown: true, born: true, must: true, max: 120, ops: "eq"},
	{name: "issuer", shown: true, must: true, max: 600},
	{name: "subject", shown: true, must: true, max: 600, ops: "eq"},
	{name: "audiences", typ: edmTexts, shown: true, must: true, items: 1, max: 600},
	{name: "description", shown: true, max: 600},
	{name: "application", hidden: true, ref: true},
}

var (
	fName     = propNumber(federatedProps, "name")
	fIssuer   = propNumber(federatedProps, "issuer")
	fSubject  = propNumber(federatedProps, "subject")
	fAudience = propNumber(federatedProps, "audiences")
	fApp      = propNumber(federatedProps, "application")
)

// federatedName: https://learn.microsoft.com/en-us/graph/api/application-post-federatedidentitycredentials
var federatedName = regexp.MustCompile(`^[A-Za-z0-9][-\w]{2,119}$`)

// mayWriteParent is nil when the caller may change the application that o belongs to, or that a new object comes into.
func mayWriteParent(c *call, o *object) error {
	if o == nil {
		return mayWriteApp(c, c.within.o)
	}
	return mayWriteApp(c, c.t.dir.byID[o.text("application")])
}

// federatedEntity: https://learn.microsoft.com/en-us/graph/api/resources/federatedidentitycredential
func federatedEntity() *entity {
	return &entity{
		set: "federatedIdentityCredentials", name: "federatedIdentityCredential", title: "FederatedIdentityCredential", props: federatedProps,
		plain: true, inner: true, sees: seesApps,
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayWriteParent(c, nil) },
		mayPatch:  func(c *call, o *object, _ []edit) error { return mayWriteParent(c, o) },
		mayDelete: mayWriteParent,
		check: func(_ *call, o *object, e *edit) error {
			if e.prop == fName && !federatedName.MatchString(unquote(e.json)) {
				return invalidValueOf(o.in.title, e.name, "")
			}
			return nil
		},
		clash: func(d *directory, o *object, rec record) error {
			for _, x := range d.refs[unquote(rec.get(fApp))] {
				switch {
				case x == o || !x.is("federatedIdentityCredential"):
				case x.rec.get(fName) == rec.get(fName):
					// text as quoted in https://github.com/Azure/azure-dev/issues/1482
					return failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "FederatedIdentityCredential with name %s already exists.", unquote(rec.get(fName)))
				case x.rec.get(fIssuer) == rec.get(fIssuer) && x.rec.get(fSubject) == rec.get(fSubject):
					// text as quoted in https://github.com/Azure/azure-workload-identity/issues/434
					return failure(http.StatusBadRequest, "InvalidFederatedIdentityCredentialValue", "The combination of issuer and subject must be unique for the application.")
				}
			}
			return nil
		},
	}
}

// extensionProps: https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty
var extensionProps = []prop{
	{name: "id", shown: true},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "appDisplayName", shown: true, fixed: true},
	{name: "dataType", shown: true, born: true, must: true, values: []string{"Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String"}},
	{name: "isMultiValued", typ: edmBool, shown: true, born: true, blank: "false"},
	{name: "isSyncedFromOnPremises", typ: edmBool, shown: true, fixed: true, blank: "false"},
	{name: "name", shown: true, born: true, must: true, ops: "eq"},
	{name: "targetObjects", typ: edmTexts, shown: true, born: true, must: true, values: []string{"User", "Group", "AdministrativeUnit", "Application", "Device", "Organization"}},
	{name: "application", hidden: true, ref: true},
}

var (
	xMany    = propNumber(extensionProps, "isMultiValued")
	xName    = propNumber(extensionProps, "name")
	xTargets = propNumber(extensionProps, "targetObjects")
)

// extensionEntity are the directory extensions that applications define: https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty
func extensionEntity(d *directory) *entity {
	props := slices.Clone(extensionProps)
	props[propNumber(props, "appDisplayName")].derive = func(o *object) string {
		if app := d.byID[o.text("application")]; app != nil {
			return app.get("displayName")
		}
		return ""
	}
	return &entity{
		set: "extensionProperties", name: "extensionProperty", title: "ExtensionProperty", props: props, plain: true, inner: true, sees: seesApps,
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return mayWriteParent(c, nil) },
		mayDelete: mayWriteParent,
		prepare: func(c *call, _ *object, edits []edit) ([]edit, error) {
			app := strings.ReplaceAll(c.within.o.text("appId"), "-", "")
			for i, e := range edits {
				if e.prop == xName {
					edits[i].json = text("extension_" + app + "_" + unquote(e.json))
				}
			}
			return edits, nil
		},
		check: func(_ *call, o *object, e *edit) error {
			// in PascalCase: https://learn.microsoft.com/en-us/graph/api/application-post-extensionproperty
			if e.prop == xTargets && slices.ContainsFunc(texts(e.json), func(s string) bool { return !slices.Contains(extensionProps[xTargets].values, s) }) {
				return invalidValueOf(o.in.title, e.name, "InvalidValue")
			}
			return nil
		},
		clash: func(d *directory, o *object, rec record) error {
			for _, x := range d.typed("extensionProperty").list {
				if x != o && x.rec.get(xName) == rec.get(xName) {
					// the words are inferred
					return failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "An extension property exists with the name %s.", unquote(rec.get(xName)))
				}
			}
			return nil
		},
		index: func(d *directory, o *object, add bool) {
			d.defineFor(extensionProp(o.text("name"), o.text("dataType"), o.rec.get(xMany) == "true"), texts(o.rec.get(xTargets)), add)
		},
	}
}

// availableExtensions: https://learn.microsoft.com/en-us/graph/api/directoryobject-getavailableextensionproperties
func (c *call) availableExtensions() error {
	body, err := c.object()
	if err != nil {
		return err
	}
	synced := string(body["isSyncedFromOnPremises"])
	if synced != "" && synced != "null" && synced != "true" && synced != "false" {
		return badJSON()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	t := c.t.dir.typed("extensionProperty")
	if seesApps(c, nil) == blind {
		return denied()
	}
	var list []*object
	for _, o := range t.list {
		if app := c.t.dir.byID[o.text("application")]; app != nil && synced != "true" { // none here is synced
			list = append(list, o)
		}
	}
	sel := t.shown.withType()
	return c.sendPage(len(list), "Collection(extensionProperty)", func(b []byte, i int) []byte { return sel.append(b, list[i]) })
}
