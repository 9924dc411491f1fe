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

// filterRow is one line of testdata/filters.tsv, whose head says how to read it.
type filterRow struct{ tableRow }

// query is the row as a query string.
func (r filterRow) query(w *world) string {
	value := w.fill(r.at("value"))
	clause := func(path string) string {
		switch r.at("operator") {
		case "startsWith", "endsWith":
			return fmt.Sprintf("%s(%s,%s)", r.at("operator"), path, value)
		case "in":
			return fmt.Sprintf("%s in (%s)", path, value)
		case "null":
			return path + " eq null"
		case "not":
			return fmt.Sprintf("%s eq %s", path, value)
		}
		return fmt.Sprintf("%s %s %s", path, r.at("operator"), value)
	}
	switch r.at("operator") {
	case "orderby":
		return "$orderby=" + url.QueryEscape(r.at("property"))
	case "search":
		return "$search=" + url.QueryEscape(fmt.Sprintf("%q", r.at("property")+":"+value))
	}
	text := ""
	if list, inner, ok := strings.Cut(r.at("property"), "/any("); ok {
		variable, path, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ":")
		text = fmt.Sprintf("%s/any(%s:%s)", list, variable, clause(path))
	} else {
		text = clause(r.at("property"))
	}
	if r.at("operator") == "not" {
		text = "not(" + text + ")"
	}
	return "$filter=" + url.QueryEscape(text)
}

// found is what the row expects to find, as sorted ids.
func (r filterRow) found(w *world, all []string) []string {
	switch r.at("finds") {
	case "all":
		return all
	case "nobody":
		return nil
	}
	var out []string
	for _, k := range strings.Fields(r.at("finds")) {
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
	m := readTable(t, "filters.tsv")
	w := newWorlds(t, emulator.ObservedRules, []string{""})[0]
	everything := map[string][]string{} // resource -> ids, nil where it cannot be listed
	met := tally{}
	for _, row := range m.rows {
		r := filterRow{row}
		if _, known := everything[r.at("resource")]; !known {
			all, _, err := w.ids(r.at("resource")+"?$select=id&$top=999", nil)
			if err != nil {
				t.Fatal(err)
			}
			everything[r.at("resource")] = all
		}
		t.Run(r.at("resource")+"/"+r.at("property")+"/"+r.at("operator"), func(t *testing.T) {
			query := r.query(w)
			var bad []string
			if everything[r.at("resource")] == nil {
				bad = append(bad, "the collection has nothing that could be found")
			}
			for _, way := range []struct {
				name, want, more string
				header           http.Header
			}{{"plainly", r.at("plain"), "", nil}, {"advanced", r.at("advanced"), "&$count=true", http.Header{"Consistencylevel": {"eventual"}}}} {
				got, a, err := w.ids(r.at("resource")+"?$select=id&$top=999&"+query+way.more, way.header)
				if err != nil {
					t.Fatal(err)
				}
				code, message := a.said()
				switch {
				case way.want == "either" && (a.status == http.StatusOK || a.status == http.StatusBadRequest):
				case way.want == "ok" && a.status == http.StatusOK:
					if want := r.found(w, everything[r.at("resource")]); r.at("finds") != "" && !slices.Equal(want, got) {
						bad = append(bad, fmt.Sprintf("%s: found %d, wanted %d (%s)", way.name, len(got), len(want), r.at("finds")))
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
			met.settle(t, r.at("waits"), bad, fmt.Sprintf("filters.tsv:%d (%s) %s?%s", r.line, r.at("mark"), r.at("resource"), query), m.source(row)+" "+r.at("note"))
		})
	}
	t.Logf("%d rows: %s", len(m.rows), met)
}
