package graph

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrForeign refuses a request to another origin than the client was made for: a paging link or a redirect that would carry the
// token away.
var ErrForeign = errors.New("graph: paging link to a foreign host refused")

// ErrNoCredential says that the client has no right of its own, only people's.
var ErrNoCredential = errors.New("graph: the application has no credential")

// origin is what must be equal for a token to be sent.
type origin struct{ scheme, host, port string }

func originOf(u *url.URL) origin {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		o.port = map[string]string{"http": "80", "https": "443"}[o.scheme]
	}
	return o
}

// state is what a client shares with the clients that As makes from it. It is the pipeline's transport.
type state struct {
	opts   Options
	origin origin
	pooled *http.Client
	fresh  *http.Client // connections of its own for each request, for repeating after a failure
	mu     sync.Mutex
	lanes  map[string]*lane
}

func (s *state) setTransport(rt http.RoundTripper) {
	if rt == nil {
		rt = defaultTransport()
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.pooled = &http.Client{Transport: rt, CheckRedirect: stay}
	s.fresh = s.pooled
	if t, ok := rt.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		s.fresh = &http.Client{Transport: t, CheckRedirect: stay}
	}
}

// Do sends one attempt. It is the last place before the network, so the origin is compared here, whoever made the request.
func (s *state) Do(req *http.Request) (*http.Response, error) {
	if req.URL.User != nil || originOf(req.URL) != s.origin || (req.Host != "" && !strings.EqualFold(req.Host, req.URL.Host)) {
		return nil, fmt.Errorf("%w: %s", ErrForeign, req.URL.Redacted())
	}
	client := s.pooled
	tr, _ := req.Context().Value(trailKey{}).(*trail)
	if tr != nil {
		if tr.again {
			client = s.fresh
		}
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { tr.sent.Store(true) },
		}))
	}
	begun := s.opts.Now()
	resp, err := client.Do(req)
	if s.opts.Watch != nil {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		s.opts.Watch(status, s.opts.Now().Sub(begun))
	}
	if err != nil {
		return nil, err
	}
	resp.Body = &capped{body: resp.Body, left: s.opts.MaxBody}
	return resp, nil
}

type trailKey struct{}

// trail is what becomes known of one call on its way down.
type trail struct {
	clientID string
	again    bool        // an attempt after a failure: use a fresh connection
	sent     atomic.Bool // the present attempt had a connection, so something of it may have arrived
}

// errTooLong is an answer beyond Options.MaxBody.
var errTooLong = errors.New("the answer is longer than the limit")

// capped ends an answer that is too long instead of filling memory with it.
type capped struct {
	body io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.body.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

func (c *capped) Close() error { return c.body.Close() }
