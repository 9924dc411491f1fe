package entra

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

const (
	atOnce  = 15               // values behind in: https://learn.microsoft.com/graph/filter-query-parameter
	lasting = 30 * time.Second // so long who holds a role is believed while many are read
)

// holders is who held a directory role at a moment.
type holders struct {
	roles map[string][]string
	at    time.Time
}

// Users implements directory.Many. Whoever can be read in a list is: fifteen in a filter, twenty filters in a request. The rest, and
// whoever a list does not show, are read one by one, as many as fit into a request.
func (d *Directory) Users(ctx context.Context, reads []directory.Read) []directory.Found {
	const op = "entra.users"
	out := make([]directory.Found, len(reads))
	left := make([]int, len(reads))
	for i := range reads {
		left[i] = i
	}
	if len(reads) > 1 {
		left = d.listed(ctx, op, reads, out)
	}
	var rs []*reading
	var of []int
	for _, i := range left {
		on := reads[i].On
		err := checked(op, on)
		var r *reading
		if err == nil {
			r, err = d.reading(op, directory.Authority{}, on.Tenant, person(on.ID), on.ID, reads[i].Ask)
		}
		if out[i].Err = err; err == nil {
			rs, of = append(rs, r), append(of, i)
		}
	}
	for _, ks := range byTenant(len(rs), func(k int) string { return reads[of[k]].On.Tenant }) {
		var items []graph.Item
		for _, k := range ks {
			items = append(items, rs[k].items...)
		}
		answers := rs[ks[0]].c.Many(ctx, items)
		for _, k := range ks {
			r := rs[k]
			out[of[k]].User, out[of[k]].Err = r.end(ctx, answers[:len(r.items)], nil)
			answers = answers[len(r.items):]
		}
	}
	return out
}

// byTenant puts those of n things together that go to the same tenant.
func byTenant(n int, of func(k int) string) (out [][]int) {
	at := map[string]int{}
	for k := range n {
		i, ok := at[of(k)]
		if !ok {
			i, at[of(k)], out = len(out), len(out), append(out, nil)
		}
		out[i] = append(out[i], k)
	}
	return out
}

// listed reads those who can be read in lists and says who is left.
func (d *Directory) listed(ctx context.Context, op string, reads []directory.Read, out []directory.Found) (left []int) {
	tenant := reads[0].On.Tenant
	var names []property.Name
	var who []int
	roles := false
	for i, r := range reads {
		_, err := d.columns(op, r.Ask.Names)
		more := r.Ask.Manager || r.Ask.Reports || r.Ask.Photo || r.Ask.Groups || r.Ask.Licenses // what no list tells
		for _, n := range r.Ask.Names {
			_, member := directory.GroupOf(n)
			more = more || member || directory.Stamp(n)
		}
		if err != nil || more || r.On.Tenant != tenant || checked(op, r.On) != nil {
			left = append(left, i)
			continue
		}
		who, roles = append(who, i), roles || r.Ask.Roles
		for _, n := range r.Ask.Names {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	cols, err := d.columns(op, names)
	c, cerr := d.client(op, directory.Authority{}, tenant)
	if err != nil || cerr != nil || len(who) < 2 {
		return append(left, who...)
	}
	var held map[string][]string
	if roles {
		if held, err = d.holders(ctx, tenant); err != nil {
			return append(left, who...) // each is asked by itself, and says why it cannot be
		}
	}
	var ids []string
	for _, i := range who {
		ids = append(ids, reads[i].On.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var items []graph.Item
	for l := range slices.Chunk(ids, atOnce) {
		opt := append([]string{"$select=" + sel(cols.fields), "$filter=" + url.QueryEscape("id in ('"+strings.Join(l, "','")+"')")}, cols.expand...)
		items = append(items, graph.Item{Method: http.MethodGet, Path: "/users?" + strings.Join(opt, "&")})
	}
	found := map[string]directory.User{}
	for _, a := range c.Many(ctx, items) {
		var l struct{ Value []json.RawMessage }
		if a.Decode(&l) != nil {
			continue
		}
		for _, raw := range l.Value {
			if u, err := cols.user(op, tenant, raw); err == nil {
				found[u.Ref.ID] = u
			}
		}
	}
	for _, i := range who {
		u, ok := found[reads[i].On.ID]
		if !ok {
			left = append(left, i)
			continue
		}
		u.Values = u.Values.Clone()
		if reads[i].Ask.Roles {
			if u.Roles = held[u.Ref.ID]; u.Roles == nil {
				u.Roles = []string{} // known to hold none
			}
		}
		out[i].User = u
	}
	slices.Sort(left)
	return left
}

// holders is RoleHolders, asked again only after a while.
func (d *Directory) holders(ctx context.Context, tenant string) (map[string][]string, error) {
	d.mu.Lock()
	h, ok := d.roles[tenant]
	d.mu.Unlock()
	if ok && d.o.Now().Sub(h.at) < lasting {
		return h.roles, nil
	}
	h.at = d.o.Now()
	var err error
	if h.roles, err = d.RoleHolders(ctx, tenant); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.roles[tenant] = h
	d.mu.Unlock()
	return h.roles, nil
}

// Writes implements directory.Many: twenty in a request. https://learn.microsoft.com/graph/json-batching
func (d *Directory) Writes(ctx context.Context, writes []directory.Write) []error {
	out := make([]error, len(writes))
	var ws []write
	var of []int
	for i, x := range writes {
		w, err := d.one(x)
		if out[i] = err; err == nil {
			ws, of = append(ws, w), append(of, i)
		}
	}
	for _, ks := range byTenant(len(ws), func(k int) string { return writes[of[k]].On.Tenant }) {
		var items []graph.Item
		for _, k := range ks {
			items = append(items, ws[k].item)
		}
		for n, a := range ws[ks[0]].c.Many(ctx, items) {
			out[of[ks[n]]] = ws[ks[n]].ended(ctx, a.Err)
		}
	}
	return out
}

// one is the request for one write among many.
func (d *Directory) one(x directory.Write) (write, error) {
	var as directory.Authority
	for n, v := range x.Set {
		if n == directory.FacetManager {
			return d.setManager(as, x.On, v.Str())
		}
		if n == directory.FacetAccount {
			return d.setAccount(as, x.On, v.Str())
		}
		if group, ok := directory.GroupOf(n); ok {
			return d.setMember(as, x.On, group, v.True())
		}
		if _, ok := directory.SKUOf(n); ok {
			return d.setLicenses(as, x.On, x.Set)
		}
	}
	return d.update(as, x.On, x.Set)
}
