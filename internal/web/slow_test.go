package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"nameplate/internal/web"
)

// A request for a whole file has the time that its work takes, and ends with its client.
func TestSlowlyOutlivesAPageAndEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s, _, _ := site(t, "https://profile.example.com", nil)
	ctx, leave := context.WithCancel(t.Context())
	seen := false
	s.Mount(web.Mounted{Prefix: "/api/", Serve: func(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
		seen = true
		page, _ := r.Context().Deadline()
		slow, done := v.Slowly(w, r, time.Hour)
		defer done()
		if until, ok := slow.Context().Deadline(); !ok || until.Sub(page) < 30*time.Minute {
			t.Errorf("a slow request ends at %v, a page at %v", until, page)
		}
		leave()
		<-slow.Context().Done()
		return nil
	}})
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://profile.example.com/api/x", nil)
	s.ServeHTTP(httptest.NewRecorder(), r)
	if !seen {
		t.Error("nobody was asked")
	}
}
