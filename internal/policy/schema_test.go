package policy

import (
	"encoding/json"
	"slices"
	"sort"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

// part is an object of the schema, found by the names on the way to it.
func part(t *testing.T, root map[string]any, path ...string) map[string]any {
	t.Helper()
	for _, p := range path {
		next, ok := root[p].(map[string]any)
		if !ok {
			t.Fatalf("the schema has no %v at %q", path, p)
		}
		root = next
	}
	return root
}

func keys(m map[string]any) []string {
	l := make([]string, 0, len(m))
	for k := range m {
		l = append(l, k)
	}
	sort.Strings(l)
	return l
}

func TestSchemaHasEveryKeyOfTheReader(t *testing.T) {
	t.Parallel()
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		path []string
		want []string
	}{
		{"file", nil, rootKeys},
		{"extension", []string{"properties", "extensions", "items"}, extensionKeys},
		{"rule", []string{"properties", "rules", "items"}, ruleKeys},
		{"default", []string{"$defs", "default"}, defaultKeys},
		{"photo", []string{"$defs", "photo"}, photoKeys},
		{"property", []string{"$defs", "property"}, propertyKeys},
		{"ask", []string{"$defs", "ask"}, askKeys},
		{"actions", []string{"$defs", "actions"}, actionNames()},
	} {
		o := part(t, root, c.path...)
		want := slices.Clone(c.want)
		sort.Strings(want)
		if got := keys(part(t, o, "properties")); !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the reader %v", c.name, got, want)
		}
		if o["additionalProperties"] != false {
			t.Errorf("%s: the schema takes unknown keys", c.name)
		}
	}
	enum := func(want []string, path ...string) {
		t.Helper()
		var got []string
		for _, v := range part(t, root, path...)["enum"].([]any) {
			got = append(got, v.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: the schema has %v, the reader %v", path, got, want)
		}
	}
	enum(formats, "$defs", "property", "properties", "format")
	enum(sections, "$defs", "property", "properties", "section")
}

// compiled is the schema as the OpenAPI library understands it: its definitions are put in place of the references.
func compiled(t *testing.T) *openapi3.Schema {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	defs := part(t, root, "$defs")
	var put func(v any) any
	put = func(v any) any {
		switch x := v.(type) {
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok {
				return put(defs[ref[len("#/$defs/"):]])
			}
			o := map[string]any{}
			for k, y := range x {
				if k != "$defs" && k != "$schema" && k != "$id" {
					o[k] = put(y)
				}
			}
			if c, ok := o["const"]; ok { // the library knows no const
				delete(o, "const")
				o["enum"] = []any{c}
			}
			return o
		case []any:
			l := make([]any, len(x))
			for i, y := range x {
				l[i] = put(y)
			}
			return l
		}
		return v
	}
	b, err := json.Marshal(put(root))
	if err != nil {
		t.Fatal(err)
	}
	var s openapi3.Schema
	if err := s.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	return &s
}

func plain(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Load(data, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestShippedFilesFitTheSchema(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for name, data := range map[string][]byte{"demo.yaml": Demo(), "default.yaml": Default()} {
		if err := s.VisitJSON(plain(t, data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, m := Parse(name, data); len(m) > 0 {
			t.Error(Report(name, m))
		}
	}
	for _, bad := range []string{
		"{}", "version: 2", "version: 1\nx: 1", "version: 1\nproperties: {city: {edit: [admin]}}", "version: 1\nproperties: {city: {edti: self}}",
		"version: 1\nrules: [{properties: {}}]", "version: 1\ndefault: {edit: self}", "version: 1\nproperties: {city: {section: here}}",
	} {
		if s.VisitJSON(plain(t, []byte(bad))) == nil {
			t.Errorf("the schema takes %q", bad)
		}
		if _, m := Parse("p.yaml", []byte(bad)); len(m) == 0 {
			t.Errorf("the reader takes %q", bad)
		}
	}
}
