package mirror_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/entra"
	"nameplate/internal/mirror"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

const (
	tenant = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	app    = "20000000-0000-4000-8000-000000000001"
)

// world is an emulated directory with a copy of it.
type world struct {
	*emulator.Emulator
	cfg   mirror.Config
	db    *store.Store
	graph string // origin
	token string
	t     testing.TB
	ctx   context.Context
}

type minted struct{ e *emulator.Emulator }

func (m minted) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := m.e.Mint(emulator.Token{Client: app})
	return azcore.AccessToken{Token: t, ExpiresOn: m.e.Now().Add(time.Minute)}, err
}

// contoso is an organization of n people, each sixth the manager of the five behind, and a group for each tenth.
func contoso(n int) emulator.Organization {
	org := emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Subscriptions: []emulator.Subscription{{SKU: "50000000-0000-4000-8000-000000000001", Part: "SPE_E3", Seats: 1000, Plans: []emulator.Plan{{ID: "60000000-0000-4000-8000-000000000001", Name: "MAIL"}}}},
		Apps: []emulator.App{{ClientID: app, Name: "Mirror", Application: []string{
			"User.ReadWrite.All", "User.DeleteRestore.All", "Directory.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "LicenseAssignment.ReadWrite.All",
		}}},
	}
	for i := range n {
		u := emulator.User{ID: id(i), UPN: upn(i), Values: map[string]any{
			"displayName": fmt.Sprintf("Person %d", i), "department": fmt.Sprintf("Team %d", i%7), "usageLocation": "DE", "accountEnabled": true,
			"mobilePhone": fmt.Sprintf("+49 30 %06d", i), "mailNickname": fmt.Sprintf("p%d", i), "businessPhones": []string{fmt.Sprintf("+49 40 %d", i)},
		}}
		if i%6 != 0 {
			u.Manager = upn(i - i%6)
		}
		org.Users = append(org.Users, u)
	}
	for g := range n / 10 {
		x := emulator.Group{ID: fmt.Sprintf("40000000-0000-4000-8000-%012d", g), Name: fmt.Sprintf("Group %d", g)}
		for i := range n / 5 {
			x.Members = append(x.Members, upn((g*3+i)%n))
		}
		org.Groups = append(org.Groups, x)
	}
	return org
}

func id(i int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", i) }

// upn spreads sign-in names over the alphabet.
func upn(i int) string { return fmt.Sprintf("%c.p%d@contoso.example", 'a'+i%26, i) }

func begin(t testing.TB, o emulator.Options, open storetest.Open) *world {
	t.Helper()
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	var n atomic.Int64
	c, err := graph.New(graph.Options{
		Endpoint: srv.GraphHTTP, Credential: minted{e}, Now: e.Now, NewID: func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", n.Add(1)) },
		Wait: func(ctx context.Context, d time.Duration) error { e.Clock().Advance(d); return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Emulator: e, t: t, ctx: t.Context(), graph: srv.GraphHTTP, db: open(t, e.Now)}
	if w.token, err = e.Mint(emulator.Token{Client: app, Expires: 3000 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	w.cfg = mirror.Config{Source: entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: c}, Now: e.Now}), Store: w.db.Mirror(), Now: e.Now}
	return w
}

func (w *world) sync() mirror.Requests {
	w.t.Helper()
	n, err := mirror.New(w.cfg).Sync(w.ctx, tenant)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// do asks Graph as a plain program does.
func (w *world) do(method, path string, body any, want ...int) map[string]any {
	w.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.HasPrefix(path, "http") {
		path = w.graph + "/v1.0" + path
	}
	req, err := http.NewRequestWithContext(w.ctx, method, path, bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err = io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(want) == 0 && res.StatusCode >= 300 || len(want) > 0 && !slices.Contains(want, res.StatusCode) {
		w.t.Fatalf("%s %s: %s %s", method, path, res.Status, b)
	}
	var out map[string]any
	_ = json.Unmarshal(b, &out)
	return out
}

func (w *world) all(path string) (l []map[string]any) {
	w.t.Helper()
	for next := path; next != ""; {
		page := w.do("GET", next, nil)
		for _, o := range page["value"].([]any) {
			l = append(l, o.(map[string]any))
		}
		next, _ = page["@odata.nextLink"].(string)
	}
	return l
}

const fields = "id,userPrincipalName,displayName,accountEnabled,userType,onPremisesSyncEnabled,jobTitle,department,mobilePhone,businessPhones,usageLocation,city,employeeOrgData,assignedLicenses,mailNickname"

// directory is what a plain program reads of the directory: people, managers, groups, members.
func (w *world) directory() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, u := range w.all("/users?$top=999&$select=" + fields + "&$expand=manager($select=id)") {
		boss := ""
		if m, ok := u["manager"].(map[string]any); ok {
			boss = m["id"].(string)
		}
		delete(u, "manager")
		out["person "+u["id"].(string)] = plain(u, nil) + " manager " + boss
	}
	for _, g := range w.all("/groups?$top=999&$select=id,displayName,description") {
		out["group "+g["id"].(string)] = plain(g, nil)
		for _, m := range w.all("/groups/" + g["id"].(string) + "/members?$top=999&$select=id") {
			out["member "+g["id"].(string)+" "+m["id"].(string)] = ""
		}
	}
	return out
}

// plain is an object without what has no value.
func plain(o map[string]any, only []string) string {
	l := []string{}
	for _, n := range slices.Sorted(maps.Keys(o)) {
		v := o[n]
		if list, ok := v.([]any); v == nil || strings.HasPrefix(n, "@") || ok && len(list) == 0 || only != nil && !slices.Contains(only, n) {
			continue
		}
		b, _ := json.Marshal(v)
		l = append(l, n+"="+string(b))
	}
	return strings.Join(l, " ")
}

// copied is the same, read from the copy.
func (w *world) copied() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	s := w.cfg.Store
	only := strings.Split(fields, ",")
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	var ids []string
	collect := func(id string) error { ids = append(ids, id); return nil }
	must(s.Living(w.ctx, tenant, mirror.PartPeople, collect))
	people, err := s.People(w.ctx, tenant, ids)
	must(err)
	for id, p := range people {
		var o map[string]any
		must(json.Unmarshal(p.Doc, &o))
		o["id"] = id
		boss := ""
		if p.Manager != nil {
			boss = *p.Manager
		}
		if _, living := people[boss]; !living {
			boss = "" // who was the manager is gone
		}
		out["person "+id] = plain(o, only) + " manager " + boss
	}
	ids = nil
	must(s.Living(w.ctx, tenant, mirror.PartGroups, collect))
	groups, err := s.Groups(w.ctx, tenant, ids)
	must(err)
	for id, g := range groups {
		var o map[string]any
		must(json.Unmarshal(g.Doc, &o))
		o["id"] = id
		out["group "+id] = plain(o, []string{"id", "displayName", "description"})
	}
	must(s.Memberships(w.ctx, tenant, func(m mirror.Membership) error {
		if _, ok := groups[m.Group]; ok {
			if _, living := people[m.ID]; living || m.Kind != "user" {
				out["member "+m.Group+" "+m.ID] = ""
			}
		}
		return nil
	}))
	return out
}

// same says that copy and directory agree.
func (w *world) same(when string) {
	w.t.Helper()
	have, want := w.copied(), w.directory()
	n := 0
	for k, v := range want {
		if h, ok := have[k]; !ok || h != v {
			if n++; n <= 5 {
				w.t.Errorf("%s: %s:\n directory %s\n copy %v %s", when, k, v, ok, h)
			}
		}
	}
	for k, v := range have {
		if _, ok := want[k]; !ok {
			if n++; n <= 10 {
				w.t.Errorf("%s: the copy has %s: %s", when, k, v)
			}
		}
	}
	if n > 0 {
		w.t.Fatalf("%s: %d differences of %d", when, n, len(want))
	}
}
