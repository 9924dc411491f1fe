package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/store"
)

// Keys is the contract of access.KeyStore.
func Keys(t *testing.T, open Open) {
	c := &Clock{}
	st, ctx := open(t, c.Now), context.Background()
	k := st.Keys()
	deeds := 0
	deed := func(at time.Time) access.Deed {
		deeds++
		return access.Deed{ID: id("deed", deeds), By: directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: tenantA, ID: "adele"}, Name: "Adele", Session: "5e55"}, Why: "the payroll asks", At: at}
	}
	key := func(n int, tenant string) access.Key {
		return access.Key{
			ID: id("key", n), Tenant: tenant, Name: "Sync → " + id("key", n), Role: directory.Editor, By: "Adele", ByID: "adele",
			Scopes: []directory.Scope{directory.PeopleRead, directory.PeopleWrite}, Made: c.Now().Add(time.Duration(n) * time.Second), Expires: c.Now().Add(time.Hour),
		}
	}
	one, two, other := key(1, tenantA), key(2, tenantA), key(3, tenantB)
	for _, x := range []access.Key{one, two, other} {
		must(t, "add", k.AddKey(ctx, x, strings.Repeat(x.ID[len(x.ID)-1:], 64), deed(x.Made)))
	}
	got, hash, err := k.KeyByHash(ctx, strings.Repeat("1", 64))
	must(t, "by hash", err)
	equal(t, "the key", got, one)
	equal(t, "its hash", hash, strings.Repeat("1", 64))
	for _, no := range []string{"", strings.Repeat("1", 63), strings.Repeat("9", 64), "' OR 1=1 --"} {
		_, _, err = k.KeyByHash(ctx, no)
		wantKind(t, "A36 no such hash "+no, err, fail.NotFound, "")
	}
	if err := k.AddKey(ctx, access.Key{ID: "key-twin", Tenant: tenantA}, strings.Repeat("1", 64), deed(c.Now())); err == nil {
		t.Error("two keys have one hash")
	}
	list, err := k.Keys(ctx, tenantA)
	must(t, "list", err)
	equal(t, "A22 the tenant's keys, newest first", list, []access.Key{two, one})

	used := c.Now().Add(time.Minute)
	must(t, "use", k.UseKey(ctx, one.ID, used))
	must(t, "use before", k.UseKey(ctx, one.ID, used.Add(-time.Second)))
	wantKind(t, "A22 revoked from another tenant", k.RevokeKey(ctx, tenantB, one.ID, deed(used)), fail.NotFound, "")
	wantKind(t, "revoking nonsense", k.RevokeKey(ctx, tenantA, "\x00", deed(used)), fail.NotFound, "")
	must(t, "revoke", k.RevokeKey(ctx, tenantA, one.ID, deed(used)))
	must(t, "revoke again", k.RevokeKey(ctx, tenantA, one.ID, deed(used.Add(time.Hour))))
	got, _, err = k.KeyByHash(ctx, strings.Repeat("1", 64))
	must(t, "after the revocation", err)
	one.Used, one.Revoked = used, used
	equal(t, "used and revoked", got, one)

	// Who made and ended which key, with which scopes and why, stands in the chained history, and a key that was not made does not.
	entries, err := st.Journal().Find(ctx, tenantA, change.Search{Do: change.Key}, 0, 10)
	must(t, "history", err)
	if len(entries) != 3 {
		t.Fatalf("%d entries tell of two keys made and one revoked", len(entries))
	}
	none := property.Values{change.KeyRole: property.Null(), change.KeyScopes: property.Null(), change.KeyExpires: property.Null()}
	facts := property.Values{
		change.KeyRole: property.Text(string(directory.Editor)), change.KeyScopes: property.List("people:read", "people:write"), change.KeyExpires: property.Instant(one.Expires),
	}
	equal(t, "what the revoked key could", entries[0].Outcome.Before, facts)
	equal(t, "what it can now", entries[0].Outcome.After, none)
	equal(t, "what the first key can", entries[2].Outcome.After, facts)
	for _, e := range entries {
		if e.Change.By.Name != "Adele" || e.Change.By.Session != "" || e.Change.Why != "the payroll asks" || e.Outcome.State != change.Applied || e.Ended.IsZero() || e.Change.On.ID == "" || e.Undoable() {
			t.Errorf("%+v", e)
		}
	}
	if n, bad, err := st.Journal().Verify(ctx, tenantA); n != 6 || bad != nil || err != nil {
		t.Errorf("the chain: %d %v %v", n, bad, err)
	}
}

// Answers is the contract of what is kept for an Idempotency-Key.
func Answers(t *testing.T, open Open) {
	c := &Clock{}
	a, ctx := open(t, c.Now).Answers(), context.Background()
	claim := func(what, actor, digest string, status int, body string) {
		t.Helper()
		s, b, err := a.Claim(ctx, tenantA, actor, "k", digest, c.Now())
		must(t, what, err)
		if s != status || b != body {
			t.Errorf("%s: %d %q, want %d %q", what, s, b, status, body)
		}
	}
	refused := func(what, digest string, kind fail.Kind, code string) {
		t.Helper()
		_, _, err := a.Claim(ctx, tenantA, "one", "k", digest, c.Now())
		wantKind(t, what, err, kind, code)
	}
	claim("new", "one", "d", 0, "")
	c.Advance(time.Second)
	refused("under way", "d", fail.Conflict, "busy")
	refused("B55 another body while under way", "e", fail.Invalid, "key_reused")
	claim("another actor's", "two", "e", 0, "")
	must(t, "answer", a.Answer(ctx, tenantA, "one", "k", 201, `{"a":"ä"}`))
	claim("again", "one", "d", 201, `{"a":"ä"}`)
	refused("B55 another body", "e", fail.Invalid, "key_reused")
	must(t, "forget", a.Answer(ctx, tenantA, "two", "k", 0, ""))
	claim("after it was forgotten", "two", "f", 0, "")
	c.Advance(3 * time.Minute)
	claim("cut off", "two", "f", 0, "")
	refused("still another body", "e", fail.Invalid, "key_reused")
	c.Advance(store.AnswerLife)
	claim("a day later", "one", "e", 0, "")
	must(t, "sweep", a.Sweep(ctx, c.Now()))
	c.Advance(time.Second)
	claim("swept", "two", "g", 0, "")
	claimed := 0
	for _, err := range together(8, func(int) error { _, _, err := a.Claim(ctx, tenantB, "one", "k", "d", c.Now()); return err }) {
		if err == nil {
			claimed++
		} else {
			wantKind(t, "the others", err, fail.Conflict, "busy")
		}
	}
	if claimed != 1 {
		t.Errorf("%d of eight at once may go on", claimed)
	}
}
