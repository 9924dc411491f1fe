package odata

import (
	"slices"
	"strings"
	"unicode"
)

// Search is a $search. Exactly one of its parts is set: a clause (Text, perhaps with Path), or And or Or of others.
type Search struct {
	Path string // "" searches whatever the service searches by default
	Text string
	And  []Search
	Or   []Search
}

// ParseSearch reads a $search of directory objects: clauses in double quotes ("displayName:ann"), AND and OR in capitals,
// parentheses. Errors are *SyntaxError.
func ParseSearch(s string) (Search, error) {
	p := &filterParser{lexer: newLexer(s)}
	x, err := p.searchOr(0)
	if err != nil {
		return Search{}, err
	}
	return x, p.end()
}

func (p *filterParser) searchOr(depth int) (Search, error) {
	if depth > maxDepth {
		return Search{}, errAt(p.tok.pos, "the search is nested too deeply")
	}
	first, err := p.searchAnd(depth)
	if err != nil || !p.operator("OR") {
		return first, err
	}
	all := []Search{first}
	for p.operator("OR") {
		p.next()
		x, err := p.searchAnd(depth)
		if err != nil {
			return Search{}, err
		}
		all = append(all, x)
	}
	return Search{Or: all}, nil
}

func (p *filterParser) operator(w string) bool { return p.tok.kind == kName && p.tok.text == w }

func (p *filterParser) searchAnd(depth int) (Search, error) {
	first, err := p.clause(depth)
	if err != nil || !p.operator("AND") {
		return first, err
	}
	all := []Search{first}
	for p.operator("AND") {
		p.next()
		x, err := p.clause(depth)
		if err != nil {
			return Search{}, err
		}
		all = append(all, x)
	}
	return Search{And: all}, nil
}

func (p *filterParser) clause(depth int) (Search, error) {
	if p.is("(") {
		p.next()
		x, err := p.searchOr(depth + 1)
		if err != nil {
			return Search{}, err
		}
		return x, p.expect(")")
	}
	t := p.tok
	if t.kind != kText || p.s[t.pos] != '"' {
		return Search{}, p.unexpected("a clause in double quotes")
	}
	p.next()
	path, text, ok := strings.Cut(t.text, ":")
	if !ok {
		path, text = "", t.text
	}
	if path != "" && strings.ContainsFunc(path, func(r rune) bool { return !nameRune(r) && r != '/' }) || ok && path == "" {
		return Search{}, errAt(t.pos, "'%s' is not a property", path)
	}
	if strings.TrimSpace(text) == "" {
		return Search{}, errAt(t.pos, "the clause searches for nothing")
	}
	return Search{Path: path, Text: text}, p.err
}

// Names are the properties that the search names, each once.
func (s Search) Names() []string {
	var out []string
	for _, x := range slices.Concat(s.And, s.Or) {
		out = union(out, x.Names())
	}
	if s.Path != "" {
		out = union(out, []string{s.Path})
	}
	return out
}

// Match evaluates the search with the caller's idea of what a clause finds.
func (s Search) Match(clause func(path, text string) bool) bool {
	switch {
	case s.And != nil:
		for _, x := range s.And {
			if !x.Match(clause) {
				return false
			}
		}
		return true
	case s.Or != nil:
		for _, x := range s.Or {
			if x.Match(clause) {
				return true
			}
		}
		return false
	}
	return clause(s.Path, s.Text)
}

// String prints the search so that ParseSearch reads the same again.
func (s Search) String() string {
	list, word := s.And, " AND "
	if s.Or != nil {
		list, word = s.Or, " OR "
	}
	if list != nil {
		parts := make([]string, len(list))
		for i, x := range list {
			parts[i] = x.String()
			if x.And != nil || x.Or != nil {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, word)
	}
	text := s.Text
	if s.Path != "" {
		text = s.Path + ":" + text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// Words splits a text as the directory's search does: at everything that is neither letter nor digit, lower case.
func Words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
