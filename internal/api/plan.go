package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// sheetTypes are what a spreadsheet may come as; what it is is found out by its content.
const (
	xlsxType   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	bytesType  = "application/octet-stream"
	sheetTypes = "text/csv " + xlsxType + " " + bytesType
	partsType  = "multipart/form-data"
)

// parts are a spreadsheet and the pictures that come with it. Their names and types are what was said, and are not believed.
func (c *call) parts() (data []byte, pictures []bulk.File, err error) {
	kind, param, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != partsType {
		return c.raw, nil, nil
	}
	bad := func(say fail.Text) error { return refuse(http.StatusBadRequest, say) }
	in := multipart.NewReader(bytes.NewReader(c.raw), param["boundary"])
	for {
		part, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, bad(fail.T("The body ended before it was complete."))
		}
		b, err := io.ReadAll(part)
		switch name := part.FormName(); {
		case err != nil:
			return nil, nil, bad(fail.T("The body ended before it was complete."))
		case name == "photos":
			pictures = append(pictures, bulk.File{Name: part.FileName(), Data: b})
		case name == "file" && data == nil:
			data = b
		default:
			return nil, nil, bad(fail.T("There is no part called %q here, or it comes twice. There are one file, and photos.", name))
		}
	}
	if data == nil {
		return nil, nil, bad(fail.T("The part file, with the spreadsheet, is missing."))
	}
	return data, pictures, nil
}

// maxSheet is how long a file may be; it is held in memory while its plan is made.
const maxSheet = 64 << 20

// plan is what a spreadsheet would change.
type plan struct {
	ID        string         `json:"id"`
	Made      time.Time      `json:"made"`
	By        string         `json:"by"`
	File      string         `json:"file"`
	Undoes    string         `json:"undoes,omitempty" says:"the plan that this one takes back; file and lines are that one's"`
	Sum       string         `json:"sha256" says:"of the file"`
	Digest    string         `json:"digest" says:"of all that would be done; names exactly what was reviewed"`
	Kind      string         `json:"kind,omitempty" says:"csv or xlsx; none of a plan that takes another one back"`
	Format    string         `json:"format,omitempty" says:"own, or the name of an admin center's layout"`
	Encoding  string         `json:"encoding,omitempty"`
	Delimiter string         `json:"delimiter,omitempty"`
	LineEnds  string         `json:"lineEnds,omitempty"`
	Sheet     string         `json:"sheet,omitempty" says:"of a workbook"`
	Columns   []column       `json:"columns"`
	Rows      planCounts     `json:"rows"`
	Changes   map[string]int `json:"changes" says:"of the rows that are ready, by kind: create, update, photo, manager, member, license, delete, restore"`
	Cells     map[string]int `json:"cells" says:"how many people get another value of a property"`
	Problems  []placed       `json:"problems" says:"of the file as a whole; with any, nothing of the plan can be applied"`
	Notes     []placed       `json:"notes"`
	State     string         `json:"state" says:"planned, applying, paused, canceled or done"`
	Why       string         `json:"why,omitempty" says:"of a pause"`
	AppliedBy string         `json:"appliedBy,omitempty"`
	Began     *time.Time     `json:"began,omitempty"`
	Ended     *time.Time     `json:"ended,omitempty"`
	Fates     map[string]int `json:"fates,omitempty" says:"ready rows by what became of them: applied, unchanged, partly, unverified, conflicted, refused, failed, open"`
}

// confirmed is what has to be said to apply a plan.
type confirmed struct {
	Digest     string `json:"digest" says:"of the plan that was looked at"`
	People     int    `json:"people,omitempty" says:"typed by somebody where the plan changes many people: how many"`
	Privileged int    `json:"privileged,omitempty" says:"typed where it changes people who hold a directory role: how many"`
	Deletions  int    `json:"deletions,omitempty" says:"typed where it deletes people: how many"`
	Canary     int    `json:"canary,omitempty" says:"so many rows go first, and the rest waits when one of them does not arrive; 5 when it is left out, -1 is none"`
}

// planCounts says how many rows there are.
type planCounts struct {
	All        int `json:"all"`
	Ready      int `json:"ready" says:"something would be changed"`
	Unchanged  int `json:"unchanged" says:"everything is so already"`
	Refused    int `json:"refused" says:"something is wrong with them"`
	Privileged int `json:"privileged" says:"ready ones about people who hold a directory role"`
}

// column is one of a file.
type column struct {
	Heading  string `json:"heading"`
	Use      string `json:"use" says:"set, upn, id, ignored …"`
	Name     string `json:"name,omitempty" says:"the property"`
	Inverted bool   `json:"inverted,omitempty" says:"yes means no: Block sign in"`
}

// placed is something to know of one place of a file.
type placed struct {
	Where   string `json:"where,omitempty" says:"line 4, column C (Department)"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty" says:"from 1"`
	Sheet   string `json:"sheet,omitempty"`
	Heading string `json:"heading,omitempty"`
	Detail  string `json:"detail" says:"what is wrong, what is allowed and how to mend it"`
	Code    string `json:"code" says:"stable, for programs"`
}

// planRow is one row.
type planRow struct {
	Number     int        `json:"number" says:"in the plan, from 1"`
	Line       int        `json:"line" says:"in the file"`
	ID         string     `json:"id,omitempty" says:"object id of the person, when they were found"`
	UPN        string     `json:"userPrincipalName,omitempty"`
	Name       string     `json:"name,omitempty"`
	State      string     `json:"state" says:"ready, unchanged or refused"`
	Privileged bool       `json:"privileged,omitempty" says:"the person holds a directory role"`
	Steps      []planStep `json:"steps"`
	Problems   []placed   `json:"problems"`
	Notes      []placed   `json:"notes"`
	Fate       string     `json:"fate,omitempty" says:"what became of it: applied, unchanged, partly, unverified, conflicted, refused, failed"`
}

// planStep is one change of a row.
type planStep struct {
	Kind    string       `json:"kind"`
	Changes []planChange `json:"changes"`
	Fate    string       `json:"fate,omitempty"`
	Entry   string       `json:"entry,omitempty" says:"of the history"`
	Detail  string       `json:"detail,omitempty" says:"why it did not arrive"`
	Code    string       `json:"code,omitempty"`
}

// planChange is one value, old and new.
type planChange struct {
	Name  string         `json:"name" says:"property or facet"`
	Label string         `json:"label,omitempty" says:"what an id was called"`
	Old   property.Value `json:"old"`
	New   property.Value `json:"new"`
}

type plansPage struct {
	Plans []plan `json:"plans"`
	page
}

type planRowsPage struct {
	Rows []planRow `json:"rows"`
	page
}

func (a *API) plans() []Route {
	return []Route{
		{
			Method: "POST", Path: "/plans", Says: "Read a spreadsheet and say what it would change. Nothing is written to the directory. With pictures: multipart/form-data, the spreadsheet as file, each picture or a zip of them as photos.", Scope: directory.PeopleWrite, Roles: writers,
			Takes: sheetTypes + " " + partsType, Bytes: maxSheet, Gives: plan{}, Status: http.StatusCreated, Slow: true, do: makePlan, Query: []Param{
				{"name", "of the file, for people", "string"},
				{"format", "the layout, where its headings do not tell: m365-2024, entra-members-remove …", "string"},
				{"group", "name or object id, for lists of members", "string"},
				{"sheet", "of a workbook", "string"},
				{"encoding", "of a text without a mark: utf-8, utf-16le, utf-16be or windows-1252", "string"},
				{"delimiter", "of a text", "string"},
				{"clear", "the word that takes a value away; " + sheet.Clear + " when it is left out", "string"},
				{"map", "what headings are read as, as JSON: {\"Abteilung\": \"department\", \"Notes\": \"" + sheet.Unread + "\"}; " + sheet.Unread + " leaves one out", "string"},
				{"astyped", "true takes cells that look as if Excel had rewritten them", "boolean"},
			},
		},
		{
			Method: "POST", Path: "/selections", Says: "Say what would change for many people at once: all of a list, or those who are named. Nothing is written to the directory.",
			Scope: directory.PeopleWrite, Roles: writers, Body: selection{}, Gives: plan{}, Status: http.StatusCreated, Slow: true, do: planSelection,
		},
		{Method: "GET", Path: "/plans", Says: "List plans, the newest first.", Scope: directory.PeopleRead, Roles: readers, Gives: plansPage{}, Query: []Param{limitParam, cursorParam}, do: listPlans},
		{Method: "GET", Path: "/plans/{id}", Says: "Read a plan.", Scope: directory.PeopleRead, Roles: readers, Gives: plan{}, do: getPlan},
		{
			Method: "GET", Path: "/plans/{id}/rows", Says: "List rows of a plan, in the order of the file.", Scope: directory.PeopleRead, Roles: readers, Gives: planRowsPage{}, do: listRows,
			Query: []Param{{"state", "only those that are ready, unchanged or refused", "string"}, {"kind", "only those with such a change: create, update, photo, manager, member, license, delete, restore", "string"}, {"fate", "only those of which this became", "string"}, {"search", "in names and sign-in names", "string"}, limitParam, cursorParam},
		},
		{Method: "POST", Path: "/plans/{id}/apply", Says: "Apply exactly the plan with this digest. It goes on by itself; GET tells how far it is.", Scope: directory.PeopleWrite, Roles: writers, Body: confirmed{}, Gives: plan{}, Status: http.StatusAccepted, Fresh: true, do: applyPlan},
		order("pause", "Stop a plan between two rows.", func(b *bulk.Bulk, c *call) (bulk.Plan, error) {
			return b.Pause(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
		}),
		order("resume", "Let a paused plan go on.", func(b *bulk.Bulk, c *call) (bulk.Plan, error) {
			return b.Resume(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
		}),
		order("cancel", "End a plan; rows that were not reached stay as they are.", func(b *bulk.Bulk, c *call) (bulk.Plan, error) {
			return b.Cancel(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
		}),
		{
			Method: "POST", Path: "/plans/{id}/undo", Says: "Make a plan that takes back what this one has done, as far as it came. Nothing is written to the directory; look at the new plan and apply it.",
			Scope: directory.PeopleWrite, Roles: writers, Gives: plan{}, Status: http.StatusCreated, Slow: true, do: undoPlan,
		},
		{
			Method: "POST", Path: "/plans/{id}/passwords", Says: "Take the first passwords of those whom the plan has added so far. They are told once, and only to whoever applied it.",
			Scope: directory.PeopleCreate, Roles: admins, Gives: firstPasswords{}, Fresh: true, do: takePasswords,
		},
		{Method: "GET", Path: "/plans/{id}/rejects", Says: "The rows that did not arrive, as a spreadsheet that can be planned again.", Scope: directory.PeopleRead, Roles: readers, Type: bytesType, Query: []Param{{"as", "csv or xlsx", "string"}}, do: exportRejects},
		{
			Method: "GET", Path: "/export/people", Says: "People as a spreadsheet that comes back in without a change.", Scope: directory.PeopleRead, Roles: readers, Type: bytesType, Slow: true, do: exportPeople,
			Query: []Param{{"format", "own, or an admin center's: m365-2024, m365-export, entra-create, entra-download …", "string"}, {"as", "csv or xlsx", "string"}, filterParam, whyParam},
		},
		{
			Method: "GET", Path: "/export/groups", Says: "All groups as a spreadsheet, or the members of one as Entra's list of members has them.", Scope: directory.PeopleRead, Roles: readers, Type: bytesType, Slow: true, do: exportGroups,
			Query: []Param{{"members", "object id of a group", "string"}, {"as", "csv or xlsx", "string"}, whyParam},
		},
	}
}

// flag is a parameter that is true or false.
func (c *call) flag(name string) (bool, error) {
	switch c.r.URL.Query().Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, refuseAt(http.StatusBadRequest, fieldError{Parameter: name, Code: "form"}, fail.T("%q is true or false.", name))
}

func makePlan(c *call) (reply, error) {
	asTyped, err := c.flag("astyped")
	if err != nil {
		return reply{}, err
	}
	in := c.r.URL.Query()
	named := map[string]string{}
	if s := in.Get("map"); s != "" && json.Unmarshal([]byte(s), &named) != nil {
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: "map", Code: "form"}, fail.T("map is a JSON object of headings, each with the property that it is read as."))
	}
	data, pictures, err := c.parts()
	if err != nil {
		return reply{}, err
	}
	p, err := c.Bulk.MakePlan(c.r.Context(), c.by, c.tenant, bulk.Upload{
		Name: in.Get("name"), Data: data, Pictures: pictures, Group: in.Get("group"),
		Options: sheet.Options{Format: in.Get("format"), Sheet: in.Get("sheet"), Encoding: in.Get("encoding"), Delimiter: in.Get("delimiter"), Clear: in.Get("clear"), AsTyped: asTyped, Named: named},
	})
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownPlan(c.v, p)}, nil
}

func shownPlaced(v *web.Visit, l []sheet.Problem) []placed {
	out := []placed{}
	for _, p := range l {
		out = append(out, placed{p.Where(), p.Line, p.Column, p.Sheet, p.Heading, v.T(p.Say), p.Code})
	}
	return out
}

func shownPlan(v *web.Visit, p bulk.Plan) plan {
	out := plan{
		ID: p.ID, Made: p.Made, By: p.By.Name, File: p.File, Undoes: p.Undoes, Sum: p.Sum, Digest: p.Digest, Kind: p.About.Kind, Format: p.About.Format,
		Encoding: p.About.Encoding, Delimiter: p.About.Delimiter, LineEnds: p.About.LineEnds, Sheet: p.About.Sheet, Columns: []column{},
		Rows:    planCounts{p.Counts.Rows, p.Counts.Ready, p.Counts.Unchanged, p.Counts.Refused, p.Counts.Privileged},
		Changes: map[string]int{}, Cells: map[string]int{}, Problems: shownPlaced(v, p.Problems), Notes: shownPlaced(v, p.Notes),
	}
	for _, x := range p.About.Columns {
		out.Columns = append(out.Columns, column{x.Heading, string(x.Use), string(x.Name), x.Inverted})
	}
	for k, n := range p.Counts.Kinds {
		out.Changes[k] = n
	}
	for k, n := range p.Counts.Cells {
		out.Cells[string(k)] = n
	}
	if out.State = string(p.Run.State); p.Run.State == bulk.Planned {
		out.State = "planned"
		return out
	}
	out.AppliedBy, out.Began, out.Why, out.Fates = p.Run.By.Name, &p.Run.Began, v.T(p.Run.Why), map[string]int{}
	if !p.Run.Ended.IsZero() {
		out.Ended = &p.Run.Ended
	}
	for k, n := range p.Run.Fates {
		if k == "" {
			k = "open"
		}
		out.Fates[k] = n
	}
	return out
}

func applyPlan(c *call) (reply, error) {
	var in confirmed
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	p, err := c.Bulk.Apply(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"), in.Digest, bulk.Confirm{People: in.People, Privileged: in.Privileged, Deletions: in.Deletions, Canary: in.Canary})
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownPlan(c.v, p)}, nil
}

// order is a route that gives a plan another state.
func order(path, says string, do func(*bulk.Bulk, *call) (bulk.Plan, error)) Route {
	return Route{Method: "POST", Path: "/plans/{id}/" + path, Says: says, Scope: directory.PeopleWrite, Roles: writers, Gives: plan{}, do: func(c *call) (reply, error) {
		p, err := do(c.Bulk, c)
		if err != nil {
			return reply{}, err
		}
		return reply{body: shownPlan(c.v, p)}, nil
	}}
}

func undoPlan(c *call) (reply, error) {
	p, err := c.Bulk.Undo(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownPlan(c.v, p)}, nil
}

func exportRejects(c *call) (reply, error) {
	return c.written(change.ExportRows, c.all(), "", func(w sheet.Writer) (int, error) {
		return c.Bulk.ExportRejects(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"), w)
	})
}

func listPlans(c *call) (reply, error) {
	n, before, err := c.numbered()
	if err != nil {
		return reply{}, err
	}
	at := time.Time{}
	if before > 0 {
		at = time.UnixMicro(int64(before))
	}
	l, err := c.Bulk.Plans(c.r.Context(), c.by, c.tenant, at, n)
	if err != nil {
		return reply{}, err
	}
	out := plansPage{Plans: []plan{}}
	for _, p := range l {
		out.Plans = append(out.Plans, shownPlan(c.v, p))
	}
	if len(l) == n {
		out.Next = c.next(strconv.FormatInt(l[n-1].Made.UnixMicro(), 10))
	}
	return reply{body: out}, nil
}

// numbered is the limit, and the number that a cursor stands for.
func (c *call) numbered() (limit, after int, err error) {
	if limit, err = c.limit(); err != nil {
		return 0, 0, err
	}
	s, err := c.cursor()
	if err != nil || s == "" {
		return limit, 0, err
	}
	if after, err = strconv.Atoi(s); err != nil {
		return 0, 0, fail.Wrap(fail.Internal, "api.plans", err) // nobody else makes cursors
	}
	return limit, after, nil
}

func getPlan(c *call) (reply, error) {
	p, err := c.Bulk.Plan(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownPlan(c.v, p)}, nil
}

func listRows(c *call) (reply, error) {
	n, after, err := c.numbered()
	if err != nil {
		return reply{}, err
	}
	in := c.r.URL.Query()
	l, err := c.Bulk.Rows(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"), bulk.Query{State: bulk.RowState(in.Get("state")), Kind: in.Get("kind"), Fate: change.State(in.Get("fate")), Text: in.Get("search"), After: after, N: n})
	if err != nil {
		return reply{}, err
	}
	out := planRowsPage{Rows: []planRow{}}
	for _, r := range l {
		x := planRow{
			Number: r.Number, Line: r.Line, ID: r.Person().ID, UPN: r.UPN, Name: r.Name, State: string(r.State), Privileged: r.Privileged,
			Steps: []planStep{}, Problems: shownPlaced(c.v, r.Problems), Notes: shownPlaced(c.v, r.Notes),
		}
		for k, s := range r.Steps {
			step := planStep{Kind: s.Kind()}
			if r.Fate != nil && k < len(r.Fate.Steps) {
				f := r.Fate.Steps[k]
				x.Fate, step.Fate, step.Entry, step.Detail, step.Code = string(r.Fate.State), string(f.State), f.Entry, c.v.T(f.Say), f.Code
			}
			for _, name := range s.Set.Names() {
				label := s.Names[string(name)]
				if name == directory.FacetManager {
					label = s.Names[s.Set[name].Str()]
				}
				step.Changes = append(step.Changes, planChange{string(name), label, s.Before[name], s.Set[name]})
			}
			x.Steps = append(x.Steps, step)
		}
		out.Rows = append(out.Rows, x)
	}
	if len(l) == n {
		out.Next = c.next(strconv.Itoa(l[n-1].Number))
	}
	return reply{body: out}, c.listed(change.ExportRows, len(l))
}

// written is a spreadsheet as the query asks for it; write says how many rows it has. That it was taken out stands in the history.
func (c *call) written(what string, on directory.Ref, why string, write func(w sheet.Writer) (int, error)) (reply, error) {
	var b bytes.Buffer
	var w sheet.Writer
	var err error
	n := 0
	switch as := c.r.URL.Query().Get("as"); as {
	case "", "csv":
		w = sheet.NewCSV(&b)
	case "xlsx":
		w, err = sheet.NewXLSX(&b, "Export")
	default:
		err = refuseAt(http.StatusBadRequest, fieldError{Parameter: "as", Code: "form"}, fail.T("as is csv or xlsx."))
	}
	if err == nil {
		n, err = write(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = c.taken(on, what, n, why)
	}
	return reply{raw: b.Bytes()}, err
}

func exportPeople(c *call) (reply, error) {
	why, err := c.whyOf()
	if err != nil {
		return reply{}, err
	}
	in := c.r.URL.Query()
	format := in.Get("format")
	if format == "" {
		format = sheet.Own
	}
	return c.written(change.ExportPeople, c.all(), why, func(w sheet.Writer) (int, error) {
		return c.Bulk.ExportPeople(c.r.Context(), c.by, c.tenant, format, directory.Query{Filter: in.Get("filter")}, w)
	})
}

func exportGroups(c *call) (reply, error) {
	why, err := c.whyOf()
	if err != nil {
		return reply{}, err
	}
	id := c.r.URL.Query().Get("members")
	if id == "" {
		return c.written(change.ExportGroups, c.all(), why, func(w sheet.Writer) (int, error) {
			return c.Bulk.ExportGroups(c.r.Context(), c.by, c.tenant, w)
		})
	}
	if !guid.MatchString(id) {
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: "members", Code: "id"}, fail.T("Here stands an object id, in lower case."))
	}
	of := directory.Ref{Tenant: c.tenant, ID: id}
	return c.written(change.ExportMembers, of, why, func(w sheet.Writer) (int, error) { return c.Bulk.ExportMembers(c.r.Context(), c.by, of, w) })
}
