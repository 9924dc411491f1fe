package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// batchStep is one request of a batch: https://learn.microsoft.com/en-us/graph/json-batching
type batchStep struct {
	ID        json.RawMessage   `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []json.RawMessage `json:"dependsOn"`

	id     string // as text; a number is accepted as well
	status int    // of the answer, 0 before there is one
}

func invalidBatch(format string, args ...any) *graphError {
	return failure(http.StatusBadRequest, "BadRequest", "Invalid batch payload format. "+format, args...)
}

func (c *call) batch() error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	raw, err := c.body()
	if err != nil {
		return err
	}
	var body struct{ Requests []*batchStep }
	if json.Unmarshal(raw, &body) != nil {
		return badJSON()
	}
	if err := checkBatch(body.Requests); err != nil {
		return err
	}
	if c.e.opts.Rules == ObservedRules {
		if err := checkOrder(body.Requests); err != nil {
			return err
		}
	}
	b := []byte(`{"responses":[`)
	answers := make([][]byte, len(body.Requests))
	for i, s := range body.Requests {
		answers[i] = c.step(s, body.Requests[:i])
	}
	first := true
	for _, i := range c.answerOrder(len(answers)) {
		if answers[i] == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, answers[i]...)
	}
	return c.send(http.StatusOK, append(b, "]}"...))
}

// answerOrder is the order of the requests, or any order when the emulator was asked for that.
func (c *call) answerOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if c.e.opts.ShuffleBatches {
		rnd := exchangeOf(c.r.Context()).dice
		if rnd == nil {
			rnd = c.e.faults.chance(c.e.opts.Seed, "batch")
		}
		rnd.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

// bodied are the methods that need a body and its type in a batch, an empty object where the request alone would need none:
// https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2628, https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/1038
var bodied = []string{http.MethodPost, http.MethodPut, http.MethodPatch}

// checkBatch refuses what makes the whole batch invalid.
func checkBatch(steps []*batchStep) error {
	if len(steps) == 0 {
		return invalidBatch("There are no requests.")
	}
	if len(steps) > 20 {
		return invalidBatch("Number of requests exceeds the maximum of 20.")
	}
	var seen []string
	for _, s := range steps {
		if s == nil {
			return invalidBatch("A request is null.")
		}
		if s.id = stepID(s.ID); s.id == "" {
			return invalidBatch("A request has no id.")
		}
		low := strings.ToLower(s.id)
		if slices.Contains(seen, low) {
			return invalidBatch("The id '%s' is not unique.", s.id)
		}
		u, err := url.Parse(s.URL)
		if err != nil || u.IsAbs() || u.Host != "" || s.URL == "" {
			return invalidBatch("The url of request '%s' must be relative.", s.id)
		}
		if path, _, _ := strings.Cut(strings.Trim(s.URL, "/"), "?"); strings.EqualFold(path, "$batch") {
			return invalidBatch("Request '%s' is a batch itself.", s.id)
		}
		switch strings.ToUpper(s.Method) {
		case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		default:
			return invalidBatch("The method of request '%s' is not known.", s.id)
		}
		for _, d := range s.DependsOn {
			if !slices.Contains(seen, strings.ToLower(stepID(d))) {
				return invalidBatch("Request '%s' depends on a request that does not come before it.", s.id)
			}
		}
		body := len(s.Body) > 0 && string(s.Body) != "null"
		if writes := body || slices.Contains(bodied, strings.ToUpper(s.Method)); writes && (!body || s.header("Content-Type") == "") {
			return failure(http.StatusBadRequest, "BadRequest", "Write request id : %s does not contain Content-Type header or body.", s.id)
		}
		seen = append(seen, low)
	}
	return nil
}

// checkOrder refuses a mixture of requests that wait for others and requests that do not. A batch is parallel (none waits), serial
// (each waits for the one before it), or all wait for the same one. The page only advises it
// (https://learn.microsoft.com/en-us/graph/json-batching#sequencing-requests-with-the-dependson-property); the refusal is reported in
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/16280, and the forms are those that Microsoft's JavaScript client lets
// pass: https://github.com/microsoftgraph/msgraph-sdk-javascript/blob/dev/src/content/BatchRequestContent.ts
func checkOrder(steps []*batchStep) error {
	serial, same, waits := true, true, ""
	for _, s := range steps {
		if len(s.DependsOn) > 0 {
			waits = strings.ToLower(stepID(s.DependsOn[0]))
			break
		}
	}
	for i, s := range steps {
		if len(s.DependsOn) == 0 {
			serial = serial && i == 0
			same = same && strings.ToLower(s.id) == waits
			continue
		}
		on := strings.ToLower(stepID(s.DependsOn[0]))
		serial = serial && len(s.DependsOn) == 1 && on == strings.ToLower(steps[i-1].id) // the first one waits for nobody
		same = same && len(s.DependsOn) == 1 && on == waits
	}
	if waits == "" || serial || same {
		return nil
	}
	return failure(http.StatusBadRequest, "BadRequest", "Batch should be either fully sequential or fully parallel.")
}

func stepID(raw json.RawMessage) string {
	if s, ok := decodeText(raw); ok {
		return s
	}
	if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return string(raw)
	}
	return ""
}

func (s *batchStep) header(name string) string {
	for k, v := range s.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// step does one request and writes its answer, nil when a fault swallowed it.
func (c *call) step(s *batchStep, before []*batchStep) []byte {
	for _, d := range s.DependsOn {
		for _, other := range before {
			if strings.EqualFold(other.id, stepID(d)) && (other.status < 200 || other.status > 299) {
				s.status = http.StatusFailedDependency
				g := failure(http.StatusFailedDependency, "FailedDependency", "The request was not executed because a request it depends on failed.")
				return s.answer(http.Header{"Content-Type": {"application/json"}}, c.appendError(nil, g))
			}
		}
	}
	w := &innerAnswer{header: http.Header{}}
	c.e.faulty(http.HandlerFunc(c.e.serveGraph)).ServeHTTP(w, c.inner(s))
	if w.gone {
		s.status = http.StatusGatewayTimeout
		return nil
	}
	s.status = w.code
	return s.answer(w.header, w.body.Bytes())
}

// inner is the request that a step stands for. It has the caller's token unless it brings its own.
func (c *call) inner(s *batchStep) *http.Request {
	r := c.r.Clone(c.r.Context())
	r.Method = strings.ToUpper(s.Method)
	v, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), "/")
	u, _ := url.Parse("/" + v + "/" + strings.TrimLeft(s.URL, "/")) // checkBatch has parsed it
	r.URL, r.RequestURI, r.Form = u, u.RequestURI(), nil
	r.Header = http.Header{}
	for _, name := range []string{"Authorization", "Client-Request-Id", "Accept"} {
		if v := c.r.Header.Values(name); v != nil {
			r.Header[name] = v
		}
	}
	for k, v := range s.Headers {
		r.Header.Set(k, v)
	}
	body := []byte(s.Body)
	if text, ok := decodeText(bytes.TrimSpace(s.Body)); ok && !strings.HasPrefix(strings.ToLower(s.header("Content-Type")), "application/json") {
		body = decodeBinary(text)
	}
	if string(body) == "null" {
		body = nil
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}

// decodeBinary reads base64url, and base64 too, as clients send both.
func decodeBinary(s string) []byte {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return []byte(s)
	}
	return b
}

// answer writes the answer to a step.
func (s *batchStep) answer(h http.Header, body []byte) []byte {
	b := append([]byte(nil), `{"id":`...)
	b = appendText(b, s.id)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(s.status), 10)
	b = append(b, `,"headers":{`...)
	names := make([]string, 0, len(h))
	for k := range h {
		if k != "Content-Length" && len(h[k]) > 0 {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for i, k := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, spelt(k))
		b = append(b, ':')
		b = appendText(b, h[k][0])
	}
	b = append(b, '}')
	switch {
	case len(body) == 0:
	case strings.HasPrefix(h.Get("Content-Type"), "application/json") && json.Valid(body):
		b = append(b, `,"body":`...)
		b = append(b, body...)
	case strings.HasPrefix(h.Get("Content-Type"), "text/"):
		b = append(b, `,"body":`...)
		if _, err := strconv.ParseUint(string(body), 10, 63); err == nil {
			// A count is a number: the CLI for Microsoft 365 compares it with one (entra group member set).
			b = append(b, body...)
		} else {
			b = appendText(b, string(body))
		}
	default:
		b = append(b, `,"body":"`...)
		b = base64.StdEncoding.AppendEncode(b, body)
		b = append(b, '"')
	}
	return append(b, '}')
}

// spelt is a header's name as the service writes it in the answer to a batch.
func spelt(name string) string {
	switch {
	case name == "Odata-Version":
		return "OData-Version"
	case strings.HasPrefix(name, "X-Ms-"), strings.HasSuffix(name, "Request-Id"):
		return strings.ToLower(name)
	}
	return name
}

// innerAnswer collects the answer to a step.
type innerAnswer struct {
	header http.Header
	code   int
	body   bytes.Buffer
	gone   bool
}

func (w *innerAnswer) Header() http.Header { return w.header }

func (w *innerAnswer) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

func (w *innerAnswer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// drop forgets the answer, as if it had been lost on the way.
func (w *innerAnswer) drop() { w.gone = true }

var _ dropper = (*innerAnswer)(nil)
