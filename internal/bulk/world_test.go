package bulk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/entra"
	"nameplate/internal/keep"
	"nameplate/internal/pace"
	house "nameplate/internal/policy"
	"nameplate/internal/sheet"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

const (
	tenant = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	app    = "20000000-0000-4000-8000-000000000001"
)

func id(n int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", n) }

// faster is how much faster the windows of quotas run here.
const faster = 5

// world is a directory with package bulk in front of it.
type world struct {
	*bulk.Bulk
	cfg bulk.Config
	*emulator.Emulator
	engine *change.Engine
	t      testing.TB
	ctx    context.Context
}

type minted struct{ e *emulator.Emulator }

func (m minted) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := m.e.Mint(emulator.Token{Client: app})
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// rules let administrators change everything, editors a few things, and nobody the administrators of Microsoft 365.
const rules = `
version: 1
default: {view: [Nameplate.Admin, Nameplate.Editor]}
properties:
  department: {edit: [Nameplate.Admin, Nameplate.Editor]}
  faxNumber: {view: Nameplate.Admin, edit: Nameplate.Admin}
  displayName: {edit: Nameplate.Admin}
  givenName: {edit: Nameplate.Admin}
  surname: {edit: Nameplate.Admin}
  userPrincipalName: {edit: Nameplate.Admin}
  jobTitle: {edit: Nameplate.Admin}
  city: {edit: Nameplate.Admin}
  state: {edit: Nameplate.Admin}
  country: {edit: Nameplate.Admin}
  postalCode: {edit: Nameplate.Admin}
  employeeId: {edit: Nameplate.Admin}
  usageLocation: {edit: Nameplate.Admin}
  accountEnabled: {edit: Nameplate.Admin}
  mobilePhone: {edit: Nameplate.Admin}
  officeLocation: {edit: Nameplate.Admin}
  companyName: {edit: Nameplate.Admin}
  streetAddress: {edit: Nameplate.Admin}
actions:
  manager: Nameplate.Admin
  member: Nameplate.Admin
  license: Nameplate.Admin
  account: Nameplate.Admin
`

// contoso is an organization of n people: p1@contoso.example and so on.
func contoso(n int) emulator.Organization {
	org := emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Groups: []emulator.Group{
			{ID: "40000000-0000-4000-8000-000000000001", Name: "Sales", Members: []string{"p1@contoso.example"}},
			{ID: "40000000-0000-4000-8000-000000000002", Name: "Board", Type: "dynamic", Rule: `user.department -eq "Board"`},
			{ID: "40000000-0000-4000-8000-000000000003", Name: "Twin"},
			{ID: "40000000-0000-4000-8000-000000000004", Name: "Twin"},
			{ID: "40000000-0000-4000-8000-000000000005", Name: "O'Neil & co", Members: []string{"p2@contoso.example"}},
		},
		Subscriptions: []emulator.Subscription{{SKU: "50000000-0000-4000-8000-000000000001", Part: "SPE_E3", Seats: 2, Plans: []emulator.Plan{{ID: "60000000-0000-4000-8000-000000000001", Name: "MAIL"}}}},
		Apps: []emulator.App{{ClientID: app, Name: "Nameplate", Application: []string{
			"User.ReadWrite.All", "Directory.Read.All", "GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All",
		}}},
	}
	for i := 1; i <= n; i++ {
		org.Users = append(org.Users, emulator.User{ID: id(i), UPN: fmt.Sprintf("p%d@contoso.example", i), Values: map[string]any{
			"displayName": fmt.Sprintf("Person %d", i), "department": "Sales", "jobTitle": "Clerk", "usageLocation": "DE", "accountEnabled": true,
			"mobilePhone": fmt.Sprintf("+49 30 %06d", i), "postalCode": fmt.Sprintf("01%03d", i%1000), "mailNickname": fmt.Sprintf("p%d", i),
		}})
	}
	return org
}

func begin(t testing.TB, org emulator.Organization, rules string) *world {
	t.Helper()
	return beginIn(t, org, rules, emulator.Options{})
}

func beginIn(t testing.TB, org emulator.Organization, rules string, o emulator.Options) *world {
	t.Helper()
	o.Organizations = []emulator.Organization{org}
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return on(t, e, storetest.SQLite(t, time.Now), rules, site{stale: 12 * time.Second, faster: faster}) // longer than chaos shows what was there before
}

// site is what a process differs in from another one.
type site struct {
	stale  time.Duration // so long the directory may show what was there before; 0 is the engine's own
	faster float64       // than published the windows of quotas run
	grave  *grave        // where the process ends
}

// on is a process with a directory and a store.
func on(t testing.TB, e *emulator.Emulator, db *store.Store, rules string, s site) *world {
	t.Helper()
	org := e.Tenants()[0]
	newID := func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", ids.Add(1)) }
	var budget *pace.Budget
	way := e.Client().Transport
	if s.grave != nil {
		way = s.grave.way(way)
	}
	c, err := graph.New(graph.Options{Endpoint: "http://localhost", Transport: way, Credential: minted{e}, Now: time.Now, NewID: newID, Heard: func(ctx context.Context, l graph.Load) {
		budget.Heard(ctx, pace.Answer{Throttled: l.Status == 429, Share: l.Share, Scope: l.Scope})
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, mistakes := house.Parse("rules.yaml", []byte(rules))
	if len(mistakes) > 0 {
		t.Fatal(house.Report("rules.yaml", mistakes))
	}
	dir := entra.New(entra.Options{Tenants: map[string]*graph.Client{org: c}, Properties: p.Properties(), Now: time.Now})
	var journal change.Journal = db.Journal()
	var plans bulk.Store = db.Plans()
	if s.grave != nil {
		journal, plans = s.grave.journal(db.Journal()), s.grave.plans(plans)
	}
	budget = pace.New(pace.Config{Store: db, Tenant: org, Now: time.Now, Scale: s.faster})
	sealer, err := access.NewSealer(rand.Reader, make([]byte, access.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	engine := change.New(change.Config{
		Secrets: &access.Vault{Sealer: sealer, Store: db.Secrets(), Now: time.Now},
		Reader:  dir, Writer: dir, Many: dir, Groups: dir, Journal: journal, Policy: p, Properties: p.Properties(), Now: time.Now, NewID: newID, Stopped: db.Stopped, Alone: true,
		Limits: change.Limits{Stale: s.stale},
	})
	desk := admin.New(admin.Config{Directory: dir, Engine: engine, Policy: p, Journal: db.Journal(), Brake: db, Now: time.Now, Keep: keep.New(keep.Config{Store: db.Keep(), Journal: db.Journal(), Reader: dir, Now: time.Now, NewID: newID})})
	cfg := bulk.Config{Desk: desk, Store: plans, Sealer: sealer, Random: rand.Reader, Now: time.Now, NewID: newID, Wait: wait, Wake: func() {}, Settle: engine.Settle, Budget: budget}
	return &world{bulk.New(cfg), cfg, e, engine, t, t.Context()}
}

var ids atomic.Int64 // no id comes twice, in whatever process

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func holder(r ...directory.Role) directory.Actor {
	return directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: tenant, ID: id(900)}, Name: "Olga", Session: "s", Roles: r}
}

var boss = holder(directory.Admin)

// plan makes a plan of a text and gives its rows.
func (w *world) plan(text string, up bulk.Upload) (bulk.Plan, []bulk.Numbered) {
	w.t.Helper()
	return w.planBy(boss, text, up)
}

func (w *world) planBy(by directory.Actor, text string, up bulk.Upload) (bulk.Plan, []bulk.Numbered) {
	w.t.Helper()
	up.Name, up.Data = "people.csv", []byte(text)
	by.Ref.Tenant = w.Tenants()[0]
	p, err := w.MakePlan(w.ctx, by, by.Ref.Tenant, up)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.Rows(w.ctx, by, by.Ref.Tenant, p.ID, bulk.Query{N: 100_000})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, rows
}

// told are all problems of a plan and its rows, and all notes, as people read them.
func told(p bulk.Plan, rows []bulk.Numbered) (problems, notes string) {
	all := func(l []sheet.Problem) (s string) {
		for _, x := range l {
			s += x.String() + "\n"
		}
		return s
	}
	problems = all(p.Problems)
	for _, r := range rows {
		problems, notes = problems+all(r.Problems), notes+all(r.Notes)
	}
	return problems, notes + all(p.Notes)
}

// steps are the steps of a row in one line.
func steps(r bulk.Row) string {
	var l []string
	for _, s := range r.Steps {
		x := s.Kind()
		for _, n := range s.Set.Names() {
			x += fmt.Sprintf(" %s:%v→%v", n, s.Before[n], s.Set[n])
		}
		l = append(l, x)
	}
	return strings.Join(l, "; ")
}

// csv is a writer of an export.
func csv(write func(w sheet.Writer) error) (string, error) {
	var b bytes.Buffer
	w := sheet.NewCSV(&b)
	if err := write(w); err != nil {
		return "", err
	}
	err := w.Close()
	return b.String(), err
}
