package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nameplate/emulator"
)

// deltaMirror is a client that follows the protocol of delta and keeps a copy of what it is told:
// https://learn.microsoft.com/en-us/graph/delta-query-overview
type deltaMirror struct {
	start   string
	link    string
	round   bool // the link ends a round
	copy    map[string]map[string]any
	resyncs int
}

func newMirror(start string) *deltaMirror {
	return &deltaMirror{start: start, link: start, copy: map[string]map[string]any{}}
}

// step asks for one page. It is false when the answer was none that the client can use; then it asks the same again.
func (m *deltaMirror) step(d *desk) bool {
	r := d.ask("GET", m.link, nil)
	e, _ := r.body["error"].(map[string]any)
	code, _ := e["code"].(string)
	switch {
	case r.code == 410 || strings.EqualFold(code, "syncStateNotFound"):
		m.resyncs++
		m.link, m.round, m.copy = m.start, false, map[string]map[string]any{}
		if at := r.header.Get("Location"); at != "" {
			m.link = at
		}
		return true
	case r.code != 200:
		return false
	}
	for _, row := range r.items() {
		m.merge(row)
	}
	next, _ := r.body["@odata.nextLink"].(string)
	done, _ := r.body["@odata.deltaLink"].(string)
	m.link, m.round = next+done, done != ""
	return true
}

// merge takes a row over the copy of the object. A relationship is a set that items join and leave.
func (m *deltaMirror) merge(row map[string]any) {
	id := row["id"].(string)
	if row["@removed"] != nil {
		delete(m.copy, id)
		return
	}
	o := m.copy[id]
	if o == nil {
		o = map[string]any{}
		m.copy[id] = o
	}
	for name, v := range row {
		rel, isRel := strings.CutSuffix(name, "@delta")
		if !isRel {
			o[name] = v
			continue
		}
		set, _ := o[rel].(map[string]bool)
		if set == nil {
			set = map[string]bool{}
		}
		for _, x := range v.([]any) {
			item := x.(map[string]any)
			if item["@removed"] != nil {
				delete(set, item["id"].(string))
			} else {
				set[item["id"].(string)] = true
			}
		}
		o[rel] = set
	}
}

// settle follows the links to the end of a round that begins now.
func (m *deltaMirror) settle(t interface{ Fatal(args ...any) }, d *desk) {
	for ended := 0; ended < 2; {
		m.round = false
		for n := 0; !m.round; n++ {
			if m.step(d); n > 3000 {
				t.Fatal("the round does not end: " + m.link)
			}
		}
		ended++
	}
}

// plain is the copy without what is not set, and relationships as lists.
func (m *deltaMirror) plain(names ...string) map[string]string {
	out := map[string]string{}
	for id, o := range m.copy {
		out[id] = asText(o, names)
	}
	return out
}

func asText(o map[string]any, names []string) string {
	var b strings.Builder
	for _, n := range names {
		switch v := o[n].(type) {
		case nil:
		case map[string]bool:
			if len(v) > 0 {
				fmt.Fprintf(&b, "%s=%v ", n, slices.Sorted(maps.Keys(v)))
			}
		default:
			j, _ := json.Marshal(v)
			fmt.Fprintf(&b, "%s=%s ", n, j)
		}
	}
	return b.String()
}

// truth reads all objects as a listing has them, with a relationship.
func (d *desk) truth(path, rel string, names ...string) map[string]string {
	out := map[string]string{}
	for link := path; link != ""; {
		r := d.ask("GET", link, nil)
		if r.code != 200 {
			d.t.Fatalf("%s: %s", link, r.raw)
		}
		for _, o := range r.items() {
			set := map[string]bool{}
			switch v := o[rel].(type) {
			case map[string]any:
				set[v["id"].(string)] = true
			case []any:
				for _, x := range v {
					set[x.(map[string]any)["id"].(string)] = true
				}
			}
			o[rel] = set
			out[o["id"].(string)] = asText(o, names)
		}
		link, _ = r.body["@odata.nextLink"].(string)
	}
	return out
}

// tracked is what the mirrors of these tests keep of a person.
var tracked = []string{"displayName", "jobTitle", "officeLocation", "manager"}

const (
	trackedUsers = "http://graph.test/v1.0/users/delta?$select=displayName,jobTitle,officeLocation,manager"
	usersNow     = "http://graph.test/v1.0/users?$select=id,displayName,jobTitle,officeLocation&$expand=manager($select=id)&$top=999"
)

// writer changes people at random.
type writer struct {
	live, bin []string
	made      int
}

// write does one change; n decides which.
func (w *writer) write(d *desk, n func(name string, below int) int) {
	pick := func(list []string) string {
		if len(list) == 0 {
			return missing
		}
		return list[n("who", len(list))]
	}
	who := pick(w.live)
	move := func(id string, from, to *[]string) {
		if i := slices.Index(*from, id); i >= 0 {
			*from = slices.Delete(*from, i, i+1)
			*to = append(*to, id)
		}
	}
	var gone []string
	switch n("what", 10) {
	case 0:
		w.made++
		r := d.ask("POST", "/v1.0/users", fmt.Sprintf(`{"accountEnabled":true,"displayName":"New %d","mailNickname":"new%[1]d",
			"userPrincipalName":"new%[1]d@contoso.com","passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`, w.made))
		if id, ok := r.body["id"].(string); ok {
			w.live = append(w.live, id)
		}
	case 1:
		if d.ask("DELETE", "/v1.0/users/"+who, nil).code == 204 {
			move(who, &w.live, &w.bin)
		}
	case 2:
		id := pick(w.bin)
		if d.ask("POST", "/v1.0/directory/deletedItems/"+id+"/restore", nil).code == 200 {
			move(id, &w.bin, &w.live)
		}
	case 3:
		id := pick(w.bin)
		if d.ask("DELETE", "/v1.0/directory/deletedItems/"+id, nil).code == 204 {
			move(id, &w.bin, &gone)
		}
	case 4, 5:
		d.ask("PUT", "/v1.0/users/"+who+"/manager/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/`+pick(w.live)+`"}`)
	case 6:
		d.ask("DELETE", "/v1.0/users/"+who+"/manager/$ref", nil)
	default:
		value := []string{"null", `"A"`, `"B"`}[n("value", 3)]
		d.ask("PATCH", "/v1.0/users/"+who, `{"`+tracked[1+n("name", 2)]+`":`+value+`}`)
	}
}

func (d *desk) ids() []string {
	return slices.Sorted(maps.Keys(d.truth("http://graph.test/v1.0/users?$select=id&$top=999", "")))
}

// A copy kept by delta equals the directory after every sequence: writes between pages, answers that are lost, pages of any size,
// rows told again, changes told late, tokens that expire or are forgotten.
func TestG8_S5_20_F23_DeltaClientEqualsDirectory(t *testing.T) {
	t.Parallel()
	org := office()
	for i := range org.Users {
		org.Users[i].Roles = nil // so that an application may delete anybody
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	resyncs := 0
	rapid.Check(t, func(rt *rapid.T) {
		if err := d.Reset(); err != nil {
			rt.Fatal(err)
		}
		n := func(name string, below int) int { return rapid.IntRange(0, below-1).Draw(rt, name) }
		sizes := emulator.PageSizes{Delta: 1 + n("rows", 4), Links: 1 + n("links", 3), Replay: n("replay", 4), Remember: []int{0, 0, 0, 12}[n("remember", 4)]}
		if err := d.SetPages(sizes); err != nil {
			rt.Fatal(err)
		}
		by := d.app("User.ReadWrite.All", "Directory.Read.All")
		w := &writer{live: by.ids()}
		m := newMirror(trackedUsers)
		if n("from", 2) == 0 {
			m.settle(rt, by)
		}
		for range n("steps", 60) {
			switch n("step", 16) {
			case 0:
				d.Clock().Advance(8 * 24 * time.Hour)
				by = d.app("User.ReadWrite.All", "Directory.Read.All")
			case 1:
				d.Inject(emulator.Rule{Match: emulator.Match{Path: "delta", Nth: 1}, At: emulator.After, Do: emulator.Do{Status: 503}})
			case 2:
				d.Inject(emulator.Rule{Match: emulator.Match{Path: "delta", Nth: 1}, Do: emulator.Do{Page: []string{"empty", "repeat", "1"}[n("page", 3)]}})
			case 3:
				d.Inject(emulator.Rule{Match: emulator.Match{Method: []string{"PATCH", "POST"}[n("method", 2)], Nth: 1}, At: emulator.After, Do: emulator.Do{
					Stale: emulator.Duration(time.Hour), Flap: n("flap", 2) == 0,
				}})
			case 4, 5, 6, 7, 8:
				m.step(by)
			default:
				w.write(by, n)
			}
		}
		d.ClearFaults()
		m.settle(rt, by)
		resyncs += m.resyncs
		if diff := cmp.Diff(by.truth(usersNow, "manager", tracked...), m.plain(tracked...)); diff != "" {
			rt.Fatal("the copy is not the directory (-directory +copy):\n" + diff)
		}
	})
	if resyncs == 0 {
		t.Error("no token expired: the sequences are too tame")
	}
}

// The same while several writers write at once and the client pages as fast as it can.
func TestG8_S5_20_DeltaWhileOthersWrite(t *testing.T) {
	t.Parallel()
	org := office()
	for i := range org.Users {
		org.Users[i].Roles = nil
	}
	for i := range 40 {
		org.Users = append(org.Users, emulator.User{UPN: fmt.Sprintf("p%d@contoso.com", i), Values: map[string]any{"displayName": fmt.Sprint("P", i)}})
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}, Pages: emulator.PageSizes{Delta: 3, Links: 2}})
	ids := d.ids()
	done := make(chan struct{})
	var writers sync.WaitGroup
	for k := range 4 {
		writers.Go(func() {
			w := &writer{live: slices.Clone(ids[k*12 : k*12+12]), made: 1000 * (k + 1)}
			x := uint64(k + 1)
			for range 150 {
				w.write(d, func(_ string, below int) int {
					x = x*6364136223846793005 + 1442695040888963407
					return int(x>>33) % below
				})
			}
		})
	}
	go func() { writers.Wait(); close(done) }()
	m := newMirror(trackedUsers)
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		m.step(d)
	}
	m.settle(t, d)
	if diff := cmp.Diff(d.truth(usersNow, "manager", tracked...), m.plain(tracked...)); diff != "" {
		t.Fatal("the copy is not the directory (-directory +copy):\n" + diff)
	}
}
