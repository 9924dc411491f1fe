package emulator_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// wall is a wall clock that a test moves.
type wall struct{ ns atomic.Int64 }

func newWall() *wall {
	w := &wall{}
	w.ns.Store(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC).UnixNano())
	return w
}

func (w *wall) now() time.Time       { return time.Unix(0, w.ns.Load()).UTC() }
func (w *wall) pass(d time.Duration) { w.ns.Add(int64(d)) }

func throttled(t *testing.T, set emulator.Throttle) (*desk, *wall) {
	t.Helper()
	set.On = true
	w, org := newWall(), office()
	for i := range 8 {
		org.Apps = append(org.Apps, emulator.App{ClientID: client(i), Name: fmt.Sprint("App ", i)})
	}
	d := newDesk(t, emulator.Options{Wall: w.now, Throttle: set, Organizations: []emulator.Organization{org}})
	return d.of(0), w
}

func client(i int) string { return fmt.Sprintf("cccccccc-0000-4000-8000-00000000010%d", i) }

// of is the desk as another application.
func (d *desk) of(i int) *desk {
	return d.with(emulator.Token{Client: client(i), Roles: []string{"User.ReadWrite.All"}})
}

// write changes a person and says what was answered.
func (d *desk) write(n int) reply {
	return d.ask("PATCH", "/v1.0/users/"+ann, map[string]string{"jobTitle": fmt.Sprint("Title ", n)})
}

// https://learn.microsoft.com/en-us/graph/throttling-limits#pattern: costs and their modifiers.
func TestR13_CostsOfRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	all := d.app("User.ReadWrite.All", "Directory.ReadWrite.All", "GroupMember.Read.All")
	self := d.as("ann@contoso.com", "User.ReadWrite", "Directory.Read.All")
	for _, c := range []struct {
		who          *desk
		method, path string
		units        string
	}{
		{all, "GET", "/users", "2"},
		{all, "GET", "/users?$select=id", "1"},
		{all, "GET", "/users?$expand=manager", "3"},
		{all, "GET", "/users?$expand=manager&$select=id", "2"},
		{all, "GET", "/users?$top=19", "1"},
		{all, "GET", "/users?$top=20", "2"},
		{all, "GET", "/users?$top=5&$select=id", "1"},
		{all, "GET", "/users/" + ann, "1"},
		{all, "GET", "/users/" + ann + "/memberOf", "2"},
		{all, "GET", "/users/" + ann + "/memberOf/microsoft.graph.group", "2"},
		{all, "GET", "/users('" + ann + "')/transitiveMemberOf", "2"},
		{all, "GET", "/users/" + ann + "/manager", "1"},
		{self, "GET", "/me/memberOf", "2"},
		{self, "GET", "/me?$expand=manager", "2"},
		{all, "GET", "/groups/" + gone + "/members", "3"},
		{all, "GET", "/groups/" + gone + "/transitiveMembers", "5"},
		{all, "PATCH", "/users/" + gone, "1"},
		{all, "DELETE", "/users/" + gone, "1"},
		{all, "PUT", "/users", "1"},
		{all, "GET", "/users/" + ann + "/photo/$value", ""},
	} {
		var body any
		if c.method == "PATCH" {
			body = map[string]string{"city": "Ulm"}
		}
		r := c.who.ask(c.method, "/v1.0"+c.path, body)
		if got := r.header.Get("x-ms-resource-unit"); got != c.units {
			t.Errorf("%s %s costs %q, want %q (%d)", c.method, c.path, got, c.units, r.code)
		}
	}
	b2c := newDesk(t, emulator.Options{Throttle: emulator.Throttle{B2C: true}})
	if r := b2c.ask("POST", "/v1.0/users", map[string]string{}); r.header.Get("x-ms-resource-unit") != "5" {
		t.Errorf("creating a user in B2C costs %q", r.header.Get("x-ms-resource-unit"))
	}
}

// The write quota: 3,000 in 150 seconds for one application in one tenant, refilled at 20 a second; half of it with a rate of 0.5.
func TestR13_F01_WriteQuota(t *testing.T) {
	t.Parallel()
	d, w := throttled(t, emulator.Throttle{Rate: 0.01}) // 30 writes, one in 5 s
	for i := range 30 {
		r := d.write(i)
		if r.code != 204 {
			t.Fatalf("write %d: %d %s", i, r.code, r.raw)
		}
		share := r.header.Get("x-ms-throttle-limit-percentage")
		if n, _ := strconv.ParseFloat(share, 64); (i+1 >= 24) != (n >= 0.8) {
			t.Errorf("after write %d the share is %q", i+1, share)
		}
	}
	r := d.write(30)
	d.want(r, 429, "TooManyRequests")
	if got := r.header.Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After is %q, want 5", got)
	}
	scope := strings.Split(r.header.Get("x-ms-throttle-scope"), "/")
	if len(scope) != 4 || scope[0] != "Tenant_Application" || scope[1] != "Write" || scope[3] != d.Tenants()[0] {
		t.Errorf("x-ms-throttle-scope is %q", scope)
	}
	if got := r.header.Get("x-ms-throttle-information"); got != "WriteLimitExceeded" {
		t.Errorf("x-ms-throttle-information is %q", got)
	}
	if got := r.header.Get("x-ms-resource-unit"); got != "1" {
		t.Errorf("x-ms-resource-unit is %q", got)
	}
	inner := r.body["error"].(map[string]any)["innerError"].(map[string]any)
	if inner["code"] != "429" || inner["status"] != "429" || inner["message"] != "Please retry after" {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("GET", "/v1.0/users/"+ann, nil), 200, "") // writes are throttled, reads are not
	d.want(d.ask("PUT", "/v1.0/users/"+ann+"/photo/$value", "x"), 400, "")
	w.pass(5*time.Second - time.Millisecond)
	d.want(d.write(31), 429, "")
	w.pass(time.Millisecond)
	d.want(d.write(32), 204, "")
	d.want(d.write(33), 429, "")
	d.want(d.of(1).write(34), 204, "")
	if n := len(d.Ledger(0)); n != 32 {
		t.Errorf("%d writes were applied, want 32", n)
	}
}

// A property that SharePoint keeps does not use the directory's quota.
func TestR13_OtherServicesHaveOtherQuotas(t *testing.T) {
	t.Parallel()
	d, _ := throttled(t, emulator.Throttle{Rate: 0.001}) // 3 writes
	ann := d.as("ann@contoso.com", "User.ReadWrite")
	for i := range 10 {
		if r := ann.ask("PATCH", "/v1.0/me", map[string]any{"aboutMe": fmt.Sprint("Text ", i)}); r.code != 204 || r.header.Get("x-ms-resource-unit") != "" {
			t.Fatalf("%d: %d %v %s", i, r.code, r.header, r.raw)
		}
	}
	for range 3 {
		d.want(ann.ask("PATCH", "/v1.0/me", map[string]any{"mobilePhone": "aboutMe"}), 204, "")
	}
	d.want(ann.ask("PATCH", "/v1.0/me", map[string]any{"mobilePhone": "+1"}), 429, "TooManyRequests")
}

// Microsoft counts on while a client is throttled: with CountFailed an impatient client never gets through.
// https://learn.microsoft.com/en-us/graph/throttling#best-practices-to-handle-throttling
func TestG7_FailedRequestsCount(t *testing.T) {
	t.Parallel()
	for _, count := range []bool{false, true} {
		d, w := throttled(t, emulator.Throttle{Rate: 0.01, CountFailed: count, Decimal: true})
		for i := range 30 {
			d.want(d.write(i), 204, "")
		}
		through := 0
		var last reply
		for i := range 100 { // a write a second where one in 5 s is allowed
			w.pass(time.Second)
			if last = d.write(i); last.code == 204 {
				through++
			}
		}
		if want := map[bool]int{false: 20, true: 0}[count]; through != want {
			t.Errorf("count failed %v: %d got through, want %d", count, through, want)
		}
		use := onlyApp(t, d)
		if use.Throttled != int64(100-through) || use.Writes != 130 || use.Early == 0 {
			t.Errorf("count failed %v: %+v", count, use)
		}
		if count {
			if got := last.header.Get("x-ms-throttle-limit-percentage"); got != "1.80" {
				t.Errorf("the share is %q, and 1.8 is the most", got)
			}
			if d.Statistics().Early != use.Early {
				t.Errorf("early: %d and %d", d.Statistics().Early, use.Early)
			}
		}
	}
}

func onlyApp(t *testing.T, d *desk) emulator.AppUse {
	t.Helper()
	apps := d.Statistics().Apps
	if len(apps) != 1 {
		t.Fatalf("applications: %v", apps)
	}
	for _, u := range apps {
		return u
	}
	return emulator.AppUse{}
}

// A client that waits as long as it is told is never early, and has nothing refused twice.
func TestG7_PatientClientIsNeverEarly(t *testing.T) {
	t.Parallel()
	for _, set := range []emulator.Throttle{{Rate: 0.01}, {Rate: 0.01, Decimal: true, CountFailed: true}, {Rate: 0.01, Scale: 30}} {
		d, w := throttled(t, set)
		begun, refused := w.now(), 0
		for i := 0; i < 60; {
			r := d.write(i)
			if r.code == 204 {
				i++
				continue
			}
			refused++
			s, err := strconv.ParseFloat(r.header.Get("Retry-After"), 64)
			if err != nil || refused > 60 {
				t.Fatal(refused, err)
			}
			w.pass(time.Duration(s * float64(time.Second)))
		}
		floor := 150 * time.Second // 30 more than the quota, one in 5 s
		if set.Scale > 0 {
			floor = 30 * time.Second / 6 // six come back in the shortest Retry-After, a second
		}
		if set.CountFailed {
			floor *= 2 // each refusal costs a write as well
		}
		took := w.now().Sub(begun)
		if use := onlyApp(t, d); use.Early != 0 || took < floor-6*time.Second || took > floor+6*time.Second {
			t.Errorf("%+v: %v, want about %v, early %d", set, took, floor, use.Early)
		}
	}
}

// Windows run Scale times faster, Retry-After stays in seconds of the wall clock.
func TestScaledQuota(t *testing.T) {
	t.Parallel()
	d, w := throttled(t, emulator.Throttle{Rate: 0.01, Scale: 10, Decimal: true}) // 30 writes, one in half a second
	for i := range 30 {
		d.want(d.write(i), 204, "")
	}
	if got := d.write(30).header.Get("Retry-After"); got != "0.500" {
		t.Errorf("Retry-After is %q, want 0.500", got)
	}
	w.pass(500 * time.Millisecond)
	d.want(d.write(31), 204, "")
	d.want(d.write(32), 429, "")
}

func TestR13_ResourceUnitsByTenantSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"": 35, "S": 35, "M": 50, "L": 80} { // a hundredth; the office has few people
		d, w := throttled(t, emulator.Throttle{Rate: 0.01, Size: s})
		n := 0
		var r reply
		for ; n < 100; n++ {
			if r = d.ask("GET", "/v1.0/users/"+ann+"?$select=id", nil); r.code != 200 {
				break
			}
		}
		if n != want || r.code != 429 || r.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" || !strings.HasPrefix(r.header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/") {
			t.Errorf("size %q: %d units, want %d; %d %v", s, n, want, r.code, r.header)
		}
		w.pass(10 * time.Second)
		d.want(d.ask("GET", "/v1.0/users/"+ann+"?$select=id", nil), 200, "")
	}
}

// The tenant's quota is everybody's: 18,000 writes in five minutes, six applications with their 3,000 each.
func TestR13_QuotaOfTheTenant(t *testing.T) {
	t.Parallel()
	d, _ := throttled(t, emulator.Throttle{Rate: 0.001}) // 3 writes each, 18 together
	for i := range 7 {
		app := d.of(i)
		for n := range 3 {
			r := app.write(n)
			if i < 6 {
				d.want(r, 204, "")
			} else if r.code != 429 || !strings.HasPrefix(r.header.Get("x-ms-throttle-scope"), "Tenant/Write/") {
				t.Errorf("%d %v", r.code, r.header)
			}
		}
	}
}

// https://learn.microsoft.com/en-us/graph/throttling#throttling-and-batching: each request by itself, the batch is 200.
func TestF25_R12_BatchIsChargedInside(t *testing.T) {
	t.Parallel()
	d, w := throttled(t, emulator.Throttle{Rate: 0.005}) // 15 writes, one in 10 s
	var items []any
	for i := range 20 {
		items = append(items, patchItem(i))
	}
	r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": items})
	d.want(r, 200, "")
	if r.header.Get("Retry-After") != "" {
		t.Error("the batch itself has Retry-After")
	}
	count := map[float64]int{}
	for _, x := range r.body["responses"].([]any) {
		a := x.(map[string]any)
		count[a["status"].(float64)]++
		h := a["headers"].(map[string]any)
		if a["status"] == float64(429) && (h["Retry-After"] != "10" || a["body"].(map[string]any)["error"].(map[string]any)["code"] != "TooManyRequests") {
			t.Errorf("%v", a)
		}
		if h["x-ms-resource-unit"] != "1" {
			t.Errorf("%v", h)
		}
	}
	if count[204] != 15 || count[429] != 5 || len(d.Ledger(0)) != 15 {
		t.Errorf("%v, %d applied", count, len(d.Ledger(0)))
	}
	if use := onlyApp(t, d); use.Units != 20 || use.Writes != 20 || use.Throttled != 5 || use.Early != 0 {
		t.Errorf("%+v", use)
	}
	w.pass(9 * time.Second)
	d.want(d.ask("POST", "/v1.0/$batch", map[string]any{"requests": items[:1]}), 200, "")
	if use := onlyApp(t, d); use.Early != 1 {
		t.Errorf("a batch that came too early is not counted: %+v", use)
	}
}

func patchItem(i int, after ...string) map[string]any {
	out := map[string]any{
		"id": strconv.Itoa(i + 1), "method": "PATCH", "url": "/users/" + ann, "body": map[string]string{"jobTitle": fmt.Sprint("Title ", i)},
		"headers": map[string]string{"Content-Type": "application/json"},
	}
	if after != nil {
		out["dependsOn"] = after
	}
	return out
}

func TestF02_SomeRefusalsNameNoTime(t *testing.T) {
	t.Parallel()
	d, _ := throttled(t, emulator.Throttle{Rate: 0.001, Silent: 0.5})
	named := map[bool]int{}
	for i := range 203 {
		if r := d.write(i); r.code == 429 {
			named[r.header.Get("Retry-After") != ""]++
		}
	}
	if named[true] < 60 || named[false] < 60 || named[true]+named[false] != 200 {
		t.Errorf("with and without: %v", named)
	}
}

// The control listener takes the struct of Options.
func TestThrottleAtTheControlListener(t *testing.T) {
	t.Parallel()
	d, _ := throttled(t, emulator.Throttle{Rate: 0.001})
	c := newConsole(t, d.Emulator)
	for i := range 4 {
		d.write(i)
	}
	var got struct {
		emulator.Throttle
		Quotas []emulator.Quota
		Apps   map[string]emulator.AppUse
	}
	c.call("GET", "/throttle", "", &got)
	found := false
	for _, q := range got.Quotas {
		found = found || strings.HasPrefix(q.Scope, "Tenant_Application/Write/") && q.Used == 3 && q.Of == 3 && time.Duration(q.Window) == 150*time.Second
	}
	if !found || !got.On || got.Rate != 0.001 {
		t.Errorf("%+v", got)
	}
	c.call("PUT", "/throttle", `{"on":true,"rate":2}`, nil)
	d.want(d.write(9), 204, "")
	c.call("PUT", "/throttle", `{"on":false}`, nil)
	for i := range 10 {
		d.want(d.write(i), 204, "")
	}
	for _, bad := range []string{`{"rate":-1}`, `{"silent":2}`, `{"size":"XL"}`, `{"quota":3}`} {
		if code := c.call("PUT", "/throttle", bad, nil).StatusCode; code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if _, err := emulator.New(emulator.Options{Throttle: emulator.Throttle{Size: "XL"}}); err == nil {
		t.Error("New takes a size that there is not")
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{Pages: emulator.PageSizes{List: 2}})
	length := func(path string) int {
		list, _ := d.ask("GET", "/v1.0/users"+path, nil).body["value"].([]any)
		return len(list)
	}
	if a, b := length(""), length("?$top=3"); a != 2 || b != 3 {
		t.Errorf("pages of %d and %d, want 2 and 3", a, b)
	}
	c := newConsole(t, d.Emulator)
	c.call("PUT", "/pages", `{"expanded":1,"expand":1}`, nil)
	if a, b := length(""), length("?$expand=manager"); a < 4 || b != 1 {
		t.Errorf("pages of %d and %d", a, b)
	}
	if code := c.call("PUT", "/pages", `{"list":-1}`, nil).StatusCode; code != 400 {
		t.Error(code)
	}
	max := d.ask("GET", "/v1.0/users/"+max_+"?$expand=directReports", nil)
	if list, _ := max.body["directReports"].([]any); len(list) != 1 {
		t.Errorf("%s", max.raw)
	}
}
