package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A60: taking out and forgetting what is kept of somebody: a reason is asked for, the file is its owner's only, forgetting wants the name
// once more, and the history tells both and stays whole.
func TestA60_DataExportAndForget(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.do(0, "users", "set", s.anna, "faxNumber=+49 30 5550101")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--user is missing", []string{"data", "export", "--why", "x"}},
		{"--why is missing", []string{"data", "export", "--user", s.anna}},
		{"--why is missing", []string{"data", "forget", "--user", s.anna, "--why", " "}},
		{"Without a terminal this needs: --yes", []string{"data", "forget", "--user", s.anna, "--why", "x"}},
		{"Nothing was done", []string{"data", "forget", "--user", s.anna, "--why", "x", "--yes", "somebody else"}},
		{"takes no argument", []string{"data", "export", s.anna}},
	} {
		if _, err := s.do(2, c.args...); !strings.Contains(err, c.want) {
			t.Errorf("%v: %q does not say %q", c.args, err, c.want)
		}
	}
	file := filepath.Join(t.TempDir(), "anna.json")
	s.do(0, "data", "export", "--user", s.anna, "--why", "she asked for it", "--out", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := os.Stat(file); err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("the file's rights: %v %v", at.Mode(), err)
	}
	var kept map[string]any
	if err := json.Unmarshal(b, &kept); err != nil || !strings.Contains(string(b), "+49 30 5550101") || kept["changesToTheProfile"] == nil {
		t.Errorf("%v: %s", err, b)
	}
	if _, err := s.do(2, "data", "export", "--user", s.anna, "--why", "x", "--out", file); !strings.Contains(err, "not there yet") {
		t.Errorf("a file that is there: %s", err)
	}
	if out, _ := s.do(0, "data", "export", "--user", s.anna, "--why", "once more"); !json.Valid([]byte(out)) {
		t.Errorf("standard output holds no JSON: %s", out)
	}
	s.do(1, "data", "export", "--user", "nobody@"+s.Domain, "--why", "x")

	out, _ := s.do(0, "data", "forget", "--user", s.anna, "--why", "request of 30 November", "--yes", s.anna)
	if !strings.Contains(out, "records") {
		t.Errorf("forget: %s", out)
	}
	if out, _ := s.do(0, "history", "list", "--top", "50", "--as", "json"); strings.Contains(out, "+49 30 5550101") || strings.Contains(out, "she asked for it") || strings.Count(out, `"do":"export"`) != 3 || !strings.Contains(out, "request of 30 November") {
		t.Errorf("the history after it: %s", out)
	}
	s.says("records", "history", "verify", "--server", s.Portal)
	if out := s.json("users", "get", s.anna); out["faxNumber"] != "+49 30 5550101" {
		t.Errorf("Microsoft 365 was touched: %v", out["faxNumber"])
	}
}
