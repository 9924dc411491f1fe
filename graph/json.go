package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object of an answer, taken apart once: its members as they stand there, without a copy.
type object struct {
	members map[string]json.RawMessage
	items   []json.RawMessage // of the member that is a list
}

// outermost takes an answer apart, which must be one JSON object and not an error in disguise; list names the member whose items are
// wanted. A name that stands twice in one object, at any depth, is a trap: two readers would see two different answers.
func outermost(body []byte, list string, fault func(string, error) *Fault) (object, error) {
	body = trimmed(body)
	if len(body) == 0 {
		return object{}, fault("the answer is empty", nil)
	}
	if body[0] != '{' {
		return object{}, fault("the answer is not a JSON object", nil)
	}
	o, err := apart(body, list)
	var twice *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &twice):
		return object{}, fault(fmt.Sprintf("the answer names %q twice", twice.JSONPointer.LastToken()), nil)
	case err != nil:
		return object{}, fault("the answer is malformed JSON", nil)
	}
	return o, o.honest(fault)
}

// honest refuses an error that claims to be a success.
func (o object) honest(fault func(string, error) *Fault) error {
	for name, v := range o.members {
		if strings.EqualFold(name, "error") && v[0] == '{' {
			return fault("the answer claims success and holds an error", nil)
		}
	}
	return nil
}

func trimmed(body []byte) []byte {
	return bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf"))
}

var errNoObject = errors.New("not one JSON object")

// apart reads a JSON object of which nothing is known: once to see that it is one, with no name twice, and once to part its members.
func apart(body []byte, list string) (object, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowInvalidUTF8(true))
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return object{}, err
	case v.Kind() != '{':
		return object{}, errNoObject
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return object{}, errNoObject
	}
	return parted(body, list)
}

// parted reads a JSON object that is known to be one.
func parted(body []byte, list string) (object, error) {
	o := object{members: map[string]json.RawMessage{}}
	c := cursor{body: body}
	for c.skip('{'); !c.ends('}'); {
		name, err := unquoted(c.text())
		if err != nil {
			return object{}, err
		}
		c.skip(':')
		from := c.at
		if name == list && c.peek() == '[' {
			o.items = []json.RawMessage{}
			for c.skip('['); !c.ends(']'); {
				o.items = append(o.items, c.value())
			}
			o.members[name] = body[from:c.at:c.at]
			continue
		}
		o.members[name] = c.value()
	}
	return o, nil
}

func unquoted(raw []byte) (s string, err error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	err = json.Unmarshal(raw, &s)
	return s, err
}

// cursor goes through JSON that is known to be valid.
type cursor struct {
	body []byte
	at   int
}

// peek is the next byte that means something.
func (c *cursor) peek() byte {
	for c.body[c.at] == ' ' || c.body[c.at] == '\n' || c.body[c.at] == '\t' || c.body[c.at] == '\r' {
		c.at++
	}
	return c.body[c.at]
}

// skip goes behind a byte, if it is the next one.
func (c *cursor) skip(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.at++
	return true
}

// ends says whether an object or list ends here, and goes behind its end or the comma.
func (c *cursor) ends(b byte) bool {
	if c.skip(b) {
		return true
	}
	c.skip(',')
	return false
}

// text is the string that begins here, in its quotes.
func (c *cursor) text() json.RawMessage {
	c.peek()
	from := c.at
	for c.at++; ; c.at++ {
		c.at += bytes.IndexByte(c.body[c.at:], '"')
		escapes := 0
		for c.body[c.at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			c.at++
			return c.body[from:c.at:c.at]
		}
	}
}

// value is the value that begins here.
func (c *cursor) value() json.RawMessage {
	c.peek()
	from := c.at
	for depth := 0; ; {
		switch c.body[c.at] {
		case '"':
			c.text()
		case '{', '[':
			depth++
			c.at++
			continue
		case '}', ']':
			depth--
			c.at++
		case ',', ':', ' ', '\n', '\t', '\r':
			c.at++
			continue
		default: // a number or a word
			for c.at < len(c.body) && c.body[c.at] > ' ' && c.body[c.at] != ',' && c.body[c.at] != '}' && c.body[c.at] != ']' {
				c.at++
			}
		}
		if depth == 0 {
			return c.body[from:c.at:c.at]
		}
	}
}

// Row takes objects of a listing apart, one after the other: it is meant to be used again, and makes no copies.
type Row struct {
	Members []Member // of the object that was read last, as they stand there
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Read takes an item of Page.Value apart, or an object inside one.
func (r *Row) Read(item json.RawMessage) error {
	c := cursor{body: item}
	if len(item) == 0 || c.peek() != '{' {
		return errNoObject
	}
	n := 0
	for c.skip('{'); !c.ends('}'); n++ {
		if n == cap(r.Members) {
			r.Members = append(r.Members[:n], Member{})
		}
		r.Members = r.Members[:n+1]
		m, raw := &r.Members[n], c.text()
		if string(raw[1:len(raw)-1]) != m.Name { // the rows of a page have the same names mostly
			var err error
			if m.Name, err = unquoted(raw); err != nil {
				return err
			}
		}
		c.skip(':')
		m.Value = c.value()
	}
	r.Members = r.Members[:n]
	return nil
}

// Compact appends a value of a Row without what stands between its parts and means nothing.
func Compact(to []byte, value json.RawMessage) []byte {
	c := cursor{body: value}
	for c.at < len(value) {
		switch b := value[c.at]; b {
		case '"':
			to = append(to, c.text()...)
			continue
		case ' ', '\n', '\t', '\r':
		default:
			to = append(to, b)
		}
		c.at++
	}
	return to
}

// decode reads an answer into what into points to.
func decode(body []byte, into any, fault func(string, error) *Fault) error {
	if _, err := outermost(body, "", fault); err != nil {
		return err
	}
	if err := json.Unmarshal(trimmed(body), into); err != nil {
		return fault("the answer has values of an unexpected type", err)
	}
	return nil
}
