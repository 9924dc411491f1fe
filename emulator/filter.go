package emulator

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"nameplate/odata"
)

// filterCheck refuses what the directory does not answer: operators that a property does not have, and those that need an
// advanced query. https://learn.microsoft.com/en-us/graph/aad-advanced-queries
type filterCheck struct {
	*call
	s *source
}

// walk checks one node; variable is that of the lambda around it and collection what it stands for.
func (c *filterCheck) walk(e odata.Expr, variable string, collection *prop) error {
	switch x := e.(type) {
	case *odata.Logic:
		return errors.Join(c.walk(x.Left, variable, collection), c.walk(x.Right, variable, collection))
	case *odata.Not:
		if !c.advanced() {
			return c.needsAdvanced("Not")
		}
		return c.walk(x.Of, variable, collection)
	case *odata.Compare:
		path, counted := strings.CutSuffix(x.Path, "/$count")
		if counted {
			return c.allow(path, variable, collection, "/$count", "$count")
		}
		if x.Literal == nil {
			return errors.Join(c.allow(path, variable, collection, string(x.Op), operatorName[x.Op]), c.allow(path, variable, collection, "n", operatorName[x.Op]))
		}
		if err := c.sameType(path, variable, collection, x.Op, x.Literal); err != nil {
			return err
		}
		op := x.Op
		switch op {
		case odata.Lt:
			op = odata.Le
		case odata.Gt:
			op = odata.Ge
		}
		return c.allow(path, variable, collection, string(op), operatorName[x.Op])
	case *odata.In:
		for _, l := range x.Literals {
			if err := c.sameType(x.Path, variable, collection, odata.Eq, l); err != nil {
				return err
			}
		}
		return c.allow(x.Path, variable, collection, "in", "In")
	case *odata.Call:
		return c.allow(x.Path, variable, collection, map[string]string{"startsWith": "sw", "endsWith": "ew"}[x.Func], x.Func)
	case *odata.Lambda:
		p := c.s.prop(x.Path)
		if p == nil {
			return noProperty(x.Path, c.s.name())
		}
		if p.typ != edmTexts && p.typ != edmObjects {
			return failure(http.StatusBadRequest, "BadRequest", "Any/All may only be used following a collection.")
		}
		if x.All {
			// https://learn.microsoft.com/en-us/graph/filter-query-parameter#filter-using-lambda-operators
			return unsupportedQuery("The 'all' operator is not supported.")
		}
		if x.Body == nil {
			// https://learn.microsoft.com/en-us/graph/api/group-list asks assignedLicenses/any() plainly
			if !slices.Contains(strings.Fields(p.ops), "eq") && !c.advanced() {
				return c.needsAdvanced("Any")
			}
			return nil
		}
		return c.walk(x.Body, x.Var, p)
	}
	return nil
}

var operatorName = map[odata.Op]string{
	odata.Eq: "Equal", odata.Ne: "NotEqual", odata.Ge: "GreaterThanOrEqual", odata.Gt: "GreaterThan",
	odata.Le: "LessThanOrEqual", odata.Lt: "LessThan",
}

func (c *call) needsAdvanced(op string) error {
	return unsupportedQuery("Operator '%s' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information", op)
}

// subject is the property that a path in a filter means.
func (c *filterCheck) subject(path, variable string, collection *prop) (*prop, error) {
	if variable != "" && (path == variable || strings.HasPrefix(path, variable+"/")) {
		return collection, nil
	}
	top, _, _ := strings.Cut(path, "/")
	if p := c.s.prop(top); p != nil {
		return p, c.mayAsk(p.name)
	}
	return nil, noProperty(top, c.s.name())
}

// mayAsk refuses a filter on what $select would not show: the answer would tell it.
func (c *filterCheck) mayAsk(name string) error {
	for _, t := range c.s.tables {
		if t.maySelect != nil && t.prop(name) >= 0 && !t.maySelect(c.call, name) {
			return denied()
		}
	}
	return nil
}

func (c *filterCheck) allow(path, variable string, collection *prop, op, name string) error {
	p, err := c.subject(path, variable, collection)
	if err != nil {
		return err
	}
	switch {
	case p.single:
		return failure(http.StatusNotImplemented, "NotImplemented", "This operation target is not yet supported.")
	case slices.Contains(strings.Fields(p.ops), op):
		return nil
	case slices.Contains(strings.Fields(p.adv), op):
		if !c.advanced() {
			return c.needsAdvanced(name)
		}
		return nil
	}
	return unsupportedQuery("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", p.name, c.s.title(p))
}

// title is the type that has a property, as refusals spell it.
func (s *source) title(p *prop) string {
	for _, t := range s.tables {
		if i := t.prop(p.name); i >= 0 && &t.props[i] == p {
			return t.title
		}
	}
	return "DirectoryObject"
}

// sameType refuses a literal of another type: the words are those of the OData library that the service is built on.
func (c *filterCheck) sameType(path, variable string, collection *prop, op odata.Op, literal any) error {
	p, err := c.subject(path, variable, collection)
	if err != nil || literal == nil || path != p.name && strings.Contains(path, "/") {
		return err
	}
	want, is := "", ""
	switch p.typ {
	case edmBool:
		want = "Edm.Boolean"
	case edmInstant:
		want = "Edm.DateTimeOffset"
	case edmText:
		want = "Edm.String"
	default:
		return nil
	}
	switch literal.(type) {
	case bool:
		is = "Edm.Boolean"
	case string:
		is = "Edm.String"
	case int64:
		is = "Edm.Int32"
	case float64:
		is = "Edm.Double"
	default:
		is = "Edm.DateTimeOffset"
	}
	if want == is {
		return nil
	}
	return failure(http.StatusBadRequest, "BadRequest",
		"A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", want, is, operatorName[op])
}

// checkOrder: plain listings sort by displayName and userPrincipalName; with $filter, and by anything else, it takes an advanced
// query. https://learn.microsoft.com/en-us/graph/aad-advanced-queries
func (c *call) checkOrder(s *source) error {
	if len(c.q.order) == 0 {
		return nil
	}
	for _, o := range c.q.order {
		p := s.prop(o.Path)
		if p == nil {
			return noProperty(o.Path, s.name())
		}
		switch advanced := c.advanced(); {
		case !p.order && !p.sorts && advanced:
			// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/1337
			return unsupportedQuery("An unsupported property was specified.")
		case !p.order && !advanced:
			// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/1354
			return unsupportedQuery("Unsupported sort property '%s' for '%s'.", p.name, s.title(p))
		case (s.related || c.q.filter != nil) && !advanced:
			return unsupportedQuery("Sorting not supported for current query.")
		}
	}
	if len(c.q.order) > 1 {
		return unsupportedQuery("Sorting by more than one property is not supported for current query.")
	}
	return nil
}
