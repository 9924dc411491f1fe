package app

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/access"
	"nameplate/internal/config"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// DemoOptions say what the demo is made of; the zero value is the sample organization on ports of the system's choosing.
type DemoOptions struct {
	Data          string // folder to keep everything in; "" is a temporary one that Close removes
	People        int    // an organization of so many people instead of the sample one
	Hostile       bool
	Port          int    // of the portal; the emulator takes the three after it. 0 lets the system choose all four
	Policy        string // policy file instead of the demo's own
	DelegatedOnly bool
	Log           *slog.Logger
	Now           func() time.Time // of the portal, and where the emulator's own begins; nil is the wall clock

	// Of the emulator, for whoever measures or tests the portal on it.
	Tenant   *emulator.Organization // another organization; nil is the sample one, or People
	Throttle emulator.Throttle      // the portal's own budget of writes runs at its scale
	Latency  time.Duration
	Chaos    float64
	Seed     uint64
}

// Demo is a running portal beside a running emulator. Its JSON is what `nameplate demo --json` prints.
type Demo struct {
	Portal string `json:"portal"`
	APIKey string `json:"api_key"` // may do everything for a day
	Box
	Users        []DemoUser `json:"users"`
	Organization string     `json:"organization"`

	Emulator *emulator.Emulator `json:"-"`
	App      *App               `json:"-"`
}

// Box says how to reach a running emulator and its sample application. Addresses are origins without a path.
type Box struct {
	Authority    string         `json:"authority"`
	Graph        string         `json:"graph"`
	AuthHTTP     string         `json:"authority_http"`
	GraphHTTP    string         `json:"graph_http"`
	Control      string         `json:"control"`
	Proxy        string         `json:"proxy,omitempty"` // for clients whose addresses are fixed
	CAFile       string         `json:"ca_file"`
	TenantID     string         `json:"tenant_id"`
	Domain       string         `json:"domain"`
	ClientID     string         `json:"client_id"`
	ClientSecret string         `json:"client_secret"`
	Seed         uint64         `json:"seed"` // of ids and chaos
	Rules        emulator.Rules `json:"rules"`
	server       *emulator.Server
	remove       string // temporary folder
}

// describe fills a Box from what runs.
func (b *Box) describe(e *emulator.Emulator, s *emulator.Server, org emulator.Organization) {
	b.server = s
	b.Authority, b.Graph, b.AuthHTTP, b.GraphHTTP, b.Control, b.CAFile = s.Authority, s.Graph, s.AuthorityHTTP, s.GraphHTTP, s.Control, s.CAFile
	b.Proxy = s.Proxy
	stats := e.Statistics()
	b.TenantID, b.Seed, b.Rules = e.Tenants()[0], stats.Seed, stats.Rules
	if len(org.Domains) > 0 {
		b.Domain = org.Domains[0].Name
	}
	b.ClientID, b.ClientSecret = org.Client()
}

// close stops the emulator, which saves what is to be kept, and removes what is not.
func (b *Box) close() error {
	var err error
	if b.server != nil {
		err = b.server.Close()
	}
	if b.remove != "" {
		if rerr := os.RemoveAll(b.remove); err == nil {
			err = rerr
		}
	}
	return err
}

// Roles of DemoUser that others ask for.
const (
	SyncedRole   = "synced from on-premises"
	DisabledRole = "disabled account"
)

// DemoUser is somebody of the organization, and what is particular of them.
type DemoUser struct {
	UPN  string `json:"upn"`
	Role string `json:"role"`
}

// StartDemo starts the emulator with an organization, and the portal against it.
func StartDemo(ctx context.Context, o DemoOptions) (d *Demo, err error) {
	d = &Demo{}
	defer func() {
		if err != nil {
			_ = d.Close(context.WithoutCancel(ctx))
			d = nil
		}
	}()
	var org emulator.Organization
	if o.Tenant != nil {
		org = *o.Tenant
	} else if org, err = organization(o.People, o.Hostile); err != nil {
		return d, err
	}
	folder := o.Data
	if folder == "" {
		if folder, err = os.MkdirTemp("", "nameplate-demo-"); err != nil {
			return d, fail.Wrap(fail.Internal, "app.demo", err)
		}
		d.remove = folder
	} else if err = os.MkdirAll(folder, 0o700); err != nil {
		return d, &fail.Error{Op: "app.demo", Kind: fail.Invalid, Err: err, Say: fail.T("The folder %s cannot be made. Name one that can.", folder)}
	}

	listen, err := net.Listen("tcp", loopback(o.Port))
	if err != nil {
		return d, &fail.Error{
			Op: "app.demo", Kind: fail.Unavailable, Err: err,
			Say: fail.T("Port %d is taken, perhaps by another demo. Stop that one, or choose another port: nameplate demo --port 0", o.Port),
		}
	}
	defer func() {
		if err != nil {
			_ = listen.Close()
		}
	}()
	portal := "http://localhost:" + port(listen.Addr())
	prepare(&org, portal, o.DelegatedOnly)
	begun := time.Time{}
	if o.Now != nil {
		begun = o.Now()
	}

	d.Emulator, err = emulator.New(emulator.Options{
		Organizations: []emulator.Organization{org}, Data: dataFolder(o.Data), Start: begun, Throttle: o.Throttle, Latency: o.Latency, Chaos: o.Chaos, Seed: o.Seed,
	})
	if err != nil {
		return d, fail.Wrap(fail.Internal, "app.demo", err)
	}
	srv, err := d.Emulator.Start(ctx, addresses(o.Port, filepath.Join(folder, "ca.pem")))
	if err != nil {
		return d, &fail.Error{
			Op: "app.demo", Kind: fail.Unavailable, Err: err,
			Say: fail.T("The emulator could not start. If its ports are taken, choose others: nameplate demo --port 0"),
		}
	}
	d.describe(d.Emulator, srv, org)
	d.Portal, d.Organization, d.Users = portal, org.Name, demoUsers(org)

	public, _ := url.Parse(portal)
	cfg := config.Config{
		PublicURL: public, Database: config.Secret(filepath.Join(folder, "nameplate.db")), KeyFile: filepath.Join(folder, "nameplate.key"),
		Organization: config.Organization{
			Tenant: d.TenantID, ClientID: d.ClientID, ClientSecret: config.Secret(d.ClientSecret),
			Cloud:         config.Cloud{Name: "emulator", Authority: d.AuthHTTP, Tokens: d.Authority, Graph: d.Graph},
			DelegatedOnly: o.DelegatedOnly, Policy: o.Policy, Name: org.Name,
		},
		CAFile: d.CAFile, Accent: defaultAccent(), Language: "en",
	}
	if d.App, err = New(ctx, Options{Config: cfg, Log: o.Log, Demo: true, Listener: listen, Now: o.Now, Scale: o.Throttle.Scale}); err != nil {
		return d, err
	}
	demo := access.Key{Name: "demo", Role: directory.Admin, Scopes: directory.Scopes(), Expires: d.App.now().Add(24 * time.Hour)}
	if _, d.APIKey, err = d.App.MakeKey(ctx, Host("demo"), demo, "for whoever tries the demo"); err != nil {
		return d, err
	}
	return d, d.App.Start()
}

// Failed gives the error of a server that stopped by itself.
func (d *Demo) Failed() <-chan error { return d.App.Failed() }

// Close stops portal and emulator, saves what is to be kept, and removes what is not.
func (d *Demo) Close(ctx context.Context) error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	if d.App != nil {
		keep(d.App.Close(ctx))
	}
	keep(d.close())
	return first
}

func organization(people int, hostile bool) (emulator.Organization, error) {
	switch {
	case people > 0:
		return sample.Large(people, 1), nil
	case hostile:
		return sample.Hostile()
	}
	return sample.Contoso()
}

// prepare registers the portal's addresses with the sample application.
func prepare(org *emulator.Organization, portal string, delegatedOnly bool) {
	a := &org.Apps[0]
	a.Redirects = append(a.Redirects, portal+access.CallbackPath, portal+"/signed-out")
	a.Logout = portal + access.FrontChannelPath
	if delegatedOnly {
		a.Application = nil
	}
}

func dataFolder(data string) string {
	if data == "" {
		return ""
	}
	return filepath.Join(data, "emulator")
}

func addresses(portal int, caFile string) emulator.Addresses {
	a := emulator.Addresses{HTTP: loopback(0), HTTPS: loopback(0), Control: loopback(0), CAFile: caFile}
	if portal > 0 {
		a.HTTP, a.HTTPS, a.Control = loopback(portal+1), loopback(portal+2), loopback(portal+3)
	}
	return a
}

func port(a net.Addr) string {
	_, p, _ := net.SplitHostPort(a.String())
	return p
}

// demoUsers picks one person of each sort, the plain member first.
func demoUsers(org emulator.Organization) []DemoUser {
	var out []DemoUser
	taken := map[string]bool{}
	holds := map[string]string{}
	for role, people := range org.Apps[0].Assigned {
		for _, upn := range people {
			holds[upn] = role
		}
	}
	sorts := []struct {
		role string
		is   func(u emulator.User) bool
	}{
		{"member", func(u emulator.User) bool {
			return u.Sync == "" && len(u.Roles) == 0 && holds[u.UPN] == "" && !guest(u) && !disabled(u)
		}},
		{SyncedRole, func(u emulator.User) bool { return u.Sync == "synced" && !disabled(u) }},
		{"guest", guest},
		{string(directory.Editor), func(u emulator.User) bool { return holds[u.UPN] == string(directory.Editor) }},
		{"Microsoft 365 administrator", func(u emulator.User) bool { return len(u.Roles) > 0 && !disabled(u) }},
		{string(directory.Admin), func(u emulator.User) bool { return holds[u.UPN] == string(directory.Admin) }},
		{string(directory.Auditor), func(u emulator.User) bool { return holds[u.UPN] == string(directory.Auditor) }},
		{DisabledRole, disabled},
	}
	for _, s := range sorts {
		for u := range org.Everybody() {
			if !taken[u.UPN] && s.is(u) {
				taken[u.UPN] = true
				out = append(out, DemoUser{UPN: u.UPN, Role: s.role})
				break
			}
		}
	}
	return out
}

func guest(u emulator.User) bool    { return u.Values["userType"] == "Guest" }
func disabled(u emulator.User) bool { return u.Values["accountEnabled"] == false }
