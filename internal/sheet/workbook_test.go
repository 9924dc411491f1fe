package sheet_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"nameplate/internal/sheet"
)

// book is a workbook made by hand: the first sheet has these rows, as XML, and more has further parts or other ones instead.
func book(t testing.TB, rows string, more map[string]string) []byte {
	t.Helper()
	parts := map[string]string{
		"[Content_Types].xml":        `<Types/>`,
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook><sheets><sheet name="Staff" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/a.xml"/><Relationship Id="r2" Type="http://x/worksheet" Target="worksheets/b.xml"/><Relationship Id="r3" Type="http://x/sharedStrings" Target="strings.xml"/><Relationship Id="r4" Type="http://x/styles" Target="styles.xml"/></Relationships>`,
		"xl/strings.xml":             `<sst><si><t>userPrincipalName</t></si><si><r><t>ci</t></r><r><t>ty</t></r><rPh><t>no</t></rPh></si></sst>`,
		"xl/styles.xml":              `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="&quot;day&quot; 0.0 [$€-407]"/><numFmt numFmtId="171" formatCode="dd/mm/yyyy"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="9"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>`,
		"xl/worksheets/a.xml":        `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`,
		"xl/worksheets/b.xml":        `<worksheet><sheetData><row><c t="inlineStr"><is><t>id</t></is></c></row></sheetData></worksheet>`,
	}
	for name, text := range more {
		parts[name] = text
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		if text == "" {
			continue
		}
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const heads = `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`

// heading names the columns of a sheet.
func heading(names ...string) string {
	s := `<row r="1">`
	for _, n := range names {
		s += `<c t="inlineStr"><is><t>` + n + `</t></is></c>`
	}
	return s + `</row>`
}

const who = `<c t="inlineStr"><is><t>a@x.com</t></is></c>`

func TestB23to30_WhatIsSaidOfAWorkbook(t *testing.T) {
	t.Parallel()
	staff := map[string]string{"xl/workbook.xml": `<workbook><sheets><sheet name="Old" state="hidden" r:id="r2"/><sheet name="Staff" r:id="r1"/></sheets></workbook>`}
	for _, m := range []struct {
		id, rows string
		more     map[string]string
		o        sheet.Options
		problems string
		notes    string
	}{
		{id: "a plain one", rows: heads + `<row r="2"><c r="A2" t="str"><v>a@x.com</v></c><c r="B2" t="inlineStr"><is><t>Bonn</t></is></c></row>`},
		{id: "B23 macros", more: map[string]string{"xl/vbaProject.bin": "x"}, problems: "This workbook holds macros (.xlsm). Save it as .xlsx, which has none."},
		{id: "B23 a binary one", more: map[string]string{"xl/workbook.bin": "x"}, problems: "This is a binary workbook (.xlsb). Save it as .xlsx or as CSV UTF-8 and take that."},
		{id: "B23 OpenDocument", more: map[string]string{"content.xml": "x", "mimetype": "x"}, problems: "This is an OpenDocument file (.ods). Save it as .xlsx or as CSV UTF-8 and take that."},
		{id: "B23 Word", more: map[string]string{"word/document.xml": "x"}, problems: "This is not a spreadsheet but: Word. Save the table as CSV UTF-8 or as .xlsx and take that."},
		{id: "B23 any zip", more: map[string]string{"[Content_Types].xml": "", "42.zip": "x"}, problems: "This is not a spreadsheet but: zip. Save the table as CSV UTF-8 or as .xlsx and take that."},
		{id: "B24 a way out", more: map[string]string{"../../x": "x"}, problems: "The workbook is refused: a part leads out of the file. Save it again with Excel or LibreOffice, or as CSV."},
		{id: "B25 row 2^31", rows: heads + `<row r="2147483648"/>`, problems: "The workbook has a cell at row 2147483648. A sheet has at most 1048576 rows, and 512 columns are taken."},
		{id: "B25 row 2^65", rows: heads + `<row r="36893488147419103232"/>`, problems: "The workbook has a cell at row 36893488147419103232. A sheet has at most 1048576 rows, and 512 columns are taken."},
		{id: "B25 one row too many", rows: heads + `<row r="1048576"/><row/>`, problems: "The workbook has a cell at row 1048577. A sheet has at most 1048576 rows, and 512 columns are taken."},
		{id: "B25 a column that there is not", rows: heads + `<row r="2"><c r="ZZZZZZ2"><v>1</v></c></row>`, problems: "The workbook has a cell at ZZZZZZ2. A sheet has at most 1048576 rows, and 512 columns are taken."},
		{id: "B25 the far corner", rows: heads + `<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>`, problems: "The workbook has a cell at XFD1048576. A sheet has at most 1048576 rows, and 512 columns are taken."},
		{id: "B25 an empty far corner, and somebody in the last row", rows: heads + `<row r="1048576"><c r="A1048576" t="str"><v>a@x.com</v></c><c r="XFD1048576" s="1"/></row>`},
		{id: "B25 rows that go back", rows: heads + `<row r="3"/><row r="2"/>`, problems: "The file is damaged: it ends too early, or its contents do not fit its checksums. Save it again, or copy it again."},
		{
			id: "B26 a declaration", more: map[string]string{"xl/worksheets/a.xml": `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet><sheetData><row><c t="str"><v>&e;</v></c></row></sheetData></worksheet>`},
			problems: "The workbook is refused: a part holds declarations or much too long texts. Save it again with Excel or LibreOffice, or as CSV.",
		},
		{
			id: "B26 an entity without one", rows: `<row><c t="str"><v>&e;</v></c></row>`,
			problems: "The file is damaged: it ends too early, or its contents do not fit its checksums. Save it again, or copy it again.",
		},
		{id: "B26 a text that is not there", rows: heads + `<row r="2"><c r="A2" t="s"><v>2</v></c></row>`, problems: "The file is damaged: the cell A2 refers to a text that is not there. Save it again with Excel or LibreOffice."},
		{
			id: "B27 formulas and links", rows: heads + `<row r="2"><c r="A2" t="str"><f>"a@"&amp;"x.com"</f><v>a@x.com</v></c><c r="B2" t="str"><f>[1]Other!A1</f><v>Bonn</v></c></row>`,
			more:  map[string]string{"xl/externalLinks/externalLink1.xml": `<externalLink/>`, "xl/connections.xml": `<connections/>`},
			notes: "Staff: 2 cells are formulas, the first at A2. The value that the workbook last showed is taken.",
		},
		{
			id: "B28 further and hidden sheets, hidden rows and columns", more: map[string]string{
				"xl/workbook.xml":     staff["xl/workbook.xml"],
				"xl/worksheets/a.xml": `<worksheet><cols><col min="2" max="2" hidden="1"/></cols><sheetData>` + heads + `<row r="2" hidden="1">` + who + `</row></sheetData><autoFilter ref="A1:B2"/></worksheet>`,
			},
			notes: "Staff: The sheet Staff was read. Not read: Old.\nStaff: Columns 2 to 2 are hidden in the workbook. They were read like the others.\n" +
				"Staff: 1 rows are hidden in the workbook, by hand or by a filter. They were read like the others.",
		},
		{id: "B28 another sheet, said", more: staff, o: sheet.Options{Sheet: "old"}, notes: "Old: The sheet Old was read. Not read: Staff."},
		{id: "B28 no such sheet", o: sheet.Options{Sheet: "Old"}, problems: "There is no such sheet in the workbook. It has: Staff."},
		{
			id: "B28 merged cells", more: map[string]string{"xl/worksheets/a.xml": `<worksheet><sheetData>` + heads + `</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells></worksheet>`},
			problems: "Cells are merged (A2:A3), so it is not clear to whom a value belongs. Unmerge them and write each value in its own cell.",
		},
		{
			id:   "B28 two rows of headings and a row of totals",
			rows: heads + strings.ReplaceAll(strings.ReplaceAll(heads, `1"`, `2"`), `="2"`, `="2"`) + `<row r="3"><c r="A3" t="str"><v>Total: 2</v></c></row>`,
			problems: "Staff!A2 (userPrincipalName): \"userPrincipalName\" is no sign-in name. One looks like anna@contoso.com.\n" +
				"Staff!A3 (userPrincipalName): \"Total: 2\" is no sign-in name. One looks like anna@contoso.com.",
		},
		{
			id: "B29 what is no text", rows: heading("userPrincipalName", "city", "state", "country", "department", "jobTitle", "companyName", "employeeLeaveDateTime") +
				`<row r="17">` + who + `<c s="1"><v>44197</v></c><c s="2"><v>0.5</v></c><c s="3"><v>12</v></c><c t="e"><v>#N/A</v></c><c t="b"><v>1</v></c><c><v>4.25E+15</v></c><c><v>17</v></c></row>`,
			problems: "Staff!B17 (city): Excel has made a date of this cell, and text belongs here. Format the column as text and type it again.\n" +
				"Staff!C17 (state): This cell is a number (0.5) and text belongs here. Format the column as text and type it again.\n" +
				"Staff!D17 (country): This cell is a number (12) and text belongs here. Format the column as text and type it again.\n" +
				"Staff!E17 (department): #N/A is what a failed formula leaves. Write the value itself.\n" +
				"Staff!F17 (jobTitle): This cell is a yes or no, and text belongs here. Format the column as text and type it again.\n" +
				"Staff!G17 (companyName): This cell is a number (4.25E+15) and text belongs here. Format the column as text and type it again.\n" +
				"Staff!H17 (employeeLeaveDateTime): Write the date as year, month and day, for example 2026-02-28.",
		},
	} {
		t.Run(m.id, func(t *testing.T) {
			t.Parallel()
			if m.rows == "" {
				m.rows = heads
			}
			_, l := gathered(book(t, m.rows, m.more), m.o)
			if got := strings.Join(l.problems, "\n"); got != m.problems {
				t.Errorf("problems\n got %s\nwant %s", got, m.problems)
			}
			if got := strings.Join(l.notes, "\n"); got != m.notes {
				t.Errorf("notes\n got %s\nwant %s", got, m.notes)
			}
		})
	}
}

// B29: dates of both systems, digits, yes or no. 36526 is the first day of 2000: https://support.microsoft.com/office/date-systems-in-excel-e7fe7167-48a9-4b96-bb53-5612a800b487
func TestB29_TypesOfCells(t *testing.T) {
	t.Parallel()
	rows := heading("userPrincipalName", "employeeLeaveDateTime", "postalCode", "accountEnabled") +
		`<row r="2">` + who + `<c s="4"><v>36526</v></c><c><v>1.0115E+4</v></c><c t="b"><v>0</v></c></row>`
	for day, workbook := range map[string]string{
		"2000-01-01T00:00:00Z": `<workbook><sheets><sheet name="Staff" r:id="r1"/></sheets></workbook>`,
		"2004-01-02T00:00:00Z": `<workbook><workbookPr date1904="1"/><sheets><sheet name="Staff" r:id="r1"/></sheets></workbook>`,
	} {
		_, l := gathered(book(t, rows, map[string]string{"xl/workbook.xml": workbook}), sheet.Options{})
		if len(l.problems) > 0 || len(l.records) != 1 {
			t.Fatal(l.problems)
		}
		c := l.records[0].Cells
		if c[0].Value.String() != day || c[1].Value.Str() != "10115" || c[2].Value.IsNull() || c[2].Value.True() {
			t.Errorf("%+v", c)
		}
	}
}

func TestB30_Damaged(t *testing.T) {
	t.Parallel()
	const say = "The file is damaged: it ends too early, or its contents do not fit its checksums. Save it again, or copy it again."
	var rows strings.Builder
	rows.WriteString(heads)
	for i := range 200 {
		fmt.Fprintf(&rows, `<row r="%d">%s</row>`, i+2, who)
	}
	whole := book(t, rows.String(), nil)
	for cut := 4; cut < len(whole); cut += 97 {
		if _, l := gathered(whole[:cut], sheet.Options{}); strings.Join(l.problems, "") != say {
			t.Fatalf("cut at %d: %q", cut, l.problems)
		}
	}
	r, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if f.Name != "xl/worksheets/a.xml" {
			continue
		}
		at, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(whole)
		bad[at+int64(f.CompressedSize64)/2] ^= 0x55
		if _, l := gathered(bad, sheet.Options{}); len(l.problems) == 0 {
			t.Error("a damaged byte is not noticed")
		}
	}
}

// busy is how long the process has computed; a busy machine does not make it longer.
func busy(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// B24, B25, B26: what is made to harm is refused within a second and 100 MB. Not parallel: it measures.
func TestB24to26_BombsAreRefusedFast(t *testing.T) {
	zeros := make([]byte, 1<<20)
	var block bytes.Buffer
	fw, err := flate.NewWriter(&block, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fw.Write(zeros)
	_ = fw.Flush() // a buffer takes everything
	raw := func(name string, size uint64, data []byte, repeat int) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: size, CompressedSize64: uint64(len(data) * repeat)})
		if err != nil {
			t.Fatal(err)
		}
		for range repeat {
			_, _ = w.Write(data)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	many := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range 100_000 {
			if _, err := z.Create(fmt.Sprint("p", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	// overlapping writes the directory entry of one part a thousand times.
	overlapping := func() []byte {
		one := raw("xl/worksheets/a.xml", 4<<20, bytes.Repeat([]byte("x"), 1<<16), 1)
		end := bytes.LastIndex(one, []byte("PK\x05\x06"))
		dir := int(binary.LittleEndian.Uint32(one[end+16:]))
		out := bytes.Clone(one[:dir])
		for range 1000 {
			out = append(out, one[dir:end]...)
		}
		tail := bytes.Clone(one[end:])
		binary.LittleEndian.PutUint16(tail[8:], 1000)
		binary.LittleEndian.PutUint16(tail[10:], 1000)
		binary.LittleEndian.PutUint32(tail[12:], uint32(1000*(end-dir)))
		return append(out, tail...)
	}
	var strs strings.Builder
	strs.WriteString("<sst>")
	for range 1<<20 + 1 {
		strs.WriteString("<si/>")
	}
	strs.WriteString("</sst>")
	spaces := strings.Repeat(strings.Repeat(" ", 1<<10)+fmt.Sprint("<!", 1), 2) + strings.Repeat(" ", 7<<20)
	bombs := map[string][]byte{
		"4 GB in a part":             raw("xl/worksheets/a.xml", 4<<30, block.Bytes(), 4096),
		"4 GB, said to be small":     append([]byte{}, raw("_rels/.rels", 100, block.Bytes(), 4096)...),
		"100,000 parts":              many(),
		"parts over one another":     overlapping(),
		"a million shared texts":     book(t, heads, map[string]string{"xl/strings.xml": strs.String()}),
		"7 MB without a tag":         book(t, heads, map[string]string{"xl/worksheets/a.xml": "<worksheet><sheetData><row><c><v>" + strings.Repeat(" ", 7<<20) + "</v></c></row></sheetData></worksheet>"}),
		"7 MB behind a declaration":  book(t, heads, map[string]string{"xl/worksheets/a.xml": spaces}),
		"the last row of all, twice": book(t, heads+`<row r="1048576"/><row r="4294967295"><c r="XFD4294967295"><v>1</v></c></row>`, nil),
	}
	for name, b := range bombs {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := busy(t)
		_, l := gathered(b, sheet.Options{})
		took := busy(t) - start
		runtime.ReadMemStats(&after)
		if len(l.problems) != 1 || strings.HasPrefix(l.problems[0], "NO SENTENCE") {
			t.Errorf("%s: %q", name, l.problems)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > time.Second || mb > 100 {
			t.Errorf("%s: %v, %d MB", name, took, mb)
		}
	}
}
