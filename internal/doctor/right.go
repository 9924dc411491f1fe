package doctor

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/explain"
	"nameplate/internal/property"
)

// passwords is what a reset writes, for its explanation.
func passwords() []property.Facts {
	def, _ := property.Catalog().Def("passwordProfile")
	return []property.Facts{def.Graph}
}

func allows(needs, grants []string) bool { return explain.Covered(needs, grants) }

// rights proves each feature: the application's token, what it carries, and a read for each need that a read can show.
func (d *Doctor) rights(ctx context.Context) []Finding {
	held, err := d.o.Graph.Held(ctx)
	if err != nil {
		a := explain.FromGraph(err, explain.Token)
		if len(a.Numbers) == 0 && a.Err == nil {
			a.Broken = "the token cannot be read"
		}
		return []Finding{told("credential", "the application gets no token", "everything that the application does itself", explain.Explain(a))}
	}
	out := []Finding{{Code: "credential", Level: OK, What: "the application gets its token"}}
	if len(held.Permissions) == 0 {
		f := explain.Explain(explain.Answer{Status: 403, Code: "Authorization_RequestDenied", Grants: []string{}})
		return append(out, told("consent", "the application has no permission at all", "everything that the application does itself", f))
	}
	needed := Least(d.o.Features)
	for _, f := range d.o.Features {
		out = append(out, d.feature(ctx, f, held.Permissions, held.Roles)...)
	}
	var excess []string
	for _, p := range held.Permissions {
		without := slices.DeleteFunc(slices.Clone(held.Permissions), func(x string) bool { return x == p })
		necessary := slices.ContainsFunc(d.o.Features, func(f Feature) bool {
			return slices.ContainsFunc(f.Needs, func(n Need) bool { return allows(n.Permits, held.Permissions) && !allows(n.Permits, without) })
		})
		switch {
		case slices.Contains(needed, p):
		case necessary:
			out = append(out, Finding{
				Code: "wide:" + p, Level: Note, What: p + " allows more than the chosen features need", Do: "replace it by the least: " + strings.Join(needed, ", "),
			})
		default:
			excess = append(excess, p)
		}
	}
	slices.Sort(excess)
	if len(excess) > 0 {
		f := Finding{
			Code: "excess", Level: Warning, What: "the application has " + strings.Join(excess, ", ") + ", which no chosen feature needs",
			Do: "take it away: nameplate setup --remove, or App registrations, API permissions, Remove permission and Revoke consent", Evidence: "the chosen features need " + strings.Join(needed, ", "),
		}
		out = append(out, f)
	}
	return out
}

func (d *Doctor) feature(ctx context.Context, f Feature, permissions, roles []string) []Finding {
	var out []Finding
	for _, n := range f.Needs {
		if !allows(n.Permits, permissions) {
			x := explain.Explain(explain.Answer{Status: 403, Code: "Authorization_RequestDenied", Grants: permissions, Needs: n.Permits})
			out = append(out, told("feature:"+f.Name, "to "+n.What+" the application lacks "+strings.ReplaceAll(n.Permits[0], "+", " and "), f.For, x))
			continue
		}
		if n.Role != "" && !slices.ContainsFunc(higher, func(r string) bool { return slices.Contains(roles, r) }) {
			x := explain.Explain(explain.Answer{Status: 403, Code: "Authorization_RequestDenied", Grants: permissions, Needs: n.Permits, Doing: explain.Writing, Set: passwords()})
			out = append(out, told("role:"+f.Name, "to "+n.What+" the application's service principal lacks a directory role", f.For, x))
			continue
		}
		if n.Probe == "" {
			continue
		}
		var answer struct{}
		if err := d.o.Graph.Get(ctx, n.Probe, &answer); err != nil {
			a := explain.FromGraph(err, explain.Reading)
			a.Grants, a.Needs = permissions, n.Permits
			out = append(out, told("feature:"+f.Name, "a probe failed: "+n.What, f.For, explain.Explain(a)))
		}
	}
	if len(out) == 0 {
		return []Finding{{Code: "feature:" + f.Name, Level: OK, What: f.For + " works"}}
	}
	return out
}
