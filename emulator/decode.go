package emulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decode reads a value that a request or an organization file gives for a property and writes it as the record keeps it. Of a
// complex value with an old one only what is named changes, where the service does so. It is false when the type is wrong.
// strict is for requests.
func (d *directory) decode(t *table, i int, raw json.RawMessage, old string, strict bool) (string, bool) {
	if t.extension(i) {
		if s := d.schemas[strings.ToLower(t.props[i].name)]; s != nil {
			return decodeSchema(raw, old, s)
		}
	}
	if t.entity.decode != nil {
		return t.entity.decode(d, i, raw, old, strict)
	}
	if t.props[i].shape != "" {
		return fitShape(t.props[i].shape, raw, old)
	}
	return decodeType(t.props[i].typ, raw)
}

func decodeType(typ edm, raw json.RawMessage) (string, bool) {
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		return "null", typ != edmTexts && typ != edmObjects
	}
	switch typ {
	case edmText:
		s, ok := decodeText(raw)
		return string(appendText(nil, s)), ok
	case edmBool:
		return string(raw), string(raw) == "true" || string(raw) == "false"
	case edmInt, edmInt32:
		bits := 64
		if typ == edmInt32 {
			bits = 32
		}
		_, err := strconv.ParseInt(string(raw), 10, bits)
		return string(raw), err == nil
	case edmInstant:
		s, ok := decodeText(raw)
		t, valid := parseInstant(s)
		return string(t.AppendFormat(nil, `"2006-01-02T15:04:05.9999999Z"`)), ok && valid
	case edmTexts:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return "", false
		}
		b := []byte{'['}
		for n, item := range items {
			s, ok := decodeText(bytes.TrimSpace(item))
			if !ok {
				return "", false
			}
			if n > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		return string(append(b, ']')), true
	case edmObject:
		return compact(raw, '{')
	case edmObjects:
		var items []map[string]json.RawMessage
		if json.Unmarshal(raw, &items) != nil || slices.ContainsFunc(items, func(m map[string]json.RawMessage) bool { return m == nil }) {
			return "", false
		}
		return compact(raw, '[')
	}
	return "", false
}

func compact(raw json.RawMessage, first byte) (string, bool) {
	var b bytes.Buffer
	if len(raw) == 0 || raw[0] != first || json.Compact(&b, raw) != nil {
		return "", false
	}
	return b.String(), true
}

func decodeText(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	return s, json.Unmarshal(raw, &s) == nil
}

// parseInstant reads an Edm.DateTimeOffset: a date, a time and a zone.
func parseInstant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil
}

// decodeMembers reads an object with text members. Those that it does not name keep their value from old; all that stay without
// one are null. An object of nothing but nulls is null.
func decodeMembers(raw json.RawMessage, old string, names []string) (string, bool) {
	set, have := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(raw, &set) != nil {
		return "", false
	}
	if set == nil {
		return "null", true
	}
	if old != "" {
		_ = json.Unmarshal([]byte(old), &have) // what was encoded here
	}
	for name, v := range set {
		if strings.HasPrefix(name, "@odata.") {
			continue
		}
		n := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) })
		if n < 0 {
			return "", false
		}
		j, ok := decodeType(edmText, v)
		if !ok {
			return "", false
		}
		have[names[n]] = json.RawMessage(j)
	}
	b, some := []byte{'{'}, false
	for n, name := range names {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, `"`+name+`":`...)
		if v := have[name]; len(v) > 0 {
			b = append(b, v...)
			some = some || string(v) != "null"
		} else {
			b = append(b, "null"...)
		}
	}
	if !some {
		return "null", true
	}
	return string(append(b, '}')), true
}

// plainValue is a property as Go values, for filters and for the ledger.
func plainValue(typ edm, j string) any {
	switch {
	case j == "" || j == "null":
		return nil
	case j == "true":
		return true
	case j == "false":
		return false
	case j[0] == '"':
		if typ == edmInstant {
			if t, ok := parseInstant(unquote(j)); ok {
				return t
			}
		}
		return unquote(j)
	case typ == edmTexts:
		return texts(j)
	}
	var v any
	_ = json.Unmarshal([]byte(j), &v) // the record holds only what was encoded here
	return v
}
