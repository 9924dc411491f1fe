package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const guide = "../../../docs/guide/emulator"

// block is a fenced block of a page. Its role stands behind the language: install (not run: the versions are compared with those that the
// other tests use), start (the emulator), file=NAME, run, output (of the run before it).
type block struct{ lang, role, text string }

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func blocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		lang, role, _ := strings.Cut(m[1], " ")
		out = append(out, block{lang, role, m[2]})
	}
	return out
}

// TestGuide runs what the pages say, and nothing else: every block of every page.
func TestGuide(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(guide + "/*.md")
	if err != nil || len(pages) < 7 {
		t.Fatal(pages, err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-C", "../../..", "-o", bin+"/nameplate", "./cmd/nameplate").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, page := range pages {
		if filepath.Base(page) == "comparison.md" {
			continue // has nothing to run
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			follow(t, blocks(t, page), bin)
		})
	}
}

// follow does in an empty folder what a page says.
func follow(t *testing.T, page []block, bin string) {
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What the install blocks install is here already.
	if err := os.Symlink(filepath.Join(here, "../node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		module := strings.Replace(string(text), "module nameplate/test/clients/go", "module example", 1)
		write(name, strings.Replace(module, "=> ../../..", "=> "+filepath.Join(here, "../../.."), 1))
	}
	environment := append(os.Environ(), "PATH="+strings.Join([]string{bin, filepath.Join(here, "../m365/node_modules/.bin"), "/usr/bin", os.Getenv("PATH")}, ":"),
		"CLIMICROSOFT365_NOUPDATE=1", "GOFLAGS=-mod=mod", "NO_PROXY=", "no_proxy=")
	shell := func(text string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", text)
		cmd.Dir, cmd.Env = dir, environment
		return cmd
	}
	ran := 0
	var out []byte
	for _, b := range page {
		name, isFile := strings.CutPrefix(b.role, "file=")
		switch {
		case isFile:
			write(name, b.text)
		case b.role == "install":
			installed(t, b.text)
		case b.role == "start":
			start(t, shell(b.text), filepath.Join(dir, "emulator.json"))
		case b.role == "run":
			cmd := shell(b.text)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if out, err = cmd.Output(); err != nil {
				t.Fatalf("%s\n%v\n%s%s", b.text, err, out, errs.Bytes())
			}
			ran++
		case b.role == "output":
			if string(out) != b.text {
				t.Errorf("the page says\n%s\nand it is\n%s", b.text, out)
			}
		default:
			t.Errorf("a block %q %q: nobody tries it\n%s", b.lang, b.role, b.text)
		}
	}
	if ran == 0 {
		t.Error("the page has nothing to run")
	}
}

// start runs a start block until the test ends and waits for the emulator's line: emulator.json is a pipe while it is written.
func start(t *testing.T, cmd *exec.Cmd, file string) {
	t.Helper()
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // it may be gone
		_ = cmd.Wait()                                      // it was told to go
	})
	pipe, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	line, err := bufio.NewReader(pipe).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, line, 0o600); err != nil {
		t.Fatal(err)
	}
}

var versioned = regexp.MustCompile(`(\S+)@(v?\d[\w.-]*)`)

// installed compares the versions of an install block with those that the tests use.
func installed(t *testing.T, text string) {
	t.Helper()
	if strings.HasPrefix(text, "apt-get ") {
		for _, name := range strings.Fields(text)[2:] {
			if err := exec.Command("dpkg", "-s", name).Run(); err != nil {
				t.Errorf("%s is not installed: make clients installs it", name)
			}
		}
		return
	}
	found := versioned.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Errorf("%s names no version", text)
	}
	for _, m := range found {
		if !slices.Contains(pinned(t), m[1]+" "+m[2]) {
			t.Errorf("the page installs %s %s, the tests use another version", m[1], m[2])
		}
	}
}

// pinned are the versions of package.json and go.mod, as "name version".
func pinned(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, file := range []string{"../package.json", "../m365/package.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ Dependencies map[string]string }
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		for name, version := range p.Dependencies {
			all = append(all, name+" "+version)
		}
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) (v\S+)`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, fmt.Sprint(m[1], " ", m[2]))
	}
	return all
}
