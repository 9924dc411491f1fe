package store_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// The views that other programs read, on both engines: their columns with names that stay, and a row for each of what the guide says.
func TestS5_14_S5_17to19_S5_21_TheViewsOfTheCopy(t *testing.T) {
	t.Parallel()
	const (
		anna, ben, carla, group, inner = "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002",
			"a0000000-0000-4000-8000-000000000003", "b0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"
		sku = "c0000000-0000-4000-8000-000000000001"
	)
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	boss, nobody := anna, ""
	views := map[string]struct{ columns, rows string }{
		"people": {
			`tenant id user_principal_name display_name mail given_name surname job_title department company_name employee_id employee_type office_location
			street_address city state postal_code country usage_location preferred_language mobile_phone user_type created_date_time account_enabled synced
			manager_id gone gone_since properties`,
			tenant + `|` + anna + `|anna@contoso.example|Anna Ö.|anna@contoso.example|Anna|Öz|Lead|Sales|Contoso|7|Staff|4|Way 1|Kiel|SH|24103|Germany|DE|de-DE|+49 431 1|Member|2020-01-02T03:04:05Z|1|1|-||-|` + annaDoc + "\n" +
				tenant + `|` + ben + `|ben@contoso.example|Ben|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|0|0|` + anna + `||-|{"assignedLicenses":[{"disabledPlans":["p"],"skuId":"` + strings.ToUpper(sku) + `"},{"disabledPlans":[],"skuId":"d"}]}` + "\n" +
				tenant + `|` + carla + `|carla@contoso.example|Carla|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|0|0|` + anna + `|deleted|2026-03-02T09:30:00Z|{"assignedLicenses":[{"skuId":"` + sku + `"}]}`,
		},
		"managers": {
			`tenant id user_principal_name display_name manager_id manager_user_principal_name manager_display_name`,
			tenant + `|` + ben + `|ben@contoso.example|Ben|` + anna + `|anna@contoso.example|Anna Ö.`,
		},
		"groups": {
			`tenant id display_name description mail security_enabled mail_enabled membership_rule gone gone_since properties`,
			tenant + `|` + group + `|All|Everybody|all@contoso.example|1|0|user.department -ne null||-|{"description":"Everybody","mail":"all@contoso.example","mailEnabled":false,"membershipRule":"user.department -ne null","securityEnabled":true}` + "\n" +
				tenant + `|` + inner + `|Inner|-|-|0|0|-||-|{}`,
		},
		"memberships": {
			`tenant group_id group_display_name member_id member_type user_principal_name display_name`,
			tenant + `|` + group + `|All|` + anna + `|user|anna@contoso.example|Anna Ö.` + "\n" + tenant + `|` + group + `|All|` + inner + `|group|-|Inner` + "\n" +
				tenant + `|` + group + `|All|e|device|-|-`,
		},
		"licenses": {
			`tenant id user_principal_name display_name sku_id sku_part_number product disabled_plans`,
			tenant + `|` + ben + `|ben@contoso.example|Ben|` + sku + `|SPE_E3|Microsoft 365 E3|["p"]` + "\n" + tenant + `|` + ben + `|ben@contoso.example|Ben|d|-|-|[]`,
		},
		"changes": {
			`tenant seq after noticed object id member_id display_name what properties entry`,
			tenant + `|1|2026-03-02T09:00:00Z|2026-03-02T09:30:00Z|person|` + anna + `|-|Anna Ö.|changed|{"city":{"was":"Ulm","is":"Kiel"}}|e1` + "\n" +
				tenant + `|2|2026-03-02T09:00:00Z|2026-03-02T09:30:00Z|member|` + group + `|` + ben + `|All|left|null|-`,
		},
	}
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &storetest.Clock{}
			s := open(t, c.Now)
			_, err := s.Mirror().Commit(t.Context(), tenant, mirror.Commit{
				People: []mirror.Person{
					{ID: anna, UPN: "anna@contoso.example", Name: "Anna Ö.", Doc: []byte(annaDoc), Manager: &nobody},
					{ID: ben, UPN: "ben@contoso.example", Name: "Ben", Manager: &boss, Doc: []byte(`{"assignedLicenses":[{"disabledPlans":["p"],"skuId":"` + strings.ToUpper(sku) + `"},{"disabledPlans":[],"skuId":"d"}]}`)},
					{ID: carla, UPN: "carla@contoso.example", Name: "Carla", Manager: &boss, Gone: mirror.Deleted, Since: at, Doc: []byte(`{"assignedLicenses":[{"skuId":"` + sku + `"}]}`)},
				},
				Groups: []mirror.Group{
					{ID: group, Name: "All", Doc: []byte(`{"description":"Everybody","mail":"all@contoso.example","mailEnabled":false,"membershipRule":"user.department -ne null","securityEnabled":true}`)},
					{ID: inner, Name: "Inner", Doc: []byte(`{}`)},
				},
				Joined:   []mirror.Membership{{Group: group, Member: mirror.Member{ID: anna, Kind: "user"}}, {Group: group, Member: mirror.Member{ID: carla, Kind: "user"}}, {Group: group, Member: mirror.Member{ID: inner, Kind: "group"}}, {Group: group, Member: mirror.Member{ID: "e", Kind: "device"}}},
				Products: map[string][]byte{sku: []byte(`{"name":"Microsoft 365 E3","skuPartNumber":"SPE_E3"}`)},
				Events: []mirror.Event{
					{After: storetest.Start, At: at, Object: "person", ID: anna, Name: "Anna Ö.", What: mirror.Changed, Cause: "e1", Diff: map[string]mirror.Diff{"city": {Was: json.RawMessage(`"Ulm"`), Is: json.RawMessage(`"Kiel"`)}}},
					{After: storetest.Start, At: at, Object: "member", ID: group, Who: ben, Name: "All", What: mirror.Left},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for view, want := range views {
				columns, rows, err := s.Table(t.Context(), `SELECT * FROM `+view)
				slices.Sort(rows)
				if err != nil || !slices.Equal(columns, strings.Fields(want.columns)) || strings.Join(rows, "\n") != want.rows {
					t.Errorf("%s: %v\n%s\n%s\nwant\n%s", view, err, columns, strings.Join(rows, "\n"), want.rows)
				}
			}
			_, rows, err := s.Table(t.Context(), `SELECT department, count(*) FROM people WHERE gone = '' GROUP BY department ORDER BY 2 DESC, 1 DESC`) // the guide's
			slices.Sort(rows)
			if err != nil || strings.Join(rows, " ") != "-|1 Sales|1" {
				t.Errorf("%v: %v", rows, err)
			}
		})
	}
}

// What was kept for long enough goes, with everything of who is gone for that long; what is newer and who is there stay.
func TestS5_15_TheCopyKeepsNothingForEver(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &storetest.Clock{}
			s := open(t, c.Now)
			ago := func(days int) time.Time { return c.Now().Add(-time.Duration(days) * 24 * time.Hour) }
			m := mirror.New(mirror.Config{Store: s.Mirror(), Now: c.Now, Keep: 100 * 24 * time.Hour, KeepGone: 60 * 24 * time.Hour})
			person := func(id string, gone mirror.Gone, days int) mirror.Person {
				return mirror.Person{ID: id, Doc: []byte(`{}`), Gone: gone, Since: ago(days)}
			}
			in := func(group, id string) mirror.Membership {
				return mirror.Membership{Group: group, Member: mirror.Member{ID: id}}
			}
			on := func(object, id, who string, days int) mirror.Event {
				return mirror.Event{Object: object, ID: id, Who: who, What: mirror.Changed, At: ago(days)}
			}
			change := mirror.Commit{
				People: []mirror.Person{
					person("there", "", 999), person("new", mirror.Purged, 59), person("purged", mirror.Purged, 61), person("outside", mirror.Outside, 61),
					person("binned", mirror.Deleted, 89), person("deleted", mirror.Deleted, 91),
				},
				Groups: []mirror.Group{{ID: "open", Doc: []byte(`{}`)}, {ID: "closed", Doc: []byte(`{}`), Gone: mirror.Purged, Since: ago(61)}},
				Joined: []mirror.Membership{in("open", "there"), in("open", "purged"), in("open", "binned"), in("closed", "there")},
				Events: []mirror.Event{
					on("person", "there", "", 101), on("person", "there", "", 99), on("person", "purged", "", 61), on("member", "open", "deleted", 91),
					on("member", "open", "new", 59), on("group", "closed", "", 61),
				},
			}
			for _, tenant := range []string{tenant, "another"} {
				if _, err := s.Mirror().Commit(t.Context(), tenant, change); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := m.Sweep(t.Context(), tenant); n != 10 || err != nil {
				t.Errorf("%d rows: %v", n, err)
			}
			if n, err := m.Sweep(t.Context(), tenant); n != 0 || err != nil {
				t.Errorf("%d rows again: %v", n, err)
			}
			for q, want := range map[string]string{
				`SELECT id FROM mirror_people WHERE tenant = '` + tenant + `' ORDER BY 1`:                "binned new there",
				`SELECT id FROM mirror_groups WHERE tenant = '` + tenant + `' ORDER BY 1`:                "open",
				`SELECT grp || '/' || id FROM mirror_members WHERE tenant = '` + tenant + `' ORDER BY 1`: "open/binned open/there",
				`SELECT id || '/' || who FROM mirror_events WHERE tenant = '` + tenant + `' ORDER BY 1`:  "open/new there/",
				`SELECT count(*) FROM mirror_people WHERE tenant = 'another'`:                            "6",
			} {
				if _, rows, err := s.Table(t.Context(), q); err != nil || strings.Join(rows, " ") != want {
					t.Errorf("%s: %v %v, want %s", q, rows, err, want)
				}
			}
		})
	}
}

const annaDoc = `{"accountEnabled":true,"city":"Kiel","companyName":"Contoso","country":"Germany","createdDateTime":"2020-01-02T03:04:05Z","department":"Sales","employeeId":"7","employeeType":"Staff",` +
	`"givenName":"Anna","jobTitle":"Lead","mail":"anna@contoso.example","mobilePhone":"+49 431 1","officeLocation":"4","onPremisesSyncEnabled":true,"postalCode":"24103","preferredLanguage":"de-DE",` +
	`"state":"SH","streetAddress":"Way 1","surname":"Öz","usageLocation":"DE","userType":"Member"}`
