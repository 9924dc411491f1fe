package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
)

// Page is one page of a listing.
type Page struct {
	Value []json.RawMessage
	Count *int64 // on the first page, where it was asked for
	Delta string // deltaLink, on the last page of a delta round
}

// Pages reads a listing page by page; a page may be empty and yet have a successor. It ends with an error when a link leads to
// another origin, when a link comes a second time, or beyond Options.MaxPages. Options are sent again with every page, because
// the service does not carry headers over. https://learn.microsoft.com/graph/paging
func (c *Client) Pages(ctx context.Context, path string, opts ...Option) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		k := call{method: http.MethodGet, path: path, read: true, header: opts}
		seen := map[string]bool{}
		for n := 0; ; n++ {
			if n >= c.maxPages {
				yield(Page{}, fmt.Errorf("graph: listing of %s has more than %d pages", path, c.maxPages))
				return
			}
			a, err := c.do(ctx, k)
			if err != nil {
				yield(Page{}, err)
				return
			}
			var body struct {
				Value *[]json.RawMessage
				Count *int64  `json:"@odata.count"`
				Next  *string `json:"@odata.nextLink"`
				Delta string  `json:"@odata.deltaLink"`
			}
			if err := a.object(&body); err != nil {
				yield(Page{}, err)
				return
			}
			if body.Value == nil {
				yield(Page{}, a.fault("the answer is no listing", nil))
				return
			}
			if !yield(Page{Value: *body.Value, Count: body.Count, Delta: body.Delta}, nil) || body.Next == nil {
				return
			}
			next, err := c.own(*body.Next)
			if err == nil && seen[next] {
				err = errors.New("graph: the paging link comes again, the listing would never end")
			}
			if err != nil {
				yield(Page{}, err)
				return
			}
			seen[next] = true
			k = call{method: http.MethodGet, path: path, url: next, read: true, header: opts}
		}
	}
}

// own accepts a link only when it is absolute and leads to the client's own origin.
func (c *Client) own(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || !u.IsAbs() || u.User != nil || originOf(u) != c.shared.origin {
		shown := link
		if err == nil {
			shown = u.Redacted()
		}
		return "", fmt.Errorf("%w: %.200q", ErrForeign, shown)
	}
	return link, nil
}
