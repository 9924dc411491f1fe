package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"nameplate/emulator"
)

// Extension properties that are not set are left out (https://learn.microsoft.com/graph/extensibility-overview); a person of whom
// nothing is left is still well-formed JSON, alone, in a list, and with something expanded.
func TestSelectOfNothing(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{Organizations: []emulator.Organization{{
		Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}},
		Users:   []emulator.User{{UPN: "anna@contoso.com"}, {UPN: "ben@contoso.com", Manager: "anna@contoso.com"}},
		Schemas: []emulator.Schema{{ID: "ext55gb1l09_msLearnCourses", Properties: map[string]string{"courseType": "String"}}},
	}}})
	token, err := e.Mint(emulator.Token{Roles: []string{"Directory.Read.All"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/v1.0/users/anna@contoso.com?$select=ext55gb1l09_msLearnCourses", "/v1.0/users?$select=ext55gb1l09_msLearnCourses",
		"/v1.0/users/ben@contoso.com?$select=ext55gb1l09_msLearnCourses&$expand=manager($select=id)", "/v1.0/users?$select=ext55gb1l09_msLearnCourses&$expand=manager($select=id)",
		"/v1.0/users/ben@contoso.com/manager?$select=ext55gb1l09_msLearnCourses", "/v1.0/users/anna@contoso.com/directReports?$select=ext55gb1l09_msLearnCourses",
	} {
		for _, metadata := range []string{"none", "minimal", "full"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Accept", "application/json;odata.metadata="+metadata)
			w := httptest.NewRecorder()
			e.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s, metadata %s: %d %s", path, metadata, w.Code, w.Body)
			}
		}
	}
}
