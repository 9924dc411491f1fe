package clients

import (
	"bufio"
	"crypto/sha1" // x5t, by which MSAL for Python names the certificate
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"nameplate/emulator"
)

// helper signs Adele in for a client that has no browser.
func (b box) helper(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var to string
		var err error
		if r.URL.Path == "/device" {
			err = emulator.EnterDeviceCode(r.Context(), b.Client(), q.Get("url"), q.Get("code"), q.Get("as"))
		} else {
			to, err = emulator.SignIn(r.Context(), b.Client(), q.Get("url"), q.Get("as"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, to) // the caller reports what is missing
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestPython drives what Debian packages: /usr/bin/python3, whatever else the machine has.
func TestPython(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	block, _ := pem.Decode(b.cert)
	sum := sha1.Sum(block.Bytes)
	world, err := json.Marshal(map[string]any{
		"authority": b.Authority, "graph": b.Graph, "tenant": tenantID, "web": web, "cli": console, "secret": secret, "redirect": redirect,
		"helper": b.helper(t), "people": people, "key": string(b.key), "thumbprint": hex.EncodeToString(sum[:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/clients.py", string(world))
	cmd.Env = append(os.Environ(), "REQUESTS_CA_BUNDLE="+b.CAFile, "SSL_CERT_FILE="+b.CAFile)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); n++ {
		var c struct {
			Name  string
			OK    bool
			Error string
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		t.Run(c.Name, func(t *testing.T) {
			if !c.OK {
				t.Error(c.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n != 8 {
		t.Errorf("%d checks ran, want 8", n)
	}
}
