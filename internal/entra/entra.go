// Package entra owns the way from Nameplate's words to Microsoft Graph's and back: it makes graph clients a directory.Reader and
// a directory.Writer, and it gathers what package explain needs to explain Graph's errors.
//
// It promises one HTTP request for a person however much is asked, one for an update and its read-back, nothing repeated after an
// ambiguous answer, and for every refusal of the service a sentence that says what it means and what to do. It decides nothing
// about who may change what, and it keeps no person's token.
package entra

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Tokens gives the access token of a signed-in person, another one than spent; package access satisfies it. The error is a
// *fail.Error.
type Tokens interface {
	Token(ctx context.Context, session, spent string) (string, error)
}

// Options is what a Directory is made of.
type Options struct {
	Tenants    map[string]*graph.Client // by tenant id: the client with that tenant's application right
	Tokens     Tokens                   // nil: no delegated calls
	Properties *property.Set            // nil: property.Catalog()
	Now        func() time.Time
}

// Directory is the Microsoft 365 directories of the configured tenants. It is safe for concurrent use.
type Directory struct {
	o     Options
	mu    sync.Mutex
	roles map[string]holders // of each tenant, for a moment
}

var (
	_ directory.Reader = (*Directory)(nil)
	_ directory.Writer = (*Directory)(nil)
	_ directory.Many   = (*Directory)(nil)
)

// New makes a Directory.
func New(o Options) *Directory {
	if o.Properties == nil {
		o.Properties = property.Catalog()
	}
	return &Directory{o: o, roles: map[string]holders{}}
}

// client is the client for that tenant and authority.
func (d *Directory) client(op string, as directory.Authority, tenant string) (*graph.Client, error) {
	c := d.o.Tenants[strings.ToLower(tenant)]
	if c == nil {
		f := fail.New(fail.NotFound, op, fail.T("This organization is not connected to this portal."))
		f.Item = tenant
		return nil, f
	}
	if !as.Delegated() {
		return c, nil
	}
	if d.o.Tokens == nil {
		return nil, fail.New(fail.Denied, op, fail.T("Sign in first: this is done in your own name."))
	}
	return c.As(func(ctx context.Context, spent string) (string, error) {
		return d.o.Tokens.Token(ctx, as.Session, spent)
	}), nil
}

// person is the path of a person. The id is always named, also with the person's own token: with /me a token that is not
// theirs would reach somebody else, with the id it is refused.
func person(id string) string { return "/users/" + url.PathEscape(id) }

// named is the path for a user principal name; a leading dollar sign needs the other form of the key.
func named(upn string) string {
	if strings.HasPrefix(upn, "$") {
		return "/users('" + url.PathEscape(strings.ReplaceAll(upn, "'", "''")) + "')"
	}
	return "/users/" + url.PathEscape(upn)
}

func checked(op string, on directory.Ref) error {
	if !guid(on.ID) || !guid(on.Tenant) {
		f := fail.New(fail.Invalid, op, fail.T("It is not said whose profile this is about. Open the page again."))
		f.Item = on.String()
		return f
	}
	return nil
}

func guid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F'
		if dash != (r == '-') || !dash && !hex {
			return false
		}
	}
	return true
}

// isStatus says whether err is the service's answer with that status.
func isStatus(err error, status int) bool {
	var e *graph.Error
	return errors.As(err, &e) && e.Status == status
}
