package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// signInApps are the applications that testdata/signin.tsv speaks of.
const signInApps = `
users:
  - {upn: pat@contoso.com, password: Correct-Horse-1, values: {displayName: Pat Word, mailNickname: pat, accountEnabled: true, userType: Member}}
apps:
  - {clientId: cccccccc-0000-4000-8000-000000000008, name: Web app, secrets: [{value: web-secret}], redirects: [https://app.example/cb], delegated: [User.Read]}
  - {clientId: cccccccc-0000-4000-8000-000000000009, name: Public client, public: true, redirects: [http://localhost/a], delegated: [User.Read]}
  - {clientId: cccccccc-0000-4000-8000-000000000016, name: Old client, secrets: [{value: old-secret, ends: "2020-01-01T00:00:00Z"}]}
  - {clientId: cccccccc-0000-4000-8000-000000000017, name: Disabled client, disabled: true, secrets: [{value: disabled-secret}]}
`

type signInRow struct{ tableRow }

// TestSignInRefusals holds the sign-in half to testdata/signin.tsv: S1.15, S1.18, S1.21, S1.22.
func TestSignInRefusals(t *testing.T) {
	t.Parallel()
	m := readTable(t, "signin.tsv")
	w := newWorlds(t, emulator.ObservedRules, []string{signInApps})[0]
	met := tally{}
	for _, row := range m.rows {
		r := signInRow{row}
		t.Run(r.at("what"), func(t *testing.T) {
			header := http.Header{}
			if strings.HasPrefix(r.at("request"), "POST ") {
				header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			a, err := w.send("none", w.fill(r.at("request")), header, []byte(w.fill(r.at("form"))))
			if err != nil {
				t.Fatal(err)
			}
			met.settle(t, r.at("waits"), r.compare(a), fmt.Sprintf("signin.tsv:%d (%s) %s", r.line, r.at("mark"), r.at("what")), m.source(row)+" "+r.at("note"))
		})
	}
	t.Logf("%d rows: %s", len(m.rows), met)
}

// compare says what of the answer is not as expected.
func (r signInRow) compare(a answer) []string {
	var bad []string
	fails, text := "", string(a.raw) // error, and where the number stands
	kind := "page"
	if to, err := url.Parse(a.header.Get("Location")); err == nil && to.Query().Get("error") != "" {
		kind, fails, text = "redirect", to.Query().Get("error"), to.Query().Get("error_description")
	}
	either := func(want string) []string { return strings.Split(want, "|") }
	if strings.Contains(r.at("status"), kind) {
		if kind == "page" && (a.status/100 == 3 || a.status >= 500) {
			bad = append(bad, fmt.Sprintf("%d to %q, wanted a page", a.status, a.header.Get("Location")))
		}
	} else if !statusIs(r.at("status"), a.status) {
		bad = append(bad, fmt.Sprintf("%d (%s), wanted %s", a.status, kind, r.at("status")))
	}
	if m, ok := a.body.(map[string]any); ok {
		fails = fmt.Sprint(m["error"])
		bad = append(bad, a.signIn()...)
	}
	if fails != "" && r.at("error") != "" && !slices.Contains(either(r.at("error")), fails) {
		bad = append(bad, fmt.Sprintf("error %q, wanted %s", fails, r.at("error")))
	}
	if !slices.ContainsFunc(either(r.at("aadsts")), func(n string) bool {
		return n == "*" && strings.Contains(text, "AADSTS") || n != "*" && (strings.Contains(text, "AADSTS"+n+":") || strings.Contains(text, "AADSTS"+n+" "))
	}) {
		bad = append(bad, fmt.Sprintf("%s, wanted AADSTS%s", short(text), r.at("aadsts")))
	}
	return bad
}
