package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// Choosing for a person: a manager, groups, licenses. What can be chosen is looked for by an address; a choice leads to the page that
// says what it would change.

// chooseBody is a page on which somebody or something is looked for and chosen.
type chooseBody struct {
	Title, Lead, Label string
	Name, At, Back     string
	Query              string
	Now                string // what is there now
	None, NoneLabel    string // address of choosing nobody
	People             []choiceRow
	Groups             []groupRow
	Has                []groupRow // groups that somebody is in
	HasTitle           string
	Count              string
	Asked              bool
	Closed             string
}

type choiceRow struct {
	Person directory.Person
	Href   string
	States []badgeView
}

const choices = 20

// lookFor finds people by the beginnings of their names and addresses.
func (p *Portal) lookFor(ctx context.Context, v *web.Visit, words string) ([]directory.User, error) {
	if words == "" {
		return nil, nil
	}
	if len(words) > 200 {
		return nil, wrong("q")
	}
	list, err := p.Desk.People(ctx, v.Actor(), v.Session.Ref.Tenant, directory.Query{Search: words, Names: []property.Name{"jobTitle", enabled}, Top: choices})
	return list.List, err
}

// chooser is the part that all pages for choosing have.
func (p *Portal) chooser(r *http.Request, v *web.Visit) (admin.Person, chooseBody, error) {
	on, err := target(r, v)
	if err != nil {
		return admin.Person{}, chooseBody{}, err
	}
	one, err := p.Desk.Person(r.Context(), v.Actor(), on)
	if err != nil {
		return one, chooseBody{}, err
	}
	return one, chooseBody{Name: mention(one.User).Name, At: r.URL.Path, Back: personAddress(on), Query: strings.TrimSpace(r.URL.Query().Get("q"))}, nil
}

func (p *Portal) managerTask(v *web.Visit, one admin.Person, to string, was property.Value) task {
	set := property.Text(to)
	if to == "none" {
		set = property.Null()
	}
	at := personAddress(one.Ref) + "/manager"
	t := task{
		c:   change.Change{On: one.Ref, Do: change.Manager, Set: property.Values{directory.FacetManager: set}, Expect: property.Values{directory.FacetManager: was}, By: v.Actor(), Names: map[string]string{}},
		one: one, at: at, scope: "manager " + one.Ref.ID, keep: url.Values{"to": {to}, "was": {encodeValue(was)}},
	}
	if one.Manager != nil {
		t.c.Names[one.Manager.Ref.ID] = one.Manager.Name
	}
	return t
}

// managed is who is the manager now, as a facet's value.
func managed(one admin.Person) property.Value {
	if one.Manager == nil {
		return property.Null()
	}
	return property.Text(one.Manager.Ref.ID)
}

func (p *Portal) chooseManager(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, b, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Get("recovered") != "" {
		if f := p.kept(r.Context(), v, r.URL.Path); f != nil {
			return p.toManager(w, r, v, one, f)
		}
	}
	if to := q.Get("to"); to != "" {
		return p.toManager(w, r, v, one, &web.Form{Values: url.Values{"to": {to}, "was": {encodeValue(managed(one))}}})
	}
	b.Title, b.Label = v.Printer.S("Choose a manager"), v.Printer.S("Look for a person")
	b.Now = v.Printer.S("Nobody")
	if one.Manager != nil {
		b.Now = one.Manager.Name
		b.None, b.NoneLabel = b.At+"?to=none", v.Printer.S("No manager")
	}
	if a := one.Actions[change.Manager]; !a.Yes {
		b.Closed = v.T(a.Why)
	}
	found, err := p.lookFor(r.Context(), v, b.Query)
	if err != nil {
		return err
	}
	for _, u := range found {
		if u.Ref != one.Ref {
			b.People = append(b.People, choiceRow{mention(u), b.At + "?" + url.Values{"to": {u.Ref.ID}}.Encode(), p.states(v, u, false)})
		}
	}
	b.Asked, b.Count = b.Query != "", v.Printer.S("%d people", len(b.People))
	return p.show(w, v, http.StatusOK, "choose", p.desk(r, v, "people", fail.T("Choose a manager"), b))
}

func (p *Portal) saveManager(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, _, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	f, err := v.FormFor(r, "manager "+one.Ref.ID)
	if err != nil {
		return err
	}
	return p.toManager(w, r, v, one, f)
}

func (p *Portal) toManager(w http.ResponseWriter, r *http.Request, v *web.Visit, one admin.Person, f *web.Form) error {
	if err := f.Only(func(k string) bool { return slices.Contains([]string{"step", "why", "to", "was"}, k) }); err != nil {
		return err
	}
	to, was, err := choice(f)
	if err != nil || to != "none" && !isID(to) {
		return wrong("to")
	}
	t := p.managerTask(v, one, to, was)
	if to != "none" {
		boss, err := p.Desk.Find(r.Context(), v.Actor(), one.Ref.Tenant, to)
		if err != nil {
			return err
		}
		t.c.Names[boss.Ref.ID] = mentionName(boss)
	}
	return p.step(w, r, v, t, f)
}

func mentionName(m directory.Person) string {
	for _, s := range []string{m.Name, m.UPN} {
		if s != "" {
			return s
		}
	}
	return m.Ref.ID
}

// choice reads what a page for choosing sent: what is to be, and what was there when it was shown.
func choice(f *web.Form) (to string, was property.Value, err error) {
	if len(f.Values["to"]) != 1 || len(f.Values["was"]) != 1 {
		return "", was, wrong("to")
	}
	was, ok := decodeValue(property.Def{}, f.Get("was"))
	if !ok {
		return "", was, wrong("was")
	}
	return f.Get("to"), was, nil
}

// kinds of groups, in words.
func groupKind(v *web.Visit, g directory.Group) string {
	switch g.Kind {
	case directory.Microsoft365Group:
		return v.Printer.S("Microsoft 365 group")
	case directory.MailSecurityGroup:
		return v.Printer.S("Mail-enabled security group")
	case directory.DistributionGroup:
		return v.Printer.S("Distribution list")
	}
	return v.Printer.S("Security group")
}

// fixedGroup says why nobody picks the members of a group here by hand; "" when one can.
func fixedGroup(v *web.Visit, g directory.Group) string {
	switch g.Fixed() {
	case "dynamic":
		return v.Printer.S("Its rule picks the members.")
	case "synced":
		return v.Printer.S("It comes from on-premises and is changed there.")
	case "mail":
		return v.Printer.S("It is kept by Exchange.")
	}
	if g.Assignable {
		return v.Printer.S("It can hold directory roles.")
	}
	return ""
}

func (p *Portal) groupRow(v *web.Visit, g directory.Group) groupRow {
	return groupRow{Group: g, Href: "/admin/groups/" + g.Ref.ID, Kind: groupKind(v, g), Fixed: fixedGroup(v, g)}
}

// chooseGroup shows the groups of a person, and looks for others.
func (p *Portal) chooseGroup(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, b, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Get("recovered") != "" {
		if f := p.kept(r.Context(), v, r.URL.Path); f != nil {
			return p.toGroup(w, r, v, one, f)
		}
	}
	for param, member := range map[string]bool{"join": true, "leave": false} {
		if id := q.Get(param); id != "" {
			to := map[bool]string{true: "join ", false: "leave "}[member] + id
			f := &web.Form{Values: url.Values{"to": {to}, "was": {encodeValue(property.Null())}}}
			if slices.ContainsFunc(one.User.Groups, func(g directory.Group) bool { return g.Ref.ID == id }) {
				f.Set("was", encodeValue(property.Bool(true)))
			}
			if back := q.Get("from"); back == "group" {
				f.Set("from", back)
			}
			return p.toGroup(w, r, v, one, f)
		}
	}
	b.Title, b.Label, b.HasTitle = v.Printer.S("Groups"), v.Printer.S("Look for a group"), v.Printer.S("Member of")
	if a := one.Actions[change.Member]; !a.Yes {
		b.Closed = v.T(a.Why)
	}
	in := map[string]bool{}
	for _, g := range one.User.Groups {
		in[g.Ref.ID] = true
		row := p.groupRow(v, g)
		if row.Fixed == "" || g.Assignable && p.mayJoin(v, g) {
			row.Action, row.ActionHref = v.Printer.S("Take out"), b.At+"?"+url.Values{"leave": {g.Ref.ID}}.Encode()
		}
		b.Has = append(b.Has, row)
	}
	if b.Query != "" {
		if len(b.Query) > 200 {
			return wrong("q")
		}
		found, err := p.Desk.Groups(r.Context(), v.Actor(), one.Ref.Tenant, directory.Query{Search: b.Query, Top: choices})
		if err != nil {
			return err
		}
		for _, g := range found.List {
			row := p.groupRow(v, g)
			if !in[g.Ref.ID] && p.mayJoin(v, g) {
				row.Action, row.ActionHref = v.Printer.S("Add"), b.At+"?"+url.Values{"join": {g.Ref.ID}}.Encode()
			}
			b.Groups = append(b.Groups, row)
		}
	}
	b.Asked, b.Count = b.Query != "", v.Printer.S("%d groups", len(b.Groups))
	return p.show(w, v, http.StatusOK, "choose", p.desk(r, v, "people", fail.T("Groups"), b))
}

func (p *Portal) mayJoin(v *web.Visit, g directory.Group) bool {
	return p.Desk.MayJoin(v.Actor(), g).Yes
}

func (p *Portal) saveGroup(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, _, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	f, err := v.FormFor(r, "group "+one.Ref.ID)
	if err != nil {
		return err
	}
	return p.toGroup(w, r, v, one, f)
}

func (p *Portal) toGroup(w http.ResponseWriter, r *http.Request, v *web.Visit, one admin.Person, f *web.Form) error {
	if err := f.Only(func(k string) bool { return slices.Contains([]string{"step", "why", "to", "was", "from"}, k) }); err != nil {
		return err
	}
	to, was, err := choice(f)
	way, id, _ := strings.Cut(to, " ")
	if err != nil || way != "join" && way != "leave" || !isID(id) {
		return wrong("to")
	}
	g, _, err := p.Desk.Group(r.Context(), v.Actor(), directory.Ref{Tenant: one.Ref.Tenant, ID: id})
	if err != nil {
		return err
	}
	n := directory.MemberOf(id)
	set := property.Null()
	if way == "join" {
		set = property.Bool(true)
	}
	t := task{
		c:   change.Change{On: one.Ref, Do: change.Member, Set: property.Values{n: set}, Expect: property.Values{n: was}, By: v.Actor(), Names: map[string]string{string(n): g.Name}},
		one: one, at: personAddress(one.Ref) + "/groups", scope: "group " + one.Ref.ID, keep: url.Values{"to": {to}, "was": {encodeValue(was)}},
	}
	if way == "leave" {
		t.warn = append(t.warn, v.Printer.S("Whatever this group gives goes with it: access, licenses, mail that is sent to it."))
	}
	if f.Get("from") == "group" {
		t.back = "/admin/groups/" + id
		t.keep.Set("from", "group")
	}
	return p.step(w, r, v, t, f)
}
