// Package clients drives clients that are not ours (Node: MSAL, the Azure identity library, openid-client, the Graph client) against
// the emulator. It needs what `make tools` installs. The larger ones are in a module of their own, go/, for `make clients`.
package clients

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/schematest"
)

const (
	tenantID = "11111111-1111-4111-8111-111111111111"
	web      = "aaaaaaaa-0000-4000-8000-000000000001"
	console  = "aaaaaaaa-0000-4000-8000-000000000002"
	everyone = "aaaaaaaa-0000-4000-8000-000000000003"
	people   = 5000
)

func TestNodeMSAL(t *testing.T)         { t.Parallel(); drive(t, "msal.mjs", 15) }
func TestNodeOpenIDClient(t *testing.T) { t.Parallel(); drive(t, "openid.mjs", 5) }
func TestNodeGraphClient(t *testing.T)  { t.Parallel(); drive(t, "graph.mjs", 17) }

// drive runs one script against an emulator of its own; each check that it reports becomes a subtest.
func drive(t *testing.T, script string, checks int) {
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the Node clients are not installed; make tools installs them")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no node; make tools installs it")
	}
	cert, key := certificate(t)
	e, err := emulator.New(emulator.Options{Wrap: schematest.Wrap(t), Organizations: []emulator.Organization{organization(cert)}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	helper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var to string
		var err error
		if r.URL.Path == "/device" {
			err = emulator.EnterDeviceCode(r.Context(), s.Client(), q.Get("url"), q.Get("code"), q.Get("as"))
		} else {
			to, err = emulator.SignIn(r.Context(), s.Client(), q.Get("url"), q.Get("as"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, to) // the caller reports what is missing
	}))
	defer helper.Close()
	world, err := json.Marshal(map[string]any{
		"authority": s.Authority, "graph": s.Graph, "control": s.Control, "tenant": tenantID, "web": web, "cli": console, "all": everyone,
		"secret": "right-secret", "certificate": cert, "key": key, "helper": helper.URL, "people": people, "photo": photo(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, script, string(world))
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.CAFile)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var c struct {
			Name  string
			OK    bool
			Error string
		}
		if !strings.HasPrefix(lines.Text(), "{") || json.Unmarshal(lines.Bytes(), &c) != nil {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			if !c.OK {
				t.Error(c.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n < checks {
		t.Errorf("%d checks ran, want %d", n, checks)
	}
}

// organization has 5,000 people: two with a name, and enough for many pages.
func organization(cert string) emulator.Organization {
	named := []emulator.User{
		{UPN: "megan@contoso.com", Values: map[string]any{"displayName": "Megan Bowen", "mail": "megan@contoso.com"}},
		{UPN: "adele@contoso.com", Manager: "megan@contoso.com", Values: map[string]any{"displayName": "Adele Vance", "mail": "adele@contoso.com"}},
	}
	sales := emulator.Group{Name: "Sales", Type: "security", Members: []string{"adele@contoso.com"}}
	for i := len(sales.Members); i < 250; i++ {
		sales.Members = append(sales.Members, fmt.Sprintf("p%04d@contoso.com", i))
	}
	return emulator.Organization{
		ID: tenantID, Name: "Contoso", Country: "US", Domains: []emulator.Domain{{Name: "contoso.com", Verified: true}},
		Users: named,
		People: func(yield func(emulator.User) bool) {
			for i := range people - len(named) {
				if !yield(emulator.User{UPN: fmt.Sprintf("p%04d@contoso.com", i), Values: map[string]any{
					"displayName": fmt.Sprintf("Person %04d", i), "businessPhones": []any{"+1 425 555 0100"},
				}}) {
					return
				}
			}
		},
		Groups: []emulator.Group{sales},
		Apps: []emulator.App{
			{
				ClientID: web, Name: "Portal", Redirects: []string{"http://localhost:50000/authorize"}, Secrets: []emulator.Secret{{Value: "right-secret"}},
				Certificates: []string{cert}, Delegated: []string{"User.Read", "User.ReadWrite"},
				Exposes:     []emulator.Permission{{Value: "access_as_user"}},
				Application: []string{"GroupMember.ReadWrite.All", "User.ReadWrite.All", "Group.Read.All", "Directory.Read.All"},
			},
			{
				ClientID: console, Name: "Console", Public: true, Redirects: []string{"http://localhost/authorize"}, Delegated: []string{"User.Read"},
				Requests: []string{"Scope:User.Read", "Scope:api://" + web + "/access_as_user"},
			},
			{
				ClientID: everyone, Name: "For everybody", Public: true, Audience: "AzureADMultipleOrgs", Redirects: []string{"http://localhost/authorize"},
				Delegated: []string{"User.Read"},
			},
		},
	}
}

// photo is a small JPEG, in base64.
func photo(t *testing.T) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 240, 240))
	for x := range 240 {
		for y := range 240 {
			m.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x * y), A: 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "portal"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}
