package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"

	"nameplate/internal/access"
	"nameplate/internal/api"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// Host is the actor of the command line on this machine: the operating system's user, who may do what an administrator may.
func Host(user string) directory.Actor {
	return directory.Actor{Kind: directory.HostActor, Name: user, Roles: []directory.Role{directory.Admin}}
}

// MakeKey makes an API key, for the one organization there is when none is named, and gives its secret.
func (a *App) MakeKey(ctx context.Context, by directory.Actor, want access.Key, why string) (access.Key, string, error) {
	if want.Tenant == "" {
		if len(a.all) > 1 {
			return access.Key{}, "", fail.New(fail.Invalid, "app.key", fail.T("Several organizations are connected here: name the tenant id of the one that the key is for."))
		}
		want.Tenant = a.all[0].tenant
	}
	return a.keys.Make(ctx, by, want, why)
}

// NewProgramSecret makes what a command line signs in with, and the challenge that it asks with.
func NewProgramSecret() (secret, challenge string, err error) {
	return access.NewProgramSecret(rand.Reader)
}

// API is the App's own, for its table of routes.
func (a *App) API() *api.API { return a.api }

// Pages is the table of the pages, each with its right.
func (a *App) Pages() []web.Route { return a.site.Routes() }

// Local makes this App, which has one organization, answer the API itself, as an actor of this machine, without listening and without
// keys. It is for an App that is not started.
func (a *App) Local(by directory.Actor) http.RoundTripper {
	a.api.Local(a.site, by, a.all[0].tenant)
	return inside{a.site}
}

// inside is a way to a handler in the same process.
type inside struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h inside) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := &written{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(out, in)
	return &http.Response{
		Status: http.StatusText(out.status), StatusCode: out.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, Body: io.NopCloser(&out.body), ContentLength: int64(out.body.Len()), Request: r,
	}, nil
}

// written is an answer that is kept in memory.
type written struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(status int)      { w.status = status }
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }
