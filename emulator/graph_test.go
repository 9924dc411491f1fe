package emulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
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
			{ID: "10000000-0000-4000-8000-000000000001", UPN: "ann@contoso.com", Manager: "max@contoso.com",
				Values: map[string]any{"displayName": "Ann Lee", "jobTitle": "Nurse", "mail": "ann@contoso.com", "mobilePhone": "+1 425 555 0101"}},
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
	e, err := emulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
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

// facts/clients.md 10 and 12, from driving public clients.
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
	want := map[string]any{"@odata.context": "http://graph.test/v1.0/$metadata#users(city,jobTitle,mobilePhone,businessPhones)/$entity",
		"city": "Rome", "jobTitle": "Nurse", "mobilePhone": nil, "businessPhones": []any{}}
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

// https://learn.microsoft.com/en-us/graph/paging and graph.md 5.1
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

// https://learn.microsoft.com/en-us/graph/api/user-list-manager, user-post-manager, user-delete-manager, user-list-directreports
func TestManager(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("GET", "/v1.0/users/"+ann+"/manager?$select=id,displayName", nil)
	if r.body["@odata.type"] != "#microsoft.graph.user" || r.body["displayName"] != "Max Ober" {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("GET", "/v1.0/users/"+max_+"/manager", nil), 404, "Request_ResourceNotFound")
	for _, address := range []string{"https://graph.microsoft.com/v1.0/users/" + max_, "http://elsewhere.test/beta/directoryObjects('" + max_ + "')"} {
		d.want(d.ask("PUT", "/v1.0/users/hal@contoso.com/manager/$ref", map[string]string{"@odata.id": address}), 204, "")
	}
	reports := d.ask("GET", "/v1.0/users/"+max_+"/directReports?$select=displayName", nil)
	if !slices.Equal(reports.names(), []string{"Ann Lee", "Hal Desk"}) {
		t.Errorf("%s", reports.raw)
	}
	d.want(d.ask("PUT", "/v1.0/users/"+ann+"/manager/$ref", map[string]string{"@odata.id": "https://graph.microsoft.com/v1.0/users/" + gone}), 404, "")
	d.want(d.ask("DELETE", "/v1.0/users/"+ann+"/manager/$ref", nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"/manager", nil), 404, "")
	d.want(d.as("ann@contoso.com", "User.ReadWrite").ask("DELETE", "/v1.0/me/manager/$ref", nil), 403, "Authorization_RequestDenied")
	last := d.Ledger(0)[len(d.Ledger(0))-1]
	if last.Op != "user.manager.remove" || last.Before["manager"] != max_ || last.After["manager"] != nil {
		t.Errorf("%+v", last)
	}
	d.want(d.ask("PUT", "/v1.0/users/max@contoso.com/manager/$ref", map[string]string{"@odata.id": "x/users/gus@contoso.com"}), 204, "")
	d.want(d.ask("PUT", "/v1.0/users/ann@contoso.com/manager/$ref", map[string]string{"@odata.id": "x/users/max@contoso.com"}), 204, "")
	chain := d.ask("GET", "/v1.0/users/"+ann+"?$expand=manager($levels=max;$select=displayName)&$count=true", nil, "ConsistencyLevel: eventual")
	m, _ := chain.body["manager"].(map[string]any)
	top, _ := m["manager"].(map[string]any)
	if m["displayName"] != "Max Ober" || top["displayName"] != "Gus Admin" {
		t.Errorf("%s", chain.raw)
	}
}

const gone = "00000000-0000-4000-8000-00000000dead"

// https://learn.microsoft.com/en-us/graph/api/profilephoto-get, profilephoto-update, profilephoto-delete
func TestPhoto(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	picture := d.ask("GET", "/v1.0/users/"+max_+"/photo/$value", nil)
	if picture.code != 200 || picture.header.Get("Content-Type") != "image/jpeg" {
		t.Fatal(picture.code, picture.header)
	}
	self := d.as("ann@contoso.com", "User.ReadWrite")
	d.want(self.ask("GET", "/v1.0/me/photo/$value", nil), 404, "ImageNotFound")
	put := self.ask("PUT", "/v1.0/me/photo/$value", picture.raw, "Content-Type: image/jpeg")
	if put.code != 200 || len(put.raw) != 0 {
		t.Error(put.code, put.raw)
	}
	meta := d.ask("GET", "/v1.0/users/"+ann+"/photo", nil)
	if meta.body["id"] != "648x648" || meta.body["width"] != 648.0 || meta.body["@odata.mediaContentType"] != "image/jpeg" || meta.body["@odata.mediaEtag"] == nil {
		t.Errorf("%s", meta.raw)
	}
	for _, size := range []int{48, 64, 96, 120, 240, 360, 432, 504, 648} {
		r := d.ask("GET", fmt.Sprintf("/v1.0/users/%s/photos/%dx%d/$value", ann, size, size), nil)
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(r.raw))
		if err != nil || cfg.Width != size || cfg.Height != size {
			t.Errorf("%d: %v %v", size, cfg, err)
		}
	}
	if n := len(d.ask("GET", "/v1.0/users/"+ann+"/photos", nil).items()); n != 9 {
		t.Errorf("%d sizes", n)
	}
	small := d.ask("GET", "/v1.0/users/"+ann+"/photos/96x96/$value", nil).raw
	d.want(self.ask("PATCH", "/v1.0/me/photo/$value", small, "Content-Type: image/jpeg"), 200, "")
	if id := d.ask("GET", "/v1.0/users/"+ann+"/photos/648x648", nil).body["id"]; id != "96x96" {
		t.Errorf("a size above the upload: %v", id)
	}
	d.want(self.ask("PUT", "/v1.0/me/photo/$value", bytes.Repeat([]byte("x"), 4<<20+1), "Content-Type: image/jpeg"), 413, "")
	d.want(self.ask("PUT", "/v1.0/me/photo/$value", []byte("GIF89a"), "Content-Type: image/gif"), 400, "")
	d.want(self.ask("PUT", "/v1.0/users/"+max_+"/photo/$value", small, "Content-Type: image/jpeg"), 403, "Authorization_RequestDenied")
	d.want(self.ask("DELETE", "/v1.0/me/photo", nil), 204, "")
	d.want(self.ask("DELETE", "/v1.0/me/photo/$value", nil), 404, "ImageNotFound")
	ops := []string{}
	for _, e := range d.Ledger(0) {
		ops = append(ops, e.Op)
	}
	if !slices.Equal(ops, []string{"user.photo.set", "user.photo.set", "user.photo.remove"}) {
		t.Error(ops)
	}
}

// https://learn.microsoft.com/en-us/graph/json-batching
func TestBatch(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	photo := base64.RawURLEncoding.EncodeToString(d.ask("GET", "/v1.0/users/"+max_+"/photos/48x48/$value", nil).raw)
	r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": []any{
		map[string]any{"id": 1, "method": "PATCH", "url": "/users/" + ann, "headers": map[string]string{"Content-Type": "application/json"}, "body": map[string]any{"city": "Oslo"}},
		map[string]any{"id": "2", "method": "GET", "url": "/users/" + ann + "?$select=city", "dependsOn": []string{"1"}},
		map[string]any{"id": "3", "method": "PUT", "url": "/users/" + ann + "/photo/$value", "headers": map[string]string{"Content-Type": "image/jpeg"}, "body": photo},
		map[string]any{"id": "4", "method": "GET", "url": "users/" + ann + "/photo/$value"},
		map[string]any{"id": "5", "method": "GET", "url": "/users/" + gone},
		map[string]any{"id": "6", "method": "DELETE", "url": "/users/" + ann, "dependsOn": []string{"5"}},
	}})
	answers := batchAnswers(t, r)
	for id, want := range map[string]float64{"1": 204, "2": 200, "3": 200, "4": 200, "5": 404, "6": 424} {
		if answers[id]["status"] != want {
			t.Errorf("%s: %v, wanted %v", id, answers[id], want)
		}
	}
	if body, _ := answers["2"]["body"].(map[string]any); body["city"] != "Oslo" {
		t.Errorf("%v", answers["2"])
	}
	if _, err := base64.StdEncoding.DecodeString(fmt.Sprint(answers["4"]["body"])); err != nil {
		t.Errorf("a photo in a batch: %v", err)
	}
	entries := d.Ledger(0)
	if len(entries) != 2 || entries[0].RequestID == entries[1].RequestID {
		t.Errorf("%+v", entries)
	}
}

func batchAnswers(t *testing.T, r reply) map[string]map[string]any {
	t.Helper()
	if r.code != 200 {
		t.Fatalf("%d %s", r.code, r.raw)
	}
	out := map[string]map[string]any{}
	list, _ := r.body["responses"].([]any)
	for _, x := range list {
		m := x.(map[string]any)
		out[m["id"].(string)] = m
	}
	return out
}

func TestBatchShuffled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{ShuffleBatches: true})
	var requests []any
	for i := range 20 {
		requests = append(requests, map[string]any{"id": fmt.Sprint(i), "method": "GET", "url": "/users/" + ann})
	}
	r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": requests})
	if len(batchAnswers(t, r)) != 20 {
		t.Errorf("%s", r.raw)
	}
	var order []string
	for _, x := range r.body["responses"].([]any) {
		order = append(order, x.(map[string]any)["id"].(string))
	}
	inOrder := make([]string, 20)
	for i := range inOrder {
		inOrder[i] = fmt.Sprint(i)
	}
	if slices.Equal(order, inOrder) {
		t.Error("the answers came in the order of the requests")
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-post-users, user-delete, directory-deleteditems-restore
func TestLifeOfAPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	body := map[string]any{"accountEnabled": true, "displayName": "New Person", "mailNickname": "newp", "userPrincipalName": "newp@contoso.com",
		"passwordProfile": map[string]any{"forceChangePasswordNextSignIn": true, "password": "xWwvJ]6NMw+bWH-d"}}
	made := d.ask("POST", "/v1.0/users", body)
	d.want(made, 201, "")
	id, _ := made.body["id"].(string)
	if made.header.Get("Location") != "http://graph.test/v1.0/users/"+id || made.body["displayName"] != "New Person" || made.body["passwordProfile"] != nil {
		t.Errorf("%v %s", made.header, made.raw)
	}
	again := d.ask("POST", "/v1.0/users", body)
	d.want(again, 400, "Request_BadRequest")
	if again.message() != "Another object with the same value for property userPrincipalName already exists." {
		t.Error(again.message())
	}
	for name := range body {
		less := map[string]any{"userPrincipalName": "other@contoso.com"}
		for k, v := range body {
			if k != name && k != "userPrincipalName" {
				less[k] = v
			}
		}
		if name == "userPrincipalName" {
			delete(less, name)
		}
		r := d.ask("POST", "/v1.0/users", less)
		d.want(r, 400, "Request_BadRequest")
		if r.message() != "A value is required for property '"+name+"' of resource 'User'." {
			t.Errorf("without %s: %s", name, r.message())
		}
	}
	body["userPrincipalName"], body["passwordProfile"] = "weak@contoso.com", map[string]any{"password": "short"}
	if weak := d.ask("POST", "/v1.0/users", body); weak.code != 400 ||
		weak.message() != "The specified password does not comply with password complexity requirements. Please provide a different password." {
		t.Errorf("%s", weak.raw)
	}

	d.want(d.app("Directory.ReadWrite.All").ask("DELETE", "/v1.0/users/"+ann, nil), 403, "Authorization_RequestDenied")
	d.want(d.ask("DELETE", "/v1.0/users/gus@contoso.com", nil), 403, "Authorization_RequestDenied")
	d.want(d.ask("DELETE", "/v1.0/users/"+ann, nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/ann@contoso.com", nil), 404, "Request_ResourceNotFound")
	if names := d.ask("GET", "/v1.0/users", nil).names(); slices.Contains(names, "Ann Lee") {
		t.Error("a deleted person is listed")
	}
	if names := d.ask("GET", "/v1.0/directory/deletedItems/microsoft.graph.user", nil).names(); !slices.Equal(names, []string{"Ann Lee"}) {
		t.Error(names)
	}
	body["userPrincipalName"], body["mailNickname"], body["passwordProfile"] = "ann@contoso.com", "ann", map[string]any{"password": "xWwvJ]6NMw+bWH-d"}
	second := d.ask("POST", "/v1.0/users", body)
	d.want(second, 201, "")
	d.want(d.ask("POST", "/v1.0/directory/deletedItems/"+ann+"/restore", nil), 400, "Request_BadRequest")
	d.want(d.ask("DELETE", "/v1.0/users/"+second.body["id"].(string), nil), 204, "")
	back := d.ask("POST", "/v1.0/directory/deletedItems/"+ann+"/restore", nil)
	if back.code != 200 || back.body["userPrincipalName"] != "ann@contoso.com" || back.body["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("%s", back.raw)
	}
	if m := d.ask("GET", "/v1.0/users/"+ann+"/manager", nil); m.body["id"] != max_ {
		t.Errorf("%s", m.raw)
	}
	d.want(d.ask("DELETE", "/v1.0/directory/deletedItems/"+second.body["id"].(string), nil), 204, "")
	d.want(d.ask("GET", "/v1.0/directory/deletedItems/"+second.body["id"].(string), nil), 404, "Directory_ObjectNotFound")
}

// https://learn.microsoft.com/en-us/graph/api/user-list-memberof, user-list-transitivememberof, directoryrole-list
func TestMemberships(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	if got := d.ask("GET", "/v1.0/users/"+ann+"/memberOf", nil).names(); !slices.Equal(got, []string{"Nurses"}) {
		t.Error(got)
	}
	if got := d.ask("GET", "/v1.0/users/"+ann+"/transitiveMemberOf", nil).names(); !slices.Equal(got, []string{"Nurses", "Staff"}) {
		t.Error(got)
	}
	roles := d.ask("GET", "/v1.0/users/gus@contoso.com/memberOf", nil).items()
	if len(roles) != 1 || roles[0]["@odata.type"] != "#microsoft.graph.directoryRole" || roles[0]["roleTemplateId"] != "62e90394-69f5-4237-9190-012177145e10" {
		t.Error(roles)
	}
	if got := d.ask("GET", "/v1.0/users/gus@contoso.com/memberOf/microsoft.graph.group", nil).names(); len(got) != 0 {
		t.Error(got)
	}
	if got := d.ask("GET", "/v1.0/groups/20000000-0000-4000-8000-000000000002/members", nil).items(); len(got) != 2 || got[1]["@odata.type"] != "#microsoft.graph.group" {
		t.Error(got)
	}
	if got := d.as("ann@contoso.com", "User.Read").ask("GET", "/v1.0/me/memberOf", nil); got.code != 200 {
		t.Error(got.code)
	}
	d.want(d.app("User.Read.All").ask("GET", "/v1.0/users/"+ann+"/memberOf", nil), 403, "Authorization_RequestDenied")
}

// https://learn.microsoft.com/en-us/graph/api/resources/opentypeextension; S2.25: open extensions are deleted by their own call.
func TestS2_25_OpenExtension(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	made := d.ask("POST", "/v1.0/users/"+ann+"/extensions", `{"@odata.type":"microsoft.graph.openTypeExtension","extensionName":"com.contoso.roam","theme":"dark","color":"red"}`)
	d.want(made, 201, "")
	d.want(d.ask("POST", "/v1.0/users/"+ann+"/extensions", `{"extensionName":"com.contoso.roam"}`), 409, "")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", `{"theme":"light","color":null}`), 204, "")
	got := d.ask("GET", "/v1.0/users/"+ann+"?$select=id&$expand=extensions", nil)
	list, _ := got.body["extensions"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["theme"] != "light" || list[0].(map[string]any)["color"] != nil {
		t.Errorf("%s", got.raw)
	}
	d.want(d.ask("DELETE", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", nil), 404, "")
}

// https://learn.microsoft.com/en-us/graph/api/user-changepassword, user-revokesigninsessions
func TestOwnPasswordAndSessions(t *testing.T) {
	t.Parallel()
	org := office()
	org.Users[0].Password = "Old-Passw0rd"
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	self := d.as("ann@contoso.com", "Directory.AccessAsUser.All", "User.ReadWrite")
	change := func(from, to string) reply {
		return self.ask("POST", "/v1.0/me/changePassword", map[string]string{"currentPassword": from, "newPassword": to})
	}
	d.want(change("wrong", "New-Passw0rd"), 400, "Request_BadRequest")
	d.want(change("Old-Passw0rd", "weak"), 400, "Request_BadRequest")
	d.want(change("Old-Passw0rd", "New-Passw0rd"), 204, "")
	revoked := self.ask("POST", "/v1.0/me/revokeSignInSessions", nil)
	if revoked.code != 200 || revoked.body["value"] != true || revoked.body["@odata.context"] != "http://graph.test/v1.0/$metadata#Edm.Boolean" {
		t.Errorf("%s", revoked.raw)
	}
	for _, e := range d.Ledger(0) {
		if s := fmt.Sprint(e); strings.Contains(s, "Passw0rd") {
			t.Errorf("a password in the ledger: %s", s)
		}
	}
}

// What the emulator does not have it says, in the service's shape, and counts.
func TestUnknownRoutesAreCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("POST", "/v1.0/users/"+ann+"/assignLicense", `{}`)
	d.want(r, 400, "BadRequest")
	if !strings.Contains(string(r.raw), "EmulatorHasNoRoute") {
		t.Errorf("%s", r.raw)
	}
	if n := d.Statistics().Unknown["POST /v1.0/users/"+ann+"/assignLicense"]; n != 1 {
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
	wg.Wait()
	before := map[string]any{}
	for i, e := range d.Ledger(0) {
		if e.Seq != int64(i+1) || i > 0 && fmt.Sprint(e.Before["jobTitle"]) != fmt.Sprint(before["jobTitle"]) {
			t.Fatalf("entry %d: %+v", i, e)
		}
		before = e.After
	}
}

// https://learn.microsoft.com/en-us/graph/extensibility-overview: directory extensions have types; S2.25: null clears.
func TestS2_25_DirectoryExtension(t *testing.T) {
	t.Parallel()
	org := office()
	const badge, night = "extension_b7d8e648520f41d3b9c0fdeb91768a0a_badge", "extension_b7d8e648520f41d3b9c0fdeb91768a0a_night"
	org.Extensions = map[string]string{badge: "String", night: "Boolean"}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+badge+`":"B 12","`+night+`":true}`), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+night+`":"yes"}`), 400, "Request_BadRequest")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"extension_b7d8e648520f41d3b9c0fdeb91768a0a_other":"x"}`), 400, "Request_BadRequest")
	found := d.ask("GET", "/v1.0/users?$select=displayName,"+badge+"&$filter="+badge+" eq 'b 12'", nil)
	if items := found.items(); len(items) != 1 || items[0][badge] != "B 12" {
		t.Errorf("%s", found.raw)
	}
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+badge+`":null}`), 204, "")
	if r := d.ask("GET", "/v1.0/users/"+ann+"?$select=id,"+badge, nil); r.body[badge] != nil {
		t.Errorf("%s", r.raw)
	}
	if got := d.Snapshot()[0].Extensions; len(got) != 2 || got[night] != "Boolean" {
		t.Errorf("%v", got)
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-update: onPremisesImmutableId is needed in a federated domain.
func TestS2_P27_FederatedDomain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	body := map[string]any{"accountEnabled": true, "displayName": "Fed", "mailNickname": "fed", "userPrincipalName": "fed@fed.contoso.com",
		"passwordProfile": map[string]any{"password": "xWwvJ]6NMw+bWH-d"}}
	d.want(d.ask("POST", "/v1.0/users", body), 400, "Request_BadRequest")
	body["onPremisesImmutableId"] = "YmFyYmFy"
	d.want(d.ask("POST", "/v1.0/users", body), 201, "")
	by := d.with(emulator.Token{Roles: []string{"User.ReadWrite.All"}, WIDs: []string{templates["Global Administrator"]}})
	d.want(by.ask("PATCH", "/v1.0/users/fed@fed.contoso.com", `{"passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`), 400, "Request_BadRequest")
}

// No request, however odd, makes the emulator panic, answer 500 or answer without its envelope.
func FuzzGraph(f *testing.F) {
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{office()}})
	if err != nil {
		f.Fatal(err)
	}
	token, err := e.Mint(emulator.Token{Roles: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range [][3]string{
		{"GET", "/users?$filter=displayName eq 'x'&$select=id,manager&$top=3", ""},
		{"PATCH", "/users/" + ann, `{"jobTitle":"x","employeeOrgData":{"division":"n"},"onPremisesExtensionAttributes":{"extensionAttribute3":null}}`},
		{"POST", "/$batch", `{"requests":[{"id":1,"method":"GET","url":"/users","dependsOn":["1"]}]}`},
		{"POST", "/users", `{"identities":[{"signInType":"x"}],"passwordProfile":{}}`},
		{"PUT", "/users('" + ann + "')/manager/$ref", `{"@odata.id":"x"}`},
		{"GET", "/directory/deletedItems/microsoft.graph.user/$count", ""},
		{"GET", "/users/" + ann + "/photos/48x48/$value", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.Parse("http://graph.test/v1.0/" + strings.TrimLeft(path, "/"))
		if err != nil || strings.ContainsAny(method, " \x00\r\n") || method == "" {
			return
		}
		r, err := http.NewRequest(method, "http://graph.test/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL, r.RequestURI = u, u.RequestURI()
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("ConsistencyLevel", "eventual")
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		if w.Code == 500 && !strings.Contains(w.Body.String(), "DirectoryObjectUnauthorizedAccessException") || w.Code == 0 {
			t.Fatalf("%s %s %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Code >= 400 && !strings.Contains(w.Body.String(), `"innerError"`) && method != http.MethodHead {
			t.Fatalf("%s %s: an error without its envelope: %s", method, path, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && method != http.MethodHead && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s: not JSON: %s", method, path, w.Body)
		}
	})
}
