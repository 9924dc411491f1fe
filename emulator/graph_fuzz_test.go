package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
)

// No request, however odd, makes the emulator panic, answer 500 or answer without its envelope.
func FuzzGraph(f *testing.F) {
	ask := fuzzed(f)
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
		ask(t, method, u, body)
	})
}

// Whatever stands in a batch, around it and in its requests, is answered in the same way.
func FuzzBatch(f *testing.F) {
	ask := fuzzed(f)
	for _, s := range []string{
		`{"requests":[{"id":"1","method":"GET","url":"/users?$select=id"},{"id":"2","method":"GET","url":"/me","dependsOn":["1"]}]}`,
		`{"requests":[{"id":1,"method":"PATCH","url":"/users/` + ann + `","headers":{"Content-Type":"application/json"},"body":{"jobTitle":null}}]}`,
		`{"requests":[{"id":"a","method":"PUT","url":"/users/` + ann + `/photo/$value","headers":{"Content-Type":"image/png"},"body":"iVBORw0K"}]}`,
		`{"requests":[{"id":"1","method":"POST","url":"/$batch","body":{}}]}`, `{"requests":[null]}`, `{"requests":[{"id":"1","dependsOn":["1"]}]}`,
		`{"requests":[{"id":"1","method":"GET","url":"/users/delta?$deltatoken=x"},{"id":"1","method":"GET","url":"//x"}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ask(t, http.MethodPost, &url.URL{Scheme: "http", Host: "graph.test", Path: "/v1.0/$batch"}, body)
	})
}

// fuzzed is an emulator that is asked odd things: what it answers is never a panic, a 500 or anything without its envelope. It begins
// anew at times, so that what is made does not fill the memory.
func fuzzed(f *testing.F) func(t *testing.T, method string, u *url.URL, body string) {
	f.Helper()
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{office()}})
	if err != nil {
		f.Fatal(err)
	}
	token, err := e.Mint(emulator.Token{Roles: []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}})
	if err != nil {
		f.Fatal(err)
	}
	asked := 0
	return func(t *testing.T, method string, u *url.URL, body string) {
		if asked++; asked%2000 == 0 {
			if err := e.Reset(); err != nil {
				t.Fatal(err)
			}
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
			t.Fatalf("%s %s %q: %d %s", method, u, body, w.Code, w.Body)
		}
		if w.Code >= 400 && !strings.Contains(w.Body.String(), `"innerError"`) && method != http.MethodHead {
			t.Fatalf("%s %s: an error without its envelope: %s", method, u, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && method != http.MethodHead && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s: not JSON: %s", method, u, w.Body)
		}
	}
}
