package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

// chaotic is an emulator in chaos whose clocks stand still.
func chaotic(t *testing.T, seed uint64) *desk {
	t.Helper()
	return newDesk(t, emulator.Options{Organizations: []emulator.Organization{sample.Generate(60, 1)}, Chaos: 0.3, Seed: seed, Wall: newWall().now})
}

// play sends one request; "" is an answer that never came whole.
func (d *desk) play(method, target, body string) string {
	r := httptest.NewRequest(method, "http://graph.test"+target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.token)
	w := httptest.NewRecorder()
	whole := func() (whole bool) {
		defer func() {
			if x := recover(); x != nil && x != http.ErrAbortHandler {
				panic(x)
			}
		}()
		d.Handler().ServeHTTP(w, r)
		return true
	}()
	if !whole {
		return ""
	}
	return fmt.Sprint(w.Code, " ", w.Header().Get("Retry-After"), " ", w.Body)
}

// A chaotic run is recorded, and replayed to equality from nothing but the seed and the lines of its request log (and the bodies,
// which are the client's): the answers, the log, the ledger and the directory.
func TestChaosIsReplayedFromSeedAndLog(t *testing.T) {
	t.Parallel()
	first := chaotic(t, 0) // a random seed
	var ids []string
	for _, u := range first.Snapshot()[0].Users {
		if u.Sync == "" {
			ids = append(ids, u.ID)
		}
	}
	sent := map[int]string{}
	var answers []string
	ask := func(method, target, body string) {
		sent[len(answers)] = body
		answers = append(answers, first.play(method, target, body))
	}
	for i := range 300 {
		id := ids[i%len(ids)]
		switch i % 5 {
		case 0:
			ask("GET", "/v1.0/users?$select=id,city", "")
		case 1:
			ask("POST", "/v1.0/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/`+id+`"},{"id":"2","method":"GET","url":"/users/`+ids[0]+`"},{"id":"3","method":"GET","url":"/organization"}]}`)
		case 2:
			ask("GET", "/v1.0/users/"+id+"?$select=id,city", "")
		default:
			ask("PATCH", "/v1.0/users/"+id, fmt.Sprintf(`{"city":"Town %d"}`, i))
		}
	}
	log := first.Requests(0)
	seed := first.Statistics().Seed
	met := map[string]int{}
	for _, line := range log {
		met[line.Fault]++
		if line.Fault != "" && (line.Seed != seed || line.Decision == "") {
			t.Fatalf("a line does not say what was decided: %+v", line)
		}
	}
	if met["chaos"] < 50 || met[""] < 50 {
		t.Fatalf("%v", met)
	}

	second := chaotic(t, seed)
	n := 0
	for _, line := range log {
		if line.Inner {
			continue
		}
		target := line.Path
		if line.Query != "" {
			target += "?" + line.Query
		}
		if got := second.play(line.Method, target, sent[n]); got != answers[n] {
			t.Fatalf("%d %s %s: %.300s\nwas %.300s", n, line.Method, target, got, answers[n])
		}
		n++
	}
	if n != len(answers) {
		t.Fatalf("%d of %d requests are in the log", n, len(answers))
	}
	if again := second.Requests(0); !reflect.DeepEqual(again, log) {
		t.Error("the request logs differ")
	}
	if !reflect.DeepEqual(first.Ledger(0), second.Ledger(0)) || len(first.Ledger(0)) == 0 {
		t.Error("the ledgers differ")
	}
	if !reflect.DeepEqual(first.Snapshot()[0].Users, second.Snapshot()[0].Users) {
		t.Error("the directories differ")
	}
	if err := second.Reset(); err != nil {
		t.Fatal(err)
	}
	again := second.with(emulator.Token{Roles: []string{"User.ReadWrite.All", "Directory.Read.All"}}).play("GET", "/v1.0/users?$select=id,city", "")
	if first0, _, _ := strings.Cut(answers[0], "{"); !strings.HasPrefix(again, first0) {
		t.Errorf("after a reset %.80s, before %.80s", again, answers[0])
	}
}

// What each request meets does not depend on how requests mix: eight clients at once meet what one meets.
func TestChaosOfManyClients(t *testing.T) {
	t.Parallel()
	run := func(clients int) []string {
		d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{sample.Generate(60, 1)}, Chaos: 0.3, Seed: 9})
		users := d.Snapshot()[0].Users
		var mu sync.Mutex
		var out []string
		var group sync.WaitGroup
		for c := range clients {
			group.Go(func() {
				for i := c; i < len(users); i += clients {
					for k := range 4 {
						code, _, _ := strings.Cut(d.play("PATCH", "/v1.0/users/"+users[i].ID, `{"jobTitle":"T"}`), " ")
						mu.Lock()
						out = append(out, fmt.Sprint(users[i].ID, " ", k, " ", code))
						mu.Unlock()
					}
				}
			})
		}
		group.Wait()
		slices.Sort(out)
		return out
	}
	if one, eight := run(1), run(8); !slices.Equal(one, eight) {
		t.Error("eight clients meet something else than one")
	}
}

// Chaos makes pages of any size up to what was asked, and seeds are random where nobody names one.
func TestChaosPages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{sample.Generate(1500, 1)}, Chaos: 0.01, Seed: 3})
	sizes := map[int]bool{}
	var seen []string
	for link := "/v1.0/users?$select=id&$top=999"; link != ""; {
		r := d.ask("GET", link, nil)
		if r.code != 200 {
			continue
		}
		list, _ := r.body["value"].([]any)
		sizes[len(list)] = true
		for _, x := range list {
			seen = append(seen, x.(map[string]any)["id"].(string))
		}
		link, _ = r.body["@odata.nextLink"].(string)
	}
	slices.Sort(seen)
	if len(seen) != 1500 || len(slices.Compact(seen)) != 1500 || len(sizes) < 2 || sizes[999] {
		t.Errorf("%d people on pages of %v", len(seen), sizes)
	}
	a, b := chaotic(t, 0).Statistics().Seed, chaotic(t, 0).Statistics().Seed
	if a == b || newDesk(t, emulator.Options{}).Statistics().Seed != 1 {
		t.Errorf("seeds %d and %d", a, b)
	}
}
