package portal

import (
	"net/http"
	"net/url"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
	"nameplate/internal/lang"
	"nameplate/internal/web"
)

func (p *Portal) root(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	to := "/sign-in"
	if v.Session != nil {
		to = "/profile"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

type signInBody struct {
	Login string    // address of the button
	Orgs  []orgView // the organizations, where there are several
}

func loginAddress(next, prompt string) string {
	q := url.Values{}
	if next != "/" && next != "" {
		q.Set("next", next)
	}
	if prompt != "" {
		q.Set("prompt", prompt)
	}
	if len(q) == 0 {
		return "/login"
	}
	return "/login?" + q.Encode()
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	next := guard.Next(r.URL.Query().Get("next"))
	if v.Session != nil {
		if next == "/" {
			next = "/profile"
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	q := url.Values{}
	for _, name := range []string{"next", "prompt", "claims"} { // what the way here was for; the sign-in looks at it again
		if given := r.URL.Query().Get(name); given != "" {
			q.Set(name, given)
		}
	}
	pg := p.page(r, v, "", fail.T("Sign in"), signInBody{Login: loginAddress(next, ""), Orgs: p.orgViews(r, q)})
	return p.show(w, v, http.StatusOK, "sign-in", pg)
}

// login sends the browser to the authority. Nothing is stored for somebody who has not signed in.
func (p *Portal) login(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	q := r.URL.Query()
	begin := access.Begin{Tenant: p.Tenant, Next: guard.Next(q.Get("next")), Cookie: p.Site.Attempt(r), From: v.From}
	if begin.Next == "/" {
		begin.Next = "/profile"
	}
	if len(p.orgs) > 0 {
		var ok bool
		if begin.Tenant, ok = p.orgChosen(r); !ok {
			q.Del("tenant")
			http.Redirect(w, r, with("/sign-in", q), http.StatusSeeOther)
			return nil
		}
	}
	switch q.Get("prompt") {
	case "select_account":
		begin.Prompt = "select_account"
	case "login":
		begin.Fresh = true
		if v.Session != nil {
			begin.Hint = v.Session.UPN
		}
	}
	if c := q.Get("claims"); c != "" {
		claims, ok := p.Site.Signed(c)
		if !ok {
			return web.Refuse(http.StatusBadRequest)
		}
		begin.Claims = claims
		if v.Session != nil {
			begin.Hint = v.Session.UPN
		}
	}
	begun, err := p.Access.Begin(r.Context(), begin)
	if err != nil {
		return p.signInFailed(w, r, v, err)
	}
	p.Site.SetAttempt(w, begun.Cookie, access.AttemptLife)
	http.Redirect(w, r, begun.URL, http.StatusSeeOther)
	return nil
}

// callback is where the authority sends the browser back to.
func (p *Portal) callback(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if q := r.URL.Query(); q.Has("admin_consent") {
		return p.consented(w, r, v, q)
	}
	done, err := p.Access.Finish(r.Context(), access.Callback{
		Query: r.URL.Query(), Attempt: p.Site.Attempt(r),
		Session: p.Site.SessionSecret(r), From: v.From,
	})
	if err != nil {
		return p.signInFailed(w, r, v, err)
	}
	p.Site.SetSession(w, done.Cookie)
	p.Site.SetAttempt(w, done.Attempt, access.AttemptLife)
	if len(p.orgs) > 0 {
		p.Site.RememberTenant(w, done.Session.Ref.Tenant)
	}
	if web.Chosen(r) == "" && v.Theme == "" {
		if s, err := p.Access.Settings(r.Context(), done.Session.Ref); err == nil {
			p.Site.Remember(w, s.Language, s.Theme)
		}
	}
	next := guard.Next(done.Next)
	switch {
	case done.Session.Recovered != "":
		next = guard.Next(done.Session.Recovered) + "?recovered=1"
	case next == "/":
		next = "/profile"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// consented tells an administrator what came of the page for consent. The answer proves nothing and decides nothing: nobody is signed
// in by it, and what was really granted nameplate doctor sees.
// https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#successful-response
func (p *Portal) consented(w http.ResponseWriter, r *http.Request, v *web.Visit, q url.Values) error {
	title, say, do := fail.T("Consent was given"), fail.T("Microsoft says that the permissions were granted to Nameplate for everybody in your organization."), fail.T("It can take a few minutes to show. nameplate doctor says whether everything is there.")
	if q.Has("error") {
		title, say, do = fail.T("Consent was not given"), fail.T("Nothing was granted, and nothing has changed."), fail.T("If that was a mistake, open the link again as Privileged Role Administrator or Global Administrator and accept.")
	}
	body := signInProblem{Title: v.T(title), Say: v.T(say), Do: v.T(do), Reference: v.ID}
	return p.show(w, v, http.StatusOK, "sign-in-problem", p.page(r, v, "", title, body))
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if _, err := v.FormFor(r, "sign-out"); err != nil {
		return err
	}
	redirect, err := p.Access.SignOut(r.Context(), p.Site.SessionSecret(r))
	if err != nil {
		return err
	}
	p.Site.ClearSession(w)
	// Not "cookies": language and theme stay. Not "executionContexts": browsers answer it with a reload.
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	v.Session = nil
	// The authority's own sign-out is a link on the page: form-action 'self' does not let a form's answer lead there.
	return p.show(w, v, http.StatusOK, "signed-out", p.page(r, v, "", fail.T("You are signed out"), signedOutBody{Authority: redirect, Login: loginAddress("", "select_account")}))
}

type signedOutBody struct {
	Authority string // where to sign out of Microsoft 365 as well, "" when not known
	Login     string
}

func (p *Portal) signedOut(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.show(w, v, http.StatusOK, "signed-out", p.page(r, v, "", fail.T("You are signed out"), signedOutBody{Login: loginAddress("", "select_account")}))
}

// frontChannel is loaded by the authority in a hidden frame; the answer is empty either way.
func (p *Portal) frontChannel(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if _, err := p.Access.FrontChannel(r.Context(), r.URL.Query()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// preferences keeps the language and the look chosen by hand, in the browser and, for whoever is signed in, beyond it.
func (p *Portal) preferences(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.FormFor(r, "preferences")
	if err != nil {
		return err
	}
	if err := f.Only(func(key string) bool { return key == "language" || key == "theme" || key == "back" }); err != nil {
		return err
	}
	p.Site.Remember(w, f.Get("language"), f.Get("theme"))
	if v.Session != nil {
		s := access.Settings{Theme: web.Theme(f.Get("theme"))}
		if l, ok := lang.Named(f.Get("language")); ok {
			s.Language = l.Code
		}
		if err := p.Access.PutSettings(r.Context(), v.Session.Ref, s); err != nil {
			p.Log.Warn("settings were not kept", "request", v.ID, "err", err.Error())
		}
	}
	http.Redirect(w, r, guard.Next(f.Get("back")), http.StatusSeeOther)
	return nil
}

func (p *Portal) help(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.show(w, v, http.StatusOK, "help", p.page(r, v, "help", fail.T("Help and privacy"), nil))
}
