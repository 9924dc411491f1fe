package mirror_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

func (w *world) gone() (n int) {
	w.t.Helper()
	c, err := w.cfg.Store.Counts(w.ctx, tenant)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Gone
}

// TestS5_15_F20_ManyAtOnceAreHeld: more than a share of everybody goes only when somebody has said so, with the number that is held.
func TestS5_15_F20_ManyAtOnceAreHeld(t *testing.T) {
	t.Parallel()
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(60)}}, storetest.SQLite)
	w.cfg.Few = 3
	w.sync()
	for i := range 20 {
		w.do("DELETE", "/users/"+id(i+1), nil)
	}
	m := mirror.New(w.cfg)
	_, err := m.Sync(w.ctx, tenant)
	var f *fail.Error
	if !errors.As(err, &f) || f.Kind != fail.Conflict || f.Code != mirror.CodeHeld {
		t.Fatalf("twenty of sixty are gone: %v", err)
	}
	state, counts, err := m.Status(w.ctx, tenant)
	if err != nil || state.Held != 20 || counts.Gone != 0 || counts.People != 60 {
		t.Fatalf("held %d, gone %d, people %d: %v", state.Held, counts.Gone, counts.People, err)
	}
	if err := m.Allow(w.ctx, tenant, 19); !fail.Is(err, fail.Conflict) {
		t.Errorf("another number is taken: %v", err)
	}
	if err := m.Allow(w.ctx, tenant, 20); err != nil {
		t.Fatal(err)
	}
	w.sync()
	w.same("allowed")
	if n := w.gone(); n != 20 {
		t.Errorf("%d are gone", n)
	}
	w.do("POST", "/directory/deletedItems/"+id(1)+"/restore", nil)
	w.sync()
	w.same("restored")
}

// TestS5_15_DeletedAndPurgedWhileAway: a full reading finds who is gone, and whether they can be restored.
func TestS5_15_DeletedAndPurgedWhileAway(t *testing.T) {
	t.Parallel()
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(60)}}, storetest.SQLite)
	w.sync()
	w.do("DELETE", "/users/"+id(1), nil)
	w.do("DELETE", "/users/"+id(2), nil)
	w.do("DELETE", "/directory/deletedItems/"+id(2), nil)
	w.do("DELETE", "/groups/40000000-0000-4000-8000-000000000003", nil)
	w.Clock().Advance(8 * 24 * time.Hour)
	w.sync()
	w.same("after eight days")
	rows, err := w.cfg.Store.People(w.ctx, tenant, []string{id(1), id(2), id(3)})
	if err != nil || rows[id(1)].Gone != mirror.Deleted || rows[id(2)].Gone != mirror.Purged || rows[id(3)].Gone != "" {
		t.Errorf("%v %v %v: %v", rows[id(1)].Gone, rows[id(2)].Gone, rows[id(3)].Gone, err)
	}
}

// TestF35_ARoundGoesOnWhereItEnded: a reading that is ended at each of its pages asks for no page twice that was committed.
func TestF35_ARoundGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(130)}, Pages: emulator.PageSizes{Delta: 5, Expanded: 20}}, storetest.SQLite)
	w.cfg.Readers = 1
	var whole mirror.Requests
	rounds := 0
	for {
		rounds++
		ctx, stop := context.WithCancel(w.ctx)
		w.cfg.Progress = func(p mirror.Progress) {
			if p.What == "people" || p.What == "groups" && p.Done > 0 {
				stop()
			}
		}
		n, err := mirror.New(w.cfg).Sync(ctx, tenant)
		stop()
		whole.People += n.People
		whole.Groups += n.Groups
		if err == nil {
			break
		}
		if w.ctx.Err() != nil || rounds > 200 {
			t.Fatalf("after %d rounds: %v", rounds, err)
		}
	}
	w.same("in pieces")
	other := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(130)}, Pages: emulator.PageSizes{Delta: 5, Expanded: 20}}, storetest.SQLite)
	other.cfg.Readers = 1
	at := other.sync()
	// One request of each part may be under way when a round ends, and the last page of changes is looked at again by each round.
	if got, most := whole.People+whole.Groups, at.People+at.Groups+2*rounds; got > most {
		t.Errorf("%d requests in %d pieces, %d in one", got, rounds, at.People+at.Groups)
	}
}

// TestS5_13_OnlyAGroup keeps the members of a group, members of members included, and lets them go when they leave it.
func TestS5_13_OnlyAGroup(t *testing.T) {
	t.Parallel()
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(60)}}, storetest.SQLite)
	const group = "40000000-0000-4000-8000-000000000002"
	w.cfg.Scope = mirror.Piece{Group: group}
	people := func() int {
		w.t.Helper()
		c, err := w.cfg.Store.Counts(w.ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		return c.People
	}
	w.sync()
	if n := people(); n != 12 {
		t.Errorf("%d people, the group has 12", n)
	}
	w.do("DELETE", "/groups/"+group+"/members/"+id(6)+"/$ref", nil)
	w.do("POST", "/groups/"+group+"/members/$ref", map[string]any{"@odata.id": w.graph + "/v1.0/directoryObjects/" + id(50)})
	w.sync()
	rows, err := w.cfg.Store.People(w.ctx, tenant, []string{id(6), id(50)})
	if n := people(); n != 12 || err != nil || rows[id(6)].Gone != mirror.Outside || rows[id(50)].Gone != "" || rows[id(50)].ID == "" {
		t.Errorf("%d people, who left: %q, who came: %q: %v", n, rows[id(6)].Gone, rows[id(50)].ID, err)
	}
}
