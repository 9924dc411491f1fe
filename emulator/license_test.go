package emulator_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

const (
	premium    = "c7df2760-2c81-4ef7-b578-5b5392b571df"
	standard   = "4b9405b0-7788-4568-add1-99614e613b69"
	mailPlan   = "efb87545-963c-4e0d-99df-69c6916d9eb0"
	nurseGroup = "20000000-0000-4000-8000-000000000001"
)

func licensedOffice() emulator.Organization {
	o := office()
	o.Subscriptions = []emulator.Subscription{
		{SKU: premium, Part: "ENTERPRISEPREMIUM", Seats: 2, Plans: []emulator.Plan{{ID: mailPlan, Name: "EXCHANGE_S_ENTERPRISE"}}},
		{SKU: standard, Part: "EXCHANGESTANDARD", Seats: 1, Warning: 1, Plans: []emulator.Plan{{
			ID: "9aaf7827-d63c-4b61-89c3-182f06f82e5c", Name: "EXCHANGE_S_STANDARD", Excludes: []string{mailPlan},
		}}},
	}
	for i := range o.Users {
		o.Users[i].Values["usageLocation"] = "US"
	}
	return o
}

func give(sku string, plans ...string) string {
	list := ""
	for i, p := range plans {
		if i > 0 {
			list += ","
		}
		list += `"` + p + `"`
	}
	return fmt.Sprintf(`{"addLicenses":[{"skuId":"%s","disabledPlans":[%s]}],"removeLicenses":[]}`, sku, list)
}

func (d *desk) seats(sku string) int {
	d.t.Helper()
	r := d.ask("GET", "/v1.0/subscribedSkus", nil)
	d.want(r, 200, "")
	list, _ := r.body["value"].([]any)
	for _, x := range list {
		if m := x.(map[string]any); m["skuId"] == sku {
			return int(m["consumedUnits"].(float64))
		}
	}
	return -1
}

// F45: seats are taken and given back, by people who leave and return as well.
func TestF45_Seats(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{licensedOffice()}})
	assign := func(who, body string, code int) {
		t.Helper()
		d.want(d.ask("POST", "/v1.0/users/"+who+"/assignLicense", body), code, "")
	}
	count := func(want int) {
		t.Helper()
		if n := d.seats(premium); n != want {
			t.Errorf("%d seats are taken, want %d", n, want)
		}
	}
	assign(ann, give(premium), 200)
	assign(ann, give(premium, mailPlan), 200) // again, with a plan switched off
	count(1)
	assign(max_, give(premium), 200)
	assign("rae@contoso.com", give(premium), 400)
	count(2)
	d.want(d.ask("DELETE", "/v1.0/users/"+max_, nil), 204, "")
	count(1)
	assign("rae@contoso.com", give(premium), 200)
	d.want(d.ask("POST", "/v1.0/directory/deletedItems/"+max_+"/restore", "{}"), 200, "")
	count(3) // the service restores people with their licenses; who is over the limit shows in the counts
	assign(max_, `{"addLicenses":[],"removeLicenses":["`+premium+`"]}`, 200)
	count(2)
	assign(ann, fmt.Sprintf(`{"addLicenses":[{"skuId":"%s"}],"removeLicenses":["%s"]}`, standard, premium), 200)
	count(1)
	for _, e := range d.Ledger(0) {
		if e.Op == "user.license" && (e.Before["assignedLicenses"] == nil || e.After["assignedLicenses"] == nil) {
			t.Errorf("the ledger says only %v → %v", e.Before, e.After)
		}
	}
}

// A group's licenses come a moment later, with reasons where they cannot, and outlive a restart.
func TestF45_GroupLicenses(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{licensedOffice()}, Data: filepath.Join(t.TempDir(), "kept")}
	opts.Organizations[0].Groups[0].Members = []string{"ann@contoso.com", "max@contoso.com", "rae@contoso.com"}
	d := newDesk(t, opts)
	d.want(d.ask("POST", "/v1.0/users/"+ann+"/assignLicense", give(standard)), 200, "")
	g := d.app("Group.ReadWrite.All", "User.Read.All", "LicenseAssignment.ReadWrite.All")
	g.want(g.ask("POST", "/v1.0/groups/"+nurseGroup+"/assignLicense", give(premium)), 202, "")
	state := func(d *desk) string {
		r := d.ask("GET", "/v1.0/groups/"+nurseGroup+"?$select=licenseProcessingState", nil)
		m, _ := r.body["licenseProcessingState"].(map[string]any)
		return fmt.Sprint(m["state"])
	}
	of := func(d *desk, who string) string {
		r := d.ask("GET", "/v1.0/users/"+who+"?$select=licenseAssignmentStates", nil)
		out := ""
		for _, x := range r.body["licenseAssignmentStates"].([]any) {
			if s := x.(map[string]any); s["assignedByGroup"] != nil {
				out = fmt.Sprintf("%v %v", s["state"], s["error"])
			}
		}
		return out
	}
	if s := state(g); s != "QueuedForProcessing" {
		t.Errorf("at once it is %s", s)
	}
	check := func(d *desk, want map[string]string) {
		t.Helper()
		for who, w := range want {
			if got := of(d, who); got != w {
				t.Errorf("%s: %q, want %q", who, got, w)
			}
		}
	}
	check(g, map[string]string{ann: ""})
	d.Clock().Advance(time.Minute)
	if s := state(g); s != "ProcessingComplete" {
		t.Errorf("a minute later it is %s", s)
	}
	want := map[string]string{ann: "Error MutuallyExclusiveViolation", max_: "Active None", "rae@contoso.com": "Active None"}
	check(g, want)
	if n := g.seats(premium); n != 2 {
		t.Errorf("%d seats are taken", n)
	}
	r := g.ask("GET", "/v1.0/groups/"+nurseGroup+"/membersWithLicenseErrors?$select=id", nil)
	if list, _ := r.body["value"].([]any); len(list) != 1 {
		t.Errorf("members with errors: %s", r.raw)
	}
	r = g.ask("GET", "/v1.0/groups?$filter=hasMembersWithLicenseErrors eq true&$select=id", nil)
	if list, _ := r.body["value"].([]any); len(list) != 1 {
		t.Errorf("groups with errors: %s", r.raw)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again := newDesk(t, opts).app("Group.ReadWrite.All", "User.Read.All", "LicenseAssignment.ReadWrite.All")
	check(again, want)
	if n := again.seats(premium); n != 2 {
		t.Errorf("after a restart %d seats are taken", n)
	}
	again.want(again.ask("POST", "/v1.0/groups/"+nurseGroup+"/assignLicense", `{"addLicenses":[],"removeLicenses":["`+premium+`"]}`), 202, "")
	again.Clock().Advance(10 * time.Minute)
	check(again, map[string]string{ann: "", max_: "", "rae@contoso.com": ""})
	if n := again.seats(premium); n != 0 {
		t.Errorf("after all that %d seats are taken", n)
	}
}

// Once the reason is out of the way, processing again gives a person what their group could not: nobody else is looked at.
// https://learn.microsoft.com/en-us/entra/identity/users/licensing-groups-resolve-problems
func TestF45_LicensesOfGroupsAreProcessedAgain(t *testing.T) {
	t.Parallel()
	org := licensedOffice()
	org.Groups[0].Members = []string{"ann@contoso.com", "max@contoso.com"}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	g := d.app("Group.ReadWrite.All", "User.ReadWrite.All", "LicenseAssignment.ReadWrite.All")
	states := func(who string) string {
		list, _ := g.ask("GET", "/v1.0/users/"+who+"?$select=licenseAssignmentStates", nil).body["licenseAssignmentStates"].([]any)
		out := []string{}
		for _, x := range list {
			s := x.(map[string]any)
			out = append(out, fmt.Sprint(s["skuId"] == premium, " ", s["state"], " ", s["error"]))
		}
		return strings.Join(out, ", ")
	}
	for _, who := range []string{ann, max_} {
		g.want(g.ask("POST", "/v1.0/users/"+who+"/assignLicense", give(standard)), 200, "")
	}
	g.want(g.ask("POST", "/v1.0/groups/"+nurseGroup+"/assignLicense", give(premium)), 202, "")
	d.Clock().Advance(time.Minute)
	for _, who := range []string{ann, max_} {
		g.want(g.ask("POST", "/v1.0/users/"+who+"/assignLicense", `{"addLicenses":[],"removeLicenses":["`+standard+`"]}`), 200, "")
		if s := states(who); s != "true Error MutuallyExclusiveViolation" {
			t.Errorf("before: %s", s)
		}
	}
	r := g.ask("POST", "/v1.0/users/"+ann+"/reprocessLicenseAssignment", nil)
	if g.want(r, 200, ""); r.body["id"] != ann {
		t.Errorf("the answer is %s", r.raw)
	}
	if a, m := states(ann), states(max_); a != "true Active None" || m != "true Error MutuallyExclusiveViolation" {
		t.Errorf("after it: %s, and of another: %s", a, m)
	}
}

func TestSubscriptionsOfAFileAreChecked(t *testing.T) {
	t.Parallel()
	for name, s := range map[string][]emulator.Subscription{
		"no id":      {{Part: "X"}},
		"twice":      {{SKU: premium, Part: "X"}, {SKU: premium, Part: "Y"}},
		"plan's id":  {{SKU: premium, Part: "X", Plans: []emulator.Plan{{ID: "mail"}}}},
		"no partner": {{SKU: premium}},
	} {
		o := office()
		o.Subscriptions = s
		if _, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{o}}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
