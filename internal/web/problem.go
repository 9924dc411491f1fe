package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// Problem is a failure as a page shows it: what happened, what it means, what to do.
type Problem struct {
	Status    int
	Title     fail.Text // what happened
	Say       fail.Text // what it means
	Do        fail.Text // what to do next
	Reference string    // of the request, for Details
	Code      string    // the upstream's code, for Details; letters, digits and _ . - only
	Retry     time.Duration
	Found     *explain.Finding // what Microsoft's answer means; nil when there was none. For people only as far as Letter goes (A39)
}

// Refusal is a failure that only the web knows: a method that is not there, a body that is too long.
type Refusal struct {
	Status int
	Say    fail.Text // instead of the status's own
	Retry  time.Duration
	Cause  error // for operators
}

// Refuse makes a Refusal with the status's own words.
func Refuse(status int) *Refusal { return &Refusal{Status: status} }

func (r *Refusal) Error() string {
	s := "web: " + strconv.Itoa(r.Status) + " " + http.StatusText(r.Status)
	if !r.Say.Zero() {
		s += ": " + r.Say.String()
	}
	if r.Cause != nil {
		s += ": " + r.Cause.Error()
	}
	return s
}

func (r *Refusal) Unwrap() error { return r.Cause }

func tooMany(wait time.Duration) *Refusal {
	return &Refusal{Status: http.StatusTooManyRequests, Retry: wait}
}

var (
	sayForeign = fail.T("The request came from another site, so nothing was changed. If you meant to do this, open the page here and do it again.")
	sayToken   = fail.T("This page was opened in another session, so nothing was changed. Go back, reload the page and try again.")
)

// words are a status's own sentences.
type words struct{ title, say, do fail.Text }

func wordsFor(status int) words {
	switch status {
	case http.StatusBadRequest:
		return words{fail.T("The request could not be read"), fail.T("Something in it was not as this page sends it. Nothing was changed."), fail.T("Go back, reload the page and try again.")}
	case http.StatusUnauthorized:
		return words{fail.T("You are signed out"), fail.T("Your session has ended, or you signed out."), fail.T("Sign in again to go on.")}
	case http.StatusForbidden:
		return words{fail.T("You may not do this"), fail.T("Your account does not have the right that this needs. Nothing was changed."), fail.T("If you need it for your work, ask your administrator.")}
	case http.StatusNotFound:
		return words{fail.T("There is no page here"), fail.T("The address may be mistyped, or the page has moved."), fail.T("Go to your profile and start from there.")}
	case http.StatusMethodNotAllowed:
		return words{fail.T("This address cannot be used that way"), fail.T("Nothing was changed."), fail.T("Go to your profile and start from there.")}
	case http.StatusConflict:
		return words{fail.T("Somebody else changed this at the same time"), fail.T("So that nobody's work is overwritten, nothing was changed."), fail.T("Open the page again, look at what it says now, and make your change again.")}
	case http.StatusRequestEntityTooLarge:
		return words{fail.T("That is too large"), fail.T("A form may have 1 MB and 1,000 fields, a photo 4 MB. Nothing was changed."), fail.T("Send less, or choose a smaller file.")}
	case http.StatusUnsupportedMediaType:
		return words{fail.T("That kind of content is not taken here"), fail.T("Nothing was changed."), fail.T("Go back, reload the page and try again.")}
	case http.StatusMisdirectedRequest:
		return words{fail.T("This is not the address of this portal"), fail.T("The portal answers only at the address that your organization set up."), fail.T("Use the link that your organization gave you.")}
	case http.StatusUnprocessableEntity:
		return words{fail.T("That cannot be done here"), fail.T("Microsoft 365 does not offer this for your account. Nothing was changed."), fail.T("Ask your administrator whether there is another way.")}
	case http.StatusTooManyRequests:
		return words{fail.T("Too many requests came from your network"), fail.T("To keep the portal quick for everybody, it makes a short pause. Nothing was changed."), fail.T("Wait a moment, then try again.")}
	case http.StatusServiceUnavailable:
		return words{fail.T("Microsoft 365 does not answer at the moment"), fail.T("Your profile is safe, but it cannot be read or changed right now."), fail.T("Wait a moment, then try again.")}
	}
	return words{fail.T("Something went wrong here"), fail.T("This is a fault of the portal, not of yours. It has been written down."), fail.T("Try again. If it happens again, tell your administrator the reference under Details.")}
}

// StatusOf is the one mapping from a kind of failure to a status.
func StatusOf(k fail.Kind) int {
	switch k {
	case fail.Invalid:
		return http.StatusBadRequest
	case fail.Denied:
		return http.StatusForbidden
	case fail.NotFound:
		return http.StatusNotFound
	case fail.Conflict, fail.Exists:
		return http.StatusConflict
	case fail.Throttled, fail.Unavailable:
		return http.StatusServiceUnavailable
	case fail.Unsupported:
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

func sayOf(err error) fail.Text {
	var e *fail.Error
	if errors.As(err, &e) {
		return e.Say
	}
	return fail.Text{}
}

// ProblemOf tells an error to people. A stranger and everything Internal become the same sentence: no cause, no address and no
// text of another system is shown (A39, A47).
func ProblemOf(err error) Problem {
	p := Problem{Status: http.StatusInternalServerError}
	var say fail.Text
	var refusal *Refusal
	var known *fail.Error
	switch {
	case errors.As(err, &refusal):
		p.Status, say, p.Retry = refusal.Status, refusal.Say, refusal.Retry
	case errors.As(err, &known):
		p.Status, p.Retry, p.Code = StatusOf(known.Kind), known.Retry, plainCode(known.Code)
		if known.Kind != fail.Internal {
			say = known.Say
		}
	}
	if found, ok := explain.Of(err); ok {
		p.Found = &found
	}
	w := wordsFor(p.Status)
	p.Title, p.Say, p.Do = w.title, w.say, w.do
	if !say.Zero() {
		p.Say, p.Do = say, fail.Text{}
	}
	return p
}

// plainCode lets an upstream's code through only when it is one word.
func plainCode(s string) string {
	if len(s) > 80 {
		return ""
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-') {
			return ""
		}
	}
	return s
}

func (s *Site) fail(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	p := ProblemOf(err)
	p.Reference = v.ID
	level := s.opt.Log.Info
	if p.Status >= 500 {
		level = s.opt.Log.Error
	}
	facts := []any{"request", v.ID, "status", p.Status, "err", err.Error()}
	if found, ok := explain.Of(err); ok {
		facts = append(facts, "cause", string(found.Cause), "sure", found.Sure.String(), "next", found.Next)
	}
	level("problem", facts...)
	if a, ok := w.(*answer); ok && a.wrote {
		return // the page had begun: the reader has gone away, or sees what is there
	}
	if p.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.Retry+time.Second-1)/time.Second)))
	}
	if s.mounted.has(r) {
		if err := s.mounted.Fail(w, r, v, err); err != nil {
			s.opt.Log.Error("problem", "request", v.ID, "err", err.Error())
		}
		return
	}
	if err := s.page(w, r, v, p); err != nil {
		s.opt.Log.Error("problem page", "request", v.ID, "err", err.Error())
		plainPage(w, r, v, p)
	}
}

// plainPage is the page of last resort, when no template can be had.
func plainPage(w http.ResponseWriter, _ *http.Request, v *Visit, p Problem) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(p.Status)
	_, err := fmt.Fprintf(w, "%s\n\n%s\n", v.T(p.Title), v.ID)
	return err
}

func stack() string { return string(debug.Stack()) }

var _ io.Writer = (*answer)(nil)
