package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxBytes    = 384 << 10
	maxDepth    = 12 // a policy needs seven
	maxMistakes = 100
)

// reader walks a YAML tree and gathers mistakes.
type reader struct {
	mistakes []Mistake
}

// node is a place in the file.
type node struct {
	*yaml.Node
	path string
}

func (n node) child(key string, y *yaml.Node) node {
	if n.path == "" {
		return node{y, key}
	}
	return node{y, n.path + "." + key}
}

func (n node) item(i int, y *yaml.Node) node { return node{y, fmt.Sprintf("%s[%d]", n.path, i)} }

func (r *reader) mistake(n node, remedy, what string, args ...any) {
	m := Mistake{Path: n.path, What: fmt.Sprintf(what, args...), Remedy: remedy}
	if n.Node != nil {
		m.Line, m.Column = n.Line, n.Column
	}
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, m)
	}
}

// parse reads the one document of a file. Without it there is at least one mistake.
func (r *reader) parse(data []byte) (node, bool) {
	if len(data) > maxBytes {
		r.mistake(node{}, "A policy file has a few kB. Look whether this is the right file.", "The file has %d bytes. More than %d are not read.", len(data), maxBytes)
		return node{}, false
	}
	text, wrong := decode(data)
	if wrong != "" {
		r.mistake(node{}, "Save the file as UTF-8.", "%s", wrong)
		return node{}, false
	}
	if line, column := tooDeep(text); line > 0 {
		r.mistakes = append(r.mistakes, Mistake{Line: line, Column: column, What: "Brackets are nested too deeply here.", Remedy: "A policy needs hardly any brackets. Write one entry on each line."})
		return node{}, false
	}
	l, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		r.mistake(node{}, "", "The file cannot be read: %s.", err)
		return node{}, false
	}
	var doc, more yaml.Node
	switch err = l.Load(&doc); {
	case errors.Is(err, io.EOF):
		r.mistake(node{}, "Begin with the line \"version: 1\", then \"properties:\". A policy without properties shows nothing and lets nobody edit anything.", "The file holds nothing.")
		return node{}, false
	case err != nil:
		r.mistakes = append(r.mistakes, syntaxMistake(err, text))
		return node{}, false
	}
	if err = l.Load(&more); !errors.Is(err, io.EOF) {
		m := node{}
		if err == nil {
			m.Node = &more
		}
		r.mistake(m, "Remove the line --- and join the parts.", "There is more than one document in the file.")
		return node{}, false
	}
	if len(doc.Content) != 1 {
		r.mistake(node{}, "Begin with the line \"version: 1\".", "The file holds nothing.")
		return node{}, false
	}
	root := node{doc.Content[0], ""}
	if !r.sane(root, 0) {
		return node{}, false
	}
	return root, true
}

// sane refuses what a policy never needs and what could harm or mislead: aliases, tags, deep nesting, keys twice.
func (r *reader) sane(n node, depth int) bool {
	if depth > maxDepth {
		r.mistake(n, "A policy has no place that is so deep. Look at the indentation.", "This is nested too deeply.")
		return false
	}
	ok := true
	if n.Kind == yaml.AliasNode {
		r.mistake(n, "Write the values out.", "The alias *%s is not supported.", n.Value)
		return false
	}
	if n.Anchor != "" {
		r.mistake(n, "Remove it. Aliases are not supported.", "The anchor &%s has no use here.", n.Anchor)
		ok = false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		r.mistake(n, "Remove the tag. Put the value in quotes to have it as text.", "The tag %s is not supported.", n.Tag)
		ok = false
	}
	if n.Kind != yaml.MappingNode {
		for i, c := range n.Content {
			ok = r.sane(n.item(i, c), depth+1) && ok
		}
		return ok
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := n.child(k.Value, k)
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
			r.mistake(node{k, n.path}, "Write a name before the colon.", "This key is not a plain name.")
			ok = false
			continue
		}
		if line, twice := first[k.Value]; twice {
			r.mistake(at, fmt.Sprintf("Join it with line %d.", line), "%q is here twice.", k.Value)
			ok = false
		} else {
			first[k.Value] = k.Line
		}
		ok = r.sane(at.with(v), depth+1) && ok
	}
	return ok
}

func (n node) with(y *yaml.Node) node { return node{y, n.path} }

// entry is one key of a mapping.
type entry struct {
	key   string
	at    node // the key
	value node
}

// entries are the keys of a mapping in the order of the file; keys is what is allowed, nil allows any.
func (r *reader) entries(n node, what string, keys []string) []entry {
	if n.Kind != yaml.MappingNode {
		remedy := "Write \"name: value\" lines, indented under it."
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			remedy = "Write \"name: value\" lines, indented under it, or remove it."
		}
		r.mistake(n, remedy, "%s is not a list of names and values.", what)
		return nil
	}
	var l []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		e := entry{k.Value, n.child(k.Value, k), n.child(k.Value, n.Content[i+1])}
		if keys != nil && !slices.Contains(keys, k.Value) {
			r.mistake(e.at, suggest(k.Value, keys), "%q is not known here.", k.Value)
			continue
		}
		l = append(l, e)
	}
	return l
}

// text reads a text. What YAML takes for a number, a date or a truth stays the text that is written there; only "nothing" is
// refused, because nobody can see whether it was meant.
func (r *reader) text(n node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		r.mistake(n, "Write one text. Put it in quotes when it contains a colon, a # or brackets.", "A text is needed here.")
		return "", false
	}
	if n.Tag == "!!null" {
		if n.Value == "" {
			r.mistake(n, "Write a text, or remove the line.", "There is nothing here.")
		} else {
			r.mistake(n, fmt.Sprintf("Put it in quotes, %q, when the word is meant.", n.Value), "YAML takes %s for nothing.", n.Value)
		}
		return "", false
	}
	if strings.TrimSpace(n.Value) == "" {
		r.mistake(n, "Write a text, or remove the line.", "This text is empty.")
		return "", false
	}
	return n.Value, true
}

func (r *reader) truth(n node) (bool, bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		switch strings.ToLower(n.Value) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	remedy := "Write true or false, without quotes."
	if n.Kind == yaml.ScalarNode {
		switch strings.ToLower(n.Value) {
		case "yes", "on", "y":
			remedy = "Write true."
		case "no", "off", "n":
			remedy = "Write false."
		}
	}
	r.mistake(n, remedy, "This is neither true nor false.")
	return false, false
}

func (r *reader) items(n node, what string) []node {
	if n.Kind != yaml.SequenceNode {
		r.mistake(n, "Write each on a line of its own, with \"- \" before it.", "%s is not a list.", what)
		return nil
	}
	l := make([]node, len(n.Content))
	for i, c := range n.Content {
		l[i] = n.item(i, c)
	}
	return l
}

// decode gives UTF-8. A byte order mark says what a file is; without one it is UTF-8.
func decode(data []byte) (text []byte, wrong string) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return utf16Text(data[2:], 0, 1)
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return utf16Text(data[2:], 1, 0)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, "The file contains a zero byte: it is no text, or it is UTF-16 without a byte order mark."
	}
	if !utf8.Valid(data) {
		return nil, "The file is not UTF-8."
	}
	return data, ""
}

func utf16Text(b []byte, low, high int) (text []byte, wrong string) {
	if len(b)%2 != 0 {
		return nil, "The file says that it is UTF-16 and has an odd number of bytes."
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i+low]) | uint16(b[2*i+high])<<8
	}
	return []byte(string(utf16.Decode(u))), ""
}

// tooDeep finds the place where brackets, or dashes on one line, are nested deeper than a policy can need. It looks before
// anything is built in memory and takes brackets inside quotes for brackets: a few of those are harmless.
func tooDeep(text []byte) (line, column int) {
	const most = 64
	line, column = 1, 0
	depth, dashes := 0, 0
	for _, c := range text {
		column++
		switch c {
		case '\n':
			line, column, dashes = line+1, 0, 0
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '-', '?':
			dashes++
		case ' ':
		default:
			dashes = -1 << 20
		}
		if depth > most || dashes > most {
			return line, column
		}
	}
	return 0, 0
}

// syntaxMistake turns YAML's own complaint into what to do about it.
func syntaxMistake(err error, text []byte) Mistake {
	m := Mistake{What: "This is not valid YAML."}
	var le *yaml.LoadError
	message := err.Error()
	if errors.As(err, &le) {
		message = le.Message
		m.Line, m.Column = le.Mark.Line, le.Mark.Column
	}
	at := line(text, m.Line)
	switch {
	case strings.Contains(message, "cannot start any token") && strings.ContainsRune(at, '\t'):
		m.What, m.Remedy = "There is a tab in the indentation.", "Use spaces."
	case strings.Contains(message, "cannot start any token"):
		m.What, m.Remedy = "A value cannot begin with this character.", "Put the value in quotes."
	case strings.Contains(message, "mapping values are not allowed"):
		m.What, m.Remedy = "A colon is not allowed here.", "Look at the indentation of this line and the one before. A value that contains a colon needs quotes."
	case strings.Contains(message, "did not find expected"), strings.Contains(message, "could not find expected"):
		m.What, m.Remedy = "This line does not fit what stands above it.", "Look at the indentation, and at brackets and quotes that are not closed."
	case strings.Contains(message, "unexpected end of stream"):
		m.What, m.Remedy = "A quotation mark is not closed.", "Close it."
	case strings.Contains(message, "depth"), strings.Contains(message, "exceeded"):
		m.What, m.Remedy = "This is nested too deeply.", "Look at the indentation."
	case strings.Contains(message, "control characters"):
		m.What, m.Remedy = "There is an invisible control character in the file.", "Remove it."
	default:
		m.Remedy = "YAML says: " + message + "."
	}
	return m
}

func line(text []byte, n int) string {
	for i, l := 1, text; ; i++ {
		head, tail, more := bytes.Cut(l, []byte("\n"))
		if i == n {
			return string(head)
		}
		if !more {
			return ""
		}
		l = tail
	}
}
