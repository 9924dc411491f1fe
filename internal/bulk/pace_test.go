package bulk_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nameplate/emulator"
	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// P5: a file of 10,000 people of whom a tenth change costs no more than the changes, and the same file applied again costs nothing.
func TestP5_TenThousandRowsANinthUnchanged(t *testing.T) {
	t.Parallel()
	const n = 10_000
	w := begin(t, contoso(n), rules)
	var b strings.Builder
	b.WriteString("userPrincipalName,department\n")
	for i := 1; i <= n; i++ {
		d := "Sales"
		if i%10 == 0 {
			d = fmt.Sprintf("D%d", i)
		}
		fmt.Fprintf(&b, "p%d@contoso.example,%s\n", i, d)
	}
	before := w.Statistics()
	start := time.Now()
	p := w.applied(b.String(), bulk.Confirm{People: n / 10})
	t.Logf("%v", time.Since(start))
	after := w.Statistics()
	if p.Run.State != bulk.Done || p.Run.Fates["applied"] != n/10 || p.Counts.Unchanged != n-n/10 {
		t.Errorf("%+v %+v", p.Counts, p.Run)
	}
	if got := after.Writes - before.Writes; got != n/10 {
		t.Errorf("%d writes", got)
	}
	if got := after.Requests - before.Requests; got > 130 {
		t.Errorf("%d requests, want 130 at most", got)
	} else {
		t.Logf("%d requests, %d inner", got, after.Inner-before.Inner)
	}
	again, _ := w.plan(b.String(), bulk.Upload{})
	if again.Counts.Ready != 0 || w.Statistics().Writes != after.Writes {
		t.Errorf("again: %+v", again.Counts)
	}
}

// P6, P8, G7: more changes than the service takes at once, at half the published rate, where a refusal costs quota as well: none is refused,
// neither are people who save meanwhile, and
// nine tenths of what the service allows are used, by its own clock.
func TestP6_G7_AtThePaceOfTheService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, atThePace)
}

func atThePace(t *testing.T) {
	const n, quota = 2000, 1500
	w := begin(t, contoso(n+10), rules)
	if err := w.SetThrottle(emulator.Throttle{On: true, Rate: 0.5, Scale: faster, CountFailed: true}); err != nil {
		t.Fatal(err)
	}
	p, _ := w.plan(many(n), bulk.Upload{})
	if _, err := w.Apply(w.ctx, boss, tenant, p.ID, p.Digest, bulk.Confirm{People: n}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- w.Work(w.ctx) }()
	saves := 0
	for running := true; running; {
		select {
		case err := <-done:
			if running = false; err != nil {
				t.Fatal(err)
			}
		case <-time.After(200 * time.Millisecond): // somebody saves, five times a second
			saves++
			c := change.Change{On: directory.Ref{Tenant: tenant, ID: id(n + 1 + saves%10)}, Do: change.Update, Set: property.Values{"city": property.Text(fmt.Sprintf("C%d", saves))}, By: boss}
			if o, err := w.Desk.Apply(w.ctx, c); err != nil || o.State != change.Applied {
				t.Errorf("a save: %+v %v", o, err)
			}
		}
	}
	took := time.Since(start)
	p = w.now(p.ID)
	use := w.Statistics().Apps[app]
	floor := time.Duration(float64(n+saves-quota) / (quota * faster) * float64(150*time.Second))
	t.Logf("%d rows and %d saves in %v, the quota's floor is %v; %d writes, %d refused", n, saves, took, floor, use.Writes, use.Throttled)
	if p.Run.State != bulk.Done || p.Run.Fates["applied"] != n || use.Throttled != 0 {
		t.Errorf("%+v %+v", p.Run, use)
	}
	if allowed := quota + quota*faster*took.Seconds()/150; float64(n+saves) < 0.9*allowed {
		t.Errorf("%d writes of the %.0f that were allowed", n+saves, allowed)
	}
}

// Everything that can happen to a request happens to one in twenty of a plan's: every row is in effect once, and says so.
func TestF01to10_APlanInChaos(t *testing.T) {
	t.Parallel()
	w := beginIn(t, contoso(320), rules, emulator.Options{Chaos: 0.05, Seed: 7})
	p := w.applied(many(250), bulk.Confirm{People: 250})
	if p.Run.State != bulk.Done || p.Run.Fates["applied"] != 250 {
		t.Errorf("%+v", p.Run)
	}
	w.once(250)
}
