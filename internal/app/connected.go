package app

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"time"

	"nameplate/graph"
	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/api"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/config"
	"nameplate/internal/directory"
	"nameplate/internal/doctor"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/mirror"
	"nameplate/internal/pace"
	"nameplate/internal/policy"
	"nameplate/internal/portal"
)

// connected is one connected organization: everything that is its own. What it reads and writes by reaches no other organization, so
// a mistake of an address or of an id elsewhere cannot either (A28).
type connected struct {
	cfg    config.Config // with this organization alone
	tenant string        // its id
	name   string
	dir    connection
	reg    access.Tenant
	rules  *policy.Policy
	engine *change.Engine
	desk   *admin.Desk
	bulk   *bulk.Bulk
	mirror *mirror.Mirror
	budget *pace.Budget
	keep   *keep.Keeper
	pages  *portal.Portal
	doctor *doctor.Doctor
	counts counts
	exam   exam
}

// connect reads an organization's policy and makes the way to its directory.
func (a *App) connect(ctx context.Context, cfg config.Config, demo bool) (*connected, error) {
	rules, err := loadPolicy(cfg.Policy, demo)
	if err != nil {
		return nil, err
	}
	c := &connected{cfg: cfg, rules: rules.Delegated(cfg.DelegatedOnly), counts: counts{now: a.now}}
	c.dir, c.tenant, c.reg, err = openDirectory(ctx, cfg, rules.Properties(), a.now, ears{c.counts.graph, c.heard}, func(ctx context.Context, session, spent string) (string, error) {
		return a.access.Token(ctx, session, spent)
	})
	if err != nil {
		return nil, err
	}
	c.reg.Pilot = cfg.PilotGroups
	if c.name = cfg.Name; c.name == "" {
		c.name = c.dir.name(ctx, c.tenant)
	}
	return c, nil
}

// heard tells the budget of writes what the service says.
func (c *connected) heard(ctx context.Context, l graph.Load) {
	if c.budget != nil { // nothing is written before there is one
		c.budget.Heard(ctx, pace.Answer{Throttled: l.Status == http.StatusTooManyRequests, Share: l.Share, Scope: l.Scope})
	}
}

// furnish makes the engine that writes in an organization, and those who use it.
func (a *App) furnish(c *connected, sealer *access.Sealer, crash func(string)) (err error) {
	cfg, dir, journal := c.cfg, c.dir.Directory, a.store.Journal()
	c.engine = change.New(change.Config{
		Tenant: c.tenant, Reader: dir, Writer: dir, Many: dir, Groups: dir, Journal: journal, Secrets: a.vault, Policy: c.rules, Properties: c.rules.Properties(),
		Now: a.now, NewID: newID, Crash: crash, Alone: a.store.Alone(), DelegatedOnly: cfg.DelegatedOnly,
		// A person waits for the answer: a directory that is busy for longer than this is told as busy.
		Limits: change.Limits{Save: 15 * time.Second}, Stopped: a.store.Stopped, Tell: c.counts.change,
	})
	c.keep = keep.New(keep.Config{Store: a.store.Keep(), Journal: journal, Forms: a.access, Reader: dir, Now: a.now, NewID: newID})
	c.mirror = mirror.New(mirror.Config{
		Source: dir, Store: a.store.Mirror(), Now: a.now, Scope: mirror.Piece{Group: cfg.SyncGroup, Filter: cfg.SyncFilter},
		KeepGone: time.Duration(a.cfg.LeaverDays) * 24 * time.Hour, // 0 leaves it to the mirror
		Cause:    admin.Cause(journal, c.rules.Properties()),
		Wake:     func(round mirror.Round) { a.work.Go(func() { a.sync(a.life, c, round) }) },
	})
	c.desk = admin.New(admin.Config{Directory: dir, Engine: c.engine, Policy: c.rules, Journal: journal, Brake: a.store, Keep: c.keep, Now: a.now, Differences: a.store.Mirror(), Copy: c.mirror})
	c.budget = pace.New(pace.Config{Store: a.store, Tenant: c.tenant, Now: a.now, Scale: a.scale})
	c.bulk = bulk.New(bulk.Config{
		Budget: c.budget, Desk: c.desk, Store: a.store.Plans().Of(c.tenant), Sealer: sealer, Random: rand.Reader, Now: a.now, NewID: newID, Wait: pause, Settle: c.engine.Settle,
		Brake: bulk.Brake(cfg.Brake), Wake: func() { a.work.Go(func() { a.applyPlans(a.life, c) }) }, Holds: func(ctx context.Context, by directory.Actor) (bool, error) { return a.holds(ctx, c, by) },
	})
	c.doctor, err = examiner(cfg, c.dir, c.tenant, a.now, func(ctx context.Context) (doctor.Database, error) { return looked(ctx, a.store, c.tenant) })
	return err
}

// holds says whether somebody may still do what they have begun: a key that was not ended, an account that is not blocked or deleted.
func (a *App) holds(ctx context.Context, c *connected, by directory.Actor) (bool, error) {
	switch {
	case by.Kind == directory.KeyActor:
		return a.keys.Holds(ctx, by.Ref.Tenant, by.Ref.ID)
	case by.Kind == directory.PersonActor && !c.cfg.DelegatedOnly:
		ok, err := enabled{people{c.tenant: c.dir.Directory}}.Enabled(ctx, by.Ref)
		if fail.Is(err, fail.NotFound) {
			return false, nil
		}
		return ok, err
	}
	return true, nil
}

// applyPlans applies what is to be applied in an organization.
func (a *App) applyPlans(ctx context.Context, c *connected) {
	if err := c.bulk.Work(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("a plan could not go on; it is tried again", "tenant", c.tenant, "err", err)
	}
}

// sync brings the copy of an organization's directory up to date.
func (a *App) sync(ctx context.Context, c *connected, round mirror.Round) {
	n, err := round(ctx, c.tenant)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("the copy of the directory is not up to date; the next round goes on", "tenant", c.tenant, "err", err)
	case err == nil:
		a.log.Info("the copy of the directory is up to date", "tenant", c.tenant, "requests", n.All())
	}
}

// pause waits by the wall clock, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// draw makes an organization's pages.
func (a *App) draw(c *connected, logo []byte, random io.Reader, gallery bool) (err error) {
	cfg := c.cfg
	d := portal.Deps{
		Tenant: c.tenant, Keep: c.keep, Desk: c.desk, Bulk: c.bulk, Random: random, NewID: newID,
		Site: a.site, Engine: c.engine, Form: c.rules, Reader: c.dir.Directory, Journal: a.store.Journal(), Access: a.access,
		Brand: portal.Brand{Name: c.name, Accent: cfg.Accent, Logo: logo, Privacy: cfg.PrivacyURL}, Support: cfg.Support, Log: a.log, Now: a.now,
		Delegated: cfg.DelegatedOnly, Emulator: config.Loopback(hostOf(cfg.Cloud.Graph)), Gallery: gallery, Stopped: a.store.Stopped,
		Health: func(ctx context.Context, again bool) portal.Health { return a.examined(ctx, c, again) },
	}
	if cfg.DelegatedOnly { // without a right of the application's own there is nobody to look after
		d.Desk = nil
	}
	if c.pages, err = portal.New(d); err != nil {
		return fail.Wrap(fail.Internal, "app.new", err)
	}
	return nil
}

// signIn is what signing in needs of all organizations.
func (a *App) signIn() (tenants []access.Tenant, live access.Live, of access.Member) {
	byID := people{}
	for _, c := range a.all {
		tenants = append(tenants, c.reg)
		if !c.cfg.DelegatedOnly {
			byID[c.tenant] = c.dir.Directory
		}
	}
	if len(byID) == 0 {
		return tenants, nil, nil
	}
	return tenants, enabled{byID}, member{byID}
}

// people are the organizations in which the application may ask for somebody by its own right.
type people map[string]directory.Reader

// houses are the organizations as the API needs them.
func (a *App) houses() map[string]api.House {
	out := map[string]api.House{}
	for _, c := range a.all {
		out[c.tenant] = api.House{Desk: c.desk, Bulk: c.bulk, Mirror: c.mirror, Policy: c.rules}
	}
	return out
}
