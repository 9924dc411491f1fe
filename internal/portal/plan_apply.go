package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// A plan is applied: what follows is said, numbers are asked for, and a sign-in of a moment ago where it reaches far.

type applyBody struct {
	Name, Back, At string
	Counts         []factView
	Asked          []askedView
	Warnings       []string
	Problem        string
	Digest         string
	Scope, Token   string
	Why, Label     string
	Danger         bool
}

// askedView is a number that has to be typed.
type askedView struct {
	Field, Label, Say, Value, Error string
}

var askedLabels = map[string]fail.Text{
	"people": fail.T("How many people it changes"), "privileged": fail.T("How many of them hold a directory role"), "deletions": fail.T("How many people it deletes"),
}

// askApply says what follows when a plan is applied, and asks for the numbers that nobody types by mistake.
func (p *Portal) askApply(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, err := p.Bulk.Plan(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	f := &web.Form{Values: url.Values{}}
	if kept := p.kept(r.Context(), v, r.URL.Path); kept != nil && kept.Scope == applyScope(one) {
		f = kept
	}
	return p.showApply(w, r, v, http.StatusOK, one, f, nil)
}

// applyScope binds a form to exactly what was reviewed.
func applyScope(one bulk.Plan) string { return "apply " + one.ID + " " + one.Digest }

func (p *Portal) showApply(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, one bulk.Plan, f *web.Form, problem *fail.Error) error {
	pr := v.Printer
	if one.Run.State != bulk.Planned || len(one.Problems) > 0 || one.Counts.Ready == 0 { // there is nothing to ask any more
		http.Redirect(w, r, planAddress(one.ID), http.StatusSeeOther)
		return nil
	}
	asked, err := p.Bulk.Asks(r.Context(), one)
	if err != nil {
		return err
	}
	b := applyBody{
		Name: planName(v, one), Back: planAddress(one.ID), At: planAddress(one.ID) + "/apply", Digest: one.Digest, Scope: applyScope(one), Token: v.Token(applyScope(one)),
		Why: f.Get("why"), Label: pr.S("Apply %d changes", one.Counts.Ready), Danger: one.Dangerous(asked),
	}
	for _, k := range bulk.Kinds() {
		if n := one.Counts.Kinds[k]; n > 0 {
			b.Counts = append(b.Counts, factView{v.T(stepKinds[k]), pr.Number(n)})
		}
	}
	wrong := map[string]bool{}
	if problem != nil {
		if len(problem.Fields) == 0 {
			b.Problem = v.T(problem.Say)
		}
		for _, x := range problem.Fields {
			wrong[x.Field] = true
		}
	}
	for _, a := range asked {
		x := askedView{Field: a.Field, Label: v.T(askedLabels[a.Field]), Say: v.T(a.Say), Value: f.Get(a.Field)}
		if wrong[a.Field] {
			x.Error = pr.S("This is not the number. Look at the plan again.")
			if x.Value == "" {
				x.Error = pr.S("Type the number to go on.")
			}
		}
		b.Asked = append(b.Asked, x)
	}
	if one.Counts.Refused > 0 {
		b.Warnings = append(b.Warnings, pr.S("%d rows were refused and are left out.", one.Counts.Refused))
	}
	if one.Counts.Kinds["delete"] > 0 {
		b.Warnings = append(b.Warnings, pr.S("Whoever is deleted cannot sign in any more. Within 30 days they can be restored."))
	}
	if b.Danger && !p.fresh(v) {
		b.Warnings = append(b.Warnings, pr.S("You signed in a while ago, so you are asked to sign in once more before this is done."))
	}
	return p.show(w, v, status, "apply", p.desk(r, v, "sheets", fail.T("Apply this plan?"), b))
}

// apply begins a plan: the one that was looked at, after the numbers, and after a sign-in of a moment ago where it reaches far (A12).
func (p *Portal) apply(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.Form(r)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool {
		return slices.Contains([]string{"digest", "people", "privileged", "deletions", "why"}, k)
	}); err != nil {
		return err
	}
	one, err := p.Bulk.Plan(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	if f.Scope != applyScope(one) {
		return web.Refuse(http.StatusForbidden)
	}
	asked, err := p.Bulk.Asks(r.Context(), one)
	if err != nil {
		return err
	}
	if one.Run.State == bulk.Planned && one.Dangerous(asked) && !p.fresh(v) {
		return p.stepUp(w, r, v, planAddress(one.ID)+"/apply", f)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(f.Get(name)))
		if err != nil {
			return -1
		}
		return n
	}
	_, err = p.Bulk.Apply(r.Context(), v.Actor(), v.Session.Ref.Tenant, one.ID, f.Get("digest"), bulk.Confirm{
		People: number("people"), Privileged: number("privileged"), Deletions: number("deletions"), Why: strings.TrimSpace(f.Get("why")),
	})
	if e, ok := errorAs(err); ok && e.Kind == fail.Conflict && e.Code != "state" {
		return p.showApply(w, r, v, http.StatusUnprocessableEntity, one, f, e)
	} else if ok && e.Code == "state" { // sent twice: it is on its way
		err = nil
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, planAddress(one.ID), http.StatusSeeOther)
	return nil
}
