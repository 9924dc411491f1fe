package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestS5_30_WhoMayNotGetsItOnPaper: without any sign-in, with the exact addresses, the certificate and never its key, which stays in a file
// for its owner.
func TestS5_30_WhoMayNotGetsItOnPaper(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := filepath.Join(dir, "nameplate.yaml")
	for _, how := range []string{"--checklist", "--script"} {
		code, out, err := run(t, nil, "setup", how, "--config", cfg, "--public-url", "https://people.example.com", "--features", "profiles,passwords")
		if code != 0 {
			t.Fatalf("%s: exit %d\n%s", how, code, err)
		}
		for _, want := range []string{"https://people.example.com/auth/callback", "https://people.example.com/signed-out", "User.ReadUpdate.All", "User-PasswordProfile.ReadWrite.All", "Nameplate.Auditor"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not say %q:\n%s", how, want, out)
			}
		}
		key, rerr := os.ReadFile(filepath.Join(dir, "nameplate.pem"))
		if rerr != nil {
			t.Fatal(rerr)
		}
		_, secret, _ := strings.Cut(string(key), "PRIVATE KEY-----\n")
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) > 40 && strings.Contains(out+err, line) {
				t.Errorf("%s prints the key", how)
			}
		}
		if info, serr := os.Stat(filepath.Join(dir, "nameplate.pem")); serr != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key's file: %v %v", info, serr)
		}
	}
	if _, err := os.Stat(cfg); err == nil {
		t.Error("a configuration was written")
	}
	code, out, _ := run(t, []string{"NAMEPLATE_FEDERATED_TOKEN_FILE=" + filepath.Join(dir, "token")}, "setup", "--checklist", "--config", filepath.Join(dir, "other.yaml"))
	if code != 0 || !strings.Contains(out, "Federated credentials") || strings.Contains(out, "BEGIN CERTIFICATE") {
		t.Errorf("where the platform vouches: exit %d\n%s", code, out)
	}
}

// TestA28_S5_22_WhichOrganizationIsMeant: where several stand in the configuration setup does not guess; another one has a key of its own.
func TestA28_S5_22_WhichOrganizationIsMeant(t *testing.T) {
	t.Parallel()
	cfg := file(t, "nameplate.yaml", "tenants:\n  - tenant: contoso.example\n  - name: Fabrikam\n")
	dir := filepath.Dir(cfg)
	if code, _, err := run(t, nil, "setup", "--checklist", "--config", cfg); code != 2 || !strings.Contains(err, "contoso.example, Fabrikam") || !strings.Contains(err, "--tenant") {
		t.Errorf("nothing said: exit %d: %s", code, err)
	}
	if code, _, err := run(t, nil, "setup", "--checklist", "--config", cfg, "--tenant", "Northwind"); code != 2 || !strings.Contains(err, "neither a tenant id nor a domain") {
		t.Errorf("no organization's name: exit %d: %s", code, err)
	}
	one := file(t, "one.yaml", "tenant: contoso.example\n")
	if code, _, err := run(t, nil, "setup", "--checklist", "--config", one, "--tenant", "northwind.example"); code != 2 || !strings.Contains(err, "tenants:") {
		t.Errorf("a file for one: exit %d: %s", code, err)
	}
	code, out, err := run(t, nil, "setup", "--checklist", "--config", cfg, "--tenant", "northwind.example", "--features", "passwords", "--public-url", "https://people.example.com")
	if code != 0 || !strings.Contains(out, "/northwind.example/v2.0/adminconsent") || !strings.Contains(out, "User-PasswordProfile.ReadWrite.All") || !strings.Contains(out, "https://people.example.com/auth/callback") {
		t.Errorf("another: exit %d\n%s%s", code, out, err)
	}
	code, out, err = run(t, nil, "setup", "--checklist", "--config", cfg, "--tenant", "contoso.example")
	if code != 0 || !strings.Contains(out, "/contoso.example/v2.0/adminconsent") {
		t.Errorf("the first: exit %d\n%s%s", code, out, err)
	}
	for _, name := range []string{"contoso", "northwind"} {
		if _, err := os.Stat(filepath.Join(dir, "nameplate-"+name+".example.pem")); err != nil {
			t.Errorf("the key of %s: %v", name, err)
		}
	}
}

// A secret cannot replace itself: what to do instead is said.
func TestF18_ASecretDoesNotRotateItself(t *testing.T) {
	t.Parallel()
	cfg := file(t, "nameplate.yaml", "tenant: 5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01\nclient_id: 20000000-0000-4000-8000-000000000001\n")
	code, _, err := run(t, []string{"NAMEPLATE_CLIENT_SECRET=a secret only of this test, 40 letters.."}, "credentials", "rotate", "--config", cfg)
	if code != 4 || !strings.Contains(err, "nameplate setup") || strings.Contains(err, "40 letters") {
		t.Errorf("exit %d: %s", code, err)
	}
}
