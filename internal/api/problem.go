package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// problemType is what every failure is told as. https://www.rfc-editor.org/rfc/rfc9457
const problemType = "application/problem+json"

// problem is the body of a failure.
type problem struct {
	Type      string          `json:"type" says:"which kind of failure; stable, for programs"`
	Title     string          `json:"title" says:"the kind in words"`
	Status    int             `json:"status" says:"the status of the answer"`
	Detail    string          `json:"detail" says:"what happened and what to do, in the language of Accept-Language"`
	Reference string          `json:"reference" says:"names the request in the log"`
	Code      string          `json:"code,omitempty" says:"Microsoft's or our own word for the failure"`
	Errors    []fieldError    `json:"errors,omitempty" says:"what is wrong where"`
	Conflicts []conflictShown `json:"conflicts,omitempty" says:"what somebody else changed"`
	Entry     string          `json:"entry,omitempty" says:"the entry of the history, when there is one"`
	Cause     *cause          `json:"cause,omitempty" says:"what Microsoft's answer means, where that is known"`
}

// cause is an explained answer of Microsoft's.
type cause struct {
	Name     string `json:"name" says:"stable, for programs"`
	Sure     string `json:"sure" says:"unknown, likely or certain"`
	Evidence string `json:"evidence" says:"what shows it"`
	Next     string `json:"next" says:"what to do, for operators"`
	For      string `json:"for,omitempty" says:"who can do it: operator, entra, ad, exchange, network, licensing or microsoft"`
	Ready    string `json:"ready,omitempty" says:"a text to send to them"`
}

// causeOf is the explanation that a failure carries, nil when it carries none.
func causeOf(p web.Problem) *cause {
	if p.Found == nil {
		return nil
	}
	f := p.Found
	return &cause{string(f.Cause), f.Sure.String(), f.Evidence, f.Next, string(f.For), f.Ready}
}

// fieldError is what is wrong in one place: of the body (Pointer), the query (Parameter) or the header.
type fieldError struct {
	Pointer   string `json:"pointer,omitempty" says:"JSON pointer into the body"`
	Parameter string `json:"parameter,omitempty" says:"parameter of the query"`
	Header    string `json:"header,omitempty" says:"name of a header"`
	Detail    string `json:"detail" says:"what is wrong and how to mend it"`
	Code      string `json:"code" says:"stable, for programs"`

	say fail.Text
}

// conflictShown is one value that moved.
type conflictShown struct {
	Name   string         `json:"name"`
	Saw    property.Value `json:"saw"`
	Now    property.Value `json:"now"`
	Wanted property.Value `json:"wanted"`
}

// refusal is a failure with its places.
type refusal struct {
	*web.Refusal
	fields    []fieldError
	conflicts []conflictShown
	code      string
	entry     string
}

func (r *refusal) Unwrap() error { return r.Refusal }

// refuse is a refusal with places.
func refuse(status int, say fail.Text, fields ...fieldError) *refusal {
	return &refusal{Refusal: &web.Refusal{Status: status, Say: say}, fields: fields}
}

// refuseAt is a refusal of one place.
func refuseAt(status int, at fieldError, say fail.Text) *refusal {
	at.say = say
	return refuse(status, say, at)
}

// kinds are the types and titles of failures, by status.
var kinds = map[int][2]string{
	http.StatusBadRequest:            {"invalid", "The request is not as it has to be"},
	http.StatusUnauthorized:          {"unauthorized", "A key is missing or opens nothing"},
	http.StatusForbidden:             {"denied", "This is not allowed"},
	http.StatusNotFound:              {"not-found", "There is no such thing"},
	http.StatusMethodNotAllowed:      {"method", "The address is not used that way"},
	http.StatusConflict:              {"conflict", "Somebody else was first"},
	http.StatusPreconditionFailed:    {"changed", "It was changed since it was read"},
	http.StatusRequestEntityTooLarge: {"too-large", "The body is too long"},
	http.StatusUnsupportedMediaType:  {"media-type", "That kind of content is not taken"},
	http.StatusMisdirectedRequest:    {"misdirected", "This is not the address of this server"},
	http.StatusUnprocessableEntity:   {"unsupported", "That cannot be done"},
	http.StatusPreconditionRequired:  {"precondition", "If-Match is missing"},
	http.StatusTooManyRequests:       {"throttled", "Too many requests"},
	http.StatusServiceUnavailable:    {"unavailable", "Not at the moment"},
	http.StatusInternalServerError:   {"internal", "Something went wrong here"},
}

// details are what is said when a failure has no words of its own.
var details = map[int]fail.Text{
	http.StatusForbidden:           fail.T("The key does not have the right that this needs. Nothing was changed."),
	http.StatusNotFound:            fail.T("It is not there, or not for this key."),
	http.StatusConflict:            fail.T("Somebody else is changing the same at the moment. Nothing was changed; try again."),
	http.StatusMisdirectedRequest:  fail.T("The server answers only at its public address."),
	http.StatusServiceUnavailable:  fail.T("Microsoft 365 or the database does not answer at the moment. Try again later."),
	http.StatusInternalServerError: fail.T("This is a fault of Nameplate. It has been written down; tell its operator the reference."),
}

// tell makes a problem of an error. No cause and no text of another system is in it (A39, A47).
func tell(v *web.Visit, err error) problem {
	w := web.ProblemOf(err)
	kind, ok := kinds[w.Status]
	if !ok {
		kind = kinds[http.StatusInternalServerError]
	}
	p := problem{Type: "urn:nameplate:problem:" + kind[0], Title: kind[1], Status: w.Status, Reference: v.ID, Code: w.Code, Cause: causeOf(w)}
	say := details[w.Status]
	var r *refusal
	var plain *web.Refusal
	var f *fail.Error
	switch {
	case errors.As(err, &r):
		say = r.Say
		p.Errors, p.Conflicts, p.Code, p.Entry = r.fields, r.conflicts, r.code, r.entry
	case errors.As(err, &plain):
		if !plain.Say.Zero() {
			say = plain.Say
		}
	case errors.As(err, &f):
		if f.Kind != fail.Internal && !f.Say.Zero() {
			say = f.Say
		}
	}
	if say.Zero() {
		say = fail.T(kind[1] + ".")
	}
	p.Detail = v.T(say)
	for i, e := range p.Errors {
		p.Errors[i].Detail = v.T(e.say)
	}
	return p
}

// fail is web.Mounted.Fail.
func (a *API) fail(w http.ResponseWriter, _ *http.Request, v *web.Visit, err error) error {
	p := tell(v, err)
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, err = w.Write(b)
	return err
}

// problem is a failure's status and body.
func (c *call) problem(err error) (int, []byte) {
	p := tell(c.v, err)
	b, merr := json.Marshal(p)
	if merr != nil {
		return http.StatusInternalServerError, nil
	}
	return p.Status, b
}

// pointed gives an error of the product the places that its fields have in the request.
func (c *call) pointed(err error) error {
	var r *refusal
	var f *fail.Error
	if errors.As(err, &r) || !errors.As(err, &f) {
		return err
	}
	status := web.StatusOf(f.Kind)
	out := refuse(status, f.Say)
	out.Cause, out.Retry, out.code = f, f.Retry, web.ProblemOf(err).Code
	if out.Say.Zero() || f.Kind == fail.Internal {
		out.Say = details[status]
	}
	for _, p := range f.Fields {
		if p.Field == "" {
			continue
		}
		at := fieldError{Pointer: c.pointer(p.Field), Code: p.Code, say: p.Say}
		if at.Pointer == "" { // it is what the address says
			out.Say = p.Say
			continue
		}
		out.fields = append(out.fields, at)
	}
	if len(f.Fields) == 0 && f.Item != "" && (f.Kind == fail.Invalid || f.Kind == fail.Denied) {
		if name := c.parameter(f.Item); name != "" {
			out.fields = append(out.fields, fieldError{Parameter: name, Code: f.Kind.String(), say: out.Say})
		}
	}
	return out
}

// pointer is where a field stands in the body.
func (c *call) pointer(field string) string {
	if p, ok := c.point[field]; ok {
		return p
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(field)
}

// parameter is the parameter of a list's query that speaks of something.
func (c *call) parameter(item string) string {
	q := c.r.URL.Query()
	for _, name := range []string{"filter", "order", "select", "search"} {
		if q.Get(name) != "" && (item == name || strings.Contains(q.Get(name), item)) {
			return name
		}
	}
	return ""
}
