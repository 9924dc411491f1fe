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
	at, err := continued(path, after)
	if err != nil {
		return Page{}, err
	}
	page, next, err := c.page(ctx, call{method: http.MethodGet, path: at, read: true, header: opts})
	if err != nil {
		return Page{}, err
	}
	return c.linked(page, path, next)
}

// Listing is a page that is asked for together with others: the first one of Path, or the one that After names, as for Page.
type Listing struct {
	Path, After string
	Header      map[string]string
}

// Read is what became of a Listing.
type Read struct {
	Page
	Err error
}

// Several reads a page of each of up to MaxBatch listings in one HTTP request, in the order of listings. The error is that of the whole
// request. https://learn.microsoft.com/graph/json-batching
func (c *Client) Several(ctx context.Context, l []Listing) ([]Read, error) {
	items := make([]Item, len(l))
	for i, one := range l {
		at, err := continued(one.Path, one.After)
		if err != nil {
			return nil, err
		}
		items[i] = Item{Method: http.MethodGet, Path: at, Header: one.Header}
	}
	answers, err := c.Batch(ctx, items)
	if err != nil {
		return nil, err
	}
	out := make([]Read, len(l))
	for i, a := range answers {
		if out[i].Err = a.Err; a.Err != nil {
			continue
		}
		out[i].Page, out[i].Err = c.inner(a, l[i].Path)
	}
	return out, nil
}

// inner reads a page that came in a batch.
func (c *Client) inner(a Answer, path string) (Page, error) {
	if len(a.Body) == 0 || a.Body[0] != '{' {
		return Page{}, a.fault("the answer is not a JSON object", nil)
	}
	o, err := parted(a.Body, "value") // the batch was looked at as a whole
	if err == nil {
		err = o.honest(a.fault)
	}
	if err != nil {
		return Page{}, err
	}
	page, next, err := readPage(o, a.fault)
	if err != nil {
		return Page{}, err
	}
	return c.linked(page, path, next)
}

// continued is the path of the page of a listing that after names.
func continued(path, after string) (string, error) {
	if after == "" {
		return path, nil
	}
	listing, _, _ := strings.Cut(path, "?")
	if at, _, ok := strings.Cut(after, "?"); !ok || at != listing {
		return "", fmt.Errorf("graph: %.100q does not continue %s", after, listing)
	}
	return after, nil
}

// linked gives a page of a listing its Next.
func (c *Client) linked(page Page, path string, next *string) (Page, error) {
	if next == nil {
		return page, nil
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
	if err := a.json(); err != nil {
		return Page{}, nil, err
	}
	o, err := outermost(a.body, "value", a.fault)
	if err != nil {
		return Page{}, nil, err
	}
	return readPage(o, a.fault)
}

// readPage reads a page of a listing.
func readPage(o object, fault func(string, error) *Fault) (page Page, next *string, err error) {
	if o.items == nil {
		return Page{}, nil, fault("the answer is no listing", nil)
	}
	page.Value = o.items
	for name, into := range map[string]any{"@odata.count": &page.Count, "@odata.nextLink": &next, "@odata.deltaLink": &page.Delta} {
		if raw := o.members[name]; raw != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				return Page{}, nil, fault("the answer has values of an unexpected type", err)
			}
		}
	}
	return page, next, nil
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
