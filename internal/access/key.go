package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/guard"
)

// KeyPrefix begins the secret of every API key, so that scanners of repositories and logs find one.
const KeyPrefix = "npk_"

// KeyLife is how long an API key can live at most.
const KeyLife = 365 * 24 * time.Hour

// Key is an API key: in which organization, with which role and scopes, until when. Its secret is known only to whoever got it when
// the key was made; the store keeps its hash.
type Key struct {
	ID      string // a GUID: names the key in journal, history and log, and opens nothing
	Tenant  string
	Name    string // what its maker calls it
	Role    directory.Role
	Scopes  []directory.Scope
	By      string // display name of who made it
	ByID    string // their object id; "" where it was no person
	Made    time.Time
	Expires time.Time
	Used    time.Time // accurate to a minute; zero when never
	Revoked time.Time // zero while it was not
}

// Actor is the key as the engine wants it; from is the network address of the present request.
func (k Key) Actor(from string) directory.Actor {
	return directory.Actor{
		Kind: directory.KeyActor, Ref: directory.Ref{Tenant: k.Tenant, ID: k.ID}, Name: k.Name, Roles: []directory.Role{k.Role}, Scopes: k.Scopes, From: from,
	}
}

// Deed is who made or ended a key, why and when: it stands in the history, under ID, from the same moment as what it tells.
type Deed struct {
	ID  string
	By  directory.Actor
	Why string
	At  time.Time
}

// KeyStore keeps API keys.
type KeyStore interface {
	// AddKey keeps a new key under the hash of its secret.
	AddKey(ctx context.Context, k Key, hash string, d Deed) error
	// KeyByHash finds a key, whether it can still be used or not, and the hash as it is kept; NotFound.
	KeyByHash(ctx context.Context, hash string) (Key, string, error)
	// Keys lists a tenant's keys, the newest first.
	Keys(ctx context.Context, tenant string) ([]Key, error)
	// UseKey notes that a key was used; an earlier instant than the one that is kept changes nothing.
	UseKey(ctx context.Context, id string, at time.Time) error
	// RevokeKey ends a key for good; what has ended stays as it is. NotFound when the tenant has no such key.
	RevokeKey(ctx context.Context, tenant, id string, d Deed) error
}

// KeyConfig is what Keys are made of; all of it but Log is needed.
type KeyConfig struct {
	Store  KeyStore
	Now    func() time.Time
	Random io.Reader // a source fit for secrets
	NewID  func() string
	Log    *slog.Logger // nil discards
}

// Keys makes, finds and ends API keys. It is safe for concurrent use.
type Keys struct {
	cfg     KeyConfig
	guesses *guard.Limiter
}

// NewKeys makes a Keys.
func NewKeys(c KeyConfig) *Keys {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Keys{cfg: c, guesses: guard.NewLimiter(perNetwork, c.Now)}
}

// Find is the key with that secret: Denied when there is none, or when it was revoked or has expired, and nothing tells which;
// Throttled for a network that tries too often.
func (s *Keys) Find(ctx context.Context, secret, from string) (Key, error) {
	now := s.cfg.Now().UTC()
	k, err := s.find(ctx, secret)
	switch {
	case err != nil && !isNotFound(err):
		return Key{}, err
	case err == nil && k.Revoked.IsZero() && now.Before(k.Expires):
		if now.Sub(k.Used) >= seenEvery {
			if err := s.cfg.Store.UseKey(ctx, k.ID, now); err != nil {
				s.cfg.Log.WarnContext(ctx, "the use of an API key could not be written down", "key", k.ID, "error", err)
			}
		}
		return k, nil
	}
	if wait, ok := s.guesses.Take(from); !ok {
		s.cfg.Log.WarnContext(ctx, "excess_rate_limit_exceeded", "what", "api key", "from", from)
		return Key{}, throttled("access.key", wait)
	}
	s.cfg.Log.InfoContext(ctx, "authn_token_refused", "key", k.ID, "from", from)
	return Key{}, fail.New(fail.Denied, "access.key", fail.Text{})
}

// Holds says whether a key still opens anything.
func (s *Keys) Holds(ctx context.Context, tenant, id string) (bool, error) {
	l, err := s.cfg.Store.Keys(ctx, tenant)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(l, func(k Key) bool { return k.ID == id })
	return i >= 0 && l[i].Revoked.IsZero() && s.cfg.Now().Before(l[i].Expires), nil
}

// find looks a secret up by its hash. What cannot be a secret of ours is not asked for.
func (s *Keys) find(ctx context.Context, secret string) (Key, error) {
	raw, ours := strings.CutPrefix(secret, KeyPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(raw)
	if !ours || err != nil || len(b) != 32 {
		return Key{}, fail.New(fail.NotFound, "access.key", fail.Text{})
	}
	hash := hashed(secret)
	k, kept, err := s.cfg.Store.KeyByHash(ctx, hash)
	if err == nil && subtle.ConstantTimeCompare([]byte(hash), []byte(kept)) != 1 {
		err = fail.New(fail.NotFound, "access.key", fail.Text{})
	}
	return k, err
}

// Make makes a key for the actor's own organization (a host's is named by want.Tenant) and gives its secret, which nobody can read
// again. Only administrators make keys, and say why. A key that makes another gives no scope that it lacks and no longer life than its own.
func (s *Keys) Make(ctx context.Context, by directory.Actor, want Key, why string) (Key, string, error) {
	if err := mayManage(by, want.Tenant); err != nil {
		return Key{}, "", err
	}
	now := s.cfg.Now().UTC()
	latest := now.Add(KeyLife)
	if by.Kind == directory.KeyActor {
		all, err := s.cfg.Store.Keys(ctx, want.Tenant)
		if err != nil {
			return Key{}, "", err
		}
		for _, k := range all {
			if k.ID == by.Ref.ID && k.Expires.Before(latest) {
				latest = k.Expires
			}
		}
	}
	want.Name = strings.TrimSpace(want.Name)
	why, ok := directory.Reason(why)
	probs := wrong(by, want, now, latest)
	if why == "" || !ok {
		probs = append(probs, fail.Problem{Field: "why", Code: "required", Say: fail.T("Say what the key is for, in at most 500 characters: it stands in the history.")})
	}
	if len(probs) > 0 {
		f := fail.New(fail.Invalid, "access.makekey", fail.T("The key was not made. Look at what is named, correct it and try again."))
		f.Fields = probs
		return Key{}, "", f
	}
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return Key{}, "", fail.Wrap(fail.Internal, "access.makekey", err)
	}
	secret := KeyPrefix + base64.RawURLEncoding.EncodeToString(b)
	k := Key{ID: s.cfg.NewID(), Tenant: want.Tenant, Name: want.Name, Role: want.Role, By: by.Name, Made: now, Expires: want.Expires.UTC()}
	if by.Kind == directory.PersonActor {
		k.ByID = by.Ref.ID
	}
	k.Scopes = slices.Compact(slices.Sorted(slices.Values(want.Scopes)))
	if err := s.cfg.Store.AddKey(ctx, k, hashed(secret), Deed{s.cfg.NewID(), by, why, now}); err != nil {
		return Key{}, "", err
	}
	s.cfg.Log.InfoContext(ctx, "authn_token_created", "key", k.ID, "by", by.Name, "kind", string(by.Kind), "scopes", fmt.Sprint(k.Scopes), "from", by.From)
	return k, secret, nil
}

// List lists a tenant's keys, the newest first.
func (s *Keys) List(ctx context.Context, by directory.Actor, tenant string) ([]Key, error) {
	if err := mayManage(by, tenant); err != nil {
		return nil, err
	}
	return s.cfg.Store.Keys(ctx, tenant)
}

// Revoke ends a key for good. Why may be empty: whoever fears that a key is known does not stop to explain.
func (s *Keys) Revoke(ctx context.Context, by directory.Actor, tenant, id, why string) error {
	if err := mayManage(by, tenant); err != nil {
		return err
	}
	if err := s.cfg.Store.RevokeKey(ctx, tenant, id, Deed{s.cfg.NewID(), by, strings.TrimSpace(why), s.cfg.Now().UTC()}); err != nil {
		return err
	}
	s.cfg.Log.InfoContext(ctx, "authn_token_revoked", "key", id, "by", by.Name, "kind", string(by.Kind), "from", by.From)
	return nil
}

// mayManage lets administrators of the tenant manage its keys.
func mayManage(by directory.Actor, tenant string) error {
	here := by.Kind == directory.HostActor || tenant != "" && by.Ref.Tenant == tenant
	if here && slices.Contains(by.Roles, directory.Admin) && by.Can(directory.KeysManage) {
		return nil
	}
	return fail.New(fail.Denied, "access.keys", fail.T("Only administrators look after API keys."))
}

// wrong is what is wrong with a key that is wanted.
func wrong(by directory.Actor, want Key, now, latest time.Time) (probs []fail.Problem) {
	say := func(field, code string, t fail.Text) {
		probs = append(probs, fail.Problem{Field: field, Code: code, Say: t})
	}
	if want.Name == "" || utf8.RuneCountInString(want.Name) > 100 || strings.ContainsFunc(want.Name, unicode.IsControl) || !utf8.ValidString(want.Name) {
		say("name", "name", fail.T("Give the key a name of at most 100 characters, so that it can be told from others."))
	}
	if !slices.Contains([]directory.Role{directory.Admin, directory.Editor, directory.Auditor}, want.Role) {
		say("role", "role", fail.T("The role of a key is Nameplate.Admin, Nameplate.Editor or Nameplate.Auditor."))
	}
	if len(want.Scopes) == 0 {
		say("scopes", "required", fail.T("Say what the key may do: at least one scope."))
	}
	for _, sc := range want.Scopes {
		switch {
		case !slices.Contains(directory.Scopes(), sc):
			say("scopes", "unknown", fail.T("There is no scope called %q.", string(sc)))
		case !by.Can(sc):
			say("scopes", "not_allowed", fail.T("A key cannot give what it does not have: %s.", string(sc)))
		}
	}
	if !want.Expires.After(now) || want.Expires.After(latest) {
		say("expires", "expires", fail.T("A key has to expire, at the latest on %s.", latest.Format(time.DateOnly)))
	}
	return probs
}
