package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// m365 is the CLI for Microsoft 365, as somebody has it on a machine of theirs whose way out is the emulator's proxy. It knows only
// Microsoft's own addresses.
type m365 struct {
	box
	home string
}

func (m m365) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{"../m365/node_modules/@pnp/cli-microsoft365/dist/index.js"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+m.home, "XDG_CONFIG_HOME="+m.home, "HTTPS_PROXY="+m.Proxy, "NODE_EXTRA_CA_CERTS="+m.CAFile, "CLIMICROSOFT365_NOUPDATE=1", "NO_PROXY=", "no_proxy=")
	return cmd
}

// try gives the JSON that a command prints, or its words when it fails.
func (m m365) try(t *testing.T, args ...string) (any, string) {
	t.Helper()
	cmd := m.command(t.Context(), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, strings.TrimSpace(errs.String() + out.String())
	}
	var v any
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Fatalf("m365 %s: %v: %s", strings.Join(args, " "), err, out.Bytes())
		}
	}
	return v, ""
}

func (m m365) run(t *testing.T, args ...string) any {
	t.Helper()
	v, failed := m.try(t, args...)
	if failed != "" {
		t.Fatalf("m365 %s: %s", strings.Join(args, " "), failed)
	}
	return v
}

func field(v any, path string) string {
	for name := range strings.SplitSeq(path, "/") {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return fmt.Sprint(v)
}

// names are a property of each object of a list.
func names(v any, property string) []string {
	var out []string
	list, _ := v.([]any)
	for _, o := range list {
		out = append(out, field(o, property))
	}
	return out
}

func newM365(t *testing.T) m365 {
	t.Helper()
	m := m365{newBox(t), t.TempDir()}
	m.run(t, "cli", "config", "set", "--key", "disableTelemetry", "--value", "true")
	return m
}

func TestM365_Application(t *testing.T) {
	t.Parallel()
	m := newM365(t)

	t.Run("login with a certificate, and out", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.pem")
		if err := os.WriteFile(file, append(bytes.Clone(m.key), m.cert...), 0o600); err != nil {
			t.Fatal(err)
		}
		v := m.run(t, "login", "--authType", "certificate", "--certificateFile", file, "--appId", web, "--tenant", tenantID)
		if field(v, "connectedAs") != "Portal" || field(v, "authType") != "certificate" {
			t.Error(v)
		}
		m.run(t, "logout")
	})
	if t.Run("a wrong secret is told, the right one signs in", func(t *testing.T) {
		if _, failed := m.try(t, "login", "--authType", "secret", "--appId", web, "--tenant", tenantID, "--secret", "wrong"); !strings.Contains(failed, "AADSTS7000215") {
			t.Error(failed)
		}
		if v := m.run(t, "login", "--authType", "secret", "--appId", web, "--tenant", "contoso.com", "--secret", secret); field(v, "authType") != "secret" {
			t.Error(v)
		}
	}); t.Failed() {
		t.FailNow()
	}
	adele := "adele@contoso.com"

	t.Run("user list goes through every page", func(t *testing.T) {
		if n := len(names(m.run(t, "entra", "user", "list", "--properties", "id,displayName"), "id")); n != people {
			t.Errorf("%d people, want %d", n, people)
		}
		if got := names(m.run(t, "entra", "user", "list", "--displayName", "Adele"), "displayName"); !slices.Equal(got, []string{"Adele Vance"}) {
			t.Error(got)
		}
	})
	t.Run("user get, set and manager", func(t *testing.T) {
		m.run(t, "entra", "user", "set", "--userName", adele, "--jobTitle", "Director", "--usageLocation", "DE", "--department", "R&D")
		v := m.run(t, "entra", "user", "get", "--userName", adele, "--properties", "jobTitle,usageLocation,department", "--withManager")
		if field(v, "jobTitle") != "Director" || field(v, "usageLocation") != "DE" || field(v, "department") != "R&D" || field(v, "manager/displayName") != "Megan Bowen" {
			t.Error(v)
		}
		m.run(t, "entra", "user", "set", "--userName", adele, "--removeManager")
		m.run(t, "entra", "user", "set", "--userName", adele, "--managerUserName", "p0001@contoso.com")
		if v := m.run(t, "entra", "user", "get", "--email", adele, "--properties", "id", "--withManager"); field(v, "manager/displayName") != "Person 0001" {
			t.Error(v)
		}
	})
	t.Run("user add, remove, recycle bin, restore", func(t *testing.T) {
		v := m.run(t, "entra", "user", "add", "--displayName", "Nora New", "--userName", "nora@contoso.com", "--accountEnabled", "true", "--password", "Straw-berry-77!",
			"--jobTitle", "Tester", "--managerUserName", adele)
		id := field(v, "id")
		if field(m.run(t, "entra", "user", "get", "--id", id, "--withManager"), "manager/displayName") != "Adele Vance" {
			t.Error("the new person has no manager")
		}
		m.run(t, "entra", "user", "remove", "--id", id, "--force")
		if got := names(m.run(t, "entra", "user", "recyclebinitem", "list"), "id"); !slices.Equal(got, []string{id}) {
			t.Errorf("in the recycle bin: %v", got)
		}
		if _, failed := m.try(t, "entra", "user", "get", "--id", id); !strings.Contains(failed, "does not exist") {
			t.Error(failed)
		}
		m.run(t, "entra", "user", "recyclebinitem", "restore", "--id", id)
		m.run(t, "entra", "user", "remove", "--userName", "nora@contoso.com", "--force")
		m.run(t, "entra", "user", "recyclebinitem", "remove", "--id", id, "--force")
	})
	t.Run("a weak password is told in Microsoft's words", func(t *testing.T) {
		_, failed := m.try(t, "entra", "user", "add", "--displayName", "W", "--userName", "weak@contoso.com", "--password", "weak")
		if !strings.Contains(failed, "The specified password does not comply with password complexity requirements.") {
			t.Error(failed)
		}
	})
	t.Run("group list, get and members", func(t *testing.T) {
		if got := names(m.run(t, "entra", "group", "list"), "displayName"); !slices.Contains(got, "Sales") {
			t.Error(got)
		}
		if v := m.run(t, "entra", "group", "get", "--displayName", "Sales"); field(v, "securityEnabled") != "true" {
			t.Error(v)
		}
		if got := names(m.run(t, "entra", "group", "member", "list", "--groupName", "Sales"), "displayName"); !slices.Contains(got, "Adele Vance") {
			t.Error(got)
		}
	})
	t.Run("group add, set, members, remove", func(t *testing.T) {
		v := m.run(t, "entra", "group", "add", "--displayName", "Night shift", "--type", "security", "--mailNickname", "night", "--ownerUserNames", adele, "--memberUserNames", adele+",p0002@contoso.com")
		id := field(v, "id")
		m.run(t, "entra", "group", "set", "--id", id, "--newDisplayName", "Late shift", "--description", "From ten to six")
		if v := m.run(t, "entra", "group", "get", "--id", id); field(v, "displayName") != "Late shift" || field(v, "description") != "From ten to six" || field(v, "securityEnabled") != "true" {
			t.Error(v)
		}
		m.run(t, "entra", "group", "member", "add", "--groupId", id, "--userNames", "p0003@contoso.com,p0004@contoso.com", "--role", "Member")
		m.run(t, "entra", "group", "member", "remove", "--groupName", "Late shift", "--userNames", "p0002@contoso.com", "--role", "Member", "--force")
		m.run(t, "entra", "group", "member", "set", "--groupId", id, "--userNames", "p0003@contoso.com", "--role", "Owner")
		for role, want := range map[string][]string{"Member": {"Adele Vance", "Person 0004"}, "Owner": {"Adele Vance", "Person 0003"}} {
			got := names(m.run(t, "entra", "group", "member", "list", "--groupId", id, "--role", role), "displayName")
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: %v", role, got)
			}
		}
		m.run(t, "entra", "group", "remove", "--id", id, "--force")
		if got := names(m.run(t, "entra", "group", "list"), "displayName"); slices.Contains(got, "Late shift") || !slices.Contains(got, "Sales") {
			t.Error(got)
		}
	})
	t.Run("licenses: what there is, given, counted and taken back", func(t *testing.T) {
		of := func(upn string) []string {
			t.Helper()
			v, _ := m.run(t, "entra", "user", "get", "--userName", upn, "--properties", "assignedLicenses").(map[string]any)
			return names(v["assignedLicenses"], "skuId") // user license list is for people only
		}
		consumed := func() string {
			t.Helper()
			list, _ := m.run(t, "entra", "license", "list").([]any)
			if len(list) != 1 || field(list[0], "skuId") != businessSKU {
				t.Fatal(list)
			}
			return field(list[0], "consumedUnits")
		}
		if n := consumed(); n != "0" {
			t.Errorf("%s licenses are in use", n)
		}
		m.run(t, "entra", "user", "set", "--userName", adele, "--usageLocation", "DE")
		m.run(t, "entra", "user", "license", "add", "--userName", adele, "--ids", businessSKU)
		if got := of(adele); !slices.Equal(got, []string{businessSKU}) || consumed() != "1" {
			t.Error(got)
		}
		if _, failed := m.try(t, "entra", "user", "license", "add", "--userName", "p0005@contoso.com", "--ids", businessSKU); !strings.Contains(failed, "invalid usage location") {
			t.Error(failed)
		}
		m.run(t, "entra", "user", "license", "remove", "--userName", adele, "--ids", businessSKU, "--force")
		if got := of(adele); len(got) != 0 || consumed() != "0" {
			t.Error(got)
		}
	})
	t.Run("requests of one's own, throttled", func(t *testing.T) {
		m.e.Inject(emulator.Rule{Match: emulator.Match{Path: "/organization", Times: 1}, Do: emulator.Do{Status: http.StatusTooManyRequests, RetryAfter: "1"}})
		v := m.run(t, "request", "--url", "@graph/organization", "--method", "get")
		o, _ := v.(map[string]any)
		if got := names(o["value"], "id"); !slices.Equal(got, []string{tenantID}) {
			t.Error(v)
		}
	})
	t.Run("login left for a moment is not asked for again", func(t *testing.T) {
		if v := m.run(t, "status"); field(v, "appId") != web {
			t.Error(v)
		}
		m.run(t, "logout")
		if v := m.run(t, "status"); v != "Logged out" {
			t.Error(v)
		}
	})
}

var deviceMessage = regexp.MustCompile(`(https://\S+).* code (\S+)`)

// The person signs in with the code, at the address that Microsoft's own service names.
func TestM365_Person(t *testing.T) {
	t.Parallel()
	m := newM365(t)
	proxy, err := url.Parse(m.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: m.CertPool(), MinVersion: tls.VersionTLS12}}}
	cmd := m.command(t.Context(), "login", "--authType", "deviceCode", "--appId", console, "--tenant", tenantID)
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	entered := false
	var heard strings.Builder
	for lines := bufio.NewScanner(says); !entered && lines.Scan(); {
		heard.WriteString(lines.Text() + "\n")
		if found := deviceMessage.FindStringSubmatch(lines.Text()); found != nil {
			if err := emulator.EnterDeviceCode(t.Context(), browser, found[1], found[2], "adele@contoso.com"); err != nil {
				t.Fatal(err)
			}
			entered = true
		}
	}
	_, _ = io.Copy(io.Discard, says) // what follows is progress
	if err := cmd.Wait(); err != nil || !entered {
		t.Fatal(err, heard.String())
	}
	if v := m.run(t, "status"); field(v, "connectedAs") != "adele@contoso.com" {
		t.Error(v)
	}
	if v := m.run(t, "entra", "user", "get", "--userName", "adele@contoso.com"); field(v, "displayName") != "Adele Vance" {
		t.Error(v)
	}
	m.run(t, "entra", "user", "set", "--userName", "adele@contoso.com", "--mobilePhone", "+1 425 555 0133")
	fresh, _ := m.run(t, "util", "accesstoken", "get", "--resource", "https://graph.microsoft.com", "--new").(string)
	if got := claims(t, fresh); got["upn"] != "adele@contoso.com" || got["aud"] != "https://graph.microsoft.com" {
		t.Error(got)
	}
	if v := m.run(t, "entra", "user", "get", "--userName", "adele@contoso.com", "--properties", "mobilePhone"); field(v, "mobilePhone") != "+1 425 555 0133" {
		t.Error(v)
	}
}
