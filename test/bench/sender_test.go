package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who sends probes (A45) is a process of its own, this test program started again, so that it can have a core to itself, as a stranger's
// machine would be. It reads orders from its standard input and answers each with one line.

const senderVariable = "NAMEPLATE_BENCH_SENDER"

func TestMain(m *testing.M) {
	if os.Getenv(senderVariable) != "" {
		if err := send(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// target is whom a sender sends to, as somebody who is signed in there and has a key.
type target struct{ Base, Cookie, Form, Key, Person string }

// order begins a round of these kinds, each so often a second; no kind ends it. Flood sends as fast as it is answered, from two clients.
type order struct {
	Kinds     []string
	PerSecond int
	Flood     bool
}

// tally is what became of the probes of a round. One that smuggles may meet 501, which is what RFC 9112 (6.1) wants of a transfer coding
// that a server does not know.
type tally struct {
	Sent, Refused, Late, Cut, Unknown, Served, Waiting int64
	Other                                              []string
}

func (t *tally) add(o tally) {
	t.Sent, t.Refused, t.Late, t.Cut = t.Sent+o.Sent, t.Refused+o.Refused, t.Late+o.Late, t.Cut+o.Cut
	t.Unknown, t.Served, t.Waiting = t.Unknown+o.Unknown, t.Served+o.Served, t.Waiting+o.Waiting
	t.Other = append(t.Other, o.Other...)
}

// kinds are the probes that A45 names.
var kinds = []string{"request smuggling", "slow headers", "huge headers", "a million form fields", "deep JSON", "gzip bomb"}

// sender is that process, as whoever starts it sees it.
type sender struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startSender starts it on one core.
func startSender(b *testing.B, core string, to target) *sender {
	b.Helper()
	cmd := exec.Command("taskset", "-c", core, os.Args[0], "-test.run", "^$")
	cmd.Env = append(os.Environ(), senderVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s := &sender{cmd, in, bufio.NewReader(out)}
	s.ask(b, to, nil)
	return s
}

func (s *sender) ask(b *testing.B, what any, answer any) {
	b.Helper()
	if err := json.NewEncoder(s.in).Encode(what); err != nil {
		b.Fatal(err)
	}
	line, err := s.out.ReadBytes('\n')
	if err == nil && answer != nil {
		err = json.Unmarshal(line, answer)
	}
	if err != nil {
		b.Fatalf("the sender: %v", err)
	}
}

func (s *sender) begin(b *testing.B, o order) { b.Helper(); s.ask(b, o, nil) }

func (s *sender) end(b *testing.B) (t tally) { b.Helper(); s.ask(b, order{}, &t); return t }

func (s *sender) stop(b *testing.B) {
	b.Helper()
	_ = s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		b.Fatalf("the sender: %v", err)
	}
}

// send is that process.
func send(in io.Reader, out io.Writer) error {
	orders := json.NewDecoder(in)
	var to target
	if err := orders.Decode(&to); err != nil {
		return err
	}
	host := strings.TrimPrefix(to.Base, "http://")
	probes := to.probes(host)
	fmt.Fprintln(out, "{}")
	var now *round
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if len(o.Kinds) == 0 && !o.Flood {
			line, err := json.Marshal(now.stop())
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\n", line)
			continue
		}
		now = &round{host: host, probes: probes, over: make(chan struct{})}
		if err := now.begin(o, to); err != nil {
			return err
		}
		fmt.Fprintln(out, "{}")
	}
}

// probes are the requests of each kind, as they go over the wire. Where one comes too early to be refused for what it is, it would prove
// nothing; so each is sent by somebody who is signed in or has a key, to an address that takes what it looks like.
func (to target) probes(host string) map[string][]string {
	const urlencoded = "application/x-www-form-urlencoded"
	head := func(method, path string, more ...string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + to.Base + "\r\nCookie: " + to.Cookie + "\r\n" + strings.Join(append(more, "", ""), "\r\n")
	}
	post := func(kind, body string, more ...string) string {
		return head("POST", "/profile", append([]string{"Content-Type: " + kind, "Content-Length: " + strconv.Itoa(len(body))}, more...)...) + body
	}
	patch := func(body string) string {
		return "PATCH /api/v1/people/" + to.Person + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + to.Key +
			"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	hidden := head("GET", "/profile")
	smuggle := func(more ...string) string {
		return head("POST", "/profile", append([]string{"Content-Type: " + urlencoded}, more...)...) + "0\r\n\r\n" + hidden
	}
	fields := func(n int) string { return to.Form + strings.Repeat("&a=", n) }
	return map[string][]string{
		"request smuggling": {
			smuggle("Content-Length: 5", "Transfer-Encoding: chunked"),
			smuggle("Content-Length: 5", "Content-Length: 6"),
			smuggle("Content-Length: 5", "Transfer-Encoding : chunked"),
			smuggle("Content-Length: 5", "Transfer-Encoding: xchunked"),
			head("GET", "/profile", "Content-Length: "+strconv.Itoa(len(hidden))) + hidden,
		},
		"huge headers":          {head("GET", "/profile", "X-Large: "+strings.Repeat("x", 100<<10)), head("GET", "/profile", strings.Repeat("X-Many: x\r\n", 10_000)+"X-Last: x")},
		"a million form fields": {post(urlencoded, fields(1_000_000)), post(urlencoded, fields(300_000))}, // the second is shorter than 1 MB
		"deep JSON":             {patch(strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)), patch(strings.Repeat("[", 1_000_000)), post("application/json", strings.Repeat("[", 100_000))},
		"gzip bomb":             {post(urlencoded, bomb(), "Content-Encoding: gzip"), strings.Replace(patch(bomb()), "Content-Type", "Content-Encoding: gzip\r\nContent-Type", 1)},
		"flood":                 {head("GET", "/profile")},
	}
}

// round is what a sender is doing.
type round struct {
	host   string
	probes map[string][]string
	over   chan struct{}
	under  sync.WaitGroup
	mu     sync.Mutex
	slow   []net.Conn
	tally
}

// begin starts the order; of slow headers a hundred connections stand before it returns.
func (r *round) begin(o order, to target) error {
	if o.Flood {
		for n := range 2 {
			r.under.Go(func() { r.flood(n) })
		}
		o.Kinds = nil
	}
	if o.Flood || slices.Contains(o.Kinds, "slow headers") {
		for range 100 {
			if err := r.dribble(); err != nil {
				return err
			}
		}
	}
	for _, kind := range o.Kinds {
		r.under.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(o.PerSecond))
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-r.over:
					return
				case <-tick.C:
				}
				if kind == "slow headers" {
					if err := r.dribble(); err != nil {
						r.note("", 0, err)
					}
					continue
				}
				list := r.probes[kind]
				r.under.Go(func() { r.strike(kind, list[i%len(list)]) })
			}
		})
	}
	return nil
}

func (r *round) stop() tally {
	close(r.over)
	r.under.Wait()
	for _, c := range r.slow {
		_ = c.Close()
	}
	return r.tally
}

// dribble opens a connection whose headers come a line a second and never end.
func (r *round) dribble() error {
	c, err := net.Dial("tcp", r.host)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(c, "GET /profile HTTP/1.1\r\nHost: "+r.host+"\r\n"); err != nil {
		return err
	}
	r.mu.Lock()
	r.slow = append(r.slow, c)
	r.mu.Unlock()
	r.under.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-r.over:
				r.wait()
				return
			case <-tick.C:
			}
			if _, err := fmt.Fprint(c, "X-More: x\r\n"); err != nil {
				r.note("slow headers", 0, nil)
				return
			}
		}
	})
	return nil
}

// flood sends requests for a page, and every fifth time a probe, one after the other.
func (r *round) flood(n int) {
	others := []string{"huge headers", "a million form fields", "deep JSON", "gzip bomb"}
	for i := n; ; i++ {
		select {
		case <-r.over:
			return
		default:
		}
		kind := "flood"
		if i%5 == 0 {
			kind = others[i/5%len(others)]
		}
		list := r.probes[kind]
		r.strike(kind, list[i%len(list)])
	}
}

// strike sends one request on a connection of its own and reads what comes back. A second answer is to what was smuggled in.
func (r *round) strike(kind, text string) {
	c, err := net.Dial("tcp", r.host)
	if err != nil {
		r.note(kind, 0, err)
		return
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		r.note(kind, 0, err)
		return
	}
	written := make(chan struct{})
	go func() { _, _ = io.WriteString(c, text); close(written) }() // it may be cut off while it is still sending
	in := bufio.NewReader(c)
	status, err := read(in)
	if err == nil && kind == "request smuggling" {
		if second, err := read(in); err == nil {
			r.note("what was smuggled in", second, nil)
		}
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		r.note(kind, 0, err)
	} else {
		r.note(kind, status, nil)
	}
	_ = c.Close()
	<-written
}

// wait counts a connection that never had an answer.
func (r *round) wait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Sent++
	r.Waiting++
}

func read(in *bufio.Reader) (status int, err error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// note counts what became of a probe; status 0 without an error is a connection that was closed on it.
func (r *round) note(kind string, status int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Sent++
	switch {
	case err != nil:
		r.Other = append(r.Other, kind+": "+err.Error())
	case kind == "what was smuggled in":
		r.Other = append(r.Other, fmt.Sprintf("%s: answered with %d", kind, status))
	case status == 0:
		r.Cut++
	case status == http.StatusTooManyRequests:
		r.Late++
	case status == http.StatusNotImplemented && kind == "request smuggling":
		r.Unknown++
	case status == http.StatusOK && kind == "flood":
		r.Served++
	case status >= 400 && status < 500:
		r.Refused++
	default:
		r.Other = append(r.Other, fmt.Sprintf("%s: %d", kind, status))
	}
}
