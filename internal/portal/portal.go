// Package portal owns the pages: signing in, a person's own profile, its photo and its history, and the words and looks of all of
// them.
//
// It promises that the person whose profile is changed is the one of the session, never one that a request names; that a form
// changes only the fields that it showed; that what was typed is never lost; and that every page works without JavaScript. It
// decides nothing about who may change what (package policy does) and writes to no directory itself (package change does).
package portal

import (
	"context"
	"embed"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
	"nameplate/internal/keep"
	"nameplate/internal/lang"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

//go:embed view
var views embed.FS

//go:embed asset
var assets embed.FS

// Engine makes changes (package change).
type Engine interface {
	// Apply takes a change all the way; an error means that nothing is known to have become of it.
	Apply(ctx context.Context, c change.Change) (change.Outcome, error)
	// Inverse is the change that takes an entry back; an error says why it cannot be.
	Inverse(ctx context.Context, tenant, entry string, by directory.Actor) (change.Change, error)
}

// Form says what a person's profile page shows and which of it they may edit (package policy).
type Form interface {
	// Names are the properties to read of a person before Form can be asked.
	Names() []property.Name
	Form(by directory.Actor, on directory.User) []policy.Field
	Photo(by directory.Actor, on directory.User) (f policy.Field, ok bool)
	// Properties describe what the fields are about.
	Properties() *property.Set
}

// Reader reads the directory (package directory).
type Reader interface {
	User(ctx context.Context, as directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error)
	Photo(ctx context.Context, as directory.Authority, on directory.Ref, px int) (directory.Photo, error)
}

// Journal is the history of changes (package change).
type Journal interface {
	Get(ctx context.Context, tenant, id string) (change.Entry, error)
	Find(ctx context.Context, tenant string, q change.Search, before int64, n int) ([]change.Entry, error)
	Blob(ctx context.Context, tenant, sum string) ([]byte, error)
}

// Access signs people in and remembers what they typed and saw (package access).
type Access interface {
	Begin(ctx context.Context, b access.Begin) (access.Begun, error)
	Finish(ctx context.Context, c access.Callback) (access.Finished, error)
	Session(ctx context.Context, cookie, from string) (access.Session, error)
	Confirm(session string, at time.Time)
	SignOut(ctx context.Context, cookie string) (redirect string, err error)
	FrontChannel(ctx context.Context, q url.Values) (int, error)
	Stash(ctx context.Context, cookie string, f access.Form) error
	Unstash(ctx context.Context, s access.Session) (access.Form, error)
	Seen(ctx context.Context, ref directory.Ref) (directory.User, error)
	PutSeen(ctx context.Context, u directory.User) error
	Settings(ctx context.Context, ref directory.Ref) (access.Settings, error)
	PutSettings(ctx context.Context, ref directory.Ref, v access.Settings) error
	Connect(ctx context.Context, session string, ask access.Ask) (access.Session, error)
	Programs(ctx context.Context, ref directory.Ref) ([]access.Session, error)
	EndProgram(ctx context.Context, ref directory.Ref, id string) error
}

// Keeper tells what is kept of a person (package keep).
type Keeper interface {
	Of(ctx context.Context, on directory.Ref) (keep.File, error)
	Exported(ctx context.Context, by directory.Actor, on directory.Ref, name, what string, entries int, why string) error
}

// Brand is what makes the portal the organization's own.
type Brand struct {
	Name   string // of the organization
	Accent string // "#2456c7"; "" is ours
	Logo   []byte // PNG or SVG; nil is the initial of the name
	// Privacy is the address of the organization's privacy notice (https), linked at the foot of each page; "" for none.
	Privacy string
}

// Deps are what the pages of one organization need. Site, Engine, Form, Reader, Journal, Access, Keep and Now are required.
type Deps struct {
	// Tenant is the organization's tenant id; needed where several share a site.
	Tenant  string
	Site    *web.Site
	Engine  Engine
	Form    Form
	Reader  Reader
	Journal Journal
	Access  Access
	Brand   Brand
	Log     *slog.Logger
	Now     func() time.Time
	// Keep tells people what is kept of them.
	Keep Keeper
	// Desk is where people with a role look after others; nil: no pages for them.
	Desk *admin.Desk
	// Bulk makes plans of spreadsheets and selections; needed with Desk.
	Bulk *bulk.Bulk
	// Random makes passwords; needed with Desk.
	Random io.Reader
	// NewID makes ids of entries; needed with Desk.
	NewID func() string
	// Support is who helps when a field is locked or something fails: an e-mail address or an https address, "" for none.
	Support string
	// Delegated says that the application has no permission of its own: only what Microsoft lets a person write can be edited.
	Delegated bool
	// Emulator says that the directory is the emulator: every page says so.
	Emulator bool
	// Stopped is the stop of writing that is in force for a tenant ("" before anybody has signed in); every page says so. A nil func:
	// nothing can be stopped.
	Stopped func(ctx context.Context, tenant string) (*change.Stop, error)
	// Health is what is known of the portal itself, looked at anew when again is set; needed with Desk.
	Health func(ctx context.Context, again bool) Health
	// Gallery adds the pages that show every part with all its states.
	Gallery bool
}

// Portal is the set of pages of one organization.
type Portal struct {
	Deps
	orgs    []org // the organizations to sign in to, where there are several and it is not known yet which
	views   *web.Views
	assets  *web.Assets
	accent  accent
	props   *property.Set
	uploads turns
	easel   chan struct{} // holds one picture
}

// New checks the dependencies and that every page's template can be read. Mount puts the pages on the site.
func New(d Deps) (*Portal, error) {
	if d.Site == nil || d.Engine == nil || d.Form == nil || d.Reader == nil || d.Journal == nil || d.Access == nil || d.Keep == nil || d.Now == nil {
		return nil, errors.New("portal: Site, Engine, Form, Reader, Journal, Access, Keep and Now are required")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	p := &Portal{Deps: d, props: d.Form.Properties(), easel: make(chan struct{}, 1)}
	var err error
	if p.accent, err = newAccent(d.Brand.Accent); err != nil {
		return nil, err
	}
	more := map[string][]byte{"brand.css": p.accent.css()}
	if len(d.Brand.Logo) > 0 {
		name, err := logoName(d.Brand.Logo)
		if err != nil {
			return nil, err
		}
		more[name] = d.Brand.Logo
	}
	files, _ := fs.Sub(assets, "asset")
	if p.assets, err = web.NewAssets(files, more); err != nil {
		return nil, err
	}
	pages, _ := fs.Sub(views, "view")
	if p.views, err = web.NewViews(pages, d.Site.Printers(d.Tenant), p.funcs, "t", "icon", "asset"); err != nil {
		return nil, err
	}
	return p, nil
}

// routes are the pages, each with its right.
func (p *Portal) routes() []web.Route {
	var all []web.Route
	add := func(r web.Route) { all = append(all, r) }
	get := func(path string, right web.Right, h web.Handler) {
		add(web.Route{Method: http.MethodGet, Path: path, Right: right, Handler: h})
	}
	post := func(path string, right web.Right, h web.Handler) {
		add(web.Route{Method: http.MethodPost, Path: path, Right: right, Handler: h})
	}
	get("/{$}", web.Public(), p.root)
	get("/favicon.ico", web.Public(), p.icon)
	get("/sign-in", web.Public(), p.signIn)
	get("/login", web.Public(), p.login)
	get(access.CallbackPath, web.Public(), p.callback)
	get(access.FrontChannelPath, web.Public(), p.frontChannel)
	get("/signed-out", web.Public(), p.signedOut)
	post("/sign-out", web.Person(), p.signOut)
	get("/help", web.Public(), p.help)
	post("/preferences", web.Public(), p.preferences)

	get("/profile", web.Person(), p.profile)
	add(web.Route{Method: http.MethodPost, Path: "/profile", Right: web.Person(), Handler: p.save, Ended: p.keep})
	add(web.Route{Method: http.MethodPost, Path: "/profile/resolve", Right: web.Person(), Handler: p.resolve, Ended: p.keepChoices})
	post("/profile/seen", web.Person(), p.seen)
	get("/profile/photo", web.Person(), p.photoPage)
	add(web.Route{Method: http.MethodPost, Path: "/profile/photo", Right: web.Person(), Handler: p.savePhoto, Body: 5 << 20, Files: true})
	post("/profile/photo/remove", web.Person(), p.removePhoto)
	get("/photo", web.Person(), p.photo)
	get("/ask/{name...}", web.Person(), p.ask)
	get("/history", web.Person(), p.history)
	post("/history/{id}/undo", web.Person(), p.undo)
	get("/data", web.Person(), p.ownKept)
	post("/data/file", web.Person(), p.ownData)
	if p.Desk != nil {
		p.deskRoutes(add, get, post)
	}
	if p.Gallery {
		get("/gallery", web.Public(), p.gallery)
		get("/gallery/{state}", web.Public(), p.galleryState)
	}
	return all
}

// Sessions lets package web find sessions in package access.
type Sessions struct{ Access Access }

// Session is web.Sessions.
func (s Sessions) Session(ctx context.Context, secret, from string) (web.Session, error) {
	got, err := s.Access.Session(ctx, secret, from)
	if err != nil {
		return web.Session{}, err
	}
	return web.Session{ID: got.ID, Ref: got.Ref, Name: got.Name, UPN: got.UPN, Roles: got.Roles, Groups: got.Groups, Guest: got.Guest, SignedIn: got.SignedIn, Recovered: got.Recovered}, nil
}

// page is what every page's template gets.
type page struct {
	Title     string
	Here      string // which part of the navigation this is: "profile", "history", "help", ""
	Wide      bool   // tables: more room, and the parts of desk.css
	Again     int    // seconds after which a page without script is read anew, 0 for never
	Nav       []navGroup
	Language  lang.Language
	Languages []lang.Language
	Chosen    string // language chosen by hand
	Theme     string
	Org       string
	Logo      string // address of the logo, "" for none
	Privacy   string // address of the privacy notice, "" for none
	Session   *web.Session
	Emulator  bool
	Stopped   *stopView // nothing can be saved now
	Support   string
	Back      string // where the language switch returns to
	Token     string // for the switch in the foot
	SignOut   string // token for signing out
	Year      int
	Body      any
}

func (p *Portal) page(r *http.Request, v *web.Visit, here string, title fail.Text, body any) page {
	pg := page{
		Title: v.T(title), Here: here, Language: v.Printer.Language, Languages: lang.All(), Chosen: web.Chosen(r), Theme: v.Theme,
		Org: p.Brand.Name, Privacy: p.Brand.Privacy, Session: v.Session, Emulator: p.Emulator, Support: p.Support, Back: "/", Token: v.Token("preferences"), Body: body,
	}
	if r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/auth/") { // a sign-in's answer carries a code
		pg.Back = guard.Next(r.URL.RequestURI())
	} else if v.Session != nil {
		pg.Back = "/profile"
	}
	if v.Session != nil {
		pg.SignOut = v.Token("sign-out")
		pg.Nav = p.places(v)
	}
	pg.Stopped = p.stop(r.Context(), v, p.Desk != nil && v.Session != nil && admin.Looks(v.Actor()))
	for _, name := range logoNames {
		if p.assets.Has(name) {
			pg.Logo = p.assets.URL(name)
		}
	}
	return pg
}

// places are where somebody can go: everybody's own, and for people with a role the pages about others.
func (p *Portal) places(v *web.Visit) []navGroup {
	groups := []navGroup{{Items: []navItem{
		{Key: "profile", Href: "/profile", Icon: "person", Label: v.Printer.S("My profile")},
		{Key: "history", Href: "/history", Icon: "clock", Label: v.Printer.S("History")},
		{Key: "help", Href: "/help", Icon: "help", Label: v.Printer.S("Help")},
	}}}
	if p.Desk == nil || !admin.Looks(v.Actor()) {
		return groups
	}
	return append(groups, navGroup{Title: v.Printer.S("Administration"), Items: []navItem{
		{Key: "overview", Href: "/admin", Icon: "chart", Label: v.Printer.S("Overview")},
		{Key: "people", Href: "/admin/people", Icon: "people", Label: v.Printer.S("People")},
		{Key: "groups", Href: "/admin/groups", Icon: "group", Label: v.Printer.S("Groups")},
		{Key: "licenses", Href: "/admin/licenses", Icon: "key", Label: v.Printer.S("Licenses")},
		{Key: "sheets", Href: importsPath, Icon: "sheet", Label: v.Printer.S("Spreadsheets")},
		{Key: "changes", Href: "/admin/history", Icon: "clock", Label: v.Printer.S("All changes")},
		{Key: "policy", Href: "/admin/policy", Icon: "rules", Label: v.Printer.S("Policy")},
		{Key: "health", Href: healthPath, Icon: "shield", Label: v.Printer.S("Health and settings")},
	}})
}

// Groups says that there are more places than fit beside each other on a phone.
func (p page) Groups() bool { return len(p.Nav) > 1 }

// Place is the name of the part of the navigation that this page is in, "" for none.
func (p page) Place() string {
	for _, g := range p.Nav {
		for _, i := range g.Items {
			if i.Key == p.Here {
				return i.Label
			}
		}
	}
	return ""
}

// show renders a view and sends it.
func (p *Portal) show(w http.ResponseWriter, v *web.Visit, status int, view string, pg page) error {
	b, err := p.views.Render(v.Printer.Language.Code, view, pg)
	if err != nil {
		return fail.Wrap(fail.Internal, "portal.show", err)
	}
	return web.Write(w, status, b)
}

// icon is what browsers ask for unasked where a page names none, as beside a photo or a file.
func (p *Portal) icon(w http.ResponseWriter, r *http.Request, _ *web.Visit) error {
	http.Redirect(w, r, p.assets.URL("icon.svg"), http.StatusFound)
	return nil
}

type problemBody struct {
	web.Problem
	TitleText, SayText, DoText, RetryText string
	SignIn                                string // where to sign in again, when that is the remedy
	Why                                   *whyView
	Again                                 string // the same page, when waiting is the remedy and nothing was sent
}

// problemPage shows any failure: what happened, what it means, what to do, and the reference under Details.
func (p *Portal) problemPage(w http.ResponseWriter, r *http.Request, v *web.Visit, pr web.Problem) error {
	body := problemBody{Problem: pr, TitleText: v.T(pr.Title), SayText: v.T(pr.Say), DoText: v.T(pr.Do), Why: why(v, pr.Found, pr.Reference)}
	if pr.Retry > 0 {
		body.RetryText = v.Printer.Duration(pr.Retry)
		if r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/auth/") {
			body.Again = guard.Next(r.URL.RequestURI())
		}
	}
	if pr.Status == http.StatusUnauthorized {
		next := "/profile"
		if r.Method == http.MethodGet {
			next = r.URL.RequestURI()
		}
		body.SignIn = "/login?" + url.Values{"next": {guard.Next(next)}}.Encode()
	}
	pg := p.page(r, v, "", pr.Title, body)
	return p.show(w, v, pr.Status, "problem", pg)
}

// again turns an error that only a new sign-in can mend into the page that offers it.
func again(err error) error {
	if access.Code(err) == access.CodeSignIn || access.Code(err) == access.CodeDisabled {
		return &web.Refusal{Status: http.StatusUnauthorized, Say: sayOf(err), Cause: err}
	}
	return err
}

func sayOf(err error) fail.Text {
	if e, ok := errorAs(err); ok {
		return e.Say
	}
	return fail.Text{}
}

func errorAs(err error) (e *fail.Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}
