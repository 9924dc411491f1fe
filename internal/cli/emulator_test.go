package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/cli"
)

// askForm posts a form and reads what comes back, whatever its status.
func askForm(t *testing.T, to string, form url.Values, into any) {
	t.Helper()
	res, err := http.PostForm(to, form) //nolint:noctx // the emulator of the test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// box runs `nameplate emulator` and gives what its first line says; stop ends it.
func box(t *testing.T, args ...string) (said map[string]string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- cli.Main(ctx, cli.World{Args: append([]string{"emulator", "--json"}, args...), Out: w, Err: &errs})
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		t.Fatalf("it says nothing: %d %s", <-done, errs.String())
	}
	var line map[string]any
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	said = map[string]string{}
	for k, v := range line {
		said[k] = fmt.Sprint(v)
	}
	return said, func() {
		t.Helper()
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("exit %d: %s", code, errs.String())
		}
	}
}

// The emulator for other people: several tenants, the proxy, a sign-in without a browser, a snapshot that starts another one.
func TestEmulatorForOtherPeople(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	other := file(t, "other.yaml", "{id: 44444444-4444-4444-8444-444444444444, name: Other, domains: [{name: other.example, verified: true}], users: [{upn: olga@other.example}]}")
	first := filepath.Join(folder, "first.yaml")
	contoso, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Write(out, []emulator.Organization{contoso}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	atExit, live := filepath.Join(folder, "exit.yaml"), filepath.Join(folder, "live.yaml")
	said, stop := box(t, "--organization", first, "--organization", other, "--proxy", "--data", filepath.Join(folder, "state"), "--snapshot", atExit, "--redirect", "http://localhost:9/back")
	for _, k := range []string{"authority", "graph", "authority_http", "graph_http", "control", "proxy", "ca_file", "tenant_id", "domain", "client_id", "client_secret"} {
		if said[k] == "" {
			t.Errorf("it does not say %s", k)
		}
	}

	pem, err := os.ReadFile(said["ca_file"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	at, err := url.Parse(said["proxy"])
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://login.microsoftonline.com/other.example/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.Contains(string(b), `"issuer":"https://login.microsoftonline.com/44444444-4444-4444-8444-444444444444/v2.0"`) {
		t.Errorf("the second tenant through the proxy: %s", b)
	}

	q := url.Values{"client_id": {said["client_id"]}, "response_type": {"code"}, "redirect_uri": {"http://localhost:9/back"}, "scope": {"openid"}, "state": {"s"}}
	code, to, errs := run(t, nil, "emulator", "signin", "--as", "lena.hoffmann@"+said["domain"], "--ca-file", said["ca_file"], said["authority"]+"/"+said["tenant_id"]+"/oauth2/v2.0/authorize?"+q.Encode())
	if code != 0 || !strings.HasPrefix(to, "http://localhost:9/back?code=") {
		t.Errorf("signin: exit %d, %q, %q", code, to, errs)
	}
	authority := said["authority_http"] + "/" + said["tenant_id"] + "/oauth2/v2.0/"
	const onDevice = "30000000-0000-4000-8000-000000000004" // a public client of the sample organization
	var asked map[string]any
	askForm(t, authority+"devicecode", url.Values{"client_id": {onDevice}, "scope": {"User.Read"}}, &asked)
	at1, shown := fmt.Sprint(asked["verification_uri"]), fmt.Sprint(asked["user_code"])
	if code, _, errs := run(t, nil, "emulator", "signin", "--as", "lena.hoffmann@"+said["domain"], at1); code == 0 || !strings.Contains(errs, "--code") {
		t.Errorf("signin at a device's address without its code: exit %d, %q", code, errs)
	}
	if code, _, errs := run(t, nil, "emulator", "signin", "--as", "lena.hoffmann@"+said["domain"], "--code", "no", at1); code == 0 || !strings.Contains(errs, "code") {
		t.Errorf("signin with another code: exit %d, %q", code, errs)
	}
	if code, out, errs := run(t, nil, "emulator", "signin", "--as", "lena.hoffmann@"+said["domain"], "--code", shown, at1); code != 0 || out != "" {
		t.Errorf("signin with a device's code: exit %d, %q, %q", code, out, errs)
	}
	var token map[string]any
	askForm(t, authority+"token", url.Values{"client_id": {onDevice}, "grant_type": {"device_code"}, "device_code": {fmt.Sprint(asked["device_code"])}}, &token)
	if token["access_token"] == nil {
		t.Errorf("the device hears %v", token)
	}
	if code, _, errs := run(t, nil, "emulator", "snapshot", "--control", said["control"], live); code != 0 {
		t.Errorf("snapshot: exit %d, %q", code, errs)
	}
	if code, _, errs := run(t, nil, "emulator", "snapshot", live); code != 2 || !strings.Contains(errs, "--control is missing") {
		t.Errorf("snapshot without an address: exit %d, %q", code, errs)
	}
	stop()
	if code, _, errs := run(t, nil, "emulator", "snapshot", "--control", said["control"], live); code == 0 || !strings.Contains(errs, "No emulator answers at "+said["control"]) {
		t.Errorf("snapshot of nothing: exit %d, %q", code, errs)
	}
	one, err := os.ReadFile(atExit)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(live)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the snapshot at the exit differs from the one before, and nothing was written between")
	}
	orgs, err := sample.ReadAll(bytes.NewReader(one))
	if err != nil || len(orgs) != 2 || orgs[1].Users[0].UPN != "olga@other.example" || len(orgs[0].Users) != len(contoso.Users) {
		t.Fatalf("%d organizations, %v", len(orgs), err)
	}
	again, stop := box(t, "--organization", atExit, "--proxy-port", "0")
	if again["tenant_id"] != said["tenant_id"] || again["client_secret"] != said["client_secret"] || again["proxy"] != "" {
		t.Errorf("from the snapshot: %v", again)
	}
	stop()
}

// A data folder is one of its organizations: started with others, the emulator says which it holds.
func TestEmulatorSaysWhyItCannotStart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	other := file(t, "other.yaml", "{id: 44444444-4444-4444-8444-444444444444, name: Other, domains: [{name: other.example, verified: true}]}")
	_, stop := box(t, "--organization", other, "--data", data)
	stop()
	if code, _, errs := run(t, nil, "emulator", "--data", data); code != 2 || !strings.Contains(errs, "it holds the organization Other (44444444-4444-4444-8444-444444444444)") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Where Microsoft's pages and the service differ, --rules says which of the two answers; first line and control listener tell.
func TestEmulatorRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   []string
		rules  string
		status int // of an application that writes what only the person may: the page says no, the service was seen to fail
	}{{nil, "observed", 500}, {[]string{"--rules", "documented"}, "documented", 403}} {
		said, stop := box(t, c.args...)
		if said["rules"] != c.rules {
			t.Errorf("%v: the first line says %q", c.args, said["rules"])
		}
		var stats struct{ Rules string }
		ask(t, http.MethodGet, said["control"]+"/statistics", "", "", &stats)
		if stats.Rules != c.rules {
			t.Errorf("%v: the control listener says %q", c.args, stats.Rules)
		}
		res, err := http.PostForm(said["authority_http"]+"/"+said["tenant_id"]+"/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {said["client_id"]}, "client_secret": {said["client_secret"]}, "scope": {"https://graph.microsoft.com/.default"},
		})
		if err != nil {
			t.Fatal(err)
		}
		var token struct {
			Access string `json:"access_token"`
		}
		err = json.NewDecoder(res.Body).Decode(&token)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, http.MethodPatch, said["graph_http"]+"/v1.0/users/lena.hoffmann@"+said["domain"], token.Access, `{"aboutMe":"Likes rules"}`, nil); got != c.status {
			t.Errorf("%v: %d, wanted %d", c.args, got, c.status)
		}
		stop()
	}
	if code, _, errs := run(t, nil, "emulator", "--rules", "believed"); code != 2 || !strings.Contains(errs, "observed or documented") {
		t.Errorf("exit %d, %q", code, errs)
	}
}

// ask makes a request, reads the answer into out and gives the status.
func ask(t *testing.T, method, address, token, body string, out any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if out != nil {
		if err := json.NewDecoder(res.Body).Decode(out); err != nil {
			t.Fatal(err)
		}
	}
	return res.StatusCode
}
