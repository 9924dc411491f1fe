package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

// These words make the test binary the process that writes and is killed, or whose disk fails.
const (
	childWord = "write-until-killed"
	diskWord  = "write-to-a-failing-disk"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == childWord {
		fmt.Fprintln(os.Stderr, child(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == diskWord {
		if err := failingDisk(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// failingDisk writes where files may not grow any more, then where they may again. A file size limit is an error of writing that
// is not "the disk is full".
func failingDisk(path string) error {
	ctx := context.Background()
	c := &storetest.Clock{}
	signal.Ignore(syscall.SIGXFSZ)
	s, err := store.Open(ctx, store.Options{Path: path, Now: c.Now, Random: storetest.Random})
	if err != nil {
		return err
	}
	j := s.Journal()
	if _, _, err := j.Begin(ctx, storetest.Entry(tenant, "before", "before", "before")); err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	tight := limit
	tight.Cur = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return err
	}
	big := storetest.Entry(tenant, "during", "during", "during")
	big.Change.Why = strings.Repeat("x", 1<<20)
	_, _, err = j.Begin(ctx, big)
	var e *fail.Error
	if !errors.As(err, &e) || e.Code != "disk" || e.Kind != fail.Unavailable {
		return fmt.Errorf("while the disk fails: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if _, _, err = j.Begin(ctx, storetest.Entry(tenant, "after", "after", "after")); !errors.As(err, &e) || e.Code != "disk" {
		return fmt.Errorf("a write was taken after the disk had failed: %v", err)
	}
	if err := s.Ping(ctx); err == nil {
		return errors.New("the store calls itself ready")
	}
	if _, err := j.Get(ctx, tenant, "before"); err != nil {
		return fmt.Errorf("what was written cannot be read: %w", err)
	}
	return s.Close()
}

func TestF15_FailedDiskIsNotBelievedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nameplate.db")
	if out, err := exec.Command(os.Args[0], diskWord, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check(t, "after a restart", path, map[string]string{"before": "begun"})
	c := &storetest.Clock{}
	s, err := store.Open(context.Background(), store.Options{Path: path, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, _, err := s.Journal().Begin(context.Background(), storetest.Entry(tenant, "after", "after", "after")); err != nil {
		t.Error(err)
	}
}

// child writes entries and says of each what was acknowledged, with the size of the write-ahead log at that moment.
func child(path, round string) error {
	ctx := context.Background()
	c := &storetest.Clock{}
	s, err := store.Open(ctx, store.Options{Path: path, Now: c.Now, Random: storetest.Random})
	if err != nil {
		return err
	}
	j := s.Journal()
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s.%d", round, i)
		say := func(what string) error {
			info, err := os.Stat(path + "-wal")
			if err != nil {
				return err
			}
			_, err = fmt.Println(what, name, info.Size())
			return err
		}
		if _, _, err := j.Begin(ctx, storetest.Entry(tenant, name, name, name)); err != nil {
			return err
		}
		if err := say("begun"); err != nil {
			return err
		}
		if err := j.Note(ctx, name, nil, change.Attempt{Sent: true}); err != nil {
			return err
		}
		if err := j.End(ctx, name, change.Outcome{State: change.Applied, At: c.Now()}); err != nil {
			return err
		}
		if err := say("ended"); err != nil {
			return err
		}
	}
}

// writer is a running child.
type writer struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Reader
	acks  map[string]string // entry -> the last that was acknowledged of it
	wal   int64             // size of the log at the last acknowledgement
}

func startWriter(t *testing.T, path, round string, acks map[string]string) *writer {
	t.Helper()
	w := &writer{t: t, cmd: exec.Command(os.Args[0], childWord, path, round), acks: acks}
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.lines = bufio.NewReader(out)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() }) // it may be gone
	return w
}

// read takes one acknowledgement; false at the end.
func (w *writer) read() bool {
	w.t.Helper()
	line, err := w.lines.ReadString('\n')
	if err == io.EOF {
		return false // a last line without its end was not said
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var what, name string
	if _, err := fmt.Sscan(line, &what, &name, &w.wal); err != nil {
		w.t.Fatalf("%q: %v", line, err)
	}
	w.acks[name] = what
	return true
}

func (w *writer) readSome(n int) {
	w.t.Helper()
	for range n {
		if !w.read() {
			w.t.Fatal("the writer ended by itself")
		}
	}
}

func (w *writer) kill() {
	w.t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	for w.read() {
	}
	_ = w.cmd.Wait() // "killed"
}

// check opens the database and looks whether everything that was acknowledged is in it.
func check(t *testing.T, what, path string, acks map[string]string) {
	t.Helper()
	ctx := context.Background()
	c := &storetest.Clock{}
	s, err := store.Open(ctx, store.Options{Path: path, Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	j := s.Journal()
	for name, ack := range acks {
		e, err := j.Get(ctx, tenant, name)
		if err != nil {
			t.Errorf("%s: %s was acknowledged as %s and is gone: %v", what, name, ack, err)
			continue
		}
		if ack == "ended" && e.Outcome.State != change.Applied {
			t.Errorf("%s: %s was acknowledged as ended and is %s", what, name, e.Outcome.State)
		}
	}
	if _, bad, err := j.Verify(ctx, tenant); bad != nil || err != nil {
		t.Errorf("%s: the chain: %v, %v", what, bad, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestF13_KilledAnywhereForgetsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nameplate.db")
	acks := map[string]string{}
	random := rand.New(rand.NewPCG(13, 1))
	for round := range 6 {
		w := startWriter(t, path, fmt.Sprint(round), acks)
		w.readSome(1 + random.IntN(120))
		w.kill()
		check(t, fmt.Sprintf("kill %d", round), path, acks) // the dead owner's lock is free as well
	}
	if len(acks) < 6 {
		t.Errorf("only %d entries were written", len(acks))
	}
}

// The database as a power cut leaves it: the log up to what was synced when the last acknowledgement was given, and of what
// was written after that any part.
func TestF14_PowerCutForgetsNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "nameplate.db")
	acks := map[string]string{}
	random := rand.New(rand.NewPCG(14, 1))
	w := startWriter(t, path, "w", acks)
	for cut := range 24 {
		w.readSome(1 + random.IntN(40))
		if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		waitStopped(t, w.cmd.Process.Pid)
		db, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wal, err := os.ReadFile(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		images := map[string][]byte{"as it was": wal}
		// Before the first checkpoint the log only grows: what lies behind w.wal was not promised.
		if n := int64(len(wal)); n > w.wal && n < 4_000_000 {
			images["log cut"] = wal[:w.wal+random.Int64N(n-w.wal)]
			torn := append([]byte{}, wal...)
			for at := w.wal; at < n; at += 512 {
				if random.IntN(2) == 0 {
					clear(torn[at:min(at+512, n)])
				}
			}
			images["sectors lost"] = torn
		}
		for name, log := range images {
			to := filepath.Join(dir, fmt.Sprintf("cut %d %s.db", cut, name))
			for file, data := range map[string][]byte{to: db, to + "-wal": log} {
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			check(t, filepath.Base(to), to, acks)
		}
	}
	w.kill()
	check(t, "at last", path, acks)
}

// waitStopped waits until the system says that the process stands still.
func waitStopped(t *testing.T, pid int) {
	t.Helper()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the writer did not stop: %v, %v", status, err)
	}
}
