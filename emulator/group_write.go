package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Roles that manage groups of any type, Microsoft 365 groups alone, and security groups alone; those of the first list delete them for
// good. https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference,
// https://learn.microsoft.com/en-us/graph/api/group-update, group-post-members, directory-deleteditems-delete
var (
	groupManagers    = []string{globalAdmin, groupsAdmin, userAdmin}
	unifiedManagers  = []string{exchangeAdmin, sharePointAdmin, teamsAdmin}
	securityManagers = []string{intuneAdmin}
	writeMembers     = []string{"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
	writeGroups      = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	roleWriters      = []string{globalAdmin, privRoleAdmin}
)

const writeRoles = "RoleManagement.ReadWrite.Directory"

// owns says whether the caller, a person or an application, is an owner of an object.
func (c *call) owns(o *object) bool {
	who := c.p.user
	if who == nil {
		who = c.p.app
	}
	return who != nil && c.t.dir.bond("owners").has(o, who)
}

// mayDeleteGroup: a group that has licenses stays; status and words are assumed.
// https://learn.microsoft.com/en-us/entra/identity/users/licensing-group-advanced
func (c *call) mayDeleteGroup(g *object) error {
	if err := c.mayManage(g, "Group.ReadWrite.All"); err != nil {
		return err
	}
	if l := g.rec.get(gLicenses); l != "" && l != "null" && l != "[]" {
		return badRequest("The group has licenses assigned and cannot be deleted. Remove the licenses first.")
	}
	return nil
}

// mayManage says whether the caller may change a group with one of the permissions: delegated an administrator or an owner does.
// A role-assignable group takes the right to manage roles as well; delegated, its owner or an administrator of roles does.
func (c *call) mayManage(g *object, permissions ...string) error {
	p := c.p
	if err := c.mayManageRestricted(g); err != nil {
		return err
	}
	switch {
	case !p.holds(permissions...) && !p.asUser():
		return denied()
	case g.assignable() && (!p.holds(writeRoles) || p.delegated() && !p.hasRole(roleWriters...) && !c.owns(g)):
		return denied()
	case !p.delegated() || c.owns(g) || c.hasRoleOver(g, groupManagers...) || g.assignable():
		return nil
	case g.unified() && c.hasRoleOver(g, unifiedManagers...), !g.unified() && c.hasRoleOver(g, securityManagers...):
		return nil
	}
	return denied()
}

// mayWriteGroup is the same for everything but deleting, which Directory Writers may not.
func (c *call) mayWriteGroup(g *object, permissions ...string) error {
	if c.p.delegated() && c.hasRoleOver(g, directoryWriter) && !g.assignable() && (c.p.holds(permissions...) || c.p.asUser()) {
		return nil
	}
	return c.mayManage(g, permissions...)
}

// mayRestoreGroup is for restoring and purging; nil is a group that is not there.
func (c *call) mayRestoreGroup(g *object) error {
	const needs = "Group.ReadWrite.All"
	switch {
	case g == nil && !c.p.holds(needs) && !c.p.asUser():
		return denied()
	case g == nil:
		return nil
	case c.r.Method == http.MethodDelete && c.p.delegated() && !c.p.hasRole(groupManagers...):
		return denied()
	}
	return c.mayManage(g, needs)
}

// seesDeletedGroups: https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-list; of roles that the page does not name those
// that read or manage groups do.
func (c *call) seesDeletedGroups() bool {
	if !c.p.holds("Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return false
	}
	return !c.p.delegated() || c.p.hasRole(slices.Concat(groupManagers, unifiedManagers, securityManagers, []string{directoryWriter, globalReader})...)
}

// mayCreateGroup: members may create groups by default, guests may not.
// https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions
func (c *call) mayCreateGroup(body map[string]json.RawMessage) error {
	if c.within != nil {
		if err := c.mayCreateWithin(body); err != nil {
			return err
		}
	} else if !c.p.holds(writeGroups...) && !c.p.asUser() && (c.p.delegated() || !c.p.holds("Group.Create")) || c.guest {
		return denied()
	}
	n := 0
	for name, raw := range body {
		var list []json.RawMessage
		if strings.HasSuffix(strings.ToLower(name), "@odata.bind") && json.Unmarshal(raw, &list) == nil {
			n += len(list)
		}
		if strings.EqualFold(name, "isAssignableToRole") && string(raw) == "true" &&
			(!c.p.holds(writeRoles) || c.p.delegated() && !c.p.hasRole(roleWriters...)) {
			return denied()
		}
	}
	if n > maxBound {
		return tooManyBound()
	}
	return nil
}

// maxBound is how many relationships one request makes: https://learn.microsoft.com/en-us/graph/api/group-post-groups
const maxBound = 20

func tooManyBound() error {
	return badRequest("The number of relationships that the request adds is larger than the maximum of %d.", maxBound)
}

// mayPatchGroup: what Exchange keeps of a group stands in a request of its own, of a person.
// https://learn.microsoft.com/en-us/graph/api/group-update, https://github.com/microsoftgraph/microsoft-graph-docs/issues/10640
func (c *call) mayPatchGroup(g *object, edits []edit) error {
	if err := c.mayWriteGroup(g, writeGroups...); err != nil {
		return err
	}
	kept := 0
	for _, e := range edits {
		if g.in.props[e.prop].single {
			kept++
		}
	}
	switch {
	case kept == 0:
		return nil
	case kept < len(edits):
		return mixed()
	case !c.p.delegated() || !g.unified():
		return failure(http.StatusForbidden, "ErrorGroupsAccessDenied", "User does not have permissions to execute this action.")
	}
	return nil
}

// patchedGroup: 200 for what Exchange keeps (https://learn.microsoft.com/en-us/graph/api/group-update).
func (c *call) patchedGroup(g *object, edits []edit) error {
	if len(edits) == 0 || !g.in.props[edits[0].prop].single {
		return c.done()
	}
	c.w.Header()["Content-Length"] = []string{"0"}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// checkGroup says whether a value may stand in a property of a group.
func (c *call) checkGroup(g *object, e *edit) error {
	switch e.prop {
	case gNick:
		if strings.ContainsFunc(unquote(e.json), func(r rune) bool { return !groupNickRune(r) }) {
			return invalidValueOf("Group", e.name, "InvalidValue")
		}
	case gRule:
		if _, err := parseRule(unquote(e.json)); err != nil {
			return ruleRefused(err)
		}
	}
	return nil
}

func ruleRefused(err error) error {
	return badRequest("Dynamic membership rule validation error: %s.", err.Error())
}

// prepareGroup completes a new group.
func (c *call) prepareGroup(g *object, edits []edit) ([]edit, error) {
	for _, e := range edits {
		if g.in.props[e.prop].single {
			// https://learn.microsoft.com/en-us/graph/api/group-post-groups: not in the initial request; the words are inferred
			return nil, badRequest("Property '%s' cannot be set when a group is created.", e.name)
		}
	}
	g.rec = g.rec.with([]field{{gRenewed, instantJSON(c.e.Now())}})
	return edits, nil
}

// settleGroup holds what excludes what in a group, new or changed: https://learn.microsoft.com/en-us/graph/api/resources/group. Where
// the pages give no words, those here are inferred.
func (c *call) settleGroup(g *object, edits []edit) ([]field, error) {
	fresh := g.ord == 0
	if g.synced() {
		return nil, masteredElsewhere()
	}
	now := map[int]string{}
	for _, i := range []int{gTypes, gMailed, gSecurity, gRule, gState, gAssignable, gVisibility, gNick} {
		now[i] = g.rec.get(i)
	}
	for _, e := range edits {
		if now[e.prop] = e.json; e.json == "null" {
			now[e.prop] = ""
		}
	}
	types := texts(now[gTypes])
	unified, dynamic, assignable := slices.Contains(types, "Unified"), slices.Contains(types, "DynamicMembership"), now[gAssignable] == "true"
	mailed, hidden := now[gMailed] == "true", now[gVisibility] == `"HiddenMembership"`
	switch {
	case !fresh && unified != g.unified():
		return nil, invalidValueOf("Group", "groupTypes", "InvalidValue")
	case mailed && !unified, !mailed && !unified && now[gSecurity] != "true":
		// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8276
		return nil, badRequest("The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.")
	case unified && !mailed:
		return nil, invalidValueOf("Group", "mailEnabled", "InvalidValue")
	case dynamic && now[gRule] == "":
		return nil, badRequest("A value is required for property 'membershipRule' of resource 'Group'.")
	case !dynamic && now[gRule] != "" && !g.dynamic():
		return nil, badRequest("Property 'membershipRule' can only be set for groups of type 'DynamicMembership'.")
	case assignable && (dynamic || now[gSecurity] != "true"):
		return nil, invalidValueOf("Group", "isAssignableToRole", "InvalidValue")
	case assignable && now[gVisibility] == `"Public"`:
		return nil, invalidValueOf("Group", "visibility", "InvalidValue")
	case hidden && !unified, !fresh && hidden != (g.rec.get(gVisibility) == `"HiddenMembership"`):
		return nil, invalidValueOf("Group", "visibility", "InvalidValue")
	}
	var out []field
	switch {
	case assignable && now[gVisibility] == "":
		out = append(out, field{gVisibility, `"Private"`})
	case unified && now[gVisibility] == "":
		out = append(out, field{gVisibility, `"Public"`})
	}
	switch {
	case dynamic && now[gState] == "":
		out = append(out, field{gState, `"On"`})
	case !dynamic && g.dynamic():
		out = append(out, field{gRule, ""}, field{gState, ""})
	}
	if fresh && unified {
		address := unquote(now[gNick]) + "@" + c.t.domains[0].Name
		out = append(out, field{gMail, text(address)}, field{gProxies, "[" + text("SMTP:"+address) + "]"})
	}
	return out, nil
}

// clashGroup: only the aliases of Microsoft 365 groups are unique, and of those the addresses
// (https://learn.microsoft.com/en-us/graph/api/resources/group).
func (d *directory) clashGroup(g *object, rec record) error {
	if rec.get(gMailed) != "true" {
		return nil
	}
	if other := d.byNick[strings.ToLower(unquote(rec.get(gNick)))]; other != nil && other != g {
		return conflict("mailNickname")
	}
	for _, a := range texts(rec.get(gProxies)) {
		_, address, _ := strings.Cut(a, ":")
		if other := d.holder(address); other != nil && other != g {
			return conflict("proxyAddresses")
		}
	}
	return nil
}

// indexGroup keeps the alias and the addresses of Microsoft 365 groups, and which groups are dynamic.
func (d *directory) indexGroup(g *object, add bool) {
	if g.dynamic() && add {
		d.dynamic[g] = true
	} else {
		delete(d.dynamic, g)
	}
	if g.rec.get(gMailed) != "true" {
		return
	}
	put(d.byNick, strings.ToLower(unquote(g.rec.get(gNick))), g, add)
	for _, a := range texts(g.rec.get(gProxies)) {
		_, address, _ := strings.Cut(a, ":")
		put(d.byMail, strings.ToLower(address), g, add)
	}
}

// put enters an object in an index, or takes it out when it is the one that stands there.
func put(index map[string]*object, key string, o *object, add bool) {
	if add {
		index[key] = o
	} else if index[key] == o {
		delete(index, key)
	}
}

// createdGroup: a person who names no owner is the owner. https://learn.microsoft.com/en-us/graph/api/group-post-groups
func (c *call) createdGroup(g *object) {
	if c.p.user != nil && len(c.t.dir.to("owners", g)) == 0 {
		c.link(g, g.in.relation("owners"), []*object{c.p.user})
	}
}

// writtenGroup fills a dynamic group whose rule is new.
func (c *call) writtenGroup(g *object, changed []int) {
	if slices.Contains(changed, gRule) || slices.Contains(changed, gState) || slices.Contains(changed, gTypes) {
		c.e.fill(c.t, g)
	}
}

// groupRoutes answers what follows a group's key and is no relationship.
func (c *call) groupRoutes(key string, n int) (bool, error) {
	if c.is(n, "photo") || c.is(n, "photos") {
		return c.photoRoutes(c.t.dir.groups, key, n)
	}
	if len(c.seg) != n+1 {
		return false, nil
	}
	switch name := strings.TrimPrefix(strings.ToLower(c.seg[n]), "microsoft.graph."); name {
	case "assignlicense":
		return true, c.assignGroupLicense(key)
	case "renew", "validateproperties":
		if err := c.method(http.MethodPost); err != nil {
			return true, err
		}
		if name == "renew" {
			return true, c.renew(key, n-1)
		}
		return true, c.validateProperties()
	}
	return false, nil
}

// renew: https://learn.microsoft.com/en-us/graph/api/group-renew
func (c *call) renew(key string, n int) error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	g, err := c.lookup(c.t.dir.groups, key, n)
	if err != nil {
		return err
	}
	if err := c.mayWriteGroup(g, writeGroups...); err != nil {
		return err
	}
	if err := c.applyTo(g, []edit{{prop: gRenewed, json: instantJSON(c.e.Now())}}, "group.renew"); err != nil {
		return err
	}
	return c.done()
}
