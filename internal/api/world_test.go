package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"nameplate/internal/access"
	"nameplate/internal/app"
	"nameplate/internal/directory"
)

// world is a running product with an emulator as its directory, and keys to its API.
type world struct {
	*app.Demo
	t      testing.TB
	router routers.Router
	client *http.Client
	admin  string // the secret of a key that may do everything
	member string // object id of a plain member
}

func begin(t *testing.T, o app.DemoOptions) *world {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d, err := app.StartDemo(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Errorf("the demo did not stop well: %v", err)
		}
	})
	w := &world{Demo: d, t: t, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	w.admin = w.key(directory.Admin, directory.Scopes()...)
	w.router = w.described()
	w.member = fmt.Sprint(w.get("/people/" + url.PathEscape(w.Users[0].UPN)).json["id"])
	return w
}

var keyNumber atomic.Int64

// key makes a key and gives its secret.
func (w *world) key(role directory.Role, scopes ...directory.Scope) string {
	w.t.Helper()
	_, secret, err := w.App.MakeKey(w.t.Context(), app.Host("root"), access.Key{Name: fmt.Sprint("key ", keyNumber.Add(1)), Role: role, Scopes: scopes, Expires: time.Now().Add(time.Hour)}, "a test")
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// described reads the server's own description.
func (w *world) described() routers.Router {
	w.t.Helper()
	resp, err := w.client.Get(w.Portal + "/api/v1/openapi.json")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, b)
	}
	if err := doc.Validate(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: w.Portal + "/api/v1"}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	return router
}

// answer is what came.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (a answer) String() string { return fmt.Sprintf("%d %.600s", a.status, a.body) }

// at is what stands at a path of names and numbers in the JSON.
func (a answer) at(path ...any) any {
	var v any = a.json
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// request is one to make; the zero values are a GET with the key that may do everything.
type request struct {
	method, path, body, key string
	header                  []string // name, value, …
}

func (w *world) get(path string) answer { w.t.Helper(); return w.do(request{path: path}) }

func (w *world) send(method, path, body string, header ...string) answer {
	w.t.Helper()
	return w.do(request{method: method, path: path, body: body, header: header})
}

var schemaMutex sync.Mutex // the validator keeps compiled patterns without a lock

// do makes a request and holds its answer against openapi.json.
func (w *world) do(q request) answer {
	w.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), q.method, w.Portal+"/api/v1"+q.path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	switch q.key {
	case "":
		r.Header.Set("Authorization", "Bearer "+w.admin)
	case "none":
	default:
		r.Header.Set("Authorization", "Bearer "+q.key)
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		r.Header.Set(q.header[i], q.header[i+1])
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	if q.method != http.MethodHead && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.body, &a.json); err != nil {
			w.t.Fatalf("%s %s: %v in %s", q.method, q.path, err, a)
		}
	}
	w.valid(r, a)
	return a
}

// valid holds an answer against the description, and against what every answer promises.
func (w *world) valid(r *http.Request, a answer) {
	w.t.Helper()
	what := r.Method + " " + r.URL.Path
	if a.header.Get("X-Request-Id") == "" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
		w.t.Errorf("%s: headers %v", what, a.header)
	}
	if a.status >= 400 {
		if r.Method == http.MethodHead {
			return
		}
		if a.header.Get("Content-Type") != "application/problem+json" || a.json["status"] != float64(a.status) || a.json["detail"] == "" || a.json["title"] == "" ||
			a.json["reference"] != a.header.Get("X-Request-Id") && a.header.Get("Idempotency-Replayed") == "" || !strings.HasPrefix(fmt.Sprint(a.json["type"]), "urn:nameplate:problem:") {
			w.t.Errorf("%s: no problem: %v %s", what, a.header, a)
		}
	}
	if w.router == nil {
		return
	}
	schemaMutex.Lock()
	defer schemaMutex.Unlock()
	route, params, err := w.router.FindRoute(r)
	if err != nil {
		if a.status < 400 && r.Method != http.MethodHead {
			w.t.Errorf("%s is answered and not described: %v", what, err)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	err = openapi3filter.ValidateResponse(w.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	if err != nil && r.Method != http.MethodHead {
		w.t.Errorf("%s: the answer is not as described: %v\n%s", what, err, a)
	}
}

func init() {
	openapi3filter.RegisterBodyDecoder("application/problem+json", openapi3filter.JSONBodyDecoder)
	openapi3filter.RegisterBodyDecoder("image/jpeg", openapi3filter.FileBodyDecoder)
}

func wantStatus(t *testing.T, what string, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %s, want %d", what, a, status)
	}
}
