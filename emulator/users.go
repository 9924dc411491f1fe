package emulator

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nameplate/odata"
)

func (c *call) routeUsers() error {
	if len(c.seg) == 1 {
		switch c.r.Method {
		case http.MethodGet, http.MethodHead:
			return c.listUsers()
		case http.MethodPost:
			return c.createUser()
		}
		return c.method(http.MethodGet, http.MethodPost)
	}
	if c.is(1, "delta") || c.is(1, "microsoft.graph.delta") {
		return c.unknown(c.seg[1])
	}
	return c.person(c.seg[1], 2)
}

// person answers for /users/{key} and /me; what follows begins at segment n.
func (c *call) person(key string, n int) error {
	if len(c.seg) == n {
		switch c.r.Method {
		case http.MethodGet, http.MethodHead:
			return c.getUser(key)
		case http.MethodPatch:
			return c.patchUser(key)
		case http.MethodDelete:
			return c.deleteUser(key)
		}
		return c.method(http.MethodGet, http.MethodPatch, http.MethodDelete)
	}
	last := len(c.seg) == n+1
	switch strings.ToLower(c.seg[n]) {
	case "manager":
		if last || len(c.seg) == n+2 && c.is(n+1, "$ref") {
			return c.managerOf(key, !last)
		}
	case "directreports":
		if cast, ok := c.cast(n + 1); ok {
			return c.directReports(key, cast)
		}
	case "photo":
		if last {
			return c.photoOf(key, "", false)
		}
		if len(c.seg) == n+2 && c.is(n+1, "$value") {
			return c.photoOf(key, "", true)
		}
	case "photos":
		switch {
		case last:
			return c.photosOf(key)
		case len(c.seg) == n+2:
			return c.photoOf(key, c.seg[n+1], false)
		case len(c.seg) == n+3 && c.is(n+2, "$value"):
			return c.photoOf(key, c.seg[n+1], true)
		}
	case "memberof", "transitivememberof":
		if cast, ok := c.cast(n + 1); ok {
			return c.membershipsOf(key, strings.EqualFold(c.seg[n], "transitiveMemberOf"), cast)
		}
	case "extensions":
		if len(c.seg) <= n+2 {
			return c.openExtensions(key, n+1)
		}
	case "changepassword", "microsoft.graph.changepassword":
		if last {
			return c.changePassword(key)
		}
	case "revokesigninsessions", "microsoft.graph.revokesigninsessions":
		if last {
			return c.revokeSessions(key)
		}
	default:
		if last && c.r.Method == http.MethodGet {
			if i := c.t.dir.schema.find(c.seg[n]); i >= 0 {
				return c.getProperty(key, i)
			}
		}
	}
	return c.unknown(c.seg[n])
}

// cast reads an optional type segment at n as the last one: microsoft.graph.group, "" when there is none.
func (c *call) cast(n int) (string, bool) {
	if len(c.seg) == n {
		return "", true
	}
	if len(c.seg) == n+1 {
		if name, ok := strings.CutPrefix(strings.ToLower(c.seg[n]), "microsoft.graph."); ok {
			return name, true
		}
	}
	return "", false
}

// find is the user that a key in a path means. Call with Emulator.mu held.
func (c *call) find(key string) (*user, error) {
	if u := c.t.dir.user(key); u != nil {
		return u, nil
	}
	return nil, notThere(key)
}

// selectUser is what to write of users: what $select names, or the default properties. collection refuses what only a single
// user can be asked for: https://learn.microsoft.com/en-us/graph/api/user-list
func (c *call) selectUser(sees sight, collection bool) (*selection, string, error) {
	s := c.t.dir.schema
	var names []string
	var props []int
	switch {
	case len(c.q.selects) == 0 || slices.Equal(c.q.selects, []string{"*"}):
		if sees == full && c.meta == "minimal" {
			return s.shown, "", nil
		}
		for _, i := range s.shown.props {
			if sees == full || slices.Contains(basicNames, s.props[i].name) {
				props = append(props, i)
			}
		}
	default:
		for _, name := range c.q.selects {
			top, _, _ := strings.Cut(name, "/")
			i := s.find(top)
			if i < 0 {
				if isNavigation(top) {
					continue
				}
				return nil, "", noProperty(name, "user")
			}
			p := &s.props[i]
			if collection && p.single {
				return nil, "", failure(http.StatusNotImplemented, "NotImplemented", "This operation target is not yet supported.")
			}
			if sees != full && !slices.Contains(basicNames, p.name) || !c.p.maySelect(p.name) {
				return nil, "", denied()
			}
			if !slices.Contains(props, i) {
				names = append(names, p.name)
			}
			props = append(props, i)
		}
	}
	sel := s.selection(props)
	sel.full, sel.base = c.meta == "full", c.base()
	if !c.p.seesSecurity() {
		sel.veil = pSecurity
	}
	fragment := ""
	if len(names) > 0 {
		fragment = "(" + strings.Join(names, ",") + ")"
	}
	return sel, fragment, nil
}

// isNavigation says whether a name that $select may hold without effect is a relationship of a user.
func isNavigation(name string) bool {
	return slices.ContainsFunc([]string{
		"manager", "directReports", "memberOf", "transitiveMemberOf", "extensions", "photo", "photos",
		"ownedObjects", "licenseDetails",
	}, func(n string) bool { return strings.EqualFold(n, name) })
}

func (c *call) getUser(key string) error {
	c.e.mu.RLock()
	u, err := c.find(key)
	if err != nil {
		c.e.mu.RUnlock()
		return err
	}
	b, err := c.describe(u)
	c.e.mu.RUnlock()
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, b)
}

// describe writes one user with what $select and $expand ask for. Call with Emulator.mu held.
func (c *call) describe(u *user) ([]byte, error) {
	sees := c.sees(u)
	if sees == blind {
		return nil, denied()
	}
	for _, option := range []string{"$filter", "$search", "$orderby", "$top", "$skiptoken"} {
		if c.q.has[option] {
			return nil, failure(http.StatusBadRequest, "BadRequest", "Query options $orderby, $filter, $search, $top and $skiptoken can be applied only on collections.")
		}
	}
	sel, fragment, err := c.selectUser(sees, false)
	if err != nil {
		return nil, err
	}
	b := c.context(make([]byte, 0, 1024), "users"+fragment+"/$entity")
	b = comma(sel.appendUser(b, u.id, u.rec))
	if b, err = c.appendExpanded(b, u); err != nil {
		return nil, err
	}
	return closeObject(b), nil
}

// getProperty answers /users/{id}/{property}.
func (c *call) getProperty(key string, i int) error {
	c.e.mu.RLock()
	u, err := c.find(key)
	if err != nil {
		c.e.mu.RUnlock()
		return err
	}
	s := c.t.dir.schema
	p := &s.props[i]
	sees := c.sees(u)
	if i == pSecurity && !c.p.seesSecurity() {
		sees = blind
	}
	j, id := s.json(i, u.id, u.rec), u.id
	c.e.mu.RUnlock()
	if sees == blind || sees == basic && !slices.Contains(basicNames, p.name) || !c.p.maySelect(p.name) {
		return denied()
	}
	b := c.context(nil, "users('"+id+"')/"+p.name)
	b = append(b, `"value":`...)
	return c.send(http.StatusOK, append(append(b, j...), '}'))
}

// mayList: guests may not list people.
func (c *call) mayList() (sight, error) {
	if c.guest {
		return blind, denied()
	}
	sees := c.sees(nil)
	if sees == blind {
		return blind, denied()
	}
	return sees, nil
}

// finder returns the test that $filter and $search make, after checking them.
func (c *call) finder() (func(u *user) (bool, error), error) {
	if c.q.search != nil && !c.eventual() {
		return nil, unsupportedQuery("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	}
	s := c.t.dir.schema
	if c.q.filter != nil {
		if err := c.checkFilter(c.q.filter); err != nil {
			return nil, err
		}
	}
	if c.q.search != nil {
		for _, name := range c.q.search.Names() {
			if s.find(name) < 0 {
				return nil, noProperty(name, "user")
			}
		}
	}
	if c.q.filter == nil && c.q.search == nil {
		return nil, nil
	}
	return func(u *user) (bool, error) {
		if c.q.filter != nil {
			ok, err := c.q.filter.Match(c.getter(u))
			if err != nil {
				return false, failure(http.StatusBadRequest, "Request_UnsupportedQuery", "%s", err.Error())
			}
			if !ok {
				return false, nil
			}
		}
		return c.q.search == nil || c.q.search.Match(func(path, text string) bool { return c.found(u, path, text) }), nil
	}, nil
}

// getter answers a filter's questions about a user.
func (c *call) getter(u *user) odata.Getter {
	s := c.t.dir.schema
	return func(path string) (any, bool) {
		top, rest, deep := strings.Cut(path, "/")
		i := s.find(top)
		if i < 0 {
			return nil, false
		}
		v := plainValue(s.props[i].typ, s.json(i, u.id, u.rec))
		for deep {
			var name string
			name, rest, deep = strings.Cut(rest, "/")
			m, _ := v.(map[string]any)
			v = nil
			for k, x := range m {
				if strings.EqualFold(k, name) {
					v = x
				}
			}
		}
		if text, ok := v.(string); ok && i == pSecurity {
			return odata.Exact(text), true // https://learn.microsoft.com/en-us/graph/api/resources/user: case-sensitive
		}
		return v, true
	}
}

// found says whether a clause of $search finds a user: words of a name by their beginnings, anything else by its beginning.
// https://learn.microsoft.com/en-us/graph/search-query-parameter
func (c *call) found(u *user, path, text string) bool {
	s := c.t.dir.schema
	names := []string{"displayName", "mail", "userPrincipalName"}
	if path != "" {
		names = []string{path}
	}
	for _, name := range names {
		value := unquote(s.json(s.find(name), u.id, u.rec))
		if !strings.EqualFold(name, "displayName") {
			if value != "" && strings.HasPrefix(strings.ToLower(value), strings.ToLower(text)) {
				return true
			}
			continue
		}
		have := odata.Words(value)
		if want := odata.Words(text); len(want) > 0 && !slices.ContainsFunc(want, func(w string) bool {
			return !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) })
		}) {
			return true
		}
	}
	return false
}

// place is where a listing goes on: behind the user with that ord, and with $orderby behind the value.
type place struct {
	ord   uint64
	value string
}

func (p place) token() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1|" + strconv.FormatUint(p.ord, 10) + "|" + p.value))
}

func parsePlace(token string) (place, error) {
	bad := failure(http.StatusBadRequest, "Request_BadRequest", "Skip token is invalid.")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return place{}, bad
	}
	parts := strings.SplitN(string(b), "|", 3)
	if len(parts) != 3 || parts[0] != "1" {
		return place{}, bad
	}
	ord, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return place{}, bad
	}
	return place{ord, parts[2]}, nil
}

func (c *call) listUsers() error {
	sees, err := c.mayList()
	if err != nil {
		return err
	}
	sel, fragment, err := c.selectUser(sees, true)
	if err != nil {
		return err
	}
	top := c.pageSize(100)
	var from place
	if c.q.skip != "" {
		if from, err = parsePlace(c.q.skip); err != nil {
			return err
		}
	}
	match, err := c.finder()
	if err != nil {
		return err
	}
	if err := c.checkOrder(); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	b := c.context(make([]byte, 0, 64+top*400), "users"+fragment)
	page, more, total, err := c.page(from, top, match)
	if err != nil {
		return err
	}
	if c.counting {
		return c.sendCount(total)
	}
	if c.q.count && c.eventual() && c.q.skip == "" {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(total), 10)
		b = append(b, ',')
	}
	if more {
		b = append(b, `"@odata.nextLink":`...)
		b = appendText(b, c.nextLink(c.after(page[len(page)-1])))
		b = append(b, ',')
	}
	b = append(b, `"value":[`...)
	for i, u := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = sel.appendUser(b, u.id, u.rec)
		if len(c.q.expand) > 0 {
			b = comma(b)
			if b, err = c.appendExpanded(b, u); err != nil {
				return err
			}
			b = closeObject(b)
			continue
		}
		b = append(b, '}')
	}
	return c.send(http.StatusOK, append(b, "]}"...))
}

// page collects a page of users behind a place. Total counts all that match, whatever page this is, when a count is asked for.
func (c *call) page(from place, top int, match func(*user) (bool, error)) (page []*user, more bool, total int, err error) {
	d := c.t.dir
	list, start := d.users, d.after(from.ord)
	if len(c.q.order) > 0 {
		list, start = c.sorted(from)
	}
	counting := c.q.count && c.eventual() && c.q.skip == ""
	if match == nil {
		total = len(list)
		end := min(start+top, len(list))
		return list[start:end], end < len(list), total, nil
	}
	if counting {
		start = 0
	}
	for _, u := range list[start:] {
		ok, err := match(u)
		if err != nil {
			return nil, false, 0, err
		}
		if !ok {
			continue
		}
		total++
		if len(page) < top {
			page = append(page, u)
			continue
		}
		more = true
		if !counting {
			break
		}
	}
	return page, more, total, nil
}

func (c *call) after(u *user) place {
	p := place{ord: u.ord}
	if len(c.q.order) > 0 {
		p.value = c.sortKey(u)
	}
	return p
}

func (c *call) sortKey(u *user) string {
	s := c.t.dir.schema
	return strings.ToLower(unquote(s.json(s.find(c.q.order[0].Path), u.id, u.rec)))
}

// sorted is everybody in the order that is asked for, and where the page begins.
func (c *call) sorted(from place) ([]*user, int) {
	type keyed struct {
		u   *user
		key string
	}
	all := make([]keyed, len(c.t.dir.users))
	for i, u := range c.t.dir.users {
		all[i] = keyed{u, c.sortKey(u)}
	}
	desc := c.q.order[0].Desc
	compare := func(a keyed, key string, ord uint64) int {
		n := strings.Compare(a.key, key)
		if desc {
			n = -n
		}
		if n == 0 {
			switch {
			case a.u.ord < ord:
				n = -1
			case a.u.ord > ord:
				n = 1
			}
		}
		return n
	}
	slices.SortFunc(all, func(a, b keyed) int { return compare(a, b.key, b.u.ord) })
	start := 0
	if c.q.skip != "" {
		start = len(all)
		for i, k := range all {
			if compare(k, from.value, from.ord) > 0 {
				start = i
				break
			}
		}
	}
	out := make([]*user, len(all))
	for i, k := range all {
		out[i] = k.u
	}
	return out, start
}

// nextLink is the address of the next page: absolute, with the options of this one.
func (c *call) nextLink(p place) string {
	var kept []string
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if low := strings.ToLower(strings.ReplaceAll(name, "%24", "$")); part != "" && low != "$skiptoken" {
			kept = append(kept, part)
		}
	}
	kept = append(kept, "$skiptoken="+p.token())
	return origin(c.r) + c.r.URL.EscapedPath() + "?" + strings.Join(kept, "&")
}
