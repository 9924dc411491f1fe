package admin_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// whole gives everybody, and remembers by what they were looked for.
type whole struct{ by []string }

func (w *whole) Find(_ context.Context, _, _ string, by []string, _ int) (mirror.Found, error) {
	w.by = by
	return mirror.Found{People: []mirror.Person{{
		ID: id(1), UPN: "anna@contoso.example", Name: "anna",
		Doc: []byte(`{"accountEnabled":true,"department":"Sales","displayName":"anna","jobTitle":"Clerk","mobilePhone":"+49 30 1","onPremisesLastSyncDateTime":"2020-01-01T00:00:00Z","userPrincipalName":"anna@contoso.example","userType":"Guest"}`),
	}}}, nil
}

// A23: nobody is found by a word of what is hidden from the reader, and what is found shows nothing that is.
func TestA23_AFindTellsNothingHidden(t *testing.T) {
	t.Parallel()
	plain, _, _ := strings.Cut(rules, "rules:")
	some := []string{"displayName", "userPrincipalName", "mail", "jobTitle", "department"}
	for _, c := range []struct {
		role  directory.Role
		rules string
		want  []string
		phone bool
	}{
		{directory.Admin, plain, append(slices.Clone(some), "mobilePhone"), true},
		{directory.Auditor, plain, some, false},
		{directory.Admin, plain + "rules:\n  - when: department eq 'Board'\n    properties: {mobilePhone: {view: [self]}, mail: {view: [self]}}\n", []string{"displayName", "userPrincipalName", "jobTitle", "department"}, true},
	} {
		d := newDeskWith(t, c.rules)
		w := &whole{}
		d.Copy = w
		got, err := d.Search(t.Context(), holder(c.role), tenant, "anna", []property.Name{"mobilePhone", "department"}, 5)
		if err != nil || len(got.People) != 1 || !slices.Equal(w.by, c.want) {
			t.Fatalf("%v: looked for by %q, want %q: %+v", err, w.by, c.want, got)
		}
		u := got.People[0]
		if _, seen := u.Values["mobilePhone"]; seen != c.phone || u.Values["department"].Str() != "Sales" || !u.Guest || u.Sync != directory.OnceSynced || !u.Enabled {
			t.Errorf("found: %+v", u)
		}
		if _, err := d.Search(t.Context(), holder(), tenant, "anna", nil, 5); !fail.Is(err, fail.Denied) {
			t.Errorf("without a role: %v", err)
		}
	}
}

func (w *whole) Chart(context.Context, string, string, int) (mirror.Chart, error) {
	f, err := w.Find(context.Background(), "", "", nil, 0)
	b := mirror.Boss{Person: f.People[0], Reports: 1}
	return mirror.Chart{Person: &b, Above: []mirror.Boss{b}, Reports: []mirror.Boss{b}}, err
}

func (w *whole) Astray(context.Context, string) (mirror.Astray, time.Time, error) {
	f, err := w.Find(context.Background(), "", "", nil, 0)
	return mirror.Astray{Circles: [][]mirror.Person{f.People}, Lost: f.People}, time.Time{}, err
}

var _ admin.Copy = (*whole)(nil)

// A23: a chart tells no more of people than a list does.
func TestA23_AChartTellsNothingHidden(t *testing.T) {
	t.Parallel()
	plain, _, _ := strings.Cut(rules, "rules:")
	d := newDeskWith(t, strings.Replace(plain, "  jobTitle: {view: [self, Nameplate.Admin, Nameplate.Editor, Nameplate.Auditor]", "  jobTitle: {view: [self, Nameplate.Admin]", 1))
	d.Copy = &whole{}
	for role, want := range map[directory.Role]string{directory.Admin: "Clerk", directory.Auditor: ""} {
		c, err := d.Chart(t.Context(), holder(role), tenant, id(1), 5)
		if err != nil {
			t.Fatal(err)
		}
		a, err := d.Astray(t.Context(), holder(role), tenant)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []directory.Person{c.Person.Person, c.Above[0].Person, c.Reports[0].Person, a.Lost[0], a.Circles[0][0]} {
			if p.Name != "anna" || p.Title != want {
				t.Errorf("%s sees %+v", role, p)
			}
		}
	}
	if _, err := d.Chart(t.Context(), holder(), tenant, "", 5); !fail.Is(err, fail.Denied) {
		t.Errorf("a chart without a role: %v", err)
	}
	if _, err := d.Astray(t.Context(), holder(), tenant); !fail.Is(err, fail.Denied) {
		t.Errorf("who is astray, without a role: %v", err)
	}
}
