package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// profileBody is what the profile page shows.
type profileBody struct {
	Name, Title, Department, Mail, UPN string
	ID                                 string // for the color of the initials
	Photo                              string // address, "" for none
	CanPhoto                           bool
	Missing                            []missingView
	Sections                           []sectionView
	Manager                            *directory.Person
	Reports                            []directory.Person
	PeopleUnread                       bool
	Guest                              bool
	Delegated                          bool
	Synced                             bool
	At                                 string // address of the page
	Editing                            string // key of the section that is edited, "all", or ""
	Scope, Token                       string
	Problems                           []problemView
	ProblemTitle                       string
	Done                               *doneView
	Notice                             string // one sentence on top, "" for none
	Others                             []otherView
	OthersSince                        string
	SeenToken                          string
	Changed                            []string // labels of what is typed and not saved
}

type missingView struct{ Label, Href string }

type problemView struct {
	Href, Label, Say string
	Why              *whyView
}

type otherView struct{ Label, Was, Now string }

// read asks the directory for the signed-in person and draws the fields. It asks with the application's right, for a person's own
// token does not show who their manager and reports are; without such a right it asks with the person's own, and says what is missing.
func (p *Portal) read(ctx context.Context, v *web.Visit) (directory.User, []policy.Field, error) {
	names := p.Form.Names()
	if !slices.Contains(names, "preferredLanguage") {
		names = append(slices.Clone(names), "preferredLanguage")
	}
	ask := directory.Ask{Names: names, Manager: true, Reports: true, Roles: true, Photo: true}
	as := directory.Authority{}
	if p.Delegated {
		as = directory.Own(v.Session.ID)
	}
	at := p.Now()
	u, err := p.Reader.User(ctx, as, v.Session.Ref, ask)
	if err != nil {
		return directory.User{}, nil, again(err)
	}
	if u.Enabled {
		p.Access.Confirm(v.Session.ID, at)
	}
	return u, p.Form.Form(v.Actor(), u), nil
}

func (p *Portal) profile(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	u, fields, err := p.read(r.Context(), v)
	if err != nil {
		return p.orConfirm(w, r, v, err)
	}
	p.Site.Prefer(w, r, v, u.Values["preferredLanguage"].Str())
	q := r.URL.Query()
	d := drawing{p: v.Printer, user: u, fields: fields, editing: editing(q.Get("edit"))}
	body := profileBody{}
	if id := q.Get("done"); id != "" {
		if body.Done, err = p.done(r.Context(), v, id, fields); err != nil {
			return err
		}
	}
	if id := q.Get("again"); id != "" {
		p.retype(r.Context(), v, id, &d)
	}
	if q.Get("recovered") != "" {
		if p.recover(r.Context(), v, &d) {
			body.Notice = v.Printer.S("Your session had ended before you saved. What you typed is below and has not been saved yet: look at it and save.")
		}
	}
	if q.Get("unchanged") != "" {
		body.Notice = v.Printer.S("Nothing was saved, because nothing was different.")
	}
	if d.editing == "" && body.Done == nil {
		p.others(r.Context(), v, u, fields, &body)
	}
	p.fill(v, &body, d)
	return p.show(w, v, http.StatusOK, "profile", p.page(r, v, "profile", fail.T("My profile"), body))
}

// editing is the section that an address asks to edit.
func editing(key string) string {
	if key == "all" {
		return key
	}
	for _, s := range sections {
		if s.key == key {
			return key
		}
	}
	return ""
}

// fill completes the page from a drawing.
func (p *Portal) fill(v *web.Visit, b *profileBody, d drawing) {
	u := d.user
	text := func(name property.Name) string { return u.Values[name].Str() }
	b.Name, b.Title, b.Department, b.Mail, b.UPN = text("displayName"), text("jobTitle"), text("department"), text("mail"), text("userPrincipalName")
	if b.Name == "" {
		b.Name = v.Session.Name
	}
	if b.UPN == "" {
		b.UPN = v.Session.UPN
	}
	if name := account(b.UPN); name != b.UPN {
		if b.UPN = b.Mail; b.UPN == "" {
			b.UPN = name
		}
	}
	b.ID, b.Guest, b.Delegated, b.Synced = u.Ref.ID, u.Guest, p.Delegated, u.Sync == directory.Synced
	if u.Photo != (directory.PhotoInfo{}) {
		b.Photo = photoAddress(u.Photo)
	}
	f, _ := p.Form.Photo(v.Actor(), u)
	b.CanPhoto = f.Write
	b.Manager, b.Reports = u.Manager, u.Reports
	for _, m := range u.Missing {
		b.PeopleUnread = b.PeopleUnread || m.What == "manager" || m.What == "reports"
	}
	b.Sections, b.At = d.sections(), "/profile"
	b.Editing = ""
	var scope []string
	for i, s := range b.Sections {
		if !s.Editing {
			continue
		}
		b.Editing = d.editing
		for _, f := range b.Sections[i].Fields {
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
		b.Scope = "fields " + d.editing + " " + strings.Join(scope, " ")
		b.Token = v.Token(b.Scope)
	}
	b.Missing = missing(v, b, d)
}

// wanted are what a colleague would look for first; a profile without them, or without what the policy requires, has something
// missing, if the person may fill it in.
var wanted = []property.Name{"jobTitle", "department", "mobilePhone", "businessPhones", "officeLocation", "city", "country", "aboutMe", "preferredLanguage"}

func missing(v *web.Visit, b *profileBody, d drawing) []missingView {
	var out []missingView
	if b.Photo == "" && b.CanPhoto {
		out = append(out, missingView{v.Printer.S("Photo"), "/profile/photo"})
	}
	for _, s := range b.Sections {
		for _, f := range s.Fields {
			if f.Empty && f.Write && !f.Unread && (f.Required || slices.Contains(wanted, property.Name(f.Name))) {
				out = append(out, missingView{f.Label, "/profile?edit=" + s.Key + "#" + f.ID})
			}
		}
	}
	return out
}

// save takes what the form showed and the person changed, as one change. The target is the session's person, whatever the
// request says (A21).
func (p *Portal) save(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.Form(r)
	if f != nil && err != nil {
		return p.foreign(w, r, v, f, err)
	}
	if err != nil {
		return err
	}
	key, names, ok := scopeNames(f.Scope)
	if !ok || r.URL.RawQuery != "" {
		return web.Refuse(http.StatusBadRequest)
	}
	if err := f.Only(func(k string) bool { return slices.Contains(names, strings.TrimPrefix(k, "was.")) }); err != nil {
		return err
	}
	set, expect, twice := p.different(f, names)
	if len(twice) > 0 {
		say := map[string]string{}
		for _, n := range twice {
			say[n] = v.Printer.S("This field was sent more than once. Enter one value.")
		}
		return p.editAgain(w, r, v, http.StatusUnprocessableEntity, key, f, nil, say)
	}
	if len(set) == 0 {
		http.Redirect(w, r, "/profile?unchanged=1", http.StatusSeeOther)
		return nil
	}
	out, err := p.Engine.Apply(r.Context(), change.Change{Key: "form/" + f.Nonce, On: v.Session.Ref, Do: change.Update, Set: set, Expect: expect, By: v.Actor()})
	if err != nil {
		return p.keepAndFail(w, r, v, f, key, err)
	}
	return p.saved(w, r, v, f, key, set, out)
}

// scopeNames reads the scope of a profile form: which section it edits and which fields it showed.
func scopeNames(scope string) (key string, names []string, ok bool) {
	words := strings.Fields(scope)
	if len(words) < 2 || words[0] != "fields" {
		return "", nil, false
	}
	return words[1], words[2:], true
}

// different is what a form changes against what it showed: the values, what was shown of them, and fields that came twice. A
// field that did not come is left alone (W3).
func (p *Portal) different(f *web.Form, names []string) (set, expect property.Values, twice []string) {
	set, expect = property.Values{}, property.Values{}
	for _, n := range names {
		texts, came := f.Values[n]
		def, known := p.props.Def(property.Name(n))
		if !came || !known {
			continue
		}
		was, readable := decodeValue(def, f.Get("was."+n))
		if !readable {
			continue
		}
		if len(texts) > 1 || len(f.Values["was."+n]) > 1 {
			twice = append(twice, n)
			continue
		}
		if sameText(texts[0], inputText(def, was)) {
			continue
		}
		set[def.Name], expect[def.Name] = readText(def, texts[0], was), was
	}
	return set, expect, twice
}

// saved leads to the page that fits the outcome.
func (p *Portal) saved(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, key string, set property.Values, out change.Outcome) error {
	switch out.State {
	case change.Conflicted:
		return p.conflictPage(w, r, v, set, out)
	case change.Refused, change.Failed:
		if claims, ok := access.Challenge(errorOf(out)); ok {
			return p.confirm(w, r, v, f, claims)
		}
		status := http.StatusUnprocessableEntity
		if out.State == change.Failed {
			status = http.StatusServiceUnavailable
		}
		return p.editAgain(w, r, v, status, key, f, out.Problem, problemsOf(v, out))
	}
	p.sawOwn(r.Context(), v, out, set)
	if saved, left, claims := challenged(out); claims != "" {
		return p.confirmRest(w, r, v, f, saved, left, claims)
	}
	http.Redirect(w, r, "/profile?done="+url.QueryEscape(out.Entry), http.StatusSeeOther)
	return nil
}

// challenged sorts the names of an outcome of which Microsoft wants one more proof for a part: what has been sent off, and what is
// left. No claims: there is no such part.
func challenged(out change.Outcome) (saved, left []property.Name, claims string) {
	for _, part := range out.Parts {
		switch part.State {
		case change.Applied, change.Unchanged, change.Unverified:
			saved = append(saved, part.Names...)
			continue
		}
		left = append(left, part.Names...)
		if part.Problem != nil && claims == "" {
			claims, _ = access.Challenge(part.Problem)
		}
	}
	return saved, left, claims
}

// errorOf is the problem of an outcome or of the first part that has one.
func errorOf(out change.Outcome) error {
	if out.Problem != nil {
		return out.Problem
	}
	for _, part := range out.Parts {
		if part.Problem != nil {
			return part.Problem
		}
	}
	return nil
}

// problemsOf are the sentences of an outcome by field.
func problemsOf(v *web.Visit, out change.Outcome) map[string]string {
	say := map[string]string{}
	add := func(e *fail.Error, names []property.Name) {
		if e == nil {
			return
		}
		for _, f := range e.Fields {
			if f.Field != "" {
				say[f.Field] = v.T(f.Say)
			}
		}
		for _, n := range names {
			if say[string(n)] == "" && !e.Say.Zero() {
				say[string(n)] = v.T(e.Say)
			}
		}
	}
	add(out.Problem, nil)
	for _, part := range out.Parts {
		if part.State != change.Applied && part.State != change.Unchanged {
			add(part.Problem, part.Names)
		}
	}
	return say
}

// editAgain shows the form with everything that was typed, the problems beside their fields and a summary on top.
func (p *Portal) editAgain(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, key string, f *web.Form, problem *fail.Error, say map[string]string) error {
	u, fields, err := p.read(r.Context(), v)
	if err != nil {
		// The directory does not answer: the form is drawn from what it carried itself, so that nothing typed is lost.
		u = directory.User{Ref: v.Session.Ref, Values: p.shown(f)}
		fields = p.fieldsShown(f)
		if len(fields) == 0 {
			return err
		}
	}
	d := drawing{p: v.Printer, user: u, fields: fields, typed: valuesOf(f), was: p.shown(f), errors: say, editing: key}
	body := profileBody{}
	if problem != nil {
		pr := web.ProblemOf(problem)
		body.ProblemTitle = v.T(pr.Title)
		if status == http.StatusUnprocessableEntity {
			body.ProblemTitle = v.Printer.S("Nothing was saved yet")
		}
		body.Problems = []problemView{problemOf(v, problem, v.ID)}
		if pr.Status == http.StatusServiceUnavailable {
			body.Problems = append(body.Problems, problemView{Say: v.Printer.S("What you typed is still here. Wait a moment and save again.")})
			if pr.Retry > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(pr.Retry.Seconds()+0.999)))
			}
		}
	} else {
		body.ProblemTitle = v.Printer.S("Nothing was saved yet")
	}
	p.fill(v, &body, d)
	return p.show(w, v, status, "profile", p.page(r, v, "profile", fail.T("My profile"), body))
}

// shown is what the form had shown of each of its fields.
func (p *Portal) shown(f *web.Form) property.Values {
	was := property.Values{}
	for k := range f.Values {
		if n, ok := strings.CutPrefix(k, "was."); ok {
			if def, known := p.props.Def(property.Name(n)); known {
				if val, readable := decodeValue(def, f.Get(k)); readable {
					was[def.Name] = val
				}
			}
		}
	}
	return was
}

func (p *Portal) fieldsShown(f *web.Form) []policy.Field {
	var fields []policy.Field
	_, names, _ := scopeNames(f.Scope)
	for _, n := range names {
		if def, ok := p.props.Def(property.Name(n)); ok {
			fields = append(fields, policy.Field{Def: def, Write: true})
		}
	}
	return fields
}

// keepAndFail answers a save that the engine did not begin, without losing what was typed.
func (p *Portal) keepAndFail(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, key string, err error) error {
	if claims, ok := access.Challenge(err); ok {
		return p.confirm(w, r, v, f, claims)
	}
	problem := fail.Wrap(fail.KindOf(err), "portal.save", err)
	problem.Say = sayOf(err)
	status := web.StatusOf(problem.Kind)
	p.Log.Error("save", "request", v.ID, "err", err.Error())
	return p.editAgain(w, r, v, status, key, f, problem, map[string]string{})
}

// others is what changed since the person last looked, without their doing here.
func (p *Portal) others(ctx context.Context, v *web.Visit, u directory.User, fields []policy.Field, b *profileBody) {
	last, err := p.Access.Seen(ctx, u.Ref)
	if fail.Is(err, fail.NotFound) {
		p.putSeen(ctx, v, u)
		return
	}
	if err != nil {
		p.Log.Warn("last visit", "request", v.ID, "err", err.Error())
		return
	}
	news := false
	for _, f := range fields {
		was, knew := last.Values[f.Def.Name]
		now, knows := u.Values[f.Def.Name]
		if !knows || (knew && was.Equal(now)) || (was.Empty() && now.Empty()) {
			continue
		}
		if !knew {
			news = true
			continue
		}
		o := otherView{Label: v.T(label(f))}
		o.Was, _, _ = look(v.Printer, f.Def, was)
		o.Now, _, _ = look(v.Printer, f.Def, now)
		b.Others = append(b.Others, o)
	}
	if len(b.Others) > 0 {
		b.OthersSince = v.Printer.Date(last.At)
		b.SeenToken = v.Token("seen")
		return
	}
	if news {
		p.putSeen(ctx, v, u)
	}
}

func (p *Portal) putSeen(ctx context.Context, v *web.Visit, u directory.User) {
	kept := property.Values{}
	for name, val := range u.Values {
		if def, ok := p.props.Def(name); ok && def.Kind != property.KindObject {
			kept[name] = val
		}
	}
	if err := p.Access.PutSeen(ctx, directory.User{Ref: v.Session.Ref, Values: kept, At: p.Now()}); err != nil {
		p.Log.Warn("visit was not noted", "request", v.ID, "err", err.Error())
	}
}

// sawOwn notes the person's own change, so that it is not reported to them as somebody else's.
func (p *Portal) sawOwn(ctx context.Context, v *web.Visit, out change.Outcome, set property.Values) {
	last, err := p.Access.Seen(ctx, v.Session.Ref)
	if err != nil {
		return
	}
	merged := last.Values.Clone()
	if merged == nil {
		merged = property.Values{}
	}
	for name, val := range set {
		if _, back := out.After[name]; !back && out.State == change.Unverified {
			merged[name] = val
		}
	}
	for name, val := range out.After {
		if name != change.PhotoName {
			merged[name] = val
		}
	}
	last.Values = merged
	if err := p.Access.PutSeen(ctx, last); err != nil {
		p.Log.Warn("visit was not noted", "request", v.ID, "err", err.Error())
	}
}

// seen is the person's answer to the banner: what others changed has been read.
func (p *Portal) seen(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if _, err := v.FormFor(r, "seen"); err != nil {
		return err
	}
	u, _, err := p.read(r.Context(), v)
	if err != nil {
		return err
	}
	p.putSeen(r.Context(), v, u)
	http.Redirect(w, r, "/profile", http.StatusSeeOther)
	return nil
}

// retype fills the form with what an earlier entry of the same person wanted and did not get.
func (p *Portal) retype(ctx context.Context, v *web.Visit, id string, d *drawing) {
	e, err := p.Journal.Get(ctx, v.Session.Ref.Tenant, id)
	if err != nil || e.Change.On != v.Session.Ref || !e.Change.By.Self(v.Session.Ref) {
		return
	}
	d.typed = typed{}
	for _, part := range e.Outcome.Parts {
		if part.State == change.Applied || part.State == change.Unchanged {
			continue
		}
		for _, n := range part.Names {
			if def, ok := p.props.Def(n); ok {
				d.typed[string(n)] = []string{inputText(def, e.Change.Set[n])}
			}
		}
	}
	if len(d.typed) > 0 && d.editing == "" {
		d.editing = "all"
	}
}

type askBody struct {
	Label, Now, Text string
	Who              string // who looks after it, "" when nobody is named
	Mail, Link       string // where to send it, "" when not known
}

// ask shows a text, ready to be sent, that asks for a change which the person may not make themselves.
func (p *Portal) ask(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	u, fields, err := p.read(r.Context(), v)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if string(f.Def.Name) != r.PathValue("name") || f.Def.Graph.ReadOnly {
			continue
		}
		b := askBody{Label: v.T(label(f))}
		b.Now, _, _ = look(v.Printer, f.Def, u.Values[f.Def.Name])
		now := b.Now
		if now == "" {
			now = v.Printer.S("(empty)")
		}
		b.Text = v.Printer.S("Hello,\n\nplease change %[1]s in my Microsoft 365 profile (%[2]s).\n\nNow: %[3]s\nNew: \nReason: \n\nThank you\n%[4]s", b.Label, v.Session.UPN, Clear(now), Clear(v.Session.Name))
		to := p.Support
		if f.Ask != nil {
			b.Who = v.T(f.Ask.Who)
			if f.Ask.To != "" {
				to = f.Ask.To
			}
			if !f.Ask.Text.Zero() {
				b.Text = v.T(plain(f.Ask.Text, u.Values[f.Def.Name].String(), now))
			}
		}
		b.Text = isolates.Replace(b.Text)
		switch {
		case strings.Contains(to, "://"):
			b.Link = to
		case to != "":
			// %20, not +: mail programs do not read a plus as a space.
			q := "subject=" + mailEscape(isolates.Replace(v.Printer.S("Please change %s in my profile", b.Label))) + "&body=" + mailEscape(strings.ReplaceAll(b.Text, "\n", "\r\n"))
			b.Mail = "mailto:" + to + "?" + q
		}
		return p.show(w, v, http.StatusOK, "ask", p.page(r, v, "profile", fail.T("Ask for a change"), b))
	}
	return web.Refuse(http.StatusNotFound)
}

// isolates takes out the marks that keep the pieces of a sentence apart where writing directions meet: a mail program may show them.
var isolates = strings.NewReplacer("\u2068", "", "\u2069", "")

// plain is a text whose pieces are safe to look at, with the value as a page shows it instead of as the directory keeps it.
func plain(t fail.Text, value, shown string) fail.Text {
	args := slices.Clone(t.Args)
	for i, a := range args {
		if s, ok := a.(string); ok {
			if s == value && s != "" {
				s = shown
			}
			args[i] = Clear(s)
		}
	}
	return fail.T(t.Key, args...)
}

func mailEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
