package change_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"pgregory.net/rapid"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/entra"
	"nameplate/internal/property"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

const (
	ourApp   = "20000000-0000-4000-8000-000000000001"
	rivalApp = "20000000-0000-4000-8000-000000000002"
)

// real is the shipped path: engine, SQLite, adapter, Graph client, HTTP, emulator.
type real struct {
	*emulator.Emulator
	clock  *clock
	dir    *entra.Directory // ours
	theirs *graph.Client    // somebody else's
	store  *store.Store
	on     directory.Ref
	stop   func()
	seq    int64 // of the ledger, when the story began
}

// right gives an application's token, or a person's.
type right struct {
	e     *emulator.Emulator
	clock *clock
	app   string
}

func (r right) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := r.e.Mint(emulator.Token{Client: r.app, Expires: 24 * time.Hour})
	return azcore.AccessToken{Token: t, ExpiresOn: r.clock.Now().Add(24 * time.Hour)}, err
}

func (r right) Token(_ context.Context, session, _ string) (string, error) {
	return r.e.Mint(emulator.Token{Client: r.app, As: strings.TrimPrefix(session, "s-"), Expires: time.Hour})
}

func personID(i int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", i) }

func newReal(t testing.TB, people int, open ...storetest.Open) *real {
	t.Helper()
	if len(open) == 0 {
		open = []storetest.Open{storetest.SQLite}
	}
	return realOf(t, contoso(people), open[0])
}

// contoso is an organization of so many people, with our application and somebody else's.
func contoso(people int) emulator.Organization {
	app := func(id, name string) emulator.App {
		return emulator.App{ClientID: id, Name: name, Application: []string{"User.ReadWrite.All", "Directory.Read.All"}, Delegated: []string{"User.ReadWrite", "User.Read"}}
	}
	org := emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Apps: []emulator.App{app(ourApp, "Nameplate"), app(rivalApp, "Somebody else")},
	}
	for i := range people {
		name := fmt.Sprintf("person%d", i)
		org.Users = append(org.Users, emulator.User{ID: personID(i), UPN: name + "@contoso.example", Values: map[string]any{
			"displayName": name, "accountEnabled": true, "mailNickname": name, "userType": "Member", "jobTitle": "Nurse", "city": "Bonn",
		}})
	}
	return org
}

// realOf is the shipped path to an organization.
func realOf(t testing.TB, org emulator.Organization, open storetest.Open) *real {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}, Wall: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	var ids atomic.Int64
	client := func(id string) *graph.Client {
		g, err := graph.New(graph.Options{
			Endpoint: srv.GraphHTTP, Credential: right{e, c, id}, Now: c.Now, Wait: c.Wait,
			NewID: func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", ids.Add(1)) },
			Retry: graph.Retry{Reads: 1, Throttles: 1}, // the story says itself what is tried again
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	return &real{
		Emulator: e, clock: c, store: open(t, c.Now), theirs: client(rivalApp), stop: func() {},
		dir: entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: client(ourApp)}, Tokens: right{e, c, ourApp}, Now: c.Now}),
	}
}

// world puts the engine on it.
func (r *real) world(t testing.TB, ids *int) *world {
	w := &world{t: t, clock: r.clock, journal: r.store.Journal()}
	w.cfg = change.Config{
		Reader: r.dir, Writer: r.dir, Journal: w.journal, Policy: anything{}, Properties: property.Catalog(),
		Now: r.clock.Now, Wait: r.clock.Wait, NewID: func() string { *ids++; return fmt.Sprintf("entry-%06d", *ids) },
	}
	w.engine = change.New(w.cfg)
	return w
}

// value is what the directory holds by the sum of its ledger.
func (r *real) value(on directory.Ref, n property.Name) property.Value {
	v := map[property.Name]property.Value{"jobTitle": text("Nurse"), "city": text("Bonn")}[n]
	for _, e := range r.effects() {
		if e.name == n && e.on == on {
			v = e.after
		}
	}
	return v
}

func (r *real) effects() (out []effect) {
	for _, e := range r.Ledger(r.seq) {
		if e.Object != r.on.ID {
			continue
		}
		b, a := flat(e.Before), flat(e.After)
		for n := range a {
			if alike(a[n], b[n]) {
				continue
			}
			out = append(out, effect{on: r.on, name: n, before: b[n], after: a[n], ours: e.App == ourApp})
		}
		for n := range b {
			if _, ok := a[n]; !ok && !b[n].Empty() {
				out = append(out, effect{on: r.on, name: n, before: b[n], ours: e.App == ourApp})
			}
		}
	}
	return out
}

// flat reads one side of a ledger's entry without the product's own reader.
func flat(m map[string]any) property.Values {
	out := property.Values{}
	for k, v := range m {
		switch x := v.(type) {
		case map[string]any:
			for l, y := range x {
				out[property.Name(k+"/"+l)] = plain(y)
			}
		case nil:
			if k == "employeeOrgData" {
				out["employeeOrgData/division"], out["employeeOrgData/costCenter"] = property.Null(), property.Null()
				continue
			}
			out[property.Name(k)] = property.Null()
		default:
			out[property.Name(k)] = plain(v)
		}
	}
	return out
}

func plain(v any) property.Value {
	if b, err := json.Marshal(v); err == nil {
		var x property.Value
		if x.UnmarshalJSON(b) == nil {
			return x
		}
	}
	return property.Null()
}

// sent counts every request, for a change that is known needs none.
func (r *real) sent() int { return int(r.Statistics().Requests) }

func (r *real) rival(on directory.Ref, set property.Values) {
	r.clock.mu.Lock()
	r.clock.now = r.clock.now.Add(time.Second)
	r.clock.mu.Unlock()
	body := map[string]any{}
	org := map[string]any{}
	for n, v := range set {
		top, leaf, nested := strings.Cut(string(n), "/")
		if !nested {
			body[top] = v
			continue
		}
		org["division"], org["costCenter"] = r.value(on, "employeeOrgData/division"), r.value(on, "employeeOrgData/costCenter")
		org[leaf] = v
		body[top] = org
	}
	c := r.theirs
	if _, ok := set["aboutMe"]; ok { // only the person, in another program
		c = c.As(func(ctx context.Context, spent string) (string, error) {
			return right{r.Emulator, r.clock, rivalApp}.Token(ctx, "s-"+on.ID, spent)
		})
	}
	if err := c.Patch(context.Background(), "/users/"+on.ID, body); err != nil {
		panic(err)
	}
}

func (r *real) trouble(tr trouble) {
	r.stop()
	r.ClearFaults()
	patch := func(at string, do emulator.Do) {
		r.Inject(emulator.Rule{Match: emulator.Match{App: ourApp, Method: "PATCH", Times: 1}, At: at, Do: do})
	}
	for _, f := range tr.faults {
		switch f {
		case lostBefore:
			patch(emulator.Before, emulator.Do{Drop: true})
		case lostAfter:
			patch(emulator.After, emulator.Do{Drop: true})
		case throttledFor:
			patch(emulator.Before, emulator.Do{Status: 429, RetryAfter: "7"})
		case throttled:
			patch(emulator.Before, emulator.Do{Status: 429, RetryAfter: "1"})
		case refused:
			patch(emulator.Before, emulator.Do{Status: 403, Code: "Authorization_RequestDenied"})
		case unsent:
			patch(emulator.After, emulator.Do{Status: 504})
		case noReadBack:
			patch(emulator.Before, emulator.Do{Status: 503})
		default:
			patch(emulator.After, emulator.Do{Headers: map[string]string{"X-Nothing": "1"}})
		}
	}
	if tr.stale > 0 {
		r.Inject(emulator.Rule{Match: emulator.Match{App: ourApp, Method: "PATCH"}, At: emulator.After, Do: emulator.Do{Stale: emulator.Duration(tr.stale)}})
	}
	once := false
	r.stop = r.OnWrite(func(e emulator.Entry) {
		if e.App != ourApp || once {
			return
		}
		once = true
		if tr.blind > 0 {
			r.Inject(emulator.Rule{Match: emulator.Match{App: ourApp, Method: "GET", Times: tr.blind}, At: emulator.Before, Do: emulator.Do{Status: 503}})
		}
		if tr.after != nil {
			tr.after()
		}
	})
}

// TestApply_RandomOnWhatShips is the same promise on both databases, the adapter, HTTP and the emulator's rules.
func TestApply_RandomOnWhatShips(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stories := 3000 // each has a person of its own
			if name == "postgres" {
				stories = 30 // a commit is a round trip and a sync of the disk there
			}
			r := newReal(t, stories+1, open)
			next, ids := 0, 0
			rapid.Check(t, func(rt *rapid.T) {
				if next++; next > stories {
					return
				}
				r.on = directory.Ref{Tenant: tenant, ID: personID(next)}
				r.seq = r.Statistics().Writes
				w := r.world(t, &ids)
				s := newStory(rt, w, r, r.on, "aboutMe")
				s.run()
				// The directory says by the product's own reading what its ledger says.
				u, err := r.dir.User(context.Background(), directory.Authority{}, r.on, directory.Ask{Names: s.names})
				if err != nil {
					rt.Fatal(err)
				}
				for _, n := range s.names {
					if !alike(u.Values[n], r.value(r.on, n)) {
						rt.Fatalf("%s is read as %v, the ledger ends with %v", n, u.Values[n], r.value(r.on, n))
					}
				}
			})
			if next > 20 && r.Statistics().Faults < 10 {
				t.Errorf("%d faults were met in %d stories: they tell nothing", r.Statistics().Faults, next)
			}
		})
	}
}
