package emulator

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// savedLogin is what sign-in remembers from one run to the next: who is signed in where, and the refresh tokens. Codes, device codes
// and half-done sign-ins are over in minutes and are not kept.
type savedLogin struct {
	Sessions   []savedSession
	Refresh    []savedRefresh
	Challenges map[string]time.Time
}

type savedSession struct {
	Key, SID string
	Accounts map[string]time.Time
	Second   map[string]bool
	Apps     map[string]bool
	Ends     time.Time
}

type savedRefresh struct {
	Token, Tenant, Client, Object string
	Scopes, Amr, Acrs             []string
	SignedIn, Challenged          time.Time
	CC, ShowAuth, SPA             bool
	SID                           string
	Issued, Used, Ends            time.Time
}

// loginKept is how many sessions and refresh tokens each a data folder keeps: the ones used last.
const loginKept = 20_000

// over says whether a refresh token is of no more use.
func (g *refreshGrant) over(now time.Time) bool {
	return now.Sub(g.used) > refreshIdle || !g.ends.IsZero() && !now.Before(g.ends)
}

func (l *loginState) save(now time.Time) savedLogin {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := savedLogin{Challenges: maps.Clone(l.challenges)}
	for key, s := range l.sessions {
		if now.Before(s.ends) {
			c := s.clone()
			out.Sessions = append(out.Sessions, savedSession{key, c.sid, c.accounts, c.second, c.apps, c.ends})
		}
	}
	for token, g := range l.refresh {
		if !g.over(now) {
			out.Refresh = append(out.Refresh, savedRefresh{
				Token: token, Tenant: g.tenant.id, Client: g.clientID, Object: g.oid, Scopes: g.scopes, Amr: g.amr, Acrs: g.acrs, SignedIn: g.signedIn,
				Challenged: g.challenged, CC: g.cc, ShowAuth: g.showAuth, SPA: g.spa, SID: g.sid, Issued: g.issued, Used: g.used, Ends: g.ends,
			})
		}
	}
	slices.SortFunc(out.Sessions, func(a, b savedSession) int { return cmp.Or(b.Ends.Compare(a.Ends), cmp.Compare(a.Key, b.Key)) })
	slices.SortFunc(out.Refresh, func(a, b savedRefresh) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Token, b.Token)) })
	out.Sessions = out.Sessions[:min(loginKept, len(out.Sessions))]
	out.Refresh = out.Refresh[:min(loginKept, len(out.Refresh))]
	return out
}

// load takes up what was kept, as far as its tenants are still there.
func (l *loginState) load(saved savedLogin, tenants []*tenant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range saved.Sessions {
		l.sessions[s.Key] = (&browserSession{sid: s.SID, accounts: s.Accounts, second: s.Second, apps: s.Apps, ends: s.Ends}).clone()
	}
	for _, r := range saved.Refresh {
		i := slices.IndexFunc(tenants, func(t *tenant) bool { return t.id == r.Tenant })
		if i < 0 {
			continue
		}
		l.refresh[r.Token] = &refreshGrant{issued: r.Issued, used: r.Used, ends: r.Ends, grant: grant{
			tenant: tenants[i], clientID: r.Client, oid: r.Object, scopes: r.Scopes, amr: r.Amr, acrs: r.Acrs, signedIn: r.SignedIn,
			challenged: r.Challenged, cc: r.CC, showAuth: r.ShowAuth, spa: r.SPA, sid: r.SID,
		}}
	}
	maps.Copy(l.challenges, saved.Challenges)
}
