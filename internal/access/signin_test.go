package access_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// The request's parameters are those of https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow

// and of https://learn.microsoft.com/entra/identity-platform/claims-challenge#client-capabilities

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := b.begin(access.Begin{Next: "/profile?section=work", Hint: "adele@contoso.com", Prompt: "select_account"})
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": clientID, "response_type": "code", "redirect_uri": "https://portal.contoso.com/auth/callback", "code_challenge_method": "S256",
		"scope":      "openid profile offline_access https://graph.microsoft.com/User.Read https://graph.microsoft.com/User.ReadWrite",
		"login_hint": "adele@contoso.com", "prompt": "select_account", "claims": `{"access_token":{"xms_cc":{"values":["cp1"]}},"id_token":{"auth_time":{"essential":true}}}`,
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if u.Host != "login.microsoftonline.com" || u.Path != "/"+contosoID+"/oauth2/v2.0/authorize" {
		t.Errorf("the browser is sent to %s", begun.URL)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 43 {
			t.Errorf("%s has %d characters: less than 256 bits", name, len(q.Get(name)))
		}
	}
	if len(begun.Cookie) > 3700 || strings.Contains(begun.Cookie, q.Get("state")) {
		t.Errorf("the cookie has %d bytes and must not show what is in it", len(begun.Cookie))
	}
	done, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: here})
	if err != nil {
		t.Fatal(err)
	}
	s := done.Session
	now := b.clock.Now()
	if s.Ref != (directory.Ref{Tenant: contosoID, ID: adeleID}) || s.Name != "Adele Vance" || s.UPN != "adele@contoso.com" || s.Guest || len(s.Roles) != 0 || s.From != here {
		t.Errorf("signed in: %+v", s)
	}
	if !s.Began.Equal(now) || !s.IdleEnd.Equal(now.Add(time.Hour)) || !s.FinalEnd.Equal(now.Add(12*time.Hour)) {
		t.Errorf("times: began %v, idle end %v, final end %v", s.Began, s.IdleEnd, s.FinalEnd)
	}
	if done.Next != "/profile?section=work" || done.Attempt != "" || len(done.Cookie) != 43 || s.ID == done.Cookie {
		t.Errorf("finished: next %q, attempt %q, cookie of %d", done.Next, done.Attempt, len(done.Cookie))
	}
	got, err := b.Session(t.Context(), done.Cookie, here)
	if err != nil || got.Ref != s.Ref || got.ID != s.ID {
		t.Errorf("session: %+v, %v", got, err)
	}
	if a := got.Actor("198.51.100.2"); a.Kind != directory.PersonActor || !a.Self(s.Ref) || a.Session != s.ID || a.From != "198.51.100.2" || a.Name != "Adele Vance" {
		t.Errorf("actor: %+v", a)
	}
	token, err := b.Token(t.Context(), s.ID, "")
	if err != nil || strings.Count(token, ".") != 2 {
		t.Errorf("token: %v", err)
	}
	if len(b.spy.foreign) > 0 {
		t.Errorf("requests to others than the authority: %v", b.spy.foreign)
	}
	if n := len(b.events("authn_login_success")); n != 1 {
		t.Errorf("%d events authn_login_success, want 1", n)
	}
}

// An assertion as https://learn.microsoft.com/entra/identity-platform/certificate-credentials describes it, over TLS.

func TestSignInByCertificate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	cert, text := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	orgs := organizations()
	orgs[0].Apps[0].Secrets, orgs[0].Apps[0].Certificates = nil, []string{text}
	e, err := emulator.New(emulator.Options{Organizations: orgs})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	b := newBench(t, func(c *access.Config) {
		c.Tenants[0].Authority, c.Tenants[0].Graph, c.Tenants[0].Secret, c.Tenants[0].Certificate = srv.Authority, srv.Graph, "", cert
		c.HTTP, c.Now = srv.Client(), time.Now
	})
	b.e = e
	begun := b.begin(access.Begin{})
	back, err := emulator.SignIn(t.Context(), srv.Client(), begun.URL, "adele@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.Finish(t.Context(), access.Callback{Query: u.Query(), Attempt: begun.Cookie, From: here})
	if err != nil || done.Session.Ref.ID != adeleID || done.Next != "/" {
		t.Errorf("finished %+v, %v", done, err)
	}
}

// TestF18_ACertificateThatIsNotKnownYetIsNotTheOnlyOne: the present one is refused, the one before it is taken; who signs in sees nothing.
func TestF18_ACertificateThatIsNotKnownYetIsNotTheOnlyOne(t *testing.T) {
	t.Parallel()
	now := time.Now()
	old, text := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	next, _ := certificate(t, now.Add(-time.Minute), now.Add(2*time.Hour))
	orgs := organizations()
	orgs[0].Apps[0].Secrets, orgs[0].Apps[0].Certificates = nil, []string{text}
	e, err := emulator.New(emulator.Options{Organizations: orgs})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	list := []*access.Certificate{old}
	b := newBench(t, func(c *access.Config) {
		c.Tenants[0].Authority, c.Tenants[0].Graph, c.Tenants[0].Secret = srv.Authority, srv.Graph, ""
		c.Tenants[0].Certificates = func() []*access.Certificate { return list }
		c.HTTP, c.Now = srv.Client(), time.Now
	})
	for _, list = range [][]*access.Certificate{{old}, {next, old}} {
		begun := b.begin(access.Begin{})
		back, err := emulator.SignIn(t.Context(), srv.Client(), begun.URL, "adele@contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Finish(t.Context(), access.Callback{Query: u.Query(), Attempt: begun.Cookie, From: here}); err != nil {
			t.Errorf("with %d certificates: %v", len(list), err)
		}
	}
	list = []*access.Certificate{next}
	begun := b.begin(access.Begin{})
	back, err := emulator.SignIn(t.Context(), srv.Client(), begun.URL, "adele@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(back)
	if _, err := b.Finish(t.Context(), access.Callback{Query: u.Query(), Attempt: begun.Cookie, From: here}); access.Code(err) != access.CodeCredential {
		t.Errorf("with the unknown one alone: %v", err)
	}
}

func TestRolesComeFromTheToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if got := b.signIn("admin@contoso.com", "").Session; !slices.Equal(got.Roles, []directory.Role{directory.Admin}) {
		t.Errorf("roles %v, want only our own: %v", got.Roles, directory.Admin)
	}
	if got := b.signIn("bianca@fabrikam.com", "").Session; len(got.Roles) != 0 || !got.Guest || got.Ref.Tenant != contosoID {
		t.Errorf("A03 a guest has roles %v, guest %v, in %s", got.Roles, got.Guest, got.Ref.Tenant)
	}
}

// A group of the policy file is believed only as the token names it.
func TestGroupsComeFromTheToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for upn, want := range map[string][]string{"alex@contoso.com": {staffID}, "adele@contoso.com": nil} {
		s := b.signIn(upn, "").Session
		if !slices.Equal(s.Groups, want) || !slices.Equal(s.Actor(here).Groups, want) {
			t.Errorf("%s: groups %v, want %v", upn, s.Groups, want)
		}
	}
}

func TestA01_KeyIsTenantAndObject(t *testing.T) {
	t.Parallel()
	t.Run("a person of another tenant with her mail and name is another person", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, func(c *access.Config) {
			c.Tenants = append(c.Tenants, access.Tenant{ID: fabrikamID, Authority: authority, ClientID: clientID, Secret: secretText})
		})
		begun := b.begin(access.Begin{Tenant: fabrikamID})
		done, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "bianca@fabrikam.com"), Attempt: begun.Cookie})
		if err != nil || done.Session.Ref != (directory.Ref{Tenant: fabrikamID, ID: biancaID}) {
			t.Errorf("signed in as %v, %v", done.Session.Ref, err)
		}
		if b.sessions(adeleID) != 0 {
			t.Error("she got a session of the other tenant's person")
		}
		if _, err := b.Begin(t.Context(), access.Begin{From: here}); !fail.Is(err, fail.Invalid) {
			t.Errorf("with two tenants one has to be named: %v", err)
		}
		if _, err := b.Begin(t.Context(), access.Begin{From: here, Tenant: strings.Replace(contosoID, "1", "9", 1)}); !fail.Is(err, fail.Invalid) {
			t.Errorf("a tenant that is not configured: %v", err)
		}
	})
	t.Run("a token of a tenant that is not configured is refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		if err := b.e.SpoilIDTokens("wrong-tid", 1); err != nil {
			t.Fatal(err)
		}
		begun := b.begin(access.Begin{})
		_, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie})
		wantCode(t, "another tid", err, fail.Denied, access.CodeTenant)
		if got := b.events("authn_login_fail"); len(got) != 1 || got[0]["reason"] != "tenant" {
			t.Errorf("log: %v, want one authn_login_fail with reason tenant", got)
		}
	})
	t.Run("a code of the other tenant is refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, func(c *access.Config) {
			c.Tenants = append(c.Tenants, access.Tenant{ID: fabrikamID, Authority: authority, ClientID: clientID, Secret: secretText})
		})
		mine := b.begin(access.Begin{Tenant: contosoID})
		u, err := url.Parse(mine.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := b.visit(strings.Replace(mine.URL, contosoID, fabrikamID, 1), "bianca@fabrikam.com")
		q.Set("state", u.Query().Get("state"))
		_, err = b.Finish(t.Context(), access.Callback{Query: q, Attempt: mine.Cookie})
		wantCode(t, "the other tenant's code", err, fail.Denied, access.CodeAttempt)
	})
}

// A new colleague gets the name of one who left: the session, and what had been typed, are not theirs.

func TestA24_RecycledNameIsAnotherPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.signIn("adele@contoso.com", "")
	if err := b.Stash(t.Context(), old.Cookie, access.Form{Path: "/profile", Values: url.Values{"aboutMe": {"mine"}}}); err != nil {
		t.Fatal(err)
	}
	orgs := organizations()
	orgs[0].Users[0].ID = "bbbbbbbb-0000-4000-8000-00000000000f"
	e, err := emulator.New(emulator.Options{Organizations: orgs, Wall: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b.e, b.spy.next = e, e.Client().Transport
	if b.Service, err = access.New(b.cfg); err != nil {
		t.Fatal(err)
	}
	again := b.signIn("adele@contoso.com", old.Cookie)
	if again.Session.UPN != old.Session.UPN || again.Session.Ref == old.Session.Ref || again.Session.Recovered != "" {
		t.Errorf("the new colleague is %v with %q waiting; the old one was %v", again.Session.Ref, again.Session.Recovered, old.Session.Ref)
	}
}

func TestA04_AnswerIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attacker, victim := b.begin(access.Begin{}), b.begin(access.Begin{})
	q := b.visit(attacker.URL, "alex@contoso.com")
	for name, cookie := range map[string]string{"a fresh browser": "", "another sign-in's browser": victim.Cookie, "a cookie of nothing": "AAAA", "a changed cookie": "B" + attacker.Cookie[1:], "a cookie of 10 kB": strings.Repeat("A", 10_000)} {
		_, err := b.Finish(t.Context(), access.Callback{Query: q, Attempt: cookie, From: here})
		wantCode(t, name, err, fail.Denied, access.CodeAttempt)
	}
	if b.sessions(alexID) != 0 {
		t.Error("there is a session")
	}
	// His code under the victim's own state: PKCE and nonce are another attempt's.
	u, err := url.Parse(victim.URL)
	if err != nil {
		t.Fatal(err)
	}
	q.Set("state", u.Query().Get("state"))
	_, err = b.Finish(t.Context(), access.Callback{Query: q, Attempt: victim.Cookie, From: here})
	wantCode(t, "an injected code", err, fail.Denied, access.CodeAttempt)
	for name, spoil := range map[string]func(url.Values){
		"state twice":    func(q url.Values) { q.Add("state", q.Get("state")) },
		"code twice":     func(q url.Values) { q.Add("code", "x") },
		"no state":       func(q url.Values) { q.Del("state") },
		"no code":        func(q url.Values) { q.Del("code") },
		"a code of 1 MB": func(q url.Values) { q.Set("code", strings.Repeat("x", 1<<20)) },
	} {
		begun := b.begin(access.Begin{})
		q := b.visit(begun.URL, "alex@contoso.com")
		spoil(q)
		_, err := b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie, From: here})
		wantCode(t, name, err, fail.Denied, access.CodeAttempt)
	}
}

func TestA05_AnswerIsUsedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := b.begin(access.Begin{})
	q := b.visit(begun.URL, "adele@contoso.com")
	done, err := b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie, From: here})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie, Session: done.Cookie, From: here})
	wantCode(t, "the recorded answer again", err, fail.Denied, access.CodeAttempt)
	// The same state with a fresh code: the sign-in page is asked once more with the address of the first attempt.
	again := b.visit(begun.URL, "adele@contoso.com")
	_, err = b.Finish(t.Context(), access.Callback{Query: again, Attempt: begun.Cookie, Session: done.Cookie, From: here})
	wantCode(t, "the same attempt with a fresh code", err, fail.Denied, access.CodeAttempt)
	if n := len(b.events("authn_token_reuse")); n != 1 {
		t.Errorf("%d events authn_token_reuse, want 1", n)
	}
	if !b.alive(done.Cookie) {
		t.Error("a replay ended the first session")
	}
	if n := b.sessions(adeleID); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestA06_AttemptLivesTenMinutes(t *testing.T) {
	t.Parallel()
	for _, wait := range []struct {
		d  time.Duration
		ok bool
	}{{9*time.Minute + 59*time.Second, true}, {10 * time.Minute, false}, {24 * time.Hour, false}} {
		b := newBench(t)
		begun := b.begin(access.Begin{})
		b.clock.Advance(wait.d)
		_, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: here})
		if wait.ok && err != nil {
			t.Errorf("after %v: %v", wait.d, err)
		}
		if !wait.ok {
			wantCode(t, wait.d.String(), err, fail.Denied, access.CodeAttempt)
		}
	}
	b := newBench(t)
	begun := b.begin(access.Begin{})
	q := b.visit(begun.URL, "adele@contoso.com")
	done, err := b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie, From: here})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.SignOut(t.Context(), done.Cookie); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(9 * time.Minute)
	if _, err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: here})
	wantCode(t, "an old attempt after the sign-out", err, fail.Denied, access.CodeAttempt)
}

func TestA08_SessionIsNeverAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	planted := strings.Repeat("A", 43)
	done := b.signIn("adele@contoso.com", planted)
	if done.Cookie == planted || b.alive(planted) {
		t.Error("a planted session id was adopted")
	}
	again := b.signIn("adele@contoso.com", done.Cookie)
	if again.Cookie == done.Cookie || b.alive(done.Cookie) || !b.alive(again.Cookie) {
		t.Error("after signing in again the old id has to be dead and the new one alive")
	}
	other := b.signIn("alex@contoso.com", again.Cookie)
	if b.alive(again.Cookie) || !b.alive(other.Cookie) {
		t.Error("the next person in the same browser did not end the session before")
	}
}

func TestA16_RedirectURIIsConfigured(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *access.Config) { c.PublicURL = "HTTPS://Portal.Contoso.com/" })
	u, err := url.Parse(b.begin(access.Begin{Next: "https://evil.example/"}).URL)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Query().Get("redirect_uri"); got != public+access.CallbackPath {
		t.Errorf("redirect_uri %q", got)
	}
	for _, raw := range []string{"//evil.example", `/\evil.example`, "https://evil.example/", "/%09/evil.example", "javascript:alert(1)", "/auth/callback"} { // all of them: package guard
		begun := b.begin(access.Begin{Next: raw, From: raw})
		done, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: raw})
		if err != nil || done.Next != "/" {
			t.Fatalf("A14 %q: next %q, %v", raw, done.Next, err)
		}
	}
}

func TestTwoTabsSignInSideBySide(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.begin(access.Begin{Next: "/history"})
	second := b.begin(access.Begin{Next: "/profile", Cookie: first.Cookie})
	one, err := b.Finish(t.Context(), access.Callback{Query: b.visit(first.URL, "adele@contoso.com"), Attempt: second.Cookie})
	if err != nil || one.Next != "/history" {
		t.Fatalf("the first tab: %q, %v", one.Next, err)
	}
	two, err := b.Finish(t.Context(), access.Callback{Query: b.visit(second.URL, "adele@contoso.com"), Attempt: one.Attempt, Session: one.Cookie})
	if err != nil || two.Next != "/profile" || two.Attempt != "" {
		t.Fatalf("the second tab: %q, %v", two.Next, err)
	}
	cookie := ""
	for range 20 {
		cookie = b.begin(access.Begin{Next: "/" + strings.Repeat("x", 999), Cookie: cookie}).Cookie
		if len(cookie) == 0 || len(cookie) > 3700 {
			t.Fatalf("the cookie has %d bytes", len(cookie))
		}
	}
}

// What the authority answers instead of a code:

// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-authorization-endpoint-errors

func TestF33_ClaimsChallengeIsAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	challenge := `{"access_token":{"nbf":{"essential":true,"value":"1772442000"}}}`
	u, err := url.Parse(b.begin(access.Begin{Claims: challenge}).URL)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Token map[string]map[string]any `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(u.Query().Get("claims")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Token["nbf"]["value"] != "1772442000" || got.Token["xms_cc"] == nil {
		t.Errorf("claims %s: want the challenge and cp1", u.Query().Get("claims"))
	}
	for _, bad := range []string{"{", "[]", "null", "7", `"x"`, `{"a":"` + strings.Repeat("x", 5000) + `"}`} {
		if _, err := b.Begin(t.Context(), access.Begin{Claims: bad, From: here}); !fail.Is(err, fail.Invalid) {
			t.Errorf("claims %.20q: %v", bad, err)
		}
	}
}
