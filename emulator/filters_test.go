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

// filterRow is one line of testdata/filters.tsv, whose head says how to read it.
type filterRow struct {
	line                                                                                     int
	resource, property, operator, value, plain, advanced, finds, mark, source, waits, remark string
}

func readFilters(t *testing.T) (rows []filterRow, sources map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "filters.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	sources = map[string]string{}
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case f[0] == "#source" && len(f) == 3:
			sources[f[1]] = f[2]
		case strings.HasPrefix(l, "#"), f[0] == "resource":
		case len(f) == 11:
			rows = append(rows, filterRow{i + 1, f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10]})
		default:
			t.Fatalf("filters.tsv:%d has %d columns", i+1, len(f))
		}
	}
	return rows, sources
}

// query is the row as a query string.
func (r filterRow) query(w *world) string {
	value := w.fill(r.value)
	clause := func(path string) string {
		switch r.operator {
		case "startsWith", "endsWith":
			return fmt.Sprintf("%s(%s,%s)", r.operator, path, value)
		case "in":
			return fmt.Sprintf("%s in (%s)", path, value)
		case "null":
			return path + " eq null"
		case "not":
			return fmt.Sprintf("%s eq %s", path, value)
		}
		return fmt.Sprintf("%s %s %s", path, r.operator, value)
	}
	switch r.operator {
	case "orderby":
		return "$orderby=" + url.QueryEscape(r.property)
	case "search":
		return "$search=" + url.QueryEscape(fmt.Sprintf("%q", r.property+":"+value))
	}
	text := ""
	if list, inner, ok := strings.Cut(r.property, "/any("); ok {
		variable, path, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ":")
		text = fmt.Sprintf("%s/any(%s:%s)", list, variable, clause(path))
	} else {
		text = clause(r.property)
	}
	if r.operator == "not" {
		text = "not(" + text + ")"
	}
	return "$filter=" + url.QueryEscape(text)
}

// found is what the row expects to find, as sorted ids.
func (r filterRow) found(w *world, all []string) []string {
	switch r.finds {
	case "all":
		return all
	case "nobody":
		return nil
	}
	var out []string
	for _, k := range strings.Fields(r.finds) {
		out = append(out, w.people[k])
	}
	slices.Sort(out)
	return out
}

const searcher = "app roles=User.Read.All,Group.Read.All,Application.Read.All,AdministrativeUnit.Read.All,Directory.Read.All"

// ids asks for a collection and gives the ids that came, sorted.
func (w *world) ids(path string, header http.Header) ([]string, answer, error) {
	a, err := w.send(searcher, "GET /v1.0/"+path, header, nil)
	if err != nil {
		return nil, a, err
	}
	m, _ := a.body.(map[string]any)
	list, _ := m["value"].([]any)
	var out []string
	for _, x := range list {
		one, _ := x.(map[string]any)
		id, _ := one["id"].(string)
		out = append(out, id)
	}
	slices.Sort(out)
	return out, a, nil
}

// TestFilterTable holds the emulator to testdata/filters.tsv (S4.23).
func TestFilterTable(t *testing.T) {
	t.Parallel()
	rows, sources := readFilters(t)
	w := newWorlds(t, emulator.ObservedRules, []string{""})[0]
	everything := map[string][]string{} // resource -> ids, nil where it cannot be listed
	met := tally{}
	for _, r := range rows {
		if _, known := everything[r.resource]; !known {
			all, _, err := w.ids(r.resource+"?$select=id&$top=999", nil)
			if err != nil {
				t.Fatal(err)
			}
			everything[r.resource] = all
		}
		t.Run(r.resource+"/"+r.property+"/"+r.operator, func(t *testing.T) {
			if sources[r.source] == "" || r.mark == "Unsettled" && r.remark == "" {
				t.Errorf("filters.tsv:%d: no source, or unsettled without a reason", r.line)
			}
			query := r.query(w)
			var bad []string
			if everything[r.resource] == nil {
				bad = append(bad, "the collection has nothing that could be found")
			}
			for _, way := range []struct {
				name, want, more string
				header           http.Header
			}{{"plainly", r.plain, "", nil}, {"advanced", r.advanced, "&$count=true", http.Header{"Consistencylevel": {"eventual"}}}} {
				got, a, err := w.ids(r.resource+"?$select=id&$top=999&"+query+way.more, way.header)
				if err != nil {
					t.Fatal(err)
				}
				code, message := a.said()
				switch {
				case way.want == "either" && (a.status == http.StatusOK || a.status == http.StatusBadRequest):
				case way.want == "ok" && a.status == http.StatusOK:
					if want := r.found(w, everything[r.resource]); r.finds != "" && !slices.Equal(want, got) {
						bad = append(bad, fmt.Sprintf("%s: found %d, wanted %d (%s)", way.name, len(got), len(want), r.finds))
					}
				case way.want == "refused" && (a.status == http.StatusBadRequest || a.status == http.StatusNotImplemented):
					bad = append(bad, a.envelope()...)
					if !slices.Contains([]string{"Request_UnsupportedQuery", "Request_BadRequest", "BadRequest", "NotImplemented"}, code) {
						bad = append(bad, way.name+": refused with "+code)
					}
				default:
					bad = append(bad, fmt.Sprintf("%s: %d %s %s, wanted %s", way.name, a.status, code, short(message), way.want))
				}
			}
			met.settle(t, r.waits, bad, fmt.Sprintf("filters.tsv:%d (%s) %s?%s", r.line, r.mark, r.resource, query), sources[r.source]+" "+r.remark)
		})
	}
	t.Logf("%d rows: %s", len(rows), met)
}
