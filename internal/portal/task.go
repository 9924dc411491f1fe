package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// task is a change to somebody else on its way from a form to the engine: what it would do is shown first, and a dangerous one asks
// for a sign-in of a moment ago (A12).
type task struct {
	c     change.Change
	one   admin.Person
	at    string     // where its form posts to
	back  string     // where to go when it is left, and when it is done; "" is the person's page
	title fail.Text  // "" is "Before you save"
	save  fail.Text  // the button; "" is Save
	icon  string     // of the button
	scope string     // of its form
	keep  url.Values // what its form carries on
	warn  []string   // what follows from it
	name  string     // has to be typed before it is done; "" for nothing
	edit  bool       // its form can be gone back to
	// wrong shows the form again with what is wrong; nil shows it on the page of the task.
	wrong func(status int, problem *fail.Error, say map[string]string) error
	// done answers instead of leading to the person's page; nil for most.
	done func(out change.Outcome) error
}

type taskBody struct {
	Title, Lead       string
	Name, Back, At    string
	Pairs             []pairView
	Conflicts         []otherView // somebody else's changes in the meantime: what it was and is now
	Problems          []problemView
	ProblemTitle      string
	Warnings          []string
	Keep              []hiddenView
	Scope, Token      string
	Save, Icon        string
	Danger, Edit      bool
	Type              string // the name to type
	TypeError         string
	Why               string
	CanSave, Recently bool
}

// step shows what a task would do, or does it: the form's step "save" is the reader's word for it.
func (p *Portal) step(w http.ResponseWriter, r *http.Request, v *web.Visit, t task, f *web.Form) error {
	var ok bool
	if t.c.Why, ok = directory.Reason(f.Get("why")); !ok {
		return wrong("why")
	}
	if f.Get("step") != "save" || f.Nonce == "" {
		return p.before(w, r, v, t, http.StatusOK, nil)
	}
	if t.name != "" && !sameName(f.Get("name"), t.name) {
		return p.before(w, r, v, t, http.StatusUnprocessableEntity, func(b *taskBody) {
			b.TypeError = v.Printer.S("Type the name exactly as it is shown.")
		})
	}
	if late, err := p.late(r.Context(), v, t.c); err != nil {
		return err
	} else if late {
		return p.stepUp(w, r, v, t.at, f)
	}
	t.c.Key = "form/" + f.Nonce
	out, err := p.Desk.Apply(r.Context(), t.c)
	if err != nil {
		problem := fail.Wrap(fail.KindOf(err), "portal.task", err)
		problem.Say = sayOf(err)
		p.Log.Error("save", "request", v.ID, "err", err.Error())
		return p.refuse(w, r, v, t, web.StatusOf(problem.Kind), problem, nil)
	}
	switch out.State {
	case change.Conflicted:
		return p.moved(w, r, v, t, out.Conflicts)
	case change.Refused, change.Failed:
		status := http.StatusUnprocessableEntity
		if out.State == change.Failed {
			status = http.StatusServiceUnavailable
		}
		problem := out.Problem
		if problem == nil {
			problem, _ = errorOf(out).(*fail.Error)
		}
		return p.refuse(w, r, v, t, status, problem, problemsOf(v, out))
	}
	if t.done != nil {
		return t.done(out)
	}
	http.Redirect(w, r, t.leave()+"?"+url.Values{"done": {out.Entry}}.Encode(), http.StatusSeeOther)
	return nil
}

func (t task) leave() string {
	if t.back != "" {
		return t.back
	}
	return personAddress(t.one.Ref)
}

func sameName(a, b string) bool {
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

// refuse shows a task again that was not done.
func (p *Portal) refuse(w http.ResponseWriter, r *http.Request, v *web.Visit, t task, status int, problem *fail.Error, say map[string]string) error {
	if t.wrong != nil {
		return t.wrong(status, problem, say)
	}
	return p.before(w, r, v, t, status, func(b *taskBody) {
		b.ProblemTitle = v.Printer.S("Nothing was saved")
		if problem != nil {
			b.Problems = append(b.Problems, problemOf(v, problem, v.ID))
		}
		for n, s := range say {
			if problem == nil || s != b.Problems[0].Say {
				b.Problems = append(b.Problems, problemView{Label: p.labelFor(v, property.Name(n), t.one.Fields), Say: s})
			}
		}
	})
}

// moved shows what somebody else changed in the meantime. The form goes on from there: saving it again is a decision.
func (p *Portal) moved(w http.ResponseWriter, r *http.Request, v *web.Visit, t task, conflicts []change.Conflict) error {
	t.keep, t.c.Expect = clone(t.keep), t.c.Expect.Clone()
	for _, c := range conflicts {
		t.c.Expect[c.Name] = c.Now
		key := "was." + string(c.Name)
		if !t.keep.Has(key) {
			key = "was"
		}
		t.keep.Set(key, encodeValue(c.Now))
	}
	return p.before(w, r, v, t, http.StatusConflict, func(b *taskBody) {
		for _, c := range conflicts {
			o := p.pairOf(v, c.Name, c.Saw, c.Now, t.c.Names, t.one.Fields)
			b.Conflicts = append(b.Conflicts, otherView{o.Label, o.Was, o.Now})
		}
	})
}

func clone(q url.Values) url.Values {
	out := url.Values{}
	for k, v := range q {
		out[k] = slices.Clone(v)
	}
	return out
}

// before is the page of a task: old and new of everything that it would change, and what follows from it.
func (p *Portal) before(w http.ResponseWriter, r *http.Request, v *web.Visit, t task, status int, more func(*taskBody)) error {
	pre, err := p.Desk.Check(r.Context(), t.c)
	if err != nil {
		return err
	}
	if len(pre.Problems) > 0 && t.wrong != nil && more == nil {
		say := map[string]string{}
		var whole *fail.Error
		for _, q := range pre.Problems {
			if q.Field == "" {
				whole = fail.New(fail.Denied, "portal.task", q.Say)
				continue
			}
			say[q.Field] = v.T(q.Say)
		}
		return t.wrong(http.StatusUnprocessableEntity, whole, say)
	}
	if len(pre.Conflicts) > 0 && more == nil {
		return p.moved(w, r, v, t, pre.Conflicts)
	}
	b := taskBody{
		Title: v.Printer.S("Before you save"), Name: mention(t.one.User).Name, Back: t.leave(), At: t.at, Warnings: t.warn, Scope: t.scope, Token: v.Token(t.scope),
		Save: v.Printer.S("Save"), Icon: "check", Danger: pre.Dangerous && t.c.Do != change.Create, Edit: t.edit, Type: t.name, Why: t.c.Why, CanSave: len(pre.Problems) == 0,
	}
	if !t.title.Zero() {
		b.Title = v.T(t.title)
	}
	if !t.save.Zero() {
		b.Save = v.T(t.save)
	}
	if t.icon != "" {
		b.Icon = t.icon
	}
	names := t.c.Names
	for _, n := range pre.Diff.Names() {
		b.Pairs = append(b.Pairs, p.pairOf(v, n, pre.Before.Values[n], pre.Diff[n], names, t.one.Fields))
	}
	for _, q := range pre.Problems {
		b.ProblemTitle = v.Printer.S("This cannot be done")
		b.Problems = append(b.Problems, problemView{Say: v.T(q.Say)})
		if status == http.StatusOK {
			status = http.StatusUnprocessableEntity
		}
	}
	if len(pre.Problems) == 0 && len(pre.Diff) == 0 && len(pre.Conflicts) == 0 {
		b.CanSave, b.Lead = false, v.Printer.S("There is nothing to change: it is so already.")
	}
	if pre.Dangerous && b.CanSave && !p.fresh(v) {
		b.Warnings = append(b.Warnings, v.Printer.S("You signed in a while ago, so you are asked to sign in once more before this is done."))
	}
	for _, k := range sortedKeys(t.keep) {
		if k != "step" && k != "why" && k != "name" {
			for _, s := range t.keep[k] {
				b.Keep = append(b.Keep, hiddenView{k, s})
			}
		}
	}
	if more != nil {
		more(&b)
	}
	title := t.title
	if title.Zero() {
		title = fail.T("Before you save")
	}
	return p.show(w, v, status, "before", p.desk(r, v, "people", title, b))
}

func sortedKeys(q url.Values) []string {
	keys := make([]string, 0, len(q))
	for k := range q {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fresh says whether the reader has proved who they are a moment ago.
func (p *Portal) fresh(v *web.Visit) bool {
	return admin.Proved(v.Session.SignedIn, p.Now())
}

// late says whether a change asks for a sign-in of a moment ago and the reader's is older.
func (p *Portal) late(ctx context.Context, v *web.Visit, c change.Change) (bool, error) {
	if p.fresh(v) {
		return false, nil
	}
	pre, err := p.Desk.Check(ctx, c)
	return pre.Dangerous, err
}

// stepUp asks for a sign-in of a moment ago. What was to be done is kept, and shown again after it, ready and not done (A12).
func (p *Portal) stepUp(w http.ResponseWriter, r *http.Request, v *web.Visit, at string, f *web.Form) error {
	kept := p.stashFor(r, at, f) == nil
	title := fail.T("Sign in once more")
	body := expiredBody{
		Title: v.T(title), Login: "/login?" + url.Values{"prompt": {"login"}, "next": {at}}.Encode(), Kept: kept,
		Say: v.Printer.S("What you are about to do can lock somebody out or cannot be taken back. It asks for a sign-in within the last %s. Nothing was changed yet.", v.Printer.Duration(admin.Fresh)),
	}
	return p.show(w, v, http.StatusUnauthorized, "expired", p.page(r, v, "people", title, body))
}

// keepHere answers a form about somebody else whose session has ended: it waits for the next sign-in at its own address.
func (p *Portal) keepHere(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.EndedForm(r)
	if err != nil {
		return err
	}
	title := fail.T("You are signed out")
	body := expiredBody{
		Title: v.T(title), Login: loginAddress(r.URL.Path, ""), Kept: p.stashFor(r, r.URL.Path, f) == nil,
		Say: v.Printer.S("Your session ended before you saved, so nothing was changed."),
	}
	return p.show(w, v, http.StatusUnauthorized, "expired", p.page(r, v, "", title, body))
}

// day is the beginning of a day in the reader's time zone, from a text as a browser writes it; false for anything else.
func day(v *web.Visit, s string) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, v.Printer.Zone)
	return t, err == nil
}
