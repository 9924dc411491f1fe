package emulator

import "strings"

// Guests: somebody whose account is in another organization signs in with that account, and the token is of the organization that
// they are a guest of. Where both are in this emulator, password, second factor and disabling are those of the home account.
// https://learn.microsoft.com/en-us/entra/external-id/what-is-b2b, …/user-properties

// homeOf is the account that a person proves: their own, or a guest's at home where the emulator has that organization. It is false
// for a guest whose home is here and who is gone from it.
func (e *Emulator) homeOf(p person) (person, bool) {
	t, address := e.homeTenant(p.tenant, p.account)
	if t == nil {
		return p, true
	}
	acc, ok := e.accountOf(t, address)
	return person{acc, t}, ok
}

// homeTenant is the other organization of this emulator that a guest comes from, nil when there is none, and their name there:
// anna_fabrikam.com#EXT#@contoso.com is anna@fabrikam.com.
func (e *Emulator) homeTenant(t *tenant, a account) (*tenant, string) {
	if !a.guest {
		return nil, ""
	}
	address := a.mail
	if local, _, ok := strings.Cut(a.upn, "#EXT#"); ok {
		if i := strings.LastIndex(local, "_"); i > 0 {
			address = local[:i] + "@" + local[i+1:]
		}
	}
	_, domain, ok := strings.Cut(address, "@")
	if !ok {
		return nil, ""
	}
	home := e.tenantBy(domain)
	if home == t {
		return nil, ""
	}
	return home, address
}

// providerOf is idp of a guest: the issuer of the home organization, or a one-time code by mail.
func (e *Emulator) providerOf(at site, t *tenant, a account) string {
	if home, _ := e.homeTenant(t, a); home != nil {
		return at.stsOf(home.id)
	}
	return "mail"
}

// guestOf is the guest account in tenant t that belongs to somebody of another organization.
func (e *Emulator) guestOf(t *tenant, home person) (person, bool) {
	local, domain, ok := strings.Cut(home.upn, "@")
	if !ok {
		return person{}, false
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	names := []string{home.upn}
	for _, d := range t.domains {
		names = append(names, local+"_"+domain+"#EXT#@"+d.Name)
	}
	for _, name := range names {
		u := t.dir.user(name)
		if u == nil {
			u = t.dir.holder(name)
		}
		if u != nil && u.guest() {
			return person{t.account(u), t}, true
		}
	}
	return person{}, false
}

// asksSecond says whether the policy of the organization, or of a guest's home, asks this person for a second factor.
func (e *Emulator) asksSecond(p person) bool {
	home, _ := e.homeOf(p)
	for _, x := range []person{p, home} {
		if x.tenant == nil {
			continue
		}
		for _, name := range x.tenant.policy.mfa {
			if name == "*" || strings.EqualFold(name, x.upn) {
				return true
			}
		}
	}
	return false
}
