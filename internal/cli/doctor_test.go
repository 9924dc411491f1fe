package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/internal/cli"
)

// TestS1_57_DoctorOnTheEmulator: in order, the number is 0; with the secret of yesterday it is 1, and what to do is said.
func TestS1_57_DoctorOnTheEmulator(t *testing.T) {
	t.Parallel()
	e, stop := box(t, "--redirect", "http://localhost:8080/auth/callback")
	defer stop()
	folder := t.TempDir()
	examine := func(secret string, more ...string) (int, string, string) {
		env := []string{
			"NAMEPLATE_TENANT=" + e["tenant_id"], "NAMEPLATE_CLIENT_ID=" + e["client_id"], "NAMEPLATE_CLIENT_SECRET=" + secret, "NAMEPLATE_AUTHORITY=" + e["authority_http"],
			"NAMEPLATE_TOKEN_AUTHORITY=" + e["authority"], "NAMEPLATE_GRAPH=" + e["graph"], "NAMEPLATE_CA_FILE=" + e["ca_file"],
			"NAMEPLATE_DATABASE=" + filepath.Join(folder, "n.db"), "NAMEPLATE_KEY_FILE=" + filepath.Join(folder, "n.key"),
		}
		var out, errs bytes.Buffer
		code := cli.Main(t.Context(), cli.World{Args: append([]string{"doctor", "--config", file(t, "nameplate.yaml", "listen: 127.0.0.1:0\n")}, more...), Environ: env, Out: &out, Err: &errs})
		return code, out.String(), errs.String()
	}
	if code, out, errs := examine(e["client_secret"]); code != 0 || !strings.Contains(out, "there is no database yet") || !strings.Contains(out, "the redirect address is registered") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("the examination made %v, %v", left, err)
	}
	code, out, errs := examine("the secret of yesterday, canary-1234567890", "--json")
	var said struct {
		Findings []struct{ Code, Level, Do, Since string }
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != 1 || strings.Contains(out+errs, "canary") {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out, errs)
	}
	if f := said.Findings[0]; f.Code != "credential" || f.Level != "error" || f.Do == "" || f.Since == "" {
		t.Errorf("the worst is %+v", f)
	}
}
