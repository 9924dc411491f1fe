package portal

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// peopleQuery is what the address of a list of people says. Whatever a list shows stands in its address, so that it can be kept and
// passed on.
type peopleQuery struct {
	view       string // "" everybody, blocked, guests, deleted
	words      string
	department string
	filter     string // OData, as the reader wrote it
	columns    []string
	sort       string // property, with "-" before it for descending
	size       int
	page       string
	now        bool // the directory itself is asked, though there is a copy
}

var pageSizes = []int{25, 50, 100}

const peopleSize = 50

// defaultColumns are shown where the address names none.
var defaultColumns = []string{"userPrincipalName", "department", "officeLocation"}

func readPeopleQuery(q url.Values) (peopleQuery, error) {
	l := peopleQuery{
		view: q.Get("view"), words: strings.TrimSpace(q.Get("q")), department: strings.TrimSpace(q.Get("department")), filter: strings.TrimSpace(q.Get("filter")),
		columns: slices.DeleteFunc(slices.Clone(q["col"]), func(s string) bool { return s == "" }), sort: q.Get("sort"), page: q.Get("page"), size: peopleSize,
		now: q.Get("now") != "",
	}
	for name, values := range q {
		if name != "col" && len(values) > 1 {
			return l, wrong(name)
		}
		for _, s := range values {
			if len(s) > 2000 && name != "page" || strings.ContainsRune(s, 0) {
				return l, wrong(name)
			}
		}
	}
	if !slices.Contains([]string{"", "blocked", "guests", "deleted"}, l.view) {
		return l, wrong("view")
	}
	if s := q.Get("size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || !slices.Contains(pageSizes, n) {
			return l, wrong("size")
		}
		l.size = n
	}
	if len(l.columns) > 12 {
		return l, wrong("col")
	}
	return l, nil
}

// values is the query as an address says it; without its page.
func (l peopleQuery) values() url.Values {
	q := url.Values{}
	for name, s := range map[string]string{"view": l.view, "q": l.words, "department": l.department, "filter": l.filter, "sort": l.sort} {
		if s != "" {
			q.Set(name, s)
		}
	}
	if len(l.columns) > 0 {
		q["col"] = l.columns
	}
	if l.now {
		q.Set("now", "1")
	}
	if l.size != peopleSize {
		q.Set("size", strconv.Itoa(l.size))
	}
	return q
}

// clauses is what the list asks the directory as an OData filter.
func (l peopleQuery) clauses() string {
	var all []string
	switch l.view {
	case "blocked":
		all = append(all, "accountEnabled eq false")
	case "guests":
		all = append(all, "userType eq 'Guest'")
	}
	if l.department != "" {
		all = append(all, "department eq '"+strings.ReplaceAll(l.department, "'", "''")+"'")
	}
	if l.filter != "" {
		if len(all) == 0 {
			return l.filter
		}
		all = append(all, "("+l.filter+")")
	}
	return strings.Join(all, " and ")
}

type peopleBody struct {
	Tabs               []tabView
	View, Query        string
	Department, Filter string
	Advanced           bool // the box with the filter stands open
	FilterError        string
	Carry              []hiddenView // what the search form does not ask and keeps
	CarryColumns       []hiddenView // the same for the form of the columns
	Chosen             []filterView
	Clear              string
	Columns            []columnView
	Heads              []sortHead
	Rows               []peopleRow
	Count              string
	AsOf               time.Time // of the copy that was looked through; zero: the directory itself was asked
	NowHref            string    // the same list from the directory itself
	Pages              pageLinks
	Empty              *emptyView
	Deleted            bool
	ExportHref         string // where this list is taken out as a file
	AddHref            string // where somebody is added, "" for whoever may not
	EditHref           string // where everybody in it is edited at once, "" for whoever may not
}

type hiddenView struct{ Name, Value string }

type columnView struct {
	Name, Label string
	On          bool
}

type peopleRow struct {
	Person directory.Person
	Href   string
	States []badgeView
	Cells  []cellView
}

type cellView struct{ Text, Class string }

// people lists the people of the organization.
func (p *Portal) people(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	l, err := readPeopleQuery(r.URL.Query())
	if err != nil {
		return err
	}
	by, tenant := v.Actor(), v.Session.Ref.Tenant
	b := p.peopleBody(v, l)
	name := "people " + l.values().Encode()
	at, err := p.continued(v, name, l.page)
	if err != nil {
		return err
	}
	columns := p.columns(v, &b, &l)
	q := directory.Query{Filter: l.clauses(), Search: l.words, Names: []property.Name{"jobTitle", "accountEnabled"}, Top: l.size, Page: at.mark(), Count: true}
	if q.Order = "displayName"; l.sort != "" {
		by, desc := strings.CutPrefix(l.sort, "-")
		q.Order, q.Desc = property.Name(by), desc
	} else if l.words != "" {
		q.Order = "" // the directory's own order: the best find first
	}
	for _, d := range columns {
		q.Names = append(q.Names, d.Name)
	}
	var list directory.People
	if found, broken := p.copied(r, v, l, q.Names); broken != nil {
		return broken
	} else if found != nil {
		list.List, b.AsOf = found.People, found.AsOf
		live := l
		live.now = true
		b.NowHref = with("/admin/people", live.values())
	} else if l.view == "deleted" {
		q.Filter, q.Search, q.Order, q.Count = "", "", "", false
		list, err = p.Desk.DeletedPeople(r.Context(), by, tenant, q)
	} else {
		list, err = p.Desk.People(r.Context(), by, tenant, q)
	}
	status := http.StatusOK
	if err != nil {
		// A filter that cannot be read, or that the directory does not take, is told beside its box, with everything typed still there.
		if l.filter == "" && l.department == "" || !(fail.Is(err, fail.Invalid) || fail.Is(err, fail.Denied) || fail.Is(err, fail.Unsupported)) {
			return err
		}
		pr := web.ProblemOf(err)
		status, b.FilterError, b.Advanced = pr.Status, v.T(pr.Say), true
		b.Count = v.Printer.S("Nothing was looked for.")
		return p.show(w, v, status, "people", p.desk(r, v, "people", fail.T("People"), b))
	}
	for _, u := range list.List {
		row := peopleRow{Person: mention(u), Href: personAddress(u.Ref), States: p.states(v, u, l.view == "deleted")}
		for _, d := range columns {
			text, _, _ := look(v.Printer, d, u.Values[d.Name])
			row.Cells = append(row.Cells, cellView{Text: text, Class: columnClass(d)})
		}
		b.Rows = append(b.Rows, row)
	}
	b.Pages = p.pagesOf(v, "/admin/people", name, l.values(), at, list.Next)
	b.Count = v.Printer.S("%d people", len(b.Rows))
	if list.Total > len(b.Rows) {
		b.Count = v.Printer.S("%[1]d of %[2]d people", len(b.Rows), list.Total)
	}
	if !b.AsOf.IsZero() && len(b.Rows) == l.size {
		b.Count = v.Printer.S("The first %d: type on to see fewer", len(b.Rows))
	}
	b.Pages.Says = b.Count
	if len(b.Rows) == 0 {
		b.Empty = &emptyView{"search", v.Printer.S("Nobody matches these filters"), v.Printer.S("Remove a filter, or look for the beginning of a name or of an address."), "/admin/people", v.Printer.S("Clear all filters")}
		if l.view == "deleted" {
			b.Empty = &emptyView{"bin", v.Printer.S("Nobody was deleted in the last 30 days"), v.Printer.S("Whoever is deleted stays here for 30 days and can be restored."), "/admin/people", v.Printer.S("Everybody")}
		}
	}
	return p.show(w, v, status, "people", p.desk(r, v, "people", fail.T("People"), b))
}

// copied is what the copy of the directory has for a search by words alone; nil when it is the directory that has to be asked.
func (p *Portal) copied(r *http.Request, v *web.Visit, l peopleQuery, names []property.Name) (*admin.Matches, error) {
	if l.words == "" || l.clauses() != "" || l.sort != "" || l.page != "" || l.view != "" || l.now {
		return nil, nil
	}
	m, err := p.Desk.Search(r.Context(), v.Actor(), v.Session.Ref.Tenant, l.words, names, l.size)
	if fail.Is(err, fail.Unavailable) {
		return nil, nil
	}
	return &m, err
}

// mention is a short mention of somebody, from what may be seen of them.
func mention(u directory.User) directory.Person {
	text := func(n property.Name) string { return u.Values[n].Str() }
	m := directory.Person{Ref: u.Ref, Name: text("displayName"), UPN: text("userPrincipalName"), Title: text("jobTitle")}
	if m.Name == "" {
		m.Name = m.UPN
	}
	if m.Name == "" {
		m.Name = u.Ref.ID
	}
	return m
}

func columnClass(d property.Def) string {
	if d.Name == "userPrincipalName" {
		return "more wide"
	}
	return "more"
}

// columns are the properties beside the name, as the address wants them and the reader may see them.
func (p *Portal) columns(v *web.Visit, b *peopleBody, l *peopleQuery) []property.Def {
	wanted := l.columns
	if len(wanted) == 0 {
		wanted = defaultColumns
	}
	var out []property.Def
	byName := map[string]property.Def{}
	for _, d := range p.Desk.Columns(v.Actor(), v.Session.Ref.Tenant) {
		if d.Name == "displayName" {
			continue
		}
		byName[string(d.Name)] = d
		b.Columns = append(b.Columns, columnView{string(d.Name), v.T(fail.T(d.House.Label)), slices.Contains(wanted, string(d.Name))})
	}
	head := func(name, label, class string, sorts bool) sortHead {
		h := sortHead{Label: label, Class: class}
		if !sorts || l.view == "deleted" {
			return h
		}
		other := *l
		if other.sort = name; l.sort == name || l.sort == "" && l.words == "" && name == "displayName" {
			h.Way, other.sort = "ascending", "-"+name
		} else if l.sort == "-"+name {
			h.Way = "descending"
		}
		h.Href = with("/admin/people", other.values())
		return h
	}
	b.Heads = []sortHead{head("displayName", v.Printer.S("Name"), "", true)}
	for _, name := range wanted {
		if d, ok := byName[name]; ok {
			out = append(out, d)
			b.Heads = append(b.Heads, head(name, v.T(fail.T(d.House.Label)), columnClass(d), d.Kind != property.KindTextList && d.Kind != property.KindBool))
		}
	}
	return out
}

// peopleBody is what a list shows whatever is in it: views, filters, and what its forms carry along.
func (p *Portal) peopleBody(v *web.Visit, l peopleQuery) peopleBody {
	b := peopleBody{View: l.view, Query: l.words, Department: l.department, Filter: l.filter, Advanced: l.filter != "", Deleted: l.view == "deleted"}
	for _, t := range []struct{ view, label string }{{"", v.Printer.S("Everybody")}, {"blocked", v.Printer.S("Sign-in blocked")}, {"guests", v.Printer.S("Guests")}, {"deleted", v.Printer.S("Deleted")}} {
		other := peopleQuery{view: t.view, columns: l.columns, size: l.size}
		b.Tabs = append(b.Tabs, tabView{Label: t.label, Href: with("/admin/people", other.values()), Here: l.view == t.view})
	}
	chosen := func(label, value string, without peopleQuery) {
		if value != "" {
			b.Chosen = append(b.Chosen, filterView{label, value, with("/admin/people", without.values())})
		}
	}
	one := l
	one.words = ""
	chosen(v.Printer.S("Search"), l.words, one)
	one = l
	one.department = ""
	chosen(v.Printer.S("Department"), l.department, one)
	one = l
	one.filter = ""
	chosen(v.Printer.S("Filter"), l.filter, one)
	if !b.Deleted {
		whom := peopleQuery{view: l.view, words: l.words, department: l.department, filter: l.filter, size: peopleSize}.values()
		b.ExportHref = with("/admin/people/export", whom)
		if whom.Set("all", "1"); admin.Writes(v.Actor()) {
			b.EditHref = with(manyPath, whom)
		}
		if _, err := p.Desk.Newcomer(v.Actor(), v.Session.Ref.Tenant); err == nil {
			b.AddHref = addPath
		}
	}
	one = peopleQuery{view: l.view, columns: l.columns, size: l.size}
	b.Clear = with("/admin/people", one.values())
	for _, name := range slices.Sorted(maps.Keys(l.values())) {
		for _, value := range l.values()[name] {
			if name != "q" && name != "department" && name != "filter" {
				b.Carry = append(b.Carry, hiddenView{name, value})
			}
			if name != "col" {
				b.CarryColumns = append(b.CarryColumns, hiddenView{name, value})
			}
		}
	}
	return b
}
