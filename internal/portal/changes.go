package portal

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// The history of everybody: who, what, old, new, why, from where.

// changeActions and changeStates are what it can be filtered by, in the order of the lists.
var changeActions = []struct {
	do    change.Action
	label fail.Text
}{
	{change.Update, fail.T("Profile changed")},
	{change.Photo, fail.T("Photo changed")},
	{change.Manager, fail.T("Manager changed")},
	{change.Member, fail.T("Groups changed")},
	{change.License, fail.T("Licenses changed")},
	{change.Create, fail.T("Person added")},
	{change.Account, fail.T("Deleted or restored")},
	{change.Password, fail.T("Password reset")},
	{change.Sessions, fail.T("Sign-ins ended")},
	{change.Key, fail.T("API key")},
	{change.Export, fail.T("Data taken out")},
	{change.Forget, fail.T("Forgotten")},
}

var changeStates = []struct {
	state change.State
	label fail.Text
}{
	{change.Applied, fail.T("Saved")},
	{change.Partly, fail.T("Partly saved")},
	{change.Unverified, fail.T("Not visible yet")},
	{change.Refused, fail.T("Refused")},
	{change.Conflicted, fail.T("Not saved: changed by somebody else")},
	{change.Failed, fail.T("Failed")},
	{change.Unchanged, fail.T("Nothing to save")},
	{change.Open, fail.T("Being saved")},
}

type changesBody struct {
	Days        []dayView
	On, By      string // as written: a sign-in name or an object id
	Do, State   []optionView
	From, Until string
	Chosen      []filterView
	Clear, File string
	historyPages
	Empty   *emptyView
	Problem string
	Kept    string // where what is kept of the person is taken out, "" for whoever may not
}

// changesQuery is what the address of the history says.
type changesQuery struct {
	on, by, from, until string
	do, state           string
	before, after       int64
}

func readChangesQuery(r *http.Request) (changesQuery, error) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 || len(values[0]) > 300 || strings.ContainsRune(values[0], 0) {
			return changesQuery{}, wrong(name)
		}
	}
	l := changesQuery{on: strings.TrimSpace(q.Get("on")), by: strings.TrimSpace(q.Get("by")), from: q.Get("from"), until: q.Get("until"), do: q.Get("do"), state: q.Get("state")}
	for name, at := range map[string]*int64{"before": &l.before, "after": &l.after} {
		if s := q.Get(name); s != "" {
			if *at = sequence(s); *at == 0 {
				return l, wrong(name)
			}
		}
	}
	known := l.do == "" || l.do == string(change.Update)
	for _, a := range changeActions {
		known = known || string(a.do) == l.do
	}
	if !known {
		return l, wrong("do")
	}
	known = l.state == ""
	for _, s := range changeStates {
		known = known || string(s.state) == l.state
	}
	if !known {
		return l, wrong("state")
	}
	return l, nil
}

func (l changesQuery) values() url.Values {
	q := url.Values{}
	for name, s := range map[string]string{"on": l.on, "by": l.by, "from": l.from, "until": l.until, "do": l.do, "state": l.state} {
		if s != "" {
			q.Set(name, s)
		}
	}
	return q
}

// search turns the query into the journal's; names are what the people in it are called.
func (p *Portal) search(ctx context.Context, v *web.Visit, l changesQuery) (q change.Search, names map[string]string, err error) {
	q, names = change.Search{Do: change.Action(l.do), State: change.State(l.state)}, map[string]string{}
	for _, x := range []struct {
		text string
		id   *string
	}{{l.on, &q.On}, {l.by, &q.By}} {
		if x.text == "" {
			continue
		}
		found, err := p.Desk.Find(ctx, v.Actor(), v.Session.Ref.Tenant, x.text)
		switch {
		case err == nil:
			*x.id, names[x.text] = found.Ref.ID, mentionName(found)
		case fail.Is(err, fail.NotFound) && isID(strings.ToLower(x.text)): // gone for good, and still in the history
			*x.id = strings.ToLower(x.text)
		default:
			return q, names, err
		}
	}
	for _, x := range []struct {
		text, name string
		at         *time.Time
		more       int
	}{{l.from, "from", &q.From, 0}, {l.until, "until", &q.Until, 1}} {
		if x.text == "" {
			continue
		}
		t, ok := day(v, x.text)
		if !ok {
			return q, names, wrong(x.name)
		}
		*x.at = t.AddDate(0, 0, x.more)
	}
	return q, names, nil
}

func (p *Portal) everybodysHistory(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	l, err := readChangesQuery(r)
	if err != nil {
		return err
	}
	b := p.changesBody(v, l)
	q, names, err := p.search(r.Context(), v, l)
	if fail.Is(err, fail.NotFound) || fail.Is(err, fail.Invalid) && (strings.Contains(l.on, "@") || strings.Contains(l.by, "@") || l.on+l.by != "") {
		b.Problem = v.Printer.S("There is nobody with that sign-in name or object ID.")
		return p.show(w, v, http.StatusNotFound, "changes", p.desk(r, v, "changes", fail.T("All changes"), b))
	}
	if err != nil {
		return err
	}
	for i, c := range b.Chosen {
		if name := names[c.Value]; name != "" {
			b.Chosen[i].Value = name
		}
	}
	if q.On != "" && slices.Contains(v.Actor().Roles, directory.Admin) {
		b.Kept = personAddress(directory.Ref{ID: q.On}) + "/kept"
	}
	list, pages, err := leaf("/admin/history", l.values(), l.before, l.after, func(before, after int64) ([]change.Entry, error) {
		q.After = after
		return p.Desk.History(r.Context(), v.Actor(), v.Session.Ref.Tenant, q, before, historyPage+1)
	})
	if err != nil {
		return err
	}
	b.historyPages = pages
	undone := takenBack(list)
	for _, e := range list {
		day := v.Printer.LongDate(e.Begun)
		if n := len(b.Days); n == 0 || b.Days[n-1].Title != day {
			b.Days = append(b.Days, dayView{Title: day})
		}
		d := &b.Days[len(b.Days)-1]
		d.Entries = append(d.Entries, p.entryBy(v, e, undone[e.ID]))
	}
	if len(list) == 0 && len(l.values()) == 0 && b.Newest == "" {
		b.Empty = &emptyView{"clock", v.Printer.S("Nothing has been changed here yet"), v.Printer.S("Every change that is made through this portal appears here."), "/admin/people", v.Printer.S("People")}
	} else if len(list) == 0 {
		b.Empty = &emptyView{"clock", v.Printer.S("No change fits"), v.Printer.S("Every change that is made through this portal appears here. Remove a filter to see more."), "/admin/history", v.Printer.S("All changes")}
	}
	return p.show(w, v, http.StatusOK, "changes", p.desk(r, v, "changes", fail.T("All changes"), b))
}

func (p *Portal) changesBody(v *web.Visit, l changesQuery) changesBody {
	b := changesBody{On: l.on, By: l.by, From: l.from, Until: l.until, Clear: "/admin/history", File: with("/admin/history/export", l.values())}
	chosen := func(label, value string, without changesQuery) {
		if value != "" {
			without.before, without.after = 0, 0
			b.Chosen = append(b.Chosen, filterView{label, value, with("/admin/history", without.values())})
		}
	}
	for _, a := range changeActions {
		b.Do = append(b.Do, optionView{string(a.do), v.T(a.label), string(a.do) == l.do})
	}
	for _, x := range changeStates {
		b.State = append(b.State, optionView{string(x.state), v.T(x.label), string(x.state) == l.state})
	}
	word := func(list []optionView) string {
		for _, o := range list {
			if o.Selected {
				return o.Label
			}
		}
		return ""
	}
	one := l
	one.on = ""
	chosen(v.Printer.S("Changed person"), l.on, one)
	one = l
	one.by = ""
	chosen(v.Printer.S("Changed by"), l.by, one)
	one = l
	one.do = ""
	chosen(v.Printer.S("What"), word(b.Do), one)
	one = l
	one.state = ""
	chosen(v.Printer.S("Result"), word(b.State), one)
	one = l
	one.from = ""
	chosen(v.Printer.S("From"), l.from, one)
	one = l
	one.until = ""
	chosen(v.Printer.S("Until"), l.until, one)
	return b
}

// entryBy is one entry as those see it who look after people: with whom it was about, and why.
func (p *Portal) entryBy(v *web.Visit, e change.Entry, undone bool) entryView {
	ev := p.entryView(v, e, undone)
	ev.Undo, ev.UndoFor, ev.Under = "", "", "/admin"
	if e.Undoable() && !undone && admin.Writes(v.Actor()) {
		ev.UndoFor = "undo " + e.ID
		ev.Undo = v.Token(ev.UndoFor)
	}
	ev.On, ev.OnHref = e.Change.Names["on"], personAddress(e.Change.On)
	if ev.On == "" && e.Change.By.Self(e.Change.On) {
		ev.On = e.Change.By.Name
	}
	switch {
	case e.Change.Do == change.Key, e.Change.Do == change.Create && e.Outcome.Created == "": // there is no such person
		ev.OnHref = ""
	case e.Change.On.ID == e.Change.On.Tenant: // about everybody
		ev.On = ""
	case ev.On == "":
		ev.On = e.Change.On.ID
		if !e.Forgotten.IsZero() || e.Change.Do == change.Forget {
			ev.OnHref = with("/admin/history", url.Values{"on": {ev.On}})
		}
	}
	ev.Who = actorName(v, e.Change.By)
	if e.Change.By.Kind == directory.HostActor && e.Change.By.Name != "" {
		ev.Who = v.Printer.S("%s, on the server", Clear(e.Change.By.Name))
	}
	ev.Href = "/admin/history/" + e.ID
	if e.Change.Why != "" && e.Change.Undoes == "" {
		ev.Reason = e.Change.Why
	}
	ev.What = whatOf(v, e.Change.Do)
	switch to := e.Change.Set[directory.FacetAccount].Str(); {
	case e.Change.Do != change.Account:
	case to == directory.Deleted:
		ev.What = v.Printer.S("Deleted")
	case to == directory.Active:
		ev.What = v.Printer.S("Restored")
	}
	return ev
}

// whatOf is what an action is called.
func whatOf(v *web.Visit, do change.Action) string {
	for _, a := range changeActions {
		if a.do == do {
			return v.T(a.label)
		}
	}
	return ""
}

// deskEntry reads an entry that an address names.
func (p *Portal) deskEntry(ctx context.Context, v *web.Visit, id string) (change.Entry, error) {
	if len(id) > 100 || strings.ContainsFunc(id, func(r rune) bool { return r < '-' || r > 'z' }) {
		return change.Entry{}, web.Refuse(http.StatusNotFound)
	}
	return p.Desk.Entry(ctx, v.Actor(), v.Session.Ref.Tenant, id)
}

type entryBody struct {
	Entry   entryView
	Day, ID string
}

// entryPage shows one entry with everything that is known of it, and the way to take it back.
func (p *Portal) entryPage(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	e, err := p.deskEntry(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	b := entryBody{Entry: p.entryBy(v, e, false), Day: v.Printer.LongDate(e.Begun), ID: e.ID}
	return p.show(w, v, http.StatusOK, "entry", p.desk(r, v, "changes", fail.T("A change"), b))
}

// undoAny takes an entry back, whoever's it is, as far as the reader may make that change.
func (p *Portal) undoAny(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	id := r.PathValue("id")
	f, err := v.FormFor(r, "undo "+id)
	if err != nil {
		return err
	}
	e, err := p.deskEntry(r.Context(), v, id)
	if err != nil {
		return err
	}
	c, err := p.Desk.Inverse(r.Context(), v.Actor(), v.Session.Ref.Tenant, id)
	if err != nil {
		return err
	}
	if late, err := p.late(r.Context(), v, c); err != nil {
		return err
	} else if late {
		return p.stepUp(w, r, v, "/admin/history/"+e.ID, f)
	}
	out, err := p.Desk.Apply(r.Context(), c)
	if err != nil {
		return err
	}
	switch out.State {
	case change.Refused, change.Failed, change.Conflicted:
		if err := errorOf(out); err != nil {
			return err
		}
		return fail.New(fail.Conflict, "portal.undo", fail.T("Somebody has changed it since, so it was not taken back. Open the person and change it by hand."))
	}
	http.Redirect(w, r, personAddress(e.Change.On)+"?"+url.Values{"done": {out.Entry}}.Encode(), http.StatusSeeOther)
	return nil
}

// fileEntries is how many entries one file holds at most.
const fileEntries = 20_000

// askHistoryFile asks what the history is taken out for: that it was stands in it (A60).
func (p *Portal) askHistoryFile(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	l, err := readChangesQuery(r)
	if err != nil {
		return err
	}
	return p.showHistoryFile(w, r, v, l, "", "")
}

func (p *Portal) showHistoryFile(w http.ResponseWriter, r *http.Request, v *web.Visit, l changesQuery, why, wrong string) error {
	return p.reason(w, r, v, fail.T("Export the history"), "export", reasonBody{
		Lead: v.Printer.S("One file for spreadsheets (CSV) with the changes that the filter lets through, at most %s.", v.Printer.Number(fileEntries)),
		Back: with("/admin/history", l.values()), At: with("/admin/history/export", l.values()), Why: why, Wrong: wrong, Save: v.Printer.S("Export as CSV"), Icon: "save",
	})
}

// historyFile is the history as a file for spreadsheets: one line for each thing that an entry changed. It is whole before it is sent, so
// that the history tells how much was taken out.
func (p *Portal) historyFile(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	l, err := readChangesQuery(r)
	if err != nil {
		return err
	}
	_, why, wrong, err := reasoned(r, v, "export")
	if err != nil {
		return err
	}
	if wrong != "" {
		return p.showHistoryFile(w, r, v, l, why, wrong)
	}
	q, _, err := p.search(r.Context(), v, l)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	out := csv.NewWriter(&file)
	line := func(cells ...string) {
		for i := range cells {
			cells[i] = plainCell(cells[i])
		}
		_ = out.Write(cells) // into memory
	}
	line("time", "entry", "action", "state", "by", "by id", "on", "on id", "property", "old", "new", "why", "from", "undoes", "forgotten")
	n := 0
	for before := int64(0); n < fileEntries; {
		list, err := p.Desk.History(r.Context(), v.Actor(), v.Session.Ref.Tenant, q, before, 500)
		if err != nil {
			return err
		}
		for _, e := range list {
			p.fileLines(v, e, line)
		}
		if n += len(list); len(list) < 500 {
			break
		}
		before = list[len(list)-1].Seq
	}
	out.Flush()
	if err := p.Desk.Exported(r.Context(), v.Actor(), v.Session.Ref.Tenant, q, n, why); err != nil {
		return err
	}
	return sendFile(w, "text/csv; charset=utf-8", "history-"+p.Now().UTC().Format(time.DateOnly)+".csv", file.Bytes())
}

func (p *Portal) fileLines(v *web.Visit, e change.Entry, line func(...string)) {
	c := e.Change
	names := c.Set.Names()
	if c.Do.Own() {
		names = e.Outcome.After.Names()
	}
	for _, part := range e.Outcome.Parts {
		for _, n := range part.Names {
			if _, set := c.Set[n]; !set {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		names = []property.Name{""}
	}
	for _, n := range names {
		was, now := e.Outcome.Before[n], e.Outcome.After[n]
		if _, back := e.Outcome.After[n]; !back {
			now = c.Set[n]
		}
		pair := p.pairOf(v, n, was, now, c.Names, nil)
		name := string(n)
		if directory.Facet(n) || change.OwnName(n) {
			name = pair.Label
		} else {
			pair.Was, pair.Now = was.String(), now.String()
		}
		who := c.By.Name
		if who == "" {
			who = string(c.By.Kind)
		}
		forgotten := ""
		if !e.Forgotten.IsZero() {
			forgotten = e.Forgotten.UTC().Format(time.RFC3339)
		}
		line(e.Begun.UTC().Format(time.RFC3339), e.ID, string(c.Do), string(e.Outcome.State), who, c.By.Ref.ID, c.Names["on"], c.On.ID, name, pair.Was, pair.Now, c.Why, c.By.From, c.Undoes, forgotten)
	}
}

// plainCell keeps a spreadsheet from taking a text for a formula: whatever begins like one gets an apostrophe, which the import takes
// off again (A42).
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

type checkBody struct {
	Whole         bool
	Title, Say    string
	Bad           string
	BadID, BadSay string
}

// checkHistory walks the chain of records and says whether it is whole.
func (p *Portal) checkHistory(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	n, bad, err := p.Desk.Verify(r.Context(), v.Actor(), v.Session.Ref.Tenant)
	if err != nil {
		return err
	}
	b := checkBody{Whole: bad == nil, Title: v.Printer.S("The history is whole")}
	b.Say = v.Printer.S("Records read: %d. Each fits its content and the record before it.", int(n))
	if bad != nil {
		b.Title, b.Bad, b.BadID, b.BadSay = v.Printer.S("The history was changed"), v.Printer.Number(int(bad.Seq)), bad.ID, bad.What
		b.Say = v.Printer.S("The record named below does not fit. Somebody or something changed the database by another way than this program. Restore a backup of the time before, and look who can reach the database.")
	}
	return p.show(w, v, http.StatusOK, "check", p.desk(r, v, "changes", fail.T("Check of the history"), b))
}
