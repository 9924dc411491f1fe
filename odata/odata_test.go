package odata_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"nameplate/odata"
)

func person(path string) (any, bool) {
	v, ok := map[string]any{
		"displayName":                "Zoë O'Brien",
		"department":                 "Sales",
		"city":                       nil,
		"accountEnabled":             true,
		"businessPhones":             []string{"+1 425 555 0109"},
		"otherMails":                 []string{},
		"createdDateTime":            time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		"employeeOrgData/costCenter": "4711",
		"assignedLicenses":           []any{map[string]any{"skuId": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "disabledPlans": []any{}}},
		"exact":                      odata.Exact("Baker"),
		"logins":                     7,
	}[path]
	return v, ok
}

// Examples from https://learn.microsoft.com/en-us/graph/filter-query-parameter and
// https://learn.microsoft.com/en-us/graph/aad-advanced-queries, against a person typed above.
func TestFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want bool
	}{
		{`department eq 'Sales'`, true},
		{`department eq 'sales'`, true},
		{`department ne 'Sales'`, false},
		{`city eq null`, true},
		{`city ne null`, false},
		{`city ne 'Rome'`, true},
		{`city gt 'A'`, false},
		{`displayName eq 'Zoë O''Brien'`, true},
		{`startsWith(displayName, 'zoë')`, true},
		{`startswith(displayName,'Brien')`, false},
		{`endsWith(displayName,'BRIEN')`, true},
		{`contains(displayName,'o''b')`, true},
		{`startsWith(city,'R')`, false},
		{`department in ('Retail', 'Sales')`, true},
		{`department in ('Retail')`, false},
		{`NOT(department eq 'Sales')`, false},
		{`not startsWith(displayName,'A')`, true},
		{`accountEnabled eq true and department eq 'Retail' or department eq 'Sales'`, true},
		{`department eq 'Sales' or department eq 'x' and accountEnabled eq false`, true},
		{`(department eq 'Sales' or department eq 'x') and accountEnabled eq false`, false},
		{`businessPhones/any(p:p eq '+1 425 555 0109')`, true},
		{`businessPhones/any(p:startsWith(p, '+44'))`, false},
		{`businessPhones/all(p:startsWith(p, '+1'))`, true},
		{`otherMails/any()`, false},
		{`otherMails/all(m:m eq 'x')`, true},
		{`otherMails/$count eq 0`, true},
		{`businessPhones/$count gt 1`, false},
		{`assignedLicenses/any(s:s/skuId eq cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46)`, true},
		{`assignedLicenses/any(s:s/disabledPlans/any())`, false},
		{`createdDateTime ge 2024-03-01T00:00:00Z`, true},
		{`createdDateTime lt 2024-03-01`, false},
		{`employeeOrgData/costCenter eq '4711'`, true},
		{`exact eq 'baker'`, false},
		{`exact eq 'Baker'`, true},
		{`logins gt 6.5`, true},
		{`logins eq 7`, true},
	} {
		e, err := odata.ParseFilter(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got, err := e.Match(person)
		if err != nil || got != c.want {
			t.Errorf("%s = %v, %v; want %v", c.in, got, err, c.want)
		}
		again, err := odata.ParseFilter(e.String())
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%s is printed as %s, which reads as %v, %v", c.in, e, again, err)
		}
	}
}

func TestFilterErrorsHavePositions(t *testing.T) {
	t.Parallel()
	for in, pos := range map[string]int{
		``:                                0,
		`department`:                      10,
		`department = 'Sales'`:            11,
		`department eq`:                   13,
		`department eq Sales`:             14,
		`department eq "Sales"`:           14,
		`department eq 'Sales`:            14,
		`department eq 'Sales' foo`:       22,
		`department eq 'a' and`:           21,
		`(department eq 'a'`:              18,
		`concat(a,'b') eq 'c'`:            0,
		`startsWith(displayName)`:         22,
		`startsWith(displayName,null)`:    23,
		`not department eq 'a'`:           4,
		`a in ()`:                         6,
		`a/any(and:a eq 1)`:               6,
		`a/all()`:                         6,
		`eq 'x'`:                          3,
		`createdDateTime ge 2024-13-01`:   19,
		`department eq 'a';$select=id`:    17,
		`department eq 'Sales' && x eq 1`: 22,
	} {
		_, err := odata.ParseFilter(in)
		var s *odata.SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: %v, want a syntax error", in, err)
		} else if s.Pos != pos {
			t.Errorf("%q: %v, want position %d", in, err, pos)
		}
	}
}

func TestMatchSaysWhatItCannot(t *testing.T) {
	t.Parallel()
	match := func(in string) error {
		e, err := odata.ParseFilter(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Match(person)
		return err
	}
	var unknown *odata.UnknownError
	if err := match(`shoeSize eq 1`); !errors.As(err, &unknown) || unknown.Path != "shoeSize" {
		t.Error(err)
	}
	var types *odata.TypeError
	for _, in := range []string{
		`accountEnabled eq 'true'`, `businessPhones eq 'x'`, `startsWith(accountEnabled,'t')`,
		`department/any(d:d eq 'x')`, `createdDateTime eq 'x'`, `department eq 1`,
	} {
		if err := match(in); !errors.As(err, &types) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	e, err := odata.ParseFilter(`(a eq 1 or startsWith(b/c,'x')) and not (d/any(v:v/e eq 'x' and v eq 'y')) and f/$count eq 0 and a ne 2`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.Names(), []string{"a", "b/c", "d", "f"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	sel, err := odata.ParseSelect("id, displayName,employeeOrgData/division,id")
	if err != nil || !reflect.DeepEqual(sel, []string{"id", "displayName", "employeeOrgData/division"}) {
		t.Error(sel, err)
	}
	for _, bad := range []string{"", "id,", ",id", "id displayName", "id,(x)"} {
		if _, err := odata.ParseSelect(bad); err == nil {
			t.Errorf("$select=%q was accepted", bad)
		}
	}
	by, err := odata.ParseOrderBy("displayName desc,userPrincipalName asc, id")
	if err != nil || !reflect.DeepEqual(by, []odata.Order{{"displayName", true}, {"userPrincipalName", false}, {"id", false}}) {
		t.Error(by, err)
	}
	if _, err := odata.ParseOrderBy("displayName down"); err == nil {
		t.Error("an unknown direction was accepted")
	}
	// https://learn.microsoft.com/en-us/graph/api/user-list-manager, example 2
	x, err := odata.ParseExpand("manager($levels=max;$select=id,displayName),directReports")
	if err != nil || len(x) != 2 || x[0].Name != "manager" || x[0].Levels != -1 || !reflect.DeepEqual(x[0].Select, []string{"id", "displayName"}) {
		t.Error(x, err)
	}
	if s := x[0].String(); s != "manager($select=id,displayName;$levels=max)" {
		t.Error(s)
	}
	for _, bad := range []string{"manager(", "manager($levels=0)", "manager($skip=1)", "manager($top=1;$top=2)", "manager()"} {
		if _, err := odata.ParseExpand(bad); err == nil {
			t.Errorf("$expand=%q was accepted", bad)
		}
	}
}

// https://learn.microsoft.com/en-us/graph/search-query-parameter#using-search-on-directory-object-collections
func TestSearch(t *testing.T) {
	t.Parallel()
	s, err := odata.ParseSearch(`"displayName:One Video" AND ("mail:a" OR "b")`)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); got != `"displayName:One Video" AND ("mail:a" OR "b")` {
		t.Error(got)
	}
	if got := s.Names(); !reflect.DeepEqual(got, []string{"displayName", "mail"}) {
		t.Error(got)
	}
	if s.Match(func(path, text string) bool { return path != "" }) != true {
		t.Error("AND of two true clauses is false")
	}
	if s.Match(func(path, text string) bool { return path == "displayName" }) != false {
		t.Error("AND with a false OR is true")
	}
	for _, bad := range []string{``, `ann`, `'displayName:ann'`, `"displayName:ann" and "x"`, `"displayName:"`, `":x"`, `"a" "b"`, `"a`} {
		if _, err := odata.ParseSearch(bad); err == nil {
			t.Errorf("$search=%s was accepted", bad)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`a eq 'b'`, `not (a in (1,null,true))`, `a/any(x:x/b ge 2024-01-01) or startsWith(c, 'd''e')`, `a/$count eq 0`, `a eq 1.5e3`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := odata.ParseFilter(s)
		if err != nil {
			return
		}
		again, err := odata.ParseFilter(e.String())
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", s, e, err)
		}
		if again.String() != e.String() {
			t.Fatalf("%q is printed as %q, then as %q", s, e, again)
		}
		_, _ = e.Match(func(string) (any, bool) { return "x", true })
		_, _ = e.Match(func(string) (any, bool) { return []string{"x"}, true })
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{`a,b/c`, `a desc,b`, `m($levels=max;$select=a;$expand=n($filter=a eq 1))`, `"a:b" AND ("c" OR "d")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, _ = odata.ParseSelect(s)
		_, _ = odata.ParseOrderBy(s)
		if xs, err := odata.ParseExpand(s); err == nil {
			for _, x := range xs {
				if again, err := odata.ParseExpand(x.String()); err != nil || again[0].String() != x.String() {
					t.Fatalf("%q is printed as %q: %v", s, x, err)
				}
			}
		}
		if x, err := odata.ParseSearch(s); err == nil {
			if again, err := odata.ParseSearch(x.String()); err != nil || again.String() != x.String() {
				t.Fatalf("%q is printed as %q: %v", s, x, err)
			}
		}
	})
}
