package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// extensionTypes are the types of directory extensions: https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty#properties
var extensionTypes = map[string]edm{"String": edmText, "Boolean": edmBool, "Integer": edmInt32, "LargeInteger": edmInt, "DateTime": edmInstant, "Binary": edmText}

// defineExtension makes a directory extension known: extension_<application id without dashes>_<name>.
// https://learn.microsoft.com/en-us/graph/extensibility-overview#directory-microsoft-entra-id-extensions
func (d *directory) defineExtension(name, typ string) error {
	_, ok := extensionTypes[typ]
	if !ok || !strings.HasPrefix(name, "extension_") {
		return fmt.Errorf("directory extension %q of type %q: the name begins with extension_, the type is String, Boolean, Integer, LargeInteger, DateTime or Binary", name, typ)
	}
	d.users.add(extensionProp(name, typ, false))
	return nil
}

// extensions are the directory extensions that no application defines, by name with their types.
func (d *directory) extensions() map[string]string {
	defined := map[string]bool{}
	for _, x := range d.typed("extensionProperty").list {
		defined[x.text("name")] = true
	}
	var out map[string]string
	for i, p := range d.users.props {
		if !strings.HasPrefix(p.name, "extension_") || !d.users.known(i) || defined[p.name] {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[p.name] = map[edm]string{edmBool: "Boolean", edmInt: "LargeInteger", edmInt32: "Integer", edmInstant: "DateTime"}[p.typ]
		if out[p.name] == "" {
			out[p.name] = "String"
		}
	}
	return out
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
		if c.sees(u) != full {
			return denied() // https://learn.microsoft.com/en-us/graph/api/opentypeextension-get names no User.ReadBasic.All
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

// defineFor makes the values of a directory extension known to the types that it is for, or takes them back: what stands in records
// stays there and comes back with a definition of that name.
// https://learn.microsoft.com/en-us/graph/extensibility-overview#directory-microsoft-entra-id-extensions
func (d *directory) defineFor(p prop, targets []string, add bool) {
	for _, target := range targets {
		t := d.typed(target)
		switch {
		case t == nil:
		case add:
			t.add(p)
		default:
			t.withdraw(p.name)
		}
	}
}

// longestValue is the characters of a text and the bytes of a binary value.
const longestValue = 256

// extensionProp is the property that a directory extension makes.
func extensionProp(name, dataType string, many bool) prop {
	p := prop{name: name, typ: extensionTypes[dataType], ops: "eq in sw ge le", adv: "ne not ew n"}
	if p.typ == edmText {
		p.max = longestValue
	}
	if many {
		p.typ = edmTexts
	}
	return p
}
