package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/doctor"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// The page for whoever looks after the portal itself: whether it works, what to do when it does not, and the one stop button.

// Health is what is known of the portal as far as one organization has to do with it.
type Health struct {
	Findings []doctor.Finding // the worst first
	At       time.Time        // when they were found
	Settings []Setting        // in force; no secret
	// Requests to Microsoft Graph since the process began, how many of them it asked to come again later, and when it last did; zero for
	// never.
	Requests, Throttled int
	Busy                time.Time
}

// Setting is one setting as it is in force.
type Setting struct{ Key, Value string }

const healthPath = "/admin/health"

type healthBody struct {
	Stop      *stopView // in force
	MayStop   bool      // the reader may stop all saving, or let it go on
	Token     string
	Scope     string // of the form in force
	Why       string
	WhyError  string
	Examined  string
	AgainText string // token of "examine again"
	Findings  []findingView
	Fine      []string // what was examined and is in order
	English   bool     // the reader's language is another than that of the findings
	Throttle  []factView
	Settings  []Setting
}

// findingView is one finding: a title in the reader's language, and the operator's words.
type findingView struct {
	doctor.Finding
	Title string
	State badgeView
	Begun string
}

// stopView is a stop of all writing, for who may know of it.
type stopView struct {
	By, Why, Since string
	All            bool   // of every organization: it is let go on the machine
	Href           string // where to look; "" for who has no role
}

// stop is the stop that is in force for a visitor, nil for none. Who stopped it and why is for those with a role.
func (p *Portal) stop(ctx context.Context, v *web.Visit, looks bool) *stopView {
	if p.Deps.Stopped == nil {
		return nil
	}
	tenant := ""
	if v.Session != nil {
		tenant = v.Session.Ref.Tenant
	}
	s, err := p.Deps.Stopped(ctx, tenant)
	if err != nil || s == nil {
		return nil // a page that cannot tell is shown all the same; the engine refuses
	}
	if !looks {
		return &stopView{}
	}
	return p.stopView(v, s)
}

func (p *Portal) stopView(v *web.Visit, s *change.Stop) *stopView {
	return &stopView{By: s.By, Why: s.Why, Since: moment(v, s.Since), All: s.Tenant == "", Href: healthPath}
}

// moment is a day and a time of it, for what is looked up to the minute.
func moment(v *web.Visit, t time.Time) string {
	return join(v.Printer, []string{v.Printer.LongDate(t), v.Printer.Clock(t)})
}

func (p *Portal) healthRoutes(get, post func(string, web.Right, web.Handler), look web.Right) {
	boss := web.Holder(directory.Admin)
	get(healthPath, look, p.health)
	post(healthPath+"/examine", look, p.examine)
	post(healthPath+"/stop", boss, func(w http.ResponseWriter, r *http.Request, v *web.Visit) error { return p.brake(w, r, v, "stop") })
	post(healthPath+"/go", boss, func(w http.ResponseWriter, r *http.Request, v *web.Visit) error { return p.brake(w, r, v, "go") })
}

func (p *Portal) health(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	why := ""
	if r.URL.Query().Get("recovered") != "" {
		if f := p.kept(r.Context(), v, healthPath); f != nil {
			why = f.Get("why")
		}
	}
	return p.healthPage(w, r, v, http.StatusOK, why, "")
}

func (p *Portal) healthPage(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, why, wrong string) error {
	stop, err := p.Desk.Stopped(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	h := p.Health(r.Context(), false)
	b := healthBody{
		MayStop: slices.Contains(v.Session.Roles, directory.Admin), Scope: "stop", Why: why, WhyError: wrong, AgainText: v.Token("examine"),
		Examined: v.Printer.S("Examined on %[1]s at %[2]s.", v.Printer.LongDate(h.At), v.Printer.Clock(h.At)), English: v.Printer.Language.Code != "en", Settings: h.Settings,
	}
	if stop != nil {
		b.Stop, b.Scope = p.stopView(v, stop), "go"
		b.MayStop = b.MayStop && !b.Stop.All
	}
	b.Token = v.Token(b.Scope)
	for _, f := range h.Findings {
		one := findingView{Finding: f, Title: findingTitle(v, f.Code)}
		switch f.Level {
		case doctor.OK:
			if !slices.Contains(b.Fine, one.Title) {
				b.Fine = append(b.Fine, one.Title)
			}
			continue
		case doctor.Error:
			one.State = badgeView{"critical", v.Printer.S("Does not work")}
		case doctor.Warning:
			one.State = badgeView{"caution", v.Printer.S("Look at this")}
		case doctor.Note:
			one.State = badgeView{"info", v.Printer.S("Note")}
		}
		one.Begun = moment(v, f.Since)
		b.Findings = append(b.Findings, one)
	}
	b.Throttle = []factView{
		{v.Printer.S("Requests to Microsoft Graph since the start"), v.Printer.Number(h.Requests)},
		{v.Printer.S("Asked to come again later"), v.Printer.Number(h.Throttled)},
		{v.Printer.S("Last time"), v.Printer.S("Never")},
	}
	if !h.Busy.IsZero() {
		b.Throttle[2].Value = moment(v, h.Busy)
	}
	return p.show(w, v, status, "health", p.desk(r, v, "health", fail.T("Health and settings"), b))
}

// examine lets the doctor look now.
func (p *Portal) examine(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	if _, err := v.FormFor(r, "examine"); err != nil {
		return err
	}
	p.Health(r.Context(), true)
	http.Redirect(w, r, healthPath, http.StatusSeeOther)
	return nil
}

// brake stops all saving of the organization, or lets it go on: with a reason, and after a sign-in of a moment ago (A12).
func (p *Portal) brake(w http.ResponseWriter, r *http.Request, v *web.Visit, what string) error {
	f, err := v.FormFor(r, what)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool { return k == "why" }); err != nil {
		return err
	}
	why, ok := directory.Reason(f.Get("why"))
	if why == "" || !ok {
		return p.healthPage(w, r, v, http.StatusUnprocessableEntity, why, v.Printer.S("Say why, in at most 500 characters: everybody who looks after this portal will read it."))
	}
	if !p.fresh(v) {
		return p.stepUp(w, r, v, healthPath, f)
	}
	if what == "stop" {
		_, err = p.Desk.Stop(r.Context(), v.Actor(), why)
	} else {
		_, err = p.Desk.Go(r.Context(), v.Actor(), why)
	}
	if err != nil {
		return err
	}
	p.Log.Warn("all writing: "+what, "request", v.ID, "tenant", v.Session.Ref.Tenant, "userid", v.Session.Ref.ID, "from", v.From)
	http.Redirect(w, r, healthPath+"?"+url.Values{"done": {what}}.Encode(), http.StatusSeeOther)
	return nil
}

// findingTitles name what a finding is about, by the doctor's codes or, where something stands behind a colon, by what is before it.
var findingTitles = map[string]fail.Text{
	"database": fail.T("Database"), "stopped": fail.T("Saving"), "key_file": fail.T("Key file"), "authority": fail.T("Sign-in service"), "cloud": fail.T("Microsoft cloud"),
	"clock": fail.T("Clock"), "redirect": fail.T("Address that a sign-in comes back to"), "credential": fail.T("How the application proves itself"),
	"credential_end": fail.T("How the application proves itself"), "consent": fail.T("Consent"), "consent_outdated": fail.T("Consent"), "registration": fail.T("App registration"),
	"wide": fail.T("Permissions"), "excess": fail.T("Permissions"), "role": fail.T("Directory role of the application"),
	"feature:profiles": fail.T("Profiles"), "feature:photos": fail.T("Photos"), "feature:groups": fail.T("Groups"), "feature:licenses": fail.T("Licenses"),
	"feature:managers": fail.T("Managers"), "feature:accounts": fail.T("Accounts on and off"), "feature:deletion": fail.T("Delete and restore"),
	"feature:sessions": fail.T("End sign-ins"), "feature:passwords": fail.T("Passwords"),
}

func findingTitle(v *web.Visit, code string) string {
	title, known := findingTitles[code]
	if family, _, more := strings.Cut(code, ":"); !known && more {
		title, known = findingTitles[family]
	}
	if !known {
		return code
	}
	return v.T(title)
}
