package storetest

import (
	"context"
	"testing"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Secrets is the contract of access.SecretStore.
func Secrets(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	s := open(t, c.Now)
	x := s.Secrets()
	until := c.Now().Add(access.SecretLife)
	must(t, "put", x.Put(ctx, tenantA, "e1", []byte("first"), until))
	must(t, "put again", x.Put(ctx, tenantA, "e1", []byte("sealed"), until))
	must(t, "of another tenant", x.Put(ctx, tenantB, "e1", []byte("other"), until))
	for range 2 {
		if b, err := x.Get(ctx, tenantA, "e1", c.Now()); string(b) != "sealed" || err != nil {
			t.Errorf("got %q %v", b, err)
		}
	}
	_, err := x.Get(ctx, tenantA, "e1", until)
	wantKind(t, "too late", err, fail.NotFound, "")
	_, err = x.Take(ctx, tenantA, "e1", until)
	wantKind(t, "too late to take", err, fail.NotFound, "")
	if b, err := x.Take(ctx, tenantA, "e1", c.Now()); string(b) != "sealed" || err != nil {
		t.Errorf("took %q %v", b, err)
	}
	_, err = x.Take(ctx, tenantA, "e1", c.Now())
	wantKind(t, "taken twice", err, fail.NotFound, "")
	must(t, "drop", x.Drop(ctx, tenantA, "e1"))
	if b, err := x.Get(ctx, tenantB, "e1", c.Now()); string(b) != "other" || err != nil {
		t.Errorf("the other tenant's: %q %v", b, err)
	}
	if n, err := s.Access().Sweep(ctx, until); n != 1 || err != nil {
		t.Errorf("swept %d %v", n, err)
	}
	_, err = x.Get(ctx, tenantB, "e1", c.Now())
	wantKind(t, "after the sweep", err, fail.NotFound, "")
}

// creating is an entry that creates somebody.
func creating(id string) change.Entry {
	e := Entry(tenantA, directory.Newcomer(tenantA, "cleo@contoso.example").ID, id, "key of "+id)
	e.Change.Do, e.Change.Set, e.Change.Expect = change.Create, property.Values{"userPrincipalName": property.Text("cleo@contoso.example")}, nil
	e.Change.By.Ref = adele
	return e
}

// created: an entry that created somebody is theirs from its end on, the chain is proved, and with them it is forgotten.
func created(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	s := open(t, c.Now)
	j := s.Journal()
	cleo := directory.Ref{Tenant: tenantA, ID: "cleo"}
	e := creating("e1")
	begin(t, j, e)
	_, _, err := j.Begin(ctx, creating("e2"))
	wantKind(t, "a second one of the same name", err, fail.Conflict, "busy")
	if l, err := j.On(ctx, e.Change.On, 0, 10); len(l) != 1 || err != nil {
		t.Errorf("while it is open: %v %v", l, err)
	}
	must(t, "end", j.End(ctx, "e1", change.Outcome{State: change.Applied, Created: cleo.ID, At: c.Now(), After: e.Change.Set}))
	if l, err := j.On(ctx, cleo, 0, 10); err != nil || len(l) != 1 || l[0].Change.On != cleo || l[0].Outcome.Created != cleo.ID {
		t.Errorf("of the person: %+v %v", l, err)
	}
	if l, err := j.On(ctx, e.Change.On, 0, 10); len(l) != 0 || err != nil {
		t.Errorf("still of nobody: %v %v", l, err)
	}
	prove := func() {
		t.Helper()
		if _, bad, err := j.Verify(ctx, tenantA); bad != nil || err != nil {
			t.Fatalf("the chain: %+v %v", bad, err)
		}
	}
	prove()
	must(t, "secret", s.Secrets().Put(ctx, tenantA, "e1", []byte("sealed"), c.Now().Add(access.SecretLife)))
	_, err = s.Keep().Forget(ctx, forgetting(cleo, "f1", c.Now()))
	must(t, "forget", err)
	prove()
	got, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	if got.Change.On != cleo || len(got.Change.Set) != 0 || len(got.Outcome.After) != 0 || got.Forgotten.IsZero() {
		t.Errorf("what is left: %+v", got)
	}
	_, err = s.Secrets().Get(ctx, tenantA, "e1", c.Now())
	wantKind(t, "the password of who was forgotten", err, fail.NotFound, "")
	for _, text := range []string{"cleo@", e.Change.On.ID} {
		if n := holds(t, s, text); n != 0 {
			t.Errorf("%q stands in %d rows", text, n)
		}
	}
	begin(t, j, creating("e3"))
	must(t, "end", j.End(ctx, "e3", change.Outcome{State: change.Failed, At: c.Now()}))
	if l, err := j.On(ctx, e.Change.On, 0, 10); len(l) != 1 || err != nil {
		t.Errorf("of nobody: %v %v", l, err)
	}
	prove()
}
