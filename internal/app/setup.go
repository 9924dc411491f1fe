package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/graph"
	"nameplate/internal/config"
	"nameplate/internal/doctor"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/setup"
)

// certificateDays is how long a certificate is good that Nameplate makes: a year, as the doctor warns early enough.
const certificateDays = 365

// SetupOptions say what is to be registered.
type SetupOptions struct {
	Config config.Config // of one organization, read for config.Database: what setup finds out may be missing
	Others []string      // tenant ids and domains of the other organizations in the file
	File   string        // the configuration file; the certificate is kept beside it
	Said   []setup.Setting
	Name   string       // of the application
	Admin  string       // user principal name of who is to be Nameplate.Admin; "" nobody
	Plan   bool         // look only, with a right that can only look
	Remove bool         // take away what nothing needs
	Prompt func(string) // shows the administrator where to sign in and with which code
	Now    func() time.Time
}

// Setup is a plan with what it needs on this machine.
type Setup struct {
	*setup.Plan
	o    SetupOptions
	pair *setup.Pair // not in a file yet; nil when it is, or when a secret is used
	file string      // of the certificate
}

// PlanSetup signs an administrator in and says what is to be done. It changes nothing, here or there.
func PlanSetup(ctx context.Context, o SetupOptions) (*Setup, error) {
	if o.Now == nil {
		o.Now = Clock
	}
	if err := setup.Writable(o.File, o.Config.Element); err != nil {
		return nil, err // better now than when everything is made
	}
	client, err := ClientTrusting(o.Config.CAFile)
	if err != nil {
		return nil, &fail.Error{Op: "app.setup", Kind: fail.Invalid, Err: err, Say: fail.T("The file of the certificate authority cannot be used. Check the setting ca_file.")}
	}
	admin, err := administrator(o.Config, client, setup.Scopes(o.Plan), o.Prompt)
	if err != nil {
		return nil, err
	}
	// Somebody has to find a browser and type a code: that must not happen inside a request, whose time is short.
	if _, err := admin.GetToken(ctx, policy.TokenRequestOptions{EnableCAE: true}); err != nil {
		found := explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.SigningIn, Numbers: explain.Numbers(err.Error()), Err: err})
		return nil, &fail.Error{Op: "app.setup", Kind: fail.Denied, Err: explain.With(found, err), Say: fail.T("Nobody signed in. Where sign-in by device code is blocked, print what somebody else can do: nameplate setup --checklist")}
	}
	g, err := graph.New(graph.Options{Endpoint: o.Config.Cloud.Graph, Credential: admin, Transport: client.Transport, Now: o.Now, NewID: newID})
	if err != nil {
		return nil, fail.Wrap(fail.Invalid, "app.setup", err)
	}
	s := &Setup{o: o}
	wish, err := s.wish()
	if err != nil {
		return nil, err
	}
	for _, r := range neededRoles(o.Config) {
		wish.Roles = append(wish.Roles, doctor.RoleName(r))
	}
	if s.Plan, err = setup.Look(ctx, setup.Options{Graph: g, Wait: pause, NewID: newID}, wish); err != nil {
		return nil, err
	}
	if t := strings.ToLower(o.Config.Tenant); guid.MatchString(t) && t != s.Tenant {
		return nil, fail.New(fail.Conflict, "app.setup", fail.T("You signed in to %[1]s (%[2]s), and the setting tenant names %[3]s.", s.Organization, s.Tenant, t))
	}
	for _, other := range o.Others {
		if strings.EqualFold(other, s.Tenant) || slices.Contains(s.Domains, strings.ToLower(other)) {
			return nil, fail.New(fail.Conflict, "app.setup", fail.T("You signed in to %[1]s (%[2]s), which stands in the list of organizations already, as %[3]s. Name it so: --tenant %[3]s", s.Organization, s.Tenant, other))
		}
	}
	return s, nil
}

// wish is what there shall be, by the configuration.
func (s *Setup) wish() (setup.Wish, error) {
	w, cfg := Wish(s.o.Config, s.o.Name), s.o.Config
	w.Admin, w.Remove = s.o.Admin, s.o.Remove
	if w.Federated = cfg.FederatedTokenFile != "" || cfg.ManagedIdentity != ""; w.Federated || cfg.ClientSecret != "" {
		return w, nil
	}
	if s.file = cfg.Certificate; s.file == "" {
		name := "nameplate.pem"
		if cfg.Element > 0 { // each organization's key is its own
			name = "nameplate-" + strings.ToLower(cfg.Tenant) + ".pem"
		}
		s.file = filepath.Join(filepath.Dir(s.o.File), name)
	}
	pair, err := setup.OpenPair(s.file)
	if fail.Is(err, fail.NotFound) {
		pair, err = setup.MakePair(rand.Reader, s.o.Now(), certificateDays)
		s.pair = pair
	}
	if err != nil {
		return w, err
	}
	w.Certificate = pair.Leaf
	return w, nil
}

// Wish is what a registration has to be for this configuration; the credential is left out.
func Wish(cfg config.Config, name string) setup.Wish {
	return setup.Wish{
		Name: name, ClientID: cfg.ClientID, Delegated: setup.Delegated(),
		Redirects: []string{RedirectURI(cfg), cfg.PublicURL.String() + "/signed-out"}, Logout: LogoutURL(cfg),
		Application: func(known []string) []string {
			if cfg.DelegatedOnly {
				return nil
			}
			return doctor.Least(doctor.Chosen(cfg.Features), known...)
		},
	}
}

// SetupByHand gives what setup would do as a checklist, or as a script, with a certificate for it; made says that its key was made now.
func SetupByHand(o SetupOptions, asScript bool) (text string, made string, err error) {
	if o.Now == nil {
		o.Now = Clock
	}
	s := &Setup{o: o}
	w, err := s.wish()
	if err != nil {
		return "", "", err
	}
	if s.pair != nil {
		if err := s.pair.Create(s.file); err != nil {
			return "", "", err
		}
		made = s.file
	}
	cloud := o.Config.Cloud
	p := setup.Places{Login: cloud.Authority, Graph: cloud.Graph, Portal: "https://entra.microsoft.com", Tenant: o.Config.Tenant, File: s.file, Features: o.Config.Features}
	if known, ok := graph.CloudNamed(cloud.Name); ok && known != graph.Global {
		p.Portal = known.Portal()
	}
	for _, r := range neededRoles(o.Config) {
		p.Roles = append(p.Roles, doctor.RoleName(r))
	}
	if !asScript {
		return setup.Checklist(w, p), made, nil
	}
	text, err = setup.Script(w, p, newID)
	return text, made, err
}

// neededRoles are the directory roles that somebody has to give the application's service principal for its features: setup gives none.
func neededRoles(cfg config.Config) []string {
	var out []string
	for _, f := range doctor.Chosen(cfg.Features) {
		for _, n := range f.Needs {
			if n.Role != "" && !cfg.DelegatedOnly && !slices.Contains(out, n.Role) {
				out = append(out, n.Role)
			}
		}
	}
	return out
}

// Apply keeps the key, does what was planned, and writes the configuration. It gives the keys that were written.
func (s *Setup) Apply(ctx context.Context, tell func(string)) ([]string, error) {
	if s.pair != nil {
		tell("keeping a new key in " + s.file)
		if err := s.pair.Create(s.file); err != nil {
			return nil, err
		}
		s.pair = nil
	}
	if err := s.Plan.Apply(ctx, tell); err != nil {
		return nil, err
	}
	at := s.o.Config.Element
	list := []setup.Setting{{Key: "tenant", Value: s.Tenant, Element: at}, {Key: "client_id", Value: s.ClientID, Element: at}}
	if s.o.Config.Certificate == "" && s.file != "" {
		list = append(list, setup.Setting{Key: "client_certificate", Value: filepath.Base(s.file), Element: at})
	}
	list = append(list, s.o.Said...)
	return setup.WriteSettings(s.o.File, list)
}

// proofTries and proofPause bound how long a new registration is waited for: what was made shows everywhere after a while.
const proofTries, proofPause = 12, 5 * time.Second

// Prove examines a new registration until nothing is wrong with it or patience ends. What is wrong here does not pass by waiting.
func Prove(ctx context.Context, cfg config.Config) ([]doctor.Finding, error) {
	for try := 1; ; try++ {
		found, err := Examine(ctx, cfg, nil)
		wait := slices.ContainsFunc(found, func(f doctor.Finding) bool {
			return f.Level == doctor.Error && !slices.Contains([]string{"database", "key_file", "clock"}, f.Code)
		})
		if err != nil || try == proofTries || !wait {
			return found, err
		}
		if err := pause(ctx, proofPause); err != nil {
			return found, err
		}
	}
}

// signedIn asks for exactly these scopes, whatever it is asked for: Microsoft's client has more than setup needs.
type signedIn struct {
	*azidentity.DeviceCodeCredential
	scopes []string
}

func (s signedIn) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	o.Scopes = s.scopes
	return s.DeviceCodeCredential.GetToken(ctx, o)
}

// administrator signs somebody in by device code: no password and no token passes this program's window.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
func administrator(cfg config.Config, client *http.Client, scopes []string, prompt func(string)) (azcore.TokenCredential, error) {
	tenant := cfg.Tenant
	if tenant == "" {
		tenant = "organizations"
	}
	c, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: cfg.Cloud.Tokens + "/"}, Transport: client},
		ClientID:      setup.Tools, TenantID: tenant, DisableInstanceDiscovery: cfg.Cloud.Own(),
		UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error { prompt(m.Message); return nil },
	})
	if err != nil {
		return nil, &fail.Error{Op: "app.setup", Kind: fail.Invalid, Err: err, Say: fail.T("Nobody can sign in with these settings. Check tenant, cloud and authority.")}
	}
	full := make([]string, len(scopes))
	for i, s := range scopes {
		full[i] = strings.TrimRight(cfg.Cloud.Graph, "/") + "/" + s
	}
	return signedIn{c, full}, nil
}
