package bulk

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// Writing is what an export is written to.
type Writing interface {
	Row(cells []string) error
}

// ExportPeople writes people in a format, as far as the actor may see them: those of the filter and the search of q. It says how many.
func (b *Bulk) ExportPeople(ctx context.Context, by directory.Actor, tenant, format string, q directory.Query, w Writing) (int, error) {
	head, columns, ok := sheet.Layout(format, b.Desk.Policy.Properties())
	if !ok {
		return 0, noFormat(format)
	}
	var use []int
	var names []property.Name
	for i, c := range columns {
		switch d, _ := b.Desk.Policy.Properties().Def(c.Name); {
		case c.Use == sheet.Set && (!admin.Listed(d) || !b.Desk.Policy.SeesOfAll(by, tenant, c.Name)):
			if format == sheet.Own {
				continue // another program's columns have their places
			}
		case c.Use == sheet.Set:
			names = append(names, c.Name)
		case c.Use == sheet.Manager:
			names = append(names, directory.FacetManager)
		}
		use = append(use, i)
	}
	for i, row := range head {
		if i == len(head)-1 {
			row = picked(row, use)
		}
		if err := w.Row(row); err != nil {
			return 0, err
		}
	}
	n := 0
	var broken error
	err := everybody(ctx, b.seen(by), tenant, directory.Query{Names: names, Filter: q.Filter, Search: q.Search, Top: page}, func(u directory.User) {
		cells := make([]string, len(columns))
		for i, c := range columns {
			switch c.Use {
			case sheet.ID:
				cells[i] = u.Ref.ID
			case sheet.UPN:
				cells[i] = u.Values["userPrincipalName"].Str()
			case sheet.Set:
				cells[i] = c.Cell(u.Values[c.Name])
			case sheet.Manager:
				if m := u.Manager; m != nil {
					cells[i] = m.UPN
					if m.UPN == "" { // hidden
						cells[i] = m.Ref.ID
					}
				}
			}
		}
		n++
		if err := w.Row(picked(cells, use)); err != nil && broken == nil {
			broken = err
		}
	})
	if err == nil {
		err = broken
	}
	return n, err
}

// seen lists people through the eyes of an actor.
func (b *Bulk) seen(by directory.Actor) func(context.Context, string, directory.Query) (directory.People, error) {
	return func(ctx context.Context, tenant string, q directory.Query) (directory.People, error) {
		return b.Desk.People(ctx, by, tenant, q)
	}
}

func picked(row []string, use []int) []string {
	out := make([]string, len(use))
	for i, j := range use {
		out[i] = row[j]
	}
	return out
}

func noFormat(name string) error {
	names := []string{sheet.Own}
	for _, f := range sheet.Formats() {
		if f.Act == sheet.Update || f.Act == sheet.Ensure {
			names = append(names, f.Name)
		}
	}
	f := fail.New(fail.Invalid, "bulk.export", fail.T("People are not written in a format %[1]q. There are: %[2]s.", name, strings.Join(names, ", ")))
	f.Code = "format"
	return f
}

// ExportGroups writes all groups.
func (b *Bulk) ExportGroups(ctx context.Context, by directory.Actor, tenant string, w Writing) (int, error) {
	if err := w.Row([]string{"id", "displayName", "description", "mail", "kind", "membershipRule", "onPremisesSyncEnabled"}); err != nil {
		return 0, err
	}
	q := directory.Query{Top: page}
	for n := 0; ; {
		l, err := b.Desk.Groups(ctx, by, tenant, q)
		if err != nil {
			return n, err
		}
		for _, g := range l.List {
			if err := w.Row([]string{g.Ref.ID, g.Name, g.Description, g.Mail, string(g.Kind), g.Rule, property.Bool(g.Synced).String()}); err != nil {
				return n, err
			}
			n++
		}
		if q.Page = l.Next; q.Page == "" {
			return n, nil
		}
	}
}

// ExportMembers writes the people who are direct members of a group as Entra's list of members has them.
func (b *Bulk) ExportMembers(ctx context.Context, by directory.Actor, group directory.Ref, w Writing) (int, error) {
	formats := sheet.Formats()
	i := slices.IndexFunc(formats, func(f sheet.Format) bool { return f.Act == sheet.Join })
	for _, row := range [][]string{{"version:v1.0"}, formats[i].Headings} {
		if err := w.Row(row); err != nil {
			return 0, err
		}
	}
	n := 0
	var broken error
	list := func(ctx context.Context, _ string, q directory.Query) (directory.People, error) {
		return b.Desk.Members(ctx, by, group, q)
	}
	err := everybody(ctx, list, group.Tenant, directory.Query{Top: page}, func(u directory.User) {
		n++
		if err := w.Row([]string{u.Ref.ID}); err != nil && broken == nil {
			broken = err
		}
	})
	if err == nil {
		err = broken
	}
	return n, err
}
