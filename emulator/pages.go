package emulator

import (
	"errors"
	"net/http"
	"strconv"
)

// PageSizes are how much the service puts on a page. The zero value is what is published:
// https://learn.microsoft.com/en-us/graph/paging and https://learn.microsoft.com/en-us/graph/query-parameters#expand. The same struct is the
// body of PUT /pages on the control listener.
type PageSizes struct {
	List     int `json:"list,omitempty"`     // objects of a listing without $top; 0 means 100
	Delta    int `json:"delta,omitempty"`    // objects on a page of delta; 0 means 200
	Links    int `json:"links,omitempty"`    // members and the like on a page of delta; 0 means 500
	Replay   int `json:"replay,omitempty"`   // changes of before that each round of delta tells once more
	Remember int `json:"remember,omitempty"` // changes behind which a token of delta is forgotten; 0 means 50,000 at least
	Expand   int `json:"expand,omitempty"`   // items of one relationship in $expand; 0 means 20
	Expanded int `json:"expanded,omitempty"` // objects of a listing with $expand at most; 0: as many as without
}

// Valid says what is wrong with the sizes.
func (p PageSizes) Valid() error {
	if min(p.List, p.Delta, p.Links, p.Replay, p.Remember, p.Expand, p.Expanded) < 0 {
		return errors.New("a page size is negative")
	}
	return nil
}

// pageSize is how many objects of a listing go on this page; standard is the published number for a request without $top.
func (c *call) pageSize(standard int) int {
	sizes := c.e.sizes.Load()
	n := standard
	switch {
	case c.q.top > 0:
		n = c.q.top
	case sizes.List > 0:
		n = sizes.List
	}
	if sizes.Expanded > 0 && c.q.has["$expand"] {
		n = min(n, sizes.Expanded)
	}
	return c.spoiltSize(n)
}

// spoiltSize is what rules at pages make of a size.
func (c *call) spoiltSize(n int) int {
	x := exchangeOf(c.r.Context())
	if x.size > 0 {
		n = x.size
	}
	if x.most > 0 && x.most < n {
		n = x.most
		x.decide("page of " + strconv.Itoa(n))
	}
	return n
}

// expandSize is how many items of a relationship $expand brings.
func (c *call) expandSize() int {
	if n := c.e.sizes.Load().Expand; n > 0 {
		return n
	}
	return 20
}

// SetPages makes pages as large as p says from now on.
func (e *Emulator) SetPages(p PageSizes) error {
	if err := p.Valid(); err != nil {
		return err
	}
	e.sizes.Store(&p)
	return nil
}

// Pages returns the page sizes.
func (e *Emulator) Pages() PageSizes { return *e.sizes.Load() }

// pageVerbs are the routes of the control listener for page sizes.
func (e *Emulator) pageVerbs() []verb {
	return []verb{
		{"GET /pages", "the page sizes; 0 is the published one", func(*http.Request) (any, error) { return e.Pages(), nil }},
		{"PUT /pages", `set the page sizes: {"list":100,"delta":50,"links":500,"replay":0,"remember":50000,"expand":20,"expanded":100}`, func(r *http.Request) (any, error) {
			var p PageSizes
			if err := read(r, &p); err != nil {
				return nil, err
			}
			if err := e.SetPages(p); err != nil {
				return nil, refused{http.StatusBadRequest, err.Error()}
			}
			return e.Pages(), nil
		}},
	}
}
