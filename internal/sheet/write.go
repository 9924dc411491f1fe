package sheet

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"io"
	"strings"

	"nameplate/internal/property"
)

// Show is a value as a cell holds it: what Each reads back as the same value, or, where a value could not be typed (spaces around it,
// letters in another form), as the same text, which stands for "as it is".
func Show(v property.Value) string {
	if l := v.Items(); len(l) > 0 {
		for _, s := range l {
			if strings.Contains(s, ";") {
				return strings.Join(l, "\n")
			}
		}
	}
	return v.String()
}

// Writer writes rows, the headings first. What no cell can hold (MaxCell) is left empty, so that it stays as it is when the file comes back.
type Writer interface {
	Row(cells []string) error
	Close() error
}

// NewCSV writes UTF-8 with its mark, so that Excel takes it for what it is, and CRLF.
func NewCSV(w io.Writer) Writer {
	b := bufio.NewWriter(w)
	_, _ = b.WriteString("\ufeff") // an error comes again at Close
	return &csvWriter{b}
}

type csvWriter struct{ b *bufio.Writer }

func (c *csvWriter) Row(cells []string) error {
	for i, s := range cells {
		if i > 0 {
			_ = c.b.WriteByte(',')
		}
		s = mark(held(s), Clear)
		if strings.ContainsAny(s, ",;\t\"\r\n") || strings.TrimSpace(s) != s || len(cells) == 1 && s == "" {
			s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		_, _ = c.b.WriteString(s)
	}
	_, err := c.b.WriteString("\r\n") // a buffer keeps its first error
	return err
}

func (c *csvWriter) Close() error { return c.b.Flush() }

func held(s string) string {
	if len(s) >= MaxCell { // one less, for the mark
		return ""
	}
	return s
}

// NewXLSX writes a workbook of one sheet whose cells are all texts, so that no spreadsheet takes one for a formula, a number or a date.
func NewXLSX(w io.Writer, sheet string) (Writer, error) {
	z := zip.NewWriter(w)
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	for _, p := range []struct{ name, text string }{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + rel + `"><sheets><sheet name="` + attribute(sheet) + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + rel + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="` + rel + `/styles" Target="styles.xml"/></Relationships>`},
		// The second format is text: what somebody types later into such a cell stays as typed.
		{"xl/styles.xml", `<styleSheet xmlns="` + main + `"><fonts count="1"><font/></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>`},
	} {
		part, err := z.Create(p.name)
		if err == nil {
			_, err = io.WriteString(part, head+p.text)
		}
		if err != nil {
			return nil, err
		}
	}
	part, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return nil, err
	}
	x := &xlsxWriter{z: z, b: bufio.NewWriter(part)}
	_, _ = x.b.WriteString(head + `<worksheet xmlns="` + main + `"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols><col min="1" max="512" width="24" style="1" customWidth="1"/></cols><sheetData>`)
	return x, nil
}

type xlsxWriter struct {
	z *zip.Writer
	b *bufio.Writer
	n int
}

func (x *xlsxWriter) Row(cells []string) error {
	x.n++
	_, _ = x.b.WriteString("<row>")
	for _, s := range cells {
		if s = held(s); strings.HasPrefix(s, "'") || clears(s, Clear) {
			s = mark(s, Clear) // a formula needs no mark here, the cell's type says what it is
		}
		_, _ = x.b.WriteString(`<c t="inlineStr" s="1"><is><t xml:space="preserve">` + texted(s) + `</t></is></c>`)
	}
	_, err := x.b.WriteString("</row>")
	return err
}

func (x *xlsxWriter) Close() error {
	_, err := x.b.WriteString("</sheetData></worksheet>")
	if err == nil {
		err = x.b.Flush()
	}
	if cerr := x.z.Close(); err == nil {
		err = cerr
	}
	return err
}

func attribute(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

// texted writes a text so that escaped gives it back: what XML cannot hold, and what looks like such a writing, as _xHHHH_.
func texted(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r < ' ' && r != '\t' && r != '\n', r == '\ufffe', r == '\uffff':
			const hex = "0123456789ABCDEF"
			b.WriteString("_x")
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
			b.WriteByte('_')
		case r == '_' && escaped(s[i:]) != s[i:] && strings.HasPrefix(s[i:], "_x"):
			b.WriteString("_x005F_")
		default:
			b.WriteRune(r)
		}
	}
	return attribute(b.String())
}

// Template is the empty table that a format begins with, with its example, made from what reads it.
func Template(name string, set *property.Set) (rows [][]string, ok bool) {
	f := formatNamed(name)
	if f == nil || f.Export {
		return nil, false
	}
	if f.Name == Own {
		return [][]string{ownHeadings(set)}, true
	}
	if f.Version {
		rows = append(rows, []string{"version:v1.0"})
	}
	rows = append(rows, f.Headings)
	if f.Example != "" {
		rows = append(rows, []string{f.Example})
	}
	return rows, true
}

// ownHeadings are the columns of our own layout: whom, everything that can be written for many people at once, and what is no property.
func ownHeadings(set *property.Set) []string {
	l := []string{"id", "userPrincipalName"}
	for _, d := range Writable(set) {
		l = append(l, string(d.Name))
	}
	return append(l, "manager", "groups:add", "groups:remove", "licenses:add", "licenses:remove", "photo", "like", "action")
}

// Writable are the properties that a spreadsheet can set: those that some other person than their owner may write.
func Writable(set *property.Set) []property.Def {
	var l []property.Def
	for _, d := range set.All() {
		g := d.Graph
		if d.Name != "userPrincipalName" && !g.ReadOnly && !g.Secret && !g.Delegated && !g.Single && d.Kind != property.KindObject {
			l = append(l, d)
		}
	}
	return l
}

// Layout are the columns with which people are written in a format; ok is false for a format that does not describe people.
func Layout(name string, set *property.Set) (head [][]string, columns []Column, ok bool) {
	f := formatNamed(name)
	if f == nil || f.Act != Update && f.Act != Ensure {
		return nil, nil, false
	}
	heads := f.Headings
	if f.Name == Own {
		heads = []string{"id", "userPrincipalName"}
		for _, d := range Writable(set) {
			heads = append(heads, string(d.Name))
		}
		heads = append(heads, "manager")
	}
	reader := &File{o: Options{Properties: set}, format: f}
	for i, h := range heads {
		columns = append(columns, reader.column(h, i, 1).Column)
	}
	if f.Version {
		head = append(head, []string{"version:v1.0"})
	}
	return append(head, heads), columns, true
}

// Cell is a value as this column holds it.
func (c Column) Cell(v property.Value) string {
	if !c.Inverted || v.IsNull() {
		return Show(v)
	}
	words := [2]string{"False", "True"}
	if strings.Contains(c.Heading, "(Yes/No)") {
		words = [2]string{"No", "Yes"}
	}
	if v.True() {
		return words[0]
	}
	return words[1]
}
