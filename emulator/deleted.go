package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// remove deletes a user softly: the name is free again, a restore brings it back. How the name of a deleted user looks is
// remembered. Call with Emulator.mu held.
func (c *call) remove(u *user) {
	d := c.t.dir
	was := u.rec
	d.unindex(u)
	d.take(u)
	x := u.extra()
	x.name = u.upn()
	x.reports = slices.Clone(d.reports[u])
	for _, r := range x.reports {
		d.setManager(r, nil)
	}
	x.manager = u.manager
	d.setManager(u, nil)
	u.rec = was.with([]field{{pUPN, text(strings.ReplaceAll(u.id, "-", "") + x.name)}, {pDeleted, instantJSON(c.e.Now())}})
	d.deleted[u.id] = u
	entry := c.entry("user.delete", u.id)
	entry.Before, entry.After = d.difference(was, u.rec)
	c.e.ledger.add(entry)
}

// deletedItems: https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-list, directory-deleteditems-get,
// directory-deleteditems-restore, directory-deleteditems-delete
func (c *call) deletedItems() error {
	if len(c.seg) < 3 {
		return badRequest("The type of the deleted objects must be named.")
	}
	key := strings.ToLower(c.seg[2])
	if cast, ok := strings.CutPrefix(key, "microsoft.graph."); ok && len(c.seg) == 3 {
		return c.listDeleted(cast)
	}
	if strings.HasPrefix(key, "microsoft.graph.") {
		return c.unknown(c.seg[3])
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	d := c.t.dir
	u := d.deleted[key]
	switch {
	case len(c.seg) == 3 && (c.r.Method == http.MethodGet || c.r.Method == http.MethodDelete):
	case len(c.seg) == 4 && c.is(3, "restore") && c.r.Method == http.MethodPost:
	case len(c.seg) <= 4:
		return wrongVerb()
	default:
		return c.unknown(c.seg[3])
	}
	if c.r.Method == http.MethodGet {
		if !c.p.holds(readUsers...) && !c.p.asUser() {
			return denied()
		}
	} else if !c.p.holds(deleteUsers...) && !c.p.asUser() || u != nil && !c.mayTouch(u, changeSensitive) {
		return denied()
	}
	if u == nil {
		return failure(http.StatusNotFound, "Directory_ObjectNotFound", "Unable to read the company information from the directory. Object '%s' is not among the deleted ones.", c.seg[2])
	}
	sel := d.schema.shown.withType()
	switch c.r.Method {
	case http.MethodGet:
		b := sel.appendUser(c.context(nil, "directoryObjects/$entity"), u.id, u.rec)
		return c.send(http.StatusOK, append(b, '}'))
	case http.MethodDelete:
		delete(d.deleted, key)
		d.forget(u)
		c.e.ledger.add(c.entry("user.purge", u.id))
		return c.done()
	}
	was := u.rec
	rec := was.with([]field{{pUPN, text(u.more.name)}, {pDeleted, ""}})
	if err := d.clash(nil, rec); err != nil {
		return err
	}
	delete(d.deleted, key)
	u.rec = rec
	d.index(u)
	d.put(u)
	if m := u.more.manager; m != nil && d.byID[m.id] == m {
		d.setManager(u, m)
	}
	for _, r := range u.more.reports {
		if r.manager == nil && d.byID[r.id] == r {
			d.setManager(r, u)
		}
	}
	u.more.manager, u.more.reports, u.more.name = nil, nil, ""
	entry := c.entry("user.restore", u.id)
	entry.Before, entry.After = d.difference(was, rec)
	c.e.ledger.add(entry)
	b := sel.appendUser(c.context(nil, "directoryObjects/$entity"), u.id, u.rec)
	return c.send(http.StatusOK, append(b, '}'))
}

// forget takes a purged user out of all groups.
func (d *directory) forget(u *user) {
	for _, g := range d.groups {
		g.members = slices.DeleteFunc(g.members, func(x *user) bool { return x == u })
		g.owners = slices.DeleteFunc(g.owners, func(x *user) bool { return x == u })
	}
	delete(d.memberOf, u.id)
}

func (c *call) listDeleted(cast string) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	if !c.p.holds(readUsers...) && !c.p.asUser() || c.guest {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	var list []*user
	switch cast {
	case "user":
		for _, u := range c.t.dir.deleted {
			list = append(list, u)
		}
	case "group", "application", "serviceprincipal", "administrativeunit":
	default:
		return c.unknown(c.seg[2])
	}
	slices.SortFunc(list, func(a, b *user) int { return strings.Compare(a.id, b.id) })
	return c.sendUsers(list, "directoryObjects")
}
