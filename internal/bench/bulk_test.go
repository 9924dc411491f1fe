package bench

import (
	"strings"
	"testing"
	"time"

	"nameplate/internal/app"
)

// A person who is signed in saves by the form of the portal, with one read and one batch.
func TestP8_APersonSaves(t *testing.T) {
	t.Parallel()
	b, err := open(t.Context(), 3, app.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close(t.Context())
	p, err := b.signIn(t.Context(), b.people[2].UPN)
	if err != nil {
		t.Fatal(err)
	}
	for _, phone := range []string{"+49 30 5550001", "+49 30 5550002"} {
		if _, err := p.save(t.Context(), phone); err != nil {
			t.Fatal(err)
		}
		l := b.Emulator.Ledger(0)
		if last := l[len(l)-1]; last.Object != b.people[2].ID || last.After["mobilePhone"] != phone {
			t.Errorf("%+v", last)
		}
	}
}

// A small spreadsheet: every figure comes once, with what the emulator counted.
func TestP5_P6_SmallSpreadsheets(t *testing.T) {
	t.Parallel()
	o := Options{Rows: 100, Latency: []time.Duration{10 * time.Millisecond}, Scale: 10, Chaos: 0, Runs: 1, Seed: 1}
	if err := o.Valid(); err != nil {
		t.Fatal(err)
	}
	got := map[string]Figure{}
	far := 0
	err := Bulk(t.Context(), o, func(f Figure) {
		if _, twice := got[f.Name]; twice {
			t.Errorf("%s came twice", f.Name)
		}
		got[f.Name] = f
	}, func(string) { far++ })
	if err != nil || far == 0 {
		t.Fatal(err, far)
	}
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"100 rows, a tenth changed; 10 ms a request: writes accepted", 10},
		{"100 rows, a tenth changed; 10 ms a request: applied again: writes", 0},
		{"100 rows, a tenth changed; 10 ms a request: lost", 0},
		{"100 rows, all changed; 10 ms a request, clock × 10: answers 429", 0},
		{"100 rows, all changed, failed calls cost quota; 10 ms a request, clock × 10: writes accepted", 100},
		{"100 rows, all changed, half the quota; 10 ms a request, clock × 10: lost", 0},
	} {
		f, ok := got[c.name]
		if !ok || f.Value != c.value || f.Runs != 1 || strings.HasPrefix(f.Goal, "≤") && !*f.Met {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// A change that the emulator did not take is lost, and so is one that somebody overwrote.
func TestP6_WhatIsLost(t *testing.T) {
	t.Parallel()
	b, err := open(t.Context(), 3, app.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close(t.Context())
	s := &scenario{Options: Options{Rows: 3}}
	file, want := s.spreadsheet(b, 1)
	if n := missing(b, want); n != 3 {
		t.Errorf("%v of 3 are lost before anything was done", n)
	}
	p, err := b.upload(t.Context(), file)
	if err == nil {
		_, err = b.apply(t.Context(), p, func(int) {})
	}
	if err != nil || missing(b, want) != 0 {
		t.Fatal(err, missing(b, want))
	}
	want[b.people[1].ID] = "Somewhere else"
	if n := missing(b, want); n != 1 {
		t.Errorf("%v are lost, want 1", n)
	}
}

// Of several runs the median is told, with the least and the most, and whether it meets the goal.
func TestTally(t *testing.T) {
	t.Parallel()
	var l tally
	for _, v := range []float64{3, 1, 2} {
		l.add(Figure{Name: "a", Value: v, Goal: "≤ 2"})
		l.add(Figure{Name: "b", Value: 1000 * v, Goal: "≥ 2,500"})
	}
	var got []Figure
	l.tell(func(f Figure) { got = append(got, f) })
	if len(got) != 2 || got[0].Value != 2 || *got[0].Min != 1 || *got[0].Max != 3 || got[0].Runs != 3 || !*got[0].Met || *got[1].Met {
		t.Errorf("%+v", got)
	}
}
