package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// schemaProps: https://learn.microsoft.com/en-us/graph/api/resources/schemaextension
var schemaProps = []prop{
	{name: "id", shown: true, born: true, must: true, ops: "eq"},
	{name: "description", shown: true, ops: "eq"},
	{name: "targetTypes", typ: edmTexts, shown: true, must: true},
	{name: "status", shown: true, keep: true, values: []string{inDevelopment, available, deprecated}, ops: "eq"},
	{name: "owner", shown: true, keep: true, ops: "eq"},
	{name: "properties", typ: edmObjects, shown: true, must: true, shape: `[{"name":"#text","type":"#text"}]`},
}

var (
	hTargets    = propNumber(schemaProps, "targetTypes")
	hStatus     = propNumber(schemaProps, "status")
	hOwner      = propNumber(schemaProps, "owner")
	hProperties = propNumber(schemaProps, "properties")
)

const (
	inDevelopment = "InDevelopment"
	available     = "Available"
	deprecated    = "Deprecated"
)

// schemaTargets and schemaTypes: https://learn.microsoft.com/en-us/graph/api/resources/extensionschemaproperty and the page above.
var (
	schemaTargets = []string{
		"administrativeUnit", "application", "contact", "device", "event", "group", "message", "organization", "post", "todoTask", "todoTaskList", "user",
	}
	schemaTypes  = []string{"Binary", "Boolean", "DateTime", "Integer", "String"}
	schemaName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
	schemaMember = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	schemaDomain = regexp.MustCompile(`(?i)^([a-z0-9-]+)\.(com|net|gov|edu|org)$`)
)

// schemasOfOwner is how many definitions an application may have:
// https://learn.microsoft.com/en-us/graph/extensibility-overview#schema-extensions
const schemasOfOwner = 5

// member of a schema extension.
type schemaProperty struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func schemaMembers(j string) []schemaProperty {
	var out []schemaProperty
	_ = json.Unmarshal([]byte(j), &out) // encoded here
	return out
}

// schemaEntity are the schema extensions: definitions, whose values stand in the objects of their target types.
func schemaEntity() *entity {
	return &entity{
		set: "schemaExtensions", name: "schemaExtension", title: "SchemaExtension", props: schemaProps, plain: true,
		find: func(d *directory, key string) *object { return d.schemas[strings.ToLower(key)] },
		sees: seesSchemas,
		visible: func(c *call, o *object) bool { // https://learn.microsoft.com/en-us/graph/api/schemaextension-list
			return o.text("status") == available || c.ownsSchema(o.text("owner"))
		},
		mayCreate: func(c *call, _ map[string]json.RawMessage) error {
			if !c.p.holds(writesSchemas(c.p)...) {
				return noSchemaWrite()
			}
			return nil
		},
		mayPatch: func(c *call, o *object, edits []edit) error {
			named := slices.ContainsFunc(edits, func(e edit) bool { return e.prop == hOwner })
			return c.mayWriteSchema(o, named)
		},
		mayDelete: func(c *call, o *object) error {
			if err := c.mayWriteSchema(o, true); err != nil {
				return err
			}
			if o.text("status") != inDevelopment {
				return badRequest("The schema extension '%s' is %s and cannot be deleted.", o.id, o.text("status")) // assumed
			}
			return nil
		},
		check:   checkSchema,
		prepare: prepareSchema,
		indexed: []int{hProperties, hTargets},
		index: func(d *directory, o *object, add bool) {
			put(d.schemas, strings.ToLower(o.id), o, add)
			d.defineFor(prop{name: o.id, typ: edmObject, ops: "eq", adv: "ne not"}, texts(o.rec.get(hTargets)), add)
		},
	}
}

// seesSchemas: everybody who is signed in reads them with User.Read: https://learn.microsoft.com/en-us/graph/api/schemaextension-list
func seesSchemas(c *call, o *object) sight {
	if c.p.delegated() && c.p.holds("User.Read") {
		return full
	}
	return seesApps(c, o)
}

// noSchemaWrite: text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/11131, code as in
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/1132
func noSchemaWrite() *graphError {
	return failure(http.StatusForbidden, "AccessDenied", "Cannot perform this extension schema write operation.")
}

// writesSchemas are the permissions: https://learn.microsoft.com/en-us/graph/api/schemaextension-post-schemaextensions
func writesSchemas(p *principal) []string {
	if p.delegated() {
		return []string{"Application.ReadWrite.All", "Directory.AccessAsUser.All"}
	}
	return []string{"Application.ReadWrite.All+Directory.ReadWrite.All"}
}

// ownsSchema says whether the caller is the owner: the application itself, or a person who owns it.
func (c *call) ownsSchema(appID string) bool {
	if !c.p.delegated() {
		return strings.EqualFold(c.p.client, appID)
	}
	return c.ownsApp(appID)
}

// mayWriteSchema: the owner alone changes a definition; a person who does so through another application names the owner.
// https://learn.microsoft.com/en-us/graph/api/schemaextension-update
func (c *call) mayWriteSchema(o *object, named bool) error {
	owner := o.text("owner")
	if !c.p.holds(writesSchemas(c.p)...) || !c.ownsSchema(owner) || !named && !strings.EqualFold(owner, c.p.client) {
		return noSchemaWrite()
	}
	return nil
}

// prepareSchema completes the id and sets owner and status.
func prepareSchema(c *call, o *object, edits []edit) ([]edit, error) {
	t, owner := o.in, c.p.client
	edits = slices.DeleteFunc(edits, func(e edit) bool {
		switch e.prop {
		case 0:
			o.id = unquote(e.json)
		case hOwner:
			owner = unquote(e.json)
		}
		return e.prop == 0 || e.prop == hStatus || e.prop == hOwner
	})
	if !c.ownsSchema(owner) && c.p.delegated() {
		return nil, noSchemaWrite()
	}
	name, domain := o.id, ""
	if before, after, ok := strings.Cut(o.id, "_"); ok {
		name, domain = after, before
	}
	if !schemaName.MatchString(name) {
		return nil, invalidValueOf(t.title, "id", "InvalidValue")
	}
	switch {
	case domain == "":
		o.id = "ext" + strings.ReplaceAll(c.e.random.id(), "-", "")[:8] + "_" + name
	case !slices.ContainsFunc(c.t.domains, func(d Domain) bool {
		m := schemaDomain.FindStringSubmatch(d.Name)
		return m != nil && d.Verified && strings.EqualFold(m[1], domain)
	}):
		// remembered
		return nil, failure(http.StatusForbidden, "Authorization_RequestDenied", "Your organization must own the namespace %s as a part of one of the verified domains.", domain)
	}
	if c.t.dir.object(t, "", o.id) != nil {
		return nil, failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "A schema extension with the id %s already exists.", o.id) // assumed
	}
	n := 0
	for _, x := range t.list {
		if strings.EqualFold(x.text("owner"), owner) {
			n++
		}
	}
	if n >= schemasOfOwner {
		return nil, badRequest("The application %s has %d schema extensions, which is the most.", owner, n) // assumed
	}
	return append(edits, t.given(hOwner, text(owner)), t.given(hStatus, text(inDevelopment))), nil
}

// checkSchema: changes only add, and the state goes one way.
// https://learn.microsoft.com/en-us/graph/api/resources/schemaextension#schema-extensions-lifecycle
func checkSchema(_ *call, o *object, e *edit) error {
	bad := invalidValueOf(o.in.title, e.name, "InvalidValue")
	was := o.text("status")
	if was == deprecated {
		return badRequest("The schema extension '%s' is %s and cannot be changed.", o.id, was) // assumed
	}
	switch e.prop {
	case hOwner:
		if was != "" && !strings.EqualFold(unquote(e.json), o.text("owner")) {
			return badRequest("Property 'owner' is read-only and cannot be set.")
		}
	case hStatus:
		if to := unquote(e.json); was != "" && to != was && !(was == inDevelopment && to == available || was == available && to == deprecated) {
			return bad
		}
	case hTargets:
		list := texts(e.json)
		for _, one := range texts(o.rec.get(hTargets)) {
			if !slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, one) }) {
				return bad
			}
		}
		if slices.ContainsFunc(list, func(s string) bool {
			return !slices.ContainsFunc(schemaTargets, func(x string) bool { return strings.EqualFold(x, s) })
		}) {
			return bad
		}
	case hProperties:
		list, seen := schemaMembers(e.json), map[string]bool{}
		for _, one := range list {
			if key := strings.ToLower(one.Name); !schemaMember.MatchString(one.Name) || !slices.Contains(schemaTypes, one.Type) || seen[key] {
				return bad
			}
			seen[strings.ToLower(one.Name)] = true
		}
		for _, one := range schemaMembers(o.rec.get(hProperties)) {
			if !slices.Contains(list, one) {
				return bad
			}
		}
	}
	return nil
}

// defineSchema makes the object of a schema extension that an organization file describes: for people, and to be used by everybody.
func (d *directory) defineSchema(s Schema) error {
	t := d.typed("schemaExtension")
	var list []schemaProperty
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		list = append(list, schemaProperty{name, s.Properties[name]})
	}
	o := &object{in: t, id: s.ID}
	o.rec = o.rec.with([]field{{hTargets, `["User"]`}, {hStatus, text(available)}, {hProperties, jsonOf(list)}})
	return d.insert(o)
}

// decodeSchema reads a value of a schema extension. Members that are not named keep their value, null takes one out, null for the
// whole takes all out.
func decodeSchema(raw json.RawMessage, old string, s *object) (string, bool) {
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
		list := schemaMembers(s.rec.get(hProperties))
		n := slices.IndexFunc(list, func(p schemaProperty) bool { return strings.EqualFold(p.Name, name) })
		if n < 0 {
			return "", false
		}
		known, kind := list[n].Name, edmText
		switch list[n].Type {
		case "Integer":
			kind = edmInt32
		case "Boolean":
			kind = edmBool
		case "DateTime":
			kind = edmInstant
		}
		j, ok := decodeType(kind, v)
		if !ok {
			return "", false
		}
		if utf8.RuneCountInString(unquote(j)) > longestValue {
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
