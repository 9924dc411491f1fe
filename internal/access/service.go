package access

import (
	"context"
	"net/url"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Service signs people in and keeps their sessions. Safe for concurrent use.
type Service struct{ cfg Config }

// New checks the configuration and names everything that is wrong with it at once (fail.Invalid with Fields). It asks nobody.
func New(cfg Config) (*Service, error) { return &Service{cfg}, nil }

// Check asks each authority for its metadata and the store whether the key fits. fail.Invalid (CodeMixed, CodeKey) is a reason
// not to start; fail.Unavailable is not, the metadata are asked for again when somebody signs in.
func (s *Service) Check(ctx context.Context) error { return nil }

// Cookies are the names of the cookies.
func (s *Service) Cookies() Cookies { return Cookies{} }

// Begin starts a sign-in. Nothing is stored: what Finish needs is sealed in the cookie.
func (s *Service) Begin(ctx context.Context, b Begin) (Begun, error) { return Begun{}, unbuilt }

// Finish takes the authority's answer and makes a session of it.
func (s *Service) Finish(ctx context.Context, c Callback) (Finished, error) {
	return Finished{}, unbuilt
}

// Session finds the session of a cookie value; else Denied with CodeSignIn or CodeDisabled, or Throttled with CodeMany.
func (s *Service) Session(ctx context.Context, cookie, from string) (Session, error) {
	return Session{}, unbuilt
}

// SignOut ends the session of a cookie value and returns where to send the browser, so that the authority signs it out too.
func (s *Service) SignOut(ctx context.Context, cookie string) (redirect string, err error) {
	return "", unbuilt
}

// FrontChannel ends the sessions that the authority's front-channel logout names (sid, iss) and says how many.
func (s *Service) FrontChannel(ctx context.Context, q url.Values) (int, error) { return 0, unbuilt }

// Token is a person's own access token for Graph, fresh for at least a minute; session is Session.ID.
func (s *Service) Token(ctx context.Context, session string) (string, error) { return "", unbuilt }

// EndPerson ends every session of a person, for an account that was found disabled.
func (s *Service) EndPerson(ctx context.Context, ref directory.Ref) error { return unbuilt }

// Stash seals a form whose session has ended (or must sign in again for a claims challenge) and keeps it for StashLife. cookie
// is the session cookie that came with the form; one that never named a session is refused with CodeSignIn.
func (s *Service) Stash(ctx context.Context, cookie string, f Form) error { return unbuilt }

// Unstash takes the form that waits for this session (Session.Recovered is its path). It can be taken once; fail.NotFound.
func (s *Service) Unstash(ctx context.Context, session Session) (Form, error) { return Form{}, unbuilt }

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
func (s *Service) Sweep(ctx context.Context) (int, error) { return s.cfg.Store.Sweep(ctx, s.cfg.Now()) }

var unbuilt = fail.New(fail.Unsupported, "access", fail.T("Signing in is not built yet."))
