package app

import (
	"context"
	"log/slog"
	"os/user"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/config"
	"nameplate/internal/store"
)

// Verified is what walking the history's chains found.
type Verified struct {
	Tenants []string          `json:"tenants"` // the organizations that have a history in this database
	Records int64             `json:"records"`
	Bad     *change.BadRecord `json:"bad,omitempty"` // the first record that does not fit
	Tenant  string            `json:"tenant,omitempty"`
}

// VerifyHistory walks the chain of every tenant in the configured database. It needs nothing but the database.
func VerifyHistory(ctx context.Context, cfg config.Config) (v Verified, err error) {
	o := storeOptions(cfg, Clock, slog.New(slog.DiscardHandler))
	o.Existing = true
	s, err := store.Open(ctx, o)
	if err != nil {
		return v, err
	}
	defer func() { _ = s.Close() }()
	return verify(ctx, s)
}

func verify(ctx context.Context, s *store.Store) (v Verified, err error) {
	j := s.Journal()
	if v.Tenants, err = j.Tenants(ctx); err != nil {
		return v, err
	}
	for _, t := range v.Tenants {
		n, bad, err := j.Verify(ctx, t)
		if err != nil {
			return v, err
		}
		v.Records += n
		if bad != nil {
			v.Bad, v.Tenant = bad, t
			break
		}
	}
	return v, nil
}

// Brake is what a stop or a go of all writing came to.
type Brake struct {
	Stopped bool       `json:"stopped"`
	Since   *time.Time `json:"since,omitempty"`
	By      string     `json:"by,omitempty"`
	Why     string     `json:"why,omitempty"`
	Changed bool       `json:"changed"` // false: it was so already
	Keys    int64      `json:"keysEnded,omitempty"`
	Open    int        `json:"unfinished"` // changes that have begun and not ended; none of their writes begins while it is stopped
}

// StopWriting stops all writing to the directory of one tenant, or to every one where none is named, by every process on the
// configured database, or lets it go on. It needs nothing but the database, and a server may have it open: whoever may write the
// database may press the button. A stop of a database that was restored by other means than Restore ends all sessions and API keys
// as well.
func StopWriting(ctx context.Context, cfg config.Config, tenant string, stop, restored bool, why string) (b Brake, err error) {
	s, err := openAside(ctx, cfg)
	if err != nil {
		return b, err
	}
	defer func() { _ = s.Close() }()
	before, err := s.Stopped(ctx, tenant)
	if err != nil {
		return b, err
	}
	var now *change.Stop
	if stop {
		now, err = s.Stop(ctx, tenant, hostUser(), why)
		b.Changed = before == nil
		if err == nil && restored {
			b.Keys, err = s.EndAccess(ctx)
		}
	} else {
		b.Changed, err = s.Go(ctx, tenant, hostUser(), why)
	}
	if err != nil {
		return b, err
	}
	if now != nil {
		b.Stopped, b.Since, b.By, b.Why = true, &now.Since, now.By, now.Why
	}
	b.Open, _, err = s.OpenEntries(ctx)
	return b, err
}

// Backup writes a consistent copy of the configured database to a new file, beside a server that may be running, and looks through
// the history in the copy.
func Backup(ctx context.Context, cfg config.Config, file string) (v Verified, err error) {
	s, err := openAside(ctx, cfg)
	if err != nil {
		return v, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Backup(ctx, file); err != nil {
		return v, err
	}
	made, err := store.Open(ctx, store.Options{Path: file, Now: Clock, Aside: true})
	if err != nil {
		return v, err
	}
	defer func() { _ = made.Close() }()
	return verify(ctx, made)
}

// Restore makes the configured database, which must not be there, from a backup; all writing is stopped in it, and all sessions and API keys
// are ended.
func Restore(ctx context.Context, cfg config.Config, file string) (store.Restored, error) {
	return store.Restore(ctx, storeOptions(cfg, Clock, slog.New(slog.DiscardHandler)), file, hostUser())
}

// hostUser is the operating system's user, for what is done on this machine and not in a session.
func hostUser() string {
	u, err := user.Current()
	if err != nil {
		return "somebody on this machine"
	}
	return u.Username + " on this machine"
}

// openAside opens the database beside a server that may be running.
func openAside(ctx context.Context, cfg config.Config) (*store.Store, error) {
	o := storeOptions(cfg, Clock, slog.New(slog.DiscardHandler))
	o.Aside = true
	return store.Open(ctx, o)
}
