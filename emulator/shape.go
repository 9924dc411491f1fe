package emulator

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A shape says in JSON what a complex value looks like and what its members are when nothing is said: "#text", "#bool", "#int" and
// "#any" are null; any other value is itself and asks for its type; an array with one item is a list of such items; an empty one of
// anything. {"redirectUris":["#text"],"homePageUrl":"#text","enabled":true}

// fitShape reads a value into a shape. Of an object with an old value only what is named changes. It is false when a member is not
// known or has another type.
func fitShape(shape string, raw json.RawMessage, old string) (string, bool) {
	form, given, had := plainJSON([]byte(shape)), plainJSON(raw), plainJSON([]byte(old))
	v, ok := fit(form, given, had)
	if given == nil {
		v = nil
		if _, list := form.([]any); list {
			v = []any{}
		}
	}
	return jsonOf(v), ok
}

// blankOf is the value of a shape when nothing is said.
func blankOf(shape string) string {
	v, _ := fit(plainJSON([]byte(shape)), nil, nil)
	return jsonOf(v)
}

func plainJSON(raw []byte) any {
	var v any
	_ = json.Unmarshal(raw, &v) // "" is nothing; bodies are checked where they are read
	return v
}

func jsonOf(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // plain values
	return strings.TrimSuffix(b.String(), "\n")
}

func fit(form, given, old any) (any, bool) {
	switch f := form.(type) {
	case map[string]any:
		set, isObject := given.(map[string]any)
		if given != nil && !isObject {
			return nil, false
		}
		had, _ := old.(map[string]any)
		out := make(map[string]any, len(f))
		for name, member := range f {
			out[name], _ = fit(member, had[name], nil)
		}
		for name, v := range set {
			known := ""
			for n := range f {
				if strings.EqualFold(n, name) {
					known = n
				}
			}
			if known == "" {
				if strings.Contains(name, "@odata.") {
					continue
				}
				return nil, false
			}
			var ok bool
			if out[known], ok = fit(f[known], v, had[known]); !ok {
				return nil, false
			}
		}
		return out, true
	case []any:
		list, isList := given.([]any)
		if given != nil && !isList {
			return nil, false
		}
		out := make([]any, 0, len(list))
		for _, x := range list {
			if len(f) > 0 {
				var ok bool
				if x == nil {
					return nil, false
				}
				if x, ok = fit(f[0], x, nil); !ok {
					return nil, false
				}
			}
			out = append(out, x)
		}
		return out, true
	case string:
		_, isText := given.(string)
		_, isBool := given.(bool)
		_, isNumber := given.(float64)
		switch {
		case given == nil && !strings.HasPrefix(f, "#"):
			return f, true
		case given == nil, f == "#any":
			return given, true
		case f == "#bool":
			return given, isBool
		case f == "#int":
			return given, isNumber
		}
		return given, isText
	case bool:
		if given == nil {
			return f, true
		}
		_, ok := given.(bool)
		return given, ok
	}
	return given, true
}
