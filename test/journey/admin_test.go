package journey

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// The tutorial's way through the admin center, here: the list, a search, a person, a section, what will change, saved, taken back.
func TestS3_1_S3_2_S3_3_S3_4_S3_6_S3_7_S3_8_S3_14_PeopleAndOnePerson(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	b.get("/admin").says("Overview", "People", "31", "Changes today")
	b.get("/admin/people").says("31 people", "Lena Hoffmann", "Sensor Engineer")
	at := b.person("Lena Hoffmann")
	b.says("Lena Hoffmann", "Can sign in", "Hail project", "Holds no directory role", "Roles in Microsoft Entra")

	mark := w.mark()
	b.get(at + "?edit=contact")
	b.press(at, "", func(f url.Values) {
		f.Set("mobilePhone", "+49 151 7654321")
		f.Set("displayName", "Lena Hoffmann-Vogt")
	})
	b.says("Before you save", "This will change", "+49 151 55501008", "+49 151 7654321", "Lena Hoffmann-Vogt", "Back to the form")
	if n := w.since(mark); len(n) != 0 {
		t.Fatalf("before anything was saved the ledger has %v", n)
	}
	b.press(at, "edit", nil) // the way back keeps what was typed
	if got := b.form(at).Get("mobilePhone"); got != "+49 151 7654321" {
		t.Errorf("back in the form: %q", got)
	}
	b.press(at, "", nil)
	b.press(at, "save", func(f url.Values) { f.Set("why", "She married") })
	if b.at.Path != at || b.code != http.StatusOK {
		t.Fatalf("after saving: %d %s\n%s", b.code, b.at, b.text())
	}
	b.says("Saved", "it was read back and is as you wanted", "Lena Hoffmann-Vogt", "Others will see it later", "Why: She married")
	if n := w.since(mark); len(n) != 1 {
		t.Errorf("two properties are one write, the ledger has %v", n)
	}
	for _, f := range b.all(func(n *html.Node) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo") }) {
		b.post(attr(f, "action"), fields(f))
		break
	}
	b.says("Saved", "Undo of an earlier change")
	b.get(at).says("+49 151 55501008")
	b.get("/admin/history").says("Ruth Okonkwo-Bergström", "Lena Hoffmann", "She married", "127.0.0.1")
}

// Search, filter, columns and order stand in the address, which shows the same again to whoever opens it; also without script.
func TestS4_10_S4_23_S4_24_ListsStandInTheirAddress(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	for path, want := range map[string][]string{
		"/admin/people?q=hoff":                                          {"1 person", "Lena Hoffmann", "Remove the filter Search: hoff"},
		"/admin/people?department=Engineering&col=jobTitle":             {"Sensor Engineer", "Job title"},
		"/admin/people?view=guests":                                     {"Chiara Rossi", "Guest"},
		"/admin/people?view=blocked":                                    {"Sign-in blocked"},
		"/admin/people?filter=startsWith(jobTitle,%27Chief%27)":         {"4 people"},
		"/admin/people?filter=startsWith(jobTitle,%27C%27)&view=guests": {"Nobody matches these filters"},
		"/admin/people?view=deleted":                                    {"Nobody was deleted in the last 30 days"},
		"/admin/people?q=nosuchname":                                    {"Nobody matches these filters", "Clear all filters"},
		"/admin/people?sort=-displayName&size=25":                       {"25 of 31 people", "Next"},
	} {
		b.get(path)
		if b.code != http.StatusOK {
			t.Errorf("%s: %d", path, b.code)
		}
		b.says(want...)
	}
	b.get("/admin/people?size=25&sort=displayName")
	first := b.text()
	b.follow("Next").says("6 people", "First page")
	if b.text() == first {
		t.Error("the next page is the first one")
	}
	f := b.get("/admin/people?view=guests&col=city").all(func(n *html.Node) bool { return n.Data == "form" && attr(n, "role") == "search" })
	if v := fields(f[0]); v.Get("view") != "guests" || v.Get("col") != "city" {
		t.Errorf("the search form forgets %v", v)
	}
}

// What an address or a form brings that no page of ours put there is refused, with the parameter's name, and changes nothing.
func TestB53_B54_AddressesThatNobodyMade(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	b.get("/admin/people?size=25")
	var next string
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "rel") == "next" }) {
		next = b.link(a)
	}
	u := mustParse(t, next)
	page := u.Query().Get("page")
	mark := w.mark()
	for path, want := range map[string]int{
		"/admin/people?size=-1": 400, "/admin/people?size=0": 400, "/admin/people?size=1e9": 400, "/admin/people?size=abc": 400, "/admin/people?size=25&size=50": 400,
		"/admin/people?page=forged": 400, "/admin/people?size=25&page=" + page: 200, "/admin/people?size=50&page=" + page: 400, "/admin/people?q=x&size=25&page=" + page: 400,
		"/admin/people?size=25&page=" + page[:len(page)-1]: 400, "/admin/groups?page=" + page: 400, "/admin/people?view=all": 400,
		"/admin/people?sort=passwordProfile": 403, "/admin/people?filter=foo": 400, "/admin/people?filter=secret%20eq%20%27x%27": 400, "/admin/people?filter=%27%20or%201%20eq%201": 400,
		"/admin/people?department=%00": 400, "/admin/people/nobody": 404, "/admin/people/10000000-0000-4000-8000-0000000000ff": 404, "/admin/people/10000000-0000-4000-8000-000000000001%00": 404,
		"/admin/people/%7B10000000-0000-4000-8000-000000000001%7D": 404, "/admin/people/..%2f..%2fme": 404, "/admin/groups/x": 404,
		"/admin/history?do=drop": 400, "/admin/history?state=x": 400, "/admin/history?before=-1": 400, "/admin/history?from=yesterday": 400, "/admin/history?on=nobody@larkfield.example": 404,
		"/admin/history/nothing": 404, "/admin/policy?as=nobody@larkfield.example": 404,
	} {
		if b.get(path); b.code != want {
			t.Errorf("%s: %d, want %d\n%s", path, b.code, want, b.text())
		}
	}
	// Another person's mark of a page is worth nothing.
	if o := w.signIn(jonas).get("/admin/people?size=25&page=" + page); o.code != 400 {
		t.Errorf("a borrowed page: %d", o.code)
	}
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("the ledger has %v", n)
	}
}

// Names that programs stumble over are found, sorted, filtered and exported like any other (B59); a quote in a filter is a quote (A36).
func TestA36_B59_NamesThatProgramsStumbleOver(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	for _, name := range []string{"null", "None", "true", "O'Brien", "Jr.", "李", "Robert'); DROP TABLE x", "x", strings.Repeat("ß", 60), "ısıİ"} {
		b.get(at + "?edit=work")
		b.press(at, "", func(f url.Values) { f.Set("department", name) })
		b.press(at, "save", nil)
		if b.get("/admin/people?department=" + url.QueryEscape(name)); b.code != 200 || !strings.Contains(b.text(), "1 person") || !strings.Contains(b.text(), "Lena Hoffmann") {
			t.Errorf("%q: %d %s", name, b.code, b.text())
		}
		if b.get("/admin/people?q=" + url.QueryEscape(name)); b.code != 200 {
			t.Errorf("search for %q: %d", name, b.code)
		}
		if b.get("/admin/people?col=department&sort=displayName"); b.code != 200 || !strings.Contains(b.text(), name) {
			t.Errorf("%q in a sorted list: %d %s", name, b.code, b.text())
		}
		rows, err := csv.NewReader(strings.NewReader(b.exported("/admin/history/export").body)).ReadAll()
		if err != nil || len(rows) < 2 || rows[1][10] != name {
			t.Errorf("%q in the exported history: %v %v", name, rows, err)
		}
	}
}

// A dangerous act asks for a sign-in of a moment ago, keeps what was to be done, and offers it again after that.
func TestA12_DangerousActsAskForAFreshSignIn(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	mark := w.mark()
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	for _, deed := range []string{"block", "password", "delete"} {
		b.deed(at, deed, func(f url.Values) {
			if deed == "delete" {
				f.Set("name", "Lena Hoffmann")
			}
		})
		if b.code != http.StatusUnauthorized || len(w.since(mark)) != 0 {
			t.Fatalf("%s with an old sign-in: %d, ledger %v", deed, b.code, w.since(mark))
		}
		b.says("Sign in once more", "Nothing was changed yet")
	}
	b.deed(at, "sessions", nil).says("Saved") // ends nothing that cannot be begun again
	mark = w.mark()
	b.deed(at, "block", func(f url.Values) { f.Set("why", "Lost phone") })
	var again string
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") }) {
		again = b.link(a)
	}
	b.get(again)
	if q := b.at.Query(); q.Get("prompt") != "login" && q.Get("max_age") == "" {
		t.Errorf("the authority is not asked for a new sign-in: %s", b.at)
	}
	to, err := signInFrom(b, ruth)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	if b.at.Path != at+"/block" {
		t.Fatalf("after signing in again: %d %s\n%s", b.code, b.at, b.text())
	}
	b.says("Block sign-in?", "Lena Hoffmann")
	if got := b.form(at + "/block").Get("why"); got != "Lost phone" {
		t.Errorf("the reason that was typed is %q", got)
	}
	if n := w.since(mark); len(n) != 0 {
		t.Fatalf("it was done by signing in: %v", n)
	}
	b.press(at+"/block", "save", nil).says("Saved", "Sign-in blocked")
	if n := w.since(mark); len(n) != 1 {
		t.Errorf("the ledger has %v", n)
	}
	b.deed(at, "unblock", nil).says("Saved", "Can sign in")
}

// The new password is on one page, once: not in an address, a log, the history, a second answer or a reload; and it works.
func TestA56_APasswordIsShownOnce(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at+"/password").says("Reset the password?", "You see the new password once")
	f := b.form(at + "/password")
	f.Set("step", "save")
	b.post(at+"/password", f).says("New password", "Shown this one time", "Saved")
	secret := ""
	for _, n := range b.all(func(n *html.Node) bool { return n.Data == "code" && has(n, "data-copy") }) {
		secret = words(n)
	}
	if len(secret) != 19 || strings.ContainsAny(secret, "0O1l") || b.head.Get("Cache-Control") != "no-store" {
		t.Fatalf("the password is %q, %s", secret, b.head.Get("Cache-Control"))
	}
	if b.post(at+"/password", f).says("not known any more"); strings.Contains(b.body, secret) {
		t.Error("the same form shows the password again")
	}
	for _, path := range []string{at, "/admin/history", "/admin/history/export", "/admin"} {
		if strings.HasSuffix(path, "export") {
			b.exported(path)
		} else {
			b.get(path)
		}
		if strings.Contains(b.body, secret) {
			t.Errorf("%s holds the password", path)
		}
	}
	b.get("/admin/history").says("Password reset")
	if strings.Contains(w.log.String(), secret) {
		t.Error("the log holds the password")
	}
}

// Deleting asks for the name, restoring brings back; in between the person can be found under Deleted and nothing else be done.
func TestS3_B3_DeleteAndRestore(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	mark := w.mark()
	for _, name := range []string{"", "lena", "Lena  Hoffman"} {
		b.deed(at, "delete", func(f url.Values) { f.Set("name", name) }).says("Type the name exactly as it is shown")
	}
	if n := w.since(mark); len(n) != 0 {
		t.Fatalf("the ledger has %v", n)
	}
	b.deed(at, "delete", func(f url.Values) { f.Set("name", "Lena Hoffmann") }).says("Saved", "Deleted", "Restore")
	b.get("/admin/people?q=Lena").says("Nobody matches")
	b.get("/admin/people?view=deleted").says("Lena Hoffmann")
	b.get(at).says("Lena Hoffmann", "lena.hoffmann@larkfield.example")
	if n := strings.Count(b.text(), strings.TrimPrefix(at, "/admin/people/")); n != 1 { // the object id itself
		t.Errorf("the page shows an id for a name:\n%s", b.text())
	}
	if b.get(at + "?edit=contact"); len(b.all(func(n *html.Node) bool { return n.Data == "form" && attr(n, "id") == "edit" })) != 0 {
		t.Error("a deleted person can be edited")
	}
	b.deed(at, "restore", nil).says("Saved", "Can sign in")
	if b.get("/admin/history"); strings.Contains(b.text(), strings.TrimPrefix(at, "/admin/people/")) {
		t.Errorf("the history shows an id for a name:\n%s", b.text())
	}
	b.get("/admin/people?q=Lena").says("1 person")
}

func TestS1_61_S4_17_S4_18_GroupsAndManager(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(jonas)
	const utrecht, engineering, tier0 = "/admin/groups/20000000-0000-4000-8000-000000000001", "/admin/groups/20000000-0000-4000-8000-000000000003", "/admin/groups/20000000-0000-4000-8000-000000000004"
	b.get(utrecht).says("7 people", "Add a person")
	b.follow("Add a person")
	b.get(b.at.Path+"?q=lena").follow("Choose Lena Hoffmann").says("Before you save", "Group: All of Utrecht", "not a member", "member")
	lenas := strings.TrimSuffix(b.at.Path, "/groups")
	b.press(b.at.Path, "save", nil).says("Saved", "8 people", "Lena Hoffmann")
	if b.at.Path != utrecht {
		t.Errorf("after adding: %s", b.at)
	}
	b.get(lenas+"/groups").says("All of Utrecht", "Engineering", "Its rule picks the members")
	b.follow("Take out All of Utrecht").says("Whatever this group gives goes with it")
	b.press(lenas+"/groups", "save", nil).says("Saved")
	b.get(utrecht).says("7 people")
	for group, why := range map[string]string{engineering: "Nobody picks the members", tier0: "whoever is in it may become an administrator"} {
		b.get(group).says(why)
		if b.get(group + "/add?q=lena").says(why); strings.Contains(b.body, "join=") {
			t.Errorf("%s offers to add somebody", group)
		}
	}

	b.get(lenas+"/manager?q=ruth").follow("Choose Ruth Okonkwo-Bergström").says("Manager", "田中 美咲", "Ruth Okonkwo-Bergström")
	b.press(lenas+"/manager", "save", nil).says("Saved", "Ruth Okonkwo-Bergström")
	b.get(lenas + "/manager").follow("No manager")
	b.press(lenas+"/manager", "save", nil).says("Saved", "Nobody")
	b.get("/admin/history?do=manager").says("Manager changed", "田中 美咲")
}

// Nobody gets into a group that can hold directory roles, or changes an administrator, by any page or forged form (A27).
func TestA27_AdministratorsAndTheirGroupsStayClosed(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	const tier0 = "20000000-0000-4000-8000-000000000004"
	mark := w.mark()
	if b.get(at + "/groups?join=" + tier0); b.code != http.StatusUnprocessableEntity {
		t.Errorf("joining is offered: %d %s", b.code, b.text())
	}
	b.get(at + "/groups?join=20000000-0000-4000-8000-000000000005")
	f := b.form(at + "/groups")
	f.Set("to", "join "+tier0)
	f.Set("step", "save")
	if b.post(at+"/groups", f); b.code != http.StatusUnprocessableEntity {
		t.Errorf("a forged form: %d %s", b.code, b.text())
	}
	b.says("may become an administrator")
	boss := b.person("Ingrid Solvang")
	b.says("This person is an administrator of your organization", "Holds directory roles")
	for _, deed := range []string{"block", "password", "delete", "sessions"} {
		if b.get(boss + "/" + deed); b.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", deed, b.code)
		}
		q := url.Values{"step": {"save"}, "name": {"Ingrid Solvang"}}
		for k, v := range w.forge(b, at, deed) { // the token of somebody else's page
			q[k] = v
		}
		if b.post(boss+"/"+deed, q); b.code != http.StatusForbidden {
			t.Errorf("%s by a borrowed form: %d", deed, b.code)
		}
	}
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("the ledger has %v", n)
	}
}

// A20, B51: a person's form takes the fields that it showed and nothing else, each once; its token is for that person.
func TestA20_A21_B51_FormsAboutOthers(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(jonas)
	at := b.person("Lena Hoffmann")
	other := b.person("Jo Li")
	mark := w.mark()
	form := func() url.Values {
		f := b.get(at + "?edit=work").form(at)
		f.Set("step", "save")
		return f
	}
	for _, key := range []string{"accountEnabled", "userPrincipalName", "passwordProfile", "onPremisesImmutableId", "mail", "otherMails", "employeeId", "user_id", "id", "name"} {
		f := form()
		f.Set(key, "x")
		if b.post(at, f); b.code != http.StatusBadRequest || !strings.Contains(b.text(), key) {
			t.Errorf("%s: %d %s", key, b.code, b.text())
		}
	}
	f := form()
	f.Set("jobTitle", "Boss")
	if b.post(other, f); b.code != http.StatusBadRequest {
		t.Errorf("the form of one person posted to another: %d", b.code)
	}
	f = form()
	f["jobTitle"] = []string{"a", "b"}
	if b.post(at, f).says("sent more than once"); b.code != http.StatusUnprocessableEntity {
		t.Errorf("two values: %d", b.code)
	}
	f = form()
	f.Set("jobTitle", strings.Repeat("x", 129))
	f.Set("companyName", "Kept")
	if b.post(at, f).says("Use at most 128 characters"); b.code != http.StatusUnprocessableEntity || b.form(at).Get("companyName") != "Kept" {
		t.Errorf("a long title: %d, other input %q", b.code, b.form(at).Get("companyName"))
	}
	f = form()
	f.Del("_token")
	if b.post(at, f); b.code != http.StatusForbidden {
		t.Errorf("without a token: %d", b.code)
	}
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("the ledger has %v", n)
	}
}

// Somebody else's change in the meantime is shown and not overwritten; saving again is a decision.
func TestA54_S4_14_SomebodyElseWasQuicker(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	f := b.get(at + "?edit=place").form(at)
	second := w.signIn(jonas)
	second.get(at + "?edit=place")
	second.press(at, "", func(f url.Values) { f.Set("city", "Augsburg\\n{\"level\":\"info\"}") })
	second.press(at, "save", nil).says("Saved")
	f.Set("city", "Ulm")
	f.Set("step", "save")
	if b.post(at, f); b.code != http.StatusConflict {
		t.Fatalf("%d %s", b.code, b.text())
	}
	b.says("Somebody else changed this in the meantime", "Augsburg", "Ulm")
	b.press(at, "save", nil).says("Saved", "Ulm")
}

// Every route of the administrators' pages, by every role: who may not look is refused, who may not write writes nothing (A22, A23).
func TestA22_A23_A28_RoutesByRole(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("faxNumber", "+49 89 1") })
	entry := b.at.Query().Get("done")
	const group = "/admin/groups/20000000-0000-4000-8000-000000000001"
	looks := []string{"/admin", "/admin/people", at, "/admin/groups", group, "/admin/history", "/admin/history/export", "/admin/history/check", "/admin/history/" + entry, "/admin/policy"}
	asks := []string{at + "/manager", at + "/groups", at + "/block", at + "/sessions", at + "/password", at + "/delete", group + "/add"}
	posts := []string{at, at + "/manager", at + "/groups", at + "/licenses", at + "/block", at + "/sessions", at + "/password", at + "/delete", at + "/restore", "/admin/history/" + entry + "/undo"}
	mark := w.mark()
	for _, c := range []struct {
		role, upn   string
		look, write bool
	}{
		{"administrator", ruth, true, true},
		{"editor", jonas, true, true},
		{"auditor", helen, true, false},
		{"approver", "siobhan.orourke@larkfield.example", false, false},
		{"person", lena, false, false},
		{"nobody", "", false, false},
	} {
		b := w.browser()
		if c.upn != "" {
			b = w.signIn(c.upn)
		}
		check := func(method, path string, may bool) {
			if method == "GET" {
				b.get(path)
			} else {
				b.post(path, url.Values{"step": {"save"}})
			}
			in := b.code < 300 && b.at.Path != "/sign-in" || b.code == http.StatusUnprocessableEntity && method == "GET"
			if method == "POST" { // without a token the most that a writer hears is that it is missing
				in = b.code == http.StatusForbidden && strings.Contains(b.text(), "opened in another session")
			}
			if in != may {
				t.Errorf("%s %s as %s: %d, may %v", method, strings.Replace(path, at, "/admin/people/{id}", 1), c.role, b.code, may)
			}
		}
		for _, path := range looks {
			check("GET", path, c.look)
		}
		for _, path := range asks {
			check("GET", path, c.write)
		}
		for _, path := range posts {
			check("POST", path, c.write)
		}
		if c.look {
			b.get("/profile").says("Administration")
			b.get(at)
			if edit := strings.Contains(b.body, at+"?edit="); edit != c.write {
				t.Errorf("%s is offered to edit: %v", c.role, edit)
			}
		}
	}
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("the ledger has %v", n)
	}
}

// A42: whatever a profile holds, the export has no cell that a spreadsheet takes for a formula.
func TestA42_ExportHasNoFormulas(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	payloads := []string{"=1+1", "+1 425 555 0100", "-2+3", "@SUM(1)", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\",\"y\")", "+A1", "-A1", "@x", "=\"x\"", "＝1+1", "'=1"}
	for i, s := range payloads {
		b.get(at + "?edit=work")
		b.press(at, "save", func(f url.Values) { f.Set("department", s); f.Set("why", fmt.Sprintf("=why%d", i)) })
	}
	b.exported("/admin/history/export?do=update")
	if b.code != http.StatusOK || !strings.HasPrefix(b.head.Get("Content-Type"), "text/csv") || !strings.Contains(b.head.Get("Content-Disposition"), "attachment") {
		t.Fatalf("%d %v", b.code, b.head)
	}
	rows, err := csv.NewReader(strings.NewReader(b.body)).ReadAll()
	if err != nil || len(rows) != len(payloads)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("column %s holds %q", rows[0][i], cell)
			}
		}
	}
	if rows[1][10] != "'=1" || rows[3][10] != "'=\"x\"" {
		t.Errorf("new values: %q, %q", rows[1][10], rows[3][10])
	}
	b.get("/admin/history/check").says("The history is whole")
}

// 5,000 people: there is an administrator, and a list, a search and a person are quick to look at.
func TestS4_21_S4_22_FiveThousandPeople(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{People: 5000})
	b := w.signIn(w.who("Nameplate.Admin"))
	b.get("/admin/people").says("50 of 5,000 people", "Next")
	seen := map[string]bool{}
	for range 4 {
		for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "class") == "card-link" }) {
			seen[attr(a, "href")] = true
		}
		b.follow("Next")
	}
	if len(seen) != 200 {
		t.Errorf("four pages show %d people", len(seen))
	}
	b.get("/admin/people?filter=department%20eq%20%27Finance%27&size=100").says("of")
	if len(b.body) > 150_000 {
		t.Errorf("a hundred people are %d bytes", len(b.body))
	}
}
