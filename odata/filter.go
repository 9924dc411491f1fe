package odata

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Op is a comparison.
type Op string

// The comparisons of $filter.
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
)

// Expr is a filter.
type Expr interface {
	// Match evaluates the filter. Errors are *UnknownError and *TypeError.
	Match(get Getter) (bool, error)
	// Names are the property paths that the filter asks for, in order, each once; of a lambda only the collection and what its
	// body takes from outside.
	Names() []string
	// String prints the filter so that ParseFilter reads the same again.
	String() string
}

// Logic is "and" or "or" of two filters.
type Logic struct {
	Or          bool
	Left, Right Expr
}

// Not is the negation of a filter.
type Not struct{ Of Expr }

// Compare compares a property with a literal; Path may end in "/$count". Literal is nil, string, bool, int64, float64,
// time.Time.
type Compare struct {
	Path    string
	Op      Op
	Literal any
}

// In says that the property equals one of the literals.
type In struct {
	Path     string
	Literals []any
}

// Call is startsWith, endsWith or contains of a property and a text; Func is spelled so.
type Call struct {
	Func string
	Path string
	Text string
}

// Lambda is any or all over a collection; a nil Body (only with any) asks whether it has members.
type Lambda struct {
	Path string
	All  bool
	Var  string
	Body Expr
}

// ParseFilter reads a $filter. Errors are *SyntaxError.
func ParseFilter(s string) (Expr, error) {
	p := &filterParser{lexer: newLexer(s)}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.err != nil {
		return nil, p.err
	}
	if p.tok.kind != kEnd {
		return nil, p.unexpected("the end or 'and' or 'or'")
	}
	return e, nil
}

type filterParser struct{ *lexer }

func (p *filterParser) or(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, errAt(p.tok.pos, "the filter is nested too deeply")
	}
	left, err := p.and(depth)
	for n := 0; err == nil && p.word("or"); n++ {
		if n > 1000 {
			return nil, errAt(p.tok.pos, "the filter has too many clauses")
		}
		p.next()
		var right Expr
		right, err = p.and(depth)
		left = &Logic{Or: true, Left: left, Right: right}
	}
	return left, err
}

func (p *filterParser) and(depth int) (Expr, error) {
	left, err := p.unary(depth)
	for n := 0; err == nil && p.word("and"); n++ {
		if n > 1000 {
			return nil, errAt(p.tok.pos, "the filter has too many clauses")
		}
		p.next()
		var right Expr
		right, err = p.unary(depth)
		left = &Logic{Left: left, Right: right}
	}
	return left, err
}

func (p *filterParser) unary(depth int) (Expr, error) {
	if !p.word("not") {
		return p.primary(depth, false)
	}
	p.next()
	of, err := p.primary(depth+1, true)
	if err != nil {
		return nil, err
	}
	return &Not{of}, nil
}

// primary reads what stands between and, or and not. negated forbids a bare comparison, because not binds closer than eq.
func (p *filterParser) primary(depth int, negated bool) (Expr, error) {
	if p.is("(") {
		p.next()
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	if p.tok.kind != kName {
		return nil, p.unexpected("a property or a function")
	}
	start := p.tok.pos
	name := p.tok.text
	p.next()
	if p.is("(") {
		return p.call(name, start)
	}
	path := []string{name}
	for p.is("/") {
		p.next()
		if p.tok.kind != kName {
			return nil, p.unexpected("a property")
		}
		segment := p.tok.text
		p.next()
		if low := strings.ToLower(segment); p.is("(") && (low == "any" || low == "all") {
			return p.lambda(strings.Join(path, "/"), low == "all", depth)
		}
		path = append(path, segment)
	}
	if negated {
		return nil, errAt(start, "'not' needs parentheses around a comparison")
	}
	return p.compare(strings.Join(path, "/"))
}

func (p *filterParser) call(name string, pos int) (Expr, error) {
	c := &Call{}
	for _, known := range []string{"startsWith", "endsWith", "contains"} {
		if strings.EqualFold(name, known) {
			c.Func = known
		}
	}
	if c.Func == "" {
		return nil, errAt(pos, "an unknown function with name '%s' was found", name)
	}
	p.next()
	var err error
	if c.Path, err = p.path(); err != nil {
		return nil, err
	}
	if err = p.expect(","); err != nil {
		return nil, err
	}
	if p.tok.kind != kText {
		return nil, p.unexpected("a text in single quotes")
	}
	c.Text = p.tok.text
	p.next()
	return c, p.expect(")")
}

func (p *filterParser) path() (string, error) {
	var path []string
	for {
		if p.tok.kind != kName {
			return "", p.unexpected("a property")
		}
		path = append(path, p.tok.text)
		p.next()
		if !p.is("/") {
			return strings.Join(path, "/"), nil
		}
		p.next()
	}
}

func (p *filterParser) lambda(path string, all bool, depth int) (Expr, error) {
	p.next()
	l := &Lambda{Path: path, All: all}
	if p.is(")") && !all {
		p.next()
		return l, p.err
	}
	if p.tok.kind != kName || isWord(p.tok.text) || strings.ContainsAny(p.tok.text, ".-$@") {
		return nil, p.unexpected("a variable")
	}
	l.Var = p.tok.text
	p.next()
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	body, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	l.Body = body
	return l, p.expect(")")
}

func isWord(s string) bool {
	switch strings.ToLower(s) {
	case "and", "or", "not", "in", "true", "false", "null", "eq", "ne", "gt", "ge", "lt", "le":
		return true
	}
	return false
}

func (p *filterParser) compare(path string) (Expr, error) {
	if p.tok.kind != kName {
		return nil, p.unexpected("a comparison")
	}
	op := Op(strings.ToLower(p.tok.text))
	switch op {
	case Eq, Ne, Gt, Ge, Lt, Le:
		p.next()
		lit, err := p.literal()
		if err != nil {
			return nil, err
		}
		return &Compare{path, op, lit}, nil
	case "in":
		p.next()
		if err := p.expect("("); err != nil {
			return nil, err
		}
		in := &In{Path: path}
		for {
			lit, err := p.literal()
			if err != nil {
				return nil, err
			}
			in.Literals = append(in.Literals, lit)
			if !p.is(",") {
				return in, p.expect(")")
			}
			p.next()
		}
	}
	return nil, p.unexpected("a comparison")
}

func (p *filterParser) literal() (any, error) {
	t := p.tok
	switch t.kind {
	case kText:
		if p.s[t.pos] == '"' {
			return nil, errAt(t.pos, "a text stands in single quotes")
		}
		p.next()
		return t.text, p.err
	case kNumber:
		p.next()
		if isGUID(t.text) {
			return strings.ToLower(t.text), nil
		}
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return n, nil
		}
		if at, ok := instant(t.text); ok {
			return at, nil
		}
		if f, err := strconv.ParseFloat(t.text, 64); err == nil {
			return f, nil
		}
		return nil, errAt(t.pos, "'%s' is neither a number nor a point in time", t.text)
	case kName:
		switch strings.ToLower(t.text) {
		case "null":
			p.next()
			return nil, p.err
		case "true", "false":
			p.next()
			return strings.EqualFold(t.text, "true"), p.err
		}
	}
	return nil, p.unexpected("a literal")
}

// Names implements Expr.
func (e *Logic) Names() []string { return union(e.Left.Names(), e.Right.Names()) }

// Names implements Expr.
func (e *Not) Names() []string { return e.Of.Names() }

// Names implements Expr.
func (e *Compare) Names() []string { return []string{strings.TrimSuffix(e.Path, "/$count")} }

// Names implements Expr.
func (e *In) Names() []string { return []string{e.Path} }

// Names implements Expr.
func (e *Call) Names() []string { return []string{e.Path} }

// Names implements Expr.
func (e *Lambda) Names() []string {
	out := []string{e.Path}
	if e.Body == nil {
		return out
	}
	for _, n := range e.Body.Names() {
		if n != e.Var && !strings.HasPrefix(n, e.Var+"/") {
			out = union(out, []string{n})
		}
	}
	return out
}

func union(a, b []string) []string {
	for _, n := range b {
		if !slices.Contains(a, n) {
			a = append(a, n)
		}
	}
	return a
}

func (e *Logic) String() string {
	word := " and "
	if e.Or {
		word = " or "
	}
	return e.side(e.Left, false) + word + e.side(e.Right, true)
}

// side prints an operand, in parentheses where reading it back would group it otherwise.
func (e *Logic) side(x Expr, right bool) string {
	if l, ok := x.(*Logic); ok && (right || l.Or != e.Or) {
		return "(" + l.String() + ")"
	}
	return x.String()
}

func (e *Not) String() string {
	switch e.Of.(type) {
	case *Call, *Lambda:
		return "not " + e.Of.String()
	}
	return "not (" + e.Of.String() + ")"
}

func (e *Compare) String() string { return e.Path + " " + string(e.Op) + " " + printLiteral(e.Literal) }

func (e *In) String() string {
	var items []string
	for _, l := range e.Literals {
		items = append(items, printLiteral(l))
	}
	return e.Path + " in (" + strings.Join(items, ",") + ")"
}

func (e *Call) String() string { return e.Func + "(" + e.Path + "," + printLiteral(e.Text) + ")" }

func (e *Lambda) String() string {
	word := "any"
	if e.All {
		word = "all"
	}
	if e.Body == nil {
		return e.Path + "/" + word + "()"
	}
	return e.Path + "/" + word + "(" + e.Var + ":" + e.Body.String() + ")"
}

func printLiteral(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return "'" + strings.ReplaceAll(x, "'", "''") + "'"
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		s := strconv.FormatFloat(x, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	case time.Time:
		return x.UTC().Format("2006-01-02T15:04:05.999999999Z")
	}
	return "null"
}
