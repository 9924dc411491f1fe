package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// The documents below are what is kept of a change: JSON that gives every value back with its type, which property's own JSON
// does not (it is Graph's, where an instant is a text). Each embeds the type it is for and covers only the fields that need
// another writing, so that a field that is added to the type later is kept without a word here.

// valueDoc is null, "text", ["list"], true, {"instant": "…"} or {"json": …}.
type valueDoc property.Value

type wrapped struct {
	Instant *time.Time      `json:"instant,omitempty"`
	JSON    json.RawMessage `json:"json,omitempty"`
}

func (d valueDoc) MarshalJSON() ([]byte, error) {
	switch x := property.Value(d).Any().(type) {
	case time.Time:
		return plainJSON(wrapped{Instant: &x})
	case json.RawMessage:
		return plainJSON(wrapped{JSON: x})
	default:
		return plainJSON(x)
	}
}

func (d *valueDoc) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return (*property.Value)(d).UnmarshalJSON(b)
	}
	var w wrapped
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	switch {
	case w.Instant != nil:
		*d = valueDoc(property.Instant(*w.Instant))
	case w.JSON != nil:
		*d = valueDoc(property.Raw(w.JSON))
	default:
		return errors.New("store: a value of no known type")
	}
	return nil
}

type valuesDoc map[property.Name]valueDoc

func packValues(v property.Values) valuesDoc {
	if v == nil {
		return nil
	}
	d := make(valuesDoc, len(v))
	for n, x := range v {
		d[n] = valueDoc(x)
	}
	return d
}

func (d valuesDoc) unpack() property.Values {
	if d == nil {
		return nil
	}
	v := make(property.Values, len(d))
	for n, x := range d {
		v[n] = property.Value(x)
	}
	return v
}

// textDoc keeps a sentence before it has a language.
type textDoc struct {
	Key  string
	Args []argDoc `json:",omitempty"`
}

// argDoc keeps one argument with its type, because a format verb and a language's plurals depend on it.
type argDoc struct {
	Int   *int64     `json:",omitempty"`
	Float *float64   `json:",omitempty"`
	Bool  *bool      `json:",omitempty"`
	Str   *string    `json:",omitempty"`
	List  []string   `json:",omitempty"`
	Time  *time.Time `json:",omitempty"`
	Text  *textDoc   `json:",omitempty"`
	Value *valueDoc  `json:",omitempty"`
}

func packText(t fail.Text) textDoc {
	d := textDoc{Key: t.Key}
	for _, a := range t.Args {
		d.Args = append(d.Args, packArg(a))
	}
	return d
}

func packArg(a any) argDoc {
	switch x := a.(type) {
	case fail.Text:
		d := packText(x)
		return argDoc{Text: &d}
	case property.Value:
		d := valueDoc(x)
		return argDoc{Value: &d}
	case time.Time:
		return argDoc{Time: &x}
	case []string:
		return argDoc{List: append([]string{}, x...)}
	}
	switch r := reflect.ValueOf(a); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if _, named := a.(fmt.Stringer); !named {
			n := r.Int()
			return argDoc{Int: &n}
		}
	case reflect.Float32, reflect.Float64:
		f := r.Float()
		return argDoc{Float: &f}
	case reflect.Bool:
		b := r.Bool()
		return argDoc{Bool: &b}
	case reflect.String:
		s := r.String()
		return argDoc{Str: &s}
	}
	s := fmt.Sprint(a)
	return argDoc{Str: &s}
}

func (d textDoc) unpack() fail.Text {
	t := fail.Text{Key: d.Key}
	for _, a := range d.Args {
		t.Args = append(t.Args, a.unpack())
	}
	return t
}

func (d argDoc) unpack() any {
	switch {
	case d.Int != nil:
		return int(*d.Int)
	case d.Float != nil:
		return *d.Float
	case d.Bool != nil:
		return *d.Bool
	case d.Str != nil:
		return *d.Str
	case d.Time != nil:
		return *d.Time
	case d.Text != nil:
		return d.Text.unpack()
	case d.Value != nil:
		return property.Value(*d.Value)
	}
	return append([]string{}, d.List...)
}

type problemDoc struct {
	fail.Problem
	Say textDoc
}

type errorDoc struct {
	fail.Error
	Say    textDoc
	Fields []problemDoc     `json:",omitempty"`
	Err    string           `json:",omitempty"`
	Found  *explain.Finding `json:",omitempty"` // what the directory's answer meant, when it was explained
}

// maxCause is as much of a cause as is kept; it is for operators, and an upstream can be wordy.
const maxCause = 2000

func packError(e *fail.Error) *errorDoc {
	if e == nil {
		return nil
	}
	d := &errorDoc{Error: *e, Say: packText(e.Say)}
	for _, p := range e.Fields {
		d.Fields = append(d.Fields, problemDoc{Problem: p, Say: packText(p.Say)})
	}
	if e.Err != nil {
		d.Err = strings.ToValidUTF8(e.Err.Error()[:min(len(e.Err.Error()), maxCause)], "")
	}
	if found, ok := explain.Of(e); ok {
		d.Found = &found
	}
	return d
}

func (d *errorDoc) unpack() *fail.Error {
	if d == nil {
		return nil
	}
	e := d.Error
	e.Say, e.Fields, e.Err = d.Say.unpack(), nil, nil
	for _, p := range d.Fields {
		q := p.Problem
		q.Say = p.Say.unpack()
		e.Fields = append(e.Fields, q)
	}
	if d.Err != "" {
		e.Err = errors.New(d.Err)
		if d.Found != nil {
			e.Err = explain.With(*d.Found, e.Err)
		}
	}
	return &e
}

type partDoc struct {
	change.Part
	Problem *errorDoc
}

func packParts(parts []change.Part) []partDoc {
	var d []partDoc
	for _, p := range parts {
		d = append(d, partDoc{Part: p, Problem: packError(p.Problem)})
	}
	return d
}

func unpackParts(d []partDoc) []change.Part {
	var parts []change.Part
	for _, p := range d {
		q := p.Part
		q.Problem = p.Problem.unpack()
		parts = append(parts, q)
	}
	return parts
}

type conflictDoc struct {
	change.Conflict
	Saw, Now, Wanted valueDoc
}

type outcomeDoc struct {
	change.Outcome
	Parts     []partDoc
	Before    valuesDoc
	After     valuesDoc
	Conflicts []conflictDoc
	Problem   *errorDoc
}

func packOutcome(o change.Outcome) outcomeDoc {
	d := outcomeDoc{Outcome: o, Parts: packParts(o.Parts), Before: packValues(o.Before), After: packValues(o.After), Problem: packError(o.Problem)}
	for _, c := range o.Conflicts {
		d.Conflicts = append(d.Conflicts, conflictDoc{Conflict: c, Saw: valueDoc(c.Saw), Now: valueDoc(c.Now), Wanted: valueDoc(c.Wanted)})
	}
	return d
}

func (d outcomeDoc) unpack() change.Outcome {
	o := d.Outcome
	o.Parts, o.Before, o.After, o.Problem, o.Conflicts = unpackParts(d.Parts), d.Before.unpack(), d.After.unpack(), d.Problem.unpack(), nil
	for _, c := range d.Conflicts {
		q := c.Conflict
		q.Saw, q.Now, q.Wanted = property.Value(c.Saw), property.Value(c.Now), property.Value(c.Wanted)
		o.Conflicts = append(o.Conflicts, q)
	}
	return o
}

// changeDoc names a picture by its sum; the bytes are a blob.
type changeDoc struct {
	change.Change
	Set    valuesDoc
	Expect valuesDoc
	Photo  string `json:",omitempty"`
}

// entryDoc is the payload of a "begin" record.
type entryDoc struct {
	change.Entry
	Change  changeDoc
	Outcome outcomeDoc
}

// noteDoc is the payload of a "note" record, endDoc of an "end" record.
type noteDoc struct {
	Parts   []partDoc
	Attempt change.Attempt
}

type endDoc struct {
	Outcome outcomeDoc
	Ended   time.Time
}

func packEntry(e change.Entry, photo string) entryDoc {
	e.Seq = 0 // the chain says it
	return entryDoc{
		Entry:   e,
		Change:  changeDoc{Change: e.Change, Set: packValues(e.Change.Set), Expect: packValues(e.Change.Expect), Photo: photo},
		Outcome: packOutcome(e.Outcome),
	}
}

func (d entryDoc) unpack() change.Entry {
	e := d.Entry
	e.Change = d.Change.Change
	e.Change.Set, e.Change.Expect, e.Change.Photo = d.Change.Set.unpack(), d.Change.Expect.unpack(), nil
	if d.Change.Photo != "" {
		e.Change.Photo = []byte{} // there was one; Get brings its bytes
	}
	e.Outcome = d.Outcome.unpack()
	return e
}

// plainJSON is compact JSON without HTML escapes: what is kept is what was typed.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
