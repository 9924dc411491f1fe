// Package app owns the wiring: which part is given which, in which order they start and stop. New builds, Start listens, Close ends.
//
// If you are new here, read New from top to bottom: it is the whole product on one screen. The command line and every journey test
// use the same New, so what is tested is what ships. It decides nothing about people, properties or pages.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/api"
	"nameplate/internal/config"
	"nameplate/internal/fail"
	"nameplate/internal/lang"
	"nameplate/internal/policy"
	"nameplate/internal/portal"
	"nameplate/internal/store"
	"nameplate/internal/web"
)

// Clock is the wall clock: the one place where the time comes from.
func Clock() time.Time { return time.Now() }

// Options are what a portal is made from.
type Options struct {
	Config   config.Config
	Log      *slog.Logger
	Now      func() time.Time // nil is the wall clock
	Listener net.Listener     // already listening; nil listens on Config.Listen
	Demo     bool             // the demo's policy, a gallery of parts, and a mark on each page
	Existing bool             // refuse a database that is not there yet, for whoever only looks into it
	Scale    float64          // the windows of the directory's quotas run so many times faster, as an emulator's can; 0 is 1
	CrashAt  string           // "after-send:2" ends the process there; refused unless the directory is an emulator
}

// App is a portal for one organization, or for several.
type App struct {
	cfg    config.Config
	log    *slog.Logger
	now    func() time.Time
	scale  float64
	store  *store.Store
	access *access.Service
	vault  *access.Vault
	all    []*connected // one at least
	api    *api.API
	keys   *access.Keys
	site   *web.Site
	server *http.Server
	health *http.Server
	listen net.Listener
	failed chan error
	stop   context.CancelFunc
	life   context.Context // of work that a request has begun and that outlives it
	end    context.CancelFunc
	work   sync.WaitGroup
}

// New builds everything and reaches the authority once, so that a wrong address or a wrong issuer shows now and not at the first
// sign-in.
func New(ctx context.Context, o Options) (a *App, err error) {
	if o.Now == nil {
		o.Now = Clock
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a = &App{cfg: o.Config, log: o.Log, now: o.Now, scale: o.Scale, listen: o.Listener, failed: make(chan error, 2)}
	a.life, a.end = context.WithCancel(context.Background())
	made := a // what is returned with an error is nil
	defer func() {
		if err != nil {
			made.end()
		}
		if err != nil && made.store != nil {
			_ = made.store.Close()
		}
	}()
	cfg := o.Config
	crash, err := crashPoint(o)
	if err != nil {
		return nil, err
	}
	where := storeOptions(cfg, o.Now, o.Log)
	where.Existing = o.Existing
	if a.store, err = store.Open(ctx, where); err != nil {
		return nil, err
	}
	keys, err := loadKeys(cfg.KeyFile, rand.Reader)
	if err != nil {
		return nil, err
	}
	sealer, err := access.NewSealer(rand.Reader, keys...)
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "app.new", err)
	}
	for _, one := range cfg.Each() {
		c, err := a.connect(ctx, one, o.Demo)
		if err != nil {
			return nil, err
		}
		a.all = append(a.all, c)
	}
	a.vault = &access.Vault{Sealer: sealer, Store: a.store.Secrets(), Now: o.Now}
	tenants, live, of := a.signIn()
	a.access, err = access.New(access.Config{
		Tenants: tenants, Live: live, Member: of,
		PublicURL: cfg.PublicURL.String(), Store: a.store.Access(), Sealer: sealer,
		Now: o.Now, Random: rand.Reader, HTTP: a.all[0].dir.client, Log: o.Log,
		Idle: cfg.SessionIdle, Absolute: cfg.SessionLimit,
	})
	if err != nil {
		return nil, err
	}
	if err = a.access.Check(ctx); err != nil {
		return nil, err
	}
	for _, c := range a.all {
		if err = a.furnish(c, sealer, crash); err != nil {
			return nil, err
		}
	}

	catalog, err := lang.New()
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "app.new", err)
	}
	voices := map[string]*lang.Catalog{}
	for _, c := range a.all {
		voices[c.tenant] = catalog.With(c.rules.Words())
	}
	cookies := a.access.Cookies()
	proxies, err := prefixes(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a.site, err = web.New(web.Options{
		Public: cfg.PublicURL, Proxies: proxies, Key: formKey(keys[0]), Sessions: portal.Sessions{Access: a.access},
		SessionCookie: cookies.Session, AttemptCookie: cookies.Attempt,
		Catalog: catalog, Voices: voices, Language: cfg.Language, Log: o.Log, Now: o.Now, Random: rand.Reader,
		Ready: a.store.Ping, Remark: a.remark, Samples: a.samples,
	})
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "app.new", err)
	}
	logo, err := readLogo(cfg.Logo)
	if err != nil {
		return nil, err
	}
	var pages []*portal.Portal
	for _, c := range a.all {
		if err = a.draw(c, logo, rand.Reader, o.Demo); err != nil {
			return nil, err
		}
		pages = append(pages, c.pages)
	}
	if err = portal.Mount(a.site, pages...); err != nil {
		return nil, fail.Wrap(fail.Internal, "app.new", err)
	}
	a.keys = access.NewKeys(access.KeyConfig{Store: a.store.Keys(), Now: o.Now, Random: rand.Reader, NewID: newID, Log: o.Log})
	a.api = api.New(api.Config{
		Houses: a.houses(), Keys: a.keys, Programs: a.access, Answers: a.store.Answers(), Sign: a.site, Now: o.Now, Random: rand.Reader,
	})
	a.api.Mount(a.site)
	a.server = web.Server(a.site)
	return a, nil
}

// URL is the public address.
func (a *App) URL() string { return a.cfg.PublicURL.String() }

// Failed gives the error of a server that stopped by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Start listens and begins the work in the background: settling entries that were left open, and sweeping what has expired.
func (a *App) Start() error {
	if a.listen == nil {
		l, err := net.Listen("tcp", a.cfg.Listen)
		if err != nil {
			return &fail.Error{
				Op: "app.start", Kind: fail.Unavailable, Err: err,
				Say: fail.T("The portal cannot listen on %s. Stop what uses that address, or choose another with the setting listen.", a.cfg.Listen),
			}
		}
		a.listen = l
	}
	a.serve(a.server, a.listen)
	if a.cfg.HealthListen != "" {
		l, err := net.Listen("tcp", a.cfg.HealthListen)
		if err != nil {
			return &fail.Error{
				Op: "app.start", Kind: fail.Unavailable, Err: err,
				Say: fail.T("The portal cannot listen on %s. Stop what uses that address, or choose another with the setting listen.", a.cfg.HealthListen),
			}
		}
		a.health = web.Server(a.site.Health())
		a.serve(a.health, l)
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	for _, c := range a.all {
		a.settle(ctx, c)
	}
	for _, c := range a.all {
		a.every(ctx, 5*time.Second, "plans", func(ctx context.Context) error { a.applyPlans(ctx, c); return nil })
	}
	for _, c := range a.all {
		if c.cfg.SyncEvery > 0 && !c.cfg.DelegatedOnly {
			a.every(ctx, c.cfg.SyncEvery, "sync", func(ctx context.Context) error { a.sync(ctx, c, c.mirror.Sync); return nil })
		}
	}
	for _, c := range a.all {
		a.every(ctx, 6*time.Hour, "sweep the copy", func(ctx context.Context) error { _, err := c.mirror.Sweep(ctx, c.tenant); return err })
	}
	if days := a.cfg.LeaverDays; days > 0 {
		for _, c := range a.all {
			if c.cfg.DelegatedOnly {
				continue // the application may ask the directory for nobody
			}
			a.every(ctx, 6*time.Hour, "leavers", func(ctx context.Context) error {
				n, err := c.keep.Leavers(ctx, c.tenant, time.Duration(days)*24*time.Hour)
				if n > 0 {
					a.log.Info("what was kept of people who left was forgotten", "tenant", c.tenant, "people", n)
				}
				return err
			})
		}
	}
	a.every(ctx, 10*time.Minute, "sweep", func(ctx context.Context) error { _, err := a.access.Sweep(ctx); return err })
	a.every(ctx, 10*time.Minute, "sweep plans", func(ctx context.Context) error { return a.store.Plans().Sweep(ctx, a.now().Add(-24*time.Hour)) })
	a.every(ctx, 6*time.Hour, "forget plans", func(ctx context.Context) error {
		return a.store.Plans().Forget(ctx, a.now().Add(-cmp.Or(a.cfg.PlanKeep, 365*24*time.Hour)))
	})
	a.every(ctx, 10*time.Minute, "sweep what came with files", func(ctx context.Context) error { return a.store.Plans().SweepGiven(ctx, a.now()) })
	a.every(ctx, 10*time.Minute, "sweep uploads", func(ctx context.Context) error { return a.store.Plans().SweepUploads(ctx, a.now()) })
	a.every(ctx, 10*time.Minute, "sweep answers", func(ctx context.Context) error { return a.store.Answers().Sweep(ctx, a.now()) })
	a.every(ctx, 10*time.Minute, "forget photos", func(ctx context.Context) error {
		n, err := a.store.Journal().Forget(ctx, a.now().Add(-cmp.Or(a.cfg.PhotoKeep, 30*24*time.Hour)))
		if n > 0 {
			a.log.Info("photos that were kept for undo were forgotten", "photos", n)
		}
		return err
	})
	return nil
}

// settle brings to an end in the background what an organization's engine left open.
func (a *App) settle(ctx context.Context, c *connected) {
	log := a.log.With("tenant", c.tenant)
	if s, err := a.store.Stopped(ctx, c.tenant); err == nil && s != nil {
		log.Warn("all writing is stopped until: nameplate go --why REASON", "since", s.Since, "by", s.By, "why", s.Why)
	}
	a.every(ctx, 15*time.Second, "settle", func(ctx context.Context) error { _, err := c.engine.Settle(ctx); return err })
	begun := a.now()
	a.every(ctx, time.Minute, "examine", func(ctx context.Context) error {
		if since := a.now().Add(-examEvery); since.After(begun) { // not at the start, when everything is reached anyway
			a.examine(ctx, c, since)
		}
		return nil
	})
}

func (a *App) serve(s *http.Server, l net.Listener) {
	a.work.Go(func() {
		var err error
		if s == a.server && a.cfg.TLSCertificate != "" {
			err = s.ServeTLS(l, a.cfg.TLSCertificate, a.cfg.TLSKey)
		} else {
			err = s.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fail.Wrap(fail.Unavailable, "app.serve", err)
		}
	})
}

// every does work now and then again after each pause, until the context ends.
func (a *App) every(ctx context.Context, pause time.Duration, name string, work func(context.Context) error) {
	a.work.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			if err := work(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("background work failed; it comes again", "work", name, "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// Close stops taking requests, lets those under way finish, and closes the database.
func (a *App) Close(ctx context.Context) error {
	if a.stop != nil {
		a.stop()
	}
	a.end()
	var first error
	for _, s := range []*http.Server{a.server, a.health} {
		if s != nil {
			if err := s.Shutdown(ctx); err != nil && first == nil {
				first = err
			}
		}
	}
	a.work.Wait()
	if err := a.store.Close(); err != nil && first == nil {
		first = err
	}
	return first
}

// crashPoint makes the function that ends the process at a named point of the journal, for crash tests of the shipped program.
func crashPoint(o Options) (func(string), error) {
	if o.CrashAt == "" {
		return nil, nil
	}
	if !config.Loopback(hostOf(o.Config.Cloud.Graph)) {
		return nil, fail.New(fail.Invalid, "app.new", fail.T("NAMEPLATE_CRASH_AT is for tests on the emulator, and this is a real directory. Take it out."))
	}
	name, n, _ := strings.Cut(o.CrashAt, ":")
	left, err := strconv.Atoi(n)
	if err != nil || left < 1 {
		left = 1
	}
	var mu sync.Mutex
	return func(point string) {
		mu.Lock()
		defer mu.Unlock()
		if point != name {
			return
		}
		if left--; left == 0 {
			o.Log.Warn("ending at a crash point", "point", o.CrashAt)
			os.Exit(137)
		}
	}, nil
}

func loadPolicy(path string, demo bool) (*policy.Policy, error) {
	name, data := "default.yaml", policy.Default()
	switch {
	case path != "":
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &fail.Error{Op: "app.policy", Kind: fail.Invalid, Err: err, Say: fail.T("The policy file %s cannot be read.", path)}
		}
		name, data = path, b
	case demo:
		name, data = "demo.yaml", policy.Demo()
	}
	p, mistakes := policy.Parse(name, data)
	if len(mistakes) > 0 {
		return nil, &fail.Error{Op: "app.policy", Kind: fail.Invalid, Say: fail.T("The policy file has mistakes:\n%s", policy.Report(name, mistakes))}
	}
	return p, nil
}

// readLogo reads the organization's picture; "" has none.
func readLogo(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &fail.Error{Op: "app.logo", Kind: fail.Invalid, Err: err, Say: fail.T("The logo %s cannot be read.", path)}
	}
	if len(b) > 200_000 {
		return nil, fail.New(fail.Invalid, "app.logo", fail.T("The logo %s is larger than 200 kB. Every page carries it: make it smaller.", path))
	}
	return b, nil
}

func storeOptions(cfg config.Config, now func() time.Time, log *slog.Logger) store.Options {
	o := store.Options{Now: now, Random: rand.Reader, Log: log}
	if db := cfg.Database.Reveal(); strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://") {
		o.URL = db
	} else {
		o.Path = db
	}
	return o
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fail.Wrap(fail.Invalid, "app.new", err)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}

// newID is a random GUID (version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// RedirectURI is the address to register for sign-in.
func RedirectURI(cfg config.Config) string { return cfg.PublicURL.String() + access.CallbackPath }

// LogoutURL is the front-channel logout address to register.
func LogoutURL(cfg config.Config) string { return cfg.PublicURL.String() + access.FrontChannelPath }

func defaultAccent() string {
	for _, s := range config.Settings() {
		if s.Key == "accent" {
			return s.Default
		}
	}
	return ""
}
