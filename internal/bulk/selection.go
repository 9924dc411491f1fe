package bulk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// Selected is the Kind of a plan that was made from a selection of people and not from a file; its File says the same.
const Selected = "selection"

// Selection is who is meant, and what is to become of all of them.
type Selection struct {
	IDs            []string // object ids; or, with All, everybody in the list of Filter and Search
	All            bool
	Filter, Search string // as directory.Query has them
	Set            property.Values
	Manager        *string  // sign-in name or object id; "" takes it away
	Join, Leave    []string // groups, by name or id
	Give, Take     []string // products, by string id, name or id
}

// Picked is what a plan keeps of who was meant.
type Picked struct {
	People         int // picked by hand; 0 is everybody in the list of Filter and Search
	Filter, Search string
}

// mostPicked is how many people can be named one by one.
const mostPicked = 20_000

// PlanSelection compares what is to become of a selection with the directory and keeps what it would change, as MakePlan does with a
// file: each of the people is a row.
func (b *Bulk) PlanSelection(ctx context.Context, by directory.Actor, tenant string, s Selection) (Plan, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, true); err != nil {
		return Plan{}, err
	}
	q := directory.Query{Filter: s.Filter, Search: s.Search}
	if err := b.whole(by, tenant, s, q); err != nil {
		return Plan{}, err
	}
	said, err := json.Marshal(s)
	if err != nil {
		return Plan{}, fail.Wrap(fail.Internal, "bulk.selection", err)
	}
	sum := sha256.Sum256(said)
	m := b.making(by, tenant, Plan{File: Selected, Sum: hex.EncodeToString(sum[:]), Picked: &Picked{Filter: s.Filter, Search: s.Search}})
	m.columns = s.columns()
	m.plan.About = sheet.About{Kind: Selected, Format: sheet.Own, Columns: m.columns}
	w := newWanted()
	w.columns(m.columns)
	if s.All {
		w.picked = []directory.Query{q}
	}
	for _, id := range s.IDs {
		w.ids[id] = true
	}
	if s.Manager != nil {
		w.boss(*s.Manager)
	}
	w.named(sheet.Record{Join: s.Join, Leave: s.Leave, Give: s.Give, Take: s.Take})
	if m.crowd, err = b.read(ctx, tenant, w); err != nil {
		return Plan{}, err
	}
	who := m.crowd.picked
	if !s.All {
		who = slices.Compact(slices.Sorted(slices.Values(s.IDs)))
		m.plan.Picked.People = len(who)
	}
	m.each = func(do func(sheet.Record) error) error {
		for i, id := range who {
			if err := do(s.record(i+1, id)); err != nil {
				return err
			}
		}
		return nil
	}
	m.told = func() (sheet.About, []sheet.Problem) { return m.plan.About, nil }
	return m.make(ctx)
}

// whole refuses a selection that says nobody, nothing, or asks for what is hidden from the actor.
func (b *Bulk) whole(by directory.Actor, tenant string, s Selection, q directory.Query) error {
	refuse := func(code, item string, say fail.Text) error {
		f := fail.New(fail.Invalid, "bulk.selection", say)
		f.Code, f.Item = code, item
		return f
	}
	switch {
	case !s.All && len(s.IDs) == 0:
		return refuse("nobody", "", fail.T("Nobody was picked."))
	case len(s.IDs) > mostPicked:
		return refuse("too_many", "", fail.T("At most %d people are picked one by one. Use a filter, or a file.", mostPicked))
	case len(s.Set) == 0 && s.Manager == nil && len(s.Join)+len(s.Leave)+len(s.Give)+len(s.Take) == 0:
		return refuse("nothing", "", fail.T("Nothing was said that should change."))
	}
	for _, id := range s.IDs {
		if !guid.MatchString(id) {
			return refuse("not_an_id", id, fail.T("%q is no object id. One looks like 87d349ed-44d7-43e1-9a83-5f2406dee5bd.", id))
		}
	}
	for n := range s.Set {
		if _, ok := b.Desk.Policy.Properties().Def(n); !ok {
			return refuse("unknown", string(n), fail.T("There is no property called %q.", string(n)))
		}
	}
	if !s.All {
		return nil
	}
	return b.Desk.Askable(by, tenant, q)
}

// columns are those that a file of the same would have.
func (s Selection) columns() (out []sheet.Column) {
	out = append(out, sheet.Column{Use: sheet.ID})
	for _, n := range s.Set.Names() {
		out = append(out, sheet.Column{Heading: string(n), Use: sheet.Set, Name: n})
	}
	if s.Manager != nil {
		out = append(out, sheet.Column{Heading: "manager", Use: sheet.Manager})
	}
	for _, c := range []struct {
		use  sheet.Use
		said []string
	}{{sheet.JoinTo, s.Join}, {sheet.LeaveOf, s.Leave}, {sheet.Give, s.Give}, {sheet.Take, s.Take}} {
		if len(c.said) > 0 {
			out = append(out, sheet.Column{Heading: string(c.use), Use: c.use})
		}
	}
	return out
}

// record is the row of one person.
func (s Selection) record(n int, id string) sheet.Record {
	r := sheet.Record{Line: n, Act: sheet.Update, ID: id, Manager: s.Manager, Join: s.Join, Leave: s.Leave, Give: s.Give, Take: s.Take}
	for _, n := range s.Set.Names() {
		r.Cells = append(r.Cells, sheet.Cell{Name: n, Text: cmp.Or(sheet.Show(s.Set[n]), sheet.Clear), Value: s.Set[n], Place: sheet.Problem{Heading: string(n)}})
	}
	return r
}
