package emulator

import (
	"crypto/subtle"
	"net/http"
	"net/url"
)

// portal is the application that redeems invitations; it is the same in every tenant.
// https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
var portal = registration{App: App{ClientID: "4660504c-45b3-4674-a709-71951a6b0763", Name: "Microsoft Invitation Acceptance Portal"}, multi: true}

// serveRedeem is where inviteRedeemUrl leads: the guest signs in, at home where the emulator has that organization, agrees and goes on
// to inviteRedirectUrl. https://learn.microsoft.com/en-us/entra/external-id/redemption-experience
func (e *Emulator) serveRedeem(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	to, err := url.Parse(r.URL.Query().Get("rd"))
	if err != nil {
		e.noInvitation(w)
		return
	}
	q := to.Query()
	t := e.tenantBy(q.Get("tenant"))
	if t == nil {
		e.noInvitation(w)
		return
	}
	f := &signInFlow{kind: flowRedeem, at: authorityRequest{t.id, t}, reg: portal, invited: q.Get("user"), request: authRequest{maxAge: -1}}
	e.mu.RLock()
	u := t.userByID(f.invited)
	good := u != nil && u.more != nil && u.more.invite != nil && subtle.ConstantTimeCompare([]byte(u.more.invite.Ticket), []byte(q.Get("ticket"))) == 1
	if good {
		f.request.loginHint, f.onward = u.upn(), u.more.invite.Redirect
	}
	e.mu.RUnlock()
	if !good {
		e.noInvitation(w)
		return
	}
	e.advance(w, r, f)
}

func (e *Emulator) noInvitation(w http.ResponseWriter) {
	e.draw(w, http.StatusBadRequest, "say", pageView{
		Title: "This invitation is not valid", Detail: "A newer one took its place, or the address is not complete. Ask who invited you for another one.",
	})
}

// redeemPage asks the guest to agree that the organization has their name and address.
func (e *Emulator) redeemPage(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	if f.who.id != f.invited {
		f.who = nil
		e.signInPage(w, r, f, "The invitation is for somebody else. Sign in with the account that was invited.")
		return
	}
	e.keep(f)
	e.draw(w, http.StatusOK, "consent", pageView{
		Title: "Review permissions", App: f.at.tenant.name, Tenant: f.at.tenant.name, Who: f.who.signInName(), Scopes: scopeViews(f.reg, []ask{{client: f.reg, resource: resource{graph: true}, scopes: []string{"profile", "email"}}}),
		Action: "/" + f.at.path() + "/consent", Flow: f.id,
	})
}

// finishRedeem sends the guest on.
func (e *Emulator) finishRedeem(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	e.login.mu.Lock()
	delete(e.login.flows, f.id)
	e.login.mu.Unlock()
	e.accept(f)
	http.Redirect(w, r, f.onward, http.StatusFound)
}

// accept notes that somebody who was invited has come, by the invitation or straight to an application.
func (e *Emulator) accept(f *signInFlow) {
	t := f.who.tenant
	defer e.announce(t)
	e.mu.Lock()
	defer e.mu.Unlock()
	if u := t.userByID(f.who.id); u != nil && u.rec.get(pExternal) == invitePending {
		c, in := e.itself(t, f.reg.ClientID, u.id), u.in
		_ = c.applyTo(u, []edit{in.given(pExternal, inviteAccepted), in.given(pExternalTime, instantJSON(e.Now()))}, "user.redeem") // nothing clashes
	}
}
