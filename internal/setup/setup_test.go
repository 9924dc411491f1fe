package setup_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/doctor"
	"nameplate/internal/fail"
	"nameplate/internal/setup"
)

const (
	tenant = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	glenda = "glenda@contoso.example" // Global Administrator
	anna   = "anna@contoso.example"   // an ordinary member
)

// world is an organization in which nothing is registered.
type world struct {
	*emulator.Emulator
	t     *testing.T
	s     *emulator.Server
	waits atomic.Int32
	ids   atomic.Int64
}

func begin(t *testing.T, apps ...emulator.App) *world {
	t.Helper()
	person := func(upn, name string, roles ...string) emulator.User {
		return emulator.User{UPN: upn, Roles: roles, Values: map[string]any{"displayName": name, "accountEnabled": true, "userType": "Member"}}
	}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Users: []emulator.User{person(glenda, "Glenda", "Global Administrator"), person(anna, "Anna")},
		Apps:  append(apps, emulator.App{ClientID: setup.Tools, Name: "Microsoft Graph Command Line Tools", Public: true, Redirects: []string{"http://localhost"}}),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(t.Context(), emulator.Addresses{Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &world{Emulator: e, t: t, s: s}
}

func (w *world) newID() string { return fmt.Sprintf("40000000-0000-4000-8000-%012d", w.ids.Add(1)) }

// options are those of somebody who signed in with Microsoft's client.
func (w *world) options(who string, plan bool) setup.Options {
	w.t.Helper()
	g, err := graph.New(graph.Options{Endpoint: w.s.Graph, Transport: w.s.Client().Transport, Now: time.Now, NewID: w.newID, Retry: graph.Retry{Reads: 1, Throttles: 1}})
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := w.Mint(emulator.Token{Client: setup.Tools, As: who, Scopes: setup.Scopes(plan)})
	if err != nil {
		w.t.Fatal(err)
	}
	return setup.Options{
		Graph: g.As(func(context.Context, string) (string, error) { return token, nil }),
		Wait:  func(context.Context, time.Duration) error { w.waits.Add(1); return nil },
		NewID: w.newID,
	}
}

// pair is one key for all tests: making one takes a while.
var pair = sync.OnceValue(func() *setup.Pair {
	p, err := setup.MakePair(rand.Reader, time.Now(), 30)
	if err != nil {
		panic(err)
	}
	return p
})

func wish(name string, features ...string) setup.Wish {
	return setup.Wish{
		Name: name, Redirects: []string{"https://" + strings.ToLower(name) + ".example/auth/callback", "https://" + strings.ToLower(name) + ".example/signed-out"},
		Logout: "https://" + strings.ToLower(name) + ".example/auth/logout", Delegated: setup.Delegated(), Certificate: pair().Leaf,
		Application: func(known []string) []string { return doctor.Least(doctor.Chosen(features), known...) },
	}
}

func (w *world) look(o setup.Options, x setup.Wish) *setup.Plan {
	w.t.Helper()
	p, err := setup.Look(w.t.Context(), o, x)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) apply(x setup.Wish) *setup.Plan {
	w.t.Helper()
	p := w.look(w.options(glenda, false), x)
	if err := p.Apply(w.t.Context(), func(string) {}); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func states(p *setup.Plan) map[setup.State][]string {
	out := map[setup.State][]string{}
	for _, s := range p.Steps {
		out[s.State] = append(out[s.State], s.Kind+" "+s.Item)
	}
	return out
}

// held are the application permissions in the token that the registration gets with its certificate.
func (w *world) held(p *setup.Plan) []string {
	w.t.Helper()
	g, err := w.client(p.ClientID, pair())
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := g.Held(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(h.Permissions)
	return h.Permissions
}

// TestS1_46_S1_58_WhatIsShownIsWhatIsMade: a plan writes nothing, with a right that can only look; the run makes what the plan said; a
// second run has nothing to do.
func TestS1_46_S1_58_WhatIsShownIsWhatIsMade(t *testing.T) {
	t.Parallel()
	w := begin(t)
	x := wish("Nameplate", "profiles", "groups")
	x.Admin = anna
	shown := w.look(w.options(glenda, true), x)
	if n := w.Statistics().Writes; n != 0 || !shown.Pending() {
		t.Fatalf("a plan wrote %d times; pending %v", n, shown.Pending())
	}
	made := w.apply(x)
	if got, want := states(made), states(shown); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("shown %v, made %v", want, got)
	}
	var want []string
	for _, s := range shown.Steps {
		want = append(want, string(s.State))
	}
	if slices.Contains(want, string(setup.There)) {
		t.Errorf("something is there already in an empty organization: %v", states(shown))
	}
	writes := w.Statistics().Writes
	again := w.look(w.options(glenda, false), x)
	if again.Pending() || len(states(again)[setup.There]) != len(again.Steps) {
		t.Errorf("a second run: %v", states(again))
	}
	if err := again.Apply(t.Context(), func(string) {}); err != nil || w.Statistics().Writes != writes {
		t.Errorf("a second run wrote %d times, %v", w.Statistics().Writes-writes, err)
	}
	if got, want := w.held(made), doctor.Least(doctor.Chosen([]string{"profiles", "groups"})); !slices.Equal(got, want) {
		t.Errorf("granted %v, needed %v", got, want)
	}
	for _, e := range w.Ledger(0) {
		if e.Actor == "" {
			t.Errorf("%s was not done with the administrator's right", e.Op)
		}
	}
	text := fmt.Sprint(w.Ledger(0))
	for _, value := range []string{"https://nameplate.example/auth/callback", "https://nameplate.example/signed-out", "Nameplate.Admin", "Nameplate.Editor", "Nameplate.Approver", "Nameplate.Auditor", "AzureADMyOrg", "sid", "acct"} {
		if !strings.Contains(text, value) {
			t.Errorf("the registration lacks %s", value)
		}
	}
}

// TestS1_53_S1_58_EverySubsetOfFeaturesIsGrantedExactlyWhatItNeeds; that one permission less fails a probe and one more is reported is
// shown by the doctor's test of every subset.
func TestS1_53_S1_58_EverySubsetOfFeaturesIsGrantedExactlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	w := begin(t)
	all := doctor.Features()
	o := w.options(glenda, false)
	lists := map[string][]string{} // what is needed -> the features of one subset that needs it: setup sees no more of a subset
	for bits := 1; bits < 1<<len(all); bits++ {
		var names []string
		for i, f := range all {
			if bits>>i&1 == 1 {
				names = append(names, f.Name)
			}
		}
		lists[strings.Join(doctor.Least(doctor.Chosen(names)), " ")] = names
	}
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	n := 0
	for want, names := range lists {
		turn <- struct{}{}
		n++
		x := wish(fmt.Sprintf("Portal%d", n), names...)
		wg.Go(func() {
			defer func() { <-turn }()
			p, err := setup.Look(t.Context(), o, x)
			if err == nil {
				err = p.Apply(t.Context(), func(string) {})
			}
			if err != nil {
				t.Errorf("%v: %v", names, err)
				return
			}
			if got := strings.Join(w.held(p), " "); got != want {
				t.Errorf("%v: granted %v, needed %v", names, got, want)
			}
		})
	}
	wg.Wait()
	t.Logf("%d subsets need %d different lists", 1<<len(all)-1, len(lists))
}

// TestS5_25_AddsWhatIsMissingAndNeverWidens: what an administrator made by hand is completed; what is too much is said, and taken away
// only when that was asked for.
func TestS5_25_AddsWhatIsMissingAndNeverWidens(t *testing.T) {
	t.Parallel()
	w := begin(t, emulator.App{
		ClientID: "20000000-0000-4000-8000-000000000001", Name: "Portal", Redirects: []string{"https://portal.example/auth/callback", "https://other.example/x"},
		Application: []string{"Directory.ReadWrite.All", "User.ReadUpdate.All"}, Delegated: []string{"User.Read", "Directory.AccessAsUser.All"},
		AppRoles: []emulator.AppRole{{Value: "Nameplate.Admin", Name: "Admins"}, {Value: "Theirs", Name: "Theirs"}},
		Requests: []string{"Role:Directory.ReadWrite.All"},
	})
	x := wish("Portal", "profiles")
	p := w.apply(x)
	if p.ClientID != "20000000-0000-4000-8000-000000000001" {
		t.Errorf("another application was made: %s", p.ClientID)
	}
	if got := states(p)[setup.Excess]; !slices.Equal(got, []string{"permission Directory.ReadWrite.All", "delegated Directory.AccessAsUser.All"}) {
		t.Errorf("too much: %v", got)
	}
	if got := w.held(p); !slices.Equal(got, []string{"Directory.Read.All", "Directory.ReadWrite.All", "User.ReadUpdate.All"}) {
		t.Errorf("granted %v", got)
	}
	o := w.options(glenda, false)
	if err := o.Graph.Patch(t.Context(), "/applications(appId='20000000-0000-4000-8000-000000000001')", map[string]any{"isFallbackPublicClient": true}); err != nil {
		t.Fatal(err)
	}
	if got := states(w.look(o, x))[setup.Excess]; len(got) != 3 || got[0] != "public client " {
		t.Errorf("with public client flows too much: %v", got)
	}
	x.Remove = true
	p = w.apply(x)
	if got := states(p)[setup.Remove]; len(got) != 3 {
		t.Errorf("to be taken away: %v", got)
	}
	if got := w.held(p); !slices.Equal(got, doctor.Least(doctor.Chosen([]string{"profiles"}))) {
		t.Errorf("after taking away: %v", got)
	}
	if last := w.look(w.options(glenda, false), x); last.Pending() {
		t.Errorf("afterwards: %v", states(last))
	}
	for _, o := range w.Snapshot()[0].Objects {
		if text := fmt.Sprint(o.Values); o.Type == "application" && o.Values["displayName"] == "Portal" && (!strings.Contains(text, "https://other.example/x") || !strings.Contains(text, "Theirs")) {
			t.Errorf("what was theirs is gone: %s", text)
		}
	}
}

// TestS1_50_ARunThatWasCutOffIsFinishedByTheNext: each write is lost once, before or after it is done; there is one application in the end.
func TestS1_50_ARunThatWasCutOffIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before", "after"} {
		for n := 1; n <= 5; n++ {
			t.Run(fmt.Sprintf("%s write %d", at, n), func(t *testing.T) {
				t.Parallel()
				w := begin(t)
				w.Inject(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: `^/v1\.0/`, Nth: n}, At: at, Do: emulator.Do{Drop: true}})
				x := wish("Portal", "profiles")
				p := w.look(w.options(glenda, false), x)
				if err := p.Apply(t.Context(), func(string) {}); err == nil {
					t.Fatal("a lost answer was taken for a yes")
				}
				p = w.apply(x)
				if last := w.look(w.options(glenda, false), x); last.Pending() {
					t.Errorf("afterwards: %v", states(last))
				}
				if got := w.held(p); !slices.Equal(got, doctor.Least(doctor.Chosen([]string{"profiles"}))) {
					t.Errorf("granted %v", got)
				}
				apps := 0
				for _, e := range w.Ledger(0) {
					if e.Op == "application.create" {
						apps++
					}
				}
				if apps != 1 {
					t.Errorf("%d applications", apps)
				}
			})
		}
	}
}

// What was made a moment ago may not show yet: https://learn.microsoft.com/graph/best-practices-concept
func TestS1_56_WaitsForWhatWasJustMade(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.Inject(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: `/appRoleAssignments$`, Times: 3}, Do: emulator.Do{Status: 404, Code: "Request_ResourceNotFound"}})
	w.Inject(emulator.Rule{Match: emulator.Match{Method: http.MethodPost, Path: `/servicePrincipals$`, Times: 2}, Do: emulator.Do{Status: 400, Code: "NoBackingApplicationObject"}})
	p := w.apply(wish("Portal", "profiles"))
	if n := w.waits.Load(); n != 5 || len(w.held(p)) != 2 {
		t.Errorf("waited %d times, granted %v", n, w.held(p))
	}
}

func TestS1_46_WhoMayNotIsToldAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.look(w.options(glenda, true), wish("Portal", "profiles"))
	if err := p.Apply(t.Context(), func(string) {}); !fail.Is(err, fail.Denied) || w.Statistics().Writes != 0 {
		t.Errorf("with a right that can only look: %v, %d writes", err, w.Statistics().Writes)
	}
	p = w.look(w.options(anna, false), wish("Portal", "profiles")) // members register applications, and consent to nothing
	if err := p.Apply(t.Context(), func(string) {}); !fail.Is(err, fail.Denied) || !strings.Contains(err.Error(), "Privileged Role Administrator") {
		t.Errorf("a member: %v", err)
	}
}

func TestS1_51_ApplicationsThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := begin(t)
	x := wish("Portal", "profiles")
	x.ClientID = "20000000-0000-4000-8000-00000000dead"
	if _, err := setup.Look(t.Context(), w.options(glenda, true), x); !fail.Is(err, fail.NotFound) {
		t.Errorf("an application that is not there: %v", err)
	}
	x = wish("Portal", "profiles")
	x.Admin = "nobody@contoso.example"
	if _, err := setup.Look(t.Context(), w.options(glenda, false), x); !fail.Is(err, fail.NotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestB49_TheConfigurationIsAddedToAndNotChanged(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nameplate.yaml")
	list := []setup.Setting{{Key: "tenant", Value: tenant}, {Key: "public_url", Value: "https://people.example"}, {Key: "features", Value: "profiles,groups"}, {Key: "graph", Value: ""}}
	added, err := setup.WriteSettings(file, list)
	if err != nil || !slices.Equal(added, []string{"tenant", "public_url", "features"}) {
		t.Fatalf("%v %v", added, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	theirs := "# ours\npublic_url: 'https://mine.example' # keep\nname: \"no\""
	if err := os.WriteFile(file, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	if added, err = setup.WriteSettings(file, list); err != nil || !slices.Equal(added, []string{"tenant", "features"}) {
		t.Errorf("%v %v", added, err)
	}
	if text, _ := os.ReadFile(file); string(text) != theirs+"\ntenant: "+tenant+"\nfeatures: profiles,groups\n" {
		t.Errorf("%s", text)
	}
	if added, err = setup.WriteSettings(file, list); err != nil || added != nil {
		t.Errorf("again: %v %v", added, err)
	}
	if got := setup.Differing(file, append(list, setup.Setting{Key: "name", Value: "no"})); len(got) != 1 || got[0].Key != "public_url" {
		t.Errorf("what stands there otherwise: %v", got)
	}
}

// TestA28_B49_AnElementIsAddedOrCompleted: every byte of the others and of the comments stays, however the list is written, and what
// cannot be added to is said before anything is made.
func TestA28_B49_AnElementIsAddedOrCompleted(t *testing.T) {
	t.Parallel()
	in := func(element int) []setup.Setting {
		return []setup.Setting{{"tenant", "b.example", element}, {"client_id", "id", element}, {"features", "profiles,groups", element}, {"public_url", "https://mine.example", 0}}
	}
	for name, c := range map[string]struct {
		text    string
		element int
		want    string // "" is refused
	}{
		"one more": {
			"# ours\npublic_url: https://x.example\ntenants:\n  # the first\n  - tenant: a.example # A\n    client_id: one\n  # not yet: c.example\n\n# looks\naccent: \"#0b5cad\"\n", 2,
			"# ours\npublic_url: https://x.example\ntenants:\n  # the first\n  - tenant: a.example # A\n    client_id: one\n  # not yet: c.example\n  - tenant: b.example\n    client_id: id\n    features: profiles,groups\n\n# looks\naccent: \"#0b5cad\"\n",
		},
		"one more at the end": {
			"tenants:\n-   tenant: a.example\n    policy: |\n      # text\n", 2,
			"tenants:\n-   tenant: a.example\n    policy: |\n      # text\n-   tenant: b.example\n    client_id: id\n    features: profiles,groups\npublic_url: https://mine.example\n",
		},
		"the first is completed": {
			"tenants:\n  - tenant: a.example # A\n    features: [profiles]\n\n  - tenant: c.example\npublic_url: x\n", 1,
			"tenants:\n  - tenant: a.example # A\n    features: [profiles]\n    client_id: id\n\n  - tenant: c.example\npublic_url: x\n",
		},
		"behind a long value": {
			"public_url: x\ntenants:\n  - features:\n      - profiles\n", 1,
			"public_url: x\ntenants:\n  - tenant: b.example\n    client_id: id\n    features:\n      - profiles\n",
		},
		"what the file's own level says": {
			"public_url: x\nclient_id: id\ntenants:\n  - tenant: a.example\nfeatures: profiles,groups\n", 2,
			"public_url: x\nclient_id: id\ntenants:\n  - tenant: a.example\n  - tenant: b.example\nfeatures: profiles,groups\n",
		},
		"within braces":     {"public_url: x\ntenants: [{tenant: a.example}]\n", 1, "public_url: x\ntenants: [{features: \"profiles,groups\", client_id: \"id\", tenant: a.example}]\n"},
		"one more in them":  {"public_url: x\ntenants: [{tenant: a.example}]\n", 2, ""},
		"two too many":      {"tenants:\n  - tenant: a.example\n", 3, ""},
		"no list":           {"public_url: x\n", 1, ""},
		"an odd list":       {"tenants:\n  - a.example\n", 1, ""},
		"an empty element":  {"tenants:\n  - {}\n", 1, ""},
		"all within braces": {"{public_url: x}\n", 0, ""},
	} {
		file := filepath.Join(t.TempDir(), "nameplate.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := setup.Writable(file, c.element)
		_, err := setup.WriteSettings(file, in(c.element))
		got, rerr := os.ReadFile(file)
		switch {
		case rerr != nil:
			t.Fatal(rerr)
		case c.want == "" && (!fail.Is(err, fail.Unsupported) || !fail.Is(before, fail.Unsupported) || string(got) != c.text):
			t.Errorf("%s: %v, before %v\n%s", name, err, before, got)
		case c.want != "" && (err != nil || before != nil || string(got) != c.want):
			t.Errorf("%s: %v, before %v\n%s\nwant\n%s", name, err, before, got, c.want)
		}
		if c.want == "" {
			continue
		}
		if again, err := setup.WriteSettings(file, in(c.element)); err != nil || again != nil {
			t.Errorf("%s: again %v %v", name, again, err)
		}
	}
}

func TestA52_AKeyIsForItsOwnerAndNeverReplaced(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nameplate.pem")
	if err := pair().Create(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := pair().Create(file); !fail.Is(err, fail.Invalid) {
		t.Errorf("a second key in the same file: %v", err)
	}
	back, err := setup.OpenPair(file)
	if err != nil || setup.Thumbprint(back.Leaf) != setup.Thumbprint(pair().Leaf) {
		t.Errorf("%v", err)
	}
	if strings.Contains(setup.Public(back.Leaf), "PRIVATE") {
		t.Error("the public half holds the key")
	}
}
