package portal

import (
	"net/http"
	"strconv"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// The first passwords of those whom a plan has added: told once, to whoever applied it, after a sign-in of a moment ago.

type passwordsBody struct {
	Name, Back, At string
	Scope, Token   string
	Told           bool
	List           []toldView
}

// toldView is one password.
type toldView struct{ Where, UPN, Password string }

func passwordScope(one bulk.Plan) string { return "passwords " + one.ID }

func (p *Portal) askPasswords(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, err := p.Bulk.Plan(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.showPasswords(w, r, v, one, nil)
}

// firstPasswords takes them. What was taken is shown, whatever came after.
func (p *Portal) firstPasswords(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, err := p.Bulk.Plan(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	f, err := v.FormFor(r, passwordScope(one))
	if err != nil {
		return err
	}
	if err := f.Only(func(string) bool { return false }); err != nil {
		return err
	}
	if !p.fresh(v) {
		return p.stepUp(w, r, v, planAddress(one.ID)+"/passwords", f)
	}
	l, err := p.Bulk.Passwords(r.Context(), v.Actor(), v.Session.Ref.Tenant, one.ID)
	if err != nil && len(l) == 0 {
		return err
	}
	if err != nil {
		p.Log.Warn("first passwords were told, and not all of it is written down", "request", v.ID, "err", err.Error())
	}
	out := []toldView{}
	for _, x := range l {
		out = append(out, toldView{v.Printer.S("line %s", strconv.Itoa(x.Line)), Clear(x.UPN), x.Password})
	}
	return p.showPasswords(w, r, v, one, out)
}

func (p *Portal) showPasswords(w http.ResponseWriter, r *http.Request, v *web.Visit, one bulk.Plan, l []toldView) error {
	b := passwordsBody{
		Name: planName(v, one), Back: planAddress(one.ID), At: planAddress(one.ID) + "/passwords", Scope: passwordScope(one), Token: v.Token(passwordScope(one)), Told: l != nil, List: l,
	}
	return p.show(w, v, http.StatusOK, "passwords", p.desk(r, v, "sheets", fail.T("First passwords"), b))
}
