package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// A program on a person's own computer, the command line, signs in through the person's browser. It makes a secret that never leaves
// it before it opens something, and shows a link with the hash of it; the person signs in as always, looks at what asks, and a session
// with that hash is made. So nobody needs to be asked in advance, nothing is stored for who only asks, and there is no second way
// through the authority: docs/decisions says why.

// ProgramPrefix begins the secret of a program's session, so that scanners of repositories and logs find one.
const ProgramPrefix = "nps_"

// ConnectPath is the page on which people sign their programs in; its parameter ask is a signed Ask.
const ConnectPath = "/connect"

// AskLife is how long a program's question waits for its person.
const AskLife = 10 * time.Minute

// Ask is a program's question whether it may act as somebody.
type Ask struct {
	Challenge string // SHA-256 of the secret, in hex
	Name      string // what it calls itself: the computer
	From      string // network address that it asked from
	At        time.Time
}

var challenge = regexp.MustCompile(`^[0-9a-f]{64}$`)

// NewAsk is the question of a program; Invalid when it is none.
func NewAsk(hash, name, from string, at time.Time) (Ask, error) {
	if !challenge.MatchString(hash) {
		return Ask{}, fail.New(fail.Invalid, "access.ask", fail.T("The challenge is the SHA-256 of the secret, in lower-case hex."))
	}
	name = clean(strings.TrimSpace(name))
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60])
	}
	return Ask{hash, cmp.Or(name, "?"), clean(from), at.UTC().Truncate(time.Second)}, nil
}

// askMark begins the text of a question, so that nothing else that is signed here is one.
const askMark = "ask"

// Text is the question as one text, to be signed and sent along; AskOf reads it back.
func (a Ask) Text() string {
	return strings.Join([]string{askMark, a.Challenge, a.At.Format(time.RFC3339), a.From, a.Name}, "\x00")
}

// AskOf reads the text of a question; false for any other text.
func AskOf(text string) (Ask, bool) {
	parts := strings.Split(text, "\x00")
	if len(parts) != 5 || parts[0] != askMark {
		return Ask{}, false
	}
	at, err := time.Parse(time.RFC3339, parts[2])
	if err != nil {
		return Ask{}, false
	}
	a, err := NewAsk(parts[1], parts[4], parts[3], at)
	return a, err == nil
}

// Code is what the program shows and its person types: whoever sends a link to somebody else has to get them to type this as well.
func (a Ask) Code() string {
	sum := sha256.Sum256([]byte("nameplate code " + a.Challenge))
	s := base32.NewEncoding("BCDFGHJKLMNPQRSTVWXZ23456789AEUY").EncodeToString(sum[:5])
	return s[:4] + "-" + s[4:]
}

// Typed says whether a text is the code, however it is written.
func (a Ask) Typed(text string) bool {
	letters := func(s string) string {
		return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(s))
	}
	return letters(text) == letters(a.Code())
}

// NewProgramSecret makes a program's secret, and the challenge to ask with.
func NewProgramSecret(random io.Reader) (secret, hash string, err error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", "", fail.Wrap(fail.Internal, "access.program", err)
	}
	secret = ProgramPrefix + base64.RawURLEncoding.EncodeToString(b)
	return secret, hashed(secret), nil
}

// Connect signs in the program that asked, as the person of a living session (Session.ID), with the same roles and tokens, and for no
// longer than any session. Each question is answered once: Invalid with Code "asked" when it is too old or was answered before.
func (s *Service) Connect(ctx context.Context, session string, ask Ask) (Session, error) {
	const op = "access.connect"
	asked := fail.New(fail.Invalid, op, fail.T("This link has been used or is older than ten minutes. Type nameplate login once more."))
	asked.Code = "asked"
	now := s.cfg.Now().UTC()
	if age := now.Sub(ask.At); age >= AskLife || age < -skew || !challenge.MatchString(ask.Challenge) {
		return Session{}, asked
	}
	switch _, err := s.cfg.Store.Session(ctx, ask.Challenge, now); {
	case err == nil: // also one that has ended: it does not come back
		return Session{}, asked
	case !isNotFound(err):
		return Session{}, err
	}
	row, err := s.cfg.Store.Session(ctx, session, now)
	if err != nil {
		return Session{}, err
	}
	h, _, err := s.held(ctx, session)
	if err != nil {
		return Session{}, err
	}
	row.ID, row.Program, row.From, row.Recovered = ask.Challenge, ask.Name, ask.From, ""
	row.Began, row.Seen, row.FinalEnd = now, now, now.Add(s.cfg.Absolute)
	row.IdleEnd = earlier(now.Add(s.cfg.Idle), row.FinalEnd)
	sealed, err := s.sealTokens(row.ID, h)
	if err != nil {
		return Session{}, err
	}
	err = s.cfg.Store.SignIn(ctx, SignIn{Attempt: row.ID, AttemptEnd: ask.At.Add(AskLife + skew), Row: row, Sealed: sealed})
	if fail.Is(err, fail.Exists) {
		return Session{}, asked
	}
	if err != nil {
		return Session{}, err
	}
	s.event(ctx, slog.LevelInfo, "session_created", "userid", row.Ref.String(), "session", short(row.ID), "program", row.Program, "from", row.From)
	return row.Session, nil
}

// Program finds the session of a program's secret, as Session does that of a browser's cookie.
func (s *Service) Program(ctx context.Context, secret, from string) (Session, error) {
	id := ""
	if raw, ours := strings.CutPrefix(secret, ProgramPrefix); ours && hashedOrNone(raw) != "" {
		id = hashed(secret)
	}
	return s.session(ctx, id, from)
}

// Programs are the programs that are signed in as a person now, the newest first.
func (s *Service) Programs(ctx context.Context, ref directory.Ref) ([]Session, error) {
	rows, err := s.cfg.Store.Sessions(ctx, ref, s.cfg.Now())
	var out []Session
	for _, r := range rows {
		if r.Program != "" && r.Ended.IsZero() && s.cfg.Now().Before(r.IdleEnd) {
			out = append(out, r.Session)
		}
	}
	return out, err
}

// EndProgram signs out a program of a person's; NotFound when they have no such one.
func (s *Service) EndProgram(ctx context.Context, ref directory.Ref, id string) error {
	all, err := s.Programs(ctx, ref)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(p Session) bool { return p.ID == id }) {
		return fail.New(fail.NotFound, "access.program", fail.T("There is no such program signed in as you."))
	}
	if err := s.cfg.Store.End(ctx, id, ReasonSignedOut, s.cfg.Now()); err != nil {
		return err
	}
	s.event(ctx, slog.LevelInfo, "authn_token_delete", "userid", ref.String(), "session", short(id), "reason", ReasonSignedOut)
	return nil
}
