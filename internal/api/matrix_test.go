package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/app"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// allowed is which route needs which scope and which roles may use it, typed by hand: not read from the table.
var allowed = map[string]struct {
	scope directory.Scope
	roles string // A, E, U: administrator, editor, auditor
}{
	"GET /people":                          {directory.PeopleRead, "AEU"},
	"POST /people":                         {directory.PeopleCreate, "A"},
	"GET /people/{id}":                     {directory.PeopleRead, "AEU"},
	"GET /find":                            {directory.PeopleRead, "AEU"},
	"PATCH /people/{id}":                   {directory.PeopleWrite, "AE"},
	"GET /people/{id}/rights":              {directory.PeopleRead, "AEU"},
	"POST /people/{id}/manager":            {directory.PeopleWrite, "AE"},
	"DELETE /people/{id}/manager":          {directory.PeopleWrite, "AE"},
	"POST /people/{id}/groups":             {directory.GroupsWrite, "AE"},
	"POST /people/{id}/licenses":           {directory.LicensesWrite, "A"},
	"POST /people/{id}/password":           {directory.PasswordsWrite, "A"},
	"DELETE /people/{id}/sessions":         {directory.PasswordsWrite, "A"},
	"DELETE /people/{id}":                  {directory.PeopleDelete, "A"},
	"POST /people/{id}/restore":            {directory.PeopleDelete, "A"},
	"GET /people/{id}/photo":               {directory.PeopleRead, "AEU"},
	"PUT /people/{id}/photo":               {directory.PeopleWrite, "AE"},
	"DELETE /people/{id}/photo":            {directory.PeopleWrite, "AE"},
	"GET /people/{id}/history":             {directory.HistoryRead, "AEU"},
	"POST /people/{id}/data":               {directory.HistoryRead, "A"},
	"POST /people/{id}/forget":             {directory.PeopleDelete, "A"},
	"GET /groups":                          {directory.PeopleRead, "AEU"},
	"GET /groups/{id}":                     {directory.PeopleRead, "AEU"},
	"GET /groups/{id}/members":             {directory.PeopleRead, "AEU"},
	"POST /groups/{id}/members":            {directory.GroupsWrite, "AE"},
	"DELETE /groups/{id}/members/{person}": {directory.GroupsWrite, "AE"},
	"GET /licenses":                        {directory.PeopleRead, "AEU"},
	"POST /plans":                          {directory.PeopleWrite, "AE"},
	"POST /selections":                     {directory.PeopleWrite, "AE"},
	"GET /plans":                           {directory.PeopleRead, "AEU"},
	"GET /plans/{id}":                      {directory.PeopleRead, "AEU"},
	"GET /plans/{id}/rows":                 {directory.PeopleRead, "AEU"},
	"POST /plans/{id}/apply":               {directory.PeopleWrite, "AE"},
	"POST /plans/{id}/pause":               {directory.PeopleWrite, "AE"},
	"POST /plans/{id}/resume":              {directory.PeopleWrite, "AE"},
	"POST /plans/{id}/cancel":              {directory.PeopleWrite, "AE"},
	"POST /plans/{id}/undo":                {directory.PeopleWrite, "AE"},
	"POST /plans/{id}/passwords":           {directory.PeopleCreate, "A"},
	"GET /plans/{id}/rejects":              {directory.PeopleRead, "AEU"},
	"GET /sync":                            {directory.PeopleRead, "AEU"},
	"GET /changes":                         {directory.HistoryRead, "AEU"},
	"POST /sync":                           {directory.PeopleRead, "AE"},
	"POST /sync/accept":                    {directory.PeopleDelete, "A"},
	"GET /export/people":                   {directory.PeopleRead, "AEU"},
	"GET /export/groups":                   {directory.PeopleRead, "AEU"},
	"GET /history":                         {directory.HistoryRead, "AEU"},
	"GET /history/verify":                  {directory.HistoryRead, "AEU"},
	"GET /history/{id}":                    {directory.HistoryRead, "AEU"},
	"POST /history/{id}/undo":              {directory.HistoryRead, "AE"},
	"GET /policy":                          {directory.PeopleRead, "AEU"},
	"GET /keys":                            {directory.KeysManage, "A"},
	"POST /keys":                           {directory.KeysManage, "A"},
	"DELETE /keys/{id}":                    {directory.KeysManage, "A"},
	"GET /openapi.json":                    {},
	"GET /session/ask":                     {},
	"GET /session":                         {"", "any"},
	"DELETE /session":                      {"", "any"},
}

var roleLetters = map[directory.Role]string{directory.Admin: "A", directory.Editor: "E", directory.Auditor: "U"}

const nobody = "00000000-0000-4000-8000-00000000abcd"

func except(s directory.Scope) []directory.Scope {
	return slices.DeleteFunc(directory.Scopes(), func(x directory.Scope) bool { return x == s })
}

// Every route with every role, with only its scope and with all but its scope, and with a key of another organization. The target is
// nobody, so that what is allowed does no harm and is told apart from what is not by its status.
func TestA23_G22_EveryRouteForEveryKey(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	only, lacking := map[string]string{}, map[string]string{}
	for role := range roleLetters {
		for _, s := range directory.Scopes() {
			only[string(role)+string(s)], lacking[string(role)+string(s)] = w.key(role, s), w.key(role, except(s)...)
		}
	}
	_, foreign, err := w.App.MakeKey(t.Context(), app.Host("root"), access.Key{
		Tenant: "99999999-7a42-4c7b-9c1e-2b8f4d6a9e01", Name: "foreign", Role: directory.Admin, Scopes: directory.Scopes(), Expires: time.Now().Add(time.Hour),
	}, "a test")
	if err != nil {
		t.Fatal(err)
	}
	routes := w.App.API().Routes()
	if len(routes) != len(allowed) {
		t.Errorf("%d routes, %d are typed", len(routes), len(allowed))
	}
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	tried := 0
	for _, r := range routes {
		want, typed := allowed[r.Method+" "+r.Path]
		if !typed {
			t.Errorf("%s %s is not typed", r.Method, r.Path)
			continue
		}
		if r.Scope != want.scope {
			t.Errorf("%s %s declares %q, want %q", r.Method, r.Path, r.Scope, want.scope)
		}
		path := strings.NewReplacer("{id}", nobody, "{person}", nobody).Replace(r.Path)
		ask := func(key string) answer {
			tried++
			return w.do(request{method: r.Method, path: path, key: key})
		}
		if r.Open {
			wantStatus(t, r.Path+" without a key", ask("none"), map[bool]int{true: 400, false: 200}[r.Path == "/session/ask"]) // it asks for a challenge
			continue
		}
		wantStatus(t, r.Method+" "+r.Path+" without a key", ask("none"), 401)
		if want.roles == "any" { // of the key itself: a key says who it is, and is revoked, not signed out
			wantStatus(t, r.Method+" "+r.Path, ask(only[string(directory.Auditor)+string(directory.PeopleRead)]), map[string]int{"GET": 200, "DELETE": 403}[r.Method])
			continue
		}
		for role, letter := range roleLetters {
			what := fmt.Sprintf("%s %s for %s", r.Method, r.Path, role)
			if a := ask(lacking[string(role)+string(want.scope)]); a.status != 403 {
				t.Errorf("%s without its scope: %s", what, a)
			}
			a := ask(only[string(role)+string(want.scope)])
			if may := strings.Contains(want.roles, letter); may == (a.status == 403) || a.status == 401 || a.status >= 500 {
				t.Errorf("%s with its scope only: %s, may %v", what, a, may)
			}
		}
		for _, target := range []string{path, strings.NewReplacer("{id}", w.member, "{person}", w.member).Replace(r.Path)} {
			a := w.do(request{method: r.Method, path: target, key: foreign, body: map[string]string{"POST": `{}`, "PATCH": `{"city":"X"}`}[r.Method], header: []string{"If-Match", "*"}})
			if a.status < 400 && (r.Method != "GET" || strings.Contains(string(a.body), w.Domain) || strings.Contains(string(a.body), "demo")) {
				t.Errorf("A22 %s %s with a key of another organization: %s", r.Method, target, a)
			}
		}
		every := w.key(directory.Admin, directory.Scopes()...) // one for each route: a key may not ask for ever so much at once
		for _, m := range methods {
			if _, known := allowed[m+" "+r.Path]; known {
				continue
			}
			if a := w.do(request{method: m, path: path, key: every}); a.status != 405 {
				t.Errorf("%s %s: %s, want 405", m, r.Path, a)
			}
		}
	}
	if got := w.get("/people/" + w.member); got.status != 200 || got.json["deleted"] != false {
		t.Errorf("the member is gone: %s", got)
	}
	t.Logf("%d requests for %d routes", tried, len(routes))
}

// editable is what the demo's policy lets people with a role change of a member by the API, typed from its file.
var editable = map[directory.Role]string{
	directory.Editor: "country state city postalCode streetAddress companyName department jobTitle officeLocation mobilePhone preferredLanguage businessPhones " +
		"faxNumber extensionAttribute11 extensionAttribute12 displayName givenName surname",
	directory.Admin: "country state city postalCode streetAddress companyName department jobTitle officeLocation mobilePhone preferredLanguage businessPhones " +
		"faxNumber extensionAttribute11 extensionAttribute12 displayName givenName surname accountEnabled usageLocation",
	directory.Auditor: "",
}

func TestA20_G23_EveryPropertyForEveryRoleByAPI(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	before := w.get("/people/" + w.member).header.Get("ETag")
	for role, list := range editable {
		key := w.key(role, directory.PeopleRead, directory.PeopleWrite, directory.PeopleDelete)
		for _, d := range property.Catalog().All() {
			value := `"x"`
			switch {
			case d.Kind == property.KindTextList && d.Item == property.KindEmail:
				value = `["x@example.com"]`
			case d.Kind == property.KindTextList:
				value = `["+49 30 1234567"]`
			case d.Kind == property.KindBool:
				value = `true`
			case d.Kind == property.KindInstant:
				value = `"2020-01-01T00:00:00Z"`
			case d.Kind == property.KindObject:
				value = `{"a":1}`
			case d.Kind == property.KindChoice:
				value = `"` + d.Graph.Values[0] + `"`
			case d.Kind == property.KindCountry:
				value = `"NL"`
			case d.Kind == property.KindLanguage:
				value = `"de-DE"`
			case d.Kind == property.KindPhone:
				value = `"+49 30 1234567"`
			case d.Kind == property.KindEmail:
				value = `"x@example.com"`
			case d.Kind == property.KindLink:
				value = `"https://www.example.com/"`
			case d.Name == "extensionAttribute11":
				value = `"XL"`
			case d.Name == "extensionAttribute12":
				value = `"Maria, +49 30 1234567"`
			}
			a := w.do(request{method: "PATCH", path: "/people/" + w.member + "?check=true", body: `{"` + string(d.Name) + `":` + value + `}`, key: key, header: []string{"If-Match", "*"}})
			want := slices.Contains(strings.Fields(list), string(d.Name))
			if want != (a.status == 200) || !want && a.status != 403 && a.status != 400 {
				t.Errorf("%s by %s: %s, want editable %v", d.Name, role, a, want)
			}
		}
	}
	if w.get("/people/"+w.member).header.Get("ETag") != before {
		t.Error("a dry run changed the person")
	}
}

// A key opens only as it is, in the header, while it lives.
func TestA35_KeysAbused(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	good := w.key(directory.Admin, directory.PeopleRead)
	made := w.send("POST", "/keys", fmt.Sprintf(`{"name":"short","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":%q}`, time.Now().Add(30*time.Minute).UTC().Format(time.RFC3339)))
	wantStatus(t, "make", made, 201)
	revoked := fmt.Sprint(made.json["secret"])
	wantStatus(t, "before it is revoked", w.do(request{path: "/people", key: revoked}), 200)
	wantStatus(t, "revoke", w.send("DELETE", "/keys/"+fmt.Sprint(made.json["id"]), ""), 204)
	other := []byte(good)
	if other[10] == 'A' {
		other[10] = 'B'
	} else {
		other[10] = 'A'
	}
	for name, auth := range map[string]string{
		"truncated": "Bearer " + good[:len(good)-1], "padded": "Bearer " + good + "=", "longer": "Bearer " + good + "A", "upper case": "Bearer " + strings.ToUpper(good),
		"without prefix": "Bearer " + strings.TrimPrefix(good, "npk_"), "other prefix": "Bearer ghp_" + strings.TrimPrefix(good, "npk_"), "one letter": "Bearer " + string(other),
		"space inside": "Bearer  " + good, "basic": "Basic " + good, "bare": good, "revoked": "Bearer " + revoked, "empty": "Bearer ", "two": "Bearer " + good + ", Bearer " + good,
	} {
		a := w.do(request{path: "/people", key: "none", header: []string{"Authorization", auth}})
		if a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %s", name, a)
		}
	}
	wantStatus(t, "the good one", w.do(request{path: "/people", key: good}), 200)
	wantStatus(t, "wrong scope", w.do(request{path: "/history", key: good}), 403)
	for _, path := range []string{"/people?access_token=" + good, "/people?search=" + good, "/people/" + good} {
		a := w.do(request{path: path, key: "none"})
		if a.status != 400 || !strings.Contains(string(a.body), "header") {
			t.Errorf("in the address: %s", a)
		}
	}
	l := w.get("/keys")
	used := 0
	for _, k := range l.at("keys").([]any) {
		if k.(map[string]any)["used"] != nil {
			used++
		}
		if k.(map[string]any)["secret"] != nil {
			t.Error("a list shows a secret")
		}
	}
	if used < 3 || strings.Contains(string(l.body), "npk_") {
		t.Errorf("keys: %s", l)
	}
}

// A key that makes keys cannot make itself greater.
func TestA35_KeysMakeNoGreaterKeys(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	maker := w.key(directory.Admin, directory.KeysManage, directory.PeopleRead)
	soon, late := time.Now().Add(time.Minute).UTC().Format(time.RFC3339), time.Now().Add(400*24*time.Hour).UTC().Format(time.RFC3339)
	for name, c := range map[string]struct {
		body    string
		status  int
		pointer string
	}{
		"a smaller one":      {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"` + soon + `"}`, 201, ""},
		"a greater scope":    {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:delete"],"expires":"` + soon + `"}`, 400, "/scopes"},
		"no such scope":      {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["everything"],"expires":"` + soon + `"}`, 400, "/scopes"},
		"no scope":           {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":[],"expires":"` + soon + `"}`, 400, "/scopes"},
		"no role of a key":   {`{"name":"n","why":"a test","role":"Nameplate.Approver","scopes":["people:read"],"expires":"` + soon + `"}`, 400, "/role"},
		"without an end":     {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"]}`, 400, "/expires"},
		"longer than a year": {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"` + late + `"}`, 400, "/expires"},
		"longer than itself": {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"` + time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339) + `"}`, 400, "/expires"},
		"in the past":        {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"2020-01-01T00:00:00Z"}`, 400, "/expires"},
		"no name":            {`{"name":" ","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"` + soon + `"}`, 400, "/name"},
		"no instant":         {`{"name":"n","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"tomorrow"}`, 400, "/expires"},
		"no reason":          {`{"name":"n","role":"Nameplate.Auditor","scopes":["people:read"],"expires":"` + soon + `","why":" "}`, 400, "/why"},
	} {
		a := w.do(request{method: "POST", path: "/keys", body: c.body, key: maker})
		pointer, _ := a.at("errors", 0, "pointer").(string)
		if a.status != c.status || pointer != c.pointer {
			t.Errorf("%s: %s", name, a)
		}
	}
}

func TestB55_IdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	me := "/people/" + w.member
	one := w.send("PATCH", me, `{"city":"Kiel"}`, "If-Match", "*", "Idempotency-Key", "k1")
	wantStatus(t, "first", one, 200)
	w.send("PATCH", me, `{"city":"Bonn"}`, "If-Match", "*")
	two := w.send("PATCH", me, `{"city":"Kiel"}`, "If-Match", "*", "Idempotency-Key", "k1")
	if two.status != 200 || string(two.body) != string(one.body) || two.header.Get("Idempotency-Replayed") != "true" || w.get(me).json["city"] != "Bonn" {
		t.Errorf("the same again: %s", two)
	}
	wantStatus(t, "another body", w.send("PATCH", me, `{"city":"Ulm"}`, "If-Match", "*", "Idempotency-Key", "k1"), 422)
	for _, k := range []string{"", strings.Repeat("x", 10_000), "a b", "ä"} {
		wantStatus(t, "key "+k[:min(len(k), 5)], w.send("PATCH", me, `{"city":"Ulm"}`, "If-Match", "*", "Idempotency-Key", k), 400)
	}
	body := fmt.Sprintf(`{"name":"again","why":"a test","role":"Nameplate.Auditor","scopes":["people:read"],"expires":%q}`, time.Now().Add(30*time.Minute).UTC().Format(time.RFC3339))
	made, again := w.send("POST", "/keys", body, "Idempotency-Key", "k2"), w.send("POST", "/keys", body, "Idempotency-Key", "k2")
	if made.json["secret"] == nil || again.json["secret"] != nil || again.json["id"] != made.json["id"] {
		t.Errorf("a key made twice: %s %s", made, again)
	}
	reset := w.send("POST", me+"/password", `{}`, "Idempotency-Key", "k3")
	wantStatus(t, "reset", reset, 200)
	if p, _ := reset.json["password"].(string); len(p) != 19 || strings.Contains(string(w.send("POST", me+"/password", `{}`, "Idempotency-Key", "k3").body), p) {
		t.Errorf("the password: %s", reset)
	}
	if got := w.send("POST", me+"/manager", `{"manager":"nobody@nowhere.example"}`, "Idempotency-Key", "k4"); got.status != 400 || got.at("errors", 0, "pointer") != "/manager" {
		t.Errorf("nobody as manager: %s", got)
	}
}

// What is kept of a request with a password in it is not enough to try passwords on.
func TestA56_ARepeatablePasswordLeavesNothingToGuessBy(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	w := begin(t, app.DemoOptions{Data: data})
	const password = "Wr9-tulip-Ferry"
	path, body := "/people/"+w.member+"/password", `{"password":"`+password+`"}`
	wantStatus(t, "reset", w.send("POST", path, body, "Idempotency-Key", "planted-key"), 200)
	if again := w.send("POST", path, body, "Idempotency-Key", "planted-key"); again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same again: %s", again)
	}
	sum := sha256.Sum256([]byte("POST\x00/api/v1" + path + "\x00\x00" + body + "\x00"))
	var dump []byte
	if err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), "nameplate.db") {
			return err
		}
		b, err := os.ReadFile(path)
		dump = append(dump, b...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(dump, []byte("planted-key")) {
		t.Fatal("the test does not see what the database holds")
	}
	for what, text := range map[string]string{"the password": password, "a plain hash of the request": hex.EncodeToString(sum[:])} {
		if bytes.Contains(dump, []byte(text)) {
			t.Errorf("the database holds %s", what)
		}
	}
}

func TestB60_ManyRequestsOfOneKey(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	key := w.key(directory.Auditor, directory.PeopleRead)
	for i := 0; ; i++ {
		a := w.do(request{path: "/nothing", key: key})
		if a.status == http.StatusTooManyRequests {
			if a.header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			break
		}
		if i > 2000 {
			t.Fatal("one key may ask without end")
		}
	}
	wantStatus(t, "another key", w.get("/policy"), 200)
	limited := false
	for range 400 {
		limited = limited || w.do(request{path: "/people", key: "npk_" + strings.Repeat("A", 43)}).status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("A15 keys can be guessed without end")
	}
}
