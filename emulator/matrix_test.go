package emulator_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nameplate/emulator"
)

// matrix is testdata/matrix.tsv; matrix-README.md says how to read it.
type matrix struct {
	sources  map[string]string
	outcomes map[string]outcome
	actors   map[string]matrixActor
	rows     []matrixRow
}

type outcome struct{ status, code, message string }

type matrixActor struct{ target, token string }

type matrixRow struct {
	line                                                                int
	id, property, actor, op, rules, body, outcome, mark, source, remark string
}

func readMatrix(t *testing.T) matrix {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "matrix.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	m := matrix{sources: map[string]string{}, outcomes: map[string]outcome{}, actors: map[string]matrixActor{}}
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case f[0] == "#source" && len(f) == 3:
			m.sources[f[1]] = f[2]
		case f[0] == "#outcome" && len(f) == 5:
			m.outcomes[f[1]] = outcome{f[2], f[3], f[4]}
		case f[0] == "#actor" && len(f) == 4:
			m.actors[f[1]] = matrixActor{f[2], f[3]}
		case strings.HasPrefix(l, "#"), f[0] == "id":
		case len(f) == 10:
			m.rows = append(m.rows, matrixRow{i + 1, f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]})
		default:
			t.Fatalf("matrix.tsv:%d has %d columns", i+1, len(f))
		}
	}
	return m
}

// TestMatrixIsWhole asserts that no property, no actor and no source is missing: a hole is no expectation.
func TestMatrixIsWhole(t *testing.T) {
	t.Parallel()
	m := readMatrix(t)
	have := map[string]bool{}
	properties, ids := map[string]bool{}, map[string]bool{}
	for _, r := range m.rows {
		properties[r.property], ids[r.id] = true, true
		if _, ok := m.sources[r.source]; !ok {
			t.Errorf("matrix.tsv:%d: no source %q", r.line, r.source)
		}
		if _, ok := m.actors[r.actor]; !ok {
			t.Errorf("matrix.tsv:%d: no actor %q", r.line, r.actor)
		}
		for _, o := range strings.Split(r.outcome, "|") {
			if _, ok := m.outcomes[o]; !ok {
				t.Errorf("matrix.tsv:%d: no outcome %q", r.line, o)
			}
		}
		if r.mark == "Unsettled" && r.remark == "" {
			t.Errorf("matrix.tsv:%d: unsettled, but not why", r.line)
		}
		actor, _, least := strings.Cut(r.actor, "-")
		if !least || actor != "least" {
			actor = r.actor
		}
		for _, mode := range []string{"observed", "documented"} {
			if r.rules == "both" || r.rules == mode {
				have[r.property+" "+actor+" "+r.op+" "+mode] = true
			}
		}
	}
	for i := range 43 {
		if id := "S2.P" + strconv.Itoa(i+1); !ids[id] {
			t.Errorf("no row for %s", id)
		}
	}
	for p := range properties {
		for a := range m.actors {
			switch {
			case strings.HasPrefix(a, "least-"):
				a = "least"
			case a == "global-leave" || a == "attribute-admin":
				continue // only for the one property each
			}
			for _, mode := range []string{"observed", "documented"} {
				if !have[p+" "+a+" set "+mode] {
					t.Errorf("%s: what happens when %s sets it (%s)?", p, a, mode)
				}
			}
		}
	}
}

// TestMatrix holds the emulator to testdata/matrix.tsv: who may write what, and what is said of a bad value.
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := readMatrix(t)
	for _, mode := range []struct {
		name  string
		rules emulator.Rules
	}{{"observed", emulator.ObservedRules}, {"documented", emulator.DocumentedRules}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			rows := slices.DeleteFunc(slices.Clone(m.rows), func(r matrixRow) bool { return r.rules != "both" && r.rules != mode.name })
			summary := map[string]int{}
			// What is refused changes nothing, so all refusals share a tenant; each other row has its own.
			slices.SortStableFunc(rows, func(a, b matrixRow) int { return cmp.Compare(a.mayChange(), b.mayChange()) })
			refusals := slices.IndexFunc(rows, func(r matrixRow) bool { return r.mayChange() == 1 })
			worlds := newWorlds(t, mode.rules, make([]string, len(rows)-refusals+1))
			for i, r := range rows {
				t.Run(strings.Join([]string{r.id, r.property, r.actor, r.op}, "/"), func(t *testing.T) {
					summary[r.mark]++
					if bad := m.try(worlds[max(0, i-refusals+1)], r); len(bad) > 0 {
						summary["not met"]++
						t.Errorf("matrix.tsv:%d (%s) %s, wanted %s\n  %s\n  %s %s", r.line, r.mark, r.body, r.outcome, strings.Join(bad, "\n  "), m.sources[r.source], r.remark)
					}
				})
			}
			t.Logf("%d rows: %v", len(rows), summary)
		})
	}
}

// mayChange is 1 when the row may be accepted.
func (r matrixRow) mayChange() int {
	if slices.Contains(strings.Split(r.outcome, "|"), "ok") {
		return 1
	}
	return 0
}

var repeated = regexp.MustCompile(`<([^<>*]+)\*(\d+)>`)

// writtenOut is a body with its abbreviations written out.
func writtenOut(body string) string {
	return repeated.ReplaceAllStringFunc(body, func(x string) string {
		p := repeated.FindStringSubmatch(x)
		n, _ := strconv.Atoi(p[2])
		if p[1] != "mails" {
			return strings.Repeat(p[1], n)
		}
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("m%d@example.net", i))
		}
		return strings.Join(list, `","`)
	})
}

// sent is the row's body as it is sent.
func (r matrixRow) sent() (raw []byte, body map[string]any, err error) {
	s := writtenOut(r.body)
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	err = d.Decode(&body)
	return []byte(s), body, err
}

// try makes the row's request in a tenant of its own and says what is not as expected.
func (m matrix) try(w *world, r matrixRow) []string {
	raw, body, err := r.sent()
	if err != nil {
		return []string{"the row's body is no JSON: " + err.Error()}
	}
	actor := m.actors[r.actor]
	id := w.people[actor.target]
	before, made := w.whole(id), len(w.mutations())
	a, err := w.send(actor.token, "PATCH /v1.0/users/"+id, http.Header{"Content-Type": {"application/json"}}, raw)
	if err != nil {
		return []string{err.Error()}
	}
	code, message := a.said()
	if !slices.ContainsFunc(strings.Split(r.outcome, "|"), func(name string) bool {
		o := m.outcomes[name]
		return statusIs(strings.ReplaceAll(o.status, " || ", "|"), a.status) && (o.code == "" || textIs(o.code, code)) &&
			(o.message == "" || textIs(strings.ReplaceAll(o.message, "{p}", r.property), message))
	}) {
		return []string{fmt.Sprintf("got %d %s: %s", a.status, code, short(message))}
	}
	after := w.whole(id)
	var bad []string
	if a.status >= 400 {
		bad = append(bad, a.envelope()...)
		if n := len(w.mutations()) - made; n != 0 {
			bad = append(bad, fmt.Sprintf("refused, but the ledger has %d entries", n))
		}
		if !bytes.Equal(plain(before), plain(after)) {
			bad = append(bad, "refused, but the person is another one than before")
		}
		return bad
	}
	bad = append(bad, w.readBack("/users/"+id, body)...)
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if _, changed := body[k]; !changed && !follows(k, body) && !bytes.Equal(plain(before[k]), plain(after[k])) {
			bad = append(bad, fmt.Sprintf("%s changed too: %s, was %s", k, plain(after[k]), plain(before[k])))
		}
	}
	return bad
}

// follows says whether a property is recalculated from what was written.
func follows(k string, body map[string]any) bool {
	from := map[string][]string{
		"proxyAddresses":              {"mail"},
		"identities":                  {"userPrincipalName"},
		"legalAgeGroupClassification": {"ageGroup", "consentProvidedForMinor"},
	}[k]
	return slices.ContainsFunc(from, func(x string) bool { _, ok := body[x]; return ok })
}

// whole reads everything of a person that the matrix speaks of.
func (w *world) whole(id string) map[string]any {
	a, err := w.send(reader, "GET /v1.0/users/"+id+"?$select=id,accountEnabled,ageGroup,businessPhones,city,companyName,consentProvidedForMinor,country,department,displayName,employeeHireDate,employeeId,employeeLeaveDateTime,employeeOrgData,employeeType,givenName,jobTitle,mail,mailNickname,mobilePhone,officeLocation,onPremisesExtensionAttributes,onPremisesImmutableId,otherMails,passwordPolicies,postalCode,preferredLanguage,proxyAddresses,state,streetAddress,surname,usageLocation,userPrincipalName,userType,identities,skills,aboutMe,birthday,interests,mySite,pastProjects,responsibilities,schools", nil, nil)
	m, _ := a.body.(map[string]any)
	if err != nil || a.status != http.StatusOK {
		return map[string]any{"unreadable": short(string(a.raw))}
	}
	return m
}

func plain(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
