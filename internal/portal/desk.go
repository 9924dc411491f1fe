package portal

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// The pages for people with a role. What they show and offer is package admin's word; here it gets an address and a face.

// deskRoutes are these pages: looking is for every role that looks, changing for those that change.
func (p *Portal) deskRoutes(add func(web.Route), get, post func(string, web.Right, web.Handler)) {
	look, write := web.Holder(admin.Roles...), web.Holder(admin.Writers...)
	changing := func(path string, h web.Handler, ended web.Handler) {
		add(web.Route{Method: http.MethodPost, Path: path, Right: write, Handler: h, Ended: ended})
	}
	get("/admin", look, p.overview)
	get("/admin/people", look, p.people)
	get(addPath, write, p.askAdd)
	changing(addPath, p.add, p.keepHere)
	get(manyPath, write, p.askMany)
	changing(manyPath, p.many, p.keepHere)
	get("/admin/people/export", look, p.askExport)
	post("/admin/people/export", look, p.export)
	get("/admin/people/{id}", look, p.subject)
	get("/admin/people/{id}/photo", look, p.subjectPhoto)
	changing("/admin/people/{id}", p.edit, p.keepHere)
	get("/admin/people/{id}/manager", write, p.chooseManager)
	changing("/admin/people/{id}/manager", p.saveManager, p.keepHere)
	get("/admin/people/{id}/groups", write, p.chooseGroup)
	changing("/admin/people/{id}/groups", p.saveGroup, p.keepHere)
	get("/admin/people/{id}/licenses", write, p.chooseLicenses)
	changing("/admin/people/{id}/licenses", p.saveLicenses, p.keepHere)
	head := web.Holder(directory.Admin)
	get("/admin/people/{id}/kept", head, p.askKept)
	post("/admin/people/{id}/kept", head, p.takeKept)
	get("/admin/people/{id}/forget", head, p.askForget)
	add(web.Route{Method: http.MethodPost, Path: "/admin/people/{id}/forget", Right: head, Handler: p.forget, Ended: p.keepHere})
	get("/admin/people/{id}/{deed}", write, p.askDeed)
	changing("/admin/people/{id}/{deed}", p.doDeed, p.keepHere)
	get(chartPath, look, p.chart)
	get(chartPath+"/{id}", look, p.chart)
	get("/admin/groups", look, p.groups)
	get("/admin/groups/{id}", look, p.group)
	get("/admin/groups/{id}/add", write, p.addMember)
	get("/admin/licenses", look, p.licenses)
	get("/admin/history", look, p.everybodysHistory)
	get("/admin/history/export", look, p.askHistoryFile)
	post("/admin/history/export", look, p.historyFile)
	get("/admin/history/check", look, p.checkHistory)
	get("/admin/history/{id}", look, p.entryPage)
	post("/admin/history/{id}/undo", write, p.undoAny)
	get("/admin/policy", look, p.rules)
	get(access.ConnectPath, look, p.programs)
	post(access.ConnectPath, look, p.connect)
	post(access.ConnectPath+"/end", look, p.endProgram)
	p.healthRoutes(get, post, look)
	p.importRoutes(add, get, post, look, write)
}

// desk is a page with room for tables.
func (p *Portal) desk(r *http.Request, v *web.Visit, here string, title fail.Text, body any) page {
	pg := p.page(r, v, here, title, body)
	pg.Wide = true
	return pg
}

// target is the object that an address names, in the session's own tenant whatever the request says (A28).
func target(r *http.Request, v *web.Visit) (directory.Ref, error) {
	id := r.PathValue("id")
	if !isID(id) {
		return directory.Ref{}, web.Refuse(http.StatusNotFound)
	}
	return directory.Ref{Tenant: v.Session.Ref.Tenant, ID: id}, nil
}

// isID is the one way in which an object id is written here: a lower-case GUID.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

func personAddress(on directory.Ref) string { return "/admin/people/" + on.ID }

// with is an address with a query, without it when that is empty.
func with(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// trail is where a list stands: which page it is, and the directory's marks of the pages up to it, this one's last. A directory only leads
// on, so an address carries the way back.
type trail struct {
	number int // of the page; 1 is the first, which has no mark
	marks  []string
}

// maxTrail is how long the marks in an address may be together: proxies take addresses of 8 kB. What does not fit is the oldest part of
// the way back; the first page is always offered.
const maxTrail = 3000

// mark is where the directory goes on; "" on the first page.
func (t trail) mark() string {
	if len(t.marks) == 0 {
		return ""
	}
	return t.marks[len(t.marks)-1]
}

// cursor makes a trail safe to leave the house: it counts for this person and this list only (B54).
func (p *Portal) cursor(v *web.Visit, list string, t trail) string {
	length := 0
	for i := len(t.marks) - 1; i >= 0; i-- {
		if length += len(t.marks[i]); length > maxTrail && i < len(t.marks)-1 {
			t.marks = t.marks[i+1:]
			break
		}
	}
	return p.Site.Sign(strings.Join(append([]string{"page", v.Session.Ref.String(), list, strconv.Itoa(t.number)}, t.marks...), "\x00"))
}

// continued is the trail that an address brings back; a forged one, or one of another list, is refused.
func (p *Portal) continued(v *web.Visit, list, page string) (trail, error) {
	if page == "" {
		return trail{number: 1}, nil
	}
	text, ok := p.Site.Signed(page)
	rest, mine := strings.CutPrefix(text, strings.Join([]string{"page", v.Session.Ref.String(), list, ""}, "\x00"))
	parts := strings.Split(rest, "\x00")
	n, err := strconv.Atoi(parts[0])
	if !ok || !mine || err != nil || len(parts) < 2 {
		return trail{}, wrong("page")
	}
	return trail{n, parts[1:]}, nil
}

// pagesOf leads from one page of a list to its neighbors; next is the directory's mark of the following one, "" on the last.
func (p *Portal) pagesOf(v *web.Visit, path, list string, q url.Values, t trail, next string) pageLinks {
	to := func(t trail) string {
		to := maps.Clone(q)
		if len(t.marks) > 0 {
			to.Set("page", p.cursor(v, list, t))
		}
		return with(path, to)
	}
	l := pageLinks{}
	if next != "" {
		l.Next = to(trail{t.number + 1, append(slices.Clone(t.marks), next)})
	}
	if n := len(t.marks); n > 0 {
		l.First = to(trail{})
		if n > 1 || t.number == 2 {
			l.Previous = to(trail{t.number - 1, t.marks[:n-1]})
		}
	}
	return l
}

// wrong refuses a request that has something in its address which no page of ours puts there.
func wrong(parameter string) error {
	f := fail.New(fail.Invalid, "portal.desk", fail.T("The address has something in %q that this page does not understand. Open the list again.", parameter))
	f.Item = parameter
	return f
}

// badge words of a person's state, as far as the reader may know it.
func (p *Portal) states(v *web.Visit, u directory.User, gone bool) []badgeView {
	var out []badgeView
	if gone {
		out = append(out, badgeView{"critical", v.Printer.S("Deleted")})
	}
	if on, known := u.Values["accountEnabled"]; known && !gone {
		if on.True() {
			out = append(out, badgeView{"positive", v.Printer.S("Can sign in")})
		} else {
			out = append(out, badgeView{"caution", v.Printer.S("Sign-in blocked")})
		}
	}
	if u.Guest {
		out = append(out, badgeView{"quiet", v.Printer.S("Guest")})
	}
	if u.Sync == directory.Synced {
		out = append(out, badgeView{"quiet", v.Printer.S("Synced from on-premises")})
	}
	return out
}
