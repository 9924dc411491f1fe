package change_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

// offices lets people pick an office of a table, which brings city and state; city and state are closed to them by hand.
const offices = `
version: 1
tables:
  offices:
    - {officeLocation: Ulm, city: Ulm, state: BW}
    - {officeLocation: Kiel, city: Kiel, state: SH}
properties:
  officeLocation: {edit: self, follow: offices}
  city: {view: self, edit: nobody}
  state: {view: self, edit: nobody}
  department: {edit: self}
`

func under(t *testing.T, file string) *policy.Policy {
	t.Helper()
	p, m := policy.Parse("test.yaml", []byte(file))
	if len(m) > 0 {
		t.Fatal(policy.Report("test.yaml", m))
	}
	return p
}

// What followed from a pick can be taken back by whoever may still pick, whatever was there before: nothing, or an office and a
// city that no table has. Nothing else gets in this way.
func TestInverse_PutsBackWhatFollowedIntoClosedFields(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]property.Values{
		"nothing was there":          {"officeLocation": property.Null(), "city": property.Null(), "state": property.Null()},
		"what no table has":          {"officeLocation": text("Barn 7"), "city": text("Weiler"), "state": property.Null()},
		"another row of the table":   {"officeLocation": text("Kiel"), "city": text("Kiel"), "state": text("SH")},
		"half a row, and an own one": {"officeLocation": text("Kiel"), "city": text("Weiler"), "state": text("SH")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			w := newWorld(t, func(c *change.Config) { c.Policy = under(t, offices) })
			w.box.rival(anna, before)
			was := w.box.at(anna, 0)
			o := w.apply(set("k", anna, property.Values{"officeLocation": text("Ulm"), "department": text("Ward 3")}))
			wantState(t, o, change.Applied)
			undo, err := w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
			if err != nil {
				t.Fatal(err)
			}
			if p, err := w.engine.Check(ctx, undo); err != nil || len(p.Problems) > 0 {
				t.Errorf("the preview says %v %v", p.Problems, err)
			}
			// The same with a value that was never there.
			for _, n := range []property.Name{"city", "officeLocation"} {
				forged := undo
				forged.Key, forged.Set = "forged "+string(n), undo.Set.Clone()
				forged.Set[n] = text("Rome")
				wantState(t, w.apply(forged), change.Refused)
			}
			more := undo
			more.Key, more.Set = "more", undo.Set.Clone()
			more.Set["jobTitle"] = text("Head")
			wantState(t, w.apply(more), change.Refused)

			u := w.apply(undo)
			wantState(t, u, change.Applied)
			if now := w.box.at(anna, 0); len(now.Diff(was)) > 0 || len(was.Diff(now)) > 0 {
				t.Errorf("after undo: %v, before the change: %v", now, was)
			}
			redo, err := w.engine.Inverse(ctx, tenant, u.Entry, self(anna))
			if err != nil {
				t.Fatal(err)
			}
			r := w.apply(redo)
			wantState(t, r, change.Applied)
			again, err := w.engine.Inverse(ctx, tenant, r.Entry, self(anna))
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, w.apply(again), change.Applied)
			if now := w.box.at(anna, 0); len(now.Diff(was)) > 0 || len(was.Diff(now)) > 0 {
				t.Errorf("after undo, redo and undo: %v, before the change: %v", now, was)
			}
		})
	}
}

// Taking a pick back needs the right to pick, now and not only then; and what somebody else wrote without a pick is not theirs.
func TestInverse_ClosedFieldsStayClosedWithoutThePick(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pick := property.Values{"officeLocation": text("Ulm")}
	for name, c := range map[string]struct {
		then string
		set  property.Values
		now  string
	}{
		"the pick was closed since":         {offices, pick, "version: 1\nproperties:\n  officeLocation: {view: self}\n  department: {edit: self}\n"},
		"the row says something else since": {offices, pick, "version: 1\ntables: {offices: [{officeLocation: Ulm, city: Neu-Ulm, state: BY}]}\nproperties:\n  officeLocation: {edit: self, follow: offices}\n  city: {view: self}\n"},
		"it was typed, and is closed since": {"version: 1\nproperties:\n  city: {edit: self}\n", property.Values{"city": text("Blaustein")}, offices},
		"it was typed beside the pick":      {"version: 1\nproperties:\n  city: {edit: self}\n  officeLocation: {edit: self}\n", property.Values{"officeLocation": text("Ulm"), "city": text("Blaustein")}, offices},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(g *change.Config) { g.Policy = under(t, c.then) })
			o := w.apply(set("k", anna, c.set))
			wantState(t, o, change.Applied)
			undo, err := w.engine.Inverse(ctx, tenant, o.Entry, self(anna))
			if err != nil {
				t.Fatal(err)
			}
			was := w.box.at(anna, 0)
			w.cfg.Policy = under(t, c.now)
			w.engine = change.New(w.cfg)
			wantState(t, w.apply(undo), change.Refused)
			if now := w.box.at(anna, 0); len(now.Diff(was)) > 0 {
				t.Errorf("it was written: %v", now)
			}
		})
	}
}

// An entry says what was there on one person, and of nobody else.
func TestInverse_OfAnotherPersonsEntryOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.Policy = under(t, offices) })
	o := w.apply(set("k", anna, property.Values{"officeLocation": text("Ulm")}))
	wantState(t, o, change.Applied)
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	undo.On, undo.By, undo.Expect = ben, self(ben), nil
	wantState(t, w.apply(undo), change.Refused)
	undo.On, undo.Key = anna, "by ben"
	wantState(t, w.apply(undo), change.Refused)
}

// What an entry wanted and did not write is not there to be put back: here the office was refused by the directory.
func TestInverse_OfWhatDidNotArriveOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) {
		c.Policy = under(t, strings.Replace(offices, "department:", "aboutMe: {edit: self}\n  department:", 1))
	})
	w.box.rival(anna, property.Values{"officeLocation": text("Barn 7"), "city": text("Weiler")})
	w.box.faults = []fault{refused, fine}
	o := w.apply(set("k", anna, property.Values{"officeLocation": text("Ulm"), "aboutMe": text("Hello")}))
	wantState(t, o, change.Partly)
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	w.box.rival(anna, property.Values{"city": text("Rome")})
	undo.Set["city"] = text("Weiler")
	wantState(t, w.apply(undo), change.Refused)
	if got := w.box.value(anna, "city").Str(); got != "Rome" {
		t.Errorf("the city is %q", got)
	}
}

// A rule about what a value looks like holds for an undo as well.
func TestInverse_HouseRulesOfValuesHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) {
		c.Policy = under(t, strings.Replace(offices, "department: {edit: self}", "department: {edit: self, required: true}", 1))
	})
	w.box.rival(anna, property.Values{"department": property.Null(), "officeLocation": text("Barn 7")})
	o := w.apply(set("k", anna, property.Values{"department": text("Ward 3"), "officeLocation": text("Ulm")}))
	wantState(t, o, change.Applied)
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	u := w.apply(undo)
	wantState(t, u, change.Refused)
	if f := u.Problem.Fields; len(f) != 1 || f[0].Code != "required" {
		t.Errorf("%v", f)
	}
}

// An undo of a pick that a crash cut off is finished like the undo that it is.
func TestSettle_FinishesAnUndoIntoClosedFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.Policy = under(t, offices) })
	w.box.rival(anna, property.Values{"officeLocation": text("Barn 7"), "city": text("Weiler"), "state": property.Null()})
	was := w.box.at(anna, 0)
	o := w.apply(set("k", anna, property.Values{"officeLocation": text("Ulm")}))
	wantState(t, o, change.Applied)
	undo, err := w.engine.Inverse(context.Background(), tenant, o.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	if !survive(func() { _, _ = w.crashAt(change.AfterBegin, 1).Apply(context.Background(), undo) }) {
		t.Fatal("nothing crashed")
	}
	w.settle(3 * time.Minute)
	if now := w.box.at(anna, 0); len(now.Diff(was)) > 0 {
		t.Errorf("after the crash: %v, want %v", now, was)
	}
}
