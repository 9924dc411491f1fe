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
