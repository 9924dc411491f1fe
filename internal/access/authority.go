package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"nameplate/internal/directory"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// maxAnswer is as much of an authority's answer as is read, in bytes.
const maxAnswer = 1 << 20

// authority is one tenant's sign-in service. Its metadata are fetched when they are first needed and once a day after that.
type authority struct {
	s      *Service
	tenant Tenant
	client *http.Client

	mu      sync.Mutex
	meta    *metadata
	renewAt time.Time
}

// metadata is what we take from the discovery document.
// https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Keys          string `json:"jwks_uri"`
	EndSession    string `json:"end_session_endpoint"`

	verifier *oidc.IDTokenVerifier
}

const (
	metadataLife  = 24 * time.Hour   // as long as the service's own Cache-Control allows
	metadataAgain = time.Minute      // while a renewal fails, the last good ones count and are renewed so often
	metadataWait  = 10 * time.Second // for a fetch
)

func newAuthority(s *Service, t Tenant) *authority {
	c := plainClient(s.cfg.HTTP)
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	c.Transport = guarded{base: base, origin: t.Authority}
	return &authority{s: s, tenant: t, client: c}
}

// guarded sends requests to one origin only and reads no more than maxAnswer bytes of an answer: codes, assertions and refresh
// tokens pass here.
type guarded struct {
	base   http.RoundTripper
	origin string
}

var errTooLong = errors.New("the answer is too long")

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+strings.ToLower(r.URL.Host) != g.origin {
		return nil, fmt.Errorf("a request for %s was stopped: only %s is the authority", r.URL.Host, g.origin)
	}
	resp, err := g.base.RoundTrip(r)
	if err == nil {
		resp.Body = &limited{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, err
}

type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// metadata are the authority's, fetched when there are none or they are old, by one request for all who wait. Errors:
// CodeAuthority, CodeMixed.
func (a *authority) metadata(ctx context.Context) (*metadata, error) {
	a.mu.Lock()
	m, renewAt := a.meta, a.renewAt
	a.mu.Unlock()
	if m != nil && a.s.cfg.Now().Before(renewAt) {
		return m, nil
	}
	f := a.s.flights.do("metadata "+a.tenant.ID, func() (string, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metadataWait)
		defer cancel()
		return "", a.renew(ctx)
	})
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, a.silent("access.metadata", ctx.Err())
	}
	if f.err != nil {
		return nil, f.err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.meta, nil
}

// renew puts new metadata in place, or leaves the last good ones when the authority does not answer.
func (a *authority) renew(ctx context.Context) error {
	m, err := a.fetch(ctx)
	if err == nil {
		err = a.pin(m)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.meta, a.renewAt = m, a.s.cfg.Now().Add(metadataLife)
	case a.meta != nil && Code(err) == CodeAuthority:
		a.renewAt = a.s.cfg.Now().Add(metadataAgain)
		a.s.cfg.Log.WarnContext(ctx, "the authority's metadata could not be renewed", "tenant", a.tenant.ID, "error", err)
		return nil
	}
	return err
}

// pin refuses metadata of anybody but the configured authority, and makes the verifier that goes with them.
func (a *authority) pin(m *metadata) error {
	const op = "access.metadata"
	mixed := func(what string) error {
		e := fail.New(fail.Invalid, op, fail.T("The authority %[1]s describes itself as somebody else (%[2]s), so its sign-ins cannot be trusted. Check the tenant and the authority in the settings.", a.tenant.Issuer(), what))
		e.Code = CodeMixed
		return e
	}
	if m.Issuer != a.tenant.Issuer() {
		return mixed(clean(m.Issuer))
	}
	for _, endpoint := range []string{m.Authorization, m.Token, m.Keys, m.EndSession} {
		u, err := url.Parse(endpoint)
		if endpoint == "" && err == nil {
			continue
		}
		if err != nil || u.Scheme+"://"+strings.ToLower(u.Host) != a.tenant.Authority {
			return mixed(clean(endpoint))
		}
	}
	if m.Authorization == "" || m.Token == "" || m.Keys == "" {
		return a.silent(op, errors.New("the discovery document lacks an endpoint"))
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), a.client), m.Keys)
	m.verifier = oidc.NewVerifier(m.Issuer, keys, &oidc.Config{
		ClientID:             a.tenant.ClientID,
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipExpiryCheck:      true, // checked in idtoken.go, with our clock and the same tolerance at both ends
	})
	return nil
}

func (a *authority) fetch(ctx context.Context) (*metadata, error) {
	const op = "access.metadata"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.tenant.Issuer()+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, op, err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, a.silent(op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, a.silent(op, err)
	}
	m := &metadata{}
	if resp.StatusCode != http.StatusOK {
		return nil, a.unusable(op, resp, body)
	}
	if json.Unmarshal(body, m) != nil {
		return nil, a.unusable(op, resp, nil)
	}
	if m.Issuer == "" {
		return nil, a.silent(op, errors.New("the discovery document names no issuer"))
	}
	return m, nil
}

// silent is the error for an authority that gives no usable answer.
func (a *authority) silent(op string, cause error) *fail.Error {
	e := fail.Wrap(fail.Unavailable, op, explain.With(explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.Token, Err: cause}), cause))
	e.Code, e.Say = CodeAuthority, fail.T("Microsoft's sign-in service does not answer at the moment. Try again in a moment.")
	return e
}

// unusable is the error for an answer that is not what was asked for; body may hold the authority's own refusal, nil for none.
func (a *authority) unusable(op string, resp *http.Response, body []byte) *fail.Error {
	x := explain.Answer{From: explain.SignIn, Doing: explain.Token, Status: resp.StatusCode}
	var r refusal
	cause := fmt.Errorf("status %d of type %s", resp.StatusCode, clean(resp.Header.Get("Content-Type")))
	if json.Unmarshal(body, &r) == nil && r.Code != "" {
		x.Code, x.Numbers, x.Ref, x.Related, cause = r.Code, append(r.Numbers, explain.Numbers(r.Description)...), clean(r.Trace), r.Related, &r
	} else if resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusTooManyRequests {
		x.Broken = "the answer is not JSON of the authority but " + clean(resp.Header.Get("Content-Type"))
	}
	e := fail.Wrap(fail.Unavailable, op, explain.With(explain.Explain(x), cause))
	e.Code, e.Ref, e.Say = CodeAuthority, x.Ref, fail.T("Microsoft's sign-in service does not answer at the moment. Try again in a moment.")
	return e
}

// tokens is the token endpoint's answer.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Life    int64  `json:"expires_in"` // seconds
	Type    string `json:"token_type"`
}

// refusal is the token endpoint's error. Code decides; the numbers only tell more.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type refusal struct {
	Code        string `json:"error"`
	Sub         string `json:"suberror"`
	Claims      string `json:"claims"`
	Description string `json:"error_description"`
	Numbers     []int  `json:"error_codes"`
	Trace       string `json:"trace_id"`
	Related     string `json:"correlation_id"`
}

func (r *refusal) Error() string {
	first, _, _ := strings.Cut(r.Description, "\r\n")
	return fmt.Sprintf("the authority refused: %s %s", clean(r.Code), clean(first))
}

// ask posts to the token endpoint with the application's own credential. The error is a *refusal inside a *fail.Error when the
// authority said no.
func (a *authority) ask(ctx context.Context, form url.Values) (*tokens, error) {
	m, err := a.metadata(ctx)
	if err != nil {
		return nil, err
	}
	form.Set("client_id", a.tenant.ClientID)
	var refused *refusal
	for _, p := range a.tenant.proofs() {
		t, r, err := a.askWith(ctx, m, form, p)
		if r == nil {
			return t, err
		}
		if refused = r; r.Code != "invalid_client" { // else the authority may not know the new one yet
			break
		}
	}
	return nil, a.translate(ctx, refused)
}

// askWith is one request with one proof of the application; a refusal is no error.
func (a *authority) askWith(ctx context.Context, m *metadata, form url.Values, with proof) (*tokens, *refusal, error) {
	const op = "access.token"
	if err := a.prove(ctx, form, m.Token, with); err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, fail.Wrap(fail.Internal, op, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, nil, a.silent(op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if errors.Is(err, errTooLong) {
		return nil, nil, badToken(err)
	}
	if err != nil {
		return nil, nil, a.silent(op, err)
	}
	if resp.StatusCode == http.StatusOK {
		t := &tokens{}
		if err := json.Unmarshal(body, t); err != nil {
			return nil, nil, a.unusable(op, resp, nil) // the decoder's words may quote a token
		}
		if t.Access == "" || !strings.EqualFold(t.Type, "Bearer") {
			return nil, nil, a.silent(op, errors.New("the token answer holds no bearer token"))
		}
		return t, nil, nil
	}
	r := &refusal{}
	if json.Unmarshal(body, r) != nil || r.Code == "" {
		return nil, nil, a.unusable(op, resp, nil)
	}
	return nil, r, nil
}

// codes are the codes of this package for what package explain finds; a cause that is not here is the authority's trouble.
var codes = map[explain.Cause]string{
	explain.MoreProof: CodeSignIn, explain.ConditionalAccess: CodeSignIn, explain.SignInOld: CodeSignIn, explain.SignInRefused: CodeSignIn, explain.SignedOut: CodeSignIn,
	explain.CodeSpent: CodeSignIn, explain.CodeForeign: CodeSignIn, explain.NotSignedIn: CodeSignIn, explain.WrongPassword: CodeSignIn, explain.PasswordExpired: CodeSignIn,
	explain.Locked: CodeSignIn, explain.Stranger: CodeSignIn,
	explain.ConsentMissing: CodeAdminNeeded, explain.AdminConsent: CodeAdminNeeded, explain.Unassigned: CodeUnassigned, explain.Disabled: CodeDisabled, explain.Declined: CodeConsent,
	explain.SecretExpired: CodeCredential, explain.SecretWrong: CodeCredential, explain.CredentialNone: CodeCredential, explain.CredentialPublic: CodeCredential,
	explain.CredentialRefused: CodeCredential, explain.CertificateUnknown: CodeCredential, explain.Federation: CodeCredential, explain.AppDisabled: CodeCredential, explain.AppMissing: CodeCredential,
	explain.Clock: CodeCredential, explain.Redirect: CodeCredential, explain.WrongTenant: CodeCredential, explain.WrongCloud: CodeCredential, explain.ScopeWrong: CodeCredential,
}

// translate gives a refusal a kind and a code, by its explanation. What the authority ended is left to the caller as CodeSignIn: what
// it means depends on what was asked.
func (a *authority) translate(ctx context.Context, r *refusal) *fail.Error {
	const op = "access.token"
	found := explain.Explain(explain.Answer{
		From: explain.SignIn, Doing: explain.SigningIn, Code: r.Code, Numbers: append(r.Numbers, explain.Numbers(r.Description)...), Claims: r.Claims != "", Ref: clean(r.Trace), Related: r.Related,
	})
	code, known := codes[found.Cause]
	e := &fail.Error{Op: op, Kind: fail.Denied, Code: code, Say: found.Say, Err: explain.With(found, r), Ref: clean(r.Trace)}
	switch {
	case r.Claims != "":
		e.Code, e.Say = CodeClaims, fail.T("Microsoft asks you to confirm who you are. Sign in again to give that proof.")
		e.Err = explain.With(found, challenged{r, &directory.Challenge{Claims: r.Claims}})
	case r.Code == "invalid_client" || r.Code == "unauthorized_client" || code == CodeCredential: // whatever the number: it is the application's matter, not the person's
		e.Kind, e.Code = fail.Unavailable, CodeCredential
		if code != CodeCredential {
			e.Say = fail.T("Microsoft did not accept Nameplate's own credential, so nobody can sign in now. Tell your administrator.")
		}
		a.s.cfg.Log.ErrorContext(ctx, "the authority refuses the application's own credential", "tenant", a.tenant.ID, "error", r.Error(), "trace", clean(r.Trace), "cause", string(found.Cause), "next", found.Next)
	case code == CodeSignIn, !known && slices.Contains([]string{"invalid_grant", "interaction_required", "login_required"}, r.Code):
		e.Code, e.Item, e.Say = CodeSignIn, ReasonRevoked, fail.T("Microsoft ended your sign-in. Sign in again to go on.")
	case !known:
		e.Kind, e.Code, e.Say = fail.Unavailable, CodeAuthority, fail.T("Microsoft's sign-in service does not answer at the moment. Try again in a moment.")
	}
	return e
}

// clean makes foreign words fit for a log and a page: no control characters, no more than 300 of them.
func clean(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		n++
		if n > 300 || r < ' ' || (r >= 0x7f && r < 0xa0) || r == 0xfffd || r == 0x2028 || r == 0x2029 || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return -1
		}
		return r
	}, s)
}
