package sheet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"nameplate/internal/fail"
)

// delimiters are those that are looked for, the likelier first.
var delimiters = []string{",", ";", "\t"}

// openCSV finds out how a text is written.
func (f *File) openCSV(src io.ReaderAt, size int64) error {
	code, mark, err := encodingOf(src, size, f.o.Encoding)
	if err != nil {
		return err
	}
	text := func() io.Reader { return decoded(io.NewSectionReader(src, mark, size-mark), code, mark) }
	if size-mark == 0 {
		return refuse("empty", fail.T("The file is empty. A file has a row of headings and a row for each person."))
	}
	f.Kind, f.Encoding, f.Delimiter = "csv", code, f.o.Delimiter
	said := 0 // the line sep=; that Excel reads
	if f.Delimiter == "" {
		if f.Delimiter, said, err = delimiter(text()); err != nil {
			return err
		}
	}
	if len(f.Delimiter) != 1 || strings.ContainsAny(f.Delimiter, "\"\r\n") {
		return refuse("delimiter", fail.T("A delimiter is one character: a comma, a semicolon or a tab."))
	}
	f.skip = said
	f.open = func() (rows, error) {
		return &csvRows{f: f, r: bufio.NewReaderSize(text(), 64<<10), comma: f.Delimiter[0], line: 1, at: mark}, nil
	}
	return nil
}

// encodingOf is how a text is encoded, and how many bytes its mark has. A legacy encoding is never guessed: wrong letters in
// everybody's name are worse than a question.
func encodingOf(src io.ReaderAt, size int64, said string) (code string, mark int64, err error) {
	b := make([]byte, min(size, 4096))
	_, _ = src.ReadAt(b, 0) // it was read before
	switch s := string(b); {
	case strings.HasPrefix(s, "\xff\xfe\x00\x00"), strings.HasPrefix(s, "\x00\x00\xfe\xff"):
		return "", 0, refuse("encoding", fail.T("The file is UTF-32. Save it as CSV UTF-8 and take that."))
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		code, mark = "utf-8", 3
	case strings.HasPrefix(s, "\xff\xfe"):
		code, mark = "utf-16le", 2
	case strings.HasPrefix(s, "\xfe\xff"):
		code, mark = "utf-16be", 2
	}
	said = strings.ToLower(said)
	switch said {
	case "", "utf-8", "utf-16le", "utf-16be", "windows-1252":
	default:
		return "", 0, refuse("encoding", fail.T("There is no encoding %q here. It is utf-8, utf-16le, utf-16be or windows-1252.", said))
	}
	switch {
	case code != "" && said != "" && said != code:
		return "", 0, refuse("encoding", fail.T("The file begins with the mark of %[1]s, and %[2]s was said.", code, said))
	case code != "":
		return code, mark, nil
	case said != "":
		return said, 0, nil
	case len(b) > 1 && strings.Count(string(b), "\x00") > len(b)/5:
		return "", 0, refuse("encoding", fail.T("The file looks like UTF-16 without its mark. Say the encoding: utf-16le or utf-16be."))
	}
	return "utf-8", 0, nil
}

// decoded is the text as UTF-8.
func decoded(r io.Reader, code string, at int64) io.Reader {
	switch code {
	case "utf-16le", "utf-16be":
		return &utf16Reader{r: bufio.NewReader(r), big: code == "utf-16be", at: at, line: 1}
	case "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(r)
	}
	return r
}

// utf16Reader turns UTF-16 into UTF-8 and refuses half characters, which a decoder would replace silently.
type utf16Reader struct {
	r    *bufio.Reader
	big  bool
	at   int64
	line int
	rest []byte
	err  error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.rest) < len(p) && u.err == nil {
		var c rune
		if c, u.err = u.char(); u.err == nil {
			u.rest = utf8.AppendRune(u.rest, c)
		}
	}
	if len(u.rest) == 0 {
		return 0, u.err
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

func (u *utf16Reader) unit() (rune, error) {
	var b [2]byte
	n, err := io.ReadFull(u.r, b[:])
	u.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, u.half()
	}
	if u.big {
		return rune(b[0])<<8 | rune(b[1]), err
	}
	return rune(b[1])<<8 | rune(b[0]), err
}

func (u *utf16Reader) char() (rune, error) {
	hi, err := u.unit()
	if err != nil {
		return 0, err
	}
	if hi == '\n' {
		u.line++
	}
	if hi < 0xd800 || hi > 0xdfff {
		return hi, nil
	}
	lo, err := u.unit()
	if err != nil || hi > 0xdbff || lo < 0xdc00 || lo > 0xdfff {
		return 0, u.half()
	}
	return (hi-0xd800)<<10 | (lo - 0xdc00) + 0x10000, nil
}

func (u *utf16Reader) half() error {
	return refuse("encoding", fail.T("Line %[1]d, byte %[2]d: half a character of UTF-16 stands there. Save the file again as CSV UTF-8.", u.line, int(u.at)))
}

// delimiter is the character that stands most often in the row of headings, outside quotes; said is 1 when a line before it, such as
// sep=; of Excel, is no row.
func delimiter(r io.Reader) (d string, said int, err error) {
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	var f *fail.Error
	if errors.As(err, &f) {
		return "", 0, err
	}
	text := string(head[:n])
	for _, d := range delimiters {
		for _, end := range []string{"\r", "\n"} {
			if strings.HasPrefix(text, "sep="+d+end) {
				return d, 1, nil
			}
		}
	}
	count := map[string]int{}
	quoted, seen := false, false
	for _, c := range text {
		if c == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if c == '\n' || c == '\r' {
			if best := most(count); seen && count[best] > 0 {
				return best, 0, nil
			}
			continue
		}
		seen = true
		count[string(c)]++
	}
	return most(count), 0, nil
}

func most(count map[string]int) string {
	best := delimiters[0]
	for _, d := range delimiters {
		if count[d] > count[best] {
			best = d
		}
	}
	return best
}

// csvRows reads rows as RFC 4180 has them, with any line ends. What stands between quotes comes exactly as it is.
type csvRows struct {
	f     *File
	r     *bufio.Reader
	comma byte
	line  int   // of what comes next
	at    int64 // bytes read
	ends  map[string]bool
	row   []cell
	done  bool
}

func (c *csvRows) get() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.at++
	}
	return b, err
}

// brk takes the rest of a line end that began with b.
func (c *csvRows) brk(b byte) string {
	c.line++
	end := string(b)
	next, err := c.r.Peek(2)
	var pair bool
	switch {
	case len(next) == 0:
	case b == '\r':
		pair = next[0] == '\n'
	default:
		pair = next[0] == '\r' && (err != nil && len(next) == 1 || len(next) == 2 && next[1] != '\n')
	}
	if pair {
		b, _ = c.get() // it is there
		end += string(b)
	}
	return end
}

var endNames = map[string]string{"\n": "LF", "\r\n": "CRLF", "\r": "CR", "\n\r": "LFCR"}

func (c *csvRows) next() ([]cell, int, error) {
	if c.done {
		return nil, 0, io.EOF
	}
	c.row = c.row[:0]
	start := c.line
	for {
		text, end, err := c.field()
		if err != nil {
			return nil, 0, err
		}
		if len(c.row) == MaxColumns {
			return nil, 0, refuse("too_many_columns", fail.T("Line %[1]d has more than %[2]d columns.", start, MaxColumns))
		}
		c.row = append(c.row, cell{text: text})
		switch end {
		case "":
			c.done = true
			if len(c.row) == 1 && text == "" {
				c.told()
				return nil, 0, io.EOF
			}
		case string(c.comma):
			continue
		default:
			if c.ends == nil {
				c.ends = map[string]bool{}
			}
			c.ends[endNames[end]] = true
		}
		c.told()
		return c.row, start, nil
	}
}

func (c *csvRows) told() {
	for name := range c.ends {
		c.f.LineEnds = name
	}
	if len(c.ends) > 1 {
		c.f.LineEnds = "mixed"
	}
}

// field reads one cell and what ended it: the delimiter, a line end, or "" for the end of the file.
func (c *csvRows) field() (text, end string, err error) {
	var b []byte
	line, at := c.line, c.at
	quoted, closed := false, false
	for first := true; ; first = false {
		x, err := c.get()
		if err != nil && err != io.EOF {
			return "", "", err
		}
		switch {
		case err == io.EOF && quoted:
			return "", "", refuse("quote", fail.T("Line %d: a quotation mark begins a cell there and nothing ends it. Write two of them for one that belongs to the text.", line))
		case err == io.EOF:
			s, err := c.valid(b, line, at)
			return s, "", err
		case quoted && x == '"':
			if next, _ := c.r.Peek(1); len(next) == 1 && next[0] == '"' {
				_, _ = c.get() // it is there
				b = append(b, '"')
				continue
			}
			quoted, closed = false, true
			continue
		case quoted:
			if x == '\n' || x == '\r' {
				b = append(b, c.brk(x)...)
				break
			}
			b = append(b, x)
		case x == '"' && first:
			quoted = true
			continue
		case x == c.comma:
			s, err := c.valid(b, line, at)
			return s, string(x), err
		case x == '\n' || x == '\r':
			s, err := c.valid(b, line, at)
			return s, c.brk(x), err
		case closed && x != ' ':
			return "", "", refuse("quote", fail.T("Line %d: something stands behind the quotation mark that ends a cell. Write two of them for one that belongs to the text.", c.line))
		case !closed:
			b = append(b, x)
		}
		if len(b) > MaxCell {
			return "", "", refuse("cell_too_long", fail.T("Line %[1]d: a cell is longer than %[2]d bytes.", line, MaxCell))
		}
	}
}

// valid is a cell as text; bytes that are none are named by their place.
func (c *csvRows) valid(b []byte, line int, at int64) (string, error) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		n += size
	}
	return "", refuse("encoding", fail.T("Line %[1]d, about byte %[2]d: %[3]s is not UTF-8. Save the file as CSV UTF-8, or say its encoding, for example windows-1252.",
		line, int(at)+n+1, fmt.Sprintf("0x%02X", b[n])))
}

func (c *csvRows) notes() []Problem { return nil }
