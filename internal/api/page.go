package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

var (
	limitParam  = Param{"limit", "at most so many, 1 to 999; 100 when it is left out", "integer"}
	cursorParam = Param{"cursor", "next of the page before; everything else in the query stays as it was", "string"}
	filterParam = Param{"filter", "$filter of Microsoft Graph: department eq 'Sales'", "string"}
	searchParam = Param{"search", "words in names and addresses", "string"}
	selectParam = Param{"select", "properties to give, separated by commas", "string"}
	orderParam  = Param{"order", "a property to sort by, with \" desc\" behind it for the other direction", "string"}
	countParam  = Param{"count", "true says how many there are in all, on the first page", "boolean"}
)

// limit is how many are asked for.
func (c *call) limit() (int, error) {
	s := c.r.URL.Query().Get("limit")
	if s == "" && !c.r.URL.Query().Has("limit") {
		return 100, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 999 {
		return 0, refuseAt(http.StatusBadRequest, fieldError{Parameter: "limit", Code: "range"}, fail.T("limit is a whole number from 1 to 999."))
	}
	return n, nil
}

// A cursor says where a list goes on. It is bound to the tenant, the address and the rest of the query, and only we can make one.

func (c *call) binding() string {
	q := url.Values{}
	for k, v := range c.r.URL.Query() {
		if k != "cursor" {
			q[k] = v
		}
	}
	sum := sha256.Sum256([]byte(c.tenant + "\x00" + c.r.URL.Path + "\x00" + q.Encode()))
	return "cursor " + hex.EncodeToString(sum[:16]) + " "
}

// next is a cursor for what a list said of its next page; nil on the last one.
func (c *call) next(page string) *string {
	if page == "" {
		return nil
	}
	s := c.Sign.Sign(c.binding() + page)
	return &s
}

// cursor is what next was made from; "" on the first page.
func (c *call) cursor() (string, error) {
	s := c.r.URL.Query().Get("cursor")
	if s == "" && !c.r.URL.Query().Has("cursor") {
		return "", nil
	}
	text, ok := c.Sign.Signed(s)
	page, mine := strings.CutPrefix(text, c.binding())
	if !ok || !mine {
		return "", refuseAt(http.StatusBadRequest, fieldError{Parameter: "cursor", Code: "cursor"}, fail.T("This cursor does not continue this list. Begin again without one; everything else in the query stays as it was."))
	}
	return page, nil
}

// query is the list's part of the request. columns are given when none are selected.
func (c *call) query(columns ...property.Name) (directory.Query, error) {
	var q directory.Query
	var err error
	if q.Top, err = c.limit(); err != nil {
		return q, err
	}
	if q.Page, err = c.cursor(); err != nil {
		return q, err
	}
	in := c.r.URL.Query()
	q.Filter, q.Search = in.Get("filter"), in.Get("search")
	switch in.Get("count") {
	case "", "false":
	case "true":
		q.Count = true
	default:
		return q, refuseAt(http.StatusBadRequest, fieldError{Parameter: "count", Code: "form"}, fail.T("%q is true or false.", "count"))
	}
	order, desc := strings.CutSuffix(in.Get("order"), " desc")
	q.Order, q.Desc = property.Name(order), desc
	q.Names = columns
	if in.Has("select") {
		q.Names = nil
		for n := range strings.SplitSeq(in.Get("select"), ",") {
			d, ok := c.Policy.Properties().Def(property.Name(strings.TrimSpace(n)))
			if !ok || d.Graph.Secret {
				return q, refuseAt(http.StatusBadRequest, fieldError{Parameter: "select", Code: "unknown"}, fail.T("There is no property called %q.", n))
			}
			q.Names = append(q.Names, d.Name)
		}
	}
	return q, nil
}

// page is what every list has in common.
type page struct {
	Next  *string `json:"next" says:"for cursor; null on the last page"`
	Total *int    `json:"total,omitempty" says:"how many there are in all, when count was asked for"`
}

func (c *call) page(next string, total int) page {
	p := page{Next: c.next(next)}
	if total >= 0 {
		p.Total = &total
	}
	return p
}
