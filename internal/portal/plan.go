package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// One plan: what it would change, how far it is, and what became of it, at one address.

const rowsPage = 50

// stepKinds are what steps do, in words.
var stepKinds = map[string]fail.Text{
	"create": fail.T("Created"), "restore": fail.T("Restored"), string(change.Update): fail.T("Profile"), string(change.Manager): fail.T("Manager"),
	string(change.Member): fail.T("Groups"), string(change.License): fail.T("Licenses"), string(change.Photo): fail.T("Photo"), "delete": fail.T("Deleted"),
}

// fateOrder are the states that a row can end in, worst first.
var fateOrder = []change.State{change.Failed, change.Refused, change.Conflicted, change.Partly, change.Unverified, change.Applied, change.Unchanged}

var fateTones = map[change.State]string{
	change.Failed: "critical", change.Refused: "critical", change.Conflicted: "caution", change.Partly: "caution", change.Unverified: "info", change.Applied: "positive", change.Unchanged: "quiet",
}

type planBody struct {
	Name, Lead string
	State      string
	At         string
	Undoes     string // address of the plan that this one takes back
	Facts      []factView
	Tiles      []tileView
	Problems   []string
	Notes      []string
	Work       *progressView
	Again      int // seconds after which a page without script looks again
	Banner     *planBanner
	Apply      string // where it is applied, "" when it cannot be
	ApplyLabel string
	Orders     []orderView
	Rejects    int
	RejectsAt  string
	Passwords  string // address where the first passwords of those who were added are told, "" for nobody
	Tabs       []tabView
	Kinds      []optionView
	Query      string
	Carry      []hiddenView
	Chosen     []filterView
	Clear      string
	Rows       []planRowView
	Pages      pageLinks
	Empty      *emptyView
}

// planBanner says what state a plan is in and what that means.
type planBanner struct{ Tone, Title, Say string }

// orderView is a button that does something with a plan.
type orderView struct {
	Order, Label, Icon, Token, Scope string
	Danger                           bool
}

type planRowView struct {
	Where, Name, UPN, Href string
	State                  badgeView
	Privileged             bool
	Pairs                  []pairView
	Picture                string // address of the picture that is to be set, while it waits
	Problems, Notes        []string
	Entries                []linkView
}

// planQuery is what the address of a plan says.
type planQuery struct {
	state, kind, fate, words string
	after                    int
}

func readPlanQuery(r *http.Request) (l planQuery, err error) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 || len(values[0]) > 300 || strings.ContainsRune(values[0], 0) {
			return l, wrong(name)
		}
	}
	l = planQuery{state: q.Get("state"), kind: q.Get("kind"), fate: q.Get("fate"), words: strings.TrimSpace(q.Get("q"))}
	if !slices.Contains([]bulk.RowState{"", bulk.Ready, bulk.Unchanged, bulk.Refused}, bulk.RowState(l.state)) {
		return l, wrong("state")
	}
	if l.fate != "" && l.fate != "open" && !slices.Contains(fateOrder, change.State(l.fate)) {
		return l, wrong("fate")
	}
	if l.kind != "" && !slices.Contains(bulk.Kinds(), l.kind) {
		return l, wrong("kind")
	}
	if s := q.Get("after"); s != "" {
		if l.after, err = strconv.Atoi(s); err != nil || l.after < 1 {
			return l, wrong("after")
		}
	}
	return l, nil
}

func (l planQuery) values() url.Values {
	q := url.Values{}
	for name, s := range map[string]string{"state": l.state, "kind": l.kind, "fate": l.fate, "q": l.words} {
		if s != "" {
			q.Set(name, s)
		}
	}
	return q
}

// arrived is how many of the ready rows are as they were wanted.
func arrived(one bulk.Plan) int {
	return one.Run.Fates[string(change.Applied)] + one.Run.Fates[string(change.Unchanged)]
}

// plan shows a plan.
func (p *Portal) plan(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	l, err := readPlanQuery(r)
	if err != nil {
		return err
	}
	one, err := p.Bulk.Plan(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	b := p.planBody(v, one)
	if err := p.planRows(r, v, one, l, &b); err != nil {
		return err
	}
	pg := p.desk(r, v, "sheets", fail.T("Plan"), b)
	pg.Title, pg.Again = b.Name, b.Again
	return p.show(w, v, http.StatusOK, "plan", pg)
}

// planBody is what a plan's page shows whatever rows are looked at.
func (p *Portal) planBody(v *web.Visit, one bulk.Plan) planBody {
	pr := v.Printer
	b := planBody{
		Name: planName(v, one), At: planAddress(one.ID), State: string(one.Run.State), Facts: p.sheetFacts(v, one.About), RejectsAt: planAddress(one.ID) + "/rejects",
		Lead: pr.S("Made by %[1]s on %[2]s.", short(actorName(v, one.By)), pr.LongDate(one.Made)+", "+pr.Clock(one.Made)),
	}
	if one.Undoes != "" {
		b.Undoes = planAddress(one.Undoes)
	}
	if k := one.Picked; k != nil {
		if k.People > 0 {
			b.Facts = append(b.Facts, factView{pr.S("Picked one by one"), pr.Number(k.People)})
		}
		if k.Search != "" {
			b.Facts = append(b.Facts, factView{pr.S("Search"), Clear(k.Search)})
		}
		if k.Filter != "" {
			b.Facts = append(b.Facts, factView{pr.S("Filter"), Clear(k.Filter)})
		}
		if k.People == 0 && k.Search == "" && k.Filter == "" {
			b.Facts = append(b.Facts, factView{pr.S("Who"), pr.S("Everybody")})
		}
	}
	var ignored []string
	for _, c := range one.About.Columns {
		if c.Use == sheet.Ignored && c.Heading != "" {
			ignored = append(ignored, short(c.Heading))
		}
	}
	if len(ignored) > 0 {
		b.Facts = append(b.Facts, factView{pr.S("Columns that are not read"), join(pr, ignored)})
	}
	for _, x := range one.Problems {
		b.Problems = append(b.Problems, p.placed(v, x))
	}
	for _, x := range one.Notes {
		b.Notes = append(b.Notes, p.placed(v, x))
	}
	n := one.Counts
	tile := func(label string, count int, note, tone, state string) {
		t := tileView{Label: label, Figure: pr.Number(count), Tone: "quiet"}
		if count > 0 {
			t.Note, t.Tone, t.Href = note, tone, b.At+"?state="+state+"#rows"
		}
		b.Tiles = append(b.Tiles, t)
	}
	tile(pr.S("Would change"), n.Ready, pr.S("Show them"), "quiet", string(bulk.Ready))
	if one.Run.State != bulk.Planned {
		b.Tiles[0].Label = pr.S("To change")
	}
	tile(pr.S("Refused"), n.Refused, pr.S("Show them"), "critical", string(bulk.Refused))
	tile(pr.S("Already so"), n.Unchanged, pr.S("Show them"), "quiet", string(bulk.Unchanged))
	if n.Privileged > 0 {
		b.Tiles = append(b.Tiles, tileView{Label: pr.S("Hold a directory role"), Figure: pr.Number(n.Privileged), Tone: "caution", Note: pr.S("Administrators of Microsoft 365")})
	}
	p.planRun(v, one, &b)
	return b
}

// planRun says how far a plan is and what can be done with it.
func (p *Portal) planRun(v *web.Visit, one bulk.Plan, b *planBody) {
	pr := v.Printer
	may := admin.Writes(v.Actor())
	order := func(name string, label fail.Text, icon string, danger bool) {
		if may {
			scope := name + " " + one.ID
			b.Orders = append(b.Orders, orderView{name, v.T(label), icon, v.Token(scope), scope, danger})
		}
	}
	open := one.Run.Fates[""]
	total := one.Counts.Ready
	done := total - open
	if one.Run.State != bulk.Planned {
		b.Work = &progressView{ID: "work", Label: pr.S("Saving changes"), Count: pr.S("%[1]d of %[2]d", done, total), Done: done, Total: total, Tone: "info"}
	}
	for state, n := range one.Run.Fates {
		if state != "" && state != string(change.Applied) && state != string(change.Unchanged) {
			b.Rejects += n
		}
	}
	if one.Run.State != bulk.Planned && one.Counts.Kinds[string(change.Create)] > 0 && one.Run.By.Ref == v.Session.Ref && admin.Writes(v.Actor()) {
		b.Passwords = b.At + "/passwords"
	}
	switch one.Run.State {
	case bulk.Planned:
		switch {
		case len(one.Problems) > 0:
			b.Banner = &planBanner{"critical", pr.S("This file cannot be applied"), pr.S("The mistakes below concern all of it. Mend them in the file and upload it again. Nothing was changed.")}
		case total == 0 && one.Counts.Rows == 0:
			b.Banner = &planBanner{"info", pr.S("The file has no rows"), pr.S("It has headings and nobody below them. Nothing was changed.")}
		case total == 0:
			b.Banner = &planBanner{"info", pr.S("There is nothing to change"), pr.S("No row would change anything: everything is so already, or was refused.")}
		default:
			b.Banner = &planBanner{"info", pr.S("Nothing was changed yet"), pr.S("Look at what would change. Only what you see here is applied, and only once.")}
			if may {
				b.Apply, b.ApplyLabel = b.At+"/apply", pr.S("Apply %d changes", total)
			}
		}
	case bulk.Applying:
		b.Again = 3
		b.Work.Says = pr.S("It goes on by itself. You may close this page.")
		if spent := p.Now().Sub(one.Run.Began); done > 0 && open > 0 && spent > 0 {
			b.Work.Says = pr.S("About %s left. It goes on by itself: you may close this page.", pr.Duration(max(time.Second, spent*time.Duration(open)/time.Duration(done)).Round(time.Second)))
		}
		order("pause", fail.T("Pause"), "clock", false)
		order("cancel", fail.T("Cancel the rest"), "cross", true)
	case bulk.Paused:
		b.Work.Tone, b.Work.Says = "caution", pr.S("What was saved stays saved; the rest was not touched.")
		b.Banner = &planBanner{"caution", pr.S("Paused"), v.T(one.Run.Why)}
		order("resume", fail.T("Go on"), "check", false)
		order("cancel", fail.T("Cancel the rest"), "cross", true)
	case bulk.Canceled:
		b.Work.Tone, b.Work.Says = "critical", pr.S("What was saved stays saved; the rest was not touched.")
		b.Banner = &planBanner{"caution", pr.S("Canceled"), pr.S("%[1]d of %[2]d rows are as you wanted them.", arrived(one), total)}
		if took(one) {
			order("undo", fail.T("Take it all back"), "undo", false)
		}
	case bulk.Done:
		b.Work.Tone, b.Work.Says = "positive", pr.S("All are saved.")
		b.Banner = &planBanner{"positive", pr.S("Everything is saved"), pr.S("%d rows were saved and read back as you wanted them.", total)}
		if b.Rejects > 0 {
			b.Work.Tone, b.Work.Says = "caution", pr.S("What was saved stays saved; the rest was not touched.")
			b.Banner = &planBanner{"caution", pr.S("Not everything was saved"), pr.S("%[1]d of %[2]d rows are as you wanted them. Each of the others says why below. Take them out as a file, mend it, and upload it again.", arrived(one), total)}
		}
		if took(one) {
			order("undo", fail.T("Take it all back"), "undo", false)
		}
	}
}

// took says whether something of a plan may have arrived that can be taken back.
func took(one bulk.Plan) bool {
	f := one.Run.Fates
	return f[string(change.Applied)]+f[string(change.Partly)]+f[string(change.Unverified)] > 0
}

// planRows are the rows that the address asks for, with the ways to look at others.
func (p *Portal) planRows(r *http.Request, v *web.Visit, one bulk.Plan, l planQuery, b *planBody) error {
	pr := v.Printer
	at := func(l planQuery, after int) string {
		q := l.values()
		if after > 0 {
			q.Set("after", strconv.Itoa(after))
		}
		return with(b.At, q) + "#rows"
	}
	tab := func(label string, n int, other planQuery) {
		here := other.state == l.state && other.fate == l.fate
		if n > 0 || here || other == (planQuery{}) {
			other.kind, other.words = l.kind, l.words
			b.Tabs = append(b.Tabs, tabView{Label: label, Href: at(other, 0), Count: pr.Number(n), Here: here})
		}
	}
	tab(pr.S("All"), one.Counts.Rows, planQuery{})
	if one.Run.State == bulk.Planned {
		tab(pr.S("Would change"), one.Counts.Ready, planQuery{state: string(bulk.Ready)})
	} else {
		for _, s := range fateOrder {
			tab(fateText(v, s), one.Run.Fates[string(s)], planQuery{fate: string(s)})
		}
		tab(pr.S("Not begun"), one.Run.Fates[""], planQuery{fate: "open"})
		if l.state == string(bulk.Ready) {
			tab(pr.S("To change"), one.Counts.Ready, planQuery{state: l.state})
		}
	}
	tab(pr.S("Refused in the plan"), one.Counts.Refused, planQuery{state: string(bulk.Refused)})
	tab(pr.S("Already so"), one.Counts.Unchanged, planQuery{state: string(bulk.Unchanged)})
	for _, k := range bulk.Kinds() {
		if n := one.Counts.Kinds[k]; n > 0 || l.kind == k {
			b.Kinds = append(b.Kinds, optionView{k, pr.S("%[1]s (%[2]d)", v.T(stepKinds[k]), n), l.kind == k})
		}
	}
	b.Query, b.Clear = l.words, at(planQuery{state: l.state, fate: l.fate}, 0)
	for name, s := range map[string]string{"state": l.state, "fate": l.fate} {
		if s != "" {
			b.Carry = append(b.Carry, hiddenView{name, s})
		}
	}
	if l.words != "" {
		other := l
		other.words = ""
		b.Chosen = append(b.Chosen, filterView{pr.S("Search"), l.words, at(other, 0)})
	}
	if l.kind != "" {
		other := l
		other.kind = ""
		b.Chosen = append(b.Chosen, filterView{pr.S("What changes"), v.T(stepKinds[l.kind]), at(other, 0)})
	}

	q := bulk.Query{State: bulk.RowState(l.state), Kind: l.kind, Fate: change.State(l.fate), Text: l.words, After: l.after, N: rowsPage + 1}
	if l.fate == "open" {
		q.State, q.Fate, q.Undone = bulk.Ready, "", true
	}
	rows, err := p.Bulk.Rows(r.Context(), v.Actor(), v.Session.Ref.Tenant, one.ID, q)
	if err != nil {
		return err
	}
	if len(rows) > rowsPage {
		rows = rows[:rowsPage]
		b.Pages.Next = at(l, rows[rowsPage-1].Number)
	}
	if l.after > 0 {
		b.Pages.First = at(l, 0)
	}
	for _, x := range rows {
		b.Rows = append(b.Rows, p.planRow(v, one, x))
	}
	b.Pages.Says = pr.S("%d rows", len(rows))
	if len(rows) == 0 {
		b.Empty = &emptyView{Icon: "search", Title: pr.S("No row is like that"), Say: pr.S("Look for a part of the name or of the sign-in name, or at all rows."), Href: b.At + "#rows", Action: pr.S("All rows")}
	}
	return nil
}

func fateText(v *web.Visit, s change.State) string {
	for _, x := range changeStates {
		if x.state == s {
			return v.T(x.label)
		}
	}
	return string(s)
}

// planRow is one row: whom it is about, what it changes, and what is wrong with it or became of it.
func (p *Portal) planRow(v *web.Visit, one bulk.Plan, x bulk.Numbered) planRowView {
	pr := v.Printer
	out := planRowView{Name: x.Name, UPN: x.UPN, Privileged: x.Privileged}
	if one.Picked == nil {
		out.Where = pr.S("line %s", strconv.Itoa(x.Line))
		if x.Sheet != "" {
			out.Where = pr.S("%[1]s, row %[2]s", Clear(x.Sheet), strconv.Itoa(x.Line))
		}
	}
	if x.Name == "" {
		out.Name, out.UPN = x.UPN, ""
	}
	if isID(x.On.ID) {
		out.Href = personAddress(x.On)
	}
	switch {
	case x.Fate != nil:
		out.State = badgeView{fateTones[x.Fate.State], fateText(v, x.Fate.State)}
	case x.State == bulk.Ready && one.Run.State != bulk.Planned:
		out.State = badgeView{"quiet", pr.S("Not begun")}
	case x.State == bulk.Ready:
		out.State = badgeView{"info", pr.S("Would change")}
	case x.State == bulk.Refused:
		out.State = badgeView{"critical", pr.S("Refused in the plan")}
	default:
		out.State = badgeView{"quiet", pr.S("Already so")}
	}
	for k, s := range x.Steps {
		var fate *bulk.StepFate
		if x.Fate != nil && k < len(x.Fate.Steps) {
			fate = &x.Fate.Steps[k]
		}
		for _, n := range s.Set.Names() {
			pair := p.pairOf(v, n, s.Before[n], s.Set[n], s.Names, nil)
			if n == change.PhotoName {
				if _, looked := s.Before[n]; !looked {
					pair.Was = pr.S("what is there now")
				}
				if !s.Set[n].Empty() && fate == nil && one.Run.State != bulk.Canceled {
					out.Picture = planAddress(one.ID) + "/photos/" + strconv.Itoa(x.Number)
				}
			}
			if fate != nil {
				pair.Waiting = fate.State == change.Unverified
				pair.NotSaved = fate.State == change.Failed || fate.State == change.Refused || fate.State == change.Conflicted
			}
			out.Pairs = append(out.Pairs, pair)
		}
		if fate == nil {
			continue
		}
		if !fate.Say.Zero() {
			out.Problems = append(out.Problems, said(v, fate.Say))
		}
		if fate.Entry != "" {
			out.Entries = append(out.Entries, linkView{v.T(stepKinds[s.Kind()]), "/admin/history/" + url.PathEscape(fate.Entry)})
		}
	}
	for _, q := range x.Problems {
		out.Problems = append(out.Problems, p.placed(v, q))
	}
	for _, q := range x.Notes {
		out.Notes = append(out.Notes, p.placed(v, q))
	}
	return out
}

// order pauses, resumes or cancels a plan, or makes the plan that takes it back.
func (p *Portal) order(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	order, id, tenant := r.PathValue("order"), r.PathValue("id"), v.Session.Ref.Tenant
	do, known := map[string]func() (bulk.Plan, error){
		"pause":  func() (bulk.Plan, error) { return p.Bulk.Pause(r.Context(), v.Actor(), tenant, id) },
		"resume": func() (bulk.Plan, error) { return p.Bulk.Resume(r.Context(), v.Actor(), tenant, id) },
		"cancel": func() (bulk.Plan, error) { return p.Bulk.Cancel(r.Context(), v.Actor(), tenant, id) },
		"undo":   func() (bulk.Plan, error) { return p.Bulk.Undo(r.Context(), v.Actor(), tenant, id) },
	}[order]
	if !known {
		return web.Refuse(http.StatusNotFound)
	}
	if _, err := v.FormFor(r, order+" "+id); err != nil {
		return err
	}
	if order == "undo" {
		slow, done := v.Slowly(w, r, patient)
		defer done()
		r = slow
	}
	one, err := do()
	if e, ok := errorAs(err); ok && e.Code == "state" && order != "undo" { // it went on meanwhile; the page shows how far it is
		http.Redirect(w, r, planAddress(id), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, planAddress(one.ID), http.StatusSeeOther)
	return nil
}

// rejects sends the rows that did not arrive, as a file that can be uploaded again.
func (p *Portal) rejects(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	tenant, id := v.Session.Ref.Tenant, r.PathValue("id")
	if _, err := p.Bulk.Plan(r.Context(), v.Actor(), tenant, id); err != nil {
		return err
	}
	n := 0
	b, kind, ext, err := written(r.URL.Query().Get("as"), func(to sheet.Writer) (err error) {
		n, err = p.Bulk.ExportRejects(r.Context(), v.Actor(), tenant, id, to)
		return err
	})
	if err != nil {
		return err
	}
	if r.Method != http.MethodHead {
		if err := p.Keep.Exported(r.Context(), v.Actor(), directory.Ref{Tenant: tenant, ID: tenant}, "", change.ExportRows, n, ""); err != nil {
			return err
		}
	}
	return sendFile(w, kind, "rejects-"+p.Now().UTC().Format(time.DateOnly)+ext, b)
}
