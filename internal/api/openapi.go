package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

func (a *API) described() []Route {
	return []Route{{Method: "GET", Path: "/openapi.json", Says: "This description.", Open: true, Gives: document{}, do: func(c *call) (reply, error) {
		return reply{raw: c.openapi()}, nil
	}, Type: "application/json"}}
}

// version is the API's own; it moves when something that was promised changes.
const version = "1"

// document is an OpenAPI description; it describes itself no further.
type document map[string]any

// Describe is the description of all routes: OpenAPI 3.0.3, made from the table, the types of what goes in and out, and the
// properties of a policy.
func Describe(p *policy.Policy) []byte {
	return New(Config{Houses: map[string]House{"": {Policy: p}}}).openapi()
}

// properties are those that the description names: those of the one organization there is, with the extensions of its policy;
// for several what they have in common, for anybody may read it.
func (c Config) properties() *property.Set {
	for _, h := range c.Houses {
		if len(c.Houses) == 1 {
			return h.Policy.Properties()
		}
	}
	return property.Catalog()
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (a *API) document() []byte {
	s := &schemas{set: a.properties(), open: len(a.Houses) > 1, made: document{}}
	paths := document{}
	for _, r := range a.routes {
		path, ok := paths[r.Path].(document)
		if !ok {
			path = document{}
			paths[r.Path] = path
		}
		path[strings.ToLower(r.Method)] = s.operation(r)
	}
	b, err := json.MarshalIndent(document{
		"openapi": "3.0.3",
		"info": document{
			"title": "Nameplate", "version": version,
			"description": "People, groups, licenses, history and policy of a Microsoft 365 organization, as far as the key and the policy allow. A PATCH changes what it names and nothing else.",
		},
		"servers":    []document{{"url": Prefix}},
		"paths":      paths,
		"components": document{"schemas": s.made, "securitySchemes": document{"key": document{"type": "http", "scheme": "bearer", "bearerFormat": "npk_… of a key, nps_… of a person's command line"}}},
	}, "", " ")
	if err != nil {
		panic(err) // made of texts and numbers
	}
	return append(b, '\n')
}

type schemas struct {
	set  *property.Set
	open bool // an organization may have properties beside these
	made document
}

func (s *schemas) operation(r Route) document {
	var params []document
	for _, m := range inPath.FindAllStringSubmatch(r.Path, -1) {
		params = append(params, document{"name": m[1], "in": "path", "required": true, "schema": document{"type": "string"}})
	}
	query := r.Query
	if r.Check {
		query = append(query, Param{"check", "true says what would happen, and writes nothing", "boolean"})
	}
	for _, p := range query {
		params = append(params, document{"name": p.Name, "in": "query", "description": p.Says, "schema": document{"type": p.Kind}})
	}
	header := func(name, says string, required bool) {
		params = append(params, document{"name": name, "in": "header", "description": says, "required": required, "schema": document{"type": "string"}})
	}
	if r.Match {
		header("If-Match", "the ETag of a GET, or * for whatever is there", true)
	}
	if r.Method != http.MethodGet {
		header("Idempotency-Key", "the same key with the same request is answered the same for 24 hours and written once", false)
	}
	answers := document{"default": document{"description": "What went wrong.", "content": document{problemType: document{"schema": s.of(reflect.TypeFor[problem]())}}}}
	ok := document{"description": "Done."}
	switch {
	case r.Gives != nil:
		ok["content"] = document{jsonType: document{"schema": s.of(reflect.TypeOf(r.Gives))}}
	case r.Type != "":
		ok["content"] = document{r.Type: document{"schema": document{"type": "string", "format": "binary"}}}
	}
	statuses := []int{r.Status}
	if _, change := r.Gives.(outcome); change {
		statuses = append(statuses, http.StatusAccepted, http.StatusMultiStatus)
	}
	for _, status := range statuses {
		answers[strconv.Itoa(status)] = ok
	}
	op := document{"summary": r.Says, "responses": answers}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if !r.Open {
		roles := make([]string, len(r.Roles))
		for i, role := range r.Roles {
			roles[i] = string(role)
		}
		op["security"] = []document{{"key": []string{}}}
		op["description"] = "Whoever is signed in."
		if !r.Any {
			op["description"] = "Scope " + string(r.Scope) + "; role " + strings.Join(roles, " or ") + "."
		}
	}
	switch {
	case r.Takes != "":
		content := document{}
		for kind := range strings.FieldsSeq(r.Takes) {
			content[kind] = document{"schema": document{"type": "string", "format": "binary"}}
		}
		op["requestBody"] = document{"required": true, "content": content}
	case r.Body != nil:
		body := s.of(reflect.TypeOf(r.Body))
		if _, patch := r.Body.(person); patch {
			body = s.named("patch", s.properties(true))
		}
		op["requestBody"] = document{"required": true, "content": document{jsonType: document{"schema": body}}}
	}
	return op
}

// named keeps a schema under a name and refers to it.
func (s *schemas) named(name string, d document) document {
	s.made[name] = d
	return document{"$ref": "#/components/schemas/" + name}
}

// of is the schema of a type as encoding/json writes it.
func (s *schemas) of(t reflect.Type) document {
	switch t {
	case reflect.TypeFor[time.Time]():
		return document{"type": "string", "format": "date-time"}
	case reflect.TypeFor[[]byte]():
		return document{"type": "string", "format": "byte"}
	case reflect.TypeFor[property.Value]():
		return document{"nullable": true, "description": "as the property has it: text, list of texts, yes or no, or an instant"}
	case reflect.TypeFor[person]():
		if _, made := s.made["person"]; !made {
			return s.named("person", s.properties(false))
		}
		return document{"$ref": "#/components/schemas/person"}
	case reflect.TypeFor[directory.Scope]():
		return document{"type": "string", "enum": directory.Scopes()}
	}
	switch t.Kind() {
	case reflect.Pointer:
		d := s.of(t.Elem())
		if ref, ok := d["$ref"]; ok {
			return document{"nullable": true, "allOf": []document{{"$ref": ref}}}
		}
		d["nullable"] = true
		return d
	case reflect.Slice:
		return document{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return document{"type": "object"}
		}
		return document{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return document{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return document{"type": "integer"}
	case reflect.Struct:
		name := t.Name()
		if _, made := s.made[name]; !made {
			s.made[name] = document{} // a type may hold itself
			s.made[name] = s.object(t)
		}
		return document{"$ref": "#/components/schemas/" + name}
	}
	return document{"type": "string"}
}

func (s *schemas) object(t reflect.Type) document {
	members, required := document{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() {
			continue
		}
		d := s.of(f.Type)
		if says := f.Tag.Get("says"); says != "" {
			if _, ref := d["$ref"]; ref {
				d = document{"allOf": []document{d}}
			}
			d["description"] = says
		}
		members[name] = d
		if opts == "" {
			required = append(required, name)
		}
	}
	out := document{"type": "object", "properties": members, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// properties is the schema of a person: every property of the catalog, and what stands beside them. To write, only what anybody can.
func (s *schemas) properties(write bool) document {
	members := document{}
	for _, d := range s.set.All() {
		if d.Graph.Secret || write && (d.Graph.ReadOnly || d.Kind == property.KindObject) {
			continue
		}
		x := document{"nullable": true, "description": d.House.Label}
		switch d.Kind {
		case property.KindBool:
			x["type"] = "boolean"
		case property.KindTextList:
			x["type"], x["items"] = "array", document{"type": "string"}
		case property.KindInstant:
			x["type"], x["format"] = "string", "date-time"
		case property.KindObject:
		default:
			x["type"] = "string"
			if write && d.Graph.Max > 0 {
				x["maxLength"] = d.Graph.Max
			}
		}
		members[string(d.Name)] = x
	}
	out := document{"type": "object", "properties": members, "additionalProperties": s.open}
	if write {
		out["minProperties"] = 1
		return out
	}
	for name, example := range besides {
		members[name] = s.of(reflect.TypeOf(example))
	}
	out["required"] = []string{"id"}
	return out
}
