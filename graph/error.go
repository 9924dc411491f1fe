package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Error is an answer in which the service says no. https://learn.microsoft.com/graph/errors
type Error struct {
	Status          int    // HTTP status, of the inner answer for an item of a batch
	Code            string // the service's code, "Authorization_RequestDenied"; branch on it, never on Message
	Inner           string // the innermost code, "" when there is none
	Message         string
	Details         []Detail
	RequestID       string        // the service's request-id
	ClientRequestID string        // ours
	RetryAfter      time.Duration // of a 429 or 503; 0 is unknown
	Claims          string        // JSON of a claims challenge that the person has to meet by signing in again
}

// Detail is one part of an Error.
type Detail struct{ Code, Message, Target string }

func (e *Error) Error() string {
	s := fmt.Sprintf("graph: %d %s: %s", e.Status, e.Code, e.Message)
	if e.RequestID != "" {
		s += " (request-id " + e.RequestID + ")"
	}
	return s
}

// Has says whether one of the error's codes is code, in any case.
func (e *Error) Has(code string) bool {
	if strings.EqualFold(e.Code, code) || strings.EqualFold(e.Inner, code) {
		return true
	}
	for _, d := range e.Details {
		if strings.EqualFold(d.Code, code) {
			return true
		}
	}
	return false
}

// Fault is a call without a usable answer: no connection, no token, a broken or foreign answer.
type Fault struct {
	Op              string // "PATCH /users/…"
	Sent            bool   // something may have reached the service; of a write, only reading back can tell
	What            string // what was wrong with the answer, when there was one
	Status          int    // of that answer, else 0
	ClientRequestID string
	RequestID       string
	Err             error
}

func (f *Fault) Error() string {
	s := "graph: " + f.Op
	if f.Status != 0 {
		s += fmt.Sprintf(" (status %d)", f.Status)
	}
	if f.What != "" {
		s += ": " + f.What
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

func (f *Fault) Unwrap() error { return f.Err }

// tokenError is a token that could not be had; nothing was sent.
type tokenError struct{ err error }

func (t *tokenError) Error() string { return "token: " + t.err.Error() }
func (t *tokenError) Unwrap() error { return t.err }

// failed makes the error of a call that brought no answer.
func (t *trail) failed(k call, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	op := k.method + " " + k.path
	if k.url != "" {
		op = k.method + " next page"
	}
	return &Fault{Op: op, Sent: t.sent.Load(), ClientRequestID: t.clientID, Err: err}
}

// answer is what the service said.
type answer struct {
	call     call
	status   int
	header   http.Header
	body     []byte
	clientID string
}

func (a *answer) fault(what string, err error) *Fault {
	return &Fault{
		Op: a.call.method + " " + a.call.path, Sent: true, What: what, Status: a.status,
		ClientRequestID: a.clientID, RequestID: a.header.Get("request-id"), Err: err,
	}
}

func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	return t == "application/json" || strings.HasSuffix(t, "+json")
}

// object decodes the answer, which must be a JSON object and not an error in disguise.
func (a *answer) object(into any) error {
	if err := a.json(); err != nil {
		return err
	}
	return decode(a.body, into, a.fault)
}

// json says whether the answer calls itself JSON.
func (a *answer) json() error {
	if !isJSON(a.header.Get("Content-Type")) {
		return a.fault(fmt.Sprintf("the answer is not JSON but %q", a.header.Get("Content-Type")), nil)
	}
	return nil
}

// refusal makes the error of an answer that is not a success.
func (a *answer) refusal(o Options) error {
	if a.status < 400 {
		return a.fault("a redirect was refused, for it would carry the token away", nil)
	}
	return decodeError(a.status, a.header, a.body, a.clientID, o)
}

func decodeError(status int, h http.Header, body []byte, clientID string, o Options) *Error {
	e := &Error{Status: status, RequestID: h.Get("request-id"), ClientRequestID: clientID, Claims: claims(h)}
	if d, ok := retryAfter(h, o.Now()); ok {
		e.RetryAfter = min(d, o.Retry.Longest)
	}
	// encoding/json matches names in any case, which covers innererror and innerError.
	var env struct {
		Error struct {
			Code       string
			Message    json.RawMessage
			InnerError json.RawMessage
			Details    json.RawMessage
		}
	}
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &env) != nil {
		e.Code, e.Message = "", http.StatusText(status)
		return e
	}
	e.Code, e.Message = env.Error.Code, text(env.Error.Message)
	if json.Unmarshal(env.Error.Details, &e.Details) != nil { // old services send one object
		var one Detail
		if e.Details = nil; json.Unmarshal(env.Error.Details, &one) == nil && one != (Detail{}) {
			e.Details = []Detail{one}
		}
	}
	for raw := env.Error.InnerError; len(raw) > 0; {
		var in struct {
			Code       string
			RequestID  string `json:"request-id"`
			InnerError json.RawMessage
		}
		if json.Unmarshal(raw, &in) != nil {
			break
		}
		if in.Code != "" && strings.Trim(in.Code, "0123456789") != "" { // "429" repeats the status
			e.Inner = in.Code
		}
		if e.RequestID == "" {
			e.RequestID = in.RequestID
		}
		raw = in.InnerError
	}
	if e.Message == "" {
		e.Message = http.StatusText(status)
	}
	return e
}

// text is a message that is a string, or an object {lang, value} of an old service.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var v struct{ Value string }
	_ = json.Unmarshal(raw, &v)
	return v.Value
}

var claimsParameter = regexp.MustCompile(`(?i)\bclaims="([^"]*)"`)

// claims is the challenge of a WWW-Authenticate header, as JSON.
// https://learn.microsoft.com/entra/identity-platform/claims-challenge
func claims(h http.Header) string {
	for _, v := range h.Values("WWW-Authenticate") {
		m := claimsParameter.FindStringSubmatch(v)
		if m == nil {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if b, err := enc.DecodeString(m[1]); err == nil && json.Valid(b) {
				return string(b)
			}
		}
		if json.Valid([]byte(m[1])) {
			return m[1]
		}
	}
	return ""
}
