package sheet

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"nameplate/internal/fail"
)

// xlsxRows reads the rows of one sheet. A row has as many cells as its last one that is not empty says, at most MaxColumns; rows that
// are not there are left out, however far away the next one is.
type xlsxRows struct {
	w     *workbook
	name  string
	x     *markup
	row   []cell
	line  int
	found []Problem

	hidden, formulas int
	firstFormula     string
	merged           bool
}

func (x *xlsxRows) say(code string, t fail.Text) {
	x.found = append(x.found, Problem{Sheet: x.name, Code: code, Say: t})
}

func (x *xlsxRows) notes() []Problem {
	if x.hidden > 0 {
		x.say("hidden_rows", fail.T("%d rows are hidden in the workbook, by hand or by a filter. They were read like the others.", x.hidden))
	}
	if x.formulas > 0 {
		x.say("formulas", fail.T("%[1]d cells are formulas, the first at %[2]s. The value that the workbook last showed is taken.", x.formulas, x.firstFormula))
	}
	return x.found
}

func (x *xlsxRows) next() ([]cell, int, error) {
	for {
		t, err := x.x.token()
		if err != nil {
			return nil, 0, err
		}
		s, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch s.Name.Local {
		case "mergeCell":
			if !x.merged {
				x.merged = true
				return nil, 0, refuse("merged", fail.T("Cells are merged (%s), so it is not clear to whom a value belongs. Unmerge them and write each value in its own cell.", attr(s, "ref")))
			}
		case "col":
			if yes(attr(s, "hidden")) {
				x.say("hidden_columns", fail.T("Columns %[1]s to %[2]s are hidden in the workbook. They were read like the others.", attr(s, "min"), attr(s, "max")))
			}
		case "row":
			if yes(attr(s, "hidden")) {
				x.hidden++
			}
			before := x.line
			x.line++
			if r := attr(s, "r"); r != "" {
				n, err := strconv.Atoi(r)
				if err != nil || n < 1 || n > MaxRows {
					return nil, 0, outside("row " + r)
				}
				x.line = n
			}
			if x.line <= before {
				return nil, 0, damaged()
			}
			if x.line > MaxRows {
				return nil, 0, outside("row " + strconv.Itoa(x.line))
			}
			if err := x.cells(); err != nil {
				return nil, 0, err
			}
			return x.row, x.line, nil
		}
	}
}

// cells reads the cells of a row.
func (x *xlsxRows) cells() error {
	x.row = x.row[:0]
	at := 0
	for {
		t, err := x.x.token()
		if err == io.EOF {
			return damaged()
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if t.Name.Local == "row" {
				return nil
			}
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			at++
			if ref := attr(t, "r"); ref != "" {
				column, row := place(ref)
				if column == 0 || row != x.line || row > MaxRows {
					return outside(ref)
				}
				at = column
			}
			c, err := x.cell(t, at)
			if err != nil {
				return err
			}
			if c.text == "" {
				continue
			}
			if at > MaxColumns {
				return outside(addressed(at, x.line))
			}
			for len(x.row) < at {
				x.row = append(x.row, cell{})
			}
			x.row[at-1] = c
		}
	}
}

// cell reads one cell to its end.
func (x *xlsxRows) cell(s xml.StartElement, column int) (cell, error) {
	var value, inline strings.Builder
	var into *strings.Builder
	aside := 0
	for {
		t, err := x.x.token()
		if err == io.EOF {
			return cell{}, damaged()
		}
		if err != nil {
			return cell{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "f":
				if x.formulas++; x.formulas == 1 {
					x.firstFormula = addressed(column, x.line)
				}
			case "v":
				into = &value
			case "t":
				if aside == 0 {
					into = &inline
				}
			case "rPh":
				aside++
			}
		case xml.CharData:
			if into != nil {
				into.Write(t)
			}
			if value.Len()+inline.Len() > MaxCell*4 {
				return cell{}, refuse("cell_too_long", fail.T("Line %[1]d: a cell is longer than %[2]d bytes.", x.line, MaxCell))
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "c":
				return x.typed(attr(s, "t"), attr(s, "s"), value.String(), inline.String(), column)
			case "rPh":
				aside--
			}
			into = nil
		}
	}
}

// typed gives a cell its type. ECMA-376 part 1, 18.18.11.
func (x *xlsxRows) typed(kind, styled, value, inline string, column int) (cell, error) {
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 || n >= len(x.w.shared) {
			return cell{}, refuse("damaged_file", fail.T("The file is damaged: the cell %s refers to a text that is not there. Save it again with Excel or LibreOffice.", addressed(column, x.line)))
		}
		return cell{text: escaped(x.w.shared[n])}, nil
	case "inlineStr":
		return cell{text: escaped(inline)}, nil
	case "str":
		return cell{text: escaped(value)}, nil
	case "b":
		if strings.TrimSpace(value) == "1" {
			return cell{text: "TRUE", kind: asYesNo}, nil
		}
		return cell{text: "FALSE", kind: asYesNo}, nil
	case "e":
		return cell{text: value, kind: asError}, nil
	case "d":
		return cell{text: value, kind: asDate}, nil
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return cell{}, nil
	}
	var st numberStyle
	if n, err := strconv.Atoi(styled); err == nil && n >= 0 && n < len(x.w.styles) {
		st = x.w.styles[n]
	}
	if st.date {
		if at, ok := serial(value, x.w.epoch); ok {
			return cell{text: at, kind: asDate}, nil
		}
	}
	return cell{text: value, kind: asNumber, style: st.code}, nil
}

// serial is the day, and the time when there is one, that a number of days is. Excel counts a 29th of February 1900 that never was.
func serial(s string, epoch int) (string, bool) {
	days, err := strconv.ParseFloat(s, 64)
	if err != nil || days < 0 || days > 2958466 {
		return "", false
	}
	if days < 60 && epoch == 0 {
		days++
	}
	whole := math.Floor(days)
	at := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(whole)+epoch)
	if rest := time.Duration(math.Round((days-whole)*86400)) * time.Second; rest > 0 {
		return at.Add(rest).Format("2006-01-02T15:04:05"), true
	}
	return at.Format(time.DateOnly), true
}

// escaped turns _x0041_ into its character, as a workbook writes what XML has no way to write. ECMA-376 part 1, 22.4.2.4.
func escaped(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i+7 <= len(s) && s[i+1] == 'x' && s[i+6] == '_' {
			if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil && (n < 0xd800 || n > 0xdfff) {
				b.WriteRune(rune(n))
				i += 6
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
