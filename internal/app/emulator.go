package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/fail"
)

// large is from how many people on it is worth the time to give memory back.
const large = 10_000

// EmulatorOptions say what the emulator alone is made of.
type EmulatorOptions struct {
	Files     []string // organization files, each of one or several; none is the sample organization
	People    int      // an organization of so many people instead
	Data      string   // folder to keep the state in; "" keeps nothing
	Port      int      // of http; 0 lets the system choose
	HTTPSPort int
	Proxy     bool // answer for the service's own names by a proxy
	ProxyPort int
	Chaos     float64
	Throttle  emulator.Throttle
	Pages     emulator.PageSizes
	Latency   time.Duration // of every request to Graph, a batch once
	Shuffle   bool          // answers of batches come in any order
	Seed      uint64
	Rules     emulator.Rules // where what was observed differs from what is documented
	Redirects []string       // more redirect addresses of the sample application
	Snapshot  string         // file to write the organizations to when it is closed
}

// Emulator is a running emulator. Its JSON is what `nameplate emulator --json` prints.
type Emulator struct {
	Box
	engine   *emulator.Emulator
	snapshot string
}

// StartEmulator starts the emulator alone.
func StartEmulator(ctx context.Context, o EmulatorOptions) (e *Emulator, err error) {
	made := &Emulator{}
	defer func() {
		if err != nil {
			_ = made.close()
		}
	}()
	var orgs []emulator.Organization
	for _, file := range o.Files {
		more, err := readOrganizations(file)
		if err != nil {
			return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The organization file %s cannot be used.", file)}
		}
		orgs = append(orgs, more...)
	}
	if len(orgs) == 0 || o.People > 0 {
		org, err := organization(o.People, false)
		if err != nil {
			return nil, err
		}
		orgs = append([]emulator.Organization{org}, orgs...)
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
	if apps := orgs[0].Apps; len(apps) > 0 {
		apps[0].Redirects = append(apps[0].Redirects, o.Redirects...)
	}
	if err := errors.Join(o.Throttle.Valid(), o.Pages.Valid()); err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The quotas or page sizes make no sense: %s.", err.Error())}
	}
	t, err := emulator.New(emulator.Options{Organizations: orgs, Seed: o.Seed, Rules: o.Rules, Data: o.Data, Chaos: o.Chaos, Throttle: o.Throttle, Pages: o.Pages, Latency: o.Latency, ShuffleBatches: o.Shuffle})
	if err != nil {
		return nil, &fail.Error{Op: "app.emulator", Kind: fail.Invalid, Err: err, Say: fail.T("The emulator could not be made from this organization: %s.", err.Error())}
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
	made.describe(t, srv, orgs[0])
	made.engine, made.snapshot = t, o.Snapshot
	if o.People >= large {
		debug.FreeOSMemory() // making so many people leaves much behind
	}
	return made, nil
}

// Close stops the emulator, saves what is to be kept and writes the snapshot.
func (e *Emulator) Close(context.Context) error {
	err := e.close()
	if e.snapshot != "" {
		err = errors.Join(err, WriteSnapshot(e.snapshot, e.engine.Snapshot()))
	}
	return err
}

// WriteSnapshot writes organizations to a file that `nameplate emulator --organization` reads. Passwords and secrets are in it.
func WriteSnapshot(path string, orgs []emulator.Organization) error {
	var b bytes.Buffer
	err := sample.Write(&b, orgs)
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		return &fail.Error{Op: "app.snapshot", Kind: fail.Invalid, Err: err, Say: fail.T("The snapshot cannot be written to %s.", path)}
	}
	return nil
}

// FetchSnapshot asks a running emulator by its control address.
func FetchSnapshot(ctx context.Context, control string) ([]emulator.Organization, error) {
	bad := func(err error) error {
		return &fail.Error{Op: "app.snapshot", Kind: fail.Unavailable, Err: err, Say: fail.T("No emulator answers at %s. --control takes the control address that nameplate emulator prints.", control)}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(control, "/")+"/snapshot", nil)
	if err != nil {
		return nil, bad(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, bad(err)
	}
	defer func() { _ = res.Body.Close() }()
	var orgs []emulator.Organization
	if res.StatusCode != http.StatusOK {
		return nil, bad(errors.New(res.Status))
	}
	if err := json.NewDecoder(res.Body).Decode(&orgs); err != nil || len(orgs) == 0 {
		return nil, bad(errors.Join(err, errors.New("the answer is not a snapshot")))
	}
	return orgs, nil
}

func readOrganizations(path string) ([]emulator.Organization, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return sample.ReadAll(f)
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
