package property

import (
	"fmt"
	"strings"
)

// Rule is one thing that a Def says of a property, in words.
type Rule struct {
	Name   string // the field of Facts: "Max", "SelfWrite"
	Says   string
	Mark   Mark
	Source string // address and date, or the reason
}

// Rules are the facts of a property with what each rests on.
func (d Def) Rules() []Rule {
	g := d.Graph
	var l []Rule
	add := func(name string, is bool, source string, says string, a ...any) {
		mark := Documented
		if source == "" {
			mark, source = g.Mark, g.Source
		}
		switch source {
		case fromSynced:
			mark = Observed
		case fromPerms, fromFilter:
			mark = Machine
		}
		told := false
		for _, n := range g.Apart {
			if n.Rule == name {
				mark, source, told = n.Mark, n.Source, true
			}
		}
		if !is && told {
			says, is = "not so: "+says, true
		}
		if is {
			l = append(l, Rule{name, fmt.Sprintf(says, a...), mark, source})
		}
	}
	add("Max", g.Max > 0, "", "at most %d characters", g.Max)
	if g.Items == 1 {
		add("Items", true, "", "one item")
	} else {
		add("Items", g.Items > 0, "", "at most %d items", g.Items)
	}
	add("Values", len(g.Values) > 0, "", "only %s", strings.Join(g.Values, ", "))
	add("ReadOnly", g.ReadOnly, "", "nobody writes it")
	add("AtCreation", g.AtCreation, fromCreate, "required when a person is created")
	add("NoNull", g.NoNull, "", "cannot be cleared")
	add("Secret", g.Secret, "", "is never returned")
	add("OnSelect", g.OnSelect && !g.Secret, "", "comes only when it is selected")
	add("Single", g.Single, fromGet, "comes only when one person is read")
	add("Alone", g.Alone, "", "needs a request of its own")
	add("Delegated", g.Delegated, "", "an application's own right never writes it")
	add("SelfWrite", g.SelfWrite, fromDefaults, "people write it on themselves with %s", strings.Join(g.WriteOwn, " or "))
	add("SyncLocked", g.SyncLocked, fromSynced, "read-only while the person is synced from on-premises")
	add("Sensitive", g.Sensitive, fromUsers, "on an administrator only a higher role writes it")
	add("Write", len(g.Write) > 0, fromPerms, "written with %s", strings.Join(g.Write, " or "))
	switch {
	case g.Filter != "" && g.Advanced != "":
		add("Filter", true, fromFilter, "filtered by %s; with ConsistencyLevel: eventual also by %s", g.Filter, g.Advanced)
	case g.Filter != "":
		add("Filter", true, fromFilter, "filtered by %s", g.Filter)
	case g.Advanced != "":
		add("Filter", true, fromFilter, "filtered only with ConsistencyLevel: eventual, by %s", g.Advanced)
	}
	return l
}

// Markdown is the reference page of a set: every property, what may be written in it and how.
func Markdown(s *Set) string {
	var b strings.Builder
	b.WriteString(`# Properties of a person

Generated from the catalog by ` + "`make docs`" + `. The name is Microsoft Graph's; it is the name in policy files, spreadsheets and the API.
What each fact rests on is in [verified.md](verified.md). Lengths count UTF-16 code units, so an emoji counts two. The last column is the
least permission with which an application writes it; User.ReadWrite.All and Directory.ReadWrite.All include the narrow ones of most.

`)
	for _, section := range Sections() {
		defs := s.In(section)
		if len(defs) == 0 {
			continue
		}
		fmt.Fprintf(&b, "## %s\n\n| name | label | kind | rules | permission |\n|---|---|---|---|---|\n", section)
		for _, d := range defs {
			kind := d.Kind.String()
			if d.Kind == KindTextList && d.Item != KindText {
				kind += " of " + d.Item.String()
			}
			var says []string
			for _, r := range d.Rules() {
				switch {
				case r.Name == "Filter", r.Name == "OnSelect", r.Name == "Write", strings.HasPrefix(r.Says, "not so"):
				default:
					says = append(says, r.Says)
				}
			}
			least := ""
			if len(d.Graph.Write) > 0 && !d.Graph.Delegated {
				least = d.Graph.Write[0]
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", d.Name, d.House.Label, kind, strings.Join(says, "; "), least)
		}
		b.WriteByte('\n')
	}
	b.WriteString(`## Properties of your own

Directory extensions (` + "`extension_<application id>_name`" + `), schema extensions (` + "`schemaId/name`" + `) and custom security attributes
(` + "`customSecurityAttributes/Set/name`" + `) are added by the policy file under ` + "`extensions`" + ` and then behave like the others.
`)
	return b.String()
}
