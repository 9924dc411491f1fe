package emulator

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// record holds what is set of a user, compactly and for ever the same: a write makes another record. Its row has, in the order of
// the property numbers, the number, twice the length, and the JSON, which is written out as it stands; or, for a value that many
// people have, twice its place among the shared ones plus one.
type record struct {
	row    string
	shared *shared
}

// field is one property of a record or one change of it; JSON "" takes the property out.
type field struct {
	prop int
	json string
}

// more says that next has something to take.
func (r record) more() bool { return len(r.row) > 0 }

// next takes the first field off.
func (r record) next() (prop int, json string, rest record) {
	prop, what, n := fieldHead(r.row)
	if what&1 == 1 {
		return prop, r.shared.value(what >> 1), record{r.row[n:], r.shared}
	}
	end := n + int(what>>1) // #nosec G115 -- the length of a text
	return prop, r.row[n:end], record{r.row[end:], r.shared}
}

// fieldHead reads the number of a property and what stands in place of its length, and how many bytes they are.
func fieldHead(row string) (prop int, what uint64, n int) {
	p, n := uvarint(row)
	what, m := uvarint(row[n:])
	return int(p), what, n + m // #nosec G115 -- a small number
}

func uvarint(s string) (uint64, int) {
	var x uint64
	for i := 0; i < len(s); i++ {
		b := s[i]
		x |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return x, i + 1
		}
	}
	return 0, len(s)
}

// get is the JSON of a property, "" when it is not set.
func (r record) get(prop int) string {
	for row := r.row; len(row) > 0; {
		p, what, n := fieldHead(row)
		if p > prop {
			return ""
		}
		if p == prop {
			_, json, _ := record{row, r.shared}.next()
			return json
		}
		if what&1 == 0 {
			n += int(what >> 1) // #nosec G115 -- the length of a text
		}
		row = row[n:]
	}
	return ""
}

// with is the record after changes, which are in the order of their property numbers.
func (r record) with(changes []field) record {
	b := make([]byte, 0, len(r.row)+64)
	row := r.row
	for _, c := range changes {
		for len(row) > 0 {
			p, what, n := fieldHead(row)
			if p > c.prop {
				break
			}
			if what&1 == 0 {
				n += int(what >> 1) // #nosec G115 -- the length of a text
			}
			if p < c.prop {
				b = append(b, row[:n]...)
			}
			row = row[n:]
		}
		if c.json != "" {
			b = appendField(b, c.prop, c.json)
		}
	}
	b = append(b, row...)
	return record{string(b), r.shared}
}

func appendField(b []byte, prop int, json string) []byte {
	b = binary.AppendUvarint(b, uint64(prop))
	b = binary.AppendUvarint(b, uint64(len(json))<<1)
	return append(b, json...)
}

// appendText writes s as a JSON string, in UTF-8 and without escaping for HTML, as the service does.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// unquote is the text of a JSON string, "" for anything else.
func unquote(j string) string {
	if len(j) < 2 || j[0] != '"' {
		return ""
	}
	if strings.IndexByte(j, '\\') < 0 {
		return j[1 : len(j)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(j), &s) // the record holds only what was encoded here
	return s
}
