package graph

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

func (r Retry) defaults() Retry {
	if r.Reads <= 0 {
		r.Reads = 4
	}
	if r.Throttles <= 0 {
		r.Throttles = 8
	}
	if r.Longest <= 0 {
		r.Longest = 5 * time.Minute
	}
	if r.Base <= 0 {
		r.Base = 500 * time.Millisecond
	}
	return r
}

// lane is a quota that the service keeps by itself: after a 429 nobody goes before until.
type lane struct{ until time.Time }

// laneOf: pictures are another service with limits of its own. https://learn.microsoft.com/graph/throttling-limits
func laneOf(path string) string {
	if strings.Contains(path, "/photo") {
		return "photo"
	}
	return "directory"
}

// enter waits until the lane is open. When the caller's deadline comes first it fails at once and sends nothing.
func (s *state) enter(ctx context.Context, name string, hasty bool) error {
	for {
		s.mu.Lock()
		l := s.lanes[name]
		s.mu.Unlock()
		if l == nil {
			return nil
		}
		d := l.until.Sub(s.opts.Now())
		if d <= 0 {
			return nil
		}
		if s.tooLong(ctx, d, hasty) {
			return &Error{Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "an earlier request was told to wait", RetryAfter: d}
		}
		if err := s.opts.Wait(ctx, d); err != nil {
			return err
		}
	}
}

// close keeps the lane shut for d from now.
func (s *state) close(name string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.opts.Now().Add(d)
	if l := s.lanes[name]; l == nil || l.until.Before(until) {
		s.lanes[name] = &lane{until}
	}
}

func (s *state) tooLong(ctx context.Context, d time.Duration, hasty bool) bool {
	end, ok := ctx.Deadline()
	return hasty && d > 250*time.Millisecond || ok && end.Sub(s.opts.Now()) < d
}

// retry repeats what may be repeated: 429 always, for it says that nothing was applied; other failures only of reads, on a fresh
// connection.
func (s *state) retry(req *policy.Request) (*http.Response, error) {
	var k call
	var tr *trail
	req.OperationValue(&k)
	req.OperationValue(&tr)
	lane := laneOf(req.Raw().URL.Path)
	var throttled, broken int
	for {
		if err := s.enter(req.Raw().Context(), lane, k.hasty); err != nil {
			tr.sent.Store(false)
			return nil, err
		}
		resp, err := s.attempt(req, tr)
		if !k.read && k.path != batchPath {
			s.heard(req.Raw().Context(), resp, err)
		}
		if ctx := req.Raw().Context(); ctx.Err() != nil {
			if err == nil {
				err = ctx.Err()
			}
			return nil, err
		}
		switch {
		case err != nil:
			if !k.read || !passing(err) {
				return nil, err
			}
		case resp.StatusCode == http.StatusTooManyRequests:
			throttled++
			d := s.pause(resp.Header, throttled, tr.clientID)
			s.close(lane, d)
			if throttled >= s.opts.Retry.Throttles || s.tooLong(req.Raw().Context(), d, k.hasty) {
				return resp, nil
			}
			runtime.Drain(resp)
			continue
		case !k.read || !passingStatus(resp.StatusCode):
			return resp, nil
		}
		if broken++; broken >= s.opts.Retry.Reads {
			return resp, err
		}
		d := s.backoff(broken, tr.clientID)
		if resp != nil {
			if a, ok := retryAfter(resp.Header, s.opts.Now()); ok {
				d = min(a, s.opts.Retry.Longest)
			}
			runtime.Drain(resp)
		}
		if s.tooLong(req.Raw().Context(), d, false) {
			return resp, err
		}
		if err := s.opts.Wait(req.Raw().Context(), d); err != nil {
			return nil, err
		}
		tr.again = true
	}
}

// attempt sends once within the time for one attempt. The SDK has read the whole body when it returns.
func (s *state) attempt(req *policy.Request, tr *trail) (*http.Response, error) {
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	tr.sent.Store(false)
	ctx, cancel := context.WithTimeout(context.WithValue(req.Raw().Context(), trailKey{}, tr), s.opts.Timeout)
	defer cancel()
	return req.Clone(ctx).Next()
}

// heard tells what the answer to a write says of quotas.
func (s *state) heard(ctx context.Context, resp *http.Response, err error) {
	var l Load
	if err == nil && resp != nil {
		l = loadOf(resp.StatusCode, resp.Header)
	}
	s.tell(ctx, l)
}

func (s *state) tell(ctx context.Context, l Load) {
	if s.opts.Heard != nil {
		s.opts.Heard(ctx, l)
	}
}

func loadOf(status int, h http.Header) Load {
	share, _ := strconv.ParseFloat(h.Get("x-ms-throttle-limit-percentage"), 64) // what makes no sense says nothing
	return Load{Status: status, Share: share, Scope: h.Get("x-ms-throttle-scope")}
}

func passingStatus(status int) bool {
	switch status {
	case 500, 502, 503, 504, 509:
		return true
	}
	return false
}

// passing says whether another try of a read may do better.
func passing(err error) bool {
	var t *tokenError
	var e *Error
	return !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNoCredential) && !errors.Is(err, errTooLong) && !errors.As(err, &t) && !errors.As(err, &e)
}

// pause is how long a 429 asks to wait.
func (s *state) pause(h http.Header, n int, id string) time.Duration {
	d, ok := retryAfter(h, s.opts.Now())
	if !ok {
		return s.backoff(n, id)
	}
	return min(d, s.opts.Retry.Longest)
}

// backoff doubles from the base and is spread by ± 25 %, so that many callers do not come back together.
func (s *state) backoff(n int, id string) time.Duration {
	d := s.opts.Retry.Base << min(n-1, 6)
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	spread := float64(h.Sum32()%1000)/2000 - 0.25
	return min(d+time.Duration(spread*float64(d)), s.opts.Retry.Longest)
}

// retryAfter reads seconds (also decimals, which $batch answers carry) or a date. A value that makes no sense is none.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil {
		if !(f >= 0) {
			return 0, false
		}
		if f > 1e9 {
			f = 1e9
		}
		return time.Duration(f * float64(time.Second)), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}
