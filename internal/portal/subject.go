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

// subjectBody is the page of one person, for those who look after them.
type subjectBody struct {
	Person       directory.Person
	At           string // address of this page
	Photo        string
	States       []badgeView
	Roles        bool // holds directory roles
	Sections     []sectionView
	Editing      string
	Scope, Token string
	Changed      []string
	Problems     []problemView
	ProblemTitle string
	Done         *doneView
	Notice       string
	Manager      *directory.Person
	Reports      []directory.Person
	Groups       []groupRow
	Licenses     []licenseRow
	Deeds        []deedView
	Closed       string // the one reason why nothing can be done, "" when something can
	Gone         bool   // deleted: nothing but the name is known, and nothing but restoring can be done
	MayManager   bool
	MayGroups    bool
	MayLicenses  bool
	Facts        []factView
	History      []entryView
	AllHistory   string
	Kept         string   // where what is kept of the person is taken out, "" for whoever may not
	Unread       []string // parts that the directory did not say
}

// deedView is something that can be done to a person beside editing.
type deedView struct {
	Label, Href, Icon, Say string
	Danger                 bool
}

type groupRow struct {
	Group              directory.Group
	Href, Kind         string
	Fixed              string // why its members cannot be picked here, "" when they can
	Action, ActionHref string
}

type licenseRow struct{ Name, Say, Problem string }

// subjectPhoto sends somebody's picture.
func (p *Portal) subjectPhoto(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	got, err := p.Desk.Photo(r.Context(), v.Actor(), on, 240)
	if err != nil {
		return err
	}
	return sendPhoto(w, got)
}

// subject shows one person, and the form to edit a section of them.
func (p *Portal) subject(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	one, err := p.Desk.Person(r.Context(), v.Actor(), on)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Get("recovered") != "" {
		if f := p.kept(r.Context(), v, r.URL.Path); f != nil {
			return p.review(w, r, v, one, f)
		}
	}
	d := drawing{p: v.Printer, user: one.User, fields: one.Fields, editing: editing(q.Get("edit"))}
	b := subjectBody{}
	if q.Get("unchanged") != "" {
		b.Notice = v.Printer.S("Nothing was saved, because nothing was different.")
	}
	if id := q.Get("done"); id != "" {
		if b.Done, err = p.doneBy(r.Context(), v, id, one); err != nil {
			return err
		}
	}
	return p.showSubject(w, r, v, http.StatusOK, one, d, b)
}

// doneBy tells what became of a change to this person.
func (p *Portal) doneBy(ctx context.Context, v *web.Visit, id string, one admin.Person) (*doneView, error) {
	e, err := p.deskEntry(ctx, v, id)
	if err != nil {
		return nil, err
	}
	if e.Change.On != one.Ref {
		return nil, web.Refuse(http.StatusNotFound)
	}
	return p.doneFor(v, e, one), nil
}

func (p *Portal) doneFor(v *web.Visit, e change.Entry, one admin.Person) *doneView {
	d := p.doneOf(v, e, one.Fields)
	d.Under, d.Undo, d.UndoFor, d.Again = "/admin", "", "", ""
	switch e.Outcome.State {
	case change.Unchanged:
		d.Lead = v.Printer.S("The directory already said that.")
	case change.Partly:
		d.Lead = v.Printer.S("Some of it was saved, the rest was not.")
	case change.Unverified:
		if e.Outcome.Unclear() {
			d.Lead = v.Printer.S("Microsoft 365 did not answer clearly. Nameplate keeps looking and notes the result in the history.")
			break
		}
		d.Lead = v.Printer.S("Microsoft 365 took the change but does not show it yet. This usually takes a few seconds; Nameplate keeps looking and notes the result in the history.")
	}
	d.Spread = d.Spread && e.Change.Do == change.Update
	if on, said := e.Outcome.After[enabled]; e.Outcome.State == change.Applied && (said && !on.True() || e.Change.Do == change.Sessions) {
		d.Lead, d.Spread = v.T(sayOpen), false
	}
	if e.Undoable() && admin.Writes(v.Actor()) {
		d.UndoFor = "undo " + e.ID
		d.Undo = v.Token(d.UndoFor)
	}
	return d
}

// showSubject completes the page and shows it.
func (p *Portal) showSubject(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, one admin.Person, d drawing, b subjectBody) error {
	pr := v.Printer
	b.Person, b.At = mention(one.User), personAddress(one.Ref)
	b.States, b.Roles = p.states(v, one.User, one.Gone), len(one.Roles) > 0
	if one.Seen && one.User.Photo != (directory.PhotoInfo{}) {
		b.Photo = b.At + "/photo?" + url.Values{"v": {strings.Trim(one.User.Photo.ETag, `"W/`)}}.Encode()
	}
	if b.Gone = one.Gone; !b.Gone {
		b.Sections = d.sections()
	}
	scope := []string{"person", one.Ref.ID, "fields", d.editing}
	for i := range b.Sections {
		for j := range b.Sections[i].Fields {
			f := &b.Sections[i].Fields[j]
			f.Fixed = true // nobody to ask: who looks after people is who others ask
			if !b.Sections[i].Editing {
				continue
			}
			b.Editing = d.editing
			if f.Write {
				scope = append(scope, f.Name)
				if f.WasError {
					b.Changed = append(b.Changed, f.Label)
				}
			}
			if f.Error != "" {
				b.Problems = append(b.Problems, problemView{Href: "#" + f.ID, Label: f.Label, Say: f.Error})
			}
		}
	}
	if b.Editing != "" {
		b.Scope = strings.Join(scope, " ")
		b.Token = v.Token(b.Scope)
		return p.show(w, v, status, "subject", p.desk(r, v, "people", fail.T("People"), b))
	}
	b.Manager, b.Reports = one.Manager, one.Reports
	for _, m := range one.Missing {
		if _, field := p.props.Def(property.Name(m.What)); !field {
			b.Unread = append(b.Unread, p.labelFor(v, property.Name(m.What), nil))
		}
	}
	b.MayManager, b.MayGroups, b.MayLicenses = one.Actions[change.Manager].Yes, one.Actions[change.Member].Yes, one.Actions[change.License].Yes
	for _, g := range one.User.Groups {
		b.Groups = append(b.Groups, p.groupRow(v, g))
	}
	if err := p.licenseRows(r.Context(), v, one, &b); err != nil {
		return err
	}
	b.Deeds, b.Closed = p.deedsOf(v, one)
	b.Facts = []factView{{pr.S("Sign-in name"), b.Person.UPN}}
	b.Facts = slices.DeleteFunc(b.Facts, func(f factView) bool { return f.Value == "" })
	past, err := p.Desk.History(r.Context(), v.Actor(), one.Ref.Tenant, change.Search{On: one.Ref.ID}, 0, 5)
	if err != nil {
		return err
	}
	undone := takenBack(past)
	for _, e := range past {
		b.History = append(b.History, p.entryBy(v, e, undone[e.ID]))
	}
	if slices.Contains(v.Actor().Roles, directory.Admin) {
		b.Kept = b.At + "/kept"
	}
	b.AllHistory = with("/admin/history", url.Values{"on": {one.Ref.ID}})
	return p.show(w, v, status, "subject", p.desk(r, v, "people", fail.T("People"), b))
}

// edit takes what a section's form showed and the reader changed: first it shows what will happen, then it is done.
func (p *Portal) edit(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	f, err := v.Form(r)
	if err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return web.Refuse(http.StatusBadRequest)
	}
	one, err := p.Desk.Person(r.Context(), v.Actor(), on)
	if err != nil {
		return err
	}
	return p.review(w, r, v, one, f)
}

// subjectScope reads the scope of a person's form, which holds for that person only.
func subjectScope(scope string, on directory.Ref) (key string, names []string, ok bool) {
	rest, mine := strings.CutPrefix(scope, "person "+on.ID+" ")
	if !mine {
		return "", nil, false
	}
	return scopeNames(rest)
}

// review is a person's form on its way: to what will happen ("Before you save"), back to the fields, or to the engine.
func (p *Portal) review(w http.ResponseWriter, r *http.Request, v *web.Visit, one admin.Person, f *web.Form) error {
	key, names, ok := subjectScope(f.Scope, one.Ref)
	if !ok {
		return web.Refuse(http.StatusBadRequest)
	}
	if err := f.Only(func(k string) bool {
		return k == "step" || k == "why" || slices.Contains(names, strings.TrimPrefix(k, "was."))
	}); err != nil {
		return err
	}
	set, expect, twice := p.different(f, names)
	if len(twice) > 0 {
		say := map[string]string{}
		for _, n := range twice {
			say[n] = v.Printer.S("This field was sent more than once. Enter one value.")
		}
		return p.editSubject(w, r, v, http.StatusUnprocessableEntity, one, f, key, nil, say)
	}
	if f.Get("step") == "edit" {
		return p.editSubject(w, r, v, http.StatusOK, one, f, key, nil, nil)
	}
	if len(set) == 0 {
		http.Redirect(w, r, personAddress(one.Ref)+"?unchanged=1", http.StatusSeeOther)
		return nil
	}
	t := task{
		c: change.Change{On: one.Ref, Do: change.Update, Set: set, Expect: expect, By: v.Actor()}, one: one, at: personAddress(one.Ref),
		scope: f.Scope, keep: f.Values, edit: true,
	}
	if _, renamed := set["userPrincipalName"]; renamed {
		t.warn = append(t.warn, v.Printer.S("The new sign-in name is needed at the next sign-in, on every device. Mail addresses do not change with it, and OneDrive addresses change some time later."))
		t.warn = append(t.warn, v.Printer.S("What was set up with the old name may have to be set up again: passkeys and Authenticator registrations, synced devices, programs that know people by this name."))
	}
	t.wrong = func(status int, problem *fail.Error, say map[string]string) error {
		return p.editSubject(w, r, v, status, one, f, key, problem, say)
	}
	return p.step(w, r, v, t, f)
}

// editSubject shows the form with everything that was typed, and what is wrong with it.
func (p *Portal) editSubject(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, one admin.Person, f *web.Form, key string, problem *fail.Error, say map[string]string) error {
	d := drawing{p: v.Printer, user: one.User, fields: one.Fields, typed: valuesOf(f), was: p.shown(f), errors: say, editing: editing(key)}
	b := subjectBody{}
	if len(say) > 0 || problem != nil {
		b.ProblemTitle = v.Printer.S("Nothing was saved yet")
	}
	if problem != nil {
		b.Problems = []problemView{problemOf(v, problem, v.ID)}
	}
	return p.showSubject(w, r, v, status, one, d, b)
}
