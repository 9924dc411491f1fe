package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// faulty is the outermost handler of every request to either half, inner requests of a batch included: it notes the request,
// dates the answer by the emulator's clock, and lets hooks, fault rules and chaos act. An inner request is one whose context
// comes from an outer one; its writer may implement dropper.
func (e *Emulator) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := e.stats.callers.of(r)
		x := &exchange{id: e.random.id(), client: r.Header.Get("client-request-id"), inner: r.Context().Value(exchangeKey{}) != nil}
		now := e.Now()
		if !x.inner {
			w.Header().Set("Date", e.stats.date(e.clock.told()))
			if isGraph(r.URL.Path) {
				e.stats.check(c, e.clock.wall())
			}
		}
		x.seq = e.stats.arrive(Request{
			Time: now, Method: r.Method, Path: r.URL.Path, Query: harmless(r.URL.RawQuery), App: c.app, Tenant: c.tenant,
			RequestID: x.id, ClientID: x.client, Inner: x.inner,
		})
		out := &status{ResponseWriter: w}
		out.refused = func(code int) {
			var until time.Time
			if d, ok := e.announced(out.Header()); ok {
				until = e.clock.wall().Add(d)
			}
			e.stats.refused(c, code, until)
		}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		defer func() { e.stats.leave(x, r, out.code, requestID(out.Header(), x)) }()
		if e.faults.busy.Load() {
			for _, hook := range e.faults.before(r, c, now, e.opts.Seed) {
				hook()
			}
		}
		if met := e.meet(r, x, c); met != nil {
			e.spoil(next, out, r, x, c, met)
		} else {
			e.handle(next, out, r, x, c)
		}
		out.done()
	})
}

// requestID is what the answer says its request-id is.
func requestID(h http.Header, x *exchange) string {
	if id := h.Get("request-id"); id != "" {
		return id
	}
	return x.id
}

// handle is the way of a request that no rule meets.
func (e *Emulator) handle(next http.Handler, w http.ResponseWriter, r *http.Request, x *exchange, c caller) {
	if !e.faults.busy.Load() {
		next.ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		e.read(next, w, r, c)
		return
	}
	observers := e.faults.observers()
	if len(observers) == 0 {
		next.ServeHTTP(w, r)
		return
	}
	before := e.ledger.last()
	rec := &recorded{header: http.Header{}}
	next.ServeHTTP(rec, r)
	e.tell(observers, before, rec, x)
	rec.send(w)
}

// tell reports what a request wrote.
func (e *Emulator) tell(observers []func(Entry), before int64, rec *recorded, x *exchange) {
	if len(observers) == 0 {
		return
	}
	for _, entry := range e.ledger.of(before, requestID(rec.header, x)) {
		for _, fn := range observers {
			fn(entry)
		}
	}
}

// spoil is the way of a request that a rule meets.
func (e *Emulator) spoil(next http.Handler, w *status, r *http.Request, x *exchange, c caller, met *Rule) {
	do := met.Do
	if met.At == AtClock {
		e.clock.Advance(time.Duration(do.Delay))
		e.handle(next, w, r, x, c)
		return
	}
	after := met.At == After || met.At == MidBody || met.At == AtTokenAfter
	answers := do.Status != 0 || do.Body != "" || do.Claims != "" || do.Drop
	var body []byte
	if after || !do.Drop {
		body, _ = io.ReadAll(r.Body) // an unread body hides that the client has left
	}
	if !after {
		if !pause(r.Context(), do.Delay) {
			e.reset(w, x)
			return
		}
		if answers {
			e.deliver(w, r, x, c, met, e.ownAnswer(do, r, x))
			return
		}
	}
	before, since := e.ledger.last(), e.Now()
	photographed := e.photograph(next, r, do)
	if do.Duplicate {
		first := &recorded{header: http.Header{}}
		next.ServeHTTP(first, again(r, body))
		e.ledger.mark(before, requestID(first.header, x), met.ID)
	}
	rec := &recorded{header: http.Header{}}
	next.ServeHTTP(rec, again(r, body))
	id := requestID(rec.header, x)
	e.ledger.mark(before, id, met.ID)
	if do.Stale > 0 {
		e.remember(e.ledger.of(before, id), since, do, photographed)
	}
	e.tell(e.faults.observers(), before, rec, x)
	if after && !pause(r.Context(), do.Delay) {
		e.reset(w, x)
		return
	}
	if answers {
		rec = e.ownAnswer(do, r, x)
	}
	e.deliver(w, r, x, c, met, rec)
}

// again is a request with its body put back.
func again(r *http.Request, body []byte) *http.Request {
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.ContentLength = int64(len(body))
	return out
}

// pause waits for d of wall time. It is false when the client went away first.
func pause(ctx context.Context, d Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(time.Duration(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ownAnswer is what the rule says instead of the handler.
func (e *Emulator) ownAnswer(do Do, r *http.Request, x *exchange) *recorded {
	out := &recorded{header: http.Header{}, code: do.Status}
	h := out.header
	client := x.client
	if client == "" {
		client = x.id
	}
	h.Set("request-id", x.id)
	h.Set("client-request-id", client)
	h.Set("Cache-Control", "no-cache")
	if do.Claims != "" {
		out.code = http.StatusUnauthorized
		h.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+addressOf(r)+`/common/oauth2/authorize", error="insufficient_claims", claims="`+
			base64.StdEncoding.EncodeToString([]byte(do.Claims))+`"`)
		if do.Code == "" {
			do.Code = "InvalidAuthenticationToken"
		}
		if do.Message == "" {
			do.Message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"
		}
	}
	if out.code == 0 {
		out.code = http.StatusOK
	}
	switch {
	case do.Body != "":
		h.Set("Content-Type", contentTypeOf(do.Body))
		out.body.WriteString(do.Body)
	case out.code == http.StatusNoContent:
	case isGraph(r.URL.Path):
		h.Set("Content-Type", "application/json")
		out.body.Write(graphFault(out.code, do, x.id, client, e.Now()))
	default:
		h.Set("Content-Type", "application/json; charset=utf-8")
		out.body.Write(signInFault(out.code, do, x.id, client, e.Now()))
	}
	return out
}

func contentTypeOf(body string) string {
	if strings.HasPrefix(strings.TrimSpace(body), "<") {
		return "text/html; charset=utf-8"
	}
	return "application/json"
}

// graphFault is an error of Graph: https://learn.microsoft.com/en-us/graph/errors and, for 429,
// https://learn.microsoft.com/en-us/graph/throttling
func graphFault(code int, do Do, request, client string, now time.Time) []byte {
	name, message := graphWords(code)
	if do.Code != "" {
		name = do.Code
	}
	if do.Message != "" {
		message = do.Message
	}
	inner := map[string]any{"date": now.Format("2006-01-02T15:04:05"), "request-id": request, "client-request-id": client}
	if code == http.StatusTooManyRequests {
		inner["code"], inner["message"], inner["status"] = "429", "Please retry after", "429"
	}
	b, _ := json.Marshal(map[string]any{"error": map[string]any{"code": name, "message": message, "innerError": inner}})
	return b
}

func graphWords(code int) (name, message string) {
	switch code {
	case http.StatusBadRequest:
		return "Request_BadRequest", "One or more property values specified are invalid."
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
	case http.StatusForbidden:
		return "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
	case http.StatusNotFound:
		return "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present."
	case http.StatusConflict:
		return "Directory_ConcurrencyViolation", "The object was being changed by another request. Please retry."
	case http.StatusGone:
		return "syncStateNotFound", "The sync state generation is not found."
	case http.StatusTooManyRequests:
		return "TooManyRequests", "Please retry again later."
	case http.StatusInternalServerError:
		return "generalException", "General exception while processing"
	case http.StatusNotImplemented:
		return "NotImplemented", "This operation target is not yet supported."
	case http.StatusServiceUnavailable:
		return "serviceNotAvailable", "The service is temporarily unavailable. Please retry later."
	case http.StatusGatewayTimeout:
		return "UnknownError", "The operation has timed out."
	case 509:
		return "bandwidthLimitExceeded", "The bandwidth limit has been exceeded."
	default:
		return "UnknownError", ""
	}
}

// signInFault is an error of the sign-in half: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
func signInFault(code int, do Do, request, client string, now time.Time) []byte {
	kind, number, text := "server_error", 90033, "A transient error has occurred. Please try again."
	switch code {
	case http.StatusBadRequest:
		kind, number, text = "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."
	case http.StatusUnauthorized:
		kind, number, text = "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to the app."
	case http.StatusTooManyRequests:
		kind, number, text = "temporarily_unavailable", 90055, "The server has terminated the request because there are too many incoming requests."
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		kind = "temporarily_unavailable"
	}
	if do.Code != "" {
		kind = do.Code
	}
	if do.Message != "" {
		text = do.Message
	}
	stamp := now.Format("2006-01-02 15:04:05Z")
	b, _ := json.Marshal(map[string]any{
		"error":             kind,
		"error_description": "AADSTS" + strconv.Itoa(number) + ": " + text + " Trace ID: " + request + " Correlation ID: " + client + " Timestamp: " + stamp,
		"error_codes":       []int{number}, "timestamp": stamp, "trace_id": request, "correlation_id": client,
	})
	return b
}

// deliver sends an answer as the rule wants it to arrive.
func (e *Emulator) deliver(w *status, r *http.Request, x *exchange, c caller, met *Rule, rec *recorded) {
	do := met.Do
	if do.RetryAfter != "" {
		value := do.RetryAfter
		if text, ok := strings.CutPrefix(value, "date:"); ok {
			d, _ := time.ParseDuration(text) // checked by Inject
			value = e.Now().Add(d).Format(http.TimeFormat)
		}
		rec.header.Set("Retry-After", value)
	}
	for k, v := range do.Headers {
		setAsSpelt(rec.header, k, v)
	}
	e.rearrange(do, r, x, rec, x.dice)
	body := rec.body.Bytes()
	if do.Corrupt != "" {
		var open bool
		if body, open = e.corrupt(w, r, x, rec, do.Corrupt); !open {
			return
		}
	}
	cut := len(body)
	switch {
	case met.At == MidBody && do.Truncate == 0:
		cut = len(body) / 2
	case do.Truncate > 0:
		cut = min(cut, do.Truncate)
	case do.Truncate < 0:
		cut = max(0, cut+do.Truncate)
	}
	broken := do.Truncate != 0 || met.At == MidBody
	switch {
	case do.Drop, x.inner && (broken || do.Hangup):
		e.reset(w, x)
	case do.Hangup:
		e.hangup(w, x, rec, body)
	default:
		rec.head(w, len(body))
		if do.Drip > 0 && !x.inner {
			drip(r.Context(), w, body[:cut], do.Drip)
		} else {
			_, _ = w.Write(body[:cut]) // the client went away
		}
		if broken {
			_ = http.NewResponseController(w).Flush() // the connection is broken in any case
			panic(http.ErrAbortHandler)
		}
	}
}

// setAsSpelt sets a header with the spelling of its name, except for those that the server itself must find.
func setAsSpelt(h http.Header, name, value string) {
	h.Del(name)
	delete(h, name)
	if value == "" {
		return
	}
	switch canonical := http.CanonicalHeaderKey(name); canonical {
	case "Content-Type", "Content-Length", "Content-Encoding", "Date", "Connection", "Transfer-Encoding":
		h.Set(canonical, value)
	default:
		h[name] = []string{value}
	}
}

// announced is how long a Retry-After asks to wait.
func (e *Emulator) announced(h http.Header) (time.Duration, bool) {
	for name, values := range h {
		if !strings.EqualFold(name, "Retry-After") || len(values) == 0 {
			continue
		}
		if s, err := strconv.ParseFloat(values[0], 64); err == nil {
			return time.Duration(s * float64(time.Second)), s > 0
		}
		if t, err := http.ParseTime(values[0]); err == nil {
			return t.Sub(e.Now()), true
		}
	}
	return 0, false
}

func drip(ctx context.Context, w http.ResponseWriter, body []byte, every Duration) {
	flush := http.NewResponseController(w)
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil {
			return
		}
		_ = flush.Flush() // an inner answer has no connection to flush
		if !pause(ctx, every) {
			return
		}
	}
}

// reset breaks the connection before the status line. An inner request loses its answer, or becomes a 504 where its batch cannot
// leave answers out.
func (e *Emulator) reset(w *status, x *exchange) {
	if x.inner {
		if d, ok := w.ResponseWriter.(dropper); ok {
			w.broken = true
			d.drop()
			return
		}
		rec := &recorded{header: http.Header{}, code: http.StatusGatewayTimeout}
		rec.header.Set("Content-Type", "application/json")
		rec.body.Write(graphFault(rec.code, Do{}, x.id, x.client, e.Now()))
		rec.send(w)
		return
	}
	w.broken = true
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: a reset of the stream
	}
	plain := conn
	if t, ok := conn.(*tls.Conn); ok {
		plain = t.NetConn()
	}
	if t, ok := plain.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // without it the client would see an orderly end
	}
	_ = plain.Close()
}

// hangup sends the whole answer and closes the connection without having said so.
func (e *Emulator) hangup(w *status, x *exchange, rec *recorded, body []byte) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		rec.head(w, len(body))
		_, _ = w.Write(body)
		return
	}
	w.code = rec.code
	rec.header.Set("Date", e.stats.date(e.clock.told()))
	answer := http.Response{
		StatusCode: rec.code, ProtoMajor: 1, ProtoMinor: 1, Header: rec.header,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	_ = answer.Write(buf) // the client went away
	_ = buf.Flush()
	_ = conn.Close()
}

// recorded is an answer that has not been sent yet.
type recorded struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(code int) {
	if r.code == 0 && code >= 200 {
		r.code = code
	}
}

func (r *recorded) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.body.Write(b)
}

// head sends headers and status for a body of n bytes.
func (r *recorded) head(w http.ResponseWriter, n int) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	h := w.Header()
	for k, v := range r.header {
		h[k] = v
	}
	if r.code != http.StatusNoContent && r.code != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(n))
	}
	w.WriteHeader(r.code)
}

func (r *recorded) send(w http.ResponseWriter) {
	r.head(w, r.body.Len())
	_, _ = w.Write(r.body.Bytes()) // the client went away
}

// addressOf is the scheme, host and port that the client used.
func addressOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
