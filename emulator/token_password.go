package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

// Smart lockout: ten wrong passwords lock the account for a minute, and after that each further one for longer; the last three wrong
// ones tried again do not count. https://learn.microsoft.com/en-us/entra/identity/authentication/howto-password-smart-lockout
const (
	lockoutAfter = 10
	lockoutFirst = time.Minute
	lockoutMost  = time.Hour
)

// failures are the wrong passwords of one account.
type failures struct {
	count int
	last  [][sha256.Size]byte
	until time.Time
	next  time.Duration
}

// knows says whether the password is the person's; somebody without one is known by any.
func (a account) knows(password string) bool {
	return a.password == "" || subtle.ConstantTimeCompare([]byte(a.password), []byte(password)) == 1
}

func wrongPassword() *oauthError {
	return aadsts("invalid_grant", 50126, "Error validating credentials due to invalid username or password.")
}

// checkPassword proves the account by its password. p is the account at home.
func (e *Emulator) checkPassword(p person, password string) *oauthError {
	now, key := e.Now(), p.key()
	right := p.knows(password)
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	f := e.login.failures[key]
	switch {
	case f != nil && now.Before(f.until):
		return aadsts("invalid_grant", 50053, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.")
	case right:
		delete(e.login.failures, key)
		return nil
	case f == nil:
		f = &failures{next: lockoutFirst}
		e.login.failures[key] = f
	}
	tried := sha256.Sum256([]byte(password))
	if slices.Contains(f.last, tried) {
		return wrongPassword()
	}
	f.last = append(f.last, tried)
	f.last = f.last[max(0, len(f.last)-3):]
	if f.count++; f.count >= lockoutAfter {
		f.until = now.Add(f.next)
		f.next = min(2*f.next, lockoutMost)
	}
	return wrongPassword()
}

// key names an account in the sign-in half's own records.
func (p person) key() string { return p.tenant.id + "/" + p.id }

// passwordGrant is the resource owner password grant: no page, so whatever needs one is refused.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth-ropc
func (e *Emulator) passwordGrant(q tokenRequest) (map[string]any, *oauthError) {
	name, pass := q.form.Get("username"), q.form.Get("password")
	switch {
	case q.at.tenant == nil && !strings.EqualFold(q.at.segment, "organizations"):
		return nil, aadsts("invalid_request", 9001023, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.")
	case name == "":
		return nil, missing("username")
	case pass == "":
		return nil, missing("password")
	case q.v1 && q.form.Get("scope") == "": // v2.0 only recommends one
		return nil, q.withoutScope()
	}
	who, ok := e.personNamed(q.at, name)
	if refusal := e.mayEnter(q.r, q.at, q.client.reg, who, ok, name); refusal != nil {
		return nil, refusal
	}
	home, ok := e.homeOf(who)
	if !ok || home.federated {
		return nil, wrongPassword() // a federated domain proves its people itself
	}
	if refusal := e.checkPassword(home, pass); refusal != nil {
		return nil, refusal
	}
	if home.force && home.password != "" {
		expired := aadsts("invalid_grant", 50055, "The password is expired.")
		expired.suberror = "user_password_expired"
		return nil, expired
	}
	g := grant{tenant: who.tenant, clientID: q.client.reg.ClientID, oid: who.id, scopes: strings.Fields(q.form.Get("scope")), signedIn: e.Now(), amr: []string{"pwd"}}
	if c := q.form.Get("claims"); c != "" {
		g.applyClaims(c, e.Now())
	}
	return e.answerGrant(q, g)
}

// secondFactor is what a request without a page is told where a second factor is asked for. The v1.0 endpoint says
// interaction_required, v2.0 invalid_grant (https://github.com/ahaenggli/AzureAD-LDAP-wrapper/issues/10,
// https://github.com/geoffreylagaisse/Hass-Microsoft-Graph/issues/14).
func secondFactor(resource string, v1 bool) *oauthError {
	o := aadsts("invalid_grant", 50076, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'.", resource)
	if v1 {
		o.kind = "interaction_required"
	}
	o.suberror = "basic_action"
	o.claims = `{"access_token":{"capolids":{"essential":true,"values":["00000000-0000-4000-8000-00000000cafa"]}}}`
	return o
}
