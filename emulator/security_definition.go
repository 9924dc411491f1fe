package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Definitions of custom security attributes and the sets that they stand in. They are neither renamed nor deleted.

// attributeSetProps: https://learn.microsoft.com/en-us/graph/api/resources/attributeset
var attributeSetProps = []prop{
	{name: "id", shown: true, born: true, must: true, ops: "eq"},
	{name: "description", shown: true, max: 128},
	{name: "maxAttributesPerSet", typ: edmInt, shown: true},
}

// definitionProps: https://learn.microsoft.com/en-us/graph/api/resources/customsecurityattributedefinition; what $filter takes:
// https://learn.microsoft.com/en-us/graph/api/directory-list-customsecurityattributedefinitions
var definitionProps = []prop{
	{name: "id", shown: true, fixed: true, ops: "eq"},
	{name: "attributeSet", shown: true, born: true, must: true, ops: "eq"},
	{name: "description", shown: true, max: 128},
	{name: "isCollection", typ: edmBool, shown: true, born: true, must: true},
	{name: "isSearchable", typ: edmBool, shown: true, born: true, must: true},
	{name: "name", shown: true, born: true, must: true, ops: "eq"},
	{name: "status", shown: true, must: true, values: []string{available, deprecated}, ops: "eq"},
	{name: "type", shown: true, born: true, must: true, values: []string{"Boolean", "Integer", "String"}, ops: "eq"},
	{name: "usePreDefinedValuesOnly", typ: edmBool, shown: true, must: true},
	{name: "allowedValues", typ: edmObjects, born: true, shape: allowedShape},
	{name: allowedDelta, typ: edmObjects, shape: allowedShape}, // never kept
}

const (
	allowedShape = `[{"id":"#text","isActive":true}]`
	allowedDelta = "allowedValues@delta"
)

var (
	tMax       = propNumber(attributeSetProps, "maxAttributesPerSet")
	dSet       = propNumber(definitionProps, "attributeSet")
	dMany      = propNumber(definitionProps, "isCollection")
	dSearched  = propNumber(definitionProps, "isSearchable")
	dAttribute = propNumber(definitionProps, "name")
	dStatus    = propNumber(definitionProps, "status")
	dType      = propNumber(definitionProps, "type")
	dOnly      = propNumber(definitionProps, "usePreDefinedValuesOnly")
	dValues    = propNumber(definitionProps, "allowedValues")
	dDelta     = propNumber(definitionProps, allowedDelta)
)

// Limits: https://learn.microsoft.com/en-us/entra/fundamentals/custom-security-attributes-overview#limits-and-constraints
const (
	attributeSetsMost = 500
	definitionsMost   = 500 // active ones
	allowedMost       = 100
)

// Who reads and writes definitions. No other role does, Global Administrator included:
// https://learn.microsoft.com/en-us/graph/api/directory-list-customsecurityattributedefinitions
var (
	readDefinitions   = []string{"CustomSecAttributeDefinition.Read.All", "CustomSecAttributeDefinition.ReadWrite.All"}
	definitionReaders = []string{definitionReader, attributeAdmin, definitionAdmin}
)

func seesDefinitions(c *call, _ *object) sight {
	if !c.p.holds(readDefinitions...) || c.p.delegated() && !c.p.hasRole(definitionReaders...) {
		return blind
	}
	return full
}

func (c *call) mayDefine() error {
	if !c.p.holds("CustomSecAttributeDefinition.ReadWrite.All") || c.p.delegated() && !c.p.hasRole(definitionAdmin) {
		return denied()
	}
	return nil
}

// securityName says whether a set or an attribute may be named so:
// https://learn.microsoft.com/en-us/entra/fundamentals/custom-security-attributes-overview
func securityName(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s != "" && !unicode.IsDigit(first) && utf8.RuneCountInString(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func attributeSetEntity() *entity {
	return &entity{
		set: "directory/attributeSets", name: "attributeSet", title: "AttributeSet", props: attributeSetProps, plain: true, sees: seesDefinitions,
		find:      func(d *directory, key string) *object { return d.attributeSet(key) },
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return c.mayDefine() },
		mayPatch:  func(c *call, _ *object, _ []edit) error { return c.mayDefine() },
		check: func(_ *call, o *object, e *edit) error {
			if e.prop == tMax && (len(e.json) > 4 || strings.HasPrefix(e.json, "-") || e.json == "0") {
				return invalidValueOf(o.in.title, e.name, "InvalidValue")
			}
			return nil
		},
		prepare: func(c *call, o *object, edits []edit) ([]edit, error) {
			edits = slices.DeleteFunc(edits, func(e edit) bool {
				if e.prop == 0 {
					o.id = unquote(e.json)
				}
				return e.prop == 0
			})
			switch {
			case !securityName(o.id):
				return nil, invalidValueOf(o.in.title, "id", "InvalidValue")
			case c.t.dir.attributeSet(o.id) != nil:
				return nil, definedAlready("attribute set", o.id)
			case len(o.in.list) >= attributeSetsMost:
				return nil, badRequest("There are %d attribute sets, which is the most.", attributeSetsMost) // assumed
			}
			return edits, nil
		},
	}
}

// definedAlready: status, code and words are assumed.
func definedAlready(what, id string) *graphError {
	return failure(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "Another %s with the name %s exists already.", what, id)
}

// attributeSet finds a set by its name in any case.
func (d *directory) attributeSet(name string) *object {
	for _, o := range d.typed("attributeSet").list {
		if strings.EqualFold(o.id, name) {
			return o
		}
	}
	return nil
}

func definitionEntity() *entity {
	return &entity{
		set: "directory/customSecurityAttributeDefinitions", name: "customSecurityAttributeDefinition", title: "CustomSecurityAttributeDefinition",
		props: definitionProps, plain: true, sees: seesDefinitions,
		find: func(d *directory, key string) *object {
			set, name, _ := strings.Cut(key, "_")
			return d.security[strings.ToLower(set+"/"+name)]
		},
		mayCreate: func(c *call, _ map[string]json.RawMessage) error { return c.mayDefine() },
		mayPatch:  func(c *call, _ *object, _ []edit) error { return c.mayDefine() },
		routes:    (*call).allowedValues,
		check:     checkDefinition,
		prepare:   prepareDefinition,
		settle: func(c *call, o *object, edits []edit) ([]field, error) {
			for _, e := range edits {
				if e.prop != dDelta {
					continue
				}
				if c.r.Header.Get("OData-Version") != "4.01" {
					// https://learn.microsoft.com/en-us/graph/api/customsecurityattributedefinition-update; the words are assumed
					return nil, failure(http.StatusBadRequest, "BadRequest", "The header OData-Version must be 4.01 for %s.", allowedDelta)
				}
				list, err := securityOf(o).allow(allowedIn(e.json))
				return []field{{dDelta, ""}, {dValues, jsonOf(list)}}, err
			}
			return nil, nil
		},
		index: func(d *directory, o *object, add bool) {
			put(d.security, strings.ToLower(o.text("attributeSet")+"/"+o.text("name")), o, add)
		},
	}
}

// prepareDefinition checks what the parts of a new definition say together.
func prepareDefinition(c *call, o *object, edits []edit) ([]edit, error) {
	d := c.t.dir
	fields := make([]field, 0, len(edits))
	for _, e := range edits {
		fields = append(fields, field{e.prop, e.json})
	}
	whole := &object{in: o.in, rec: record{}.with(fields)}
	def := securityOf(whole)
	set := d.attributeSet(def.set)
	inSet, active := 0, 0
	for _, x := range o.in.list {
		if x.rec.get(dStatus) == text(available) {
			active++
			if strings.EqualFold(x.text("attributeSet"), def.set) {
				inSet++
			}
		}
	}
	switch {
	case set == nil:
		return nil, notThere(def.set)
	case !securityName(def.name):
		return nil, invalidValueOf(o.in.title, "name", "InvalidValue")
	case d.security[strings.ToLower(def.set+"/"+def.name)] != nil:
		return nil, definedAlready("custom security attribute", set.id+"_"+def.name)
	case def.kind == "Boolean" && (def.many || def.only || len(def.values) > 0):
		return nil, invalidValueOf(o.in.title, "type", "InvalidValue")
	case active >= definitionsMost, set.rec.get(tMax) != "" && inSet >= number(set.rec.get(tMax)):
		return nil, badRequest("The attribute set '%s' has as many active attributes as it may.", set.id) // assumed
	}
	if _, err := (securityDef{kind: def.kind}).allow(def.values); err != nil {
		return nil, err
	}
	o.id = set.id + "_" + def.name
	for i := range edits {
		if edits[i].prop == dSet {
			edits[i].json = text(set.id)
		}
	}
	return edits, nil
}

// number is a small number of a record.
func number(j string) int {
	n := 0
	_ = json.Unmarshal([]byte(j), &n) // encoded here
	return n
}

// checkDefinition: only predefined values can be lifted and not imposed.
func checkDefinition(_ *call, o *object, e *edit) error {
	if e.prop == dOnly && o.rec.get(dOnly) == "false" && e.json == "true" {
		return invalidValueOf(o.in.title, e.name, "InvalidValue")
	}
	return nil
}

// allow is the list of predefined values with some more or changed ones.
func (def securityDef) allow(more []allowedValue) ([]allowedValue, error) {
	list := slices.Clone(def.values)
	for _, a := range more {
		j, kind := text(a.ID), edmText
		if def.kind == "Integer" {
			j, kind = a.ID, edmInt32
		}
		if _, ok := decodeType(kind, json.RawMessage(j)); !ok || a.ID == "" || utf8.RuneCountInString(a.ID) > 64 || def.kind == "Boolean" {
			return nil, invalidValueOf("AllowedValue", "id", "InvalidValue")
		}
		if i := slices.IndexFunc(list, func(x allowedValue) bool { return x.ID == a.ID }); i >= 0 {
			list[i] = a
		} else {
			list = append(list, a)
		}
	}
	if len(list) > allowedMost {
		return nil, badRequest("A custom security attribute has %d predefined values at most.", allowedMost) // assumed
	}
	return list, nil
}

// allowedValues answers …/allowedValues and …/allowedValues/{id}:
// https://learn.microsoft.com/en-us/graph/api/customsecurityattributedefinition-list-allowedvalues
func (c *call) allowedValues(key string, n int) (bool, error) {
	if !c.is(n, "allowedValues") || len(c.seg) > n+2 {
		return false, nil
	}
	one, verbs := len(c.seg) == n+2, []string{http.MethodGet, http.MethodPost}
	if one {
		verbs[1] = http.MethodPatch
	}
	if err := c.method(verbs...); err != nil {
		return true, err
	}
	var given allowedValue
	writes := c.r.Method == verbs[1]
	if writes {
		body, err := c.body()
		if err != nil {
			return true, err
		}
		j, ok := fitShape(allowedShape, json.RawMessage("["+string(body)+"]"), "")
		list := allowedIn(j)
		if !ok || len(list) != 1 {
			return true, badJSON()
		}
		given = list[0]
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(c.t.dir.typed("customSecurityAttributeDefinition"), key, n-1)
	if err != nil {
		return true, err
	}
	if seesDefinitions(c, o) == blind {
		return true, denied()
	}
	def := securityOf(o)
	fragment := "directory/customSecurityAttributeDefinitions('" + o.id + "')/allowedValues"
	at := slices.IndexFunc(def.values, func(a allowedValue) bool { return one && a.ID == c.seg[n+1] || writes && a.ID == given.ID })
	switch {
	case one && at < 0:
		return true, notThere(c.seg[n+1])
	case writes:
		return true, c.writeAllowed(o, def, given, at, one, fragment)
	case one:
		return true, c.send(http.StatusOK, append(c.context(nil, fragment+"/$entity"), jsonOf(def.values[at])[1:]...))
	}
	names := []string{"id", "isActive"}
	if fragment, err = c.chosen(fragment, "allowedValue", names); err != nil {
		return true, err
	}
	return true, c.sendPage(len(def.values), fragment, func(b []byte, i int) []byte {
		return pickFrom(b, names, []field{{0, text(def.values[i].ID)}, {1, jsonOf(def.values[i].Active)}}, c.q.selects)
	})
}

// writeAllowed adds a predefined value or changes the one at a place, whose id stays.
func (c *call) writeAllowed(o *object, def securityDef, given allowedValue, at int, change bool, fragment string) error {
	if err := c.mayDefine(); err != nil {
		return err
	}
	switch {
	case change && given.ID != "" && given.ID != def.values[at].ID:
		return badRequest("Property 'id' is read-only and cannot be set.")
	case change:
		given.ID = def.values[at].ID
	case at >= 0:
		return definedAlready("predefined value", given.ID)
	}
	list, err := def.allow([]allowedValue{given})
	if err != nil {
		return err
	}
	if err := c.applyTo(o, []edit{o.in.given(dValues, jsonOf(list))}, o.in.name+".update"); err != nil {
		return err
	}
	if change {
		return c.done()
	}
	return c.send(http.StatusCreated, append(c.context(nil, fragment+"/$entity"), jsonOf(given)[1:]...))
}

// defineSecurity makes the objects of a definition that an organization file describes, with the set that it stands in.
func (d *directory) defineSecurity(s Security) error {
	if d.attributeSet(s.Set) == nil {
		if err := d.insert(&object{in: d.typed("attributeSet"), id: s.Set}); err != nil {
			return err
		}
	}
	var list []allowedValue
	for _, v := range s.Values {
		list = append(list, allowedValue{v, true})
	}
	truth := func(v bool) string { return string(appendBool(nil, v)) }
	o := &object{in: d.typed("customSecurityAttributeDefinition"), id: s.Set + "_" + s.Name}
	set := map[int]string{
		dSet: text(s.Set), dMany: truth(s.Collection), dSearched: "true", dAttribute: text(s.Name), dStatus: text(available), dType: text(s.Type),
		dOnly: truth(len(s.Values) > 0),
	}
	if len(list) > 0 {
		set[dValues] = jsonOf(list)
	}
	o.rec = o.rec.with(fieldsOf(set))
	return d.insert(o)
}
