package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"nameplate/internal/fail"
)

// maxDepth is how deep a body may be nested.
const maxDepth = 64

var (
	jsonType  = "application/json"
	patchType = "application/merge-patch+json"
)

// readQuery refuses parameters that the route does not have, or that come twice: whoever mistypes one is told.
func (c *call) readQuery() error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil || len(c.r.URL.RawQuery) > 8000 {
		return refuse(http.StatusBadRequest, fail.T("The query of the address cannot be read, or is longer than 8,000 characters."))
	}
	known := []string{}
	for _, p := range c.route.Query {
		known = append(known, p.Name)
	}
	if c.route.Check {
		known = append(known, "check")
	}
	for name, v := range q {
		at := fieldError{Parameter: name, Code: "unknown"}
		switch {
		case !slices.Contains(known, name):
			return refuseAt(http.StatusBadRequest, at, fail.T("There is no parameter called %q here.", name))
		case len(v) > 1:
			at.Code = "twice"
			return refuseAt(http.StatusBadRequest, at, fail.T("The parameter %q comes more than once.", name))
		case name == "check" && v[0] != "true" && v[0] != "false":
			at.Code = "form"
			return refuseAt(http.StatusBadRequest, at, fail.T("%q is true or false.", name))
		case !utf8.ValidString(v[0]) || strings.ContainsRune(v[0], 0):
			at.Code = "form"
			return refuseAt(http.StatusBadRequest, at, fail.T("The parameter %q holds characters that are no text.", name))
		}
	}
	return nil
}

// readBody reads the body as the route takes it. What the head of the request shows to be refused is refused before a byte is read (A45).
func (c *call) readBody(w http.ResponseWriter) error {
	if c.r.Header.Get("Content-Encoding") != "" && c.r.Header.Get("Content-Encoding") != "identity" {
		return refuse(http.StatusUnsupportedMediaType, fail.T("Bodies are not taken packed. Send it without Content-Encoding."))
	}
	long := refuse(http.StatusRequestEntityTooLarge, fail.T("The body may have at most %d bytes.", int(c.route.Bytes)))
	if c.r.ContentLength > c.route.Bytes {
		return long
	}
	takes := c.route.Body != nil || c.route.Takes != ""
	if takes {
		if err := c.bodyType(); err != nil {
			return err
		}
	}
	var from io.Reader = http.MaxBytesReader(w, c.r.Body, c.route.Bytes)
	if c.route.Body != nil && c.route.Takes == "" {
		from = &shallow{from: from}
	}
	raw, err := io.ReadAll(from)
	var cut *http.MaxBytesError
	switch {
	case errors.As(err, &cut):
		return long
	case err != nil:
		return refuse(http.StatusBadRequest, fail.T("The body ended before it was complete."))
	case !takes && len(raw) > 0:
		return refuse(http.StatusBadRequest, fail.T("No body is taken here."))
	}
	c.raw = raw
	if !takes || c.route.Takes != "" {
		return nil
	}
	if c.tree, err = parse(raw); err != nil {
		return err
	}
	if probs := fits(c.tree, reflect.TypeOf(c.route.Body), ""); len(probs) > 0 {
		return refuse(http.StatusBadRequest, fail.T("The body is not as it has to be. Nothing was changed."), probs...)
	}
	return nil
}

// bodyType holds a body to the media types that the route takes.
func (c *call) bodyType() error {
	kind, param, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	takes := []string{jsonType}
	switch {
	case c.route.Takes != "":
		takes = strings.Split(c.route.Takes, " ")
	case c.r.Method == http.MethodPatch:
		takes = append(takes, patchType)
	}
	if err != nil || !slices.Contains(takes, kind) || param["charset"] != "" && !strings.EqualFold(param["charset"], "utf-8") {
		return refuseAt(http.StatusUnsupportedMediaType, fieldError{Header: "Content-Type", Code: "media_type"}, fail.T("What is sent here has the Content-Type %s.", strings.Join(takes, " or ")))
	}
	return nil
}

// shallow ends a JSON body at the first bracket that is deeper than parse goes: it refuses what came until there, and nobody reads the rest.
type shallow struct {
	from            io.Reader
	depth           int
	quoted, escaped bool
}

func (s *shallow) Read(p []byte) (int, error) {
	if s.depth > maxDepth+1 {
		return 0, io.EOF
	}
	n, err := s.from.Read(p)
	for i, c := range p[:n] {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted && c == '\\':
			s.escaped = true
		case c == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case c == '[' || c == '{':
			if s.depth++; s.depth > maxDepth+1 {
				return i + 1, io.EOF
			}
		case c == ']' || c == '}':
			s.depth--
		}
	}
	return n, err
}

// into gives the body its type; it fits.
func (c *call) into(v any) error {
	if err := json.Unmarshal(c.raw, v); err != nil {
		return fail.Wrap(fail.Internal, "api.body", err)
	}
	return nil
}

// parse reads one strict JSON document: UTF-8 without a byte order mark, no name twice, not deeper than maxDepth, nothing behind it.
func parse(raw []byte) (any, error) {
	bad := func(code string, say fail.Text) error {
		return refuseAt(http.StatusBadRequest, fieldError{Pointer: "", Code: code}, say)
	}
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, bad("empty", fail.T("The body is empty."))
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return nil, bad("bom", fail.T("The body begins with a byte order mark. Send the JSON without it."))
	case !utf8.Valid(raw):
		return nil, bad("utf8", fail.T("The body is not UTF-8."))
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	tree, err := value(d, "", 0)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = bad("trailing", fail.T("There is something behind the end of the JSON."))
		}
	}
	var r *refusal
	if err != nil && !errors.As(err, &r) {
		return nil, bad("syntax", fail.T("The body is not JSON; it cannot be read from byte %d on.", int(d.InputOffset())))
	}
	return tree, err
}

func value(d *json.Decoder, at string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, refuseAt(http.StatusBadRequest, fieldError{Pointer: short(at), Code: "depth"}, fail.T("The body is nested more than %d deep.", maxDepth))
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := k.(string)
			here := at + "/" + escape(name)
			if _, twice := m[name]; twice {
				return nil, refuseAt(http.StatusBadRequest, fieldError{Pointer: here, Code: "twice"}, fail.T("%q stands there twice.", name))
			}
			if m[name], err = value(d, here, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return m, err
	case json.Delim('['):
		l := []any{}
		for d.More() {
			x, err := value(d, at+"/"+strconv.Itoa(len(l)), depth+1)
			if err != nil {
				return nil, err
			}
			l = append(l, x)
		}
		_, err := d.Token()
		return l, err
	}
	if _, stray := t.(json.Delim); stray {
		return nil, errors.New("a bracket too many")
	}
	return t, nil
}

// short keeps a pointer of a hostile body from filling the answer.
func short(pointer string) string { return pointer[:min(len(pointer), 200)] }

func escape(name string) string { return pointerNames.Replace(name) }

var pointerNames = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901

var instantType = reflect.TypeFor[time.Time]()

// fits says what of a tree is not of a type: names in exactly their spelling, texts, yes or no, lists, instants.
func fits(tree any, t reflect.Type, at string) (probs []fieldError) {
	say := func(at, code string, s fail.Text) {
		probs = append(probs, fieldError{Pointer: short(at), Code: code, say: s})
	}
	switch {
	case t == instantType:
		s, ok := tree.(string)
		if _, err := time.Parse(time.RFC3339, s); !ok || err != nil {
			say(at, "type", fail.T("This has to be an instant, for example 2027-02-28T09:30:00Z."))
		}
	case t.Kind() == reflect.String:
		if _, ok := tree.(string); !ok {
			say(at, "type", fail.T("This has to be a text."))
		}
	case t.Kind() == reflect.Int:
		n, ok := tree.(json.Number)
		if _, err := strconv.Atoi(n.String()); !ok || err != nil {
			say(at, "type", fail.T("This has to be a whole number."))
		}
	case t.Kind() == reflect.Bool:
		if _, ok := tree.(bool); !ok {
			say(at, "type", fail.T("This has to be true or false."))
		}
	case t.Kind() == reflect.Slice:
		l, ok := tree.([]any)
		if !ok {
			say(at, "type", fail.T("This has to be a list."))
		}
		for i, x := range l {
			probs = append(probs, fits(x, t.Elem(), at+"/"+strconv.Itoa(i))...)
		}
	case t.Kind() == reflect.Map:
		if _, ok := tree.(map[string]any); !ok {
			say(at, "type", fail.T("This has to be an object."))
		}
	case t.Kind() == reflect.Struct:
		m, ok := tree.(map[string]any)
		if !ok {
			say(at, "type", fail.T("This has to be an object."))
			return probs
		}
		fields := map[string]reflect.StructField{}
		for _, f := range reflect.VisibleFields(t) {
			name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f
			if _, there := m[name]; !there && opts == "" {
				say(at+"/"+name, "required", fail.T("%q is missing.", name))
			}
		}
		for _, name := range sorted(m) {
			f, ok := fields[name]
			if !ok {
				say(at+"/"+escape(name), "unknown", fail.T("There is nothing called %q here.", name))
				continue
			}
			probs = append(probs, fits(m[name], f.Type, at+"/"+name)...)
		}
	}
	return probs
}

func sorted[V any](m map[string]V) []string {
	l := make([]string, 0, len(m))
	for k := range m {
		l = append(l, k)
	}
	slices.Sort(l)
	return l
}
