package emulator

import (
	"strings"
	"time"
)

// account is what sign-in must know of a person: a copy, so that no lock is held while a page is drawn.
type account struct {
	id        string
	upn       string
	name      string // displayName
	given     string
	family    string
	mail      string
	jobTitle  string
	password  string    // "" accepts any
	force     bool      // must be changed at the next sign-in
	enabled   bool      // accountEnabled
	guest     bool      // userType is Guest
	federated bool      // the UPN's domain is federated: passwords are refused here
	validFrom time.Time // signInSessionsValidFromDateTime
	wids      []string  // template ids of directory roles
	direct    []string  // object ids of the groups that the person is in directly
	groups    []string  // object ids of the security groups that hold the person, nested ones included
}

// accountOf finds a person by object id, or by user principal name in any case. Deleted people are not found. Takes Emulator.mu.
func (e *Emulator) accountOf(t *tenant, key string) (account, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	u := t.dir.user(key)
	if u == nil {
		return account{}, false
	}
	return t.account(u), true
}

func (t *tenant) account(u *object) account {
	a := account{
		id: u.id, upn: u.upn(), name: unquote(u.rec.get(pName)), given: unquote(u.rec.get(pGiven)), family: unquote(u.rec.get(pSurname)),
		mail: unquote(u.rec.get(pMail)), jobTitle: unquote(u.rec.get(pJob)), enabled: u.rec.get(pEnabled) == "true", guest: u.guest(),
	}
	if u.more != nil {
		a.password, a.force = u.more.password, u.more.force
	}
	a.wids = t.dir.roles(u)
	if _, domain, ok := strings.Cut(a.upn, "@"); ok {
		if d := t.domain(domain); d != nil {
			a.federated = d.Federated
		}
	}
	a.validFrom, _ = parseInstant(unquote(u.json(pValidFrom)))
	for _, g := range t.dir.from("members", u) {
		if g.is("group") {
			a.direct = append(a.direct, g.id)
		}
	}
	for _, g := range t.dir.groupsOf(u) {
		if g.rec.get(gSecurity) == "true" {
			a.groups = append(a.groups, g.id)
		}
	}
	return a
}
