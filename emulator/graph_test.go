package emulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

// desk is an emulator with some people, and whoever asks it.
type desk struct {
	*emulator.Emulator
	t     *testing.T
	token string
}

// Everybody and everything that the tests of this file speak of.
func office() emulator.Organization {
	return emulator.Organization{
		Name: "Contoso", Country: "US",
		Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}, {Name: "fed.contoso.com", Verified: true, Federated: true}},
		Users: []emulator.User{
			{
				ID: "10000000-0000-4000-8000-000000000001", UPN: "ann@contoso.com", Manager: "max@contoso.com",
				Values: map[string]any{"displayName": "Ann Lee", "jobTitle": "Nurse", "mail": "ann@contoso.com", "mobilePhone": "+1 425 555 0101"},
			},
			{ID: "10000000-0000-4000-8000-000000000002", UPN: "max@contoso.com", Photo: "initials", Values: map[string]any{"displayName": "Max Ober", "mail": "max@contoso.com"}},
			{ID: "10000000-0000-4000-8000-000000000003", UPN: "gus@contoso.com", Roles: []string{"Global Administrator"}, Values: map[string]any{"displayName": "Gus Admin"}},
			{ID: "10000000-0000-4000-8000-000000000004", UPN: "hal@contoso.com", Roles: []string{"Helpdesk Administrator"}, Values: map[string]any{"displayName": "Hal Desk"}},
			{ID: "10000000-0000-4000-8000-000000000005", UPN: "una@contoso.com", Roles: []string{"User Administrator"}, Values: map[string]any{"displayName": "Una Adams"}},
			{ID: "10000000-0000-4000-8000-000000000006", UPN: "syd@contoso.com", Sync: "synced", Values: map[string]any{"displayName": "Syd Premise"}},
			{ID: "10000000-0000-4000-8000-000000000007", UPN: "olga@contoso.com", Sync: "once", Values: map[string]any{"displayName": "Olga Once"}},
			{ID: "10000000-0000-4000-8000-000000000008", UPN: "guest_fabrikam.com#EXT#@contoso.com", Values: map[string]any{"displayName": "Gerda Guest"}},
			{ID: "10000000-0000-4000-8000-000000000009", UPN: "rae@contoso.com", Values: map[string]any{"displayName": "Rae Role"}},
		},
		Groups: []emulator.Group{
			{ID: "20000000-0000-4000-8000-000000000001", Name: "Nurses", Type: "security", Members: []string{"ann@contoso.com"}, Owners: []string{"max@contoso.com"}},
			{ID: "20000000-0000-4000-8000-000000000002", Name: "Staff", Type: "security", Members: []string{"Nurses", "max@contoso.com"}},
			{ID: "20000000-0000-4000-8000-000000000003", Name: "Keyholders", Type: "role-assignable", Members: []string{"rae@contoso.com"}},
		},
	}
}

const (
	ann  = "10000000-0000-4000-8000-000000000001"
	max_ = "10000000-0000-4000-8000-000000000002"
)

func newDesk(t *testing.T, opts emulator.Options) *desk {
	t.Helper()
	if opts.Organizations == nil {
		opts.Organizations = []emulator.Organization{office()}
	}
	e := newEmulator(t, opts)
	return (&desk{Emulator: e, t: t}).app("User.ReadWrite.All", "Directory.Read.All")
}

// app is the same desk asked by an application, as by a person.
func (d *desk) app(roles ...string) *desk { return d.with(emulator.Token{Roles: roles}) }

func (d *desk) as(upn string, scopes ...string) *desk {
	return d.with(emulator.Token{As: upn, Scopes: scopes})
}

func (d *desk) with(tok emulator.Token) *desk {
	d.t.Helper()
	s, err := d.Mint(tok)
	if err != nil {
		d.t.Fatal(err)
	}
	return &desk{d.Emulator, d.t, s}
}

type reply struct {
	code   int
	header http.Header
	raw    []byte
	body   map[string]any
}

// ask sends a request; headers stand as "Name: value".
func (d *desk) ask(method, path string, body any, headers ...string) reply {
	d.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	case []byte:
		raw = b
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			d.t.Fatal(err)
		}
	}
	target := path
	if !strings.HasPrefix(path, "http") {
		target = "http://graph.test" + path
	}
	r := httptest.NewRequest(method, strings.ReplaceAll(target, " ", "%20"), bytes.NewReader(raw))
	if raw != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	out := reply{code: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	_ = json.Unmarshal(out.raw, &out.body) // photos are not JSON
	return out
}

func (d *desk) want(r reply, code int, graphCode string) {
	d.t.Helper()
	if r.code != code || graphCode != "" && r.errorCode() != graphCode {
		d.t.Errorf("%d %s, wanted %d %s", r.code, r.raw, code, graphCode)
	}
}

func (r reply) errorCode() string {
	e, _ := r.body["error"].(map[string]any)
	s, _ := e["code"].(string)
	return s
}

func (r reply) message() string {
	e, _ := r.body["error"].(map[string]any)
	s, _ := e["message"].(string)
	return s
}

func (r reply) names() []string {
	var out []string
	for _, x := range r.items() {
		s, _ := x["displayName"].(string)
		out = append(out, s)
	}
	return out
}

func (r reply) items() []map[string]any {
	var out []map[string]any
	list, _ := r.body["value"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		out = append(out, m)
	}
	return out
}

// https://learn.microsoft.com/en-us/graph/best-practices-concept, https://learn.microsoft.com/en-us/graph/json-batching (headers of
// answers), https://learn.microsoft.com/en-us/graph/errors
func TestGraphEnvelope(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("GET", "/v1.0/users/nobody@contoso.com", nil, "client-request-id: 5a6b7c8d-0000-4000-8000-000000000001")
	d.want(r, 404, "Request_ResourceNotFound")
	if r.message() != "Resource 'nobody@contoso.com' does not exist or one of its queried reference-property objects are not present." {
		t.Error(r.message())
	}
	inner, _ := r.body["error"].(map[string]any)["innerError"].(map[string]any)
	if inner["client-request-id"] != "5a6b7c8d-0000-4000-8000-000000000001" || inner["request-id"] != r.header.Get("request-id") || inner["date"] == nil {
		t.Error(inner)
	}
	ok := d.ask("GET", "/v1.0/users/"+ann, nil)
	for name, want := range map[string]string{
		"OData-Version": "4.0", "Cache-Control": "no-cache", "Strict-Transport-Security": "max-age=31536000",
		"Content-Type": "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
	} {
		if got := ok.header.Get(name); got != want {
			t.Errorf("%s: %q, wanted %q", name, got, want)
		}
	}
	for _, name := range []string{"request-id", "client-request-id", "x-ms-ags-diagnostic", "x-ms-resource-unit"} {
		if ok.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	d.want((&desk{d.Emulator, t, ""}).ask("GET", "/v1.0/users", nil), 401, "InvalidAuthenticationToken")
	d.want(d.ask("PUT", "/v1.0/users/"+ann, "{}"), 405, "Request_BadRequest")
	if s := d.ask("PUT", "/v1.0/users/"+ann, "{}").message(); s != "Specified HTTP method is not allowed for the request target." {
		t.Error(s)
	}
}

// As public clients do: msgraph-sdk-go-core zips bodies, the JavaScript client writes keys in parentheses, CLI for Microsoft 365
// sends back what it read.
func TestWhatClientsSend(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"jobTitle":"Zipped"}`))
	_ = z.Close()
	for name, ask := range map[string]func() reply{
		"gzip":            func() reply { return d.ask("PATCH", "/v1.0/users/"+ann, zipped.Bytes(), "Content-Encoding: gzip") },
		"upper-case path": func() reply { return d.ask("PATCH", "/V1.0/USERS/ANN@CONTOSO.COM", `{"JOBTITLE":"x"}`) },
		"parentheses":     func() reply { return d.ask("PATCH", "/v1.0/users('"+ann+"')", `{"jobTitle":"y"}`) },
		"control data": func() reply {
			return d.ask("PATCH", "/v1.0/users/"+ann, `{"@odata.type":"#microsoft.graph.user","jobTitle":"z"}`)
		},
		"unchanged read-only": func() reply { return d.ask("PATCH", "/v1.0/users/"+ann, `{"id":"`+ann+`","jobTitle":"w"}`) },
		"prefer": func() reply {
			return d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"v"}`, "Prefer: return=representation")
		},
		"charset": func() reply {
			return d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"u"}`, "Content-Type: application/json; charset=utf-8")
		},
		"beta": func() reply { return d.ask("PATCH", "/beta/users/"+ann, `{"jobTitle":"t"}`) },
	} {
		if r := ask(); r.code != 204 || len(r.raw) != 0 {
			t.Errorf("%s: %d %s", name, r.code, r.raw)
		}
	}
	if n := len(d.Ledger(0)); n != 8 {
		t.Errorf("%d writes in the ledger, wanted 8", n)
	}
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"id":"10000000-0000-4000-8000-00000000ffff"}`), 400, "Request_BadRequest")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"shoeSize":44}`), 400, "Request_BadRequest")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":`), 400, "BadRequest")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, "not json", "Content-Encoding: gzip"), 400, "BadRequest")

	none := d.ask("GET", "/v1.0/users?$top=1", nil, "Accept: application/json;odata.metadata=none")
	if none.body["@odata.context"] != nil || none.body["@odata.nextLink"] == nil {
		t.Errorf("%s", none.raw)
	}
	full := d.ask("GET", "/v1.0/users/"+ann, nil, "Accept: application/json;odata.metadata=full")
	if full.body["@odata.type"] != "#microsoft.graph.user" || full.body["@odata.id"] == nil {
		t.Errorf("%s", full.raw)
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-update: what is absent stays; a refused request changes nothing.
func TestPatchIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"city":"Rome","jobTitle":"`+strings.Repeat("x", 129)+`"}`), 400, "Request_BadRequest")
	if n := len(d.Ledger(0)); n != 0 {
		t.Fatalf("%d entries after a refused write", n)
	}
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"city":"Rome","mobilePhone":null}`, "client-request-id: 5a6b7c8d-0000-4000-8000-000000000002"), 204, "")
	entries := d.Ledger(0)
	if len(entries) != 1 {
		t.Fatal(entries)
	}
	e := entries[0]
	if e.Op != "user.update" || e.Object != ann || e.ClientID != "5a6b7c8d-0000-4000-8000-000000000002" || e.Actor != "" ||
		fmt.Sprint(e.Before) != "map[city:<nil> mobilePhone:+1 425 555 0101]" || fmt.Sprint(e.After) != "map[city:Rome mobilePhone:<nil>]" {
		t.Errorf("%+v", e)
	}
	r := d.ask("GET", "/v1.0/users/"+ann+"?$select=city,jobTitle,mobilePhone,businessPhones", nil)
	want := map[string]any{
		"@odata.context": "http://graph.test/v1.0/$metadata#users(city,jobTitle,mobilePhone,businessPhones)/$entity",
		"city":           "Rome", "jobTitle": "Nurse", "mobilePhone": nil, "businessPhones": []any{},
	}
	if fmt.Sprint(r.body) != fmt.Sprint(want) {
		t.Errorf("%v", r.body)
	}
}

// F24: https://github.com/microsoftgraph/microsoft-graph-docs/issues/18224, 21470, 7301, 12584 and
// https://learn.microsoft.com/en-us/graph/api/resources/users#who-can-perform-sensitive-actions
func TestF24_RefusalsForOnePersonOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	phone := `{"mobilePhone":"+1 425 555 0199"}`
	d.want(d.ask("PATCH", "/v1.0/users/ann@contoso.com", phone), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/gus@contoso.com", phone), 403, "Authorization_RequestDenied")
	d.want(d.ask("PATCH", "/v1.0/users/gus@contoso.com", `{"jobTitle":"Chief"}`), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/rae@contoso.com", phone), 403, "Authorization_RequestDenied")
	synced := d.ask("PATCH", "/v1.0/users/syd@contoso.com", `{"jobTitle":"Cook"}`)
	d.want(synced, 400, "Request_BadRequest")
	if synced.message() != "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration." {
		t.Error(synced.message())
	}
	once := d.ask("PATCH", "/v1.0/users/olga@contoso.com", `{"onPremisesExtensionAttributes":{"extensionAttribute1":"x"}}`)
	d.want(once, 400, "Request_BadRequest")
	if once.message() != "Unable to update the specified properties for objects that have originated within an external service." {
		t.Error(once.message())
	}
	d.want(d.ask("PATCH", "/v1.0/users/olga@contoso.com", `{"jobTitle":"Cook"}`), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/guest_fabrikam.com%23EXT%23@contoso.com", `{"jobTitle":"Visitor"}`), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/ann@contoso.com", `{"userPrincipalName":"ann@elsewhere.example"}`), 400, "Request_BadRequest")
	strong := d.with(emulator.Token{Roles: []string{"User.ReadWrite.All"}, WIDs: []string{templates["Global Administrator"]}})
	d.want(strong.ask("PATCH", "/v1.0/users/gus@contoso.com", phone), 204, "")
	d.want(strong.ask("PATCH", "/v1.0/users/rae@contoso.com", phone), 204, "")
}

// The table of https://learn.microsoft.com/en-us/graph/api/resources/users#who-can-perform-sensitive-actions, password column.
func TestS2_15_WhoResetsWhosePassword(t *testing.T) {
	t.Parallel()
	columns := []string{"Password Administrator", "Helpdesk Administrator", "Authentication Administrator", "User Administrator", "Privileged Authentication Administrator", "Global Administrator"}
	rows := []struct{ target, may string }{
		{"", "PPPPPP"},
		{"Directory Readers", "PPPPPP"},
		{"Guest Inviter", "PPPPPP"},
		{"Reports Reader", ".PPPPP"},
		{"Password Administrator", "PPPPPP"},
		{"Helpdesk Administrator", ".P.PPP"},
		{"Groups Administrator", "...PPP"},
		{"User Administrator", "...PPP"},
		{"Authentication Administrator", "..P.PP"},
		{"Privileged Authentication Administrator", "....PP"},
		{"Privileged Role Administrator", "....PP"},
		{"Global Administrator", "....PP"},
		{"role-assignable", "....PP"},
	}
	org := emulator.Organization{Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}}}
	for i, c := range columns {
		org.Users = append(org.Users, emulator.User{UPN: fmt.Sprintf("caller%d@contoso.com", i), Roles: []string{c}})
	}
	for i, r := range rows {
		u := emulator.User{UPN: fmt.Sprintf("target%d@contoso.com", i)}
		if r.target == "role-assignable" {
			org.Groups = append(org.Groups, emulator.Group{Name: "Keys", Type: "role-assignable", Members: []string{u.UPN}})
		} else if r.target != "" {
			u.Roles = []string{r.target}
		}
		org.Users = append(org.Users, u)
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	body := `{"passwordProfile":{"forceChangePasswordNextSignIn":true,"password":"xWwvJ]6NMw+bWH-d"}}`
	for i, c := range columns {
		by := d.as(fmt.Sprintf("caller%d@contoso.com", i), "Directory.AccessAsUser.All")
		for j, r := range rows {
			want := 403
			if r.may[i] == 'P' {
				want = 204
			}
			if got := by.ask("PATCH", fmt.Sprintf("/v1.0/users/target%d@contoso.com", j), body); got.code != want {
				t.Errorf("%s resets the password of %q: %d, wanted %d", c, r.target, got.code, want)
			}
		}
	}
}

// https://learn.microsoft.com/en-us/graph/paging
func TestPaging(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{sample.Generate(250, 3)}})
	first := d.ask("GET", "/v1.0/users", nil)
	if n := len(first.items()); n != 100 {
		t.Errorf("%d users without $top, wanted 100", n)
	}
	for _, query := range []string{"$top=60&$select=id", "$select=id&$top=7&$orderby=displayName desc", "$select=id&$filter=accountEnabled eq true"} {
		seen := map[string]bool{}
		next, pages := "/v1.0/users?"+query, 0
		for next != "" {
			r := d.ask("GET", next, nil)
			if r.code != 200 {
				t.Fatalf("%s: %d %s", next, r.code, r.raw)
			}
			for _, x := range r.items() {
				id := x["id"].(string)
				if seen[id] {
					t.Fatalf("%s: %s twice", query, id)
				}
				seen[id] = true
			}
			pages++
			next, _ = r.body["@odata.nextLink"].(string)
			if next != "" && !strings.HasPrefix(next, "http://graph.test/v1.0/users?") {
				t.Fatal(next)
			}
		}
		all := d.ask("GET", "/v1.0/users/$count?"+after(query, "$filter"), nil, "ConsistencyLevel: eventual")
		if string(all.raw) != fmt.Sprint(len(seen)) || pages < 2 {
			t.Errorf("%s: %d people on %d pages, $count says %s", query, len(seen), pages, all.raw)
		}
	}
	for _, bad := range []string{"$top=0", "$top=1000", "$top=x"} {
		d.want(d.ask("GET", "/v1.0/users?"+bad, nil), 400, "Request_UnsupportedQuery")
	}
	d.want(d.ask("GET", "/v1.0/users?$skip=5", nil), 400, "")
	d.want(d.ask("GET", "/v1.0/users?$skiptoken=rubbish", nil), 400, "")
}

// after is the part of a query from a name on.
func after(query, name string) string {
	if i := strings.Index(query, name); i >= 0 {
		return query[i:]
	}
	return ""
}

// https://learn.microsoft.com/en-us/graph/search-query-parameter, https://learn.microsoft.com/en-us/graph/aad-advanced-queries
func TestSearchAndOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	path := "/v1.0/users?$search=" + url.QueryEscape(`"displayName:ad"`) + "&$orderby=displayName&$count=true&$select=displayName"
	r := d.ask("GET", path, nil, "ConsistencyLevel: eventual")
	if !slices.Equal(r.names(), []string{"Gus Admin", "Una Adams"}) || r.body["@odata.count"] != 2.0 {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("GET", path, nil), 400, "Request_UnsupportedQuery")
	both := d.ask("GET", "/v1.0/users?$search="+url.QueryEscape(`"displayName:ann" OR "mail:max"`), nil, "ConsistencyLevel: eventual")
	if !slices.Equal(both.names(), []string{"Ann Lee", "Max Ober"}) {
		t.Errorf("%s", both.raw)
	}
	ignored := d.ask("GET", "/v1.0/users?$count=true", nil)
	if _, counted := ignored.body["@odata.count"]; ignored.code != 200 || counted {
		t.Errorf("$count=true without the header: %s", ignored.raw)
	}
	d.want(d.ask("GET", "/v1.0/users?$filter=accountEnabled eq 'true'", nil), 400, "BadRequest")
	d.want(d.ask("GET", "/v1.0/users?$filter=aboutMe eq 'x'", nil), 501, "NotImplemented")
	d.want(d.ask("GET", "/v1.0/users?$select=aboutMe", nil), 501, "NotImplemented")
}

// What the emulator does not have it says, in the service's shape, and counts.
func TestUnknownRoutesAreCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("POST", "/v1.0/users/"+ann+"/exportPersonalData", `{}`)
	d.want(r, 400, "BadRequest")
	if !strings.Contains(string(r.raw), "EmulatorHasNoRoute") {
		t.Errorf("%s", r.raw)
	}
	if n := d.Statistics().Unknown["POST /v1.0/users/"+ann+"/exportPersonalData"]; n != 1 {
		t.Errorf("%v", d.Statistics().Unknown)
	}
}

// The clock of the emulator dates what the service dates.
func TestDatesAreTheEmulators(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	d := newDesk(t, emulator.Options{Start: at})
	r := d.ask("GET", "/v1.0/users/"+ann+"?$select=createdDateTime", nil)
	if s, _ := r.body["createdDateTime"].(string); !strings.HasPrefix(s, "2031-02-03T04:05:") {
		t.Errorf("%s", r.raw)
	}
}

func TestConcurrentWritesAndReads(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 25 {
				r := d.ask("PATCH", "/v1.0/users/"+ann, fmt.Sprintf(`{"jobTitle":"%d","city":"%d"}`, i*100+n, i*100+n))
				if r.code != 204 {
					t.Errorf("%d %s", r.code, r.raw)
				}
				got := d.ask("GET", "/v1.0/users/"+ann+"?$select=jobTitle,city", nil)
				if got.body["jobTitle"] != got.body["city"] {
					t.Errorf("half a write is seen: %s", got.raw)
				}
			}
		})
	}
	person := d.as("ann@contoso.com", "User.ReadWrite", "User.Read.All")
	for range 2 {
		wg.Go(func() {
			for range 25 {
				for _, path := range []string{
					"/users?$filter=startsWith(city,'1')&$top=3", "/me", "/me/memberOf", "/users/" + ann + "/manager", "/users/" + max_ + "/photo",
					"/me/directReports", "/users?$orderby=displayName",
				} {
					if r := person.ask("GET", "/v1.0"+path, nil); r.code != 200 {
						t.Errorf("%s: %d %s", path, r.code, r.raw)
					}
				}
			}
		})
	}
	wg.Wait()
	before := map[string]any{}
	for i, e := range d.Ledger(0) {
		if e.Seq != int64(i+1) || i > 0 && fmt.Sprint(e.Before["jobTitle"]) != fmt.Sprint(before["jobTitle"]) {
			t.Fatalf("entry %d: %+v", i, e)
		}
		before = e.After
	}
}

// stuck is the connection of a client that does not read.
type stuck struct {
	http.ResponseWriter
	reached, release chan struct{}
	once             *sync.Once
}

func (s stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.reached) })
	<-s.release
	return len(b), nil
}

// A client that does not take its page keeps nobody from writing.
func TestSlowReaderBlocksNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	slow := stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{}), &sync.Once{}}
	r := httptest.NewRequest("GET", "http://graph.test/v1.0/users", nil)
	r.Header.Set("Authorization", "Bearer "+d.token)
	done := make(chan struct{})
	go func() {
		d.Handler().ServeHTTP(slow, r)
		close(done)
	}()
	<-slow.reached
	wrote := make(chan int)
	go func() { wrote <- d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"Quick"}`).code }()
	select {
	case code := <-wrote:
		if code != 204 {
			t.Error(code)
		}
	case <-time.After(10 * time.Second):
		t.Error("a write waits for a client that does not read")
	}
	close(slow.release)
	<-done
}
