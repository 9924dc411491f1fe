package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"nameplate/odata"
)

// query is what stands behind the question mark.
type query struct {
	selects []string
	filter  odata.Expr
	search  *odata.Search
	expand  []odata.Expand
	order   []odata.Order
	top     int // 0 when not given
	count   bool
	skip    string // $skiptoken
	delta   string // $deltatoken
	format  bool
	has     map[string]bool
	raw     string
}

// parseQuery reads the query options. Other parameters are ignored, options that the service does not know are not.
func parseQuery(raw string) (query, error) {
	q := query{raw: raw}
	if raw == "" {
		return q, nil
	}
	q.has = map[string]bool{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return q, failure(http.StatusBadRequest, "BadRequest", "The query string is not well formed.")
		}
		name = strings.ToLower(name)
		if !strings.HasPrefix(name, "$") {
			continue
		}
		q.has[name] = true
		if err := q.option(name, value); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *query) option(name, value string) error {
	var err error
	switch name {
	case "$select":
		q.selects, err = odata.ParseSelect(value)
	case "$filter":
		if q.filter, err = odata.ParseFilter(value); err != nil {
			return failure(http.StatusBadRequest, "BadRequest", "Invalid filter clause: %s in '%s'.", err.Error(), value)
		}
	case "$expand":
		q.expand, err = odata.ParseExpand(value)
	case "$orderby":
		q.order, err = odata.ParseOrderBy(value)
	case "$search":
		var s odata.Search
		if s, err = odata.ParseSearch(value); err != nil {
			return failure(http.StatusBadRequest, "Request_BadRequest", "Unrecognized query argument specified: '%s'.", value)
		}
		q.search = &s
	case "$top":
		n, bad := strconv.Atoi(value)
		if bad != nil || n < 1 || n > 999 {
			// status and code for 0 and 1000 as reported by others; the words are inferred
			return unsupportedQuery("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", value)
		}
		q.top = n
	case "$count":
		if q.count = strings.EqualFold(value, "true"); !q.count && !strings.EqualFold(value, "false") {
			return failure(http.StatusBadRequest, "BadRequest", "Invalid value '%s' for $count query option found.", value)
		}
	case "$skiptoken":
		q.skip = value
	case "$deltatoken":
		q.delta = value
	case "$format":
		q.format = true
	case "$skip":
		// https://learn.microsoft.com/en-us/graph/query-parameters#skip-parameter
		return failure(http.StatusBadRequest, "Request_BadRequest", "'$skip' is not supported by the service.")
	default:
		return failure(http.StatusBadRequest, "BadRequest", "The query parameter '%s' is not supported.", name)
	}
	if err != nil {
		return failure(http.StatusBadRequest, "BadRequest", "Parsing OData %s failed: %s.", strings.TrimPrefix(name, "$"), err.Error())
	}
	return nil
}

// eventual says whether the request may use the index: https://learn.microsoft.com/en-us/graph/aad-advanced-queries
func (c *call) eventual() bool {
	return strings.EqualFold(strings.TrimSpace(c.r.Header.Get("ConsistencyLevel")), "eventual")
}

// advanced says whether the request is an advanced query.
func (c *call) advanced() bool { return c.eventual() && c.q.count }
