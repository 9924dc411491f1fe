package journey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// F13, G1, G6: the server that applies a spreadsheet is killed by SIGKILL again and again, at moments that chance names; each time it comes
// back it goes on by itself, and in the end every row is in effect exactly once: file, report, ledger and directory agree (planBooks).
// `make soak` runs it long, with the share of each fault that FAULTS says.
func TestG1_F13_APlanWhoseServerIsKilled(t *testing.T) {
	t.Parallel()
	people, kills, seed, faults := 240, 4, uint64(1), 0.0
	if s := os.Getenv("G1_SOAK"); s != "" { // how long, and the share of each fault (F01–F10), as make soak says it
		if _, err := fmt.Sscanf(s, "%d,%d,%d,%g", &people, &kills, &seed, &faults); err != nil {
			t.Fatalf("G1_SOAK is people,kills,seed,faults: %v", err)
		}
	}
	aPlanIsKilled(t, people, kills, seed, faults)
}

// faulty is what the service does to a share of the requests, of each sort (F01, F02, F04, F05, F08, F10).
func faulty(e *emulator.Emulator, seed uint64, share float64) {
	const path = `^/v1\.0/users`
	second := emulator.Duration(time.Second)
	for i, r := range []emulator.Rule{
		{At: "before", Do: emulator.Do{Status: 429, RetryAfter: "0.2"}},
		{At: "before", Do: emulator.Do{Status: 429}},
		{At: "before", Do: emulator.Do{Status: 503}},
		{At: "before", Do: emulator.Do{Status: 504}},
		{At: "after", Do: emulator.Do{Status: 504}},
		{At: "after", Do: emulator.Do{Drop: true}},
		{At: "before", Do: emulator.Do{Drop: true}},
		{At: "before", Match: emulator.Match{Method: "PATCH"}, Do: emulator.Do{Stale: second, Flap: true}},
	} {
		r.ID, r.Match.Path, r.Match.Prob, r.Match.Seed = fmt.Sprint("g1-", i), path, share, seed
		e.Inject(r)
	}
}

func aPlanIsKilled(t *testing.T, people, kills int, seed uint64, faults float64) {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- repeatable by a seed
	upn := func(i int) string { return fmt.Sprintf("row%d@larkfield.example", i) }
	k := newKilledAmong(t, func(org *emulator.Organization) {
		for i := range people {
			org.Users = append(org.Users, emulator.User{UPN: upn(i), Values: map[string]any{"displayName": fmt.Sprint("Row ", i), "accountEnabled": true, "department": "Old"}})
		}
	})
	rules := filepath.Join(k.dir, "policy.yaml")
	text := "version: 1\nproperties:\n  displayName: {view: Nameplate.Admin}\n  userPrincipalName: {view: Nameplate.Admin}\n  department: {view: Nameplate.Admin, edit: Nameplate.Admin}\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	first := k.command("", "NAMEPLATE_POLICY="+rules)
	first.Args = []string{first.Args[0], "keys", "create", "rows", "--role", "Nameplate.Admin", "--scope", "people:read,people:write", "--why", "the nightly list", "--local", "--as", "json"}
	out, err := first.Output()
	var key struct{ Secret string }
	if err == nil {
		err = json.Unmarshal(out, &key)
	}
	if err != nil || key.Secret == "" {
		t.Fatalf("%v %s", err, out)
	}
	written := counted(k.emulator)

	var portal string
	serve := func() (kill func()) {
		cmd := k.command("", "NAMEPLATE_POLICY="+rules)
		var ended chan struct{}
		portal, _, ended = k.start(cmd)
		return func() { _ = cmd.Process.Kill(); <-ended }
	}
	ask := func(method, path, kind string, body []byte) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, portal+"/api/v1"+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key.Secret)
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		var o map[string]any
		if err := json.Unmarshal(b, &o); err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
		}
		return o
	}

	kill := serve()
	var file strings.Builder
	file.WriteString("userPrincipalName,department\n")
	for i := range people {
		fmt.Fprintf(&file, "%s,New %d\n", upn(i), i)
	}
	p := ask("POST", "/plans?name=rows.csv", "text/csv", []byte(file.String()))
	id := fmt.Sprint(p["id"])
	if faults > 0 {
		faulty(k.emulator, seed, faults)
	}
	ask("POST", "/plans/"+id+"/apply", "application/json", []byte(fmt.Sprintf(`{"digest":%q,"people":%d,"canary":-1}`, p["digest"], people)))
	start, back := time.Now(), time.Duration(0)
	at := make([]int, kills) // so many writes are accepted when it is killed
	for i := range at {
		at[i] = chance.IntN(people)
	}
	slices.Sort(at)
	for _, n := range at {
		written.wait(t, n)
		select { // between two writes, too
		case *written.last = <-written.at:
		case <-time.After(time.Duration(chance.IntN(300)) * time.Millisecond):
		}
		kill()
		restart := time.Now()
		kill = serve()
		if *written.last < people-1 { // the last write may have been lost, and was then sent again
			written.wait(t, *written.last+1)
			back = max(back, time.Since(restart))
		}
	}
	written.wait(t, people)
	tick, deadline := time.NewTicker(100*time.Millisecond), time.After(30*time.Minute) // what follows is only told by asking
	defer tick.Stop()
	for p = ask("GET", "/plans/"+id, "", nil); p["state"] != "done"; p = ask("GET", "/plans/"+id, "", nil) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it does not come to an end: %v %v", p["state"], p["fates"])
		}
	}
	t.Logf("%d rows, %d kills, seed %d, faults %v: %v; from a start to the next write at most %v", people, kills, seed, faults,
		time.Since(start).Round(time.Second), back.Round(time.Millisecond))
	planBooks{t, k, portal, key.Secret}.check(id, file.String())
	kill()
}

// writes counts what a directory has accepted.
type writes struct {
	at   chan int
	last *int
}

func counted(e *emulator.Emulator) writes {
	w := writes{make(chan int, 20_000), new(int)}
	var n atomic.Int64
	e.OnWrite(func(emulator.Entry) { w.at <- int(n.Add(1)) })
	return w
}

// wait returns when so many writes were accepted.
func (w writes) wait(t *testing.T, n int) {
	t.Helper()
	for *w.last < n {
		select {
		case *w.last = <-w.at:
		case <-time.After(10 * time.Minute):
			t.Fatalf("the directory was not written %d times", n)
		}
	}
}
