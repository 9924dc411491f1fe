package emulator

import "time"

// tenant is one Microsoft 365 organization in memory. Guarded by Emulator.mu.
type tenant struct {
	id      string
	name    string
	country string
	domains []Domain
	policy  signInPolicy
	dir     *directory            // every directory object (state.go)
	values  map[string]string     // JSON of what Graph changes of the organization, by property
	skus    []Subscription        // products that were bought
	due     map[*object]time.Time // groups whose licenses are to be passed on, and when
	seats   map[string]int        // how many people have each, by id; nil: not counted yet (tenant.used)

	described []App // the applications of the organization file
}

// signInPolicy is what an organization file says of sign-ins as a whole.
type signInPolicy struct {
	cloud   string
	mfa     []string
	often   string // signInFrequency
	issuers []Issuer
	invites string // allowInvitesFrom
}

func policyOf(o Organization) signInPolicy {
	return signInPolicy{o.Cloud, o.MFA, o.Frequency, o.Issuers, o.Invites}
}

// stale says whether a sign-in is older than the policy allows, and how old it may be.
func (p signInPolicy) stale(signedIn, now time.Time) (time.Duration, bool) {
	most, err := time.ParseDuration(p.often)
	return most, err == nil && now.Sub(signedIn) > most
}

// principal is who a request comes from, read from its token. Made by authenticate (keys.go), read by the permission
// rules (permission.go).
type principal struct {
	tenant *tenant
	app    *object         // service principal of the client
	client string          // its appId
	user   *object         // nil for an application's own token
	scopes map[string]bool // delegated, as granted in the token
	roles  map[string]bool // application permissions, as granted in the token
	wids   []string        // directory role template ids: the user's, or the service principal's for an app-only token
	issued time.Time
}

// delegated says whether the token stands for a signed-in person.
func (p *principal) delegated() bool { return p.user != nil }

// Token asks for an access token without a sign-in; for tests. Either As (a person: delegated, with Scopes) or neither
// (app-only, with Roles). Empty Scopes and Roles take what the application was granted.
type Token struct {
	Tenant  string // id or domain; "" is the first tenant
	Client  string // client id; "" is the tenant's first application, or a built-in test client where there is none
	As      string // UPN or object id of a person
	Scopes  []string
	Roles   []string
	WIDs    []string      // extra directory role template ids for an app-only token, as if the service principal held them
	Expires time.Duration // 0 is one hour; negative is a token that has expired
	Aud     string        // "" is Graph
}
