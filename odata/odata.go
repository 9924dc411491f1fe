// Package odata owns the query language of Microsoft Graph: $filter, $select, $expand, $orderby and $search. It parses them to
// trees, prints the trees back, and evaluates filters and searches over anything that can answer "what is the value of this
// name".
//
// It promises to be strict: what it does not understand is an error with a position, never ignored. It knows nothing of users,
// of which properties exist or which operators a service supports; Names and the exported nodes let the caller check that.
package odata

import "fmt"

// Getter answers the value of a property path as it is written in the query ("department", "employeeOrgData/costCenter").
// The answer is nil, string, Exact, bool, int, int64, float64, time.Time, []string, []any, []map[string]any or map[string]any;
// false means that there is no such property, which makes Match fail.
type Getter func(path string) (any, bool)

// Exact is a text that compares with regard to case. All other texts compare without, as the directory compares them.
type Exact string

// SyntaxError says where a query cannot be read. Pos is the byte offset from the start of the text, from 0.
type SyntaxError struct {
	Pos int
	Msg string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at position %d", e.Msg, e.Pos) }

func errAt(pos int, format string, args ...any) error {
	return &SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// TypeError says that two operands cannot be compared. Left and Right are Edm names: "Edm.String".
type TypeError struct {
	Path        string
	Left, Right string
	Op          Op
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("%q is %s and cannot be compared (%s) with %s", e.Path, e.Left, e.Op, e.Right)
}

// UnknownError says that a Getter knows no such property.
type UnknownError struct{ Path string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no property %q", e.Path) }

// maxDepth bounds the nesting of parentheses, so that a hostile text cannot exhaust the stack.
const maxDepth = 60
