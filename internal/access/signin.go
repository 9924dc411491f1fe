package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
)

// attempt is a sign-in that was begun. It travels sealed in the browser's own cookie, which binds it to that browser and leaves
// nothing in the store for people who never come back.
type attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Tenant   string `json:"t"`
	Next     string `json:"x"`
	At       int64  `json:"a"` // Unix seconds
	Fresh    bool   `json:"f,omitempty"`
}

const (
	maxAttempts      = 4    // sign-ins that one browser can have begun side by side
	maxAttemptCookie = 3600 // bytes; browsers keep 4096 with name and attributes
)

// Begin starts a sign-in. Nothing is stored: what Finish needs is sealed in the cookie.
func (s *Service) Begin(ctx context.Context, b Begin) (Begun, error) {
	const op = "access.begin"
	if wait, ok := s.begins.Take(b.From); !ok {
		s.event(ctx, slog.LevelWarn, "excess_rate_limit_exceeded", "what", "sign-in", "from", b.From)
		return Begun{}, throttled(op, wait)
	}
	if b.Tenant == "" && len(s.cfg.Tenants) == 1 {
		b.Tenant = s.cfg.Tenants[0].ID
	}
	a := s.authorities[b.Tenant]
	if a == nil {
		return Begun{}, fail.New(fail.Invalid, op, fail.T("Choose the organization to sign in to."))
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return Begun{}, err
	}
	claims, err := withCapabilities(b.Claims)
	if err != nil {
		return Begun{}, fail.Wrap(fail.Invalid, op, err)
	}
	try := attempt{Tenant: b.Tenant, Next: guard.Next(b.Next), At: s.cfg.Now().Unix(), Fresh: b.Fresh}
	for _, text := range []*string{&try.State, &try.Nonce, &try.Verifier} {
		if *text, err = s.secret(32); err != nil {
			return Begun{}, err
		}
	}
	cookie, err := s.sealAttempts(append(s.attempts(b.Cookie), try))
	if err != nil {
		return Begun{}, err
	}
	challenge := sha256.Sum256([]byte(try.Verifier))
	q := url.Values{
		"client_id": {a.tenant.ClientID}, "response_type": {"code"}, "response_mode": {"query"},
		"redirect_uri": {s.redirectURI()}, "scope": {s.scope(a.tenant)}, "state": {try.State}, "nonce": {try.Nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}, "claims": {claims},
	}
	if slices.Contains([]string{"select_account", "login", "consent"}, b.Prompt) {
		q.Set("prompt", b.Prompt)
	}
	if b.Fresh { // Entra heeds prompt, other authorities max_age: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
		q.Set("prompt", "login")
		q.Set("max_age", "0")
	}
	if b.Hint != "" {
		q.Set("login_hint", b.Hint)
	}
	return Begun{URL: m.Authorization + "?" + q.Encode(), Cookie: cookie}, nil
}

// redirectURI comes from the configuration only, whatever host a request names.
func (s *Service) redirectURI() string { return s.cfg.PublicURL + CallbackPath }

func (s *Service) scope(t Tenant) string {
	all := []string{"openid", "profile", "offline_access"}
	for _, p := range s.cfg.Scopes {
		all = append(all, t.Graph+"/"+p)
	}
	return strings.Join(all, " ")
}

// withCapabilities adds to a claims challenge (or to nothing) that we take claims challenges, and asks when the person signed in.
// https://learn.microsoft.com/entra/identity-platform/claims-challenge#client-capabilities
func withCapabilities(challenge string) (string, error) {
	all := map[string]any{}
	if challenge != "" {
		if len(challenge) > 4096 {
			return "", errors.New("the claims challenge is too long")
		}
		if err := json.Unmarshal([]byte(challenge), &all); err != nil || all == nil {
			return "", errors.New("the claims challenge is no JSON object")
		}
	}
	token, _ := all["access_token"].(map[string]any)
	if token == nil {
		token = map[string]any{}
	}
	token["xms_cc"] = map[string]any{"values": []string{"cp1"}}
	all["access_token"] = token
	id, _ := all["id_token"].(map[string]any)
	if id == nil {
		id = map[string]any{}
	}
	id["auth_time"] = map[string]any{"essential": true} // a sign-in that the authority remembers is not one of now
	all["id_token"] = id
	b, err := json.Marshal(all)
	return string(b), err
}

// attempts opens the attempt cookie; whatever is wrong with it, there are none.
func (s *Service) attempts(cookie string) []attempt {
	if cookie == "" || len(cookie) > 2*maxAttemptCookie {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return nil
	}
	plain, err := s.cfg.Sealer.Open("attempt", "", sealed)
	if err != nil {
		return nil
	}
	var all []attempt
	if json.Unmarshal(plain, &all) != nil {
		return nil
	}
	now := s.cfg.Now()
	return slices.DeleteFunc(all, func(a attempt) bool {
		age := now.Sub(time.Unix(a.At, 0))
		return age >= AttemptLife || age < -skew
	})
}

// sealAttempts keeps the newest ones that fit into a cookie.
func (s *Service) sealAttempts(all []attempt) (string, error) {
	for all = all[max(0, len(all)-maxAttempts):]; len(all) > 0; all = all[1:] {
		plain, err := json.Marshal(all)
		if err != nil {
			return "", fail.Wrap(fail.Internal, "access.attempt", err)
		}
		sealed, err := s.cfg.Sealer.Seal("attempt", "", plain)
		if err != nil {
			return "", fail.Wrap(fail.Internal, "access.attempt", err)
		}
		if text := base64.RawURLEncoding.EncodeToString(sealed); len(text) <= maxAttemptCookie {
			return text, nil
		}
	}
	return "", nil
}

func noAttempt(cause string) *fail.Error { return noAttemptAs(errors.New(cause)) }

func noAttemptAs(cause error) *fail.Error {
	return denied("access.finish", CodeAttempt, fail.T("This sign-in was not begun in this browser in the last ten minutes, or it was finished already. Sign in again."), cause)
}

// Finish takes the authority's answer and makes a session of it.
func (s *Service) Finish(ctx context.Context, c Callback) (Finished, error) {
	done, err := s.finish(ctx, c)
	if err != nil {
		s.event(ctx, slog.LevelWarn, "authn_login_fail", "reason", Code(err), "from", c.From, "error", err)
		return Finished{}, err
	}
	s.event(ctx, slog.LevelInfo, "authn_login_success", "userid", done.Session.Ref.String(), "session", short(done.Session.ID), "from", c.From)
	return done, nil
}

func (s *Service) finish(ctx context.Context, c Callback) (Finished, error) {
	if wait, ok := s.begins.Take(c.From); !ok {
		return Finished{}, throttled("access.finish", wait)
	}
	for name, values := range c.Query {
		if len(values) > 1 {
			return Finished{}, noAttempt("the parameter " + clean(name) + " came twice")
		}
	}
	all := s.attempts(c.Attempt)
	i := slices.IndexFunc(all, func(a attempt) bool {
		return subtle.ConstantTimeCompare([]byte(a.State), []byte(c.Query.Get("state"))) == 1
	})
	if i < 0 {
		return Finished{}, noAttempt("no attempt of this browser has that state")
	}
	try := all[i]
	a := s.authorities[try.Tenant]
	if a == nil {
		return Finished{}, noAttempt("the tenant is not configured any more")
	}
	// RFC 9207; Entra does not send it today.
	if iss := c.Query.Get("iss"); iss != "" && iss != a.tenant.Issuer() {
		return Finished{}, badToken(errors.New("iss of the answer is another issuer"))
	}
	if c.Query.Has("error") {
		return Finished{}, s.answered(ctx, a, c.Query)
	}
	code := c.Query.Get("code")
	if code == "" || len(code) > 8192 {
		return Finished{}, noAttempt("no code")
	}
	claims, err := withCapabilities("")
	if err != nil {
		return Finished{}, fail.Wrap(fail.Internal, "access.finish", err)
	}
	t, err := a.ask(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.redirectURI()},
		"code_verifier": {try.Verifier}, "scope": {s.scope(a.tenant)}, "claims": {claims},
	})
	if err != nil {
		return Finished{}, unfinished(err)
	}
	who, err := a.verify(ctx, t.ID, try.Nonce)
	if err != nil {
		return Finished{}, err
	}
	if err := s.admit(ctx, who); err != nil {
		return Finished{}, err
	}
	done, err := s.open(ctx, who, t, try, c)
	if err != nil {
		return Finished{}, err
	}
	done.Attempt, err = s.sealAttempts(slices.Delete(all, i, i+1))
	return done, err
}

// admit lets in who belongs to the pilot; where that cannot be seen, nobody.
func (s *Service) admit(ctx context.Context, who identity) error {
	pilot := s.authorities[who.Ref.Tenant].tenant.Pilot
	if len(pilot) == 0 || slices.ContainsFunc(who.Groups, func(g string) bool { return slices.Contains(pilot, g) }) {
		return nil
	}
	var in bool
	if s.cfg.Member != nil {
		var err error
		if in, err = s.cfg.Member.Of(ctx, who.Ref, pilot); err != nil {
			return err
		}
	}
	if !in {
		return denied("access.finish", CodePilot, fail.T("This portal is being tried out by a small group first, and your account is not in it yet."), nil)
	}
	return nil
}

// open makes a session: a new id, whatever cookie the browser brought.
func (s *Service) open(ctx context.Context, who identity, t *tokens, try attempt, c Callback) (Finished, error) {
	cookie, err := s.secret(32)
	if err != nil {
		return Finished{}, err
	}
	now := s.cfg.Now().UTC()
	row := Row{SID: who.SID, Session: Session{
		ID: hashed(cookie), Ref: who.Ref, Name: who.Name, UPN: who.UPN, Guest: who.Guest, Roles: who.Roles, Groups: who.Groups, From: clean(c.From),
		SignedIn: who.SignedIn, Began: now, Seen: now, Checked: now, FinalEnd: now.Add(s.cfg.Absolute),
	}}
	if row.SignedIn.IsZero() && try.Fresh {
		row.SignedIn = now
	}
	row.IdleEnd = earlier(now.Add(s.cfg.Idle), row.FinalEnd)
	sealed, err := s.sealTokens(row.ID, held{Access: t.Access, Refresh: t.Refresh, Until: expiry(now, t)})
	if err != nil {
		return Finished{}, err
	}
	used := sha256.Sum256([]byte(try.State))
	err = s.cfg.Store.SignIn(ctx, SignIn{
		Attempt: hex.EncodeToString(used[:]), AttemptEnd: time.Unix(try.At, 0).Add(AttemptLife + skew),
		Row: row, Sealed: sealed, Replaces: hashedOrNone(c.Session),
	})
	if fail.Is(err, fail.Exists) {
		s.event(ctx, slog.LevelWarn, "authn_token_reuse", "userid", who.Ref.String(), "from", c.From)
		return Finished{}, noAttempt("the attempt was used before")
	}
	if err != nil {
		return Finished{}, err
	}
	stored, err := s.cfg.Store.Session(ctx, row.ID, now)
	if err != nil {
		return Finished{}, err
	}
	s.event(ctx, slog.LevelInfo, "session_created", "userid", who.Ref.String(), "session", short(row.ID), "from", c.From)
	return Finished{Cookie: cookie, Session: stored.Session, Next: try.Next}, nil
}

// answered is an error that the authority sent the browser back with.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-authorization-endpoint-errors
func (s *Service) answered(ctx context.Context, a *authority, q url.Values) error {
	r := &refusal{Code: q.Get("error"), Sub: q.Get("error_subcode"), Description: q.Get("error_description"), Claims: q.Get("claims")}
	r.Trace, r.Related = explain.IDs(r.Description)
	return unfinished(a.translate(ctx, r))
}

// unfinished says of a sign-in that did not come about what is said elsewhere of one that has ended.
func unfinished(err error) error {
	var e *fail.Error
	if !errors.As(err, &e) || e.Code != CodeSignIn {
		return err
	}
	e.Say = fail.T("The sign-in could not be finished. Sign in again.")
	switch found, _ := explain.Of(err); found.Cause {
	case explain.CodeSpent, explain.CodeForeign: // the code is used, expired, or belongs to another attempt
		return noAttemptAs(err)
	case explain.ConditionalAccess, explain.Stranger, explain.Locked, explain.PasswordExpired:
		e.Say = found.Say
	}
	return e
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
