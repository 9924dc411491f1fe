package emulator_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

// The goals are those of docs/reference/performance.md, P10: 10,000 PATCH/s and 300,000 listed users/s on two cores, the client
// in another process; 100,000 users in 80 MiB. Here client and server share the process and the cores.

func benchTenant(b *testing.B, people int) (*emulator.Emulator, *httptest.Server, string) {
	b.Helper()
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{sample.Generate(people, 1)}})
	if err != nil {
		b.Fatal(err)
	}
	token, err := e.Mint(emulator.Token{Roles: []string{"User.ReadWrite.All"}, WIDs: []string{templates["Global Administrator"]}})
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(e.Handler())
	b.Cleanup(srv.Close)
	return e, srv, token
}

func benchClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
}

func BenchmarkPatchMany(b *testing.B) {
	_, srv, token := benchTenant(b, 10_000)
	ids := listIDs(b, srv.URL, token)
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := benchClient()
		for pb.Next() {
			i := n.Add(1)
			body := fmt.Sprintf(`{"mobilePhone":"+1 425 555 %04d","officeLocation":"%d"}`, i%10000, i)
			r, _ := http.NewRequest(http.MethodPatch, srv.URL+"/v1.0/users/"+ids[int(i)%len(ids)], strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			resp, err := c.Do(r)
			if err != nil || resp.StatusCode != http.StatusNoContent {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "PATCH/s")
}

func BenchmarkList(b *testing.B) {
	_, srv, token := benchTenant(b, 10_000)
	b.ReportAllocs()
	b.SetParallelism(2)
	var users atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := benchClient()
		for pb.Next() {
			r, _ := http.NewRequest(http.MethodGet, srv.URL+"/v1.0/users?$top=999", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := c.Do(r)
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Error(err, resp)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			users.Add(999)
		}
	})
	b.ReportMetric(float64(users.Load())/b.Elapsed().Seconds(), "users/s")
}

func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		org := sample.Generate(100_000, 1)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
		if err != nil {
			b.Fatal(err)
		}
		org = emulator.Organization{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		runtime.KeepAlive(e)
	}
}

// listIDs are the ids of the first page's people who are mastered in the cloud.
func listIDs(tb testing.TB, base, token string) []string {
	tb.Helper()
	r, _ := http.NewRequest(http.MethodGet, base+"/v1.0/users?$select=id,onPremisesSyncEnabled&$top=999", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	var ids []string
	for _, part := range bytes.Split(raw, []byte(`"id":"`))[1:] {
		if !bytes.Contains(part, []byte(`"onPremisesSyncEnabled":true`)) {
			ids = append(ids, string(part[:36]))
		}
	}
	if len(ids) == 0 {
		tb.Fatalf("no ids in %s", raw)
	}
	return ids
}

// BenchmarkLedgerMemory is what a full ledger of changes of one property costs.
func BenchmarkLedgerMemory(b *testing.B) {
	for b.Loop() {
		e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{sample.Generate(1000, 1)}})
		if err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		people := e.Snapshot()[0].Users
		for i := range 100_000 {
			if err := e.Set("", people[i%len(people)].UPN, map[string]any{"city": fmt.Sprint("Town ", i)}); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n := len(e.Ledger(0)); n < 100_000 {
			b.Fatal(n)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	}
}
