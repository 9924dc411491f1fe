package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"nameplate/internal/app"
	"nameplate/internal/directory"
)

func TestPeople_ReadChangeUndo(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	got := w.get(me)
	wantStatus(t, "read", got, 200)
	tag := got.header.Get("ETag")
	if got.json["department"] == nil || !strings.HasPrefix(tag, `"`) || got.json["userPrincipalName"] != w.Users[0].UPN {
		t.Fatalf("%s %s", tag, got)
	}
	old := got.json["department"]

	dry := w.send("PATCH", me+"?check=true", `{"department":"Research"}`, "If-Match", tag)
	wantStatus(t, "dry", dry, 200)
	if dry.at("before", "department") != old || dry.at("after", "department") != "Research" || dry.json["checked"] != true || dry.json["entry"] != nil {
		t.Errorf("dry: %s", dry)
	}
	if again := w.get(me); again.header.Get("ETag") != tag {
		t.Errorf("a dry run changed the person")
	}

	set := w.send("PATCH", me, `{"department":"Research","mobilePhone":null}`, "If-Match", tag)
	wantStatus(t, "patch", set, 200)
	if set.json["state"] != "applied" || set.at("after", "department") != "Research" {
		t.Errorf("patch: %s", set)
	}
	after := w.get(me)
	if after.json["department"] != "Research" || after.json["mobilePhone"] != nil || after.header.Get("ETag") == tag || after.json["jobTitle"] != got.json["jobTitle"] {
		t.Errorf("after: %s", after)
	}
	wantStatus(t, "B55 an old tag", w.send("PATCH", me, `{"department":"X"}`, "If-Match", tag), 412)
	wantStatus(t, "B55 a tag of nothing", w.send("PATCH", me, `{"department":"X"}`, "If-Match", `W/"1"`), 412)
	wantStatus(t, "B55 no tag", w.send("PATCH", me, `{"department":"X"}`), 428)
	wantStatus(t, "whatever is there", w.send("PATCH", me, `{"department":"Research"}`, "If-Match", "*"), 200)

	entry := fmt.Sprint(set.json["entry"])
	e := w.get("/history/" + entry)
	wantStatus(t, "entry", e, 200)
	if e.at("by", "kind") != "key" || e.at("old", "department") != old || e.at("new", "department") != "Research" {
		t.Errorf("entry: %s", e)
	}
	wantStatus(t, "undo", w.send("POST", "/history/"+entry+"/undo", ""), 200)
	if back := w.get(me); back.header.Get("ETag") != tag {
		t.Errorf("after the undo: %s", back)
	}
	l := w.get(me + "/history?limit=2")
	if n := len(l.at("entries").([]any)); n != 2 || l.json["next"] == nil {
		t.Errorf("history: %s", l)
	}
	if v := w.get("/history/verify"); v.json["bad"] != nil || v.json["records"] == 0.0 {
		t.Errorf("verify: %s", v)
	}
}

func TestPeople_NoSuchPersonAndNoSuchWay(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	for _, id := range []string{
		"00000000-0000-4000-8000-000000000000", "x", "ABCDEF00-0000-4000-8000-000000000003", "{" + w.member + "}", "..%2f" + w.member, w.member + "%00", "%2e%2e", strings.Repeat("a", 900),
		"nobody@" + w.Domain, "' or 1 eq 1@x", "a%2Fb@x",
	} {
		a := w.get("/people/" + id)
		if a.status != 404 && a.status != 400 {
			t.Errorf("B53 %s: %s", id, a)
		}
	}
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/people/" + w.member, 405, "GET, HEAD, PATCH, DELETE"},
		{"PUT", "/people", 405, "GET, HEAD, POST"},
		{"TRACE", "/people", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/people", 405, "GET, HEAD, POST"},
		{"GET", "/people/", 404, ""},
		{"GET", "//people", 404, ""},
		{"GET", "/people/../people", 404, ""},
		{"GET", "/nothing", 404, ""},
		{"HEAD", "/people", 200, ""},
	} {
		a := w.do(request{method: c.method, path: c.path})
		if a.status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf("B55 %s %s: %s, Allow %q", c.method, c.path, a, a.header.Get("Allow"))
		}
	}
	if a := w.do(request{path: "/people", header: []string{"Origin", "https://evil.example"}}); a.status != 200 {
		t.Errorf("A46: %s", a)
	}
}

func TestB54_ListsAndCursors(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	first := w.get("/people?limit=5&order=displayName&count=true&select=displayName,department")
	wantStatus(t, "first page", first, 200)
	next, _ := first.json["next"].(string)
	total, _ := first.json["total"].(float64)
	if len(first.at("people").([]any)) != 5 || next == "" || total <= 5 {
		t.Fatalf("first page: %s", first)
	}
	seen := map[any]bool{}
	for page, n := first, 0; ; n++ {
		for _, p := range page.at("people").([]any) {
			id := p.(map[string]any)["id"]
			if seen[id] {
				t.Errorf("%v comes twice", id)
			}
			seen[id] = true
		}
		next, more := page.json["next"].(string)
		if !more {
			break
		}
		page = w.get("/people?limit=5&order=displayName&count=true&select=displayName,department&cursor=" + next)
		if page.status != 200 || n > 100 {
			t.Fatalf("page %d: %s", n, page)
		}
	}
	if len(seen) != int(total) {
		t.Errorf("%d people of %v", len(seen), total)
	}
	for query, parameter := range map[string]string{
		"limit=-1": "limit", "limit=0": "limit", "limit=1000000000": "limit", "limit=abc": "limit", "limit=": "limit",
		"cursor=": "cursor", "cursor=forged": "cursor", "cursor=" + next[:len(next)-2]: "cursor", "limit=6&cursor=" + next: "cursor",
		"filter=department%20eq": "filter", "filter=nonsense%20eq%20'x'": "filter", "filter=%27%20or%201%20eq%201%20or%20%27": "filter",
		"select=passwordProfile": "select", "select=nonsense": "select", "select=aboutMe": "select", "order=nonsense": "order", "order=aboutMe": "order",
		"nonsense=1": "nonsense", "limit=5&limit=6": "limit", "count=maybe": "count", "deleted=x": "deleted", "deleted=true&filter=x": "filter", "search=%ff": "search",
	} {
		a := w.get("/people?" + query)
		if (a.status != 400 && a.status != 403) || a.at("errors", 0, "parameter") != parameter {
			t.Errorf("%s: %s", query, a)
		}
	}
	editor := w.key(directory.Editor, directory.PeopleRead)
	if a := w.do(request{path: "/people?limit=5&order=displayName&count=true&select=displayName,department&cursor=" + next, key: editor}); a.status != 200 {
		t.Errorf("another key of the same organization: %s", a)
	}
	for _, path := range []string{"/people?filter=department%20eq%20'Sales'", "/people?search=an", "/people?deleted=true", "/groups?limit=3", "/licenses", "/policy", "/policy?as=" + w.Users[0].UPN, "/people/" + w.member + "/rights", "/keys", "/history"} {
		if a := w.get(path); a.status != http.StatusOK {
			t.Errorf("%s: %s", path, a)
		}
	}
}

func TestB52_Bodies(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	before := w.get(me).header.Get("ETag")
	for name, c := range map[string]struct {
		body    string
		status  int
		pointer string
	}{
		"trailing garbage":  {`{"department":"X"} x`, 400, ""},
		"two documents":     {`{"department":"X"}{"department":"Y"}`, 400, ""},
		"duplicate keys":    {`{"department":"X","department":"Y"}`, 400, "/department"},
		"wrong type":        {`{"department":5}`, 400, "/department"},
		"object":            {`{"department":{"a":1}}`, 400, "/department"},
		"list for text":     {`{"department":["X"]}`, 400, "/department"},
		"text for list":     {`{"businessPhones":"+49 30 1"}`, 400, "/businessPhones"},
		"deep":              {strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000), 400, strings.Repeat("/a", 65)},
		"deep lists":        {strings.Repeat("[", 500_000), 400, "/0/0"},
		"deep in the end":   {`{"aboutMe":"[[\"{{","schools":["` + strings.Repeat("[", 100) + `\\"],"skills":` + strings.Repeat(`{"a":[`, 50), 400, "/skills/a/0"},
		"NaN":               {`{"department":NaN}`, 400, ""},
		"1e400":             {`{"department":1e400}`, 400, "/department"},
		"unknown":           {`{"departement":"X"}`, 400, "/departement"},
		"other case":        {`{"Department":"X"}`, 400, "/Department"},
		"__proto__":         {`{"__proto__":{"department":"X"}}`, 400, "/__proto__"},
		"no property":       {`{"groups":[]}`, 400, "/groups"},
		"secret":            {`{"passwordProfile":{"password":"x"}}`, 403, "/passwordProfile"},
		"read-only":         {`{"id":"` + w.member + `"}`, 403, "/id"},
		"not allowed":       {`{"mail":"x@` + w.Domain + `"}`, 403, "/mail"},
		"too long":          {`{"department":"` + strings.Repeat("x", 65) + `"}`, 400, "/department"},
		"control character": {`{"department":"a\u0007b"}`, 400, "/department"},
		"empty text":        {`{"department":""}`, 400, "/department"},
		"empty object":      {`{}`, 400, ""},
		"array":             {`[]`, 400, ""},
		"null":              {`null`, 400, ""},
		"byte order mark":   {"\xef\xbb\xbf{}", 400, ""},
		"not UTF-8":         {"{\"department\":\"\xff\"}", 400, ""},
		"blank":             {" ", 400, ""},
		"cut off":           {`{"department":"X"`, 400, ""},
		"missing comma":     {`{"department":"X" "jobTitle":"Y"}`, 400, ""},
		"huge":              {`{"department":"` + strings.Repeat("x", 2<<20) + `"}`, 413, ""},
	} {
		a := w.send("PATCH", me, c.body, "If-Match", "*")
		pointer, _ := a.at("errors", 0, "pointer").(string)
		if a.status != c.status || pointer != c.pointer && !(strings.HasPrefix(name, "deep") && strings.HasPrefix(pointer, c.pointer)) {
			t.Errorf("%s: %s, want %d at %s", name, a, c.status, c.pointer)
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "nonsense", ""} {
		wantStatus(t, "content type "+kind, w.send("PATCH", me, `{"department":"X"}`, "If-Match", "*", "Content-Type", kind), 415)
	}
	wantStatus(t, "gzip", w.send("PATCH", me, `{"department":"X"}`, "If-Match", "*", "Content-Encoding", "gzip"), 415)
	wantStatus(t, "a body where none is taken", w.send("DELETE", me+"/manager", `{}`), 400)
	if w.get(me).header.Get("ETag") != before {
		t.Error("something was changed")
	}
}
