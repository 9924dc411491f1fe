package emulator_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
)

const inviteBianca = `{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com/welcome","sendInvitationMessage":true,
	"invitedUserMessageInfo":{"customizedMessageBody":"Do come.","ccRecipients":[{"emailAddress":{"address":"adele@contoso.com"}}]}}`

// inviting is contoso and fabrikam in one emulator, asked by an application of contoso.
func inviting(t *testing.T, change func(*emulator.Organization), opts emulator.Options) *desk {
	t.Helper()
	opts.Organizations = organizations()
	if change != nil {
		change(&opts.Organizations[0])
	}
	return newDesk(t, opts)
}

func (d *desk) guest(r reply) (id, state, redeem string) {
	d.t.Helper()
	who, _ := r.body["invitedUser"].(map[string]any)
	id, _ = who["id"].(string)
	redeem, _ = r.body["inviteRedeemUrl"].(string)
	state, _ = d.app("User.Read.All").ask("GET", "/v1.0/users/"+id+"?$select=externalUserState", nil).body["externalUserState"].(string)
	return id, state, redeem
}

// A guest redeems the invitation with the account at home, and what was invited is on record: guest, message, ledger.
// https://learn.microsoft.com/en-us/entra/external-id/invitation-email-elements
func TestS4_28_InvitationIsRedeemedAtHome(t *testing.T) {
	t.Parallel()
	d := inviting(t, nil, emulator.Options{})
	by := d.as("adele@contoso.com", "User.Invite.All")
	r := by.ask("POST", "/v1.0/invitations", inviteBianca)
	d.want(r, 201, "")
	id, state, redeem := d.guest(r)
	if state != "PendingAcceptance" {
		t.Errorf("the guest is %q", state)
	}
	mails := d.Outbox(0)
	if len(mails) != 1 {
		t.Fatalf("%d messages", len(mails))
	}
	m := mails[0]
	if m.Kind != "invitation" || m.To[0] != "carl@fabrikam.com" || m.Cc[0] != "adele@contoso.com" || !strings.Contains(m.Body, "Do come.") || !strings.Contains(m.Body, redeem) ||
		m.Subject != "Adele Vance invited you to access applications within their organization" {
		t.Errorf("the message is %+v", m)
	}
	if l := d.Ledger(0); len(l) != 1 || l[0].Op != "user.invite" || l[0].Object != id || l[0].After["userType"] != "Guest" {
		t.Errorf("ledger %+v", l)
	}
	if _, err := emulator.SignIn(t.Context(), d.Client(), redeem, "adele@contoso.com"); err == nil {
		t.Error("somebody else redeemed the invitation")
	}
	for range 2 { // the address goes on to work
		to, err := emulator.SignIn(t.Context(), d.Client(), redeem, "carl@fabrikam.com")
		if err != nil || to != "https://myapp.contoso.com/welcome" {
			t.Fatalf("redeemed to %q: %v", to, err)
		}
	}
	if _, state, _ := d.guest(r); state != "Accepted" {
		t.Errorf("the guest is %q after redeeming", state)
	}
	if l := d.Ledger(1); len(l) != 1 || l[0].Op != "user.redeem" || l[0].Actor != id {
		t.Errorf("ledger %+v", l)
	}
	again := by.ask("POST", "/v1.0/invitations", inviteBianca)
	d.want(again, 201, "")
	if same, _, _ := d.guest(again); same != id || again.body["status"] != "Completed" || len(d.Ledger(2)) != 0 {
		t.Errorf("invited again: %s, ledger %+v", again.raw, d.Ledger(2))
	}
	if _, err := emulator.SignIn(t.Context(), d.Client(), redeem, "carl@fabrikam.com"); err == nil {
		t.Error("the address of an older invitation was good")
	}
	// https://learn.microsoft.com/en-us/entra/external-id/reset-redemption-status
	reset := `{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com","resetRedemption":true,"invitedUser":{"id":"` + id + `"}}`
	d.want(by.ask("POST", "/v1.0/invitations", reset), 403, "Authorization_RequestDenied")
	d.want(d.as("admin@contoso.com", "User.Invite.All").ask("POST", "/v1.0/invitations", reset), 201, "")
	if _, state, _ := d.guest(r); state != "PendingAcceptance" {
		t.Errorf("the guest is %q after a reset", state)
	}
	straight := "/" + contosoID + "/oauth2/v2.0/authorize?client_id=" + multiApp + "&response_type=code&scope=openid&redirect_uri=" + back
	if _, err := d.SignIn(t.Context(), origin+straight, "carl@fabrikam.com"); err != nil {
		t.Fatal(err)
	}
	if _, state, _ := d.guest(r); state != "Accepted" {
		t.Errorf("the guest is %q after a sign-in to an application", state)
	}
}

// https://learn.microsoft.com/en-us/graph/api/resources/invitation#properties,
// https://learn.microsoft.com/en-us/graph/api/resources/authorizationpolicy#allowinvitesfrom-values
func TestS4_28_InvitationsThatAreRefused(t *testing.T) {
	t.Parallel()
	to := func(address string) string {
		return `{"invitedUserEmailAddress":"` + address + `","inviteRedirectUrl":"https://myapp.contoso.com"}`
	}
	d := inviting(t, nil, emulator.Options{}).app("User.Invite.All")
	for _, bad := range []string{
		to("a+b@fabrikam.com"), to(".carl@fabrikam.com"), to("carl@"), to("carl@fabrikam"), to("carl@-fabrikam.com"), to("carl@@fabrikam.com"), to("nobody@contoso.com"),
		`{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"myapp"}`, `{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"javascript:alert(1)"}`,
		`{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com","invitedUserType":"Owner"}`,
		`{"invitedUserEmailAddress":7,"inviteRedirectUrl":"https://myapp.contoso.com"}`, `{"invited":"carl@fabrikam.com"}`,
	} {
		d.want(d.ask("POST", "/v1.0/invitations", bad), 400, "BadRequest")
	}
	member := d.ask("POST", "/v1.0/invitations", to("adele@contoso.com"))
	d.want(member, 400, "BadRequest")
	if !strings.HasPrefix(member.message(), "The invited user already exists in the directory as object ID: ") {
		t.Error(member.message())
	}
	d.want(d.ask("POST", "/v1.0/invitations", `{"invitedUserEmailAddress":"x@fabrikam.com","inviteRedirectUrl":"https://a.example","invitedUser":{"id":"`+missing+`"}}`), 404, "Request_ResourceNotFound")
	d.want(d.ask("GET", "/v1.0/invitations", nil), 405, "")
	if len(d.Ledger(0)) != 0 || len(d.Outbox(0)) != 0 {
		t.Errorf("ledger %v, outbox %v", d.Ledger(0), d.Outbox(0))
	}
	asMember := `{"invitedUserEmailAddress":"carl@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com","invitedUserType":"Member"}`
	d.want(d.as("adele@contoso.com", "User.Invite.All").ask("POST", "/v1.0/invitations", asMember), 403, "Authorization_RequestDenied")
	d.want(d.as("admin@contoso.com", "User.Invite.All").ask("POST", "/v1.0/invitations", asMember), 201, "")
	const guest = "bianca_fabrikam.com#EXT#@contoso.onmicrosoft.com"
	for from, want := range map[string][4]int{ // application, administrator, member, guest
		"": {201, 201, 201, 201}, "adminsGuestInvitersAndAllMembers": {201, 201, 201, 403}, "adminsAndGuestInviters": {403, 201, 403, 403}, "none": {403, 403, 403, 403},
	} {
		d := inviting(t, func(o *emulator.Organization) { o.Invites = from }, emulator.Options{})
		for i, by := range []*desk{d.app("User.Invite.All"), d.as("admin@contoso.com", "User.Invite.All"), d.as("adele@contoso.com", "User.Invite.All"), d.as(guest, "User.Invite.All")} {
			if r := by.ask("POST", "/v1.0/invitations", to("carl@fabrikam.com")); r.code != want[i] {
				t.Errorf("allowInvitesFrom %q, caller %d: %d %s", from, i, r.code, r.raw)
			}
		}
		if got := d.Snapshot()[0].Invites; got != from {
			t.Errorf("the snapshot says allowInvitesFrom %q", got)
		}
	}
	if _, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{{Invites: "nobody"}}}); err == nil {
		t.Error("allowInvitesFrom: nobody was taken")
	}
}

// Guest, address of the invitation and outbox outlive a restart, a snapshot has the guest, and a reset forgets all.
func TestInvitationIsKept(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Data: filepath.Join(t.TempDir(), "kept")}
	d := inviting(t, nil, opts).app("User.Invite.All", "User.Read.All")
	r := d.ask("POST", "/v1.0/invitations", inviteBianca)
	d.want(r, 201, "")
	_, _, redeem := d.guest(r)
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	again := inviting(t, nil, opts)
	if got, want := again.Outbox(0), d.Outbox(0); len(got) != 1 || got[0].Body != want[0].Body || got[0].Seq != 1 || !got[0].Time.Equal(want[0].Time) {
		t.Errorf("outbox %+v, wanted %+v", got, want)
	}
	if to, err := emulator.SignIn(t.Context(), again.Client(), redeem, "carl@fabrikam.com"); err != nil || to != "https://myapp.contoso.com/welcome" {
		t.Errorf("redeemed to %q: %v", to, err)
	}
	again.want(again.app("User.Invite.All").ask("POST", "/v1.0/invitations", strings.ReplaceAll(inviteBianca, "carl", "dora")), 201, "")
	if l := again.Outbox(1); len(l) != 1 || l[0].Seq != 2 {
		t.Errorf("after number 1: %+v", l)
	}
	copied := newDesk(t, emulator.Options{Organizations: again.Snapshot()})
	if got := value(copied.Emulator, "carl_fabrikam.com#EXT#@contoso.onmicrosoft.com", "externalUserState"); got != "Accepted" {
		t.Errorf("the guest of the snapshot is %v", got)
	}
	if err := again.Reset(); err != nil || len(again.Outbox(0)) != 0 {
		t.Errorf("outbox after a reset: %v, %v", again.Outbox(0), err)
	}
	for _, address := range []string{redeem, origin + "/redeem", origin + "/redeem?rd=%25", strings.Replace(redeem, contosoID, fabrikamID, 1)} {
		res, err := again.Client().Get(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %v", address, res.StatusCode, err)
		}
	}
}
