package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// directoryObjects answers for objects of any type: https://learn.microsoft.com/en-us/graph/api/directoryobject-get,
// directoryobject-getbyids, directoryobject-delete, directoryobject-validateproperties
func (c *call) directoryObjects() error {
	if len(c.seg) == 2 && c.r.Method == http.MethodPost {
		switch strings.TrimPrefix(strings.ToLower(c.seg[1]), "microsoft.graph.") {
		case "getbyids":
			return c.getByIDs()
		case "getavailableextensionproperties":
			return c.availableExtensions()
		case "validateproperties":
			return c.validateProperties()
		}
	}
	if len(c.seg) == 3 && memberAction(c.seg[2]) != "" {
		return c.memberships(nil, c.seg[1], 1, memberAction(c.seg[2]))
	}
	if len(c.seg) != 2 {
		return c.unknown(c.seg[0])
	}
	if err := c.method(http.MethodGet, http.MethodDelete); err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o := c.t.dir.byID[strings.ToLower(c.seg[1])]
	if o != nil && o.in.plain {
		o = nil
	}
	if c.r.Method == http.MethodDelete {
		switch {
		case o == nil:
			return notThere(c.seg[1])
		case o.in.mayDelete == nil:
			return wrongVerb()
		}
		if err := o.in.mayDelete(c, o); err != nil {
			return err
		}
		c.remove(o)
		return c.done()
	}
	if !c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if o == nil {
		return notThere(c.seg[1])
	}
	b, err := c.describe(o, "directoryObjects", true)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, b)
}

// parameters reads the body of an action into v.
func (c *call) parameters(v any) error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	whole, _ := json.Marshal(raw) // just decoded
	if json.Unmarshal(whole, v) != nil {
		return badJSON()
	}
	return nil
}

// getByIDs finds up to a thousand objects, those that are there; types leaves some out.
// https://learn.microsoft.com/en-us/graph/api/directoryobject-getbyids
func (c *call) getByIDs() error {
	var body struct{ IDs, Types []string }
	if err := c.parameters(&body); err != nil {
		return err
	}
	if len(body.IDs) == 0 || len(body.IDs) > 1000 {
		return badRequest("Between 1 and 1000 ids may be asked for.")
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	s := &source{fragment: "directoryObjects", mixed: true, veil: true}
	some := c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") || c.p.asUser()
	for _, t := range c.t.dir.tables {
		if t.plain {
			continue
		}
		s.tables = append(s.tables, t)
		some = some || t.sees(c, nil) != blind
	}
	if !some {
		return denied()
	}
	for _, id := range body.IDs {
		o := c.t.dir.byID[strings.ToLower(id)]
		if o == nil || o.in.plain || slices.Contains(s.list, o) || len(body.Types) > 0 && !slices.ContainsFunc(body.Types, func(t string) bool {
			return strings.EqualFold(t, o.in.name) || strings.EqualFold(t, "directoryObject")
		}) {
			continue
		}
		s.list = append(s.list, o)
	}
	sortByOrd(s.list)
	c.q.top = 999 // no pages: https://learn.microsoft.com/en-us/graph/api/directoryobject-getbyids
	return c.sendList(s)
}

// memberAction is the name of an action on memberships in one spelling, "" for other segments.
func memberAction(segment string) string {
	name := strings.TrimPrefix(strings.ToLower(segment), "microsoft.graph.")
	if slices.Contains([]string{"getmembergroups", "getmemberobjects", "checkmembergroups", "checkmemberobjects"}, name) {
		return name
	}
	return ""
}

// memberships answers getMemberGroups, getMemberObjects, checkMemberGroups and checkMemberObjects, all of them transitive, of an
// object of a type or, with nil, of any: https://learn.microsoft.com/en-us/graph/api/directoryobject-getmembergroups,
// directoryobject-getmemberobjects, directoryobject-checkmembergroups, directoryobject-checkmemberobjects
func (c *call) memberships(t *table, key string, n int, action string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	var body struct {
		SecurityEnabledOnly *bool
		GroupIDs, IDs       []string
	}
	if err := c.parameters(&body); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	d := c.t.dir
	o := d.byID[strings.ToLower(key)]
	if t != nil {
		o = d.object(t, c.keys[n], key)
	}
	if err := c.mayMemberships(o); err != nil {
		return err
	}
	if o == nil {
		return notThere(key)
	}
	onlyGroups, only := strings.HasSuffix(action, "groups"), body.SecurityEnabledOnly != nil && *body.SecurityEnabledOnly
	asked := append(body.GroupIDs, body.IDs...)
	switch check := strings.HasPrefix(action, "check"); {
	case check && (len(asked) == 0 || len(asked) > 20):
		return badRequest("Between 1 and 20 ids may be asked for.")
	case !check && body.SecurityEnabledOnly == nil:
		return badRequest("A value is required for parameter 'securityEnabledOnly'.")
	case only && !o.is("user") && !o.is("servicePrincipal"):
		// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8220
		return badRequest("To get security groups, the member must be a user.")
	case check:
	default:
		asked = nil
	}
	var ids []string
	var holders []*object
	if r := o.in.relation("transitiveMemberOf"); r != nil {
		holders = d.related(r, o)
	}
	for _, x := range holders {
		if onlyGroups && !x.is("group") || only && x.is("group") && x.rec.get(gSecurity) != "true" || c.hidesMembership(o, x) {
			continue
		}
		if asked == nil || slices.ContainsFunc(asked, func(id string) bool { return strings.EqualFold(id, x.id) }) {
			ids = append(ids, x.id)
		}
	}
	b := append(c.context(nil, "Collection(Edm.String)"), `"value":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, id)
	}
	return c.send(http.StatusOK, append(b, "]}"...))
}

// mayMemberships: of a person one permission for people and one for groups, of a group one for groups.
func (c *call) mayMemberships(o *object) error {
	p := c.p
	allowed := p.holds("Directory.Read.All", "Directory.ReadWrite.All") || p.asUser()
	people := p.holds("User.Read.All", "User.ReadWrite.All") || p.delegated() && p.holds("User.ReadBasic.All") || o != nil && p.self(o) && p.holds("User.Read", "User.ReadWrite")
	groups := p.holds(readMembers...)
	switch {
	case o.is("user"):
		allowed = allowed || people && groups
	case o.is("group"):
		allowed = allowed || groups
	case o.is("servicePrincipal"):
		allowed = allowed || p.holds("Application.Read.All", "Application.ReadWrite.All")
	}
	if !allowed {
		return denied()
	}
	return nil
}

// validateProperties says whether a Microsoft 365 group may have a name and an alias: 204, or 422 with what is wrong.
// https://learn.microsoft.com/en-us/graph/api/directoryobject-validateproperties, group-validateproperties
func (c *call) validateProperties() error {
	var body struct{ EntityType, DisplayName, MailNickname string }
	if err := c.parameters(&body); err != nil {
		return err
	}
	if !c.p.holds(readGroups...) && !c.p.asUser() {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	if c.t.dir.byNick[strings.ToLower(body.MailNickname)] == nil || body.MailNickname == "" {
		return c.done()
	}
	g := failure(http.StatusUnprocessableEntity, "Request_UnprocessableEntity", "Another object with the same value for property mailNickname already exists.")
	g.details = []errorDetail{{"PropertyConflict", g.message, "mailNickname"}}
	return g
}
