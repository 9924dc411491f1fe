// Package access owns who is signed in: the way through the authority (OpenID Connect code flow with PKCE), sessions, the
// sealed tokens of signed-in people, and text that was typed into a form whose session had ended.
//
// It promises: a person is tenant id + object id, never a name or an address; a session id is known only to its browser, the
// store keeps its hash; a token never leaves for a page, a log or a cookie and lies in the store only sealed; an anonymous
// request creates no row; whatever fails is a *fail.Error whose Code is one of the constants of this package.
// It renders no page, sets no cookie and knows no route: package web and the portal do.
package access

import (
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"nameplate/internal/directory"
)

// CallbackPath is where the authority sends the browser back to; the redirect URI that is registered is PublicURL + CallbackPath.
const CallbackPath = "/auth/callback"

// FrontChannelPath is the front-channel logout address that is registered; the authority loads it in a hidden frame.
const FrontChannelPath = "/auth/logout"

// Tenant is one Microsoft 365 organization whose people may sign in, and the application's registration there.
type Tenant struct {
	ID          string       // directory (tenant) id, a lower-case GUID
	Authority   string       // origin of the sign-in service: "https://login.microsoftonline.com"
	ClientID    string       // application (client) id
	Secret      string       // client secret; one of these three proves the application; the same as Secrets that never change
	Certificate *Certificate // preferred to a secret; the same as Certificates that never change
	Assertion   Assertion    // a token of another issuer that the registration trusts
	Graph       string       // origin of Graph, the prefix of its scopes; "" is https://graph.microsoft.com
	// Certificates are those that may be good now, best first: a file that was replaced is taken up while we run, and what the authority
	// does not know yet is not the only one. At least one, asked anew for each request.
	Certificates func() []*Certificate
	Secrets      func() []string // the same for client secrets
	Pilot        []string        // object ids of groups, lower case: only their members may sign in; none: everybody
}

// Assertion gives a token that proves the application as its certificate would: the platform that runs us vouches for us, and there is
// nothing of ours that could be stolen or end. https://learn.microsoft.com/entra/workload-id/workload-identity-federation
type Assertion func(ctx context.Context) (string, error)

// Issuer is the only issuer whose tokens count for this tenant.
func (t Tenant) Issuer() string { return t.Authority + "/" + t.ID + "/v2.0" }

// Certificate proves the application to the authority: RSA key and the certificate registered for it.
type Certificate struct {
	Leaf *x509.Certificate
	Key  crypto.Signer
}

// Live says whether a person's account is still enabled. NotFound counts as not enabled; other errors as "cannot tell now".
type Live interface {
	Enabled(ctx context.Context, ref directory.Ref) (bool, error)
}

// Member says whether a person belongs to one of these groups.
type Member interface {
	Of(ctx context.Context, ref directory.Ref, groups []string) (bool, error)
}

// Config is what a Service is made from.
type Config struct {
	Tenants   []Tenant
	PublicURL string // the one public address, an origin: https, or http on a loopback address
	Store     Store
	Sealer    *Sealer
	Live      Live             // nil: accounts are only re-checked when a token is refreshed
	Now       func() time.Time // the clock
	Random    io.Reader        // a source fit for secrets
	HTTP      *http.Client     // reaches the authorities; its Timeout is kept, redirects are never followed
	Log       *slog.Logger     // security events by the names of the OWASP logging vocabulary; nil discards
	Member    Member           // asked when the token names none of Tenant.Pilot; nil: then nobody is let in whose token names none
	Scopes    []string         // delegated Graph permissions; nil is User.Read and User.ReadWrite
	Idle      time.Duration    // 0 is 60 minutes
	Absolute  time.Duration    // 0 is 12 hours
	Recheck   time.Duration    // how old "the account is enabled" may be; 0 is 5 minutes
}

// Session is a signed-in person, as a request sees it.
type Session struct {
	ID        string // hash of the session id: names the session in journal, log and directory.Own, and opens nothing
	Ref       directory.Ref
	Name      string // display name at sign-in, without control characters
	UPN       string // preferred_username at sign-in; for display only, decides nothing
	Guest     bool   // as the token says (acct); the directory knows better
	Roles     []directory.Role
	Groups    []string  // object ids of groups, lower case, as the token names them
	From      string    // network address of the sign-in
	SignedIn  time.Time // when the person proved who they are: what the authority says, or a sign-in that asked for it; zero when nobody can tell
	Began     time.Time
	Seen      time.Time // accurate to a minute
	IdleEnd   time.Time // ends then when nothing happens
	FinalEnd  time.Time // ends then whatever happens
	Checked   time.Time // when the account was last known to be enabled
	Program   string    // what a program that is signed in as the person calls itself; "" is a browser
	Recovered string    // path of a form whose text waits to be offered again; "" for none
}

// Actor is the session as the engine wants it; from is the network address of the present request.
func (s Session) Actor(from string) directory.Actor {
	return directory.Actor{Kind: directory.PersonActor, Ref: s.Ref, Name: s.Name, Session: s.ID, Roles: s.Roles, Groups: s.Groups, From: from}
}

// Cookies are the names under which a browser keeps what this package hands out. All of them are HttpOnly, SameSite=Lax,
// Path=/, without Domain, and Secure when Secure is set.
type Cookies struct {
	Session string // value of Finished.Cookie; no Max-Age: it goes with the browser session
	Attempt string // value of Begun.Cookie; Max-Age AttemptLife
	Secure  bool
}

// AttemptLife is how long a sign-in that was begun can be finished.
const AttemptLife = 10 * time.Minute

// StashLife is how long typed text is kept for a person whose session had ended.
const StashLife = 15 * time.Minute

// Begin is a wish to sign in.
type Begin struct {
	Tenant string // "" when only one is configured
	Next   string // where to go afterwards; made safe here
	Hint   string // login_hint, a user principal name; may be ""
	Prompt string // "", "select_account", "login", "consent"
	Claims string // a claims challenge that the authority has to answer, as JSON; may be ""
	Fresh  bool   // the person has to prove who they are again, whatever the authority remembers
	Cookie string // present value of the attempt cookie, so that two tabs can sign in side by side; may be ""
	From   string // network address of the request
}

// Begun is where to send the browser and what to let it keep.
type Begun struct {
	URL    string
	Cookie string
}

// Callback is the authority's answer, as the browser brings it.
type Callback struct {
	Query   url.Values
	Attempt string // value of the attempt cookie
	Session string // value of the session cookie, which is never adopted: that session ends and its stashed text moves over
	From    string
}

// Finished is a new session.
type Finished struct {
	Cookie  string // value of the session cookie: 256 random bits
	Attempt string // what remains of the attempt cookie; "" deletes it
	Session Session
	Next    string // safe: an absolute path on this site
}

// Form is text typed by a person, kept for the time of a sign-in.
type Form struct {
	Path   string // where it was going
	Values url.Values
	At     time.Time
}

// Settings are what a person chose for themselves; "" is "as the browser wishes".
type Settings struct {
	Language string
	Theme    string
}
