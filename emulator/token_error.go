package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// oauthError is an error of the sign-in endpoints, in the service's words:
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
type oauthError struct {
	status   int    // 0 is 400
	kind     string // the OAuth error
	aadsts   int
	text     string // without the code in front and without the trace behind
	suberror string
	claims   string // a claims challenge that goes with it
}

func (o *oauthError) Error() string { return fmt.Sprintf("%s: AADSTS%d: %s", o.kind, o.aadsts, o.text) }

func aadsts(kind string, code int, format string, args ...any) *oauthError {
	return &oauthError{kind: kind, aadsts: code, text: fmt.Sprintf(format, args...)}
}

// unauthorized is the same for a client that could not prove who it is.
func (o *oauthError) unauthorized() *oauthError {
	o.status = http.StatusUnauthorized
	return o
}

// trace is what every answer of the sign-in endpoints is known by afterwards.
type trace struct {
	id          string
	correlation string
	timestamp   string // 2016-01-09 02:02:12Z
}

func (e *Emulator) trace(r *http.Request) trace {
	c := r.Header.Get("client-request-id")
	if c == "" {
		c = r.URL.Query().Get("client-request-id")
	}
	if !isGUID(c) {
		c = e.random.id()
	}
	return trace{id: e.random.id(), correlation: strings.ToLower(c), timestamp: e.Now().Format("2006-01-02 15:04:05Z")}
}

// describe is error_description: the code, the text, and what support would ask for.
func (o *oauthError) describe(t trace) string {
	if o.aadsts == 0 {
		return o.text
	}
	return fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s", o.aadsts, o.text, t.id, t.correlation, t.timestamp)
}

// writeOAuthError answers a token, device code or metadata request that failed.
func (e *Emulator) writeOAuthError(w http.ResponseWriter, r *http.Request, o *oauthError) {
	t := e.trace(r)
	body := map[string]any{
		"error":             o.kind,
		"error_description": o.describe(t),
		"error_codes":       []int{o.aadsts},
		"timestamp":         t.timestamp,
		"trace_id":          t.id,
		"correlation_id":    t.correlation,
		"error_uri":         fmt.Sprintf("%s/error?code=%d", origin(r), o.aadsts),
	}
	if o.suberror != "" {
		body["suberror"] = o.suberror
	}
	if o.claims != "" {
		body["claims"] = o.claims
	}
	status := o.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if _, _, basic := r.BasicAuth(); basic && status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+origin(r)+`"`)
	}
	w.Header().Set("x-ms-request-id", t.id)
	writeLoginJSON(w, status, body)
}

// writeLoginJSON answers with JSON that nobody keeps.
func writeLoginJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store, no-cache")
		h.Set("Pragma", "no-cache")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client went away
}

// isGUID says whether s has the form 8-4-4-4-12.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// origin is the scheme, host and port that the client used.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
