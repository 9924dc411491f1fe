package emulator

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// record holds what is set of a user, compactly and for ever the same: a write makes another record. It is a row of
// (property number, length, JSON) in the order of the numbers; the JSON is written out as it stands.
type record string

// field is one property of a record or one change of it; JSON "" takes the property out.
type field struct {
	prop int
	json string
}

// next takes the first field off.
func (r record) next() (prop int, json string, rest record) {
	p, n := uvarint(r)
	r = r[n:]
	l, n := uvarint(r)
	r = r[n:]
	return int(p), string(r[:l]), r[l:]
}

func uvarint(s record) (uint64, int) {
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
	for len(r) > 0 {
		p, json, rest := r.next()
		if p >= prop {
			if p == prop {
				return json
			}
			return ""
		}
		r = rest
	}
	return ""
}

// with is the record after changes, which are in the order of their property numbers.
func (r record) with(changes []field) record {
	b := make([]byte, 0, len(r)+64)
	for _, c := range changes {
		for len(r) > 0 {
			p, json, rest := r.next()
			if p > c.prop {
				break
			}
			if p < c.prop {
				b = appendField(b, p, json)
			}
			r = rest
		}
		if c.json != "" {
			b = appendField(b, c.prop, c.json)
		}
	}
	b = append(b, r...)
	return record(b)
}

func appendField(b []byte, prop int, json string) []byte {
	b = binary.AppendUvarint(b, uint64(prop))
	b = binary.AppendUvarint(b, uint64(len(json)))
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
