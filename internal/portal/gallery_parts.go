package portal

import (
	"net/http"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

type partsBody struct {
	Query    string
	Tabs     []tabView
	Tiles    []tileView
	Chosen   []filterView
	Clear    string
	Columns  []string
	Heads    []sortHead
	Rows     []personRow
	Pages    pageLinks
	Empty    emptyView
	Work     []progressView
	Badges   []badgeView
	Facts    []factView
	ObjectID string
	Code     string
}

// personRow is somebody in a table of people.
type personRow struct {
	Person     directory.Person
	Department string
	Missing    int
	State      badgeView
	Last       *pairView
}

// galleryParts shows the parts of pages with lists, put together as such a page.
func (p *Portal) galleryParts(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	const here = "/gallery/parts"
	pr := v.Printer
	on, off := badgeView{"positive", pr.S("Enabled")}, badgeView{"caution", pr.S("Disabled")}
	name, department, missing := pr.S("Name"), pr.S("Department"), pr.S("Missing")
	b := partsBody{
		Query: "ø",
		Tabs:  []tabView{{pr.S("Everybody"), here, pr.Number(4812), true}, {pr.S("Guests"), here, pr.Number(37), false}, {pr.S("Something missing"), here, pr.Number(1204), false}},
		Tiles: []tileView{
			{pr.S("People"), pr.Number(4812), pr.S("Read 2 minutes ago"), "", "positive"},
			{pr.S("Changes today"), pr.Number(38), pr.S("Show them"), here, "quiet"},
			{pr.S("Not saved"), pr.Number(2), pr.S("Look at these"), here, "critical"},
			{pr.S("Certificate"), pr.Duration(12 * 24 * time.Hour), pr.S("Ends soon"), here, "caution"},
		},
		Chosen:  []filterView{{pr.S("Search"), "ø", here}, {department, "خدمة العملاء", here}},
		Clear:   here,
		Columns: []string{department, missing, pr.S("Last change")},
		Heads:   []sortHead{{name, here, "ascending", ""}, {department, here, "", "more"}, {missing, here, "", "more figure"}},
		Pages:   pageLinks{Previous: here, Next: here, Says: pr.S("%[1]d to %[2]d of %[3]d", 51, 100, 1204)},
		Empty:   emptyView{"search", pr.S("Nobody matches these filters"), pr.S("Remove a filter, or look for a part of the name, the address or the job title."), here, pr.S("Clear all filters")},
		Work: []progressView{
			{"work-1", pr.S("Reading the directory"), "", pr.S("Nobody knows yet how much there is."), "info", 0, 0},
			{"work-2", pr.S("Saving changes"), pr.S("%[1]d of %[2]d", 312, 1204), pr.S("About 14 each second; 1 minute left. You may close this page: it goes on."), "info", 312, 1204},
			{"work-3", pr.S("Saving changes"), pr.S("%[1]d of %[2]d", 1204, 1204), pr.S("All are saved."), "positive", 1204, 1204},
			{"work-4", pr.S("Saving changes"), pr.S("%[1]d of %[2]d", 640, 1204), pr.S("Microsoft 365 asks to wait. It goes on by itself."), "caution", 640, 1204},
			{"work-5", pr.S("Saving changes"), pr.S("%[1]d of %[2]d", 871, 1204), pr.S("Stopped. What was saved stays saved; the rest was not touched."), "critical", 871, 1204},
		},
		Badges: []badgeView{on, {"info", pr.S("Synced from on-premises")}, off, {"critical", pr.S("Not saved")}, {"quiet", pr.S("Guest")}},
		Facts: []factView{
			{pr.S("Sign-in name"), "mira.ostergaard@contoso.example"},
			{pr.S("Kind of account"), pr.S("Member")},
			{pr.S("Created"), pr.Date(p.Now())},
		},
		ObjectID: "6f1b7a52-0c3e-4c57-9f0d-2b1f4f6c8e11",
		Code:     "PATCH /v1.0/users/6f1b7a52-0c3e-4c57-9f0d-2b1f4f6c8e11\n{\"city\": \"Aarhus\"}",
	}
	person := func(id, name, title string) directory.Person {
		return directory.Person{Ref: directory.Ref{ID: id}, Name: name, Title: title}
	}
	b.Rows = []personRow{
		{person("a", "Mira Østergaard", "Donaudampfschifffahrtsgesellschaftskapitänin"), "خدمة العملاء", 0, on, &pairView{Label: pr.S("City"), Was: "København", Now: "Aarhus"}},
		{person("b", "أحمد المنصوري", "مدير"), "خدمة العملاء", 3, off, nil},
		{person("c", "Jonas Weidenmüller-Szczepański", "Head of Customer care"), "Customer care", 1, on, &pairView{Label: pr.S("Mobile phone"), Was: "", Now: "+45 20 12 34 56"}},
		{person("d", "Øyvind", ""), "", 12, badgeView{"quiet", pr.S("Guest")}, nil},
	}
	pg := p.page(r, v, "people", fail.T("People"), b)
	pg.Wide = true
	pg.Nav = append(pg.Nav, navGroup{Title: pr.S("Administration"), Items: []navItem{
		{"overview", here, "chart", pr.S("Overview")},
		{"people", here, "people", pr.S("People")},
		{"groups", here, "group", pr.S("Groups")},
		{"sheets", here, "sheet", pr.S("Spreadsheets")},
		{"changes", here, "clock", pr.S("All changes")},
		{"policy", here, "rules", pr.S("Policy")},
		{"settings", here, "gear", pr.S("Settings")},
		{"health", here, "health", pr.S("Health")},
	}})
	return p.show(w, v, http.StatusOK, "parts", pg)
}
