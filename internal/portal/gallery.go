package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// The gallery shows each part once with all its states, and pages that are hard to come by, made by the very code that makes
// them elsewhere. It knows a made-up person only and changes nothing.

type galleryBody struct {
	Fields []fieldView
	Rows   []fieldView
	Done   []doneView
	Wrong  profileBody
	People []directory.Person
	States []string
}

// galleryStates are the pages of the gallery, by name.
var galleryStates = []string{
	"400", "401", "403", "404", "405", "409", "413", "415", "421", "422", "429", "500", "503", access.CodeConsent, access.CodeAdminNeeded,
	access.CodeUnassigned, access.CodeTenant, access.CodeDisabled, access.CodeAttempt, access.CodeToken, access.CodeClaims, "explained", "expired", "expired-lost", "signed-out", "sign-in-several", "conflict", "history", "photo-wrong", "profile-wrong", "profile-guest", "parts",
}

var galleryPerson = directory.User{
	Ref: directory.Ref{Tenant: "gallery", ID: "gallery"},
	Values: property.Values{
		"displayName": property.Text("Mira Østergaard"), "jobTitle": property.Text("Donaudampfschifffahrtsgesellschaftskapitänin"), "department": property.Text("خدمة العملاء"),
		"mail": property.Text("mira.ostergaard@contoso.example"), "userPrincipalName": property.Text("mira.ostergaard@contoso.example"), "mobilePhone": property.Text("+45 20 12 34 56"),
		"officeLocation": property.Text("Copenhagen 4.12"), "city": property.Text("København"), "skills": property.List("Service blueprints", "Interviews", "لغة الإشارة"),
		"aboutMe": property.Text("I design services that people do not have to think about.\n\nAsk me about forms."), "birthday": property.Instant(time.Date(1988, 3, 14, 0, 0, 0, 0, time.UTC)),
		"mySite": property.Text("https://mira.example/"), "usageLocation": property.Text("DK"), "preferredLanguage": property.Text("da-DK"), "state": property.Null(),
	},
	Manager: &directory.Person{Name: "Jonas Weidenmüller-Szczepański", Title: "Head of Customer care"},
}

func (p *Portal) galleryDrawing(v *web.Visit) drawing {
	d := drawing{p: v.Printer, user: galleryPerson, editing: "all"}
	locked := fail.T("Your organization does not let this be changed here.")
	for _, def := range p.props.All() {
		if _, ok := galleryPerson.Values[def.Name]; !ok {
			continue
		}
		f := policy.Field{Def: def, Write: true, Max: def.Graph.Max, Only: true}
		switch def.Name {
		case "displayName", "userPrincipalName", "jobTitle", "department":
			f.Write, f.Reason = false, locked
		case "mobilePhone":
			f.Required = true
		case "officeLocation":
			f.Options = []policy.Option{{Value: "Copenhagen 4.12", Follows: property.Values{"city": property.Text("København")}}, {Value: "Hamburg 2.03", Follows: property.Values{"city": property.Text("Hamburg")}}}
		}
		d.fields = append(d.fields, f)
	}
	return d
}

func (p *Portal) gallery(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	d := p.galleryDrawing(v)
	d.typed = typed{"city": {"Aarhus"}}
	d.errors = map[string]string{"city": v.Printer.S("Use at most %[1]d characters. This has %[2]d.", 128, 1024)}
	b := galleryBody{States: galleryStates, People: []directory.Person{*galleryPerson.Manager, {Ref: directory.Ref{ID: "b"}, Name: "أحمد المنصوري", Title: "مدير"}, {Ref: directory.Ref{ID: "c"}, Name: "X"}}}
	for _, f := range d.fields {
		fv := d.field(f)
		if f.Write {
			b.Fields = append(b.Fields, fv)
		}
		fv.ID = "r-" + fv.ID
		b.Rows = append(b.Rows, fv)
	}
	for i, e := range p.galleryEntries() {
		dv := p.doneOf(v, e, nil)
		dv.ID = "done-" + strconv.Itoa(i)
		b.Done = append(b.Done, *dv)
	}
	b.Wrong = profileBody{ProblemTitle: v.Printer.S("Nothing was saved yet"), Problems: []problemView{{Say: v.Printer.S("Nothing was changed. Look at the marked fields, correct them and save again.")}, {Href: "#f-city", Label: v.Printer.S("City"), Say: d.errors["city"]}}}
	return p.show(w, v, http.StatusOK, "gallery", p.page(r, v, "", fail.T("Gallery"), b))
}

// galleryEntries are one entry for each state that a change can come to.
func (p *Portal) galleryEntries() []change.Entry {
	found := explain.Explain(explain.Answer{Doing: explain.Writing, Status: 400, Code: "Request_BadRequest", Text: "on-premises mastered", On: explain.Target{ID: "gallery", Synced: explain.Yes}})
	denied := &fail.Error{Op: "gallery", Kind: found.Kind, Say: found.Say, Err: explain.With(found, errors.New("gallery"))}
	set := property.Values{"city": property.Text("Aarhus"), "skills": property.List("Interviews")}
	before := property.Values{"city": property.Text("København"), "skills": property.List()}
	by := directory.Actor{Kind: directory.PersonActor, Ref: galleryPerson.Ref, Name: "Mira Østergaard", From: "192.0.2.10"}
	at := p.Now()
	var out []change.Entry
	for i, c := range []struct {
		state change.State
		parts []change.Part
	}{
		{change.Applied, []change.Part{{Names: []property.Name{"city"}, State: change.Applied}}},
		{change.Partly, []change.Part{{Names: []property.Name{"city"}, State: change.Applied}, {Names: []property.Name{"skills"}, State: change.Refused, Problem: denied}}},
		{change.Unverified, []change.Part{{Names: []property.Name{"city"}, State: change.Unverified}}},
		{change.Unchanged, nil},
		{change.Refused, []change.Part{{Names: []property.Name{"city"}, State: change.Refused, Problem: denied}}},
		{change.Open, nil},
		{change.Conflicted, []change.Part{{Names: []property.Name{"city"}, State: change.Conflicted}}},
		{change.Unverified, []change.Part{{Names: []property.Name{"city"}, State: change.Unverified, Problem: &fail.Error{Op: "gallery", Kind: fail.Unavailable, Code: "unconfirmed"}}}},
	} {
		e := change.Entry{
			ID: "gallery-" + strconv.Itoa(i), Change: change.Change{On: galleryPerson.Ref, Do: change.Update, Set: set, By: by}, Begun: at.Add(-time.Duration(i) * 9 * time.Hour), Ended: at,
			Outcome: change.Outcome{State: c.state, Parts: c.parts, Before: before, After: set},
		}
		if i == 3 {
			e.Change.By = directory.Actor{Kind: directory.OtherActor}
		}
		out = append(out, e)
	}
	return out
}

func (p *Portal) galleryState(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	state := r.PathValue("state")
	if code, err := strconv.Atoi(state); err == nil && code >= 400 && code < 600 {
		return &web.Refusal{Status: code, Retry: map[int]time.Duration{429: 20 * time.Second, 503: 2 * time.Minute}[code]}
	}
	guest := web.Session{Ref: galleryPerson.Ref, Name: "Mira Østergaard", UPN: "mira.ostergaard@contoso.example"}
	switch state {
	case access.CodeConsent, access.CodeAdminNeeded, access.CodeUnassigned, access.CodeTenant, access.CodeDisabled, access.CodeAttempt, access.CodeToken, access.CodeClaims:
		return p.signInFailed(w, r, v, &fail.Error{Op: "gallery", Kind: fail.Denied, Code: state})
	case "expired", "expired-lost":
		body := expiredBody{Title: v.Printer.S("You are signed out"), Say: v.Printer.S("Your session ended before you saved, so nothing was changed."), Login: "/login", Kept: state == "expired"}
		if !body.Kept {
			body.Typed = []typedView{{ID: "f-city", Label: v.Printer.S("City"), Text: "Aarhus", Rows: 1}}
		}
		return p.show(w, v, http.StatusUnauthorized, "expired", p.page(r, v, "", fail.T("You are signed out"), body))
	case "signed-out":
		return p.show(w, v, http.StatusOK, "signed-out", p.page(r, v, "", fail.T("You are signed out"), signedOutBody{Authority: "/signed-out", Login: "/login"}))
	case "sign-in-several":
		pg := p.page(r, v, "", fail.T("Sign in"), signInBody{Orgs: []orgView{
			{"Contoso Wetterinstrumente", "/login", true}, {"Fabrikam", "/login", false}, {"مجموعة الشرق للأجهزة", "/login", false}, {"Northwind Traders and Their Very Long Legal Name Company Limited", "/login", false},
		}})
		pg.Org = ""
		return p.show(w, v, http.StatusOK, "sign-in", pg)
	}
	v.Session = &guest
	switch state {
	case "explained":
		v.Session.Roles = admin.Roles
		found := explain.Explain(explain.Answer{Status: 403, Code: "Authorization_RequestDenied", Grants: []string{"User.Read.All"}, Needs: []string{"Group.Read.All"}})
		return &fail.Error{Op: "gallery", Kind: found.Kind, Say: found.Say, Err: explain.With(found, errors.New("gallery"))}
	case "parts":
		return p.galleryParts(w, r, v)
	case "conflict":
		out := change.Outcome{Conflicts: []change.Conflict{
			{Name: "city", Saw: property.Text("København"), Now: property.Text("Aarhus"), Wanted: property.Text("Odense")},
			{Name: "skills", Saw: property.List(), Now: property.List("Writing"), Wanted: property.List("Kayaking", "Writing")},
		}}
		return p.conflictPage(w, r, v, property.Values{"mobilePhone": property.Text("+45 99 99 99 99")}, out)
	case "history":
		b := historyBody{historyPages: historyPages{Older: "/gallery/history", Newer: "/gallery/history", Newest: "/gallery/history"}}
		for i, e := range p.galleryEntries() {
			day := v.Printer.LongDate(e.Begun)
			if n := len(b.Days); n == 0 || b.Days[n-1].Title != day {
				b.Days = append(b.Days, dayView{Title: day})
			}
			d := &b.Days[len(b.Days)-1]
			d.Entries = append(d.Entries, p.entryView(v, e, i == 1))
		}
		return p.show(w, v, http.StatusOK, "history", p.page(r, v, "history", fail.T("History"), b))
	case "photo-wrong":
		b := photoBody{
			Name: guest.Name, ID: guest.Ref.ID, Token: v.Token("photo"), MaxMB: 4, MinPix: 48, MaxBytes: 4 << 20,
			Problem: v.Printer.S("This is a HEIC or AVIF picture, as many phones take them. Save it as JPEG first, then choose it again."),
		}
		return p.show(w, v, http.StatusUnprocessableEntity, "photo", p.page(r, v, "profile", fail.T("Photo"), b))
	case "profile-wrong", "profile-guest":
		d := p.galleryDrawing(v)
		b := profileBody{}
		if state == "profile-wrong" {
			d.typed = typed{"city": {"Aarhus"}, "mobilePhone": {""}}
			d.errors = map[string]string{"mobilePhone": v.Printer.S("Your organization asks for this. Write a value.")}
			b.ProblemTitle, b.Problems = v.Printer.S("Nothing was saved yet"), []problemView{{Say: v.Printer.S("Nothing was changed. Look at the marked fields, correct them and save again.")}}
		} else {
			d.editing = ""
			d.user.Guest, d.user.Sync = true, directory.Synced
			d.user.Missing = []directory.Missing{{What: "manager"}, {What: "city"}}
			d.user.Manager = nil
			b.Others = []otherView{{Label: v.Printer.S("Job title"), Was: "Service designer", Now: "Head of design"}}
			b.OthersSince = v.Printer.Date(p.Now())
		}
		p.fill(v, &b, d)
		return p.show(w, v, http.StatusOK, "profile", p.page(r, v, "profile", fail.T("My profile"), b))
	}
	return web.Refuse(http.StatusNotFound)
}
