package journey

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/store/storetest"
)

// verb runs the program with the settings of this portal, beside it.
func (k *killed) verb(env []string, args ...string) (out string, code int) {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), program(k.t), args...)
	cmd.Dir, cmd.Env = k.dir, append(k.command("").Env, env...)
	b, _ := cmd.CombinedOutput()
	return string(b), cmd.ProcessState.ExitCode()
}

// writes counts what reached the directory of somebody's mobile phone.
func (k *killed) writes(value string) (n int) {
	for _, e := range k.emulator.Ledger(0) {
		if e.After["mobilePhone"] == value {
			n++
		}
	}
	return n
}

func text(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// One stop, pressed from beside the running portal, on both databases; with PostgreSQL two portals share it.
func TestA58_OneStopForAllWriting(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			second := freePort(t, 1)
			k := newKilledAmong(t, func(org *emulator.Organization) {
				org.Apps[0].Redirects = append(org.Apps[0].Redirects, "http://localhost:"+second+"/auth/callback", "http://localhost:"+second+"/signed-out")
			})
			health := "127.0.0.1:" + freePort(t, 1)
			var env []string
			if engine == "postgres" {
				env = []string{"NAMEPLATE_DATABASE=" + storetest.Postgres(t)}
			}
			w, _ := k.serve("", append(env, "NAMEPLATE_HEALTH_LISTEN="+health)...)
			portals := []*browser{w.signIn(w.who("member"))}
			if engine == "postgres" {
				other, _ := k.serve("", append(env, "NAMEPLATE_PUBLIC_URL=http://localhost:"+second, "NAMEPLATE_LISTEN=127.0.0.1:"+second)...)
				portals = append(portals, other.signIn(w.who("member")))
			}
			if got := text(t, "http://"+health+"/metrics"); !strings.Contains(got, "\nnameplate_writing_stopped{tenant=\""+w.TenantID+"\"} 0\n") {
				t.Errorf("before: %s", got)
			}
			if out, code := k.verb(env, "stop"); code != 2 || !strings.Contains(out, "--why") {
				t.Errorf("without a reason: %d %s", code, out)
			}
			if out, code := k.verb(env, "stop", "--why", "an incident"); code != 0 || !strings.Contains(out, "All writing is stopped.") {
				t.Fatalf("stop: %d %s", code, out)
			}
			if out, code := k.verb(env, "stop", "--why", "again"); code != 0 || !strings.Contains(out, "an incident") || strings.Contains(out, "API keys ended") {
				t.Errorf("a second stop: %d %s", code, out)
			}
			for _, b := range portals {
				b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 7001"}).says("All saving has been stopped", "Saving is stopped at the moment.")
				if !strings.Contains(b.body, "5550 7001") {
					t.Error("what was typed is gone")
				}
				b.get("/history").says("Saving is stopped at the moment.")
			}
			if n := k.writes("+81 90 5550 7001"); n != 0 {
				t.Errorf("%d writes while stopped", n)
			}
			if got := text(t, "http://"+health+"/metrics"); !strings.Contains(got, "\nnameplate_writing_stopped{tenant=\""+w.TenantID+"\"} 1\n") || strings.Contains(got, "incident") {
				t.Errorf("stopped: %s", got)
			}
			out, code := k.verb(env, "go", "--why", "over", "--json")
			var said struct{ Stopped, Changed bool }
			if err := json.Unmarshal([]byte(out), &said); err != nil || code != 0 || said.Stopped || !said.Changed {
				t.Errorf("go: %d %s", code, out)
			}
			for i, b := range portals {
				value := "+81 90 5550 700" + string(rune('2'+i))
				b.save("contact", map[string]string{"mobilePhone": value}).says("Saved")
				if n := k.writes(value); n != 1 {
					t.Errorf("%d writes after go", n)
				}
			}
			if got := text(t, "http://"+health+"/metrics"); !strings.Contains(got, `nameplate_changes_total{tenant="`+w.TenantID+`",state="applied"} 1`) || !strings.Contains(got, `nameplate_graph_requests_total{tenant="`+w.TenantID+`",code="429"} 0`) {
				t.Errorf("after: %s", got)
			}
		})
	}
}

// A backup taken in the middle of a change, restored elsewhere: the portal starts held, finds out by reading what became of the
// change, and writes nothing before and nothing unasked after somebody says go.
func TestA58_G12_RestoredIsHeld(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	w, died := k.serve("before-send:1")
	b := w.signIn(w.who("member"))
	b.get("/profile?edit=contact")
	form := b.form("/profile")
	form.Set("mobilePhone", "+81 90 5550 8001")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.Portal)
	if resp, err := b.http.Do(req); err == nil {
		_ = resp.Body.Close()
	}
	<-died
	file := filepath.Join(t.TempDir(), "backup")
	if out, code := k.verb(nil, "backup", file); code != 0 || !strings.Contains(out, "all in order") {
		t.Fatalf("backup: %d %s", code, out)
	}
	if out, code := k.verb(nil, "restore", file); code != 2 || !strings.Contains(out, "nothing is overwritten") {
		t.Errorf("over what is there: %d %s", code, out)
	}
	k.dir = t.TempDir() // another machine, with another key
	if out, code := k.verb(nil, "restore", file); code != 0 || !strings.Contains(out, "All writing is stopped") || !strings.Contains(out, "not ended at the time of the backup: 1") || !strings.Contains(out, "API keys ended: 0") {
		t.Fatalf("restore: %d %s", code, out)
	}
	w, _ = k.serve("")
	if !w.log.says("all writing is stopped until") {
		t.Error("the log does not say that it is held")
	}
	b = w.signIn(w.who("member"))
	for b.get("/history").says("+81 90 5550 8001"); strings.Contains(b.text(), "Being saved"); b.get("/history") {
		if t.Context().Err() != nil {
			t.Fatal("never settled")
		}
	}
	if out, code := k.verb(nil, "go", "--why", "looked at"); code != 0 || !strings.Contains(out, "Writing goes on.") {
		t.Errorf("go: %d %s", code, out)
	}
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 8002"}).says("Saved")
	if n, m := k.writes("+81 90 5550 8001"), k.writes("+81 90 5550 8002"); n != 0 || m != 1 {
		t.Errorf("%d writes that nobody asked for, %d that somebody did", n, m)
	}
}
