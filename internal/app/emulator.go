package app

import (
	"context"
	"errors"
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
	Proxy     bool // answer for the service's own names by a proxy
	ProxyPort int
	Chaos     float64
	Throttle  emulator.Throttle
	Pages     emulator.PageSizes
	Shuffle   bool // answers of batches come in any order
	Seed      uint64
	Redirects []string // more redirect addresses of the sample application
}

// Emulator is a running emulator. Its JSON is what `nameplate emulator --json` prints.
type Emulator struct{ Box }

// StartEmulator starts the emulator alone.
func StartEmulator(ctx context.Context, o EmulatorOptions) (e *Emulator, err error) {
	made := &Emulator{}
	defer func() {
		if err != nil {
			_ = made.close()
		}
	}()
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
	folder := o.Data
	if folder == "" {
		if folder, err = os.MkdirTemp("", "nameplate-emulator-"); err != nil {
			return nil, fail.Wrap(fail.Internal, "app.emulator", err)
		}
		made.remove = folder
	} else if err = os.MkdirAll(folder, 0o700); err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The folder %s cannot be made. Name one that can.", folder)}
	}
	if len(org.Apps) > 0 {
		org.Apps[0].Redirects = append(org.Apps[0].Redirects, o.Redirects...)
	}
	if err := errors.Join(o.Throttle.Valid(), o.Pages.Valid()); err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The quotas or page sizes make no sense: %s.", err.Error())}
	}
	t, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}, Seed: o.Seed, Data: o.Data, Chaos: o.Chaos, Throttle: o.Throttle, Pages: o.Pages, ShuffleBatches: o.Shuffle})
	if err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The emulator could not be made from this organization.")}
	}
	proxy := ""
	if o.Proxy || o.ProxyPort != 0 {
		proxy = loopback(o.ProxyPort)
	}
	srv, err := t.Start(ctx, emulator.Addresses{
		HTTP: loopback(o.Port), HTTPS: loopback(o.HTTPSPort), Control: loopback(0), Proxy: proxy, CAFile: filepath.Join(folder, "ca.pem"),
	})
	if err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Unavailable, Err: err, Say: fail.T("The emulator could not start. If its ports are taken, choose others with --port, --https-port and --proxy-port.")}
	}
	made.describe(t, srv, org)
	if o.People >= large {
		debug.FreeOSMemory() // making so many people leaves much behind
	}
	return made, nil
}

// Close stops the emulator and saves what is to be kept.
func (e *Emulator) Close(context.Context) error { return e.close() }

func readOrganization(path string) (emulator.Organization, error) {
	f, err := os.Open(path)
	if err != nil {
		return emulator.Organization{}, err
	}
	defer func() { _ = f.Close() }()
	return sample.Read(f)
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
