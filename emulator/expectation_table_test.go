package emulator_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// table is a file of expectations whose first line without "#" is a heading: filters.tsv, signin.tsv, applications.tsv.
type table struct {
	name    string
	says    map[string]string // "#source codes" -> what that line says
	heading []string
	rows    []tableRow
}

// tableRow is a line: where it stands, and its cells by the heading.
type tableRow struct {
	line  int
	cells map[string]string
}

// at is a cell.
func (r tableRow) at(column string) string { return r.cells[column] }

// readTable reads a file of testdata and asserts that every row is whole and names a source.
func readTable(t *testing.T, name string) table {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	out := table{name: name, says: map[string]string{}}
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case strings.HasPrefix(l, "#"):
			if len(f) == 3 {
				out.says[f[0]+" "+f[1]] = f[2]
			}
		case out.heading == nil:
			out.heading = f
		case len(f) != len(out.heading):
			t.Fatalf("%s:%d has %d columns, not %d", name, i+1, len(f), len(out.heading))
		default:
			r := tableRow{i + 1, map[string]string{}}
			for j, k := range out.heading {
				r.cells[k] = f[j]
			}
			if out.source(r) == "" || r.at("mark") == "Unsettled" && r.at("note") == "" {
				t.Errorf("%s:%d: no source %q, or unsettled without saying why", name, r.line, r.at("source"))
			}
			out.rows = append(out.rows, r)
		}
	}
	return out
}

// source is the address that a row names.
func (m table) source(r tableRow) string { return m.says["#source "+r.at("source")] }
