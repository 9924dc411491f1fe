package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"nameplate/odata"
)

// group is a group. Members and owners are users; groups in groups stand in nested.
type group struct {
	id, name, description, nickname, rule  string
	security, unified, dynamic, assignable bool
	created                                time.Time
	members, owners                        []*user
	nested                                 []*group
}

func (t *tenant) readGroups(e *Emulator, list []Group, now time.Time) error {
	d := t.dir
	for _, o := range list {
		g := &group{id: strings.ToLower(o.ID), name: o.Name, description: o.Description, rule: o.Rule, created: now}
		if g.id == "" {
			g.id = e.random.id()
		}
		g.nickname = strings.ToLower(strings.Map(func(r rune) rune {
			if r > ' ' && r < 127 && !strings.ContainsRune(`@()\[]";:<>,`, r) {
				return r
			}
			return -1
		}, o.Name))
		switch o.Type {
		case "", "security":
			g.security = true
		case "microsoft365":
			g.unified = true
		case "dynamic":
			g.security, g.dynamic = true, true
		case "role-assignable":
			g.security, g.assignable = true, true
		default:
			return fmt.Errorf("group %q: type is security, microsoft365, dynamic or role-assignable, not %q", o.Name, o.Type)
		}
		d.groups = append(d.groups, g)
		d.groupID[g.id] = g
	}
	for i, o := range list {
		g := d.groups[i]
		for _, key := range o.Members {
			if u := d.user(key); u != nil {
				g.members = append(g.members, u)
				d.memberOf[u.id] = append(d.memberOf[u.id], g)
				continue
			}
			n := slices.IndexFunc(d.groups, func(x *group) bool { return x.id == strings.ToLower(key) || strings.EqualFold(x.name, key) })
			if n < 0 || d.groups[n] == g {
				return fmt.Errorf("group %q: there is no member %q", o.Name, key)
			}
			g.nested = append(g.nested, d.groups[n])
			d.memberOf[d.groups[n].id] = append(d.memberOf[d.groups[n].id], g)
		}
		for _, key := range o.Owners {
			u := d.user(key)
			if u == nil {
				return fmt.Errorf("group %q: there is no owner %q", o.Name, key)
			}
			g.owners = append(g.owners, u)
		}
	}
	return nil
}

// groupsOf are the groups that hold an object, nested ones included, each once.
func (d *directory) groupsOf(id string) []*group {
	var out []*group
	queue := []string{id}
	for len(queue) > 0 {
		for _, g := range d.memberOf[queue[0]] {
			if !slices.Contains(out, g) {
				out = append(out, g)
				queue = append(queue, g.id)
			}
		}
		queue = queue[1:]
	}
	return out
}

// roleAssignable says whether a person is member or owner of a role-assignable group:
// https://learn.microsoft.com/en-us/graph/api/resources/users#who-can-perform-sensitive-actions
func (d *directory) roleAssignable(u *user) bool {
	for _, g := range d.groups {
		if g.assignable && (slices.Contains(g.owners, u) || slices.Contains(g.members, u)) {
			return true
		}
	}
	return false
}

var groupNames = []string{
	"id", "deletedDateTime", "classification", "createdDateTime", "description", "displayName", "expirationDateTime",
	"groupTypes", "isAssignableToRole", "mail", "mailEnabled", "mailNickname", "membershipRule", "membershipRuleProcessingState",
	"onPremisesLastSyncDateTime", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "preferredDataLocation", "preferredLanguage",
	"proxyAddresses", "renewedDateTime", "securityEnabled", "theme", "visibility",
}

// appendTo writes a group's selected properties without braces.
func (g *group) appendTo(b []byte, selects []string, typed bool) []byte {
	truth := func(v bool) string { return string(appendBool(nil, v)) }
	or := func(s string) string {
		if s == "" {
			return "null"
		}
		return text(s)
	}
	types, state, assignable, visibility := "[]", "null", "null", "null"
	switch {
	case g.unified:
		types, visibility = `["Unified"]`, `"Public"`
	case g.dynamic:
		types, state = `["DynamicMembership"]`, `"On"`
	case g.assignable:
		assignable, visibility = "true", `"Private"`
	}
	at := instantJSON(g.created)
	values := []string{
		text(g.id), "null", "null", at, or(g.description), text(g.name), "null", types, assignable, "null", truth(g.unified),
		text(g.nickname), or(g.rule), state, "null", "null", "null", "null", "null", "[]", at, truth(g.security), "null", visibility,
	}
	if typed {
		b = append(b, `"@odata.type":"#microsoft.graph.group",`...)
	}
	members := make([]field, len(values))
	for i, v := range values {
		members[i] = field{i, v}
	}
	return pickFrom(b, groupNames, members, selects)
}

// routeGroups: https://learn.microsoft.com/en-us/graph/api/group-list, group-get, group-list-members, group-list-owners
func (c *call) routeGroups() error {
	if c.r.Method != http.MethodGet {
		return c.unknown(c.seg[0])
	}
	if !c.p.holds(readGroups...) && !c.p.asUser() || len(c.seg) == 1 && c.guest {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	d := c.t.dir
	for _, s := range c.q.selects {
		if s != "*" && !slices.ContainsFunc(groupNames, func(n string) bool { return strings.EqualFold(n, s) }) {
			return noProperty(s, "group")
		}
	}
	if len(c.seg) == 1 {
		kept, err := c.matchGroups(d.groups)
		if err != nil {
			return err
		}
		return c.sendPage(len(kept), "groups", func(b []byte, i int) []byte { return kept[i].appendTo(b, c.q.selects, false) })
	}
	g := d.groupID[strings.ToLower(c.seg[1])]
	if g == nil {
		return notThere(c.seg[1])
	}
	if len(c.seg) == 2 {
		return c.send(http.StatusOK, append(g.appendTo(c.context(nil, "groups/$entity"), c.q.selects, false), '}'))
	}
	if !c.p.holds(readMembers...) && !c.p.asUser() {
		return denied()
	}
	cast, ok := c.cast(3)
	if !ok {
		return c.unknown(c.seg[2])
	}
	switch strings.ToLower(c.seg[2]) {
	case "members":
		return c.sendObjects(g.members, g.nested, cast)
	case "owners":
		return c.sendObjects(g.owners, nil, cast)
	case "transitivemembers":
		users, nested := slices.Clone(g.members), slices.Clone(g.nested)
		for i := 0; i < len(nested); i++ {
			for _, u := range nested[i].members {
				if !slices.Contains(users, u) {
					users = append(users, u)
				}
			}
			for _, n := range nested[i].nested {
				if n != g && !slices.Contains(nested, n) {
					nested = append(nested, n)
				}
			}
		}
		return c.sendObjects(users, nested, cast)
	}
	return c.unknown(c.seg[2])
}

// matchGroups applies $filter and $search to groups.
func (c *call) matchGroups(list []*group) ([]*group, error) {
	if c.q.search != nil && !c.eventual() {
		return nil, unsupportedQuery("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	}
	var out []*group
	for _, g := range list {
		get := func(path string) (any, bool) {
			switch strings.ToLower(path) {
			case "id":
				return g.id, true
			case "displayname":
				return g.name, true
			case "description":
				return orNil(g.description), true
			case "mailnickname":
				return g.nickname, true
			case "securityenabled":
				return g.security, true
			case "mailenabled":
				return g.unified, true
			case "isassignabletorole":
				return g.assignable, true
			case "grouptypes":
				switch {
				case g.unified:
					return []string{"Unified"}, true
				case g.dynamic:
					return []string{"DynamicMembership"}, true
				}
				return []string{}, true
			}
			return nil, false
		}
		if c.q.filter != nil {
			ok, err := c.q.filter.Match(get)
			if err != nil {
				return nil, unsupportedQuery("%s", err.Error())
			}
			if !ok {
				continue
			}
		}
		if c.q.search != nil && !c.q.search.Match(func(path, word string) bool {
			v, _ := get(path)
			if path == "" {
				v = g.name + " " + g.description
			}
			s, _ := v.(string)
			have := odata.Words(s)
			return !slices.ContainsFunc(odata.Words(word), func(w string) bool {
				return !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) })
			})
		}) {
			continue
		}
		out = append(out, g)
	}
	return out, nil
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// sendObjects answers with users and groups, each with its type.
func (c *call) sendObjects(users []*user, groups []*group, cast string) error {
	if cast == "group" {
		users = nil
	}
	if cast == "user" {
		groups = nil
	}
	if cast != "" && cast != "user" && cast != "group" {
		users, groups = nil, nil
	}
	sel := c.t.dir.schema.shown.withType()
	if len(c.q.selects) > 0 {
		var props []int
		for _, s := range c.q.selects {
			if i := c.t.dir.schema.find(s); i >= 0 {
				props = append(props, i)
			}
		}
		sel = c.t.dir.schema.selection(props).withType()
	}
	return c.sendPage(len(users)+len(groups), "directoryObjects", func(b []byte, i int) []byte {
		if i < len(users) {
			return sel.appendUser(b, users[i].id, users[i].rec)
		}
		return groups[i-len(users)].appendTo(b, c.q.selects, true)
	})
}

// membershipsOf: https://learn.microsoft.com/en-us/graph/api/user-list-memberof. Directory roles are memberships too.
func (c *call) membershipsOf(key string, transitive bool, cast string) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	allowed := c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") || c.p.asUser()
	if c.p.delegated() {
		allowed = allowed || c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite") || c.p.holds("GroupMember.Read.All", "User.Read.All", "User.ReadWrite.All")
	}
	if !allowed {
		return denied()
	}
	d := c.t.dir
	groups := d.memberOf[u.id]
	if transitive {
		if cast != "" && !c.advanced() {
			return c.needsAdvanced("Cast")
		}
		groups = d.groupsOf(u.id)
	}
	roles := u.roles()
	switch cast {
	case "":
	case "group":
		roles = nil
	case "directoryrole":
		groups = nil
	default:
		groups, roles = nil, nil
	}
	if groups, err = c.matchGroups(groups); err != nil {
		return err
	}
	fragment := "directoryObjects"
	if cast == "group" {
		fragment = "groups"
	} else if cast == "directoryrole" {
		fragment = "directoryRoles"
	}
	return c.sendPage(len(groups)+len(roles), fragment, func(b []byte, i int) []byte {
		if i < len(groups) {
			return groups[i].appendTo(b, c.q.selects, cast == "")
		}
		return d.appendRole(b, roles[i-len(groups)], c.q.selects, cast == "")
	})
}

var roleNames = []string{"id", "deletedDateTime", "description", "displayName", "roleTemplateId"}

func (d *directory) appendRole(b []byte, template string, selects []string, typed bool) []byte {
	if typed {
		b = append(b, `"@odata.type":"#microsoft.graph.directoryRole",`...)
	}
	name := text(roleName(template))
	return pickFrom(b, roleNames, []field{{0, text(d.roleIDs[template])}, {1, "null"}, {2, name}, {3, name}, {4, text(template)}}, selects)
}

// routeRoles: https://learn.microsoft.com/en-us/graph/api/directoryrole-list; only roles that somebody has ever held exist.
func (c *call) routeRoles() error {
	if c.r.Method != http.MethodGet || len(c.seg) > 3 {
		return c.unknown(c.seg[0])
	}
	if !c.p.holds("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	d := c.t.dir
	var templates []string
	for t := range d.roleIDs {
		templates = append(templates, t)
	}
	slices.Sort(templates)
	if len(c.seg) == 1 {
		return c.sendPage(len(templates), "directoryRoles", func(b []byte, i int) []byte { return d.appendRole(b, templates[i], c.q.selects, false) })
	}
	for _, t := range templates {
		if !strings.EqualFold(d.roleIDs[t], c.seg[1]) && !strings.EqualFold(t, c.seg[1]) {
			continue
		}
		if len(c.seg) == 2 {
			return c.send(http.StatusOK, append(d.appendRole(c.context(nil, "directoryRoles/$entity"), t, c.q.selects, false), '}'))
		}
		if !c.is(2, "members") {
			break
		}
		var holders []*user
		for _, u := range d.users {
			if slices.Contains(u.roles(), t) {
				holders = append(holders, u)
			}
		}
		return c.sendObjects(holders, nil, "")
	}
	return notThere(c.seg[1])
}

// directoryObjects: https://learn.microsoft.com/en-us/graph/api/directoryobject-get
func (c *call) directoryObjects() error {
	if len(c.seg) != 2 || c.r.Method != http.MethodGet {
		return c.unknown(c.seg[0])
	}
	if !c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	id := strings.ToLower(c.seg[1])
	b := c.context(nil, "directoryObjects/$entity")
	if u := c.t.dir.byID[id]; u != nil {
		return c.send(http.StatusOK, append(c.t.dir.schema.shown.withType().appendUser(b, u.id, u.rec), '}'))
	}
	if g := c.t.dir.groupID[id]; g != nil {
		return c.send(http.StatusOK, append(g.appendTo(b, nil, true), '}'))
	}
	return notThere(c.seg[1])
}
