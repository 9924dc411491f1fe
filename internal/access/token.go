package access

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"time"

	"nameplate/internal/fail"
)

// fresh is how long a token that Token returns is good for at least.
const fresh = time.Minute

// held is what is sealed for a session.
type held struct {
	Access  string    `json:"a"`
	Refresh string    `json:"r,omitempty"`
	Until   time.Time `json:"u"`
}

func expiry(now time.Time, t *tokens) time.Time {
	return now.Add(time.Duration(min(max(t.Life, 0), 48*3600)) * time.Second)
}

func (s *Service) sealTokens(session string, h held) ([]byte, error) {
	plain, err := json.Marshal(h)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "access.seal", err)
	}
	sealed, err := s.cfg.Sealer.Seal("tokens", session, plain)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "access.seal", err)
	}
	return sealed, nil
}

// Token is a person's own access token for Graph, good for at least a minute; session is Session.ID. spent is one that Graph has just
// refused, "" for none: another one comes, however long the first was good for by our clock. It is renewed by its refresh token,
// once for all who ask at the same time. Errors: Denied with CodeSignIn or CodeDisabled (the session has ended), with
// CodeClaims (Challenge gives the claims; the session lives); Unavailable with CodeAuthority or CodeCredential.
func (s *Service) Token(ctx context.Context, session, spent string) (string, error) {
	h, _, err := s.held(ctx, session)
	if err != nil {
		return "", err
	}
	if h.Access != spent && s.cfg.Now().Add(fresh).Before(h.Until) {
		return h.Access, nil
	}
	f := s.flights.do("token "+session, func() (string, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return s.renew(ctx, session, spent)
	})
	select {
	case <-f.done:
		return f.text, f.err
	case <-ctx.Done():
		return "", fail.Wrap(fail.Unavailable, "access.token", ctx.Err())
	}
}

// held opens a living session's tokens.
func (s *Service) held(ctx context.Context, session string) (held, int64, error) {
	var h held
	sealed, version, err := s.cfg.Store.Tokens(ctx, session)
	if isNotFound(err) {
		return h, 0, ended(ReasonNone)
	}
	if err != nil {
		return h, 0, err
	}
	plain, err := s.cfg.Sealer.Open("tokens", session, sealed)
	if err == nil {
		err = json.Unmarshal(plain, &h)
	}
	if err != nil {
		// A key that was taken away, or a value that somebody moved: either way nobody is signed in by it.
		s.event(ctx, slog.LevelError, "authn_token_revoked", "session", short(session), "reason", "its sealed text cannot be opened")
		if err := s.cfg.Store.End(ctx, session, ReasonRevoked, s.cfg.Now()); err != nil {
			return h, 0, err
		}
		return h, 0, ended(ReasonRevoked)
	}
	return h, version, nil
}

// renew gets a new token unless another process has done so meanwhile.
func (s *Service) renew(ctx context.Context, session, spent string) (string, error) {
	h, version, err := s.held(ctx, session)
	if err != nil {
		return "", err
	}
	now := s.cfg.Now().UTC()
	if h.Access != spent && now.Add(fresh).Before(h.Until) {
		return h.Access, nil
	}
	row, err := s.cfg.Store.Session(ctx, session, now)
	if err != nil {
		return "", err
	}
	a := s.authorities[row.Ref.Tenant]
	if a == nil || h.Refresh == "" {
		return "", s.close(ctx, row, ReasonRevoked)
	}
	claims, err := withCapabilities("")
	if err != nil {
		return "", fail.Wrap(fail.Internal, "access.token", err)
	}
	t, err := a.ask(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.Refresh}, "scope": {s.scope(a.tenant)}, "claims": {claims}})
	switch Code(err) {
	case "":
	case CodeSignIn, CodeAdminNeeded, CodeUnassigned:
		s.event(ctx, slog.LevelWarn, "authn_token_revoked", "userid", row.Ref.String(), "session", short(session), "error", err)
		return "", s.close(ctx, row, ReasonRevoked)
	case CodeDisabled:
		return "", s.disabled(ctx, row.Ref)
	default:
		if h.Access != spent && now.Before(h.Until) && fail.Is(err, fail.Unavailable) {
			return h.Access, nil // a little life is left in it
		}
		return "", err
	}
	if err != nil {
		return "", err
	}
	next := held{Access: t.Access, Refresh: t.Refresh, Until: expiry(now, t)}
	if next.Refresh == "" {
		next.Refresh = h.Refresh
	}
	sealed, err := s.sealTokens(session, next)
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.PutTokens(ctx, session, version, sealed)
	switch {
	case isNotFound(err):
		return "", ended(ReasonNone) // signed out meanwhile
	case fail.Is(err, fail.Conflict):
		// Another process renewed it at the same time; both tokens are good, and its refresh token is kept.
	case err != nil:
		// The token is good all the same, and the refresh token that is kept stays valid after its use.
		// https://learn.microsoft.com/entra/identity-platform/refresh-tokens#token-lifetime
		s.cfg.Log.WarnContext(ctx, "a renewed token could not be kept", "session", short(session), "error", err)
	}
	s.event(ctx, slog.LevelDebug, "session_renewed", "userid", row.Ref.String(), "session", short(session))
	return next.Access, nil
}
