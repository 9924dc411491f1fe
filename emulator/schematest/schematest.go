// Package schematest holds the answers of an emulator under test to Microsoft's published schemas of Graph v1.0: status, body and
// the names of properties, of every request that any test makes. It knows nothing of the emulator.
//
// The data (microsoftgraph/msgraph-metadata, MIT) is not part of the project: NAMEPLATE_FACTS names the folder that holds
// openapi/graph-v1-slice.openapi.json and openapi/property-names.json. Without it nothing is compared.
package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Slice is Microsoft's data, read once.
type Slice struct {
	doc      *openapi3.T
	known    map[string]map[string]bool // type -> names of properties
	routes   *node
	failed   *openapi3.SchemaRef
	compared atomic.Int64

	mu    sync.Mutex
	lacks map[string]lack // "GET /users/{}/what"
}

// lack counts the answers to an operation that the slice does not have, and the objects in them whose type it knows.
type lack struct{ answers, items int }

// node is a segment of the paths of the slice.
type node struct {
	fixed    map[string]*node
	any      *node
	template string
	item     *openapi3.PathItem
}

// Read is the data that NAMEPLATE_FACTS names; nil where the variable is not set. Anything else that is wrong ends the program's tests.
var Read = sync.OnceValue(func() *Slice {
	folder := os.Getenv("NAMEPLATE_FACTS")
	if folder == "" {
		return nil
	}
	s, err := read(filepath.Join(folder, "openapi"))
	if err != nil {
		panic("NAMEPLATE_FACTS: " + err.Error())
	}
	return s
})

func read(folder string) (*Slice, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "graph-v1-slice.openapi.json"))
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(folder, "property-names.json"))
	if err != nil {
		return nil, err
	}
	var names map[string][]string
	if err := json.Unmarshal(raw, &names); err != nil {
		return nil, err
	}
	s := &Slice{doc: doc, known: map[string]map[string]bool{}, routes: &node{}, lacks: map[string]lack{}, failed: doc.Components.Schemas["ODataError"]}
	for kind, list := range names {
		s.known[kind] = map[string]bool{}
		for _, n := range list {
			s.known[kind][n] = true
		}
	}
	for path, item := range doc.Paths.Map() {
		at := s.routes
		for _, segment := range strings.Split(strings.Trim(path, "/"), "/") {
			at = at.add(segment)
		}
		at.template, at.item = path, item
	}
	return s, nil
}

func (n *node) add(segment string) *node {
	if strings.HasPrefix(segment, "{") {
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	if n.fixed == nil {
		n.fixed = map[string]*node{}
	}
	if segment = form(segment); n.fixed[segment] == nil {
		n.fixed[segment] = &node{}
	}
	return n.fixed[segment]
}

// form is a segment as it is looked up: small, and without the value of an alternate key.
func form(segment string) string {
	name, _, ok := strings.Cut(strings.ToLower(segment), "='")
	if ok {
		return name + "=)"
	}
	return name
}

// find is the operation of the slice, nil where it has none, and its path there; else the path without the keys in it. path is below
// the version.
func (s *Slice) find(method, path string) (*openapi3.Operation, string) {
	for _, open := range []bool{false, true} { // applications(appId='x') has an entry of its own for some operations, not for all
		at := s.routes
		for _, one := range split(path, open) {
			if at = at.step(one); at == nil {
				break
			}
		}
		if at != nil && at.item != nil && at.item.GetOperation(method) != nil {
			return at.item.GetOperation(method), at.template
		}
	}
	var told strings.Builder
	for i, one := range split(path, true) {
		if i%2 == 1 && !plain.MatchString(one) {
			one = "{}"
		}
		told.WriteString("/" + one)
	}
	return nil, told.String()
}

// split cuts a path into segments; users('id') is users/id, and with open any other key in parentheses too.
func split(path string, open bool) []string {
	var out []string
	for _, one := range strings.Split(strings.Trim(path, "/"), "/") {
		word, err := url.PathUnescape(one)
		if err != nil {
			word = one
		}
		name, key, ok := strings.Cut(strings.TrimSuffix(word, ")"), "(")
		if ok && key != "" && (open || strings.HasPrefix(key, "'")) {
			out = append(out, name, "("+key+")")
			continue
		}
		out = append(out, word)
	}
	return out
}

func (n *node) step(segment string) *node {
	word := form(segment)
	if next := n.fixed[word]; next != nil {
		return next
	}
	if next := n.fixed[strings.TrimPrefix(word, "microsoft.graph.")]; next != nil { // the long name of an action
		return next
	}
	if strings.TrimSuffix(word, "()") == "delta" || strings.HasPrefix(word, "microsoft.graph.") { // a function or a type that the slice lacks, and no key
		return nil
	}
	return n.any
}

// plain is a segment that is a word and no key.
var plain = regexp.MustCompile(`^\$?[a-z]+[A-Za-z]*(\(\))?$|^microsoft\.graph\.[a-zA-Z]+$`)

// Has says whether the slice has the operation, by its path below /v1.0.
func (s *Slice) Has(method, path string) bool {
	op, _ := s.find(method, path)
	return op != nil
}

// Operations are all of the slice, "GET /users/{user-id}".
func (s *Slice) Operations() []string {
	var out []string
	for path, item := range s.doc.Paths.Map() {
		for method := range item.Operations() {
			out = append(out, method+" "+path)
		}
	}
	slices.Sort(out)
	return out
}

// Properties are the names that Microsoft's type has, sorted; none for an unknown type.
func (s *Slice) Properties(kind string) []string { return slices.Sorted(maps.Keys(s.known[kind])) }

// Lacks lists the operations that were answered and that the slice does not have, with the number of answers, and of the objects in
// them that were compared with their type.
func (s *Slice) Lacks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, k := range slices.Sorted(maps.Keys(s.lacks)) {
		out = append(out, fmt.Sprintf("%s (%d answers, %d objects compared)", k, s.lacks[k].answers, s.lacks[k].items))
	}
	return out
}

// Compared is how many answers to operations of the slice were looked at so far.
func (s *Slice) Compared() int64 { return s.compared.Load() }

// Answer says what is wrong with an answer; path is below the version. kind is its Content-Type.
func (s *Slice) Answer(method, path string, status int, kind string, body []byte) []string {
	op, template := s.find(method, path)
	if op == nil {
		if status >= http.StatusBadRequest {
			return s.body(s.failed, kind, body) // every error of Graph has the same form, whatever was asked for
		}
		items := s.told(body)
		s.mu.Lock()
		l := s.lacks[method+" "+template]
		l.answers++
		l.items += len(items)
		s.lacks[method+" "+template] = l
		s.mu.Unlock()
		var out []string
		for _, one := range items {
			out = append(out, s.check(one.schema, one.value)...)
		}
		return out
	}
	s.compared.Add(1)
	ref := op.Responses.Value(fmt.Sprint(status))
	if ref == nil {
		ref = op.Responses.Value(fmt.Sprintf("%dXX", status/100))
	}
	if ref == nil {
		return []string{fmt.Sprintf("%d is no answer to it", status)}
	}
	if ref.Value.Content == nil {
		if len(body) > 0 {
			return []string{fmt.Sprintf("%d has no body, and there is one", status)}
		}
		return nil
	}
	media := ref.Value.Content.Get(kind)
	if media == nil {
		return []string{fmt.Sprintf("%d comes as %q", status, kind)}
	}
	return s.body(media.Schema, kind, body)
}

// body compares a body with its schema.
func (s *Slice) body(want *openapi3.SchemaRef, kind string, body []byte) []string {
	switch {
	case strings.HasPrefix(kind, "text/"):
		if err := want.Value.VisitJSON(string(body)); err != nil {
			return []string{err.Error()}
		}
		return nil
	case !strings.HasPrefix(kind, "application/json"):
		if want.Value.Format != "binary" {
			return []string{fmt.Sprintf("it comes as %q", kind)}
		}
		return nil
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		return []string{"it is no JSON: " + err.Error()}
	}
	return s.check(want, got)
}

// check compares a value with its schema.
func (s *Slice) check(want *openapi3.SchemaRef, got any) []string {
	var out []string
	if err := want.Value.VisitJSON(got); err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\nSchema:")
		out = append(out, reason)
	}
	return append(out, s.names(want, got, "")...)
}

// typed is an object and the type that it says it has.
type typed struct {
	schema *openapi3.SchemaRef
	value  any
}

// ofSet is what the last part of a context names where that is not the type with an s.
var ofSet = map[string]string{
	"owners": "directoryObject", "members": "directoryObject", "memberOf": "directoryObject", "transitiveMembers": "directoryObject",
	"federatedIdentityCredentials": "federatedIdentityCredential", "extensionProperties": "extensionProperty", "photo": "profilePhoto",
	"organization": "organization", "appRoleAssignedTo": "appRoleAssignment",
}

// context is the set that an @odata.context speaks of.
var context = regexp.MustCompile(`\$metadata#(?:.*/)?([A-Za-z]+)(?:\([^/]*\))?(?:/\$entity)?$`)

// told are the objects of an answer to which the slice has no operation, by their @odata.type or else by the context.
func (s *Slice) told(body []byte) []typed {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	said, _ := answer["@odata.context"].(string)
	set := ""
	if m := context.FindStringSubmatch(said); m != nil {
		set = m[1]
	}
	kind, ok := ofSet[set]
	if !ok {
		kind = strings.TrimSuffix(set, "s")
	}
	items, ok := answer["value"].([]any)
	if !ok {
		items = []any{answer}
	}
	var out []typed
	for _, one := range items {
		object, _ := one.(map[string]any)
		is := kind
		if t, ok := object["@odata.type"].(string); ok {
			is = strings.TrimPrefix(t, "#microsoft.graph.")
		}
		if schema := s.doc.Components.Schemas["microsoft.graph."+is]; schema != nil && object != nil && s.known[is] != nil {
			out = append(out, typed{schema, one})
		}
	}
	return out
}

// extension is the name of a directory extension, or of a schema extension as it stands on an object.
var extension = regexp.MustCompile(`^(extension_|ext[0-9a-z]{8}_)`)

// complexExtension says whether a value is a schema extension's, whatever domain its name begins with
// (https://learn.microsoft.com/graph/extensibility-schema-groups#5-add-custom-data-to-a-new-group).
func complexExtension(value any) bool {
	object, _ := value.(map[string]any)
	return object["@odata.type"] == "#microsoft.graph.ComplexExtensionValue"
}

// names finds properties that Microsoft's types do not have.
func (s *Slice) names(ref *openapi3.SchemaRef, got any, at string) []string {
	if ref == nil {
		return nil
	}
	var out []string
	if list, ok := got.([]any); ok {
		for _, one := range list {
			out = append(out, s.names(ref.Value.Items, one, at+"[]")...)
		}
		return out
	}
	object, ok := got.(map[string]any)
	if !ok {
		return nil
	}
	kind := kindOf(ref)
	if said, ok := object["@odata.type"].(string); ok && s.known[strings.TrimPrefix(said, "#microsoft.graph.")] != nil {
		kind = strings.TrimPrefix(said, "#microsoft.graph.")
	}
	properties, allowed := ref.Value.Properties, s.known[kind]
	if allowed != nil {
		properties = s.doc.Components.Schemas["microsoft.graph."+kind].Value.Properties
	}
	for name, value := range object {
		switch {
		case strings.Contains(name, "@"):
			continue
		case extension.MatchString(name) || complexExtension(value):
			continue
		case allowed != nil && !allowed[name]:
			out = append(out, fmt.Sprintf("%s: Microsoft's %s has no %s", at, kind, name))
			continue
		case allowed == nil && len(properties) > 0 && properties[name] == nil:
			out = append(out, fmt.Sprintf("%s: there is no %s", at, name))
			continue
		}
		out = append(out, s.names(properties[name], value, at+"."+name)...)
	}
	return out
}

// kindOf is the type that a schema stands for: "user"; "" for an envelope.
func kindOf(ref *openapi3.SchemaRef) string {
	if _, kind, ok := strings.Cut(ref.Ref, "microsoft.graph."); ok {
		return strings.TrimSuffix(kind, ".any")
	}
	for _, part := range ref.Value.AllOf {
		if kind := kindOf(part); kind != "" {
			return kind
		}
	}
	return ""
}

// Wrap returns a handler around the emulator's own (emulator.Options.Wrap) that holds each answer of Graph, those inside of
// batches too, to the schemas. What does not fit and is not deliberate fails t when it ends. Without the data it does nothing.
func Wrap(t testing.TB) func(http.Handler) http.Handler {
	s := Read()
	if s == nil {
		return func(h http.Handler) http.Handler { return h }
	}
	w := &watcher{slice: s, bad: map[string]string{}}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, k := range slices.Sorted(maps.Keys(w.bad)) {
			t.Errorf("%s does not fit Microsoft's schemas: %s", k, w.bad[k])
		}
	})
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { w.serve(next, out, r) })
	}
}

// watcher gathers what does not fit.
type watcher struct {
	slice *Slice
	mu    sync.Mutex
	bad   map[string]string // what -> the first answer that shows it
}

func (w *watcher) serve(next http.Handler, out http.ResponseWriter, r *http.Request) {
	version, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if v := strings.ToLower(version); v != "v1.0" && v != "beta" {
		next.ServeHTTP(out, r)
		return
	}
	var asked []byte
	if strings.EqualFold(path, "$batch") && r.Header.Get("Content-Encoding") == "" {
		asked, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(asked))
	}
	method, seen := r.Method, &seen{ResponseWriter: out}
	next.ServeHTTP(seen, r) // an answer that breaks off panics, and is not looked at
	if method == http.MethodHead || seen.code == 0 {
		return // nothing was answered: the connection was taken over
	}
	w.hold(method, "/"+path, seen.code, out.Header().Get("Content-Type"), seen.body.Bytes())
	if asked != nil && seen.code == http.StatusOK {
		w.inside(asked, seen.body.Bytes())
	}
}

// inside holds the answers of a batch to the schemas.
func (w *watcher) inside(asked, answered []byte) {
	var batch struct {
		Requests []struct {
			ID          json.RawMessage
			Method, URL string
		}
	}
	var answers struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	if json.Unmarshal(answered, &answers) != nil || json.Unmarshal(asked, &batch) != nil {
		return
	}
	for _, q := range batch.Requests {
		path, _, _ := strings.Cut(q.URL, "?")
		for _, a := range answers.Responses {
			if a.ID != strings.Trim(string(q.ID), `"`) || strings.HasPrefix(string(a.Body), `"`) {
				continue // a picture stands there as text
			}
			w.hold(strings.ToUpper(q.Method), "/"+strings.TrimPrefix(path, "/"), a.Status, a.Headers["Content-Type"], a.Body)
		}
	}
}

func (w *watcher) hold(method, path string, status int, kind string, body []byte) {
	for _, what := range w.slice.Answer(method, path, status, kind, body) {
		_, template := w.slice.find(method, path)
		if meant(method, template, what) {
			continue
		}
		w.mu.Lock()
		key := method + " " + template + ": " + what
		if _, ok := w.bad[key]; !ok && len(w.bad) < 50 {
			w.bad[key] = fmt.Sprintf("%s: %d %.300s", path, status, body)
		}
		w.mu.Unlock()
	}
}

// seen is an answer that is remembered while it is written.
type seen struct {
	http.ResponseWriter
	code int
	body bytes.Buffer
}

func (s *seen) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *seen) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	s.body.Write(b)
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
