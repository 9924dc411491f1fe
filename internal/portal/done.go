package portal

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// doneView tells what became of a change: what was saved, old and new, what was not and why, and how to take it back.
type doneView struct {
	ID       string // of the element
	Tone     string // positive, caution, info
	Title    string
	Lead     string
	Saved    []pairView
	NotSaved []partView
	Entry    string
	Under    string // before the address of the undo: "/admin" where it is somebody else's profile
	Undo     string // token, "" when there is nothing to take back
	UndoFor  string // scope of the token
	Again    string // address that opens the form with what was not saved
	Spread   bool   // say when others will see it
	Photo    bool
}

type pairView struct {
	Label, Was, Now string
	Waiting         bool // not visible yet
	NotSaved        bool
}

type partView struct {
	Labels  []string
	Say, Do string
	Why     *whyView
}

// entry reads one of the person's own journal entries; an entry about somebody else does not exist here.
func (p *Portal) entry(ctx context.Context, v *web.Visit, id string) (change.Entry, error) {
	if len(id) > 100 || strings.ContainsFunc(id, func(r rune) bool { return r < '-' || r > 'z' }) {
		return change.Entry{}, web.Refuse(http.StatusNotFound)
	}
	e, err := p.Journal.Get(ctx, v.Session.Ref.Tenant, id)
	switch {
	case fail.Is(err, fail.NotFound), err == nil && e.Change.On != v.Session.Ref: // told alike, or it could be asked what others have
		return change.Entry{}, web.Refuse(http.StatusNotFound)
	case err != nil:
		return change.Entry{}, err
	}
	return e, nil
}

func (p *Portal) done(ctx context.Context, v *web.Visit, id string, fields []policy.Field) (*doneView, error) {
	e, err := p.entry(ctx, v, id)
	if err != nil {
		return nil, err
	}
	return p.doneOf(v, e, fields), nil
}

func (p *Portal) doneOf(v *web.Visit, e change.Entry, fields []policy.Field) *doneView {
	pr, o := v.Printer, e.Outcome
	d := &doneView{ID: "done", Entry: e.ID, Tone: "positive", Photo: e.Change.Do == change.Photo}
	for _, part := range o.Parts {
		switch part.State {
		case change.Applied, change.Unverified:
			for _, n := range part.Names {
				d.Saved = append(d.Saved, p.pair(v, e, n, fields, part.State == change.Unverified && !part.Unclear()))
			}
		case change.Unchanged:
		default:
			pv := partView{}
			for _, n := range part.Names {
				pv.Labels = append(pv.Labels, p.labelFor(v, n, fields))
			}
			if part.Problem != nil {
				w := web.ProblemOf(part.Problem)
				pv.Say, pv.Do, pv.Why = v.T(w.Say), v.T(w.Do), why(v, w.Found, e.ID)
			} else if part.State == change.Conflicted {
				pv.Say = pr.S("Somebody else changed it at the same time. So that nobody's work is overwritten, yours was not saved.")
			}
			d.NotSaved = append(d.NotSaved, pv)
		}
	}
	switch o.State {
	case change.Applied:
		d.Title, d.Lead = pr.S("Saved"), pr.S("Microsoft 365 has it: it was read back and is as you wanted.")
		d.Spread = true
	case change.Unchanged:
		d.Tone, d.Title, d.Lead = "info", pr.S("Nothing to save"), pr.S("Your profile already said that.")
	case change.Partly:
		d.Tone, d.Title, d.Lead = "caution", pr.S("Partly saved"), pr.S("Some of your changes were saved, others were not. What you typed for those is kept.")
		d.Again, d.Spread = "/profile?again="+e.ID, true
	case change.Unverified:
		if o.Unclear() {
			d.Tone, d.Title, d.Lead = "caution", pr.S("Not known yet whether this was saved"), pr.S("Microsoft 365 did not answer clearly. Nameplate keeps looking and notes the result in your history. What you typed is kept.")
			d.Again = "/profile?again=" + e.ID
			break
		}
		d.Tone, d.Title, d.Lead = "info", pr.S("Accepted, not visible yet"), pr.S("Microsoft 365 took your change but does not show it yet. This usually takes a few seconds; Nameplate keeps looking and notes the result in your history.")
	case change.Open:
		d.Tone, d.Title, d.Lead = "info", pr.S("Being saved"), pr.S("This change is still under way. Reload the page in a few seconds.")
	default:
		d.Tone, d.Title, d.Lead = "caution", pr.S("Not saved"), pr.S("Nothing was changed. What you typed is kept.")
		d.Again = "/profile?again=" + e.ID
	}
	if v.Session != nil && undoable(e, v.Session.Ref) {
		d.UndoFor = "undo " + e.ID
		d.Undo = v.Token(d.UndoFor)
	}
	return d
}

func undoable(e change.Entry, self directory.Ref) bool {
	return e.Change.By.Self(self) && e.Undoable()
}

func (p *Portal) labelFor(v *web.Visit, n property.Name, fields []policy.Field) string {
	switch n {
	case change.PhotoName:
		return v.Printer.S("Photo")
	case directory.FacetManager:
		return v.Printer.S("Manager")
	case directory.FacetAccount:
		return v.Printer.S("Account")
	case directory.FacetPassword:
		return v.Printer.S("Password set")
	case directory.FacetSessions:
		return v.Printer.S("Sign-ins count from")
	case "groups":
		return v.Printer.S("Groups")
	case "licenses":
		return v.Printer.S("Licenses")
	case "reports":
		return v.Printer.S("Direct reports")
	case change.KeyRole:
		return v.Printer.S("Role")
	case change.KeyScopes:
		return v.Printer.S("Scopes")
	case change.KeyExpires:
		return v.Printer.S("Expires")
	case change.ExportWhat:
		return v.Printer.S("What")
	case change.ExportEntries:
		return v.Printer.S("Entries")
	}
	if _, ok := directory.GroupOf(n); ok {
		return v.Printer.S("Group")
	}
	if _, ok := directory.SKUOf(n); ok {
		return v.Printer.S("License")
	}
	for _, f := range fields {
		if f.Def.Name == n {
			return v.T(label(f))
		}
	}
	if def, ok := p.props.Def(n); ok {
		return v.T(fail.T(def.House.Label))
	}
	return string(n)
}

// pair is old → new of one name of an entry.
func (p *Portal) pair(v *web.Visit, e change.Entry, n property.Name, fields []policy.Field, waiting bool) pairView {
	was, now := e.Outcome.Before[n], e.Outcome.After[n]
	if _, back := e.Outcome.After[n]; !back || notArrived(e.Outcome, n) { // what was read back is not it
		now = e.Change.Set[n]
	}
	pv := p.pairOf(v, n, was, now, e.Change.Names, fields)
	pv.Waiting = waiting
	return pv
}

// notArrived says that what was read back of n is not what was wanted, and nobody else's either.
func notArrived(o change.Outcome, n property.Name) bool {
	return slices.ContainsFunc(o.Parts, func(part change.Part) bool {
		return slices.Contains(part.Names, n) && (part.State == change.Unverified || part.State == change.Failed || part.State == change.Refused)
	})
}

// pairOf is old → new of a property, of the picture or of a facet; names are what the ids in facets are called.
func (p *Portal) pairOf(v *web.Visit, n property.Name, was, now property.Value, names map[string]string, fields []policy.Field) pairView {
	pv := pairView{Label: p.labelFor(v, n, fields)}
	if n == change.PhotoName {
		word := func(val property.Value) string {
			if val.Empty() {
				return v.Printer.S("no photo")
			}
			return v.Printer.S("a photo")
		}
		pv.Was, pv.Now = word(was), word(now)
		if !was.Empty() && !now.Empty() {
			pv.Now = v.Printer.S("a new photo")
		}
		return pv
	}
	if directory.Facet(n) {
		if name := names[string(n)]; name != "" {
			pv.Label = v.Printer.S("%[1]s: %[2]s", pv.Label, Clear(name))
		}
		pv.Was, pv.Now = facetText(v, n, was, names), facetText(v, n, now, names)
		return pv
	}
	if change.OwnName(n) {
		pv.Was, pv.Now = ownText(v, n, was), ownText(v, n, now)
		return pv
	}
	if def, ok := p.props.Def(n); ok {
		pv.Was, _, _ = look(v.Printer, def, typedAs(def, was))
		pv.Now, _, _ = look(v.Printer, def, typedAs(def, now))
	} else {
		pv.Was, pv.Now = was.String(), now.String()
	}
	return pv
}

// ownText is a value of an entry about what Nameplate keeps itself.
func ownText(v *web.Visit, n property.Name, val property.Value) string {
	switch {
	case val.IsNull():
		return ""
	case n == change.KeyExpires:
		return v.Printer.LongDate(val.Time())
	case n == change.KeyScopes:
		return strings.Join(val.Items(), ", ")
	case val.Str() == change.ExportHistory:
		return v.Printer.S("the history")
	case val.Str() == change.ExportPerson:
		return v.Printer.S("what is kept of a person")
	case n == change.ExportWhat && val.Str() == change.ExportPeople:
		return v.Printer.S("people")
	case n == change.ExportWhat && val.Str() == change.ExportGroups:
		return v.Printer.S("groups")
	case n == change.ExportWhat && val.Str() == change.ExportMembers:
		return v.Printer.S("members of a group")
	case n == change.ExportWhat && val.Str() == change.ExportRows:
		return v.Printer.S("rows of a plan")
	case n == change.ExportWhat && val.Str() == change.ExportPasswords:
		return v.Printer.S("first passwords")
	}
	return val.Str()
}

// facetText is a facet's value as a person reads it.
func facetText(v *web.Visit, n property.Name, val property.Value, names map[string]string) string {
	switch n {
	case directory.FacetManager:
		if name := names[val.Str()]; name != "" {
			return name
		}
		return val.Str()
	case directory.FacetAccount:
		switch {
		case val.IsNull():
			return ""
		case val.Str() == directory.Deleted:
			return v.Printer.S("Deleted")
		case val.Str() == directory.Taken:
			return v.Printer.S("Somebody else's")
		}
		return v.Printer.S("Active")
	case directory.FacetPassword, directory.FacetSessions:
		if val.True() {
			return v.Printer.S("now")
		}
		t := val.Time()
		if t.IsZero() { // a journal keeps it as a text
			t, _ = time.Parse(time.RFC3339, val.Str())
		}
		if t.IsZero() {
			return ""
		}
		return v.Printer.Date(t) + " " + v.Printer.Clock(t) // a day alone would look unchanged
	}
	if _, sku := directory.SKUOf(n); sku {
		off, has := directory.Plans(val)
		switch {
		case !has:
			return v.Printer.S("not given")
		case len(off) > 0:
			return v.Printer.S("given, services off: %d", len(off))
		}
		return v.Printer.S("given")
	}
	if val.True() {
		return v.Printer.S("member")
	}
	return v.Printer.S("not a member")
}

// typedAs makes an instant of a text that a journal kept as JSON.
func typedAs(def property.Def, val property.Value) property.Value {
	if def.Kind == property.KindInstant && val.Str() != "" {
		if t, ok := decodeValue(def, encodeValue(val)); ok {
			return t
		}
	}
	return val
}

type historyBody struct {
	Days []dayView
	historyPages
}

// historyPages are the addresses of a page's neighbors, "" for none.
type historyPages struct{ Older, Newer, Newest string }

type dayView struct {
	Title   string
	Entries []entryView
}

type entryView struct {
	ID, Time, ISO string
	Who, From     string
	Mine          bool
	State         string // word
	Tone          string
	Why           string
	Pairs         []pairView
	Problem       string
	Found         *whyView // what the problem means
	Undo, UndoFor string
	Under         string // where it is undone: "" in one's own history, "/admin" elsewhere
	Undone        bool
	Undoing       bool
	// Where the history is of many people: about whom, what was done, the reason that was given, and the address of the entry.
	On, OnHref   string
	What, Reason string
	Href         string
}

const historyPage = 25

func (p *Portal) history(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	q := r.URL.Query()
	entries, pages, err := leaf("/history", nil, sequence(q.Get("before")), sequence(q.Get("after")), func(before, after int64) ([]change.Entry, error) {
		return p.Journal.Find(r.Context(), v.Session.Ref.Tenant, change.Search{On: v.Session.Ref.ID, After: after}, before, historyPage+1)
	})
	if err != nil {
		return err
	}
	b := historyBody{historyPages: pages}
	undone := takenBack(entries)
	for _, e := range entries {
		day := v.Printer.LongDate(e.Begun)
		if n := len(b.Days); n == 0 || b.Days[n-1].Title != day {
			b.Days = append(b.Days, dayView{Title: day})
		}
		d := &b.Days[len(b.Days)-1]
		d.Entries = append(d.Entries, p.entryView(v, e, undone[e.ID]))
	}
	return p.show(w, v, http.StatusOK, "history", p.page(r, v, "history", fail.T("History"), b))
}

// leaf is one page of a history: what is older than before or follows after; both 0 is the newest page. find gives one entry more than a
// page has.
func leaf(path string, q url.Values, before, after int64, find func(before, after int64) ([]change.Entry, error)) (list []change.Entry, to historyPages, err error) {
	list, err = find(before, after)
	if err == nil && after > 0 && len(list) <= historyPage { // nothing is newer than these: they stand on the first page
		before, after = 0, 0
		list, err = find(0, 0)
	}
	more := len(list) > historyPage
	switch {
	case more && after > 0:
		list = list[1:]
	case more:
		list = list[:historyPage]
	}
	at := func(name string, e change.Entry) string {
		to := url.Values{name: {itoa(e.Seq)}}
		maps.Copy(to, q)
		return with(path, to)
	}
	if n := len(list); n > 0 && (more || after > 0) {
		to.Older = at("before", list[n-1])
	}
	if before > 0 || after > 0 {
		to.Newest = with(path, q)
		if len(list) > 0 {
			to.Newer = at("after", list[0])
		}
	}
	return list, to, err
}

// takenBack are the ids of the entries that others among these undid.
func takenBack(entries []change.Entry) map[string]bool {
	undone := map[string]bool{}
	for _, e := range entries {
		if e.Change.Undoes != "" && e.Outcome.State == change.Applied {
			undone[e.Change.Undoes] = true
		}
	}
	return undone
}

// actorName is who made a change, in words.
func actorName(v *web.Visit, by directory.Actor) string {
	switch by.Kind {
	case directory.SelfActor:
		return v.Printer.S("Nameplate itself")
	case directory.HostActor:
		return v.Printer.S("An administrator on the server")
	case directory.KeyActor:
		return v.Printer.S("API key %s", Clear(by.Name))
	case directory.OtherActor:
		return v.Printer.S("Outside this portal")
	}
	if by.Name == "" {
		return v.Printer.S("Somebody whose name was forgotten")
	}
	return by.Name
}

func (p *Portal) entryView(v *web.Visit, e change.Entry, undone bool) entryView {
	pr := v.Printer
	ev := entryView{
		ID: e.ID, Time: pr.Clock(e.Begun), ISO: e.Begun.UTC().Format("2006-01-02T15:04:05Z"), Mine: e.Change.By.Self(v.Session.Ref),
		Who: actorName(v, e.Change.By), From: e.Change.By.From, Undone: undone, Undoing: e.Change.Undoes != "",
	}
	if ev.Mine {
		ev.Who = pr.S("You")
	}
	switch e.Outcome.State {
	case change.Applied:
		ev.State, ev.Tone = pr.S("Saved"), "positive"
	case change.Unchanged:
		ev.State, ev.Tone = pr.S("Nothing to save"), "quiet"
	case change.Partly:
		ev.State, ev.Tone = pr.S("Partly saved"), "caution"
	case change.Unverified:
		ev.State, ev.Tone = pr.S("Accepted, not visible yet"), "info"
		if e.Outcome.Unclear() {
			ev.State, ev.Tone = pr.S("Not known yet whether this was saved"), "caution"
		}
	case change.Open:
		ev.State, ev.Tone = pr.S("Being saved"), "info"
	case change.Conflicted:
		ev.State, ev.Tone = pr.S("Not saved: changed by somebody else"), "caution"
	default:
		ev.State, ev.Tone = pr.S("Not saved"), "critical"
	}
	names := e.Change.Set.Names()
	if e.Change.Do.Own() {
		ev.State, ev.What, names = pr.S("Done"), whatOf(v, e.Change.Do), e.Outcome.After.Names()
	}
	if len(e.Outcome.Parts) > 0 { // what was asked for and was there already is no change
		names = nil
	}
	if e.Outcome.State == change.Unchanged {
		names, ev.Why = nil, pr.S("Nothing was different.")
	}
	for _, part := range e.Outcome.Parts {
		for _, n := range part.Names {
			if part.State != change.Unchanged && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		if part.Problem != nil && ev.Problem == "" && !part.Unclear() { // what is not known yet is no failure: the state says it all
			told := problemOf(v, part.Problem, e.ID)
			ev.Problem, ev.Found = told.Say, told.Why
		}
	}
	missed, waiting := map[property.Name]bool{}, map[property.Name]bool{}
	for _, part := range e.Outcome.Parts {
		for _, n := range part.Names {
			waiting[n] = part.State == change.Unverified && !part.Unclear()
		}
		if e.Outcome.State == change.Partly && part.State != change.Applied && part.State != change.Unverified && part.State != change.Unchanged {
			for _, n := range part.Names {
				missed[n] = true
			}
		}
	}
	for _, n := range names {
		pv := p.pair(v, e, n, nil, waiting[n])
		pv.NotSaved = missed[n]
		ev.Pairs = append(ev.Pairs, pv)
	}
	if !e.Forgotten.IsZero() {
		ev.Pairs, ev.Why = nil, pr.S("What it was is not kept any more: it was forgotten on %s.", pr.LongDate(e.Forgotten))
	}
	if ev.Problem == "" && e.Outcome.Problem != nil && !e.Outcome.Unclear() {
		told := problemOf(v, e.Outcome.Problem, e.ID)
		ev.Problem, ev.Found = told.Say, told.Why
	}
	if undoable(e, v.Session.Ref) && !undone {
		ev.UndoFor = "undo " + e.ID
		ev.Undo = v.Token(ev.UndoFor)
	}
	return ev
}

// undo takes one of the person's own changes back. Like every change it goes through the engine, which refuses when somebody has
// changed the value since.
func (p *Portal) undo(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	id := r.PathValue("id")
	if _, err := v.FormFor(r, "undo "+id); err != nil {
		return err
	}
	e, err := p.entry(r.Context(), v, id)
	if err != nil {
		return err
	}
	if !undoable(e, v.Session.Ref) {
		return fail.New(fail.Conflict, "portal.undo", fail.T("This change cannot be taken back here. Open your profile and change it by hand."))
	}
	c, err := p.Engine.Inverse(r.Context(), v.Session.Ref.Tenant, e.ID, v.Actor())
	if err != nil {
		return err
	}
	out, err := p.Engine.Apply(r.Context(), c)
	if err != nil {
		return p.orConfirm(w, r, v, err)
	}
	switch out.State {
	case change.Conflicted:
		return p.conflictPage(w, r, v, c.Set, out)
	case change.Refused, change.Failed:
		if err := errorOf(out); err != nil {
			return p.orConfirm(w, r, v, err)
		}
	}
	p.sawOwn(r.Context(), v, out, c.Set)
	if saved, left, claims := challenged(out); claims != "" {
		return p.confirmRest(w, r, v, chosen{c.Set, c.Expect}.form(p.props), saved, left, claims)
	}
	http.Redirect(w, r, "/profile?done="+out.Entry, http.StatusSeeOther)
	return nil
}
