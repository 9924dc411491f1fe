package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

func TestW11_SessionEndsWhenIdleAndAtLast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	idle := b.signIn("adele@contoso.com", "")
	b.clock.Advance(59 * time.Minute)
	if !b.alive(idle.Cookie) {
		t.Fatal("after 59 minutes it is over")
	}
	b.clock.Advance(59 * time.Minute)
	if !b.alive(idle.Cookie) {
		t.Fatal("its use did not move the end")
	}
	b.clock.Advance(time.Hour)
	_, err := b.Session(t.Context(), idle.Cookie, here)
	wantEnded(t, "an hour without use", err, access.ReasonIdle)
	_, err = b.Session(t.Context(), idle.Cookie, here)
	wantEnded(t, "and again", err, access.ReasonIdle)
	_, err = b.Token(t.Context(), idle.Session.ID, "")
	wantCode(t, "its token", err, fail.Denied, access.CodeSignIn)

	last := b.signIn("adele@contoso.com", "")
	for range 12*3 - 1 {
		b.clock.Advance(20 * time.Minute)
		if !b.alive(last.Cookie) {
			t.Fatal("a session in use ended before twelve hours")
		}
	}
	b.clock.Advance(20 * time.Minute)
	_, err = b.Session(t.Context(), last.Cookie, here)
	wantEnded(t, "after twelve hours", err, access.ReasonAbsolute)

	b = newBench(t, func(c *access.Config) { c.Idle, c.Absolute = time.Minute, 90*time.Second })
	short := b.signIn("adele@contoso.com", "")
	if got := short.Session; !got.IdleEnd.Equal(b.clock.Now().Add(time.Minute)) || !got.FinalEnd.Equal(b.clock.Now().Add(90*time.Second)) {
		t.Errorf("configured limits: %v and %v", got.IdleEnd, got.FinalEnd)
	}
}

func TestA09_SignedOutIsSignedOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.signIn("adele@contoso.com", "")
	other := b.signIn("adele@contoso.com", "")
	redirect, err := b.SignOut(t.Context(), done.Cookie)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Host != "login.microsoftonline.com" || u.Path != "/"+contosoID+"/oauth2/v2.0/logout" || u.Query().Get("post_logout_redirect_uri") != public+access.SignedOutPath {
		t.Errorf("the browser is sent to %s", redirect)
	}
	_, err = b.Session(t.Context(), done.Cookie, here)
	wantEnded(t, "the old cookie", err, access.ReasonSignedOut)
	_, err = b.Token(t.Context(), done.Session.ID, "")
	wantCode(t, "its token", err, fail.Denied, access.CodeSignIn)
	if !b.alive(other.Cookie) {
		t.Error("her session in another browser ended too")
	}
	for _, cookie := range []string{"", "x", strings.Repeat("A", 43), done.Cookie} {
		if _, err := b.SignOut(t.Context(), cookie); err != nil {
			t.Errorf("signing out %q: %v", cookie, err)
		}
	}
	b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "openid-configuration$"}, At: emulator.AtToken, Do: emulator.Do{Status: 503}})
	if _, err := b.SignOut(t.Context(), other.Cookie); err != nil || b.alive(other.Cookie) {
		t.Errorf("signing out while the authority is down: %v", err)
	}
}

func TestFrontChannelSignOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.signIn("adele@contoso.com", "")
	alex := b.signIn("alex@contoso.com", "")
	row, err := b.store.Session(t.Context(), done.Session.ID, b.clock.Now())
	if err != nil || row.SID == "" {
		t.Fatalf("sid %q, %v", row.SID, err)
	}
	issuer := authority + "/" + contosoID + "/v2.0"
	for name, q := range map[string]url.Values{
		"no sid": {"iss": {issuer}}, "another sid": {"sid": {"x"}}, "another issuer": {"sid": {row.SID}, "iss": {"https://evil.example/v2.0"}},
		"a long sid": {"sid": {strings.Repeat("x", 10_000)}}, "a wild sid": {"sid": {"%"}},
	} {
		if n, err := b.FrontChannel(t.Context(), q); n != 0 || err != nil {
			t.Errorf("%s: %d sessions ended, %v", name, n, err)
		}
	}
	n, err := b.FrontChannel(t.Context(), url.Values{"sid": {row.SID}, "iss": {issuer}})
	if n != 1 || err != nil || b.alive(done.Cookie) || !b.alive(alex.Cookie) {
		t.Errorf("%d sessions ended, %v", n, err)
	}
	_, err = b.Session(t.Context(), done.Cookie, here)
	wantEnded(t, "her cookie", err, access.ReasonSignedOut)
}

// accounts is a directory that knows who is enabled.
type accounts struct {
	mu    sync.Mutex
	off   map[directory.Ref]bool
	err   error
	asked int
}

func (a *accounts) Enabled(_ context.Context, ref directory.Ref) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return !a.off[ref], a.err
}

func (a *accounts) set(off bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off, a.err, a.asked = map[directory.Ref]bool{{Tenant: contosoID, ID: adeleID}: off}, err, 0
}

func TestA10_DisabledAccountIsOut(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*bench, *accounts, access.Finished) {
		live := &accounts{}
		b := newBench(t, func(c *access.Config) { c.Live = live })
		return b, live, b.signIn("adele@contoso.com", "")
	}
	t.Run("within five minutes", func(t *testing.T) {
		t.Parallel()
		b, live, done := setup(t)
		second, alex := b.signIn("adele@contoso.com", ""), b.signIn("alex@contoso.com", "")
		live.set(true, nil)
		b.clock.Advance(4*time.Minute + 59*time.Second)
		if !b.alive(done.Cookie) || live.asked != 0 {
			t.Errorf("the directory was asked %d times before it was time", live.asked)
		}
		b.clock.Advance(time.Second)
		_, err := b.Session(t.Context(), done.Cookie, here)
		wantCode(t, "after five minutes", err, fail.Denied, access.CodeDisabled)
		_, err = b.Session(t.Context(), second.Cookie, here)
		wantCode(t, "her other browser", err, fail.Denied, access.CodeDisabled)
		_, err = b.Token(t.Context(), done.Session.ID, "")
		wantCode(t, "her token", err, fail.Denied, access.CodeSignIn)
		if !b.alive(alex.Cookie) {
			t.Error("somebody else is out too")
		}
	})
	t.Run("an account that is gone", func(t *testing.T) {
		t.Parallel()
		b, live, done := setup(t)
		live.set(false, fail.New(fail.NotFound, "test", fail.T("There is nobody with that id.")))
		b.clock.Advance(5 * time.Minute)
		_, err := b.Session(t.Context(), done.Cookie, here)
		wantCode(t, "gone", err, fail.Denied, access.CodeDisabled)
	})
	t.Run("not asked while pages read it", func(t *testing.T) {
		t.Parallel()
		b, live, done := setup(t)
		live.set(true, nil)
		for range 5 {
			b.clock.Advance(4 * time.Minute)
			if !b.alive(done.Cookie) || live.asked != 0 {
				t.Fatalf("asked %d times, alive %v", live.asked, b.alive(done.Cookie))
			}
			b.Confirm(done.Session.ID, b.clock.Now())
		}
		b.clock.Advance(5 * time.Minute)
		_, err := b.Session(t.Context(), done.Cookie, here)
		wantCode(t, "five minutes after the last page", err, fail.Denied, access.CodeDisabled)
	})
	t.Run("asked at most every five minutes", func(t *testing.T) {
		t.Parallel()
		b, live, done := setup(t)
		live.set(false, nil)
		for range 50 * 60 / 30 {
			b.clock.Advance(30 * time.Second)
			if !b.alive(done.Cookie) {
				t.Fatal("out")
			}
		}
		if live.asked != 10 {
			t.Errorf("asked %d times in 50 minutes, want 10", live.asked)
		}
	})
	t.Run("a directory that does not answer", func(t *testing.T) {
		t.Parallel()
		b, live, done := setup(t)
		live.set(false, errors.New("no answer"))
		b.clock.Advance(5 * time.Minute)
		for range 9 {
			if !b.alive(done.Cookie) {
				t.Fatal("out at once")
			}
			b.clock.Advance(10 * time.Second)
		}
		if live.asked != 3 {
			t.Errorf("asked %d times in 90 seconds, want every 30", live.asked)
		}
		b.clock.Advance(9 * time.Minute)
		_, err := b.Session(t.Context(), done.Cookie, here)
		if !fail.Is(err, fail.Unavailable) {
			t.Errorf("a quarter of an hour without knowing: %v", err)
		}
		live.set(false, nil)
		b.clock.Advance(time.Minute)
		if !b.alive(done.Cookie) {
			t.Error("the session did not survive the directory's absence")
		}
	})
	t.Run("at the next renewal of the token", func(t *testing.T) {
		t.Parallel()
		b, _, done := setup(t)
		b.refuseRefresh(`{"error":"invalid_grant","error_description":"AADSTS50057: The user account is disabled.","error_codes":[50057]}`)
		b.clock.Advance(30 * time.Hour)
		_, err := b.Token(t.Context(), done.Session.ID, "")
		wantCode(t, "renewal", err, fail.Denied, access.CodeDisabled)
		_, err = b.Session(t.Context(), done.Cookie, here)
		wantCode(t, "the session", err, fail.Denied, access.CodeDisabled)
	})
}

// refuseRefresh makes the token endpoint answer with an error. The bodies are those of
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-response-1
func (b *bench) refuseRefresh(body string) string {
	return b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "/token$"}, At: emulator.AtToken, Do: emulator.Do{Status: 400, Body: body}})
}

// tokenEnds is more than the longest life of an access token (28 hours for clients that take claims challenges).
const tokenEnds = 29 * time.Hour

func longSessions(c *access.Config) { c.Idle, c.Absolute = 1000*time.Hour, 1000*time.Hour }

func TestC14_TokenIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, longSessions)
	done := b.signIn("adele@contoso.com", "")
	first, err := b.Token(t.Context(), done.Session.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.spy.grants("refresh_token")); n != 0 {
		t.Fatalf("%d renewals of a fresh token", n)
	}
	b.clock.Advance(tokenEnds)
	var wg sync.WaitGroup
	tokens := make([]string, 50)
	errs := make([]error, 50)
	for i := range tokens {
		wg.Go(func() { tokens[i], errs[i] = b.Token(t.Context(), done.Session.ID, "") })
	}
	wg.Wait()
	for i := range tokens {
		if errs[i] != nil || tokens[i] == first || tokens[i] != tokens[0] {
			t.Fatalf("waiter %d: same as before %v, as the others %v, %v", i, tokens[i] == first, tokens[i] == tokens[0], errs[i])
		}
	}
	b.clock.Advance(tokenEnds)
	if _, err := b.Token(t.Context(), done.Session.ID, ""); err != nil {
		t.Fatal(err)
	}
	grants := b.spy.grants("refresh_token")
	if len(grants) != 2 {
		t.Fatalf("%d renewals, want 2", len(grants))
	}
	if grants[0].Get("refresh_token") == grants[1].Get("refresh_token") {
		t.Error("the rotated refresh token was not kept")
	}
	for _, g := range grants {
		if !strings.Contains(g.Get("claims"), `"cp1"`) || !strings.Contains(g.Get("scope"), "https://graph.microsoft.com/User.ReadWrite") {
			t.Errorf("renewal asked for %v", g)
		}
	}
}

// C11: a token whose end nobody told is not believed for ever: each use gets a new one.
func TestC11_ATokenOfUnknownLifeIsRenewedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, longSessions)
	done := b.signIn("adele@contoso.com", "")
	b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "/token$"}, At: emulator.AtToken, Do: emulator.Do{Status: 200, Body: `{"token_type":"Bearer","access_token":"x.y.z","refresh_token":"r"}`}})
	b.clock.Advance(tokenEnds)
	for n := 1; n <= 3; n++ {
		if got, err := b.Token(t.Context(), done.Session.ID, ""); err != nil || got != "x.y.z" {
			t.Fatalf("use %d: %q %v", n, got, err)
		}
		if got := len(b.spy.grants("refresh_token")); got != n {
			t.Errorf("after %d uses %d renewals", n, got)
		}
	}
}

// F17: a token that Graph refused is good no more, whatever our clock says: fifty who met that get one other.
func TestF17_ASpentTokenIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, longSessions)
	done := b.signIn("adele@contoso.com", "")
	spent, err := b.Token(t.Context(), done.Session.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	tokens := make([]string, 50)
	errs := make([]error, 50)
	for i := range tokens {
		wg.Go(func() { tokens[i], errs[i] = b.Token(t.Context(), done.Session.ID, spent) })
	}
	wg.Wait()
	for i := range tokens {
		if errs[i] != nil || tokens[i] == spent || tokens[i] != tokens[0] {
			t.Fatalf("waiter %d: the spent one %v, as the others %v, %v", i, tokens[i] == spent, tokens[i] == tokens[0], errs[i])
		}
	}
	if n := len(b.spy.grants("refresh_token")); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
}

func TestTokenRenewalRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, longSessions)
	claims := `{\"access_token\":{\"acrs\":{\"essential\":true,\"value\":\"c1\"}}}`
	for _, c := range []struct {
		name, body string
		kind       fail.Kind
		code       string
		lives      bool
	}{
		{"revoked", `{"error":"invalid_grant","error_description":"AADSTS50173: The provided grant has expired due to it being revoked.","error_codes":[50173]}`, fail.Denied, access.CodeSignIn, false},
		{"too long unused", `{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity.","error_codes":[700082]}`, fail.Denied, access.CodeSignIn, false},
		{"more proof without claims", `{"error":"interaction_required","error_description":"AADSTS50076","error_codes":[50076],"suberror":"basic_action"}`, fail.Denied, access.CodeSignIn, false},
		{"F33 claims challenge", `{"error":"interaction_required","error_codes":[50076],"claims":"` + claims + `"}`, fail.Denied, access.CodeClaims, true},
		{"F33 claims challenge as invalid_grant", `{"error":"invalid_grant","error_codes":[50076],"claims":"` + claims + `"}`, fail.Denied, access.CodeClaims, true},
		{"our own credential", `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired.","error_codes":[7000222]}`, fail.Unavailable, access.CodeCredential, true},
		{"try later", `{"error":"temporarily_unavailable","error_codes":[90033]}`, fail.Unavailable, access.CodeAuthority, true},
		{"no JSON", `<html>`, fail.Unavailable, access.CodeAuthority, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			done := b.signIn("adele@contoso.com", "")
			rule := b.refuseRefresh(c.body)
			b.clock.Advance(tokenEnds)
			_, err := b.Token(t.Context(), done.Session.ID, "")
			wantCode(t, c.name, err, c.kind, c.code)
			if got, ok := access.Challenge(err); ok != (c.code == access.CodeClaims) || (ok && got != strings.ReplaceAll(claims, `\`, "")) {
				t.Errorf("challenge %q, %v", got, ok)
			}
			if b.alive(done.Cookie) != c.lives {
				t.Errorf("the session lives: %v, want %v", !c.lives, c.lives)
			}
			b.e.ClearFault(rule)
			_, err = b.Token(t.Context(), done.Session.ID, "")
			if (err == nil) != c.lives {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestTokenLastsUntilTheLastMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t, longSessions)
	b.e.Inject(emulator.Rule{Match: emulator.Match{Path: "/token$", Nth: 2}, At: emulator.AtToken, Do: emulator.Do{Status: 503}})
	// The service's answer with a life of its own: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#successful-response-2
	done := b.signIn("adele@contoso.com", "")
	_, version, err := b.store.Tokens(t.Context(), done.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := b.cfg.Sealer.Seal("tokens", done.Session.ID, []byte(fmt.Sprintf(`{"a":"nearly-over","r":"refresh","u":%q}`, b.clock.Now().Add(30*time.Second).Format(time.RFC3339Nano))))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutTokens(t.Context(), done.Session.ID, version, sealed); err != nil {
		t.Fatal(err)
	}
	got, err := b.Token(t.Context(), done.Session.ID, "")
	if err != nil || got != "nearly-over" {
		t.Errorf("with thirty seconds left and an authority that is down: %q, %v", got, err)
	}
	if _, err := b.Token(t.Context(), "no such session", ""); access.Code(err) != access.CodeSignIn {
		t.Errorf("no session: %v", err)
	}
}

func TestA15_GuessingIsHopeless(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.signIn("adele@contoso.com", "")
	var throttled, refused int
	for i := range 10_000 {
		guess := fmt.Sprintf("%043d", i)
		if i%3 == 0 {
			guess = fmt.Sprint(i)
		}
		_, err := b.Session(t.Context(), guess, "203.0.113.9")
		switch access.Code(err) {
		case access.CodeMany:
			throttled++
		case access.CodeSignIn:
			refused++
		default:
			t.Fatalf("guess %q: %v", guess, err)
		}
	}
	if refused > 300 || throttled < 9_700 {
		t.Errorf("%d answers and %d refusals of 10,000 guesses", refused, throttled)
	}
	_, err := b.Session(t.Context(), "guess", "203.0.113.9")
	wantCode(t, "one more", err, fail.Throttled, access.CodeMany)
	var e *fail.Error
	if errors.As(err, &e); e.Retry <= 0 || e.Retry > time.Minute {
		t.Errorf("retry after %v", e.Retry)
	}
	if got, err := b.Session(t.Context(), done.Cookie, "203.0.113.9"); err != nil || got.Ref.ID != adeleID {
		t.Errorf("W9 a signed-in person at the attacker's address: %v", err)
	}
	if _, err := b.Session(t.Context(), "guess", here); access.Code(err) != access.CodeSignIn {
		t.Errorf("another address: %v", err)
	}
	b.clock.Advance(time.Minute)
	if _, err := b.Session(t.Context(), "guess", "203.0.113.9"); access.Code(err) != access.CodeSignIn {
		t.Errorf("a minute later: %v", err)
	}
	// What the store holds opens nothing.
	for _, cookie := range []string{done.Session.ID, done.Session.ID[:43], strings.ToUpper(done.Cookie), done.Cookie + "=", done.Cookie[:42], done.Cookie + "A", " " + done.Cookie} {
		if b.alive(cookie) {
			t.Errorf("%q opens the session", cookie)
		}
	}
}

func TestW9_AnonymousRequestsCreateNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := b.signIn("adele@contoso.com", "")
	var limited atomic.Int64
	for i := range 1000 {
		_, err := b.Begin(t.Context(), access.Begin{From: "203.0.113.9", Next: fmt.Sprint("/", i)})
		if err != nil {
			wantCode(t, "begin", err, fail.Throttled, access.CodeMany)
			limited.Add(1)
		}
		if err := b.Stash(t.Context(), fmt.Sprintf("%043d", i), access.Form{Path: "/profile", Values: url.Values{"city": {"x"}}}); access.Code(err) != access.CodeSignIn {
			t.Fatalf("somebody who never signed in could store a form: %v", err)
		}
	}
	if n := limited.Load(); n < 600 {
		t.Errorf("%d of 1,000 sign-ins begun from one address were held back", n)
	}
	b.clock.Advance(2 * access.AttemptLife)
	n, err := b.Sweep(t.Context())
	if err != nil || n != 1 { // the mark of the one attempt that was finished
		t.Errorf("%d rows to sweep, %v; want only the finished attempt's", n, err)
	}
	if !b.alive(done.Cookie) {
		t.Error("a thousand anonymous sign-ins put a signed-in person out")
	}
}

func TestTypedTextSurvivesTheEndOfASession(t *testing.T) {
	t.Parallel()
	typed := access.Form{Path: "/profile", Values: url.Values{"aboutMe": {"planted-form-text <b>\r\n"}, "skills": {"one", "two"}}}
	t.Run("and is offered again after the sign-in, once", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		old := b.signIn("adele@contoso.com", "")
		b.clock.Advance(2 * time.Hour)
		if b.alive(old.Cookie) {
			t.Fatal("the session lives")
		}
		form := typed
		form.At = b.clock.Now()
		if err := b.Stash(t.Context(), old.Cookie, form); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(14 * time.Minute)
		done := b.signIn("adele@contoso.com", old.Cookie)
		if done.Session.Recovered != "/profile" {
			t.Fatalf("waiting: %q", done.Session.Recovered)
		}
		s, err := b.Session(t.Context(), done.Cookie, here)
		if err != nil || s.Recovered != "/profile" {
			t.Fatalf("the next page: %q, %v", s.Recovered, err)
		}
		got, err := b.Unstash(t.Context(), s)
		if err != nil || got.Path != "/profile" || got.Values.Encode() != typed.Values.Encode() || !got.At.Equal(form.At) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := b.Unstash(t.Context(), s); !fail.Is(err, fail.NotFound) {
			t.Errorf("a second time: %v", err)
		}
	})
	t.Run("not after a quarter of an hour", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		old := b.signIn("adele@contoso.com", "")
		if err := b.Stash(t.Context(), old.Cookie, typed); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(15 * time.Minute)
		done := b.signIn("adele@contoso.com", old.Cookie)
		if _, err := b.Unstash(t.Context(), done.Session); done.Session.Recovered != "" || !fail.Is(err, fail.NotFound) {
			t.Errorf("waiting %q, %v", done.Session.Recovered, err)
		}
	})
	t.Run("not for another person or another browser", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		old := b.signIn("adele@contoso.com", "")
		if err := b.Stash(t.Context(), old.Cookie, typed); err != nil {
			t.Fatal(err)
		}
		elsewhere := b.signIn("adele@contoso.com", "")
		alex := b.signIn("alex@contoso.com", old.Cookie)
		for who, s := range map[string]access.Session{"alex": alex.Session, "elsewhere": elsewhere.Session} {
			if _, err := b.Unstash(t.Context(), s); s.Recovered != "" || !fail.Is(err, fail.NotFound) {
				t.Errorf("%s: waiting %q, %v", who, s.Recovered, err)
			}
		}
	})
	t.Run("while the session lives, for a claims challenge", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		old := b.signIn("adele@contoso.com", "")
		if err := b.Stash(t.Context(), old.Cookie, typed); err != nil {
			t.Fatal(err)
		}
		if done := b.signIn("adele@contoso.com", old.Cookie); done.Session.Recovered != "/profile" {
			t.Errorf("waiting: %q", done.Session.Recovered)
		}
	})
	t.Run("within bounds", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		old := b.signIn("adele@contoso.com", "")
		err := b.Stash(t.Context(), old.Cookie, access.Form{Path: "/profile", Values: url.Values{"x": {strings.Repeat("x", 300_000)}}})
		if !fail.Is(err, fail.Invalid) {
			t.Errorf("300 kB: %v", err)
		}
		if err := b.Stash(t.Context(), old.Cookie, access.Form{Path: "//evil.example", Values: typed.Values}); err != nil {
			t.Fatal(err)
		}
		if s, _ := b.Session(t.Context(), old.Cookie, here); s.Recovered != "/" {
			t.Errorf("a form for a foreign address waits at %q", s.Recovered)
		}
	})
}
