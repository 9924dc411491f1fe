package portal

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

type expiredBody struct {
	Title, Say string
	Login      string
	Kept       bool
	Typed      []typedView // what could not be kept, to be copied
	SignedIn   bool        // in this browser, since the form was opened
}

type typedView struct {
	ID, Label, Text string
	Rows            int
}

// keep answers a form whose session has ended: what was typed is sealed on the server and offered again after sign-in.
func (p *Portal) keep(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.EndedForm(r)
	if err != nil {
		return err
	}
	return p.keepForm(w, r, v, f)
}

func (p *Portal) keepForm(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form) error {
	kept := p.stash(r, f) == nil
	body := expiredBody{Title: v.Printer.S("You are signed out"), Login: loginAddress("/profile", ""), Kept: kept}
	if !kept {
		body.Typed = p.typedOf(v, f)
	}
	body.Say = v.Printer.S("Your session ended before you saved, so nothing was changed.")
	return p.show(w, v, http.StatusUnauthorized, "expired", p.page(r, v, "", fail.T("You are signed out"), body))
}

// foreign answers a form that was opened in another session of this browser: nothing of it is applied, and it is not lost.
func (p *Portal) foreign(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, err error) error {
	body := expiredBody{Typed: p.typedOf(v, f), SignedIn: true}
	if len(body.Typed) == 0 {
		return err
	}
	title := fail.T("Nothing was saved yet")
	body.Title, body.Say = v.T(title), v.Printer.S("You signed in again after this form was opened, so it was not saved.")
	return p.show(w, v, http.StatusForbidden, "expired", p.page(r, v, "profile", title, body))
}

// typedOf is what a person typed into a profile form, by the names of the properties. A form that carries anything else is no
// page of ours, and nothing of it is shown.
func (p *Portal) typedOf(v *web.Visit, f *web.Form) []typedView {
	_, names, ok := scopeNames(f.Scope)
	if !ok || len(f.Files) > 0 {
		return nil
	}
	for k := range f.Values {
		if _, known := p.props.Def(property.Name(strings.TrimPrefix(k, "was."))); !known {
			return nil
		}
	}
	var out []typedView
	for _, n := range names {
		def, known := p.props.Def(property.Name(n))
		texts := f.Values[n]
		if !known || len(texts) == 0 {
			continue
		}
		text := strings.Join(texts, "\n")
		if was, readable := decodeValue(def, f.Get("was."+n)); readable && sameText(text, inputText(def, was)) {
			continue
		}
		out = append(out, typedView{ID: fieldID(def.Name), Label: p.labelFor(v, def.Name, nil), Text: text, Rows: min(8, 1+strings.Count(text, "\n")+len(text)/30)})
	}
	return out
}

func (p *Portal) stash(r *http.Request, f *web.Form) error { return p.stashFor(r, "/profile", f) }

// stashFor keeps a form for the page at path, which finds it after the next sign-in (kept).
func (p *Portal) stashFor(r *http.Request, path string, f *web.Form) error {
	values := url.Values{}
	for k, texts := range f.Values {
		values[k] = texts
	}
	values.Set(web.ScopeField, f.Scope)
	return p.Access.Stash(r.Context(), p.Site.SessionSecret(r), access.Form{Path: path, Values: values, At: p.Now()})
}

// confirm answers a save for which Microsoft wants one more proof of the person: what was typed is kept, and shown again,
// filled in and not sent, after that (F33).
func (p *Portal) confirm(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, claims string) error {
	kept := p.stash(r, f) == nil
	return p.confirmPage(w, r, v, claims, kept, f, proof(v))
}

func proof(v *web.Visit) string {
	return v.Printer.S("Your organization asks for one more proof before you may go on. Nothing was changed yet.")
}

// confirmRest is confirm for a save of which a part was saved: only what is left is kept, so nothing is sent twice.
func (p *Portal) confirmRest(w http.ResponseWriter, r *http.Request, v *web.Visit, f *web.Form, saved, left []property.Name, claims string) error {
	rest := &web.Form{Values: map[string][]string{}, Scope: f.Scope}
	for _, n := range left {
		for _, key := range []string{string(n), "was." + string(n)} {
			if texts, came := f.Values[key]; came {
				rest.Values[key] = texts
			}
		}
	}
	labels := make([]string, len(saved))
	for i, n := range saved {
		labels[i] = p.labelFor(v, n, nil)
	}
	kept := p.stash(r, rest) == nil
	say := v.Printer.S("This was saved: %s. For the rest your organization asks for one more proof, so it is not saved yet.", join(v.Printer, labels))
	return p.confirmPage(w, r, v, claims, kept, rest, say)
}

// orConfirm is confirm for a page that carries nothing typed.
func (p *Portal) orConfirm(w http.ResponseWriter, r *http.Request, v *web.Visit, err error) error {
	if claims, ok := access.Challenge(err); ok {
		return p.confirmPage(w, r, v, claims, false, nil, proof(v))
	}
	return err
}

func (p *Portal) confirmPage(w http.ResponseWriter, r *http.Request, v *web.Visit, claims string, kept bool, f *web.Form, say string) error {
	login := "/login?" + url.Values{"next": {"/profile"}, "claims": {p.Site.Sign(claims)}}.Encode()
	title := fail.T("Microsoft asks you to confirm who you are")
	body := expiredBody{Title: v.T(title), Login: login, Kept: kept, Say: say}
	if !kept && f != nil {
		body.Typed = p.typedOf(v, f)
	}
	return p.show(w, v, http.StatusUnauthorized, "expired", p.page(r, v, "", title, body))
}

// recover puts a kept form back on the page. Against what the directory says now, not against what the old form showed: a
// conflict with somebody else is visible before it is saved.
func (p *Portal) recover(ctx context.Context, v *web.Visit, d *drawing) bool {
	kept := p.kept(ctx, v, "/profile")
	if kept == nil {
		return false
	}
	key, names, ok := scopeNames(kept.Scope)
	if !ok {
		return false
	}
	changed, _, _ := p.different(kept, names)
	d.typed = typed{}
	for name := range changed {
		d.typed[string(name)] = kept.Values[string(name)]
	}
	if d.editing = editing(key); d.editing == "" {
		d.editing = "all"
	}
	return len(d.typed) > 0
}

// kept is the form that was kept for the page at path, once; nil when there is none.
func (p *Portal) kept(ctx context.Context, v *web.Visit, path string) *web.Form {
	if v.Session.Recovered != path {
		return nil
	}
	form, err := p.Access.Unstash(ctx, access.Session{ID: v.Session.ID, Ref: v.Session.Ref, Recovered: v.Session.Recovered})
	if err != nil {
		p.Log.Info("kept form", "request", v.ID, "err", err.Error())
		return nil
	}
	f := &web.Form{Values: form.Values, Scope: form.Values.Get(web.ScopeField)}
	f.Del(web.ScopeField)
	return f
}
