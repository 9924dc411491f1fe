package sheet

import (
	"regexp"
	"strings"
	"unicode"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Record is what one row asks for.
type Record struct {
	Line     int
	Sheet    string
	Act      Act
	ID, UPN  string // whom; at least one of them, unless there is a Problem
	Cells    []Cell // properties that the row sets or clears
	Manager  *string
	Join     []string // groups, by name or id
	Leave    []string
	Give     []string // products, by string id ("ENTERPRISEPACK"), name or id
	Take     []string
	Picture  *string // name of a file; "" takes the picture away
	Like     string  // sign-in name or id of a colleague
	Secret   string  // the first password of somebody who is created; in no message and no sample
	Problems []Problem
	Notes    []Problem
}

// Cell is one property in a row.
type Cell struct {
	Name     property.Name
	Text     string // as it stands there, without the mark of an export
	Value    property.Value
	Problems []Problem // with any, Value says nothing
	Notes    []Problem
	Place    Problem // where it stands; Code and Say are empty
}

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// record reads one row. example says that it is one that a template shows how to write.
func (f *File) record(cells []cell, line int) (r Record, example bool) {
	r = Record{Line: line, Sheet: f.Sheet, Act: f.format.Act}
	n := len(cells)
	for n > len(f.Columns) && strings.TrimSpace(cells[n-1].text) == "" {
		n--
	}
	if n > len(f.Columns) || f.Kind == "csv" && n < len(f.Columns) {
		r.problem(Problem{}, "cells", fail.T("The row has %[1]d cells and the headings are %[2]d. A comma or a quotation mark may be missing or too many.", n, len(f.Columns)))
		return r, false
	}
	country := ""
	for i, c := range f.columns {
		if i >= len(cells) {
			break
		}
		x := cells[i]
		text := unmark(x.text, f.o.Clear)
		at := Problem{Line: line, Column: i + 1, Sheet: f.Sheet, Heading: c.Heading}
		if strings.TrimSpace(text) == "" || c.Use == Ignored {
			continue
		}
		if c.Use != Set {
			if strings.HasPrefix(strings.ToLower(text), "example:") {
				return r, true
			}
			r.word(f, c, x, strings.TrimFunc(text, space), at)
			continue
		}
		if c.Name == "country" || c.Name == "usageLocation" && country == "" {
			country = text
		}
		r.Cells = append(r.Cells, f.cell(c, x, text, at))
	}
	for i := range r.Cells {
		if x := &r.Cells[i]; x.Name == "postalCode" && !f.o.AsTyped && lostZero(x.Value.Str(), country) {
			x.say("damaged", fail.T("Excel has probably taken a zero in front away: postal codes of %[1]s have five digits, and this has %[2]d. Format the column as text and type it again.", country, len(x.Value.Str())))
		}
	}
	if r.ID == "" && r.UPN == "" && len(r.Problems) == 0 {
		r.problem(Problem{}, "no_key", fail.T("The row does not say whom it is about: userPrincipalName and id are empty."))
	}
	return r, false
}

// space also takes what looks like one.
func space(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }

func (r *Record) problem(at Problem, code string, say fail.Text) {
	at.Line, at.Sheet, at.Code, at.Say = r.Line, r.Sheet, code, say
	r.Problems = append(r.Problems, at)
}

func (c *Cell) say(code string, say fail.Text) {
	at := c.Place
	at.Code, at.Say = code, say
	c.Problems = append(c.Problems, at)
}

func (c *Cell) note(code string, say fail.Text) {
	at := c.Place
	at.Code, at.Say = code, say
	c.Notes = append(c.Notes, at)
}

// word takes a cell that is no property.
func (r *Record) word(f *File, c column, x cell, text string, at Problem) {
	if x.kind == asError {
		if c.Use == Password {
			text = "#"
		}
		r.problem(at, "damaged", fail.T("%s is what a failed formula leaves. Write the value itself.", text))
		return
	}
	id := strings.ToLower(text)
	switch c.Use {
	case ID:
		if !guid.MatchString(text) {
			r.problem(at, "not_an_id", fail.T("%q is no object id. One looks like 87d349ed-44d7-43e1-9a83-5f2406dee5bd.", short(text)))
			return
		}
		r.ID = id
	case UPN:
		if strings.Count(text, "@") != 1 {
			r.problem(at, "not_a_name", fail.T("%q is no sign-in name. One looks like anna@contoso.com.", short(text)))
			return
		}
		r.UPN = text
	case Member:
		switch {
		case guid.MatchString(text):
			r.ID = id
		case strings.Count(text, "@") == 1:
			r.UPN = text
		default:
			r.problem(at, "not_a_name", fail.T("%q is neither an object id nor a sign-in name.", short(text)))
		}
	case Manager:
		if clears(x.text, f.o.Clear) {
			text = ""
		}
		r.Manager = &text
	case JoinTo:
		r.Join = several(text)
	case LeaveOf:
		r.Leave = several(text)
	case Give:
		r.Give = several(text)
	case Take:
		r.Take = several(text)
	case Picture:
		if clears(x.text, f.o.Clear) {
			text = ""
		}
		r.Picture = &text
	case Like:
		r.Like = strings.TrimSpace(strings.TrimPrefix(text, "like:"))
	case Doing:
		switch a := Act(id); a {
		case Update, Create, Delete, Restore:
			r.Act = a
		default:
			r.problem(at, "not_an_action", fail.T("%q is no action. It is update, create, delete or restore.", short(text)))
		}
	case Password:
		r.Secret = text
	}
}

// several are the names in a cell, with ; or a line end between them.
func several(text string) (l []string) {
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' || r == '\r' }) {
		if s = strings.TrimFunc(s, space); s != "" {
			l = append(l, s)
		}
	}
	return l
}

// short keeps a hostile cell from filling a message.
func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// cell reads one property.
func (f *File) cell(c column, x cell, text string, at Problem) Cell {
	out := Cell{Name: c.Name, Text: text, Place: at}
	if strings.HasPrefix(text, "like:") {
		out.say("like", fail.T("A colleague is named in a column like, whose groups and licenses are then taken."))
		return out
	}
	if clears(x.text, f.o.Clear) {
		out.Value = c.def.Clean(property.Null())
		for _, p := range c.def.Check(out.Value) {
			out.say(p.Code, fail.Text{Key: p.Key, Args: p.Args})
		}
		return out
	}
	if !f.typed(c, x, &text, &out) {
		return out
	}
	if t := strings.TrimFunc(text, space); t != text && (x.kind == asText) {
		out.note("trimmed", fail.T("Spaces before or behind the value are left away."))
	}
	if mojibake.MatchString(text) {
		out.note("mojibake", fail.T("%q looks like text that was read in the wrong encoding once. Look at it.", short(text)))
	}
	if formula(text) && c.def.Kind != property.KindPhone && c.def.Item != property.KindPhone {
		out.note("formula", fail.T("%q looks like a formula. It is taken as text, as it stands.", short(text)))
	}
	v, p := f.parse(c, text)
	if p != nil {
		out.say(p.Code, fail.Text{Key: p.Key, Args: p.Args})
		return out
	}
	out.Value = v
	for _, p := range c.def.Check(v) {
		out.say(p.Code, f.hint(c.def, text, fail.Text{Key: p.Key, Args: p.Args}))
	}
	f.phone(c.def, text, &out)
	return out
}

// mojibake is UTF-8 that was read as Windows-1252 and saved again.
var mojibake = regexp.MustCompile(`Ã[\x{80}-\x{bf}ŒœŠšŸŽž„…†‡‰‹›‘’“”•–—˜™]|â€|Â[\x{a0}-\x{bf}]`)

// typed turns the type that a workbook gives a cell into what the property holds, and names what Excel has done to it.
func (f *File) typed(c column, x cell, text *string, out *Cell) bool {
	d := c.def
	bad := func(say fail.Text) bool {
		if f.o.AsTyped && x.kind != asError {
			return true
		}
		out.say("damaged", say)
		return false
	}
	switch x.kind {
	case asError:
		return bad(fail.T("%s is what a failed formula leaves. Write the value itself.", *text))
	case asDate:
		if d.Kind != property.KindInstant {
			return bad(fail.T("Excel has made a date of this cell, and text belongs here. Format the column as text and type it again."))
		}
		return true
	case asNumber:
		if d.Kind == property.KindBool || d.Kind == property.KindInstant {
			return true
		}
		n, whole := integer(*text)
		if x.style != "" || !whole {
			return bad(fail.T("This cell is a number (%s) and text belongs here. Format the column as text and type it again.", *text))
		}
		*text, out.Text = n, n
		return true
	case asYesNo:
		if d.Kind != property.KindBool {
			return bad(fail.T("This cell is a yes or no, and text belongs here. Format the column as text and type it again."))
		}
		return true
	}
	if say := damage(d, strings.TrimSpace(*text)); !say.Zero() {
		return bad(say)
	}
	return true
}

// parse reads the text as its property has it.
func (f *File) parse(c column, text string) (property.Value, *property.Problem) {
	if c.def.Kind == property.KindBool {
		yes, ok := yesNo[strings.ToLower(strings.TrimFunc(text, space))]
		if !ok {
			return property.Null(), &property.Problem{Code: "not_yes_or_no", Key: "Write yes or no."}
		}
		return property.Bool(yes != c.Inverted), nil
	}
	return c.def.Parse(text)
}

// hint adds to a problem what was probably meant.
func (f *File) hint(d property.Def, text string, say fail.Text) fail.Text {
	meant := ""
	switch d.Kind {
	case property.KindCountry:
		meant = country(text)
	case property.KindLanguage:
		meant = tongue(text)
	}
	if meant == "" {
		return say
	}
	return fail.T("%[1]s Did you mean %[2]s?", say, meant)
}

// phone asks of a number no more than that it is one: how it has to be written is the policy's question.
func (f *File) phone(d property.Def, text string, out *Cell) {
	if d.Kind != property.KindPhone && d.Item != property.KindPhone || len(out.Problems) > 0 {
		return
	}
	n := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			n++
		}
	}
	switch {
	case n < 3:
		out.say("not_a_phone", fail.T("%q is no telephone number. Write for example +49 30 1234567.", short(text)))
	case strings.ContainsAny(text, ";\n"):
		out.say("too_many", fail.T("Microsoft 365 holds one number here. Keep one of them."))
	}
}
