package api_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"nameplate/internal/app"
	"nameplate/internal/directory"
)

// fuzzed is one world for all inputs of a target: each is answered with a described success or a described refusal, never a fault. It
// has many keys, so that none is used up.
func fuzzed(f *testing.F) func(t *testing.T) *world {
	d, err := app.StartDemo(context.Background(), app.DemoOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close(context.Background()) })
	w := &world{Demo: d, client: &http.Client{}, t: f}
	w.router = w.described()
	var keys []string
	for range 100 {
		keys = append(keys, w.key(directory.Admin, directory.Scopes()...))
	}
	var n atomic.Int64
	return func(t *testing.T) *world {
		mine := *w
		mine.t, mine.admin = t, keys[n.Add(1)%int64(len(keys))]
		return &mine
	}
}

func (w *world) noFault(t *testing.T, a answer) {
	t.Helper()
	if a.status >= 500 {
		t.Errorf("a fault: %s", a)
	}
}

func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"department":"X"}`, `{"department":null}`, `{"businessPhones":["+49 30 1234567"]}`, `{"accountEnabled":true}`, `{"department":5}`, `{`, `[]`, `{"a":{"a":{}}}`, "\xef\xbb\xbf{}",
		`{"department":"\ud800"}`, `{"employeeOrgData/costCenter":"1"}`, `{"employeeHireDate":"2020-01-01"}`, `{"department":"X","department":"Y"}`, `{"":1}`, `{"~/":1}`, `{"preferredLanguage":"xx-"}`,
	} {
		f.Add([]byte(s))
	}
	world := fuzzed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := world(t)
		a := w.do(request{method: "PATCH", path: "/people/" + url.PathEscape(w.Users[0].UPN) + "?check=true", body: string(body), header: []string{"If-Match", "*"}})
		w.noFault(t, a)
		if a.status == 200 && a.json["checked"] != true {
			t.Errorf("a dry run says %s", a)
		}
		w.noFault(t, w.do(request{method: "POST", path: "/people/" + url.PathEscape(w.Users[0].UPN) + "/licenses?check=true", body: string(body)}))
	})
}

func FuzzFilters(f *testing.F) {
	for _, s := range []string{
		"department eq 'Sales'", "startsWith(displayName,'A')", "' or 1 eq 1 or '", "accountEnabled eq true and not(department eq null)", "businessPhones/any(p:p eq '1')", "department in ('a','b')",
		"department eq 'a''b'", "department eq", "(((", "employeeOrgData/division ne 'x'", "\x00", "department eq 'x'&$select=passwordProfile", strings.Repeat("not ", 500) + "x",
	} {
		f.Add(s)
	}
	world := fuzzed(f)
	f.Fuzz(func(t *testing.T, filter string) {
		w := world(t)
		w.noFault(t, w.get("/people?limit=1&filter="+url.QueryEscape(filter)))
		w.noFault(t, w.get("/groups?limit=1&search="+url.QueryEscape(filter)))
	})
}

func FuzzCursors(f *testing.F) {
	for _, s := range []string{"", "x", "AAAA", strings.Repeat("A", 5000), "../x", "https://evil.example/users?$skiptoken=1", "9223372036854775808", "\xff"} {
		f.Add(s)
	}
	world := fuzzed(f)
	f.Fuzz(func(t *testing.T, cursor string) {
		w := world(t)
		for _, path := range []string{"/people", "/groups", "/history"} {
			a := w.get(path + "?limit=1&cursor=" + url.QueryEscape(cursor))
			if a.status != http.StatusBadRequest {
				t.Errorf("%s takes the cursor %q: %s", path, cursor, a)
			}
		}
	})
}
