package access

import (
	"context"
	"time"

	"nameplate/internal/directory"
)

// Row is a session as the store keeps it. ID is the SHA-256 (hex) of the session id.
type Row struct {
	Session
	SID   string    // the authority's own session id, for front-channel logout; may be ""
	Ended time.Time // zero while it lives
	Why   string    // a Reason, when ended
}

// SignIn is a completed sign-in, stored in one go.
type SignIn struct {
	Attempt    string    // id of the attempt that is used up
	AttemptEnd time.Time // when its mark may be forgotten
	Row        Row
	Sealed     []byte // the tokens
	Replaces   string // hash of the session that this browser had before; "" for none
}

// Stashed is a sealed form, kept under the hash of the session that it was typed in.
type Stashed struct {
	Session string
	Ref     directory.Ref
	Path    string
	Sealed  []byte
	Until   time.Time
}

// Store keeps sessions and what belongs to them. Each method is one transaction. Errors are *fail.Error.
type Store interface {
	// SignIn marks the attempt as used (fail.Exists when it was used before, then nothing changes), ends the session that it
	// replaces, hands that session's stashed form over if it is the same person's, and adds the new session with its tokens.
	SignIn(ctx context.Context, s SignIn) error
	// Session finds a session, ended ones too; fail.NotFound. Recovered is set when a form waits that is good at now.
	Session(ctx context.Context, id string, now time.Time) (Row, error)
	// Sessions are a person's sessions, ended ones too as long as they are kept; the newest first.
	Sessions(ctx context.Context, ref directory.Ref, now time.Time) ([]Row, error)
	// Touch moves the times of a living session forward, never back.
	Touch(ctx context.Context, id string, seen, idleEnd, checked time.Time) error
	// End ends a living session and deletes its tokens; ending what has ended does nothing.
	End(ctx context.Context, id, why string, at time.Time) error
	// EndPerson ends every session of a person; EndSID every session that the authority knows by sid. Both say how many.
	EndPerson(ctx context.Context, ref directory.Ref, why string, at time.Time) (int, error)
	EndSID(ctx context.Context, tenant, sid, why string, at time.Time) (int, error)
	// Tokens reads the sealed tokens of a living session and their version; fail.NotFound.
	Tokens(ctx context.Context, id string) (sealed []byte, version int64, err error)
	// PutTokens replaces them; fail.Conflict when the version is not the present one, fail.NotFound when the session is gone.
	PutTokens(ctx context.Context, id string, version int64, sealed []byte) error
	// PutStash keeps a form, one per session: the last one stays. fail.NotFound when there never was such a session.
	PutStash(ctx context.Context, s Stashed) error
	// TakeStash reads a session's form and deletes it; fail.NotFound when there is none that is good at now.
	TakeStash(ctx context.Context, session string, now time.Time) (Stashed, error)
	// Seen is what a person's profile held when they last saw it (Ref, Values and At of the user); fail.NotFound.
	Seen(ctx context.Context, ref directory.Ref) (directory.User, error)
	PutSeen(ctx context.Context, u directory.User) error
	// Settings are a person's own choices; zero when there are none.
	Settings(ctx context.Context, ref directory.Ref) (Settings, error)
	PutSettings(ctx context.Context, ref directory.Ref, s Settings) error
	// KeyIDs are the ids of the keys that values in the store were sealed with; AddKeyID adds one.
	KeyIDs(ctx context.Context) ([]string, error)
	AddKeyID(ctx context.Context, id string) error
	// Sweep forgets what nobody can use any more at now: marks of attempts, forms, secrets that waited too long, sessions that
	// ended a day ago.
	Sweep(ctx context.Context, now time.Time) (rows int, err error)
}
