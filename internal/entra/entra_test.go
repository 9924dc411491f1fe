package entra_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/directory/directorytest"
	"nameplate/internal/entra"
	"nameplate/internal/fail"
)

const (
	tenant    = "5f1d3c0e-7a42-4c7b-9c1e-2b8f4d6a9e01"
	memberID  = "10000000-0000-4000-8000-0000000000a1"
	managerID = "10000000-0000-4000-8000-0000000000a2"
	syncedID  = "10000000-0000-4000-8000-0000000000a3"
	onceID    = "10000000-0000-4000-8000-0000000000a4"
	adminID   = "10000000-0000-4000-8000-0000000000a5"
	guestID   = "10000000-0000-4000-8000-0000000000a6"
	clientID  = "20000000-0000-4000-8000-000000000001"

	groupID    = "40000000-0000-4000-8000-000000000001"
	dynamicID  = "40000000-0000-4000-8000-000000000002"
	powerfulID = "40000000-0000-4000-8000-000000000003"
	officeSKU  = "50000000-0000-4000-8000-000000000001"
	dearSKU    = "50000000-0000-4000-8000-000000000002"
	mailPlan   = "60000000-0000-4000-8000-000000000001"
)

func organization() emulator.Organization {
	person := func(id, name string, more map[string]any) emulator.User {
		v := map[string]any{"displayName": name, "accountEnabled": true, "userType": "Member", "mailNickname": name, "usageLocation": "DE"}
		for k, x := range more {
			v[k] = x
		}
		return emulator.User{ID: id, UPN: name + "@contoso.example", Values: v}
	}
	anna := person(memberID, "anna", map[string]any{"jobTitle": "Nurse"})
	anna.Manager = "ben@contoso.example"
	carl := person(syncedID, "carl", map[string]any{"jobTitle": "Clerk"})
	carl.Sync = "synced"
	dora := person(onceID, "dora", nil)
	dora.Sync = "once"
	emil := person(adminID, "emil", nil)
	emil.Roles = []string{"Global Administrator"}
	return emulator.Organization{
		ID: tenant, Name: "Contoso", Country: "DE", Domains: []emulator.Domain{{Name: "contoso.example", Verified: true}},
		Users: []emulator.User{anna, person(managerID, "ben", nil), carl, dora, emil, person(guestID, "gustav", map[string]any{"userType": "Guest"})},
		Groups: []emulator.Group{
			{ID: groupID, Name: "Nurses", Members: []string{"anna@contoso.example"}, Owners: []string{"ben@contoso.example"}},
			{ID: dynamicID, Name: "The board", Type: "dynamic", Rule: `user.department -eq "Board"`},
			{ID: powerfulID, Name: "Keyholders", Type: "role-assignable"},
		},
		Subscriptions: []emulator.Subscription{
			{SKU: officeSKU, Part: "OFFICE", Seats: 2, Plans: []emulator.Plan{{ID: mailPlan, Name: "MAIL"}, {ID: "60000000-0000-4000-8000-000000000002", Name: "SITES"}}},
			{SKU: dearSKU, Part: "DEAR"},
		},
		Apps: []emulator.App{{
			ClientID: clientID, Name: "Nameplate", Secrets: []emulator.Secret{{Value: "not a real one"}},
			Application: []string{"User.ReadWrite.All", "Organization.Read.All", "Directory.Read.All", "GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All"},
			Roles:       []string{"User Administrator"}, // for passwords
			Delegated:   []string{"User.ReadWrite", "User.Read", "openid", "profile"},
		}},
	}
}

// minted gives tokens of the emulator without a sign-in.
type minted struct{ e *emulator.Emulator }

func (m minted) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := m.e.Mint(emulator.Token{Client: clientID})
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func (m minted) Token(_ context.Context, session, _ string) (string, error) {
	who, ok := strings.CutPrefix(session, "session of ")
	if !ok {
		return "", fail.New(fail.Denied, "access.token", fail.T("Your session has ended. Sign in again."))
	}
	return m.e.Mint(emulator.Token{Client: clientID, As: who})
}

// box is an emulator with the adapter in front of it.
type box struct {
	*emulator.Emulator
	dir  *entra.Directory
	pass func(time.Duration)
}

func newBox(t testing.TB, edit ...func(*emulator.Options, *graph.Options)) *box {
	t.Helper()
	var ids, skipped atomic.Int64
	eo := emulator.Options{Organizations: []emulator.Organization{organization()}}
	gopt := graph.Options{
		// Waiting moves the clock and takes no time.
		Now:   func() time.Time { return time.Now().Add(time.Duration(skipped.Load())) },
		Wait:  func(ctx context.Context, d time.Duration) error { skipped.Add(int64(d)); return ctx.Err() },
		NewID: func() string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", ids.Add(1)) },
	}
	for _, f := range edit {
		f(&eo, &gopt)
	}
	e, err := emulator.New(eo)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	gopt.Endpoint, gopt.Credential = s.GraphHTTP, minted{e}
	c, err := graph.New(gopt)
	if err != nil {
		t.Fatal(err)
	}
	return &box{
		e, entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: c}, Tokens: minted{e}, Now: time.Now}),
		func(d time.Duration) {
			skipped.Add(int64(d))
			e.Clock().Advance(d)
		},
	}
}

func ref(id string) directory.Ref { return directory.Ref{Tenant: tenant, ID: id} }

// asked is a test as the contract asks for it.
type asked struct{ *testing.T }

func (a asked) Run(name string, test func(directorytest.T)) bool {
	return a.T.Run(name, func(t *testing.T) { test(asked{t}) })
}

func TestContract(t *testing.T) {
	t.Parallel()
	for _, c := range directorytest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Test(asked{t}, fixture(t))
		})
	}
}

func fixture(t *testing.T) directorytest.Fixture {
	t.Helper()
	b := newBox(t)
	arm := map[directorytest.Fault]emulator.Rule{
		directorytest.LostBefore:    {Match: emulator.Match{Path: `batch$`, Times: 1}, At: "before", Do: emulator.Do{Drop: true}},
		directorytest.LostAfter:     {Match: emulator.Match{Path: `batch$`, Times: 1}, At: "after", Do: emulator.Do{Drop: true}},
		directorytest.Busy:          {Match: emulator.Match{Path: `batch$`, Times: 1}, At: "after", Do: emulator.Do{Status: 503}},
		directorytest.Throttled:     {Match: emulator.Match{Method: "PATCH"}, At: "before", Do: emulator.Do{Status: 429, RetryAfter: "1"}},
		directorytest.ThrottledOnce: {Match: emulator.Match{Method: "PATCH", Times: 1}, At: "before", Do: emulator.Do{Status: 429, RetryAfter: "7"}},
	}
	return directorytest.Fixture{
		Reader: b.dir, Writer: b.dir, Lister: b.dir,
		Member: ref(memberID), UPN: "anna@contoso.example", Session: "session of " + memberID,
		Manager: ref(managerID), Synced: ref(syncedID), Once: ref(onceID), Admin: ref(adminID), Guest: ref(guestID),
		Gone:  ref("10000000-0000-4000-8000-0000000000ff"),
		Group: ref(groupID), Dynamic: ref(dynamicID), Powerful: ref(powerfulID), SKU: officeSKU, Plan: mailPlan, Dear: dearSKU,
		Arm:      func(f directorytest.Fault) { b.Inject(arm[f]) },
		Requests: func() int { return int(b.Statistics().Requests) },
		Pass:     b.pass,
	}
}
