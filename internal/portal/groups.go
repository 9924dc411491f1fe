package portal

import (
	"net/http"
	"net/url"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

type groupsBody struct {
	Query  string
	Rows   []groupRow
	Count  string
	Chosen []filterView
	Clear  string
	Pages  pageLinks
	Empty  *emptyView
}

// listQuery is what the address of a plain list says: words to look for, and which page.
func listQuery(r *http.Request) (words, page string, err error) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 || name != "page" && len(values[0]) > 200 || strings.ContainsRune(values[0], 0) {
			return "", "", wrong(name)
		}
	}
	return strings.TrimSpace(q.Get("q")), q.Get("page"), nil
}

// wordsOf is what an address says of a plain list beside its page.
func wordsOf(words string) url.Values {
	q := url.Values{}
	if words != "" {
		q.Set("q", words)
	}
	return q
}

func (p *Portal) groups(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	words, page, err := listQuery(r)
	if err != nil {
		return err
	}
	name := "groups " + words
	at, err := p.continued(v, name, page)
	if err != nil {
		return err
	}
	q := directory.Query{Search: words, Top: peopleSize, Page: at.mark(), Count: true}
	if words == "" {
		q.Order = "displayName"
	}
	list, err := p.Desk.Groups(r.Context(), v.Actor(), v.Session.Ref.Tenant, q)
	if err != nil {
		return err
	}
	b := groupsBody{Query: words, Clear: "/admin/groups", Pages: p.pagesOf(v, "/admin/groups", name, wordsOf(words), at, list.Next)}
	for _, g := range list.List {
		b.Rows = append(b.Rows, p.groupRow(v, g))
	}
	b.Count = v.Printer.S("%d groups", len(b.Rows))
	if list.Total > len(b.Rows) {
		b.Count = v.Printer.S("%[1]d of %[2]d groups", len(b.Rows), list.Total)
	}
	b.Pages.Says = b.Count
	if words != "" {
		b.Chosen = []filterView{{v.Printer.S("Search"), words, "/admin/groups"}}
	}
	if len(b.Rows) == 0 {
		b.Empty = &emptyView{"group", v.Printer.S("There is no such group"), v.Printer.S("Look for the beginning of a word in its name."), "/admin/groups", v.Printer.S("All groups")}
	}
	return p.show(w, v, http.StatusOK, "groups", p.desk(r, v, "groups", fail.T("Groups"), b))
}

type groupBody struct {
	Group  directory.Group
	At     string
	Kind   string
	Fixed  string
	May    bool
	Why    string
	Facts  []factView
	Rows   []peopleRow
	Leave  []string // addresses of taking somebody out, in the order of Rows
	Count  string
	Pages  pageLinks
	Done   *doneView
	Empty  *emptyView
	Search string
}

// group shows one group and its members.
func (p *Portal) group(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if len(q.Get("q")) > 200 {
		return wrong("q")
	}
	g, may, err := p.Desk.Group(r.Context(), v.Actor(), on)
	if err != nil {
		return err
	}
	b := groupBody{Group: g, At: r.URL.Path, Kind: groupKind(v, g), Fixed: fixedGroup(v, g), May: may.Yes}
	if !may.Yes {
		b.Why = v.T(may.Why)
	}
	if id := q.Get("done"); id != "" {
		e, err := p.deskEntry(r.Context(), v, id)
		if err != nil {
			return err
		}
		if _, about := e.Change.Set[directory.MemberOf(on.ID)]; !about {
			return web.Refuse(http.StatusNotFound)
		}
		b.Done = p.doneFor(v, e, admin.Person{})
	}
	for _, f := range []factView{{v.Printer.S("Description"), g.Description}, {v.Printer.S("Mail"), g.Mail}, {v.Printer.S("Rule"), g.Rule}} {
		if f.Value != "" {
			b.Facts = append(b.Facts, f)
		}
	}
	words, page := strings.TrimSpace(q.Get("q")), q.Get("page")
	name := "members " + on.ID + " " + words
	at, err := p.continued(v, name, page)
	if err != nil {
		return err
	}
	b.Search = words
	list, err := p.Desk.Members(r.Context(), v.Actor(), on, directory.Query{Search: words, Names: []property.Name{"jobTitle", enabled}, Top: peopleSize, Page: at.mark(), Count: true})
	if err != nil {
		return err
	}
	for _, u := range list.List {
		b.Rows = append(b.Rows, peopleRow{Person: mention(u), Href: personAddress(u.Ref), States: p.states(v, u, false)})
		b.Leave = append(b.Leave, personAddress(u.Ref)+"/groups?"+url.Values{"leave": {on.ID}, "from": {"group"}}.Encode())
	}
	b.Count = v.Printer.S("%d people", len(b.Rows))
	if list.Total > len(b.Rows) {
		b.Count = v.Printer.S("%[1]d of %[2]d people", len(b.Rows), list.Total)
	}
	b.Pages = p.pagesOf(v, b.At, name, wordsOf(words), at, list.Next)
	b.Pages.Says = b.Count
	if len(b.Rows) == 0 {
		b.Empty = &emptyView{Icon: "people", Title: v.Printer.S("There is nobody in this group"), Say: v.Printer.S("Whoever is added appears here.")}
		if words != "" {
			b.Empty = &emptyView{"search", v.Printer.S("Nobody matches these filters"), v.Printer.S("Remove a filter, or look for the beginning of a name or of an address."), b.At, v.Printer.S("All members")}
		}
	}
	return p.show(w, v, http.StatusOK, "group", p.desk(r, v, "groups", fail.T("Groups"), b))
}

// addMember looks for people to put into a group. Choosing one leads to the page that says what it would change.
func (p *Portal) addMember(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	on, err := target(r, v)
	if err != nil {
		return err
	}
	g, may, err := p.Desk.Group(r.Context(), v.Actor(), on)
	if err != nil {
		return err
	}
	b := chooseBody{Title: v.Printer.S("Add to a group"), Label: v.Printer.S("Look for a person"), Name: g.Name, At: r.URL.Path, Back: "/admin/groups/" + on.ID, Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	if !may.Yes {
		b.Closed = v.T(may.Why)
	}
	found, err := p.lookFor(r.Context(), v, b.Query)
	if err != nil {
		return err
	}
	for _, u := range found {
		href := personAddress(u.Ref) + "/groups?" + url.Values{"join": {on.ID}, "from": {"group"}}.Encode()
		b.People = append(b.People, choiceRow{mention(u), href, p.states(v, u, false)})
	}
	b.Asked, b.Count = b.Query != "", v.Printer.S("%d people", len(b.People))
	return p.show(w, v, http.StatusOK, "choose", p.desk(r, v, "groups", fail.T("Groups"), b))
}
