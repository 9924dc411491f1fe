package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// Options say how many people at once are measured.
type Options struct {
	Rows    int             // of the spreadsheet
	Latency []time.Duration // of a request to Graph, in the service's clock: everything is measured at each
	Scale   float64         // the service's clock runs so many times faster
	Chaos   float64         // share of requests that go wrong in the runs that are about that; 0 leaves these out
	Only    string          // words that the name of what is measured has to have; "" measures everything
	Runs    int
	Seed    uint64
}

// Valid says what is wrong with the options.
func (o Options) Valid() error {
	switch {
	case o.Rows < 100 || o.Rows > 100_000:
		return fmt.Errorf("a spreadsheet of 100 to 100,000 rows is measured, not of %d", o.Rows)
	case o.Scale < 1 || o.Scale > 100:
		return fmt.Errorf("the service's clock runs 1 to 100 times faster, not %v times", o.Scale)
	case !(o.Chaos >= 0 && o.Chaos <= 0.5):
		return fmt.Errorf("chaos is a share from 0 to 0.5, not %v", o.Chaos)
	case o.Runs < 1 || o.Runs > 100:
		return fmt.Errorf("1 to 100 runs are made, not %d", o.Runs)
	case len(o.Latency) == 0 || slices.Min(o.Latency) < 0 || slices.Max(o.Latency) > 10*time.Second:
		return fmt.Errorf("a request takes from 0 to 10 s")
	case len(o.scenarios()) == 0:
		return fmt.Errorf("nothing that is measured has %q in its name", o.Only)
	}
	return nil
}

// What Microsoft publishes for one application in one tenant: https://learn.microsoft.com/graph/throttling-limits
const (
	quota  = 3000.0
	refill = 20.0 // a second
)

// between is how long somebody who saves again and again waits in between, of the wall clock.
const between = 200 * time.Millisecond

// scenario is what is measured together, as often as it was asked for.
type scenario struct {
	Options
	latency time.Duration
	chaos   float64
	scale   float64
	limits  emulator.Throttle
	name    string // what figures' names begin with
	take    func(ctx context.Context, s *scenario, b *box, t *tally, progress func(string)) error
}

// Bulk measures spreadsheets under the published quotas: one of which nine rows in ten are so already (P5), one of which every row
// changes (P6), and people who save meanwhile (P8). It tells figures as they are known, and how far it is.
func Bulk(ctx context.Context, o Options, tell func(Figure), progress func(string)) error {
	for _, s := range o.scenarios() {
		var t tally
		for n := range o.Runs {
			if err := s.run(ctx, n, &t, progress); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		t.tell(tell)
	}
	return nil
}

func (o Options) scenarios() (out []*scenario) {
	tenth, all := thousands(o.Rows)+" rows, a tenth changed", thousands(o.Rows)+" rows, all changed"
	for _, latency := range o.Latency {
		add := func(name string, scale, chaos float64, limits emulator.Throttle, take func(context.Context, *scenario, *box, *tally, func(string)) error) {
			if name += fmt.Sprintf("; %d ms a request", latency.Milliseconds()); scale != 1 {
				name += fmt.Sprintf(", clock × %v", scale)
			}
			if chaos > 0 {
				name += fmt.Sprintf(", chaos %v %%", math.Round(1000*chaos)/10)
			}
			limits.On, limits.Scale = true, scale
			if strings.Contains(name, o.Only) {
				out = append(out, &scenario{o, latency, chaos, scale, limits, name, take})
			}
		}
		add(tenth, 1, 0, emulator.Throttle{}, takeTenth)
		add(all, o.Scale, 0, emulator.Throttle{}, takeAll)
		add(all+", failed calls cost quota", o.Scale, 0, emulator.Throttle{CountFailed: true}, takeAll)
		add(all+", half the quota", o.Scale, 0, emulator.Throttle{Rate: 0.5}, takeAll)
		if o.Chaos > 0 {
			add(tenth, 1, o.Chaos, emulator.Throttle{}, takeTenth)
			add(all, o.Scale, o.Chaos, emulator.Throttle{}, takeAll)
		}
	}
	return out
}

func (s *scenario) run(ctx context.Context, n int, t *tally, progress func(string)) error {
	progress(s.name)
	b, err := open(ctx, s.Rows+1, app.DemoOptions{
		Throttle: s.limits, Latency: time.Duration(float64(s.latency) / s.scale), Chaos: s.chaos, Seed: s.Seed + uint64(n),
	})
	if err != nil {
		return err
	}
	defer b.close(ctx)
	return s.take(ctx, s, b, t, progress)
}

// add keeps a figure of this scenario.
func (s *scenario) add(t *tally, id, what string, value float64, unit, goal string) {
	t.add(Figure{ID: id, Name: s.name + ": " + what, Value: value, Unit: unit, Goal: goal, Latency: ms(s.latency), Scale: s.scale, Chaos: s.chaos})
}

// calm is a goal that holds where nothing goes wrong on purpose.
func (s *scenario) calm(goal string) string {
	if s.chaos > 0 {
		return ""
	}
	return goal
}

// published is a goal that is said of 10,000 rows and of no other number.
func (s *scenario) published(goal string) string {
	if s.Rows != 10_000 {
		return ""
	}
	return s.calm(goal)
}

// spreadsheet gives every step-th person another department, the others the one that they have.
func (s *scenario) spreadsheet(b *box, step int) (file []byte, want map[string]string) {
	var text strings.Builder
	text.WriteString("userPrincipalName,department\n")
	want = map[string]string{}
	for i, u := range b.people[:s.Rows] {
		department, _ := u.Values["department"].(string)
		if i%step == 0 {
			department = fmt.Sprintf("Department %d", i)
			want[u.ID] = department
		}
		fmt.Fprintf(&text, "%s,%s\n", u.UPN, department)
	}
	return []byte(text.String()), want
}

// missing are people whose department is not the one that was wanted, by what the emulator's ledger took last.
func missing(b *box, want map[string]string) float64 {
	left := maps.Clone(want)
	for _, e := range b.Emulator.Ledger(0) {
		if w, ok := want[e.Object]; ok {
			if got, set := e.After["department"]; set && got == w {
				delete(left, e.Object)
			} else if set {
				left[e.Object] = w
			}
		}
	}
	return float64(len(left))
}

// takeTenth measures a spreadsheet of which a tenth changes something, and the same one again.
func takeTenth(ctx context.Context, s *scenario, b *box, t *tally, progress func(string)) error {
	file, want := s.spreadsheet(b, 10)
	begun := app.Clock()
	p, err := b.upload(ctx, file)
	if err != nil {
		return err
	}
	took := app.Clock().Sub(begun)
	if p, err = b.apply(ctx, p, s.far(len(want), progress)); err != nil {
		return err
	}
	took += p.Ended.Sub(p.Began)
	c := b.since()
	s.add(t, "P5", "writes accepted", c.writes, "writes", "≤ "+thousands(len(want)))
	s.add(t, "P5", "requests, read-back included", c.requests, "requests", s.published("≤ 130"))
	s.add(t, "P5", "inner requests of them", c.inner, "requests", "")
	s.add(t, "P5", "answers 429", c.refused, "answers", s.calm("≤ 0"))
	s.add(t, "P5", "lost", missing(b, want), "rows", "≤ 0")
	s.add(t, "P5", "time, from the file to the last row read back", took.Seconds(), "s", "")
	if floor := (float64(s.Rows) - quota) / refill; floor > 0 {
		s.add(t, "P5", fmt.Sprintf("so many times faster than the quota's floor of %s s for writing every row", thousands(int(floor))), floor/took.Seconds(), "×", s.published("≥ 100"))
	}
	b.mark()
	if p, err = b.upload(ctx, file); err != nil {
		return err
	}
	if p.Rows.Ready > 0 {
		if _, err = b.apply(ctx, p, s.far(p.Rows.Ready, progress)); err != nil {
			return err
		}
	}
	s.add(t, "P5", "applied again: writes", b.since().writes, "writes", "≤ 0")
	return nil
}

// far tells how many rows of so many are done.
func (s *scenario) far(of int, progress func(string)) func(int) {
	return func(done int) { progress(fmt.Sprintf("%s: %s of %s rows", s.name, thousands(done), thousands(of))) }
}

// takeAll measures a spreadsheet of which every row changes something, and people who save meanwhile where nothing else is the matter.
func takeAll(ctx context.Context, s *scenario, b *box, t *tally, progress func(string)) error {
	file, want := s.spreadsheet(b, 1)
	p, err := b.upload(ctx, file)
	if err != nil {
		return err
	}
	stop := func() (all []time.Duration, failed []error) { return nil, nil }
	if s.chaos == 0 && !s.limits.CountFailed && s.limits.Rate == 0 {
		if stop, err = s.saves(ctx, b); err != nil {
			return err
		}
	}
	p, err = b.apply(ctx, p, s.far(s.Rows, progress))
	saves, failed := stop()
	if err != nil {
		return err
	}
	c := b.since()
	share := cmp.Or(s.limits.Rate, 1)
	n := float64(s.Rows + len(saves))
	floor := max(0, (n-quota*share)/(refill*share))
	took := p.Ended.Sub(p.Began).Seconds() * s.scale
	of := "1.02"
	if share < 1 {
		of = "1.05"
	}
	s.add(t, "P6", "answers 429", c.refused, "answers", s.calm("≤ 0"))
	s.add(t, "P6", "lost", missing(b, want), "rows", "≤ 0")
	s.add(t, "P6", "rows that the plan tells as not arrived", float64(s.Rows-p.Fates["applied"]), "rows", "")
	s.add(t, "P6", "writes accepted", c.writes, "writes", "")
	s.add(t, "P6", "requests", c.requests, "requests", "")
	s.add(t, "P6", "inner requests of them", c.inner, "requests", "")
	s.add(t, "P6", "time in the service's clock", took, "s", "")
	if floor > 0 {
		s.add(t, "P6", fmt.Sprintf("of the floor, (N − %s)/%v s", thousands(int(quota*share)), refill*share), took/floor, "×", s.calm("≤ "+of))
	}
	if len(saves) == 0 {
		return nil
	}
	if len(failed) == len(saves) {
		return fmt.Errorf("no save arrived: %w", failed[0])
	}
	s.tellSaves(t, saves, failed)
	return nil
}

// saves lets the last person save again and again; stop ends it and says how long each save took and what became of those that did not
// arrive.
func (s *scenario) saves(ctx context.Context, b *box) (stop func() ([]time.Duration, []error), err error) {
	who, err := b.signIn(ctx, b.people[s.Rows].UPN)
	if err != nil {
		return nil, err
	}
	during, end := context.WithCancel(ctx)
	done := make(chan struct{})
	var took []time.Duration
	var failed []error
	go func() {
		defer close(done)
		for i := 0; rest(during, between) == nil; i++ {
			d, err := who.save(ctx, fmt.Sprintf("+49 30 5550%04d", i%10_000)) // one that was begun comes to its end
			if took = append(took, d); err != nil {
				failed = append(failed, err)
			}
		}
	}()
	return func() ([]time.Duration, []error) {
		end()
		<-done
		return took, failed
	}, nil
}

func (s *scenario) tellSaves(t *tally, saves []time.Duration, failed []error) {
	trips := 2 * time.Duration(float64(s.latency)/s.scale)
	slices.Sort(saves)
	at := func(q float64) float64 { return ms(saves[max(0, int(math.Ceil(q*float64(len(saves))))-1)] - trips) }
	s.add(t, "P8", "a person saves meanwhile", float64(len(saves)), "saves", "")
	s.add(t, "P8", "of these saves did not arrive", float64(len(failed)), "saves", "≤ 0")
	s.add(t, "P8", "a save beyond its two round trips, p50, wall clock", at(0.5), "ms", "")
	s.add(t, "P8", "a save beyond its two round trips, p99, wall clock", at(0.99), "ms", "≤ 50")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// thousands is a number as people read it: 10,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
