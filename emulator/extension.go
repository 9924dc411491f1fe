package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// defineSchema makes a schema extension known: https://learn.microsoft.com/en-us/graph/extensibility-schema-groups
func (d *directory) defineSchema(s Schema) {
	d.schemas[strings.ToLower(s.ID)] = s
	d.users.add(prop{name: s.ID, typ: edmObject, ops: "eq", adv: "ne not"})
}

// extensionTypes are the types of directory extensions.
var extensionTypes = map[string]edm{"String": edmText, "Boolean": edmBool, "Integer": edmInt, "LargeInteger": edmInt, "DateTime": edmInstant, "Binary": edmText}

// defineExtension makes a directory extension known: extension_<application id without dashes>_<name>.
// https://learn.microsoft.com/en-us/graph/extensibility-overview#directory-microsoft-entra-id-extensions
func (d *directory) defineExtension(name, typ string) error {
	kind, ok := extensionTypes[typ]
	if !ok || !strings.HasPrefix(name, "extension_") {
		return fmt.Errorf("directory extension %q of type %q: the name begins with extension_, the type is String, Boolean, Integer, LargeInteger, DateTime or Binary", name, typ)
	}
	d.users.add(prop{name: name, typ: kind, ops: "eq in sw ge le", adv: "ne not ew n"})
	return nil
}

// extensions are the directory extensions by name with their types.
func (d *directory) extensions() map[string]string {
	var out map[string]string
	for _, p := range d.users.props[len(userProps):] {
		if !strings.HasPrefix(p.name, "extension_") {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[p.name] = map[edm]string{edmBool: "Boolean", edmInt: "Integer", edmInstant: "DateTime"}[p.typ]
		if out[p.name] == "" {
			out[p.name] = "String"
		}
	}
	return out
}

// decodeSchema reads a value of a schema extension. Members that are not named keep their value, null takes one out, null for the
// whole takes all out.
func decodeSchema(raw json.RawMessage, old string, s Schema) (string, bool) {
	set, have := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(raw, &set) != nil {
		return "", false
	}
	if set == nil {
		return "null", true
	}
	if old != "" {
		_ = json.Unmarshal([]byte(old), &have) // encoded here
	}
	for name, v := range set {
		if strings.HasPrefix(name, "@odata.") {
			continue
		}
		known := ""
		for p := range s.Properties {
			if strings.EqualFold(p, name) {
				known = p
			}
		}
		if known == "" {
			return "", false
		}
		kind := edmText
		switch s.Properties[known] {
		case "Integer":
			kind = edmInt
		case "Boolean":
			kind = edmBool
		case "DateTime":
			kind = edmInstant
		}
		j, ok := decodeType(kind, v)
		if !ok {
			return "", false
		}
		if j == "null" {
			delete(have, known)
			continue
		}
		have[known] = json.RawMessage(j)
	}
	delete(have, "@odata.type")
	if len(have) == 0 {
		return "null", true
	}
	have["@odata.type"] = json.RawMessage(`"#microsoft.graph.ComplexExtensionValue"`)
	b, err := json.Marshal(have)
	return string(b), err == nil
}

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
			def, ok := d.security[strings.ToLower(set+"/"+name)]
			if !ok {
				return "", false
			}
			if have[def.Set] == nil {
				have[def.Set] = map[string]json.RawMessage{}
			}
			delete(have[def.Set], def.Name)
			if string(v) == "null" || def.Collection && string(v) == "[]" {
				continue
			}
			var given string
			_ = json.Unmarshal(members[name+"@odata.type"], &given)
			if def.typed() != "" && strict && given != def.typed() || !def.accepts(v) {
				return "", false
			}
			have[def.Set][def.Name] = v
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
			if typ := d.security[strings.ToLower(set+"/"+name)].typed(); typ != "" {
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

// typed is the @odata.type that a value needs, "" where it needs none.
func (s Security) typed() string {
	name := map[string]string{"Integer": "Int32", "Boolean": "Boolean"}[s.Type]
	switch {
	case s.Collection && name == "":
		return "#Collection(String)"
	case s.Collection:
		return "#Collection(" + name + ")"
	case s.Type == "Integer":
		return "#Int32"
	}
	return ""
}

// accepts says whether a value fits the definition: https://learn.microsoft.com/en-us/entra/fundamentals/custom-security-attributes-overview
// (texts of 64 characters, lists of 50).
func (s Security) accepts(v json.RawMessage) bool {
	kind := map[string]edm{"Integer": edmInt, "Boolean": edmBool}[s.Type] // edmText otherwise
	var items []json.RawMessage
	if !s.Collection {
		items = append(items, v)
	} else if json.Unmarshal(v, &items) != nil || len(items) > 50 {
		return false
	}
	for _, item := range items {
		j, ok := decodeType(kind, item)
		if !ok || j == "null" || utf8.RuneCountInString(unquote(j)) > 64 {
			return false
		}
		if len(s.Values) > 0 && !slices.Contains(s.Values, strings.Trim(j, `"`)) {
			return false
		}
	}
	return true
}

func (u *object) openNames() []string {
	if u.more == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(u.more.open))
}

// openExtensions answers /users/{key}/extensions: https://learn.microsoft.com/en-us/graph/api/resources/opentypeextension
func (c *call) openExtensions(key string, n int) error {
	var body map[string]json.RawMessage
	if c.r.Method == http.MethodPost || c.r.Method == http.MethodPatch {
		var err error
		if body, err = c.object(); err != nil {
			return err
		}
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if c.r.Method == http.MethodGet {
		if c.sees(u) == blind {
			return denied()
		}
	} else if own := c.p.self(u) && c.p.holds("User.ReadWrite"); !own && !c.p.holds("User.ReadWrite.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if len(c.seg) == n {
		switch c.r.Method {
		case http.MethodGet:
			names := u.openNames()
			return c.sendPage(len(names), "users('"+u.id+"')/extensions", func(b []byte, i int) []byte {
				one := u.more.open[names[i]]
				return append(b, one[1:len(one)-1]...)
			})
		case http.MethodPost:
			name, ok := decodeText(body["extensionName"])
			if !ok || name == "" {
				return badRequest("A value is required for property 'extensionName' of resource 'OpenTypeExtension'.")
			}
			if _, there := u.extra().open[name]; there {
				return failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "An extension already exists with given id.")
			}
			return c.storeOpen(u, name, nil, body, http.StatusCreated)
		}
		return c.method(http.MethodGet, http.MethodPost)
	}
	name := strings.TrimPrefix(c.seg[n], "microsoft.graph.openTypeExtension.")
	one, there := u.extra().open[name]
	if !there {
		return failure(http.StatusNotFound, "ResourceNotFound", "Extension with given id not found.")
	}
	switch c.r.Method {
	case http.MethodGet:
		b := c.context(nil, "users('"+u.id+"')/extensions/$entity")
		return c.send(http.StatusOK, append(b, one[1:]...))
	case http.MethodPatch:
		have := map[string]json.RawMessage{}
		_ = json.Unmarshal(one, &have) // encoded here
		return c.storeOpen(u, name, have, body, http.StatusNoContent)
	case http.MethodDelete:
		delete(u.more.open, name)
		entry := c.entry("user.extension.remove", u.id)
		entry.Before = map[string]any{name: one}
		c.e.ledger.add(entry)
		return c.done()
	}
	return c.method(http.MethodGet, http.MethodPatch, http.MethodDelete)
}

func (c *call) storeOpen(u *object, name string, have, set map[string]json.RawMessage, status int) error {
	if have == nil {
		have = map[string]json.RawMessage{
			"extensionName": json.RawMessage(text(name)), "id": json.RawMessage(text(name)),
			"@odata.type": json.RawMessage(`"#microsoft.graph.openTypeExtension"`),
		}
	}
	for k, v := range set {
		if strings.Contains(k, "@odata.") || k == "id" || k == "extensionName" {
			continue
		}
		if string(v) == "null" {
			delete(have, k)
			continue
		}
		have[k] = v
	}
	b, err := json.Marshal(have)
	if err != nil {
		return badJSON()
	}
	x := u.extra()
	entry := c.entry("user.extension.set", u.id)
	entry.Before, entry.After = map[string]any{name: x.open[name]}, map[string]any{name: json.RawMessage(b)}
	if x.open == nil {
		x.open = map[string]json.RawMessage{}
	}
	x.open[name] = b
	c.e.ledger.add(entry)
	if status == http.StatusNoContent {
		return c.done()
	}
	out := c.context(nil, "users('"+u.id+"')/extensions/$entity")
	return c.send(status, append(out, b[1:]...))
}

// defineFor makes the values of a directory extension known to the types that it is for.
func (d *directory) defineFor(name, dataType string, many bool, targets []string) {
	p := prop{name: name, typ: extensionTypes[dataType], ops: "eq in sw ge le", adv: "ne not ew n"}
	if many {
		p.typ = edmTexts
	}
	for _, target := range targets {
		if t := d.typed(target); t != nil {
			t.add(p)
		}
	}
}
