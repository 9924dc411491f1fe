package store_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/store"
	"nameplate/internal/store/storetest"
)

func TestF16_BrokenConnectionsAreMended(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	address := storetest.Postgres(t)
	open := func() *store.Store {
		s, err := store.Open(ctx, store.Options{URL: address, Now: c.Now, Random: storetest.Random})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s, killer := open(), open()
	var wg sync.WaitGroup
	var mu sync.Mutex
	acks := map[string]string{}
	stop := make(chan struct{})
	var written atomic.Int64
	for w := range 4 {
		wg.Go(func() {
			j := s.Journal()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("w%d.%d", w, i)
				_, known, err := j.Begin(ctx, storetest.Entry(tenant, name, name, name))
				if err != nil {
					if !fail.Is(err, fail.Unavailable) {
						t.Errorf("begin %s: %v", name, err)
					}
					continue
				}
				if known {
					t.Errorf("%s is new and was called known", name)
				}
				ack := "begun"
				if err := j.End(ctx, name, change.Outcome{State: change.Applied, At: c.Now()}); err == nil {
					ack = "ended"
				} else if !fail.Is(err, fail.Unavailable) {
					t.Errorf("end %s: %v", name, err)
				}
				mu.Lock()
				acks[name] = ack
				mu.Unlock()
				written.Add(1)
			}
		})
	}
	for range 8 {
		for target := written.Load() + 5; written.Load() < target && !t.Failed(); {
			if err := killer.Ping(ctx); err != nil {
				t.Fatal(err)
			}
		}
		// Every connection but the killer's own.
		if err := killer.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	for name, ack := range acks {
		e, err := s.Journal().Get(ctx, tenant, name)
		if err != nil || (ack == "ended") != (e.Outcome.State == change.Applied) {
			t.Errorf("%s was acknowledged as %s and is %s, %v", name, ack, e.Outcome.State, err)
		}
	}
	if _, bad, err := s.Journal().Verify(ctx, tenant); bad != nil || err != nil {
		t.Errorf("the chain: %v, %v", bad, err)
	}
}

// wire is a connection to the database that loses the answer to the next commit when it is armed.
type wire struct {
	ln     net.Listener
	socket string
	armed  atomic.Bool
	lost   atomic.Int64
}

func newWire(t *testing.T, socket string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, socket: socket}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", w.socket)
	if err != nil {
		return
	}
	defer server.Close()
	var swallow atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			if swallow.Load() {
				w.lost.Add(1) // the server has answered, so it has done it
				_ = server.Close()
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("commit\x00")) && w.armed.CompareAndSwap(true, false) {
			swallow.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func TestF16_LostCommitAnswerIsSettled(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &storetest.Clock{}
	u, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"))
	s, err := store.Open(ctx, store.Options{URL: fmt.Sprintf("postgres://nameplate@%s%s?sslmode=disable", w.ln.Addr(), u.Path), Now: c.Now, Random: storetest.Random})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	j, a := s.Journal(), s.Access()
	ref := directory.Ref{Tenant: tenant, ID: "adele"}
	row := access.Row{Session: access.Session{ID: "s1", Ref: ref, Began: c.Now(), Seen: c.Now(), IdleEnd: c.Now().Add(time.Hour), FinalEnd: c.Now().Add(time.Hour)}}
	for i, step := range []struct {
		name string
		do   func() error
		q    string
		want int64
	}{
		{"begin", func() error {
			e, known, err := j.Begin(ctx, storetest.Entry(tenant, "adele", "e1", "k1"))
			if err == nil && (known || e.ID != "e1") {
				err = fmt.Errorf("entry %s, known %v: it is our own", e.ID, known)
			}
			return err
		}, `SELECT count(*) FROM records`, 1},
		{"note", func() error { return j.Note(ctx, "e1", nil, change.Attempt{Sent: true}) }, `SELECT count(*) FROM records`, 2},
		{"end", func() error { return j.End(ctx, "e1", change.Outcome{State: change.Applied, At: c.Now()}) }, `SELECT count(*) FROM records`, 3},
		{"sign in", func() error {
			return a.SignIn(ctx, access.SignIn{Attempt: "a1", AttemptEnd: c.Now().Add(time.Hour), Row: row, Sealed: []byte("x")})
		}, `SELECT count(*) FROM sessions`, 1},
		{"tokens", func() error { return a.PutTokens(ctx, "s1", 1, []byte("y")) }, `SELECT version FROM sessions`, 2},
		{"blob", func() error { _, err := j.PutBlob(ctx, tenant, []byte("jpeg")); return err }, `SELECT count(*) FROM blobs`, 1},
	} {
		w.armed.Store(true)
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if lost := w.lost.Load(); lost != int64(i+1) {
			t.Fatalf("%s: %d answers were lost, want %d: the test does not reach the commit", step.name, lost, i+1)
		}
		if n, err := s.Number(ctx, step.q); err != nil || n != step.want {
			t.Errorf("%s: %d, want %d, %v", step.name, n, step.want, err)
		}
	}
	if _, bad, err := j.Verify(ctx, tenant); bad != nil || err != nil {
		t.Errorf("the chain: %v, %v", bad, err)
	}
	// Somebody else's key is not our own, whatever was lost on the way.
	w.armed.Store(true)
	e, known, err := j.Begin(ctx, storetest.Entry(tenant, "adele", "e2", "k1"))
	if err != nil || !known || e.ID != "e1" {
		t.Errorf("a known key: entry %s, known %v, %v", e.ID, known, err)
	}
}
