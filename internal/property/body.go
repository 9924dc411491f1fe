package property

import (
	"encoding/json"
	"fmt"
	"strings"
)

// attributeType is what Graph wants beside the values of a set of custom security attributes; it is the same for every set.
// https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0, example 5.
const attributeType = "#Microsoft.DirectoryServices.CustomSecurityAttributeValue"

// Body is the JSON of a PATCH that sets exactly these properties: nested where their paths are, clean, null or [] for what is
// cleared. have is what is known of the person: an organization's employeeOrgData is sent whole, because Graph clears the half
// that is left out, so the other half has to be in set or in have. An unknown or read-only name is an error.
func Body(s *Set, set, have Values) (json.RawMessage, error) {
	root := map[string]any{}
	for _, n := range set.Names() {
		d, ok := s.Def(n)
		if !ok {
			return nil, fmt.Errorf("property: %s is not known", n)
		}
		if d.Graph.ReadOnly {
			return nil, fmt.Errorf("property: %s is read-only", n)
		}
		if err := put(root, d, d.Clean(set[n])); err != nil {
			return nil, err
		}
	}
	if org, ok := root["employeeOrgData"].(map[string]any); ok {
		for _, d := range s.Under("employeeOrgData") {
			leaf := d.Graph.Path[strings.LastIndexByte(d.Graph.Path, '/')+1:]
			if _, there := org[leaf]; there {
				continue
			}
			v, known := have[d.Name]
			if !known {
				return nil, fmt.Errorf("property: %s has to be known, leaving it out would clear it", d.Name)
			}
			org[leaf] = v
		}
	}
	return json.Marshal(root)
}

func put(root map[string]any, d Def, v Value) error {
	steps := strings.Split(d.Graph.Path, "/")
	m := root
	for i, step := range steps[:len(steps)-1] {
		next, there := m[step]
		if !there {
			o := map[string]any{}
			if i == 1 && steps[0] == "customSecurityAttributes" {
				o["@odata.type"] = attributeType
			}
			m[step] = o
			next = o
		}
		o, ok := next.(map[string]any)
		if !ok {
			return fmt.Errorf("property: %s is set as a whole and in parts", step)
		}
		m = o
	}
	leaf := steps[len(steps)-1]
	if _, there := m[leaf]; there {
		return fmt.Errorf("property: %s is set as a whole and in parts", leaf)
	}
	m[leaf] = v
	if len(steps) == 3 && steps[0] == "customSecurityAttributes" && d.Kind == KindTextList {
		m[leaf+"@odata.type"] = "#Collection(String)"
	}
	return nil
}

// Read takes the properties out of a Graph object. asked are the names that the request selected; none means all of the set.
// A name that the object does not hold is absent, except that extension properties are left out of an answer when they have no
// value: asked for and left out, they are null.
func Read(s *Set, object []byte, asked ...Name) (Values, error) {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(object, &root); err != nil {
		return nil, fmt.Errorf("property: %w", err)
	}
	if len(asked) == 0 {
		asked = s.Names()
	}
	v := Values{}
	parents := map[string]map[string]json.RawMessage{}
	for _, n := range asked {
		d, ok := s.Def(n)
		if !ok {
			continue
		}
		x, there, err := get(root, parents, d.Graph.Path)
		if err != nil {
			return nil, fmt.Errorf("property: %s: %w", n, err)
		}
		switch {
		case there:
			v[d.Name] = d.Decode(x)
		case d.Graph.Open:
			v[d.Name] = d.Clean(Null())
		}
	}
	return v, nil
}

// get follows a path. A parent that is there answers for its children: one that is null or does not name the child says null. parents
// are those that were read already, by their paths: a person has fifteen extension attributes under one.
func get(m map[string]json.RawMessage, parents map[string]map[string]json.RawMessage, path string) (Value, bool, error) {
	at := 0
	for {
		step, rest, deeper := strings.Cut(path[at:], "/")
		raw, there := m[step]
		if !there {
			return Null(), at > 0, nil
		}
		if !deeper {
			var v Value
			err := v.UnmarshalJSON(raw)
			return v, err == nil, err
		}
		at = len(path) - len(rest)
		child, known := parents[path[:at]]
		if !known {
			if err := json.Unmarshal(raw, &child); err != nil {
				return Null(), false, err
			}
			parents[path[:at]] = child
		}
		m = child
	}
}

// Select lists what $select has to name so that these properties come, each once, in the order of the set.
func (s *Set) Select(names []Name) []string {
	want := map[Name]bool{}
	for _, n := range names {
		if d, ok := s.Def(n); ok {
			want[d.Name] = true
		}
	}
	var l []string
	seen := map[string]bool{}
	for _, d := range s.defs {
		if sel := d.Selected(); want[d.Name] && !seen[sel] && !d.Graph.Secret {
			seen[sel] = true
			l = append(l, sel)
		}
	}
	return l
}
