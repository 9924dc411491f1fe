package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/bulk"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// Spreadsheets: which plans there are, a file is brought, and its columns are confirmed. What becomes of a plan is in plan.go.

const (
	importsPath = "/admin/imports"
	uploadPath  = "/admin/imports/new"
	// maxSheet is how long a file may be; it is held in memory while its plan is made. As the API has it.
	maxSheet = 64 << 20
	// patient is how long reading a large file, and the directory for it, may take.
	patient   = 15 * time.Minute
	plansPage = 25
)

func planAddress(id string) string { return importsPath + "/" + id }

func (p *Portal) importRoutes(add func(web.Route), get, post func(string, web.Right, web.Handler), look, write web.Right) {
	get(importsPath, look, p.imports)
	get(uploadPath, write, p.askUpload)
	add(web.Route{Method: http.MethodPost, Path: uploadPath, Right: write, Handler: p.upload, Body: maxSheet + 1<<20, Files: true})
	get("/admin/uploads/{id}", write, p.askColumns)
	post("/admin/uploads/{id}", write, p.columnsSaid)
	get(importsPath+"/template", look, p.template)
	get(importsPath+"/{id}", look, p.plan)
	get(importsPath+"/{id}/apply", write, p.askApply)
	add(web.Route{Method: http.MethodPost, Path: importsPath + "/{id}/apply", Right: write, Handler: p.apply, Ended: p.keepHere})
	post(importsPath+"/{id}/{order}", write, p.order)
	get(importsPath+"/{id}/passwords", write, p.askPasswords)
	add(web.Route{Method: http.MethodPost, Path: importsPath + "/{id}/passwords", Right: write, Handler: p.firstPasswords, Ended: p.keepHere})
	get(importsPath+"/{id}/rejects", look, p.rejects)
	get(importsPath+"/{id}/photos/{number}", look, p.rowPhoto)
}

type importsBody struct {
	Rows         []planLine
	Write        bool
	Older, First string
	Empty        *emptyView
}

// planLine is a plan in the list.
type planLine struct {
	File, Href, Made, By string
	Selected             bool
	State                badgeView
	Ready, Refused       string
	Says                 string // how far it is
}

// imports lists the plans, the newest first.
func (p *Portal) imports(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	before := time.Time{}
	if s := r.URL.Query().Get("before"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n <= 0 {
			return wrong("before")
		}
		before = time.UnixMicro(n)
	}
	l, err := p.Bulk.Plans(r.Context(), v.Actor(), v.Session.Ref.Tenant, before, plansPage)
	if err != nil {
		return err
	}
	b := importsBody{Write: admin.Writes(v.Actor())}
	for _, one := range l {
		b.Rows = append(b.Rows, planLine{
			File: planName(v, one), Href: planAddress(one.ID), Made: v.Printer.LongDate(one.Made) + ", " + v.Printer.Clock(one.Made), By: actorName(v, one.By), Selected: one.Picked != nil,
			State: runBadge(v, one), Ready: v.Printer.Number(one.Counts.Ready), Refused: v.Printer.Number(one.Counts.Refused),
		})
	}
	if len(l) == plansPage {
		b.Older = importsPath + "?before=" + strconv.FormatInt(l[len(l)-1].Made.UnixMicro(), 10)
	}
	if !before.IsZero() {
		b.First = importsPath
	}
	if len(l) == 0 {
		b.Empty = &emptyView{Icon: "sheet", Title: v.Printer.S("No spreadsheet has been read yet"), Say: v.Printer.S("Upload a list from HR, from Excel or from an admin center. You see exactly what it would change before anything is changed.")}
		if b.Write {
			b.Empty.Href, b.Empty.Action = uploadPath, v.Printer.S("Upload a spreadsheet")
		}
	}
	return p.show(w, v, http.StatusOK, "imports", p.desk(r, v, "sheets", fail.T("Spreadsheets"), b))
}

// planName is what a plan is called: its file, or what it was made from.
func planName(v *web.Visit, one bulk.Plan) string {
	name := cmp.Or(short(strings.Join(strings.Fields(one.File), " ")), v.Printer.S("A file without a name"))
	if one.Picked != nil {
		name = v.Printer.S("Selected people")
	}
	if one.Undoes != "" {
		name = v.Printer.S("Undo of %s", name)
	}
	return name
}

// runBadge says in a word how far a plan has come.
func runBadge(v *web.Visit, one bulk.Plan) badgeView {
	switch one.Run.State {
	case bulk.Applying:
		return badgeView{"info", v.Printer.S("Being applied")}
	case bulk.Paused:
		return badgeView{"caution", v.Printer.S("Paused")}
	case bulk.Canceled:
		return badgeView{"quiet", v.Printer.S("Canceled")}
	case bulk.Done:
		return badgeView{"positive", v.Printer.S("Applied")}
	}
	if len(one.Problems) > 0 {
		return badgeView{"critical", v.Printer.S("Cannot be applied")}
	}
	return badgeView{"quiet", v.Printer.S("Not applied")}
}

type uploadBody struct {
	Scope, Token string
	Problem      string
	Most         string
	MB           int
	Templates    []templateView
}

type templateView struct{ Label, CSV, XLSX string }

// askUpload asks for a file.
func (p *Portal) askUpload(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.showUpload(w, r, v, http.StatusOK, "")
}

func (p *Portal) showUpload(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, problem string) error {
	b := uploadBody{Scope: "upload", Token: v.Token("upload"), Problem: problem, Most: v.Printer.S("At most %[1]d MB and %[2]d rows.", maxSheet>>20, sheet.MaxRows), MB: maxSheet >> 20}
	for _, f := range p.formats(v) {
		if !f.export && !slices.Contains(olderTemplates, f.Value) {
			at := func(as string) string {
				return importsPath + "/template?" + url.Values{"format": {f.Value}, "as": {as}}.Encode()
			}
			b.Templates = append(b.Templates, templateView{f.Label, at("csv"), at("xlsx")})
		}
	}
	return p.show(w, v, status, "upload", p.desk(r, v, "sheets", fail.T("Upload a spreadsheet"), b))
}

// olderTemplates are read, and nobody begins with them today.
var olderTemplates = []string{"m365-2020", "m365-nofax", "entra-create-2026", "entra-members-remove"}

// formatView is a layout to choose.
type formatView struct {
	optionView
	export bool
}

// formatWords are what the admin centers' layouts are called.
var formatWords = map[string]fail.Text{
	"m365-2024":            fail.T("Microsoft 365 admin center: add multiple users"),
	"m365-2020":            fail.T("Microsoft 365 admin center: add multiple users, of 2020"),
	"m365-nofax":           fail.T("Microsoft 365 admin center: add multiple users, without fax"),
	"m365-export":          fail.T("Microsoft 365 admin center: export users"),
	"m365-export-old":      fail.T("Microsoft 365 admin center: export users, in alphabetical order"),
	"entra-create":         fail.T("Entra admin center: bulk create"),
	"entra-create-2026":    fail.T("Entra admin center: bulk create, three columns"),
	"entra-delete":         fail.T("Entra admin center: bulk delete"),
	"entra-restore":        fail.T("Entra admin center: bulk restore"),
	"entra-members":        fail.T("Entra admin center: import members of a group"),
	"entra-members-remove": fail.T("Entra admin center: remove members of a group"),
	"entra-download":       fail.T("Entra admin center: download users"),
}

// formats are the layouts, ours first.
func (p *Portal) formats(v *web.Visit) []formatView {
	out := []formatView{{optionView{Value: sheet.Own, Label: v.Printer.S("Our own: any columns in any order")}, false}}
	for _, f := range sheet.Formats() {
		out = append(out, formatView{optionView{Value: f.Name, Label: v.T(formatWords[f.Name])}, f.Export})
	}
	return out
}

// upload takes a file, which waits until its columns are confirmed.
func (p *Portal) upload(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	r, done := v.Slowly(w, r, patient)
	defer done()
	turn, err := p.uploads.take(r.Context(), v.Session.Ref) // one file in memory for each person
	if err != nil {
		return err
	}
	defer turn()
	f, err := v.FormFor(r, "upload")
	var refusal *web.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusRequestEntityTooLarge {
		return p.showUpload(w, r, v, refusal.Status, v.Printer.S("The file is larger than %d MB. Split it, or save it as .xlsx, which is smaller.", maxSheet>>20))
	}
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool { return k == "file" || k == "photos" }); err != nil {
		return err
	}
	file := f.File("file")
	if len(file.Data) == 0 {
		say := v.Printer.S("Choose a file first.")
		if file.Name != "" {
			say = v.T(fail.T("The file is empty. A file has a row of headings and a row for each person."))
		}
		return p.showUpload(w, r, v, http.StatusUnprocessableEntity, say)
	}
	up := bulk.Upload{Name: fileName(file.Name), Data: file.Data}
	for _, x := range f.Files["photos"] {
		if len(x.Data) > 0 || x.Name != "" { // a field that was left empty comes as a file without a name
			up.Pictures = append(up.Pictures, bulk.File{Name: fileName(x.Name), Data: x.Data})
		}
	}
	if err := up.Unpackable(); err != nil {
		return p.showUpload(w, r, v, http.StatusUnprocessableEntity, said(v, sayOf(err)))
	}
	if _, err := p.Bulk.Look(up); err != nil && !askable(err) {
		if !fail.Is(err, fail.Invalid) {
			return err
		}
		return p.showUpload(w, r, v, http.StatusUnprocessableEntity, v.T(sayOf(err)))
	}
	id, err := p.Bulk.Keep(r.Context(), v.Actor(), v.Session.Ref.Tenant, up)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/uploads/"+id, http.StatusSeeOther)
	return nil
}

// askable says whether a file that cannot be read yet can be when something more is said of it.
func askable(err error) bool {
	var f *fail.Error
	return errors.As(err, &f) && slices.Contains([]string{"encoding", "delimiter", "by_position", "format", "sheet"}, f.Code)
}

// fileName is the last part of what a browser says, in a length that a line holds.
func fileName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	if r := []rune(strings.ToValidUTF8(s, "\ufffd")); len(r) > 200 {
		s = string(r[:200])
	}
	return strings.ReplaceAll(s, "\x00", "\ufffd")
}

type mapBody struct {
	File, At     string
	Scope, Token string
	Facts        []factView
	Problem      string
	Position     string // the layout that the order of the columns may be, for the form
	PositionName string
	Columns      []mapColumn
	Problems     []string
	Options      mapOptions
	Open         bool // the options stand open
	Group        string
	NeedsGroup   bool
	CanPlan      bool
}

// mapColumn is one column of the file: what it says, what it is taken for, and what stands in it.
type mapColumn struct {
	Field, Heading, Letters string
	As                      string // what it is taken for, in words
	Choices                 []optionView
	Samples                 []string
	Bad                     bool
}

// mapOptions are what can be said of a file.
type mapOptions struct {
	Format, Sheet, Encoding, Delimiter []optionView
	Clear                              string
	AsTyped, Text                      bool
}

// askColumns shows what the columns of a waiting file are taken for.
func (p *Portal) askColumns(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	up, err := p.Bulk.Kept(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.showColumns(w, r, v, http.StatusOK, up, "")
}

// columnsSaid reads the file again as the form says, or makes the plan.
func (p *Portal) columnsSaid(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	id := r.PathValue("id")
	f, err := v.FormFor(r, "columns "+id)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool {
		return strings.HasPrefix(k, "as.") || slices.Contains([]string{"step", "format", "sheet", "encoding", "delimiter", "clear", "astyped", "group"}, k)
	}); err != nil {
		return err
	}
	r, done := v.Slowly(w, r, patient)
	defer done()
	turn, err := p.uploads.take(r.Context(), v.Session.Ref)
	if err != nil {
		return err
	}
	defer turn()
	up, err := p.Bulk.Kept(r.Context(), v.Actor(), v.Session.Ref.Tenant, id)
	if err != nil {
		return err
	}
	up.Group = strings.TrimSpace(f.Get("group"))
	up.Options = sheet.Options{Format: f.Get("format"), Sheet: f.Get("sheet"), Encoding: f.Get("encoding"), Delimiter: f.Get("delimiter"), Clear: strings.TrimSpace(f.Get("clear")), AsTyped: f.Get("astyped") == "true"}
	if up.Delimiter == "tab" {
		up.Delimiter = "\t"
	}
	for k := range f.Values {
		column, ok := strings.CutPrefix(k, "as.")
		if !ok || f.Get(k) == "" {
			continue
		}
		n, err := strconv.Atoi(column)
		if err != nil || n < 1 || n > sheet.MaxColumns {
			return wrong(k)
		}
		if up.As == nil {
			up.As = map[int]string{}
		}
		up.As[n] = f.Get(k)
	}
	if f.Get("step") != "plan" {
		return p.showColumns(w, r, v, http.StatusOK, up, "")
	}
	if l, err := p.Bulk.Look(up); err == nil && len(l.Problems) > 0 {
		return p.showColumns(w, r, v, http.StatusUnprocessableEntity, up, "")
	}
	one, err := p.Bulk.MakePlan(r.Context(), v.Actor(), v.Session.Ref.Tenant, up)
	if fail.Is(err, fail.Invalid) {
		return p.showColumns(w, r, v, http.StatusUnprocessableEntity, up, said(v, sayOf(err)))
	}
	if err != nil {
		return err
	}
	if err := p.Bulk.Forget(r.Context(), v.Session.Ref.Tenant, id); err != nil {
		p.Log.Warn("a file that was read stays until it is swept", "request", v.ID, "err", err.Error())
	}
	http.Redirect(w, r, planAddress(one.ID), http.StatusSeeOther)
	return nil
}

func (p *Portal) showColumns(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, up bulk.Upload, problem string) error {
	scope := "columns " + r.PathValue("id")
	b := mapBody{File: up.Name, At: r.URL.Path, Scope: scope, Token: v.Token(scope), Problem: problem, Group: up.Group, CanPlan: true}
	l, err := p.Bulk.Look(up)
	var f *fail.Error
	if errors.As(err, &f) && f.Code == "by_position" {
		b.Position = f.Item
		for _, o := range p.formats(v) {
			if o.Value == f.Item {
				b.PositionName = o.Label
			}
		}
		so := up
		so.Format = f.Item
		l, err = p.Bulk.Look(so)
	}
	if err != nil {
		if !fail.Is(err, fail.Invalid) {
			return err
		}
		b.CanPlan, b.Open, b.Problem, status = false, true, said(v, sayOf(err)), http.StatusUnprocessableEntity
	}
	b.Options = p.mapOptions(v, up, l)
	b.Open = b.Open || up.Clear != "" || up.AsTyped
	b.Facts = p.sheetFacts(v, l.About)
	for _, f := range sheet.Formats() {
		if f.Name == l.Format && (f.Act == sheet.Join || f.Act == sheet.Leave) {
			b.NeedsGroup = true
		}
	}
	bad := map[int]bool{}
	for _, x := range l.Problems {
		bad[x.Column] = true
		b.Problems = append(b.Problems, p.placed(v, x))
	}
	for i, c := range l.Columns {
		one := mapColumn{Field: "as." + strconv.Itoa(i+1), Heading: c.Heading, Letters: sheet.Problem{Column: i + 1}.Letters(), As: p.useText(v, c), Bad: bad[i+1]}
		said, chosen := up.As[i+1]
		if c.Use == sheet.Ignored || chosen {
			one.Choices = p.useChoices(v, said, chosen, c)
		} else {
			one.Choices = []optionView{{Value: "", Label: one.As}, {Value: sheet.Unread, Label: v.Printer.S("Do not read it")}}
		}
		for _, row := range l.Samples {
			if row[i] != "" {
				one.Samples = append(one.Samples, row[i])
			}
		}
		b.Columns = append(b.Columns, one)
	}
	return p.show(w, v, status, "columns", p.desk(r, v, "sheets", fail.T("What the columns are"), b))
}

// useText is what a column is taken for, in words.
func (p *Portal) useText(v *web.Visit, c sheet.Column) string {
	switch c.Use {
	case sheet.Ignored:
		return v.Printer.S("Not read")
	case sheet.ID:
		return v.Printer.S("Who: object ID")
	case sheet.UPN:
		return v.Printer.S("Who: sign-in name")
	case sheet.Member:
		return v.Printer.S("Who: object ID or sign-in name")
	case sheet.Set:
		label := p.labelFor(v, c.Name, nil)
		switch {
		case c.Name == "userPrincipalName":
			return v.Printer.S("New sign-in name")
		case c.Inverted:
			return v.Printer.S("%s, the other way round", label)
		}
		return label
	}
	for _, u := range otherUses {
		if u.use == c.Use {
			return v.T(u.label)
		}
	}
	return string(c.Use)
}

// otherUses are what a column can be beside a property and whom a row is about, with the heading that says so.
var otherUses = []struct {
	use     sheet.Use
	heading string
	label   fail.Text
}{
	{sheet.Manager, "manager", fail.T("Manager")},
	{sheet.JoinTo, "groups:add", fail.T("Groups to put into")},
	{sheet.LeaveOf, "groups:remove", fail.T("Groups to take out of")},
	{sheet.Give, "licenses:add", fail.T("Licenses to give")},
	{sheet.Take, "licenses:remove", fail.T("Licenses to take away")},
	{sheet.Like, "like", fail.T("A colleague with the same groups and licenses")},
	{sheet.Doing, "action", fail.T("What to do: update, delete, restore")},
	{sheet.Picture, "photo", fail.T("Photo")},
	{sheet.Password, "", fail.T("First password of somebody who is added")},
}

// useChoices are what a column can be taken for.
func (p *Portal) useChoices(v *web.Visit, said string, chosen bool, c sheet.Column) []optionView {
	out := []optionView{{Value: sheet.Unread, Label: v.Printer.S("Do not read it"), Selected: chosen && said == sheet.Unread}}
	if !chosen {
		out = slices.Insert(out, 0, optionView{Value: "", Label: v.Printer.S("Not known"), Selected: true})
	}
	add := func(heading, label string) {
		out = append(out, optionView{heading, label, chosen && said == heading})
	}
	add("userPrincipalName", v.Printer.S("Who: sign-in name"))
	add("id", v.Printer.S("Who: object ID"))
	for _, d := range sheet.Writable(p.props) {
		add(string(d.Name), p.labelFor(v, d.Name, nil))
	}
	for _, u := range otherUses {
		if u.heading != "" {
			add(u.heading, v.T(u.label))
		}
	}
	return out
}

// mapOptions are the choices that a file leaves, each as it is now.
func (p *Portal) mapOptions(v *web.Visit, up bulk.Upload, l bulk.Looked) mapOptions {
	pick := func(now string, all ...optionView) []optionView {
		for i := range all {
			all[i].Selected = all[i].Value == now
		}
		return all
	}
	auto := optionView{Value: "", Label: v.Printer.S("As the file says")}
	o := mapOptions{Clear: cmp.Or(up.Clear, sheet.Clear), AsTyped: up.AsTyped, Text: l.Kind != "xlsx"}
	o.Format = []optionView{auto}
	for _, f := range p.formats(v) {
		o.Format = append(o.Format, f.optionView)
	}
	o.Format = pick(up.Format, o.Format...)
	o.Encoding = pick(up.Encoding, auto, optionView{Value: "utf-8", Label: "UTF-8"}, optionView{Value: "utf-16le", Label: "UTF-16 LE"}, optionView{Value: "utf-16be", Label: "UTF-16 BE"}, optionView{Value: "windows-1252", Label: "Windows-1252"})
	delimiter := up.Delimiter
	if delimiter == "\t" {
		delimiter = "tab"
	}
	o.Delimiter = pick(delimiter, auto, optionView{Value: ",", Label: v.Printer.S("Comma")}, optionView{Value: ";", Label: v.Printer.S("Semicolon")}, optionView{Value: "tab", Label: v.Printer.S("Tab")})
	for _, s := range l.Sheets {
		o.Sheet = append(o.Sheet, optionView{s, s, s == l.Sheet})
	}
	return o
}

// sheetFacts are what was found out about a file.
func (p *Portal) sheetFacts(v *web.Visit, a sheet.About) (out []factView) {
	fact := func(label, value string) {
		if value != "" {
			out = append(out, factView{label, Clear(value)})
		}
	}
	if a.Kind == "" || a.Kind == bulk.Selected {
		return nil
	}
	fact(v.Printer.S("Kind of file"), strings.ToUpper(a.Kind))
	for _, f := range p.formats(v) {
		if f.Value == a.Format {
			fact(v.Printer.S("Layout"), f.Label)
		}
	}
	fact(v.Printer.S("Sheet"), a.Sheet)
	fact(v.Printer.S("Encoding"), a.Encoding)
	fact(v.Printer.S("Delimiter"), map[string]string{",": v.Printer.S("Comma"), ";": v.Printer.S("Semicolon"), "\t": v.Printer.S("Tab")}[a.Delimiter])
	return out
}

// placed is a problem or a note with its place.
func (p *Portal) placed(v *web.Visit, x sheet.Problem) string {
	say, page, heading, where := said(v, x.Say), Clear(x.Sheet), Clear(x.Heading), Clear(x.Heading)
	line := strconv.Itoa(x.Line)
	switch {
	case x.Line > 0 && page != "" && x.Column > 0:
		where = v.Printer.S("%[1]s, cell %[2]s", page, x.Letters()+line)
	case x.Line > 0 && page != "":
		where = v.Printer.S("%[1]s, row %[2]s", page, line)
	case x.Line > 0 && x.Column > 0:
		where = v.Printer.S("line %[1]s, column %[2]s", line, x.Letters())
	case x.Line > 0:
		where = v.Printer.S("line %s", line)
	case heading == "":
		return say
	}
	if x.Line > 0 && heading != "" {
		where = v.Printer.S("%[1]s (%[2]s)", where, heading)
	}
	return v.Printer.S("%[1]s: %[2]s", where, say)
}

// said is a sentence with what a file has put into it made safe to look at.
func said(v *web.Visit, t fail.Text) string {
	args := slices.Clone(t.Args)
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = Clear(s)
		}
	}
	return v.T(fail.Text{Key: t.Key, Args: args})
}
