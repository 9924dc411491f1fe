package journey

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// sync brings the copy of the directory up to date and waits until it is.
func (w *world) sync() {
	w.t.Helper()
	tick, deadline := time.NewTicker(200*time.Millisecond), time.After(time.Minute) // how far it is is only told by asking
	defer tick.Stop()
	code, got := w.api(http.MethodPost, "/sync", w.APIKey, "")
	for got["running"] == true || got["asOf"] == nil {
		if code/100 != 2 {
			w.t.Fatalf("the copy: %d %v", code, got)
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("the copy is not made: %v", got)
		}
		code, got = w.api(http.MethodGet, "/sync", w.APIKey, "")
	}
}

// A search by words reads the copy of the directory and says of when it is; who asks for the directory itself gets that. Graph is not
// asked for what the copy has.
func TestFindInTheCopy(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	searches := func() (n int) {
		for _, r := range w.Emulator.Requests(0) {
			if strings.Contains(r.Query, "search=") {
				n++
			}
		}
		return n
	}
	b.get("/admin/people?q=weissenfels")
	if b.says("People"); strings.Contains(b.text(), "From the copy") || searches() != 1 {
		t.Errorf("without a copy: %d searches\n%s", searches(), b.text())
	}
	w.sync()
	if b.get("/admin/people?q=zolkiew").says("Łukasz Żółkiewski", "From the copy of the directory of", "Ask the directory itself"); searches() != 1 {
		t.Errorf("%d searches in the directory though there is a copy", searches())
	}
	b.get("/admin/people?q=nobody+at+all").says("Nobody matches these filters")
	// Somebody changes elsewhere: the copy does not know yet, the directory does.
	e := w.Emulator
	token, err := e.Mint(emulator.Token{Client: w.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.GraphHTTP+"/v1.0/users/"+url.PathEscape(lena), strings.NewReader(`{"displayName":"Quentin Quill"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp, err)
	}
	b.get("/admin/people?q=quill").says("Nobody matches these filters")
	b.get("/admin/people?q=quill&now=1").says("Quentin Quill")
	if strings.Contains(b.text(), "From the copy") {
		t.Error("the directory itself was asked, and the page speaks of the copy")
	}
	w.sync()
	b.get("/admin/people?q=quill").says("Quentin Quill", "From the copy")
}

// The organization chart: from the top to somebody and back, and a manager who was deleted is told.
func TestOrganizationChart(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	b.get("/admin/chart").says("There is no chart yet", "nameplate sync")
	w.sync()
	// Ingrid Solvang leads the sample organization, Ruth reports to her.
	b.get("/admin/chart").says("Organization chart", "From the copy of the directory of", "Ingrid Solvang", "Direct reports: ")
	at := strings.Replace(b.person("Ruth"), "/admin/people/", "/admin/chart/", 1)
	b.get(at).says("Ruth Okonkwo-Bergström", "Managers", "Ingrid Solvang")
	b.get("/admin/chart/00000000-0000-4000-8000-000000000000")
	if b.code != http.StatusNotFound {
		t.Errorf("nobody's chart: %d", b.code)
	}
	b.get("/admin/chart/x'--")
	if b.code != http.StatusNotFound {
		t.Errorf("no id: %d", b.code)
	}
}
