package emulator

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// fileCredential marks the credentials that an organization file brought.
const fileCredential = "Organization file"

func sameApp(a, b App) bool { return reflect.DeepEqual(a, b) }

// readApps makes the applications of an organization file, their service principals, and, when all are there, their assignments and
// grants. What exists already is described anew; delegated grants stay.
func (t *tenant) readApps(e *Emulator, list []App, now time.Time) error {
	for _, a := range list {
		if err := t.readApp(e, a, now); err != nil {
			return fmt.Errorf("application %q: %w", a.Name, err)
		}
	}
	for _, a := range list {
		if err := t.readGrants(e, a, now); err != nil {
			return fmt.Errorf("application %q: %w", a.Name, err)
		}
	}
	return nil
}

// shaped writes a value into a property with a shape.
func shaped(shape string, v any) string {
	j, _ := fitShape(shape, []byte(jsonOf(v)), "")
	return j
}

func (t *tenant) readApp(e *Emulator, a App, now time.Time) error {
	d := t.dir
	d.learnPermissions(a.Application)
	for _, x := range a.Requests {
		if _, name, _ := strings.Cut(x, ":"); !strings.Contains(name, "/") {
			d.learnPermissions([]string{name})
		}
	}
	if a.ClientID == "" {
		return fmt.Errorf("it needs a clientId")
	}
	at := instantJSON(now)
	app := d.apps[strings.ToLower(a.ClientID)]
	fresh := app == nil
	if fresh {
		app = &object{in: d.typed("application"), id: guidOf("application", t.id, a.ClientID)}
	} else {
		at = app.rec.get(aCreated)
		for _, x := range slices.Clone(d.refs[app.id]) {
			if x.is("federatedIdentityCredential") {
				d.drop(x)
			}
		}
	}
	fields, secrets, err := a.fields(app)
	if err != nil {
		return err
	}
	fields[aCreated], fields[aPublisher] = at, text(t.domains[0].Name)
	for i, j := range fields {
		if j == app.in.props[i].empty() {
			fields[i] = ""
		}
	}
	app.rec = record{}.with(fieldsOf(fields))
	if len(secrets) > 0 || app.more != nil {
		app.extra().secrets = secrets
	}
	if fresh {
		if err := d.insert(app); err != nil {
			return err
		}
	}
	for _, f := range a.Federated {
		if f.Audience == "" {
			f.Audience = exchangeAudience
		}
		x := &object{in: d.typed("federatedIdentityCredential"), id: guidOf("federated credential", app.id, f.Name, f.Issuer, f.Subject)}
		x.rec = record{}.with(fieldsOf(map[int]string{
			fName: text(f.Name), fIssuer: text(f.Issuer), fSubject: text(f.Subject), fAudience: "[" + text(f.Audience) + "]", fApp: text(app.id),
		}))
		if err := d.insert(x); err != nil {
			return err
		}
	}
	return t.readService(e, a)
}

func (t *tenant) readService(e *Emulator, a App) error {
	d := t.dir
	own := d.service(a.ClientID)
	if own != nil && a.ObjectID != "" && !strings.EqualFold(own.id, a.ObjectID) {
		for _, x := range slices.Clone(d.refs[own.id]) {
			d.drop(x)
		}
		d.drop(own)
		own = nil
	}
	set := map[int]string{sAppID: text(a.ClientID), sEnabled: string(appendBool(nil, !a.Disabled))}
	if a.AssignedOnly {
		set[sAssigned] = "true"
	}
	if own != nil {
		own.rec = record{}.with(fieldsOf(set))
		return nil
	}
	own = &object{in: d.typed("servicePrincipal"), id: strings.ToLower(a.ObjectID), rec: record{}.with(fieldsOf(set))}
	if own.id == "" {
		own.id = e.random.id()
	}
	return d.insert(own)
}

// drop takes an object out as if it had never been.
func (d *directory) drop(o *object) {
	d.unindex(o)
	o.in.take(o)
	d.forget(o)
}

// fields are the properties of an application that an organization file describes, and what stands behind its credentials.
func (a App) fields(app *object) (map[int]string, map[string]string, error) {
	secrets := map[string]string{}
	var passwords, keys []any
	for _, k := range credentialsOf(app.rec.get(aPasswords)) { // those that Graph made stay
		if deref(k.DisplayName) != fileCredential && app.more != nil {
			passwords, secrets[k.id()] = append(passwords, passwordJSON(k, "")), app.more.secrets[k.id()]
		}
	}
	for _, s := range a.Secrets {
		id, name := guidOf("secret", a.ClientID, s.Value), fileCredential
		k := credential{KeyID: &id, DisplayName: &name}
		if s.Starts != "" {
			k.StartDateTime = &s.Starts
		}
		if s.Ends != "" {
			k.EndDateTime = &s.Ends
		}
		passwords, secrets[id] = append(passwords, passwordJSON(k, s.Value[:min(3, len(s.Value))])), s.Value
	}
	for _, p := range a.Certificates {
		block, _ := pem.Decode([]byte(p))
		if block == nil {
			return nil, nil, fmt.Errorf("a certificate is not PEM")
		}
		der := base64.StdEncoding.EncodeToString(block.Bytes)
		id := guidOf("certificate", a.ClientID, der)
		k, _, ok := readKey(credential{Key: &der}, id)
		if !ok {
			return nil, nil, fmt.Errorf("a certificate cannot be read")
		}
		keys, secrets[id] = append(keys, keyJSON(k)), der
	}
	web, installed := a.Redirects, []string{}
	if a.Public {
		web, installed = nil, a.Redirects
	}
	audience, groups := a.Audience, []string{}
	if audience == "" {
		audience = ownWorkAudience
	}
	if a.GroupClaims {
		groups = append(groups, "SecurityGroup")
	}
	if a.RoleClaims {
		groups = append(groups, "DirectoryRole")
	}
	var scopes, roles, trusted []any
	for _, p := range a.Exposes {
		kind := p.Type
		if kind == "" {
			kind = "User"
		}
		scopes = append(scopes, map[string]any{"id": p.scopeID(a), "value": p.Value, "type": kind, "adminConsentDisplayName": p.Name})
	}
	for _, client := range slices.Sorted(maps.Keys(a.Preauthorized)) {
		var ids []string
		for _, value := range a.Preauthorized[client] {
			i := slices.IndexFunc(a.Exposes, func(p Permission) bool { return p.Value == value })
			if i < 0 {
				return nil, nil, fmt.Errorf("preauthorized: it exposes no scope %q", value)
			}
			ids = append(ids, a.Exposes[i].scopeID(a))
		}
		trusted = append(trusted, map[string]any{"appId": client, "delegatedPermissionIds": ids})
	}
	for _, r := range a.AppRoles {
		roles = append(roles, map[string]any{"id": r.roleID(a), "value": r.Value, "displayName": r.Name, "description": r.Name, "allowedMemberTypes": []string{"User", "Application"}})
	}
	api := map[string]any{"oauth2PermissionScopes": scopes, "preAuthorizedApplications": trusted, "knownClientApplications": a.KnownClients}
	if a.TokenVersion > 0 {
		api["requestedAccessTokenVersion"] = a.TokenVersion
	}
	out := map[int]string{
		aAppID: text(a.ClientID), aName: text(a.Name), aAudience: text(audience), aAPI: shaped(apiShape, api),
		aWeb: shaped(webShape, map[string]any{
			"redirectUris": web, "logoutUrl": textOrNull(a.Logout), "implicitGrantSettings": map[string]any{
				"enableIdTokenIssuance": slices.Contains(a.Implicit, "id_token"), "enableAccessTokenIssuance": slices.Contains(a.Implicit, "token"),
			},
		}),
		aInstalled: shaped(redirectsShape, map[string]any{"redirectUris": installed}),
		aSPA:       shaped(redirectsShape, map[string]any{"redirectUris": a.SPA}),
	}
	for i, list := range map[int][]any{aPasswords: passwords, aKeys: keys, aRoles: roles} {
		if len(list) > 0 {
			out[i] = shaped(applicationProps[i].shape, list)
		}
	}
	if len(a.Identifiers) > 0 {
		out[aIdentifiers] = jsonOf(a.Identifiers)
	}
	if len(groups) > 0 {
		out[aGroups] = text(strings.Join(groups, ", "))
	}
	if a.Public {
		out[aPublic] = "true"
	}
	if len(a.OptionalClaims) > 0 {
		claims := map[string]any{}
		for kind, names := range a.OptionalClaims {
			var list []any
			for _, name := range names {
				list = append(list, map[string]any{"name": name})
			}
			claims[kind] = list
		}
		out[aClaims] = shaped(allClaimsShape, claims)
	}
	return out, secrets, nil
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// scopeID is the id of a scope; the one that follows from its value where the file has none.
func (p Permission) scopeID(a App) string {
	if p.ID != "" {
		return p.ID
	}
	return guidOf("scope", a.ClientID, p.Value)
}

// roleID is the id of an app role; the one that follows from its value where the file has none.
func (r AppRole) roleID(a App) string {
	if r.ID != "" {
		return r.ID
	}
	return guidOf("app role", a.ClientID, r.Value)
}

// api is the service principal that stands before the name of a permission: Graph's where nothing does.
func (d *directory) api(prefix string) *object {
	name := strings.TrimRight(prefix, "/")
	_, host, _ := strings.Cut(name, "://")
	if _, graph := cloudAt(host); graph || name == "" {
		return d.graphService()
	}
	for _, app := range d.typed("application").list {
		if slices.ContainsFunc(texts(app.rec.get(aIdentifiers)), func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), name) }) {
			return d.service(app.text("appId"))
		}
	}
	return d.service(strings.TrimPrefix(name, "api://"))
}

// readRequests writes what an application says that it wants of every API.
func (t *tenant) readRequests(a App) error {
	d := t.dir
	var list []any
	at := map[string]int{}
	for _, x := range a.Requests {
		kind, name, _ := strings.Cut(x, ":")
		prefix, value := splitScope(name)
		api := d.api(prefix)
		if api == nil {
			return fmt.Errorf("requests: there is no application %q", prefix)
		}
		id := ""
		switch graph := api.text("appId") == graphAppID; {
		case graph && kind == "Scope":
			id = scopeID(value)
		case graph:
			id = roleID(value)
		case kind == "Scope":
			id = api.scopeNamed(value)
		default:
			id = api.roleNamed(value)
		}
		if id == "" {
			return fmt.Errorf("requests: %s has no %q", prefix, value)
		}
		i, ok := at[api.id]
		if !ok {
			i, at[api.id] = len(list), len(list)
			list = append(list, map[string]any{"resourceAppId": api.text("appId"), "resourceAccess": []any{}})
		}
		entry := list[i].(map[string]any)
		entry["resourceAccess"] = append(entry["resourceAccess"].([]any), map[string]any{"id": id, "type": kind})
	}
	if len(list) > 0 {
		app := d.apps[strings.ToLower(a.ClientID)]
		app.rec = app.rec.with([]field{{aRequired, shaped("["+requiredShape+"]", list)}})
	}
	return nil
}

// readGrants gives an application what the file says that it was granted, and others what they were assigned to it.
func (t *tenant) readGrants(e *Emulator, a App, now time.Time) error {
	if err := t.readRequests(a); err != nil {
		return err
	}
	d := t.dir
	own, graph := d.service(a.ClientID), d.graphService()
	for _, x := range slices.Clone(d.refs[own.id]) {
		if x.is("appRoleAssignment") && (x.text("resourceId") == own.id || x.text("resourceId") == graph.id && x.text("principalId") == own.id) {
			d.drop(x)
		}
	}
	assign := func(who, resource *object, role string) error {
		x := d.newAssignment(guidOf("assignment", who.id, resource.id, role), who, resource, role, instantJSON(now))
		if d.byID[x.id] != nil {
			return nil // named twice
		}
		return d.insert(x)
	}
	for _, name := range a.Application {
		if err := assign(own, graph, roleID(name)); err != nil {
			return err
		}
	}
	for _, value := range slices.Sorted(maps.Keys(a.Assigned)) {
		role := defaultRole
		if i := slices.IndexFunc(a.AppRoles, func(r AppRole) bool { return r.Value == value }); i >= 0 {
			role = a.AppRoles[i].roleID(a)
		} else if value != "" {
			return fmt.Errorf("assigned: it defines no role %q", value)
		}
		for _, key := range a.Assigned[value] {
			who := d.member(key)
			if who == nil {
				who = d.service(key)
			}
			if who == nil {
				continue // somebody of another organization, where several have the application
			}
			if err := assign(who, own, role); err != nil {
				return err
			}
		}
	}
	members := d.bond("members")
	for _, r := range d.from("members", own) {
		if r.is("directoryRole") {
			members.cut(r, own)
		}
	}
	for _, name := range a.Roles {
		id := roleTemplate(name)
		if id == "" {
			return fmt.Errorf("there is no directory role %q", name)
		}
		members.add(d.role(e, id), own)
	}
	for _, name := range a.Delegated {
		prefix, value := splitScope(name)
		api := d.api(prefix)
		switch {
		case api == nil:
			return fmt.Errorf("delegated: there is no application %q", prefix)
		case api == graph:
			value = spelled(value)
		case api.scopeNamed(value) == "":
			return fmt.Errorf("delegated: %s has no %q", prefix, value)
		}
		d.allow(own, api, nil, []string{value}, func(g *object, edits []edit) {
			g.rec = g.rec.with([]field{{oScope, edits[0].json}})
			if g.ord == 0 {
				d.enter(g)
			}
		})
	}
	return nil
}

// registerTest makes the application that Mint uses where a tenant has none.
func (e *Emulator) registerTest(t *tenant) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.dir.service(testClient) != nil {
		return nil
	}
	return t.readApps(e, []App{{ClientID: testClient, Name: "Test client", Public: true}}, e.Now())
}
