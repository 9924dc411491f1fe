package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Page is one page of a listing.
type Page struct {
	Value []json.RawMessage
	Count *int64 // on the first page, where it was asked for
	Delta string // deltaLink, on the last page of a delta round
	Next  string // what Page takes to read the page behind this one; "" on the last page
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
			page, next, err := c.page(ctx, k)
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(page, nil) || next == nil {
				return
			}
			link, err := c.own(*next)
			if err == nil && seen[link] {
				err = errors.New("graph: the paging link comes again, the listing would never end")
			}
			if err != nil {
				yield(Page{}, err)
				return
			}
			seen[link] = true
			k = call{method: http.MethodGet, path: path, url: link, read: true, header: opts}
		}
	}
}

// Page reads one page: the first of path, or the one that after names, which is Next of the page before. An after that belongs to
// another listing is refused, so that it may come back from a browser.
func (c *Client) Page(ctx context.Context, path, after string, opts ...Option) (Page, error) {
	k := call{method: http.MethodGet, path: path, read: true, header: opts}
	if after != "" {
		listing, _, _ := strings.Cut(path, "?")
		if at, _, ok := strings.Cut(after, "?"); !ok || at != listing {
			return Page{}, fmt.Errorf("graph: %.100q does not continue %s", after, listing)
		}
		k.path = after
	}
	page, next, err := c.page(ctx, k)
	if err != nil || next == nil {
		return page, err
	}
	link, err := c.own(*next)
	if err != nil {
		return Page{}, err
	}
	u, err := url.Parse(link)
	if err != nil {
		return Page{}, err
	}
	// The service may write the path in another case; what it says behind the question mark is what counts.
	listing, _, _ := strings.Cut(path, "?")
	page.Next = listing + "?" + u.RawQuery
	return page, nil
}

// page sends one request of a listing; next is the link as the service wrote it, nil on the last page.
func (c *Client) page(ctx context.Context, k call) (page Page, next *string, err error) {
	a, err := c.do(ctx, k)
	if err != nil {
		return Page{}, nil, err
	}
	var body struct {
		Value *[]json.RawMessage
		Count *int64  `json:"@odata.count"`
		Next  *string `json:"@odata.nextLink"`
		Delta string  `json:"@odata.deltaLink"`
	}
	if err := a.object(&body); err != nil {
		return Page{}, nil, err
	}
	if body.Value == nil {
		return Page{}, nil, a.fault("the answer is no listing", nil)
	}
	return Page{Value: *body.Value, Count: body.Count, Delta: body.Delta}, body.Next, nil
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
