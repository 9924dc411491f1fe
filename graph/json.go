package graph

import (
	"bytes"
	"cmp"
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
	for name, v := range o.members {
		if strings.EqualFold(name, "error") && v[0] == '{' {
			return object{}, fault("the answer claims success and holds an error", nil)
		}
	}
	return o, nil
}

func trimmed(body []byte) []byte {
	return bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf"))
}

var errNoObject = errors.New("not one JSON object")

// apart reads a JSON object.
func apart(body []byte, list string) (object, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return object{}, cmp.Or(err, errNoObject)
	}
	o := object{members: map[string]json.RawMessage{}}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return object{}, err
		}
		name := t.String()
		if name != list || d.PeekKind() != '[' {
			if o.members[name], err = value(d, body); err != nil {
				return object{}, err
			}
			continue
		}
		if _, err := d.ReadToken(); err != nil {
			return object{}, err
		}
		o.items = []json.RawMessage{}
		for d.PeekKind() != ']' {
			v, err := value(d, body)
			if err != nil {
				return object{}, err
			}
			o.items = append(o.items, v)
		}
		if _, err := d.ReadToken(); err != nil {
			return object{}, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return object{}, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return object{}, errNoObject
	}
	return o, nil
}

// value is the next value of what d reads, as it stands in body.
func value(d *jsontext.Decoder, body []byte) (json.RawMessage, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(d.InputOffset())
	return json.RawMessage(body[end-len(v) : end : end]), nil
}

// Row takes objects of a listing apart, one after the other: it is meant to be used again, and makes no copies.
type Row struct {
	Members []Member // of the object that was read last, as they stand there
	d       *jsontext.Decoder
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Read takes an item of Page.Value apart.
func (r *Row) Read(item json.RawMessage) error {
	opts := []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)} // the page was looked at as a whole
	if r.d == nil {
		r.d = jsontext.NewDecoder(bytes.NewBuffer(item), opts...)
	} else {
		r.d.Reset(bytes.NewBuffer(item), opts...)
	}
	if t, err := r.d.ReadToken(); err != nil || t.Kind() != '{' {
		return cmp.Or(err, errNoObject)
	}
	n := 0
	for ; r.d.PeekKind() != '}'; n++ {
		name, err := r.d.ReadValue()
		if err != nil {
			return err
		}
		if n == len(r.Members) {
			r.Members = append(r.Members, Member{})
		}
		m := &r.Members[n]
		if plain := name[1 : len(name)-1]; string(plain) != m.Name { // the rows of a page have the same names mostly
			if m.Name = string(plain); bytes.IndexByte(plain, '\\') >= 0 {
				if err := json.Unmarshal(name, &m.Name); err != nil {
					return err
				}
			}
		}
		if m.Value, err = value(r.d, item); err != nil {
			return err
		}
	}
	r.Members = r.Members[:n]
	return nil
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
