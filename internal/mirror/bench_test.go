package mirror_test

import (
	"fmt"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// wide is an organization of n people with managers, a group for each ten of them, and twenty members in each group.
func wide(n int) emulator.Organization {
	org := contoso(n)
	org.Groups = nil
	for g := range n / 10 {
		x := emulator.Group{ID: fmt.Sprintf("40000000-0000-4000-8000-%012d", g), Name: fmt.Sprintf("Group %d", g)}
		for i := range 20 {
			x.Members = append(x.Members, upn((g*10+i)%n))
		}
		org.Groups = append(org.Groups, x)
	}
	return org
}

// BenchmarkP1_P1b_P4 reads an organization whole, while one in a hundred changes (P1b) and not (P1); then nothing and then a thousand
// people change (P4). Figures are requests as the emulator counts them, and of the reading by kind; copy and directory are compared each
// time. Smaller pages are met beside the published ones: a hundred people and groups on a page of delta, and where $expand is asked for.
//
//	go test ./internal/mirror -run - -bench P1_P1b_P4 -benchtime 1x
func BenchmarkP1_P1b_P4(b *testing.B) {
	for _, pages := range []struct {
		name string
		emulator.PageSizes
	}{
		{"published", emulator.PageSizes{}},
		{"smaller", emulator.PageSizes{Delta: 100, Expanded: 100}},
	} {
		for _, n := range []int{2_000, 10_000, 100_000} {
			for _, moving := range []bool{false, true} {
				name := fmt.Sprintf("%s/people=%d/moving=%v", pages.name, n, moving)
				b.Run(name, func(b *testing.B) { round(b, n, pages.PageSizes, moving) })
			}
		}
	}
}

func round(b *testing.B, n int, pages emulator.PageSizes, moving bool) {
	for b.Loop() {
		b.StopTimer()
		w := begin(b, emulator.Options{Organizations: []emulator.Organization{wide(n)}, Pages: pages}, storetest.SQLite)
		change := func(people int) {
			for i := range people {
				w.do("PATCH", "/users/"+id(i*(n/people)), map[string]any{"jobTitle": fmt.Sprintf("Since %s", w.Now())})
			}
		}
		left := 0
		if moving {
			left = n / 100
		}
		own := 0 // requests of the test's own
		w.cfg.Progress = func(p mirror.Progress) {
			if left > 0 && p.What == "people" && p.Done >= n/2 {
				b.StopTimer()
				change(left)
				own, left = left, 0
				b.StartTimer()
			}
		}
		asked := func() int { return int(w.Statistics().Requests) }
		before := asked()
		b.StartTimer()
		full := w.sync()
		b.StopTimer()
		b.ReportMetric(float64(asked()-before-own), "requests")
		b.ReportMetric(float64(full.People), "of-people")
		b.ReportMetric(float64(full.Groups), "of-groups")
		b.ReportMetric(float64(w.Statistics().Apps[app].Throttled), "throttled")
		if left > 0 || full.Managers > 0 || full.Checks > 0 {
			b.Errorf("%+v, %d have not moved", full, left)
		}
		w.same("full")
		before = asked()
		w.sync()
		b.ReportMetric(float64(asked()-before), "idle")
		change(1000)
		before = asked()
		w.sync()
		b.ReportMetric(float64(asked()-before), "after-1000")
		w.same("changes")
		b.StartTimer()
	}
}
