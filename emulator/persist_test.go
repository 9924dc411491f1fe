package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

func larkfield(t *testing.T) emulator.Organization {
	t.Helper()
	org, err := sample.Contoso()
	if err != nil {
		t.Fatal(err)
	}
	return org
}

const lena = "lena.hoffmann@larkfield.example"

// value is a property of a person in a snapshot of the first tenant.
func value(e *emulator.Emulator, upn, name string) any {
	for _, u := range e.Snapshot()[0].Users {
		if u.UPN == upn {
			return u.Values[name]
		}
	}
	return "nobody"
}

func TestSnapshotIsAnOrganization(t *testing.T) {
	t.Parallel()
	hostile, err := sample.Hostile()
	if err != nil {
		t.Fatal(err)
	}
	for name, org := range map[string]emulator.Organization{"contoso": larkfield(t), "hostile": hostile, "generated": sample.Generate(300, 2)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := newEmulator(t, emulator.Options{Organizations: []emulator.Organization{org}}).Snapshot()
			j, err := json.Marshal(one[0])
			if err != nil {
				t.Fatal(err)
			}
			if name == "contoso" { // YAML reads JSON, but no line of a megabyte and no lone NUL
				again, err := sample.Read(bytes.NewReader(j))
				if err != nil {
					t.Fatal(err)
				}
				one[0] = again
			}
			two := newEmulator(t, emulator.Options{Organizations: one}).Snapshot()
			k, err := json.Marshal(two[0])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(j, k) {
				t.Errorf("a snapshot of the snapshot differs: %s", cmp.Diff(string(j), string(k)))
			}
			for i, u := range org.Users {
				if got := two[0].Users[i]; got.UPN != u.UPN || got.Manager != u.Manager || got.Sync != u.Sync || got.Values["jobTitle"] != u.Values["jobTitle"] {
					t.Fatalf("%+v became %+v", u, got)
				}
			}
		})
	}
}

func TestSetAndReset(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{Organizations: []emulator.Organization{larkfield(t)}})
	start := e.Snapshot()
	if err := e.Set("", lena, map[string]any{"jobTitle": "Director", "mobilePhone": nil, "businessPhones": []string{"+1"}}); err != nil {
		t.Fatal(err)
	}
	l := e.Ledger(0)
	if len(l) != 1 || l[0].App != "" || l[0].Before["jobTitle"] == l[0].After["jobTitle"] || l[0].Object != "10000000-0000-4000-8000-000000000008" {
		t.Errorf("ledger %+v", l)
	}
	if got := value(e, lena, "jobTitle"); got != "Director" {
		t.Errorf("jobTitle is %v", got)
	}
	if got := value(e, lena, "mobilePhone"); got != nil {
		t.Errorf("mobilePhone is %v", got)
	}
	for _, bad := range []map[string]any{{"jobtitel": "x"}, {"jobTitle": 7}, {"id": "x"}} {
		if e.Set("", lena, bad) == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if e.Set("", "nobody@larkfield.example", nil) == nil || e.Set("elsewhere.example", lena, nil) == nil {
		t.Error("nobody was changed")
	}
	e.Inject(emulator.Rule{Do: emulator.Do{Status: 503}})
	e.Clock().Advance(time.Hour)
	if err := e.Reset(); err != nil {
		t.Fatal(err)
	}
	for _, u := range e.Snapshot()[0].Users { // what was made at the time of before would refuse today's sign-ins
		if made, _ := u.Values["createdDateTime"].(string); made > e.Now().Format(time.RFC3339) {
			t.Fatalf("%s was made at %s, later than now", u.UPN, made)
		}
	}
	if diff := cmp.Diff(stable(start), stable(e.Snapshot())); diff != "" {
		t.Errorf("after the reset: %s", diff)
	}
	if len(e.Ledger(0)) != 0 || len(e.Faults()) != 0 || time.Until(e.Now()).Abs() > time.Minute {
		t.Errorf("ledger %v, faults %v, clock %v", e.Ledger(0), e.Faults(), e.Now())
	}
}

// stable is a snapshot without the instants of its making.
func stable(orgs []emulator.Organization) []emulator.Organization {
	for _, o := range orgs {
		for _, u := range o.Users {
			delete(u.Values, "createdDateTime")
			delete(u.Values, "onPremisesLastSyncDateTime")
		}
		for _, g := range o.Groups {
			delete(g.Values, "createdDateTime")
			delete(g.Values, "renewedDateTime")
		}
		for _, x := range o.Objects {
			delete(x.Values, "createdDateTime")
		}
	}
	return orgs
}

func TestDataFolder(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: []emulator.Organization{larkfield(t)}, Data: filepath.Join(t.TempDir(), "kept")}
	e := newEmulator(t, opts)
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := e.Mint(emulator.Token{As: lena})
	if err != nil {
		t.Fatal(err)
	}
	me := func(srv *emulator.Server, method, path, body string) string {
		r, _ := http.NewRequestWithContext(t.Context(), method, srv.Graph+"/v1.0"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		hc := srv.Client()
		defer hc.CloseIdleConnections()
		res, err := hc.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode > 299 {
			t.Fatalf("%s %s: %s %s %v", method, path, res.Status, b, err)
		}
		return string(b)
	}
	me(srv, "PATCH", "/me", `{"mobilePhone":"+49 170 1"}`)
	if err := e.Set("", "old.scanner@larkfield.example", map[string]any{"userPrincipalName": "scanner@larkfield.example"}); err != nil {
		t.Fatal(err)
	}
	photo := me(srv, "GET", "/me/photo/$value", "")
	e.Clock().Advance(3 * time.Minute)
	before, ca := e.Snapshot(), read(t, srv.CAFile)
	ledger := e.Ledger(0)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}

	f := newEmulator(t, opts)
	if diff := cmp.Diff(before, f.Snapshot()); diff != "" {
		t.Errorf("what was kept: %s", diff)
	}
	if diff := cmp.Diff(ledger, f.Ledger(0)); diff != "" {
		t.Errorf("the ledger: %s", diff)
	}
	if ahead := time.Until(f.Now()); ahead < 2*time.Minute || ahead > 4*time.Minute {
		t.Errorf("the clock is %v ahead", ahead)
	}
	again, err := f.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, again.CAFile); got != ca {
		t.Error("the certificate authority is another one")
	}
	if got := me(again, "GET", "/me?$select=mobilePhone", ""); !strings.Contains(got, "+49 170 1") { // the token of before
		t.Errorf("reads %s", got)
	}
	if got := me(again, "GET", "/me/photo/$value", ""); got != photo {
		t.Error("the photo is another one")
	}
	if got := me(again, "GET", "/me?$select=displayName", ""); !strings.Contains(got, "Lena Hoffmann") {
		t.Errorf("reads %s", got)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(opts.Data, "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	if info, err := os.Stat(left[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("readable by others: %v, %v", info.Mode(), err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDataFolderTakesNewRegistrations(t *testing.T) {
	t.Parallel()
	org := larkfield(t)
	opts := emulator.Options{Organizations: []emulator.Organization{org}, Data: t.TempDir()}
	if err := newEmulator(t, opts).Save(); err != nil {
		t.Fatal(err)
	}
	org.Apps = append([]emulator.App(nil), org.Apps...)
	org.Apps[0].Redirects = []string{"http://localhost:8123/auth/callback"}
	org.Apps[0].Application = nil
	opts.Organizations = []emulator.Organization{org}
	e := newEmulator(t, opts)
	for _, o := range e.Snapshot()[0].Objects {
		if web, _ := o.Values["web"].(map[string]any); o.Type == "application" && o.Values["appId"] == org.Apps[0].ClientID && fmt.Sprint(web["redirectUris"]) != "[http://localhost:8123/auth/callback]" {
			t.Errorf("registration %v", web)
		}
	}
	token, err := e.Mint(emulator.Token{Client: org.Apps[0].ClientID})
	if err != nil {
		t.Fatal(err)
	}
	if c := claimsOf(t, token); c["roles"] != nil {
		t.Errorf("it still has %v", c["roles"])
	}
}

func TestDataFolderDamaged(t *testing.T) {
	t.Parallel()
	org := larkfield(t)
	dir := t.TempDir()
	opts := emulator.Options{Organizations: []emulator.Organization{org}, Data: dir}
	if err := newEmulator(t, opts).Save(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "emulator.state")
	whole := read(t, file)
	for name, b := range map[string]string{
		"empty": "", "cut": whole[:len(whole)/2], "one bit": whole[:len(whole)/2] + string(whole[len(whole)/2]^1) + whole[len(whole)/2+1:],
		"something else": strings.Repeat("x", 1000), "more": whole + "x",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := emulator.New(opts)
			if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "name another folder") {
				t.Errorf("says %v", err)
			}
			if now := read(t, file); now != b {
				t.Error("the file was changed")
			}
		})
	}
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	other := opts
	other.Organizations = []emulator.Organization{sample.Generate(3, 1)}
	if _, err := emulator.New(other); err == nil || !strings.Contains(err.Error(), "Larkfield Instruments") {
		t.Errorf("another organization: %v", err)
	}
	if _, err := emulator.New(opts); err != nil {
		t.Errorf("the whole file: %v", err)
	}
}

func TestControlState(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{Organizations: []emulator.Organization{larkfield(t)}})
	c := newConsole(t, e)
	if res := c.call("PATCH", "/users/"+lena, `{"jobTitle":"Director"}`, nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res := c.call("POST", "/users/"+lena+"/disable", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res := c.call("POST", "/users/chiara.rossi_studiorossi.example%23EXT%23@larkfield.example/disable", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	var orgs []emulator.Organization
	c.call("GET", "/snapshot", "", &orgs)
	for _, u := range orgs[0].Users {
		switch u.UPN {
		case lena:
			if u.Values["jobTitle"] != "Director" || u.Values["accountEnabled"] != false {
				t.Errorf("%+v", u.Values)
			}
		case "chiara.rossi_studiorossi.example#EXT#@larkfield.example":
			if u.Values["accountEnabled"] != false {
				t.Errorf("%+v", u.Values)
			}
		}
	}
	if res := c.call("POST", "/users/"+lena+"/challenge", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res := c.call("PATCH", "/users/nobody@larkfield.example", `{}`, nil); res.StatusCode != 400 {
		t.Error(res.Status)
	}
	if res := c.call("POST", "/keys/rotate", `{"all":true}`, nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res := c.call("POST", "/reset", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if got := value(e, lena, "accountEnabled"); got != true {
		t.Errorf("after the reset %v", got)
	}
	if res := c.call("POST", "/save", "", nil); res.StatusCode != 204 {
		t.Error(res.Status)
	}
}

// BenchmarkStart is P10: an emulator with a kept tenant of 100,000 people.
func BenchmarkStart(b *testing.B) {
	opts := emulator.Options{Organizations: []emulator.Organization{sample.Generate(100_000, 1)}, Data: b.TempDir()}
	e, err := emulator.New(opts)
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Save(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := emulator.New(opts); err != nil {
			b.Fatal(err)
		}
	}
}
