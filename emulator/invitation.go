package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Invitations: https://learn.microsoft.com/en-us/graph/api/invitation-post. An invitation is nothing that can be read again; what
// stays of it is the guest, with what is needed to redeem it.

// invitationShape is what a request may say: https://learn.microsoft.com/en-us/graph/api/resources/invitation#properties
const invitationShape = `{"invitedUser":{"id":"#text"},"invitedUserDisplayName":"#text","invitedUserEmailAddress":"#text",` +
	`"invitedUserMessageInfo":{"ccRecipients":[{"emailAddress":{"address":"#text","name":"#text"}}],"customizedMessageBody":"#text","messageLanguage":"#text"},` +
	`"invitedUserType":"Guest","inviteRedirectUrl":"#text","resetRedemption":false,"sendInvitationMessage":false}`

type emailAddress struct {
	EmailAddress struct {
		Address *string `json:"address"`
		Name    *string `json:"name"`
	} `json:"emailAddress"`
}

func (a emailAddress) address() string {
	if a.EmailAddress.Address == nil {
		return ""
	}
	return strings.TrimSpace(*a.EmailAddress.Address)
}

type invitation struct {
	ID          string  `json:"id"`
	RedeemURL   string  `json:"inviteRedeemUrl"`
	DisplayName *string `json:"invitedUserDisplayName"`
	Type        string  `json:"invitedUserType"`
	Address     string  `json:"invitedUserEmailAddress"`
	Send        bool    `json:"sendInvitationMessage"`
	Reset       bool    `json:"resetRedemption"`
	RedirectURL string  `json:"inviteRedirectUrl"`
	Status      string  `json:"status"`
	Message     struct {
		Language *string        `json:"messageLanguage"`
		Body     *string        `json:"customizedMessageBody"`
		Cc       []emailAddress `json:"ccRecipients"`
	} `json:"invitedUserMessageInfo"`
	User struct {
		ID string `json:"id"`
	} `json:"invitedUser"`
}

// invite is what the newest invitation of a guest says, which is how it is redeemed.
type invite struct {
	Ticket   string
	Redirect string // where the person goes afterwards
}

// Values of externalUserState: https://learn.microsoft.com/en-us/graph/api/resources/user#properties
const (
	invitePending  = `"PendingAcceptance"`
	inviteAccepted = `"Accepted"`
)

// Who may invite, by the organization's setting (allowInvitesFrom):
// https://learn.microsoft.com/en-us/graph/api/resources/authorizationpolicy#allowinvitesfrom-values
const (
	invitesNone    = "none"
	invitesAdmins  = "adminsAndGuestInviters"
	invitesMembers = "adminsGuestInvitersAndAllMembers"
	invitesAll     = "everyone" // the default
)

var (
	invites       = []string{"User.Invite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	guestInviters = []string{globalAdmin, userAdmin, guestInviter}
	redeemAgain   = []string{globalAdmin, userAdmin, helpdeskAdmin}
)

// mayInvite: https://learn.microsoft.com/en-us/entra/external-id/external-collaboration-settings-configure. Where only administrators
// invite, applications do not.
func (c *call) mayInvite(in *invitation) error {
	from, by := cmp.Or(c.t.policy.invites, invitesAll), c.p.hasRole(guestInviters...)
	switch {
	case !c.p.holds(invites...) && !c.p.asUser(),
		from == invitesNone,
		from == invitesAdmins && !(c.p.delegated() && by),
		from == invitesMembers && c.guest && !by,
		// https://learn.microsoft.com/en-us/graph/api/resources/invitation#properties
		c.p.delegated() && in.Type == "Member" && !c.p.hasRole(globalAdmin, userAdmin),
		// https://learn.microsoft.com/en-us/entra/external-id/reset-redemption-status
		c.p.delegated() && in.Reset && !c.p.hasRole(redeemAgain...):
		return denied()
	}
	return nil
}

// invitations answers POST /invitations.
func (c *call) invitations() error {
	if len(c.seg) > 1 {
		return c.unknown(c.seg[1])
	}
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	in, err := c.readInvitation()
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if err := c.mayInvite(in); err != nil {
		return err
	}
	if err := in.check(c.t); err != nil {
		return err
	}
	u, err := c.invited(in)
	if err != nil {
		return err
	}
	in.ID, in.User.ID, in.Status = c.e.random.id(), u.id, unquote(invitePending)
	if u.rec.get(pExternal) == inviteAccepted {
		in.Status = "Completed"
	}
	in.RedeemURL = c.redeemURL(u, in)
	if len(in.Message.Cc) == 0 {
		in.Message.Cc = make([]emailAddress, 1) // as the page shows it
	}
	if in.Send {
		c.mailInvitation(in)
	}
	b := c.context(nil, "invitations/$entity")
	return c.send(http.StatusCreated, append(b, jsonOf(in)[1:]...))
}

func (c *call) readInvitation() (*invitation, error) {
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, badJSON()
	}
	j, ok := fitShape(invitationShape, raw, "")
	in := &invitation{}
	if !ok || json.Unmarshal([]byte(j), in) != nil {
		return nil, badJSON()
	}
	return in, nil
}

// badInvitation is a refusal; the words are assumed where nothing else is said.
func badInvitation(format string, args ...any) *graphError {
	return failure(http.StatusBadRequest, "BadRequest", format, args...)
}

// check refuses what no invitation can be made of.
func (in *invitation) check(t *tenant) error {
	to, err := url.Parse(in.RedirectURL)
	switch {
	case in.Address == "":
		return badInvitation("The invitedUserEmailAddress is required.")
	case in.RedirectURL == "":
		return badInvitation("The inviteRedirectUrl is required.")
	case !inviteAddress(in.Address):
		return badInvitation("The invitedUserEmailAddress is not valid.")
	case err != nil || !to.IsAbs() || to.Host == "" || to.Scheme != "https" && to.Scheme != "http":
		return badInvitation("The inviteRedirectUrl is not valid.")
	case in.Type != "Guest" && in.Type != "Member":
		return badInvitation("The invitedUserType is not valid.")
	}
	if _, domain, _ := strings.Cut(in.Address, "@"); in.User.ID == "" {
		if d := t.domain(domain); d != nil && d.Verified && t.dir.holder(in.Address) == nil && t.dir.byUPN[strings.ToLower(in.Address)] == nil {
			return badInvitation("The invited user's domain is a verified domain of this directory.")
		}
	}
	return nil
}

// inviteAddress says whether an address may be invited:
// https://learn.microsoft.com/en-us/graph/api/resources/invitation#properties names the characters that must not be in it.
func inviteAddress(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok || name == "" || len(s) > 320, strings.ContainsAny(name, "~!#$%^&*()+=[]{}\\/|;:\"<>?, \t\r\n@"):
		return false
	case strings.Trim(name, ".-") != name:
		return false
	}
	return mailDomain(domain)
}

// mailDomain says whether a text looks like the domain of an address.
func mailDomain(s string) bool {
	labels := strings.Split(s, ".")
	return len(labels) > 1 && !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || strings.Trim(l, "-") != l || strings.ContainsAny(l, " @,;:\"()<>[]\\/\t\r\n")
	})
}

// invited is the guest that an invitation is for: a new one, or one who is there already and is invited again. Call with Emulator.mu
// held.
func (c *call) invited(in *invitation) (*object, error) {
	d := c.t.dir
	local, domain, _ := strings.Cut(in.Address, "@")
	name := local + "_" + domain + "#EXT#@" + c.t.initialDomain()
	u := d.holder(in.Address)
	for _, key := range []string{in.Address, name} {
		if u == nil {
			u = d.byUPN[strings.ToLower(key)]
		}
	}
	if in.User.ID != "" { // https://learn.microsoft.com/en-us/entra/external-id/reset-redemption-status, …/invite-internal-users
		if u = d.user(in.User.ID); u == nil {
			return nil, notThere(in.User.ID)
		}
	} else if u != nil && !u.is("user") {
		// text as quoted in https://learn.microsoft.com/en-us/entra/external-id/troubleshoot
		return nil, badInvitation("Group email address is not supported. Invite the members of the group one by one.")
	}
	t := d.users
	state := []edit{t.given(pExternal, invitePending), t.given(pExternalTime, instantJSON(c.e.Now()))}
	switch {
	case u == nil:
		u = &object{in: t, id: c.e.random.id()}
		u.rec = u.rec.with([]field{{pCreated, instantJSON(c.e.Now())}})
		shown := local
		if in.DisplayName != nil && *in.DisplayName != "" {
			shown = *in.DisplayName
		}
		edits := append(state,
			t.given(pName, text(shown)), t.given(pUPN, text(name)), t.given(pMail, text(in.Address)), t.given(pEnabled, "true"),
			t.given(t.prop("otherMails"), jsonOf([]string{in.Address})), t.given(t.prop("creationType"), `"Invitation"`), t.given(pUserType, text(in.Type)),
			t.given(t.prop("mailNickname"), text(local+"_"+domain+"#EXT#")))
		return u, c.applyTo(u, edits, "user.invite")
	case u.rec.get(pExternal) == "" && in.User.ID == "" && !u.guest():
		// remembered from the service
		return nil, badInvitation("The invited user already exists in the directory as object ID: %s. They can use that account to sign in to shared apps and resources.", u.id)
	case in.Reset, u.rec.get(pExternal) == "":
		if !strings.EqualFold(unquote(u.rec.get(pMail)), in.Address) {
			state = append(state, t.given(pMail, text(in.Address)))
		}
		return u, c.applyTo(u, state, "user.invite")
	}
	return u, nil
}

// initialDomain is the one that the organization came with.
func (t *tenant) initialDomain() string {
	for _, d := range t.domains {
		if strings.HasSuffix(strings.ToLower(d.Name), ".onmicrosoft.com") {
			return d.Name
		}
	}
	return t.domains[0].Name
}

// redeemURL is where the guest redeems the invitation. Its parts are those of the service's address.
func (c *call) redeemURL(u *object, in *invitation) string {
	u.extra().invite = &invite{Ticket: secret(), Redirect: in.RedirectURL}
	v := url.Values{"tenant": {c.t.id}, "user": {u.id}, "ticket": {u.more.invite.Ticket}, "ver": {"2.0"}}
	return siteOf(c.r).login + "/redeem?rd=https://invitations.microsoft.com/redeem/" + url.QueryEscape("?"+v.Encode())
}

// mailInvitation puts the message into the outbox: https://learn.microsoft.com/en-us/entra/external-id/invitation-email-elements
func (c *call) mailInvitation(in *invitation) {
	by := c.t.name
	if c.p.user != nil {
		by = unquote(c.p.user.rec.get(pName))
	}
	body := by + " invited you to access applications within their organization, " + c.t.name + "."
	if in.Message.Body != nil && *in.Message.Body != "" {
		body += "\n\n" + *in.Message.Body
	}
	m := c.mail("invitation")
	m.From, m.To, m.ContentType = "invites@microsoft.com", []string{in.Address}, "text"
	m.Subject = by + " invited you to access applications within their organization"
	m.Body = body + "\n\nAccept invitation: " + in.RedeemURL + "\n"
	for _, a := range in.Message.Cc {
		if s := a.address(); s != "" {
			m.Cc = append(m.Cc, s)
		}
	}
	c.e.outbox.add(m)
}

// mail begins a message of the outbox.
func (c *call) mail(kind string) Mail {
	m := Mail{Time: c.e.Now(), Tenant: c.t.id, App: c.p.client, RequestID: c.requestID, Kind: kind}
	if c.p.user != nil {
		m.Actor = c.p.user.id
	}
	return m
}
