package portal

import (
	"net/http"
	"net/url"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// The command lines that are signed in as the reader, and the page on which they sign one in.

type programsBody struct {
	Programs []programView
	Done     bool // one was signed in just now
	Server   string
}

type programView struct{ ID, Token, Scope, Name, From, Began, Until string }

type connectBody struct {
	Name, From, At string
	Elsewhere      bool // it asked from another network address than the browser's
	Until          string
	Token, Ask     string
	Typed, Wrong   string
}

// programs lists the reader's, or asks about the one that its address names.
func (p *Portal) programs(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if text := r.URL.Query().Get("ask"); text != "" {
		// Whoever follows a link that somebody sent them proves who they are first, whatever the authority remembers of them.
		if !p.fresh(v) {
			http.Redirect(w, r, "/login?"+url.Values{"prompt": {"login"}, "next": {access.ConnectPath + "?ask=" + url.QueryEscape(text)}}.Encode(), http.StatusSeeOther)
			return nil
		}
		return p.connectPage(w, r, v, text, "", "")
	}
	list, err := p.Access.Programs(r.Context(), v.Session.Ref)
	if err != nil {
		return err
	}
	b := programsBody{Done: r.URL.Query().Has("done"), Server: p.Site.Origin()}
	for _, s := range list {
		scope := "program " + s.ID
		b.Programs = append(b.Programs, programView{s.ID, v.Token(scope), scope, s.Program, s.From, moment(v, s.Began), moment(v, s.FinalEnd)})
	}
	return p.show(w, v, http.StatusOK, "programs", p.desk(r, v, "", fail.T("Command line"), b))
}

// asked is the question in a page's address or form, not older than it may be.
func (p *Portal) asked(text string) (access.Ask, error) {
	plain, ok := p.Site.Signed(text)
	ask, mine := access.AskOf(plain)
	age := p.Now().Sub(ask.At)
	if !ok || !mine || age >= access.AskLife || age < -time.Minute {
		return ask, &web.Refusal{Status: http.StatusBadRequest, Say: fail.T("This link has been used or is older than ten minutes. Type nameplate login once more.")}
	}
	return ask, nil
}

func (p *Portal) connectPage(w http.ResponseWriter, r *http.Request, v *web.Visit, text, typed, wrong string) error {
	ask, err := p.asked(text)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, v, status, "connect", p.page(r, v, "", fail.T("Sign in the command line?"), connectBody{
		Name: ask.Name, From: ask.From, At: moment(v, ask.At), Elsewhere: ask.From != v.From, Token: v.Token("connect"), Ask: text, Typed: typed, Wrong: wrong,
	}))
}

// connect signs the command line in that asked.
func (p *Portal) connect(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.FormFor(r, "connect")
	if err != nil {
		return err
	}
	text := f.Get("ask")
	ask, err := p.asked(text)
	if err != nil {
		return err
	}
	if !p.fresh(v) { // the page was left open
		http.Redirect(w, r, access.ConnectPath+"?ask="+url.QueryEscape(text), http.StatusSeeOther)
		return nil
	}
	if !ask.Typed(f.Get("code")) {
		return p.connectPage(w, r, v, text, f.Get("code"), v.Printer.S("This is not the code that your terminal shows for this link."))
	}
	if _, err := p.Access.Connect(r.Context(), v.Session.ID, ask); err != nil {
		if fail.Is(err, fail.Invalid) {
			return &web.Refusal{Status: http.StatusBadRequest, Say: sayOf(err), Cause: err}
		}
		return err
	}
	http.Redirect(w, r, access.ConnectPath+"?done=1", http.StatusSeeOther)
	return nil
}

// endProgram signs one of the reader's command lines out.
func (p *Portal) endProgram(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	id := r.URL.Query().Get("id")
	if _, err := v.FormFor(r, "program "+id); err != nil {
		return err
	}
	if err := p.Access.EndProgram(r.Context(), v.Session.Ref, id); err != nil && !fail.Is(err, fail.NotFound) { // it is signed out already
		return err
	}
	http.Redirect(w, r, access.ConnectPath, http.StatusSeeOther)
	return nil
}
