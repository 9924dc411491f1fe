package bulk

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// ExportRejects writes the rows of an applied plan that did not arrive, in our layout, so that the file can be planned again. The last
// column says why; it is not read.
func (b *Bulk) ExportRejects(ctx context.Context, by directory.Actor, tenant, id string, w Writing) (int, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, false); err != nil {
		return 0, err
	}
	var bad []Numbered
	names := map[property.Name]bool{}
	for q := (Query{State: Ready, N: page}); ; {
		rows, err := b.Rows(ctx, by, tenant, id, q)
		if err != nil {
			return 0, err
		}
		for _, r := range rows {
			q.After = r.Number
			if f := r.Fate; f == nil || f.State == change.Applied || f.State == change.Unchanged {
				continue
			}
			bad = append(bad, r)
			for _, s := range r.Steps {
				for n, v := range s.Set {
					c, _ := rejected(n, v, s.Names)
					names[c] = true
				}
			}
		}
		if len(rows) < page {
			break
		}
	}
	var columns []property.Name
	for n := range names {
		columns = append(columns, n)
	}
	slices.Sort(columns)
	head := []string{"id", "userPrincipalName"}
	for _, n := range columns {
		head = append(head, string(n))
	}
	if err := w.Row(append(head, "problem")); err != nil {
		return 0, err
	}
	for _, r := range bad {
		cells := map[property.Name][]string{}
		var why []string
		for k, s := range r.Steps {
			if f := r.Fate.Steps[k]; f.State == change.Applied || f.State == change.Unchanged {
				continue
			} else if !f.Say.Zero() {
				why = append(why, f.Say.String())
			}
			for n, v := range s.Set {
				if c, text := rejected(n, v, s.Names); text != admin.Hidden {
					cells[c] = append(cells[c], text)
				}
			}
		}
		row := []string{r.On.ID, r.UPN}
		for _, n := range columns {
			l := cells[n]
			slices.Sort(l)
			row = append(row, strings.Join(l, "; "))
		}
		if err := w.Row(append(row, strings.Join(why, " "))); err != nil {
			return 0, err
		}
	}
	return len(bad), nil
}

// rejected is the heading and the cell for a value that did not arrive.
func rejected(n property.Name, v property.Value, names map[string]string) (heading property.Name, cell string) {
	verb := property.Name(":add")
	if v.IsNull() {
		verb = ":remove"
	}
	if id, ok := directory.GroupOf(n); ok {
		return "groups" + verb, id
	}
	if id, ok := directory.SKUOf(n); ok {
		return "licenses" + verb, id
	}
	switch {
	case n == directory.FacetAccount && v.Str() == directory.Deleted:
		return "action", string(sheet.Delete)
	case n == directory.FacetAccount:
		return "action", string(sheet.Restore)
	case n == "userPrincipalName":
		n += ":new"
	}
	switch {
	case v.Empty():
		return n, sheet.Clear
	case n == change.PhotoName:
		return n, names[string(n)] // of the file, which has to come along again
	}
	return n, sheet.Show(v)
}
