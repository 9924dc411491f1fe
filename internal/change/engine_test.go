package change_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

func text(s string) property.Value { return property.Text(s) }

func wantState(t *testing.T, o change.Outcome, want change.State) {
	t.Helper()
	if o.State != want {
		t.Fatalf("state %q, want %q (problem %v, parts %+v)", o.State, want, o.Problem, o.Parts)
	}
}

func TestC3_SendsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// W4: the form posts every field, the request holds the one that was changed.
	c := set("k", anna, property.Values{"jobTitle": text("Head nurse"), "city": text("Bonn"), "department": text("Ward 3"), "state": text("")})
	c.Expect = property.Values{"jobTitle": text("Nurse"), "city": text("Bonn"), "department": text("Ward 3"), "state": property.Null()}
	o := w.apply(c)
	wantState(t, o, change.Applied)
	if d := cmp.Diff([]property.Values{{"jobTitle": text("Head nurse")}}, w.box.batches); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	if o.Before["jobTitle"].Str() != "Nurse" || o.After["jobTitle"].Str() != "Head nurse" {
		t.Errorf("before %v after %v", o.Before, o.After)
	}
	if w.box.reads != 1 || w.box.writes != 1 { // P8
		t.Errorf("%d reads and %d writes, want 1 and 1", w.box.reads, w.box.writes)
	}
}

func TestW1toW3_NeverNoneNeverBlank(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.apply(set("k", anna, property.Values{"city": text("  "), "businessPhones": property.List(" "), "state": text("")}))
	wantState(t, o, change.Applied)
	if d := cmp.Diff([]property.Values{{"city": property.Null()}}, w.box.batches); d != "" {
		t.Errorf("W2: sent (-want +got):\n%s", d) // null, and nothing for what was empty already
	}
	if got := w.box.value(anna, "jobTitle"); got.Str() != "Nurse" {
		t.Errorf("W3: a name that was not in the form became %q", got)
	}
}

func TestApply_NothingToDoIsJournaledAndSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.apply(set("k", anna, property.Values{"city": text("Bonn")}))
	wantState(t, o, change.Unchanged)
	if w.box.writes != 0 {
		t.Errorf("%d writes, want 0", w.box.writes)
	}
	e, err := w.journal.ByKey(context.Background(), tenant, "k")
	if err != nil || e.Outcome.State != change.Unchanged || e.Ended.IsZero() {
		t.Errorf("journal: %+v, %v", e, err)
	}
}

func TestApply_RefusesBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	other := set("k", ben, property.Values{"city": text("Ulm")})
	other.By = self(anna)
	noTarget := set("k", anna, property.Values{"city": text("Ulm")})
	noTarget.On = directory.Ref{}
	for name, tc := range map[string]struct {
		c     change.Change
		kind  fail.Kind
		field string
	}{
		"unknown name is named":           {set("k", anna, property.Values{"shoeSize": text("44")}), fail.Invalid, "shoeSize"},
		"too long":                        {set("k", anna, property.Values{"employeeId": text("12345678901234567")}), fail.Invalid, "employeeId"},
		"cannot be cleared":               {set("k", anna, property.Values{"displayName": text("")}), fail.Invalid, "displayName"},
		"closed by the policy":            {set("k", anna, property.Values{"companyName": text("Evil")}), fail.Denied, "companyName"},
		"somebody else":                   {other, fail.Denied, ""},
		"no target":                       {noTarget, fail.Invalid, ""},
		"a password is never written":     {set("k", anna, property.Values{"passwordProfile": property.Raw([]byte(`{"password":"x"}`))}), fail.Denied, "passwordProfile"},
		"a picture that is none":          {change.Change{On: anna, Do: change.Photo, Photo: []byte("<svg>"), By: self(anna)}, fail.Invalid, "photo"},
		"an action that does not exist":   {change.Change{On: anna, Do: "delete", By: self(anna)}, fail.Invalid, ""},
		"a picture beside properties":     {change.Change{On: anna, Do: change.Photo, Photo: picture(1, 90), Set: property.Values{"city": text("x")}, By: self(anna)}, fail.Invalid, ""},
		"one bad field stops the others":  {set("k", anna, property.Values{"city": text("Ulm"), "companyName": text("Evil")}), fail.Denied, "companyName"},
		"a picture beside other property": {change.Change{On: anna, Do: change.Update, Photo: picture(1, 90), Set: property.Values{"city": text("x")}, By: self(anna)}, fail.Invalid, "photo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *change.Config) { c.Policy = anything{closed: []property.Name{"companyName"}} })
			o := w.apply(tc.c)
			wantState(t, o, change.Refused)
			if o.Problem.Kind != tc.kind {
				t.Errorf("kind %v, want %v", o.Problem.Kind, tc.kind)
			}
			if !slices.ContainsFunc(o.Problem.Fields, func(p fail.Problem) bool { return p.Field == tc.field && !p.Say.Zero() }) {
				t.Errorf("no problem for field %q: %+v", tc.field, o.Problem.Fields)
			}
			if l := w.ours(); len(l) != 0 || w.box.writes != 0 {
				t.Errorf("written: %v", l)
			}
			p, err := w.engine.Check(context.Background(), tc.c)
			if err != nil || len(p.Problems) == 0 {
				t.Errorf("Check finds no problem: %+v %v", p, err)
			}
		})
	}
}

func TestCheck_ShowsWhatApplyDoesAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) {
		c.Policy = anything{follows: property.Values{"city": text("Köln"), "country": text("DE")}}
	})
	c := set("k", anna, property.Values{"officeLocation": text("HQ"), "mobilePhone": text("+49 30 1234567")})
	p, err := w.engine.Check(context.Background(), c)
	if err != nil || len(p.Problems) > 0 {
		t.Fatal(err, p.Problems)
	}
	want := property.Values{"officeLocation": text("HQ"), "mobilePhone": text("+49 30 1234567"), "city": text("Köln"), "country": text("DE")}
	if d := cmp.Diff(want, p.Diff); d != "" {
		t.Errorf("diff (-want +got):\n%s", d)
	}
	if w.box.writes != 0 {
		t.Errorf("Check wrote")
	}
	if es, _ := w.journal.On(context.Background(), anna, 0, 9); len(es) != 0 {
		t.Errorf("Check journaled %v", es)
	}
	o := w.apply(c)
	wantState(t, o, change.Applied)
	if d := cmp.Diff([]property.Values{want}, w.box.batches); d != "" {
		t.Errorf("Apply sent something else (-check +apply):\n%s", d)
	}
}

func TestF11_ConflictShowsThreeValuesAndOverwritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.rival(anna, property.Values{"jobTitle": text("Matron")})
	c := set("k", anna, property.Values{"jobTitle": text("Head nurse"), "city": text("Ulm")})
	c.Expect = property.Values{"jobTitle": text("Nurse"), "city": text("Bonn")}
	o := w.apply(c)
	wantState(t, o, change.Conflicted)
	want := []change.Conflict{{Name: "jobTitle", Saw: text("Nurse"), Now: text("Matron"), Wanted: text("Head nurse")}}
	if d := cmp.Diff(want, o.Conflicts); d != "" {
		t.Errorf("conflicts (-want +got):\n%s", d)
	}
	if len(w.ours()) != 0 {
		t.Errorf("written: %v", w.ours())
	}
}

func TestApply_TwoTabsWithDifferentEditsBothStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	saw := property.Values{"jobTitle": text("Nurse"), "city": text("Bonn")}
	one := set("tab1", anna, property.Values{"jobTitle": text("Head nurse"), "city": text("Bonn")})
	two := set("tab2", anna, property.Values{"jobTitle": text("Nurse"), "city": text("Ulm")})
	one.Expect, two.Expect = saw, saw
	wantState(t, w.apply(one), change.Applied)
	wantState(t, w.apply(two), change.Applied)
	if w.box.value(anna, "jobTitle").Str() != "Head nurse" || w.box.value(anna, "city").Str() != "Ulm" {
		t.Errorf("one tab undid the other: %v", w.box.at(anna, 0))
	}
}

func TestF40_OneKeyOneChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := set("form-1", anna, property.Values{"city": text("Ulm")})
	first := w.apply(c)
	again := w.apply(c)
	if d := cmp.Diff(first, again, cmp.Comparer(func(a, b *fail.Error) bool { return (a == nil) == (b == nil) })); d != "" {
		t.Errorf("the second answer differs:\n%s", d)
	}
	if w.box.writes != 1 {
		t.Errorf("%d writes for one key", w.box.writes)
	}
	c.Set = property.Values{"city": text("Jena")}
	_, err := w.engine.Apply(context.Background(), c)
	var f *fail.Error
	if !errors.As(err, &f) || f.Kind != fail.Invalid || f.Code != "key_reused" {
		t.Errorf("same key, other content: %v", err)
	}
	if w.box.value(anna, "city").Str() != "Ulm" {
		t.Error("the second content was written")
	}
}

func TestApply_BusyWaitsFiveSecondsThenSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := change.Entry{ID: "other", Change: set("o", anna, property.Values{"city": text("Ulm")}), Begun: w.clock.Now()}
	if _, _, err := w.journal.Begin(context.Background(), open); err != nil {
		t.Fatal(err)
	}
	start := w.clock.Now()
	_, err := w.engine.Apply(context.Background(), set("k", anna, property.Values{"city": text("Jena")}))
	var f *fail.Error
	if !errors.As(err, &f) || f.Kind != fail.Conflict || f.Code != "busy" {
		t.Fatalf("want busy, got %v", err)
	}
	if d := w.clock.Now().Sub(start); d < 5*time.Second || d > 6*time.Second {
		t.Errorf("waited %v, want about 5 s", d)
	}
	if w.box.reads+w.box.writes != 0 {
		t.Errorf("the directory was asked while the profile was busy")
	}
	// Another person is not held up.
	wantState(t, w.apply(set("b", ben, property.Values{"city": text("Jena")})), change.Applied)
	// When the other one ends in time, the save goes through.
	n := 0
	w.clock.onWait = func() {
		if n++; n == 3 {
			_ = w.journal.End(context.Background(), "other", change.Outcome{State: change.Failed})
		}
	}
	wantState(t, w.apply(set("k", anna, property.Values{"city": text("Jena")})), change.Applied)
}

func TestApply_SplitsByRuleAndReportsEachPart(t *testing.T) {
	t.Parallel()
	// S2.23, S2.24: https://learn.microsoft.com/graph/api/user-update
	alone := []property.Name{"aboutMe", "birthday", "interests", "mySite", "pastProjects", "responsibilities", "schools", "skills"}
	w := newWorld(t)
	v := property.Values{
		"jobTitle": text("Head nurse"), "city": text("Ulm"), "aboutMe": text("Hello"), "birthday": property.Instant(time.Date(1980, 2, 3, 0, 0, 0, 0, time.UTC)),
		"interests": property.List("Chess"), "mySite": text("https://example.com/a"), "pastProjects": property.List("A"),
		"responsibilities": property.List("B"), "schools": property.List("C"), "skills": property.List("D"),
	}
	for _, n := range alone {
		if d, ok := property.Catalog().Def(n); !ok || !d.Graph.Alone || !d.Graph.Delegated {
			t.Fatalf("the catalog does not say of %s that it goes alone with the person's own token", n)
		}
	}
	w.box.faults = []fault{fine, refused}
	o := w.apply(set("k", anna, v))
	wantState(t, o, change.Partly)
	if len(w.box.batches) != 9 {
		t.Fatalf("%d requests, want one for the application and eight alone", len(w.box.batches))
	}
	if d := cmp.Diff([]property.Name{"city", "jobTitle"}, w.box.batches[0].Names()); d != "" {
		t.Errorf("first request:\n%s", d)
	}
	if w.box.as[0].Delegated() {
		t.Error("S2.23: the application's part went with the person's token")
	}
	for i, n := range alone {
		if d := cmp.Diff([]property.Name{n}, w.box.batches[i+1].Names()); d != "" {
			t.Errorf("S2.24: request %d:\n%s", i+1, d)
		}
		if w.box.as[i+1] != directory.Own(self(anna).Session) {
			t.Errorf("S2.23: %s went with %v", n, w.box.as[i+1])
		}
	}
	if o.Parts[0].State != change.Applied || o.Parts[1].State != change.Refused || o.Parts[1].Problem == nil || o.Parts[2].State != change.Applied {
		t.Errorf("parts %+v", o.Parts)
	}
}

func TestApply_OwnTokenPropertiesAreOnlyForThePersonThemself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.Policy = open{} })
	c := set("k", ben, property.Values{"employeeHireDate": property.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))})
	c.By = directory.Actor{Kind: directory.PersonActor, Ref: anna, Session: "s", Roles: []directory.Role{directory.Admin}}
	o := w.apply(c)
	wantState(t, o, change.Refused)
	if o.Problem.Fields[0].Field != "employeeHireDate" || w.box.writes != 0 {
		t.Errorf("%+v, %d writes", o.Problem, w.box.writes)
	}
}

// open lets everybody do everything.
type open struct{}

func (open) MayJoin(directory.Actor, directory.Group) []fail.Problem { return nil }

func (open) Needs() []property.Name { return nil }
func (open) May(_ context.Context, _ directory.Actor, _ change.Action, _ directory.User, s property.Values) (property.Values, []fail.Problem) {
	return s, nil
}

func TestApply_DelegatedOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *change.Config) { c.DelegatedOnly = true })
	o := w.apply(set("a", anna, property.Values{"mobilePhone": text("+49 30 1234567")}))
	wantState(t, o, change.Applied)
	if w.box.as[0] != directory.Own(self(anna).Session) {
		t.Errorf("went with %v", w.box.as[0])
	}
	o = w.apply(set("b", anna, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Refused)
	if o.Problem.Kind != fail.Denied || len(w.box.batches) != 1 {
		t.Errorf("%v", o.Problem)
	}
	o = w.apply(change.Change{Key: "c", On: anna, Do: change.Photo, Photo: picture(1, 90), By: self(anna)})
	wantState(t, o, change.Applied)
	if w.box.as[1] != directory.Own(self(anna).Session) {
		t.Errorf("the picture went with %v", w.box.as[1])
	}
}

func TestApply_SyncedPeopleAreToldBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.box.users[anna]
	u.Sync = directory.Synced
	w.box.users[anna] = u
	o := w.apply(set("k", anna, property.Values{"jobTitle": text("Head nurse")}))
	wantState(t, o, change.Refused)
	if o.Problem.Kind != fail.Denied || o.Problem.Fields[0].Field != "jobTitle" || w.box.writes != 0 {
		t.Errorf("%v", o.Problem)
	}
	for _, name := range []string{"manager", "password"} {
		o := w.apply(on(deeds[name], name))
		wantState(t, o, change.Refused)
		if o.Problem.Kind != fail.Denied || w.box.sent() != 0 {
			t.Errorf("%s: %v", name, o.Problem)
		}
	}
}

func TestF24_SensitivePartOfAnAdministratorFailsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.box.users[anna]
	u.Roles = []string{"729827e3-9c14-49f7-bb1b-9608f156bbb8"}
	w.box.users[anna] = u
	w.box.faults = []fault{fine, refused}
	o := w.apply(set("k", anna, property.Values{"city": text("Ulm"), "mobilePhone": text("+49 30 1234567")}))
	wantState(t, o, change.Partly)
	if w.box.value(anna, "city").Str() != "Ulm" {
		t.Error("the refused phone took the city with it")
	}
}

func TestApply_EmployeeOrgDataIsSentWhole(t *testing.T) {
	t.Parallel()
	// S2.P18: an omitted half becomes null.
	w := newWorld(t)
	w.box.rival(anna, property.Values{"employeeOrgData/division": text("North"), "employeeOrgData/costCenter": text("1200")})
	o := w.apply(set("k", anna, property.Values{"employeeOrgData/costCenter": text("1300")}))
	wantState(t, o, change.Applied)
	want := []property.Values{{"employeeOrgData/division": text("North"), "employeeOrgData/costCenter": text("1300")}}
	if d := cmp.Diff(want, w.box.batches); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]property.Name{"employeeOrgData/costCenter"}, o.Parts[0].Names); d != "" {
		t.Errorf("reported (-want +got):\n%s", d)
	}
	if w.box.reads != 1 {
		t.Errorf("%d reads, want 1", w.box.reads)
	}
}

func TestApply_TargetThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := directory.Ref{Tenant: tenant, ID: "99999999-9999-4999-8999-999999999999"}
	o := w.apply(set("k", gone, property.Values{"city": text("Ulm")}))
	wantState(t, o, change.Refused)
	if o.Problem.Kind != fail.NotFound || w.box.writes != 0 {
		t.Errorf("A24: %v", o.Problem)
	}
}

func TestApply_WhatCannotBeReadIsNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Reader = halfBlind{w.box, "aboutMe"}
	w.engine = change.New(w.cfg)
	o := w.apply(set("k", anna, property.Values{"aboutMe": text("Hello"), "city": text("Ulm")}))
	wantState(t, o, change.Refused)
	if len(o.Problem.Fields) != 1 || o.Problem.Fields[0].Field != "aboutMe" || w.box.writes != 0 {
		t.Errorf("%+v, %d writes", o.Problem, w.box.writes)
	}
	wantState(t, w.apply(set("k2", anna, property.Values{"city": text("Ulm")})), change.Applied)
}

// halfBlind cannot read one property.
type halfBlind struct {
	*tenantBox
	not property.Name
}

func (h halfBlind) User(ctx context.Context, as directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	u, err := h.tenantBox.User(ctx, as, on, ask)
	if _, asked := u.Values[h.not]; asked {
		delete(u.Values, h.not)
		u.Missing = append(u.Missing, directory.Missing{What: string(h.not), Err: fail.New(fail.Unsupported, "box.read", fail.T("This person has no personal site."))})
	}
	return u, err
}
