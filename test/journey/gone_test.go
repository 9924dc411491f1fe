package journey

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// S3.14: what was done to somebody who was deleted since is not taken back, and page and API say so: while they can be restored that
// this comes first, and afterwards that there is no way. Nothing is written.
func TestS3_14_UndoOfSomebodyWhoWasDeletedSince(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("mobilePhone", "+49 151 7654321") })
	list := "/admin/history?do=update&on=" + strings.TrimPrefix(at, "/admin/people/")
	entry := "/admin/history/" + b.get(list).entries()[0]
	b.deed(at, "delete", func(f url.Values) { f.Set("name", "Lena Hoffmann") }).says("Saved", "Deleted")
	mark := w.mark()
	refused := func(says string) {
		t.Helper()
		b.get(list).says("Profile changed")
		b.press(entry+"/undo", "", nil).says("That cannot be done here", says)
		if b.code != http.StatusUnprocessableEntity {
			t.Errorf("%d", b.code)
		}
		status, told := w.api(http.MethodPost, "/history/"+strings.TrimPrefix(entry, "/admin/history/")+"/undo", w.APIKey, "")
		if detail, _ := told["detail"].(string); status != http.StatusUnprocessableEntity || !strings.Contains(detail, says) || told["code"] != "deleted" {
			t.Errorf("the API: %d %v", status, told)
		}
		if n := w.since(mark); len(n) != 0 {
			t.Errorf("the ledger has %v", n)
		}
	}
	refused("the person was deleted since. Restore them on their page first")
	b.deed(at, "restore", nil).says("Saved", "Can sign in")
	b.get(list)
	b.press(entry+"/undo", "", nil).says("Saved", "+49 151 7654321")

	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("mobilePhone", "+49 151 1112223") })
	entry = "/admin/history/" + b.get(list).entries()[0]
	b.deed(at, "delete", func(f url.Values) { f.Set("name", "Lena Hoffmann") })
	token, err := w.Emulator.Mint(emulator.Token{Client: w.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodDelete, w.GraphHTTP+"/v1.0/directory/deletedItems/"+strings.TrimPrefix(at, "/admin/people/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("purge: %d", resp.StatusCode)
	}
	mark = w.mark()
	refused("the person was deleted since, and can no longer be restored")
}

// entries are the ids of the entries in a page of the history, in its order.
func (b *browser) entries() (out []string) {
	b.t.Helper()
	for _, at := range b.heads() {
		if id, ok := strings.CutPrefix(at, "/admin/history/"); ok && !strings.Contains(id, "/") {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		b.t.Fatalf("%s has no entry:\n%s", b.at, b.text())
	}
	return out
}

// A23, A27: a role that the organization gave to a guest counts like anybody's, on the pages of administrators and by its own limits; on
// their own profile a guest stays one. A guest without a role sees no page of administrators, and nobody by an address.
func TestA23_A27_AGuestWithARole(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	for _, upn := range []string{ruth, jonas, helen} {
		if err := w.Emulator.Set("", upn, map[string]any{"userType": "Guest"}); err != nil {
			t.Fatal(err)
		}
	}
	plain := w.signIn(w.who("guest"))
	for _, path := range []string{"/admin", "/admin/people", "/admin/people/new", "/admin/history", "/admin/imports", "/admin/health", "/connect"} {
		if plain.get(path); plain.code != http.StatusForbidden || strings.Contains(plain.body, "Hoffmann") {
			t.Errorf("a guest at %s: %d", path, plain.code)
		}
	}
	can := func(upn, path string) bool {
		t.Helper()
		b := w.signIn(upn)
		b.get(path)
		return b.code == http.StatusOK
	}
	for upn, may := range map[string]string{ruth: "lnc", jonas: "lc", helen: "l"} {
		for letter, path := range map[string]string{"l": "/admin/people", "n": "/admin/people/new", "c": "/admin/imports/new"} {
			if got := can(upn, path); got != strings.Contains(may, letter) {
				t.Errorf("%s at %s: %t", upn, path, got)
			}
		}
	}
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	b.get(at + "?edit=contact")
	b.press(at, "save", func(f url.Values) { f.Set("mobilePhone", "+49 151 7654321") }).says("Saved")
	global := b.person("Ingrid Solvang") // an administrator of the organization stays closed to them as to every role
	mark := w.mark()
	for _, deed := range []string{"password", "block", "delete"} {
		if b.get(global + "/" + deed); b.code != http.StatusUnprocessableEntity {
			t.Errorf("%s of somebody with a directory role is open", deed)
		}
	}
	own := b.person("Ruth Okonkwo")
	if b.get(own).says("Guest"); strings.Contains(b.body, "edit=contact") || strings.Contains(b.body, "edit=work") {
		t.Error("a guest changes as an administrator what guests may not change of themselves")
	}
	for _, path := range []string{"/profile?edit=contact", own + "?edit=contact"} {
		for name := range boxesOf(b.get(path), b.at.Path) {
			if name != "mobilePhone" && name != "why" {
				t.Errorf("%s offers %s", path, name)
			}
		}
	}
	f := b.get("/profile?edit=all").form("/profile")
	f.Set("jobTitle", "Chief of everything")
	b.post("/profile", f)
	if n := w.since(mark); len(n) != 0 {
		t.Errorf("the ledger has %v", n)
	}
}
