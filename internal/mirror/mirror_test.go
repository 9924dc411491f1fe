package mirror_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// TestS5_11to17_P1_FullAndIncremental fills a copy, follows changes of every kind, and needs no more requests than pages.
func TestS5_11to17_P1_FullAndIncremental(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]storetest.Open{"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(120)}}, open)
			first := w.sync()
			w.same("at first")
			if first.All() > 7 {
				t.Errorf("the first reading took %+v requests", first)
			}
			if n := w.sync(); n.All() > 2 {
				t.Errorf("looking for nothing took %+v requests", n)
			}
			w.do("PATCH", "/users/"+id(3), map[string]any{"jobTitle": "Clerk", "mobilePhone": nil})
			w.do("DELETE", "/users/"+id(4), nil)
			w.do("PUT", "/users/"+id(5)+"/manager/$ref", map[string]any{"@odata.id": w.graph + "/v1.0/users/" + id(12)})
			w.do("DELETE", "/groups/40000000-0000-4000-8000-000000000001/members/"+id(5)+"/$ref", nil)
			made := w.do("POST", "/users", map[string]any{
				"displayName": "New", "userPrincipalName": "new@contoso.example", "mailNickname": "new", "accountEnabled": true,
				"passwordProfile": map[string]any{"password": "Kp9-fz!xxQ2"},
			})
			w.do("POST", "/groups/40000000-0000-4000-8000-000000000002/members/$ref", map[string]any{"@odata.id": w.graph + "/v1.0/directoryObjects/" + made["id"].(string)})
			w.sync()
			w.Clock().Advance(25 * time.Hour)
			w.sync()
			w.same("after changes")
		})
	}
}

// TestP2_S5_20_ReadInPieces: a large organization is read in pieces beside one another, odd sign-in names included: a page for each way to
// begin, two pages in a request. Where the copy knows how names begin, pieces are about as large as one another; a directory that takes no
// such filter is read in one piece.
func TestP2_S5_20_ReadInPieces(t *testing.T) {
	t.Parallel()
	org := contoso(2100)
	for i, name := range []string{"0zero", "9", "_under", "#hash", "'quote", "~tilde", "-minus", "Zoe", ".dot"} {
		org.Users = append(org.Users, emulator.User{ID: id(5000 + i), UPN: name + "@contoso.example", Values: map[string]any{
			"displayName": name, "department": "Team 1", "usageLocation": "DE", "accountEnabled": true, "mailNickname": "odd",
		}})
	}
	org.Groups = nil
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{org}}, storetest.SQLite)
	n := w.sync()
	w.same("in pieces")
	if n.People > 28/2+3 { // pages, two in a request; and count, link and replay
		t.Errorf("%+v", n)
	}
	w.Clock().Advance(8 * 24 * time.Hour)
	n = w.sync()
	w.same("in even pieces")
	if n.People > 11/2+1+3 {
		t.Errorf("%+v", n)
	}
	w.Clock().Advance(8 * 24 * time.Hour)
	w.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users$`, Since: 2, Times: 2}, Do: emulator.Do{Status: 400, Code: "Request_UnsupportedQuery"}})
	if n = w.sync(); n.People > 11 {
		t.Errorf("%+v", n)
	}
	w.same("in one piece")
}

// asked is what the emulator has counted.
func (w *world) asked() (requests, inner, throttled int) {
	s := w.Statistics()
	return int(s.Requests), int(s.Inner), int(s.Apps[app].Throttled)
}

// TestP1_P1b_RequestsOfAFullReading: managers and members included, a full reading takes few requests, as the emulator counts them, whatever
// the size of its pages, and also while people change; a thousand people are as many pages of an organization that is a hundred times as large.
func TestP1_P1b_RequestsOfAFullReading(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		emulator.PageSizes
		most int
	}{
		{"published", emulator.PageSizes{}, 26},
		{"changes by 100, expanded by 100", emulator.PageSizes{Delta: 100, Expanded: 100}, 14},
		{"changes by 50, expanded by 100", emulator.PageSizes{Delta: 50, Expanded: 100}, 14},
		{"members by 100", emulator.PageSizes{Delta: 50, Links: 100, Expanded: 100}, 18},
	} {
		for _, moving := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, moving), func(t *testing.T) {
				t.Parallel()
				w := begin(t, emulator.Options{Organizations: []emulator.Organization{wide(1000)}, Pages: c.PageSizes, Throttle: emulator.Throttle{On: true}}, storetest.SQLite)
				w.cfg.Apart = 500
				own := 0
				w.cfg.Progress = func(p mirror.Progress) {
					if moving && own == 0 && p.What == "people" {
						for own < 10 {
							w.do("PATCH", "/users/"+id(own*100), map[string]any{"jobTitle": "Clerk", "userPrincipalName": fmt.Sprintf("%c.moved%d@contoso.example", 'z'-own, own)})
							own++
						}
					}
				}
				n := w.sync()
				requests, inner, throttled := w.asked()
				if requests -= own; requests != n.All() || requests > c.most || throttled > 0 || n.Managers > 0 || n.Checks > 0 {
					t.Errorf("%d requests with %d inside, %d throttled: %+v", requests, inner, throttled, n)
				}
				w.same("full")
			})
		}
	}
}

// TestP4_RequestsAndRowsOfChanges: changes cost what they are and not what the directory is, and looking for nothing costs two requests and
// writes no row.
func TestP4_RequestsAndRowsOfChanges(t *testing.T) {
	t.Parallel()
	for _, people := range []int{60, 600} {
		t.Run(fmt.Sprint(people), func(t *testing.T) {
			t.Parallel()
			w := begin(t, emulator.Options{Organizations: []emulator.Organization{wide(people)}, Pages: emulator.PageSizes{Delta: 10}}, storetest.SQLite)
			kept := &counted{Store: w.cfg.Store}
			w.cfg.Store = kept
			w.sync()
			kept.rows = 0
			if n := w.sync(); n.All() != 2 || kept.rows != 0 {
				t.Errorf("nothing changed: %+v, %d rows", n, kept.rows)
			}
			for i := range 50 {
				w.do("PATCH", "/users/"+id(i), map[string]any{"jobTitle": "Clerk"})
			}
			if n := w.sync(); n.All() > 7 || kept.rows != 100 { // a row and an event each
				t.Errorf("fifty changed: %+v, %d rows", n, kept.rows)
			}
			w.Clock().Advance(25 * time.Hour)
			kept.rows = 0
			if n := w.sync(); n.Managers == 0 || kept.rows != 0 {
				t.Errorf("managers: %+v, %d rows", n, kept.rows)
			}
			w.Clock().Advance(8 * 24 * time.Hour)
			if w.sync(); kept.rows != 0 {
				t.Errorf("read anew: %d rows", kept.rows)
			}
			w.same("at last")
		})
	}
}

// counted counts the rows of people, groups, members and events that are written.
type counted struct {
	mirror.Store
	rows int
}

func (s *counted) Commit(ctx context.Context, tenant string, c mirror.Commit) (mirror.State, error) {
	s.rows += len(c.People) + len(c.Managers) + len(c.Groups) + len(c.Joined) + len(c.Left) + len(c.Events)
	return s.Store.Commit(ctx, tenant, c)
}
