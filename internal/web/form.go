package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/guard"
)

// Limits of a form (A45).
const (
	maxFields   = 1000 // parts, files among them
	maxFieldLen = 256 << 10
)

// File is an uploaded file. Its name and type are what the browser said, and are not to be believed.
type File struct {
	Name string
	Data []byte
}

// Form is what a page sent.
type Form struct {
	url.Values
	Files map[string][]File // by field, in the order in which they came
	Nonce string            // of the form token: the key of the one change this form may make
	Token string
	Scope string // what the token is good for, see Visit.Token
}

// Form reads the body of a POST and checks its token against the session. Errors are ready to be returned by a handler. A form
// whose token is another session's comes back with the error: it may be shown again, and is never applied.
func (v *Visit) Form(r *http.Request) (*Form, error) {
	f, err := v.read(r)
	if err != nil {
		return nil, err
	}
	nonce, ok := v.nonce(f.Token, f.Scope)
	if !ok {
		return f, &Refusal{Status: http.StatusForbidden, Say: sayToken}
	}
	f.Nonce = nonce
	return f, nil
}

// FormFor is Form for a token of exactly that scope.
func (v *Visit) FormFor(r *http.Request, scope string) (*Form, error) {
	f, err := v.Form(r)
	if err == nil && f.Scope != scope {
		return nil, &Refusal{Status: http.StatusForbidden, Say: sayToken}
	}
	return f, err
}

// File is the only file of a field; none, or several, is the zero File.
func (f *Form) File(field string) File {
	if l := f.Files[field]; len(l) == 1 {
		return l[0]
	}
	return File{}
}

// EndedForm reads the body of a POST whose session has ended. Its token is not checked: what it holds may be shown again, and is
// never applied.
func (v *Visit) EndedForm(r *http.Request) (*Form, error) { return v.read(r) }

func (v *Visit) read(r *http.Request) (*Form, error) {
	kind, boundary, err := formKind(r)
	if err != nil {
		return nil, err
	}
	f := &Form{Values: url.Values{}, Files: map[string][]File{}}
	if kind == urlencoded {
		err = f.urlencoded(r)
	} else {
		err = f.multipart(r, boundary)
	}
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, Refuse(http.StatusRequestEntityTooLarge)
		}
		var refusal *Refusal
		if errors.As(err, &refusal) {
			return nil, refusal
		}
		return nil, &Refusal{Status: http.StatusBadRequest, Cause: err}
	}
	f.Token = f.Get(TokenField)
	f.Scope = f.Get(ScopeField)
	f.Del(TokenField)
	f.Del(ScopeField)
	return f, nil
}

const urlencoded = "application/x-www-form-urlencoded"

// formKind is the media type of a form and, of one that is multipart, its boundary; anything else is refused.
func formKind(r *http.Request) (kind, boundary string, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Header.Get("Content-Encoding") != "" || kind != urlencoded && kind != "multipart/form-data" {
		return "", "", Refuse(http.StatusUnsupportedMediaType)
	}
	return kind, params["boundary"], nil
}

// urlencoded reads no further than the last field there may be.
func (f *Form) urlencoded(r *http.Request) error {
	var body bytes.Buffer
	piece := make([]byte, 8<<10)
	for fields := 1; ; {
		n, err := r.Body.Read(piece)
		if fields += bytes.Count(piece[:n], []byte{'&'}); fields > maxFields {
			return Refuse(http.StatusRequestEntityTooLarge)
		}
		body.Write(piece[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	var err error
	f.Values, err = url.ParseQuery(body.String())
	return err
}

func (f *Form) multipart(r *http.Request, boundary string) error {
	if boundary == "" {
		return errors.New("no boundary")
	}
	parts := multipart.NewReader(r.Body, boundary)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= maxFields {
			return Refuse(http.StatusRequestEntityTooLarge)
		}
		name := part.FormName()
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			b, err := io.ReadAll(io.LimitReader(part, maxFieldLen+1))
			if err != nil {
				return err
			}
			if len(b) > maxFieldLen {
				return Refuse(http.StatusRequestEntityTooLarge)
			}
			f.Add(name, string(b))
			continue
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		f.Files[name] = append(f.Files[name], File{Name: part.FileName(), Data: data})
	}
}

// Only refuses a form that carries a key which is not allowed, naming the first one (A20): nothing of it is applied.
func (f *Form) Only(allowed func(key string) bool) error {
	keys := make([]string, 0, len(f.Values)+len(f.Files))
	for k := range f.Values {
		keys = append(keys, k)
	}
	for k := range f.Files {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if !allowed(k) {
			name := k
			if len(name) > 64 {
				name = name[:64]
			}
			return fail.New(fail.Invalid, "web.form", fail.T("This form does not have a field named %q. Nothing was changed. Open the page again and use the fields it shows.", strings.ToValidUTF8(name, "?")))
		}
	}
	return nil
}

// SignIn is the address of the sign-in page that leads back to next.
func SignIn(next string) string {
	next = guard.Next(next)
	if next == "/" || strings.HasPrefix(next, "/sign-in") {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(next)
}
