package keep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/property"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

const tenant = "11111111-1111-4111-8111-111111111111"

// known is a directory that knows some people, or does not answer.
type known struct {
	directory.Reader
	people map[string]bool
	err    error
	asked  []property.Name
}

func (k *known) User(_ context.Context, _ directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	k.asked = ask.Names
	switch {
	case k.err != nil:
		return directory.User{}, k.err
	case k.people[on.ID]:
		return directory.User{Ref: on}, nil
	}
	return directory.User{}, fail.New(fail.NotFound, "test", fail.T("Nobody."))
}

// sealed opens nothing: no form waits in these tests.
type sealed struct{}

func (sealed) Opened(access.Stashed) (access.Form, error) { return access.Form{}, nil }

type world struct {
	*keep.Keeper
	s   *store.Store
	c   *storetest.Clock
	dir *known
}

func begin(t *testing.T, people ...string) *world {
	t.Helper()
	c := &storetest.Clock{}
	w := &world{s: storetest.SQLite(t, c.Now), c: c, dir: &known{people: map[string]bool{}}}
	n := 0
	w.Keeper = keep.New(keep.Config{
		Store: w.s.Keep(), Journal: w.s.Journal(), Forms: sealed{}, Reader: w.dir, Now: c.Now,
		NewID: func() string { n++; return fmt.Sprint("n", n) },
	})
	for i, p := range people {
		w.dir.people[p] = true
		w.change(t, p, fmt.Sprint("e", i))
	}
	return w
}

func (w *world) change(t *testing.T, person, entry string) {
	t.Helper()
	j := w.s.Journal()
	e := storetest.Entry(tenant, person, entry, "")
	e.Change.By.Name = "Name of " + person
	if _, _, err := j.Begin(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := j.End(t.Context(), entry, change.Outcome{State: change.Applied, After: e.Change.Set, At: w.c.Now()}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) round(t *testing.T, want int) {
	t.Helper()
	if n, err := w.Leavers(t.Context(), tenant, 30*24*time.Hour); n != want || err != nil {
		t.Errorf("%d were forgotten, want %d: %v", n, want, err)
	}
	if _, bad, err := w.s.Journal().Verify(t.Context(), tenant); bad != nil || err != nil {
		t.Errorf("the chain: %v %v", bad, err)
	}
}

// Whom the directory has not known for so long is forgotten; who is there, who came back, and who was only not answered about is not.
func TestF20_LeaversAreForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	w := begin(t, "adele", "ben", "carla")
	w.round(t, 0)
	w.dir.people["adele"], w.dir.people["ben"] = false, false
	w.round(t, 0)
	w.c.Advance(20 * 24 * time.Hour)
	w.dir.people["ben"] = true // restored
	w.round(t, 0)
	w.dir.people["ben"] = false
	w.round(t, 0)
	w.c.Advance(10*24*time.Hour - time.Minute)
	w.round(t, 0)
	w.c.Advance(time.Minute)
	w.dir.err = fail.New(fail.Unavailable, "test", fail.T("No answer."))
	if n, err := w.Leavers(t.Context(), tenant, 30*24*time.Hour); n != 0 || !fail.Is(err, fail.Unavailable) {
		t.Errorf("a directory that does not answer: %d %v", n, err)
	}
	w.dir.err = nil
	w.round(t, 1)
	for person, gone := range map[string]bool{"adele": true, "ben": false, "carla": false} {
		list, err := w.s.Journal().On(t.Context(), directory.Ref{Tenant: tenant, ID: person}, 0, 10)
		if err != nil || len(list) == 0 {
			t.Fatal(err)
		}
		first := list[len(list)-1]
		if first.Forgotten.IsZero() == gone || (first.Change.By.Name == "") != gone {
			t.Errorf("%s: %+v", person, first)
		}
		if gone && (list[0].Change.Do != change.Forget || list[0].Change.By.Kind != directory.SelfActor || !strings.Contains(list[0].Change.Why, "2026-03-02")) {
			t.Errorf("who, why and when: %+v", list[0].Change)
		}
	}
	w.round(t, 0) // nothing is left to forget
	w.c.Advance(20 * 24 * time.Hour)
	w.round(t, 1) // Ben, thirty days after he was missed again
	if fmt.Sprint(w.dir.asked) != "[displayName account]" {
		t.Errorf("asked for %v: who can still be restored would look gone", w.dir.asked)
	}
}

func TestWhatIsToldOfSomebody(t *testing.T) {
	t.Parallel()
	w := begin(t, "adele", "ben")
	adele := directory.Ref{Tenant: tenant, ID: "adele"}
	e := storetest.Entry(tenant, "adele", "by-olga", "")
	e.Change.By = directory.Actor{Kind: directory.PersonActor, Ref: directory.Ref{Tenant: tenant, ID: "olga"}, Name: "Olga", From: "203.0.113.9", Session: "01ga"}
	e.Outcome, e.Ended = change.Outcome{Entry: "by-olga", State: change.Applied, After: property.Values{"city": property.Text("Kiel")}}, w.c.Now()
	if err := w.s.Journal().Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	e = storetest.Entry(tenant, "ben", "by-adele", "")
	e.Change.By.Ref, e.Change.Names = adele, map[string]string{"on": "Ben Walters"}
	e.Outcome, e.Ended = change.Outcome{Entry: "by-adele", State: change.Applied, After: property.Values{"city": property.Text("Bonn")}}, w.c.Now()
	if err := w.s.Journal().Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	f, err := w.Of(t.Context(), adele)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for text, there := range map[string]bool{
		"+1 425 555 0109": true, "Kiel": true, "Olga": true, "192.0.2.7": true, // hers, and who changed her
		"203.0.113.9": false, "01ga": false, "5e55": false, // others' addresses and anybody's session
		"Ben": false, "Bonn": false, `"by-adele"`: true, // that she changed somebody, and nothing of them
	} {
		if strings.Contains(string(b), text) != there {
			t.Errorf("%q in the file: %v\n%s", text, !there, b)
		}
	}
	if _, err := w.Of(t.Context(), directory.Ref{Tenant: tenant, ID: "nobody"}); !fail.Is(err, fail.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := w.Forget(t.Context(), directory.Actor{}, directory.Ref{Tenant: tenant, ID: "nobody"}, "why"); !fail.Is(err, fail.NotFound) {
		t.Errorf("forgetting nobody: %v", err)
	}
	if _, err := w.Forget(t.Context(), directory.Actor{}, adele, " "); !fail.Is(err, fail.Invalid) {
		t.Errorf("forgetting without a reason: %v", err)
	}
}
