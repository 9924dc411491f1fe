package portal

import (
	"net/http"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// chartPath is the top of the organization chart; below it stands whose part is shown.
const chartPath = "/admin/chart"

// chartMost is how many reports of one person a page shows; who has more is told so.
const chartMost = 500

type chartBody struct {
	Above   []chartRow
	Person  *chartRow
	Reports []chartRow
	More    bool   // there are more reports than are shown
	Wrong   string // what is wrong with the managers above
	Alone   string // who has neither manager nor reports
	Circles [][]directory.Person
	Lost    []directory.Person
	AsOf    time.Time
	Empty   *emptyView
}

type chartRow struct {
	Person directory.Person
	Href   string // of their part of the chart, "" when nobody is below them
	Says   string // how many reports
}

func (p *Portal) chartRow(v *web.Visit, c admin.Charted) chartRow {
	r := chartRow{Person: c.Person}
	if r.Person.Name == "" {
		r.Person.Name = r.Person.Ref.ID
	}
	if c.Reports > 0 {
		r.Href, r.Says = chartPath+"/"+c.Ref.ID, v.Printer.S("Direct reports: %d", c.Reports)
	}
	return r
}

// chart shows the managers above somebody and who reports to them; without anybody the top, and whose manager is not right.
func (p *Portal) chart(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	by, tenant, id := v.Actor(), v.Session.Ref.Tenant, r.PathValue("id")
	if id != "" && !isID(id) {
		return web.Refuse(http.StatusNotFound)
	}
	c, err := p.Desk.Chart(r.Context(), by, tenant, id, chartMost+1)
	title := fail.T("Organization chart")
	if fail.Is(err, fail.Unavailable) {
		b := chartBody{Empty: &emptyView{"people", v.Printer.S("There is no chart yet"), v.Printer.S("It is made from a copy of the directory. An operator makes one with nameplate sync, or has it kept by the setting sync_every."), "/admin/people", v.Printer.S("People")}}
		return p.show(w, v, http.StatusOK, "chart", p.desk(r, v, "people", title, b))
	}
	if err != nil {
		return err
	}
	b := chartBody{AsOf: c.AsOf}
	for _, a := range c.Above {
		b.Above = append(b.Above, p.chartRow(v, a))
	}
	for _, a := range c.Reports[:min(len(c.Reports), chartMost)] {
		b.Reports = append(b.Reports, p.chartRow(v, a))
	}
	b.More = len(c.Reports) > chartMost
	switch {
	case c.Circle:
		b.Wrong = v.Printer.S("These managers go round in a circle: the one at the top reports to somebody further down. Change one of them.")
	case c.Lost:
		b.Wrong = v.Printer.S("The manager above is not in the directory any more. Choose another one.")
	}
	if c.Person != nil {
		one := p.chartRow(v, *c.Person)
		b.Person = &one
		return p.show(w, v, http.StatusOK, "chart", p.desk(r, v, "people", title, b))
	}
	if c.Alone > 0 {
		b.Alone = v.Printer.S("Without a manager and without reports: %d", c.Alone)
	}
	astray, err := p.Desk.Astray(r.Context(), by, tenant)
	if err != nil {
		return err
	}
	b.Circles, b.Lost = astray.Circles, astray.Lost
	return p.show(w, v, http.StatusOK, "chart", p.desk(r, v, "people", title, b))
}
