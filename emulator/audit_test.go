package emulator_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// audits are the directory audits that an application reads with these query options.
func (d *desk) audits(query string) []map[string]any {
	d.t.Helper()
	r := d.app("AuditLog.Read.All", "Directory.Read.All").ask("GET", "/v1.0/auditLogs/directoryAudits"+query, nil)
	if d.want(r, 200, ""); r.body["value"] == nil {
		d.t.Fatalf("no list: %s", r.raw)
	}
	return r.items()
}

func activitiesOf(list []map[string]any) []string {
	var out []string
	for _, x := range list {
		out = append(out, fmt.Sprint(x["category"], ": ", x["activityDisplayName"]))
	}
	return out
}

// What was done stands in the log in the service's words, the newest first, and nothing in it that is no directory audit.
// https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-audit-activities
func TestS3_B5_AuditsSayWhatWasDone(t *testing.T) {
	t.Parallel()
	org := office()
	org.Attribute = []emulator.Security{{Set: "Engineering", Name: "Project", Type: "String"}}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	all := d.app("User.ReadWrite.All", "Directory.ReadWrite.All", "Group.ReadWrite.All", "CustomSecAttributeAssignment.ReadWrite.All", "Application.ReadWrite.All")
	nurses := "/v1.0/groups/20000000-0000-4000-8000-000000000001"
	d.want(all.ask("PATCH", "/v1.0/users/"+ann, `{"mobilePhone":"+1 425 555 0199","department":null}`), 204, "")
	d.want(all.ask("PATCH", "/v1.0/users/"+ann, `{"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","Project":"Secret"}}}`), 204, "")
	face, err := picture("64x64")
	if err != nil {
		t.Fatal(err)
	}
	d.want(all.ask("PUT", "/v1.0/users/"+max_+"/photo/$value", face, "Content-Type: image/jpeg"), 200, "")
	d.want(d.as("ann@contoso.com", "User.ReadWrite").ask("PATCH", "/v1.0/me", `{"skills":["Rowing"]}`), 204, "")
	d.want(all.ask("POST", nurses+"/members/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/`+max_+`"}`), 204, "")
	d.want(all.ask("DELETE", nurses+"/members/"+max_+"/$ref", nil), 204, "")
	d.want(all.ask("PUT", "/v1.0/users/"+max_+"/manager/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/`+ann+`"}`), 204, "")
	d.want(d.as("gus@contoso.com", "User-PasswordProfile.ReadWrite.All").ask("PATCH", "/v1.0/users/"+max_, `{"passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`), 204, "")
	d.want(all.ask("POST", "/v1.0/applications", `{"displayName":"Console"}`), 201, "")
	d.want(all.ask("DELETE", "/v1.0/users/"+max_, nil), 204, "")
	list := d.audits("")
	if got, want := activitiesOf(list), []string{
		"UserManagement: Delete user", "ApplicationManagement: Add application", "UserManagement: Reset user password", "UserManagement: Set user manager",
		"GroupManagement: Remove member from group", "GroupManagement: Add member to group", "UserManagement: Update user",
	}; !slices.Equal(got, want) {
		t.Errorf("%q, wanted %q", got, want)
	}
	raw, err := json.Marshal(list)
	if err != nil || strings.Contains(string(raw), "Secret") || strings.Contains(string(raw), "xWwvJ") || strings.Contains(string(raw), "Rowing") {
		t.Errorf("a value that is not for this log: %s", raw)
	}
	changed := func(audit map[string]any, i int) string {
		target := audit["targetResources"].([]any)[i].(map[string]any)
		j, err := json.Marshal([]any{target["type"], target["id"], target["modifiedProperties"]})
		if err != nil {
			t.Fatal(err)
		}
		return string(j)
	}
	if got, want := changed(list[6], 0), `["User","`+ann+`",[{"displayName":"Mobile","newValue":"[\"+1 425 555 0199\"]","oldValue":"[\"+1 425 555 0101\"]"},`+
		`{"displayName":"Included Updated Properties","newValue":"\"Mobile\"","oldValue":null}]]`; got != want {
		t.Errorf("%s, wanted %s", got, want)
	}
	if got, want := changed(list[5], 0), `["User","`+max_+`",[{"displayName":"Group.ObjectID","newValue":"\"20000000-0000-4000-8000-000000000001\"","oldValue":null}]]`; got != want {
		t.Errorf("%s, wanted %s", got, want)
	}
	if got := changed(list[5], 1); got != `["Group","20000000-0000-4000-8000-000000000001",[]]` {
		t.Errorf("the group is %s", got)
	}
	if by := list[2]["initiatedBy"].(map[string]any)["user"].(map[string]any); by["userPrincipalName"] != "gus@contoso.com" {
		t.Errorf("the password was reset by %v", by)
	}
}

// https://learn.microsoft.com/en-us/graph/api/directoryaudit-list#optional-query-parameters
func TestS3_B5_AuditsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	d := inviting(t, nil, emulator.Options{LedgerMax: 3000})
	other := d.with(emulator.Token{Tenant: fabrikamID, Roles: []string{"User.ReadWrite.All"}})
	all := d.with(emulator.Token{Client: webApp, Roles: []string{"User.ReadWrite.All"}})
	for i := range 250 {
		d.want(all.ask("PATCH", "/v1.0/users/adele@contoso.com", fmt.Sprintf(`{"jobTitle":"Number %d"}`, i)), 204, "")
		d.want(other.ask("PATCH", "/v1.0/users/carl@fabrikam.com", fmt.Sprintf(`{"jobTitle":"Number %d"}`, i)), 204, "")
	}
	for _, order := range []string{"", "&$orderby=activityDateTime%20desc", "&$orderby=activityDateTime"} {
		seen := map[string]bool{}
		next, pages := "/v1.0/auditLogs/directoryAudits?$top=99"+order, 0
		for next != "" {
			r := d.app("AuditLog.Read.All", "Directory.Read.All").ask("GET", next, nil)
			d.want(r, 200, "")
			for _, x := range r.items() {
				seen[fmt.Sprint(x["id"])] = true
			}
			next, _ = r.body["@odata.nextLink"].(string)
			if pages++; pages > 5 {
				t.Fatal("there is no end")
			}
		}
		if len(seen) != 250 || pages != 3 {
			t.Errorf("%q: %d audits on %d pages", order, len(seen), pages)
		}
	}
	who := "10000000-0000-4000-8000-0000000000ff"
	for filter, want := range map[string]int{
		"targetResources/any(t:t/id eq '" + who + "')":                      0,
		"targetResources/any(x:startsWith(x/displayName,'Adele'))":          0, // people have none in this log
		"category eq 'UserManagement' and result eq 'success'":              250,
		"initiatedBy/app/displayName eq 'Portal'":                           250,
		"initiatedBy/user/id eq '" + who + "' or operationType eq 'Delete'": 0,
		"loggedByService eq 'Core Directory'":                               250,
	} {
		if got := len(d.audits("?$select=id&$filter=" + strings.ReplaceAll(filter, " ", "%20"))); got != want {
			t.Errorf("%s finds %d, wanted %d", filter, got, want)
		}
	}
	if one := d.audits("?$top=1&$select=activityDisplayName"); len(one) != 1 || len(one[0]) != 1 {
		t.Errorf("selected: %v", one)
	}
	reader := d.app("AuditLog.Read.All", "Directory.Read.All")
	for _, bad := range []string{
		"?$filter=contains(activityDisplayName,'x')", "?$filter=not(category%20eq%20'x')", "?$filter=targetResources/id%20eq%20'x'", "?$orderby=category", "?$search=%22x%22",
		"?$filter=targetResources/all(t:t/id%20eq%20'x')", "?$filter=nothing%20eq%20'x'", "?$select=nothing", "?$skiptoken=x", "?$filter=activityDateTime%20ge%20'monday'",
	} {
		if r := reader.ask("GET", "/v1.0/auditLogs/directoryAudits"+bad, nil); r.code != 400 {
			t.Errorf("%s: %d %s", bad, r.code, r.raw)
		}
	}
	d.want(d.app("AuditLog.Read.All").ask("GET", "/v1.0/auditLogs/directoryAudits", nil), 403, "Authentication_MSGraphPermissionMissing")
	d.want(d.as("adele@contoso.com", "AuditLog.Read.All").ask("GET", "/v1.0/auditLogs/directoryAudits", nil), 403, "Authentication_RequestFromUnsupportedUserRole")
	d.Clock().Advance(31 * 24 * time.Hour)
	if got := len(d.audits("")); got != 0 {
		t.Errorf("%d audits after thirty-one days", got)
	}
}

// The log forgets what the ledger forgets, and a restart keeps what a data folder keeps.
func TestS3_B5_AuditsAreAsManyAsTheLedgerHas(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{LedgerMax: 16, Data: filepath.Join(t.TempDir(), "kept")}
	d := newDesk(t, opts)
	for i := range 100 {
		d.want(d.ask("PATCH", "/v1.0/users/"+ann, fmt.Sprintf(`{"jobTitle":"Number %d"}`, i)), 204, "")
	}
	list := d.audits("?$orderby=activityDateTime")
	if n := len(list); n != len(d.Ledger(0)) || n >= 32 {
		t.Fatalf("%d audits, %d entries of the ledger", n, len(d.Ledger(0)))
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	org := office()
	org.ID = d.Ledger(0)[0].Tenant
	opts.Organizations = []emulator.Organization{org}
	again := newDesk(t, opts)
	if got := again.audits("?$orderby=activityDateTime"); fmt.Sprint(got) != fmt.Sprint(list) {
		t.Errorf("after a restart %v, wanted %v", got, list)
	}
}
