package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
	"nameplate/internal/store"
)

// Keep is the contract of keep.Store: what is kept of a person is told and forgotten, and the chain stays proved.
func Keep(t *testing.T, open Open) {
	t.Run("told and forgotten", func(t *testing.T) { t.Parallel(); forgets(t, open) })
	t.Run("the copy of the directory", func(t *testing.T) { t.Parallel(); copied(t, open) })
	t.Run("who was created", func(t *testing.T) { t.Parallel(); created(t, open) })
	t.Run("leavers", func(t *testing.T) { t.Parallel(); leavers(t, open) })
	t.Run("what was done at once", func(t *testing.T) { t.Parallel(); records(t, open) })
}

// forgetting is the entry of a forgetting.
func forgetting(on directory.Ref, id string, at time.Time) change.Entry {
	return change.Entry{
		ID: id, Begun: at, Ended: at, Outcome: change.Outcome{Entry: id, State: change.Applied, At: at},
		Change: change.Change{ID: id, On: on, Do: change.Forget, By: directory.Actor{Kind: directory.HostActor, Name: "olga"}, Why: "they asked"},
	}
}

// life fills a store with what is kept of Adele, who changed her telephone and her picture, manages Ben, and changed him.
func life(t *testing.T, s *store.Store, c *Clock) (adele, ben directory.Ref, picture string) {
	t.Helper()
	ctx, j := context.Background(), s.Journal()
	adele, ben = directory.Ref{Tenant: tenantA, ID: "adele"}, directory.Ref{Tenant: tenantA, ID: "ben"}
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	must(t, "note", j.Note(ctx, "e1", []change.Part{{Names: []property.Name{"mobilePhone"}, State: change.Open}}, change.Attempt{Sent: true}))
	must(t, "end", j.End(ctx, "e1", applied(c.Now())))
	jpeg := []byte("\xff\xd8\xff\xe0 Adele")
	picture, err := j.PutBlob(ctx, tenantA, jpeg)
	must(t, "picture", err)
	photo := Entry(tenantA, "adele", "e2", "k2")
	photo.Change.Do, photo.Change.Set, photo.Change.Expect, photo.Change.Photo, photo.Outcome.Before = change.Photo, nil, nil, jpeg, nil
	begin(t, j, photo)
	must(t, "end", j.End(ctx, "e2", change.Outcome{State: change.Applied, At: c.Now()}))
	boss := Entry(tenantA, "ben", "e3", "k3")
	boss.Change.Do, boss.Change.Set = change.Manager, property.Values{directory.FacetManager: property.Text("adele")}
	boss.Change.Names = map[string]string{"on": "Ben Walters", "adele": "Adele Vance"}
	boss.Change.By = directory.Actor{Kind: directory.PersonActor, Ref: adele, Name: "Adele Vance", From: "192.0.2.7"}
	begin(t, j, boss)
	must(t, "end", j.End(ctx, "e3", applied(c.Now())))
	begin(t, j, Entry(tenantA, "ben", "e4", "k4"))
	must(t, "end", j.End(ctx, "e4", applied(c.Now())))
	begin(t, j, Entry(tenantB, "adele", "e5", "k5"))
	must(t, "end", j.End(ctx, "e5", applied(c.Now())))

	a := s.Access()
	row := access.Row{Session: access.Session{ID: "5f", Ref: adele, Name: "Adele Vance", UPN: "adele@example.com", From: "192.0.2.7", Began: c.Now(), Seen: c.Now(), IdleEnd: c.Now().Add(time.Hour), FinalEnd: c.Now().Add(time.Hour)}}
	must(t, "sign in", a.SignIn(ctx, access.SignIn{Attempt: "a1", AttemptEnd: c.Now().Add(time.Hour), Row: row, Sealed: []byte("tokens")}))
	must(t, "stash", a.PutStash(ctx, access.Stashed{Session: "5f", Ref: adele, Path: "/profile", Sealed: []byte("sealed"), Until: c.Now().Add(time.Hour)}))
	must(t, "seen", a.PutSeen(ctx, directory.User{Ref: adele, At: c.Now(), Values: property.Values{"city": property.Text("Köln")}}))
	must(t, "settings", a.PutSettings(ctx, adele, access.Settings{Language: "de"}))
	key := access.Key{ID: "key-1", Tenant: tenantA, Name: "Sync", By: "Adele Vance", ByID: "adele", Role: directory.Editor, Made: c.Now(), Expires: c.Now().Add(time.Hour)}
	must(t, "key", s.Keys().AddKey(ctx, key, strings.Repeat("1", 64), access.Deed{ID: "d1", By: boss.Change.By, Why: "sync", At: c.Now()}))
	return adele, ben, picture
}

func forgets(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	s := open(t, c.Now)
	k, j := s.Keep(), s.Journal()
	adele, _, picture := life(t, s, c)

	got, err := k.Stored(ctx, adele)
	must(t, "stored", err)
	if got.Seen.Values["city"].Str() != "Köln" || got.Settings.Language != "de" || len(got.Sessions) != 1 || got.Sessions[0].UPN != "adele@example.com" ||
		len(got.Forms) != 1 || got.Forms[0].Path != "/profile" || len(got.Keys) != 1 {
		t.Errorf("what is kept: %+v", got)
	}
	records, _, err := j.Verify(ctx, tenantA)
	must(t, "verify", err)

	begin(t, j, Entry(tenantA, "adele", "e6", "k6"))
	_, err = k.Forget(ctx, forgetting(adele, "f0", c.Now()))
	wantKind(t, "while a change is open", err, fail.Conflict, "busy")
	must(t, "end", j.End(ctx, "e6", applied(c.Now())))
	c.Advance(time.Hour)
	did, err := k.Forget(ctx, forgetting(adele, "f1", c.Now()))
	must(t, "forget", err)
	if did.Entry != "f1" || did.Photos != 1 || did.Records != 8 {
		t.Errorf("forgotten: %+v", did)
	}

	// The chain is proved, with two records of the last change and three of the forgetting.
	if n, bad, err := j.Verify(ctx, tenantA); n != records+5 || bad != nil || err != nil {
		t.Errorf("the chain: %d of %d, %v %v", n, records, bad, err)
	}
	// Nothing of her is left in any row, but for her object id.
	for _, text := range []string{"555 0109", "Adele", "192.0.2.7", "Köln", "tokens", "k1\"", "5e55"} {
		if n := holds(t, s, text); n != map[string]int{"555 0109": 3, "Adele": 2, "192.0.2.7": 2, "5e55": 2}[text] { // what stays: Ben's own change, and the other organization's
			t.Errorf("%q stands in %d rows", text, n)
		}
	}
	if _, err := j.Blob(ctx, tenantA, picture); !fail.Is(err, fail.NotFound) {
		t.Errorf("her picture: %v", err)
	}
	left, err := k.Stored(ctx, adele)
	must(t, "stored", err)
	if left.Seen.Values != nil || left.Settings != (access.Settings{}) || len(left.Sessions)+len(left.Forms) != 0 || len(left.Keys) != 1 || left.Keys[0].By != "" {
		t.Errorf("what is left: %+v", left)
	}
	// The history says what was done, when, and that it was forgotten.
	e, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	want := change.Entry{
		ID: "e1", Seq: 1, Begun: Start, Ended: Start, Forgotten: c.Now(), Attempt: change.Attempt{Sent: true}, Outcome: change.Outcome{Entry: "e1", State: change.Applied, At: Start},
		Change: change.Change{ID: "e1", On: adele, Do: change.Update, By: directory.Actor{Kind: directory.PersonActor, Ref: adele}},
	}
	equal(t, "her change", e, want)
	if e.Undoable() {
		t.Error("what was forgotten can be taken back")
	}
	e, err = j.Get(ctx, tenantA, "e3")
	must(t, "get", err)
	if e.Change.By.Name != "" || e.Change.By.From != "" || e.Change.By.Ref != adele || e.Change.Names["adele"] != "" || e.Change.Names["on"] != "Ben Walters" || !e.Forgotten.IsZero() {
		t.Errorf("her change of Ben: %+v", e)
	}
	e, err = j.Get(ctx, tenantA, "f1")
	must(t, "get", err)
	if e.Change.Do != change.Forget || e.Change.Why != "they asked" || e.Change.By.Name != "olga" || e.Outcome.State != change.Applied {
		t.Errorf("the forgetting: %+v", e)
	}

	// Again: what came since goes, what was forgotten stays as it is.
	c.Advance(time.Hour)
	begin(t, j, Entry(tenantA, "adele", "e7", "k1"))
	must(t, "end", j.End(ctx, "e7", applied(c.Now())))
	did, err = k.Forget(ctx, forgetting(adele, "f2", c.Now()))
	must(t, "forget again", err)
	if did.Records != 2 {
		t.Errorf("forgotten the second time: %+v", did)
	}
	did, err = k.Forget(ctx, forgetting(directory.Ref{Tenant: tenantA, ID: "ben"}, "f3", c.Now())) // a record that lost her name loses all
	must(t, "forget Ben", err)
	if did.Records != 4 {
		t.Errorf("forgotten of Ben: %+v", did)
	}
	if _, bad, err := j.Verify(ctx, tenantA); bad != nil || err != nil {
		t.Errorf("the chain after all that: %v %v", bad, err)
	}
	_, err = k.Forget(ctx, forgetting(directory.Ref{Tenant: tenantA, ID: "%"}, "f4", c.Now()))
	wantKind(t, "everybody at once", err, fail.Invalid, "")
}

// holds says in how many entries of both tenants a text still stands.
func holds(t *testing.T, s *store.Store, text string) (n int) {
	t.Helper()
	for _, tenant := range []string{tenantA, tenantB} {
		list, err := s.Journal().Find(context.Background(), tenant, change.Search{}, 0, 100)
		must(t, "find", err)
		for _, e := range list {
			b, err := json.Marshal(e)
			must(t, "json", err)
			if bytes.Contains(b, []byte(text)) {
				n++
			}
		}
	}
	return n
}

func leavers(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	s := open(t, c.Now)
	k := s.Keep()
	adele, ben, _ := life(t, s, c)
	people := func() []string {
		t.Helper()
		l, err := k.People(ctx, tenantA)
		must(t, "people", err)
		return l
	}
	equal(t, "of whom something is kept", people(), []string{"adele", "ben"})
	must(t, "miss", k.Miss(ctx, adele, c.Now()))
	must(t, "miss", k.Miss(ctx, ben, c.Now()))
	must(t, "miss again", k.Miss(ctx, adele, c.Now().Add(time.Hour)))
	must(t, "meet", k.Meet(ctx, ben))
	l, err := k.Leavers(ctx, tenantA)
	must(t, "leavers", err)
	equal(t, "missed", l, map[string]time.Time{"adele": c.Now()})
	l, err = k.Leavers(ctx, tenantB)
	must(t, "leavers", err)
	equal(t, "A22 of another tenant", l, map[string]time.Time{})
	for _, ref := range []directory.Ref{adele, ben} {
		_, err = k.Forget(ctx, forgetting(ref, "f-"+ref.ID, c.Now()))
		must(t, "forget", err)
	}
	equal(t, "of whom something is kept when all is forgotten", people(), []string(nil))
	l, err = k.Leavers(ctx, tenantA)
	must(t, "leavers", err)
	equal(t, "missed", l, map[string]time.Time{})
}

func records(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	j := open(t, c.Now).Journal()
	e := Entry(tenantA, tenantA, "x1", "")
	e.Change.Do, e.Change.Set, e.Change.Expect = change.Export, nil, nil
	e.Outcome = change.Outcome{Entry: "x1", State: change.Applied, After: property.Values{change.ExportEntries: property.Text("7")}, At: c.Now()}
	e.Ended = e.Begun
	must(t, "record", j.Record(ctx, e))
	got, err := j.Get(ctx, tenantA, "x1")
	must(t, "get", err)
	e.Seq = 1
	equal(t, "what was recorded", got, e)
	begin(t, j, Entry(tenantA, tenantA, "x2", "")) // it blocks nobody
	if n, bad, err := j.Verify(ctx, tenantA); n != 3 || bad != nil || err != nil {
		t.Errorf("the chain: %d %v %v", n, bad, err)
	}
}

// copied holds the copy of the directory: what it has of a person and what was noticed on them is told, and forgotten with them; who is
// still there keeps their row.
func copied(t *testing.T, open Open) {
	ctx, c := context.Background(), &Clock{}
	s := open(t, c.Now)
	adele, ben := directory.Ref{Tenant: tenantA, ID: "adele"}, directory.Ref{Tenant: tenantA, ID: "ben"}
	boss, m := "ben", s.Mirror()
	event := func(e mirror.Event) mirror.Event { e.After, e.At = c.Now(), c.Now().Add(time.Minute); return e }
	moved := map[string]mirror.Diff{"city": {Was: json.RawMessage(`"Ulm"`)}}
	_, err := m.Commit(ctx, tenantA, mirror.Commit{
		People: []mirror.Person{
			{ID: "adele", UPN: "adele@x", Name: "Adele", Doc: []byte(`{"displayName":"Adele"}`), Manager: &boss, Gone: mirror.Deleted, Since: c.Now()},
			{ID: "ben", UPN: "ben@x", Name: "Ben", Doc: []byte(`{"displayName":"Ben"}`)},
		},
		Groups: []mirror.Group{{ID: "g", Name: "Choir", Doc: []byte(`{}`)}},
		Joined: []mirror.Membership{{Group: "g", Member: mirror.Member{ID: "adele"}}, {Group: "g", Member: mirror.Member{ID: "ben"}}},
		Events: []mirror.Event{
			event(mirror.Event{Object: "person", ID: "adele", What: mirror.Changed, Cause: "e1", Diff: moved}), event(mirror.Event{Object: "member", ID: "g", Who: "adele", Name: "Choir", What: mirror.Joined}),
			event(mirror.Event{Object: "person", ID: "ben", What: mirror.Changed, Diff: moved}), event(mirror.Event{Object: "group", ID: "g", What: mirror.Changed, Diff: moved}),
		},
	})
	must(t, "copy", err)
	since := c.Now()
	have, err := s.Keep().Stored(ctx, adele)
	must(t, "stored", err)
	equal(t, "the copy", have.Copy, &keep.Copy{Properties: property.Values{"displayName": property.Text("Adele")}, Manager: "ben", Groups: []string{"Choir"}, Gone: "deleted", Since: &since})
	equal(t, "what was noticed", have.Noticed, []keep.Noticed{
		{After: c.Now(), At: c.Now().Add(time.Minute), What: "joined", Group: "Choir"},
		{After: c.Now(), At: c.Now().Add(time.Minute), What: "changed", Entry: "e1", Old: property.Values{"city": property.Text("Ulm")}, New: property.Values{"city": property.Null()}},
	})
	for i, on := range []directory.Ref{adele, ben} {
		_, err := s.Keep().Forget(ctx, forgetting(on, id("f", i), c.Now()))
		must(t, "forget", err)
		have, err := s.Keep().Stored(ctx, on)
		must(t, "stored", err)
		if (have.Copy == nil) != (on == adele) || len(have.Noticed) > 0 {
			t.Errorf("left of %s: %+v", on.ID, have)
		}
	}
	members, err := m.MembersOf(ctx, tenantA, "g")
	must(t, "members", err)
	events, err := m.Events(ctx, tenantA, mirror.Search{}, 0, 10)
	must(t, "events", err)
	if len(members) != 1 || members[0].ID != "ben" || len(events) != 1 || events[0].Object != "group" {
		t.Errorf("left: %v, %v", members, events)
	}
}
