package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
)

const graphTools = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// TestMicrosoftsOwnClientNeedsNoRegistration: tools sign in with clients of Microsoft's, which no organization has registered
// (https://learn.microsoft.com/en-us/powershell/microsoftgraph/authentication-commands). The service principal comes with the consent.
func TestMicrosoftsOwnClientNeedsNoRegistration(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	const scopes = "https://graph.microsoft.com/Application.ReadWrite.All offline_access openid profile"
	for _, segment := range []string{"organizations", contosoID} {
		status, asked := post(t, s, "/"+segment+"/oauth2/v2.0/devicecode", form("client_id", graphTools, "scope", scopes))
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", segment, status, asked)
		}
		code := form("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", graphTools, "device_code", asked["device_code"].(string))
		if err := emulator.EnterDeviceCode(t.Context(), s.Client(), asked["verification_uri"].(string), asked["user_code"].(string), "admin@contoso.com"); err != nil {
			t.Fatalf("%s: %v", segment, err)
		}
		status, got := post(t, s, "/"+segment+"/oauth2/v2.0/token", code)
		if status != http.StatusOK || !strings.Contains(got["scope"].(string), "Application.ReadWrite.All") {
			t.Fatalf("%s: %d %v", segment, status, got)
		}
		list := func(what string) (found struct{ Value []map[string]any }) {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Graph+"/v1.0/"+what, nil)
			req.Header.Set("Authorization", "Bearer "+got["access_token"].(string))
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if err := json.NewDecoder(res.Body).Decode(&found); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %v", what, res.StatusCode, err)
			}
			return found
		}
		with := "?$filter=" + url.QueryEscape("appId eq '"+graphTools+"'")
		if own := list("servicePrincipals" + with).Value; len(own) != 1 || own[0]["displayName"] != "Microsoft Graph Command Line Tools" {
			t.Errorf("%s: service principals %v", segment, own)
		}
		if apps := list("applications" + with).Value; len(apps) != 0 {
			t.Errorf("%s: it is registered here: %v", segment, apps)
		}
	}
	// An ordinary member cannot consent to it.
	_, asked := post(t, s, "/"+fabrikamID+"/oauth2/v2.0/devicecode", form("client_id", graphTools, "scope", scopes))
	if err := emulator.EnterDeviceCode(t.Context(), s.Client(), asked["verification_uri"].(string), asked["user_code"].(string), "carl@fabrikam.com"); err == nil {
		t.Error("a member consented to Application.ReadWrite.All")
	}
}
