package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/internal/config"
)

const two = `
cloud: us-gov-l4
client_id: 66666666-7777-8888-9999-000000000000
policy: rules.yaml
tenants:
  - tenant: 11111111-2222-3333-4444-555555555555
    client_secret_file: contoso.secret
    name: Contoso
  - tenant: fabrikam.example
    client_id: bbbbbbbb-7777-8888-9999-000000000000
    managed_identity: system
    cloud: global
    pilot_groups: [AAAAAAAA-2222-3333-4444-555555555555]
`

// A28: what an organization's element lacks stands at the file's own level, and what means one organization only does not.
func TestA28_ListOfTenants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "nameplate.yaml")
	write(t, filepath.Join(dir, "contoso.secret"), "Kx8~canary~0123456789abcdefghijklmnopq\n", 0o600)
	write(t, filepath.Join(dir, "rules.yaml"), "version: 1\n", 0o600)
	write(t, file, two, 0o600)
	c, err := config.Load(config.Source{File: file, Now: func() time.Time { return now }, Environ: []string{"NAMEPLATE_TENANTS_2_NAME=Fabrikam"}})
	if err != nil {
		t.Fatal(err)
	}
	all := c.Each()
	if len(all) != 2 {
		t.Fatalf("%d organizations", len(all))
	}
	a, b := all[0], all[1]
	if a.ClientSecret.Reveal() != "Kx8~canary~0123456789abcdefghijklmnopq" || a.ClientID != "66666666-7777-8888-9999-000000000000" || a.Cloud.Name != "us-gov-l4" || len(a.PilotGroups) != 0 || len(a.More) != 0 {
		t.Errorf("%+v", a.Organization)
	}
	if b.ClientSecret != "" || b.ManagedIdentity != config.SystemAssigned || b.ClientID != "bbbbbbbb-7777-8888-9999-000000000000" || b.Cloud.Name != "global" || b.Name != "Fabrikam" || b.PilotGroups[0] != "aaaaaaaa-2222-3333-4444-555555555555" {
		t.Errorf("%+v", b.Organization)
	}
	if a.Policy != filepath.Join(dir, "rules.yaml") || b.Policy != a.Policy {
		t.Errorf("policies %q and %q", a.Policy, b.Policy)
	}
	for name, want := range map[string]bool{"FABRIKAM.example": true, "contoso": true, "": false, "northwind": false} {
		if one, ok := c.Of(name); ok != want || ok && !strings.EqualFold(one.Tenant, name) && !strings.EqualFold(one.Name, name) {
			t.Errorf("%q: %v %s", name, ok, one.Tenant)
		}
	}
}

// By variables alone; and a secret of one element proves nothing for another.
func TestA28_TenantsByVariables(t *testing.T) {
	t.Parallel()
	c, m := load(t, "", client, "NAMEPLATE_TENANTS_1_TENANT=contoso.example", "NAMEPLATE_TENANTS_1_CLIENT_SECRET=Kx8~canary~0123456789abcdefghijklmnopq",
		"NAMEPLATE_TENANTS_2_TENANT=fabrikam.example", "NAMEPLATE_TENANTS_2_CLIENT_SECRET=Zz9~canary~0123456789abcdefghijklmnopq")
	if m != nil || len(c.Each()) != 2 || c.Each()[1].ClientSecret.Reveal()[:3] != "Zz9" {
		t.Errorf("%v %+v", m, c.More)
	}
}

func TestB48_MistakesInTheListOfTenants(t *testing.T) {
	t.Parallel()
	const good = "    client_id: 66666666-7777-8888-9999-000000000000\n    client_secret: Kx8~canary~0123456789abcdefghijklmnopq\n"
	one := "tenants:\n  - tenant: contoso.example\n" + good
	for name, c := range map[string]struct {
		yaml    string
		environ []string
		want    []string
	}{
		"beside the keys of one":  {"tenant: other.example\nname: Other\n" + one, nil, []string{"nameplate.yaml:1: tenant stands beside tenants", "nameplate.yaml:2: name stands beside tenants"}},
		"no list":                 {"tenants: contoso.example\n", nil, []string{"nameplate.yaml:1: tenants is not a list of 1 to 99 organizations"}},
		"an element without keys": {"tenants: [contoso.example]\n", nil, []string{"is not a list of 1 to 99 organizations"}},
		"missing":                 {"tenants:\n  - name: Contoso\n", nil, []string{"tenants 1: tenant is missing", "tenants 1: client_id is missing", "tenants 1: client_certificate and client_secret are both missing", "NAMEPLATE_TENANTS_1_CLIENT_SECRET_FILE"}},
		"twice":                   {one + "  - tenant: CONTOSO.example\n" + good, nil, []string{"nameplate.yaml:5: tenants 2: tenant names an organization that stands in the list already"}},
		"no setting of one":       {one + "    listen: 127.0.0.1:1\n", nil, []string{"nameplate.yaml:5: tenants 1: listen is not a setting of one organization"}},
		"typo":                    {one + "    polcy: x\n", nil, []string{"tenants 1: polcy is not a setting. Remedy: did you mean policy"}},
		"typo in a variable":      {one, []string{"NAMEPLATE_TENANTS_1_POLCY=x"}, []string{"NAMEPLATE_TENANTS_1_POLCY is not a setting"}},
		"a gap":                   {one, []string{"NAMEPLATE_TENANTS_3_NAME=Third"}, []string{"tenants 2: tenant is missing", "tenants 3: tenant is missing"}},
		"emulator beside Entra":   {one + "  - tenant: fabrikam.example\n" + good + "    authority: https://127.0.0.1:9\n    graph: https://127.0.0.1:9\n", nil, []string{"tenants 2: authority mixes the emulator and the real service"}},
		"two proofs":              {one + "    managed_identity: system\n", nil, []string{"nameplate.yaml:4: tenants 1: client_secret stands beside managed_identity"}},
		"no identity":             {"tenants:\n  - tenant: contoso.example\n    client_id: 66666666-7777-8888-9999-000000000000\n    managed_identity: mine\n", nil, []string{"tenants 1: managed_identity is neither system nor a client id"}},
		"no token file":           {"tenants:\n  - tenant: contoso.example\n    client_id: 66666666-7777-8888-9999-000000000000\n    federated_token_file: none\n", nil, []string{"tenants 1: federated_token_file names "}},
		"no secret file":          {"tenants:\n  - tenant: contoso.example\n    client_id: 66666666-7777-8888-9999-000000000000\n    client_secret_file: none\n", nil, []string{"tenants 1: client_secret_file names "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, m := load(t, c.yaml, c.environ...)
			for _, want := range c.want {
				if !strings.Contains(m.Error(), want) {
					t.Errorf("no %q in\n%v", want, m)
				}
			}
			if strings.Contains(m.Error(), "canary") {
				t.Errorf("a secret is echoed: %v", m)
			}
		})
	}
	if _, m := load(t, one); m != nil {
		t.Errorf("one element: %v", m)
	}
}
