package guard_test

import (
	"fmt"
	"testing"
	"time"

	"nameplate/internal/guard"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:4711": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9", "2001:db8:1:2::5": "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::6]:4711": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "session abc": "session abc", "": "",
	} {
		if got := guard.Network(from); got != want {
			t.Errorf("%q is of %q, want %q", from, got, want)
		}
	}
}

// However many addresses ask, each new one is served and a limiter's memory does not grow for ever.
func TestLimiterForgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	l := guard.NewLimiter(guard.Rate{Burst: 1, PerSecond: 0.5}, func() time.Time { return now })
	if _, ok := l.Take("first"); !ok {
		t.Fatal("the first act is refused")
	}
	if wait, ok := l.Take("first"); ok || wait != 2*time.Second {
		t.Errorf("the second act: %v, wait %s, want 2s", ok, wait)
	}
	for i := range 45_000 {
		if _, ok := l.Take(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)); !ok {
			t.Fatalf("address %d is refused", i)
		}
	}
	now = now.Add(2 * time.Second)
	if _, ok := l.Take("first"); !ok {
		t.Error("its budget did not come back")
	}
}
