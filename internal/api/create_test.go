package api_test

import (
	"strings"
	"testing"

	"nameplate/internal/app"
	"nameplate/internal/directory"
)

// S4.11–S4.13 through the API: a person is created with the defaults of the tutorial, once for a key, and the password is told once.
func TestS4_11_S4_13_AddAPerson(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	_, domain, _ := strings.Cut(w.Users[0].UPN, "@")
	const body = `{"properties":{"userPrincipalName":"Cleo.Park@%","displayName":"Cleo Park","usageLocation":"de"}}`
	upn := "Cleo.Park@" + domain
	text := strings.ReplaceAll(body, "%", domain)

	dry := w.send("POST", "/people?check=true", text)
	wantStatus(t, "dry", dry, 200)
	if dry.json["dangerous"] != true || dry.json["password"] != nil || dry.at("after", "accountEnabled") != true {
		t.Errorf("dry: %s", dry)
	}
	wantStatus(t, "nobody yet", w.get("/people/"+upn), 404)

	made := w.send("POST", "/people", text, "Idempotency-Key", "cleo")
	wantStatus(t, "made", made, 200)
	id, _ := made.json["person"].(string)
	password, _ := made.json["password"].(string)
	if made.json["state"] != "applied" || len(id) != 36 || len(password) < 16 {
		t.Fatalf("made: %s", made)
	}
	one := w.get("/people/" + id)
	wantStatus(t, "the person", one, 200)
	if one.json["userPrincipalName"] != upn || one.json["usageLocation"] != "DE" || one.json["accountEnabled"] != true {
		t.Errorf("the person: %s", one)
	}
	again := w.send("POST", "/people", text, "Idempotency-Key", "cleo")
	wantStatus(t, "again", again, 200)
	if again.json["person"] != id || again.json["password"] != nil {
		t.Errorf("again: %s", again)
	}
	e := w.get("/history/" + made.json["entry"].(string))
	wantStatus(t, "entry", e, 200)
	if strings.Contains(e.String(), password) || e.at("new", "displayName") != "Cleo Park" {
		t.Errorf("entry: %s", e)
	}

	taken := w.send("POST", "/people", text)
	wantStatus(t, "taken", taken, 400)
	if !strings.Contains(taken.String(), `"/properties/userPrincipalName"`) {
		t.Errorf("taken: %s", taken)
	}
	for what, wrong := range map[string]string{
		"another domain":   `{"properties":{"userPrincipalName":"x@elsewhere.example","displayName":"X"}}`,
		"no name":          `{"properties":{"userPrincipalName":"x@` + domain + `"}}`,
		"a weak password":  `{"properties":{"userPrincipalName":"x@` + domain + `","displayName":"X"},"password":"secret"}`,
		"nothing":          `{"properties":{}}`,
		"no such property": `{"properties":{"shoeSize":"42"}}`,
	} {
		if a := w.send("POST", "/people", wrong); a.status != 422 && a.status != 400 || strings.Contains(a.String(), "secret") {
			t.Errorf("%s: %s", what, a)
		}
	}
	own := w.send("POST", "/people", `{"properties":{"userPrincipalName":"dora@`+domain+`","displayName":"Dora"},"password":"Wr9-tulip-Ferry"}`)
	wantStatus(t, "with a password", own, 200)
	if own.json["password"] != nil {
		t.Errorf("what was sent comes back: %s", own)
	}
	key := w.key(directory.Admin, except(directory.PeopleCreate)...)
	wantStatus(t, "without the scope", w.do(request{method: "POST", path: "/people", body: text, key: key}), 403)

	undo := w.send("POST", "/history/"+made.json["entry"].(string)+"/undo", "")
	wantStatus(t, "undo", undo, 200)
	wantStatus(t, "undone", w.get("/people/"+upn), 404)
}
