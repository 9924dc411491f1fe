package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/internal/config"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

const (
	tenant = "NAMEPLATE_TENANT=11111111-2222-3333-4444-555555555555"
	client = "NAMEPLATE_CLIENT_ID=66666666-7777-8888-9999-000000000000"
	secret = "NAMEPLATE_CLIENT_SECRET=Kx8~canary~0123456789abcdefghijklmnopq"
)

func load(t *testing.T, yaml string, environ ...string) (config.Config, config.Mistakes) {
	t.Helper()
	src := config.Source{Environ: environ, Now: func() time.Time { return now }}
	if yaml != "" {
		src.File = filepath.Join(t.TempDir(), "nameplate.yaml")
		write(t, src.File, yaml, 0o600)
	}
	c, err := config.Load(src)
	if err == nil {
		return c, nil
	}
	var m config.Mistakes
	if !errors.As(err, &m) {
		t.Fatalf("the error is %T, not the list of mistakes", err)
	}
	return c, m
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// pemPair writes a certificate and its key into one file.
func pemPair(t *testing.T, from, to time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder}))
}

// S1.6, S1.7, S1.8: the three variables of the tutorial, under names of our own.
func TestS1_6to8_ThreeVariablesAreEnough(t *testing.T) {
	t.Parallel()
	for name, tenant := range map[string]string{"by id": tenant, "by name": "NAMEPLATE_TENANT=example.com"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, mistakes := load(t, "", tenant, client, secret)
			if mistakes != nil {
				t.Fatal(mistakes)
			}
			if c.Cloud.Authority != "https://login.microsoftonline.com" || c.Cloud.Graph != "https://graph.microsoft.com" {
				t.Errorf("cloud: %+v", c.Cloud)
			}
		})
	}
}

// S2.4: base addresses of the four clouds. https://learn.microsoft.com/graph/deployments
func TestS2_4_FourClouds(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[string][2]string{
		"global":    {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
		"us-gov-l4": {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		"us-gov-l5": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		"china":     {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
	} {
		c, mistakes := load(t, "", tenant, client, secret, "NAMEPLATE_CLOUD="+cloud)
		if mistakes != nil || c.Cloud.Authority != want[0] || c.Cloud.Graph != want[1] {
			t.Errorf("%s: %+v %v", cloud, c.Cloud, mistakes)
		}
	}
}

// W26: nothing set is a list of what is missing, not a crash.
func TestW26_NothingSet(t *testing.T) {
	t.Parallel()
	_, m := load(t, "")
	if len(m) != 3 {
		t.Fatalf("want tenant, client_id and a credential, got:\n%v", m)
	}
	for i, key := range []string{"tenant", "client_id", "client_certificate"} {
		if !strings.HasPrefix(m[i].String(), key) || m[i].Remedy == "" {
			t.Errorf("mistake %d is %q", i, m[i])
		}
	}
}

func TestB48_NamesInListsAreChecked(t *testing.T) {
	t.Parallel()
	_, m := load(t, "tenant: example.com\nclient_id: 66666666-7777-8888-9999-000000000000\nclient_secret: 0123456789abcdefABCDEF\nfeatures: [profiles, fotos]\npilot_groups: Everybody\n")
	if len(m) != 2 || !strings.Contains(m.Error(), `"fotos"`) || !strings.Contains(m.Error(), `"Everybody"`) {
		t.Errorf("%v", m)
	}
	c, m := load(t, "tenant: example.com\nclient_id: 66666666-7777-8888-9999-000000000000\nclient_secret: 0123456789abcdefABCDEF\nfeatures: profiles, groups\npilot_groups: [AAAAAAAA-2222-3333-4444-555555555555]\n")
	if m != nil || len(c.Features) != 2 || c.PilotGroups[0] != "aaaaaaaa-2222-3333-4444-555555555555" {
		t.Errorf("%+v %v", c, m)
	}
}

func TestB48_AllMistakesAtOnceWithRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := pemPair(t, now.Add(-time.Hour), now.Add(time.Hour))
	oldCert, oldKey := pemPair(t, now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	_, otherKey := pemPair(t, now, now.Add(time.Hour))
	file := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		write(t, p, text, mode)
		return p
	}
	good := file("good.pem", cert+key, 0o600)
	cases := []struct {
		name    string
		yaml    string
		environ []string
		want    []string // each must stand in one of the mistakes
	}{
		{"both secret and certificate", "", []string{secret, "NAMEPLATE_CLIENT_CERTIFICATE=" + good}, []string{"and client_certificate are both set. Remedy: keep the certificate"}},
		{"certificate without key", "", []string{"NAMEPLATE_CLIENT_CERTIFICATE=" + file("nokey.pem", cert, 0o600)}, []string{"has no key in it"}},
		{"expired certificate", "", []string{"NAMEPLATE_CLIENT_CERTIFICATE=" + file("old.pem", oldCert+oldKey, 0o600)}, []string{"ended on 2026-11-20"}},
		{"key of another certificate", "", []string{"NAMEPLATE_CLIENT_CERTIFICATE=" + file("mixed.pem", cert+otherKey, 0o600)}, []string{"does not fit its key"}},
		{"key locked with a password", "", []string{"NAMEPLATE_CLIENT_CERTIFICATE=" + file("locked.pem", cert+strings.ReplaceAll(key, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), 0o600)}, []string{"locked with a password"}},
		{"A51 key that others may read", "", []string{"NAMEPLATE_CLIENT_CERTIFICATE=" + file("open.pem", cert+key, 0o644)}, []string{"others on this machine may read. Remedy: run: chmod 600"}},
		{"tenant that is neither", "", []string{secret, "NAMEPLATE_TENANT=my company"}, []string{"neither a tenant id nor a domain name"}},
		{"public address with a path", "public_url: https://people.example.com/portal\n", []string{secret}, []string{"nameplate.yaml:1: public_url has something after the host name. Remedy: write only scheme and host: https://people.example.com"}},
		{"public address http elsewhere", "public_url: http://people.example.com\n", []string{secret}, []string{"is http, and not on this machine"}},
		{"typo in a variable", "", []string{secret, "NAMEPLATE_CLINT_ID=x"}, []string{"NAMEPLATE_CLINT_ID is not a setting. Remedy: did you mean NAMEPLATE_CLIENT_ID"}},
		{"nothing near", "foo: 1\n", []string{secret, "NAMEPLATE_FOO=1"}, []string{"nameplate.yaml:1: foo is not a setting. Remedy: take it out", "NAMEPLATE_FOO is not a setting. Remedy: take it out"}},
		{"typo in the file", "lisen: 127.0.0.1:1\n", []string{secret}, []string{"nameplate.yaml:1: lisen is not a setting. Remedy: did you mean listen"}},
		{"key twice", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", []string{secret}, []string{"nameplate.yaml"}},
		{"S1.9 secret of a tutorial", "", []string{"NAMEPLATE_CLIENT_SECRET=your_secret_key_please_change"}, []string{"too short or a text from a tutorial"}},
		{"S1.9 short secret", "", []string{"NAMEPLATE_CLIENT_SECRET=tiny"}, []string{"too short or a text from a tutorial"}},
		{"B49 secret file missing", "", []string{"NAMEPLATE_CLIENT_SECRET_FILE=" + filepath.Join(dir, "none")}, []string{"NAMEPLATE_CLIENT_SECRET_FILE names " + filepath.Join(dir, "none") + ", which cannot be read (there is no such file)"}},
		{"B49 secret file in the file", "client_secret_file: x\n", nil, []string{"x, which cannot be read (there is no such file)"}},
		{"B49 other files missing", "", []string{secret, "NAMEPLATE_POLICY=" + filepath.Join(dir, "none.yaml"), "NAMEPLATE_LOGO=" + filepath.Join(dir, "none.svg")}, []string{
			"NAMEPLATE_POLICY names " + filepath.Join(dir, "none.yaml") + ", which cannot be read (there is no such file)", "NAMEPLATE_LOGO names " + filepath.Join(dir, "none.svg"),
		}},
		{"A57 emulator and real mixed", "", []string{secret, "NAMEPLATE_AUTHORITY=http://127.0.0.1:9"}, []string{"mix the emulator and the real service"}},
		{"A57 emulator behind a public address", "", []string{secret, "NAMEPLATE_AUTHORITY=http://127.0.0.1:9", "NAMEPLATE_GRAPH=http://127.0.0.1:9", "NAMEPLATE_PUBLIC_URL=https://people.example.com"}, []string{"an emulator lets anybody sign in as anybody"}},
		{
			"address, duration, choice, color, proxy", "",
			[]string{secret, "NAMEPLATE_LISTEN=8080", "NAMEPLATE_SESSION_IDLE=never", "NAMEPLATE_CLOUD=mars", "NAMEPLATE_ACCENT=blue", "NAMEPLATE_TRUSTED_PROXIES=10.0.0.0/8,everybody", "NAMEPLATE_SUPPORT=call us", "NAMEPLATE_PRIVACY_URL=http://example.com"},
			[]string{"write host:port", "write it as 60m", "write one of: global, us-gov-l4, us-gov-l5, china", "write it as #0b5cad", `holds "everybody"`},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, m := load(t, c.yaml, append([]string{tenant, client}, c.environ...)...)
			if len(m) < len(c.want) {
				t.Fatalf("want %d mistakes at once, got %d:\n%v", len(c.want), len(m), m)
			}
			for _, w := range c.want {
				if !strings.Contains(m.Error(), w) {
					t.Errorf("want %q in:\n%v", w, m)
				}
			}
			if strings.Contains(m.Error(), "canary") {
				t.Errorf("a secret is shown:\n%v", m)
			}
		})
	}
}

// A52: a configuration can be printed in any way without its secrets.
func TestA52_SecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c, mistakes := load(t, "", tenant, client, secret, "NAMEPLATE_DATABASE=postgres://me:canary@127.0.0.1/db")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, "canary") {
			t.Errorf("%s shows a secret: %s", verb, s)
		}
	}
	if !strings.Contains(c.ClientSecret.Reveal(), "canary") {
		t.Error("the secret did not arrive")
	}
}

// B49: a secret whose file cannot be read is one mistake, and not a missing secret as well.
func TestB49_AnUnreadSecretIsOneMistake(t *testing.T) {
	t.Parallel()
	if _, m := load(t, "", tenant, client, "NAMEPLATE_CLIENT_SECRET_FILE="+filepath.Join(t.TempDir(), "none")); len(m) != 1 {
		t.Errorf("%v", m)
	}
}

// B42: YAML's own idea of values does not touch ours.
func TestB42_TextStaysText(t *testing.T) {
	t.Parallel()
	c, m := load(t, "name: no\nlanguage: de\n", tenant, client, secret)
	if m != nil || c.Name != "no" {
		t.Errorf("name is %q, mistakes %v", c.Name, m)
	}
}

// B49: a relative path starts from the folder of the file that names it, not from where the program was started.
func TestB49_RelativePaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "people.yaml"), "x", 0o600)
	write(t, filepath.Join(dir, "nameplate.yaml"), "policy: people.yaml\n", 0o600)
	c, err := config.Load(config.Source{File: filepath.Join(dir, "nameplate.yaml"), Environ: []string{tenant, client, secret}, Now: func() time.Time { return now }})
	if err != nil || c.Policy != filepath.Join(dir, "people.yaml") {
		t.Errorf("policy is %q, %v", c.Policy, err)
	}
}

// A relative path of the database begins at the configuration file, as every other file's does; an address of PostgreSQL is no path.
func TestDatabase_IsBesideTheFileThatNamesIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nameplate.yaml")
	for text, want := range map[string]string{
		"data/n.db": filepath.Join(filepath.Dir(file), "data", "n.db"), "/var/lib/n.db": "/var/lib/n.db", "postgres://me@db.example/people": "postgres://me@db.example/people",
	} {
		write(t, file, "database: "+text+"\nkey_file: n.key\n", 0o600)
		c, err := config.Load(config.Source{File: file, Environ: []string{tenant, client, secret}, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Database.Reveal(); got != want || c.KeyFile != filepath.Join(filepath.Dir(file), "n.key") {
			t.Errorf("%s: %s and %s, want %s", text, got, c.KeyFile, want)
		}
	}
}
