package odata

import (
	"cmp"
	"strings"
	"time"
)

// Match implements Expr. Both sides are evaluated only as far as the result needs it.
func (e *Logic) Match(get Getter) (bool, error) {
	l, err := e.Left.Match(get)
	if err != nil || l == e.Or {
		return l, err
	}
	return e.Right.Match(get)
}

// Match implements Expr.
func (e *Not) Match(get Getter) (bool, error) {
	ok, err := e.Of.Match(get)
	return !ok && err == nil, err
}

// Match implements Expr. Null equals only null, differs from everything else, and is neither below nor above anything.
func (e *Compare) Match(get Getter) (bool, error) {
	if path, ok := strings.CutSuffix(e.Path, "/$count"); ok {
		v, known := get(path)
		if !known {
			return false, &UnknownError{path}
		}
		items, ok := members(v)
		if !ok && v != nil {
			return false, &TypeError{e.Path, edm(v), edm(e.Literal), e.Op}
		}
		return compare(e.Path, int64(len(items)), e.Op, e.Literal)
	}
	v, ok := get(e.Path)
	if !ok {
		return false, &UnknownError{e.Path}
	}
	return compare(e.Path, v, e.Op, e.Literal)
}

// Match implements Expr.
func (e *In) Match(get Getter) (bool, error) {
	v, ok := get(e.Path)
	if !ok {
		return false, &UnknownError{e.Path}
	}
	for _, l := range e.Literals {
		if ok, err := compare(e.Path, v, Eq, l); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// Match implements Expr. Nothing starts with, ends with or contains anything when it is null.
func (e *Call) Match(get Getter) (bool, error) {
	v, ok := get(e.Path)
	if !ok {
		return false, &UnknownError{e.Path}
	}
	var s, t string
	switch x := v.(type) {
	case nil:
		return false, nil
	case string:
		s, t = strings.ToLower(x), strings.ToLower(e.Text)
	case Exact:
		s, t = string(x), e.Text
	default:
		return false, &TypeError{e.Path, edm(v), "Edm.String", Op(e.Func)}
	}
	switch e.Func {
	case "startsWith":
		return strings.HasPrefix(s, t), nil
	case "endsWith":
		return strings.HasSuffix(s, t), nil
	}
	return strings.Contains(s, t), nil
}

// Match implements Expr.
func (e *Lambda) Match(get Getter) (bool, error) {
	v, ok := get(e.Path)
	if !ok {
		return false, &UnknownError{e.Path}
	}
	items, ok := members(v)
	if !ok && v != nil {
		return false, &TypeError{e.Path, edm(v), "Collection", ""}
	}
	if e.Body == nil {
		return len(items) > 0, nil
	}
	for _, item := range items {
		ok, err := e.Body.Match(func(path string) (any, bool) {
			if path == e.Var {
				return item, true
			}
			if rest, ok := strings.CutPrefix(path, e.Var+"/"); ok {
				return walk(item, rest)
			}
			return get(path)
		})
		if err != nil || ok != e.All {
			return ok, err
		}
	}
	return e.All, nil
}

// walk follows a path through maps; what a map does not hold is null.
func walk(v any, path string) (any, bool) {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, "/")
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		v = m[name]
		if v == nil {
			return nil, true
		}
	}
	return v, true
}

func members(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case []string:
		out := make([]any, len(x))
		for i, s := range x {
			out[i] = s
		}
		return out, true
	case []map[string]any:
		out := make([]any, len(x))
		for i, m := range x {
			out[i] = m
		}
		return out, true
	}
	return nil, false
}

func compare(path string, v any, op Op, lit any) (bool, error) {
	if v == nil || lit == nil {
		same := v == nil && lit == nil
		switch op {
		case Eq:
			return same, nil
		case Ne:
			return !same, nil
		case Ge, Le:
			return same, nil
		}
		return false, nil
	}
	c, ok := order(v, lit)
	if !ok {
		return false, &TypeError{path, edm(v), edm(lit), op}
	}
	switch op {
	case Eq:
		return c == 0, nil
	case Ne:
		return c != 0, nil
	case Gt:
		return c > 0, nil
	case Ge:
		return c >= 0, nil
	case Lt:
		return c < 0, nil
	}
	return c <= 0, nil
}

// order compares a value with a literal: -1, 0, 1. A boolean is only equal or not.
func order(v, lit any) (int, bool) {
	switch a := v.(type) {
	case string:
		b, ok := lit.(string)
		if !ok {
			return 0, false
		}
		if strings.EqualFold(a, b) {
			return 0, true
		}
		return cmp.Compare(strings.ToLower(a), strings.ToLower(b)), true
	case Exact:
		b, ok := lit.(string)
		return strings.Compare(string(a), b), ok
	case bool:
		b, ok := lit.(bool)
		switch {
		case a == b:
			return 0, ok
		case a:
			return 1, ok
		}
		return -1, ok
	case time.Time:
		b, ok := lit.(time.Time)
		return a.Compare(b), ok
	}
	a, ok := number(v)
	b, ok2 := number(lit)
	return cmp.Compare(a, b), ok && ok2
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

func edm(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string, Exact:
		return "Edm.String"
	case bool:
		return "Edm.Boolean"
	case int, int64:
		return "Edm.Int64"
	case float64:
		return "Edm.Double"
	case time.Time:
		return "Edm.DateTimeOffset"
	case []string, []any, []map[string]any:
		return "Collection"
	}
	return "a complex value"
}
