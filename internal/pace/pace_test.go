package pace_test

import (
	"context"
	"math"
	"testing"
	"time"

	"nameplate/internal/pace"
)

// kept is a store in memory.
type kept struct{ pace.State }

func (k *kept) Pace(_ context.Context, _ string, do func(*pace.State)) error {
	do(&k.State)
	return nil
}

// service is what Microsoft counts.
type service struct {
	used, quota float64
	at          time.Time
}

func (s *service) write(now time.Time) pace.Answer {
	s.used = max(0, s.used-s.quota*now.Sub(s.at).Seconds()/pace.Window.Seconds())
	s.at = now
	if s.used+1 > s.quota {
		s.used = min(s.used+1, 1.8*s.quota) // a refusal costs as well
		return pace.Answer{Throttled: true, Share: s.used / s.quota, Scope: "Tenant_Application/Write/a/t"}
	}
	s.used++
	a := pace.Answer{Share: math.Round(100*s.used/s.quota) / 100}
	if a.Share < 0.8 {
		a.Share = 0
	}
	return a
}

// F08, P6: at the published quota and at half of it nothing is refused, and little of it is left unused; when it changes in the
// middle, that is learned; people who save are counted and never wait.
func TestP6_TheQuotaIsLearned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		quota, later float64 // from the middle on
		saves        bool
		within       float64 // of the floor
		refused      int
	}{
		{"published", 3000, 3000, false, 1.02, 0},
		{"people save", 3000, 3000, true, 1.02, 0},
		{"half of it", 1500, 1500, false, 1.05, 0},
		{"a fifth of it", 600, 600, false, 1.5, 60}, // nobody can tell it from somebody else who writes, until it is felt
		{"halved in the middle", 3000, 1500, false, 1.3, 60},
		{"doubled in the middle", 1500, 3000, false, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
			start := now
			svc := &service{quota: c.quota, at: now}
			b := pace.New(pace.Config{Store: &kept{}, Tenant: "t", Now: func() time.Time { return now }})
			const rows = 10_000
			done, saves, refused := 0, 0, 0
			for done < rows {
				if done > rows/2 {
					svc.quota = c.later
				}
				n, wait, err := b.Take(t.Context(), min(100, rows-done))
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					now = now.Add(wait)
				}
				lane, sent := pace.Lane(t.Context())
				for range n {
					now = now.Add(3 * time.Millisecond)
					a := svc.write(now)
					b.Heard(lane, a)
					if a.Throttled {
						refused++
					} else {
						done++
					}
				}
				if err := b.Back(t.Context(), n-sent()); err != nil {
					t.Fatal(err)
				}
				if c.saves {
					for ; time.Duration(saves)*700*time.Millisecond < now.Sub(start); saves++ {
						a := svc.write(now)
						b.Heard(t.Context(), a)
						if a.Throttled {
							t.Error("a save was refused")
						}
					}
				}
			}
			floor := (rows + float64(saves) - c.quota) / c.quota * pace.Window.Seconds()
			if c.later != c.quota {
				floor = (rows/2-c.quota)/c.quota*pace.Window.Seconds() + rows/2/c.later*pace.Window.Seconds()
			}
			took := now.Sub(start).Seconds()
			t.Logf("%.0f s, floor %.0f s: %.3f; %d refused, %d saves", took, floor, took/floor, refused, saves)
			if refused > c.refused || took > floor*c.within {
				t.Errorf("%.3f of the floor, %d refused", took/floor, refused)
			}
		})
	}
}
