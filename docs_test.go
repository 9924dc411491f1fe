package nameplate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every direct dependency has a line with its reason, and no line outlives its dependency.
func TestDependenciesHaveReasons(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	direct := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:require )?(\S+\.\S+/?\S*) (v\S+)$`).FindAllStringSubmatch(read("go.mod"), -1) {
		direct[m[1]] = m[2]
	}
	if len(direct) < 10 {
		t.Fatalf("go.mod names only %d direct dependencies: the test does not read it", len(direct))
	}
	page := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\S+\.\S+) \| (v\d\S+) \| [^|]+ \| [^|]+ \|$`).FindAllStringSubmatch(read("docs/reference/dependencies.md"), -1) {
		page[m[1]] = m[2]
	}
	for module, version := range direct {
		if page[module] != version {
			t.Errorf("%s %s has no line with its reason in docs/reference/dependencies.md (there: %q)", module, version, page[module])
		}
	}
	for module := range page {
		if direct[module] == "" {
			t.Errorf("docs/reference/dependencies.md names %s, which go.mod does not need", module)
		}
	}
	if len(direct) > 22 {
		t.Errorf("%d direct dependencies: 22 is the most", len(direct))
	}
}

// The questions that people ask again and again have their answer in the guide: what a permission alone does not do, who may write what,
// accounts of customers, and what is mastered on-premises.
func TestC6_C7_C8_C17_TheGuideSaysWhatCannotBeDone(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := strings.Join(strings.Fields(string(b)), " ")
	for id, want := range map[string]string{
		"C6":  "need a directory role of the application's service principal beside the permission",
		"C7":  "[reference/properties.md](reference/properties.md) says it property by property",
		"C8":  "Tokens of a user flow open no Microsoft Graph, so such accounts cannot sign in here",
		"C17": "What is mastered on-premises can be read and not written, by no permission",
	} {
		if !strings.Contains(guide, want) {
			t.Errorf("%s: docs/start.md does not say %q", id, want)
		}
	}
}

// S1.46 to S1.56 and S1.62: the twelve steps of the registration stand in the guide, with our least permissions instead of the
// tutorial's, and the five kinds of links.
func TestS1_46to56_RegistrationGuide(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := strings.Join(strings.Fields(string(b)), " ")
	for id, want := range map[string]string{
		"S1.46": "Sign in to the [Microsoft Entra admin center]",
		"S1.47": "App registrations",
		"S1.48": "New registration",
		"S1.49": "Accounts in this organizational directory only",
		"S1.50": "Choose **Register**",
		"S1.51": "note the **Application (client) ID** and the **Directory (tenant) ID**",
		"S1.52": "copy its **Value** now: it is not shown again",
		"S1.53": "API permissions → Add a permission → Microsoft Graph",
		"S1.54": "| Delegated | `User.Read` |",
		"S1.55": "| `profiles` | `Directory.Read.All`, `User.ReadUpdate.All` |",
		"S1.56": "Grant admin consent",
		"S1.58": "`Directory.AccessAsUser.All` and `Directory.ReadWrite.All`, which tutorials ask for, are not needed",
		"S1.62": "Graph Explorer",
		"S5.22": "enter your public address followed by `/auth/callback`",
		"S5.23": "| feature | Application permissions | what for | |---|---|---| | `profiles` | `Directory.Read.All`,",
		"S5.24": "| Delegated | `User.ReadWrite` |",
		"S5.25": "Changing permissions later means granting consent again. `nameplate doctor` says which permission is missing",
		"S5.26": "| `groups` | `GroupMember.ReadWrite.All` |",
		"S5.27": "New client secret** and copy its **Value** now: it is not shown again",
		"S5.28": "`NAMEPLATE_CLIENT_SECRET_FILE`",
		"S5.29": "Then **Grant admin consent**",
		"S5.30": "nameplate doctor # proves sign-in, permissions, credential, clock and redirect address",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(guide, want) {
				t.Errorf("docs/start.md does not say %q", want)
			}
		})
	}
}

// `make test` on a machine that lacks what the tests need says so, with the name of each thing and the way to it, and fails.
func TestMakeTestSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, name := range []string{"bash", "dirname", "grep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "bash"), "scripts/tools.sh", "need", "0.0.0")
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("nothing is missing, it says:\n%s", out)
	}
	for _, want := range []string{"missing: chromium", "missing: nodejs", "missing: axe-core 0.0.0", "make tools"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
