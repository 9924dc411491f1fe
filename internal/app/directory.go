package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/access"
	"nameplate/internal/config"
	"nameplate/internal/directory"
	"nameplate/internal/entra"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// connection is the way to one tenant's directory.
type connection struct {
	*entra.Directory
	client *http.Client
	graph  *graph.Client
	proof  *pairFile // nil when no certificate proves the application

	secrets *proofFile[config.Secret] // nil when no secret does
}

// tokens asks for a signed-in person's token by the session's name.
type tokens func(ctx context.Context, session, spent string) (string, error)

func (t tokens) Token(ctx context.Context, session, spent string) (string, error) {
	return t(ctx, session, spent)
}

// ears are told of requests to a directory, as graph.Options has it.
type ears struct {
	watch func(status int, took time.Duration)
	heard func(ctx context.Context, l graph.Load)
}

// openDirectory makes the connection, finds the tenant's id, and says under which registration people sign in there.
func openDirectory(ctx context.Context, cfg config.Config, set *property.Set, now func() time.Time, told ears, own tokens) (connection, string, access.Tenant, error) {
	var c connection
	fault := func(err error) (connection, string, access.Tenant, error) {
		return connection{}, "", access.Tenant{}, err
	}
	client, err := ClientTrusting(cfg.CAFile)
	if err != nil {
		return fault(&fail.Error{Op: "app.directory", Kind: fail.Invalid, Err: err, Say: fail.T("The file of the certificate authority cannot be used. Check the setting ca_file.")})
	}
	c.client = client
	tenant, err := tenantID(ctx, cfg, client)
	if err != nil {
		return fault(err)
	}
	if c.proof, err = openPairs(cfg); err != nil {
		return fault(err)
	}
	proof, err := assertion(cfg, client)
	if err != nil {
		return fault(&fail.Error{Op: "app.credential", Kind: fail.Invalid, Err: err, Say: fail.T("The managed identity cannot be used. Check the setting managed_identity.")})
	}
	c.secrets = openSecrets(cfg)
	cred, err := credential(cfg, tenant, client, proof, c.proof, c.secrets)
	if err != nil {
		return fault(&fail.Error{Op: "app.credential", Kind: fail.Invalid, Err: err, Say: fail.T("The application's credential cannot be used. Check tenant, client_id and the secret or certificate.")})
	}
	g, err := graph.New(graph.Options{Endpoint: cfg.Cloud.Graph, Credential: cred, Transport: client.Transport, Now: now, NewID: newID, Watch: told.watch, Heard: told.heard})
	if err != nil {
		return fault(fail.Wrap(fail.Invalid, "app.directory", err))
	}
	c.graph = g
	c.Directory = entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: g}, Tokens: own, Properties: set, Now: now})
	reg := access.Tenant{ID: tenant, Authority: cfg.Cloud.Authority, ClientID: cfg.ClientID, Assertion: proof, Graph: cfg.Cloud.Graph}
	switch {
	case c.proof != nil:
		reg.Certificates = c.proof.certificates
	case proof == nil:
		reg.Secrets = func() (out []string) {
			for _, s := range c.secrets.all() {
				out = append(out, s.Reveal())
			}
			return out
		}
	}
	return c, tenant, reg, nil
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// tenantID is the tenant's id; a domain name is looked up in the authority's own description of that tenant.
// https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#find-your-apps-openid-configuration-document-uri
func tenantID(ctx context.Context, cfg config.Config, client *http.Client) (string, error) {
	if t := strings.ToLower(cfg.Tenant); guid.MatchString(t) {
		return t, nil
	}
	wrong := func(err error) (string, error) {
		return "", &fail.Error{
			Op: "app.tenant", Item: cfg.Tenant, Kind: fail.Unavailable, Err: err,
			Say: fail.T("The tenant %s was not found at %s. Check the name, or write the tenant id instead.", cfg.Tenant, cfg.Cloud.Authority),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Cloud.Authority+"/"+url.PathEscape(cfg.Tenant)+"/v2.0/.well-known/openid-configuration", nil)
	if err != nil {
		return wrong(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return wrong(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var doc struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&doc); err != nil || resp.StatusCode != http.StatusOK {
		return wrong(err)
	}
	u, err := url.Parse(doc.Issuer)
	if err != nil {
		return wrong(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if id = strings.ToLower(id); !guid.MatchString(id) {
		return wrong(nil)
	}
	return id, nil
}

// name is the organization's own name, or "" when the directory does not tell.
func (c connection) name(ctx context.Context, tenant string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	o, err := c.Organization(ctx, tenant)
	if err != nil {
		return ""
	}
	return o.Name
}

// member says whether people are in a group, by the application's own right; where it has none only the token can name groups.
type member struct{ people }

func (m member) Of(ctx context.Context, ref directory.Ref, groups []string) (bool, error) {
	d := m.people[ref.Tenant]
	if d == nil {
		return false, nil
	}
	u, err := d.User(ctx, directory.Authority{}, ref, directory.Ask{Groups: true})
	for _, g := range u.Groups {
		if slices.Contains(groups, g.Ref.ID) {
			return true, nil
		}
	}
	return false, err
}

// enabled says whether an account is enabled, by the application's own right; where it has none nobody can be asked, and the authority's
// refusal to renew a token tells instead.
type enabled struct{ people }

func (e enabled) Enabled(ctx context.Context, ref directory.Ref) (bool, error) {
	d := e.people[ref.Tenant]
	if d == nil {
		return true, nil
	}
	u, err := d.User(ctx, directory.Authority{}, ref, directory.Ask{Names: []property.Name{"accountEnabled"}})
	return u.Enabled, err
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
