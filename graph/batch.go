package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxBatch is how many requests one $batch may hold. https://learn.microsoft.com/graph/json-batching
const MaxBatch = 20

const batchPath = "/$batch"

// Item is one request of a batch.
type Item struct {
	Method string
	Path   string // beginning with "/", query included, without the version
	Header map[string]string
	Body   any   // JSON; nil for none
	After  []int // indexes of the items that must have succeeded
}

// Answer is what became of one item.
type Answer struct {
	Status int // 0 when the service left the item out
	Header http.Header
	Body   json.RawMessage
	Err    error // *Error for a refusal, *Fault when there is no usable answer; nil for 2xx
}

// Decode reads the answer's JSON object.
func (a Answer) Decode(into any) error {
	if a.Err != nil {
		return a.Err
	}
	return decode(a.Body, into, a.fault)
}

func (a Answer) fault(what string, err error) *Fault {
	return &Fault{Op: "batch item", Sent: true, What: what, Status: a.Status, Err: err}
}

type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      any               `json:"body,omitempty"`
	DependsOn []string          `json:"dependsOn,omitempty"`
}

type batchResponse struct {
	ID      json.RawMessage // a string; a number is tolerated
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// Send sends one item by itself. A nil error means that the service answered 2xx, which is not yet a proof; read it back.
func (c *Client) Send(ctx context.Context, it Item) error {
	k := call{method: it.Method, path: it.Path, read: it.Method == http.MethodGet}
	for name, v := range it.Header {
		k.header = append(k.header, Header(name, v))
	}
	if it.Body != nil {
		b, err := json.Marshal(it.Body)
		if err != nil {
			return fmt.Errorf("graph: body of %s %s: %w", it.Method, it.Path, err)
		}
		k.body, k.contentType = b, "application/json"
	}
	_, err := c.do(ctx, k)
	return err
}

// Batch sends up to MaxBatch items in one HTTP request and gives an answer for each, in the order of items. The error is that of
// the whole request; then nothing is known of any item. Items that met 429 were not applied and are sent again, and what depends
// on them, after the longest wait that the service named, and so are reads that failed or were left out; everything else is settled
// by its first answer. A write that the service left out has an Err with Sent set: it may have been applied.
func (c *Client) Batch(ctx context.Context, items []Item) ([]Answer, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if len(items) > MaxBatch {
		return nil, fmt.Errorf("graph: %d items in one batch; the service takes %d", len(items), MaxBatch)
	}
	for i, it := range items {
		for _, j := range it.After {
			if j < 0 || j >= i {
				return nil, errors.New("graph: an item can only depend on one before it")
			}
		}
	}
	return c.rounds(ctx, items, func(open []int, out []Answer, first bool) error {
		err := c.batch(ctx, items, open, out)
		if err != nil && !first {
			for _, i := range open { // what was settled stays settled
				out[i] = Answer{Err: err}
			}
			return nil
		}
		return err
	})
}

// parallel is how many batches of Many are under way at the same time.
const parallel = 4

// Many is Batch for any number of items that do not depend on each other: as many requests as they need, a few at the same time, and
// what is to be sent again goes together. When a whole request fails, the answers of its items have the error.
func (c *Client) Many(ctx context.Context, items []Item) []Answer {
	out, _ := c.rounds(ctx, items, func(open []int, out []Answer, _ bool) error {
		var wg sync.WaitGroup
		turn := make(chan struct{}, parallel)
		for l := range slices.Chunk(open, MaxBatch) {
			turn <- struct{}{}
			wg.Go(func() {
				defer func() { <-turn }()
				if err := c.batch(ctx, items, l, out); err != nil {
					for _, i := range l {
						out[i] = Answer{Err: err}
					}
				}
			})
		}
		wg.Wait()
		return nil
	})
	return out
}

// rounds sends items, and again those that may be sent again, until all are settled. The error is that of the first round.
func (c *Client) rounds(ctx context.Context, items []Item, send func(open []int, out []Answer, first bool) error) ([]Answer, error) {
	out, open := make([]Answer, len(items)), make([]int, len(items))
	for i := range open {
		open[i] = i
	}
	throttled, broken := make([]int, len(items)), make([]int, len(items)) // how often each item has met it
	for first := true; len(open) > 0; first = false {
		if err := send(open, out, first); err != nil {
			return nil, err
		}
		again, pause := c.unsettled(items, open, out, throttled, broken)
		if len(again) == 0 || c.shared.tooLong(ctx, pause, c.hasty) || c.shared.opts.Wait(ctx, pause) != nil {
			break
		}
		open = again
	}
	return out, nil
}

// unsettled picks the items to send again: throttled ones, reads that met a passing failure or were left out, and what failed only
// because it depends on one of these; none more often than Retry says. A throttle keeps the lane shut for everybody.
func (c *Client) unsettled(items []Item, open []int, out []Answer, throttled, broken []int) (again []int, pause time.Duration) {
	opts := c.shared.opts
	retry := map[int]bool{}
	var shut time.Duration
	for _, i := range open {
		var e *Error
		if !errors.As(out[i].Err, &e) {
			e = &Error{}
		}
		read := items[i].Method == http.MethodGet
		met := 1
		switch {
		case e.Status == http.StatusTooManyRequests:
			throttled[i]++
			met = throttled[i]
			retry[i] = met < opts.Retry.Throttles
		case read && (passingStatus(e.Status) || out[i].Status == 0 && out[i].Err != nil && passing(out[i].Err)):
			broken[i]++
			met = broken[i]
			retry[i] = met < opts.Retry.Reads
		case e.Status == http.StatusFailedDependency:
			for _, j := range items[i].After {
				retry[i] = retry[i] || retry[j]
			}
		}
		d := e.RetryAfter
		if _, named := retryAfter(out[i].Header, opts.Now()); !named {
			d = c.shared.backoff(met, e.ClientRequestID+strconv.Itoa(i))
		}
		if d = min(d, opts.Retry.Longest); retry[i] {
			again, pause = append(again, i), max(pause, d)
		}
		if e.Status == http.StatusTooManyRequests {
			shut = max(shut, d)
		}
	}
	if shut > 0 {
		c.shared.close("directory", shut)
	}
	return again, pause
}

// batch sends the open items once and fills their answers.
func (c *Client) batch(ctx context.Context, items []Item, open []int, out []Answer) error {
	sending, read := map[int]bool{}, true
	for _, i := range open {
		sending[i], read = true, read && items[i].Method == http.MethodGet
	}
	var body struct {
		Requests []batchRequest `json:"requests"`
	}
	for _, i := range open {
		it := items[i]
		r := batchRequest{ID: strconv.Itoa(i + 1), Method: it.Method, URL: it.Path, Body: it.Body}
		if len(it.Header) > 0 || it.Body != nil {
			r.Headers = map[string]string{}
			for k, v := range it.Header {
				r.Headers[k] = v
			}
			if it.Body != nil {
				r.Headers["Content-Type"] = "application/json"
			}
		}
		for _, j := range it.After {
			if sending[j] {
				r.DependsOn = append(r.DependsOn, strconv.Itoa(j+1))
			}
		}
		body.Requests = append(body.Requests, r)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("graph: batch: %w", err)
	}
	a, err := c.do(ctx, call{method: http.MethodPost, path: batchPath, body: b, contentType: "application/json", read: read})
	var answers []batchResponse
	if err == nil {
		answers, err = a.responses()
	}
	if err != nil {
		for _, i := range open { // any of them may have been done
			if items[i].Method != http.MethodGet {
				c.shared.tell(ctx, Load{})
			}
		}
		return err
	}
	seen := map[int]bool{}
	for _, r := range answers {
		id, err := strconv.Atoi(strings.ToLower(strings.Trim(string(r.ID), `" `)))
		i := id - 1
		if err != nil || !sending[i] || seen[i] {
			return a.fault(fmt.Sprintf("the batch answers an item %s that was not asked, or twice", r.ID), nil)
		}
		seen[i] = true
		out[i] = c.answer(r, a)
		if d, named := retryAfter(out[i].Header, c.shared.opts.Now()); named && r.Status == http.StatusTooManyRequests { // also for what is sent beside this
			c.shared.close("directory", min(d, c.shared.opts.Retry.Longest))
		}
		if items[i].Method != http.MethodGet {
			c.shared.tell(ctx, loadOf(out[i].Status, out[i].Header))
		}
	}
	for _, i := range open {
		if !seen[i] {
			if items[i].Method != http.MethodGet {
				c.shared.tell(ctx, Load{})
			}
			out[i] = Answer{Err: a.fault("the batch leaves out the answer to "+items[i].Method+" "+items[i].Path, nil)}
		}
	}
	return nil
}

// responses are the answers in a batch, their bodies as they stand there.
func (a *answer) responses() ([]batchResponse, error) {
	if err := a.json(); err != nil {
		return nil, err
	}
	all, err := outermost(a.body, "responses", a.fault)
	if err != nil {
		return nil, err
	}
	out := make([]batchResponse, len(all.items))
	var row Row
	for i, raw := range all.items {
		r := &out[i]
		err := row.Read(raw)
		for _, m := range row.Members {
			switch {
			case err != nil:
			case m.Name == "id":
				r.ID = m.Value
			case m.Name == "status":
				err = json.Unmarshal(m.Value, &r.Status)
			case m.Name == "headers":
				err = json.Unmarshal(m.Value, &r.Headers)
			case m.Name == "body":
				r.Body = m.Value
			}
		}
		if err != nil {
			return nil, a.fault("the answer has values of an unexpected type", err)
		}
	}
	return out, nil
}

func (c *Client) answer(r batchResponse, a *answer) Answer {
	h := http.Header{}
	for k, v := range r.Headers {
		h.Set(k, v)
	}
	x := Answer{Status: r.Status, Header: h, Body: r.Body}
	switch {
	case r.Status >= 400:
		e := decodeError(r.Status, h, r.Body, a.clientID, c.shared.opts)
		if e.RequestID == "" {
			e.RequestID = a.header.Get("request-id")
		}
		x.Err = e
	case r.Status < 200 || r.Status >= 300:
		x.Err = a.fault(fmt.Sprintf("an item of the batch has the status %d", r.Status), nil)
	}
	return x
}
