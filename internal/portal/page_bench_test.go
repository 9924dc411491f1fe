package portal_test

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// BenchmarkView opens one's own profile over HTTP; what the page needs lies in memory. Its allocations are what to look at.
func BenchmarkView(b *testing.B) {
	w := newWorld(b)
	c := w.signedIn(b)
	b.ReportAllocs()
	for b.Loop() {
		w.mu.Lock()
		w.now = w.now.Add(time.Second) // below the limit of requests
		w.mu.Unlock()
		res, err := c.client.Get(w.server.URL + "/profile")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%d, %v", res.StatusCode, err)
		}
		if err := res.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
