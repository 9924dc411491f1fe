package journey

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
)

// How many odd texts go through each box of the portal; `make soak` takes 10,000.
var oddTexts = flag.Int("odd", 12, "odd texts that TestA36_OddTextsInEveryBox puts through each box")

// What means something to OData, SQL, addresses, headers, logs, spreadsheets, templates, browsers or Unicode.
var oddParts = []string{
	`' or 1 eq 1 or '`, `') or startswith(displayName,'`, `" OR "mail:`, `"`, `\`, `\"`, `'`, `''`, `(`, `)`, `,`, `:`, `*`, `not`, ` and `, ` eq `, "null", "true",
	`&$top=999`, `&$expand=manager`, `?$select=*`, `$filter=id ne null`, `$batch`, `/$value`, `/$ref`, `#`, `%27`, `%2527`, `%00`, `%`, `_`, `;`, `+`, `=`, `?`, `&`,
	`../../me`, `..%2f..%2fusers`, `/..;/`, `/`, `..`, `//evil.example/`, `@evil.example`, `\\evil.example\x`, `';DROP TABLE entries;--`, `'); DELETE FROM sessions;--`, `/*`, `*/`, `x' UNION SELECT 1--`,
	"%0d%0aX-Odd: 1", "\r\nX-Odd: 1\r\n\r\n", "\r\nSet-Cookie: odd=1", "\n", "\t", "\x0b", "\x1b[31m", "\x00", "\xff", "\ntime=x level=ERROR msg=forged",
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</textarea>`, `<!--`, `]]>`, `{{.}}`, `${7*7}`, `{"a":1}`, `javascript:alert(1)`, `=1+1`, `+1`, `-2+3`, `@SUM(A1)`, `|calc`,
	"李", "ß", "İ", "e\u0301", "\u202e", "\u2028", "\ufeff", "\u200b", "🧑‍💻", "O'Brien", "None", "ann",
}

// newOddTexts makes odd texts, the same each time: one to five of these parts, or letters of ASCII as they come.
func newOddTexts(seed uint64) func() string {
	chance := rand.New(rand.NewPCG(36, seed))
	return func() string {
		var s strings.Builder
		if chance.IntN(4) == 0 {
			for range 1 + chance.IntN(24) {
				s.WriteByte(byte(' ' + chance.IntN(95)))
			}
			return s.String()
		}
		for range 1 + chance.IntN(5) {
			s.WriteString(oddParts[chance.IntN(len(oddParts))])
		}
		return s.String()
	}
}

// asked is one request to Graph as the emulator took it: method, decoded path, and each option once.
type asked struct {
	method, path string
	options      map[string]string
	status       int
}

func (a asked) String() string { return fmt.Sprint(a.method, " ", a.path, " ", a.options) }

// odd is what the odd texts are put through: the program, the emulator's record of what it asked, and the people at it.
type odd struct {
	*world
	boss string // object id of the administrator who looks: now and then the portal reads whether they may still be here
	seen int64  // the last request that was read
	made int64  // the last entry of the ledger that was read
	box  string
	bad  int
}

// wrong notes what must not be; a box with a defect has it ten thousand times.
func (o *odd) wrong(format string, args ...any) {
	o.t.Helper()
	if o.bad++; o.bad < 10 {
		o.t.Errorf(o.box+": "+format, args...)
	}
}

// requests are those to Graph since the last call.
func (o *odd) requests() []asked {
	o.t.Helper()
	var log []emulator.Request
	o.control(http.MethodGet, fmt.Sprintf("/requests?after=%d", o.seen), nil, &log)
	var out []asked
	for _, r := range log {
		o.seen = r.Seq
		if !strings.HasPrefix(r.Path, "/v1.0/") && !strings.HasPrefix(r.Path, "/beta/") {
			continue
		}
		a := asked{method: r.Method, path: r.Path, options: map[string]string{}, status: r.Status}
		q, err := url.ParseQuery(r.Query)
		if err != nil {
			o.wrong("the query %q cannot be read: %v", r.Query, err)
		}
		for k, v := range q {
			if len(v) != 1 {
				o.wrong("%s came %d times: %q", k, len(v), r.Query)
			}
			a.options[k] = v[0]
		}
		if a.method == http.MethodGet && a.path == "/v1.0/users/"+o.boss && len(a.options) == 1 && a.options["$select"] != "" || examination(a) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// examination says whether the program has examined itself, as it does every now and then whatever is in a box: it asks for the ids of
// one object of a kind, or for its own permissions.
func examination(a asked) bool {
	switch {
	case a.method != http.MethodGet:
		return false
	case strings.HasPrefix(a.path, "/v1.0/servicePrincipals"), strings.HasPrefix(a.path, "/v1.0/applications"), a.path == "/v1.0/organization":
		return true
	}
	return slices.Contains([]string{"/v1.0/users", "/v1.0/groups", "/v1.0/subscribedSkus", "/v1.0/directoryRoles"}, a.path) && a.options["$select"] == "id" &&
		(len(a.options) == 1 || len(a.options) == 2 && a.options["$top"] == "1")
}

// people signs somebody in often enough that nobody's budget of requests is spent.
func (o *odd) people(upn string) func() *browser {
	all := make([]*browser, min(8, 1+*oddTexts*3/250))
	for i := range all {
		all[i] = o.signIn(upn)
		all[i].http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	i := 0
	return func() *browser {
		i++
		return all[i%len(all)]
	}
}

// looks at an answer: no failure of ours, no header and no markup that a text has brought.
func (o *odd) looks(b *browser, text string) {
	o.t.Helper()
	if b.code >= 500 || b.code == http.StatusTooManyRequests {
		o.wrong("%q: %d\n%.600s", text, b.code, b.text())
	}
	if b.head.Get("X-Odd") != "" || strings.Contains(strings.Join(b.head.Values("Set-Cookie"), "\n"), "odd=") {
		o.wrong("%q came into the headers: %v", text, b.head)
	}
	if to := b.head.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) && !strings.HasPrefix(to, o.Portal+"/") {
		o.wrong("%q leads to %s", text, to)
	}
	for _, s := range []string{"<script>alert", "<img src=x", "<!--"} {
		if strings.Contains(b.body, s) && strings.HasPrefix(b.head.Get("Content-Type"), "text/html") {
			o.wrong("%q: %s stands in the page as markup", text, s)
		}
	}
}

// oddBox is a box whose text goes into an address.
type oddBox struct {
	name, path string
	plain      string                   // an ordinary text, which finds something
	option     string                   // of Graph, which has the text
	as         func(text string) string // how it stands there; nil when it never gets there
	may        []int                    // what Graph answers beside 200
}

// quoted is the text as a clause of $search or of $filter has it, from learn.microsoft.com/graph/search-query-parameter and
// .../query-parameters#encoding-query-parameters; asked with it, Graph is asked for nothing else.
func quotedSearch(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`)
	return `"displayName:` + text + `" OR "mail:` + text + `"`
}

func quotedFilter(text string) string {
	return "department eq '" + strings.ReplaceAll(text, "'", "''") + "'"
}

// keyed is the text as a name in a path; one that begins with a dollar sign has the other form: learn.microsoft.com/graph/api/user-get.
func keyed(text string) string {
	if strings.HasPrefix(text, "$") {
		return "('" + strings.ReplaceAll(text, "'", "''") + "')"
	}
	return "/" + text
}

func itself(text string) string { return text }

// through puts odd texts through a box and holds what Graph is asked against what it is asked for an ordinary text.
func (o *odd) through(x oddBox, seed uint64) {
	o.t.Helper()
	begun, next, who := time.Now(), newOddTexts(seed), o.people(ruth)
	o.box, o.bad = x.name, 0
	address := func(text string) string {
		if strings.HasSuffix(x.path, "=") {
			return x.path + url.QueryEscape(text)
		}
		return x.path + url.PathEscape(text)
	}
	o.requests()
	if b := who().get(address(x.plain)); x.as != nil && b.code != http.StatusOK {
		o.t.Fatalf("%s: %q: %d\n%s", x.name, x.plain, b.code, b.text())
	}
	usual := o.requests()
	if x.as != nil && len(usual) == 0 {
		o.t.Fatalf("%s: Graph was asked nothing", x.name)
	}
	for range *oddTexts {
		text := next()
		b := who().get(address(text))
		for b.code == http.StatusTooManyRequests { // a page that is quick spends everybody's budget of requests
			after, err := strconv.Atoi(b.head.Get("Retry-After"))
			if err != nil {
				o.t.Fatalf("%s: 429 without a Retry-After: %v", x.name, b.head)
			}
			<-time.After(time.Duration(after) * time.Second)
			b = who().get(address(text))
		}
		o.looks(b, text)
		var may []string
		words := strings.TrimSpace(text)
		for _, u := range usual {
			if _, has := u.options[x.option]; has && x.as != nil {
				c := asked{u.method, u.path, map[string]string{}, 0}
				for k, v := range u.options {
					c.options[k] = v
				}
				if c.options[x.option] = x.as(words); words == "" {
					delete(c.options, x.option) // nothing to look for: the whole list
				}
				u = c
			} else if x.option == "path" && x.as != nil {
				u.path = strings.Replace(u.path, "/"+x.plain, x.as(words), 1)
			}
			may = append(may, u.String())
		}
		for _, a := range o.requests() {
			if words == "" && x.option == "$search" {
				delete(a.options, "$orderby") // what was looked for comes in the directory's order, a whole list by name
			}
			if !slices.Contains(may, a.String()) {
				o.wrong("%q: Graph was asked\n%s\nand that is none of\n%s", text, a, strings.Join(may, "\n"))
			}
			if a.status != http.StatusOK && !slices.Contains(x.may, a.status) {
				o.wrong("%q: Graph answered %d to %s", text, a.status, a)
			}
		}
	}
	if w := o.since(o.made); len(w) != 0 {
		o.wrong("looking wrote %+v", w[0])
		o.made = w[len(w)-1].Seq
	}
	o.t.Logf("%s: %d texts in %s", x.name, *oddTexts, time.Since(begun).Round(time.Millisecond))
}

// A36: whatever stands in a box is a text: for Graph no clause, option, segment or target more, for our answers no header and no markup,
// for the log no line, for the history nothing that breaks it. Each request that the emulator took is held against those that an
// ordinary text makes.
func TestA36_OddTextsInEveryBox(t *testing.T) {
	t.Parallel()
	o := &odd{world: running(t)}
	b := o.signIn(ruth)
	o.boss = strings.TrimPrefix(b.person("Ruth"), "/admin/people/")
	lenaAt := b.person("Lena Hoffmann")
	lenaID := strings.TrimPrefix(lenaAt, "/admin/people/")
	jo := b.person("Jo Li") // of whom something is kept
	b.deed(jo, "sessions", nil).says("Saved")
	b.get("/admin/groups")
	group := ""
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/admin/groups/") }) {
		group = b.link(a)
		break
	}
	var me struct{ ID string }
	for k, v := range foreign(t, o.world, "/v1.0/users/"+o.who("member")+"?$select=id") {
		if k == "id" {
			me.ID, _ = v.(string)
		}
	}
	o.made = o.mark()
	gone := []int{http.StatusNotFound, http.StatusBadRequest}
	for i, x := range []oddBox{
		{"people: search", "/admin/people?q=", "ann", "$search", quotedSearch, nil},
		{"people: department", "/admin/people?department=", "Sales", "$filter", quotedFilter, nil},
		{"people: filter", "/admin/people?filter=", "department eq 'Sales'", "$filter", itself, []int{http.StatusBadRequest}},
		{"people: order", "/admin/people?sort=", "-displayName", "", itself, nil},
		{"people: column", "/admin/people?col=", "city", "", itself, nil},
		{"people: page", "/admin/people?page=", "x", "", nil, nil},
		{"people: view", "/admin/people?view=", "x", "", nil, nil},
		{"groups: search", "/admin/groups?q=", "Sales", "$search", quotedSearch, nil},
		{"groups: page", "/admin/groups?page=", "x", "", nil, nil},
		{"a group: search", group + "?q=", "ann", "$search", quotedSearch, nil},
		{"a group: who is added", group + "/add?q=", "ann", "$search", quotedSearch, nil},
		{"a person: manager", lenaAt + "/manager?q=", "ann", "$search", quotedSearch, nil},
		{"a person: groups", lenaAt + "/groups?q=", "Sales", "$search", quotedSearch, nil},
		{"policy: as seen by", "/admin/policy?as=", lena, "path", keyed, gone},
		{"history: on", "/admin/history?on=", lena, "path", keyed, gone},
		{"history: by", "/admin/history?by=", lena, "path", keyed, gone},
		{"history: from", "/admin/history?from=", "2026-01-01", "", nil, nil},
		{"history: before", "/admin/history?before=", "9", "", nil, nil},
		{"an address: person", "/admin/people/", "x", "", nil, nil},
		{"an address: group", "/admin/groups/", "x", "", nil, nil},
		{"an address: entry", "/admin/history/", "x", "", nil, nil},
		{"an address: chart", "/admin/chart/", "x", "", nil, nil},
		{"an address: plan", "/admin/imports/", "x", "", nil, nil},
		{"an address: ask", "/ask/", "jobTitle", "", nil, nil},
		{"where a sign-in leads", "/sign-in?next=", "/profile", "", nil, nil},
	} {
		o.through(x, uint64(i))
	}
	told := []int{http.StatusOK, http.StatusSeeOther, http.StatusUnprocessableEntity, http.StatusBadRequest}
	few := min(*oddTexts, 500) // each is kept of the person, so that the next has more to take out and to forget
	o.reasons(few, "why what is kept is taken", "why", jo+"/kept", jo+"/kept", nil, told, nil, 105)
	o.reasons(few, "why somebody is forgotten", "why", jo+"/forget", jo+"/forget", nil, append(told, http.StatusNotFound), nil, 106) // what was forgotten is not there any more
	o.brakes(107)
	o.newcomers(108)
	o.throughForm("own profile", o.who("member"), "/profile?edit=all", "/profile", me.ID, 100, "")
	o.throughForm("somebody's profile", ruth, lenaAt+"?edit=all", lenaAt, lenaID, 101, "save")
	save := url.Values{"step": {"save"}}
	o.reasons(*oddTexts, "why sign-ins end", "why", lenaAt+"/sessions", lenaAt+"/sessions", save, told, []string{"user.sessions.revoke"}, 102)
	o.reasons(*oddTexts, "the name before a deletion", "name", jo+"/delete", jo+"/delete", save, []int{http.StatusUnprocessableEntity, http.StatusBadRequest}, nil, 103)
	o.reasons(*oddTexts, "why the history is exported", "why", "/admin/history/export?until=2000-01-01", "/admin/history/export", nil, told, nil, 104)
	last := o.signIn(ruth)
	last.get("/admin/history/check")
	last.says("The history is whole")
	for line := range strings.Lines(o.log.String()) {
		if !strings.HasPrefix(line, "time=20") {
			t.Errorf("the log has a line that is none of ours: %q", line)
		}
	}
}
