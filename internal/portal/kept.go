package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/web"
)

// What is kept of people: everybody has their own, administrators have it of others and can have it forgotten.

type keptBody struct {
	Facts []factView
	Token string
}

const keptScope = "kept"

// ownKept says what is kept of the person of the session.
func (p *Portal) ownKept(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := p.Keep.Of(r.Context(), v.Session.Ref)
	if err != nil {
		return err
	}
	pr := v.Printer
	b := keptBody{Token: v.Token(keptScope), Facts: []factView{
		{pr.S("Changes to your profile"), pr.Number(len(f.History))},
		{pr.S("Changes that you made to others"), pr.Number(len(f.Others))},
		{pr.S("Photos, so that a change can be taken back"), pr.Number(len(f.Photos))},
		{pr.S("Sign-ins, for a day after they ended"), pr.Number(len(f.Sessions))},
		{pr.S("Text that you typed and did not save"), pr.Number(len(f.Forms))},
		{pr.S("API keys that you made"), pr.Number(len(f.Keys))},
	}}
	if f.Seen != nil {
		b.Facts = append(b.Facts, factView{pr.S("Your profile as you last saw it"), pr.LongDate(f.Seen.At)})
	}
	if f.Settings != nil {
		b.Facts = append(b.Facts, factView{pr.S("Language and appearance"), pr.S("as you chose them")})
	}
	return p.show(w, v, http.StatusOK, "kept", p.page(r, v, "history", fail.T("What is kept about you"), b))
}

// ownData sends what is kept of the person of the session.
func (p *Portal) ownData(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if _, err := v.FormFor(r, keptScope); err != nil {
		return err
	}
	f, err := p.Keep.Of(r.Context(), v.Session.Ref)
	if err != nil {
		return err
	}
	if err := p.Keep.Exported(r.Context(), v.Actor(), v.Session.Ref, v.Session.Name, change.ExportPerson, len(f.History), ""); err != nil {
		return err
	}
	return p.sendData(w, f)
}

// sendData sends everything that is kept of somebody as a file that people and programs can read.
func (p *Portal) sendData(w http.ResponseWriter, f keep.File) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return fail.Wrap(fail.Internal, "portal.data", err)
	}
	return sendFile(w, "application/json", "nameplate-"+f.About.ID+".json", b.Bytes())
}

// sendFile sends a file to keep.
func sendFile(w http.ResponseWriter, kind, name string, b []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err := w.Write(b)
	return err
}

// reasonBody is a page that asks why before something is done that stands in the history.
type reasonBody struct {
	Title, Lead  string
	Back, At     string
	Follows      []string
	Keep         []hiddenView
	Scope, Token string
	Why, Wrong   string
	Save, Icon   string
	Danger       bool
	Other        *linkView // something else that can be done here
}

type linkView struct{ Label, Href string }

// reason shows such a page.
func (p *Portal) reason(w http.ResponseWriter, r *http.Request, v *web.Visit, title fail.Text, scope string, b reasonBody) error {
	b.Title, b.Scope, b.Token = v.T(title), scope, v.Token(scope)
	status := http.StatusOK
	if b.Wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, v, status, "reason", p.desk(r, v, "changes", title, b))
}

// reasoned reads the form of such a page; say is what is wrong with the reason.
func reasoned(r *http.Request, v *web.Visit, scope string) (f *web.Form, why, say string, err error) {
	if f, err = v.FormFor(r, scope); err != nil {
		return f, "", "", err
	}
	if why, err = keep.Reason(f.Get("why")); err != nil {
		return f, f.Get("why"), v.T(sayOf(err)), nil
	}
	return f, why, "", nil
}

// askKept asks an administrator why they take out what is kept of somebody.
func (p *Portal) askKept(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	return p.showKept(w, r, v, on, "", "")
}

func (p *Portal) showKept(w http.ResponseWriter, r *http.Request, v *web.Visit, on directory.Ref, why, wrong string) error {
	at := personAddress(on) + "/kept"
	return p.reason(w, r, v, fail.T("What is kept of a person"), "kept "+on.ID, reasonBody{
		Lead: v.Printer.S("Everything that this portal keeps of the person, as one file: the history with old and new values, sign-ins, photos, settings. It works for people who are gone from the directory, too."),
		Back: with("/admin/history", url.Values{"on": {on.ID}}), At: at, Why: why, Wrong: wrong, Save: v.Printer.S("Download"), Icon: "save",
		Other: &linkView{v.Printer.S("Forget what is kept of this person"), personAddress(on) + "/forget"},
	})
}

// takeKept sends an administrator what is kept of somebody.
func (p *Portal) takeKept(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	_, why, wrong, err := reasoned(r, v, "kept "+on.ID)
	if err != nil {
		return err
	}
	if wrong != "" {
		return p.showKept(w, r, v, on, why, wrong)
	}
	f, err := p.Desk.Kept(r.Context(), v.Actor(), on, why)
	if err != nil {
		return err
	}
	return p.sendData(w, f)
}

// askForget says what it means to forget what is kept of somebody, and asks why.
func (p *Portal) askForget(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	why := ""
	if f := p.kept(r.Context(), v, r.URL.Path); f != nil {
		why = f.Get("why")
	}
	return p.showForget(w, r, v, on, why, "")
}

func (p *Portal) showForget(w http.ResponseWriter, r *http.Request, v *web.Visit, on directory.Ref, why, wrong string) error {
	pr := v.Printer
	b := reasonBody{
		Lead: pr.S("Object ID: %s", on.ID), Back: personAddress(on) + "/kept", At: personAddress(on) + "/forget", Why: why, Wrong: wrong,
		Save: pr.S("Forget"), Icon: "bin", Danger: true,
		Follows: []string{
			pr.S("Old and new values, names, network addresses, reasons and photos go from the history of this person, and their sign-ins and settings with them. This cannot be taken back."),
			pr.S("What was done, when, by whom and with what result stays, and so does this: who forgot it, why and when. The check of the history proves both."),
			pr.S("Nothing changes in Microsoft 365. Backups of this portal still hold what they hold."),
		},
	}
	if !p.fresh(v) {
		b.Follows = append(b.Follows, pr.S("You signed in a while ago, so you are asked to sign in once more before this is done."))
	}
	return p.reason(w, r, v, fail.T("Forget what is kept of a person?"), "forget "+on.ID, b)
}

// forget has what is kept of somebody forgotten, after a sign-in of a moment ago (A12).
func (p *Portal) forget(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	f, why, wrong, err := reasoned(r, v, "forget "+on.ID)
	if err != nil {
		return err
	}
	if wrong != "" {
		return p.showForget(w, r, v, on, why, wrong)
	}
	if !p.fresh(v) {
		return p.stepUp(w, r, v, personAddress(on)+"/forget", f)
	}
	did, err := p.Desk.Forget(r.Context(), v.Actor(), on, why)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/history/"+did.Entry, http.StatusSeeOther)
	return nil
}
