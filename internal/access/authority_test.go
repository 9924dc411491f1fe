package access_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/store/storetest"
)

func TestA02_BadTokensAreRefused(t *testing.T) {
	t.Parallel()
	kinds := emulator.BadTokens()
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds of bad tokens", len(kinds))
	}
	b := newBench(t) // one for all: making keys takes long
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			failures, successes := len(b.events("authn_login_fail")), len(b.events("authn_login_success"))
			if err := b.e.SpoilIDTokens(kind, 1); err != nil {
				t.Fatal(err)
			}
			begun := b.begin(access.Begin{})
			done, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: here})
			if code := access.Code(err); !fail.Is(err, fail.Denied) || (code != access.CodeToken && code != access.CodeTenant) {
				t.Errorf("got %v, want a refusal", err)
			}
			if done.Cookie != "" || b.sessions(adeleID) != 0 {
				t.Error("there is a session")
			}
			if len(b.events("authn_login_fail")) != failures+1 || len(b.events("authn_login_success")) != successes {
				t.Error("the log does not say so")
			}
			b.signIn("adele@contoso.com", "") // a good one right after it is taken
			b.sessions(adeleID)
		})
	}
}

func TestA07_IssuerIsPinned(t *testing.T) {
	t.Parallel()
	for _, swapped := range []string{"https://evil.example/{tenantid}/v2.0", authority + "/" + fabrikamID + "/v2.0", authority + "/{tenantid}/v2.0/", "http://login.microsoftonline.com/{tenantid}/v2.0", ""} {
		b := newBench(t)
		b.e.SwapIssuer(swapped)
		err := b.Check(t.Context())
		if swapped == "" {
			if err != nil {
				t.Errorf("the true metadata: %v", err)
			}
			continue
		}
		wantCode(t, swapped, err, fail.Invalid, access.CodeMixed)
		_, err = b.Begin(t.Context(), access.Begin{From: here})
		wantCode(t, "begin with "+swapped, err, fail.Invalid, access.CodeMixed)
	}
	b := newBench(t)
	begun := b.begin(access.Begin{})
	q := b.visit(begun.URL, "adele@contoso.com")
	q.Set("iss", "https://evil.example/v2.0")
	_, err := b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie})
	wantCode(t, "iss of another issuer in the answer", err, fail.Denied, access.CodeToken)

	evil := `{"issuer":"` + authority + `/` + contosoID + `/v2.0","authorization_endpoint":"` + authority + `/a","token_endpoint":"https://evil.example/token","jwks_uri":"` + authority + `/k"}`
	for _, where := range []string{"https://evil.example/token", authority + ".evil.example/token", "http://login.microsoftonline.com/token", "https://login.microsoftonline.com:444/token", "https://login.microsoftonline.com@evil.example/token"} {
		b := newBench(t)
		b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "openid-configuration$"}, At: emulator.AtToken, Do: emulator.Do{Status: 200, Body: strings.Replace(evil, "https://evil.example/token", where, 1)}})
		wantCode(t, where, b.Check(t.Context()), fail.Invalid, access.CodeMixed)
		if len(b.spy.foreign) > 0 {
			t.Errorf("somebody else was asked: %v", b.spy.foreign)
		}
	}
}

func TestAuthorityRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		kind         fail.Kind
		code         string
	}{
		{"W13 the person declines", "error=access_denied&error_subcode=cancel&error_description=AADSTS65004%3a+User+declined+to+consent+to+access+the+app.", fail.Denied, access.CodeConsent},
		{"an administrator has to consent", "error=consent_required&error_description=AADSTS90094%3a+Admin+consent+is+required.", fail.Denied, access.CodeAdminNeeded},
		{"not assigned", "error=interaction_required&error_description=AADSTS50105%3a+The+signed+in+user+is+not+assigned+to+a+role+for+the+application.", fail.Denied, access.CodeUnassigned},
		{"disabled", "error=interaction_required&error_description=AADSTS50057%3a+The+user+account+is+disabled.", fail.Denied, access.CodeDisabled},
		{"conditional access", "error=access_denied&error_description=AADSTS53003%3a+Access+has+been+blocked.", fail.Denied, access.CodeSignIn},
		{"a redirect address that is not registered", "error=invalid_request&error_description=AADSTS50011%3a+The+redirect+URI+does+not+match.", fail.Unavailable, access.CodeCredential},
		{"a claims challenge", "error=interaction_required&error_description=AADSTS50076&claims=%7B%22access_token%22%3A%7B%22acrs%22%3A%7B%22essential%22%3Atrue%2C%22value%22%3A%22c1%22%7D%7D%7D", fail.Denied, access.CodeClaims},
		{"try later", "error=temporarily_unavailable&error_description=AADSTS90033%3a+A+transient+error+has+occurred.", fail.Unavailable, access.CodeAuthority},
		{"server error", "error=server_error", fail.Unavailable, access.CodeAuthority},
		{"markup", "error=%3Cscript%3E&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E%0a%1b[31m", fail.Unavailable, access.CodeAuthority},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			begun := b.begin(access.Begin{})
			u, err := url.Parse(begun.URL)
			if err != nil {
				t.Fatal(err)
			}
			q, err := url.ParseQuery(c.answer)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie})
			wantCode(t, "without a state", err, fail.Denied, access.CodeAttempt)
			q.Set("state", u.Query().Get("state"))
			_, err = b.Finish(t.Context(), access.Callback{Query: q, Attempt: begun.Cookie})
			wantCode(t, c.name, err, c.kind, c.code)
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("A54 control characters in %q", err)
			}
			if claims, ok := access.Challenge(err); ok != (c.code == access.CodeClaims) || (ok && !strings.Contains(claims, "acrs")) {
				t.Errorf("challenge %q, %v", claims, ok)
			}
		})
	}
}

func TestAuthorityOutOfReach(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]emulator.Do{
		"503": {Status: 503}, "reset": {Drop: true}, "html": {Corrupt: "html"}, "empty": {Corrupt: "empty"}, "cut": {Corrupt: "cut"}, "endless": {Corrupt: "endless"},
		"nothing in it": {Status: 200, Body: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			orgs := organizations()
			clock := time.Now
			e, err := emulator.New(emulator.Options{Organizations: orgs})
			if err != nil {
				t.Fatal(err)
			}
			srv, err := e.Start(ctx, emulator.Addresses{HTTPS: "-"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = srv.Close() })
			b := newBench(t, func(c *access.Config) { c.Tenants[0].Authority, c.Now, c.HTTP = srv.AuthorityHTTP, clock, srv.Client() })
			b.e = e
			id := e.Inject(emulator.Rule{Match: emulator.Match{Path: "openid-configuration$"}, At: emulator.AtTokenAfter, Do: do})
			if err := b.Check(ctx); err != nil {
				t.Errorf("an authority that is down is no reason not to start: %v", err)
			}
			_, err = b.Begin(ctx, access.Begin{From: here})
			wantCode(t, "begin", err, fail.Unavailable, access.CodeAuthority)
			e.ClearFault(id)
			begun := b.begin(access.Begin{})
			back, err := emulator.SignIn(ctx, srv.Client(), begun.URL, "adele@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(back)
			if err != nil {
				t.Fatal(err)
			}
			id = e.Inject(emulator.Rule{Match: emulator.Match{Path: "/token$"}, At: emulator.AtToken, Do: do})
			_, err = b.Finish(ctx, access.Callback{Query: u.Query(), Attempt: begun.Cookie, From: here})
			if code := access.Code(err); err == nil || (code != access.CodeAuthority && code != access.CodeToken) {
				t.Errorf("finish: %v", err)
			}
			e.ClearFault(id)
		})
	}
}

func TestMetadataAreFetchedOnceForAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fetched := func() (n int) {
		for _, r := range b.e.Requests(0) {
			if strings.HasSuffix(r.Path, "openid-configuration") {
				n++
			}
		}
		return n
	}
	waiting, release := make(chan struct{}), make(chan struct{})
	stop := b.e.OnRequest(emulator.Match{Path: "openid-configuration$", Nth: 1}, func() { close(waiting); <-release })
	defer stop()
	errs := make(chan error)
	begin := func(ctx context.Context) { _, err := b.Begin(ctx, access.Begin{From: here}); errs <- err }
	for range 20 {
		go begin(t.Context())
	}
	<-waiting
	impatient, cancel := context.WithCancel(t.Context())
	go begin(impatient)
	cancel()
	wantCode(t, "somebody who does not wait", <-errs, fail.Unavailable, access.CodeAuthority)
	close(release)
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := fetched(); n != 1 {
		t.Errorf("fetched %d times for twenty", n)
	}
	b.clock.Advance(25 * time.Hour)
	rule := b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "openid-configuration$"}, At: emulator.AtToken, Do: emulator.Do{Status: 503}})
	for range 10 {
		b.begin(access.Begin{}) // by the last good ones
	}
	if n := fetched(); n != 2 {
		t.Errorf("fetched %d times, want one more and then none for a minute", n)
	}
	b.e.ClearFault(rule)
	b.clock.Advance(time.Minute)
	b.e.SwapIssuer("https://evil.example/{tenantid}/v2.0")
	_, err := b.Begin(t.Context(), access.Begin{From: here})
	wantCode(t, "A07 swapped on the way at the renewal", err, fail.Invalid, access.CodeMixed)
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn("adele@contoso.com", "")
	for _, all := range []bool{false, true} { // planned, and in an emergency
		if err := b.e.RotateKeys(all); err != nil {
			t.Fatal(err)
		}
		b.signIn("adele@contoso.com", "")
	}
}

func TestWrongCredentialIsOursToMend(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *access.Config) { c.Tenants[0].Secret = "wrong-secret" })
	begun := b.begin(access.Begin{})
	_, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie})
	wantCode(t, "a wrong secret", err, fail.Unavailable, access.CodeCredential)
	if strings.Contains(err.Error()+b.log.String(), "wrong-secret") {
		t.Error("the secret is in the error or in the log")
	}
}

// Our clock and the authority's may be five minutes apart, either way; an ID token lives an hour.
func TestA02_ClocksMayDifferByFiveMinutes(t *testing.T) {
	t.Parallel()
	var ours time.Duration
	clock := &storetest.Clock{}
	b := newBench(t, func(c *access.Config) { c.Now = func() time.Time { return clock.Now().Add(ours) } })
	clock.Advance(b.clock.Now().Sub(clock.Now()))
	for _, c := range []struct {
		ahead time.Duration
		ok    bool
	}{
		{0, true},
		{-5 * time.Minute, true},
		{-5*time.Minute - time.Second, false},
		{time.Hour + 5*time.Minute - time.Second, true},
		{time.Hour + 5*time.Minute + time.Second, false},
		{-24 * time.Hour, false},
	} {
		ours = c.ahead
		begun := b.begin(access.Begin{})
		_, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, "adele@contoso.com"), Attempt: begun.Cookie, From: here})
		if c.ok && err != nil {
			t.Errorf("ahead by %v: %v", c.ahead, err)
		}
		if !c.ok {
			wantCode(t, "ahead by "+c.ahead.String(), err, fail.Denied, access.CodeToken)
		}
	}
}
