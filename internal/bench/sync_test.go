package bench

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// What `nameplate bench sync` runs in other processes: a copy is the directory, the emulator counts, and what is read plainly is as much.
func TestP1_P4_JobsOfCopies(t *testing.T) {
	t.Parallel()
	const people = 1000
	s, err := serve(t.Context(), people, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.server.Close()
	token, err := s.Mint(emulator.Token{Client: s.client})
	if err != nil {
		t.Fatal(err)
	}
	j := Job{Do: Copy, Graph: s.server.GraphHTTP, Token: token, Tenant: s.Tenants()[0], Path: filepath.Join(t.TempDir(), "copy.db")}
	work := func(j Job) Outcome {
		t.Helper()
		o, err := Work(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	same := func(when string) {
		t.Helper()
		if n, err := s.differs(t.Context(), j.Path); n != 0 || err != nil {
			t.Errorf("%s: %v differences: %v", when, n, err)
		}
	}
	if o := work(j); o.Rows < people+100+2000 || o.People <= 0 {
		t.Errorf("%+v", o)
	}
	same("full")
	if o := work(j); o.Rows != 0 {
		t.Errorf("nothing has changed: %+v", o)
	}
	if err := s.change(t.Context(), 100, "Clerk"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.differs(t.Context(), j.Path); n == 0 || err != nil {
		t.Errorf("a copy that is behind is taken for the directory: %v", err)
	}
	if o := work(j); o.Rows != 200 {
		t.Errorf("a hundred have changed: %+v", o)
	}
	same("followed")
	listing := ""
	for _, r := range s.Requests(0) {
		if strings.Contains(r.Query, "expand=manager") && listing == "" {
			listing = r.Path + "?" + r.Query
		}
	}
	read := j
	read.Do, read.Path = Read, filepath.Join(t.TempDir(), "read.db")
	if o := work(read); o.Rows < people {
		t.Errorf("%+v", o)
	}
	j.Do, j.Listing = Plain, listing
	if o := work(j); o.Rows != people {
		t.Errorf("%+v", o)
	}
	if (SyncOptions{Users: 10, Latency: []time.Duration{0}, Runs: 1}).Valid() == nil || (SyncOptions{Users: 1000, Latency: []time.Duration{0}, Runs: 1, Pages: []int{0}}).Valid() == nil {
		t.Error("what makes no sense is measured")
	}
}
