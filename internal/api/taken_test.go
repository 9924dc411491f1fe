package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"nameplate/internal/app"
	"nameplate/internal/directory"
)

// exported is what the history says of what was taken out, the newest first: who, of what, how much, what for.
func (w *world) exported() (out []string) {
	w.t.Helper()
	a := w.get("/history?do=export&limit=100")
	entries, _ := a.json["entries"].([]any)
	for i := range entries {
		out = append(out, fmt.Sprint(a.at("entries", i, "by", "kind"), " ", a.at("entries", i, "new", "export/what"), " ", a.at("entries", i, "new", "export/entries"), " ", a.at("entries", i, "why")))
	}
	return out
}

// A60: files that are taken out through the API stand in the history with who, how much and what for; without what for there is none.
func TestA60_FilesThroughTheAPIStandInTheHistory(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	before := w.exported()
	for _, path := range []string{"/export/people", "/export/people?why=", "/export/people?why=%20", "/export/groups?as=xlsx"} {
		wantStatus(t, path, w.get(path), 400)
	}
	wantStatus(t, "HEAD", w.do(request{method: http.MethodHead, path: "/export/people?why=x"}), 200)
	if got := w.exported(); !slices.Equal(got, before) {
		t.Errorf("nothing was taken out, and the history says %q", got)
	}
	people := w.get("/people?count=true&limit=1").at("total")
	groups := w.get("/groups?count=true&limit=1").at("total")
	group := fmt.Sprint(w.get("/groups?limit=1").at("groups", 0, "id"))
	members, _ := w.get("/groups/" + group + "/members?limit=999").json["people"].([]any)
	why := "&why=" + url.QueryEscape("census, of the works council")
	for _, path := range []string{"/export/people?as=csv" + why, "/export/people?as=xlsx" + why, "/export/groups?as=csv" + why, "/export/groups?members=" + group + why} {
		wantStatus(t, path, w.get(path), 200)
	}
	want := []string{
		fmt.Sprint("key members ", len(members), " census, of the works council"), fmt.Sprint("key groups ", groups, " census, of the works council"),
		fmt.Sprint("key people ", people, " census, of the works council"), fmt.Sprint("key people ", people, " census, of the works council"),
	}
	if got := w.exported(); !slices.Equal(got, append(want, before...)) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A60: whoever reads lists of people page by page has them as surely as in a file. From a thousand rows on it stands in the history, for
// each key by itself, and however the list is cut into pieces.
func TestA60_AThousandRowsOfListsStandInTheHistory(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{People: 2300})
	walk := func(key, path string) (n int) {
		t.Helper()
		for cursor := ""; ; {
			at := path
			if cursor != "" {
				at += "&cursor=" + url.QueryEscape(cursor)
			}
			a := w.do(request{path: at, key: key})
			wantStatus(t, at, a, 200)
			l, _ := a.json["people"].([]any)
			n += len(l)
			if cursor, _ = a.json["next"].(string); cursor == "" {
				return n
			}
		}
	}
	before := len(w.exported())
	one, other := w.key(directory.Auditor, directory.PeopleRead), w.key(directory.Auditor, directory.PeopleRead)
	all := walk(one, "/people?limit=999&select=displayName")
	if all < 2300 || all > 2900 {
		t.Fatalf("%d people", all)
	}
	if n := walk(other, "/people?limit=300&select=displayName&filter="+url.QueryEscape("startswith(displayName,'A')")); n == 0 || n >= 1000 {
		t.Fatalf("%d people whose name begins with an A", n)
	}
	got := w.exported()
	if want := []string{fmt.Sprint("key people ", all, " "), "key people 1998 "}; len(got) != before+2 || !slices.Equal(got[:2], want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, letter := range []string{"B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S"} { // in pieces
		walk(other, "/people?limit=300&select=displayName&filter="+url.QueryEscape("startswith(displayName,'"+letter+"')"))
	}
	if pieces := w.exported(); len(pieces) <= len(got) {
		t.Errorf("a list in pieces left no entry: %q", pieces)
	}
}
