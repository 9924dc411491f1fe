package emulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"nameplate/emulator"
)

// Every answer on a path that Microsoft's metadata has must fit its schema, and hold no property that Microsoft does not know.
// The data (microsoftgraph/msgraph-metadata, MIT) is not part of the project: NAMEPLATE_FACTS names the folder that holds
// openapi/graph-v1-slice.openapi.json and openapi/property-names.json.
func TestAnswersFitMicrosoftsSchemas(t *testing.T) {
	t.Parallel()
	facts := os.Getenv("NAMEPLATE_FACTS")
	if facts == "" {
		t.Log("Microsoft's schemas are not at hand: NAMEPLATE_FACTS is not set, nothing was compared.")
		return
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(facts, "openapi", "graph-v1-slice.openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	raw, err := os.ReadFile(filepath.Join(facts, "openapi", "property-names.json"))
	if err != nil || json.Unmarshal(raw, &known) != nil {
		t.Fatal(err)
	}
	known["invitation"] = append(known["invitation"], "invitedUser") // a relationship, which the names leave out
	org, err := contoso(0, "")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	all := d.app("User.ReadWrite.All", "Directory.ReadWrite.All", "User-LifeCycleInfo.Read.All", "CustomSecAttributeAssignment.Read.All", "Domain.Read.All", "Organization.Read.All", "User.Invite.All")
	person := d.as("carol@contoso.com", "User.ReadWrite", "User.Read.All", "Directory.Read.All")
	anna := org.Users[0].ID
	var names []string
	for _, n := range known["user"] {
		if !slices.Contains([]string{
			"@odata.type", "deviceEnrollmentLimit", "identityParentId", "authorizationInfo", "print", "mailboxSettings",
			"appRoleAssignments", "directReports", "extensions", "licenseDetails", "manager", "memberOf", "oauth2PermissionGrants", "ownedDevices",
			"ownedObjects", "photo", "photos", "registeredDevices", "sponsors", "transitiveMemberOf", "signInActivity",
		}, n) {
			names = append(names, n)
		}
	}
	group := org.Groups[0].ID
	create := `{"accountEnabled":true,"displayName":"New","mailNickname":"new1","userPrincipalName":"new1@contoso.com","passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`
	subscribe := fmt.Sprintf(`{"changeType":"updated","notificationUrl":"%s/good","resource":"users","expirationDateTime":"%s"}`,
		newHooks(t), d.Now().Add(time.Hour).Format(time.RFC3339))
	users := doc.Paths.Value("/users").Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
	if users.VisitJSON(map[string]any{"value": []any{map[string]any{"displayName": 7.0}}}) == nil {
		t.Fatal("the schemas accept a number for displayName: the comparison would prove nothing")
	}
	for _, c := range []struct {
		by                     *desk
		method, template, path string
		body                   any
		kind                   string
	}{
		{all, "GET", "/users", "/users?$top=5", nil, "user"},
		{all, "GET", "/users/{user-id}", "/users/" + anna, nil, "user"},
		{all, "GET", "/users/{user-id}", "/users/" + anna + "?$select=" + strings.Join(names, ","), nil, "user"},
		{all, "GET", "/users/{user-id}", "/users/nobody@contoso.com", nil, ""},
		{all, "POST", "/users", "/users", create, "user"},
		{all, "PATCH", "/users/{user-id}", "/users/" + anna, `{"jobTitle":""}`, ""},
		{person, "GET", "/me", "/me", nil, "user"},
		{person, "GET", "/me/directReports", "/me/directReports", nil, "user"},
		{all, "GET", "/users/{user-id}/manager", "/users/" + anna + "/manager", nil, "user"},
		{all, "GET", "/users/{user-id}/memberOf", "/users/" + anna + "/memberOf", nil, ""},
		{all, "GET", "/users/{user-id}/transitiveMemberOf", "/users/" + anna + "/transitiveMemberOf", nil, ""},
		{all, "GET", "/users/{user-id}/memberOf/microsoft.graph.group", "/users/" + anna + "/memberOf/microsoft.graph.group", nil, "group"},
		{all, "GET", "/groups", "/groups", nil, "group"},
		{all, "GET", "/groups/{group-id}", "/groups/" + group, nil, "group"},
		{all, "GET", "/groups/{group-id}/members", "/groups/" + group + "/members", nil, ""},
		{all, "GET", "/organization", "/organization", nil, "organization"},
		{all, "POST", "/invitations", "/invitations", `{"invitedUserEmailAddress":"new@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com"}`, "invitation"},
		{all, "POST", "/subscriptions", "/subscriptions", subscribe, "subscription"},
		{all, "GET", "/subscriptions", "/subscriptions", nil, "subscription"},
		{all, "GET", "/users/delta", "/users/delta?$select=" + strings.Join(names, ",") + ",manager", nil, "user"},
		{all, "GET", "/users/microsoft.graph.delta()", "/users/microsoft.graph.delta()", nil, "user"},
		{all, "GET", "/groups/delta", "/groups/delta", nil, "group"},
		{all, "GET", "/groups/delta()", "/groups/delta()?$deltatoken=latest", nil, ""},
		{all, "GET", "/domains", "/domains", nil, "domain"},
		{all, "DELETE", "/users/{user-id}", "/users/new1@contoso.com", nil, ""},
		{all, "GET", "/directory/deletedItems/microsoft.graph.user", "/directory/deletedItems/microsoft.graph.user", nil, "user"},
		{all, "POST", "/$batch", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/` + anna + `"}]}`, ""},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			by := &desk{c.by.Emulator, t, c.by.token}
			r := by.ask(c.method, "/v1.0"+c.path, c.body)
			item := doc.Paths.Value(c.template)
			if item == nil || item.GetOperation(c.method) == nil {
				t.Fatalf("Microsoft's data has no %s %s", c.method, c.template)
			}
			responses := item.GetOperation(c.method).Responses
			ref := responses.Value(fmt.Sprint(r.code))
			if ref == nil {
				ref = responses.Value(fmt.Sprintf("%dXX", r.code/100))
			}
			if ref == nil {
				t.Fatalf("%d is no answer to %s %s: %s", r.code, c.method, c.template, r.raw)
			}
			content := ref.Value.Content.Get("application/json")
			if content == nil {
				if len(r.raw) != 0 {
					t.Errorf("a body where there is none: %s", r.raw)
				}
				return
			}
			if err := content.Schema.Value.VisitJSON(any(r.body)); err != nil {
				t.Errorf("%v\n%s", err, r.raw)
			}
			if c.kind == "" || r.code >= 300 {
				return
			}
			items := r.items()
			if items == nil {
				items = []map[string]any{r.body}
			}
			for _, one := range items {
				for name := range one {
					if !strings.HasPrefix(name, "@odata.") && !strings.Contains(name, "@odata.") && !slices.Contains(known[c.kind], strings.TrimSuffix(name, "@delta")) {
						t.Errorf("Microsoft's %s has no %s", c.kind, name)
					}
				}
			}
		})
	}
}
