package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/fail"
)

// large is from how many people on it is worth the time to give memory back.
const large = 10_000

// EmulatorOptions say what the emulator alone is made of.
type EmulatorOptions struct {
	File      string // organization file; "" is the sample organization
	People    int    // an organization of so many people instead
	Data      string // folder to keep the state in; "" keeps nothing
	Port      int    // of http; 0 lets the system choose
	HTTPSPort int
	Chaos     float64
	Seed      uint64
	Redirects []string // more redirect addresses of the sample application
}

// Emulator is a running emulator. Its JSON is what `nameplate emulator --json` prints.
type Emulator struct {
	Authority    string `json:"authority"`
	Graph        string `json:"graph"`
	AuthHTTP     string `json:"authority_http"`
	GraphHTTP    string `json:"graph_http"`
	Control      string `json:"control"`
	CAFile       string `json:"ca_file"`
	TenantID     string `json:"tenant_id"`
	Domain       string `json:"domain"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	server       *emulator.Server
	remove       string
}

// StartEmulator starts the emulator alone.
func StartEmulator(ctx context.Context, o EmulatorOptions) (*Emulator, error) {
	org, err := organization(o.People, false)
	if o.File != "" {
		org, err = readOrganization(o.File)
		if err != nil {
			return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The organization file %s cannot be used.", o.File)}
		}
	}
	if err != nil {
		return nil, err
	}
	e := &Emulator{}
	folder := o.Data
	if folder == "" {
		if folder, err = os.MkdirTemp("", "nameplate-emulator-"); err != nil {
			return nil, fail.Wrap(fail.Internal, "app.emulator", err)
		}
		e.remove = folder
	} else if err = os.MkdirAll(folder, 0o700); err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The folder %s cannot be made. Name one that can.", folder)}
	}
	var client emulator.App
	if len(org.Apps) > 0 {
		org.Apps[0].Redirects = append(org.Apps[0].Redirects, o.Redirects...)
		client = org.Apps[0]
	}
	t, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}, Seed: o.Seed, Data: o.Data, Chaos: o.Chaos})
	if err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The emulator could not be made from this organization.")}
	}
	e.server, err = t.Start(ctx, emulator.Addresses{
		HTTP: loopback(o.Port), HTTPS: loopback(o.HTTPSPort), Control: loopback(0), CAFile: filepath.Join(folder, "ca.pem"),
	})
	if err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Unavailable, Err: err, Say: fail.T("The emulator could not start. If its ports are taken, choose others with --port and --https-port.")}
	}
	e.Authority, e.Graph, e.AuthHTTP, e.GraphHTTP = e.server.Authority, e.server.Graph, e.server.AuthorityHTTP, e.server.GraphHTTP
	if o.People >= large {
		debug.FreeOSMemory() // making so many people leaves much behind
	}
	e.Control, e.CAFile, e.TenantID = e.server.Control, e.server.CAFile, t.Tenants()[0]
	if len(org.Domains) > 0 {
		e.Domain = org.Domains[0].Name
	}
	e.ClientID = client.ClientID
	if len(client.Secrets) > 0 {
		e.ClientSecret = client.Secrets[0].Value
	}
	return e, nil
}

// Close stops the emulator and saves what is to be kept.
func (e *Emulator) Close(context.Context) error {
	err := e.server.Close()
	if e.remove != "" {
		if rerr := os.RemoveAll(e.remove); err == nil {
			err = rerr
		}
	}
	return err
}

func readOrganization(path string) (emulator.Organization, error) {
	f, err := os.Open(path)
	if err != nil {
		return emulator.Organization{}, err
	}
	defer func() { _ = f.Close() }()
	return sample.Read(f)
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
