package journey

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// Attacks from the other side: a sign-in service, a directory or a network that is not what it should be, against the program as it
// ships.

// refuses starts the portal with more settings and expects that it does not start; it gives what was said.
func (k *killed) refuses(more ...string) string {
	k.t.Helper()
	cmd := k.command("", more...)
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	bounded := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	bounded.Dir, bounded.Env = cmd.Dir, cmd.Env
	out, err := bounded.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() <= 0 {
		k.t.Errorf("with %v the portal should not have started: %v", more, err)
	}
	return string(out)
}

// between stands between the portal and one of the emulator's addresses and keeps the host that was asked for; on the way change may
// turn a request into another.
func (k *killed) between(address string, change func(*http.Request)) *httptest.Server {
	k.t.Helper()
	to := mustParse(k.t, address)
	theirs, err := app.ClientTrusting(k.server.CAFile)
	if err != nil {
		k.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: theirs.Transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		change(r.Out)
	}})
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	k.t.Cleanup(s.Close)
	return s
}

// A01: somebody of another tenant, there under the victim's own name and address, gets no session: neither with that tenant's code,
// nor when the sign-in service itself hands out that tenant's token.
func TestA01_AnotherTenantsVictim(t *testing.T) {
	t.Parallel()
	const victim, theirs = "misaki.tanaka@larkfield.example", "20000000-0000-4000-8000-0000000000ff"
	k := newKilledAmong(t, func(org *emulator.Organization) { org.Apps[0].Audience = "AzureADMultipleOrgs" }, emulator.Organization{
		ID: theirs, Name: "Elsewhere", Domains: []emulator.Domain{{Name: "larkfield.example", Verified: true}},
		Users: []emulator.User{{UPN: victim, Values: map[string]any{"displayName": "田中 美咲", "mail": victim, "accountEnabled": true}}},
	})
	home := k.emulator.Tenants()[0]
	var misled atomic.Bool
	front := k.between(k.server.AuthorityHTTP, func(r *http.Request) {
		if misled.Load() && strings.HasSuffix(r.URL.Path, "/token") {
			r.URL.Path = strings.Replace(r.URL.Path, home, theirs, 1)
		}
	})
	front.Start()
	w, _ := k.serve("", "NAMEPLATE_AUTHORITY="+front.URL, "NAMEPLATE_LOG_FORMAT=json")
	for _, c := range []struct {
		name, reason string
		misled       bool
	}{{"their code", "attempt", false}, {"their token", "tenant", true}} {
		b := w.browser()
		b.get("/login")
		to, err := emulator.SignIn(t.Context(), b.http, strings.Replace(b.at.String(), home, theirs, 1), victim)
		if err != nil {
			t.Fatal(err)
		}
		misled.Store(c.misled)
		b.open(to)
		misled.Store(false)
		if b.code != http.StatusForbidden && b.code != http.StatusBadRequest || c.misled && b.code != http.StatusForbidden {
			t.Errorf("%s: %d at %s\n%s", c.name, b.code, b.at, b.text())
		}
		for _, cookie := range b.http.Jar.Cookies(mustParse(t, w.Portal)) {
			if cookie.Name == "nameplate" {
				t.Errorf("%s: a session was given", c.name)
			}
		}
		if b.get("/profile"); b.at.Path == "/profile" && b.code == http.StatusOK {
			t.Errorf("%s: the victim's profile is open", c.name)
		}
		if want := `"event":"authn_login_fail","reason":"` + c.reason + `"`; !w.log.says(want) {
			t.Errorf("%s: the log does not say %s:\n%s", c.name, want, w.log.String())
		}
	}
	w.signIn(victim).says("田中 美咲") // and the victim is let in
}

// A03: names and addresses that look like an administrator's, or like the organization's, give no right; the role that the
// registration assigns does.
func TestA03_NamesGiveNoRight(t *testing.T) {
	t.Parallel()
	admin := "ruth.okonkwo@larkfield.example"
	alike := []emulator.User{
		{UPN: "a@evil.example@larkfield.example", Values: map[string]any{"mail": "ruth.okonkwo@evil.example@larkfield.example"}},
		{UPN: "Ruth.Okonkwo@larkfield。example", Values: map[string]any{"mail": admin}},
		{UPN: "ruth.okonkwo@larkfield.example.evil.example", Values: map[string]any{"mail": strings.ToUpper(admin)}},
		{UPN: "nameplate.admin@larkfield.example", Values: map[string]any{"displayName": "Nameplate.Admin", "jobTitle": "Nameplate.Admin"}},
	}
	k := newKilledAmong(t, func(org *emulator.Organization) {
		for _, u := range alike {
			if u.Values["displayName"] == nil {
				u.Values["displayName"] = "Ruth Okonkwo"
			}
			u.Values["accountEnabled"] = true
			org.Users = append(org.Users, u)
		}
	})
	policy := filepath.Join(k.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\nproperties:\n  city: { view: self, edit: self }\n  jobTitle: { view: self, edit: Nameplate.Admin }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, _ := k.serve("", "NAMEPLATE_POLICY="+policy)
	if !w.signIn(admin).get("/profile?edit=all").form("/profile").Has("jobTitle") {
		t.Fatal("the administrator's role opens nothing, so nothing is proved")
	}
	for _, u := range alike {
		form := w.signIn(u.UPN).get("/profile?edit=all").form("/profile")
		if form.Has("jobTitle") || !form.Has("city") {
			t.Errorf("%s may write %v", u.UPN, form)
		}
	}
}

// A06: what was begun before somebody signed out cannot be finished a second time after it.
func TestA06_AnAttemptIsNotUsedAgainAfterSigningOut(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.browser()
	to, err := signInAddress(b, w.who("member"))
	if err != nil {
		t.Fatal(err)
	}
	begun := b.http.Jar.Cookies(mustParse(t, w.Portal)) // the attempt, as an attacker at this machine would keep it
	b.open(to).says("田中 美咲")
	b.post("/sign-out", b.get("/profile").form("/sign-out"))
	for name, cookies := range map[string][]*http.Cookie{"with the attempt put back": begun, "in the same browser": nil} {
		b.http.Jar.SetCookies(mustParse(t, w.Portal), cookies)
		if b.open(to); b.code != http.StatusBadRequest && b.code != http.StatusForbidden {
			t.Errorf("%s: %d at %s", name, b.code, b.at)
		}
		if b.get("/profile"); b.at.Path == "/profile" && b.code == http.StatusOK {
			t.Errorf("%s: signed in again", name)
		}
	}
}

// A06: an attempt that lies about for ten minutes is worth nothing any more, whoever finds it.
func TestA06_AnAttemptEndsAfterTenMinutes(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	for _, c := range []struct {
		after time.Duration
		in    bool
	}{{9 * time.Minute, true}, {10*time.Minute + time.Second, false}} {
		b := w.browser()
		to, err := signInAddress(b, w.who("member"))
		if err != nil {
			t.Fatal(err)
		}
		late.Add(int64(c.after))
		b.open(to).get("/profile")
		if in := b.at.Path == "/profile" && b.code == http.StatusOK; in != c.in {
			t.Errorf("finished after %s: signed in %v, %d at %s", c.after, in, b.code, b.at)
		}
	}
}

// A07: a sign-in service that describes itself as another issuer is not trusted: the program does not start, and when the service
// could not be asked at the start, nobody is signed in by it.
func TestA07_AnotherIssuer(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	k.emulator.SwapIssuer("https://login.microsoftonline.com.example/{tenantid}/v2.0")
	out := k.refuses()
	for _, want := range []string{"describes itself as somebody else", "login.microsoftonline.com.example", "Check the tenant and the authority"} {
		if !strings.Contains(out, want) {
			t.Errorf("the refusal does not say %q:\n%s", want, out)
		}
	}
	var silent atomic.Bool
	silent.Store(true)
	front := k.between(k.server.AuthorityHTTP, func(r *http.Request) {
		if silent.Load() {
			r.URL.Path = "/nobody-is-here"
		}
	})
	front.Start()
	w, _ := k.serve("", "NAMEPLATE_AUTHORITY="+front.URL)
	silent.Store(false)
	b := w.browser().get("/login")
	if b.at.Host != mustParse(t, w.Portal).Host || b.code < 400 {
		t.Errorf("sent on to %s with %d", b.at, b.code)
	}
	b.says("describes itself as somebody else")
	k.emulator.SwapIssuer("")
	if b.get("/login"); b.at.Host == mustParse(t, w.Portal).Host {
		t.Errorf("the true issuer is refused: %d\n%s", b.code, b.text())
	}
}

// A38: a directory whose certificate nobody vouches for, is for another name or speaks old TLS is not spoken to, and neither is one
// over plain http or through a proxy that only the environment names. The page says that the directory does not answer, the log why.
func TestA38_TheDirectoryIsVerified(t *testing.T) {
	t.Parallel()
	ca := newOwnCA(t)
	for name, c := range map[string]struct {
		cert       tls.Certificate
		max        uint16
		says, page string
	}{
		"good":        {cert: ca.leaf(t, "127.0.0.1"), page: "田中 美咲"},
		"self-signed": {cert: newOwnCA(t).leaf(t, "127.0.0.1"), says: "certificate signed by unknown authority"},
		"wrong name":  {cert: ca.leaf(t, "127.0.0.2"), says: "certificate is valid for 127.0.0.2, not 127.0.0.1"},
		"TLS 1.1":     {cert: ca.leaf(t, "127.0.0.1"), max: tls.VersionTLS11, says: "protocol version not supported"},
		"TLS 1.0":     {cert: ca.leaf(t, "127.0.0.1"), max: tls.VersionTLS10, says: "protocol version not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKilled(t)
			var met atomic.Int64
			var turned atomic.Bool // into what must be refused; before that people could sign in
			front := k.between(k.server.Graph, func(*http.Request) { met.Add(1) })
			front.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				if turned.Load() {
					return &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS10, MaxVersion: c.max}, nil // #nosec G402 -- what must be refused
				}
				return &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, "127.0.0.1")}, MinVersion: tls.VersionTLS12}, nil
			}}
			front.StartTLS()
			file := filepath.Join(k.dir, "authority.pem")
			if err := os.WriteFile(file, ca.pem, 0o600); err != nil {
				t.Fatal(err)
			}
			w, _ := k.serve("", "NAMEPLATE_AUTHORITY="+front.URL, "NAMEPLATE_TOKEN_AUTHORITY="+front.URL, "NAMEPLATE_GRAPH="+front.URL, "NAMEPLATE_CA_FILE="+file)
			b := w.browser()
			trusted := x509.NewCertPool()
			trusted.AddCert(ca.cert)
			b.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
			to, err := signInAddress(b, w.who("member"))
			if err != nil {
				t.Fatal(err)
			}
			b.open(to).says("田中 美咲")
			turned.Store(true)
			front.CloseClientConnections()
			met.Store(0)
			b.get("/profile")
			if c.page != "" {
				b.says(c.page)
				if met.Load() == 0 {
					t.Error("the directory was never asked")
				}
				return
			}
			if b.code < 500 || met.Load() != 0 {
				t.Errorf("%d, and %d requests reached it\n%s", b.code, met.Load(), b.text())
			}
			if strings.Contains(b.text(), c.says) {
				t.Errorf("the page speaks of certificates to a person:\n%s", b.text())
			}
			if !w.log.says(c.says) {
				t.Errorf("the log does not say %q:\n%s", c.says, w.log.String())
			}
		})
	}
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		k := newKilled(t)
		for _, setting := range []string{"NAMEPLATE_GRAPH=http://graph.larkfield.example", "NAMEPLATE_AUTHORITY=http://login.larkfield.example"} {
			if out := k.refuses(setting); !strings.Contains(out, "is http, and not on this machine") {
				t.Errorf("%s:\n%s", setting, out)
			}
		}
	})
	t.Run("proxy", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var met atomic.Int64
		proxy := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { met.Add(1) })}
		go func() { _ = proxy.Serve(l) }()
		t.Cleanup(func() { _ = proxy.Close() })
		k := newKilled(t)
		at := "http://" + l.Addr().String()
		// Names that are not of this machine: a proxy of the environment is never used for this machine's own.
		w, _ := k.serve("", "NAMEPLATE_AUTHORITY=https://login.invalid", "NAMEPLATE_TOKEN_AUTHORITY=https://login.invalid", "NAMEPLATE_GRAPH=https://graph.invalid",
			"HTTP_PROXY="+at, "HTTPS_PROXY="+at, "ALL_PROXY="+at, "http_proxy="+at, "https_proxy="+at, "NO_PROXY=", "no_proxy=")
		if w.browser().get("/login").code < 500 {
			t.Error("somebody was sent on")
		}
		if met.Load() != 0 {
			t.Errorf("%d requests went to a proxy that no setting names", met.Load())
		}
	})
}

// ownCA is a certificate authority of the test's own.
type ownCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newOwnCA(t *testing.T) ownCA {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's own authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	ca := ownCA{cert: tmpl}
	der, key := ca.sign(t, tmpl)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return ownCA{cert: cert, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// sign makes a key and its certificate, signed by the authority or, before there is one, by itself.
func (ca ownCA) sign(t *testing.T, tmpl *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := ca.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func (ca ownCA) leaf(t *testing.T, address string) tls.Certificate {
	t.Helper()
	der, key := ca.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: address}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
