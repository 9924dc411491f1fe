package access

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
)

// Service signs people in and keeps their sessions. Safe for concurrent use.
type Service struct {
	cfg         Config
	authorities map[string]*authority // by tenant id
	secure      bool
	begins      *guard.Limiter
	guesses     *guard.Limiter
	flights     flights
	mu          sync.Mutex
	askAgain    map[string]time.Time // session -> when Live may be asked again after it could not tell
	confirmed   map[string]time.Time // session -> when somebody else read that the account is enabled
}

// skew is how far our clock and the authority's may be apart.
const skew = 5 * time.Minute

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// New checks the configuration and names everything that is wrong with it at once (fail.Invalid with Fields). It asks nobody.
func New(cfg Config) (*Service, error) {
	cfg.Idle = cmp.Or(cfg.Idle, time.Hour)
	cfg.Absolute = cmp.Or(cfg.Absolute, 12*time.Hour)
	cfg.Recheck = cmp.Or(cfg.Recheck, 5*time.Minute)
	if cfg.Scopes == nil {
		cfg.Scopes = []string{"User.Read", "User.ReadWrite"}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil || cfg.Random == nil || cfg.Store == nil || cfg.Sealer == nil || cfg.HTTP == nil {
		return nil, fail.New(fail.Internal, "access.new", fail.T("Signing in was set up without a clock, randomness, store, key or HTTP client."))
	}
	cfg.Tenants = slices.Clone(cfg.Tenants)
	var problems []fail.Problem
	bad := func(field, code string, say fail.Text) {
		problems = append(problems, fail.Problem{Field: field, Code: code, Say: say})
	}
	public, scheme, ok := checkOrigin(cfg.PublicURL)
	if !ok {
		bad("public_url", "not_allowed", fail.T("The public address has to be https://host, without a path; http is only for localhost and 127.0.0.1. It is %s.", cfg.PublicURL))
	}
	cfg.PublicURL = public
	if len(cfg.Tenants) == 0 {
		bad("tenants", "required", fail.T("Name at least one organization whose people may sign in."))
	}
	s := &Service{cfg: cfg, authorities: map[string]*authority{}, secure: scheme == "https", askAgain: map[string]time.Time{}, confirmed: map[string]time.Time{}}
	for i := range cfg.Tenants {
		t := &cfg.Tenants[i]
		at := fmt.Sprintf("tenants[%d].", i)
		if !guid.MatchString(t.ID) {
			bad(at+"id", "not_allowed", fail.T("The tenant is named by its directory (tenant) ID, such as 11111111-2222-3333-4444-555555555555 in lower case; a domain name does not do here."))
		}
		if s.authorities[t.ID] != nil {
			bad(at+"id", "duplicate", fail.T("The tenant %s is named twice.", t.ID))
		}
		if t.Authority, _, ok = checkOrigin(t.Authority); !ok {
			bad(at+"authority", "not_allowed", fail.T("The authority has to be an origin such as https://login.microsoftonline.com; http is only for localhost and 127.0.0.1."))
		}
		t.Graph = cmp.Or(t.Graph, "https://graph.microsoft.com")
		if t.Graph, _, ok = checkOrigin(t.Graph); !ok {
			bad(at+"graph", "not_allowed", fail.T("Graph has to be an origin such as https://graph.microsoft.com; http is only for localhost and 127.0.0.1."))
		}
		if !guid.MatchString(strings.ToLower(t.ClientID)) {
			bad(at+"client_id", "not_allowed", fail.T("The application is named by its application (client) ID, such as 11111111-2222-3333-4444-555555555555."))
		}
		if t.Certificate != nil && t.Certificates == nil {
			t.Certificates = func() []*Certificate { return []*Certificate{t.Certificate} }
		}
		if t.Secret != "" && t.Secrets == nil {
			t.Secrets = func() []string { return []string{t.Secret} }
		}
		proofs := 0
		for _, given := range []bool{t.Secrets != nil, t.Certificates != nil, t.Assertion != nil} {
			if given {
				proofs++
			}
		}
		if proofs != 1 {
			bad(at+"secret", "not_allowed", fail.T("Give the application one credential: a client secret, a certificate or a federated token."))
		}
		if t.Certificates != nil {
			if say := t.Certificates()[0].problem(cfg.Now()); !say.Zero() {
				bad(at+"certificate", "not_allowed", say)
			}
		}
		s.authorities[t.ID] = newAuthority(s, *t)
	}
	if len(problems) > 0 {
		return nil, &fail.Error{Op: "access.new", Kind: fail.Invalid, Say: fail.T("Signing in cannot work with these settings."), Fields: problems}
	}
	s.begins, s.guesses = guard.NewLimiter(perNetwork, cfg.Now), guard.NewLimiter(perNetwork, cfg.Now)
	return s, nil
}

// perNetwork is how often one network may try: a company behind one address signs in all at once in the morning.
var perNetwork = guard.Rate{Burst: 300, PerSecond: 5}

// checkOrigin takes scheme, host and port; http only where nobody is in between.
func checkOrigin(raw string) (origin, scheme string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return "", "", false
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !loopback(u.Hostname()) {
			return "", "", false
		}
	default:
		return "", "", false
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), u.Scheme, true
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (c *Certificate) problem(now time.Time) fail.Text {
	if c.Leaf == nil || c.Key == nil {
		return fail.T("The certificate or its private key is missing.")
	}
	public, ok := c.Key.Public().(*rsa.PublicKey)
	switch {
	case !ok:
		return fail.T("The certificate's key has to be an RSA key.")
	case !public.Equal(c.Leaf.PublicKey):
		return fail.T("The private key does not belong to the certificate. Put both of one pair into the file.")
	case now.After(c.Leaf.NotAfter):
		return fail.T("The certificate has expired on %s. Register a new one and name its file.", c.Leaf.NotAfter)
	}
	return fail.Text{}
}

// Check returns only reasons not to start: fail.Invalid with CodeKey when the key does not fit the store, with CodeMixed when an
// authority's metadata name another issuer, and a store that does not answer. An authority that does not answer is logged, and
// asked again when somebody signs in.
func (s *Service) Check(ctx context.Context) error {
	if err := s.checkKey(ctx); err != nil {
		return err
	}
	for _, t := range s.cfg.Tenants {
		_, err := s.authorities[t.ID].metadata(ctx)
		switch {
		case Code(err) == CodeMixed:
			return err
		case err != nil:
			s.cfg.Log.WarnContext(ctx, "the authority does not answer yet", "tenant", t.ID, "error", err)
		}
	}
	return nil
}

func (s *Service) checkKey(ctx context.Context) error {
	ids, err := s.cfg.Store.KeyIDs(ctx)
	if err != nil {
		return err
	}
	if len(ids) > 0 && !slices.ContainsFunc(ids, s.cfg.Sealer.Has) {
		e := fail.New(fail.Invalid, "access.check", fail.T("The database was used with another key than the one in the key file. Put the right key file in its place; nothing was changed. Without it people's sign-ins in the database are lost: start with an empty database or restore both from one backup."))
		e.Code = CodeKey
		return e
	}
	if slices.Contains(ids, s.cfg.Sealer.KeyID()) {
		return nil
	}
	return s.cfg.Store.AddKeyID(ctx, s.cfg.Sealer.KeyID())
}

// Cookies are the names of the cookies.
func (s *Service) Cookies() Cookies {
	if s.secure {
		return Cookies{Session: "__Host-nameplate", Attempt: "__Host-nameplate-attempt", Secure: true}
	}
	return Cookies{Session: "nameplate", Attempt: "nameplate-attempt"}
}

// Seen is what the person's profile held when they last looked: Ref, Values, At. fail.NotFound on a first visit.
func (s *Service) Seen(ctx context.Context, ref directory.Ref) (directory.User, error) {
	return s.cfg.Store.Seen(ctx, ref)
}

// PutSeen notes what a person sees now.
func (s *Service) PutSeen(ctx context.Context, u directory.User) error {
	return s.cfg.Store.PutSeen(ctx, u)
}

// Settings are what a person chose for themselves; zero when nothing.
func (s *Service) Settings(ctx context.Context, ref directory.Ref) (Settings, error) {
	return s.cfg.Store.Settings(ctx, ref)
}

// PutSettings keeps what a person chose.
func (s *Service) PutSettings(ctx context.Context, ref directory.Ref, v Settings) error {
	return s.cfg.Store.PutSettings(ctx, ref, v)
}

// Sweep forgets what has expired; to be called every few minutes by one process.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	for id, t := range s.askAgain {
		if now.After(t) {
			delete(s.askAgain, id)
		}
	}
	for id, t := range s.confirmed {
		if now.Sub(t) >= s.cfg.Recheck {
			delete(s.confirmed, id)
		}
	}
	s.mu.Unlock()
	return s.cfg.Store.Sweep(ctx, now)
}

// secret is n random bytes as text for a cookie or an address.
func (s *Service) secret(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return "", fail.Wrap(fail.Internal, "access.random", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// event logs by the names of https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html
func (s *Service) event(ctx context.Context, level slog.Level, name string, attrs ...any) {
	s.cfg.Log.Log(ctx, level, name, append([]any{slog.String("event", name)}, attrs...)...)
}

func denied(op, code string, say fail.Text, cause error) *fail.Error {
	return &fail.Error{Op: op, Kind: fail.Denied, Code: code, Say: say, Err: cause}
}

// ended is the error for a session that is no more.
func ended(reason string) *fail.Error {
	e := denied("access.session", CodeSignIn, fail.T("You are not signed in. Sign in to go on."), nil)
	e.Item = reason
	switch reason {
	case ReasonIdle:
		e.Say = fail.T("You were signed out because nothing happened for a while. Sign in again to go on.")
	case ReasonAbsolute:
		e.Say = fail.T("You were signed out because you had been signed in for a long time. Sign in again to go on.")
	case ReasonDisabled:
		e.Code, e.Say = CodeDisabled, fail.T("Your account is disabled. Ask your administrator.")
	case ReasonRevoked:
		e.Say = fail.T("Microsoft ended your sign-in. Sign in again to go on.")
	}
	return e
}

func throttled(op string, wait time.Duration) *fail.Error {
	return &fail.Error{
		Op: op, Kind: fail.Throttled, Code: CodeMany, Retry: wait,
		Say: fail.T("There were too many attempts from your network. Wait a moment and try again."),
	}
}

// plainClient is a client that neither follows a redirect nor keeps cookies: what it sends is for one address only.
func plainClient(c *http.Client) *http.Client {
	p := *c
	p.Jar = nil
	p.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if p.Timeout == 0 {
		p.Timeout = 20 * time.Second
	}
	return &p
}

func isNotFound(err error) bool {
	var e *fail.Error
	return errors.As(err, &e) && e.Kind == fail.NotFound
}
