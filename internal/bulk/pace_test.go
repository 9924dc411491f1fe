package bulk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/bulk"
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
