package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nameplate/odata"
)

// managerOf answers /users/{key}/manager and, with ref, …/manager/$ref:
// https://learn.microsoft.com/en-us/graph/api/user-list-manager, user-post-manager, user-delete-manager
func (c *call) managerOf(key string, ref bool) error {
	if ref && c.r.Method != http.MethodGet {
		return c.setManager(key)
	}
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.holds(readUsers...) && !c.p.asUser() { // User.Read does not reach the own manager either
		return denied()
	}
	if u.manager == nil {
		return notThere("manager")
	}
	if ref {
		b := c.context(nil, "directoryObjects/$entity")
		b = append(b, `"@odata.id":`...)
		b = appendText(b, c.base()+"/directoryObjects/"+u.manager.id)
		return c.send(http.StatusOK, append(b, '}'))
	}
	sel, _, err := c.selectUser(full, false)
	if err != nil {
		return err
	}
	sel = sel.withType()
	b := c.context(nil, "directoryObjects/$entity")
	b = sel.appendUser(b, u.manager.id, u.manager.rec)
	return c.send(http.StatusOK, append(b, '}'))
}

// withType is the selection for an item of a mixed collection.
func (sel *selection) withType() *selection {
	typed := *sel
	typed.typed = true
	return &typed
}

func (c *call) setManager(key string) error {
	if err := c.method(http.MethodPut, http.MethodDelete); err != nil {
		return err
	}
	var target string
	if c.r.Method == http.MethodPut {
		body, err := c.object()
		if err != nil {
			return err
		}
		address, ok := decodeText(body["@odata.id"])
		if !ok {
			return failure(http.StatusBadRequest, "BadRequest", "The request body needs '@odata.id'.")
		}
		target = tail(address)
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.holds(setManagers...) && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(basicWriters...) {
		return denied()
	}
	if u.synced() { // inferred: the manager is an attribute that directory sync sends
		return masteredElsewhere()
	}
	var m *user
	entry := c.entry("user.manager.set", u.id)
	entry.Before, entry.After = map[string]any{"manager": idOf(u.manager)}, map[string]any{}
	if c.r.Method == http.MethodPut {
		if m, err = c.find(target); err != nil {
			return err
		}
		if m == u {
			return badRequest("Invalid object identifier '%s' specified for property 'manager' of resource 'User'.", m.id)
		}
	} else {
		if u.manager == nil {
			return notThere("manager")
		}
		entry.Op = "user.manager.remove"
	}
	entry.After["manager"] = idOf(m)
	c.t.dir.setManager(u, m)
	c.e.ledger.add(entry)
	return c.done()
}

func idOf(u *user) any {
	if u == nil {
		return nil
	}
	return u.id
}

// tail is the last key of an address, whatever host and version stand before: …/users/KEY, …/users('KEY').
func tail(address string) string {
	s := strings.TrimRight(address, "/")
	if i := strings.LastIndex(s, "('"); i >= 0 && strings.HasSuffix(s, "')") {
		return s[i+2 : len(s)-2]
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// directReports: https://learn.microsoft.com/en-us/graph/api/user-list-directreports
func (c *call) directReports(key, cast string) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if own := c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite"); !own && !c.p.holds(readUsers...) && !c.p.asUser() {
		return denied()
	}
	reports := slices.Clone(c.t.dir.reports[u])
	if cast != "" && cast != "user" {
		reports = nil
	}
	slices.SortFunc(reports, func(a, b *user) int { return int(int64(a.ord) - int64(b.ord)) })
	return c.sendUsers(reports, "directoryObjects")
}

// sendUsers answers with a page of a relationship's users.
func (c *call) sendUsers(list []*user, fragment string) error {
	sel, _, err := c.selectUser(full, false)
	if err != nil {
		return err
	}
	match, err := c.finder()
	if err != nil {
		return err
	}
	var kept []*user
	for _, u := range list {
		if match != nil {
			if ok, err := match(u); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
		}
		kept = append(kept, u)
	}
	sel = sel.withType()
	return c.sendPage(len(kept), fragment, func(b []byte, i int) []byte { return sel.appendUser(b, kept[i].id, kept[i].rec) })
}

// sendPage answers with a page of n items; the token of the next page is a number.
func (c *call) sendPage(n int, fragment string, item func(b []byte, i int) []byte) error {
	if c.counting {
		return c.sendCount(n)
	}
	start := 0
	if c.q.skip != "" {
		p, err := parsePlace(c.q.skip)
		if err != nil {
			return err
		}
		start = min(int(p.ord), n)
	}
	top := c.q.top
	if top == 0 {
		top = 100
	}
	end := min(start+top, n)
	b := c.context(nil, fragment)
	if c.q.count && c.eventual() && start == 0 {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, ',')
	}
	if end < n {
		b = append(b, `"@odata.nextLink":`...)
		b = appendText(b, c.nextLink(place{ord: uint64(end)}))
		b = append(b, ',')
	}
	b = append(b, `"value":[`...)
	for i := start; i < end; i++ {
		if i > start {
			b = append(b, ',')
		}
		b = append(item(append(b, '{'), i), '}')
	}
	return c.send(http.StatusOK, append(b, "]}"...))
}

// appendExpanded writes what $expand asks for; each part ends with a comma. One relationship at a time, at most PageSizes.Expand items:
// https://learn.microsoft.com/en-us/graph/query-parameters#expand
func (c *call) appendExpanded(b []byte, u *user) ([]byte, error) {
	if len(c.q.expand) == 0 {
		return b, nil
	}
	people := c.p.holds(readUsers...) || c.p.asUser()
	groups := c.p.holds(readMembers...) || c.p.asUser()
	for _, x := range c.q.expand {
		sel, err := c.expandSelection(x)
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(x.Name) {
		case "manager":
			if x.Levels != 0 && !c.advanced() {
				return nil, c.needsAdvanced("Expand")
			}
			if !people {
				return nil, denied()
			}
			if u.manager == nil {
				continue
			}
			b = append(b, `"manager":`...)
			b = c.appendManager(b, u.manager, sel, x.Levels, 0)
			b = append(b, ',')
		case "directreports":
			if !people {
				return nil, denied()
			}
			reports := c.t.dir.reports[u]
			b = append(b, `"directReports":[`...)
			for i, r := range reports[:min(c.expandSize(), len(reports))] {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(sel.appendUser(append(b, '{'), r.id, r.rec), '}')
			}
			b = append(b, "],"...)
		case "memberof", "transitivememberof":
			if !groups {
				return nil, denied()
			}
			list, name := c.t.dir.memberOf[u.id], "memberOf"
			if strings.EqualFold(x.Name, "transitiveMemberOf") {
				list, name = c.t.dir.groupsOf(u.id), "transitiveMemberOf"
			}
			b = append(b, `"`+name+`":[`...)
			for i, g := range list[:min(c.expandSize(), len(list))] {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(g.appendTo(append(b, '{'), x.Select, true), '}')
			}
			b = append(b, "],"...)
		case "extensions":
			b = append(b, `"extensions":[`...)
			for i, one := range u.openNames() {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(b, u.more.open[one]...)
			}
			b = append(b, "],"...)
		case "photo":
			return nil, failure(http.StatusBadRequest, "ExpandNotSupported", "Expand is not allowed for property 'Photo' according to the entity schema.")
		default:
			return nil, failure(http.StatusBadRequest, "BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.user'.", x.Name)
		}
	}
	return b, nil
}

// appendManager writes a manager and, with levels, the managers above.
func (c *call) appendManager(b []byte, m *user, sel *selection, levels, depth int) []byte {
	b = sel.appendUser(append(b, '{'), m.id, m.rec)
	if (levels < 0 || levels > depth+1) && m.manager != nil && depth < 1000 {
		b = append(b, `,"manager":`...)
		b = c.appendManager(b, m.manager, sel, levels, depth+1)
	}
	return append(b, '}')
}

func (c *call) expandSelection(x odata.Expand) (*selection, error) {
	s := c.t.dir.schema
	if len(x.Select) == 0 {
		return s.shown.withType(), nil
	}
	var props []int
	switch strings.ToLower(x.Name) {
	case "memberof", "transitivememberof", "extensions":
		return s.shown.withType(), nil
	}
	for _, name := range x.Select {
		i := s.find(name)
		if i < 0 {
			return nil, noProperty(name, "user")
		}
		if s.props[i].single || !c.p.maySelect(s.props[i].name) {
			return nil, denied()
		}
		props = append(props, i)
	}
	return s.selection(props).withType(), nil
}

// changePassword: https://learn.microsoft.com/en-us/graph/api/user-changepassword
func (c *call) changePassword(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	raw, err := c.object()
	if err != nil {
		return err
	}
	var body struct{ CurrentPassword, NewPassword string }
	whole, _ := json.Marshal(raw) // just decoded
	if json.Unmarshal(whole, &body) != nil {
		return badJSON()
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.self(u) || !c.p.holds("User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if have := u.extra().password; have != "" && have != body.CurrentPassword {
		return badRequest("The specified password is incorrect.")
	}
	if !strong(body.NewPassword) {
		return weakPassword()
	}
	u.more.password, u.more.force = body.NewPassword, false
	entry := c.entry("user.password.change", u.id)
	u.rec = u.rec.with([]field{{pPasswordTime, instantJSON(c.e.Now())}})
	c.e.ledger.add(entry)
	return c.done()
}

// revokeSessions: https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
func (c *call) revokeSessions(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	own := c.p.self(u) && c.p.holds("User.ReadWrite")
	if !own && !c.p.holds("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if c.p.delegated() && !c.p.self(u) && !c.mayTouch(u, resetPassword) {
		return denied()
	}
	was := u.rec
	u.rec = was.with([]field{{pValidFrom, fmt.Sprintf(`"%s"`, c.e.Now().Format("2006-01-02T15:04:05.999999Z"))}})
	entry := c.entry("user.sessions.revoke", u.id)
	entry.Before, entry.After = c.t.dir.difference(was, u.rec)
	c.e.ledger.add(entry)
	return c.value("Boolean", "true")
}
