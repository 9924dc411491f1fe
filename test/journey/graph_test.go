package journey

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// patch sends one PATCH to Graph with a token made for it.
func patch(t *testing.T, w *world, as emulator.Token, path, body string) (int, string) {
	t.Helper()
	token, err := w.Emulator.Mint(as)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.GraphHTTP+"/v1.0"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	return resp.StatusCode, b.String()
}

// S2.5, S2.7: the permissions of the older page do not open the ordinary properties any more; the least one of today does.
// https://learn.microsoft.com/graph/api/user-update (4 July 2026)
func TestS2_5_S2_7_LeastPermissionOfToday(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	person := "/users/" + w.who("member")
	for role, want := range map[string]int{
		"User.ReadUpdate.All": 204, "User.ReadWrite.All": 204, "Directory.ReadWrite.All": 204, "User.ManageIdentities.All": 403, "User.EnableDisableAccount.All": 403, "User.Read.All": 403,
	} {
		if code, body := patch(t, w, emulator.Token{Client: w.ClientID, Roles: []string{role}}, person, `{"city":"Nara"}`); code != want {
			t.Errorf("app-only with %s: %d, want %d: %s", role, code, want, body)
		}
	}
}

// S2.2: a customer with a local account of an external tenant is a user like any other for Update user.
// S2.6: a personal account has no tenant of its own here: the consumers' endpoint signs nobody in.
func TestS2_2_S2_6_CustomersAndPersonalAccounts(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	resp, err := http.PostForm(w.AuthHTTP+"/consumers/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.ClientID}, "client_secret": {w.ClientSecret}, "scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 400 {
		t.Errorf("S2.6: the consumers' endpoint gave a token: %d", resp.StatusCode)
	}
	person := "/users/" + w.who("member")
	code, body := patch(t, w, emulator.Token{Client: w.ClientID, Roles: []string{"User.ManageIdentities.All", "User.ReadWrite.All"}}, person,
		`{"identities":[{"signInType":"userPrincipalName","issuer":"`+w.Domain+`","issuerAssignedId":"`+w.who("member")+`"}]}`)
	if code != http.StatusNoContent {
		t.Fatalf("S2.2: identities: %d %s", code, body)
	}
	if code, body := patch(t, w, emulator.Token{Client: w.ClientID, Roles: []string{"User.ReadUpdate.All"}}, person, `{"city":"Uji"}`); code != http.StatusNoContent {
		t.Errorf("S2.2: %d %s", code, body)
	}
}
