package portal

import (
	"net/http"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// The policy as people read it, and as one person is seen by it.

type rulesBody struct {
	Parts      []rulePart
	Privileged string
	As         string // sign-in name as written
	Person     *directory.Person
	Fields     []rightRow
	Problem    string
}

type rulePart struct {
	Title, When string
	Lines       []ruleLine
	Actions     []ruleLine
}

type ruleLine struct{ Label, View, Edit string }

type rightRow struct {
	Label, Reason string
	Write         bool
}

func (p *Portal) rules(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	b := rulesBody{As: strings.TrimSpace(r.URL.Query().Get("as"))}
	if len(b.As) > 300 || strings.ContainsRune(b.As, 0) {
		return wrong("as")
	}
	status := http.StatusOK
	if b.As != "" {
		one, err := p.Desk.Find(r.Context(), v.Actor(), v.Session.Ref.Tenant, b.As)
		switch {
		case fail.Is(err, fail.NotFound), fail.Is(err, fail.Invalid):
			status, b.Problem = http.StatusNotFound, v.Printer.S("There is nobody with that sign-in name or object ID.")
		case err != nil:
			return err
		default:
			fields, err := p.Desk.OwnForm(r.Context(), v.Actor(), one.Ref)
			if err != nil {
				return err
			}
			one.Name = mentionName(one)
			b.Person = &one
			for _, f := range fields {
				row := rightRow{Label: v.T(label(f)), Write: f.Write}
				if !f.Write {
					row.Reason = v.T(f.Reason)
				}
				b.Fields = append(b.Fields, row)
			}
		}
	}
	t := p.Desk.Policy.Table()
	b.Parts = []rulePart{{Title: v.Printer.S("Everybody"), Lines: p.ruleLines(v, t.Properties), Actions: p.ruleLines(v, t.Actions)}}
	for i, x := range t.Rules {
		one := rulePart{Title: x.Name, When: x.When, Lines: p.ruleLines(v, x.Properties), Actions: p.ruleLines(v, x.Actions)}
		if one.Title == "" {
			one.Title = v.Printer.S("Rule %d", i+1)
		}
		b.Parts = append(b.Parts, one)
	}
	if b.Privileged = who(v, t.Over); b.Privileged == "" {
		b.Privileged = v.Printer.S("Nobody")
	}
	return p.show(w, v, status, "policy", p.desk(r, v, "policy", fail.T("Policy"), b))
}

// ruleLines are rows of the policy in words.
func (p *Portal) ruleLines(v *web.Visit, rows []policy.Row) []ruleLine {
	var out []ruleLine
	for _, r := range rows {
		l := ruleLine{Label: p.labelFor(v, property.Name(r.Name), nil), View: who(v, r.View), Edit: who(v, r.Edit)}
		if name := actionName(v, change.Action(r.Name)); name != "" {
			l.Label = name
		}
		if r.Name == "*" {
			l.Label = v.Printer.S("All others")
		}
		out = append(out, l)
	}
	return out
}

// who is an audience of the policy file in words; "" where a rule says nothing.
func who(v *web.Visit, audience []string) string {
	var all []string
	for _, a := range audience {
		group, is := strings.CutPrefix(a, "group:")
		switch {
		case is:
			a = v.Printer.S("Group %s", group)
		case a == policy.Self:
			a = v.Printer.S("The person")
		case a == policy.Nobody:
			a = v.Printer.S("Nobody")
		case a == string(directory.Admin):
			a = v.Printer.S("Administrators")
		case a == string(directory.Editor):
			a = v.Printer.S("Editors")
		case a == string(directory.Approver):
			a = v.Printer.S("Approvers")
		case a == string(directory.Auditor):
			a = v.Printer.S("Auditors")
		}
		all = append(all, a)
	}
	return join(v.Printer, all)
}

func actionName(v *web.Visit, do change.Action) string {
	switch do {
	case change.Create:
		return v.Printer.S("Add people")
	case change.Manager:
		return v.Printer.S("Choose a manager")
	case change.Member:
		return v.Printer.S("Put into groups and take out")
	case change.License:
		return v.Printer.S("Give and take licenses")
	case change.Account:
		return v.Printer.S("Delete and restore")
	case change.Password:
		return v.Printer.S("Reset password")
	case change.Sessions:
		return v.Printer.S("End sign-ins")
	}
	return ""
}
