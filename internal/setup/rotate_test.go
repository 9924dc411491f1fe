package setup_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/fail"
	"nameplate/internal/setup"
)

// client proves itself with a pair.
func (w *world) client(clientID string, p *setup.Pair) (*graph.Client, error) {
	o := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: w.s.Authority + "/"}, Transport: w.s.Client()}
	o.Retry.MaxRetries = -1
	c, err := azidentity.NewClientCertificateCredential(tenant, clientID, []*x509.Certificate{p.Leaf}, p.PrivateKey, &azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
	if err != nil {
		return nil, err
	}
	return graph.New(graph.Options{Endpoint: w.s.Graph, Credential: c, Transport: w.s.Client().Transport, Now: time.Now, NewID: w.newID, Retry: graph.Retry{Reads: 1, Throttles: 1}})
}

// rotation is an application without any permission and a file with its key.
func rotation(t *testing.T) (*world, setup.Rotation) {
	t.Helper()
	const id = "20000000-0000-4000-8000-000000000007"
	w := begin(t, emulator.App{ClientID: id, Name: "Portal", Redirects: []string{"https://portal.example/auth/callback"}, Certificates: []string{setup.Public(pair().Leaf)}})
	r := setup.Rotation{
		ClientID: id, File: filepath.Join(t.TempDir(), "nameplate.pem"), Days: 90, Now: time.Now, Random: rand.Reader, Tell: func(string) {},
		Wait:  func(context.Context, time.Duration) error { w.waits.Add(1); return nil },
		Graph: func(p *setup.Pair) (*graph.Client, error) { return w.client(id, p) },
	}
	if err := pair().Create(r.File); err != nil {
		t.Fatal(err)
	}
	return w, r
}

// good says whether the sign-in service takes a pair.
func good(t *testing.T, r setup.Rotation, p *setup.Pair) bool {
	t.Helper()
	g, err := r.Graph(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Held(t.Context())
	return err == nil
}

// TestF18_BothAreGoodWhileOneIsReplaced: without any permission, for an application needs none to roll its own keys.
func TestF18_BothAreGoodWhileOneIsReplaced(t *testing.T) {
	t.Parallel()
	w, r := rotation(t)
	next, err := r.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !good(t, r, pair()) || !good(t, r, next) {
		t.Error("in the overlap one of the two is refused")
	}
	present, err := setup.OpenPair(r.File)
	if info, serr := os.Stat(r.File); err != nil || serr != nil || setup.Thumbprint(present.Leaf) != setup.Thumbprint(next.Leaf) || info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds another one: %v %v", err, serr)
	}
	if since, ok := r.Pending(); !ok || since.IsZero() {
		t.Error("the old one is not pending")
	}
	if _, err := r.Rotate(t.Context()); !fail.Is(err, fail.Conflict) || !strings.Contains(err.Error(), "--finish") {
		t.Errorf("a second rotation before the first is finished: %v", err)
	}
	g, err := r.Graph(next)
	if err != nil {
		t.Fatal(err)
	}
	list, err := setup.Registered(t.Context(), g, r.ClientID)
	if err != nil || len(list) != 2 || list[0].Mark != setup.Thumbprint(pair().Leaf) || list[1].Mark != setup.Thumbprint(next.Leaf) || !list[0].Ends.Before(list[1].Ends) {
		t.Errorf("registered: %+v %v", list, err)
	}
	if err := r.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if good(t, r, pair()) || !good(t, r, next) {
		t.Error("after the overlap the old one is still good, or the new one is not")
	}
	if left, _ := filepath.Glob(r.File + ".*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := r.Finish(t.Context()); !fail.Is(err, fail.NotFound) {
		t.Errorf("finished twice: %v", err)
	}
	if n := w.waits.Load(); n != 0 {
		t.Errorf("waited %d times for nothing", n)
	}
}

// TestF18_ARotationThatIsCutOffGoesOn: whichever request is lost, before or after it is done, the file's certificate is good and the next
// run ends what was begun, with two certificates and no more.
func TestF18_ARotationThatIsCutOffGoesOn(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before", "after"} {
		for _, path := range []string{`/addKey$`, `/removeKey$`} {
			t.Run(at+" "+path, func(t *testing.T) {
				t.Parallel()
				w, r := rotation(t)
				w.Inject(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: path, Times: 1}, At: at, Do: emulator.Do{Drop: true}})
				next, err := r.Rotate(t.Context())
				present, oerr := setup.OpenPair(r.File)
				if oerr != nil || !good(t, r, present) {
					t.Fatalf("the file's certificate is refused: %v", oerr)
				}
				if err != nil {
					if next, err = r.Rotate(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.Finish(t.Context()); err != nil {
					if err := r.Finish(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if good(t, r, pair()) || !good(t, r, next) {
					t.Error("the old one is good, or the new one is not")
				}
				g, _ := r.Graph(next)
				if list, err := setup.Registered(t.Context(), g, r.ClientID); err != nil || len(list) != 1 {
					t.Errorf("registered: %+v %v", list, err)
				}
			})
		}
	}
}

// TestF18_WaitsUntilTheNewOneIsKnown: the sign-in service refuses it at first; the file is not replaced before it is taken.
func TestF18_WaitsUntilTheNewOneIsKnown(t *testing.T) {
	t.Parallel()
	w, r := rotation(t)
	var asked atomic.Int32
	real := r.Graph
	r.Graph = func(p *setup.Pair) (*graph.Client, error) {
		if setup.Thumbprint(p.Leaf) != setup.Thumbprint(pair().Leaf) && asked.Add(1) <= 3 {
			if present, err := setup.OpenPair(r.File); err != nil || setup.Thumbprint(present.Leaf) != setup.Thumbprint(pair().Leaf) {
				return nil, fmt.Errorf("replaced too early: %w", err)
			}
			return nil, fmt.Errorf("AADSTS700027: not known yet")
		}
		return real(p)
	}
	if _, err := r.Rotate(t.Context()); err != nil || w.waits.Load() != 3 {
		t.Errorf("%v, waited %d times", err, w.waits.Load())
	}
}

func TestF18_NothingIsReplacedByWhatIsNeverTaken(t *testing.T) {
	t.Parallel()
	_, r := rotation(t)
	real := r.Graph
	r.Graph = func(p *setup.Pair) (*graph.Client, error) {
		if setup.Thumbprint(p.Leaf) != setup.Thumbprint(pair().Leaf) {
			return nil, fmt.Errorf("AADSTS700027: not known")
		}
		return real(p)
	}
	if _, err := r.Rotate(t.Context()); !fail.Is(err, fail.Unavailable) || !strings.Contains(err.Error(), "Nothing was replaced") {
		t.Errorf("%v", err)
	}
	if present, err := setup.OpenPair(r.File); err != nil || setup.Thumbprint(present.Leaf) != setup.Thumbprint(pair().Leaf) {
		t.Errorf("the file holds another one: %v", err)
	}
}
