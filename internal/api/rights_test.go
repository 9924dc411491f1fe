package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/app"
	"nameplate/internal/directory"
)

// What a scope does not open stays closed on every way round: as a property, as an undo, in what is said to be possible.
func TestA23_ScopesHoldOnEveryWayRound(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	key := w.key(directory.Admin, directory.PeopleRead, directory.PeopleWrite, directory.HistoryRead)
	patch := func(body string) answer {
		return w.do(request{method: "PATCH", path: me, body: body, key: key, header: []string{"If-Match", "*"}})
	}
	wantStatus(t, "a property", patch(`{"city":"Kiel"}`), 200)
	wantStatus(t, "blocking", patch(`{"accountEnabled":false}`), 403)
	wantStatus(t, "blocking among others", patch(`{"city":"Bonn","accountEnabled":false}`), 403)
	if w.get(me).json["city"] != "Kiel" {
		t.Error("a part of what is refused was written")
	}
	rights := w.do(request{path: me + "/rights", key: key})
	for act, want := range map[string]bool{"manager": true, "member": false, "license": false, "account": false, "password": false, "sessions": false} {
		if got := rights.at("acts", act, "may"); got != want {
			t.Errorf("%s: %v, want %v in %s", act, got, want, rights)
		}
	}
	gone := w.send("DELETE", me, "")
	wantStatus(t, "deleted with the whole key", gone, 200)
	undo := "/history/" + fmt.Sprint(gone.json["entry"]) + "/undo"
	wantStatus(t, "the undo of it", w.do(request{method: "POST", path: undo, key: key}), 403)
	wantStatus(t, "the undo with the whole key", w.send("POST", undo, ""), 200)
	wantStatus(t, "once more", w.send("POST", undo, ""), 409)

	reader := w.key(directory.Auditor, directory.PeopleRead)
	if got := w.do(request{path: me + "/rights", key: reader}).at("properties", "city", "may"); got != false {
		t.Errorf("an auditor's key may change the city: %v", got)
	}
}

// Of eight who have seen the same state one changes it; nothing is overwritten.
func TestB55_ManyWithOneTag(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	tag := w.get(me).header.Get("ETag")
	var wg sync.WaitGroup
	got := make([]answer, 8)
	for i := range got {
		wg.Go(func() { got[i] = w.send("PATCH", me, fmt.Sprintf(`{"city":"Town %d"}`, i), "If-Match", tag) })
	}
	wg.Wait()
	won := ""
	for i, a := range got {
		switch a.status {
		case 200:
			if won != "" {
				t.Errorf("two won: %s and %d", won, i)
			}
			won = fmt.Sprint("Town ", i)
		case 412, 409:
		default:
			t.Errorf("%d: %s", i, a)
		}
	}
	if now := w.get(me).json["city"]; won == "" || now != won {
		t.Errorf("won %q, now %v", won, now)
	}
}

func TestA35_AnExpiredKeyAndLanguages(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	w := begin(t, app.DemoOptions{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	_, short, err := w.App.MakeKey(t.Context(), app.Host("root"), access.Key{
		Name: "short", Role: directory.Auditor, Scopes: []directory.Scope{directory.PeopleRead}, Expires: now.Add(time.Minute),
	}, "a test")
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "while it lives", w.do(request{path: "/policy", key: short}), 200)
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	wantStatus(t, "expired", w.do(request{path: "/policy", key: short}), 401)

	for language, want := range map[string]string{"": "Addresses are given", "de": "Adressen werden mit", "fr, de;q=0.5": "Adressen werden mit", "xx": "Addresses are given"} {
		a := w.send("PATCH", "/people/"+w.member, `{"mail":"x@example.com"}`, "If-Match", "*", "Accept-Language", language)
		if said, _ := a.at("errors", 0, "detail").(string); !strings.HasPrefix(said, want) {
			t.Errorf("%q: %s", language, a)
		}
	}
}

func TestPhotoAndMembers(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	picture := w.get(me + "/photo")
	if picture.status != 200 || picture.header.Get("Content-Type") != "image/jpeg" || len(picture.body) < 1000 {
		t.Fatalf("photo: %d %v", picture.status, picture.header)
	}
	wantStatus(t, "A40 a drawing", w.send("PUT", me+"/photo", "<svg xmlns='http://www.w3.org/2000/svg'/>", "Content-Type", "image/png"), 400)
	wantStatus(t, "A40 another type", w.send("PUT", me+"/photo", string(picture.body), "Content-Type", "image/svg+xml"), 415)
	set := w.send("PUT", me+"/photo", string(picture.body), "Content-Type", "image/jpeg")
	if set.status != 200 {
		t.Errorf("set: %s", set)
	}
	groups := w.get("/groups").at("groups").([]any)
	for _, g := range groups {
		g := g.(map[string]any)
		one := w.get("/groups/" + g["id"].(string))
		may := one.at("members", "may") == true
		a := w.send("POST", "/groups/"+g["id"].(string)+"/members?check=true", `{"person":"`+w.member+`"}`)
		if may != (a.status == 200) {
			t.Errorf("%v: says %v, and %s", g["name"], may, a)
		}
	}
	wantStatus(t, "twice the same group", w.send("POST", me+"/groups", `{"add":["`+nobody+`","`+nobody+`"]}`), 400)
	if a := w.send("POST", me+"/groups", `{"add":["`+nobody+`"]}`); a.status < 400 || a.at("errors", 0, "pointer") != "/add/0" {
		t.Errorf("no such group: %s", a)
	}
	if a := w.send("POST", me+"/licenses", `{"assign":[{"sku":"x","disabledPlans":["y"]}],"remove":["`+nobody+`"]}`); a.status != 400 || a.at("errors", 0, "pointer") != "/assign/0/disabledPlans/0" {
		t.Errorf("nonsense: %s", a)
	}
	skus := w.get("/licenses")
	if sku, ok := skus.at("licenses", 0, "sku").(string); !ok {
		t.Errorf("licenses: %s", skus)
	} else if a := w.send("POST", me+"/licenses?check=true", `{"assign":[{"sku":"`+sku+`"}]}`); a.status != 200 {
		t.Errorf("assign: %s", a)
	}
}
