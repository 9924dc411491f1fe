package journey

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// mastered is what Graph says of a person whose directory is on-premises.
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301
const mastered = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."

// S3.42 to S3.44, C5: what an answer of Microsoft's means and what helps stands beside every refusal: the person gets a text for
// their administrator in our own words, administrators get what shows it and the text for the team that can help, now and in the
// history, and programs get all of it.
func TestS3_42_S3_43_C5_TheCauseIsToldOnEverySurface(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	refuse := func() {
		w.control(http.MethodDelete, "/faults", nil, nil)
		w.control(http.MethodPost, "/faults", emulator.Rule{Match: emulator.Match{Method: "PATCH"}, At: emulator.Before, Do: emulator.Do{Status: 400, Code: "Request_BadRequest", Message: mastered}}, nil)
	}
	full := []string{"synced (certain)", mastered, "What to do", "in Active Directory; the next synchronization", "To: Active Directory team", "Request id: "}

	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("mobilePhone", "+49 30 333444")
	refuse()
	b.post("/profile", form).says("For your administrator", "Cause: synced (certain)", "What would help: Change mobilePhone of user", "Reference: ")
	if strings.Contains(b.body, "on-premises mastered") || strings.Contains(b.body, "Request_BadRequest") {
		t.Errorf("the answer's own words are shown to a person:\n%s", b.text())
	}
	b.get("/history").says("For your administrator", "Cause: synced (certain)", "Reference: ")
	if strings.Contains(b.body, "on-premises mastered") {
		t.Errorf("the answer's own words are in a person's history:\n%s", b.text())
	}

	a := w.signIn(ruth)
	at := a.person("Lena Hoffmann")
	a.get(at + "?edit=contact")
	refuse()
	a.press(at, "save", func(f url.Values) { f.Set("mobilePhone", "+49 30 555666") })
	a.says(full...)
	a.get("/admin/history?state=refused&on=" + strings.TrimPrefix(at, "/admin/people/"))
	for _, n := range a.all(func(n *htmlNode) bool { return n.Data == "time" && n.Parent.Data == "a" }) {
		a.get(attr(n.Parent, "href")).says(full...)
		break
	}

	refuse()
	req, err := http.NewRequest(http.MethodPatch, w.Portal+"/api/v1/people/"+strings.TrimPrefix(at, "/admin/people/"), strings.NewReader(`{"mobilePhone":"+49 30 777888"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.APIKey)
	req.Header.Set("If-Match", "*")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var told struct {
		Entry string
		Cause struct{ Name, Sure, Evidence, Next, For, Ready string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	c := told.Cause
	if resp.Header.Get("Content-Type") != "application/problem+json" || c.Name != "synced" || c.Sure != "certain" || c.For != "ad" || !strings.Contains(c.Evidence, mastered) ||
		!strings.Contains(c.Next, "Active Directory") || !strings.HasPrefix(c.Ready, "To: Active Directory team\n") {
		t.Errorf("%d %+v", resp.StatusCode, told)
	}
}
