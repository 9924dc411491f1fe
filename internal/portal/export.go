package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// People, groups and members as spreadsheets. That they were taken out, how many and what for, stands in the history (A60).

type exportBody struct {
	Title, Lead  string
	Back, At     string
	Who          string
	Chosen       []filterView
	Keep         []hiddenView
	Formats      []optionView
	Scope, Token string
	As, Why      string
	Wrong        string
}

const exportScope = "export people"

// askExport asks in which layout, and what for.
func (p *Portal) askExport(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.showExport(w, r, v, &web.Form{Values: r.URL.Query()}, "")
}

// exported is what an export is of, as its form or address says it: a list of people, all groups, or the members of one.
type exported struct {
	what    string // "", "groups", or the object id of a group
	list    peopleQuery
	format  string
	as, why string
}

func readExport(q url.Values) (x exported, err error) {
	x = exported{what: q.Get("of"), format: q.Get("format"), as: q.Get("as"), why: q.Get("why")}
	if x.what != "" && x.what != "groups" && !isID(x.what) {
		return x, wrong("of")
	}
	list := url.Values{}
	for _, name := range listKeys {
		if q.Has(name) {
			list[name] = q[name]
		}
	}
	if x.list, err = readPeopleQuery(list); err == nil && x.list.view == "deleted" {
		err = wrong("view")
	}
	return x, err
}

func (p *Portal) showExport(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, bad string) error {
	pr, by, tenant := v.Printer, v.Actor(), v.Session.Ref.Tenant
	x, err := readExport(f.Values)
	if err != nil {
		return err
	}
	b := exportBody{
		Title: pr.S("Export people"), Lead: pr.S("One file with as much of them as you may see. It comes back in without a change."),
		Back: with("/admin/people", x.list.values()), At: "/admin/people/export", Scope: exportScope, Token: v.Token(exportScope), As: x.as, Why: x.why, Wrong: bad,
	}
	title := fail.T("Export people")
	switch x.what {
	case "":
		list, err := p.Desk.People(r.Context(), by, tenant, directory.Query{Filter: x.list.clauses(), Search: x.list.words, Top: 1, Count: true})
		if err != nil {
			return err
		}
		b.Who, b.Chosen = pr.S("%d people", list.Total), p.peopleBody(v, x.list).Chosen
		for _, o := range p.formats(v) {
			if _, _, people := sheet.Layout(o.Value, p.props); people {
				o.Selected = o.Value == x.format
				b.Formats = append(b.Formats, o.optionView)
			}
		}
		for name, values := range x.list.values() {
			b.Keep = append(b.Keep, hiddenView{name, values[0]})
		}
		slices.SortFunc(b.Keep, func(a, b hiddenView) int { return strings.Compare(a.Name, b.Name) })
	case "groups":
		title = fail.T("Export groups")
		b.Title, b.Lead, b.Back = pr.S("Export groups"), pr.S("One file with all groups."), "/admin/groups"
	default:
		g, _, err := p.Desk.Group(r.Context(), by, directory.Ref{Tenant: tenant, ID: x.what})
		if err != nil {
			return err
		}
		title = fail.T("Export members")
		b.Title, b.Who, b.Back = pr.S("Export members"), Clear(g.Name), "/admin/groups/"+x.what
		b.Lead = pr.S("One file with the direct members, as Entra's list of members has them.")
	}
	if x.what != "" {
		b.Keep = append(b.Keep, hiddenView{"of", x.what})
	}
	status := http.StatusOK
	if bad != "" {
		status = http.StatusUnprocessableEntity
	}
	here := "people"
	if x.what != "" {
		here = "groups"
	}
	return p.show(w, v, status, "export", p.desk(r, v, here, title, b))
}

// export sends the file.
func (p *Portal) export(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, why, bad, err := reasoned(r, v, exportScope)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool {
		return slices.Contains([]string{"of", "view", "q", "department", "filter", "format", "as", "why"}, k)
	}); err != nil {
		return err
	}
	x, err := readExport(f.Values)
	if err != nil {
		return err
	}
	if bad != "" {
		return p.showExport(w, r, v, f, bad)
	}
	r, done := v.Slowly(w, r, patient)
	defer done()
	by, tenant := v.Actor(), v.Session.Ref.Tenant
	on, n, name, what := directory.Ref{Tenant: tenant, ID: tenant}, 0, "people", change.ExportPeople
	b, kind, ext, err := written(x.as, func(to sheet.Writer) (err error) {
		switch x.what {
		case "":
			n, err = p.Bulk.ExportPeople(r.Context(), by, tenant, x.format, directory.Query{Filter: x.list.clauses(), Search: x.list.words}, to)
		case "groups":
			name, what = "groups", change.ExportGroups
			n, err = p.Bulk.ExportGroups(r.Context(), by, tenant, to)
		default:
			name, what, on.ID = "members", change.ExportMembers, x.what
			n, err = p.Bulk.ExportMembers(r.Context(), by, on, to)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := p.Keep.Exported(r.Context(), by, on, "", what, n, why); err != nil {
		return err
	}
	return sendFile(w, kind, name+"-"+p.Now().UTC().Format("2006-01-02")+ext, b)
}
