package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"nameplate/internal/mirror"
	"nameplate/internal/store/storetest"
)

// Who is found by what, on both engines: the words are typed here as somebody would type them.
func TestFind(t *testing.T) {
	t.Parallel()
	people := map[string]string{ // display name: the rest of what is known
		"Anna Müller":          `"mail":"anna.mueller@contoso.example","jobTitle":"Head of Sales","mobilePhone":"+49 30 5550123"`,
		"Annabel Lee":          `"department":"Research & Development"`,
		"Jo Annan":             `"businessPhones":["(0431) 88-12","+1 (425) 555-0100"]`,
		"Łukasz Żółć":          `"surname":"Żółć"`,
		"Søren Ødegård":        `"givenName":"Søren"`,
		"Groß, Heinz":          `"officeLocation":"18/2111"`,
		"李小龍":                  `"jobTitle":"工程師"`,
		"김민수":                  `"department":"Anna wing"`,
		"محمد الفاتح":          `"employeeId":"E-4711"`,
		"Zoë O'Brien":          `"jobTitle":"Cook"`,
		"Ünal İnce":            `"companyName":"Contoso"`,
		"' OR 1=1 --":          `"department":"x' UNION SELECT"`,
		"e\u0301mile \u202eZo": `"jobTitle":"\"quoted\""`,
	}
	all, names := mirror.Searched, []string{"displayName", "givenName", "surname"}
	cases := []struct {
		text string
		by   []string
		want string // names, in order
	}{
		{"ann", all, "Anna Müller|Annabel Lee|Jo Annan|김민수"},
		{"ANN", names, "Anna Müller|Annabel Lee|Jo Annan"},
		{"anna m", all, "Anna Müller"},
		{"muller an", all, "Anna Müller"},
		{"Mueller", all, "Anna Müller"},
		{"müller", all, "Anna Müller"},
		{"mu\u0308ller", all, "Anna Müller"},
		{"lukasz zolc", all, "Łukasz Żółć"},
		{"soren odegard", all, "Søren Ødegård"},
		{"gross", all, "Groß, Heinz"},
		{"GROSS heinz", all, "Groß, Heinz"},
		{"小龍", all, "李小龍"},
		{"李", all, "李小龍"},
		{"工程", all, "李小龍"},
		{"工程", []string{"displayName", "mobilePhone"}, ""},
		{"민수", all, "김민수"},
		{"الفا", all, "محمد الفاتح"},
		{"محمد", all, "محمد الفاتح"},
		{"4711", all, "محمد الفاتح"},
		{"obrien", all, ""}, // an apostrophe parts words
		{"o'brien", all, "Zoë O'Brien"},
		{"zoe brien", all, "Zoë O'Brien"},
		{"unal", all, "Ünal İnce"},
		{"ince", all, "Ünal İnce"},
		{"emile", all, "e\u0301mile \u202eZo"},
		{"quoted", all, "e\u0301mile \u202eZo"},
		{"030 5550123", all, "Anna Müller"},
		{"+49 30 555", all, "Anna Müller"},
		{"555-01", all, "Anna Müller|Jo Annan"},
		{"0049 30", all, "Anna Müller"},
		{"5550123", names, ""},
		{"0431 88", all, "Jo Annan"},
		{"(425) 555-0100", all, "Jo Annan"},
		{"anna.mueller@contoso", all, "Anna Müller"},
		{"head sales", all, "Anna Müller"},
		{"head sales", []string{"displayName", "userPrincipalName", "mail"}, ""},
		{"research development", all, "Annabel Lee"},
		{"18/2111", all, "Groß, Heinz"},
		{"' or 1=1", all, "' OR 1=1 --"},
		{`" OR words:x`, all, ""},
		{`an* | !lee`, all, "Annabel Lee"},
		{"' & 'x:*", all, "' OR 1=1 --"},
		{"", all, ""},
		{"  \u200b\x00 ", all, ""},
		{"***", all, ""},
		{strings.Repeat("anna ", 400), all, "Anna Müller|Annabel Lee|Jo Annan|김민수"},
		{strings.Repeat("x", 5000), all, ""},
		{"ann", nil, ""},
	}
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &storetest.Clock{}
			s := open(t, c.Now)
			m := mirror.New(mirror.Config{Store: s.Mirror(), Now: c.Now})
			for _, of := range []string{tenant, "another"} {
				commit := mirror.Commit{State: mirror.State{Whole: c.Now(), Indexed: 1}}
				for name, rest := range people {
					n := slices.Sorted(maps.Keys(people))
					commit.People = append(commit.People, mirror.Person{ID: fmt.Sprintf("%s-%d", of, slices.Index(n, name)), UPN: fmt.Sprintf("p%d@contoso.example", slices.Index(n, name)), Name: name, Doc: []byte("{" + rest + "}")})
				}
				if _, err := s.Mirror().Commit(t.Context(), of, commit); err != nil {
					t.Fatal(err)
				}
			}
			find := func(text string, by []string, top int) string {
				f, err := m.Find(t.Context(), tenant, text, by, top)
				if err != nil {
					t.Errorf("%q: %v", text, err)
				}
				var names []string
				for _, p := range f.People {
					if !strings.HasPrefix(p.ID, tenant) {
						t.Errorf("%q: somebody of another organization: %+v", text, p)
					}
					names = append(names, p.Name)
				}
				return strings.Join(names, "|")
			}
			for _, c := range cases {
				if got := find(c.text, c.by, 10); got != c.want {
					t.Errorf("%.60q by %q: %s, want %s", c.text, c.by, got, c.want)
				}
			}
			if got := find("ann", all, 2); got != "Anna Müller|Annabel Lee" {
				t.Errorf("two at most: %s", got)
			}
			// Who changes is found by what they are now, who is gone by nothing, who is back again.
			rows, err := s.Mirror().People(t.Context(), tenant, []string{tenant + "-" + fmt.Sprint(slices.Index(slices.Sorted(maps.Keys(people)), "Jo Annan"))})
			if err != nil || len(rows) != 1 {
				t.Fatal(rows, err)
			}
			for _, p := range rows {
				change := func(gone mirror.Gone, name string) {
					t.Helper()
					st, err := s.Mirror().State(t.Context(), tenant)
					if err != nil {
						t.Fatal(err)
					}
					p.Gone, p.Name = gone, name
					if _, err := s.Mirror().Commit(t.Context(), tenant, mirror.Commit{State: st, People: []mirror.Person{p}}); err != nil {
						t.Fatal(err)
					}
				}
				change("", "Jo Berg")
				if got := find("jo berg", all, 10) + ";" + find("jo annan", all, 10); got != "Jo Berg;" {
					t.Errorf("renamed: %s", got)
				}
				change(mirror.Deleted, "Jo Berg")
				if got := find("jo", all, 10) + find("0431", all, 10); got != "" {
					t.Errorf("gone and found: %s", got)
				}
				change("", "Jo Berg")
				if err := s.Mirror().IndexAnew(t.Context(), tenant); err != nil {
					t.Fatal(err)
				}
				if got := find("jo", all, 10) + ";" + find("0431", all, 10); got != "Jo Berg;Jo Berg" {
					t.Errorf("back: %s", got)
				}
			}
		})
	}
}
