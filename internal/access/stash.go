package access

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"nameplate/internal/fail"
	"nameplate/internal/guard"
)

// maxForm is the largest form that is kept, in bytes of JSON.
const maxForm = 256 << 10

// stashed is what is sealed of a form.
type stashed struct {
	Path   string     `json:"p"`
	Values url.Values `json:"v"`
	At     time.Time  `json:"t"`
}

// Stash seals a form whose session has ended (or must sign in again for a claims challenge) and keeps it for StashLife. cookie
// is the session cookie that came with the form: whoever never was signed in is refused with CodeSignIn, so nobody can fill the
// store. After the next sign-in in that browser the form is the new session's, if it is the same person's; else it is dropped.
func (s *Service) Stash(ctx context.Context, cookie string, f Form) error {
	const op = "access.stash"
	id := hashedOrNone(cookie)
	if id == "" {
		return ended(ReasonNone)
	}
	now := s.cfg.Now().UTC()
	row, err := s.cfg.Store.Session(ctx, id, now)
	if isNotFound(err) {
		return ended(ReasonNone)
	}
	if err != nil {
		return err
	}
	if row.Why == ReasonDisabled || row.Why == ReasonReplaced {
		return ended(row.Why)
	}
	f.Path = guard.Next(f.Path)
	plain, err := json.Marshal(stashed(f))
	if err != nil {
		return fail.Wrap(fail.Internal, op, err)
	}
	if len(plain) > maxForm {
		return fail.New(fail.Invalid, op, fail.T("The text is too long to be kept during a sign-in. Copy it before you sign in again."))
	}
	sealed, err := s.cfg.Sealer.Seal("form", row.Ref.String(), plain)
	if err != nil {
		return fail.Wrap(fail.Internal, op, err)
	}
	return s.cfg.Store.PutStash(ctx, Stashed{Session: id, Ref: row.Ref, Path: f.Path, Sealed: sealed, Until: now.Add(StashLife)})
}

// Unstash takes the form that waits for this session (Session.Recovered is its path). It can be taken once; fail.NotFound.
func (s *Service) Unstash(ctx context.Context, session Session) (Form, error) {
	kept, err := s.cfg.Store.TakeStash(ctx, session.ID, s.cfg.Now())
	if err != nil {
		return Form{}, err
	}
	kept.Ref = session.Ref // nobody else's form opens
	return s.Opened(kept)
}

// Opened is a form that is kept, readable. NotFound: it was sealed with a key that is not known any more.
func (s *Service) Opened(kept Stashed) (Form, error) {
	var v stashed
	plain, err := s.cfg.Sealer.Open("form", kept.Ref.String(), kept.Sealed)
	if err == nil {
		err = json.Unmarshal(plain, &v)
	}
	if err != nil {
		e := fail.Wrap(fail.NotFound, "access.unstash", err)
		e.Say = fail.T("The text that you had typed could not be kept.")
		return Form{}, e
	}
	return Form(v), nil
}
