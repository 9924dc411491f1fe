package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// seenEvery is how often a session's last use is written down.
const seenEvery = time.Minute

// liveTries is how many times as old as Recheck the last good check may become while the directory does not answer.
const liveTries = 3

// hashed is what the store knows of a session id.
func hashed(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:])
}

// hashedOrNone is "" for what cannot be a cookie of ours, so that nobody asks the store for it.
func hashedOrNone(cookie string) string {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || len(b) != 32 {
		return ""
	}
	return hashed(cookie)
}

// short is enough of a hash to follow a session through a log.
func short(id string) string { return id[:min(len(id), 12)] }

// Session finds the session of a cookie value; else Denied with CodeSignIn or CodeDisabled, or Throttled with CodeMany.
func (s *Service) Session(ctx context.Context, cookie, from string) (Session, error) {
	if cookie == "" {
		return Session{}, ended(ReasonNone)
	}
	return s.session(ctx, hashedOrNone(cookie), from)
}

// session finds a session by the hash of its secret; "" is one that cannot be.
func (s *Service) session(ctx context.Context, id, from string) (Session, error) {
	if id == "" {
		return Session{}, s.unknown(ctx, from)
	}
	now := s.cfg.Now().UTC()
	row, err := s.cfg.Store.Session(ctx, id, now)
	if isNotFound(err) {
		return Session{}, s.unknown(ctx, from)
	}
	if err != nil {
		return Session{}, err
	}
	if !row.Ended.IsZero() {
		s.event(ctx, slog.LevelInfo, "session_use_after_expire", "userid", row.Ref.String(), "session", short(id), "reason", row.Why, "from", from)
		return Session{}, ended(row.Why)
	}
	switch {
	case s.authorities[row.Ref.Tenant] == nil:
		return Session{}, s.close(ctx, row, ReasonRevoked)
	case !now.Before(row.FinalEnd):
		return Session{}, s.close(ctx, row, ReasonAbsolute)
	case !now.Before(row.IdleEnd):
		return Session{}, s.close(ctx, row, ReasonIdle)
	}
	checked, err := s.live(ctx, row, now)
	if err != nil {
		return Session{}, err
	}
	if now.Sub(row.Seen) >= seenEvery || checked.After(row.Checked) {
		row.Seen, row.Checked = now, checked
		row.IdleEnd = earlier(now.Add(s.cfg.Idle), row.FinalEnd)
		if err := s.cfg.Store.Touch(ctx, id, row.Seen, row.IdleEnd, row.Checked); err != nil {
			// With a full disk people can still look; the session then ends when it would have without this request.
			s.cfg.Log.WarnContext(ctx, "the use of a session could not be written down", "session", short(id), "error", err)
		}
	}
	return row.Session, nil
}

// unknown counts cookies that name nothing, so that guessing soon ends.
func (s *Service) unknown(ctx context.Context, from string) error {
	if wait, ok := s.guesses.Take(from); !ok {
		s.event(ctx, slog.LevelWarn, "excess_rate_limit_exceeded", "what", "session", "from", from)
		return throttled("access.session", wait)
	}
	return ended(ReasonNone)
}

// close ends a session and returns what to tell its browser.
func (s *Service) close(ctx context.Context, row Row, reason string) error {
	if err := s.cfg.Store.End(ctx, row.ID, reason, s.cfg.Now()); err != nil {
		return err
	}
	s.event(ctx, slog.LevelInfo, "session_expired", "userid", row.Ref.String(), "session", short(row.ID), "reason", reason)
	return ended(reason)
}

// live looks whether the account is still enabled, when that was last known too long ago. While the directory does not answer,
// the last answer counts a little longer, and the directory is asked again every half minute only.
func (s *Service) live(ctx context.Context, row Row, now time.Time) (time.Time, error) {
	known := row.Checked
	s.mu.Lock()
	if t := s.confirmed[row.ID]; t.After(known) {
		known = t
	}
	s.mu.Unlock()
	age := now.Sub(known)
	if s.cfg.Live == nil || age < s.cfg.Recheck {
		return row.Checked, nil
	}
	s.mu.Lock()
	wait := now.Before(s.askAgain[row.ID])
	s.mu.Unlock()
	var err error
	if wait {
		err = fail.New(fail.Unavailable, "access.live", fail.T("The directory does not answer."))
	} else {
		var enabled bool
		if enabled, err = s.enabled(ctx, row.Ref); err == nil {
			if enabled {
				return now, nil
			}
			return now, s.disabled(ctx, row.Ref)
		}
		s.mu.Lock()
		s.askAgain[row.ID] = now.Add(30 * time.Second)
		s.mu.Unlock()
		s.cfg.Log.WarnContext(ctx, "cannot tell whether the account is enabled", "userid", row.Ref.String(), "error", err)
	}
	if age < liveTries*s.cfg.Recheck {
		return row.Checked, nil
	}
	e := fail.Wrap(fail.Unavailable, "access.live", err)
	e.Retry = 30 * time.Second
	e.Say = fail.T("The directory has not answered for a while, so nothing can be shown or changed now. Try again in a moment.")
	return now, e
}

// Confirm notes that the account of a session's person was read as enabled at a time, so that nobody has to be asked for it; session
// is Session.ID. A page that shows the person has read it anyway.
func (s *Service) Confirm(session string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed[session] = at
}

// enabled asks the directory, once for all requests of a person that wait for it.
func (s *Service) enabled(ctx context.Context, ref directory.Ref) (bool, error) {
	f := s.flights.do("live "+ref.String(), func() (string, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		on, err := s.cfg.Live.Enabled(ctx, ref)
		if isNotFound(err) || (err == nil && !on) {
			return "no", nil
		}
		return "yes", err
	})
	select {
	case <-f.done:
		return f.text == "yes", f.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *Service) disabled(ctx context.Context, ref directory.Ref) error {
	if err := s.EndPerson(ctx, ref); err != nil {
		return err
	}
	return ended(ReasonDisabled)
}

// EndPerson ends every session of a person, for an account that was found disabled.
func (s *Service) EndPerson(ctx context.Context, ref directory.Ref) error {
	n, err := s.cfg.Store.EndPerson(ctx, ref, ReasonDisabled, s.cfg.Now())
	if err == nil {
		s.event(ctx, slog.LevelWarn, "session_expired", "userid", ref.String(), "reason", ReasonDisabled, "sessions", n)
	}
	return err
}

// SignOut ends the session of a cookie value and returns where to send the browser, so that the authority signs it out too; ""
// when no authority is known for it. A cookie that names nothing is no error.
func (s *Service) SignOut(ctx context.Context, cookie string) (redirect string, err error) {
	tenant := ""
	if len(s.cfg.Tenants) == 1 {
		tenant = s.cfg.Tenants[0].ID
	}
	if id := hashedOrNone(cookie); id != "" {
		row, err := s.cfg.Store.Session(ctx, id, s.cfg.Now())
		if err != nil && !isNotFound(err) {
			return "", err
		}
		if err == nil {
			tenant = row.Ref.Tenant
			if err := s.cfg.Store.End(ctx, id, ReasonSignedOut, s.cfg.Now()); err != nil {
				return "", err
			}
			s.event(ctx, slog.LevelInfo, "authn_token_delete", "userid", row.Ref.String(), "session", short(id), "reason", ReasonSignedOut)
		}
	}
	a := s.authorities[tenant]
	if a == nil {
		return "", nil
	}
	m, err := a.metadata(ctx)
	if err != nil || m.EndSession == "" {
		return "", nil // signed out here; the authority's own page is out of reach
	}
	return m.EndSession + "?" + url.Values{"post_logout_redirect_uri": {s.cfg.PublicURL + SignedOutPath}}.Encode(), nil
}

// SignedOutPath is where the authority sends the browser after its own sign-out; it is registered like CallbackPath.
const SignedOutPath = "/signed-out"

// FrontChannel ends the sessions that the authority's front-channel logout names (sid, iss) and says how many. Whoever knows a
// sid can end its sessions; nobody but the authority, the browser and we do.
func (s *Service) FrontChannel(ctx context.Context, q url.Values) (int, error) {
	sid, iss := q.Get("sid"), q.Get("iss")
	if sid == "" || len(sid) > 200 {
		return 0, nil
	}
	n := 0
	for _, t := range s.cfg.Tenants {
		if iss != "" && iss != t.Issuer() {
			continue
		}
		ended, err := s.cfg.Store.EndSID(ctx, t.ID, sid, ReasonSignedOut, s.cfg.Now())
		if err != nil {
			return n, err
		}
		n += ended
	}
	if n > 0 {
		s.event(ctx, slog.LevelInfo, "authn_token_delete", "reason", "front-channel", "sessions", n)
	}
	return n, nil
}
