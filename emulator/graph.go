package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxBody is the largest request that the service takes, photos included:
// https://learn.microsoft.com/en-us/graph/api/profilephoto-update
const maxBody = 4 << 20

// call is one request to Graph.
type call struct {
	e         *Emulator
	w         http.ResponseWriter
	r         *http.Request
	p         *principal
	t         *tenant
	seg       []string       // decoded path segments after the version; a key in parentheses is a segment of its own
	keys      map[int]string // names of alternate keys by segment: appId of /applications(appId='…')
	q         query
	requestID string
	clientID  string
	meta      string  // none, minimal, full
	guest     bool    // the signed-in person is a guest
	within    *within // where a new object is made
	counting  bool    // the path ended in /$count: a list answers with its length
	status    int     // of the answer that send left, 0 when there is none
	out       []byte  // its body
	lent      *[]byte // where out is written when that goes back to Emulator.bodies
	sent      struct {
		read bool
		body []byte
		err  error
	}
}

// serveGraph answers /v1.0 and /beta, which are the same for what both have.
func (e *Emulator) serveGraph(w http.ResponseWriter, r *http.Request) {
	c := &call{e: e, w: w, r: r, meta: metadataLevel(r.Header.Get("Accept"))}
	x := exchangeOf(r.Context())
	if c.requestID = x.id; c.requestID == "" {
		c.requestID = e.random.id()
	}
	if c.clientID = r.Header.Get("client-request-id"); c.clientID == "" {
		c.clientID = c.requestID
	}
	h := w.Header()
	h["Request-Id"] = []string{c.requestID}
	h["Client-Request-Id"] = []string{c.clientID}
	h["X-Ms-Ags-Diagnostic"] = diagnostic
	h["Cache-Control"] = noCache
	h["Strict-Transport-Security"] = transport
	defer func() {
		if c.lent != nil {
			e.bodies.Put(c.lent)
		}
	}()
	if err := c.serve(); err != nil {
		var g *graphError
		if !errors.As(err, &g) {
			g = failure(http.StatusInternalServerError, "generalException", "%s", err.Error())
		}
		c.fail(g)
		return
	}
	if c.status != 0 {
		w.WriteHeader(c.status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(c.out) // the client went away
		}
	}
	if c.t != nil {
		e.announce(c.t)
	}
}

var (
	diagnostic = []string{`{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"EMULATOR"}}`}
	noCache    = []string{"no-cache"}
	transport  = []string{"max-age=31536000"}
	version    = []string{"4.0"}
)

func metadataLevel(accept string) string {
	if !strings.Contains(accept, "odata.metadata") {
		return "minimal"
	}
	for _, level := range []string{"none", "full"} {
		if strings.Contains(strings.ReplaceAll(accept, " ", ""), "odata.metadata="+level) {
			return level
		}
	}
	return "minimal"
}

func (c *call) serve() error {
	if v, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), "/"); !strings.EqualFold(v, "v1.0") && !strings.EqualFold(v, "beta") {
		return failure(http.StatusBadRequest, "BadRequest", "Invalid version: %s", v)
	}
	p, err := c.e.authenticate(c.r)
	if err != nil {
		var refusal *tokenRefusal
		if !errors.As(err, &refusal) {
			return err
		}
		g := failure(http.StatusUnauthorized, refusal.Code, "%s", refusal.Message)
		if refusal.Challenge != "" {
			g.header = http.Header{"Www-Authenticate": {refusal.Challenge}}
		}
		return g
	}
	c.p, c.t = p, p.tenant
	if p.user != nil {
		c.e.mu.RLock()
		c.guest = p.user.guest()
		c.e.mu.RUnlock()
	}
	if c.seg, c.keys, err = segments(c.r.URL.EscapedPath()); err != nil {
		return failure(http.StatusBadRequest, "BadRequest", "%s", err.Error())
	}
	if c.q, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return err
	}
	if err := c.charge(); err != nil {
		return err
	}
	if n := len(c.seg) - 1; n > 0 && c.is(n, "$count") {
		if err := c.method(http.MethodGet); err != nil {
			return err
		}
		if !c.eventual() {
			return badRequest("$count is not currently supported.")
		}
		c.seg, c.counting, c.q.count = c.seg[:n], true, true
	}
	c.w.Header()["Odata-Version"] = version
	c.e.passLicenses()
	return c.route()
}

// errMalformedPath is told in the service's own way by the caller.
var errMalformedPath = errors.New("malformed escape in the path")

// segments takes a path apart: /v1.0/users('a%2Fb')/photo becomes users, a/b, photo.
func segments(escaped string) (out []string, keys map[int]string, err error) {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	out = make([]string, 0, len(parts)+1)
	for i, p := range parts {
		if i == 0 {
			continue // the version
		}
		s, err := url.PathUnescape(p)
		if err != nil {
			return nil, nil, errMalformedPath
		}
		if property, value, ok := strings.Cut(s, "="); ok && len(out) > 0 && value != "" && !strings.ContainsFunc(property, notLetter) {
			// directoryRoles/roleTemplateId=…: https://learn.microsoft.com/en-us/graph/api/directoryrole-get
			s = out[len(out)-1] + "(" + property + "='" + strings.Trim(value, "'") + "')"
			out = out[:len(out)-1]
		}
		name, key, ok := strings.Cut(s, "(")
		if !ok || !strings.HasSuffix(key, ")") || strings.ContainsAny(name, "'@") {
			out = append(out, s)
			continue
		}
		out = append(out, name)
		key = strings.TrimSuffix(key, ")")
		if property, value, ok := strings.Cut(key, "='"); ok {
			key = "'" + value
			if keys == nil {
				keys = map[int]string{}
			}
			keys[len(out)] = property
		}
		if key != "" {
			key = strings.TrimSuffix(strings.TrimPrefix(key, "'"), "'")
			out = append(out, strings.ReplaceAll(key, "''", "'"))
		}
	}
	return out, keys, nil
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// is says whether the segment at i is that word in any case.
func (c *call) is(i int, word string) bool {
	return i < len(c.seg) && strings.EqualFold(c.seg[i], word)
}

// base is the address of the service as the client wrote it.
func (c *call) base() string {
	v, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), "/")
	return origin(c.r) + "/" + v
}

// method refuses every other verb; HEAD goes where GET goes.
func (c *call) method(verbs ...string) error {
	for _, v := range verbs {
		if c.r.Method == v || v == http.MethodGet && c.r.Method == http.MethodHead {
			return nil
		}
	}
	g := wrongVerb()
	g.header = http.Header{"Allow": {strings.Join(verbs, ", ")}}
	return g
}

func (c *call) route() error {
	if len(c.seg) == 0 {
		return c.unknown("")
	}
	switch strings.ToLower(c.seg[0]) {
	case "me":
		if c.p.user == nil {
			return failure(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
		}
		return c.routeObject(c.t.dir.users, c.p.user.id, 1)
	case "$batch":
		return c.batch()
	case "subscriptions":
		return c.subscriptions()
	case "organization":
		return c.organization()
	case "subscribedskus":
		return c.subscribedSkus()
	case "domains":
		return c.domains()
	case "invitations":
		return c.invitations()
	case "auditlogs":
		return c.auditLogs()
	case "directory":
		if c.is(1, "deletedItems") {
			return c.deletedItems()
		}
		return c.routeBelow(2)
	case "rolemanagement":
		return c.routeBelow(3)
	case "directoryobjects":
		return c.directoryObjects()
	}
	if t := c.t.dir.set(c.seg[0]); t != nil && !t.inner {
		return c.routeSet(t)
	}
	return c.unknown(c.seg[0])
}

// routeBelow answers for a set whose name takes n segments: directory/administrativeUnits.
func (c *call) routeBelow(n int) error {
	if len(c.seg) < n {
		return c.unknown(c.seg[0])
	}
	t := c.t.dir.set(strings.Join(c.seg[:n], "/"))
	if t == nil {
		return c.unknown(c.seg[n-1])
	}
	keys := make(map[int]string, len(c.keys))
	for i, name := range c.keys {
		keys[i-n+1] = name
	}
	c.seg, c.keys = c.seg[n-1:], keys
	return c.routeSet(t)
}

// unknown answers for a route that the emulator does not have, and counts it.
func (c *call) unknown(segment string) error {
	unknownRoute(c.r)
	return noRoute(segment, c.r.Method, c.r.URL.Path)
}

// body is the request's body, unzipped; it is read once, however many ask.
func (c *call) body() ([]byte, error) {
	if !c.sent.read {
		c.sent.read = true
		c.sent.body, c.sent.err = c.readBody()
	}
	return c.sent.body, c.sent.err
}

func (c *call) readBody() ([]byte, error) {
	if c.r.Body == nil {
		return nil, nil
	}
	var src io.Reader = http.MaxBytesReader(nil, c.r.Body, maxBody)
	if strings.EqualFold(c.r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, badJSON()
		}
		src = io.LimitReader(z, maxBody+1)
	}
	var buf bytes.Buffer
	if c.r.ContentLength > 0 && c.r.ContentLength <= maxBody {
		buf.Grow(int(c.r.ContentLength) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(src); err != nil || buf.Len() > maxBody {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) || buf.Len() > maxBody {
			return nil, failure(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is larger than 4 MB.")
		}
		return nil, badJSON()
	}
	return buf.Bytes(), nil
}

// object reads the request's body as a JSON object without its control information.
func (c *call) object() (map[string]json.RawMessage, error) {
	b, err := c.body()
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, failure(http.StatusBadRequest, "BadRequest", "Empty Payload. JSON content expected.")
	}
	if ct, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); ct != "" && !strings.EqualFold(strings.TrimSpace(ct), "application/json") {
		return nil, badJSON()
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) != nil || m == nil {
		return nil, badJSON()
	}
	return m, nil
}

// https://learn.microsoft.com/en-us/graph/json-batching shows the parameters.
var contentTypes = map[string][]string{
	"none":    {"application/json;odata.metadata=none;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"},
	"minimal": {"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"},
	"full":    {"application/json;odata.metadata=full;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"},
}

// send answers with JSON. The bytes leave when the handler has returned, so that no slow client holds Emulator.mu.
func (c *call) send(status int, body []byte) error {
	if c.counting {
		return c.unknown("$count")
	}
	h := c.w.Header()
	h["Content-Type"] = contentTypes[c.meta]
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.status, c.out = status, body
	return nil
}

// sendCount answers …/$count: https://learn.microsoft.com/en-us/graph/aad-advanced-queries
func (c *call) sendCount(n int) error {
	h := c.w.Header()
	h["Content-Type"] = []string{"text/plain"}
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(strconv.AppendInt(nil, int64(n), 10)) // the client went away
	return nil
}

// done answers 204.
func (c *call) done() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// context begins an answer with its @odata.context, unless the client does not want it.
func (c *call) context(b []byte, fragment string) []byte {
	b = append(b, '{')
	if c.meta == "none" {
		return b
	}
	b = append(b, `"@odata.context":`...)
	b = appendText(b, c.base()+"/$metadata#"+fragment)
	return append(b, ',')
}

// comma parts the next member of an object from the one before it, when there is one.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last == '{' || last == ',' {
		return b
	}
	return append(b, ',')
}

// closeObject ends an object whose members each ended with a comma.
func closeObject(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}

// value answers with a single value of a primitive type.
func (c *call) value(typ, json string) error {
	b := c.context(nil, "Edm."+typ)
	b = append(b, `"value":`...)
	b = append(b, json...)
	return c.send(http.StatusOK, append(b, '}'))
}

// entry begins a line of the ledger.
func (c *call) entry(op, object string) Entry {
	e := Entry{Time: c.e.Now(), Tenant: c.t.id, App: c.p.client, RequestID: c.requestID, ClientID: c.clientID, Op: op, Object: object}
	if c.p.user != nil {
		e.Actor = c.p.user.id
	}
	return e
}
