package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// long says how many histories of how many changes are tried: few and short ones in every run, G8's in make soak.
func long(t *testing.T) (histories, changes int) {
	t.Helper()
	if s := os.Getenv("NAMEPLATE_HISTORIES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n, 5000
	}
	return 4, 150
}

// TestG8_F20_F21_F22_F23_CopyEqualsDirectory makes random changes while copies are made under cut, empty, doubled, looping and
// shuffled pages, refused and broken answers, forgotten links and ends in the middle. Whenever a round comes to its end without
// a fault, copy and directory agree, and at no time is anybody taken for gone who was never deleted.
func TestG8_F20_F21_F22_F23_CopyEqualsDirectory(t *testing.T) {
	t.Parallel()
	histories, changes := long(t)
	for h := range histories {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			t.Parallel()
			open := storetest.SQLite
			if h%4 == 3 {
				open = storetest.PostgreSQL
			}
			org := contoso(130)
			w := begin(t, emulator.Options{
				Organizations: []emulator.Organization{org}, Seed: uint64(h + 1),
				Pages: emulator.PageSizes{Delta: 40, Links: 25, Replay: 5, Expanded: 50},
			}, open)
			w.cfg.Few = 1000 // the brake has a test of its own
			if h%4 > 1 {
				w.cfg.Apart = 20 // people in pieces, groups' members by fifties
			}
			rnd := rand.New(rand.NewPCG(uint64(h), 8))
			x := &history{world: w, rnd: rnd, people: map[string]string{}, ever: map[string]bool{}}
			for i := range org.Users {
				x.people[id(i)] = ""
			}
			whole := 0
			for done := 0; done < changes; {
				for range 1 + rnd.IntN(30) {
					x.change()
					done++
				}
				if rnd.IntN(12) == 0 {
					w.Clock().Advance(8 * 24 * time.Hour)
				}
				x.faults(h%2 == 1)
				_, err := mirror.New(w.cfg).Sync(w.ctx, tenant)
				w.ClearFaults()
				x.nobodyWrongly()
				if err != nil && fail.Is(err, fail.Internal) {
					t.Fatal(err)
				}
				if err == nil {
					whole++
				}
			}
			w.Clock().Advance(25 * time.Hour) // managers are read again
			w.sync()
			if h%2 == 0 {
				w.same("by changes alone")
			}
			w.Clock().Advance(7 * 24 * time.Hour)
			w.sync()
			w.same("read anew")
			x.nobodyWrongly()
			if whole == 0 {
				t.Error("no round came to its end")
			}
		})
	}
}

type history struct {
	*world
	rnd    *rand.Rand
	people map[string]string // "" is there, else how gone
	ever   map[string]bool   // was deleted once
	n      int
}

// some is a person in that state.
func (x *history) some(state string) string {
	for id, s := range x.people {
		if s == state {
			return id
		}
	}
	return ""
}

// change makes one change as another program would.
func (x *history) change() {
	x.n++
	group := fmt.Sprintf("/groups/40000000-0000-4000-8000-%012d", x.rnd.IntN(13))
	who, other := id(x.rnd.IntN(130)), id(x.rnd.IntN(130))
	switch k := x.rnd.IntN(100); {
	case k < 45:
		x.do("PATCH", "/users/"+who, map[string]any{"jobTitle": fmt.Sprintf("Job %d", x.n), "mobilePhone": []any{nil, "+49 1"}[x.rnd.IntN(2)]}, 204, 404)
	case k < 60:
		x.do("PUT", "/users/"+who+"/manager/$ref", map[string]any{"@odata.id": x.graph + "/v1.0/users/" + other}, 204, 404, 400)
	case k < 64:
		x.do("DELETE", "/users/"+who+"/manager/$ref", nil, 204, 404)
	case k < 76:
		x.do("POST", group+"/members/$ref", map[string]any{"@odata.id": x.graph + "/v1.0/directoryObjects/" + who}, 204, 400, 404)
	case k < 86:
		x.do("DELETE", group+"/members/"+who+"/$ref", nil, 204, 404)
	case k < 90:
		x.do("PATCH", group, map[string]any{"description": fmt.Sprintf("About %d", x.n)}, 204, 404)
	case k < 93:
		made := x.do("POST", "/users", map[string]any{
			"displayName": fmt.Sprintf("New %d", x.n), "userPrincipalName": fmt.Sprintf("n%d@contoso.example", x.n), "mailNickname": "n", "accountEnabled": true,
			"passwordProfile": map[string]any{"password": "Kp9-fz!xxQ2"},
		})
		x.people[made["id"].(string)] = ""
	case k < 96:
		if x.people[who] == "" {
			x.do("DELETE", "/users/"+who, nil)
			x.people[who], x.ever[who] = "deleted", true
		}
	case k < 98:
		if gone := x.some("deleted"); gone != "" {
			x.do("POST", "/directory/deletedItems/"+gone+"/restore", nil)
			x.people[gone] = ""
		}
	case k < 99:
		if gone := x.some("deleted"); gone != "" {
			x.do("DELETE", "/directory/deletedItems/"+gone, nil)
			x.people[gone] = "purged"
		}
	default:
		x.do("PATCH", "/users/"+who, map[string]any{"userPrincipalName": fmt.Sprintf("r%d@contoso.example", x.n)}, 204, 404)
	}
}

// faults sets rules for the next round. silent ones leave objects out with an answer that looks whole: only a full reading finds those.
func (x *history) faults(silent bool) {
	lists := `^/v1\.0/(users|groups)`
	for _, r := range []emulator.Rule{
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "last"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "none"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "empty"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "repeat"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "loop"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Page: "3"}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Reorder: true}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{Status: 503}},
		{Match: emulator.Match{Path: lists}, Do: emulator.Do{LinkHost: "evil.example"}},
		{Match: emulator.Match{Path: lists}, At: emulator.MidBody, Do: emulator.Do{Truncate: 200}},
		{Match: emulator.Match{Path: `delta$`}, Do: emulator.Do{Status: 410, Code: "syncStateNotFound"}},
		{Match: emulator.Match{Path: `getByIds$`}, Do: emulator.Do{Status: 500}},
		{Match: emulator.Match{Path: `batch$`}, Do: emulator.Do{Status: 413}},
		{Match: emulator.Match{Path: `batch$`}, At: emulator.MidBody, Do: emulator.Do{Truncate: 300}},
	} {
		if r.Do.Page == "none" && !silent {
			continue
		}
		if x.rnd.IntN(6) == 0 {
			r.Match.Nth = 1 + x.rnd.IntN(6)
			if x.rnd.IntN(3) == 0 {
				r.Match.Nth, r.Match.Since, r.Match.Times = 0, 1+x.rnd.IntN(4), 1+x.rnd.IntN(9)
			}
			x.Inject(r)
		}
	}
}

// nobodyWrongly says that whom the copy takes for gone was deleted at some time.
func (x *history) nobodyWrongly() {
	x.t.Helper()
	var ids []string
	for id := range x.people {
		ids = append(ids, id)
	}
	rows, err := x.cfg.Store.People(x.ctx, tenant, ids)
	if err != nil {
		x.t.Fatal(err)
	}
	for id, p := range rows {
		if p.Gone != "" && !x.ever[id] {
			x.t.Fatalf("%s is taken for %s and was never deleted", id, p.Gone)
		}
	}
}
