package bulk

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// wanted is who and what a file names.
type wanted struct {
	rows               int
	ids, upns, bosses  map[string]bool // lower case
	groups, skus, like map[string]bool
	gone               bool              // somebody is to be restored, or deleted
	names              []property.Name   // what is read of each person beside what judging always needs
	picked             []directory.Query // lists of which everybody is meant
}

func newWanted() wanted {
	return wanted{ids: map[string]bool{}, upns: map[string]bool{}, bosses: map[string]bool{}, groups: map[string]bool{}, skus: map[string]bool{}, like: map[string]bool{}}
}

// person is what somebody is called in a file: an object id or a sign-in name.
func (w *wanted) person(s string) {
	switch s = strings.ToLower(s); {
	case guid.MatchString(s):
		w.ids[s] = true
	case strings.Contains(s, "@"):
		w.upns[s] = true
	}
}

// boss is what a manager is called: as a person, or by a name.
func (w *wanted) boss(s string) {
	w.person(s)
	if s = strings.ToLower(s); s != "" && !guid.MatchString(s) && !strings.Contains(s, "@") {
		w.bosses[s] = true
	}
}

// named are the groups and products of a row.
func (w *wanted) named(r sheet.Record) {
	for _, g := range slices.Concat(r.Join, r.Leave) {
		w.groups[strings.ToLower(g)] = true
	}
	for _, s := range slices.Concat(r.Give, r.Take) {
		w.skus[strings.ToLower(s)] = true
	}
}

// columns are what is read because of the columns of a file.
func (w *wanted) columns(l []sheet.Column) {
	for _, c := range l {
		switch c.Use {
		case sheet.Set:
			w.names = append(w.names, c.Name)
		case sheet.Manager:
			w.names = append(w.names, directory.FacetManager)
		}
	}
}

// gather reads a file once for the names in it.
func gather(f *sheet.File, group string) (wanted, error) {
	w := newWanted()
	if group != "" {
		w.groups[strings.ToLower(group)] = true
	}
	w.columns(f.Columns)
	err := f.Each(func(r sheet.Record) error {
		w.rows++
		w.person(r.ID)
		w.person(r.UPN)
		if r.Manager != nil {
			w.boss(*r.Manager)
		}
		w.named(r)
		if r.Like != "" {
			w.person(r.Like)
			w.like[strings.ToLower(r.Like)] = true
		}
		w.gone = w.gone || r.Act == sheet.Restore || r.Act == sheet.Delete
		return nil
	})
	return w, err
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// crowd is what was read of the directory for a file.
type crowd struct {
	people  map[string]*directory.User // by id
	upn     map[string]*directory.User
	picked  []string                     // ids of everybody in the lists of which everybody is meant, in their order
	named   map[string][]*directory.User // by display name, of managers that a file names so
	gone    []*directory.User            // who was deleted
	groups  map[string]found             // by what the file calls them, lower case
	byID    map[string]directory.Group
	members map[string]map[string]bool // of each group, by id
	skus    []directory.SKU
	like    map[string]directory.User // by what the file calls them
	domains []string
}

// found is a group, or why there is none.
type found struct {
	directory.Group
	why fail.Text
}

const (
	page     = 999 // as many as Graph gives at once
	fewAtOne = 15  // as many values as Graph takes behind in
	few      = 300 // so many people are asked for by name, more are found in the whole list
	most     = 200 // different groups, and different colleagues to be like, in one file
)

// read reads all that is wanted: people in pages, each group once.
func (b *Bulk) read(ctx context.Context, tenant string, w wanted) (*crowd, error) {
	c := &crowd{
		people: map[string]*directory.User{}, upn: map[string]*directory.User{}, named: map[string][]*directory.User{},
		groups: map[string]found{}, byID: map[string]directory.Group{}, members: map[string]map[string]bool{}, like: map[string]directory.User{},
	}
	dir := b.Desk.Directory
	if len(w.groups) > most || len(w.like) > most {
		return nil, fail.New(fail.Invalid, "bulk.plan", fail.T("The file names more than %d different groups or colleagues. Split it.", most))
	}
	holders, err := dir.RoleHolders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if len(w.skus)+len(w.like) > 0 {
		if c.skus, err = dir.SKUs(ctx, tenant); err != nil {
			return nil, err
		}
	}
	names := b.names(w.names, c.skus)
	take := func(u directory.User) {
		id, upn, name := u.Ref.ID, strings.ToLower(u.Values["userPrincipalName"].Str()), strings.ToLower(u.Values["displayName"].Str())
		if u.Roles = holders[id]; u.Roles == nil {
			u.Roles = []string{} // known to hold none
		}
		c.people[id], c.upn[upn] = &u, &u
		if w.bosses[name] && !slices.ContainsFunc(c.named[name], func(o *directory.User) bool { return o.Ref == u.Ref }) {
			c.named[name] = append(c.named[name], &u)
		}
	}
	keep := func(u directory.User) {
		if w.ids[u.Ref.ID] || w.upns[strings.ToLower(u.Values["userPrincipalName"].Str())] || w.bosses[strings.ToLower(u.Values["displayName"].Str())] {
			take(u)
		}
	}
	for _, q := range w.picked {
		q.Names, q.Top = names, page
		err := everybody(ctx, dir.People, tenant, q, func(u directory.User) {
			c.picked = append(c.picked, u.Ref.ID)
			take(u)
		})
		if err != nil {
			return nil, err
		}
	}
	for _, filter := range w.filters() {
		if err := everybody(ctx, dir.People, tenant, directory.Query{Names: names, Filter: filter, Top: page}, keep); err != nil {
			return nil, err
		}
	}
	if w.gone {
		q := directory.Query{Names: append(b.names(w.names, nil), directory.FacetAccount), Top: page}
		err := everybody(ctx, dir.DeletedPeople, tenant, q, func(u directory.User) {
			u.Roles = []string{} // what roles they had cannot be read; the service itself looks at them when an administrator is restored
			c.gone = append(c.gone, &u)
		})
		if err != nil {
			return nil, err
		}
	}
	for who := range w.like {
		u, ok := c.upn[who]
		if !ok {
			u, ok = c.people[who]
		}
		if !ok {
			continue // its rows say so
		}
		x, err := dir.User(ctx, directory.Authority{}, u.Ref, directory.Ask{Groups: true, Licenses: true})
		if err != nil {
			return nil, err
		}
		c.like[who] = x
		for _, g := range x.Groups {
			w.groups[g.Ref.ID] = true
		}
	}
	if o, err := dir.Organization(ctx, tenant); err == nil { // a kindness: without it the directory says the same later
		c.domains = o.Domains
	}
	return c, c.readGroups(ctx, dir, tenant, w)
}

// filters are the lists that hold everybody whom the file names: the whole one, or some short ones when there are few.
func (w wanted) filters() []string {
	if len(w.ids)+len(w.upns) > few || len(w.bosses) > 0 {
		return []string{""}
	}
	var out []string
	in := func(name string, set map[string]bool) {
		var l []string
		for s := range set {
			l = append(l, "'"+strings.ReplaceAll(s, "'", "''")+"'")
		}
		slices.Sort(l)
		for part := range slices.Chunk(l, fewAtOne) {
			out = append(out, name+" in ("+strings.Join(part, ",")+")")
		}
	}
	in("id", w.ids)
	in("userPrincipalName", w.upns)
	return out
}

func everybody(ctx context.Context, list func(context.Context, string, directory.Query) (directory.People, error), tenant string, q directory.Query, do func(directory.User)) error {
	for {
		p, err := list(ctx, tenant, q)
		if err != nil {
			return err
		}
		for _, u := range p.List {
			do(u)
		}
		if q.Page = p.Next; q.Page == "" {
			return nil
		}
	}
}

// names are what is read of each person: what is to be set, what the policy asks, and the facets.
func (b *Bulk) names(set []property.Name, skus []directory.SKU) []property.Name {
	all := b.Desk.Policy.Properties()
	want := []property.Name{"displayName", "userPrincipalName", "accountEnabled", "employeeOrgData/costCenter", "employeeOrgData/division"}
	want = append(append(want, b.Desk.Policy.Needs()...), set...)
	var out []property.Name
	for _, n := range want {
		if slices.Contains(out, n) {
			continue
		}
		if d, ok := all.Def(n); directory.Facet(n) || ok && admin.Listed(d) {
			out = append(out, n)
		}
	}
	if len(skus) > 0 && !slices.Contains(out, "usageLocation") {
		out = append(out, "usageLocation") // without which nobody gets a license
	}
	for _, s := range skus {
		out = append(out, directory.Licensed(s.ID))
	}
	return out
}

// readGroups finds the groups by id or name, and who is in each.
func (c *crowd) readGroups(ctx context.Context, dir admin.Directory, tenant string, w wanted) error {
	for text := range w.groups {
		var g directory.Group
		var err error
		if guid.MatchString(text) {
			g, err = dir.Group(ctx, directory.Ref{Tenant: tenant, ID: text})
			if fail.Is(err, fail.NotFound) {
				c.groups[text] = found{why: fail.T("There is no group %q.", text)}
				continue
			}
		} else {
			var l directory.Groups
			l, err = dir.Groups(ctx, tenant, directory.Query{Filter: "displayName eq '" + strings.ReplaceAll(text, "'", "''") + "'", Top: 2})
			switch {
			case err == nil && len(l.List) == 0:
				c.groups[text] = found{why: fail.T("There is no group %q.", text)}
				continue
			case err == nil && len(l.List) > 1:
				c.groups[text] = found{why: fail.T("Several groups are called %q. Write the object id of the one that is meant.", text)}
				continue
			case err == nil:
				g = l.List[0]
			}
		}
		if err != nil {
			return err
		}
		c.groups[text] = found{Group: g}
		if c.members[g.Ref.ID] != nil {
			continue
		}
		in := map[string]bool{}
		c.byID[g.Ref.ID], c.members[g.Ref.ID] = g, in
		members := func(ctx context.Context, _ string, q directory.Query) (directory.People, error) {
			return dir.Members(ctx, g.Ref, q)
		}
		if err := everybody(ctx, members, tenant, directory.Query{Top: page}, func(u directory.User) { in[u.Ref.ID] = true }); err != nil {
			return err
		}
	}
	return nil
}

// sku finds a product by its id, its string id or its name.
func (c *crowd) sku(text string) (directory.SKU, bool) {
	for _, s := range c.skus {
		if strings.EqualFold(s.ID, text) || strings.EqualFold(s.Part, text) || strings.EqualFold(directory.ProductName(s.Part), text) {
			return s, true
		}
	}
	return directory.SKU{}, false
}

// deleted finds somebody who can be restored. The directory puts the object id before the sign-in name of who was deleted.
// https://learn.microsoft.com/graph/api/directory-deleteditems-list
func (c *crowd) deleted(id, upn string) *directory.User {
	for _, u := range c.gone {
		name := strings.ToLower(u.Values["userPrincipalName"].Str())
		if id != "" && u.Ref.ID == id || id == "" && (name == upn || name == strings.ReplaceAll(u.Ref.ID, "-", "")+upn) {
			return u
		}
	}
	return nil
}
