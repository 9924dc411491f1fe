package emulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/odata"
)

// The audit log of the directory is the ledger in the service's words: https://learn.microsoft.com/en-us/graph/api/resources/directoryaudit.
// Nothing is kept for it: what a ledger forgets is gone here too. Names are those of now.

// auditKept is how long the service keeps it: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-reports-data-retention
const auditKept = 30 * 24 * time.Hour

// auditReaders: https://learn.microsoft.com/en-us/graph/api/directoryaudit-list names the first three, which are the least.
var auditReaders = []string{reportsReader, securityAdmin, securityReader, globalReader, globalAdmin}

// auditLogs answers /auditLogs/directoryAudits.
func (c *call) auditLogs() error {
	if !c.is(1, "directoryAudits") || len(c.seg) > 3 {
		return c.unknown(c.seg[min(1, len(c.seg)-1)])
	}
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	if err := c.mayAudit(); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	if len(c.seg) == 3 {
		return c.sendAudit(c.seg[2])
	}
	return c.listAudits()
}

// mayAudit: codes and words are remembered. The page asks delegated tokens for Directory.Read.All too, which the person's role has.
func (c *call) mayAudit() error {
	switch {
	case !c.p.holds("AuditLog.Read.All"), !c.p.delegated() && !c.p.holds("Directory.Read.All", "Directory.ReadWrite.All"):
		return failure(http.StatusForbidden, "Authentication_MSGraphPermissionMissing",
			"Calling principal does not have required MSGraph permissions AuditLog.Read.All")
	case c.p.delegated() && !c.p.hasRole(auditReaders...):
		return failure(http.StatusForbidden, "Authentication_RequestFromUnsupportedUserRole", "User is not in the allowed roles")
	}
	return nil
}

// auditProps are what $select may name and what $filter may do with it; "" is nothing.
var auditProps = map[string]string{
	"id": "eq", "activityDateTime": "eq ge le", "activityDisplayName": "eq startsWith", "additionalDetails": "", "category": "eq",
	"correlationId": "eq", "initiatedBy": "", "loggedByService": "eq", "operationType": "eq", "result": "eq", "resultReason": "", "targetResources": "",
}

// auditPaths are the members of complex ones that $filter may look at.
var auditPaths = map[string]string{
	"initiatedBy/user/id": "eq", "initiatedBy/user/displayName": "eq", "initiatedBy/user/userPrincipalName": "eq startsWith",
	"initiatedBy/app/appId": "eq", "initiatedBy/app/displayName": "eq",
	"targetResources/id": "eq", "targetResources/displayName": "eq startsWith",
}

// auditFilter refuses what the log does not answer. Which words it has for that is not known.
func auditFilter(e odata.Expr, of odata.Lambda) error {
	path, op := "", ""
	switch x := e.(type) {
	case *odata.Logic:
		if err := auditFilter(x.Left, of); err != nil {
			return err
		}
		return auditFilter(x.Right, of)
	case *odata.Lambda:
		if of.Path == "" && !x.All && x.Body != nil {
			return auditFilter(x.Body, *x)
		}
	case *odata.Compare:
		path, op = x.Path, string(x.Op)
		switch x.Op {
		case odata.Gt:
			op = "ge"
		case odata.Lt:
			op = "le"
		}
	case *odata.Call:
		path, op = x.Path, x.Func
	}
	if rest, ok := strings.CutPrefix(path, of.Var+"/"); ok && of.Path != "" {
		path = of.Path + "/" + rest
	}
	ops := auditProps[auditName(path)]
	for name, some := range auditPaths {
		if strings.EqualFold(name, path) && (of.Path != "") == strings.HasPrefix(name, "targetResources") {
			ops = some
		}
	}
	if op == "" || !slices.Contains(strings.Fields(ops), op) {
		return failure(http.StatusBadRequest, "BadRequest", "Invalid filter clause: '%s' is not supported.", e.String())
	}
	return nil
}

// auditName is a property as the service spells it, "" when there is none.
func auditName(name string) string {
	for known := range auditProps {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return ""
}

// listAudits answers with a page, the newest first unless $orderby says otherwise.
func (c *call) listAudits() error {
	newest := true
	switch {
	case len(c.q.order) > 1 || len(c.q.order) == 1 && !strings.EqualFold(c.q.order[0].Path, "activityDateTime"):
		return failure(http.StatusBadRequest, "BadRequest", "The $orderby expression is not supported.")
	case len(c.q.order) == 1:
		newest = c.q.order[0].Desc
	case c.q.search != nil || len(c.q.expand) > 0:
		return failure(http.StatusBadRequest, "BadRequest", "The query specified in the URI is not valid.")
	}
	if c.q.filter != nil {
		if err := auditFilter(c.q.filter, odata.Lambda{}); err != nil {
			return err
		}
	}
	for _, name := range c.q.selects {
		if name != "*" && auditName(name) == "" {
			return noProperty(name, "directoryAudit")
		}
	}
	from := place{}
	if c.q.skip != "" {
		var err error
		if from, err = parsePlace(c.q.skip); err != nil {
			return err
		}
	}
	top := c.pageSize(1000)
	var page []map[string]any
	var last int64
	more, bad := false, error(nil)
	c.e.ledger.walk(int64(from.ord), newest, func(entry Entry) bool { // #nosec G115 -- a number of the ledger
		audit := c.audit(entry)
		if audit == nil {
			return true
		}
		if c.q.filter != nil {
			ok, err := c.q.filter.Match(auditGetter(audit))
			if bad = err; err != nil || !ok {
				return err == nil
			}
		}
		if more = len(page) == top; !more {
			page, last = append(page, audit), entry.Seq
		}
		return !more
	})
	if bad != nil {
		return failure(http.StatusBadRequest, "BadRequest", "%s", bad.Error())
	}
	b := c.context(nil, "auditLogs/directoryAudits")
	if more {
		b = append(b, `"@odata.nextLink":`...)
		b = append(appendText(b, c.nextLink(place{ord: uint64(last)})), ',') // #nosec G115 -- from 1
	}
	list := make([]any, 0, len(page))
	for _, audit := range page {
		list = append(list, c.narrow(audit))
	}
	b = append(append(b, `"value":`...), jsonOf(list)...)
	return c.send(http.StatusOK, append(b, '}'))
}

// narrow leaves what $select names.
func (c *call) narrow(audit map[string]any) map[string]any {
	if len(c.q.selects) == 0 || slices.Contains(c.q.selects, "*") {
		return audit
	}
	out := map[string]any{}
	for _, name := range c.q.selects {
		out[auditName(name)] = audit[auditName(name)]
	}
	return out
}

// auditGetter answers a filter's questions; member names in any case.
func auditGetter(audit map[string]any) odata.Getter {
	return func(path string) (any, bool) {
		var v any = audit
		for name := range strings.SplitSeq(path, "/") {
			m, _ := v.(map[string]any)
			v = nil
			for k, x := range m {
				if strings.EqualFold(k, name) {
					v = x
				}
			}
		}
		if text, ok := v.(string); ok && strings.EqualFold(path, "activityDateTime") {
			at, _ := parseInstant(text) // written here
			return at, true
		}
		return v, true
	}
}

// sendAudit answers for one audit. Its id ends in the number of the ledger's entry.
func (c *call) sendAudit(id string) error {
	seq, err := strconv.ParseInt(id[strings.LastIndex(id, "_")+1:], 10, 64)
	if err == nil {
		var audit map[string]any
		c.e.ledger.walk(seq-1, false, func(e Entry) bool {
			if e.Seq == seq {
				audit = c.audit(e)
			}
			return false
		})
		if audit != nil && audit["id"] == id {
			b := c.context(nil, "auditLogs/directoryAudits/$entity")
			return c.send(http.StatusOK, append(b, jsonOf(audit)[1:]...))
		}
	}
	return notThere(id)
}

// audit is an entry of the ledger in the words of the log; nil for what is none: another tenant's, what is too old, and what other
// services keep, or a log of its own (custom security attributes:
// https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-audit-logs). Call with Emulator.mu held.
func (c *call) audit(e Entry) map[string]any {
	if e.Tenant != c.t.id || e.Time.Before(c.e.Now().Add(-auditKept)) {
		return nil
	}
	w := c.activity(e)
	if w.name == "" {
		return nil
	}
	changes := modified(c.t.dir, e, w)
	if w.operation == "Update" && len(changes) == 0 && len(e.After)+len(e.Before) > 0 {
		return nil // of other services alone
	}
	return map[string]any{
		"id": "Directory_" + e.RequestID + "_" + strconv.FormatInt(e.Seq, 10), "category": w.category, "correlationId": cmp.Or(e.ClientID, e.RequestID),
		"result": "success", "resultReason": "", "activityDisplayName": w.name, "activityDateTime": e.Time.UTC().Format("2006-01-02T15:04:05.0000000Z"),
		"loggedByService": w.service, "operationType": w.operation, "initiatedBy": c.initiator(e), "targetResources": c.targets(e, w, changes),
		"additionalDetails": []any{},
	}
}

// orNull is null for an empty text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// initiator is auditActivityInitiator: the person, or the application without one.
func (c *call) initiator(e Entry) map[string]any {
	if e.Actor != "" {
		u := c.t.dir.anywhere(e.Actor)
		who := map[string]any{"id": e.Actor, "displayName": nil, "userPrincipalName": nil, "ipAddress": "127.0.0.1", "userType": nil, "homeTenantId": nil, "homeTenantName": nil}
		if u.is("user") {
			who["userPrincipalName"] = u.upn()
		}
		return map[string]any{"user": who, "app": nil}
	}
	app := map[string]any{"appId": orNull(e.App), "displayName": nil, "servicePrincipalId": nil, "servicePrincipalName": nil}
	if e.App == "" { // the service itself, and whoever changes people at the control listener
		app["displayName"] = "Microsoft Entra ID"
	}
	if s := c.t.dir.service(e.App); s != nil {
		app["displayName"], app["servicePrincipalId"] = nameOf(s), s.id
	}
	return map[string]any{"user": nil, "app": app}
}

// anywhere is an object by id, deleted ones too; nil when it is gone for good.
func (d *directory) anywhere(id string) *object {
	if o := d.byID[id]; o != nil {
		return o
	}
	return d.deleted[id]
}

// targets are the objects that an activity is about: of a membership the member first, as the service has it.
func (c *call) targets(e Entry, w activity, changes []any) []any {
	holder := c.targetResource(e.Object, w.of)
	if w.link == "" {
		holder["modifiedProperties"] = changes
		return []any{holder}
	}
	var out []any
	for _, values := range []map[string]any{e.Before, e.After} {
		ids, _ := values[w.link].([]any)
		for _, id := range ids {
			s, _ := id.(string)
			one := c.targetResource(s, "")
			one["modifiedProperties"] = changes
			out = append(out, one)
		}
	}
	return append(out, holder)
}

// nameOf is the displayName of an object, null when it has none.
func nameOf(o *object) any {
	if i := o.in.prop("displayName"); i > 0 {
		return orNull(unquote(o.json(i)))
	}
	return nil
}

// targetResource is one targetResource. What is gone for good has no name any more.
func (c *call) targetResource(id, kind string) map[string]any {
	out := map[string]any{"id": id, "displayName": nil, "type": "Other", "userPrincipalName": nil, "groupType": nil, "modifiedProperties": []any{}}
	o := c.t.dir.anywhere(id)
	if o != nil {
		kind = o.in.name
		out["displayName"] = nameOf(o)
	}
	switch kind {
	case "user":
		out["type"], out["displayName"] = "User", nil
		if o != nil {
			out["userPrincipalName"] = o.upn()
		}
	case "group":
		out["type"], out["groupType"] = "Group", "azureAD"
		if o != nil && o.unified() {
			out["groupType"] = "unifiedGroups"
		}
	case "application":
		out["type"] = "Application"
	case "servicePrincipal":
		out["type"] = "ServicePrincipal"
	case "directoryRole", "unifiedRoleDefinition":
		out["type"] = "Role"
	case "organization":
		out["type"] = "Directory"
	case "device":
		out["type"] = "Device"
	}
	return out
}

// loggedAs are properties that the log names otherwise than Graph; remembered.
var loggedAs = map[string]string{
	"businessPhones": "TelephoneNumber", "mobilePhone": "Mobile", "officeLocation": "PhysicalDeliveryOfficeName", "postalCode": "PostalCode",
	"assignedLicenses": "AssignedLicense", "assignedPlans": "AssignedPlan", "faxNumber": "FacsimileTelephoneNumber", "otherMails": "OtherMail",
}

// modified are the modifiedProperties of an entry. Values are JSON in a text, as the service has them.
func modified(d *directory, e Entry, w activity) []any {
	out, names := []any{}, []string{}
	one := func(name, before, after any) {
		out = append(out, map[string]any{"displayName": name, "oldValue": before, "newValue": after})
	}
	if w.link != "" {
		value := jsonOf(e.Object)
		if w.operation == "Unassign" {
			one(titled(w.of)+".ObjectID", value, nil)
		} else {
			one(titled(w.of)+".ObjectID", nil, value)
		}
		return out
	}
	all := maps.Clone(e.Before)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, e.After)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if p := d.propNamed(w.of, name); name == "customSecurityAttributes" || p != nil && p.single {
			continue
		}
		shown := cmp.Or(loggedAs[name], titled(name))
		names = append(names, shown)
		if name == "passwordProfile" {
			one(shown, nil, nil)
			continue
		}
		one(shown, auditValue(e.Before[name]), auditValue(e.After[name]))
	}
	if len(names) > 0 {
		one("Included Updated Properties", nil, jsonOf(strings.Join(names, ", ")))
	}
	return out
}

// propNamed is a property of a type, nil when there is none.
func (d *directory) propNamed(kind, name string) *prop {
	if t := d.typed(kind); t != nil {
		if i := t.prop(name); i >= 0 {
			return &t.props[i]
		}
	}
	return nil
}

// auditValue is a value as the log writes it: a list, as JSON in a text.
func auditValue(v any) any {
	switch x := v.(type) {
	case nil:
		return "[]"
	case json.RawMessage:
		return auditValue(plainJSON(x))
	case []any:
		return jsonOf(x)
	}
	return jsonOf([]any{v})
}

// titled begins with a capital: JobTitle.
func titled(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
