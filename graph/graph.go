// Package graph is a Microsoft Graph v1.0 client on the Azure SDK's pipeline: errors with a type, paging, $batch and pacing, and
// nothing that knows what a user is.
//
// It promises that a bearer token leaves only to the origin that the client was made for (scheme, host and port; checked in the
// transport itself, redirects are never followed, foreign paging links are refused); that a write is repeated only after a 429,
// which says that nothing was applied; that Retry-After is obeyed by every request of the client; and that an answer which is not
// what Graph sends (a proxy's HTML, an empty or cut body) is an error and never data.
//
// It does not sign anybody in, does not interpret properties and keeps no person's token: a delegated call asks its token source
// each time.
package graph

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
)

// TokenFunc gives an access token for Graph each time it is asked. spent is one that the service has just refused, "" for none: the
// function then gives another, or an error.
type TokenFunc func(ctx context.Context, spent string) (string, error)

// Options is what a client is made from. Now and NewID have no default: the package takes neither time nor chance by itself.
type Options struct {
	Cloud      Cloud                                            // which national cloud; the zero value is the worldwide one
	Endpoint   string                                           // instead of the cloud's: an origin, "/v1.0" is added when it has no path. http only for loopback
	Credential azcore.TokenCredential                           // the application's own right; nil: only clients made by As can call
	Scope      string                                           // what Credential is asked for; "" is the origin + "/.default"
	Transport  http.RoundTripper                                // nil: verified TLS 1.2 or newer, no proxy
	Now        func() time.Time                                 // the clock by which dates in Retry-After are read
	NewID      func() string                                    // a fresh GUID for client-request-id; also spreads waits, so it must not repeat
	Wait       func(ctx context.Context, d time.Duration) error // nil waits by the system's timer; returns early with ctx.Err()
	Retry      Retry
	Timeout    time.Duration // of one attempt, answer included; 0 is 30 s
	MaxBody    int64         // bytes of one answer after decompression; 0 is 32 MiB
	MaxPages   int           // pages of one listing; 0 is 100,000
	// Watch is told of each attempt of the application and of people: its status (0: no answer) and how long the headers took.
	Watch func(status int, took time.Duration)
	// Heard is told of each request that writes, those inside a batch by themselves, and what its answer says of the service's quotas.
	Heard func(ctx context.Context, l Load)
}

// Load is what an answer says of quotas. https://learn.microsoft.com/graph/throttling-limits
type Load struct {
	Status int     // 0: the answer was lost
	Share  float64 // used of the limit that is nearest, from 0.8 on (x-ms-throttle-limit-percentage); 0: not said
	Scope  string  // of a 429: the limit that was reached (x-ms-throttle-scope)
}

// Retry bounds repeating; zero fields take the defaults.
type Retry struct {
	Reads     int           // tries of a read that met 500, 502, 503, 504, 509 or a broken connection; 0 is 4
	Throttles int           // tries of anything that met 429; 0 is 8
	Longest   time.Duration // longest believed Retry-After; 0 is 5 min
	Base      time.Duration // first wait where the service names none, doubled each time; 0 is 500 ms
}

// Client calls one Graph endpoint with one right. It is safe for concurrent use.
type Client struct {
	base     *url.URL // with the version, without a slash at the end
	pipe     runtime.Pipeline
	shared   *state
	maxPages int
	scope    string
	hasty    bool
	token    TokenFunc // what is put on requests
}

// New makes a client that uses the application's own right.
func New(o Options) (*Client, error) {
	if o.Now == nil || o.NewID == nil {
		return nil, errors.New("graph: Options.Now and Options.NewID are required")
	}
	if o.Endpoint == "" {
		o.Endpoint = o.Cloud.Graph()
	}
	base, err := endpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 32 << 20
	}
	if o.MaxPages <= 0 {
		o.MaxPages = 100_000
	}
	if o.Scope == "" {
		o.Scope = base.Scheme + "://" + base.Host + "/.default"
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	o.Retry = o.Retry.defaults()
	s := &state{opts: o, origin: originOf(base), lanes: map[string]*lane{}}
	s.setTransport(o.Transport)
	app := &appToken{state: s, turn: make(chan struct{}, 1)}
	return &Client{base: base, pipe: s.pipeline(app), shared: s, maxPages: o.MaxPages, scope: o.Scope, token: app.now}, nil
}

// As is the same client with a person's right: every request asks token anew. Waits after a 429 are shared with the client it
// was made from, for the service counts them together.
func (c *Client) As(token TokenFunc) *Client {
	d := *c
	d.pipe, d.token = c.shared.pipeline(personToken(token)), token
	return &d
}

// Hasty is the same client that does not wait longer than 250 ms for a 429 to pass, but returns it with its RetryAfter: for a
// caller who has to look again before the request may be repeated.
func (c *Client) Hasty() *Client {
	d := *c
	d.hasty = true
	return &d
}

// Endpoint is the address that paths are appended to.
func (c *Client) Endpoint() string { return c.base.String() }

// Scope is what the application's credential is asked for.
func (c *Client) Scope() string { return c.scope }

// Option changes one call.
type Option func(http.Header)

// Header sets a request header: Header("ConsistencyLevel", "eventual").
func Header(name, value string) Option { return func(h http.Header) { h.Set(name, value) } }

// Get reads path (beginning with "/", query included) and decodes the JSON object of the answer into into.
func (c *Client) Get(ctx context.Context, path string, into any, opts ...Option) error {
	a, err := c.do(ctx, call{method: http.MethodGet, path: path, read: true, header: opts})
	if err != nil {
		return err
	}
	return a.object(into)
}

// Post sends a JSON body and decodes the answer's object; into nil ignores the answer's body.
func (c *Client) Post(ctx context.Context, path string, body, into any, opts ...Option) error {
	a, err := c.send(ctx, http.MethodPost, path, body, opts)
	if err != nil || into == nil {
		return err
	}
	return a.object(into)
}

// Patch sends a JSON body. A nil error means that the service answered 2xx, which is not yet a proof; read it back.
// https://learn.microsoft.com/graph/api/user-update
func (c *Client) Patch(ctx context.Context, path string, body any, opts ...Option) error {
	_, err := c.send(ctx, http.MethodPatch, path, body, opts)
	return err
}

// Put sends bytes of a content type: a photo, or application/json for a $ref.
func (c *Client) Put(ctx context.Context, path, contentType string, body []byte, opts ...Option) error {
	_, err := c.do(ctx, call{method: http.MethodPut, path: path, body: body, contentType: contentType, header: opts})
	return err
}

// Delete deletes.
func (c *Client) Delete(ctx context.Context, path string, opts ...Option) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path, header: opts})
	return err
}

// Blob is an answer that is not JSON.
type Blob struct {
	Type string // Content-Type without parameters
	ETag string
	Data []byte
}

// Bytes reads an answer of any type; JSON, text and HTML are refused, because no media resource of Graph is one.
func (c *Client) Bytes(ctx context.Context, path string, opts ...Option) (Blob, error) {
	a, err := c.do(ctx, call{method: http.MethodGet, path: path, read: true, header: opts})
	if err != nil {
		return Blob{}, err
	}
	typ, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	typ = strings.ToLower(strings.TrimSpace(typ))
	if len(a.body) == 0 || strings.HasPrefix(typ, "text/") || isJSON(typ) {
		return Blob{}, a.fault(fmt.Sprintf("a picture was asked for, and the answer of %d bytes is of type %q", len(a.body), typ), nil)
	}
	return Blob{Type: typ, ETag: a.header.Get("ETag"), Data: a.body}, nil
}

func (c *Client) send(ctx context.Context, method, path string, body any, opts []Option) (*answer, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("graph: body of %s %s: %w", method, path, err)
	}
	return c.do(ctx, call{method: method, path: path, body: b, contentType: "application/json", header: opts})
}

// call is one logical request; it is an operation value of the pipeline, where the retry policy reads it.
type call struct {
	method, path string
	url          string // absolute, instead of path: a paging link
	body         []byte
	contentType  string
	header       []Option
	read         bool // changes nothing: may be repeated after any failure
	hasty        bool // set by do
}

func (c *Client) do(ctx context.Context, k call) (*answer, error) {
	k.hasty = c.hasty
	target := k.url
	if target == "" {
		if !strings.HasPrefix(k.path, "/") || strings.HasPrefix(k.path, "//") {
			return nil, fmt.Errorf("graph: path %q does not begin with one slash", k.path)
		}
		target = c.base.String() + k.path
	}
	req, err := runtime.NewRequest(ctx, k.method, target)
	if err != nil {
		return nil, fmt.Errorf("graph: %s %s: %w", k.method, k.path, err)
	}
	for _, o := range k.header {
		o(req.Raw().Header)
	}
	req.Raw().Header.Set("Accept", "application/json")
	if k.body != nil {
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(k.body)), k.contentType); err != nil {
			return nil, err
		}
	}
	tr := &trail{}
	req.SetOperationValue(k)
	req.SetOperationValue(tr)
	resp, err := c.pipe.Do(req)
	if err != nil {
		return nil, tr.failed(k, err)
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return nil, tr.failed(k, err)
	}
	a := &answer{call: k, status: resp.StatusCode, header: resp.Header, body: body, clientID: tr.clientID}
	if a.status >= 300 {
		return nil, a.refusal(c.shared.opts)
	}
	return a, nil
}

// pipeline puts the policies in order: the SDK's own retry is switched off, ours knows reads from writes.
func (s *state) pipeline(token policy.Policy) runtime.Pipeline {
	return runtime.NewPipeline("nameplate", "v1", runtime.PipelineOptions{
		PerCall:  []policy.Policy{policyFunc(s.retry)},
		PerRetry: []policy.Policy{token, policyFunc(s.number)},
	}, &policy.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Transport: s,
		Telemetry: policy.TelemetryOptions{ApplicationID: "nameplate"},
	})
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(r *policy.Request) (*http.Response, error) { return f(r) }

// number gives each attempt a client-request-id of its own, so that a repeated request can be told from the first.
func (s *state) number(r *policy.Request) (*http.Response, error) {
	id := s.opts.NewID()
	r.Raw().Header.Set("client-request-id", id)
	var tr *trail
	if r.OperationValue(&tr) {
		tr.clientID = id
	}
	return r.Next()
}

func endpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("graph: endpoint: %w", err)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "":
		return nil, fmt.Errorf("graph: endpoint %q must be an origin with an optional path", u.Redacted())
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("graph: endpoint %q: http is only for this machine itself; use https", raw)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("graph: endpoint %q: the scheme must be https", raw)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if u.Path == "" {
		u.Path = "/v1.0"
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func defaultTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
}
