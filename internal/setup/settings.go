package setup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"nameplate/internal/fail"
)

// Setting is a key of the configuration and its value as text. Element is where it stands in the list tenants, from 1; 0 is the file's
// own level.
type Setting struct {
	Key, Value string
	Element    int
}

const (
	heading = "# Made by nameplate setup. Every setting: nameplate config settings\n"
	tenants = "tenants"
)

// WriteSettings adds settings to a configuration file, or makes it, for its owner only. What stands in the file stays as it is, byte for
// byte; a key that is there is left alone, and so is one of an element whose value the file's own level gives already. An element that
// follows the last one is added to the list. It gives the keys that were added.
func WriteSettings(path string, list []Setting) ([]string, error) {
	data, added, err := with(path, list)
	if err != nil || len(added) == 0 {
		return nil, err
	}
	return added, put(path, data)
}

// Writable says whether WriteSettings could add to an element, before anything else is done.
func Writable(path string, element int) error {
	_, _, err := with(path, []Setting{{"tenant", "a", element}, {"client_id", "b", element}, {"client_certificate", "c", element}})
	return err
}

// Differing are the settings that stand in the file with another value, which WriteSettings leaves alone.
func Differing(path string, list []Setting) (out []Setting) {
	f := file{}
	var err error
	if f.text, err = os.ReadFile(path); err != nil || f.read() != nil {
		return nil
	}
	for _, s := range list {
		if value, element, ok := f.stands(s); ok && element == s.Element && strings.ReplaceAll(value, " ", "") != strings.ReplaceAll(s.Value, " ", "") {
			out = append(out, s)
		}
	}
	return out
}

// with is the file's text with the settings in it.
func with(path string, list []Setting) (data []byte, added []string, err error) {
	data, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte(heading), nil
	}
	f := file{text: data}
	if err == nil {
		err = f.read()
	}
	if err != nil {
		return nil, nil, &fail.Error{Op: "setup.settings", Item: path, Kind: fail.Invalid, Err: err, Say: fail.T("The configuration file %s cannot be read as YAML. Mend it: nameplate config check", path)}
	}
	for _, s := range list {
		if s.Value == "" || f.has(s) {
			continue
		}
		if !f.add(s) {
			return nil, nil, fail.New(fail.Unsupported, "setup.settings", unwritable(path, s.Element))
		}
		added = append(added, s.Key)
	}
	return f.text, added, nil
}

func unwritable(path string, element int) fail.Text {
	if element == 0 {
		return fail.T("%s is written in a way that setup cannot add to. Write one key and value a line, at the margin.", path)
	}
	return fail.T("%[1]s is written in a way that setup cannot add organization %[2]d to. Write tenants as a list in that file, one organization under the other, each with its keys one a line.", path, element)
}

// file is a configuration as text and as what the text means.
type file struct {
	text   []byte
	means  map[string]any
	values map[string]*yaml.Node
	after  int        // the line behind tenants, from 1; 0 when nothing stands behind
	list   *yaml.Node // of tenants; nil when there is none
}

func (f *file) read() error {
	f.means, f.values, f.list, f.after = nil, map[string]*yaml.Node{}, nil, 0
	var doc yaml.Node
	if err := errors.Join(yaml.Unmarshal(f.text, &f.means), yaml.Unmarshal(f.text, &doc)); err != nil || len(doc.Content) == 0 {
		return err
	}
	keys := doc.Content[0].Content // decoded as a mapping, so it is one
	for i := 0; i+1 < len(keys); i += 2 {
		f.values[keys[i].Value] = keys[i+1]
		if keys[i].Value == tenants {
			if f.list = keys[i+1]; i+2 < len(keys) {
				f.after = keys[i+2].Line
			}
		}
	}
	return nil
}

// element is one of the list; nil when it is not there.
func (f *file) element(n int) *yaml.Node {
	if n == 0 || f.list == nil || f.list.Kind != yaml.SequenceNode || n > len(f.list.Content) || f.list.Content[n-1].Kind != yaml.MappingNode {
		return nil
	}
	return f.list.Content[n-1]
}

// stands gives a setting's value where it stands in the file: in its element, or at the file's own level.
func (f *file) stands(s Setting) (value string, element int, ok bool) {
	if e := f.element(s.Element); e != nil {
		for i := 0; i+1 < len(e.Content); i += 2 {
			if e.Content[i].Value == s.Key {
				return plain(e.Content[i+1]), s.Element, true
			}
		}
	}
	n, ok := f.values[s.Key]
	if !ok {
		return "", 0, false
	}
	return plain(n), 0, true
}

// plain is a value as one text; a list has commas.
func plain(n *yaml.Node) string {
	if n.Kind != yaml.SequenceNode {
		return n.Value
	}
	var parts []string
	for _, c := range n.Content {
		parts = append(parts, c.Value)
	}
	return strings.Join(parts, ",")
}

// has says whether a setting needs no writing.
func (f *file) has(s Setting) bool {
	value, element, ok := f.stands(s)
	return ok && (element == s.Element || value == s.Value)
}

// add writes a setting into the text, at the first place after which the text means what it did and the setting; false when there is none.
func (f *file) add(s Setting) bool {
	want := maps.Clone(f.means)
	if want == nil {
		want = map[string]any{}
	}
	elements, _ := f.means[tenants].([]any)
	var places []place
	switch e := f.element(s.Element); {
	case s.Element == 0:
		want[s.Key] = s.Value
		places = append(places, place{len(f.text), line(s)})
	case e != nil:
		elements = slices.Clone(elements)
		inner, _ := elements[s.Element-1].(map[string]any)
		if inner = maps.Clone(inner); inner != nil {
			inner[s.Key] = s.Value
		}
		elements[s.Element-1], want[tenants] = inner, elements
		places = f.within(e, s)
	case len(elements) > 0 && s.Element == len(elements)+1:
		want[tenants] = append(slices.Clone(elements), map[string]any{s.Key: s.Value})
		dash := strings.Repeat(" ", f.list.Column-1) + "-" + strings.Repeat(" ", max(1, f.list.Content[0].Column-f.list.Column-1))
		places = append(places, place{f.end(), dash + line(s)})
	}
	was := f.text
	for _, p := range places {
		if f.insert(p); f.read() == nil && reflect.DeepEqual(f.means, want) {
			return true
		}
		f.text = was
	}
	return false
}

// place is a text and where it may be put.
type place struct {
	at   int
	text string
}

// within are the places for a setting in an element: behind the line of its last key, or of one before, or in front of the first.
func (f *file) within(e *yaml.Node, s Setting) (out []place) {
	if len(e.Content) == 0 {
		return nil
	}
	first := e.Content[0]
	front := f.at(first.Line) + first.Column - 1
	if e.Style&yaml.FlowStyle != 0 {
		quoted, _ := json.Marshal(s.Value) // a text always has a JSON form
		return []place{{front, s.Key + ": " + string(quoted) + ", "}}
	}
	indent := strings.Repeat(" ", first.Column-1)
	for i := len(e.Content) - 2; i >= 0; i -= 2 {
		out = append(out, place{f.at(e.Content[i].Line + 1), indent + line(s)})
	}
	return append(out, place{front, line(s) + indent})
}

// line is a setting as a line of YAML.
func line(s Setting) string {
	b, _ := yaml.Marshal(map[string]string{s.Key: s.Value}) // a mapping of texts always has a form
	return string(b)
}

// at is where a line begins in the text; its end when there are not so many.
func (f *file) at(line int) int {
	at := 0
	for range line - 1 {
		i := bytes.IndexByte(f.text[at:], '\n')
		if i < 0 {
			return len(f.text)
		}
		at += i + 1
	}
	return at
}

// end is where the list of tenants ends: comments and empty lines at the margin below it belong to what follows.
func (f *file) end() int {
	end := len(f.text)
	if f.after > 0 {
		end = f.at(f.after)
	}
	for {
		before := bytes.LastIndexByte(bytes.TrimSuffix(f.text[:end], []byte("\n")), '\n') + 1
		last := bytes.TrimRight(f.text[before:end], "\r\n\t ")
		if before == 0 || len(last) > 0 && last[0] != '#' {
			return end
		}
		end = before
	}
}

// insert puts a text where it belongs: a line begins on a line of its own.
func (f *file) insert(p place) {
	if p.at == len(f.text) && p.at > 0 && f.text[p.at-1] != '\n' {
		p.text = "\n" + p.text
	}
	f.text = slices.Concat(f.text[:p.at], []byte(p.text), f.text[p.at:])
}
