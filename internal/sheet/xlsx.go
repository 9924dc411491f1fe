package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/fail"
)

// A workbook is read as ECMA-376 has it, element by element, and nothing of it is followed: no link, no formula, no macro. Our own
// reader and not a library: what bounds a file has to stand before each allocation (docs/decisions).

const (
	maxShared = 1 << 18  // shared texts
	maxTexts  = 48 << 20 // bytes of all of them
	maxMarkup = 1 << 20  // bytes without a "<"
)

// workbook is what is known of a workbook beside its cells.
type workbook struct {
	zip    *zip.Reader
	shared []string
	styles []numberStyle
	epoch  int // days between the serial number 0 and 1899-12-30
	sheets []sheetRef
}

type sheetRef struct {
	name   string
	hidden bool
	part   string
}

// numberStyle is what a number format makes of a number.
type numberStyle struct {
	date bool
	code string // when it is neither general nor text nor plain digits
}

// openXLSX finds the sheet of a workbook.
func (f *File) openXLSX(src io.ReaderAt, size int64) error {
	z, err := zip.NewReader(src, size)
	if err != nil {
		return damaged()
	}
	if err := unpackable(z, size); err != nil {
		return err
	}
	if err := workbookKind(z); err != nil {
		return err
	}
	w := &workbook{zip: z}
	if err := w.read(); err != nil {
		return err
	}
	s, others, err := w.pick(f.o.Sheet)
	if err != nil {
		return err
	}
	f.Kind, f.Sheet = "xlsx", s.name
	for _, x := range w.sheets {
		if !x.hidden {
			f.Sheets = append(f.Sheets, x.name)
		}
	}
	f.open = func() (rows, error) {
		r, err := w.parse(s.part)
		if err != nil {
			return nil, err
		}
		x := &xlsxRows{w: w, name: s.name, x: r}
		if len(others) > 0 {
			x.say("sheets", fail.T("The sheet %[1]s was read. Not read: %[2]s.", s.name, strings.Join(others, ", ")))
		}
		return x, nil
	}
	return nil
}

// pick is the sheet that was said, or the first that is not hidden.
func (w *workbook) pick(name string) (s sheetRef, others []string, err error) {
	found := false
	for _, x := range w.sheets {
		if !found && (name == "" && !x.hidden || name != "" && strings.EqualFold(x.name, name)) {
			s, found = x, true
			continue
		}
		others = append(others, x.name)
	}
	if !found {
		return s, nil, refuse("sheet", fail.T("There is no such sheet in the workbook. It has: %s.", strings.Join(others, ", ")))
	}
	return s, others, nil
}

// part opens a part of the zip by its name.
func (w *workbook) parse(name string) (*markup, error) {
	i := slices.IndexFunc(w.zip.File, func(f *zip.File) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return nil, damaged()
	}
	r, err := w.zip.File[i].Open()
	if err != nil {
		return nil, damaged()
	}
	m := &markup{}
	m.d = xml.NewDecoder(&guarded{r: io.LimitReader(r, int64(min(w.zip.File[i].UncompressedSize64, maxUnpacked))+1)})
	return m, nil
}

// markup is XML that is read element by element.
type markup struct{ d *xml.Decoder }

// guarded refuses what no workbook needs and what would make the parser hold much at once: declarations, and a megabyte without a tag.
type guarded struct {
	r     io.Reader
	since int
	last  byte
}

var errMarkup = errors.New("markup that no workbook has")

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	b := p[:n]
	if g.last == '<' && n > 0 && b[0] == '!' || bytes.Contains(b, []byte("<!")) {
		return 0, errMarkup
	}
	if i := bytes.LastIndexByte(b, '<'); i >= 0 {
		if g.since+bytes.IndexByte(b, '<') > maxMarkup {
			return 0, errMarkup
		}
		g.since = n - i
	} else if g.since += n; g.since > maxMarkup {
		return 0, errMarkup
	}
	if n > 0 {
		g.last = b[n-1]
	}
	return n, err
}

// token is the next one; io.EOF at the end.
func (m *markup) token() (xml.Token, error) {
	t, err := m.d.RawToken()
	if err == nil || err == io.EOF {
		return t, err
	}
	if errors.Is(err, errMarkup) {
		return nil, refuse("bomb", fail.T("The workbook is refused: %s. Save it again with Excel or LibreOffice, or as CSV.", fail.T("a part holds declarations or much too long texts")))
	}
	return nil, damaged()
}

// each gives all elements that begin, and where text gathers.
func (m *markup) each(begin func(xml.StartElement) error) error {
	for {
		t, err := m.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if s, ok := t.(xml.StartElement); ok {
			if err := begin(s); err != nil {
				return err
			}
		}
	}
}

func attr(s xml.StartElement, name string) string {
	for _, a := range s.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func yes(s string) bool { return s == "1" || s == "true" }

// links are the parts that a part names, by id, and by the last word of their type; those of "" are the package's own.
func (w *workbook) links(of string) (byID, byType map[string]string, err error) {
	byID, byType = map[string]string{}, map[string]string{}
	dir, file := path.Split(of)
	m, err := w.parse(path.Join(dir, "_rels", file+".rels"))
	if err != nil {
		return nil, nil, err
	}
	return byID, byType, m.each(func(s xml.StartElement) error {
		if s.Name.Local == "Relationship" && attr(s, "TargetMode") != "External" {
			to := attr(s, "Target")
			if !strings.HasPrefix(to, "/") {
				to = path.Join(dir, to)
			}
			to = strings.TrimPrefix(path.Clean(to), "/")
			byID[attr(s, "Id")], byType[path.Base(attr(s, "Type"))] = to, to
		}
		return nil
	})
}

// read reads everything but the cells.
func (w *workbook) read() error {
	_, top, err := w.links("")
	if err != nil {
		return err
	}
	main := top["officeDocument"]
	byID, byType, err := w.links(main)
	if err != nil {
		return err
	}
	m, err := w.parse(main)
	if err != nil {
		return err
	}
	err = m.each(func(s xml.StartElement) error {
		switch s.Name.Local {
		case "workbookPr":
			if yes(attr(s, "date1904")) {
				w.epoch = 1462
			}
		case "sheet":
			if part := byID[attr(s, "id")]; strings.Contains(part, "worksheets/") {
				w.sheets = append(w.sheets, sheetRef{attr(s, "name"), attr(s, "state") != "" && attr(s, "state") != "visible", part})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if part := byType["sharedStrings"]; part != "" {
		if err := w.readShared(part); err != nil {
			return err
		}
	}
	if part := byType["styles"]; part != "" {
		return w.readStyles(part)
	}
	return nil
}

func tooMuchText() error {
	return refuse("too_large", fail.T("The workbook holds more text than is taken. Save it as CSV UTF-8, or split it."))
}

// readShared reads the texts that cells refer to by their number.
func (w *workbook) readShared(part string) error {
	m, err := w.parse(part)
	if err != nil {
		return err
	}
	total := 0
	var text strings.Builder
	in, aside := false, 0
	for {
		t, err := m.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "sst":
				if n, _ := strconv.Atoi(attr(t, "uniqueCount")); n > maxShared {
					return tooMuchText()
				}
			case "si":
				text.Reset()
			case "rPh": // how it is pronounced
				aside++
			case "t":
				in = aside == 0
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "rPh":
				aside--
			case "t":
				in = false
			case "si":
				if total += text.Len(); len(w.shared) == maxShared || total > maxTexts || text.Len() > MaxCell*4 {
					return tooMuchText()
				}
				w.shared = append(w.shared, text.String())
			}
		case xml.CharData:
			if in {
				text.Write(t)
			}
		}
	}
}

// plainFormats are the built-in number formats that show a number as it is. ECMA-376 part 1, 18.8.30.
var plainFormats = map[int]bool{0: true, 1: true, 49: true}

// builtin are the codes of the built-in formats that are no dates and show more than digits.
var builtin = map[int]string{2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 44: "currency", 48: "##0.0E+0"}

func (w *workbook) readStyles(part string) error {
	m, err := w.parse(part)
	if err != nil {
		return err
	}
	codes := map[int]string{}
	in := false
	for {
		t, err := m.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case t.Name.Local == "numFmt":
				n, _ := strconv.Atoi(attr(t, "numFmtId"))
				codes[n] = attr(t, "formatCode")
			case t.Name.Local == "cellXfs":
				in = true
			case t.Name.Local == "xf" && in:
				if len(w.styles) > 1<<16 {
					return damaged()
				}
				n, _ := strconv.Atoi(attr(t, "numFmtId"))
				w.styles = append(w.styles, style(n, codes[n]))
			}
		case xml.EndElement:
			if t.Name.Local == "cellXfs" {
				in = false
			}
		}
	}
}

func style(n int, code string) numberStyle {
	switch {
	case n >= 14 && n <= 22, n >= 27 && n <= 36, n >= 45 && n <= 47, n >= 50 && n <= 58:
		return numberStyle{date: true}
	case code == "" && plainFormats[n], strings.EqualFold(code, "general"), code == "@", strings.Trim(code, "0#") == "" && code != "":
		return numberStyle{}
	case code == "":
		return numberStyle{code: builtin[n]}
	}
	bare, quoted, bracket := "", false, false
	for _, r := range strings.ToLower(code) {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '[':
			bracket = true
		case r == ']':
			bracket = false
		case !bracket:
			bare += string(r)
		}
	}
	return numberStyle{date: strings.ContainsAny(bare, "ydhs") || strings.Contains(bare, "mm"), code: code}
}

// place takes the name of a cell apart: "C17" is column 3, row 17. 0, 0 is none that there can be.
func place(ref string) (column, row int) {
	i := 0
	for ; i < len(ref) && i < 4 && ref[i] >= 'A' && ref[i] <= 'Z'; i++ {
		column = column*26 + int(ref[i]-'A') + 1
	}
	row, err := strconv.Atoi(ref[i:])
	if err != nil || row < 1 || i == 0 {
		return 0, 0
	}
	return column, row
}

func outside(ref string) error {
	return refuse("outside", fail.T("The workbook has a cell at %[1]s. A sheet has at most %[2]d rows, and %[3]d columns are taken.", short(ref), MaxRows, MaxColumns))
}

// addressed says where a cell is for a message.
func addressed(column, row int) string { return fmt.Sprintf("%s%d", letters(column), row) }
