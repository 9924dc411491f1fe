package mirror

import (
	"context"
	"slices"
	"time"

	"nameplate/internal/fail"
)

// Boss is somebody in the organization chart.
type Boss struct {
	Person
	Reports int // people who have them as their manager
}

// Chart is the part of the organization chart around somebody, or its top.
type Chart struct {
	Above   []Boss // managers, the highest first; without Person itself
	Circle  bool   // the managers go round in a circle: Above ends where it closes
	Lost    bool   // the highest of Above, or Person, has a manager who is not there any more
	Person  *Boss  // nil: the top
	Reports []Boss // by name; of the top: who has no manager and has reports
	Alone   int    // of the top: how many have neither
	AsOf    time.Time
}

// Astray are people whose manager is not right.
type Astray struct {
	Circles [][]Person // each the people of one circle of managers, in its order
	Lost    []Person   // their manager is not there any more
}

const (
	mostAbove  = 100  // managers above each other; a longer chain is cut
	mostAstray = 1000 // people who are told
)

func (m *Mirror) whole(ctx context.Context, tenant, op string) (time.Time, error) {
	s, err := m.Store.State(ctx, tenant)
	if err == nil && s.Whole.IsZero() {
		err = fail.New(fail.Unavailable, op, fail.T("There is no whole copy of the directory yet. The chart is made from it: run nameplate sync, or set sync_every."))
	}
	return s.Whole, err
}

// Chart is what is around a person, "" is the top; at most so many reports. fail.NotFound is nobody of the copy, fail.Unavailable no copy.
func (m *Mirror) Chart(ctx context.Context, tenant, id string, most int) (Chart, error) {
	const op = "mirror.chart"
	asOf, err := m.whole(ctx, tenant, op)
	if err != nil {
		return Chart{}, err
	}
	c := Chart{AsOf: asOf}
	if id == "" {
		if c.Alone, err = m.Store.Alone(ctx, tenant); err != nil {
			return c, err
		}
		c.Reports, err = m.Store.Reports(ctx, tenant, "", most)
		return c, err
	}
	seen := []string{id}
	for at := id; ; {
		b, err := m.Store.Boss(ctx, tenant, at)
		if fail.Is(err, fail.NotFound) && c.Person != nil {
			c.Lost = true
			break
		}
		if err != nil {
			return c, err
		}
		if c.Person == nil {
			c.Person = &b
		} else {
			c.Above = append(c.Above, b)
		}
		if b.Manager == nil || *b.Manager == "" || len(c.Above) == mostAbove {
			break
		}
		if at = *b.Manager; slices.Contains(seen, at) {
			c.Circle = true
			break
		}
		seen = append(seen, at)
	}
	slices.Reverse(c.Above)
	c.Reports, err = m.Store.Reports(ctx, tenant, id, most)
	return c, err
}

// Astray finds circles of managers, and people whose manager is not there any more; the first thousand people of each.
func (m *Mirror) Astray(ctx context.Context, tenant string) (Astray, time.Time, error) {
	const op = "mirror.astray"
	asOf, err := m.whole(ctx, tenant, op)
	if err != nil {
		return Astray{}, asOf, err
	}
	above := map[string]string{}
	if err := m.Store.Managed(ctx, tenant, func(id, manager string) error { above[id] = manager; return nil }); err != nil {
		return Astray{}, asOf, err
	}
	var circles [][]string
	done := map[string]bool{}
	told := 0
	for id := range above {
		var way []string
		at := id
		for at != "" && !done[at] {
			done[at] = true
			way = append(way, at)
			at = above[at]
		}
		if i := slices.Index(way, at); i >= 0 && told < mostAstray { // it came back to somebody of this very way
			circles, told = append(circles, way[i:]), told+len(way[i:])
		}
	}
	var out Astray
	for _, c := range circles {
		rows, err := m.Store.People(ctx, tenant, c)
		if err != nil {
			return out, asOf, err
		}
		first := slices.Index(c, slices.Min(c)) // so that it is told in the same way each time
		var people []Person
		for _, id := range append(c[first:len(c):len(c)], c[:first]...) {
			people = append(people, rows[id])
		}
		out.Circles = append(out.Circles, people)
	}
	slices.SortFunc(out.Circles, func(a, b []Person) int { return slices.Compare([]string{Fold(a[0].Name)}, []string{Fold(b[0].Name)}) })
	out.Lost, err = m.Store.Lost(ctx, tenant, mostAstray)
	return out, asOf, err
}
