package emulator_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// https://learn.microsoft.com/en-us/graph/filter-query-parameter and https://learn.microsoft.com/en-us/graph/aad-advanced-queries:
// which filters answer, which need ConsistencyLevel and $count, and which no directory object has.
func TestFilters(t *testing.T) {
	t.Parallel()
	org := office()
	org.Users[0].Values["businessPhones"] = []string{"+1 425 555 0100"}
	org.Users[0].Values["otherMails"] = []string{"ann@example.net", "a@example.org"}
	org.Users[0].Values["employeeOrgData"] = map[string]any{"division": "North", "costCenter": "100"}
	org.Users[0].Values["createdDateTime"] = "2020-01-01T00:00:00Z"
	org.Users[0].Values["onPremisesExtensionAttributes"] = map[string]any{"extensionAttribute7": "seven"}
	org.Users[1].Values["displayName"] = "Max O'Ber"
	org.Users[1].Values["accountEnabled"] = false
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	for _, c := range []struct {
		filter   string
		advanced bool // only with the header and $count
		want     string
	}{
		{`displayName eq 'Ann Lee'`, false, "Ann Lee"},
		{`displayName eq 'ann lee'`, false, "Ann Lee"},
		{`displayName eq 'Max O''Ber'`, false, "Max O'Ber"},
		{`startswith(displayName,'ann') or startsWith(displayName, 'max')`, false, "Ann Lee,Max O'Ber"},
		{`userPrincipalName in ('ann@contoso.com','max@contoso.com')`, false, "Ann Lee,Max O'Ber"},
		{`accountEnabled eq false`, false, "Max O'Ber"},
		{`createdDateTime le 2020-01-01T00:00:00Z`, false, "Ann Lee"},
		{`createdDateTime lt 2020-01-01T00:00:00Z`, false, ""},
		{`userType eq 'Guest'`, false, "Gerda Guest"},
		{`onPremisesSyncEnabled eq true`, false, "Syd Premise"},
		{`businessPhones/any(p:p eq '+1 425 555 0100')`, false, "Ann Lee"},
		{`otherMails/any(m:startsWith(m,'ann'))`, false, "Ann Lee"},
		{`proxyAddresses/any(p:p eq 'SMTP:ann@contoso.com')`, false, "Ann Lee"},
		{`otherMails/any(m:endsWith(m,'.org'))`, true, "Ann Lee"},
		{`otherMails/$count eq 2`, true, "Ann Lee"},
		{`mobilePhone eq '+1 425 555 0101'`, true, "Ann Lee"},
		{`startsWith(mobilePhone,'+1 425')`, true, "Ann Lee"},
		{`endsWith(mail,'@contoso.com')`, true, "Ann Lee,Max O'Ber"},
		{`not(accountEnabled eq true)`, true, "Max O'Ber"},
		{`accountEnabled ne true`, true, "Max O'Ber"},
		{`jobTitle ne null`, true, "Ann Lee"},
		{`employeeOrgData/costCenter eq '100'`, true, "Ann Lee"},
		{`onPremisesExtensionAttributes/extensionAttribute7 eq 'seven'`, true, "Ann Lee"},
	} {
		path := "/v1.0/users?$select=displayName&$filter=" + url.QueryEscape(c.filter)
		plain := d.ask("GET", path, nil)
		if c.advanced {
			d.want(plain, 400, "Request_UnsupportedQuery")
			d.want(d.ask("GET", path, nil, "ConsistencyLevel: eventual"), 400, "Request_UnsupportedQuery")
		} else if got := strings.Join(plain.names(), ","); plain.code != 200 || got != c.want {
			t.Errorf("%s: %d %q, wanted %q", c.filter, plain.code, got, c.want)
		}
		full := d.ask("GET", path+"&$count=true", nil, "ConsistencyLevel: eventual")
		if got := strings.Join(full.names(), ","); full.code != 200 || got != c.want {
			t.Errorf("%s, advanced: %d %q, wanted %q %s", c.filter, full.code, got, c.want, full.raw)
		}
		if n := len(full.names()); full.body["@odata.count"] != float64(n) {
			t.Errorf("%s: counted %v, found %d", c.filter, full.body["@odata.count"], n)
		}
	}
	for filter, code := range map[string]int{
		`contains(displayName,'nn')`:       400,
		`shoeSize eq 44`:                   400,
		`displayName/any(x:x eq 'a')`:      400,
		`birthday eq 2020-01-01`:           501,
		`preferredDataLocation eq 'EUR'`:   400,
		`displayName eq 7`:                 400,
		`createdDateTime ge 'yesterday'`:   400,
		`accountEnabled eq null`:           400,
		`displayName eq`:                   400,
		`otherMails/any(m:m/x eq 'a'`:      400,
		`startsWith(accountEnabled,'t')`:   400,
		`accountEnabled in (true,'false')`: 400,
	} {
		r := d.ask("GET", "/v1.0/users?$count=true&$filter="+url.QueryEscape(filter), nil, "ConsistencyLevel: eventual")
		if r.code != code || r.errorCode() == "" {
			t.Errorf("%s: %d %s, wanted %d", filter, r.code, r.raw, code)
		}
	}
	if s := d.ask("GET", "/v1.0/users?$filter=shoeSize eq 44", nil).message(); s != "Could not find a property named 'shoeSize' on type 'microsoft.graph.user'." {
		t.Error(s)
	}
}

// https://learn.microsoft.com/en-us/graph/api/group-list, directoryrole-list, directoryrole-list-members, directoryobject-get,
// group-list-transitivemembers
func TestGroupsRolesAndObjects(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	staff := "20000000-0000-4000-8000-000000000002"
	for path, want := range map[string]string{
		"/groups":                                                                  "Nurses,Staff,Keyholders",
		"/groups?$filter=displayName eq 'staff'":                                   "Staff",
		"/groups?$filter=startsWith(displayName,'N')":                              "Nurses",
		"/groups?$filter=isAssignableToRole eq true":                               "Keyholders",
		"/groups?$filter=groupTypes/any(g:g eq 'Unified')":                         "",
		"/groups?$filter=securityEnabled eq true&$top=2":                           "Nurses,Staff",
		"/groups?$search=\"displayName:key\"":                                      "Keyholders",
		"/groups/" + staff + "/members":                                            "Max Ober,Nurses",
		"/groups/" + staff + "/transitiveMembers":                                  "Ann Lee,Max Ober,Nurses",
		"/groups/" + staff + "/transitiveMembers/microsoft.graph.user?$count=true": "Ann Lee,Max Ober",
		"/groups/" + staff + "/members/microsoft.graph.group":                      "Nurses",
		"/groups/20000000-0000-4000-8000-000000000001/owners":                      "Max Ober",
		"/directoryRoles/62e90394-69f5-4237-9190-012177145e10/members":             "Gus Admin",
		"/users/" + max_ + "/directReports/microsoft.graph.user":                   "Ann Lee",
		"/users/" + max_ + "/directReports?$count=true&$filter=displayName eq 'x'": "",
	} {
		r := d.ask("GET", "/v1.0"+strings.ReplaceAll(path, `"`, "%22"), nil, "ConsistencyLevel: eventual")
		if got := strings.Join(r.names(), ","); r.code != 200 || got != want {
			t.Errorf("%s: %d %q, wanted %q %s", path, r.code, got, want, r.raw)
		}
	}
	names := d.ask("GET", "/v1.0/directoryRoles", nil).names()
	slices.Sort(names)
	if !slices.Equal(names, []string{"Global Administrator", "Helpdesk Administrator", "User Administrator"}) {
		t.Error(names)
	}
	one := d.ask("GET", "/v1.0/directoryObjects/"+staff, nil)
	if one.body["@odata.type"] != "#microsoft.graph.group" || one.body["displayName"] != "Staff" {
		t.Errorf("%s", one.raw)
	}
	if one = d.ask("GET", "/v1.0/directoryObjects/"+ann, nil); one.body["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("%s", one.raw)
	}
	d.want(d.ask("GET", "/v1.0/directoryObjects/"+gone, nil), 404, "Request_ResourceNotFound")
	d.want(d.ask("GET", "/v1.0/groups/"+gone, nil), 404, "Request_ResourceNotFound")
	d.want(d.ask("GET", "/v1.0/groups?$select=shoeSize", nil), 400, "Request_UnsupportedQuery")
	d.want(d.app("User.Read.All").ask("GET", "/v1.0/groups", nil), 403, "Authorization_RequestDenied")
	if got := d.ask("GET", "/v1.0/groups/"+staff+"/members/$count", nil, "ConsistencyLevel: eventual"); string(got.raw) != "2" {
		t.Errorf("%s", got.raw)
	}
}

// https://learn.microsoft.com/en-us/graph/query-parameters#expand and https://learn.microsoft.com/en-us/graph/api/user-get
func TestExpandAndProperties(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("GET", "/v1.0/users/"+max_+"?$select=id&$expand=directReports($select=displayName)", nil)
	if s := fmt.Sprint(r.body["directReports"]); !strings.Contains(s, "displayName:Ann Lee") || strings.Contains(s, "mail") {
		t.Errorf("%s", r.raw)
	}
	r = d.ask("GET", "/v1.0/users/"+ann+"?$select=id&$expand=memberOf($select=displayName)", nil)
	if s := fmt.Sprint(r.body["memberOf"]); !strings.Contains(s, "displayName:Nurses") {
		t.Errorf("%s", r.raw)
	}
	r = d.ask("GET", "/v1.0/users/"+ann+"?$expand=transitiveMemberOf", nil)
	if list, _ := r.body["transitiveMemberOf"].([]any); len(list) != 2 {
		t.Errorf("%s", r.raw)
	}
	list := d.ask("GET", "/v1.0/users?$filter=startsWith(displayName,'Ann')&$expand=manager($select=displayName)", nil)
	if m, _ := list.items()[0]["manager"].(map[string]any); m["displayName"] != "Max Ober" {
		t.Errorf("%s", list.raw)
	}
	d.want(d.ask("GET", "/v1.0/users/"+ann+"?$expand=photo", nil), 400, "ExpandNotSupported")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"?$expand=nothing", nil), 400, "BadRequest")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"?$expand=manager($levels=max)", nil), 400, "Request_UnsupportedQuery")
	if v := d.ask("GET", "/v1.0/users/"+ann+"/jobTitle", nil); v.body["value"] != "Nurse" {
		t.Errorf("%s", v.raw)
	}
	d.want(d.ask("GET", "/v1.0/users/"+ann+"?$top=5", nil), 400, "BadRequest")
	d.want(d.ask("GET", "/v1.0/users?$nonsense=1", nil), 400, "BadRequest")
	d.want(d.ask("GET", "/v1.0/users?unknown=1&$top=1", nil), 200, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"?$select=employeeLeaveDateTime", nil), 403, "Authorization_RequestDenied")
}

// What $select does not show without a permission of its own, no $filter tells either:
// https://learn.microsoft.com/en-us/graph/api/resources/user#properties
func TestFilterNeedsWhatSelectNeeds(t *testing.T) {
	t.Parallel()
	org := office()
	org.Users[0].Values["employeeLeaveDateTime"] = "2026-01-02T03:04:05Z"
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	ask := func(d *desk, path, filter string) reply {
		return d.ask("GET", path+"$filter="+url.QueryEscape(filter), nil, "ConsistencyLevel: eventual")
	}
	few, more := d.app("User.Read.All"), d.app("User.Read.All", "User-LifeCycleInfo.Read.All")
	const list, count = "/v1.0/users?$select=id&$count=true&", "/v1.0/users/$count?"
	for _, filter := range []string{
		"employeeLeaveDateTime le 2026-02-01T00:00:00Z", "startsWith(displayName,'Ann') and not(employeeLeaveDateTime ge 2026-02-01T00:00:00Z)",
		"employeeLeaveDateTime in (2026-01-02T03:04:05Z)",
	} {
		d.want(ask(few, list, filter), 403, "Authorization_RequestDenied")
		d.want(ask(few, count, filter), 403, "Authorization_RequestDenied")
		if r := ask(more, list, filter); r.code != 200 || len(r.items()) != 1 {
			t.Errorf("%s: %d %s", filter, r.code, r.raw)
		}
		if r := ask(more, count, filter); r.code != 200 || string(r.raw) != "1" {
			t.Errorf("%s: %d %s", filter, r.code, r.raw)
		}
	}
	const signIn = "signInActivity/lastSignInDateTime le 2026-02-01T00:00:00Z"
	d.want(ask(few, list, signIn), 403, "Authorization_RequestDenied")
	d.want(ask(d.app("User.Read.All", "AuditLog.Read.All"), list, signIn), 400, "Request_UnsupportedQuery")
}

// https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions
// and https://learn.microsoft.com/en-us/graph/permissions-reference#userreadbasicall
func TestWhoSeesWhom(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	guest := d.as("guest_fabrikam.com#EXT#@contoso.com", "User.Read.All", "Group.Read.All")
	d.want(guest.ask("GET", "/v1.0/me?$select=id,jobTitle", nil), 200, "")
	d.want(guest.ask("GET", "/v1.0/users", nil), 403, "Authorization_RequestDenied")
	d.want(guest.ask("GET", "/v1.0/groups", nil), 403, "Authorization_RequestDenied")
	d.want(guest.ask("GET", "/v1.0/users/"+ann+"?$select=displayName", nil), 200, "")
	d.want(guest.ask("GET", "/v1.0/users/"+ann+"?$select=mobilePhone", nil), 403, "Authorization_RequestDenied")
	person := d.as("ann@contoso.com", "User.Read")
	d.want(person.ask("GET", "/v1.0/me", nil), 200, "")
	d.want(person.ask("GET", "/v1.0/users/"+ann, nil), 200, "")
	d.want(person.ask("GET", "/v1.0/users/"+max_, nil), 403, "Authorization_RequestDenied")
	few := d.as("ann@contoso.com", "User.ReadBasic.All").ask("GET", "/v1.0/users/"+max_, nil)
	if _, shown := few.body["jobTitle"]; few.code != 200 || shown || few.body["displayName"] != "Max Ober" {
		t.Errorf("%s", few.raw)
	}
	d.want(d.app("User.Read.All").ask("GET", "/v1.0/me", nil), 400, "BadRequest")
	d.want(person.ask("GET", "/v1.0/me/directReports", nil), 200, "")
	for _, path := range []string{"/me/manager", "/me?$expand=manager", "/me?$expand=directReports", "/me?$expand=memberOf", "/users/" + max_ + "/directReports", "/users/" + max_ + "/memberOf"} {
		d.want(person.ask("GET", "/v1.0"+path, nil), 403, "Authorization_RequestDenied")
	}
}

// Whatever a text holds comes back as it went in: S1.41 and every other text.
func TestTextsComeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	for _, s := range []string{`"quoted" \back\`, "tab\tline\nfeed\rbell\u0007", "<script>alert('x')</script> & co", "日本語 Ωμέγα \U0001F600", "\u202eright to left", "=cmd|' /C calc'!A0"} {
		d.want(d.ask("PATCH", "/v1.0/users/"+ann, map[string]any{"streetAddress": s, "otherMails": []string{}, "jobTitle": "x"}), 204, "")
		r := d.ask("GET", "/v1.0/users/"+ann+"?$select=streetAddress", nil)
		if r.body["streetAddress"] != s {
			t.Errorf("%q came back as %q", s, r.body["streetAddress"])
		}
		entries := d.Ledger(0)
		if got := entries[len(entries)-1].After["streetAddress"]; got != s {
			t.Errorf("%q is %q in the ledger", s, got)
		}
		found := d.ask("GET", "/v1.0/users?$count=true&$filter="+url.QueryEscape("streetAddress eq '"+strings.ReplaceAll(s, "'", "''")+"'"), nil, "ConsistencyLevel: eventual")
		if len(found.items()) != 1 {
			t.Errorf("%q is not found: %s", s, found.raw)
		}
	}
}
