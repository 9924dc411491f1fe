package doctor_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/config"
	"nameplate/internal/doctor"
	"nameplate/internal/explain"
	"nameplate/internal/setup"
)

const (
	tenant   = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	client   = "20000000-0000-4000-8000-000000000001"
	secret   = "a secret only of this test, 40 letters.."
	redirect = "http://localhost:8080/auth/callback"

	signedOut = "http://localhost:8080/signed-out"
	logout    = "http://localhost:8080/auth/logout"
)

// clinic is an emulator with everything in order, and what is examined there.
type clinic struct {
	*emulator.Emulator
	server *emulator.Server
	o      doctor.Options
}

func open(t *testing.T, edit func(*emulator.Organization)) *clinic {
	t.Helper()
	org := emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Apps: []emulator.App{{
			ClientID: client, Name: "Nameplate", Secrets: []emulator.Secret{{Value: secret, Ends: "2099-01-01T00:00:00Z"}}, Redirects: []string{redirect, signedOut}, Logout: logout,
			Application: doctor.Least(doctor.Chosen([]string{"profiles"})), Delegated: setup.Delegated(), Requests: []string{"Scope:User.ReadWrite", "Role:Directory.Read.All"},
			OptionalClaims: map[string][]string{"idToken": setup.Claims()},
		}},
	}
	for _, r := range setup.Roles() {
		org.Apps[0].AppRoles = append(org.Apps[0].AppRoles, emulator.AppRole{Value: r.Value, Name: r.Name})
	}
	if edit != nil {
		edit(&org)
	}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(t.Context(), emulator.Addresses{Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	k := &clinic{Emulator: e, server: s}
	co := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: s.Authority + "/"}, Transport: s.Client()}
	co.Retry.MaxRetries = -1
	cred, err := azidentity.NewClientSecretCredential(tenant, client, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: co, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	k.o = doctor.Options{
		Tenant: tenant, Authority: s.Authority, ClientID: client, Redirect: redirect, HTTP: s.Client(), Now: e.Now,
		Graph:      newGraph(t, s.Graph, cred, s.Client().Transport),
		Credential: is(doctor.Credential{Kind: "certificate", Ends: e.Now().AddDate(1, 0, 0)}), Features: doctor.Chosen([]string{"profiles"}),
		Database: func(context.Context) (doctor.Database, error) { return doctor.Database{}, nil }, KeyFile: func() error { return nil },
		Wish: &setup.Wish{
			ClientID: client, Redirects: []string{redirect, signedOut}, Logout: logout, Delegated: setup.Delegated(), Application: func([]string) []string { return nil },
		},
	}
	return k
}

func (k *clinic) database(d doctor.Database, err error) {
	k.o.Database = func(context.Context) (doctor.Database, error) { return d, err }
}

func newGraph(t *testing.T, at string, cred azcore.TokenCredential, via http.RoundTripper) *graph.Client {
	t.Helper()
	var ids atomic.Int64
	c, err := graph.New(graph.Options{
		Endpoint: at, Credential: cred, Transport: via, Now: time.Now, Retry: graph.Retry{Reads: 1, Throttles: 1},
		NewID: func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", ids.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func find(all []doctor.Finding, code string) doctor.Finding {
	i := slices.IndexFunc(all, func(f doctor.Finding) bool { return f.Code == code })
	if i < 0 {
		return doctor.Finding{}
	}
	return all[i]
}

// TestS1_57_C6_AFindingForEachThingThatIsWrong breaks one thing each.
func TestS1_57_C6_AFindingForEachThingThatIsWrong(t *testing.T) {
	t.Parallel()
	app := func(edit func(*emulator.App)) func(*emulator.Organization) {
		return func(o *emulator.Organization) { edit(&o.Apps[0]) }
	}
	for name, tc := range map[string]struct {
		org   func(*emulator.Organization)
		with  func(*clinic)
		code  string
		level doctor.Level
		says  string // in what, do or evidence
	}{
		"secret expired":     {app(func(a *emulator.App) { a.Secrets[0].Ends = "2020-01-01T00:00:00Z" }), nil, "credential", doctor.Error, "secret_expired"},
		"key rotated":        {app(func(a *emulator.App) { a.Secrets[0].Value = "another secret, made by somebody else..." }), nil, "credential", doctor.Error, "secret_wrong"},
		"application off":    {app(func(a *emulator.App) { a.Disabled = true }), nil, "credential", doctor.Error, "app_disabled"},
		"consent withdrawn":  {app(func(a *emulator.App) { a.Application = nil }), nil, "consent", doctor.Error, "consent_missing"},
		"a permission less":  {app(func(a *emulator.App) { a.Application = a.Application[:1] }), nil, "feature:profiles", doctor.Error, "lacks"},
		"a permission more":  {app(func(a *emulator.App) { a.Application = append(a.Application, "Group.ReadWrite.All") }), nil, "excess", doctor.Warning, "has Group.ReadWrite.All, which"},
		"a permission wider": {app(func(a *emulator.App) { a.Application = []string{"Directory.Read.All", "User.ReadWrite.All"} }), nil, "wide:User.ReadWrite.All", doctor.Note, "User.ReadUpdate.All"},
		"clock off":          {nil, func(k *clinic) { k.o.Now = func() time.Time { return k.Now().Add(-time.Hour) } }, "clock", doctor.Error, "NTP"},
		"clock a little off": {nil, func(k *clinic) { k.o.Now = func() time.Time { return k.Now().Add(2 * time.Minute) } }, "clock", doctor.Warning, "NTP"},
		"cloud wrong": {nil, func(k *clinic) {
			k.o.Graph = newGraph(t, "https://graph.microsoft.us", nil, k.server.Client().Transport)
		}, "cloud", doctor.Error, "two clouds"},
		"tenant wrong":      {nil, func(k *clinic) { k.o.Tenant = client }, "authority", doctor.Error, "wrong_tenant"},
		"authority gone":    {nil, func(k *clinic) { k.o.Authority = "https://127.0.0.1:1" }, "authority", doctor.Error, "connection_refused"},
		"redirect mismatch": {nil, func(k *clinic) { k.o.Redirect = "https://people.example/auth/callback" }, "redirect", doctor.Error, "https://people.example/auth/callback"},
		"database away":     {nil, func(k *clinic) { k.database(doctor.Database{}, errors.New("no route")) }, "database", doctor.Error, "no route"},
		"no database yet":   {nil, func(k *clinic) { k.database(doctor.Database{Absent: true}, nil) }, "database", doctor.OK, "first start"},
		"stopped": {nil, func(k *clinic) {
			k.database(doctor.Database{Stopped: k.Now(), By: "mia", Why: "an import ran wild"}, nil)
		}, "stopped", doctor.Warning, "an import ran wild"},
		"how it goes on":      {nil, func(k *clinic) { k.database(doctor.Database{Stopped: k.Now(), Of: tenant, By: "mia", Why: "x"}, nil) }, "stopped", doctor.Warning, "nameplate go --why REASON --tenant " + tenant},
		"key file unreadable": {nil, func(k *clinic) { k.o.KeyFile = func() error { return errors.New("not permitted") } }, "key_file", doctor.Error, "not permitted"},
		"throttled": {nil, func(k *clinic) {
			k.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users`}, Do: emulator.Do{Status: 429, RetryAfter: "1"}})
		}, "feature:profiles", doctor.Error, "throttled"},
		"a role is missing": {
			app(func(a *emulator.App) { a.Application = append(a.Application, "User-PasswordProfile.ReadWrite.All") }),
			func(k *clinic) { k.o.Features = doctor.Chosen([]string{"profiles", "passwords"}) }, "role:passwords", doctor.Error, "User Administrator",
		},
		"redirect for signing out": {app(func(a *emulator.App) { a.Redirects = a.Redirects[:1] }), nil, "registration:redirect", doctor.Warning, signedOut},
		"logout elsewhere":         {app(func(a *emulator.App) { a.Logout = "https://other.example/logout" }), nil, "registration:logout", doctor.Note, logout},
		"app roles missing":        {app(func(a *emulator.App) { a.AppRoles = a.AppRoles[1:3] }), nil, "registration:role", doctor.Note, "Nameplate.Admin, Nameplate.Auditor"},
		"a claim missing":          {app(func(a *emulator.App) { a.OptionalClaims = nil }), nil, "registration:claim", doctor.Note, "acct, sid"},
		"S5.25 consent outdated":   {app(func(a *emulator.App) { a.Requests = append(a.Requests, "Role:Group.ReadWrite.All", "Scope:Mail.Send") }), nil, "consent_outdated", doctor.Warning, "Group.ReadWrite.All, Mail.Send"},
		"public client flows": {nil, func(k *clinic) { // the emulator's own public clients have no secret
			k.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/applications`}, Do: emulator.Do{Status: 200, Body: `{"id":"x","appId":"` + client + `","isFallbackPublicClient":true}`}})
		}, "excess:public_client", doctor.Warning, "--remove"},
		"two more":      {app(func(a *emulator.App) { a.Application = append(a.Application, "Group.ReadWrite.All", "Mail.Send") }), nil, "excess", doctor.Warning, "has Group.ReadWrite.All, Mail.Send, which"},
		"consent wider": {app(func(a *emulator.App) { a.Delegated = append(a.Delegated, "Directory.AccessAsUser.All") }), nil, "excess:delegated", doctor.Warning, "Directory.AccessAsUser.All"},
		"certificate not known": {nil, func(k *clinic) {
			pair, err := setup.MakePair(rand.Reader, k.Now(), 30)
			if err != nil {
				t.Fatal(err)
			}
			k.o.Credential = is(doctor.Credential{Kind: "certificate", Leaf: pair.Leaf, Ends: pair.Leaf.NotAfter})
		}, "registration:certificate", doctor.Error, "missing"},
		"end of a secret": {
			app(func(a *emulator.App) { a.Secrets[0].Ends = time.Now().AddDate(0, 0, 20).UTC().Format(time.RFC3339) }),
			func(k *clinic) { k.o.Credential = is(doctor.Credential{Kind: "secret", Hint: secret[:3]}) }, "credential_end", doctor.Note, "less than 30",
		},
		"end of a secret not known": {nil, func(k *clinic) { k.o.Credential = is(doctor.Credential{Kind: "secret", Hint: "zzz"}) }, "credential_end", doctor.Note, "cannot be seen"},
		"registration not readable": {nil, func(k *clinic) {
			k.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/applications`}, Do: emulator.Do{Status: 403, Code: "Authorization_RequestDenied"}})
		}, "registration", doctor.Note, "cannot be seen"},
		"61 days": {nil, func(k *clinic) { k.ends(61) }, "credential_end", doctor.OK, "61 days"},
		"60 days": {nil, func(k *clinic) { k.ends(59) }, "credential_end", doctor.Note, "less than 60"},
		"30 days": {nil, func(k *clinic) { k.ends(29) }, "credential_end", doctor.Note, "less than 30"},
		"14 days": {nil, func(k *clinic) { k.ends(13) }, "credential_end", doctor.Note, "less than 14"},
		"7 days":  {nil, func(k *clinic) { k.ends(6) }, "credential_end", doctor.Warning, "less than 7"},
		"1 day":   {nil, func(k *clinic) { k.ends(0) }, "credential_end", doctor.Warning, "less than 1"},
		"ended":   {nil, func(k *clinic) { k.ends(-3) }, "credential_end", doctor.Error, "has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := open(t, tc.org)
			if tc.with != nil {
				tc.with(k)
			}
			all := doctor.New(k.o).Run(t.Context())
			f := find(all, tc.code)
			if f.Level != tc.level || !strings.Contains(f.What+" "+f.Do+" "+f.Evidence, tc.says) {
				t.Fatalf("found %+v in %+v", f, all)
			}
			if f.Level == doctor.Error && (f.Since.IsZero() || f.Disables == "" || f.Do == "") {
				t.Errorf("since when, what it disables and what to do: %+v", f)
			}
			if text := fmt.Sprint(all); strings.Contains(text, secret) || strings.Contains(text, "eyJ") {
				t.Errorf("a secret is told: %s", text)
			}
			writes := k.Statistics().Writes
			if writes != 0 {
				t.Errorf("an examination wrote %d times", writes)
			}
		})
	}
}

func (k *clinic) ends(days int) {
	k.o.Credential = is(doctor.Credential{Kind: "certificate", Ends: k.Now().Add(time.Duration(days)*24*time.Hour + 2*time.Hour)})
}

func is(c doctor.Credential) func() doctor.Credential { return func() doctor.Credential { return c } }

func TestDoctor_NothingIsWrong(t *testing.T) {
	t.Parallel()
	k := open(t, nil)
	for _, f := range doctor.New(k.o).Run(t.Context()) {
		if f.Level != doctor.OK {
			t.Errorf("%+v", f)
		}
	}
}

func TestDoctor_RemembersSinceWhen(t *testing.T) {
	t.Parallel()
	k := open(t, nil)
	bad := true
	k.o.Database = func(context.Context) (doctor.Database, error) {
		if bad {
			return doctor.Database{}, errors.New("away")
		}
		return doctor.Database{}, nil
	}
	d := doctor.New(k.o)
	first := find(d.Run(t.Context()), "database").Since
	k.Clock().Advance(time.Hour)
	if again := find(d.Run(t.Context()), "database").Since; first.IsZero() || !again.Equal(first) {
		t.Errorf("first seen %s, then %s", first, again)
	}
	bad = false
	if f := find(d.Run(t.Context()), "database"); f.Level != doctor.OK || !f.Since.IsZero() {
		t.Errorf("well again: %+v", f)
	}
	bad = true
	if anew := find(d.Run(t.Context()), "database").Since; !anew.After(first) {
		t.Errorf("a new trouble began at %s", anew)
	}
}

// held is a token with these permissions and the role for passwords.
type held struct {
	e     *emulator.Emulator
	roles []string
}

func (h held) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := h.e.Mint(emulator.Token{Client: client, Roles: h.roles, WIDs: []string{"fe930be7-5e62-47db-91af-98c3a49a38b1"}})
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// TestS1_58_EverySubsetOfFeaturesNeedsExactlyWhatItIsGiven: one permission less fails, one more is reported.
func TestS1_58_EverySubsetOfFeaturesNeedsExactlyWhatItIsGiven(t *testing.T) {
	t.Parallel()
	k := open(t, nil)
	all := doctor.Features()
	levels := func(features []doctor.Feature, roles []string) (errs, excess int) {
		o := k.o
		o.Wish = nil
		o.Features, o.Graph = features, newGraph(t, k.server.Graph, held{k.Emulator, roles}, k.server.Client().Transport)
		for _, f := range doctor.New(o).Run(t.Context()) {
			switch {
			case f.Level == doctor.Error:
				errs++
			case f.Code == "excess":
				excess++
			}
		}
		return errs, excess
	}
	for bits := 1; bits < 1<<len(all); bits++ {
		var chosen []doctor.Feature
		for i, f := range all {
			if bits>>i&1 == 1 {
				chosen = append(chosen, f)
			}
		}
		least := doctor.Least(chosen)
		if errs, excess := levels(chosen, least); errs != 0 || excess != 0 {
			t.Fatalf("%v with %v: %d errors, %d too many", names(chosen), least, errs, excess)
		}
		for i := range least { // of all subsets by the table; those below by the running service as well
			less := slices.Delete(slices.Clone(least), i, i+1)
			if !slices.ContainsFunc(chosen, func(f doctor.Feature) bool {
				return slices.ContainsFunc(f.Needs, func(n doctor.Need) bool { return !explain.Covered(n.Permits, less) })
			}) {
				t.Errorf("%v without %s: no need is left open", names(chosen), least[i])
			}
		}
		if bits%7 != 1 && len(chosen) > 1 && len(chosen) < len(all) {
			continue // each seventh subset, those of one and the whole are tried with each permission taken away
		}
		for i := range least {
			less := slices.Delete(slices.Clone(least), i, i+1)
			if len(less) == 0 {
				continue // no permission at all: the finding consent, shown above
			}
			if errs, _ := levels(chosen, less); errs == 0 {
				t.Errorf("%v without %s: nothing fails", names(chosen), least[i])
			}
		}
		for _, p := range []string{"Application.Read.All", "Directory.ReadWrite.All"} {
			if _, excess := levels(chosen, append(slices.Clone(least), p)); excess != 1 {
				t.Errorf("%v with %s as well: %d too many", names(chosen), p, excess)
			}
		}
	}
}

func names(features []doctor.Feature) []string {
	var out []string
	for _, f := range features {
		out = append(out, f.Name)
	}
	return out
}

func TestDoctor_TheSettingNamesTheFeatures(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings() {
		if s.Key == "features" && !slices.Equal(s.Choices, names(doctor.Features())) {
			t.Errorf("the setting has %v, the doctor %v", s.Choices, names(doctor.Features()))
		}
	}
}

// What docs/start.md tells to grant is what the doctor asks for, feature by feature, and nothing that it would call too much.
func TestS1_58_TheGuideAndTheDoctorNameTheSamePermissions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|([^|]*)\\|")
	code := regexp.MustCompile("`([^`]+)`")
	told := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		told[m[1]] = []string{}
		for _, p := range code.FindAllStringSubmatch(m[2], -1) {
			told[m[1]] = append(told[m[1]], p[1])
		}
	}
	base := doctor.Least(doctor.Chosen([]string{"profiles"}))
	for _, f := range doctor.Features() {
		want := doctor.Least(doctor.Chosen([]string{"profiles", f.Name}))
		if f.Name != "profiles" {
			want = slices.DeleteFunc(want, func(p string) bool { return slices.Contains(base, p) })
		}
		if got, ok := told[f.Name]; !ok || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: the guide has %v, the doctor %v", f.Name, got, want)
		}
	}
	if len(told) != len(doctor.Features()) {
		t.Errorf("the guide has the features %v", told)
	}
	all := doctor.Least(doctor.Features())
	if want := []string{"Directory.Read.All", "GroupMember.ReadWrite.All", "User.ReadWrite.All"}; !slices.Equal(all, want) {
		t.Errorf("all features need %v; the guide says that User.ReadWrite.All does for the rest", all)
	}
}
