package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// graph asks the directory itself, as another program does.
func (s *server) graph(method, path string, body ...string) (status int, out map[string]any) {
	s.t.Helper()
	token, err := s.Emulator.Mint(emulator.Token{Client: s.ClientID})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.GraphHTTP+"/v1.0"+path, strings.NewReader(strings.Join(body, "")))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			s.t.Fatal(err)
		}
	}
	return resp.StatusCode, out
}

func (s *server) ids(path string) (ids []string) {
	s.t.Helper()
	_, page := s.graph(http.MethodGet, path)
	for _, o := range page["value"].([]any) {
		ids = append(ids, o.(map[string]any)["id"].(string))
	}
	return ids
}

// What the commands of an application that keeps users, groups and managers in a database do, here.
func TestS5_10to17_S5_21_SyncOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	if o := s.json("sync", "status"); o["asOf"] != nil || o["people"] != 0.0 || o["running"] != false {
		t.Errorf("before the first round: %v", o)
	}
	s.says("There is no whole copy yet.", "sync", "status")
	s.says(s.anna, "users", "get", s.anna) // S5.10: is the directory there
	people, groups := len(s.ids("/users?$top=999&$select=id")), len(s.ids("/groups?$top=999&$select=id"))
	first := s.json("sync")
	if first["people"] != float64(people) || first["groups"] != float64(groups) || first["asOf"] == nil || first["managed"] == 0.0 || first["memberships"] == 0.0 || first["gone"] != 0.0 {
		t.Errorf("the first round, of %d people and %d groups: %v", people, groups, first)
	}
	s.says(fmt.Sprintf("People: %d (with a manager: ", people), "sync", "status")
	s.do(0, "users", "delete", s.anna, "--yes", s.anna) // S5.15
	second := s.json("sync")
	if second["people"] != float64(people-1) || second["gone"] != 1.0 || second["asOf"] == first["asOf"] || second["full"] != first["full"] {
		t.Errorf("after one has gone: %v", second)
	}
	if n, _ := second["requests"].(float64); n == 0 || n >= first["requests"].(float64) {
		t.Errorf("%v requests for what changed, %v for everything", n, first["requests"])
	}
	if o := s.json("sync", "status"); fmt.Sprint(o) != fmt.Sprint(second) {
		t.Errorf("the status %v is not what the round said: %v", o, second)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sync", "now"}, "takes no argument"},
		{[]string{"sync", "status", "all"}, "takes no argument"},
		{[]string{"sync", "accept"}, "takes how many are held"},
		{[]string{"sync", "accept", "many"}, `"many" is no number`},
		{[]string{"sync", "accept", "0"}, "is no number"},
		{[]string{"sync", "--as", "xml"}, "table, json or csv"},
	} {
		if _, err := s.do(2, c.args...); !strings.Contains(err, c.want) {
			t.Errorf("%v: %q does not say %q", c.args, err, c.want)
		}
	}
	if _, err := s.do(4, "sync", "accept", "5"); !strings.Contains(err, "0 people and groups are held, not 5") {
		t.Errorf("nobody is held: %s", err)
	}
}

// Several who ask for a round at the same time get one, and all of them its end.
func TestS5_11_RoundsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := serve(t)
	people := len(s.ids("/users?$top=999&$select=id"))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if code, out, err := run(t, s.environ, "sync"); code != 0 || !strings.Contains(out, fmt.Sprintf("People: %d ", people)) {
				t.Errorf("exit %d: %s%s", code, out, err)
			}
		})
	}
	wait.Wait()
}

// More than a share of everybody goes only with its number.
func TestS5_15_F20_HeldOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serveOf(t, app.DemoOptions{People: 60})
	s.do(0, "sync")
	gone := 0
	for _, id := range s.ids("/users?$top=999&$select=id") {
		if gone < 25 {
			if status, _ := s.graph(http.MethodDelete, "/users/"+id); status == http.StatusNoContent { // who has a role is not for an application
				gone++
			}
		}
	}
	out, say := s.do(5, "sync")
	if !strings.Contains(say, "25 people and groups are missing at once") || !strings.Contains(say, "nameplate sync accept 25") || !strings.Contains(out, "Gone: 0.") {
		t.Errorf("held: %s%s", out, say)
	}
	if _, say := s.do(5, "sync", "status", "--as", "json"); !strings.Contains(say, "accept 25") {
		t.Errorf("the status: %s", say)
	}
	if _, say := s.do(4, "sync", "accept", "24"); !strings.Contains(say, "25 people and groups are held, not 24") {
		t.Errorf("another number: %s", say)
	}
	if out, _ := s.do(0, "sync", "accept", "25"); !strings.Contains(out, "Gone: 25.") {
		t.Errorf("accepted: %s", out)
	}
}

// A server that goes away during a round ends the waiting with its word and number.
func TestS5_11_TheServerGoesAwayDuringARound(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"running":true,"doing":"people"}`))
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":503,"title":"Unavailable","detail":"The database does not answer.","code":"unavailable"}`))
	}))
	t.Cleanup(away.Close)
	code, _, err := run(t, []string{"NAMEPLATE_SERVER=" + away.URL, "NAMEPLATE_API_KEY=npk_x"}, "sync")
	if code != 5 || !strings.Contains(err, "The database does not answer.") {
		t.Errorf("exit %d: %s", code, err)
	}
}

// What was changed here names its entry, what was changed elsewhere says so, both with the time between which it was.
func TestS5_14to17_ChangesHereAndElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.do(0, "sync")
	if out, _ := s.do(0, "sync", "changes", "--as", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("of the first round: %s", out)
	}
	anna, ben := s.json("users", "get", s.anna), s.Users[1].UPN
	set := s.json("users", "set", s.anna, "department=Sales", "city=Kiel")["entry"].(string)
	if status, _ := s.graph(http.MethodPatch, "/users/"+anna["id"].(string), `{"jobTitle":"Pilot"}`); status != http.StatusNoContent {
		t.Fatal(status)
	}
	gone := s.json("users", "delete", ben, "--yes", ben)["entry"].(string)
	s.do(0, "sync")
	noticed := func(args ...string) (l []map[string]any) {
		t.Helper()
		out, _ := s.do(0, append([]string{"sync", "changes", "--as", "json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	of := map[string]string{}
	for _, e := range noticed("--on", s.anna) {
		after, before := e["after"].(string), e["noticed"].(string)
		if e["object"] == "member" { // the department has put her into another group
			continue
		}
		if e["what"] != "changed" || e["name"] != anna["displayName"] || after >= before {
			t.Errorf("%v", e)
		}
		for name, v := range e["new"].(map[string]any) {
			entry, _ := e["entry"].(string)
			of[name] = fmt.Sprintf("%v → %v %s", e["old"].(map[string]any)[name], v, entry)
		}
	}
	want := map[string]string{
		"department": fmt.Sprintf("%v → Sales %s", anna["department"], set), "city": fmt.Sprintf("%v → Kiel %s", anna["city"], set), "jobTitle": fmt.Sprintf("%v → Pilot ", anna["jobTitle"]),
	}
	if !maps.Equal(of, want) {
		t.Errorf("%v\nwant %v", of, want)
	}
	all := noticed()
	if !slices.ContainsFunc(all, func(e map[string]any) bool { return e["what"] == "deleted" && e["entry"] == gone }) {
		t.Errorf("the deletion %s is not in %v", gone, all)
	}
	if l := noticed("--top", "1"); len(l) != 1 || l[0]["seq"] != all[0]["seq"] {
		t.Errorf("the newest: %v", l)
	}
	if l := noticed("--from", all[0]["noticed"].(string), "--until", all[0]["noticed"].(string)); len(l) != 0 {
		t.Errorf("no time: %v", l)
	}
	s.says("outside Nameplate", "sync", "changes")
	s.do(2, "sync", "changes", "--from", "yesterday")
	s.do(1, "sync", "changes", "--on", "nobody@"+s.Domain)
}
