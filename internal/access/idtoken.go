package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// maxIDToken is the longest ID token that is looked at, in bytes; a real one has about two thousand.
const maxIDToken = 64 << 10

// maxGroups is how many groups of a person are remembered.
// https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference, groups overage
const maxGroups = 200

// identity is what we believe of an ID token. Nothing in it but Ref, Roles and Groups decides anything.
// https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
type identity struct {
	Ref      directory.Ref
	Name     string
	UPN      string
	Guest    bool
	Roles    []directory.Role
	Groups   []string // object ids, lower case, as far as the registration lets the token name groups
	SID      string
	SignedIn time.Time
}

type claims struct {
	Tenant   string   `json:"tid"`
	Object   string   `json:"oid"`
	Audience audience `json:"aud"`
	Party    string   `json:"azp"`
	Nonce    string   `json:"nonce"`
	Expires  float64  `json:"exp"`
	Before   *float64 `json:"nbf"`
	Issued   *float64 `json:"iat"`
	Auth     float64  `json:"auth_time"`
	Name     string   `json:"name"`
	Username string   `json:"preferred_username"`
	Provider string   `json:"idp"`
	Account  int      `json:"acct"`
	Roles    []string `json:"roles"`
	Groups   []string `json:"groups"`
	SID      string   `json:"sid"`
}

type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func badToken(cause error) *fail.Error {
	return denied("access.idtoken", CodeToken, fail.T("What came back from Microsoft did not pass a check, so you were not signed in. Sign in again; if it happens again, tell your administrator."), cause)
}

// verify believes an ID token that the pinned issuer signed with RS256 for us, in this tenant, for this attempt, now.
func (a *authority) verify(ctx context.Context, raw, nonce string) (identity, error) {
	var id identity
	if raw == "" || len(raw) > maxIDToken {
		return id, badToken(fmt.Errorf("an ID token of %d bytes", len(raw)))
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return id, err
	}
	token, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		if tid := unverifiedTenant(raw); tid != "" && tid != a.tenant.ID {
			return id, foreign(err)
		}
		return id, badToken(err)
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return id, badToken(errors.New("the claims cannot be read"))
	}
	now := a.s.cfg.Now()
	at := func(seconds float64) time.Time { return time.Unix(int64(seconds), 0) }
	switch {
	case c.Tenant != a.tenant.ID:
		return id, foreign(errors.New("tid is another tenant"))
	case len(c.Audience) != 1 || c.Audience[0] != a.tenant.ClientID:
		return id, badToken(errors.New("aud names somebody else as well"))
	case c.Party != "" && c.Party != a.tenant.ClientID:
		return id, badToken(errors.New("azp is another application"))
	case c.Nonce == "" || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1:
		return id, badToken(errors.New("nonce does not fit"))
	case c.Expires <= 0 || c.Expires > 1<<40 || now.After(at(c.Expires).Add(skew)):
		return id, badToken(errors.New("exp is over or missing"))
	case c.Before != nil && now.Before(at(*c.Before).Add(-skew)):
		return id, badToken(errors.New("nbf is in the future"))
	case c.Issued == nil || now.Before(at(*c.Issued).Add(-skew)):
		return id, badToken(errors.New("iat is in the future or missing"))
	case !guid.MatchString(c.Object):
		return id, badToken(errors.New("oid is missing or no id"))
	}
	id = identity{
		Ref: directory.Ref{Tenant: c.Tenant, ID: c.Object}, Name: clean(c.Name), UPN: clean(c.Username), SID: clean(c.SID),
		Guest: c.Account == 1 || (c.Provider != "" && !strings.Contains(c.Provider, a.tenant.ID)),
	}
	if c.Auth > 0 && c.Auth < 1<<40 {
		id.SignedIn = at(c.Auth).UTC()
	}
	for _, r := range c.Roles {
		if role := directory.Role(r); slices.Contains([]directory.Role{directory.Admin, directory.Editor, directory.Approver, directory.Auditor}, role) && !slices.Contains(id.Roles, role) {
			id.Roles = append(id.Roles, role)
		}
	}
	for _, g := range c.Groups { // a token names 200 at most and leaves the claim out where there would be more
		if g = strings.ToLower(g); guid.MatchString(g) && len(id.Groups) < maxGroups {
			id.Groups = append(id.Groups, g)
		}
	}
	return id, nil
}

func foreign(cause error) *fail.Error {
	return denied("access.idtoken", CodeTenant, fail.T("Your account belongs to an organization that is not served here. Sign in with the account that this organization gave you."), cause)
}

// unverifiedTenant reads tid of a token that was refused: only to say why, never to believe it.
func unverifiedTenant(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Tenant string `json:"tid"`
	}
	_ = json.Unmarshal(b, &c) // nothing to say then
	return c.Tenant
}
