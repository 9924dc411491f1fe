// Package sheet owns spreadsheets: it reads CSV and XLSX as the admin centers, Excel and people write them, row by row, and says of
// each row what it wants of whom; and it writes lists that come back in without a change.
//
// It promises: nothing is guessed silently (encoding, delimiter, sheet, format and columns are told, and can be said); all problems of
// a file are found in one pass, each with line, column, what is allowed and how to mend it; an empty cell leaves, a word clears;
// a file is bounded before it is believed (bytes, rows, columns, cells, what a zip unpacks to), and nothing is unpacked to disk or
// fetched. It knows neither people nor a directory: whether a row is about somebody is package bulk's question.
package sheet

import (
	"fmt"
	"io"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// The bounds of a file. Excel's own are 1,048,576 rows and 32,767 characters in a cell.
const (
	MaxBytes   = 256 << 20
	MaxRows    = 1 << 20
	MaxColumns = 512
	MaxCell    = 32 << 10 // bytes
)

// Clear is the word that takes a value away, unless Options say another.
const Clear = "<clear>"

// Unread is what As and Named say of a column that is not read.
const Unread = "-"

// Options say what a file does not say of itself. The zero value of each field means: as the file has it.
type Options struct {
	Encoding  string // "utf-8", "utf-16le", "utf-16be", "windows-1252"
	Delimiter string // "," ";" or a tab
	Sheet     string // of a workbook
	Format    string // name of a Format: for labels in another language, and for what cannot be told from the headings
	Clear     string // the word that takes a value away
	AsTyped   bool   // cells that look as if Excel had rewritten them are taken as they stand
	// As says for columns, by number from 1, which heading is read in place of what stands there: "department", "groups:add", Unread.
	// Columns that are not in it are read as they say. Named says it by what stands there, whatever its case and spaces.
	As    map[int]string
	Named map[string]string
	// Properties is the catalog; needed.
	Properties *property.Set
}

// Problem is what is wrong with a file, a row or a cell, or worth knowing of it.
type Problem struct {
	Line    int    // as an editor counts lines, or the row of a sheet; 0 is the whole file
	Column  int    // from 1; 0 is the whole row
	Sheet   string // of a workbook
	Heading string
	Code    string // for programs: "too_long", "damaged", "unknown_heading"
	Say     fail.Text
}

// Where is the place as people write it: "line 4, column C (Department)", "Sheet1!C17 (Department)", "" for the whole file.
func (p Problem) Where() string {
	var s string
	switch {
	case p.Line == 0 && p.Column == 0 && p.Sheet == "":
		return p.Heading
	case p.Line == 0 && p.Column == 0:
		return p.Sheet
	case p.Sheet != "" && p.Line > 0 && p.Column > 0:
		s = fmt.Sprintf("%s!%s%d", p.Sheet, letters(p.Column), p.Line)
	case p.Sheet != "":
		s = fmt.Sprintf("%s, row %d", p.Sheet, p.Line)
	default:
		s = fmt.Sprintf("line %d", p.Line)
		if p.Column > 0 {
			s += ", column " + letters(p.Column)
		}
	}
	if p.Heading != "" {
		s += " (" + p.Heading + ")"
	}
	return s
}

// String is the English sentence with its place.
func (p Problem) String() string {
	if w := p.Where(); w != "" {
		return w + ": " + p.Say.String()
	}
	return p.Say.String()
}

// letters names a column as spreadsheets do: 1 is A, 27 is AA.
func letters(n int) string {
	var s string
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('A'+(n-1)%26)) + s
	}
	return s
}

// refuse is the error of a file that cannot be read at all.
func refuse(code string, say fail.Text) error {
	f := fail.New(fail.Invalid, "sheet.open", say)
	f.Code = code
	return f
}

// About is what was found out about a file; a plan tells it.
type About struct {
	Kind      string   // "csv" or "xlsx"
	Encoding  string   // of a CSV
	Delimiter string   // of a CSV
	LineEnds  string   // of a CSV: "LF", "CRLF", "CR", "LFCR", "mixed"
	Sheet     string   // of a workbook
	Sheets    []string // all of them that are not hidden
	Format    string   // name of the Format
	Columns   []Column // in the order of the file
}

// cell is what stands in one place of a file.
type cell struct {
	text  string
	kind  cellKind
	style string // of a number: its format code, when it has one that is neither general nor text
}

type cellKind int

const (
	asText cellKind = iota // every cell of a CSV
	asNumber
	asDate // text is 2006-01-02 or 2006-01-02T15:04:05
	asYesNo
	asError
)

// rows is a source of rows. next gives the cells by place and the line of the first, io.EOF at the end; the slice is good until the
// next call. notes are told once at the end.
type rows interface {
	next() (cells []cell, line int, err error)
	notes() []Problem
}

// File is a spreadsheet whose headings were read.
type File struct {
	About
	o       Options
	open    func() (rows, error) // from the beginning
	skip    int                  // rows before the first row of data
	format  *Format
	columns []column
	known   []Problem // of headings
	notes   []Problem
}

// Open recognizes a file by its content and reads its headings. The error is a *fail.Error of kind Invalid, for people, when nothing
// can be read of it; Problems tells what is wrong with its headings.
func Open(src io.ReaderAt, size int64, o Options) (*File, error) {
	if o.Clear == "" {
		o.Clear = Clear
	}
	if size > MaxBytes {
		return nil, refuse("too_large", fail.T("The file has %[1]d MB, and at most %[2]d MB are taken. Split it.", int(size>>20), MaxBytes>>20))
	}
	f := &File{o: o}
	workbook, err := recognize(src, size)
	if err != nil {
		return nil, err
	}
	if workbook {
		err = f.openXLSX(src, size)
	} else {
		err = f.openCSV(src, size)
	}
	if err != nil {
		return nil, err
	}
	return f, f.headings()
}

// Problems are what is wrong with the headings; with any, no row can be read rightly.
func (f *File) Problems() []Problem { return f.known }

// Each reads all rows, once more at each call. The error is that of a file that cannot be read to its end, or do's.
func (f *File) Each(do func(Record) error) error {
	src, err := f.open()
	if err != nil {
		return err
	}
	f.notes = nil
	n := -f.skip
	for {
		cells, line, err := src.next()
		if err == io.EOF {
			f.notes = src.notes()
			return nil
		}
		if err != nil {
			return err
		}
		if n++; n <= 0 {
			continue
		}
		if n > MaxRows {
			return refuse("too_many_rows", fail.T("The file has more than %d rows. Split it.", MaxRows))
		}
		if blank(cells) {
			continue
		}
		r, example := f.record(cells, line)
		if example {
			continue
		}
		if err := do(r); err != nil {
			return err
		}
	}
}

// Samples are what stands in the first n rows of data, column by column, as it stands there; of passwords nothing.
func (f *File) Samples(n int) ([][]string, error) {
	src, err := f.open()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for i := -f.skip; len(out) < n; {
		cells, _, err := src.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return out, err
		}
		if i++; i <= 0 || blank(cells) {
			continue
		}
		row := make([]string, len(f.Columns))
		for j := range min(len(row), len(cells)) {
			if f.Columns[j].Use != Password {
				row[j] = short(cells[j].text)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// Notes are what is worth knowing of the whole file, after Each: hidden rows, formulas, further sheets.
func (f *File) Notes() []Problem { return f.notes }

func blank(cells []cell) bool {
	for _, c := range cells {
		if strings.TrimSpace(c.text) != "" {
			return false
		}
	}
	return true
}

// Letters are what spreadsheets call the column of a problem, "" for none.
func (p Problem) Letters() string { return letters(p.Column) }
