package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/internal/web"
)

// org is an organization that people can sign in to.
type org struct{ Tenant, Name string }

// Mount puts the pages of these organizations, a Portal each, on the site that they share. The session's tenant chooses whose pages
// answer, in this one place, so that no page can be about another organization than the one that somebody signed in to (A28).
// Before anybody has signed in, and where there are several, they are those of a front that bears no organization's name.
func Mount(site *web.Site, all ...*Portal) error {
	front, err := front(all)
	if err != nil {
		return err
	}
	own := map[string]*Portal{}
	handlers := map[string]map[string]web.Handler{} // by tenant, then by method and path
	for _, p := range all {
		own[p.Tenant], handlers[p.Tenant] = p, map[string]web.Handler{}
		for _, r := range p.routes() {
			handlers[p.Tenant][r.Method+r.Path] = r.Handler
		}
	}
	of := func(v *web.Visit) *Portal {
		if v.Session == nil || len(all) == 1 {
			return front
		}
		return cmp.Or(own[v.Session.Ref.Tenant], front)
	}
	site.SetAssets(front.assets)
	site.SetPage(func(w http.ResponseWriter, r *http.Request, v *web.Visit, pr web.Problem) error {
		return of(v).problemPage(w, r, v, pr)
	})
	for _, r := range front.routes() {
		key, anybody := r.Method+r.Path, r.Handler
		if len(all) > 1 {
			r.Handler = func(w http.ResponseWriter, req *http.Request, v *web.Visit) error {
				if v.Session == nil {
					return anybody(w, req, v)
				}
				if h := handlers[v.Session.Ref.Tenant][key]; h != nil {
					return h(w, req, v)
				}
				return web.Refuse(http.StatusNotFound) // this organization has no such page
			}
		}
		site.Handle(r)
	}
	return nil
}

// front is what people see before it is known to which organization they belong: the one there is, or a Portal without a name that has
// every route of the others.
func front(all []*Portal) (*Portal, error) {
	if len(all) == 1 {
		return all[0], nil
	}
	d := all[max(0, slices.IndexFunc(all, func(p *Portal) bool { return p.Desk != nil }))].Deps
	d.Tenant, d.Brand.Name = "", ""
	f, err := New(d)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		f.orgs = append(f.orgs, org{p.Tenant, cmp.Or(p.Brand.Name, p.Tenant)})
	}
	slices.SortFunc(f.orgs, func(a, b org) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return f, nil
}

// orgChosen is the organization that a sign-in is for: the one that its address names, else the one of the last sign-in in this browser;
// false when neither is one of ours.
func (p *Portal) orgChosen(r *http.Request) (string, bool) {
	want := r.URL.Query().Get("tenant")
	if want == "" {
		want = p.Site.RememberedTenant(r)
	}
	return want, slices.ContainsFunc(p.orgs, func(c org) bool { return c.Tenant == want })
}

// orgView is an organization on the sign-in page.
type orgView struct {
	Name, Login string
	Last        bool // of the last sign-in in this browser
}

// orgViews are the organizations, the one of the last sign-in first. What the sign-in is to do goes on in q.
func (p *Portal) orgViews(r *http.Request, q url.Values) []orgView {
	last := p.Site.RememberedTenant(r)
	var out []orgView
	for _, c := range p.orgs {
		q.Set("tenant", c.Tenant)
		one := orgView{c.Name, "/login?" + q.Encode(), c.Tenant == last}
		if one.Last {
			out = slices.Insert(out, 0, one)
		} else {
			out = append(out, one)
		}
	}
	return out
}
