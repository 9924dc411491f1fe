package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// show prints rows: as a table, as CSV, or the JSON that they come from.
func (r *remote) show(source any, columns []string, rows [][]string) error {
	switch r.as {
	case "json":
		e := json.NewEncoder(r.Out)
		e.SetEscapeHTML(false)
		return e.Encode(source)
	case "csv":
		w := csv.NewWriter(r.Out)
		if err := w.Write(columns); err != nil {
			return err
		}
		for _, row := range rows {
			safe := make([]string, len(row))
			for i, c := range row {
				safe[i] = noFormula(c)
			}
			if err := w.Write(safe); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{columns}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = plain(moment(c))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(r.Out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// list prints objects by their columns.
func (r *remote) list(all []map[string]any, columns ...string) error {
	rows := make([][]string, len(all))
	for i, o := range all {
		for _, c := range columns {
			rows[i] = append(rows[i], text(at(o, c)))
		}
	}
	return r.show(all, columns, rows)
}

// object prints one object, a line each member; the named ones first.
func (r *remote) object(o map[string]any, first ...string) error {
	var names []string
	for n := range o {
		if !slices.Contains(first, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var rows [][]string
	for _, n := range slices.Concat(first, names) {
		if v, ok := o[n]; ok && (v != nil || r.as == "csv") {
			rows = append(rows, []string{n, text(v)})
		}
	}
	return r.show(o, []string{"name", "value"}, rows)
}

// moment is an instant as people read it, with its zone; any other text stays. CSV and JSON keep RFC 3339.
func moment(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return clock(t)
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// at is a member, or with a dot a member of a member.
func at(o map[string]any, path string) any {
	head, rest, deeper := strings.Cut(path, ".")
	if deeper {
		m, _ := o[head].(map[string]any)
		return at(m, rest)
	}
	return o[path]
}

// text is a value of JSON for people.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case []any:
		l := make([]string, len(x))
		for i, e := range x {
			l[i] = text(e)
		}
		return strings.Join(l, "; ")
	case map[string]any:
		for _, n := range []string{"name", "sku", "what", "id"} {
			if s, ok := x[n].(string); ok {
				return s
			}
		}
		b, _ := json.Marshal(x) // it came out of JSON
		return string(b)
	}
	return fmt.Sprint(v)
}

// plain keeps a name from moving the cursor or turning the direction of a terminal.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			return ' '
		case unicode.IsControl(c), c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0x2028, c == 0x2029:
			return '\ufffd'
		}
		return c
	}, s)
}

// noFormula marks a cell that a spreadsheet would take for a formula (A42). Reading it back, one ' at the front is taken away.
func noFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// changed prints what became of a change and says with which number to end.
func (r *remote) changed(g got) error {
	o, err := g.object()
	if err != nil {
		return err
	}
	before, _ := o["before"].(map[string]any)
	after, _ := o["after"].(map[string]any)
	var rows [][]string
	var names []string
	for n := range after {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		rows = append(rows, []string{n, text(before[n]), text(after[n])})
	}
	if r.as != "table" {
		if err := r.show(o, []string{"name", "old", "new"}, rows); err != nil {
			return err
		}
	} else {
		for _, row := range rows {
			fmt.Fprintf(r.Out, "%s: %s → %s\n", plain(row[0]), orNone(row[1]), orNone(row[2]))
		}
		switch {
		case o["checked"] == true && len(rows) == 0:
			fmt.Fprintln(r.Out, "Nothing would change.")
		case o["checked"] == true:
			fmt.Fprintln(r.Out, "Nothing was written: this is what would change.")
		case o["state"] == "unchanged":
			fmt.Fprintln(r.Out, "Nothing had to be changed.")
		default:
			fmt.Fprintf(r.Out, "%s (entry %s)\n", stateWords[text(o["state"])], text(o["entry"]))
		}
		parts, _ := o["parts"].([]any)
		for _, p := range parts {
			if m, _ := p.(map[string]any); m["detail"] != nil {
				fmt.Fprintf(r.Err, "  %s: %s\n", text(m["names"]), plain(text(m["detail"])))
			}
		}
		if s := text(o["password"]); s != "" {
			fmt.Fprintf(r.Out, "New password, shown once: %s\n", s)
		}
	}
	if o["state"] == "partly" {
		return exitError{exitPartly}
	}
	return nil
}

var stateWords = map[string]string{
	"applied": "Done.", "partly": "Partly done.", "unverified": "Accepted; Microsoft 365 does not show it yet. The history tells when it does.", "open": "Under way.",
}

func orNone(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return plain(s)
}
