package admin

import (
	"context"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/mirror"
)

// Charted is somebody in the organization chart, as the actor may see them.
type Charted struct {
	directory.Person
	Reports int
}

// Chart is mirror.Chart as the actor may see it.
type Chart struct {
	Above        []Charted
	Circle, Lost bool
	Person       *Charted
	Reports      []Charted
	Alone        int
	AsOf         time.Time
}

// Astray are people whose manager is not right, as the actor may see them.
type Astray struct {
	Circles [][]directory.Person
	Lost    []directory.Person
	AsOf    time.Time
}

// titled is what is told of people who are only named in a chart.
func titled(tenant string, p mirror.Person) directory.Person {
	return directory.Person{Ref: directory.Ref{Tenant: tenant, ID: p.ID}, Name: p.Name, UPN: p.UPN, Title: p.Text("jobTitle")}
}

// Chart is the organization chart around somebody, by object id, or its top; at most so many reports. It is read from the copy of the
// directory; fail.Unavailable when there is none.
func (d *Desk) Chart(ctx context.Context, by directory.Actor, tenant, id string, most int) (Chart, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return Chart{}, err
	}
	m, err := d.Copy.Chart(ctx, tenant, id, most)
	if err != nil {
		return Chart{}, err
	}
	seen := func(l []mirror.Boss) (out []Charted) {
		for _, b := range l {
			out = append(out, Charted{d.mentions(by, []directory.Person{titled(tenant, b.Person)})[0], b.Reports})
		}
		return out
	}
	c := Chart{Above: seen(m.Above), Circle: m.Circle, Lost: m.Lost, Reports: seen(m.Reports), Alone: m.Alone, AsOf: m.AsOf}
	if m.Person != nil {
		c.Person = &seen([]mirror.Boss{*m.Person})[0]
	}
	return c, nil
}

// Astray finds circles of managers and people whose manager is not there any more.
func (d *Desk) Astray(ctx context.Context, by directory.Actor, tenant string) (Astray, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return Astray{}, err
	}
	m, asOf, err := d.Copy.Astray(ctx, tenant)
	if err != nil {
		return Astray{}, err
	}
	seen := func(l []mirror.Person) (out []directory.Person) {
		for _, p := range l {
			out = append(out, titled(tenant, p))
		}
		return d.mentions(by, out)
	}
	a := Astray{Lost: seen(m.Lost), AsOf: asOf}
	for _, c := range m.Circles {
		a.Circles = append(a.Circles, seen(c))
	}
	return a, nil
}
