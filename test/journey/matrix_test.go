package journey

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// Who may, typed from what each page is for and not from its declaration: p anybody, s whoever is signed in, and by role
// A Nameplate.Admin, E Editor, U Auditor.
var pages = map[string]string{
	"GET /favicon.ico": "p", "GET /{$}": "p", "GET /sign-in": "p", "GET /login": "p", "GET /auth/callback": "p", "GET /auth/logout": "p", "GET /signed-out": "p", "GET /help": "p", "POST /preferences": "p",
	"GET /gallery": "p", "GET /gallery/{state}": "p", // of the demo alone
	"POST /sign-out": "s", "GET /profile": "s", "POST /profile": "s", "POST /profile/resolve": "s", "POST /profile/seen": "s", "GET /profile/photo": "s", "POST /profile/photo": "s",
	"POST /profile/photo/remove": "s", "GET /photo": "s", "GET /ask/{name...}": "s", "GET /history": "s", "POST /history/{id}/undo": "s",
	"GET /data": "s", "POST /data/file": "s",

	"GET /admin": "AEU", "GET /admin/people": "AEU", "GET /admin/people/{id}": "AEU", "GET /admin/people/{id}/photo": "AEU", "GET /admin/groups": "AEU", "GET /admin/groups/{id}": "AEU",
	"GET /admin/licenses": "AEU", "GET /admin/history": "AEU", "GET /admin/history/export": "AEU", "POST /admin/history/export": "AEU", "GET /admin/history/check": "AEU", "GET /admin/history/{id}": "AEU", "GET /admin/policy": "AEU",
	"GET /admin/health": "AEU", "POST /admin/health/examine": "AEU",
	"POST /admin/people/{id}": "AE", "GET /admin/people/{id}/manager": "AE", "POST /admin/people/{id}/manager": "AE", "GET /admin/people/{id}/groups": "AE", "POST /admin/people/{id}/groups": "AE",
	"GET /admin/people/{id}/licenses": "AE", "POST /admin/people/{id}/licenses": "AE", "GET /admin/people/{id}/{deed}": "AE", "POST /admin/people/{id}/{deed}": "AE",
	"GET /admin/groups/{id}/add": "AE", "POST /admin/history/{id}/undo": "AE",
	"GET /connect": "AEU", "POST /connect": "AEU", "POST /connect/end": "AEU",
	"GET /admin/imports": "AEU", "GET /admin/imports/{id}": "AEU", "GET /admin/imports/template": "AEU", "GET /admin/imports/{id}/rejects": "AEU", "GET /admin/imports/{id}/photos/{number}": "AEU", "GET /admin/imports/{id}/passwords": "AE", "POST /admin/imports/{id}/passwords": "AE",
	"GET /admin/imports/new": "AE", "POST /admin/imports/new": "AE", "GET /admin/uploads/{id}": "AE", "POST /admin/uploads/{id}": "AE", "GET /admin/imports/{id}/apply": "AE",
	"POST /admin/imports/{id}/apply": "AE", "POST /admin/imports/{id}/{order}": "AE", "GET /admin/people/edit": "AE", "POST /admin/people/edit": "AE", "GET /admin/people/new": "A", "POST /admin/people/new": "AE",
	"GET /admin/people/export": "AEU", "GET /admin/chart": "AEU", "GET /admin/chart/{id}": "AEU", "POST /admin/people/export": "AEU",
	"POST /admin/health/stop": "A", "POST /admin/health/go": "A",
	"GET /admin/people/{id}/kept": "A", "POST /admin/people/{id}/kept": "A", "GET /admin/people/{id}/forget": "A", "POST /admin/people/{id}/forget": "A",
}

// Every route with every method for everybody. A POST comes without a form and is about nobody, so that who may gets 415 or 404 and who
// may not 403: nothing is done by it, and the two are told apart.
func TestA23_G22_EveryPageForEverybody(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	visitors := map[string]*browser{"": w.browser()}
	for letter, upn := range map[string]string{"A": ruth, "E": jonas, "U": helen, "none": lena, "Approver": "siobhan.orourke@larkfield.example"} {
		visitors[letter] = w.signIn(upn)
	}
	for _, b := range visitors {
		b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	mark := w.mark()
	routes := w.App.Pages()
	if len(routes) != len(pages) {
		t.Errorf("%d routes, %d are typed", len(routes), len(pages))
	}
	paths := map[string][]string{} // by path the methods there are
	for _, r := range routes {
		paths[r.Path] = append(paths[r.Path], r.Method)
	}
	fill := strings.NewReplacer("{$}", "", "{id}", "00000000-0000-4000-8000-00000000abcd", "{name...}", "jobTitle", "{state}", "404", "{deed}", "block", "{order}", "pause")
	ask := func(b *browser, method, path string) {
		req, err := http.NewRequestWithContext(t.Context(), method, w.Portal+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", w.Portal)
		b.do(req)
	}
	tried := 0
	for _, r := range routes {
		who, typed := pages[r.Method+" "+r.Path]
		if !typed {
			t.Errorf("%s %s is not typed", r.Method, r.Path)
			continue
		}
		path := fill.Replace(r.Path)
		for letter, b := range visitors {
			if path == "/sign-out" && letter != "" && r.Method == http.MethodGet {
				continue
			}
			ask(b, r.Method, path)
			tried++
			may := who == "p" || letter != "" && (who == "s" || strings.Contains(who, letter))
			toSignIn := b.code == http.StatusSeeOther && strings.HasPrefix(b.head.Get("Location"), "/sign-in")
			what := r.Method + " " + r.Path + " for " + letter
			switch {
			case b.code >= 500:
				t.Errorf("%s: %d", what, b.code)
			case may && r.Method == http.MethodPost && b.code != http.StatusUnsupportedMediaType && b.code != http.StatusNotFound:
				t.Errorf("%s: %d, want 415 or 404", what, b.code)
			case may && r.Method == http.MethodGet && (b.code == http.StatusForbidden || b.code == http.StatusUnauthorized || toSignIn && path != "/"):
				t.Errorf("%s: %d, though it is allowed", what, b.code)
			case !may && letter == "" && r.Method == http.MethodGet && !toSignIn:
				t.Errorf("%s: %d, want the way to sign in", what, b.code)
			case !may && letter == "" && r.Method == http.MethodPost && b.code != http.StatusUnauthorized && b.code != http.StatusUnsupportedMediaType:
				t.Errorf("%s: %d, want 401", what, b.code)
			case !may && letter != "" && b.code != http.StatusForbidden:
				t.Errorf("%s: %d, want 403", what, b.code)
			}
		}
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if slices.Contains(paths[r.Path], m) {
				continue
			}
			ask(visitors["A"], m, path)
			tried++
			if visitors["A"].code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, want 405", m, r.Path, visitors["A"].code)
			}
		}
	}
	if n := len(w.since(mark)); n != 0 {
		t.Errorf("%d writes by requests that do nothing", n)
	}
	t.Logf("%d requests for %d routes", tried, len(routes))
}

// One's own and others': a form of one's own with another's entry or another's address does nothing to them.
func TestA20_A22_OwnAndOther(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me, you := w.signIn("jo.li@larkfield.example"), w.signIn("misaki.tanaka@larkfield.example")
	for i, b := range []*browser{me, you} {
		form := b.get("/profile?edit=contact").form("/profile")
		form.Set("mobilePhone", []string{"+44 20 7946 0201", "+81 90 5550 0202"}[i])
		if b.post("/profile", form); b.code != http.StatusOK {
			t.Fatalf("%d %s", b.code, b.text())
		}
	}
	undo := func(b *browser) (string, url.Values) {
		for _, f := range b.get("/history").all(func(n *html.Node) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo") }) {
			return attr(f, "action"), fields(f)
		}
		t.Fatalf("nothing can be taken back:\n%s", b.text())
		return "", nil
	}
	mine, form := undo(me)
	yours, _ := undo(you)
	mark := w.mark()
	if me.post(yours, form); me.code != http.StatusForbidden && me.code != http.StatusNotFound {
		t.Errorf("somebody else's entry with one's own form: %d", me.code)
	}
	if you.post(mine, form); you.code != http.StatusForbidden && you.code != http.StatusNotFound {
		t.Errorf("one's form in somebody else's session: %d", you.code)
	}
	for _, path := range []string{"/profile?id=", "/photo?id=", "/history?on="} {
		if me.get(path + "10000000-0000-4000-8000-000000000001"); strings.Contains(me.text(), "Ingrid") || strings.Contains(me.text(), "0202") {
			t.Errorf("%s shows somebody else", path)
		}
	}
	if n := len(w.since(mark)); n != 0 {
		t.Errorf("%d writes", n)
	}
	if me.post(mine, form); me.code != http.StatusOK || len(w.since(mark)) != 1 {
		t.Errorf("one's own entry: %d, %d writes", me.code, len(w.since(mark)))
	}
}
