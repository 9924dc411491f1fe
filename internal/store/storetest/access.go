package storetest

import (
	"context"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

var (
	adele = directory.Ref{Tenant: tenantA, ID: "aaaaaaaa-0000-4000-8000-000000000001"}
	alex  = directory.Ref{Tenant: tenantA, ID: "aaaaaaaa-0000-4000-8000-000000000002"}
	twin  = directory.Ref{Tenant: tenantB, ID: adele.ID} // the same object id in another tenant
)

// Access is the contract of access.Store.
func Access(t *testing.T, open Open) {
	for name, test := range map[string]func(t *testing.T, a access.Store, c *Clock){
		"a session comes back":                     sessionBack,
		"a person's sessions":                      sessionsOf,
		"A05 an attempt is used once":              attemptOnce,
		"A08 the browser's old session ends":       replaces,
		"times only move forward":                  touch,
		"A09 an ended session has no tokens":       ended,
		"ending is bound to the tenant":            endBound,
		"tokens are renewed by one":                tokenVersions,
		"typed text waits once and for its person": stash,
		"a visit is remembered with its types":     visits,
		"settings":                                 settings,
		"keys":                                     keys,
		"A06 what has expired is swept":            sweep,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Clock{}
			test(t, open(t, c.Now).Access(), c)
		})
	}
}

func row(id string, ref directory.Ref, now time.Time) access.Row {
	return access.Row{
		Session: access.Session{
			ID: id, Ref: ref, Name: "Adele Vance", UPN: "adele@contoso.example", Guest: true, Roles: []directory.Role{directory.Auditor}, Groups: []string{"1b4e28ba-2fa1-41d2-883f-0016d3cca427"},
			From: "192.0.2.7", SignedIn: now.Add(-time.Minute), Began: now, Seen: now, IdleEnd: now.Add(time.Hour), FinalEnd: now.Add(12 * time.Hour), Checked: now,
		},
		SID: "sid of " + id,
	}
}

func signIn(t testing.TB, a access.Store, r access.Row, replaces string) {
	t.Helper()
	must(t, "sign in", a.SignIn(context.Background(), access.SignIn{
		Attempt: "attempt of " + r.ID, AttemptEnd: r.Began.Add(access.AttemptLife), Row: r, Sealed: []byte("sealed " + r.ID), Replaces: replaces,
	}))
}

func sessionBack(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	want := row("s1", adele, c.Now())
	signIn(t, a, want, "")
	got, err := a.Session(ctx, "s1", c.Now())
	must(t, "session", err)
	equal(t, "session", got, want)
	sealed, version, err := a.Tokens(ctx, "s1")
	must(t, "tokens", err)
	if string(sealed) != "sealed s1" || version != 1 {
		t.Errorf("tokens %q version %d", sealed, version)
	}
	_, err = a.Session(ctx, "s2", c.Now())
	wantKind(t, "a session that is not there", err, fail.NotFound, "")
	_, _, err = a.Tokens(ctx, "s2")
	wantKind(t, "its tokens", err, fail.NotFound, "")
}

func sessionsOf(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	browser, program, foreign := row("s1", adele, c.Now()), row("s2", adele, c.Now().Add(time.Second)), row("s3", twin, c.Now())
	program.Program = "a laptop"
	for _, r := range []access.Row{browser, program, foreign} {
		signIn(t, a, r, "")
	}
	must(t, "end", a.End(ctx, "s1", access.ReasonSignedOut, c.Now()))
	browser.Ended, browser.Why = c.Now(), access.ReasonSignedOut
	got, err := a.Sessions(ctx, adele, c.Now())
	must(t, "sessions", err)
	equal(t, "sessions, the newest first", got, []access.Row{program, browser})
	got, err = a.Sessions(ctx, alex, c.Now())
	must(t, "sessions of somebody without any", err)
	equal(t, "sessions of somebody without any", len(got), 0)
}

func attemptOnce(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	signIn(t, a, row("s1", adele, c.Now()), "")
	in := access.SignIn{Attempt: "attempt of s1", AttemptEnd: c.Now().Add(time.Minute), Row: row("s2", alex, c.Now()), Replaces: "s1"}
	wantKind(t, "the same attempt", a.SignIn(ctx, in), fail.Exists, "")
	_, err := a.Session(ctx, "s2", c.Now())
	wantKind(t, "its session", err, fail.NotFound, "")
	got, err := a.Session(ctx, "s1", c.Now())
	must(t, "the first session", err)
	if !got.Ended.IsZero() {
		t.Error("a replay ended the first session")
	}
	won := 0
	for _, err := range together(8, func(i int) error {
		return a.SignIn(ctx, access.SignIn{Attempt: "one", AttemptEnd: c.Now().Add(time.Minute), Row: row(id("t", i), alex, c.Now())})
	}) {
		if err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("eight at once: %d signed in, want 1", won)
	}
}

func replaces(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	signIn(t, a, row("s1", adele, c.Now()), "")
	signIn(t, a, row("other", adele, c.Now()), "")
	c.Advance(time.Minute)
	signIn(t, a, row("s2", adele, c.Now()), "s1")
	got, err := a.Session(ctx, "s1", c.Now())
	must(t, "session", err)
	if !got.Ended.Equal(c.Now()) || got.Why != access.ReasonReplaced {
		t.Errorf("the old session: ended %v, why %q", got.Ended, got.Why)
	}
	if got, err = a.Session(ctx, "other", c.Now()); err != nil || !got.Ended.IsZero() {
		t.Errorf("the session in another browser: %v %v", got.Ended, err)
	}
	signIn(t, a, row("s3", adele, c.Now()), "a session that never was")
}

func touch(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	r := row("s1", adele, c.Now())
	signIn(t, a, r, "")
	later := c.Now().Add(10 * time.Minute)
	must(t, "touch", a.Touch(ctx, "s1", later, later.Add(time.Hour), later))
	must(t, "touch with old times", a.Touch(ctx, "s1", r.Seen, r.IdleEnd, r.Checked))
	got, err := a.Session(ctx, "s1", c.Now())
	must(t, "session", err)
	r.Seen, r.IdleEnd, r.Checked = later, later.Add(time.Hour), later
	equal(t, "touched", got, r)
	must(t, "end", a.End(ctx, "s1", access.ReasonSignedOut, later))
	must(t, "touch the ended", a.Touch(ctx, "s1", later.Add(time.Hour), later.Add(2*time.Hour), later))
	if got, _ = a.Session(ctx, "s1", c.Now()); !got.Seen.Equal(later) {
		t.Error("an ended session was moved on")
	}
}

func ended(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	signIn(t, a, row("s1", adele, c.Now()), "")
	at := c.Now().Add(time.Minute)
	must(t, "end", a.End(ctx, "s1", access.ReasonDisabled, at))
	must(t, "end again", a.End(ctx, "s1", access.ReasonSignedOut, at.Add(time.Hour)))
	got, err := a.Session(ctx, "s1", c.Now())
	must(t, "session", err)
	if !got.Ended.Equal(at) || got.Why != access.ReasonDisabled {
		t.Errorf("ended %v, why %q: the first end stays", got.Ended, got.Why)
	}
	_, _, err = a.Tokens(ctx, "s1")
	wantKind(t, "tokens", err, fail.NotFound, "")
	wantKind(t, "put tokens", a.PutTokens(ctx, "s1", 1, []byte("x")), fail.NotFound, "")
}

func endBound(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	alive := func(id string) bool {
		r, err := a.Session(ctx, id, c.Now())
		return err == nil && r.Ended.IsZero()
	}
	for id, ref := range map[string]directory.Ref{"a1": adele, "a2": adele, "b": alex, "t": twin} {
		r := row(id, ref, c.Now())
		r.SID = "one sid"
		signIn(t, a, r, "")
	}
	n, err := a.EndPerson(ctx, adele, access.ReasonDisabled, c.Now())
	must(t, "end person", err)
	if n != 2 || alive("a1") || alive("a2") || !alive("b") || !alive("t") {
		t.Errorf("%d ended; alive: a1 %v a2 %v b %v t %v; want only hers in that tenant to end", n, alive("a1"), alive("a2"), alive("b"), alive("t"))
	}
	n, err = a.EndSID(ctx, tenantA, "one sid", access.ReasonSignedOut, c.Now())
	must(t, "end sid", err)
	if n != 1 || alive("b") || !alive("t") {
		t.Errorf("%d ended by sid; alive: b %v t %v", n, alive("b"), alive("t"))
	}
	r := row("no sid", alex, c.Now())
	r.SID = ""
	signIn(t, a, r, "")
	if n, err := a.EndSID(ctx, tenantA, "", access.ReasonSignedOut, c.Now()); n != 0 || err != nil || !alive("no sid") {
		t.Errorf("an empty sid ended %d sessions, %v", n, err)
	}
}

func tokenVersions(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	signIn(t, a, row("s1", adele, c.Now()), "")
	won := 0
	for _, err := range together(8, func(i int) error { return a.PutTokens(ctx, "s1", 1, []byte(id("new", i))) }) {
		if err == nil {
			won++
		} else {
			wantKind(t, "the others", err, fail.Conflict, "")
		}
	}
	_, version, err := a.Tokens(ctx, "s1")
	must(t, "tokens", err)
	if won != 1 || version != 2 {
		t.Errorf("%d renewed, version %d; want 1 and 2", won, version)
	}
}

func stash(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	put := func(session, path string) error {
		return a.PutStash(ctx, access.Stashed{Session: session, Path: path, Sealed: []byte(path), Until: c.Now().Add(access.StashLife)})
	}
	wantKind(t, "W9 a session that never was", put("never", "/x"), fail.NotFound, "")
	signIn(t, a, row("s1", adele, c.Now()), "")
	must(t, "end", a.End(ctx, "s1", access.ReasonIdle, c.Now()))
	must(t, "first", put("s1", "/first"))
	must(t, "second", put("s1", "/profile"))
	signIn(t, a, row("s2", adele, c.Now()), "s1")
	r, err := a.Session(ctx, "s2", c.Now())
	must(t, "session", err)
	if r.Recovered != "/profile" {
		t.Errorf("waiting: %q, want /profile", r.Recovered)
	}
	if r, _ := a.Session(ctx, "s2", c.Now().Add(access.StashLife)); r.Recovered != "" {
		t.Errorf("after its time still waiting: %q", r.Recovered)
	}
	got, err := a.TakeStash(ctx, "s2", c.Now())
	must(t, "take", err)
	if got.Path != "/profile" || string(got.Sealed) != "/profile" || got.Ref != adele || !got.Until.Equal(c.Now().Add(access.StashLife)) {
		t.Errorf("took %+v", got)
	}
	_, err = a.TakeStash(ctx, "s2", c.Now())
	wantKind(t, "taken twice", err, fail.NotFound, "")

	must(t, "third", put("s2", "/profile"))
	signIn(t, a, row("s3", alex, c.Now()), "s2") // somebody else at the same browser
	_, err = a.TakeStash(ctx, "s3", c.Now())
	wantKind(t, "another person's text", err, fail.NotFound, "")
	_, err = a.TakeStash(ctx, "s2", c.Now().Add(access.StashLife))
	wantKind(t, "too late", err, fail.NotFound, "")
}

func visits(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	_, err := a.Seen(ctx, adele)
	wantKind(t, "a first visit", err, fail.NotFound, "")
	u := directory.User{Ref: adele, Values: everyType(), At: c.Now()}
	must(t, "put", a.PutSeen(ctx, u))
	got, err := a.Seen(ctx, adele)
	must(t, "seen", err)
	equal(t, "seen", got, u)
	must(t, "put older", a.PutSeen(ctx, directory.User{Ref: adele, Values: property.Values{}, At: c.Now().Add(-time.Hour)}))
	got, _ = a.Seen(ctx, adele)
	equal(t, "an older sight changes nothing", got, u)
	u2 := directory.User{Ref: adele, Values: property.Values{"city": property.Text("Kiel")}, At: c.Now().Add(time.Hour)}
	must(t, "put newer", a.PutSeen(ctx, u2))
	got, _ = a.Seen(ctx, adele)
	equal(t, "a newer one does", got, u2)
	_, err = a.Seen(ctx, twin)
	wantKind(t, "the same id in another tenant", err, fail.NotFound, "")
}

func settings(t *testing.T, a access.Store, _ *Clock) {
	ctx := context.Background()
	got, err := a.Settings(ctx, adele)
	must(t, "none", err)
	equal(t, "none", got, access.Settings{})
	for _, want := range []access.Settings{{Language: "ar", Theme: "dark"}, {Language: "de"}} {
		must(t, "put", a.PutSettings(ctx, adele, want))
		got, err = a.Settings(ctx, adele)
		must(t, "get", err)
		equal(t, "settings", got, want)
	}
	if got, _ = a.Settings(ctx, twin); got != (access.Settings{}) {
		t.Errorf("the same id in another tenant has %+v", got)
	}
}

func keys(t *testing.T, a access.Store, _ *Clock) {
	ctx := context.Background()
	ids, err := a.KeyIDs(ctx)
	must(t, "none", err)
	if len(ids) != 0 {
		t.Errorf("a new store knows keys: %v", ids)
	}
	for _, id := range []string{"k2", "k1", "k2"} {
		must(t, "add", a.AddKeyID(ctx, id))
	}
	ids, err = a.KeyIDs(ctx)
	must(t, "keys", err)
	equal(t, "keys", ids, []string{"k1", "k2"})
}

func sweep(t *testing.T, a access.Store, c *Clock) {
	ctx := context.Background()
	signIn(t, a, row("idle", adele, c.Now()), "")
	busy := row("busy", alex, c.Now())
	busy.IdleEnd = c.Now().Add(24 * time.Hour)
	signIn(t, a, busy, "")
	must(t, "stash", a.PutStash(ctx, access.Stashed{Session: "idle", Path: "/", Sealed: []byte("x"), Until: c.Now().Add(access.StashLife)}))
	n, err := a.Sweep(ctx, c.Now())
	must(t, "sweep", err)
	if n != 0 {
		t.Errorf("%d rows were swept at once", n)
	}
	c.Advance(access.StashLife)
	n, err = a.Sweep(ctx, c.Now())
	must(t, "sweep", err)
	if n != 3 { // two attempts, one form
		t.Errorf("%d rows were swept, want 3", n)
	}
	c.Advance(time.Hour)
	_, err = a.Sweep(ctx, c.Now())
	must(t, "sweep", err)
	r, err := a.Session(ctx, "idle", c.Now())
	must(t, "session", err)
	if r.Why != access.ReasonIdle || !r.Ended.Equal(r.IdleEnd) {
		t.Errorf("idle session: why %q, ended %v", r.Why, r.Ended)
	}
	_, _, err = a.Tokens(ctx, "idle")
	wantKind(t, "its tokens", err, fail.NotFound, "")
	if r, _ := a.Session(ctx, "busy", c.Now()); !r.Ended.IsZero() {
		t.Error("a session in use was swept")
	}
	c.Advance(12 * time.Hour)
	_, err = a.Sweep(ctx, c.Now())
	must(t, "sweep", err)
	if r, _ := a.Session(ctx, "busy", c.Now()); r.Why != access.ReasonAbsolute {
		t.Errorf("after twelve hours: why %q", r.Why)
	}
	c.Advance(25 * time.Hour)
	_, err = a.Sweep(ctx, c.Now())
	must(t, "sweep", err)
	_, err = a.Session(ctx, "busy", c.Now())
	wantKind(t, "a day later", err, fail.NotFound, "")
	// A swept attempt is past its time: the sign-in itself refuses it, so its mark is not needed.
	signIn(t, a, row("idle", adele, c.Now()), "")
}
