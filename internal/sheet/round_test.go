package sheet_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// written is a table in one of the two kinds.
func written(t interface{ Fatal(...any) }, kind string, rows ...[]string) []byte {
	var b bytes.Buffer
	w := sheet.NewCSV(&b)
	if kind == "xlsx" {
		var err error
		if w, err = sheet.NewXLSX(&b, "People & <co>"); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rows {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nasty are texts that a spreadsheet, or the way to one, may take for something else.
var nasty = []string{
	"=1+1", "'=1+1", "''=1+1", "'", "''", "'a", "+1 425 555 0100", "-5", "@x", "\t=1", "\r\n", "<clear>", "'<clear>", "<CLEAR>", "a,b;c\td", `"`, `""quoted""`,
	" lead", "trail ", "two\nlines", "two\r\nlines", "\r", "01067", "1-2", "TRUE", "_x0041_", "_x005F_x0041_", "\x00\x01\x1f", "\u202e", "\ufffd", "\ufffe", "😀", "ﬁ", "e\u0301", "＝1",
	"\ufeff", strings.Repeat("ä", 1000),
}

// B11: what is written comes back to the letter, in both kinds, whatever it is.
func TestB11_WhatIsWrittenComesBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"csv", "xlsx"} {
		for _, s := range nasty {
			back(t, kind, s)
		}
		rapid.Check(t, func(rt *rapid.T) {
			s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("'=+-@<clear>\"\r\n\t ,;_x041"))), rapid.SampledFrom(nasty)).Draw(rt, "text")
			back(rt, kind, s)
		})
	}
}

func back(t interface {
	Fatal(...any)
	Errorf(string, ...any)
}, kind, s string,
) {
	if strings.HasPrefix(s, "like:") {
		return
	}
	_, l := gathered(written(t, kind, []string{"userPrincipalName", "streetAddress", "city"}, []string{"a@x.com", s, "Bonn"}), sheet.Options{AsTyped: true})
	if len(l.records) != 1 {
		t.Fatal(kind, s, l)
	}
	r := l.records[0]
	var got string
	switch len(r.Cells) {
	case 2:
		got = r.Cells[0].Text
	case 1:
		if strings.TrimSpace(s) == "" {
			return // an empty cell leaves
		}
	}
	if got != s || r.Cells[len(r.Cells)-1].Text != "Bonn" {
		t.Errorf("%s: %q comes back as %q", kind, s, got)
	}
	if len(r.Cells[0].Problems) == 0 && strings.TrimSpace(s) != "" && r.Cells[0].Value.IsNull() && strings.Trim(s, " \t\r\n\u200b\ufeff") != "" {
		t.Errorf("%s: %q clears", kind, s)
	}
}

// A CSV opened in Excel or LibreOffice holds no formula: no cell that we write begins like one.
func TestB11_NoCellBeginsLikeAFormula(t *testing.T) {
	t.Parallel()
	for _, s := range nasty {
		b := written(t, "csv", []string{s})
		text := strings.TrimPrefix(string(b), "\ufeff")
		text = strings.TrimPrefix(text, `"`)
		if strings.ContainsAny(text[:1], "=+-@\t\r") && s != "" || strings.HasPrefix(text, "＝") {
			t.Errorf("%q is written as %q", s, b)
		}
	}
}

// A value shows as what is read back as the same value.
func TestShowIsReadBack(t *testing.T) {
	t.Parallel()
	for name, v := range map[property.Name]property.Value{
		"otherMails": property.List("a@x.com", "b@x.com"), "accountEnabled": property.Bool(false), "businessPhones": property.List("+49 30 1"),
		"usageLocation": property.Text("DE"), "preferredLanguage": property.Text("zh-Hant-TW"), "streetAddress": property.Text("1\n2"),
	} {
		_, l := gathered(written(t, "csv", []string{"id", string(name)}, []string{"87d349ed-44d7-43e1-9a83-5f2406dee5bd", sheet.Show(v)}), sheet.Options{})
		if len(l.problems) > 0 || len(l.records) != 1 || !l.records[0].Cells[0].Value.Equal(v) {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if s := sheet.Show(property.List("a;b", "c")); s != "a;b\nc" {
		t.Errorf("%q", s)
	}
}

// B13: what Excel takes away is told by what is in the directory.
func TestB13_WhatIsInTheDirectoryTellsTheDamage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		was, now property.Value
		say      string
	}{
		{property.Text("00042"), property.Text("42"), "Excel has taken the zeros in front away: 00042 is in the directory and 42 in the file. Format the column as text and type it again."},
		{property.List("+49 (30) 123-456"), property.List("4930123456"), "Excel has taken the + in front away: +49 (30) 123-456 is in the directory and 4930123456 in the file. Format the column as text and type it again."},
		{property.Text("+49 30 1"), property.Text("+49 30 2"), ""},
		{property.Text("42"), property.Text("43"), ""},
		{property.Null(), property.Text("43"), ""},
		{property.Text("00042"), property.Text("00042"), ""},
	} {
		if got := sheet.Damaged(c.was, c.now).String(); got != c.say {
			t.Errorf("%v → %v: %q", c.was, c.now, got)
		}
	}
}

// FuzzRead: whatever a file is, it is read or refused with a sentence, and never panics.
func FuzzRead(f *testing.F) {
	for _, m := range mistakes {
		f.Add([]byte(m.file))
	}
	f.Add(book(f, heads+`<row r="2"><c r="A2" t="s"><v>0</v></c></row>`, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, l := gathered(b, sheet.Options{})
		for _, p := range l.problems {
			if strings.HasPrefix(p, "NO SENTENCE") {
				t.Error(p)
			}
		}
	})
}

// What LibreOffice 7.4.7 has made of both our files, opened and saved again without an edit, and what it changes of itself: line ends,
// one more unescaping, and of a CSV a NUL and the zero of 01067.
func TestB11_SavedByLibreOffice(t *testing.T) {
	t.Parallel()
	for name, changed := range map[string][]string{
		"from-xlsx.xlsx": {"two\r\nlines", "_x005F_x0041_"},
		"from-csv.xlsx":  {"two\r\nlines", "_x005F_x0041_", "01067", "\x00\x01\x1f"},
	} {
		b, err := os.ReadFile("testdata/saved/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, l := gathered(b, sheet.Options{AsTyped: true})
		if len(l.records) != len(nasty) {
			t.Fatalf("%s: %d rows: %v", name, len(l.records), l.problems)
		}
		for i, s := range nasty {
			got := ""
			if c := l.records[i].Cells; len(c) == 2 {
				got = c[0].Text
			}
			if got != s && strings.TrimSpace(s) != "" && !slices.Contains(changed, s) {
				t.Errorf("%s: %q comes back as %q", name, s, got)
			}
		}
	}
}
