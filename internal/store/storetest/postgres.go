package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"nameplate/internal/store"
)

// server is the one PostgreSQL of this test process. It lives in a temporary folder and answers on a socket there only.
type server struct {
	once  sync.Once
	dir   string
	stdin io.WriteCloser // its end is the watcher's sign to stop the server and to remove the folder
	err   error
	admin sync.Mutex // one CREATE DATABASE at a time: two of one template stand in each other's way
}

var (
	shared server
	number atomic.Int64
)

// Postgres makes a database with today's tables for this test and returns its address. The server is started at the first call
// and goes with the process. Without PostgreSQL's programs the test fails and says what to install.
func Postgres(t testing.TB) string { return database(t, "nameplate_template") }

// PostgresEmpty makes a database without any table.
func PostgresEmpty(t testing.TB) string { return database(t, "template0") }

func database(t testing.TB, template string) string {
	t.Helper()
	shared.once.Do(func() { shared.err = shared.start() })
	if shared.err != nil {
		t.Fatalf("no PostgreSQL for the tests: %v", shared.err)
	}
	name := fmt.Sprintf("test_%d", number.Add(1))
	if err := shared.exec(`CREATE DATABASE ` + name + ` TEMPLATE ` + template); err != nil {
		t.Fatal(err)
	}
	// It is not dropped: that makes the server write everything out, and the whole server goes with the process.
	return shared.address(name)
}

func (s *server) address(name string) string {
	return (&url.URL{Scheme: "postgres", Path: "/" + name, RawQuery: url.Values{"host": {s.dir}, "user": {"nameplate"}}.Encode()}).String()
}

func (s *server) exec(q string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, q)
	return err
}

// watch starts the server and stops it when its standard input ends, which happens with this process however it dies.
const watch = `"$@" & pid=$!; cat >/dev/null; kill -QUIT $pid; wait $pid; cd /; rm -rf "$NAMEPLATE_TEST_POSTGRES"`

func (s *server) start() error {
	bin, err := programs()
	if err != nil {
		return err
	}
	// A socket's path may be about a hundred characters long, so not below a test's own folder.
	if s.dir, err = os.MkdirTemp("/tmp", "nameplate-pg-"); err != nil {
		return err
	}
	as, err := s.unprivileged()
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	run := func(args ...string) *exec.Cmd {
		args = slices.Concat(as, args)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = s.dir
		cmd.Env = append(os.Environ(), "LC_ALL=C", "NAMEPLATE_TEST_POSTGRES="+s.dir)
		return cmd
	}
	if out, err := run(filepath.Join(bin, "initdb"), "-D", data, "-U", "nameplate", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := run("sh", "-c", watch, "sh", filepath.Join(bin, "postgres"), "-D", data, "-k", s.dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "autovacuum=off")
	cmd.Stdout, cmd.Stderr = log, log
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	if err := s.ready(died); err != nil {
		words, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w\n%s", err, words)
	}
	if err := s.exec(`CREATE DATABASE nameplate_template`); err != nil {
		return err
	}
	// The clock does not matter: only the date of the migration comes from it.
	st, err := store.Open(context.Background(), store.Options{URL: s.address("nameplate_template"), Random: Random, Now: func() time.Time { return time.Unix(0, 0) }})
	if err != nil {
		return err
	}
	return st.Close()
}

// ready asks until the server answers; it is a process outside ours and gives no other sign.
func (s *server) ready(died <-chan error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		err := s.exec(`SELECT 1`)
		if err == nil {
			return nil
		}
		select {
		case err := <-died:
			return fmt.Errorf("postgres ended at once: %v", err)
		case <-deadline:
			return fmt.Errorf("postgres did not answer in 30 s: %w", err)
		case <-tick.C:
		}
	}
}

// unprivileged gives the folder to somebody who is not root, and says how to run a program as that user: postgres refuses root.
func (s *server) unprivileged() ([]string, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, errors.New("PostgreSQL does not run as root, and setpriv is missing: run the tests as another user, or install it (Debian: apt-get install util-linux)")
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return nil, err
		}
		return []string{setpriv, "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups"}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run the tests as another user")
}

// programs is the folder of initdb and postgres: the newest of Debian's, or that of the PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			found = append([]string{p}, found...)
		}
	}
	for _, p := range found {
		if _, err := os.Stat(filepath.Join(filepath.Dir(p), "postgres")); err == nil {
			return filepath.Dir(p), nil
		}
	}
	return "", errors.New("initdb and postgres are neither in the PATH nor in /usr/lib/postgresql: install PostgreSQL (Debian: apt-get install postgresql), or run make tools")
}

func version(p string) int {
	n, _ := strconv.Atoi(strings.Split(p, "/")[4])
	return n
}
