package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/go-cmp/cmp"

	"nameplate/emulator"
)

// Several clients write and read a few objects at once. Whatever came of it must look, object by object, like some order of single
// steps of the plain models below, each between its request and its answer.

// act is what was asked of an object.
type act struct {
	what   string
	values [3]string // of modelled; "" is not touched
	whom   string    // a manager, a member, who holds a name
}

var modelled = [3]string{"jobTitle", "officeLocation", "department"}

// valuesOf are the modelled properties of an answer.
func valuesOf(o map[string]any) (out [3]string) {
	for i, name := range modelled {
		out[i], _ = o[name].(string)
	}
	return out
}

// modelPerson is a person: the zero value is one that nobody made.
type modelPerson struct {
	made, live bool
	values     [3]string
	manager    string
}

func (p modelPerson) step(a act, r reply) (bool, modelPerson) {
	switch {
	case a.what == "create":
		return r.code == 201 && !p.made, modelPerson{made: true, live: true, values: a.values}
	case a.what == "restore" && !p.live:
		p.live = r.code == 200
		return p.made && (p.live || r.code == 400), p // 400: somebody else has the name, which modelName judges
	case !p.live || a.what == "restore":
		return r.code == 404, p
	}
	switch a.what {
	case "patch":
		for i, v := range a.values {
			if v != "" {
				p.values[i] = v
			}
		}
	case "read":
		return r.code == 200 && valuesOf(r.body) == p.values, p
	case "manager":
		if p.manager == "" {
			return r.code == 404, p
		}
		return r.code == 200 && r.body["id"] == p.manager, p
	case "manage":
		p.manager = a.whom
	case "unmanage":
		if p.manager == "" {
			return r.code == 404, p
		}
		p.manager = ""
	case "delete":
		p.live = false
	}
	return r.code == 204, p
}

// modelName is a userPrincipalName: the id of who holds it.
type modelName string

func (n modelName) step(a act, r reply) (bool, modelName) {
	switch {
	case a.what == "read" && r.code == 200:
		return n != "" && r.body["id"] == string(n), n
	case a.what == "read":
		return r.code == 404 && n == "", n
	case a.what == "delete":
		return string(n) == a.whom, ""
	case r.code == 400: // create, restore
		return n != "", n
	}
	return n == "", modelName(a.whom)
}

// modelGroup is a group: the ids of its members, in their order.
type modelGroup string

func (g modelGroup) step(a act, r reply) (bool, modelGroup) {
	list := strings.Fields(string(g))
	i, in := slices.BinarySearch(list, a.whom)
	switch {
	case a.what == "read":
		var ids []string
		for _, o := range r.items() {
			ids = append(ids, o["id"].(string))
		}
		slices.Sort(ids)
		return r.code == 200 && slices.Equal(ids, list), g
	case a.what == "add" && in:
		return r.code == 400, g
	case a.what == "remove" && !in:
		return r.code == 404, g
	case in:
		list = slices.Delete(list, i, i+1)
	default:
		list = slices.Insert(list, i, a.whom)
	}
	return r.code == 204, modelGroup(strings.Join(list, " "))
}

// plainly makes a model for the checker of what one step does.
func plainly[S comparable](step func(S, act, reply) (bool, S)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { var zero S; return zero },
		Step: func(state, in, out any) (bool, any) {
			ok, next := step(state.(S), in.(act), out.(reply))
			return ok, next
		},
	}
}

// history is what all clients asked and were answered.
type history struct {
	*desk
	server *emulator.Server
	tick   atomic.Int64 // numbers every request and every answer

	mu       sync.Mutex
	people   []string          // ids
	names    map[string]string // by id
	objects  map[string][]porcupine.Operation
	accepted map[string]string // writes by client-request-id
}

var (
	bosses = []string{"10000000-0000-4000-8000-000000000002", "10000000-0000-4000-8000-000000000003"}
	crews  = []string{"20000000-0000-4000-8000-00000000000a", "20000000-0000-4000-8000-00000000000b"}
	crowd  = []string{
		"10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000004", "10000000-0000-4000-8000-000000000005",
	}
)

func newHistory(t *testing.T) *history {
	t.Helper()
	org := office()
	for i, id := range crews {
		org.Groups = append(org.Groups, emulator.Group{ID: id, Name: fmt.Sprint("Crew ", i), Type: "security"})
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	s, err := d.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &history{
		desk: d.app("User.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"), server: s,
		names: map[string]string{}, objects: map[string][]porcupine.Operation{}, accepted: map[string]string{},
	}
}

// modelClient asks one request after the other, at random.
type modelClient struct {
	*history
	http   *http.Client
	number int
	count  int
	random *rand.Rand
	from   int64 // of the last request and its answer
	to     int64
}

func (h *history) client(number int, seed uint64) *modelClient {
	return &modelClient{
		history: h, http: &http.Client{Transport: &http.Transport{}}, number: number, random: rand.New(rand.NewPCG(seed, uint64(number))),
	}
}

func (c *modelClient) ask(method, path, body string) reply {
	c.count++
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", c.number+1, c.count)
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.GraphHTTP+"/v1.0"+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return reply{}
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Client-Request-Id", id)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	c.from = c.tick.Add(1)
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Error(err)
		return reply{}
	}
	raw, err := io.ReadAll(res.Body)
	c.to = c.tick.Add(1)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		c.t.Error(err)
	}
	out := reply{code: res.StatusCode, raw: raw}
	_ = json.Unmarshal(raw, &out.body) // 204 has none
	if method != "GET" && out.code < 300 {
		c.mu.Lock()
		c.accepted[id] = method + " " + path
		c.mu.Unlock()
	}
	return out
}

// note is what the last request was to an object: "person ID", "name UPN", "group ID".
func (c *modelClient) note(object string, a act, r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[object] = append(c.objects[object], porcupine.Operation{ClientId: c.number, Input: a, Output: r, Call: c.from, Return: c.to})
}

// person is somebody whom some client made, with the name they had then.
func (c *modelClient) person() (id, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.people) == 0 {
		return "", ""
	}
	id = c.people[c.random.IntN(len(c.people))]
	return id, c.names[id]
}

func (c *modelClient) create() {
	name := fmt.Sprintf("slot%d@contoso.com", c.random.IntN(3))
	a := act{what: "create", values: [3]string{"new", "new", "new"}}
	r := c.ask("POST", "/users", fmt.Sprintf(`{"accountEnabled":true,"displayName":"Slot","mailNickname":"slot","userPrincipalName":"%s",
		"passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"},"jobTitle":"new","officeLocation":"new","department":"new"}`, name))
	id, ok := r.body["id"].(string)
	if ok {
		c.note("person "+id, a, r)
		c.mu.Lock()
		c.people, c.names[id] = append(c.people, id), name
		c.mu.Unlock()
	}
	a.whom = id
	c.note("name "+name, a, r)
}

func (c *modelClient) patch(id string) {
	a := act{what: "patch"}
	body := map[string]string{}
	without := c.random.IntN(4) // 3 leaves none out
	for i, prop := range modelled {
		if i != without {
			a.values[i] = fmt.Sprintf("%d.%d", c.number, c.count)
			body[prop] = a.values[i]
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
	}
	c.note("person "+id, a, c.ask("PATCH", "/users/"+id, string(b)))
}

func (c *modelClient) read(id string) {
	c.note("person "+id, act{what: "read"}, c.ask("GET", "/users/"+id+"?$select=id,"+strings.Join(modelled[:], ","), ""))
}

// step asks one request.
func (c *modelClient) step() {
	reference := func(id string) string {
		return `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/` + id + `"}`
	}
	id, name := c.person()
	what := c.random.IntN(100)
	crew, whom := crews[c.random.IntN(len(crews))], crowd[c.random.IntN(len(crowd))]
	switch {
	case what < 6 || id == "":
		c.create()
	case what < 28:
		c.patch(id)
	case what < 46:
		c.read(id)
	case what < 54:
		boss := bosses[c.random.IntN(len(bosses))]
		c.note("person "+id, act{what: "manage", whom: boss}, c.ask("PUT", "/users/"+id+"/manager/$ref", reference(boss)))
	case what < 59:
		c.note("person "+id, act{what: "unmanage"}, c.ask("DELETE", "/users/"+id+"/manager/$ref", ""))
	case what < 67:
		c.note("person "+id, act{what: "manager"}, c.ask("GET", "/users/"+id+"/manager?$select=id", ""))
	case what < 71:
		r := c.ask("DELETE", "/users/"+id, "")
		c.note("person "+id, act{what: "delete"}, r)
		if r.code == 204 {
			c.note("name "+name, act{what: "delete", whom: id}, r)
		}
	case what < 77:
		r := c.ask("POST", "/directory/deletedItems/"+id+"/restore", "")
		c.note("person "+id, act{what: "restore"}, r)
		if r.code != 404 {
			c.note("name "+name, act{what: "restore", whom: id}, r)
		}
	case what < 81:
		c.note("name "+name, act{what: "read"}, c.ask("GET", "/users/"+name+"?$select=id", ""))
	case what < 88:
		c.note("group "+crew, act{what: "add", whom: whom}, c.ask("POST", "/groups/"+crew+"/members/$ref", reference(whom)))
	case what < 94:
		c.note("group "+crew, act{what: "remove", whom: whom}, c.ask("DELETE", "/groups/"+crew+"/members/"+whom+"/$ref", ""))
	default:
		c.note("group "+crew, act{what: "read"}, c.ask("GET", "/groups/"+crew+"/members?$select=id", ""))
	}
}

// run lets clients loose and, when they are done, reads everybody once more.
func (h *history) run(clients, steps int) {
	seed := rand.Uint64()
	h.t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			c := h.client(n, seed)
			defer c.http.CloseIdleConnections()
			for range steps {
				c.step()
			}
		})
	}
	all.Wait()
	c := h.client(clients, seed)
	defer c.http.CloseIdleConnections()
	for _, id := range h.people {
		c.read(id)
	}
}

// violations are the objects whose history no order explains.
func (h *history) violations() []string {
	models := map[string]porcupine.Model{"person": plainly(modelPerson.step), "name": plainly(modelName.step), "group": plainly(modelGroup.step)}
	var out []string
	for _, object := range slices.Sorted(maps.Keys(h.objects)) {
		kind, _, _ := strings.Cut(object, " ")
		switch res := porcupine.CheckOperationsTimeout(models[kind], h.objects[object], time.Minute); res {
		case porcupine.Ok:
		case porcupine.Illegal:
			out = append(out, object)
		default:
			h.t.Errorf("%s: %s", object, res)
		}
	}
	return out
}

// tell writes the history of an object, in the order of the requests.
func (h *history) tell(object string) string {
	var b strings.Builder
	list := slices.SortedFunc(slices.Values(h.objects[object]), func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
	for _, o := range list {
		r := o.Output.(reply)
		fmt.Fprintf(&b, "%4d-%-4d %v: %d %s\n", o.Call, o.Return, o.Input, r.code, r.raw)
	}
	return b.String()
}

// replay makes the directory again from the ledger, which must say of every value what it was before.
func (h *history) replay() map[string]string {
	state := map[string]map[string]any{}
	gone := map[string]bool{}
	left := maps.Clone(h.accepted)
	entries := h.Ledger(0)
	for i, e := range entries {
		if e.Seq != int64(i+1) {
			h.t.Errorf("entry %d has the number %d", i+1, e.Seq)
		}
		if left[e.ClientID] == "" {
			h.t.Errorf("%s of %s was not accepted, or is there twice", e.Op, e.ClientID)
		}
		delete(left, e.ClientID)
		o := state[e.Object]
		if o == nil {
			o = map[string]any{}
			state[e.Object] = o
		}
		switch e.Op {
		case "user.delete", "user.restore":
			gone[e.Object] = e.Op == "user.delete"
		case "group.member.add", "group.member.remove":
			for _, x := range e.After["members"].([]any) {
				o[x.(string)] = true
			}
			for _, x := range e.Before["members"].([]any) {
				delete(o, x.(string))
			}
		default:
			for name, was := range e.Before {
				if !slices.Contains(modelled[:], name) && name != "manager" {
					continue
				}
				if o[name] != was {
					h.t.Errorf("%s of %s: %s was %v, not %v", e.Op, e.Object, name, o[name], was)
				}
				if o[name] = e.After[name]; o[name] == nil {
					delete(o, name)
				}
			}
		}
	}
	for id, what := range left {
		h.t.Errorf("%s (%s) was accepted and is not in the ledger", what, id)
	}
	for _, op := range []string{
		"user.create", "user.update", "user.manager.set", "user.manager.remove", "user.delete", "user.restore", "group.member.add", "group.member.remove",
	} {
		if !slices.ContainsFunc(entries, func(e emulator.Entry) bool { return e.Op == op }) {
			h.t.Errorf("no %s: the history is too tame", op)
		}
	}
	out := map[string]string{}
	for id, o := range state {
		if !gone[id] {
			out[id] = fmt.Sprint(o)
		}
	}
	return out
}

// now is the directory as a snapshot has it, of the objects that the clients write.
func (h *history) now() map[string]string {
	out := map[string]string{}
	org := h.Snapshot()[0]
	ids := map[string]string{}
	for _, u := range org.Users {
		ids[u.UPN] = u.ID
	}
	for _, u := range org.Users {
		if h.names[u.ID] == "" {
			continue
		}
		o := map[string]any{}
		for _, name := range modelled {
			o[name] = u.Values[name]
		}
		if u.Manager != "" {
			o["manager"] = ids[u.Manager]
		}
		out[u.ID] = fmt.Sprint(o)
	}
	for _, g := range org.Groups {
		if slices.Contains(crews, g.ID) {
			o := map[string]any{}
			for _, name := range g.Members {
				o[ids[name]] = true
			}
			out[g.ID] = fmt.Sprint(o)
		}
	}
	return out
}

// Histories of several clients are linearizable for each object, the ledger has every accepted write once and no other, and replayed
// it gives the directory.
func TestModelLinearizable(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.run(6, 100)
	for _, object := range h.violations() {
		t.Errorf("no order explains %s:\n%s", object, h.tell(object))
	}
	if diff := cmp.Diff(h.now(), h.replay()); diff != "" {
		t.Errorf("the ledger does not give the directory (-directory +ledger):\n%s", diff)
	}
}

// The checker is not blind: reads that show what was before a write have no order.
func TestModelFindsStaleReads(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH"}, Do: emulator.Do{Stale: emulator.Duration(time.Hour)}})
	h.run(3, 60)
	if len(h.violations()) == 0 {
		t.Error("stale reads were not noticed")
	}
}
