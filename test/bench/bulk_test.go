package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/bench"
)

const (
	faster = 5                      // the service's clock, against the wall clock
	cut    = 1400 * time.Second     // of the service's clock: what is not written then is lost
	tick   = 500 * time.Millisecond // between two looks at the emulator's request log, which keeps 20,000 lines
)

// rows is how many people get another department.
var rows = flag.Int("rows", 10_000, "of the spreadsheets of BenchmarkBulk; the goals are said of 10,000")

// latency is of a request to Graph. The script runs a process for each: most of the time all of them wait for the quota.
var latency = flag.Duration("latency", 0, "of a request to Graph in BenchmarkBulk and BenchmarkChaos, in the service's clock")

// other is a client that is not ours. It is told what to do by a file, and knows nothing of who counts.
type other struct {
	name string
	run  func(ctx context.Context, b *testing.B, w world) error
}

// world is what a client of the comparison is told, as JSON: each person gets the department that their place in the list says.
type world struct {
	Graph string   `json:"graph"` // https
	Plain string   `json:"plain"` // http
	Token string   `json:"token"`
	CA    string   `json:"ca"`
	IDs   []string `json:"ids"`
	file  string
}

// beside is what one client did, counted by the emulator.
type beside struct {
	Client   string  `json:"client"`
	Latency  float64 `json:"latency_ms"`
	Requests float64 `json:"requests"` // of HTTP
	Outer    float64 `json:"outer429"`
	Inner    float64 `json:"inner429"` // inside answers to batches
	Accepted float64 `json:"accepted"`
	Lost     float64 `json:"lost"`
	Seconds  float64 `json:"seconds"` // of the service's clock
	Cut      bool    `json:"cut"`     // it was not ready after cut
	Rows     int     `json:"rows"`
	Scale    float64 `json:"scale"`
}

// BenchmarkBulk runs `nameplate bench bulk`, and other clients with the same changes against emulators with the same quotas, the
// same latency and the same clock, in turn.
func BenchmarkBulk(b *testing.B) {
	others := []other{
		{"loop in 16 workers, no retry", func(ctx context.Context, _ *testing.B, w world) error { return loop(ctx, w, 16, false) }},
		{"loop, one by one, obeys Retry-After", func(ctx context.Context, _ *testing.B, w world) error { return loop(ctx, w, 1, true) }},
		{"loop in 16 workers, obeys Retry-After", func(ctx context.Context, _ *testing.B, w world) error { return loop(ctx, w, 16, true) }},
		{"msgraph-sdk-go-core, $batch", func(ctx context.Context, b *testing.B, w world) error { return w.command(ctx, sdk(b), w.file) }},
		{"msgraph-sdk-go-core, $batch, failed ones again", func(ctx context.Context, b *testing.B, w world) error { return w.command(ctx, sdk(b), w.file, "again") }},
		{"microsoft-graph-client for JavaScript, 16 at a time", func(ctx context.Context, _ *testing.B, w world) error {
			return w.command(ctx, "node", "../clients/bulk.mjs", w.file)
		}},
	}
	for b.Loop() {
		tellBeside(b, ours(b, "--chaos", "0"))
		for _, o := range others {
			tellBeside(b, o.measure(b, *latency))
		}
	}
}

// BenchmarkChaos runs `nameplate bench bulk` while one request in twenty goes wrong.
func BenchmarkChaos(b *testing.B) {
	for b.Loop() {
		ours(b, "--only", "chaos")
	}
}

func tellBeside(b *testing.B, x beside) {
	b.Helper()
	j, err := json.Marshal(x)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("BESIDE %s\n", j)
}

// ours runs the verb, prints its figures, and picks those that are compared.
func ours(b *testing.B, flags ...string) beside {
	b.Helper()
	flags = append(flags, "--rows", strconv.Itoa(*rows), "--latency", latency.String(), "--scale", strconv.Itoa(faster), "--json")
	cmd := exec.CommandContext(b.Context(), binary(b), append([]string{"bench", "bulk"}, flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	x := beside{Client: "Nameplate", Latency: ms(*latency), Rows: *rows, Scale: faster}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Printf("FIGURE %s\n", lines.Text())
		var f bench.Figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			b.Fatal(err)
		}
		if scenario, what, _ := strings.Cut(f.Name, ": "); strings.Contains(scenario, " all changed; ") && f.Chaos == 0 {
			for name, into := range map[string]*float64{
				"answers 429": &x.Inner, "lost": &x.Lost, "writes accepted": &x.Accepted, "requests": &x.Requests, "time in the service's clock": &x.Seconds,
			} {
				if name == what {
					*into = f.Value
				}
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return x
}

// measure lets a client write to an emulator of its own.
func (o other) measure(b *testing.B, latency time.Duration) beside {
	b.Helper()
	p := start(b, "emulator", "--users", strconv.Itoa(*rows+*rows/3+100), "--latency", (latency / faster).String())
	defer stop(b, p)
	w := world{Graph: p.at("graph"), Plain: p.at("graph_http"), Token: p.token(b), CA: p.at("ca_file"), file: filepath.Join(b.TempDir(), "world.json")}
	w.IDs = list(b, &http.Client{}, w.Plain+"/v1.0/users?$top=999&$select=id,onPremisesSyncEnabled", w.Token, 1000)
	if len(w.IDs) < *rows {
		b.Fatalf("only %d people can be changed", len(w.IDs))
	}
	w.IDs = w.IDs[:*rows]
	j, err := json.Marshal(w)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(w.file, j, 0o600); err != nil {
		b.Fatal(err)
	}
	p.control(b, http.MethodPut, "/throttle", map[string]any{"on": true, "scale": faster}, nil)
	l := &requestLog{p: p}
	l.read(b, true)
	*l = requestLog{p: p, last: l.last}

	ctx, cancel := context.WithTimeout(b.Context(), cut/faster)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- o.run(ctx, b, w) }()
	x := beside{Client: o.name, Latency: ms(latency), Rows: *rows, Scale: faster}
	for running := true; running; {
		select {
		case err := <-done:
			if x.Cut = ctx.Err() != nil; err != nil && !x.Cut {
				b.Fatalf("%s: %v", o.name, err)
			}
			running = false
		case <-time.After(tick):
		}
		l.read(b, !running)
	}
	x.Requests, x.Outer, x.Inner, x.Seconds = l.requests, l.outer, l.inner, faster*l.until.Sub(l.from).Seconds()
	var ledger []struct {
		Op, Object string
		After      map[string]any
	}
	p.control(b, http.MethodGet, "/ledger", nil, &ledger)
	has := map[string]any{}
	for _, e := range ledger {
		if e.Op == "user.update" {
			has[e.Object] = e.After["department"]
			x.Accepted++
		}
	}
	for i, id := range w.IDs {
		if has[id] != department(i) {
			x.Lost++
		}
	}
	return x
}

func department(i int) string { return fmt.Sprintf("Department %d", i) }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// requestLog counts what the emulator says it was asked.
type requestLog struct {
	p                      *process
	last                   int64
	requests, outer, inner float64
	from, until            time.Time // of the first request, and of the last one
}

// read reads on; when the client has ended, what has no answer will have none.
func (l *requestLog) read(b *testing.B, ended bool) {
	b.Helper()
	var lines []struct {
		Seq    int64
		Time   time.Time
		Path   string
		Status int
		Inner  bool
	}
	l.p.control(b, http.MethodGet, fmt.Sprintf("/requests?after=%d", l.last), nil, &lines)
	for _, r := range lines {
		if r.Seq != l.last+1 && l.last > 0 {
			b.Fatalf("the request log has lost lines before %d", r.Seq)
		}
		if r.Status == 0 && !ended {
			return // still under way: it is read the next time
		}
		l.last = r.Seq
		refused := r.Status == http.StatusTooManyRequests
		switch {
		case !strings.HasPrefix(r.Path, "/v1.0/"):
			continue
		case r.Inner && refused:
			l.inner++
		case !r.Inner:
			if l.requests++; refused {
				l.outer++
			}
		}
		if l.from.IsZero() {
			l.from = r.Time
		}
		l.until = r.Time
	}
}

// loop is what a tutorial shows: a PATCH for each person, one by one or by some workers, and an answer that nobody or everybody heeds.
func loop(ctx context.Context, w world, workers int, obeys bool) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	var next atomic.Int64
	done := make(chan error, workers)
	for range workers {
		go func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= len(w.IDs) {
					done <- nil
					return
				}
				if err := set(ctx, client, w, i, obeys); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	var errs []error
	for range workers {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

func set(ctx context.Context, client *http.Client, w world, i int, obeys bool) error {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPatch, w.Plain+"/v1.0/users/"+w.IDs[i], strings.NewReader(fmt.Sprintf(`{"department":%q}`, department(i))))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+w.Token)
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests && obeys:
			s, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if err != nil {
				return err
			}
			select {
			case <-time.After(time.Duration(s) * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusNoContent:
			return nil
		default:
			return fmt.Errorf("PATCH: %s", resp.Status)
		}
	}
}

// command runs a client that is a program.
func (w world) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+w.CA)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %.2000s", err, said.Bytes())
	}
	return nil
}

// sdk builds the program in test/clients/go, which is a module of its own.
func sdk(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bulk")
	cmd := exec.Command("go", "build", "-o", path, "./bulk")
	cmd.Dir = "../clients/go"
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}
