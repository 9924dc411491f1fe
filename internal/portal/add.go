package portal

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// Adding a person: a form like that of a profile, the page before it is done, and the first password, shown once.

const (
	addPath  = "/admin/people/new"
	addScope = "add a person"
)

type addBody struct {
	At, Back     string
	Sections     []sectionView
	Editing      string
	Scope, Token string
	Problems     []problemView
	ProblemTitle string
}

// askAdd shows the form, or after one more sign-in what was about to be done.
func (p *Portal) askAdd(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if r.URL.Query().Get("recovered") != "" {
		if kept := p.kept(r.Context(), v, r.URL.Path); kept != nil && kept.Scope == addScope {
			return p.addStep(w, r, v, kept)
		}
	}
	fields, err := p.Desk.Newcomer(v.Actor(), v.Session.Ref.Tenant)
	if err != nil {
		return err
	}
	return p.showAdd(w, r, v, http.StatusOK, fields, &web.Form{}, nil, nil)
}

// add takes the form.
func (p *Portal) add(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.FormFor(r, addScope)
	if err != nil {
		return err
	}
	return p.addStep(w, r, v, f)
}

// addStep is the form on its way: to the page before, back to the fields, or to the engine.
func (p *Portal) addStep(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form) error {
	by, tenant := v.Actor(), v.Session.Ref.Tenant
	fields, err := p.Desk.Newcomer(by, tenant)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool {
		return k == "step" || k == "why" || slices.ContainsFunc(fields, func(x policy.Field) bool { return string(x.Def.Name) == strings.TrimPrefix(k, "was.") })
	}); err != nil {
		return err
	}
	set := property.Values{}
	for _, x := range fields {
		if value := readText(x.Def, strings.Join(f.Values[string(x.Def.Name)], "\n"), property.Null()); !value.Empty() {
			set[x.Def.Name] = value
		}
	}
	again := func(status int, problem *fail.Error, say map[string]string) error {
		return p.showAdd(w, r, v, status, fields, f, problem, say)
	}
	if f.Get("step") == "edit" {
		return again(http.StatusOK, nil, nil)
	}
	secret, err := admin.NewPassword(p.Random)
	if err != nil {
		return err
	}
	one := admin.Person{User: directory.User{Ref: directory.Ref{Tenant: tenant}, Values: set}, Fields: fields}
	t := task{
		c: change.Change{On: one.Ref, Do: change.Create, Set: set, Secret: secret, By: by}, one: one, at: addPath, back: "/admin/people",
		title: fail.T("Add this person?"), save: fail.T("Add"), icon: "plus", scope: addScope, keep: f.Values, edit: true, wrong: again,
		warn: []string{
			v.T(fail.T("You see the first password once, on the next page. Tell it to the person; it has to be changed at the first sign-in.")),
			v.T(fail.T("Manager, groups and licenses are given afterwards, on the person's page.")),
		},
	}
	t.done = func(out change.Outcome) error { return p.added(w, r, v, one, out) }
	return p.step(w, r, v, t, f)
}

// added shows the first password, this one time.
func (p *Portal) added(w http.ResponseWriter, r *http.Request, v *web.Visit, one admin.Person, out change.Outcome) error {
	e, err := p.deskEntry(r.Context(), v, out.Entry)
	if err != nil {
		return err
	}
	b := passwordBody{Title: v.T(fail.T("First password")), Person: mention(one.User), At: "/admin/people"}
	if out.Created != "" {
		one.Ref.ID = out.Created
		b.At = personAddress(one.Ref)
	}
	b.Done = p.doneFor(v, e, one)
	if b.Password, err = p.Desk.Reveal(r.Context(), v.Actor(), one.Ref.Tenant, out.Entry); err != nil && !fail.Is(err, fail.NotFound) {
		return err
	}
	return p.show(w, v, http.StatusOK, "password", p.desk(r, v, "people", fail.T("First password"), b))
}

func (p *Portal) showAdd(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, fields []policy.Field, f *web.Form, problem *fail.Error, say map[string]string) error {
	blank := directory.User{Ref: directory.Ref{Tenant: v.Session.Ref.Tenant}, Values: property.Values{}, Enabled: true}
	for _, x := range fields {
		blank.Values[x.Def.Name] = property.Null()
	}
	fields = slices.Clone(fields)
	for i := range fields {
		if n := fields[i].Def.Name; n == "mailNickname" || n == "accountEnabled" {
			fields[i].Required = false // left empty they are what is before the @, and yes
		}
	}
	d := drawing{p: v.Printer, user: blank, fields: fields, typed: valuesOf(f), errors: say, editing: "all"}
	b := addBody{At: addPath, Back: "/admin/people", Editing: "all", Scope: addScope, Token: v.Token(addScope)}
	for _, s := range d.sections() {
		if len(s.Fields) > 0 {
			b.Sections = append(b.Sections, s)
		}
		for _, x := range s.Fields {
			if x.Error != "" {
				b.Problems = append(b.Problems, problemView{Href: "#" + x.ID, Label: x.Label, Say: x.Error})
			}
		}
	}
	// Who it is comes first: their sign-in name stands there.
	slices.SortStableFunc(b.Sections, func(x, y sectionView) int {
		switch {
		case x.Managed == y.Managed:
			return 0
		case x.Managed:
			return -1
		}
		return 1
	})
	if problem != nil {
		b.Problems = append(b.Problems, problemOf(v, problem, v.ID))
	}
	if len(b.Problems) > 0 {
		b.ProblemTitle = v.Printer.S("Nothing was saved yet")
	}
	return p.show(w, v, status, "add", p.desk(r, v, "people", fail.T("Add a person"), b))
}
