package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// routeSet answers for a set of directory objects: /groups, /groups/{id} and what follows.
func (c *call) routeSet(t *table) error {
	if len(c.seg) == 1 {
		if t.mayCreate != nil && c.r.Method == http.MethodPost {
			return c.create(t)
		}
		if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead && t.mayCreate != nil {
			return c.method(http.MethodGet, http.MethodPost)
		}
		if err := c.method(http.MethodGet); err != nil {
			return err
		}
		return c.listSet(t)
	}
	if t.functions != nil {
		if done, err := t.functions(c); done {
			return err
		}
	}
	if len(c.seg) == 2 && isDelta(c.seg[1]) {
		if !t.delta {
			return c.unknown(c.seg[1])
		}
		return c.delta(t)
	}
	return c.routeObject(t, c.seg[1], 2)
}

// routeObject answers for one object; what follows its key begins at segment n.
func (c *call) routeObject(t *table, key string, n int) error {
	if len(c.seg) == n {
		verbs := []string{http.MethodGet}
		if t.mayPatch != nil {
			verbs = append(verbs, http.MethodPatch)
		}
		if t.mayDelete != nil {
			verbs = append(verbs, http.MethodDelete)
		}
		if err := c.method(verbs...); err != nil {
			return err
		}
		switch c.r.Method {
		case http.MethodPatch:
			return c.patch(t, key, n-1)
		case http.MethodDelete:
			return c.deleteObject(t, key, n-1)
		}
		return c.getObject(t, key, n-1)
	}
	if action := memberAction(c.seg[n]); action != "" && len(c.seg) == n+1 && t.relation("transitiveMemberOf") != nil {
		return c.memberships(t, key, n-1, action)
	}
	if (c.is(n, "restore") || c.is(n, "microsoft.graph.restore")) && len(c.seg) == n+1 && c.r.Method == http.MethodPost {
		// only below directory/deletedItems: https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/987
		return notThere(key)
	}
	if t.routes != nil {
		if done, err := t.routes(c, key, n); done {
			return err
		}
	}
	if r := t.relation(c.seg[n]); r != nil {
		return c.relationOf(t, key, r, n+1)
	}
	if len(c.seg) == n+1 && c.r.Method == http.MethodGet {
		if i := t.prop(c.seg[n]); i >= 0 && !t.props[i].hidden {
			return c.getProperty(t, key, n-1, i)
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

// lookup is the object that the key in segment n means. Call with Emulator.mu held.
func (c *call) lookup(t *table, key string, n int) (*object, error) {
	if o := c.t.dir.object(t, c.keys[n], key); o != nil {
		return o, nil
	}
	return nil, notThere(key)
}

// find is the user that a key in a path means. Call with Emulator.mu held.
func (c *call) find(key string) (*object, error) {
	if u := c.t.dir.user(key); u != nil {
		return u, nil
	}
	return nil, notThere(key)
}

// selectFrom is what to write of objects of a type: what $select names, or the default properties. collection refuses what only a
// single object can be asked for: https://learn.microsoft.com/en-us/graph/api/user-list
func (c *call) selectFrom(t *table, sees sight, collection bool) (*selection, string, error) {
	var names []string
	var props []int
	switch {
	case len(c.q.selects) == 0 || slices.Equal(c.q.selects, []string{"*"}):
		if sees == full && c.meta == "minimal" {
			return t.shown, "", nil
		}
		for _, i := range t.shown.props {
			if sees == full || slices.Contains(t.basic, t.props[i].name) {
				props = append(props, i)
			}
		}
	default:
		for _, name := range c.q.selects {
			top, _, _ := strings.Cut(name, "/")
			i := t.prop(top)
			if i < 0 || t.props[i].hidden {
				if name == "*" {
					props = append(props, t.shown.props...)
					continue
				}
				if t.navigation(top) {
					continue
				}
				return nil, "", noProperty(name, t.name)
			}
			p := &t.props[i]
			if collection && p.single {
				return nil, "", failure(http.StatusNotImplemented, "NotImplemented", "This operation target is not yet supported.")
			}
			if sees != full && !slices.Contains(t.basic, p.name) || t.maySelect != nil && !t.maySelect(c, p.name) {
				return nil, "", denied()
			}
			if !slices.Contains(props, i) {
				names = append(names, p.name)
			}
			props = append(props, i)
		}
	}
	sel := t.selection(props)
	sel.full, sel.base = c.meta == "full", c.base()
	if t == c.t.dir.users && !c.p.seesSecurity() {
		sel.veil = pSecurity
	}
	fragment := ""
	if len(names) > 0 {
		fragment = "(" + strings.Join(names, ",") + ")"
	}
	return sel, fragment, nil
}

// navigation says whether a name that $select may hold without effect is a relationship of the type.
func (t *table) navigation(name string) bool {
	return t.relation(name) != nil || slices.ContainsFunc([]string{"extensions", "photo", "photos", "licenseDetails"}, func(n string) bool {
		return strings.EqualFold(n, name)
	})
}

func (c *call) getObject(t *table, key string, n int) error {
	c.e.mu.RLock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		c.e.mu.RUnlock()
		return err
	}
	b, err := c.describe(o, t.set, false)
	c.e.mu.RUnlock()
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, b)
}

// describe writes one object with what $select and $expand ask for, as a member of a set. Call with Emulator.mu held.
func (c *call) describe(o *object, set string, typed bool) ([]byte, error) {
	t := o.in
	sees := t.sees(c, o)
	if sees == blind {
		return nil, denied()
	}
	for _, option := range []string{"$filter", "$search", "$orderby", "$top", "$skiptoken"} {
		if c.q.has[option] {
			return nil, failure(http.StatusBadRequest, "BadRequest", "Query options $orderby, $filter, $search, $top and $skiptoken can be applied only on collections.")
		}
	}
	sel, fragment, err := c.selectFrom(t, sees, false)
	if err != nil {
		return nil, err
	}
	if typed {
		sel = sel.withType()
	}
	b := c.context(make([]byte, 0, 1024), set+fragment+"/$entity")
	b = comma(sel.append(b, o))
	if b, err = c.appendExpanded(b, o); err != nil {
		return nil, err
	}
	return closeObject(b), nil
}

// getProperty answers /users/{id}/{property}.
func (c *call) getProperty(t *table, key string, n, i int) error {
	c.e.mu.RLock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		c.e.mu.RUnlock()
		return err
	}
	p := &t.props[i]
	sees := t.sees(c, o)
	if t == c.t.dir.users && i == pSecurity && !c.p.seesSecurity() {
		sees = blind
	}
	j, id := o.json(i), o.id
	c.e.mu.RUnlock()
	if sees == blind || sees == basic && !slices.Contains(t.basic, p.name) || t.maySelect != nil && !t.maySelect(c, p.name) {
		return denied()
	}
	b := c.context(nil, t.set+"('"+id+"')/"+p.name)
	b = append(b, `"value":`...)
	return c.send(http.StatusOK, append(append(b, j...), '}'))
}
