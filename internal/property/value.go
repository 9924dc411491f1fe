package property

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Name is our key for a property, and it is the Graph name: "jobTitle", "employeeOrgData/costCenter",
// "extensionAttribute1", "ext55gb1l09_msLearnCourses/courseType".
type Name string

// Value is one property's value: null, a text, a list of texts, a yes or no, an instant, or (identities, custom security
// attributes, password profile) a JSON object or array kept as it came. The zero Value is null.
type Value struct {
	v any // nil, string, []string, bool, time.Time (UTC), json.RawMessage (compact)
}

// Null clears a property.
func Null() Value { return Value{} }

// Text is a string value. The empty string is a value here; Clean decides what an empty box means.
func Text(s string) Value { return Value{s} }

// List is a list of texts; an empty list is a value (it clears a list property).
func List(s ...string) Value { return Value{slices.Clone(append([]string{}, s...))} }

// Bool is a yes or no.
func Bool(b bool) Value { return Value{b} }

// Instant is a point in time; it is kept in UTC.
func Instant(t time.Time) Value { return Value{t.UTC()} }

// Raw is any JSON; it is kept compact. Malformed JSON becomes null.
func Raw(j json.RawMessage) Value {
	var b bytes.Buffer
	if json.Compact(&b, j) != nil || b.String() == "null" {
		return Value{}
	}
	return Value{json.RawMessage(b.Bytes())}
}

// IsNull says whether the value is null.
func (v Value) IsNull() bool { return v.v == nil }

// Empty says whether there is nothing to show: null, "" or an empty list.
func (v Value) Empty() bool {
	switch x := v.v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []string:
		return len(x) == 0
	}
	return false
}

// Str is the text, or "" when the value is not a text.
func (v Value) Str() string { s, _ := v.v.(string); return s }

// Items are the texts of a list, or nil; the caller must not change them.
func (v Value) Items() []string { l, _ := v.v.([]string); return l }

// True is the value of a yes or no, false for anything else.
func (v Value) True() bool { b, _ := v.v.(bool); return b }

// Time is the instant, or the zero time.
func (v Value) Time() time.Time { t, _ := v.v.(time.Time); return t }

// JSON is the raw JSON of an object value, or nil.
func (v Value) JSON() json.RawMessage { j, _ := v.v.(json.RawMessage); return j }

// Any is the Go value inside: nil, string, []string, bool, time.Time or json.RawMessage. Not to be changed.
func (v Value) Any() any { return v.v }

// Equal says whether two values are the same for the directory. Null, "" and the empty list are not the same.
func (v Value) Equal(w Value) bool {
	switch a := v.v.(type) {
	case []string:
		b, ok := w.v.([]string)
		return ok && slices.Equal(a, b)
	case time.Time:
		b, ok := w.v.(time.Time)
		return ok && a.Equal(b)
	case json.RawMessage:
		b, ok := w.v.(json.RawMessage)
		return ok && sameJSON(a, b)
	}
	switch w.v.(type) {
	case []string, time.Time, json.RawMessage:
		return false
	}
	return v.v == w.v
}

func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x) // maps are printed in the order of their keys
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// String is the value for logs and plain text: lists are joined by "; ", instants are RFC 3339, null is "".
func (v Value) String() string {
	switch x := v.v.(type) {
	case nil:
		return ""
	case string:
		return x
	case []string:
		return strings.Join(x, "; ")
	case bool:
		if x {
			return "true"
		}
		return "false"
	case time.Time:
		return x.Format(time.RFC3339)
	case json.RawMessage:
		return string(x)
	}
	return fmt.Sprint(v.v)
}

// MarshalJSON writes the value as Graph writes it: null, string, array of strings, boolean, RFC 3339 in UTC, or the object.
func (v Value) MarshalJSON() ([]byte, error) {
	if t, ok := v.v.(time.Time); ok {
		return json.Marshal(t.Format("2006-01-02T15:04:05.999999999Z07:00"))
	}
	return json.Marshal(v.v)
}

// UnmarshalJSON reads what MarshalJSON wrote, except that an instant comes back as a text: only a Def knows that a text is
// an instant, see Def.Decode.
func (v *Value) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return fmt.Errorf("property: empty value")
	}
	switch b[0] {
	case 'n':
		*v = Value{}
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*v = Text(s)
		return nil
	case 't', 'f':
		var x bool
		if err := json.Unmarshal(b, &x); err != nil {
			return err
		}
		*v = Bool(x)
		return nil
	case '[':
		var l []string
		if json.Unmarshal(b, &l) == nil {
			*v = List(l...)
			return nil
		}
	}
	if !json.Valid(b) {
		return fmt.Errorf("property: malformed value")
	}
	*v = Raw(b)
	return nil
}

// Values is a partial set of properties: a name that is absent is left alone, null clears, a value sets.
type Values map[Name]Value

// Names are the names in the order of the alphabet.
func (v Values) Names() []Name {
	n := make([]Name, 0, len(v))
	for k := range v {
		n = append(n, k)
	}
	slices.Sort(n)
	return n
}

// Clone is a copy that shares nothing that can change.
func (v Values) Clone() Values {
	if v == nil {
		return nil
	}
	c := make(Values, len(v))
	for k, x := range v {
		c[k] = x
	}
	return c
}

// Diff are the entries of want that differ from have. A name that have does not hold counts as null there, and a null, an
// empty text and an empty list all mean "nothing there", so clearing what is not there is no difference.
func (v Values) Diff(have Values) Values {
	d := Values{}
	for k, w := range v {
		h := have[k]
		if h.Equal(w) || (h.Empty() && w.Empty()) {
			continue
		}
		d[k] = w
	}
	return d
}
