package app

import (
	"context"
	"errors"

	"nameplate/emulator"
	"nameplate/internal/config"
	"nameplate/internal/directory"
	"nameplate/internal/policy"
)

// ShowOptions say whose form to print.
type ShowOptions struct {
	Config config.Config
	As     string // user principal name
	Policy string // policy file to try; "" is the one in force
	Demo   bool   // the sample organization and the demo's policy
}

// Form is the profile form as one person gets it.
type Form struct {
	Fields []policy.Field
	Text   string
}

// ShowForm reads a person from the directory and applies the policy to them, as their own profile page does.
func ShowForm(ctx context.Context, o ShowOptions) (f Form, err error) {
	cfg := o.Config
	if o.Demo {
		org, err := organization(0, false)
		if err != nil {
			return Form{}, err
		}
		t, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
		if err != nil {
			return Form{}, err
		}
		srv, err := t.Start(ctx, addresses(0, ""))
		if err != nil {
			return Form{}, err
		}
		defer func() { _ = srv.Close() }()
		cfg = config.Config{
			Organization: config.Organization{
				Tenant: t.Tenants()[0], ClientID: org.Apps[0].ClientID, ClientSecret: config.Secret(org.Apps[0].Secrets[0].Value),
				Cloud: config.Cloud{Authority: srv.AuthorityHTTP, Tokens: srv.Authority, Graph: srv.Graph},
			},
			CAFile: srv.CAFile,
		}
	}
	if o.Policy != "" {
		cfg.Policy = o.Policy
	}
	rules, err := loadPolicy(cfg.Policy, o.Demo)
	if err != nil {
		return Form{}, err
	}
	rules = rules.Delegated(cfg.DelegatedOnly)
	nobody := func(context.Context, string, string) (string, error) {
		return "", errors.New("no session on the command line")
	}
	dir, tenant, _, err := openDirectory(ctx, cfg, rules.Properties(), Clock, ears{}, nobody)
	if err != nil {
		return Form{}, err
	}
	u, err := dir.ByName(ctx, tenant, o.As, directory.Ask{Names: rules.Names(), Manager: true, Roles: true})
	if err != nil {
		return Form{}, err
	}
	by := directory.Actor{Kind: directory.PersonActor, Ref: u.Ref, Name: o.As}
	fields := rules.Form(by, u)
	return Form{Fields: fields, Text: policy.Text(u, fields)}, nil
}
