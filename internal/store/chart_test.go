package store_test

import (
	"fmt"
	"strings"
	"testing"

	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// The organization chart of: Ada over Bo and Cy, Bo over Di and Ed; Flo and Gus over each other, Hal over himself; Ivy's manager is gone,
// Jan's was never there; Kim has neither manager nor reports.
func TestChart(t *testing.T) {
	t.Parallel()
	managers := map[string]string{
		"ada": "", "bo": "ada", "cy": "ada", "di": "bo", "ed": "bo", "flo": "gus", "gus": "flo", "hal": "hal", "ivy": "gone", "jan": "nowhere", "kim": "", "gone": "ada", "mo": "flo",
	}
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &storetest.Clock{}
			s := open(t, c.Now)
			m := mirror.New(mirror.Config{Store: s.Mirror(), Now: c.Now})
			if _, err := m.Chart(t.Context(), tenant, "", 9); !fail.Is(err, fail.Unavailable) {
				t.Errorf("without a copy: %v", err)
			}
			for _, of := range []string{tenant, "another"} {
				commit := mirror.Commit{State: mirror.State{Whole: c.Now(), Indexed: 1}}
				for id, manager := range managers {
					p := mirror.Person{ID: id, UPN: id + "@contoso.example", Name: strings.ToUpper(id[:1]) + id[1:], Doc: []byte(`{}`), Manager: &manager}
					if id == "gone" {
						p.Gone = mirror.Deleted
					}
					commit.People = append(commit.People, p)
				}
				if _, err := s.Mirror().Commit(t.Context(), of, commit); err != nil {
					t.Fatal(err)
				}
			}
			chart := func(id string, most int) string {
				c, err := m.Chart(t.Context(), tenant, id, most)
				if err != nil {
					return err.Error()
				}
				bosses := func(l []mirror.Boss) string {
					var out []string
					for _, b := range l {
						out = append(out, fmt.Sprint(b.ID, b.Reports))
					}
					return strings.Join(out, " ")
				}
				of := ""
				if c.Person != nil {
					of = bosses([]mirror.Boss{*c.Person})
				}
				return fmt.Sprintf("%s / %s / %s circle=%v lost=%v alone=%d", bosses(c.Above), of, bosses(c.Reports), c.Circle, c.Lost, c.Alone)
			}
			for id, want := range map[string]string{
				"":    " /  / ada2 circle=false lost=false alone=1",
				"ada": " / ada2 / bo2 cy0 circle=false lost=false alone=0",
				"ed":  "ada2 bo2 / ed0 /  circle=false lost=false alone=0",
				"gus": "flo2 / gus1 / flo2 circle=true lost=false alone=0",
				"mo":  "gus1 flo2 / mo0 /  circle=true lost=false alone=0",
				"hal": " / hal1 / hal1 circle=true lost=false alone=0",
				"ivy": " / ivy0 /  circle=false lost=true alone=0",
				"jan": " / jan0 /  circle=false lost=true alone=0",
			} {
				if got := chart(id, 9); got != want {
					t.Errorf("%q: %s, want %s", id, got, want)
				}
			}
			if got := chart("ada", 1); got != " / ada2 / bo2 circle=false lost=false alone=0" {
				t.Errorf("one at most: %s", got)
			}
			for _, id := range []string{"gone", "nobody"} {
				if _, err := m.Chart(t.Context(), tenant, id, 9); !fail.Is(err, fail.NotFound) {
					t.Errorf("%s: %v", id, err)
				}
			}
			a, _, err := m.Astray(t.Context(), tenant)
			names := func(l []mirror.Person) string {
				var out []string
				for _, p := range l {
					out = append(out, p.Name)
				}
				return strings.Join(out, " ")
			}
			if err != nil || len(a.Circles) != 2 || names(a.Circles[0]) != "Flo Gus" || names(a.Circles[1]) != "Hal" || names(a.Lost) != "Ivy Jan" {
				t.Errorf("astray: %v %+v", err, a)
			}
		})
	}
}
