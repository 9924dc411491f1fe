package emulator

import (
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

// sessionCookie is the emulator's own sign-in session in the browser, by the service's name for it.
const sessionCookie = "ESTSAUTH"

// browserSession is what one browser is signed in to.
type browserSession struct {
	sid      string
	accounts map[string]time.Time // person.key of the account at home -> when they last proved themself
	second   map[string]bool      // who of them gave a second factor
	apps     map[string]bool      // tenant/client id: whom to tell of a sign-out
	ends     time.Time
}

// signedIn is a candidate for signing in without being asked.
type signedIn struct {
	person
	at     time.Time
	second bool
}

// session reads the browser's session; nil when it has none that is still good. The copy may be read without a lock.
func (e *Emulator) session(r *http.Request) (*browserSession, string) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, ""
	}
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	s := e.login.sessions[c.Value]
	if s == nil || e.Now().After(s.ends) {
		return nil, ""
	}
	return s.clone(), c.Value
}

func newSession(sid string) *browserSession {
	return &browserSession{sid: sid, accounts: map[string]time.Time{}, second: map[string]bool{}, apps: map[string]bool{}}
}

func (s *browserSession) clone() *browserSession {
	c := newSession(s.sid)
	c.ends = s.ends
	maps.Copy(c.accounts, s.accounts)
	maps.Copy(c.second, s.second)
	maps.Copy(c.apps, s.apps)
	return c
}

// candidates are the people of the session who may go on with this request without signing in again.
func (e *Emulator) candidates(f *signInFlow, s *browserSession) []signedIn {
	if s == nil {
		return nil
	}
	now := e.Now()
	var out []signedIn
	for key, at := range s.accounts {
		tid, oid, _ := strings.Cut(key, "/")
		t := e.tenantBy(tid)
		if t == nil {
			continue
		}
		acc, ok := e.accountOf(t, oid)
		who := person{acc, t}
		if ok && f.at.tenant != nil && f.at.tenant != t {
			who, ok = e.guestOf(f.at.tenant, who)
		}
		if !ok || at.Before(acc.validFrom) || at.Before(who.validFrom) {
			continue
		}
		if f.request.maxAge >= 0 && now.Sub(at) > time.Duration(f.request.maxAge)*time.Second {
			continue
		}
		if _, stale := who.tenant.policy.stale(at, now); stale {
			continue
		}
		out = append(out, signedIn{who, at, s.second[key]})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].upn < out[j].upn })
	if h := f.request.loginHint; h != "" {
		match := slices.DeleteFunc(slices.Clone(out), func(c signedIn) bool {
			return !strings.EqualFold(c.upn, h) && !strings.EqualFold(c.mail, h) && c.id != h
		})
		if len(match) > 0 || !strings.Contains(f.request.prompt, "select_account") {
			return match
		}
	}
	return out
}

// openSession adds somebody who has just signed in to the browser's session, or begins one. The session's value is a new one, as
// after every proof.
func (e *Emulator) openSession(w http.ResponseWriter, r *http.Request, who person) {
	old := ""
	if c, err := r.Cookie(sessionCookie); err == nil {
		old = c.Value
	}
	now := e.Now()
	key := secret()
	home, _ := e.homeOf(who)
	e.login.mu.Lock()
	s := e.login.sessions[old]
	if s == nil || now.After(s.ends) {
		s = newSession(e.random.id())
	}
	s.ends = now.Add(sessionLife)
	s.accounts[home.key()] = now
	delete(s.second, home.key())
	delete(e.login.sessions, old)
	e.login.sessions[key] = s
	e.login.changes.Add(1)
	e.login.mu.Unlock()
	setSession(w, r, key)
}

// holds says whether the session of the request is the person's, which the pages after the sign-in ask.
func (e *Emulator) holds(s *browserSession, who *person) bool {
	if s == nil || who == nil {
		return false
	}
	home, ok := e.homeOf(*who)
	return ok && !s.accounts[home.key()].IsZero()
}

// noteSecond notes that the person of the flow gave a second factor.
func (e *Emulator) noteSecond(f *signInFlow, key string) {
	f.second = true
	home, _ := e.homeOf(*f.who)
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	if s := e.login.sessions[key]; s != nil {
		s.second[home.key()] = true
	}
}

// noteSignIn notes which application the session was used for and names the session.
func (e *Emulator) noteSignIn(w http.ResponseWriter, r *http.Request, f *signInFlow, _ *browserSession, key string) string {
	if c := issuedCookie(w); c != "" {
		key = c
	}
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	s := e.login.sessions[key]
	if s == nil {
		return ""
	}
	s.apps[f.who.tenant.id+"/"+strings.ToLower(f.reg.ClientID)] = true
	return s.sid
}

// issuedCookie is the session that this very answer sets.
func issuedCookie(w http.ResponseWriter) string {
	for _, line := range w.Header().Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

func setSession(w http.ResponseWriter, r *http.Request, value string) {
	c := &http.Cookie{Name: sessionCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if r.TLS != nil {
		c.Secure, c.SameSite = true, http.SameSiteNoneMode
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// serveLogout ends the browser's session and tells the applications that it was used for:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request
func (e *Emulator) serveLogout(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		e.errorPage(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	back := r.Form.Get("post_logout_redirect_uri")
	s, key := e.session(r)
	var frames []string
	apps := map[string]bool{}
	sid := ""
	if s != nil {
		sid = s.sid
		for k := range s.apps {
			apps[k] = true
		}
		e.login.mu.Lock()
		delete(e.login.sessions, key)
		e.login.changes.Add(1)
		e.login.mu.Unlock()
	}
	setSession(w, r, "")
	var hint struct {
		Aud string `json:"aud"`
		Tid string `json:"tid"`
		Sid string `json:"sid"`
	}
	var h jwtHeader
	if _, _, err := splitJWT(r.Form.Get("id_token_hint"), &h, &hint); err == nil {
		apps[hint.Tid+"/"+strings.ToLower(hint.Aud)] = true
	}
	if c := r.Form.Get("client_id"); c != "" && a.tenant != nil {
		apps[a.tenant.id+"/"+strings.ToLower(c)] = true
	}
	allowed := false
	for _, k := range sortedKeys(apps) {
		tid, cid, _ := strings.Cut(k, "/")
		reg, ok := e.registrationOf(e.tenantBy(tid), cid)
		if !ok {
			continue
		}
		if _, err := checkRedirect(reg, back); back != "" && err == nil {
			allowed = true
		}
		if reg.Logout != "" && s != nil && s.apps[k] {
			v := make(map[string][]string)
			v["sid"], v["iss"] = []string{sid}, []string{siteOf(r).issuerOf(tid)}
			frames = append(frames, withQuery(reg.Logout, v))
		}
	}
	if back == "" || !allowed {
		back = ""
	} else if st := r.Form.Get("state"); st != "" {
		back = withQuery(back, map[string][]string{"state": {st}})
	}
	if back != "" && len(frames) == 0 {
		w.Header().Set("Cache-Control", "no-store, no-cache")
		http.Redirect(w, r, back, http.StatusFound)
		return
	}
	e.signedOutPage(w, r, back, frames)
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
