package app

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"time"

	"nameplate/graph"
	"nameplate/internal/config"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/setup"
)

// Credential is one that is registered, and whether this installation uses it.
type Credential struct {
	setup.Credential
	DaysLeft int  `json:"days_left"` // meaningless when Ends is zero: it does not end
	Used     bool `json:"used"`
}

// Credentials are those of the application, as its registration shows them.
func Credentials(ctx context.Context, cfg config.Config) ([]Credential, error) {
	dir, _, _, err := openDirectory(ctx, cfg, property.Catalog(), Clock, ears{}, nil)
	if err != nil {
		return nil, err
	}
	list, err := setup.Registered(ctx, dir.graph, cfg.ClientID)
	if err != nil {
		return nil, err
	}
	used := ""
	if leaf := dir.proof.leaf(); leaf != nil {
		used = setup.Thumbprint(leaf)
	} else {
		used = dir.hint()
	}
	out := make([]Credential, len(list))
	for i, c := range list {
		out[i] = Credential{Credential: c, Used: used != "" && c.Mark == used}
		if !c.Ends.IsZero() {
			out[i].DaysLeft = int(c.Ends.Sub(Clock()) / (24 * time.Hour))
		}
	}
	return out, nil
}

// RotateOptions say how the certificate is replaced.
type RotateOptions struct {
	Days    int           // how long the new one is good; 0 is a year
	Overlap time.Duration // how long the old one stays registered
	Within  int           // replace it only when it ends within so many days; 0 in any case
	Finish  bool          // take the old one away now
	Tell    func(string)
}

// Rotate registers a new certificate and puts it into the file, or, when the overlap of the last rotation is over, takes the old one
// away. It gives the certificate that is now used, nil when nothing was due, and until when the old one stays; zero when it is gone.
func Rotate(ctx context.Context, cfg config.Config, o RotateOptions) (*setup.Pair, time.Time, error) {
	if cfg.Certificate == "" {
		return nil, time.Time{}, fail.New(fail.Unsupported, "app.rotate", fail.T("Only a certificate can replace itself, and this installation does not use one. Take the secret out of the configuration and run nameplate setup, which makes a certificate."))
	}
	client, err := ClientTrusting(cfg.CAFile)
	if err != nil {
		return nil, time.Time{}, &fail.Error{Op: "app.rotate", Kind: fail.Invalid, Err: err, Say: fail.T("The file of the certificate authority cannot be used. Check the setting ca_file.")}
	}
	tenant, err := tenantID(ctx, cfg, client)
	if err != nil {
		return nil, time.Time{}, err
	}
	if o.Days == 0 {
		o.Days = certificateDays
	}
	r := setup.Rotation{
		ClientID: cfg.ClientID, File: cfg.Certificate, Days: o.Days, Now: Clock, Random: rand.Reader, Wait: pause, Tell: o.Tell,
		Graph: func(p *setup.Pair) (*graph.Client, error) {
			cred, err := certificateCredential(cfg, tenant, client, []*x509.Certificate{p.Leaf}, p.PrivateKey)
			if err != nil {
				return nil, err
			}
			return graph.New(graph.Options{Endpoint: cfg.Cloud.Graph, Credential: cred, Transport: client.Transport, Now: Clock, NewID: newID})
		},
	}
	since, pending := r.Pending()
	if until := since.Add(o.Overlap); pending && !o.Finish && Clock().Before(until) {
		if o.Within > 0 {
			return nil, until, nil
		}
		return nil, until, fail.New(fail.Conflict, "app.rotate", fail.T("The certificate was replaced on %[1]s, and the one before it stays registered until %[2]s. Take it away now: nameplate credentials rotate --finish", since.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339)))
	}
	if pending || o.Finish {
		if err := r.Finish(ctx); err != nil {
			return nil, time.Time{}, err
		}
		pair, err := setup.OpenPair(cfg.Certificate)
		return pair, time.Time{}, err
	}
	if present, err := setup.OpenPair(cfg.Certificate); err == nil && o.Within > 0 && present.Leaf.NotAfter.After(Clock().AddDate(0, 0, o.Within)) {
		return nil, time.Time{}, nil
	}
	pair, err := r.Rotate(ctx)
	return pair, Clock().Add(o.Overlap), err
}
