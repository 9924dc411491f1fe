// Package release holds the tests of what make release makes. With -all each program is built twice, the second time in another folder
// with nothing remembered (make reproduce); without it this machine's own.
package release

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var all = flag.Bool("all", false, "build for every system, the second time with an empty cache")

const version = "v0.0.0-test"

// copied is the working tree in another folder: what is under version control, as it stands now.
func copied(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // taken away and not committed yet
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func build(t *testing.T, from, systems, to string, environ ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(from, "scripts/release.sh"), version, systems, to)
	cmd.Env = append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// list is what is looked at of a list of contents.
type list struct {
	Metadata struct {
		Component struct {
			Version string
			Hashes  []struct{ Content string }
		}
	}
	Components []struct {
		Name, Version string
		Licenses      []struct{ Expression string }
		Properties    []struct{ Name, Value string }
	}
}

// TestA48_G26_TheSameSourceGivesTheSameReleaseAndItsContents: built in two folders to the same bytes, without a trace of either; each list
// has exactly the modules in the program, pinned as go.sum has them, with the licenses that docs/reference/dependencies.md names.
func TestA48_G26_TheSameSourceGivesTheSameReleaseAndItsContents(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	systems, fresh := runtime.GOOS+"/"+runtime.GOARCH, []string{"GOFLAGS=-tags=none"} // what somebody has set changes nothing
	if *all {
		systems, fresh = "", append(fresh, "GOCACHE="+t.TempDir())
	}
	one, two := t.TempDir(), t.TempDir()
	build(t, here, systems, one)
	build(t, copied(t), systems, two, fresh...)
	sums := map[string]string{}
	for line := range strings.Lines(read(t, filepath.Join(one, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	entries, err := os.ReadDir(one)
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, e := range entries {
		name := e.Name()
		a, b := read(t, filepath.Join(one, name)), read(t, filepath.Join(two, name))
		if a != b {
			t.Errorf("%s is not the same when it is built elsewhere", name)
		}
		if sum := sha256.Sum256([]byte(a)); name != "SHA256SUMS" && sums[name] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s does not have the checksum %s", name, sums[name])
		}
		if strings.HasPrefix(name, "nameplate-") && !strings.HasSuffix(name, ".json") {
			programs = append(programs, name)
		}
	}
	if want := 1 + 5*map[bool]int{true: 1}[*all]; len(programs) != want || len(sums) != 2*want+1 || len(entries) != len(sums)+1 {
		t.Fatalf("programs %v, checksums of %d files, %d files", programs, len(sums), len(entries))
	}
	goSum, page, texts := read(t, "../../go.sum"), read(t, "../../docs/reference/dependencies.md"), read(t, filepath.Join(one, "LICENSES.txt"))
	roots, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		path := filepath.Join(one, program)
		data := []byte(read(t, path))
		for _, trace := range append(strings.Fields(string(roots)), here) {
			if bytes.Contains(data, []byte(trace+"/")) {
				t.Errorf("%s has a path of the machine that built it: %s", program, trace)
			}
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		if set["-trimpath"] != "true" || set["CGO_ENABLED"] != "0" || set["-tags"] != "" || set["vcs.revision"] != "" {
			t.Errorf("%s is built with %v", program, set)
		}
		if set["GOOS"] == "linux" {
			f, err := elf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
				t.Errorf("%s wants a loader, which the container does not have", program)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		var l list
		if err := json.Unmarshal([]byte(read(t, strings.TrimSuffix(path, ".exe")+".cdx.json")), &l); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); l.Metadata.Component.Version != version || l.Metadata.Component.Hashes[0].Content != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: the list is of %+v", program, l.Metadata)
		}
		want := map[string]string{"std": strings.TrimPrefix(info.GoVersion, "go")}
		for _, d := range info.Deps {
			want[d.Path] = d.Version
		}
		for _, c := range l.Components {
			if want[c.Name] != c.Version {
				t.Errorf("%s: the list has %s %s, the program %q", program, c.Name, c.Version, want[c.Name])
			}
			delete(want, c.Name)
			if len(c.Licenses) != 1 || !strings.Contains(texts, c.Name+" "+c.Version+": "+c.Licenses[0].Expression+"\n") {
				t.Errorf("%s: %s has the licenses %v, and LICENSES.txt not these", program, c.Name, c.Licenses)
				continue
			}
			if c.Name != "std" && (len(c.Properties) != 1 || !strings.Contains(goSum, c.Name+" "+c.Version+" "+c.Properties[0].Value+"\n")) {
				t.Errorf("%s: %s is not pinned by go.sum: %v", program, c.Name, c.Properties)
			}
			m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(c.Name) + ` \| \S+ \| ([^|]+) \|`).FindStringSubmatch(page)
			for id := range strings.SplitSeq(strings.Join(m[min(1, len(m)):], ""), " and ") { // the list may have more: what a module has taken from others
				if !strings.Contains(c.Licenses[0].Expression, id) {
					t.Errorf("%s: %s is under %s, the page says %s", program, c.Name, c.Licenses[0].Expression, id)
				}
			}
		}
		if len(want) > 0 {
			t.Errorf("%s: the list lacks %v", program, want)
		}
		if program != "nameplate-"+runtime.GOOS+"-"+runtime.GOARCH {
			continue
		}
		if out, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput(); err != nil || !strings.Contains(string(out), version) {
			t.Errorf("%s: %v %s", program, err, out)
		}
	}
}
