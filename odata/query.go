package odata

import (
	"slices"
	"strconv"
	"strings"
)

// Order is one item of $orderby.
type Order struct {
	Path string
	Desc bool
}

// Expand is one item of $expand with the options in its parentheses.
type Expand struct {
	Name    string
	Select  []string
	Filter  Expr // nil when there is none
	OrderBy []Order
	Top     int // 0 when there is none
	Levels  int // 0 when there is none, -1 for max
	Count   bool
	Expand  []Expand
}

// ParseSelect reads a $select: paths, each once, in order. An empty item is an error.
func ParseSelect(s string) ([]string, error) {
	p := &filterParser{lexer: newLexer(s)}
	out, err := p.selection()
	if err != nil {
		return nil, err
	}
	return out, p.end()
}

func (p *filterParser) end() error {
	if p.err != nil {
		return p.err
	}
	if p.tok.kind != kEnd {
		return p.unexpected("',' or the end")
	}
	return nil
}

func (p *filterParser) selection() ([]string, error) {
	var out []string
	for {
		if p.is("*") {
			p.next()
			out = union(out, []string{"*"})
		} else {
			path, err := p.path()
			if err != nil {
				return nil, err
			}
			out = union(out, []string{path})
		}
		if !p.is(",") {
			return out, p.err
		}
		p.next()
	}
}

// ParseOrderBy reads an $orderby: "displayName desc,userPrincipalName".
func ParseOrderBy(s string) ([]Order, error) {
	p := &filterParser{lexer: newLexer(s)}
	out, err := p.orders()
	if err != nil {
		return nil, err
	}
	return out, p.end()
}

func (p *filterParser) orders() ([]Order, error) {
	var out []Order
	for {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		o := Order{Path: path}
		if p.word("asc") || p.word("desc") {
			o.Desc = p.word("desc")
			p.next()
		}
		out = append(out, o)
		if !p.is(",") {
			return out, p.err
		}
		p.next()
	}
}

// ParseExpand reads an $expand: "manager($levels=max;$select=id,displayName)". Errors are *SyntaxError.
func ParseExpand(s string) ([]Expand, error) {
	p := &filterParser{lexer: newLexer(s)}
	out, err := p.expands(0)
	if err != nil {
		return nil, err
	}
	return out, p.end()
}

func (p *filterParser) expands(depth int) ([]Expand, error) {
	if depth > 10 {
		return nil, errAt(p.tok.pos, "the expansion is nested too deeply")
	}
	var out []Expand
	for {
		x := Expand{Name: "*"}
		if p.is("*") {
			p.next()
		} else {
			name, err := p.path()
			if err != nil {
				return nil, err
			}
			x.Name = name
		}
		if p.is("(") {
			p.next()
			if err := p.expandOptions(&x, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, x)
		if !p.is(",") {
			return out, p.err
		}
		p.next()
	}
}

func (p *filterParser) expandOptions(x *Expand, depth int) error {
	var seen []string
	for {
		if p.tok.kind != kName {
			return p.unexpected("a query option")
		}
		pos := p.tok.pos
		name := "$" + strings.ToLower(strings.TrimPrefix(p.tok.text, "$"))
		if slices.Contains(seen, name) {
			return errAt(pos, "the query option '%s' is given twice", name)
		}
		seen = append(seen, name)
		p.next()
		if err := p.expect("="); err != nil {
			return err
		}
		var err error
		switch name {
		case "$select":
			x.Select, err = p.selection()
		case "$filter":
			x.Filter, err = p.or(depth)
		case "$orderby":
			x.OrderBy, err = p.orders()
		case "$expand":
			x.Expand, err = p.expands(depth + 1)
		case "$top":
			x.Top, err = p.positive()
		case "$count":
			var v any
			if v, err = p.literal(); err == nil {
				var ok bool
				if x.Count, ok = v.(bool); !ok {
					err = errAt(pos, "$count is true or false")
				}
			}
		case "$levels":
			if p.word("max") {
				x.Levels = -1
				p.next()
			} else {
				x.Levels, err = p.positive()
			}
		default:
			err = errAt(pos, "the query option '%s' is not known here", name)
		}
		if err != nil {
			return err
		}
		if !p.is(";") {
			return p.expect(")")
		}
		p.next()
	}
}

func (p *filterParser) positive() (int, error) {
	n, err := strconv.Atoi(p.tok.text)
	if p.tok.kind != kNumber || err != nil || n < 1 {
		return 0, p.unexpected("a number above 0")
	}
	p.next()
	return n, p.err
}

// String prints the item so that ParseOrderBy reads the same again.
func (o Order) String() string {
	if o.Desc {
		return o.Path + " desc"
	}
	return o.Path
}

// String prints the item so that ParseExpand reads the same again.
func (x Expand) String() string {
	var opts []string
	if len(x.Select) > 0 {
		opts = append(opts, "$select="+strings.Join(x.Select, ","))
	}
	if x.Filter != nil {
		opts = append(opts, "$filter="+x.Filter.String())
	}
	if len(x.OrderBy) > 0 {
		opts = append(opts, "$orderby="+join(x.OrderBy))
	}
	if x.Top > 0 {
		opts = append(opts, "$top="+strconv.Itoa(x.Top))
	}
	if x.Levels < 0 {
		opts = append(opts, "$levels=max")
	} else if x.Levels > 0 {
		opts = append(opts, "$levels="+strconv.Itoa(x.Levels))
	}
	if x.Count {
		opts = append(opts, "$count=true")
	}
	if len(x.Expand) > 0 {
		opts = append(opts, "$expand="+join(x.Expand))
	}
	if len(opts) == 0 {
		return x.Name
	}
	return x.Name + "(" + strings.Join(opts, ";") + ")"
}

func join[T interface{ String() string }](items []T) string {
	out := make([]string, len(items))
	for i, x := range items {
		out[i] = x.String()
	}
	return strings.Join(out, ",")
}
