package journey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/emulator"
)

// F13: the server that applies a spreadsheet is killed by SIGKILL again and again; each time it comes back it goes on by itself, and in
// the end every row is in effect exactly once: report, ledger and directory agree.
func TestF13_APlanWhoseServerIsKilled(t *testing.T) {
	t.Parallel()
	const people, kills = 120, 4
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
	ask("POST", "/plans/"+id+"/apply", "application/json", []byte(fmt.Sprintf(`{"digest":%q,"people":%d}`, p["digest"], people)))
	for n := 1; n <= kills; n++ {
		written.wait(t, n*people/(kills+1))
		kill()
		kill = serve()
	}
	written.wait(t, people)
	tick, deadline := time.NewTicker(100*time.Millisecond), time.After(time.Minute) // what follows is only told by asking
	defer tick.Stop()
	for p = ask("GET", "/plans/"+id, "", nil); p["state"] != "done"; p = ask("GET", "/plans/"+id, "", nil) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it does not come to an end: %v %v", p["state"], p["fates"])
		}
	}
	if fates := fmt.Sprint(p["fates"]); fates != fmt.Sprintf("map[applied:%d]", people) {
		t.Errorf("the report: %s", fates)
	}
	seen := map[string]int{}
	for _, e := range k.emulator.Ledger(0) {
		if d, ok := e.After["department"].(string); ok {
			seen[d]++
		}
	}
	for i := range people {
		if want := fmt.Sprint("New ", i); seen[want] != 1 {
			t.Errorf("row %d was written %d times", i, seen[want])
		}
	}
	list := ask("GET", "/people?limit=999&filter="+"startsWith(department,'New')", "", nil)["people"].([]any)
	if len(list) != people {
		t.Errorf("%d people have what the file says", len(list))
	}
	kill()
}

// writes counts what a directory has accepted.
type writes struct{ at chan int }

func counted(e *emulator.Emulator) writes {
	w := writes{make(chan int, 10_000)}
	var n atomic.Int64
	e.OnWrite(func(emulator.Entry) { w.at <- int(n.Add(1)) })
	return w
}

// wait returns when so many writes were accepted.
func (w writes) wait(t *testing.T, n int) {
	t.Helper()
	for {
		select {
		case got := <-w.at:
			if got >= n {
				return
			}
		case <-time.After(time.Minute):
			t.Fatalf("the directory was not written %d times", n)
		}
	}
}
