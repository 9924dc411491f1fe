package emulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Values of custom security attributes; what defines them is in security_definition.go.

// What sets of custom security attributes carry: the first in requests, the second in answers.
const (
	securityAsked = "Microsoft.DirectoryServices.CustomSecurityAttributeValue"
	securityType  = "#microsoft.graph.customSecurityAttributeValue"
)

// decodeSecurity reads custom security attributes: sets with their type, attributes that are defined, with their type where JSON
// alone does not tell it; null, and [] for a list, takes one out. An organization file (strict is false) need not name types.
// https://learn.microsoft.com/en-us/graph/custom-security-attributes-examples
func (d *directory) decodeSecurity(raw json.RawMessage, old string, strict bool) (string, bool) {
	var sets map[string]map[string]json.RawMessage
	have := map[string]map[string]json.RawMessage{}
	if json.Unmarshal(raw, &sets) != nil {
		return "", false
	}
	if old != "" {
		_ = json.Unmarshal([]byte(old), &have) // encoded here
	}
	for set, members := range sets {
		var typ string
		_ = json.Unmarshal(members["@odata.type"], &typ) // absent or wrong is refused below
		typ = strings.TrimPrefix(typ, "#")
		if strict && !strings.EqualFold(typ, securityAsked) && !strings.EqualFold(typ, securityType[1:]) {
			return "", false
		}
		for name, v := range members {
			if strings.Contains(name, "@odata.type") {
				continue
			}
			o := d.security[strings.ToLower(set+"/"+name)]
			if o == nil {
				return "", false
			}
			def := securityOf(o)
			if have[def.set] == nil {
				have[def.set] = map[string]json.RawMessage{}
			}
			had := have[def.set][def.name]
			delete(have[def.set], def.name)
			if string(v) == "null" || def.many && string(v) == "[]" {
				continue
			}
			var given string
			_ = json.Unmarshal(members[name+"@odata.type"], &given)
			if def.typed() != "" && strict && given != def.typed() || !def.accepts(v, string(had), strict) {
				return "", false
			}
			have[def.set][def.name] = v
		}
	}
	return d.encodeSecurity(have)
}

// encodeSecurity writes the sets with their types.
func (d *directory) encodeSecurity(sets map[string]map[string]json.RawMessage) (string, bool) {
	b := []byte{'{'}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		some := false
		for _, name := range slices.Sorted(maps.Keys(sets[set])) {
			if strings.Contains(name, "@odata.type") {
				continue
			}
			if !some {
				b = append(appendText(b, set), `:{"@odata.type":"`+securityType+`"`...)
				some = true
			}
			b = append(b, ',')
			if typ := securityOf(d.security[strings.ToLower(set+"/"+name)]).typed(); typ != "" {
				b = append(appendText(b, name+"@odata.type"), ':')
				b = append(appendText(b, typ), ',')
			}
			b = append(appendText(b, name), ':')
			b = append(b, sets[set][name]...)
		}
		if some {
			b = append(b, "},"...)
		}
	}
	if len(b) == 1 {
		return "null", true
	}
	return string(closeObject(b)), true
}

// securityDef is a custom security attribute definition in Go.
type securityDef struct {
	set, name, kind  string
	many, only, idle bool // a collection; of predefined values alone; deactivated
	values           []allowedValue
}

// allowedValue: https://learn.microsoft.com/en-us/graph/api/resources/allowedvalue
type allowedValue struct {
	ID     string `json:"id"`
	Active bool   `json:"isActive"`
}

func securityOf(o *object) securityDef {
	return securityDef{
		set: o.text("attributeSet"), name: o.text("name"), kind: o.text("type"), many: o.rec.get(dMany) == "true", only: o.rec.get(dOnly) == "true",
		idle: o.rec.get(dStatus) == text(deprecated), values: allowedIn(o.rec.get(dValues)),
	}
}

func allowedIn(j string) []allowedValue {
	var out []allowedValue
	_ = json.Unmarshal([]byte(j), &out) // encoded here
	return out
}

// typed is the @odata.type that a value needs, "" where it needs none.
func (def securityDef) typed() string {
	name := map[string]string{"Integer": "Int32", "Boolean": "Boolean"}[def.kind]
	switch {
	case def.many && name == "":
		return "#Collection(String)"
	case def.many:
		return "#Collection(" + name + ")"
	case def.kind == "Integer":
		return "#Int32"
	}
	return ""
}

// accepts says whether a value fits the definition: https://learn.microsoft.com/en-us/entra/fundamentals/custom-security-attributes-overview
// (texts of 64 characters, lists of 50). What is deactivated may stay and is not given anew; strict is for requests.
func (def securityDef) accepts(v json.RawMessage, had string, strict bool) bool {
	kind := map[string]edm{"Integer": edmInt32, "Boolean": edmBool}[def.kind] // edmText otherwise
	var items, before []json.RawMessage
	if !def.many {
		items, before = append(items, v), append(before, json.RawMessage(had))
	} else if json.Unmarshal(v, &items) != nil || len(items) > 50 {
		return false
	} else if had != "" {
		_ = json.Unmarshal([]byte(had), &before) // encoded here
	}
	for _, item := range items {
		j, ok := decodeType(kind, item)
		value := strings.Trim(j, `"`)
		if kind == edmText {
			value = unquote(j)
		}
		if !ok || j == "null" || utf8.RuneCountInString(value) > 64 {
			return false
		}
		if !strict || slices.ContainsFunc(before, func(x json.RawMessage) bool { return sameValue(x, j) }) {
			continue
		}
		i := slices.IndexFunc(def.values, func(a allowedValue) bool { return a.ID == value })
		if def.idle || def.only && i < 0 || i >= 0 && !def.values[i].Active {
			return false
		}
	}
	return true
}
