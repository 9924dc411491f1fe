// Package bench measures what docs/reference/performance.md says. Each figure is one JSON line on standard output; counts come from
// the emulator, never from the client under test. Nothing here runs in make test: `make bench` runs it.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// figure prints one measured number.
func figure(b *testing.B, id, name string, value float64, unit string, more map[string]any) {
	b.Helper()
	line := map[string]any{"id": id, "name": name, "value": value, "unit": unit}
	for k, v := range more {
		line[k] = v
	}
	j, err := json.Marshal(line)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("FIGURE %s\n", j)
}

// spread is the median with the least and the most of several runs.
func spread(v []float64) (median float64, more map[string]any) {
	slices.Sort(v)
	return v[len(v)/2], map[string]any{"min": v[0], "max": v[len(v)-1], "runs": len(v)}
}

// given is a program that was built before: several benchmarks may run side by side.
var given = flag.String("nameplate", "", "the release program; it is built when it is not given")

// binary builds the release program once.
func binary(b *testing.B) string {
	b.Helper()
	if *given != "" {
		return *given
	}
	path, err := build()
	if err != nil {
		b.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), "nameplate-bench", "nameplate")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "nameplate/cmd/nameplate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// process is a running nameplate.
type process struct {
	cmd   *exec.Cmd
	ready map[string]any
	took  time.Duration // from its start to its ready line
}

// start runs a verb that prints one JSON line when it is ready.
func start(b *testing.B, args ...string) *process {
	b.Helper()
	return startWith(b, nil, args...)
}

// startWith is start with more variables in the environment.
func startWith(b *testing.B, environment []string, args ...string) *process {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary(b), append(args, "--json")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), environment...)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{cmd: cmd}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		cancel()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		b.Fatalf("%v did not become ready: %v", args, err)
	}
	p.took = time.Since(begun)
	if err := json.Unmarshal(line, &p.ready); err != nil {
		b.Fatalf("%s: %v", line, err)
	}
	return p
}

func (p *process) at(key string) string { s, _ := p.ready[key].(string); return s }

// memory is the process's resident memory in MiB.
func (p *process) memory(b *testing.B) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// cpu is the time that the process has had a core, all its threads together.
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		b.Fatalf("no schedstat: %v", err)
	}
	var all time.Duration
	for _, t := range threads {
		data, err := os.ReadFile(t)
		if err != nil {
			continue // a thread that has just ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(data), &ns); err != nil {
			b.Fatal(err)
		}
		all += time.Duration(ns)
	}
	return all
}

// token is the application's own token.
func (p *process) token(b *testing.B) string {
	b.Helper()
	resp, err := http.PostForm(p.at("authority_http")+"/"+p.at("tenant_id")+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {p.at("client_id")}, "client_secret": {p.at("client_secret")},
		"scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil || t.AccessToken == "" {
		b.Fatalf("no token: %v", err)
	}
	return t.AccessToken
}

// control calls the emulator's control listener.
func (p *process) control(b *testing.B, method, path string, body any, into any) {
	b.Helper()
	var r io.Reader
	if body != nil {
		j, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequest(method, p.at("control")+path, r)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		b.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, data)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			b.Fatalf("%s: %v", data, err)
		}
	}
}
