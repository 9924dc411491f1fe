package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

type signInRow struct {
	line                                                                    int
	what, request, form, status, fails, aadsts, mark, source, waits, remark string
}

func readSignIns(t *testing.T) (rows []signInRow, sources map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "signin.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	sources = map[string]string{}
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case f[0] == "#source" && len(f) == 3:
			sources[f[1]] = f[2]
		case strings.HasPrefix(l, "#"), f[0] == "what":
		case len(f) == 10:
			rows = append(rows, signInRow{i + 1, f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]})
		default:
			t.Fatalf("signin.tsv:%d has %d columns", i+1, len(f))
		}
	}
	return rows, sources
}

// TestSignInRefusals holds the sign-in half to testdata/signin.tsv: S1.15, S1.18, S1.21, S1.22.
func TestSignInRefusals(t *testing.T) {
	t.Parallel()
	rows, sources := readSignIns(t)
	w := newWorlds(t, emulator.ObservedRules, []string{signInApps})[0]
	met := tally{}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			if sources[r.source] == "" {
				t.Errorf("signin.tsv:%d: no source %q", r.line, r.source)
			}
			header := http.Header{}
			if strings.HasPrefix(r.request, "POST ") {
				header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			a, err := w.send("none", w.fill(r.request), header, []byte(w.fill(r.form)))
			if err != nil {
				t.Fatal(err)
			}
			met.settle(t, r.waits, r.compare(a), fmt.Sprintf("signin.tsv:%d (%s) %s", r.line, r.mark, r.what), sources[r.source]+" "+r.remark)
		})
	}
	t.Logf("%d rows: %s", len(rows), met)
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
	if strings.Contains(r.status, kind) {
		if kind == "page" && (a.status/100 == 3 || a.status >= 500) {
			bad = append(bad, fmt.Sprintf("%d to %q, wanted a page", a.status, a.header.Get("Location")))
		}
	} else if !statusIs(r.status, a.status) {
		bad = append(bad, fmt.Sprintf("%d (%s), wanted %s", a.status, kind, r.status))
	}
	if m, ok := a.body.(map[string]any); ok {
		fails = fmt.Sprint(m["error"])
		bad = append(bad, a.signIn()...)
	}
	if fails != "" && r.fails != "" && !slices.Contains(either(r.fails), fails) {
		bad = append(bad, fmt.Sprintf("error %q, wanted %s", fails, r.fails))
	}
	if !slices.ContainsFunc(either(r.aadsts), func(n string) bool {
		return n == "*" && strings.Contains(text, "AADSTS") || n != "*" && (strings.Contains(text, "AADSTS"+n+":") || strings.Contains(text, "AADSTS"+n+" "))
	}) {
		bad = append(bad, fmt.Sprintf("%s, wanted AADSTS%s", short(text), r.aadsts))
	}
	return bad
}
